//! Git history: whether what a review compares is there.

use anyhow::Result;

use super::check::Check;
use crate::forge::{Host, Request};
use crate::git::{LocalChange, Range, Repo};

const NAME: &str = "history";

/// The change of the branch that is checked out, by the way that a review takes it.
pub fn of_branch(repo: &Result<Repo>, is_gitlab: bool) -> (Check, Option<LocalChange>) {
    match repo
        .as_ref()
        .map_err(|err| format!("{err:#}"))
        .and_then(|repo| repo.change(&Range::Branch).map_err(|err| format!("{err:#}")))
    {
        Ok(change) => (Check::ok(NAME, found(&change)), Some(change)),
        Err(text) if is_gitlab => {
            (Check::fail(NAME, text.replace("`fetch-depth: 0` in the workflow", "`GIT_DEPTH: 0` in the job")), None)
        }
        Err(text) => (Check::fail(NAME, text), None),
    }
}

fn found(change: &LocalChange) -> String {
    match &change.base {
        Some(base) => format!("the change leaves `{}` at {}", change.against, short(base)),
        None => "no commit yet: all that is tracked is the change".to_owned(),
    }
}

/// For a request on a host, which gives the change itself: git only fills in what the host leaves out.
pub fn of_request(repo: &Result<Repo>, is_named: bool, request: Option<&Request>, host: Host) -> Check {
    let repo = match repo {
        Ok(repo) => repo,
        // somebody said that there is one
        Err(err) if is_named => return Check::fail(NAME, format!("{err:#}")),
        Err(_) => return Check::ok(NAME, "no checkout here, and none is needed: the host gives the change"),
    };
    if request.is_some_and(|request| repo.three_dot(&request.base_sha, &request.head_sha).is_ok()) {
        return Check::ok(NAME, "both ends of the request and their merge base are here");
    }
    let what = if repo.is_shallow() { "the clone is shallow" } else { "the request's commits are not all here" };
    let setting = match host {
        Host::GitHub => "fetch-depth: 0",
        Host::GitLab => "GIT_DEPTH: 0",
    };
    Check::ok(
        NAME,
        format!(
            "{what}, which does not matter here: the host gives the change, and only files too large for its diff would need `{setting}`"
        ),
    )
}

/// For a run whose event names no change: what `--base REF` would find.
pub fn without_change(repo: &Result<Repo>, is_gitlab: bool) -> Check {
    let (shallow, none) = match is_gitlab {
        true => {
            ("set the variable `GIT_DEPTH: 0` for the job", "let the job fetch the repository: `GIT_STRATEGY: fetch`")
        }
        false => ("set `fetch-depth: 0` for `actions/checkout`", "run `actions/checkout` first, with `fetch-depth: 0`"),
    };
    match repo {
        Ok(repo) if repo.is_shallow() => {
            Check::warn(NAME, "the clone is shallow, which matters for `--base REF`: its merge base may be missing")
                .hint(shallow)
        }
        Ok(_) => Check::ok(NAME, "the whole history is here"),
        Err(err) => Check::skip(NAME, format!("{err:#}")).hint(none),
    }
}

/// The first letters of a commit.
pub fn short(sha: &str) -> &str {
    &sha[..sha.len().min(9)]
}
