//! From drafts and check hits to the findings of the report.

pub mod anchor;
pub mod fingerprint;
pub mod similar;
pub mod suggestion;

use std::collections::HashMap;

use serde::Serialize;

use crate::checks::Hit;
use crate::diff::{Diff, Side};
use crate::review::schema::Draft;
use crate::severity::{Category, Severity};
use crate::text::fenced;
use anchor::Anchor;

/// A defect at lines that the diff has. Field names and order are the interface's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Fingerprint: path, category and quoted text.
    pub id: String,
    /// Path after the change.
    pub path: String,
    /// Side of the lines.
    pub side: Side,
    /// First line, on that side.
    pub start_line: u32,
    /// Last line, on that side.
    pub end_line: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of defect it is.
    pub category: Category,
    /// How sure its author is, 0 to 100.
    pub confidence: u8,
    /// One line that names the defect.
    pub title: String,
    /// Cause, consequence and fix; Markdown, not cleaned.
    pub body: String,
    /// What replaces the lines, where that applies as it stands.
    pub suggestion: Option<String>,
    /// The text of the lines.
    pub quote: String,
    /// Who found it.
    pub origin: Origin,
    /// How many passes saw it.
    pub votes: u32,
    /// What the second look said.
    pub verdict: Verdict,
    /// The rule, for a finding of a built-in check.
    pub rule: Option<&'static str>,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The model.
    Model,
    /// A built-in check.
    Check,
}

/// What the second look said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A built-in check is its own proof.
    Confirmed,
    /// There was no second look.
    Unverified,
}

/// Why a finding is not reported as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Another finding says the same.
    Duplicate,
    /// Its severity or confidence is too low.
    BelowThreshold,
    /// Its quoted code is not in the diff.
    Unanchored,
    /// It stands on the request already.
    AlreadyPosted,
    /// More findings than `max-comments`.
    OverCommentLimit,
}

impl Reason {
    /// The words for people.
    pub fn describe(self) -> &'static str {
        match self {
            Reason::Duplicate => "duplicate of another finding",
            Reason::BelowThreshold => "below the threshold",
            Reason::Unanchored => "with quoted code that is not in the change",
            Reason::AlreadyPosted => "posted before",
            Reason::OverCommentLimit => "over the comment limit",
        }
    }
}

/// A finding that is counted and listed, but not reported as one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suppressed {
    /// Fingerprint of the finding.
    pub id: String,
    /// Why.
    pub reason: Reason,
    /// What was said. Where the reason is `unanchored`, its lines are what the model claimed.
    pub finding: Finding,
}

/// What decides which findings are reported.
pub struct Thresholds<'a> {
    /// The lowest severity, by path.
    pub min_severity: &'a dyn Fn(&str) -> Severity,
    /// The lowest confidence of a model's finding.
    pub min_confidence: u8,
    /// How many are reported one by one.
    pub max_comments: usize,
}

/// A finding that stands on the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its fingerprint.
    pub id: String,
    /// Path and lines where it stands now; `None` where the host calls it outdated.
    pub place: Option<(String, Side, u32, u32)>,
    /// Its title.
    pub title: String,
}

/// Findings worth reporting, worst first, and those that are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// Reported.
    pub findings: Vec<Finding>,
    /// Counted and listed.
    pub suppressed: Vec<Suppressed>,
}

/// Decides on everything that was said of a change.
pub fn judge(
    diff: &Diff,
    hits: Vec<Hit>,
    drafts: Vec<Draft>,
    posted: &[Posted],
    thresholds: &Thresholds<'_>,
) -> Judgement {
    let mut judgement = Judgement::default();
    let mut placed: Vec<Finding> = hits.into_iter().map(|hit| from_hit(diff, hit)).collect();
    let index = anchor::Index::new(diff);
    for draft in drafts {
        match index.anchor(&draft) {
            Some(anchor) => placed.push(from_draft(diff, draft, anchor)),
            None => judgement.suppress(Reason::Unanchored, unplaced(draft)),
        }
    }
    let mut kept = judgement.merge_duplicates(placed);
    number_fingerprints(&mut kept);
    kept.sort_by_cached_key(rank);
    let stands = similar::matched(&kept, posted);
    // those that stand on the request take their part of the limit, or a second run would post what was over it
    let mut shown = 0;
    for (finding, stands) in kept.into_iter().zip(stands) {
        let is_low = finding.severity < (thresholds.min_severity)(&finding.path)
            || (finding.origin == Origin::Model && finding.confidence < thresholds.min_confidence);
        if is_low {
            judgement.suppress(Reason::BelowThreshold, finding);
        } else if stands {
            judgement.suppress(Reason::AlreadyPosted, finding);
            shown += 1;
        } else if shown >= thresholds.max_comments {
            judgement.suppress(Reason::OverCommentLimit, finding);
        } else {
            judgement.findings.push(finding);
            shown += 1;
        }
    }
    judgement
}

impl Judgement {
    fn suppress(&mut self, reason: Reason, finding: Finding) {
        self.suppressed.push(Suppressed { id: finding.id.clone(), reason, finding });
    }

    /// Keeps the strongest of those that say the same.
    fn merge_duplicates(&mut self, mut findings: Vec<Finding>) -> Vec<Finding> {
        findings.sort_by_cached_key(rank);
        let mut kept: Vec<Finding> = Vec::new();
        for finding in findings {
            if kept.iter().any(|other| similar::is_same(other, &finding)) {
                self.suppress(Reason::Duplicate, finding);
            } else {
                kept.push(finding);
            }
        }
        kept
    }
}

/// Order of the report: worst first, checks before the model, surest first, then by place.
fn rank(finding: &Finding) -> impl Ord + use<> {
    let by_check = finding.origin == Origin::Check;
    (
        std::cmp::Reverse((finding.severity, by_check, finding.confidence)),
        finding.path.clone(),
        finding.start_line,
        finding.title.clone(),
    )
}

fn from_hit(diff: &Diff, hit: Hit) -> Finding {
    let file = &diff.files[hit.file];
    let lines = &file.hunks()[hit.hunk].lines[hit.lines.clone()];
    let text: Vec<String> = lines.iter().map(|line| line.text().into_owned()).collect();
    let path = file.path().to_string();
    let numbers = || lines.iter().map(|line| line.number());
    Finding {
        id: fingerprint::fingerprint(&path, hit.category, &text, 0),
        path,
        side: lines.first().map_or(Side::Right, |line| line.side()),
        start_line: numbers().next().unwrap_or(1),
        end_line: numbers().next_back().unwrap_or(1),
        severity: hit.severity,
        category: hit.category,
        confidence: 100,
        title: hit.title,
        body: hit.body,
        suggestion: hit.suggestion,
        quote: text.join("\n"),
        origin: Origin::Check,
        votes: 1,
        verdict: Verdict::Confirmed,
        rule: Some(hit.rule),
    }
}

fn from_draft(diff: &Diff, draft: Draft, anchor: Anchor) -> Finding {
    let path = diff.files[anchor.file].path().to_string();
    let proposed = draft.suggestion.clone().unwrap_or_default();
    let suggestion = suggestion::usable(&proposed, &anchor);
    let said = unplaced(draft);
    // what cannot be applied with a click can still be read
    let body = match suggestion {
        None if suggestion::says_something(&proposed, &anchor) => {
            format!("{}\n\n{}", said.body.trim_end(), fenced("", suggestion::without_fence(&proposed).trim_end()))
        }
        _ => said.body.clone(),
    };
    Finding {
        id: fingerprint::fingerprint(&path, said.category, &anchor.text, 0),
        path,
        side: anchor.side,
        start_line: *anchor.lines.start(),
        end_line: *anchor.lines.end(),
        suggestion,
        quote: anchor.text.join("\n"),
        body,
        ..said
    }
}

/// A draft as a finding that claims its lines.
fn unplaced(draft: Draft) -> Finding {
    let quote: Vec<String> = draft.quote.lines().map(str::to_owned).collect();
    let start_line = draft.line.unwrap_or_default();
    Finding {
        id: fingerprint::fingerprint(&draft.path, draft.category, &quote, 0),
        start_line,
        end_line: draft.end_line.unwrap_or(start_line).max(start_line),
        side: draft.side,
        severity: draft.severity,
        category: draft.category,
        confidence: draft.confidence,
        title: title(&draft),
        body: if draft.body.trim().is_empty() { draft.reasoning } else { draft.body },
        suggestion: None,
        quote: draft.quote,
        path: draft.path,
        origin: Origin::Model,
        votes: 1,
        verdict: Verdict::Unverified,
        rule: None,
    }
}

/// A title is one line that a person reads at a glance.
fn title(draft: &Draft) -> String {
    const LONGEST: usize = 160;
    let source = [&draft.title, &draft.body, &draft.reasoning].into_iter().find(|text| !text.trim().is_empty());
    let line = source.map_or("", |text| text.trim().lines().next().unwrap_or_default()).trim();
    if line.chars().count() <= LONGEST {
        return line.trim_end_matches('.').to_owned();
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// Gives the second and later of those that read the same an identity of their own.
fn number_fingerprints(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (&a.path, a.start_line).cmp(&(&b.path, b.start_line)));
    let mut seen: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let count = seen.entry(finding.id.clone()).or_insert(0);
        if *count > 0 {
            let lines: Vec<String> = finding.quote.lines().map(str::to_owned).collect();
            finding.id = fingerprint::fingerprint(&finding.path, finding.category, &lines, *count);
        }
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    const DIFF: &str = "--- a/x.rs\n+++ b/x.rs\n@@ -1 +1,6 @@\n-old();\n+first();\n+second();\n+third();\n+first();\n+fifth();\n+sixth();\n";

    fn draft(quote: &str, line: u32, severity: Severity, confidence: u8, title: &str) -> Draft {
        Draft {
            path: "x.rs".into(),
            quote: quote.into(),
            line: Some(line),
            end_line: None,
            side: Side::Right,
            reasoning: "because".into(),
            category: Category::Bug,
            severity,
            confidence,
            title: title.into(),
            body: String::new(),
            suggestion: None,
        }
    }

    fn decide(drafts: Vec<Draft>, posted: &[Posted], min: Severity, most: usize) -> Judgement {
        let thresholds = Thresholds { min_severity: &|_| min, min_confidence: 20, max_comments: most };
        judge(&parse(DIFF).unwrap(), Vec::new(), drafts, posted, &thresholds)
    }

    /// Lines of the reported findings, and reasons of the others.
    fn shape(judgement: &Judgement) -> (Vec<u32>, Vec<Reason>) {
        let lines = judgement.findings.iter().map(|finding| finding.start_line).collect();
        (lines, judgement.suppressed.iter().map(|suppressed| suppressed.reason).collect())
    }

    use Severity::{Critical, Info, Major, Minor};

    #[test]
    fn worst_and_surest_first() {
        let drafts = vec![
            draft("second();", 2, Minor, 90, "is slow to answer"),
            draft("third();", 3, Critical, 60, "loses rows"),
            draft("sixth();", 6, Critical, 80, "opens a hole"),
        ];
        assert_eq!(shape(&decide(drafts, &[], Info, 10)), (vec![6, 3, 2], vec![]));
    }

    #[test]
    fn each_way_out_is_counted() {
        let drafts = vec![
            draft("second();", 2, Major, 90, "divides by zero"),
            draft("second();", 2, Major, 80, "division by zero possible"),
            draft("nowhere();", 2, Major, 80, "lost"),
            draft("third();", 3, Info, 80, "a note"),
            draft("fifth();", 5, Major, 10, "a guess"),
            draft("sixth();", 6, Minor, 70, "one too many"),
        ];
        use Reason::*;
        let expected = (vec![2], vec![Unanchored, Duplicate, BelowThreshold, OverCommentLimit, BelowThreshold]);
        let found = shape(&decide(drafts, &[], Minor, 1));
        assert_eq!(found.0, expected.0);
        assert_eq!(found.1.len(), expected.1.len());
        assert!(expected.1.iter().all(|reason| found.1.contains(reason)), "{found:?}");
    }

    #[test]
    fn the_same_text_twice_has_two_identities() {
        let drafts = vec![
            draft("first();", 1, Major, 90, "ignores the error"),
            draft("first();", 4, Major, 90, "ignores the error"),
        ];
        let judgement = decide(drafts, &[], Info, 10);
        assert_eq!(shape(&judgement).0, [1, 4]);
        assert_ne!(judgement.findings[0].id, judgement.findings[1].id);
    }

    #[test]
    fn what_stands_on_the_request_is_not_reported_again() {
        let first = decide(vec![draft("second();", 2, Major, 90, "divides by zero")], &[], Info, 10).findings.remove(0);
        let by_id = Posted { id: first.id, place: None, title: String::new() };
        let place = Some(("x.rs".to_owned(), Side::Right, 2, 2));
        let by_place = Posted { id: "other".into(), place, title: "May divide by zero".into() };
        for posted in [by_id, by_place] {
            let judgement = decide(vec![draft("second();", 2, Major, 90, "divides by zero")], &[posted], Info, 10);
            assert_eq!(shape(&judgement), (vec![], vec![Reason::AlreadyPosted]));
        }
    }

    #[test]
    fn different_defects_in_the_same_lines_are_all_kept() {
        let ranges = [("first();\nsecond();\nthird();", 1), ("second();\nthird();", 2), ("third();\nfirst();", 3)];
        let titles = ["loses rows on restart", "never closes the socket", "overflows above one million"];
        let drafts = ranges.iter().zip(titles).map(|((quote, line), title)| draft(quote, *line, Major, 90, title));
        assert_eq!(shape(&decide(drafts.collect(), &[], Info, 10)), (vec![1, 2, 3], vec![]));
    }

    #[test]
    fn a_check_hides_no_other_defect_of_its_category() {
        let hit = Hit {
            file: 0,
            hunk: 0,
            lines: 2..=2,
            rule: "secrets",
            severity: Critical,
            category: Category::Security,
            title: "Password committed in plain text".into(),
            body: String::new(),
            suggestion: None,
        };
        let of = |title: &str| Draft {
            category: Category::Security,
            ..draft("first();\nsecond();\nthird();", 1, Major, 90, title)
        };
        let thresholds = Thresholds { min_severity: &|_| Info, min_confidence: 0, max_comments: 10 };
        let decide = |title| judge(&parse(DIFF).unwrap(), vec![hit.clone()], vec![of(title)], &[], &thresholds);
        assert_eq!(shape(&decide("SQL injection through the name")), (vec![2, 1], vec![]));
        assert_eq!(shape(&decide("The password is committed in plain text")), (vec![2], vec![Reason::Duplicate]));
    }

    #[test]
    fn a_posted_comment_stands_for_one_finding() {
        let both = || {
            let ignores = |line| draft("first();", line, Major, 90, "ignores the error");
            vec![ignores(1), ignores(4)]
        };
        let first =
            decide(vec![draft("first();", 1, Major, 90, "ignores the error")], &[], Info, 10).findings.remove(0);
        let posted = |line: Option<u32>| Posted {
            id: first.id.clone(),
            place: line.map(|line| ("x.rs".to_owned(), Side::Right, line, line)),
            title: first.title.clone(),
        };
        let check = |posted: &[Posted], expected: &[u32]| {
            let judgement = decide(both(), posted, Info, 10);
            assert_eq!(shape(&judgement), (expected.to_vec(), vec![Reason::AlreadyPosted; 2 - expected.len()]));
        };
        check(&[], &[1, 4]);
        // the posted one has moved down, and the same text stands above it now
        check(&[posted(Some(4))], &[1]);
        check(&[posted(Some(1))], &[4]);
        check(&[posted(None)], &[4]);
        check(&[posted(Some(1)), posted(Some(4))], &[]);
        check(&[posted(None), posted(Some(4))], &[]);
    }

    #[test]
    fn a_suggestion_that_cannot_be_applied_is_part_of_the_body() {
        let of = |quote: &str, suggestion: &str| {
            let draft = Draft { suggestion: Some(suggestion.into()), ..draft(quote, 2, Major, 90, "is wrong") };
            let finding = decide(vec![draft], &[], Info, 10).findings.remove(0);
            (finding.body, finding.suggestion)
        };
        assert_eq!(of("second();", "fixed();"), ("because".into(), Some("fixed();".into())));
        assert_eq!(of("second", "fixed"), ("because\n\n```\nfixed\n```".into(), None));
        assert_eq!(of("second", "```rust\nfixed\n```"), ("because\n\n```\nfixed\n```".into(), None));
        for nothing in ["second();", "  ", "key = ***"] {
            assert_eq!(of("second();", nothing), ("because".into(), None), "{nothing}");
        }
    }

    #[test]
    fn a_title_is_one_line() {
        let long = draft("second();", 2, Major, 90, &"x".repeat(500));
        assert_eq!(title(&long).chars().count(), 160);
        assert_eq!(title(&draft("q", 1, Major, 1, "Crashes.\nmore")), "Crashes");
        assert_eq!(title(&draft("q", 1, Major, 1, " ")), "because");
    }
}
