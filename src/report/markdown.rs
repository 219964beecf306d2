//! Markdown: the line comments, the summary comment, and the whole report as a document.

use std::fmt::Write as _;

use super::clean::{block, bold, cell, code, markdown};
use super::{CutLine, Failure, Report, SkippedFile, Status, dollars, dollars_in, place, thousands};
use crate::diff::Side;
use crate::findings::standing::no_details;
use crate::findings::{Finding, Reason, Suppressed};
use crate::forge::Host;
use crate::forge::gitlab::quick_action::without_commands;
use crate::marks::{self, SUMMARY_MARK, State};
use crate::severity::Severity;
use crate::text::fenced;
use crate::words::{Counted, Phrase, Words, table_head};

/// Characters that a comment may have: GitHub takes 65,536.
const LONGEST_COMMENT: usize = 65_000;

/// Entries of a list where there is not room for all of any number.
const MOST_LISTED: usize = 100;

/// A line comment for this kind of host.
pub fn comment(finding: &Finding, host: Host, words: &Words) -> String {
    let mut out = format!("{}\n\n{}\n", heading(finding, words), body(finding, words));
    if let Some(suggestion) = &finding.suggestion {
        let info = suggestion_info(finding, suggestion, host).unwrap_or_default();
        let _ = write!(out, "\n{}\n", fenced(&info, &block(suggestion)));
    }
    let mut out = cut(&out, LONGEST_COMMENT, words);
    let kind = finding.rule.as_deref().unwrap_or(finding.category.as_str());
    if !heading(finding, words).ends_with(&format!(" · {} · {kind}", finding.severity)) {
        // a later run may speak another language
        let _ = write!(out, "\n{}", marks::of_kind(finding.severity, kind));
    }
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
fn heading(finding: &Finding, words: &Words) -> String {
    // a rule has the name by which the configuration switches it off
    let kind = finding.rule.as_deref().unwrap_or_else(|| words.category(finding.category));
    let severity = words.severity(finding.severity);
    format!("{} **{}** · {severity} · {kind}", icon(finding.severity), bold(&finding.title))
}

/// What a finding says.
fn body(finding: &Finding, words: &Words) -> String {
    if finding.body == no_details() { words.no_details.to_string() } else { markdown(&finding.body) }
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
pub fn review_body(count: usize, words: &Words) -> String {
    match count {
        0 => words.review_asks.to_string(),
        count => words.review_comments.with(&[("comments", &words.comments.of(count))]),
    }
}

/// The one summary comment of a request. `unplaced` are the findings that could not be put on their lines.
pub fn summary(report: &Report, unplaced: &[&Finding], state: &State, run_url: Option<&str>, words: &Words) -> String {
    let tail = format!("{}\n{SUMMARY_MARK}\n{}", paused(state, words), state.mark());
    let room = LONGEST_COMMENT.saturating_sub(tail.chars().count());
    let lists = Lists { most: MOST_LISTED, waiting: room / 2 };
    let page = Page { report, words };
    let text = page.fit(&page.not_on_lines(unplaced), &page.below(run_url, lists), room);
    format!("{text}\n{tail}")
}

/// Begins the line that a summary comment ends with while reviews are paused, whatever its language.
const PAUSED: &str = "⏸️ ";

fn paused(state: &State, words: &Words) -> String {
    if state.paused { format!("\n{PAUSED}{}\n", words.paused) } else { String::new() }
}

/// A text without the line that tells of a pause, which is its last one.
fn unpaused(text: &str) -> &str {
    let text = text.trim_end();
    let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
    if last.starts_with(PAUSED) { before.trim_end() } else { text }
}

/// A summary comment with another state; the text of an existing one stays, as far as there is room for it.
pub fn with_state(existing: Option<&str>, state: &State, words: &Words) -> String {
    let unreviewed = || format!("## {}", words.not_reviewed_yet);
    let text = existing.map(|body| unpaused(body.split(SUMMARY_MARK).next().unwrap_or_default()).to_owned());
    let text = text.unwrap_or_else(unreviewed);
    let tail = format!("\n{}\n{SUMMARY_MARK}\n{}", paused(state, words), state.mark());
    let room = LONGEST_COMMENT.saturating_sub(tail.chars().count());
    without_details(&text, room, words) + &tail
}

/// A text with as many of its folded lists as there is room for; what is left out is told.
fn without_details(text: &str, room: usize, words: &Words) -> String {
    let mut text = text.to_owned();
    while text.chars().count() > room {
        let last = text.rfind("<details>").and_then(|from| Some((from, from + text[from..].find("</details>")? + 10)));
        match last {
            Some((from, to)) => text.replace_range(from..to, words.list_left_out.as_str()),
            // the headline is what is left
            None => {
                let told = format!("\n\n{}", words.more_left_out);
                let headline = text.lines().next().unwrap_or_default();
                return cut(headline, room.saturating_sub(told.chars().count()), words) + &told;
            }
        }
    }
    text
}

/// The report as a document: all findings with their code, then what the summary comment has.
pub fn document(report: &Report, words: &Words) -> String {
    Page { report, words }.whole(usize::MAX, Lists { most: usize::MAX, waiting: usize::MAX })
}

/// The step summary of GitHub Actions, which may have 1 MiB: no character takes more than four bytes.
pub fn step_summary(report: &Report, words: &Words) -> String {
    within(report, 250_000, words)
}

/// The text of a check run, which may have 65,535 characters.
pub fn check_summary(report: &Report, words: &Words) -> String {
    within(report, 60_000, words)
}

fn within(report: &Report, room: usize, words: &Words) -> String {
    Page { report, words }.whole(room, Lists { most: MOST_LISTED, waiting: room / 2 })
}

/// How long the lists may be.
#[derive(Clone, Copy)]
struct Lists {
    /// Entries of each.
    most: usize,
    /// Characters of the list of findings over the comment limit, which stand nowhere else on a request.
    waiting: usize,
}

/// Characters of a usual line in a list of findings.
const LINE: usize = 120;

/// A report on its way into Markdown, in a language.
#[derive(Clone, Copy)]
struct Page<'a> {
    report: &'a Report,
    words: &'a Words,
}

impl Page<'_> {
    /// The findings with their code, and all that stands below them.
    fn whole(self, room: usize, lists: Lists) -> String {
        let findings: Vec<Entry> = self.report.findings.iter().map(|finding| Entry::new(finding, self.words)).collect();
        self.fit(&findings, &self.below(None, lists), room) + "\n"
    }

    /// What stands below the findings: the receipt, the bill, and what is not among them.
    fn below(self, run_url: Option<&str>, lists: Lists) -> Vec<String> {
        let (words, most) = (self.words, lists.most);
        let usual = most.saturating_mul(LINE);
        let sections = [
            Some(self.receipt()),
            Some(self.bill()),
            self.not_reviewed(most),
            self.listed(Reason::OverCommentLimit, &words.over_limit, lists.waiting),
            self.listed(Reason::AlreadyPosted, &words.posted_earlier, usual),
            self.listed(Reason::Unanchored, &words.dropped, usual),
            self.left_out(most),
            self.suppressed(),
            self.notes(most),
            Some(self.footer(run_url)),
        ];
        sections.into_iter().flatten().collect()
    }

    fn opening(self) -> String {
        let (report, words) = (self.report, self.words);
        let sign = match report.status {
            Status::NothingToReview => "⏭️",
            Status::Incomplete => "⚠️",
            _ if report.standing().any(|finding| finding.severity >= Severity::Major) => "🔎",
            _ => "✅",
        };
        let mut out = format!("## {sign} Prudence: {}", cell(&report.headline(words)));
        if !report.summary.is_empty() && report.status != Status::NothingToReview {
            // what the model says is about what it saw
            let of_new =
                if report.coverage.remembered() > 0 { format!("{}\n\n", words.in_new_code) } else { String::new() };
            let _ = write!(out, "\n\n{of_new}{}", markdown(&report.summary));
        }
        if report.standing().next().is_some() {
            let _ = write!(out, "\n\n{}", table_head(&words.severity_columns));
            for (severity, count) in report.by_severity() {
                let _ = write!(out, "\n| {} {} | {count} |", icon(severity.0), words.severity(severity.0));
            }
        }
        out
    }

    fn not_on_lines(self, unplaced: &[&Finding]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = unplaced.iter().map(|finding| Entry::new(finding, self.words)).collect();
        if let Some(first) = entries.first_mut() {
            let title = format!("{}\n\n", self.words.not_placed);
            first.whole.insert_str(0, &title);
            first.short.insert_str(0, &title);
        }
        entries
    }

    /// Findings that are not shown on their lines: what came after the limit, and what has no lines in the change.
    /// The list has at most `room` characters.
    fn listed(self, reason: Reason, title: &Counted, room: usize) -> Option<String> {
        let of_reason = self.report.suppressed.iter().filter(|suppressed| suppressed.reason == reason);
        let found: Vec<&Suppressed> = of_reason.collect();
        let line = |suppressed: &&Suppressed| one_line(&suppressed.finding, self.words);
        let mut used = 0_usize;
        let fits = |suppressed: &&&Suppressed| {
            used = used.saturating_add(line(suppressed).chars().count() + 3);
            used <= room
        };
        let most = found.iter().take_while(fits).count();
        let list = || list(&found, most, line, self.words);
        (!found.is_empty()).then(|| format!("{}\n{}\n</details>", details(&title.of(found.len())), list()))
    }

    /// The coverage receipt.
    fn receipt(self) -> String {
        let (words, coverage) = (self.words, &self.report.coverage);
        words.coverage.with(&[
            ("lines", &words.changed_lines.of(coverage.changed_lines)),
            ("files", &words.files.of(coverage.files)),
            ("parts", &coverage.parts(words)),
        ])
    }

    /// The lines that nobody looked at, and those of which only a part was seen.
    fn not_reviewed(self, most: usize) -> Option<String> {
        let (words, coverage) = (self.words, &self.report.coverage);
        let failure = |failure: &Failure| {
            let lines = words.changed_lines.of(failure.changed_lines);
            let told = words.not_reviewed.with(&[("lines", &lines), ("reason", &cell(&failure.reason))]);
            let places = list(&failure.places, most, |place| code(place), words);
            format!("⚠️ {told}\n\n{places}\n")
        };
        let failed = coverage.failures(words).iter().map(failure).collect::<Vec<_>>().join("\n");
        let is_cut = |cut: &CutLine| words.line_cut.with(&[("path", &code(&cut.path)), ("line", &cut.line)]);
        let cut = list(&coverage.cut, most, is_cut, words);
        let text = format!("{failed}\n{cut}").trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The files that are not reviewed on purpose.
    fn left_out(self, most: usize) -> Option<String> {
        let (report, words) = (self.report, self.words);
        if report.status == Status::NothingToReview && !report.summary.is_empty() {
            // all of them are, and the headline says why
            return None;
        }
        let skipped: Vec<&SkippedFile> = report.coverage.left_out().collect();
        let line = |file: &&SkippedFile| {
            let lines = words.changed_lines.of(file.changed_lines);
            format!("{}: {} ({lines})", code(&file.path), cell(words.skip(&file.reason)))
        };
        let title = words.files_skipped.of(skipped.len());
        let list = || list(&skipped, most, line, words);
        (!skipped.is_empty()).then(|| format!("{}\n{}\n</details>", details(&title), list()))
    }

    /// The cost table.
    fn bill(self) -> String {
        let (report, words) = (self.report, self.words);
        let (usage, cost) = (&report.usage, &report.cost);
        if usage.requests == 0 {
            return words.no_cost.to_string();
        }
        let in_brackets = |phrase: &Phrase, usd: String| format!(" ({})", phrase.with(&[("usd", &usd)]));
        let models: Vec<String> = cost.models.iter().map(|model| code(&model.model)).collect();
        let saved = cost.saved().map(|usd| in_brackets(&words.saved, usd));
        let per_finding = report.usd_per_finding().map(|usd| in_brackets(&words.per_finding, dollars(Some(usd))));
        let mut out = format!(
            "{}\n| {} | {} | {} | {}{} | {} | {}{} | {} |",
            table_head(&words.cost_columns),
            models.join(", "),
            usage.requests,
            thousands(usage.input_tokens),
            thousands(usage.cached_input_tokens),
            saved.unwrap_or_default(),
            thousands(usage.output_tokens),
            cost.spent(words),
            per_finding.unwrap_or_default(),
            dollars_in(words, cost.total_usd),
        );
        if let Some(limit) = cost.limit_usd {
            let _ = write!(out, "\n\n{}", words.limit.with(&[("usd", &dollars(Some(limit)))]));
        }
        out
    }

    fn suppressed(self) -> Option<String> {
        let mut counts: Vec<(Reason, usize)> = Vec::new();
        let is_listed =
            |reason| matches!(reason, Reason::OverCommentLimit | Reason::Unanchored | Reason::AlreadyPosted);
        for suppressed in self.report.suppressed.iter().filter(|suppressed| !is_listed(suppressed.reason)) {
            match counts.iter_mut().find(|(reason, _)| *reason == suppressed.reason) {
                Some((_, count)) => *count += 1,
                None => counts.push((suppressed.reason, 1)),
            }
        }
        let count = |(reason, count): &(Reason, usize)| {
            self.words.not_reported_for.with(&[("count", count), ("reason", &reason.describe(self.words))])
        };
        let counts = counts.iter().map(count);
        let list = counts.collect::<Vec<_>>().join(", ");
        (!list.is_empty()).then(|| self.words.not_reported.with(&[("list", &list)]))
    }

    fn notes(self, most: usize) -> Option<String> {
        let notes = &self.report.delivery.notes;
        (!notes.is_empty()).then(|| list(notes, most, |note| cell(note.told()), self.words))
    }

    fn footer(self, run_url: Option<&str>) -> String {
        let (tool, head) = (&self.report.tool, self.report.change.head_sha.as_deref());
        let head = head.map_or(String::new(), |sha| format!(" · head {}", sha.chars().take(9).collect::<String>()));
        let run = run_url.map_or(String::new(), |url| format!(" · [{}]({url})", self.words.run));
        format!("<sub>prudence {} · prompt {}{head}{run}</sub>", tool.version, tool.prompt)
    }

    /// All that fits into `room` characters.
    fn fit(self, findings: &[Entry], below: &[String], room: usize) -> String {
        fit(&self.opening(), findings, below, room, self.words)
    }
}

/// A finding with its place and its code.
fn entry(finding: &Finding, words: &Words) -> String {
    let mut out = format!("### {}\n\n{}\n\n", heading(finding, words), code(&place::name(finding, words)));
    out += &fenced("", &cut(&block(&finding.quote), 2000, words));
    let _ = write!(out, "\n\n{}", body(finding, words));
    if let Some(suggestion) = &finding.suggestion {
        let _ = write!(out, "\n\n{}\n\n{}", words.suggested, fenced("", &block(suggestion)));
    }
    out
}

/// A finding in a list.
fn one_line(finding: &Finding, words: &Words) -> String {
    format!("{} {} {}", icon(finding.severity), code(&place::name(finding, words)), cell(&finding.title))
}

/// A finding in full, and on one line for where that does not fit.
struct Entry {
    whole: String,
    short: String,
}

impl Entry {
    fn new(finding: &Finding, words: &Words) -> Entry {
        Entry { whole: entry(finding, words), short: format!("- {}", one_line(finding, words)) }
    }
}

/// One line for each item, and the number of those after the first `most`.
fn list<T>(items: &[T], most: usize, line: impl Fn(&T) -> String, words: &Words) -> String {
    let mut lines: Vec<String> = items.iter().take(most).map(|item| format!("- {}", line(item))).collect();
    if items.len() > most {
        lines.push(format!("- {}", words.and_more.with(&[("count", &(items.len() - most))])));
    }
    lines.join("\n")
}

fn details(title: &str) -> String {
    format!("<details><summary>{title}</summary>\n")
}

/// Joins all that fits into `room` characters: a line for each finding, then what stands below, then the findings in
/// full. No section is torn, and what is missing is told.
fn fit(opening: &str, findings: &[Entry], below: &[String], room: usize, words: &Words) -> String {
    let left_out = words.more_left_out.as_str();
    let used = opening.chars().count() + left_out.chars().count() + 4;
    let lines: usize = findings.iter().map(|entry| length(&[&entry.short])).sum();
    let below_kept = kept(below, room.saturating_sub(used + lines));
    let used = used + length(&below_kept);
    let findings_kept = findings_kept(findings, room.saturating_sub(used));
    let is_whole =
        findings.len() == findings_kept.len() && findings.iter().zip(&findings_kept).all(|(e, k)| e.whole == **k);
    let is_cut = below_kept.len() < below.len() || !is_whole;
    let sections = [opening].into_iter().chain(findings_kept).chain(below_kept);
    sections.chain(is_cut.then_some(left_out)).collect::<Vec<_>>().join("\n\n")
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
fn cut(text: &str, most: usize, words: &Words) -> String {
    /// Characters for what closes a fence, and for the mark.
    const MARKS: usize = 20;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(MARKS)).collect();
    if out.matches("\n```").count() % 2 == 1 {
        out += "\n```";
    }
    format!("{out}\n{}", words.cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_with_a_mark_and_a_closed_fence() {
        let text = format!("intro\n```\n{}\n```", "x".repeat(500));
        let cut = cut(&text, 100, Words::english());
        assert!(cut.chars().count() <= 110 && cut.ends_with("\n```\n… (cut)"), "{cut}");
    }

    #[test]
    fn what_has_no_room_beside_the_state_is_told() {
        let words = Words::english();
        let list = format!("{}\n{}\n</details>", details("x"), "- y\n".repeat(90));
        let text = format!("## Prudence: z\n\n{list}\n\n{list}\n\n{}", "w".repeat(90));
        assert_eq!(without_details(&text, 10_000, words), text);
        let one = without_details(&text, 600, words);
        assert!(one.contains("- y\n") && one.contains(words.list_left_out.as_str()), "{one}");
        assert_eq!(without_details(&text, 100, words), format!("## Prudence: z\n\n{}", words.more_left_out));
        let long = without_details(&format!("## {}", "đ".repeat(900)), 300, words);
        assert!(long.chars().count() <= 300 && long.contains("\n… (cut)\n\n_More"), "{long}");
    }

    #[test]
    fn the_line_of_a_pause_goes_whatever_its_language_and_nothing_else_does() {
        for (text, expected) in [
            ("a\n\n⏸️ **Paused**: `/prudence resume` takes the reviews up again.\n\n", "a"),
            ("a\n\n⏸️ **Đang tạm dừng**", "a"),
            ("⏸️ of the model\n\nb\n", "⏸️ of the model\n\nb"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(unpaused(text), expected);
        }
    }

    #[test]
    fn sections_are_never_torn_and_the_receipt_goes_first() {
        let section = |letter: &str, count: usize| letter.repeat(count);
        let entry = |letter: &str, count| Entry { whole: section(letter, count), short: letter.to_uppercase() };
        let findings = [entry("a", 50), entry("b", 500), entry("c", 50)];
        let below = [section("d", 100)];
        let check = |room: usize, expected: &[&str]| {
            let text = fit("top", &findings, &below, room, Words::english());
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
        assert_eq!(list(&["a", "b", "c"], 2, |text| (*text).to_owned(), Words::english()), "- a\n- b\n- … and 1 more");
        assert_eq!(list(&["a"], 2, |text| (*text).to_owned(), Words::english()), "- a");
    }
}
