//! Requests to GitHub: retried where that is safe, and errors in words that help.
//!
//! octocrab's own retry repeats requests that create things, so its `retry` feature is not built in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use octocrab::Octocrab;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Settings;
use super::access::TokenKind;
use crate::config::provider::is_loopback;
use crate::forge::ForgeError;
use crate::secret::Secret;

/// The verbs in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; is repeated on failure.
    Get,
    /// Creates; is never repeated blindly.
    Post,
    /// Replaces; doing it twice is doing it once.
    Patch,
    /// Replaces, too.
    Put,
    /// Removes; what is gone stays gone.
    Delete,
}

/// One request, for `-v`. Holds no secret.
#[derive(Debug, Clone)]
pub struct Event {
    /// Verb and route.
    pub request: String,
    /// The status; `None` where no answer came.
    pub status: Option<u16>,
    /// Time until the answer was read.
    pub duration: Duration,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// The connection to one host.
pub struct Api {
    /// Knows the host alone: octocrab would put the REST root's path before that of GraphQL, which lies beside it on
    /// Enterprise Server.
    client: Octocrab,
    rest_path: String,
    graphql_path: String,
    host: String,
    pub has_token: bool,
    settings: Settings,
    /// Until when a rate limit is waited for.
    deadline: Mutex<Instant>,
    /// Held while something is changed.
    turns: tokio::sync::Mutex<Turns>,
}

/// What was changed so far.
#[derive(Default)]
struct Turns {
    /// When something was created last.
    created: Option<Instant>,
    /// When something was changed last.
    last: Option<Instant>,
    /// How often something was changed.
    count: usize,
}

/// How many edits go without a pause between them.
const AT_ONCE: usize = 10;
/// How often a request that may be repeated is sent at most, where no limit asks for patience.
const ATTEMPTS: u32 = 3;
/// The same for a question of GraphQL: where there is no answer, the REST API is asked.
const GRAPHQL_ATTEMPTS: u32 = 2;
/// How often a request is sent at most that meets rate limits: going on may get an integration banned.
const LIMITED_ATTEMPTS: u32 = 6;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// GitHub itself gives up after 10 s.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// What a request gets in any case: a result that was paid for is delivered after the deadline, too.
const GRACE: Duration = Duration::from_secs(10);
/// Waits for rate limits end here where nobody set another moment.
const PATIENCE: Duration = Duration::from_secs(600);
/// GitHub asks clients to leave a second between two requests that create something.
const BETWEEN_POSTS: Duration = Duration::from_secs(1);
/// No answer of the API that is used here is larger; diffs are at most 1 MB, pages of 100 files some more.
const LONGEST_BODY: usize = 64 << 20;

impl Api {
    pub fn new(settings: Settings) -> Result<Api, ForgeError> {
        // whoever links this crate may have installed a provider already
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = |text: &str| {
            reqwest::Url::parse(text).map_err(|err| {
                ForgeError::Failed(format!(
                    "`{text}` is no URL: {err}\nhint: check `GITHUB_API_URL` and `GITHUB_GRAPHQL_URL`"
                ))
            })
        };
        let (rest, graphql) = (url(&settings.api_url)?, url(&settings.graphql_url)?);
        Ok(Api {
            client: client(&rest.origin().ascii_serialization(), settings.token.as_ref())?,
            rest_path: rest.path().trim_end_matches('/').to_owned(),
            graphql_path: graphql.path().to_owned(),
            host: settings.api_url.clone(),
            has_token: settings.token.is_some(),
            settings,
            deadline: Mutex::new(Instant::now() + PATIENCE),
            turns: tokio::sync::Mutex::default(),
        })
    }

    /// Waits for no rate limit beyond this moment.
    pub fn set_deadline(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// Whether the token is one of an app, such as that of a run of Actions.
    pub fn has_installation_token(&self) -> bool {
        self.token_kind() == TokenKind::Installation
    }

    /// Who gave the token.
    pub fn token_kind(&self) -> TokenKind {
        self.settings.token.as_ref().map_or(TokenKind::Unknown, |token| TokenKind::of(token.expose()))
    }

    pub async fn get(&self, route: &str, accept: Option<&str>) -> Result<Answer, ForgeError> {
        self.send(Method::Get, route, accept, None).await
    }

    /// Asks a question, or makes a change that may be made twice.
    pub async fn graphql(&self, query: &Value) -> Result<Answer, ForgeError> {
        self.patiently(GRAPHQL_ATTEMPTS, Method::Post, &self.graphql_path, None, Some(query)).await
    }

    /// Posts what the host cannot take, to see why it refuses; nothing is created, so that it may be repeated.
    pub async fn probe(&self, route: &str, impossible: &Value) -> Result<Answer, ForgeError> {
        let full = format!("{}{route}", self.rest_path);
        self.patiently(ATTEMPTS, Method::Post, &full, None, Some(impossible)).await
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
                _ => return Err(ForgeError::Failed(format!("{} answered no list for {what}", self.host))),
            }
            seen.push(route);
            // a page that names itself, or another host, ends the listing
            next = answer.next_page().filter(|url| url.starts_with(&self.host) && !seen.contains(url));
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
        // the address of a next page has its host already
        let full = if route.starts_with('/') { format!("{}{route}", self.rest_path) } else { route.to_owned() };
        match method {
            Method::Get => self.patiently(ATTEMPTS, method, &full, accept, body).await,
            Method::Post => self.in_turn(1, method, &full, accept, body).await,
            _ => self.in_turn(ATTEMPTS, method, &full, accept, body).await,
        }
    }

    /// Sends what changes something: alone, and what creates something not right after another. The first few edits go at
    /// once; a long row of them is spaced, too.
    async fn in_turn(
        &self,
        attempts: u32,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let mut turns = self.turns.lock().await;
        let before = if method == Method::Post { turns.created } else { turns.last.filter(|_| turns.count > AT_ONCE) };
        if let Some(before) = before {
            sleep_until(before + BETWEEN_POSTS).await;
        }
        let answer = self.patiently(attempts, method, route, accept, body).await;
        turns.last = Some(Instant::now());
        turns.count += 1;
        if method == Method::Post {
            turns.created = turns.last;
        }
        answer
    }

    /// Sends what does more when it is sent twice, and waits for a rate limit alone.
    pub async fn send_once(&self, method: Method, route: &str, body: &Value) -> Result<Answer, ForgeError> {
        let full = format!("{}{route}", self.rest_path);
        self.in_turn(1, method, &full, None, Some(body)).await
    }

    /// Sends a request up to so many times where it fails, and again after a rate limit, as long as there is time.
    async fn patiently(
        &self,
        attempts: u32,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let mut attempt = 1;
        loop {
            let result = self.once(method, route, accept, body).await;
            let limited = result.as_ref().ok().and_then(|answer| answer.wait(attempt));
            let has_failed = result.as_ref().map_or(true, |answer| answer.status >= 500);
            let again = match limited {
                Some(wait) => (attempt < LIMITED_ATTEMPTS && Instant::now() + wait <= self.deadline()).then_some(wait),
                None => (has_failed && attempt < attempts && Instant::now() < self.deadline()).then(|| pause(attempt)),
            };
            match again {
                Some(wait) => sleep(wait).await,
                None => return result.map_err(|err| self.unreachable(&err)),
            }
            attempt += 1;
        }
    }

    fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn once(
        &self,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let started = Instant::now();
        let left = self.deadline().saturating_duration_since(started).clamp(GRACE, CONNECT_TIMEOUT + READ_TIMEOUT);
        let result = timeout(left, exchange(&self.client, method, route, accept, body)).await;
        let result = result.unwrap_or_else(|_| Err(format!("no answer within {} s", left.as_secs())));
        if let Some(on_event) = &self.settings.on_event {
            let status = result.as_ref().ok().map(|answer| answer.status);
            on_event(Event { request: format!("{method:?} {route}"), status, duration: started.elapsed() });
        }
        result
    }

    fn unreachable(&self, err: &str) -> ForgeError {
        let remedy = match err.contains("certificate") {
            true => "add the authority of the host to the system's certificates, or name its file by `SSL_CERT_FILE`",
            false => "check the network, the proxy and `GITHUB_API_URL`",
        };
        ForgeError::Unsure(format!("cannot reach {}: {err}\nhint: {remedy}", self.host))
    }
}

fn client(base: &str, token: Option<&Secret>) -> Result<Octocrab, ForgeError> {
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
    builder.build_with_reqwest(transport(base)?).map_err(|err| failed(&err))
}

/// The HTTP client below octocrab. It takes proxies from the usual variables, and certificates from the system's store or
/// `SSL_CERT_FILE`.
fn transport(base: &str) -> Result<reqwest::Client, ForgeError> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // octocrab follows them, and takes the token off where they lead to another host
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    // a host on this machine is not behind a proxy, and needs no certificates of the system
    let is_here = is_loopback(base);
    let builder = if is_here { builder.no_proxy() } else { builder };
    let builder = if is_here && base.starts_with("http:") { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|err| {
        ForgeError::Failed(format!(
            "cannot set up TLS: {}\nhint: install the system's certificates (`ca-certificates`), or name them by `SSL_CERT_FILE`",
            innermost(&err)
        ))
    })
}

async fn exchange(
    client: &Octocrab,
    method: Method,
    route: &str,
    accept: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer, String> {
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
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: bytes.to_bytes().to_vec() })
}

const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// octocrab wraps the cause in several sentences; the innermost says what happened.
fn innermost(err: &dyn std::error::Error) -> String {
    let mut err = err;
    while let Some(source) = err.source() {
        err = source;
    }
    err.to_string()
}

fn pause(attempt: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.saturating_pow(attempt)
}

impl Answer {
    #[cfg(test)]
    pub fn new(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        };
        Answer { status, headers: headers.iter().map(header).collect(), body: body.as_bytes().to_vec() }
    }

    pub fn json(&self) -> Result<Value, ForgeError> {
        serde_json::from_slice(&self.body)
            .map_err(|err| ForgeError::Failed(format!("GitHub's answer is no JSON ({} {err})", self.status)))
    }

    pub fn is_json(&self) -> bool {
        let kind = self.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/json"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The address of the next page of a listing.
    fn next_page(&self) -> Option<String> {
        let next = self.header("link")?.split(',').find(|part| part.contains("rel=\"next\""))?;
        Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
    }

    /// Whether the answer is a rate limit.
    pub fn is_limited(&self) -> bool {
        self.wait(1).is_some()
    }

    /// How long a rate limit asks to wait; `None` where the answer is no such limit.
    fn wait(&self, attempt: u32) -> Option<Duration> {
        if !matches!(self.status, 403 | 429) {
            return None;
        }
        let seconds = |name| self.header(name).and_then(|value| value.trim().parse::<u64>().ok());
        if let Some(wait) = seconds("retry-after") {
            return Some(Duration::from_secs(wait));
        }
        if seconds("x-ratelimit-remaining") == Some(0) {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            return Some(Duration::from_secs(seconds("x-ratelimit-reset")?.saturating_sub(now.as_secs()) + 1));
        }
        let is_secondary = self.message().to_lowercase().contains("secondary rate") || self.status == 429;
        is_secondary.then(|| Duration::from_secs(60) * attempt)
    }

    /// What the host says: its message and its errors, or the beginning of a text that is no JSON.
    pub fn message(&self) -> String {
        let Ok(json) = serde_json::from_slice::<Value>(&self.body) else {
            let text = String::from_utf8_lossy(&self.body);
            if text.trim_start().starts_with('<') {
                return "a web page instead of an answer".to_owned();
            }
            return crate::text::printable(&text.chars().take(120).collect::<String>());
        };
        let mut parts = vec![json["message"].as_str().unwrap_or_default().to_owned()];
        for error in json["errors"].as_array().into_iter().flatten() {
            // two shapes: texts, and objects with a message or a field and a code
            let field =
                || format!("{} {}", error["field"].as_str().unwrap_or("?"), error["code"].as_str().unwrap_or("?"));
            parts.push(error.as_str().or(error["message"].as_str()).map_or_else(field, str::to_owned));
        }
        let text: String = parts.join(": ").chars().take(300).collect();
        crate::text::printable(&text)
    }

    /// The answer, if it is a success; else the error in words. `what` was asked for.
    pub fn ok(self, what: &str) -> Result<Answer, ForgeError> {
        let message = self.message();
        let error = match self.status {
            200..=299 => return Ok(self),
            401 if message.contains("Requires authentication") => ForgeError::Failed(format!(
                "{what} takes a token, and there is none (401)\nhint: set `GITHUB_TOKEN`; in a workflow to `${{{{ github.token }}}}`"
            )),
            401 => ForgeError::Failed(format!(
                "GitHub refused the token (401: {message})\nhint: pass a valid one as `GITHUB_TOKEN`; in a workflow `${{{{ github.token }}}}`"
            )),
            403 | 429 if self.is_limited() => ForgeError::Limited(format!(
                "GitHub's rate limit is reached ({}: {message})\nhint: try again later",
                self.status
            )),
            403 => {
                // the header writes `a=b; c=d` for alternatives, a workflow `a: b` with dashes in the names
                let names = |needs: &str| needs.replace('_', "-").replace('=', ": ").replace("; ", "` or `");
                let needs = self.header("x-accepted-github-permissions").map_or_else(
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
            500.. => ForgeError::Unsure(format!(
                "GitHub answered {} for {what}: {message}\nhint: try again later",
                self.status
            )),
            406 => ForgeError::TooLarge(message),
            422 => ForgeError::Refused(message),
            status => {
                ForgeError::Failed(format!("GitHub answered {status} for {what}: {message}\nhint: try again later"))
            }
        };
        Err(error)
    }
}

/// A path as part of a URL: each segment encoded, slashes kept.
pub fn path(path: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte);
    let encode = |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(encode).collect()
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
        let text = forbidden.ok("o/r#1").unwrap_err().to_string();
        assert!(text.contains("`pull-requests: write`") && text.contains("permissions:"), "{text}");
        assert!(matches!(answer(406, &[], "{}").ok("x"), Err(ForgeError::TooLarge(_))));
        assert!(matches!(answer(502, &[], "<html>").ok("x"), Err(ForgeError::Unsure(text)) if text.contains("502")));
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
        assert_eq!(answer(403, &[], r#"{"message":"Resource not accessible"}"#).wait(1), None);
        assert_eq!(answer(403, &[("retry-after", "7")], "{}").wait(1), Some(Duration::from_secs(7)));
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(answer(403, &[], secondary).wait(1), Some(Duration::from_secs(60)));
        let primary = answer(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "0")], "{}");
        assert_eq!(primary.wait(1), Some(Duration::from_secs(1)));
    }

    #[test]
    fn the_next_page_comes_from_the_link() {
        let link = r#"<http://h/a?page=2>; rel="next", <http://h/a?page=9>; rel="last""#;
        assert_eq!(answer(200, &[("link", link)], "").next_page().as_deref(), Some("http://h/a?page=2"));
        assert_eq!(answer(200, &[("link", r#"<http://h/a?page=1>; rel="prev""#)], "").next_page(), None);
        assert_eq!(path("a b/ü.rs"), "a%20b/%C3%BC.rs");
    }
}
