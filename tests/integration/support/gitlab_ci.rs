//! A job of GitLab CI: its environment and its workspace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::gitlab::{GitLab, JOB_TOKEN, Scenario, TOKEN};
use super::repo::Repo;

/// What kind of a pipeline the job is in. One of a fork is one of the fork's project, where the scenario says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipeline {
    /// An ordinary pipeline for a merge request: on the head of the source branch.
    Merge,
    /// One on the merge of the source branch into the target branch.
    MergedResults,
    /// One on the merge with all that stands before it in the queue.
    MergeTrain,
    /// One for a push to the source branch, which knows no merge request by itself.
    Branch,
}

impl Pipeline {
    /// `CI_MERGE_REQUEST_EVENT_TYPE`
    fn event_type(self) -> &'static str {
        match self {
            Pipeline::Merge | Pipeline::Branch => "detached",
            Pipeline::MergedResults => "merged_result",
            Pipeline::MergeTrain => "merge_train",
        }
    }

    /// Whether it runs on a commit that the host made.
    fn on_merge(self) -> bool {
        matches!(self, Pipeline::MergedResults | Pipeline::MergeTrain)
    }

    /// `CI_COMMIT_SHA`
    fn commit(self, gitlab: &GitLab) -> String {
        let (sc, head) = (gitlab.scenario(), gitlab.head());
        if self.on_merge() { sc.repo.merge_commit(&sc.base, &head) } else { head }
    }
}

/// A job on a runner.
pub struct Job {
    folder: TempDir,
    workspace: PathBuf,
    env: BTreeMap<String, String>,
    /// Keeps the work tree for as long as the job.
    checkout: Option<Repo>,
}

impl Job {
    /// A job for the double's merge request, with an empty workspace (`GIT_STRATEGY: none`).
    pub fn new(gitlab: &GitLab, pipeline: Pipeline) -> Job {
        let folder = TempDir::with_prefix("prudence-job-").expect("a temporary folder");
        let workspace = folder.path().join("workspace");
        fs::create_dir(&workspace).expect("a workspace");
        let mut job = Job { folder, workspace, env: BTreeMap::new(), checkout: None };
        job.set_env(gitlab, pipeline);
        job
    }

    /// A job in a clone of so many commits (`GIT_DEPTH`), or of all with 0.
    pub fn in_clone(gitlab: &GitLab, pipeline: Pipeline, depth: usize) -> Job {
        let job = Job::new(gitlab, pipeline).env_of("GIT_DEPTH", &depth.to_string());
        let checkout = gitlab.scenario().repo.shallow_clone(&pipeline.commit(gitlab), depth);
        let job = job.env_of("CI_PROJECT_DIR", &checkout.path().display().to_string());
        Job { workspace: checkout.path().to_owned(), checkout: Some(checkout), ..job }
    }

    /// A variable of the job besides, as the team sets it in the job or in the project.
    pub fn env_of(mut self, name: &str, value: &str) -> Job {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The job without this variable.
    pub fn without(mut self, name: &str) -> Job {
        self.env.remove(name);
        self
    }

    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The environment of the script. The access token is there, but not in a pipeline of a fork.
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.clone()
    }

    fn set_env(&mut self, gitlab: &GitLab, pipeline: Pipeline) {
        let sc = gitlab.scenario();
        let (web, source) = (gitlab.web_root(), sc.source_name());
        let (namespace, name) = source.split_once('/').expect("a path of two parts");
        let host = web.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let is_branch = pipeline == Pipeline::Branch;
        let values = [
            ("CI", "true".to_owned()),
            ("GITLAB_CI", "true".to_owned()),
            ("CI_SERVER", "yes".to_owned()),
            ("CI_SERVER_URL", web.clone()),
            ("CI_SERVER_HOST", host.split(':').next().unwrap_or_default().to_owned()),
            ("CI_SERVER_FQDN", host.to_owned()),
            ("CI_SERVER_NAME", "GitLab".to_owned()),
            ("CI_SERVER_VERSION", "18.5.0-ee".to_owned()),
            ("CI_API_V4_URL", gitlab.api_url()),
            ("CI_API_GRAPHQL_URL", format!("{web}/api/graphql")),
            ("CI_PROJECT_ID", sc.source_project().to_string()),
            ("CI_PROJECT_PATH", source.clone()),
            ("CI_PROJECT_NAMESPACE", namespace.to_owned()),
            ("CI_PROJECT_NAME", name.to_owned()),
            ("CI_PROJECT_URL", format!("{web}/{source}")),
            ("CI_PROJECT_DIR", self.workspace.display().to_string()),
            ("CI_DEFAULT_BRANCH", sc.base_ref.clone()),
            ("CI_PIPELINE_SOURCE", if is_branch { "push" } else { "merge_request_event" }.to_owned()),
            ("CI_PIPELINE_ID", "4711".to_owned()),
            ("CI_PIPELINE_URL", format!("{web}/{source}/-/pipelines/4711")),
            ("CI_JOB_ID", "4712".to_owned()),
            ("CI_JOB_NAME", "review".to_owned()),
            ("CI_JOB_STAGE", "test".to_owned()),
            ("CI_JOB_URL", format!("{web}/{source}/-/jobs/4712")),
            ("CI_JOB_TOKEN", JOB_TOKEN.to_owned()),
            ("CI_COMMIT_SHA", pipeline.commit(gitlab)),
            ("CI_COMMIT_BEFORE_SHA", "0".repeat(40)),
            ("CI_COMMIT_REF_NAME", sc.head_ref.clone()),
            ("GITLAB_USER_LOGIN", sc.author.clone()),
        ];
        self.set(values);
        if is_branch {
            let open = format!("{}!{}", sc.full_name(), sc.number);
            self.set([("CI_COMMIT_BRANCH", sc.head_ref.clone()), ("CI_OPEN_MERGE_REQUESTS", open)]);
        } else {
            self.set_merge(gitlab, pipeline, &sc);
        }
        if !sc.fork {
            self.set([("GITLAB_TOKEN", TOKEN.to_owned())]);
        }
    }

    fn set_merge(&mut self, gitlab: &GitLab, pipeline: Pipeline, sc: &Scenario) {
        let head = gitlab.head();
        let of_merge = |sha: &str| if pipeline.on_merge() { sha.to_owned() } else { String::new() };
        let base = gitlab.versions().pop().expect("a version").base;
        let kind = if pipeline.on_merge() { "merge" } else { "head" };
        self.set([
            ("CI_MERGE_REQUEST_ID", (500_000 + sc.number).to_string()),
            ("CI_MERGE_REQUEST_IID", sc.number.to_string()),
            ("CI_MERGE_REQUEST_REF_PATH", format!("refs/merge-requests/{}/{kind}", sc.number)),
            ("CI_MERGE_REQUEST_PROJECT_ID", sc.project.to_string()),
            ("CI_MERGE_REQUEST_PROJECT_PATH", sc.full_name()),
            ("CI_MERGE_REQUEST_PROJECT_URL", format!("{}/{}", gitlab.web_root(), sc.full_name())),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", sc.base_ref.clone()),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", of_merge(&sc.base)),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", sc.source_project().to_string()),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", sc.source_name()),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", sc.head_ref.clone()),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", of_merge(&head)),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
            ("CI_MERGE_REQUEST_DIFF_ID", gitlab.versions().len().to_string()),
            ("CI_MERGE_REQUEST_EVENT_TYPE", pipeline.event_type().to_owned()),
            ("CI_MERGE_REQUEST_TITLE", sc.title.clone()),
            ("CI_MERGE_REQUEST_DESCRIPTION", sc.body.clone().unwrap_or_default()),
            ("CI_MERGE_REQUEST_LABELS", sc.labels.join(",")),
        ]);
    }

    fn set<const N: usize>(&mut self, values: [(&str, String); N]) {
        self.env.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }
}
