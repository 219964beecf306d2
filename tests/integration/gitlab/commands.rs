//! Commands in notes on the request: GitLab starts no pipeline for them, so that the next run hears them.

use super::*;
use crate::support::gitlab::DEVELOPER;

/// A life with three findings. `dave` is a developer, and `guest` is a guest.
fn with_people() -> Life {
    life_of(&three(), |scenario| scenario.member("guest", 10).member("dave", DEVELOPER))
}

/// A push of something that the model has nothing to say of.
fn next(life: &mut Life, number: usize) {
    life.push(|repo| repo.file(&format!("src/more{number}.rs"), code(5, &[])));
}

#[test]
fn a_pause_holds_until_somebody_ends_it() {
    let mut life = with_people();
    life.run();
    life.gitlab().say("dave", "/prudence pause");
    next(&mut life, 1);
    let step = life.run();
    assert_eq!(step.words(), ["summary again", "eyes"]);
    assert!(step.sent.is_empty() && life.summary().expect("a summary").contains("**Paused**"));
    next(&mut life, 2);
    life.run().assert_quiet();
    life.gitlab().say("dave", "/prudence resume");
    let step = life.run();
    assert_eq!(step.words(), ["summary again", "eyes", "summary again"]);
    assert_eq!(step.sent.len(), 1, "both pushes at once");
    assert!(!life.summary().expect("a summary").contains("**Paused**"));
    life.run().assert_quiet();
}

#[test]
fn what_is_ignored_stays_so() {
    let mut life = with_people();
    life.run();
    life.gitlab().say("dave", "/prudence ignore");
    let step = life.run_with(&["--fail-on", "info"], 0);
    assert_eq!(step.suppressed().values().copied().collect::<Vec<_>>(), ["dismissed"; 3]);
    life.push(|repo| repo.file("src/b.rs", defect("delta")));
    let step = life.run_with(&["--fail-on", "info"], 1);
    assert_eq!(step.words(), ["comment", "summary again"], "a new finding is none of those");
}

#[test]
fn a_review_is_made_also_of_a_draft() {
    let mut life = life_of(&three(), |scenario| scenario.member("dave", DEVELOPER).draft());
    life.run().assert_quiet();
    life.gitlab().say("dave", "/prudence review");
    assert_eq!(life.run().words(), ["summary", "eyes", "draft", "draft", "draft", "publish", "summary again"]);
    life.run().assert_quiet();
    life.gitlab().say("dave", "/prudence full");
    assert_eq!(life.run().sent.len(), 1, "all of it again");
}

#[test]
fn only_developers_are_heard_and_only_commands() {
    let mut life = with_people();
    life.run();
    for (author, words) in [
        ("guest", "/prudence pause"),
        ("bob", "/prudence ignore"),
        ("project_9_bot_x", "/prudence ignore"),
        ("dave", "please /prudence pause"),
        ("dave", "looks good"),
    ] {
        life.gitlab().say(author, words);
        life.run().assert_quiet();
    }
    let notes = life.run().reviewed.notes();
    assert!(notes.contains("`guest` may not command"), "{notes}");
    life.gitlab().say("dave", "/prudence dance");
    let step = life.run();
    assert_eq!(step.words(), ["summary again", "confused"]);
    assert!(step.reviewed.notes().contains("`dance` is no command"), "{}", step.reviewed.notes());
    life.run().assert_quiet();
}

#[test]
fn a_stranger_who_is_let_in_later_has_commanded_nothing() {
    let mut life = with_people();
    life.run();
    life.gitlab().say("bob", "/prudence pause");
    next(&mut life, 1);
    life.run();
    life.gitlab().member("bob", DEVELOPER);
    next(&mut life, 2);
    assert_eq!(life.run().sent.len(), 1, "reviews go on");
}

#[test]
fn a_host_that_does_not_tell_is_asked_by_the_next_run() {
    let mut life = with_people();
    life.run();
    life.gitlab().say("dave", "/prudence pause");
    life.gitlab().fault_always(Route::ListMembers, Fault::Html502);
    assert!(life.run().reviewed.notes().contains("was not heard"));
    life.gitlab().heal();
    assert_eq!(life.run().words(), ["summary again", "eyes"]);
}

#[test]
fn the_commands_are_listed_once() {
    let mut life = with_people();
    life.run();
    for _ in 0..2 {
        life.gitlab().say("dave", "/prudence help");
        life.run();
    }
    let lists = life.gitlab().notes().into_iter().filter(|note| note.body.contains("<!-- prudence:help v1 -->"));
    assert_eq!(lists.count(), 1);
    life.assert_no_commands();
}

#[test]
fn a_token_that_may_not_write_is_commanded_for_one_run() {
    let mut life = life_of(&three(), |scenario| scenario.member("dave", DEVELOPER).read_only());
    life.gitlab().say("dave", "/prudence pause");
    let step = life.run();
    assert!(step.reviewed.notes().contains("holds for this run alone"), "{}", step.reviewed.notes());
    assert_eq!(step.reviewed.at("/status"), &json!("nothing_to_review"));
    life.gitlab().say("dave", "/prudence full");
    assert_eq!(life.run().reviewed.at("/status"), &json!("complete"));
}
