//! The JSON Schema of `.prudence.toml`, made of the table of keys.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Kind};

/// Where the schema of the newest version is, for editors: `schema/prudence.json` of the repository.
pub const URL: &str = "https://raw.githubusercontent.com/prudence-review/prudence/main/schema/prudence.json";

/// The schema (draft 2020-12). `known_checks` are the rules that `[checks]` may name.
pub fn schema(known_checks: &[&str]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": URL,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{file, layer::Layer};

    const CHECKS: &[&str] = &["secrets"];

    /// Whether the parser and the schema take a document; they must agree.
    #[track_caller]
    fn check(text: &str, expected: bool) {
        let parsed = file::parse(file::NAME, text.as_bytes(), CHECKS);
        assert_eq!(parsed.is_ok(), expected, "the parser on {text:?}: {parsed:?}");
        let document: Value = toml::from_str(text).unwrap();
        assert_eq!(jsonschema::is_valid(&schema(CHECKS), &document), expected, "the schema on {text:?}");
    }

    /// A document with one key of a table, the least that the table needs beside it.
    fn document(table: &[&Key], key: &Key, value: &str) -> String {
        let beside = |needed: &[&Key]| {
            needed.iter().filter(|n| n.name != key.name).map(|n| format!("{} = {}\n", n.name, n.example())).collect()
        };
        let (head, beside): (&str, String) = match table {
            [first, ..] if first.name == "drafts" => ("[skip]\n", String::new()),
            [first, ..] if first.name == "glob" => ("[[paths]]\n", beside(&[&keys::PATHS_GLOB])),
            [first, ..] if first.name == "input" => {
                ("[prices.m]\n", beside(&[&keys::PRICES_INPUT, &keys::PRICES_OUTPUT]))
            }
            _ => ("", String::new()),
        };
        format!("{head}{beside}{} = {value}\n", key.name)
    }

    #[test]
    fn the_schema_is_one() {
        assert!(jsonschema::draft202012::meta::is_valid(&schema(CHECKS)));
    }

    #[test]
    fn every_key_is_taken_by_both_and_a_wrong_type_by_none() {
        for table in [keys::ALL, keys::SKIP_KEYS, keys::PATHS_KEYS, keys::PRICES_KEYS] {
            for key in table.iter().filter(|key| !key.example().contains('…')) {
                check(&document(table, key, key.example()), true);
            }
            for key in table.iter() {
                check(&document(table, key, "[[1]]"), false);
            }
            check(&document(table, &keys::AZURE_API_VERSION, "'x'"), false);
        }
    }

    #[test]
    fn both_agree_on_tables_and_ranges() {
        for text in [
            "",
            "skip = {}",
            "paths = []",
            "[[paths]]\nglob = 'a'",
            "[prices.\"a b\"]\ninput = 0\noutput = 1.5",
            "[checks]\nsecrets = false",
            "concurrency = 64",
            "max-cost-usd = 0",
            "language = 'pt-BR'",
            "base-url = ''",
        ] {
            check(text, true);
        }
        for text in [
            "[[paths]]\ninstructions = 'a'",
            "[prices.m]\ninput = 1",
            "[checks]\nother = true",
            "concurrency = 65",
            "chunk-tokens = 199",
            "max-cost-usd = -0.5",
            "language = 'e n'",
            "base-url = 'ftp://h'",
            "fail-on = 'Major'",
            "min-severity = 'never'",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn the_defaults_are_those_of_an_empty_configuration() {
        let all: String = keys::ALL
            .iter()
            .filter_map(|key| key.default.map(|default| format!("{} = {default}\n", key.name)))
            .collect();
        let written = file::parse(file::NAME, all.as_bytes(), CHECKS).unwrap().resolve().0;
        assert_eq!(written, Layer::default().resolve().0);
        let skip: String = keys::SKIP_KEYS.iter().map(|k| format!("{} = {}\n", k.name, k.default.unwrap())).collect();
        let skip = file::parse(file::NAME, format!("[skip]\n{skip}").as_bytes(), CHECKS).unwrap().resolve().0;
        assert_eq!(skip.skip, written.skip);
        for key in keys::ALL.iter().filter(|key| key.default.is_some()) {
            assert!(schema(CHECKS)["properties"][key.name].get("default").is_some(), "{}", key.name);
        }
    }
}
