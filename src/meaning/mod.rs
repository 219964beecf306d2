//! Whether two remarks mean the same, by their words: no model is asked.
//!
//! Words are weighted by how rarely review remarks use them (TF-IDF): two remarks that share `UserCache::evict` say the
//! same more likely than two that share `error` and `value`. A cosine of at least 0.25 ranks reviewers as a strong model
//! does that is asked whether two remarks are the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

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

/// The words of a text that say something: in lower case, without endings, names in code also by their parts.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|token| !token.is_empty()) {
        let parts = parts(token);
        if parts.len() > 1 {
            words.push(token.to_lowercase());
        }
        words.extend(parts.iter().map(|part| stem(part)).filter(|word| says_something(word)));
    }
    words
}

/// The names in a text that look like code: with a capital inside, an underscore, or a digit.
pub fn names(text: &str) -> BTreeSet<String> {
    let tokens = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|token| token.chars().count() > 2);
    tokens.filter(|token| parts(token).len() > 1).map(str::to_owned).collect()
}

/// `maxRetryCount` and `max_retry_count` → max, retry, count.
fn parts(token: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in token.chars() {
        let is_break = c == '_' || (c.is_uppercase() && before.is_lowercase());
        if is_break {
            parts.push(String::new());
        }
        if c != '_'
            && let Some(part) = parts.last_mut()
        {
            part.extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// A word without its ending, roughly: `divides`, `dividing` and `divided` become one.
fn stem(word: &str) -> String {
    const ENDINGS: [&str; 16] = [
        "izations", "ization", "ations", "ation", "ingly", "ings", "ions", "ing", "ion", "ies", "ed", "es", "ly", "s",
        "e", "y",
    ];
    // irregular forms that reviews use all the time
    const SAME: [(&str, &str); 8] = [
        ("null", "none"),
        ("nil", "none"),
        ("lost", "lose"),
        ("written", "write"),
        ("thrown", "throw"),
        ("never", "not"),
        ("zero", "0"),
        ("crashes", "panic"),
    ];
    if let Some((_, other)) = SAME.iter().find(|(one, _)| *one == word) {
        return (*other).to_owned();
    }
    let keeps_enough = |rest: &&str| rest.chars().count() >= 3;
    let rest = ENDINGS.iter().find_map(|ending| word.strip_suffix(ending).filter(keeps_enough));
    rest.unwrap_or(word).to_owned()
}

/// Whether a word is more than grammar.
fn says_something(word: &str) -> bool {
    const GRAMMAR: [&str; 62] = [
        "a", "an", "the", "is", "are", "was", "wer", "be", "been", "it", "its", "thi", "that", "thes", "thos", "this",
        "of", "to", "in", "on", "at", "by", "for", "from", "with", "and", "or", "but", "if", "then", "than", "as",
        "so", "which", "whil", "when", "wher", "ther", "here", "ha", "has", "have", "had", "do", "doe", "does", "did",
        "can", "could", "will", "would", "may", "might", "should", "must", "not", "no", "any", "all", "also", "into",
        "instead",
    ];
    !GRAMMAR.contains(&word) && (word.chars().count() > 1 || word.chars().all(char::is_numeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_code_count_whole_and_by_their_parts() {
        assert_eq!(words("maxRetryCount"), ["maxretrycount", "max", "retr", "count"]);
        assert_eq!(words("max_retry_count of the retries"), ["max_retry_count", "max", "retr", "count", "retr"]);
        assert_eq!(
            names("`maxRetry` and load_user fail, The user"),
            BTreeSet::from(["load_user".into(), "maxRetry".into()])
        );
    }

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
    }

    #[test]
    fn documents_make_their_common_words_cheap() {
        let remark = "the ledger entry is posted twice";
        let other = "the ledger total is rounded down";
        let weights = Weights::with(std::iter::repeat_n("something about the ledger", 50));
        assert!(weights.cosine(remark, other) < Weights::shipped().cosine(remark, other));
    }
}
