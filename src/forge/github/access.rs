//! What the token may write, found out without writing anything.
//!
//! GitHub looks at the permission first and at the content after it. So a review and a comment are sent that no host can
//! take, each for a reason that needs no luck: the review names a commit that cannot exist and says nothing, and the
//! comment says nothing. Who may not write gets 403 or 404, and who may gets 422 for the content; nothing is created
//! either way, and so both may be repeated.

use serde_json::{Value, json};

use super::GitHub;
use super::http::Answer;
use crate::forge::{Access, ForgeError};

/// No commit has this name: git uses it for "none".
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// Asks for both; without a token nothing is asked.
pub async fn access(github: &GitHub) -> Result<Access, ForgeError> {
    if !github.api.has_token {
        let refusal = "there is no token, and nobody posts without one\nhint: set `GITHUB_TOKEN`; in a workflow to `${{ github.token }}`";
        return Ok(Access { review: Err(refusal.to_owned()), comment: Err(refusal.to_owned()) });
    }
    // one after the other, as GitHub wants requests that could write
    let review = github.api.probe(&github.pull_route("/reviews"), &impossible_review()).await?;
    let review = verdict(review, "reviews", github)?;
    let comment = github.api.probe(&github.issue_route("/comments"), &impossible_comment()).await?;
    Ok(Access { review, comment: verdict(comment, "comments", github)? })
}

/// Refused twice over: for its commit, and for having neither text nor comments.
fn impossible_review() -> Value {
    json!({"commit_id": NO_COMMIT, "event": "COMMENT", "body": ""})
}

fn impossible_comment() -> Value {
    json!({"body": ""})
}

/// Refusals that no permission helps against, by what GitHub says in lower case, and what does help.
const OTHER_CAUSES: [(&str, &str); 6] = [
    ("archived", "unarchive the repository; as it is, nobody can write to it"),
    ("is locked", "unlock the conversation of the request"),
    ("lock prevents", "unlock the conversation of the request"),
    ("pending review", "submit or discard the review that the token's owner has begun on the request"),
    ("saml", "authorise the token for the organisation's single sign-on, in the token's settings"),
    ("ip allow list", "run where the organisation's list of addresses allows it"),
];

/// What an answer to an impossible request says of the permission.
///
/// # Errors
/// It says nothing of it: the token is wrong, a limit is reached, or the host is out of order.
fn verdict(answer: Answer, what: &str, github: &GitHub) -> Result<Result<(), String>, ForgeError> {
    let (status, message) = (answer.status, answer.message());
    let said = message.to_lowercase();
    let other = OTHER_CAUSES.iter().find(|(phrase, _)| said.contains(phrase)).map(|(_, remedy)| *remedy);
    match (status, other) {
        (403, _) if answer.is_limited() => {}
        (403 | 404 | 422, Some(remedy)) => {
            return Ok(Err(format!("GitHub takes no {what} here ({status}: {message})\nhint: {remedy}")));
        }
        (422, None) => return Ok(Ok(())),
        (403 | 404 | 410, _) => {
            let remedy = remedy(github.api.token_kind());
            return Ok(Err(format!("the token may not post {what} ({status}: {message})\nhint: {remedy}")));
        }
        // must not happen; but whoever could create something may. A list is what a redirected read gets.
        (200..=299, _) if answer.json().is_ok_and(|created| created["id"].is_u64()) => return Ok(Ok(())),
        (200..=299, _) => {
            return Err(ForgeError::Unsure(format!("GitHub's answer does not tell whether the token may post {what}")));
        }
        _ => {}
    }
    answer.ok(&github.name()).map(|_| Ok(()))
}

/// Who gave a token, as its first letters tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An app, such as that of a run of Actions.
    Installation,
    /// A person, for some repositories and permissions.
    FineGrained,
    /// A person, for everything that the scopes allow.
    Classic,
    /// Somebody.
    Unknown,
}

impl TokenKind {
    /// Reads the first letters.
    pub fn of(token: &str) -> TokenKind {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| token.starts_with(prefix));
        match token {
            _ if starts(&["ghs_"]) => TokenKind::Installation,
            _ if starts(&["github_pat_"]) => TokenKind::FineGrained,
            _ if starts(&["ghp_", "gho_"]) => TokenKind::Classic,
            _ => TokenKind::Unknown,
        }
    }
}

fn remedy(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Installation => {
            "add `pull-requests: write` under `permissions:` in the workflow; a request from a fork never gets it on `pull_request`"
        }
        TokenKind::FineGrained => {
            "give the token this repository and the permission `Pull requests: Read and write` (`pull-requests: write`)"
        }
        TokenKind::Classic => "give the token the scope `repo` (`public_repo` for a public repository)",
        TokenKind::Unknown => {
            "the token needs `pull-requests: write`: in a workflow under `permissions:`, else in the token's settings"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::github::Settings;
    use crate::secret::Secret;

    fn github(token: &str) -> GitHub {
        GitHub::new(Settings {
            api_url: "http://127.0.0.1:1".to_owned(),
            graphql_url: "http://127.0.0.1:1/graphql".to_owned(),
            token: Secret::new(token),
            owner: "o".to_owned(),
            repo: "r".to_owned(),
            number: 7,
            on_event: None,
        })
        .unwrap()
    }

    /// `expected` is a part of the refusal; empty where the token may write.
    #[track_caller]
    fn check(status: u16, message: &str, expected: &str) {
        let answer = Answer::new(status, &[], &json!({"message": message}).to_string());
        match verdict(answer, "reviews", &github("ghs_1")).unwrap() {
            Ok(()) => assert_eq!(expected, "", "{status} {message}"),
            Err(refusal) => {
                assert!(!expected.is_empty() && refusal.contains(expected), "{refusal}");
                assert!(refusal.contains("\nhint: "), "{refusal}");
            }
        }
    }

    #[tokio::test]
    async fn the_permission_is_what_counts() {
        check(422, "Unprocessable Entity", "");
        check(403, "Resource not accessible by integration", "`pull-requests: write`");
        check(404, "Not Found", "`pull-requests: write`");
        check(403, "Repository was archived so is read-only.", "unarchive");
        check(403, "Unable to create comment because issue is locked.", "unlock");
        check(422, "lock prevents review", "unlock");
        check(422, "User can only have one pending review per pull request", "discard");
        check(403, "Resource protected by organization SAML enforcement.", "single sign-on");
    }

    #[track_caller]
    fn check_unknown(status: u16, headers: &[(&'static str, &str)], body: &str, is_expected: fn(&ForgeError) -> bool) {
        let error = verdict(Answer::new(status, headers, body), "reviews", &github("ghs_1")).unwrap_err();
        assert!(is_expected(&error), "{error:?}");
    }

    #[tokio::test]
    async fn an_answer_that_says_nothing_of_it_is_no_verdict() {
        check_unknown(401, &[], r#"{"message":"Bad credentials"}"#, |err| matches!(err, ForgeError::Failed(_)));
        check_unknown(403, &[("retry-after", "7")], "{}", |err| matches!(err, ForgeError::Limited(_)));
        check_unknown(429, &[], "{}", |err| matches!(err, ForgeError::Limited(_)));
        check_unknown(502, &[], "<html>", |err| matches!(err, ForgeError::Unsure(_)));
        check_unknown(200, &[], "<html>", |err| matches!(err, ForgeError::Unsure(_)));
        check_unknown(200, &[], r#"[{"id": 1}]"#, |err| matches!(err, ForgeError::Unsure(_)));
        let created = verdict(Answer::new(201, &[], r#"{"id": 1}"#), "reviews", &github("ghs_1"));
        assert_eq!(created, Ok(Ok(())), "whoever could create something may");
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_asked() {
        // nobody listens at the address
        let access = access(&github("")).await.unwrap();
        assert!(access.review.unwrap_err().starts_with("there is no token"));
        assert!(access.comment.is_err());
    }

    #[test]
    fn the_remedy_is_the_one_of_the_token() {
        let check = |token, part: &str| assert!(remedy(TokenKind::of(token)).contains(part), "{token}");
        check("ghs_1", "under `permissions:` in the workflow");
        check("github_pat_1", "Read and write");
        check("ghp_1", "`public_repo`");
        check("4711", "`pull-requests: write`");
    }
}
