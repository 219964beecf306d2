//! Whether two findings say the same.

use std::collections::HashSet;

use super::standing::{Code, Standing};
use super::{Finding, Origin};
use crate::meaning::Weights;

/// Lines between two findings that may still be about one defect.
const NEAR: u32 = 2;

/// The share of words that two titles must have in common.
const ALIKE: f64 = 0.3;

/// The cosine of two remarks on overlapping lines that say the same in other words.
const ALIKE_IN_MEANING: f64 = 0.25;

/// The cosine that two remarks on just the same lines have at least, unless they are about different defects.
const HARDLY_ALIKE: f64 = 0.05;

/// Whether two findings of one run are about the same defect: at the same place or near it, in like words. Joining too
/// much is the safer error for the reader, who sees one remark instead of two.
pub fn is_same(a: &Finding, b: &Finding) -> bool {
    if a.path != b.path || a.side != b.side {
        return false;
    }
    if a.origin == Origin::Check && b.origin == Origin::Check {
        return a.rule == b.rule && distance((a.start_line, a.end_line), (b.start_line, b.end_line)) == 0;
    }
    match distance((a.start_line, a.end_line), (b.start_line, b.end_line)) {
        0 if (a.start_line, a.end_line) == (b.start_line, b.end_line) && a.category == b.category => {
            meaning_in_common(a, b) >= HARDLY_ALIKE
        }
        0 => words_in_common(&a.title, &b.title) >= ALIKE || meaning_in_common(a, b) >= ALIKE_IN_MEANING,
        // beside each other the same defect may stand twice, in other names
        1..=NEAR => a.category == b.category && all_words(&a.title) == all_words(&b.title),
        _ => false,
    }
}

/// Which earlier finding each finding is. Each earlier one stands for one finding: first for the one at its place in like
/// words, then for one with its fingerprint, then for one on its code, which a renamed file gives another fingerprint.
pub fn matched(findings: &[Finding], standing: &[&Standing]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; findings.len()];
    let mut left: Vec<usize> = (0..standing.len()).collect();
    for is_match in [is_at_its_place, has_its_text, is_on_its_code] {
        left.retain(|&one| {
            let at = (0..findings.len()).find(|&at| found[at].is_none() && is_match(&findings[at], standing[one]));
            at.inspect(|&at| found[at] = Some(one)).is_none()
        });
    }
    found
}

/// The same text may stand twice in a file: then it is the one on its lines.
fn has_its_text(finding: &Finding, standing: &Standing) -> bool {
    let lines = |finding: &Finding| (finding.start_line, finding.end_line);
    finding.id == standing.finding.id && (standing.code != Code::Here || lines(finding) == lines(&standing.finding))
}

fn is_on_its_code(finding: &Finding, standing: &Standing) -> bool {
    let place = |finding: &Finding| (finding.path.clone(), finding.side, finding.start_line, finding.end_line);
    standing.code == Code::Here
        && place(finding) == place(&standing.finding)
        && finding.category == standing.finding.category
}

fn is_at_its_place(finding: &Finding, standing: &Standing) -> bool {
    let Some((path, side, start, end)) = &standing.place else { return false };
    *path == finding.path
        && *side == finding.side
        && distance((finding.start_line, finding.end_line), (*start, *end)) == 0
        && words_in_common(&finding.title, &standing.finding.title) >= ALIKE
}

/// Lines between two ranges; 0 where they touch each other's lines.
fn distance(a: (u32, u32), b: (u32, u32)) -> u32 {
    b.0.saturating_sub(a.1).max(a.0.saturating_sub(b.1))
}

/// How alike two remarks are in all that they say.
fn meaning_in_common(a: &Finding, b: &Finding) -> f64 {
    let text = |finding: &Finding| format!("{}\n{}", finding.title, finding.body);
    Weights::shipped().cosine(&text(a), &text(b))
}

/// The words of a title, numbers and names too.
fn all_words(title: &str) -> Vec<String> {
    let words = title.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Jaccard index of the words of two titles, by their first five letters so that endings do not matter.
fn words_in_common(a: &str, b: &str) -> f64 {
    let words = |text: &str| -> HashSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2);
        words.map(|word| word.to_lowercase().chars().take(5).collect()).collect()
    };
    let (a, b) = (words(a), words(b));
    let common = a.intersection(&b).count() as f64;
    common / (a.union(&b).count() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_between_ranges() {
        for (a, b, expected) in [((1, 3), (3, 9), 0), ((1, 3), (4, 4), 1), ((9, 9), (1, 3), 6), ((1, 9), (4, 5), 0)] {
            assert_eq!(distance(a, b), expected);
        }
    }

    #[test]
    fn like_words() {
        assert!(words_in_common("Division by zero when empty", "Divides by zero on empty input") >= ALIKE);
        assert!(words_in_common("SQL injection through name", "Connection is never closed") < ALIKE);
        assert!(words_in_common("", "") < ALIKE);
    }
}
