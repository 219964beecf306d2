//! Differences inside a changed line, for readers.

use std::ops::Range;

use similar::{ChangeTag, TextDiff};

use super::{Hunk, Line, LineKind};

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

/// The removed line that the added one at `index` stands for: the same place in the runs of removed and of added lines.
pub fn replaced_line(hunk: &Hunk, index: usize) -> Option<&Line> {
    let run_start =
        |kind, end: usize| hunk.lines[..end].iter().rposition(|line| line.kind != kind).map_or(0, |at| at + 1);
    let added = run_start(LineKind::Added, index);
    let removed = run_start(LineKind::Removed, added);
    let old = removed + (index - added);
    (old < added).then(|| &hunk.lines[old])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

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

    #[test]
    fn an_added_line_stands_for_the_removed_one_at_the_same_place() {
        let diff = parse("--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@\n c\n-a1\n-b1\n+a2\n+b2\n+c2\n").unwrap();
        let old = |index| replaced_line(&diff.files[0].hunks()[0], index).map(|line| line.text().into_owned());
        assert_eq!([old(3), old(4), old(5)], [Some("a1".to_owned()), Some("b1".to_owned()), None]);
    }
}
