//! Commands by comment, and events that are none.

use super::*;

impl Life {
    #[track_caller]
    fn says(&mut self, author: &str, body: &str) -> Step {
        self.run(&Event::CommentBy { author: author.to_owned(), body: body.to_owned() }, &[], 0)
    }
}

pub const WRITER: &str = "member";

#[test]
fn a_review_is_made_also_where_no_event_would() {
    let reviewed = ["eyes", "review of 3", "summary"];
    let unwanted: [fn(Scenario) -> Scenario; 4] = [
        Scenario::draft,
        |scenario| scenario.labels(&["no-review"]),
        |scenario| scenario.title("x [skip review]"),
        |scenario| scenario.author("renovate[bot]"),
    ];
    for change in unwanted {
        let mut life = life_of(&three(), change);
        let step = life.opened();
        step.assert_quiet();
        assert_eq!(step.reviewed.job().outputs()["conclusion"], "skipped");
        let step = life.says(WRITER, "/prudence review");
        step.assert_asked_anew(&["GetPermission", AGAIN, AFTER_FIRST], &reviewed);
        assert_eq!(life.says(WRITER, "/prudence review").words(), ["eyes"], "nothing is new");
        assert_eq!(life.says(WRITER, "/prudence full").shown(), ["alpha", "beta", "gamma"]);
    }
}

#[test]
fn who_may_not_write_is_not_heard() {
    let mut life = life_of(&three(), |scenario| scenario.collaborator("dave", "triage").collaborator("eve", "none"));
    for author in ["bob", "dave", "eve", "ghost"] {
        for order in ["review", "full", "pause", "resume", "ignore", "help", "dance"] {
            let step = life.says(author, &format!("/prudence {order}"));
            step.assert_quiet();
            let asked = if author == "ghost" { vec![] } else { vec!["GetPermission".to_owned()] };
            assert!(step.reads == asked || step.reads == ["GetPermission"], "{author} {order}: {:?}", step.reads);
        }
    }
}

#[test]
fn programs_are_not_answered_and_neither_is_talk() {
    let mut life = life(&three());
    for (author, body) in [
        ("other[bot]", "/prudence review"),
        (BOT, "/prudence review"),
        (WRITER, "looks good"),
        (WRITER, "please /prudence review"),
        (WRITER, "> /prudence review"),
        (WRITER, "/prudence review <!-- prudence:help v1 -->"),
    ] {
        let step = life.says(author, body);
        step.assert_quiet();
        assert!(step.reads.is_empty(), "{author} {body}: {:?}", step.reads);
    }
}

#[test]
fn words_that_are_no_command_are_marked_so() {
    let mut life = life(&three());
    for words in ["review --model gpt-5", "review all", "approve", "--max-cost 100"] {
        let step = life.says(WRITER, &format!("/prudence {words}"));
        assert_eq!((step.words(), step.reads.join(" ").as_str()), (vec!["confused"], "GetPermission"), "{words}");
        assert!(step.sent.is_empty());
    }
}

#[test]
fn a_paused_request_is_left_alone_until_somebody_resumes() {
    let mut life = life(&three());
    assert_eq!(life.says(WRITER, "/prudence pause").words(), ["eyes", "summary"]);
    assert!(life.summary().unwrap().contains("Paused"));
    let step = life.opened();
    step.assert_quiet();
    assert!(step.reviewed.run.stderr.contains("paused"), "{}", step.reviewed.run);
    // by hand it is reviewed, and stays paused
    assert_eq!(life.says(WRITER, "/prudence review").words(), ["eyes", "review of 3", "summary again"]);
    assert_eq!((life.state()["paused"].as_bool(), life.summary().unwrap().contains("Paused")), (Some(true), true));
    life.opened().assert_quiet();
    assert_eq!(life.says(WRITER, "/prudence pause").words(), ["eyes"], "it is paused already");
    // resumed it is reviewed
    let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
    life.run(&event, &[], 0).assert_quiet();
    let step = life.says(WRITER, "/prudence resume");
    assert_eq!((step.words(), step.shown()), (vec!["eyes", "review of 1", "summary again"], vec!["delta"]));
    assert!(life.state()["paused"].is_null() && !life.summary().unwrap().contains("Paused"));
    let event = life.push(|repo| repo.file("src/c.rs", defect("epsilon")));
    assert_eq!(life.run(&event, &[], 0).shown(), ["epsilon"]);
}

#[test]
fn all_that_stands_is_dismissed_at_once() {
    let mut life = life(&three());
    life.run(&Event::Opened, &["--max-comments", "2"], 0);
    assert_eq!(life.says(WRITER, "/prudence ignore").words(), ["eyes", "summary again"]);
    let step = life.run(&Event::Opened, &["--full", "--fail-on", "minor"], 0);
    assert_eq!(step.suppressed().into_values().collect::<Vec<_>>(), ["dismissed"; 3]);
    assert_eq!(life.posted().len(), 2);
    let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
    assert_eq!(life.run(&event, &["--fail-on", "minor"], 1).words(), ["review of 1", "summary again"]);
}

#[test]
fn what_has_ended_is_not_dismissed_with_the_rest() {
    let mut life = life_of(&three(), may_resolve);
    life.opened();
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(100, "beta"), (190, "gamma")])));
    assert_eq!(life.run(&event, &[], 0).words(), ["resolve", "summary again"]);
    life.says(WRITER, "/prudence ignore");
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")])));
    let step = life.run(&event, &["--fail-on", "major"], 1);
    assert_eq!(step.words(), ["unresolve", "summary again"]);
}

#[test]
fn a_command_fits_into_a_summary_that_is_full() {
    let names: Vec<String> = (0..300).map(|n| format!("plain{n}{}", "x".repeat(60))).collect();
    let defects: Vec<(usize, &str)> = names.iter().enumerate().map(|(n, name)| (4 * n + 1, name.as_str())).collect();
    let repo = branch(|repo| repo.file("src/new.rs", code(1204, &defects)));
    let life = life(&repo);
    life.github().fault_always(Route::CreateReview, Fault::Status(422, json!({"message": "No."})));
    let job = Actions::new(life.github(), &Event::Opened);
    let program = life.pull.step(&job);
    let reviewed = life.pull.end(program.args(["--chunk-tokens", "6000", "--max-comments", "300"]), 0);
    assert_eq!(reviewed.at("/delivery/channel"), "comment");
    life.github().heal();
    assert!(life.summary().unwrap().chars().count() > 40_000);
    let job = Actions::new(life.github(), &Event::Comment("/prudence ignore".to_owned()));
    life.pull.end(life.pull.step(&job), 0);
    check_whole(&life.summary().unwrap());
    // what the state has no room for is found again, and can be dismissed then
    let dismissed = life.state()["dismissed"].as_array().map_or(0, Vec::len);
    assert!(dismissed > 100, "{dismissed}");
}

#[test]
fn the_commands_are_listed_once() {
    let mut life = life(&three());
    assert_eq!(life.says(WRITER, "/prudence help").words(), ["eyes", "comment"]);
    assert_eq!(life.says(WRITER, "/prudence").words(), ["eyes"]);
    life.github().close_graphql(403);
    assert_eq!(life.says(WRITER, "/prudence help").words(), ["eyes"]);
    let notes = life.github().issue_comments();
    let lists = notes.iter().filter(|note| note.author == BOT).map(|note| note.body.matches("| `/prudence ").count());
    assert_eq!(lists.collect::<Vec<_>>(), [6]);
}

#[test]
fn events_of_every_kind() {
    let reviewed = ["review of 3", "summary"];
    let check = |event: &Event, writes: &[&str]| {
        let mut life = life(&three());
        let step = life.run(event, &[], 0);
        assert_eq!(step.words(), writes, "{event:?}");
        assert_eq!(step.sent.is_empty(), writes.is_empty(), "{event:?}");
    };
    check(&Event::Target, &reviewed);
    check(&Event::ReadyForReview, &reviewed);
    check(&Event::Reopened, &reviewed);
    check(&Event::Dispatch(7), &reviewed);
    check(&Event::MergeGroup, &[]);
    check(&Event::Closed, &[]);
}
