//! The pipeline, top to bottom: effects happen here, and the steps between are functions of values.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::checks::{self, RULES};
use crate::cli::{self, Command, Format};
use crate::config::ci::{self, Ci};
use crate::config::env::Env;
use crate::config::layer::{Layer, Origin, Origins};
use crate::config::provider::{Facts, Resolved, is_loopback, resolve_provider};
use crate::config::{self, Config, Effort, ReviewEvent, file, keys};
use crate::console::Console;
use crate::deliver::{self, Posting};
use crate::diff::filter::{self, Rules, Skipped};
use crate::findings::{self, Finding, Judgement, Posted, Thresholds};
use crate::forge::Conversation;
use crate::git::Repo;
use crate::llm::{self, Client};
use crate::plan::{self, Budget, Plan, Tokenizer};
use crate::prompt::Orientation;
use crate::redact::{self, Redactions};
use crate::report::markdown::{fingerprint_of, title_of};
use crate::report::plan::PlanReport;
use crate::report::{self, Channel, Cost, ModelCost, Report, Status, Tool, markdown, terminal};
use crate::review::{self, Ask, Outcome, schema};
use crate::severity::Severity;
use crate::source::{self, Base, Change, Target, World};
use crate::status::Exit;
use crate::usage::{self, Meter, PRICED_ON, Price, Prices};

/// Runs a command.
///
/// # Errors
/// Nothing was reviewed: usage, configuration, input, credentials or host. The message names thing, cause and remedy.
pub async fn run(cli: cli::Cli, world: &World<'_>) -> Result<Exit> {
    let console = Console::new(&cli.console);
    match cli.command {
        Command::Review(args) => review(&args, world, &console).await,
        Command::Plan(args) => plan(&args, world, &console).await,
        Command::Config(args) => show_config(&args, world),
    }
}

async fn review(args: &cli::Review, world: &World<'_>, console: &Console) -> Result<Exit> {
    let started = Instant::now();
    let purpose = if args.dry_run { Purpose::Show } else { Purpose::Deliver };
    let setup = Setup::new(&args.change, &args.settings, world, console, purpose).await?;
    if let Some(why) = setup.nothing() {
        return finish(setup.empty_report(why, console), &setup, args, Diffs::none(), started, console);
    }
    let prepared = prepare(&setup, console).await?;
    let meter = Arc::new(Meter::new(prices(&setup.config), setup.config.max_cost_usd));
    let stream = Stream::new(args, &prepared, &setup, console);
    let outcomes = ask(&setup, &prepared, &meter, &stream, console).await?;
    let judgement = judge(&setup, &prepared, &outcomes);
    let mut report = assemble(&setup, &prepared, &outcomes, judgement, &meter, console);
    if let (Some(forge), false) = (setup.target.forge(), setup.is_dry_run(args.dry_run)) {
        let posting = Posting {
            forge,
            conversation: &setup.change.conversation,
            diff: &setup.change.diff,
            request_changes: setup.requests_changes(&report),
            run_url: setup.run_url(),
            actions: setup.actions.as_deref(),
        };
        deliver::post(&mut report, &posting).await;
    }
    finish(report, &setup, args, Diffs { shown: stream.shown(), diff: Some(&prepared.plan.diff) }, started, console)
}

async fn plan(args: &cli::Plan, world: &World<'_>, console: &Console) -> Result<Exit> {
    let setup = Setup::new(&args.change, &args.settings, world, console, Purpose::Plan).await?;
    if let Some(why) = setup.nothing() {
        console.notice(&why);
    }
    let prepared = prepare(&setup, console).await?;
    let model = (setup.provider != Resolved::Offline).then_some(setup.config.model.as_str());
    let price = model.and_then(|model| prices(&setup.config).get(model));
    let coverage = report::coverage(&prepared.plan, &prepared.skipped, &[]);
    let planned = PlanReport::new(&prepared.plan, coverage, model, price, output_limit(&setup.config) as usize);
    if let Some(path) = &args.output {
        write_json(path, &planned)?;
    }
    match args.format {
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&planned)?)),
        Format::Terminal => console.result(&planned.terminal()),
        Format::Markdown => {
            console.result(&format!("```text\n{}```\n", anstream::adapter::strip_str(&planned.terminal())))
        }
    }
    Ok(Exit::Clean)
}

fn show_config(args: &cli::ConfigArgs, world: &World<'_>) -> Result<Exit> {
    if args.schema {
        anstream::println!("{}", serde_json::to_string_pretty(&config::schema::schema(&check_names()))?);
        return Ok(Exit::Clean);
    }
    let folder = args.repo.as_ref().map_or_else(|| world.cwd.clone(), |repo| world.cwd.join(repo));
    let root = Repo::open(&folder).map_or(folder, |repo| repo.root());
    let name = args.settings.config.clone().unwrap_or_else(|| PathBuf::from(file::NAME));
    let text = read_config(&root, &world.cwd, args.settings.config.as_deref())?;
    let env = Env::new(world.env, dotenv(&root).as_deref());
    let layer = text.map(|text| file::parse(&name.display().to_string(), &text, &check_names())).transpose()?;
    let (config, origins) = config::load(args.settings.layer()?, &env, layer.unwrap_or_default())?;
    anstream::print!("{}", config::show::render(&config, &origins));
    Ok(Exit::Clean)
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To see what would be sent; no key is needed for that.
    Plan,
    /// To review, and post nothing.
    Show,
    /// To review and deliver.
    Deliver,
}

fn planned_provider(choice: config::Provider) -> Resolved {
    match choice {
        config::Provider::Offline => Resolved::Offline,
        config::Provider::Azure => Resolved::Azure,
        _ => Resolved::OpenAi,
    }
}

fn asked_provider(choice: config::Provider, facts: Facts, console: &Console) -> Result<Resolved> {
    let resolution = resolve_provider(choice, facts)?;
    if let Some(notice) = &resolution.notice {
        console.notice(notice);
    }
    Ok(resolution.provider)
}

/// Everything that is known before the change is looked into.
struct Setup {
    config: Config,
    provider: Resolved,
    target: Target,
    change: Change,
    repo: Option<Repo>,
    actions: Option<Box<ci::GitHub>>,
    is_ci: bool,
    /// Inputs of the action that are no settings.
    dry_run_input: bool,
    output_input: Option<PathBuf>,
}

impl Setup {
    async fn new(
        change: &cli::Change,
        settings: &cli::Settings,
        world: &World<'_>,
        console: &Console,
        purpose: Purpose,
    ) -> Result<Setup> {
        let ci = Ci::detect(world.env);
        let is_ci = ci.is_some();
        let actions = match ci {
            Some(Ci::GitHub(actions)) => Some(actions),
            _ => None,
        };
        let repo = source::repository(change, world);
        let root = repo.as_ref().map_or_else(|_| world.cwd.clone(), Repo::root);
        let dotenv = if is_ci { None } else { dotenv(&root) };
        let env = Env::new(world.env, dotenv.as_deref());
        // what the flags say is checked before anything is fetched
        let flags = settings.layer()?;
        let target = source::target(change, world, &env, console)?;
        let repo = match target {
            Target::Local(_) => Some(repo?),
            _ => repo.ok(),
        };
        let dry_run_input = env.input("dry-run").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let change = target.change(repo.as_ref(), purpose != Purpose::Deliver || dry_run_input).await?;
        let file = config_file(settings, &change, &target, repo.as_ref(), world, is_ci).await?;
        let (config, origins) = config::load(flags, &env, file)?;
        let is_fork = change.request.as_ref().is_some_and(|request| request.is_fork);
        let facts = Facts::new(&config, &origins, is_ci, is_fork);
        let provider = if purpose == Purpose::Plan {
            planned_provider(config.provider)
        } else {
            asked_provider(config.provider, facts, console)?
        };
        warn(&config, &origins, provider, console);
        let output_input = env.input("output").map(PathBuf::from);
        Ok(Setup { config, provider, target, change, repo, actions, is_ci, dry_run_input, output_input })
    }

    /// Why nothing is to be reviewed, where that is so.
    fn nothing(&self) -> Option<String> {
        if let Target::Nothing(why) = &self.target {
            return Some(why.clone());
        }
        let Target::Pull { by_event: true, .. } = self.target else { return None };
        let (request, skip) = (self.change.request.as_ref()?, &self.config.skip);
        if skip.drafts && request.is_draft {
            return Some("not reviewed: the request is a draft (`skip.drafts`)".to_owned());
        }
        if skip.bots && request.is_by_bot {
            return Some("not reviewed: a bot opened the request (`skip.bots`)".to_owned());
        }
        let label = request.labels.iter().find(|label| skip.labels.contains(label))?;
        Some(format!("not reviewed: the request has the label `{label}` (`skip.labels`)"))
    }

    fn is_dry_run(&self, flag: bool) -> bool {
        flag || self.dry_run_input
    }

    fn requests_changes(&self, report: &Report) -> bool {
        let gate = self.config.fail_on.filter(|_| self.config.review_event == ReviewEvent::RequestChanges);
        gate.is_some_and(|gate| report.findings.iter().any(|finding| finding.severity >= gate))
    }

    fn run_url(&self) -> Option<String> {
        let actions = self.actions.as_ref()?;
        Some(format!(
            "{}/{}/actions/runs/{}",
            actions.server_url,
            actions.repository.as_ref()?,
            actions.run_id.as_ref()?
        ))
    }

    /// The lowest severity that is reported for a path.
    fn min_severity(&self, path: &str) -> Severity {
        let is_for =
            |rule: &&config::PathRule| Glob::new(&rule.glob).is_ok_and(|glob| glob.compile_matcher().is_match(path));
        let rules = self.config.paths.iter().filter(is_for);
        rules.filter_map(|rule| rule.min_severity).next_back().unwrap_or(self.config.min_severity)
    }

    fn empty_report(&self, why: String, console: &Console) -> Report {
        console.notice(&why);
        let files = &self.change.diff.files;
        let skipped = files.iter().map(|file| report::SkippedFile {
            path: file.path().to_string(),
            reason: "request_skipped",
            changed_lines: file.changed_lines(),
        });
        let coverage = report::Coverage {
            files: files.len(),
            changed_lines: self.change.diff.changed_lines(),
            skipped: skipped.collect(),
            ..report::Coverage::default()
        };
        Report {
            schema: report::SCHEMA,
            tool: Tool::this(),
            change: self.change.info.clone(),
            status: Status::NothingToReview,
            summary: why,
            findings: Vec::new(),
            suppressed: Vec::new(),
            coverage,
            chunks: Vec::new(),
            usage: usage::Usage::default(),
            cost: Cost {
                usd: Some(0.0),
                total_usd: Some(0.0),
                limit_usd: self.config.max_cost_usd,
                models: Vec::new(),
            },
            delivery: deliver::undelivered(console.notices()),
        }
    }
}

/// The change, ready to be sent.
struct Prepared {
    plan: Plan,
    skipped: Vec<Skipped>,
    hits: Vec<checks::Hit>,
    redactions: Redactions,
    posted: Vec<Posted>,
}

/// Change → filter → checks → redact → plan.
async fn prepare(setup: &Setup, console: &Console) -> Result<Prepared> {
    let (config, change) = (&setup.config, &setup.change);
    let tokenizer = Tokenizer::for_model(&config.model);
    let base = Base::new(change, &setup.target, setup.repo.as_ref(), setup.is_ci);
    let loading = std::thread::spawn(move || tokenizer.preload());
    let rules = Rules {
        include: (!config.include.is_empty()).then(|| globs(&config.include)).transpose()?,
        exclude: globs(&config.exclude)?,
        attributes: base.attributes(&change.diff).await?,
    };
    let (diff, skipped) = filter::apply(change.diff.clone(), &rules, &|path| base.text(path));
    let hits = checks::run(&diff, |rule| config.checks.get(rule).copied().unwrap_or(true));
    let (diff, redactions) = redact::apply(diff);
    if redactions.count() > 0 {
        console
            .notice(&format!("{} masked before anything is sent", report::plural(redactions.count(), "secret value")));
    }
    let orientation = orientation(setup, &diff, &skipped, &redactions, tokenizer);
    let model = usage::model(&config.model);
    let budget = Budget {
        chunk_tokens: config.chunk_tokens,
        max_output_tokens: output_limit(config) as usize,
        window: model.map_or(UNKNOWN_WINDOW, |model| usize::try_from(model.context_tokens).unwrap_or(usize::MAX)),
        tokenizer,
    };
    // a panic while loading shows again at the first count
    let _ = loading.join();
    let plan = plan::build(budget, &orientation, &schema::schema().to_string(), diff);
    Ok(Prepared { plan, skipped, hits, redactions, posted: posted(&change.conversation) })
}

/// Tokens that a model which is not known takes: `context_length_exceeded` tells where it is less.
const UNKNOWN_WINDOW: usize = 128_000;

fn orientation(
    setup: &Setup,
    diff: &crate::diff::Diff,
    skipped: &[Skipped],
    redactions: &Redactions,
    tokenizer: Tokenizer,
) -> Orientation {
    let (config, change) = (&setup.config, &setup.change);
    let masked = |text: &str| redactions.clean(&redact::text(text)).into_owned();
    let description: String = change.description.chars().take(config.chunk_tokens / 2).collect();
    let title = change.info.title.as_deref().unwrap_or("(none)");
    Orientation {
        title: plan::printable(&masked(title)).chars().take(300).collect(),
        description: masked(description.trim()),
        file_count: diff.files.len() + skipped.len(),
        files: plan::file_list(diff, skipped, tokenizer, config.chunk_tokens / 4),
        instructions: instructions(config, diff),
        language: config.language.clone(),
    }
}

/// What the team says: for all files, and for those of its paths that the change touches.
fn instructions(config: &Config, diff: &crate::diff::Diff) -> String {
    let mut parts: Vec<String> = config.instructions.iter().map(|text| text.trim().to_owned()).collect();
    for rule in &config.paths {
        let Some(text) = &rule.instructions else { continue };
        let Ok(glob) = Glob::new(&rule.glob).map(|glob| glob.compile_matcher()) else { continue };
        if diff.files.iter().any(|file| glob.is_match(file.path().as_str())) {
            parts.push(format!("For files that match `{}`: {}", rule.glob, text.trim()));
        }
    }
    parts.join("\n")
}

/// Asks the model about every chunk; nobody is asked where there is no model.
async fn ask(
    setup: &Setup,
    prepared: &Prepared,
    meter: &Arc<Meter>,
    stream: &Stream<'_>,
    console: &Console,
) -> Result<Vec<Outcome>> {
    let (config, plan) = (&setup.config, &prepared.plan);
    stream.show(Vec::new());
    if setup.provider == Resolved::Offline || plan.chunks.is_empty() {
        return Ok(Vec::new());
    }
    let deadline = tokio::time::Instant::now() + config.deadline;
    let mut settings = llm::Settings::new(config, deadline);
    settings.provider = match setup.provider {
        Resolved::Azure => config::Provider::Azure,
        _ => config::Provider::OpenAi,
    };
    settings.on_event = console.model_events();
    let client = Client::new(settings, meter.clone())?;
    let asking = Ask {
        model: config.model.clone(),
        max_output_tokens: config.max_output_tokens,
        concurrency: config.concurrency,
    };
    let progress = stream.console.start(plan.chunks.len());
    let outcomes = review::run(&client, plan, &asking, &|outcomes| {
        progress.advance();
        stream.show(
            outcomes
                .iter()
                .filter_map(|outcome| outcome.result.as_ref().ok())
                .flat_map(|answer| answer.drafts.clone())
                .collect(),
        );
    })
    .await;
    progress.finish();
    nothing_reviewed(&outcomes, meter)?;
    Ok(outcomes)
}

/// When not one chunk was reviewed because the model refuses everything, that is no review but an error.
fn nothing_reviewed(outcomes: &[Outcome], meter: &Meter) -> Result<()> {
    let was_billed = meter.totals().output_tokens > 0;
    if outcomes.iter().any(|outcome| outcome.result.is_ok()) || was_billed {
        return Ok(());
    }
    match outcomes.iter().find_map(|outcome| outcome.stopped.as_ref()) {
        Some(reason) => bail!("{reason}"),
        None => Ok(()),
    }
}

/// Drafts and check hits → findings.
fn judge(setup: &Setup, prepared: &Prepared, outcomes: &[Outcome]) -> Judgement {
    let answers = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    let drafts = answers.flat_map(|answer| answer.drafts.clone()).collect();
    judge_drafts(setup, prepared, drafts)
}

fn judge_drafts(setup: &Setup, prepared: &Prepared, drafts: Vec<schema::Draft>) -> Judgement {
    let thresholds = Thresholds {
        min_severity: &|path| setup.min_severity(path),
        min_confidence: setup.config.min_confidence,
        max_comments: setup.config.max_comments,
    };
    let mut judgement =
        findings::judge(&prepared.plan.diff, prepared.hits.clone(), drafts, &prepared.posted, &thresholds);
    let clean = |finding: &mut Finding| {
        for text in [&mut finding.title, &mut finding.body, &mut finding.quote] {
            *text = prepared.redactions.clean(text).into_owned();
        }
    };
    judgement.findings.iter_mut().for_each(clean);
    judgement.suppressed.iter_mut().for_each(|suppressed| clean(&mut suppressed.finding));
    judgement
}

fn assemble(
    setup: &Setup,
    prepared: &Prepared,
    outcomes: &[Outcome],
    judgement: Judgement,
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
    let summaries: Vec<&str> = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().ok())
        .map(|answer| answer.summary.trim())
        .filter(|text| !text.is_empty())
        .collect();
    Report {
        schema: report::SCHEMA,
        tool: Tool::this(),
        change: setup.change.info.clone(),
        status,
        summary: prepared.redactions.clean(&summaries.join(" ")).chars().take(1500).collect(),
        findings: judgement.findings,
        suppressed: judgement.suppressed,
        coverage,
        chunks: if setup.provider == Resolved::Offline { Vec::new() } else { report::chunks(plan, outcomes) },
        usage: meter.totals(),
        cost: cost(setup, meter),
        delivery: deliver::undelivered(notes(meter, console)),
    }
}

fn cost(setup: &Setup, meter: &Meter) -> Cost {
    let usd = meter.usd();
    let earlier = deliver::earlier_cost(&setup.change.conversation).unwrap_or_default();
    let model = |(model, _, usd): (String, usage::Usage, Option<f64>)| {
        let is_ours = usd.is_some() && !setup.config.prices.contains_key(&model);
        ModelCost { model, usd, priced_on: is_ours.then_some(PRICED_ON) }
    };
    Cost {
        usd,
        total_usd: usd.map(|usd| usd + earlier),
        limit_usd: meter.limit_usd(),
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

/// What was printed already, and the diff to print from.
struct Diffs<'a> {
    shown: Vec<(String, u32, String)>,
    diff: Option<&'a crate::diff::Diff>,
}

impl Diffs<'_> {
    fn none() -> Self {
        Diffs { shown: Vec::new(), diff: None }
    }
}

/// Writes the report wherever it was asked for, and says how the run ended.
fn finish(
    mut report: Report,
    setup: &Setup,
    args: &cli::Review,
    diffs: Diffs<'_>,
    started: Instant,
    console: &Console,
) -> Result<Exit> {
    let output = args.output.as_ref().or(setup.output_input.as_ref());
    if let Some(path) = output {
        write_json(path, &report)?;
    }
    if let Some(actions) = &setup.actions {
        if let Err(err) = deliver::write_step_files(&report, actions, output.map(PathBuf::as_path)) {
            console.notice(&format!("{err:#}"));
            report.delivery.notes = console.notices();
        }
    }
    print(&report, setup, args.format, &diffs, started.elapsed(), console)?;
    let is_delivered = report.delivery.channel != Channel::None;
    let gate = setup.config.fail_on;
    let reaches_gate = gate.is_some_and(|gate| report.judgement().standing().any(|finding| finding.severity >= gate));
    Ok(Exit::of_review(is_delivered, reaches_gate, report.status != Status::Incomplete))
}

fn print(
    report: &Report,
    setup: &Setup,
    format: Format,
    diffs: &Diffs<'_>,
    elapsed: Duration,
    console: &Console,
) -> Result<()> {
    let text = match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(report)?),
        Format::Markdown if setup.actions.is_some() => fenced_off(&markdown::document(report)),
        Format::Markdown => markdown::document(report),
        Format::Terminal => {
            let empty = crate::diff::Diff::default();
            let mut rest = report.clone();
            rest.findings.retain(|finding| !diffs.shown.contains(&identity(finding)));
            let findings: String =
                rest.findings.iter().map(|finding| terminal::finding(finding, diffs.diff.unwrap_or(&empty))).collect();
            // notices stand on standard error already
            rest.delivery.notes.retain(|note| !console.notices().contains(note));
            findings + &terminal::report(&rest, elapsed)
        }
    };
    console.result(&text);
    Ok(())
}

/// Keeps a runner from taking lines of a document for commands.
fn fenced_off(text: &str) -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    let token = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("::stop-commands::prudence-{token:x}\n{text}\n::prudence-{token:x}::\n")
}

fn identity(finding: &Finding) -> (String, u32, String) {
    (finding.path.clone(), finding.start_line, finding.title.clone())
}

/// Prints findings as they arrive.
struct Stream<'a> {
    is_on: bool,
    setup: &'a Setup,
    prepared: &'a Prepared,
    console: &'a Console,
    drafts: Mutex<(Vec<schema::Draft>, Vec<(String, u32, String)>)>,
}

impl<'a> Stream<'a> {
    fn new(args: &cli::Review, prepared: &'a Prepared, setup: &'a Setup, console: &'a Console) -> Self {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
        let is_on = args.format == Format::Terminal && (args.stream || (is_terminal && !setup.is_ci));
        Stream { is_on, setup, prepared, console, drafts: Mutex::default() }
    }

    /// Judges what is known so far, and prints what is new in it.
    fn show(&self, drafts: Vec<schema::Draft>) {
        if !self.is_on {
            return;
        }
        let mut state = self.drafts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.0.extend(drafts);
        let judgement = judge_drafts(self.setup, self.prepared, state.0.clone());
        for finding in &judgement.findings {
            if !state.1.contains(&identity(finding)) {
                self.console.result(&terminal::finding(finding, &self.prepared.plan.diff));
                state.1.push(identity(finding));
            }
        }
    }

    fn shown(&self) -> Vec<(String, u32, String)> {
        self.drafts.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).1.clone()
    }
}

/// `.prudence.toml`: in CI and for requests from the base commit, for local runs from the working tree.
async fn config_file(
    settings: &cli::Settings,
    change: &Change,
    target: &Target,
    repo: Option<&Repo>,
    world: &World<'_>,
    is_ci: bool,
) -> Result<Layer> {
    let name = settings.config.clone().unwrap_or_else(|| PathBuf::from(file::NAME));
    let text = match target.forge() {
        Some(_) if !name.is_absolute() => {
            let path = name.to_string_lossy().replace('\\', "/");
            let text = Base::new(change, target, repo, is_ci).steering(&path).await?;
            if text.is_none() && settings.config.is_some() {
                bail!(
                    "`{path}` is not in the base commit, from which the configuration of a request is read\nhint: commit it to the base branch first"
                );
            }
            text
        }
        _ => {
            let root = repo.map_or_else(|| world.cwd.clone(), Repo::root);
            read_config(&root, &world.cwd, settings.config.as_deref())?
        }
    };
    Ok(text
        .map(|text| file::parse(&name.display().to_string(), &text, &check_names()))
        .transpose()?
        .unwrap_or_default())
}

/// Reads the configuration from disk: the named file, which must be there, or the one at the root, which need not.
fn read_config(root: &Path, cwd: &Path, named: Option<&Path>) -> Result<Option<Vec<u8>>> {
    let path = named.map_or_else(|| root.join(file::NAME), |named| cwd.join(named));
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read the configuration `{}`", path.display())),
    }
}

fn dotenv(root: &Path) -> Option<String> {
    std::fs::read(root.join(".env")).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// What the user may not expect of the configuration.
fn warn(config: &Config, origins: &Origins, provider: Resolved, console: &Console) {
    let is_named_by_file = matches!(origins.of(&keys::BASE_URL), Origin::File { .. });
    if provider != Resolved::Offline && config.api_key.is_some() && is_named_by_file && !is_loopback(&config.base_url) {
        console.notice(&format!("the key goes to {}, which the configuration file names", config.base_url));
    }
    if config.effort != Effort::Low {
        console.notice("`effort` above `low` is not there yet: one pass, no second look");
    }
    if provider != Resolved::Offline && prices(config).get(&config.model).is_none() {
        console.notice(&format!(
            "`{}` has no known price, so the cost limit cannot hold; set one under `[prices.\"{}\"]`",
            config.model, config.model
        ));
    }
}

fn prices(config: &Config) -> Prices {
    let price = |(name, price): (&String, &config::PriceOverride)| {
        (name.clone(), Price::new(price.input, price.cached_input, price.output))
    };
    Prices::new(config.prices.iter().map(price))
}

/// Tokens that an answer may have: what is configured, as far as the model can.
fn output_limit(config: &Config) -> u32 {
    usage::model(&config.model)
        .map_or(config.max_output_tokens, |model| model.max_output_tokens.min(config.max_output_tokens))
}

fn check_names() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.name).collect()
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).with_context(|| format!("`{pattern}` is no glob"))?);
    }
    Ok(set.build()?)
}

/// Findings of ours that stand on the request.
fn posted(conversation: &Conversation) -> Vec<Posted> {
    let posted = |comment: &crate::forge::PostedComment| {
        let id = fingerprint_of(&comment.body)?.to_owned();
        Some(Posted { id, place: comment.place.clone(), title: title_of(&comment.body).to_owned() })
    };
    conversation.comments.iter().filter_map(posted).collect()
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
