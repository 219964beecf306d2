//! Marks of a merge that nobody resolved.

use super::{At, Found, added};
use crate::diff::FileDiff;
use crate::severity::{Category, Severity};
use crate::words::Words;

/// What git writes at the start of a line.
#[derive(PartialEq, Eq)]
enum Mark {
    /// `<<<<<<< ours`
    Ours,
    /// `||||||| base` or `=======`, which can also underline a heading.
    Separator,
    /// `>>>>>>> theirs`
    Theirs,
}

pub(super) fn check(file: &FileDiff, words: &Words) -> Vec<Found> {
    let mut hits = Vec::new();
    // The first mark of the conflict that is being read, and whether one of its marks cannot be anything else.
    let mut open: Option<(At, bool)> = None;
    for (at, line) in added(file) {
        let Some(mark) = mark(line.bytes()) else { continue };
        if mark == Mark::Ours {
            hits.extend(finish(open.replace((at, true)), words));
            continue;
        }
        let is_sure = mark == Mark::Theirs;
        let (first, was_sure) = open.unwrap_or((at, is_sure));
        open = Some((first, was_sure || is_sure));
        if mark == Mark::Theirs {
            hits.extend(finish(open.take(), words));
        }
    }
    hits.extend(finish(open, words));
    hits
}

fn mark(line: &[u8]) -> Option<Mark> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (mark, label) = line.split_at_checked(7)?;
    match (mark, label.first()) {
        (b"<<<<<<<", Some(b' ') | None) => Some(Mark::Ours),
        (b"|||||||", Some(b' ') | None) | (b"=======", None) => Some(Mark::Separator),
        (b">>>>>>>", Some(b' ') | None) => Some(Mark::Theirs),
        _ => None,
    }
}

fn finish(conflict: Option<(At, bool)>, words: &Words) -> Option<Found> {
    let (at, is_sure) = conflict?;
    is_sure.then(|| Found {
        at,
        severity: Severity::Critical,
        category: Category::Bug,
        title: words.conflict_title.to_string(),
        body: words.conflict_body.to_string(),
        suggestion: None,
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::check;

    const RULE: &str = "conflict-marks";

    #[test]
    fn a_conflict_is_one_hit() {
        check(RULE, "a.c", "int a;\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> topic\n", &[2]);
        check(RULE, "a.c", "<<<<<<< HEAD\r\nx\r\n||||||| base\r\nz\r\n=======\r\ny\r\n>>>>>>> topic\r\n", &[1]);
        check(RULE, "a.c", "<<<<<<< a\n=======\n>>>>>>> b\n<<<<<<< a\n=======\n>>>>>>> b\n", &[1, 4]);
        check(RULE, "a.c", "<<<<<<< a\n<<<<<<< b\n", &[1, 2]);
    }

    #[test]
    fn a_mark_that_was_left_alone() {
        check(RULE, "a.c", "x\n>>>>>>> topic\n", &[2]);
        check(RULE, "a.c", "x\n=======\ny\n>>>>>>> topic\n", &[2]);
        check(RULE, "a.c", "<<<<<<<\n", &[1]);
    }

    #[test]
    fn underlines_and_shifts_are_no_marks() {
        check(RULE, "a.rst", "Heading\n=======\n\ntext\n", &[]);
        check(RULE, "a.md", "=======\n|||||||\n=======\n", &[]);
        check(RULE, "a.c", " <<<<<<< indented\n<<<<<<<< eight\n>>>>>>>x\n======= \n", &[]);
    }
}
