//! Files of the repository that are written from what the program does, and the texts that people read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A file of this repository.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of this repository.
#[track_caller]
pub fn read(path: &str) -> String {
    fs::read_to_string(source(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"))
}

/// Compares a file of this repository with what it should be; with `PRUDENCE_WRITE_DOCS=1` writes it.
#[track_caller]
pub fn check_written(path: &str, expected: &str) {
    if std::env::var_os("PRUDENCE_WRITE_DOCS").is_some() {
        fs::create_dir_all(source(path).parent().expect("a folder")).expect("a folder");
        fs::write(source(path), expected).unwrap_or_else(|error| panic!("`{path}`: {error}"));
        return;
    }
    let found = fs::read_to_string(source(path)).unwrap_or_default();
    assert!(
        found == expected,
        "`{path}` is out of date: run this test with PRUDENCE_WRITE_DOCS=1, and look at what changed\n{expected}"
    );
}

/// Compares the part of a document between `<!-- begin NAME -->` and `<!-- end NAME -->` with what it should be; with
/// `PRUDENCE_WRITE_DOCS=1` writes it.
#[track_caller]
pub fn check_part(path: &str, name: &str, expected: &str) {
    /// The tests of one process run at once.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = super::server::lock(&WRITING);
    check_between(path, &format!("<!-- begin {name} -->\n"), &format!("<!-- end {name} -->"), expected);
}

/// Compares the first block of code of a kind in a document with what it should be; with `PRUDENCE_WRITE_DOCS=1` writes it.
#[track_caller]
pub fn check_block(path: &str, info: &str, expected: &str) {
    check_between(path, &format!("```{info}\n"), "```\n", expected);
}

#[track_caller]
fn check_between(path: &str, begin: &str, end: &str, expected: &str) {
    let text = read(path);
    let (before, rest) = text.split_once(begin).expect("where it begins");
    let (_, after) = rest.split_once(end).expect("where it ends");
    check_written(path, &format!("{before}{begin}{expected}{end}{after}"));
}
