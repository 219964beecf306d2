//! What a run was for, as the ledger names it.

use std::path::Path;

use crate::config::ci::{self, Ci};
use crate::config::merge::MergeRef;
use crate::config::pull::PullRef;
use crate::redact;
use crate::report::Source;
use crate::setup::Setup;
use crate::source::World;

/// What a run was for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "those of the entry")]
pub struct Place {
    pub command: &'static str,
    pub source: String,
    pub repository: String,
    pub request: Option<u64>,
    pub head_sha: Option<String>,
}

impl Place {
    /// Of a review.
    pub fn of_review(setup: &Setup, world: &World<'_>) -> Place {
        let info = &setup.change.info;
        let server_url = ci::GitLab::read(world.env).server_url;
        let of_url = info.url.as_deref().and_then(|url| of_url(url, &server_url));
        let number = setup.change.request.as_ref().map(|request| request.number);
        let (repository, request) = match of_url {
            Some((repository, request)) => (repository, Some(request)),
            None => (elsewhere(setup, &world.cwd), number),
        };
        let source = match info.source {
            Source::GitHub => "github",
            Source::GitLab => "gitlab",
            Source::Git => "git",
            Source::Patch => "patch",
        };
        Place {
            command: "review",
            source: source.to_owned(),
            repository: named(&repository),
            request,
            head_sha: info.head_sha.clone(),
        }
    }

    /// Of an evaluation.
    pub fn of_eval(dataset: &str) -> Place {
        let source = "dataset".to_owned();
        Place { command: "eval", source, repository: named(dataset), request: None, head_sha: None }
    }
}

/// A name that is one, with no secret in it.
fn named(name: &str) -> String {
    const LONGEST: usize = 100;
    let name: String = redact::text(name).chars().take(LONGEST).collect();
    if name.trim().is_empty() { "unnamed".to_owned() } else { name }
}

/// Repository and number of a request, by its page.
fn of_url(url: &str, gitlab_url: &str) -> Option<(String, u64)> {
    if let Ok(pull) = url.parse::<PullRef>() {
        return Some((format!("{}/{}", pull.owner, pull.repo), pull.number));
    }
    let merge: MergeRef = url.parse().ok()?;
    Some((merge.project(gitlab_url).to_owned(), merge.iid))
}

/// The repository of a change that is no request: as the CI system names it, else by its remote, else its folder.
fn elsewhere(setup: &Setup, cwd: &Path) -> String {
    let of_ci = match &setup.ci {
        Some(Ci::GitHub(actions)) => actions.repository.clone(),
        Some(Ci::GitLab(job)) => job.project_path.clone(),
        _ => None,
    };
    let repo = setup.repo.as_ref();
    let of_remote = || repo.and_then(|repo| repo.remote_url("origin")).as_deref().and_then(of_remote);
    let root = repo.map_or_else(|| cwd.to_owned(), |repo| repo.root());
    let folder = || root.file_name().unwrap_or_default().to_string_lossy().into_owned();
    of_ci.or_else(of_remote).unwrap_or_else(folder)
}

/// The name of a repository by the address it is fetched from, without what an address may have of a secret.
fn of_remote(url: &str) -> Option<String> {
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    let url = url.split(['?', '#']).next().unwrap_or_default();
    // who may fetch stands before the last `@`, and a password in it may have anything
    let address = |rest: &str| rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).to_owned();
    let path = match (url.split_once("://"), url.split_once(':')) {
        (Some(("file", _)), _) => None,
        (Some((_, rest)), _) => Some(address(rest).split_once('/')?.1.to_owned()),
        // `git@host:owner/name`; a letter before the colon is a drive
        (None, Some((host, path))) if host.len() > 1 && !host.contains('/') => Some(address(path)),
        _ => None,
    };
    // of a folder on this machine only the last part is a name
    let path =
        path.unwrap_or_else(|| url.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or("").to_owned());
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!path.is_empty() && path.split('/').all(is_name)).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_repository_in_its_address() {
        let check = |url: &str, server: &str, expected: Option<(&str, u64)>| {
            assert_eq!(of_url(url, server), expected.map(|(name, number)| (name.to_owned(), number)), "{url}");
        };
        let gitlab = "https://gitlab.com";
        check("https://github.com/o/r/pull/7", gitlab, Some(("o/r", 7)));
        check("https://gitlab.com/g/s/p/-/merge_requests/8", gitlab, Some(("g/s/p", 8)));
        check("https://h.example/git/g/p/-/merge_requests/8", "https://h.example/git", Some(("g/p", 8)));
        check("https://h.example/o/r/issues/7", gitlab, None);
    }

    #[test]
    fn a_remote_has_a_name_and_no_secret() {
        let check = |url: &str, expected: Option<&str>| assert_eq!(of_remote(url).as_deref(), expected, "{url}");
        check("git@github.com:owner/name.git", Some("owner/name"));
        check("ssh://git@gitlab.example.com:2222/group/sub/name.git", Some("group/sub/name"));
        check("https://github.com/owner/name/", Some("owner/name"));
        check("https://user:token@github.com/owner/name?private_token=x#y", Some("owner/name"));
        check("https://user:to/k@en@github.com/owner/name.git", Some("owner/name"));
        check("work:project", Some("project"));
        check("/srv/git/name.git", Some("name"));
        check("../name/", Some("name"));
        check("file:///srv/git/name.git", Some("name"));
        check("C:\\git\\name", Some("name"));
        for none in ["", "..", "https://host", "https://host/", "/", "https://host/../x"] {
            check(none, None);
        }
    }

    #[test]
    fn a_name_is_bounded_and_holds_no_key() {
        assert_eq!(named(&"é".repeat(300)).chars().count(), 100);
        assert_eq!(named(" "), "unnamed");
        let key = format!("ghp_{}", "aB3dE6gH9jK2".repeat(3));
        assert!(!named(&format!("o/{key}")).contains(&key));
    }
}
