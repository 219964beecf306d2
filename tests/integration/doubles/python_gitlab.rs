//! A real client of GitLab understands the double, and is understood.

use serde_json::{Value, json};

use super::gitlab::scenario;
use crate::support::gitlab::{DEVELOPER, GitLab};
use crate::support::python_gitlab::{read_back, write};

#[test]
fn python_gitlab_writes_and_reads_back() {
    let gitlab = GitLab::start(scenario().under("/gitlab"));
    let Some(written) = write(&gitlab) else { return };
    assert_eq!(written["user"], json!(gitlab.scenario().login()));
    let text = "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}";
    assert_eq!(written["refused"], json!({"code": 400, "message": text}));

    let seen = read_back(&gitlab).expect("the same client");
    let version = gitlab.versions().pop().unwrap();
    assert_eq!(seen["diff_refs"]["head_sha"], json!(version.head));
    assert_eq!(seen["versions"][0]["refs"], json!([version.base, version.start, version.head]));
    assert_eq!(seen["versions"][0]["files"].as_array().unwrap().len(), 4);
    let told: Vec<&Value> = seen["discussions"].as_array().unwrap().iter().collect();
    let bodies = |at: usize| told[at]["notes"].as_array().unwrap().iter().map(|it| &it["body"]).collect::<Vec<_>>();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!((bodies(0), &told[0]["id"]), (vec![&json!("On a line."), &json!("And an answer.")], &written["thread"]));
    let first = &told[0]["notes"][0];
    assert_eq!((&first["resolved"], &first["position"]["new_line"]), (&json!(true), &json!(3)));
    assert_eq!(first["resolved_by"], json!(gitlab.scenario().login()));
    assert_eq!((bodies(1), &told[1]["notes"][0]["system"]), (vec![&json!("resolved all threads")], &json!(true)));
    assert_eq!(
        (bodies(2), &told[2]["notes"][0]["position"]["old_line"]),
        (vec![&json!("A draft on a removed line.")], &json!(3))
    );
    assert_eq!((bodies(3), &told[3]["notes"][0]["awards"]), (vec![&json!("Of all, again.")], &json!(["eyes"])));
    assert_eq!(seen["drafts"][0]["note"], "Left behind.");
    assert_eq!(gitlab.notifications(), 4, "a thread, an answer, all drafts at once, and a note");
}

#[test]
fn python_gitlab_reads_all_pages() {
    let gitlab = GitLab::start(scenario().limits(|limits| limits.per_page = 2).level(DEVELOPER));
    gitlab.say_all("bob", (0..5).map(|n| format!("note {n}")));
    let Some(seen) = read_back(&gitlab) else { return };
    let bodies: Vec<_> = seen["notes"].as_array().unwrap().iter().map(|note| note["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["note 0", "note 1", "note 2", "note 3", "note 4"]);
    assert_eq!(seen["discussions"].as_array().unwrap().len(), 5);
}
