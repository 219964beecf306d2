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

/// What tells whether a remark is a known one.
#[derive(Debug, Clone, Copy, Default)]
struct Likeness {
    in_file: bool,
    near: bool,
    cosine: f64,
    /// What a judge said, where one was asked.
    judged: Option<bool>,
}

/// How the remarks on a case are like what is known of it, each held against each.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<Likeness>>,
    known: usize,
}

impl Table {
    /// Compares all remarks with all that is known.
    pub fn new(remarks: &[Remark], known: &[Reference], weights: &Weights) -> Table {
        let likeness = |remark: &Remark, known: &Reference| {
            if remark.path != known.path {
                return Likeness::default();
            }
            // a text without a telling word is like itself, too
            let cosine = match remark.text.trim() == known.text.trim() {
                true => 1.0,
                false => weights.cosine(&remark.text, &known.text),
            };
            Likeness { in_file: true, near: is_near(remark, known), cosine, judged: None }
        };
        let row = |remark: &Remark| known.iter().map(|known| likeness(remark, known)).collect();
        Table { rows: remarks.iter().map(row).collect(), known: known.len() }
    }

    /// The pairs that are in one place: those that a judge is asked about.
    pub fn near(&self) -> Vec<(usize, usize)> {
        let rows = self.rows.iter().enumerate();
        rows.flat_map(|(remark, row)| (0..row.len()).filter(|&known| row[known].near).map(move |known| (remark, known)))
            .collect()
    }

    /// Takes what a judge said of a pair: it decides in the place of the words.
    pub fn judge(&mut self, remark: usize, known: usize, is_same: bool) {
        if let Some(likeness) = self.rows.get_mut(remark).and_then(|row| row.get_mut(known)) {
            likeness.judged = Some(is_same);
        }
    }

    /// How well a remark fits a known one, from 0 to 1: `None` where it is another.
    pub fn fit(&self, by: By, remark: usize, known: usize) -> Option<f64> {
        let likeness = self.rows.get(remark)?.get(known)?;
        let is_alike = likeness.cosine >= ALIKE;
        let fits = match by {
            By::Place => likeness.near,
            By::PlaceAndMeaning => likeness.near && likeness.judged.unwrap_or(is_alike),
            By::Meaning => likeness.in_file && is_alike,
        };
        fits.then_some(likeness.cosine)
    }

    /// Pairs remarks with known ones, one to one: as many as possible, and of all such pairings the one whose texts are
    /// most alike in sum. For each remark the index of the known one.
    pub fn pairs(&self, by: By) -> Vec<Option<usize>> {
        let most = self.known as f64 + 1.0;
        // one more pair is worth more than any likeness
        let gain = |known: usize, remark: usize| self.fit(by, remark, known).map_or(0.0, |fit| most + fit);
        let gains: Vec<Vec<f64>> =
            (0..self.known).map(|known| (0..self.rows.len()).map(|remark| gain(known, remark)).collect()).collect();
        let mut paired = vec![None; self.rows.len()];
        for (known, remark) in assign(&gains, self.rows.len()).into_iter().enumerate() {
            if gains[known].get(remark).is_some_and(|gain| *gain > 0.0) {
                paired[remark] = Some(known);
            }
        }
        paired
    }
}

/// For each row a column of its own, so that the sum of the gains is the greatest (the Hungarian method with potentials).
/// Columns from `columns` on stand for none, and gain nothing.
fn assign(gains: &[Vec<f64>], columns: usize) -> Vec<usize> {
    let (rows, columns) = (gains.len(), columns + gains.len());
    let cost = |row: usize, column: usize| -gains[row].get(column).copied().unwrap_or(0.0);
    let (mut of_row, mut of_column) = (vec![0.0; rows], vec![0.0; columns]);
    let mut owner: Vec<Option<usize>> = vec![None; columns];
    for row in 0..rows {
        // the cheapest way to each column, and the column before it on that way
        let (mut reach, mut before) = (vec![f64::INFINITY; columns], vec![None; columns]);
        let mut done = vec![false; columns];
        let (mut at, mut last) = (row, None);
        let free = loop {
            let mut next = (f64::INFINITY, 0);
            for column in (0..columns).filter(|&column| !done[column]) {
                let by_here = cost(at, column) - of_row[at] - of_column[column];
                if by_here < reach[column] {
                    (reach[column], before[column]) = (by_here, last);
                }
                if reach[column] < next.0 {
                    next = (reach[column], column);
                }
            }
            let (step, column) = next;
            of_row[row] += step;
            for other in 0..columns {
                match (done[other], owner[other]) {
                    (true, Some(owner)) => {
                        of_row[owner] += step;
                        of_column[other] -= step;
                    }
                    _ => reach[other] -= step,
                }
            }
            done[column] = true;
            match owner[column] {
                Some(other) => (at, last) = (other, Some(column)),
                None => break column,
            }
        };
        // along that way each row takes the next column
        let mut column = free;
        while let Some(previous) = before[column] {
            owner[column] = owner[previous];
            column = previous;
        }
        owner[column] = Some(row);
    }
    let mut assigned = vec![columns; rows];
    owner.iter().enumerate().for_each(|(column, owner)| {
        if let Some(row) = owner {
            assigned[*row] = column;
        }
    });
    assigned
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
        let known = [reference("a", Some((10, 12)), "Division by zero on an empty list")];
        for (remark, expected) in [
            (remark(15, "An empty list leads to a division by zero"), [true, true, true]),
            (remark(7, "The lock is never released"), [true, false, false]),
            (remark(16, "An empty list leads to a division by zero"), [false, false, true]),
            (Remark { side: Side::Left, ..remark(11, "The lock") }, [false, false, false]),
            (Remark { path: "b".into(), ..remark(11, "Division by zero on an empty list") }, [false, false, false]),
        ] {
            let table = Table::new(std::slice::from_ref(&remark), &known, Weights::shipped());
            assert_eq!(By::ALL.map(|by| table.fit(by, 0, 0).is_some()), expected, "{remark:?}");
        }
        assert!(is_near(&remark(99, ""), &reference("a", None, "")), "where only the file is known");
    }

    #[test]
    fn a_judge_decides_what_is_in_one_place() {
        let known = [reference("a", Some((10, 12)), "Division by zero"), reference("a", Some((90, 90)), "Leak")];
        let mut table = Table::new(&[remark(11, "The lock is held"), remark(50, "")], &known, Weights::shipped());
        assert_eq!((table.near(), table.pairs(By::PlaceAndMeaning)), (vec![(0, 0)], vec![None, None]));
        table.judge(0, 0, true);
        assert_eq!(table.pairs(By::PlaceAndMeaning), [Some(0), None]);
        table.judge(0, 0, false);
        table.judge(7, 7, true);
        assert_eq!(table.pairs(By::PlaceAndMeaning), [None, None]);
    }

    /// Pairs by a matrix: a row for each remark, how well it fits each known one; below 0.25 not at all.
    #[track_caller]
    fn check(matrix: &[&[f64]], known: usize, expected: &[Option<usize>]) {
        let likeness = |cosine: &f64| Likeness { in_file: true, near: true, cosine: *cosine, judged: None };
        let rows = matrix.iter().map(|row| row.iter().map(likeness).collect()).collect();
        assert_eq!(Table { rows, known }.pairs(By::Meaning), expected, "{matrix:?}");
    }

    #[test]
    fn as_many_as_possible_are_paired() {
        // the first remark fits both, the second only what the first fits best
        check(&[&[0.9, 0.4], &[0.5, 0.0]], 2, &[Some(1), Some(0)]);
        check(&[&[0.3], &[0.9], &[0.5]], 1, &[None, Some(0), None]);
        check(&[&[0.9, 0.8, 0.0], &[0.9, 0.0, 0.0], &[0.0, 0.8, 0.3]], 3, &[Some(1), Some(0), Some(2)]);
        check(&[], 3, &[]);
        check(&[&[], &[]], 0, &[None, None]);
        check(&[&[0.1, 0.2]], 2, &[None]);
    }

    #[test]
    fn of_all_pairings_the_likest_is_taken() {
        check(&[&[0.9, 0.8], &[0.8, 0.3]], 2, &[Some(1), Some(0)]);
        check(&[&[0.9, 0.3], &[0.8, 0.3]], 2, &[Some(0), Some(1)]);
    }

    #[test]
    fn no_pairing_is_better_than_the_one_that_is_found() {
        let mut draw = crate::random::Random::new(7);
        for _ in 0..200 {
            let (remarks, known) = (draw.below(5), draw.below(5));
            let cell = |draw: &mut crate::random::Random| draw.below(100) as f64 / 100.0;
            let matrix: Vec<Vec<f64>> = (0..remarks).map(|_| (0..known).map(|_| cell(&mut draw)).collect()).collect();
            let likeness = |cosine: &f64| Likeness { in_file: true, near: true, cosine: *cosine, judged: None };
            let rows = matrix.iter().map(|row| row.iter().map(likeness).collect()).collect();
            let pairs = Table { rows, known }.pairs(By::Meaning);
            let sum = pairs.iter().enumerate().filter_map(|(remark, known)| Some(matrix[remark][(*known)?]));
            let found = (pairs.iter().flatten().count(), sum.sum::<f64>());
            let best = best(&matrix, &mut vec![false; known]);
            assert!(found.0 == best.0 && (found.1 - best.1).abs() < 1e-9, "{matrix:?}: {pairs:?}, {best:?}");
        }
    }

    /// The most pairs and their greatest sum, by trying everything.
    fn best(matrix: &[Vec<f64>], taken: &mut Vec<bool>) -> (usize, f64) {
        let Some((row, rest)) = matrix.split_first() else { return (0, 0.0) };
        let mut best_found = best(rest, taken);
        for known in 0..row.len() {
            if row[known] >= ALIKE && !taken[known] {
                taken[known] = true;
                let (count, sum) = best(rest, taken);
                taken[known] = false;
                let found = (count + 1, sum + row[known]);
                if found.0 > best_found.0 || (found.0 == best_found.0 && found.1 > best_found.1) {
                    best_found = found;
                }
            }
        }
        best_found
    }
}
