//! Writes whose answer is lost, hosts in trouble and hosts at their limit: the request ends as one undisturbed run leaves
//! it, and nothing is posted twice.

use super::*;

const FAULTS: [Fault; 6] = [
    Fault::ApplyThenReset,
    Fault::ApplyThenHtml502,
    Fault::ApplyThenHtml200,
    Fault::Reset,
    Fault::Html502,
    Fault::Html200,
];

/// A life that has come so far, and whose next run is disturbed.
fn undisturbed(prepare: &dyn Fn() -> Life) -> Vec<String> {
    let mut life = prepare();
    life.run();
    life.standing()
}

/// Each of these requests goes wrong once in every way, and the run ends as one without trouble.
#[track_caller]
fn check(prepare: &dyn Fn() -> Life, strikes: &[(Route, usize)]) {
    let expected = undisturbed(prepare);
    for (route, nth) in strikes {
        for fault in FAULTS {
            let mut life = prepare();
            life.gitlab().fault(*route, *nth, fault.clone());
            let step = life.run();
            let told = format!("{route:?} {nth} {fault:?}: {:?}\n{}", step.words(), step.reviewed.run);
            assert_eq!(life.standing(), expected, "{told}");
            life.run().assert_quiet();
        }
    }
}

#[test]
fn a_first_review_with_a_lost_answer() {
    let strikes = [(Route::CreateDraft, 1), (Route::CreateDraft, 3), (Route::PublishDrafts, 1), (Route::CreateNote, 1)];
    check(&|| life(&three()), &strikes);
}

#[test]
fn a_first_review_with_a_read_that_fails() {
    let strikes =
        [(Route::ListDrafts, 1), (Route::ListDiscussions, 2), (Route::ListDiscussions, 3), (Route::ListVersions, 2)];
    let expected = undisturbed(&|| life(&three()));
    for (route, nth) in strikes {
        for fault in [Fault::Reset, Fault::Html502, Fault::Truncated] {
            let mut life = life(&three());
            life.gitlab().fault(route, nth, fault.clone());
            let step = life.run();
            assert_eq!(life.standing(), expected, "{route:?} {nth} {fault:?}: {}", step.reviewed.run);
            life.run().assert_quiet();
        }
    }
}

#[test]
fn a_later_review_with_a_lost_answer() {
    let prepare = || {
        let mut life = life(&three());
        life.run();
        life.push(new(&[(10, "alpha"), (60, "delta"), (100, "beta")]));
        life
    };
    check(&prepare, &[(Route::CreateDiscussion, 1), (Route::ResolveDiscussion, 1), (Route::EditNote, 1)]);
}

#[test]
fn a_publication_that_fails_for_good_leaves_single_comments() {
    for fault in [Fault::Status(500, json!({"message": "500 Internal Server Error"})), Fault::Html502, Fault::Html200] {
        let mut life = life(&three());
        life.gitlab().fault_always(Route::PublishDrafts, fault.clone());
        let step = life.run();
        assert_eq!((life.posted().len(), step.channel()), (3, "review"), "{fault:?}: {:?}", step.words());
        life.run().assert_quiet();
    }
}

#[test]
fn a_draft_that_is_lost_twice_is_posted_once() {
    for second in [Fault::ApplyThenReset, Fault::Reset] {
        let mut life = life(&three());
        life.gitlab().fault(Route::CreateDraft, 2, Fault::Reset);
        life.gitlab().fault(Route::CreateDraft, 3, second);
        // and the looks at what became of it fail as well
        life.gitlab().fault(Route::ListDrafts, 3, Fault::Status(404, json!({"error": "404 Not Found"})));
        let step = life.run();
        assert_eq!((life.posted().len(), step.channel()), (3, "review"), "{:?}", step.words());
        life.run().assert_quiet();
    }
}

#[test]
fn a_comment_that_is_lost_twice_is_not_listed_besides() {
    let mut life = life(&branch(|repo| repo.file("src/b.rs", defect("alpha"))));
    life.gitlab().fault(Route::CreateDiscussion, 1, Fault::Html502);
    life.gitlab().fault(Route::CreateDiscussion, 1, Fault::ApplyThenReset);
    let step = life.run();
    assert_eq!((step.channel(), life.posted().len()), ("review", 1));
    assert!(life.state()["listed"].is_null(), "{}", life.state());
    life.run().assert_quiet();
}

#[test]
fn hosts_without_drafts_get_single_comments() {
    let mut life = life(&three());
    life.gitlab().without_drafts();
    let step = life.run();
    step.assert_asked(&[STEERING, AGAIN, BEFORE_COMMENTS, AFTER_FIRST], &["comment", "comment", "comment", "summary"]);
    life.run().assert_quiet();
}

#[test]
fn drafts_that_a_host_drops_in_silence_are_posted_another_way_or_told() {
    // the host has no place for two of three, whatever way they come
    for unchecked in [false, true] {
        let mut life = life_of(&three(), |scenario| scenario.quirks(|quirks| quirks.drafts_unchecked = unchecked));
        let words = "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}";
        let refusal = Fault::Status(400, json!({"message": words}));
        if unchecked {
            // taken, and lost when they are published
            life.gitlab().fault(Route::PublishDrafts, 1, Fault::Status(204, Value::Null));
        } else {
            life.gitlab().fault(Route::CreateDraft, 2, refusal.clone());
        }
        life.gitlab().fault(Route::CreateDiscussion, 2, refusal);
        let step = life.run();
        assert_eq!((life.posted(), step.channel()), (vec!["alpha".to_owned(), "gamma".to_owned()], "review"));
        let notes = step.reviewed.notes();
        assert!(notes.contains("src/new.rs:102") && notes.contains("must be a valid line code"), "{notes}");
        assert!(life.summary().expect("a summary").contains("beta"));
        life.run().assert_quiet();
    }
}

#[test]
fn one_bad_line_among_five_stops_no_other() {
    for new_ruby in [false, true] {
        let names = ["one", "two", "three", "four", "five"];
        let defects: Vec<(usize, &str)> = names.iter().enumerate().map(|(n, name)| (20 * n + 10, *name)).collect();
        let mut life = life_of(&branch(new(&defects)), |scenario| scenario.quirks(|quirks| quirks.new_ruby = new_ruby));
        let text = if new_ruby { "line_code: [\"can't be blank\"]" } else { ":line_code=>[\"can't be blank\"]" };
        let refusal = json!({"message": format!("400 Bad request - Note {{{text}}}")});
        life.gitlab().fault(Route::CreateDraft, 3, Fault::Status(400, refusal));
        let step = life.run();
        assert_eq!(
            (life.posted(), life.gitlab().notifications()),
            (["one", "two", "four", "five"].map(str::to_owned).to_vec(), 2)
        );
        assert!(step.reviewed.notes().contains("can't be blank"), "{}", step.reviewed.notes());
        assert!(life.summary().expect("a summary").contains("three"));
        life.run().assert_quiet();
    }
}

#[test]
fn a_limit_is_waited_for_where_that_is_short() {
    for route in [Route::CreateDraft, Route::PublishDrafts, Route::CreateNote, Route::GetMerge, Route::ListDiffs] {
        let mut life = life(&three());
        life.gitlab().fault(route, 1, Fault::RetryLater(1));
        let step = life.run();
        assert_eq!((step.channel(), life.posted().len()), ("review", 3), "{route:?}");
        life.run().assert_quiet();
    }
}

#[test]
fn a_limit_that_lasts_is_not_waited_for_beyond_the_deadline() {
    let started = std::time::Instant::now();
    for fault in [Fault::TooManyRequests, Fault::RetryLater(300)] {
        let mut life = life(&three());
        for route in [Route::CreateDraft, Route::CreateDiscussion] {
            life.gitlab().fault_always(route, fault.clone());
        }
        let step = life.run_with(&["--deadline", "3"], 0);
        assert_eq!((step.channel(), life.posted().len()), ("comment", 0), "{:?}", step.words());
        assert!(step.reviewed.notes().contains("rate limit"), "{}", step.reviewed.notes());
        assert_eq!(life.state()["listed"].as_array().map(Vec::len), Some(3));
        // they only wait for a better day
        life.gitlab().heal();
        life.run();
        assert_eq!(life.posted().len(), 3);
        life.run().assert_quiet();
    }
    assert!(started.elapsed().as_secs() < 50, "nobody waits a minute");
}

#[test]
fn a_limit_on_notes_leaves_the_rest_in_the_summary() {
    let mut life = life_of(&three(), |scenario| scenario.limits(|limits| limits.notes_per_minute = 2));
    life.gitlab().without_drafts();
    let step = life.run_with(&["--deadline", "3"], 0);
    assert_eq!(life.posted().len(), 2, "{:?}", step.words());
    assert_eq!(step.channel(), "review");
    assert!(
        step.reviewed.run.stdout.contains("gamma") && step.reviewed.notes().contains("rate limit"),
        "{}",
        step.reviewed.run
    );
    life.gitlab().change(|scenario| scenario.limits.notes_per_minute = 60);
    life.run();
    assert_eq!(life.posted().len(), 3);
    life.run().assert_quiet();
}

#[test]
fn a_request_that_cannot_be_read_is_an_error_with_a_remedy() {
    for (fault, parts) in [
        (Fault::Html502, ["502", "hint: try again later"]),
        (Fault::Status(401, json!({"message": "401 Unauthorized"})), ["(401", "`GITLAB_TOKEN`"]),
        (
            Fault::Status(404, json!({"message": "404 Project Not Found"})),
            ["404 Project Not Found", "hint: check the name"],
        ),
        (Fault::Html200, ["no JSON", "GitLab"]),
    ] {
        let life = life(&three());
        life.gitlab().fault_always(Route::GetMerge, fault.clone());
        let run = life.merge.step(&life.job()).run().expect_code(2);
        assert!(parts.iter().all(|part| run.stderr.contains(part)), "{fault:?}: {run}");
        assert!(life.gitlab().writes().is_empty());
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_told_and_the_comments_stay() {
    let mut life = life(&three());
    life.gitlab().fault_always(Route::CreateNote, Fault::Html502);
    let step = life.run();
    assert_eq!((step.channel(), life.posted().len()), ("review", 3));
    assert!(step.reviewed.notes().contains("no summary comment"), "{}", step.reviewed.notes());
    life.gitlab().heal();
    life.run();
    assert!(life.summary().is_some());
    life.run().assert_quiet();
}
