//! A job of GitHub Actions: its event, its environment and the files through which it speaks to the runner.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub use super::event::Event;
use super::github::{GitHub, TOKEN};
use super::repo::Repo;

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
        let payload = event.payload(github).to_string();
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
        let ref_name = event.ref_name(&sc);
        let git_ref = if event.on_merge() { format!("refs/pull/{ref_name}") } else { format!("refs/heads/{ref_name}") };
        let of_pull = event.name().starts_with("pull_request");
        let refs = if of_pull { (sc.head_ref.as_str(), sc.base_ref.as_str()) } else { ("", "") };
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let actor = event.actor(&sc);
        let values = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_EVENT_NAME", event.name().to_owned()),
            ("GITHUB_EVENT_PATH", file("event.json")),
            ("GITHUB_REPOSITORY", sc.full_name()),
            ("GITHUB_REPOSITORY_OWNER", sc.owner.clone()),
            ("GITHUB_API_URL", github.api_url()),
            ("GITHUB_GRAPHQL_URL", github.graphql_url()),
            ("GITHUB_SERVER_URL", github.root.clone()),
            ("GITHUB_SHA", event.sha(github)),
            ("GITHUB_REF", git_ref),
            ("GITHUB_REF_NAME", ref_name),
            ("GITHUB_REF_TYPE", "branch".to_owned()),
            ("GITHUB_HEAD_REF", refs.0.to_owned()),
            ("GITHUB_BASE_REF", refs.1.to_owned()),
            ("GITHUB_ACTOR", actor.clone()),
            ("GITHUB_TRIGGERING_ACTOR", actor),
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
