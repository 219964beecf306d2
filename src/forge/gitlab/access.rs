//! What the token may write, found out without writing anything.
//!
//! GitLab looks at the token's scope and the role first, and at the text after them. So a note is sent that says nothing:
//! who may not write gets 401, 403 or 404, and who may gets 400 for the text. Comments on lines need the same permission.

use serde_json::json;

use super::http::{Answer, REMEDY};
use super::{GitLab, Token};
use crate::forge::{Access, ForgeError};

/// Asks; without a token that could write nothing is asked.
pub async fn access(gitlab: &GitLab) -> Result<Access, ForgeError> {
    if let Err(err) = gitlab.api.check_writer() {
        return Ok(both(Err(err.to_string())));
    }
    let answer = gitlab.api.probe(&gitlab.route("/notes"), &json!({"body": ""})).await?;
    verdict(answer, gitlab).map(both)
}

fn both(result: Result<(), String>) -> Access {
    Access { review: result.clone(), comment: result }
}

/// What an answer to an impossible note says of the permission.
///
/// # Errors
/// It says nothing of it: the token is wrong, a limit is reached, or the host is out of order.
fn verdict(answer: Answer, gitlab: &GitLab) -> Result<Result<(), String>, ForgeError> {
    let (status, message) = (answer.status, answer.message());
    let said = message.to_lowercase();
    match status {
        400 | 422 => Ok(Ok(())),
        403 | 404 if said.contains("archived") || said.contains("locked") => Ok(Err(format!(
            "GitLab takes no notes here ({status}: {message})\nhint: the project is archived, or the discussion is locked"
        ))),
        403 | 404 => Ok(Err(format!("the token may not post notes ({status}: {message})\nhint: {}", remedy(gitlab)))),
        // must not happen; but whoever could create something may
        201 => Ok(Ok(())),
        200..=299 => {
            Err(ForgeError::Unsure("GitLab's answer does not tell whether the token may post notes".to_owned()))
        }
        _ => answer.ok(&gitlab.name()).map(|_| Ok(())),
    }
}

fn remedy(gitlab: &GitLab) -> &'static str {
    match gitlab.api.token() {
        Token::Access(_) => "the token needs the scope `api`, and the role Developer in the project of the request",
        _ => REMEDY,
    }
}
