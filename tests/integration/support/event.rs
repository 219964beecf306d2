//! The events that start a job, in the shapes of published examples.

use serde_json::{Value, json};

use super::github::{GitHub, MEMBER, Scenario};

/// What started the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The request was opened; from a fork where the scenario says so.
    Opened,
    /// Somebody pushed; the head before it.
    Synchronize {
        /// The head before the push.
        before: String,
    },
    Reopened,
    /// The request is no longer a draft.
    ReadyForReview,
    /// The request was closed without a merge.
    Closed,
    /// The request was opened, and the job runs with the rights of the default branch.
    Target,
    /// A member wrote this comment on the request.
    Comment(String),
    /// Somebody wrote this comment on the request; a login that ends with `[bot]` is an app.
    CommentBy {
        /// The login.
        author: String,
        body: String,
    },
    /// Somebody started the workflow by hand, for the request with this number.
    Dispatch(u64),
    /// The request stands in the merge queue.
    MergeGroup,
    /// The review workflow, which has no rights, has ended for this commit.
    WorkflowRun {
        /// The head that it ran for.
        head_sha: String,
    },
}

impl Event {
    /// `GITHUB_EVENT_NAME`
    pub fn name(&self) -> &'static str {
        match self {
            Event::Target => "pull_request_target",
            Event::Comment(_) | Event::CommentBy { .. } => "issue_comment",
            Event::Dispatch(_) => "workflow_dispatch",
            Event::MergeGroup => "merge_group",
            Event::WorkflowRun { .. } => "workflow_run",
            _ => "pull_request",
        }
    }

    /// Whether the job runs on the merge of the request into its base.
    pub fn on_merge(&self) -> bool {
        self.name() == "pull_request"
    }

    /// `GITHUB_REF_NAME`
    pub fn ref_name(&self, scenario: &Scenario) -> String {
        match self {
            Event::MergeGroup => {
                format!("gh-readonly-queue/{}/pr-{}-{}", scenario.base_ref, scenario.number, scenario.base)
            }
            _ if self.on_merge() => format!("{}/merge", scenario.number),
            _ => scenario.base_ref.clone(),
        }
    }

    /// `GITHUB_SHA`
    pub fn sha(&self, github: &GitHub) -> String {
        if self.on_merge() || *self == Event::MergeGroup { merge_sha(github) } else { github.scenario().base }
    }

    /// `GITHUB_ACTOR`
    pub fn actor(&self, scenario: &Scenario) -> String {
        match self {
            Event::Comment(_) => MEMBER.to_owned(),
            Event::CommentBy { author, .. } => author.clone(),
            _ => scenario.author.clone(),
        }
    }

    /// The event of a published example, made to tell of this request.
    pub fn payload(&self, github: &GitHub) -> Value {
        let sc = github.scenario();
        let mut payload: Value = serde_json::from_str(self.example(&sc)).expect("the example is JSON");
        let full = sc.full_name();
        let repository = json!({"name": sc.name, "full_name": full, "default_branch": sc.base_ref});
        set(&mut payload["repository"], &repository);
        payload["repository"]["owner"]["login"] = json!(sc.owner);
        set_person(&mut payload["sender"], &self.actor(&sc));
        match self {
            Event::Comment(body) => set_comment(&mut payload, github, MEMBER, body),
            Event::CommentBy { author, body } => set_comment(&mut payload, github, author, body),
            Event::Dispatch(number) => {
                let branch = format!("refs/heads/{}", sc.base_ref);
                set(&mut payload, &json!({"inputs": {"pr-number": number.to_string()}, "ref": branch}));
            }
            Event::MergeGroup => {
                let (head, base) = (self.ref_name(&sc), sc.base_ref.clone());
                let group = json!({
                    "head_sha": merge_sha(github), "head_ref": format!("refs/heads/{head}"),
                    "base_sha": sc.base, "base_ref": format!("refs/heads/{base}"),
                });
                set(&mut payload["merge_group"], &group);
            }
            Event::WorkflowRun { head_sha } => set_workflow_run(&mut payload, &sc, head_sha),
            _ => self.set_pull(&mut payload, github),
        }
        payload
    }

    fn example(&self, scenario: &Scenario) -> &'static str {
        match self {
            Event::Synchronize { .. } => include_str!("../../fixtures/events/pull_request.synchronize.json"),
            Event::Reopened => include_str!("../../fixtures/events/pull_request.reopened.json"),
            Event::ReadyForReview => include_str!("../../fixtures/events/pull_request.ready_for_review.json"),
            Event::Comment(_) | Event::CommentBy { .. } => {
                include_str!("../../fixtures/events/issue_comment.created.on_pull_request.json")
            }
            Event::Dispatch(_) => include_str!("../../fixtures/events/workflow_dispatch.json"),
            Event::MergeGroup => include_str!("../../fixtures/events/merge_group.checks_requested.json"),
            Event::WorkflowRun { .. } => include_str!("../../fixtures/events/workflow_run.completed.json"),
            Event::Opened | Event::Closed | Event::Target if scenario.fork => {
                include_str!("../../fixtures/events/pull_request.opened.fork.json")
            }
            Event::Opened | Event::Closed | Event::Target => {
                include_str!("../../fixtures/events/pull_request.opened.json")
            }
        }
    }

    fn set_pull(&self, payload: &mut Value, github: &GitHub) {
        let sc = github.scenario();
        payload["number"] = json!(sc.number);
        if *self == Event::Closed {
            payload["action"] = json!("closed");
        }
        if let Event::Synchronize { before } = self {
            set(payload, &json!({"before": before, "after": github.head()}));
        }
        let pull = &mut payload["pull_request"];
        set(pull, &request(github));
        if *self == Event::Closed {
            set(pull, &json!({"state": "closed", "merged": false}));
        }
        set_person(&mut pull["user"], &sc.author);
        let head_label = format!("{}:{}", sc.head_owner(), sc.head_ref);
        set(&mut pull["head"], &json!({"sha": github.head(), "ref": sc.head_ref, "label": head_label}));
        let base_label = format!("{}:{}", sc.owner, sc.base_ref);
        set(&mut pull["base"], &json!({"sha": sc.base, "ref": sc.base_ref, "label": base_label}));
        set(&mut pull["base"]["repo"], &json!({"name": sc.name, "full_name": sc.full_name()}));
        set_head_repo(&mut pull["head"]["repo"], &sc);
    }
}

/// What a request and its issue have in common.
fn request(github: &GitHub) -> Value {
    let sc = github.scenario();
    let label = |name: &String| json!({"id": 1, "name": name, "color": "ededed"});
    json!({
        "number": sc.number, "title": sc.title, "body": sc.body, "draft": sc.draft,
        "labels": sc.labels.iter().map(label).collect::<Vec<_>>(),
        "state": if github.is_open() { "open" } else { "closed" }, "author_association": sc.association(&sc.author),
    })
}

/// A comment that the double has: its own newest one like it, or a new one.
fn set_comment(payload: &mut Value, github: &GitHub, author: &str, body: &str) {
    let sc = github.scenario();
    let known = github.issue_comments().into_iter().rev().find(|note| note.author == author && note.body == body);
    let id = known.map_or_else(|| github.add_issue_comment(author, body), |note| note.id);
    let issue = &mut payload["issue"];
    set(issue, &request(github));
    set_person(&mut issue["user"], &sc.author);
    let url = format!("{}/repos/{}/pulls/{}", github.api_url(), sc.full_name(), sc.number);
    issue["pull_request"]["url"] = json!(url);
    let html = format!("{}#issuecomment-{id}", github.pull_url());
    let comment = json!({"id": id, "body": body, "html_url": html, "author_association": sc.association(author)});
    set(&mut payload["comment"], &comment);
    set_person(&mut payload["comment"]["user"], author);
}

/// The run of a workflow on a pull request; the host names no request where the head is in a fork, and sometimes not
/// where it is not.
fn set_workflow_run(payload: &mut Value, sc: &Scenario, head_sha: &str) {
    set(&mut payload["workflow"], &json!({"name": "review", "path": ".github/workflows/review.yml"}));
    let run = &mut payload["workflow_run"];
    let values = json!({
        "name": "review", "event": "pull_request", "status": "completed", "conclusion": "success",
        "head_sha": head_sha, "head_branch": sc.head_ref, "pull_requests": [],
    });
    set(run, &values);
    set(&mut run["repository"], &json!({"name": sc.name, "full_name": sc.full_name()}));
    set_head_repo(&mut run["head_repository"], sc);
}

fn set_head_repo(repo: &mut Value, sc: &Scenario) {
    if sc.head_repo_deleted {
        *repo = Value::Null;
        return;
    }
    let full = format!("{}/{}", sc.head_owner(), sc.name);
    set(repo, &json!({"name": sc.name, "full_name": full, "fork": sc.fork}));
    repo["owner"]["login"] = json!(sc.head_owner());
}

fn set_person(person: &mut Value, login: &str) {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    set(person, &json!({"login": login, "type": kind}));
}

/// Overrides these keys.
fn set(target: &mut Value, keys: &Value) {
    for (key, value) in keys.as_object().into_iter().flatten() {
        target[key] = value.clone();
    }
}

fn merge_sha(github: &GitHub) -> String {
    let sc = github.scenario();
    sc.repo.actions_checkout(&sc.base, &github.head()).sha("HEAD")
}
