//! Carrying out what people command on a request, where it is no review.

use anyhow::Result;

use crate::console::Console;
use crate::forge::{By, Command, Conversation, Forge, PostedComment};
use crate::marks::{HELP_MARK, State, fingerprint_of, restored};
use crate::order::{self, Order};
use crate::report::markdown;
use crate::source::{Change, acknowledge, no_command, no_writer};
use crate::words::Words;

/// Carries out the commands that people wrote on the request since the last run, where the host starts no run for them.
/// The one that asks for a review comes back, if one does.
pub async fn hear(forge: &dyn Forge, change: &mut Change, words: &Words, console: &Console) -> Option<Order> {
    let is_new = |command: &&Command| Some(command.comment) > change.state.heard;
    let new: Vec<Command> = change.conversation.commands.iter().filter(is_new).cloned().collect();
    let (accepted, last) = of_writers(forge, &new, console).await;
    let given: Vec<Given<'_>> = accepted.iter().filter_map(|command| Given::by_note(command)).collect();
    let wanted = wanted_review(&given);
    if accepted.is_empty() {
        // a later state has it, too; nothing is written for the words of strangers
        change.state.heard = last.max(change.state.heard);
        return None;
    }
    if let Err(err) = carry_out(forge, &given, last, change.conversation.has_help, words).await {
        console.notice(format!("what people command holds for this run alone, for it could not be noted: {err:#}"));
        apply(&mut change.state, &change.conversation, &given);
        // the next run hears it again, and not all should be paid for each time
        return wanted.map(|_| Order::Review);
    }
    for command in accepted {
        acknowledge(forge, command, console).await;
    }
    match forge.read().await {
        Ok((_, conversation)) => change.renew(conversation),
        Err(_) => apply(&mut change.state, &change.conversation, &given),
    }
    wanted
}

/// The commands of people who may write to the repository, and the last comment that is decided on. Where the host does
/// not tell of one author, all that follows waits for the next run; so does what is more than it should be asked.
async fn of_writers<'a>(
    forge: &dyn Forge,
    commands: &'a [Command],
    console: &Console,
) -> (Vec<&'a Command>, Option<u64>) {
    /// People who are asked about at most in one run.
    const MOST: usize = 20;
    let mut known: Vec<(&str, bool)> = Vec::new();
    let (mut accepted, mut last) = (Vec::new(), None);
    for command in commands {
        let author = command.author.as_str();
        let may = match known.iter().find(|(known, _)| *known == author) {
            Some((_, may)) => *may,
            None if known.len() == MOST => break,
            None => match forge.is_writer(author).await {
                Ok(may) => {
                    known.push((author, may));
                    may
                }
                Err(err) => {
                    console.notice(format!("a command of `{author}` was not heard: {err}"));
                    break;
                }
            },
        };
        match (may, &command.order) {
            (false, _) => console.notice(no_writer(author)),
            (true, Err(words)) => console.notice(no_command(words)),
            (true, Ok(_)) => {}
        }
        accepted.extend(may.then_some(command));
        last = Some(command.comment);
    }
    (accepted, last)
}

/// A command, and what its author saw.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    order: Order,
    /// The note; `None` where it is carried out as soon as it was written.
    note: Option<&'a Command>,
}

impl<'a> Given<'a> {
    /// A command that started this run.
    pub fn now(order: Order) -> Given<'static> {
        Given { order, note: None }
    }

    fn by_note(note: &'a Command) -> Option<Given<'a>> {
        let order = *note.order.as_ref().ok()?;
        Some(Given { order, note: Some(note) })
    }
}

/// Who asks for a review after a pause wants one; who pauses after it does not.
fn wanted_review(given: &[Given<'_>]) -> Option<Order> {
    let orders = || given.iter().map(|given| given.order);
    let last = orders().rfind(|order| order.is_review() || *order == Order::Pause)?;
    let full = orders().find(|order| *order == Order::Full);
    last.is_review().then(|| full.unwrap_or(last))
}

/// Carries out commands in their order. `last` is the comment of the last one, where the next run would hear it again.
///
/// # Errors
/// The host did not take what they change.
pub async fn carry_out(
    forge: &dyn Forge,
    given: &[Given<'_>],
    last: Option<u64>,
    has_help: bool,
    words: &Words,
) -> Result<()> {
    let is_help = |given: &Given<'_>| given.order == Order::Help;
    if given.iter().any(is_help) && !has_help {
        forge.put_comment(None, &format!("{}\n\n{HELP_MARK}", order::help(words))).await?;
    }
    if last.is_none() && given.iter().all(is_help) {
        return Ok(());
    }
    remember(forge, words, |state, conversation| {
        apply(state, conversation, given);
        state.heard = last.max(state.heard);
    })
    .await
}

/// What commands change of the state.
fn apply(state: &mut State, conversation: &Conversation, given: &[Given<'_>]) {
    for given in given {
        match given.order {
            Order::Pause => state.paused = true,
            Order::Resume => state.paused = false,
            Order::Ignore => state.dismissed = all_that_stand(state, conversation, given.note),
            Order::Review | Order::Full | Order::Help => {}
        }
    }
}

/// Fingerprints of all findings that stand, and of those dismissed before. Of what came after a note its author knew
/// nothing.
fn all_that_stand(state: &State, conversation: &Conversation, note: Option<&Command>) -> Vec<String> {
    let has_ended = |comment: &PostedComment| comment.resolved == Some(By::Us) || restored(&comment.body).is_some();
    let is_seen = |comment: &PostedComment| note.is_none_or(|note| comment.id < note.comment);
    let comments = conversation.comments.iter().filter(|comment| !has_ended(comment) && is_seen(comment));
    let on_lines = comments.filter_map(|comment| fingerprint_of(&comment.body)).map(str::to_owned);
    let sees_list = note.is_none_or(|note| note.sees_summary);
    let listed = state.listed.iter().filter(|_| sees_list).map(|listed| listed.id.clone());
    let mut all: Vec<String> = on_lines.chain(listed).chain(state.dismissed.iter().cloned()).collect();
    all.sort();
    all.dedup();
    all
}

/// Changes the state in the summary comment, and leaves its text. Both are read just before, since a review may have
/// written them in the meantime.
async fn remember(forge: &dyn Forge, words: &Words, change: impl FnOnce(&mut State, &Conversation)) -> Result<()> {
    let (_, conversation) = forge.read().await?;
    let summary = conversation.summary.as_ref();
    // before the first review nothing was spent
    let unspent = State { cost_usd: Some(0.0), ..State::default() };
    let mut state = summary.and_then(|summary| State::read(&summary.body)).unwrap_or(unspent);
    change(&mut state, &conversation);
    let state = state.fitted();
    let body = markdown::with_state(summary.map(|summary| summary.body.as_str()), &state, words);
    if summary.is_none_or(|summary| summary.body != body) {
        forge.put_comment(summary.map(|summary| summary.id), &body).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_review_counts() {
        use Order::*;
        for (orders, expected) in [
            (&[Pause, Review][..], Some(Review)),
            (&[Review, Pause], None),
            (&[Full, Ignore, Review, Help], Some(Full)),
            (&[Resume], Some(Resume)),
            (&[Ignore, Help], None),
        ] {
            let given: Vec<Given<'_>> = orders.iter().copied().map(Given::now).collect();
            assert_eq!(wanted_review(&given), expected, "{orders:?}");
        }
    }

    #[test]
    fn what_came_after_a_note_is_not_dismissed_by_it() {
        let comment =
            |id: u64| PostedComment { id, body: crate::marks::of_finding(&id.to_string()), ..PostedComment::default() };
        let conversation = Conversation { comments: vec![comment(1), comment(5)], ..Conversation::default() };
        let state = State { dismissed: vec!["0".to_owned()], ..State::default() };
        let note = Command { comment: 3, author: "a".to_owned(), order: Ok(Order::Ignore), sees_summary: false };
        assert_eq!(all_that_stand(&state, &conversation, Some(&note)), ["0", "1"]);
        assert_eq!(all_that_stand(&state, &conversation, None), ["0", "1", "5"]);
    }
}
