//! The ledger of a run: what was spent, what may still be spent, and what nobody can know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Prices, Usage, cost_usd, saved_usd};

/// The ledger of a run, shared by all that send requests.
///
/// Before each HTTP request its worst case is reserved, so that requests under way at the same time cannot pass the limit
/// together. Afterwards the reservation says what became of it.
#[derive(Debug)]
pub struct Meter {
    prices: Prices,
    limit_usd: Option<f64>,
    /// Whether all that is booked was paid for before: then there is nothing to refuse.
    is_paid: bool,
    ledger: Mutex<Ledger>,
    /// The ledger of which this is a part: everything is booked there too.
    whole: Option<Arc<Meter>>,
    /// Wakes those who wait for money that is only reserved.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    by_model: BTreeMap<String, Usage>,
    /// Worst cases of the requests under way.
    reserved_usd: f64,
    /// Requests under way.
    in_flight: u64,
    /// Worst cases of requests that may have been billed without an answer.
    unconfirmed_usd: f64,
    unconfirmed_requests: u64,
    estimated_requests: u64,
}

/// What one model took.
#[derive(Debug, Clone, PartialEq)]
pub struct Spent {
    /// As it was asked for.
    pub model: String,
    /// What the servers say it took.
    pub usage: Usage,
    /// Dollars; `None` where it has no price.
    pub usd: Option<f64>,
    /// Dollars that the provider's cache saved; `None` where it has no price.
    pub cached_saved_usd: Option<f64>,
}

/// The cost limit leaves no room for a request.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the cost limit of ${limit_usd} leaves no room for the next request: ${spent_usd:.4} spent or unconfirmed, \
     up to ${needed_usd:.4} more needed\nhint: raise `--max-cost`, or review a smaller change"
)]
pub struct OverLimit {
    /// The limit.
    pub limit_usd: f64,
    /// What was spent, or may have been.
    pub spent_usd: f64,
    /// The worst case of the request that was not sent.
    pub needed_usd: f64,
}

impl Meter {
    /// An empty ledger. Without a limit nothing is refused; a model without a price is never refused.
    pub fn new(prices: Prices, limit_usd: Option<f64>) -> Meter {
        Meter { prices, limit_usd, is_paid: false, ledger: Mutex::default(), whole: None, freed: Notify::new() }
    }

    /// An empty ledger for answers that were paid for before this run: it counts them, and refuses none.
    pub fn of_paid(prices: Prices, limit_usd: Option<f64>) -> Meter {
        Meter { is_paid: true, ..Meter::new(prices, limit_usd) }
    }

    /// An empty ledger for a part of a run: what is booked on it is booked on the whole too, under the limit of that.
    pub fn part_of(whole: Arc<Meter>) -> Meter {
        Meter { whole: Some(whole.clone()), ..Meter::new(whole.prices.clone(), None) }
    }

    /// Reserves the worst case of one HTTP request: `input_tokens` that nothing has cached, and an answer of
    /// `max_output_tokens`. `repeat` says that it repeats an earlier one. Where the room is only taken by requests under
    /// way, waits for them: they rarely cost their worst case.
    ///
    /// # Errors
    /// [`OverLimit`] where the limit would not hold even if all requests under way turned out to be free.
    pub async fn reserve(
        &self,
        model: &str,
        input_tokens: u64,
        max_output_tokens: u32,
        repeat: bool,
    ) -> Result<Reservation<'_>, OverLimit> {
        let of_whole = match &self.whole {
            // an async function that calls itself needs its place on the heap
            Some(whole) => {
                Some(Box::new(Box::pin(whole.reserve(model, input_tokens, max_output_tokens, repeat)).await?))
            }
            None => None,
        };
        let needed_usd = self.worst_usd(model, input_tokens, max_output_tokens).unwrap_or(0.0);
        loop {
            // Made before the look at the ledger, so that what is freed in between is not missed.
            let freed = self.freed.notified();
            if self.try_reserve(needed_usd)? {
                let (model, usd) = (model.to_owned(), needed_usd);
                return Ok(Reservation { meter: self, model, usd, repeat, open: true, of_whole });
            }
            freed.await;
        }
    }

    /// Whether the room was there; `false` while requests under way hold it.
    fn try_reserve(&self, needed_usd: f64) -> Result<bool, OverLimit> {
        let mut ledger = self.ledger();
        if let Some(limit_usd) = self.limit_usd.filter(|_| needed_usd > 0.0 && !self.is_paid) {
            let spent_usd = self.known_usd(&ledger) + ledger.unconfirmed_usd;
            if spent_usd + needed_usd > limit_usd {
                return Err(OverLimit { limit_usd, spent_usd, needed_usd });
            }
            if ledger.in_flight > 0 && spent_usd + ledger.reserved_usd + needed_usd > limit_usd {
                return Ok(false);
            }
        }
        ledger.reserved_usd += needed_usd;
        ledger.in_flight += 1;
        Ok(true)
    }

    /// Everything that was sent and billed, over all models.
    pub fn totals(&self) -> Usage {
        self.ledger().by_model.values().copied().sum()
    }

    /// What each model took that was asked for, in the order of names.
    pub fn by_model(&self) -> Vec<Spent> {
        let ledger = self.ledger();
        let row = |(model, usage): (&String, &Usage)| Spent {
            model: model.clone(),
            usage: *usage,
            usd: self.usd_of(model, usage),
            cached_saved_usd: self.prices.get(model).map(|price| saved_usd(usage, &price)),
        };
        ledger.by_model.iter().map(row).collect()
    }

    /// The dollars of everything that was billed; `None` where a model that was asked has no price.
    pub fn usd(&self) -> Option<f64> {
        // an empty sum of floats is -0
        self.ledger().by_model.iter().try_fold(0.0, |sum, (model, usage)| Some(sum + self.usd_of(model, usage)?))
    }

    /// The dollars of everything that was billed and has a price.
    pub fn spent_usd(&self) -> f64 {
        self.known_usd(&self.ledger())
    }

    /// The dollars of a request in its worst case; `None` for a model without a price.
    pub fn worst_usd(&self, model: &str, input_tokens: u64, max_output_tokens: u32) -> Option<f64> {
        self.usd_of(model, &worst(input_tokens, max_output_tokens))
    }

    /// The dollars that the provider's cache saved; `None` where a model that was asked has no price.
    pub fn cached_saved_usd(&self) -> Option<f64> {
        self.by_model().iter().try_fold(0.0, |sum, spent| Some(sum + spent.cached_saved_usd?))
    }

    /// The limit in dollars.
    pub fn limit_usd(&self) -> Option<f64> {
        self.limit_usd
    }

    /// Requests that got no answer and may have been billed. They count against the limit and not in [`Meter::usd`].
    pub fn unconfirmed_requests(&self) -> u64 {
        self.ledger().unconfirmed_requests
    }

    /// The same, and those that are still under way: what a run leaves that ends in the middle of something.
    pub fn unanswered_requests(&self) -> u64 {
        let ledger = self.ledger();
        ledger.unconfirmed_requests + ledger.in_flight
    }

    /// Requests whose answer did not say what they took; their tokens are an estimate.
    pub fn estimated_requests(&self) -> u64 {
        self.ledger().estimated_requests
    }

    /// The dollars of `usage`; unknown without a price, also where no tokens were told.
    fn usd_of(&self, model: &str, usage: &Usage) -> Option<f64> {
        self.prices.get(model).map(|price| cost_usd(usage, &price))
    }

    /// The dollars of everything billed that has a price: what the limit is held against.
    fn known_usd(&self, ledger: &Ledger) -> f64 {
        ledger.by_model.iter().filter_map(|(model, usage)| self.usd_of(model, usage)).fold(0.0, |sum, usd| sum + usd)
    }

    /// The ledger. A panic elsewhere leaves no half-written entry, so a poisoned lock is as good as another.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request may take: nothing of it cached, and an answer as long as it may be.
fn worst(input_tokens: u64, max_output_tokens: u32) -> Usage {
    Usage { input_tokens, output_tokens: u64::from(max_output_tokens), ..Usage::default() }
}

/// Money set aside for one HTTP request.
///
/// Dropped without a word (a timeout, a lost connection, a run that ends), its outcome is unknown: it stays counted
/// against the limit, since it may have been billed.
#[derive(Debug)]
#[must_use = "a reservation that is dropped counts as possibly billed"]
pub struct Reservation<'meter> {
    meter: &'meter Meter,
    model: String,
    usd: f64,
    repeat: bool,
    open: bool,
    /// The same on the ledger of which this is a part.
    of_whole: Option<Box<Reservation<'meter>>>,
}

impl Reservation<'_> {
    /// The server says what the request took. The counts of requests in `usage` are not looked at: this is one.
    pub fn settle(mut self, usage: Usage) {
        self.close(Outcome::Billed(usage));
    }

    /// The server answered and did not say what the request took; `usage` is an estimate.
    pub fn settle_estimated(mut self, usage: Usage) {
        self.close(Outcome::Estimated(usage));
    }

    /// The server refused the request, unbilled.
    pub fn release(mut self) {
        self.close(Outcome::Unbilled);
    }

    /// The request never left: there was no connection.
    pub fn cancel(mut self) {
        self.close(Outcome::NotSent);
    }

    fn close(&mut self, outcome: Outcome) {
        self.open = false;
        if let Some(mut whole) = self.of_whole.take() {
            whole.close(outcome);
        }
        let mut ledger = self.meter.ledger();
        ledger.in_flight -= 1;
        ledger.reserved_usd = if ledger.in_flight == 0 { 0.0 } else { ledger.reserved_usd - self.usd };
        let took = match outcome {
            Outcome::Billed(usage) => usage,
            Outcome::Estimated(usage) => {
                ledger.estimated_requests += 1;
                usage
            }
            Outcome::Unbilled | Outcome::NotSent => Usage::default(),
            Outcome::Unknown => {
                ledger.unconfirmed_requests += 1;
                ledger.unconfirmed_usd += self.usd;
                Usage::default()
            }
        };
        if !matches!(outcome, Outcome::NotSent) {
            let usage = Usage { requests: 1, retries: u64::from(self.repeat), ..took };
            *ledger.by_model.entry(self.model.clone()).or_default() += usage;
        }
        drop(ledger);
        self.meter.freed.notify_waiters();
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.open {
            self.close(Outcome::Unknown);
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Billed(Usage),
    Estimated(Usage),
    Unbilled,
    NotSent,
    Unknown,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Meter, OverLimit, Reservation, Spent};
    use crate::usage::{Price, Prices, Usage};

    /// A meter where `m` costs a dollar for a million tokens of either kind.
    fn meter(limit_usd: f64) -> Meter {
        Meter::new(Prices::new([("m".to_owned(), Price::new(1.0, None, 1.0))]), Some(limit_usd))
    }

    fn took(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens, ..Usage::default() }
    }

    async fn reserve<'m>(meter: &'m Meter, model: &str, tokens: u64) -> Result<Reservation<'m>, OverLimit> {
        meter.reserve(model, tokens, 0, false).await
    }

    /// Ends a reservation of a dollar in `end`; expects requests, dollars spent and dollars that are left of two.
    #[track_caller]
    fn check(end: impl Fn(Reservation<'_>), requests: u64, usd: f64, left: f64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let meter = meter(2.0);
            end(reserve(&meter, "m", 1_000_000).await.unwrap());
            assert_eq!(meter.totals().requests, requests);
            assert_eq!(meter.usd(), Some(usd));
            let fits =
                async |dollars: f64| reserve(&meter, "m", (dollars * 1e6) as u64).await.map(|fitting| fitting.cancel());
            assert!(fits(left).await.is_ok());
            assert!(fits(left + 0.01).await.is_err());
        });
    }

    #[test]
    fn the_limit_counts_what_was_spent_or_may_have_been() {
        check(|reservation| reservation.settle(took(500_000, 0)), 1, 0.5, 1.5);
        check(|reservation| reservation.settle_estimated(took(0, 500_000)), 1, 0.5, 1.5);
        check(|reservation| reservation.release(), 1, 0.0, 2.0);
        check(|reservation| reservation.cancel(), 0, 0.0, 2.0);
        check(|reservation| drop(reservation), 1, 0.0, 1.0);
    }

    #[tokio::test]
    async fn what_was_paid_before_is_counted_and_not_refused() {
        let meter = Meter { is_paid: true, ..meter(1.0) };
        for _ in 0..3 {
            reserve(&meter, "m", 1_000_000).await.unwrap().settle(took(1_000_000, 0));
        }
        assert_eq!((meter.usd(), meter.spent_usd(), meter.limit_usd()), (Some(3.0), 3.0, Some(1.0)));
        assert_eq!((meter.worst_usd("m", 500_000, 500_000), meter.worst_usd("x", 1, 1)), (Some(1.0), None));
    }

    #[tokio::test]
    async fn what_nobody_knows_is_counted_apart() {
        let meter = meter(2.0);
        drop(reserve(&meter, "m", 1).await);
        reserve(&meter, "m", 1).await.unwrap().settle_estimated(took(1, 1));
        assert_eq!((meter.unconfirmed_requests(), meter.estimated_requests()), (1, 1));
        let under_way = reserve(&meter, "m", 1).await.unwrap();
        assert_eq!((meter.unconfirmed_requests(), meter.unanswered_requests()), (1, 2));
        under_way.release();
        assert_eq!(meter.unanswered_requests(), 1);
    }

    #[tokio::test]
    async fn what_caching_saved_is_known_where_the_prices_are() {
        let meter = Meter::new(Prices::new([("m".to_owned(), Price::new(1.0, Some(0.25), 1.0))]), None);
        assert_eq!(meter.cached_saved_usd(), Some(0.0));
        let cached = Usage { cached_input_tokens: 1_000_000, ..took(2_000_000, 0) };
        reserve(&meter, "m", 1).await.unwrap().settle(cached);
        assert_eq!((meter.usd(), meter.cached_saved_usd()), (Some(1.25), Some(0.75)));
        reserve(&meter, "x", 1).await.unwrap().settle(cached);
        assert_eq!(meter.cached_saved_usd(), None);
    }

    #[tokio::test]
    async fn a_request_waits_for_money_that_is_only_reserved() {
        let meter = meter(1.0);
        let first = reserve(&meter, "m", 800_000).await.unwrap();
        let second = async { reserve(&meter, "m", 800_000).await.map(|second| second.settle(took(1, 0))) };
        let settle_first = async {
            tokio::task::yield_now().await;
            assert_eq!(meter.totals().requests, 0, "the second must still be waiting");
            first.settle(took(100_000, 0));
        };
        let (second, ()) = tokio::join!(second, settle_first);
        assert_eq!(second, Ok(()));
        assert_eq!(meter.totals().requests, 2);
    }

    #[tokio::test]
    async fn waiting_ends_when_the_money_is_gone() {
        let meter = meter(1.0);
        let first = reserve(&meter, "m", 800_000).await.unwrap();
        let (second, ()) = tokio::join!(async { reserve(&meter, "m", 800_000).await.is_err() }, async {
            first.settle(took(800_000, 0))
        });
        assert!(second);
    }

    #[tokio::test]
    async fn a_model_without_a_price_has_no_cost_rather_than_a_cost_of_nothing() {
        let meter = meter(0.000_001);
        assert_eq!(meter.usd(), Some(0.0), "nothing was sent");
        reserve(&meter, "x", u64::MAX).await.unwrap().release();
        assert_eq!(meter.usd(), None, "nothing was billed, as far as anybody knows");
        reserve(&meter, "x", u64::MAX).await.unwrap().settle(took(1, 0));
        assert_eq!(meter.usd(), None);
        let usage = Usage { requests: 2, ..took(1, 0) };
        let spent = Spent { model: "x".to_owned(), usage, usd: None, cached_saved_usd: None };
        assert_eq!((meter.by_model(), meter.cached_saved_usd()), (vec![spent], None));
    }

    #[tokio::test]
    async fn the_refusal_names_limit_cause_and_remedy() {
        let over = reserve(&meter(0.5), "m", 1_000_000).await.unwrap_err();
        let text = over.to_string();
        assert!(text.contains("$0.5 ") && text.contains("$1.0000") && text.contains("`--max-cost`"), "{text}");
    }

    #[tokio::test]
    async fn a_part_is_booked_on_the_whole_and_under_its_limit() {
        let whole = Arc::new(meter(2.0));
        let parts = [Meter::part_of(whole.clone()), Meter::part_of(whole.clone())];
        reserve(&parts[0], "m", 1_000_000).await.unwrap().settle(took(500_000, 0));
        reserve(&parts[1], "m", 1_000_000).await.unwrap().settle(took(250_000, 0));
        assert_eq!([parts[0].usd(), parts[1].usd(), whole.usd()], [Some(0.5), Some(0.25), Some(0.75)]);
        assert_eq!((parts[0].totals().requests, whole.totals().requests), (1, 2));
        assert_eq!(reserve(&parts[1], "m", 1_500_000).await.unwrap_err().limit_usd, 2.0);
        drop(reserve(&parts[0], "m", 1_000_000).await.unwrap());
        assert_eq!([&parts[0], &whole].map(|meter| meter.unconfirmed_requests()), [1, 1]);
        assert!(reserve(&parts[1], "m", 500_000).await.is_err(), "what may have been billed counts for all parts");
    }
}
