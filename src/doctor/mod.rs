//! `prudence doctor`: whether a review would work, before it is tried.
//!
//! One line for each thing that usually goes wrong. It asks the model server for its list of models once, reads the request
//! from the host, and finds out what the token may write without writing ([`crate::forge::Forge::may_write`]). What could
//! not be looked at is told as such, and is not well.

mod check;
mod history;
mod host;
mod key;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::cli;
use crate::config::ci::{self, Ci};
use crate::config::env::Env;
use crate::config::layer::{Layer, Origins};
use crate::config::{self, Config, file};
use crate::console::Console;
use crate::diff::RepoPath;
use crate::forge::{Forge, Request};
use crate::git::{LocalChange, Repo};
use crate::report::clean;
use crate::secret::Secret;
use crate::setup::{check_names, dotenv, read_config};
use crate::source::{self, Cause, Target, World};
use crate::status::Exit;
use check::{Check, render};

/// Looks at everything, and prints what was seen.
///
/// # Errors
/// None: what goes wrong is a line of the result.
pub async fn run(args: &cli::Doctor, world: &World<'_>, console: &Console) -> Result<Exit> {
    let (checks, secrets) = examine(args, world, console).await;
    // no line holds a key; a server's words might. One of a few letters, as local servers take, is part of any text.
    let long = secrets.iter().filter(|secret| secret.expose().len() >= 8);
    let text = long.fold(render(&checks), |text, secret| secret.redact(&text));
    console.result(&clean::painted_log(&text));
    Ok(if checks.iter().any(Check::has_failed) { Exit::Failed } else { Exit::Clean })
}

/// All lines in their order, and what must not be in them.
async fn examine(args: &cli::Doctor, world: &World<'_>, console: &Console) -> (Vec<Check>, Vec<Secret>) {
    let ci = Ci::detect(world.env);
    let (is_ci, is_gitlab) = (ci.is_some(), matches!(ci, Some(Ci::GitLab(_))));
    let (pr, mr, folder) = (args.pr.clone(), args.mr.clone(), args.repo.clone());
    let change = cli::Change { pr, mr, repo: folder, ..cli::Change::default() };
    let repo = source::repository(&change, world);
    let root = repo.as_ref().map_or_else(|_| world.cwd.clone(), Repo::root);
    let dotenv = if is_ci { None } else { dotenv(&root) };
    let env = Env::new(world.env, dotenv.as_deref());
    let target = source::target(&change, world, &env, console);

    let mut on_host = host::OnHost { checks: Vec::new(), request: None };
    let mut local = None;
    let history = match &target {
        Ok(Target::Pull { forge, .. }) => {
            on_host = host::examine(forge.as_ref(), host::given(&env, forge.host()), is_ci).await;
            history::of_request(&repo, args.repo.is_some(), on_host.request.as_ref(), forge.host())
        }
        Ok(Target::Nothing(why)) => {
            on_host.checks.push(Check::skip("request", format!("there is none to look at: {why}")));
            history::without_change(&repo, is_gitlab)
        }
        Ok(_) => {
            let text = "no request is named, so neither token nor permissions are looked at";
            let remedy = match is_gitlab {
                true => {
                    "name one with `--mr GROUP/PROJECT!N`, or give the job the rule `if: $CI_PIPELINE_SOURCE == \"merge_request_event\"`"
                }
                false => "name one with `--pr OWNER/REPO#N` or `--mr GROUP/PROJECT!N`",
            };
            on_host.checks.push(Check::skip("request", text).hint(remedy));
            let (check, found) = history::of_branch(&repo, is_gitlab);
            local = found;
            check
        }
        Err(err) => {
            on_host.checks.push(no_target(err, args, ci.as_ref()));
            history::without_change(&repo, is_gitlab)
        }
    };

    let place = Place { world, repo: repo.as_ref().ok(), root: &root, is_ci };
    let forge = target.as_ref().ok().and_then(Target::forge);
    let loaded = place.config(args, &env, forge.zip(on_host.request.as_ref()), local.as_ref()).await;
    let (config, mut checks) = match loaded {
        Ok((config, check)) => (Some(config), vec![check]),
        Err(check) => (None, vec![check]),
    };
    match &config {
        Some((config, origins)) => {
            let is_fork = on_host.request.as_ref().is_some_and(|request| request.is_fork);
            let run = server::Run { config, origins, env: &env, raw: world.env, is_ci, is_fork };
            checks.extend(server::checks(&run).await);
            if let (Some(request), Ok(Target::Pull { cause: Cause::Event, forge, .. })) = (&on_host.request, &target)
                && let Some(check) = host::unreviewed(request, &config.skip, forge.host())
            {
                on_host.checks.iter_mut().filter(|line| line.name == "request").for_each(|line| *line = check.clone());
            }
        }
        None => {
            let why = "not looked at before the configuration can be read: it may name another server";
            checks.extend(["key", "endpoint", "model"].map(|name| Check::skip(name, why)));
        }
    }
    checks.extend(on_host.checks);
    checks.push(history);
    let job = ci::GitLab::read(world.env);
    let tokens = [ci::GitHub::read(world.env).token, job.token, job.job_token];
    let key = config.and_then(|(config, _)| config.api_key);
    (checks, tokens.into_iter().flatten().chain(key).collect())
}

/// Why no change can be told: an error where there should be one, and nothing to look at on other events.
fn no_target(err: &anyhow::Error, args: &cli::Doctor, ci: Option<&Ci>) -> Check {
    let is_on_request = match ci {
        Some(Ci::GitHub(actions)) => actions.event_name.as_deref().is_some_and(|name| name.starts_with("pull_request")),
        Some(Ci::GitLab(job)) => job.iid.is_some(),
        _ => false,
    };
    let text = format!("{err:#}");
    if args.pr.is_some() || args.mr.is_some() || is_on_request {
        Check::fail("request", text)
    } else {
        Check::skip("request", text)
    }
}

/// Where the program runs.
struct Place<'a> {
    world: &'a World<'a>,
    repo: Option<&'a Repo>,
    root: &'a Path,
    is_ci: bool,
}

impl Place<'_> {
    /// The effective configuration, from where a review would take it.
    async fn config(
        &self,
        args: &cli::Doctor,
        env: &Env<'_>,
        on_host: Option<(&dyn Forge, &Request)>,
        local: Option<&LocalChange>,
    ) -> Result<((Config, Origins), Check), Check> {
        let fail = |err: anyhow::Error| Check::fail("config", format!("{err:#}"));
        let flags = args.settings.layer().map_err(|err| fail(err.into()))?;
        let named = args.settings.config.as_deref();
        let name = named.map_or_else(|| PathBuf::from(file::NAME), Path::to_path_buf);
        let shown = name.display().to_string();
        let (text, place) = self.text(&name, named.is_some(), on_host, local).await.map_err(fail)?;
        let layer = match &text {
            Some(text) => {
                file::parse(&shown, text, &check_names()).map_err(|err| fail(anyhow!("{err}{}", place.suffix())))?
            }
            None => Layer::default(),
        };
        let loaded = config::load(flags, env, layer).map_err(|err| fail(err.into()))?;
        let check = match (text, place) {
            (Some(_), place) => Check::ok("config", format!("`{shown}` is read{}", place.suffix())),
            (None, FoundIn::Folder) if self.root.join("prudence.toml").is_file() => {
                Check::warn("config", "`prudence.toml` is not read").hint("rename it to `.prudence.toml`, with a dot")
            }
            (None, FoundIn::Nowhere(why)) => Check::skip("config", format!("`{shown}` could not be looked for: {why}")),
            (None, place) => {
                Check::ok("config", format!("there is no `{shown}`{}, so the defaults hold", place.suffix()))
            }
        };
        Ok((loaded, check))
    }

    /// The text of the configuration file, and where it was looked for: for a request, and in CI, in the base commit.
    async fn text(
        &self,
        name: &Path,
        is_named: bool,
        on_host: Option<(&dyn Forge, &Request)>,
        local: Option<&LocalChange>,
    ) -> Result<(Option<Vec<u8>>, FoundIn)> {
        let path = name.to_string_lossy().replace('\\', "/");
        let base = match (on_host, local) {
            (Some((_, request)), _) => Some(request.base_sha.clone()),
            (None, Some(change)) if self.is_ci => change.base.clone(),
            _ => None,
        };
        let Some(base) = base.filter(|_| !name.is_absolute()) else {
            if self.is_ci && !is_named {
                return Ok((None, FoundIn::Nowhere("in CI it is read from the base commit, which is not known")));
            }
            return Ok((read_config(self.root, &self.world.cwd, is_named.then_some(name))?, FoundIn::Folder));
        };
        let text = match (self.repo.filter(|repo| repo.has_commit(&base)), on_host) {
            (Some(repo), _) => repo.file(&base, &RepoPath::from(path.as_str())),
            (None, Some((forge, _))) => forge.file(&base, &path).await?,
            (None, None) => None,
        };
        if text.is_none() && is_named {
            return Err(anyhow!(
                "`{path}` is not in the base commit, from which the configuration of a request is read\nhint: commit it to the base branch first"
            ));
        }
        Ok((text, FoundIn::Base(base)))
    }
}

/// Where the configuration was looked for.
enum FoundIn {
    /// The files of the user.
    Folder,
    /// This commit.
    Base(String),
    /// It was not, for this reason.
    Nowhere(&'static str),
}

impl FoundIn {
    fn suffix(&self) -> String {
        match self {
            FoundIn::Base(sha) => format!(" in the base commit {}", history::short(sha)),
            _ => String::new(),
        }
    }
}
