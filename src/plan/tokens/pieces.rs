//! Words, numbers, punctuation and white space: the pieces of a text that no token spans.

use std::sync::LazyLock;

use regex::Regex;

/// How an encoding cuts a text, as OpenAI's `tiktoken` has it, but for `\s+(?!\S)`, which is `Pieces`' own.
static O200K: LazyLock<Regex> = LazyLock::new(|| {
    let prefix = r"[^\r\n\p{L}\p{N}]?";
    let (upper, lower) = (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]");
    let words = format!("{prefix}{upper}*{lower}+(?:{CONTRACTION})?|{prefix}{upper}+{lower}*(?:{CONTRACTION})?");
    compile(&format!(r"{words}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACE}"))
});

static CL100K: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"{CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{SPACE}"
    ))
});

/// `'s` and its like in either case; the long s is one of the cases of s.
const CONTRACTION: &str = "'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";

const SPACE: &str = r"\s*[\r\n]+|\s+";

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant, and a test compiles it")
}

/// How a text is cut.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    /// As for `gpt-4o` and everything since.
    O200k,
    /// As for `gpt-4` and `gpt-3.5`.
    Cl100k,
}

/// The pieces of a text, which together are all of it.
pub fn pieces(cut: Cut, text: &str) -> impl Iterator<Item = &str> {
    let pattern: &Regex = match cut {
        Cut::O200k => &O200K,
        Cut::Cl100k => &CL100K,
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = pattern.find_at(text, at)?;
        let end = found.end() - last_blank(found.as_str(), &text[found.end()..]);
        let piece = &text[at..end];
        at = end;
        Some(piece)
    })
}

/// The length of the blank that belongs to the word behind a run of blanks, `\s+(?!\S)` in the patterns of `tiktoken`.
fn last_blank(piece: &str, rest: &str) -> usize {
    let mut chars = piece.chars();
    let last = chars.next_back();
    // a single blank is a piece of its own; what ends in one has nothing else
    let is_run = !rest.is_empty() && chars.next_back().is_some();
    let blank = last.filter(|last| is_run && last.is_whitespace() && !matches!(last, '\r' | '\n'));
    blank.map_or(0, char::len_utf8)
}
