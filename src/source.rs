//! Which change is meant, and getting it: from a file, from local git, or from a pull or merge request.

use std::cell::RefCell;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::cli::{self, ChangeSource};
use crate::config::ci::{self, Ci};
use crate::config::env::Env;
use crate::config::merge::MergeRef;
use crate::config::provider::{is_loopback, origin};
use crate::config::pull::PullRef;
use crate::console::Console;
use crate::diff::attributes::Attributes;
use crate::diff::{self, Content, Diff, FileDiff, RepoPath};
use crate::forge::github::{self, GitHub};
use crate::forge::gitlab::{self, GitLab, Token};
use crate::forge::{Command, Conversation, Forge, ForgeError, Host, Reaction, Request};
use crate::git::{Range, Repo};
use crate::marks::{self, State};
use crate::order::{self, Order};
use crate::report::{ChangeInfo, Source};

/// What the process was started with, handed in so that tests need no globals.
pub struct World<'a> {
    /// Reads a variable of the environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The current directory.
    pub cwd: PathBuf,
}

/// Where the change will come from.
pub enum Target {
    /// A unified diff: its text, and the name it goes by in messages.
    Patch(Vec<u8>, String),
    /// Local git.
    Local(Range),
    /// A pull or merge request.
    Pull {
        /// The host.
        forge: Box<dyn Forge>,
        /// Why this request.
        cause: Cause,
        /// The same change in local git, where the token may not be one that the host lets read.
        local: Option<InGit>,
    },
    /// An event that has nothing to review, such as a merge queue's.
    Nothing(String),
}

/// A request's change as a checkout has it, and what the job knows of the request.
pub struct InGit {
    /// The merge base.
    base: String,
    head: String,
    title: Option<String>,
    url: Option<String>,
}

/// Why a request is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A person named it.
    Named,
    /// Something happened to it: the rules on drafts, bots, labels and pauses hold.
    Event,
    /// Somebody wrote a command on it.
    Comment(Command),
}

/// A change with everything that is known about it.
pub struct Change {
    /// For the report.
    pub info: ChangeInfo,
    /// The request's description.
    pub description: String,
    /// The change itself.
    pub diff: Diff,
    /// The request, where it is one.
    pub request: Option<Request>,
    /// What stands on it already.
    pub conversation: Conversation,
    /// What earlier runs left for later ones; empty where there was none.
    pub state: State,
    /// Files that would steer the bot and are not in the base commit, as far as they were looked for.
    pub absent: RefCell<Vec<String>>,
    /// Files for which the host gave no patch.
    pub without_patch: Vec<String>,
    /// What local git compared with, in words.
    pub against: Option<String>,
    /// What the reader should know of where it comes from.
    pub notice: Option<String>,
}

/// The local repository, where there is one; a run on a pull request or a patch needs none.
pub fn repository(change: &cli::Change, world: &World<'_>) -> Result<Repo> {
    match &change.repo {
        Some(folder) => Repo::open(&world.cwd.join(folder)),
        None => Repo::open(&world.cwd),
    }
}

/// Finds out which change is meant: by flags, by the CI system, else local git.
pub fn target(change: &cli::Change, world: &World<'_>, env: &Env<'_>, console: &Console) -> Result<Target> {
    Ok(match change.source() {
        ChangeSource::Patch(file) => {
            let path = world.cwd.join(&file);
            let text = std::fs::read(&path).map_err(|err| {
                let name = file.display();
                anyhow!("cannot read the patch `{name}`: {err}\nhint: check the path; `--patch -` reads standard input")
            })?;
            Target::Patch(text, file.display().to_string())
        }
        ChangeSource::Stdin => {
            let mut text = Vec::new();
            std::io::stdin().read_to_end(&mut text).context("cannot read the patch from standard input")?;
            Target::Patch(text, "standard input".to_owned())
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
        (None, _) => {
            console.notice(
                "the pipeline is not one of a merge request, so the branch is reviewed as git has it: the rule `if: $CI_PIPELINE_SOURCE == \"merge_request_event\"` makes those, and `--mr GROUP/PROJECT!N` names one",
            );
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
    Ok(Command { comment: id, author: author.to_owned(), order })
}

impl Target {
    /// Gets the change. `repo` fills in what a host cannot give. Of a pull request, what stands on it is read too.
    pub async fn change(&self, repo: Option<&Repo>) -> Result<Change> {
        match self {
            Target::Patch(text, name) => {
                let diff = diff::parse(text.clone()).with_context(|| format!("cannot review {name}"))?;
                Ok(Change::local(Source::Patch, diff, (None, None, None)))
            }
            Target::Local(range) => {
                let repo = repo.ok_or_else(|| anyhow!("local git needs a repository"))?;
                let local = repo.change(range)?;
                let diff = diff::parse(local.patch).context("cannot read git's own diff")?;
                let change = Change::local(Source::Git, diff, (local.base, local.head, local.title));
                Ok(Change { against: Some(local.against), ..change })
            }
            Target::Pull { forge, local, .. } => pull(forge.as_ref(), repo, local.as_ref()).await,
            Target::Nothing(_) => Ok(Change::local(Source::GitHub, Diff::default(), (None, None, None))),
        }
    }

    /// What the user of local git may not expect: that nothing has changed, and which new files git does not know yet.
    pub fn local_notices(&self, change: &Change, repo: Option<&Repo>) -> Vec<String> {
        const NAMED: usize = 3;
        let (Target::Local(range), Some(repo)) = (self, repo) else { return Vec::new() };
        let mut notices = Vec::new();
        if change.diff.files.is_empty() {
            let against = change.against.as_deref().unwrap_or_default();
            notices.push(match range {
                Range::Staged => "nothing is staged; `git add` comes first".to_owned(),
                Range::Worktree => "nothing is uncommitted".to_owned(),
                _ if change.info.base_sha.is_none() => "there are no commits and no tracked files".to_owned(),
                _ => format!("no change against `{against}`; `--base HEAD~1` would take the last commit"),
            });
        }
        let untracked = match range {
            Range::Branch | Range::Worktree => repo.untracked(NAMED + 1),
            _ => Vec::new(),
        };
        if !untracked.is_empty() {
            let more = if untracked.len() > NAMED { " and more" } else { "" };
            let names = untracked[..untracked.len().min(NAMED)].join("`, `");
            notices.push(format!("untracked files are left out (`{names}`{more}); `git add -N` takes them in"));
        }
        notices
    }

    /// Asks the host whether the author of a command may give it, and acknowledges it, unless it is a `dry` run. Where
    /// there is nothing to do, the target becomes one that says why.
    ///
    /// # Errors
    /// The host does not tell who may command: then nobody may.
    pub async fn commanded(self, is_dry: bool, console: &Console) -> Result<(Target, Option<Order>)> {
        let Target::Pull { forge, cause: Cause::Comment(command), .. } = &self else {
            return Ok((self, None));
        };
        if !forge.is_writer(&command.author).await? {
            return Ok((Target::Nothing(no_writer(&command.author)), None));
        }
        if !is_dry {
            acknowledge(forge.as_ref(), command, console).await;
        }
        match command.order.clone() {
            Ok(order) => Ok((self, Some(order))),
            Err(words) => Ok((Target::Nothing(no_command(&words)), None)),
        }
    }

    /// Why a request is looked at; `None` for any other change.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Target::Pull { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// The host, where the change is a request on one.
    pub fn forge(&self) -> Option<&dyn Forge> {
        match self {
            Target::Pull { forge, .. } => Some(forge.as_ref()),
            _ => None,
        }
    }
}

/// Why a command is not carried out.
pub fn no_writer(author: &str) -> String {
    format!("`{author}` may not command the bot: that takes write access to the repository")
}

/// See [`no_writer`].
pub fn no_command(words: &str) -> String {
    format!("`{words}` is no command: `/prudence help` shows those there are")
}

/// Shows the author of a command that it was seen.
pub async fn acknowledge(forge: &dyn Forge, command: &Command, console: &Console) {
    let reaction = if command.order.is_ok() { Reaction::Eyes } else { Reaction::Confused };
    if let Err(err) = forge.react(command.comment, reaction).await {
        console.notice(&format!("the command could not be acknowledged: {err}"));
    }
}

impl Change {
    /// Takes what was read of a request and what stands on it anew.
    pub fn renew(&mut self, conversation: Conversation) {
        self.state = state_of(&conversation);
        self.conversation = conversation;
    }

    fn local(
        source: Source,
        diff: Diff,
        (base_sha, head_sha, title): (Option<String>, Option<String>, Option<String>),
    ) -> Change {
        Change {
            info: ChangeInfo { source, base_sha, head_sha, title, url: None },
            description: String::new(),
            diff,
            request: None,
            conversation: Conversation::default(),
            state: State::default(),
            absent: RefCell::default(),
            without_patch: Vec::new(),
            against: None,
            notice: None,
        }
    }
}

async fn pull(forge: &dyn Forge, repo: Option<&Repo>, local: Option<&InGit>) -> Result<Change> {
    // at once; the request's own error is the one that names what is wrong
    let (read, diff) = futures_util::future::join(forge.read(), forge.diff()).await;
    let ((request, conversation), mut diff) = match (read, diff, local) {
        (Err(err), _, Some(local)) if is_closed(&err) => return instead(&err, local, None, repo, forge.host()),
        (Ok((request, _)), Err(err), Some(local)) if is_closed(&err) => {
            return instead(&err, local, Some(request), repo, forge.host());
        }
        (read, diff, _) => (read?, diff?),
    };
    let without_patch = diff.files.iter().filter(|file| is_missing(file)).map(|file| file.path().to_string()).collect();
    fill_missing(&mut diff, repo, &request);
    Ok(Change {
        info: ChangeInfo {
            source: source_of(forge.host()),
            base_sha: Some(request.base_sha.clone()),
            head_sha: Some(request.head_sha.clone()),
            title: Some(request.title.clone()),
            url: Some(request.url.clone()),
        },
        description: request.description.clone(),
        diff,
        request: Some(request),
        state: state_of(&conversation),
        conversation,
        absent: RefCell::default(),
        without_patch,
        against: None,
        notice: None,
    })
}

/// What earlier runs left for later ones.
fn state_of(conversation: &Conversation) -> State {
    conversation.summary.as_ref().and_then(|summary| State::read(&summary.body)).unwrap_or_default()
}

fn source_of(host: Host) -> Source {
    match host {
        Host::GitHub => Source::GitHub,
        Host::GitLab => Source::GitLab,
    }
}

/// Whether the host does not let the token read.
fn is_closed(err: &ForgeError) -> bool {
    match err {
        ForgeError::Forbidden(_) => true,
        ForgeError::Failed(text) => text.contains("(401"),
        _ => false,
    }
}

/// The change of a request by local git, where the host does not tell. What the host said of the request counts as long as
/// nobody has pushed since the job began.
fn instead(
    err: &ForgeError,
    known: &InGit,
    request: Option<Request>,
    repo: Option<&Repo>,
    host: Host,
) -> Result<Change> {
    let refusal = err.to_string().replace('\n', "; ");
    let repo = repo.ok_or_else(|| anyhow!("{err}"))?;
    if let Some(commit) = [&known.base, &known.head].into_iter().find(|commit| !repo.has_commit(commit)) {
        let cause = refusal.split("; hint: ").next().unwrap_or_default();
        bail!(
            "{cause}; and the checkout, which would do instead, lacks the commit {commit}\nhint: set the variable `GIT_DEPTH: 0` for the job, or give it a token that may read the request in `GITLAB_TOKEN`"
        );
    }
    let local = repo.two_dot(&known.base, &known.head)?;
    let diff = diff::parse(local.patch).context("cannot read git's own diff")?;
    let request = request.filter(|request| Some(&request.head_sha) == local.head.as_ref());
    let title = request.as_ref().map(|request| request.title.clone()).or_else(|| known.title.clone());
    let mut change = Change::local(source_of(host), diff, (local.base, local.head, title.or(local.title)));
    change.info.url = request.as_ref().map(|request| request.url.clone()).or_else(|| known.url.clone());
    change.description = request.as_ref().map(|request| request.description.clone()).unwrap_or_default();
    change.request = request;
    change.notice =
        Some(format!("the change comes from the checkout, and nothing is known of earlier reviews: {refusal}"));
    Ok(change)
}

fn is_missing(file: &FileDiff) -> bool {
    matches!(file.content, Content::Missing { .. })
}

/// Takes the files that the host could not give from git, where both commits are here.
fn fill_missing(diff: &mut Diff, repo: Option<&Repo>, request: &Request) {
    if !diff.files.iter().any(is_missing) {
        return;
    }
    let local = repo.and_then(|repo| repo.three_dot(&request.base_sha, &request.head_sha).ok());
    let Some(local) = local.and_then(|local| diff::parse(local.patch).ok()) else { return };
    let listed: Vec<RepoPath> = diff.files.iter().filter(|file| !is_missing(file)).map(|f| f.path().clone()).collect();
    diff.files.retain(|file| !is_missing(file));
    diff.files.extend(local.files.into_iter().filter(|file| !listed.contains(file.path())));
}

/// Reads files as they were before the change: what steers the bot, and what tells generated files.
pub struct Base<'a> {
    /// Local git, and the commit, where that commit is here.
    git: Option<(&'a Repo, String)>,
    /// The host, and the commit.
    forge: Option<(&'a dyn Forge, String)>,
    change: &'a Change,
    /// The working tree, for local runs: the change is the user's own.
    folder: Option<PathBuf>,
}

impl<'a> Base<'a> {
    /// The base of a change. In CI, and for every request on a host, only the base commit is read.
    pub fn new(change: &'a Change, target: &'a Target, repo: Option<&'a Repo>, is_ci: bool) -> Base<'a> {
        let sha = change.info.base_sha.clone();
        let git = repo.zip(sha.clone()).filter(|(repo, sha)| repo.has_commit(sha));
        let is_local = target.forge().is_none() && !is_ci;
        Base { git, forge: target.forge().zip(sha), change, folder: repo.filter(|_| is_local).map(Repo::root) }
    }

    /// A file that steers the bot; `None` where there is none.
    pub async fn steering(&self, path: &str) -> Result<Option<Vec<u8>>> {
        if let Some(folder) = &self.folder {
            return read_if_there(&folder.join(path));
        }
        if let Some((repo, sha)) = &self.git {
            return Ok(repo.file(sha, &RepoPath::from(path)));
        }
        let Some((forge, sha)) = &self.forge else { return Ok(None) };
        let state = &self.change.state;
        // an earlier run has looked into the same commit
        let is_known = state.base.as_ref() == Some(sha) && state.absent.iter().any(|absent| absent == path);
        let text = if is_known { None } else { forge.file(sha, path).await? };
        if text.is_none() {
            self.change.absent.borrow_mut().push(path.to_owned());
        }
        Ok(text)
    }

    /// A file before the change, from git objects alone: there may be a thousand of them.
    pub fn text(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let (repo, sha) = self.git.as_ref()?;
        repo.file(sha, path)
    }

    /// All `.gitattributes` that matter for the files of a change; from a host only the one at the root.
    pub async fn attributes(&self, diff: &Diff) -> Result<Attributes> {
        let mut all = Attributes::parse("", &self.steering(".gitattributes").await?.unwrap_or_default());
        let mut folders: Vec<&str> = diff.files.iter().flat_map(|file| folders_of(file.path().as_str())).collect();
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            let text = match &self.folder {
                // a name in the diff may be one that no disk takes
                Some(root) => std::fs::read(root.join(folder).join(".gitattributes")).ok(),
                None => self.text(&RepoPath::from(format!("{folder}/.gitattributes").as_str())),
            };
            if let Some(text) = text {
                all.extend(Attributes::parse(folder, &text));
            }
        }
        Ok(all)
    }
}

/// `a/b/c.rs` lies in `a` and in `a/b`. Names that lead elsewhere are in no folder.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    let is_plain = !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    path.match_indices('/').filter(move |_| is_plain).map(|(at, _)| &path[..at])
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if matches!(err.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        Err(err) => Err(anyhow!(err).context(format!("cannot read `{}`", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_path() {
        assert_eq!(folders_of("a/b/c.rs").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders_of("c.rs").count(), 0);
        assert_eq!(folders_of("../../etc/x").count(), 0);
        assert_eq!(folders_of("/etc/x").count(), 0);
    }
}
