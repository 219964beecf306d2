//! Two runs on one request at the same time: the second one begins while the model answers the first.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::support::openai::OpenAi;
use crate::support::program::Run;

/// A run that another one meets: `meanwhile` happens when the model is asked for the first time.
fn met_by(life: &Life, meanwhile: impl FnOnce() + Send + 'static) -> Run {
    let meanwhile = Mutex::new(Some(meanwhile));
    let plain = model();
    let Answer::With(find) = plain else { panic!("the model makes its answers") };
    let openai = OpenAi::start(Script::new().always(Answer::with(move |request| {
        if let Some(meanwhile) = meanwhile.lock().expect("nobody panics with it").take() {
            meanwhile();
        }
        find(request)
    })));
    let job = Actions::new(life.github(), &Event::Opened);
    Prudence::new().args(["review", "--effort", "low"]).openai(&openai).actions(&job).run()
}

/// A whole run on the request, with a model of its own.
fn other_run(github: &Arc<GitHub>) -> impl FnOnce() + Send + 'static {
    let github = Arc::clone(github);
    move || {
        let openai = OpenAi::start(Script::new().always(model()));
        let job = Actions::new(&github, &Event::Opened);
        Prudence::new().args(["review", "--effort", "low"]).openai(&openai).actions(&job).run().expect_code(0);
    }
}

#[test]
fn what_another_run_has_posted_is_not_posted_again() {
    let mut life = life(&three());
    let run = met_by(&life, other_run(&life.pull.github)).expect_code(0);
    assert_eq!((life.posted().len(), life.github().reviews().len()), (3, 1), "{run}");
    life.check_posts();
    let spent = life.state()["cost_usd"].as_f64().expect("dollars");
    assert!(run.stdout.contains("3 of them posted before"), "{run}");
    // a model of another address is another one
    let step = life.opened();
    assert_eq!(step.words(), ["summary again"]);
    let total = step.reviewed.at("/cost/total_usd").as_f64().expect("dollars");
    let last = step.reviewed.at("/cost/usd").as_f64().expect("dollars");
    // the last one was told what the others had said
    assert!(
        (total - last - spent).abs() < 1e-9 && (spent - 2.0 * last).abs() < 0.1 * last,
        "each run is in the bill: {spent} {last}"
    );
}

#[test]
fn a_run_that_a_push_overtook_leaves_the_newer_summary() {
    let mut life = life(&three());
    let head = life.repo.clone().file("src/later.rs", code(40, &[(20, "delta")])).commit("more");
    let github = Arc::clone(&life.pull.github);
    let whole = other_run(&life.pull.github);
    let sha = head.sha("HEAD");
    let run = met_by(&life, move || {
        github.push(&sha);
        whole();
    });
    life.repo = head;
    let run = run.expect_code(0);
    assert!(run.stdout.contains("the head moved"), "{run}");
    let state = life.state();
    assert_eq!((&state["head"], &state["complete"]), (&json!(life.github().head()), &json!(true)));
    assert_eq!(life.posted().len(), 4, "{run}");
    assert!(life.summary().expect("a summary").contains("4 findings"), "{run}");
    assert_eq!(life.opened().words(), ["summary again"], "nothing is posted again");
}

#[test]
fn what_stands_twice_is_taken_away_and_the_earlier_one_stays() {
    let mut life = life(&three());
    life.opened();
    let (first, summary) = (life.comment("beta"), life.summary().expect("a summary"));
    let double = json!({"path": first.path, "line": first.lines().1, "side": "RIGHT", "body": first.body});
    life.github().add_review(BOT, "COMMENT", "", &[double]);
    life.github().add_issue_comment(BOT, &summary);
    let step = life.opened();
    assert_eq!(step.words(), ["comment removed", "summary removed", "summary again"], "{}", step.reviewed.run);
    assert_eq!(life.comment("beta").id, first.id);
    life.opened().assert_quiet();
}

#[test]
fn a_double_that_a_person_answered_stays() {
    let mut life = life(&three());
    life.opened();
    let first = life.comment("beta");
    let double = json!({"path": first.path, "line": first.lines().1, "side": "RIGHT", "body": first.body});
    let (_, ids) = life.github().add_review(BOT, "COMMENT", "", &[double]);
    life.github().add_reply(ids[0], "carol", "I am on it.");
    let job = Actions::new(life.github(), &Event::Opened);
    life.pull.end(life.pull.step(&job), 0);
    assert!(life.github().review_comments().iter().any(|comment| comment.id == ids[0]));
    assert!(life.github().requests_to(Route::DeleteReviewComment).is_empty());
}

#[test]
fn a_command_that_comes_while_a_review_is_posted_holds() {
    let mut life = life(&three());
    life.opened();
    let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
    // the host makes the run wait, and the order is carried out in the meantime
    life.github().fault(Route::CreateReview, 1, Fault::SecondaryLimit(Some(3)));
    let github = Arc::clone(&life.pull.github);
    let orders = std::thread::spawn(move || {
        while !github
            .requests()
            .iter()
            .any(|request| request.method == "POST" && request.body.to_string().contains("delta"))
        {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let job = Actions::new(&github, &Event::Comment("/prudence pause".to_owned()));
        Prudence::new().arg("review").actions(&job).run().expect_code(0);
    });
    let job = Actions::new(life.github(), &event);
    life.pull.end(life.pull.step(&job), 0);
    orders.join().expect("the order is carried out");
    assert_eq!(life.state()["paused"], true);
    assert!(life.summary().expect("a summary").contains("Paused"));
    assert_eq!(life.posted().len(), 4);
}
