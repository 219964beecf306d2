//! What a GraphQL request gets of the whole: the fields that it asks for, and of lists the pages.

use serde_json::{Map, Value, json};

use super::query::Field;
use super::schema;
use super::validate::filled;

/// Entries that a page may have.
const MAX_PAGE: i64 = 100;

/// An error of one field, with the host's word for its kind; the others are answered.
pub struct Refused(pub &'static str, pub String);

/// The answering of one request.
pub struct Walk<'a> {
    pub values: &'a Map<String, Value>,
    pub errors: Vec<Value>,
}

impl Walk<'_> {
    /// The answer to a selection on a value of a type; the request was checked against the schema.
    pub fn select(&mut self, kind: &str, whole: &Value, fields: &[Field], path: &[Value]) -> Value {
        match whole {
            Value::Null => Value::Null,
            Value::Array(items) => {
                let each = |(at, item)| self.select(kind, item, fields, &[path, &[json!(at)]].concat());
                items.iter().enumerate().map(each).collect()
            }
            _ => {
                let mut out = Map::new();
                for field in fields {
                    match &field.on {
                        None => _ = out.insert(field.alias.clone(), self.field(kind, whole, field, path)),
                        Some(on) if whole["__typename"] == on.as_str() => {
                            let inner = self.select(on, whole, field.fields.as_deref().unwrap_or_default(), path);
                            out.extend(inner.as_object().cloned().unwrap_or_default());
                        }
                        Some(_) => {}
                    }
                }
                Value::Object(out)
            }
        }
    }

    /// The arguments of a field.
    pub fn arguments(&self, field: &Field) -> Value {
        field.arguments.iter().map(|(name, value)| (name.clone(), filled(value, self.values))).collect()
    }

    /// Notes that a field failed; its value is null.
    pub fn refuse(&mut self, refused: Refused, path: &[Value]) -> Value {
        let Refused(kind, message) = refused;
        let locations = json!([{"line": 1, "column": 1}]);
        self.errors.push(json!({"type": kind, "path": path, "locations": locations, "message": message}));
        Value::Null
    }

    fn field(&mut self, parent: &str, whole: &Value, field: &Field, path: &[Value]) -> Value {
        if field.name == "__typename" {
            return whole.get("__typename").cloned().unwrap_or_else(|| json!(parent));
        }
        let path = [path, &[json!(field.alias)]].concat();
        let known = schema::field(parent, &field.name).expect("a field of the schema");
        let value = whole.get(&field.name).unwrap_or_else(|| panic!("no `{}` of {parent}", field.name));
        let arguments = self.arguments(field);
        let found = match known.kind.strip_suffix("Connection") {
            Some(_) => page(&field.name, value, &arguments),
            None => wanted(&known.kind, value, &arguments),
        };
        match (found, &field.fields) {
            (Err(refused), _) => self.refuse(refused, &path),
            (Ok(value), Some(fields)) => self.select(&known.kind, &value, fields, &path),
            (Ok(value), None) => value,
        }
    }
}

/// The value, where it is the one that the arguments name.
fn wanted(kind: &str, value: &Value, arguments: &Value) -> Result<Value, Refused> {
    let name = |key: &str| arguments[key].as_str().unwrap_or_default();
    if let ("GitObject", Some(expression)) = (kind, arguments["expression"].as_str()) {
        return match value["forbidden"].as_str() {
            Some(refusal) => Err(Refused("FORBIDDEN", refusal.to_owned())),
            None => Ok(value[expression].clone()),
        };
    }
    let refused = match kind {
        "Repository" => {
            let full = format!("{}/{}", name("owner"), name("name"));
            let same = value["nameWithOwner"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(&full));
            (!same).then(|| Refused("NOT_FOUND", format!("Could not resolve to a Repository with the name '{full}'.")))
        }
        "PullRequest" if value["forbidden"].is_string() => {
            Some(Refused("FORBIDDEN", value["forbidden"].as_str().unwrap_or_default().to_owned()))
        }
        "PullRequest" if value["number"] != arguments["number"] => {
            let text = format!("Could not resolve to a PullRequest with the number of {}.", arguments["number"]);
            Some(Refused("NOT_FOUND", text))
        }
        _ => None,
    };
    refused.map_or_else(|| Ok(value.clone()), Err)
}

/// A page of a list. The host does not give a list whole, and not without being told how much of it.
fn page(field: &str, items: &Value, arguments: &Value) -> Result<Value, Refused> {
    let wanted = |item: &&Value| arguments["states"].as_array().is_none_or(|states| states.contains(&item["state"]));
    let items: Vec<&Value> = items.as_array().into_iter().flatten().filter(wanted).collect();
    let (first, last) = (arguments["first"].as_i64(), arguments["last"].as_i64());
    let Some(size) = first.or(last) else {
        let text = format!("You must provide a `first` or `last` value to properly paginate the `{field}` connection.");
        return Err(Refused("MISSING_PAGINATION_BOUNDARIES", text));
    };
    let end = if first.is_some() { "first" } else { "last" };
    if size > MAX_PAGE {
        let text = format!(
            "Requesting {size} records on the `{field}` connection exceeds the `{end}` limit of {MAX_PAGE} records."
        );
        return Err(Refused("EXCESSIVE_PAGINATION", text));
    }
    let size = usize::try_from(size).map_err(|_| {
        Refused("INVALID_PAGINATION", format!("`{end}` on the `{field}` connection cannot be less than zero."))
    })?;
    let from = cursor(&arguments["after"])?.unwrap_or(0).min(items.len());
    let to = cursor(&arguments["before"])?.map_or(items.len(), |at| at.saturating_sub(1)).clamp(from, items.len());
    let (from, to) =
        if first.is_some() { (from, to.min(from + size)) } else { (from.max(to.saturating_sub(size)), to) };
    let name = |at: usize| (from < to).then(|| format!("cursor:{at}"));
    let info = json!({
        "hasNextPage": to < items.len(), "hasPreviousPage": from > 0, "startCursor": name(from + 1), "endCursor": name(to),
    });
    Ok(json!({"pageInfo": info, "totalCount": items.len(), "nodes": items[from..to]}))
}

/// The entry that a cursor names, counted from 1.
fn cursor(text: &Value) -> Result<Option<usize>, Refused> {
    let Some(text) = text.as_str() else { return Ok(None) };
    let at = text.strip_prefix("cursor:").and_then(|at| at.parse().ok());
    let refused = || Refused("INVALID_CURSOR_ARGUMENTS", format!("`{text}` does not appear to be a valid cursor."));
    at.map(Some).ok_or_else(refused)
}
