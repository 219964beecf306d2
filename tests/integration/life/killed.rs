//! Runs that are ended by force, or told to end: the next one ends where an undisturbed one does.

use std::sync::Arc;

use super::*;

/// The requests to the host of a run without any trouble, and what it leaves.
fn undisturbed() -> (Vec<Route>, Vec<String>) {
    let mut life = life(&three());
    life.opened();
    let routes = life.github().requests().into_iter().map(|request| Route::of(&request).expect("a known route").route);
    (routes.collect(), life.standing())
}

/// Each request as its route, and which one of that route it is.
fn numbered(routes: &[Route]) -> Vec<(Route, usize)> {
    let nth = |index: usize| routes[..=index].iter().filter(|route| **route == routes[index]).count();
    (0..routes.len()).map(|index| (routes[index], nth(index))).collect()
}

/// A run that hangs at this request and is killed there; then one that is left alone.
#[track_caller]
fn check(route: Route, nth: usize, fault: &Fault, expected: &[String]) {
    let mut life = life(&three());
    life.github().fault(route, nth, fault.clone());
    let github = Arc::clone(&life.pull.github);
    let job = Actions::new(life.github(), &Event::Opened);
    let is_there =
        || github.requests().iter().filter(|r| Route::of(r).is_some_and(|found| found.route == route)).count() >= nth;
    assert!(life.pull.step(&job).run_until(is_there), "killed at {route:?} {nth}");
    life.github().heal();
    life.opened();
    assert_eq!(life.standing(), expected, "killed at {route:?} {nth} with {fault:?}");
    life.opened().assert_quiet();
}

#[test]
fn a_run_that_is_killed_at_any_request_is_made_good_by_the_next_one() {
    let (routes, expected) = undisturbed();
    let requests = numbered(&routes);
    assert!(requests.len() >= 8, "{requests:?}");
    for (route, nth) in requests {
        check(route, nth, &Fault::Hang, &expected);
        check(route, nth, &Fault::ApplyThenHang, &expected);
    }
}

#[test]
fn a_run_that_is_killed_while_the_model_answers_leaves_nothing() {
    let (_, expected) = undisturbed();
    let mut life = life(&three());
    life.pull.openai.set_script(Script::new().always(Answer::Hang));
    let openai = &life.pull.openai;
    let job = Actions::new(life.github(), &Event::Opened);
    assert!(life.pull.step(&job).run_until(|| !openai.completions().is_empty()));
    assert!(life.ours().is_empty() && life.summary().is_none());
    life.pull.openai.set_script(Script::new().always(model()));
    life.opened();
    assert_eq!(life.standing(), expected);
}
