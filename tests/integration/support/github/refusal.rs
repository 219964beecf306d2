//! Refusals in the shape and the words of the API.

use serde_json::{Value, json};

use crate::support::fault::Fault;
use crate::support::server::Reply;

const DOCS: &str = "https://docs.github.com/rest";

/// An error with a message.
pub fn problem(status: u16, message: &str, doc: &str) -> Reply {
    with_errors(status, message, doc, None)
}

/// 422 of the reviews endpoint: all problems in one string, and no word on which comment has them.
pub fn unprocessable(doc: &str, text: impl Into<String>) -> Reply {
    with_errors(422, "Unprocessable Entity", doc, Some(vec![Value::String(text.into())]))
}

/// 422 of the other endpoints: an object for each problem.
pub fn invalid(doc: &str, errors: Vec<Value>) -> Reply {
    with_errors(422, "Validation Failed", doc, Some(errors))
}

/// 406 for a diff over a limit of the host.
pub fn too_large(what: &str, limit: usize) -> Reply {
    let text = format!(
        "Sorry, the diff exceeded the maximum number of {what} ({limit}). Consider using 'List pull requests files' API or \
         locally cloning the repository instead."
    );
    let errors = vec![json!({"resource": "PullRequest", "field": "diff", "code": "too_large"})];
    with_errors(406, &text, "pulls/pulls#list-pull-requests-files", Some(errors))
}

/// 403 for a limit on bursts; `content` for the one on comments and reviews.
pub fn secondary_limit(content: bool, retry_after: Option<u64>) -> Reply {
    let text = if content {
        " and have been temporarily blocked from content creation. Please retry your request again later. For more on scraping \
         GitHub and how it may affect your rights, please review our Terms of Service \
         (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)"
    } else {
        ". Please wait a few minutes before you try again."
    };
    let body = json!({
        "documentation_url": "https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits",
        "message": format!("You have exceeded a secondary rate limit{text}"),
    });
    let reply = Reply::json(403, &body);
    retry_after.map_or(reply.clone(), |seconds| reply.header("retry-after", seconds))
}

/// 403 for the limit on requests in an hour.
pub fn primary_limit() -> Reply {
    let doc = "overview/rate-limits-for-the-rest-api";
    problem(403, "API rate limit exceeded for installation ID 4242.", doc).header("x-ratelimit-remaining", 0)
}

/// The answers of faults that only this host has.
pub fn planted(fault: &Fault, doc: &str) -> Option<Reply> {
    match fault {
        Fault::Spammed => Some(unprocessable(doc, "Validation failed, or the endpoint has been spammed.")),
        Fault::SecondaryLimit(retry_after) => Some(secondary_limit(false, *retry_after)),
        Fault::PrimaryLimit => Some(primary_limit()),
        _ => None,
    }
}

fn with_errors(status: u16, message: &str, doc: &str, errors: Option<Vec<Value>>) -> Reply {
    let mut body = json!({"message": message});
    if let Some(errors) = errors {
        body["errors"] = Value::Array(errors);
    }
    let url = if doc.is_empty() { DOCS.to_owned() } else { format!("{DOCS}/{doc}") };
    body["documentation_url"] = json!(url);
    body["status"] = json!(status.to_string());
    Reply::json(status, &body)
}
