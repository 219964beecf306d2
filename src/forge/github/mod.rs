//! GitHub, through `octocrab`: github.com and Enterprise Server.

mod access;
mod change;
mod http;
mod publish;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Access, Conversation, Forge, ForgeError, Request, Review, ReviewOutcome};
use crate::diff::Diff;
use crate::secret::Secret;
pub use http::Event;
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
    pub on_event: Option<std::sync::Arc<dyn Fn(Event) + Send + Sync>>,
}

/// A pull request on GitHub.
pub struct GitHub {
    api: Api,
    owner: String,
    repo: String,
    number: u64,
}

impl GitHub {
    /// # Errors
    /// The API's address is no URL, or the token cannot be part of a header.
    pub fn new(settings: Settings) -> Result<GitHub, ForgeError> {
        let Settings { owner, repo, number, .. } = settings.clone();
        Ok(GitHub { api: Api::new(settings)?, owner, repo, number })
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
    async fn request(&self) -> Result<Request, ForgeError> {
        let answer = self.api.get(&self.pull_route(""), None).await?;
        if answer.status == 404 {
            return Err(ForgeError::Failed(format!(
                "pull request `{}` does not exist, or the token may not see it (404)\nhint: check the name, and that the token has `pull-requests: read` for this repository",
                self.name()
            )));
        }
        change::request(self.number, &answer.ok(&self.name())?.json()?)
    }

    async fn diff(&self) -> Result<Diff, ForgeError> {
        change::diff(self).await
    }

    async fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, ForgeError> {
        let route = self.repo_route(&format!("contents/{}?ref={commit}", http::path(path)));
        let answer = self.api.get(&route, Some("application/vnd.github.raw+json")).await?;
        match answer.status {
            404 => Ok(None),
            // a folder has a JSON listing instead of a text
            _ => answer.ok(path).map(|answer| (!answer.is_json()).then_some(answer.body)),
        }
    }

    async fn conversation(&self) -> Result<Conversation, ForgeError> {
        publish::conversation(self).await
    }

    async fn post_review(&self, review: &Review) -> Result<ReviewOutcome, ForgeError> {
        publish::review(self, review).await
    }

    async fn put_summary(&self, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError> {
        publish::summary(self, existing, body).await
    }

    async fn may_write(&self) -> Result<Access, ForgeError> {
        access::access(self).await
    }
}

impl GitHub {
    /// The login of the identity that posts; `None` where the host does not tell it to this token. A token of Actions may
    /// not ask `GET /user`, and other tokens may have no GraphQL.
    ///
    /// # Errors
    /// The host is out of order: going on as if nothing of ours stood on the request would post it all again.
    async fn viewer(&self) -> Result<Option<String>, ForgeError> {
        let login = |json: &Value| json.as_str().filter(|login| !login.is_empty()).map(str::to_owned);
        let asked = self.api.graphql(&json!({"query": "query { viewer { login } }"})).await;
        let json = asked.as_ref().ok().and_then(|answer| answer.json().ok());
        if let Some(found) = json.and_then(|json| login(&json["data"]["viewer"]["login"])) {
            return Ok(Some(found));
        }
        let user = self.api.get("/user", None).await?;
        if let Some(found) = user.json().ok().and_then(|json| login(&json["login"])) {
            return Ok(Some(found));
        }
        match asked? {
            answer if answer.status >= 500 || answer.is_limited() => {
                answer.ok("the identity of the token").map(|_| None)
            }
            // a token of Actions, which GraphQL is closed to
            _ if self.api.has_installation_token() => Ok(Some("github-actions[bot]".to_owned())),
            _ if !self.api.has_token => Ok(None),
            answer => Err(ForgeError::Failed(format!(
                "GitHub does not tell who the token posts as ({}: {})\nhint: use a token that may read `/user`",
                answer.status,
                answer.message()
            ))),
        }
    }

    async fn write(&self, method: Method, route: &str, body: &Value) -> Result<http::Answer, ForgeError> {
        self.api.send(method, route, None, Some(body)).await
    }
}
