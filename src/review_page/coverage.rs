//! The coverage receipt as a picture: a bar for each file.

use std::collections::BTreeMap;

use minijinja::context;

use crate::diff::Diff;
use crate::page::bars::{Bar, bars, key};
use crate::page::part;
use crate::report::{Failure, REVIEWED_BEFORE, Report, plural};
use crate::text::printable;
use crate::words::Words;

const TEMPLATE: &str = include_str!("../../templates/page/coverage.html");

/// Files whose bars are not folded away.
const MOST_SHOWN: usize = 15;

/// The changed lines of a file, by what became of them.
#[derive(Debug, Default, PartialEq)]
struct Lines {
    reviewed: usize,
    before: usize,
    skipped: usize,
    failed: usize,
    /// Why some were skipped, each reason once.
    reasons: Vec<String>,
}

impl Lines {
    fn all(&self) -> usize {
        [self.reviewed, self.before, self.skipped, self.failed].into_iter().fold(0, usize::saturating_add)
    }

    fn parts(&self) -> Vec<(&'static str, f64)> {
        let sizes = [self.reviewed, self.before, self.skipped, self.failed];
        KEY.iter().zip(sizes).map(|((class, _), size)| (*class, size as f64)).collect()
    }

    /// `40 reviewed, 3 skipped (generated)`.
    fn told(&self) -> String {
        let why = if self.reasons.is_empty() { String::new() } else { format!(" ({})", self.reasons.join(", ")) };
        let parts = [
            (self.failed, "failed", ""),
            (self.reviewed, "reviewed", ""),
            (self.before, "reviewed before", ""),
            (self.skipped, "skipped", why.as_str()),
        ];
        let told: Vec<String> = parts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, word, why)| format!("{count} {word}{why}"))
            .collect();
        match told.is_empty() {
            true if !self.reasons.is_empty() => format!("skipped{why}"),
            true => "no changed lines".to_owned(),
            false => told.join(", "),
        }
    }
}

/// What the colours of a bar mean, in the order of its parts.
const KEY: [(&str, &str); 4] =
    [("third", "reviewed"), ("before", "reviewed before"), ("skipped", "skipped"), ("failed", "failed")];

/// The section, as HTML.
pub fn section(report: &Report, diff: &Diff) -> String {
    let coverage = &report.coverage;
    let files = sorted(files(report, diff));
    let most = files.iter().map(Bar::size).fold(0.0, f64::max);
    let (shown, rest) = files.split_at(files.len().min(MOST_SHOWN));
    let some = |part: &[Bar]| if part.is_empty() { String::new() } else { bars(part, most) };
    let failure = |failure: &Failure| {
        let what = format!("{} not reviewed", plural(failure.changed_lines, "changed line"));
        let places: Vec<String> = failure.places.iter().map(|place| printable(place)).collect();
        context! { what, reason => printable(&failure.reason), places }
    };
    let cut: Vec<String> = coverage.cut.iter().map(|cut| format!("{}:{}", printable(&cut.path), cut.line)).collect();
    let receipt = format!(
        "{} in {}: {}.",
        plural(coverage.changed_lines, "changed line"),
        plural(coverage.files, "file"),
        coverage.parts(Words::english())
    );
    part(
        TEMPLATE,
        context! {
            receipt,
            key => key(&KEY),
            all => whole(report),
            files => some(shown),
            rest => some(rest),
            rest_count => format!("{} more", plural(rest.len(), "file")),
            unknown => unknown(report, diff),
            failures => coverage.failures(Words::english()).iter().map(failure).collect::<Vec<_>>(),
            cut_count => plural(cut.len(), "line"),
            cut,
        },
    )
}

/// The bar of the whole change; none where nothing changed.
fn whole(report: &Report) -> String {
    let coverage = &report.coverage;
    let lines = Lines {
        reviewed: coverage.changed_lines_reviewed,
        before: coverage.remembered(),
        skipped: coverage.left_out().map(|file| file.changed_lines).sum::<usize>() + coverage.elsewhere(),
        failed: coverage.failed.iter().map(|lines| lines.changed_lines).sum(),
        reasons: Vec::new(),
    };
    let bar = Bar { name: "All files".to_owned(), parts: lines.parts(), told: lines.told() };
    if lines.all() == 0 { String::new() } else { bars(&[bar], lines.all() as f64) }
}

/// What cannot be told of each file where the change is not at hand.
fn unknown(report: &Report, diff: &Diff) -> Option<&'static str> {
    let is_unknown = diff.files.is_empty() && report.coverage.changed_lines_reviewed > 0;
    is_unknown.then_some(
        "The files that were reviewed are not listed: this page was made from the report, without the change.",
    )
}

/// The changed lines of each file. The report says how many were not reviewed now, and the change how many there are.
fn files(report: &Report, diff: &Diff) -> BTreeMap<String, Lines> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    for file in &diff.files {
        files.entry(file.path().to_string()).or_default().reviewed += file.changed_lines();
    }
    for lines in &report.coverage.failed {
        let file = files.entry(lines.path.clone()).or_default();
        file.failed = file.failed.saturating_add(lines.changed_lines);
        file.reviewed = file.reviewed.saturating_sub(lines.changed_lines);
    }
    for skipped in &report.coverage.skipped {
        let file = files.entry(skipped.path.clone()).or_default();
        let count = if skipped.reason == REVIEWED_BEFORE { &mut file.before } else { &mut file.skipped };
        *count = count.saturating_add(skipped.changed_lines);
        file.reviewed = file.reviewed.saturating_sub(skipped.changed_lines);
        let reason = if skipped.is_elsewhere() { "in other shards" } else { &skipped.reason };
        if reason != REVIEWED_BEFORE && !file.reasons.iter().any(|known| known == reason) {
            file.reasons.push(reason.to_owned());
        }
    }
    files
}

/// The bars: what failed first, then the longest.
fn sorted(files: BTreeMap<String, Lines>) -> Vec<Bar> {
    let mut files: Vec<(String, Lines)> = files.into_iter().collect();
    files.sort_by_key(|(_, lines)| std::cmp::Reverse((lines.failed > 0, lines.all())));
    files.into_iter().map(|(name, lines)| Bar { name, parts: lines.parts(), told: lines.told() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::report::tests::report;
    use crate::report::{Coverage, FailedLines, SkippedFile};

    fn skipped(path: &str, reason: &str, changed_lines: usize) -> SkippedFile {
        SkippedFile { path: path.to_owned(), reason: reason.to_owned(), changed_lines }
    }

    fn failed(path: &str, changed_lines: usize) -> FailedLines {
        let reason = "no answer".to_owned();
        FailedLines { path: path.to_owned(), start_line: 1, end_line: 9, changed_lines, reason }
    }

    fn told(coverage: Coverage, diff: &str) -> Vec<(String, String)> {
        let report = Report { coverage, ..report(Vec::new()) };
        sorted(files(&report, &parse(diff.to_owned()).unwrap())).into_iter().map(|bar| (bar.name, bar.told)).collect()
    }

    #[test]
    fn every_changed_line_of_a_file_is_in_one_part_of_its_bar() {
        let file = |name: &str, count: usize| {
            format!("--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{count} @@\n{}", "+x\n".repeat(count))
        };
        let coverage = Coverage {
            skipped: vec![
                skipped("a", REVIEWED_BEFORE, 2),
                skipped("a", "whitespace", 1),
                skipped("a", "moved", 1),
                skipped("lock", "lockfile", 80),
                skipped("logo.png", "binary", 0),
                skipped("part", "shard_2", 4),
                skipped("part", "shard_3", 2),
            ],
            failed: vec![failed("b", 3), failed("gone", 7)],
            ..Coverage::default()
        };
        let expected = [
            ("gone", "7 failed"),
            ("b", "3 failed, 1 reviewed"),
            ("lock", "80 skipped (lockfile)"),
            ("a", "6 reviewed, 2 reviewed before, 2 skipped (whitespace, moved)"),
            ("part", "6 skipped (in other shards)"),
            ("logo.png", "skipped (binary)"),
        ];
        let expected = expected.map(|(name, told)| (name.to_owned(), told.to_owned()));
        assert_eq!(told(coverage, &(file("a", 10) + &file("b", 4))), expected);
    }

    #[test]
    fn without_the_change_the_sums_are_shown_and_what_is_missing_is_told() {
        let coverage = Coverage {
            files: 2,
            files_reviewed: 1,
            changed_lines: 9,
            changed_lines_reviewed: 6,
            failed: vec![failed("b", 3)],
            ..Coverage::default()
        };
        let html = section(&Report { coverage, ..report(Vec::new()) }, &Diff::default());
        for wanted in [
            "9 changed lines in 2 files: 6 reviewed, 0 skipped, 3 failed.",
            "3 failed, 6 reviewed",
            "are not listed",
            "3 changed lines not reviewed: <bdi>no answer",
        ] {
            assert!(html.contains(wanted), "{wanted}: {html}");
        }
    }

    #[test]
    fn numbers_that_do_not_agree_break_nothing() {
        let coverage = Coverage { skipped: vec![skipped("a", "whitespace", usize::MAX); 2], ..Coverage::default() };
        let found = told(coverage, "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n");
        assert_eq!(found[0].1, format!("{} skipped (whitespace)", usize::MAX));
    }
}
