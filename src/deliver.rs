//! Bringing a report to the people it is for: the best channel that the token allows.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::config::ci::{self, Ci};
use crate::diff::{Diff, Side};
use crate::findings::standing::{NO_DETAILS, Shown, Standing, locate};
use crate::findings::{Finding, Judgement, Reason, Suppressed};
use crate::forge::{
    CheckRun, Conversation, Forge, ForgeError, LineComment, Own, PostedComment, PostedSummary, Review, ReviewOutcome,
};
use crate::marks::{self, Listed, State, fingerprint_of};
use crate::memory::Memory;
use crate::redact;
use crate::report::markdown;
use crate::report::{Channel, Delivery, Report, Status, actions, clean};
use crate::source::Change;
use crate::status::Conclusion;
use crate::text::fenced;

/// What is posted, and where.
pub struct Posting<'a> {
    /// The host.
    pub forge: &'a dyn Forge,
    /// The change as the host renders it, and what stands on the request already.
    pub change: &'a Change,
    /// Findings of earlier runs.
    pub standing: &'a [Standing],
    /// What was decided on them.
    pub judgement: &'a Judgement,
    /// What will have been reviewed, if this run is complete.
    pub memory: Option<&'a Memory>,
    /// Whether the review asks for changes.
    pub request_changes: bool,
    /// Whether something that stands asks for changes.
    pub is_blocked: bool,
    /// Whether the result is a check run, too, and whether findings reach `fail-on`.
    pub check_run: Option<bool>,
    /// Whether the reviews of this request stay paused.
    pub paused: bool,
    /// Hash of the report, where it was made elsewhere.
    pub published: Option<String>,
    /// The run's page.
    pub run_url: Option<String>,
    /// The run of GitHub Actions, for the channels below the request.
    pub actions: Option<&'a ci::GitHub>,
    /// Prints workflow commands.
    pub annotate: &'a dyn Fn(&str),
}

/// The request as it is just before it is written to.
struct Now<'a> {
    conversation: Cow<'a, Conversation>,
    /// What earlier runs and commands have left.
    state: State,
    /// The change whose lines can be commented on.
    diff: Cow<'a, Diff>,
    head_sha: String,
    /// Whether a finding cannot be seen on the request: its code is gone on a head that came during the review, or its
    /// thread could not be opened again.
    holds_back: bool,
    /// Whether somebody pushed during the review.
    has_moved: bool,
}

/// A finding that stands in the summary comment instead of on its lines.
#[derive(Clone, Copy)]
struct Unplaced<'a> {
    finding: &'a Finding,
    /// Whether a later run may put it on its lines.
    is_waiting: bool,
}

/// Posts a report on its request: one review with the line comments, and the one summary comment. Where the token may
/// not, it goes to annotations and the step summary. What is gone is marked as gone. Sets the report's `delivery`.
pub async fn post(report: &mut Report, posting: &Posting<'_>) {
    let before = &posting.change.conversation;
    if !before.knows_threads && !before.comments.is_empty() {
        let note = "GraphQL is closed to the token, so it cannot be seen which threads people have resolved";
        report.delivery.notes.push(note.to_owned());
    }
    if let Some(summary) = standing_summary(report, posting) {
        report.delivery.channel = Channel::Comment;
        report.delivery.url.clone_from(&summary.url);
        return;
    }
    let mut now = look_again(report, posting).await;
    let (on_lines, off_lines): (Vec<Finding>, Vec<Finding>) =
        report.findings.clone().into_iter().partition(|finding| {
            is_in_diff(finding, &now.diff) && !posting.change.without_patch.contains(&finding.path)
        });
    let mut is_waiting = false;
    let review = match review(posting, &now, &on_lines).await {
        Ok(outcome) => outcome,
        Err(err) => {
            report.delivery.notes.push(format!("no line comments: {}", posting.one_line(&err)));
            // a permission that is missing now will be missing then
            is_waiting = !matches!(err, ForgeError::Forbidden(_));
            let refused = (0..on_lines.len()).map(|index| (index, String::new())).collect();
            ReviewOutcome { refused, ..ReviewOutcome::default() }
        }
    };
    report.delivery.posted = review.posted;
    report.delivery.notes.extend(review.notes.iter().cloned());
    for (index, reason) in review.refused.iter().filter(|(_, reason)| !reason.is_empty()) {
        let place = format!("{}:{}", on_lines[*index].path, on_lines[*index].start_line);
        report.delivery.notes.push(format!("the host refused the comment on {place}: {}", reason.replace('\n', "; ")));
    }
    now.holds_back |= !tidy(report, posting, &now).await;
    let refused = review.refused.iter().map(|(index, _)| Unplaced { finding: &on_lines[*index], is_waiting });
    let off_lines = off_lines.iter().map(|finding| Unplaced { finding, is_waiting: false });
    let unplaced: Vec<Unplaced<'_>> = refused.chain(off_lines).collect();
    report.delivery.channel = if review.posted > 0 { Channel::Review } else { Channel::Comment };
    let check_run = check_run(report, posting, &now).await;
    let state = State { check_run, ..posting.state(report, &now, &unplaced) };
    match summary(report, posting, &now, &unplaced, state).await {
        Ok(url) => {
            report.delivery.url = url;
            if now.conversation.summary.is_none() {
                look_for_doubles(report, posting).await;
            }
        }
        Err(err) => {
            report.delivery.notes.push(format!("no summary comment: {}", posting.one_line(&err)));
            if review.posted == 0 || !unplaced.is_empty() {
                fall_back(report, posting);
            }
        }
    }
}

/// The summary comment, where all of this run's result stands on the request already.
fn standing_summary<'a>(report: &Report, posting: &Posting<'a>) -> Option<&'a PostedSummary> {
    let (judgement, conversation) = (posting.judgement, &posting.change.conversation);
    let writes_on_lines = !report.findings.is_empty() || !judgement.ended.is_empty() || !judgement.reopened.is_empty();
    let takes_back = posting.may_dismiss(report) && !conversation.blocking.is_empty();
    let state = posting.state(report, &as_it_was(report, posting), &[]);
    let before = &posting.change.state;
    // what is only there to save requests is worth none
    let (base, absent) = (before.base.clone(), before.absent.clone());
    let state = State { check_run: posting.wanted_check_run(report), base, absent, ..state };
    let is_double = !conversation.more_summaries.is_empty() || !doubles(conversation).is_empty();
    let is_settled = !writes_on_lines && !takes_back && !is_double && posting.change.state == state;
    conversation.summary.as_ref().filter(|_| is_settled)
}

/// The request as it was when this run began.
fn as_it_was<'a>(report: &Report, posting: &Posting<'a>) -> Now<'a> {
    let change = posting.change;
    Now {
        conversation: Cow::Borrowed(&change.conversation),
        state: change.state.clone(),
        diff: Cow::Borrowed(&change.diff),
        head_sha: report.change.head_sha.clone().unwrap_or_default(),
        holds_back: false,
        has_moved: false,
    }
}

/// Reads the request once more before it is written to: somebody may have pushed, answered, given a command, or posted
/// the same from another run in the meantime.
async fn look_again<'a>(report: &mut Report, posting: &Posting<'a>) -> Now<'a> {
    let (change, before) = (posting.change, as_it_was(report, posting));
    let (request, conversation) = match posting.forge.read().await {
        Ok(read) => read,
        Err(err) => {
            report.delivery.notes.push(format!("the request could not be read again: {}", posting.one_line(&err)));
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
    let now = Now { conversation: Cow::Owned(conversation), state, ..before };
    if request.head_sha == now.head_sha {
        return now;
    }
    match posting.forge.diff().await {
        Ok(diff) => {
            let holds_back = move_to(report, &redact::apply(diff.clone()).0, &request.head_sha);
            Now { diff: Cow::Owned(diff), head_sha: request.head_sha, holds_back, has_moved: true, ..now }
        }
        // the old head still takes comments, though they may be shown as outdated
        Err(_) => Now { has_moved: true, ..now },
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
fn move_to(report: &mut Report, diff: &Diff, head_sha: &str) -> bool {
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
    let held = match gone.len() {
        0 => String::new(),
        count => format!("; {} held back, whose code is gone there", crate::report::plural(count, "finding")),
    };
    report.delivery.notes.push(format!("the head moved to {head} during the review{held}"));
    let holds_back = !gone.is_empty();
    hold_back(report, gone, Reason::Unanchored);
    holds_back
}

fn hold_back(report: &mut Report, findings: Vec<Finding>, reason: Reason) {
    let suppressed = findings.into_iter().map(|finding| Suppressed::new(reason, finding));
    report.suppressed.extend(suppressed);
}

async fn review(posting: &Posting<'_>, now: &Now<'_>, findings: &[Finding]) -> Result<ReviewOutcome, ForgeError> {
    if findings.is_empty() {
        return Ok(ReviewOutcome::default());
    }
    let comment = |finding: &Finding| LineComment {
        path: finding.path.clone(),
        side: finding.side,
        start_line: finding.start_line,
        end_line: finding.end_line,
        body: markdown::comment(finding),
    };
    let review = Review {
        head_sha: now.head_sha.clone(),
        body: markdown::review_body,
        request_changes: posting.request_changes,
        comments: findings.iter().map(comment).collect(),
    };
    posting.forge.post_review(&review).await
}

/// Ends the threads of findings that are gone, opens those that are back, and takes back a review that blocks for nothing.
/// Whether all that is back is open again.
async fn tidy(report: &mut Report, posting: &Posting<'_>, now: &Now<'_>) -> bool {
    let of = |indices: &[usize]| -> Vec<&PostedComment> {
        let known = indices.iter().filter_map(|&index| match posting.standing[index].shown {
            Shown::OnLine(at) => posting.change.conversation.comments.get(at),
            _ => None,
        });
        // as it is now: a person may have answered
        known.filter_map(|known| now.conversation.comments.iter().find(|comment| comment.id == known.id)).collect()
    };
    let has_person = |comment: &&PostedComment| comment.replies.iter().any(|reply| !reply.is_bot);
    let untouched = |indices| of(indices).into_iter().filter(|comment| !has_person(comment)).collect::<Vec<_>>();
    remove_doubles(report, posting, &now.conversation).await;
    if now.has_moved {
        // the run for the new head knows what is gone there
        return true;
    }
    let (ended, reopened) = (untouched(&posting.judgement.ended), untouched(&posting.judgement.reopened));
    end(report, posting, &ended).await;
    let is_open = reopen(report, posting, &reopened).await;
    if posting.may_dismiss(report) {
        for &review in &now.conversation.blocking {
            let message = "The findings that asked for changes are gone.";
            if let Err(err) = posting.forge.dismiss(review, message).await {
                let cause = posting.one_line(&err);
                let note = format!("the review that asks for changes could not be dismissed: {cause}");
                report.delivery.notes.push(note);
            }
        }
    }
    is_open
}

/// Reads the request once more after its summary was made: another run may have made one at the same time.
async fn look_for_doubles(report: &mut Report, posting: &Posting<'_>) {
    if let Ok((_, conversation)) = posting.forge.read().await {
        remove_doubles(report, posting, &conversation).await;
    }
}

/// Line comments of ours that say what an earlier one says, and that nobody has answered or ended.
fn doubles(conversation: &Conversation) -> Vec<u64> {
    let mut comments: Vec<&PostedComment> = conversation.comments.iter().collect();
    comments.sort_by_key(|comment| comment.id);
    let mut seen = HashSet::new();
    let is_double = |comment: &&PostedComment| {
        let is_first = fingerprint_of(&comment.body).is_none_or(|id| seen.insert(id.to_owned()));
        !is_first && comment.resolved.is_none() && comment.replies.is_empty()
    };
    comments.into_iter().filter(is_double).map(|comment| comment.id).collect()
}

/// Takes away what two runs at the same time have posted twice: the earlier one of each stays.
async fn remove_doubles(report: &mut Report, posting: &Posting<'_>, conversation: &Conversation) {
    let lines = doubles(conversation).into_iter().map(Own::OnLine);
    for own in lines.chain(conversation.more_summaries.iter().copied().map(Own::OnRequest)) {
        if let Err(err) = posting.forge.remove(own).await {
            report
                .delivery
                .notes
                .push(format!("a comment that stands twice could not be removed: {}", posting.one_line(&err)));
        }
    }
}

/// Marks threads as resolved; where the token may not, the comment itself says that it is outdated.
async fn end(report: &mut Report, posting: &Posting<'_>, comments: &[&PostedComment]) {
    let open: Vec<&&PostedComment> = comments.iter().filter(|comment| comment.resolved.is_none()).collect();
    let threads: Vec<String> = open.iter().filter_map(|comment| comment.thread.clone()).collect();
    let mut results = posting.forge.resolve(&threads, true).await.into_iter();
    for comment in open {
        let resolved = comment.thread.as_ref().and_then(|_| results.next());
        // where a person may have resolved it, too, the comment tells
        if resolved.is_some_and(|result| result.is_ok()) && !comment.is_by_person {
            continue;
        }
        if let Err(err) = posting.forge.edit_comment(comment.id, &marks::outdated(&comment.body)).await {
            let note = format!("a comment could not be marked as outdated: {}", posting.one_line(&err));
            report.delivery.notes.push(note);
        }
    }
}

/// Undoes what [`end`] did. Whether it could.
async fn reopen(report: &mut Report, posting: &Posting<'_>, comments: &[&PostedComment]) -> bool {
    let resolved = comments.iter().filter(|comment| comment.resolved.is_some());
    let threads: Vec<String> = resolved.filter_map(|comment| comment.thread.clone()).collect();
    let mut results = posting.forge.resolve(&threads, false).await;
    for comment in comments {
        if let Some(body) = marks::restored(&comment.body) {
            results.push(posting.forge.edit_comment(comment.id, body).await);
        }
    }
    let is_open = results.iter().all(Result::is_ok);
    for err in results.into_iter().filter_map(Result::err) {
        let note = format!("a finding is back, but its thread stays closed: {}", posting.one_line(&err));
        report.delivery.notes.push(note);
    }
    is_open
}

async fn summary(
    report: &Report,
    posting: &Posting<'_>,
    now: &Now<'_>,
    unplaced: &[Unplaced<'_>],
    state: State,
) -> Result<Option<String>, ForgeError> {
    let existing = now.conversation.summary.as_ref();
    let later = existing.filter(|_| now.has_moved && now.state.head.as_ref() == Some(&now.head_sha));
    let body = match later {
        // it tells of a later head already: only what was spent and posted is added
        Some(summary) => {
            let mut fingerprints = state.fingerprints;
            fingerprints.extend(now.state.fingerprints.iter().cloned());
            fingerprints.sort();
            fingerprints.dedup();
            let state = State { fingerprints, cost_usd: state.cost_usd, ..now.state.clone() };
            markdown::with_state(Some(&summary.body), &state)
        }
        None => {
            let before = posting.stays_in_summary().map(|standing| &standing.finding);
            let all: Vec<&Finding> = unplaced.iter().map(|unplaced| unplaced.finding).chain(before).collect();
            markdown::summary(report, &all, &state, posting.run_url.as_deref())
        }
    };
    posting.forge.put_comment(existing.map(|summary| summary.id), &body).await
}

/// Puts the check run on the head. How it ended, for the state.
async fn check_run(report: &mut Report, posting: &Posting<'_>, now: &Now<'_>) -> Option<String> {
    let Some(is_gated) = posting.check_run else { return now.state.check_run.clone() };
    let run = CheckRun {
        head_sha: now.head_sha.clone(),
        conclusion: conclusion(report, is_gated),
        title: report.headline(),
        summary: markdown::step_summary(report),
        annotations: report.standing().map(actions::check_annotation).collect(),
    };
    match posting.forge.check_run(&run).await {
        Ok(()) => Some(run.conclusion.to_owned()),
        Err(err) => {
            report.delivery.notes.push(format!("no check run: {}", posting.one_line(&err)));
            // a permission that is missing now will be missing then: the same head is not written to for that
            matches!(err, ForgeError::Forbidden(_)).then(|| run.conclusion.to_owned())
        }
    }
}

/// The host's word for how a check run ends.
fn conclusion(report: &Report, is_gated: bool) -> &'static str {
    match report.status {
        _ if is_gated => "failure",
        Status::Incomplete => "neutral",
        _ => "success",
    }
}

/// Dollars that earlier runs spent on a request: 0 where there was none, `None` where one of them is not known.
pub fn earlier_cost(change: &Change) -> Option<f64> {
    cost_in(&change.state, &change.conversation)
}

fn cost_in(state: &State, conversation: &Conversation) -> Option<f64> {
    // without a state that can be read nothing was spent that anyone knows of
    let is_known = conversation.summary.as_ref().is_some_and(|summary| State::read(&summary.body).is_some());
    if is_known { state.cost_usd.filter(|usd| usd.is_finite() && *usd >= 0.0) } else { Some(0.0) }
}

/// What can be seen of a run where nothing can be posted.
fn fall_back(report: &mut Report, posting: &Posting<'_>) {
    // what the review took is the better channel, though it has not all
    let is_on_request = report.delivery.posted > 0;
    let Some(actions) = posting.actions else {
        report.delivery.channel = if is_on_request { Channel::Review } else { Channel::None };
        return;
    };
    (posting.annotate)(&actions::annotations(report));
    report.delivery.channel = if is_on_request { Channel::Review } else { Channel::Annotations };
    if actions.step_summary_path.is_some() {
        report.delivery.notes.push("the result is in the annotations and the summary of this run".to_owned());
    }
}

/// Hosts take comments on the lines of the diff only, and a range only inside one hunk.
fn is_in_diff(finding: &Finding, diff: &Diff) -> bool {
    // a file whose type changed stands twice
    let hunks = diff.files.iter().filter(|file| file.path().as_str() == finding.path).flat_map(|file| file.hunks());
    hunks.into_iter().any(|hunk| {
        let has = |number: u32| {
            hunk.lines.iter().any(|line| {
                let is_shown = finding.side == Side::Right || line.is_change();
                is_shown && line.is_on(finding.side) && line.number_on(finding.side) == number
            })
        };
        has(finding.start_line) && has(finding.end_line)
    })
}

impl Posting<'_> {
    /// An error as a note. For a fork its remedy, another permission, would be none.
    fn one_line(&self, err: &ForgeError) -> String {
        let text = err.to_string();
        let is_fork = self.change.request.as_ref().is_some_and(|request| request.is_fork);
        match (err, text.split_once('\n')) {
            (ForgeError::Forbidden(_), Some((cause, _))) if is_fork => {
                format!("{cause}; runs for forks may not write: `prudence init --forks` writes workflows for them")
            }
            _ => text.replace('\n', "; "),
        }
    }

    /// Earlier findings that were never on lines, and still stand.
    fn stays_in_summary(&self) -> impl Iterator<Item = &Standing> {
        let standing = self.judgement.standing.iter().map(|&index| &self.standing[index]);
        standing.filter(|standing| standing.shown == Shown::InSummary)
    }

    /// Whether a review that asks for changes may be taken back: nothing that was seen, and all was, asks for them.
    fn may_dismiss(&self, report: &Report) -> bool {
        !self.is_blocked && report.status != Status::Incomplete
    }

    /// How a check run on this head would end; as it was where none is wanted.
    fn wanted_check_run(&self, report: &Report) -> Option<String> {
        let wanted = self.check_run.map(|is_gated| conclusion(report, is_gated).to_owned());
        wanted.or_else(|| self.change.state.check_run.clone())
    }

    /// What the next run will find.
    fn state(&self, report: &Report, now: &Now<'_>, unplaced: &[Unplaced<'_>]) -> State {
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
        body: (finding.body != NO_DETAILS).then(|| finding.body.clone()),
    }
}

/// Writes the step's outputs and its summary, where the runner has files for them.
///
/// # Errors
/// A file cannot be written.
pub fn write_step_files(
    report: &Report,
    conclusion: Conclusion,
    actions: &ci::GitHub,
    output: Option<&Path>,
) -> Result<()> {
    if let Some(path) = &actions.output_path {
        let outputs = actions::outputs(report, conclusion, output.map(|path| path.display().to_string()).as_deref());
        append(path, &actions::output_lines(&outputs))?;
    }
    if let Some(path) = &actions.step_summary_path {
        append(path, &markdown::step_summary(report))?;
    }
    Ok(())
}

/// Tells those who look at the run's page why a run of Actions reviewed nothing: its log is a click away.
pub fn tell_of_failure(env: &dyn Fn(&str) -> Option<String>, message: &str) {
    let Some(Ci::GitHub(actions)) = Ci::detect(env) else { return };
    let _ = anstream::stderr().write_all(actions::failure(message).as_bytes());
    if let Some(path) = &actions.output_path {
        let failed = [("conclusion", Conclusion::Failed.as_str().to_owned())];
        let _ = append(path, &actions::output_lines(&failed));
    }
    if let Some(path) = &actions.step_summary_path {
        let text = format!("## ⚠️ Prudence reviewed nothing\n\n{}\n", fenced("text", &clean::terminal(message)));
        // the exit code and the log tell it, too
        let _ = append(path, &text);
    }
}

fn append(path: &Path, text: &str) -> Result<()> {
    let open = std::fs::OpenOptions::new().append(true).create(true).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// A delivery that went nowhere yet.
pub fn undelivered(notes: Vec<String>) -> Delivery {
    Delivery { channel: Channel::Stdout, posted: 0, url: None, notes }
}
