//! The words of a text, in a form in which two writers' words can be the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Words that mean much the same in a review, one group a line, of our own choice. Vietnamese words stand beside the
/// English ones, since code names are English in either language.
const SYNONYMS: &str = include_str!("synonyms.txt");

/// The words of a text that say something: in lower case, without endings, synonyms as one word, names in code also by
/// their parts.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens(text) {
        let parts = parts(token);
        if parts.len() > 1 {
            words.push(token.to_lowercase());
        }
        words.extend(parts.iter().filter(|part| says_something(part)).map(|part| common(stem(part))));
    }
    words
}

/// The names in a text that look like code: with a capital inside, an underscore, or a digit.
pub fn names(text: &str) -> BTreeSet<String> {
    tokens(text).filter(|token| token.chars().count() > 2 && parts(token).len() > 1).map(str::to_owned).collect()
}

/// Runs of letters, digits and underscores.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|token| !token.is_empty())
}

/// `maxRetryCount` and `max_retry_count` → max, retry, count; `HTTPServer` → http, server.
fn parts(token: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = token.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let ends_capitals = before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase());
        if c == '_' || (c.is_uppercase() && (before.is_lowercase() || ends_capitals)) {
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
fn stem(word: &str) -> &str {
    const ENDINGS: [&str; 16] = [
        "izations", "ization", "ations", "ation", "ingly", "ings", "ions", "ing", "ion", "ies", "ed", "es", "ly", "s",
        "e", "y",
    ];
    let keeps_enough = |rest: &&str| rest.chars().count() >= 3;
    ENDINGS.iter().find_map(|ending| word.strip_suffix(ending).filter(keeps_enough)).unwrap_or(word)
}

/// The word that stands for all its synonyms.
fn common(stem: &str) -> String {
    static COMMON: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
        let groups = SYNONYMS.lines().map(|line| line.split_whitespace().map(self::stem));
        let pairs = groups.filter_map(|mut group| {
            let first = group.next()?;
            Some(std::iter::once(first).chain(group).map(move |word| (word.to_owned(), first.to_owned())))
        });
        pairs.flatten().collect()
    });
    COMMON.get(stem).map_or_else(|| stem.to_owned(), String::clone)
}

/// Whether a word is more than grammar.
fn says_something(word: &str) -> bool {
    const GRAMMAR: [&str; 99] = [
        "a", "an", "the", "is", "are", "was", "were", "be", "been", "being", "it", "its", "this", "that", "these",
        "those", "of", "to", "in", "on", "at", "by", "for", "from", "with", "and", "or", "but", "if", "then", "than",
        "as", "so", "which", "while", "when", "where", "there", "here", "has", "have", "had", "do", "does", "did",
        "can", "cannot", "could", "will", "would", "may", "might", "should", "must", "not", "no", "any", "all", "also",
        "into", "instead", "because", "since", "who", "what", "such", "nor", "only", "before", "after", "too", "use",
        "isn", "doesn", "don", "khi", "là", "và", "của", "không", "có", "thể", "được", "bị", "sẽ", "nếu", "thì", "này",
        "nên", "hãy", "các", "cho", "với", "ra", "ở", "lại", "một", "để", "trong",
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
        assert_eq!(words("HTTPServer"), ["httpserver", "request", "server"]);
        let found = names("`maxRetry` and load_user fail, The user");
        assert_eq!(found, BTreeSet::from(["load_user".into(), "maxRetry".into()]));
    }

    #[test]
    fn two_writers_words_are_the_same() {
        for (one, other) in [
            ("divides", "division"),
            ("panics", "thrown"),
            ("crashing", "raised"),
            ("null", "nil"),
            ("zero", "0"),
            ("rỗng", "empty"),
            ("retries", "retry"),
        ] {
            assert_eq!(words(one), words(other));
        }
        assert_ne!(words("lock"), words("log"));
    }

    #[test]
    fn grammar_says_nothing() {
        assert!(words("It is not of the, và không x").is_empty());
    }
}
