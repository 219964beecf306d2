//! Runs that are ended by force: the next one ends where an undisturbed one does.

use std::sync::Arc;

use super::*;

/// A run that hangs at this request and is killed there; then one that is left alone.
#[track_caller]
fn check(route: Route, nth: usize, fault: &Fault, expected: &[String]) {
    let mut life = life(&three());
    life.gitlab().fault(route, nth, fault.clone());
    let gitlab = Arc::clone(&life.merge.gitlab);
    let job = life.job();
    assert!(life.merge.step(&job).run_until(|| gitlab.requests_to(route).len() >= nth), "killed at {route:?} {nth}");
    life.gitlab().heal();
    life.run();
    assert_eq!(life.standing(), expected, "killed at {route:?} {nth} with {fault:?}");
    life.run().assert_quiet();
}

#[test]
fn a_run_that_is_killed_at_any_request_is_made_good_by_the_next_one() {
    let mut first = life(&three());
    first.run();
    let expected = first.standing();
    let routes: Vec<Route> =
        first.gitlab().requests().iter().map(|request| Route::of(request).expect("a known route").route).collect();
    assert!(routes.len() >= 8, "{routes:?}");
    for index in 0..routes.len() {
        let nth = routes[..=index].iter().filter(|route| **route == routes[index]).count();
        check(routes[index], nth, &Fault::Hang, &expected);
        check(routes[index], nth, &Fault::ApplyThenHang, &expected);
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
