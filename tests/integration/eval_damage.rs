//! What the pipeline restores of damaged answers, on real changes: no model is asked.
//!
//! The shipped dataset is always there. Others stand beside the project on some machines; elsewhere they are skipped, and
//! the test says so.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use prudence::diff;
use prudence::eval::damage::Robustness;
use prudence::eval::dataset::Dataset;

/// What became of a dataset; `None` where it is not there.
fn robustness(folder: &Path) -> Option<Robustness> {
    if !folder.join("cases.jsonl").exists() {
        // not `eprintln!`, which the test runner captures
        let _ = writeln!(std::io::stderr(), "notice: skipped, since there is no `{}`", folder.display());
        return None;
    }
    let dataset = Dataset::read(folder).unwrap_or_else(|error| panic!("{error:#}"));
    let mut found = Robustness::default();
    for case in &dataset.cases {
        let text = case.read_diff(folder).unwrap_or_else(|error| panic!("{}: {error:#}", case.id));
        let diff = diff::parse(text).unwrap_or_else(|error| panic!("{}: {error}", case.id));
        found.try_case(case, &diff);
    }
    Some(found)
}

/// A folder from the project's root, found at run time: the test may run elsewhere than it was built.
fn folder(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(name)
}

#[track_caller]
fn check(name: &str, least_quotable: usize) {
    let Some(found) = robustness(&folder(name)) else { return };
    assert!(found.quotable >= least_quotable, "{name}: {} defects can be quoted", found.quotable);
    for requirement in found.requirements() {
        assert_ne!(requirement.holds(), Some(false), "{name}: {requirement:?}\n{:#?}", found.examples);
    }
}

#[test]
fn damaged_answers_are_restored_on_the_shipped_dataset() {
    check("tests/fixtures/eval", 20);
}

#[test]
fn damaged_answers_are_restored_on_other_datasets() {
    for (name, least) in [("aacr-dev", 150), ("bcbench", 230), ("odd-diffs", 40)] {
        check(&format!("../shared/eval/{name}"), least);
    }
}
