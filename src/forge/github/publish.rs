//! What is written to a pull request.

use serde_json::{Value, json};

use super::GitHub;
use super::http::Method;
use super::read;
use crate::diff::Side;
use crate::forge::{ForgeError, LineComment, Own, Review, ReviewOutcome, has_same_words};
use crate::marks::fingerprint_of;

/// At most so many reviews are tried: GitHub answers 422 also to a client that writes too much.
const MOST_POSTS: usize = 10;

/// Posts one review. Where the host refuses it as a whole, which it does for one bad comment without naming it, the
/// comments go in halves until the bad ones stand alone.
pub async fn review(github: &GitHub, review: &Review<'_>) -> Result<ReviewOutcome, ForgeError> {
    let mut outcome = ReviewOutcome::default();
    let mut request_changes = review.request_changes;
    let mut may_discard = true;
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
                outcome.notes.push(format!("{message}; posted as a comment"));
                if !indices.is_empty() {
                    work.push(indices);
                }
            }
            Err(err @ ForgeError::Refused(_)) if err.to_string().contains("pending review") => {
                let has_room = std::mem::take(&mut may_discard) && discard_pending(github).await?;
                match has_room {
                    true => work.push(indices),
                    false => outcome.refuse(indices, &err),
                }
            }
            Err(ForgeError::Refused(message)) if indices.is_empty() => {
                outcome.notes.push(message);
            }
            Err(err @ ForgeError::Refused(_)) if indices.len() == 1 => outcome.refuse(indices, &err),
            Err(ForgeError::Refused(_)) => {
                let (first, second) = indices.split_at(indices.len() / 2);
                work.extend([second.to_vec(), first.to_vec()]);
            }
            // part of it stands already: the rest is told in the summary, and a host in trouble is left alone
            Err(err) if outcome.posted > 0 => {
                let rest = std::iter::once(indices).chain(std::mem::take(&mut work));
                outcome.refuse(rest.flatten(), &err);
            }
            Err(err) => return Err(err),
        }
    }
    let too_many = ForgeError::Limited("GitHub refused too many comments".to_owned());
    outcome.refuse(work.into_iter().flatten(), &too_many);
    Ok(outcome)
}

async fn post(
    github: &GitHub,
    review: &Review<'_>,
    request_changes: bool,
    comments: &[&LineComment],
) -> Result<(), ForgeError> {
    let body = json!({
        "commit_id": review.head_sha,
        "event": if request_changes { "REQUEST_CHANGES" } else { "COMMENT" },
        "body": (review.body)(comments.len()),
        "comments": comments.iter().map(|comment| comment_json(comment)).collect::<Vec<_>>(),
    });
    const TRIES: usize = 2;
    let route = github.pull_route("/reviews");
    let mut result = create(github, &route, &body, "the review").await;
    for attempt in 1..=TRIES {
        // the answer was lost, but perhaps not the review; what cannot be looked up is not sent again
        match &result {
            Err(ForgeError::Unsure(_)) if stands_already(github, comments).await? => return Ok(()),
            Err(ForgeError::Unsure(_)) if attempt < TRIES => {
                result = create(github, &route, &body, "the review").await;
            }
            _ => break,
        }
    }
    result.map(drop)
}

/// Removes the reviews that a dead run left unfinished; GitHub lets an identity have one. Whether there was one: a draft
/// that a person is writing under the same identity stays.
async fn discard_pending(github: &GitHub) -> Result<bool, ForgeError> {
    let (_, conversation) = read::read(github).await?;
    for review in &conversation.pending {
        let answer =
            github.api.send(Method::Delete, &github.pull_route(&format!("/reviews/{review}")), None, None).await?;
        // what is gone is as good as removed
        if answer.status != 404 {
            answer.ok("the unfinished review of an earlier run")?;
        }
    }
    Ok(!conversation.pending.is_empty())
}

/// Creates something, and makes sure that it was: what GitHub made has an identifier.
async fn create(github: &GitHub, route: &str, body: &Value, what: &str) -> Result<Value, ForgeError> {
    let answer = github.write(Method::Post, route, body).await?.ok(what)?;
    match answer.json() {
        Ok(json) if json["id"].is_u64() => Ok(json),
        _ => Err(ForgeError::Unsure(format!("GitHub's answer does not tell whether it took {what}"))),
    }
}

/// Whether the first of these comments can be seen on the request; a review without any is there to ask for changes.
async fn stands_already(github: &GitHub, comments: &[&LineComment]) -> Result<bool, ForgeError> {
    let (_, conversation) = read::read(github).await?;
    let Some(wanted) = comments.first().and_then(|comment| fingerprint_of(&comment.body)) else {
        return Ok(!conversation.blocking.is_empty());
    };
    Ok(conversation.comments.iter().any(|comment| fingerprint_of(&comment.body) == Some(wanted)))
}

/// `start_line` must precede `line`, and stands only where there is more than one.
fn comment_json(comment: &LineComment) -> Value {
    let side = if comment.side == Side::Left { "LEFT" } else { "RIGHT" };
    let (first, last) = (comment.first.on(comment.side), comment.last.on(comment.side));
    let mut json = json!({"path": comment.path, "body": comment.body, "line": last, "side": side});
    if first < last {
        json["start_line"] = first.into();
        json["start_side"] = side.into();
    }
    json
}

/// Creates or edits a comment on the request as a whole. One that vanished is made anew.
pub async fn comment(github: &GitHub, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError> {
    const WHAT: &str = "the summary comment";
    let json = json!({"body": body});
    let url = |json: &Value| json["html_url"].as_str().map(str::to_owned);
    if let Some(id) = existing {
        let route = github.repo_route(&format!("issues/comments/{id}"));
        let answer = github.write(Method::Patch, &route, &json).await?;
        if answer.status != 404 {
            return Ok(url(&answer.ok(WHAT)?.json()?));
        }
    }
    let route = github.issue_route("/comments");
    match create(github, &route, &json, WHAT).await {
        Err(ForgeError::Unsure(_)) => {
            // the answer was lost, but perhaps not the comment; the host may have changed its white space
            let standing = github.api.list(&route, "the comments").await?;
            let is_it = |comment: &&Value| comment["body"].as_str().is_some_and(|text| has_same_words(text, body));
            if let Some(found) = standing.iter().find(is_it) {
                return Ok(url(found));
            }
            Ok(url(&create(github, &route, &json, WHAT).await?))
        }
        result => Ok(url(&result?)),
    }
}

/// Writes another text into a line comment.
pub async fn edit(github: &GitHub, comment: u64, body: &str) -> Result<(), ForgeError> {
    let route = github.repo_route(&format!("pulls/comments/{comment}"));
    let answer = github.write(Method::Patch, &route, &json!({"body": body})).await?;
    match answer.status {
        404 => Err(ForgeError::Gone),
        _ => answer.ok("a comment of an earlier run").map(drop),
    }
}

/// Takes away a comment. One that is gone is as good.
pub async fn remove(github: &GitHub, own: Own) -> Result<(), ForgeError> {
    let route = match own {
        Own::OnLine(id) => format!("pulls/comments/{id}"),
        Own::OnRequest(id) => format!("issues/comments/{id}"),
    };
    let answer = github.api.send(Method::Delete, &github.repo_route(&route), None, None).await?;
    match answer.status {
        404 => Ok(()),
        _ => answer.ok("a comment that stands twice").map(drop),
    }
}

/// Takes back a review that asks for changes. One that is dismissed already, or gone, is as good.
pub async fn dismiss(github: &GitHub, review: u64, message: &str) -> Result<(), ForgeError> {
    let route = github.pull_route(&format!("/reviews/{review}/dismissals"));
    let answer = github.write(Method::Put, &route, &json!({"message": message, "event": "DISMISS"})).await?;
    match answer.status {
        404 | 422 => Ok(()),
        _ => answer.ok("the review that asks for changes").map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::LineKind;
    use crate::forge::Spot;

    #[test]
    fn ranges_of_one_line_have_no_start() {
        let spot = |new| Spot { kind: LineKind::Added, old: 1, new };
        let comment = |start| LineComment {
            path: "a".into(),
            old_path: "a".into(),
            side: Side::Right,
            first: spot(start),
            last: spot(3),
            body: "b".into(),
        };
        assert_eq!(comment_json(&comment(3)), json!({"path": "a", "body": "b", "line": 3, "side": "RIGHT"}));
        assert_eq!(comment_json(&comment(1))["start_line"], 1);
    }
}
