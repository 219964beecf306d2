//! Unified diff → [`Diff`].
//!
//! Reads what `git diff`, `git format-patch`, `diff -u` and the hosts write. The counts in a hunk's header decide where
//! it ends as long as they fit what stands there; where they lie, the lines themselves decide.

use bytes::Bytes;

use super::{Content, Diff, FileDiff, FileStatus, Hunk, Line, LineKind, RepoPath};

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
            } else if let Some((old, new)) = binary_names(self.lines.trimmed(self.at)).filter(|_| !self.is_from_git) {
                // `diff -r` has no header for these
                let header = Header { old: Some(side_path(old)), new: Some(side_path(new)), ..Header::default() };
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
        let mut header = Header::default();
        if self.lines.is_git_header(self.at) {
            header.git = Some(self.lines.trimmed(self.at)[b"diff --git ".len()..].to_vec());
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
            lines.push(Line { kind, old, new, raw, no_newline: Bytes::new() });
            if kind != LineKind::Added {
                (old, old_left) = (old.saturating_add(1), old_left.saturating_sub(1));
            }
            if kind != LineKind::Removed {
                (new, new_left) = (new.saturating_add(1), new_left.saturating_sub(1));
            }
            if self.lines.get(self.at).starts_with(b"\\") {
                if let Some(last) = lines.last_mut() {
                    last.no_newline = self.slice(self.at, self.at + 1);
                }
                self.at += 1;
            }
        }
        Hunk { header, old_start: range.old_start, new_start: range.new_start, lines }
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

/// What a file's header lines say.
#[derive(Debug, Clone, Default)]
struct Header {
    /// What follows `diff --git `.
    git: Option<Vec<u8>>,
    /// `---` and `+++`: `None` until seen, then the path or `/dev/null` as `Some(None)`.
    old: Option<Option<Vec<u8>>>,
    new: Option<Option<Vec<u8>>>,
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
    copied: bool,
    old_mode: Option<u32>,
    new_mode: Option<u32>,
    added: bool,
    deleted: bool,
}

impl Header {
    /// Takes in one line; `false` when it is no header line and the header ends before it.
    fn read(&mut self, line: &[u8]) -> bool {
        let mode = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|t| u32::from_str_radix(t.trim(), 8).ok());
        let Some((key, rest)) = HEADER_KEYS.iter().find_map(|key| Some((*key, line.strip_prefix(key.as_bytes())?)))
        else {
            return false;
        };
        match key {
            "--- " => self.old = Some(side_path(rest)),
            "+++ " => self.new = Some(side_path(rest)),
            "old mode " => self.old_mode = mode(rest),
            "new mode " => self.new_mode = mode(rest),
            "new file mode " => (self.added, self.new_mode) = (true, mode(rest)),
            "deleted file mode " => (self.deleted, self.old_mode) = (true, mode(rest)),
            "rename from " => self.from = Some(unquote_bytes(rest)),
            "rename to " => self.to = Some(unquote_bytes(rest)),
            "copy from " => (self.copied, self.from) = (true, Some(unquote_bytes(rest))),
            "copy to " => self.to = Some(unquote_bytes(rest)),
            "index " => {
                let unchanged = rest.iter().position(|&b| b == b' ').and_then(|at| mode(&rest[at..]));
                self.old_mode = self.old_mode.or(unchanged);
                self.new_mode = self.new_mode.or(unchanged);
            }
            _ => {}
        }
        true
    }

    fn paths(&self) -> (RepoPath, RepoPath) {
        let (old, new) = match (&self.from, &self.to, &self.old, &self.new) {
            (Some(from), Some(to), ..) => (from.clone(), to.clone()),
            (_, _, Some(Some(old)), Some(Some(new))) => strip_prefixes(old, new),
            // `diff --git x x` has no prefixes
            (_, _, Some(Some(path)), _) | (_, _, _, Some(Some(path))) if self.has_equal_names() => twice(path),
            (_, _, Some(Some(old)), _) => twice(strip_one(old, b"a/")),
            (_, _, _, Some(Some(new))) => twice(strip_one(new, b"b/")),
            _ => self.git.as_deref().map(git_paths).unwrap_or_default(),
        };
        (RepoPath::new(&old), RepoPath::new(&new))
    }

    fn has_equal_names(&self) -> bool {
        let Some(names) = &self.git else { return false };
        let middle = names.len() / 2;
        names.get(middle) == Some(&b' ') && names[..middle] == names[middle + 1..]
    }

    fn into_file(self, header: Bytes, content: Content) -> FileDiff {
        let (old_path, new_path) = self.paths();
        let status = match (&self.old, &self.new) {
            _ if self.copied => FileStatus::Copied,
            _ if self.from.is_some() => FileStatus::Renamed,
            _ if self.added => FileStatus::Added,
            _ if self.deleted => FileStatus::Deleted,
            (Some(None), Some(Some(_))) => FileStatus::Added,
            (Some(Some(_)), Some(None)) => FileStatus::Deleted,
            // libgit2 writes no `copy from` for a copy that was changed
            _ if self.git.is_some() && old_path != new_path => FileStatus::Copied,
            _ => FileStatus::Modified,
        };
        FileDiff { header, status, old_path, new_path, old_mode: self.old_mode, new_mode: self.new_mode, content }
    }
}

const HEADER_KEYS: [&str; 14] = [
    "--- ",
    "+++ ",
    "old mode ",
    "new mode ",
    "new file mode ",
    "deleted file mode ",
    "rename from ",
    "rename to ",
    "copy from ",
    "copy to ",
    "index ",
    "similarity index ",
    "dissimilarity index ",
    "Submodule ",
];

fn twice(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (path.to_vec(), path.to_vec())
}

/// The path of a `---` or `+++` line; `None` for `/dev/null`.
fn side_path(rest: &[u8]) -> Option<Vec<u8>> {
    let path = match rest.first() {
        Some(b'"') => unquote_bytes(rest),
        // `diff -u` puts a tab and a time behind the name; git a tab alone where the name has blanks
        _ => rest.split(|&b| b == b'\t').next().unwrap_or(rest).to_vec(),
    };
    (path != b"/dev/null").then_some(path)
}

/// The two names in `Binary files A and B differ`.
fn binary_names(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let names = line.strip_prefix(b"Binary files ")?.strip_suffix(b" differ")?;
    let at = names.windows(5).position(|window| window == b" and ")?;
    Some((&names[..at], &names[at + 5..]))
}

/// Takes `a/` and `b/` (or two other folders, as in `diff -ru old new`) off the two names of one file.
fn strip_prefixes(old: &[u8], new: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let split =
        |path: &[u8]| path.iter().position(|&b| b == b'/').map(|at| (path[..at].to_vec(), path[at + 1..].to_vec()));
    match (split(old), split(new)) {
        (Some((a, old_rest)), Some((b, new_rest))) if a != b && (old_rest == new_rest || (a == b"a" && b == b"b")) => {
            (old_rest, new_rest)
        }
        _ => (old.to_vec(), new.to_vec()),
    }
}

/// Takes `prefix`, or one of git's mnemonic prefixes (`i/`, `w/`, `c/`, `o/`), off a name whose other side is absent.
fn strip_one<'a>(path: &'a [u8], prefix: &[u8]) -> &'a [u8] {
    let prefixes: [&[u8]; 5] = [prefix, b"i/", b"w/", b"c/", b"o/"];
    prefixes.iter().find_map(|p| path.strip_prefix(*p)).unwrap_or(path)
}

/// The two names of `diff --git A B`, for a file that has no other header line with its name.
fn git_paths(rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    if rest.first() == Some(&b'"')
        && let Some(end) = closing_quote(rest)
    {
        let second = rest.get(end + 2..).unwrap_or_default();
        return strip_prefixes(&unquote_bytes(&rest[..=end]), &unquote_bytes(second));
    }
    let middle = rest.len() / 2;
    match rest.get(middle) {
        Some(b' ') => strip_prefixes(&rest[..middle], &rest[middle + 1..]),
        _ => {
            let at = rest.windows(3).position(|w| w == b" b/").unwrap_or(rest.len());
            strip_prefixes(&rest[..at], rest.get(at + 1..).unwrap_or_default())
        }
    }
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn unquote(text: &[u8]) -> RepoPath {
    RepoPath::new(&unquote_bytes(text))
}

/// Undoes git's quoting of names (`"caf\303\251"`); a name without quotes is itself.
fn unquote_bytes(text: &[u8]) -> Vec<u8> {
    let Some(inner) = closing_quote(text).filter(|_| text.first() == Some(&b'"')).map(|end| &text[1..end]) else {
        return text.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        let (byte, used) = match (inner[at], inner.get(at + 1)) {
            (b'\\', Some(b'0'..=b'7')) => {
                let digits: Vec<u8> =
                    inner[at + 1..].iter().copied().take(3).take_while(|b| (b'0'..=b'7').contains(b)).collect();
                let value = digits.iter().fold(0u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                (value.to_le_bytes()[0], 1 + digits.len())
            }
            (b'\\', Some(escaped)) => {
                let byte = match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'v' => 11,
                    other => *other,
                };
                (byte, 2)
            }
            (byte, _) => (byte, 1),
        };
        out.push(byte);
        at += used;
    }
    out
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
    use crate::diff::Side;

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
            .flat_map(|h| &h.lines)
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
