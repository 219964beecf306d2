//! Definitions of the names that changed lines use, in the whole repository.

use std::cmp::Reverse;
use std::rc::Rc;

use super::Context;
use super::around::{block, named, signature};
use super::callers::changed_functions;
use super::change::{self, Part};
use super::room::Block;
use super::source::{Lines, Source};
use crate::syntax::{Definition, How, Kind, Use, languages};

/// More names are not looked for in one change.
const MOST_NAMES: usize = 3000;

/// More definitions are not shown in one prompt.
const MOST_DEFINITIONS: usize = 40;

/// More files are not parsed for one name.
const MOST_FILES: usize = 12;

/// A definition of more lines is shown by its signature.
const SHORT: usize = 30;

/// Methods that every library has: a call of one tells nothing about which is meant.
pub(super) const COMMON: [&str; 48] = [
    "add", "all", "any", "append", "call", "clone", "close", "contains", "count", "equals", "filter", "find", "format",
    "from", "get", "init", "insert", "into", "is_empty", "items", "iter", "join", "keys", "len", "length", "load",
    "log", "main", "map", "new", "next", "open", "parse", "pop", "print", "push", "put", "read", "remove", "run",
    "send", "set", "size", "sort", "split", "test", "toString", "write",
];

/// How far a file is from the one that uses a name: the nearest first.
pub(super) type Distance<'p> = (u8, bool, Reverse<usize>, &'p str);

/// Imported by it.
const IMPORTED: u8 = 0;
/// In the same folder.
const NEIGHBOUR: u8 = 1;
pub(super) const ELSEWHERE: u8 = 2;

impl Context<'_> {
    /// All names that this change may ask for.
    pub(super) fn wanted_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (index, file) in self.diff.files.iter().enumerate().take(super::MOST_CHANGED) {
            let source = self.changed(index);
            let lines = file.hunks().iter().flat_map(|hunk| hunk.lines.iter());
            let lines: Lines = lines.filter(|line| line.is_on(crate::diff::Side::Right)).map(|line| line.new).collect();
            names.extend(change::uses(file, source.as_deref(), &lines).into_iter().map(|used| used.name));
            names.extend(changed_functions(source.as_deref(), &lines).into_iter().map(|function| function.name));
            names.extend(change::removed_functions(file));
        }
        names.sort_unstable();
        names.dedup();
        if names.len() > MOST_NAMES {
            self.note(format!("definitions are looked up for {MOST_NAMES} of the {} names in the change", names.len()));
            names.truncate(MOST_NAMES);
        }
        names
    }

    /// The definitions of what the looked-at lines of these parts use.
    pub(super) fn definitions(&self, parts: &[Part]) -> Vec<Block> {
        let mut found: Vec<(How, u8, Rc<Source>, Definition)> = Vec::new();
        for part in parts {
            let Some(file) = self.diff.files.get(part.file) else { continue };
            let source = self.changed(part.file);
            for used in change::uses(file, source.as_deref(), &part.at) {
                let Some((distance, source, definition)) = self.definition(part, source.as_ref(), &used) else {
                    continue;
                };
                let is_known = |(_, _, known, other): &(How, u8, Rc<Source>, Definition)| {
                    known.path == source.path
                        && *other.lines.start() <= *definition.lines.start()
                        && other.lines.end() >= definition.lines.end()
                };
                if found.len() < MOST_DEFINITIONS && !found.iter().any(is_known) {
                    found.push((used.how, distance, source, definition));
                }
            }
        }
        found.sort_by_key(|(how, distance, ..)| (*how, *distance));
        let blocks = found.iter().map(|(_, _, source, definition)| self.definition_block(parts, source, definition));
        blocks.filter(|block| !block.full.is_empty()).collect()
    }

    fn definition_block(&self, parts: &[Part], source: &Rc<Source>, definition: &Definition) -> Block {
        let nothing = Lines::new();
        let part = parts.iter().find(|part| self.path(part) == source.path);
        let shown = part.map_or(&nothing, |part| &part.shown);
        let outer = definition.parent.and_then(|parent| source.file.definitions().get(parent));
        let what = named(definition, outer, "definition");
        let view = |lines: Lines| block(source, &lines, *definition.lines.end(), (shown, &nothing), &what);
        let short = view(signature(definition).collect());
        let full = if definition.lines.clone().count() <= SHORT {
            view(definition.lines.clone().collect())
        } else {
            short.clone()
        };
        Block { full, short }
    }

    fn path(&self, part: &Part) -> &str {
        self.diff.files.get(part.file).map_or("", |file| file.path().as_str())
    }

    /// Where a used name is defined: in the same file, else in the nearest one that defines it.
    fn definition(&self, part: &Part, own: Option<&Rc<Source>>, used: &Use) -> Option<(u8, Rc<Source>, Definition)> {
        if let Some(source) = own {
            let mut here = defined_in(source, used, true);
            // what is around the line is shown as that
            here.retain(|(_, definition)| !definition.lines.contains(&used.line));
            here.sort_by_key(|(is_exact, _)| !is_exact);
            if let Some((_, definition)) = here.into_iter().next() {
                return Some((0, source.clone(), definition));
            }
        }
        self.definition_elsewhere(part, own, used)
    }

    fn definition_elsewhere(
        &self,
        part: &Part,
        own: Option<&Rc<Source>>,
        used: &Use,
    ) -> Option<(u8, Rc<Source>, Definition)> {
        let may_be_any = used.of.is_none() || !COMMON.contains(&used.name.as_str());
        let mut found: Vec<(u8, Rc<Source>, Definition)> = Vec::new();
        for ((distance, ..), path) in self.nearest(part, own, self.scan().defined(&used.name)) {
            let Some(source) = self.other(path) else { continue };
            for (is_exact, definition) in defined_in(&source, used, false) {
                let this = (distance + 1, source.clone(), definition);
                // nobody else may be meant
                if is_exact || (used.of.is_none() && distance < ELSEWHERE) {
                    return Some(this);
                }
                found.extend(may_be_any.then_some(this));
            }
        }
        // a method's name alone tells little, and a function's not much
        let most = if used.of.is_some() { 1 } else { 2 };
        (found.len() <= most).then(|| found.into_iter().next()).flatten()
    }

    /// Of these entries of the tree, the nearest to a part's file, without the file itself.
    pub(super) fn nearest<'c>(
        &'c self,
        part: &Part,
        own: Option<&Rc<Source>>,
        entries: &[usize],
    ) -> Vec<(Distance<'c>, &'c str)> {
        let from = self.path(part);
        let words = || own.iter().flat_map(|source| source.file.imports()).flat_map(|import| &import.words);
        let words: Vec<String> = words().map(|word| word.to_lowercase()).collect();
        let paths = entries.iter().filter_map(|&index| self.tree.entries().get(index)).map(|entry| entry.path.as_str());
        let mut found: Vec<_> =
            paths.filter(|path| *path != from).map(|path| (distance(from, path, &words), path)).collect();
        found.sort_unstable();
        found.truncate(MOST_FILES);
        found
    }
}

/// The definitions of a used name in a file, each with whether it must be the one that is meant: where the use says what the
/// name belongs to, and it does. `own`: the file is the one that uses it.
fn defined_in(source: &Source, used: &Use, own: bool) -> Vec<(bool, Definition)> {
    let definitions = source.file.definitions();
    let is_it = |definition: &&Definition| definition.name == used.name && is_meant(used.how, definition.kind);
    let parent = |definition: &Definition| definition.parent.and_then(|parent| definitions.get(parent));
    let of = used.of.as_deref().filter(|of| !(own && is_self(of)));
    let fit = |definition: &Definition| {
        let parent = parent(definition);
        match of {
            None => (own || parent.is_none() || has_implicit_self(&source.path)).then_some(false),
            Some(of) if is_same(of, parent.map_or("", |parent| &parent.name)) || is_module(&source.path, of) => {
                Some(true)
            }
            // `Vec::new` is not the `new` of something else, and `x.send()` not the function `send`
            Some(of) => (!of.starts_with(char::is_uppercase) && (parent.is_some() || has_loose_methods(&source.path)))
                .then_some(false),
        }
    };
    definitions.iter().filter(is_it).filter_map(|definition| Some((fit(definition)?, definition.clone()))).collect()
}

/// The words by which a type speaks of itself.
fn is_self(word: &str) -> bool {
    matches!(word, "self" | "Self" | "this" | "super" | "cls" | "crate")
}

/// Whether a value or type may be of a type by its name: `open_file.read()` of `OpenFile`.
fn is_same(word: &str, name: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect::<String>();
    !name.is_empty() && letters(word) == letters(name)
}

fn family(path: &str) -> &'static str {
    languages::of(path).map_or("", |language| language.family)
}

/// Whether methods are called without naming the object in a file's language, even those of a type in another file.
fn has_implicit_self(path: &str) -> bool {
    matches!(family(path), "jvm" | "csharp" | "swift" | "ruby" | "c" | "")
}

/// Whether methods stand outside their types in a file's language.
fn has_loose_methods(path: &str) -> bool {
    matches!(family(path), "go" | "c" | "")
}

fn is_meant(how: How, kind: Kind) -> bool {
    match how {
        How::Call => matches!(kind, Kind::Function | Kind::Type),
        How::Type => kind == Kind::Type,
        How::Name => matches!(kind, Kind::Type | Kind::Value),
    }
}

/// Whether a file is the module of a name: `cache.py`, `cache/mod.rs`, and `cache/any.go` are `cache`.
fn is_module(path: &str, name: &str) -> bool {
    let mut parts = path.rsplit('/');
    let stem = parts.next().unwrap_or_default().split('.').next().unwrap_or_default();
    stem == name || parts.next() == Some(name)
}

fn distance<'p>(from: &str, path: &'p str, imported: &[String]) -> Distance<'p> {
    let folder = |path: &str| path.rsplit_once('/').map_or(0, |(folder, _)| folder.len());
    let has_word = |part: &str| part.len() > 2 && imported.contains(&part.to_lowercase());
    let (rest, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split('.').next().unwrap_or_default();
    let is_index = matches!(stem, "index" | "mod" | "__init__" | "lib") || path.ends_with(".go");
    let is_imported = has_word(stem) || (is_index && rest.rsplit('/').next().is_some_and(has_word));
    let is_neighbour = from.get(..folder(from)) == path.get(..folder(path));
    let class = match (is_imported, is_neighbour) {
        (true, _) => IMPORTED,
        (false, true) => NEIGHBOUR,
        (false, false) => ELSEWHERE,
    };
    let common = from.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
    (class, is_test(path), Reverse(common), path)
}

fn is_test(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["test", "spec", "mock", "fixture", "example"].iter().any(|word| path.contains(word))
}
