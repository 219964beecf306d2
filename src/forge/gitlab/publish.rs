//! What is written to a merge request.

use serde_json::{Value, json};

use super::http::{Answer, Method};
use super::position::{Version, position, versions};
use super::quick_action::without_commands;
use super::{GitLab, drafts, read};
use crate::forge::{ForgeError, LineComment, Own, Review, ReviewOutcome, has_same_words};
use crate::marks::fingerprint_of;

/// Posts the comments of a review: as drafts that are published in one go, so that people get one notification, and those
/// that this way does not take one by one. A refusal never stops the rest.
pub async fn review(gitlab: &GitLab, review: &Review<'_>) -> Result<ReviewOutcome, ForgeError> {
    let mut outcome = ReviewOutcome::default();
    if review.request_changes {
        let note = "GitLab has no review that asks for changes: `fail-on` makes the job fail instead";
        outcome.notes.push(note.to_owned());
    }
    if review.comments.is_empty() {
        return Ok(outcome);
    }
    gitlab.api.check_writer()?;
    let version = version_of(gitlab, &review.head_sha).await?;
    let left = drafts::post(gitlab, &version, &review.comments, &mut outcome).await?;
    one_by_one(gitlab, &version, &review.comments, left, &mut outcome).await?;
    outcome.refused.sort_by_key(|refusal| refusal.index);
    Ok(outcome)
}

/// The version of the head that was reviewed.
async fn version_of(gitlab: &GitLab, head_sha: &str) -> Result<Version, ForgeError> {
    let found = versions(gitlab).await?.into_iter().find(|version| version.head == head_sha);
    found.ok_or_else(|| {
        let head: String = head_sha.chars().take(9).collect();
        ForgeError::Unsure(format!("GitLab has no version of the diff for {head}\nhint: run the job again"))
    })
}

/// Posts each comment as a discussion.
async fn one_by_one(
    gitlab: &GitLab,
    version: &Version,
    comments: &[LineComment],
    left: Vec<usize>,
    outcome: &mut ReviewOutcome,
) -> Result<(), ForgeError> {
    let mut left = left.into_iter();
    let mut is_in_trouble = false;
    while let Some(index) = left.next() {
        match discussion(gitlab, version, &comments[index]).await {
            Ok(()) => {
                outcome.posted += 1;
                is_in_trouble = false;
            }
            Err(err @ ForgeError::Refused(_)) => outcome.refuse([index], &err),
            // some of its versions fail at a place that others refuse; a host that fails twice is in trouble
            Err(err @ ForgeError::Unsure(_)) if !is_in_trouble && left.len() > 0 => {
                outcome.refuse([index], &err);
                is_in_trouble = true;
            }
            Err(err) if outcome.posted == 0 && outcome.refused.iter().all(|refusal| !refusal.is_final) => {
                outcome.refused.clear();
                return Err(err);
            }
            // part of it stands already: the rest is told in the summary, and a host in trouble is left alone
            Err(err) => {
                outcome.refuse(std::iter::once(index).chain(left), &err);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Starts a discussion. Where the answer is lost, the comment is looked for before it is sent once more; what cannot be
/// looked up is not sent again.
async fn discussion(gitlab: &GitLab, version: &Version, comment: &LineComment) -> Result<(), ForgeError> {
    let body = json!({"body": without_commands(&comment.body), "position": position(version, comment)});
    let mut again = true;
    loop {
        match create(gitlab, &gitlab.route("/discussions"), &body, "a comment").await {
            Err(ForgeError::Unsure(_)) if read::standing(gitlab).await?.contains(&mark(comment)) => return Ok(()),
            Err(ForgeError::Unsure(_)) if again => again = false,
            result => return result.map(drop),
        }
    }
}

/// The fingerprint of a comment to be.
pub fn mark(comment: &LineComment) -> String {
    fingerprint_of(&comment.body).unwrap_or_default().to_owned()
}

/// Creates something, and makes sure that it was: what GitLab made has an identifier.
pub async fn create(gitlab: &GitLab, route: &str, body: &Value, what: &str) -> Result<Value, ForgeError> {
    made(gitlab.api.send(Method::Post, route, Some(body)).await?, what)
}

/// What was created or changed; a page of a proxy says nothing of it.
fn made(answer: Answer, what: &str) -> Result<Value, ForgeError> {
    match answer.ok(what)?.json() {
        Ok(json) if json["id"].is_u64() || json["id"].is_string() => Ok(json),
        _ => Err(ForgeError::Unsure(format!("GitLab's answer does not tell whether it took {what}"))),
    }
}

/// Changes something; doing it twice is doing it once, which a page of a proxy in the place of an answer asks for.
async fn change(gitlab: &GitLab, route: &str, body: &Value) -> Result<Answer, ForgeError> {
    let answer = gitlab.api.send(Method::Put, route, Some(body)).await?;
    let is_unsure = (200..300).contains(&answer.status) && answer.json().is_err();
    if is_unsure { gitlab.api.send(Method::Put, route, Some(body)).await } else { Ok(answer) }
}

/// Creates or edits the note on the request as a whole. One that vanished is made anew.
pub async fn note(gitlab: &GitLab, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError> {
    const WHAT: &str = "the summary note";
    let text = without_commands(body);
    let json = json!({"body": text});
    if let Some(id) = existing {
        let answer = change(gitlab, &gitlab.route(&format!("/notes/{id}")), &json).await?;
        if answer.status != 404 {
            return made(answer, WHAT).map(|_| gitlab.note_url(id));
        }
    }
    let mut again = true;
    loop {
        let id = match create(gitlab, &gitlab.route("/notes"), &json, WHAT).await {
            // the answer was lost, but perhaps not the note
            Err(err @ ForgeError::Unsure(_)) => match lost(gitlab, &text).await? {
                Some(id) => Some(id),
                None if again => {
                    again = false;
                    continue;
                }
                None => return Err(err),
            },
            result => result?["id"].as_u64(),
        };
        return Ok(id.and_then(|id| gitlab.note_url(id)));
    }
}

/// The note of this text whose answer was lost.
async fn lost(gitlab: &GitLab, text: &str) -> Result<Option<u64>, ForgeError> {
    let notes = gitlab.api.list(&gitlab.route("/notes"), "the notes").await?;
    let is_it = |note: &&Value| note["body"].as_str().is_some_and(|body| has_same_words(body, text));
    Ok(notes.iter().find(is_it).and_then(|note| note["id"].as_u64()))
}

/// Writes another text into a comment.
pub async fn edit(gitlab: &GitLab, comment: u64, body: &str) -> Result<(), ForgeError> {
    let json = json!({"body": without_commands(body)});
    let answer = change(gitlab, &gitlab.route(&format!("/notes/{comment}")), &json).await?;
    match answer.status {
        404 => Err(ForgeError::Gone),
        _ => made(answer, "a comment of an earlier run").map(drop),
    }
}

/// Takes away a comment. One that is gone is as good.
pub async fn remove(gitlab: &GitLab, own: Own) -> Result<(), ForgeError> {
    let (Own::OnLine(id) | Own::OnRequest(id)) = own;
    let answer = gitlab.api.send(Method::Delete, &gitlab.route(&format!("/notes/{id}")), None).await?;
    match answer.status {
        404 => Ok(()),
        _ => answer.ok("a comment that stands twice").map(drop),
    }
}

/// Marks threads as resolved or as open; doing it twice is doing it once. One result for each, in order.
pub async fn resolve(gitlab: &GitLab, threads: &[String], resolved: bool) -> Vec<Result<(), ForgeError>> {
    let mut results: Vec<Result<(), ForgeError>> = Vec::new();
    for thread in threads {
        // where the host is at its limit, asking on makes it worse
        let result = match results.last() {
            Some(Err(err @ ForgeError::Limited(_))) => Err(err.clone()),
            _ => {
                let route = gitlab.route(&format!("/discussions/{thread}"));
                let answer = change(gitlab, &route, &json!({"resolved": resolved})).await;
                answer.and_then(|answer| made(answer, "a thread").map(drop))
            }
        };
        results.push(result);
    }
    results
}
