//! Unified diff → [`Diff`].
//!
//! Reads what `git diff`, `git format-patch`, `diff -u` and the hosts write. The counts in a hunk's header decide where
//! it ends as long as they fit what stands there; where they lie, the lines themselves decide.

use std::sync::Arc;

use bytes::Bytes;

use super::header::{Header, unquote};
use super::{Content, Diff, FileDiff, Hunk, Line, LineKind, Side};

/// Why a text is no diff that can be reviewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// `git diff --cc`: a merge against several parents has no single old side.
    #[error(
        "`{path}` is a combined diff (`diff --cc`), which has several old sides\nhint: diff against one parent, for example with `git diff HEAD^1 HEAD`"
    )]
    Combined {
        /// The file it is about.
        path: String,
    },
    /// There is text, but no file header in it.
    #[error(
        "this is no unified diff; it starts with `{start}`\nhint: make one with `git diff`, `git format-patch --stdout` or `diff -u`"
    )]
    NotADiff {
        /// The beginning of the text, cut to a screen line.
        start: String,
    },
    /// A hunk before any file header.
    #[error(
        "line {line}: a hunk (`@@`) without a file before it\nhint: keep the `---` and `+++` lines when you copy a diff"
    )]
    HunkWithoutFile {
        /// Line of the input, counted from 1.
        line: usize,
    },
}

/// Parses a unified diff. Nothing at all is an empty change.
///
/// ```
/// let text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n";
/// let diff = prudence::diff::parse(text)?;
/// assert_eq!((diff.files[0].path().as_str(), diff.changed_lines()), ("x", 2));
/// assert_eq!(diff.to_bytes(), text.as_bytes());
/// # Ok::<(), prudence::diff::parse::ParseError>(())
/// ```
///
/// # Errors
/// The text is a combined diff, or none at all.
pub fn parse(text: impl Into<Bytes>) -> Result<Diff, ParseError> {
    let text = text.into();
    let lines = Lines::new(&text);
    let is_from_git = (0..lines.len()).any(|line| lines.is_git_header(line));
    let mut parser = Parser { text: &text, lines: &lines, at: 0, is_from_git, files: Vec::new() };
    parser.run()?;
    let (files, end) = (parser.files, parser.at);
    if files.is_empty() && !text.trim_ascii().is_empty() {
        let first = text.trim_ascii_start().split(|&b| b == b'\n').next().unwrap_or_default();
        let start: String = String::from_utf8_lossy(first).chars().take(60).collect();
        return Err(ParseError::NotADiff { start: start.escape_debug().to_string() });
    }
    let trailer = text.slice(lines.start(end)..);
    Ok(Diff { files, trailer })
}

/// Where each line of the text starts; the last entry is the text's end.
struct Lines<'a> {
    text: &'a [u8],
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        let mut starts = vec![0];
        starts.extend(text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1));
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        Lines { text, starts }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn start(&self, line: usize) -> usize {
        self.starts[line.min(self.starts.len() - 1)]
    }

    /// The line with its line end; empty behind the last one.
    fn get(&self, line: usize) -> &'a [u8] {
        &self.text[self.start(line)..self.start(line + 1)]
    }

    /// The line without `\n` or `\r\n`.
    fn trimmed(&self, line: usize) -> &'a [u8] {
        let raw = self.get(line);
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        raw.strip_suffix(b"\r").unwrap_or(raw)
    }

    fn is_blank(&self, line: usize) -> bool {
        line < self.len() && self.trimmed(line).is_empty()
    }

    /// Whether the two or three lines from here are `---`, `+++` and a hunk or the end: a file header of `diff -u`.
    fn is_plain_header(&self, line: usize) -> bool {
        self.get(line).starts_with(b"--- ")
            && self.get(line + 1).starts_with(b"+++ ")
            && (self.get(line + 2).starts_with(b"@@ -") || self.get(line + 2).is_empty())
    }

    fn is_git_header(&self, line: usize) -> bool {
        self.get(line).starts_with(b"diff --git ")
    }
}

struct Parser<'a> {
    text: &'a Bytes,
    lines: &'a Lines<'a>,
    /// The next line to read.
    at: usize,
    /// Whether any file has a `diff --git` line: then all have.
    is_from_git: bool,
    files: Vec<FileDiff>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), ParseError> {
        // Text between files (commit messages, `Only in …`) belongs to the header of the file that follows.
        let mut from = self.at;
        while self.at < self.lines.len() {
            let line = self.lines.get(self.at);
            if let Some(path) =
                [b"diff --cc ".as_slice(), b"diff --combined "].iter().find_map(|p| line.strip_prefix(*p))
            {
                return Err(ParseError::Combined { path: unquote(path.trim_ascii_end()).to_string() });
            }
            if self.lines.is_git_header(self.at) || self.lines.is_plain_header(self.at) {
                let file = self.file(from)?;
                self.files.push(file);
                from = self.at;
            } else if let Some(header) = Header::of_binary(self.lines.trimmed(self.at)).filter(|_| !self.is_from_git) {
                // `diff -r` has no header for these
                let file = self.binary(from, &header);
                self.files.push(file);
                from = self.at;
            } else if let Some(range) = hunk_range(line) {
                let line_number = self.at + 1;
                // more of the file before, behind text that is no diff
                let hunk = self.hunk(from, range);
                match self.files.last_mut().map(|file| &mut file.content) {
                    Some(Content::Text(hunks)) => hunks.push(hunk),
                    _ => return Err(ParseError::HunkWithoutFile { line: line_number }),
                }
                from = self.at;
            } else {
                self.at += 1;
            }
        }
        self.at = from;
        Ok(())
    }

    fn slice(&self, from: usize, to: usize) -> Bytes {
        self.text.slice(self.lines.start(from)..self.lines.start(to))
    }

    /// Reads one file, whose header text begins at line `from` and whose first header line is `self.at`.
    fn file(&mut self, from: usize) -> Result<FileDiff, ParseError> {
        let mut header = Header::of_git(self.lines.trimmed(self.at));
        if self.lines.is_git_header(self.at) {
            self.at += 1;
        }
        while self.at < self.lines.len() && !is_hunk_header(self.lines.get(self.at)) {
            let line = self.lines.trimmed(self.at);
            if line.starts_with(b"Binary files ") || line == b"GIT binary patch" {
                return Ok(self.binary(from, &header));
            }
            if self.lines.is_git_header(self.at) || !header.read(line) {
                break;
            }
            self.at += 1;
            if line.starts_with(b"+++ ") {
                break;
            }
        }
        let text = self.slice(from, self.at);
        let mut hunks = Vec::new();
        while self.at < self.lines.len() {
            if self.lines.get(self.at).starts_with(b"@@@ ") {
                return Err(ParseError::Combined { path: header.paths().1.to_string() });
            }
            let Some(range) = hunk_range(self.lines.get(self.at)) else { break };
            hunks.push(self.hunk(self.at, range));
        }
        Ok(header.into_file(text, Content::Text(hunks)))
    }

    fn binary(&mut self, from: usize, header: &Header) -> FileDiff {
        let (text, start) = (self.slice(from, self.at), self.at);
        let is_patch = self.lines.trimmed(self.at) == b"GIT binary patch";
        self.at += 1;
        while is_patch && self.at < self.lines.len() {
            let line = self.lines.get(self.at);
            if self.lines.is_git_header(self.at) || line == b"-- \n" || line.starts_with(b"From ") {
                break;
            }
            self.at += 1;
        }
        header.clone().into_file(text, Content::Binary { patch: self.slice(start, self.at) })
    }

    /// Reads the hunk whose `@@` line is `self.at`; its header text begins at line `from`.
    fn hunk(&mut self, from: usize, range: HunkRange) -> Hunk {
        let header = self.slice(from, self.at + 1);
        self.at += 1;
        // git counts an empty side from the line before it
        let mut old = range.old_start + u32::from(range.old_count == 0);
        let mut new = range.new_start + u32::from(range.new_count == 0);
        let (mut old_left, mut new_left) = (range.old_count, range.new_count);
        let mut lines: Vec<Line> = Vec::new();
        while let Some(kind) = self.hunk_line(old_left, new_left) {
            let raw = self.slice(self.at, self.at + 1);
            self.at += 1;
            lines.push(Line { kind, old, new, raw, no_newline: None });
            if kind != LineKind::Added {
                (old, old_left) = (old.saturating_add(1), old_left.saturating_sub(1));
            }
            if kind != LineKind::Removed {
                (new, new_left) = (new.saturating_add(1), new_left.saturating_sub(1));
            }
            if self.lines.get(self.at).starts_with(b"\\") {
                if let Some(last) = lines.last_mut() {
                    last.no_newline = Some(Box::new(self.slice(self.at, self.at + 1)));
                }
                self.at += 1;
            }
        }
        lines.shrink_to_fit();
        Hunk { header, old_start: range.old_start, new_start: range.new_start, lines: Arc::new(lines) }
    }

    /// The kind of the next line if it belongs to the hunk, of which the header still promises so many lines.
    fn hunk_line(&self, old_left: u32, new_left: u32) -> Option<LineKind> {
        let (at, open) = (self.at, old_left > 0 || new_left > 0);
        let line = self.lines.get(at);
        match line.first()? {
            b' ' => Some(LineKind::Context),
            b'+' => Some(LineKind::Added),
            // `--- x` and `+++ y` are changed lines where exactly they are still promised
            b'-' if self.lines.is_plain_header(at) => (old_left == 1 && new_left == 1).then_some(LineKind::Removed),
            // the signature of `git format-patch`
            b'-' if !open && self.lines.trimmed(at) == b"-- " => None,
            b'-' => Some(LineKind::Removed),
            // an empty context line whose blank was stripped
            b'\n' | b'\r' if self.lines.is_blank(at) => {
                let after = (at..self.lines.len()).find(|&i| !self.lines.is_blank(i)).unwrap_or(self.lines.len());
                let promised = u32::try_from(after - at).is_ok_and(|n| n <= old_left && n <= new_left);
                (promised || self.continues(after)).then_some(LineKind::Context)
            }
            _ => None,
        }
    }

    /// Whether a line behind blank ones can only be more of the hunk.
    fn continues(&self, at: usize) -> bool {
        matches!(self.lines.get(at).first(), Some(b' ' | b'+' | b'-'))
            && !self.lines.is_plain_header(at)
            && self.lines.trimmed(at) != b"-- "
    }
}

impl Diff {
    /// Whether the text ended before its end: with less of the last hunk than its header says, or inside a line. Tells
    /// something only of diffs whose counts are right, as those of git and of the hosts are.
    pub fn breaks_off(&self) -> bool {
        let Some(hunk) = self.files.last().and_then(|file| file.hunks().last()) else { return false };
        let header = hunk.header.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty());
        let promised = header.and_then(hunk_range).map_or((0, 0), |range| (range.old_count, range.new_count));
        let count = |side| hunk.lines.iter().filter(|line| line.is_on(side)).count();
        let is_short = |count: usize, promised: u32| u32::try_from(count).is_ok_and(|count| count < promised);
        let last = hunk.lines.last().map(|line| line.no_newline.as_deref().unwrap_or(&line.raw));
        let is_inside = last.is_some_and(|raw| !raw.ends_with(b"\n"));
        is_inside || is_short(count(Side::Left), promised.0) || is_short(count(Side::Right), promised.1)
    }
}

#[derive(Debug, Clone, Copy)]
struct HunkRange {
    old_start: u32,
    old_count: u32,
    new_start: u32,
    new_count: u32,
}

fn is_hunk_header(line: &[u8]) -> bool {
    line.starts_with(b"@@@ ") || hunk_range(line).is_some()
}

/// Reads `@@ -a[,b] +c[,d] @@`; a count that is not there is 1.
fn hunk_range(line: &[u8]) -> Option<HunkRange> {
    // line numbers near the limit of u32 are nobody's file; keep clear of it so that counting cannot overflow
    const MOST: u32 = u32::MAX / 2;
    let text = line.strip_prefix(b"@@ -")?;
    let text = std::str::from_utf8(&text[..text.windows(3).position(|w| w == b" @@")?]).ok()?;
    let (old, new) = text.split_once(" +")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // digits that do not parse are too many
        let number = |text: &str| is_number(text).then(|| text.parse::<u32>().unwrap_or(MOST).min(MOST));
        Some((number(start)?, number(count)?))
    };
    let ((old_start, old_count), (new_start, new_count)) = (range(old)?, range(new)?);
    Some(HunkRange { old_start, old_count, new_start, new_count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{FileStatus, Side};

    fn one(text: &str) -> FileDiff {
        let diff = parse(text.to_owned()).unwrap();
        assert_eq!(diff.to_bytes(), text.as_bytes(), "printing gives the same bytes");
        assert_eq!(diff.files.len(), 1);
        diff.files.into_iter().next().unwrap()
    }

    #[track_caller]
    fn check_file(text: &str, status: FileStatus, old: &str, new: &str, changed: usize) {
        let file = one(text);
        assert_eq!((file.status, file.old_path.as_str(), file.new_path.as_str()), (status, old, new));
        assert_eq!(file.changed_lines(), changed);
    }

    /// Kind, old and new number and text of each line.
    fn lines(file: &FileDiff) -> Vec<(char, u32, u32, String)> {
        let mark = |kind| match kind {
            LineKind::Context => ' ',
            LineKind::Added => '+',
            LineKind::Removed => '-',
        };
        file.hunks()
            .iter()
            .flat_map(|h| h.lines.iter())
            .map(|l| (mark(l.kind), l.old, l.new, l.text().into_owned()))
            .collect()
    }

    #[test]
    fn numbers_follow_both_sides() {
        let file =
            one("diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -3,3 +3,3 @@ fn f\n a\n-b\n+B\n c\n");
        let expected = [(' ', 3, 3, "a"), ('-', 4, 4, "b"), ('+', 5, 4, "B"), (' ', 5, 5, "c")];
        assert_eq!(lines(&file), expected.map(|(k, o, n, t)| (k, o, n, t.to_owned())));
        assert_eq!(file.hunks()[0].section(), "fn f");
        assert_eq!(file.hunks()[0].range(Side::Right), Some((3, 5)));
        assert_eq!((file.old_mode, file.new_mode), (Some(0o100644), Some(0o100644)));
    }

    #[test]
    fn files_of_every_status() {
        use FileStatus::*;
        check_file(
            "diff --git a/n b/n\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n",
            Added,
            "n",
            "n",
            1,
        );
        check_file("diff --git a/n b/n\nnew file mode 100644\nindex 0..e69de29\n", Added, "n", "n", 0);
        check_file(
            "diff --git a/d b/d\ndeleted file mode 100644\nindex 1..0\n--- a/d\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n",
            Deleted,
            "d",
            "d",
            2,
        );
        check_file(
            "diff --git a/o o b/p p\nsimilarity index 100%\nrename from o o\nrename to p p\n",
            Renamed,
            "o o",
            "p p",
            0,
        );
        check_file(
            "diff --git a/o b/c\nsimilarity index 90%\ncopy from o\ncopy to c\nindex 1..2 100644\n--- a/o\n+++ b/c\n@@ -1 +1 @@\n-x\n+y\n",
            Copied,
            "o",
            "c",
            2,
        );
        check_file(
            "diff --git a/run me.sh b/run me.sh\nold mode 100644\nnew mode 100755\n",
            Modified,
            "run me.sh",
            "run me.sh",
            0,
        );
        check_file(
            "diff --git a/s b/s\nindex 1111111..2222222 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
            Modified,
            "s",
            "s",
            2,
        );
        check_file(
            "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n",
            Modified,
            "i.png",
            "i.png",
            0,
        );
        check_file(
            "diff --git a/i.png b/i.png\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZ\n\nliteral 0\nHcmV\n\n",
            Modified,
            "i.png",
            "i.png",
            0,
        );
    }

    #[test]
    fn names_are_unquoted_and_unprefixed() {
        use FileStatus::*;
        check_file(
            "diff --git \"a/caf\\303\\251\\t.txt\" \"b/caf\\303\\251\\t.txt\"\nold mode 100644\nnew mode 100755\n",
            Modified,
            "café\t.txt",
            "café\t.txt",
            0,
        );
        check_file("--- \"a/x\\351\"\n+++ \"b/x\\351\"\n@@ -1 +1 @@\n-a\n+b\n", Modified, "x\\351", "x\\351", 2);
        check_file(
            "diff --git src/a.rs src/a.rs\n--- src/a.rs\n+++ src/a.rs\n@@ -1 +1 @@\n-a\n+b\n",
            Modified,
            "src/a.rs",
            "src/a.rs",
            2,
        );
        check_file(
            "diff --git c/a.rs w/a.rs\n--- c/a.rs\n+++ w/a.rs\n@@ -1 +1 @@\n-a\n+b\n",
            Modified,
            "a.rs",
            "a.rs",
            2,
        );
        check_file(
            "--- old/m.c\t2026-01-01 00:00:00\n+++ new/m.c\t2026-01-02 00:00:00\n@@ -1 +1 @@\n-a\n+b\n",
            Modified,
            "m.c",
            "m.c",
            2,
        );
        check_file(
            "diff --git c/m.c c/m.c\nnew file mode 100644\n--- /dev/null\n+++ c/m.c\n@@ -0,0 +1 @@\n+b\n",
            Added,
            "c/m.c",
            "c/m.c",
            1,
        );
        check_file("diff -r o n\nBinary files o/bin and n/bin differ\n", Modified, "bin", "bin", 0);
        check_file("--- m.c.orig\n+++ m.c\n@@ -1 +1 @@\n-a\n+b\n", Modified, "m.c.orig", "m.c", 2);
    }

    #[test]
    fn the_end_of_file_mark_belongs_to_its_line() {
        let file = one("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
        assert_eq!(lines(&file).len(), 2);
        assert_eq!(one("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file").changed_lines(), 2);
    }

    #[test]
    fn carriage_returns_are_kept_and_not_shown() {
        let file = one("diff --git a/x b/x\r\n--- a/x\r\n+++ b/x\r\n@@ -1,3 +1,3 @@\r\n-a\r\n+b\r\n\r\n c\r\n");
        assert_eq!(file.path().as_str(), "x");
        let all = lines(&file);
        assert_eq!(all[1].3, "b");
        assert_eq!(file.hunks()[0].lines[1].bytes(), b"b\r");
        assert_eq!(all[2], (' ', 2, 2, String::new()), "a stripped empty context line");
    }

    #[test]
    fn a_text_that_breaks_off_is_seen() {
        const WHOLE: &str =
            "--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@ fn x\n a\n-b\n+c\n+d\n e\n\\ No newline at end of file\n";
        assert!(!parse(WHOLE).unwrap().breaks_off());
        let lines: Vec<usize> = WHOLE.match_indices('\n').map(|(at, _)| at + 1).collect();
        for end in lines[3]..WHOLE.len() {
            // what is missing may be no more than the last line's remark
            let is_seen = parse(&WHOLE[..end]).unwrap().breaks_off();
            assert_eq!(is_seen, end != lines[7], "{:?}", &WHOLE[..end]);
        }
        assert!(
            !parse("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n").unwrap().breaks_off()
        );
    }

    #[test]
    fn counts_that_lie_lose_no_line() {
        for counts in ["-1,1 +1,1", "-1,9 +1,9", "-1,2 +1,3", "-1 +1", "-1,3 +1,2"] {
            let text = format!(
                "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ {counts} @@\n a\n-b\n+c\n+d\n\n e\n@@ -20 +21 @@\n-y\n+z\ndiff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n"
            );
            let diff = parse(text.clone()).unwrap();
            assert_eq!(diff.to_bytes(), text.as_bytes());
            assert_eq!(diff.files.iter().map(FileDiff::changed_lines).collect::<Vec<_>>(), [5, 2], "{counts}");
        }
    }

    #[test]
    fn lines_that_look_like_headers_are_lines_where_the_counts_say_so() {
        let file =
            one("--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n x\n--- old comment\n+++ counter\n@@ -9 +9 @@\n-a\n+b\n");
        assert_eq!(file.changed_lines(), 4);
        let two = parse("--- a/p\n+++ b/p\n@@ -1 +1 @@\n-a\n+b\n--- a/q\n+++ b/q\n@@ -1 +1 @@\n-a\n+b\n").unwrap();
        assert_eq!(two.files.len(), 2);
    }

    #[test]
    fn mail_around_patches_is_kept_and_ignored() {
        let text = "From 123 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n x | 2 +-\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n-- \n2.47.3\n\n";
        let file = parse(text).unwrap();
        assert_eq!(file.to_bytes(), text.as_bytes());
        assert_eq!(file.changed_lines(), 2);
    }

    #[test]
    fn what_cannot_be_reviewed_says_why() {
        let combined =
            parse("diff --cc src/a.rs\nindex 1,2..3\n--- a/src/a.rs\n+++ b/src/a.rs\n@@@ -1,1 -1,1 +1,1 @@@\n")
                .unwrap_err();
        assert_eq!(combined, ParseError::Combined { path: "src/a.rs".into() });
        assert!(matches!(parse("hello\nworld").unwrap_err(), ParseError::NotADiff { start } if start == "hello"));
        assert_eq!(parse("@@ -1 +1 @@\n-a\n+b\n").unwrap_err(), ParseError::HunkWithoutFile { line: 1 });
        assert_eq!(parse("").unwrap(), Diff::default());
        assert!(parse(" \n\n").unwrap().files.is_empty());
    }

    #[test]
    fn a_hunk_behind_foreign_text_still_belongs_to_its_file() {
        let file = one("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\nnote: more\n@@ -9 +9 @@ fn g\n-c\n+d\n");
        assert_eq!(file.changed_lines(), 4);
        assert_eq!(file.hunks()[1].section(), "fn g");
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let file = one("--- a/x\n+++ b/x\n@@ -99999999999999,99999999999 +4294967295,7 @@\n-a\n+b\n c\n");
        assert_eq!(file.changed_lines(), 2);
    }
}
