//! `prudence publish`: delivers a report that another job made.
//!
//! The report is hostile until shown otherwise: whoever opened the request may have written it. So its form and its sizes
//! are checked, it must be about the very request and head that the host knows, and each finding must quote the lines that
//! the host's own diff has; the host's address and all settings come from elsewhere. The reports of shards are put together
//! first, and each of them is checked alike.

mod form;
mod read;
mod request;
mod shards;

use std::collections::HashSet;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::cli;
use crate::config::Provider;
use crate::config::provider::Resolved;
use crate::console::Console;
use crate::deliver::{self, Posting};
use crate::diff::{Diff, FileDiff};
use crate::findings::standing::{self, Code, Finder, Standing};
use crate::findings::wording::LONGEST_TITLE;
use crate::findings::{self, Finding, Origin, Reason, Suppressed, Thresholds};
use crate::memory::Memory;
use crate::orientation;
use crate::output::{Files, Output};
use crate::prepare::{filtered, refused, review_key};
use crate::prompt;
use crate::redact;
use crate::report::{Report, Status};
use crate::screen::Screen;
use crate::setup::{Purpose, Setup};
use crate::source::{self, World};
use crate::status::Exit;
use crate::stop::Stop;
use crate::text::{cut, printable};
use crate::words::Note;
pub use form::parse;
use read::Reports;

/// Reads the report, or those of all shards, makes sure of them, and posts the result.
///
/// # Errors
/// The report is none, is too large, or is not about this request; nothing was posted.
pub async fn publish(args: &cli::Publish, world: &World<'_>, console: &Console) -> Result<Exit> {
    let started = Instant::now();
    let files = Files::of_publish(args, world)?;
    let Reports { name, digest, reports } = Reports::read(&args.reports, &world.cwd)?;
    let report = shards::merge(reports).with_context(|| format!("cannot publish `{name}`"))?;
    let change = request::of(&report, args, world).with_context(|| format!("cannot publish `{name}`"))?;
    let purpose = if args.dry_run { Purpose::Show } else { Purpose::Publish };
    let setup = Setup::new(&change, &args.settings, world, console, purpose, false).await?;
    let output = Output::new(args.format, false, files, &setup, (console, Screen::of_stdout(world.env)), started);
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
