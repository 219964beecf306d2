//! The double of GitHub.

use base64::Engine;
use serde_json::{Value, json};

use crate::support::client::{self, Answer};
use crate::support::github::{Fault, GitHub, Route, Scenario};
use crate::support::repo::Repo;

pub(super) const PULL: &str = "/repos/octo/demo/pulls/7";
pub(super) const HEADERS: [(&str, &str); 3] =
    [("user-agent", "test"), ("authorization", "Bearer ghs_x"), ("accept", "application/vnd.github+json")];

/// Twenty lines, of which the head changes 3 and 18, adds 4, and which has a binary, a renamed and a removed file beside it.
pub(super) fn repo() -> Repo {
    let lines =
        |changed: bool| -> String {
            (1..=20)
                .map(|n| {
                    if changed && [3, 18].contains(&n) { format!("new {n}\nmore {n}\n") } else { format!("line {n}\n") }
                })
                .collect()
        };
    let kept = "same content\n".repeat(5);
    let base = Repo::new().file("src/a.rs", lines(false)).file("old.txt", &kept).file("gone.txt", "x\n").commit("base");
    let head = base.branch("feature").file("src/a.rs", lines(true)).rename("old.txt", "new.txt").remove("gone.txt");
    let head = head.file("image.png", [0, 159, 146, 150, 0]).commit("change");
    // The base went on: the diff is the one from the merge base.
    head.checkout("main").file("later.txt", "x\n").commit("later")
}

pub(super) fn scenario() -> Scenario {
    Scenario::new(&repo(), "main", "feature")
}

pub(super) fn send(github: &GitHub, method: &str, path: &str, body: &Value) -> Answer {
    client::send(method, &format!("{}{path}", github.root), &HEADERS, body).unwrap()
}

pub(super) fn get(github: &GitHub, path: &str) -> Answer {
    send(github, "GET", path, &Value::Null)
}

fn get_as(github: &GitHub, path: &str, accept: &str) -> Answer {
    let headers = [HEADERS[0], HEADERS[1], ("accept", accept)];
    client::send("GET", &format!("{}{path}", github.root), &headers, &Value::Null).unwrap()
}

pub(super) fn review(comments: Value) -> Value {
    json!({"event": "COMMENT", "body": "Look here.", "comments": comments})
}

pub(super) fn post_review(github: &GitHub, body: &Value) -> Answer {
    send(github, "POST", &format!("{PULL}/reviews"), body)
}

#[test]
fn requests_that_no_client_should_send_are_refused() {
    let github = GitHub::start(scenario());
    let ask = |headers: &[(&str, &str)], path: &str| {
        let got = client::send("GET", &format!("{}{path}", github.root), headers, &Value::Null).unwrap();
        (got.status, got.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(&[HEADERS[1]], PULL).0, 403, "no user agent");
    assert_eq!(ask(&[HEADERS[0]], PULL), (401, "Requires authentication".to_owned()));
    assert_eq!(ask(&[HEADERS[0], ("authorization", "Bearer bad-token")], PULL), (401, "Bad credentials".to_owned()));
    assert_eq!(ask(&[HEADERS[0], HEADERS[1], ("x-github-api-version", "2020-01-01")], PULL).0, 400);
    assert_eq!(ask(&HEADERS, &format!("{PULL}/")).0, 404, "a slash at the end");
    assert_eq!(ask(&HEADERS, "/repos/octo/demo/pulls/8").0, 404);
    assert_eq!(ask(&HEADERS, "/repos/octo/other/pulls/7").0, 404);
    assert_eq!(ask(&HEADERS, "/user"), (403, "Resource not accessible by integration".to_owned()));
    assert_eq!(github.requests().len(), 8);
}

#[test]
fn missing_permissions_are_named() {
    let github = GitHub::start(scenario().fork());
    let got = post_review(&github, &review(json!([])));
    assert_eq!((got.status, got.json()["message"].as_str()), (403, Some("Resource not accessible by integration")));
    assert_eq!(got.header("x-accepted-github-permissions"), "pull_requests=write");
    let got = send(&github, "POST", "/repos/octo/demo/issues/7/comments", &json!({"body": "x"}));
    assert_eq!(got.header("x-accepted-github-permissions"), "issues=write; pull_requests=write");
    github.set_permissions(&[("pull_requests", "write")]);
    assert_eq!(post_review(&github, &review(json!([]))).status, 200);
    assert_eq!(
        get(&github, "/repos/octo/demo/contents/src/a.rs").header("x-accepted-github-permissions"),
        "contents=read"
    );
}

#[test]
fn the_pull_request_is_the_same_under_both_roots() {
    let scenario = scenario().labels(&["x"]).draft();
    let (base, head) = (scenario.base.clone(), scenario.head.clone());
    let github = GitHub::start(scenario);
    for path in [PULL.to_owned(), format!("/api/v3{PULL}")] {
        let got = get(&github, &path);
        let pull = got.json();
        assert_eq!((&pull["base"]["sha"], &pull["head"]["sha"]), (&json!(base), &json!(head)));
        assert_eq!(
            (&pull["changed_files"], &pull["draft"], &pull["labels"][0]["name"]),
            (&json!(4), &json!(true), &json!("x"))
        );
        assert_eq!(got.header("x-ratelimit-limit"), "1000");
        assert!(!got.header("x-github-request-id").is_empty());
    }
    assert_eq!(get(&github, "/repos/octo/demo").json()["default_branch"], "main");
}

#[test]
fn a_deleted_fork_has_no_repository() {
    let github = GitHub::start(scenario().head_repo_deleted());
    assert_eq!(get(&github, PULL).json()["head"]["repo"], Value::Null);
}

#[test]
fn a_person_has_a_name() {
    let github = GitHub::start(scenario().user("bob"));
    assert_eq!(get(&github, "/user").json()["login"], "bob");
}

#[test]
fn the_diff_starts_at_the_merge_base() {
    let github = GitHub::start(scenario());
    for kind in ["application/vnd.github.diff", "application/vnd.github.v3.diff"] {
        let got = get_as(&github, PULL, kind);
        assert!(got.text.starts_with("diff --git a/gone.txt b/gone.txt"), "{}", got.text);
        assert!(got.text.contains("rename to new.txt") && got.text.contains("Binary files"), "{}", got.text);
        assert!(!got.text.contains("later.txt"), "{}", got.text);
    }
}

#[test]
fn a_diff_over_a_limit_is_refused() {
    let check = |scenario: Scenario, message: &str| {
        let github = GitHub::start(scenario);
        let got = get_as(&github, PULL, "application/vnd.github.diff");
        assert_eq!((got.status, got.json()["errors"][0]["code"].as_str()), (406, Some("too_large")));
        assert!(got.text.contains(message), "{}", got.text);
        assert_eq!(get(&github, &format!("{PULL}/files")).status, 200);
    };
    check(scenario().limits(|limits| limits.diff_files = 3), "exceeded the maximum number of files (3)");
    check(scenario().limits(|limits| limits.diff_lines = 9), "exceeded the maximum number of lines (9)");
}

#[test]
fn files_have_patches_without_headers_or_none() {
    let github = GitHub::start(scenario());
    let files = get(&github, &format!("{PULL}/files")).json();
    let file = |name: &str| files.as_array().unwrap().iter().find(|file| file["filename"] == name).unwrap().clone();
    let patch = file("src/a.rs")["patch"].as_str().unwrap().to_owned();
    assert!(patch.starts_with("@@ -1,6 +1,7 @@\n line 1\n") && !patch.ends_with('\n'), "{patch}");
    assert_eq!(file("image.png").get("patch"), None);
    assert_eq!((file("new.txt").get("patch"), &file("new.txt")["previous_filename"]), (None, &json!("old.txt")));
    assert_eq!(file("gone.txt")["status"], "removed");
    let github = GitHub::start(scenario().limits(|limits| limits.patch_lines = 5));
    assert!(!get(&github, &format!("{PULL}/files")).text.contains("line 1"));
}

#[test]
fn listings_come_in_pages() {
    let github = GitHub::start(scenario());
    let first = get(&github, &format!("{PULL}/files?per_page=3"));
    assert_eq!(first.json().as_array().unwrap().len(), 3);
    let link = first.header("link");
    assert!(link.contains("rel=\"next\"") && link.contains("rel=\"last\""), "{link}");
    let next = link.split(['<', '>']).nth(1).unwrap();
    let second = client::send("GET", next, &HEADERS, &Value::Null).unwrap();
    assert_eq!(second.json().as_array().unwrap().len(), 1);
    assert_eq!(get(&github, &format!("{PULL}/files")).header("link"), "");
}

#[test]
fn a_review_is_posted_whole() {
    let github = GitHub::start(scenario());
    let comments = json!([
        {"path": "src/a.rs", "line": 3, "side": "RIGHT", "body": "added"},
        {"path": "src/a.rs", "line": 1, "body": "context"},
        {"path": "src/a.rs", "line": 3, "side": "LEFT", "body": "removed"},
        {"path": "src/a.rs", "start_line": 3, "start_side": "RIGHT", "line": 4, "side": "RIGHT", "body": "range"},
        {"path": "src/a.rs", "position": 4, "body": "position"},
    ]);
    let got = post_review(&github, &review(comments));
    assert_eq!((got.status, got.json()["state"].as_str()), (200, Some("COMMENTED")));
    let stored = github.review_comments();
    let lines: Vec<_> = stored.iter().map(|comment| (comment.side(), comment.lines())).collect();
    let right = |first, last| ("RIGHT", (first, last));
    assert_eq!(lines, [right(3, 3), right(1, 1), ("LEFT", (3, 3)), right(3, 4), right(3, 3)].to_vec(), "{stored:?}");
    let listed = get(&github, &format!("{PULL}/comments")).json();
    assert_eq!((&listed[3]["start_line"], &listed[3]["line"]), (&json!(3), &json!(4)));
    assert!(listed[0]["diff_hunk"].as_str().unwrap().ends_with("\n+new 3"), "{}", listed[0]["diff_hunk"]);
    assert_eq!(get(&github, &format!("{PULL}/reviews")).json()[0]["user"]["login"], "github-actions[bot]");
}

#[test]
fn a_comment_outside_of_the_diff_refuses_the_whole_review() {
    let line = "Pull request review thread line must be part of the diff";
    let blank = "Pull request review thread diff hunk can't be blank";
    let hunk = "Pull request review thread start line must be part of the same hunk as the line.";
    let check = |comment: Value, message: &str| {
        let github = GitHub::start(scenario());
        let good = json!({"path": "src/a.rs", "line": 3, "body": "x"});
        let got = post_review(&github, &review(json!([good, comment])));
        assert_eq!((got.status, got.json()["message"].as_str()), (422, Some("Unprocessable Entity")), "{}", got.text);
        assert_eq!(got.json()["errors"], json!([message]));
        assert!(github.reviews().is_empty() && github.review_comments().is_empty());
    };
    let at = |more: Value| {
        let mut comment = json!({"path": "src/a.rs", "body": "x", "line": 3});
        more.as_object().unwrap().iter().for_each(|(key, value)| comment[key] = value.clone());
        comment
    };
    check(at(json!({"line": 10})), &format!("{line} and {blank}"));
    check(at(json!({"side": "LEFT", "line": 2})), &format!("{line} and {blank}"));
    check(at(json!({"path": "nope.rs"})), &format!("Pull request review thread path is invalid and {blank}"));
    check(at(json!({"path": "image.png", "line": 1})), &format!("{line} and {blank}"));
    check(at(json!({"start_line": 3})), "Pull request review thread start line must precede the end line.");
    check(at(json!({"start_line": 3, "line": 19})), hunk);
    check(at(json!({"start_line": 3, "line": 10})), &format!("{line}, {hunk}, and {blank}"));
    check(at(json!({"body": " "})), "Pull request review comment body can't be blank");
}

#[test]
fn a_review_has_rules_of_its_own() {
    let check = |scenario: Scenario, body: Value, message: &str| {
        let github = GitHub::start(scenario);
        let got = post_review(&github, &body);
        assert_eq!((got.status, &got.json()["errors"]), (422, &json!([message])), "{}", got.text);
        assert!(github.reviews().is_empty());
    };
    let event = |event: &str, body: &str| json!({"event": event, "body": body});
    check(scenario(), event("APPROVE", ""), "GitHub Actions is not permitted to approve pull requests.");
    let own = "Review Can not request changes on your own pull request";
    check(scenario().user("alice"), event("REQUEST_CHANGES", "x"), own);
    check(scenario().user("alice"), event("APPROVE", ""), "Can not approve your own pull request");
    check(scenario(), event("COMMENT", ""), "Review body can't be blank");
    let long = "x".repeat(65_537);
    check(scenario(), event("COMMENT", &long), "Body is too long (maximum is 65536 characters)");
    let foreign = json!({"event": "COMMENT", "body": "x", "commit_id": "0".repeat(40)});
    check(scenario(), foreign, "Pull request review commit_id is not part of the pull request");
    let merge_base = { json!({"event": "COMMENT", "body": "x", "commit_id": scenario().base}) };
    check(scenario(), merge_base, "Pull request review commit_id is not part of the pull request");
}

#[test]
fn a_review_without_an_event_is_pending_and_alone() {
    let github = GitHub::start(scenario());
    let got = post_review(&github, &json!({"body": "x"}));
    assert_eq!((&got.json()["state"], got.json().get("submitted_at")), (&json!("PENDING"), None));
    let second = post_review(&github, &json!({"body": "x", "event": "COMMENT"}));
    assert_eq!(second.json()["errors"], json!(["User can only have one pending review per pull request"]));
}

#[test]
fn a_request_that_breaks_the_description_is_a_violation() {
    let github = GitHub::start(scenario());
    let check = |body: Value| assert_eq!(post_review(&github, &body).status, 599, "{body}");
    check(review(json!([{"path": "src/a.rs", "line": "3", "body": "x"}])));
    check(review(json!([{"path": "src/a.rs", "line": 3}])));
    check(review(json!([{"path": "src/a.rs", "line": 3, "body": "x", "subject_type": "line"}])));
    check(json!({"event": "SHOUT", "body": "x"}));
    assert_eq!(github.take_violations().len(), 4);
    assert_eq!(post_review(&github, &json!([])).status, 400);
}

#[test]
fn a_single_comment_is_refused_with_objects() {
    let github = GitHub::start(scenario());
    let head = github.head();
    let post = |more: Value| {
        let mut body = json!({"path": "src/a.rs", "body": "x", "commit_id": head});
        more.as_object().unwrap().iter().for_each(|(key, value)| body[key] = value.clone());
        send(&github, "POST", &format!("{PULL}/comments"), &body)
    };
    let outside = post(json!({"line": 10})).json();
    assert_eq!(outside["message"], "Validation Failed");
    assert_eq!(outside["errors"][0]["message"], "pull_request_review_thread.line must be part of the diff");
    assert_eq!(
        (&outside["errors"][1]["code"], &outside["errors"][1]["field"]),
        (&json!("missing_field"), &json!("pull_request_review_thread.diff_hunk"))
    );
    assert_eq!(post(json!({"path": "nope", "line": 1})).json()["errors"][0]["code"], "invalid");
    let created = post(json!({"line": 3}));
    assert_eq!((created.status, &created.json()["line"]), (201, &json!(3)));
    assert_eq!(post(json!({"subject_type": "file"})).json()["subject_type"], "file");
    let id = created.json()["id"].clone();
    let reply = post(json!({"in_reply_to": id}));
    assert_eq!((reply.status, &reply.json()["in_reply_to_id"]), (201, &id));
    assert!(github.reviews().is_empty(), "they are not reviews of their own");
}

#[test]
fn comments_are_edited_by_their_author() {
    let github = GitHub::start(scenario());
    let path = "/repos/octo/demo/issues/7/comments";
    let note = send(&github, "POST", path, &json!({"body": "one"}));
    assert_eq!(note.status, 201);
    let other = github.add_issue_comment("bob", "mine");
    let edit = |path: String| send(&github, "PATCH", &path, &json!({"body": "two"})).status;
    assert_eq!(edit(format!("/repos/octo/demo/issues/comments/{}", note.json()["id"])), 200);
    assert_eq!(edit(format!("/repos/octo/demo/issues/comments/{other}")), 403);
    assert_eq!(edit("/repos/octo/demo/issues/comments/1".to_owned()), 404);
    assert_eq!((github.issue_comments()[0].body.as_str(), github.issue_comments()[0].edits), ("two", 1));
    assert_eq!(get(&github, path).json()[1]["user"]["login"], "bob");
    post_review(&github, &review(json!([{"path": "src/a.rs", "line": 3, "body": "x"}])));
    let id = github.review_comments()[0].id;
    assert_eq!(edit(format!("/repos/octo/demo/pulls/comments/{id}")), 200);
    assert_eq!(github.review_comments()[0].body, "two");
    let long = send(&github, "POST", path, &json!({"body": "x".repeat(65_537)}));
    assert_eq!(long.json()["errors"][0]["message"], "Body is too long (maximum is 65536 characters)");
}

#[test]
fn contents_are_given_at_a_revision() {
    let github = GitHub::start(scenario());
    let at = |path: &str| format!("/repos/octo/demo/contents/{path}");
    let file = get(&github, &at("src/a.rs?ref=feature")).json();
    let text = file["content"].as_str().unwrap().replace('\n', "");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("new 3"));
    let raw = get_as(&github, &at("src%2Fa.rs"), "application/vnd.github.raw+json").text;
    assert!(raw.contains("line 3\n"), "{raw}");
    assert_eq!(get(&github, &at("src")).json()[0]["path"], "src/a.rs");
    assert_eq!(get(&github, &at("nope")).status, 404);
    assert!(get(&github, &at("src/a.rs?ref=nope")).text.contains("No commit found for the ref nope"));
}

#[test]
fn commits_are_compared() {
    let github = GitHub::start(scenario());
    let got = get(&github, "/repos/octo/demo/compare/main...feature").json();
    assert_eq!((&got["status"], &got["ahead_by"], &got["behind_by"]), (&json!("diverged"), &json!(1), &json!(1)));
    assert_eq!(got["files"].as_array().unwrap().len(), 4);
    let diff = get_as(&github, "/repos/octo/demo/compare/main...feature", "application/vnd.github.diff").text;
    assert!(diff.starts_with("diff --git"), "{diff}");
    assert_eq!(get(&github, "/repos/octo/demo/compare/main...nope").status, 404);
}

#[test]
fn a_push_makes_comments_outdated_and_keeps_the_old_head_known() {
    let repo = repo();
    let github = GitHub::start(Scenario::new(&repo, "main", "feature"));
    let old = github.head();
    let comments = json!([{"path": "src/a.rs", "line": 3, "body": "x"}, {"path": "src/a.rs", "line": 20, "body": "y"}]);
    post_review(&github, &review(comments.clone()));
    let text = std::fs::read_to_string(repo.clone().checkout("feature").path().join("src/a.rs")).unwrap();
    let repo = repo.file("src/a.rs", format!("first\n{}", text.replace("new 3\n", "newer 3\n"))).commit("second");
    github.fault(Route::CreateReview, 1, Fault::HeadMoves(repo.sha("feature")));
    let late = json!({"event": "COMMENT", "body": "late", "commit_id": old, "comments": comments});
    assert_eq!(post_review(&github, &late).status, 200, "an older commit is accepted");
    assert_eq!(get(&github, PULL).json()["head"]["sha"], repo.sha("feature"));
    let listed = get(&github, &format!("{PULL}/comments")).json();
    assert_eq!((&listed[0]["line"], &listed[0]["original_line"]), (&Value::Null, &json!(3)));
    assert_eq!((&listed[1]["line"], &listed[1]["original_line"]), (&json!(21), &json!(20)));
}

#[test]
fn faults_strike_the_request_they_wait_for() {
    let github = GitHub::start(scenario());
    let body = review(json!([]));
    let url = format!("{}{PULL}/reviews", github.root);
    let post = || client::send("POST", &url, &HEADERS, &body);
    github.fault(Route::CreateReview, 2, Fault::Html502);
    assert_eq!(post().unwrap().status, 200);
    let broken = post().unwrap();
    assert_eq!((broken.status, broken.json()), (502, Value::Null));
    github.fault(Route::CreateReview, 1, Fault::Reset);
    assert!(post().is_err());
    assert_eq!(github.reviews().len(), 1);
    github.fault(Route::CreateReview, 1, Fault::ApplyThenReset);
    assert!(post().is_err());
    github.fault(Route::CreateReview, 1, Fault::ApplyThenHtml502);
    assert_eq!(post().unwrap().status, 502);
    assert_eq!(github.reviews().len(), 3);
    github.fault(Route::CreateReview, 1, Fault::Spammed);
    assert_eq!(post().unwrap().json()["errors"][0], "Validation failed, or the endpoint has been spammed.");
    github.fault(Route::CreateReview, 1, Fault::SecondaryLimit(Some(3)));
    let limited = post().unwrap();
    assert_eq!((limited.status, limited.header("retry-after")), (403, "3"));
    github.fault(Route::CreateReview, 1, Fault::PrimaryLimit);
    assert_eq!(post().unwrap().header("x-ratelimit-remaining"), "0");
    github.fault(Route::GetPull, 1, Fault::Truncated);
    assert_eq!(get(&github, PULL).json(), Value::Null);
    github.fault_always(Route::GetPull, Fault::Status(404, json!({"message": "Not Found"})));
    assert_eq!((get(&github, PULL).status, get(&github, PULL).status), (404, 404));
    assert_eq!(github.requests_to(Route::CreateReview).len(), 8);
}

#[test]
fn limits_on_requests_and_comments_hold() {
    let github = GitHub::start(scenario().limits(|limits| limits.content_per_minute = 1));
    post_review(&github, &review(json!([])));
    assert!(post_review(&github, &review(json!([]))).text.contains("temporarily blocked from content creation"));
    assert_eq!(github.writes().len(), 2);
    let github = GitHub::start(scenario().limits(|limits| limits.requests = 1));
    get(&github, PULL);
    let over = get(&github, PULL);
    assert_eq!((over.status, over.header("x-ratelimit-remaining")), (403, "0"));
}
