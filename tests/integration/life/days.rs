//! A request from its opening to its end, with every request to the host.

use super::*;

/// `src/new.rs` with these defects.
fn new(defects: &[(usize, &str)]) -> impl FnOnce(Repo) -> Repo {
    let text = code(200, defects);
    |repo| repo.file("src/new.rs", text)
}

#[test]
fn a_request_over_days() {
    let mut life = life_of(&three(), may_resolve);
    let no_thread_is_resolved = |life: &Life| life.ours().iter().all(|comment| comment.resolved_by.is_none());

    // opened: all of it is looked at
    let step = life.opened();
    step.assert_asked_anew(&[AGAIN, AFTER_FIRST], &["review of 3", "summary"]);
    assert_eq!(
        (step.shown(), life.posted()),
        (vec!["alpha", "beta", "gamma"], vec!["alpha".into(), "beta".into(), "gamma".into()])
    );

    // a push: only what is new is looked at
    let defects = [(10, "alpha"), (60, "delta"), (100, "beta"), (190, "gamma")];
    let event = life.push(new(&defects));
    let step = life.run(&event, &[], 0);
    step.assert_asked(&[LIKES, AGAIN], &["review of 1", "summary again"]);
    assert_eq!(step.shown(), ["delta"]);
    assert!(step.sent_lines() < 80, "{} lines", step.sent_lines());
    let posted = [("alpha", "already_posted"), ("beta", "already_posted"), ("gamma", "already_posted")];
    assert_eq!(step.suppressed(), BTreeMap::from(posted));

    // the same head again
    let step = life.run(&event, &[], 0);
    step.assert_asked(&[LIKES], &[]);
    step.assert_quiet();
    assert_eq!((step.suppressed().len(), step.channel()), (4, "comment"));

    // a rebase onto a base that went on: content decides
    life.repo = life.repo.clone().checkout("main").file("README", "y\n").commit("base goes on");
    life.github().retarget("main");
    let event = life.force(new(&defects));
    let step = life.run(&event, &[], 0);
    step.assert_asked_anew(&[LIKES, AGAIN], &["summary again"]);
    assert!(
        step.sent.is_empty() && step.reviewed.run.stdout.contains("nothing new to review"),
        "{}",
        step.reviewed.run
    );
    assert_eq!(life.state()["head"], life.github().head());
    assert!(no_thread_is_resolved(&life));

    // people: a reply, a resolved thread, a thumb down
    life.github().add_reply(life.comment("alpha").id, "bob", "This is meant to be so.");
    life.github().resolve_by(life.comment("beta").id, "bob");
    life.github().react(life.comment("gamma").id, "bob", "-1");
    let step = life.run(&event, &["--full"], 0);
    assert_eq!(step.shown(), ["alpha", "delta", "beta", "gamma"]);
    let heard =
        [("alpha", "already_posted"), ("beta", "dismissed"), ("gamma", "dismissed"), ("delta", "already_posted")];
    assert_eq!((step.suppressed(), step.words()), (BTreeMap::from(heard), vec!["summary again"]));

    // the code of all goes: the one thread that nobody touched is resolved
    let event = life.push(new(&[]));
    let step = life.run(&event, &[], 0);
    step.assert_asked(&[LIKES, "ListReactions", AGAIN], &["resolve", "summary again"]);
    assert_eq!(life.comment("delta").resolved_by.as_deref(), Some(BOT));
    for (name, by) in [("alpha", None), ("beta", Some("bob")), ("gamma", None)] {
        assert_eq!(life.comment(name).resolved_by.as_deref(), by, "{name}");
    }
    life.run(&event, &[], 0).assert_quiet();

    // and comes back: the thread is opened again, and nothing is posted
    let event = life.push(new(&defects));
    let step = life.run(&event, &[], 0);
    step.assert_asked(&[LIKES, "ListReactions", AGAIN], &["unresolve", "summary again"]);
    assert_eq!(life.comment("delta").resolved_by, None);
    assert_eq!(step.suppressed(), BTreeMap::from(heard));
    life.run(&event, &[], 0).assert_quiet();

    // closed, and opened again
    life.github().close();
    let step = life.run(&Event::Closed, &[], 0);
    assert!(step.reads.is_empty() && step.writes.is_empty(), "{:?}", step.reads);
    // a push to a closed request
    life.run(&event, &[], 0).assert_quiet();
    life.github().reopen();
    life.run(&Event::Reopened, &[], 0).assert_quiet();
    let gate = life.run(&Event::Reopened, &["--fail-on", "major"], 1);
    gate.assert_quiet();
    assert_eq!(gate.reviewed.job().outputs()["conclusion"], "gated");
}

#[test]
fn a_head_that_was_reviewed_in_part_is_not_counted() {
    let repo = branch(|repo| repo.file("src/b.rs", defect("alpha")).file("src/c.rs", "let fine = 1;\n"));
    let mut life = life(&repo);
    let down = || Script::new().always(Answer::error(400, "invalid_request_error", None, "no"));
    life.pull.openai.set_script(Script::new().when_times("defect(", 1, Answer::Refusal("No.".into())).always(model()));
    let chunks = ["--chunk-tokens", "1000"];
    let step = life.run(&Event::Opened, &chunks, 3);
    assert_eq!((step.reviewed.at("/status"), life.state()["complete"].as_bool()), (&json!("incomplete"), Some(false)));
    assert!(life.state()["memory"].is_null());
    assert_eq!(step.reviewed.job().outputs()["conclusion"], "incomplete");
    let step = life.run(&Event::Opened, &chunks, 0);
    assert_eq!((step.shown(), life.posted()), (vec!["alpha"], vec!["alpha".to_owned()]));
    assert_eq!(life.state()["complete"], true);
    life.run(&Event::Opened, &chunks, 0).assert_quiet();

    // the model fails on a push: what was known stays known, what is new stays new
    let event = life.push(|repo| repo.file("src/d.rs", defect("beta")));
    life.pull.openai.set_script(down());
    let step = life.run(&event, &chunks, 3);
    assert_eq!(step.shown(), ["beta"]);
    life.pull.openai.set_script(Script::new().always(model()));
    assert_eq!(life.run(&event, &chunks, 0).shown(), ["beta"]);
}

#[test]
fn what_goes_while_a_review_is_incomplete_is_new_when_it_comes_back() {
    let with = |alpha: bool, other: &str| {
        let text = if alpha { defect("alpha") } else { String::new() };
        let (text, other) = (format!("{text}let fine = 1;\n"), other.to_owned());
        move |repo: Repo| repo.file("src/b.rs", text).file("src/c.rs", other)
    };
    let mut life = life_of(&branch(with(true, "let c = 1;\n")), may_resolve);
    life.opened();
    let event = life.push(with(false, "let refused = 2;\n"));
    let refuse = Script::new().when("let refused", Answer::Refusal("No.".into())).always(model());
    life.pull.openai.set_script(refuse);
    let step = life.run(&event, &["--chunk-tokens", "1000"], 3);
    let has_ended = life.comment("alpha").resolved_by.is_some();
    assert_eq!(step.words().contains(&"resolve"), has_ended);
    life.pull.openai.set_script(Script::new().always(model()));
    let event = life.push(with(true, "let c = 1;\n"));
    let step = life.run(&event, &[], 0);
    assert_eq!(life.comment("alpha").resolved_by, None, "{:?}", step.shown());
    assert_eq!(step.suppressed(), BTreeMap::from([("alpha", "already_posted")]));
}

#[test]
fn an_undelivered_review_is_not_counted() {
    let mut life = life(&three());
    life.github().set_permissions(&[("contents", "read"), ("pull_requests", "read")]);
    let step = life.opened();
    assert_eq!((step.channel(), step.sent.is_empty()), ("annotations", false));
    life.github().set_permissions(&[("contents", "read"), ("pull_requests", "write")]);
    let step = life.opened();
    assert_eq!((step.shown(), step.words()), (vec!["alpha", "beta", "gamma"], vec!["review of 3", "summary"]));
}

#[test]
fn another_model_configuration_or_wish_reviews_all_again() {
    let mut life = life(&three());
    life.opened();
    let all = ["alpha", "beta", "gamma"];
    for args in [["--model", "gpt-4o"].as_slice(), &["--language", "de"], &["--min-severity", "major"], &["--full"]] {
        let step = life.run(&Event::Opened, args, 0);
        assert_eq!((step.shown(), step.words()), (all.to_vec(), vec!["summary again"]), "{args:?}");
    }
    life.run(&Event::Opened, &["--concurrency", "1"], 0);
    life.run(&Event::Opened, &["--concurrency", "2"], 0).assert_quiet();
    // what the team says in its file
    life.repo =
        life.repo.clone().checkout("main").file(".prudence.toml", "instructions = \"Be strict.\"\n").commit("rules");
    life.github().retarget("main");
    let step = life.run(&Event::Opened, &[], 0);
    assert_eq!(step.shown(), all);
    life.run(&Event::Opened, &[], 0).assert_quiet();
}

#[test]
fn a_push_of_a_lock_file_alone_calls_no_model() {
    let lock = |text: &str| {
        let text = text.to_owned();
        move |repo: Repo| repo.file("Cargo.lock", text)
    };
    let mut life = life(&branch(lock("[[package]]\nname = \"a\"\n")));
    let step = life.opened();
    step.assert_asked_anew(&[AGAIN, AFTER_FIRST], &["summary"]);
    assert!(step.sent.is_empty());
    let summary = life.summary().unwrap();
    assert!(summary.contains("nothing to review") && summary.contains("Cargo.lock"), "{summary}");
    life.opened().assert_quiet();

    let event = life.push(|repo| repo.file("src/b.rs", defect("alpha")));
    assert_eq!(life.run(&event, &[], 0).shown(), ["alpha"]);
    let event = life.push(lock("[[package]]\nname = \"b\"\n"));
    let step = life.run(&event, &[], 0);
    step.assert_asked(&[LIKES, AGAIN], &["summary again"]);
    assert!(life.summary().unwrap().contains("nothing new to review"), "{}", life.summary().unwrap());
    assert!(step.sent.is_empty());
}

#[test]
fn a_rename_loses_nothing_and_posts_nothing_twice() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    let event = life.push(|repo| repo.rename("src/new.rs", "src/renamed.rs"));
    let step = life.run(&event, &[], 0);
    assert_eq!(step.words(), ["summary again"], "{:?}", life.posted());
    assert_eq!(step.suppressed().values().collect::<Vec<_>>(), [&"already_posted"; 3]);
    life.run(&event, &[], 0).assert_quiet();
    // and a file of the base
    let event = life.push(|repo| {
        let text = code(60, &[(30, "delta")]);
        repo.file("src/a.rs", text)
    });
    assert_eq!(life.run(&event, &[], 0).words(), ["review of 1", "summary again"]);
    let event = life.push(|repo| repo.rename("src/a.rs", "src/z.rs"));
    assert_eq!(life.run(&event, &[], 0).words(), ["summary again"]);
    life.run(&event, &[], 0).assert_quiet();
    // what is gone there has ended
    let event = life.push(|repo| {
        repo.file("src/z.rs", code(60, &[])).file("src/renamed.rs", code(200, &[(100, "beta"), (190, "gamma")]))
    });
    let step = life.run(&event, &[], 0);
    assert_eq!(step.words(), ["resolve", "summary again"]);
    let ended: Vec<bool> = ["alpha", "beta", "gamma", "delta"].map(|name| life.comment(name).resolved()).to_vec();
    assert_eq!(ended, [true, false, false, true]);
}
