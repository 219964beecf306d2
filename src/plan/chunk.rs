//! Packing a change into chunks.
//!
//! Small files share a chunk, in path order, so that neighbours stay together. A file that does not fit is split between
//! hunks, a hunk that does not fit between lines. Every changed line is in exactly one chunk.

use std::ops::Range;

use super::view::View;
use crate::diff::{Diff, Line, LineKind};

/// Some lines of one hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Index of the file in the diff.
    pub file: usize,
    /// Index of the hunk in the file.
    pub hunk: usize,
    /// The lines under review, as indices into the hunk.
    pub lines: Range<usize>,
    /// Lines before them that are not under review here, shown as context.
    pub before: Vec<usize>,
    /// Lines behind them, likewise.
    pub after: Range<usize>,
}

/// What one request shows of the change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the chunk in the report, counted from 1; the halves of a chunk that was split keep it.
    pub id: usize,
    /// What it shows, in path order.
    pub pieces: Vec<Piece>,
    /// Tokens of that, without the instructions around it.
    pub tokens: usize,
}

/// At most so many lines on each side of a piece are shown for orientation.
const CONTEXT_LINES: usize = 3;

/// Packs lines of a diff into chunks of at most `budget` tokens: for each file and hunk these ranges.
pub fn pack(diff: &Diff, view: &View, budget: usize, lines: &[Vec<Vec<Range<usize>>>]) -> Vec<Chunk> {
    let mut order: Vec<usize> = (0..diff.files.len()).filter(|&f| diff.files[f].changed_lines() > 0).collect();
    order.sort_by(|&a, &b| diff.files[a].path().cmp(diff.files[b].path()));
    let mut packer = Packer { diff, view, budget, chunks: Vec::new(), current: Chunk::default() };
    for file in order {
        packer.add_file(file, &lines[file]);
    }
    packer.flush();
    packer.chunks
}

/// Splits a chunk in two with about the same number of changed lines; `None` when it has a single one.
pub fn split(diff: &Diff, view: &View, chunk: &Chunk) -> Option<(Chunk, Chunk)> {
    let (first, second) = match chunk.pieces.as_slice() {
        [] => return None,
        [piece] => {
            let lines = &diff.files[piece.file].hunks()[piece.hunk].lines;
            let changed: Vec<usize> = piece.lines.clone().filter(|&line| lines[line].is_change()).collect();
            if changed.len() < 2 {
                return None;
            }
            let middle = changed[changed.len() / 2];
            let before = before(lines, middle);
            let second = Piece { lines: middle..piece.lines.end, before, ..piece.clone() };
            (vec![Piece { lines: piece.lines.start..middle, after: middle..middle, ..piece.clone() }], vec![second])
        }
        pieces => {
            let (first, second) = pieces.split_at(pieces.len() / 2);
            (first.to_vec(), second.to_vec())
        }
    };
    let sized = |pieces: Vec<Piece>| Chunk { id: chunk.id, tokens: tokens(diff, view, &pieces), pieces };
    Some((sized(first), sized(second)))
}

/// Tokens of the pieces with the headers they need.
fn tokens(diff: &Diff, view: &View, pieces: &[Piece]) -> usize {
    let mut file = None;
    let mut sum = 0;
    for piece in pieces {
        if file.replace(piece.file) != Some(piece.file) {
            sum += view.file_tokens(piece.file);
        }
        sum += piece_tokens(diff, view, piece);
    }
    sum
}

fn piece_tokens(diff: &Diff, view: &View, piece: &Piece) -> usize {
    let hunk = &diff.files[piece.file].hunks()[piece.hunk];
    let header = view.count(&view.hunk_header(hunk, &hunk.lines[piece.lines.clone()]));
    let lines: usize = piece.lines.clone().map(|line| view.line_tokens((piece.file, piece.hunk, line))).sum();
    let context =
        |line: usize| view.count(&view.line((piece.file, piece.hunk, line), &hunk.lines[line], LineKind::Context));
    header + lines + piece.before.iter().copied().chain(piece.after.clone()).map(context).sum::<usize>()
}

/// The lines before `line` that are shown for orientation: those the new file has.
fn before(lines: &[Line], line: usize) -> Vec<usize> {
    let before = (0..line).rev().take_while(|&l| lines[l].kind != LineKind::Removed).take(CONTEXT_LINES);
    let mut found: Vec<usize> = before.collect();
    found.reverse();
    found
}

/// The lines from `line` on that are shown for orientation, likewise.
fn after(lines: &[Line], line: usize) -> Range<usize> {
    let behind = (line..lines.len()).take_while(|&l| lines[l].kind != LineKind::Removed).take(CONTEXT_LINES);
    line..line + behind.count()
}

struct Packer<'a> {
    diff: &'a Diff,
    view: &'a View,
    budget: usize,
    chunks: Vec<Chunk>,
    current: Chunk,
}

impl Packer<'_> {
    fn flush(&mut self) {
        if !self.current.pieces.is_empty() {
            self.current.id = self.chunks.len() + 1;
            self.chunks.push(std::mem::take(&mut self.current));
        }
    }

    fn room(&self) -> usize {
        self.budget.saturating_sub(self.current.tokens)
    }

    /// Tokens of a file's header, unless the current chunk shows it already.
    fn header(&self, file: usize) -> usize {
        match self.current.pieces.last() {
            Some(last) if last.file == file => 0,
            _ => self.view.file_tokens(file),
        }
    }

    fn push(&mut self, piece: Piece, tokens: usize) {
        self.current.tokens += tokens + self.header(piece.file);
        self.current.pieces.push(piece);
    }

    fn add_file(&mut self, file: usize, lines: &[Vec<Range<usize>>]) {
        let hunks = self.diff.files[file].hunks();
        let whole = |(hunk, range): (usize, &Range<usize>)| {
            let (before, after) = (before(&hunks[hunk].lines, range.start), after(&hunks[hunk].lines, range.end));
            Piece { file, hunk, lines: range.clone(), before, after }
        };
        let pieces: Vec<(Piece, usize)> = (0..hunks.len())
            .flat_map(|hunk| lines[hunk].iter().map(move |range| (hunk, range)))
            .map(whole)
            .map(|piece| (piece.clone(), piece_tokens(self.diff, self.view, &piece)))
            .collect();
        if pieces.is_empty() {
            return;
        }
        let total = self.view.file_tokens(file) + pieces.iter().map(|(_, tokens)| tokens).sum::<usize>();
        if total > self.room() && total <= self.budget {
            self.flush();
        }
        for (piece, tokens) in pieces {
            let needed = |header: usize| header + tokens;
            if needed(self.header(file)) > self.room() && needed(self.view.file_tokens(file)) <= self.budget {
                self.flush();
            }
            if needed(self.header(file)) <= self.room() {
                self.push(piece, tokens);
            } else {
                self.add_by_lines(&piece);
            }
        }
    }

    /// Adds a piece that fits into no chunk, some lines at a time.
    fn add_by_lines(&mut self, whole: &Piece) {
        let lines = &self.diff.files[whole.file].hunks()[whole.hunk].lines;
        let (mut start, end) = (whole.lines.start, whole.lines.end);
        while start < end {
            let mut piece = self.piece_from(whole, start);
            if piece.lines.is_empty() {
                // no room for even one line: a fresh chunk has it
                self.flush();
                piece = self.piece_from(whole, start);
            }
            start = piece.lines.end.max(start + 1);
            piece.lines.end = start;
            if lines[piece.lines.clone()].iter().any(|line| line.is_change()) {
                let tokens = piece_tokens(self.diff, self.view, &piece);
                self.push(piece, tokens);
            }
            if start < end {
                self.flush();
            }
        }
    }

    /// The longest piece from line `start` that fits into the room that is left.
    fn piece_from(&self, whole: &Piece, start: usize) -> Piece {
        let lines = &self.diff.files[whole.file].hunks()[whole.hunk].lines;
        let mut piece = Piece { lines: start..start, before: Vec::new(), after: start..start, ..whole.clone() };
        let is_next = |last: &Piece| (last.file, last.hunk, last.lines.end) == (whole.file, whole.hunk, start);
        if !self.current.pieces.last().is_some_and(is_next) {
            piece.before = before(lines, start);
        }
        // the header names line numbers that are not known yet; they are at most this long
        const HUNK_HEADER: usize = 12;
        let hunk = &self.diff.files[whole.file].hunks()[whole.hunk];
        let section = self.view.count(&self.view.hunk_header(hunk, &[])) + HUNK_HEADER;
        while !piece.before.is_empty() && piece_tokens(self.diff, self.view, &piece) > self.budget / 8 {
            piece.before.remove(0);
        }
        let fixed = self.header(whole.file) + section + piece_tokens(self.diff, self.view, &piece);
        let mut left = self.room().saturating_sub(fixed);
        while piece.lines.end < whole.lines.end {
            let tokens = self.view.line_tokens((whole.file, whole.hunk, piece.lines.end));
            if tokens > left {
                break;
            }
            left -= tokens;
            piece.lines.end += 1;
        }
        if piece.lines.end < whole.lines.end {
            piece.lines.end = good_end(&hunk.lines, &piece.lines);
        }
        piece
    }
}

/// A better place to end near the end of a range: before a context line, so that no run of changes is torn apart.
fn good_end(lines: &[crate::diff::Line], range: &Range<usize>) -> usize {
    let earliest = range.end - range.len() / 5;
    (earliest..=range.end)
        .rev()
        .find(|&end| end > range.start && lines[end].kind == LineKind::Context)
        .unwrap_or(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::memory::fresh;
    use crate::plan::tokens::Tokenizer;
    use std::collections::HashSet;

    fn file(path: &str, hunks: &[usize]) -> String {
        let mut text = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n");
        for (index, &lines) in hunks.iter().enumerate() {
            text += &format!("@@ -{0},2 +{0},{1} @@ fn section{index}\n before\n", index * 10_000 + 1, lines + 2);
            (0..lines).for_each(|n| text += &format!("+    let value_{n} = compute({n}, \"{path}\");\n"));
            text += " after\n";
        }
        text
    }

    /// Packs, and checks what always holds; returns the chunks' paths with the number of lines under review.
    #[track_caller]
    fn check(text: String, budget: usize) -> Vec<Vec<(String, usize)>> {
        let diff = parse(text).unwrap();
        let view = View::new(&diff, Tokenizer::O200k, budget);
        let chunks = pack(&diff, &view, budget, &fresh(&diff, None));
        let mut seen = HashSet::new();
        for (index, chunk) in chunks.iter().enumerate() {
            assert_eq!(chunk.id, index + 1);
            assert!(chunk.tokens <= budget, "{} of {budget}", chunk.tokens);
            assert_eq!(chunk.tokens, tokens(&diff, &view, &chunk.pieces));
            for piece in &chunk.pieces {
                for line in
                    piece.lines.clone().filter(|&l| diff.files[piece.file].hunks()[piece.hunk].lines[l].is_change())
                {
                    assert!(seen.insert((piece.file, piece.hunk, line)), "a line is in one chunk only");
                }
            }
        }
        assert_eq!(seen.len(), diff.changed_lines());
        let name = |piece: &Piece| (diff.files[piece.file].path().to_string(), piece.lines.len());
        chunks.iter().map(|chunk| chunk.pieces.iter().map(name).collect()).collect()
    }

    #[test]
    fn small_files_share_a_chunk_in_path_order() {
        let chunks = check(file("b", &[3]) + &file("a", &[3]) + &file("c", &[3]), 1000);
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_file_that_fits_is_not_torn() {
        let chunks = check(file("a", &[20]) + &file("b", &[20]), 500);
        assert_eq!(chunks, [[("a".to_owned(), 22)], [("b".to_owned(), 22)]]);
    }

    #[test]
    fn a_large_file_is_split_between_hunks() {
        let chunks = check(file("a", &[10, 10, 10, 10]), 450);
        assert!(chunks.len() > 1 && chunks.iter().flatten().all(|(_, lines)| *lines == 12), "{chunks:?}");
    }

    #[test]
    fn a_large_hunk_is_split_between_lines_with_an_overlap() {
        let diff = parse(file("a", &[300])).unwrap();
        let view = View::new(&diff, Tokenizer::O200k, 600);
        let chunks = pack(&diff, &view, 600, &fresh(&diff, None));
        assert!(chunks.len() > 5);
        assert!(chunks[1..].iter().all(|chunk| chunk.pieces[0].before.len() == CONTEXT_LINES));
        check(file("a", &[300]), 600);
    }

    #[test]
    fn only_the_ranges_are_under_review_with_lines_around_them() {
        let diff = parse(file("a", &[40])).unwrap();
        let view = View::new(&diff, Tokenizer::O200k, 6000);
        let chunks = pack(&diff, &view, 6000, &[vec![vec![10..12, 30..31]]]);
        let shown: Vec<_> =
            chunks[0].pieces.iter().map(|p| (p.before.clone(), p.lines.clone(), p.after.clone())).collect();
        assert_eq!(shown, [(vec![7, 8, 9], 10..12, 12..15), (vec![27, 28, 29], 30..31, 31..34)]);
        assert_eq!((chunks.len(), chunks[0].tokens), (1, tokens(&diff, &view, &chunks[0].pieces)));
        assert_eq!(pack(&diff, &view, 6000, &[vec![vec![]]]), []);
        let small = pack(&diff, &view, 150, &[vec![vec![5..39]]]);
        let lines: Vec<usize> = small.iter().flat_map(|chunk| &chunk.pieces).flat_map(|p| p.lines.clone()).collect();
        assert_eq!(lines, (5..39).collect::<Vec<_>>());
    }

    #[test]
    fn a_split_has_the_same_lines_in_two_chunks() {
        let diff = parse(file("a", &[30])).unwrap();
        let view = View::new(&diff, Tokenizer::O200k, 6000);
        let mut work = pack(&diff, &view, 6000, &fresh(&diff, None));
        let mut lines = Vec::new();
        while let Some(chunk) = work.pop() {
            match split(&diff, &view, &chunk) {
                Some((first, second)) => work.extend([first, second]),
                None => lines.extend(chunk.pieces[0].lines.clone()),
            }
        }
        lines.sort_unstable();
        assert_eq!(lines, (0..32).collect::<Vec<_>>(), "every line once, 30 of them changed and none without one");
    }

    #[test]
    fn the_smallest_budget_holds() {
        check(file(&"deep/".repeat(50), &[5, 40]) + &file("b", &[2]), 100);
        let long = format!(
            "--- a/x\n+++ b/x\n@@ -1 +1,2 @@ {}\n-{}\n+{}\n+y\n",
            "s".repeat(300),
            "a b ".repeat(5000),
            "€".repeat(9000)
        );
        check(long, 100);
    }
}
