//! Requests to a code host: retried where that is safe, one change at a time, and errors in words that help.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::ForgeError;
use crate::config::provider::is_loopback;
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
    /// The kind of host.
    pub host: &'static str,
    /// Verb and route.
    pub request: String,
    /// Bytes of the answer's body, where one came.
    pub received_bytes: Option<usize>,
    /// The status; `None` where no answer came.
    pub status: Option<u16>,
    /// Time until the answer was read.
    pub duration: Duration,
}

/// Is told of every request.
pub type OnEvent = Arc<dyn Fn(Event) + Send + Sync>;

/// How a kind of host says no.
pub trait Manners: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What an answer in JSON says in words.
    fn words(&self, json: &Value) -> String;

    /// How long a rate limit asks to wait; `None` where the answer is no such limit.
    fn wait(&self, answer: &Answer, attempt: u32) -> Option<Duration>;

    /// An answer that is no success as an error, with what helps. `what` was asked for.
    fn refusal(&self, answer: &Answer, what: &str) -> ForgeError;
}

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
    manners: &'static dyn Manners,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("message", &self.message()).finish_non_exhaustive()
    }
}

impl Answer {
    /// An answer of a host with these manners.
    pub fn of(manners: &'static dyn Manners, status: u16, headers: HeaderMap, body: Vec<u8>) -> Answer {
        Answer { status, headers, body, manners }
    }

    /// The answer with nothing of this secret in its body, also where the host repeats it.
    fn without(self, secret: &Secret) -> Answer {
        Answer { body: secret.redact_body(self.body), ..self }
    }

    /// The body, parsed.
    ///
    /// # Errors
    /// It is no JSON: something stands before the host that is not the host.
    pub fn json(&self) -> Result<Value, ForgeError> {
        let name = self.manners.name();
        serde_json::from_slice(&self.body).map_err(|err| {
            let cause = if self.is_page() { A_PAGE.to_owned() } else { err.to_string() };
            ForgeError::Failed(format!(
                "{name}'s answer is no JSON ({}: {cause})\nhint: something between here and {name} may have changed it: check the proxy",
                self.status
            ))
        })
    }

    /// Whether the host says that the body is JSON.
    pub fn is_json(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/json"))
    }

    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.header(name).and_then(|value| value.trim().parse().ok())
    }

    /// The address of the next page of a listing, by its `Link` header.
    pub fn next_page(&self) -> Option<String> {
        let next = self.header("link")?.split(',').find(|part| part.contains("rel=\"next\""))?;
        Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
    }

    /// Whether the answer is a rate limit.
    pub fn is_limited(&self) -> bool {
        self.manners.wait(self, 1).is_some()
    }

    /// What the host says, or the beginning of a text that is no JSON.
    pub fn message(&self) -> String {
        let text = match serde_json::from_slice::<Value>(&self.body) {
            Ok(json) => self.manners.words(&json).chars().take(300).collect::<String>(),
            Err(_) => {
                let text = String::from_utf8_lossy(&self.body);
                if self.is_page() {
                    return A_PAGE.to_owned();
                }
                text.trim().chars().take(120).collect()
            }
        };
        crate::text::printable(&text)
    }

    fn is_page(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The answer, if it is a success; else the error in words. `what` was asked for.
    pub fn ok(self, what: &str) -> Result<Answer, ForgeError> {
        match self.status {
            200..=299 => Ok(self),
            // the hosts' own words on permissions are JSON: this says nothing of the token
            403 if serde_json::from_slice::<Value>(&self.body).is_err() && !self.is_limited() => {
                Err(ForgeError::Failed(format!(
                    "something in front of {} refused {what} (403: {})\nhint: check the proxy and the firewall between here and the host, and whether one of them blocks this address",
                    self.manners.name(),
                    self.message()
                )))
            }
            _ => Err(self.manners.refusal(&self, what)),
        }
    }
}

/// What a proxy, a firewall or a login says.
const A_PAGE: &str = "a web page instead of an answer";

/// Brings one request to a host and its answer back.
#[async_trait]
pub trait Wire: Send + Sync {
    /// The error is the cause in words: no answer came, or not all of it.
    async fn exchange(
        &self,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String>;
}

/// What is usual with a kind of host.
pub struct Habits {
    /// How it says no.
    pub manners: &'static dyn Manners,
    /// Root of its API, for messages.
    pub root: String,
    /// The variable that holds the root, for messages.
    pub root_variable: &'static str,
    /// The variable that names a file with the host's own authority, for messages.
    pub authority_variables: &'static str,
    /// The time between two requests that create something.
    pub between_posts: Duration,
    /// The longest time until an answer has come.
    pub read_timeout: Duration,
    /// Is told of every request, for `-v`.
    pub on_event: Option<OnEvent>,
    /// Who asks: is taken out of answers and errors.
    pub secret: Option<Secret>,
}

/// Sends requests over a wire.
pub struct Sender<W> {
    wire: W,
    habits: Habits,
    /// Until when a rate limit is waited for.
    deadline: Mutex<Instant>,
    /// Held while something is changed.
    turns: tokio::sync::Mutex<Turns>,
}

/// What was changed so far.
#[derive(Default)]
struct Turns {
    /// When something was created last, and how often.
    created: (Option<Instant>, usize),
    /// When something was changed last, and how often.
    changed: (Option<Instant>, usize),
}

/// How much is created without a pause: a review and its summary.
const CREATED_AT_ONCE: usize = 2;
/// How many edits go without a pause between them.
const CHANGED_AT_ONCE: usize = 10;
/// How often a request that may be repeated is sent at most, where no limit asks for patience.
pub const ATTEMPTS: u32 = 3;
/// How often a request is sent at most that meets rate limits: going on may get an integration banned.
const LIMITED_ATTEMPTS: u32 = 6;
/// Time until a connection must stand.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What a request gets in any case: a result that was paid for is delivered after the deadline, too.
const GRACE: Duration = Duration::from_secs(10);
/// Waits for rate limits end here where nobody set another moment.
const PATIENCE: Duration = Duration::from_secs(600);
/// No answer of the APIs that is used here is larger.
pub const LONGEST_BODY: usize = 64 << 20;

impl<W: Wire> Sender<W> {
    /// Sends over this wire, as the host likes it.
    pub fn new(wire: W, habits: Habits) -> Sender<W> {
        let deadline = Mutex::new(Instant::now() + PATIENCE);
        Sender { wire, habits, deadline, turns: tokio::sync::Mutex::default() }
    }

    /// Waits for no rate limit beyond this moment.
    pub fn set_deadline(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// Until when a rate limit is waited for.
    pub fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request. Reads and replacements are repeated after a failure; every request waits for a rate limit.
    pub async fn send(
        &self,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        match method {
            Method::Get => self.patiently(ATTEMPTS, method, route, accept, body).await,
            Method::Post => self.in_turn(1, method, route, accept, body).await,
            _ => self.in_turn(ATTEMPTS, method, route, accept, body).await,
        }
    }

    /// Sends what changes something: alone, and in a long row with a pause after each. GitHub asks for that where there are
    /// many; the first few, which are all that most runs have, go at once.
    pub async fn in_turn(
        &self,
        attempts: u32,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let mut turns = self.turns.lock().await;
        let ((last, count), at_once) = match method {
            Method::Post => (turns.created, CREATED_AT_ONCE),
            _ => (turns.changed, CHANGED_AT_ONCE),
        };
        if let Some(last) = last.filter(|_| count >= at_once) {
            sleep_until(last + self.habits.between_posts).await;
        }
        let answer = self.patiently(attempts, method, route, accept, body).await;
        let now = Some(Instant::now());
        turns.changed = (now, turns.changed.1 + 1);
        if method == Method::Post {
            turns.created = (now, turns.created.1 + 1);
        }
        answer
    }

    /// Sends a request up to so many times where it fails, and again after a rate limit, as long as there is time.
    pub async fn patiently(
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
            let limited = result.as_ref().ok().and_then(|answer| self.habits.manners.wait(answer, attempt));
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

    async fn once(
        &self,
        method: Method,
        route: &str,
        accept: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let started = Instant::now();
        let longest = CONNECT_TIMEOUT + self.habits.read_timeout;
        let left = self.deadline().saturating_duration_since(started).clamp(GRACE, longest);
        let result = timeout(left, self.wire.exchange(method, route, accept, body)).await;
        let result = result.unwrap_or_else(|_| Err(format!("no answer within {} s", left.as_secs())));
        let result = match &self.habits.secret {
            Some(secret) => result.map(|answer| answer.without(secret)).map_err(|err| secret.redact(&err)),
            None => result,
        };
        if let Some(on_event) = &self.habits.on_event {
            let status = result.as_ref().ok().map(|answer| answer.status);
            let received_bytes = result.as_ref().ok().map(|answer| answer.body.len());
            let (host, request) = (self.habits.manners.name(), format!("{method:?} {route}"));
            on_event(Event { host, request, received_bytes, status, duration: started.elapsed() });
        }
        result
    }

    fn unreachable(&self, err: &str) -> ForgeError {
        let Habits { root, root_variable, authority_variables, .. } = &self.habits;
        let remedy = match err.contains("certificate") {
            true => format!(
                "add the authority of the host to the system's certificates, or name its file by {authority_variables}"
            ),
            false => format!("check the network, the proxy and `{root_variable}`"),
        };
        ForgeError::Unsure(format!("cannot reach {root}: {err}\nhint: {remedy}"))
    }
}

/// The HTTP client for a host with this root: without redirects and retries of its own. It takes proxies from the usual
/// variables, and certificates from the system's store or `SSL_CERT_FILE`.
pub fn client(root: &str, read_timeout: Duration) -> reqwest::ClientBuilder {
    // whoever links this crate may have installed a provider already
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    // a host on this machine is not behind a proxy, and needs no certificates of the system
    let is_here = is_loopback(root);
    let builder = if is_here { builder.no_proxy() } else { builder };
    if is_here && root.starts_with("http:") { builder.tls_certs_only([]) } else { builder }
}

/// The client that was described.
///
/// # Errors
/// TLS cannot be set up: there are no certificates.
pub fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, ForgeError> {
    builder.build().map_err(|err| {
        ForgeError::Failed(format!(
            "cannot set up TLS: {}\nhint: install the system's certificates (`ca-certificates`), or name them by `SSL_CERT_FILE`",
            innermost(&err)
        ))
    })
}

/// Libraries wrap the cause in several sentences; the innermost says what happened.
pub fn innermost(err: &dyn std::error::Error) -> String {
    let mut err = err;
    while let Some(source) = err.source() {
        err = source;
    }
    err.to_string()
}

/// The time before another attempt.
pub fn pause(attempt: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.saturating_pow(attempt)
}

/// A path as part of a URL: each segment encoded, slashes kept.
pub fn path(path: &str) -> String {
    encode(path, b"-_.~/")
}

/// A name as one segment of a URL's path.
pub fn segment(name: &str) -> String {
    encode(name, b"-_.~")
}

fn encode(text: &str, kept: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || kept.contains(byte);
    let encode = |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_are_encoded() {
        assert_eq!(path("a b/ü.rs"), "a%20b/%C3%BC.rs");
        assert_eq!(segment("group/pro ject"), "group%2Fpro%20ject");
    }
}
