//! The life of a merge request: pushes, people and runs, one after the other, on one request of GitLab.
//!
//! As on GitHub, the model finds every line that says `defect("name")` in what it is sent. After every run the promises are
//! checked that hold across the whole life: nothing is posted twice, nothing is lost, no thread in which a person has
//! written is touched, no quick action is carried out, and no draft of ours stays behind.

mod change;
mod commands;
mod doctor;
mod faults;
mod first;
mod forks;
mod jobs;
mod killed;
mod ladder;
mod languages;
mod moving;
mod network;
mod people;
mod quick_actions;
mod random;
mod several_days;

use serde_json::{Value, json};

use crate::life::{self, SUMMARY_MARK, branch, code, defect, model, three, title_of};
use crate::support::gitlab::{Discussion, Fault, GitLab, MEMBER, Note, Route, Scenario, is_bot};
use crate::support::gitlab_ci::{Job, Pipeline};
use crate::support::merge::{Merge, Reviewed};
use crate::support::openai::Script;
use crate::support::program::Prudence;
use crate::support::pull::state;
use crate::support::repo::Repo;
use crate::support::review::part;
use crate::support::server::Request;

type Step = life::Step<Job>;

/// The request, its repository, and how much of both was looked at.
struct Life {
    merge: Merge,
    repo: Repo,
    /// Who posts.
    bot: String,
}

/// The request of this repository, with what its scenario is to be like besides.
fn life_of(repo: &Repo, change: impl FnOnce(Scenario) -> Scenario) -> Life {
    let scenario = change(Scenario::new(repo, "main", "feature"));
    let bot = scenario.login();
    let merge = Merge::new(scenario, Script::new().always(model()));
    Life { merge, repo: repo.clone(), bot }
}

fn life(repo: &Repo) -> Life {
    life_of(repo, |scenario| scenario)
}

impl Life {
    fn gitlab(&self) -> &GitLab {
        &self.merge.gitlab
    }

    /// Commits on top of the branch and pushes.
    fn push(&mut self, change: impl FnOnce(Repo) -> Repo) {
        self.repo = change(self.repo.clone()).commit("more");
        self.gitlab().push(&self.repo.sha("HEAD"));
    }

    /// Makes the branch anew from the tip of `main`, and pushes it by force.
    fn force(&mut self, change: impl FnOnce(Repo) -> Repo) {
        self.repo = change(self.repo.clone().checkout("main").branch("feature")).commit("anew");
        self.gitlab().push(&self.repo.sha("HEAD"));
    }

    /// A commit on the target branch, which goes on to it.
    fn move_target(&mut self, change: impl FnOnce(Repo) -> Repo) {
        self.repo = change(self.repo.clone().checkout("main")).commit("the target goes on");
        self.gitlab().move_target(&self.repo.sha("main"));
    }

    fn job(&self) -> Job {
        Job::new(self.gitlab(), Pipeline::Merge)
    }

    /// A job of a pipeline for the present head.
    #[track_caller]
    fn run(&mut self) -> Step {
        self.run_with(&[], 0)
    }

    #[track_caller]
    fn run_with(&mut self, args: &[&str], code: i32) -> Step {
        let job = self.job();
        self.run_in(job, args, code)
    }

    #[track_caller]
    fn run_in(&mut self, job: Job, args: &[&str], code: i32) -> Step {
        let step = self.end(self.merge.step(&job).args(args), code);
        Step { reviewed: Reviewed { job: Some(job), ..step.reviewed }, ..step }
    }

    /// Runs the program, and checks what must hold after every run.
    #[track_caller]
    fn end(&mut self, program: Prudence, code: i32) -> Step {
        let (closed, others) = (self.threads_with_people(), self.said_by_others());
        let seen = (self.gitlab().requests().len(), self.merge.openai.completions().len());
        let reviewed = self.merge.end(program, code);
        let requests = self.gitlab().requests().split_off(seen.0);
        let prompts = self.merge.openai.completions().split_off(seen.1);
        let (writes, reads): (Vec<Request>, Vec<Request>) =
            requests.into_iter().partition(|request| request.method != "GET");
        assert_eq!(self.threads_with_people(), closed, "no thread with a person's words is touched");
        assert_eq!(self.said_by_others(), others, "nobody else's words are touched");
        self.check_posts();
        let mut reads: Vec<String> = reads.iter().map(name_of).collect();
        reads.sort();
        let writes = writes.iter().map(words_of).collect();
        let sent = prompts.iter().map(|request| part(&request.body)).collect();
        let step = Step { reviewed, reads, writes, sent };
        // without a summary the log has what is not on its lines
        if code < 2 && step.reviewed.report["status"] == "complete" && self.summary().is_some() {
            let defects = life::defects(&self.repo, &self.gitlab().head());
            life::check_none_lost(&step.reviewed, &self.posted(), self.summary().as_deref(), &defects);
        }
        step
    }

    #[track_caller]
    fn check_posts(&self) {
        let notes: Vec<Note> = self.gitlab().notes();
        let notes = notes.iter().filter(|note| note.author == self.bot).map(|note| note.body.as_str());
        life::check_once(self.ours().iter().map(|thread| thread.notes[0].body.as_str()), notes);
        let is_answer = |note: &Note| note.author == self.bot && !note.system;
        let answered = self.ours().iter().any(|thread| thread.notes.iter().skip(1).any(is_answer));
        assert!(!answered || self.gitlab().scenario().login() == "carol", "the bot answers nobody");
        let left = self.gitlab().drafts().into_iter().filter(|draft| draft.body.contains("<!-- prudence:")).count();
        assert_eq!(left, 0, "drafts of ours stay behind");
        self.assert_no_commands();
    }

    #[track_caller]
    fn assert_no_commands(&self) {
        let commands = self.gitlab().commands();
        assert!(commands.is_empty(), "quick actions are carried out: {commands:?}");
    }

    /// The threads of the identity that posts.
    fn ours(&self) -> Vec<Discussion> {
        let mut threads = self.gitlab().discussions();
        threads.retain(|thread| thread.notes[0].author == self.bot && title_of(&thread.notes[0].body).is_some());
        threads
    }

    /// The thread on this defect.
    #[track_caller]
    fn thread(&self, name: &str) -> Discussion {
        let found = self.ours().into_iter().find(|thread| title_of(&thread.notes[0].body) == Some(name));
        found.unwrap_or_else(|| panic!("no comment on `{name}`"))
    }

    /// The comment on this defect.
    #[track_caller]
    fn comment(&self, name: &str) -> Note {
        self.thread(name).notes.remove(0)
    }

    /// Names of the defects with a comment, in the order of posting.
    fn posted(&self) -> Vec<String> {
        self.ours().iter().filter_map(|thread| title_of(&thread.notes[0].body)).map(str::to_owned).collect()
    }

    fn summary_note(&self) -> Option<Note> {
        self.gitlab().notes().into_iter().find(|note| note.author == self.bot && note.body.contains(SUMMARY_MARK))
    }

    fn summary(&self) -> Option<String> {
        self.summary_note().map(|note| note.body)
    }

    /// What the summary note keeps for later runs.
    #[track_caller]
    fn state(&self) -> Value {
        state(&self.summary().expect("a summary"))
    }

    /// The threads of ours in which a person has written: text, who settled it, and how many notes it has.
    fn threads_with_people(&self) -> Vec<(String, Option<String>, usize)> {
        let by_person = |note: &Note| !note.system && note.author != self.bot && !is_bot(&note.author);
        let touched = self.ours().into_iter().filter(|thread| thread.notes.iter().skip(1).any(by_person));
        touched
            .map(|thread| (thread.notes[0].body.clone(), thread.resolved_by().map(str::to_owned), thread.notes.len()))
            .collect()
    }

    fn said_by_others(&self) -> Vec<(String, usize)> {
        let notes = self.gitlab().notes().into_iter().filter(|note| note.author != self.bot);
        notes.map(|note| (note.body, note.edits)).collect()
    }

    /// What stands on the request, so that two of them can be compared: comments with their lines and ends, and what the
    /// summary has.
    fn standing(&self) -> Vec<String> {
        let thread = |thread: &Discussion| {
            let note = &thread.notes[0];
            let title = title_of(&note.body).unwrap_or_default();
            format!("{title} {:?} {:?} {}", note.lines(), thread.resolved_by(), note.body.contains("**Outdated**"))
        };
        let mut all: Vec<String> = self.ours().iter().map(thread).collect();
        all.sort();
        let state = self.summary().map(|summary| state(&summary)).unwrap_or_default();
        let notes = self.gitlab().notes().len();
        all.push(format!("{notes} {} {} {}", state["fingerprints"], state["listed"], state["complete"]));
        all
    }
}

impl Step {
    /// A look at the request with these requests besides, and these writes in this order.
    #[track_caller]
    fn assert_asked(&self, more: &[&[&str]], writes: &[&str]) {
        let why = if self.sent.is_empty() { &[] } else { WHY };
        let mut reads: Vec<&str> = LOOK.iter().chain(more.iter().copied().flatten()).chain(why).copied().collect();
        reads.sort_unstable();
        let asked: Vec<&str> = self.reads.iter().map(String::as_str).collect();
        assert_eq!((asked, self.words()), (reads, writes.to_vec()), "{}", self.reviewed.run);
    }
}

/// What every run asks.
const LOOK: &[&str] = &["GetMerge", "GetUser", "ListDiffs", "ListDiscussions", "ListVersions"];
/// What steers the review, on a base commit that no run has seen before and that is not in the checkout.
const STEERING: &[&str] =
    &["GetRawFile .gitattributes", "GetRawFile .prudence.toml", "GetRawFile AGENTS.md", "GetRawFile CLAUDE.md"];
/// What is asked where there is something to tell the model: why the change was made.
const WHY: &[&str] = &["ListClosed", "ListCommits"];
/// What is asked once more before anything is written.
const AGAIN: &[&str] = &["GetMerge", "ListDiscussions"];
/// What is asked before a comment is posted: the version it is for, and whether a dead run left drafts.
const BEFORE_COMMENTS: &[&str] = &["ListDrafts", "ListVersions"];
/// What is asked after drafts were published: whether all of them can be seen.
const AFTER_DRAFTS: &[&str] = &["ListDiscussions"];
/// What is asked once more after the first summary: another run may have made one at the same time.
const AFTER_FIRST: &[&str] = &["GetMerge", "ListDiscussions"];
/// What is asked for each comment of ours that stands open: whether people disliked it.
const LIKES: &str = "ListAwards";

/// What a request asks for.
fn name_of(request: &Request) -> String {
    let found = Route::of(request).expect("a known route");
    match found.route {
        Route::GetFile | Route::GetRawFile => format!("{:?} {}", found.route, found.tail),
        route => format!("{route:?}"),
    }
}

/// What a request writes, in words.
fn words_of(request: &Request) -> String {
    let body = &request.body;
    let text = body["body"].as_str().unwrap_or_default();
    let is_summary = text.contains(SUMMARY_MARK);
    match Route::of(request).expect("a known route").route {
        Route::CreateDraft => "draft",
        Route::PublishDrafts => "publish",
        Route::PublishDraft => "publish one",
        Route::DeleteDraft => "discard",
        Route::CreateDiscussion => "comment",
        Route::CreateNote if is_summary => "summary",
        Route::EditNote if is_summary => "summary again",
        Route::EditNote if text.starts_with("> ✅ ") => "outdated",
        Route::EditNote => "restored",
        Route::ResolveDiscussion if body["resolved"] == true => "resolve",
        Route::ResolveDiscussion => "unresolve",
        Route::DeleteNote => "removed",
        Route::CreateAward => body["name"].as_str().unwrap_or_default(),
        route => return format!("{route:?}"),
    }
    .to_owned()
}

/// `src/new.rs` with these defects.
fn new(defects: &[(usize, &str)]) -> impl FnOnce(Repo) -> Repo {
    let text = code(200, defects);
    |repo| repo.file("src/new.rs", text)
}

/// The defects of [`three`].
const THREE: [(usize, &str); 3] = [(10, "alpha"), (100, "beta"), (190, "gamma")];
