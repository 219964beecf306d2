//! A dataset on the bench: every case through the pipeline, and beside it reviewers that need no thought.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use futures_util::StreamExt as _;

use super::baselines;
use super::damage::Robustness;
use super::dataset::{Case, Dataset};
use super::judge::Judge;
use super::matching::{Remark, Table};
use super::score::{self, CaseResult, Scores};
use super::{Failed, Judging, Reviewer, Settings};
use crate::config::provider::Resolved;
use crate::config::{Config, Effort};
use crate::console::Console;
use crate::diff::{self, Diff};
use crate::examine::{Asking, client, examine};
use crate::findings::Finding;
use crate::meaning::Weights;
use crate::prepare::prepare;
use crate::prompt;
use crate::report::Status;
use crate::setup::{Purpose, Setup};
use crate::source::{Change, Target};
use crate::stop::Patience;
use crate::tree::Tree;
use crate::usage::Meter;

/// The name of this program among the reviewers.
pub const PRUDENCE: &str = "prudence";

/// The name of one pass without a second look.
pub const ONE_PASS: &str = "one pass";

/// A dataset, and everything that is needed to review it.
pub struct Bench<'a> {
    /// The changes.
    pub dataset: &'a Dataset,
    /// How much each word says.
    pub weights: Weights,
    /// The configuration of this program.
    pub config: &'a Config,
    /// Who is asked.
    pub provider: Resolved,
    /// The bill of the whole run, and the files that answer in the place of the server.
    pub asking: Asking,
    /// The model that judges, and its bill.
    pub judge: Option<(String, Arc<Meter>)>,
    /// Cases at a time.
    pub jobs: usize,
    /// Where progress is shown.
    pub console: &'a Console,
    /// What could not be evaluated so far.
    pub failed: Vec<Failed>,
    /// Pairs about which the judge was asked so far.
    pub judged: usize,
}

/// A case whose diff was read.
pub type Read = (Case, Diff);

impl Bench<'_> {
    /// The cases whose diffs can be read; the others are failures.
    pub fn read(&mut self) -> Vec<Read> {
        let mut read = Vec::new();
        for case in &self.dataset.cases {
            let diff = case.read_diff(&self.dataset.folder).and_then(|text| Ok(diff::parse(text)?));
            match diff {
                Ok(diff) => read.push((case.clone(), diff)),
                Err(err) => self.failed.push(Failed::new(None, case, format!("{err:#}"))),
            }
        }
        read
    }

    /// All reviewers, this program first.
    pub async fn reviewers(&mut self, cases: &[Read]) -> Vec<Reviewer> {
        let prudence = self.run(PRUDENCE, self.config, cases).await;
        let one = Config { effort: Effort::Low, verify: false, ..self.config.clone() };
        let one_pass = match () {
            () if self.provider == Resolved::Offline => Reviewer::unable(ONE_PASS, "it needs a model"),
            // the same questions would get the same answers
            () if self.config.effort == Effort::Low => Reviewer { name: ONE_PASS.to_owned(), ..prudence.clone() },
            () => self.run(ONE_PASS, &one, cases).await,
        };
        vec![
            prudence,
            one_pass,
            self.baseline("silence", cases, |_, _| Vec::new()),
            self.baseline("every tenth line", cases, |_, diff| baselines::every_tenth_line(diff)),
            self.baseline("the known defects", cases, |case, _| baselines::goldens(case)),
        ]
    }

    /// What is restored of damaged answers.
    pub fn robustness(cases: &[Read]) -> Robustness {
        let mut robustness = Robustness::default();
        cases.iter().for_each(|(case, diff)| robustness.try_case(case, diff));
        robustness
    }

    /// What judging took, where a model judged.
    pub fn judging(&self) -> Option<Judging> {
        let (model, meter) = self.judge.as_ref()?;
        let hash = prompt::hash_of(&[prompt::JUDGE_SYSTEM]).chars().take(12).collect();
        Some(Judging { model: model.clone(), prompt: hash, pairs: self.judged, usd: meter.usd() })
    }

    /// A reviewer that needs no thought. Its remarks are compared by their words, also where a model judges the others.
    fn baseline(&self, name: &str, cases: &[Read], remarks: impl Fn(&Case, &Diff) -> Vec<Remark>) -> Reviewer {
        let result = |(case, diff): &Read| {
            let remarks = remarks(case, diff);
            let table = Table::new(&remarks, &case.references, &self.weights);
            let result = score::compare(case, &remarks, &table, &self.weights);
            CaseResult { said: Vec::new(), missed: Vec::new(), ..result }
        };
        Reviewer::new(name, None, cases.iter().map(result).collect())
    }

    /// This program under a configuration, over all cases.
    async fn run(&mut self, name: &str, config: &Config, cases: &[Read]) -> Reviewer {
        self.console.start(cases.len());
        let this = &*self;
        let reviews = futures_util::stream::iter(cases).map(async |(case, diff)| {
            let result = this.case(name, config, case, diff).await;
            this.console.advance();
            result
        });
        let results: Vec<Result<(CaseResult, usize)>> = reviews.buffered(self.jobs.max(1)).collect().await;
        self.console.finish();
        let mut done = Vec::new();
        for (result, (case, _)) in results.into_iter().zip(cases) {
            match result {
                Ok((result, judged)) => {
                    self.judged += judged;
                    done.push(result);
                }
                Err(err) => self.failed.push(Failed::new(Some(name), case, format!("{err:#}"))),
            }
        }
        let settings = (self.provider != Resolved::Offline).then(|| Settings::of(config));
        Reviewer::new(name, settings, done)
    }

    /// Reviews one case as a request would be. Also says about how many pairs the judge was asked.
    ///
    /// # Errors
    /// Something of it could not be reviewed: then it tells nothing.
    async fn case(&self, name: &str, config: &Config, case: &Case, diff: &Diff) -> Result<(CaseResult, usize)> {
        let tree = match case.tree(&self.dataset.folder)? {
            Some(folder) => Tree::folder(&folder)?,
            None => Tree::nowhere("the dataset has no files of the repository"),
        };
        let setup = setup_of(case, diff, config, self.provider);
        let quiet = self.console.aside_of_reports();
        let prepared = prepare(&setup, &tree, &quiet).await?;
        let meter = Arc::new(Meter::part_of(self.asking.meter.clone()));
        let prefix = format!("{}/", case.id);
        let asking = Asking {
            meter: meter.clone(),
            cache: None,
            tape: self.asking.tape.clone(),
            prefix,
            stop: self.asking.stop.clone(),
        };
        let examined = examine(&setup, &prepared, &tree, &asking, &|_| {}, &quiet).await?;
        if let Some(why) = examined.refused {
            bail!("{why}");
        }
        if examined.report.status == Status::Incomplete {
            let why = examined.report.coverage.failed.first().map(|lines| lines.reason.clone()).unwrap_or_default();
            bail!("reviewed in part: {why}");
        }
        let remarks: Vec<Remark> = examined.report.findings.iter().map(remark).collect();
        let mut table = Table::new(&remarks, &case.references, &self.weights);
        let judged = self.judge(name, config, case, &remarks, &mut table).await?;
        let spent = meter.totals();
        let result = CaseResult {
            input_tokens: spent.input_tokens,
            cached_input_tokens: spent.cached_input_tokens,
            output_tokens: spent.output_tokens,
            usd: meter.usd(),
            ..score::compare(case, &remarks, &table, &self.weights)
        };
        Ok((result, judged))
    }

    async fn judge(
        &self,
        name: &str,
        config: &Config,
        case: &Case,
        remarks: &[Remark],
        table: &mut Table,
    ) -> Result<usize> {
        let Some((model, meter)) = &self.judge else { return Ok(0) };
        if table.near().is_empty() {
            return Ok(0);
        }
        let asking =
            Asking { meter: meter.clone(), tape: self.asking.tape.clone(), ..Asking::new(config, &self.asking.stop) };
        let client = client(config, self.provider, &asking, &self.console.aside_of_reports())?;
        // both reviewers have remarks of the same numbers
        let who = if name == PRUDENCE { String::new() } else { format!("{}/", name.replace(' ', "-")) };
        let judge =
            Judge { client: &client, model, prefix: format!("{}/{who}", case.id), concurrency: config.concurrency };
        judge.decide(remarks, &case.references, table).await.map_err(|err| anyhow!("not judged: {err}"))
    }
}

/// A case as a change on a desk.
fn setup_of(case: &Case, diff: &Diff, config: &Config, provider: Resolved) -> Setup {
    let mut change = Change::patch(diff.clone(), case.title.clone().filter(|title| !title.is_empty()));
    change.description = case.body.clone().unwrap_or_default();
    Setup {
        config: config.clone(),
        provider,
        target: Target::Patch(Default::default(), case.id.clone()),
        change,
        nothing: None,
        order: None,
        full: true,
        repo: None,
        ci: None,
        purpose: Purpose::Show,
        patience: Patience::endless(),
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

impl Reviewer {
    fn new(name: &str, settings: Option<Settings>, cases: Vec<CaseResult>) -> Reviewer {
        let scores = (!cases.is_empty()).then(|| Scores::of(&cases));
        let unable = cases.is_empty().then(|| "no case could be reviewed".to_owned());
        Reviewer { name: name.to_owned(), settings, unable, cases, scores }
    }

    fn unable(name: &str, why: &str) -> Reviewer {
        Reviewer {
            name: name.to_owned(),
            settings: None,
            unable: Some(why.to_owned()),
            cases: Vec::new(),
            scores: None,
        }
    }
}
