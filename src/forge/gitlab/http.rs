//! Requests to GitLab.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use http::header::{ACCEPT, HeaderValue};
use reqwest::{Certificate, Url, redirect};
use serde_json::Value;
use tokio::time::Instant;

use super::{Settings, Token};
use crate::forge::ForgeError;
use crate::forge::wire::{self, ATTEMPTS, Habits, LONGEST_BODY, Manners, Sender, Wire, innermost};
pub use crate::forge::wire::{Answer, Method};

/// The connection to one host.
pub struct Api {
    sender: Sender<Client>,
    token: Token,
}

/// GitLab itself gives up after 60 s.
const READ_TIMEOUT: Duration = Duration::from_secs(65);
/// Entries that are asked for at a time.
const PER_PAGE: usize = 100;
/// Pages of a listing that are read at most: 100 entries each.
const MOST_PAGES: usize = 100;

impl Api {
    pub fn new(settings: Settings) -> Result<Api, ForgeError> {
        let Settings { api_url, token, ca_file, on_event, .. } = settings;
        let root = Url::parse(&api_url).map_err(|err| {
            ForgeError::Failed(format!(
                "`{api_url}` is no URL: {err}\nhint: check `CI_API_V4_URL`, or the one of `--mr`"
            ))
        })?;
        let mut builder = wire::client(&api_url, READ_TIMEOUT).redirect(on_the_same_host());
        if let Some(file) = &ca_file {
            let unread = |cause: &dyn std::fmt::Display| {
                ForgeError::Failed(format!(
                    "cannot use the certificates of `{}`: {cause}\nhint: `CI_SERVER_TLS_CA_FILE` must name a file in PEM",
                    file.display()
                ))
            };
            let pem = std::fs::read(file).map_err(|err| unread(&err))?;
            let authorities = Certificate::from_pem_bundle(&pem).map_err(|err| unread(&err))?;
            builder = builder.tls_certs_merge(authorities);
        }
        let client =
            Client { http: wire::build(builder)?, root: root.as_str().trim_end_matches('/').to_owned(), token };
        let habits = Habits {
            manners: &GitLabManners,
            root: api_url,
            root_variable: "CI_API_V4_URL",
            authority_variables: "`CI_SERVER_TLS_CA_FILE` (for the host of `GITLAB_URL`) or `SSL_CERT_FILE`",
            // its limit is a number in a minute, and an answer tells when it is reached
            between_posts: Duration::ZERO,
            read_timeout: READ_TIMEOUT,
            on_event,
            secret: client.token.secret().cloned(),
        };
        let token = client.token.clone();
        Ok(Api { sender: Sender::new(client, habits), token })
    }

    /// Waits for no rate limit beyond this moment.
    pub fn set_deadline(&self, deadline: Instant) {
        self.sender.set_deadline(deadline);
    }

    /// Until when something is waited for.
    pub fn deadline(&self) -> Instant {
        self.sender.deadline()
    }

    /// Who asks.
    pub fn token(&self) -> &Token {
        &self.token
    }

    pub async fn get(&self, route: &str) -> Result<Answer, ForgeError> {
        self.sender.send(Method::Get, route, None, None).await
    }

    /// Reads what is JSON; once more, where a part of it was lost on its way. `what` is asked for.
    pub async fn read(&self, route: &str, what: &str) -> Result<Answer, ForgeError> {
        let answer = self.get(route).await?.ok(what)?;
        if answer.json().is_ok() { Ok(answer) } else { self.get(route).await?.ok(what) }
    }

    /// All items of a listing, page by page. A page may hold fewer entries than were asked for though more follow.
    pub async fn list(&self, route: &str, what: &str) -> Result<Vec<Value>, ForgeError> {
        let mut items = Vec::new();
        let mut before = Vec::new();
        let mut page = 1;
        for _ in 0..MOST_PAGES {
            let answer = self.read(&format!("{route}?per_page={PER_PAGE}&page={page}"), what).await?;
            let Value::Array(found) = answer.json()? else {
                return Err(ForgeError::Failed(format!("GitLab answered no list for {what}")));
            };
            let next = next_page(&answer, page, found.len());
            let is_again = found == before;
            // some listings have no pages, and give all of it again
            if found.is_empty() || (is_again && !tells_pages(&answer)) {
                return Ok(items);
            }
            // what is not listed must not be taken for what is not there
            if is_again || next.is_some_and(|next| next <= page) {
                return Err(endless(what, page));
            }
            before.clone_from(&found);
            items.extend(found);
            match next {
                Some(next) => page = next,
                None => return Ok(items),
            }
        }
        Err(ForgeError::TooLarge(format!("GitLab has more than {MOST_PAGES} pages of {what}")))
    }

    /// Sends what changes something. Without a token that may write, nothing is sent.
    pub async fn send(&self, method: Method, route: &str, body: Option<&Value>) -> Result<Answer, ForgeError> {
        self.check_writer()?;
        self.sender.send(method, route, None, body).await
    }

    /// Posts what the host cannot take, to see why it refuses; nothing is created, so that it may be repeated.
    pub async fn probe(&self, route: &str, impossible: &Value) -> Result<Answer, ForgeError> {
        self.sender.patiently(ATTEMPTS, Method::Post, route, None, Some(impossible)).await
    }

    /// Fails where the token is of a kind that may never write.
    pub fn check_writer(&self) -> Result<(), ForgeError> {
        let cause = match &self.token {
            Token::Access(_) => return Ok(()),
            Token::Job(_) => "`CI_JOB_TOKEN` may only read, and there is no other token",
            Token::None => "there is no token, and nobody posts without one",
        };
        Err(ForgeError::Forbidden(format!("{cause}\nhint: {REMEDY}")))
    }
}

/// The page behind this one. A proxy may have taken away the headers that tell: then a full page has one behind it.
fn next_page(answer: &Answer, page: u64, count: usize) -> Option<u64> {
    match (answer.header("x-next-page"), answer.header("link")) {
        (Some(next), _) => next.trim().parse().ok(),
        (None, Some(_)) => answer.next_page().map(|_| page + 1),
        (None, None) => (count >= PER_PAGE).then_some(page + 1),
    }
}

/// Whether the host says of a page which one is behind it.
fn tells_pages(answer: &Answer) -> bool {
    answer.header("x-next-page").or(answer.header("link")).is_some()
}

/// A listing that does not go on where it says so.
fn endless(what: &str, page: u64) -> ForgeError {
    ForgeError::Failed(format!(
        "GitLab's list of {what} does not go on behind page {page}: it comes again\nhint: something between here and GitLab may keep its answers: check the proxy"
    ))
}

/// What gives the bot a voice.
pub const REMEDY: &str = "put a project access token with the scope `api` and the role Developer into the variable `GITLAB_TOKEN`, masked and not only for protected branches";

/// Follows to other pages of the same host: a token goes nowhere else.
fn on_the_same_host() -> redirect::Policy {
    const MOST: usize = 5;
    redirect::Policy::custom(|attempt| {
        let is_same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() <= MOST { attempt.follow() } else { attempt.stop() }
    })
}

/// reqwest, with the root of the API and the token.
struct Client {
    http: reqwest::Client,
    root: String,
    token: Token,
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
        let verb = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.http.request(verb, format!("{}{route}", self.root)).header("user-agent", USER_AGENT);
        request = match &self.token {
            Token::Access(token) => request.bearer_auth(token.expose()),
            Token::Job(token) => request.header("job-token", token.expose()),
            Token::None => request,
        };
        if let Some(accept) = accept.and_then(|accept| HeaderValue::from_str(accept).ok()) {
            request = request.header(ACCEPT, accept);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|err| innermost(&err))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|err| format!("the answer broke off: {}", innermost(&err)))?;
            if bytes.len() + part.len() > LONGEST_BODY {
                return Err(format!("the answer has more than {} MB", LONGEST_BODY >> 20));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Answer::of(&GitLabManners, status, headers, bytes))
    }
}

const USER_AGENT: &str = concat!("prudence/", env!("CARGO_PKG_VERSION"));

/// How GitLab says no.
struct GitLabManners;

impl Manners for GitLabManners {
    fn name(&self) -> &'static str {
        "GitLab"
    }

    /// `message` may be a text, a list, or an object of either; some answers have `error` instead.
    fn words(&self, json: &Value) -> String {
        let parts = [&json["message"], &json["error"], &json["error_description"]];
        let parts: Vec<String> = parts.into_iter().map(text_of).filter(|text| !text.is_empty()).collect();
        parts.join(": ")
    }

    /// Its limits differ in what they send: a text or JSON, with `Retry-After` or without.
    fn wait(&self, answer: &Answer, attempt: u32) -> Option<Duration> {
        /// What a limit of a minute takes at most.
        const MINUTE: u64 = 60;
        if answer.status != 429 {
            return None;
        }
        let reset = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            answer.number("ratelimit-reset").map(|at| at.saturating_sub(now) + 1).filter(|wait| *wait <= MINUTE)
        };
        let seconds = answer.number("retry-after").or_else(reset).unwrap_or(MINUTE * u64::from(attempt));
        Some(Duration::from_secs(seconds))
    }

    fn refusal(&self, answer: &Answer, what: &str) -> ForgeError {
        let (status, message) = (answer.status, answer.message());
        match status {
            401 => ForgeError::Failed(format!(
                "GitLab refused the token for {what} (401: {message})\nhint: it may be wrong, revoked or expired; {REMEDY}"
            )),
            403 if message.contains("insufficient_scope") => ForgeError::Forbidden(format!(
                "the token has not the scope for {what} (403: {message})\nhint: {REMEDY}"
            )),
            403 => ForgeError::Forbidden(format!(
                "the token may not do this for {what} (403: {message})\nhint: its role must be Developer or more in the project of the request"
            )),
            404 => ForgeError::Forbidden(format!(
                "cannot find {what}: it is not there, or the token may not see it (404: {message})\nhint: check the name, and that the token belongs to the project of the request; where GitLab is under a path of its host, `GITLAB_URL` must name both"
            )),
            429 => {
                ForgeError::Limited(format!("GitLab's rate limit is reached (429: {message})\nhint: try again later"))
            }
            413 => ForgeError::TooLarge(message),
            400 | 422 => ForgeError::Refused(format!("GitLab refused {what} ({status}: {message})")),
            300..=399 => ForgeError::Failed(format!(
                "GitLab sends the request for {what} to another host ({status}), where the token does not go\nhint: use the address that the host is reached by"
            )),
            500.. => {
                ForgeError::Unsure(format!("GitLab answered {status} for {what}: {message}\nhint: try again later"))
            }
            status => {
                ForgeError::Failed(format!("GitLab answered {status} for {what}: {message}\nhint: try again later"))
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match name.as_str() {
                "error" => text_of(value),
                name => format!("{name} {}", text_of(value)),
            };
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
impl Answer {
    /// An answer of GitLab.
    pub fn of_gitlab(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let header = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        };
        Answer::of(&GitLabManners, status, headers.iter().map(header).collect(), body.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_words(body: &str, expected: &str) {
        assert_eq!(Answer::of_gitlab(400, &[], body).message(), expected);
    }

    #[test]
    fn all_shapes_of_errors_are_read() {
        check_words(r#"{"message":"401 Unauthorized"}"#, "401 Unauthorized");
        check_words(r#"{"error":"insufficient_scope","error_description":"More."}"#, "insufficient_scope: More.");
        check_words(r#"{"message":{"error":"Too many."}}"#, "Too many.");
        check_words(r#"{"message":{"base":["is","wrong"]}}"#, "base is, wrong");
        check_words("Retry later\n", "Retry later");
        check_words("<html>", "a web page instead of an answer");
    }

    #[test]
    fn a_limit_tells_how_long_it_lasts_or_is_one_of_a_minute() {
        let wait = |headers: &[(&'static str, &str)], body: &str| {
            GitLabManners.wait(&Answer::of_gitlab(429, headers, body), 1).map(|wait| wait.as_secs())
        };
        assert_eq!(wait(&[("retry-after", "7")], "Retry later"), Some(7));
        assert_eq!(wait(&[("ratelimit-reset", "1")], "Retry later"), Some(1));
        assert_eq!(wait(&[("ratelimit-reset", "99999999999")], "{}"), Some(60));
        assert_eq!(wait(&[], r#"{"message":{"error":"This endpoint has been requested too many times."}}"#), Some(60));
        assert_eq!(GitLabManners.wait(&Answer::of_gitlab(403, &[("retry-after", "7")], "{}"), 1), None);
    }

    #[test]
    fn a_listing_goes_on_where_its_headers_say_so_or_nothing_does() {
        let next = |headers: &[(&'static str, &str)], count| next_page(&Answer::of_gitlab(200, headers, ""), 1, count);
        assert_eq!(next(&[("x-next-page", "2")], 3), Some(2));
        assert_eq!(next(&[("x-next-page", "")], PER_PAGE), None);
        assert_eq!(next(&[("x-next-page", "1")], PER_PAGE), Some(1), "a page that names itself");
        assert_eq!(next(&[("link", "<http://h/?page=2>; rel=\"next\"")], 3), Some(2));
        assert_eq!(next(&[("link", "<http://h/?page=1>; rel=\"first\"")], PER_PAGE), None);
        assert_eq!((next(&[], PER_PAGE), next(&[], 3)), (Some(2), None));
    }

    #[track_caller]
    fn check(status: u16, body: &str, is_expected: fn(&ForgeError) -> bool, part: &str) {
        let error = Answer::of_gitlab(status, &[], body).ok("g/p!7").expect_err("an error");
        assert!(is_expected(&error) && error.to_string().contains(part), "{error:?}");
    }

    #[test]
    fn errors_say_what_to_do() {
        check(401, r#"{"message":"401 Unauthorized"}"#, |e| matches!(e, ForgeError::Failed(_)), "`GITLAB_TOKEN`");
        check(403, r#"{"error":"insufficient_scope"}"#, |e| matches!(e, ForgeError::Forbidden(_)), "scope `api`");
        check(403, r#"{"message":"403 Forbidden"}"#, |e| matches!(e, ForgeError::Forbidden(_)), "Developer");
        check(
            404,
            r#"{"message":"404 Project Not Found"}"#,
            |e| matches!(e, ForgeError::Forbidden(_)),
            "check the name",
        );
        check(400, r#"{"message":"400 Bad request - Note"}"#, |e| matches!(e, ForgeError::Refused(_)), "Note");
        check(302, "", |e| matches!(e, ForgeError::Failed(_)), "another host");
        check(409, r#"{"message":"409 Conflict"}"#, |e| matches!(e, ForgeError::Failed(_)), "try again later");
        check(403, "<html>", |e| matches!(e, ForgeError::Failed(_)), "in front of GitLab");
        check(403, "Forbidden\n", |e| matches!(e, ForgeError::Failed(_)), "blocks this address");
        check(502, "<html>", |e| matches!(e, ForgeError::Unsure(_)), "502");
        check(429, "Retry later", |e| matches!(e, ForgeError::Limited(_)), "Retry later");
    }
}
