//! Runs that are ended by force: the next one ends where an undisturbed one does.

use std::sync::Arc;

use super::*;

/// What three findings leave without any trouble.
fn undisturbed() -> Vec<String> {
    let mut life = life(&three());
    life.run();
    life.standing()
}

#[test]
fn a_run_that_is_killed_at_any_write_is_made_good_by_the_next_one() {
    let expected = undisturbed();
    for writes in 1..=5 {
        for route in [Route::CreateDraft, Route::PublishDrafts, Route::CreateNote] {
            let mut life = life(&three());
            let gitlab = Arc::clone(&life.merge.gitlab);
            // some die with the request on its way, some after it was applied
            if writes % 2 == 0 {
                life.gitlab().fault(route, 1, Fault::Hang);
            } else if route != Route::CreateDraft {
                continue;
            }
            let job = life.job();
            life.merge.step(&job).run_until(|| {
                let is_sent = gitlab.writes().len() >= writes;
                is_sent || !gitlab.requests_to(route).is_empty() && writes % 2 == 0
            });
            life.gitlab().heal();
            life.run();
            assert_eq!(life.standing(), expected, "killed after {writes} writes at {route:?}");
            life.run().assert_quiet();
        }
    }
}

#[test]
fn a_run_that_is_killed_before_it_writes_leaves_nothing() {
    for route in [Route::ListDiffs, Route::ListDiscussions, Route::ListDrafts] {
        let mut life = life(&three());
        let gitlab = Arc::clone(&life.merge.gitlab);
        let job = life.job();
        life.merge.step(&job).run_until(|| !gitlab.requests_to(route).is_empty());
        life.run();
        assert_eq!(life.standing(), undisturbed(), "{route:?}");
    }
}

#[test]
fn drafts_of_a_dead_run_go_and_those_of_a_person_stay() {
    let mut first = life(&three());
    first.run();
    let ours = first.comment("alpha").body;
    let mut life = life_of(&three(), |scenario| scenario.user("carol"));
    life.gitlab().leave_draft(&ours);
    let theirs = life.gitlab().leave_draft("I wonder about this.");
    let step = life.run();
    let one_by_one = ["publish one"; 3];
    let expected = [&["discard", "draft", "draft", "draft"][..], &one_by_one, &["summary"]].concat();
    assert_eq!(step.words(), expected);
    let left: Vec<u64> = life.gitlab().drafts().iter().map(|draft| draft.id).collect();
    assert_eq!((life.posted().len(), left), (3, vec![theirs]));
}

#[test]
fn a_leftover_goes_where_one_comment_is_posted() {
    let mut first = life(&three());
    first.run();
    let mut life = life(&branch(|repo| repo.file("src/b.rs", defect("delta"))));
    life.gitlab().leave_draft(&first.comment("alpha").body);
    assert_eq!(life.run().words(), ["discard", "comment", "summary"]);
    assert_eq!(life.posted(), ["delta"]);
}
