//! Standard error: notices, requests as they are made, and progress.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use serde_json::{Map, Value, json};

use crate::cli::{Color, LogFormat};
use crate::forge::wire::{Event, OnEvent};
use crate::llm;
use crate::report::clean;
use crate::words::Note;

/// What people see while a run goes on. Results do not come here.
#[derive(Clone)]
pub struct Console {
    verbose: u8,
    quiet: bool,
    format: LogFormat,
    bar: ProgressBar,
    notices: Arc<Mutex<Vec<Note>>>,
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
        let (verbose, quiet, format) = (options.verbose, options.quiet, options.log_format);
        Console { verbose, quiet, format, bar: ProgressBar::hidden(), notices: Arc::default() }
    }

    /// The same console, for one of many reviews: what it should tell is nobody's report, and not said once for each.
    pub fn aside_of_reports(&self) -> Console {
        Console { quiet: true, bar: ProgressBar::hidden(), notices: Arc::default(), ..self.clone() }
    }

    /// One line that the user should know of; it also goes into the report.
    pub fn notice(&self, text: impl Into<Note>) {
        let note = text.into();
        if !self.quiet {
            self.line("note", note.english(), json!({}));
        }
        self.notices.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(note);
    }

    /// All notices so far, for the report.
    pub fn notices(&self) -> Vec<Note> {
        self.notices.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// A line for those who asked for more with `-v`; `fields` are for programs.
    pub fn detail(&self, text: &str, fields: Value) {
        if self.verbose > 0 {
            self.line("debug", text, fields);
        }
    }

    fn line(&self, level: &str, text: &str, fields: Value) {
        let line = line(self.format, level, text, fields);
        self.bar.suspend(|| drop(writeln!(anstream::stderr(), "{line}")));
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
        /// Columns that the bar takes with all that stands beside it.
        const WIDTH: u16 = 64;
        // a line that breaks could not be drawn again in its place
        let is_wide = console::Term::stderr().size_checked().is_none_or(|(_, columns)| columns >= WIDTH);
        let wide = "reviewing {bar:30} {pos}/{len} chunks, {elapsed}";
        let style = ProgressStyle::with_template(if is_wide { wide } else { "{pos}/{len}, {elapsed}" });
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_length(chunks as u64);
        if !self.quiet && self.format == LogFormat::Text {
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
            Arc::new(move |event: llm::Event| console.detail(&text_of(&event), fields_of(&event)))
                as Arc<dyn Fn(llm::Event) + Send + Sync>
        })
    }

    /// Logs the requests to the code host, with `-v`.
    pub fn forge_events(&self) -> Option<OnEvent> {
        let console = self.clone();
        (self.verbose > 0).then(|| {
            Arc::new(move |event: Event| {
                let Event { host, request, received_bytes, status, duration } = event;
                let (host, seconds) = (host.to_lowercase(), duration.as_secs_f64());
                let fields = json!({"host": host, "request": request, "status": status, "seconds": seconds,
                    "received_bytes": received_bytes});
                let status = status.map_or("no answer".to_owned(), |status| status.to_string());
                let size = received_bytes.map_or(String::new(), |bytes| format!(", {bytes} bytes"));
                console.detail(&format!("{host} {request}: {status} in {seconds:.2} s{size}"), fields);
            }) as OnEvent
        })
    }
}

/// A line for standard error. In JSON it has the time in seconds since 1970, the level (`error`, `note`, `debug`), the
/// message, and what else belongs to it.
pub fn line(format: LogFormat, level: &str, text: &str, fields: Value) -> String {
    let text = clean::log(text);
    if format == LogFormat::Json {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut object = Map::new();
        object.insert("time".to_owned(), json!(now.as_secs_f64()));
        object.insert("level".to_owned(), level.into());
        object.insert("message".to_owned(), text.into());
        object.extend(fields.as_object().cloned().unwrap_or_default());
        return clean::json(&Value::Object(object).to_string());
    }
    match level {
        "debug" => text,
        _ => format!("{level}: {text}"),
    }
}

fn text_of(event: &llm::Event) -> String {
    let status = event.status.map_or("no answer".to_owned(), |status| status.to_string());
    let size = event.received_bytes.map_or(String::new(), |bytes| format!(" and {bytes} received"));
    let id = event.request_id.as_ref().map_or(String::new(), |id| format!(", id {id}"));
    let error = event.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
    let wait = event.wait.map_or(String::new(), |wait| format!("; next try in {wait:.1?}"));
    let (name, model, attempt, seconds) = (&event.id, &event.model, event.attempt, event.duration.as_secs_f64());
    let sent = event.sent_bytes;
    format!(
        "model {model}, {name}, attempt {attempt}: {status} in {seconds:.2} s, {sent} bytes sent{size}{id}{error}{wait}"
    )
}

fn fields_of(event: &llm::Event) -> Value {
    json!({"request": event.id, "model": event.model, "attempt": event.attempt, "status": event.status,
        "seconds": event.duration.as_secs_f64(), "sent_bytes": event.sent_bytes, "received_bytes": event.received_bytes,
        "request_id": event.request_id, "error": event.error, "wait_seconds": event.wait.map(|wait| wait.as_secs_f64())})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_people_and_for_programs() {
        assert_eq!(line(LogFormat::Text, "note", "a\u{1b}[31m b", json!({"x": 1})), "note: a\\u{1b}[31m b");
        assert_eq!(line(LogFormat::Text, "debug", "a", json!({})), "a");
        let json: Value =
            serde_json::from_str(&line(LogFormat::Json, "error", "::error::a\nb", json!({"x": 1}))).unwrap();
        assert_eq!((&json["level"], &json["x"]), (&json!("error"), &json!(1)));
        assert!(json["time"].as_f64().is_some_and(|time| time > 1.7e9), "{json}");
        assert!(!json["message"].as_str().unwrap().starts_with("::"), "{json}");
    }
}
