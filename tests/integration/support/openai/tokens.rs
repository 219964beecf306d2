//! Exact token counts, and the cache of prompt prefixes.

use serde_json::Value;

/// Tokens that a message costs besides its text.
const PER_MESSAGE: usize = 3;
/// Tokens that start the answer.
const PRIMING: usize = 3;
/// The shortest prefix that is cached, and the step in which it grows.
const CACHE_MINIMUM: usize = 1024;
const CACHE_STEP: usize = 128;

/// The tokens of a text in `o200k_base`.
pub fn encode(text: &str) -> Vec<u32> {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text)
}

/// The tokens of a request, in their order; what stands for structure is a 0.
pub fn prompt(body: &Value) -> Vec<u32> {
    let format = &body["response_format"]["json_schema"]["schema"];
    let mut tokens = if format.is_null() { Vec::new() } else { encode(&format.to_string()) };
    for message in body["messages"].as_array().into_iter().flatten() {
        tokens.extend([0; PER_MESSAGE]);
        tokens.extend(encode(message["role"].as_str().unwrap_or_default()));
        tokens.extend(encode(&content(message)));
    }
    tokens.extend([0; PRIMING]);
    tokens
}

/// The text of a message, whether it is one string or a list of parts.
pub fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// Prompts that were answered, by model.
#[derive(Default)]
pub struct PrefixCache {
    seen: Vec<(String, Vec<u32>)>,
}

impl PrefixCache {
    /// How many tokens of this prompt were in the cache; then the prompt is in it too.
    pub fn hit(&mut self, model: &str, prompt: Vec<u32>) -> usize {
        let shared = |seen: &[u32]| seen.iter().zip(&prompt).take_while(|(a, b)| a == b).count();
        let same_model = self.seen.iter().filter(|(name, _)| name == model);
        let longest = same_model.map(|(_, seen)| shared(seen)).max().unwrap_or(0);
        self.seen.push((model.to_owned(), prompt));
        if longest < CACHE_MINIMUM { 0 } else { longest / CACHE_STEP * CACHE_STEP }
    }
}
