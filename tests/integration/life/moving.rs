//! What happens on the request while the model thinks.

use std::sync::Mutex;

use super::*;
use crate::support::openai::OpenAi;

/// A model in whose first answer this program runs, with a model of its own.
fn meanwhile(program: Prudence) -> Script {
    let inner = OpenAi::start(Script::new().always(model()));
    let program = Mutex::new(Some((program.openai(&inner), inner)));
    let usual = model();
    let answer = Answer::with(move |request| {
        let waiting = program.lock().expect("one at a time").take();
        waiting.into_iter().for_each(|(program, _inner)| drop(program.run().expect_code(0)));
        match &usual {
            Answer::With(make) => make(request),
            _ => Value::Null,
        }
    });
    Script::new().always(answer)
}

#[test]
fn lines_that_moved_get_the_comment_where_they_are() {
    let mut life = life(&three());
    let old = life.github().head();
    let next = life
        .repo
        .clone()
        .file("src/new.rs", format!("// one\n// two\n{}", code(200, &[(10, "alpha"), (190, "gamma")])));
    life.repo = next.commit("next");
    let new = life.repo.sha("HEAD");
    life.github().fault(Route::GraphQl, 2, Fault::HeadMoves(new.clone()));
    let step = life.opened();
    step.assert_asked_anew(&[AGAIN, "GetDiff", AFTER_FIRST], &["review of 2", "summary"]);
    assert_eq!(life.github().reviews()[0].commit, new);
    assert_eq!((life.comment("alpha").lines(), life.comment("gamma").lines()), ((13, 13), (194, 194)));
    let notes = step.reviewed.notes();
    assert!(notes.contains("the head moved to") && notes.contains("1 finding held back"), "{notes}");
    assert_eq!(step.suppressed(), BTreeMap::from([("beta", "unanchored")]));
    assert_eq!((&life.state()["head"], &life.state()["complete"]), (&json!(old), &json!(false)));
    // the run for the new head
    let event = Event::Synchronize { before: old };
    let step = life.run(&event, &[], 0);
    assert_eq!((step.words(), life.posted()), (vec!["summary again"], vec!["alpha".to_owned(), "gamma".to_owned()]));
    life.run(&event, &[], 0).assert_quiet();
    // and what was held back is new when it comes
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")])));
    let step = life.run(&event, &[], 0);
    assert!(step.shown().contains(&"beta") && step.words() == ["review of 1", "summary again"], "{:?}", step.words());
}

#[test]
fn a_force_push_to_other_code_holds_everything_back() {
    let mut life = life(&three());
    let old = life.github().head();
    life.force(|repo| repo.file("src/other.rs", "let fine = 1;\n"));
    life.github().push(&old);
    let new = life.repo.sha("HEAD");
    life.github().fault(Route::GraphQl, 2, Fault::HeadMoves(new));
    let step = life.opened();
    assert_eq!((step.words(), step.suppressed().len()), (vec!["summary"], 3));
    // it comes back without a run in between: nothing of it counts as reviewed
    life.github().push(&old);
    let step = life.opened();
    assert_eq!((step.shown().len(), step.words()), (3, vec!["review of 3", "summary again"]));
}

#[test]
fn what_another_run_posted_is_not_posted_again() {
    let mut life = life(&three());
    let job = Actions::new(life.github(), &Event::Opened);
    life.pull.openai.set_script(meanwhile(life.pull.step(&job)));
    life.seen = (0, 0);
    let outer = Actions::new(life.github(), &Event::Opened);
    let reviewed = life.pull.end(life.pull.step(&outer), 0);
    assert_eq!(reviewed.at("/delivery/posted"), 0);
    assert_eq!((life.posted().len(), life.github().reviews().len(), life.github().issue_comments().len()), (3, 1, 1));
    life.check_posts();
    life.opened().assert_quiet();
}

#[test]
fn two_runs_without_findings_leave_one_summary() {
    let mut life = life(&branch(|repo| repo.file("src/b.rs", "let fine = 1;\n")));
    let job = Actions::new(life.github(), &Event::Opened);
    life.pull.openai.set_script(meanwhile(life.pull.step(&job)));
    let outer = Actions::new(life.github(), &Event::Opened);
    life.pull.end(life.pull.step(&outer), 0);
    assert_eq!(life.github().issue_comments().len(), 1);
    life.opened().assert_quiet();
}

#[test]
fn a_command_that_comes_during_a_review_holds() {
    let mut life = life(&three());
    life.opened();
    for (order, key) in [("/prudence pause", "paused"), ("/prudence ignore", "dismissed")] {
        let event = life.push(|repo| repo.file("src/b.rs", format!("let {key} = 1;\n")));
        let job = Actions::new(life.github(), &Event::Comment(order.to_owned()));
        life.pull.openai.set_script(meanwhile(life.pull.step(&job)));
        let outer = Actions::new(life.github(), &event);
        let by_hand = life.pull.step(&outer).args(["--pr", "octo/demo#7"]);
        life.pull.end(by_hand, 0);
        assert!(!life.state()[key].is_null(), "{key}: {}", life.state());
        life.check_posts();
    }
    life.pull.openai.set_script(Script::new().always(model()));
    let step = life.run(&Event::Dispatch(7), &["--full"], 0);
    assert_eq!(step.suppressed().into_values().collect::<Vec<_>>(), ["dismissed"; 3]);
}
