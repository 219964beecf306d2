//! What went wrong with a request, by what the caller does about it.

use http::StatusCode;

use super::openai::ApiError;
use crate::config::Provider;
use crate::secret::Secret;
use crate::usage::OverLimit;

/// Why there is no answer. The variants are the caller's choices; the texts hold no key and no control characters but the
/// line feed before a hint.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LlmError {
    /// Prompt or answer were too long: ask again in smaller pieces.
    #[error("{message}")]
    Split {
        /// Which of the two.
        what: TooLong,
        /// For the report, where nothing can be split any more.
        message: String,
    },
    /// No other request to this model will do better: key, quota, model or address. Another model may, and the client
    /// says at once where it will not.
    #[error("{0}")]
    Stop(String),
    /// This request failed, and others may succeed.
    #[error("{0}")]
    Failed(String),
    /// The model gave no answer in time: overloaded, limited, or lost. Another model may have the time.
    #[error("{0}")]
    Busy(String),
    /// The cost limit leaves no room; the request was not sent.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
}

/// What was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLong {
    /// The prompt: the model's window or the account's limit for one request.
    Prompt,
    /// The answer, which was cut at the tokens it may have (and paid for).
    Answer,
}

/// An error with what its kind says about a repeat.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: LlmError,
    /// Whether the same request may succeed later.
    pub(super) retry: bool,
    /// Where it stops everything: what that is.
    pub(super) scope: Scope,
}

/// What an error is about: all that has the same one fails too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The model: missing, or not up to what is asked.
    Model,
    /// What may be spent, by account or by model: some servers count for each model.
    Quota,
    /// The server: key and address.
    Server,
}

/// Who was asked: what messages name and what they must not show.
pub(super) struct Asked<'a> {
    pub(super) provider: Provider,
    /// Scheme, host and port of the server.
    pub(super) origin: &'a str,
    pub(super) model: &'a str,
    pub(super) key: Option<&'a Secret>,
}

/// Codes of accounts that have no money left; waiting brings none.
const QUOTA: [&str; 5] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
];

/// How servers say that a prompt is too long, in lower case.
const TOO_LONG: [&str; 7] = [
    "request too large",
    "maximum context length",
    "context window",
    "context length",
    "context size",
    "prompt is too long",
    "input tokens exceed",
];

/// How servers say that they did not like the text of this prompt, in lower case.
const FILTERED: [&str; 3] = ["content management policy", "content policy", "flagged"];

/// Sorts a server's refusal by what the caller does about it.
pub(super) fn classify(error: &ApiError, asked: &Asked<'_>) -> Failure {
    let message = error.message.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let is = |code: &str| error.code.as_deref() == Some(code);
    let refused = error.status >= 400;
    if error.status == 402 || QUOTA.iter().any(|code| is(code) || error.kind.as_deref() == Some(code)) {
        return Failure { scope: Scope::Quota, ..stop(quota(error, asked)) };
    }
    if refused && error.status < 500 {
        if is("context_length_exceeded") || error.status == 413 || says(&TOO_LONG) {
            let message = asked.sentence("the prompt is too long", error);
            return Failure {
                error: LlmError::Split { what: TooLong::Prompt, message },
                retry: false,
                scope: Scope::Model,
            };
        }
        if ["content_filter", "content_policy_violation", "invalid_prompt"].iter().any(|code| is(code))
            || says(&FILTERED)
        {
            return failed(asked.sentence("the model server refused the content of the prompt", error), false);
        }
    }
    if is("model_not_found") || is("DeploymentNotFound") || (error.status == 404 && message.contains("model")) {
        return stop_model(no_model(error, asked));
    }
    match error.status {
        401 => stop(bad_key(error, asked)),
        403 => stop(no_access(error, asked)),
        404 | 405 => stop(no_endpoint(error, asked)),
        429 => busy(asked.sentence("the model server limits the rate", error)),
        408 | 409 | 500.. => busy(asked.sentence("the model server failed", error)),
        _ if !refused => failed(asked.sentence("the model server sent no valid answer", error), true),
        _ if error.names("max_completion_tokens") || error.names("max_tokens") => {
            stop_model(too_many_tokens(error, asked))
        }
        _ => failed(asked.sentence("the model server refused the request", error), false),
    }
}

fn stop(message: String) -> Failure {
    Failure { error: LlmError::Stop(message), retry: false, scope: Scope::Server }
}

fn stop_model(message: String) -> Failure {
    Failure { scope: Scope::Model, ..stop(message) }
}

fn failed(message: String, retry: bool) -> Failure {
    Failure { error: LlmError::Failed(message), retry, scope: Scope::Model }
}

fn busy(message: String) -> Failure {
    Failure { error: LlmError::Busy(message), ..failed(String::new(), true) }
}

fn quota(error: &ApiError, asked: &Asked<'_>) -> String {
    let what = asked.sentence("the account behind the key has no quota left", error);
    format!("{what}\nhint: add credit or raise the spend limit in the provider's billing settings, or use another key")
}

fn bad_key(error: &ApiError, asked: &Asked<'_>) -> String {
    let key = asked.key_variable();
    if asked.key.is_none() {
        let what = asked.sentence("the model server asks for a key", error);
        return format!("{what}\nhint: set `{key}` to a key for `{}`", asked.origin);
    }
    let what = asked.sentence("the model server refused the key", error);
    format!("{what}\nhint: set `{key}` to a valid key; it must be one for `{}`", asked.origin)
}

fn no_access(error: &ApiError, asked: &Asked<'_>) -> String {
    let to = if asked.model.is_empty() { "its list of models".to_owned() } else { format!("`{}`", asked.model) };
    let what = asked.sentence(&format!("the model server denies access to {to}"), error);
    format!("{what}\nhint: check what the key in `{}` is allowed to use, and from where", asked.key_variable())
}

fn no_model(error: &ApiError, asked: &Asked<'_>) -> String {
    let what = asked.sentence(&format!("the model server has no model `{}`", asked.model), error);
    let name = if asked.provider == Provider::Azure { "a deployment of this resource" } else { "one that it has" };
    format!("{what}\nhint: set `--model` to {name}")
}

fn no_endpoint(error: &ApiError, asked: &Asked<'_>) -> String {
    let what = asked.sentence(&format!("`{}` has no Chat Completions at this address", asked.origin), error);
    format!("{what}\nhint: check `--base-url`; for most servers it ends with `/v1`")
}

fn too_many_tokens(error: &ApiError, asked: &Asked<'_>) -> String {
    let what = asked.sentence(&format!("`{}` cannot give answers of this length", asked.model), error);
    format!("{what}\nhint: lower `max-output-tokens`")
}

impl Asked<'_> {
    /// `what (status code): message`, with nothing in it that must not be shown.
    pub(super) fn sentence(&self, what: &str, error: &ApiError) -> String {
        let status = match (error.status, &error.code) {
            (200..400, None) => String::new(),
            (200..400, Some(code)) => format!(" ({})", self.clean(code, 60)),
            (status, Some(code)) if *code != status.to_string() => format!(" ({status} {})", self.clean(code, 60)),
            (status, _) => format!(" ({status})"),
        };
        let message = self.clean(&error.message, 300);
        let reason = StatusCode::from_u16(error.status).ok().and_then(|status| status.canonical_reason());
        match (message.is_empty(), reason) {
            (false, _) => format!("{what}{status}: {message}"),
            (true, Some(reason)) if error.status >= 400 => format!("{what}{status}: {reason}"),
            (true, _) => format!("{what}{status}"),
        }
    }

    /// A server's text, fit to be shown: no key, no control characters, not longer than `most` characters.
    pub(super) fn clean(&self, text: &str, most: usize) -> String {
        clean(text, self.key, most)
    }

    fn key_variable(&self) -> &'static str {
        if self.provider == Provider::Azure { "AZURE_OPENAI_API_KEY" } else { "OPENAI_API_KEY" }
    }
}

/// `text` on one line, without `key`, without what servers leave of a key (`sk-abc***xyz`), and cut to `most` characters.
/// The key goes first: a cut could leave a part of it that no search finds.
pub(super) fn clean(text: &str, key: Option<&Secret>, most: usize) -> String {
    let text = key.map_or_else(|| text.to_owned(), |key| key.redact(text));
    let visible: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().map(|word| if is_key(word) { "***" } else { word }).collect();
    let line = words.join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// Whether `word` is a key or what is left of a masked one.
fn is_key(word: &str) -> bool {
    let starts_key = |part: &str| part.starts_with("sk-") || part.contains("***");
    word.split(['"', '\'', '`', '(', '=', ':', ',', '<', '[']).any(starts_key)
}

/// Control characters, and those that turn or hide the text around them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::clean;
    use crate::secret::Secret;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(clean(text, Secret::new("key-4711").as_ref(), 40), expected);
    }

    #[test]
    fn shown_texts_have_no_keys_and_no_tricks() {
        check("all is well", "all is well");
        check("a\tb\r\n\u{1b}[31mc\u{202e}d", "a b [31mc d");
        check("wrong key key-4711.", "wrong key ***");
        check("Incorrect API key: sk-abc***xyz. See", "Incorrect API key: *** See");
        check("Incorrect key 'sk-abc' here", "Incorrect key *** here");
        check("Incorrect key abcd****wxyz here", "Incorrect key *** here");
        check("a task-force of risk-takers", "a task-force of risk-takers");
        check(&"x".repeat(41), &format!("{}…", "x".repeat(40)));
        check(&"é".repeat(40), &"é".repeat(40));
        check(&format!("{} key-4711", "x".repeat(35)), &format!("{} ***", "x".repeat(35)));
    }
}
