//! The JSON Schema of `.prudence.toml`, made of the table of keys.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Kind};

/// The schema (draft 2020-12). `known_checks` are the rules that `[checks]` may name.
pub fn schema(known_checks: &[&str]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ".prudence.toml",
        "description": "Configuration of Prudence, a code reviewer for CI.",
        "type": "object",
        "properties": properties(keys::ALL, known_checks),
        "additionalProperties": false,
    })
}

fn properties(keys: &[&Key], known_checks: &[&str]) -> Map<String, Value> {
    keys.iter().map(|key| (key.name.to_owned(), property(key, known_checks))).collect()
}

fn property(key: &Key, known_checks: &[&str]) -> Value {
    let mut property = kind(&key.kind, known_checks);
    property.insert("description".to_owned(), key.about.into());
    if let Some(default) = key.default.and_then(|text| serde_json::from_str(text).ok()) {
        property.insert("default".to_owned(), default);
    }
    Value::Object(property)
}

fn kind(kind: &Kind, known_checks: &[&str]) -> Map<String, Value> {
    let table = |keys: &[&Key], required: &[&Key]| {
        let required: Vec<&str> = required.iter().map(|key| key.name).collect();
        let properties = properties(keys, known_checks);
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    };
    let schema = match kind {
        Kind::Text | Kind::Prose | Kind::Glob => json!({"type": "string"}),
        Kind::Url => json!({"type": "string", "pattern": "^\\s*(https?://\\S+)?\\s*$"}),
        Kind::Language => {
            json!({"type": "string", "maxLength": 35, "pattern": "^([A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*)?$"})
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Dollars | Kind::Limit => json!({"type": "number", "minimum": 0}),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Texts | Kind::Globs => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Table(keys) => table(keys, &[]),
        Kind::Tables(keys) => json!({"type": "array", "items": table(keys, &[&keys::PATHS_GLOB])}),
        Kind::Named(keys) => {
            let entry = table(keys, &[&keys::PRICES_INPUT, &keys::PRICES_OUTPUT]);
            json!({"type": "object", "additionalProperties": entry})
        }
        Kind::Checks => {
            let rules: Map<String, Value> =
                known_checks.iter().map(|rule| ((*rule).to_owned(), json!({"type": "boolean"}))).collect();
            json!({"type": "object", "properties": rules, "additionalProperties": false})
        }
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}
