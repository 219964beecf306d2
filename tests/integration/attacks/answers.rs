//! What the model says, influenced by whoever wrote the change: in comments, summaries and logs.

use serde_json::json;

use super::corpus::{self, Attack};
use super::judge::Expected;
use super::{Judged, fence, part, suggestion};
use crate::support::github::{self, Fault, Route};
use crate::support::gitlab;
use crate::support::merge::Merge;
use crate::support::openai::{Answer, Script, finding};
use crate::support::pull::Pull;
use crate::support::repo::Repo;
use crate::support::server::Request;

/// Lines from one attacked line to the next, so that no two findings are taken for one.
const APART: usize = 4;

/// A line for each attack, and lines between them.
pub fn lines(attacks: &[Attack]) -> String {
    let lines = |n: usize| {
        (0..APART).map(move |k| {
            if k == 0 { format!("let case_{n} = attacked({n});\n") } else { format!("let rest_{n}_{k} = {k};\n") }
        })
    };
    (0..attacks.len()).flat_map(lines).collect()
}

/// A change with a line for each attack.
pub fn repo(attacks: &[Attack]) -> Repo {
    let base = Repo::new().file("README", "x\n").commit("base");
    base.branch("feature").file("src/attacked.rs", lines(attacks)).commit("change")
}

/// A model that says of each attacked line what its attack is, in all that it says.
pub fn model(attacks: &[Attack]) -> Answer {
    let attacks = attacks.to_vec();
    Answer::with(move |request: &Request| {
        let fence = fence(&request.body);
        let mut findings = Vec::new();
        let mut summary = Vec::new();
        for line in part(&request.body).lines() {
            let Some((number, code)) = line.split_once(" +") else { continue };
            let Some(index) =
                code.split_once("attacked(").and_then(|(_, rest)| rest.split(')').next()?.parse::<usize>().ok())
            else {
                continue;
            };
            let text = corpus::with_fence(&attacks[index].text, &fence);
            let severity = if index % 2 == 0 { "critical" } else { "major" };
            let fields =
                json!({"title": text, "body": text, "suggestion": text, "reasoning": text, "severity": severity});
            findings.push(finding("src/attacked.rs", number.parse().expect("a number"), code, fields));
            summary.push(text);
        }
        json!({"analysis": summary.join("\n"), "findings": findings, "summary": summary.join("\n\n")})
    })
}

fn attacks() -> Vec<Attack> {
    corpus::at("answer")
}

/// What a run may be asked to do so that nothing is left out for its number.
const ALL: [&str; 4] = ["--max-comments", "1000", "--min-severity", "info"];

/// The case that a posted comment is about, for what a failing test says.
fn case(attacks: &[Attack], line: u32) -> String {
    attacks
        .get((line as usize).saturating_sub(1) / APART)
        .map_or_else(|| format!("line {line}"), |attack| attack.name.clone())
}

#[test]
fn nothing_that_the_model_says_acts_on_github() {
    let attacks = attacks();
    let pull = pull(&attacks);
    let reviewed = pull.review(&ALL, 0);
    let root = pull.github.root.clone();
    let mut judged = Judged::default();
    let comments = pull.github.review_comments();
    assert!(comments.len() * 10 >= attacks.len() * 9, "{} of {} came through", comments.len(), attacks.len());
    for comment in &comments {
        let suggestions = suggestion(&reviewed.report, &comment.body);
        let expected = Expected { suggestions: &suggestions, marks: &["finding"], ..Expected::default() };
        judged.text(&case(&attacks, comment.lines().1), &comment.body, &expected);
    }
    for review in pull.github.reviews() {
        judged.text("the review", &review.body, &Expected::default());
    }
    for note in pull.github.issue_comments() {
        judged.text("the summary", &note.body, &summary(&[&root]));
    }
    let document = Expected { hosts: &[&root], ..Expected::default() };
    judged.text("the step summary", &reviewed.job().summary(), &document);
    judged.log("standard output", &reviewed.run.stdout, &[]);
    judged.log("standard error", &reviewed.run.stderr, &[]);
    judged.end();
}

fn summary<'a>(hosts: &'a [&'a str]) -> Expected<'a> {
    Expected { hosts, marks: &["summary", "state"], ..Expected::default() }
}

fn pull(attacks: &[Attack]) -> Pull {
    let scenario = github::Scenario::new(&repo(attacks), "main", "feature");
    Pull::new(scenario.limits(|limits| limits.content_per_minute = 1000), Script::new().always(model(attacks)))
}

#[test]
fn nothing_that_the_model_says_acts_in_the_lists_of_a_summary() {
    let attacks = attacks();
    let pull = pull(&attacks);
    // few comments: the others are listed; none of them is taken: they are told in full
    pull.github.fault_always(
        Route::CreateReview,
        Fault::Status(422, json!({"message": "Unprocessable Entity", "errors": ["no"]})),
    );
    let reviewed = pull.review(&["--max-comments", "60", "-v"], 0);
    let root = pull.github.root.clone();
    let mut judged = Judged::default();
    for note in pull.github.issue_comments() {
        judged.text("the summary", &note.body, &summary(&[&root]));
    }
    judged.log("standard output", &reviewed.run.stdout, &[]);
    judged.log("standard error", &reviewed.run.stderr, &[]);
    judged.end();
}

#[test]
fn nothing_that_the_model_says_acts_where_nothing_can_be_posted() {
    let attacks = attacks();
    let pull = pull(&attacks);
    pull.github.set_permissions(&[("contents", "read"), ("pull_requests", "read"), ("checks", "write")]);
    let mut judged = Judged::default();
    for format in ["terminal", "markdown", "json", "sarif", "codequality", "html"] {
        let args = ["--format", format, "--max-comments", "1000", "--full", "-v"];
        let reviewed = pull.review(&args, 0);
        let root = pull.github.root.clone();
        judged.text(
            "the step summary",
            &reviewed.job().summary(),
            &Expected { hosts: &[&root], ..Expected::default() },
        );
        judged.log(&format!("standard output, {format}"), &reviewed.run.stdout, &["error", "warning", "notice"]);
        judged.log(&format!("standard error, {format}"), &reviewed.run.stderr, &["error", "warning", "notice"]);
    }
    for run in pull.github.check_runs() {
        for text in [run.title, run.summary, run.text].iter().flatten() {
            judged.text("the check run", text, &Expected::default());
        }
    }
    judged.end();
}

#[test]
fn nothing_that_the_model_says_acts_in_an_annotation() {
    let mut judged = Judged::default();
    let of_logs: Vec<Attack> = attacks().into_iter().filter(|attack| attack.name.starts_with("logs")).collect();
    // as many as are shown
    for attacks in of_logs.chunks(10) {
        let pull = pull(attacks);
        pull.github.set_permissions(&[("contents", "read"), ("pull_requests", "read")]);
        let reviewed = pull.review(&ALL, 0);
        assert_eq!(reviewed.at("/delivery/channel"), "annotations");
        judged.log("standard output", &reviewed.run.stdout, &["error", "notice"]);
        let commands = reviewed.run.stdout.lines().filter(|line| line.starts_with("::error "));
        assert_eq!(commands.count(), attacks.len(), "{}", reviewed.run);
    }
    judged.end();
}

#[test]
fn nothing_that_the_model_says_acts_on_gitlab() {
    let attacks = attacks();
    let scenario = gitlab::Scenario::new(&repo(&attacks), "main", "feature");
    let scenario = scenario.limits(|limits| limits.notes_per_minute = 1000);
    let merge = Merge::new(scenario, Script::new().always(model(&attacks)));
    let reviewed = merge.review(&ALL, 0);
    let root = merge.gitlab.web_root();
    let mut judged = Judged::default();
    let threads = merge.gitlab.discussions();
    assert!(threads.len() * 10 >= attacks.len() * 9, "{} of {} came through", threads.len(), attacks.len());
    for note in threads.iter().map(|thread| &thread.notes[0]) {
        let suggestions = suggestion(&reviewed.report, &note.body);
        let expected = Expected { suggestions: &suggestions, marks: &["path", "finding"], ..Expected::default() };
        judged.text(note.body.lines().next().unwrap_or_default(), &note.body, &expected);
    }
    for note in merge.gitlab.notes() {
        judged.text("the summary", &note.body, &summary(&[&root]));
    }
    assert!(merge.gitlab.commands().is_empty() && merge.gitlab.is_open(), "{:?}", merge.gitlab.commands());
    // a runner of GitLab takes nothing in its log for a command
    judged.log("standard output", &reviewed.run.stdout.replace("::", ":").replace("##", "#"), &[]);
    judged.log("standard error", &reviewed.run.stderr.replace("::", ":").replace("##", "#"), &[]);
    judged.end();
}
