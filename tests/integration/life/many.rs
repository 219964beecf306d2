//! Requests with more of everything.

use super::*;

/// A new file with so many defects, and who they are: every tenth is grave, every third slight.
fn crowd(count: usize) -> (Repo, Vec<String>) {
    let name = |n: usize| match n {
        n if n % 10 == 0 => format!("grave{n}"),
        n if n % 3 == 0 => format!("slight{n}"),
        n => format!("plain{n}"),
    };
    let names: Vec<String> = (0..count).map(name).collect();
    let defects: Vec<(usize, &str)> = names.iter().enumerate().map(|(n, name)| (4 * n + 1, name.as_str())).collect();
    (branch(|repo| repo.file("src/new.rs", code(4 * count + 4, &defects))), names)
}

const CHUNKS: [&str; 2] = ["--chunk-tokens", "1500"];

#[test]
fn two_hundred_findings_on_their_lines() {
    let (repo, names) = crowd(200);
    let mut life = life_of(&repo, may_resolve);
    let args = [CHUNKS.as_slice(), &["--max-comments", "200"]].concat();
    let step = life.run(&Event::Opened, &args, 0);
    assert_eq!((step.words(), life.posted().len()), (vec!["review of 200", "summary"], names.len()));
    assert_eq!(life.state()["fingerprints"].as_array().map(Vec::len), Some(200));
    let step = life.run(&Event::Opened, &args, 0);
    step.assert_quiet();
    assert_eq!(step.reads.iter().filter(|read| *read == "GraphQl").count(), 2, "two pages of threads");
    let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
    let step = life.run(&event, &args, 0);
    // worse than some that stand there, so that the limit does not hide it
    assert_eq!((step.shown(), step.words()), (vec!["delta"], vec!["review of 1", "summary again"]));
    let event = life.push(|repo| repo.remove("src/new.rs"));
    let step = life.run(&event, &args, 0);
    assert_eq!(step.words(), ["resolve", "resolve", "resolve", "resolve", "summary again"], "fifty at a time");
    assert_eq!(life.ours().iter().filter(|comment| comment.resolved()).count(), 200);
}

#[test]
fn two_hundred_findings_of_which_ten_are_on_their_lines() {
    let (repo, _) = crowd(200);
    let mut life = life(&repo);
    let step = life.run(&Event::Opened, &CHUNKS, 0);
    assert_eq!((step.words(), life.posted().len()), (vec!["review of 10", "summary"], 10));
    assert!(life.posted().iter().all(|name| name.starts_with("grave")), "{:?}", life.posted());
    assert_eq!(life.state()["listed"].as_array().map(Vec::len), Some(190));
    life.run(&Event::Opened, &CHUNKS, 0).assert_quiet();
    let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
    let step = life.run(&event, &CHUNKS, 0);
    assert_eq!((step.shown(), step.words()), (vec!["delta"], vec!["summary again"]));
    assert_eq!(life.state()["listed"].as_array().map(Vec::len), Some(191));
    life.run(&event, &CHUNKS, 0).assert_quiet();
    // with more room, more of them go to their lines, and none twice
    let more = [CHUNKS.as_slice(), &["--max-comments", "15"]].concat();
    let step = life.run(&event, &more, 0);
    assert_eq!((step.words(), life.posted().len()), (vec!["review of 5", "summary again"], 15));
    life.run(&event, &more, 0).assert_quiet();
}

/// The same model with much to say, and with Markdown in it that is left open.
fn wordy() -> Answer {
    let Answer::With(make) = model() else { unreachable!("the model looks at the request") };
    Answer::with(move |request| {
        let mut answer = make(request);
        for finding in answer["findings"].as_array_mut().into_iter().flatten() {
            let why = "It is wrong for a reason. ".repeat(8);
            finding["body"] = json!(format!("{why}\n\n<details><summary>more</summary>\n\n```\nlet x = 1;\n{why}"));
        }
        answer
    })
}

#[test]
fn a_summary_of_two_hundred_findings_keeps_its_markdown_and_its_state() {
    let (repo, _) = crowd(200);
    let given = [("contents", "read"), ("pull_requests", "read"), ("issues", "write")];
    let mut life = life_of(&repo, |scenario| scenario.permissions(&given));
    life.pull.openai.set_script(Script::new().always(wordy()));
    let args = [CHUNKS.as_slice(), &["--max-comments", "200"]].concat();
    let step = life.run(&Event::Opened, &args, 0);
    assert_eq!((step.channel(), life.state()["listed"].as_array().map(Vec::len)), ("comment", Some(200)));
    let summary = life.summary().unwrap();
    assert!(summary.len() > 40_000 && summary.contains("did not fit"), "{}", summary.len());
    life.run(&Event::Opened, &args, 0).assert_quiet();
}

#[test]
fn a_summary_behind_two_pages_of_talk_is_found() {
    for closed in [false, true] {
        let mut life = life(&three());
        if closed {
            life.github().close_graphql(403);
        }
        life.github().add_issue_comments("bob", (0..250).map(|n| format!("comment {n}")));
        assert_eq!(life.opened().words(), ["review of 3", "summary"]);
        life.github().add_issue_comments("bob", (0..20).map(|n| format!("more {n}")));
        let step = life.opened();
        step.assert_quiet();
        let pages = if closed { "ListIssueComments" } else { "GraphQl" };
        assert_eq!(step.reads.iter().filter(|read| *read == pages).count(), 3, "{:?}", step.reads);
        let event = life.push(|repo| repo.file("src/b.rs", defect("delta")));
        assert_eq!(life.run(&event, &[], 0).words(), ["review of 1", "summary again"]);
    }
}

#[test]
fn what_waited_for_a_place_is_held_to_what_is_wanted_now() {
    let names: Vec<String> = (0..12).map(|n| format!("slight{n}")).collect();
    let defects: Vec<(usize, &str)> = names.iter().enumerate().map(|(n, name)| (4 * n + 1, name.as_str())).collect();
    let mut life = life(&branch(|repo| repo.file("src/new.rs", code(60, &defects))));
    assert_eq!(life.run(&Event::Opened, &["--max-comments", "5"], 0).words(), ["review of 5", "summary"]);
    let job = Actions::new(life.github(), &Event::Opened);
    let program = life.pull.step(&job);
    life.pull.end(program.args(["--max-comments", "20", "--min-severity", "critical"]), 0);
    assert_eq!(life.posted().len(), 5);
}
