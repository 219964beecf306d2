//! How the time of something grows with its input: a measure that a busy machine changes little.

use std::time::{Duration, Instant};

/// How many times longer four times the input takes, at the best of some tries: about 4 where the time is linear, 16 where
/// it is quadratic.
pub fn fourfold(small: usize, mut work: impl FnMut(usize)) -> f64 {
    const TRIES: usize = 3;
    let mut best = |size: usize| -> Duration {
        let once = |_| {
            let started = Instant::now();
            work(size);
            started.elapsed()
        };
        (0..TRIES).map(once).min().unwrap_or_default()
    };
    best(4 * small).as_secs_f64() / best(small).as_secs_f64().max(1e-6)
}
