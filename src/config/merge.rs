//! How a merge request is named on the command line.

use std::str::FromStr;

use reqwest::Url;

/// A merge request: `https://gitlab.com/group/project/-/merge_requests/7` or `group/project!7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRef {
    /// Scheme, host and port; `None` where only the project was named.
    pub origin: Option<String>,
    /// The path before the number; of a host under a path prefix that prefix stands before the project.
    path: String,
    /// Number of the request in its project.
    pub iid: u64,
}

/// A text that names no merge request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this names no merge request\nhint: write `group/project!7` or `https://gitlab.com/group/project/-/merge_requests/7`"
)]
pub struct NotAMerge;

impl MergeRef {
    /// The request with this number in the project with this path.
    pub fn new(project: &str, iid: u64) -> MergeRef {
        MergeRef { origin: None, path: project.to_owned(), iid }
    }

    /// The project's path, where this is the root of the host's pages.
    pub fn project(&self, server_url: &str) -> &str {
        let is_there = self.origin.is_some() && self.is_on(server_url);
        let prefix = Url::parse(server_url).map(|url| url.path().trim_matches('/').to_owned()).unwrap_or_default();
        let rest = self.path.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('/'));
        rest.filter(|rest| is_there && !prefix.is_empty() && rest.contains('/')).unwrap_or(&self.path)
    }

    /// Whether the host is the one with these pages; so is one that is not named.
    pub fn is_on(&self, server_url: &str) -> bool {
        let known = Url::parse(server_url).map(|url| url.origin().ascii_serialization());
        self.origin.as_ref().is_none_or(|origin| known.is_ok_and(|known| known == *origin))
    }
}

impl FromStr for MergeRef {
    type Err = NotAMerge;

    fn from_str(text: &str) -> Result<Self, NotAMerge> {
        let text = text.trim();
        if text.starts_with("https://") || text.starts_with("http://") { from_url(text) } else { from_short(text) }
    }
}

fn from_short(text: &str) -> Result<MergeRef, NotAMerge> {
    let (path, iid) = text.split_once('!').ok_or(NotAMerge)?;
    merge(None, path, iid)
}

fn from_url(text: &str) -> Result<MergeRef, NotAMerge> {
    let url = Url::parse(text).map_err(|_| NotAMerge)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NotAMerge);
    }
    // older hosts have no `-`; what follows the number (`/diffs`, a query, a fragment) is where the page was scrolled to
    let (path, rest) = url.path().split_once("/merge_requests/").ok_or(NotAMerge)?;
    let path = path.strip_suffix("/-").unwrap_or(path).trim_start_matches('/');
    let iid = rest.split('/').next().unwrap_or_default();
    merge(Some(url.origin().ascii_serialization()), path, iid)
}

fn merge(origin: Option<String>, path: &str, iid: &str) -> Result<MergeRef, NotAMerge> {
    let is_name = |name: &str| {
        !matches!(name, "" | "." | ".." | "-") && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let is_path = path.contains('/') && path.split('/').all(is_name);
    match iid.parse().ok().filter(|iid| *iid > 0) {
        Some(iid) if is_path => Ok(MergeRef { origin, path: path.to_owned(), iid }),
        _ => Err(NotAMerge),
    }
}

#[cfg(test)]
mod tests {
    use super::{MergeRef, NotAMerge};

    #[track_caller]
    fn check(text: &str, server_url: &str, expected: (Option<&str>, &str, u64)) {
        let merge: MergeRef = text.parse().unwrap_or_else(|err| panic!("{text}: {err}"));
        assert_eq!((merge.origin.as_deref(), merge.project(server_url), merge.iid), expected, "{text}");
    }

    #[test]
    fn a_request_is_a_url_or_a_project_and_a_number() {
        let host = "https://gitlab.com";
        check("g/p!7", host, (None, "g/p", 7));
        check(" group/sub-group/my.proj_1!12 ", host, (None, "group/sub-group/my.proj_1", 12));
        check("https://gitlab.com/g/p/-/merge_requests/7", host, (Some(host), "g/p", 7));
        check("https://gitlab.com/g/s/p/-/merge_requests/7/diffs?w=1#note_1", host, (Some(host), "g/s/p", 7));
        check("https://gitlab.com/g/p/merge_requests/7", host, (Some(host), "g/p", 7));
    }

    #[test]
    fn a_prefix_of_the_host_is_no_group() {
        let origin = Some("http://127.0.0.1:8080");
        let url = "http://127.0.0.1:8080/gitlab/g/p/-/merge_requests/7";
        check(url, "http://127.0.0.1:8080/gitlab", (origin, "g/p", 7));
        check(url, "http://127.0.0.1:8080/git", (origin, "gitlab/g/p", 7));
        check(url, "https://other/gitlab", (origin, "gitlab/g/p", 7));
        check("gitlab/p!7", "https://host/gitlab", (None, "gitlab/p", 7));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "7",
            "!7",
            "p!7",
            "g/p!",
            "g/p!0",
            "g/p!x",
            "g/p#7",
            "../p!1",
            "g//p!1",
            "g/p?x!1",
            "g/p!99999999999999999999",
            "https://gitlab.com/g/p/-/issues/7",
            "https://gitlab.com/p/-/merge_requests/7",
            "https://user:pass@gitlab.com/g/p/-/merge_requests/7",
            "https://",
            "ftp://gitlab.com/g/p/-/merge_requests/7",
        ] {
            assert_eq!(text.parse::<MergeRef>(), Err(NotAMerge), "{text}");
        }
    }
}
