//! The double of GitLab: who may ask, and what can be read.

use base64::Engine;
use serde_json::{Value, json};

use super::github::repo;
use crate::support::client::{self, Answer};
use crate::support::gitlab::{Fault, GitLab, JOB_TOKEN, Route, Scenario, TOKEN, person_id};

pub(super) const MERGE: &str = "/projects/4242/merge_requests/7";
const HEADERS: [(&str, &str); 1] = [("private-token", TOKEN)];

/// The merge request of the repository that the tests of the other host use.
pub(super) fn scenario() -> Scenario {
    Scenario::new(&repo(), "main", "feature")
}

pub(super) fn send(gitlab: &GitLab, method: &str, path: &str, body: &Value) -> Answer {
    client::send(method, &format!("{}{path}", gitlab.api_url()), &HEADERS, body).unwrap()
}

pub(super) fn get(gitlab: &GitLab, path: &str) -> Answer {
    send(gitlab, "GET", path, &Value::Null)
}

pub(super) fn post(gitlab: &GitLab, path: &str, body: &Value) -> Answer {
    send(gitlab, "POST", &format!("{MERGE}{path}"), body)
}

/// A GET with these headers: the status, and what the answer says of it.
fn ask(gitlab: &GitLab, headers: &[(&str, &str)], path: &str) -> (u16, String) {
    let got = client::send("GET", &format!("{}{path}", gitlab.api_url()), headers, &Value::Null).unwrap();
    let text = got.json()["message"].as_str().or(got.json()["error"].as_str()).unwrap_or_default().to_owned();
    (got.status, text)
}

#[test]
fn a_token_is_needed() {
    let gitlab = GitLab::start(scenario());
    let refused = (401, "401 Unauthorized".to_owned());
    for (name, value) in [("private-token", "bad-token"), ("authorization", "Bearer bad"), ("job-token", "bad")] {
        assert_eq!(ask(&gitlab, &[(name, value)], MERGE), refused, "{name}");
    }
    gitlab.assert_no_violations();
    for (name, value) in [("private-token", TOKEN), ("authorization", &format!("Bearer {TOKEN}"))] {
        assert_eq!(ask(&gitlab, &[(name, value)], MERGE).0, 200, "{name}");
    }
    assert_eq!(ask(&gitlab, &[], MERGE), refused);
    assert_eq!(ask(&gitlab, &[HEADERS[0], ("job-token", JOB_TOKEN)], MERGE), refused);
    assert_eq!(gitlab.take_violations().len(), 2, "none is a fault of the client, and so are two");
}

#[test]
fn a_job_may_read_a_little() {
    let gitlab = GitLab::start(scenario());
    gitlab.say("alice", "hello");
    let read = |path: &str| ask(&gitlab, &[("job-token", JOB_TOKEN)], path).0;
    for path in ["/projects/4242", MERGE, &format!("{MERGE}/notes"), &format!("{MERGE}/discussions")] {
        assert_eq!(read(path), 200, "{path}");
    }
    for path in ["/user", "/personal_access_tokens/self", &format!("{MERGE}/versions"), &format!("{MERGE}/draft_notes")]
    {
        assert_eq!(read(path), 401, "{path}");
    }
    let url = format!("{}{MERGE}/notes", gitlab.api_url());
    let got = client::send("POST", &url, &[("job-token", JOB_TOKEN)], &json!({"body": "x"})).unwrap();
    assert_eq!((got.status, got.json()), (401, json!({"message": "401 Unauthorized"})));
    assert_eq!(gitlab.notes().len(), 1);
}

#[test]
fn a_token_that_may_only_read_is_told_so() {
    let gitlab = GitLab::start(scenario().read_only());
    assert_eq!(get(&gitlab, "/personal_access_tokens/self").json()["scopes"], json!(["read_api"]));
    assert_eq!(get(&gitlab, &format!("{MERGE}/versions")).status, 200);
    let got = post(&gitlab, "/notes", &json!({"body": "x"}));
    assert_eq!(
        (got.status, &got.json()["error"], &got.json()["scope"]),
        (403, &json!("insufficient_scope"), &json!("api"))
    );
}

#[test]
fn identities_have_names() {
    let gitlab = GitLab::start(scenario());
    let user = get(&gitlab, "/user").json();
    assert_eq!(user["bot"], true);
    assert!(user["username"].as_str().unwrap().starts_with("project_4242_bot_"), "{user}");
    assert_eq!(get(&gitlab, "/personal_access_tokens/self").json()["user_id"], user["id"]);
    let gitlab = GitLab::start(scenario().user("bob"));
    assert_eq!(get(&gitlab, "/user").json()["username"], "bob");
}

#[test]
fn requests_that_no_client_should_send_are_violations() {
    let check = |path: &str, status: u16, violations: usize| {
        let gitlab = GitLab::start(scenario());
        assert_eq!((get(&gitlab, path).status, gitlab.take_violations().len()), (status, violations), "{path}");
    };
    check(&format!("{MERGE}/"), 404, 1);
    check(&format!("{MERGE}?with_secrets=true"), 200, 1);
    check(&format!("{MERGE}/notes?per_page=0"), 400, 0);
    check("/projects/octo/demo/merge_requests/7", 404, 0);
    check("/nothing", 404, 0);
    let gitlab = GitLab::start(scenario());
    let url = format!("{}{MERGE}/notes", gitlab.api_url());
    let headers = [HEADERS[0], ("content-type", "text/plain")];
    let plain = client::send_raw("POST", &url, &headers, b"body=x").unwrap();
    assert_eq!((plain.status, gitlab.take_violations().len()), (415, 1));
    let headers = [HEADERS[0], ("content-type", "application/json")];
    assert_eq!(client::send_raw("POST", &url, &headers, b"{").unwrap().status, 400);
    assert_eq!(post(&gitlab, "/notes", &json!({"body": "x", "text": "y"})).status, 201, "the host ignores it");
    assert_eq!(gitlab.take_violations(), ["POST /api/v4/projects/4242/merge_requests/7/notes: no parameter `text`"]);
}

#[test]
fn the_project_has_a_number_and_a_path() {
    let gitlab = GitLab::start(scenario().fork());
    for path in ["/projects/4242", "/projects/octo%2Fdemo"] {
        let project = get(&gitlab, path).json();
        assert_eq!((&project["id"], &project["path_with_namespace"]), (&json!(4242), &json!("octo/demo")));
        assert_eq!(get(&gitlab, &format!("{path}/merge_requests/7")).json()["source_project_id"], 4343);
    }
    assert_eq!(get(&gitlab, "/projects/4343").json()["path_with_namespace"], "alice/demo");
    let missing = |path: &str, text: &str| assert_eq!(ask(&gitlab, &HEADERS, path), (404, text.to_owned()), "{path}");
    missing("/projects/4343/merge_requests/7", "404 Not found");
    missing("/projects/4242/merge_requests/8", "404 Not found");
    missing("/projects/octo%2Fother", "404 Project Not Found");
}

#[test]
fn a_host_can_be_under_a_path() {
    let gitlab = GitLab::start(scenario().under("/gitlab"));
    let merge = get(&gitlab, MERGE).json();
    assert_eq!(merge["web_url"], json!(gitlab.merge_url()));
    assert!(gitlab.merge_url().ends_with("/gitlab/octo/demo/-/merge_requests/7"), "{}", gitlab.merge_url());
    let outside = format!("{}/api/v4{MERGE}", gitlab.root);
    assert_eq!(client::send("GET", &outside, &HEADERS, &Value::Null).unwrap().status, 404);
}

#[test]
fn commits_are_looked_at_after_a_while() {
    let gitlab = GitLab::start(scenario().limits(|limits| limits.unready_reads = 2));
    let seen: Vec<bool> = (0..3).map(|_| get(&gitlab, MERGE).json()["diff_refs"].is_null()).collect();
    assert_eq!(seen, [true, true, false]);
    let gitlab = GitLab::start(scenario().limits(|limits| limits.unready_reads = 1));
    let versions = || get(&gitlab, &format!("{MERGE}/versions")).json().as_array().unwrap().len();
    assert_eq!((versions(), versions()), (0, 1));
}

#[test]
fn versions_have_three_commits() {
    let repo = repo();
    let gitlab = GitLab::start(Scenario::new(&repo, "main", "feature"));
    let merge = get(&gitlab, MERGE).json();
    let version = get(&gitlab, &format!("{MERGE}/versions")).json()[0].clone();
    assert_eq!(version["head_commit_sha"], json!(repo.sha("feature")));
    assert_eq!(version["start_commit_sha"], json!(repo.sha("main")));
    assert_eq!(version["base_commit_sha"], json!(repo.sha("feature~1")), "the merge base");
    for name in ["head", "start", "base"] {
        assert_eq!(merge["diff_refs"][format!("{name}_sha")], version[format!("{name}_commit_sha")]);
    }
    assert_eq!((&version["state"], &version["real_size"]), (&json!("collected"), &json!("4")));
    assert_eq!(merge["changes_count"], "4", "a text");
    let one = get(&gitlab, &format!("{MERGE}/versions/{}", version["id"])).json();
    assert_eq!(one["diffs"].as_array().unwrap().len(), 4);
    assert_eq!(get(&gitlab, &format!("{MERGE}/versions/1")).status, 404);
}

fn diff_of<'a>(diffs: &'a Value, path: &str) -> &'a Value {
    diffs.as_array().unwrap().iter().find(|file| file["new_path"] == path).unwrap()
}

#[test]
fn diffs_have_hunks_and_headers_on_demand() {
    let gitlab = GitLab::start(scenario());
    let diffs = get(&gitlab, &format!("{MERGE}/diffs")).json();
    let text = diff_of(&diffs, "src/a.rs")["diff"].as_str().unwrap();
    assert!(text.starts_with("@@ -1,6 +1,7 @@\n line 1\n") && text.ends_with('\n'), "{text}");
    let flags = |path: &str| {
        let file = diff_of(&diffs, path);
        [&file["new_file"], &file["renamed_file"], &file["deleted_file"]].map(|flag| flag.as_bool().unwrap())
    };
    assert_eq!(flags("image.png"), [true, false, false]);
    assert_eq!(flags("new.txt"), [false, true, false]);
    assert_eq!(flags("gone.txt"), [false, false, true]);
    let modes = |path: &str| (diff_of(&diffs, path)["a_mode"].clone(), diff_of(&diffs, path)["b_mode"].clone());
    assert_eq!((modes("image.png"), modes("gone.txt")), ((json!("0"), json!("100644")), (json!("100644"), json!("0"))));
    assert_eq!(diff_of(&diffs, "new.txt")["diff"], "");
    assert_eq!(diff_of(&diffs, "image.png")["diff"], "Binary files a/image.png and b/image.png differ\n");
    let diffs = get(&gitlab, &format!("{MERGE}/diffs?unidiff=true")).json();
    let text = diff_of(&diffs, "gone.txt")["diff"].as_str().unwrap();
    assert!(text.starts_with("--- a/gone.txt\n+++ /dev/null\n@@ -1"), "{text}");
    let raw = get(&gitlab, &format!("{MERGE}/raw_diffs")).text;
    assert!(raw.starts_with("diff --git a/gone.txt b/gone.txt") && raw.contains("rename to new.txt"), "{raw}");
    assert!(!raw.contains("later.txt"), "{raw}");
}

#[test]
fn large_files_are_not_shown() {
    let flags = |change: fn(&mut crate::support::gitlab::Limits)| {
        let gitlab = GitLab::start(scenario().limits(change));
        let diffs = get(&gitlab, &format!("{MERGE}/diffs")).json();
        let file = diff_of(&diffs, "src/a.rs");
        assert_eq!(file["diff"], "");
        assert!(!get(&gitlab, &format!("{MERGE}/raw_diffs")).text.is_empty());
        (file["too_large"].as_bool().unwrap(), file["collapsed"].as_bool().unwrap())
    };
    assert_eq!(flags(|limits| limits.too_large = 50), (true, false));
    assert_eq!(flags(|limits| limits.collapsed = 50), (false, true));
    let gitlab = GitLab::start(scenario().limits(|limits| limits.files = 3));
    let version = get(&gitlab, &format!("{MERGE}/versions")).json()[0].clone();
    assert_eq!((&version["state"], &version["real_size"]), (&json!("overflow"), &json!("3+")));
    assert_eq!(get(&gitlab, &format!("{MERGE}/diffs")).json().as_array().unwrap().len(), 3);
}

#[test]
fn listings_come_in_pages() {
    let gitlab = GitLab::start(scenario().limits(|limits| limits.per_page = 3));
    let first = get(&gitlab, &format!("{MERGE}/diffs?per_page=100"));
    assert_eq!(first.json().as_array().unwrap().len(), 3, "fewer than were asked for, though more follow");
    assert_eq!([first.header("x-next-page"), first.header("x-total"), first.header("x-total-pages")], ["2", "4", "2"]);
    let next = first.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let last = client::send("GET", &next, &HEADERS, &Value::Null).unwrap();
    assert_eq!((last.json().as_array().unwrap().len(), last.header("x-next-page")), (1, ""));
    assert!(last.headers.contains_key("x-next-page"), "it is there and empty");
    gitlab.leave_draft("old");
    let drafts = get(&gitlab, &format!("{MERGE}/draft_notes?page=2"));
    assert_eq!(drafts.json().as_array().unwrap().len(), 1, "drafts come whole");
    assert!(!drafts.headers.contains_key("x-next-page"));
}

#[test]
fn answers_tell_of_the_limits() {
    let gitlab = GitLab::start(scenario().limits(|limits| limits.requests = 2));
    let got = get(&gitlab, MERGE);
    assert_eq!((got.header("ratelimit-limit"), got.header("ratelimit-remaining")), ("2", "1"));
    assert!(!got.header("ratelimit-reset").is_empty() && !got.header("x-request-id").is_empty());
    get(&gitlab, MERGE);
    let got = get(&gitlab, MERGE);
    assert_eq!((got.status, got.text.as_str(), got.header("retry-after")), (429, "Retry later\n", "60"));
    assert_eq!(got.header("content-type"), "text/plain");
}

#[test]
fn files_are_read_at_a_commit() {
    let gitlab = GitLab::start(scenario());
    let path = "/projects/4242/repository/files/src%2Fa.rs";
    let got = get(&gitlab, &format!("{path}?ref={}", gitlab.head())).json();
    let content = base64::engine::general_purpose::STANDARD.decode(got["content"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(content).unwrap().contains("more 3\n"));
    assert!(get(&gitlab, &format!("{path}/raw?ref=feature")).text.starts_with("line 1\n"));
    assert!(!get(&gitlab, &format!("{path}/raw")).text.contains("more 3\n"), "of the target branch");
    let refused = |path: &str, status: u16, text: &str| {
        assert_eq!(ask(&gitlab, &HEADERS, path), (status, text.to_owned()), "{path}");
    };
    refused(path, 400, "ref is missing");
    refused(&format!("{path}?ref=nowhere"), 404, "404 Commit Not Found");
    refused("/projects/4242/repository/files/nothing/raw?ref=main", 404, "404 File Not Found");
    refused("/projects/4242/repository/files/src/raw?ref=main", 404, "404 File Not Found");
}

#[test]
fn commits_are_compared() {
    let gitlab = GitLab::start(scenario());
    let path = "/projects/4242/repository/compare";
    let got = get(&gitlab, &format!("{path}?from=main&to={}", gitlab.head())).json();
    assert_eq!((got["diffs"].as_array().unwrap().len(), &got["compare_same_ref"]), (4, &json!(false)));
    let straight = get(&gitlab, &format!("{path}?from=main&to=feature&straight=true")).json();
    assert_eq!(diff_of(&straight["diffs"], "later.txt")["deleted_file"], true);
    assert_eq!(ask(&gitlab, &HEADERS, &format!("{path}?from=main")), (400, "to is missing".to_owned()));
    assert_eq!(ask(&gitlab, &HEADERS, &format!("{path}?from=main&to=no")).0, 404);
}

#[test]
fn people_have_levels() {
    let gitlab = GitLab::start(scenario().member("bob", 20));
    let level = |name: &str| {
        let got = get(&gitlab, &format!("/projects/4242/members/all/{}", person_id(name)));
        got.json()["access_level"].as_u64().unwrap_or(u64::from(got.status))
    };
    assert_eq!([level("alice"), level("member"), level("bob"), level("carol")], [30, 30, 20, 404]);
    let id = gitlab.member("carol", 40);
    let listed = get(&gitlab, "/projects/4242/members/all?query=caro").json();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["id"], &listed[0]["access_level"]),
        (1, &json!(id), &json!(40))
    );
    gitlab.member("bob", 0);
    assert_eq!(level("bob"), 404);
}

#[test]
fn faults_strike_once_at_their_turn() {
    let gitlab = GitLab::start(scenario());
    let ask = || client::send("GET", &format!("{}{MERGE}", gitlab.api_url()), &HEADERS, &Value::Null);
    gitlab.fault(Route::GetMerge, 2, Fault::Html502);
    assert_eq!([ask().unwrap().status, ask().unwrap().status, ask().unwrap().status], [200, 502, 200]);
    gitlab.fault(Route::GetMerge, 1, Fault::RetryLater(3));
    let got = ask().unwrap();
    assert_eq!((got.status, got.text.as_str(), got.header("retry-after")), (429, "Retry later\n", "3"));
    gitlab.fault(Route::GetMerge, 1, Fault::TooManyRequests);
    let got = ask().unwrap();
    let text = "This endpoint has been requested too many times. Try again later.";
    assert_eq!((got.status, got.header("retry-after"), got.json()), (429, "", json!({"message": {"error": text}})));
    gitlab.fault(Route::GetMerge, 1, Fault::Reset);
    assert!(ask().is_err());
    gitlab.fault(Route::GetMerge, 1, Fault::Truncated);
    assert_eq!(ask().unwrap().json(), Value::Null);
    gitlab.fault_always(Route::GetMerge, Fault::Status(500, json!({"message": "500 Internal Server Error"})));
    assert_eq!([ask().unwrap().status, ask().unwrap().status], [500, 500]);
    gitlab.heal();
    assert_eq!(ask().unwrap().status, 200);
}

#[test]
fn a_write_can_be_applied_and_its_answer_lost() {
    let gitlab = GitLab::start(scenario());
    gitlab.fault(Route::CreateNote, 1, Fault::ApplyThenHtml502);
    assert_eq!(post(&gitlab, "/notes", &json!({"body": "one"})).status, 502);
    gitlab.fault(Route::CreateNote, 1, Fault::ApplyThenReset);
    let url = format!("{}{MERGE}/notes", gitlab.api_url());
    assert!(client::send("POST", &url, &HEADERS, &json!({"body": "two"})).is_err());
    assert_eq!(gitlab.notes().len(), 2);
    assert_eq!(gitlab.writes().len(), 2);
}

#[test]
fn old_hosts_know_less() {
    let gitlab = GitLab::start(scenario());
    gitlab.without_drafts();
    gitlab.without_raw_diffs();
    for path in ["draft_notes", "raw_diffs"] {
        let got = get(&gitlab, &format!("{MERGE}/{path}"));
        assert_eq!((got.status, got.json()), (404, json!({"error": "404 Not Found"})), "{path}");
    }
    assert_eq!(post(&gitlab, "/draft_notes/bulk_publish", &json!({})).status, 404);
    assert_eq!(get(&gitlab, &format!("{MERGE}/diffs")).status, 200);
}

#[test]
fn the_request_is_closed_and_changed() {
    let gitlab = GitLab::start(scenario().draft().labels(&["x"]));
    let merge = || get(&gitlab, MERGE).json();
    let seen = |merge: &Value| json!([merge["state"], merge["draft"], merge["labels"], merge["title"]]);
    assert_eq!(seen(&merge()), json!(["opened", true, ["x"], "Change the thing"]));
    gitlab.close();
    gitlab.set_draft(false);
    gitlab.set_labels(&["later"]);
    gitlab.change(|scenario| scenario.title = "Another".to_owned());
    assert_eq!(seen(&merge()), json!(["closed", false, ["later"], "Another"]));
    gitlab.reopen();
    assert_eq!(merge()["state"], "opened");
}
