//! For which host the files are to be.

use std::path::Path;

use super::PIPELINE;
use crate::cli::InitArgs;
use crate::forge::Host;
use crate::git::Repo;

/// The host that a flag names, or else the one that the repository speaks of, with what told so.
pub fn choose(args: &InitArgs, repo: Option<&Repo>, root: &Path) -> (Host, Option<String>) {
    match (args.github, args.gitlab) {
        (true, _) => (Host::GitHub, None),
        (_, true) => (Host::GitLab, None),
        _ => {
            let origin = repo.and_then(|repo| repo.remote_url("origin")).as_deref().and_then(host_of);
            let (host, why) = guess(origin.as_deref(), root.join(PIPELINE).exists());
            (host, Some(why))
        }
    }
}

fn guess(origin: Option<&str>, has_pipeline: bool) -> (Host, String) {
    let is_on = |word: &str| origin.filter(|host| host.contains(word)).map(|host| format!("`origin` is on {host}"));
    match (is_on("gitlab"), is_on("github")) {
        (Some(why), _) => (Host::GitLab, why),
        (_, Some(why)) => (Host::GitHub, why),
        _ if has_pipeline => (Host::GitLab, format!("there is a `{PIPELINE}`")),
        _ => (Host::GitHub, format!("no `origin` and no `{PIPELINE}` says otherwise")),
    }
}

/// The host's name in the address of a remote, in lower case; `None` for a path on this machine.
fn host_of(url: &str) -> Option<String> {
    let authority = match url.split_once("://") {
        Some((_, rest)) => rest.split('/').next()?,
        // `git@host:group/project`
        None => url.split_once(':').map(|(before, _)| before).filter(|before| !before.contains('/'))?,
    };
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let host = host.split(':').next()?.to_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_remotes() {
        let check = |url: &str, expected: Option<&str>| assert_eq!(host_of(url).as_deref(), expected, "{url}");
        check("git@gitlab.com:group/project.git", Some("gitlab.com"));
        check("https://GitLab.example.com:8443/group/project", Some("gitlab.example.com"));
        check("https://user:p@ss@git.example.com/gitlab/project", Some("git.example.com"));
        check("ssh://git@gitlab.example.com:2222/group/project.git", Some("gitlab.example.com"));
        check("work:project", Some("work"));
        check("/srv/gitlab/project.git", None);
        check("./a:b", None);
        check("file:///srv/gitlab/project.git", None);
        check("", None);
    }

    #[test]
    fn the_remote_says_more_than_a_file() {
        let check = |origin: Option<&str>, has_pipeline: bool, expected: Host| {
            assert_eq!(guess(origin, has_pipeline).0, expected, "{origin:?} {has_pipeline}");
        };
        check(Some("gitlab.example.com"), false, Host::GitLab);
        check(Some("git.example.com"), true, Host::GitLab);
        check(Some("git.example.com"), false, Host::GitHub);
        check(Some("github.com"), true, Host::GitHub);
        check(None, true, Host::GitLab);
        check(None, false, Host::GitHub);
    }
}
