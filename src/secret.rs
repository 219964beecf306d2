//! A value that cannot be printed by accident.

use std::fmt;

/// Values that are shorter are not looked for in whole answers, in bytes: they would be found in ordinary words.
const SHORTEST: usize = 8;

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

    /// The body of an answer without this value in it, so that no message, report or file can have it from there.
    pub fn redact_body(&self, body: Vec<u8>) -> Vec<u8> {
        if self.0.len() < SHORTEST {
            return body;
        }
        match String::from_utf8(body) {
            Ok(text) if text.contains(&self.0) => self.redact(&text).into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(err) => self.redact_bytes(&err.into_bytes()),
        }
    }

    fn redact_bytes(&self, body: &[u8]) -> Vec<u8> {
        let value = self.0.as_bytes();
        let mut out = Vec::with_capacity(body.len());
        let mut rest = body;
        while let Some(at) = rest.windows(value.len()).position(|window| window == value) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(b"***");
            rest = &rest[at + value.len()..];
        }
        out.extend_from_slice(rest);
        out
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
    fn a_body_loses_the_value_whatever_else_it_holds() {
        let key = Secret::new("sk-0123456789").unwrap();
        for (before, after) in [
            (&b"{\"a\": \"sk-0123456789\"}"[..], &b"{\"a\": \"***\"}"[..]),
            (b"\xffsk-0123456789\xfesk-0123456789", b"\xff***\xfe***"),
            (b"\xffsk-012345678", b"\xffsk-012345678"),
            (b"nothing", b"nothing"),
        ] {
            assert_eq!(key.redact_body(before.to_vec()), after);
        }
        assert_eq!(Secret::new("a").unwrap().redact_body(b"a body".to_vec()), b"a body", "too short to be told apart");
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("sk-1")), "Some(Secret(***))");
    }
}
