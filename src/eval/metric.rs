//! The measures, each a function of sums over cases.

use serde::{Deserialize, Serialize};

use super::matching::By;
use super::score::CaseResult;

/// Sums over cases, from which every measure follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    cases: f64,
    clean: f64,
    alarms: f64,
    remarks: f64,
    known: f64,
    /// In the order of [`By::ALL`].
    hits: [f64; 3],
    rejected: f64,
    duplicates: f64,
    input_tokens: f64,
    cached_input_tokens: f64,
    output_tokens: f64,
    usd: Option<f64>,
}

impl Totals {
    /// Adds up cases.
    pub fn of<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Totals {
        let mut totals = Totals {
            cases: 0.0,
            clean: 0.0,
            alarms: 0.0,
            remarks: 0.0,
            known: 0.0,
            hits: [0.0; 3],
            rejected: 0.0,
            duplicates: 0.0,
            input_tokens: 0.0,
            cached_input_tokens: 0.0,
            output_tokens: 0.0,
            usd: Some(0.0),
        };
        for case in cases {
            totals.cases += 1.0;
            totals.clean += f64::from(u8::from(case.expect_clean));
            totals.alarms += f64::from(u8::from(case.expect_clean && case.remarks > 0));
            totals.remarks += case.remarks as f64;
            totals.known += case.known as f64;
            for (sum, by) in totals.hits.iter_mut().zip(By::ALL) {
                *sum += case.hits.get(&by).copied().unwrap_or_default() as f64;
            }
            totals.rejected += case.rejected as f64;
            totals.duplicates += case.duplicates as f64;
            totals.input_tokens += case.input_tokens as f64;
            totals.cached_input_tokens += case.cached_input_tokens as f64;
            totals.output_tokens += case.output_tokens as f64;
            totals.usd = totals.usd.zip(case.usd).map(|(sum, usd)| sum + usd);
        }
        totals
    }

    /// Dollars, where a model was asked and has a price.
    fn usd(&self) -> Option<f64> {
        self.usd.filter(|_| self.input_tokens > 0.0)
    }
}

/// A number that says what a reviewer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of remarks that are a known defect, by place and meaning.
    Precision,
    /// The share of known defects that a remark is, by place and meaning.
    Recall,
    /// The harmonic mean of both.
    F1,
    /// Precision by place alone.
    PlacePrecision,
    /// Recall by place alone.
    PlaceRecall,
    /// F1 by place alone.
    PlaceF1,
    /// Precision by meaning alone.
    MeaningPrecision,
    /// Recall by meaning alone.
    MeaningRecall,
    /// F1 by meaning alone.
    MeaningF1,
    /// Remarks on a change.
    RemarksPerChange,
    /// The share of clean changes with a remark.
    AlarmRate,
    /// The share of remarks that experts had rejected.
    Rejected,
    /// The share of remarks that say what another says.
    Duplicates,
    /// Tokens of prompts for a change.
    InputTokensPerChange,
    /// The share of these that the provider had in its cache.
    Cached,
    /// Tokens of answers for a change.
    OutputTokensPerChange,
    /// Tokens of prompts and answers for a true finding.
    TokensPerHit,
    /// Dollars for a change.
    UsdPerChange,
    /// Dollars for a true finding.
    UsdPerHit,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: &[Metric] = &[
        Metric::Precision,
        Metric::Recall,
        Metric::F1,
        Metric::PlacePrecision,
        Metric::PlaceRecall,
        Metric::PlaceF1,
        Metric::MeaningPrecision,
        Metric::MeaningRecall,
        Metric::MeaningF1,
        Metric::RemarksPerChange,
        Metric::AlarmRate,
        Metric::Rejected,
        Metric::Duplicates,
        Metric::InputTokensPerChange,
        Metric::Cached,
        Metric::OutputTokensPerChange,
        Metric::TokensPerHit,
        Metric::UsdPerChange,
        Metric::UsdPerHit,
    ];

    /// Precision, recall and F1 by what decides.
    pub fn rates(by: By) -> [Metric; 3] {
        match by {
            By::Place => [Metric::PlacePrecision, Metric::PlaceRecall, Metric::PlaceF1],
            By::PlaceAndMeaning => [Metric::Precision, Metric::Recall, Metric::F1],
            By::Meaning => [Metric::MeaningPrecision, Metric::MeaningRecall, Metric::MeaningF1],
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Precision => "precision",
            Metric::Recall => "recall",
            Metric::F1 => "F1",
            Metric::PlacePrecision => "precision by place",
            Metric::PlaceRecall => "recall by place",
            Metric::PlaceF1 => "F1 by place",
            Metric::MeaningPrecision => "precision by meaning",
            Metric::MeaningRecall => "recall by meaning",
            Metric::MeaningF1 => "F1 by meaning",
            Metric::RemarksPerChange => "remarks on a change",
            Metric::AlarmRate => "alarms on clean changes",
            Metric::Rejected => "rejected by experts",
            Metric::Duplicates => "duplicates",
            Metric::InputTokensPerChange => "input tokens for a change",
            Metric::Cached => "of these cached",
            Metric::OutputTokensPerChange => "output tokens for a change",
            Metric::TokensPerHit => "tokens for a true finding",
            Metric::UsdPerChange => "dollars for a change",
            Metric::UsdPerHit => "dollars for a true finding",
        }
    }

    /// Its value; `None` where it has no meaning, as a share of nothing, or is not known.
    pub fn of(self, totals: &Totals) -> Option<f64> {
        let Totals { cases, remarks, known, .. } = *totals;
        let [by_place, hits, by_meaning] = totals.hits;
        let f1 = |hits: f64| share(2.0 * hits, remarks + known);
        let asked = |tokens: f64| Some(tokens).filter(|_| totals.input_tokens > 0.0);
        match self {
            Metric::Precision => share(hits, remarks),
            Metric::Recall => share(hits, known),
            Metric::F1 => f1(hits),
            Metric::PlacePrecision => share(by_place, remarks),
            Metric::PlaceRecall => share(by_place, known),
            Metric::PlaceF1 => f1(by_place),
            Metric::MeaningPrecision => share(by_meaning, remarks),
            Metric::MeaningRecall => share(by_meaning, known),
            Metric::MeaningF1 => f1(by_meaning),
            Metric::RemarksPerChange => share(remarks, cases),
            Metric::AlarmRate => share(totals.alarms, totals.clean),
            Metric::Rejected => share(totals.rejected, remarks),
            Metric::Duplicates => share(totals.duplicates, remarks),
            Metric::InputTokensPerChange => share(asked(totals.input_tokens)?, cases),
            Metric::Cached => share(totals.cached_input_tokens, totals.input_tokens),
            Metric::OutputTokensPerChange => share(asked(totals.output_tokens)?, cases),
            Metric::TokensPerHit => share(asked(totals.input_tokens + totals.output_tokens)?, hits),
            Metric::UsdPerChange => share(totals.usd()?, cases),
            Metric::UsdPerHit => share(totals.usd()?, hits),
        }
    }
}

/// `None` for a share of nothing.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then_some(part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(remarks: usize, known: usize, hits: [usize; 3]) -> CaseResult {
        CaseResult {
            remarks,
            known,
            expect_clean: known == 0,
            hits: By::ALL.into_iter().zip(hits).collect(),
            ..CaseResult::default()
        }
    }

    #[track_caller]
    fn check(cases: &[CaseResult], expected: &[(Metric, Option<f64>)]) {
        let totals = Totals::of(cases.iter());
        for (metric, value) in expected {
            assert_eq!(metric.of(&totals), *value, "{}", metric.name());
        }
    }

    #[test]
    fn shares_of_remarks_and_of_what_is_known() {
        let cases = [case(4, 4, [3, 2, 1]), case(4, 0, [0; 3]), case(0, 0, [0; 3])];
        check(
            &cases,
            &[
                (Metric::Precision, Some(0.25)),
                (Metric::Recall, Some(0.5)),
                (Metric::F1, Some(4.0 / 12.0)),
                (Metric::PlaceRecall, Some(0.75)),
                (Metric::MeaningPrecision, Some(0.125)),
                (Metric::RemarksPerChange, Some(8.0 / 3.0)),
                (Metric::AlarmRate, Some(0.5)),
                (Metric::Rejected, Some(0.0)),
            ],
        );
        check(&cases[..1], &[(Metric::AlarmRate, None)]);
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let asked = CaseResult { input_tokens: 900, output_tokens: 100, usd: Some(0.25), ..case(1, 1, [1; 3]) };
        let free = CaseResult { usd: None, ..asked.clone() };
        check(
            &[asked.clone(), asked.clone()],
            &[
                (Metric::UsdPerChange, Some(0.25)),
                (Metric::UsdPerHit, Some(0.25)),
                (Metric::TokensPerHit, Some(1000.0)),
                (Metric::Cached, Some(0.0)),
            ],
        );
        check(&[asked.clone(), free], &[(Metric::UsdPerChange, None), (Metric::InputTokensPerChange, Some(900.0))]);
        let missed = CaseResult { hits: Default::default(), ..asked };
        check(
            &[missed],
            &[(Metric::UsdPerHit, None), (Metric::TokensPerHit, None), (Metric::UsdPerChange, Some(0.25))],
        );
        check(&[case(1, 1, [1; 3])], &[(Metric::UsdPerChange, None), (Metric::InputTokensPerChange, None)]);
    }
}
