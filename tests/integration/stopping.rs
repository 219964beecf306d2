//! Runs that are told to end: what was found is written, and nothing is posted by halves.

use std::sync::Arc;

use serde_json::json;

use crate::support::actions::{Actions, Event};
use crate::support::github::{Fault, Route, Scenario};
use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::{Prudence, read_json};
use crate::support::pull::{Pull, late, mean, pay};

/// Two files, each in a chunk of its own; the model finds something in `src/one.rs` and never answers about `src/two.rs`.
fn patch() -> String {
    let file = |name: &str| {
        let lines = (1..=60).map(|n| format!("+let value_{n} = compute({n}, {n}); // {name}\n")).collect::<String>();
        format!("--- /dev/null\n+++ b/src/{name}.rs\n@@ -0,0 +1,60 @@\n{lines}")
    };
    ["one", "two"].map(file).concat()
}

#[test]
fn what_was_found_is_written() {
    for (signal, name) in [("TERM", "SIGTERM"), ("INT", "SIGINT")] {
        let found = finding("src/one.rs", 7, "let value_7 = compute(7, 7); // one", json!({}));
        let openai = OpenAi::start(Script::new().when("// two", Answer::Hang).when("", Answer::findings(vec![found])));
        let folder = tempfile::tempdir().expect("a folder");
        let report = folder.path().join("report.json");
        let program = Prudence::new().args(["review", "--patch", "-", "--output"]).arg(&report).openai(&openai);
        let program = program.env("PRUDENCE_CHUNK_TOKENS", 2400).env("PRUDENCE_CONCURRENCY", 1).stdin(patch());
        let run = program.run_until_told(&[signal], || openai.completions().len() == 2).expect_code(3);
        let report = read_json(&report);
        assert_eq!((&report["status"], report["findings"].as_array().map(Vec::len)), (&json!("incomplete"), Some(1)));
        let failed = &report["coverage"]["failed"][0];
        let why = format!("the run was stopped by {name}");
        assert_eq!((&failed["path"], &failed["reason"]), (&json!("src/two.rs"), &json!(why)), "{run}");
    }
}

#[test]
fn nothing_is_posted_of_a_review_that_was_stopped() {
    let pull = Pull::of_pay(vec![mean()]);
    pull.openai.set_script(Script::new().always(Answer::Hang));
    let job = Actions::new(&pull.github, &Event::Opened);
    let run = pull.step(&job).run_until_told(&["TERM"], || !pull.openai.completions().is_empty()).expect_code(4);
    let report = read_json(pull.report_path());
    assert_eq!(report["delivery"]["channel"], "none", "{run}");
    let notes = report["delivery"]["notes"].to_string();
    assert!(notes.contains("stopped by SIGTERM: nothing was posted"), "{notes}");
    assert!(pull.github.writes().is_empty());
}

#[test]
fn before_anything_was_asked_a_run_ends_at_once() {
    let pull = Pull::of_pay(vec![mean()]);
    pull.github.fault_always(Route::GetDiff, Fault::Hang);
    let github = Arc::clone(&pull.github);
    let job = Actions::new(&pull.github, &Event::Opened);
    let is_there = || github.requests().iter().any(|r| Route::of(r).is_some_and(|found| found.route == Route::GetDiff));
    let run = pull.step(&job).run_until_told(&["INT"], is_there).expect_code(2);
    assert!(run.stderr.contains("error: stopped by SIGINT"), "{run}");
    assert!(pull.github.writes().is_empty() && pull.openai.completions().is_empty());
}

#[test]
fn a_delivery_that_hangs_is_cut_short_and_made_whole_by_the_next_run() {
    let script = Script::new().always(Answer::findings(vec![mean(), late()]));
    let pull = Pull::new(Scenario::new(&pay(), "main", "feature"), script);
    pull.github.fault(Route::CreateIssueComment, 1, Fault::Hang);
    let github = Arc::clone(&pull.github);
    let job = Actions::new(&pull.github, &Event::Opened);
    let run = pull.step(&job).run_until_told(&["TERM"], || github.writes().len() == 2).expect_code(4);
    let report = read_json(pull.report_path());
    let notes = report["delivery"]["notes"].to_string();
    assert!(notes.contains("stopped by SIGTERM: the delivery was cut short"), "{notes}\n{run}");
    assert_eq!((pull.github.review_comments().len(), pull.github.issue_comments().len()), (2, 0));
    pull.review(&[], 0);
    assert_eq!((pull.github.review_comments().len(), pull.github.issue_comments().len()), (2, 1));
}

#[test]
fn a_second_signal_ends_a_run_that_does_not_end() {
    let pull = Pull::of_pay(vec![mean()]);
    pull.github.fault(Route::CreateIssueComment, 1, Fault::Hang);
    let github = Arc::clone(&pull.github);
    let job = Actions::new(&pull.github, &Event::Opened);
    let run = pull.step(&job).run_until_told(&["INT", "TERM"], || github.writes().len() == 2);
    assert_eq!(run.code, Some(128 + 15), "{run}");
}
