//! The code of a finding on a terminal: its lines with one before and one after, as the diff has them.

use std::fmt::Write as _;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::clean::terminal as clean;
use super::place::{self, Place};
use super::plural;
use super::terminal::{DIM, Shown, colour, paint};
use crate::diff::{Hunk, LineKind, inline};
use crate::findings::Finding;
use crate::screen::Screen;

/// At most so many lines of code are shown of a finding.
const MOST_LINES: usize = 8;

/// Columns of code where nothing says how many there are.
const LONGEST: usize = 200;

/// The lines that a finding is about; the text of these is underlined, and what is new inside a line is bold.
pub fn excerpt(finding: &Finding, on: &Shown<'_>) -> String {
    let Some(Place { hunk, lines }) = Place::of(finding, on.diff) else { return String::new() };
    let (first, last) = (*lines.start(), *lines.end());
    let from = first.saturating_sub(1);
    let to = (last + 2).min(hunk.lines.len()).min(from + MOST_LINES);
    let width = hunk.lines[from..to].iter().map(|line| line.number().to_string().len()).max().unwrap_or(1);
    let signs = on.screen.signs();
    let mut out = String::new();
    for (index, line) in hunk.lines.iter().enumerate().take(to).skip(from) {
        let gutter = paint(DIM, &format!("{:>width$} {}", line.number(), signs.bar));
        let is_meant = place::is_meant(finding, line);
        let arrow = if is_meant { paint(colour(finding.severity), signs.arrow) } else { " ".to_owned() };
        let code = code(hunk, index, is_meant, room(on.screen, width), signs.more);
        let _ = writeln!(out, "  {arrow} {gutter} {code}");
    }
    if last + 1 > to {
        let more = format!("  {} {}", signs.more, plural(last + 1 - to, "more line"));
        let _ = writeln!(out, "  {}", paint(DIM, &more));
    }
    out
}

/// Columns for code behind a line number of this `width`.
fn room(screen: &Screen, width: usize) -> usize {
    /// The indentation, the arrow, the bar, the sign of the line, and the blanks between.
    const AROUND: usize = 9;
    const LEAST: usize = 6;
    screen.columns.map_or(LONGEST, |columns| columns.saturating_sub(width + AROUND).max(LEAST))
}

/// A line of code in its colour, cut where there is no room for it.
fn code(hunk: &Hunk, index: usize, is_meant: bool, room: usize, more: &str) -> String {
    let line = &hunk.lines[index];
    let whole = line.text();
    let text = start(&whole, room.saturating_sub(more.width()));
    let (text, more) = if start(&whole, room).len() == whole.len() { (&*whole, "") } else { (text, more) };
    let (sign, style) = match line.kind {
        LineKind::Context => (' ', Style::new()),
        LineKind::Removed => ('-', AnsiColor::Red.on_default()),
        LineKind::Added => ('+', AnsiColor::Green.on_default()),
    };
    let old = (line.kind == LineKind::Added).then(|| inline::replaced_line(hunk, index)).flatten();
    let new = old.map(|old| inline::changed_parts(&old.text(), text)).unwrap_or_default();
    let cut = if more.is_empty() { String::new() } else { paint(DIM, more) };
    paint(style, &format!("{sign} ")) + &painted(text, style, is_meant, &new) + &cut
}

/// The text with what is `meant` underlined, and with its `new` parts bold.
fn painted(text: &str, style: Style, is_meant: bool, new: &[Range<usize>]) -> String {
    let lead = text.len() - text.trim_start().len();
    let mut edges: Vec<usize> =
        new.iter().flat_map(|part| [part.start, part.end]).chain([0, lead, text.len()]).collect();
    edges.sort_unstable();
    edges.dedup();
    let piece = |from: usize, to: usize| {
        let style = if is_meant && from >= lead { style.underline() } else { style };
        let style = if new.iter().any(|part| part.contains(&from)) { style.bold() } else { style };
        paint(style, &clean(&text[from..to]))
    };
    edges.windows(2).map(|edge| piece(edge[0], edge[1])).collect()
}

/// The beginning of a line that has at most so many columns.
fn start(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, c)| {
        // as it is shown
        taken += match c.is_ascii_graphic() {
            true => 1,
            false => clean(&c.to_string()).width(),
        };
        taken > columns
    });
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    const DIFF: &str =
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n c\n-  let a = one(1);\n-let b = 2;\n+  let a = one(2);\n+let b = 2;\n";

    #[test]
    fn the_line_is_underlined_and_its_new_words_are_bold() {
        let diff = parse(DIFF).unwrap();
        let hunk = &diff.files[0].hunks()[0];
        let green = AnsiColor::Green.on_default();
        let (part, new) = (green.underline(), green.underline().bold());
        let expected = [paint(green, "+ "), paint(green, "  "), paint(part, "let a = "), paint(new, "one(2);")];
        assert_eq!(code(hunk, 3, true, 80, "…"), expected.concat());
        assert!(!code(hunk, 3, false, 80, "…").contains(&part.to_string()));
    }

    #[test]
    fn a_line_is_cut_with_a_mark_where_the_screen_ends() {
        let check = |text: &str, room: usize, expected: &str| {
            let diff = parse(format!("--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+{text}\n")).unwrap();
            let painted = code(&diff.files[0].hunks()[0], 0, true, room, "…");
            assert_eq!(anstream::adapter::strip_str(&painted).to_string(), expected);
        };
        check("0123456789", 10, "+ 0123456789");
        check("0123456789a", 10, "+ 012345678…");
        // two columns each
        check("日本語日本語", 10, "+ 日本語日…");
        check("\tabcdefg", 10, "+     abcde…");
        check("ab\u{202e}cd", 10, "+ ab…");
    }

    #[test]
    fn code_has_room_on_a_narrow_screen() {
        let room = |columns| super::room(&Screen { columns, ..Screen::PLAIN }, 3);
        assert_eq!([room(None), room(Some(80)), room(Some(20)), room(Some(1))], [200, 68, 8, 6]);
    }
}
