//! The fixed phrases of what is posted, as the files of the languages have them.

use serde_json::Value;

use super::server::Request;

/// The parts of English phrases that stand in a text, as far as they are long enough to be nothing else.
pub fn english_in(text: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/phrases/en.toml");
    let phrases: toml::Table = std::fs::read_to_string(path).expect("a file").parse().expect("TOML");
    let mut parts = Vec::new();
    phrases.values().for_each(|value| collect(value, &mut parts));
    parts.retain(|part| part.matches(' ').count() > 1 && text.contains(part));
    parts
}

fn collect(value: &toml::Value, parts: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => parts.extend(text.split(['{', '}']).map(str::trim).map(str::to_owned)),
        toml::Value::Array(list) => list.iter().for_each(|value| collect(value, parts)),
        toml::Value::Table(table) => table.values().for_each(|value| collect(value, parts)),
        _ => {}
    }
}

/// All that requests to a host say to people.
pub fn said(requests: &[Request]) -> Vec<String> {
    let mut said = Vec::new();
    requests.iter().for_each(|request| texts("", &request.body, &mut said));
    said
}

fn texts(name: &str, value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) if matches!(name, "body" | "note" | "title" | "summary" | "message") => {
            said.push(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|value| texts(name, value, said)),
        Value::Object(object) => object.iter().for_each(|(name, value)| texts(name, value, said)),
        _ => {}
    }
}
