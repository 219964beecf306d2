//! The request just before it is written to: what happened to it during the review.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Posting;
use super::state::cost_in;
use crate::diff::Diff;
use crate::findings::standing::locate;
use crate::findings::{Finding, Reason, Suppressed};
use crate::forge::Conversation;
use crate::marks::{State, fingerprint_of};
use crate::redact;
use crate::report::Report;

/// The request as it is just before it is written to.
pub(super) struct Now<'a> {
    pub conversation: Cow<'a, Conversation>,
    /// What earlier runs and commands have left.
    pub state: State,
    /// The change whose lines can be commented on.
    pub diff: Cow<'a, Diff>,
    pub head_sha: String,
    /// Whether a finding cannot be seen on the request: its code is gone on a head that came during the review, or its
    /// thread could not be opened again.
    pub holds_back: bool,
    /// Whether somebody pushed during the review.
    pub has_moved: bool,
    seen_at: Instant,
}

/// The request as it was when this run began.
pub(super) fn as_it_was<'a>(report: &Report, posting: &Posting<'a>) -> Now<'a> {
    let change = posting.change;
    Now {
        conversation: Cow::Borrowed(&change.conversation),
        state: change.state.clone(),
        diff: Cow::Borrowed(&change.diff),
        head_sha: report.change.head_sha.clone().unwrap_or_default(),
        holds_back: false,
        has_moved: false,
        seen_at: Instant::now(),
    }
}

/// Reads the request once more before it is written to: somebody may have pushed, answered, given a command, or posted
/// the same from another run in the meantime.
pub(super) async fn look_again<'a>(report: &mut Report, posting: &Posting<'a>) -> Now<'a> {
    let (change, before) = (posting.change, as_it_was(report, posting));
    let (request, conversation) = match posting.forge.read().await {
        Ok(read) => read,
        Err(err) => {
            report.delivery.notes.push(posting.failed(|words| &words.not_read_again, &err));
            return before;
        }
    };
    drop_posted(report, &change.conversation, &conversation);
    let state = conversation.summary.as_ref().and_then(|summary| State::read(&summary.body));
    if let Some(other) = state.as_ref().filter(|state| **state != before.state) {
        // what another run spent in the meantime was spent, too
        let began = cost_in(&change.state, &change.conversation);
        let spent = other.cost_usd.zip(began).map(|(now, began)| now - began);
        report.cost.total_usd = report.cost.total_usd.zip(spent).map(|(total, spent)| total + spent);
    }
    let state = state.unwrap_or_else(|| before.state.clone());
    let now = Now { conversation: Cow::Owned(conversation), state, seen_at: Instant::now(), ..before };
    if request.head_sha == now.head_sha {
        return now;
    }
    match posting.forge.diff().await {
        Ok(diff) => {
            let holds_back = move_to(report, posting, &redact::apply(diff.clone()).0, &request.head_sha);
            Now { diff: Cow::Owned(diff), head_sha: request.head_sha, holds_back, has_moved: true, ..now }
        }
        // the old head still takes comments, though they may be shown as outdated
        Err(_) => Now { has_moved: true, ..now },
    }
}

/// Takes up what people commanded while this run was writing, before its summary takes the place of theirs.
pub(super) async fn hear_commands(posting: &Posting<'_>, now: &mut Now<'_>) {
    /// What is written in less is written before a person can have answered it.
    const MOMENT: Duration = Duration::from_secs(1);
    if now.conversation.summary.is_none() || now.seen_at.elapsed() < MOMENT {
        return;
    }
    // where it cannot be read, writing it is what tells
    let Ok((_, conversation)) = posting.forge.read().await else { return };
    if let Some(state) = conversation.summary.and_then(|summary| State::read(&summary.body)) {
        (now.state.paused, now.state.dismissed) = (state.paused, state.dismissed);
        now.state.heard = now.state.heard.max(state.heard);
    }
}

/// Takes out the findings that another run has posted since this one began.
fn drop_posted(report: &mut Report, before: &Conversation, now: &Conversation) {
    let ids = |conversation: &Conversation| -> Vec<String> {
        conversation.comments.iter().filter_map(|comment| fingerprint_of(&comment.body)).map(str::to_owned).collect()
    };
    let before = ids(before);
    let new: Vec<String> = ids(now).into_iter().filter(|id| !before.contains(id)).collect();
    let (posted, rest) = std::mem::take(&mut report.findings).into_iter().partition(|f: &Finding| new.contains(&f.id));
    report.findings = rest;
    hold_back(report, posted, Reason::AlreadyPosted);
}

/// Puts the findings on the lines where their code stands on a head that came during the review; what is gone there is
/// held back. Whether anything is.
fn move_to(report: &mut Report, posting: &Posting<'_>, diff: &Diff, head_sha: &str) -> bool {
    let mut gone = Vec::new();
    for mut finding in std::mem::take(&mut report.findings) {
        match locate(&finding, diff) {
            Some(found) => {
                (finding.start_line, finding.end_line) = found.lines;
                report.findings.push(finding);
            }
            None => gone.push(finding),
        }
    }
    let head: String = head_sha.chars().take(9).collect();
    let holds_back = !gone.is_empty();
    report.delivery.notes.push(posting.note(|words| {
        let moved = words.head_moved.with(&[("head", &head)]);
        if holds_back { format!("{moved}; {}", words.held_back.of(gone.len())) } else { moved }
    }));
    hold_back(report, gone, Reason::Unanchored);
    holds_back
}

fn hold_back(report: &mut Report, findings: Vec<Finding>, reason: Reason) {
    let suppressed = findings.into_iter().map(|finding| Suppressed::new(reason, finding));
    report.suppressed.extend(suppressed);
}
