//! The commands of the documents: the real command line takes each, and those that need no service are run.

use clap::Parser as _;
use prudence::cli::{Cli, Command};

use super::{blocks_of, source};

/// What may stand in a block beside the program: it is no part of this project, or is run by other tests.
const OTHERS: &str = "cargo docker done export gh git mkdir pre-commit set sha256sum touch while PRUDENCE_WRITE_DOCS=1";

/// A line of a block, with its place for messages.
struct Line {
    place: String,
    text: String,
}

/// The lines of all blocks of commands, without comments and with broken lines joined.
fn lines() -> Vec<Line> {
    let mut found = Vec::new();
    for block in blocks_of("sh") {
        for line in block.text.replace("\\\n", " ").lines() {
            let text = line.split(" #").next().unwrap_or_default().trim().to_owned();
            if !text.is_empty() && !text.starts_with('#') {
                found.push(Line { place: block.place.clone(), text });
            }
        }
    }
    found
}

/// The words of a simple command, as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (' ', None) => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// The arguments of the program in a line, once for each time that it is called there.
fn calls(line: &str) -> Vec<Vec<String>> {
    let simple = line.split(['|', ';']).flat_map(|part| part.split("&&"));
    let mut found = Vec::new();
    for command in simple.map(|part| words(part.trim())) {
        let starts = |words: &[&str]| command.len() >= words.len() && words.iter().zip(&command).all(|(a, b)| a == b);
        let at = match () {
            () if starts(&["prudence"]) => Some(1),
            () if starts(&["do", "prudence"]) || starts(&["exec", "prudence"]) => Some(2),
            () if starts(&["cargo", "run", "--release", "--"]) => Some(4),
            () if starts(&["docker", "run"]) => {
                command.iter().position(|word| word == "prudencereview/prudence").map(|at| at + 1)
            }
            () => None,
        };
        found.extend(at.map(|at| command[at..].to_vec()));
    }
    found
}

#[test]
fn every_command_is_one_of_the_program() {
    let lines = lines();
    assert!(lines.len() > 80, "only {} lines", lines.len());
    for Line { place, text } in &lines {
        let called = calls(text);
        for args in &called {
            let parsed = Cli::try_parse_from(["prudence".to_owned()].iter().chain(args));
            match parsed.map_err(|error| (error.kind(), error.to_string())) {
                Ok(cli) => check_settings(&cli, place, text),
                Err((clap::error::ErrorKind::DisplayVersion | clap::error::ErrorKind::DisplayHelp, _)) => {}
                Err((_, error)) => panic!("{place}: `{text}`: {error}"),
            }
        }
        let words = words(text);
        let is_known =
            !called.is_empty() || OTHERS.split(' ').any(|other| other == words[0]) || source(&words[0]).is_file();
        assert!(is_known, "{place}: nobody checks `{text}`");
    }
}

/// The values of settings are read after the command line.
fn check_settings(cli: &Cli, place: &str, text: &str) {
    let settings = match &cli.command {
        Command::Review(args) => &args.settings,
        Command::Plan(args) => &args.settings,
        Command::Doctor(args) => &args.settings,
        Command::Eval(args) => &args.settings,
        Command::Config(args) => &args.settings,
        _ => return,
    };
    if let Err(error) = settings.layer() {
        panic!("{place}: `{text}`: {error}");
    }
}

#[test]
fn lines_are_read_as_a_shell_reads_them() {
    let check = |line: &str, expected: &[&[&str]]| assert_eq!(calls(line), expected, "{line}");
    check("prudence plan", &[&["plan"]]);
    check("git diff | prudence review --patch -", &[&["review", "--patch", "-"]]);
    check("prudence review --mr 'group/project!7'", &[&["review", "--mr", "group/project!7"]]);
    check("cargo run --release -- review", &[&["review"]]);
    check("docker run -v \"$PWD:/a b\" prudencereview/prudence review", &[&["review"]]);
    check("while [ -s x ]; do prudence batch run x --output y", &[&["batch", "run", "x", "--output", "y"]]);
    check("cargo test", &[]);
}

#[cfg(unix)] // with a shell
mod run {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::process::Command as Process;

    use super::*;
    use crate::support::repo::Repo;

    /// A line on what a run cost, as `--ledger` adds it.
    const LEDGER: &str = r#"{"schema":"prudence.ledger/v1","id":"0","time":"2026-11-30T00:00:00Z","command":"review","status":"complete","source":"github","repository":"o/r","request":7,"head_sha":null,"changed_lines_reviewed":null,"findings":null,"models":[{"model":"m","requests":1,"input_tokens":1000000,"cached_tokens":500000,"output_tokens":250000,"usd":1.25,"cached_saved_usd":0.25}],"unconfirmed_requests":0,"usd":1.25,"cached_saved_usd":0.25,"seconds":1.235}"#;

    /// A repository with a branch, two tags, something staged and something not, and what the documents name.
    fn repository() -> Repo {
        let repo = Repo::new().file("a.rs", "fn a() {}\n").commit("Base").reference("refs/tags/v1", "HEAD");
        let repo = repo.branch("topic").file("a.rs", "fn a() {}\nfn b() {}\n").commit("Add b");
        let repo = repo.reference("refs/tags/v2", "HEAD").file("a.rs", "fn a() {}\nfn b() {}\nfn c() {}\n").stage();
        let repo = repo.file("a.rs", "fn a() {}\nfn b() {}\nfn c() {}\nfn d() {}\n");
        let repo = repo.file("ledger.jsonl", format!("{LEDGER}\n"));
        for folder in ["examples", "tests"] {
            symlink(source(folder), repo.path().join(folder)).expect("a link");
        }
        repo
    }

    /// Whether a call needs neither a host nor a model server, and is no other test's matter.
    fn is_local(args: &[String]) -> bool {
        let has = |word: &str| args.iter().any(|arg| arg == word);
        let is_asked = ["--pr", "--mr", "--base-url", "--responses", "--model"].iter().any(|flag| has(flag));
        let command = args.first().map_or("", String::as_str);
        matches!(command, "--version" | "review" | "plan" | "init" | "config" | "cost" | "eval") && !is_asked
    }

    /// Runs a line in a shell which knows the program, and no key.
    fn run(line: &str, folder: &Path, home: &Path) {
        let program = Path::new(env!("CARGO_BIN_EXE_prudence"));
        let path =
            format!("{}:{}", program.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
        let line = line.replace("cargo run --release --", "prudence");
        let mut command = Process::new("sh");
        command.args(["-euc", &line]).current_dir(folder).env_clear().env("PATH", path).env("HOME", home);
        let output = command.output().expect("a shell");
        let [stdout, stderr] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert_eq!(output.status.code(), Some(0), "`{line}`\n{stdout}\n{stderr}");
    }

    #[test]
    fn every_command_that_needs_no_service_does_what_it_should() {
        let home = tempfile::TempDir::with_prefix("prudence-home-").expect("a temporary folder");
        let (mut repo, mut page, mut count) = (repository(), String::new(), 0);
        for Line { place, text } in lines() {
            let called = calls(&text);
            if called.is_empty()
                || text.starts_with("docker")
                || text.starts_with("while")
                || !called.iter().all(|args| is_local(args))
            {
                continue;
            }
            // the commands of a page build on each other, but for the one that begins anew
            let document = place.split(':').next().unwrap_or_default().to_owned();
            if page != document || called[0][0] == "init" {
                (repo, page) = (repository(), document);
            }
            run(&text, repo.path(), home.path());
            count += 1;
        }
        assert!(count > 40, "only {count} commands were run");
    }
}
