//! What a reviewer's remarks are worth: counts by case, and from them precision, recall and the rest, with intervals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dataset::Case;
use super::matching::{By, Remark, fit, is_near, pairs};
use crate::meaning::Weights;

/// What a reviewer did with one case: everything that scores are made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case.
    pub id: String,
    /// Its language.
    pub language: String,
    /// Whether it has no defect.
    pub expect_clean: bool,
    /// Remarks that were made.
    pub remarks: usize,
    /// Known defects.
    pub known: usize,
    /// Remarks that are a known defect, by what decides.
    pub hits: BTreeMap<By, usize>,
    /// Known defects of each severity, and those found by place and meaning.
    pub by_severity: BTreeMap<String, (usize, usize)>,
    /// Known defects of each category, and those found by place and meaning.
    pub by_category: BTreeMap<String, (usize, usize)>,
    /// Remarks that say what experts had rejected.
    pub rejected: usize,
    /// Remarks that say what another remark says.
    pub duplicates: usize,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Of these, what the provider had in its cache.
    pub cached_input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// Dollars; `None` for a model without a price.
    pub usd: Option<f64>,
}

/// Compares the remarks on a case with what is known of it. `same` says more surely whether a remark that is in the place
/// of a known defect is that; `None` leaves it to the words.
pub fn compare(
    case: &Case,
    remarks: &[Remark],
    weights: &Weights,
    same: Option<&dyn Fn(usize, usize) -> bool>,
) -> CaseResult {
    let fits = |by: By| {
        move |remark: usize, known: usize| {
            let found = fit(by, &remarks[remark], &case.references[known], weights);
            match (by, same) {
                (By::PlaceAndMeaning, Some(same)) => {
                    let near = fit(By::Place, &remarks[remark], &case.references[known], weights)?;
                    same(remark, known).then_some(near)
                }
                _ => found,
            }
        }
    };
    let known = case.references.len();
    let paired = |by: By| pairs(remarks.len(), known, fits(by));
    let mut result = CaseResult {
        id: case.id.clone(),
        language: case.language.clone(),
        expect_clean: case.expect_clean,
        remarks: remarks.len(),
        known,
        hits: By::ALL.iter().map(|&by| (by, paired(by).iter().flatten().count())).collect(),
        ..CaseResult::default()
    };
    let found = paired(By::PlaceAndMeaning);
    for (index, reference) in case.references.iter().enumerate() {
        let is_found = usize::from(found.contains(&Some(index)));
        let words = (reference.severity_word(), reference.category_word());
        for (table, key) in [(&mut result.by_severity, words.0), (&mut result.by_category, words.1)] {
            let entry = table.entry(key).or_default();
            *entry = (entry.0 + 1, entry.1 + is_found);
        }
    }
    for (index, remark) in remarks.iter().enumerate().filter(|(index, _)| found[*index].is_none()) {
        let says_again = |known: usize| fits(By::PlaceAndMeaning)(index, known).is_some();
        if (0..known).any(|known| found.contains(&Some(known)) && says_again(known)) {
            result.duplicates += 1;
        } else if case
            .rejected
            .iter()
            .any(|known| is_near(remark, known) && fit(By::PlaceAndMeaning, remark, known, weights).is_some())
        {
            result.rejected += 1;
        }
    }
    result
}

/// A number with its interval of 95 %; `None` where it has no meaning, as the precision of silence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Over all cases.
    pub value: Option<f64>,
    /// From and to, by resampling cases.
    pub interval: Option<(f64, f64)>,
}

/// What a reviewer is worth on a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Precision, recall and F1, by what decides.
    pub by: BTreeMap<By, [Measure; 3]>,
    /// Known defects of each severity, and those found.
    pub by_severity: BTreeMap<String, (usize, usize)>,
    /// Known defects of each category, and those found.
    pub by_category: BTreeMap<String, (usize, usize)>,
    /// For each language: remarks, known defects, hits by place and meaning.
    pub by_language: BTreeMap<String, (usize, usize, usize)>,
    /// Remarks on a change.
    pub remarks_per_change: Option<f64>,
    /// The share of clean changes with a remark.
    pub alarm_rate: Option<f64>,
    /// The share of remarks that experts had rejected.
    pub rejected: Option<f64>,
    /// The share of remarks that say what another says.
    pub duplicates: Option<f64>,
    /// Tokens of prompts for a change.
    pub input_tokens_per_change: Option<f64>,
    /// The share of these that was cached.
    pub cached: Option<f64>,
    /// Dollars for a change.
    pub usd_per_change: Option<f64>,
    /// Dollars for a true finding.
    pub usd_per_hit: Option<f64>,
}

/// How often cases are drawn anew for an interval.
const RESAMPLES: usize = 2000;

/// Adds up cases.
pub fn scores(cases: &[CaseResult]) -> Scores {
    let mut scores = Scores::default();
    let all: Vec<&CaseResult> = cases.iter().collect();
    for by in By::ALL {
        let measure = |which: usize| Measure {
            value: rates(&all, by)[which],
            interval: interval(cases, |sample| rates(sample, by)[which]),
        };
        scores.by.insert(by, [measure(0), measure(1), measure(2)]);
    }
    for case in cases {
        for (from, to) in [(&case.by_severity, &mut scores.by_severity), (&case.by_category, &mut scores.by_category)] {
            for (key, (known, found)) in from {
                let entry = to.entry(key.clone()).or_default();
                *entry = (entry.0 + known, entry.1 + found);
            }
        }
        let language = scores.by_language.entry(case.language.clone()).or_default();
        let hits = case.hits.get(&By::PlaceAndMeaning).copied().unwrap_or_default();
        *language = (language.0 + case.remarks, language.1 + case.known, language.2 + hits);
    }
    let sum = |of: &dyn Fn(&CaseResult) -> usize| cases.iter().map(of).sum::<usize>() as f64;
    let (count, remarks) = (cases.len() as f64, sum(&|case| case.remarks));
    let clean: Vec<&CaseResult> = cases.iter().filter(|case| case.expect_clean).collect();
    let alarms = clean.iter().filter(|case| case.remarks > 0).count() as f64;
    let input: u64 = cases.iter().map(|case| case.input_tokens).sum();
    let cached: u64 = cases.iter().map(|case| case.cached_input_tokens).sum();
    let usd = cases.iter().map(|case| case.usd).sum::<Option<f64>>();
    scores.remarks_per_change = share(remarks, count);
    scores.alarm_rate = share(alarms, clean.len() as f64);
    scores.rejected = share(sum(&|case| case.rejected), remarks);
    scores.duplicates = share(sum(&|case| case.duplicates), remarks);
    scores.input_tokens_per_change = share(input as f64, count).filter(|_| input > 0);
    scores.cached = share(cached as f64, input as f64);
    scores.usd_per_change = usd.and_then(|usd| share(usd, count)).filter(|_| input > 0);
    let hits = sum(&|case| case.hits.get(&By::PlaceAndMeaning).copied().unwrap_or_default());
    scores.usd_per_hit = usd.and_then(|usd| share(usd, hits)).filter(|_| input > 0);
    scores
}

/// `None` for a share of nothing.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then_some(part / whole)
}

/// Precision, recall and F1 of some cases.
pub fn rates(cases: &[&CaseResult], by: By) -> [Option<f64>; 3] {
    let sum = |of: &dyn Fn(&CaseResult) -> usize| cases.iter().map(|case| of(case)).sum::<usize>() as f64;
    let hits = sum(&|case| case.hits.get(&by).copied().unwrap_or_default());
    let (remarks, known) = (sum(&|case| case.remarks), sum(&|case| case.known));
    [share(hits, remarks), share(hits, known), share(2.0 * hits, remarks + known)]
}

/// The interval in which a measure lies for 95 of 100 draws of cases; always the same draws.
pub fn interval(cases: &[CaseResult], measure: impl Fn(&[&CaseResult]) -> Option<f64>) -> Option<(f64, f64)> {
    let mut draw = Draw::new();
    let mut found: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let sample: Vec<&CaseResult> = (0..cases.len()).map(|_| &cases[draw.below(cases.len())]).collect();
            measure(&sample)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found.get(((found.len().saturating_sub(1)) as f64 * share).round() as usize).copied();
    at(0.025).zip(at(0.975))
}

/// Numbers that look random and are always the same (SplitMix64).
pub struct Draw(u64);

impl Draw {
    /// The same numbers each time.
    pub fn new() -> Draw {
        Draw(0x5eed)
    }

    /// A number below `limit`, and 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (limit.max(1) as u64)).unwrap_or_default()
    }
}

impl Default for Draw {
    fn default() -> Draw {
        Draw::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Side;

    fn case(json: &str) -> Case {
        serde_json::from_str(json).unwrap()
    }

    fn remark(line: u32, text: &str) -> Remark {
        Remark { path: "a".into(), side: Side::Right, lines: (line, line), text: text.into() }
    }

    const TWO: &str = r#"{"instance_id":"x","language":"Go","diff":"d","reference_comments":[
        {"path":"a","start_line":10,"text":"Division by zero on an empty list","severity":"major","category":"bug"},
        {"path":"a","start_line":50,"text":"The lock is never released","severity":"minor"}],
        "rejected_comments":[{"path":"a","start_line":30,"text":"SQL injection through the name"}]}"#;

    #[test]
    fn remarks_are_counted_for_what_they_are() {
        let remarks = [
            remark(10, "An empty list causes a division by zero"),
            remark(11, "Division by zero when the list is empty"),
            remark(30, "The name is injected into the SQL"),
            remark(70, "Something else"),
        ];
        let result = compare(&case(TWO), &remarks, Weights::shipped(), None);
        assert_eq!((result.remarks, result.known, result.duplicates, result.rejected), (4, 2, 1, 1));
        assert_eq!(result.hits, BTreeMap::from([(By::Place, 1), (By::PlaceAndMeaning, 1), (By::Meaning, 1)]));
        assert_eq!(result.by_severity, BTreeMap::from([("major".into(), (1, 1)), ("minor".into(), (1, 0))]));
        let judged = compare(&case(TWO), &remarks, Weights::shipped(), Some(&|_, _| false));
        assert_eq!(judged.hits[&By::PlaceAndMeaning], 0, "a judge decides where there is one");
    }

    #[test]
    fn silence_has_no_precision_and_nothing_is_made_up() {
        let result = compare(&case(TWO), &[], Weights::shipped(), None);
        let scores = scores(&[result]);
        let [precision, recall, f1] = scores.by[&By::PlaceAndMeaning];
        assert_eq!((precision.value, recall.value, f1.value), (None, Some(0.0), Some(0.0)));
        assert_eq!((scores.alarm_rate, scores.rejected, scores.usd_per_change), (None, None, None));
    }

    #[test]
    fn intervals_hold_the_value_and_are_always_the_same() {
        let of = |hits| CaseResult {
            remarks: 2,
            known: 2,
            hits: By::ALL.map(|by| (by, hits)).into(),
            ..CaseResult::default()
        };
        let cases: Vec<CaseResult> = (0..40).map(|index| of(index % 3)).collect();
        let [precision, ..] = scores(&cases).by[&By::Place];
        let (from, to) = precision.interval.unwrap();
        let value = precision.value.unwrap();
        assert!(from < value && value < to && to - from < 0.5, "{precision:?}");
        assert_eq!(scores(&cases), scores(&cases));
    }
}
