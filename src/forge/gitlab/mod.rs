//! GitLab: gitlab.com and self-managed, also under a path prefix.

mod access;
mod background;
mod change;
mod drafts;
mod http;
mod people;
mod position;
mod publish;
pub mod quick_action;
mod read;

use std::path::PathBuf;
use std::sync::OnceLock;

use async_trait::async_trait;

use super::wire::{OnEvent, path, segment};
use super::{
    Access, Background, CheckRun, Conversation, Forge, ForgeError, Host, Own, Reaction, Request, Review, ReviewOutcome,
    Texts,
};
use crate::diff::Diff;
use crate::secret::Secret;
use http::Api;

/// Where a merge request is, and how to get there.
#[derive(Clone)]
pub struct Settings {
    /// Root of the REST API (`https://host/api/v4`), without a slash at its end.
    pub api_url: String,
    /// Who asks.
    pub token: Token,
    /// The project that the request goes into: its number, or its path (`group/project`).
    pub project: String,
    /// Number of the request in the project.
    pub iid: u64,
    /// A file with the authority that signed the host's certificate (`CI_SERVER_TLS_CA_FILE`).
    pub ca_file: Option<PathBuf>,
    /// Is told of every request, for `-v`.
    pub on_event: Option<OnEvent>,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// The access token of a project, a group or a person.
    Access(Secret),
    /// The token of a CI job, which may only read, and not everything.
    Job(Secret),
    /// Nobody: only what is public can be read.
    None,
}

impl Token {
    /// The value itself; see [`Secret::expose`].
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Token::Access(secret) | Token::Job(secret) => Some(secret),
            Token::None => None,
        }
    }
}

/// A merge request on GitLab.
pub struct GitLab {
    api: Api,
    project: String,
    iid: u64,
    /// The request's page, once it was read.
    page: OnceLock<String>,
    /// Who the token posts as, once it was asked.
    viewer: OnceLock<read::Viewer>,
}

impl GitLab {
    /// # Errors
    /// The API's address is no URL, or the authority's file cannot be read.
    pub fn new(settings: Settings) -> Result<GitLab, ForgeError> {
        let (project, iid) = (settings.project.clone(), settings.iid);
        Ok(GitLab { api: Api::new(settings)?, project, iid, page: OnceLock::new(), viewer: OnceLock::new() })
    }

    fn project_route(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", segment(&self.project))
    }

    fn route(&self, rest: &str) -> String {
        self.project_route(&format!("/merge_requests/{}{rest}", self.iid))
    }

    /// The page of a note.
    fn note_url(&self, id: u64) -> Option<String> {
        self.page.get().map(|page| format!("{page}#note_{id}"))
    }

    /// `group/project!7`, for messages.
    fn name(&self) -> String {
        format!("{}!{}", self.project, self.iid)
    }
}

#[async_trait]
impl Forge for GitLab {
    fn host(&self) -> Host {
        Host::GitLab
    }

    async fn read(&self) -> Result<(Request, Conversation), ForgeError> {
        read::read(self).await
    }

    async fn diff(&self) -> Result<Diff, ForgeError> {
        change::diff(self).await
    }

    async fn file(&self, commit: &str, name: &str) -> Result<Option<Vec<u8>>, ForgeError> {
        // the whole path is one segment here
        let route = self.project_route(&format!("/repository/files/{}/raw?ref={}", segment(name), path(commit)));
        let answer = self.api.get(&route).await?;
        match answer.status {
            404 => Ok(None),
            _ => answer.ok(name).map(|answer| Some(answer.body)),
        }
    }

    /// Each file would be a request of its own.
    async fn texts(&self, _commit: &str, _files: &[&str], _folders: &[&str]) -> Result<Option<Texts>, ForgeError> {
        Ok(None)
    }

    async fn background(&self) -> Background {
        background::background(self).await
    }

    async fn disliked(&self, comments: &[u64]) -> Result<Vec<(u64, Vec<String>)>, ForgeError> {
        people::disliked(self, comments).await
    }

    async fn is_writer(&self, login: &str) -> Result<bool, ForgeError> {
        people::is_writer(self, login).await
    }

    async fn post_review(&self, review: &Review<'_>) -> Result<ReviewOutcome, ForgeError> {
        publish::review(self, review).await
    }

    async fn put_comment(&self, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError> {
        publish::note(self, existing, body).await
    }

    async fn edit_comment(&self, comment: u64, body: &str) -> Result<(), ForgeError> {
        publish::edit(self, comment, body).await
    }

    async fn remove(&self, own: Own) -> Result<(), ForgeError> {
        publish::remove(self, own).await
    }

    async fn resolve(&self, threads: &[String], resolved: bool) -> Vec<Result<(), ForgeError>> {
        publish::resolve(self, threads, resolved).await
    }

    /// There are no reviews that ask for changes, so that none stands.
    async fn dismiss(&self, _review: u64, _message: &str) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn react(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        people::react(self, comment, reaction).await
    }

    async fn check_run(&self, _run: &CheckRun) -> Result<(), ForgeError> {
        Err(ForgeError::Forbidden(
            "GitLab has no check runs\nhint: the job itself is the check: `fail-on` makes it fail".to_owned(),
        ))
    }

    fn set_deadline(&self, deadline: tokio::time::Instant) {
        self.api.set_deadline(deadline);
    }

    async fn may_write(&self) -> Result<Access, ForgeError> {
        access::access(self).await
    }
}
