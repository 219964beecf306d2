//! A job of GitHub Actions: its event, its environment and the files through which it speaks to the runner.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::github::{GitHub, TOKEN};
use super::repo::Repo;

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
    /// Somebody wrote this comment on the request.
    Comment(String),
}

/// A job on a runner.
pub struct Actions {
    folder: TempDir,
    workspace: PathBuf,
    env: BTreeMap<String, String>,
    /// Keeps the work tree for as long as the job.
    checkout: Option<Repo>,
}

impl Actions {
    /// A job for the double's pull request, with an empty workspace: nothing was checked out.
    pub fn new(github: &GitHub, event: &Event) -> Actions {
        let folder = TempDir::with_prefix("prudence-job-").expect("a temporary folder");
        let workspace = folder.path().join("workspace");
        fs::create_dir(&workspace).expect("a workspace");
        for name in ["output", "step_summary", "env", "path", "state"] {
            fs::write(folder.path().join(name), "").expect("a file of the runner");
        }
        let payload = payload(github, event).to_string();
        fs::write(folder.path().join("event.json"), payload).expect("an event");
        let mut job = Actions { folder, workspace, env: BTreeMap::new(), checkout: None };
        job.set_env(github, event);
        job
    }

    /// A job whose workspace is this work tree.
    pub fn in_checkout(github: &GitHub, event: &Event, checkout: &Repo) -> Actions {
        let mut job = Actions::new(github, event);
        checkout.path().clone_into(&mut job.workspace);
        job.checkout = Some(checkout.clone());
        job.env.insert("GITHUB_WORKSPACE".to_owned(), checkout.path().display().to_string());
        job
    }

    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The environment of a step, with the token that the action passes on.
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.clone()
    }

    /// The outputs of the step, read as strictly as the runner reads them.
    #[track_caller]
    pub fn outputs(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.folder.path().join("output")).expect("outputs in UTF-8");
        parse_outputs(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
    }

    /// The summary of the step. Fails the test when it is larger than the runner takes.
    #[track_caller]
    pub fn summary(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("step_summary")).expect("a summary in UTF-8");
        assert!(text.len() <= 1024 * 1024, "$GITHUB_STEP_SUMMARY upload aborted, got {}k", text.len() / 1024);
        text
    }

    fn set_env(&mut self, github: &GitHub, event: &Event) {
        let sc = github.scenario();
        let n = sc.number;
        let comment = matches!(event, Event::Comment(_));
        let name = if comment { "issue_comment" } else { "pull_request" };
        let git_ref = if comment { format!("refs/heads/{}", sc.base_ref) } else { format!("refs/pull/{n}/merge") };
        let ref_name = if comment { sc.base_ref.clone() } else { format!("{n}/merge") };
        let refs = if comment { ("", "") } else { (sc.head_ref.as_str(), sc.base_ref.as_str()) };
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let sha = if comment { sc.base.clone() } else { merge_sha(&sc.repo, &sc.base, &github.head()) };
        let values = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_EVENT_NAME", name.to_owned()),
            ("GITHUB_EVENT_PATH", file("event.json")),
            ("GITHUB_REPOSITORY", sc.full_name()),
            ("GITHUB_REPOSITORY_OWNER", sc.owner.clone()),
            ("GITHUB_API_URL", github.api_url()),
            ("GITHUB_GRAPHQL_URL", github.graphql_url()),
            ("GITHUB_SERVER_URL", github.root.clone()),
            ("GITHUB_SHA", sha),
            ("GITHUB_REF", git_ref),
            ("GITHUB_REF_NAME", ref_name),
            ("GITHUB_REF_TYPE", "branch".to_owned()),
            ("GITHUB_HEAD_REF", refs.0.to_owned()),
            ("GITHUB_BASE_REF", refs.1.to_owned()),
            ("GITHUB_ACTOR", sc.author.clone()),
            ("GITHUB_TRIGGERING_ACTOR", sc.author.clone()),
            ("GITHUB_RUN_ID", "4711".to_owned()),
            ("GITHUB_RUN_NUMBER", "7".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_JOB", "review".to_owned()),
            ("GITHUB_WORKFLOW", "review".to_owned()),
            ("GITHUB_ACTION", "__run".to_owned()),
            ("GITHUB_WORKSPACE", self.workspace.display().to_string()),
            ("GITHUB_OUTPUT", file("output")),
            ("GITHUB_STEP_SUMMARY", file("step_summary")),
            ("GITHUB_ENV", file("env")),
            ("GITHUB_PATH", file("path")),
            ("GITHUB_STATE", file("state")),
            ("GITHUB_TOKEN", TOKEN.to_owned()),
            ("RUNNER_TEMP", self.folder.path().display().to_string()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_ENVIRONMENT", "github-hosted".to_owned()),
        ];
        self.env.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }
}

fn merge_sha(repo: &Repo, base: &str, head: &str) -> String {
    repo.actions_checkout(base, head).sha("HEAD")
}

/// The event of a published example, made to tell of this request.
fn payload(github: &GitHub, event: &Event) -> Value {
    let sc = github.scenario();
    let text = match event {
        Event::Opened if sc.fork => include_str!("../../fixtures/events/pull_request.opened.fork.json"),
        Event::Opened => include_str!("../../fixtures/events/pull_request.opened.json"),
        Event::Synchronize { .. } => include_str!("../../fixtures/events/pull_request.synchronize.json"),
        Event::Comment(_) => include_str!("../../fixtures/events/issue_comment.created.on_pull_request.json"),
    };
    let mut event_json: Value = serde_json::from_str(text).expect("the example is JSON");
    let full = sc.full_name();
    set(&mut event_json["repository"], &json!({"name": sc.name, "full_name": full, "default_branch": sc.base_ref}));
    event_json["repository"]["owner"]["login"] = json!(sc.owner);
    event_json["sender"]["login"] = json!(sc.author);
    let labels: Vec<Value> = sc.labels.iter().map(|name| json!({"id": 1, "name": name, "color": "ededed"})).collect();
    let request = json!({"number": sc.number, "title": sc.title, "body": sc.body, "draft": sc.draft, "labels": labels});
    if let Event::Comment(body) = event {
        set(&mut event_json["issue"], &request);
        let url = format!("{}/repos/{full}/pulls/{}", github.api_url(), sc.number);
        event_json["issue"]["pull_request"]["url"] = json!(url);
        set(&mut event_json["comment"], &json!({"body": body, "author_association": "MEMBER"}));
        return event_json;
    }
    event_json["number"] = json!(sc.number);
    let pull = &mut event_json["pull_request"];
    set(pull, &request);
    pull["user"]["login"] = json!(sc.author);
    pull["user"]["type"] = json!(if sc.author.ends_with("[bot]") { "Bot" } else { "User" });
    let head_label = format!("{}:{}", sc.head_owner(), sc.head_ref);
    set(&mut pull["head"], &json!({"sha": github.head(), "ref": sc.head_ref, "label": head_label}));
    set(
        &mut pull["base"],
        &json!({"sha": sc.base, "ref": sc.base_ref, "label": format!("{}:{}", sc.owner, sc.base_ref)}),
    );
    set(&mut pull["base"]["repo"], &json!({"name": sc.name, "full_name": full}));
    set_head_repo(&mut pull["head"], &format!("{}/{}", sc.head_owner(), sc.name), sc.fork, sc.head_repo_deleted);
    if let Event::Synchronize { before } = event {
        set(&mut event_json, &json!({"before": before, "after": github.head()}));
    }
    event_json
}

fn set_head_repo(head: &mut Value, full_name: &str, fork: bool, deleted: bool) {
    if deleted {
        head["repo"] = Value::Null;
        return;
    }
    set(&mut head["repo"], &json!({"full_name": full_name, "fork": fork}));
}

/// Overrides these keys.
fn set(target: &mut Value, keys: &Value) {
    for (key, value) in keys.as_object().into_iter().flatten() {
        target[key] = value.clone();
    }
}

/// Reads the file of a step's outputs with the runner's rules and in its words.
pub fn parse_outputs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut outputs = BTreeMap::new();
    let mut rest = text;
    while let Some((line, _)) = next_line(&mut rest) {
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        let (name, value) = match (equals, heredoc) {
            (Some(at), other) if other.is_none_or(|other| at < other) => (&line[..at], line[at + 1..].to_owned()),
            (_, Some(at)) => (&line[..at], read_heredoc(&mut rest, line, &line[at + 2..])?),
            _ => return Err(format!("Invalid format '{line}'")),
        };
        if name.is_empty() {
            return Err(format!("Invalid format '{line}'. Name must not be empty"));
        }
        outputs.insert(name.to_owned(), value);
    }
    Ok(outputs)
}

fn read_heredoc(rest: &mut &str, line: &str, delimiter: &str) -> Result<String, String> {
    if delimiter.is_empty() {
        return Err(format!("Invalid format '{line}'. Delimiter must not be empty"));
    }
    let mut lines = Vec::new();
    while let Some((line, ended)) = next_line(rest) {
        if line == delimiter {
            return Ok(lines.join("\n"));
        }
        if !ended {
            return Err("Invalid value. EOF marker missing new line.".to_owned());
        }
        lines.push(line);
    }
    Err(format!("Invalid value. Matching delimiter not found '{delimiter}'"))
}

/// The next line without its end, and whether it had one.
fn next_line<'a>(rest: &mut &'a str) -> Option<(&'a str, bool)> {
    if rest.is_empty() {
        return None;
    }
    let (line, tail, ended) = rest.split_once('\n').map_or((*rest, "", false), |(line, tail)| (line, tail, true));
    *rest = tail;
    Some((line.strip_suffix('\r').unwrap_or(line), ended))
}
