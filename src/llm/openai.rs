//! Chat Completions on the wire: requests and answers as values, without any sending.

use serde_json::{Value, json};

use super::error::{LlmError, TooLong, clean};
use super::transport::Endpoint;
use super::{Call, Request, Tool, ToolCall, Turn};
use crate::secret::Secret;
use crate::usage::{self, Usage};

/// How the answer's form is asked for, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// The server holds the model to the schema.
    JsonSchema,
    /// The server holds the model to JSON; the schema stands in the prompt.
    JsonObject,
    /// The schema stands in the prompt, and that is all.
    Plain,
}

/// What a server understands of a request. It starts with everything, and each refusal takes one thing away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// How the answer's form is asked for.
    pub format: Format,
    /// Whether the limit is called `max_completion_tokens`; else by its old name, `max_tokens`.
    pub max_completion_tokens: bool,
    /// Whether `temperature` is accepted.
    pub temperature: bool,
    /// Whether `prompt_cache_key` is accepted.
    pub cache_key: bool,
    /// Whether `tools` are accepted.
    pub tools: bool,
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect {
            format: Format::JsonSchema,
            max_completion_tokens: true,
            temperature: true,
            cache_key: true,
            tools: true,
        }
    }
}

impl Dialect {
    /// What is left after a request in this dialect met `error`; `None` where the error is about something else.
    pub fn after(self, error: &ApiError) -> Option<Dialect> {
        if !matches!(error.status, 400 | 422) || error.code.as_deref() == Some("context_length_exceeded") {
            return None;
        }
        if self.temperature && error.refuses("temperature") {
            return Some(Dialect { temperature: false, ..self });
        }
        if self.max_completion_tokens && error.refuses("max_completion_tokens") {
            return Some(Dialect { max_completion_tokens: false, ..self });
        }
        if self.cache_key && error.refuses("prompt_cache_key") {
            return Some(Dialect { cache_key: false, ..self });
        }
        if self.tools && error.refuses("tool") {
            return Some(Dialect { tools: false, ..self });
        }
        let format = match self.format {
            Format::JsonSchema => Format::JsonObject,
            Format::JsonObject => Format::Plain,
            Format::Plain => return None,
        };
        error.is_about_format().then_some(Dialect { format, ..self })
    }

    /// What both dialects have.
    pub fn common(self, other: Dialect) -> Dialect {
        Dialect {
            format: self.format.max(other.format),
            max_completion_tokens: self.max_completion_tokens && other.max_completion_tokens,
            temperature: self.temperature && other.temperature,
            cache_key: self.cache_key && other.cache_key,
            tools: self.tools && other.tools,
        }
    }
}

impl Call for Request {
    type Said = Said;

    const ENDPOINT: Endpoint = Endpoint::Chat;

    fn id(&self) -> &str {
        &self.id
    }

    fn about(&self) -> &str {
        &self.about
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn input_tokens(&self) -> u64 {
        self.input_tokens
    }

    fn output_limit(&self) -> u32 {
        output_limit(self)
    }

    fn encode(&self, dialect: Dialect) -> Value {
        encode(self, dialect)
    }

    fn decode(&self, status: u16, body: &[u8], key: Option<&Secret>) -> Result<Answer<Said>, ApiError> {
        decode(status, body, key)
    }
}

/// The body of a request.
pub fn encode(request: &Request, dialect: Dialect) -> Value {
    let known = usage::model(&request.model);
    let system = match dialect.format {
        Format::JsonSchema => request.system.clone(),
        Format::JsonObject | Format::Plain => with_schema(request),
    };
    let mut messages =
        vec![json!({"role": "system", "content": system}), json!({"role": "user", "content": request.user})];
    messages.extend(request.turns.iter().flat_map(|turn| messages_of(turn, dialect)));
    let mut body = json!({"model": request.model, "messages": messages});
    let reasons = known.is_some_and(|model| model.reasoning);
    if let Some(temperature) = request.temperature.filter(|_| dialect.temperature && !reasons) {
        body["temperature"] = shortest(temperature);
    }
    let limit = if dialect.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    body[limit] = output_limit(request).into();
    match dialect.format {
        Format::JsonSchema => {
            let schema = json!({"name": request.schema_name, "strict": true, "schema": *request.schema});
            body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
        }
        Format::JsonObject => body["response_format"] = json!({"type": "json_object"}),
        Format::Plain => {}
    }
    if !request.tools.is_empty() && dialect.tools {
        body["tools"] = request.tools.iter().map(function).collect();
        if !request.may_call {
            body["tool_choice"] = "none".into();
        }
    }
    if let Some(key) = request.cache_key.as_ref().filter(|_| dialect.cache_key) {
        body["prompt_cache_key"] = key.as_str().into();
    }
    body
}

/// A tool as a strict function.
fn function(tool: &Tool) -> Value {
    let property =
        |&(name, kind, about): &(&str, &str, &str)| (name.to_owned(), json!({"type": kind, "description": about}));
    let properties: serde_json::Map<String, Value> = tool.parameters.iter().map(property).collect();
    let required: Vec<&str> = tool.parameters.iter().map(|&(name, ..)| name).collect();
    let parameters =
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties});
    let function = json!({"name": tool.name, "description": tool.about, "strict": true, "parameters": parameters});
    json!({"type": "function", "function": function})
}

/// What the model called and what it was given; as plain text for a server that knows no tools any more.
fn messages_of(turn: &Turn, dialect: Dialect) -> Vec<Value> {
    if !dialect.tools {
        let results: Vec<&str> = turn.calls.iter().map(|(_, result)| result.as_str()).collect();
        return vec![json!({"role": "user", "content": results.join("\n\n")})];
    }
    let call = |(call, _): &(ToolCall, String)| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}});
    let calls: Vec<Value> = turn.calls.iter().map(call).collect();
    let mut messages = vec![json!({"role": "assistant", "content": null, "tool_calls": calls})];
    messages.extend(
        turn.calls.iter().map(|(call, result)| json!({"role": "tool", "tool_call_id": call.id, "content": result})),
    );
    messages
}

/// Tokens that the answer may have: what is asked for, or what the model can give where that is less.
pub fn output_limit(request: &Request) -> u32 {
    usage::output_limit(&request.model, request.max_output_tokens)
}

/// The system message with the schema as text, for servers that take none. The word JSON must be in it.
fn with_schema(request: &Request) -> String {
    format!(
        "{}\n\nAnswer with one JSON object and nothing else: no prose around it, no code fence. It must match this JSON Schema:\n{}",
        request.system.trim_end(),
        request.schema
    )
}

/// `0.1` as `0.1`: the direct way to a double writes 0.10000000149011612.
fn shortest(number: f32) -> Value {
    number.to_string().parse::<f64>().unwrap_or(f64::from(number)).into()
}

/// What an answer of a chat says: the text, and the calls of tools.
pub type Said = (String, Vec<ToolCall>);

/// An answer with status 200, which was paid for whether it can be used or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<S> {
    /// The model that answered, as the server names it; may be empty.
    pub model: String,
    /// What it took, with one request; `None` where the server does not say.
    pub usage: Option<Usage>,
    /// What it says, or why it says nothing: the model refused, a filter took it, it was cut.
    pub said: Result<S, LlmError>,
    /// Bytes of text in the answer, used or not.
    pub bytes: usize,
}

/// What a server says when it gives no answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status. Below 300: what came is no answer in this protocol.
    pub status: u16,
    /// The server's words, as they came: not fit to be shown before they are cleaned.
    pub message: String,
    /// `type`.
    pub kind: Option<String>,
    /// `code`, which some servers send as a number.
    pub code: Option<String>,
    /// The parameter that the error is about.
    pub param: Option<String>,
}

/// Reads the body of an HTTP answer. `key` is taken out of what the model says when it refuses.
///
/// # Errors
/// [`ApiError`] for a status other than 2xx, for a body that is no answer, and for an error inside a 200.
pub fn decode(status: u16, body: &[u8], key: Option<&Secret>) -> Result<Answer<Said>, ApiError> {
    let value = success(status, body)?;
    if value.get("choices").is_some_and(Value::is_array) {
        return Ok(answer_of(&value, key));
    }
    match value.get("error") {
        // Routers put the error of the server behind them into a 200, with its status as the code.
        Some(error) if !error.is_null() => {
            let behind = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
            Err(error_of(behind.filter(|code| (400..600).contains(code)).unwrap_or(500), &value))
        }
        _ => Err(ApiError { status, message: "no `choices` in the answer".to_owned(), ..ApiError::default() }),
    }
}

/// The JSON of an answer that is none of the server's errors.
///
/// # Errors
/// [`ApiError`] for a status other than 2xx, and for what is not JSON.
pub fn success(status: u16, body: &[u8]) -> Result<Value, ApiError> {
    let is_success = (200..300).contains(&status);
    match serde_json::from_slice::<Value>(body) {
        Err(_) => Err(ApiError { status, message: text_of(body, is_success), ..ApiError::default() }),
        Ok(value) if is_success => Ok(value),
        Ok(value) => Err(error_of(status, &value)),
    }
}

/// The names in the answer to `GET models`.
///
/// # Errors
/// [`ApiError`] as for [`decode`].
pub fn decode_models(status: u16, body: &[u8]) -> Result<Vec<String>, ApiError> {
    let value = success(status, body)?;
    let models = value.get("data").and_then(Value::as_array).ok_or_else(|| {
        let message = "no `data` in the list of models".to_owned();
        ApiError { status, message, ..ApiError::default() }
    })?;
    Ok(models.iter().filter_map(|model| text_at(model, "id")).collect())
}

fn answer_of(value: &Value, key: Option<&Secret>) -> Answer<Said> {
    let content = value.pointer("/choices/0/message/content").and_then(Value::as_str);
    let usage = value.get("usage").and_then(usage_of);
    Answer {
        model: clean(value.get("model").and_then(Value::as_str).unwrap_or_default(), key, 100),
        said: said(value, content, usage.as_ref(), key),
        usage,
        bytes: content.map_or(0, str::len),
    }
}

/// What the first choice says: a text, or calls of tools.
fn said(value: &Value, content: Option<&str>, usage: Option<&Usage>, key: Option<&Secret>) -> Result<Said, LlmError> {
    let calls = match value.pointer("/choices/0/finish_reason").and_then(Value::as_str) {
        // a call that was cut has no whole arguments
        Some("length" | "content_filter") => Vec::new(),
        _ => calls_of(value),
    };
    if calls.is_empty() {
        return Ok((content_of(value, content, usage, key)?, calls));
    }
    Ok((content.unwrap_or_default().to_owned(), calls))
}

fn calls_of(value: &Value) -> Vec<ToolCall> {
    let calls = value.pointer("/choices/0/message/tool_calls").and_then(Value::as_array);
    let call = |call: &Value| {
        let text = |path: &str| call.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let arguments = match call.pointer("/function/arguments") {
            Some(Value::String(text)) => text.clone(),
            // some servers send the object itself
            Some(other) => other.to_string(),
            None => String::new(),
        };
        Some(ToolCall { id: text("/id")?, name: text("/function/name")?, arguments })
    };
    calls.into_iter().flatten().filter_map(call).collect()
}

/// The text of the first choice. Only one that ended by itself is whole.
fn content_of(
    value: &Value,
    content: Option<&str>,
    usage: Option<&Usage>,
    key: Option<&Secret>,
) -> Result<String, LlmError> {
    let failed = |reason: String| Err(LlmError::Failed(reason));
    let Some(choice) = value.pointer("/choices/0") else {
        return failed("the model server sent no choices".to_owned());
    };
    let refusal = choice.pointer("/message/refusal").and_then(Value::as_str).unwrap_or_default().trim();
    if !refusal.is_empty() {
        return failed(format!("the model refused: {}", clean(refusal, key, 200)));
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        // not the answer was too long: it never began, and would not for a smaller part either
        Some("length") if content.is_none_or(|text| text.trim().is_empty()) => {
            let count = usage.map_or(String::new(), |usage| format!("{} ", usage.output_tokens));
            return failed(format!(
                "the model used its {count}answer tokens for thinking\nhint: raise `max-output-tokens`"
            ));
        }
        Some("length") => {
            let message = "the answer was cut at the tokens it may have".to_owned();
            return Err(LlmError::Split { what: TooLong::Answer, message });
        }
        Some("content_filter") => return failed("the model server's content filter took the answer".to_owned()),
        _ => {}
    }
    match content {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Some(_) => failed("the model's answer is empty".to_owned()),
        None => failed("the model's answer has no text".to_owned()),
    }
}

/// A server's word about a batch, fit to be shown. Its answer had no key in it any more when it was read.
pub fn shown(text: &str) -> String {
    clean(text, None, 300)
}

/// `None` where the two numbers that are paid for are not both there.
fn usage_of(value: &Value) -> Option<Usage> {
    let number = |path: &str| value.pointer(path).and_then(Value::as_u64);
    Some(Usage {
        requests: 1,
        retries: 0,
        input_tokens: number("/prompt_tokens")?,
        cached_input_tokens: number("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        output_tokens: number("/completion_tokens")?,
        reasoning_tokens: number("/completion_tokens_details/reasoning_tokens").unwrap_or(0),
    })
}

/// The error in a JSON body: OpenAI's shape, or one of those that other servers use for the same.
fn error_of(status: u16, value: &Value) -> ApiError {
    let value = value.get(0).unwrap_or(value);
    let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
    let message = match error {
        Value::String(text) => text.clone(),
        _ => ["message", "detail", "msg", "error_description"]
            .iter()
            .find_map(|name| error.get(name).filter(|found| !found.is_null()))
            .map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned))
            .unwrap_or_default(),
    };
    ApiError {
        status,
        message,
        kind: text_at(error, "type"),
        code: text_at(error, "code"),
        param: text_at(error, "param"),
    }
}

/// A string, or a number as one.
fn text_at(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a body that is not JSON says: the title of a page, else its text.
fn text_of(body: &[u8], is_success: bool) -> String {
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim_start();
    let is_page = trimmed.starts_with('<');
    let title = || trimmed.split_once("<title>")?.1.split_once("</title>").map(|(title, _)| title.trim());
    match (is_page, title()) {
        (true, Some(title)) => format!("a web page, `{title}`"),
        (true, None) => "a web page".to_owned(),
        // The start of a broken answer is no message.
        (false, _) if is_success => "the body is not JSON".to_owned(),
        (false, _) => trimmed.to_owned(),
    }
}

impl ApiError {
    /// Whether the error is about the parameter `name`.
    pub fn names(&self, name: &str) -> bool {
        match &self.param {
            Some(param) => param == name || param.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')),
            None => self.message.contains(name),
        }
    }

    /// Whether the server does not want the parameter `name`, rather than its value out of a range.
    fn refuses(&self, name: &str) -> bool {
        const CODES: [&str; 4] = ["unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"];
        const WORDS: [&str; 9] = [
            "unsupported",
            "not support",
            "unrecognized",
            "unknown",
            "unexpected",
            "not permitted",
            "not allowed",
            "extra field",
            "extra input",
        ];
        let message = self.message.to_lowercase();
        self.names(name)
            && (CODES.iter().any(|code| self.code.as_deref() == Some(code))
                || WORDS.iter().any(|word| message.contains(word)))
    }

    /// Whether the server does not want the form of answer that was asked for, or our schema; servers word it freely.
    fn is_about_format(&self) -> bool {
        const WORDS: [&str; 8] = [
            "response_format",
            "response format",
            "json_schema",
            "json schema",
            "json_object",
            "structured output",
            "guided",
            "grammar",
        ];
        let message = self.message.to_lowercase();
        self.param.as_deref().is_some_and(|param| param.starts_with("response_format"))
            || WORDS.iter().any(|word| message.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::{ApiError, Dialect, Format, decode, decode_models, encode};
    use crate::llm::{LlmError, Request, TooLong};

    fn request(model: &str) -> Request {
        Request {
            id: "review/1/1".to_owned(),
            about: String::new(),
            turns: Vec::new(),
            tools: &[],
            may_call: false,
            model: model.to_owned(),
            system: "Be fair.".to_owned(),
            user: "The diff.".to_owned(),
            schema_name: "review",
            schema: Arc::new(json!({"type": "object"})),
            max_output_tokens: 4096,
            temperature: Some(0.1),
            input_tokens: 20,
            cache_key: None,
        }
    }

    #[test]
    fn a_request_asks_for_the_schema() {
        let expected = r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"Be fair."},{"role":"user","content":"The diff."}],"temperature":0.1,"max_completion_tokens":4096,"response_format":{"type":"json_schema","json_schema":{"name":"review","strict":true,"schema":{"type":"object"}}}}"#;
        assert_eq!(encode(&request("gpt-4o-mini"), Dialect::default()).to_string(), expected);
    }

    #[test]
    fn lower_rungs_put_the_schema_into_the_prompt() {
        for (format, expected) in [(Format::JsonObject, json!({"type": "json_object"})), (Format::Plain, json!(null))] {
            let body = encode(&request("m"), Dialect { format, max_completion_tokens: false, ..Dialect::default() });
            assert_eq!(body["response_format"], expected);
            assert_eq!(body["max_tokens"], 4096);
            assert_eq!(body.get("max_completion_tokens"), None);
            let system = body["messages"][0]["content"].as_str().unwrap();
            assert!(system.contains("JSON") && system.ends_with(r#"{"type":"object"}"#), "{system}");
        }
    }

    #[test]
    fn a_request_keeps_to_what_the_model_takes() {
        let body = encode(&Request { max_output_tokens: 1_000_000, ..request("gpt-4o-mini") }, Dialect::default());
        assert_eq!(body["max_completion_tokens"], 16_384);
        let body = encode(&request("gpt-5-mini-2025-08-07"), Dialect::default());
        assert_eq!(body.get("temperature"), None);
        let keyed = Request { cache_key: Some("k".to_owned()), ..request("m") };
        assert_eq!(encode(&keyed, Dialect::default())["prompt_cache_key"], "k");
        assert_eq!(encode(&keyed, Dialect { cache_key: false, ..Dialect::default() }).get("prompt_cache_key"), None);
    }

    /// Expects what is taken away: `format`, `limit`, `temperature`, `cache` or nothing.
    #[track_caller]
    fn check_step(status: u16, body: &str, expected: &str) {
        let error = decode(status, body.as_bytes(), None).unwrap_err();
        let full = Dialect::default();
        let taken = match full.after(&error) {
            None => "nothing",
            Some(left) if left.format != full.format => "format",
            Some(left) if !left.max_completion_tokens => "limit",
            Some(left) if !left.temperature => "temperature",
            Some(_) => "cache",
        };
        assert_eq!(taken, expected, "{body}");
    }

    #[test]
    fn refused_parameters_are_recognised() {
        check_step(400, r#"{"error":{"message":"Unsupported","param":"response_format","code":null}}"#, "format");
        check_step(400, r#"{"error":{"message":"bad","param":"response_format.type"}}"#, "format");
        check_step(
            400,
            r#"{"error":{"message":"Invalid schema for response_format 'review': In context=()"}}"#,
            "format",
        );
        check_step(422, r#"{"detail":"json_schema is not implemented"}"#, "format");
        check_step(400, r#"{"object":"error","message":"Structured output needs xgrammar","code":400}"#, "format");
        check_step(400, r#"{"error":"guided decoding is off"}"#, "format");
        let limit = r#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens' is not supported with this model.","param":"max_completion_tokens","code":"unsupported_parameter"}}"#;
        check_step(400, limit, "limit");
        check_step(
            422,
            r#"{"detail":[{"loc":["max_completion_tokens"],"msg":"Extra inputs are not permitted"}]}"#,
            "limit",
        );
        let temperature = r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.1 with this model.","param":"temperature","code":"unsupported_value"}}"#;
        check_step(400, temperature, "temperature");
        check_step(400, r#"{"error":{"message":"Unrecognized request argument supplied: prompt_cache_key"}}"#, "cache");
    }

    #[test]
    fn other_refusals_change_nothing() {
        check_step(
            400,
            r#"{"error":{"message":"max_tokens is too large: 9. This model supports at most 8","param":"max_completion_tokens","code":"invalid_value"}}"#,
            "nothing",
        );
        check_step(
            400,
            r#"{"error":{"message":"Invalid 'temperature': above maximum","param":"temperature","code":"decimal_above_max_value"}}"#,
            "nothing",
        );
        check_step(
            400,
            r#"{"error":{"message":"Your response_format is long","code":"context_length_exceeded"}}"#,
            "nothing",
        );
        check_step(500, r#"{"error":{"message":"response_format"}}"#, "nothing");
        check_step(400, "response", "nothing");
    }

    #[test]
    fn the_way_down_ends() {
        let error = ApiError { status: 400, message: "no response_format".to_owned(), ..ApiError::default() };
        let steps = std::iter::successors(Some(Dialect::default()), |dialect| dialect.after(&error));
        assert_eq!(
            steps.map(|d| d.format).collect::<Vec<_>>(),
            [Format::JsonSchema, Format::JsonObject, Format::Plain]
        );
    }

    #[track_caller]
    fn check_error(status: u16, body: &str, expected: (u16, &str, Option<&str>)) {
        let error = decode(status, body.as_bytes(), None).unwrap_err();
        assert_eq!((error.status, error.message.as_str(), error.code.as_deref()), expected, "{body}");
    }

    #[test]
    fn errors_of_all_shapes_are_read() {
        check_error(400, r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#, (400, "m", Some("c")));
        check_error(400, r#"{"error":{"message":"m","code":400}}"#, (400, "m", Some("400")));
        check_error(400, r#"{"error":{"message":"m","code":null}}"#, (400, "m", None));
        check_error(400, r#"{"error":{"message":7,"code":[]}}"#, (400, "7", None));
        check_error(400, r#"{"error":"m"}"#, (400, "m", None));
        check_error(400, r#"[{"error":{"message":"m"}}]"#, (400, "m", None));
        check_error(422, r#"{"detail":[{"msg":"m"}]}"#, (422, r#"[{"msg":"m"}]"#, None));
        check_error(500, "null", (500, "", None));
        check_error(500, "", (500, "", None));
        check_error(502, "<html><head><title>502 Bad Gateway</title>", (502, "a web page, `502 Bad Gateway`", None));
        check_error(502, "upstream died", (502, "upstream died", None));
        check_error(200, "<!DOCTYPE html>", (200, "a web page", None));
        check_error(200, r#"{"id":"x","choi"#, (200, "the body is not JSON", None));
        check_error(200, "{}", (200, "no `choices` in the answer", None));
        check_error(200, r#"{"error":{"message":"m","code":429}}"#, (429, "m", Some("429")));
        check_error(200, r#"{"error":{"message":"m"}}"#, (500, "m", None));
        check_error(500, "\u{0}\u{ff}", (500, "\u{0}\u{ff}", None));
    }

    fn answer(message: &str, finish: &str) -> String {
        format!(r#"{{"choices":[{{"message":{message},"finish_reason":"{finish}"}}]}}"#)
    }

    #[track_caller]
    fn check_text(body: &str, expected: Result<&str, &str>) {
        let text =
            decode(200, body.as_bytes(), None).unwrap().said.map(|(text, _)| text).map_err(|error| error.to_string());
        assert_eq!(text.as_deref().map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn only_whole_answers_have_a_text() {
        check_text(&answer(r#"{"content":"{}"}"#, "stop"), Ok("{}"));
        check_text(r#"{"choices":[{"message":{"content":"{}","refusal":""}}]}"#, Ok("{}"));
        check_text(&answer(r#"{"content":"x","refusal":"I\u001b can't"}"#, "stop"), Err("the model refused: I can't"));
        check_text(&answer(r#"{"content":""}"#, "stop"), Err("the model's answer is empty"));
        check_text(&answer(r#"{"content":null}"#, "tool_calls"), Err("the model's answer has no text"));
        check_text(&answer("7", "stop"), Err("the model's answer has no text"));
        check_text(
            &answer(r#"{"content":"x"}"#, "content_filter"),
            Err("the model server's content filter took the answer"),
        );
        check_text(r#"{"choices":[]}"#, Err("the model server sent no choices"));
        let cut = decode(200, answer(r#"{"content":"{"}"#, "length").as_bytes(), None).unwrap().said;
        assert!(matches!(cut, Err(LlmError::Split { what: TooLong::Answer, .. })));
    }

    #[test]
    fn an_answer_that_was_all_thinking_is_not_split() {
        let hint = "answer tokens for thinking\nhint: raise `max-output-tokens`";
        let usage = r#","usage":{"prompt_tokens":9,"completion_tokens":4096}}"#;
        for message in [r#"{"content":""}"#, r#"{"content":" \n"}"#, r#"{"content":null}"#, "{}"] {
            let body = answer(message, "length");
            check_text(&body, Err(&format!("the model used its {hint}")));
            let billed = format!("{}{usage}", body.strip_suffix('}').unwrap());
            check_text(&billed, Err(&format!("the model used its 4096 {hint}")));
        }
    }

    #[test]
    fn usage_is_read_or_unknown() {
        let usage =
            |usage: &str| decode(200, format!(r#"{{"choices":[],"usage":{usage}}}"#).as_bytes(), None).unwrap().usage;
        let full = usage(r#"{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}"#).unwrap();
        assert_eq!(
            (full.input_tokens, full.cached_input_tokens, full.output_tokens, full.reasoning_tokens),
            (9, 4, 5, 2)
        );
        assert_eq!(usage(r#"{"prompt_tokens":9,"completion_tokens":5}"#).unwrap().cached_input_tokens, 0);
        for unknown in ["null", "{}", r#"{"prompt_tokens":9}"#, r#"{"prompt_tokens":-1,"completion_tokens":5}"#] {
            assert_eq!(usage(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn models_are_listed() {
        assert_eq!(decode_models(200, br#"{"data":[{"id":"a"},{"id":7},{},{"id":"b"}]}"#).unwrap(), ["a", "7", "b"]);
        assert_eq!(decode_models(200, b"{}").unwrap_err().status, 200);
        assert_eq!(decode_models(401, br#"{"error":{"message":"m"}}"#).unwrap_err().message, "m");
        assert_eq!(decode_models(502, b"<html>").unwrap_err().status, 502);
    }
}
