//! The double of GitHub over days: people answer, react, push and close, and the program comes again and again.

use serde_json::{Value, json};

use super::github::{PULL, get, post_review, repo, scenario, send};
use crate::support::client::Answer;
use crate::support::github::{GitHub, Route, Scenario};

fn on_line(line: u32, body: &str) -> Value {
    json!({"path": "src/a.rs", "line": line, "body": body})
}

fn delete_review(github: &GitHub, id: u64) -> Answer {
    send(github, "DELETE", &format!("{PULL}/reviews/{id}"), &Value::Null)
}

fn dismiss(github: &GitHub, id: u64, message: &str) -> Answer {
    send(github, "PUT", &format!("{PULL}/reviews/{id}/dismissals"), &json!({"message": message}))
}

#[test]
fn only_a_pending_review_is_deleted() {
    let github = GitHub::start(scenario());
    let pending = github.add_pending_review("draft", &["one"]);
    let said = json!({"body": "x", "event": "COMMENT"});
    assert_eq!(post_review(&github, &said).status, 422, "one is pending");
    assert_eq!(github.review_comments().len(), 1);
    let gone = delete_review(&github, pending);
    assert_eq!((gone.status, gone.json()["state"].as_str()), (200, Some("PENDING")));
    assert!(github.reviews().is_empty() && github.review_comments().is_empty());
    let posted = post_review(&github, &said).json()["id"].as_u64().unwrap();
    let refused = delete_review(&github, posted);
    let errors = json!(["Can not delete a non-pending pull request review"]);
    assert_eq!((refused.status, &refused.json()["errors"]), (422, &errors));
    assert_eq!(delete_review(&github, pending).status, 404);
    github.set_permissions(&[("pull_requests", "read")]);
    assert_eq!(delete_review(&github, posted).status, 403);
}

#[test]
fn only_a_verdict_is_dismissed() {
    let github = GitHub::start(scenario());
    let review = |event: &str| github.add_review("bob", event, "x", &[]).0;
    let (no, yes, said) = (review("REQUEST_CHANGES"), review("APPROVE"), review("COMMENT"));
    assert_eq!(dismiss(&github, no, " ").status, 422, "without a reason");
    for id in [no, yes] {
        let got = dismiss(&github, id, "outdated");
        assert_eq!((got.status, got.json()["state"].as_str()), (200, Some("DISMISSED")));
    }
    let check = |id: u64, text: &str| {
        let got = dismiss(&github, id, "outdated");
        assert_eq!((got.status, &got.json()["errors"]), (422, &json!([text])));
    };
    check(said, "Can not dismiss a commented pull request review");
    check(no, "Can not dismiss a dismissed pull request review");
    check(github.add_pending_review("x", &[]), "Can not dismiss a pending pull request review");
    assert_eq!(dismiss(&github, 1, "outdated").status, 404);
    assert_eq!(github.reviews()[0].dismissed.as_deref(), Some("outdated"));
    assert_eq!(get(&github, &format!("{PULL}/reviews")).json()[0]["state"], "DISMISSED");
}

#[test]
fn people_have_roles() {
    let check = |scenario: Scenario, login: &str, permission: &str, role: &str, push: bool| {
        let github = GitHub::start(scenario);
        let got = get(&github, &format!("/repos/octo/demo/collaborators/{login}/permission")).json();
        assert_eq!((&got["permission"], &got["role_name"]), (&json!(permission), &json!(role)), "{login}");
        assert_eq!((&got["user"]["login"], &got["user"]["permissions"]["push"]), (&json!(login), &json!(push)));
    };
    check(scenario(), "alice", "write", "write", true);
    check(scenario().fork(), "alice", "read", "read", false);
    check(scenario(), "bob", "read", "read", false);
    check(scenario().collaborator("bob", "admin"), "bob", "admin", "admin", true);
    check(scenario().collaborator("bob", "maintain"), "bob", "write", "maintain", true);
    check(scenario().collaborator("bob", "triage"), "bob", "read", "triage", false);
    check(scenario().collaborator("bob", "none"), "bob", "none", "none", false);
    let github = GitHub::start(scenario());
    assert_eq!(get(&github, "/repos/octo/demo/collaborators/ghost/permission").status, 404);
    github.set_permissions(&[("pull_requests", "write")]);
    let got = get(&github, "/repos/octo/demo/collaborators/bob/permission");
    assert_eq!((got.status, got.header("x-accepted-github-permissions")), (403, "contents=read"));
}

#[test]
fn reactions_are_counted_once_for_each_person() {
    let github = GitHub::start(scenario());
    let (_, ids) = github.add_review("github-actions[bot]", "COMMENT", "x", &[on_line(3, "line")]);
    let note = github.add_issue_comment("bob", "note");
    let reactions = |kind: &str, id: u64| format!("/repos/octo/demo/{kind}/comments/{id}/reactions");
    for (kind, id, list) in [("pulls", ids[0], format!("{PULL}/comments")), ("issues", note, notes())] {
        let react = |content: &str| send(&github, "POST", &reactions(kind, id), &json!({"content": content})).status;
        assert_eq!((react("eyes"), react("eyes"), react("+1")), (201, 200, 201), "{kind}");
        github.react(id, "bob", "-1");
        github.react(id, "ghost", "-1");
        github.react(id, "bob", "-1");
        let listed = get(&github, &reactions(kind, id)).json();
        let who: Vec<_> = listed.as_array().unwrap().iter().map(|r| r["user"]["login"].as_str()).collect();
        assert_eq!(who, [Some("github-actions[bot]"), Some("github-actions[bot]"), Some("bob"), None]);
        let counts = get(&github, &list).json()[0]["reactions"].clone();
        let of = |content: &str| counts[content].as_u64().unwrap();
        assert_eq!((of("total_count"), of("-1"), of("+1"), of("eyes"), of("heart")), (4, 2, 1, 1, 0));
    }
    // An id of one kind is not one of the other.
    assert_eq!(send(&github, "POST", &reactions("pulls", note), &json!({"content": "eyes"})).status, 404);
    assert_eq!(get(&github, &reactions("issues", ids[0])).status, 404);
    assert_eq!(send(&github, "POST", &reactions("issues", note), &json!({"content": "wow"})).status, 599);
    github.take_violations();
    assert_eq!(github.review_comments()[0].reactions.len(), 4);
    assert_eq!(
        (github.requests_to(Route::CreateReaction).len(), github.requests_to(Route::ListReactions).len()),
        (8, 3)
    );
    github.set_permissions(&[("pull_requests", "read")]);
    let got = send(&github, "POST", &reactions("issues", note), &json!({"content": "eyes"}));
    assert_eq!(got.header("x-accepted-github-permissions"), "issues=write; pull_requests=write");
}

fn notes() -> String {
    "/repos/octo/demo/issues/7/comments".to_owned()
}

#[test]
fn check_runs_grow_by_fifty_annotations() {
    let github = GitHub::start(scenario());
    let path = "/repos/octo/demo/check-runs";
    let body = |annotations: usize, summary: &str| {
        let annotation = json!({
            "path": "src/a.rs", "start_line": 10, "end_line": 10, "annotation_level": "warning", "message": "x",
        });
        let output = json!({"title": "t", "summary": summary, "annotations": vec![annotation; annotations]});
        json!({"name": "prudence", "head_sha": github.head(), "status": "in_progress", "output": output})
    };
    let create = |body: &Value| send(&github, "POST", path, body);
    assert_eq!(create(&body(1, "s")).header("x-accepted-github-permissions"), "checks=write");
    github.set_permissions(&[("checks", "write")]);
    let refused = |body: Value, text: &str| {
        let got = create(&body);
        let message = format!("Invalid request.\n\n{text}");
        assert_eq!((got.status, got.json()["message"].as_str()), (422, Some(message.as_str())));
    };
    refused(body(51, "s"), "No more than 50 items are allowed; 51 were supplied.");
    refused(body(0, &"x".repeat(65_536)), "Only 65535 characters are allowed; more were supplied.");
    let mut done = body(0, "s");
    done["status"] = json!("completed");
    refused(done, "\"conclusion\" wasn't supplied.");
    let mut nowhere = body(0, "s");
    nowhere["head_sha"] = json!("0".repeat(40));
    assert_eq!(create(&nowhere).json()["errors"][0]["field"], "head_sha");
    assert!(github.check_runs().is_empty());
    let made = create(&body(50, &"x".repeat(65_535)));
    assert_eq!((made.status, &made.json()["output"]["annotations_count"]), (201, &json!(50)));
    let edit = |id: &Value, body: &Value| send(&github, "PATCH", &format!("{path}/{id}"), body);
    let mut more = body(7, "done");
    more["conclusion"] = json!("neutral");
    more.as_object_mut().unwrap().remove("status");
    more.as_object_mut().unwrap().remove("head_sha");
    let edited = edit(&made.json()["id"], &more).json();
    assert_eq!((&edited["status"], &edited["output"]["annotations_count"]), (&json!("completed"), &json!(57)));
    assert_eq!(edit(&json!(1), &more).status, 404);
    let runs = github.check_runs();
    assert_eq!((runs.len(), runs[0].annotations.len(), runs[0].summary.as_deref()), (1, 57, Some("done")));
    assert_eq!((runs[0].title.as_deref(), runs[0].conclusion.as_deref()), (Some("t"), Some("neutral")));
    create(&json!({"name": "x", "head_sha": github.head(), "output": {"title": "t"}}));
    assert_eq!(github.take_violations().len(), 1, "a summary is not optional");
}

#[test]
fn check_runs_are_for_apps() {
    let github = GitHub::start(scenario().user("bob"));
    let body = json!({"name": "prudence", "head_sha": github.head()});
    let got = send(&github, "POST", "/repos/octo/demo/check-runs", &body);
    assert_eq!((got.status, got.json()["message"].as_str()), (403, Some("You must authenticate via a GitHub App.")));
}

#[test]
fn the_request_is_closed_reopened_and_changed() {
    let repo = repo().branch("next").file("next.txt", "x\n").commit("next");
    let github = GitHub::start(Scenario::new(&repo, "main", "feature"));
    let pull = || get(&github, PULL).json();
    assert_eq!((&pull()["state"], &pull()["closed_at"]), (&json!("open"), &Value::Null));
    github.close();
    assert_eq!(pull()["state"], "closed");
    assert!(pull()["closed_at"].is_string());
    github.reopen();
    github.change(|scenario| {
        scenario.title = "Another".to_owned();
        scenario.labels = vec!["later".to_owned()];
        scenario.draft = true;
    });
    github.retarget("next");
    let now = pull();
    assert_eq!((&now["state"], &now["title"], &now["draft"]), (&json!("open"), &json!("Another"), &json!(true)));
    assert_eq!((&now["labels"][0]["name"], &now["base"]["ref"]), (&json!("later"), &json!("next")));
    assert_eq!(now["base"]["sha"], repo.sha("next"));
}

#[test]
fn a_forced_push_leaves_the_old_head_behind_but_not_gone() {
    let repo = repo();
    let github = GitHub::start(Scenario::new(&repo, "main", "feature"));
    let old = github.head();
    github.add_review("bob", "COMMENT", "x", &[on_line(3, "old")]);
    let forced = repo.checkout("main").branch("forced").file("src/a.rs", "all new\n").commit("forced");
    github.push(&forced.sha("forced"));
    let compared = get(&github, &format!("/repos/octo/demo/compare/{old}...{}", github.head())).json();
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("diverged"), &json!(2)));
    let file = get(&github, &format!("/repos/octo/demo/contents/src/a.rs?ref={old}"));
    assert_eq!(file.status, 200);
    assert_eq!(get(&github, &format!("{PULL}/comments")).json()[0]["line"], Value::Null);
    let late = json!({"event": "COMMENT", "body": "late", "commit_id": old, "comments": [on_line(3, "y")]});
    assert_eq!(post_review(&github, &late).status, 200);
}

#[test]
fn people_who_are_gone_have_no_name() {
    let github = GitHub::start(scenario().author("ghost"));
    github.add_issue_comment("ghost", "bye");
    github.add_review("ghost", "COMMENT", "x", &[on_line(3, "bye")]);
    assert_eq!(get(&github, PULL).json()["user"], Value::Null);
    for list in [notes(), format!("{PULL}/comments"), format!("{PULL}/reviews")] {
        assert_eq!(get(&github, &list).json()[0]["user"], Value::Null, "{list}");
    }
}

#[test]
fn threads_are_resolved_by_somebody() {
    let github = GitHub::start(scenario());
    let (_, ids) = github.add_review("bob", "COMMENT", "x", &[on_line(3, "a"), on_line(4, "b"), on_line(5, "c")]);
    github.resolve(ids[0]);
    github.resolve_by(ids[1], "bob");
    github.resolve_by(ids[2], "bob");
    github.unresolve(ids[2]);
    let by: Vec<_> = github.review_comments().iter().map(|comment| comment.resolved_by.clone()).collect();
    assert_eq!(by, [Some("alice".to_owned()), Some("bob".to_owned()), None]);
}
