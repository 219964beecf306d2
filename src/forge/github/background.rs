//! Why a pull request was made: the messages of its commits, and the issues that it closes. They come with the first
//! question about the request, at no request of their own.

use serde_json::Value;

use super::GitHub;
use crate::forge::{Background, Issue, MOST_COMMITS, MOST_ISSUES};
use crate::text::printable;

/// Stands in the question where these fields belong.
const PLACE: &str = "# background";
const FIELDS: &str = include_str!("background.graphql");

/// What was told when the request was read.
pub fn background(github: &GitHub) -> Background {
    let nobody = || Background { untold: Some("GraphQL is closed to this token".to_owned()), ..Background::default() };
    github.background.get().cloned().unwrap_or_else(nobody)
}

/// The question with these fields in it.
pub fn with_background(query: &str) -> String {
    query.replacen(PLACE, FIELDS, 1)
}

/// What an answer tells. A field that the token may not see, or that an old host does not have, is not told; where the
/// answer fails for it as a whole, the question can be asked without.
pub fn told(answer: &Value) -> Background {
    let pull = &answer["data"]["repository"]["pullRequest"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = |name: &str| pull[name]["nodes"].as_array();
    let message = |node: &Value| node["commit"]["message"].as_str().map(str::to_owned);
    let issue = |node: &Value| {
        Some(Issue { number: node["number"].as_u64()?, title: text(&node["title"]), body: text(&node["body"]) })
    };
    let count = pull["commits"]["totalCount"].as_u64().unwrap_or_default();
    Background {
        commits: nodes("commits").map(|nodes| nodes.iter().rev().filter_map(message).take(MOST_COMMITS).collect()),
        commit_count: usize::try_from(count).unwrap_or(usize::MAX),
        issues: nodes("closingIssuesReferences")
            .map(|nodes| nodes.iter().filter_map(issue).take(MOST_ISSUES).collect()),
        untold: refusal(answer),
    }
}

/// Why one of the fields was refused, where one was.
fn refusal(answer: &Value) -> Option<String> {
    const NAMES: [&str; 2] = ["commits", "closingIssuesReferences"];
    let errors = answer["errors"].as_array()?;
    let is_about = |error: &&Value| {
        let path = error["path"].as_array().into_iter().flatten();
        let message = error["message"].as_str().unwrap_or_default();
        path.filter_map(Value::as_str).any(|name| NAMES.contains(&name))
            || NAMES.iter().any(|name| message.contains(&format!("'{name}'")))
    };
    let message = errors.iter().find(is_about)?["message"].as_str().unwrap_or("no reason given");
    Some(printable(&message.chars().take(200).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(commits: Value, issues: Value) -> Value {
        json!({"data": {"repository": {"pullRequest": {"commits": commits, "closingIssuesReferences": issues}}}})
    }

    #[test]
    fn the_newest_commit_comes_first() {
        let commits = json!({"totalCount": 30, "nodes": [{"commit": {"message": "a"}}, {"commit": {"message": "b"}}]});
        let issues = json!({"nodes": [{"number": 4, "title": "t", "body": null}, null]});
        let found = told(&answer(commits, issues));
        assert_eq!((found.commits, found.commit_count), (Some(vec!["b".to_owned(), "a".to_owned()]), 30));
        assert_eq!(found.issues, Some(vec![Issue { number: 4, title: "t".into(), body: String::new() }]));
        assert_eq!(found.untold, None);
    }

    #[test]
    fn a_field_that_is_refused_is_not_told() {
        let mut partly = answer(json!({"totalCount": 0, "nodes": []}), Value::Null);
        partly["errors"] =
            json!([{"path": ["repository", "pullRequest", "closingIssuesReferences"], "message": "no\nway"}]);
        let found = told(&partly);
        assert_eq!((found.commits, found.issues), (Some(Vec::new()), None));
        assert_eq!(found.untold.as_deref(), Some("no\\u{a}way"));
        let message = "Field 'commits' doesn't exist on type 'PullRequest'";
        assert_eq!(told(&json!({"errors": [{"message": message}]})).untold.as_deref(), Some(message));
        assert_eq!(told(&json!({"errors": [{"message": "Could not resolve to a PullRequest"}]})).untold, None);
    }

    #[test]
    fn the_question_has_a_place_for_the_fields() {
        let query = with_background(include_str!("read.graphql"));
        assert!(query.contains(&format!("commits(last: {MOST_COMMITS})")), "{query}");
        assert!(query.contains(&format!("closingIssuesReferences(first: {MOST_ISSUES})")), "{query}");
    }
}
