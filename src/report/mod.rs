//! The report `prudence.review/v1`, and its renderings.

pub mod actions;
pub mod clean;
pub mod codequality;
mod excerpt;
pub mod markdown;
pub mod place;
pub mod plan;
mod quiet;
pub mod sarif;
pub mod terminal;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::diff::FileDiff;
use crate::diff::filter::Skipped;
use crate::findings::{Finding, Reason, Suppressed};
use crate::forge::wire;
use crate::plan::Plan;
use crate::plan::trivial::Why;
use crate::review::Outcome;
use crate::severity::Severity;
use crate::shard::Shard;
use crate::usage::Usage;
use crate::words::{Note, Words};

/// A whole review. Field names and order are the interface's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// `prudence.review/v1`.
    pub schema: String,
    /// Who reviewed.
    pub tool: Tool,
    /// What was reviewed.
    pub change: ChangeInfo,
    /// How far it came.
    pub status: Status,
    /// One paragraph on the change and the review.
    pub summary: String,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What was said and is not reported, with the reason.
    pub suppressed: Vec<Suppressed>,
    /// The receipt: every changed line in exactly one of reviewed, skipped and failed.
    pub coverage: Coverage,
    /// What was sent.
    pub chunks: Vec<ChunkInfo>,
    /// Tokens, from the API's own counts.
    pub usage: Usage,
    /// Dollars.
    pub cost: Cost,
    /// Where the result went.
    pub delivery: Delivery,
    /// Which share of the review this is, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardInfo>,
    /// The `summary` of a request that is not reviewed, in the team's language, too.
    #[serde(skip)]
    pub why_nothing: Option<Note>,
}

/// The share of a review that a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Which.
    pub index: Shard,
    /// Hash of the whole plan and of what is asked: shards with another are of another review.
    pub plan: String,
}

/// The schema of the report.
pub const SCHEMA: &str = "prudence.review/v1";

/// Who reviewed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tool {
    /// `prudence`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Hash of the prompt templates.
    pub prompt: String,
}

impl Tool {
    /// This program.
    pub fn this() -> Tool {
        Tool {
            name: "prudence".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            prompt: crate::prompt::hash(),
        }
    }
}

/// Where a change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A pull request.
    GitHub,
    /// A merge request.
    GitLab,
    /// Local git.
    Git,
    /// A diff on a file or standard input.
    Patch,
}

/// What was reviewed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeInfo {
    /// Where it comes from.
    pub source: Source,
    /// The commit it starts from.
    pub base_sha: Option<String>,
    /// The commit it ends at.
    pub head_sha: Option<String>,
    /// Of the request, or of the head commit.
    pub title: Option<String>,
    /// The request's page.
    pub url: Option<String>,
}

impl ChangeInfo {
    /// The page that has the lines of a finding on the new side, where the change is that of a request.
    pub fn address_of(&self, finding: &Finding) -> Option<String> {
        let (url, head) = (self.url.as_deref()?, self.head_sha.as_deref()?);
        let (repository, blob, end) = match self.source {
            Source::GitHub => (url.rsplit_once("/pull/")?.0, "blob", format!("L{}", finding.end_line)),
            Source::GitLab => (url.rsplit_once("/-/merge_requests/")?.0, "-/blob", finding.end_line.to_string()),
            Source::Git | Source::Patch => return None,
        };
        let end = if finding.end_line > finding.start_line { format!("-{end}") } else { String::new() };
        let path = wire::path(&finding.path);
        Some(format!("{repository}/{blob}/{head}/{path}#L{}{end}", finding.start_line))
    }
}

/// How far a review came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All that is to be reviewed was.
    Complete,
    /// Some of it could not be.
    Incomplete,
    /// The change has nothing to review.
    NothingToReview,
}

impl Status {
    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Incomplete => "incomplete",
            Status::NothingToReview => "nothing_to_review",
        }
    }
}

/// Which lines were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// All files of the change.
    pub files: usize,
    /// Those reviewed whole.
    pub files_reviewed: usize,
    /// All added and removed lines.
    pub changed_lines: usize,
    /// Those reviewed.
    pub changed_lines_reviewed: usize,
    /// Files left out on purpose.
    pub skipped: Vec<SkippedFile>,
    /// Lines that could not be reviewed.
    pub failed: Vec<FailedLines>,
    /// Lines reviewed of which only the beginning was shown: too long for a prompt.
    #[serde(default)]
    pub cut: Vec<CutLine>,
}

/// The reason of a file, or of some lines of it, that an earlier run reviewed.
pub const REVIEWED_BEFORE: &str = "reviewed_before";
/// The reason of every file of a request that is not reviewed.
pub const REQUEST_SKIPPED: &str = "request_skipped";

/// The reason of a file, or of some lines of it, that another shard of the review has: `shard_2` of the second one.
pub fn reason_of_shard(shard: Shard) -> String {
    format!("{OF_SHARD}{}", shard.index())
}

const OF_SHARD: &str = "shard_";

/// A file left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// Its path.
    pub path: String,
    /// Why: one word.
    pub reason: String,
    /// Its added and removed lines.
    pub changed_lines: usize,
}

impl SkippedFile {
    /// Whether another shard of the review has it.
    pub fn is_elsewhere(&self) -> bool {
        self.reason.starts_with(OF_SHARD)
    }
}

/// Lines that could not be reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedLines {
    /// Their file.
    pub path: String,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// Added and removed lines among them.
    pub changed_lines: usize,
    /// Why.
    pub reason: String,
}

/// A line of which only the beginning was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutLine {
    /// Its file.
    pub path: String,
    /// Its number.
    pub line: u32,
}

/// One request to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkInfo {
    /// Counted from 1.
    pub id: usize,
    /// The files in it.
    pub paths: Vec<String>,
    /// Tokens of the whole prompt, counted beforehand.
    pub input_tokens: usize,
    /// What became of it.
    pub state: ChunkState,
    /// The models that answered, each once, where it was not the configured one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChunkState {
    /// Answered in full.
    Reviewed,
    /// Some of it was not.
    Failed,
}

/// Dollars.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Of this run; `None` where a model has no price.
    pub usd: Option<f64>,
    /// With the earlier runs on the same request.
    pub total_usd: Option<f64>,
    /// The most that may be spent.
    pub limit_usd: Option<f64>,
    /// Requests that got no answer and may have been billed; `usd` does not hold them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unconfirmed_requests: u64,
    /// Each model's part.
    pub models: Vec<ModelCost>,
    /// What the provider's cache saved of this run; `None` where a model has no price.
    #[serde(default)]
    pub cached_saved_usd: Option<f64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Cost {
    /// The dollars of this run, as far as they are known.
    pub fn spent(&self, words: &Words) -> String {
        let usd = dollars_in(words, self.usd);
        match self.unconfirmed_requests {
            0 => usd,
            _ => words.at_least.with(&[("usd", &usd)]),
        }
    }

    /// What the provider's cache saved, where it is known and anything.
    pub fn saved(&self) -> Option<String> {
        // less would be shown as nothing
        self.cached_saved_usd.filter(|usd| *usd >= 0.000_05).map(|usd| dollars(Some(usd)))
    }
}

/// Lines that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why; the words of the first of them, where only the numbers in it differ.
    pub reason: String,
    /// All added and removed lines among them.
    pub changed_lines: usize,
    /// Where they are.
    pub places: Vec<String>,
}

impl Coverage {
    /// Added and removed lines that an earlier run reviewed, and that are as they were then.
    pub fn remembered(&self) -> usize {
        let before = self.skipped.iter().filter(|file| file.reason == REVIEWED_BEFORE);
        before.map(|file| file.changed_lines).sum()
    }

    /// Added and removed lines that other shards of the review have.
    pub fn elsewhere(&self) -> usize {
        self.skipped.iter().filter(|file| file.is_elsewhere()).map(|file| file.changed_lines).sum()
    }

    /// The files that are left out on purpose.
    pub fn left_out(&self) -> impl Iterator<Item = &SkippedFile> {
        self.skipped.iter().filter(|file| file.reason != REVIEWED_BEFORE && !file.is_elsewhere())
    }

    /// `3 reviewed, 9 reviewed before, 1 skipped, 0 failed`.
    pub fn parts(&self, words: &Words) -> String {
        let skipped: usize = self.left_out().map(|file| file.changed_lines).sum();
        let failed: usize = self.failed.iter().map(|lines| lines.changed_lines).sum();
        let before = Some(self.remembered()).filter(|lines| *lines > 0);
        let elsewhere = Some(self.elsewhere()).filter(|lines| *lines > 0);
        let parts = [
            Some(words.reviewed.with(&[("count", &self.changed_lines_reviewed)])),
            before.map(|lines| words.reviewed_before.with(&[("count", &lines)])),
            elsewhere.map(|lines| words.elsewhere.with(&[("count", &lines)])),
            Some(words.skipped.with(&[("count", &skipped)])),
            Some(words.failed.with(&[("count", &failed)])),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// What failed, by reason: a limit that ends a review fails hundreds of ranges at once.
    pub fn failures(&self, words: &Words) -> Vec<Failure> {
        let key = |reason: &str| reason.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        let mut failures: Vec<(String, Failure)> = Vec::new();
        for lines in &self.failed {
            let wanted = key(&lines.reason);
            let index = failures.iter().position(|(known, _)| *known == wanted).unwrap_or_else(|| {
                let reason = lines.reason.replace('\n', "; ");
                failures.push((wanted, Failure { reason, changed_lines: 0, places: Vec::new() }));
                failures.len() - 1
            });
            failures[index].1.changed_lines += lines.changed_lines;
            failures[index].1.places.push(lines.place(words));
        }
        failures.into_iter().map(|(_, failure)| failure).collect()
    }
}

/// One model's part of the cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelCost {
    /// As it was asked for.
    pub model: String,
    /// Dollars; `None` where it has no price.
    pub usd: Option<f64>,
    /// The date of the price table; `None` where the price is the user's or unknown.
    pub priced_on: Option<String>,
}

/// Where a result can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A review with line comments, and the summary comment.
    Review,
    /// The summary comment alone.
    Comment,
    /// Annotations of the run, and the step summary.
    Annotations,
    /// The step summary alone.
    Summary,
    /// Standard output.
    Stdout,
    /// Nowhere that the change's author can see.
    None,
}

impl Channel {
    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Review => "review",
            Channel::Comment => "comment",
            Channel::Annotations => "annotations",
            Channel::Summary => "summary",
            Channel::Stdout => "stdout",
            Channel::None => "none",
        }
    }
}

/// Where the result went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// The best channel that took it.
    pub channel: Channel,
    /// Line comments posted by this run.
    pub posted: usize,
    /// Page of the summary comment.
    pub url: Option<String>,
    /// What the reader should know of the way.
    pub notes: Vec<Note>,
}

/// The receipt of a review: what of the plan was answered, what was left out, what nobody could look at.
pub fn coverage(plan: &Plan, skipped: &[Skipped], failures: &[(Vec<crate::plan::Span>, String)]) -> Coverage {
    let mut failed = Vec::new();
    for file in &plan.diff.files {
        if let crate::diff::Content::Missing { changed_lines, reason } = &file.content {
            let path = file.path().to_string();
            failed.push(FailedLines {
                path,
                start_line: 0,
                end_line: 0,
                changed_lines: *changed_lines,
                reason: reason.clone(),
            });
        }
    }
    for (spans, reason) in failures {
        for span in spans {
            failed.push(FailedLines {
                path: plan.diff.files[span.file].path().to_string(),
                start_line: *span.lines.start(),
                end_line: *span.lines.end(),
                changed_lines: span.changed_lines,
                reason: reason.clone(),
            });
        }
    }
    let lines_failed: usize = failed.iter().map(|lines| lines.changed_lines).sum();
    let lines_skipped: usize = skipped.iter().map(|skip| skip.changed_lines).sum();
    let lines_remembered: usize = plan.remembered.iter().sum();
    let lines_elsewhere: usize = plan.elsewhere.values().sum();
    let kept = plan.diff.changed_lines();
    let mut trivial_of = vec![0; plan.diff.files.len()];
    plan.trivial
        .keys()
        .for_each(|&(file, hunk)| trivial_of[file] += plan.diff.files[file].hunks()[hunk].changed_lines());
    let mut unsent_of = trivial_of.clone();
    unsent_of.iter_mut().zip(&plan.remembered).for_each(|(unsent, remembered)| *unsent += remembered);
    plan.elsewhere.iter().for_each(|(&(file, _), lines)| unsent_of[file] += lines);
    // reviewed whole, as far as it is this run's, and not all of it before
    let is_reviewed = |(index, file): &(usize, &FileDiff)| {
        let unsent = unsent_of[*index];
        let is_new = unsent == 0 || unsent < file.changed_lines();
        is_new && failed.iter().all(|lines| lines.path != file.path().as_str())
    };
    let left_out = skipped.iter().map(|skip| SkippedFile {
        path: skip.path.to_string(),
        reason: skip.reason.as_str().to_owned(),
        changed_lines: skip.changed_lines,
    });
    let before = plan.diff.files.iter().zip(&plan.remembered).filter(|(_, lines)| **lines > 0);
    let before = before.map(|(file, lines)| SkippedFile {
        path: file.path().to_string(),
        reason: REVIEWED_BEFORE.to_owned(),
        changed_lines: *lines,
    });
    let lines_trivial: usize = trivial_of.iter().sum();
    Coverage {
        files: plan.diff.files.len() + skipped.len(),
        files_reviewed: plan.diff.files.iter().enumerate().filter(is_reviewed).count(),
        changed_lines: kept + lines_skipped,
        changed_lines_reviewed: kept - lines_failed - lines_remembered - lines_trivial - lines_elsewhere,
        skipped: left_out.chain(before).chain(trivial(plan)).chain(elsewhere(plan)).collect(),
        failed,
        cut: plan.cut_lines().into_iter().map(|(path, line)| CutLine { path, line }).collect(),
    }
}

/// What needs no reviewer, by file and reason.
fn trivial(plan: &Plan) -> impl Iterator<Item = SkippedFile> {
    let mut lines: BTreeMap<(usize, Why), usize> = BTreeMap::new();
    for (&(file, hunk), &why) in &plan.trivial {
        *lines.entry((file, why)).or_default() += plan.diff.files[file].hunks()[hunk].changed_lines();
    }
    lines.into_iter().map(|((file, why), changed_lines)| SkippedFile {
        path: plan.diff.files[file].path().to_string(),
        reason: why.as_str().to_owned(),
        changed_lines,
    })
}

/// What other shards of the review have, by file and shard.
fn elsewhere(plan: &Plan) -> impl Iterator<Item = SkippedFile> {
    plan.elsewhere.iter().map(|(&(file, shard), &changed_lines)| SkippedFile {
        path: plan.diff.files[file].path().to_string(),
        reason: reason_of_shard(shard),
        changed_lines,
    })
}

/// What became of each chunk of a plan: `best` are the outcomes that count, `all` those of every pass, `meant` is the model
/// that is configured.
pub fn chunks(plan: &Plan, best: &[&Outcome], all: &[Outcome], meant: &str) -> Vec<ChunkInfo> {
    let state = |id| {
        let failed = best.iter().any(|outcome| outcome.chunk.id == id && outcome.result.is_err());
        if failed { ChunkState::Failed } else { ChunkState::Reviewed }
    };
    let models = |id| {
        let of_chunk = all.iter().filter(|outcome| outcome.chunk.id == id);
        let models: BTreeSet<&String> = of_chunk.filter_map(|outcome| outcome.model.as_ref()).collect();
        let has_other = models.iter().any(|model| *model != meant);
        models.into_iter().filter(|_| has_other).cloned().collect()
    };
    let info = |chunk: &crate::plan::Chunk| ChunkInfo {
        models: models(chunk.id),
        id: chunk.id,
        paths: plan.paths(chunk),
        input_tokens: plan.input_tokens(chunk),
        state: state(chunk.id),
    };
    plan.chunks.iter().map(info).collect()
}

impl Report {
    /// The number of standing findings of each severity, worst first: new ones, those posted before, and those over the
    /// comment limit.
    pub fn by_severity(&self) -> BTreeMap<std::cmp::Reverse<Severity>, usize> {
        let mut counts = BTreeMap::new();
        for finding in self.standing() {
            *counts.entry(std::cmp::Reverse(finding.severity)).or_insert(0) += 1;
        }
        counts
    }

    /// Findings that hold, whether or not this run lists them one by one.
    pub fn standing(&self) -> impl Iterator<Item = &Finding> {
        let stands =
            |suppressed: &&Suppressed| matches!(suppressed.reason, Reason::AlreadyPosted | Reason::OverCommentLimit);
        self.findings.iter().chain(self.suppressed.iter().filter(stands).map(|suppressed| &suppressed.finding))
    }

    /// Findings that this run brought, those over the comment limit too.
    pub fn new_findings(&self) -> impl Iterator<Item = &Finding> {
        let is_over = |suppressed: &&Suppressed| suppressed.reason == Reason::OverCommentLimit;
        self.findings.iter().chain(self.suppressed.iter().filter(is_over).map(|suppressed| &suppressed.finding))
    }

    /// Dollars of this run for each of the findings that it brought; `None` where there is none or one, which cost all of
    /// it, or no model was paid, or the cost is not known.
    pub fn usd_per_finding(&self) -> Option<f64> {
        let count = self.new_findings().count();
        let usd = self.cost.usd.filter(|usd| *usd > 0.0 && self.cost.unconfirmed_requests == 0)?;
        (count > 1).then(|| usd / count as f64)
    }

    /// The standing findings, each with a fingerprint that none of the others has: of those with the same `id` the second
    /// and later ones get a number, so that a widget shows all of them and knows them again.
    pub fn fingerprinted(&self) -> impl Iterator<Item = (String, &Finding)> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        self.standing().map(move |finding| {
            let count = seen.entry(&finding.id).or_insert(0);
            *count += 1;
            let id = &finding.id;
            (if *count == 1 { id.clone() } else { format!("{id}-{count}") }, finding)
        })
    }

    /// `2 findings (1 critical, 1 minor)`, and how many of them stood there before.
    pub fn count_line(&self, words: &Words) -> String {
        let count =
            |(severity, count): (std::cmp::Reverse<Severity>, usize)| format!("{count} {}", words.severity(severity.0));
        let mut details: Vec<String> = self.by_severity().into_iter().map(count).collect();
        let before = self.suppressed.iter().filter(|suppressed| suppressed.reason == Reason::AlreadyPosted).count();
        details.extend((before > 0).then(|| words.posted_before.with(&[("count", &before)])));
        match self.standing().count() {
            0 => words.no_findings.to_string(),
            n => {
                words.findings_in_detail.with(&[("findings", &words.findings.of(n)), ("details", &details.join(", "))])
            }
        }
    }

    /// Whether a model looked at the change, or was asked to.
    fn has_model(&self) -> bool {
        !self.chunks.is_empty()
    }

    /// The sentence that says how far the review came.
    pub fn headline(&self, words: &Words) -> String {
        let (coverage, findings) = (&self.coverage, self.count_line(words));
        let (lines, reviewed) = (words.changed_lines.of(coverage.changed_lines), coverage.changed_lines_reviewed);
        let before = coverage.remembered();
        let failed: usize = coverage.failed.iter().map(|lines| lines.changed_lines).sum();
        match self.status {
            // a request that is not to be reviewed says why
            Status::NothingToReview if !self.summary.is_empty() => match &self.why_nothing {
                Some(why) => why.said(words).to_owned(),
                None => self.summary.clone(),
            },
            Status::NothingToReview => words.nothing_to_review.to_string(),
            Status::Complete if reviewed == 0 && before > 0 => {
                words.nothing_new.with(&[("findings", &findings), ("lines", &words.changed_lines.of(before))])
            }
            Status::Complete if !self.has_model() => {
                words.checks_complete.with(&[("findings", &findings), ("reviewed", &reviewed), ("lines", &lines)])
            }
            Status::Complete if before > 0 => words.complete_with_earlier.with(&[
                ("findings", &findings),
                ("reviewed", &reviewed),
                ("lines", &lines),
                ("before", &before),
            ]),
            Status::Complete => {
                words.complete.with(&[("findings", &findings), ("reviewed", &reviewed), ("lines", &lines)])
            }
            Status::Incomplete if reviewed == 0 => {
                words.nothing_seen.with(&[("lines", &lines), ("findings", &findings)])
            }
            Status::Incomplete => {
                words.incomplete.with(&[("failed", &failed), ("lines", &lines), ("findings", &findings)])
            }
        }
    }
}

impl FailedLines {
    /// `src/a.rs lines 3-9`; the name alone where nobody knows the lines.
    pub fn place(&self, words: &Words) -> String {
        let path = &self.path;
        match (self.start_line, self.end_line) {
            (0, 0) => words.place_file.with(&[("path", path), ("lines", &words.changed_lines.of(self.changed_lines))]),
            (start, end) if start == end => words.place_line.with(&[("path", path), ("line", &start)]),
            (start, end) => words.place_lines.with(&[("path", path), ("start", &start), ("end", &end)]),
        }
    }
}

/// `1 line`, `2 lines`.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Dollars with the digits that matter; `unknown` is not zero.
pub fn dollars(usd: Option<f64>) -> String {
    dollars_in(Words::english(), usd)
}

/// As [`dollars`], for what is posted.
pub fn dollars_in(words: &Words, usd: Option<f64>) -> String {
    match usd {
        None => words.price_unknown.to_string(),
        Some(0.0) => "$0".to_owned(),
        Some(usd) if usd < 0.1 => format!("${usd:.4}"),
        Some(usd) => format!("${usd:.2}"),
    }
}

/// A number with its thousands apart: `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::diff::Side;
    use crate::findings::{Origin, Verdict};
    use crate::severity::Category;

    /// A finding of the model with this fingerprint.
    pub fn finding(id: &str) -> Finding {
        Finding {
            id: id.to_owned(),
            path: "src/pay.rs".to_owned(),
            side: Side::Right,
            start_line: 5,
            end_line: 5,
            severity: Severity::Major,
            category: Category::Bug,
            confidence: 90,
            title: "Late".to_owned(),
            body: "By a day.".to_owned(),
            suggestion: None,
            quote: "let day = 1;".to_owned(),
            origin: Origin::Model,
            votes: 1,
            verdict: Verdict::Unverified,
            rule: None,
        }
    }

    /// The report of a complete review with these findings.
    pub fn report(findings: Vec<Finding>) -> Report {
        Report {
            schema: SCHEMA.to_owned(),
            tool: Tool::this(),
            change: ChangeInfo { source: Source::Git, base_sha: None, head_sha: None, title: None, url: None },
            status: Status::Complete,
            summary: String::new(),
            findings,
            suppressed: Vec::new(),
            coverage: Coverage::default(),
            chunks: Vec::new(),
            usage: Usage::default(),
            cost: Cost::default(),
            delivery: Delivery { channel: Channel::Stdout, posted: 0, url: None, notes: Vec::new() },
            shard: None,
            why_nothing: None,
        }
    }

    #[test]
    fn a_finding_costs_its_share_where_there_are_several_and_the_cost_is_known() {
        let check = |count: usize, usd: Option<f64>, unconfirmed_requests: u64, expected: Option<f64>| {
            let findings = (0..count).map(|id| finding(&id.to_string())).collect();
            let cost = Cost { usd, unconfirmed_requests, ..Cost::default() };
            assert_eq!(Report { cost, ..report(findings) }.usd_per_finding(), expected, "{count} {usd:?}");
        };
        check(4, Some(1.0), 0, Some(0.25));
        check(1, Some(1.0), 0, None);
        check(0, Some(1.0), 0, None);
        check(4, Some(0.0), 0, None);
        check(4, None, 0, None);
        check(4, Some(1.0), 1, None);
        let mut over = report(vec![finding("a")]);
        over.cost.usd = Some(1.0);
        over.suppressed = vec![Suppressed::new(Reason::OverCommentLimit, finding("b"))];
        assert_eq!(over.usd_per_finding(), Some(0.5));
        over.suppressed = vec![Suppressed::new(Reason::AlreadyPosted, finding("b"))];
        assert_eq!(over.usd_per_finding(), None, "an earlier run paid for it");
    }

    #[test]
    fn lines_have_a_page_on_their_host() {
        let check = |source, url: &str, lines: (u32, u32), expected: Option<&str>| {
            let (url, head_sha) = (Some(url.to_owned()), Some("c0ffee".to_owned()));
            let change = ChangeInfo { source, base_sha: None, head_sha, title: None, url };
            let (start_line, end_line) = lines;
            let finding = Finding { path: "src/a b.rs".to_owned(), start_line, end_line, ..finding("a") };
            assert_eq!(change.address_of(&finding).as_deref(), expected);
        };
        let github = "https://github.com/o/r/pull/7";
        check(Source::GitHub, github, (5, 5), Some("https://github.com/o/r/blob/c0ffee/src/a%20b.rs#L5"));
        check(Source::GitHub, github, (5, 9), Some("https://github.com/o/r/blob/c0ffee/src/a%20b.rs#L5-L9"));
        let gitlab = "https://h/git/g/p/-/merge_requests/7";
        check(Source::GitLab, gitlab, (5, 9), Some("https://h/git/g/p/-/blob/c0ffee/src/a%20b.rs#L5-9"));
        check(Source::GitHub, "https://github.com/o/r", (5, 5), None);
        check(Source::Git, github, (5, 5), None);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            [dollars(None), dollars(Some(0.0)), dollars(Some(0.00163)), dollars(Some(1.239))],
            ["price unknown", "$0", "$0.0016", "$1.24"]
        );
        assert_eq!([thousands(7), thousands(1234), thousands(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!([plural(1, "line"), plural(0, "line")], ["1 line", "0 lines"]);
    }
}
