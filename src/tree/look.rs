//! Looking around in the files: a literal search, folders, and some lines of a file. All answers are bounded.
//!
//! What is shown of a file goes through the caller's `clean`, which masks secrets and keeps the lines: the whole file, since
//! a private key is known by its first line, and a token not by its first half.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};
use regex::bytes::Regex;

use super::Tree;

/// Files that are read for one search, in bytes.
const MOST_BYTES: usize = 200_000_000;

/// Longer patterns are not looked for: no line is that long.
const LONGEST_PATTERN: usize = 500;

/// Bytes that are shown of a line.
const LONGEST_LINE: usize = 400;

/// A line that has what was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The file.
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// The line, cut where it is long.
    pub text: String,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// In order of path and line.
    pub matches: Vec<Match>,
    /// Why there may be more, or why nothing was looked for.
    pub stopped: Option<String>,
}

/// Some lines of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Number, counted from 1, and text, cut where it is long.
    pub lines: Vec<(u32, String)>,
    /// How many lines the file has.
    pub total: u32,
}

impl Tree<'_> {
    /// The lines that hold `pattern`, which is text and no regular expression, in files that match `glob` (all files where
    /// it is empty; a glob without `/` matches at any depth). At most `most` of them; of binary files none.
    pub fn search(&self, pattern: &str, glob: &str, most: usize, clean: &dyn Fn(&str) -> String) -> Matches {
        let stopped = |why: &str| Matches { matches: Vec::new(), stopped: Some(why.to_owned()) };
        if let Some(why) = self.why_nowhere() {
            return stopped(why);
        }
        if pattern.trim().is_empty() || pattern.len() > LONGEST_PATTERN || pattern.contains('\n') {
            return stopped("the pattern must be text of one line");
        }
        let Ok(wanted) = Regex::new(&regex::escape(pattern)) else { return stopped("the pattern is too long") };
        let Some(asked) = matcher(glob) else { return stopped("the glob is none") };
        let mut found = Matches::default();
        let mut bytes = 0;
        for entry in self.entries().iter().filter(|entry| asked.is_match(&entry.path)) {
            let Some(text) = self.content(entry).filter(|text| !is_binary(text)) else { continue };
            bytes += text.len();
            if bytes > MOST_BYTES {
                found.stopped = Some(format!("stopped after {} MB of files", MOST_BYTES / 1_000_000));
                return found;
            }
            if !wanted.is_match(&text) {
                continue;
            }
            let text = clean(&String::from_utf8_lossy(&text));
            for (line, text) in lines_with(&wanted, text.as_bytes()) {
                if found.matches.len() == most {
                    found.stopped = Some(format!("stopped after {most} matches"));
                    return found;
                }
                found.matches.push(Match { path: entry.path.clone(), line, text: shown(text) });
            }
        }
        if self.is_cut() {
            found.stopped = Some(format!("only {} files were looked into", self.entries().len()));
        }
        found
    }

    /// What lies in a folder (the root where `path` is empty), folders with a `/` at the end; `None` where there is no such
    /// folder. At most `most`, and whether there are more.
    pub fn list(&self, path: &str, most: usize) -> Option<(Vec<String>, bool)> {
        let folder = match path.trim_end_matches('/') {
            "" | "." => String::new(),
            folder => format!("{folder}/"),
        };
        let below = self.paths().filter_map(|path| path.strip_prefix(&folder));
        let child = |path: &str| match path.split_once('/') {
            Some((folder, _)) => format!("{folder}/"),
            None => path.to_owned(),
        };
        let children: BTreeSet<String> = below.map(child).collect();
        let is_more = children.len() > most || self.is_cut();
        (!children.is_empty()).then(|| (children.into_iter().take(most).collect(), is_more))
    }

    /// The lines `from` to `to` of a file, counted from 1, at most `most` bytes of them; `None` where there is no such text
    /// file.
    pub fn lines(
        &self,
        path: &str,
        (from, to): (u32, u32),
        most: usize,
        clean: &dyn Fn(&str) -> String,
    ) -> Option<Lines> {
        let text = self.file(path).filter(|text| !is_binary(text))?;
        let text = clean(&String::from_utf8_lossy(&text)).into_bytes();
        let all: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap_or(&text).split(|&byte| byte == b'\n').collect();
        let mut found = Lines { lines: Vec::new(), total: u32::try_from(all.len()).unwrap_or(u32::MAX) };
        let mut bytes = 0;
        for (number, line) in (1u32..).zip(all).skip(from.saturating_sub(1) as usize).take_while(|(n, _)| *n <= to) {
            let line = shown(line);
            bytes += line.len();
            if bytes > most {
                break;
            }
            found.lines.push((number, line));
        }
        Some(found)
    }
}

/// The glob for a pattern; all files for an empty one. `None` where it is none.
fn matcher(pattern: &str) -> Option<GlobMatcher> {
    let short = Some(pattern).filter(|pattern| pattern.len() <= LONGEST_PATTERN)?;
    let pattern = match short.trim_start_matches("./") {
        "" => "**".to_owned(),
        folder if folder.ends_with('/') => format!("{folder}**"),
        pattern => pattern.to_owned(),
    };
    // `*` stops at `/` only where the pattern has one
    let glob = GlobBuilder::new(&pattern).literal_separator(pattern.contains('/')).build();
    Some(glob.ok()?.compile_matcher())
}

/// Number and text of each line with a match, from one walk over the text.
fn lines_with<'t>(wanted: &Regex, text: &'t [u8]) -> impl Iterator<Item = (u32, &'t [u8])> {
    let (mut at, mut number) = (0, 1);
    std::iter::from_fn(move || {
        let hit = wanted.find_at(text, at)?;
        let start = text[..hit.start()].iter().rposition(|&byte| byte == b'\n').map_or(0, |feed| feed + 1);
        let end = text[hit.end()..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |feed| hit.end() + feed);
        number += text[at..start.max(at)].iter().filter(|&&byte| byte == b'\n').count();
        let line = (u32::try_from(number).unwrap_or(u32::MAX), &text[start..end]);
        // the next search begins on the next line
        at = (end + 1).min(text.len());
        number += 1;
        Some(line).filter(|_| start <= end)
    })
}

/// As git decides: a zero byte near the beginning.
pub(super) fn is_binary(text: &[u8]) -> bool {
    text.iter().take(8000).any(|&byte| byte == 0)
}

fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
    if line.len() <= LONGEST_LINE {
        return line;
    }
    let end = line.floor_char_boundary(LONGEST_LINE);
    format!("{}[cut: {} of {} bytes are not shown]", &line[..end], line.len() - end, line.len())
}
