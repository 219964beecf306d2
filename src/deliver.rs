//! Bringing a report to the people it is for: the best channel that the token allows.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::config::ci::{self, Ci};
use crate::diff::{Diff, Side};
use crate::findings::Finding;
use crate::forge::{Conversation, Forge, ForgeError, LineComment, Review, ReviewOutcome};
use crate::marks::{State, fingerprint_of};
use crate::report::markdown;
use crate::report::{Channel, Delivery, Report, Status, actions, clean};
use crate::text::fenced;

/// What is posted, and where.
pub struct Posting<'a> {
    /// The host.
    pub forge: &'a dyn Forge,
    /// What stands on the request already.
    pub conversation: &'a Conversation,
    /// The change as the host renders it: only its lines can be commented on.
    pub diff: &'a Diff,
    /// Files for which the host itself has no patch, and so takes no comments.
    pub without_patch: &'a [String],
    /// Whether the review asks for changes.
    pub request_changes: bool,
    /// Whether the request comes from a fork, whose runs have a token that may not write.
    pub is_fork: bool,
    /// The run's page.
    pub run_url: Option<String>,
    /// The run of GitHub Actions, for the channels below the request.
    pub actions: Option<&'a ci::GitHub>,
    /// Prints workflow commands.
    pub annotate: &'a dyn Fn(&str),
}

/// Posts a report on its request: one review with the line comments, and the one summary comment. Where the token may
/// not, it goes to annotations and the step summary. Sets the report's `delivery`.
pub async fn post(report: &mut Report, posting: &Posting<'_>) {
    let (on_lines, off_lines): (Vec<Finding>, Vec<Finding>) = report
        .findings
        .clone()
        .into_iter()
        .partition(|finding| is_in_diff(finding, posting.diff) && !posting.without_patch.contains(&finding.path));
    let review = match review(report, posting, &on_lines).await {
        Ok(outcome) => outcome,
        Err(err) => {
            report.delivery.notes.push(format!("no line comments: {}", posting.one_line(&err)));
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
    let unplaced: Vec<&Finding> = review.refused.iter().map(|(index, _)| &on_lines[*index]).chain(&off_lines).collect();
    report.delivery.channel = if review.posted > 0 { Channel::Review } else { Channel::Comment };
    match summary(report, posting, &unplaced).await {
        Ok(url) => report.delivery.url = url,
        Err(err) => {
            report.delivery.notes.push(format!("no summary comment: {}", posting.one_line(&err)));
            if review.posted == 0 || !unplaced.is_empty() {
                fall_back(report, posting);
            }
        }
    }
}

async fn review(report: &Report, posting: &Posting<'_>, findings: &[Finding]) -> Result<ReviewOutcome, ForgeError> {
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
        head_sha: report.change.head_sha.clone().unwrap_or_default(),
        body: markdown::review_body,
        request_changes: posting.request_changes,
        comments: findings.iter().map(comment).collect(),
    };
    posting.forge.post_review(&review).await
}

async fn summary(report: &Report, posting: &Posting<'_>, unplaced: &[&Finding]) -> Result<Option<String>, ForgeError> {
    let mut fingerprints: Vec<String> = posting
        .conversation
        .comments
        .iter()
        .filter_map(|comment| fingerprint_of(&comment.body))
        .map(str::to_owned)
        .collect();
    fingerprints.extend(report.findings.iter().map(|finding| finding.id.clone()));
    fingerprints.sort();
    fingerprints.dedup();
    let state = State {
        head: report.change.head_sha.clone(),
        complete: report.status != Status::Incomplete,
        fingerprints,
        cost_usd: report.cost.total_usd,
    };
    let body = markdown::summary(report, unplaced, &state, posting.run_url.as_deref());
    posting.forge.put_summary(posting.conversation.summary.as_ref().map(|summary| summary.id), &body).await
}

/// Dollars that earlier runs spent on a request: 0 where there was none, `None` where one of them is not known.
pub fn earlier_cost(conversation: &Conversation) -> Option<f64> {
    match conversation.summary.as_ref().and_then(|summary| State::read(&summary.body)) {
        Some(state) => state.cost_usd.filter(|usd| usd.is_finite() && *usd >= 0.0),
        None => Some(0.0),
    }
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
        match (err, text.split_once('\n')) {
            (ForgeError::Forbidden(_), Some((cause, _))) if self.is_fork => {
                format!("{cause}; runs for forks may not write")
            }
            _ => text.replace('\n', "; "),
        }
    }
}

/// Writes the step's outputs and its summary, where the runner has files for them.
///
/// # Errors
/// A file cannot be written.
pub fn write_step_files(report: &Report, actions: &ci::GitHub, output: Option<&Path>) -> Result<()> {
    if let Some(path) = &actions.output_path {
        let outputs = actions::outputs(report, output.map(|path| path.display().to_string()).as_deref());
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
