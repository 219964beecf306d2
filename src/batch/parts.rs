//! The requests of a file, as batches take them: of one model and one address, and not too many.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::prompt;

/// What a batch may have at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests.
    pub requests: usize,
    /// Bytes.
    pub bytes: usize,
}

/// What OpenAI takes.
pub const OPENAI: Limits = Limits { requests: 50_000, bytes: 200_000_000 };

/// The requests of one batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The lines.
    pub content: String,
    /// Their ids.
    pub ids: Vec<String>,
    /// The address of all.
    pub url: String,
}

impl Part {
    /// Tells the requests from all others.
    pub fn hash(&self) -> String {
        prompt::hash_of(&[&self.content])
    }
}

/// The requests of a file whose answers are not known, in their order.
///
/// # Errors
/// A line is no request of a batch, or two have the same id and are not the same.
pub fn split(text: &str, answered: &HashSet<String>, limits: Limits) -> Result<Vec<Part>, String> {
    let mut seen: HashMap<String, (usize, &str)> = HashMap::new();
    let mut parts: Vec<Part> = Vec::new();
    // where the open part of each kind is
    let mut last: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let (id, url, model) = request(line).map_err(|cause| format!("{number}: {cause}"))?;
        if line.len() >= limits.bytes {
            return Err(format!("{number}: the request has {} bytes, and a batch takes {}", line.len(), limits.bytes));
        }
        match seen.get(&id) {
            Some((_, known)) if *known == line => continue,
            Some((first, _)) => return Err(format!("{number}: the id of line {first}, and another request")),
            None => seen.insert(id.clone(), (number, line)),
        };
        if answered.contains(&id) {
            continue;
        }
        let kind = (url.clone(), model);
        let fits = |index: &&usize| {
            let part = &parts[**index];
            part.ids.len() < limits.requests && part.content.len() + line.len() < limits.bytes
        };
        let index = last.get(&kind).filter(fits).copied().unwrap_or_else(|| {
            parts.push(Part { url, ..Part::default() });
            parts.len() - 1
        });
        last.insert(kind, index);
        parts[index].content += line;
        parts[index].content.push('\n');
        parts[index].ids.push(id);
    }
    Ok(parts)
}

/// Id, address and model of a line.
fn request(line: &str) -> Result<(String, String, String), String> {
    let value: Value = serde_json::from_str(line).map_err(|err| format!("not JSON: {err}"))?;
    let text = |value: &Value, name: &str| {
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| format!("no `{name}`"))
    };
    Ok((
        text(&value["custom_id"], "custom_id")?,
        text(&value["url"], "url")?,
        text(&value["body"]["model"], "body.model")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, model: &str) -> String {
        format!("{{\"custom_id\":\"{id}\",\"method\":\"POST\",\"url\":\"/v1/x\",\"body\":{{\"model\":\"{model}\"}}}}\n")
    }

    #[track_caller]
    fn check(lines: &[(&str, &str)], answered: &[&str], limits: Limits, expected: &[&[&str]]) {
        let text: String = lines.iter().map(|(id, model)| line(id, model)).collect();
        let answered = answered.iter().map(ToString::to_string).collect();
        let parts = split(&text, &answered, limits).unwrap();
        assert_eq!(parts.iter().map(|part| part.ids.clone()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn batches_keep_the_limits_and_have_one_model() {
        let two = Limits { requests: 2, bytes: 10_000 };
        check(&[("a", "m"), ("b", "m"), ("c", "m")], &[], two, &[&["a", "b"], &["c"]]);
        check(&[("a", "m"), ("b", "n"), ("c", "m"), ("d", "m")], &[], two, &[&["a", "c"], &["b"], &["d"]]);
        check(&[("a", "m"), ("b", "m"), ("a", "m")], &["b"], two, &[&["a"]]);
        let small = Limits { requests: 9, bytes: 2 * line("a", "m").len() };
        check(&[("a", "m"), ("b", "m"), ("c", "m")], &[], small, &[&["a", "b"], &["c"]]);
        // what is left when the first was answered has the hash that it had
        let text: String = ["a", "b", "c"].map(|id| line(id, "m")).concat();
        let all = split(&text, &HashSet::new(), two).unwrap();
        let rest = split(&text, &["a".to_owned(), "b".to_owned()].into(), two).unwrap();
        assert_eq!(all[1].hash(), rest[0].hash());
    }

    #[test]
    fn what_is_no_request_is_named() {
        let refused = |text: &str| split(text, &HashSet::new(), Limits { requests: 9, bytes: 200 }).unwrap_err();
        assert!(refused("\nno\n").starts_with("2: not JSON"));
        assert_eq!(refused("{}"), "1: no `custom_id`");
        assert_eq!(refused(r#"{"custom_id":"a"}"#), "1: no `url`");
        assert_eq!(refused(r#"{"custom_id":"a","url":"u","body":{}}"#), "1: no `body.model`");
        assert_eq!(refused(&(line("a", "m") + &line("a", "n"))), "2: the id of line 1, and another request");
        assert!(refused(&line("a", &"m".repeat(200))).contains("a batch takes 200"));
    }
}
