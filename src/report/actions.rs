//! What GitHub Actions reads from a step: annotations, outputs and the step summary.

use std::path::Path;

use std::collections::HashMap;

use super::Report;
use crate::diff::Side;
use crate::findings::Finding;
use crate::forge::Annotation;
use crate::severity::Severity;
use crate::status::Conclusion;
use crate::words::Words;

/// GitHub shows ten annotations of each level of a step; more would stand in the log alone.
const ANNOTATIONS: usize = 10;

/// The headline, and one workflow command for each finding, worst first, as far as they are shown.
pub fn annotations(report: &Report, words: &Words) -> String {
    commands(report, words, ANNOTATIONS)
}

/// The headline, and one workflow command for each finding, worst first.
pub fn document(report: &Report, words: &Words) -> String {
    commands(report, words, usize::MAX)
}

/// The headline, and at most so many workflow commands of each level.
fn commands(report: &Report, words: &Words, most: usize) -> String {
    let mut out = command("notice", &format!("Prudence: {}", report.headline(words)));
    let mut shown = HashMap::from([("notice", 1)]);
    for finding in &report.findings {
        let level = level(finding.severity);
        let count = shown.entry(level).or_insert(0);
        *count += 1;
        if *count <= most {
            out += &annotation(level, finding, words);
        }
    }
    out
}

pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::Major => "error",
        Severity::Minor => "warning",
        Severity::Info => "notice",
    }
}

fn annotation(level: &str, finding: &Finding, words: &Words) -> String {
    // a removed line has no number in the file as it is
    let lines = match finding.side {
        Side::Right => format!(",line={},endLine={}", finding.start_line, finding.end_line),
        Side::Left => String::new(),
    };
    format!(
        "::{level} file={}{lines},title={}::{}\n",
        property(&finding.path),
        property(&finding.title),
        data(&told(finding, words)),
    )
}

/// The text of a finding; one on removed lines says where they were.
pub(super) fn told(finding: &Finding, words: &Words) -> String {
    match finding.side {
        Side::Right => finding.body.clone(),
        Side::Left => {
            let place = words.line_before_the_change.with(&[("line", &finding.start_line)]);
            format!("{place} {}", finding.body)
        }
    }
}

/// A finding as a remark of a check run.
pub fn check_annotation(finding: &Finding, words: &Words) -> Annotation {
    let level = match level(finding.severity) {
        "error" => "failure",
        other => other,
    };
    let is_new = finding.side == Side::Right;
    Annotation {
        path: finding.path.clone(),
        start_line: if is_new { finding.start_line.max(1) } else { 1 },
        end_line: if is_new { finding.end_line.max(1) } else { 1 },
        level,
        title: super::clean::terminal(&finding.title),
        message: super::clean::terminal(&told(finding, words)),
    }
}

/// A line in the log that people see on the run's page.
fn command(level: &str, message: &str) -> String {
    format!("::{level}::{}\n", data(message))
}

/// The annotation of a run that reviewed nothing: the cause; the log and the summary have the remedy.
pub fn failure(message: &str) -> String {
    format!("::error title=Prudence::{}\n", data(message.lines().next().unwrap_or_default()))
}

/// Text as the value of a workflow command. What cannot be seen appears as escapes: the log shows it, too.
fn data(text: &str) -> String {
    super::clean::terminal(text).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The step's outputs, by the names of the interface.
/// `files` are the JSON report, the SARIF log and the page, where they are written.
pub fn outputs(report: &Report, conclusion: Conclusion, files: [Option<&Path>; 3]) -> Vec<(&'static str, String)> {
    let [report_path, sarif_path, page_path] =
        files.map(|path| path.map_or(String::new(), |path| path.display().to_string()));
    let count = |severity| report.standing().filter(|finding| finding.severity == severity).count().to_string();
    let usd = |usd: Option<f64>| usd.map_or(String::new(), |usd| format!("{usd:.6}"));
    vec![
        ("status", report.status.as_str().to_owned()),
        ("conclusion", conclusion.as_str().to_owned()),
        ("findings", report.standing().count().to_string()),
        ("critical", count(Severity::Critical)),
        ("major", count(Severity::Major)),
        ("minor", count(Severity::Minor)),
        ("info", count(Severity::Info)),
        ("posted", report.delivery.posted.to_string()),
        ("cost-usd", usd(report.cost.usd)),
        ("total-cost-usd", usd(report.cost.total_usd)),
        ("input-tokens", report.usage.input_tokens.to_string()),
        ("output-tokens", report.usage.output_tokens.to_string()),
        ("report", report_path),
        ("channel", report.delivery.channel.as_str().to_owned()),
        ("summary-url", report.delivery.url.clone().unwrap_or_default()),
        ("sarif", sarif_path),
        ("html", page_path),
    ]
}

/// Outputs in the form of the `GITHUB_OUTPUT` file. None of them has a line break, whatever stood in them.
pub fn output_lines(outputs: &[(&'static str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("{name}={}\n", value.replace(['\n', '\r'], " "));
    outputs.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_cannot_be_injected() {
        assert_eq!(command("notice", "a\n::error::b 100%"), "::notice::a%0A::error::b 100%25\n");
        assert_eq!(property("a,b:c\n"), "a%2Cb%3Ac%0A");
        assert_eq!(data("a\r\u{1b}[2J\u{9b}m"), "a\\u{d}\\u{1b}[2J\\u{9b}m");
        assert_eq!(output_lines(&[("report", "a\nstatus=evil".into())]), "report=a status=evil\n");
    }
}
