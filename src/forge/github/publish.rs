//! What stands on a pull request, and what is written to it.

use serde_json::{Value, json};

use super::GitHub;
use super::http::Method;
use crate::diff::Side;
use crate::forge::{Conversation, ForgeError, LineComment, PostedComment, PostedSummary, Review, ReviewOutcome};
use crate::marks::{SUMMARY_MARK, fingerprint_of};

/// Reads comments and reviews, and keeps what the identity that posts has written: a mark in anyone else's comment
/// counts for nothing.
pub async fn conversation(github: &GitHub) -> Result<Conversation, ForgeError> {
    let (review_route, issue_route) = (github.pull_route("/comments"), github.issue_route("/comments"));
    let (viewer, review_comments, issue_comments) = futures_util::future::join3(
        github.viewer(),
        github.api.list(&review_route, "the review comments"),
        github.api.list(&issue_route, "the comments"),
    )
    .await;
    let (review_comments, issue_comments) = (review_comments?, issue_comments?);
    let Some(viewer) = viewer? else { return Ok(Conversation::default()) };
    let is_mine = |comment: &&Value| is_by(&comment["user"], &viewer);
    let comments = review_comments.iter().filter(is_mine).filter_map(posted_comment).collect();
    let summary = issue_comments.iter().filter(is_mine).find_map(posted_summary);
    Ok(Conversation { comments, summary })
}

/// GraphQL leaves out the `[bot]` that REST has behind the name of an app.
fn is_by(user: &Value, viewer: &str) -> bool {
    let login = user["login"].as_str().unwrap_or_default();
    login == viewer || (user["type"] == "Bot" && login.strip_suffix("[bot]") == Some(viewer))
}

fn posted_comment(json: &Value) -> Option<PostedComment> {
    let body = json["body"].as_str()?;
    fingerprint_of(body)?;
    let number = |name: &str| json[name].as_u64().and_then(|number| u32::try_from(number).ok());
    let side = if json["side"] == "LEFT" { Side::Left } else { Side::Right };
    let place = number("line").map(|line| {
        let path = json["path"].as_str().unwrap_or_default().to_owned();
        (path, side, number("start_line").unwrap_or(line), line)
    });
    Some(PostedComment { body: body.to_owned(), place })
}

fn posted_summary(json: &Value) -> Option<PostedSummary> {
    let body = json["body"].as_str()?;
    let id = json["id"].as_u64()?;
    body.contains(SUMMARY_MARK).then(|| PostedSummary { id, body: body.to_owned() })
}

/// At most so many reviews are tried: GitHub answers 422 also to a client that writes too much.
const MOST_POSTS: usize = 10;

/// Posts one review. Where the host refuses it as a whole, which it does for one bad comment without naming it, the
/// comments go in halves until the bad ones stand alone.
pub async fn review(github: &GitHub, review: &Review) -> Result<ReviewOutcome, ForgeError> {
    let mut outcome = ReviewOutcome::default();
    let mut request_changes = review.request_changes;
    let mut work: Vec<Vec<usize>> = vec![(0..review.comments.len()).collect()];
    for _ in 0..MOST_POSTS {
        let Some(indices) = work.pop() else { break };
        let comments: Vec<&LineComment> = indices.iter().map(|&index| &review.comments[index]).collect();
        match post(github, review, request_changes, &comments).await {
            Ok(()) => outcome.posted += indices.len(),
            Err(ForgeError::Refused(message))
                if request_changes && message.to_lowercase().contains("request changes") =>
            {
                request_changes = false;
                outcome.notes.push(format!("GitHub refused to request changes ({message}); posted as a comment"));
                work.push(indices);
            }
            Err(ForgeError::Refused(message)) if indices.len() <= 1 => outcome.refuse(indices, &message),
            Err(ForgeError::Refused(_)) => {
                let (first, second) = indices.split_at(indices.len() / 2);
                work.extend([second.to_vec(), first.to_vec()]);
            }
            // part of it stands already: the rest is told in the summary, and a host in trouble is left alone
            Err(err) if outcome.posted > 0 => {
                let reason = err.to_string();
                std::iter::once(indices)
                    .chain(std::mem::take(&mut work))
                    .for_each(|part| outcome.refuse(part, &reason));
            }
            Err(err) => return Err(err),
        }
    }
    work.into_iter().for_each(|indices| outcome.refuse(indices, "GitHub refused too many comments"));
    Ok(outcome)
}

async fn post(
    github: &GitHub,
    review: &Review,
    request_changes: bool,
    comments: &[&LineComment],
) -> Result<(), ForgeError> {
    let body = json!({
        "commit_id": review.head_sha,
        "event": if request_changes { "REQUEST_CHANGES" } else { "COMMENT" },
        "body": (review.body)(comments.len()),
        "comments": comments.iter().map(|comment| comment_json(comment)).collect::<Vec<_>>(),
    });
    match create(github, &github.pull_route("/reviews"), &body, "the review").await {
        // the answer was lost, but perhaps not the review
        Err(ForgeError::Unsure(_)) if stands_already(github, comments).await? => Ok(()),
        Err(ForgeError::Unsure(_)) => {
            create(github, &github.pull_route("/reviews"), &body, "the review").await.map(drop)
        }
        result => result.map(drop),
    }
}

/// Creates something, and makes sure that it was: what GitHub made has an identifier.
async fn create(github: &GitHub, route: &str, body: &Value, what: &str) -> Result<Value, ForgeError> {
    let answer = github.write(Method::Post, route, body).await?.ok(what)?;
    match answer.json() {
        Ok(json) if json["id"].is_u64() => Ok(json),
        _ => Err(ForgeError::Unsure(format!("GitHub's answer does not tell whether it took {what}"))),
    }
}

/// Whether the first of these comments can be seen on the request.
async fn stands_already(github: &GitHub, comments: &[&LineComment]) -> Result<bool, ForgeError> {
    let Some(wanted) = comments.first().and_then(|comment| fingerprint_of(&comment.body)) else { return Ok(false) };
    let posted = conversation(github).await?;
    Ok(posted.comments.iter().any(|comment| fingerprint_of(&comment.body) == Some(wanted)))
}

/// `start_line` must precede `line`, and stands only where there is more than one.
fn comment_json(comment: &LineComment) -> Value {
    let side = if comment.side == Side::Left { "LEFT" } else { "RIGHT" };
    let mut json = json!({"path": comment.path, "body": comment.body, "line": comment.end_line, "side": side});
    if comment.start_line < comment.end_line {
        json["start_line"] = comment.start_line.into();
        json["start_side"] = side.into();
    }
    json
}

/// Creates or edits the summary comment. One that vanished is made anew.
pub async fn summary(github: &GitHub, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError> {
    let json = json!({"body": body});
    let url = |json: &Value| json["html_url"].as_str().map(str::to_owned);
    if let Some(id) = existing {
        let route = github.repo_route(&format!("issues/comments/{id}"));
        let answer = github.write(Method::Patch, &route, &json).await?;
        if answer.status != 404 {
            return Ok(url(&answer.ok("the summary comment")?.json()?));
        }
    }
    let route = github.issue_route("/comments");
    match create(github, &route, &json, "the summary comment").await {
        Err(ForgeError::Unsure(_)) => {
            // the answer was lost, but perhaps not the comment
            if conversation(github).await?.summary.is_some_and(|summary| summary.body == body) {
                return Ok(None);
            }
            Ok(url(&create(github, &route, &json, "the summary comment").await?))
        }
        result => Ok(url(&result?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bot_itself_is_believed() {
        let user = |login: &str, kind: &str| json!({"login": login, "type": kind});
        assert!(is_by(&user("github-actions[bot]", "Bot"), "github-actions[bot]"));
        assert!(is_by(&user("github-actions[bot]", "Bot"), "github-actions"));
        assert!(!is_by(&user("mallory", "User"), "github-actions"));
        assert!(!is_by(&Value::Null, "github-actions"));
    }

    #[test]
    fn ranges_of_one_line_have_no_start() {
        let comment = |start| LineComment {
            path: "a".into(),
            side: Side::Right,
            start_line: start,
            end_line: 3,
            body: "b".into(),
        };
        assert_eq!(comment_json(&comment(3)), json!({"path": "a", "body": "b", "line": 3, "side": "RIGHT"}));
        assert_eq!(comment_json(&comment(1))["start_line"], 1);
    }
}
