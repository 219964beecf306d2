//! What a run prints and writes.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};

use crate::assemble::{gather, judge};
use crate::cli::{self, Format};
use crate::config::env::Env;
use crate::console::Console;
use crate::deliver;
use crate::diff::Diff;
use crate::findings::{Finding, similar};
use crate::meaning::Vectors;
use crate::prepare::Prepared;
use crate::report::{Channel, Report, Status, actions, clean, codequality, markdown, sarif, terminal};
use crate::review::Outcome;
use crate::review_page;
use crate::screen::Screen;
use crate::setup::Setup;
use crate::source::World;
use crate::status::{Conclusion, Exit};
use crate::tree::Tree;
use crate::words::Note;

/// The results of a review on their way to standard output and to files.
pub struct Output<'a> {
    setup: &'a Setup,
    console: &'a Console,
    format: Format,
    files: Files,
    is_streaming: bool,
    started: Instant,
    screen: Screen,
    /// What was printed while the review ran.
    printed: RefCell<Vec<Finding>>,
}

impl<'a> Output<'a> {
    /// Prints in the format that was asked for, and writes the `files`. With `stream` findings are printed as they arrive,
    /// as they are on a terminal.
    pub fn new(
        format: Format,
        stream: bool,
        files: Files,
        setup: &'a Setup,
        (console, screen): (&'a Console, Screen),
        started: Instant,
    ) -> Output<'a> {
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
        let is_streaming = format == Format::Terminal && (stream || (is_terminal && setup.ci.is_none()));
        Output { setup, console, format, files, is_streaming, started, screen, printed: RefCell::default() }
    }

    /// Whether the report goes to a file, which can be published later.
    pub fn has_report(&self) -> bool {
        self.files.has_report()
    }

    /// Whether a Code Quality report is made.
    pub fn has_code_quality(&self) -> bool {
        self.format == Format::Codequality || self.files.codequality.is_some()
    }

    /// Takes what a chunk brought, and prints what is new in it.
    pub fn arrived(&self, prepared: &Prepared, tree: &Tree<'_>, outcomes: &[Outcome]) {
        // where passes vote, nothing holds before the last of them
        if !self.is_streaming || (!outcomes.is_empty() && prepared.plan.passes.len() > 1) {
            return;
        }
        let printed = &mut *self.printed.borrow_mut();
        let address = |finding: &Finding| self.setup.address(finding);
        for finding in judge(self.setup, prepared, outcomes, gather(self.setup, prepared, tree, outcomes)).findings {
            let is_new = !printed.iter().any(|known| similar::is_same(known, &finding, &Vectors::default()));
            if is_new && printed.len() < self.setup.config.max_comments {
                self.show(&terminal::finding(&finding, &self.shown(&prepared.plan.diff, &address)));
                printed.push(finding);
            }
        }
    }

    /// Prints workflow commands where they disturb no document: a runner reads both streams.
    pub fn annotate(&self, text: &str) {
        match self.format {
            Format::Terminal => self.console.result(text),
            // they are the result, which is printed at the end
            Format::Annotations => {}
            _ => self.console.aside(text),
        }
    }

    /// Writes the report wherever it was asked for, and says how the run ended.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(&self, mut report: Report, diff: &Diff) -> Result<Exit> {
        let exit = self.end(&mut report, diff, &self.files)?;
        self.print(&report, diff)?;
        Ok(exit)
    }

    /// Shows a report that could not be brought to anyone. Nobody has compared it with the change, so that nothing of it is
    /// for the widgets of a host.
    ///
    /// # Errors
    /// As [`Output::finish`].
    pub fn undelivered(&self, mut report: Report) -> Result<Exit> {
        report.delivery.channel = Channel::None;
        let (of_report, html) = (self.files.report.clone(), self.files.html.clone());
        let diff = Diff::default();
        let exit = self.end(&mut report, &diff, &Files { report: of_report, html, ..Files::default() })?;
        if !matches!(self.format, Format::Sarif | Format::Codequality | Format::Annotations) {
            self.print(&report, &diff)?;
        }
        Ok(exit)
    }

    /// Writes all but what is shown, and says how the run ended.
    fn end(&self, report: &mut Report, diff: &Diff, files: &Files) -> Result<Exit> {
        let exit = Exit::of_review(
            report.delivery.channel != Channel::None,
            self.setup.is_gated(report),
            report.status != Status::Incomplete,
        );
        let conclusion = Conclusion::of(exit, report.status == Status::NothingToReview);
        if let Some(actions) = self.setup.actions()
            && let Err(err) = deliver::write_step_files(
                report,
                conclusion,
                actions,
                [files.report.as_deref(), files.sarif.as_deref(), files.html.as_deref()],
                self.setup.words(),
            )
        {
            let note = format!("{err:#}");
            self.console.notice(&note);
            report.delivery.notes.push(note.into());
        }
        files.write(report, diff)?;
        Ok(exit)
    }

    fn print(&self, report: &Report, diff: &Diff) -> Result<()> {
        let text = match self.format {
            Format::Json => pretty(report)?,
            Format::Sarif => pretty(&sarif::log(report))?,
            Format::Codequality => pretty(&codequality::entries(report))?,
            Format::Annotations => actions::document(report, self.setup.words()),
            Format::Markdown => markdown::document(report, self.setup.words()),
            Format::Html => review_page::page(report, diff),
            Format::Terminal => {
                let printed = self.printed.borrow();
                let is_new = |finding: &&Finding| {
                    !printed.iter().any(|known| similar::is_same(known, finding, &Vectors::default()))
                };
                let address = |finding: &Finding| self.setup.address(finding);
                let shown = self.shown(diff, &address);
                let findings = report.findings.iter().filter(is_new).map(|finding| terminal::finding(finding, &shown));
                // notices stand on standard error already
                let notices = self.console.notices();
                let notes = report.delivery.notes.iter().filter(|note| !notices.contains(note));
                let notes: Vec<&str> = notes.map(Note::english).collect();
                findings.collect::<String>()
                    + &terminal::report(report, &printed, &notes, &shown, self.started.elapsed())
            }
        };
        self.show(&text);
        Ok(())
    }

    fn shown<'b>(&'b self, diff: &'b Diff, address: &'b dyn Fn(&Finding) -> Option<String>) -> terminal::Shown<'b> {
        terminal::Shown { diff, screen: &self.screen, address }
    }

    fn show(&self, text: &str) {
        self.console.result(&for_log(text, self.format, self.setup.actions().is_some()));
    }
}

/// A result as it is printed: in a run of Actions so that the runner reads no commands from it.
pub fn for_log(text: &str, format: Format, is_actions: bool) -> String {
    match format {
        Format::Json | Format::Sarif | Format::Codequality => clean::json(text),
        _ if !is_actions => text.to_owned(),
        // they are commands, and nothing in them is another
        Format::Annotations => text.to_owned(),
        Format::Terminal => clean::painted_log(text),
        Format::Markdown | Format::Html => clean::fenced_off(text),
    }
}

/// The files that take the result, beside what is shown.
#[derive(Debug, Default)]
pub struct Files {
    /// The JSON report.
    report: Option<PathBuf>,
    /// The findings as SARIF.
    sarif: Option<PathBuf>,
    /// The findings as a Code Quality report of GitLab.
    codequality: Option<PathBuf>,
    /// The review as a page.
    html: Option<PathBuf>,
}

impl Files {
    /// Whether the report goes to a file.
    pub fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// The files of a review, empty of what an earlier run wrote: a run that fails leaves none.
    ///
    /// # Errors
    /// A file cannot be written: better known before money is spent.
    pub fn of_review(args: &cli::Review, world: &World<'_>) -> Result<Files> {
        let report = args.output.clone().or_else(|| input("output", world));
        Files { report, ..Files::for_widgets(&args.widgets, world) }.cleared()
    }

    /// The files of `publish`, empty but for the report, which may be the very one that is published.
    ///
    /// # Errors
    /// As [`Files::of_review`].
    pub fn of_publish(args: &cli::Publish, world: &World<'_>) -> Result<Files> {
        let files = Files::for_widgets(&args.widgets, world).cleared()?;
        Ok(Files { report: args.output.clone(), ..files })
    }

    fn for_widgets(args: &cli::Widgets, world: &World<'_>) -> Files {
        let sarif = args.sarif.clone().or_else(|| input("sarif", world));
        let html = args.html.clone().or_else(|| input("html", world));
        Files { report: None, sarif, codequality: args.codequality.clone(), html }
    }

    fn cleared(self) -> Result<Files> {
        for path in [&self.report, &self.sarif, &self.codequality, &self.html].into_iter().flatten() {
            clear(path).map_err(|err| {
                let path = path.display();
                anyhow!(
                    "cannot write the report `{path}`: {err}\nhint: the folder must exist, and the file be writable"
                )
            })?;
        }
        Ok(self)
    }

    fn write(&self, report: &Report, diff: &Diff) -> Result<()> {
        if let Some(path) = &self.report {
            write_json(path, report)?;
        }
        if let Some(path) = &self.sarif {
            write_json(path, &sarif::log(report))?;
        }
        if let Some(path) = &self.codequality {
            write_json(path, &codequality::entries(report))?;
        }
        if let Some(path) = &self.html {
            write_page(path, &review_page::page(report, diff))?;
        }
        Ok(())
    }
}

/// The path that an input of the action names.
fn input(name: &str, world: &World<'_>) -> Option<PathBuf> {
    Env::new(world.env, None).input(name).map(PathBuf::from)
}

/// Writes a value as JSON, for programs and people.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    std::fs::write(path, pretty(value)?).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes a page.
///
/// # Errors
/// The file cannot be written.
pub fn write_page(path: &Path, html: &str) -> Result<()> {
    std::fs::write(path, html).with_context(|| {
        format!("cannot write the page `{}`\nhint: its folder must be there, and may be written to", path.display())
    })
}

fn pretty(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Makes sure that a file can be written, and takes away what is in it.
fn clear(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    // a link, a pipe or a device stays
    if std::fs::symlink_metadata(path)?.is_file() { std::fs::remove_file(path) } else { Ok(()) }
}
