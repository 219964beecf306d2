//! Small tools for text that is not ours.

/// Text on one line: control characters, line separators and direction marks appear as escapes.
pub fn printable(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    if !text.contains(is_harmful) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_harmful(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
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
    fn nothing_closes_a_fence() {
        assert_eq!(fenced("suggestion", "```\nx\n```"), "````suggestion\n```\nx\n```\n````");
        assert_eq!(fenced("suggestion", ""), "```suggestion\n```");
    }
}
