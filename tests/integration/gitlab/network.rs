//! The way to the host: certificates of the team's own authority, and redirects.

use std::sync::Mutex;

use super::*;
use crate::network::{fixture, listen, secure};
use crate::support::server::{Reply, Server};

/// A review of a request on this host, which ends with 2.
#[track_caller]
fn review(url: &str, env: &[(&str, String)]) -> crate::support::program::Run {
    let program = Prudence::new().env("GITLAB_TOKEN", "glpat-x").env("GITLAB_URL", url);
    let program = env.iter().fold(program, |program, (name, value)| program.env(name, value));
    program.args(["review", "--provider", "offline", "--mr", "octo/demo!7"]).run().expect_code(2)
}

#[test]
fn a_private_authority_is_named_by_the_job() {
    let (port, seen) = listen(1, secure);
    let ca = fixture("ca.pem").display().to_string();
    let run = review(&format!("https://localhost:{port}"), &[("CI_SERVER_TLS_CA_FILE", ca)]);
    let seen = seen.join().expect("a host");
    // which of the first requests comes first is chance
    assert!(seen[0].starts_with("GET /api/v4/"), "{seen:?} {run}");

    let (port, _seen) = listen(100, secure);
    let run = review(&format!("https://localhost:{port}"), &[]);
    assert!(run.stderr.contains("certificate") && run.stderr.contains("`CI_SERVER_TLS_CA_FILE`"), "{run}");
    let run = review(&format!("https://localhost:{port}"), &[("CI_SERVER_TLS_CA_FILE", "/no/such.pem".to_owned())]);
    assert!(run.stderr.contains("/no/such.pem") && run.stderr.contains("hint:"), "{run}");
}

#[test]
fn a_token_does_not_follow_to_another_host() {
    let thief = Server::start("another host", Box::new(|_, _, _| Reply::json(200, &json!({}))));
    let root = thief.root.clone();
    let host = Server::start(
        "a host",
        Box::new(move |request, _, _| {
            Reply::json(302, &json!({})).header("location", format!("{root}{}", request.path))
        }),
    );
    let run = review(&host.root, &[]);
    assert!(run.stderr.contains("another host") && run.stderr.contains("hint:"), "{run}");
    assert!(thief.requests().is_empty(), "the token went along");
}

#[test]
fn a_project_that_moved_on_the_same_host_is_followed() {
    let gitlab = life(&three());
    let root = gitlab.gitlab().root.clone();
    let asked = Mutex::new(0);
    // the first request is sent on to the same host, as for a project that was renamed
    let host = Server::start(
        "a host",
        Box::new(move |request, own, _| {
            let mut asked = asked.lock().expect("a number");
            *asked += 1;
            match request.path.ends_with("/moved") {
                true => Reply::json(404, &json!({"message": "404 Project Not Found"})),
                false => Reply::json(301, &json!({})).header("location", format!("{own}{}/moved", request.path)),
            }
        }),
    );
    let run = review(&host.root, &[]);
    assert!(run.stderr.contains("404 Project Not Found"), "{run} {root}");
    assert!(
        host.requests()
            .iter()
            .any(|request| request.path.ends_with("/moved") && request.header("authorization").is_some())
    );
}
