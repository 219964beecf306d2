//! Whether two remarks mean the same: by their words, for which no model is asked, or by [`Vectors`] of a model.
//!
//! Words are weighted by how rarely review remarks use them (TF-IDF): two remarks that share `UserCache::evict` say the
//! same more likely than two that share `error` and `value`. A cosine of at least 0.25 ranks reviewers as a strong model
//! does that is asked whether two remarks are the same.

mod vectors;
mod words;

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

pub use vectors::Vectors;
pub use words::{names, tokens, words};

/// Words of reviews, one remark a line, of our own writing: what nearly every remark says counts for little.
const SHIPPED: &str = include_str!("remarks.txt");

/// How much a word says.
#[derive(Debug, Clone)]
pub struct Weights {
    documents: usize,
    /// In how many documents a word is.
    frequencies: HashMap<String, usize>,
}

impl Weights {
    /// Weights from the shipped remarks alone.
    pub fn shipped() -> &'static Weights {
        static SHIPPED_WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::with([]));
        &SHIPPED_WEIGHTS
    }

    /// Weights from the shipped remarks and these.
    pub fn with<'a>(remarks: impl IntoIterator<Item = &'a str>) -> Weights {
        let mut weights = Weights { documents: 0, frequencies: HashMap::new() };
        for remark in SHIPPED.lines().filter(|line| !line.is_empty()).chain(remarks) {
            weights.documents += 1;
            for word in words(remark).into_iter().collect::<BTreeSet<_>>() {
                *weights.frequencies.entry(word).or_default() += 1;
            }
        }
        weights
    }

    /// The inverse document frequency of a word, smoothed so that a word in every document still counts for something.
    fn of(&self, word: &str) -> f64 {
        let with_it = self.frequencies.get(word).copied().unwrap_or(0) as f64;
        ((1.0 + self.documents as f64) / (1.0 + with_it)).ln() + 0.1
    }

    /// How alike two texts are, from 0 to 1: the cosine of their weighted words.
    pub fn cosine(&self, a: &str, b: &str) -> f64 {
        let (a, b) = (self.vector(a), self.vector(b));
        let dot: f64 = a.iter().filter_map(|(word, weight)| Some(weight * b.get(word)?)).sum();
        let length = |vector: &HashMap<String, f64>| vector.values().map(|w| w * w).sum::<f64>().sqrt();
        let lengths = length(&a) * length(&b);
        if lengths > 0.0 { (dot / lengths).min(1.0) } else { 0.0 }
    }

    fn vector(&self, text: &str) -> HashMap<String, f64> {
        let mut counts: HashMap<String, f64> = HashMap::new();
        words(text).into_iter().for_each(|word| *counts.entry(word).or_default() += 1.0);
        // saying a word ten times does not mean it ten times as much
        counts.into_iter().map(|(word, count)| (word.clone(), (1.0 + count.ln()) * self.of(&word))).collect()
    }
}

/// How many runs of two words two texts share, of all that they have: the Jaccard index.
pub fn shingles_alike(a: &str, b: &str) -> f64 {
    let shingles = |text: &str| -> BTreeSet<(String, String)> {
        let words = words(text);
        words.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    };
    let (a, b) = (shingles(a), shingles(b));
    a.intersection(&b).count() as f64 / (a.union(&b).count() as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, is_same: bool) {
        let cosine = Weights::shipped().cosine(a, b);
        assert_eq!(cosine >= 0.25, is_same, "{cosine:.2} for {a:?} and {b:?}");
        assert!((cosine - Weights::shipped().cosine(b, a)).abs() < 1e-9);
    }

    #[test]
    fn the_same_in_other_words() {
        check(
            "Division by zero when the list is empty",
            "An empty list makes `average` divide by zero, since its length is 0",
            true,
        );
        check(
            "The lock is taken twice: `flush` locks `self.queue` that `push` holds already",
            "Deadlock: push() calls flush() while holding queue, and flush() tries to lock it again",
            true,
        );
        check("SQL injection through `name`", "`name` is put into the query unescaped: SQL injection", true);
        check("SQL injection through `name`", "The connection is never closed on the error path", false);
        check("The error of `write` is ignored", "The timeout is in seconds, and `sleep` takes milliseconds", false);
        check("", "", false);
    }

    #[test]
    fn a_text_is_like_itself() {
        let text = "`load_user` returns null for an unknown id";
        assert!((Weights::shipped().cosine(text, text) - 1.0).abs() < 1e-9);
        assert!((shingles_alike(text, text) - 1.0).abs() < 1e-9);
        assert!(shingles_alike(text, "The loop never ends when the queue is empty") < 0.1);
    }

    #[test]
    fn documents_make_their_common_words_cheap() {
        let remark = "the ledger entry is posted twice";
        let other = "the ledger total is rounded down";
        let weights = Weights::with(std::iter::repeat_n("something about the ledger", 50));
        assert!(weights.cosine(remark, other) < Weights::shipped().cosine(remark, other));
    }
}
