//! Exact token counts, as `tiktoken` has them.
//!
//! The vocabularies and which model has which are those of `tiktoken-rs`, which builds its maps anew in every process: 0.2 s and
//! 40 MB, more than all else that a small review takes. Ours lie ready in the program, and a test compares the counts.

mod hash;
mod merge;
mod pieces;
mod vocabulary;

use tiktoken_rs::tokenizer::{Tokenizer as Encoding, get_tokenizer};

use pieces::{Cut, pieces};
use vocabulary::Vocabulary;

/// Counts tokens in one encoding. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// `gpt-4o`, `gpt-4.1`, `gpt-5`, the `o` models, and every model that is not known.
    O200k,
    /// `gpt-4`, `gpt-3.5`.
    Cl100k,
}

impl Tokenizer {
    /// The encoding of a model.
    pub fn for_model(model: &str) -> Tokenizer {
        match get_tokenizer(model) {
            Some(Encoding::Cl100kBase) => Tokenizer::Cl100k,
            _ => Tokenizer::O200k,
        }
    }

    /// The number of tokens of a text. Special tokens in it (`<|endoftext|>`) count as the text they are.
    pub fn count(self, text: &str) -> usize {
        let (vocabulary, cut) = self.encoding();
        pieces(cut, text).map(|piece| merge::count(vocabulary, piece.as_bytes())).sum()
    }

    /// The counts of many texts, over all cores.
    pub fn count_all<T: AsRef<str> + Sync>(self, texts: &[T]) -> Vec<usize> {
        let count = |texts: &[T]| -> Vec<usize> { texts.iter().map(|text| self.count(text.as_ref())).collect() };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if texts.len() < 500 || cores == 1 {
            return count(texts);
        }
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

    fn encoding(self) -> (&'static Vocabulary, Cut) {
        match self {
            Tokenizer::O200k => (&vocabulary::O200K, Cut::O200k),
            Tokenizer::Cl100k => (&vocabulary::CL100K, Cut::Cl100k),
        }
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

    /// Ours and theirs.
    #[track_caller]
    fn check(text: &str) {
        for (ours, theirs) in [
            (Tokenizer::O200k, tiktoken_rs::o200k_base_singleton()),
            (Tokenizer::Cl100k, tiktoken_rs::cl100k_base_singleton()),
        ] {
            assert_eq!(ours.count(text), theirs.encode_ordinary(text).len(), "{ours:?}: {text:?}");
        }
    }

    #[test]
    fn counts_are_those_of_tiktoken() {
        for text in [
            "fn main() {\n    println!(\"xin chào\"); // 12345\n}\n",
            "it's WE'RE they'LL I'ſ 'x'd don’t",
            " \t\n \r\n  x   \n   y   ",
            "\u{a0}\u{3000} x\u{2028}y \u{85}",
            "日本語のテキスト、漢字かな交じり文。 한국어 العربية हिन्दी ไทย",
            "e\u{301}e\u{301} ǅ ʰ ª º Ⅷ ½ ٣ 👩‍👩‍👧‍👦🇻🇳",
            "https://example.com/a/b?c=d#e  //// \r\n/// ---->>>",
            "AbcDEFghi camelCaseWord SCREAMING_CASE x1y22z333w4444",
            "<|endoftext|><|fim_prefix|>",
            "a",
            "",
        ] {
            check(text);
        }
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        for folder in ["/diff", "/report"] {
            for file in
                std::fs::read_dir(format!("{source}{folder}")).unwrap().flatten().filter(|file| file.path().is_file())
            {
                check(&std::fs::read_to_string(file.path()).unwrap());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn counts_of_any_text_are_those_of_tiktoken(text in "(?s).{0,80}", code in r"[ \t\n\ra-zA-Z0-9_'./é漢{}()-]{0,200}") {
            check(&text);
            check(&code);
        }
    }

    #[test]
    fn texts_that_break_tokenizers() {
        for text in [" ".repeat(1 << 20), "a".repeat(1 << 20), "\n".repeat(1 << 20), "é".repeat(1 << 19)] {
            assert!(Tokenizer::O200k.count(&text) > 0);
        }
        check(&"a".repeat(3000));
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
