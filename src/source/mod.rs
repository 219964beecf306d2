//! Which change is meant, and getting it: from a file, from local git, or from a pull or merge request.

mod base;
mod disk;
mod request;
mod which;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;

use crate::cli;
use crate::console::Console;
use crate::diff::{self, Diff};
use crate::forge::{Command, Conversation, Forge, ForgeError, Reaction, Request};
use crate::git::{Range, Repo};
use crate::marks::State;
use crate::order::Order;
use crate::report::{ChangeInfo, Source};
use crate::stop::Stop;

pub use base::{ATTRIBUTES, Base, Found, folders_of};
pub use which::{event, opened_on, target};

/// What the process was started with, handed in so that tests need no globals.
pub struct World<'a> {
    /// Reads a variable of the environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The current directory.
    pub cwd: PathBuf,
    /// Whether the run is to end early.
    pub stop: Stop,
}

/// Where the change will come from.
pub enum Target {
    /// A unified diff: its text, which is taken when it is read and may be large, and the name it goes by in messages.
    Patch(Cell<Bytes>, String),
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

/// What a host answered to questions for files, by their paths; `None` where there is no such file.
pub type ReadAhead = HashMap<String, Result<Option<Vec<u8>>, ForgeError>>;

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
    /// Files of the base commit that the host was asked for before they were wanted.
    pub read_ahead: RefCell<ReadAhead>,
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

impl Target {
    /// Gets the change. `repo` fills in what a host cannot give. Of a pull request, what stands on it is read too.
    pub async fn change(&self, repo: Option<&Repo>) -> Result<Change> {
        match self {
            Target::Patch(text, name) => {
                let diff = diff::parse_bounded(text.take()).with_context(|| format!("cannot review {name}"))?;
                Ok(Change::local(Source::Patch, diff, (None, None, None)))
            }
            Target::Local(range) => {
                let repo = repo.ok_or_else(|| anyhow!("local git needs a repository"))?;
                let local = repo.change(range)?;
                let diff = diff::parse_bounded(local.patch).context("cannot read git's own diff")?;
                let change = Change::local(Source::Git, diff, (local.base, local.head, local.title));
                Ok(Change { against: Some(local.against), ..change })
            }
            Target::Pull { forge, local, .. } => request::read(forge.as_ref(), repo, local.as_ref()).await,
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
        console.notice(format!("the command could not be acknowledged: {err}"));
    }
}

impl Change {
    /// Takes what was read of a request and what stands on it anew.
    pub fn renew(&mut self, conversation: Conversation) {
        self.state = request::state_of(&conversation);
        self.conversation = conversation;
    }

    /// A change of which nothing is known but its diff and title.
    pub fn patch(diff: Diff, title: Option<String>) -> Change {
        Change::local(Source::Patch, diff, (None, None, title))
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
            read_ahead: RefCell::default(),
            without_patch: Vec::new(),
            against: None,
            notice: None,
        }
    }
}
