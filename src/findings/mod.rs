//! From drafts and check hits to the findings of the report.

pub mod anchor;
pub mod exclude;
pub mod fingerprint;
pub mod fit;
pub mod gather;
mod mask;
pub mod similar;
pub mod standing;
pub mod suggestion;
pub mod wording;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::checks::Hit;
use crate::diff::{Diff, Side};
use crate::meaning::Vectors;
use crate::review::schema::Draft;
use crate::severity::{Category, Severity};
use crate::text::fenced;
use crate::words::Words;
use anchor::Anchor;
use fit::Around;
pub use gather::{Candidate, Gathered, Placed, Said, gather, place};
use standing::{Code, Shown, Standing};

/// A defect at lines that the diff has. Field names and order are the interface's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    pub rule: Option<String>,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The model.
    Model,
    /// A built-in check.
    Check,
}

/// What the second look said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The code makes the failing case certain; a built-in check is its own proof.
    Confirmed,
    /// What decides was not to be seen.
    Uncertain,
    /// There was no second look.
    Unverified,
}

/// Why a finding is not reported as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Another finding says the same.
    Duplicate,
    /// Too few passes saw it, and the second look did not confirm it.
    Outvoted,
    /// The second look showed that it is none.
    Refuted,
    /// Its severity or confidence is too low, or it is of a kind that is never reported: praise, style, a wish.
    BelowThreshold,
    /// Its quoted code is not in the diff.
    Unanchored,
    /// A person said that it is none.
    Dismissed,
    /// It stands on the request already.
    AlreadyPosted,
    /// More findings than `max-comments`.
    OverCommentLimit,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 8] = [
        Reason::Duplicate,
        Reason::Outvoted,
        Reason::Refuted,
        Reason::BelowThreshold,
        Reason::Unanchored,
        Reason::Dismissed,
        Reason::AlreadyPosted,
        Reason::OverCommentLimit,
    ];

    /// The word of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Duplicate => "duplicate",
            Reason::Outvoted => "outvoted",
            Reason::Refuted => "refuted",
            Reason::BelowThreshold => "below_threshold",
            Reason::Unanchored => "unanchored",
            Reason::Dismissed => "dismissed",
            Reason::AlreadyPosted => "already_posted",
            Reason::OverCommentLimit => "over_comment_limit",
        }
    }

    /// The words for people.
    pub fn describe(self, words: &Words) -> &str {
        words.reason(self.as_str())
    }
}

/// A finding that is counted and listed, but not reported as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Fingerprint of the finding.
    pub id: String,
    /// Why.
    pub reason: Reason,
    /// What decided, in words, where the reason does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What was said. Where the reason is `unanchored`, its lines are what the model claimed.
    pub finding: Finding,
    /// Whether it counts for `fail-on` all the same: someone who may not decide that dismissed it.
    #[serde(skip)]
    pub counts: bool,
}

impl Suppressed {
    /// A finding that is not reported, for this reason.
    pub fn new(reason: Reason, finding: Finding) -> Suppressed {
        Suppressed { id: finding.id.clone(), reason, why: None, finding, counts: false }
    }

    /// The same, with what decided.
    pub fn because(reason: Reason, why: impl Into<String>, finding: Finding) -> Suppressed {
        Suppressed { why: Some(why.into()), ..Suppressed::new(reason, finding) }
    }
}

/// What decides which findings are reported.
pub struct Thresholds<'a> {
    /// The lowest severity, by path.
    pub min_severity: &'a dyn Fn(&str) -> Severity,
    /// The lowest confidence of a model's finding.
    pub min_confidence: u8,
    /// How many are reported one by one.
    pub max_comments: usize,
    /// Fingerprints of findings that a person dismissed by a command.
    pub dismissed: &'a [String],
    /// Whether the run looked at everything where an earlier finding could be found again.
    pub is_conclusive: &'a dyn Fn(&Finding) -> bool,
}

/// Findings worth reporting, worst first, and those that are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// Reported.
    pub findings: Vec<Finding>,
    /// Counted and listed.
    pub suppressed: Vec<Suppressed>,
    /// Earlier findings that were posted and stand: indices into those that were given.
    pub standing: Vec<usize>,
    /// Earlier findings on lines that are gone: the code is, and nobody found them again.
    pub ended: Vec<usize>,
    /// Earlier findings that were gone, and are back.
    pub reopened: Vec<usize>,
}

/// Decides on what was gathered, beside the findings of earlier runs.
pub fn judge(gathered: Gathered, standing: &[Standing], thresholds: &Thresholds<'_>) -> Judgement {
    let mut findings: Vec<Finding> = gathered.candidates.into_iter().map(|candidate| candidate.finding).collect();
    number_fingerprints(&mut findings);
    let mut judgement = Judgement { suppressed: gathered.suppressed, ..Judgement::default() };
    judgement.settle(findings, standing, thresholds, &gathered.vectors);
    judgement
}

/// Decides on findings that were made elsewhere, beside those of earlier runs.
pub fn settle(findings: Vec<Finding>, standing: &[Standing], thresholds: &Thresholds<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    judgement.settle(findings, standing, thresholds, &Vectors::default());
    judgement
}

impl Judgement {
    fn settle(
        &mut self,
        mut kept: Vec<Finding>,
        standing: &[Standing],
        thresholds: &Thresholds<'_>,
        vectors: &Vectors,
    ) {
        kept.sort_by_cached_key(rank);
        let mut all = self.pair(kept, standing, thresholds, vectors);
        number_apart(&mut all, standing);
        all.sort_by_cached_key(|(finding, earlier)| {
            // how sure its author was of a comment is not known any more; no less than of what is no worse
            let is_new = earlier.is_none_or(|index| standing[index].shown == Shown::OverLimit);
            (std::cmp::Reverse(finding.severity), is_new, rank(finding))
        });
        self.decide(all, standing, thresholds);
    }

    fn suppress(&mut self, reason: Reason, finding: Finding) {
        self.suppressed.push(Suppressed::new(reason, finding));
    }

    /// Puts each finding beside the earlier one that it is, and adds the earlier ones that nobody found again and that
    /// stand all the same.
    fn pair(
        &mut self,
        kept: Vec<Finding>,
        standing: &[Standing],
        thresholds: &Thresholds<'_>,
        vectors: &Vectors,
    ) -> Vec<(Finding, Option<usize>)> {
        let matched = similar::matched(&kept, &standing.iter().collect::<Vec<_>>(), vectors);
        let mut all: Vec<(Finding, Option<usize>)> = kept.into_iter().zip(matched.iter().copied()).collect();
        for (index, earlier) in standing.iter().enumerate().filter(|(index, _)| !matched.contains(&Some(*index))) {
            let is_gone = earlier.code == Code::Gone && (thresholds.is_conclusive)(&earlier.finding);
            // one that ended and is back, but not open again since a person wrote there, is not found again either
            let is_back = earlier.has_reply && earlier.code == Code::Here;
            if earlier.is_ended && !is_back {
                continue;
            }
            match (is_gone, earlier.shown) {
                (true, Shown::OnLine(_)) if !earlier.is_dismissed && !earlier.has_reply => self.ended.push(index),
                (true, _) => {}
                (false, _) => all.push((earlier.finding.clone(), Some(index))),
            }
        }
        all
    }

    /// Sorts them, worst first, into what is reported and what is not. Those that stand on the request take their part of
    /// the limit before all that is no worse, or a second run would post what was over it.
    fn decide(&mut self, all: Vec<(Finding, Option<usize>)>, standing: &[Standing], thresholds: &Thresholds<'_>) {
        let mut shown = 0;
        for (finding, earlier) in all {
            let known = earlier.map(|index| (index, &standing[index]));
            let is_low = finding.severity < (thresholds.min_severity)(&finding.path)
                || (finding.origin == Origin::Model && finding.confidence < thresholds.min_confidence);
            match known {
                Some((_, earlier)) if earlier.is_dismissed => {
                    let suppressed = Suppressed::new(Reason::Dismissed, finding);
                    self.suppressed.push(Suppressed { counts: !earlier.is_let_off, ..suppressed });
                }
                Some((index, earlier)) if earlier.shown != Shown::OverLimit => {
                    self.standing.push(index);
                    self.reopened.extend((earlier.is_ended && !earlier.has_reply).then_some(index));
                    self.suppress(Reason::AlreadyPosted, finding);
                    shown += 1;
                }
                None if thresholds.dismissed.contains(&finding.id) => self.suppress(Reason::Dismissed, finding),
                _ if is_low => self.suppress(Reason::BelowThreshold, finding),
                _ if shown >= thresholds.max_comments => {
                    self.suppress(Reason::OverCommentLimit, finding);
                }
                _ => {
                    self.findings.push(finding);
                    shown += 1;
                }
            }
        }
    }
}

/// Order of the report: worst first, checks before the model, what the second look could not settle last, then by votes,
/// how sure the model is, and place.
fn rank(finding: &Finding) -> impl Ord + use<> {
    let by_check = finding.origin == Origin::Check;
    let is_clear = finding.verdict != Verdict::Uncertain;
    (
        std::cmp::Reverse((finding.severity, by_check, is_clear, finding.votes, finding.confidence)),
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
        rule: Some(hit.rule.to_owned()),
    }
}

fn from_draft(diff: &Diff, draft: Draft, anchor: Anchor, text: Option<&str>) -> Finding {
    let path = diff.files[anchor.file].path().to_string();
    let proposed = draft.suggestion.clone().unwrap_or_default();
    let suggestion = suggestion::usable(&proposed, &anchor).and_then(|placed| fitted(diff, &placed, &anchor, text));
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

/// A replacement that fits into the file around the lines of an anchor.
fn fitted(diff: &Diff, placed: &str, anchor: &Anchor, text: Option<&str>) -> Option<String> {
    let file = &diff.files[anchor.file];
    let lines = &file.hunks()[anchor.hunk].lines;
    let at = |number: u32| {
        let line = lines.iter().find(|line| line.is_on(anchor.side) && line.number_on(anchor.side) == number)?;
        Some(line.text().into_owned())
    };
    let (above, below) = (anchor.lines.start().checked_sub(1).and_then(at), at(anchor.lines.end() + 1));
    let around = Around {
        above: above.as_deref(),
        below: below.as_deref(),
        file: text.map(|text| (file.path().as_str(), text)),
    };
    fit::fitting(placed, &anchor.text, &anchor.lines, &around)
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
        body: wording::body(if draft.body.trim().is_empty() { &draft.reasoning } else { &draft.body }),
        suggestion: None,
        quote: draft.quote,
        path: draft.path,
        origin: Origin::Model,
        votes: 1,
        verdict: Verdict::Unverified,
        rule: None,
    }
}

/// The title, or the first line of what else is said.
fn title(draft: &Draft) -> String {
    let source = [&draft.title, &draft.body, &draft.reasoning].into_iter().find(|text| !text.trim().is_empty());
    source.map_or_else(String::new, |text| wording::title(text))
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

/// Gives new findings that read the same as an earlier one elsewhere an identity of their own.
fn number_apart(all: &mut [(Finding, Option<usize>)], standing: &[Standing]) {
    let mut taken: Vec<String> = standing.iter().map(|earlier| earlier.finding.id.clone()).collect();
    for (finding, _) in all.iter_mut().filter(|(_, earlier)| earlier.is_none()) {
        let lines: Vec<String> = finding.quote.lines().map(str::to_owned).collect();
        let mut occurrence = 1;
        while taken.contains(&finding.id) {
            finding.id = fingerprint::fingerprint(&finding.path, finding.category, &lines, occurrence);
            occurrence += 1;
        }
        taken.push(finding.id.clone());
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

    /// Gathers as one pass and decides.
    fn judged(hits: Vec<Hit>, drafts: Vec<Draft>, standing: &[Standing], thresholds: &Thresholds<'_>) -> Judgement {
        let said = drafts.into_iter().map(|draft| Said { pass: 1, draft }).collect();
        judge(gather(&parse(DIFF).unwrap(), hits, said, &gather::PLAIN), standing, thresholds)
    }

    fn thresholds(min_severity: &dyn Fn(&str) -> Severity, max_comments: usize) -> Thresholds<'_> {
        Thresholds { min_severity, min_confidence: 20, max_comments, dismissed: &[], is_conclusive: &|_| true }
    }

    fn decide(drafts: Vec<Draft>, standing: &[Standing], min: Severity, most: usize) -> Judgement {
        judged(Vec::new(), drafts, standing, &thresholds(&|_| min, most))
    }

    /// A finding that a draft makes, as it stands on the request since an earlier run.
    fn standing(draft: Draft, code: Code) -> Standing {
        let finding = decide(vec![draft], &[], Info, 10).findings.remove(0);
        Standing {
            finding,
            shown: Shown::OnLine(0),
            place: None,
            code,
            is_dismissed: false,
            is_let_off: false,
            is_ended: false,
            has_reply: false,
        }
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
        let divides = || draft("second();", 2, Major, 90, "divides by zero");
        let by_id = standing(divides(), Code::Here);
        let mut by_place = Standing { place: Some(("x.rs".to_owned(), Side::Right, 2, 2)), ..by_id.clone() };
        (by_place.finding.id, by_place.finding.title) = ("other".into(), "May divide by zero".into());
        for standing in [by_id, by_place] {
            let judgement = decide(vec![divides()], &[standing], Info, 10);
            assert_eq!(shape(&judgement), (vec![], vec![Reason::AlreadyPosted]));
            assert_eq!((judgement.standing.as_slice(), judgement.ended.as_slice()), (&[0][..], &[][..]));
        }
    }

    #[test]
    fn what_nobody_finds_again_stands_as_long_as_its_code_does() {
        let check = |change: &dyn Fn(&mut Standing), code, expected: (&[Reason], &[usize], &[usize])| {
            let mut earlier = standing(draft("second();", 2, Major, 90, "divides by zero"), code);
            change(&mut earlier);
            let judgement = decide(Vec::new(), &[earlier], Info, 10);
            let (findings, reasons) = shape(&judgement);
            assert_eq!((reasons.as_slice(), &judgement.standing[..], &judgement.ended[..]), expected);
            assert!(findings.is_empty());
        };
        let nothing = |_: &mut Standing| {};
        check(&nothing, Code::Here, (&[Reason::AlreadyPosted], &[0], &[]));
        check(&nothing, Code::Unknown, (&[Reason::AlreadyPosted], &[0], &[]));
        check(&nothing, Code::Gone, (&[], &[], &[0]));
        check(&|earlier| earlier.has_reply = true, Code::Gone, (&[], &[], &[]));
        check(&|earlier| earlier.is_dismissed = true, Code::Gone, (&[], &[], &[]));
        check(&|earlier| earlier.is_dismissed = true, Code::Here, (&[Reason::Dismissed], &[], &[]));
        check(&|earlier| earlier.is_ended = true, Code::Here, (&[], &[], &[]));
        let answered = |earlier: &mut Standing| (earlier.is_ended, earlier.has_reply) = (true, true);
        check(&answered, Code::Here, (&[Reason::AlreadyPosted], &[0], &[]));
        check(&answered, Code::Gone, (&[], &[], &[]));
        check(&|earlier| earlier.shown = Shown::InSummary, Code::Gone, (&[], &[], &[]));
        check(&|earlier| earlier.shown = Shown::InSummary, Code::Here, (&[Reason::AlreadyPosted], &[0], &[]));
    }

    #[test]
    fn what_could_not_be_looked_at_has_not_ended() {
        let earlier = standing(draft("second();", 2, Major, 90, "divides by zero"), Code::Gone);
        let thresholds = Thresholds { is_conclusive: &|_| false, ..thresholds(&|_| Info, 10) };
        let judgement = judged(Vec::new(), Vec::new(), &[earlier], &thresholds);
        assert_eq!((shape(&judgement).1, judgement.ended), (vec![Reason::AlreadyPosted], vec![]));
    }

    #[test]
    fn what_had_ended_and_is_back_is_reopened_and_not_posted_again() {
        let divides = || draft("second();", 2, Major, 90, "divides by zero");
        let earlier = Standing { is_ended: true, ..standing(divides(), Code::Here) };
        let judgement = decide(vec![divides()], &[earlier], Info, 10);
        assert_eq!((shape(&judgement), judgement.reopened), ((vec![], vec![Reason::AlreadyPosted]), vec![0]));
    }

    #[test]
    fn what_was_over_the_limit_is_posted_when_there_is_room() {
        let over = |body: &str| {
            let mut over = standing(draft("second();", 2, Major, 90, "divides by zero"), Code::Here);
            over.shown = Shown::OverLimit;
            over.finding.body = body.into();
            [over]
        };
        assert_eq!(shape(&decide(Vec::new(), &over("b"), Info, 1)), (vec![2], vec![]));
        assert_eq!(shape(&decide(Vec::new(), &over("b"), Info, 0)), (vec![], vec![Reason::OverCommentLimit]));
        let worse = draft("third();", 3, Critical, 90, "loses rows");
        assert_eq!(shape(&decide(vec![worse], &over("b"), Info, 1)), (vec![3], vec![Reason::OverCommentLimit]));
    }

    #[test]
    fn what_was_over_the_limit_does_not_overtake_what_was_posted() {
        let posted = standing(draft("third();", 3, Major, 50, "loses rows"), Code::Here);
        let mut over = standing(draft("second();", 2, Major, 90, "divides by zero"), Code::Here);
        (over.shown, over.finding.body) = (Shown::OverLimit, "b".into());
        let decided = decide(Vec::new(), &[over.clone(), posted.clone()], Info, 1);
        assert_eq!(shape(&decided), (vec![], vec![Reason::AlreadyPosted, Reason::OverCommentLimit]));
        let worse = draft("sixth();", 6, Critical, 50, "opens a hole");
        let decided = decide(vec![worse], &[over, posted], Info, 1);
        assert_eq!(shape(&decided), (vec![6], vec![Reason::AlreadyPosted, Reason::OverCommentLimit]));
    }

    #[test]
    fn what_a_command_dismissed_stays_dismissed() {
        let divides = || draft("second();", 2, Major, 90, "divides by zero");
        let ids = [standing(divides(), Code::Here).finding.id];
        let thresholds = Thresholds { dismissed: &ids, ..thresholds(&|_| Info, 10) };
        let judgement = judged(Vec::new(), vec![divides()], &[], &thresholds);
        assert_eq!(shape(&judgement), (vec![], vec![Reason::Dismissed]));
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
        let thresholds = thresholds(&|_| Info, 10);
        let decide = |title| judged(vec![hit.clone()], vec![of(title)], &[], &thresholds);
        assert_eq!(shape(&decide("SQL injection through the name")), (vec![2, 1], vec![]));
        assert_eq!(shape(&decide("The password is committed in plain text")), (vec![2], vec![Reason::Duplicate]));
    }

    #[test]
    fn a_posted_comment_stands_for_one_finding() {
        let both = || {
            let ignores = |line| draft("first();", line, Major, 90, "ignores the error");
            vec![ignores(1), ignores(4)]
        };
        let posted = |line: u32, is_outdated: bool| Standing {
            place: (!is_outdated).then(|| ("x.rs".to_owned(), Side::Right, line, line)),
            ..standing(draft("first();", line, Major, 90, "ignores the error"), Code::Here)
        };
        let check = |posted: &[Standing], expected: &[u32]| {
            let judgement = decide(both(), posted, Info, 10);
            assert_eq!(shape(&judgement), (expected.to_vec(), vec![Reason::AlreadyPosted; 2 - expected.len()]));
        };
        check(&[], &[1, 4]);
        // the posted one has moved down, and the same text stands above it now
        check(&[posted(4, false)], &[1]);
        check(&[posted(1, false)], &[4]);
        check(&[posted(1, true)], &[4]);
        check(&[posted(1, false), posted(4, false)], &[]);
        check(&[posted(1, true), posted(4, false)], &[]);
    }

    #[test]
    fn the_same_text_at_another_place_is_another_finding() {
        let ignores = |line| draft("first();", line, Major, 90, "ignores the error");
        let earlier = standing(ignores(1), Code::Here);
        let id = earlier.finding.id.clone();
        // only the new lines were looked at
        let judgement = decide(vec![ignores(4)], std::slice::from_ref(&earlier), Info, 10);
        assert_eq!(shape(&judgement), (vec![4], vec![Reason::AlreadyPosted]));
        assert_ne!(judgement.findings[0].id, id);
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
