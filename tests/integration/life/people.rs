//! What people say of a finding, and who counts.

use super::*;

/// What a full review says of the finding `alpha`, after `said` was done to it.
#[track_caller]
fn check(what: &str, expected: &str, said: impl FnOnce(&GitHub, u64)) {
    let repo = branch(|repo| repo.file("src/b.rs", defect("alpha")));
    let mut life = life_of(&repo, |scenario| scenario.collaborator("carol", "write").collaborator("dave", "triage"));
    life.opened();
    said(life.github(), life.comment("alpha").id);
    let step = life.run(&Event::Opened, &["--full"], 0);
    assert_eq!(step.suppressed(), BTreeMap::from([("alpha", expected)]), "{what}");
    assert_eq!(life.posted(), ["alpha"], "{what}");
    life.run(&Event::Opened, &[], 0).assert_quiet();
}

#[test]
fn a_person_dismisses_and_a_program_does_not() {
    check("nobody", "already_posted", |_, _| {});
    check("resolved", "dismissed", |github, id| github.resolve_by(id, "bob"));
    check("resolved by one who is gone", "dismissed", |github, id| github.resolve_by(id, "ghost"));
    check("resolved by another bot", "dismissed", |github, id| github.resolve_by(id, "other[bot]"));
    check("resolved and opened again", "already_posted", |github, id| {
        github.resolve_by(id, "bob");
        github.unresolve(id);
    });
    check("a thumb down", "dismissed", |github, id| github.react(id, "bob", "-1"));
    check("a thumb down of one who is gone", "dismissed", |github, id| github.react(id, "ghost", "-1"));
    check("a bot's thumb down", "already_posted", |github, id| github.react(id, "other[bot]", "-1"));
    check("a thumb up", "already_posted", |github, id| github.react(id, "bob", "+1"));
}

#[test]
fn an_order_to_ignore_takes_write_access() {
    let reply = |author: &'static str, text: &'static str| {
        move |github: &GitHub, id: u64| {
            github.add_reply(id, author, text);
        }
    };
    check("a writer", "dismissed", reply("carol", "/prudence ignore"));
    check("the author, who has pushed", "dismissed", reply("alice", "/prudence ignore\nIt is a test."));
    check("a reader", "already_posted", reply("bob", "/prudence ignore"));
    check("a triager", "already_posted", reply("dave", "/prudence ignore"));
    check("one who is gone", "already_posted", reply("ghost", "/prudence ignore"));
    check("a bot", "already_posted", reply("other[bot]", "/prudence ignore"));
    check("other words", "already_posted", reply("carol", "please /prudence ignore"));
}

#[test]
fn a_stranger_cannot_stop_a_review() {
    let mut life = life(&three());
    life.opened();
    life.github().add_reply(life.comment("alpha").id, "bob", "/prudence ignore");
    life.github().fault_always(Route::GetPermission, Fault::Status(403, json!({"message": "Must have push access."})));
    let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
    let step = life.run(&event, &[], 0);
    assert_eq!((step.shown(), step.words()), (vec!["delta"], vec!["review of 1", "summary again"]));
    assert!(step.reviewed.notes().contains("what `bob` dismissed counts for nothing"), "{}", step.reviewed.notes());
}

#[test]
fn comments_of_people_who_are_gone_disturb_nothing() {
    let mut life = life_of(&three(), |scenario| may_resolve(scenario).author("ghost"));
    life.github().add_issue_comment("ghost", &format!("bye {SUMMARY_MARK}"));
    let on_line = json!({"path": "src/new.rs", "line": 3, "body": "hm"});
    life.github().add_review("ghost", "COMMENT", "x", &[on_line]);
    life.opened();
    life.github().add_reply(life.comment("alpha").id, "ghost", "no");
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
    let step = life.run(&event, &[], 0);
    assert_eq!(step.words(), ["resolve", "summary again"]);
    let resolved = ["alpha", "beta", "gamma"].map(|name| life.comment(name).resolved());
    assert_eq!(resolved, [false, true, true]);
}

#[test]
fn who_may_not_write_does_not_lift_the_gate() {
    let gate = ["--fail-on", "major"];
    let check = |what: &str, code: i32, said: &dyn Fn(&GitHub, u64)| {
        let repo = branch(|repo| repo.file("src/b.rs", defect("alpha")));
        let mut life = life_of(&repo, |scenario| scenario.collaborator("carol", "write"));
        life.run(&Event::Opened, &gate, 1);
        said(life.github(), life.comment("alpha").id);
        let step = life.run(&Event::Opened, &gate, code);
        assert!(step.reads.contains(&"GetPermission".to_owned()), "{what}: {:?}", step.reads);
        let step = life.run(&Event::Opened, &[&gate[..], &["--full"]].concat(), code);
        // nothing is said again, also where it counts
        assert_eq!(step.suppressed(), BTreeMap::from([("alpha", "dismissed")]), "{what}");
    };
    check("a reader resolves", 1, &|github, id| github.resolve_by(id, "bob"));
    check("a writer resolves", 0, &|github, id| github.resolve_by(id, "carol"));
    check("a reader's thumb", 1, &|github, id| github.react(id, "bob", "-1"));
    check("a writer's thumb", 0, &|github, id| github.react(id, "carol", "-1"));
}
