//! The report of a run, from its parts.

use std::collections::HashSet;

use crate::config::provider::Resolved;
use crate::console::Console;
use crate::deliver;
use crate::findings::{self, Finding, Judgement, Thresholds};
use crate::prepare::Prepared;
use crate::report::{self, ChangeInfo, Cost, ModelCost, Report, Status, Tool};
use crate::review::Outcome;
use crate::review::schema::Draft;
use crate::setup::Setup;
use crate::usage::{self, Meter, PRICED_ON};

/// Drafts, check hits and earlier findings → findings, with no secret in them.
pub fn judge(setup: &Setup, prepared: &Prepared, outcomes: &[Outcome]) -> Judgement {
    let failed = failed_paths(prepared, outcomes);
    let has_model = setup.provider != Resolved::Offline;
    // a check looks at everything; a model at what was asked about it
    let is_conclusive =
        |finding: &Finding| finding.origin == findings::Origin::Check || (has_model && !failed.contains(&finding.path));
    let thresholds = Thresholds {
        min_severity: &|path| setup.min_severity(path),
        min_confidence: setup.config.min_confidence,
        max_comments: setup.config.max_comments,
        dismissed: &setup.change.state.dismissed,
        is_conclusive: &is_conclusive,
    };
    let (diff, hits) = (&prepared.plan.diff, prepared.hits.clone());
    let mut judgement = findings::judge(diff, hits, drafts(outcomes), &prepared.standing, &thresholds);
    let clean = |finding: &mut Finding| {
        let texts = [&mut finding.title, &mut finding.body, &mut finding.quote];
        for text in texts.into_iter().chain(&mut finding.suggestion) {
            *text = prepared.redactions.clean(text).into_owned();
        }
    };
    judgement.findings.iter_mut().for_each(clean);
    judgement.suppressed.iter_mut().for_each(|suppressed| clean(&mut suppressed.finding));
    judgement
}

/// The files of which some part was not reviewed.
fn failed_paths(prepared: &Prepared, outcomes: &[Outcome]) -> HashSet<String> {
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err());
    failed.flat_map(|outcome| prepared.plan.paths(&outcome.chunk)).collect()
}

fn drafts(outcomes: &[Outcome]) -> Vec<Draft> {
    let answers = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    answers.flat_map(|answer| answer.drafts.clone()).collect()
}

/// Puts together what was judged, what was looked at, and what it cost.
pub fn assemble(
    setup: &Setup,
    prepared: &Prepared,
    outcomes: &[Outcome],
    judgement: &Judgement,
    meter: &Meter,
    console: &Console,
) -> Report {
    let plan = &prepared.plan;
    let failures: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| Some((plan.spans(&outcome.chunk), outcome.result.as_ref().err()?.clone())))
        .collect();
    let coverage = report::coverage(plan, &prepared.skipped, &failures);
    let status = match () {
        () if !coverage.failed.is_empty() => Status::Incomplete,
        () if plan.diff.changed_lines() == 0 => Status::NothingToReview,
        () => Status::Complete,
    };
    let title = setup.masked_title().map(|title| prepared.redactions.clean(&title).into_owned());
    let summary = prepared.redactions.clean(&summary_of(outcomes)).into_owned();
    Report {
        schema: report::SCHEMA.to_owned(),
        tool: Tool::this(),
        change: ChangeInfo { title, ..setup.change.info.clone() },
        status,
        summary,
        findings: judgement.findings.clone(),
        suppressed: judgement.suppressed.clone(),
        coverage,
        chunks: if setup.provider == Resolved::Offline { Vec::new() } else { report::chunks(plan, outcomes) },
        usage: meter.totals(),
        cost: cost(setup, meter),
        delivery: deliver::undelivered(notes(meter, console)),
    }
}

/// What the parts of the change do, each thing once, and no longer than people read.
fn summary_of(outcomes: &[Outcome]) -> String {
    const MOST_PARTS: usize = 5;
    const LONGEST: usize = 1500;
    let answers = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    let mut parts: Vec<&str> = Vec::new();
    for part in answers.map(|answer| answer.summary.trim()).filter(|part| !part.is_empty()) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let is_cut = parts.len() > MOST_PARTS;
    parts.truncate(MOST_PARTS);
    let text = match parts.as_slice() {
        [only] => (*only).to_owned(),
        _ => parts.iter().map(|part| format!("- {}", part.replace('\n', " "))).collect::<Vec<_>>().join("\n"),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None if is_cut => format!("{text}\n- …"),
        None => text,
    }
}

fn cost(setup: &Setup, meter: &Meter) -> Cost {
    let usd = meter.usd();
    let earlier = deliver::earlier_cost(&setup.change);
    let model = |(model, _, usd): (String, usage::Usage, Option<f64>)| {
        let is_ours = usd.is_some() && !setup.config.prices.contains_key(&model);
        ModelCost { model, usd, priced_on: is_ours.then(|| PRICED_ON.to_owned()) }
    };
    Cost {
        usd,
        total_usd: usd.zip(earlier).map(|(usd, earlier)| usd + earlier),
        limit_usd: meter.limit_usd(),
        unconfirmed_requests: meter.unconfirmed_requests(),
        models: meter.by_model().into_iter().map(model).collect(),
    }
}

/// What the reader should know of how the run went.
fn notes(meter: &Meter, console: &Console) -> Vec<String> {
    let mut notes = console.notices();
    let count = |count: u64| report::plural(usize::try_from(count).unwrap_or(usize::MAX), "request");
    if meter.unconfirmed_requests() > 0 {
        notes.push(format!(
            "{} may have been billed without an answer; the cost does not hold them",
            count(meter.unconfirmed_requests())
        ));
    }
    if meter.estimated_requests() > 0 {
        notes.push(format!(
            "the server told no token counts for {}; they are estimated",
            count(meter.estimated_requests())
        ));
    }
    notes
}
