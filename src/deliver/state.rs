//! What a run leaves for the next one.

use super::now::{Now, as_it_was};
use super::{Posting, Unplaced, conclusion};
use crate::findings::standing::{Shown, Standing, no_details};
use crate::findings::{Finding, Reason};
use crate::forge::{Conversation, PostedSummary};
use crate::marks::{Listed, State, fingerprint_of};
use crate::report::{Report, Status};
use crate::source::Change;

/// The summary comment, where all of this run's result stands on the request already.
pub(super) fn standing_summary<'a>(report: &Report, posting: &Posting<'a>) -> Option<&'a PostedSummary> {
    let (judgement, conversation) = (posting.judgement, &posting.change.conversation);
    let writes_on_lines = !report.findings.is_empty() || !judgement.ended.is_empty() || !judgement.reopened.is_empty();
    let takes_back = posting.may_dismiss(report) && !conversation.blocking.is_empty();
    let state = posting.state(report, &as_it_was(report, posting), &[]);
    let before = &posting.change.state;
    // what is only there to save requests is worth none
    let (base, absent) = (before.base.clone(), before.absent.clone());
    let state = State { check_run: posting.wanted_check_run(report), base, absent, ..state };
    let is_double = !conversation.more_summaries.is_empty() || !conversation.doubles().is_empty();
    let is_settled = !writes_on_lines && !takes_back && !is_double && posting.change.state == state;
    conversation.summary.as_ref().filter(|_| is_settled)
}

/// Dollars that earlier runs spent on a request: 0 where there was none, `None` where one of them is not known.
pub fn earlier_cost(change: &Change) -> Option<f64> {
    cost_in(&change.state, &change.conversation)
}

pub(super) fn cost_in(state: &State, conversation: &Conversation) -> Option<f64> {
    // without a state that can be read nothing was spent that anyone knows of
    let is_known = conversation.summary.as_ref().is_some_and(|summary| State::read(&summary.body).is_some());
    if is_known { state.cost_usd.filter(|usd| usd.is_finite() && *usd >= 0.0) } else { Some(0.0) }
}

impl Posting<'_> {
    /// Earlier findings that were never on lines, and still stand.
    pub(super) fn stays_in_summary(&self) -> impl Iterator<Item = &Standing> {
        let standing = self.judgement.standing.iter().map(|&index| &self.standing[index]);
        standing.filter(|standing| standing.shown == Shown::InSummary)
    }

    /// Whether a review that asks for changes may be taken back: nothing that was seen, and all was, asks for them.
    pub(super) fn may_dismiss(&self, report: &Report) -> bool {
        !self.is_blocked && report.status != Status::Incomplete
    }

    /// How a check run on this head would end; as it was where none is wanted.
    pub(super) fn wanted_check_run(&self, report: &Report) -> Option<String> {
        let wanted = self.check_run.map(|is_gated| conclusion(report, is_gated).to_owned());
        wanted.or_else(|| self.change.state.check_run.clone())
    }

    /// What the next run will find.
    pub(super) fn state(&self, report: &Report, now: &Now<'_>, unplaced: &[Unplaced<'_>]) -> State {
        let (began, before) = (&self.change.state, &now.state);
        let is_complete = report.status != Status::Incomplete && !now.holds_back;
        let comments = now.conversation.comments.iter().filter_map(|comment| fingerprint_of(&comment.body));
        let mut fingerprints: Vec<String> = comments.map(str::to_owned).collect();
        fingerprints.extend(report.findings.iter().map(|finding| finding.id.clone()));
        fingerprints.extend(self.stays_in_summary().map(|standing| standing.finding.id.clone()));
        fingerprints.sort();
        fingerprints.dedup();
        let stays = self.stays_in_summary().map(|standing| Unplaced { finding: &standing.finding, is_waiting: false });
        let off_lines = unplaced.iter().copied().chain(stays);
        let over = report.suppressed.iter().filter(|suppressed| suppressed.reason == Reason::OverCommentLimit);
        let over = over.map(|suppressed| listed(&suppressed.finding, true));
        let mut all: Vec<Listed> =
            off_lines.map(|unplaced| listed(unplaced.finding, unplaced.is_waiting)).chain(over).collect();
        // in one order, or the same would be written again and again
        all.sort_by_cached_key(|l| {
            (l.is_waiting, std::cmp::Reverse(l.severity), l.path.clone(), l.lines, l.id.clone())
        });
        let state = State {
            head: report.change.head_sha.clone(),
            complete: is_complete,
            fingerprints,
            cost_usd: report.cost.total_usd,
            // a head that was reviewed in part is not counted as reviewed, and what is gone on it was never reviewed
            memory: match (self.memory, before.memory.as_ref()) {
                (Some(all), _) if is_complete => Some(all.clone()),
                (Some(all), Some(known)) => Some(known.still_in(all)),
                (_, known) => known.cloned(),
            },
            listed: all,
            dismissed: before.dismissed.clone(),
            // a command that came during the review is the later one
            paused: if before.paused == began.paused { self.paused } else { before.paused },
            heard: before.heard.max(began.heard),
            base: self.change.info.base_sha.clone(),
            absent: self.change.absent.borrow().clone(),
            standing: report.standing().count(),
            check_run: before.check_run.clone(),
            published: self.published.clone(),
        };
        state.fitted()
    }
}

fn listed(finding: &Finding, is_waiting: bool) -> Listed {
    Listed {
        id: finding.id.clone(),
        path: finding.path.clone(),
        side: finding.side,
        lines: (finding.start_line, finding.end_line),
        severity: finding.severity,
        category: finding.category,
        confidence: finding.confidence,
        title: finding.title.clone(),
        rule: finding.rule.clone(),
        is_waiting,
        body: (finding.body != no_details()).then(|| finding.body.clone()),
    }
}
