//! The life of a pull request: pushes, people and runs, one after the other, on one request.
//!
//! The model of these tests finds every line that says `defect("name")` in what it is sent, and nothing else. After every
//! run the promises are checked that hold across the whole life: nothing is posted twice, nothing is lost, and no thread
//! in which a person has written is touched.

mod checks;
mod commands;
mod days;
mod endings;
mod killed;
mod languages;
mod lost;
mod many;
mod moving;
mod people;
mod races;
mod rungs;
mod without_graphql;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::actions::{Actions, Event};
use crate::support::github::{Fault, GitHub, ReviewComment, Route, Scenario};
use crate::support::openai::{Answer, Script, finding};
use crate::support::program::Prudence;
use crate::support::pull::{Pull, Reviewed, state};
use crate::support::repo::Repo;
use crate::support::review::part;
use crate::support::server::Request;

const BOT: &str = "github-actions[bot]";
pub const SUMMARY_MARK: &str = "<!-- prudence:summary v1 -->";

/// The request, its repository, and how much of both was looked at.
struct Life {
    pull: Pull,
    repo: Repo,
    /// Who posts.
    bot: String,
    /// Requests to the host and to the model that earlier runs made.
    seen: (usize, usize),
}

/// A run, and what it asked and wrote.
pub struct Step<J = Actions> {
    pub reviewed: Reviewed<J>,
    /// What was read, in alphabetical order.
    pub reads: Vec<String>,
    /// What was written, in its order and in words.
    pub writes: Vec<String>,
    /// What each request showed the model of the change.
    pub sent: Vec<String>,
}

/// A line of code that the model objects to.
pub fn defect(name: &str) -> String {
    format!("    defect(\"{name}\");\n")
}

/// The name in a line with a defect.
pub fn named(line: &str) -> Option<&str> {
    line.split_once("defect(\"")?.1.split('"').next()
}

/// So many lines that all differ, with a defect behind each of these numbers.
pub fn code(lines: usize, defects: &[(usize, &str)]) -> String {
    let line = |n: usize| {
        let wrong = defects.iter().filter(|(at, _)| *at == n).map(|(_, name)| defect(name));
        format!("let value_{n} = compute({});\n{}", n * 31, wrong.collect::<String>())
    };
    (1..=lines).map(line).collect()
}

/// A model that finds every defect that it is shown.
pub fn model() -> Answer {
    Answer::with(|request| {
        let mut path = String::new();
        let mut findings = Vec::new();
        for line in part(&request.body).lines() {
            if let Some((name, _)) = line.strip_prefix("=== ").and_then(|rest| rest.rsplit_once(" (")) {
                name.clone_into(&mut path);
            }
            let Some((number, text)) = line.split_once(" +") else { continue };
            let (Some(name), Ok(number)) = (named(text), number.parse()) else { continue };
            let severity = match name {
                _ if name.starts_with("grave") => "critical",
                _ if name.starts_with("slight") => "minor",
                _ => "major",
            };
            findings.push(finding(&path, number, text, json!({"title": name, "severity": severity})));
        }
        json!({"analysis": "", "findings": findings, "summary": "Something changes."})
    })
}

/// `README` and sixty lines of `src/a.rs` on `main`; the branch `feature` changes what `change` changes.
pub fn branch(change: impl FnOnce(Repo) -> Repo) -> Repo {
    let base = Repo::new().file("README", "x\n").file("src/a.rs", code(60, &[])).commit("base");
    change(base.branch("feature")).commit("change")
}

/// A new file `src/new.rs` of two hundred lines with three defects far from each other.
pub fn three() -> Repo {
    branch(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")])))
}

/// The request of this repository, with what its scenario is to be like besides.
fn life_of(repo: &Repo, change: impl FnOnce(Scenario) -> Scenario) -> Life {
    let scenario = change(Scenario::new(repo, "main", "feature"));
    let bot = scenario.identity.login().to_owned();
    let pull = Pull::new(scenario, Script::new().always(model()));
    Life { pull, repo: repo.clone(), bot, seen: (0, 0) }
}

fn life(repo: &Repo) -> Life {
    life_of(repo, |scenario| scenario)
}

impl Life {
    fn github(&self) -> &GitHub {
        &self.pull.github
    }

    /// Commits on top of the branch and pushes.
    fn push(&mut self, change: impl FnOnce(Repo) -> Repo) -> Event {
        self.repo = change(self.repo.clone()).commit("more");
        self.move_head()
    }

    /// Makes the branch anew from the tip of `main`, and pushes it by force.
    fn force(&mut self, change: impl FnOnce(Repo) -> Repo) -> Event {
        self.repo = change(self.repo.clone().checkout("main").branch("feature")).commit("anew");
        self.move_head()
    }

    fn move_head(&self) -> Event {
        let before = self.github().head();
        self.github().push(&self.repo.sha("HEAD"));
        Event::Synchronize { before }
    }

    #[track_caller]
    fn opened(&mut self) -> Step {
        self.run(&Event::Opened, &[], 0)
    }

    /// Runs a step of a job that this event started.
    #[track_caller]
    fn run(&mut self, event: &Event, args: &[&str], code: i32) -> Step {
        let job = Actions::new(self.github(), event);
        let program = self.pull.step(&job).args(args);
        let step = self.end(program, code);
        Step { reviewed: Reviewed { job: Some(job), ..step.reviewed }, ..step }
    }

    /// Runs the program, and checks what must hold after every run.
    #[track_caller]
    fn end(&mut self, program: Prudence, code: i32) -> Step {
        let closed = threads_with_people(self.github(), &self.bot);
        let others = said_by_others(self.github(), &self.bot);
        self.seen = (self.github().requests().len(), self.pull.openai.requests().len());
        let reviewed = self.pull.end(program, code);
        let requests = self.github().requests().split_off(self.seen.0);
        let prompts = self.pull.openai.completions().split_off(self.seen.1);
        let (writes, reads): (Vec<Request>, Vec<Request>) = requests.into_iter().partition(is_write);
        check_spacing(&writes);
        assert_eq!(threads_with_people(self.github(), &self.bot), closed, "no thread with a person's words is touched");
        assert_eq!(said_by_others(self.github(), &self.bot), others, "nobody else's words are touched");
        self.check_posts();
        let mut reads: Vec<String> = reads.iter().map(name_of).collect();
        reads.sort();
        let writes = writes.iter().map(words_of).collect();
        let sent = prompts.iter().map(|request| part(&request.body)).collect();
        let step = Step { reviewed, reads, writes, sent };
        if code < 2 && step.reviewed.report["status"] == "complete" {
            self.check_none_lost(&step);
        }
        step
    }

    /// Nothing is posted twice, nothing is answered, and the one summary is whole.
    #[track_caller]
    fn check_posts(&self) {
        let comments = self.ours();
        assert!(comments.iter().all(|comment| comment.in_reply_to.is_none()), "nothing is answered");
        let notes = self.github().issue_comments();
        let notes = notes.iter().filter(|note| note.author == self.bot).map(|note| note.body.as_str());
        check_once(comments.iter().map(|comment| comment.body.as_str()), notes);
    }

    /// Every defect of the head stands on the request, as a comment on its line or in the summary, or was dismissed.
    #[track_caller]
    fn check_none_lost(&self, step: &Step) {
        let defects = defects(&self.repo, &self.github().head());
        check_none_lost(&step.reviewed, &self.posted(), self.summary().as_deref(), &defects);
    }

    /// The comments of the identity that posts which others can see.
    fn ours(&self) -> Vec<ReviewComment> {
        let submitted: Vec<u64> =
            self.github().reviews().iter().filter(|review| review.event.is_some()).map(|review| review.id).collect();
        let mut comments = self.github().review_comments();
        comments.retain(|comment| comment.author == self.bot && submitted.contains(&comment.review));
        comments
    }

    /// The comment on this defect.
    #[track_caller]
    fn comment(&self, name: &str) -> ReviewComment {
        let comments = self.ours();
        let found = comments.into_iter().find(|comment| title_of(&comment.body) == Some(name));
        found.unwrap_or_else(|| panic!("no comment on `{name}`"))
    }

    /// Names of the defects with a comment, in the order of posting.
    fn posted(&self) -> Vec<String> {
        self.ours().iter().filter_map(|comment| title_of(&comment.body)).map(str::to_owned).collect()
    }

    fn summary(&self) -> Option<String> {
        let notes = self.github().issue_comments();
        let summary = notes.iter().find(|note| note.author == self.bot && note.body.contains(SUMMARY_MARK));
        summary.map(|summary| summary.body.clone())
    }

    /// What stands on the request: each of our comments with its lines, and what the summary keeps of them.
    fn standing(&self) -> Vec<String> {
        let comment = |comment: &ReviewComment| {
            let title = title_of(&comment.body).unwrap_or_default();
            format!("{title} {:?} {}", comment.lines(), comment.resolved())
        };
        let mut all: Vec<String> = self.ours().iter().map(comment).collect();
        all.sort();
        let state = self.summary().map(|summary| state(&summary)).unwrap_or_default();
        let notes = self.github().issue_comments().len();
        all.push(format!("{notes} {} {} {}", state["fingerprints"], state["listed"], state["complete"]));
        all
    }

    /// What the summary comment keeps for later runs.
    #[track_caller]
    fn state(&self) -> Value {
        state(&self.summary().expect("a summary"))
    }
}

impl<J> Step<J> {
    /// The names of the defects that the model was shown.
    pub fn shown(&self) -> Vec<&str> {
        self.sent.iter().flat_map(|part| part.lines()).filter(|line| line.contains(" +")).filter_map(named).collect()
    }

    /// How many lines the model was shown as changed.
    pub fn sent_lines(&self) -> usize {
        self.sent.iter().flat_map(|part| part.lines()).filter(|line| line.contains(" +")).count()
    }

    pub fn words(&self) -> Vec<&str> {
        self.writes.iter().map(String::as_str).collect()
    }

    /// Why each finding is not reported as new, by its name.
    pub fn suppressed(&self) -> BTreeMap<&str, &str> {
        let list = self.reviewed.report["suppressed"].as_array().expect("a list").iter();
        list.map(|entry| {
            let title = entry["finding"]["title"].as_str().expect("a title");
            (title, entry["reason"].as_str().expect("a reason"))
        })
        .collect()
    }

    pub fn channel(&self) -> &str {
        self.reviewed.at("/delivery/channel").as_str().expect("a channel")
    }

    /// No call of the model and no write.
    #[track_caller]
    pub fn assert_quiet(&self) {
        assert_eq!((self.sent.len(), self.writes.as_slice()), (0, &[][..]), "{}", self.reviewed.run);
    }
}

impl Step {
    /// A look at the request with these requests besides, and these writes in this order.
    #[track_caller]
    fn assert_asked(&self, more: &[&str], writes: &[&str]) {
        let mut reads: Vec<&str> = ["GetDiff", "GraphQl"].iter().chain(more).copied().collect();
        reads.sort_unstable();
        assert_eq!((self.reads.iter().map(String::as_str).collect::<Vec<_>>(), self.words()), (reads, writes.to_vec()));
    }

    /// The same on a base commit that no run has seen before: what steers the review is asked for as well.
    #[track_caller]
    fn assert_asked_anew(&self, more: &[&str], writes: &[&str]) {
        // the second is for the team's guides
        let steering = ["GetContents .gitattributes", "GetContents .prudence.toml", "GraphQl"];
        self.assert_asked(&[&steering, more].concat(), writes);
    }
}

/// The bold text of a posted finding.
pub fn title_of(body: &str) -> Option<&str> {
    body.contains("<!-- prudence:finding v1 ").then_some(())?;
    body.lines().find(|line| line.contains(" · "))?.split("**").nth(1)
}

/// No finding is posted twice, and the one summary is whole.
#[track_caller]
pub fn check_once<'a>(comments: impl Iterator<Item = &'a str>, notes: impl Iterator<Item = &'a str>) {
    let mut names: Vec<&str> = comments.filter_map(title_of).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "nothing is posted twice: {names:?}");
    let summaries: Vec<&str> = notes.filter(|body| body.contains(SUMMARY_MARK)).collect();
    assert!(summaries.len() <= 1, "one summary");
    summaries.into_iter().for_each(check_whole);
}

/// Each of these defects has a comment on its line, stands in the summary, or was dismissed.
#[track_caller]
pub fn check_none_lost<J>(reviewed: &Reviewed<J>, posted: &[String], summary: Option<&str>, defects: &[String]) {
    let channel = &reviewed.report["delivery"]["channel"];
    if channel != "review" && channel != "comment" {
        return;
    }
    let state = summary.map(state).unwrap_or_default();
    let listed: Vec<&Value> = state["listed"].as_array().into_iter().flatten().map(|row| &row[8]).collect();
    let lost = |name: &&String| !posted.contains(name) && listed.iter().all(|title| *title != name.as_str());
    let missing: Vec<&String> = defects.iter().filter(lost).collect();
    let told = format!("{missing:?} are lost: {posted:?} {listed:?}\n{}", reviewed.run);
    assert!(missing.len() <= state["dismissed"].as_array().map_or(0, Vec::len), "{told}");
}

/// The names of all defects in the files of a commit.
pub fn defects(repo: &Repo, commit: &str) -> Vec<String> {
    let git = repo.git();
    let commit = git2::Oid::from_str(commit).and_then(|id| git.find_commit(id)).expect("a commit");
    let mut names = Vec::new();
    commit
        .tree()
        .expect("files")
        .walk(git2::TreeWalkMode::PreOrder, |_, entry| {
            let object = entry.to_object(&git).expect("an object");
            let text = object.as_blob().map(|blob| String::from_utf8_lossy(blob.content()).into_owned());
            names.extend(text.iter().flat_map(|text| text.lines()).filter_map(named).map(str::to_owned));
            git2::TreeWalkResult::Ok
        })
        .expect("all files");
    names
}

/// The Markdown ends what it opens, and the state can be read.
#[track_caller]
pub fn check_whole(body: &str) {
    assert!(body.chars().count() <= 65_536, "{} characters", body.chars().count());
    assert_eq!(body.matches("<details>").count(), body.matches("</details>").count(), "{body}");
    assert_eq!(body.lines().filter(|line| line.starts_with("```")).count() % 2, 0, "{body}");
    assert_eq!(body.matches(SUMMARY_MARK).count(), 1, "{body}");
    assert!(state(body).is_object());
}

/// The threads of ours in which somebody else has written: text, who resolved it, and how many have written.
fn threads_with_people(github: &GitHub, bot: &str) -> Vec<(String, Option<String>, usize)> {
    let comments = github.review_comments();
    let replies = |top: &ReviewComment| {
        let is_reply = |other: &&ReviewComment| other.in_reply_to == Some(top.id);
        comments.iter().filter(is_reply).count()
    };
    let tops = comments.iter().filter(|top| top.author == bot && top.in_reply_to.is_none());
    tops.filter(|top| comments.iter().any(|c| c.in_reply_to == Some(top.id) && !c.author.ends_with("[bot]")))
        .map(|top| (top.body.clone(), top.resolved_by.clone(), replies(top)))
        .collect()
}

fn said_by_others(github: &GitHub, bot: &str) -> Vec<(String, usize)> {
    let notes = github.issue_comments();
    notes.iter().filter(|note| note.author != bot).map(|note| (note.body.clone(), note.edits)).collect()
}

fn is_write(request: &Request) -> bool {
    match Route::of(request).map(|found| found.route) {
        Some(Route::GraphQl) => request.body["query"].as_str().is_some_and(|query| query.starts_with("mutation")),
        _ => request.method != "GET",
    }
}

/// What a request asks for.
fn name_of(request: &Request) -> String {
    let found = Route::of(request).expect("a known route");
    match found.route {
        Route::GetContents => format!("GetContents {}", found.tail),
        route => format!("{route:?}"),
    }
}

/// What a request writes, in words.
fn words_of(request: &Request) -> String {
    let body = &request.body;
    let text = body["body"].as_str().unwrap_or_default();
    let is_summary = text.contains(SUMMARY_MARK);
    match Route::of(request).expect("a known route").route {
        Route::CreateReview => format!("review of {}", body["comments"].as_array().map_or(0, Vec::len)),
        Route::CreateIssueComment if is_summary => "summary".to_owned(),
        Route::EditIssueComment if is_summary => "summary again".to_owned(),
        Route::CreateIssueComment => "comment".to_owned(),
        Route::EditReviewComment if text.starts_with("> ✅ ") => "outdated".to_owned(),
        Route::EditReviewComment => "restored".to_owned(),
        Route::GraphQl if body["query"].to_string().contains("unresolveReviewThread") => "unresolve".to_owned(),
        Route::GraphQl => "resolve".to_owned(),
        Route::CreateReaction => body["content"].as_str().unwrap_or_default().to_owned(),
        Route::CreateCheckRun | Route::EditCheckRun => {
            format!("check of {}", body["output"]["annotations"].as_array().map_or(0, Vec::len))
        }
        Route::DismissReview => "dismiss".to_owned(),
        Route::DeleteReview => "discard".to_owned(),
        Route::DeleteReviewComment => "comment removed".to_owned(),
        Route::DeleteIssueComment => "summary removed".to_owned(),
        route => format!("{route:?}"),
    }
}

/// What creates something goes out alone, and from the third on a second after the one before.
#[track_caller]
fn check_spacing(writes: &[Request]) {
    let creates = |request: &&Request| {
        let route = Route::of(request).map(|found| found.route);
        route.is_some_and(|route| {
            route.creates_content() || matches!(route, Route::CreateReaction | Route::CreateCheckRun)
        })
    };
    let times: Vec<_> = writes.iter().filter(creates).map(|request| request.at).collect();
    let almost = Duration::from_millis(990);
    let spaced = times.get(1..).unwrap_or_default();
    assert!(spaced.windows(2).all(|pair| pair[1] - pair[0] >= almost), "within a second: {times:?}");
}

/// What is asked once more before anything is written.
const AGAIN: &str = "GraphQl";
/// What is asked once more after the first summary: another run may have made one at the same time.
const AFTER_FIRST: &str = "GraphQl";
/// What is asked where comments of ours stand open: whether people liked them.
const LIKES: &str = "ListReviewComments";

/// A repository permission that lets the bot end threads.
fn may_resolve(scenario: Scenario) -> Scenario {
    scenario.permissions(&[("contents", "write"), ("pull_requests", "write")])
}
