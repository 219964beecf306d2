//! The code of a finding as the change has it.

use std::fmt::Write as _;

use super::prose::code;
use crate::diff::{Diff, Hunk, LineKind, inline};
use crate::findings::Finding;
use crate::report::place::{self, Place};
use crate::report::plural;

/// Lines of a finding of which all are shown.
const MOST_LINES: usize = 60;

/// Characters of a line that are shown.
const LONGEST_LINE: usize = 400;

/// The lines of a finding with as many `around` them, or the whole hunk where that has hardly more.
/// Where the change does not have them, the text that the finding quotes.
pub fn excerpt(finding: &Finding, diff: &Diff, around: usize) -> String {
    match Place::of(finding, diff) {
        Some(place) => lines(finding, &place, around),
        None => quoted(&finding.quote),
    }
}

/// Code that replaces the lines of a finding.
pub fn replacement(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.iter().map(|line| format!("<ins>+ {}\n</ins>", cut(line)));
    format!("<pre class=code>{}</pre>", shown.collect::<String>())
}

fn quoted(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.iter().take(MOST_LINES).map(|line| format!("<span class=m>{}\n</span>", cut(line)));
    let rest = gap(lines.len().saturating_sub(MOST_LINES), "");
    format!("<pre class=code>{}{rest}</pre>", shown.collect::<String>())
}

fn lines(finding: &Finding, place: &Place<'_>, around: usize) -> String {
    let (hunk, first, last) = (place.hunk, *place.lines.start(), *place.lines.end());
    let all = hunk.lines.len();
    let (mut from, mut to) = (first.saturating_sub(around), (last + 1 + around).min(all));
    // a mark instead of a line or two saves nothing
    if from <= 2 {
        from = 0;
    }
    if all - to <= 2 {
        to = all;
    }
    let cut_from = (first + MOST_LINES).min(last + 1);
    let mut out = String::from("<pre class=code>");
    out += &gap(from, " above");
    for index in from..to {
        if (cut_from..=last).contains(&index) {
            if index == cut_from {
                out += &gap(last + 1 - cut_from, " of the finding");
            }
            continue;
        }
        let line = &hunk.lines[index];
        let tag = match line.kind {
            LineKind::Context => "span",
            LineKind::Added => "ins",
            LineKind::Removed => "del",
        };
        let class = if place::is_meant(finding, line) { " class=m" } else { "" };
        let _ = write!(out, "<{tag}{class} data-n={}>{}\n</{tag}>", line.number(), shown(hunk, index));
    }
    out += &gap(all - to, " below");
    out + "</pre>"
}

/// The mark of lines that are not shown.
fn gap(count: usize, which: &str) -> String {
    if count == 0 { String::new() } else { format!("<i>… {}{which}\n</i>", plural(count, "line")) }
}

/// A line behind its sign; what is new inside an added one is marked.
fn shown(hunk: &Hunk, index: usize) -> String {
    let line = &hunk.lines[index];
    let text = line.text();
    let sign = match line.kind {
        LineKind::Context => ' ',
        LineKind::Removed => '-',
        LineKind::Added => '+',
    };
    let is_short = text.chars().nth(LONGEST_LINE).is_none();
    let old = inline::replaced_line(hunk, index).filter(|_| line.kind == LineKind::Added && is_short);
    let parts = old.map(|old| inline::changed_parts(&old.text(), &text)).unwrap_or_default();
    if parts.is_empty() {
        return format!("{sign} {}", cut(&text));
    }
    let mut out = format!("{sign} ");
    let mut at = 0;
    for part in parts {
        let _ = write!(out, "{}<mark>{}</mark>", code(&text[at..part.start]), code(&text[part.clone()]));
        at = part.end;
    }
    out + &code(&text[at..])
}

/// A line as far as there is room for it.
fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        None => code(line),
        Some((end, _)) => format!("{}… {} more characters", code(&line[..end]), line[end..].chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Side, parse};
    use crate::report::tests::finding;

    /// A hunk of this many added lines that starts at line 1.
    fn added(count: usize) -> Diff {
        let lines: String = (1..=count).map(|n| format!("+line {n}\n")).collect();
        parse(format!("--- /dev/null\n+++ b/src/pay.rs\n@@ -0,0 +1,{count} @@\n{lines}")).unwrap()
    }

    fn at(start_line: u32, end_line: u32) -> Finding {
        Finding { start_line, end_line, ..finding("a") }
    }

    /// What is read there: the lines, without markup.
    fn read(html: &str) -> Vec<String> {
        let tags = regex::Regex::new("<[^>]*>").unwrap();
        tags.replace_all(html, "").lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_that_are_not_shown_are_told_of() {
        let html = excerpt(&at(50, 51), &added(100), 2);
        let expected = [
            "… 47 lines above",
            "+ line 48",
            "+ line 49",
            "+ line 50",
            "+ line 51",
            "+ line 52",
            "+ line 53",
            "… 47 lines below",
        ];
        assert_eq!(read(&html), expected);
        assert_eq!(html.matches("<ins class=m ").count(), 2, "{html}");
        assert!(html.contains("<ins class=m data-n=50>+ line 50"), "{html}");
        // a hunk that is hardly longer is shown whole
        assert_eq!(read(&excerpt(&at(5, 5), &added(9), 2)).len(), 9);
        let long = read(&excerpt(&at(1, 100), &added(100), 2));
        assert_eq!((long.len(), long.last().map(String::as_str)), (MOST_LINES + 1, Some("… 40 lines of the finding")));
    }

    #[test]
    fn removed_lines_stand_before_what_replaces_them_and_new_words_are_marked() {
        let diff =
            parse("--- a/src/pay.rs\n+++ b/src/pay.rs\n@@ -5,1 +5,1 @@\n-let a = one(1);\n+let a = one(2);\n").unwrap();
        let html = excerpt(&at(5, 5), &diff, 3);
        assert_eq!(read(&html), ["- let a = one(1);", "+ let a = one(2);"]);
        assert!(html.contains("<del data-n=5>- ") && html.contains("<mark>"), "{html}");
        let html = excerpt(&Finding { side: Side::Left, ..at(5, 5) }, &diff, 3);
        assert!(html.contains("<del class=m data-n=5>- ") && html.contains("<ins data-n=5>+ "), "{html}");
    }

    #[test]
    fn code_is_data_and_a_long_line_is_cut_with_a_mark() {
        let text = format!("\t<script>\u{202e}{}", "x".repeat(1_000));
        let diff = parse(format!("--- /dev/null\n+++ b/src/pay.rs\n@@ -0,0 +1,1 @@\n+{text}\n")).unwrap();
        for html in [
            excerpt(&at(1, 1), &diff, 3),
            replacement(&text),
            excerpt(&Finding { quote: text.clone(), ..at(9, 9) }, &diff, 3),
        ] {
            assert!(html.contains("\t&lt;script&gt;\\u{202e}x") && !html.contains("<script"), "{html}");
            assert!(html.contains("x… 610 more characters"), "{html}");
        }
    }
}
