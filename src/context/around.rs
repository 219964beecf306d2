//! The function, method or class around some lines, and the imports that they use.

use std::ops::RangeInclusive;
use std::rc::Rc;

use super::Context;
use super::change::{self, Part};
use super::room::Block;
use super::source::{Lines, Source};
use crate::syntax::{Definition, Kind};
use crate::text::printable;

/// Around a hunk, the largest function of at most so many lines is shown, rather than the innermost.
const COMFORTABLE: usize = 60;

/// More lines of a definition are not shown, whatever the limit of tokens.
const MOST_LINES: u32 = 600;

/// More lines of a signature are not shown.
const LONGEST_SIGNATURE: u32 = 10;

/// More lines of an import are not shown, nor more lines with imports.
const MOST_IMPORT_LINES: usize = 20;

impl Context<'_> {
    /// The definitions around the lines of a part, without the lines that are `shown` already.
    pub(super) fn around(&self, part: &Part, shown: &Lines) -> Vec<Block> {
        let Some(source) = self.changed(part.file) else { return Vec::new() };
        let mut known: Vec<RangeInclusive<u32>> = Vec::new();
        let mut blocks = Vec::new();
        for &line in &part.at {
            let line = line.min(source.last_line());
            if known.iter().any(|lines| lines.contains(&line)) {
                continue;
            }
            let Some((inner, outer)) = enclosing(&source, line) else { continue };
            known.push(inner.lines.clone());
            let what = if inner.name.is_empty() {
                "around the change".to_owned()
            } else {
                named(&inner, outer.first(), "around the change")
            };
            let outer: Lines = outer.iter().flat_map(signature).collect();
            let view = |own: Lines| {
                let lines: Lines = own.union(&outer).copied().collect();
                block(&source, &lines, *inner.lines.end(), (shown, &part.added), &what)
            };
            let whole = *inner.lines.start()..=(*inner.lines.end()).min(inner.lines.start().saturating_add(MOST_LINES));
            blocks.push(Block { full: view(whole.collect()), short: view(signature(&inner).collect()) });
        }
        blocks.retain(|block| !block.full.is_empty());
        blocks
    }

    /// The imports whose names the lines of a part use, without the lines that are shown already.
    pub(super) fn imports(&self, part: &Part) -> Option<Block> {
        let (source, file) = (self.changed(part.file)?, self.diff.files.get(part.file)?);
        let lines = change::runs(&part.at);
        let used = lines.into_iter().flat_map(|run| source.file.uses(run));
        let used: Vec<String> = used.flat_map(|used| [Some(used.name), used.of]).flatten().collect();
        let uses = |words: &[String]| words.iter().any(|word| !is_keyword(word) && used.contains(word));
        let imports = source.file.imports().iter().filter(|import| uses(&import.words));
        let lines: Lines = imports.flat_map(|import| import.lines.clone().take(MOST_IMPORT_LINES)).collect();
        let lines: Lines = lines.into_iter().filter(|line| !part.at.contains(line)).take(MOST_IMPORT_LINES).collect();
        // what lies between imports says nothing
        let views = change::runs(&lines).into_iter().map(|run| {
            let end = *run.end();
            source.view(&run.collect(), end, &part.shown, &part.added)
        });
        let view: String = views.collect();
        let header = format!("=== {} (imports that the change uses)\n", printable(file.path().as_str()));
        (!view.is_empty()).then(|| Block { full: header + &view, short: String::new() })
    }
}

/// Words of import statements that are names of nothing.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "import"
            | "from"
            | "use"
            | "using"
            | "as"
            | "require"
            | "type"
            | "static"
            | "const"
            | "self"
            | "super"
            | "crate"
    )
}

/// The definition that is shown for a line, and those around it, the innermost first.
pub(super) fn enclosing(source: &Source, line: u32) -> Option<(Definition, Vec<Definition>)> {
    let around = source.file.enclosing(line);
    let is_small = |definition: &Definition| definition.lines.clone().count() <= COMFORTABLE;
    let is_function = |definition: &Definition| definition.kind == Kind::Function;
    let is_any = |definition: &Definition| definition.kind != Kind::Scope;
    let small_function = around.iter().rposition(|definition| is_function(definition) && is_small(definition));
    let index = small_function
        .or_else(|| around.iter().position(is_function))
        .or_else(|| around.iter().rposition(|definition| is_any(definition) && is_small(definition)))
        .or_else(|| around.iter().position(is_any))
        .unwrap_or(0);
    let inner = around.get(index)?.clone();
    let outer = around.into_iter().skip(index + 1).filter(|outer| outer.kind != Kind::Block).collect();
    Some((inner, outer))
}

/// The lines of a definition up to its body, as far as they are shown.
pub(super) fn signature(definition: &Definition) -> RangeInclusive<u32> {
    let start = *definition.signature.start();
    start..=(*definition.signature.end()).min(start.saturating_add(LONGEST_SIGNATURE - 1))
}

/// `function get of Cache, …`.
pub(super) fn named(definition: &Definition, outer: Option<&Definition>, why: &str) -> String {
    let name = printable(&definition.name);
    match outer.filter(|outer| !outer.name.is_empty()) {
        Some(outer) => format!("{why}: {} {name} of {}", definition.kind.word(), printable(&outer.name)),
        None => format!("{why}: {} {name}", definition.kind.word()),
    }
}

/// Lines of a file with their header; empty where all of them are shown already.
pub(super) fn block(
    source: &Rc<Source>,
    lines: &Lines,
    end: u32,
    (shown, added): (&Lines, &Lines),
    what: &str,
) -> String {
    let view = source.view(lines, end, shown, added);
    let (Some(first), Some(last)) = (lines.difference(shown).next(), lines.difference(shown).last()) else {
        return String::new();
    };
    format!("=== {} (lines {first}-{last}, {what})\n{view}", printable(&source.path))
}
