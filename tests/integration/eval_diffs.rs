//! Real diffs, some of them with hunk counts that lie: nothing panics, and every changed line is accounted for.
//!
//! The data set stands beside the project on some machines; elsewhere these tests skip, and say so.

use std::io::Write as _;
use std::path::PathBuf;

use prudence::diff::filter::{self, Rules};
use prudence::diff::{self, Diff};
use prudence::plan::{self, Budget, Plan, Tokenizer};
use prudence::prompt::Orientation;
use prudence::{redact, report};
use serde_json::Value;

use crate::support::program::Prudence;
use crate::support::review::assert_receipt;

/// A diff of the data set.
struct Case {
    name: String,
    file: PathBuf,
    text: Vec<u8>,
}

/// All diffs; none where the data set is not there.
fn cases() -> Vec<Case> {
    // read at run time: the test may run elsewhere than it was built
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../shared/eval");
    let mut cases = Vec::new();
    for folder in ["aacr-dev", "bcbench", "odd-diffs"].map(|name| root.join(name)) {
        let Ok(lines) = std::fs::read_to_string(folder.join("cases.jsonl")) else {
            // not `eprintln!`, which the test runner captures
            let _ = writeln!(std::io::stderr(), "notice: skipped, since there is no `{}`", folder.display());
            continue;
        };
        for line in lines.lines() {
            let case: Value = serde_json::from_str(line).expect("a case");
            let text = |key: &str| case[key].as_str().expect("a text").to_owned();
            let file = folder.join(text("diff"));
            cases.push(Case { name: text("instance_id"), text: std::fs::read(&file).expect("a diff"), file });
        }
    }
    assert!(cases.is_empty() || cases.len() == 213, "{} cases", cases.len());
    cases
}

/// Added and removed lines, read with the counts of the hunks alone; `None` where these lie.
fn count_by_headers(text: &[u8]) -> Option<usize> {
    let lines: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').collect();
    let mut changed = 0;
    let mut at = 0;
    while at < lines.len() {
        let (mut old, mut new) = counts(lines[at]).unwrap_or((0, 0));
        at += 1;
        while old > 0 || new > 0 {
            let (takes_old, takes_new) = match lines.get(at)?.first() {
                Some(b' ') | None => (1, 1),
                Some(b'-') => (1, 0),
                Some(b'+') => (0, 1),
                Some(b'\\') => (0, 0),
                _ => return None,
            };
            (old, new) = (old.checked_sub(takes_old)?, new.checked_sub(takes_new)?);
            changed += usize::from(takes_old != takes_new);
            at += 1;
        }
        // more of the hunk than was promised, but for the headers of the next file and a mail's signature
        let next = lines.get(at).copied().unwrap_or_default();
        let is_header = next.starts_with(b"--- ") || next.starts_with(b"+++ ") || next == b"-- ";
        if matches!(next.first(), Some(b'+' | b'-')) && !is_header {
            return None;
        }
    }
    Some(changed)
}

/// Added and removed lines, read by their marks alone: what stands behind the first hunk and is no header.
fn count_by_marks(text: &[u8]) -> usize {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let is_header = |at: usize| {
        let starts = |at: usize, mark: &[u8]| lines.get(at).is_some_and(|line| line.starts_with(mark));
        let old = |at: usize| starts(at, b"--- ") && starts(at + 1, b"+++ ");
        old(at) || (at > 0 && old(at - 1))
    };
    let first = lines.iter().position(|line| line.starts_with(b"@@ ")).unwrap_or(lines.len());
    (first..lines.len()).filter(|&at| matches!(lines[at].first(), Some(b'+' | b'-')) && !is_header(at)).count()
}

/// The numbers of old and new lines in `@@ -1,2 +3,4 @@`.
fn counts(line: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(line.strip_prefix(b"@@ -")?).ok()?;
    let (old, new) = text.split(" @@").next()?.split_once(" +")?;
    let count = |range: &str| range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some((count(old)?, count(new)?))
}

/// Filters, masks and packs a diff as a run does.
fn planned(diff: Diff) -> (Plan, Vec<filter::Skipped>) {
    let (diff, skipped) = filter::apply(diff, &Rules::default(), &|_| None);
    let (diff, _) = redact::apply(diff);
    let budget = Budget {
        chunk_tokens: 2000,
        max_output_tokens: 1000,
        window: 128_000,
        context_tokens: 0,
        tokenizer: Tokenizer::O200k,
    };
    (
        plan::build(
            budget,
            &Orientation { language: "en".to_owned(), ..Orientation::default() },
            "{}",
            diff,
            plan::Unsent::default(),
        ),
        skipped,
    )
}

#[test]
fn every_changed_line_of_every_diff_is_accounted_for() {
    let mut lying = 0;
    let cases = cases();
    for case in &cases {
        let name = &case.name;
        let diff = diff::parse(case.text.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(diff.to_bytes(), case.text, "{name}: printing gives the same bytes");
        let changed = diff.changed_lines();
        match count_by_headers(&case.text) {
            Some(counted) => assert_eq!(changed, counted, "{name}"),
            None => {
                lying += 1;
                assert_eq!(changed, count_by_marks(&case.text), "{name}: the counts lie");
            }
        }
        assert!(changed > 0, "{name}: a change");
        let (plan, skipped) = planned(diff);
        let coverage = report::coverage(&plan, &skipped, &[]);
        assert_receipt(&serde_json::to_value(&coverage).unwrap());
        assert_eq!(coverage.changed_lines, changed, "{name}");
        let in_chunks: usize = plan.chunks.iter().map(|chunk| plan.changed_lines(chunk)).sum();
        assert_eq!(in_chunks, coverage.changed_lines_reviewed, "{name}");
        assert!(plan.chunks.iter().all(|chunk| plan.input_tokens(chunk) <= 2600), "{name}");
    }
    assert!(cases.is_empty() || (20..60).contains(&lying), "{lying} diffs with counts that lie");
}

#[test]
fn the_program_plans_them_too() {
    for case in cases().iter().step_by(15) {
        let run = Prudence::new().args(["plan", "--format", "json", "--patch"]).arg(&case.file).run().expect_code(0);
        let plan = run.json();
        assert_receipt(&plan["coverage"]);
        let changed = diff::parse(case.text.clone()).map(|diff| diff.changed_lines()).unwrap_or_default();
        assert_eq!(plan["coverage"]["changed_lines"], changed, "{} {run}", case.name);
        assert!(!run.stderr.contains("panicked"), "{run}");
    }
}
