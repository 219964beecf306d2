//! `prudence publish`: delivers a report that another job made.
//!
//! The report is hostile until shown otherwise: whoever opened the request may have written it. So its form and its sizes
//! are checked, it must be about the very request and head that the host knows, and each finding must quote the lines that
//! the host's own diff has; the host's address and all settings come from elsewhere.

mod request;

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::cli;
use crate::config::Provider;
use crate::config::provider::Resolved;
use crate::console::Console;
use crate::deliver::{self, Posting};
use crate::diff::filter::SkipReason;
use crate::diff::{Diff, FileDiff};
use crate::findings::standing::{self, Code, Finder, Standing};
use crate::findings::wording::LONGEST_TITLE;
use crate::findings::{self, Finding, Origin, Reason, Suppressed, Thresholds};
use crate::memory::Memory;
use crate::orientation;
use crate::output::{Files, Output};
use crate::plan::trivial::Why;
use crate::prepare::{filtered, refused, review_key};
use crate::prompt;
use crate::redact;
use crate::report::{REQUEST_SKIPPED, REVIEWED_BEFORE, Report, SCHEMA, Status};
use crate::setup::{Purpose, Setup};
use crate::source::{self, World};
use crate::status::Exit;
use crate::stop::Stop;
use crate::text::{cut, printable};
use crate::words::Note;

/// Bytes of the largest report that is read.
const LARGEST: u64 = 16 << 20;
/// The most entries of any list in it.
const MOST: usize = 20_000;
/// The most findings in it, reported or not.
const MOST_FINDINGS: usize = 2_000;
/// Characters of the longest text in it.
const LONGEST: usize = 100_000;

/// Reads the report, makes sure of it, and posts it.
///
/// # Errors
/// The report is none, is too large, or is not about this request; nothing was posted.
pub async fn publish(args: &cli::Publish, world: &World<'_>, console: &Console) -> Result<Exit> {
    let started = Instant::now();
    let files = Files::of_publish(args, world)?;
    let name = args.report.display();
    let text = read(&world.cwd.join(&args.report)).with_context(|| format!("cannot publish `{name}`"))?;
    let digest = prompt::hash_of(&[&String::from_utf8_lossy(&text)]);
    let report = parse(&text).with_context(|| format!("cannot publish `{name}`"))?;
    let change = request::of(&report, args, world).with_context(|| format!("cannot publish `{name}`"))?;
    let purpose = if args.dry_run { Purpose::Show } else { Purpose::Publish };
    let setup = Setup::new(&change, &args.settings, world, console, purpose, false).await?;
    let output = Output::new(args.format, false, files, &setup, console, started);
    if let Some(why) = stale(&report, &setup) {
        console.notice(&why);
        return output.undelivered(Report { delivery: deliver::undelivered(vec![why.into()]), ..report });
    }
    check_against_host(&report, &setup).with_context(|| format!("cannot publish `{name}`"))?;
    world.stop.ends_in_order();
    deliver_it(report, digest, &setup, &output, (&world.stop, console)).await
}

/// What was reviewed, for the next run: where the workflow of the base branch made the report, which nobody who opens a
/// request can write, with the prompts that this program has.
async fn reviewed(report: &Report, mut kept: Diff, setup: &Setup) -> Result<Option<Memory>> {
    let run = setup.actions().map(source::event).transpose()?.unwrap_or_default();
    let is_of_base = run["workflow_run"]["event"] == "pull_request_target";
    let is_whole = report.status == Status::Complete && asked_model(report);
    if !is_of_base || !is_whole || report.tool.prompt != prompt::hash() {
        return Ok(None);
    }
    let provider = if setup.config.provider == Provider::Azure { Resolved::Azure } else { Resolved::OpenAi };
    // what only the other job was told to leave out was not reviewed
    let left_out = report.coverage.left_out().map(|file| file.path.as_str()).collect::<HashSet<_>>();
    kept.files.retain(|file| !left_out.contains(file.path().as_str()));
    let guides = orientation::guides(setup, &kept).await;
    Ok(Memory::of(&redact::apply(kept).0, &review_key(&setup.config, provider, &guides), |_| false))
}

/// Whether a model has seen the change, now or before.
fn asked_model(report: &Report) -> bool {
    !report.chunks.is_empty() || report.coverage.remembered() > 0
}

async fn deliver_it(
    mut report: Report,
    digest: String,
    setup: &Setup,
    output: &Output<'_>,
    (stop, console): (&Stop, &Console),
) -> Result<Exit> {
    let is_posted = setup.change.state.published.as_ref() == Some(&digest);
    let (kept, skipped) = filtered(setup).await?;
    let is_empty = kept.changed_lines() == 0;
    let reviewed = reviewed(&report, kept, setup).await?;
    let (diff, _) = redact::apply(setup.change.diff.clone());
    let refused = refused(setup, console).await?;
    let left_out = |path: &str| skipped.iter().any(|skip| skip.path.as_str() == path);
    let earlier = standing::read(&setup.change.conversation, &setup.change.state, &refused, &diff, &left_out);
    // where nothing is left of the change, what stood on it has ended
    if report.status == Status::NothingToReview && (!is_empty || earlier.is_empty()) {
        let why = "nothing to publish: the other job had nothing to review";
        console.notice(why);
        return output.finish(setup.empty_report(&why.into(), console.notices()), &Diff::default());
    }
    let judgement = settle(&mut report, &diff, &earlier, setup, is_empty);
    let notes = std::mem::take(&mut report.delivery.notes).into_iter();
    let notes = notes.map(|note| Note::from(redact::text(note.english()).into_owned()));
    report.delivery = deliver::undelivered(notes.chain(console.notices()).collect());
    report.cost.limit_usd = report.cost.limit_usd.filter(|usd| *usd >= 0.0);
    let so_far = deliver::earlier_cost(&setup.change);
    // the same report twice was paid for once
    report.cost.total_usd =
        if is_posted { so_far } else { report.cost.usd.zip(so_far).map(|(usd, so_far)| usd + so_far) };
    if let (Some(forge), Purpose::Publish) = (setup.target.forge(), setup.purpose) {
        let annotate = |text: &str| output.annotate(text);
        let posting = Posting {
            standing: &earlier,
            judgement: &judgement,
            memory: reviewed.as_ref(),
            has_code_quality: output.has_code_quality(),
            published: Some(digest),
            ..setup.posting(forge, &report, &annotate)
        };
        deliver::post_unless(stop, &mut report, &posting).await;
    }
    output.finish(report, &diff)
}

/// Puts the findings on the lines that the host has, and decides on them as a review does.
fn settle(
    report: &mut Report,
    diff: &Diff,
    earlier: &[Standing],
    setup: &Setup,
    is_empty: bool,
) -> findings::Judgement {
    let over = |suppressed: &Suppressed| suppressed.reason == Reason::OverCommentLimit;
    let (candidates, others): (Vec<_>, Vec<_>) = std::mem::take(&mut report.suppressed).into_iter().partition(over);
    let candidates = candidates.into_iter().map(|suppressed| suppressed.finding);
    let mut placed = Vec::new();
    let mut suppressed = Vec::new();
    let mut finder = Finder::new(diff, &|_| false);
    for mut finding in std::mem::take(&mut report.findings).into_iter().chain(candidates) {
        clean(&mut finding);
        match finder.find(&mut finding) {
            Code::Here => placed.push(finding),
            // the host has no lines of this file: it can be told, and not be applied
            Code::Unknown => placed.push(Finding { suggestion: None, ..finding }),
            Code::Gone => {
                suppressed.push(Suppressed::new(Reason::Unanchored, finding));
            }
        }
    }
    let failed: HashSet<&str> = report.coverage.failed.iter().map(|lines| lines.path.as_str()).collect();
    let has_model = is_empty || asked_model(report);
    let thresholds = Thresholds {
        min_severity: &|path| setup.min_severity(path),
        min_confidence: setup.config.min_confidence,
        max_comments: setup.config.max_comments,
        dismissed: &setup.change.state.dismissed,
        is_conclusive: &|finding: &Finding| {
            !failed.contains(finding.path.as_str()) && (has_model || finding.origin == Origin::Check)
        },
    };
    let mut judgement = findings::settle(placed, earlier, &thresholds);
    // what the other job knew of earlier findings was looked up here anew
    let is_its_own = |s: &Suppressed| !matches!(s.reason, Reason::AlreadyPosted | Reason::Dismissed);
    let others = others.into_iter().filter(is_its_own).map(|mut suppressed| {
        clean(&mut suppressed.finding);
        suppressed
    });
    suppressed.extend(others);
    judgement.suppressed.extend(suppressed);
    report.findings.clone_from(&judgement.findings);
    report.suppressed.clone_from(&judgement.suppressed);
    report.summary = redact::text(&report.summary).into_owned();
    judgement
}

/// A finding without secrets, and with a title of one line.
fn clean(finding: &mut Finding) {
    finding.title = cut(&printable(&redact::text(&finding.title)), LONGEST_TITLE);
    for text in [&mut finding.body].into_iter().chain(&mut finding.suggestion) {
        *text = redact::text(text).into_owned();
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    const HINT: &str = "hint: name the file that `prudence review --output` wrote";
    let size = std::fs::metadata(path).map_err(|err| anyhow!("{err}\n{HINT}"))?;
    if !size.is_file() || size.len() > LARGEST {
        bail!("it is no file of at most {} MB\n{HINT}", LARGEST >> 20);
    }
    Ok(std::fs::read(path)?)
}

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
    let is_money = |usd: &Option<f64>| usd.is_none_or(|usd| usd.is_finite() && (0.0..1e6).contains(&usd));
    let lists = [coverage.skipped.len(), coverage.failed.len(), coverage.cut.len(), report.chunks.len()];
    // numbers of a stranger: their sum may be more than any of them can be
    let wide = |count: usize| count as u128;
    let skipped: u128 = coverage.skipped.iter().map(|file| wide(file.changed_lines)).sum();
    let failed: u128 = coverage.failed.iter().map(|lines| wide(lines.changed_lines)).sum();
    let parts = skipped + failed + wide(coverage.changed_lines_reviewed);
    let usd = [&report.cost.usd, &report.cost.total_usd].into_iter().chain(report.cost.models.iter().map(|m| &m.usd));
    // a price for cached input may be the higher one
    let saved = report.cost.cached_saved_usd.map(f64::abs);
    let is_word =
        |word: &str| word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let is_reason = |reason: &str| {
        let by_file = SkipReason::ALL.into_iter().map(SkipReason::as_str);
        let by_hunk = Why::ALL.into_iter().map(Why::as_str);
        by_file.chain(by_hunk).chain([REVIEWED_BEFORE, REQUEST_SKIPPED]).any(|known| known == reason)
    };
    let is_model_name = |name: &str| name.chars().count() <= 200;
    match () {
        () if report.schema != SCHEMA => Some("its `schema` is another".to_owned()),
        () if all().count() > MOST_FINDINGS => Some(format!("it has more than {MOST_FINDINGS} findings")),
        () if lists.iter().any(|length| *length > MOST)
            || report.delivery.notes.len() > 100
            || report.cost.models.len() > 20 =>
        {
            Some(format!("a list in it has more than {MOST} entries, or more than a report has"))
        }
        () if ![&report.tool.version, &report.tool.prompt].into_iter().all(|word| is_word(word)) => {
            Some("its `tool` has a version or a hash that is none".to_owned())
        }
        () if !coverage.skipped.iter().all(|file| is_reason(&file.reason)) => {
            Some("a file in it is skipped for a reason that is none".to_owned())
        }
        () if parts != wide(coverage.changed_lines) => Some("its `coverage` does not add up".to_owned()),
        () if !usd.into_iter().chain([&saved]).all(is_money) => Some("its `cost` is none".to_owned()),
        () if !report.cost.models.iter().all(|model| is_model_name(&model.model)) => {
            Some("a model in it has an absurd name".to_owned())
        }
        () => texts_of(report)
            .find(|text| text.chars().count() > LONGEST)
            .map(|_| format!("a text in it has more than {LONGEST} characters"))
            .or_else(|| all().find_map(finding_problem)),
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

/// Why a report comes too late, where that is so: somebody pushed since.
fn stale(report: &Report, setup: &Setup) -> Option<String> {
    let (reviewed, now) = (report.change.head_sha.as_deref()?, setup.change.info.head_sha.as_deref()?);
    let is_sha = reviewed.len() == 40 && reviewed.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = |sha: &str| sha.chars().take(9).collect::<String>();
    (is_sha && reviewed != now).then(|| {
        format!(
            "not published: the report is about {}, and the head of the request is {}; the run for that one reviews it",
            short(reviewed),
            short(now)
        )
    })
}

/// Makes sure that the report is about the change that the host has, and that the run that made it is one of this request.
fn check_against_host(report: &Report, setup: &Setup) -> Result<()> {
    if report.change.head_sha.is_none() || report.change.head_sha != setup.change.info.head_sha {
        bail!("it does not name the head that it is about");
    }
    if let Some(event) = setup.actions().map(source::event).transpose()? {
        let run = &event["workflow_run"];
        // a run of `pull_request_target` is one of the base branch, and its head says nothing
        let is_of_head = run["event"] == "pull_request";
        if is_of_head && run["head_sha"].as_str() != report.change.head_sha.as_deref() {
            bail!("it is about another head than the run that made it");
        }
    }
    let host = &setup.change.diff;
    let is_whole = !host.files.iter().any(FileDiff::is_missing);
    let said = report.coverage.changed_lines;
    if is_whole && report.status != Status::NothingToReview && said != host.changed_lines() {
        bail!("it is about {said} changed lines, and the request has {}", host.changed_lines());
    }
    Ok(())
}
