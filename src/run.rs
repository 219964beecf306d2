//! The pipeline, top to bottom: effects happen here, and the steps between are functions of values.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};

use crate::batch::{self, Round};
use crate::cache::Cache;
use crate::cli::{self, BatchCommand, Command, PlanFormat};
use crate::config::ci::Ci;
use crate::config::env::Env;
use crate::config::provider::Resolved;
use crate::config::{self, Effort, file};
use crate::console::Console;
use crate::cost;
use crate::deliver::{self, Posting};
use crate::diff::Diff;
use crate::doctor;
use crate::eval;
use crate::examine::{Asking, Examined, examine, responses, tape};
use crate::forge::Access;
use crate::git::Repo;
use crate::init::init;
use crate::ledger::{self, Account, Place};
use crate::obey;
use crate::output::{Files, Output, for_log, write_json};
use crate::prepare::{Prepared, context, prepare, tell_of};
use crate::publish::publish;
use crate::report::plan::PlanReport;
use crate::report::{self, Report, ShardInfo};
use crate::review::Outcome;
use crate::screen::Screen;
use crate::setup::{Purpose, Setup, check_names, dotenv, output_limit, prices, read_config};
use crate::shard::Shard;
use crate::source::World;
use crate::status::Exit;
use crate::tree::Tree;
use crate::words::{Note, Words};

/// Runs a command.
///
/// # Errors
/// Nothing was reviewed: usage, configuration, input, credentials or host. The message names thing, cause and remedy.
pub async fn run(cli: cli::Cli, world: &World<'_>) -> Result<Exit> {
    let console = Console::new(&cli.console);
    tokio::select! {
        biased;
        signal = world.stop.at_once() => bail!("stopped by {signal}"),
        exit = command(cli.command, world, &console) => exit,
    }
}

async fn command(command: Command, world: &World<'_>, console: &Console) -> Result<Exit> {
    match command {
        Command::Review(args) => review(&args, world, console).await,
        Command::Publish(args) => publish(&args, world, console).await,
        Command::Eval(args) => eval::run(&args, world, console).await,
        Command::Cost(args) => cost::run(&args, world, console),
        Command::Plan(args) => plan(&args, world, console).await,
        Command::Batch(cli::Batch { command: BatchCommand::Run(args) }) => batch::run(&args, world, console).await,
        Command::Doctor(args) => doctor::run(&args, world, console).await,
        Command::Config(args) => show_config(&args, world, console),
        Command::Init(args) => init(&args, world, console),
    }
}

async fn review(args: &cli::Review, world: &World<'_>, console: &Console) -> Result<Exit> {
    let started = Instant::now();
    let files = Files::of_review(args, world)?;
    let shard = shard(args, world, &files)?;
    // a share of a review is no word on the request
    let purpose = if args.dry_run || shard.is_some() { Purpose::Show } else { Purpose::Deliver };
    let setup = Setup::new(&args.change, &args.settings, world, console, purpose, args.answers.is_played()).await?;
    let setup = setup.of_shard(shard);
    let output = Output::new(args.format, args.stream, files, &setup, (console, Screen::of_stdout(world.env)), started);
    if let Some(why) = setup.nothing.clone().map_or(obey::carry_out(&setup).await?.map(Note::from), Some) {
        console.notice(why.clone());
        let shard = shard.map(|index| ShardInfo { index, plan: String::new() });
        let mut report = Report { shard, ..setup.empty_report(&why, console.notices()) };
        // a command is no word on the request, and none may stand in the place of a review of the same head
        let (state, head) = (&setup.change.state, &setup.change.info.head_sha);
        let has_word = state.head == *head && state.check_run.is_some();
        let wants_word = setup.purpose == Purpose::Deliver && wants_check_run(args, world);
        let is_told = setup.nothing.is_some() && wants_word && !has_word;
        if let Some(forge) = setup.target.forge().filter(|_| is_told) {
            deliver::skipped_check_run(&mut report, forge, setup.words()).await;
        }
        return output.finish(report, &Diff::default());
    }
    let tree = Tree::of_change(&setup.target, &setup.change, setup.repo.as_ref());
    let prepared = prepare(&setup, &tree, console).await?.only(shard);
    let tape = tape(&args.answers, &world.cwd)?;
    let asking =
        Asking { cache: cache(args, &prepared, world)?, ..Asking::with_tape(&setup.config, &world.stop, tape) };
    if !prepared.plan.chunks.is_empty() {
        make_sure_of_a_channel(&setup, output.has_report(), console).await?;
    }
    let place = || Place::of_review(&setup, world);
    let ledger = args.ledger.as_ref();
    let account = Account::open(ledger, args.answers.replay.is_some(), place, &asking.meter, world, console, started);
    world.stop.ends_in_order();
    // what the checks found needs no waiting
    output.arrived(&prepared, &tree, &[]);
    let arrived = |outcomes: &[Outcome]| output.arrived(&prepared, &tree, outcomes);
    let examined = examine(&setup, &prepared, &tree, &asking, &arrived, console).await?;
    tell_of_cached(&examined.outcomes, setup.words(), console);
    if let (Some(reason), true) = (&examined.refused, prepared.hits.is_empty()) {
        bail!("{reason}");
    }
    let Examined { judgement, mut report, refused, .. } = examined;
    // before the delivery, which may be cut short
    let unwritten = account.and_then(|account| account.close(&ledger::Outcome::of_report(&report)));
    report.delivery.notes.extend(unwritten.map(Note::from));
    if let (Some(forge), Purpose::Deliver) = (setup.target.forge(), setup.purpose) {
        let annotate = |text: &str| output.annotate(text);
        let posting = Posting {
            standing: &prepared.standing,
            judgement: &judgement,
            memory: prepared.memory.as_ref(),
            has_code_quality: output.has_code_quality(),
            check_run: wants_check_run(args, world).then(|| setup.is_gated(&report)),
            ..setup.posting(forge, &report, &annotate)
        };
        deliver::post_unless(&world.stop, &mut report, &posting).await;
    }
    let exit = output.finish(report, &prepared.plan.diff)?;
    match refused {
        // what the built-in checks found is delivered all the same
        Some(reason) => bail!("{reason}"),
        None => Ok(exit),
    }
}

/// The share of the review that was asked for.
///
/// # Errors
/// It is none, or its report would be lost.
fn shard(args: &cli::Review, world: &World<'_>, files: &Files) -> Result<Option<Shard>> {
    let by_input = Env::new(world.env, None).input("shard").map(|text| text.parse::<Shard>());
    let by_input = by_input.transpose().map_err(|problem| anyhow!("the input `shard` is none: {problem}"))?;
    let shard = args.shard.or(by_input);
    if shard.is_some() && !files.has_report() {
        bail!(
            "a shard of a review posts nothing, and there is no file for its report\nhint: add `--output FILE`; `prudence publish` joins the reports of all shards"
        );
    }
    Ok(shard)
}

/// The cache that was asked for.
fn cache(args: &cli::Review, prepared: &Prepared, world: &World<'_>) -> Result<Option<Cache>> {
    let folder = args.cache.clone().or_else(|| Env::new(world.env, None).input("cache").map(PathBuf::from));
    folder.map(|folder| Cache::open(&world.cwd.join(folder), prepared.asked.clone())).transpose()
}

fn tell_of_cached(outcomes: &[Outcome], words: &Words, console: &Console) {
    let cached = outcomes.iter().filter(|outcome| outcome.is_cached).count();
    if cached > 0 {
        console.notice(Note::new(words, |words| words.from_cache.of(cached)));
    }
}

/// Asks the host whether the result can be posted, where there is no other way to the author of the change: a run of
/// Actions has its annotations, a job of GitLab its log, and a report file can be published later.
async fn make_sure_of_a_channel(setup: &Setup, has_file: bool, console: &Console) -> Result<()> {
    let Some(forge) = setup.target.forge() else { return Ok(()) };
    let has_other = has_file || matches!(setup.ci, Some(Ci::GitHub(_) | Ci::GitLab(_)));
    if setup.purpose != Purpose::Deliver || setup.provider == Resolved::Offline || has_other {
        return Ok(());
    }
    match forge.may_write().await {
        Ok(Access { review: Err(refusal), comment: Err(_) }) => bail!(
            "the result could not be posted, so nothing was sent to the model: {refusal}, or use `--dry-run` to see the result here"
        ),
        Ok(_) => Ok(()),
        Err(err) => {
            console.notice(format!("whether the result can be posted is not known: {err}"));
            Ok(())
        }
    }
}

/// Whether the result is to be a check run, too.
fn wants_check_run(args: &cli::Review, world: &World<'_>) -> bool {
    args.check_run || Env::new(world.env, None).is_on("check-run")
}

async fn plan(args: &cli::Plan, world: &World<'_>, console: &Console) -> Result<Exit> {
    let setup = Setup::new(&args.change, &args.settings, world, console, Purpose::Plan, false).await?;
    if let Some(why) = &setup.nothing {
        console.notice(why.clone());
    }
    let tree = Tree::of_change(&setup.target, &setup.change, setup.repo.as_ref());
    let prepared = prepare(&setup, &tree, console).await?;
    let clean = |text: &str| prepared.clean(text);
    let context = context(&setup.config, &tree, &prepared.plan.diff, &clean);
    if setup.provider != Resolved::Offline && !prepared.plan.chunks.is_empty() {
        prepared.show(&context);
        tell_of(&context, &setup, console);
    }
    let model = (setup.provider != Resolved::Offline).then_some(setup.config.model.as_str());
    let is_batch = args.requests.is_some();
    let prices = if is_batch { prices(&setup.config).of_batch() } else { prices(&setup.config) };
    let price = model.and_then(|model| prices.get(model));
    let coverage = match &setup.nothing {
        Some(why) => setup.empty_report(why, Vec::new()).coverage,
        None => report::coverage(&prepared.plan, &prepared.skipped, &[]),
    };
    let config = &setup.config;
    let looks_again = config.verify && config.effort != Effort::Low;
    let second_look = looks_again.then(|| prices.get(&config.verify_model));
    let most = output_limit(config) as usize;
    let mut planned = PlanReport::new(&prepared.plan, coverage, model, price, second_look, most);
    planned.cost.limit_usd = setup.config.max_cost_usd.filter(|_| model.is_some());
    planned.cost.is_batch = is_batch;
    if let Some(most) = args.shards {
        planned.cut(most);
        if let Some(actions) = setup.actions() {
            deliver::write_shards(actions, &serde_json::to_string(&planned.shard_names())?)?;
        }
    }
    if let Some(path) = &args.requests {
        let round = Round { path: world.cwd.join(path), responses: responses(&args.responses, &world.cwd)?.asking() };
        round.write(&setup, &prepared, &tree, world, console).await?;
    }
    if let Some(path) = &args.output {
        write_json(path, &planned)?;
    }
    let text = match args.format {
        PlanFormat::Json => format!("{}\n", serde_json::to_string_pretty(&planned)?),
        PlanFormat::Terminal => planned.terminal(),
        PlanFormat::Markdown => format!("```text\n{}```\n", anstream::adapter::strip_str(&planned.terminal())),
    };
    console.result(&for_log(&text, args.format.into(), setup.actions().is_some()));
    Ok(Exit::Clean)
}

fn show_config(args: &cli::ConfigArgs, world: &World<'_>, console: &Console) -> Result<Exit> {
    if args.schema {
        console.result(&format!("{}\n", serde_json::to_string_pretty(&config::schema::schema(&check_names()))?));
        return Ok(Exit::Clean);
    }
    let folder = args.repo.as_ref().map_or_else(|| world.cwd.clone(), |repo| world.cwd.join(repo));
    let root = Repo::open(&folder).map_or(folder, |repo| repo.root());
    let name = args.settings.config.clone().unwrap_or_else(|| PathBuf::from(file::NAME));
    let text = read_config(&root, &world.cwd, args.settings.config.as_deref())?;
    let env = Env::new(world.env, dotenv(&root).as_deref());
    let layer = text.map(|text| file::parse(&name.display().to_string(), &text, &check_names())).transpose()?;
    let (config, origins) = config::load(args.settings.layer()?, &env, layer.unwrap_or_default())?;
    console.result(&config::show::render(&config, &origins));
    Ok(Exit::Clean)
}
