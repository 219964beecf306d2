//! What stands in a file, by its syntax: definitions, imports, and the names that some lines use.
//!
//! A language with a grammar (see [`languages`], which says how to add one) is parsed by `tree-sitter`, within bounds of
//! bytes and time. Any other text is read by indentation, brackets and the keywords that most languages share.

pub mod languages;
mod plain;
mod walk;

use std::ops::{ControlFlow, RangeInclusive};
use std::time::{Duration, Instant};

pub use languages::Language;

/// Larger files are not parsed, in bytes.
pub const LARGEST: usize = 500_000;

/// A parse that takes longer is given up. A file of [`LARGEST`] bytes takes a fifth of it.
const LONGEST_PARSE: Duration = Duration::from_millis(200);

/// What is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function, method or macro.
    Function,
    /// A class, struct, interface or another type.
    Type,
    /// A module, namespace or implementation: it holds definitions, and is not what its name means.
    Scope,
    /// A constant, variable or field outside functions.
    Value,
    /// Lines that stand further in than the one before them; nothing more is known.
    Block,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Function => "function",
            Kind::Type => "type",
            Kind::Scope => "scope",
            Kind::Value => "value",
            Kind::Block => "block",
        }
    }
}

/// Something that a file defines. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name, without its type or module; empty for a block.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// All of it, with its decorators.
    pub lines: RangeInclusive<u32>,
    /// The lines up to its body.
    pub signature: RangeInclusive<u32>,
    /// The definition around it, as an index into [`File::definitions`].
    pub parent: Option<usize>,
}

/// A statement that brings in names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Where it stands.
    pub lines: RangeInclusive<u32>,
    /// The words in it: what is brought in, and the parts of where it comes from.
    pub words: Vec<String>,
}

/// How a name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// It is called.
    Call,
    /// It stands where a type does.
    Type,
    /// Otherwise.
    Name,
}

/// A name that some lines use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The name.
    pub name: String,
    /// How.
    pub how: How,
    /// Where.
    pub line: u32,
    /// What stands before it: `cache` in `cache.get()`, `Cache` in `Cache::new()`; empty in `cache().get()`.
    pub of: Option<String>,
}

/// A file that was read.
pub struct File {
    text: String,
    language: Option<&'static Language>,
    tree: Result<tree_sitter::Tree, Unparsed>,
    definitions: Vec<Definition>,
    imports: Vec<Import>,
}

/// Why a file was not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unparsed {
    /// No grammar of this program is for it.
    #[error("no grammar")]
    NoGrammar,
    /// It has more than [`LARGEST`] bytes.
    #[error("too large to parse")]
    TooLarge,
    /// Its parse took too long.
    #[error("took too long to parse")]
    TooSlow,
}

/// The number of places where a text does not follow its grammar; `None` where that is not known.
pub fn errors(path: &str, text: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(text);
    Some(walk::errors(&parse(languages::of(path), &text).ok()?))
}

/// Whether a text follows its grammar; `None` where that is not known.
pub fn parses(path: &str, text: &[u8]) -> Option<bool> {
    errors(path, text).map(|errors| errors == 0)
}

/// Whether a grammar of this program is for a file of this name.
pub fn has_grammar(path: &str) -> bool {
    languages::of(path).and_then(languages::grammar).is_some()
}

/// Whether two texts are the same code, laid out in another way: the same syntax tree, word for word. `None` where that is not
/// known, since one of them does not follow the grammar, or there is none.
pub fn same_code(path: &str, one: &[u8], other: &[u8]) -> Option<bool> {
    let (one, other) = (std::str::from_utf8(one).ok()?, std::str::from_utf8(other).ok()?);
    let read = |text: &str| parse(languages::of(path), text).ok().filter(|tree| walk::errors(tree) == 0);
    let (first, second) = (read(one)?, read(other)?);
    Some(walk::words(&first, one) == walk::words(&second, other))
}

fn parse(language: Option<&'static Language>, text: &str) -> Result<tree_sitter::Tree, Unparsed> {
    let grammar = language.and_then(languages::grammar).ok_or(Unparsed::NoGrammar)?;
    if text.len() > LARGEST {
        return Err(Unparsed::TooLarge);
    }
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&grammar.language).map_err(|_| Unparsed::NoGrammar)?;
    let end = Instant::now() + LONGEST_PARSE;
    let mut is_late = |_: &tree_sitter::ParseState| match Instant::now() > end {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let options = tree_sitter::ParseOptions::new().progress_callback(&mut is_late);
    let mut rest = |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(&mut rest, None, Some(options)).ok_or(Unparsed::TooSlow)
}

impl File {
    /// Reads a file: by its grammar, else by indentation and keywords.
    pub fn read(path: &str, text: &[u8]) -> File {
        let (text, language) = (String::from_utf8_lossy(text).into_owned(), languages::of(path));
        let tree = parse(language, &text);
        let (definitions, imports) = match (&tree, language.and_then(languages::grammar)) {
            (Ok(tree), Some(grammar)) => walk::outline(grammar, tree, &text),
            _ if text.len() > LARGEST => (Vec::new(), Vec::new()),
            _ => (plain::definitions(&text), plain::imports(&text)),
        };
        File { text, language, tree, definitions, imports }
    }

    /// Its text; invalid UTF-8 is replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why it was not parsed, where that is so.
    pub fn unparsed(&self) -> Option<Unparsed> {
        self.tree.as_ref().err().copied()
    }

    /// What it defines, in the order of the text.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The statements that bring in names.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The definitions around a line, the innermost first.
    pub fn enclosing(&self, line: u32) -> Vec<Definition> {
        let around = |definition: &&Definition| definition.lines.contains(&line);
        let found: Vec<Definition> = self.definitions.iter().rev().filter(around).cloned().collect();
        match found.is_empty() && self.tree.is_err() && self.text.len() <= LARGEST {
            true => plain::blocks(&self.text, line),
            false => found,
        }
    }

    /// The names that some lines use, each once for every way of using it, in the order of the text.
    pub fn uses(&self, lines: RangeInclusive<u32>) -> Vec<Use> {
        match (&self.tree, self.language.and_then(languages::grammar)) {
            (Ok(tree), Some(grammar)) => walk::uses(grammar, tree, &self.text, &lines),
            _ => plain::uses(&self.text, &lines),
        }
    }

    /// The lines where a name is called, each once.
    pub fn calls(&self, name: &str) -> Vec<u32> {
        match (&self.tree, self.language.and_then(languages::grammar)) {
            (Ok(tree), Some(grammar)) => walk::calls(grammar, tree, &self.text, name),
            _ => plain::calls(&self.text, name),
        }
    }
}

#[cfg(test)]
mod tests;
