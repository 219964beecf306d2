//! Why a merge request was made: the messages of its commits, and the issues that it closes.

use serde_json::Value;

use super::{GitLab, Token};
use crate::forge::{Background, ForgeError, Issue, MOST_COMMITS, MOST_ISSUES};

/// Asks for both at once. A refusal is no failure: a review goes on without.
pub async fn background(gitlab: &GitLab) -> Background {
    let Token::Access(_) = gitlab.api.token() else {
        return Background { untold: Some("that takes an access token".to_owned()), ..Background::default() };
    };
    let commits = first_page(gitlab, "/commits", MOST_COMMITS, "the commits");
    let issues = first_page(gitlab, "/closes_issues", MOST_ISSUES, "the linked issues");
    let (commits, issues) = futures_util::future::join(commits, issues).await;
    let untold = [commits.as_ref().err(), issues.as_ref().err()].into_iter().flatten().next();
    // without the remedy: nothing is broken
    let untold = untold.map(|err| err.to_string().lines().next().unwrap_or_default().to_owned());
    let (messages, commit_count) = commits.map_or((None, 0), |(list, count)| (Some(messages(&list)), count));
    Background { commits: messages, commit_count, issues: issues.ok().map(|(list, _)| list_of(&list)), untold }
}

/// The first entries of a listing of the request, and how many it has.
async fn first_page(gitlab: &GitLab, rest: &str, size: usize, what: &str) -> Result<(Vec<Value>, usize), ForgeError> {
    let route = format!("{}?per_page={size}", gitlab.route(rest));
    let answer = gitlab.api.get(&route).await?.ok(what)?;
    let Value::Array(list) = answer.json()? else {
        return Err(ForgeError::Failed(format!("GitLab answered no list for {what}")));
    };
    // long listings come without their length
    let count = answer.number("x-total").and_then(|count| usize::try_from(count).ok()).unwrap_or(list.len());
    Ok((list, count))
}

/// GitLab lists the newest commit first.
fn messages(commits: &[Value]) -> Vec<String> {
    commits.iter().filter_map(|commit| commit["message"].as_str()).take(MOST_COMMITS).map(str::to_owned).collect()
}

/// Issues of another tracker have an `id` alone, and are not read.
fn list_of(issues: &[Value]) -> Vec<Issue> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let issue = |json: &Value| {
        Some(Issue { number: json["iid"].as_u64()?, title: text(&json["title"]), body: text(&json["description"]) })
    };
    issues.iter().filter_map(issue).take(MOST_ISSUES).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_read_as_far_as_they_are_known() {
        let many: Vec<Value> = (0..40).map(|n| json!({"message": format!("m{n}")})).collect();
        assert_eq!(messages(&many).len(), MOST_COMMITS);
        assert_eq!(messages(&many)[0], "m0");
        let found =
            list_of(&[json!({"id": "JIRA-1", "title": "x"}), json!({"iid": 4, "title": "t", "description": null})]);
        assert_eq!(found, [Issue { number: 4, title: "t".into(), body: String::new() }]);
    }
}
