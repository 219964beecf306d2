//! The demo of the README: a change of `examples/demo` and answers that were written by hand.

use serde_json::{Value, json};

use crate::support::document::{check_written, source};
use crate::support::program::{Prudence, Run, read_json};
use crate::support::repo::Repo;

const ANSWERS: [&str; 5] = ["review-1-1", "review-1-2", "review-1-3", "verify-1", "verify-2"];

/// The demo, with more arguments.
fn demo(args: &[&str]) -> Prudence {
    let (patch, answers) = (source("examples/demo/change.patch"), source("examples/demo/exchanges"));
    Prudence::new().args(["review", "--patch"]).arg(patch).arg("--replay").arg(answers).args(args)
}

/// The exchange in which a server gives an answer.
fn exchange(id: &str, by_hand: &Value) -> Value {
    let message = json!({"role": "assistant", "content": by_hand["answer"].to_string()});
    let body = json!({
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": by_hand["usage"],
    });
    json!({
        "schema": "prudence.exchange/v1",
        "id": id.replace('-', "/"),
        "request": null,
        "reply": {"status": 200, "headers": [], "body": body.to_string()},
    })
}

#[test]
fn the_exchanges_of_the_demo_are_made_of_what_was_written_by_hand() {
    for id in ANSWERS {
        let by_hand = read_json(source(&format!("examples/demo/answers/{id}.json")));
        let text = serde_json::to_string_pretty(&exchange(id, &by_hand)).expect("JSON") + "\n";
        check_written(&format!("examples/demo/exchanges/{id}.json"), &text);
    }
    for folder in ["examples/demo/answers", "examples/demo/exchanges"] {
        let count = std::fs::read_dir(source(folder)).expect(folder).count();
        assert_eq!(count, ANSWERS.len(), "`{folder}` has a file of no answer");
    }
}

/// What the demo shows, wherever it runs.
#[track_caller]
fn check_shown(run: &Run) {
    for shown in [
        "critical shop/coupons.py:22 security",
        "major shop/checkout.py:12 bug",
        "major shop/coupons.py:36 concurrency",
        "shop/settings.py:7 secrets",
        "skipped uv.lock (lockfile, 2 changed lines)",
    ] {
        assert!(run.stdout.contains(shown), "no `{shown}` in {run}");
    }
    assert!(run.stderr.contains("note: the answers were written by hand: no model was asked"), "{run}");
    assert!(!run.stdout.contains("An unknown code crashes"), "what was refuted is not shown: {run}");
    // what no model was shown is no loss
    assert!(!run.stderr.contains("no code around the change"), "{run}");
    assert!(!run.stderr.contains("no answer") && !run.stderr.contains("error"), "{run}");
}

#[test]
fn the_demo_shows_a_review_and_says_that_no_model_gave_it() {
    let report = demo(&["--format", "json"]).run().expect_code(0).json();
    assert_eq!((&report["status"], report["findings"].as_array().map(Vec::len)), (&json!("complete"), Some(4)));
    let refuted = report["suppressed"].as_array().expect("a list").iter().find(|one| one["reason"] == "refuted");
    assert_eq!(refuted.expect("a claim that was refuted")["finding"]["title"], "An unknown code crashes the checkout");
    let notes = report["delivery"]["notes"].to_string();
    assert!(notes.contains("the answers were written by hand: no model was asked, and nothing was paid"), "{notes}");
    // the tokens are those of the answers
    let of = |name: &str| -> u64 {
        let usage = |id| read_json(source(&format!("examples/demo/answers/{id}.json")))["usage"][name].as_u64();
        ANSWERS.iter().map(|id| usage(id).expect(name)).sum()
    };
    assert_eq!(report["usage"]["input_tokens"], of("prompt_tokens"));
    assert_eq!(report["usage"]["output_tokens"], of("completion_tokens"));
    check_shown(&demo(&[]).run().expect_code(0));
}

/// A key, guides and settings of the place where it runs change prompts, and not the demo.
#[test]
fn the_demo_runs_in_any_folder() {
    check_shown(&demo(&[]).current_dir(source("")).run().expect_code(0));
    let repo = Repo::new().file("AGENTS.md", "Never use floats.\n").file(".prudence.toml", "language = \"de\"\n");
    let repo = repo.file(".env", "OPENAI_API_KEY=sk-test-4711\nOPENAI_BASE_URL=http://127.0.0.1:1/v1\n").commit("Base");
    let run = demo(&[]).current_dir(repo.path()).run().expect_code(0);
    check_shown(&run);
    assert!(!run.to_string().contains("4711"), "{run}");
    check_shown(&demo(&[]).env("PRUDENCE_MODEL", "another").run().expect_code(0));
    check_shown(&demo(&[]).env("CI", "true").run().expect_code(0));
}
