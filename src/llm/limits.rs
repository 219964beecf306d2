//! How long to wait before a request is repeated: what the server asks for, else a growing pause.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// The longest pause that is waited for; a server that asks for more is given up on.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The pause between repeats stops growing at this many times the first one.
const MOST_GROWTH: f64 = 16.0;

/// The pause that the server asks for in its headers or, where it limits the rate, in its message.
pub(super) fn asked_wait(headers: &HeaderMap, status: u16, message: &str, now: SystemTime) -> Option<Duration> {
    let retry_after = || header(headers, "retry-after").and_then(|value| seconds_or_date(value, now));
    let asked = header(headers, "retry-after-ms").and_then(|ms| seconds(ms.parse::<f64>().ok()? / 1000.0));
    let asked = asked.or_else(retry_after);
    if status == 429 { asked.or_else(|| wait_in_message(message)).or_else(|| until_reset(headers)) } else { asked }
}

/// The server's own word on whether a repeat may help.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    header(headers, "x-should-retry")?.parse().ok()
}

/// The pause before the `repeat`th repeat (from 0): twice the last one, and up to a quarter shorter by chance, so that
/// requests that failed together do not come back together.
pub(super) fn backoff(first: Duration, repeat: u32) -> Duration {
    let growth = 2_f64.powi(repeat.min(16) as i32).min(MOST_GROWTH);
    first.mul_f64(growth * (1.0 - 0.25 * random()))
}

/// A little later than asked, so that requests that were told the same moment do not all come back in it.
pub(super) fn spread(asked: Duration) -> Duration {
    asked.mul_f64(1.0 + 0.1 * random())
}

/// A number from 0 to 1. Each new hasher has new keys, which is random enough to spread requests.
fn random() -> f64 {
    let bits = RandomState::new().hash_one(0_u8);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A positive number of seconds; zero and nonsense are no pause that was asked for.
fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok().filter(|wait| !wait.is_zero())
}

fn seconds_or_date(value: &str, now: SystemTime) -> Option<Duration> {
    match value.parse::<f64>() {
        Ok(number) => seconds(number),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).ok().filter(|wait| !wait.is_zero()),
    }
}

/// The pause in OpenAI's words: `Please try again in 18.642s.`
fn wait_in_message(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again in ")?;
    go_duration(rest.split_whitespace().next()?.trim_end_matches(['.', ',']))
}

/// The time until the limit that is used up starts anew. One that is far away says when all of it is back, not when
/// there is room again, and is not a pause to wait for.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let reset = |kind: &str| {
        let used_up = header(headers, &format!("x-ratelimit-remaining-{kind}"))? == "0";
        used_up.then(|| header(headers, &format!("x-ratelimit-reset-{kind}")).and_then(go_duration))?
    };
    reset("requests").max(reset("tokens")).filter(|wait| *wait <= LONGEST_WAIT)
}

/// A duration as Go writes it (`6m0s`, `18.642s`, `20ms`); a bare number is seconds.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let number_at = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(number_at);
        total += number.parse::<f64>().ok()? * unit_seconds(unit)?;
        rest = tail;
    }
    seconds(total)
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{asked_wait, backoff, go_duration, should_retry, spread};

    pub fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[track_caller]
    fn check(status: u16, pairs: &[(&'static str, &str)], message: &str, expected_ms: Option<u64>) {
        let wait = asked_wait(&headers(pairs), status, message, SystemTime::UNIX_EPOCH);
        assert_eq!(wait, expected_ms.map(Duration::from_millis), "{status} {pairs:?} {message}");
    }

    #[test]
    fn the_servers_wish_is_read_from_the_most_exact_place() {
        check(503, &[("retry-after", "2")], "", Some(2000));
        check(503, &[("retry-after", "0.5")], "", Some(500));
        check(503, &[("retry-after", "Thu, 01 Jan 1970 00:00:07 GMT")], "", Some(7000));
        check(429, &[("retry-after", "2"), ("retry-after-ms", "1500")], "", Some(1500));
        check(429, &[("retry-after", "2")], "Please try again in 9s.", Some(2000));
        check(429, &[], "Limit 3, Used 2. Please try again in 18.642s. Visit", Some(18642));
        check(429, &[], "Please try again in 6m0s.", Some(360_000));
        check(429, &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "20ms")], "", Some(20));
        check(429, &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")], "", None);
        check(429, &[("x-ratelimit-remaining-tokens", "5"), ("x-ratelimit-reset-tokens", "1s")], "", None);
        check(500, &[], "Please try again in 18s.", None);
        for nonsense in ["", "soon", "-1", "0", "NaN", "inf", "1e300", "Wed, 31 Dec 1969 00:00:07 GMT"] {
            check(429, &[("retry-after", nonsense), ("retry-after-ms", nonsense)], "", None);
        }
    }

    #[test]
    fn go_durations() {
        let check = |text, ms: Option<u64>| assert_eq!(go_duration(text), ms.map(Duration::from_millis), "{text}");
        check("1s", Some(1000));
        check("1h2m3.5s", Some(3_723_500));
        check("250", Some(250_000));
        check("2000us", Some(2));
        for nonsense in ["", "s", "1x", "1.2.3s", "..s", "1s2"] {
            check(nonsense, None);
        }
    }

    #[test]
    fn the_pause_grows_and_is_spread() {
        let second = Duration::from_secs(1);
        for (repeat, most) in [(0, 1.0), (1, 2.0), (2, 4.0), (4, 16.0), (5, 16.0), (u32::MAX, 16.0)] {
            let wait = backoff(second, repeat).as_secs_f64();
            assert!(wait <= most && wait >= 0.75 * most, "{repeat}: {wait}");
        }
        assert!(spread(second) >= second && spread(second) <= second * 2);
    }

    #[test]
    fn the_servers_word_on_retrying() {
        assert_eq!(should_retry(&headers(&[("x-should-retry", "true")])), Some(true));
        assert_eq!(should_retry(&headers(&[("x-should-retry", "false")])), Some(false));
        assert_eq!(should_retry(&headers(&[("x-should-retry", "maybe")])), None);
    }
}
