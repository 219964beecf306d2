//! One look over the whole repository: which files may define, and which may call, the names that a change is about.
//!
//! Nothing is parsed here. A word counts as a definition or a call by what stands before and behind it; the few files that
//! are left are parsed later.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::source;
use crate::syntax::languages;
use crate::tree::{Entry, Tree};

/// The look ends after so many bytes of files …
const MOST_BYTES: usize = 256_000_000;

/// … or after so long.
const MOST_TIME: Duration = Duration::from_secs(3);

/// The files that have a name, as indices into the tree's entries.
#[derive(Debug, Default, Clone)]
pub(super) struct Places {
    pub(super) defined: Vec<usize>,
    pub(super) called: Vec<usize>,
}

/// What the look found.
#[derive(Default)]
pub(super) struct Scan {
    places: HashMap<String, Places>,
    /// Why there may be more.
    pub(super) stopped: Option<String>,
}

impl Scan {
    /// Looks for names in the files of the languages of some paths.
    pub(super) fn new(tree: &Tree<'_>, names: &[String], paths: &[&str]) -> Scan {
        let words = Words::new(names);
        let mut scan = Scan::default();
        let mut groups: Vec<String> = paths.iter().filter_map(|path| group(path)).collect();
        groups.sort_unstable();
        groups.dedup();
        let (mut bytes, end) = (0, Instant::now() + MOST_TIME);
        for (index, entry) in tree.entries().iter().enumerate().filter(|(_, entry)| is_in(&entry.path, &groups)) {
            if bytes > MOST_BYTES || Instant::now() > end {
                scan.stopped = Some(format!("stopped before `{}`", crate::text::printable(&entry.path)));
                break;
            }
            bytes += scan.add(tree, &words, (index, entry));
        }
        if tree.is_cut() {
            let files = tree.entries().len();
            scan.stopped = Some(format!("saw only {files} files"));
        }
        scan
    }

    /// Looks into one file, and returns its size.
    fn add(&mut self, tree: &Tree<'_>, words: &Words<'_>, (index, entry): (usize, &Entry)) -> usize {
        let Some(text) = tree.content(entry) else { return 0 };
        if source::is_foreign_text(&text) {
            return text.len();
        }
        let style = Style::of(&entry.path);
        let mut seen: HashMap<&str, (bool, bool)> = HashMap::new();
        words.each(&text, |name, start, end| {
            let seen = seen.entry(name).or_default();
            seen.0 |= may_define(&text, start, end, style);
            seen.1 |= may_call(&text, end, style);
        });
        for (name, (is_defined, is_called)) in seen {
            let places = match self.places.get_mut(name) {
                Some(places) => places,
                None => self.places.entry(name.to_owned()).or_default(),
            };
            places.defined.extend(is_defined.then_some(index));
            places.called.extend(is_called.then_some(index));
        }
        text.len()
    }

    /// The files that may define a name.
    pub(super) fn defined(&self, name: &str) -> &[usize] {
        self.places.get(name).map_or(&[], |places| &places.defined)
    }

    /// The files that may call it.
    pub(super) fn called(&self, name: &str) -> &[usize] {
        self.places.get(name).map_or(&[], |places| &places.called)
    }
}

/// Files that may use each other's names: those of a family of languages, else those with the same ending.
fn group(path: &str) -> Option<String> {
    match languages::of(path) {
        Some(language) => Some(language.family.to_owned()),
        None => path.rsplit('/').next()?.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()),
    }
}

fn is_in(path: &str, groups: &[String]) -> bool {
    source::is_code(path) && group(path).is_some_and(|group| groups.contains(&group))
}

/// How a language writes definitions and calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `A::f()` may be a definition.
    C,
    /// A call needs no bracket.
    Bare,
    Other,
}

impl Style {
    fn of(path: &str) -> Style {
        match languages::of(path).map(|language| language.family) {
            Some("c") => Style::C,
            Some("ruby" | "shell") => Style::Bare,
            _ => Style::Other,
        }
    }
}

/// Words after which a name is used, not defined.
const USERS: [&[u8]; 26] = [
    b"return",
    b"new",
    b"throw",
    b"throws",
    b"raise",
    b"await",
    b"yield",
    b"else",
    b"in",
    b"not",
    b"and",
    b"or",
    b"is",
    b"as",
    b"import",
    b"from",
    b"use",
    b"using",
    b"extends",
    b"implements",
    b"instanceof",
    b"case",
    b"if",
    b"while",
    b"until",
    b"unless",
];

/// Bytes before a name that are looked at.
const LOOK_BACK: usize = 200;

fn may_define(text: &[u8], start: usize, end: usize, style: Style) -> bool {
    // a line may be as long as the file
    let before = text.get(start.saturating_sub(LOOK_BACK)..start).unwrap_or_default();
    let before = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let next = next_byte(text, end);
    let trimmed = before.trim_ascii_end();
    match trimmed.last() {
        // methods of some languages stand alone: `get(key) {`
        None => matches!(next, Some(b'(' | b'=' | b':' | b'<')),
        Some(b'.') => trimmed.ends_with(b"self."),
        Some(b':') => style == Style::C && trimmed.ends_with(b"::") && next == Some(b'('),
        Some(b'*' | b'&' | b'>' | b']' | b')') => matches!(next, Some(b'(' | b'=' | b'<' | b';')) || style == Style::C,
        Some(&last) if is_word(last) => {
            let from = trimmed.iter().rposition(|&byte| !is_word(byte)).map_or(0, |at| at + 1);
            trimmed.len() < before.len() && trimmed.get(from..).is_some_and(|word| !USERS.contains(&word))
        }
        Some(_) => false,
    }
}

fn may_call(text: &[u8], end: usize, style: Style) -> bool {
    style == Style::Bare || matches!(next_byte(text, end), Some(b'(' | b'<' | b'!' | b'{' | b':'))
}

/// The next byte that is no blank.
fn next_byte(text: &[u8], at: usize) -> Option<u8> {
    text.get(at..)?.iter().copied().find(|byte| !matches!(byte, b' ' | b'\t'))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// A set of words that is fast to look for: most words of a text are ruled out by a few of their bytes.
struct Words<'n> {
    names: HashMap<&'n [u8], &'n str>,
    sieve: Vec<bool>,
}

impl<'n> Words<'n> {
    fn new(names: &'n [String]) -> Words<'n> {
        let mut sieve = vec![false; 1 << 16];
        // marks such as `?` and `!` at the end of a name are no part of a word
        let words = names.iter().map(|name| (name.trim_end_matches(['?', '!']).as_bytes(), name.as_str()));
        let names: HashMap<&[u8], &str> = words.collect();
        for word in names.keys() {
            if let Some(place) = sieve.get_mut(Words::hash(word)) {
                *place = true;
            }
        }
        Words { names, sieve }
    }

    fn hash(word: &[u8]) -> usize {
        let (first, last) = (word.first().copied().unwrap_or(0), word.last().copied().unwrap_or(0));
        let middle = word.get(word.len() / 2).copied().unwrap_or(0);
        let hash = usize::from(first) * 31 + usize::from(middle) * 1021 + usize::from(last) * 7919 + word.len() * 4099;
        hash & 0xffff
    }

    /// Calls `found` with each name in a text, and where it begins and ends.
    fn each(&self, text: &[u8], mut found: impl FnMut(&'n str, usize, usize)) {
        let mut at = 0;
        while let Some(start) = text.get(at..).and_then(|rest| rest.iter().position(|&b| is_word(b))).map(|n| at + n) {
            let rest = text.get(start..).unwrap_or_default();
            let end = start + rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len());
            let word = text.get(start..end).unwrap_or_default();
            if self.sieve.get(Words::hash(word)).is_some_and(|&is_set| is_set)
                && let Some(name) = self.names.get(word)
            {
                found(name, start, end);
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, defines: bool, calls: bool) {
        let tree = Tree::in_memory([(path.to_owned(), text.as_bytes().to_vec())]);
        let scan = Scan::new(&tree, &["name".to_owned()], &[path]);
        assert_eq!((!scan.defined("name").is_empty(), !scan.called("name").is_empty()), (defines, calls), "{text}");
    }

    #[test]
    fn a_word_is_told_by_what_is_around_it() {
        check("a.rs", "pub fn name<T>() {", true, true);
        check("a.rs", "    x.name();", false, true);
        check("a.rs", "    let x = name();", false, true);
        check("a.rs", "use a::name;", false, false);
        check("a.rs", "    return name(1);", false, true);
        check("a.rs", "fn rename() { names() }", false, false);
        check("a.py", "name = 3", true, false);
        check("a.py", "    self.name(3)", true, true);
        check("a.py", "from a import name", false, false);
        check("a.js", "  name(x) {", true, true);
        check("a.go", "func (c *C) name(x int) {", true, true);
        check("a.c", "static char *name(int x)", true, true);
        check("a.cpp", "int A::name(int x) {", true, true);
        check("a.rs", "A::name(x)", false, true);
        check("a.java", "List<String> name(int x) {", true, true);
        check("a.rb", "  def self.name", true, true);
        check("a.rb", "  name x", false, true);
        check("a.md", "fn name(", false, false);
    }

    #[test]
    fn names_with_marks_are_found() {
        let tree = Tree::in_memory([("a.rb".to_owned(), b"def empty?\n".to_vec())]);
        assert_eq!(Scan::new(&tree, &["empty?".to_owned()], &["b.rb"]).defined("empty?"), [0]);
    }
}
