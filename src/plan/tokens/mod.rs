//! Exact token counts, by `tiktoken-rs`.

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer as Encoding, get_tokenizer};

/// Counts tokens in one encoding. Cheap to copy; the table is loaded on the first count (about 0.1 s) and shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// `gpt-4o`, `gpt-4.1`, `gpt-5`, the `o` models, and every model that is not known.
    O200k,
    /// `gpt-4`, `gpt-3.5`.
    Cl100k,
}

/// A piece given to the tokenizer at once: longer runs without a break make its regex engine overflow its stack and its
/// merging slow.
const LONGEST_PIECE: usize = 2048;

impl Tokenizer {
    /// The encoding of a model.
    pub fn for_model(model: &str) -> Tokenizer {
        match get_tokenizer(model) {
            Some(Encoding::Cl100kBase) => Tokenizer::Cl100k,
            _ => Tokenizer::O200k,
        }
    }

    /// Loads the table now, for a thread that has nothing better to do.
    pub fn preload(self) {
        self.table();
    }

    /// The number of tokens of a text. Special tokens in it (`<|endoftext|>`) count as the text they are.
    pub fn count(self, text: &str) -> usize {
        let mut rest = text;
        let mut tokens = 0;
        while rest.len() > LONGEST_PIECE {
            let (piece, after) = rest.split_at(break_point(rest));
            tokens += self.table().encode_ordinary(piece).len();
            rest = after;
        }
        tokens + self.table().encode_ordinary(rest).len()
    }

    /// The counts of many texts, over all cores.
    pub fn count_all<T: AsRef<str> + Sync>(self, texts: &[T]) -> Vec<usize> {
        let count = |texts: &[T]| -> Vec<usize> { texts.iter().map(|text| self.count(text.as_ref())).collect() };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if texts.len() < 500 || cores == 1 {
            return count(texts);
        }
        self.preload();
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                texts.chunks(texts.len().div_ceil(cores * 4)).map(|part| scope.spawn(move || count(part))).collect();
            // a panic in a part is a panic here, not a silent zero
            parts
                .into_iter()
                .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    fn table(self) -> &'static CoreBPE {
        match self {
            Tokenizer::O200k => tiktoken_rs::o200k_base_singleton(),
            Tokenizer::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        }
    }
}

/// Where to cut a long text. No token spans a line feed that a letter or digit follows, so a cut there changes no count;
/// the cut before a blank changes it by one at most.
fn break_point(text: &str) -> usize {
    let window = &text.as_bytes()[..LONGEST_PIECE];
    let line = window.windows(2).rposition(|w| w[0] == b'\n' && w[1].is_ascii_alphanumeric());
    let word = || window.windows(2).rposition(|w| w[0] != b' ' && w[1] == b' ');
    match line.or_else(word) {
        Some(at) => at + 1,
        None => text.floor_char_boundary(LONGEST_PIECE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_their_encodings() {
        for (model, expected) in [
            ("gpt-4o-mini", Tokenizer::O200k),
            ("gpt-4", Tokenizer::Cl100k),
            ("gpt-3.5-turbo", Tokenizer::Cl100k),
            ("gpt-6-sol", Tokenizer::O200k),
            ("my-model", Tokenizer::O200k),
        ] {
            assert_eq!(Tokenizer::for_model(model), expected, "{model}");
        }
    }

    #[test]
    fn a_long_text_counts_as_it_would_in_one_piece() {
        let text = "fn main() {\n    println!(\"xin chào\"); // 12345\n}\n".repeat(400);
        let whole = tiktoken_rs::o200k_base_singleton().encode_ordinary(&text).len();
        let counted = Tokenizer::O200k.count(&text);
        assert!(counted.abs_diff(whole) * 200 <= whole, "{counted} is within half a percent of {whole}");
    }

    #[test]
    fn texts_that_break_tokenizers() {
        for text in [" ".repeat(1 << 20), "a".repeat(1 << 20), "\n".repeat(1 << 20), "é".repeat(1 << 19)] {
            assert!(Tokenizer::O200k.count(&text) > 0);
        }
        assert_eq!(Tokenizer::O200k.count(""), 0);
        assert!(Tokenizer::O200k.count("<|endoftext|>") > 1, "special tokens are text");
    }

    #[test]
    fn many_texts_count_as_one_by_one() {
        let texts: Vec<String> = (0..2000).map(|n| format!("line {n} = {}", n * 7919)).collect();
        let expected: Vec<usize> = texts.iter().map(|text| Tokenizer::O200k.count(text)).collect();
        assert_eq!(Tokenizer::O200k.count_all(&texts), expected);
    }
}
