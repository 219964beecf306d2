//! Which remark is which known defect: one to one, by place, by meaning, or by both.

use super::dataset::Reference;
use crate::diff::Side;
use crate::meaning::Weights;

/// Lines that a remark may stand beside the defect.
pub const NEAR: u32 = 3;

/// The cosine from which two texts mean the same: at 0.25 it ranks reviewers as a strong model does that is asked.
pub const ALIKE: f64 = 0.25;

/// A remark of a review.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// The file.
    pub path: String,
    /// The side of the lines.
    pub side: Side,
    /// First and last line.
    pub lines: (u32, u32),
    /// Title and body.
    pub text: String,
}

/// What decides whether a remark is a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Path, side and a distance of at most three lines.
    Place,
    /// Both.
    PlaceAndMeaning,
    /// The path and what it says, wherever it stands.
    Meaning,
}

impl By {
    /// All three, in the order in which they are shown.
    pub const ALL: [By; 3] = [By::Place, By::PlaceAndMeaning, By::Meaning];
}

/// Whether two remarks are in one place.
pub fn is_near(remark: &Remark, known: &Reference) -> bool {
    let Some((start, end)) = known.lines() else { return remark.path == known.path };
    let distance = start.saturating_sub(remark.lines.1).max(remark.lines.0.saturating_sub(end));
    remark.path == known.path && remark.side == known.side() && distance <= NEAR
}

/// How well a remark fits a known one: `None` where it is another.
pub fn fit(by: By, remark: &Remark, known: &Reference, weights: &Weights) -> Option<f64> {
    let is_there = match by {
        By::Meaning => remark.path == known.path,
        _ => is_near(remark, known),
    };
    let cosine = weights.cosine(&remark.text, &known.text);
    (is_there && (by == By::Place || cosine >= ALIKE)).then_some(cosine)
}

/// Pairs remarks with known ones, one to one: as many as possible, and of those that could be paired otherwise the likest
/// first. For each remark the index of the known one.
pub fn pairs(count: usize, known: usize, fit: impl Fn(usize, usize) -> Option<f64>) -> Vec<Option<usize>> {
    let mut edges: Vec<(usize, Vec<(usize, f64)>)> = (0..count)
        .map(|remark| {
            let mut fits: Vec<(usize, f64)> =
                (0..known).filter_map(|index| Some((index, fit(remark, index)?))).collect();
            fits.sort_by(|a, b| b.1.total_cmp(&a.1));
            (remark, fits)
        })
        .collect();
    // the surest remark chooses first
    let best = |fits: &[(usize, f64)]| fits.first().map_or(f64::NEG_INFINITY, |fit| fit.1);
    edges.sort_by(|a, b| best(&b.1).total_cmp(&best(&a.1)).then(a.0.cmp(&b.0)));
    let mut owner: Vec<Option<usize>> = vec![None; known];
    for index in 0..edges.len() {
        let mut seen = vec![false; known];
        augment(index, &edges, &mut owner, &mut seen);
    }
    let mut paired = vec![None; count];
    for (index, owner) in owner.iter().enumerate() {
        if let Some(owner) = owner {
            paired[edges[*owner].0] = Some(index);
        }
    }
    paired
}

/// Gives a remark a known one, and its present owner another where that is possible (Kuhn's algorithm).
fn augment(index: usize, edges: &[(usize, Vec<(usize, f64)>)], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for &(known, _) in &edges[index].1 {
        if std::mem::replace(&mut seen[known], true) {
            continue;
        }
        if owner[known].is_none_or(|other| augment(other, edges, owner, seen)) {
            owner[known] = Some(index);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(path: &str, lines: Option<(u32, u32)>, text: &str) -> Reference {
        Reference {
            path: path.into(),
            start_line: lines.map(|lines| lines.0),
            end_line: lines.map(|lines| lines.1),
            side: None,
            text: text.into(),
            severity: None,
            category: None,
            paraphrases: Vec::new(),
        }
    }

    fn remark(line: u32, text: &str) -> Remark {
        Remark { path: "a".into(), side: Side::Right, lines: (line, line), text: text.into() }
    }

    #[test]
    fn place_and_meaning_are_apart() {
        let known = reference("a", Some((10, 12)), "Division by zero on an empty list");
        let weights = Weights::shipped();
        for (remark, expected) in [
            (remark(15, "An empty list leads to a division by zero"), [true, true, true]),
            (remark(7, "The lock is never released"), [true, false, false]),
            (remark(16, "An empty list leads to a division by zero"), [false, false, true]),
            (Remark { side: Side::Left, ..remark(11, "The lock") }, [false, false, false]),
            (Remark { path: "b".into(), ..remark(11, "Division by zero on an empty list") }, [false, false, false]),
        ] {
            assert_eq!(By::ALL.map(|by| fit(by, &remark, &known, weights).is_some()), expected, "{remark:?}");
        }
        assert!(is_near(&remark(99, ""), &reference("a", None, "")), "where only the file is known");
    }

    #[test]
    fn as_many_as_possible_are_paired() {
        // the first remark fits both, the second only what the first fits best
        let fits = |remark: usize, known: usize| match (remark, known) {
            (0, 0) => Some(0.9),
            (0, 1) => Some(0.4),
            (1, 0) => Some(0.5),
            _ => None,
        };
        assert_eq!(pairs(2, 2, fits), [Some(1), Some(0)]);
        assert_eq!(pairs(3, 1, |remark, _| Some([0.1, 0.9, 0.5][remark])), [None, Some(0), None]);
        assert_eq!(pairs(0, 3, |_, _| Some(1.0)), []);
        assert_eq!(pairs(2, 0, |_, _| Some(1.0)), [None, None]);
    }
}
