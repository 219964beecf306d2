//! Changes that GitLab does not show as a whole.

use super::*;
use crate::support::pull::files;

/// A request of which the one file is not shown, in this way.
fn folded(is_collapsed: bool) -> Life {
    life_of(&three(), |scenario| {
        scenario.limits(|limits| if is_collapsed { limits.collapsed = 100 } else { limits.too_large = 100 })
    })
}

fn whole_job(life: &Life) -> Job {
    Job::in_clone(life.gitlab(), Pipeline::Merge, 0)
}

#[test]
fn folded_files_come_from_the_whole_diff() {
    for is_collapsed in [true, false] {
        let mut life = folded(is_collapsed);
        let step = life.run();
        assert_eq!((step.shown().len(), life.posted().len()), (3, 3), "{}", step.reviewed.run);
        assert_eq!(step.reads.iter().filter(|read| *read == "GetRawDiffs").count(), 1);
        assert_eq!(step.reviewed.lines().3, 0);
        life.run().assert_quiet();
    }
}

#[test]
fn folded_files_come_from_their_texts_on_older_hosts() {
    for is_collapsed in [true, false] {
        let mut life = folded(is_collapsed);
        life.gitlab().without_raw_diffs();
        let step = life.run();
        assert_eq!((step.shown().len(), life.posted().len()), (3, 3), "{}", step.reviewed.run);
        assert!(step.reads.contains(&"GetRawFile src/new.rs".to_owned()), "{:?}", step.reads);
        life.run().assert_quiet();
    }
}

#[test]
fn changed_files_are_compared_with_their_old_text() {
    let repo = branch(|repo| repo.file("src/a.rs", code(60, &[(30, "alpha")])).remove("README"));
    let mut life = life_of(&repo, |scenario| scenario.limits(|limits| limits.too_large = 1));
    life.gitlab().without_raw_diffs();
    let step = life.run();
    assert_eq!((step.shown(), step.reviewed.lines()), (vec!["alpha"], (2, 2, 0, 0)), "{}", step.reviewed.run);
    assert_eq!(life.comment("alpha").lines(), (31, 31));
}

#[test]
fn folded_files_come_from_git_where_nothing_else_has_them() {
    let mut life = folded(true);
    life.gitlab().without_raw_diffs();
    life.gitlab().fault_always(Route::GetRawFile, Fault::Html502);
    let job = whole_job(&life);
    let step = life.run_in(job, &[], 0);
    assert_eq!(step.shown().len(), 3, "{}", step.reviewed.run);
    // the host gave no lines, so that none of them is known to take a comment
    assert!(life.posted().is_empty() && life.summary().expect("a summary").contains("alpha"));
}

#[test]
fn folded_files_that_nothing_has_are_told_as_failed() {
    let mut life = life_of(
        &branch(|repo| repo.file("src/new.rs", code(200, &THREE)).file("src/b.rs", defect("delta"))),
        |scenario| scenario.limits(|limits| limits.collapsed = 200),
    );
    life.gitlab().without_raw_diffs();
    life.gitlab().fault_always(Route::GetRawFile, Fault::Status(404, json!({"message": "404 File Not Found"})));
    let step = life.run_with(&[], 3);
    assert_eq!((step.reviewed.at("/status"), life.posted()), (&json!("incomplete"), vec!["delta".to_owned()]));
    assert_eq!(step.reviewed.at("/coverage/failed/0/path"), "src/new.rs");
    assert!(step.reviewed.failures().contains("`GIT_DEPTH: 0`"), "{}", step.reviewed.failures());
    assert!(life.summary().expect("a summary").contains("src/new.rs"));
}

#[test]
fn files_beyond_the_limit_of_a_version_are_not_left_out_in_silence() {
    let request = || life_of(&files(5), |scenario| scenario.limits(|limits| limits.files = 2));
    let mut life = request();
    let step = life.run();
    assert_eq!(step.reviewed.lines(), (5, 5, 0, 0), "the whole diff has them");
    let mut life = request();
    life.gitlab().without_raw_diffs();
    let step = life.run_with(&[], 3);
    assert!(step.reviewed.failures().contains("does not list these files"), "{}", step.reviewed.failures());
    let mut life = request();
    life.gitlab().without_raw_diffs();
    let job = whole_job(&life);
    let step = life.run_in(job, &[], 0);
    assert_eq!(step.reviewed.lines(), (5, 5, 0, 0), "git has them");
}

#[test]
fn pages_may_be_shorter_than_was_asked_for() {
    let mut life = life_of(&files(5), |scenario| scenario.limits(|limits| limits.per_page = 2));
    let step = life.run();
    assert_eq!(step.reviewed.lines(), (5, 5, 0, 0));
    assert_eq!(step.reads.iter().filter(|read| *read == "ListDiffs").count(), 3);
}

#[test]
fn names_of_files_are_parts_of_addresses() {
    let name = "src/ä b%2F#?.rs";
    let text = code(60, &[(30, "alpha")]);
    let mut life =
        life_of(&branch(|repo| repo.file(name, text)), |scenario| scenario.limits(|limits| limits.too_large = 1));
    life.gitlab().without_raw_diffs();
    let step = life.run();
    assert_eq!((step.shown(), life.posted()), (vec!["alpha"], vec!["alpha".to_owned()]), "{:?}", step.reads);
}

#[test]
fn what_steers_the_review_is_read_in_the_base() {
    let base = Repo::new().file(".prudence.toml", "max-comments = 1\n").file("src/a.rs", "x\n").commit("base");
    let repo =
        base.branch("feature").file(".prudence.toml", "max-comments = 9\n").file("src/new.rs", code(200, &THREE));
    let mut life = life(&repo.commit("change"));
    life.run();
    assert_eq!(life.posted().len(), 1);
}
