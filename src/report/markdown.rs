//! Markdown: the line comments, the summary comment, and the whole report as a document.

use std::fmt::Write as _;

use super::clean::{block, bold, cell, code, markdown};
use super::{Failure, Report, SkippedFile, Status, dollars, place, plural, thousands};
use crate::diff::Side;
use crate::findings::{Finding, Reason, Suppressed};
use crate::forge::Host;
use crate::forge::gitlab::quick_action::without_commands;
use crate::marks::{self, SUMMARY_MARK, State};
use crate::severity::Severity;
use crate::text::fenced;

/// Characters that a comment may have: GitHub takes 65,536.
const LONGEST_COMMENT: usize = 65_000;

/// Entries of a list where there is not room for all of any number.
const MOST_LISTED: usize = 100;

/// A line comment for this kind of host.
pub fn comment(finding: &Finding, host: Host) -> String {
    let mut out = format!("{}\n\n{}\n", heading(finding), markdown(&finding.body));
    if let Some(suggestion) = &finding.suggestion {
        let info = suggestion_info(finding, suggestion, host).unwrap_or_default();
        let _ = write!(out, "\n{}\n", fenced(&info, &block(suggestion)));
    }
    let mut out = cut(&out, LONGEST_COMMENT);
    if host == Host::GitLab {
        let _ = write!(out, "\n{}", marks::of_path(&finding.path));
    }
    let _ = write!(out, "\n{}", marks::of_finding(&finding.id));
    out
}

/// What makes a fence one whose code takes the place of the finding's lines with a click. `None` where the host cannot.
fn suggestion_info(finding: &Finding, suggestion: &str, host: Host) -> Option<String> {
    /// Lines above the last one that GitLab replaces at most.
    const MOST_ABOVE: u32 = 100;
    // with one of our marks or with something invisible in it, it cannot be shown as it is
    if finding.side == Side::Left || block(suggestion) != suggestion.replace("\r\n", "\n") {
        return None;
    }
    match host {
        Host::GitHub => Some("suggestion".to_owned()),
        Host::GitLab => {
            let above = finding.end_line - finding.start_line;
            // a line that looks like a quick action gets a mark, which must not get into the code
            let is_plain = without_commands(&fenced("suggestion", suggestion)) == fenced("suggestion", suggestion);
            (above <= MOST_ABOVE && is_plain).then(|| format!("suggestion:-{above}+0"))
        }
    }
}

/// `🔴 **title** · critical · security`.
fn heading(finding: &Finding) -> String {
    let what = finding.rule.as_deref().unwrap_or(finding.category.as_str());
    format!("{} **{}** · {} · {what}", icon(finding.severity), bold(&finding.title), finding.severity)
}

fn icon(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::Major => "🟠",
        Severity::Minor => "🟡",
        Severity::Info => "🔵",
    }
}

/// The text of the review that carries the line comments.
pub fn review_body(count: usize) -> String {
    match count {
        0 => "Prudence asks for changes; the summary comment says why.".to_owned(),
        count => format!("Prudence left {}; the summary comment has the rest.", plural(count, "comment")),
    }
}

/// The one summary comment of a request. `unplaced` are the findings that could not be put on their lines.
pub fn summary(report: &Report, unplaced: &[&Finding], state: &State, run_url: Option<&str>) -> String {
    let paused = if state.paused { format!("\n{PAUSED}") } else { String::new() };
    let tail = format!("{paused}\n{SUMMARY_MARK}\n{}", state.mark());
    let room = LONGEST_COMMENT.saturating_sub(tail.chars().count());
    let lists = Lists { most: MOST_LISTED, waiting: room / 2 };
    let text = fit(&opening(report), &not_on_lines(unplaced), &below(report, run_url, lists), room);
    format!("{text}\n{tail}")
}

/// Stands in a summary comment while reviews are paused.
const PAUSED: &str = "⏸️ **Paused**: `/prudence resume` takes the reviews up again.\n";

/// A summary comment with another state; the text of an existing one stays, as far as there is room for it.
pub fn with_state(existing: Option<&str>, state: &State) -> String {
    let text = existing.map(|body| body.split(SUMMARY_MARK).next().unwrap_or_default().replace(PAUSED, ""));
    let text = text.unwrap_or_else(|| "## Prudence has not reviewed this request yet\n".to_owned());
    let paused = if state.paused { format!("\n{PAUSED}") } else { String::new() };
    let tail = format!("\n{paused}\n{SUMMARY_MARK}\n{}", state.mark());
    let room = LONGEST_COMMENT.saturating_sub(tail.chars().count());
    without_details(text.trim_end(), room) + &tail
}

/// A text with as many of its folded lists as there is room for; what is left out is told.
fn without_details(text: &str, room: usize) -> String {
    let mut text = text.to_owned();
    while text.chars().count() > room {
        let last = text.rfind("<details>").and_then(|from| Some((from, from + text[from..].find("</details>")? + 10)));
        match last {
            Some((from, to)) => text.replace_range(from..to, "_(a list had no room)_"),
            // the headline is what is left
            None => return text.lines().next().unwrap_or_default().chars().take(room).collect(),
        }
    }
    text
}

/// The report as a document: all findings with their code, then what the summary comment has.
pub fn document(report: &Report) -> String {
    fit(
        &opening(report),
        &entries(&report.findings),
        &below(report, None, Lists { most: usize::MAX, waiting: usize::MAX }),
        usize::MAX,
    ) + "\n"
}

/// The step summary of GitHub Actions, which may have 1 MiB: no character takes more than four bytes.
pub fn step_summary(report: &Report) -> String {
    within(report, 250_000)
}

/// The text of a check run, which may have 65,535 characters.
pub fn check_summary(report: &Report) -> String {
    within(report, 60_000)
}

fn within(report: &Report, room: usize) -> String {
    let lists = Lists { most: MOST_LISTED, waiting: room / 2 };
    fit(&opening(report), &entries(&report.findings), &below(report, None, lists), room) + "\n"
}

/// How long the lists may be.
#[derive(Clone, Copy)]
struct Lists {
    /// Entries of each.
    most: usize,
    /// Characters of the list of findings over the comment limit, which stand nowhere else on a request.
    waiting: usize,
}

/// What stands below the findings: the receipt, the bill, and what is not among them.
fn below(report: &Report, run_url: Option<&str>, lists: Lists) -> Vec<String> {
    let most = lists.most;
    let sections = [
        Some(receipt(report)),
        Some(bill(report)),
        not_reviewed(report, most),
        listed(report, Reason::OverCommentLimit, "more finding", "over the comment limit", lists.waiting),
        listed(report, Reason::AlreadyPosted, "finding", "posted by earlier runs", most.saturating_mul(LINE)),
        listed(
            report,
            Reason::Unanchored,
            "dropped finding",
            "whose quoted code is not in the change",
            most.saturating_mul(LINE),
        ),
        left_out(report, most),
        suppressed(report),
        notes(report, most),
        Some(footer(report, run_url)),
    ];
    sections.into_iter().flatten().collect()
}

/// Characters of a usual line in a list of findings.
const LINE: usize = 120;

fn opening(report: &Report) -> String {
    let sign = match report.status {
        Status::NothingToReview => "⏭️",
        Status::Incomplete => "⚠️",
        _ if report.standing().any(|finding| finding.severity >= Severity::Major) => "🔎",
        _ => "✅",
    };
    let mut out = format!("## {sign} Prudence: {}", cell(&report.headline()));
    if !report.summary.is_empty() && report.status != Status::NothingToReview {
        // what the model says is about what it saw
        let of_new = if report.coverage.remembered() > 0 { "In the new code:\n\n" } else { "" };
        let _ = write!(out, "\n\n{of_new}{}", markdown(&report.summary));
    }
    if report.standing().next().is_some() {
        out += "\n\n| severity | findings |\n|---|---|";
        for (severity, count) in report.by_severity() {
            let _ = write!(out, "\n| {} {} | {count} |", icon(severity.0), severity.0);
        }
    }
    out
}

/// A finding with its place and its code.
fn entry(finding: &Finding) -> String {
    let mut out = format!("### {}\n\n{}\n\n", heading(finding), code(&place::name(finding)));
    out += &fenced("", &cut(&block(&finding.quote), 2000));
    let _ = write!(out, "\n\n{}", markdown(&finding.body));
    if let Some(suggestion) = &finding.suggestion {
        let _ = write!(out, "\n\nSuggested:\n\n{}", fenced("", &block(suggestion)));
    }
    out
}

/// A finding in full, and on one line for where that does not fit.
struct Entry {
    whole: String,
    short: String,
}

impl Entry {
    fn new(finding: &Finding) -> Entry {
        let short = format!("- {} {} {}", icon(finding.severity), code(&place::name(finding)), cell(&finding.title));
        Entry { whole: entry(finding), short }
    }
}

fn entries<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Entry> {
    findings.into_iter().map(Entry::new).collect()
}

fn not_on_lines(unplaced: &[&Finding]) -> Vec<Entry> {
    const TITLE: &str = "**Could not be placed on the lines of the diff**\n\n";
    let mut entries = entries(unplaced.iter().copied());
    if let Some(first) = entries.first_mut() {
        first.whole.insert_str(0, TITLE);
        first.short.insert_str(0, TITLE);
    }
    entries
}

/// Findings that are not shown on their lines: what came after the limit, and what has no lines in the change.
/// The list has at most `room` characters.
fn listed(report: &Report, reason: Reason, noun: &str, why: &str, room: usize) -> Option<String> {
    let found: Vec<&Suppressed> = report.suppressed.iter().filter(|suppressed| suppressed.reason == reason).collect();
    let line = |suppressed: &&Suppressed| {
        let finding = &suppressed.finding;
        format!("{} {} {}", icon(finding.severity), code(&place::name(finding)), cell(&finding.title))
    };
    let title = format!("{}, {why}", plural(found.len(), noun));
    let mut used = 0_usize;
    let fits = |suppressed: &&&Suppressed| {
        used = used.saturating_add(line(suppressed).chars().count() + 3);
        used <= room
    };
    let most = found.iter().take_while(fits).count();
    (!found.is_empty()).then(|| format!("{}\n{}\n</details>", details(&title), list(&found, most, line)))
}

/// One line for each item, and the number of those after the first `most`.
fn list<T>(items: &[T], most: usize, line: impl Fn(&T) -> String) -> String {
    let mut lines: Vec<String> = items.iter().take(most).map(|item| format!("- {}", line(item))).collect();
    if items.len() > most {
        lines.push(format!("- … and {} more", items.len() - most));
    }
    lines.join("\n")
}

fn details(title: &str) -> String {
    format!("<details><summary>{title}</summary>\n")
}

/// The coverage receipt.
fn receipt(report: &Report) -> String {
    let coverage = &report.coverage;
    format!(
        "**Coverage**: {} in {}: {}",
        plural(coverage.changed_lines, "changed line"),
        plural(coverage.files, "file"),
        coverage.parts()
    )
}

/// The lines that nobody looked at, and those of which only a part was seen.
fn not_reviewed(report: &Report, most: usize) -> Option<String> {
    let failure = |failure: &Failure| {
        let lines = plural(failure.changed_lines, "changed line");
        let places = list(&failure.places, most, |place| code(place));
        format!("⚠️ **{lines} not reviewed**: {}\n\n{places}\n", cell(&failure.reason))
    };
    let failed = report.coverage.failures().iter().map(failure).collect::<Vec<_>>().join("\n");
    let cut = list(&report.coverage.cut, most, |line| {
        format!("{} line {}: only its beginning was reviewed, it is too long", code(&line.path), line.line)
    });
    let text = format!("{failed}\n{cut}").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The files that are not reviewed on purpose.
fn left_out(report: &Report, most: usize) -> Option<String> {
    if report.status == Status::NothingToReview && !report.summary.is_empty() {
        // all of them are, and the headline says why
        return None;
    }
    let skipped: Vec<&SkippedFile> = report.coverage.left_out().collect();
    let files = list(&skipped, most, |file| {
        format!("{}: {} ({})", code(&file.path), cell(&file.reason), plural(file.changed_lines, "changed line"))
    });
    let title = format!("{} skipped", plural(skipped.len(), "file"));
    (!skipped.is_empty()).then(|| format!("{}\n{files}\n</details>", details(&title)))
}

/// The cost table.
fn bill(report: &Report) -> String {
    let (usage, cost) = (&report.usage, &report.cost);
    if usage.requests == 0 {
        return "**Cost**: $0, no model was called".to_owned();
    }
    let models: Vec<String> = cost.models.iter().map(|model| code(&model.model)).collect();
    let saved = cost.saved().map_or_else(String::new, |saved| format!(" (saved {saved})"));
    let per_finding = report.usd_per_finding().map(|usd| format!(" ({} a finding)", dollars(Some(usd))));
    let mut out = format!(
        "| model | requests | input tokens | of these cached | output tokens | this run | so far |\n|---|---|---|---|---|---|---|\n\
         | {} | {} | {} | {}{saved} | {} | {}{} | {} |",
        models.join(", "),
        usage.requests,
        thousands(usage.input_tokens),
        thousands(usage.cached_input_tokens),
        thousands(usage.output_tokens),
        cost.spent(),
        per_finding.unwrap_or_default(),
        dollars(cost.total_usd),
    );
    if let Some(limit) = cost.limit_usd {
        let _ = write!(out, "\n\nLimit of a run: {}", dollars(Some(limit)));
    }
    out
}

fn suppressed(report: &Report) -> Option<String> {
    let mut counts: Vec<(Reason, usize)> = Vec::new();
    let is_listed = |reason| matches!(reason, Reason::OverCommentLimit | Reason::Unanchored | Reason::AlreadyPosted);
    for suppressed in report.suppressed.iter().filter(|suppressed| !is_listed(suppressed.reason)) {
        match counts.iter_mut().find(|(reason, _)| *reason == suppressed.reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((suppressed.reason, 1)),
        }
    }
    let list: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {}", reason.describe())).collect();
    (!list.is_empty()).then(|| format!("**Not reported**: {}", list.join(", ")))
}

fn notes(report: &Report, most: usize) -> Option<String> {
    let notes = &report.delivery.notes;
    (!notes.is_empty()).then(|| list(notes, most, |note| cell(note)))
}

fn footer(report: &Report, run_url: Option<&str>) -> String {
    let head = report
        .change
        .head_sha
        .as_deref()
        .map_or(String::new(), |sha| format!(" · head {}", sha.chars().take(9).collect::<String>()));
    let run = run_url.map_or(String::new(), |url| format!(" · [run]({url})"));
    format!("<sub>prudence {} · prompt {}{head}{run}</sub>", report.tool.version, report.tool.prompt)
}

/// Joins all that fits into `room` characters: a line for each finding, then what stands below, then the findings in
/// full. No section is torn, and what is missing is told.
fn fit(opening: &str, findings: &[Entry], below: &[String], room: usize) -> String {
    const LEFT_OUT: &str = "_More did not fit here; the JSON report has all of it._";
    let used = opening.chars().count() + LEFT_OUT.len() + 4;
    let lines: usize = findings.iter().map(|entry| length(&[&entry.short])).sum();
    let below_kept = kept(below, room.saturating_sub(used + lines));
    let used = used + length(&below_kept);
    let findings_kept = findings_kept(findings, room.saturating_sub(used));
    let is_whole =
        findings.len() == findings_kept.len() && findings.iter().zip(&findings_kept).all(|(e, k)| e.whole == **k);
    let is_cut = below_kept.len() < below.len() || !is_whole;
    let sections = [opening].into_iter().chain(findings_kept).chain(below_kept);
    sections.chain(is_cut.then_some(LEFT_OUT)).collect::<Vec<_>>().join("\n\n")
}

/// Each finding in full as long as the others keep room for their lines.
fn findings_kept(findings: &[Entry], room: usize) -> Vec<&str> {
    let mut lines: usize = findings.iter().map(|entry| length(&[&entry.short])).sum();
    let mut left = room;
    let mut kept = Vec::new();
    for entry in findings {
        lines -= length(&[&entry.short]);
        let forms = [(entry.whole.as_str(), lines), (entry.short.as_str(), 0)];
        let fitting = forms.into_iter().find(|(form, others)| length(&[form]).saturating_add(*others) <= left);
        if let Some((form, _)) = fitting {
            left -= length(&[form]);
            kept.push(form);
        }
    }
    kept
}

/// The sections that fit, in their order.
fn kept(sections: &[String], room: usize) -> Vec<&str> {
    let mut kept = Vec::new();
    for section in sections {
        kept.push(section.as_str());
        if length(&kept) > room {
            kept.pop();
        }
    }
    kept
}

/// Characters of sections with the empty lines between them.
fn length(sections: &[&str]) -> usize {
    sections.iter().map(|section| section.chars().count() + 2).sum()
}

/// The first `most` characters, and a mark where more would follow. An open fence is closed.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(20)).collect();
    if out.matches("\n```").count() % 2 == 1 {
        out += "\n```";
    }
    out + "\n… (cut)"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_with_a_mark_and_a_closed_fence() {
        let text = format!("intro\n```\n{}\n```", "x".repeat(500));
        let cut = cut(&text, 100);
        assert!(cut.chars().count() <= 110 && cut.ends_with("\n```\n… (cut)"), "{cut}");
    }

    #[test]
    fn sections_are_never_torn_and_the_receipt_goes_first() {
        let section = |letter: &str, count: usize| letter.repeat(count);
        let entry = |letter: &str, count| Entry { whole: section(letter, count), short: letter.to_uppercase() };
        let findings = [entry("a", 50), entry("b", 500), entry("c", 50)];
        let below = [section("d", 100)];
        let check = |room: usize, expected: &[&str]| {
            let text = fit("top", &findings, &below, room);
            let letters: Vec<String> = text.split("\n\n").map(|part| part.chars().take(1).collect()).collect();
            assert_eq!(letters, expected, "{text}");
            assert!(text.chars().count() <= room);
        };
        check(1000, &["t", "a", "b", "c", "d"]);
        check(400, &["t", "a", "B", "c", "d", "_"]);
        check(180, &["t", "A", "B", "C", "d", "_"]);
        check(166, &["t", "a", "B", "C", "_"]);
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(list(&["a", "b", "c"], 2, |text| (*text).to_owned()), "- a\n- b\n- … and 1 more");
        assert_eq!(list(&["a"], 2, |text| (*text).to_owned()), "- a");
    }
}
