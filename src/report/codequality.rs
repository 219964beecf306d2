//! GitLab's Code Quality report, which the widget of a merge request shows.
//!
//! The widget compares it with the report of the target branch and shows what is new; of entries with the same fingerprint
//! it shows one. A finding that is missing in the newest report counts as fixed, so that this has all that stand.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::sarif::{lines_of, relative, rule_name};
use super::{FailedLines, Report, actions, clean, plural};
use crate::findings::Finding;
use crate::prompt;
use crate::text::printable;
use crate::words::Words;

/// Characters of a description: the widget shows it on one line.
const LONGEST: usize = 1_000;
/// Files that are told one by one where nobody could look at them.
const MOST_FILES: usize = 100;

/// The report as a list of entries.
pub fn entries(report: &Report) -> Value {
    let findings = report.fingerprinted().map(|(fingerprint, finding)| of_finding(fingerprint, finding));
    findings.chain(not_reviewed(report)).collect()
}

fn of_finding(fingerprint: String, finding: &Finding) -> Value {
    let (title, body) = (finding.title.trim(), actions::told(finding, Words::english()));
    let text = match body.trim() {
        "" => title.to_owned(),
        body => format!("{}: {body}", title.trim_end_matches('.')),
    };
    // the scale has one word more, `blocker`, which is none of ours
    entry(&text, rule_name(finding), &fingerprint, finding.severity.as_str(), &finding.path, lines_of(finding))
}

/// An entry for each file with lines that nobody could look at: the format has no other place that says so, and without it
/// they would be taken for clean.
fn not_reviewed(report: &Report) -> Vec<Value> {
    let mut files: Vec<(&FailedLines, usize)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for lines in &report.coverage.failed {
        let index = *known.entry(&lines.path).or_insert_with(|| {
            files.push((lines, 0));
            files.len() - 1
        });
        files[index].1 = files[index].1.saturating_add(lines.changed_lines);
    }
    let more = files.len().saturating_sub(MOST_FILES);
    let last = MOST_FILES.min(files.len()).saturating_sub(1);
    let of_file = |(index, (first, count)): (usize, &(&FailedLines, usize))| {
        let more =
            if index == last && more > 0 { format!(" (and {})", plural(more, "more file")) } else { String::new() };
        let text = format!("{} not reviewed{more}: {}", plural(*count, "changed line"), first.reason);
        let fingerprint = prompt::hash_of(&["not-reviewed", &first.path]);
        let begin = first.start_line.max(1);
        entry(&text, "not-reviewed", &fingerprint, "info", &first.path, (begin, first.end_line.max(begin)))
    };
    files.iter().take(MOST_FILES).enumerate().map(of_file).collect()
}

fn entry(text: &str, check: &str, fingerprint: &str, severity: &str, path: &str, lines: (u32, u32)) -> Value {
    json!({
        "description": description(text),
        // beside the names of other tools in the same widget
        "check_name": format!("prudence/{check}"),
        "engine_name": "Prudence",
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": printable(relative(path)), "lines": {"begin": lines.0, "end": lines.1}},
    })
}

/// Text on one line. The widget takes it for HTML and other readers take it for text: to both, a `<` with a character of no
/// width behind it is one.
fn description(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clean::plain(&text, LONGEST).replace('<', "<\u{200b}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Side;
    use crate::report::tests::{finding, report};
    use crate::severity::{Category, Severity};

    #[test]
    fn an_entry_has_what_the_widget_reads() {
        let first =
            Finding { path: "./src/a b#é.rs".into(), start_line: 3, end_line: 5, ..finding("0011223344556677") };
        let expected = json!([{
            "description": "Late: By a day.", "check_name": "prudence/bug", "engine_name": "Prudence",
            "fingerprint": "0011223344556677", "severity": "major",
            "location": {"path": "src/a b#é.rs", "lines": {"begin": 3, "end": 5}},
        }]);
        assert_eq!(entries(&report(vec![first])), expected);
        assert_eq!(entries(&report(Vec::new())), json!([]));
    }

    #[test]
    fn severities_and_names_are_ours() {
        for severity in Severity::ALL {
            let finding = Finding { severity, rule: Some("debugger".into()), ..finding("0011223344556677") };
            let entry = &entries(&report(vec![finding]))[0];
            assert_eq!((&entry["severity"], &entry["check_name"]), (&json!(severity), &json!("prudence/debugger")));
        }
    }

    #[test]
    fn a_removed_line_stands_on_the_first_one_and_says_where_it_was() {
        let left = Finding { side: Side::Left, start_line: 20, end_line: 21, ..finding("0011223344556677") };
        let entry = &entries(&report(vec![left]))[0];
        assert_eq!(entry["location"]["lines"], json!({"begin": 1, "end": 1}));
        assert_eq!(entry["description"], "Late: (line 20 before the change) By a day.");
    }

    #[test]
    fn a_description_is_one_line_of_harmless_text() {
        for (text, expected) in [
            ("a\n\n  b\tc", "a b c"),
            ("<img src=x> Vec<T>", "<\u{200b}img src=x> Vec<\u{200b}T>"),
            ("a\u{1b}[31m\u{202e}", "a\\u{1b}[31m\\u{202e}"),
        ] {
            assert_eq!(description(text), expected, "{text:?}");
        }
        assert_eq!(description(&"x".repeat(100_000)).chars().count(), LONGEST);
    }

    #[test]
    fn the_same_fingerprint_twice_is_kept_apart() {
        let twice = || vec![finding("aaaaaaaaaaaaaaaa"), finding("bbbbbbbbbbbbbbbb"), finding("aaaaaaaaaaaaaaaa")];
        let fingerprints = |list: Value| -> Vec<String> {
            let list = list.as_array().expect("a list").iter();
            list.map(|entry| entry["fingerprint"].as_str().expect("a text").to_owned()).collect()
        };
        let first = fingerprints(entries(&report(twice())));
        assert_eq!(first, ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaa-2"]);
        assert_eq!(first, fingerprints(entries(&report(twice()))), "the same on the next push");
    }

    #[test]
    fn what_nobody_could_look_at_is_an_entry_for_each_file() {
        let mut report = report(vec![Finding { category: Category::Api, ..finding("0011223344556677") }]);
        let failed = |n: u32| FailedLines {
            path: format!("f{}.rs", n / 2),
            start_line: 10 * (n % 2),
            end_line: 10 * (n % 2) + 1,
            changed_lines: 2,
            reason: format!("no answer in {n} s"),
        };
        report.coverage.failed = (0..204).map(failed).collect();
        let list = entries(&report);
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), 101);
        assert_eq!(list[1]["check_name"], "prudence/not-reviewed");
        assert_eq!(list[1]["description"], "4 changed lines not reviewed: no answer in 0 s");
        assert_eq!(list[1]["location"], json!({"path": "f0.rs", "lines": {"begin": 1, "end": 1}}));
        assert_eq!(list[100]["description"], "4 changed lines not reviewed (and 2 more files): no answer in 198 s");
        let all: std::collections::HashSet<&str> =
            list.iter().filter_map(|entry| entry["fingerprint"].as_str()).collect();
        assert_eq!(all.len(), 101);
    }
}
