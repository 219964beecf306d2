//! Carrying out what people command on a request, where it is no review.

use anyhow::Result;

use crate::console::Console;
use crate::forge::{By, Command, Conversation, Forge, PostedComment};
use crate::marks::{HELP_MARK, State, fingerprint_of, restored};
use crate::order::{self, Order};
use crate::report::markdown;
use crate::source::{Change, acknowledge, no_command, no_writer};

/// Carries out the commands that people wrote on the request since the last run, where the host starts no run for them.
/// `None` where nothing was carried out.
pub async fn hear(forge: &dyn Forge, change: &Change, console: &Console) -> Option<Heard> {
    /// Commands that are looked at, the last ones.
    const MOST: usize = 20;
    let is_new = |command: &&Command| Some(command.comment) > change.state.heard;
    let new: Vec<&Command> = change.conversation.commands.iter().filter(is_new).collect();
    let mut orders = Vec::new();
    for command in new.iter().skip(new.len().saturating_sub(MOST)) {
        match (forge.is_writer(&command.author).await, &command.order) {
            (Ok(true), Ok(order)) => {
                acknowledge(forge, command, console).await;
                orders.push(*order);
            }
            (Ok(true), Err(words)) => console.notice(&no_command(words)),
            (Ok(false), _) => console.notice(&no_writer(&command.author)),
            (Err(err), _) => console.notice(&format!("a command of `{}` was not heard: {err}", command.author)),
        }
    }
    if orders.is_empty() {
        return None;
    }
    let last = new.iter().map(|command| command.comment).max();
    if let Err(err) = carry_out(forge, &orders, last, change.conversation.has_help).await {
        console.notice(&format!("what people commanded on the request could not be carried out: {err:#}"));
        return None;
    }
    Some(Heard { review: wanted_review(&orders) })
}

/// What was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The command that asks for a review, if one does.
    pub review: Option<Order>,
}

/// Who asks for a review after a pause wants one; who pauses after it does not.
fn wanted_review(orders: &[Order]) -> Option<Order> {
    let last = orders.iter().rfind(|order| order.is_review() || **order == Order::Pause)?;
    let full = orders.iter().find(|order| **order == Order::Full);
    last.is_review().then(|| *full.unwrap_or(last))
}

/// Carries out commands in their order. `last` is the comment of the last one, where the next run would hear it again.
///
/// # Errors
/// The host did not take what they change.
pub async fn carry_out(forge: &dyn Forge, orders: &[Order], last: Option<u64>, has_help: bool) -> Result<()> {
    if orders.contains(&Order::Help) && !has_help {
        forge.put_comment(None, &format!("{}\n\n{HELP_MARK}", order::help())).await?;
    }
    if last.is_none() && orders == [Order::Help] {
        return Ok(());
    }
    remember(forge, |state, conversation| {
        for order in orders {
            match order {
                Order::Pause => state.paused = true,
                Order::Resume => state.paused = false,
                Order::Ignore => state.dismissed = all_that_stand(state, conversation),
                Order::Review | Order::Full | Order::Help => {}
            }
        }
        state.heard = last.or(state.heard);
    })
    .await
}

/// Fingerprints of all findings that stand, and of those dismissed before.
fn all_that_stand(state: &State, conversation: &Conversation) -> Vec<String> {
    let has_ended = |comment: &PostedComment| comment.resolved == Some(By::Us) || restored(&comment.body).is_some();
    let comments = conversation.comments.iter().filter(|comment| !has_ended(comment));
    let on_lines = comments.filter_map(|comment| fingerprint_of(&comment.body)).map(str::to_owned);
    let listed = state.listed.iter().map(|listed| listed.id.clone());
    let mut all: Vec<String> = on_lines.chain(listed).chain(state.dismissed.iter().cloned()).collect();
    all.sort();
    all.dedup();
    all
}

/// Changes the state in the summary comment, and leaves its text. Both are read just before, since a review may have
/// written them in the meantime.
async fn remember(forge: &dyn Forge, change: impl FnOnce(&mut State, &Conversation)) -> Result<()> {
    let (_, conversation) = forge.read().await?;
    let summary = conversation.summary.as_ref();
    // before the first review nothing was spent
    let unspent = State { cost_usd: Some(0.0), ..State::default() };
    let mut state = summary.and_then(|summary| State::read(&summary.body)).unwrap_or(unspent);
    change(&mut state, &conversation);
    let state = state.fitted();
    let body = markdown::with_state(summary.map(|summary| summary.body.as_str()), &state);
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
            assert_eq!(wanted_review(orders), expected, "{orders:?}");
        }
    }
}
