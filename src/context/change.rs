//! What the diff itself tells: which lines a prompt shows, which changed, and which names they use.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::source::{Lines, Source};
use crate::diff::{Diff, FileDiff, Hunk, Line, LineKind, Side};
use crate::plan::Piece;
use crate::syntax::{File, How, Kind, Use};

/// What a prompt has of one file. All numbers are of the new side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Index of the file in the diff.
    pub(super) file: usize,
    /// The lines that the prompt shows.
    pub(super) shown: Lines,
    /// The lines that are looked at; where lines were removed, the line behind them.
    pub(super) at: Lines,
    /// The added lines of the whole file.
    pub(super) added: Lines,
}

fn added(file: &FileDiff) -> Lines {
    let lines = file.hunks().iter().flat_map(|hunk| hunk.lines.iter());
    lines.filter(|line| line.kind == LineKind::Added).map(|line| line.new).collect()
}

/// What some pieces have, file by file.
pub(super) fn parts(diff: &Diff, pieces: &[Piece]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        let Some(file) = diff.files.get(piece.file) else { continue };
        let Some(hunk) = file.hunks().get(piece.hunk) else { continue };
        let index = parts.iter().position(|part| part.file == piece.file).unwrap_or_else(|| {
            parts.push(Part { file: piece.file, shown: Lines::new(), at: Lines::new(), added: added(file) });
            parts.len() - 1
        });
        let Some(part) = parts.get_mut(index) else { continue };
        let around = piece.before.iter().copied().chain(piece.after.clone());
        let shown = around.chain(piece.lines.clone()).filter_map(|line| hunk.lines.get(line));
        part.shown.extend(shown.filter(|line| line.is_on(Side::Right)).map(|line| line.new));
        let under_review = piece.lines.clone().filter_map(|line| hunk.lines.get(line));
        part.at.extend(under_review.filter(|line| line.is_change()).map(|line| line.new));
    }
    parts
}

/// What stands on some lines of a file of the diff.
pub(super) fn part_of(diff: &Diff, path: &str, side: Side, lines: &RangeInclusive<u32>) -> Option<Part> {
    let is_it =
        |file: &FileDiff| file.path().as_str() == path || (side == Side::Left && file.old_path.as_str() == path);
    let (index, file) = diff.files.iter().enumerate().find(|(_, file)| is_it(file))?;
    let on_side = |line: &&Line| line.is_on(side) && lines.contains(&line.number_on(side));
    let at = file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).filter(on_side).map(|line| line.new);
    Some(Part { file: index, shown: Lines::new(), at: at.collect(), added: added(file) })
}

/// The names that some lines of a file use: from its whole text where it is here, else from its hunks alone.
pub(super) fn uses(file: &FileDiff, source: Option<&Source>, lines: &Lines) -> Vec<Use> {
    let all = match source {
        Some(source) => runs(lines).into_iter().flat_map(|run| source.file.uses(run)).collect(),
        None => file.hunks().iter().flat_map(|hunk| uses_of_hunk(file, hunk, lines)).collect::<Vec<Use>>(),
    };
    let mut seen = HashSet::new();
    let mut found: Vec<Use> = all.into_iter().filter(is_wanted).collect();
    found.retain(|used| seen.insert((used.name.clone(), used.how, used.of.clone())));
    // what is called says more than what is named
    found.sort_by_key(|used| used.how);
    found
}

/// Small names that are not called are local variables in most languages.
fn is_wanted(used: &Use) -> bool {
    used.how != How::Name || (used.name.len() > 2 && used.name.starts_with(char::is_uppercase))
}

fn uses_of_hunk(file: &FileDiff, hunk: &Hunk, lines: &Lines) -> Vec<Use> {
    let (text, numbers) = side_text(hunk, Side::Right);
    let number = |row: u32| (row as usize).checked_sub(1).and_then(|row| numbers.get(row)).copied();
    let uses = File::read(file.path().as_str(), text.as_bytes()).uses(1..=u32::MAX);
    uses.into_iter()
        .filter_map(|used| Some(Use { line: number(used.line)?, ..used }))
        .filter(|used| lines.contains(&used.line))
        .collect()
}

/// The text that a hunk has on a side, and the number of each of its lines.
fn side_text(hunk: &Hunk, side: Side) -> (String, Vec<u32>) {
    let lines = || hunk.lines.iter().filter(|line| line.is_on(side));
    let text = lines().flat_map(|line| [line.text().into_owned(), "\n".to_owned()]).collect();
    (text, lines().map(|line| line.number_on(side)).collect())
}

/// The functions that a file no longer has where it had them: their first line was removed.
pub(super) fn removed_functions(file: &FileDiff) -> Vec<String> {
    let mut names = Vec::new();
    for hunk in file.hunks() {
        let removed: Lines = hunk.lines.iter().filter(|l| l.kind == LineKind::Removed).map(|line| line.old).collect();
        if removed.is_empty() {
            continue;
        }
        let (text, numbers) = side_text(hunk, Side::Left);
        let read = File::read(file.old_path.as_str(), text.as_bytes());
        let functions = read.definitions().iter().filter(|definition| definition.kind == Kind::Function);
        let is_removed = |row: u32| numbers.get((row as usize).saturating_sub(1)).is_some_and(|n| removed.contains(n));
        let gone = functions.filter(|function| is_removed(*function.signature.start()));
        names.extend(gone.map(|function| function.name.clone()));
    }
    names
}

/// Runs of numbers that follow on another.
pub(super) fn runs(lines: &Lines) -> Vec<RangeInclusive<u32>> {
    let mut runs: Vec<RangeInclusive<u32>> = Vec::new();
    for &line in lines {
        match runs.last_mut() {
            Some(last) if line == last.end().saturating_add(1) => *last = *last.start()..=line,
            _ => runs.push(line..=line),
        }
    }
    runs
}
