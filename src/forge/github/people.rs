//! What people said by other means than text, who they are, and how they are answered.

use serde_json::{Value, json};

use super::GitHub;
use super::http::Method;
use crate::forge::{ForgeError, Reaction};

/// Which of these line comments people turned down by a 👎, and who they are. A bot's counts for nothing.
pub async fn disliked(github: &GitHub, comments: &[u64]) -> Result<Vec<(u64, Vec<String>)>, ForgeError> {
    let mut found = Vec::new();
    for comment in github.api.list(&github.pull_route("/comments"), "the review comments").await? {
        let Some(id) = comment["id"].as_u64().filter(|id| comments.contains(id)) else { continue };
        if comment["reactions"]["-1"].as_u64().unwrap_or_default() > 0 {
            let people = people_against(github, id).await?;
            found.extend((!people.is_empty()).then_some((id, people)));
        }
    }
    Ok(found)
}

/// The logins of the people who turned a comment down; empty for a deleted account.
async fn people_against(github: &GitHub, comment: u64) -> Result<Vec<String>, ForgeError> {
    let route = github.repo_route(&format!("pulls/comments/{comment}/reactions?content=-1&per_page=100"));
    let reactions = github.api.get(&route, None).await?.ok("the reactions to a comment")?.json()?;
    let is_no = |reaction: &&Value| reaction["content"] == "-1" && reaction["user"]["type"] != "Bot";
    let login = |reaction: &Value| reaction["user"]["login"].as_str().unwrap_or_default().to_owned();
    Ok(reactions.as_array().into_iter().flatten().filter(is_no).map(login).collect())
}

/// Whether somebody has write access to the repository.
pub async fn is_writer(github: &GitHub, login: &str) -> Result<bool, ForgeError> {
    // a login that is none must not lead to another address
    if login.is_empty() || !login.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        return Ok(false);
    }
    let route = github.repo_route(&format!("collaborators/{login}/permission"));
    let answer = github.api.get(&route, None).await?;
    if answer.status == 404 {
        return Ok(false);
    }
    let json = answer.ok("the permission of the one who commented")?.json()?;
    Ok(matches!(json["permission"].as_str(), Some("write" | "admin" | "maintain")))
}

/// Puts a reaction on a comment of the request. GitHub keeps one of each kind, so that repeating does no harm.
pub async fn react(github: &GitHub, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
    let content = match reaction {
        Reaction::Eyes => "eyes",
        Reaction::Confused => "confused",
    };
    let route = github.repo_route(&format!("issues/comments/{comment}/reactions"));
    github.write(Method::Post, &route, &json!({"content": content})).await?.ok("a reaction").map(drop)
}
