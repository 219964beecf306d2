//! The requests of a review as files, and sending them to OpenAI's Batch API: half the price, within a day.
//!
//! `prudence plan --requests` writes them ([`Round`]), `prudence batch run` sends them and fetches the answers, and
//! `prudence review --responses` reviews with these. A run that was ended at any point is started again and goes on: the
//! batches are known by a hash of their requests, in a file beside the answers and in their metadata at the server.

mod answers;
mod parts;
mod round;
mod state;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::cli;
use crate::config::ci::Ci;
use crate::config::env::Env;
use crate::config::layer::Layer;
use crate::config::provider::{Facts, Resolved, origin};
use crate::config::{self, Config, file};
use crate::console::Console;
use crate::examine::{Asking, client_until};
use crate::git::Repo;
use crate::llm::{Batch, Client, LlmError, Stage};
use crate::report::plural;
use crate::setup::{asked_provider, check_names, dotenv, read_config};
use crate::source::World;
use crate::status::Exit;
use answers::Answers;
use parts::Part;
pub use round::Round;
use state::State;

/// How long the answers are waited for unless a flag says it: a batch has a day, and its files take a while.
const DEADLINE: Duration = Duration::from_secs(25 * 60 * 60);
/// The first pause before a batch is looked at again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));

/// Sends the requests of a file, waits, and fetches the answers.
///
/// # Errors
/// The requests cannot be read, the server refuses them, or nobody can be asked.
pub async fn run(args: &cli::BatchRun, world: &World<'_>, console: &Console) -> Result<Exit> {
    let path = world.cwd.join(&args.requests);
    let name = path.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("cannot read the requests `{name}`\nhint: `prudence plan --requests FILE` writes them")
    })?;
    let answers = Answers::open(&world.cwd.join(&args.output))?;
    let parts = parts::split(&text, &answers.ids()?, parts::OPENAI)
        .map_err(|cause| anyhow!("{name}:{cause}\nhint: each line is an object with `custom_id`, `url` and `body`"))?;
    if parts.is_empty() {
        let why = if text.trim().is_empty() { "has no requests" } else { "has only requests that are answered" };
        console.notice(format!("`{name}` {why}, so nothing is sent"));
        return Ok(Exit::Clean);
    }
    let config = who(args, world, console)?;
    let deadline = tokio::time::Instant::now() + args.deadline.map_or(DEADLINE, Duration::from_secs);
    let client = client_until(&config, Resolved::OpenAi, &Asking::new(&config, &world.stop), console, deadline)?;
    let state = State::read(answers.beside(".batch.json"))?;
    let mut run = Run { client, server: origin(&config.base_url), answers, state, deadline, console };
    // whatever is done so far is on disk or at the server, so that a run may end at any point
    world.stop.ends_in_order();
    let sent = tokio::select! {
        biased;
        signal = world.stop.wait() => Err(Early(format!("stopped by {signal}")).into()),
        ended = run.all(&parts) => ended,
    };
    match sent {
        Ok(exit) => Ok(exit),
        Err(err) => match err.downcast::<Early>() {
            Ok(Early(why)) => {
                console.notice(format!("{why}; {}", run.how_to_go_on(&parts)));
                Ok(Exit::Incomplete)
            }
            Err(err) => Err(err),
        },
    }
}

/// Why the run ends before the batches do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Early(String);

/// Who is asked: flags, environment and file, the last as for a local run, and in CI only where a flag names it.
fn who(args: &cli::BatchRun, world: &World<'_>, console: &Console) -> Result<Config> {
    let settings = args.settings();
    let is_ci = Ci::detect(world.env).is_some();
    let root = Repo::open(&world.cwd).map_or_else(|_| world.cwd.clone(), |repo| repo.root());
    let dotenv = if is_ci { None } else { dotenv(&root) };
    let env = Env::new(world.env, dotenv.as_deref());
    let named = settings.config.as_deref();
    let text = if is_ci && named.is_none() { None } else { read_config(&root, &world.cwd, named)? };
    let shown = named.map_or_else(|| file::NAME.to_owned(), |named| named.display().to_string());
    let layer = text.map(|text| file::parse(&shown, &text, &check_names())).transpose()?;
    let (config, origins) = config::load(settings.layer()?, &env, layer.unwrap_or_else(Layer::default))?;
    match asked_provider(config.provider, Facts::new(&config, &origins, is_ci, false), console)? {
        Resolved::OpenAi => Ok(config),
        Resolved::Azure => bail!(
            "batches of Azure are not supported: their files and addresses are others\nhint: choose `--provider openai`, or send the file of requests with Azure's own tools"
        ),
        Resolved::Offline => bail!("nobody can be asked without a key\nhint: set `OPENAI_API_KEY`"),
    }
}

/// A run over some batches.
struct Run<'a> {
    client: Client,
    /// The server that the batches are at.
    server: String,
    answers: Answers,
    state: State,
    deadline: tokio::time::Instant,
    console: &'a Console,
}

impl Run<'_> {
    /// Makes what is not made, waits for all, and fetches what they bring.
    async fn all(&mut self, parts: &[Part]) -> Result<Exit> {
        let mut under_way = Vec::new();
        for part in parts {
            under_way.push((part, self.start(part).await?));
        }
        let (mut failed, mut is_cancelled, mut pause) = (Vec::new(), false, PAUSES.0);
        loop {
            let mut left = Vec::new();
            for (part, batch) in under_way {
                match batch.stage() {
                    Stage::UnderWay => left.push((part, batch)),
                    Stage::Failed => {
                        self.state.forget(&self.server, &part.hash())?;
                        failed.push(batch);
                    }
                    Stage::Ended => {
                        is_cancelled |= batch.status == "cancelled";
                        self.fetch(part, &batch).await?;
                    }
                }
            }
            if left.is_empty() {
                break;
            }
            self.wait(&mut pause).await?;
            under_way = self.look(left).await?;
        }
        if !failed.is_empty() {
            bail!(refusal(&failed));
        }
        Ok(if is_cancelled { Exit::Incomplete } else { Exit::Clean })
    }

    /// The batch of some requests: the one that is known, one that is found at the server, or a new one.
    async fn start(&mut self, part: &Part) -> Result<Batch> {
        let hash = part.hash();
        if let Some(id) = self.state.batch(&self.server, &hash) {
            let batch = self.client.batch(id).await.map_err(|err| {
                anyhow!("cannot look at the batch `{id}` of an earlier run: {err}\nhint: without `{}` it is looked for at the server, and else made anew", self.answers.beside(".batch.json").display())
            })?;
            self.console.notice(format!("the batch `{id}` of an earlier run is {}", batch.status));
            return Ok(batch);
        }
        let batch = match self.client.find_batch(&hash).await? {
            Some(found) => {
                self.console
                    .notice(format!("the server has a batch of these requests, `{}`: {}", found.id, found.status));
                found
            }
            None => {
                let file = self.client.upload(&format!("prudence-{hash}.jsonl"), part.content.as_bytes()).await?;
                let made = self.client.make_batch(&file, &part.url, &hash).await?;
                let requests = plural(part.ids.len(), "request");
                self.console.notice(format!("{requests} sent as the batch `{}`: {}", made.id, made.status));
                made
            }
        };
        self.state.keep(&self.server, &hash, &batch.id)?;
        Ok(batch)
    }

    /// Waits longer each time.
    async fn wait(&self, pause: &mut Duration) -> Result<()> {
        if tokio::time::Instant::now() + *pause >= self.deadline {
            return Err(Early("the deadline passed before the answers came".to_owned()).into());
        }
        tokio::time::sleep(*pause).await;
        *pause = pause.mul_f64(1.5).min(PAUSES.1);
        Ok(())
    }

    /// The batches as they are now; one that could not be looked at as it was.
    async fn look<'p>(&self, batches: Vec<(&'p Part, Batch)>) -> Result<Vec<(&'p Part, Batch)>> {
        let mut seen = Vec::new();
        for (part, before) in batches {
            match self.client.batch(&before.id).await {
                Ok(now) => {
                    if now.status != before.status {
                        self.console.notice(format!("the batch `{}` is {}{}", now.id, now.status, counts(&now)));
                    }
                    seen.push((part, now));
                }
                // a network that is away for an hour costs nothing
                Err(LlmError::Busy(why)) => {
                    self.console.notice(why.replace('\n', "; "));
                    seen.push((part, before));
                }
                Err(err) => return Err(err.into()),
            }
        }
        Ok(seen)
    }

    /// Adds what a batch brought to the answers.
    async fn fetch(&mut self, part: &Part, batch: &Batch) -> Result<()> {
        let mut files = Vec::new();
        for (file, ending) in [(&batch.output_file, ".output"), (&batch.error_file, ".error")] {
            if let Some(file) = file {
                let path = self.answers.beside(ending);
                self.client.download(file, &path).await?;
                files.push(path);
            }
        }
        let brought = self.answers.add(&files, &part.ids, batch)?;
        files.iter().for_each(|file| drop(std::fs::remove_file(file)));
        self.state.forget(&self.server, &part.hash())?;
        let failed = if brought.failed == 0 { String::new() } else { format!(", {} failed", brought.failed) };
        self.console.notice(format!("the batch `{}` brought {}{failed}", batch.id, plural(brought.good, "answer")));
        Ok(())
    }

    /// What to do where the run ends before the batches do.
    fn how_to_go_on(&self, parts: &[Part]) -> String {
        let ids: Vec<String> = parts
            .iter()
            .filter_map(|part| Some(format!("`{}`", self.state.batch(&self.server, &part.hash())?)))
            .collect();
        match ids.as_slice() {
            [] => "no batch is known to be under way; the same command begins again, and looks at the server first"
                .to_owned(),
            _ => format!("{} at the server goes on; the same command fetches what it brings", ids.join(", ")),
        }
    }
}

/// How far a batch is.
fn counts(batch: &Batch) -> String {
    batch.counts.map_or(String::new(), |(total, good, failed)| format!(": {good} of {total} answered, {failed} failed"))
}

/// Why batches were refused as a whole.
fn refusal(failed: &[Batch]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for batch in failed {
        let errors = match batch.errors.len() {
            0 => "the server does not say why".to_owned(),
            count if count > SHOWN => format!("{}; and {} more", batch.errors[..SHOWN].join("; "), count - SHOWN),
            _ => batch.errors.join("; "),
        };
        text += &format!("the batch `{}` was refused, and nothing was paid: {errors}\n", batch.id);
    }
    text + "hint: mend what is said, and run the same command again: it makes a new batch"
}
