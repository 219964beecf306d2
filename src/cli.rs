//! The command line.
//!
//! Flags that are settings stay texts here: [`Settings::layer`] reads them as a variable or the file is read, so that a
//! range and its message exist once.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::keys::{self, Key};
use crate::config::layer::{ConfigError, Layer, Origin, Source};
use crate::config::merge::MergeRef;
use crate::config::pull::PullRef;
use crate::config::value::Raw;
use crate::day::Day;
use crate::shard::{self, Shard};

/// The command line, parsed.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "prudence", version, about = "Reviews pull and merge requests in CI with a language model", long_about = None)]
#[command(arg_required_else_help = true, disable_help_subcommand = true, disable_help_flag = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to tell of it.
    #[command(flatten)]
    pub console: Console,
}

const EXAMPLES: &str = "Examples:
  prudence review --staged                  review what is about to be committed
  prudence review --pr owner/repo#7         review a pull request and post the findings
  prudence plan --base main                 show what a review would send and cost";

/// A command.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Review a change and deliver the result
    #[command(after_help = EXAMPLES)]
    Review(Review),
    /// Deliver a report that `review --output` made in another job
    #[command(after_help = EXAMPLES)]
    Publish(Publish),
    /// Show what `review` would send and cost; sends nothing
    #[command(after_help = EXAMPLES)]
    Plan(Plan),
    /// Send requests in a batch, at half the price
    Batch(Batch),
    /// Check key, endpoint, model, host token and git history; posts nothing
    #[command(after_help = EXAMPLES)]
    Doctor(Doctor),
    /// Measure what a review is worth, on changes with known defects
    #[command(after_help = EXAMPLES)]
    Eval(Eval),
    /// Sum up what reviews cost, from ledgers that `review --ledger` wrote
    #[command(after_help = EXAMPLES)]
    Cost(CostArgs),
    /// Print the effective configuration and where each value came from
    #[command(after_help = EXAMPLES)]
    Config(ConfigArgs),
    /// Write the workflow (GitHub) or the job (GitLab), and a commented `.prudence.toml`
    #[command(after_help = EXAMPLES)]
    Init(InitArgs),
}

/// `prudence review`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Review {
    /// Which change.
    #[command(flatten)]
    pub change: Change,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Default terminal; markdown, json, sarif, codequality, annotations, html
    #[arg(long, value_enum, default_value_t = Format::Terminal, help_heading = RESULT)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub format: Format,
    /// Also write the JSON report to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub output: Option<PathBuf>,
    /// Files that show the findings elsewhere.
    #[command(flatten)]
    pub widgets: Widgets,
    /// Post nothing
    #[arg(long, help_heading = RESULT)]
    pub dry_run: bool,
    /// Also put the result on the head as a check run
    #[arg(long, help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub check_run: bool,
    /// Files that answer instead of the model, or that take its answers.
    #[command(flatten)]
    pub answers: Answers,
    /// Keep the model's answers in this folder, and ask nothing twice
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub cache: Option<PathBuf>,
    /// Add a line on what the run cost to this file, for `prudence cost`
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub ledger: Option<PathBuf>,
    /// Review only this share of the change, such as 1/4, into `--output`; `publish` joins the reports
    #[arg(long, value_name = "K/N", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub shard: Option<Shard>,
    /// Show findings as they arrive (default on a terminal); where passes vote, at the end
    #[arg(long, hide_short_help = true, help_heading = RESULT)]
    pub stream: bool,
}

/// Files that answer instead of the model, or that take its answers.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Answers {
    /// Keep every exchange with the model in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["replay", "responses"])]
    #[arg(hide_short_help = true, help_heading = RESULT)]
    pub record: Option<PathBuf>,
    /// Answer from what `--record` kept, and ask nobody
    #[arg(long, value_name = "DIR", conflicts_with = "responses")]
    #[arg(hide_short_help = true, help_heading = RESULT)]
    pub replay: Option<PathBuf>,
    /// Answer from the output file of a batch, and ask nobody; may be repeated
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = RESULT)]
    pub responses: Vec<PathBuf>,
}

impl Answers {
    /// Whether nobody is asked, so that no key is needed.
    pub fn is_played(&self) -> bool {
        self.replay.is_some() || !self.responses.is_empty()
    }
}

/// `prudence publish`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Publish {
    /// The report of `review --output`, or the folder with those of all shards
    #[arg(value_name = "REPORT.json", required = true)]
    pub reports: Vec<PathBuf>,
    /// The pull request that it must be about: its URL or OWNER/REPO#N
    #[arg(long, value_name = "REQUEST")]
    pub pr: Option<PullRef>,
    /// The merge request that it must be about: its URL or GROUP/PROJECT!N
    #[arg(long, value_name = "REQUEST", conflicts_with = "pr")]
    pub mr: Option<MergeRef>,
    /// The repository (default: the one that holds this folder)
    #[arg(long, value_name = "DIR")]
    #[arg(hide_short_help = true)]
    pub repo: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Default terminal; markdown, json, sarif, codequality, annotations, html
    #[arg(long, value_enum, default_value_t = Format::Terminal, help_heading = RESULT)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub format: Format,
    /// Write the report, with what became of it, to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub output: Option<PathBuf>,
    /// Files that show the findings elsewhere.
    #[command(flatten)]
    pub widgets: Widgets,
    /// Post nothing
    #[arg(long, help_heading = RESULT)]
    pub dry_run: bool,
}

/// Files that show the findings elsewhere: in widgets of the hosts, and in a browser.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Widgets {
    /// Also write the findings as SARIF 2.1.0 to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub sarif: Option<PathBuf>,
    /// Also write them as a Code Quality report of GitLab to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub codequality: Option<PathBuf>,
    /// Also write the review as a page with filters and plots to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub html: Option<PathBuf>,
}

/// `prudence plan`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Plan {
    /// Which change.
    #[command(flatten)]
    pub change: Change,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Shown as terminal (default), markdown or json
    #[arg(long, value_enum, default_value_t = PlanFormat::Terminal, help_heading = RESULT)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub format: PlanFormat,
    /// Also write the plan in JSON to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub output: Option<PathBuf>,
    /// Cut the review into at most so many shards, for the jobs of a CI matrix
    #[arg(long, value_name = "N", value_parser = shards, conflicts_with = "requests", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub shards: Option<usize>,
    /// Write the requests to this file, as a batch takes them
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub requests: Option<PathBuf>,
    /// Only those that this output of a batch leaves open; may be repeated
    #[arg(long, value_name = "FILE", requires = "requests", help_heading = RESULT)]
    pub responses: Vec<PathBuf>,
}

/// How many shards there may be.
fn shards(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=shard::MOST).contains(count));
    count.ok_or_else(|| format!("it is a number from 1 to {}", shard::MOST))
}

/// `prudence batch`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Batch {
    /// What to do.
    #[command(subcommand)]
    pub command: BatchCommand,
}

/// What is done with batches.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum BatchCommand {
    /// Send the requests of `plan --requests` at half the price, wait, and fetch the answers
    #[command(after_help = BATCH_EXAMPLES)]
    Run(BatchRun),
}

const BATCH_EXAMPLES: &str = "Examples:
  prudence plan --requests next.jsonl
  prudence batch run next.jsonl --output answers.jsonl
  prudence plan --requests next.jsonl --responses answers.jsonl     the next round
  prudence review --responses answers.jsonl";

/// `prudence batch run`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct BatchRun {
    /// The requests that `plan --requests` wrote
    #[arg(value_name = "REQUESTS")]
    #[arg(hide_short_help = true)]
    pub requests: PathBuf,
    /// The answers: what is in this file stays, and is not asked again
    #[arg(long, value_name = "RESPONSES")]
    pub output: PathBuf,
    /// Time to wait for the answers (default: 25 hours); the same command goes on later
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    #[arg(hide_short_help = true)]
    pub deadline: Option<u64>,
    /// The model server: auto or openai
    #[arg(long, value_name = "NAME", value_parser = words(&keys::PROVIDER), help_heading = MODEL)]
    #[arg(hide_possible_values = true)]
    #[arg(hide_short_help = true)]
    pub provider: Option<String>,
    /// Root of its API
    #[arg(long, value_name = "URL", help_heading = MODEL)]
    #[arg(hide_short_help = true)]
    pub base_url: Option<String>,
    /// Read this file instead of `.prudence.toml`
    #[arg(long, value_name = "FILE", help_heading = MODEL)]
    #[arg(hide_short_help = true)]
    pub config: Option<PathBuf>,
}

impl BatchRun {
    /// The flags that are settings.
    pub fn settings(&self) -> Settings {
        let (provider, base_url, config) = (self.provider.clone(), self.base_url.clone(), self.config.clone());
        Settings { provider, base_url, config, ..Settings::default() }
    }
}

/// `prudence doctor`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Doctor {
    /// A pull request: its URL or OWNER/REPO#N (default: the one of the CI run)
    #[arg(long, value_name = "REQUEST")]
    pub pr: Option<PullRef>,
    /// A merge request: its URL or GROUP/PROJECT!N
    #[arg(long, value_name = "REQUEST", conflicts_with = "pr")]
    pub mr: Option<MergeRef>,
    /// The repository (default: the one that holds this folder)
    #[arg(long, value_name = "DIR")]
    #[arg(hide_short_help = true)]
    pub repo: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// `prudence config`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ConfigArgs {
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// The repository (default: the one that holds this folder)
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub repo: Option<PathBuf>,
    /// Print the JSON Schema of `.prudence.toml` instead
    #[arg(long, help_heading = RESULT)]
    pub schema: bool,
}

/// `prudence init`.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct InitArgs {
    /// Write the workflow for GitHub (default: for the host that `origin` is on)
    #[arg(long, conflicts_with = "gitlab")]
    pub github: bool,
    /// Write the job for GitLab CI
    #[arg(long)]
    pub gitlab: bool,
    /// Two workflows, for forks too: one has the key, the other posts
    #[arg(long)]
    pub forks: bool,
    /// Overwrite the workflow or job that is there, and nothing else
    #[arg(long)]
    pub force: bool,
    /// The repository (default: the one that holds this folder)
    #[arg(long, value_name = "DIR")]
    #[arg(hide_short_help = true)]
    pub repo: Option<PathBuf>,
}

/// Which change, as the flags have it; [`Change::source`] is what they mean.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Which change")]
pub struct Change {
    /// A unified diff; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// A pull request: its URL or OWNER/REPO#N
    #[arg(long, value_name = "REQUEST")]
    pub pr: Option<PullRef>,
    /// A merge request: its URL or GROUP/PROJECT!N
    #[arg(long, value_name = "REQUEST", conflicts_with = "pr")]
    pub mr: Option<MergeRef>,
    /// What came since the merge base with this revision
    #[arg(long, value_name = "REF", conflicts_with_all = ["staged", "worktree"])]
    pub base: Option<String>,
    /// The other end of `--base` (default: HEAD)
    #[arg(long, value_name = "REF", requires = "base")]
    #[arg(hide_short_help = true)]
    pub head: Option<String>,
    /// What is staged for the next commit
    #[arg(long, conflicts_with = "worktree")]
    pub staged: bool,
    /// What is not committed of tracked files, staged or not
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub worktree: bool,
    /// The repository (default: the one that holds this folder)
    #[arg(long, value_name = "DIR")]
    #[arg(hide_short_help = true)]
    pub repo: Option<PathBuf>,
    /// Review again what was reviewed before
    #[arg(long)]
    pub full: bool,
}

/// The change that the flags mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSource {
    /// A file with a unified diff.
    Patch(PathBuf),
    /// A unified diff on standard input.
    Stdin,
    /// A pull request.
    Pull(PullRef),
    /// A merge request.
    Merge(MergeRef),
    /// From the merge base with `base` to `head`, which is `HEAD` where not given.
    Range {
        /// The revision from whose merge base on.
        base: String,
        /// The revision to which.
        head: Option<String>,
    },
    /// The index.
    Staged,
    /// The index and the files.
    Worktree,
    /// No flag names one: the CI system does, or else local git.
    Detect,
}

impl Change {
    /// The change that the flags mean.
    pub fn source(&self) -> ChangeSource {
        match self {
            Change { patch: Some(file), .. } if file.as_os_str() == "-" => ChangeSource::Stdin,
            Change { patch: Some(file), .. } => ChangeSource::Patch(file.clone()),
            Change { pr: Some(pull), .. } => ChangeSource::Pull(pull.clone()),
            Change { mr: Some(merge), .. } => ChangeSource::Merge(merge.clone()),
            Change { base: Some(base), head, .. } => ChangeSource::Range { base: base.clone(), head: head.clone() },
            Change { staged: true, .. } => ChangeSource::Staged,
            Change { worktree: true, .. } => ChangeSource::Worktree,
            _ => ChangeSource::Detect,
        }
    }
}

/// The flags that are settings, as they were given.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Settings {
    /// The model server: auto, openai, azure or offline
    #[arg(long, value_name = "NAME", value_parser = words(&keys::PROVIDER), help_heading = MODEL)]
    #[arg(hide_possible_values = true)]
    #[arg(hide_short_help = true)]
    pub provider: Option<String>,
    /// The reviewing model
    #[arg(long, value_name = "NAME", help_heading = MODEL)]
    pub model: Option<String>,
    /// Root of the Chat Completions API
    #[arg(long, value_name = "URL", help_heading = MODEL)]
    #[arg(hide_short_help = true)]
    pub base_url: Option<String>,
    /// How much is asked: low, balanced or high
    #[arg(long, value_name = "LEVEL", value_parser = words(&keys::EFFORT), help_heading = MODEL)]
    #[arg(hide_possible_values = true)]
    pub effort: Option<String>,
    /// No second look at the findings
    #[arg(long, help_heading = MODEL)]
    #[arg(hide_short_help = true)]
    pub no_verify: bool,
    /// What is shown beside the hunks: hunk (nothing), function or symbols
    #[arg(long, value_name = "LEVEL", value_parser = words(&keys::CONTEXT), help_heading = MODEL)]
    #[arg(hide_possible_values = true, hide_short_help = true)]
    pub context: Option<String>,
    /// Language of findings, comments and summaries (`en`, `vi`)
    #[arg(long, value_name = "TAG", help_heading = MODEL)]
    pub language: Option<String>,
    /// Dollars that the run may spend
    #[arg(long, value_name = "USD", allow_negative_numbers = true, help_heading = LIMITS)]
    pub max_cost: Option<String>,
    /// Size that a prompt aims at
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub chunk_tokens: Option<String>,
    /// Requests to the model at a time
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub concurrency: Option<String>,
    /// Time that the whole review may take
    #[arg(long, value_name = "SECS", allow_negative_numbers = true, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub deadline: Option<String>,
    /// Line comments on a request
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub max_comments: Option<String>,
    /// Drop findings below critical, major, minor or info
    #[arg(long, value_name = "SEVERITY", value_parser = words(&keys::MIN_SEVERITY), help_heading = FINDINGS)]
    #[arg(hide_possible_values = true)]
    pub min_severity: Option<String>,
    /// Drop findings of which the model is less sure (0 to 100)
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = FINDINGS)]
    #[arg(hide_short_help = true)]
    pub min_confidence: Option<String>,
    /// Exit with 1 from this severity on, or never
    #[arg(long, value_name = "SEVERITY", value_parser = words(&keys::FAIL_ON), help_heading = FINDINGS)]
    #[arg(hide_possible_values = true)]
    pub fail_on: Option<String>,
    /// Review only these files; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = FINDINGS)]
    #[arg(hide_short_help = true)]
    pub include: Vec<String>,
    /// Leave these files out; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = FINDINGS)]
    pub exclude: Vec<String>,
    /// Read this file instead of `.prudence.toml`
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub config: Option<PathBuf>,
}

const MODEL: &str = "Which model";
const LIMITS: &str = "Limits";
const FINDINGS: &str = "Which findings";
const RESULT: &str = "Result";
const WHICH_RUNS: &str = "Which runs";

impl Settings {
    /// What the flags set. Fails where a value is out of its key's range.
    pub fn layer(&self) -> Result<Layer, ConfigError> {
        Layer::read(self)
    }

    /// What was given for a key: nothing, or one text for each time.
    fn given(&self, key: &Key) -> Vec<String> {
        let one = |text: &Option<String>| text.iter().cloned().collect();
        match key.name {
            "provider" => one(&self.provider),
            "model" => one(&self.model),
            "base-url" => one(&self.base_url),
            "effort" => one(&self.effort),
            "verify" => self.no_verify.then(|| "false".to_owned()).into_iter().collect(),
            "context" => one(&self.context),
            "language" => one(&self.language),
            "max-cost-usd" => one(&self.max_cost),
            "chunk-tokens" => one(&self.chunk_tokens),
            "concurrency" => one(&self.concurrency),
            "deadline-secs" => one(&self.deadline),
            "max-comments" => one(&self.max_comments),
            "min-severity" => one(&self.min_severity),
            "min-confidence" => one(&self.min_confidence),
            "fail-on" => one(&self.fail_on),
            "include" => self.include.clone(),
            "exclude" => self.exclude.clone(),
            _ => Vec::new(),
        }
    }
}

impl Source for Settings {
    fn raw(&self, key: &Key) -> Option<(Raw<'_>, Origin)> {
        let (flag, given) = (key.flag?, self.given(key));
        (!given.is_empty()).then_some((Raw::Items(given), Origin::Flag(flag)))
    }
}

/// The words of a key with a closed list.
fn words(key: &Key) -> PossibleValuesParser {
    PossibleValuesParser::new(key.kind.words())
}

/// How the program tells of what it does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Console {
    /// Colours: auto, always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    #[arg(hide_possible_values = true, hide_default_value = true, hide_short_help = true)]
    pub color: Color,
    /// Messages: as text, or each as a line of JSON
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    #[arg(hide_possible_values = true, hide_default_value = true, hide_short_help = true)]
    pub log_format: LogFormat,
    /// Tell more; twice for still more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Tell only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", hide_short_help = true)]
    pub quiet: bool,
    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub help: Option<bool>,
    /// Print help with all flags
    #[arg(long, global = true, action = clap::ArgAction::HelpLong)]
    pub help_all: Option<bool>,
}

/// How what goes to standard error is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object on each line, for programs.
    Json,
}

/// Where colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// How a result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Format {
    /// For people, with colours.
    Terminal,
    /// For a comment.
    Markdown,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// The Code Quality report of GitLab.
    Codequality,
    /// Workflow commands of GitHub Actions.
    Annotations,
    /// A page.
    Html,
}

/// `prudence eval`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Eval {
    /// A folder with `cases.jsonl`
    #[arg(value_name = "DATASET")]
    pub dataset: PathBuf,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Files that answer instead of the model, or that take its answers.
    #[command(flatten)]
    pub answers: Answers,
    /// Shown as terminal (default), markdown, json or html
    #[arg(long, value_enum, default_value_t = EvalFormat::Terminal, help_heading = RESULT)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub format: EvalFormat,
    /// Also write the evaluation as JSON to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub output: Option<PathBuf>,
    /// Also write it as a page with plots to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub html: Option<PathBuf>,
    /// Add a line on what it cost to this file, for `prudence cost`
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    #[arg(hide_short_help = true)]
    pub ledger: Option<PathBuf>,
    /// Compare with what `--output` wrote before, case by case
    #[arg(long, value_name = "OLD.json", help_heading = RESULT)]
    pub compare: Option<PathBuf>,
    /// Let this model say whether a remark is a known defect; else their words do
    #[arg(long, value_name = "MODEL", help_heading = MODEL)]
    pub judge: Option<String>,
    /// Only this case; may be repeated
    #[arg(long, value_name = "ID")]
    pub case: Vec<String>,
    /// Only the first N cases
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Cases at a time (default 4)
    #[arg(long, value_name = "N", default_value_t = 4, hide_default_value = true, help_heading = LIMITS)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub jobs: usize,
}

/// `prudence cost`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CostArgs {
    /// Ledgers; `-` reads standard input. A run that several of them have is counted once
    #[arg(value_name = "FILE", required = true)]
    pub ledgers: Vec<PathBuf>,
    /// By day, repository, model or request; may be repeated (default: all four)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', help_heading = WHICH_RUNS)]
    #[arg(hide_possible_values = true)]
    pub by: Vec<By>,
    /// From this day on (`2026-11-01`, in UTC)
    #[arg(long, value_name = "DATE", help_heading = WHICH_RUNS)]
    pub since: Option<Day>,
    /// To the end of this day
    #[arg(long, value_name = "DATE", help_heading = WHICH_RUNS)]
    pub until: Option<Day>,
    /// Shown as terminal (default), markdown or json
    #[arg(long, value_enum, default_value_t = PlanFormat::Terminal, help_heading = RESULT)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub format: PlanFormat,
    /// Also write it as a page with a plot to this file
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub html: Option<PathBuf>,
}

/// By what costs are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum By {
    /// The day in UTC.
    Day,
    /// The repository.
    Repository,
    /// The model.
    Model,
    /// The pull or merge request.
    Request,
}

/// How an evaluation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum EvalFormat {
    /// Tables for people.
    Terminal,
    /// Tables for a comment.
    Markdown,
    /// For programs.
    Json,
    /// A page with plots.
    Html,
}

/// How a plan or a sum of costs is shown: it has no findings, so that there is nothing of it in the formats for these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum PlanFormat {
    /// For people, with colours.
    Terminal,
    /// For a comment.
    Markdown,
    /// For programs.
    Json,
}

impl From<PlanFormat> for Format {
    fn from(format: PlanFormat) -> Format {
        match format {
            PlanFormat::Terminal => Format::Terminal,
            PlanFormat::Markdown => Format::Markdown,
            PlanFormat::Json => Format::Json,
        }
    }
}

/// Parses the command line, the program's name first. A flag with an empty value counts as not given: this is how CI
/// systems hand on what nobody set.
///
/// The error is a message, or the help or version that was asked for; `exit` on it ends with code 2, or 0 for those.
pub fn parse<I>(args: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    Cli::try_parse_from(without_empty(args.into_iter().map(Into::into)))
}

/// The arguments without flags whose value is empty.
fn without_empty(mut args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let flags = flags_with_value();
    let is_flag = |arg: &OsString| arg.to_str().is_some_and(|arg| flags.iter().any(|flag| flag == arg));
    let is_empty = |arg: &OsString| {
        let name = arg.to_str().and_then(|arg| arg.strip_suffix('='));
        name.is_some_and(|name| flags.iter().any(|flag| flag == name))
    };
    let mut kept: Vec<OsString> = Vec::new();
    while let Some(arg) = args.next() {
        if is_flag(&arg) {
            match args.next() {
                Some(value) if value.is_empty() => {}
                value => kept.extend([arg].into_iter().chain(value)),
            }
        } else if !is_empty(&arg) {
            kept.push(arg);
        }
    }
    kept
}

/// The long flags of all commands that take a value, with their dashes.
fn flags_with_value() -> Vec<String> {
    let root = Cli::command();
    let inner = root.get_subcommands().flat_map(clap::Command::get_subcommands);
    let commands = std::iter::once(&root).chain(root.get_subcommands()).chain(inner);
    let arguments = commands.flat_map(clap::Command::get_arguments).filter(|arg| arg.get_action().takes_values());
    arguments.filter_map(|arg| arg.get_long().map(|long| format!("--{long}"))).collect()
}

#[cfg(test)]
mod tests;
