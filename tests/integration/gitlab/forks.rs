//! Requests of forks, pipelines of other kinds, and hosts under a path.

use super::*;

#[test]
fn a_request_of_a_fork_is_one_of_the_project_it_goes_into() {
    // a member of the project runs the pipeline in it
    let mut life = life_of(&three(), Scenario::fork);
    let job = life.job().env_of("GITLAB_TOKEN", crate::support::gitlab::TOKEN);
    let step = life.run_in(job, &[], 0);
    assert_eq!((step.channel(), life.posted().len()), ("review", 3));
    let projects: Vec<String> =
        life.gitlab().requests().iter().filter_map(|request| Route::of(request)?.project).collect();
    assert!(projects.iter().all(|project| project == "4242"), "{projects:?}");
}

#[test]
fn the_pipeline_of_a_fork_reviews_and_cannot_write() {
    let mut life = life_of(&three(), Scenario::fork);
    let job = Job::in_clone(life.gitlab(), Pipeline::Merge, 0);
    let step = life.run_in(job, &[], 0);
    assert_eq!((step.channel(), step.shown().len()), ("stdout", 3));
    assert!(step.writes.is_empty() && life.gitlab().notes().is_empty());
    assert_eq!(step.reviewed.at("/change/url"), &json!(life.gitlab().merge_url()));
}

#[test]
fn a_pipeline_on_a_merge_is_about_the_source_branch() {
    for pipeline in [Pipeline::MergedResults, Pipeline::MergeTrain] {
        for token in [true, false] {
            let mut life = life(&three());
            life.move_target(|repo| repo.file("README", "y\n"));
            life.repo = life.repo.clone().checkout("feature");
            let job = Job::in_clone(life.gitlab(), pipeline, 0);
            let job = if token { job } else { job.without("GITLAB_TOKEN") };
            let step = life.run_in(job, &[], 0);
            assert_eq!(step.reviewed.at("/change/head_sha"), &json!(life.gitlab().head()), "{pipeline:?}");
            assert_eq!(step.reviewed.lines().0, 203, "{pipeline:?}: {}", step.reviewed.run);
            assert_eq!(life.posted().len(), if token { 3 } else { 0 });
        }
    }
}

#[test]
fn a_pipeline_of_a_branch_knows_its_request() {
    let mut life = life(&three());
    let job = Job::new(life.gitlab(), Pipeline::Branch).env_of("CI_OPEN_MERGE_REQUESTS", "octo/demo!7");
    assert_eq!(life.run_in(job, &[], 0).channel(), "review");
    let none = Job::new(life.gitlab(), Pipeline::Branch).without("CI_OPEN_MERGE_REQUESTS");
    let run = life.merge.step(&none).run().expect_code(2);
    assert!(run.stderr.contains("merge_request_event") && run.stderr.contains("`--mr GROUP/PROJECT!N`"), "{run}");
}

#[test]
fn a_host_under_a_path_is_served() {
    let mut life = life_of(&three(), |scenario| scenario.under("/gitlab"));
    let step = life.run();
    assert_eq!((step.channel(), life.posted().len()), ("review", 3));
    let url = step.reviewed.at("/delivery/url").as_str().expect("an address").to_owned();
    assert!(url.starts_with(&life.gitlab().merge_url()), "{url}");
}
