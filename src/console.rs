//! Standard error: notices, requests as they are made, and progress.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Color;
use crate::forge::wire::{Event, OnEvent};
use crate::llm;
use crate::report::clean;

/// What people see while a run goes on. Results do not come here.
#[derive(Clone)]
pub struct Console {
    verbose: u8,
    quiet: bool,
    bar: ProgressBar,
    notices: Arc<Mutex<Vec<String>>>,
}

impl Console {
    /// Sets colours for the whole program, as the user wants them.
    pub fn new(options: &crate::cli::Console) -> Console {
        let choice = match options.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Console { verbose: options.verbose, quiet: options.quiet, bar: ProgressBar::hidden(), notices: Arc::default() }
    }

    /// The same console, for one of many reviews: what it should tell is nobody's report, and not said once for each.
    pub fn aside_of_reports(&self) -> Console {
        Console { verbose: self.verbose, quiet: true, bar: ProgressBar::hidden(), notices: Arc::default() }
    }

    /// One line that the user should know of; it also goes into the report.
    pub fn notice(&self, text: &str) {
        self.notices.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(text.to_owned());
        if !self.quiet {
            self.line(&format!("note: {}", clean::log(text)));
        }
    }

    /// All notices so far, for the report.
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// A line for those who asked for more with `-v`.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.line(&clean::log(text));
        }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| drop(writeln!(anstream::stderr(), "{text}")));
    }

    /// Prints a result while the bar is shown.
    pub fn result(&self, text: &str) {
        // who closed the pipe has seen enough; the exit code still tells the outcome
        self.bar.suspend(|| drop(anstream::stdout().write_all(text.as_bytes())));
    }

    /// Prints to standard error as it is, for a CI runner to read.
    pub fn aside(&self, text: &str) {
        self.bar.suspend(|| drop(anstream::stderr().write_all(text.as_bytes())));
    }

    /// Starts the bar over the chunks. It is drawn on a terminal only.
    pub fn start(&self, chunks: usize) {
        let style = ProgressStyle::with_template("reviewing {bar:30} {pos}/{len} chunks, {elapsed}");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_length(chunks as u64);
        if !self.quiet {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    /// One more chunk is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Logs the requests to the model, with `-v`.
    pub fn model_events(&self) -> Option<Arc<dyn Fn(llm::Event) + Send + Sync>> {
        let console = self.clone();
        (self.verbose > 0).then(|| {
            Arc::new(move |event: llm::Event| {
                let status = event.status.map_or("no answer".to_owned(), |status| status.to_string());
                let id = event.request_id.map_or(String::new(), |id| format!(", id {id}"));
                let error = event.error.map_or(String::new(), |error| format!(": {error}"));
                let wait = event.wait.map_or(String::new(), |wait| format!("; next try in {wait:.1?}"));
                let seconds = event.duration.as_secs_f64();
                let (model, attempt) = (event.model, event.attempt);
                console
                    .detail(&format!("model {model}, attempt {attempt}: {status} in {seconds:.2} s{id}{error}{wait}"));
            }) as Arc<dyn Fn(llm::Event) + Send + Sync>
        })
    }

    /// Logs the requests to the code host, with `-v`.
    pub fn forge_events(&self) -> Option<OnEvent> {
        let console = self.clone();
        (self.verbose > 0).then(|| {
            Arc::new(move |event: Event| {
                let Event { host, request, status, duration } = event;
                let status = status.map_or("no answer".to_owned(), |status| status.to_string());
                let host = host.to_lowercase();
                console.detail(&format!("{host} {request}: {status} in {:.2} s", duration.as_secs_f64()));
            }) as OnEvent
        })
    }
}
