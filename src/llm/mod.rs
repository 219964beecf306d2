//! The model client: the one place where requests to a model are made.
//!
//! [`Client::complete`] (and [`Client::embed`]) sends a request, repeats it where that may help, steps down where a server understands less, and
//! books every attempt on the run's [`Meter`] before it is sent. What goes over the wire is in [`openai`] and `embeddings`.

mod batch;
mod embeddings;
mod error;
mod fallback;
mod lanes;
mod limits;
pub mod openai;
mod pace;
mod responses;
mod tape;
mod transport;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::{Config, Provider};
use crate::secret::Secret;
use crate::stop::Stop;
use crate::usage::{self, Meter, Reservation, Usage};
use error::{Asked, Failure, Scope, classify};
use fallback::GivenUp;
use lanes::Lanes;
use limits::LONGEST_WAIT;
use openai::{Answer, ApiError, Dialect};
use pace::Room;
use transport::{Asking, Endpoint, HttpReply, Lost, Transport};

pub use batch::{Batch, Stage};
pub use error::{LlmError, TooLong};
pub use fallback::Detour;
pub use responses::{Open, Responses};
pub use tape::Tape;

/// Which server is asked, and how patiently.
#[derive(Clone)]
pub struct Settings {
    /// Azure has its own addresses and header; all others are asked as OpenAI is.
    pub provider: Provider,
    /// Root of the API: what stands before `/chat/completions`, for Azure before `/openai`.
    pub base_url: String,
    /// Azure's `api-version`; not sent where the address ends with `/openai/v1`.
    pub azure_api_version: String,
    /// The key; without one no header is sent.
    pub api_key: Option<Secret>,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time without a byte. Servers are silent while the model thinks.
    pub read_timeout: Duration,
    /// Time that one attempt may take in all.
    pub attempt_timeout: Duration,
    /// The pause before the first repeat, where the server asks for none; it doubles with each one.
    pub first_pause: Duration,
    /// Requests that may be under way at a time; fewer while the server asks to slow down.
    pub concurrency: usize,
    /// Attempts that one request gets. Stepping down to what the server understands is no attempt.
    pub max_attempts: u32,
    /// The moment at which everything is over.
    pub deadline: Instant,
    /// `User-Agent`.
    pub user_agent: String,
    /// Models that are asked where one gives no answer, in this order.
    pub fallback_models: Vec<String>,
    /// Files that answer instead of the server, or that take its answers.
    pub tape: Option<Arc<Tape>>,
    /// Whether all requests are to be given up.
    pub stop: Stop,
    /// Told of every attempt, for logs.
    pub on_event: Option<Arc<dyn Fn(Event) + Send + Sync>>,
}

impl Settings {
    /// The server that `config` names, with the usual patience until `deadline`.
    pub fn new(config: &Config, deadline: Instant) -> Settings {
        Settings {
            provider: config.provider,
            base_url: config.base_url.clone(),
            azure_api_version: config.azure_api_version.clone(),
            api_key: config.api_key.clone(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(240),
            attempt_timeout: Duration::from_secs(300),
            first_pause: Duration::from_millis(500),
            concurrency: config.concurrency,
            max_attempts: 5,
            deadline,
            user_agent: concat!("prudence/", env!("CARGO_PKG_VERSION")).to_owned(),
            fallback_models: config.fallback_models.clone(),
            tape: None,
            stop: Stop::default(),
            on_event: None,
        }
    }
}

/// One attempt, for logs; it holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The request's name within its run.
    pub id: String,
    /// Bytes of its body.
    pub sent_bytes: usize,
    /// Bytes of the answer's body, where one came.
    pub received_bytes: Option<usize>,
    /// The model that was asked.
    pub model: String,
    /// Counted from 1, steps down included.
    pub attempt: u32,
    /// The HTTP status; `None` where no whole answer came.
    pub status: Option<u16>,
    /// From sending to the last byte.
    pub duration: Duration,
    /// The server's `x-request-id`.
    pub request_id: Option<String>,
    /// The pause until the repeat; `None` where there is none.
    pub wait: Option<Duration>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names the request within its run, as a batch file does: `review/2/1` is chunk 2, pass 1.
    pub id: String,
    /// Hash of what is asked about, without what stands around it and changes with every remark on the request: an answer
    /// that comes in a file is one to this question by it.
    pub about: String,
    /// The model; for Azure the deployment.
    pub model: String,
    /// The instructions.
    pub system: String,
    /// The data.
    pub user: String,
    /// What was said since: calls of tools, and what they gave.
    pub turns: Vec<Turn>,
    /// The tools that the model may call.
    pub tools: &'static [Tool],
    /// Whether it may call them now; else it is to answer with what it has.
    pub may_call: bool,
    /// The schema's name: letters, digits, `_` and `-`.
    pub schema_name: &'static str,
    /// The form of the answer, within the rules of strict schemas.
    pub schema: Arc<Value>,
    /// Tokens that the answer may have; lowered to what the model can give.
    pub max_output_tokens: u32,
    /// Not sent to models that accept none.
    pub temperature: Option<f32>,
    /// Our estimate of the prompt's tokens, for the cost limit.
    pub input_tokens: u64,
    /// Requests with the same key and the same beginning share the provider's cache.
    pub cache_key: Option<String>,
}

/// A function that the model may call.
#[derive(Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub about: &'static str,
    /// Names of its parameters, the type of each in JSON Schema, and what each is. All are required.
    pub parameters: &'static [(&'static str, &'static str, &'static str)],
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The server's name for it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON, as the model wrote it: not checked.
    pub arguments: String,
}

/// A turn of a conversation: what the model called, each with what it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The calls and their results, in order.
    pub calls: Vec<(ToolCall, String)>,
}

/// What the model said.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The text; empty only where tools are called. Not trusted, and not checked against the schema.
    pub text: String,
    /// The tools that it wants called, before it says more.
    pub calls: Vec<ToolCall>,
    /// The model that answered, as it was asked for.
    pub asked: String,
    /// The same, as the server names it.
    pub model: String,
    /// What it took, with the requests and repeats that it needed.
    pub usage: Usage,
}

/// What is asked of a server, and how its answer is read: all that the attempts at it have in common is in [`Client`].
trait Call {
    /// What a usable answer says.
    type Said;

    /// Where it is asked.
    const ENDPOINT: Endpoint;

    /// Names the request within its run.
    fn id(&self) -> &str;

    /// Hash of what is asked about.
    fn about(&self) -> &str;

    /// The model; for Azure the deployment.
    fn model(&self) -> &str;

    /// Our estimate of the tokens that go in, for the cost limit.
    fn input_tokens(&self) -> u64;

    /// Tokens that may come out, for the cost limit.
    fn output_limit(&self) -> u32;

    /// The body of the request.
    fn encode(&self, dialect: Dialect) -> Value;

    /// Reads the body of an answer.
    fn decode(&self, status: u16, body: &[u8], key: Option<&Secret>) -> Result<Answer<Self::Said>, ApiError>;
}

/// What came of a call: what was said, by which model, and what it took.
struct Done<S> {
    said: S,
    model: String,
    usage: Usage,
}

/// Why there is no list of models, with what tells a wrong address from a wrong key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct NoList {
    /// The HTTP status; `None` where no whole answer came.
    pub status: Option<u16>,
    /// Whether the answer is a web page.
    pub is_page: bool,
    /// In words.
    pub error: LlmError,
}

/// The connection to the model server, shared by all requests of a run.
pub struct Client {
    settings: Settings,
    meter: Arc<Meter>,
    transport: Transport,
    /// Scheme, host and port, for messages.
    origin: String,
    /// How many requests are under way.
    lanes: Lanes,
    /// What was found out about each model.
    models: Mutex<BTreeMap<String, Known>>,
    /// The first error after which no request to any model can do better.
    stopped: OnceLock<String>,
    /// Whether the server ever answered anything.
    reached: AtomicBool,
    /// Requests that another model answered than the one that was meant.
    detours: Mutex<Vec<Detour>>,
}

/// What was found out about a model.
#[derive(Debug, Clone, Default)]
struct Known {
    /// What it understands; that only ever gets less.
    dialect: Dialect,
    /// Why it cannot be asked at all.
    stopped: Option<String>,
    /// Until when the server, by its own word, takes no request for it.
    closed_until: Option<Instant>,
    /// What its limits leave.
    room: Room,
    /// When it was given up for another, and why.
    given_up: Option<GivenUp>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that books on `meter`; sends nothing yet.
    ///
    /// # Errors
    /// [`LlmError::Stop`] where address or key cannot be used, or TLS cannot be set up.
    pub fn new(settings: Settings, meter: Arc<Meter>) -> Result<Client, LlmError> {
        let transport = Transport::new(&settings).map_err(LlmError::Stop)?;
        Ok(Client {
            origin: transport.origin(),
            lanes: Lanes::new(settings.concurrency),
            transport,
            settings,
            meter,
            models: Mutex::default(),
            stopped: OnceLock::new(),
            reached: AtomicBool::new(false),
            detours: Mutex::default(),
        })
    }

    /// Why not every exchange was recorded, where that is so.
    pub fn tape_failure(&self) -> Option<&str> {
        self.transport.tape_failure()
    }

    /// Whether an answer has to come before more can be asked.
    pub fn is_waiting(&self) -> bool {
        self.settings.tape.as_ref().is_some_and(|tape| tape.is_waiting())
    }

    /// The time until everything is over.
    pub fn time_left(&self) -> Duration {
        self.settings.deadline.saturating_duration_since(Instant::now())
    }

    /// The ledger on which this client books.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Asks the model, with as many attempts as it takes and is allowed; where it gives no answer, those that stand in for it.
    ///
    /// # Errors
    /// See [`LlmError`]. After one [`LlmError::Stop`] all later calls return it at once, for this model or for all,
    /// whichever it is about.
    pub async fn complete(&self, request: &Request) -> Result<Reply, LlmError> {
        self.with_fallbacks(request).await
    }

    /// Asks, and remembers what stops everything.
    async fn call<C: Call>(&self, call: &C, until: Instant) -> Result<Done<C::Said>, LlmError> {
        let result = tokio::select! {
            biased;
            signal = self.settings.stop.wait() => Err(LlmError::Failed(format!("the run was stopped by {signal}"))),
            result = self.attempts(call, until) => result,
        };
        if let Err(LlmError::Stop(message)) = &result
            && self.known(call.model()).stopped.is_none()
        {
            self.stopped.get_or_init(|| message.clone());
        }
        result
    }

    /// The names of the server's models. One attempt, which costs nothing.
    ///
    /// # Errors
    /// See [`NoList`].
    pub async fn models(&self) -> Result<Vec<String>, NoList> {
        let asked = self.asked("");
        let reply = match self.transport.models(self.attempt_ends(self.settings.deadline)).await {
            Ok(reply) => reply,
            Err(lost) => {
                return Err(NoList {
                    status: None,
                    is_page: false,
                    error: self.lost(&lost, &asked, self.settings.deadline).into_error(),
                });
            }
        };
        let listed = match self.redirect(&reply, &asked) {
            Some(error) => Err(error),
            None => openai::decode_models(reply.status, &reply.body).map_err(|e| classify(&e, &asked).error),
        };
        let is_page = reply.body.trim_ascii_start().starts_with(b"<");
        listed.map_err(|error| NoList { status: Some(reply.status), is_page, error })
    }

    /// Attempts until there is an answer, or an error after which another attempt makes no sense.
    async fn attempts<C: Call>(&self, call: &C, until: Instant) -> Result<Done<C::Said>, LlmError> {
        let (mut sent, mut failures, mut attempt) = (0, 0, 0);
        let mut last = None;
        loop {
            let Ok(lane) = timeout_at(until, self.lanes.enter()).await else { return Err(self.too_late(until)) };
            self.ready(call, until).await?;
            let reservation = self.reserve(call, until, sent > 0).await?;
            let started = Instant::now();
            let Attempt { sent: was_sent, sent_bytes, received_bytes, status, request_id, result } =
                self.attempt(call, until, reservation, failures).await;
            sent += u64::from(was_sent);
            attempt += 1;
            match status {
                Some(429) => lane.was_too_much(),
                Some(_) => lane.went_well(),
                None => {}
            }
            drop(lane);
            let duration = started.elapsed();
            let event = Event {
                id: call.id().to_owned(),
                sent_bytes,
                received_bytes,
                model: call.model().to_owned(),
                attempt,
                status,
                duration,
                request_id,
                wait: None,
                error: result.as_ref().err().map(Setback::to_string),
            };
            let wait = match result {
                Ok(mut done) => {
                    self.report(event);
                    done.usage.requests = sent;
                    done.usage.retries = sent.saturating_sub(1);
                    return Ok(done);
                }
                Err(Setback::StepDown(_)) => Ok(Duration::ZERO),
                Err(Setback::Open(cause)) => Err(LlmError::Failed(match &last {
                    Some(last) => format!("{last}; {cause}"),
                    None => cause,
                })),
                Err(Setback::End(error)) => Err(error),
                Err(Setback::Again { error, asked_wait }) => {
                    failures += 1;
                    last = Some(error.to_string());
                    self.pause(error, asked_wait, failures, until)
                }
            };
            self.report(Event { wait: wait.as_ref().ok().copied(), ..event });
            tokio::time::sleep(wait?).await;
        }
    }

    /// Waits until the server takes a request of this size, where it said that it does not.
    async fn ready<C: Call>(&self, call: &C, until: Instant) -> Result<(), LlmError> {
        loop {
            let now = Instant::now();
            let known = self.known(call.model());
            if let Some(message) = self.stopped.get().cloned().or(known.stopped) {
                return Err(LlmError::Stop(message));
            }
            if now >= until {
                return Err(self.too_late(until));
            }
            match known.closed_until.filter(|open| *open > now) {
                Some(open) if open < until => sleep_until(open).await,
                Some(_) => return Err(closed_too_long()),
                None => match self.make_room(call, now) {
                    Some(wait) if now + wait < until => tokio::time::sleep(wait).await,
                    _ => return Ok(()),
                },
            }
        }
    }

    /// How long a request waits for room under the server's limits; where that is long, the server is asked all the same.
    fn make_room<C: Call>(&self, call: &C, now: Instant) -> Option<Duration> {
        let tokens = call.input_tokens() + u64::from(call.output_limit());
        let mut wait = None;
        self.learn(call.model(), |known| wait = known.room.take(tokens, now).err());
        wait.filter(|wait| *wait <= LONGEST_WAIT && !self.transport.is_played())
    }

    /// Sets aside the worst case of one attempt.
    async fn reserve<C: Call>(&self, call: &C, until: Instant, repeat: bool) -> Result<Reservation<'_>, LlmError> {
        let reservation = self.meter.reserve(call.model(), call.input_tokens(), call.output_limit(), repeat);
        match timeout_at(until, reservation).await {
            Ok(reservation) => Ok(reservation?),
            Err(_) => Err(self.too_late(until)),
        }
    }

    /// One attempt: sent, received and booked.
    async fn attempt<C: Call>(
        &self,
        call: &C,
        until: Instant,
        reservation: Reservation<'_>,
        failures: u32,
    ) -> Attempt<C::Said> {
        let asked = self.asked(call.model());
        let dialect = self.known(call.model()).dialect;
        let body = call.encode(dialect).to_string();
        let sent_bytes = body.len();
        let line = responses::line_id(call, dialect, failures);
        let asking = Asking { endpoint: C::ENDPOINT, id: call.id(), line: &line, model: call.model() };
        match self.transport.ask(&asking, body, self.attempt_ends(until)).await {
            Ok(reply) => {
                self.reached.store(true, Ordering::Relaxed);
                self.learn(asked.model, |known| known.room.hear(&reply.headers, Instant::now()));
                let result = self.receive(call, dialect, reservation, &reply, &asked);
                let request_id = ["x-request-id", "apim-request-id"].iter().find_map(|name| reply.headers.get(*name));
                let request_id = request_id.and_then(|id| id.to_str().ok()).map(|id| asked.clean(id, 100));
                let (status, received_bytes) = (Some(reply.status), Some(reply.body.len()));
                Attempt { sent: true, sent_bytes, received_bytes, status, request_id, result }
            }
            Err(lost) => {
                let sent = !matches!(lost, Lost::NotSent(_) | Lost::Absent(_));
                // What was sent and lost may have been billed: dropping the reservation says so.
                if sent {
                    drop(reservation)
                } else {
                    reservation.cancel()
                }
                if let (Lost::Absent(_), Some(Tape::Responses(responses))) = (&lost, self.settings.tape.as_deref()) {
                    responses.leave_open(call, dialect, failures);
                }
                let result = Err(self.lost(&lost, &asked, until));
                Attempt { sent, sent_bytes, received_bytes: None, status: None, request_id: None, result }
            }
        }
    }

    /// Books what the server answered, and makes a reply or a setback of it.
    fn receive<C: Call>(
        &self,
        call: &C,
        dialect: Dialect,
        reservation: Reservation<'_>,
        reply: &HttpReply,
        asked: &Asked<'_>,
    ) -> Result<Done<C::Said>, Setback> {
        if let Some(error) = self.redirect(reply, asked) {
            reservation.release();
            return Err(Setback::End(error));
        }
        match call.decode(reply.status, &reply.body, asked.key) {
            Ok(answer) => {
                let usage = book(call, &answer, reservation);
                Ok(Done { said: answer.said.map_err(Setback::End)?, model: answer.model, usage })
            }
            Err(error) => {
                if may_be_billed(error.status) {
                    drop(reservation)
                } else {
                    reservation.release()
                }
                Err(self.setback(dialect, &error, &reply.headers, asked))
            }
        }
    }

    /// What follows from a server's refusal.
    fn setback(&self, dialect: Dialect, error: &ApiError, headers: &HeaderMap, asked: &Asked<'_>) -> Setback {
        if let Some(lower) = dialect.after(error) {
            self.learn(asked.model, |known| known.dialect = known.dialect.common(lower));
            return Setback::StepDown(asked.sentence("the model server understands less than was asked", error));
        }
        let Failure { error: failure, retry, scope } = classify(error, asked);
        let is_split = matches!(failure, LlmError::Split { .. });
        if let (LlmError::Stop(message), true) = (&failure, self.is_batch()) {
            // the file may have a later answer to the same request, and has others to other ones
            return Setback::Again { error: LlmError::Failed(message.clone()), asked_wait: None };
        }
        if is_split || !limits::should_retry(headers).unwrap_or(retry) {
            let is_of_model = match scope {
                Scope::Model => true,
                Scope::Quota => !self.settings.fallback_models.is_empty(),
                Scope::Server => false,
            };
            if let (LlmError::Stop(message), true) = (&failure, is_of_model) {
                self.learn(asked.model, |known| known.stopped = Some(message.clone()));
            }
            return Setback::End(failure);
        }
        let asked_wait = limits::asked_wait(headers, error.status, &error.message, SystemTime::now());
        let wait = asked_wait.filter(|wait| *wait <= LONGEST_WAIT && !self.transport.is_played());
        if let (429, Some(wait)) = (error.status, wait) {
            let open = Instant::now() + wait;
            // What others would send to this model before is refused too, and counts.
            self.learn(asked.model, |known| known.closed_until = known.closed_until.max(Some(open)));
        }
        Setback::Again { error: failure, asked_wait }
    }

    /// What follows from an answer that did not arrive whole.
    fn lost(&self, lost: &Lost, asked: &Asked<'_>, until: Instant) -> Setback {
        if Instant::now() >= until {
            return Setback::End(self.too_late(until));
        }
        let again = |error| Setback::Again { error, asked_wait: None };
        match lost {
            Lost::NotSent(cause) if !self.reached.load(Ordering::Relaxed) => {
                let cause = asked.clean(cause, 200);
                again(LlmError::Stop(format!(
                    "cannot reach the model server at `{}`: {cause}\nhint: check `--base-url`, and the network: proxy variables, firewall",
                    self.origin
                )))
            }
            Lost::NotSent(cause) => {
                again(LlmError::Busy(format!("no connection to the model server: {}", asked.clean(cause, 200))))
            }
            Lost::Cut(cause) => {
                again(LlmError::Busy(format!("no answer from the model server: {}", asked.clean(cause, 200))))
            }
            Lost::Absent(cause) => Setback::Open(cause.clone()),
            Lost::TooLarge => Setback::End(LlmError::Failed("the model server's answer is too large".to_owned())),
        }
    }

    /// The pause before the next attempt, or the error where there is none.
    fn pause(
        &self,
        error: LlmError,
        asked_wait: Option<Duration>,
        failures: u32,
        until: Instant,
    ) -> Result<Duration, LlmError> {
        let most = if self.is_batch() { responses::MOST_ATTEMPTS } else { self.settings.max_attempts };
        if failures >= most {
            return Err(ended(error, &format!("; gave up after {failures} attempts")));
        }
        if self.transport.is_played() {
            return Ok(Duration::ZERO);
        }
        if let Some(wait) = asked_wait.filter(|wait| *wait > LONGEST_WAIT) {
            return Err(ended(error, &format!("; it asks for a pause of {} s, which is too long", wait.as_secs())));
        }
        let wait = asked_wait.map_or_else(|| limits::backoff(self.settings.first_pause, failures - 1), limits::spread);
        if Instant::now() + wait >= until {
            return Err(ended(error, "; the next attempt would come after the deadline\nhint: raise `--deadline`"));
        }
        Ok(wait)
    }

    /// The error that a redirect is: the key and the code go to the address that the user gave, and nowhere else.
    fn redirect(&self, reply: &HttpReply, asked: &Asked<'_>) -> Option<LlmError> {
        if !(300..400).contains(&reply.status) {
            return None;
        }
        let location = reply.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| self.transport.target(location));
        let target =
            target.map_or_else(|| "elsewhere".to_owned(), |target| format!("to `{}`", asked.clean(&target, 200)));
        Some(LlmError::Stop(format!(
            "the model server at `{}` redirects {target} ({}), where the key is not sent\nhint: set `--base-url` to the address that answers itself",
            self.origin, reply.status
        )))
    }

    /// Whether the answers are those of a batch.
    fn is_batch(&self) -> bool {
        matches!(self.settings.tape.as_deref(), Some(Tape::Responses(_)))
    }

    fn asked<'a>(&'a self, model: &'a str) -> Asked<'a> {
        Asked { provider: self.settings.provider, origin: &self.origin, model, key: self.settings.api_key.as_ref() }
    }

    fn known(&self, model: &str) -> Known {
        lock(&self.models).get(model).cloned().unwrap_or_default()
    }

    fn learn(&self, model: &str, lesson: impl FnOnce(&mut Known)) {
        lesson(lock(&self.models).entry(model.to_owned()).or_default());
    }

    fn attempt_ends(&self, until: Instant) -> Instant {
        until.min(Instant::now() + self.settings.attempt_timeout)
    }

    /// The error of a request that ran out of time: all of it, or the model's share.
    fn too_late(&self, until: Instant) -> LlmError {
        match until < self.settings.deadline {
            true => LlmError::Busy("the model did not answer within its share of the deadline".to_owned()),
            false => {
                LlmError::Busy("the deadline passed before the model answered\nhint: raise `--deadline`".to_owned())
            }
        }
    }

    fn report(&self, event: Event) {
        if let Some(on_event) = &self.settings.on_event {
            on_event(event);
        }
    }
}

/// One attempt and what came of it.
struct Attempt<S> {
    sent: bool,
    sent_bytes: usize,
    received_bytes: Option<usize>,
    status: Option<u16>,
    request_id: Option<String>,
    result: Result<Done<S>, Setback>,
}

/// Why an attempt gave no answer, by what follows.
#[derive(Debug, thiserror::Error)]
enum Setback {
    /// The same again, in the simpler dialect that is now in force.
    #[error("{0}")]
    StepDown(String),
    /// The same again, after the pause that the server asks for or a usual one.
    #[error("{error}")]
    Again { error: LlmError, asked_wait: Option<Duration> },
    /// The files that answer have no answer to this attempt.
    #[error("{0}")]
    Open(String),
    /// No other attempt.
    #[error("{0}")]
    End(LlmError),
}

impl Setback {
    /// The error of a request that gets one attempt only.
    fn into_error(self) -> LlmError {
        match self {
            Setback::StepDown(message) | Setback::Open(message) => LlmError::Failed(message),
            Setback::Again { error, .. } | Setback::End(error) => error,
        }
    }
}

/// Settles what an answer took. Where the server does not say, a third of the bytes is a fair guess for JSON and code;
/// what a reasoning model thought does not show, so there it is the most that was allowed.
fn book<C: Call>(call: &C, answer: &Answer<C::Said>, reservation: Reservation<'_>) -> Usage {
    if let Some(usage) = answer.usage {
        reservation.settle(usage);
        return usage;
    }
    let most = u64::from(call.output_limit());
    let reasons = usage::model(call.model()).is_some_and(|model| model.reasoning);
    let output_tokens = if reasons { most } else { (answer.bytes as u64).div_ceil(3).min(most) };
    let usage = Usage { input_tokens: call.input_tokens(), output_tokens, ..Usage::default() };
    reservation.settle_estimated(usage);
    usage
}

/// Whether the model may have answered although we cannot read it: a broken 200, or a gateway that lost the server.
fn may_be_billed(status: u16) -> bool {
    status < 300 || matches!(status, 502 | 504 | 520..=524)
}

fn closed_too_long() -> LlmError {
    let hint = "hint: raise `--deadline`, or lower `--concurrency`";
    LlmError::Busy(format!("the model server limits the rate until after the deadline\n{hint}"))
}

/// `error` with the reason why there is no other attempt; one that stops the run says enough by itself.
fn ended(error: LlmError, reason: &str) -> LlmError {
    match error {
        LlmError::Failed(message) => LlmError::Failed(format!("{message}{reason}")),
        LlmError::Busy(message) => LlmError::Busy(format!("{message}{reason}")),
        other => other,
    }
}

/// The value behind `mutex`. A panic elsewhere leaves nothing half-written here, so a poisoned lock is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
