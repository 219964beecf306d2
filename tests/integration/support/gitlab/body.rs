//! What a request says in its query and its body: JSON, or a form whose names nest as `position[new_line]`.

use serde_json::{Map, Value, json};

use super::refusal;
use super::route::Found;
use crate::support::server::{Reply, Request, decode};

/// Parameters of every listing.
const PAGING: [&str; 5] = ["page", "per_page", "pagination", "order_by", "sort"];

/// All parameters of a request; what the operation does not know is a violation, though the host ignores it.
pub fn parameters(request: &Request, found: &Found, violations: &mut Vec<String>) -> Result<Value, Reply> {
    let mut all = json!({});
    for (name, value) in &request.query {
        insert(&mut all, name, json!(value));
    }
    for (name, value) in of_body(request, violations)? {
        all[name] = value;
    }
    let known = found.route.parameters();
    for name in all.as_object().into_iter().flat_map(Map::keys) {
        let of_listing = request.method == "GET" && PAGING.contains(&name.as_str());
        if !of_listing && !known.contains(&name.as_str()) {
            violations.push(format!("{} {}: no parameter `{name}`", request.method, request.path));
        }
    }
    if all["per_page"] == "0" {
        return Err(refusal::error(400, "per_page has a value not allowed"));
    }
    Ok(all)
}

fn of_body(request: &Request, violations: &mut Vec<String>) -> Result<Map<String, Value>, Reply> {
    if request.raw.is_empty() {
        return Ok(Map::new());
    }
    if request.method == "GET" {
        violations.push(format!("GET {}: with a body", request.path));
    }
    let kind = request.header("content-type").unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => match serde_json::from_slice(&request.raw) {
            Ok(Value::Object(fields)) => Ok(fields),
            _ => Err(refusal::error(400, "The provided content-type 'application/json' is not valid JSON")),
        },
        "application/x-www-form-urlencoded" => Ok(of_form(&String::from_utf8_lossy(&request.raw))),
        other => {
            violations.push(format!("{} {}: a body of the type `{other}`", request.method, request.path));
            Err(refusal::error(415, &format!("The provided content-type '{other}' is not supported.")))
        }
    }
}

fn of_form(text: &str) -> Map<String, Value> {
    let mut all = json!({});
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        insert(&mut all, &decode(&name.replace('+', " ")), json!(decode(&value.replace('+', " "))));
    }
    all.as_object().cloned().unwrap_or_default()
}

/// Puts a value where its name says: `a[b][c]`; a name that ends with `[]` is an entry of a list.
fn insert(all: &mut Value, name: &str, value: Value) {
    let (first, rest) = name.split_once('[').unwrap_or((name, ""));
    let slot = &mut all[first];
    if rest.is_empty() {
        *slot = value;
        return;
    }
    let path = rest.strip_suffix(']').unwrap_or(rest).replace("][", "[");
    if path.is_empty() {
        let mut list = slot.as_array().cloned().unwrap_or_default();
        list.push(value);
        *slot = Value::Array(list);
    } else {
        if !slot.is_object() {
            *slot = json!({});
        }
        insert(slot, &if path.contains('[') { format!("{path}]") } else { path }, value);
    }
}

/// Yes or no; `None` where it is neither or not there.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" | "t" | "1" | "on" => Some(true),
            "false" | "f" | "0" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
