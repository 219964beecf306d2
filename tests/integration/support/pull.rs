//! A pull request under review: its host, the model, and runs of the program on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::actions::{Actions, Event};
use super::github::{GitHub, Route, Scenario};
use super::openai::{Answer, OpenAi, Script, finding};
use super::program::{Prudence, Run, read_json};
use super::repo::Repo;

/// The host with its request, and the model that is asked about it.
pub struct Pull {
    /// Shared, so that something can happen to it during a run.
    pub github: Arc<GitHub>,
    pub openai: OpenAi,
    folder: TempDir,
}

/// A run that has ended, with the JSON report that it wrote (`Null` where it wrote none).
pub struct Reviewed<J = Actions> {
    pub run: Run,
    pub report: Value,
    /// The job that it was in.
    pub job: Option<J>,
}

/// A review with little effort, that asks this model and writes its report there.
pub fn reviewer(report: &Path, openai: &OpenAi) -> Prudence {
    Prudence::new().args(["review", "--effort", "low", "--output"]).arg(report).openai(openai)
}

/// Runs the program, which writes its report there and must end with this code.
#[track_caller]
pub fn end<J>(program: Prudence, path: &Path, code: i32) -> Reviewed<J> {
    let reviewed = end_somehow(program, path);
    assert_eq!(reviewed.run.code, Some(code), "{}", reviewed.run);
    reviewed
}

/// Runs the program, which writes its report there, to whatever end it has.
#[track_caller]
pub fn end_somehow<J>(program: Prudence, path: &Path) -> Reviewed<J> {
    let _ = std::fs::remove_file(path);
    let run = program.run();
    let report = if path.exists() { read_json(path) } else { Value::Null };
    Reviewed { run, report, job: None }
}

impl Pull {
    pub fn new(scenario: Scenario, script: Script) -> Pull {
        let folder = TempDir::with_prefix("prudence-pull-").expect("a temporary folder");
        Pull { github: Arc::new(GitHub::start(scenario)), openai: OpenAi::start(script), folder }
    }

    /// The request of [`pay`], about which the model says this.
    pub fn of_pay(findings: Vec<Value>) -> Pull {
        Pull::new(Scenario::new(&pay(), "main", "feature"), Script::new().always(Answer::findings(findings)))
    }

    /// A step of a job that the opening of the request started, in an empty workspace; it must end with this code.
    #[track_caller]
    pub fn review(&self, args: &[&str], code: i32) -> Reviewed {
        self.review_in(Actions::new(&self.github, &Event::Opened), args, code)
    }

    /// A step of this job.
    #[track_caller]
    pub fn review_in(&self, job: Actions, args: &[&str], code: i32) -> Reviewed {
        let reviewed = self.end(self.step(&job).args(args), code);
        Reviewed { job: Some(job), ..reviewed }
    }

    /// The program as a step of this job, to be changed before it runs.
    pub fn step(&self, job: &Actions) -> Prudence {
        self.program().actions(job)
    }

    /// The program on a desk, with a token for this host.
    pub fn desk(&self) -> Prudence {
        self.program().github(&self.github)
    }

    /// Runs the program, which must end with this code.
    #[track_caller]
    pub fn end(&self, program: Prudence, code: i32) -> Reviewed {
        end(program, &self.report_path(), code)
    }

    pub fn report_path(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    /// The requests to the host, by what they ask for, in alphabetical order.
    pub fn asked(&self) -> Vec<String> {
        let name = |request: &super::server::Request| {
            let found = Route::of(request).expect("a known route");
            match found.route {
                Route::GetContents => format!("GetContents {}", found.tail),
                route => format!("{route:?}"),
            }
        };
        let mut asked: Vec<String> = self.github.requests().iter().map(name).collect();
        asked.sort();
        asked
    }

    fn program(&self) -> Prudence {
        reviewer(&self.report_path(), &self.openai)
    }
}

impl<J> Reviewed<J> {
    /// What the report says there.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Value {
        self.report.pointer(pointer).unwrap_or_else(|| panic!("no `{pointer}` in {}\n{}", self.report, self.run))
    }

    /// Changed lines: all, reviewed, skipped, failed. They must add up.
    #[track_caller]
    pub fn lines(&self) -> (u64, u64, u64, u64) {
        let sum = |list: &str| -> u64 {
            let entries = self.at(list).as_array().expect("a list").iter();
            entries.map(|entry| entry["changed_lines"].as_u64().expect("a number")).sum()
        };
        let number = |name: &str| self.at(name).as_u64().expect("a number");
        let all = number("/coverage/changed_lines");
        let parts = (number("/coverage/changed_lines_reviewed"), sum("/coverage/skipped"), sum("/coverage/failed"));
        assert_eq!(all, parts.0 + parts.1 + parts.2, "{:#}", self.report["coverage"]);
        (all, parts.0, parts.1, parts.2)
    }

    /// The reasons of what is suppressed.
    #[track_caller]
    pub fn suppressed(&self) -> Vec<&str> {
        let list = self.at("/suppressed").as_array().expect("a list");
        list.iter().map(|entry| entry["reason"].as_str().expect("a reason")).collect()
    }

    /// All notes on the delivery, one a line.
    #[track_caller]
    pub fn notes(&self) -> String {
        let notes = self.at("/delivery/notes").as_array().expect("a list");
        notes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The reasons of the failed lines, one a line.
    #[track_caller]
    pub fn failures(&self) -> String {
        let failed = self.at("/coverage/failed").as_array().expect("a list");
        failed.iter().filter_map(|lines| lines["reason"].as_str()).collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    pub fn job(&self) -> &J {
        self.job.as_ref().expect("a run in a job")
    }
}

/// `src/pay.rs` has forty lines. The branch `feature` replaces line 5, removes line 20 and makes three of line 30: seven
/// changed lines in three hunks.
pub fn pay() -> Repo {
    let line = |n: usize| format!("let v{n} = {n};\n");
    let changed = |n: usize| match n {
        5 => "let mean = sum / count;\n".to_owned(),
        20 => String::new(),
        30 => "if sum > limit {\n    return Err(Late);\n}\n".to_owned(),
        n => line(n),
    };
    let base = Repo::new().file("src/pay.rs", (1..=40).map(line).collect::<String>()).commit("base");
    base.branch("feature").file("src/pay.rs", (1..=40).map(changed).collect::<String>()).commit("change")
}

/// A finding on line 5 of [`pay`], with a replacement.
pub fn mean() -> Value {
    let fields = json!({"severity": "critical", "title": "Division by zero without payments",
        "body": "`count` is 0 on the first day.", "suggestion": "let mean = sum.checked_div(count);"});
    finding("src/pay.rs", 5, "let mean = sum / count;", fields)
}

/// A finding on line 20 of [`pay`] before the change.
pub fn removed() -> Value {
    let fields =
        json!({"severity": "minor", "side": "LEFT", "category": "api", "title": "Callers still read this name"});
    finding("src/pay.rs", 20, "let v20 = 20;", fields)
}

/// A finding on lines 29 to 31 of [`pay`].
pub fn late() -> Value {
    let fields = json!({"severity": "major", "end_line": 31, "category": "error-handling",
        "title": "Late is returned for large sums", "body": "The limit is no date."});
    finding("src/pay.rs", 29, "if sum > limit {\n    return Err(Late);\n}", fields)
}

/// This many small files, each with one changed line of two; the branch `feature` changes them.
pub fn files(count: usize) -> Repo {
    let name = |n: usize| format!("src/f{n:03}.rs");
    let base = (0..count).fold(Repo::new(), |repo, n| repo.file(&name(n), format!("let a{n} = {n};\n")));
    let change = |repo: Repo, n: usize| repo.file(&name(n), format!("let a{n} = {n};\nlet b{n} = a{n} / {n};\n"));
    (0..count).fold(base.commit("base").branch("feature"), change).commit("change")
}

/// The state on the last line of a summary.
#[track_caller]
pub fn state(body: &str) -> Value {
    let last = body.lines().last().expect("a line");
    let encoded = last.strip_prefix("<!-- prudence:state v1 ").and_then(|rest| rest.strip_suffix(" -->"));
    let encoded = encoded.unwrap_or_else(|| panic!("no state on the last line of {body}"));
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}
