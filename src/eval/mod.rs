//! `prudence eval`: what a review is worth, measured on changes with known defects.
//!
//! Each case goes through the pipeline that reviews a request. Beside it stand reviewers that need no thought, which tell
//! what a measure is worth, and what the pipeline restores of damaged answers, which needs no model.

pub mod baselines;
pub mod compare;
pub mod damage;
pub mod dataset;
pub mod matching;
pub mod score;
mod show;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::cli::{self, PlanFormat};
use crate::config::env::Env;
use crate::config::layer::Layer;
use crate::config::provider::{Facts, Resolved};
use crate::config::{self, Config, Effort, file};
use crate::console::Console;
use crate::diff::{self, Diff};
use crate::examine::{Asking, examine, tape};
use crate::findings::Finding;
use crate::meaning::Weights;
use crate::output::write_json;
use crate::prepare::prepare;
use crate::report::Status;
use crate::setup::{Purpose, Setup, asked_provider, check_names, planned_provider, read_config};
use crate::source::{Change, Target, World};
use crate::status::Exit;
use crate::tree::Tree;
use crate::usage::Usage;
use compare::Comparison;
use damage::Robustness;
use dataset::{Case, Dataset};
use matching::Remark;
use score::{CaseResult, Scores};

/// What an evaluation found. `prudence.eval/v1`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// `prudence.eval/v1`.
    pub schema: String,
    /// The version of this program and the hash of its prompts.
    pub tool: (String, String),
    /// Who was asked and how; `None` where nobody was.
    pub settings: Option<Settings>,
    /// The reviewers, this program first.
    pub reviewers: Vec<Reviewer>,
    /// What is restored of damaged answers.
    pub robustness: Robustness,
    /// Cases that could not be run or read, with the reason. They are in no number above.
    pub failed: Vec<(String, String)>,
    /// Against an earlier evaluation.
    pub comparison: Option<Comparison>,
}

/// Who was asked, and how.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the keys of the configuration")]
pub struct Settings {
    pub model: String,
    pub verify_model: String,
    pub effort: Effort,
    pub verify: bool,
    pub context: config::ContextLevel,
}

/// A reviewer, and what it is worth.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reviewer {
    /// Its name.
    pub name: String,
    /// Case by case; empty where it could not be run.
    pub cases: Vec<CaseResult>,
    /// Over all cases; `None` where it could not be run.
    pub scores: Option<Scores>,
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
    let mut bench = Bench {
        weights: Weights::with(dataset.texts()),
        asking: Asking { tape: tape(&args.answers, &world.cwd)?, ..Asking::new(&config) },
        dataset: &dataset,
        console,
        failed: Vec::new(),
    };
    let evaluation = bench.evaluate(&config, provider, old.as_deref()).await;
    if evaluation.reviewers.iter().all(|reviewer| reviewer.cases.is_empty()) {
        let (case, why) = evaluation.failed.first().cloned().unwrap_or_default();
        bail!("no case could be evaluated; the first, `{case}`: {why}");
    }
    if let Some(path) = &args.output {
        write_json(&world.cwd.join(path), &evaluation)?;
    }
    console.result(&match args.format {
        PlanFormat::Json => serde_json::to_string_pretty(&evaluation)? + "\n",
        PlanFormat::Terminal => show::terminal(&evaluation),
        PlanFormat::Markdown => format!("```text\n{}```\n", show::terminal(&evaluation)),
    });
    Ok(if evaluation.failed.is_empty() { Exit::Clean } else { Exit::Incomplete })
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

fn read_old(path: &Path) -> Result<Vec<CaseResult>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
    let old: Evaluation = serde_json::from_str(&text)
        .map_err(|err| anyhow!("`{name}` is no evaluation: {err}\nhint: `prudence eval --output FILE` writes one"))?;
    Ok(old.reviewers.into_iter().next().map(|reviewer| reviewer.cases).unwrap_or_default())
}

/// The configuration of flags, environment and a file that is named, and who is asked. What lies in a repository steers no
/// measurement.
fn who(args: &cli::Eval, world: &World<'_>, console: &Console) -> Result<(Config, Resolved)> {
    let env = Env::new(world.env, None);
    let file = match &args.settings.config {
        Some(path) => {
            let text = read_config(&world.cwd, &world.cwd, Some(path))?.unwrap_or_default();
            file::parse(&path.display().to_string(), &text, &check_names())?
        }
        None => Layer::default(),
    };
    let (config, origins) = config::load(args.settings.layer()?, &env, file)?;
    let provider = match args.answers.is_played() {
        true => planned_provider(config.provider),
        false => asked_provider(config.provider, Facts::new(&config, &origins, false, false), console)?,
    };
    Ok((config, provider))
}

/// A dataset on the bench.
struct Bench<'a> {
    dataset: &'a Dataset,
    weights: Weights,
    asking: Asking,
    console: &'a Console,
    failed: Vec<(String, String)>,
}

impl Bench<'_> {
    async fn evaluate(&mut self, config: &Config, provider: Resolved, old: Option<&[CaseResult]>) -> Evaluation {
        let diffs = self.diffs();
        let has_model = provider != Resolved::Offline;
        let mut reviewers = vec![self.reviewer("prudence", config, provider, &diffs).await];
        if has_model && config.effort == Effort::Low {
            reviewers.push(Reviewer::new("one pass", reviewers[0].cases.clone()));
        } else if has_model {
            let one = Config { effort: Effort::Low, verify: false, ..config.clone() };
            reviewers.push(self.reviewer("one pass", &one, provider, &diffs).await);
        } else {
            reviewers.push(Reviewer { name: "one pass".to_owned(), cases: Vec::new(), scores: None });
        }
        reviewers.push(self.baseline("silence", &diffs, |_, _| Vec::new()));
        reviewers.push(self.baseline("every tenth line", &diffs, |_, diff| baselines::every_tenth_line(diff)));
        reviewers.push(self.baseline("the known defects", &diffs, |case, _| baselines::goldens(case)));
        let mut robustness = Robustness::default();
        diffs.iter().for_each(|(case, diff)| robustness.try_case(case, diff));
        let comparison = old.map(|old| compare::compare(old, &reviewers[0].cases));
        let settings = has_model.then(|| Settings {
            model: config.model.clone(),
            verify_model: config.verify_model.clone(),
            effort: config.effort,
            verify: config.verify,
            context: config.context,
        });
        let tool = (env!("CARGO_PKG_VERSION").to_owned(), crate::prompt::hash());
        let failed = std::mem::take(&mut self.failed);
        Evaluation { schema: SCHEMA.to_owned(), tool, settings, reviewers, robustness, failed, comparison }
    }

    /// The cases whose diffs can be read.
    fn diffs(&mut self) -> Vec<(Case, Diff)> {
        let mut read = Vec::new();
        for case in &self.dataset.cases {
            let diff = case.read_diff(&self.dataset.folder).and_then(|text| Ok(diff::parse(text)?));
            match diff {
                Ok(diff) => read.push((case.clone(), diff)),
                Err(err) => self.failed.push((case.id.clone(), format!("{err:#}"))),
            }
        }
        read
    }

    fn baseline(&self, name: &str, diffs: &[(Case, Diff)], remarks: impl Fn(&Case, &Diff) -> Vec<Remark>) -> Reviewer {
        let result = |(case, diff): &(Case, Diff)| score::compare(case, &remarks(case, diff), &self.weights, None);
        Reviewer::new(name, diffs.iter().map(result).collect())
    }

    /// This program under a configuration.
    async fn reviewer(&mut self, name: &str, config: &Config, provider: Resolved, diffs: &[(Case, Diff)]) -> Reviewer {
        self.console.start(diffs.len());
        let mut cases = Vec::new();
        for (case, diff) in diffs {
            match self.review(case, diff, config, provider).await {
                Ok(result) => cases.push(result),
                Err(err) => self.failed.push((case.id.clone(), format!("{name}: {err:#}"))),
            }
            self.console.advance();
        }
        self.console.finish();
        Reviewer::new(name, cases)
    }

    /// Reviews one case as a request would be.
    ///
    /// # Errors
    /// Something of it could not be reviewed: then it tells nothing.
    async fn review(&mut self, case: &Case, diff: &Diff, config: &Config, provider: Resolved) -> Result<CaseResult> {
        let tree = match case.tree(&self.dataset.folder)? {
            Some(folder) => Tree::folder(&folder)?,
            None => Tree::nowhere("the dataset has no files of the repository"),
        };
        let setup = setup_of(case, diff, config, provider);
        let quiet = self.console.aside_of_reports();
        let prepared = prepare(&setup, &tree, &quiet).await?;
        self.asking.prefix = format!("{}/", case.id);
        let (before, usd) = (self.asking.meter.totals(), self.asking.meter.usd());
        let examined = examine(&setup, &prepared, &tree, &self.asking, &|_| {}, &quiet).await?;
        if let Some(why) = examined.refused {
            bail!("{why}");
        }
        if examined.report.status == Status::Incomplete {
            let why = examined.report.coverage.failed.first().map(|lines| lines.reason.clone()).unwrap_or_default();
            bail!("reviewed in part: {why}");
        }
        let remarks: Vec<Remark> = examined.report.findings.iter().map(remark).collect();
        let after = self.asking.meter.totals();
        let spent = |of: fn(&Usage) -> u64| of(&after) - of(&before);
        Ok(CaseResult {
            input_tokens: spent(|usage| usage.input_tokens),
            cached_input_tokens: spent(|usage| usage.cached_input_tokens),
            output_tokens: spent(|usage| usage.output_tokens),
            usd: self.asking.meter.usd().zip(usd).map(|(after, before)| after - before),
            ..score::compare(case, &remarks, &self.weights, None)
        })
    }
}

impl Reviewer {
    fn new(name: &str, cases: Vec<CaseResult>) -> Reviewer {
        let scores = (!cases.is_empty()).then(|| score::scores(&cases));
        Reviewer { name: name.to_owned(), cases, scores }
    }
}

/// A case as a change on a desk.
fn setup_of(case: &Case, diff: &Diff, config: &Config, provider: Resolved) -> Setup {
    let mut change = Change::patch(diff.clone(), case.title.clone().filter(|title| !title.is_empty()));
    change.description = case.body.clone().unwrap_or_default();
    Setup {
        config: config.clone(),
        provider,
        target: Target::Patch(Vec::new(), case.id.clone()),
        change,
        nothing: None,
        order: None,
        full: true,
        repo: None,
        ci: None,
        purpose: Purpose::Show,
    }
}

fn remark(finding: &Finding) -> Remark {
    Remark {
        path: finding.path.clone(),
        side: finding.side,
        lines: (finding.start_line, finding.end_line),
        text: format!("{}\n{}", finding.title, finding.body),
    }
}
