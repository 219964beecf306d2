//! Writes whose answer is lost on the way: they are looked up, and not made twice.

use super::*;

const LOST: [Fault; 3] = [Fault::ApplyThenReset, Fault::ApplyThenHtml502, Fault::ApplyThenHtml200];

#[test]
fn a_review_and_a_summary() {
    for fault in LOST {
        let mut life = life(&three());
        life.github().fault(Route::CreateReview, 1, fault.clone());
        life.github().fault(Route::CreateIssueComment, 1, fault.clone());
        let step = life.opened();
        assert_eq!((step.words(), step.channel()), (vec!["review of 3", "summary"], "review"), "{fault:?}");
        assert_eq!(step.reviewed.at("/delivery/posted"), 3, "{fault:?}");
        life.opened().assert_quiet();
    }
}

#[test]
fn an_edit_of_the_summary_and_the_end_of_a_thread() {
    for fault in [Fault::ApplyThenReset, Fault::ApplyThenHtml502] {
        let mut life = life_of(&three(), may_resolve);
        life.opened();
        let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta")])));
        life.github().fault(Route::EditIssueComment, 1, fault.clone());
        life.github().fault(Route::GraphQl, 3, fault.clone());
        let step = life.run(&event, &[], 0);
        assert_eq!(step.words(), ["resolve", "resolve", "summary again", "summary again"], "{fault:?}");
        assert!(life.comment("gamma").resolved() && step.reviewed.notes().is_empty(), "{}", step.reviewed.notes());
        life.run(&event, &[], 0).assert_quiet();
    }
}

#[test]
fn a_reaction() {
    let mut life = life(&three());
    life.github().fault(Route::CreateReaction, 1, Fault::ApplyThenReset);
    let step = life.run(&Event::Comment("/prudence review".to_owned()), &[], 0);
    assert_eq!(step.words(), ["eyes", "review of 3", "summary"]);
    assert_eq!(life.github().issue_comments()[0].reactions.len(), 1);
}

#[test]
fn a_check_run_and_its_later_parts() {
    for fault in LOST {
        let many: Vec<String> = (0..60).map(|n| format!("slight{n}")).collect();
        let defects: Vec<(usize, &str)> = many.iter().enumerate().map(|(n, name)| (4 * n + 1, name.as_str())).collect();
        let repo = branch(|repo| repo.file("src/new.rs", code(250, &defects)));
        let permissions = [("contents", "read"), ("pull_requests", "write"), ("checks", "write")];
        let mut life = life_of(&repo, |scenario| scenario.permissions(&permissions));
        life.github().fault(Route::CreateCheckRun, 1, fault.clone());
        life.github().fault(Route::EditCheckRun, 1, fault.clone());
        let step = life.run(&Event::Opened, &["--check-run", "--chunk-tokens", "1500"], 0);
        let runs = life.github().check_runs();
        assert_eq!((runs.len(), runs[0].annotations.len()), (1, 60), "{fault:?} {:?}", step.words());
        assert!(step.reviewed.notes().is_empty(), "{}", step.reviewed.notes());
    }
}

#[test]
fn an_unfinished_review_of_a_dead_run_goes() {
    let mut first = life(&three());
    first.opened();
    let body = first.comment("alpha").body;
    for (is_person, is_closed) in [(false, false), (false, true), (true, false)] {
        let mut life = life_of(&three(), |scenario| if is_person { scenario.user("carol") } else { scenario });
        if is_closed {
            life.github().close_graphql(404);
        }
        life.github().add_pending_review("Prudence left many comments", &vec![body.as_str(); 120]);
        let step = life.opened();
        assert_eq!(step.words(), ["review of 3", "discard", "review of 3", "summary"]);
        assert_eq!((life.posted().len(), life.github().reviews().len()), (3, 1));
        life.opened().assert_quiet();
    }
}

#[test]
fn the_draft_of_a_person_stays() {
    let mut life = life_of(&three(), |scenario| scenario.user("carol"));
    life.github().add_pending_review("my draft", &["hm", "and this"]);
    let step = life.opened();
    assert!(!step.words().contains(&"discard"), "{:?}", step.words());
    assert_eq!((life.github().reviews().len(), life.github().review_comments().len()), (1, 2));
    assert_eq!((step.channel(), life.state()["listed"].as_array().map(Vec::len)), ("comment", Some(3)));
}

#[test]
fn a_review_that_is_lost_twice_is_not_listed_besides() {
    let mut life = life(&three());
    life.github().fault(Route::CreateReview, 1, Fault::Html502);
    life.github().fault(Route::CreateReview, 1, Fault::ApplyThenReset);
    let step = life.opened();
    assert_eq!((step.channel(), life.posted().len()), ("review", 3));
    assert!(life.state()["listed"].is_null(), "{}", life.state());
    life.opened().assert_quiet();
}
