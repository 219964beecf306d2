//! Reading a text without a grammar: by indentation, closing brackets, and the keywords that most languages share.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::Regex;

use super::{Definition, How, Import, Kind, Use};

/// Longer lines define nothing that a person would read. In bytes.
const LONGEST_LINE: usize = 500;

/// Languages write a definition's keyword, then its name.
static KEYWORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "class|struct|interface|enum|trait|protocol|object|record|union|type|module|namespace|impl|extension|contract|def|defp|defmodule|fn|func|fun|function|sub|proc|procedure|macro|codeunit|table|page|report";
    Regex::new(&format!(r"^\s*(?:[\w@\[\]<>,.()]+\s+)*?({words})\s+(?:\([^)]*\)\s*)?([A-Za-z_][\w:.]*)")).ok()
});

/// Others write a type, a name and parameters: `static int add(int a, int b) {`.
static TYPED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*(?:[\w:<>,\[\]*&~.?]+\s+)+[*&]*([\w:~]+)\s*\([^;=]*$").ok());

static IMPORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^\s*(?:#\s*include|import|from|use|using|require|require_relative|require_once|include|alias|open|source)\b",
    )
    .ok()
});

static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z_]\w*").ok());

/// Words that stand before a bracket or a name and define nothing.
const STATEMENTS: [&str; 24] = [
    "if", "else", "elif", "elsif", "for", "foreach", "while", "until", "switch", "case", "match", "return", "throw",
    "raise", "new", "await", "yield", "catch", "using", "lock", "do", "delete", "not", "in",
];

fn captures<'t>(regex: &LazyLock<Option<Regex>>, line: &'t str) -> Option<regex::Captures<'t>> {
    regex.as_ref()?.captures(line)
}

fn kind_of(keyword: &str) -> Kind {
    match keyword {
        "def" | "defp" | "fn" | "func" | "fun" | "function" | "sub" | "proc" | "procedure" | "macro" => Kind::Function,
        "module" | "namespace" | "impl" | "extension" | "defmodule" => Kind::Scope,
        _ => Kind::Type,
    }
}

/// Name and kind of what a line defines.
fn defined(line: &str) -> Option<(&str, Kind)> {
    if line.len() > LONGEST_LINE {
        return None;
    }
    let first = line.split_whitespace().next()?;
    if STATEMENTS.contains(&first) || first.starts_with(['/', '#', '*', '-', '"', '\'']) {
        return None;
    }
    let (name, kind) = match captures(&KEYWORD, line) {
        Some(found) => (found.get(2)?.as_str(), kind_of(found.get(1)?.as_str())),
        None => (captures(&TYPED, line)?.get(1)?.as_str(), Kind::Function),
    };
    let name = name.rsplit([':', '.']).next().filter(|name| !name.is_empty())?;
    (!STATEMENTS.contains(&name)).then_some((name, kind))
}

/// What a text seems to define.
pub(super) fn definitions(text: &str) -> Vec<Definition> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<Definition> = Vec::new();
    // those that the present line may be in
    let mut open: Vec<usize> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some((name, kind)) = defined(line) else { continue };
        let (start, end) = (number(index), block_end(&lines, index));
        open.retain(|&outer| found.get(outer).is_some_and(|outer| outer.lines.contains(&start)));
        open.push(found.len());
        let parent = open.len().checked_sub(2).and_then(|outer| open.get(outer)).copied();
        found.push(Definition { name: name.to_owned(), kind, lines: start..=end, signature: start..=start, parent });
    }
    found
}

/// More lines of a block are not read.
const LONGEST_BLOCK: usize = 2000;

/// The last line of the block that a line begins: the lines that stand further in, and the brackets that close them.
fn block_end(lines: &[&str], header: usize) -> u32 {
    let outer = indent(lines.get(header).copied().unwrap_or_default());
    let mut end = header;
    for (index, line) in lines.iter().enumerate().skip(header + 1).take(LONGEST_BLOCK) {
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        let is_further_in = indent(line) > outer;
        let is_bracket = indent(line) == outer && (is_closing(text) || text == "{");
        if !is_further_in && !is_bracket {
            break;
        }
        end = index;
        if is_bracket && is_closing(text) && !text.ends_with(['{', '(', ':']) {
            break;
        }
    }
    number(end)
}

fn is_closing(text: &str) -> bool {
    text.starts_with(['}', ')', ']']) || matches!(text.trim_end_matches([';', ',']), "end" | "done" | "fi" | "esac")
}

/// How far in a line stands; a tab counts as four blanks.
fn indent(line: &str) -> usize {
    line.bytes()
        .map_while(|byte| match byte {
            b' ' => Some(1),
            b'\t' => Some(4),
            _ => None,
        })
        .sum()
}

/// The blocks around a line, the innermost first.
pub(super) fn blocks(text: &str, line: u32) -> Vec<Definition> {
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = (line as usize).checked_sub(1).filter(|&at| at < lines.len()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut inner = indent(lines.get(at).copied().unwrap_or_default());
    for (index, header) in lines.iter().enumerate().take(at).rev().take(LONGEST_BLOCK) {
        let outer = indent(header);
        if header.trim().is_empty() || outer >= inner || is_closing(header.trim()) {
            continue;
        }
        inner = outer;
        let (start, end) = (number(index), block_end(&lines, index).max(line));
        found.push(Definition {
            name: String::new(),
            kind: Kind::Block,
            lines: start..=end,
            signature: start..=start,
            parent: None,
        });
    }
    found
}

/// The lines that seem to bring in names.
pub(super) fn imports(text: &str) -> Vec<Import> {
    let is_import =
        |line: &str| line.len() <= LONGEST_LINE && IMPORT.as_ref().is_some_and(|import| import.is_match(line));
    let lines = (1u32..).zip(text.lines()).filter(|(_, line)| is_import(line));
    lines.map(|(number, line)| Import { lines: number..=number, words: words(line) }).collect()
}

/// The words of a text, each once.
pub(super) fn words(text: &str) -> Vec<String> {
    let Some(word) = WORD.as_ref() else { return Vec::new() };
    let mut seen = HashSet::new();
    word.find_iter(text).map(|word| word.as_str()).filter(|word| seen.insert(*word)).map(str::to_owned).collect()
}

/// The names that some lines seem to use.
pub(super) fn uses(text: &str, lines: &RangeInclusive<u32>) -> Vec<Use> {
    let Some(word) = WORD.as_ref() else { return Vec::new() };
    let mut found: Vec<Use> = Vec::new();
    let mut seen = HashSet::new();
    let chosen =
        (1u32..).zip(text.lines()).skip_while(|(n, _)| n < lines.start()).take_while(|(n, _)| n <= lines.end());
    for (line, text) in chosen.filter(|(_, text)| text.len() <= LONGEST_LINE) {
        for name in word.find_iter(text) {
            let is_call = text.get(name.end()..).is_some_and(|rest| rest.starts_with('('));
            let how = if is_call { How::Call } else { How::Name };
            let of = text.get(..name.start()).and_then(word_before);
            let name = name.as_str();
            if !STATEMENTS.contains(&name) && seen.insert((name, how, of.clone())) {
                found.push(Use { name: name.to_owned(), how, line, of });
            }
        }
    }
    found
}

/// The lines where a name seems to be called: with a bracket behind it, and not where it is defined.
pub(super) fn calls(text: &str, name: &str) -> Vec<u32> {
    let is_call = |line: &str| {
        let mut places =
            line.match_indices(name).filter(|(at, _)| !line.get(..*at).is_some_and(|before| before.ends_with(is_word)));
        places.any(|(at, _)| line.get(at + name.len()..).is_some_and(|rest| rest.trim_start().starts_with('(')))
            && defined(line).is_none_or(|(defined, _)| defined != name)
    };
    let lines = (1u32..).zip(text.lines()).filter(|(_, line)| line.len() <= LONGEST_LINE && is_call(line));
    lines.map(|(number, _)| number).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word that a text ends with, in front of a `.`, `::` or `->`.
pub(super) fn word_before(text: &str) -> Option<String> {
    let owner =
        text.strip_suffix("->").or(text.strip_suffix("::")).or(text.strip_suffix("?.")).or(text.strip_suffix('.'))?;
    let rest = owner.trim_end_matches(is_word);
    let word = owner.get(rest.len()..).filter(|word| is_name(word))?;
    Some(word.to_owned())
}

/// Whether a text is a name that can be looked for: a word of at least two letters.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    (2..=100).contains(&text.len())
        && chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '?' | '!'))
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}
