//! Definitions of the names that changed lines use, and calls of the functions that they change, in the whole repository.

use std::cmp::Reverse;
use std::rc::Rc;

use super::Context;
use super::around::{block, enclosing, named, signature};
use super::change::{self, Part};
use super::room::Block;
use super::source::{Lines, Source};
use crate::syntax::{Definition, How, Kind, Use};

/// More names are not looked for in one change.
const MOST_NAMES: usize = 3000;

/// More definitions are not shown in one prompt.
const MOST_DEFINITIONS: usize = 40;

/// More files are not parsed for one name.
const MOST_FILES: usize = 12;

/// A name that so many files elsewhere define says nothing.
const AMBIGUOUS: usize = 3;

/// A definition of more lines is shown by its signature.
const SHORT: usize = 30;

/// More places of calls are not shown.
const MOST_CALLS: usize = 8;

/// Of one file, not more than these.
const MOST_CALLS_OF_FILE: usize = 3;

/// Lines around a call.
const AROUND_CALL: u32 = 2;

/// Methods that every library has: a call of one tells nothing about which is meant.
const COMMON: [&str; 48] = [
    "add", "all", "any", "append", "call", "clone", "close", "contains", "count", "equals", "filter", "find", "format",
    "from", "get", "init", "insert", "into", "is_empty", "items", "iter", "join", "keys", "len", "length", "load",
    "log", "main", "map", "new", "next", "open", "parse", "pop", "print", "push", "put", "read", "remove", "run",
    "send", "set", "size", "sort", "split", "test", "toString", "write",
];

/// How far a file is from the one that uses a name: the nearest first.
type Distance<'p> = (u8, bool, Reverse<usize>, &'p str);

/// Imported by it.
const IMPORTED: u8 = 0;
/// In the same folder.
const NEIGHBOUR: u8 = 1;
const ELSEWHERE: u8 = 2;

impl Context<'_> {
    /// All names that this change may ask for.
    pub(super) fn wanted_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (index, file) in self.diff.files.iter().enumerate() {
            let source = self.changed(index);
            let lines = file.hunks().iter().flat_map(|hunk| &hunk.lines);
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
        let here = own.and_then(|source| Some((0, source.clone(), defined_in(source, used, true)?)));
        // a definition around the line is what the hunk is in
        if let Some((.., definition)) = &here
            && definition.lines.contains(&used.line)
        {
            return None;
        }
        here.or_else(|| self.definition_elsewhere(part, own, used))
    }

    fn definition_elsewhere(
        &self,
        part: &Part,
        own: Option<&Rc<Source>>,
        used: &Use,
    ) -> Option<(u8, Rc<Source>, Definition)> {
        let is_of_value = used.of.as_deref().is_some_and(|of| !of.starts_with(char::is_uppercase));
        let is_common = COMMON.contains(&used.name.as_str()) && is_of_value;
        let mut found: Vec<(u8, Rc<Source>, Definition)> = Vec::new();
        for ((distance, ..), path) in self.nearest(part, own, self.scan().defined(&used.name)) {
            let Some(source) = self.other(path) else { continue };
            let Some(definition) = defined_in(&source, used, !is_common) else { continue };
            found.push((distance + 1, source, definition));
            if distance < ELSEWHERE || found.len() == AMBIGUOUS {
                break;
            }
        }
        (found.len() < AMBIGUOUS).then(|| found.into_iter().next()).flatten()
    }

    /// Of these entries of the tree, the nearest to a part's file, without the file itself.
    fn nearest<'c>(&'c self, part: &Part, own: Option<&Rc<Source>>, entries: &[usize]) -> Vec<(Distance<'c>, &'c str)> {
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

    /// The calls of the functions that a part's lines change, with a few lines around each.
    pub(super) fn callers(&self, part: &Part) -> Vec<Block> {
        let source = self.changed(part.file);
        let functions = changed_functions(source.as_deref(), &part.at);
        let mut names: Vec<String> = functions.iter().map(|function| function.name.clone()).collect();
        names.extend(self.diff.files.get(part.file).map(change::removed_functions).unwrap_or_default());
        let mut blocks = Vec::new();
        for name in names {
            if let Some(source) = &source {
                let own =
                    functions.iter().find(|function| function.name == name).map(|function| function.lines.clone());
                let outside = |line: &u32| own.as_ref().is_none_or(|own| !own.contains(line));
                blocks.extend(calls(source, &name, outside, &part.added));
            }
            for ((distance, ..), path) in self.nearest(part, source.as_ref(), self.scan().called(&name)) {
                // `get` elsewhere is another one
                if blocks.len() >= MOST_CALLS || (distance == ELSEWHERE && COMMON.contains(&name.as_str())) {
                    break;
                }
                if let Some(source) = self.other(path) {
                    blocks.extend(calls(&source, &name, |_| true, &Lines::new()));
                }
            }
        }
        blocks.truncate(MOST_CALLS);
        blocks
    }
}

/// The definition of a used name in a file. `loosely`: where the name says what it belongs to, and nothing here is of that
/// name, another one counts too.
fn defined_in(source: &Source, used: &Use, loosely: bool) -> Option<Definition> {
    let definitions = source.file.definitions();
    let is_it = |definition: &&Definition| definition.name == used.name && is_meant(used.how, definition.kind);
    let parent = |definition: &Definition| definition.parent.and_then(|parent| definitions.get(parent));
    let Some(of) = used.of.as_deref().filter(|of| !matches!(*of, "self" | "Self" | "this" | "super" | "cls" | "crate"))
    else {
        return definitions.iter().find(is_it).cloned();
    };
    let is_of = |definition: &&Definition| {
        parent(definition).is_some_and(|parent| parent.name == of) || is_module(&source.path, of)
    };
    let exact = definitions.iter().filter(is_it).find(is_of);
    // `Vec::new` is not the `new` of something else
    let may_be_any = loosely && !of.starts_with(char::is_uppercase);
    exact.or_else(|| definitions.iter().filter(|_| may_be_any).find(is_it)).cloned()
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

/// The functions around some lines.
fn changed_functions(source: Option<&Source>, lines: &Lines) -> Vec<Definition> {
    let Some(source) = source else { return Vec::new() };
    let mut found: Vec<Definition> = Vec::new();
    for &line in lines {
        if found.iter().any(|function| function.lines.contains(&line)) {
            continue;
        }
        let function = enclosing(source, line).map(|(inner, _)| inner).filter(|inner| inner.kind == Kind::Function);
        found.extend(function);
    }
    found
}

/// The calls of a name in a file, each with some lines around it and the signature of the function that it is in.
fn calls(source: &Rc<Source>, name: &str, is_wanted: impl Fn(&u32) -> bool, added: &Lines) -> Vec<Block> {
    let sites: Vec<u32> = source.file.calls(name).into_iter().filter(is_wanted).take(MOST_CALLS_OF_FILE).collect();
    let mut lines = Lines::new();
    for &site in &sites {
        let last = site.saturating_add(AROUND_CALL).min(source.last_line());
        lines.extend(site.saturating_sub(AROUND_CALL).max(1)..=last);
        let function = enclosing(source, site).map(|(inner, _)| inner).filter(|inner| inner.kind == Kind::Function);
        lines.extend(function.iter().flat_map(signature));
    }
    let Some(&end) = lines.last() else { return Vec::new() };
    let what = format!("calls of {}", crate::text::printable(name));
    vec![Block { full: block(source, &lines, end, (&Lines::new(), added), &what), short: String::new() }]
}
