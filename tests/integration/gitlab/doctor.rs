//! `prudence doctor` on a merge request: each trouble has its line and its remedy, and nothing is posted.

use super::*;
use crate::doctor::{check, said, states};
use crate::support::openai::OpenAi;
use crate::support::program::Run;
use crate::support::pull::pay;

fn scenario() -> Scenario {
    Scenario::new(&pay(), "main", "feature")
}

/// Runs it in a job of this request, after something was done to both; see [`check`].
#[track_caller]
fn check_job(
    scenario: Scenario,
    change: impl FnOnce(&GitLab, Job) -> Job,
    state: &str,
    name: &str,
    parts: &[&str],
) -> Run {
    let (gitlab, openai) = (GitLab::start(scenario), OpenAi::start(Script::new()));
    let job = change(&gitlab, Job::new(&gitlab, Pipeline::Merge));
    let run = check(Prudence::new().arg("doctor").openai(&openai).gitlab_job(&job), state, name, parts);
    assert!(gitlab.discussions().is_empty() && gitlab.notes().is_empty() && gitlab.drafts().is_empty(), "{run}");
    assert_eq!(openai.completions().len(), 0);
    run
}

#[test]
fn all_is_well_in_a_job_and_on_a_desk() {
    let run = check_job(scenario(), |_, job| job, "ok", "token", &["variable `GITLAB_TOKEN`"]);
    assert!(
        ["token ok", "request ok", "permissions ok"].iter().all(|part| states(&run).contains(part)),
        "{}",
        states(&run)
    );
    let (gitlab, openai) = (GitLab::start(scenario().under("/gitlab")), OpenAi::start(Script::new()));
    let program = Prudence::new().arg("doctor").openai(&openai).gitlab(&gitlab).args(["--mr", &gitlab.merge_url()]);
    let run = check(program, "ok", "request", &[&gitlab.merge_url()]);
    assert!(states(&run).contains("permissions ok"), "{run}");
}

#[test]
fn a_missing_token_is_told_with_its_remedy() {
    let none = |_: &GitLab, job: Job| job.without("GITLAB_TOKEN").without("CI_JOB_TOKEN");
    check_job(scenario(), none, "fail", "token", &["no token", "set `GITLAB_TOKEN`"]);
}

#[test]
fn a_job_s_token_cannot_post() {
    let run = check_job(
        scenario(),
        |_, job| job.without("GITLAB_TOKEN"),
        "fail",
        "permissions",
        &["`CI_JOB_TOKEN` may only read", "`GITLAB_TOKEN`"],
    );
    assert!(said(&run, "request").starts_with("ok"), "{run}");
}

#[test]
fn a_scope_that_only_reads_is_told() {
    let run =
        check_job(scenario().read_only(), |_, job| job, "fail", "permissions", &["insufficient_scope", "scope `api`"]);
    assert!(said(&run, "request").starts_with("ok"), "{run}");
}

#[test]
fn a_wrong_token_is_told() {
    let wrong = |_: &GitLab, job: Job| job.env_of("GITLAB_TOKEN", "bad-0123456789abcdefghij");
    check_job(scenario(), wrong, "fail", "token", &["(401", "`GITLAB_TOKEN`"]);
}

#[test]
fn a_token_of_another_host_is_not_sent() {
    let theirs = |_: &GitLab, job: Job| job.env_of("GITLAB_TOKEN", "ghp_0123456789abcdefghijABCDEFGHIJ012345");
    check_job(scenario(), theirs, "fail", "token", &["GitHub", "not sent"]);
}

#[test]
fn a_request_that_is_not_there_is_told() {
    let other = |_: &GitLab, job: Job| job.env_of("CI_MERGE_REQUEST_IID", "8");
    check_job(scenario(), other, "fail", "request", &["404", "belongs to the project"]);
    let (gitlab, openai) = (GitLab::start(scenario()), OpenAi::start(Script::new()));
    let job = Job::new(&gitlab, Pipeline::Branch).without("CI_OPEN_MERGE_REQUESTS");
    check(Prudence::new().arg("doctor").openai(&openai).gitlab_job(&job), "skip", "request", &["merge_request_event"]);
}

#[test]
fn a_fork_is_told() {
    check_job(scenario().fork(), |_, job| job, "warn", "permissions", &["pipelines of forks"]);
    let member = |_: &GitLab, job: Job| job.env_of("GITLAB_TOKEN", crate::support::gitlab::TOKEN);
    check_job(scenario().fork(), member, "ok", "request", &["comes from a fork"]);
}

#[test]
fn a_host_that_does_not_tell_is_not_well() {
    let down = |gitlab: &GitLab, job: Job| {
        gitlab.fault_always(Route::CreateNote, Fault::Html502);
        job
    };
    check_job(scenario(), down, "skip", "permissions", &["could not look"]);
    let gone = |gitlab: &GitLab, job: Job| {
        gitlab.fault_always(Route::GetMerge, Fault::Html502);
        job
    };
    check_job(scenario(), gone, "fail", "request", &["502", "try again later"]);
}

#[test]
fn a_request_that_is_left_out_is_told() {
    check_job(scenario().draft(), |_, job| job, "warn", "request", &["is a draft", "`skip.drafts`", "`--mr`"]);
}
