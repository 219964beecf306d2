//! How much room the server's limits leave, by what its answers say: `x-ratelimit-remaining-tokens` and its like.
//!
//! A limit is a bucket that fills evenly: `reset` says when it is full again. A request that would not fit into it now
//! waits until it does, rather than be refused, which counts against the limit as well.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::limits::{go_duration, header};

/// What is left under the limits of a model; unknown where the server does not say.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

/// What is left of one limit.
#[derive(Debug, Clone)]
struct Bucket {
    limit: f64,
    left: f64,
    /// When so much was left.
    at: Instant,
    /// What comes back in a second.
    rate: f64,
}

impl Room {
    /// Takes the server's word, where it gives one.
    pub(super) fn hear(&mut self, headers: &HeaderMap, now: Instant) {
        for (kind, bucket) in [("requests", &mut self.requests), ("tokens", &mut self.tokens)] {
            if let Some(told) = Bucket::told(headers, kind, now) {
                *bucket = Some(told);
            }
        }
    }

    /// Takes a request with so many tokens, prompt and longest answer, out of what is left; where it does not fit, nothing
    /// is taken, and it is told how long to wait.
    pub(super) fn take(&mut self, tokens: u64, now: Instant) -> Result<(), Duration> {
        let wanted = [(&mut self.requests, 1.0), (&mut self.tokens, tokens as f64)];
        let wait = wanted.iter().filter_map(|(bucket, amount)| bucket.as_ref()?.wait(*amount, now)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for (bucket, amount) in wanted {
            if let Some(bucket) = bucket {
                (bucket.left, bucket.at) = (bucket.left_at(now) - amount, now);
            }
        }
        Ok(())
    }
}

impl Bucket {
    fn told(headers: &HeaderMap, kind: &str, now: Instant) -> Option<Bucket> {
        let number = |what: &str| header(headers, &format!("x-ratelimit-{what}-{kind}"))?.parse::<f64>().ok();
        let (limit, left) = (number("limit")?, number("remaining")?);
        let reset = header(headers, &format!("x-ratelimit-reset-{kind}")).and_then(go_duration)?;
        let is_plausible = left >= 0.0 && left < limit && limit.is_finite();
        is_plausible.then(|| Bucket { limit, left, at: now, rate: (limit - left) / reset.as_secs_f64() })
    }

    fn left_at(&self, now: Instant) -> f64 {
        (self.left + self.rate * now.saturating_duration_since(self.at).as_secs_f64()).min(self.limit)
    }

    /// How long until so much is left; `None` where it is already, or where it never will be: then the server is to say so.
    fn wait(&self, amount: f64, now: Instant) -> Option<Duration> {
        let missing = amount - self.left_at(now);
        if missing <= 0.0 || amount > self.limit {
            return None;
        }
        Duration::try_from_secs_f64(missing / self.rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::tests::headers;
    use super::*;

    fn tokens(limit: &str, left: &str, reset: &str) -> HeaderMap {
        headers(&[
            ("x-ratelimit-limit-tokens", limit),
            ("x-ratelimit-remaining-tokens", left),
            ("x-ratelimit-reset-tokens", reset),
        ])
    }

    fn after(headers: &HeaderMap, now: Instant) -> Room {
        let mut room = Room::default();
        room.hear(headers, now);
        room
    }

    #[test]
    fn what_does_not_fit_waits_until_it_does() {
        let now = Instant::now();
        // 60,000 tokens a minute, of which 1,000 a second come back
        let mut room = after(&tokens("60000", "30000", "30s"), now);
        assert_eq!(room.take(20_000, now), Ok(()));
        assert_eq!(room.take(15_000, now), Err(Duration::from_secs(5)));
        assert_eq!(room.take(15_000, now), Err(Duration::from_secs(5)), "what waits takes nothing");
        assert_eq!(room.take(15_000, now + Duration::from_secs(5)), Ok(()));
    }

    #[test]
    fn the_longer_wait_of_the_two_limits_counts() {
        let now = Instant::now();
        let mut both = tokens("60000", "0", "60s");
        both.extend(headers(&[
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "24h0m0s"),
        ]));
        assert_eq!(after(&both, now).take(1000, now), Err(Duration::from_secs_f64(8.64)));
    }

    #[test]
    fn what_the_server_does_not_say_or_says_in_nonsense_holds_nothing_up() {
        let now = Instant::now();
        for told in [
            HeaderMap::new(),
            headers(&[("x-ratelimit-remaining-tokens", "0")]),
            tokens("60000", "60000", "0s"),
            tokens("0", "0", "1s"),
            tokens("-1", "-5", "1s"),
            tokens("many", "0", "1s"),
            tokens("inf", "0", "1s"),
            tokens("60000", "NaN", "1s"),
            tokens("60000", "0", "soon"),
            // never fits: the server's refusal says what to do
            tokens("500", "0", "1s"),
        ] {
            assert_eq!(after(&told, now).take(1000, now), Ok(()), "{told:?}");
        }
    }

    #[test]
    fn the_last_word_counts() {
        let now = Instant::now();
        let mut room = after(&tokens("60000", "0", "60s"), now);
        assert!(room.take(1000, now).is_err());
        room.hear(&HeaderMap::new(), now);
        assert!(room.take(1000, now).is_err(), "no word is no room");
        room.hear(&tokens("60000", "50000", "10s"), now);
        assert_eq!(room.take(1000, now), Ok(()));
    }
}
