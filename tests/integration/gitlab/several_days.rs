//! A request from its opening to its end, with every request to the host.

use std::collections::BTreeMap;

use super::*;

#[test]
fn a_request_over_days() {
    let mut life = life(&three());
    let likes = |count: usize| vec![LIKES; count];

    // opened: all of it is looked at
    let step = life.run();
    assert_eq!(
        (step.shown(), life.posted()),
        (vec!["alpha", "beta", "gamma"], ["alpha", "beta", "gamma"].map(str::to_owned).to_vec())
    );

    // a push: only what is new is looked at
    let defects = [(10, "alpha"), (60, "delta"), (100, "beta"), (190, "gamma")];
    life.push(new(&defects));
    let step = life.run();
    step.assert_asked(&[&likes(3), AGAIN, BEFORE_COMMENTS], &["comment", "summary again"]);
    assert_eq!(step.shown(), ["delta"]);
    let posted = [("alpha", "already_posted"), ("beta", "already_posted"), ("gamma", "already_posted")];
    assert_eq!(step.suppressed(), BTreeMap::from(posted));

    // the same head again
    let step = life.run();
    step.assert_asked(&[&likes(4)], &[]);
    step.assert_quiet();
    assert_eq!((step.suppressed().len(), step.channel()), (4, "comment"));

    // a rebase onto a target that went on: content decides
    life.move_target(|repo| repo.file("README", "y\n"));
    life.force(new(&defects));
    let step = life.run();
    step.assert_asked(&[STEERING, &likes(4), AGAIN], &["summary again"]);
    assert!(step.sent.is_empty(), "{}", step.reviewed.run);
    assert_eq!(life.state()["head"], life.gitlab().head());
    assert!(life.ours().iter().all(|thread| !thread.resolved()));

    // people: a reply, a settled thread, a thumb down
    life.gitlab().answer(&life.thread("alpha").id, "bob", "This is meant to be so.");
    life.gitlab().resolve_as(&life.thread("beta").id, "bob");
    life.gitlab().award(life.comment("gamma").id, "bob", "thumbsdown");
    let step = life.run_with(&["--full"], 0);
    let heard =
        [("alpha", "already_posted"), ("beta", "dismissed"), ("gamma", "dismissed"), ("delta", "already_posted")];
    assert_eq!((step.suppressed(), step.words()), (BTreeMap::from(heard), vec!["summary again"]));

    // the code of all goes: the one thread that nobody touched is settled
    life.push(new(&[]));
    let step = life.run();
    step.assert_asked(&[&likes(3), AGAIN], &["resolve", "summary again"]);
    assert_eq!(life.thread("delta").resolved_by(), Some(life.bot.as_str()));
    for (name, by) in [("alpha", None), ("beta", Some("bob")), ("gamma", None)] {
        assert_eq!(life.thread(name).resolved_by(), by, "{name}");
    }
    life.run().assert_quiet();

    // and comes back: the thread is opened again, and nothing is posted
    life.push(new(&defects));
    let step = life.run();
    step.assert_asked(&[&likes(2), AGAIN], &["unresolve", "summary again"]);
    assert_eq!(life.thread("delta").resolved_by(), None);
    assert_eq!(step.suppressed(), BTreeMap::from(heard));
    life.run().assert_quiet();

    // closed, and opened again
    life.gitlab().close();
    life.run().assert_quiet();
    life.gitlab().reopen();
    life.run().assert_quiet();
    life.run_with(&["--fail-on", "major"], 1).assert_quiet();
    assert_eq!(life.gitlab().notifications(), 3, "the drafts, the summary and one comment");
}

#[test]
fn hosts_differ_in_where_comments_are_after_a_push() {
    for (stays, settles) in [(false, false), (true, false), (false, true)] {
        let mut life = life_of(&three(), |scenario| {
            scenario.quirks(|quirks| (quirks.positions_stay, quirks.resolve_outdated) = (stays, settles))
        });
        life.run();
        // lines above move all, and one goes
        let text = format!("// one\n// two\n{}", code(200, &[(10, "alpha"), (190, "gamma")]));
        life.push(|repo| repo.file("src/new.rs", text));
        let step = life.run();
        assert!(life.thread("beta").resolved() && step.shown().is_empty(), "{:?}", step.words());
        assert_eq!(life.posted().len(), 3);
        life.run().assert_quiet();
        // it comes back, on another line
        let text = format!("// one\n{}", code(200, &THREE));
        life.push(|repo| repo.file("src/new.rs", text));
        let step = life.run();
        assert!(!life.thread("beta").resolved(), "stays {stays}, settles {settles}: {:?}", step.words());
        assert_eq!((step.words(), life.posted().len()), (vec!["unresolve", "summary again"], 3));
        life.run().assert_quiet();
    }
}

#[test]
fn code_that_moves_to_another_place_keeps_its_comment() {
    for settles in [false, true] {
        let mut life = life_of(&three(), |scenario| scenario.quirks(|quirks| quirks.resolve_outdated = settles));
        life.run();
        // for the host the line is gone, and its thread has ended
        life.push(new(&[(10, "alpha"), (150, "beta"), (190, "gamma")]));
        life.run();
        assert!(!life.thread("beta").resolved(), "a push settled it, not a person");
        assert_eq!(life.posted().len(), 3);
        life.run().assert_quiet();
    }
}

#[test]
fn a_rename_loses_nothing_and_posts_nothing_twice() {
    for stays in [false, true] {
        let mut life = life_of(&three(), |scenario| scenario.quirks(|quirks| quirks.positions_stay = stays));
        life.run();
        life.push(|repo| repo.rename("src/new.rs", "src/renamed.rs"));
        let step = life.run();
        assert_eq!(step.words(), ["summary again"], "{:?}", life.posted());
        let path = life.comment("alpha").position.expect("a position").new_path;
        assert_eq!(path, if stays { "src/new.rs" } else { "src/renamed.rs" });
        assert_eq!(step.suppressed().values().collect::<Vec<_>>(), [&"already_posted"; 3]);
        life.run().assert_quiet();
        // and a file of the base
        life.push(|repo| repo.file("src/a.rs", code(60, &[(30, "delta")])));
        assert_eq!(life.run().words(), ["comment", "summary again"]);
        life.push(|repo| repo.rename("src/a.rs", "src/z.rs"));
        assert_eq!(life.run().words(), ["summary again"]);
        life.run().assert_quiet();
        // what is gone there has ended
        life.push(|repo| {
            repo.file("src/z.rs", code(60, &[])).file("src/renamed.rs", code(200, &[(100, "beta"), (190, "gamma")]))
        });
        assert_eq!(life.run().words(), ["resolve", "resolve", "summary again"]);
        let ended = ["alpha", "beta", "gamma", "delta"].map(|name| life.thread(name).resolved());
        assert_eq!(ended, [true, false, false, true]);
    }
}

#[test]
fn a_push_of_a_lock_file_alone_calls_no_model() {
    let mut life = life(&branch(|repo| repo.file("Cargo.lock", "[[package]]\nname = \"a\"\n")));
    let step = life.run();
    step.assert_asked(&[STEERING, AGAIN, AFTER_FIRST], &["summary"]);
    assert!(step.sent.is_empty());
    life.run().assert_quiet();
    life.push(|repo| repo.file("src/b.rs", defect("alpha")));
    assert_eq!(life.run().shown(), ["alpha"]);
}

#[test]
fn a_person_s_token_tells_that_a_comment_is_outdated() {
    let mut life = life_of(&three(), |scenario| scenario.user("carol"));
    life.run();
    life.push(new(&THREE[..2]));
    let step = life.run();
    assert_eq!(step.words(), ["resolve", "outdated", "summary again"]);
    life.run().assert_quiet();
    life.push(new(&THREE));
    assert_eq!(life.run().words(), ["unresolve", "restored", "summary again"]);
    life.run().assert_quiet();
}

#[test]
fn a_role_that_settles_no_threads_edits_its_comments() {
    let mut life = life_of(&three(), |scenario| scenario.level(20));
    life.run();
    life.push(new(&THREE[..2]));
    assert_eq!(life.run().words(), ["resolve", "outdated", "summary again"]);
    life.run().assert_quiet();
    life.push(new(&THREE));
    assert_eq!(life.run().words(), ["restored", "summary again"]);
    life.run().assert_quiet();
}

#[test]
fn a_summary_behind_pages_of_talk_is_found() {
    let mut life = life_of(&three(), |scenario| scenario.limits(|limits| limits.per_page = 40));
    life.gitlab().say_all("bob", (0..90).map(|n| format!("note {n}")));
    assert_eq!(life.run().words(), ["draft", "draft", "draft", "publish", "summary"]);
    life.gitlab().say_all("bob", (0..60).map(|n| format!("more {n}")));
    let step = life.run();
    step.assert_quiet();
    assert_eq!(step.reads.iter().filter(|read| *read == "ListDiscussions").count(), 4);
    life.push(|repo| repo.file("src/b.rs", defect("delta")));
    assert_eq!(life.run().words(), ["comment", "summary again"]);
}

#[test]
fn more_findings_than_comments_wait_in_the_summary() {
    let names: Vec<String> = (0..12).map(|n| format!("slight{n}")).collect();
    let defects: Vec<(usize, &str)> = names.iter().enumerate().map(|(n, name)| (4 * n + 1, name.as_str())).collect();
    let mut life = life(&branch(|repo| repo.file("src/new.rs", code(60, &defects))));
    life.run_with(&["--max-comments", "5"], 0);
    assert_eq!((life.posted().len(), life.state()["listed"].as_array().map(Vec::len)), (5, Some(7)));
    life.run_with(&["--max-comments", "5"], 0).assert_quiet();
    life.run_with(&["--max-comments", "20"], 0);
    assert_eq!(life.posted().len(), 12);
}
