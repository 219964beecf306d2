//! The diff model: one [`Diff`] for local git, patch files and the hosts.
//!
//! Every byte of the text that was parsed is kept, so that [`Diff::to_bytes`] gives the same bytes back. Lines share one
//! buffer ([`Bytes`]) and are not copied.

pub mod attributes;
mod bounds;
pub mod filter;
mod header;
pub mod inline;
pub mod parse;
mod path;

use std::sync::Arc;

use bytes::Bytes;

pub use bounds::parse_bounded;
pub use parse::{ParseError, parse};
pub use path::RepoPath;

/// The side of a diff that a line number belongs to, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// The file before the change.
    Left,
    /// The file after the change.
    Right,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// Unchanged, shown for orientation.
    Context,
    /// Only in the new file.
    Added,
    /// Only in the old file.
    Removed,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Added, removed or context.
    pub kind: LineKind,
    /// The number of this line in the old file, or of the next old line where this one was added. Counted from 1.
    pub old: u32,
    /// The number of this line in the new file, or of the next new line where this one was removed. Counted from 1.
    pub new: u32,
    /// The line as it stands in the diff: mark, text and line end.
    raw: Bytes,
    /// The `\ No newline at end of file` line that follows, as it stands. Few lines have it, and all have its room.
    no_newline: Option<Box<Bytes>>,
}

impl Line {
    /// The text without the diff's mark and without the line feed. A carriage return is part of the text.
    pub fn bytes(&self) -> &[u8] {
        let raw = self.raw.strip_suffix(b"\n").unwrap_or(&self.raw);
        raw.get(1..).unwrap_or_default()
    }

    /// The text for people and models: invalid UTF-8 replaced, the carriage return of a CRLF line left out.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        let bytes = self.bytes();
        String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes))
    }

    /// Whether the line was added or removed.
    pub fn is_change(&self) -> bool {
        self.kind != LineKind::Context
    }

    /// Whether the file has this line on `side`.
    pub fn is_on(&self, side: Side) -> bool {
        match self.kind {
            LineKind::Context => true,
            LineKind::Added => side == Side::Right,
            LineKind::Removed => side == Side::Left,
        }
    }

    /// The side on which the line is shown: the old one for removed lines, else the new one.
    pub fn side(&self) -> Side {
        if self.kind == LineKind::Removed { Side::Left } else { Side::Right }
    }

    /// The number on the side where the line is shown.
    pub fn number(&self) -> u32 {
        self.number_on(self.side())
    }

    /// The number on `side`; meaningful where [`Line::is_on`] holds.
    pub fn number_on(&self, side: Side) -> u32 {
        match side {
            Side::Left => self.old,
            Side::Right => self.new,
        }
    }

    /// The same line with another text; mark and line end stay.
    pub fn with_text(&self, text: &[u8]) -> Line {
        let mut raw = Vec::with_capacity(text.len() + 2);
        raw.extend_from_slice(self.raw.get(..1).unwrap_or(b" "));
        raw.extend_from_slice(text);
        if self.raw.ends_with(b"\n") {
            raw.push(b'\n');
        }
        Line { raw: raw.into(), ..self.clone() }
    }
}

/// A run of changed lines with the unchanged ones around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The `@@ … @@` line as it stands, behind whatever text stood before it. Its counts may lie; `lines` are what was found.
    header: Bytes,
    /// First old line, counted from 1 (0 where the old side is empty).
    pub old_start: u32,
    /// First new line, counted from 1 (0 where the new side is empty).
    pub new_start: u32,
    /// The lines, in the diff's order. A copy of a diff shares them: they are most of its size.
    pub lines: Arc<Vec<Line>>,
}

impl Hunk {
    /// What git prints behind the second `@@`: the line it takes for the enclosing function. May be empty.
    pub fn section(&self) -> String {
        let text = String::from_utf8_lossy(&self.header);
        text.lines().last().unwrap_or_default().splitn(3, "@@").nth(2).unwrap_or_default().trim().to_owned()
    }

    /// Puts another text behind the second `@@`: secrets stand there too.
    pub fn set_section(&mut self, text: &[u8]) {
        let start = self.header.trim_ascii_end().iter().rposition(|&byte| byte == b'\n').map_or(0, |feed| feed + 1);
        let mut marks = (start..self.header.len()).filter(|&i| self.header[i..].starts_with(b"@@"));
        let Some(end) = marks.nth(1).map(|mark| mark + 2) else { return };
        let mut header = self.header[..end].to_vec();
        if !text.is_empty() {
            header.push(b' ');
            header.extend_from_slice(text);
        }
        if self.header.ends_with(b"\n") {
            header.push(b'\n');
        }
        self.header = header.into();
    }

    /// The number of added and removed lines.
    pub fn changed_lines(&self) -> usize {
        self.lines.iter().filter(|line| line.is_change()).count()
    }

    /// First and last line number on `side`, where the hunk has lines there.
    pub fn range(&self, side: Side) -> Option<(u32, u32)> {
        let mut on = self.lines.iter().filter(|line| line.is_on(side)).map(|line| line.number_on(side));
        let first = on.next()?;
        Some((first, on.next_back().unwrap_or(first)))
    }
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// New.
    Added,
    /// Gone.
    Deleted,
    /// Changed in place, or only its mode.
    Modified,
    /// Moved, perhaps changed too.
    Renamed,
    /// Made from another file.
    Copied,
}

/// What the diff shows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Lines; no hunks for a pure rename, a mode change or an empty file.
    Text(Vec<Hunk>),
    /// Not text; `patch` is what the diff prints instead (`Binary files … differ`, `GIT binary patch`).
    Binary {
        /// The lines as they stand.
        patch: Bytes,
    },
    /// The change exists, but nobody could give its lines.
    Missing {
        /// Added and removed lines, where the host tells.
        changed_lines: usize,
        /// Why they are not here.
        reason: String,
    },
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Everything before the first hunk, as it stands.
    header: Bytes,
    /// The kind of change.
    pub status: FileStatus,
    /// The path before; the same as `new_path` where the file was not moved.
    pub old_path: RepoPath,
    /// The path after; the same as `old_path` for a deleted file.
    pub new_path: RepoPath,
    /// File mode before (`100644`), where the diff tells.
    pub old_mode: Option<u32>,
    /// File mode after, where the diff tells.
    pub new_mode: Option<u32>,
    /// The change itself.
    pub content: Content,
}

impl FileDiff {
    /// A file that changed, but whose lines nobody could give.
    pub fn missing(path: &str, changed_lines: usize, reason: impl Into<String>) -> FileDiff {
        let path = RepoPath::from(path);
        FileDiff {
            header: Bytes::new(),
            status: FileStatus::Modified,
            old_path: path.clone(),
            new_path: path,
            old_mode: None,
            new_mode: None,
            content: Content::Missing { changed_lines, reason: reason.into() },
        }
    }

    /// The path under which the file is reported: the new one.
    pub fn path(&self) -> &RepoPath {
        &self.new_path
    }

    /// The hunks; none for a binary file.
    pub fn hunks(&self) -> &[Hunk] {
        match &self.content {
            Content::Text(hunks) => hunks,
            _ => &[],
        }
    }

    /// The hunks, to be changed in place.
    pub fn hunks_mut(&mut self) -> &mut [Hunk] {
        match &mut self.content {
            Content::Text(hunks) => hunks,
            _ => &mut [],
        }
    }

    /// Whether nobody could give its lines.
    pub fn is_missing(&self) -> bool {
        matches!(self.content, Content::Missing { .. })
    }

    /// The number of added and removed lines.
    pub fn changed_lines(&self) -> usize {
        match &self.content {
            Content::Text(hunks) => hunks.iter().map(Hunk::changed_lines).sum(),
            Content::Binary { .. } => 0,
            Content::Missing { changed_lines, .. } => *changed_lines,
        }
    }

    /// Numbers of added and of removed lines.
    pub fn added_removed(&self) -> (usize, usize) {
        let lines = || self.hunks().iter().flat_map(|hunk| hunk.lines.iter());
        (lines().filter(|l| l.kind == LineKind::Added).count(), lines().filter(|l| l.kind == LineKind::Removed).count())
    }

    /// Whether the file is a pointer to a commit of another repository.
    pub fn is_submodule(&self) -> bool {
        [self.old_mode, self.new_mode].contains(&Some(0o160000))
    }
}

/// A whole change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The changed files, in the diff's order.
    pub files: Vec<FileDiff>,
    /// What follows the last hunk and belongs to no file (the signature of `git format-patch`).
    pub(crate) trailer: Bytes,
}

impl Diff {
    /// The number of added and removed lines.
    pub fn changed_lines(&self) -> usize {
        self.files.iter().map(FileDiff::changed_lines).sum()
    }

    /// Takes the files whose lines are missing, and those that are not there at all, from another diff of the same change,
    /// which has all of it. A file that this one names without lines, and that one not at all, stays missing.
    pub fn fill(&mut self, whole: Diff) {
        let known: Vec<RepoPath> = self.files.iter().filter(|f| !f.is_missing()).map(|f| f.path().clone()).collect();
        let has = |path: &RepoPath| whole.files.iter().any(|other| other.path() == path);
        // what stands for files without names has no header
        self.files.retain(|file| !file.is_missing() || !(file.header.is_empty() || has(file.path())));
        self.files.extend(whole.files.into_iter().filter(|file| !known.contains(file.path())));
    }

    /// The diff as text: for a parsed diff, the bytes it was parsed from.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for file in &self.files {
            out.extend_from_slice(&file.header);
            match &file.content {
                Content::Text(hunks) => {
                    for hunk in hunks {
                        out.extend_from_slice(&hunk.header);
                        for line in hunk.lines.iter() {
                            out.extend_from_slice(&line.raw);
                            out.extend_from_slice(line.no_newline.as_deref().map_or(&[][..], |line| line));
                        }
                    }
                }
                Content::Binary { patch } => out.extend_from_slice(patch),
                Content::Missing { .. } => {}
            }
        }
        out.extend_from_slice(&self.trailer);
        out
    }
}
