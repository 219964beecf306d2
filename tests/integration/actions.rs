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
use crate::support::program::{Prudence, read_json};
use crate::support::pull::{Pull, files, late, mean, pay};
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

/// Keeps what `actions/upload-artifact` would upload, which is not here: a folder for each artifact.
const UPLOAD: &str = r#"inputs: {name: {}, path: {}, if-no-files-found: {}, retention-days: {}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", FILES: "${{ inputs.path }}", WITHOUT: "${{ inputs.if-no-files-found }}"}
      run: |
        mkdir -p "$KEPT/artifacts/$NAME"
        # without quotes, for it may be a pattern
        cp $FILES "$KEPT/artifacts/$NAME/" || [ "$WITHOUT" = ignore ]
"#;

/// Gets these back, as `actions/download-artifact` would.
const DOWNLOAD: &str = r#"inputs: {name: {}, pattern: {}, path: {}, merge-multiple: {}, run-id: {}, github-token: {}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", PATTERN: "${{ inputs.pattern }}", INTO: "${{ inputs.path }}"}
      run: mkdir -p "$INTO" && cp "$KEPT/artifacts"/${NAME:-$PATTERN}/* "$INTO/"
"#;

/// A job on a runner of `act`.
struct Job {
    act: String,
    /// A repository with the workflow and nothing else: the action needs no more.
    repo: Repo,
    /// The action as a runner has it, already built; and what the steps keep.
    folder: TempDir,
}

impl Job {
    /// A job of this workflow. `None`, with a notice, where there is no `act`.
    fn of(workflow: &str) -> Option<Job> {
        let Ok(act) = std::env::var("PRUDENCE_TEST_ACT") else {
            // not `eprintln!`, which the test runner captures
            let _ = writeln!(std::io::stderr(), "notice: skipped, since PRUDENCE_TEST_ACT names no `act`");
            return None;
        };
        let repo = Repo::new().file(".github/workflows/prudence.yml", workflow).commit("a workflow");
        repo.git().remote("origin", "https://github.com/octo/demo").expect("a remote");
        let folder = TempDir::with_prefix("prudence-action-").expect("a temporary folder");
        let job = Job { act, repo, folder };
        for built in ["action/target/release", "action/scripts"] {
            fs::create_dir_all(job.kept(built)).expect("a folder");
        }
        fs::copy(env!("CARGO_BIN_EXE_prudence"), job.program()).expect("the built program");
        fs::copy(source("scripts/install"), job.kept("action/scripts/install")).expect("the script");
        fs::write(job.kept("action/action.yml"), action()).expect("the action");
        for (name, text) in [("upload", UPLOAD), ("download", DOWNLOAD)] {
            fs::create_dir_all(job.kept(name)).expect("a folder");
            fs::write(job.kept(name).join("action.yml"), text).expect("a stand-in");
        }
        Some(job.releases(""))
    }

    /// What the action's manifest lists.
    fn releases(self, manifest: &str) -> Job {
        fs::write(self.kept("action/releases.txt"), manifest).expect("a manifest");
        self
    }

    /// Puts another program in the place of the real one: it keeps its arguments and the inputs that reached it.
    fn with_recorder(self) -> Job {
        let text = "#!/bin/sh\n[ \"$1\" = --version ] && exit\n\
            { echo \"$@\"; env | grep '^INPUT_' | sort; } >\"$KEPT/recorded\"\n";
        fs::write(self.program(), text).expect("a program");
        self
    }

    /// What the recorder kept, if it ran: its arguments, then the inputs.
    fn recorded(&self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.kept("recorded")).ok()?;
        Some(text.lines().map(str::to_owned).collect())
    }

    fn program(&self) -> PathBuf {
        self.kept("action/target/release/prudence")
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the workflow on the double's request; whether the job succeeded, and what it printed.
    fn run(&self, pull: &Pull) -> (bool, String) {
        self.run_on(pull, &Event::Opened)
    }

    fn run_on(&self, pull: &Pull, event: &Event) -> (bool, String) {
        let event = Actions::new(&pull.github, event);
        let mut command = Command::new(&self.act);
        command.args([
            &event.env()["GITHUB_EVENT_NAME"],
            "--bind",
            "--action-offline-mode",
            "-P",
            "ubuntu-latest=-self-hosted",
            "-e",
        ]);
        command.arg(&event.env()["GITHUB_EVENT_PATH"]).arg("--local-repository");
        command.arg(format!("prudence-review/prudence@main={}", self.kept("action").display()));
        for name in ["upload", "download"] {
            let (action, sha) = pinned(name);
            command.arg("--local-repository").arg(format!("{action}@{sha}={}", self.kept(name).display()));
        }
        for (name, value) in [
            ("GITHUB_API_URL", pull.github.api_url()),
            ("GITHUB_GRAPHQL_URL", pull.github.graphql_url()),
            ("GITHUB_SERVER_URL", pull.github.root.clone()),
            ("MODEL_SERVER", pull.openai.url.clone()),
            ("OPENAI_BASE_URL", pull.openai.url.clone()),
            // one answer a chunk is scripted
            ("PRUDENCE_EFFORT", "low".to_owned()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
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

/// An action for artifacts, and the commit of it that the workflows name.
fn pinned(name: &str) -> (String, String) {
    let action = format!("actions/{name}-artifact");
    let text = fs::read_to_string(source("docs/shards.md")).expect("the page");
    let (_, rest) = text.split_once(&format!("{action}@")).expect("a step");
    (action, rest.chars().take_while(char::is_ascii_hexdigit).collect())
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn action() -> String {
    fs::read_to_string(source("action.yml")).expect("the action")
}

#[test]
fn the_action_reviews_the_request_of_its_event() {
    let Some(job) = Job::of(WORKFLOW) else { return };
    let pull = Pull::of_pay(vec![mean(), late()]);
    let (is_success, text) = job.run(&pull);
    assert!(is_success, "{text}");
    assert!(!text.contains(KEY) && !text.contains(TOKEN), "{text}");
    let (reviews, comments) = (pull.github.requests_to(Route::CreateReview), pull.github.issue_comments());
    assert_eq!((reviews.len(), comments.len()), (1, 1), "{text}");
    assert_eq!(reviews[0].body["comments"].as_array().map(Vec::len), Some(1), "the input `max-comments` counts");
    let outputs: Value = read_json(job.kept("outputs.json"));
    for (name, value) in
        [("conclusion", "reviewed"), ("status", "complete"), ("findings", "2"), ("posted", "1"), ("channel", "review")]
    {
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
    let Some(job) = Job::of(WORKFLOW) else { return };
    let script = Script::new().always(Answer::quota());
    let pull = Pull::new(Scenario::new(&pay(), "main", "feature"), script);
    let (is_success, text) = job.run(&pull);
    assert!(!is_success && text.contains("no quota left"), "{text}");
    assert!(pull.github.writes().is_empty(), "{text}");
}

/// A job with one step, which gives the action these inputs and keeps its outputs.
fn workflow(inputs: &[(String, String)]) -> String {
    let with: String = inputs.iter().map(|(name, value)| format!("          {name}: {value}\n")).collect();
    let (head, tail) =
        (WORKFLOW.find("          openai-api-key").unwrap(), WORKFLOW.find("      - if: always").unwrap());
    format!("{}{with}{}", &WORKFLOW[..head], &WORKFLOW[tail..])
}

/// The inputs that the program reads, and not the steps of the action.
fn inputs_of_the_program() -> Vec<String> {
    let of_the_steps = ["config", "continue-on-incomplete", "plan-shards", "publish", "version"];
    let inputs = entries(&action(), "inputs").into_iter();
    inputs.filter(|name| !of_the_steps.contains(&name.as_str())).collect()
}

/// The variable by which the program reads an input.
fn variable(input: &str) -> String {
    format!("INPUT_{}", input.to_uppercase().replace('-', "_"))
}

#[test]
fn every_input_reaches_the_program_as_text() {
    let inputs = inputs_of_the_program();
    // what a shell would run, were it pasted into a line
    let value = |name: &str| format!("'{name} `exit 7` $(exit 8)'");
    let given: Vec<_> = inputs.iter().map(|name| (name.clone(), value(name))).collect();
    let Some(job) = Job::of(&workflow(&given)) else { return };
    let job = job.with_recorder();
    let (is_success, text) = job.run(&Pull::of_pay(Vec::new()));
    assert!(is_success, "{text}");
    let recorded = job.recorded().expect("a run");
    assert_eq!(recorded[0].trim(), "review --config", "an empty input is no file: {text}");
    for input in &inputs {
        let line = format!("{}={}", variable(input), value(input).trim_matches('\''));
        assert!(recorded.contains(&line), "`{line}` is not in {recorded:#?}");
    }
}

#[test]
fn a_report_is_published_instead_of_a_review() {
    let inputs =
        [("publish", "'made elsewhere.json'"), ("config", "other.toml")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let Some(job) = Job::of(&workflow(&inputs)) else { return };
    let job = job.with_recorder();
    let (is_success, text) = job.run(&Pull::of_pay(Vec::new()));
    assert!(is_success, "{text}");
    assert_eq!(job.recorded().expect("a run")[0], "publish made elsewhere.json");
}

#[test]
fn a_program_that_cannot_be_had_ends_the_job() {
    let Some(job) = Job::of(&workflow(&[("version".to_owned(), "9.9.9".to_owned())])) else { return };
    let job = job.with_recorder();
    let (is_success, text) = job.run(&Pull::of_pay(Vec::new()));
    assert!(!is_success && text.contains("there is no release 9.9.9 for x86_64-unknown-linux-musl"), "{text}");
    assert_eq!(job.recorded(), None, "{text}");
    assert_eq!(read_json(job.kept("outputs.json"))["conclusion"], "failed", "{text}");
}

#[test]
fn the_workflow_of_init_reviews_a_request() {
    let Some(job) = Job::of(&written_by_init(&[])) else { return };
    let pull = Pull::of_pay(vec![mean()]);
    let (is_success, text) = job.run(&pull);
    assert!(is_success, "{text}");
    let page = fs::read_to_string(job.kept("artifacts/prudence-page/prudence.html")).expect("the page");
    assert!(page.contains("Division by zero without payments"), "{page}");
    assert_eq!((pull.github.reviews().len(), pull.github.issue_comments().len()), (1, 1), "{text}");
}

#[test]
fn the_workflow_of_the_readme_reviews_a_request() {
    let readme = fs::read_to_string(source("README.md")).expect("the README");
    let workflow = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a workflow");
    let Some(job) = Job::of(workflow) else { return };
    let pull = Pull::of_pay(vec![mean()]);
    let (is_success, text) = job.run(&pull);
    assert!(is_success, "{text}");
    assert_eq!((pull.github.reviews().len(), pull.github.issue_comments().len()), (1, 1), "{text}");
}

#[test]
fn the_workflow_of_init_hears_commands_and_no_other_comments() {
    let Some(job) = Job::of(&written_by_init(&[])) else { return };
    let job = job.with_recorder();
    let pull = Pull::of_pay(Vec::new());
    for (comment, is_heard) in [("What a /prudence change!", false), ("/prudence review", true)] {
        let (is_success, text) = job.run_on(&pull, &Event::Comment(comment.to_owned()));
        assert!(is_success, "{text}");
        assert_eq!(job.recorded().is_some(), is_heard, "{comment}: {text}");
    }
}

/// The first workflow that `prudence init` writes.
fn written_by_init(flags: &[&str]) -> String {
    let repo = Repo::new();
    Prudence::new().current_dir(repo.path()).arg("init").args(flags).run().expect_code(0);
    fs::read_to_string(repo.path().join(".github/workflows/prudence.yml")).expect("a workflow")
}

#[test]
fn the_conclusion_says_how_the_step_ended() {
    let scenario = || Scenario::new(&pay(), "main", "feature");
    let check = |scenario: Scenario, args: &[&str], code: i32, expected: &str| {
        let pull = Pull::new(scenario, Script::new());
        assert_eq!(pull.review(args, code).job().outputs()["conclusion"], expected, "{args:?}");
    };
    check(scenario(), &[], 0, "reviewed");
    check(scenario(), &["--max-cost", "0"], 3, "incomplete");
    check(scenario().draft(), &[], 0, "skipped");
}

/// The workflow of the page on shards, for two of them.
fn sharded() -> String {
    let page = fs::read_to_string(source("docs/shards.md")).expect("the page");
    let (_, rest) = page.split_once("```yaml\n").expect("a workflow");
    let workflow = rest.split_once("```\n").expect("its end").0;
    // `act` numbers no jobs of a matrix
    let workflow = workflow.replace("strategy.job-index", "matrix.shard == '1/2' && '0' || '1'");
    workflow.replace("plan-shards: 8", "plan-shards: 2")
}

#[test]
fn the_jobs_of_the_page_on_shards_review_together() {
    let Some(job) = Job::of(&sharded()) else { return };
    let pull = Pull::new(Scenario::new(&files(400), "main", "feature"), Script::new());
    let (succeeded, text) = job.run(&pull);
    assert!(succeeded, "{text}");
    let reports: Vec<Value> =
        (0..2).map(|index| read_json(job.kept(&format!("artifacts/report-{index}/report-{index}.json")))).collect();
    assert_eq!(reports[1]["shard"]["index"], "2/2");
    let prompts = pull.openai.prompts();
    assert!(prompts.len() > 2, "{} prompts", prompts.len());
    let shown = (0..400).filter(|n| prompts.iter().any(|prompt| prompt.contains(&format!("let b{n} = a{n} / {n};"))));
    assert_eq!(shown.count(), 400);
    let summary = &pull.github.issue_comments()[0].body;
    assert!(summary.contains("400 of 400 changed lines reviewed"), "{summary}");
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
    let mut written: Vec<String> = pull.review(&[], 0).job().outputs().into_keys().collect();
    let job = Actions::new(&pull.github, &Event::Opened);
    Prudence::new().actions(&job).args(["plan", "--shards", "2"]).run().expect_code(0);
    written.extend(job.outputs().into_keys().filter(|name| name != "conclusion"));
    written.sort();
    let mut declared = entries(&action, "outputs");
    declared.sort();
    assert_eq!(declared, written);
    for input in entries(&action, "inputs") {
        let handed_on = action.contains(&format!("${{{{ inputs.{input} }}}}"));
        assert!(handed_on, "the input `{input}` goes nowhere");
    }
    // `act` hands inputs on by itself, and a runner does not
    for input in inputs_of_the_program() {
        let line = format!("{}: ${{{{ inputs.{input} }}}}\n", variable(&input));
        assert!(action.contains(&line), "no line `{line}`");
    }
    for input in prudence::config::keys::ALL.iter().filter_map(|key| key.input) {
        assert!(entries(&action, "inputs").iter().any(|name| name == input), "no input `{input}`");
    }
}
