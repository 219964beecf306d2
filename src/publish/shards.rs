//! The reports of the shards of a review, put together: what one of them left to others is looked for in those, and where
//! there is no report, nobody looked.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, bail};

use super::form::{self, MOST_NOTES};
use crate::assemble::summary_of;
use crate::findings::{Finding, Reason, Suppressed};
use crate::report::{
    ChangeInfo, ChunkInfo, Cost, Coverage, FailedLines, ModelCost, Report, ShardInfo, Status, reason_of_shard,
};
use crate::shard::Shard;
use crate::words::Note;

/// One report of a whole review; reports come with what they are called in messages. A report that is no shard's stays as
/// it is.
///
/// # Errors
/// The reports are not those of one review.
pub fn merge(mut reports: Vec<(String, Report)>) -> Result<Report> {
    if let [(_, report)] = reports.as_slice()
        && report.shard.is_none()
    {
        return Ok(reports.remove(0).1);
    }
    let shards = check(&reports)?;
    reports.sort_by_key(|(_, report)| report.shard.as_ref().map(|shard| shard.index));
    let reports: Vec<Report> = reports.into_iter().map(|(_, report)| report).collect();
    let missing: Vec<Shard> = Shard::all(shards.count())
        .filter(|index| reports.iter().all(|report| report.shard.as_ref().is_some_and(|shard| shard.index != *index)))
        .collect();
    let Some(first) = reports.first().cloned() else { bail!("there is no report") };
    let coverage = coverage(&reports, &first.coverage, &missing);
    let mut delivery = first.delivery.clone();
    delivery.notes = notes(&reports, &missing);
    let merged = Report {
        status: status(&reports, &coverage),
        summary: summary(&reports),
        findings: findings(&reports),
        suppressed: suppressed(&reports),
        coverage,
        chunks: chunks(&reports),
        usage: reports.iter().map(|report| report.usage).sum(),
        cost: cost(&reports, shards.count()),
        delivery,
        shard: None,
        ..first
    };
    match form::sums_problem(&merged) {
        Some(problem) => bail!("the reports of the shards do not fit together: {problem}"),
        None => Ok(merged),
    }
}

/// Makes sure that these are shards of one review, each once.
fn check(reports: &[(String, Report)]) -> Result<Shard> {
    let Some((first_name, first)) = reports.first() else { bail!("there is no report") };
    let mut seen = HashSet::new();
    for (name, report) in reports {
        let (Some(ShardInfo { index, plan }), Some(of_first)) = (&report.shard, &first.shard) else {
            bail!(
                "`{name}` and `{first_name}` are not shards of one review\nhint: name one report, or those that `prudence review --shard K/N` wrote"
            );
        };
        let of = |report: &Report| {
            let ChangeInfo { base_sha, head_sha, url, source, .. } = report.change.clone();
            let tool = (report.tool.version.clone(), report.tool.prompt.clone());
            (base_sha, head_sha, url, source, tool, report.coverage.changed_lines)
        };
        if index.count() != of_first.index.count() || *plan != of_first.plan || of(report) != of(first) {
            bail!(
                "`{name}` and `{first_name}` are not shards of one review: the change, the settings or the program was another\nhint: run the jobs of all shards again"
            );
        }
        if !seen.insert(*index) {
            bail!("shard {index} is there twice\nhint: name each report once");
        }
    }
    first.shard.as_ref().map_or_else(|| bail!("`{first_name}` is no shard"), |shard| Ok(shard.index))
}

fn status(reports: &[Report], coverage: &Coverage) -> Status {
    let is_any = |status| reports.iter().any(|report| report.status == status);
    match () {
        () if is_any(Status::Incomplete) || !coverage.failed.is_empty() => Status::Incomplete,
        () if is_any(Status::Complete) => Status::Complete,
        () => Status::NothingToReview,
    }
}

/// The receipt of the whole. The lines of a missing shard are those that the others left to it.
fn coverage(reports: &[Report], first: &Coverage, missing: &[Shard]) -> Coverage {
    // what the host does not show has no lines, and is in the report of every shard
    let is_common = |lines: &&FailedLines| (lines.start_line, lines.end_line) == (0, 0);
    let common = first.failed.iter().filter(is_common);
    let own = reports.iter().flat_map(|report| report.coverage.failed.iter().filter(|lines| !is_common(lines)));
    let mut failed: Vec<FailedLines> = common.chain(own).cloned().collect();
    for shard in missing {
        let left = first.skipped.iter().filter(|file| file.reason == reason_of_shard(*shard));
        failed.extend(left.map(|file| FailedLines {
            path: file.path.clone(),
            start_line: 0,
            end_line: 0,
            changed_lines: file.changed_lines,
            reason: format!("there is no report of shard {shard}"),
        }));
    }
    let reviewed = reports.iter().map(|report| report.coverage.changed_lines_reviewed);
    Coverage {
        files: first.files,
        files_reviewed: files_reviewed(reports, &failed),
        changed_lines: first.changed_lines,
        changed_lines_reviewed: reviewed.fold(0, usize::saturating_add),
        skipped: first.skipped.iter().filter(|file| !file.is_elsewhere()).cloned().collect(),
        failed,
        cut: reports.iter().flat_map(|report| report.coverage.cut.iter().cloned()).collect(),
    }
}

/// Files of which nothing failed: those without a line, which every shard counts, and those of the chunks.
fn files_reviewed(reports: &[Report], failed: &[FailedLines]) -> usize {
    let failed_of = |lines: &[FailedLines]| lines.iter().map(|lines| lines.path.clone()).collect::<HashSet<_>>();
    // without a model there are no chunks, and the other shards tell what they left to this one
    let sent = |report: &Report| {
        let own = report.shard.as_ref().map(|shard| reason_of_shard(shard.index));
        let left = reports.iter().flat_map(|other| &other.coverage.skipped);
        let left = left.filter(|file| Some(&file.reason) == own.as_ref()).map(|file| &file.path);
        let paths = report.chunks.iter().flat_map(|chunk| &chunk.paths).chain(left);
        paths.cloned().collect::<HashSet<String>>()
    };
    let without_lines = reports.iter().map(|report| {
        let own = sent(report).difference(&failed_of(&report.coverage.failed)).count();
        report.coverage.files_reviewed.saturating_sub(own)
    });
    let all: HashSet<String> = reports.iter().flat_map(sent).collect();
    let count = without_lines.min().unwrap_or_default() + all.difference(&failed_of(failed)).count();
    count.min(reports.first().map_or(0, |report| report.coverage.files))
}

/// What the shards say of the change, each thing once.
fn summary(reports: &[Report]) -> String {
    let lines = |report: &'_ Report| match report.summary.starts_with("- ") {
        true => report.summary.lines().map(|line| line.trim_start_matches("- ").to_owned()).collect(),
        false => vec![report.summary.clone()],
    };
    let said: Vec<String> = reports.iter().flat_map(lines).collect();
    summary_of(said.iter().map(String::as_str))
}

/// What makes a finding the same in two reports: the built-in checks look at the whole change in every shard.
fn key(finding: &Finding) -> (&str, &str, u32) {
    (&finding.id, &finding.path, finding.start_line)
}

/// Each finding once.
fn findings(reports: &[Report]) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let all = reports.iter().flat_map(|report| &report.findings);
    all.filter(|finding| seen.insert(key(finding))).cloned().collect()
}

/// What is not reported, each once. What one shard has over its limit of comments and another one reports is reported.
fn suppressed(reports: &[Report]) -> Vec<Suppressed> {
    let reported: HashSet<_> = reports.iter().flat_map(|report| &report.findings).map(key).collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for suppressed in reports.iter().flat_map(|report| &report.suppressed) {
        let key = key(&suppressed.finding);
        let is_reported = suppressed.reason == Reason::OverCommentLimit && reported.contains(&key);
        if !is_reported && seen.insert((suppressed.reason, key)) {
            found.push(suppressed.clone());
        }
    }
    found
}

fn chunks(reports: &[Report]) -> Vec<ChunkInfo> {
    let all = reports.iter().flat_map(|report| report.chunks.iter().cloned()).enumerate();
    all.map(|(index, chunk)| ChunkInfo { id: index + 1, ..chunk }).collect()
}

/// The bill of a review in so many `shards`. Where the report of one is missing, nobody knows what it cost.
fn cost(reports: &[Report], shards: usize) -> Cost {
    let sum = |part: fn(&Cost) -> Option<f64>| reports.iter().map(|report| part(&report.cost)).sum::<Option<f64>>();
    let known = |usd: Option<f64>| usd.filter(|_| reports.len() == shards);
    let mut models: BTreeMap<String, ModelCost> = BTreeMap::new();
    for model in reports.iter().flat_map(|report| &report.cost.models) {
        let so_far = models.entry(model.model.clone()).or_insert(ModelCost { usd: Some(0.0), ..model.clone() });
        so_far.usd = so_far.usd.zip(model.usd).map(|(a, b)| a + b);
    }
    Cost {
        usd: known(sum(|cost| cost.usd)),
        // `publish` looks up what earlier runs cost
        total_usd: None,
        // each shard has its part of it
        limit_usd: sum(|cost| cost.limit_usd).map(|usd| usd / reports.len() as f64 * shards as f64),
        unconfirmed_requests: reports
            .iter()
            .fold(0, |sum, report| sum.saturating_add(report.cost.unconfirmed_requests)),
        models: models.into_values().collect(),
        cached_saved_usd: known(sum(|cost| cost.cached_saved_usd)),
    }
}

/// What the reader should know, each thing once. Where it counts something, it is that of one shard.
fn notes(reports: &[Report], missing: &[Shard]) -> Vec<Note> {
    let mut said: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for report in reports {
        let shard = report.shard.as_ref().map_or(String::new(), |shard| shard.index.to_string());
        for note in &report.delivery.notes {
            said.entry(note.english()).or_default().push(shard.clone());
        }
    }
    let of_all = reports.len();
    let told = said.into_iter().map(|(note, shards)| match shards.len() {
        _ if !note.contains(|c: char| c.is_ascii_digit()) => note.to_owned(),
        count if count == of_all => format!("in each shard: {note}"),
        1 => format!("in shard {}: {note}", shards[0]),
        _ => format!("in the shards {}: {note}", named(&shards)),
    });
    let untold: Vec<String> = missing.iter().map(Shard::to_string).collect();
    let untold = (!untold.is_empty()).then(|| {
        format!(
            "there is no report of {}: what was found there and its cost are not known",
            match untold.as_slice() {
                [only] => format!("shard {only}"),
                all => format!("the shards {}", named(all)),
            }
        )
    });
    untold.into_iter().chain(told).take(MOST_NOTES).map(Note::from).collect()
}

/// The first names of a list, and how many more there are.
fn named(names: &[String]) -> String {
    const MOST: usize = 10;
    let more = names.len().saturating_sub(MOST);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
