//! The report of a run, from its parts.

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::config::provider::Resolved;
use crate::console::Console;
use crate::deliver;
use crate::diff::FileDiff;
use crate::findings::gather::Rules;
use crate::findings::{self, Finding, Gathered, Judgement, Placed, Said, Thresholds, exclude};
use crate::meaning::Vectors;
use crate::plan::Plan;
use crate::prepare::Prepared;
use crate::report::{self, ChangeInfo, Cost, ModelCost, Report, Status, Tool};
use crate::review::{self, Outcome};
use crate::setup::Setup;
use crate::tree::Tree;
use crate::usage::{self, Meter, PRICED_ON};
use crate::words::{Note, Words};

/// Check hits and drafts → candidates, each once, with the votes of the passes. What says the same is told by its words.
pub fn gather(setup: &Setup, prepared: &Prepared, tree: &Tree<'_>, outcomes: &[Outcome]) -> Gathered {
    join(setup, place(setup, prepared, tree, outcomes), Vectors::default())
}

/// Check hits and drafts → what may be reported, each as often as it was said.
pub fn place(setup: &Setup, prepared: &Prepared, tree: &Tree<'_>, outcomes: &[Outcome]) -> Placed {
    let plan = &prepared.plan;
    // read once, however many drafts are about it
    let texts: Vec<OnceCell<Option<String>>> = plan.diff.files.iter().map(|_| OnceCell::new()).collect();
    let text = |file: usize| texts.get(file)?.get_or_init(|| text_of(tree, plan.diff.files.get(file)?)).as_deref();
    let rules =
        Rules { answered: &|path| answered(plan, outcomes, path), wants_style: wants_style(setup), text: &text };
    findings::place(&plan.diff, prepared.hits.clone(), said(outcomes), &rules)
}

/// What may be reported → candidates, each once, with the votes of the passes.
pub fn join(setup: &Setup, placed: Placed, vectors: Vectors) -> Gathered {
    let mut gathered = placed.join(vectors);
    gathered.outvote_first(setup.config.effort);
    gathered
}

/// Candidates and earlier findings → findings, with no secret in them.
pub fn judge(setup: &Setup, prepared: &Prepared, outcomes: &[Outcome], mut gathered: Gathered) -> Judgement {
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
    gathered.outvote(setup.config.effort);
    let mut judgement = findings::judge(gathered, &prepared.standing, &thresholds);
    let clean = |finding: &mut Finding| {
        let texts = [&mut finding.title, &mut finding.body, &mut finding.quote];
        for text in texts.into_iter().chain(&mut finding.suggestion) {
            *text = prepared.redactions.clean(text).into_owned();
        }
    };
    judgement.findings.iter_mut().for_each(clean);
    for suppressed in &mut judgement.suppressed {
        clean(&mut suppressed.finding);
        if let Some(why) = &mut suppressed.why {
            *why = prepared.redactions.clean(why).into_owned();
        }
    }
    judgement
}

/// Whether the team's instructions ask for remarks on style.
fn wants_style(setup: &Setup) -> bool {
    let of_paths = setup.config.paths.iter().filter_map(|rule| rule.instructions.as_deref());
    setup.config.instructions.as_deref().into_iter().chain(of_paths).any(exclude::wants_style)
}

/// The text of a changed file as the change leaves it, where the repository has just that.
fn text_of(tree: &Tree<'_>, file: &FileDiff) -> Option<String> {
    let text = tree.file(file.path().as_str())?;
    let text = std::str::from_utf8(&text).ok()?.to_owned();
    tree.agrees(file).then_some(text)
}

/// How many passes got an answer for something of a file.
fn answered(plan: &Plan, outcomes: &[Outcome], path: &str) -> usize {
    let is_of =
        |outcome: &Outcome| outcome.chunk.pieces.iter().any(|p| plan.diff.files[p.file].path().as_str() == path);
    let answered = outcomes.iter().filter(|outcome| outcome.result.is_ok() && is_of(outcome));
    answered.map(|outcome| outcome.pass).collect::<HashSet<_>>().len()
}

/// The files of which some part was not reviewed.
fn failed_paths(prepared: &Prepared, outcomes: &[Outcome]) -> HashSet<String> {
    let failed = review::best(&prepared.plan, outcomes).into_iter().filter(|outcome| outcome.result.is_err());
    failed.flat_map(|outcome| prepared.plan.paths(&outcome.chunk)).collect()
}

fn said(outcomes: &[Outcome]) -> Vec<Said> {
    let of = |outcome: &Outcome| {
        let pass = outcome.pass;
        let drafts = outcome.result.as_ref().map(|answer| answer.drafts.clone()).unwrap_or_default();
        drafts.into_iter().map(move |draft| Said { pass, draft })
    };
    outcomes.iter().flat_map(of).collect()
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
    let best = review::best(plan, outcomes);
    let failures: Vec<_> = best
        .iter()
        .filter_map(|outcome| Some((plan.spans(&outcome.chunk), outcome.result.as_ref().err()?.clone())))
        .collect();
    let coverage = report::coverage(plan, &prepared.skipped, &failures);
    let status = match () {
        () if !coverage.failed.is_empty() => Status::Incomplete,
        () if plan.diff.changed_lines() == 0 => Status::NothingToReview,
        // all of it needs no reviewer
        () if coverage.changed_lines_reviewed + coverage.remembered() == 0 && judgement.findings.is_empty() => {
            Status::NothingToReview
        }
        () => Status::Complete,
    };
    let title = setup.masked_title().map(|title| prepared.redactions.clean(&title).into_owned());
    let answers = best.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    let summary = summary_of(answers.map(|answer| answer.summary.as_str()));
    let summary = prepared.redactions.clean(&summary).into_owned();
    Report {
        schema: report::SCHEMA.to_owned(),
        tool: Tool::this(),
        change: ChangeInfo { title, ..setup.change.info.clone() },
        status,
        summary,
        findings: judgement.findings.clone(),
        suppressed: judgement.suppressed.clone(),
        coverage,
        chunks: if setup.provider == Resolved::Offline {
            Vec::new()
        } else {
            report::chunks(plan, &best, outcomes, &setup.config.model)
        },
        usage: meter.totals(),
        cost: cost(setup, meter),
        delivery: deliver::undelivered(notes(meter, setup.words(), console)),
        shard: prepared.shard.clone(),
        why_nothing: None,
    }
}

/// What the parts of the change do, each thing once, and no longer than people read.
pub fn summary_of<'a>(said: impl Iterator<Item = &'a str>) -> String {
    const MOST_PARTS: usize = 5;
    const LONGEST: usize = 1500;
    let mut parts: Vec<&str> = Vec::new();
    for part in said.map(str::trim).filter(|part| !part.is_empty()) {
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
    let model = |usage::Spent { model, usd, .. }| {
        let is_ours = usd.is_some() && !setup.config.prices.contains_key(&model);
        ModelCost { model, usd, priced_on: is_ours.then(|| PRICED_ON.to_owned()) }
    };
    Cost {
        usd,
        total_usd: usd.zip(earlier).map(|(usd, earlier)| usd + earlier),
        limit_usd: meter.limit_usd(),
        unconfirmed_requests: meter.unconfirmed_requests(),
        models: meter.by_model().into_iter().map(model).collect(),
        cached_saved_usd: meter.cached_saved_usd(),
    }
}

/// What the reader should know of how the run went.
fn notes(meter: &Meter, words: &Words, console: &Console) -> Vec<Note> {
    let mut notes = console.notices();
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let (unconfirmed, estimated) = (count(meter.unconfirmed_requests()), count(meter.estimated_requests()));
    if unconfirmed > 0 {
        notes.push(Note::new(words, |words| words.unconfirmed.of(unconfirmed)));
    }
    if estimated > 0 {
        let told = |words: &Words| words.estimated.with(&[("requests", &words.requests.of(estimated))]);
        notes.push(Note::new(words, told));
    }
    notes
}
