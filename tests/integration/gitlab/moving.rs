//! What happens on the request while the program works, and requests that are not reviewed.

use std::collections::BTreeMap;

use super::*;

#[test]
fn lines_that_moved_get_the_comment_where_they_are() {
    let mut life = life(&three());
    let old = life.gitlab().head();
    let text = format!("// one\n// two\n{}", code(200, &[(10, "alpha"), (190, "gamma")]));
    life.repo = life.repo.clone().file("src/new.rs", text).commit("next");
    let new = life.repo.sha("HEAD");
    life.gitlab().fault(Route::GetMerge, 2, Fault::HeadMoves(new.clone()));
    let step = life.run();
    let after_move = &["ListDiffs", "ListVersions"];
    step.assert_asked(
        &[STEERING, AGAIN, after_move, BEFORE_COMMENTS, AFTER_DRAFTS, AFTER_FIRST],
        &["draft", "draft", "publish", "summary"],
    );
    assert_eq!((life.comment("alpha").lines(), life.comment("gamma").lines()), ((13, 13), (194, 194)));
    assert_eq!(life.comment("alpha").position.expect("a position").head, new);
    let notes = step.reviewed.notes();
    assert!(notes.contains("the head moved to") && notes.contains("1 finding held back"), "{notes}");
    assert_eq!(step.suppressed(), BTreeMap::from([("beta", "unanchored")]));
    assert_eq!((&life.state()["head"], &life.state()["complete"]), (&json!(old), &json!(false)));
    assert_eq!(life.run().words(), ["summary again"]);
    life.run().assert_quiet();
}

#[test]
fn what_stands_twice_is_taken_away_and_the_earlier_one_stays() {
    let mut life = life(&three());
    life.run();
    let (first, summary, bot) = (life.comment("beta"), life.summary().expect("a summary"), life.bot.clone());
    let position = json!({"position_type": "text", "old_path": "src/new.rs", "new_path": "src/new.rs", "new_line": first.lines().1});
    life.gitlab().discuss(&bot, &first.body, Some(position));
    life.gitlab().say(&bot, &summary);
    let step = life.run();
    assert_eq!(step.words(), ["removed", "removed", "summary again"], "{}", step.reviewed.run);
    assert_eq!(life.comment("beta").id, first.id);
    life.run().assert_quiet();
}

/// A request that is not reviewed: nothing is sent or written, and the run says why.
#[track_caller]
fn check_skipped(change: impl FnOnce(Scenario) -> Scenario, reason: &str) {
    let mut life = life_of(&three(), change);
    let step = life.run();
    step.assert_quiet();
    let said = format!("{}{}", step.reviewed.run.stdout, step.reviewed.run.stderr);
    assert!(said.contains(reason), "{reason}: {said}");
    let program = life.merge.desk().args(["--mr", "octo/demo!7"]);
    assert_eq!(life.end(program, 0).channel(), "review", "whoever names it wants it reviewed");
}

#[test]
fn drafts_and_labels_and_programs_are_left_out() {
    check_skipped(Scenario::draft, "draft");
    check_skipped(|scenario| scenario.labels(&["no-review"]), "no-review");
    check_skipped(|scenario| scenario.author("project_4242_bot_beef"), "bot");
}

#[test]
fn a_closed_request_is_left_alone() {
    let mut life = life(&three());
    life.gitlab().close();
    life.run().assert_quiet();
}

#[test]
fn commits_that_are_not_looked_at_yet_are_waited_for() {
    for reads in [1, 2, 4] {
        let mut life = life_of(&three(), |scenario| scenario.limits(|limits| limits.unready_reads = reads));
        let step = life.run();
        assert_eq!((step.channel(), life.posted().len()), ("review", 3), "{reads}: {}", step.reviewed.run);
    }
}

#[test]
fn commits_that_never_come_are_an_error_with_a_remedy() {
    let life = life_of(&three(), |scenario| scenario.limits(|limits| limits.unready_reads = usize::MAX - 1));
    let run = life.merge.step(&life.job()).args(["--deadline", "1"]).run().expect_code(2);
    assert!(run.stderr.contains("not worked out the diff") && run.stderr.contains("hint: run the job again"), "{run}");
}
