//! The ledger: a file that gets a line for each run that asked a model, with what it cost. `prudence cost` sums it up.

mod account;
mod append;
mod place;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::day::{self, Day};
use crate::report::Report;
use crate::severity::Severity;
use crate::usage::{Meter, Spent};

pub use account::Account;
pub use append::append;
pub use place::Place;

/// The schema of a line.
pub const SCHEMA: &str = "prudence.ledger/v1";

/// The schema without its version.
pub const FAMILY: &str = "prudence.ledger/";

/// A line of the ledger: a run that asked a model. No text of the change, of a person or of the model is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// `prudence.ledger/v1`.
    pub schema: String,
    /// What tells the run from all others, so that a line that is read twice is counted once.
    pub id: String,
    /// When the run had its result, in UTC (RFC 3339).
    pub time: String,
    /// `review` or `eval`.
    pub command: String,
    /// How far the run came: `complete`, `incomplete`, `nothing_to_review`; `failed` where it ended without a result,
    /// `stopped` where it was not let come to one.
    pub status: String,
    /// Where the change came from: `github`, `gitlab`, `git`, `patch`; `dataset` for an evaluation.
    pub source: String,
    /// `owner/name` on the host, else the name of the folder; of an evaluation the name of the dataset.
    pub repository: String,
    /// Number of the pull or merge request.
    pub request: Option<u64>,
    /// The commit that was reviewed.
    pub head_sha: Option<String>,
    /// Changed lines that were reviewed; `None` where nobody knows.
    pub changed_lines_reviewed: Option<usize>,
    /// Findings that the run brought; `None` where nobody knows.
    pub findings: Option<Findings>,
    /// What each model took.
    pub models: Vec<ModelEntry>,
    /// Requests that got no answer and may have been billed; no number here holds them.
    #[serde(default)]
    pub unconfirmed_requests: u64,
    /// Dollars; `None` where a model has no price.
    pub usd: Option<f64>,
    /// Dollars that the provider's cache saved; `None` where a model has no price.
    pub cached_saved_usd: Option<f64>,
    /// How long the run took to its result.
    pub seconds: f64,
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the severities")]
pub struct Findings {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    pub info: u64,
}

/// What one model took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// As it was asked for.
    pub model: String,
    /// HTTP requests, repeats included.
    pub requests: u64,
    /// Tokens of the prompts, cached ones included.
    pub input_tokens: u64,
    /// Those of them that the provider had in its cache.
    pub cached_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// Dollars; `None` where it has no price.
    pub usd: Option<f64>,
    /// Dollars that the provider's cache saved; `None` where it has no price.
    #[serde(default)]
    pub cached_saved_usd: Option<f64>,
}

/// What came of a run, as far as the ledger tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// See [`Entry::status`].
    pub status: &'static str,
    /// Changed lines that were reviewed, where somebody knows.
    pub changed_lines_reviewed: Option<usize>,
    /// Findings that the run brought, where somebody knows.
    pub findings: Option<Findings>,
}

impl Outcome {
    /// Of a run that has no report.
    pub fn of_status(status: &'static str) -> Outcome {
        Outcome { status, changed_lines_reviewed: None, findings: None }
    }

    /// Of a review.
    pub fn of_report(report: &Report) -> Outcome {
        let mut findings = Findings::default();
        for finding in report.new_findings() {
            *match finding.severity {
                Severity::Critical => &mut findings.critical,
                Severity::Major => &mut findings.major,
                Severity::Minor => &mut findings.minor,
                Severity::Info => &mut findings.info,
            } += 1;
        }
        Outcome {
            status: report.status.as_str(),
            changed_lines_reviewed: Some(report.coverage.changed_lines_reviewed),
            findings: Some(findings),
        }
    }
}

impl Findings {
    /// All of them.
    pub fn count(&self) -> u64 {
        [self.critical, self.major, self.minor, self.info].into_iter().fold(0, u64::saturating_add)
    }
}

impl Entry {
    /// The entry of a run that ends now; `None` where no model was asked.
    fn of(place: &Place, outcome: &Outcome, meter: &Meter, seconds: f64) -> Option<Entry> {
        let (by_model, unconfirmed_requests) = (meter.by_model(), meter.unanswered_requests());
        if by_model.is_empty() && unconfirmed_requests == 0 {
            return None;
        }
        let model = |spent: Spent| ModelEntry {
            model: spent.model,
            requests: spent.usage.requests,
            input_tokens: spent.usage.input_tokens,
            cached_tokens: spent.usage.cached_input_tokens,
            output_tokens: spent.usage.output_tokens,
            usd: spent.usd,
            cached_saved_usd: spent.cached_saved_usd,
        };
        Some(Entry {
            schema: SCHEMA.to_owned(),
            id: format!("{:016x}", RandomState::new().build_hasher().finish()),
            time: day::time(SystemTime::now()),
            command: place.command.to_owned(),
            status: outcome.status.to_owned(),
            source: place.source.clone(),
            repository: place.repository.clone(),
            request: place.request,
            head_sha: place.head_sha.clone(),
            changed_lines_reviewed: outcome.changed_lines_reviewed,
            findings: outcome.findings,
            models: by_model.into_iter().map(model).collect(),
            unconfirmed_requests,
            usd: meter.usd(),
            cached_saved_usd: meter.cached_saved_usd(),
            seconds: (seconds * 1000.0).round() / 1000.0,
        })
    }

    /// The day of the run, in UTC; `None` where the time is none.
    pub fn day(&self) -> Option<Day> {
        Day::of_time(&self.time)
    }

    /// What is wrong with an entry of which the form is right: a ledger may come from anywhere.
    pub fn problem(&self) -> Option<&'static str> {
        let is_money = |usd: &Option<f64>| usd.is_none_or(|usd| usd.is_finite() && (0.0..1e9).contains(&usd));
        // a price for cached input may be the higher one
        let is_saving = |usd: &Option<f64>| is_money(&usd.map(f64::abs));
        let mut models = self.models.iter();
        match () {
            () if self.day().is_none() => Some("its `time` is none of RFC 3339"),
            () if ![&self.id, &self.repository].into_iter().all(|name| is_name(name)) => Some("it has an absurd name"),
            () if self.models.len() > 100 => Some("it has more models than a run asks"),
            () if !models.clone().all(|model| is_name(&model.model)) => Some("it has an absurd name"),
            () if !is_money(&self.usd) || !models.clone().all(|model| is_money(&model.usd)) => {
                Some("its `usd` is no sum of money")
            }
            () if !is_saving(&self.cached_saved_usd) || !models.all(|model| is_saving(&model.cached_saved_usd)) => {
                Some("its `cached_saved_usd` is no sum of money")
            }
            () => None,
        }
    }
}

/// Whether a text can be a name: it is kept for each of its groups.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 500
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{Price, Prices, Usage};

    fn place() -> Place {
        Place {
            command: "review",
            source: "github".to_owned(),
            repository: "o/r".to_owned(),
            request: Some(7),
            head_sha: None,
        }
    }

    /// A meter where `m` has a price, after a request to each of the models.
    async fn meter(models: &[&str]) -> Meter {
        let meter = Meter::new(Prices::new([("m".to_owned(), Price::new(1.0, Some(0.5), 2.0))]), None);
        for model in models {
            let usage = Usage {
                input_tokens: 1_000_000,
                cached_input_tokens: 500_000,
                output_tokens: 250_000,
                ..Usage::default()
            };
            meter.reserve(model, 1, 1, false).await.unwrap().settle(usage);
        }
        meter
    }

    #[tokio::test]
    async fn an_entry_has_what_was_paid_and_its_keys_stand_in_their_order() {
        let meter = meter(&["m"]).await;
        let mut entry = Entry::of(&place(), &Outcome::of_status("complete"), &meter, 1.23456).unwrap();
        assert!(entry.problem().is_none() && entry.id.len() == 16 && entry.day().is_some(), "{entry:?}");
        (entry.id, entry.time) = ("0".to_owned(), "2026-11-30T00:00:00Z".to_owned());
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"schema":"prudence.ledger/v1","id":"0","time":"2026-11-30T00:00:00Z","command":"review","status":"complete","source":"github","repository":"o/r","request":7,"head_sha":null,"changed_lines_reviewed":null,"findings":null,"models":[{"model":"m","requests":1,"input_tokens":1000000,"cached_tokens":500000,"output_tokens":250000,"usd":1.25,"cached_saved_usd":0.25}],"unconfirmed_requests":0,"usd":1.25,"cached_saved_usd":0.25,"seconds":1.235}"#
        );
    }

    #[tokio::test]
    async fn what_has_no_price_has_no_cost_and_what_was_not_asked_no_entry() {
        let asked = meter(&["m", "x"]).await;
        let entry = Entry::of(&place(), &Outcome::of_status("failed"), &asked, 0.0).unwrap();
        assert_eq!((entry.usd, entry.cached_saved_usd), (None, None));
        assert_eq!([entry.models[0].usd, entry.models[1].usd], [Some(1.25), None]);
        let nobody = meter(&[]).await;
        assert_eq!(Entry::of(&place(), &Outcome::of_status("failed"), &nobody, 0.0), None);
        // sent, and not answered yet
        let _open = nobody.reserve("m", 1, 1, false).await.unwrap();
        let entry = Entry::of(&place(), &Outcome::of_status("stopped"), &nobody, 0.0).unwrap();
        assert_eq!((entry.unconfirmed_requests, entry.models.len(), entry.usd), (1, 0, Some(0.0)));
    }

    #[tokio::test]
    async fn an_absurd_entry_is_told() {
        let entry = Entry::of(&place(), &Outcome::of_status("complete"), &meter(&["m"]).await, 0.0).unwrap();
        let check = |change: &dyn Fn(&mut Entry), expected: Option<&str>| {
            let mut changed = entry.clone();
            change(&mut changed);
            assert_eq!(changed.problem(), expected, "{changed:?}");
        };
        check(&|_| {}, None);
        check(&|entry| entry.cached_saved_usd = Some(-1.0), None);
        check(&|entry| entry.time = "yesterday".to_owned(), Some("its `time` is none of RFC 3339"));
        check(&|entry| entry.repository = "x".repeat(501), Some("it has an absurd name"));
        check(&|entry| entry.models[0].model.clear(), Some("it has an absurd name"));
        check(&|entry| entry.models = vec![entry.models[0].clone(); 101], Some("it has more models than a run asks"));
        check(&|entry| entry.usd = Some(-0.1), Some("its `usd` is no sum of money"));
        check(&|entry| entry.models[0].usd = Some(1e300), Some("its `usd` is no sum of money"));
        check(&|entry| entry.cached_saved_usd = Some(1e300), Some("its `cached_saved_usd` is no sum of money"));
        assert_eq!(Findings { critical: u64::MAX, info: 1, ..Findings::default() }.count(), u64::MAX);
    }
}
