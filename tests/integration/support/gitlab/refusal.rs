//! Refusals in the shapes and the words of the API.

use serde_json::json;

use crate::support::fault::Fault;
use crate::support::server::Reply;

/// An error of the application.
pub fn problem(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"message": message}))
}

/// An error of the layer that reads parameters.
pub fn error(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({"error": error}))
}

pub fn unauthorized() -> Reply {
    problem(401, "401 Unauthorized")
}

pub fn forbidden() -> Reply {
    problem(403, "403 Forbidden")
}

/// A thing that is not there: `404 Discussion Not Found`; a record that was not found has no name.
pub fn missing(what: &str) -> Reply {
    if what.is_empty() { problem(404, "404 Not found") } else { problem(404, &format!("404 {what} Not Found")) }
}

pub fn bad_request(reason: &str) -> Reply {
    problem(400, &format!("400 Bad request - {reason}"))
}

/// Parameters that must be there: `body is missing`.
pub fn lacking(names: &[&str]) -> Reply {
    let each: Vec<String> = names.iter().map(|name| format!("{name} is missing")).collect();
    error(400, &each.join(", "))
}

pub fn insufficient_scope() -> Reply {
    let text = "The request requires higher privileges than provided by the access token.";
    Reply::json(403, &json!({"error": "insufficient_scope", "error_description": text, "scope": "api"}))
}

/// A note that is not valid: what is wrong, by attribute.
pub fn invalid(problems: &[(&str, &[&str])], new_ruby: bool) -> Reply {
    let each = problems.iter().map(
        |(name, texts)| {
            if new_ruby { format!("{name}: {texts:?}") } else { format!(":{name}=>{texts:?}") }
        },
    );
    bad_request(&format!("Note {{{}}}", each.collect::<Vec<_>>().join(", ")))
}

/// 429 of the application; it does not say when to come back.
pub fn too_many_requests() -> Reply {
    let text = "This endpoint has been requested too many times. Try again later.";
    Reply::json(429, &json!({"message": {"error": text}}))
}

/// 429 from before the application: plain text.
pub fn retry_later(seconds: u64) -> Reply {
    Reply::bytes(429, "text/plain", b"Retry later\n".to_vec()).header("retry-after", seconds)
}

/// The answers of faults that only this host has.
pub fn planted(fault: &Fault) -> Option<Reply> {
    match fault {
        Fault::RetryLater(seconds) => Some(retry_later(*seconds)),
        Fault::TooManyRequests => Some(too_many_requests()),
        Fault::Unknown => Some(error(404, "404 Not Found")),
        _ => None,
    }
}
