//! The report on a terminal: colours by `anstyle`, which the writer drops where the terminal has none.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::clean::{line, terminal as clean};
use super::place::{self, Place};
use super::{Report, Status, dollars, plural, thousands};
use crate::diff::{Diff, Hunk, LineKind, inline};
use crate::findings::{Finding, Reason, similar};
use crate::meaning::Vectors;
use crate::severity::Severity;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const UNDERLINE: Style = Style::new().underline().bold();

/// `text` in a style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::Major => AnsiColor::Yellow.on_default().bold(),
        Severity::Minor => AnsiColor::Cyan.on_default().bold(),
        Severity::Info => AnsiColor::Blue.on_default().bold(),
    }
}

/// What stands below the findings: what did not fit, the receipt, and the closing lines.
/// `shown` are the findings that were printed while the review ran, `notes` those that were not printed before.
pub fn report(report: &Report, shown: &[Finding], notes: &[&String], elapsed: Duration) -> String {
    let mut out = String::new();
    let is_shown = |finding: &Finding| shown.iter().any(|known| similar::is_same(known, finding, &Vectors::default()));
    let over = report.suppressed.iter().filter(|s| s.reason == Reason::OverCommentLimit && !is_shown(&s.finding));
    let over: Vec<_> = over.collect();
    if !over.is_empty() {
        let what = format!("{} over the limit of comments:", plural(over.len(), "more finding"));
        let _ = writeln!(out, "{}", paint(BOLD, &what));
        for suppressed in over {
            let finding = &suppressed.finding;
            let _ = writeln!(out, "  {} {} {}", level(finding.severity), place(finding), line(&finding.title));
        }
        out.push('\n');
    }
    out + &receipt(report, notes) + &closing(report, elapsed)
}

fn level(severity: Severity) -> String {
    paint(colour(severity), severity.as_str())
}

fn place(finding: &Finding) -> String {
    paint(BOLD, &format!("{}:{}", line(&finding.path), finding.start_line))
}

/// One finding: where and what, the code, the text, the replacement.
pub fn finding(finding: &Finding, diff: &Diff) -> String {
    let what = finding.rule.as_deref().unwrap_or(finding.category.as_str());
    let mut out = format!("{} {} {}\n", level(finding.severity), place(finding), paint(DIM, what));
    let _ = writeln!(out, "  {}", paint(BOLD, &line(&finding.title)));
    out += &excerpt(finding, diff);
    for line in wrap(&clean(&finding.body), 96) {
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

/// At most so many lines of code are shown of a finding.
const EXCERPT_LINES: usize = 8;

/// The lines in question with one before and one after, as the diff has them.
fn excerpt(finding: &Finding, diff: &Diff) -> String {
    let Some(Place { hunk, lines }) = Place::of(finding, diff) else { return String::new() };
    let (first, last) = (*lines.start(), *lines.end());
    let from = first.saturating_sub(1);
    let to = (last + 2).min(hunk.lines.len()).min(from + EXCERPT_LINES);
    let width = hunk.lines[from..to].iter().map(|line| line.number().to_string().len()).max().unwrap_or(1);
    let mut out = String::new();
    for index in from..to {
        let line = &hunk.lines[index];
        let gutter = paint(DIM, &format!("{:>width$} │", line.number()));
        let arrow =
            if place::is_meant(finding, line) { paint(colour(finding.severity), "▸") } else { " ".to_owned() };
        let _ = writeln!(out, "  {arrow} {gutter} {}", code(hunk, index));
    }
    if last + 1 > to {
        let _ = writeln!(out, "  {}", paint(DIM, &format!("  … {}", plural(last + 1 - to, "more line"))));
    }
    out
}

/// A line of code in its colour; what is new inside an added line is underlined.
fn code(hunk: &Hunk, index: usize) -> String {
    const LONGEST: usize = 200;
    let line = &hunk.lines[index];
    let text: String = line.text().chars().take(LONGEST).collect();
    match line.kind {
        LineKind::Context => format!("  {}", clean(&text)),
        LineKind::Removed => paint(RED, &format!("- {}", clean(&text))),
        LineKind::Added => {
            let parts = inline::replaced_line(hunk, index)
                .map(|old| inline::changed_parts(&old.text(), &text))
                .unwrap_or_default();
            let mut out = paint(GREEN, "+ ");
            let mut at = 0;
            for part in parts {
                out += &paint(GREEN, &clean(&text[at..part.start]));
                out += &paint(UNDERLINE.fg_color(Some(AnsiColor::Green.into())), &clean(&text[part.clone()]));
                at = part.end;
            }
            out + &paint(GREEN, &clean(&text[at..]))
        }
    }
}

/// At most so many places are named of the lines that failed for one reason.
const FAILED_PLACES: usize = 20;

fn receipt(report: &Report, notes: &[&String]) -> String {
    let mut out = String::new();
    for failure in report.coverage.failures() {
        let what = format!("{} not reviewed", plural(failure.changed_lines, "changed line"));
        let _ = writeln!(out, "{}: {}", paint(RED, &what), clean(&failure.reason));
        for place in failure.places.iter().take(FAILED_PLACES) {
            let _ = writeln!(out, "  {}", line(place));
        }
        if failure.places.len() > FAILED_PLACES {
            let _ = writeln!(out, "  … and {} more", failure.places.len() - FAILED_PLACES);
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
    for note in notes {
        let _ = writeln!(out, "{} {}", paint(YELLOW, "note"), clean(note));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The last lines: findings, coverage, cost and time.
fn closing(report: &Report, elapsed: Duration) -> String {
    let style = match report.status {
        Status::Incomplete => AnsiColor::Red.on_default().bold(),
        _ if report.findings.is_empty() => AnsiColor::Green.on_default().bold(),
        _ => BOLD,
    };
    let mut out = format!("{}\n", paint(style, &report.headline()));
    let mut facts: Vec<String> = Vec::new();
    let counted = |reason| report.suppressed.iter().filter(|suppressed| suppressed.reason == reason).count();
    for reason in [Reason::Duplicate, Reason::BelowThreshold, Reason::Unanchored, Reason::Dismissed] {
        if counted(reason) > 0 {
            facts.push(format!("{} {}", counted(reason), reason.describe()));
        }
    }
    let usage = &report.usage;
    if usage.requests > 0 {
        facts.push(plural(usize::try_from(usage.requests).unwrap_or(usize::MAX), "request"));
        facts.push(format!("{} tokens in, {} out", thousands(usage.input_tokens), thousands(usage.output_tokens)));
        let per_finding = report.usd_per_finding().map(|usd| format!(" ({} a finding)", dollars(Some(usd))));
        facts.push(report.cost.spent() + &per_finding.unwrap_or_default());
        facts.extend(report.cost.saved().map(|saved| format!("caching saved {saved}")));
    } else {
        facts.push("no model was called".to_owned());
    }
    facts.push(format!("{:.1} s", elapsed.as_secs_f64()));
    let _ = writeln!(out, "{}", paint(DIM, &facts.join(" · ")));
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
    use crate::diff::parse;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_new_words_of_a_replaced_line_are_underlined() {
        let diff = parse(
            "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n c\n-let a = one(1);\n-let b = 2;\n+let a = one(2);\n+let b = 2;\n",
        )
        .unwrap();
        let hunk = &diff.files[0].hunks()[0];
        let painted = code(hunk, 3);
        assert_eq!(plain(&painted), "+ let a = one(2);");
        assert!(painted.contains(&UNDERLINE.fg_color(Some(AnsiColor::Green.into())).to_string()), "{painted:?}");
    }

    #[test]
    fn text_is_wrapped_and_code_is_not() {
        let text = format!("{}\n```\n{}\n```", "word ".repeat(40), "x".repeat(150));
        let lines = wrap(&text, 96);
        assert!(lines.iter().filter(|line| !line.starts_with('x')).all(|line| line.len() <= 96));
        assert!(lines.contains(&"x".repeat(150)));
    }
}
