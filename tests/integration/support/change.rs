//! What a request changes, as the hosts show it: files, patches, and the lines that may be commented.

use std::collections::HashMap;

use git2::{Delta, Diff, DiffFindOptions, DiffOptions, Oid, Patch, Repository};

/// A side of the diff: `LEFT` is the merge base, `RIGHT` the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Left,
    Right,
}

impl Side {
    pub fn parse(text: &str) -> Option<Side> {
        match text {
            "LEFT" => Some(Side::Left),
            "RIGHT" => Some(Side::Right),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Side::Left => "LEFT",
            Side::Right => "RIGHT",
        }
    }
}

/// A place in a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub hunk: usize,
    /// Lines below the first `@@` of the file.
    pub position: usize,
}

/// A line of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// `+`, `-` or a space.
    pub origin: char,
    /// Its number before the change; of an added line, that of the next old one.
    pub old: u32,
    /// Its number after the change; of a removed line, that of the next new one.
    pub new: u32,
}

/// A changed file.
#[derive(Debug)]
pub struct ChangedFile {
    pub path: String,
    pub old_path: String,
    pub status: &'static str,
    pub additions: usize,
    pub deletions: usize,
    pub blob: String,
    /// The mode before and after; 0 where the file is not there.
    pub modes: (u32, u32),
    pub binary: bool,
    /// The lines of all hunks.
    pub rows: Vec<Row>,
    /// The hunks without headers and without a newline at the end; `None` for binary files and pure renames.
    pub patch: Option<String>,
    /// The lines of the patch, which start with the first `@@` at position 0.
    lines: Vec<String>,
    anchors: HashMap<(Side, u32), Spot>,
    positions: HashMap<usize, (Side, u32)>,
}

impl ChangedFile {
    /// Where a line stands in the patch; `None` when it may not be commented.
    pub fn spot(&self, side: Side, line: u32) -> Option<Spot> {
        self.anchors.get(&(side, line)).copied()
    }

    /// The first line that may be commented.
    pub fn first_line(&self) -> Option<(Side, u32)> {
        self.positions.iter().min_by_key(|(position, _)| **position).map(|(_, line)| *line)
    }

    /// The line at a position.
    pub fn at_position(&self, position: usize) -> Option<(Side, u32)> {
        self.positions.get(&position).copied()
    }

    /// The part of the patch that is shown above a comment.
    pub fn hunk_text(&self, spot: Spot) -> String {
        let start = (0..=spot.position).rev().find(|at| self.lines[*at].starts_with("@@")).unwrap_or(0);
        self.lines[start..=spot.position].join("\n")
    }

    pub fn patch_lines(&self) -> usize {
        self.lines.len()
    }
}

/// The merge base of two commits.
pub fn merge_base(git: &Repository, base: &str, head: &str) -> Oid {
    git.merge_base(oid(base), oid(head)).expect("the branches have a common ancestor")
}

/// A full id.
pub fn oid(sha: &str) -> Oid {
    Oid::from_str(sha).expect("a full commit id")
}

/// The changed files between two commits.
pub fn files(git: &Repository, from: Oid, to: Oid) -> Vec<ChangedFile> {
    let diff = diff(git, from, to);
    (0..diff.deltas().len()).map(|at| file(&diff, at)).collect()
}

/// The whole diff as text.
pub fn text(git: &Repository, from: Oid, to: Oid) -> Vec<u8> {
    let diff = diff(git, from, to);
    let mut out = Vec::new();
    diff.print(git2::DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), '+' | '-' | ' ') {
            out.push(line.origin() as u8);
        }
        out.extend_from_slice(line.content());
        true
    })
    .expect("a diff as text");
    out
}

/// Where a line of a file at `from` is at `to`; `None` when it is gone or changed.
pub fn moved(git: &Repository, from: Oid, to: Oid, path: &str, line: u32) -> Option<(String, u32)> {
    let diff = diff_with(git, from, to, 0);
    let Some(at) = diff.deltas().position(|delta| delta.old_file().path_bytes() == Some(path.as_bytes())) else {
        return Some((path.to_owned(), line));
    };
    let delta = diff.get_delta(at)?;
    if delta.status() == Delta::Deleted {
        return None;
    }
    let patch = Patch::from_diff(&diff, at).ok()??;
    let mut shift = 0;
    for hunk in (0..patch.num_hunks()).filter_map(|n| patch.hunk(n).ok()) {
        let (start, count) = (hunk.0.old_start(), hunk.0.old_lines());
        if count > 0 && (start..start + count).contains(&line) {
            return None;
        }
        // A hunk that only adds names the line before it.
        if start + count.saturating_sub(1) < line {
            shift += i64::from(hunk.0.new_lines()) - i64::from(count);
        }
    }
    let new_path = String::from_utf8_lossy(delta.new_file().path_bytes()?).into_owned();
    Some((new_path, u32::try_from(i64::from(line) + shift).ok()?))
}

fn diff(git: &Repository, from: Oid, to: Oid) -> Diff<'_> {
    diff_with(git, from, to, 3)
}

fn diff_with(git: &Repository, from: Oid, to: Oid, context: u32) -> Diff<'_> {
    let tree = |id| git.find_commit(id).and_then(|commit| commit.tree()).expect("a commit's files");
    let mut options = DiffOptions::new();
    let found = git.diff_tree_to_tree(Some(&tree(from)), Some(&tree(to)), Some(options.context_lines(context)));
    let mut diff = found.expect("a diff");
    diff.find_similar(Some(DiffFindOptions::new().renames(true))).expect("renames");
    diff
}

fn file(diff: &Diff, at: usize) -> ChangedFile {
    let delta = diff.get_delta(at).expect("a file of the diff");
    let path = |file: git2::DiffFile| String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned();
    let status = match delta.status() {
        Delta::Added => "added",
        Delta::Deleted => "removed",
        Delta::Renamed => "renamed",
        Delta::Copied => "copied",
        _ => "modified",
    };
    let blob = if delta.status() == Delta::Deleted { delta.old_file().id() } else { delta.new_file().id() };
    let mut file = ChangedFile {
        path: path(delta.new_file()),
        old_path: path(delta.old_file()),
        status,
        additions: 0,
        deletions: 0,
        blob: blob.to_string(),
        modes: (u32::from(delta.old_file().mode()), u32::from(delta.new_file().mode())),
        binary: false,
        rows: Vec::new(),
        patch: None,
        lines: Vec::new(),
        anchors: HashMap::new(),
        positions: HashMap::new(),
    };
    if let Some(patch) = Patch::from_diff(diff, at).expect("a patch") {
        read_patch(&mut file, &patch);
    }
    // Whether a file is binary is known once its content was looked at.
    file.binary = diff.get_delta(at).is_some_and(|delta| delta.flags().is_binary());
    file
}

fn read_patch(file: &mut ChangedFile, patch: &Patch) {
    for hunk in 0..patch.num_hunks() {
        let (header, count) = patch.hunk(hunk).expect("a hunk");
        file.lines.push(String::from_utf8_lossy(header.header()).trim_end_matches('\n').to_owned());
        let mut next = (header.old_start(), header.new_start());
        for n in 0..count {
            let line = patch.line_in_hunk(hunk, n).expect("a line of the hunk");
            read_row(file, line.origin(), &mut next);
            read_line(file, hunk, &line);
        }
    }
    if !file.lines.is_empty() {
        file.patch = Some(file.lines.join("\n"));
    }
}

/// Counts the lines of both sides, as a reader of the patch does.
fn read_row(file: &mut ChangedFile, origin: char, (old, new): &mut (u32, u32)) {
    if !matches!(origin, '+' | '-' | ' ') {
        return;
    }
    file.rows.push(Row { origin, old: *old, new: *new });
    *old += u32::from(origin != '+');
    *new += u32::from(origin != '-');
}

fn read_line(file: &mut ChangedFile, hunk: usize, line: &git2::DiffLine) {
    let text = String::from_utf8_lossy(line.content()).into_owned();
    let place = match line.origin() {
        '+' => (Side::Right, line.new_lineno()),
        '-' => (Side::Left, line.old_lineno()),
        ' ' => (Side::Right, line.new_lineno()),
        // "\ No newline at end of file" is a line of the patch that nobody can comment.
        _ => {
            file.lines.push(text.trim_matches('\n').to_owned());
            return;
        }
    };
    file.additions += usize::from(line.origin() == '+');
    file.deletions += usize::from(line.origin() == '-');
    let position = file.lines.len();
    file.lines.push(format!("{}{}", line.origin(), text.strip_suffix('\n').unwrap_or(&text)));
    if let (side, Some(number)) = place {
        file.anchors.insert((side, number), Spot { hunk, position });
        file.positions.insert(position, (side, number));
    }
}
