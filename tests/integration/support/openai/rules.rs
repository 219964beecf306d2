//! What the API refuses in a request, before any model sees it.

use serde_json::Value;

use super::models::Model;
use super::problem::Problem;
use super::{strict, tokens};
use crate::support::openapi::OPENAI;

/// Refuses bodies that are no request for a completion at all.
pub fn shape(body: &Value) -> Result<(), Problem> {
    let Some(map) = body.as_object() else {
        let text = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
                    library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
        return Err(Problem::bad(text));
    };
    let known = OPENAI.properties("CreateChatCompletionRequest");
    if let Some(key) = map.keys().find(|key| !known.contains(key)) {
        return Err(Problem::bad(format!("Unrecognized request argument supplied: {key}")));
    }
    if !body["model"].is_string() {
        return Err(Problem::bad("you must provide a model parameter"));
    }
    if body.get("messages").is_none() {
        let problem = Problem::bad("Missing required parameter: 'messages'.");
        return Err(problem.code("missing_required_parameter").param("messages"));
    }
    Ok(())
}

/// Refuses parameters that this model does not take.
pub fn parameters(body: &Value, model: &Model, unsupported: &[String]) -> Result<(), Problem> {
    let given = |key: &str| body.get(key).is_some_and(|value| !value.is_null());
    let refuse = |key: &str| {
        let text = format!("Unsupported parameter: '{key}' is not supported with this model.");
        Problem::bad(text).code("unsupported_parameter").param(key)
    };
    if let Some(key) = unsupported.iter().find(|key| given(key)) {
        return Err(refuse(key));
    }
    if model.reasoning {
        reasoning_parameters(body)?;
    } else if given("reasoning_effort") {
        return Err(Problem::bad("Unrecognized request argument supplied: reasoning_effort"));
    }
    for key in ["max_completion_tokens", "max_tokens"] {
        let (cap, most) = (body[key].as_u64().unwrap_or(0), model.max_output);
        if cap > most as u64 {
            let text = format!(
                "max_tokens is too large: {cap}. This model supports at most {most} completion tokens, whereas you provided {cap}."
            );
            return Err(Problem::bad(text).code("invalid_value").param(key));
        }
    }
    if given("stream_options") && body["stream"] != Value::Bool(true) {
        let text = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Problem::bad(text).param("stream_options"));
    }
    Ok(())
}

fn reasoning_parameters(body: &Value) -> Result<(), Problem> {
    if !body["max_tokens"].is_null() {
        let text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(Problem::bad(text).code("unsupported_parameter").param("max_tokens"));
    }
    for key in ["temperature", "top_p"] {
        if let Some(value) = body[key].as_f64().filter(|value| *value != 1.0) {
            let text = format!(
                "Unsupported value: '{key}' does not support {value} with this model. Only the default (1) value is supported."
            );
            return Err(Problem::bad(text).code("unsupported_value").param(key));
        }
    }
    for key in ["presence_penalty", "frequency_penalty", "logit_bias"] {
        if !body[key].is_null() {
            let text = format!("Unsupported parameter: '{key}' is not supported with this model.");
            return Err(Problem::bad(text).code("unsupported_parameter").param(key));
        }
    }
    Ok(())
}

/// Refuses answers' formats that the API does not take.
pub fn format(body: &Value) -> Result<(), Problem> {
    let format = &body["response_format"];
    match format["type"].as_str() {
        Some("json_object") => json_object(body),
        Some("json_schema") => json_schema(&format["json_schema"]),
        _ => Ok(()),
    }
}

fn json_object(body: &Value) -> Result<(), Problem> {
    let mut messages = body["messages"].as_array().into_iter().flatten();
    if messages.any(|message| tokens::content(message).to_lowercase().contains("json")) {
        return Ok(());
    }
    let text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
    Err(Problem::bad(text).param("messages"))
}

fn json_schema(spec: &Value) -> Result<(), Problem> {
    let Some(name) = spec["name"].as_str() else {
        let problem = Problem::bad("Missing required parameter: 'response_format.json_schema.name'.");
        return Err(problem.code("missing_required_parameter").param("response_format.json_schema"));
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        let text = "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that matches \
                    the pattern '^[a-zA-Z0-9_-]+$'.";
        return Err(Problem::bad(text).code("invalid_value").param("response_format.json_schema.name"));
    }
    let problem = if spec["strict"] == Value::Bool(true) { strict::problem(&spec["schema"]) } else { None };
    let refuse =
        |text| Problem::bad(format!("Invalid schema for response_format '{name}': {text}")).param("response_format");
    problem.map_or(Ok(()), |text| Err(refuse(text)))
}

/// Refuses prompts that leave no room in the model's window.
pub fn window(body: &Value, model: &Model, prompt: usize) -> Result<(), Problem> {
    let limit = model.window;
    let start = format!("This model's maximum context length is {limit} tokens. However, ");
    let cap = ["max_completion_tokens", "max_tokens"].iter().find_map(|key| body[*key].as_u64()).unwrap_or(0) as usize;
    let text = if prompt > limit {
        format!("{start}your messages resulted in {prompt} tokens. Please reduce the length of the messages.")
    } else if prompt + cap > limit {
        let all = prompt + cap;
        format!(
            "{start}you requested {all} tokens ({prompt} in the messages, {cap} in the completion). Please reduce the length of \
             the messages or completion."
        )
    } else {
        return Ok(());
    };
    Err(Problem::bad(text).code("context_length_exceeded").param("messages"))
}
