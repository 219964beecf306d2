//! Doing what people write on a request, where it is no review.

use anyhow::Result;

use crate::forge::{By, Conversation, Forge, PostedComment};
use crate::marks::{HELP_MARK, State, fingerprint_of, restored};
use crate::order::{self, Order};
use crate::report::markdown;
use crate::setup::{Purpose, Setup};

/// Carries out a command that is no review; what was done, in words. `None` where there is a review to be made.
///
/// # Errors
/// The host took none of it.
pub async fn carry_out(setup: &Setup) -> Result<Option<String>> {
    let (Some(forge), Some(order)) = (setup.target.forge(), setup.order) else { return Ok(None) };
    if order.is_review() {
        return Ok(None);
    }
    if setup.purpose != Purpose::Deliver {
        return Ok(Some("nothing is written in a dry run".to_owned()));
    }
    let done = match order {
        Order::Help => {
            help(setup, forge).await?;
            "the commands are listed on the request"
        }
        Order::Pause => {
            remember(forge, |state, _| state.paused = true).await?;
            "reviews of this request are paused; `/prudence resume` goes on"
        }
        _ => {
            remember(forge, |state, conversation| state.dismissed = all_that_stand(state, conversation)).await?;
            "all findings that stand are dismissed"
        }
    };
    Ok(Some(done.to_owned()))
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

/// Lists the commands on the request, once.
async fn help(setup: &Setup, forge: &dyn Forge) -> Result<()> {
    if !setup.change.conversation.has_help {
        forge.put_comment(None, &format!("{}\n\n{HELP_MARK}", order::help())).await?;
    }
    Ok(())
}
