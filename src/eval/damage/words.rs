//! A text in other words, where a dataset has none.

/// Common words of reviews, and others that mean the same.
const OTHER: [(&str, &str); 20] = [
    ("missing", "absent"),
    ("error", "failure"),
    ("errors", "failures"),
    ("value", "result"),
    ("function", "method"),
    ("method", "function"),
    ("should", "has to"),
    ("could", "may"),
    ("may", "can"),
    ("causes", "leads to"),
    ("when", "if"),
    ("returns", "gives back"),
    ("incorrect", "wrong"),
    ("use", "apply"),
    ("check", "test"),
    ("ensure", "make sure"),
    ("potential", "possible"),
    ("handling", "treatment"),
    ("instead", "rather"),
    ("remove", "drop"),
];

/// Words that can be left out.
const STOP: [&str; 12] = ["the", "a", "an", "this", "that", "these", "is", "are", "will", "be", "very", "here"];

/// The clauses in another order, common words replaced, and stop words left out. Always the same for the same text.
pub fn reworded(text: &str) -> String {
    let breaks = [". ", "; ", ", "];
    let halves = breaks.iter().find_map(|mark| text.trim_end_matches(['.', ' ', '\n']).split_once(mark));
    let swapped = match halves {
        Some((first, second)) => format!("{second}; {first}"),
        None => text.to_owned(),
    };
    let is_kept = |word: &&str| !STOP.contains(&word.to_lowercase().as_str());
    let other = |word: &'static (&str, &str)| word.1;
    let words = swapped.split_whitespace().filter(is_kept).map(|word| {
        OTHER
            .iter()
            .find(|(one, _)| *one == word.to_lowercase())
            .map_or_else(|| word.to_owned(), |w| other(w).to_owned())
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_are_other_words() {
        for (text, expected) in [
            ("The error is lost, when the value is read", "if result read; failure lost"),
            ("Division by zero", "Division by zero"),
            ("One. Two, three.", "Two, three; One"),
            ("", ""),
        ] {
            assert_eq!(reworded(text), expected);
        }
    }
}
