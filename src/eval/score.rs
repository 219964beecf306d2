//! What a reviewer did with a case, and what it is worth over all of them, with intervals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dataset::Case;
use super::matching::{By, Remark, Table};
use super::metric::{Metric, Totals};
use crate::diff::Side;
use crate::meaning::Weights;
use crate::random::Random;

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
    pub by_severity: BTreeMap<String, Found>,
    /// Known defects of each category, and those found by place and meaning.
    pub by_category: BTreeMap<String, Found>,
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
    /// Each remark, and what it is; empty for the baselines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Said>,
    /// The known defects that no remark is, by their index in the case; empty for the baselines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<usize>,
}

/// Known defects, and those of them that were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Known.
    pub known: usize,
    /// Found.
    pub found: usize,
}

impl Found {
    fn plus(self, other: Found) -> Found {
        Found { known: self.known + other.known, found: self.found + other.found }
    }
}

/// A remark and what it is, for whoever wants to read them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// What it is, by place and meaning.
    pub is: Is,
    /// The known defect that it is, or says again: its index in the case.
    pub known: Option<usize>,
    /// The file.
    pub path: String,
    /// The side of the lines.
    pub side: Side,
    /// First and last line.
    pub lines: (u32, u32),
    /// What it says.
    pub text: String,
}

/// What a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Is {
    /// A known defect.
    Hit,
    /// A known defect that another remark is already.
    Duplicate,
    /// What experts had rejected.
    Rejected,
    /// None of these: a false alarm, or a defect that nobody knows of.
    Other,
}

/// Compares the remarks on a case with what is known of it, as `table` holds them against each other.
pub fn compare(case: &Case, remarks: &[Remark], table: &Table, weights: &Weights) -> CaseResult {
    let pairs = table.pairs(By::PlaceAndMeaning);
    let rejected = Table::new(remarks, &case.rejected, weights);
    let fits_some = |table: &Table, remark: usize, count: usize, is_asked: &dyn Fn(usize) -> bool| {
        (0..count).find(|&known| is_asked(known) && table.fit(By::PlaceAndMeaning, remark, known).is_some())
    };
    let what = |remark: usize| {
        if let Some(known) = pairs[remark] {
            return (Is::Hit, Some(known));
        }
        if let Some(known) = fits_some(table, remark, case.references.len(), &|known| pairs.contains(&Some(known))) {
            return (Is::Duplicate, Some(known));
        }
        match fits_some(&rejected, remark, case.rejected.len(), &|_| true) {
            Some(_) => (Is::Rejected, None),
            None => (Is::Other, None),
        }
    };
    let said: Vec<Said> = remarks
        .iter()
        .enumerate()
        .map(|(index, remark)| {
            let (is, known) = what(index);
            let Remark { path, side, lines, text } = remark.clone();
            Said { is, known, path, side, lines, text }
        })
        .collect();
    let count = |is: Is| said.iter().filter(|said| said.is == is).count();
    let hits = |by: By| table.pairs(by).iter().flatten().count();
    let mut result = CaseResult {
        id: case.id.clone(),
        language: case.language.clone(),
        expect_clean: case.expect_clean,
        remarks: remarks.len(),
        known: case.references.len(),
        hits: By::ALL.map(|by| (by, hits(by))).into(),
        rejected: count(Is::Rejected),
        duplicates: count(Is::Duplicate),
        missed: (0..case.references.len()).filter(|&known| !pairs.contains(&Some(known))).collect(),
        ..CaseResult::default()
    };
    for (index, reference) in case.references.iter().enumerate() {
        let one = Found { known: 1, found: usize::from(pairs.contains(&Some(index))) };
        let words = (reference.severity_word(), reference.category_word());
        for (table, key) in [(&mut result.by_severity, words.0), (&mut result.by_category, words.1)] {
            let entry = table.entry(key).or_default();
            *entry = entry.plus(one);
        }
    }
    CaseResult { said, ..result }
}

/// A number with its interval of 95 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Over all cases; `None` where it has no meaning, as the precision of silence.
    pub value: Option<f64>,
    /// From and to, by drawing cases anew; `None` where too few draws have a value.
    pub interval: Option<(f64, f64)>,
}

/// What a reviewer is worth on a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Cases that were reviewed.
    pub cases: usize,
    /// Each measure.
    pub measures: BTreeMap<Metric, Measure>,
    /// Known defects of each severity, and those found by place and meaning.
    pub by_severity: BTreeMap<String, Found>,
    /// Known defects of each category, and those found by place and meaning.
    pub by_category: BTreeMap<String, Found>,
    /// For each language what was said and found.
    pub by_language: BTreeMap<String, Language>,
}

/// What was said and found in changes of one language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// Changes.
    pub cases: usize,
    /// Remarks.
    pub remarks: usize,
    /// Known defects.
    pub known: usize,
    /// Those found by place and meaning.
    pub found: usize,
}

impl Scores {
    /// Adds up cases.
    pub fn of(cases: &[CaseResult]) -> Scores {
        let value = Totals::of(cases.iter());
        let draws: Vec<Totals> =
            draws(cases.len()).map(|draw| Totals::of(draw.iter().map(|&index| &cases[index]))).collect();
        let measure = |metric: Metric| Measure {
            value: metric.of(&value),
            interval: interval(draws.iter().map(|draw| metric.of(draw))),
        };
        let mut scores = Scores {
            cases: cases.len(),
            measures: Metric::ALL.iter().map(|&metric| (metric, measure(metric))).collect(),
            ..Scores::default()
        };
        for case in cases {
            let tables = [(&case.by_severity, &mut scores.by_severity), (&case.by_category, &mut scores.by_category)];
            for (from, to) in tables {
                for (key, found) in from {
                    let entry = to.entry(key.clone()).or_default();
                    *entry = entry.plus(*found);
                }
            }
            let name = if case.language.is_empty() { "unknown" } else { &case.language };
            let language = scores.by_language.entry(name.to_owned()).or_default();
            language.cases += 1;
            language.remarks += case.remarks;
            language.known += case.known;
            language.found += case.hits.get(&By::PlaceAndMeaning).copied().unwrap_or_default();
        }
        scores
    }

    /// A measure; without a value where it is not known.
    pub fn get(&self, metric: Metric) -> Measure {
        self.measures.get(&metric).copied().unwrap_or_default()
    }
}

/// The draws are the same each time.
const SEED: u64 = 0x5eed;

/// How often cases are drawn anew for an interval.
const RESAMPLES: usize = 2000;

/// The draws of cases, with repetition, for an interval: always the same for the same number of cases, and none where
/// there is only one case to draw.
pub fn draws(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut draw = Random::new(SEED);
    (0..if count > 1 { RESAMPLES } else { 0 }).map(move |_| (0..count).map(|_| draw.below(count)).collect())
}

/// The interval in which 95 of 100 draws lie. Draws without a value tell nothing; where they are most, neither do the
/// others.
pub fn interval(draws: impl Iterator<Item = Option<f64>>) -> Option<(f64, f64)> {
    let mut found: Vec<f64> = draws.flatten().collect();
    if found.len() < RESAMPLES / 2 {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found.get(((found.len() - 1) as f64 * share).round() as usize).copied();
    at(0.025).zip(at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(line: u32, text: &str) -> Remark {
        Remark { path: "a".into(), side: Side::Right, lines: (line, line), text: text.into() }
    }

    const TWO: &str = r#"{"instance_id":"x","language":"Go","diff":"d","reference_comments":[
        {"path":"a","start_line":10,"text":"Division by zero on an empty list","severity":"major","category":"bug"},
        {"path":"a","start_line":50,"text":"The lock is never released","severity":"minor"}],
        "rejected_comments":[{"path":"a","start_line":30,"text":"SQL injection through the name"}]}"#;

    fn compared(remarks: &[Remark], judged: Option<bool>) -> CaseResult {
        let case: Case = serde_json::from_str(TWO).unwrap();
        let mut table = Table::new(remarks, &case.references, Weights::shipped());
        if let Some(is_same) = judged {
            table.near().into_iter().for_each(|(remark, known)| table.judge(remark, known, is_same));
        }
        compare(&case, remarks, &table, Weights::shipped())
    }

    #[test]
    fn remarks_are_counted_for_what_they_are() {
        let remarks = [
            remark(10, "An empty list causes a division by zero"),
            remark(11, "Division by zero when the list is empty"),
            remark(30, "The name is injected into the SQL"),
            remark(70, "Something else"),
        ];
        let result = compared(&remarks, None);
        assert_eq!((result.remarks, result.known, result.duplicates, result.rejected), (4, 2, 1, 1));
        assert_eq!(result.hits, BTreeMap::from([(By::Place, 1), (By::PlaceAndMeaning, 1), (By::Meaning, 1)]));
        let of = |known, found| Found { known, found };
        assert_eq!(result.by_severity, BTreeMap::from([("major".into(), of(1, 1)), ("minor".into(), of(1, 0))]));
        assert_eq!(result.by_category, BTreeMap::from([("bug".into(), of(1, 1)), ("unknown".into(), of(1, 0))]));
        let is: Vec<(Is, Option<usize>)> = result.said.iter().map(|said| (said.is, said.known)).collect();
        assert_eq!(is.iter().filter(|is| **is == (Is::Hit, Some(0))).count(), 1);
        assert_eq!(is[2..], [(Is::Rejected, None), (Is::Other, None)]);
        assert_eq!(result.missed, [1]);
        assert_eq!(compared(&remarks, Some(false)).hits[&By::PlaceAndMeaning], 0, "a judge decides where there is one");
    }

    #[test]
    fn silence_has_no_precision_and_nothing_is_made_up() {
        let scores = Scores::of(&[compared(&[], None), compared(&[], None)]);
        let value = |metric| scores.get(metric).value;
        assert_eq!([Metric::Precision, Metric::Recall, Metric::F1].map(value), [None, Some(0.0), Some(0.0)]);
        for metric in [Metric::AlarmRate, Metric::Rejected, Metric::UsdPerChange, Metric::TokensPerHit] {
            assert_eq!(scores.get(metric), Measure::default(), "{metric:?}");
        }
        let empty = Scores::of(&[]);
        assert!(empty.measures.values().all(|measure| *measure == Measure::default()), "{empty:?}");
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
        let Measure { value, interval } = Scores::of(&cases).get(Metric::Precision);
        let ((from, to), value) = (interval.unwrap(), value.unwrap());
        assert!(from < value && value < to && to - from < 0.5, "{from} {value} {to}");
        assert_eq!(Scores::of(&cases), Scores::of(&cases));
    }

    #[test]
    fn one_case_has_no_interval() {
        let case = CaseResult { remarks: 1, ..CaseResult::default() };
        assert_eq!(Scores::of(&[case]).get(Metric::Precision), Measure { value: Some(0.0), interval: None });
    }

    #[test]
    fn an_interval_needs_draws_with_a_value() {
        let some = |count: usize| (0..RESAMPLES).map(move |index| (index < count).then_some(index as f64));
        assert_eq!(interval(some(RESAMPLES / 2 - 1)), None);
        assert_eq!(interval(some(RESAMPLES)), Some((50.0, 1949.0)));
    }
}
