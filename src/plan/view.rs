//! The reviewer's view of a change: what a chunk shows of files, hunks and lines.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::tokens::Tokenizer;
use crate::diff::{Diff, FileDiff, FileStatus, Hunk, Line, LineKind, Side};
use crate::text::{printable, unbroken};

/// Where a line stands: file, hunk and line index.
pub type Place = (usize, usize, usize);

/// Renders a change line by line, and knows what each line costs in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    tokenizer: Tokenizer,
    /// Tokens of each file's header line.
    files: Vec<usize>,
    /// Tokens of each line.
    lines: Vec<Vec<Vec<usize>>>,
    /// How many bytes are shown of a line that is too long.
    cuts: HashMap<Place, usize>,
    /// The most tokens that a header line may have.
    header_limit: usize,
}

impl View {
    /// Measures a change for chunks of `budget` tokens. A line over two fifths of it is cut, and marked as cut.
    pub fn new(diff: &Diff, tokenizer: Tokenizer, budget: usize) -> View {
        let (line_limit, header_limit) = (budget * 2 / 5, budget / 4);
        let mut view = View { tokenizer, files: Vec::new(), lines: Vec::new(), cuts: HashMap::new(), header_limit };
        let headers: Vec<String> = diff.files.iter().map(|file| view.file_header(file)).collect();
        view.files = tokenizer.count_all(&headers);
        let places: Vec<(Place, &Line)> = places(diff).collect();
        // what is far too long to fit is cut by bytes first, so that no tokenizer sees a line of megabytes
        for (place, line) in &places {
            if line.bytes().len() > line_limit * 8 {
                view.cuts.insert(*place, line_limit * 8);
            }
        }
        let texts: Vec<String> = places.iter().map(|(place, line)| view.line(*place, line, line.kind)).collect();
        let mut counts = tokenizer.count_all(&texts);
        for ((place, line), count) in places.iter().zip(&mut counts) {
            if *count > line_limit {
                *count = view.cut(*place, line, line_limit);
            }
        }
        let mut counts = counts.into_iter();
        let mut next = |hunk: &Hunk| counts.by_ref().take(hunk.lines.len()).collect();
        view.lines = diff.files.iter().map(|file| file.hunks().iter().map(&mut next).collect()).collect();
        view
    }

    /// Shortens a line until it has at most `limit` tokens, and returns how many it has then.
    fn cut(&mut self, place: Place, line: &Line, limit: usize) -> usize {
        let mut bytes = line.text().len().min(limit * 8);
        loop {
            bytes = bytes * 3 / 4;
            self.cuts.insert(place, bytes);
            let count = self.tokenizer.count(&self.line(place, line, line.kind));
            if count <= limit || bytes == 0 {
                return count;
            }
        }
    }

    /// `=== path (what happened)`.
    pub fn file_header(&self, file: &FileDiff) -> String {
        let header = |path: &str| format!("=== {} ({})\n", printable(path), describe(file));
        let full = header(file.path().as_str());
        if full.len() <= self.header_limit || self.tokenizer.count(&full) <= self.header_limit {
            return full;
        }
        // an absurd name: its end says more than its beginning
        let path = file.path().as_str();
        let from = path.floor_char_boundary(path.len().saturating_sub(self.header_limit / 2));
        format!("=== …{}\n", printable(&path[from..]))
    }

    /// `@@ FROM-TO section` for some lines of a hunk.
    pub fn hunk_header(&self, hunk: &Hunk, lines: &[Line]) -> String {
        let range = |side| {
            let mut numbers = lines.iter().filter(|line| line.is_on(side)).map(|line| line.number_on(side));
            let first = numbers.next()?;
            Some((first, numbers.next_back().unwrap_or(first)))
        };
        let (first, last) = range(Side::Right).or_else(|| range(Side::Left)).unwrap_or_default();
        let section: String = hunk.section().chars().take(80).collect();
        let full = format!("@@ lines {first}-{last} {}\n", printable(&section));
        if section.is_empty() || full.len() > self.header_limit / 2 {
            return format!("@@ lines {first}-{last}\n");
        }
        full
    }

    /// One line, shown as `kind`: what a chunk shows only for orientation is context there.
    pub fn line(&self, place: Place, line: &Line, kind: LineKind) -> String {
        let mark = match kind {
            LineKind::Context => ' ',
            LineKind::Added => '+',
            LineKind::Removed => '-',
        };
        let text = line.text();
        let mut out = format!("{} {mark}", line.number());
        match self.cuts.get(&place).map(|&bytes| text.floor_char_boundary(bytes.min(text.len()))) {
            Some(end) if end < text.len() => {
                let _ = write!(
                    out,
                    "{}[cut: {} of {} bytes are not shown]",
                    unbroken(&text[..end]),
                    text.len() - end,
                    text.len()
                );
            }
            _ => out.push_str(&unbroken(&text)),
        }
        out.push('\n');
        out
    }

    /// Tokens of a file's header line.
    pub fn file_tokens(&self, file: usize) -> usize {
        self.files[file]
    }

    /// Tokens of a line of the change.
    pub fn line_tokens(&self, (file, hunk, line): Place) -> usize {
        self.lines[file][hunk][line]
    }

    /// Tokens of some other text.
    pub fn count(&self, text: &str) -> usize {
        self.tokenizer.count(text)
    }

    /// The lines that are cut.
    pub fn cut_lines(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.cuts.keys().copied().collect();
        places.sort_unstable();
        places
    }
}

fn places(diff: &Diff) -> impl Iterator<Item = (Place, &Line)> {
    diff.files.iter().enumerate().flat_map(|(f, file)| {
        file.hunks()
            .iter()
            .enumerate()
            .flat_map(move |(h, hunk)| hunk.lines.iter().enumerate().map(move |(l, line)| ((f, h, l), line)))
    })
}

/// What happened to a file, in words.
pub fn describe(file: &FileDiff) -> String {
    let mut text = match file.status {
        FileStatus::Added => "added".to_owned(),
        FileStatus::Deleted => "deleted".to_owned(),
        FileStatus::Modified => "modified".to_owned(),
        FileStatus::Renamed => format!("renamed from {}", printable(file.old_path.as_str())),
        FileStatus::Copied => format!("copied from {}", printable(file.old_path.as_str())),
    };
    if let (Some(old), Some(new)) = (file.old_mode, file.new_mode)
        && old != new
    {
        let _ = write!(text, ", mode {old:o} → {new:o}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    #[test]
    fn a_line_is_number_mark_and_text() {
        let diff = parse("--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@ fn f\n a\r\n-b\n+c\n").unwrap();
        let view = View::new(&diff, Tokenizer::O200k, 1000);
        let hunk = &diff.files[0].hunks()[0];
        let text: String = hunk.lines.iter().enumerate().map(|(i, l)| view.line((0, 0, i), l, l.kind)).collect();
        assert_eq!(text, "3  a\n4 -b\n4 +c\n");
        assert_eq!(view.hunk_header(hunk, &hunk.lines), "@@ lines 3-4 fn f\n");
        assert_eq!(view.file_header(&diff.files[0]), "=== x (modified)\n");
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        for long in ["word ".repeat(100_000), "日本".repeat(100_000), " ".repeat(1_000_000)] {
            let diff = parse(format!("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+{long}\n")).unwrap();
            let view = View::new(&diff, Tokenizer::O200k, 200);
            assert_eq!(view.cut_lines(), [(0, 0, 1)]);
            assert!(view.line_tokens((0, 0, 1)) <= 80);
            let text = view.line((0, 0, 1), &diff.files[0].hunks()[0].lines[1], LineKind::Added);
            assert!(text.contains("[cut: ") && text.ends_with(&format!("of {} bytes are not shown]\n", long.len())));
        }
    }
}
