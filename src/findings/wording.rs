//! Text as a person would write it: titles without labels, bodies without greeting and praise.

use std::sync::LazyLock;

use regex::Regex;

use crate::text::cut;

/// Characters that a title has at most.
pub const LONGEST_TITLE: usize = 160;

/// A label that models put before what they say: `[major]`, `**Bug**:`, `Potential issue:`.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[\s#>*_-]*(?:\[(?:[Cc]ritical|[Mm]ajor|[Mm]inor|[Ii]nfo|[Bb]ug|BUG|[Ss]ecurity|[Pp]erformance|[Nn]it|[Ii]ssue|[Hh]igh|[Mm]edium|[Ll]ow|P[0-3])\]|(?:\*\*|__)?(?:[Pp]otential |[Pp]ossible )?(?:[Ii]ssue|[Bb]ug|[Pp]roblem|[Ww]arning|[Ee]rror|[Ss]uggestion|[Nn]ote|[Ff]inding|[Cc]ritical|[Mm]ajor|[Mm]inor|[Ii]nfo|[Ss]ecurity|[Pp]erformance|[Tt]itle|[Dd]escription|[Ll]ỗi|[Vv]ấn đề)(?:\*\*|__)?\s*[:–—-])(?:\*\*|__)?\s*)+",
    )
    .expect("a tested pattern")
});

/// A first sentence that says nothing.
static COURTESY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?:[Hh]i|[Hh]ello|[Tt]hanks?|[Tt]hank you|[Gg]reat|[Nn]ice|[Gg]ood|[Ww]ell done|[Ll]ooks good|Cảm ơn|Chào)\b[^.!\n]{0,80}[.!]\s+)+").expect("a tested pattern")
});

/// A title that a person reads at a glance: one line, without a label before it and a full stop behind it.
pub fn title(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim();
    let line = without_label(line).trim_matches(['*', '_', '#', ' ']).trim_end_matches(['.', ' ']);
    let mut chars = line.chars();
    let line: String = match chars.next() {
        // what a label stood before began in the middle of a sentence; a name in code keeps its letters
        Some(first) if without_label(text.trim()).len() < text.trim().len() && !line.starts_with('`') => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => line.to_owned(),
    };
    cut(&line, LONGEST_TITLE)
}

/// A body without labels, greeting and praise before what it says. Code stays as it is.
pub fn body(text: &str) -> String {
    let text = text.trim();
    let text = without_label(text);
    let rest = COURTESY.find(text).map_or(text, |found| &text[found.end()..]);
    // all of it was courtesy: then it is better than nothing
    let rest = if rest.trim().is_empty() { text } else { rest };
    without_label(rest.trim_start()).to_owned()
}

fn without_label(text: &str) -> &str {
    match LABEL.find(text) {
        Some(found) if found.end() < text.len() => &text[found.end()..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_have_no_labels() {
        for (text, expected) in [
            ("Division by zero on an empty list.", "Division by zero on an empty list"),
            ("[major] division by zero", "Division by zero"),
            ("**Bug**: `n` may be zero", "`n` may be zero"),
            ("Potential issue: the lock is taken twice", "The lock is taken twice"),
            ("**Potential Issue:** lock", "Lock"),
            ("### Security: SQL injection", "SQL injection"),
            ("Error of `write` is ignored", "Error of `write` is ignored"),
            ("Bug", "Bug"),
            ("Lỗi: chia cho 0", "Chia cho 0"),
            ("first line\nsecond", "first line"),
            ("[id] is never checked", "[id] is never checked"),
        ] {
            assert_eq!(title(text), expected, "{text}");
        }
        assert_eq!(title(&"é".repeat(300)).chars().count(), LONGEST_TITLE);
    }

    #[test]
    fn bodies_come_to_the_point() {
        for (text, expected) in [
            ("Great work! The list may be empty.", "The list may be empty."),
            ("Issue: The list may be empty.", "The list may be empty."),
            ("Thanks for the change. Note: `n` is 0.", "`n` is 0."),
            ("Good values are lost when `x` is 0.", "Good values are lost when `x` is 0."),
            ("`Issue: x` is printed.", "`Issue: x` is printed."),
            ("Nice!", "Nice!"),
            ("", ""),
        ] {
            assert_eq!(body(text), expected, "{text}");
        }
    }
}
