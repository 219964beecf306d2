//! What people said by other means than text, who they are, and how they are answered.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::GitLab;
use super::http::Method;
use super::read::is_bot;
use crate::forge::wire::segment;
use crate::forge::{ForgeError, Reaction};

/// Comments that are asked about at the same time.
const AT_ONCE: usize = 4;

/// Which of these comments people turned down by a 👎, and who they are.
pub async fn disliked(gitlab: &GitLab, comments: &[u64]) -> Result<Vec<(u64, Vec<String>)>, ForgeError> {
    let mut found = Vec::new();
    for some in comments.chunks(AT_ONCE) {
        let asked = some.iter().map(|&comment| people_against(gitlab, comment));
        found.extend(some.iter().copied().zip(try_join_all(asked).await?));
    }
    found.retain(|(_, people)| !people.is_empty());
    Ok(found)
}

/// The usernames of those who turned a comment down.
async fn people_against(gitlab: &GitLab, comment: u64) -> Result<Vec<String>, ForgeError> {
    let route = gitlab.route(&format!("/notes/{comment}/award_emoji?per_page=100"));
    let answer = gitlab.api.get(&route).await?;
    if answer.status == 404 {
        // somebody took the comment away in the meantime
        return Ok(Vec::new());
    }
    let awards = answer.ok("the emoji at a comment")?.json()?;
    let is_no = |award: &&Value| award["name"].as_str().is_some_and(|name| name.starts_with("thumbsdown"));
    let is_by_person = |award: &&Value| !is_bot(&award["user"]);
    let name = |award: &Value| award["user"]["username"].as_str().unwrap_or_default().to_owned();
    Ok(awards.as_array().into_iter().flatten().filter(is_no).filter(is_by_person).map(name).collect())
}

/// GitLab's number for the role Developer, the lowest one that may push.
const DEVELOPER: u64 = 30;

/// Whether somebody has write access to the project, of their own or by a group.
pub async fn is_writer(gitlab: &GitLab, login: &str) -> Result<bool, ForgeError> {
    if login.is_empty() {
        return Ok(false);
    }
    let route = gitlab.project_route(&format!("/members/all?per_page=100&query={}", segment(login)));
    let members = gitlab.api.read(&route, "the members of the project").await?.json()?;
    let is_it = |member: &&Value| member["username"] == login && member["state"] != "blocked";
    let mut found = members.as_array().into_iter().flatten().filter(is_it);
    Ok(found.any(|member| member["access_level"].as_u64() >= Some(DEVELOPER)))
}

/// Puts an emoji on a note of the request. GitLab keeps one of each kind, so that repeating does no harm.
pub async fn react(gitlab: &GitLab, note: u64, reaction: Reaction) -> Result<(), ForgeError> {
    let name = match reaction {
        Reaction::Eyes => "eyes",
        Reaction::Confused => "confused",
    };
    let route = gitlab.route(&format!("/notes/{note}/award_emoji"));
    let answer = gitlab.api.send(Method::Post, &route, Some(&json!({"name": name}))).await?;
    match answer.status {
        // it stands there already
        404 => Ok(()),
        _ => answer.ok("a reaction to a note").map(drop),
    }
}
