//! A review cut into shards: jobs of a matrix that each look at a share of the change, and one that publishes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::actions::{Actions, Event};
use crate::support::github::Scenario;
use crate::support::openai::{Answer, Script, finding};
use crate::support::program::{Prudence, Run, read_json};
use crate::support::pull::{Pull, Reviewed, files};
use crate::support::repo::Repo;

const SMALL: [&str; 2] = ["--chunk-tokens", "2400"];

/// A request of 120 files with a changed line each, and the reports of its shards.
struct Matrix {
    pull: Pull,
    folder: TempDir,
}

impl Matrix {
    fn new(script: Script) -> Matrix {
        let pull = Pull::new(Scenario::new(&files(120), "main", "feature"), script);
        Matrix { pull, folder: TempDir::with_prefix("prudence-shards-").unwrap() }
    }

    fn path(&self, shard: &str) -> PathBuf {
        self.folder.path().join(format!("{}.json", shard.replace('/', "-")))
    }

    /// The job of a shard.
    #[track_caller]
    fn review(&self, shard: &str, args: &[&str]) -> Reviewed {
        // a size of the caller's own wins
        let small: &[&str] = if args.contains(&"--chunk-tokens") { &[] } else { &SMALL };
        let args = [small, &["--shard", shard], args].concat();
        let reviewed = self.pull.review(&args, 0);
        fs::write(self.path(shard), reviewed.report.to_string()).unwrap();
        reviewed
    }

    /// The job that publishes these.
    fn publish(&self, reports: &[PathBuf]) -> (Run, Value) {
        let job = Actions::new(&self.pull.github, &Event::Opened);
        let merged = self.folder.path().join("merged");
        let program = Prudence::new().actions(&job).arg("publish").args(reports).arg("--output").arg(&merged);
        let run = program.run();
        let report = if merged.exists() { read_json(&merged) } else { Value::Null };
        (run, report)
    }

    fn is_untouched(&self) -> bool {
        self.pull.github.reviews().is_empty() && self.pull.github.issue_comments().is_empty()
    }
}

fn number(report: &Value, pointer: &str) -> f64 {
    report.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {pointer}: {report:#}"))
}

/// A division on the second line of a file.
fn division(n: usize) -> Value {
    let fields = json!({"severity": "major", "title": format!("a{n} is divided by {n}")});
    finding(&format!("src/f{n:03}.rs"), 2, &format!("let b{n} = a{n} / {n};"), fields)
}

/// Says of these files that they divide, wherever they are shown.
fn divisions(of: &[usize]) -> Script {
    of.iter().fold(Script::new(), |script, &n| {
        script.when_times(&format!("src/f{n:03}.rs"), 1, Answer::findings(vec![division(n)]))
    })
}

#[test]
fn the_shards_of_a_review_are_together_the_review() {
    let alone = Matrix::new(divisions(&[0, 119]));
    let whole = alone.pull.review(&SMALL, 0);

    let matrix = Matrix::new(divisions(&[0, 119]));
    let mut sent = 0;
    for shard in ["1/3", "2/3", "3/3"] {
        let reviewed = matrix.review(shard, &[]);
        let (all, done, left, failed) = reviewed.lines();
        assert!(all == 120 && failed == 0 && done > 0 && left > 0, "{shard}: {done} of {all}, {left}");
        assert_eq!(reviewed.at("/shard/index"), shard);
        let before = std::mem::replace(&mut sent, matrix.pull.openai.completions().len());
        assert_eq!(sent - before, reviewed.at("/chunks").as_array().unwrap().len(), "{shard}");
    }
    assert!(matrix.is_untouched(), "a shard posts nothing");
    assert_eq!(sent, alone.pull.openai.completions().len());
    // each line was shown to the model once
    let prompts = matrix.pull.openai.prompts();
    for n in 0..120 {
        let line = format!("let b{n} = a{n} / {n};");
        assert_eq!(prompts.iter().filter(|prompt| prompt.contains(&line)).count(), 1, "{line}");
    }

    // the folder will do
    let (run, merged) = matrix.publish(&[matrix.folder.path().to_owned()]);
    assert_eq!(run.code, Some(0), "{run}");
    for same in ["/coverage", "/usage/output_tokens", "/usage/requests", "/status", "/cost/limit_usd"] {
        assert_eq!(merged.pointer(same), whole.report.pointer(same), "{same}");
    }
    assert_eq!(merged.get("shard"), None);
    let ids: Vec<u64> = merged["chunks"].as_array().unwrap().iter().filter_map(|chunk| chunk["id"].as_u64()).collect();
    assert_eq!(ids, (1..=sent as u64).collect::<Vec<_>>());
    let lines = |pull: &Pull| {
        let comments = pull.github.review_comments();
        comments.iter().map(|comment| (comment.path.clone(), comment.body.clone())).collect::<BTreeSet<_>>()
    };
    assert_eq!(lines(&matrix.pull), lines(&alone.pull));
    assert_eq!(lines(&matrix.pull).len(), 2);
}

#[test]
fn what_a_missing_shard_had_counts_as_failed() {
    let matrix = Matrix::new(Script::new());
    let [first, third] = ["1/3", "3/3"].map(|shard| matrix.review(shard, &[]));
    let (run, merged) = matrix.publish(&[matrix.path("1/3"), matrix.path("3/3")]);
    assert_eq!(run.code, Some(3), "{run}");
    let done = first.lines().1 + third.lines().1;
    let coverage = &merged["coverage"];
    assert_eq!(coverage["changed_lines_reviewed"], done);
    let failed = coverage["failed"].as_array().unwrap();
    assert_eq!(failed.len() as u64, 120 - done);
    assert!(failed.iter().all(|lines| lines["reason"] == "there is no report of shard 2/3"), "{coverage:#}");
    assert_eq!(number(&merged, "/cost/limit_usd"), 1.0, "the limit is that of all shards");
    assert_eq!(number(&merged, "/coverage/files_reviewed") as u64, done);
    assert_eq!(merged["cost"]["usd"], Value::Null, "what the missing one cost is not known");
    let body = &matrix.pull.github.issue_comments()[0].body;
    assert!(
        body.contains("there is no report of shard 2/3: what was found there and its cost are not known"),
        "{body}"
    );
}

#[test]
fn a_shard_spends_its_share_and_what_checks_find_is_said_once() {
    let token = format!("let token = \"ghp_{}\";\n", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6");
    let repo = files(120).file("src/key.rs", token).commit("key");
    let pull = Pull::new(Scenario::new(&repo, "main", "feature"), Script::new());
    let matrix = Matrix { pull, folder: TempDir::new().unwrap() };
    for shard in ["1/2", "2/2"] {
        let reviewed = matrix.review(shard, &["--max-cost", "0.5"]);
        assert!((number(&reviewed.report, "/cost/limit_usd") - 0.25).abs() < 1e-9);
        assert_eq!(reviewed.at("/findings").as_array().unwrap().len(), 1, "{shard}");
    }
    let (run, merged) = matrix.publish(&[matrix.folder.path().to_owned()]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(merged["findings"].as_array().unwrap().len(), 1, "{merged:#}");
    assert_eq!(matrix.pull.github.review_comments().len(), 1);
}

#[test]
fn what_one_shard_has_over_its_limit_and_another_reports_is_reported() {
    // the checks find it in both; the first shard has so much else that it is over the limit there
    let leftover = "let b119 = dbg!(a119);";
    let repo = files(119).file("src/f119.rs", "let a119 = 119;\n").commit("more");
    let repo = repo.file("src/f119.rs", format!("let a119 = 119;\n{leftover}\n")).commit("leftover");
    let script = || divisions(&(0..118).collect::<Vec<_>>());
    let alone = Pull::new(Scenario::new(&repo, "main", "feature"), script());
    alone.review(&[SMALL.as_slice(), &["--max-comments", "200"]].concat(), 0);

    let matrix =
        Matrix { pull: Pull::new(Scenario::new(&repo, "main", "feature"), script()), folder: TempDir::new().unwrap() };
    let reasons: Vec<usize> = ["1/2", "2/2"]
        .map(|shard| matrix.review(shard, &["--max-comments", "1"]))
        .map(|reviewed| reviewed.suppressed().iter().filter(|reason| **reason == "over_comment_limit").count())
        .to_vec();
    assert!(reasons.iter().all(|over| *over > 0), "{reasons:?}");
    let job = Actions::new(&matrix.pull.github, &Event::Opened);
    let run = Prudence::new().actions(&job).arg("publish").arg(matrix.folder.path());
    let run = run.args(["--max-comments", "200"]).run().expect_code(0);
    let said = |pull: &Pull| {
        pull.github.review_comments().iter().map(|c| (c.path.clone(), c.body.clone())).collect::<BTreeSet<_>>()
    };
    assert_eq!(said(&matrix.pull), said(&alone), "{run}");
    let summary = &matrix.pull.github.issue_comments()[0].body;
    assert!(!summary.contains("dropped"), "{summary}");
}

#[test]
fn ranges_that_look_alike_both_count() {
    // old 50 has the number that the last line has on the new side
    let base: String = (1..=60).map(|n| format!("line {n}\n")).collect();
    let changed: String = (11..=60).filter(|n| *n != 50).map(|n| format!("line {n}\n")).collect();
    let repo = Repo::new().file("a.txt", base).commit("base").branch("feature");
    let repo = repo.file("a.txt", changed + "new 50\n").commit("change");
    let pull = Pull::new(Scenario::new(&repo, "main", "feature"), Script::new());
    let matrix = Matrix { pull, folder: TempDir::new().unwrap() };
    let reviewed = matrix.pull.review(&["--max-cost", "0.0000001", "--shard", "1/1"], 3);
    assert_eq!(reviewed.lines().3, 12);
    fs::write(matrix.path("1/1"), reviewed.report.to_string()).unwrap();
    let (run, merged) = matrix.publish(&[matrix.path("1/1")]);
    assert_eq!((run.code, &merged["coverage"]), (Some(3), reviewed.at("/coverage")), "{run}");
}

#[test]
fn many_missing_shards_are_one_note_and_the_order_of_names_is_nothing() {
    let matrix = Matrix::new(Script::new());
    for shard in ["1/200", "2/200"] {
        matrix.review(shard, &[]);
    }
    let (first, second) = (matrix.path("1/200"), matrix.path("2/200"));
    let (run, merged) = matrix.publish(&[first.clone(), second.clone()]);
    assert_eq!(run.code, Some(3), "{run}");
    let notes = merged["delivery"]["notes"].as_array().unwrap();
    let of_missing: Vec<&str> =
        notes.iter().filter_map(Value::as_str).filter(|note| note.contains("no report")).collect();
    let expected = "there is no report of the shards 3/200, 4/200, 5/200, 6/200, 7/200, 8/200, 9/200, 10/200, 11/200, 12/200 and 188 more";
    assert!(of_missing.len() == 1 && of_missing[0].starts_with(expected), "{of_missing:?}");
    let (total, edits) = (merged["cost"]["total_usd"].clone(), matrix.pull.github.issue_comments()[0].edits);
    let (_, again) = matrix.publish(&[second, first]);
    assert_eq!(again["cost"]["total_usd"], total, "the same reports were paid for once");
    assert_eq!(matrix.pull.github.issue_comments()[0].edits, edits);
}

#[test]
fn more_shards_than_chunks_do_no_harm_and_without_a_model_the_checks_look_once() {
    let matrix = Matrix::new(Script::new());
    let shards: Vec<String> = (1..=3).map(|index| format!("{index}/3")).collect();
    for shard in &shards {
        // one chunk
        matrix.review(shard, &["--chunk-tokens", "100000"]);
    }
    assert_eq!(matrix.pull.openai.completions().len(), 1);
    let (run, merged) = matrix.publish(&[matrix.folder.path().to_owned()]);
    assert_eq!((run.code, &merged["status"]), (Some(0), &json!("complete")), "{run}");
    assert_eq!(number(&merged, "/coverage/files_reviewed"), 120.0);

    let matrix = Matrix::new(Script::new());
    for shard in &shards {
        matrix.review(shard, &["--provider", "offline"]);
    }
    let (run, merged) = matrix.publish(&[matrix.folder.path().to_owned()]);
    assert_eq!((run.code, &merged["status"]), (Some(0), &json!("complete")), "{run}");
    assert_eq!(number(&merged, "/coverage/files_reviewed"), 120.0);
    assert_eq!(number(&merged, "/coverage/changed_lines_reviewed"), 120.0);
}

#[test]
fn reports_that_do_not_belong_together_are_refused() {
    let matrix = Matrix::new(Script::new());
    for shard in ["1/2", "2/2"] {
        matrix.review(shard, &[]);
    }
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut report = read_json(matrix.path("2/2"));
        change(&mut report);
        let other = matrix.folder.path().join("other");
        fs::write(&other, report.to_string()).unwrap();
        let (run, _) = matrix.publish(&[matrix.path("1/2"), other]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains(expected), "{run}");
        assert!(matrix.is_untouched());
    };
    let other = "are not shards of one review: the change, the settings or the program was another";
    check(&|report| report["shard"]["plan"] = json!("0123"), other);
    check(&|report| report["shard"]["index"] = json!("2/4"), other);
    check(&|report| report["change"]["head_sha"] = json!("0".repeat(40)), other);
    check(&|report| report["shard"]["index"] = json!("1/2"), "shard 1/2 is there twice");
    check(&|report| report["shard"]["index"] = json!("3/2"), "a shard is K/N");
    let whole = |report: &mut Value| {
        report.as_object_mut().unwrap().remove("shard");
        report["coverage"]["skipped"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|file| file["reason"] = json!("binary"));
    };
    check(&whole, "are not shards of one review\nhint: name one report");
    check(
        &|report| report["coverage"]["skipped"][0]["reason"] = json!("shard_3"),
        "a file in it is skipped for a reason that is none",
    );

    let empty = TempDir::new().unwrap();
    let (run, _) = matrix.publish(&[empty.path().to_owned()]);
    assert!(run.code == Some(2) && run.stderr.contains("no file in it ends in `.json`"), "{run}");
}

#[test]
fn a_shard_needs_a_file_for_its_report() {
    let matrix = Matrix::new(Script::new());
    let job = Actions::new(&matrix.pull.github, &Event::Opened);
    let program = || Prudence::new().actions(&job).openai(&matrix.pull.openai).arg("review");
    let run = program().args(["--shard", "1/2"]).run().expect_code(2);
    assert!(run.stderr.contains("there is no file for its report\nhint: add `--output FILE`"), "{run}");
    // by the action's inputs
    let output = matrix.folder.path().join("by-input.json");
    let run = program().env("INPUT_SHARD", "2/2").env("INPUT_OUTPUT", output.display()).args(SMALL).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(read_json(&output)["shard"]["index"], "2/2");
    let run = program().env("INPUT_SHARD", "two").env("INPUT_OUTPUT", output.display()).run().expect_code(2);
    assert!(run.stderr.contains("the input `shard` is none: a shard is K/N"), "{run}");
}

#[test]
fn the_plan_tells_a_matrix_which_shards_there_are() {
    let matrix = Matrix::new(Script::new());
    let job = Actions::new(&matrix.pull.github, &Event::Opened);
    let plan = |args: &[&str]| {
        let small: &[&str] = if args.contains(&"--chunk-tokens") { &[] } else { &SMALL };
        let program = Prudence::new().actions(&job).args(["plan", "--effort", "low"]).args(small).args(args);
        program.run().expect_code(0)
    };
    let planned = plan(&["--shards", "2", "--format", "json"]).json();
    let shards = planned["shards"].as_array().unwrap();
    assert_eq!(shards.iter().map(|shard| &shard["shard"]).collect::<Vec<_>>(), ["1/2", "2/2"]);
    let sum = |name: &str| shards.iter().map(|shard| shard[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("requests"), sum("changed_lines")), (planned["totals"]["requests"].as_u64().unwrap(), 120));
    assert_eq!(job.outputs().get("shards").map(String::as_str), Some(r#"["1/2","2/2"]"#));
    assert_eq!(job.outputs().get("conclusion").map(String::as_str), Some("planned"));
    let text = plan(&["--shards", "2"]).stdout;
    assert!(text.contains("\nshard 1/2: ") && text.contains("\nshard 2/2: "), "{text}");
    // no more than have something to do
    let planned = plan(&["--shards", "9", "--chunk-tokens", "100000", "--format", "json"]).json();
    assert_eq!(planned["shards"].as_array().unwrap().len(), 1);
    assert_eq!(plan(&["--format", "json"]).json().get("shards"), None);
    for none in ["0", "257", "x"] {
        let run = Prudence::new().args(["plan", "--shards", none]).run().expect_code(2);
        assert!(run.stderr.contains("it is a number from 1 to 256"), "{run}");
    }
}
