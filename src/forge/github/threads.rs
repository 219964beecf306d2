//! Ending threads, and opening them again: GraphQL alone can.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::GitHub;
use crate::forge::ForgeError;

/// Threads in one request.
const AT_ONCE: usize = 50;

/// Marks threads as resolved or as open; doing it twice is doing it once. One result for each, in order.
pub async fn resolve(github: &GitHub, threads: &[String], resolved: bool) -> Vec<Result<(), ForgeError>> {
    let mut results = Vec::new();
    for part in threads.chunks(AT_ONCE) {
        match github.api.graphql(&mutation(part, resolved)).await.and_then(|answer| answer.ok("the threads")?.json()) {
            Ok(json) => results.extend((0..part.len()).map(|index| result(&json, index))),
            Err(err) => results.extend(part.iter().map(|_| Err(err.clone()))),
        }
    }
    results
}

fn mutation(threads: &[String], resolved: bool) -> Value {
    let verb = if resolved { "resolveReviewThread" } else { "unresolveReviewThread" };
    let mut parameters = Vec::new();
    let mut fields = String::new();
    for index in 0..threads.len() {
        parameters.push(format!("$t{index}: ID!"));
        let _ = write!(fields, " a{index}: {verb}(input: {{threadId: $t{index}}}) {{ thread {{ isResolved }} }}");
    }
    let variables: serde_json::Map<String, Value> =
        threads.iter().enumerate().map(|(index, thread)| (format!("t{index}"), json!(thread))).collect();
    json!({"query": format!("mutation({}) {{{fields} }}", parameters.join(", ")), "variables": variables})
}

/// What became of one thread. Errors come with status 200, and name the field they are about.
fn result(json: &Value, index: usize) -> Result<(), ForgeError> {
    let field = format!("a{index}");
    if json["data"][&field]["thread"].is_object() {
        return Ok(());
    }
    let errors = || json["errors"].as_array().into_iter().flatten();
    let error = errors().find(|error| error["path"][0] == field.as_str()).or(errors().next());
    let is_limited = error.is_some_and(|error| error["type"] == "RATE_LIMITED");
    let message = error.and_then(|error| error["message"].as_str()).unwrap_or("no answer for this thread");
    if is_limited {
        return Err(ForgeError::Limited("GitHub's rate limit is reached; the threads stay as they are".to_owned()));
    }
    Err(ForgeError::Forbidden(format!(
        "the token may not change threads ({})\nhint: that takes `contents: write` beside `pull-requests: write`",
        crate::text::printable(&message.chars().take(200).collect::<String>())
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_has_a_field_for_each_thread() {
        let body = mutation(&["A".into(), "B".into()], false);
        let query = "mutation($t0: ID!, $t1: ID!) { a0: unresolveReviewThread(input: {threadId: $t0}) { thread { isResolved } } \
                     a1: unresolveReviewThread(input: {threadId: $t1}) { thread { isResolved } } }";
        assert_eq!(body, json!({"query": query, "variables": {"t0": "A", "t1": "B"}}));
    }

    #[test]
    fn each_thread_has_its_own_result() {
        let json = json!({"data": {"a0": {"thread": {"isResolved": true}}, "a1": null},
            "errors": [{"type": "FORBIDDEN", "path": ["a1"], "message": "Resource not accessible by integration"}]});
        assert_eq!(result(&json, 0), Ok(()));
        assert!(matches!(result(&json, 1), Err(ForgeError::Forbidden(text)) if text.contains("contents: write")));
        assert!(result(&json!({"errors": [{"message": "x"}]}), 0).is_err());
        let limited = json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]});
        assert!(matches!(result(&limited, 0), Err(ForgeError::Limited(_))));
    }
}
