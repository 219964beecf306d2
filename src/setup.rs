//! Everything that is known before the change is looked into: the configuration, the change, and who is asked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use globset::Glob;

use crate::checks::RULES;
use crate::cli;
use crate::config::ci::{self, Ci};
use crate::config::env::Env;
use crate::config::layer::{Layer, Origin, Origins};
use crate::config::provider::{Facts, Resolved, is_loopback, resolve_provider};
use crate::config::{self, Config, ReviewEvent, Skip, file, keys};
use crate::console::Console;
use crate::deliver::{self, Posting};
use crate::diff::Side;
use crate::findings::{Finding, Judgement};
use crate::forge::{Forge, Request, wire};
use crate::git::Repo;
use crate::hear;
use crate::order::Order;
use crate::redact;
use crate::report::{self, Cost, Report, Status, Tool};
use crate::severity::Severity;
use crate::shard::Shard;
use crate::source::{self, Base, Cause, Change, ReadAhead, Target, World};
use crate::stop::Patience;
use crate::usage::{self, Price, Prices};
use crate::words::{Note, Words};

/// A judgement on no earlier finding.
static NOTHING: LazyLock<Judgement> = LazyLock::new(Judgement::default);

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To see what would be sent; no key is needed for that.
    Plan,
    /// To review, and post nothing.
    Show,
    /// To review and deliver.
    Deliver,
    /// To deliver what was reviewed elsewhere; no key is needed, and none is used.
    Publish,
}

/// Who would be asked, where nobody is.
pub fn planned_provider(choice: config::Provider) -> Resolved {
    match choice {
        config::Provider::Offline => Resolved::Offline,
        config::Provider::Azure => Resolved::Azure,
        _ => Resolved::OpenAi,
    }
}

/// Who is asked.
///
/// # Errors
/// A model is wanted, and there is no way to it.
pub fn asked_provider(choice: config::Provider, facts: Facts, console: &Console) -> Result<Resolved> {
    let resolution = resolve_provider(choice, facts)?;
    if let Some(notice) = &resolution.notice {
        console.notice(notice);
    }
    Ok(resolution.provider)
}

/// Everything that is known before the change is looked into.
pub struct Setup {
    /// The effective configuration.
    pub config: Config,
    /// Who is asked.
    pub provider: Resolved,
    /// Where the change comes from.
    pub target: Target,
    /// The change.
    pub change: Change,
    /// Why nothing is to be reviewed, where that is so.
    pub nothing: Option<Note>,
    /// What a person told the bot to do.
    pub order: Option<Order>,
    /// Whether what was reviewed before is reviewed again.
    pub full: bool,
    /// The local repository, where there is one.
    pub repo: Option<Repo>,
    /// The CI system that this is a run of.
    pub ci: Option<Ci>,
    /// What the run is for.
    pub purpose: Purpose,
    /// How long the run may take in all.
    pub patience: Patience,
}

/// Said where the change cannot be read in time.
const UNREAD: &str = "the change could not be read before the deadline\nhint: `git fsck` finds broken objects; for a large history raise `--deadline`";

/// Said where a run does not end.
const STUCK: &str = "the run did not end, long after its deadline\nhint: `git fsck` finds broken objects; please report it if there are none";

/// How long after the deadline a result may still be delivered: each request of it gets 10 s in any case.
const DELIVERY: Duration = Duration::from_secs(180);

impl Setup {
    /// Reads flags, environment, the change and the configuration, and decides who is asked. Where the answers are
    /// played from files, no key is needed.
    ///
    /// # Errors
    /// Any of these cannot be had; nothing was reviewed.
    pub async fn new(
        change: &cli::Change,
        settings: &cli::Settings,
        world: &World<'_>,
        console: &Console,
        purpose: Purpose,
        is_played: bool,
    ) -> Result<Setup> {
        let started = tokio::time::Instant::now();
        let ci = Ci::detect(world.env);
        let is_ci = ci.is_some();
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
        let writes = matches!(purpose, Purpose::Deliver | Purpose::Publish);
        let purpose = if env.is_on("dry-run") && writes { Purpose::Show } else { purpose };
        // the file may give it another; until it is read, flags and environment do
        let deadline = config::load(settings.layer()?, &env, Layer::default())?.0.deadline;
        if let Some(forge) = target.forge() {
            forge.set_deadline(started + deadline);
        }
        // a host has its own patience
        let reading = target.forge().is_none().then(|| Patience::at_most(deadline, UNREAD, &world.stop));
        let (target, mut order) = target.commanded(purpose != Purpose::Deliver, console).await?;
        let is_full = change.full || env.is_on("full");
        let files = [config_name(settings).to_string_lossy().replace('\\', "/"), source::ATTRIBUTES.to_owned()];
        let ahead = read_ahead(&target, ci.as_ref(), repo.as_ref(), &files);
        let (change, ahead) = futures_util::future::join(target.change(repo.as_ref()), ahead).await;
        let mut change = change?;
        if let Some((_, answers)) = ahead.filter(|(sha, _)| change.info.base_sha.as_ref() == Some(sha)) {
            change.read_ahead.replace(answers);
        }
        drop(reading);
        change.notice.iter().for_each(|notice| console.notice(notice));
        let base = Base::new(&change, &target, repo.as_ref(), is_ci);
        let file = config_file(settings, &change, &target, repo.as_ref(), world, is_ci);
        let (file, ()) = futures_util::future::join(file, base.read_ahead(source::ATTRIBUTES)).await;
        let file = file?;
        let (config, origins) = config::load(flags, &env, file)?;
        let words = Words::of(&config.language);
        if let (Some(forge), Purpose::Deliver | Purpose::Publish) = (target.forge(), purpose) {
            order = order.or(hear::hear(forge, &mut change, words, console).await);
        }
        let full = is_full || order == Some(Order::Full);
        let is_fork = match &change.request {
            Some(request) => request.is_fork,
            None => ci.as_ref().and_then(Ci::gitlab).is_some_and(ci::GitLab::is_fork),
        };
        let facts = Facts::new(&config, &origins, is_ci, is_fork);
        let nothing = nothing(&target, &change, &config, order);
        let provider = match purpose {
            // needs no key, and tells no one that there is none
            _ if nothing.is_some() || order.is_some_and(|order| !order.is_review()) => Resolved::Offline,
            Purpose::Publish => Resolved::Offline,
            Purpose::Plan => planned_provider(config.provider),
            _ if is_played => planned_provider(config.provider),
            _ => asked_provider(config.provider, facts, console)?,
        };
        warn(&config, &origins, provider, console);
        if !is_ci {
            target.local_notices(&change, repo.as_ref()).iter().for_each(|notice| console.notice(notice));
        }
        if let Some(forge) = target.forge() {
            forge.set_deadline(started + config.deadline);
        }
        let patience = Patience::at_most(config.deadline + DELIVERY, STUCK, &world.stop);
        Ok(Setup { config, provider, target, change, nothing, order, full, repo, ci, purpose, patience })
    }

    /// The setup of one of several jobs that review a change together, where it is one: it may spend its share.
    pub fn of_shard(mut self, shard: Option<Shard>) -> Setup {
        let count = shard.map_or(1, Shard::count) as f64;
        self.config.max_cost_usd = self.config.max_cost_usd.map(|usd| usd / count);
        self
    }

    /// The title, with no secret in it.
    pub fn masked_title(&self) -> Option<String> {
        self.change.info.title.as_deref().map(|title| redact::text(title).into_owned())
    }

    /// The fixed phrases of what is posted, in the team's language.
    pub fn words(&self) -> &'static Words {
        Words::of(&self.config.language)
    }

    /// Whether something that stands reaches `fail-on`.
    pub fn is_gated(&self, report: &Report) -> bool {
        let still_counts = report.suppressed.iter().filter(|suppressed| suppressed.counts).map(|s| &s.finding);
        let mut counted = report.standing().chain(still_counts);
        self.config.fail_on.is_some_and(|gate| counted.any(|finding| finding.severity >= gate))
    }

    /// Where the lines of a finding can be looked at: on the host, or in the file on this machine.
    pub fn address(&self, finding: &Finding) -> Option<String> {
        match (&self.target, &self.repo) {
            _ if finding.side == Side::Left => None,
            (Target::Pull { .. }, _) => self.change.info.address_of(finding),
            (Target::Local(_), Some(repo)) => {
                let path = repo.root().join(&finding.path);
                path.is_file().then(|| format!("file://{}", wire::path(&path.to_string_lossy())))
            }
            _ => None,
        }
    }

    /// How this run's result is posted, with nothing known of earlier findings.
    pub fn posting<'a>(&'a self, forge: &'a dyn Forge, report: &Report, annotate: &'a dyn Fn(&str)) -> Posting<'a> {
        let may_block = self.config.review_event == ReviewEvent::RequestChanges;
        Posting {
            forge,
            change: &self.change,
            standing: &[],
            judgement: &NOTHING,
            memory: None,
            blocks_from: self.config.fail_on.filter(|_| may_block),
            is_blocked: may_block && self.is_gated(report),
            check_run: None,
            paused: self.change.state.paused && self.order != Some(Order::Resume),
            published: None,
            run_url: self.ci.as_ref().and_then(Ci::run_url),
            ci: self.ci.as_ref(),
            words: self.words(),
            has_code_quality: false,
            annotate,
        }
    }

    /// The run of GitHub Actions, where it is one.
    pub fn actions(&self) -> Option<&ci::GitHub> {
        self.ci.as_ref().and_then(Ci::actions)
    }

    /// The lowest severity that is reported for a path.
    pub fn min_severity(&self, path: &str) -> Severity {
        let is_for =
            |rule: &&config::PathRule| Glob::new(&rule.glob).is_ok_and(|glob| glob.compile_matcher().is_match(path));
        let rules = self.config.paths.iter().filter(is_for);
        rules.filter_map(|rule| rule.min_severity).next_back().unwrap_or(self.config.min_severity)
    }

    /// The report of a request that is not to be reviewed.
    pub fn empty_report(&self, why: &Note, notices: Vec<Note>) -> Report {
        let files = &self.change.diff.files;
        let skipped = files.iter().map(|file| report::SkippedFile {
            path: file.path().to_string(),
            reason: report::REQUEST_SKIPPED.to_owned(),
            changed_lines: file.changed_lines(),
        });
        let earlier = deliver::earlier_cost(&self.change);
        let coverage = report::Coverage {
            files: files.len(),
            changed_lines: self.change.diff.changed_lines(),
            skipped: skipped.collect(),
            ..report::Coverage::default()
        };
        Report {
            schema: report::SCHEMA.to_owned(),
            tool: Tool::this(),
            change: report::ChangeInfo { title: self.masked_title(), ..self.change.info.clone() },
            status: Status::NothingToReview,
            summary: why.english().to_owned(),
            findings: Vec::new(),
            suppressed: Vec::new(),
            coverage,
            chunks: Vec::new(),
            usage: usage::Usage::default(),
            cost: Cost {
                usd: Some(0.0),
                total_usd: earlier,
                limit_usd: self.config.max_cost_usd,
                unconfirmed_requests: 0,
                models: Vec::new(),
                cached_saved_usd: Some(0.0),
            },
            delivery: deliver::undelivered(notices),
            shard: None,
            why_nothing: Some(why.clone()),
        }
    }
}

/// Why nothing is to be reviewed, where that is so.
fn nothing(target: &Target, change: &Change, config: &Config, order: Option<Order>) -> Option<Note> {
    if let Target::Nothing(why) = target {
        return Some(why.into());
    }
    if target.cause() != Some(&Cause::Event) || order.is_some_and(Order::is_review) {
        return None;
    }
    let (request, words) = (change.request.as_ref()?, Words::of(&config.language));
    if !request.is_open {
        return Some(Note::new(words, |words| words.is_closed.to_string()));
    }
    if change.state.paused {
        return Some(Note::new(words, |words| words.is_paused.to_string()));
    }
    unwanted(request, &config.skip, words)?;
    let told = |words: &Words| {
        let (what, setting) = unwanted(request, &config.skip, words).unwrap_or_default();
        words.request_skipped.with(&[("what", &what), ("setting", &setting)])
    };
    Some(Note::new(words, told))
}

/// Why the team does not want a request reviewed, and the setting that says so.
pub fn unwanted(request: &Request, skip: &Skip, words: &Words) -> Option<(String, &'static str)> {
    let text = format!("{}\n{}", request.title, request.description).to_lowercase();
    let label = request.labels.iter().find(|label| skip.labels.contains(label));
    let word = skip.words.iter().find(|word| !word.is_empty() && text.contains(&word.to_lowercase()));
    match (label, word) {
        _ if skip.drafts && request.is_draft => Some((words.is_draft.to_string(), "skip.drafts")),
        _ if skip.bots && request.is_by_bot => Some((words.is_by_bot.to_string(), "skip.bots")),
        (Some(label), _) => Some((words.has_label.with(&[("label", label)]), "skip.labels")),
        (None, Some(word)) => Some((words.says_word.with(&[("word", word)]), "skip.words")),
        (None, None) => None,
    }
}

/// What a host answers for these files beside the change, where the request was just opened, and the commit that they are of.
async fn read_ahead(
    target: &Target,
    ci: Option<&Ci>,
    repo: Option<&Repo>,
    files: &[String],
) -> Option<(String, ReadAhead)> {
    let (forge, sha) = (target.forge()?, source::opened_on(ci.and_then(Ci::actions)?)?);
    // the event may be about another request than the one that is named
    let is_of_event = target.cause() == Some(&Cause::Event);
    if !is_of_event
        || repo.is_some_and(|repo| repo.has_commit(&sha))
        || files.iter().any(|file| Path::new(file).is_absolute())
    {
        return None;
    }
    let answers = futures_util::future::join_all(files.iter().map(|file| forge.file(&sha, file))).await;
    Some((sha, files.iter().cloned().zip(answers).collect()))
}

/// The file that is read as the configuration.
fn config_name(settings: &cli::Settings) -> PathBuf {
    settings.config.clone().unwrap_or_else(|| PathBuf::from(file::NAME))
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
    if let Target::Nothing(_) = target {
        // nothing is configured where nothing is done
        return Ok(Layer::default());
    }
    let name = config_name(settings);
    // in CI the working tree is the change under review
    let from_base = target.forge().is_some() || (is_ci && change.info.base_sha.is_some());
    let text = match from_base && !name.is_absolute() {
        true => {
            let path = name.to_string_lossy().replace('\\', "/");
            let text = Base::new(change, target, repo, is_ci).steering(&path).await?;
            if text.is_none() && settings.config.is_some() {
                bail!(
                    "`{path}` is not in the base commit, from which the configuration of a request is read\nhint: commit it to the base branch first"
                );
            }
            text
        }
        // without a base there is no configuration that the change could not have written
        false if is_ci && settings.config.is_none() => None,
        false => {
            let root = repo.map_or_else(|| world.cwd.clone(), Repo::root);
            read_config(&root, &world.cwd, settings.config.as_deref())?
        }
    };
    let Some(text) = text else { return Ok(Layer::default()) };
    let layer = file::parse(&name.display().to_string(), &text, &check_names());
    match change.info.base_sha.as_deref().filter(|_| from_base) {
        Some(sha) => {
            layer.map_err(|err| anyhow!("{err} (this is the file of the base commit {})", &sha[..sha.len().min(9)]))
        }
        None => Ok(layer?),
    }
}

/// Reads the configuration from disk: the named file, which must be there, or the one at the root, which need not.
pub fn read_config(root: &Path, cwd: &Path, named: Option<&Path>) -> Result<Option<Vec<u8>>> {
    let path = named.map_or_else(|| root.join(file::NAME), |named| cwd.join(named));
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(err) => bail!(
            "cannot read the configuration `{}`: {err}\nhint: it must be a file that you may read; `--config FILE` names another",
            path.display()
        ),
    }
}

/// The text of the repository's `.env` file.
pub fn dotenv(root: &Path) -> Option<String> {
    std::fs::read(root.join(".env")).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// What the user may not expect of the configuration.
fn warn(config: &Config, origins: &Origins, provider: Resolved, console: &Console) {
    let is_named_by_file = matches!(origins.of(&keys::BASE_URL), Origin::File { .. } | Origin::DotEnv(_));
    if provider != Resolved::Offline && config.api_key.is_some() && is_named_by_file && !is_loopback(&config.base_url) {
        console.notice(format!("the key goes to {}, which a file of the repository names", config.base_url));
    }
    let unknown = |model: &&String| prices(config).get(model).is_none();
    let asked: BTreeSet<&String> =
        [&config.model, &config.verify_model].into_iter().chain(&config.fallback_models).collect();
    for model in asked.into_iter().filter(|_| provider != Resolved::Offline).filter(unknown) {
        console.notice(format!(
            "`{model}` has no known price, so the cost limit cannot hold; set one under `[prices.\"{model}\"]`"
        ));
    }
}

/// The price table with the user's own prices over it.
pub fn prices(config: &Config) -> Prices {
    let price = |(name, price): (&String, &config::PriceOverride)| {
        (name.clone(), Price::new(price.input, price.cached_input, price.output))
    };
    Prices::new(config.prices.iter().map(price))
}

/// Tokens that an answer may have: what is configured, as far as the model can.
pub fn output_limit(config: &Config) -> u32 {
    usage::output_limit(&config.model, config.max_output_tokens)
}

/// Names of the built-in checks.
pub fn check_names() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.name).collect()
}
