//! The events that start a job tell of the double's request, in the environment and in the payload.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::github::{repo, scenario};
use crate::support::actions::{Actions, Event};
use crate::support::github::{GitHub, MEMBER, Scenario};

/// The environment of a job and its payload.
fn started(github: &GitHub, event: &Event) -> (BTreeMap<String, String>, Value) {
    let job = Actions::new(github, event);
    let text = std::fs::read_to_string(&job.env()["GITHUB_EVENT_PATH"]).unwrap();
    (job.env(), serde_json::from_str(&text).unwrap())
}

#[track_caller]
fn check(event: &Event, name: &str, git_ref: &str, pointers: &[(&str, Value)]) {
    check_in(scenario(), event, name, git_ref, pointers);
}

#[track_caller]
fn check_in(scenario: Scenario, event: &Event, name: &str, git_ref: &str, pointers: &[(&str, Value)]) {
    let sc = scenario.clone();
    let github = GitHub::start(scenario);
    let (env, payload) = started(&github, event);
    assert_eq!((env["GITHUB_EVENT_NAME"].as_str(), env["GITHUB_REF"].as_str()), (name, git_ref));
    let on_branch = git_ref == "refs/heads/main";
    let merge = || sc.repo.actions_checkout(&sc.base, &sc.head).sha("HEAD");
    assert_eq!(env["GITHUB_SHA"], if on_branch { sc.base.clone() } else { merge() });
    assert_eq!(env["GITHUB_HEAD_REF"], if name.starts_with("pull_request") { "feature" } else { "" });
    assert_eq!(payload["repository"]["full_name"], "octo/demo");
    assert_eq!(payload["sender"]["login"], env["GITHUB_ACTOR"]);
    for (pointer, expected) in pointers {
        assert_eq!(payload.pointer(pointer), Some(expected), "{pointer} of {name}");
    }
}

#[test]
fn the_request_lives() {
    let merge = "refs/pull/7/merge";
    let pull = |action: &str, state: &str| {
        [
            ("/action", json!(action)),
            ("/number", json!(7)),
            ("/pull_request/number", json!(7)),
            ("/pull_request/state", json!(state)),
            ("/pull_request/head/sha", json!(scenario().head)),
            ("/pull_request/user/login", json!("alice")),
        ]
    };
    check(&Event::Opened, "pull_request", merge, &pull("opened", "open"));
    check(&Event::Reopened, "pull_request", merge, &pull("reopened", "open"));
    check(&Event::ReadyForReview, "pull_request", merge, &pull("ready_for_review", "open"));
    check(&Event::Closed, "pull_request", merge, &pull("closed", "closed"));
    check(&Event::Target, "pull_request_target", "refs/heads/main", &pull("opened", "open"));
    let fork = [
        ("/pull_request/head/repo/full_name", json!("alice/demo")),
        ("/pull_request/head/repo/owner/login", json!("alice")),
        ("/pull_request/head/repo/fork", json!(true)),
        ("/pull_request/author_association", json!("FIRST_TIME_CONTRIBUTOR")),
    ];
    check_in(scenario().fork(), &Event::Target, "pull_request_target", "refs/heads/main", &fork);
    check_in(scenario().fork(), &Event::Reopened, "pull_request", merge, &fork);
}

#[test]
fn somebody_comments() {
    let by = |author: &str| Event::CommentBy { author: author.to_owned(), body: "/review".to_owned() };
    let comment = |login: &str, kind: &str, association: &str| {
        [
            ("/action", json!("created")),
            ("/issue/number", json!(7)),
            ("/comment/body", json!("/review")),
            ("/comment/user/login", json!(login)),
            ("/comment/user/type", json!(kind)),
            ("/comment/author_association", json!(association)),
        ]
    };
    let main = "refs/heads/main";
    let member = Event::Comment("/review".to_owned());
    check(&member, "issue_comment", main, &comment(MEMBER, "User", "MEMBER"));
    check(&by("alice"), "issue_comment", main, &comment("alice", "User", "MEMBER"));
    check(&by("bob"), "issue_comment", main, &comment("bob", "User", "NONE"));
    check(&by("dependabot[bot]"), "issue_comment", main, &comment("dependabot[bot]", "Bot", "NONE"));
    let fork = comment("alice", "User", "FIRST_TIME_CONTRIBUTOR");
    check_in(scenario().fork(), &by("alice"), "issue_comment", main, &fork);
}

#[test]
fn a_comment_that_starts_a_job_is_on_the_request() {
    let github = GitHub::start(scenario());
    let event = Event::CommentBy { author: "bob".to_owned(), body: "/review".to_owned() };
    let id = started(&github, &event).1["comment"]["id"].as_u64();
    let known = |github: &GitHub| github.issue_comments().iter().map(|note| Some(note.id)).collect::<Vec<_>>();
    assert_eq!(known(&github), [id]);
    assert_eq!(started(&github, &event).1["comment"]["id"].as_u64(), id, "the same comment");
    assert_eq!(known(&github), [id]);
}

#[test]
fn a_job_starts_by_hand_in_a_queue_or_after_another() {
    let inputs = [("/inputs/pr-number", json!("7")), ("/ref", json!("refs/heads/main"))];
    check(&Event::Dispatch(7), "workflow_dispatch", "refs/heads/main", &inputs);
    let base = scenario().base;
    let queue = format!("refs/heads/gh-readonly-queue/main/pr-7-{base}");
    let group = [("/merge_group/head_ref", json!(queue)), ("/merge_group/base_sha", json!(base))];
    check(&Event::MergeGroup, "merge_group", &queue, &group);
    let head_sha = repo().sha("feature");
    let ended = |head: Value| {
        [
            ("/action", json!("completed")),
            ("/workflow_run/event", json!("pull_request")),
            ("/workflow_run/name", json!("review")),
            ("/workflow_run/conclusion", json!("success")),
            ("/workflow_run/head_sha", json!(head_sha)),
            ("/workflow_run/pull_requests", json!([])),
            ("/workflow_run/head_repository/full_name", head),
        ]
    };
    let run = Event::WorkflowRun { head_sha: head_sha.clone() };
    check(&run, "workflow_run", "refs/heads/main", &ended(json!("octo/demo")));
    check_in(scenario().fork(), &run, "workflow_run", "refs/heads/main", &ended(json!("alice/demo")));
}

#[test]
fn a_payload_tells_of_the_request_as_it_is_now() {
    let github = GitHub::start(scenario());
    github.close();
    github.change(|scenario| {
        scenario.title = "Another".to_owned();
        scenario.draft = true;
    });
    let (_, payload) = started(&github, &Event::Comment("/review".to_owned()));
    let issue = &payload["issue"];
    assert_eq!((&issue["state"], &issue["title"]), (&json!("closed"), &json!("Another")));
    assert_eq!(started(&github, &Event::Opened).1["pull_request"]["draft"], true);
}
