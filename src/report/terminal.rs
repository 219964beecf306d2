//! The report on a terminal: colours by `anstyle`, which the writer drops where the terminal has none.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::clean::{line, terminal as clean};
use super::excerpt::excerpt;
use super::{Report, Status, dollars, plural, thousands};
use crate::diff::Diff;
use crate::findings::{Finding, Reason, similar};
use crate::meaning::Vectors;
use crate::screen::Screen;
use crate::severity::Severity;
use crate::words::Words;

const BOLD: Style = Style::new().bold();
/// What is of less weight.
pub(super) const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// `text` in a style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The colour of a severity.
pub(super) fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::Major => AnsiColor::Yellow.on_default().bold(),
        Severity::Minor => AnsiColor::Cyan.on_default().bold(),
        Severity::Info => AnsiColor::Blue.on_default().bold(),
    }
}

/// Where findings are shown, and what of the change with them.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The change that the findings are about.
    pub diff: &'a Diff,
    /// The terminal.
    pub screen: &'a Screen,
    /// The address of a finding's lines, where they have one.
    pub address: &'a dyn Fn(&Finding) -> Option<String>,
}

/// What stands below the findings: what did not fit, the receipt, and the closing lines.
/// `shown` are the findings that were printed while the review ran, `notes` those that were not printed before.
pub fn report(report: &Report, shown: &[Finding], notes: &[&str], on: &Shown<'_>, elapsed: Duration) -> String {
    let mut out = String::new();
    let is_shown = |finding: &Finding| shown.iter().any(|known| similar::is_same(known, finding, &Vectors::default()));
    let over = report.suppressed.iter().filter(|s| s.reason == Reason::OverCommentLimit && !is_shown(&s.finding));
    let over: Vec<_> = over.collect();
    if !over.is_empty() {
        let what = format!("{} over the limit of comments:", plural(over.len(), "more finding"));
        let _ = writeln!(out, "{}", paint(BOLD, &what));
        for suppressed in over {
            let finding = &suppressed.finding;
            let _ = writeln!(out, "  {} {} {}", level(finding.severity), place(finding, on), line(&finding.title));
        }
        out.push('\n');
    }
    out + &receipt(report, notes, on.screen) + &closing(report, on.screen, elapsed)
}

fn level(severity: Severity) -> String {
    paint(colour(severity), severity.as_str())
}

/// `src/a.rs:5`, which leads there.
fn place(finding: &Finding, on: &Shown<'_>) -> String {
    let place = paint(BOLD, &format!("{}:{}", line(&finding.path), finding.start_line));
    let address = if on.screen.has_links { (on.address)(finding) } else { None };
    on.screen.link(&place, address.as_deref())
}

/// One finding: where and what, the code, the text, the replacement.
pub fn finding(finding: &Finding, on: &Shown<'_>) -> String {
    let what = finding.rule.as_deref().unwrap_or(finding.category.as_str());
    let width = on.screen.text_width(2);
    let mut out = format!("{} {} {}\n", level(finding.severity), place(finding, on), paint(DIM, what));
    for line in wrap(&line(&finding.title), width) {
        let _ = writeln!(out, "  {}", paint(BOLD, &line));
    }
    out += &excerpt(finding, on);
    for line in wrap(&clean(&finding.body), width) {
        let _ = writeln!(out, "  {line}");
    }
    if let Some(suggestion) = &finding.suggestion {
        let what = if suggestion.is_empty() { "suggested: delete it" } else { "suggested:" };
        let _ = writeln!(out, "  {}", paint(DIM, what));
        for line in clean(suggestion).lines() {
            let _ = writeln!(out, "       {} {}", paint(GREEN, "+"), paint(GREEN, line));
        }
    }
    out.push('\n');
    out
}

/// At most so many places are named of the lines that failed for one reason.
const FAILED_PLACES: usize = 20;

fn receipt(report: &Report, notes: &[&str], screen: &Screen) -> String {
    let mut out = String::new();
    for failure in report.coverage.failures(Words::english()) {
        let what = format!("{} not reviewed", plural(failure.changed_lines, "changed line"));
        let _ = writeln!(out, "{}: {}", paint(RED, &what), clean(&failure.reason));
        for place in failure.places.iter().take(FAILED_PLACES) {
            let _ = writeln!(out, "  {}", line(place));
        }
        if failure.places.len() > FAILED_PLACES {
            let _ = writeln!(out, "  {} and {} more", screen.signs().more, failure.places.len() - FAILED_PLACES);
        }
    }
    for line in &report.coverage.cut {
        let _ = writeln!(
            out,
            "{} {}:{}: only the beginning of this long line",
            paint(YELLOW, "cut"),
            self::line(&line.path),
            line.line
        );
    }
    // of a request that is not reviewed all of them are, and the headline says why
    let is_told = report.status == Status::NothingToReview && !report.summary.is_empty();
    for file in report.coverage.left_out().filter(|_| !is_told) {
        let lines = plural(file.changed_lines, "changed line");
        let _ = writeln!(out, "{}", paint(DIM, &format!("skipped {} ({}, {lines})", line(&file.path), file.reason)));
    }
    if report.coverage.elsewhere() > 0 {
        let lines = plural(report.coverage.elsewhere(), "changed line");
        let _ = writeln!(out, "{}", paint(DIM, &format!("{lines} in other shards of the review")));
    }
    for note in notes {
        let _ = writeln!(out, "{} {}", paint(YELLOW, "note"), clean(note));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The last lines: findings, coverage, cost and time.
fn closing(report: &Report, screen: &Screen, elapsed: Duration) -> String {
    let style = match report.status {
        Status::Incomplete => AnsiColor::Red.on_default().bold(),
        _ if report.findings.is_empty() => AnsiColor::Green.on_default().bold(),
        _ => BOLD,
    };
    let mut out = format!("{}\n", paint(style, &report.headline(Words::english())));
    let mut facts: Vec<String> = Vec::new();
    let counted = |reason| report.suppressed.iter().filter(|suppressed| suppressed.reason == reason).count();
    for reason in [Reason::Duplicate, Reason::BelowThreshold, Reason::Unanchored, Reason::Dismissed] {
        if counted(reason) > 0 {
            facts.push(format!("{} {}", counted(reason), reason.describe(Words::english())));
        }
    }
    let usage = &report.usage;
    if usage.requests > 0 {
        facts.push(plural(usize::try_from(usage.requests).unwrap_or(usize::MAX), "request"));
        facts.push(format!("{} tokens in, {} out", thousands(usage.input_tokens), thousands(usage.output_tokens)));
        let per_finding = report.usd_per_finding().map(|usd| format!(" ({} a finding)", dollars(Some(usd))));
        facts.push(report.cost.spent(Words::english()) + &per_finding.unwrap_or_default());
        facts.extend(report.cost.saved().map(|saved| format!("caching saved {saved}")));
    } else {
        facts.push("no model was called".to_owned());
    }
    facts.push(format!("{:.1} s", elapsed.as_secs_f64()));
    let _ = writeln!(out, "{}", paint(DIM, &facts.join(&format!(" {} ", screen.signs().dot))));
    if let Some(url) = &report.delivery.url {
        let posted = match report.delivery.posted {
            0 => String::new(),
            count => format!("posted {}, ", plural(count, "comment")),
        };
        let _ = writeln!(out, "{posted}summary: {}", line(url));
    }
    out
}

/// Breaks paragraphs into lines of at most `width` columns; lines of code keep theirs.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_fence = false;
    for paragraph in text.lines() {
        in_fence ^= paragraph.trim_start().starts_with("```");
        if in_fence || paragraph.starts_with("    ") || unicode_width::UnicodeWidthStr::width(paragraph) <= width {
            lines.push(paragraph.to_owned());
            continue;
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer =
                unicode_width::UnicodeWidthStr::width(line.as_str()) + 1 + unicode_width::UnicodeWidthStr::width(word);
            if !line.is_empty() && longer > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn text_is_wrapped_and_code_is_not() {
        let text = format!("{}\n```\n{}\n```", "word ".repeat(40), "x".repeat(150));
        let lines = wrap(&text, 96);
        assert!(lines.iter().filter(|line| !line.starts_with('x')).all(|line| line.len() <= 96));
        assert!(lines.contains(&"x".repeat(150)));
    }
}
