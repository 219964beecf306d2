//! A merge request under review: its host, the model, and runs of the program on it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::gitlab::{GitLab, Route, Scenario};
use super::gitlab_ci::{Job, Pipeline};
use super::openai::{Answer, OpenAi, Script};
use super::program::Prudence;
use super::pull;

/// A run that has ended.
pub type Reviewed = pull::Reviewed<Job>;

/// The host with its request, and the model that is asked about it.
pub struct Merge {
    /// Shared, so that something can happen to it during a run.
    pub gitlab: Arc<GitLab>,
    pub openai: OpenAi,
    folder: TempDir,
}

impl Merge {
    pub fn new(scenario: Scenario, script: Script) -> Merge {
        let folder = TempDir::with_prefix("prudence-merge-").expect("a temporary folder");
        Merge { gitlab: Arc::new(GitLab::start(scenario)), openai: OpenAi::start(script), folder }
    }

    /// The request of [`pull::pay`], about which the model says this.
    pub fn of_pay(findings: Vec<Value>) -> Merge {
        Merge::new(Scenario::new(&pull::pay(), "main", "feature"), Script::new().always(Answer::findings(findings)))
    }

    /// A job of an ordinary pipeline, in an empty workspace; the program must end with this code.
    #[track_caller]
    pub fn review(&self, args: &[&str], code: i32) -> Reviewed {
        self.review_in(Job::new(&self.gitlab, Pipeline::Merge), args, code)
    }

    /// This job.
    #[track_caller]
    pub fn review_in(&self, job: Job, args: &[&str], code: i32) -> Reviewed {
        let reviewed = self.end(self.step(&job).args(args), code);
        Reviewed { job: Some(job), ..reviewed }
    }

    /// The program in this job, to be changed before it runs.
    pub fn step(&self, job: &Job) -> Prudence {
        self.program().gitlab_job(job)
    }

    /// The program on a desk, with a token for this host.
    pub fn desk(&self) -> Prudence {
        self.program().gitlab(&self.gitlab)
    }

    /// Runs the program, which must end with this code.
    #[track_caller]
    pub fn end(&self, program: Prudence, code: i32) -> Reviewed {
        pull::end(program, &self.report_path(), code)
    }

    pub fn report_path(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    /// The requests to the host, by what they ask for, in alphabetical order.
    pub fn asked(&self) -> Vec<String> {
        let name = |request: &super::server::Request| {
            let found = Route::of(request).expect("a known route");
            match found.route {
                Route::GetFile | Route::GetRawFile => format!("{:?} {}", found.route, found.tail),
                route => format!("{route:?}"),
            }
        };
        let mut asked: Vec<String> = self.gitlab.requests().iter().map(name).collect();
        asked.sort();
        asked
    }

    fn program(&self) -> Prudence {
        pull::reviewer(&self.report_path(), &self.openai)
    }
}
