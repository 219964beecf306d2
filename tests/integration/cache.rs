//! `--cache`: what was asked once is not asked, and not paid for, again.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

/// Two files, each a chunk of its own.
fn change() -> Repo {
    let text = |word: &str| (0..110).map(|n| format!("let {word}{n} = compute({n});\n")).collect::<String>();
    let base = Repo::new().file("a.rs", "\n").file("b.rs", "\n").commit("base");
    base.branch("feature").file("a.rs", text("a")).file("b.rs", text("b")).commit("change")
}

fn script() -> Script {
    Script::new().always(Answer::findings(vec![finding(
        "a.rs",
        3,
        "let a2 = compute(2);",
        json!({"title": "Too slow"}),
    )]))
}

fn review(repo: &Repo, openai: &OpenAi, cache: &Path, args: &[&str]) -> Run {
    let program = Prudence::new().current_dir(repo.path()).openai(openai).args(["review", "--base", "main"]);
    let program = program.args(["--format", "json", "--chunk-tokens", "2800", "--cache"]).arg(cache).args(args);
    program.run()
}

/// Findings and coverage: what must be the same with and without the cache.
fn result(run: &Run) -> Value {
    let report = run.json();
    json!([
        report["findings"],
        report["suppressed"],
        report["coverage"],
        report["chunks"],
        report["summary"],
        report["status"]
    ])
}

#[test]
fn the_second_time_costs_nothing_and_finds_the_same() {
    let (repo, folder) = (change(), TempDir::new().unwrap());
    let (openai, cache) = (OpenAi::start(script()), folder.path().join("deep/cache"));
    let first = review(&repo, &openai, &cache, &[]).expect_code(0);
    let asked = openai.completions().len();
    assert!(asked >= 2, "{first}");
    let second = review(&repo, &openai, &cache, &[]).expect_code(0);
    assert_eq!(openai.completions().len(), asked, "nothing is asked again");
    assert_eq!(result(&first), result(&second));
    let (report, usage) = (
        second.json(),
        json!({"requests": 0, "retries": 0, "input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "reasoning_tokens": 0}),
    );
    assert_eq!((&report["usage"], &report["cost"]["usd"]), (&usage, &json!(0.0)));
    assert!(second.stderr.contains("came from the cache"), "{second}");
    let entries = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(entries.into_iter().all(|name| name.ends_with(".json")), "nothing else is left in the folder");
}

#[test]
fn another_part_model_or_language_is_asked_about() {
    let (repo, folder) = (change(), TempDir::new().unwrap());
    let openai = OpenAi::start(script());
    review(&repo, &openai, folder.path(), &[]).expect_code(0);
    let chunks = openai.completions().len();
    for args in [["--language", "vi"], ["--model", "gpt-4o"]] {
        let before = openai.completions().len();
        review(&repo, &openai, folder.path(), &args).expect_code(0);
        assert_eq!(openai.completions().len() - before, chunks, "{args:?}");
    }
    let repo = repo.file("b.rs", "let other = 1;\n").commit("more");
    let before = openai.completions().len();
    review(&repo, &openai, folder.path(), &[]).expect_code(0);
    assert!(openai.completions().len() - before < chunks, "the part that did not change is known");
}

#[test]
fn damaged_and_foreign_entries_are_asked_about_again() {
    let (repo, folder) = (change(), TempDir::new().unwrap());
    let openai = OpenAi::start(script());
    let first = review(&repo, &openai, folder.path(), &[]).expect_code(0);
    let chunks = openai.completions().len();
    let lie = r#"{"analysis": "", "findings": [], "summary": "Approved."}"#;
    for text in ["", "{", lie] {
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::write(entry.unwrap().path(), text).unwrap();
        }
        let before = openai.completions().len();
        let run = review(&repo, &openai, folder.path(), &[]).expect_code(0);
        assert_eq!(openai.completions().len() - before, chunks, "{text}");
        assert_eq!(result(&first), result(&run));
    }
}

#[test]
fn failures_are_not_kept_and_a_folder_that_is_none_is_an_error() {
    let (repo, folder) = (change(), TempDir::new().unwrap());
    let openai = OpenAi::start(Script::new().always(Answer::Text("I cannot say.".to_owned())));
    review(&repo, &openai, folder.path(), &[]).expect_code(3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let before = openai.completions().len();
    let run = review(&repo, &openai, &file, &[]).expect_code(2);
    assert!(run.stderr.contains("cannot use the cache") && run.stderr.contains("hint:"), "{run}");
    assert_eq!(openai.completions().len(), before, "nothing is paid for");
}

#[test]
fn a_part_that_was_too_long_is_not_asked_about_whole_again() {
    let (repo, folder) = (change(), TempDir::new().unwrap());
    let openai = OpenAi::start(Script::new().first(1, Answer::cut()).always(Answer::findings(vec![])));
    review(&repo, &openai, folder.path(), &["--concurrency", "1"]).expect_code(0);
    let asked = openai.completions().len();
    assert!(asked >= 3, "whole, and in halves: {asked}");
    let run = review(&repo, &openai, folder.path(), &[]).expect_code(0);
    assert_eq!(openai.completions().len(), asked, "{run}");
    assert_eq!(run.json()["status"], "complete");
}
