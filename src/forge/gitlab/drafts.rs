//! Comments as drafts, published in one go: people get one notification instead of ten.

use serde_json::{Value, json};

use super::GitLab;
use super::http::Method;
use super::position::{Version, position};
use super::publish::{create, mark};
use super::quick_action::without_commands;
use super::read::standing;
use crate::forge::{ForgeError, LineComment, ReviewOutcome};
use crate::marks::fingerprint_of;

/// Posts the comments as far as this way takes them, and counts them in `outcome`. The indices of those that have to go
/// another way come back.
pub async fn post(
    gitlab: &GitLab,
    version: &Version,
    comments: &[LineComment],
    outcome: &mut ReviewOutcome,
) -> Result<Vec<usize>, ForgeError> {
    let all = || (0..comments.len()).collect();
    let has_others = match discard_leftovers(gitlab).await {
        Ok(has_others) => has_others,
        Err(err @ ForgeError::Limited(_)) => return Err(err),
        // a host without drafts, or one in trouble
        Err(_) => return Ok(all()),
    };
    // one comment is one notification either way
    if comments.len() < 2 {
        return Ok(all());
    }
    let mut drafted = Vec::new();
    let mut wanted = Vec::new();
    let mut is_in_trouble = false;
    for (index, comment) in comments.iter().enumerate() {
        match draft(gitlab, version, comment).await {
            Ok(id) => {
                drafted.push(id);
                wanted.push(index);
            }
            Err(err @ ForgeError::Refused(_)) => outcome.refuse([index], &err),
            // it goes another way, which tells what is wrong with it; a host that fails twice is in trouble
            Err(ForgeError::Unsure(_)) if !is_in_trouble => {
                wanted.push(index);
                is_in_trouble = true;
            }
            Err(_) => {
                wanted.extend(index..comments.len());
                break;
            }
        }
    }
    publish(gitlab, &drafted, has_others).await;
    // a draft whose answer was lost twice may be public now; and GitLab drops in silence what it cannot place
    let seen = seen(gitlab, comments, &wanted).await?;
    let (there, gone): (Vec<usize>, Vec<usize>) =
        wanted.into_iter().partition(|index| seen.contains(&mark(&comments[*index])));
    outcome.posted += there.len();
    if !gone.is_empty() {
        // what is posted another way must not be published later; the next run looks for leftovers, too
        let _ = discard_leftovers(gitlab).await;
    }
    Ok(gone)
}

/// The marks of the comments that can be seen. Where the host does not show them, those of the drafts that are gone.
async fn seen(gitlab: &GitLab, comments: &[LineComment], wanted: &[usize]) -> Result<Vec<String>, ForgeError> {
    let err = match standing(gitlab).await {
        Ok(seen) => return Ok(seen),
        Err(err) => err,
    };
    let Ok(left) = gitlab.api.list(&gitlab.route("/draft_notes"), "the draft notes").await else { return Err(err) };
    let is_left =
        |mark: &String| left.iter().any(|draft| draft["note"].as_str().and_then(fingerprint_of) == Some(mark));
    Ok(wanted.iter().map(|&index| mark(&comments[index])).filter(|mark| !is_left(mark)).collect())
}

/// Removes the drafts that a dead run left. Whether there are others: a person may be writing under the same identity, and
/// theirs are neither removed nor published.
async fn discard_leftovers(gitlab: &GitLab) -> Result<bool, ForgeError> {
    let mut has_others = false;
    for draft in gitlab.api.list(&gitlab.route("/draft_notes"), "the draft notes").await? {
        let is_ours = draft["note"].as_str().is_some_and(|text| fingerprint_of(text).is_some());
        match draft["id"].as_u64().filter(|_| is_ours) {
            Some(id) => discard(gitlab, id).await?,
            None => has_others = true,
        }
    }
    Ok(has_others)
}

async fn discard(gitlab: &GitLab, id: u64) -> Result<(), ForgeError> {
    let answer = gitlab.api.send(Method::Delete, &gitlab.route(&format!("/draft_notes/{id}")), None).await?;
    match answer.status {
        404 => Ok(()),
        _ => answer.ok("a draft note of an earlier run").map(drop),
    }
}

/// Makes a draft. Its identifier.
async fn draft(gitlab: &GitLab, version: &Version, comment: &LineComment) -> Result<u64, ForgeError> {
    let body = json!({"note": without_commands(&comment.body), "position": position(version, comment)});
    let mut again = true;
    loop {
        match create(gitlab, &gitlab.route("/draft_notes"), &body, "a draft note").await {
            // the answer was lost, but perhaps not the draft
            Err(err @ ForgeError::Unsure(_)) => match drafted(gitlab, comment).await? {
                Some(found) => return Ok(found),
                None if again => again = false,
                None => return Err(err),
            },
            result => {
                let lacking = || ForgeError::Unsure("a draft note without a number".to_owned());
                return result?["id"].as_u64().ok_or_else(lacking);
            }
        }
    }
}

/// The draft of a comment, where there is one.
async fn drafted(gitlab: &GitLab, comment: &LineComment) -> Result<Option<u64>, ForgeError> {
    let drafts = gitlab.api.list(&gitlab.route("/draft_notes"), "the draft notes").await?;
    let wanted = mark(comment);
    let is_it = |draft: &&Value| draft["note"].as_str().and_then(fingerprint_of) == Some(wanted.as_str());
    Ok(drafts.iter().find(is_it).and_then(|draft| draft["id"].as_u64()))
}

/// Makes drafts public: all of the identity with one request, or, where there are others, these alone. Neither tells what
/// became of them.
async fn publish(gitlab: &GitLab, drafted: &[u64], has_others: bool) {
    if has_others {
        for id in drafted {
            let route = gitlab.route(&format!("/draft_notes/{id}/publish"));
            let _ = gitlab.api.send(Method::Put, &route, Some(&json!({}))).await;
        }
    } else if !drafted.is_empty() {
        let _ = gitlab.api.send(Method::Post, &gitlab.route("/draft_notes/bulk_publish"), Some(&json!({}))).await;
    }
}
