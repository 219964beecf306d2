//! What a report must look like, whoever wrote it.

use std::collections::HashSet;

use anyhow::{Result, anyhow, bail};

use crate::diff::filter::SkipReason;
use crate::findings::Finding;
use crate::plan::trivial::Why;
use crate::report::{REQUEST_SKIPPED, REVIEWED_BEFORE, Report, SCHEMA, reason_of_shard};
use crate::shard::Shard;
use crate::text::printable;
use crate::words::Note;

/// The most entries of any list in it.
const MOST: usize = 20_000;
/// The most findings in it, reported or not.
const MOST_FINDINGS: usize = 2_000;
/// The most notes in it.
pub const MOST_NOTES: usize = 100;
/// Characters of the longest text in it.
const LONGEST: usize = 100_000;

/// Reads a report and checks its form and its sizes.
///
/// # Errors
/// It is no report, or one that this program cannot have written.
pub fn parse(text: &[u8]) -> Result<Report> {
    let report: Report = serde_json::from_slice(text).map_err(|err| {
        anyhow!(
            "it is no report `{SCHEMA}`: {}\nhint: make it by `prudence review --output` of the same version",
            printable(&err.to_string())
        )
    })?;
    match problem(&report) {
        Some(problem) => bail!(
            "it is no report `{SCHEMA}`: {problem}\nhint: make it by `prudence review --output` of the same version"
        ),
        None => Ok(report),
    }
}

/// What is wrong with a report, beyond the types.
fn problem(report: &Report) -> Option<String> {
    let coverage = &report.coverage;
    let all = || report.findings.iter().chain(report.suppressed.iter().map(|suppressed| &suppressed.finding));
    let lists = [coverage.skipped.len(), coverage.failed.len(), coverage.cut.len(), report.chunks.len()];
    let is_word =
        |word: &str| word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let shards = report.shard.as_ref().map_or(0, |shard| shard.index.count());
    let of_shards: HashSet<String> = Shard::all(shards).map(reason_of_shard).collect();
    let is_reason = |reason: &str| {
        let by_file = SkipReason::ALL.into_iter().map(SkipReason::as_str);
        let by_hunk = Why::ALL.into_iter().map(Why::as_str);
        by_file.chain(by_hunk).chain([REVIEWED_BEFORE, REQUEST_SKIPPED]).any(|known| known == reason)
            || of_shards.contains(reason)
    };
    let is_model_name = |name: &str| name.chars().count() <= 200;
    match () {
        () if report.schema != SCHEMA => Some("its `schema` is another".to_owned()),
        () if all().count() > MOST_FINDINGS => Some(format!("it has more than {MOST_FINDINGS} findings")),
        () if lists.iter().any(|length| *length > MOST)
            || report.delivery.notes.len() > MOST_NOTES
            || report.cost.models.len() > 20 =>
        {
            Some(format!("a list in it has more than {MOST} entries, or more than a report has"))
        }
        () if ![&report.tool.version, &report.tool.prompt].into_iter().all(|word| is_word(word)) => {
            Some("its `tool` has a version or a hash that is none".to_owned())
        }
        () if !report.shard.iter().all(|shard| shard.plan.is_empty() || is_word(&shard.plan)) => {
            Some("its `shard` is of a plan that is none".to_owned())
        }
        () if !coverage.skipped.iter().all(|file| is_reason(&file.reason)) => {
            Some("a file in it is skipped for a reason that is none".to_owned())
        }
        () if !report.cost.models.iter().all(|model| is_model_name(&model.model)) => {
            Some("a model in it has an absurd name".to_owned())
        }
        () => texts_of(report)
            .find(|text| text.chars().count() > LONGEST)
            .map(|_| format!("a text in it has more than {LONGEST} characters"))
            .or_else(|| all().find_map(finding_problem))
            .or_else(|| sums_problem(report)),
    }
}

/// What is wrong with the numbers of a report: its lines, and its dollars.
pub fn sums_problem(report: &Report) -> Option<String> {
    let coverage = &report.coverage;
    let is_money = |usd: &Option<f64>| usd.is_none_or(|usd| usd.is_finite() && (0.0..1e6).contains(&usd));
    // numbers of a stranger: their sum may be more than any of them can be
    let wide = |count: usize| count as u128;
    let skipped: u128 = coverage.skipped.iter().map(|file| wide(file.changed_lines)).sum();
    let failed: u128 = coverage.failed.iter().map(|lines| wide(lines.changed_lines)).sum();
    let parts = skipped + failed + wide(coverage.changed_lines_reviewed);
    let cost = &report.cost;
    let usd = [&cost.usd, &cost.total_usd, &cost.limit_usd].into_iter().chain(cost.models.iter().map(|m| &m.usd));
    // a price for cached input may be the higher one
    let saved = cost.cached_saved_usd.map(f64::abs);
    match () {
        () if parts != wide(coverage.changed_lines) => Some("its `coverage` does not add up".to_owned()),
        () if !usd.chain([&saved]).all(is_money) => Some("its `cost` is none".to_owned()),
        () => None,
    }
}

/// The texts that are shown.
fn texts_of(report: &Report) -> impl Iterator<Item = &str> {
    let findings = report.findings.iter().chain(report.suppressed.iter().map(|suppressed| &suppressed.finding));
    let mut texts: Vec<&str> = Vec::new();
    for finding in findings {
        let Finding { title, body, quote, path, suggestion, rule, .. } = finding;
        texts.extend([title, body, quote, path].into_iter().chain(suggestion).chain(rule).map(String::as_str));
    }
    texts.extend([&report.summary, &report.tool.version, &report.tool.prompt].map(String::as_str));
    texts.extend(report.delivery.notes.iter().map(Note::english));
    texts.extend(report.coverage.failed.iter().flat_map(|lines| [lines.path.as_str(), &lines.reason]));
    texts.extend(report.coverage.skipped.iter().flat_map(|file| [file.path.as_str(), &file.reason]));
    texts.into_iter()
}

fn finding_problem(finding: &Finding) -> Option<String> {
    let is_id = finding.id.len() == 16 && finding.id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let has_lines = finding.start_line <= finding.end_line && finding.end_line - finding.start_line < 10_000;
    let is_rule = |rule: &String| crate::checks::RULES.iter().any(|known| known.name == rule);
    match () {
        () if !is_id => Some("the `id` of a finding is no fingerprint".to_owned()),
        () if !has_lines => Some("a finding has lines that are none".to_owned()),
        () if finding.confidence > 100 => Some("a finding has a confidence over 100".to_owned()),
        () if !finding.rule.as_ref().is_none_or(is_rule) => Some("a finding names a rule that is none".to_owned()),
        () => None,
    }
}
