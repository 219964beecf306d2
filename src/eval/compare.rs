//! Two runs over the same cases, in pairs: with fifty changes an interval of F1 is wide, and that of a difference is not.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::matching::By;
use super::score::{CaseResult, Measure, interval, rates};

/// How much better the new run is than the old one, on the cases that both have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Cases that both have.
    pub cases: usize,
    /// Differences of precision, recall and F1 by place and meaning: new minus old.
    pub differences: [Measure; 3],
}

/// Compares case by case.
pub fn compare(old: &[CaseResult], new: &[CaseResult]) -> Comparison {
    let by_id: HashMap<&str, &CaseResult> = old.iter().map(|case| (case.id.as_str(), case)).collect();
    let news: Vec<CaseResult> = new.iter().filter(|case| by_id.contains_key(case.id.as_str())).cloned().collect();
    let difference = |sample: &[&CaseResult], which: usize| {
        let olds: Vec<&CaseResult> = sample.iter().filter_map(|case| by_id.get(case.id.as_str()).copied()).collect();
        let by = By::PlaceAndMeaning;
        Some(rates(sample, by)[which]? - rates(&olds, by)[which]?)
    };
    let all: Vec<&CaseResult> = news.iter().collect();
    let measure = |which: usize| Measure {
        value: difference(&all, which),
        interval: interval(&news, |sample| difference(sample, which)),
    };
    Comparison { cases: news.len(), differences: [measure(0), measure(1), measure(2)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: usize, hits: usize) -> CaseResult {
        let hits = By::ALL.map(|by| (by, hits)).into();
        CaseResult { id: id.to_string(), remarks: 2, known: 2, hits, ..CaseResult::default() }
    }

    #[test]
    fn a_run_is_no_better_than_itself() {
        let cases: Vec<CaseResult> = (0..20).map(|id| case(id, id % 3)).collect();
        let zero = Measure { value: Some(0.0), interval: Some((0.0, 0.0)) };
        assert_eq!(compare(&cases, &cases), Comparison { cases: 20, differences: [zero; 3] });
    }

    #[test]
    fn pairs_show_a_small_difference() {
        let old: Vec<CaseResult> = (0..40).map(|id| case(id, id % 2)).collect();
        let new: Vec<CaseResult> = (0..40).map(|id| case(id, id % 2 + usize::from(id % 4 == 0))).collect();
        let [precision, ..] = compare(&old, &new).differences;
        assert!(precision.interval.unwrap().0 > 0.0, "{precision:?}");
        let other = compare(&[case(99, 1)], &new);
        assert_eq!((other.cases, other.differences[0].value), (0, None));
    }
}
