//! Changes that are made to hurt: the run ends in bounded memory, and nothing of them is lost or executed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::openai::{OpenAi, Script};
use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

/// The most memory that a run may take, in MB.
const MOST_MB: u64 = 500;

/// Changed lines: all, and those that were reviewed, skipped and failed.
fn lines(report: &Value) -> (u64, u64) {
    let sum = |list: &str| -> u64 {
        report["coverage"][list]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["changed_lines"].as_u64())
            .sum()
    };
    let number = |name: &str| report["coverage"][name].as_u64().expect("a number");
    (number("changed_lines"), number("changed_lines_reviewed") + sum("skipped") + sum("failed"))
}

/// A review of a patch by a model that finds nothing: every line of it is accounted for.
#[track_caller]
fn check(patch: String, codes: &[i32]) -> (Run, Value) {
    let openai = OpenAi::start(Script::new());
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("x.diff"), patch).expect("a patch");
    let program = Prudence::new().current_dir(folder.path()).args(["review", "--patch", "x.diff", "--format", "json"]);
    let (run, peak_mb) = program.args(["--max-cost", "0.02"]).openai(&openai).run_measured();
    assert!(run.code.is_some_and(|code| codes.contains(&code)), "{}", run.stderr);
    assert!(peak_mb < MOST_MB, "{peak_mb} MB");
    let report = run.json();
    let (all, told) = lines(&report);
    assert_eq!(all, told, "every line is accounted for: {:#}", report["coverage"]);
    (run, report)
}

fn patch(path: &str, added: &[&str]) -> String {
    let lines: String = added.iter().map(|line| format!("+{line}\n")).collect();
    format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1,{} @@\n a\n{lines}", added.len() + 1)
}

#[test]
fn a_change_of_many_lines() {
    let file = |n: usize| {
        let lines: String = (0..10_000).map(|line| format!("+let value_{line} = compute({n}, {line});\n")).collect();
        format!(
            "diff --git a/src/f{n}.rs b/src/f{n}.rs\n--- a/src/f{n}.rs\n+++ b/src/f{n}.rs\n@@ -0,0 +1,10000 @@\n{lines}"
        )
    };
    let (_, report) = check((0..20).map(file).collect(), &[3]);
    assert_eq!(report["coverage"]["changed_lines"], 200_000);
}

#[test]
fn lines_without_an_end() {
    check(patch("x.js", &[&"x".repeat(20_000_000)]), &[0, 3]);
    check(patch("x.py", &[&" ".repeat(1_000_000)]), &[0, 3]);
    check(patch("x.py", &[&format!("{}{}", "(".repeat(100_000), ")".repeat(100_000))]), &[0, 3]);
    check(patch("x.json", &[&"[".repeat(500_000)]), &[0, 3]);
}

#[test]
fn names_that_are_made_to_mislead() {
    let names = [
        "a\\nb.rs",
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\\\Windows\\\\x.rs",
        "NUL",
        "con.txt",
        "\\342\\200\\256gpj.exe",
        "`rm -rf`.rs",
        "<script>.js",
        "::error::x",
        "##[command]x",
        "a\\033[31m.rs",
        "-rf",
        " x ",
        "a\\tb",
    ];
    for name in names {
        let text = format!(
            "diff --git \"a/{name}\" \"b/{name}\"\nnew file mode 100644\n--- /dev/null\n+++ \"b/{name}\"\n@@ -0,0 +1 @@\n+let a = 1;\n"
        );
        let (run, report) = check(text, &[0]);
        assert_eq!(report["coverage"]["changed_lines"], 1, "{name}");
        assert!(!run.stderr.contains('\u{1b}') && !run.stdout.contains('\u{1b}'), "{run}");
    }
}

/// What git is told to run for this repository, and what would tell that it ran.
fn trap(repo: &Repo, mark: &Path) {
    let config = repo.path().join(".git/config");
    let touch = format!("touch {}", mark.display());
    let traps = format!(
        "[core]\n\tfsmonitor = {touch}\n\tpager = {touch}\n\teditor = {touch}\n\tsshCommand = {touch}\n\thooksPath = hooks\n\
         [diff \"x\"]\n\ttextconv = {touch}\n\tcommand = {touch}\n[filter \"x\"]\n\tclean = {touch}\n\tsmudge = {touch}\n\
         [diff]\n\texternal = {touch}\n[credential]\n\thelper = !{touch}\n[alias]\n\tdiff = !{touch}\n"
    );
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, text + &traps).expect("a configuration");
}

#[test]
fn a_configuration_that_names_programs_runs_none() {
    let base = Repo::new().file(".gitattributes", "* diff=x filter=x\n").file("a.rs", "let a = 1;\n").commit("base");
    let repo = base.branch("topic").file("a.rs", "let a = 2;\n").commit("change");
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("it-ran");
    trap(&repo, &mark);
    fs::create_dir_all(repo.path().join("hooks")).expect("a folder");
    let openai = OpenAi::start(Script::new());
    for args in [&["review", "--base", "main"][..], &["plan", "--base", "main"], &["doctor"], &["review", "--staged"]] {
        let run = Prudence::new().current_dir(repo.path()).args(args).openai(&openai).run();
        assert!(run.code.is_some(), "{run}");
    }
    assert!(!mark.exists(), "a program of the repository's configuration was run");
}

#[test]
fn objects_that_are_broken_are_an_error_and_no_panic() {
    let base = Repo::new().file("a.rs", "let a = 1;\n").file("b.rs", "let b = 1;\n").commit("base");
    let repo = base.branch("topic").file("a.rs", "let a = 2;\n").commit("change");
    let objects = repo.path().join(".git/objects");
    let mut files = Vec::new();
    for folder in fs::read_dir(&objects).expect("objects").flatten().filter(|entry| entry.file_name().len() == 2) {
        files.extend(fs::read_dir(folder.path()).expect("objects").flatten().map(|entry| entry.path()));
    }
    let openai = OpenAi::start(Script::new());
    for path in files {
        let whole = fs::read(&path).expect("an object");
        fs::remove_file(&path).expect("an object goes");
        for broken in [&whole[..whole.len() / 2], b"", b"no object"] {
            fs::write(&path, broken).expect("a broken object");
            let run = Prudence::new().current_dir(repo.path()).args(["review", "--base", "main"]).openai(&openai).run();
            assert!(
                matches!(run.code, Some(0 | 2 | 3)) && !run.stderr.contains("panicked"),
                "{}: {run}",
                path.display()
            );
            assert!(run.code != Some(2) || run.stderr.contains("error: "), "{run}");
        }
        fs::write(&path, whole).expect("the object comes back");
    }
    let run =
        Prudence::new().current_dir(repo.path()).args(["review", "--base", "main", "--format", "json"]).openai(&openai);
    assert_eq!(run.run().expect_code(0).json()["coverage"]["changed_lines"], json!(2));
}
