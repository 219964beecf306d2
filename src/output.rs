//! What a run prints and writes.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};

use crate::assemble::judge;
use crate::cli::{self, Format};
use crate::config::env::Env;
use crate::console::Console;
use crate::deliver;
use crate::diff::Diff;
use crate::findings::{Finding, similar};
use crate::prepare::Prepared;
use crate::report::{Channel, Report, Status, clean, markdown, terminal};
use crate::review::Outcome;
use crate::setup::Setup;
use crate::source::World;
use crate::status::{Conclusion, Exit};

/// The results of a review on their way to standard output and to files.
pub struct Output<'a> {
    setup: &'a Setup,
    console: &'a Console,
    format: Format,
    file: Option<PathBuf>,
    is_streaming: bool,
    started: Instant,
    /// What was printed while the review ran.
    printed: RefCell<Vec<Finding>>,
}

impl<'a> Output<'a> {
    /// Prints in the format that was asked for, and writes the report to `file`. With `stream` findings are printed as
    /// they arrive, as they are on a terminal.
    pub fn new(
        format: Format,
        stream: bool,
        file: Option<PathBuf>,
        setup: &'a Setup,
        console: &'a Console,
        started: Instant,
    ) -> Output<'a> {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
        let is_streaming = format == Format::Terminal && (stream || (is_terminal && !setup.ci.is_some()));
        Output { setup, console, format, file, is_streaming, started, printed: RefCell::default() }
    }

    /// Whether the report goes to a file.
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Takes what a chunk brought, and prints what is new in it.
    pub fn arrived(&self, prepared: &Prepared, outcomes: &[Outcome]) {
        if !self.is_streaming {
            return;
        }
        let printed = &mut *self.printed.borrow_mut();
        for finding in judge(self.setup, prepared, outcomes).findings {
            let is_new = !printed.iter().any(|known| similar::is_same(known, &finding));
            if is_new && printed.len() < self.setup.config.max_comments {
                self.show(&terminal::finding(&finding, &prepared.plan.diff));
                printed.push(finding);
            }
        }
    }

    /// Prints workflow commands where they disturb no document: a runner reads both streams.
    pub fn annotate(&self, text: &str) {
        match self.format {
            Format::Terminal => self.console.result(text),
            Format::Json | Format::Markdown => self.console.aside(text),
        }
    }

    /// Writes the report wherever it was asked for, and says how the run ended.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(&self, mut report: Report, diff: &Diff) -> Result<Exit> {
        let exit = Exit::of_review(
            report.delivery.channel != Channel::None,
            self.setup.is_gated(&report),
            report.status != Status::Incomplete,
        );
        let conclusion = Conclusion::of(exit, report.status == Status::NothingToReview);
        if let Some(actions) = self.setup.actions()
            && let Err(err) = deliver::write_step_files(&report, conclusion, actions, self.file.as_deref())
        {
            let note = format!("{err:#}");
            self.console.notice(&note);
            report.delivery.notes.push(note);
        }
        if let Some(path) = &self.file {
            write_json(path, &report)?;
        }
        self.print(&report, diff)?;
        Ok(exit)
    }

    /// Shows a report that could not be brought to anyone.
    ///
    /// # Errors
    /// As [`Output::finish`].
    pub fn undelivered(&self, mut report: Report) -> Result<Exit> {
        report.delivery.channel = Channel::None;
        self.finish(report, &Diff::default())
    }

    fn print(&self, report: &Report, diff: &Diff) -> Result<()> {
        let text = match self.format {
            Format::Json => format!("{}\n", serde_json::to_string_pretty(report)?),
            Format::Markdown => markdown::document(report),
            Format::Terminal => {
                let printed = self.printed.borrow();
                let is_new = |finding: &&Finding| !printed.iter().any(|known| similar::is_same(known, finding));
                let findings = report.findings.iter().filter(is_new).map(|finding| terminal::finding(finding, diff));
                // notices stand on standard error already
                let notices = self.console.notices();
                let notes: Vec<&String> = report.delivery.notes.iter().filter(|note| !notices.contains(note)).collect();
                findings.collect::<String>() + &terminal::report(report, &printed, &notes, self.started.elapsed())
            }
        };
        self.show(&text);
        Ok(())
    }

    fn show(&self, text: &str) {
        self.console.result(&for_log(text, self.format, self.setup.actions().is_some()));
    }
}

/// A result as it is printed: in a run of Actions so that the runner reads no commands from it.
pub fn for_log(text: &str, format: Format, is_actions: bool) -> String {
    match format {
        // the same text in another spelling
        Format::Json => text.replace("##[", "##\\u005b"),
        _ if !is_actions => text.to_owned(),
        Format::Terminal => clean::painted_log(text),
        Format::Markdown => clean::fenced_off(text),
    }
}

/// Writes a value as JSON, for programs and people.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

/// The file for the report, empty of what an earlier run wrote: a run that fails leaves none.
///
/// # Errors
/// The file cannot be written: better known before money is spent.
pub fn report_file(args: &cli::Review, world: &World<'_>) -> Result<Option<PathBuf>> {
    let file = args.output.clone().or_else(|| Env::new(world.env, None).input("output").map(PathBuf::from));
    if let Some(path) = &file {
        clear(path).map_err(|err| {
            let path = path.display();
            anyhow!("cannot write the report `{path}`: {err}\nhint: the folder must exist, and the file be writable")
        })?;
    }
    Ok(file)
}

/// Makes sure that a file can be written, and takes away what is in it.
fn clear(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    // a link, a pipe or a device stays
    if std::fs::symlink_metadata(path)?.is_file() { std::fs::remove_file(path) } else { Ok(()) }
}
