//! Bringing a report to the people it is for: the best channel that the token allows.

mod now;
mod state;
mod step;
mod threads;

use std::time::Duration;

use crate::config::ci::Ci;
use crate::diff::{Diff, Hunk, Line, Side};
use crate::findings::standing::Standing;
use crate::findings::{Finding, Judgement};
use crate::forge::{CheckRun, Forge, ForgeError, Host, LineComment, Refusal, Review, ReviewOutcome, Spot};
use crate::marks::State;
use crate::memory::Memory;
use crate::report::markdown;
use crate::report::{Channel, Delivery, Report, Status, actions};
use crate::severity::Severity;
use crate::source::Change;
use crate::stop::Stop;
use crate::words::{Note, Phrase, Words};
use now::{Now, hear_commands, look_again};
use state::standing_summary;
use threads::{look_for_doubles, tidy};

pub use state::earlier_cost;
pub use step::{tell_of_failure, write_shards, write_step_files};

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
    /// The severity from which a finding asks for changes; `None` where none does.
    pub blocks_from: Option<Severity>,
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
    /// The run's CI system, for the channels below the request.
    pub ci: Option<&'a Ci>,
    /// What is said in the team's language.
    pub words: &'static Words,
    /// Whether a Code Quality report is written, which GitLab shows beside the request.
    pub has_code_quality: bool,
    /// Prints workflow commands.
    pub annotate: &'a dyn Fn(&str),
}

/// A finding that stands in the summary comment instead of on its lines.
#[derive(Clone, Copy)]
struct Unplaced<'a> {
    finding: &'a Finding,
    /// Whether a later run may put it on its lines.
    is_waiting: bool,
}

/// How long a delivery that has begun may take after the run was stopped.
const GRACE: Duration = Duration::from_millis(1500);

/// As [`post`]; a run that was stopped posts nothing, and one that is stopped meanwhile may end what it has begun.
pub async fn post_unless(stop: &Stop, report: &mut Report, posting: &Posting<'_>) {
    let cut = async {
        let signal = stop.wait().await;
        tokio::time::sleep(GRACE).await;
        signal
    };
    let (signal, what) = match stop.requested() {
        Some(signal) => (signal, "nothing was posted"),
        None => tokio::select! {
            biased;
            () = post(report, posting) => return,
            signal = cut => (signal, "the delivery was cut short; the next run makes it whole"),
        },
    };
    report.delivery.channel = Channel::None;
    report.delivery.notes.push(format!("stopped by {signal}: {what}").into());
}

/// Posts a report on its request: one review with the line comments, and the one summary comment. Where the token may
/// not, it goes to annotations and the step summary. What is gone is marked as gone. Sets the report's `delivery`.
pub async fn post(report: &mut Report, posting: &Posting<'_>) {
    let before = &posting.change.conversation;
    if !before.knows_threads && !before.comments.is_empty() {
        report.delivery.notes.push(posting.note(|words| words.threads_unknown.to_string()));
    }
    if let Some(summary) = standing_summary(report, posting) {
        report.delivery.channel = Channel::Comment;
        report.delivery.url.clone_from(&summary.url);
        return;
    }
    let mut now = look_again(report, posting).await;
    let (on_lines, off_lines): (Vec<Finding>, Vec<Finding>) =
        report.findings.clone().into_iter().partition(|finding| {
            !posting.change.without_patch.contains(&finding.path) && comment(posting, finding, &now.diff).is_some()
        });
    let (review, is_waiting) = put_on_lines(report, posting, &now, &on_lines).await;
    // what is back and could not be said is still back for the next run
    let is_said = !is_waiting || posting.judgement.reopened.is_empty();
    now.holds_back |= !tidy(report, posting, &now, is_said).await;
    let refused = review.refused.iter();
    let refused = refused.map(|refusal| Unplaced { finding: &on_lines[refusal.index], is_waiting: !refusal.is_final });
    let off_lines = off_lines.iter().map(|finding| Unplaced { finding, is_waiting });
    let unplaced: Vec<Unplaced<'_>> = refused.chain(off_lines).collect();
    report.delivery.channel = if review.posted > 0 { Channel::Review } else { Channel::Comment };
    let check_run = check_run(report, posting, &now).await;
    hear_commands(posting, &mut now).await;
    let state = State { check_run, ..posting.state(report, &now, &unplaced) };
    match summary(report, posting, &now, &unplaced, state).await {
        Ok(url) => {
            report.delivery.url = url;
            if now.conversation.summary.is_none() {
                look_for_doubles(report, posting).await;
            }
        }
        Err(err) => {
            report.delivery.notes.push(posting.failed(|words| &words.no_summary, &err));
            if review.posted == 0 || !unplaced.is_empty() {
                fall_back(report, posting);
            }
        }
    }
}

/// Posts the review. What the host did not take comes back, and whether a later run may try it again.
async fn put_on_lines(
    report: &mut Report,
    posting: &Posting<'_>,
    now: &Now<'_>,
    findings: &[Finding],
) -> (ReviewOutcome, bool) {
    let outcome = match review(report, posting, now, findings).await {
        Ok(outcome) => outcome,
        Err(err) => {
            report.delivery.notes.push(posting.failed(|words| &words.no_line_comments, &err));
            let mut outcome = ReviewOutcome::default();
            outcome.refuse(0..findings.len(), &err);
            return (outcome, !matches!(err, ForgeError::Forbidden(_)));
        }
    };
    report.delivery.posted = outcome.posted;
    report.delivery.notes.extend(outcome.notes.iter().map(Note::from));
    for Refusal { index, reason, .. } in &outcome.refused {
        let place = format!("{}:{}", findings[*index].path, findings[*index].start_line);
        let error = reason.replace('\n', "; ");
        let told = |words: &Words| words.comment_not_posted.with(&[("place", &place), ("error", &error)]);
        report.delivery.notes.push(posting.note(told));
    }
    (outcome, false)
}

async fn review(
    report: &Report,
    posting: &Posting<'_>,
    now: &Now<'_>,
    findings: &[Finding],
) -> Result<ReviewOutcome, ForgeError> {
    let request_changes = posting.asks_for_changes(report);
    // what blocks without a line of its own, or is back on its old one, is said by the review itself
    let blocks_alone = request_changes && now.conversation.blocking.is_empty();
    if findings.is_empty() && !blocks_alone {
        return Ok(ReviewOutcome::default());
    }
    let review = Review {
        head_sha: now.head_sha.clone(),
        body: &|count| markdown::review_body(count, posting.words),
        request_changes,
        comments: findings.iter().filter_map(|finding| comment(posting, finding, &now.diff)).collect(),
    };
    posting.forge.post_review(&review).await
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
            // what this run could not put on lines is put there by the next one
            let mut listed = now.state.listed.clone();
            let is_posted = |id: &str| now.state.fingerprints.iter().any(|known| known == id);
            let is_listed = |id: &str| now.state.listed.iter().any(|known| known.id == id);
            listed.extend(state.listed.into_iter().filter(|one| !is_posted(&one.id) && !is_listed(&one.id)));
            let state = State { fingerprints, listed, cost_usd: state.cost_usd, ..now.state.clone() }.fitted();
            markdown::with_state(Some(&summary.body), &state, posting.words)
        }
        None => {
            let before = posting.stays_in_summary().map(|standing| &standing.finding);
            let all: Vec<&Finding> = unplaced.iter().map(|unplaced| unplaced.finding).chain(before).collect();
            markdown::summary(report, &all, &state, posting.run_url.as_deref(), posting.words)
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
        title: report.headline(posting.words),
        summary: markdown::check_summary(report, posting.words),
        annotations: report.standing().map(|finding| actions::check_annotation(finding, posting.words)).collect(),
    };
    match posting.forge.check_run(&run).await {
        Ok(()) => Some(run.conclusion.to_owned()),
        Err(err) => {
            report.delivery.notes.push(posting.failed(|words| &words.no_check_run, &err));
            // a permission that is missing now will be missing then: the same head is not written to for that
            matches!(err, ForgeError::Forbidden(_)).then(|| run.conclusion.to_owned())
        }
    }
}

/// Puts a check run on the head of a request that is not reviewed: a branch may require one.
pub async fn skipped_check_run(report: &mut Report, forge: &dyn Forge, words: &Words) {
    let run = CheckRun {
        head_sha: report.change.head_sha.clone().unwrap_or_default(),
        conclusion: "skipped",
        title: report.headline(words),
        summary: markdown::check_summary(report, words),
        annotations: Vec::new(),
    };
    if let Err(err) = forge.check_run(&run).await {
        let error = err.to_string().replace('\n', "; ");
        report.delivery.notes.push(Note::new(words, |words| words.no_check_run.with(&[("error", &error)])));
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

/// What can be seen of a run where nothing can be posted.
fn fall_back(report: &mut Report, posting: &Posting<'_>) {
    let (channel, place) = match posting.ci {
        Some(Ci::GitHub(actions)) => {
            (posting.annotate)(&actions::annotations(report, posting.words));
            let place = posting.note(|words| words.in_annotations.to_string());
            (Channel::Annotations, actions.step_summary_path.is_some().then_some(place))
        }
        Some(Ci::GitLab(_)) if posting.has_code_quality => {
            (Channel::Annotations, Some(posting.note(|words| words.in_code_quality.to_string())))
        }
        // standard output is the log
        Some(Ci::GitLab(_)) => (Channel::Stdout, Some(posting.note(|words| words.in_log.to_string()))),
        _ => (Channel::None, None),
    };
    // what the review took is the better channel, though it has not all
    report.delivery.channel = if report.delivery.posted > 0 { Channel::Review } else { channel };
    report.delivery.notes.extend(place);
}

/// The comment of a finding. Hosts take comments on the lines of the diff only, and a range only inside one hunk.
fn comment(posting: &Posting<'_>, finding: &Finding, diff: &Diff) -> Option<LineComment> {
    let is_shown = |line: &&Line| finding.side == Side::Right || line.is_change();
    let spot = |hunk: &Hunk, number: u32| {
        let on_side =
            hunk.lines.iter().filter(is_shown).find(|l| l.is_on(finding.side) && l.number_on(finding.side) == number);
        on_side.map(|line| Spot::of(hunk, line))
    };
    // a file whose type changed stands twice
    let files = diff.files.iter().filter(|file| file.path().as_str() == finding.path);
    let mut hunks = files.flat_map(|file| file.hunks().iter().map(move |hunk| (file, hunk)));
    hunks.find_map(|(file, hunk)| {
        Some(LineComment {
            path: finding.path.clone(),
            old_path: file.old_path.to_string(),
            side: finding.side,
            first: spot(hunk, finding.start_line)?,
            last: spot(hunk, finding.end_line)?,
            body: markdown::comment(finding, posting.forge.host(), posting.words),
        })
    })
}

impl Posting<'_> {
    /// Whether a finding that is new, or back, asks for changes.
    fn asks_for_changes(&self, report: &Report) -> bool {
        let back = self.judgement.reopened.iter().map(|&index| &self.standing[index].finding);
        let reaches = |finding: &Finding| self.blocks_from.is_some_and(|gate| finding.severity >= gate);
        report.findings.iter().chain(back).any(reaches)
    }

    /// What the reader should know.
    fn note(&self, say: impl Fn(&Words) -> String) -> Note {
        Note::new(self.words, say)
    }

    /// What the host did not do, and why.
    fn failed(&self, what: impl Fn(&Words) -> &Phrase, err: &ForgeError) -> Note {
        let error = self.one_line(err);
        self.note(|words| what(words).with(&[("error", &error)]))
    }

    /// An error as a note. For a fork its remedy, another permission, would be none.
    fn one_line(&self, err: &ForgeError) -> String {
        let text = err.to_string();
        let is_fork =
            self.forge.host() == Host::GitHub && self.change.request.as_ref().is_some_and(|request| request.is_fork);
        match (err, text.split_once('\n')) {
            (ForgeError::Forbidden(_), Some((cause, _))) if is_fork => {
                format!("{cause}; runs for forks may not write: `prudence init --forks` writes workflows for them")
            }
            _ => text.replace('\n', "; "),
        }
    }
}

/// A delivery that went nowhere yet.
pub fn undelivered(notes: Vec<Note>) -> Delivery {
    Delivery { channel: Channel::Stdout, posted: 0, url: None, notes }
}
