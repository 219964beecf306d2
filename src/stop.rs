//! Ending early: what a runner sends when a job is cancelled, and Ctrl-C.
//!
//! Until something was asked of a model, a command ends at once. From then on it ends in order: requests that are under way
//! are given up, what was found is written, and nothing is posted that would not be posted whole.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::watch;

/// How long a command that ends in order may take: below the 7.5 s after which a runner of Actions is said to go on to
/// SIGTERM, and what somebody at a terminal waits.
const PATIENCE: Duration = Duration::from_millis(1900);

/// What stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signal {
    name: &'static str,
    /// Its number, which the exit code of a run that cannot end in order has in it.
    number: i32,
}

/// Whether the run is to end.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// `None`: nothing stops it.
    received: Option<watch::Receiver<Option<Signal>>>,
    is_orderly: Arc<AtomicBool>,
    last_words: LastWords,
}

/// What is still done before the process ends in the middle of something.
#[derive(Clone, Default)]
struct LastWords(Arc<Mutex<Option<Words>>>);

type Words = Box<dyn FnOnce() + Send>;

/// How long the last words may take: a disk that hangs keeps nobody from leaving.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl LastWords {
    fn set(&self, words: Words) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    fn speak(&self) {
        let Some(words) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let (done, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            words();
            drop(done);
        });
        let _ = ended.recv_timeout(LAST_WORDS);
    }
}

impl fmt::Debug for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastWords")
    }
}

impl Stop {
    /// Listens to signals from now on, on a thread of its own, since work between two requests takes its time. A second
    /// signal ends the process, and so does a run that takes longer than 1.9 s to end: both with 128 and the
    /// number of the signal, as a shell says it.
    ///
    /// # Errors
    /// The system gives no signals.
    pub fn on_signals() -> std::io::Result<Stop> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        let (sender, received) = watch::channel(None);
        let last_words = LastWords::default();
        let words = last_words.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                let first = signals.next().await;
                let _ = sender.send(Some(first));
                let last = tokio::time::timeout(PATIENCE, signals.next()).await.unwrap_or(first);
                words.speak();
                std::process::exit(128 + last.number);
            });
        });
        Ok(Stop { received: Some(received), is_orderly: Arc::default(), last_words })
    }

    /// The name of the signal that ends the run, where one came.
    pub fn requested(&self) -> Option<&'static str> {
        self.received.as_ref()?.borrow().map(|signal| signal.name)
    }

    /// Waits for a signal, and gives its name.
    pub async fn wait(&self) -> &'static str {
        if let Some(mut received) = self.received.clone()
            && let Ok(signal) = received.wait_for(Option::is_some).await
            && let Some(signal) = *signal
        {
            return signal.name;
        }
        std::future::pending().await
    }

    /// From now on the command ends by itself when a signal comes.
    pub fn ends_in_order(&self) {
        self.is_orderly.store(true, Ordering::Relaxed);
    }

    /// What is still done where the process ends in the middle of something: at a second signal, or where something takes
    /// longer than it may.
    pub fn before_the_end(&self, words: impl FnOnce() + Send + 'static) {
        self.last_words.set(Box::new(words));
    }

    /// Does what is done before the end, without it.
    #[cfg(test)]
    pub fn as_if_at_the_end(&self) {
        self.last_words.speak();
    }

    /// Waits for a signal at which the command ends at once.
    pub async fn at_once(&self) -> &'static str {
        let name = self.wait().await;
        match self.is_orderly.load(Ordering::Relaxed) {
            true => std::future::pending().await,
            false => name,
        }
    }
}

/// Ends the process with an error where something takes longer than it may, also what cannot be interrupted: a library that
/// never comes back from a broken git object. Dropped, it lets it live.
#[derive(Debug)]
pub struct Patience {
    _held: Option<mpsc::Sender<()>>,
}

impl Patience {
    /// Waits so long, and then ends the process with the code for nothing reviewed. The message has its hint; `stop` has
    /// what is done before.
    pub fn at_most(limit: Duration, message: &'static str, stop: &Stop) -> Patience {
        let (held, dropped) = mpsc::channel::<()>();
        let words = stop.last_words.clone();
        std::thread::spawn(move || {
            if dropped.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("error: {message}");
                words.speak();
                // the code for nothing reviewed
                std::process::exit(2);
            }
        });
        Patience { _held: Some(held) }
    }

    /// Waits for ever.
    pub fn endless() -> Patience {
        Patience { _held: None }
    }
}

/// What is listened to.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal { name: "SIGINT", number: 2 },
            _ = self.terminate.recv() => Signal { name: "SIGTERM", number: 15 },
        }
    }
}

/// What is listened to.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal { name: "Ctrl-C", number: 2 },
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop() -> (watch::Sender<Option<Signal>>, Stop) {
        let (sender, received) = watch::channel(None);
        (sender, Stop { received: Some(received), ..Stop::default() })
    }

    #[tokio::test]
    async fn a_signal_is_seen_by_all_that_wait_and_by_those_that_come_later() {
        let (sender, stop) = stop();
        assert_eq!(stop.requested(), None);
        let waits = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        sender.send(Some(Signal { name: "SIGTERM", number: 15 })).unwrap();
        assert_eq!(waits.await.unwrap(), "SIGTERM");
        assert_eq!(
            (stop.requested(), stop.wait().await, stop.at_once().await),
            (Some("SIGTERM"), "SIGTERM", "SIGTERM")
        );
        stop.clone().ends_in_order();
        assert!(tokio::time::timeout(Duration::from_millis(5), stop.at_once()).await.is_err());
    }

    #[test]
    fn last_words_are_spoken_once_and_a_disk_that_hangs_keeps_nobody() {
        let (stop, spoken) = (Stop::default(), Arc::new(Mutex::new(0)));
        stop.last_words.speak();
        stop.before_the_end({
            let spoken = spoken.clone();
            move || *spoken.lock().unwrap() += 1
        });
        stop.clone().last_words.speak();
        stop.last_words.speak();
        assert_eq!(*spoken.lock().unwrap(), 1);
        let (keeps, hangs) = mpsc::channel::<()>();
        stop.before_the_end(move || hangs.recv().unwrap_or_default());
        // comes back though `keeps` lives
        stop.last_words.speak();
        drop(keeps);
    }

    #[tokio::test]
    async fn without_signals_nothing_ends() {
        let stop = Stop::default();
        assert_eq!(stop.requested(), None);
        assert!(tokio::time::timeout(Duration::from_millis(5), stop.wait()).await.is_err());
    }
}
