//! A value that cannot be printed by accident.

use std::fmt;

/// A key or token. `Debug` shows nothing of it, and there is no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value as people paste it: white space and quotes around it are not part of a key.
    /// `None` when nothing is left.
    pub fn new(value: &str) -> Option<Secret> {
        let trimmed =
            value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{feff}' | '\u{200b}'));
        (!trimmed.is_empty()).then(|| Secret(trimmed.to_owned()))
    }

    /// The value itself. Call this only where a request header is built, and to take it out of a text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without this value in it: servers echo keys in their error messages.
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn white_space_and_quotes_are_not_part_of_a_key() {
        for pasted in ["sk-1", " sk-1", "sk-1\n", "\"sk-1\"", "'sk-1' ", "\u{feff}sk-1\r\n"] {
            assert_eq!(Secret::new(pasted).unwrap().expose(), "sk-1", "{pasted:?}");
        }
        assert_eq!(Secret::new(" \"\" \n"), None);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("sk-1")), "Some(Secret(***))");
    }
}
