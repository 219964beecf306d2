//! `prudence eval` from outside, on a small dataset.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::Prudence;

const DIFF: &str = "--- a/src/share.py\n+++ b/src/share.py\n@@ -1,2 +1,5 @@\n def share(total, parts):\n-    return 0\n+    part = total // parts\n+    rest = total - part\n+    log(part)\n+    return part\n";

/// Two changes, one of them clean.
fn dataset() -> TempDir {
    let folder = TempDir::with_prefix("prudence-eval-").expect("a temporary folder");
    let known = json!({"path": "src/share.py", "start_line": 2, "end_line": 2, "side": "right", "severity": "major",
        "category": "bug", "text": "Division by zero when there are no parts",
        "paraphrases": ["With zero parts the integer division raises ZeroDivisionError"]});
    let clean_diff = DIFF.replace("share", "split");
    let cases = [
        json!({"instance_id": "one", "language": "Python", "diff": "one.diff", "reference_comments": [known]}),
        json!({"instance_id": "two", "language": "Python", "diff": "two.diff", "expect_clean": true}),
    ];
    let lines = cases.map(|case| format!("{case}\n")).concat();
    for (name, text) in [("cases.jsonl", lines.as_str()), ("one.diff", DIFF), ("two.diff", clean_diff.as_str())] {
        fs::write(folder.path().join(name), text).expect("a dataset");
    }
    folder
}

fn eval(folder: &Path, args: &[&str]) -> Prudence {
    Prudence::new().arg("eval").arg(folder).args(args).args(["--format", "json"])
}

fn rates(evaluation: &Value, reviewer: &str) -> [Value; 3] {
    let reviewers = evaluation["reviewers"].as_array().expect("reviewers");
    let found = reviewers.iter().find(|one| one["name"] == reviewer).expect("a reviewer");
    [0, 1, 2].map(|which| found["scores"]["by"]["place_and_meaning"][which]["value"].clone())
}

#[test]
fn baselines_need_no_model() {
    let folder = dataset();
    let evaluation = eval(folder.path(), &["--provider", "offline"]).run().expect_code(0).json();
    assert_eq!(rates(&evaluation, "the known defects"), [json!(1.0), json!(1.0), json!(1.0)]);
    assert_eq!(rates(&evaluation, "silence"), [Value::Null, json!(0.0), json!(0.0)]);
    assert_eq!(evaluation["reviewers"][1], json!({"name": "one pass", "cases": [], "scores": null}));
    let robustness = &evaluation["robustness"];
    assert_eq!((&robustness["quotable"], &robustness["duplicates"]), (&json!(1), &json!([1, 1])), "{robustness:#}");
    assert_eq!(robustness["kinds"]["another path"]["restored"], 1);
    let text =
        Prudence::new().arg("eval").arg(folder.path()).args(["--provider", "offline"]).run().expect_code(0).stdout;
    for part in [
        "no model was asked",
        "one pass            could not be run",
        "every tenth line",
        "restored of damaged answers",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn the_pipeline_runs_on_each_case_and_runs_are_compared() {
    let folder = dataset();
    let zero = finding(
        "src/share.py",
        2,
        "part = total // parts",
        json!({"title": "Division by zero for no parts", "body": "With no parts the division raises ZeroDivisionError."}),
    );
    let openai = OpenAi::start(Script::new().when("src/share.py", Answer::findings(vec![zero])));
    let old = folder.path().join("old.json");
    let output = ["--effort", "low", "--output", old.to_str().expect("a path")];
    let evaluation = eval(folder.path(), &output).openai(&openai).run().expect_code(0).json();
    assert_eq!(rates(&evaluation, "prudence"), [json!(1.0), json!(1.0), json!(1.0)], "{evaluation:#}");
    let scores = &evaluation["reviewers"][0]["scores"];
    assert_eq!((&scores["alarm_rate"], &scores["by_severity"]["major"]), (&json!(0.0), &json!([1, 1])));
    assert!(scores["usd_per_change"].as_f64().is_some_and(|usd| usd > 0.0), "{scores:#}");
    assert_eq!(openai.completions().len(), 2, "a run of one pass is its own baseline");
    let compare = ["--effort", "low", "--compare", output[3]];
    let again = eval(folder.path(), &compare).openai(&openai).run().expect_code(0).json();
    assert_eq!(again["comparison"]["cases"], 2);
    assert_eq!(again["comparison"]["differences"][2], json!({"value": 0.0, "interval": [0.0, 0.0]}));
}

#[test]
fn answers_of_a_batch_take_the_place_of_a_model() {
    let folder = dataset();
    let zero = finding("src/share.py", 2, "part = total // parts", json!({"title": "Division by zero for no parts"}));
    let content = |findings: &[Value]| json!({"analysis": "", "findings": findings, "summary": ""}).to_string();
    let line = |id: &str, findings: &[Value]| {
        let message = json!({"role": "assistant", "content": content(findings), "refusal": null});
        let body = json!({"model": "scripted", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 80, "total_tokens": 980}});
        format!("{}\n", json!({"custom_id": id, "response": {"status_code": 200, "body": body}, "error": null}))
    };
    let answers = line("one/review/1/1", &[zero]) + &line("two/review/1/1", &[]);
    fs::write(folder.path().join("answers.jsonl"), answers).expect("answers");
    let answers = folder.path().join("answers.jsonl");
    let args = ["--effort", "low", "--responses", answers.to_str().expect("a path")];
    let evaluation = eval(folder.path(), &args).run().expect_code(0).json();
    assert_eq!(rates(&evaluation, "prudence")[1], 1.0, "{evaluation:#}");
    // what is not answered is no review, and in no number
    fs::write(&answers, line("one/review/1/1", &[])).expect("answers");
    let run = eval(folder.path(), &args).run();
    assert_eq!((run.code, run.json()["failed"][0][0].clone()), (Some(3), json!("two")), "{run}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = dataset();
    let run = eval(folder.path(), &["--provider", "offline", "--case", "three"]).run();
    assert!(run.code == Some(2) && run.stderr.contains("the dataset has no case `three`"), "{run}");
    fs::write(folder.path().join("one.diff"), "--- a/x\n+++ b/x\n@@ -1 +1 @@ broken\n").expect("a diff");
    fs::remove_file(folder.path().join("two.diff")).expect("a file");
    let run = eval(folder.path(), &["--provider", "offline", "--case", "two"]).run();
    assert!(run.code == Some(2) && run.stderr.contains("cannot read the diff"), "{run}");
    fs::write(folder.path().join("cases.jsonl"), "{}\n").expect("cases");
    let run = eval(folder.path(), &["--provider", "offline"]).run();
    assert!(run.code == Some(2) && run.stderr.contains("cases.jsonl:1: missing field"), "{run}");
    let run = eval(&folder.path().join("none"), &["--provider", "offline"]).run();
    assert!(run.code == Some(2) && run.stderr.contains("hint: name a folder"), "{run}");
}
