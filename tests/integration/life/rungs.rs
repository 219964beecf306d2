//! The channels below the review, and what becomes of them when the token may more.

use super::*;

/// What a run can do with this token; then the token may do everything, and the run comes again.
#[track_caller]
fn check(given: &[(&str, &str)], channel: &str, writes: &[&str], later: &[&str]) {
    let mut life = life_of(&three(), |scenario| scenario.permissions(given));
    let step = life.opened();
    assert_eq!((step.channel(), step.words()), (channel, writes.to_vec()), "{given:?}");
    let outputs = step.reviewed.job().outputs();
    assert_eq!((outputs["channel"].as_str(), outputs["conclusion"].as_str()), (channel, "reviewed"));
    let seen = format!("{:?}{}{}", life.posted(), life.summary().unwrap_or_default(), step.reviewed.run.stdout);
    for name in ["alpha", "beta", "gamma"] {
        assert!(seen.contains(name), "{name} is lost: {given:?}");
    }
    if channel != "review" {
        assert!(step.reviewed.notes().contains("`pull-requests: write`"), "{}", step.reviewed.notes());
    }
    life.github().set_permissions(&[("contents", "read"), ("pull_requests", "write")]);
    assert_eq!(life.opened().words(), later, "{given:?}");
    life.opened().assert_quiet();
}

#[test]
fn each_permission_that_is_missing_costs_one_rung() {
    let read = ("contents", "read");
    check(&[read, ("pull_requests", "write")], "review", &["review of 3", "summary"], &[]);
    check(&[read, ("pull_requests", "read"), ("issues", "write")], "comment", &["review of 3", "summary"], &[]);
    let all = ["review of 3", "summary"];
    check(&[read, ("pull_requests", "read")], "annotations", &all, &all);
    check(&[read, ("pull_requests", "read"), ("issues", "read")], "annotations", &all, &all);
}

#[test]
fn on_a_desk_there_is_no_rung_below_the_comment() {
    let desk = |given: &[(&str, &str)], code: i32| {
        let mut life = life_of(&three(), |scenario| scenario.permissions(given));
        let program = life.pull.desk().args(["--pr", "octo/demo#7"]);
        let step = life.end(program, code);
        assert!(step.reviewed.run.stdout.contains("alpha") || code == 0, "{}", step.reviewed.run);
        step.channel().to_owned()
    };
    assert_eq!(desk(&[("contents", "read"), ("pull_requests", "write")], 0), "review");
    assert_eq!(desk(&[("contents", "read"), ("pull_requests", "read"), ("issues", "write")], 0), "comment");
    assert_eq!(desk(&[("contents", "read"), ("pull_requests", "read")], 4), "none");
}

#[test]
fn a_fork_gets_its_review_with_a_token_that_reads() {
    let mut life = life_of(&three(), Scenario::fork);
    let step = life.opened();
    assert_eq!((step.channel(), step.shown().len()), ("annotations", 3));
    let notes = step.reviewed.notes();
    assert!(notes.contains("runs for forks may not write") && !notes.contains("permissions:"), "{notes}");
    let summary = step.reviewed.job().summary();
    assert!(["alpha", "beta", "gamma"].iter().all(|name| summary.contains(name)), "{summary}");
    assert!(life.github().reviews().is_empty() && life.github().issue_comments().is_empty());
}
