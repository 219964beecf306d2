//! Repositories, the runner's files and the program's harness.

use std::panic::AssertUnwindSafe;

use serde_json::json;

use crate::support::actions::{Actions, Event, parse_outputs};
use crate::support::client::send;
use crate::support::github::{GitHub, Scenario};
use crate::support::program::Prudence;
use crate::support::repo::Repo;

fn repo() -> Repo {
    let base = Repo::new().file("a.txt", "one\n").file("gone.txt", "x\n").commit("base");
    base.branch("feature").file("a.txt", "one\ntwo\n").remove("gone.txt").commit("change")
}

#[test]
fn the_same_history_has_the_same_ids() {
    assert_eq!(repo().sha("feature"), repo().sha("feature"));
    assert_ne!(repo().sha("feature"), repo().sha("main"));
}

#[test]
fn a_commit_takes_the_whole_work_tree() {
    let repo = repo();
    let git = repo.git();
    let tree = git.find_commit(git.revparse_single("feature").unwrap().id()).unwrap().tree().unwrap();
    assert_eq!(tree.iter().map(|entry| entry.name().unwrap().to_owned()).collect::<Vec<_>>(), ["a.txt"]);
}

#[test]
fn branches_are_switched_and_merged() {
    let repo = repo().checkout("main").file("b.txt", "b\n").commit("on main").merge("feature");
    assert!(repo.path().join("b.txt").exists() && !repo.path().join("gone.txt").exists());
    assert_eq!(repo.git().head().unwrap().peel_to_commit().unwrap().parent_count(), 2);
}

#[test]
fn a_job_starts_with_one_commit_that_has_no_parents() {
    let repo = repo();
    let checkout = repo.actions_checkout("main", "feature");
    let git = checkout.git();
    assert!(git.is_shallow() && git.head_detached().unwrap());
    assert_eq!(git.head().unwrap().peel_to_commit().unwrap().parent_count(), 0);
    assert!(git.revparse_single(&repo.sha("feature")).is_err(), "the head of the branch is not there");
    assert_eq!(std::fs::read_to_string(checkout.path().join("a.txt")).unwrap(), "one\ntwo\n");
}

#[test]
fn an_event_tells_of_the_scenario() {
    let repo = repo();
    let (base, head) = (repo.sha("main"), repo.sha("feature"));
    let check = |scenario: Scenario, event: Event, pointers: &[(&str, serde_json::Value)]| {
        let github = GitHub::start(scenario);
        let job = Actions::new(&github, &event);
        let text = std::fs::read_to_string(&job.env()["GITHUB_EVENT_PATH"]).unwrap();
        let payload: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (pointer, expected) in pointers {
            assert_eq!(payload.pointer(pointer), Some(expected), "{pointer}");
        }
        job.env()
    };
    let scenario = || Scenario::new(&repo, "main", "feature").labels(&["no-review"]);
    let common = [
        ("/repository/full_name", json!("octo/demo")),
        ("/pull_request/number", json!(7)),
        ("/pull_request/base/sha", json!(base)),
        ("/pull_request/head/sha", json!(head)),
        ("/pull_request/labels/0/name", json!("no-review")),
    ];
    let env = check(scenario(), Event::Opened, &common);
    assert_eq!((env["GITHUB_REPOSITORY"].as_str(), env["GITHUB_REF"].as_str()), ("octo/demo", "refs/pull/7/merge"));
    assert_eq!(env["GITHUB_SHA"], repo.actions_checkout("main", "feature").sha("HEAD"));
    let moved = [("/before", json!(base)), ("/after", json!(head))];
    check(scenario(), Event::Synchronize { before: base.clone() }, &moved);
    let fork =
        [("/pull_request/head/repo/fork", json!(true)), ("/pull_request/head/repo/full_name", json!("alice/demo"))];
    check(scenario().fork(), Event::Opened, &fork);
    check(scenario().head_repo_deleted(), Event::Opened, &[("/pull_request/head/repo", json!(null))]);
    let words = [("/comment/body", json!("/review")), ("/issue/number", json!(7))];
    check(scenario(), Event::Comment("/review".to_owned()), &words);
}

#[test]
fn outputs_are_read_as_the_runner_reads_them() {
    let ok = |text: &str, expected: &[(&str, &str)]| {
        let expected = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(parse_outputs(text), Ok(expected), "{text:?}");
    };
    ok("", &[]);
    ok("a=1\nb=x=y\n", &[("a", "1"), ("b", "x=y")]);
    ok("a=1<<2", &[("a", "1<<2")]);
    ok("a<<END\none\ntwo\nEND\nb=1\n", &[("a", "one\ntwo"), ("b", "1")]);
    ok("a<<END\nEND", &[("a", "")]);
    ok("a=\n", &[("a", "")]);
    let wrong = |text: &str, message: &str| assert_eq!(parse_outputs(text), Err(message.to_owned()), "{text:?}");
    wrong("plain\n", "Invalid format 'plain'");
    wrong("=1\n", "Invalid format '=1'. Name must not be empty");
    wrong("a<<END\none\n", "Invalid value. Matching delimiter not found 'END'");
    wrong("a<<END\none", "Invalid value. EOF marker missing new line.");
    wrong("a<<\none\n", "Invalid format 'a<<'. Delimiter must not be empty");
}

#[test]
fn a_violation_fails_the_test_that_ends_with_it() {
    let github = GitHub::start(Scenario::new(&repo(), "main", "feature"));
    let url = format!("{}/repos/octo/demo/issues/7/comments", github.root);
    let headers = [("user-agent", "test"), ("authorization", "Bearer x")];
    assert_eq!(send("POST", &url, &headers, &json!({"text": "x"})).unwrap().status, 599);
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| drop(github))).is_err());
}

#[test]
fn a_run_has_a_code_and_both_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let run = Prudence::new().arg("--version").env("LANG", "C").current_dir(folder.path()).stdin("unread").run();
    assert!(run.code.is_some(), "{run}");
}
