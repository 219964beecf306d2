//! The code host: the token, the request, and what the token may write on it.

use super::check::Check;
use super::key::{self, Given, Recipient};
use crate::config::Skip;
use crate::config::env::Env;
use crate::forge::{Access, Forge, ForgeError, Host, Request};
use crate::secret::Secret;
use crate::setup::unwanted;
use crate::words::Words;

/// What was found out.
pub struct OnHost {
    /// The lines.
    pub checks: Vec<Check>,
    /// The request, where it could be read.
    pub request: Option<Request>,
}

/// Looks at the token, reads the request, and asks what the token may write.
pub async fn examine(forge: &dyn Forge, token: Option<(String, String)>, is_ci: bool) -> OnHost {
    let look = look(token.as_ref(), forge.host());
    if look.has_failed() {
        let why = if token.is_some() { "not asked with this token" } else { "not asked without a token" };
        return OnHost {
            checks: vec![look, Check::skip("request", why), Check::skip("permissions", why)],
            request: None,
        };
    }
    let request = match forge.read().await {
        Ok((request, _)) => request,
        Err(error) => return OnHost { checks: unread(look, &error, forge).await, request: None },
    };
    let origin = if request.is_fork { ", and comes from a fork" } else { "" };
    let readable = Check::ok("request", format!("{} can be read{origin}", request.url));
    let is_expected = (is_ci && request.is_fork).then_some(forge.host());
    let permissions = permissions(forge.may_write().await, is_expected);
    OnHost { checks: vec![look, readable, permissions], request: Some(request) }
}

/// The lines where the request could not be read.
async fn unread(look: Check, error: &ForgeError, forge: &dyn Forge) -> Vec<Check> {
    const WHY: &str = "the request could not be read";
    match error {
        ForgeError::Failed(text) if text.contains("(401") => {
            let why = "the token was refused";
            vec![Check::fail("token", text), Check::skip("request", why), Check::skip("permissions", why)]
        }
        // what it needs to read is less than what it needs to post, so that is named, too
        ForgeError::Forbidden(text) => {
            let request = Check::fail("request", text).or_hint(to_read(forge.host()));
            vec![look, request, permissions(forge.may_write().await, None)]
        }
        _ => vec![look, Check::fail("request", error.to_string()), Check::skip("permissions", WHY)],
    }
}

fn to_read(host: Host) -> &'static str {
    match host {
        Host::GitHub => "the token needs `pull-requests: read`, and `pull-requests: write` to post",
        Host::GitLab => "the token needs the scope `read_api`, and `api` and the role Developer to post",
    }
}

fn look(token: Option<&(String, String)>, host: Host) -> Check {
    let Some((raw, from)) = token else {
        let remedy = match host {
            Host::GitHub => {
                "set `GITHUB_TOKEN`: in a workflow to `${{ github.token }}`, on your desk for example to what `gh auth token` prints"
            }
            Host::GitLab => "set `GITLAB_TOKEN` to an access token of the project, with the scope `api`",
        };
        let text = "there is no token for the code host: only what is public can be read, and nothing can be posted";
        return Check::fail("token", text).hint(remedy);
    };
    key::look("token", Given { raw, from }, Recipient::Host(host))
        .unwrap_or_else(|| Check::ok("token", format!("from {from}")))
}

/// The token as it was given, and where, in the order in which the program takes it.
pub fn given(env: &Env<'_>, host: Host) -> Option<(String, String)> {
    let variable = |name: &str| env.var(name).map(|raw| (raw, format!("variable `{name}`")));
    let all = match host {
        Host::GitHub => {
            let input = env.input("github-token").map(|raw| (raw, "the action's input `github-token`".to_owned()));
            [input, variable("GITHUB_TOKEN"), variable("GH_TOKEN")]
        }
        Host::GitLab => [variable("GITLAB_TOKEN"), variable("CI_JOB_TOKEN"), None],
    };
    all.into_iter().flatten().find(|(raw, _)| Secret::new(raw).is_some())
}

/// What the token may write. `fork_on` is the host of a run on a request from a fork, whose token may only read.
fn permissions(access: Result<Access, ForgeError>, fork_on: Option<Host>) -> Check {
    const NAME: &str = "permissions";
    let refused = match access {
        Ok(Access { review: Ok(()), comment: Ok(()) }) => {
            return Check::ok(NAME, "the token may post reviews and comments");
        }
        Ok(Access { review: Err(refusal), .. } | Access { comment: Err(refusal), .. }) => refusal,
        Err(error) => return Check::skip(NAME, format!("could not look: {error}")),
    };
    match fork_on {
        Some(Host::GitHub) => Check::warn(NAME, refused).hint(
            "this is how runs on requests from forks are: findings become annotations and the step summary; to post them, publish the report from a second job that has `pull-requests: write`",
        ),
        Some(Host::GitLab) => Check::warn(NAME, refused).hint(
            "this is how pipelines of forks are: findings stand in the job's log and its reports; to post them, a member of the project runs the pipeline in it",
        ),
        None => Check::fail(NAME, refused),
    }
}

/// Why a request that an event names would not be reviewed; see the settings under `skip`.
pub fn unreviewed(request: &Request, skip: &Skip, host: Host) -> Option<Check> {
    let (what, setting) = unwanted(request, skip, Words::english())?;
    let text = format!("{} can be read, but it {what}, and such requests are not reviewed", request.url);
    let flag = if host == Host::GitLab { "--mr" } else { "--pr" };
    Some(
        Check::warn("request", text)
            .hint(format!("change `{setting}`, or name the request with `{flag}`, which reviews it all the same")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[track_caller]
    fn check(review: Result<(), &str>, comment: Result<(), &str>, is_expected: bool, expected: (State, &str)) {
        let own = |refusal: Result<(), &str>| refusal.map_err(|text| format!("no {text}\nhint: remedy"));
        let check =
            permissions(Ok(Access { review: own(review), comment: own(comment) }), is_expected.then_some(Host::GitHub));
        assert_eq!(check.state, expected.0, "{check:?}");
        assert!(check.text.contains(expected.1), "{check:?}");
        assert_eq!(check.hint.is_some(), check.state != State::Ok);
    }

    #[test]
    fn one_missing_permission_is_enough() {
        check(Ok(()), Ok(()), false, (State::Ok, "reviews and comments"));
        check(Err("reviews"), Ok(()), false, (State::Fail, "no reviews"));
        check(Ok(()), Err("comments"), false, (State::Fail, "no comments"));
        check(Err("reviews"), Err("comments"), false, (State::Fail, "no reviews"));
        check(Err("reviews"), Err("comments"), true, (State::Warn, "no reviews"));
        let unseen = permissions(Err(ForgeError::Limited("wait\nhint: later".to_owned())), Some(Host::GitHub));
        assert_eq!((unseen.state, unseen.hint.as_deref()), (State::Skip, Some("later")));
    }
}
