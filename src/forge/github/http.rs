//! Requests to GitHub, over octocrab. Its own retry repeats requests that create things, so its `retry` feature is not built
//! in.

use std::time::Duration;

use async_trait::async_trait;
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use octocrab::Octocrab;
use serde_json::Value;
use tokio::time::Instant;

use super::Settings;
use super::access::TokenKind;
use crate::forge::ForgeError;
use crate::forge::wire::{self, ATTEMPTS, Habits, LONGEST_BODY, Manners, Sender, Wire, innermost};
pub use crate::forge::wire::{Answer, Method};
use crate::secret::Secret;
use crate::text::printable;

/// The connection to one host.
pub struct Api {
    sender: Sender<Client>,
    rest_path: String,
    graphql_path: String,
    root: String,
    pub has_token: bool,
    token_kind: TokenKind,
}

/// How often a question of GraphQL is sent at most: where there is no answer, the REST API is asked.
const GRAPHQL_ATTEMPTS: u32 = 2;
/// GitHub itself gives up after 10 s.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// GitHub asks clients to leave a second between two requests that create something.
const BETWEEN_POSTS: Duration = Duration::from_secs(1);

impl Api {
    pub fn new(settings: Settings) -> Result<Api, ForgeError> {
        let url = |text: &str| {
            reqwest::Url::parse(text).map_err(|err| {
                ForgeError::Failed(format!(
                    "`{text}` is no URL: {err}\nhint: check `GITHUB_API_URL` and `GITHUB_GRAPHQL_URL`"
                ))
            })
        };
        let (rest, graphql) = (url(&settings.api_url)?, url(&settings.graphql_url)?);
        let client = client(&rest.origin().ascii_serialization(), settings.token.as_ref())?;
        let habits = Habits {
            manners: &GitHubManners,
            root: settings.api_url.clone(),
            root_variable: "GITHUB_API_URL",
            authority_variables: "`SSL_CERT_FILE`",
            between_posts: BETWEEN_POSTS,
            read_timeout: READ_TIMEOUT,
            on_event: settings.on_event,
            secret: settings.token.clone(),
        };
        Ok(Api {
            sender: Sender::new(client, habits),
            rest_path: rest.path().trim_end_matches('/').to_owned(),
            graphql_path: graphql.path().to_owned(),
            root: settings.api_url,
            has_token: settings.token.is_some(),
            token_kind: settings.token.as_ref().map_or(TokenKind::Unknown, |token| TokenKind::of(token.expose())),
        })
    }

    /// Waits for no rate limit beyond this moment.
    pub fn set_deadline(&self, deadline: Instant) {
        self.sender.set_deadline(deadline);
    }

    /// Whether the token is one of an app, such as that of a run of Actions.
    pub fn has_installation_token(&self) -> bool {
        self.token_kind == TokenKind::Installation
    }

    /// Who gave the token.
    pub fn token_kind(&self) -> TokenKind {
        self.token_kind
    }

    pub async fn get(&self, route: &str, accept: Option<&str>) -> Result<Answer, ForgeError> {
        self.send(Method::Get, route, accept, None).await
    }

    /// Asks a question, or makes a change that may be made twice.
    pub async fn graphql(&self, query: &Value) -> Result<Answer, ForgeError> {
        self.sender.patiently(GRAPHQL_ATTEMPTS, Method::Post, &self.graphql_path, None, Some(query)).await
    }

    /// Posts what the host cannot take, to see why it refuses; nothing is created, so that it may be repeated.
    pub async fn probe(&self, route: &str, impossible: &Value) -> Result<Answer, ForgeError> {
        self.sender.patiently(ATTEMPTS, Method::Post, &self.full(route), None, Some(impossible)).await
    }

    /// All items of a listing, page by page.
    pub async fn list(&self, route: &str, what: &str) -> Result<Vec<Value>, ForgeError> {
        let mut items = Vec::new();
        let mut next = Some(format!("{route}?per_page=100"));
        let mut seen = Vec::new();
        while let Some(route) = next {
            let answer = self.get(&route, None).await?.ok(what)?;
            match answer.json()? {
                Value::Array(page) => items.extend(page),
                _ => return Err(ForgeError::Failed(format!("{} answered no list for {what}", self.root))),
            }
            seen.push(self.full(&route));
            next = answer.next_page();
            // the token goes nowhere else, and what is not listed must not be taken for what is not there
            if let Some(url) = &next {
                let (root, url) = (&self.root, printable(url));
                if !is_under(root, &url) {
                    return Err(ForgeError::Failed(format!(
                        "the list of {what} goes on at `{url}`, which is not at {root}\nhint: set `GITHUB_API_URL` to the address that the host itself names"
                    )));
                }
                if seen.iter().any(|known| url.ends_with(known.as_str())) {
                    return Err(ForgeError::Failed(format!(
                        "the list of {what} does not go on behind a page: it comes again\nhint: something between here and GitHub may keep its answers: check the proxy"
                    )));
                }
            }
        }
        Ok(items)
    }

    /// Sends a request. Reads and replacements are repeated after a failure; every request waits for a rate limit.
    pub async fn send(
        &self,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        self.sender.send(method, &self.full(route), accept, body).await
    }

    /// Sends what does more when it is sent twice, and waits for a rate limit alone.
    pub async fn send_once(&self, method: Method, route: &str, body: &Value) -> Result<Answer, ForgeError> {
        self.sender.in_turn(1, method, &self.full(route), None, Some(body)).await
    }

    /// A route of the REST API; the address of a next page has its host already.
    fn full(&self, route: &str) -> String {
        if route.starts_with('/') { format!("{}{route}", self.rest_path) } else { route.to_owned() }
    }
}

/// Whether an address is one of the API with this root: one that only begins with the same letters is not.
fn is_under(root: &str, url: &str) -> bool {
    url.strip_prefix(root.trim_end_matches('/')).is_some_and(|rest| rest.starts_with(['/', '?']))
}

/// octocrab, which knows the host alone: it would put the REST root's path before that of GraphQL, which lies beside it on
/// Enterprise Server.
struct Client(Octocrab);

fn client(base: &str, token: Option<&Secret>) -> Result<Client, ForgeError> {
    let failed = |cause: &dyn std::fmt::Display| {
        ForgeError::Failed(format!("`{base}` cannot be used as GitHub's API: {cause}\nhint: check `GITHUB_API_URL`"))
    };
    let mut builder = Octocrab::builder()
        .base_uri(base)
        .map_err(|err| failed(&err))?
        .add_header(HeaderName::from_static("x-github-api-version"), "2022-11-28".to_owned());
    if let Some(token) = token {
        builder = builder.personal_token(token.expose().to_owned());
    }
    // octocrab follows redirects itself, and takes the token off where they lead to another host
    let transport = wire::build(wire::client(base, READ_TIMEOUT))?;
    builder.build_with_reqwest(transport).map(Client).map_err(|err| failed(&err))
}

#[async_trait]
impl Wire for Client {
    async fn exchange(
        &self,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let Client(client) = self;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.and_then(|accept| HeaderValue::from_str(accept).ok()).unwrap_or(JSON));
        let response = match method {
            Method::Get => client._get_with_headers(route, Some(headers)).await,
            Method::Post => client._post(route, body).await,
            Method::Patch => client._patch(route, body).await,
            Method::Put => client._put(route, body).await,
            Method::Delete => client._delete(route, body).await,
        };
        let response = response.map_err(|err| innermost(&err))?;
        let (parts, body) = response.into_parts();
        let body = http_body_util::Limited::new(body, LONGEST_BODY);
        let bytes = http_body_util::BodyExt::collect(body)
            .await
            .map_err(|err| format!("the answer broke off: {}", innermost(&*err)))?;
        Ok(Answer::of(&GitHubManners, parts.status.as_u16(), parts.headers, bytes.to_bytes().to_vec()))
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// How GitHub says no.
struct GitHubManners;

impl Manners for GitHubManners {
    fn name(&self) -> &'static str {
        "GitHub"
    }

    /// Its message and its errors.
    fn words(&self, json: &Value) -> String {
        let mut parts = vec![json["message"].as_str().unwrap_or_default().to_owned()];
        for error in json["errors"].as_array().into_iter().flatten() {
            // two shapes: texts, and objects with a message or a field and a code
            let field =
                || format!("{} {}", error["field"].as_str().unwrap_or("?"), error["code"].as_str().unwrap_or("?"));
            parts.push(error.as_str().or(error["message"].as_str()).map_or_else(field, str::to_owned));
        }
        parts.join(": ")
    }

    fn wait(&self, answer: &Answer, attempt: u32) -> Option<Duration> {
        if !matches!(answer.status, 403 | 429) {
            return None;
        }
        if let Some(wait) = answer.number("retry-after") {
            return Some(Duration::from_secs(wait));
        }
        if answer.number("x-ratelimit-remaining") == Some(0) {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            return Some(Duration::from_secs(answer.number("x-ratelimit-reset")?.saturating_sub(now.as_secs()) + 1));
        }
        let is_secondary = answer.message().to_lowercase().contains("secondary rate") || answer.status == 429;
        is_secondary.then(|| Duration::from_secs(60) * attempt)
    }

    fn refusal(&self, answer: &Answer, what: &str) -> ForgeError {
        let (status, message) = (answer.status, answer.message());
        match status {
            401 if message.contains("Requires authentication") => ForgeError::Failed(format!(
                "{what} takes a token, and there is none (401)\nhint: set `GITHUB_TOKEN`; in a workflow to `${{{{ github.token }}}}`"
            )),
            401 => ForgeError::Failed(format!(
                "GitHub refused the token (401: {message})\nhint: pass a valid one as `GITHUB_TOKEN`; in a workflow `${{{{ github.token }}}}`"
            )),
            403 | 429 if answer.is_limited() => ForgeError::Limited(format!(
                "GitHub's rate limit is reached ({status}: {message})\nhint: try again later"
            )),
            403 => {
                // the header writes `a=b; c=d` for alternatives, a workflow `a: b` with dashes in the names
                let names = |needs: &str| needs.replace('_', "-").replace('=', ": ").replace("; ", "` or `");
                let needs = answer.header("x-accepted-github-permissions").map_or_else(
                    || "a permission that GitHub does not name".to_owned(),
                    |needs| format!("`{}`", names(needs)),
                );
                ForgeError::Forbidden(format!(
                    "the token may not do this for {what} (403: {message}); it needs {needs}\nhint: add it under `permissions:` in the workflow"
                ))
            }
            404 => ForgeError::Forbidden(format!(
                "cannot find {what}: it is not there, or the token may not see it (404)\nhint: check the name, and the token's permissions for this repository"
            )),
            500.. => {
                ForgeError::Unsure(format!("GitHub answered {status} for {what}: {message}\nhint: try again later"))
            }
            406 => ForgeError::TooLarge(message),
            422 => ForgeError::Refused(format!("GitHub refused {what} (422: {message})")),
            status => {
                ForgeError::Failed(format!("GitHub answered {status} for {what}: {message}\nhint: try again later"))
            }
        }
    }
}

#[cfg(test)]
impl Answer {
    /// An answer of GitHub.
    pub fn new(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        };
        Answer::of(&GitHubManners, status, headers.iter().map(header).collect(), body.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        Answer::new(status, headers, body)
    }

    #[test]
    fn errors_say_what_to_do() {
        let forbidden = answer(
            403,
            &[("x-accepted-github-permissions", "pull_requests=write")],
            r#"{"message":"Resource not accessible by integration"}"#,
        );
        let text = forbidden.ok("o/r#1").expect_err("an error").to_string();
        assert!(text.contains("`pull-requests: write`") && text.contains("permissions:"), "{text}");
        assert!(matches!(answer(406, &[], "{}").ok("x"), Err(ForgeError::TooLarge(_))));
        assert!(matches!(answer(502, &[], "<html>").ok("x"), Err(ForgeError::Unsure(text)) if text.contains("502")));
        assert!(
            matches!(answer(403, &[], "<html>").ok("x"), Err(ForgeError::Failed(text)) if text.contains("in front of"))
        );
        let limited = answer(403, &[("retry-after", "7")], "<html>").ok("x");
        assert!(matches!(limited, Err(ForgeError::Limited(_))), "{limited:?}");
    }

    #[test]
    fn both_shapes_of_errors_are_read() {
        let strings =
            answer(422, &[], r#"{"message":"Unprocessable Entity","errors":["line must be part of the diff"]}"#);
        assert_eq!(strings.message(), "Unprocessable Entity: line must be part of the diff");
        let objects = answer(
            422,
            &[],
            r#"{"message":"Validation Failed","errors":[{"field":"data","code":"invalid"},{"message":"m"}]}"#,
        );
        assert_eq!(objects.message(), "Validation Failed: data invalid: m");
    }

    #[test]
    fn a_rate_limit_is_told_from_a_missing_permission() {
        let wait = |answer: &Answer| GitHubManners.wait(answer, 1);
        assert_eq!(wait(&answer(403, &[], r#"{"message":"Resource not accessible"}"#)), None);
        assert_eq!(wait(&answer(403, &[("retry-after", "7")], "{}")), Some(Duration::from_secs(7)));
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(wait(&answer(403, &[], secondary)), Some(Duration::from_secs(60)));
        let primary = answer(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "0")], "{}");
        assert_eq!(wait(&primary), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_page_of_another_host_is_not_under_the_root() {
        let root = "https://api.github.com";
        assert!(is_under(root, "https://api.github.com/repos/o/r/pulls/7/comments?page=2"));
        for other in ["https://api.github.com.evil.example/x", "https://api.github.com@evil.example/x", "http://h/x"] {
            assert!(!is_under(root, other), "{other}");
        }
    }

    #[test]
    fn the_next_page_comes_from_the_link() {
        let link = r#"<http://h/a?page=2>; rel="next", <http://h/a?page=9>; rel="last""#;
        assert_eq!(answer(200, &[("link", link)], "").next_page().as_deref(), Some("http://h/a?page=2"));
        assert_eq!(answer(200, &[("link", r#"<http://h/a?page=1>; rel="prev""#)], "").next_page(), None);
    }
}
