//! The first review of a request: what is sent, and what stands on the request afterwards.

use super::*;
use crate::support::openai::{Answer, finding};
use crate::support::pull::{late, mean, removed};

/// A finding on a line of the request of [`crate::support::pull::pay`] that did not change: 22 before, 21 now.
fn unchanged() -> Value {
    finding(
        "src/pay.rs",
        21,
        "let v22 = 22;",
        json!({"severity": "minor", "title": "Unused since the line above went"}),
    )
}

/// The position of the thread with this title.
#[track_caller]
fn position(merge: &Merge, title: &str) -> Value {
    let threads = merge.gitlab.discussions();
    let found = threads.iter().find(|thread| title_of(&thread.notes[0].body) == Some(title));
    let found = found.unwrap_or_else(|| panic!("no comment `{title}`"));
    found.notes[0].position.as_ref().expect("a position").to_json()
}

#[test]
fn each_kind_of_line_has_the_position_that_gitlab_wants() {
    let merge = Merge::of_pay(vec![mean(), late(), removed(), unchanged()]);
    let reviewed = merge.review(&[], 0);
    assert_eq!(reviewed.at("/delivery/posted"), 4, "{}", reviewed.run);
    let version = merge.gitlab.versions().pop().expect("a version");
    let check = |title: &str, old: Value, new: Value| {
        let found = position(&merge, title);
        assert_eq!((&found["old_line"], &found["new_line"]), (&old, &new), "{title}");
        assert_eq!((&found["old_path"], &found["new_path"]), (&json!("src/pay.rs"), &json!("src/pay.rs")));
        let refs = [&found["base_sha"], &found["start_sha"], &found["head_sha"]];
        assert_eq!(refs, [&json!(version.base), &json!(version.start), &json!(version.head)], "{title}");
        found["line_range"].clone()
    };
    assert_eq!(check("Division by zero without payments", Value::Null, json!(5)), Value::Null);
    assert_eq!(check("Callers still read this name", json!(20), Value::Null), Value::Null);
    assert_eq!(check("Unused since the line above went", json!(22), json!(21)), Value::Null);
    let range = check("Late is returned for large sums", Value::Null, json!(31));
    let file = "0d1d72dcfd9ad2a4f4f3ab3f10d7a09a0c5d3f30";
    let code = range["start"]["line_code"].as_str().expect("a code");
    assert_eq!(
        (code.len(), code.split_once('_').map(|(hash, rest)| (hash.len(), rest))),
        (49 - 3, Some((file.len(), "31_29")))
    );
    assert_eq!((&range["start"]["type"], &range["end"]["new_line"]), (&json!("new"), &json!(31)));
}

#[test]
fn suggestions_name_the_lines_above_the_last_one() {
    let mut range = late();
    range["suggestion"] = json!("if sum > limit {\n    return Err(Large);\n}");
    let merge = Merge::of_pay(vec![mean(), range]);
    merge.review(&[], 0);
    let threads = merge.gitlab.discussions();
    let text = |at: usize| threads[at].notes[0].body.clone();
    assert!(text(0).contains("\n```suggestion:-0+0\nlet mean = sum.checked_div(count);\n```\n"), "{}", text(0));
    assert!(
        text(1).contains("\n```suggestion:-2+0\nif sum > limit {\n    return Err(Large);\n}\n```\n"),
        "{}",
        text(1)
    );
}

#[test]
fn people_get_one_notification_for_all_comments_and_one_for_the_summary() {
    let mut life = life(&three());
    let step = life.run();
    step.assert_asked(
        &[STEERING, AGAIN, BEFORE_COMMENTS, AFTER_DRAFTS, AFTER_FIRST],
        &["draft", "draft", "draft", "publish", "summary"],
    );
    assert_eq!(
        (life.posted(), life.gitlab().notifications()),
        (["alpha", "beta", "gamma"].map(str::to_owned).to_vec(), 2)
    );
    let lines: Vec<_> = ["alpha", "beta", "gamma"].map(|name| life.comment(name).lines()).to_vec();
    assert_eq!(lines, [(11, 11), (102, 102), (193, 193)]);
}

#[test]
fn one_comment_needs_no_draft() {
    let mut life = life(&branch(|repo| repo.file("src/b.rs", defect("alpha"))));
    let step = life.run();
    step.assert_asked(&[STEERING, AGAIN, BEFORE_COMMENTS, AFTER_FIRST], &["comment", "summary"]);
}

#[test]
fn the_report_tells_of_the_request_and_its_delivery() {
    let merge = Merge::of_pay(vec![mean(), removed()]);
    let reviewed = merge.review(&[], 0);
    let summary = merge.gitlab.notes().remove(0);
    let url = merge.gitlab.merge_url();
    assert_eq!(reviewed.at("/change/source"), "gitlab");
    assert_eq!((reviewed.at("/change/url"), reviewed.at("/change/title")), (&json!(url), &json!("Change the thing")));
    assert_eq!(reviewed.at("/change/head_sha"), &json!(merge.gitlab.head()));
    let delivery = json!({"channel": "review", "posted": 2, "notes": [], "url": format!("{url}#note_{}", summary.id)});
    assert_eq!(reviewed.report["delivery"], delivery);
    assert!(summary.body.contains("7 changed lines in 1 file: 7 reviewed, 0 skipped, 0 failed"), "{}", summary.body);
    assert!(summary.body.contains("/-/jobs/4712"), "{}", summary.body);
    assert_eq!(state(&summary.body)["head"], json!(merge.gitlab.head()));
    let gated = Merge::of_pay(vec![mean()]);
    gated.review(&["--fail-on", "critical"], 1);
    gated.review(&["--fail-on", "critical"], 1);
}

#[test]
fn a_request_can_be_named_on_a_desk() {
    for short in [true, false] {
        let mut life = life_of(&three(), |scenario| scenario.under("/gitlab"));
        let name = if short { "octo/demo!7".to_owned() } else { life.gitlab().merge_url() };
        let program = life.merge.desk().args(["--mr", &name]);
        let step = life.end(program, 0);
        assert_eq!((step.channel(), life.posted().len()), ("review", 3));
    }
}

#[test]
fn nothing_is_posted_by_a_dry_run() {
    let mut life = life(&three());
    let step = life.run_with(&["--dry-run"], 0);
    assert!(step.writes.is_empty() && step.reviewed.run.stdout.contains("alpha"), "{}", step.reviewed.run);
}

#[test]
fn marks_of_others_are_not_believed() {
    let mut first = life(&three());
    first.run();
    let (summary, comment) = (first.summary().expect("a summary"), first.comment("alpha").body);
    let mut life = life(&three());
    life.gitlab().say("mallory", &summary);
    life.gitlab().discuss(
        "mallory",
        &comment,
        Some(json!({"position_type": "text", "old_path": "src/new.rs",
        "new_path": "src/new.rs", "new_line": 11})),
    );
    let step = life.run();
    assert_eq!((life.posted().len(), step.words().last()), (3, Some(&"summary")));
    assert_eq!(step.reviewed.at("/cost/total_usd"), step.reviewed.at("/cost/usd"));
}

#[test]
fn a_real_client_reads_what_was_written() {
    let merge = Merge::of_pay(vec![mean(), late(), removed(), unchanged()]);
    merge.review(&[], 0);
    let Some(seen) = crate::support::python_gitlab::read_back(&merge.gitlab) else { return };
    let threads: Vec<&Value> =
        seen["discussions"].as_array().expect("a list").iter().filter(|thread| thread["individual"] == false).collect();
    assert_eq!((threads.len(), seen["drafts"].as_array().map(Vec::len)), (4, Some(0)), "{seen:#}");
    for thread in threads {
        let note = &thread["notes"][0];
        assert_eq!((&note["type"], &note["resolved"]), (&json!("DiffNote"), &json!(false)));
        assert!(note["body"].as_str().is_some_and(|body| body.contains("<!-- prudence:finding v1 ")), "{note}");
    }
}

/// A host counts a side without lines as 0: in a new file, and in one that is gone.
#[test]
fn ranges_in_new_and_removed_files_have_the_names_of_the_host() {
    let base = Repo::new().file("gone.rs", "let a = 1;\nlet b = 2;\nlet c = 3;\n").file("x", "x\n").commit("base");
    let repo = base
        .branch("feature")
        .file("new.rs", "let d = 4;\nlet e = 5;\nlet f = 6;\n")
        .remove("gone.rs")
        .commit("change");
    let on = |path: &str, quote: &str, side: &str| {
        finding(path, 1, quote, json!({"end_line": 2, "side": side, "title": path, "severity": "major"}))
    };
    let findings =
        vec![on("new.rs", "let d = 4;\nlet e = 5;", "RIGHT"), on("gone.rs", "let a = 1;\nlet b = 2;", "LEFT")];
    let merge = Merge::new(Scenario::new(&repo, "main", "feature"), Script::new().always(Answer::findings(findings)));
    let reviewed = merge.review(&[], 0);
    assert_eq!(
        (reviewed.at("/delivery/posted"), reviewed.at("/delivery/channel")),
        (&json!(2), &json!("review")),
        "{}",
        reviewed.run
    );
}
