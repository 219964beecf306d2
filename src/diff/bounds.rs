//! How much of a change is read. What is beyond is counted and named, so that nobody takes it for reviewed.

use bytes::Bytes;

use super::{Diff, FileDiff, ParseError, parse};

/// Bytes of a diff that are read, up to the end of the file in which they end: far more than anybody reviews.
const LARGEST: usize = 64 << 20;

/// Files of a diff that are read.
const MOST_FILES: usize = 100_000;

/// A file in a diff has no fewer bytes than this: `diff --git a/x b/x` and what tells what became of it.
const LEAST_BYTES_OF_A_FILE: usize = 30;

/// Parses a unified diff as [`parse()`] does. Of a diff of git with more than 64 MB or 100,000 files the first part is read;
/// for the rest stands one file, whose lines nobody has.
///
/// # Errors
/// As [`parse()`].
pub fn parse_bounded(text: impl Into<Bytes>) -> Result<Diff, ParseError> {
    parse_within(text.into(), LARGEST, MOST_FILES)
}

fn parse_within(text: Bytes, largest: usize, most_files: usize) -> Result<Diff, ParseError> {
    let Some(end) = end_of_part(&text, largest, most_files) else { return parse(text) };
    let (files, lines) = count(&text[end..]);
    // a copy: a slice would keep all of the text
    let part = Bytes::copy_from_slice(&text[..end]);
    drop(text);
    let mut diff = parse(part)?;
    let reason = format!("the change has more than {} MB or {most_files} files; review it in parts", largest >> 20);
    diff.files.push(FileDiff::missing(&format!("({files} more files)"), lines, reason));
    Ok(diff)
}

/// Where the part that is read ends, if it is not all.
fn end_of_part(text: &[u8], largest: usize, most_files: usize) -> Option<usize> {
    if text.len() <= largest && text.len() / LEAST_BYTES_OF_A_FILE <= most_files {
        return None;
    }
    let mut starts = starts_of_files(text).enumerate();
    starts.find(|(index, at)| *at > 0 && (*index >= most_files || *at >= largest)).map(|(_, at)| at)
}

/// Where each file begins. No line of a hunk begins so.
fn starts_of_files(text: &[u8]) -> impl Iterator<Item = usize> {
    lines(text).filter(|(_, line)| line.starts_with(b"diff --git ")).map(|(at, _)| at)
}

/// The lines, each with where it begins.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    text.split_inclusive(|&byte| byte == b'\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

/// Files and changed lines in the part that is not read.
fn count(text: &[u8]) -> (usize, usize) {
    let mut is_header = false;
    lines(text).fold((0, 0), |(files, changed), (_, line)| match line.first() {
        _ if line.starts_with(b"diff --git ") => {
            is_header = true;
            (files + 1, changed)
        }
        Some(b'@') => {
            is_header = false;
            (files, changed)
        }
        Some(b'+' | b'-') if !is_header => (files, changed + 1),
        _ => (files, changed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many files with two changed lines each; one of them looks like a header.
    fn diff(files: usize) -> String {
        let file =
            |n: usize| format!("diff --git a/f{n} b/f{n}\n--- a/f{n}\n+++ b/f{n}\n@@ -1 +1 @@\n--- old\n+++ new\n");
        (0..files).map(file).collect()
    }

    #[track_caller]
    fn check(files: usize, largest: usize, most: usize, read: usize) {
        let text = diff(files);
        let found = parse_within(text.clone().into(), largest, most).unwrap();
        assert_eq!(found.changed_lines(), 2 * files, "no line is lost");
        let missing: Vec<&FileDiff> = found.files.iter().filter(|file| file.is_missing()).collect();
        assert_eq!((found.files.len() - missing.len(), missing.len()), (read, usize::from(read < files)));
        if let [rest] = missing.as_slice() {
            assert_eq!(rest.path().as_str(), format!("({} more files)", files - read));
        }
    }

    #[test]
    fn the_rest_of_a_change_is_counted() {
        check(10, 1 << 20, 100, 10);
        check(10, 1 << 20, 4, 4);
        check(10, diff(3).len(), 100, 3);
        check(10, diff(3).len() + 1, 100, 4);
        check(1, 10, 100, 1);
        check(0, 0, 0, 0);
    }
}
