//! The double of OpenAI.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{self, Answer as Got};
use crate::support::openai::{Answer, KEY, Model, OpenAi, Script, finding, verdict};

/// A strict schema with one list of objects.
fn schema() -> Value {
    let finding = json!({
        "type": "object", "additionalProperties": false, "required": ["path", "line"],
        "properties": {"path": {"type": "string"}, "line": {"type": "integer"}},
    });
    json!({
        "type": "object", "additionalProperties": false, "required": ["findings"],
        "properties": {"findings": {"type": "array", "items": finding}},
    })
}

fn format(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "review", "strict": true, "schema": schema}})
}

/// A request that is right.
fn request() -> Value {
    let messages =
        json!([{"role": "system", "content": "You review code."}, {"role": "user", "content": "Look at src/a.rs."}]);
    json!({"model": "gpt-4o-mini", "messages": messages})
}

fn with(changes: Value) -> Value {
    let mut body = request();
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn chat(openai: &OpenAi, body: &Value) -> Got {
    let authorization = format!("Bearer {KEY}");
    client::send("POST", &format!("{}/chat/completions", openai.url), &[("authorization", &authorization)], body)
        .unwrap()
}

#[track_caller]
fn refuses(changes: Value, status: u16, code: Value, message: &str) {
    let openai = OpenAi::start(Script::new());
    let got = chat(&openai, &with(changes));
    let error = &got.json()["error"];
    assert_eq!((got.status, &error["code"]), (status, &code), "{}", got.text);
    let said = error["message"].as_str().unwrap();
    assert!(said.contains(message), "{said}");
}

#[test]
fn a_wrong_key_is_echoed_with_its_middle_hidden() {
    let openai = OpenAi::start(Script::new());
    let url = format!("{}/chat/completions", openai.url);
    let ask = |headers: &[(&str, &str)]| client::send("POST", &url, headers, &request()).unwrap();
    let wrong = ask(&[("authorization", "Bearer sk-wrong-0123456789")]);
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert!(wrong.text.contains("Incorrect API key provided: sk-wrong*******6789. You can find"), "{}", wrong.text);
    assert_eq!(ask(&[]).status, 401);
    assert_eq!(openai.requests()[0].status, 401);
}

#[test]
fn a_local_server_asks_for_no_key() {
    let openai = OpenAi::start(Script::new().needs_no_key());
    assert_eq!(client::send("GET", &format!("{}/models", openai.url), &[], &Value::Null).unwrap().status, 200);
}

#[test]
fn models_are_listed() {
    let openai = OpenAi::start(Script::new().model(Model::new("my-model", 1000, 100)));
    let authorization = format!("Bearer {KEY}");
    let headers = [("authorization", authorization.as_str())];
    let get = |path: &str| client::send("GET", &format!("{}{path}", openai.url), &headers, &Value::Null).unwrap();
    assert_eq!(get("/models").json()["data"][0]["id"], "my-model");
    assert_eq!(get("/models/gpt-4o").status, 200);
    assert_eq!(get("/models/nope").status, 404);
    assert_eq!(get("/nothing").status, 404);
}

#[test]
fn wrong_requests_are_refused() {
    let bad = |changes, code: Option<&str>, message| refuses(changes, 400, json!(code), message);
    refuses(json!({"model": "nope"}), 404, json!("model_not_found"), "The model `nope` does not exist");
    bad(json!({"max_token": 1}), None, "Unrecognized request argument supplied: max_token");
    bad(json!({"stream_options": {"include_usage": true}}), None, "only allowed when 'stream' is enabled");
    bad(json!({"max_tokens": 100_000}), Some("invalid_value"), "max_tokens is too large: 100000");
    bad(json!({"reasoning_effort": "low"}), None, "Unrecognized request argument supplied: reasoning_effort");
    bad(json!({"response_format": {"type": "json_object"}}), None, "must contain the word 'json'");
}

#[test]
fn reasoning_models_refuse_what_they_do_not_know() {
    let on = |changes: Value, code, message| {
        let mut changes = changes;
        changes["model"] = json!("gpt-5-mini");
        refuses(changes, 400, json!(code), message);
    };
    let message =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    on(json!({"max_tokens": 10}), "unsupported_parameter", message);
    let message = "Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is supported.";
    on(json!({"temperature": 0.1}), "unsupported_value", message);
}

#[test]
fn schemas_that_strict_mode_does_not_take_are_refused() {
    let check = |change: &dyn Fn(&mut Value), message: &str| {
        let mut schema = schema();
        change(&mut schema);
        let message = format!("Invalid schema for response_format 'review': {message}");
        refuses(json!({"response_format": format(&schema)}), 400, Value::Null, &message);
    };
    check(
        &|s| s["type"] = json!("array"),
        "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'.",
    );
    check(
        &|s| drop(s["properties"]["findings"]["items"]["additionalProperties"].take()),
        "In context=('properties', 'findings', 'items'), 'additionalProperties' is required to be supplied and to be false.",
    );
    check(
        &|s| s["required"] = json!([]),
        "In context=(), 'required' is required to be supplied and to be an array including every key in properties. \
         Missing 'findings'.",
    );
    check(
        &|s| s["properties"]["findings"]["items"]["properties"]["line"]["default"] = json!(1),
        "In context=('properties', 'findings', 'items', 'properties', 'line'), 'default' is not permitted.",
    );
    check(
        &|s| s["properties"]["findings"] = json!({"type": "array"}),
        "In context=('properties', 'findings'), array schema",
    );
    check(
        &|s| s["properties"]["findings"] = json!({}),
        "In context=('properties', 'findings'), schema must have a 'type' key.",
    );
    check(
        &|s| {
            for _ in 0..10 {
                let inner = s.clone();
                *s = json!({"type": "object", "additionalProperties": false, "required": ["x"], "properties": {"x": inner}});
            }
        },
        "12 levels of nesting exceeds limit of 10.",
    );
    let unnamed = json!({"type": "json_schema", "json_schema": {"strict": true, "schema": schema()}});
    refuses(
        json!({"response_format": unnamed}),
        400,
        json!("missing_required_parameter"),
        "response_format.json_schema.name",
    );
}

#[test]
fn a_less_able_server_refuses_a_parameter() {
    let openai = OpenAi::start(Script::new().unsupported("response_format"));
    let got = chat(&openai, &with(json!({"response_format": format(&schema())})));
    assert_eq!(got.json()["error"]["code"], "unsupported_parameter");
}

#[test]
fn a_request_that_breaks_the_description_is_a_violation() {
    let openai = OpenAi::start(Script::new());
    assert_eq!(chat(&openai, &with(json!({"temperature": "cold"}))).status, 599);
    assert_eq!(chat(&openai, &with(json!({"messages": [{"role": "user"}]}))).status, 599);
    assert_eq!(openai.take_violations().len(), 2);
}

#[test]
fn tokens_are_counted_exactly() {
    let openai = OpenAi::start(Script::new().reasoning_tokens(5));
    let usage =
        chat(&openai, &with(json!({"messages": [{"role": "user", "content": "hello world"}]}))).json()["usage"].clone();
    // 3 for the message, 1 for its role, 2 for its text, 3 to start the answer.
    assert_eq!(usage["prompt_tokens"], 9);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 5);
    assert_eq!(usage["total_tokens"].as_u64().unwrap(), 9 + usage["completion_tokens"].as_u64().unwrap());
}

#[test]
fn a_shared_prefix_is_cached_in_steps() {
    let openai = OpenAi::start(Script::new());
    let ask = |end: &str| {
        let text = format!("{}{end}", "one two three ".repeat(400));
        let usage =
            chat(&openai, &with(json!({"messages": [{"role": "user", "content": text}]}))).json()["usage"].clone();
        usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
    };
    assert_eq!(ask("first"), 0);
    let cached = ask("second");
    assert!(cached >= 1024 && cached % 128 == 0, "{cached}");
}

#[test]
fn a_prompt_over_the_window_is_refused() {
    let openai = OpenAi::start(Script::new().model(Model::new("small", 40, 30)));
    let ask = |repeat: usize, cap: u64| {
        let messages = json!([{"role": "user", "content": "one ".repeat(repeat)}]);
        let got = chat(&openai, &with(json!({"model": "small", "messages": messages, "max_completion_tokens": cap})));
        (
            got.status,
            got.json()["error"]["message"].as_str().unwrap_or_default().to_owned(),
            got.json()["error"]["code"].clone(),
        )
    };
    assert_eq!(ask(5, 10).0, 200);
    let (status, message, code) = ask(100, 10);
    assert_eq!((status, code), (400, json!("context_length_exceeded")));
    assert!(message.contains("maximum context length is 40 tokens. However, your messages resulted in"), "{message}");
    assert!(ask(20, 30).1.contains("in the messages, 30 in the completion"));
}

#[test]
fn rules_answer_in_their_order_and_as_often_as_they_say() {
    let script = Script::new()
        .first(1, Answer::rate_limited(2))
        .when_times("src/a.rs", 1, Answer::Text("once".to_owned()))
        .when("src/a.rs", Answer::Text("then".to_owned()))
        .when_verifying("", Answer::verdicts(vec![verdict("1", "refuted", "x")]));
    let openai = OpenAi::start(script);
    let limited = chat(&openai, &request());
    assert_eq!((limited.status, limited.header("retry-after")), (429, "2"));
    let content =
        |body: &Value| chat(&openai, body).json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(content(&request()), "once");
    assert_eq!(content(&request()), "then");
    let other = content(&with(json!({"messages": [{"role": "user", "content": "src/b.rs"}]})));
    assert!(other.contains("\"findings\":[]"), "{other}");
    let verify = with(json!({"messages": [{"role": "user", "content": "give verdicts on src/a.rs"}]}));
    assert!(content(&verify).contains("refuted"));
    assert_eq!(openai.prompts().len(), 5);
}

#[test]
fn a_script_that_does_not_fit_the_schema_is_a_violation() {
    let script = Script::new().when("", Answer::findings(vec![finding("src/a.rs", 1, "x", json!({}))]));
    let openai = OpenAi::start(script);
    let got = chat(&openai, &with(json!({"response_format": format(&schema())})));
    assert_eq!(got.status, 200);
    assert!(openai.take_violations()[0].contains("the script's answer does not fit the schema asked for"));
}

#[test]
fn answers_fail_in_every_way() {
    let choice = |answer: Answer| {
        let openai = OpenAi::start(Script::new().always(answer));
        chat(&openai, &request()).json()["choices"][0].clone()
    };
    let cut = choice(Answer::cut());
    assert_eq!(cut["finish_reason"], "length");
    assert!(serde_json::from_str::<Value>(cut["message"]["content"].as_str().unwrap()).is_err());
    let refusal = choice(Answer::Refusal("no".to_owned()));
    assert_eq!((&refusal["message"]["refusal"], &refusal["message"]["content"]), (&json!("no"), &Value::Null));
    assert_eq!(choice(Answer::Filtered)["finish_reason"], "content_filter");
    assert_eq!(choice(Answer::Null)["message"]["content"], Value::Null);
    assert_eq!(choice(Answer::NoChoices), Value::Null);
    let status = |answer: Answer| {
        let openai = OpenAi::start(Script::new().always(answer));
        let got = chat(&openai, &request());
        (got.status, got.json()["error"]["type"].clone())
    };
    assert_eq!(status(Answer::Html(502)), (502, Value::Null));
    assert_eq!(status(Answer::quota()), (429, json!("insufficient_quota")));
    assert_eq!(status(Answer::too_large_for_rate()), (429, json!("tokens")));
    assert_eq!(status(Answer::server_error()), (500, json!("server_error")));
    assert_eq!(status(Answer::overloaded()), (503, json!("service_unavailable_error")));
    assert_eq!(status(Answer::Truncated), (200, Value::Null));
}

#[test]
fn a_connection_is_dropped_or_left_hanging() {
    let openai = OpenAi::start(Script::new().first(1, Answer::Reset).first(1, Answer::Hang));
    let url = format!("{}/chat/completions", openai.url);
    let authorization = format!("Bearer {KEY}");
    let ask = || client::send("POST", &url, &[("authorization", authorization.as_str())], &request());
    assert!(ask().is_err_and(|error| !error.is_timeout()));
    assert!(ask().is_err_and(|error| error.is_timeout()));
    assert_eq!(ask().unwrap().status, 200);
}

#[test]
fn an_answer_can_be_late() {
    let openai = OpenAi::start(Script::new().always(Answer::findings(Vec::new()).after(Duration::from_millis(300))));
    let start = Instant::now();
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(|| chat(&openai, &request())))));
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(openai.peak(), 3);
}

#[test]
fn a_stream_ends_with_the_bill() {
    let openai = OpenAi::start(Script::new());
    let got = chat(&openai, &with(json!({"stream": true, "stream_options": {"include_usage": true}})));
    let events: Vec<&str> = got.text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let bill: Value = serde_json::from_str(events[events.len() - 2]).unwrap();
    assert_eq!(bill["choices"], json!([]));
    assert!(bill["usage"]["total_tokens"].as_u64().unwrap() > 0);
    let content: String = events
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert!(serde_json::from_str::<Value>(&content).is_ok(), "{content}");
}

#[test]
fn an_azure_deployment_is_the_same_model() {
    let openai = OpenAi::start(Script::new());
    let url = format!("{}/openai/deployments/gpt-4o-mini/chat/completions", openai.azure_endpoint());
    let ask = |url: &str| client::send("POST", url, &[("api-key", KEY)], &request()).unwrap().status;
    assert_eq!(ask(&format!("{url}?api-version=2024-10-21")), 200);
    assert_eq!(ask(&url), 404);
}
