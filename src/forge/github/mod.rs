//! GitHub, through `octocrab`: github.com and Enterprise Server.

mod access;
mod background;
mod change;
mod check_run;
mod http;
mod people;
mod publish;
mod read;
mod texts;
mod threads;

use std::sync::OnceLock;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    Access, Background, CheckRun, Conversation, Forge, ForgeError, Host, Own, Reaction, Request, Review, ReviewOutcome,
    Texts,
};
use crate::diff::Diff;
use crate::forge::wire::{self, OnEvent};
use crate::secret::Secret;
use http::{Api, Method};

/// Where a pull request is, and how to get there.
#[derive(Clone)]
pub struct Settings {
    /// Root of the REST API, without a slash at its end.
    pub api_url: String,
    /// The GraphQL endpoint.
    pub graphql_url: String,
    /// The token; `None` reads public repositories only.
    pub token: Option<Secret>,
    /// Owner of the repository.
    pub owner: String,
    /// Name of the repository.
    pub repo: String,
    /// Number of the pull request.
    pub number: u64,
    /// Is told of every request, for `-v`.
    pub on_event: Option<OnEvent>,
}

/// A pull request on GitHub.
pub struct GitHub {
    api: Api,
    owner: String,
    repo: String,
    number: u64,
    /// Why the request was made, once it was asked.
    background: OnceLock<Background>,
}

impl GitHub {
    /// # Errors
    /// The API's address is no URL, or the token cannot be part of a header.
    pub fn new(settings: Settings) -> Result<GitHub, ForgeError> {
        let Settings { owner, repo, number, .. } = settings.clone();
        Ok(GitHub { api: Api::new(settings)?, owner, repo, number, background: OnceLock::new() })
    }

    fn repo_route(&self, rest: &str) -> String {
        format!("/repos/{}/{}/{rest}", self.owner, self.repo)
    }

    fn pull_route(&self, rest: &str) -> String {
        self.repo_route(&format!("pulls/{}{rest}", self.number))
    }

    fn issue_route(&self, rest: &str) -> String {
        self.repo_route(&format!("issues/{}{rest}", self.number))
    }

    /// `owner/repo#7`, for messages.
    fn name(&self) -> String {
        format!("{}/{}#{}", self.owner, self.repo, self.number)
    }
}

#[async_trait]
impl Forge for GitHub {
    fn host(&self) -> Host {
        Host::GitHub
    }

    async fn read(&self) -> Result<(Request, Conversation), ForgeError> {
        read::read(self).await
    }

    async fn diff(&self) -> Result<Diff, ForgeError> {
        change::diff(self).await
    }

    async fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, ForgeError> {
        let route = self.repo_route(&format!("contents/{}?ref={commit}", wire::path(path)));
        let answer = self.api.get(&route, Some("application/vnd.github.raw+json")).await?;
        match answer.status {
            404 => Ok(None),
            // a folder has a JSON listing instead of a text
            _ => answer.ok(path).map(|answer| (!answer.is_json()).then_some(answer.body)),
        }
    }

    async fn texts(&self, commit: &str, files: &[&str], folders: &[&str]) -> Result<Option<Texts>, ForgeError> {
        texts::texts(self, commit, files, folders).await.map(Some)
    }

    async fn background(&self) -> Background {
        background::background(self)
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
        publish::comment(self, existing, body).await
    }

    async fn edit_comment(&self, comment: u64, body: &str) -> Result<(), ForgeError> {
        publish::edit(self, comment, body).await
    }

    async fn remove(&self, own: Own) -> Result<(), ForgeError> {
        publish::remove(self, own).await
    }

    async fn resolve(&self, threads: &[String], resolved: bool) -> Vec<Result<(), ForgeError>> {
        threads::resolve(self, threads, resolved).await
    }

    async fn dismiss(&self, review: u64, message: &str) -> Result<(), ForgeError> {
        publish::dismiss(self, review, message).await
    }

    async fn react(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        people::react(self, comment, reaction).await
    }

    async fn check_run(&self, run: &CheckRun) -> Result<(), ForgeError> {
        check_run::put(self, run).await
    }

    fn set_deadline(&self, deadline: tokio::time::Instant) {
        self.api.set_deadline(deadline);
    }

    async fn may_write(&self) -> Result<Access, ForgeError> {
        access::access(self).await
    }
}

impl GitHub {
    /// What `GET /pulls/N` answers.
    async fn pull(&self) -> Result<Value, ForgeError> {
        let answer = self.api.get(&self.pull_route(""), None).await?;
        if answer.status == 404 {
            return Err(ForgeError::Failed(format!(
                "pull request `{}` does not exist, or the token may not see it (404)\nhint: check the name, and that the token has `pull-requests: read` for this repository",
                self.name()
            )));
        }
        answer.ok(&self.name())?.json()
    }

    async fn write(&self, method: Method, route: &str, body: &Value) -> Result<http::Answer, ForgeError> {
        self.api.send(method, route, None, Some(body)).await
    }
}
