//! The published descriptions of the APIs, as a check on every request and every answer.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::server::lock;

/// One API's description, with its validators built as they are needed.
pub struct OpenApi {
    document: Value,
    validators: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

/// GitHub's REST API.
pub static GITHUB: LazyLock<OpenApi> =
    LazyLock::new(|| OpenApi::new(include_str!("../../fixtures/openapi/github.json")));

/// OpenAI's API.
pub static OPENAI: LazyLock<OpenApi> =
    LazyLock::new(|| OpenApi::new(include_str!("../../fixtures/openapi/openai.json")));

impl OpenApi {
    fn new(text: &str) -> OpenApi {
        OpenApi { document: serde_json::from_str(text).expect("the excerpt is JSON"), validators: Mutex::default() }
    }

    /// What is wrong with the body of a request to `method` `path` (a template of the description).
    pub fn request_problems(&self, method: &str, path: &str, body: &Value) -> Vec<String> {
        let pointer = format!("/paths/{}/{method}/requestBody/content/application~1json/schema", escape(path));
        let Some(schema) = self.document.pointer(&pointer) else {
            return match body {
                Value::Null => Vec::new(),
                _ => vec![format!("{method} {path} takes no body")],
            };
        };
        let mut problems = self.problems(&pointer, body);
        self.unknown_keys(schema, body, "", &mut problems);
        problems
    }

    /// What is wrong with the body of an answer with `status`; a status that the description leaves out has no rules.
    pub fn answer_problems(&self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let response = format!("/paths/{}/{method}/responses/{status}", escape(path));
        self.problems(&format!("{response}/content/application~1json/schema"), body)
    }

    /// The names of the properties that a request may have at its top.
    pub fn properties(&self, schema: &str) -> Vec<String> {
        let schema = &self.document["components"]["schemas"][schema];
        self.known_keys(schema).unwrap_or_default()
    }

    /// `given` with every other property that the component `name` requires, at its plainest: null where that is allowed.
    pub fn filled(&self, name: &str, given: Value) -> Value {
        let mut out = given;
        self.fill(&self.document["components"]["schemas"][name], &mut out);
        out
    }

    fn fill(&self, schema: &Value, out: &mut Value) {
        // What is null stays null.
        if !out.is_object() {
            return;
        }
        let schema = self.resolve(schema);
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let property = &schema["properties"][key];
            match out.get_mut(key) {
                Some(given) => self.fill(property, given),
                None => out[key] = self.plainest(key, property),
            }
        }
    }

    fn plainest(&self, key: &str, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        let options = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
        if let Some(options) = options {
            let null = options.iter().any(|option| option["type"] == "null");
            return if null { Value::Null } else { self.plainest(key, &options[0]) };
        }
        if let Some(value) = schema["enum"].get(0) {
            return value.clone();
        }
        match schema["type"].as_str() {
            Some("string") if key.ends_with("url") || key == "href" => json!(format!("https://github.test/{key}")),
            Some("string") if key.ends_with("_at") || key == "date" => json!("2026-01-01T00:00:00Z"),
            Some("string") => json!(""),
            Some("integer" | "number") => json!(0),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            Some("object") => {
                let mut out = json!({});
                self.fill(schema, &mut out);
                out
            }
            _ => Value::Null,
        }
    }

    fn problems(&self, pointer: &str, body: &Value) -> Vec<String> {
        match self.validator(pointer) {
            Some(found) => found.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect(),
            None => Vec::new(),
        }
    }

    fn validator(&self, pointer: &str) -> Option<Arc<Validator>> {
        let mut validators = lock(&self.validators);
        if let Some(known) = validators.get(pointer) {
            return known.clone();
        }
        let built = self.document.pointer(pointer).map(|_| {
            let mut schema = self.document.clone();
            schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
            schema["$ref"] = json!(format!("#{}", percent(pointer)));
            Arc::new(jsonschema::validator_for(&schema).expect("the excerpt is a schema"))
        });
        validators.insert(pointer.to_owned(), built.clone());
        built
    }

    /// The description leaves objects open; a request has no business with keys that it does not name.
    fn unknown_keys(&self, schema: &Value, body: &Value, at: &str, problems: &mut Vec<String>) {
        let schema = self.resolve(schema);
        match body {
            Value::Object(map) => {
                let Some(known) = self.known_keys(schema) else { return };
                for (key, value) in map {
                    match known.contains(key) {
                        true => self.unknown_keys(&schema["properties"][key], value, &format!("{at}/{key}"), problems),
                        false => problems.push(format!("{at}/{key}: not a property of the request")),
                    }
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| {
                self.unknown_keys(&schema["items"], item, &format!("{at}/{i}"), problems);
            }),
            _ => {}
        }
    }

    /// The properties of a schema that is an object, or all of whose parts are; `None` where anything goes.
    fn known_keys(&self, schema: &Value) -> Option<Vec<String>> {
        let schema = self.resolve(schema);
        if let Some(parts) = schema["allOf"].as_array() {
            let parts: Option<Vec<_>> = parts.iter().map(|part| self.known_keys(part)).collect();
            return parts.map(|parts| parts.concat());
        }
        schema["properties"].as_object().map(|map| map.keys().cloned().collect())
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let target = schema["$ref"].as_str().and_then(|to| self.document.pointer(to.trim_start_matches('#')));
        target.map_or(schema, |target| self.resolve(target))
    }
}

/// A key as a part of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer as a fragment of a URI: path templates have braces.
fn percent(pointer: &str) -> String {
    pointer.replace('{', "%7B").replace('}', "%7D")
}
