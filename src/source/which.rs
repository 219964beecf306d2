//! Which change is meant: by flags, by the CI system, else local git.

use std::io::Read as _;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;

use super::{Cause, InGit, Target, World};
use crate::cli::{self, ChangeSource};
use crate::config::ci::{self, Ci};
use crate::config::env::Env;
use crate::config::merge::MergeRef;
use crate::config::provider::{is_loopback, origin};
use crate::config::pull::PullRef;
use crate::console::Console;
use crate::forge::github::{self, GitHub};
use crate::forge::gitlab::{self, GitLab, Token};
use crate::forge::{Command, Forge};
use crate::git::Range;
use crate::{marks, order};

/// Finds out which change is meant: by flags, by the CI system, else local git.
pub fn target(change: &cli::Change, world: &World<'_>, env: &Env<'_>, console: &Console) -> Result<Target> {
    Ok(match change.source() {
        ChangeSource::Patch(file) => {
            let path = world.cwd.join(&file);
            let text = std::fs::read(&path).map_err(|err| {
                let name = file.display();
                anyhow!("cannot read the patch `{name}`: {err}\nhint: check the path; `--patch -` reads standard input")
            })?;
            Target::Patch(Bytes::from(text).into(), file.display().to_string())
        }
        ChangeSource::Stdin => {
            let mut text = Vec::new();
            std::io::stdin().read_to_end(&mut text).context("cannot read the patch from standard input")?;
            Target::Patch(Bytes::from(text).into(), "standard input".to_owned())
        }
        ChangeSource::Pull(pull) => {
            let actions = ci::GitHub::read(world.env);
            let (api_url, graphql_url) = api_of(&pull, &actions)?;
            let forge = github(&actions, api_url, graphql_url, &pull, console)?;
            Target::Pull { forge, cause: Cause::Named, local: None }
        }
        ChangeSource::Merge(merge) => {
            let job = ci::GitLab::read(world.env);
            Target::Pull { forge: merge_request(&job, &merge, console)?, cause: Cause::Named, local: None }
        }
        ChangeSource::Range { base, head } => Target::Local(Range::Base { base, head }),
        ChangeSource::Staged => Target::Local(Range::Staged),
        ChangeSource::Worktree => Target::Local(Range::Worktree),
        ChangeSource::Detect => match Ci::detect(world.env) {
            Some(Ci::GitHub(actions)) => by_event(&actions, env, console)?,
            Some(Ci::GitLab(job)) => by_pipeline(&job, console)?,
            _ => Target::Local(Range::Branch),
        },
    })
}

/// The API of the host that a pull request's page is on.
fn api_of(pull: &PullRef, actions: &ci::GitHub) -> Result<(String, String)> {
    match &pull.server_url {
        None => Ok((actions.api_url.clone(), actions.graphql_url.clone())),
        Some(server) if [&actions.server_url, &actions.api_url].iter().any(|known| origin(known) == origin(server)) => {
            Ok((actions.api_url.clone(), actions.graphql_url.clone()))
        }
        Some(server) if server == "https://github.com" => {
            Ok(("https://api.github.com".to_owned(), "https://api.github.com/graphql".to_owned()))
        }
        Some(server) if server.starts_with("https://") || is_loopback(server) => {
            Ok((format!("{server}/api/v3"), format!("{server}/api/graphql")))
        }
        Some(server) => bail!("{}", in_the_clear(server)),
    }
}

fn in_the_clear(server: &str) -> String {
    format!("`{server}` would get the token in the clear\nhint: use its `https` address")
}

/// A merge request that somebody named.
fn merge_request(job: &ci::GitLab, merge: &MergeRef, console: &Console) -> Result<Box<dyn Forge>> {
    if merge.is_on(&job.server_url) {
        let project = merge.project(&job.server_url).to_owned();
        return gitlab(job, job.api_url.clone(), (project, merge.iid), console);
    }
    let server = merge.origin.as_deref().unwrap_or_default();
    if !server.starts_with("https://") && !is_loopback(server) {
        bail!("{}", in_the_clear(server));
    }
    // what the job knows is of its own host
    let elsewhere = ci::GitLab { job_token: None, ca_file: None, ..job.clone() };
    gitlab(&elsewhere, ci::api_of(server), (merge.project(server).to_owned(), merge.iid), console)
}

fn gitlab(
    job: &ci::GitLab,
    api_url: String,
    (project, iid): (String, u64),
    console: &Console,
) -> Result<Box<dyn Forge>> {
    let token = match (&job.token, &job.job_token) {
        (Some(token), _) => Token::Access(token.clone()),
        (None, Some(token)) => Token::Job(token.clone()),
        (None, None) => Token::None,
    };
    let ca_file = job.ca_file.clone();
    let settings = gitlab::Settings { api_url, token, project, iid, ca_file, on_event: console.forge_events() };
    Ok(Box::new(GitLab::new(settings)?))
}

/// The merge request of a pipeline, or the branch where it has none.
fn by_pipeline(job: &ci::GitLab, console: &Console) -> Result<Target> {
    let by_number = job
        .iid
        .as_ref()
        .and_then(|iid| iid.parse().ok())
        .zip(job.target_project.clone().or_else(|| job.target_path.clone()));
    let (iid, project) = match (by_number, job.open_requests.as_slice()) {
        (Some(found), _) => found,
        // a pipeline of a branch that is the source of one request
        (None, [only]) => {
            let merge: MergeRef = only.parse().map_err(|err| anyhow!("`CI_OPEN_MERGE_REQUESTS`, `{only}`: {err}"))?;
            (merge.iid, merge.project(&job.server_url).to_owned())
        }
        (None, several) => {
            let open = match several {
                [] => String::new(),
                several => format!(" (open for this branch: `{}`)", several.join("`, `")),
            };
            console.notice(format!(
                "the pipeline is not one of a merge request, so the branch is reviewed as git has it: the rule `if: $CI_PIPELINE_SOURCE == \"merge_request_event\"` makes those, and `--mr GROUP/PROJECT!N` names one{open}"
            ));
            return Ok(Target::Local(Range::Branch));
        }
    };
    let forge = gitlab(job, job.api_url.clone(), (project, iid), console)?;
    let ends = job.diff_base.clone().zip(job.head.clone()).filter(|_| job.token.is_none());
    let page = |path: &String| format!("{}/{path}/-/merge_requests/{iid}", job.server_url);
    let local = ends.map(|(base, head)| InGit {
        base,
        head,
        title: job.title.clone(),
        url: job.target_path.as_ref().map(page),
    });
    Ok(Target::Pull { forge, cause: Cause::Event, local })
}

fn github(
    actions: &ci::GitHub,
    api_url: String,
    graphql_url: String,
    pull: &PullRef,
    console: &Console,
) -> Result<Box<dyn Forge>> {
    let settings = github::Settings {
        api_url,
        graphql_url,
        token: actions.token.clone(),
        owner: pull.owner.clone(),
        repo: pull.repo.clone(),
        number: pull.number,
        on_event: console.forge_events(),
    };
    Ok(Box::new(GitHub::new(settings)?))
}

/// The pull request of a run of GitHub Actions.
fn by_event(actions: &ci::GitHub, env: &Env<'_>, console: &Console) -> Result<Target> {
    let event_name = actions.event_name.as_deref().unwrap_or_default();
    if event_name == "merge_group" {
        return Ok(Target::Nothing("a merge group holds only what was reviewed in its pull requests".to_owned()));
    }
    let repository = actions.repository.as_deref().unwrap_or_default();
    let event = event(actions)?;
    let by_input = env.input("pr-number").map(|input| input.trim().trim_start_matches('#').to_owned());
    let cause = match (&by_input, event_name) {
        (Some(_), _) | (_, "workflow_dispatch") => Cause::Named,
        (None, "issue_comment") => match comment(&event) {
            Ok(comment) => Cause::Comment(comment),
            Err(why) => return Ok(Target::Nothing(why.to_owned())),
        },
        _ if event["action"] == "closed" => return Ok(Target::Nothing("the request was closed".to_owned())),
        _ => Cause::Event,
    };
    let Some(number) = by_input.or_else(|| event_number(&event, actions)) else {
        bail!(
            "the event `{event_name}` has no pull request\nhint: run on `pull_request`, set the input `pr-number`, or name a change with `--base REF` or `--pr OWNER/REPO#N`"
        );
    };
    let pull: PullRef =
        format!("{repository}#{number}").parse().map_err(|err| anyhow!("`{repository}#{number}`: {err}"))?;
    let forge = github(actions, actions.api_url.clone(), actions.graphql_url.clone(), &pull, console)?;
    Ok(Target::Pull { forge, cause, local: None })
}

/// The event's payload; `Null` where the runner has none.
///
/// # Errors
/// The file cannot be read, or is no JSON.
pub fn event(actions: &ci::GitHub) -> Result<serde_json::Value> {
    let Some(path) = &actions.event_path else { return Ok(serde_json::Value::Null) };
    let text = std::fs::read(path).with_context(|| format!("cannot read the event file `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("the event file `{}` is no JSON", path.display()))
}

/// The base commit of a request that was just opened, by the event of the run: nothing is known of that request yet.
pub fn opened_on(actions: &ci::GitHub) -> Option<String> {
    let event = event(actions).ok().filter(|event| event["action"] == "opened")?;
    let sha = event["pull_request"]["base"]["sha"].as_str()?;
    (sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| sha.to_owned())
}

/// The number in the event's payload; where the payload is empty, as for forks at times, the one in the run's ref.
fn event_number(event: &serde_json::Value, actions: &ci::GitHub) -> Option<String> {
    let is_pull = event["issue"]["pull_request"].is_object();
    let number = event["pull_request"]["number"].as_u64().or(event["issue"]["number"].as_u64().filter(|_| is_pull));
    let by_hand = || event["inputs"]["pr-number"].as_str().map(str::trim).filter(|number| !number.is_empty());
    let from_ref = || actions.git_ref.as_deref()?.strip_prefix("refs/pull/")?.split('/').next();
    number.map(|number| number.to_string()).or_else(|| by_hand().or_else(from_ref).map(str::to_owned))
}

/// The command of a new comment on a pull request, or why there is none. A comment of a program, this one included, is
/// never answered.
fn comment(event: &serde_json::Value) -> std::result::Result<Command, &'static str> {
    let comment = &event["comment"];
    let body = comment["body"].as_str().unwrap_or_default();
    let author = comment["user"]["login"].as_str().unwrap_or_default();
    let is_program = |user: &serde_json::Value| {
        user["type"] == "Bot" || user["login"].as_str().is_some_and(|login| login.ends_with("[bot]"))
    };
    if event["action"] != "created" {
        return Err("only a new comment can hold a command");
    }
    if !event["issue"]["pull_request"].is_object() {
        return Err("the comment is on an issue, not on a pull request");
    }
    if is_program(&comment["user"]) || is_program(&event["sender"]) || marks::is_ours(body) {
        return Err("a program wrote the comment");
    }
    let order = order::parse(body).ok_or("the comment has no command")?;
    let id = comment["id"].as_u64().ok_or("the event does not name its comment")?;
    Ok(Command { comment: id, author: author.to_owned(), order, sees_summary: true })
}
