//! Files that may be shown: code that people write, with its secrets masked.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::diff::RepoPath;
use crate::diff::filter;
use crate::syntax::{File, languages};
use crate::text::unbroken;
use crate::tree::Tree;

/// Bytes that are shown of a line.
const LONGEST_LINE: usize = 300;

/// A file with more bytes a line than this was written by a program.
const LONGEST_AVERAGE: usize = 200;

/// Endings of text that is no code: nothing in it encloses a line.
const PROSE: [&str; 14] =
    ["md", "markdown", "rst", "txt", "adoc", "csv", "tsv", "svg", "json", "po", "patch", "diff", "ipynb", "log"];

/// A file that context is taken from.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) file: File,
    /// What may be shown of it, by line.
    lines: Vec<String>,
}

impl Source {
    /// Reads a file, as far as it may be shown.
    pub(super) fn read(tree: &Tree<'_>, path: &str, clean: &dyn Fn(&str) -> String) -> Option<Source> {
        if !is_code(path) {
            return None;
        }
        let text = tree.file(path)?;
        if is_foreign_text(&text) {
            return None;
        }
        let file = File::read(path, &text);
        // a private key is known by its first lines, so the whole file is cleaned
        let lines = clean(file.text()).lines().map(|line| unbroken(line).into_owned()).collect();
        Some(Source { path: path.to_owned(), file, lines })
    }

    /// The number of its last line.
    pub(super) fn last_line(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// Some lines in the reviewer's view, those in `added` marked. It says what is left out between them, and behind them up
    /// to `end`; the lines `shown` stand elsewhere in the prompt. Empty where all of them do.
    pub(super) fn view(&self, lines: &Lines, end: u32, shown: &Lines, added: &Lines) -> String {
        let mut out = String::new();
        let mut next: Option<u32> = None;
        for &number in lines.difference(shown) {
            let Some(text) = (number as usize).checked_sub(1).and_then(|index| self.lines.get(index)) else { continue };
            out += &next.map_or(String::new(), |next| gap(next..=number - 1, shown));
            let mark = if added.contains(&number) { '+' } else { ' ' };
            out += &format!("{number} {mark}{}\n", cut(text));
            next = Some(number + 1);
        }
        out + &next.map_or(String::new(), |next| gap(next..=end, shown))
    }
}

/// Numbers of lines, counted from 1.
pub(super) type Lines = BTreeSet<u32>;

fn gap(lines: RangeInclusive<u32>, shown: &Lines) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let place = if lines.clone().all(|line| shown.contains(&line)) { "are shown elsewhere" } else { "are not shown" };
    format!("[lines {}-{} {place}]\n", lines.start(), lines.end())
}

fn cut(line: &str) -> String {
    if line.len() <= LONGEST_LINE {
        return line.to_owned();
    }
    let end = line.floor_char_boundary(LONGEST_LINE);
    format!("{}[cut: {} of {} bytes are not shown]", &line[..end], line.len() - end, line.len())
}

/// Whether a file may hold code that somebody here wrote, by its name.
pub(super) fn is_code(path: &str) -> bool {
    let path = RepoPath::from(path);
    let is_prose = languages::of(path.as_str()).is_none() && PROSE.contains(&path.extension().as_str());
    !is_prose && !filter::is_foreign(&path)
}

/// Whether a text is binary, generated, minified, or a pointer to a file that is kept elsewhere.
pub(super) fn is_foreign_text(text: &[u8]) -> bool {
    let lines = || text.iter().filter(|&&byte| byte == b'\n').count() + 1;
    text.get(..text.len().min(8000)).is_some_and(|head| head.contains(&0))
        || text.starts_with(b"version https://git-lfs.github.com/spec/")
        || filter::has_generated_mark(text)
        || (text.len() > 2000 && text.len() / lines() > LONGEST_AVERAGE)
}
