//! The check run, where it is wanted.

use super::*;

/// A review of so many slight defects with `--check-run`.
fn check(count: usize, args: &[&str], code: i32, writes: &[&str]) -> Life {
    let names: Vec<String> = (0..count).map(|n| format!("slight{n}")).collect();
    let defects: Vec<(usize, &str)> = names.iter().enumerate().map(|(n, name)| (4 * n + 1, name.as_str())).collect();
    let repo = branch(|repo| repo.file("src/new.rs", code_of(&defects)));
    let permissions = [("contents", "read"), ("pull_requests", "write"), ("checks", "write")];
    let mut life = life_of(&repo, |scenario| scenario.permissions(&permissions));
    let args = [&["--check-run", "--chunk-tokens", "1500"], args].concat();
    let step = life.run(&Event::Opened, &args, code);
    assert_eq!(step.words(), writes);
    let runs = life.github().check_runs();
    assert_eq!((runs.len(), runs[0].annotations.len(), &runs[0].head_sha), (1, count, &life.github().head()));
    assert_eq!(runs[0].status, "completed");
    life.run(&Event::Opened, &args, code).assert_quiet();
    life
}

fn code_of(defects: &[(usize, &str)]) -> String {
    code(4 * defects.len() + 4, defects)
}

#[test]
fn annotations_go_fifty_at_a_time() {
    let conclusion = |life: &Life| life.github().check_runs()[0].conclusion.clone().unwrap();
    assert_eq!(conclusion(&check(0, &[], 0, &["check of 0", "summary"])), "success");
    assert_eq!(conclusion(&check(51, &[], 0, &["review of 10", "check of 50", "check of 1", "summary"])), "success");
    let three = ["review of 10", "check of 50", "check of 50", "check of 20", "summary"];
    assert_eq!(conclusion(&check(120, &["--fail-on", "minor"], 1, &three)), "failure");
}

#[test]
fn without_the_permission_a_note_names_it() {
    let mut life = life(&three());
    let step = life.run(&Event::Opened, &["--check-run"], 0);
    assert_eq!((step.words(), step.channel()), (vec!["review of 3", "check of 3", "summary"], "review"));
    assert!(step.reviewed.notes().contains("`checks: write`"), "{}", step.reviewed.notes());
    assert!(life.github().check_runs().is_empty());
    life.run(&Event::Opened, &["--check-run"], 0).assert_quiet();
}

#[test]
fn a_request_that_is_not_reviewed_has_the_check_run_that_a_branch_may_require() {
    let permissions = [("contents", "read"), ("pull_requests", "write"), ("checks", "write")];
    let mut life = life_of(&three(), |scenario| scenario.permissions(&permissions).draft());
    assert_eq!(life.run(&Event::Opened, &[], 0).words(), [""; 0]);
    assert_eq!(life.run(&Event::Opened, &["--check-run"], 0).words(), ["check of 0"]);
    let run = &life.github().check_runs()[0];
    assert_eq!((run.conclusion.as_deref(), &run.head_sha), (Some("skipped"), &life.github().head()));
}

#[test]
fn a_command_does_not_stand_in_the_place_of_a_failed_check() {
    let permissions = [("contents", "read"), ("pull_requests", "write"), ("checks", "write")];
    let mut life = life_of(&three(), |scenario| scenario.permissions(&permissions).collaborator("carol", "write"));
    let args = ["--check-run", "--fail-on", "major"];
    life.run(&Event::Opened, &args, 1);
    for (author, order) in [("bob", "ignore"), ("bob", "help"), ("carol", "help"), ("carol", "pause")] {
        let event = Event::CommentBy { author: author.to_owned(), body: format!("/prudence {order}") };
        life.run(&event, &args, 0);
        let conclusions: Vec<_> = life.github().check_runs().into_iter().map(|run| run.conclusion).collect();
        assert_eq!(conclusions, [Some("failure".to_owned())], "{author} {order}");
    }
}

#[test]
fn a_skipped_run_does_not_stand_in_the_place_of_a_failed_check() {
    let permissions = [("contents", "read"), ("pull_requests", "write"), ("checks", "write")];
    let mut life = life_of(&three(), |scenario| scenario.permissions(&permissions));
    let args = ["--check-run", "--fail-on", "major"];
    life.run(&Event::Opened, &args, 1);
    life.github().change(|scenario| scenario.draft = true);
    life.run(&Event::Reopened, &args, 0).assert_quiet();
    life.github().change(|scenario| scenario.draft = false);
    life.run(&Event::ReadyForReview, &args, 1).assert_quiet();
    let conclusions: Vec<_> = life.github().check_runs().into_iter().map(|run| run.conclusion).collect();
    assert_eq!(conclusions, [Some("failure".to_owned())]);
}
