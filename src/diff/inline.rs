//! Differences inside a changed line, for readers.

use std::ops::Range;

use similar::{ChangeTag, TextDiff};

/// Lines longer than this are not compared word by word: nobody reads them, and it takes time.
const LONGEST: usize = 2000;

/// The parts of `new` that are not in `old`, as byte ranges. Empty where the lines have so little in common that marking
/// words would confuse, and where nothing was replaced.
pub fn changed_parts(old: &str, new: &str) -> Vec<Range<usize>> {
    if old.len().max(new.len()) > LONGEST {
        return Vec::new();
    }
    let diff = TextDiff::from_words(old, new);
    if diff.ratio() < 0.4 {
        return Vec::new();
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for change in diff.iter_all_changes() {
        let length = change.value().len();
        match change.tag() {
            ChangeTag::Delete => continue,
            ChangeTag::Equal => {}
            ChangeTag::Insert => match parts.last_mut() {
                Some(last) if last.end == at => last.end += length,
                _ => parts.push(at..at + length),
            },
        }
        at += length;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::changed_parts;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &[&str]) {
        let found: Vec<&str> = changed_parts(old, new).into_iter().map(|range| &new[range]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_the_new_words() {
        check("let x = get(a, b);", "let x = get(a, c);", &["c);"]);
        check("if a < b {", "if a <= b {", &["<="]);
        check("completely other text", "nothing in common here", &[]);
        check("same", "same", &[]);
        check("giá trị là 1 đồng", "giá trị là 2 đồng", &["2"]);
    }
}
