//! How threads end, and begin again.

use super::*;

fn without(life: &mut Life) -> Event {
    life.push(|repo| repo.file("src/new.rs", code(200, &[(100, "beta"), (190, "gamma")])))
}

fn with(life: &mut Life) -> Event {
    life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")])))
}

#[test]
fn without_the_permission_the_comment_says_that_it_is_outdated() {
    let mut life = life(&three());
    life.opened();
    let before = life.comment("alpha").body;
    let event = without(&mut life);
    let step = life.run(&event, &[], 0);
    assert_eq!(step.words(), ["resolve", "outdated", "summary again"]);
    assert!(life.comment("alpha").body.starts_with("> ✅ **Outdated**"), "{}", life.comment("alpha").body);
    assert!(life.comment("alpha").body.contains(&before) && !life.comment("alpha").resolved());
    assert!(!life.comment("beta").body.contains("Outdated"));
    life.run(&event, &[], 0).assert_quiet();

    let event = with(&mut life);
    let step = life.run(&event, &[], 0);
    assert_eq!((step.words(), life.comment("alpha").body), (vec!["restored", "summary again"], before));
    life.run(&event, &[], 0).assert_quiet();
}

#[test]
fn a_thread_with_a_persons_words_is_left_alone_for_ever() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    life.github().add_reply(life.comment("alpha").id, "bob", "Is it?");
    let event = without(&mut life);
    assert_eq!(life.run(&event, &[], 0).words(), ["summary again"]);
    let event = with(&mut life);
    assert_eq!(life.run(&event, &[], 0).words(), ["summary again"]);
}

#[test]
fn a_thread_that_was_answered_after_its_end_stays_closed() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    let event = without(&mut life);
    assert_eq!(life.run(&event, &[], 0).words(), ["resolve", "summary again"]);
    life.github().add_reply(life.comment("alpha").id, "bob", "Thanks.");
    let event = with(&mut life);
    let step = life.run(&event, &[], 0);
    assert_eq!((step.words(), step.suppressed()["alpha"]), (vec!["summary again"], "already_posted"));
    let step = life.run(&event, &["--fail-on", "major"], 1);
    step.assert_quiet();
    assert_eq!(step.suppressed()["alpha"], "already_posted", "it counts as long as its code is there");
}

#[test]
fn a_person_whose_token_it_is_dismisses_as_any_other() {
    let mut life = life_of(&three(), |scenario| scenario.user("carol"));
    life.opened();
    life.github().resolve_by(life.comment("beta").id, "carol");
    let event = without(&mut life);
    let step = life.run(&event, &["--full"], 0);
    assert_eq!((step.words(), step.suppressed()["beta"]), (vec!["resolve", "outdated", "summary again"], "dismissed"));
    life.run(&event, &[], 0).assert_quiet();
    let event = with(&mut life);
    let step = life.run(&event, &["--full"], 0);
    assert_eq!(
        (step.words(), step.suppressed()["beta"]),
        (vec!["unresolve", "restored", "summary again"], "dismissed")
    );
    assert_eq!(["alpha", "beta", "gamma"].map(|name| life.comment(name).resolved()), [false, true, false]);
    life.run(&event, &[], 0).assert_quiet();
}

#[test]
fn who_resolves_an_outdated_thread_has_dismissed_nothing() {
    let mut life = life(&three());
    life.opened();
    let event = without(&mut life);
    life.run(&event, &[], 0);
    life.github().resolve_by(life.comment("alpha").id, "bob");
    life.run(&event, &[], 0).assert_quiet();
    // the token may not open it again: the head does not count as reviewed
    let event = with(&mut life);
    let step = life.run(&event, &[], 0);
    assert_eq!(step.words(), ["unresolve", "restored", "summary again"]);
    assert!(step.reviewed.notes().contains("its thread stays closed"), "{}", step.reviewed.notes());
    // it is closed for good by the one who closed it
    let step = life.run(&event, &[], 0);
    assert_eq!((step.words(), step.suppressed()["alpha"]), (vec!["summary again"], "dismissed"));
    life.run(&event, &[], 0).assert_quiet();
}

#[test]
fn the_answer_of_another_program_is_no_persons() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    life.github().add_reply(life.comment("alpha").id, "other[bot]", "I agree.");
    let event = without(&mut life);
    assert_eq!(life.run(&event, &[], 0).words(), ["resolve", "summary again"]);
    assert!(life.comment("alpha").resolved());
}

#[test]
fn the_answer_of_the_tokens_owner_is_a_persons() {
    let mut life = life_of(&three(), |scenario| scenario.user("carol"));
    life.opened();
    let before = life.comment("alpha").body;
    life.github().add_reply(life.comment("alpha").id, "carol", "I will look at it.");
    let event = without(&mut life);
    // not by the helper: here the one whose token it is has answered, not the bot
    let job = Actions::new(life.github(), &event);
    life.pull.end(life.pull.step(&job), 0);
    let alpha = life.github().review_comments().into_iter().find(|comment| comment.body == before);
    assert!(alpha.is_some_and(|alpha| !alpha.resolved()));
}

#[test]
fn a_file_that_is_put_back_ends_its_threads() {
    let repo = branch(|repo| repo.file("src/a.rs", code(60, &[(30, "alpha")])).file("src/b.rs", defect("beta")));
    let mut life = life_of(&repo, may_resolve);
    life.opened();
    let event = life.push(|repo| repo.file("src/a.rs", code(60, &[])));
    let step = life.run(&event, &[], 0);
    step.assert_asked(&[LIKES, AGAIN], &["resolve", "summary again"]);
    assert_eq!((life.comment("alpha").resolved(), life.comment("beta").resolved()), (true, false));
    life.run(&event, &[], 0).assert_quiet();
}

#[test]
fn a_request_that_changes_nothing_any_more_has_no_open_thread() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    let event = life.push(|repo| repo.remove("src/new.rs"));
    let step = life.run(&event, &[], 0);
    assert_eq!(
        (step.words(), step.reviewed.at("/status")),
        (vec!["resolve", "summary again"], &json!("nothing_to_review"))
    );
    assert!(life.ours().iter().all(ReviewComment::resolved));
    life.run(&event, &[], 0).assert_quiet();
}

#[test]
fn what_could_not_be_looked_at_has_not_ended() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    let event = without(&mut life);
    life.pull.openai.set_script(Script::new().always(Answer::Refusal("No.".into())));
    life.run(&event, &[], 3);
    assert!(!life.comment("alpha").resolved());
    life.pull.openai.set_script(Script::new().always(model()));
    assert_eq!(life.run(&event, &[], 0).words(), ["resolve", "summary again"]);
}

/// The request of [`three`] whose base wants changes to be asked for.
fn blocking() -> Life {
    let config = "review-event = \"request-changes\"\nfail-on = \"major\"\n";
    let base = Repo::new().file(".prudence.toml", config).file("README", "x\n").commit("base").branch("feature");
    life_of(&base.file("src/new.rs", code(200, &[(10, "alpha")])).commit("change"), may_resolve)
}

#[test]
fn a_review_that_asks_for_changes_is_taken_back_when_they_are_made() {
    for closed in [false, true] {
        let mut life = blocking();
        if closed {
            life.github().close_graphql(403);
        }
        let step = life.run(&Event::Opened, &[], 1);
        assert_eq!(step.words(), ["review of 1", "summary"]);
        assert_eq!(life.github().reviews()[0].event.as_deref(), Some("REQUEST_CHANGES"));
        life.run(&Event::Opened, &[], 1).assert_quiet();
        let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
        let step = life.run(&event, &[], 0);
        let ends = if closed { "outdated" } else { "resolve" };
        assert_eq!(step.words(), [ends, "dismiss", "summary again"]);
        assert!(life.github().reviews()[0].dismissed.is_some());
        life.run(&event, &[], 0).assert_quiet();
    }
}

/// A request whose one finding was gone, and is back.
fn back() -> (Life, Event) {
    let mut life = blocking();
    life.run(&Event::Opened, &[], 1);
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
    life.run(&event, &[], 0);
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha")])));
    (life, event)
}

#[test]
fn what_comes_back_asks_for_changes_again() {
    let (mut life, event) = back();
    let step = life.run(&event, &[], 1);
    assert_eq!(step.words(), ["review of 0", "unresolve", "summary again"]);
    let reviews = life.github().reviews();
    let last = reviews.last().unwrap();
    assert_eq!((reviews.len(), last.event.as_deref()), (2, Some("REQUEST_CHANGES")));
    assert!(last.body.contains("asks for changes"), "{}", last.body);
    life.run(&event, &[], 1).assert_quiet();
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
    life.run(&event, &[], 0);
    assert!(life.github().reviews().iter().all(|review| review.dismissed.is_some()));
}

#[test]
fn asking_again_is_not_done_twice_where_the_answer_is_lost() {
    let (mut life, event) = back();
    life.github().fault(Route::CreateReview, 1, Fault::ApplyThenReset);
    life.run(&event, &[], 1);
    let standing = life.github().reviews().into_iter().filter(|review| review.dismissed.is_none()).count();
    assert_eq!(standing, 1);
}

#[test]
fn asking_again_is_made_up_for_where_it_failed() {
    let (mut life, event) = back();
    life.github().fault_always(Route::CreateReview, Fault::Html502);
    let step = life.run(&event, &[], 1);
    assert!(!step.words().contains(&"unresolve"), "{:?}", step.words());
    life.github().heal();
    let step = life.run(&event, &[], 1);
    assert_eq!(step.words(), ["review of 0", "unresolve", "summary again"]);
    life.run(&event, &[], 1).assert_quiet();
}

#[test]
fn a_review_that_asks_for_changes_is_found_behind_a_hundred_others() {
    let mut life = blocking();
    life.run(&Event::Opened, &[], 1);
    for n in 0..101 {
        life.github().add_review("bob", "COMMENT", &format!("review {n}"), &[]);
    }
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
    assert_eq!(life.run(&event, &[], 0).words(), ["resolve", "dismiss", "summary again"]);
}

#[test]
fn of_two_threads_on_the_same_text_the_one_whose_code_went_ends() {
    let repo = branch(|repo| repo.file("src/new.rs", code(60, &[(10, "alpha"), (50, "alpha")])));
    let mut life = life_of(&repo, may_resolve);
    let both = life.pull.end(life.pull.step(&Actions::new(life.github(), &Event::Opened)), 0);
    assert_eq!(both.at("/delivery/posted"), 2);
    let event = life.push(|repo| repo.file("src/new.rs", code(60, &[(50, "alpha")])));
    life.pull.end(life.pull.step(&Actions::new(life.github(), &event)), 0);
    let mut threads: Vec<_> = life.ours().iter().map(|comment| (comment.lines().0, comment.resolved())).collect();
    threads.sort_unstable();
    assert_eq!(threads, [(11, true), (52, false)]);
}

#[test]
fn a_review_that_asks_for_changes_stays_while_nobody_could_look() {
    let mut life = blocking();
    life.run(&Event::Opened, &[], 1);
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
    life.pull.openai.set_script(Script::new().always(Answer::Refusal("No.".into())));
    life.run(&event, &[], 1);
    assert_eq!(life.github().reviews()[0].dismissed, None);
}
