//! What people say of a finding, and who counts.

use std::collections::BTreeMap;

use super::*;
use crate::support::gitlab::DEVELOPER;

/// A life with one finding, `grave`, and people: `guest` and `reporter` have these roles, `bob` has none.
fn one() -> Life {
    let repo = branch(|repo| repo.file("src/b.rs", defect("grave")));
    life_of(&repo, |scenario| scenario.member("guest", 10).member("reporter", 20).member("dave", DEVELOPER))
}

/// What a full review says of the finding after `said` was done to it, and whether `--fail-on critical` still fails.
#[track_caller]
fn check(what: &str, expected: &str, gate: i32, said: impl FnOnce(&GitLab, &Discussion)) {
    let mut life = one();
    life.run();
    said(life.gitlab(), &life.thread("grave"));
    let step = life.run_with(&["--full"], 0);
    assert_eq!(step.suppressed(), BTreeMap::from([("grave", expected)]), "{what}");
    assert_eq!(life.posted(), ["grave"], "{what}");
    life.run().assert_quiet();
    life.run_with(&["--fail-on", "critical"], gate).assert_quiet();
}

#[test]
fn a_person_dismisses_and_a_program_does_not() {
    check("nobody", "already_posted", 1, |_, _| {});
    check("settled by a developer", "dismissed", 0, |gitlab, thread| gitlab.resolve_as(&thread.id, "dave"));
    check("settled by a stranger", "dismissed", 1, |gitlab, thread| gitlab.resolve_as(&thread.id, "bob"));
    check("settled and opened again", "already_posted", 1, |gitlab, thread| {
        gitlab.resolve_as(&thread.id, "dave");
        gitlab.unresolve_as(&thread.id, "dave");
    });
}

#[test]
fn a_thumb_down_counts_for_the_gate_where_its_owner_may_push() {
    let award = |who: &'static str, name: &'static str| {
        move |gitlab: &GitLab, thread: &Discussion| {
            gitlab.award(thread.notes[0].id, who, name);
        }
    };
    check("a developer's", "dismissed", 0, award("dave", "thumbsdown"));
    check("a stranger's", "dismissed", 1, award("bob", "thumbsdown"));
    check("a guest's", "dismissed", 1, award("guest", "thumbsdown"));
    check("a thumb up", "already_posted", 1, award("dave", "thumbsup"));
    check("a bot's", "already_posted", 1, award("project_9_bot_x", "thumbsdown"));
}

#[test]
fn an_order_to_ignore_takes_the_role_of_a_developer() {
    let reply = |author: &'static str, text: &'static str| {
        move |gitlab: &GitLab, thread: &Discussion| {
            gitlab.answer(&thread.id, author, text);
        }
    };
    check("a developer", "dismissed", 0, reply("dave", "/prudence ignore"));
    check("with a reason", "dismissed", 0, reply("dave", "/prudence ignore\nIt is a test."));
    check("a reporter", "already_posted", 1, reply("reporter", "/prudence ignore"));
    check("a guest", "already_posted", 1, reply("guest", "/prudence ignore"));
    check("a stranger", "already_posted", 1, reply("bob", "/prudence ignore"));
    check("a bot", "already_posted", 1, reply("group_2_bot_y", "/prudence ignore"));
    check("other words", "already_posted", 1, reply("dave", "please /prudence ignore"));
}

#[test]
fn a_host_that_does_not_tell_who_may_ends_no_review() {
    let mut life = one();
    life.run();
    life.gitlab().answer(&life.thread("grave").id, "bob", "/prudence ignore");
    life.gitlab().fault_always(Route::ListMembers, Fault::Status(403, json!({"message": "403 Forbidden"})));
    life.push(|repo| repo.file("src/c.rs", defect("delta")));
    let step = life.run();
    assert_eq!(step.words(), ["comment", "summary again"]);
    assert!(step.reviewed.notes().contains("what `bob` dismissed counts for nothing"), "{}", step.reviewed.notes());
}

#[test]
fn a_thread_that_a_person_wrote_in_is_theirs() {
    let mut life = one();
    life.run();
    life.gitlab().answer(&life.thread("grave").id, MEMBER, "I am on it.");
    life.push(|repo| repo.file("src/b.rs", "let fine = 1;\n"));
    assert_eq!(life.run().words(), ["summary again"]);
    assert!(!life.thread("grave").resolved());
    life.run().assert_quiet();
}
