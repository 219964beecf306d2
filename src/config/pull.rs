//! How a pull request is named on the command line.

use std::str::FromStr;

use reqwest::Url;

/// A pull request: `https://github.com/owner/repo/pull/7` or `owner/repo#7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRef {
    /// Root of the host's web pages, without a slash at its end; `None` where only the repository was named.
    pub server_url: Option<String>,
    /// The owner of the repository.
    pub owner: String,
    /// Name of the repository.
    pub repo: String,
    /// Number of the request.
    pub number: u64,
}

/// A text that names no pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no pull request\nhint: write `owner/repo#7` or `https://github.com/owner/repo/pull/7`")]
pub struct NotAPull;

impl FromStr for PullRef {
    type Err = NotAPull;

    fn from_str(text: &str) -> Result<Self, NotAPull> {
        let text = text.trim();
        if text.starts_with("https://") || text.starts_with("http://") { from_url(text) } else { from_short(text) }
    }
}

fn from_short(text: &str) -> Result<PullRef, NotAPull> {
    let (path, number) = text.split_once('#').ok_or(NotAPull)?;
    let (owner, repo) = path.split_once('/').ok_or(NotAPull)?;
    pull(None, owner, repo, number)
}

fn from_url(text: &str) -> Result<PullRef, NotAPull> {
    let url = Url::parse(text).map_err(|_| NotAPull)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let mut parts = url.path_segments().ok_or(NotAPull)?;
    // what follows the number (`/files`, a query, a fragment) is where the page was scrolled to
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(owner), Some(repo), Some("pull"), Some(number)) if is_plain => {
            pull(Some(url.origin().ascii_serialization()), owner, repo, number)
        }
        _ => Err(NotAPull),
    }
}

fn pull(server_url: Option<String>, owner: &str, repo: &str, number: &str) -> Result<PullRef, NotAPull> {
    // these names become part of a path of the API, so nothing may stand in them that leads elsewhere
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..") && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let number = number.parse().ok().filter(|number| *number > 0);
    match number {
        Some(number) if is_name(owner) && is_name(repo) => {
            Ok(PullRef { server_url, owner: owner.to_owned(), repo: repo.to_owned(), number })
        }
        _ => Err(NotAPull),
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAPull, PullRef};

    #[track_caller]
    fn check(text: &str, expected: Option<(Option<&str>, &str, &str, u64)>) {
        let expected = expected.map(|(server, owner, repo, number)| PullRef {
            server_url: server.map(str::to_owned),
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            number,
        });
        assert_eq!(text.parse(), expected.ok_or(NotAPull), "{text}");
    }

    #[test]
    fn a_request_is_a_url_or_a_repository_and_a_number() {
        check("o/r#7", Some((None, "o", "r", 7)));
        check(" my-org/my.repo_1#12 ", Some((None, "my-org", "my.repo_1", 12)));
        check("https://github.com/o/r/pull/7", Some((Some("https://github.com"), "o", "r", 7)));
        check("https://github.com/o/r/pull/7/files?w=1#diff-1", Some((Some("https://github.com"), "o", "r", 7)));
        check("http://127.0.0.1:8080/o/r/pull/7", Some((Some("http://127.0.0.1:8080"), "o", "r", 7)));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "7",
            "#7",
            "o/r",
            "o/r#",
            "o/r#0",
            "o/r#-1",
            "o/r#x",
            "o/r/s#1",
            "../r#1",
            "o/..#1",
            "o/r?x#1",
            "o/r#99999999999999999999",
            "https://github.com/o/r/issues/7",
            "https://github.com/o/r",
            "https://user:pass@github.com/o/r/pull/7",
            "https://",
            "ftp://github.com/o/r/pull/7",
        ] {
            check(text, None);
        }
    }
}
