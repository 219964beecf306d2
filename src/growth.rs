//! How the time of something grows with its input: a measure that a busy machine changes little.

use std::time::{Duration, Instant};

/// How many times longer four times the input takes, at the best of some tries: about 4 where the time is linear, 16 where
/// it is quadratic.
pub fn fourfold(small: usize, mut work: impl FnMut(usize)) -> f64 {
    const TRIES: usize = 3;
    // so that what is measured is long beside the clock's steps
    const TIMES: usize = 3;
    let mut best = |size: usize| -> Duration {
        let once = |_| {
            let started = Clock::start();
            (0..TIMES).for_each(|_| work(size));
            started.elapsed()
        };
        (0..TRIES).map(once).min().unwrap_or_default()
    };
    best(4 * small).as_secs_f64() / best(small).as_secs_f64().max(1e-6)
}

/// The time that this thread ran, where the system tells it: what others do on the machine does not count. Elsewhere the
/// time on the wall.
struct Clock {
    wall: Instant,
    ran: Option<Duration>,
}

impl Clock {
    fn start() -> Clock {
        Clock { wall: Instant::now(), ran: ran() }
    }

    fn elapsed(&self) -> Duration {
        self.ran.zip(ran()).map_or_else(|| self.wall.elapsed(), |(start, end)| end.saturating_sub(start))
    }
}

/// Linux tells it in nanoseconds, as the first of three numbers, and brings it up to date when a thread lets others run.
fn ran() -> Option<Duration> {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
