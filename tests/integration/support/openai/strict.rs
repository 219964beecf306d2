//! The rules for a schema in strict mode, in the words of the API.

use serde_json::Value;

const REFUSED: [&str; 15] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "default",
    "minLength",
    "maxLength",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];
const MAX_PROPERTIES: usize = 5000;
const MAX_ENUM_VALUES: usize = 1000;
const MAX_LEVELS: usize = 10;

/// What the API would say about `schema`; `None` where it takes it.
pub fn problem(schema: &Value) -> Option<String> {
    if schema["type"] != "object" {
        let got = schema["type"].as_str().map_or("'type: None'".to_owned(), |kind| format!("'type: \"{kind}\"'"));
        return Some(format!("schema must be a JSON Schema of 'type: \"object\"', got {got}."));
    }
    let (properties, values) = size(schema);
    if properties > MAX_PROPERTIES {
        return Some(format!("{properties} object properties exceeds limit of {MAX_PROPERTIES}."));
    }
    if values > MAX_ENUM_VALUES {
        return Some(format!("{values} enum values exceeds limit of {MAX_ENUM_VALUES}."));
    }
    let levels = levels(schema);
    if levels > MAX_LEVELS {
        return Some(format!("{levels} levels of nesting exceeds limit of {MAX_LEVELS}."));
    }
    node_problem(schema, &mut Vec::new())
}

fn node_problem(schema: &Value, at: &mut Vec<String>) -> Option<String> {
    own_problem(schema).map(|text| format!("In context={}, {text}", tuple(at))).or_else(|| {
        children(schema).into_iter().find_map(|(steps, child)| {
            let depth = at.len();
            at.extend(steps);
            let found = node_problem(child, at);
            at.truncate(depth);
            found
        })
    })
}

fn own_problem(schema: &Value) -> Option<String> {
    if let Some(refused) = REFUSED.iter().find(|key| schema.get(**key).is_some()) {
        return Some(format!("'{refused}' is not permitted."));
    }
    if ["type", "$ref", "anyOf", "enum", "const"].iter().all(|key| schema.get(key).is_none()) {
        return Some("schema must have a 'type' key.".to_owned());
    }
    if is(schema, "array") && schema.get("items").is_none() {
        return Some("array schema missing items.".to_owned());
    }
    if is(schema, "object") { object_problem(schema) } else { None }
}

fn object_problem(schema: &Value) -> Option<String> {
    if schema["additionalProperties"] != Value::Bool(false) {
        return Some("'additionalProperties' is required to be supplied and to be false.".to_owned());
    }
    let all = "'required' is required to be supplied and to be an array including every key in properties.";
    let Some(required) = schema["required"].as_array() else { return Some(all.to_owned()) };
    let properties = schema["properties"].as_object();
    let missing = properties.into_iter().flatten().map(|(key, _)| key).find(|key| !required.iter().any(|r| r == *key));
    if let Some(key) = missing {
        return Some(format!("{all} Missing '{key}'."));
    }
    let extra =
        required.iter().filter_map(Value::as_str).find(|key| properties.is_none_or(|map| !map.contains_key(*key)));
    extra.map(|key| format!("{all} Extra required key '{key}' supplied."))
}

fn is(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|k| k == kind),
        one => one == kind || (kind == "object" && schema.get("properties").is_some()),
    }
}

/// The schemas inside of a schema, each with the steps that lead to it.
fn children(schema: &Value) -> Vec<(Vec<String>, &Value)> {
    let step = |parts: [&str; 2]| parts.map(str::to_owned).to_vec();
    let mut out = Vec::new();
    for place in ["properties", "$defs", "definitions"] {
        let named = schema[place].as_object().into_iter().flatten();
        out.extend(named.map(|(name, child)| (step([place, name]), child)));
    }
    let options = schema["anyOf"].as_array().into_iter().flatten().enumerate();
    out.extend(options.map(|(i, child)| (step(["anyOf", &i.to_string()]), child)));
    out.extend(schema.get("items").map(|items| (vec!["items".to_owned()], items)));
    out
}

fn size(schema: &Value) -> (usize, usize) {
    let own =
        (schema["properties"].as_object().map_or(0, |map| map.len()), schema["enum"].as_array().map_or(0, Vec::len));
    let inner = children(schema).into_iter().map(|(_, child)| size(child));
    inner.fold(own, |sum, more| (sum.0 + more.0, sum.1 + more.1))
}

fn levels(schema: &Value) -> usize {
    let inner = children(schema).into_iter().map(|(_, child)| levels(child)).max().unwrap_or(0);
    inner + usize::from(schema.get("properties").is_some())
}

/// The place of a schema as Python prints a tuple.
fn tuple(steps: &[String]) -> String {
    match steps {
        [one] => format!("('{one}',)"),
        _ => format!("({})", steps.iter().map(|step| format!("'{step}'")).collect::<Vec<_>>().join(", ")),
    }
}
