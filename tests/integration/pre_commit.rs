//! The hooks for `pre-commit`, run by the real one where `PRUDENCE_TEST_PRE_COMMIT` names it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use prudence::cli::Cli;
use tempfile::TempDir;

use crate::install::missing;
use crate::support::document::{read, source};
use crate::support::program::Run;
use crate::support::repo::Repo;

const MANIFEST: &str = ".pre-commit-hooks.yaml";
const CONFIG: &str = ".pre-commit-config.yaml";

/// Runs `pre-commit` in a folder, with the program on its path; `None`, with a notice, where there is none.
fn pre_commit(folder: &Path, args: &[&str]) -> Option<Run> {
    let Ok(pre_commit) = std::env::var("PRUDENCE_TEST_PRE_COMMIT") else {
        // not `eprintln!`, which the test runner captures
        let _ = writeln!(std::io::stderr(), "notice: skipped, since PRUDENCE_TEST_PRE_COMMIT names no `pre-commit`");
        return None;
    };
    if missing(&["git"]) {
        return None;
    }
    let home = TempDir::with_prefix("prudence-home-").expect("a temporary folder");
    let program = Path::new(env!("CARGO_BIN_EXE_prudence")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(pre_commit);
    command.args(args).current_dir(folder).env_clear().env("PATH", path).env("HOME", home.path());
    let output = command.output().expect("pre-commit starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Some(Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) })
}

/// The values of a key in the manifest.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": "))
}

/// A configuration with these hooks that takes the program from the path, so that nothing is compiled.
fn local(manifest: &str) -> String {
    let hooks: String =
        manifest.lines().filter(|line| !line.starts_with('#')).map(|l| format!("      {l}\n")).collect();
    format!("repos:\n  - repo: local\n    hooks:\n{}", hooks.replace("language: rust", "language: system"))
}

#[test]
fn the_entries_are_commands_of_the_program() {
    let manifest = read(MANIFEST);
    let entries: Vec<&str> = values(&manifest, "entry").collect();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        if let Err(error) = Cli::try_parse_from(entry.split_whitespace()) {
            panic!("`{entry}`: {error}");
        }
    }
}

#[test]
fn the_manifest_and_the_configurations_of_the_book_are_valid() {
    let Some(run) = pre_commit(&source(""), &["validate-manifest", MANIFEST]) else { return };
    run.expect_code(0);
    let text = read("docs/local.md");
    let blocks: Vec<&str> =
        text.split("```yaml pre-commit\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    let manifest = read(MANIFEST);
    for block in blocks {
        let repo = Repo::new().file(CONFIG, block);
        pre_commit(repo.path(), &["validate-config", CONFIG]).expect("pre-commit").expect_code(0);
        for id in values(block, "id") {
            assert!(values(&manifest, "id").any(|known| known == id), "there is no hook `{id}`");
        }
        for entry in values(block, "entry") {
            assert!(values(&manifest, "entry").any(|known| known == entry), "no hook runs `{entry}`");
        }
    }
}

#[test]
fn the_checks_stop_a_commit_and_the_review_runs_before_a_push() {
    let repo = Repo::new().file(CONFIG, local(&read(MANIFEST))).file("a.py", "a = 1\n").commit("Base").branch("topic");
    let run = |stage: &str| pre_commit(repo.path(), &["run", "--hook-stage", stage]);
    let staged = |text: &str| fs::write(repo.path().join("a.py"), text).map(|()| repo.clone().stage()).expect("a file");
    staged("a = 2\n");
    let Some(passed) = run("pre-commit") else { return };
    assert!(passed.expect_code(0).stdout.contains("prudence (built-in checks)"));
    staged("a = 2\n<<<<<<< HEAD\nb = 1\n=======\nb = 2\n>>>>>>> other\n");
    let stopped = run("pre-commit").expect("pre-commit").expect_code(1);
    assert!(stopped.stdout.contains("a.py:2 conflict-marks"), "{stopped}");
    let pushed = run("pre-push").expect("pre-commit").expect_code(0);
    assert!(pushed.stdout.contains("prudence (review)") && pushed.stdout.contains("a.py:2 conflict-marks"), "{pushed}");
}
