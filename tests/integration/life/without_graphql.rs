//! The same life where GraphQL is closed to the token.

use super::*;

#[test]
fn a_request_over_days_without_graphql() {
    for status in [403, 404] {
        let mut life = life_of(&three(), may_resolve);
        life.github().close_graphql(status);
        assert_eq!(life.opened().words(), ["review of 3", "summary"]);
        let step = life.opened();
        step.assert_quiet();
        let notes = step.reviewed.notes();
        assert!(notes.contains("it cannot be seen which threads people have resolved"), "{notes}");

        let defects = [(10, "alpha"), (60, "delta"), (100, "beta"), (190, "gamma")];
        let event = life.push(|repo| repo.file("src/new.rs", code(200, &defects)));
        let step = life.run(&event, &[], 0);
        assert_eq!((step.shown(), step.words()), (vec!["delta"], vec!["review of 1", "summary again"]));

        // what can be seen without it counts
        life.github().add_reply(life.comment("alpha").id, "bob", "This is meant to be so.");
        life.github().react(life.comment("beta").id, "bob", "-1");
        let step = life.run(&event, &["--full"], 0);
        let heard = [
            ("alpha", "already_posted"),
            ("beta", "dismissed"),
            ("gamma", "already_posted"),
            ("delta", "already_posted"),
        ];
        assert_eq!((step.suppressed(), step.words()), (BTreeMap::from(heard), vec!["summary again"]));

        let event = life.push(|repo| repo.file("src/new.rs", code(200, &[])));
        assert_eq!(life.run(&event, &[], 0).words(), ["outdated", "outdated", "summary again"]);
        life.run(&event, &[], 0).assert_quiet();
        let event = life.push(|repo| repo.file("src/new.rs", code(200, &defects)));
        assert_eq!(life.run(&event, &[], 0).words(), ["restored", "restored", "summary again"]);
        life.run(&event, &[], 0).assert_quiet();
    }
}

#[test]
fn graphql_that_closes_and_opens_again_posts_nothing_twice() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    life.github().resolve_by(life.comment("beta").id, "bob");
    life.github().close_graphql(403);
    let step = life.run(&Event::Opened, &["--full"], 0);
    assert_eq!(step.suppressed().into_values().collect::<Vec<_>>(), ["already_posted"; 3]);
    life.github().heal();
    let step = life.run(&Event::Opened, &["--full"], 0);
    assert_eq!(step.suppressed()["beta"], "dismissed");
    assert_eq!(life.posted().len(), 3);
}
