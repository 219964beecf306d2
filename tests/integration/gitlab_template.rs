//! The job of GitLab, run by the real `gitlab-ci-local` where `PRUDENCE_TEST_GITLAB_CI_LOCAL` names it: the template that
//! others include, and the files that `prudence init --gitlab` writes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use prudence::config::keys;
use serde_json::{Value, json};

use crate::formats::check_codequality;
use crate::support::gitlab::{JOB_TOKEN, Scenario, TOKEN};
use crate::support::gitlab_ci::{Job, Pipeline};
use crate::support::merge::Merge;
use crate::support::openai::{KEY, Script};
use crate::support::program::{Prudence, read_json};
use crate::support::pull::{late, mean, pay, removed};
use crate::support::repo::Repo;

const TEMPLATE: &str = "templates/prudence.yml";
const REPORT: &str = "prudence-report.json";
const CODE_QUALITY: &str = "gl-code-quality-report.json";

/// The runner, with the folder that it works in.
struct Runner {
    program: String,
    repo: Repo,
    /// Where the job finds `prudence`.
    bin: PathBuf,
}

/// What the runner said of a pipeline that has ended. Its exit code does not tell: it takes any job with a list of allowed
/// codes for one that may fail.
struct Ran(String);

impl Runner {
    /// A runner in this repository. `None`, with a notice, where there is no `gitlab-ci-local`.
    fn new(repo: Repo) -> Option<Runner> {
        let Ok(program) = std::env::var("PRUDENCE_TEST_GITLAB_CI_LOCAL") else {
            // not `eprintln!`, which the test runner captures
            let _ = writeln!(
                std::io::stderr(),
                "notice: skipped, since PRUDENCE_TEST_GITLAB_CI_LOCAL names no `gitlab-ci-local`"
            );
            return None;
        };
        let bin = Path::new(env!("CARGO_BIN_EXE_prudence")).parent().expect("a folder").to_owned();
        // it sees only files that git knows
        Some(Runner { program, repo: repo.stage(), bin })
    }

    /// A runner whose pipeline includes the template with these inputs, and has nothing else in its folder.
    fn of_template(inputs: &[(&str, Value)]) -> Option<Runner> {
        Runner::new(with_template(Repo::new(), inputs))
    }

    /// Puts another program in the place of the real one: it keeps what reached it, and ends well.
    fn with_recorder(mut self) -> Runner {
        self.bin = self.path("recorder");
        let text = format!(
            "#!/bin/sh\n{{ echo \"$@\"; env | grep -E '^(PRUDENCE_|GIT_(STRATEGY|DEPTH)=|CI_JOB_(NAME|STAGE)=)' | sort; }} >'{}'\n",
            self.path("recorded").display()
        );
        fs::create_dir(&self.bin).expect("a folder");
        fs::write(self.bin.join("prudence"), text).expect("a program");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(self.bin.join("prudence"), fs::Permissions::from_mode(0o755)).expect("a program");
        }
        self
    }

    /// What the recorder kept, if it ran: its arguments, then variables.
    fn recorded(&self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.path("recorded")).ok()?;
        Some(text.lines().map(str::to_owned).collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.repo.path().join(name)
    }

    /// Runs the pipeline of this job, with the variables of the project.
    fn run(&self, merge: &Merge, job: Job) -> Ran {
        let mut variables = job.env();
        // the runner makes its own
        for name in ["CI_PROJECT_DIR", "CI_JOB_ID", "CI_JOB_NAME", "CI_JOB_STAGE"] {
            variables.remove(name);
        }
        // one answer a chunk is scripted, unless the job says how much is asked: a variable of the project would win
        let job = fs::read_to_string(self.path(".gitlab-ci.yml")).unwrap_or_default();
        let effort = (!job.contains("effort")).then_some(("PRUDENCE_EFFORT", "low"));
        for (name, value) in [("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &merge.openai.url)].into_iter().chain(effort)
        {
            variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        fs::write(self.path(".gitlab-ci-local-variables.yml"), json!(variables).to_string()).expect("a file");
        let _ = self.repo.git().remote("origin", &format!("{}/octo/demo.git", merge.gitlab.web_root()));
        let mut path = OsString::from(&self.bin);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(&self.program);
        command.args(["--force-shell-executor", "--unset-variable", "CI_COMMIT_BRANCH"]);
        command.env_clear().env("PATH", path).env("HOME", self.repo.path()).current_dir(self.repo.path());
        let output = command.output().expect("gitlab-ci-local starts");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
        for secret in [KEY, TOKEN, JOB_TOKEN] {
            assert!(!text.contains(secret), "a secret is shown\n{text}");
        }
        Ran(text)
    }

    /// The same for an ordinary pipeline of the merge request.
    fn review(&self, merge: &Merge) -> Ran {
        self.run(merge, Job::new(&merge.gitlab, Pipeline::Merge))
    }

    /// The Code Quality report, which must be a valid one.
    #[track_caller]
    fn code_quality(&self) -> Value {
        let report = read_json(self.path(CODE_QUALITY));
        check_codequality(&report);
        report
    }

    /// The report among the artifacts of the job.
    #[track_caller]
    fn report(&self, job: &str) -> Value {
        read_json(self.path(&format!(".gitlab-ci-local/artifacts/{job}/{REPORT}")))
    }
}

impl Ran {
    /// Fails the test unless the job ended so (`PASS`, `WARN 3`, `FAIL 1`) and the runner said this.
    #[track_caller]
    fn expect(self, end: &str, text: &str) -> Ran {
        assert!(
            self.0.contains(&format!(" {end} ")) && self.0.contains(text),
            "no `{end}` with `{text}` in\n{}",
            self.0
        );
        self
    }
}

/// The files of a pipeline that includes the template with these inputs.
fn with_template(repo: Repo, inputs: &[(&str, Value)]) -> Repo {
    let inputs: BTreeMap<&str, &Value> = inputs.iter().map(|(name, value)| (*name, value)).collect();
    let include = json!({"include": [{"local": TEMPLATE, "inputs": inputs}]});
    repo.file(TEMPLATE, source(TEMPLATE)).file(".gitlab-ci.yml", include.to_string())
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Threads, and notes on the request as a whole.
fn posted(merge: &Merge) -> (usize, usize) {
    (merge.gitlab.discussions().len(), merge.gitlab.notes().len())
}

#[test]
fn the_template_reviews_a_merge_request() {
    let Some(runner) = Runner::of_template(&[]) else { return };
    let merge = Merge::of_pay(vec![mean(), late(), removed()]);
    runner.review(&merge).expect("PASS", "Division by zero without payments");
    assert_eq!(posted(&merge), (3, 1));
    assert_eq!(runner.code_quality().as_array().map(Vec::len), Some(3));
    let report = runner.report("prudence");
    assert_eq!((&report["status"], &report["delivery"]["channel"]), (&json!("complete"), &json!("review")));
    assert_eq!(report["change"]["head_sha"], json!(merge.gitlab.head()));

    let writes = merge.gitlab.writes().len();
    runner.review(&merge).expect("PASS", "pipeline finished");
    assert_eq!((posted(&merge), merge.gitlab.writes().len()), ((3, 1), writes), "a reviewed head is left alone");
}

#[test]
fn a_finding_fails_the_job_where_an_input_says_so() {
    let Some(runner) = Runner::of_template(&[("fail-on", json!("critical"))]) else { return };
    let merge = Merge::of_pay(vec![mean()]);
    runner.review(&merge).expect("FAIL 1", "Division by zero");
    assert_eq!((posted(&merge), runner.code_quality().as_array().map(Vec::len)), ((1, 1), Some(1)));
    assert_eq!(runner.report("prudence")["findings"][0]["severity"], "critical", "kept although the job failed");

    let by_project = Runner::of_template(&[("fail-on", json!("never"))]).expect("a runner");
    let merge = Merge::of_pay(vec![mean()]);
    let job = Job::new(&merge.gitlab, Pipeline::Merge).env_of("PRUDENCE_FAIL_ON", "critical");
    by_project.run(&merge, job).expect("FAIL 1", "Division by zero");

    let allowed = [("fail-on", json!("critical")), ("allow-failure", json!([1, 3]))];
    let runner = Runner::of_template(&allowed).expect("a runner");
    runner.review(&Merge::of_pay(vec![mean()])).expect("WARN 1", "Division by zero");
}

#[test]
fn a_review_of_a_part_is_a_warning() {
    let Some(runner) = Runner::of_template(&[("max-cost", json!("0"))]) else { return };
    let merge = Merge::of_pay(vec![mean()]);
    runner.review(&merge).expect("WARN 3", "7 changed lines");
    assert_eq!((posted(&merge), runner.report("prudence")["status"].as_str()), ((0, 1), Some("incomplete")));
    assert_eq!(runner.code_quality()[0]["severity"], "info", "what nobody looked at");
}

#[test]
fn a_review_that_did_not_take_place_fails_and_leaves_no_files() {
    let Some(runner) = Runner::of_template(&[]) else { return };
    for old in [REPORT, CODE_QUALITY] {
        fs::write(runner.path(old), "[]").expect("a file of an earlier job");
    }
    let merge = Merge::of_pay(vec![mean()]);
    let job = Job::new(&merge.gitlab, Pipeline::Merge).env_of("OPENAI_API_KEY", "");
    runner.run(&merge, job).expect("FAIL 2", "OPENAI_API_KEY");
    assert!(!runner.path(REPORT).exists() && !runner.path(CODE_QUALITY).exists());
    assert!(merge.gitlab.writes().is_empty());
}

/// A job of a project without an access token, in a full clone, as the template asks for.
#[test]
fn a_job_token_alone_reviews_the_checkout() {
    let merge = Merge::of_pay(vec![mean(), late()]);
    let head = merge.gitlab.head();
    let clone = merge.gitlab.scenario().repo.shallow_clone(&head, 0);
    let Some(runner) = Runner::new(with_template(clone, &[])) else { return };
    let job = Job::new(&merge.gitlab, Pipeline::Merge).without("GITLAB_TOKEN");
    runner
        .run(&merge, job)
        .expect("PASS", "the change comes from the checkout")
        .expect("PASS", "Division by zero without payments");
    assert!(merge.gitlab.writes().is_empty() && !merge.gitlab.requests().is_empty());
    assert_eq!(runner.code_quality().as_array().map(Vec::len), Some(2));
    let report = runner.report("prudence");
    assert_eq!((&report["change"]["head_sha"], &report["delivery"]["posted"]), (&json!(head), &json!(0)));
}

#[test]
fn a_fork_gets_the_built_in_checks() {
    let key = format!("let v1 = \"AKIA{}\";\n", "Q7ZJ3M5X2N4P6R8T");
    let repo = pay().file("src/key.rs", key).commit("a key");
    let merge = Merge::new(Scenario::new(&repo, "main", "feature").fork(), Script::new());
    let clone = repo.shallow_clone(&merge.gitlab.head(), 0);
    let Some(runner) = Runner::new(with_template(clone, &[])) else { return };
    let job = Job::new(&merge.gitlab, Pipeline::Merge).env_of("OPENAI_API_KEY", "");
    runner.run(&merge, job).expect("PASS", "src/key.rs");
    assert!(merge.gitlab.writes().is_empty() && merge.openai.requests().is_empty());
    assert_eq!(runner.code_quality()[0]["location"]["path"], "src/key.rs");
}

#[test]
fn the_job_is_in_pipelines_of_merge_requests_alone() {
    let Some(runner) = Runner::of_template(&[]) else { return };
    let runner = runner.with_recorder();
    let merge = Merge::of_pay(Vec::new());
    for (pipeline, is_run) in [
        (Pipeline::Branch, false),
        (Pipeline::Merge, true),
        (Pipeline::MergedResults, true),
        (Pipeline::MergeTrain, true),
    ] {
        let _ = fs::remove_file(runner.path("recorded"));
        let ran = runner.run(&merge, Job::new(&merge.gitlab, pipeline));
        assert_eq!(runner.recorded().is_some(), is_run, "{pipeline:?}: {}", ran.0);
    }
}

#[test]
fn nothing_is_checked_out_where_the_api_gives_the_change() {
    let Some(runner) = Runner::of_template(&[]) else { return };
    let runner = runner.with_recorder();
    let merge = Merge::of_pay(Vec::new());
    let recorded = |job: Job| {
        runner.run(&merge, job).expect("PASS", "");
        runner.recorded().expect("a run")
    };
    let with_token = recorded(Job::new(&merge.gitlab, Pipeline::Merge));
    assert!(with_token.contains(&"GIT_STRATEGY=none".to_owned()), "{with_token:#?}");
    let without = recorded(Job::new(&merge.gitlab, Pipeline::Merge).without("GITLAB_TOKEN"));
    let has_strategy = without.iter().any(|line| line.starts_with("GIT_STRATEGY"));
    assert!(!has_strategy && without.contains(&"GIT_DEPTH=0".to_owned()), "{without:#?}");
}

/// The inputs of the template that are settings of the program, with the key of each.
fn settings() -> Vec<(String, &'static keys::Key)> {
    let named = |name: &str| {
        let is = |key: &&&keys::Key| key.flag == Some(&format!("--{name}"));
        Some((name.to_owned(), *keys::ALL.iter().find(is)?))
    };
    inputs().iter().filter_map(|(name, _)| named(name)).collect()
}

/// The inputs of the template, with the lines that say what each takes.
fn inputs() -> Vec<(String, String)> {
    let template = source(TEMPLATE);
    let (header, _) = template.split_once("\n---\n").expect("a header");
    let (_, inputs) = header.split_once("  inputs:\n    ").expect("inputs");
    let mut list = Vec::new();
    for line in inputs.lines() {
        match line.trim_start().strip_suffix(':') {
            Some(name) if !line.starts_with("      ") => list.push((name.to_owned(), String::new())),
            _ => list.last_mut().expect("an input").1 += &format!("{line}\n"),
        }
    }
    list
}

#[test]
fn every_input_reaches_the_program_as_text() {
    // what a shell would run, were it pasted into a line
    let nasty = |name: &str| format!("it's \"{name}\" `exit 7` $(exit 8); exit 9 #");
    let value = |(name, key): &(String, &'static keys::Key)| match key.kind.words().last() {
        Some(word) => (*word).to_owned(),
        None => nasty(name),
    };
    let settings = settings();
    assert!(settings.len() == inputs().len() - 4, "all but job-name, stage, image and allow-failure");
    let mut given: Vec<(&str, Value)> = settings.iter().map(|s| (s.0.as_str(), json!(value(s)))).collect();
    given.extend([("job-name", json!("review it")), ("stage", json!("build"))]);
    let Some(runner) = Runner::of_template(&given) else { return };
    let runner = runner.with_recorder();
    runner.review(&Merge::of_pay(Vec::new())).expect("PASS", "review it");
    let recorded = runner.recorded().expect("a run");
    assert_eq!(recorded[0], format!("review --output {REPORT} --codequality {CODE_QUALITY} --html prudence.html"));
    for setting in &settings {
        let line = format!("PRUDENCE_{}={}", setting.0.to_uppercase().replace('-', "_"), value(setting));
        assert!(recorded.contains(&line), "`{line}` is not in {recorded:#?}");
    }
    for line in ["CI_JOB_NAME=review it", "CI_JOB_STAGE=build"] {
        assert!(recorded.iter().any(|other| other == line), "`{line}` is not in {recorded:#?}");
    }
}

#[test]
fn the_template_and_the_program_agree() {
    let inputs: BTreeMap<String, String> = inputs().into_iter().collect();
    for (name, key) in settings() {
        let text = &inputs[&name];
        let options = match key.kind.words() {
            [] => String::new(),
            words => format!("      options: [\"\", {}]\n", words.join(", ")),
        };
        assert!(text.contains(&options) && text.contains("options:") != options.is_empty(), "{name}: {text}");
        assert!(text.contains("      default: \"\"\n"), "an empty one leaves the setting to the file: {name}");
    }
    let chapter = source("docs/gitlab.md");
    for name in inputs.keys() {
        assert!(chapter.contains(&format!("`{name}`")), "docs/gitlab.md does not name `{name}`");
    }
    let image = format!("default: prudencereview/prudence:{}\n", env!("CARGO_PKG_VERSION"));
    assert!(inputs["image"].contains(&image), "the image is not the one of this version: {}", inputs["image"]);
}

#[test]
fn the_template_refuses_a_word_that_the_program_does_not_know() {
    let Some(runner) = Runner::of_template(&[("fail-on", json!("often"))]) else { return };
    let ran = runner.review(&Merge::of_pay(Vec::new()));
    assert!(ran.0.contains("`often` cannot be used because it is not in the list of allowed options"), "{}", ran.0);
}

#[test]
fn scripts_for_the_other_jobs_are_not_run() {
    let default = json!({"before_script": ["exit 9"], "after_script": ["touch after"], "image": "other"});
    let pipeline = json!({"include": [{"local": TEMPLATE}], "default": default});
    let repo = Repo::new().file(TEMPLATE, source(TEMPLATE)).file(".gitlab-ci.yml", pipeline.to_string());
    let Some(runner) = Runner::new(repo) else { return };
    let runner = runner.with_recorder();
    runner.review(&Merge::of_pay(Vec::new())).expect("PASS", "");
    assert!(runner.recorded().is_some() && !runner.path("after").exists());
}

#[test]
fn the_files_of_init_review_a_merge_request() {
    let repo = Repo::new();
    let run = Prudence::new().current_dir(repo.path()).args(["init", "--gitlab"]).run().expect_code(0);
    assert!(run.stdout.starts_with("wrote `.gitlab/prudence.yml`\nwrote `.gitlab-ci.yml`\n"), "{run}");
    let Some(runner) = Runner::new(repo) else { return };
    let merge = Merge::of_pay(vec![mean(), late()]);
    runner.review(&merge).expect("PASS", "Division by zero without payments");
    assert_eq!((posted(&merge), runner.code_quality().as_array().map(Vec::len)), ((2, 1), Some(2)));
    assert_eq!(runner.report("prudence")["status"], "complete");
}

/// Each block of the README and of the book, with the template where the runner keeps what it fetched.
#[test]
fn the_lines_that_people_paste_review_a_merge_request() {
    let text = source("README.md") + &source("docs/gitlab.md");
    let blocks: Vec<&str> =
        text.split("```yaml gitlab\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3, "an address, the same with inputs, and a component");
    for block in blocks {
        let Some(runner) = Runner::new(Repo::new().file(".gitlab-ci.yml", block)) else { return };
        for kept in
            ["raw.githubusercontent.com/prudence-review/prudence/main", "127.0.0.1/prudence-review/prudence/main"]
        {
            let folder = runner.path(&format!(".gitlab-ci-local/includes/{kept}/templates"));
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join("prudence.yml"), source(TEMPLATE)).expect("the template");
        }
        let merge = Merge::of_pay(vec![late()]);
        runner.review(&merge).expect("PASS", "pipeline finished");
        assert_eq!(posted(&merge), (1, 1), "{block}");
    }
}
