//! The client against a server in this process that follows a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{Client, Event, LlmError, NoList, Reply, Request, Settings, TooLong};
use crate::config::Provider;
use crate::secret::Secret;
use crate::stop::Stop;
use crate::usage::{Meter, Price, Prices, Spent, Usage};

const KEY: &str = "sk-proj-very-secret-4711";

/// Settings for a server at `base_url`, with pauses that a test can wait for.
pub(super) fn settings(base_url: &str) -> Settings {
    Settings {
        provider: Provider::OpenAi,
        base_url: base_url.to_owned(),
        azure_api_version: "2024-10-21".to_owned(),
        api_key: Secret::new(KEY),
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        attempt_timeout: Duration::from_secs(5),
        first_pause: Duration::from_millis(1),
        concurrency: 6,
        max_attempts: 3,
        deadline: Instant::now() + Duration::from_secs(20),
        user_agent: "prudence/test".to_owned(),
        fallback_models: Vec::new(),
        tape: None,
        stop: Stop::default(),
        on_event: None,
    }
}

fn request() -> Request {
    Request {
        id: "review/1/1".to_owned(),
        about: String::new(),
        turns: Vec::new(),
        tools: &[],
        may_call: false,
        model: "m".to_owned(),
        system: "Be fair.".to_owned(),
        user: "The diff.".to_owned(),
        schema_name: "review",
        schema: Arc::new(json!({"type": "object"})),
        max_output_tokens: 1000,
        temperature: Some(0.1),
        input_tokens: 500,
        cache_key: Some("k".to_owned()),
    }
}

/// One scripted answer.
#[derive(Clone)]
struct Step {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// The connection is lost after this many bytes of the body.
    cut: Option<usize>,
    delay: Duration,
}

fn step(status: u16, body: impl Into<String>) -> Step {
    Step { status, headers: Vec::new(), body: body.into(), cut: None, delay: Duration::ZERO }
}

impl Step {
    fn header(mut self, name: &'static str, value: &str) -> Step {
        self.headers.push((name, value.to_owned()));
        self
    }
}

fn ok() -> Step {
    step(200, answer(json!({"message": {"content": "{}"}, "finish_reason": "stop"})))
}

fn answer(choice: Value) -> String {
    let usage = json!({"prompt_tokens": 400, "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 7}});
    json!({"model": "m-2026", "choices": [choice], "usage": usage}).to_string()
}

fn error(status: u16, message: &str, kind: &str, param: &str, code: Value) -> Step {
    step(status, json!({"error": {"message": message, "type": kind, "param": param, "code": code}}).to_string())
}

/// What a server saw of a request.
struct Seen {
    uri: Uri,
    headers: HeaderMap,
    body: Value,
}

#[derive(Clone, Default)]
struct Script(Arc<Mutex<(VecDeque<Step>, Vec<Seen>)>>);

async fn follow(State(script): State<Script>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let step = {
        let mut script = script.0.lock().unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        script.1.push(Seen { uri, headers, body });
        // The last step is for all that come after it.
        if script.0.len() > 1 { script.0.pop_front().unwrap() } else { script.0.front().unwrap().clone() }
    };
    tokio::time::sleep(step.delay).await;
    let mut response = Response::builder().status(step.status);
    for (name, value) in &step.headers {
        response = response.header(*name, value);
    }
    let body = match step.cut {
        None => Body::from(step.body),
        Some(end) => {
            let parts = [Ok(Bytes::copy_from_slice(&step.body.as_bytes()[..end])), Err(std::io::Error::other("lost"))];
            Body::from_stream(futures_util::stream::iter(parts))
        }
    };
    response.body(body).unwrap()
}

/// A server that follows a script, a client for it, and the ledger.
struct World {
    script: Script,
    client: Client,
    meter: Arc<Meter>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl World {
    async fn new(steps: impl IntoIterator<Item = Step>) -> World {
        World::with(steps, None, |_| {}).await
    }

    async fn with(
        steps: impl IntoIterator<Item = Step>,
        limit_usd: Option<f64>,
        change: impl FnOnce(&mut Settings),
    ) -> World {
        let script = Script::default();
        script.0.lock().unwrap().0.extend(steps);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(follow).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let prices = Prices::new([("m".to_owned(), Price::new(1.0, None, 1.0))]);
        let meter = Arc::new(Meter::new(prices, limit_usd));
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let mut settings = settings(&base_url);
        settings.on_event = Some(Arc::new(move |event| log.lock().unwrap().push(event)));
        change(&mut settings);
        World { script, client: Client::new(settings, Arc::clone(&meter)).unwrap(), meter, events }
    }

    async fn ask(&self) -> Result<Reply, LlmError> {
        self.client.complete(&request()).await
    }

    fn requests(&self) -> usize {
        self.script.0.lock().unwrap().1.len()
    }

    /// A part of each request that was seen.
    fn seen<T>(&self, part: impl Fn(&Seen) -> T) -> Vec<T> {
        self.script.0.lock().unwrap().1.iter().map(part).collect()
    }

    fn formats(&self) -> Vec<Value> {
        self.seen(|seen| seen.body["response_format"]["type"].clone())
    }
}

/// Asks once; expects the number of requests that were sent, and `ok` or the kind of error with a part of its text.
#[track_caller]
fn check(steps: impl IntoIterator<Item = Step>, requests: usize, kind: &str, text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(steps).await;
        let (found, message) = match world.ask().await {
            Ok(reply) => ("ok", reply.text),
            Err(error) => {
                let kind = match error {
                    LlmError::Split { .. } => "split",
                    LlmError::Stop(_) => "stop",
                    LlmError::Failed(_) => "failed",
                    LlmError::Busy(_) => "busy",
                    LlmError::OverLimit(_) => "over limit",
                };
                (kind, error.to_string())
            }
        };
        assert_eq!((found, world.requests()), (kind, requests), "{message}");
        assert!(message.contains(text), "{message}");
        let events = format!("{:?}", world.events.lock().unwrap());
        for shown in [&message, &events] {
            assert!(!shown.contains("secret") && !shown.contains("-4711") && !shown.contains("*4711"), "{shown}");
        }
        assert_eq!(world.meter.totals().requests, requests as u64);
    });
}

#[tokio::test]
async fn an_answer_comes_with_what_it_took() {
    let world = World::new([ok().header("x-request-id", "req_1")]).await;
    let reply = world.ask().await.unwrap();
    let usage = Usage {
        requests: 1,
        retries: 0,
        input_tokens: 400,
        cached_input_tokens: 100,
        output_tokens: 50,
        reasoning_tokens: 7,
    };
    let (text, asked, model) = ("{}".to_owned(), "m".to_owned(), "m-2026".to_owned());
    assert_eq!(reply, Reply { text, calls: Vec::new(), asked, model, usage });
    let spent = Spent { model: "m".to_owned(), usage, usd: Some(450.0 / 1e6), cached_saved_usd: Some(0.0) };
    assert_eq!(world.meter.by_model(), [spent]);
    let seen = world.seen(|seen| (seen.uri.to_string(), seen.headers["authorization"].clone(), seen.body.clone()));
    assert_eq!(seen[0].0, "/v1/chat/completions");
    assert_eq!(seen[0].1, format!("Bearer {KEY}"));
    assert_eq!(seen[0].2["response_format"]["json_schema"]["strict"], true);
    let events = world.events.lock().unwrap();
    assert_eq!((events[0].attempt, events[0].status, events[0].wait), (1, Some(200), None));
    assert_eq!(events[0].request_id.as_deref(), Some("req_1"));
}

#[tokio::test]
async fn azure_has_its_own_address_and_header() {
    let world = World::with([ok()], None, |settings| settings.provider = Provider::Azure).await;
    world.ask().await.unwrap();
    let seen = world.seen(|seen| (seen.uri.to_string(), seen.headers.clone()));
    assert_eq!(seen[0].0, "/v1/openai/deployments/m/chat/completions?api-version=2024-10-21");
    assert_eq!(seen[0].1["api-key"], KEY);
    assert!(!seen[0].1.contains_key("authorization"));
}

#[tokio::test]
async fn without_a_key_there_is_no_header() {
    let world = World::with([ok()], None, |settings| settings.api_key = None).await;
    world.ask().await.unwrap();
    assert_eq!(world.seen(|seen| seen.headers.contains_key("authorization")), [false]);
}

#[tokio::test]
async fn a_server_that_takes_no_schema_is_asked_more_simply_once() {
    let refusal = || error(400, "Not supported", "invalid_request_error", "response_format", Value::Null);
    let world = World::new([refusal(), refusal(), ok()]).await;
    let reply = world.ask().await.unwrap();
    assert_eq!((reply.usage.requests, reply.usage.retries), (3, 2));
    world.ask().await.unwrap();
    assert_eq!(world.formats(), [json!("json_schema"), json!("json_object"), Value::Null, Value::Null]);
    let systems = world.seen(|seen| seen.body["messages"][0]["content"].to_string().contains("JSON"));
    assert_eq!(systems, [false, true, true, true]);
}

#[tokio::test]
async fn an_invalid_schema_is_no_reason_to_fail() {
    let world = World::new([
        error(400, "Invalid schema for response_format 'review': In context=()", "t", "response_format", Value::Null),
        ok(),
    ]);
    let world = world.await;
    world.ask().await.unwrap();
    assert_eq!(world.formats(), [json!("json_schema"), json!("json_object")]);
}

#[tokio::test]
async fn parameters_that_are_refused_are_not_sent_again() {
    let refuse = |name: &str| error(400, "Unsupported", "invalid_request_error", name, json!("unsupported_parameter"));
    let steps = [refuse("max_completion_tokens"), refuse("temperature"), refuse("prompt_cache_key"), ok()];
    let world = World::new(steps).await;
    world.ask().await.unwrap();
    world.ask().await.unwrap();
    let bodies = world.seen(|seen| seen.body.clone());
    assert_eq!(bodies.len(), 5);
    for body in &bodies[3..] {
        assert_eq!(body["max_tokens"], 1000);
        for gone in ["max_completion_tokens", "temperature", "prompt_cache_key"] {
            assert_eq!(body.get(gone), None);
        }
        assert_eq!(body["response_format"]["type"], "json_schema");
    }
}

#[test]
fn what_may_pass_is_tried_again() {
    for status in [408, 409, 500, 502, 503, 504, 529] {
        check([step(status, ""), ok()], 2, "ok", "");
    }
    let limited = |message| error(429, message, "tokens", "", json!("rate_limit_exceeded"));
    check([limited("Rate limit reached. Please try again in 2ms."), ok()], 2, "ok", "");
    check(
        [error(429, "slow", "rate_limit_error", "", json!("slow_down")).header("retry-after-ms", "1"), ok()],
        2,
        "ok",
        "",
    );
    check([step(429, "{}").header("retry-after", "0.001"), ok()], 2, "ok", "");
    check([step(502, "<html><title>502 Bad Gateway</title></html>"), ok()], 2, "ok", "");
    check([step(200, "<!DOCTYPE html><title>Sign in</title>"), ok()], 2, "ok", "");
    check([step(200, r#"{"error":{"message":"overloaded","code":503}}"#), ok()], 2, "ok", "");
    check([Step { cut: Some(0), ..ok() }, ok()], 2, "ok", "");
    check([Step { cut: Some(20), ..ok() }, ok()], 2, "ok", "");
    check([error(400, "odd", "t", "", Value::Null).header("x-should-retry", "true"), ok()], 2, "ok", "");
}

#[test]
fn attempts_are_bounded() {
    check([step(500, "")], 3, "busy", "gave up after 3 attempts");
    check([step(200, "<html>")], 3, "failed", "no valid answer: a web page; gave up");
    check([step(503, "").header("x-should-retry", "false")], 1, "busy", "503");
    check([step(429, "").header("retry-after", "121")], 1, "busy", "121 s");
    check([step(429, "").header("retry-after", "30")], 1, "busy", "deadline");
}

#[test]
fn what_will_not_pass_stops_the_run() {
    let quota = |kind, code: Value| error(429, "You exceeded your current quota", kind, "", code);
    check([quota("insufficient_quota", Value::Null)], 1, "stop", "billing");
    check([quota("t", json!("credit_balance_exhausted"))], 1, "stop", "billing");
    let message = format!("Incorrect API key provided: {KEY}. Or sk-proj***4711.");
    check(
        [error(401, &message, "invalid_request_error", "", json!("invalid_api_key"))],
        1,
        "stop",
        "(401 invalid_api_key)",
    );
    check([step(401, "")], 1, "stop", "`OPENAI_API_KEY`");
    check([step(403, "")], 1, "stop", "denies access");
    check([error(404, "The model `m` does not exist", "t", "", json!("model_not_found"))], 1, "stop", "`--model`");
    check([error(404, "model \"m\" not found, try pulling it", "t", "", Value::Null)], 1, "stop", "`--model`");
    check([step(404, "<html>")], 1, "stop", "`--base-url`");
    let too_many = error(400, "max_tokens is too large: 9", "t", "max_completion_tokens", json!("invalid_value"));
    check([too_many], 1, "stop", "`max-output-tokens`");
}

#[tokio::test]
async fn after_a_stop_nothing_is_sent() {
    let world = World::new([step(401, ""), ok()]).await;
    let first = world.ask().await.unwrap_err();
    assert_eq!(world.ask().await.unwrap_err(), first);
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn what_is_found_out_about_a_model_says_nothing_of_another() {
    let missing = error(404, "The model `m` does not exist", "t", "", json!("model_not_found"));
    let refusal = error(400, "Not supported", "t", "response_format", Value::Null);
    let world = World::new([missing, refusal, ok(), ok(), step(401, "")]).await;
    let ask = |model: &str| {
        let request = Request { model: model.to_owned(), ..request() };
        let client = &world.client;
        async move { client.complete(&request).await.map(|reply| reply.text) }
    };
    let stopped = ask("m").await;
    assert!(matches!(&stopped, Err(LlmError::Stop(message)) if message.contains("`m`")));
    assert!(ask("second").await.is_ok());
    assert_eq!(ask("m").await, stopped, "and it is not asked again");
    assert!(ask("third").await.is_ok());
    assert_eq!(
        world.formats(),
        [json!("json_schema"), json!("json_schema"), json!("json_object"), json!("json_schema")]
    );
    assert!(ask("second").await.is_err());
    assert!(ask("third").await.is_err());
    assert_eq!(world.requests(), 5, "a refused key is refused for all models");
}

#[tokio::test]
async fn many_requests_at_once_step_down_together() {
    let refusal = error(400, "Not supported", "t", "response_format", Value::Null);
    let slow = |step: Step| Step { delay: Duration::from_millis(20), ..step };
    let world = World::new([slow(refusal.clone()), slow(refusal.clone()), slow(refusal), ok()]).await;
    let world = Arc::new(world);
    let asking = (0..3).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.ask().await })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(world.formats()[3..], ["json_object", "json_object", "json_object"].map(|format| json!(format)));
}

#[test]
fn what_is_too_long_is_to_be_split() {
    let message = "This model's maximum context length is 128000 tokens. However, …";
    check([error(400, message, "t", "messages", json!("context_length_exceeded"))], 1, "split", "too long");
    check([error(400, message, "t", "", Value::Null)], 1, "split", "too long");
    let message = "Request too large for m on tokens per min (TPM): Limit 30000, Requested 31538.";
    check([error(429, message, "tokens", "", json!("rate_limit_exceeded"))], 1, "split", "too long");
    check([step(413, "<html>")], 1, "split", "too long");
}

#[tokio::test]
async fn a_cut_answer_was_paid_for() {
    let world = World::new([step(200, answer(json!({"message": {"content": "{"}, "finish_reason": "length"})))]).await;
    assert!(matches!(world.ask().await, Err(LlmError::Split { what: TooLong::Answer, .. })));
    assert_eq!((world.meter.totals().input_tokens, world.meter.totals().output_tokens), (400, 50));
}

#[test]
fn an_answer_without_a_text_fails_and_was_paid_for() {
    let refusal = format!("I can't \u{1b}[1m help {KEY}");
    let answers = [
        (
            json!({"message": {"content": null, "refusal": refusal}, "finish_reason": "stop"}),
            "the model refused: I can't",
        ),
        (json!({"message": {"content": ""}, "finish_reason": "content_filter"}), "content filter"),
        (json!({"message": {"content": null}, "finish_reason": "stop"}), "no text"),
        (json!({"message": {"content": " "}, "finish_reason": "stop"}), "empty"),
    ];
    for (choice, text) in answers {
        check([step(200, answer(choice))], 1, "failed", text);
    }
    check([step(200, r#"{"choices":[]}"#)], 1, "failed", "no choices");
    let filtered = error(400, "The response was filtered", "", "prompt", json!("content_filter"));
    check([filtered], 1, "failed", "refused the content");
    check([error(400, "odd", "t", "", json!(400))], 1, "failed", "(400): odd");
    check([error(400, "odd", "t", "", json!(7))], 1, "failed", "(400 7): odd");
}

#[tokio::test]
async fn an_answer_that_does_not_say_what_it_took_is_estimated() {
    let world = World::new([step(200, r#"{"choices":[{"message":{"content":"123456"}}]}"#)]).await;
    let usage = world.ask().await.unwrap().usage;
    assert_eq!((usage.requests, usage.input_tokens, usage.output_tokens), (1, 500, 2));
    assert_eq!(world.meter.estimated_requests(), 1);
    assert_eq!(world.meter.usd(), Some(502.0 / 1e6));
}

#[tokio::test]
async fn requests_that_were_lost_may_have_been_billed() {
    let world = World::new([Step { cut: Some(5), ..ok() }, step(504, ""), ok()]).await;
    world.ask().await.unwrap();
    assert_eq!((world.meter.unconfirmed_requests(), world.meter.totals().retries), (2, 2));
    let world = World::new([step(500, ""), step(429, "").header("retry-after-ms", "1"), ok()]).await;
    world.ask().await.unwrap();
    assert_eq!(world.meter.unconfirmed_requests(), 0);
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up_at_the_deadline() {
    let hang = Step { delay: Duration::from_secs(30), ..ok() };
    let world = World::with([hang], None, |settings| settings.deadline = Instant::now() + Duration::from_millis(100));
    let world = world.await;
    assert!(matches!(world.ask().await, Err(LlmError::Busy(message)) if message.contains("`--deadline`")));
    assert!(matches!(world.ask().await, Err(LlmError::Busy(message)) if message.contains("`--deadline`")));
    assert_eq!((world.requests(), world.meter.unconfirmed_requests()), (1, 1));
}

#[tokio::test]
async fn a_slow_attempt_is_cut_and_repeated() {
    let slow = Step { delay: Duration::from_secs(30), ..ok() };
    let short = |settings: &mut Settings| settings.attempt_timeout = Duration::from_millis(50);
    World::with([slow.clone(), ok()], None, short).await.ask().await.unwrap();
    let short = |settings: &mut Settings| settings.read_timeout = Duration::from_millis(50);
    World::with([slow, ok()], None, short).await.ask().await.unwrap();
}

#[tokio::test]
async fn a_wait_for_one_request_is_a_wait_for_all() {
    let world = World::new([step(429, "").header("retry-after-ms", "300"), ok()]).await;
    let start = Instant::now();
    world.client.complete(&request()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300));
    let world = World::with([step(429, "").header("retry-after-ms", "300"), ok()], None, |s| s.max_attempts = 1).await;
    world.ask().await.unwrap_err();
    let start = Instant::now();
    world.ask().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_redirect_keeps_the_key_home() {
    let other = World::new([ok()]).await;
    let target = format!("http://{}/v1/chat/completions?token=abc", other.client.origin.trim_start_matches("http://"));
    for status in [301, 302, 307, 308] {
        let world = World::new([step(status, "").header("location", &target)]).await;
        let message = world.ask().await.unwrap_err().to_string();
        assert!(message.contains(&other.client.origin) && message.contains("`--base-url`"), "{message}");
        assert!(!message.contains("abc"), "{message}");
        assert!(world.client.models().await.unwrap_err().to_string().contains("redirects"));
    }
    assert_eq!(other.requests(), 0);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_stops_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let meter = Arc::new(Meter::new(Prices::default(), None));
    let client = Client::new(settings(&origin), Arc::clone(&meter)).unwrap();
    let LlmError::Stop(message) = client.models().await.unwrap_err().error else { panic!("no stop") };
    assert!(message.contains(&origin) && message.contains("`--base-url`"), "{message}");
    assert!(matches!(client.complete(&request()).await, Err(LlmError::Stop(_))));
    assert_eq!(meter.totals(), Usage::default(), "nothing was sent");
    assert_eq!(meter.unconfirmed_requests(), 0);
}

#[test]
fn a_body_without_end_is_not_read_to_the_end() {
    let mut endless = ok();
    endless.body = " ".repeat(9 * 1024 * 1024);
    check([endless], 1, "failed", "too large");
}

#[tokio::test]
async fn nothing_is_sent_over_the_limit() {
    let world = World::with([ok()], Some(0.001), |_| {}).await;
    assert!(matches!(world.ask().await, Err(LlmError::OverLimit(over)) if over.limit_usd == 0.001));
    assert_eq!(world.requests(), 0);
    let world = World::with([ok()], Some(0.002), |_| {}).await;
    world.ask().await.unwrap();
    world.ask().await.unwrap();
    assert!(matches!(world.ask().await, Err(LlmError::OverLimit(_))));
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn models_are_listed_without_cost() {
    let world =
        World::new([step(200, r#"{"data":[{"id":"a"},{"id":"b"}]}"#), step(401, ""), step(200, " <html>")]).await;
    assert_eq!(world.client.models().await.unwrap(), ["a", "b"]);
    let refused = world.client.models().await.unwrap_err();
    assert!(matches!(refused, NoList { status: Some(401), is_page: false, error: LlmError::Stop(_) }), "{refused:?}");
    let page = world.client.models().await.unwrap_err();
    assert_eq!((page.status, page.is_page), (Some(200), true));
    assert_eq!(world.seen(|seen| seen.uri.to_string()), ["/v1/models"; 3]);
    assert_eq!(world.meter.totals(), Usage::default());
}

#[tokio::test]
async fn events_tell_of_the_repeats() {
    let world = World::new([step(500, "").header("retry-after-ms", "1"), ok()]).await;
    world.ask().await.unwrap();
    let events = world.events.lock().unwrap();
    let told: Vec<_> = events.iter().map(|e| (e.attempt, e.status, e.wait.is_some(), e.error.is_some())).collect();
    assert_eq!(told, [(1, Some(500), true, true), (2, Some(200), false, false)]);
}

/// Asks once, with another model that may stand in; expects which was asked how often, and what came of it.
#[track_caller]
fn check_fallback(steps: impl IntoIterator<Item = Step>, asked: &[(&str, usize)], expected: Result<&str, &str>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::with(steps, None, |settings| settings.fallback_models = vec!["m".into(), "n".into()]).await;
        let found = world.ask().await;
        let mut models: Vec<(String, usize)> = Vec::new();
        for model in world.seen(|seen| seen.body["model"].as_str().unwrap_or_default().to_owned()) {
            match models.last_mut() {
                Some((last, count)) if *last == model => *count += 1,
                _ => models.push((model, 1)),
            }
        }
        let asked: Vec<(String, usize)> = asked.iter().map(|(model, count)| ((*model).to_owned(), *count)).collect();
        assert_eq!(models, asked);
        match (found, expected) {
            (Ok(reply), Ok(by)) => {
                assert_eq!(reply.asked, by);
                assert_eq!(world.client.detours().len(), usize::from(by != "m"));
                assert!(
                    world.meter.by_model().iter().any(|spent| spent.model == by && spent.usage.input_tokens == 400)
                );
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (found, expected) => panic!("{found:?} and not {expected:?}"),
        }
    });
}

#[test]
fn another_model_answers_where_one_is_missing_over_quota_or_overloaded() {
    let missing = || error(404, "The model `m` does not exist", "invalid_request_error", "", json!("model_not_found"));
    let quota = || error(429, "You exceeded your current quota", "insufficient_quota", "", json!("insufficient_quota"));
    check_fallback([ok()], &[("m", 1)], Ok("m"));
    check_fallback([missing(), ok()], &[("m", 1), ("n", 1)], Ok("n"));
    check_fallback([quota(), ok()], &[("m", 1), ("n", 1)], Ok("n"));
    check_fallback([step(503, ""), step(500, ""), step(429, ""), ok()], &[("m", 3), ("n", 1)], Ok("n"));
    // a wait that is too long for one attempt is one for another model
    check_fallback([step(429, "").header("retry-after", "3000"), ok()], &[("m", 1), ("n", 1)], Ok("n"));
    check_fallback([missing(), quota()], &[("m", 1), ("n", 1)], Err("no quota left"));
    check_fallback(
        [missing(), quota()],
        &[("m", 1), ("n", 1)],
        Err("and before that: the model server has no model `m`"),
    );
}

#[test]
fn no_other_model_is_asked_where_it_would_not_help() {
    let key = || error(401, "Incorrect API key", "invalid_request_error", "", json!("invalid_api_key"));
    let long = || error(400, "too long", "invalid_request_error", "", json!("context_length_exceeded"));
    check_fallback([key()], &[("m", 1)], Err("key"));
    check_fallback([long()], &[("m", 1)], Err("too long"));
    check_fallback([error(400, "bad", "invalid_request_error", "", json!(null))], &[("m", 1)], Err("bad"));
}

#[tokio::test]
async fn a_model_that_was_given_up_is_asked_last_for_a_while() {
    let steps = [step(503, ""), step(503, ""), step(503, ""), ok()];
    let world = World::with(steps, None, |settings| settings.fallback_models = vec!["n".into()]).await;
    assert_eq!(world.ask().await.unwrap().asked, "n");
    assert_eq!(world.ask().await.unwrap().asked, "n");
    assert_eq!(world.requests(), 5);
    let detours = world.client.detours();
    assert_eq!((detours.len(), detours[0].requests, detours[0].to.as_str()), (1, 2, "n"));
    assert!(detours[0].why.contains("(503)") && detours[0].why.contains("gave up after 3 attempts"), "{detours:?}");
}

#[tokio::test]
async fn a_model_gets_its_share_of_the_deadline() {
    let hang = Step { delay: Duration::from_secs(30), ..ok() };
    let world = World::with([hang, ok()], None, |settings| {
        settings.fallback_models = vec!["n".into()];
        settings.deadline = Instant::now() + Duration::from_millis(600);
    });
    let world = world.await;
    assert_eq!(world.ask().await.unwrap().asked, "n");
    assert!(world.client.detours()[0].why.contains("its share of the deadline"));
}
