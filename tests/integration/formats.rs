//! The findings in the formats that hosts read, checked against the schemas that the hosts publish.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::actions::{Actions, Event};
use crate::support::github::Scenario;
use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::{Prudence, Run, read_json};
use crate::support::pull::{Pull, late, mean, pay, removed};
use crate::support::repo::Repo;

static SARIF: LazyLock<Validator> = LazyLock::new(|| {
    let text = include_str!("../fixtures/schemas/sarif-2.1.0.json");
    // a bracket too many in the pattern of a language, which a strict reader of regular expressions does not take
    validator(&text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$"))
});

static CODE_QUALITY: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../fixtures/schemas/gitlab-codeclimate.json")));

/// A published schema, with its formats.
fn validator(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

fn problems(schema: &Validator, document: &Value) -> Vec<String> {
    schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let sarif = |change: fn(&mut Value)| {
        let place = json!({"physicalLocation": {"artifactLocation": {"uri": "a.rs"}, "region": {"startLine": 1}}});
        let result = json!({"message": {"text": "x"}, "level": "error", "locations": [place]});
        let run = json!({"tool": {"driver": {"name": "x"}}, "results": [result]});
        let mut log = json!({"version": "2.1.0", "runs": [run]});
        change(&mut log["runs"][0]["results"][0]);
        problems(&SARIF, &log).len()
    };
    assert_eq!(sarif(|_| {}), 0);
    assert_eq!(sarif(|result| result["level"] = json!("notice")), 1);
    assert_eq!(sarif(|result| result["unknown"] = json!(1)), 1);
    assert_eq!(sarif(|r| r["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(0)), 1);
    assert_eq!(sarif(|r| r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] = json!("a b#1#2")), 1);
    let entry = json!({"description": "x", "fingerprint": "y", "severity": 3, "location": {}});
    assert_eq!(problems(&CODE_QUALITY, &entry).len(), 1);
}

/// A SARIF log by the schema of OASIS, and by what GitHub asks beyond it.
#[track_caller]
fn check_sarif(log: &Value) {
    let problems = problems(&SARIF, log);
    assert!(problems.is_empty(), "{problems:#?}\n{log:#}");
    let run = &log["runs"][0];
    assert_eq!(log["runs"].as_array().map(Vec::len), Some(1));
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in run["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"], "{result:#}");
        assert!(!text(&result["message"]["text"]).is_empty() && has_no_control(result), "{result:#}");
        assert_eq!(result["locations"].as_array().map(Vec::len), Some(1), "{result:#}");
        assert!(result.pointer("/locations/0/physicalLocation/region/startLine").is_some(), "{result:#}");
    }
}

/// A Code Quality report by GitLab's schema, and by what its documentation asks beyond it.
#[track_caller]
pub fn check_codequality(report: &Value) {
    let mut fingerprints = HashSet::new();
    for entry in report.as_array().expect("a list") {
        let problems = problems(&CODE_QUALITY, entry);
        assert!(problems.is_empty(), "{problems:#?}\n{entry:#}");
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&text(&entry["severity"])), "{entry:#}");
        assert!(!text(&entry["description"]).is_empty() && !text(&entry["check_name"]).is_empty(), "{entry:#}");
        assert!(fingerprints.insert(text(&entry["fingerprint"])), "twice: {entry:#}");
        let (path, lines) = (text(&entry["location"]["path"]), &entry["location"]["lines"]);
        assert!(!path.is_empty() && !path.starts_with("./") && !path.starts_with('/'), "{entry:#}");
        assert!(
            lines["begin"].as_u64().is_some_and(|begin| begin > 0) && lines["begin"].as_u64() <= lines["end"].as_u64()
        );
        assert!(has_no_control(entry) && !text(&entry["description"]).contains('\n'), "{entry:#}");
    }
}

/// No control character in any text, but the line breaks and tabs of a paragraph.
fn has_no_control(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')),
        Value::Array(list) => list.iter().all(has_no_control),
        Value::Object(fields) => fields.values().all(has_no_control),
        _ => true,
    }
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The files that a run writes.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Files {
        Files { folder: TempDir::with_prefix("prudence-formats-").expect("a temporary folder") }
    }

    fn sarif(&self) -> PathBuf {
        self.folder.path().join("prudence.sarif")
    }

    fn codequality(&self) -> PathBuf {
        self.folder.path().join("gl-code-quality-report.json")
    }

    fn flags(&self, program: Prudence) -> Prudence {
        program.arg("--sarif").arg(self.sarif()).arg("--codequality").arg(self.codequality())
    }

    /// What was written, checked.
    #[track_caller]
    fn read(&self) -> (Value, Value) {
        let (sarif, codequality) = (read_json(self.sarif()), read_json(self.codequality()));
        check_sarif(&sarif);
        check_codequality(&codequality);
        (sarif["runs"][0].clone(), codequality)
    }

    /// Both files as an earlier run left them.
    fn stale(&self) {
        fs::write(self.sarif(), "{}").expect("a file");
        fs::write(self.codequality(), "[]").expect("a file");
    }

    fn are_gone(&self) -> bool {
        !self.sarif().exists() && !self.codequality().exists()
    }
}

/// Reviews the request in a job, with both files.
#[track_caller]
fn review(pull: &Pull, args: &[&str], code: i32) -> (Value, Value) {
    let (files, job) = (Files::new(), Actions::new(&pull.github, &Event::Opened));
    pull.end(files.flags(pull.step(&job)).args(args), code);
    files.read()
}

/// Reviews a repository by the built-in checks, and prints in a format.
fn offline(repo: &Repo, format: &str) -> Run {
    let program = Prudence::new().current_dir(repo.path());
    program.args(["review", "--provider", "offline", "--format", format]).run()
}

#[test]
fn a_review_without_findings_is_an_empty_report() {
    let (sarif, codequality) = review(&Pull::of_pay(Vec::new()), &[], 0);
    assert_eq!((&sarif["results"], &codequality), (&json!([]), &json!([])));
    let invocation = json!([{"executionSuccessful": true, "toolExecutionNotifications": []}]);
    assert_eq!(sarif["invocations"], invocation);
}

#[test]
fn findings_stand_where_they_are_in_the_new_file() {
    let pull = Pull::of_pay(vec![mean(), late(), removed()]);
    let (sarif, codequality) = review(&pull, &[], 0);
    let driver = &sarif["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["semanticVersion"]), (&json!("Prudence"), &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(sarif["automationDetails"]["id"], "prudence/");
    let origin = json!([{"repositoryUri": format!("{}/octo/demo", pull.github.root),
        "mappedTo": {"uriBaseId": "%SRCROOT%"}, "revisionId": pull.github.head()}]);
    assert_eq!(sarif["versionControlProvenance"], origin);

    let results = sarif["results"].as_array().expect("results");
    let said = |result: &Value| {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        json!([result["ruleId"], result["level"], region["startLine"], region["endLine"]])
    };
    assert_eq!(
        results.iter().map(said).collect::<Value>(),
        json!([["bug", "error", 5, 5], ["error-handling", "error", 29, 31], ["api", "warning", 1, 1]])
    );
    assert_eq!(results[0]["message"]["text"], "Division by zero without payments.\n\n`count` is 0 on the first day.");
    let replacement = json!([{"deletedRegion": {"startLine": 5, "endLine": 5},
        "insertedContent": {"text": "let mean = sum.checked_div(count);"}}]);
    assert_eq!(results[0]["fixes"][0]["artifactChanges"][0]["replacements"], replacement);
    assert_eq!(results[0]["properties"]["confidence"], 90);
    assert!(text(&results[2]["message"]["text"]).contains("(line 20 before the change)"));
    assert_eq!(results[2]["properties"]["linesBeforeTheChange"], json!({"startLine": 20, "endLine": 20}));

    let said = |entry: &Value| {
        json!([entry["check_name"], entry["severity"], entry["location"]["path"], entry["location"]["lines"]])
    };
    assert_eq!(
        codequality.as_array().expect("a list").iter().map(said).collect::<Value>(),
        json!([
            ["prudence/bug", "critical", "src/pay.rs", {"begin": 5, "end": 5}],
            ["prudence/error-handling", "major", "src/pay.rs", {"begin": 29, "end": 31}],
            ["prudence/api", "minor", "src/pay.rs", {"begin": 1, "end": 1}]
        ])
    );
    for (result, entry) in results.iter().zip(codequality.as_array().expect("a list")) {
        assert_eq!(result["partialFingerprints"]["prudence/v1"], entry["fingerprint"]);
    }
}

#[test]
fn what_still_stands_is_in_the_next_report_too() {
    let pull = Pull::of_pay(vec![mean(), late()]);
    let first = review(&pull, &["--max-comments", "1"], 0);
    let again = review(&pull, &["--max-comments", "1"], 0);
    let fingerprints = |report: &Value| -> HashSet<String> {
        let list = report.as_array().expect("a list").iter();
        list.map(|entry| text(&entry["fingerprint"]).to_owned()).collect()
    };
    assert_eq!(fingerprints(&first.1).len(), 2, "also what is over the limit of comments");
    assert_eq!(fingerprints(&first.1), fingerprints(&again.1));
    assert_eq!(again.0["results"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_nobody_could_look_at_is_not_taken_for_clean() {
    let pull = Pull::of_pay(vec![mean()]);
    let (sarif, codequality) = review(&pull, &["--max-cost", "0"], 3);
    let invocation = &sarif["invocations"][0];
    assert_eq!((&sarif["results"], &invocation["executionSuccessful"]), (&json!([]), &json!(false)));
    let told = invocation["toolExecutionNotifications"].as_array().expect("a list");
    assert!(!told.is_empty());
    for told in told {
        assert!(told["level"] == "error" && text(&told["message"]["text"]).contains(" not reviewed: "), "{told:#}");
        let artifact = &told["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(artifact, &json!({"uri": "src/pay.rs", "uriBaseId": "%SRCROOT%"}));
    }
    assert_eq!((codequality.as_array().map(Vec::len), &codequality[0]["severity"]), (Some(1), &json!("info")));
    assert!(text(&codequality[0]["description"]).starts_with("7 changed lines not reviewed: "), "{codequality:#}");
}

#[test]
fn a_request_that_is_left_alone_says_so() {
    let scenario = Scenario::new(&pay(), "main", "feature").draft();
    let (sarif, codequality) = review(&Pull::new(scenario, Script::new()), &[], 0);
    assert_eq!((&sarif["results"], &codequality), (&json!([]), &json!([])));
    assert_eq!(sarif["properties"]["status"], "nothing_to_review");
    assert!(sarif["invocations"][0].to_string().contains("draft"), "{sarif:#}");
}

#[test]
fn odd_paths_are_found() {
    let paths = ["src/a b#1?.py", "src/100%/đường [é].py", "src/it's ##[error]&c:.py"];
    let base = Repo::new().file("README", "x\n").commit("Base").branch("topic");
    let repo = paths.iter().fold(base, |repo, path| repo.file(path, "x = 1\nbreakpoint()\nbreakpoint()\n"));
    let repo = repo.commit("Odd paths");
    let run = offline(&repo, "sarif").expect_code(0);
    assert!(!run.stdout.contains("##["), "a runner takes it for a command: {run}");
    let sarif = run.json();
    check_sarif(&sarif);
    let uris = sarif["runs"][0]["results"].as_array().expect("results").iter();
    let uris: HashSet<&str> =
        uris.map(|result| text(&result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])).collect();
    let expected = [
        "src/a%20b%231%3F.py",
        "src/100%25/%C4%91%C6%B0%E1%BB%9Dng%20%5B%C3%A9%5D.py",
        "src/it%27s%20%23%23%5Berror%5D%26c%3A.py",
    ];
    assert_eq!(uris, HashSet::from(expected));

    let codequality = offline(&repo, "codequality").expect_code(0).json();
    check_codequality(&codequality);
    let list = codequality.as_array().expect("a list");
    let found: HashSet<&str> = list.iter().map(|entry| text(&entry["location"]["path"])).collect();
    assert_eq!((list.len(), found), (6, HashSet::from(paths)), "lines that read the same are each there");
}

#[test]
fn texts_of_any_size_and_kind_make_a_valid_report() {
    let huge = "very long <b>[x](y) ".repeat(600);
    let fields = json!({"title": huge, "body": format!("```\n{huge}\n{huge}"), "suggestion": "x".repeat(9_000)});
    let first = finding("a.rs", 1, "let one = 1;", fields);
    let fields = json!({"title": "a\u{1b}[31m\u{0}b\n::error::c", "body": "\u{7}<!-- x --> \u{202e}%{strong_start}",
        "suggestion": "let two =\u{1b} 2;", "category": "security"});
    let second = finding("a.rs", 2, "let two = 2;", fields);
    let repo = Repo::new().file("z.rs", "").commit("Base").branch("topic");
    let repo = repo.file("a.rs", "let one = 1;\nlet two = 2;\n").commit("Add two lines");
    let openai = OpenAi::start(Script::new().always(Answer::findings(vec![first, second])));
    let files = Files::new();
    let program = Prudence::new().openai(&openai).current_dir(repo.path()).args(["review", "--format", "sarif"]);
    let run = files.flags(program.args(["--max-cost", "inf"])).run().expect_code(0);
    let (sarif, codequality) = files.read();
    assert_eq!(run.json()["runs"][0], sarif, "what is printed is what is written");
    assert_eq!(sarif["results"].as_array().map(Vec::len), Some(2), "{run}");
    assert!(sarif["results"].to_string().len() < 60_000 && codequality.to_string().len() < 5_000);
    let second = sarif["results"].as_array().expect("results").iter().find(|r| r["ruleId"] == "security");
    assert_eq!(second.expect("a result").get("fixes"), None, "nobody sees what it would put there");
}

#[test]
fn a_run_that_reviewed_nothing_leaves_no_file() {
    let check = |script: Script, args: &[&str]| {
        let (files, openai) = (Files::new(), OpenAi::start(script));
        files.stale();
        let repo = Repo::new().file("a.rs", "").commit("Base").branch("topic").file("a.rs", "let a = 1;\n").commit("a");
        let program = Prudence::new().openai(&openai).current_dir(repo.path()).arg("review");
        let run = files.flags(program).args(args).run().expect_code(2);
        assert!(files.are_gone(), "{args:?}\n{run}");
    };
    check(Script::new().always(Answer::quota()), &[]);
    check(Script::new(), &["--base", "no-such-branch"]);
    let openai = OpenAi::start(Script::new());
    for flag in ["--sarif", "--codequality"] {
        let run = Prudence::new().openai(&openai).args(["review", flag, "no/such/file"]).run().expect_code(2);
        assert!(run.stderr.contains("error: cannot write the report `no/such/file`: "), "{run}");
    }
    assert!(openai.requests().is_empty(), "known before money is spent");
}

#[test]
fn a_published_report_has_the_files_of_its_own_findings() {
    let scenario = Scenario::new(&pay(), "main", "feature");
    let pull = Pull::new(scenario, Script::new().always(Answer::findings(vec![mean(), removed()])));
    let files = Files::new();
    pull.review(&["--dry-run"], 0);
    let head_sha = pull.github.head();
    let publish = |format: &str| {
        let job = Actions::new(&pull.github, &Event::WorkflowRun { head_sha: head_sha.clone() });
        let program = Prudence::new().actions(&job).arg("publish").arg(pull.report_path());
        files.flags(program).args(["--format", format]).run()
    };
    publish("json").expect_code(0);
    let (sarif, codequality) = files.read();
    assert_eq!((sarif["results"].as_array().map(Vec::len), codequality.as_array().map(Vec::len)), (Some(2), Some(2)));

    let later = pull.github.scenario().repo.branch("later").file("src/new.rs", "let late = 1;\n").commit("later");
    pull.github.push(&later.sha("later"));
    for format in ["json", "sarif", "codequality"] {
        files.stale();
        let run = publish(format).expect_code(4);
        assert!(files.are_gone(), "nobody has compared these findings with the new head: {run}");
        assert_eq!(run.stdout.is_empty(), format != "json", "{run}");
    }
}

#[test]
fn a_plan_has_no_findings_to_show() {
    let run = Prudence::new().args(["plan", "--format", "sarif"]).run().expect_code(2);
    assert!(run.stderr.contains("'sarif'") && run.stderr.contains("terminal, markdown, json"), "{run}");
}

#[test]
fn the_action_names_the_file() {
    let pull = Pull::of_pay(vec![mean()]);
    let (files, job) = (Files::new(), Actions::new(&pull.github, &Event::Opened));
    pull.end(pull.step(&job).env("INPUT_SARIF", files.sarif().display()), 0);
    assert_eq!(job.outputs()["sarif"], files.sarif().display().to_string());
    check_sarif(&read_json(files.sarif()));
    assert_eq!(pull.review(&[], 0).job().outputs()["sarif"], "");
}

#[test]
fn annotations_disturb_no_document() {
    let readable = [("contents", "read"), ("pull_requests", "read")];
    for format in ["sarif", "codequality"] {
        let scenario = Scenario::new(&pay(), "main", "feature").permissions(&readable);
        let pull = Pull::new(scenario, Script::new().always(Answer::findings(vec![mean()])));
        let reviewed = pull.review(&["--format", format], 0);
        assert_eq!(reviewed.at("/delivery/channel"), "annotations");
        assert!(reviewed.run.stderr.contains("::error file=src/pay.rs"), "{}", reviewed.run);
        match format {
            "sarif" => check_sarif(&reviewed.run.json()),
            _ => check_codequality(&reviewed.run.json()),
        }
    }
}
