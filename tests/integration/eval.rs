//! `prudence eval` from outside, on a small dataset.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::openai::{Answer, OpenAi, Script, finding, prompt_tokens};
use crate::support::program::Prudence;

const DIFF: &str = "--- a/src/share.py\n+++ b/src/share.py\n@@ -1,2 +1,5 @@\n def share(total, parts):\n-    return 0\n+    part = total // parts\n+    rest = total - part\n+    log(part)\n+    return part\n";

/// Two changes, one of them clean.
pub fn dataset() -> TempDir {
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

pub fn eval(folder: &Path, args: &[&str]) -> Prudence {
    Prudence::new().arg("eval").arg(folder).args(args).args(["--format", "json"])
}

fn measure<'e>(evaluation: &'e Value, reviewer: &str, metric: &str) -> &'e Value {
    let reviewers = evaluation["reviewers"].as_array().expect("reviewers");
    let found = reviewers.iter().find(|one| one["name"] == reviewer).expect("a reviewer");
    &found["scores"]["measures"][metric]["value"]
}

fn rates(evaluation: &Value, reviewer: &str) -> [Value; 3] {
    ["precision", "recall", "f1"].map(|metric| measure(evaluation, reviewer, metric).clone())
}

/// A model that finds the division by zero of the first case.
fn finds_it() -> Script {
    let fields = json!({"title": "Division by zero for no parts", "body": "With no parts the division raises ZeroDivisionError."});
    let zero = finding("src/share.py", 2, "part = total // parts", fields);
    Script::new().when("src/share.py", Answer::findings(vec![zero]))
}

#[test]
fn baselines_need_no_model() {
    let folder = dataset();
    let evaluation = eval(folder.path(), &["--provider", "offline"]).run().expect_code(0).json();
    assert_eq!(rates(&evaluation, "the known defects"), [json!(1.0), json!(1.0), json!(1.0)]);
    assert_eq!(rates(&evaluation, "silence"), [Value::Null, json!(0.0), json!(0.0)]);
    assert_eq!(*measure(&evaluation, "silence", "usd_per_change"), Value::Null);
    assert_eq!(*measure(&evaluation, "silence", "alarm_rate"), json!(0.0));
    let one_pass = &evaluation["reviewers"][1];
    assert_eq!((&one_pass["scores"], &one_pass["unable"]), (&Value::Null, &json!("it needs a model")));
    let robustness = &evaluation["robustness"];
    assert_eq!((&robustness["quotable"], &robustness["duplicates"]), (&json!(1), &json!({"tried": 1, "so": 1})));
    assert_eq!(evaluation["dataset"]["known"], 1);
    let terminal = ["--provider", "offline", "--format", "terminal"];
    let text = Prudence::new().arg("eval").arg(folder.path()).args(terminal).run().expect_code(0).stdout;
    for part in [
        "no model was asked",
        "one pass could not be run: it needs a model",
        "every tenth line",
        "restored of damaged answers",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn the_pipeline_runs_on_each_case_and_runs_are_compared() {
    let folder = dataset();
    let openai = OpenAi::start(finds_it());
    let old = folder.path().join("old.json");
    let output = ["--effort", "low", "--output", old.to_str().expect("a path")];
    let evaluation = eval(folder.path(), &output).openai(&openai).run().expect_code(0).json();
    assert_eq!(rates(&evaluation, "prudence"), [json!(1.0), json!(1.0), json!(1.0)], "{evaluation:#}");
    let scores = &evaluation["reviewers"][0]["scores"];
    assert_eq!(scores["by_severity"]["major"], json!({"known": 1, "found": 1}));
    assert_eq!(*measure(&evaluation, "prudence", "alarm_rate"), json!(0.0));
    assert!(measure(&evaluation, "prudence", "usd_per_hit").as_f64().is_some_and(|usd| usd > 0.0), "{scores:#}");
    assert_eq!(evaluation["reviewers"][0]["cases"][0]["said"][0]["is"], "hit");
    assert_eq!(openai.completions().len(), 2, "with low effort the program is the baseline of one pass itself");
    assert_eq!(rates(&evaluation, "one pass"), rates(&evaluation, "prudence"));
    let compare = ["--effort", "low", "--compare", output[3]];
    let again = eval(folder.path(), &compare).openai(&openai).run().expect_code(0).json();
    assert_eq!((&again["comparison"]["cases"], &again["comparison"]["notes"]), (&json!(2), &json!([])));
    let f1 = &again["comparison"]["differences"]["f1"];
    assert_eq!(*f1, json!({"old": 1.0, "new": 1.0, "difference": {"value": 0.0, "interval": [0.0, 0.0]}}));
    // silent this time: the difference shows it
    openai.set_script(Script::new());
    let worse = eval(folder.path(), &compare).openai(&openai).run().expect_code(0).json();
    assert_eq!(worse["comparison"]["differences"]["recall"]["difference"]["value"], -1.0);
}

#[test]
fn each_case_has_its_own_bill_and_the_limit_is_that_of_the_run() {
    let folder = dataset();
    let openai = OpenAi::start(finds_it());
    let args = ["--effort", "low", "--jobs", "2"];
    let evaluation = eval(folder.path(), &args).openai(&openai).run().expect_code(0).json();
    let cases = evaluation["reviewers"][0]["cases"].as_array().expect("cases").clone();
    let tokens: Vec<_> = cases.iter().map(|case| case["input_tokens"].as_u64().expect("tokens")).collect();
    let asked: Vec<_> = openai.completions().iter().map(|request| prompt_tokens(&request.body) as u64).collect();
    assert_eq!(tokens.iter().sum::<u64>(), asked.iter().sum::<u64>());
    assert!(tokens.iter().all(|tokens| asked.contains(tokens)), "{tokens:?} of {asked:?}");
    let run = eval(folder.path(), &["--effort", "low", "--jobs", "1", "--max-cost", "0.0027"]).openai(&openai).run();
    let failed = run.json()["failed"].as_array().expect("failures").len();
    assert_eq!((run.code, failed), (Some(3), 1), "{run}");
}

#[test]
fn a_model_judges_where_words_are_not_trusted() {
    let folder = dataset();
    let decides = |same: bool| {
        let answer = Answer::Json(json!({"evidence": "both name the division by zero", "same": same}));
        Script::new().when("You compare two remarks", answer).followed_by(finds_it())
    };
    let openai = OpenAi::start(decides(true));
    let judge = ["--effort", "low", "--judge", "gpt-4o"];
    let judged = eval(folder.path(), &judge).openai(&openai).run().expect_code(0).json();
    assert_eq!(rates(&judged, "prudence")[2], 1.0, "{judged:#}");
    assert_eq!((&judged["judging"]["model"], &judged["judging"]["pairs"]), (&json!("gpt-4o"), &json!(1)));
    assert!(judged["judging"]["usd"].as_f64().is_some_and(|usd| usd > 0.0), "{judged:#}");
    let asked: Vec<Value> = openai.completions().iter().map(|request| request.body.clone()).collect();
    let asked: Vec<&Value> = asked.iter().filter(|body| body["model"] == "gpt-4o").collect();
    assert_eq!(asked.len(), 1, "only what stands in one place");
    let schema = &asked[0]["response_format"]["json_schema"];
    assert_eq!((&schema["strict"], &schema["schema"]["required"]), (&json!(true), &json!(["evidence", "same"])));
    openai.set_script(decides(false));
    let denied = eval(folder.path(), &judge).openai(&openai).run().expect_code(0).json();
    assert_eq!(rates(&denied, "prudence")[1], 0.0, "the words are alike, and the judge says no");
    assert_eq!(*measure(&denied, "prudence", "place_recall"), json!(1.0));
    openai.assert_no_violations();
    // who cannot judge leaves the case open
    openai.set_script(
        Script::new().when("You compare two remarks", Answer::Text("perhaps".into())).followed_by(finds_it()),
    );
    let run = eval(folder.path(), &judge).openai(&openai).run();
    let failed = run.json()["failed"][0].clone();
    assert_eq!((run.code, &failed["case"], &failed["known"]), (Some(3), &json!("one"), &json!(1)), "{run}");
    assert!(failed["why"].as_str().is_some_and(|why| why.contains("not judged")), "{failed}");
}

#[test]
fn the_page_needs_nothing_else_and_holds_nothing_raw() {
    let folder = dataset();
    let fields = json!({"title": "<script>alert(1)</script>", "body": "With no parts the division raises: <img src=x onerror=y>."});
    let evil = finding("src/share.py", 2, "part = total // parts", fields);
    let openai = OpenAi::start(Script::new().when("src/share.py", Answer::findings(vec![evil])));
    let file = folder.path().join("page.html");
    let args = ["--effort", "low", "--html", file.to_str().expect("a path")];
    eval(folder.path(), &args).openai(&openai).run().expect_code(0);
    let page = fs::read_to_string(&file).expect("a page");
    for wanted in [
        "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-",
        "prefers-color-scheme: dark",
        "<svg ",
        "precision, recall and F1",
        "&lt;script&gt;alert(1)",
        "found by severity",
        "src/share.py:2",
    ] {
        assert!(page.contains(wanted), "{wanted}\n{page}");
    }
    for wrong in [
        "<script",
        "<img",
        "<link",
        "<iframe",
        "@import",
        "url(",
        " src=\"",
        " href=\"http",
        " style=\"",
        " onerror=\"",
    ] {
        assert!(!page.contains(wrong), "{wrong}\n{page}");
    }
    assert_eq!(page.replace("http://www.w3.org/2000/svg", "").matches("://").count(), 0, "no address");
    assert_eq!(page.matches("<svg ").count(), 3);
}

#[test]
fn each_format_is_what_it_says() {
    let folder = dataset();
    let show = |format: &str| {
        let args = ["--provider", "offline", "--format", format];
        Prudence::new().arg("eval").arg(folder.path()).args(args).run().expect_code(0).stdout
    };
    assert!(show("markdown").contains("| reviewer | by place | by place and meaning |"));
    assert!(show("html").starts_with("<!doctype html>"));
    let text = show("terminal");
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("restored")).collect();
    let widths: Vec<usize> = rows[1..6].iter().map(|row| row.chars().count()).collect();
    assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "aligned: {rows:#?}");
    // in a job nothing of it is a command of the runner
    let cases = json!({"instance_id": "::error::x", "language": "##[error]y", "diff": "none"});
    fs::write(
        folder.path().join("cases.jsonl"),
        format!("{cases}\n{}", fs::read_to_string(folder.path().join("cases.jsonl")).expect("cases")),
    )
    .expect("cases");
    let run = Prudence::new().arg("eval").arg(folder.path()).args(["--provider", "offline"]).run().expect_code(3);
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    assert!(run.stdout.contains("::error::x") && !run.stdout.lines().any(is_command), "{run}");
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
    let failed = run.json()["failed"][0].clone();
    assert_eq!((run.code, &failed["case"], &failed["reviewer"]), (Some(3), &json!("two"), &json!("prudence")), "{run}");
    assert_eq!(run.json()["reviewers"][0]["scores"]["cases"], 1, "{run}");
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
