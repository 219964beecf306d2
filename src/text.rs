//! Small tools for text that is not ours.

use std::borrow::Cow;

/// Whether a character does something else than to be seen: control characters, line separators, direction marks, and the
/// invisible letters of tags.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{e0000}'..='\u{e007f}')
}

/// Text on one line: control characters, line separators, direction marks and invisible letters appear as escapes.
pub fn printable(text: &str) -> String {
    if !text.contains(is_harmful) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_harmful(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// The first characters of a text, so that it has at most `most`; the last of them is a mark where more would follow.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A line as one line to every reader: what some take for the end of one appears as an escape. All else stays as it is.
pub fn unbroken(line: &str) -> Cow<'_, str> {
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if !line.contains(breaks) {
        return line.into();
    }
    line.chars().map(|c| if breaks(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Text as a fenced block of Markdown with an info string, in a fence that nothing in it closes.
///
/// ```
/// assert_eq!(prudence::text::fenced("", "a ``` b"), "````\na ``` b\n````");
/// ```
pub fn fenced(info: &str, text: &str) -> String {
    let ticks = "`".repeat(longest_run(text, '`').max(2) + 1);
    // an empty suggestion deletes its lines; an empty line in it would put one in their place
    let end = if text.is_empty() { "" } else { "\n" };
    format!("{ticks}{info}\n{text}{end}{ticks}")
}

/// An open fence. Where an indented one ends depends on the list or quote around it, which ends with the next line that
/// stands further out. So every fence is written at the beginning of the line, where nothing around it can end it and
/// all readers take the same lines for code.
pub struct Fence {
    mark: char,
    length: usize,
    indent: usize,
}

impl Fence {
    /// The fence that a line opens, with its info string.
    pub fn opened_by(line: &str) -> Option<(Fence, &str)> {
        let text = line.trim_start_matches([' ', '\t']);
        let (mark, length, rest) = fence_run(text)?;
        let fence = Fence { mark, length, indent: line.len() - text.len() };
        (length >= 3 && !(mark == '`' && rest.contains('`'))).then_some((fence, rest))
    }

    /// Whether a line ends it.
    pub fn is_closed_by(&self, line: &str) -> bool {
        let text = line.trim_start_matches(' ');
        // four blanks make code of a line
        line.len() - text.len() <= 3
            && fence_run(text).is_some_and(|(mark, length, rest)| {
                mark == self.mark && length >= self.length && rest.trim().is_empty()
            })
    }

    /// A line of its code without the indentation that the fence has.
    pub fn without_indent<'a>(&self, line: &'a str) -> &'a str {
        let blanks = line.bytes().take(self.indent).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        &line[blanks..]
    }

    /// Its marks.
    pub fn run(&self) -> String {
        self.mark.to_string().repeat(self.length)
    }
}

/// The run of fence characters that begins a text, with what stands behind it.
fn fence_run(text: &str) -> Option<(char, usize, &str)> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    Some((mark, text.len() - rest.len(), rest))
}

/// The length of the longest run of a character.
pub fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_on_one_line() {
        assert_eq!(printable("a\n=== b\u{202e}"), "a\\u{a}=== b\\u{202e}");
        assert_eq!(printable("đường/tệp.rs"), "đường/tệp.rs");
    }

    #[test]
    fn a_cut_is_marked() {
        assert_eq!([cut("đường", 5), cut("đường", 4), cut("", 0), cut("a", 0)], ["đường", "đườ…", "", "…"]);
    }

    #[test]
    fn a_line_is_one_line_to_everybody() {
        assert_eq!(unbroken("a\r=== b\u{2028}c\td\u{202e}"), "a\\u{d}=== b\\u{2028}c\td\u{202e}");
        assert!(matches!(unbroken("\tlet é = 1;"), Cow::Borrowed("\tlet é = 1;")));
    }

    #[test]
    fn nothing_closes_a_fence() {
        assert_eq!(fenced("suggestion", "```\nx\n```"), "````suggestion\n```\nx\n```\n````");
        assert_eq!(fenced("suggestion", ""), "```suggestion\n```");
    }
}
