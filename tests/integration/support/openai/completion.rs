//! An answer of the script as the API sends it.

use serde_json::{Value, json};

use super::models::Model;
use super::script::Answer;
use super::{State, tokens};
use crate::support::openapi::OPENAI;
use crate::support::server::{Reply, Request, Wire};

/// The one choice of a completion.
struct Choice {
    content: Option<String>,
    refusal: Option<String>,
    finish: &'static str,
}

impl Choice {
    fn text(text: impl Into<String>) -> Choice {
        Choice { content: Some(text.into()), refusal: None, finish: "stop" }
    }

    fn json(&self) -> Value {
        let message = json!({"role": "assistant", "content": self.content, "refusal": self.refusal, "annotations": []});
        json!({"index": 0, "message": message, "logprobs": null, "finish_reason": self.finish})
    }
}

impl State {
    pub(super) fn complete(
        &mut self,
        answer: Answer,
        body: &Value,
        model: &Model,
        prompt: Vec<u32>,
        request: &Request,
        violations: &mut Vec<String>,
    ) -> Reply {
        let choice = match answer {
            Answer::Json(value) => fitting(value, body, violations),
            Answer::With(make) => fitting(make(request), body, violations),
            Answer::Text(text) => Choice::text(text),
            Answer::Cut(text) => Choice { finish: "length", ..Choice::text(text) },
            Answer::Refusal(text) => Choice { content: None, refusal: Some(text), finish: "stop" },
            Answer::Filtered => Choice { finish: "content_filter", ..Choice::text("") },
            Answer::Null => Choice { content: None, refusal: None, finish: "stop" },
            Answer::NoChoices => return self.send(None, body, model, prompt, violations),
            Answer::Raw { status, headers, body } => return raw(status, headers, body),
            Answer::Html(status) => return Reply::html(status),
            Answer::Hang => return Reply::on_the_wire(Wire::Hang),
            Answer::Reset => return Reply::on_the_wire(Wire::Reset),
            Answer::Truncated => {
                let whole = self.send(Some(Choice::text("{}")), body, model, prompt, violations);
                return Reply { wire: Wire::Truncated, ..whole };
            }
            Answer::Bytes { headers, body } => {
                let reply = Reply::bytes(200, "application/json", body);
                return headers.into_iter().fold(reply, |reply, (name, value)| reply.header(&name, value));
            }
            Answer::Over(wire, answer) => {
                let reply = self.complete(*answer, body, model, prompt, request, violations);
                return Reply { wire, ..reply };
            }
            Answer::Late(delay, answer) => {
                let reply = self.complete(*answer, body, model, prompt, request, violations);
                return Reply { delay: reply.delay + delay, ..reply };
            }
        };
        self.send(Some(choice), body, model, prompt, violations)
    }

    /// A completion with its bill, whole or as a stream.
    fn send(
        &mut self,
        choice: Option<Choice>,
        body: &Value,
        model: &Model,
        prompt: Vec<u32>,
        violations: &mut Vec<String>,
    ) -> Reply {
        let said = choice.iter().flat_map(|choice| choice.content.iter().chain(&choice.refusal));
        let thought = self.script.reasoning_tokens;
        let (input, output) = (prompt.len(), said.map(|text| tokens::encode(text).len()).sum::<usize>() + thought);
        let cached = self.cache.hit(&model.name, prompt);
        let usage = json!({
            "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": thought, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
            },
        });
        let id = format!("chatcmpl-{:08}", self.answered);
        let head = json!({"id": id, "object": "chat.completion", "created": 1_790_000_000, "model": model.snapshot});
        if body["stream"] == Value::Bool(true) {
            return stream(choice, head, usage, body);
        }
        let mut answer = head;
        answer["choices"] = json!(choice.iter().map(Choice::json).collect::<Vec<_>>());
        answer["usage"] = usage;
        answer["service_tier"] = json!("default");
        answer["system_fingerprint"] = json!("fp_test");
        violations.extend(OPENAI.answer_problems("post", "/chat/completions", 200, &answer));
        Reply::json(200, &answer)
    }
}

/// The model's JSON, which strict mode promises to fit: a script that breaks the promise is wrong.
fn fitting(value: Value, body: &Value, violations: &mut Vec<String>) -> Choice {
    let schema = &body["response_format"]["json_schema"]["schema"];
    if let Ok(validator) = jsonschema::validator_for(schema)
        && schema.is_object()
    {
        let problems = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path()));
        violations.extend(
            problems.map(|problem| format!("the script's answer does not fit the schema asked for: {problem}")),
        );
    }
    Choice::text(value.to_string())
}

/// An answer that no model gives.
pub(super) fn by_hand(answer: Answer) -> Reply {
    match answer {
        Answer::Raw { status, headers, body } => raw(status, headers, body),
        Answer::Html(status) => Reply::html(status),
        Answer::Hang => Reply::on_the_wire(Wire::Hang),
        _ => Reply::on_the_wire(Wire::Reset),
    }
}

fn raw(status: u16, headers: Vec<(String, String)>, body: String) -> Reply {
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut reply =
        Reply::bytes(status, content_type.map_or("application/json", |(_, value)| value), body.into_bytes());
    reply.headers.extend(headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")));
    reply
}

/// Server-sent events: the role, the content in pieces, the reason of the end, the bill where it was asked for.
fn stream(choice: Option<Choice>, mut head: Value, usage: Value, body: &Value) -> Reply {
    head["object"] = json!("chat.completion.chunk");
    let billed = body["stream_options"]["include_usage"] == Value::Bool(true);
    let mut events = Vec::new();
    let mut event = |choices: Value, usage: Value| {
        let mut chunk = head.clone();
        chunk["choices"] = choices;
        if billed {
            chunk["usage"] = usage;
        }
        events.push(chunk.to_string());
    };
    let piece =
        |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    if let Some(choice) = choice {
        event(piece(json!({"role": "assistant", "content": ""}), Value::Null), Value::Null);
        let key = if choice.refusal.is_some() { "refusal" } else { "content" };
        let text: Vec<char> = choice.refusal.or(choice.content).unwrap_or_default().chars().collect();
        for part in text.chunks(24) {
            event(piece(json!({key: part.iter().collect::<String>()}), Value::Null), Value::Null);
        }
        event(piece(json!({}), json!(choice.finish)), Value::Null);
    }
    if billed {
        event(json!([]), usage);
    }
    events.push("[DONE]".to_owned());
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Reply::bytes(200, "text/event-stream; charset=utf-8", text.into_bytes())
}
