//! `prudence eval`: what a review is worth, measured on changes with known defects.
//!
//! Each case goes through the pipeline that reviews a request ([`mod@bench`]). Beside it stand reviewers that need no thought
//! ([`baselines`]), which tell what a measure is worth, and what the pipeline restores of damaged answers ([`damage`]),
//! which needs no model. [`matching`] says which remark is which known defect, [`score`] and [`metric`] what that is worth.

pub mod baselines;
pub mod bench;
pub mod compare;
pub mod damage;
pub mod dataset;
pub mod judge;
pub mod matching;
pub mod metric;
mod page;
mod plot;
pub mod score;
mod tables;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::cli::{self, EvalFormat, Format};
use crate::config::env::Env;
use crate::config::layer::Layer;
use crate::config::provider::{Facts, Resolved};
use crate::config::{self, Config, Effort, file};
use crate::console::Console;
use crate::examine::{Asking, tape};
use crate::ledger::{self, Account, Place};
use crate::meaning::Weights;
use crate::output::{for_log, write_json, write_page};
use crate::page::table;
use crate::report;
use crate::setup::{asked_provider, check_names, planned_provider, read_config};
use crate::source::World;
use crate::status::Exit;
use crate::usage::Meter;
use bench::Bench;
use compare::Comparison;
use damage::Robustness;
use dataset::{Case, Dataset};
use score::{CaseResult, Scores};
use tables::{headline, tables};

/// What an evaluation found. `prudence.eval/v1`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// `prudence.eval/v1`.
    pub schema: String,
    /// What evaluated.
    pub tool: Tool,
    /// The changes.
    pub dataset: About,
    /// Who was asked and how; `None` where nobody was.
    pub settings: Option<Settings>,
    /// The model that judged, where one did.
    pub judging: Option<Judging>,
    /// The reviewers, this program first.
    pub reviewers: Vec<Reviewer>,
    /// What is restored of damaged answers.
    pub robustness: Robustness,
    /// Cases that could not be run or read. They, and their known defects, are in no number above.
    pub failed: Vec<Failed>,
    /// Against an earlier evaluation.
    pub comparison: Option<Comparison>,
}

/// This program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tool {
    /// Its version.
    pub version: String,
    /// The hash of its prompts.
    pub prompt: String,
}

/// What was evaluated on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct About {
    /// The folder's name.
    pub name: String,
    /// Changes that were taken.
    pub cases: usize,
    /// Those of them without a defect.
    pub clean: usize,
    /// Known defects.
    pub known: usize,
}

/// Who was asked, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the keys of the configuration")]
pub struct Settings {
    pub model: String,
    pub verify_model: String,
    pub effort: Effort,
    pub verify: bool,
    pub context: config::ContextLevel,
}

/// A model that judged which remark is which known defect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judging {
    /// Its name.
    pub model: String,
    /// The hash of its prompt.
    pub prompt: String,
    /// Pairs about which it was asked.
    pub pairs: usize,
    /// Dollars; `None` for a model without a price. In no cost of a reviewer.
    pub usd: Option<f64>,
}

/// A reviewer, and what it is worth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reviewer {
    /// Its name.
    pub name: String,
    /// How it asked, where it asked a model.
    pub settings: Option<Settings>,
    /// Why it could not be run, where it could not.
    pub unable: Option<String>,
    /// Case by case; empty where it could not be run.
    pub cases: Vec<CaseResult>,
    /// Over all cases; `None` where it could not be run.
    pub scores: Option<Scores>,
}

/// A case that could not be evaluated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failed {
    /// The reviewer that could not review it; `None` where nobody could read it.
    pub reviewer: Option<String>,
    /// The case.
    pub case: String,
    /// Its known defects, which are in no number.
    pub known: usize,
    /// Why.
    pub why: String,
}

const SCHEMA: &str = "prudence.eval/v1";

/// Evaluates a dataset, and prints what came of it.
///
/// # Errors
/// The dataset, the configuration or an earlier evaluation cannot be read, or no case could be run.
pub async fn run(args: &cli::Eval, world: &World<'_>, console: &Console) -> Result<Exit> {
    let folder = world.cwd.join(&args.dataset);
    let dataset = chosen(Dataset::read(&folder)?, args)?;
    let old = args.compare.as_ref().map(|path| read_old(&world.cwd.join(path))).transpose()?;
    let (config, provider) = who(args, world, console)?;
    let evaluation = evaluate(args, world, console, &dataset, &config, provider, old.as_ref()).await?;
    if evaluation.reviewers.iter().all(|reviewer| reviewer.cases.is_empty()) {
        let first = evaluation.failed.first();
        let (case, why) = first.map(|failed| (failed.case.as_str(), failed.why.as_str())).unwrap_or_default();
        bail!("no case could be evaluated; the first, `{case}`: {why}");
    }
    if let Some(path) = &args.output {
        write_json(&world.cwd.join(path), &evaluation)?;
    }
    if let Some(path) = &args.html {
        write_page(&world.cwd.join(path), &page::page(&evaluation))?;
    }
    let is_actions = (world.env)("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    console.result(&match args.format {
        EvalFormat::Json => for_log(&(serde_json::to_string_pretty(&evaluation)? + "\n"), Format::Json, is_actions),
        EvalFormat::Terminal => table::terminal(&headline(&evaluation), &tables(&evaluation)),
        EvalFormat::Markdown => {
            for_log(&table::markdown(&headline(&evaluation), &tables(&evaluation)), Format::Markdown, is_actions)
        }
        EvalFormat::Html => for_log(&page::page(&evaluation), Format::Markdown, is_actions),
    });
    Ok(if evaluation.failed.is_empty() { Exit::Clean } else { Exit::Incomplete })
}

async fn evaluate(
    args: &cli::Eval,
    world: &World<'_>,
    console: &Console,
    dataset: &Dataset,
    config: &Config,
    provider: Resolved,
    old: Option<&Evaluation>,
) -> Result<Evaluation> {
    let started = Instant::now();
    let asking = Asking::with_tape(config, &world.stop, tape(&args.answers, &world.cwd)?);
    let (ledger, is_replayed) = (args.ledger.as_ref(), args.answers.replay.is_some());
    let place = || Place::of_eval(&About::of(dataset).name);
    let account = Account::open(ledger, is_replayed, place, &asking.meter, world, console, started);
    world.stop.ends_in_order();
    let judges = || Arc::new(Meter::part_of(asking.meter.clone()));
    let judge = args.judge.clone().filter(|_| provider != Resolved::Offline).map(|model| (model, judges()));
    if args.judge.is_some() && judge.is_none() {
        console.notice("nobody judges, since no model is asked: words alone decide");
    }
    let weights = Weights::with(dataset.texts());
    let (jobs, failed) = (args.jobs, Vec::new());
    let mut bench = Bench { dataset, weights, config, provider, asking, judge, jobs, console, failed, judged: 0 };
    let cases = bench.read();
    let reviewers = bench.reviewers(&cases).await;
    let settings = (provider != Resolved::Offline).then(|| Settings::of(config));
    let judging = bench.judging();
    let status = if bench.failed.is_empty() { report::Status::Complete } else { report::Status::Incomplete };
    account.and_then(|account| account.close(&ledger::Outcome::of_status(status.as_str())));
    let comparison = old.map(|old| against(old, reviewers.first(), judging.as_ref()));
    Ok(Evaluation {
        schema: SCHEMA.to_owned(),
        tool: Tool { version: env!("CARGO_PKG_VERSION").to_owned(), prompt: crate::prompt::hash() },
        dataset: About::of(dataset),
        settings,
        judging,
        reviewers,
        robustness: Bench::robustness(&cases),
        failed: bench.failed,
        comparison,
    })
}

/// The cases that were asked for.
fn chosen(mut dataset: Dataset, args: &cli::Eval) -> Result<Dataset> {
    if !args.case.is_empty() {
        if let Some(unknown) = args.case.iter().find(|id| dataset.cases.iter().all(|case| case.id != **id)) {
            bail!("the dataset has no case `{unknown}`\nhint: `instance_id` in `cases.jsonl` names them");
        }
        dataset.cases.retain(|case| args.case.contains(&case.id));
    }
    dataset.cases.truncate(args.limit.unwrap_or(usize::MAX));
    Ok(dataset)
}

fn read_old(path: &Path) -> Result<Evaluation> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
    serde_json::from_str(&text)
        .map_err(|err| anyhow!("`{name}` is no evaluation: {err}\nhint: `prudence eval --output FILE` writes one"))
}

/// Holds this program against an earlier evaluation of it, and says what else has changed.
fn against(old: &Evaluation, new: Option<&Reviewer>, judging: Option<&Judging>) -> Comparison {
    let cases = |reviewer: Option<&Reviewer>| reviewer.map(|reviewer| reviewer.cases.clone()).unwrap_or_default();
    let mut comparison = compare::compare(&cases(old.reviewers.first()), &cases(new));
    let judge = |judging: Option<&Judging>| judging.map(|judging| (judging.model.clone(), judging.prompt.clone()));
    if judge(old.judging.as_ref()) != judge(judging) {
        comparison
            .notes
            .push("the two were not judged in the same way: their differences are partly the judge's".into());
    }
    comparison
}

/// The configuration of flags, environment and the file that a flag names, and who is asked. No file of a repository
/// steers a measurement.
fn who(args: &cli::Eval, world: &World<'_>, console: &Console) -> Result<(Config, Resolved)> {
    let file = match &args.settings.config {
        Some(named) => match read_config(&world.cwd, &world.cwd, Some(named))? {
            Some(text) => file::parse(&named.display().to_string(), &text, &check_names())?,
            None => Layer::default(),
        },
        None => Layer::default(),
    };
    let (config, origins) = config::load(args.settings.layer()?, &Env::new(world.env, None), file)?;
    let provider = match args.answers.is_played() {
        true => planned_provider(config.provider),
        false => asked_provider(config.provider, Facts::new(&config, &origins, false, false), console)?,
    };
    Ok((config, provider))
}

impl About {
    fn of(dataset: &Dataset) -> About {
        let name = dataset.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        About {
            name,
            cases: dataset.cases.len(),
            clean: dataset.cases.iter().filter(|case| case.expect_clean).count(),
            known: dataset.cases.iter().map(|case| case.references.len()).sum(),
        }
    }
}

impl Settings {
    fn of(config: &Config) -> Settings {
        Settings {
            model: config.model.clone(),
            verify_model: config.verify_model.clone(),
            effort: config.effort,
            // a single pass has none
            verify: config.verify && config.effort != Effort::Low,
            context: config.context,
        }
    }
}

impl Failed {
    fn new(reviewer: Option<&str>, case: &Case, why: String) -> Failed {
        Failed { reviewer: reviewer.map(str::to_owned), case: case.id.clone(), known: case.references.len(), why }
    }
}
