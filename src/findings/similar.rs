//! Whether two findings say the same.

use std::collections::{BTreeSet, HashSet};

use super::standing::{Code, Standing};
use super::{Finding, Origin};
use crate::meaning::{Vectors, Weights};

/// Lines between two findings that may still be about one defect.
const NEAR: u32 = 2;

/// The share of words that two titles must have in common.
const ALIKE: f64 = 0.3;

/// The cosine of two remarks of different categories, on overlapping lines, that say the same in other words.
const ALIKE_IN_MEANING: f64 = 0.25;

/// The cosine that two remarks of one category on overlapping lines have at least, unless they are about different defects.
const HARDLY_ALIKE: f64 = 0.08;

/// The cosines of a model's vectors that stand for [`HARDLY_ALIKE`] and [`ALIKE_IN_MEANING`]. Remarks on one piece of code
/// share its names, so that even different ones are not far from each other. Chosen, not measured: no such model was run.
const VECTORS_ALIKE: (f64, f64) = (0.5, 0.6);

/// Whether two findings of one run are about the same defect: at the same place or near it, in like words. Joining too
/// much is the safer error for the reader, who sees one remark instead of two.
pub fn is_same(a: &Finding, b: &Finding, vectors: &Vectors) -> bool {
    if a.path != b.path || a.side != b.side {
        return false;
    }
    let distance = distance((a.start_line, a.end_line), (b.start_line, b.end_line));
    match distance {
        0 if a.origin == Origin::Check && b.origin == Origin::Check => a.rule == b.rule,
        _ if a.origin == Origin::Check && b.origin == Origin::Check => false,
        0 => says_the_same(a, b, vectors),
        // beside each other the same defect may stand twice, in other names
        1..=NEAR => a.category == b.category && all_words(&a.title) == all_words(&b.title),
        _ => false,
    }
}

/// Whether two remarks that share a line say the same: by the vectors of a model where there are some, else by their words.
fn says_the_same(a: &Finding, b: &Finding, vectors: &Vectors) -> bool {
    let is_of_one_kind = a.category == b.category;
    if let Some(cosine) = vectors.cosine(&text(a), &text(b)) {
        return cosine >= if is_of_one_kind { VECTORS_ALIKE.0 } else { VECTORS_ALIKE.1 };
    }
    let least = if is_of_one_kind { HARDLY_ALIKE } else { ALIKE_IN_MEANING };
    words_in_common(&a.title, &b.title) >= ALIKE || Weights::shipped().cosine(&text(a), &text(b)) >= least
}

/// The texts whose vectors decide: of findings that share a line with another, or with an earlier one.
pub fn compared<'a>(findings: &[&'a Finding], earlier: &[&'a Finding]) -> BTreeSet<String> {
    let is_near = |a: &Finding, b: &Finding| {
        let lines = |finding: &Finding| (finding.start_line, finding.end_line);
        a.path == b.path && a.side == b.side && distance(lines(a), lines(b)) == 0 && text(a) != text(b)
    };
    let pairs = findings.iter().enumerate().flat_map(|(index, a)| {
        findings[index + 1..].iter().chain(earlier).filter(|b| is_near(a, b)).map(move |b| [text(a), text(b)])
    });
    pairs.flatten().collect()
}

/// All that a remark says.
fn text(finding: &Finding) -> String {
    format!("{}\n{}", finding.title, finding.body)
}

/// Which earlier finding each finding is. Each earlier one stands for one finding: first for the one at its place in like
/// words, then for one with its fingerprint, then for one on its code, which a renamed file gives another fingerprint.
pub fn matched(findings: &[Finding], standing: &[&Standing], vectors: &Vectors) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; findings.len()];
    let mut left: Vec<usize> = (0..standing.len()).collect();
    for is_match in [is_at_its_place, has_its_text, is_on_its_code] {
        left.retain(|&one| {
            let at =
                (0..findings.len()).find(|&at| found[at].is_none() && is_match(&findings[at], standing[one], vectors));
            at.inspect(|&at| found[at] = Some(one)).is_none()
        });
    }
    found
}

/// The same text may stand twice in a file: then it is the one on its lines.
fn has_its_text(finding: &Finding, standing: &Standing, _: &Vectors) -> bool {
    let lines = |finding: &Finding| (finding.start_line, finding.end_line);
    finding.id == standing.finding.id && (standing.code != Code::Here || lines(finding) == lines(&standing.finding))
}

fn is_on_its_code(finding: &Finding, standing: &Standing, _: &Vectors) -> bool {
    let place = |finding: &Finding| (finding.path.clone(), finding.side, finding.start_line, finding.end_line);
    standing.code == Code::Here
        && place(finding) == place(&standing.finding)
        && finding.category == standing.finding.category
}

fn is_at_its_place(finding: &Finding, standing: &Standing, vectors: &Vectors) -> bool {
    let Some((path, side, start, end)) = &standing.place else { return false };
    *path == finding.path
        && *side == finding.side
        && distance((finding.start_line, finding.end_line), (*start, *end)) == 0
        && says_the_same(finding, &standing.finding, vectors)
}

/// Lines between two ranges; 0 where they touch each other's lines.
fn distance(a: (u32, u32), b: (u32, u32)) -> u32 {
    b.0.saturating_sub(a.1).max(a.0.saturating_sub(b.1))
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

    fn finding(words: &str, category: &str) -> Finding {
        let (lines, rest) = words.split_once(' ').unwrap();
        let (start, end) = lines.split_once('-').unwrap_or((lines, lines));
        let (title, body) = rest.split_once(" :: ").unwrap();
        let draft = serde_json::json!({"id": "", "path": "a", "side": "RIGHT", "start_line": start.parse::<u32>().unwrap(),
            "end_line": end.parse::<u32>().unwrap(), "severity": "major", "category": category, "confidence": 80,
            "title": title, "body": body, "suggestion": null, "quote": "", "origin": "model", "votes": 1,
            "verdict": "unverified", "rule": null});
        serde_json::from_value(draft).unwrap()
    }

    /// The planted defects of each change of the fixture, each as several reviewers put it.
    fn changes() -> Vec<Vec<Vec<Finding>>> {
        let mut changes: Vec<Vec<Vec<Finding>>> = Vec::new();
        let mut category = String::new();
        // read when the test runs: the package does not have it
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/remarks.txt")).unwrap();
        for line in text.lines() {
            let is_code = line.split_once("| ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
            match line.chars().next() {
                Some('#') => changes.push(Vec::new()),
                Some('@') => {
                    category = line[1..].to_owned();
                    changes.last_mut().unwrap().push(Vec::new());
                }
                Some('0'..='9') if !is_code => {
                    changes.last_mut().unwrap().last_mut().unwrap().push(finding(line, &category));
                }
                _ => {}
            }
        }
        changes
    }

    /// How many pairs there are, and how many of them are joined.
    fn joined<'a>(pairs: impl Iterator<Item = (&'a Finding, &'a Finding)>) -> (usize, usize) {
        pairs.fold((0, 0), |(all, joined), (a, b)| {
            let is_joined = is_same(a, b, &Vectors::default());
            assert_eq!(is_joined, is_same(b, a, &Vectors::default()));
            (all + 1, joined + usize::from(is_joined))
        })
    }

    #[test]
    fn the_same_in_other_words_is_joined_and_neighbours_are_not() {
        let changes = changes();
        let lines = |finding: &Finding| (finding.start_line, finding.end_line);
        let pairs = |defect: &'static [Finding]| {
            defect.iter().enumerate().flat_map(|(index, a)| defect[index + 1..].iter().map(move |b| (a, b)))
        };
        let changes: &'static [Vec<Vec<Finding>>] = changes.leak();
        let same = changes
            .iter()
            .flatten()
            .flat_map(|defect| pairs(defect))
            .filter(|(a, b)| distance(lines(a), lines(b)) == 0);
        let (tried, so) = joined(same);
        assert!(tried >= 140 && so * 100 >= tried * 98, "{so} of {tried} that say the same");
        let apart = changes.iter().flat_map(|change| {
            let others = |index: usize| change[index + 1..].iter().flatten();
            change
                .iter()
                .enumerate()
                .flat_map(move |(index, defect)| defect.iter().flat_map(move |a| others(index).map(move |b| (a, b))))
        });
        let (tried, so) = joined(apart.filter(|(a, b)| (1..=3).contains(&distance(lines(a), lines(b)))));
        assert!(tried >= 300 && so * 100 <= tried * 2, "{so} of {tried} that are beside each other");
    }

    #[test]
    fn like_words() {
        assert!(words_in_common("Division by zero when empty", "Divides by zero on empty input") >= ALIKE);
        assert!(words_in_common("SQL injection through name", "Connection is never closed") < ALIKE);
        assert!(words_in_common("", "") < ALIKE);
    }
}
