//! The action of this repository in a workflow, run by the real `act` where `PRUDENCE_TEST_ACT` names it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::actions::{Actions, Event};
use crate::support::github::{Route, Scenario, TOKEN};
use crate::support::openai::{Answer, KEY, Script};
use crate::support::program::read_json;
use crate::support::pull::{Pull, late, mean, pay};
use crate::support::repo::Repo;

/// Reviews the request of the event, then keeps what the step told the job.
const WORKFLOW: &str = r#"on: pull_request
permissions: {}
jobs:
  review:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      pull-requests: write
    steps:
      - uses: prudence-review/prudence@main
        id: prudence
        with:
          openai-api-key: ${{ secrets.OPENAI_API_KEY }}
          base-url: ${{ env.MODEL_SERVER }}
          max-comments: "1"
          output: ${{ env.KEPT }}/report.json
      - if: always()
        run: printf '%s' "$OUTPUTS" >"$KEPT/outputs.json"
        env:
          OUTPUTS: ${{ toJSON(steps.prudence.outputs) }}
"#;

/// A job on a runner of `act`.
struct Job {
    act: String,
    /// A repository with the workflow and nothing else: the action needs no checkout.
    repo: Repo,
    /// The action as a runner has it, already built; and what the steps keep.
    folder: TempDir,
}

impl Job {
    /// `None`, with a notice, where there is no `act`.
    fn new() -> Option<Job> {
        let Ok(act) = std::env::var("PRUDENCE_TEST_ACT") else {
            // not `eprintln!`, which the test runner captures
            let _ = writeln!(std::io::stderr(), "notice: skipped, since PRUDENCE_TEST_ACT names no `act`");
            return None;
        };
        let repo = Repo::new().file(".github/workflows/review.yml", WORKFLOW).commit("a workflow");
        repo.git().remote("origin", "https://github.com/octo/demo").expect("a remote");
        let folder = TempDir::with_prefix("prudence-action-").expect("a temporary folder");
        let built = folder.path().join("action/target/release");
        fs::create_dir_all(&built).expect("a folder");
        fs::copy(env!("CARGO_BIN_EXE_prudence"), built.join("prudence")).expect("the built program");
        fs::write(folder.path().join("action/action.yml"), action()).expect("the action");
        Some(Job { act, repo, folder })
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the workflow on the double's request; whether the job succeeded, and what it printed.
    fn run(&self, pull: &Pull) -> (bool, String) {
        let event = Actions::new(&pull.github, &Event::Opened);
        let mut command = Command::new(&self.act);
        command.args(["pull_request", "--bind", "--action-offline-mode", "-P", "ubuntu-latest=-self-hosted", "-e"]);
        command.arg(&event.env()["GITHUB_EVENT_PATH"]).arg("--local-repository");
        command.arg(format!("prudence-review/prudence@main={}", self.kept("action").display()));
        for (name, value) in [
            ("GITHUB_API_URL", pull.github.api_url()),
            ("GITHUB_GRAPHQL_URL", pull.github.graphql_url()),
            ("GITHUB_SERVER_URL", pull.github.root.clone()),
            ("MODEL_SERVER", pull.openai.url.clone()),
            ("KEPT", self.folder.path().display().to_string()),
        ] {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        // act takes their values from its environment, so that they stand in no list of processes
        command.args(["--secret", "GITHUB_TOKEN", "--secret", "OPENAI_API_KEY"]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.env("GITHUB_TOKEN", TOKEN).env("OPENAI_API_KEY", KEY).current_dir(self.repo.path());
        let output = command.output().expect("act starts");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
        (output.status.success(), text)
    }
}

fn action() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).expect("the action")
}

#[test]
fn the_action_reviews_the_request_of_its_event() {
    let Some(job) = Job::new() else { return };
    let pull = Pull::of_pay(vec![mean(), late()]);
    let (is_success, text) = job.run(&pull);
    assert!(is_success, "{text}");
    assert!(!text.contains(KEY) && !text.contains(TOKEN), "{text}");
    let (reviews, comments) = (pull.github.requests_to(Route::CreateReview), pull.github.issue_comments());
    assert_eq!((reviews.len(), comments.len()), (1, 1), "{text}");
    assert_eq!(reviews[0].body["comments"].as_array().map(Vec::len), Some(1), "the input `max-comments` counts");
    let outputs: Value = read_json(job.kept("outputs.json"));
    for (name, value) in [("status", "complete"), ("findings", "2"), ("posted", "1"), ("channel", "review")] {
        assert_eq!(outputs[name], value, "{name}: {outputs}");
    }
    let report = read_json(job.kept("report.json"));
    assert_eq!(report["change"]["head_sha"], json!(pull.github.head()));
    assert_eq!(report["findings"][0]["title"], "Division by zero without payments");

    let (again, text) = job.run(&pull);
    assert!(again, "{text}");
    assert_eq!((pull.github.reviews().len(), pull.github.issue_comments().len()), (1, 1), "{text}");
}

#[test]
fn the_action_fails_where_its_input_says_so() {
    let Some(job) = Job::new() else { return };
    let script = Script::new().always(Answer::quota());
    let pull = Pull::new(Scenario::new(&pay(), "main", "feature"), script);
    let (is_success, text) = job.run(&pull);
    assert!(!is_success && text.contains("no quota left"), "{text}");
    assert!(pull.github.writes().is_empty(), "{text}");
}

/// The names of a section's entries in `action.yml`: the keys that stand two spaces in.
fn entries(action: &str, section: &str) -> Vec<String> {
    let lines = action.lines().skip_while(|line| *line != format!("{section}:")).skip(1);
    let inside = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let keys = inside.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    keys.filter(|key| !key.starts_with(' ')).map(str::to_owned).collect()
}

#[test]
fn the_action_and_the_program_agree_on_names() {
    let action = action();
    let pull = Pull::of_pay(Vec::new());
    let written: Vec<String> = pull.review(&[], 0).job().outputs().into_keys().collect();
    let mut declared = entries(&action, "outputs");
    declared.sort();
    assert_eq!(declared, written);
    for input in entries(&action, "inputs") {
        let handed_on = action.contains(&format!("${{{{ inputs.{input} }}}}"));
        assert!(handed_on, "the input `{input}` goes nowhere");
    }
}
