//! The configurations of the documents.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::{blocks_of, source};
use crate::support::program::Prudence;
use crate::support::repo::Repo;

/// Where editors find the schema of the newest version.
const FOLDER: &str = "https://raw.githubusercontent.com/prudence-review/prudence/main";

/// Whether what editors check TOML with takes a file whose first line names the schema, which it finds in this repository;
/// and what it says. `None`, with a notice, where it is not there.
fn checked_by_editor(file: &Path) -> Option<(bool, String)> {
    let Ok(taplo) = std::env::var("PRUDENCE_TEST_TAPLO") else {
        // not `eprintln!`, which the test runner captures
        let _ = writeln!(std::io::stderr(), "notice: skipped, since PRUDENCE_TEST_TAPLO names no `taplo`");
        return None;
    };
    let text = fs::read_to_string(file).expect("a configuration");
    assert!(text.starts_with(&format!("#:schema {FOLDER}/")), "{text}");
    let here = format!("file://{}", source("").display());
    fs::write(file, text.replacen(FOLDER, here.trim_end_matches('/'), 1)).expect("a configuration");
    let output = Command::new(taplo).arg("lint").arg(file).current_dir(file.parent().expect("a folder")).output();
    let output = output.expect("taplo starts");
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn an_editor_picks_up_the_schema_that_the_first_line_names() {
    let repo = Repo::new();
    Prudence::new().current_dir(repo.path()).arg("init").run().expect_code(0);
    let file = repo.path().join(".prudence.toml");
    let Some((is_taken, said)) = checked_by_editor(&file) else { return };
    assert!(is_taken, "{said}");
    let first = format!("#:schema {FOLDER}/schema/prudence.json\n");
    for (text, expected) in [
        ("concurrency = 64\n", ""),
        ("concurrency = 65\n", "65 is greater than the maximum of 64"),
        ("modle = 'x'\n", "'modle' was unexpected"),
    ] {
        fs::write(&file, format!("{first}{text}")).expect("a configuration");
        let (is_taken, said) = checked_by_editor(&file).expect("taplo");
        assert_eq!((is_taken, said.contains(expected)), (expected.is_empty(), true), "{text}: {said}");
    }
}

#[test]
fn the_program_takes_every_configuration() {
    let blocks = blocks_of("toml");
    assert!(blocks.len() >= 5, "only {} configurations", blocks.len());
    for block in blocks {
        let repo = Repo::new().file("named.toml", &block.text);
        let run = Prudence::new().current_dir(repo.path()).args(["config", "--config", "named.toml"]).run();
        assert_eq!(run.code, Some(0), "{}: {run}", block.place);
        assert!(run.stdout.contains("# named.toml:"), "{}: nothing is set in it: {run}", block.place);
    }
}
