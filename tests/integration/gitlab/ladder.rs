//! The channels: comments, the summary note alone, the job's log with the Code Quality report; and where no token helps.

use super::*;
use crate::support::program::read_json;

/// The job without the access token.
fn with_job_token(job: Job) -> Job {
    job.without("GITLAB_TOKEN")
}

/// All findings are in the log, nothing stands on the request, and the notes name the remedy.
#[track_caller]
fn check_told(life: &Life, step: &Step, channel: &str, remedy: &str) {
    assert_eq!(step.channel(), channel, "{}", step.reviewed.run);
    let (said, notes) = (&step.reviewed.run.stdout, step.reviewed.notes());
    assert!(["alpha", "beta", "gamma"].iter().all(|name| said.contains(name)), "{}", step.reviewed.run);
    assert!(notes.contains(remedy), "{notes}");
    assert!(life.gitlab().discussions().is_empty() && life.gitlab().notes().is_empty());
}

#[test]
fn a_token_that_only_reads_leaves_the_log() {
    let mut life = life_of(&three(), Scenario::read_only);
    let step = life.run();
    check_told(&life, &step, "stdout", "scope `api`");
    assert!(step.reviewed.notes().contains("insufficient_scope"), "{}", step.reviewed.notes());
    // and when it may write, all is delivered
    life.gitlab().change(|scenario| scenario.read_only = false);
    assert_eq!(life.run().words(), ["draft", "draft", "draft", "publish", "summary"]);
    life.run().assert_quiet();
}

#[test]
fn the_code_quality_report_is_the_better_channel() {
    let mut life = life_of(&three(), Scenario::read_only);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("gl-code-quality-report.json");
    let step = life.run_with(&["--codequality", file.to_str().expect("a path")], 0);
    check_told(&life, &step, "annotations", "Code Quality report");
    let entries = read_json(&file);
    let paths: Vec<_> = entries.as_array().expect("a list").iter().map(|entry| &entry["location"]["path"]).collect();
    assert_eq!(paths, [&json!("src/new.rs"); 3]);
    let step = life.run_with(&["--codequality", file.to_str().expect("a path"), "--fail-on", "major"], 1);
    assert_eq!(step.channel(), "annotations");
}

#[test]
fn a_job_s_token_reviews_the_checkout() {
    for depth in [0, 2] {
        let mut life = life(&three());
        let job = with_job_token(Job::in_clone(life.gitlab(), Pipeline::Merge, depth));
        let step = life.run_in(job, &[], 0);
        check_told(&life, &step, "stdout", "`CI_JOB_TOKEN` may only read");
        assert!(step.reviewed.notes().contains("`GITLAB_TOKEN`"), "{}", step.reviewed.notes());
        assert!(step.writes.is_empty(), "what cannot be written is not tried: {:?}", step.writes);
        assert_eq!(step.reviewed.at("/change/source"), "gitlab");
        assert_eq!(step.reviewed.at("/change/url"), &json!(life.gitlab().merge_url()));
        assert_eq!(step.reviewed.at("/change/title"), "Change the thing");
        assert_eq!(step.reviewed.at("/change/head_sha"), &json!(life.gitlab().head()));
    }
}

#[test]
fn a_job_s_token_that_reads_nothing_reviews_the_checkout_as_well() {
    for (status, text) in [(401, "401 Unauthorized"), (403, "403 Forbidden"), (404, "404 Project Not Found")] {
        let mut life = life(&three());
        for route in [Route::GetMerge, Route::ListDiscussions] {
            life.gitlab().fault_always(route, Fault::Status(status, json!({"message": text})));
        }
        let job = with_job_token(Job::in_clone(life.gitlab(), Pipeline::Merge, 0));
        let step = life.run_in(job, &[], 0);
        check_told(&life, &step, "stdout", "`CI_JOB_TOKEN` may only read");
        let told = step.reviewed.notes();
        assert!(told.contains("comes from the checkout") && told.contains(text), "{told}");
        assert_eq!(step.reviewed.at("/change/url"), &json!(life.gitlab().merge_url()));
        assert_eq!(step.reviewed.at("/change/title"), "Change the thing");
    }
}

#[test]
fn a_clone_that_has_not_the_base_is_an_error_with_its_remedy() {
    let life = life(&three());
    let job = with_job_token(Job::in_clone(life.gitlab(), Pipeline::Merge, 1));
    let run = life.merge.step(&job).run().expect_code(2);
    assert!(run.stderr.contains("`GIT_DEPTH: 0`") && !run.stderr.contains("fetch-depth"), "{run}");
    assert!(run.stderr.contains(&life.gitlab().versions()[0].base), "{run}");
    assert!(life.merge.openai.completions().is_empty());
    let without_checkout = with_job_token(life.job());
    let run = life.merge.step(&without_checkout).run().expect_code(2);
    assert!(run.stderr.contains("hint:"), "{run}");
}

#[test]
fn a_job_s_token_still_tells_which_requests_are_left_out() {
    let mut life = life_of(&three(), Scenario::draft);
    let job = with_job_token(Job::in_clone(life.gitlab(), Pipeline::Merge, 0));
    life.run_in(job, &[], 0).assert_quiet();
}

#[test]
fn on_a_desk_without_a_token_there_is_an_error() {
    let life = life(&three());
    let program = life.merge.desk().env_remove("GITLAB_TOKEN").args(["--mr", "octo/demo!7"]);
    let run = program.run().expect_code(2);
    assert!(run.stderr.contains("(401") && run.stderr.contains("`GITLAB_TOKEN`"), "{run}");
    let violations = life.gitlab().take_violations();
    assert!(violations.iter().all(|violation| violation.ends_with("0 tokens")), "{violations:?}");
    assert!(life.merge.openai.requests().is_empty(), "nothing was paid for");
}

#[test]
fn on_a_desk_a_result_that_nobody_could_see_is_not_paid_for() {
    let life = life_of(&three(), Scenario::read_only);
    // a report file would be another way
    let program = Prudence::new().openai(&life.merge.openai).gitlab(life.gitlab());
    let run = program.args(["review", "--effort", "low", "--mr", "octo/demo!7"]).run().expect_code(2);
    assert!(run.stderr.contains("nothing was sent to the model") && run.stderr.contains("scope `api`"), "{run}");
    assert!(life.merge.openai.requests().is_empty());
    let program = Prudence::new().openai(&life.merge.openai).gitlab(life.gitlab());
    let run = program.args(["review", "--effort", "low", "--mr", "octo/demo!7", "--dry-run"]).run().expect_code(0);
    assert!(run.stdout.contains("alpha"), "{run}");
}

#[test]
fn where_threads_are_refused_the_note_has_all() {
    let mut life = life(&three());
    let forbidden = Fault::Status(403, json!({"message": "403 Forbidden"}));
    for route in [Route::ListDrafts, Route::CreateDraft, Route::CreateDiscussion] {
        life.gitlab().fault_always(route, forbidden.clone());
    }
    let step = life.run();
    assert_eq!((step.channel(), life.posted().len()), ("comment", 0));
    let summary = life.summary().expect("a summary");
    assert!(["alpha", "beta", "gamma"].iter().all(|name| summary.contains(name)), "{summary}");
    assert!(step.reviewed.notes().contains("no line comments"), "{}", step.reviewed.notes());
    life.run().assert_quiet();
    life.gitlab().heal();
    life.run().assert_quiet();
}

#[test]
fn an_undelivered_review_is_not_counted() {
    let mut life = life_of(&three(), Scenario::read_only);
    assert_eq!(life.run().shown().len(), 3);
    assert_eq!(life.run().shown().len(), 3, "nothing remembers the first one");
}
