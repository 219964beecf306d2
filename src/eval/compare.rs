//! Two runs over the same cases, in pairs: with fifty changes an interval of F1 is wide, and that of a difference is not.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::metric::{Metric, Totals};
use super::score::{CaseResult, Measure, draws, interval};

/// How much the new run differs from the old one, on the cases that both have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Cases that both have.
    pub cases: usize,
    /// Cases that only the old run has.
    pub only_old: usize,
    /// Cases that only the new run has.
    pub only_new: usize,
    /// Each measure.
    pub differences: BTreeMap<Metric, Difference>,
    /// What makes the two runs hard to compare.
    pub notes: Vec<String>,
}

/// A measure in both runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The old value.
    pub old: Option<f64>,
    /// The new value.
    pub new: Option<f64>,
    /// New minus old, by drawing the same cases from both.
    pub difference: Measure,
}

/// Compares case by case.
pub fn compare(old: &[CaseResult], new: &[CaseResult]) -> Comparison {
    let by_id: HashMap<&str, &CaseResult> = old.iter().map(|case| (case.id.as_str(), case)).collect();
    let pairs: Vec<(&CaseResult, &CaseResult)> =
        new.iter().filter_map(|case| Some((*by_id.get(case.id.as_str())?, case))).collect();
    let totals = |drawn: &[usize]| {
        let old = Totals::of(drawn.iter().map(|&index| pairs[index].0));
        (old, Totals::of(drawn.iter().map(|&index| pairs[index].1)))
    };
    let all = totals(&(0..pairs.len()).collect::<Vec<_>>());
    let draws: Vec<(Totals, Totals)> = draws(pairs.len()).map(|draw| totals(&draw)).collect();
    let minus = |metric: Metric, (old, new): &(Totals, Totals)| Some(metric.of(new)? - metric.of(old)?);
    let difference = |metric: Metric| Difference {
        old: metric.of(&all.0),
        new: metric.of(&all.1),
        difference: Measure {
            value: minus(metric, &all),
            interval: interval(draws.iter().map(|draw| minus(metric, draw))),
        },
    };
    Comparison {
        cases: pairs.len(),
        only_old: old.len().saturating_sub(pairs.len()),
        only_new: new.len() - pairs.len(),
        differences: Metric::ALL.iter().map(|&metric| (metric, difference(metric))).collect(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::matching::By;

    fn case(id: usize, hits: usize) -> CaseResult {
        let hits = By::ALL.map(|by| (by, hits)).into();
        CaseResult { id: id.to_string(), remarks: 2, known: 2, hits, ..CaseResult::default() }
    }

    #[test]
    fn a_run_is_no_better_than_itself() {
        let cases: Vec<CaseResult> = (0..20).map(|id| case(id, id % 3)).collect();
        let found = compare(&cases, &cases);
        assert_eq!((found.cases, found.only_old, found.only_new), (20, 0, 0));
        for (metric, Difference { old, difference, .. }) in found.differences {
            let zero = old.map_or(Measure::default(), |_| Measure { value: Some(0.0), interval: Some((0.0, 0.0)) });
            assert_eq!(difference, zero, "{metric:?}");
        }
    }

    #[test]
    fn pairs_show_a_small_difference() {
        let old: Vec<CaseResult> = (0..40).map(|id| case(id, id % 2)).collect();
        let new: Vec<CaseResult> = (0..40).map(|id| case(id, id % 2 + usize::from(id % 4 == 0))).collect();
        let found = compare(&old, &new).differences[&Metric::Precision];
        assert_eq!((found.old, found.new, found.difference.value), (Some(0.25), Some(0.375), Some(0.125)));
        assert!(found.difference.interval.unwrap().0 > 0.0, "{found:?}");
    }

    #[test]
    fn cases_of_one_run_alone_are_counted_and_left_out() {
        let found = compare(&[case(99, 1), case(0, 1)], &[case(0, 2), case(1, 0), case(2, 0)]);
        assert_eq!((found.cases, found.only_old, found.only_new), (1, 1, 2));
        assert_eq!(found.differences[&Metric::Recall].difference.value, Some(0.5));
        let none = compare(&[case(99, 1)], &[case(0, 2)]);
        assert_eq!((none.cases, none.differences[&Metric::Recall]), (0, Difference::default()));
    }
}
