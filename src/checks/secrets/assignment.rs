//! Values behind a name that sounds secret: `API_KEY = "…"`, `"password": "…"`, `--token …`, `<secret>…</secret>`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::literal::{
    NAME, VALUE, Value, app_password, bare, is_name, quoted, skip, skip_blanks, skip_tag, typed, wrapped,
};
use super::value::{is_common, is_placeholder, is_reference, is_uuid, looks_random, mixture};
use super::{Certainty, Span, contains_any, entropy, url};
use crate::checks::is_word;

/// Words that make a name sound secret.
static KEYWORD: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = "(?i-u)pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|auth(?:orization)?|\
                   (?:api|access|auth|private|signing|encryption|master|account|session|app|license|hmac|aes|cookie|jwt|\
                   webhook|storage|shared|deploy|service|admin)[_.-]?key";
    Regex::new(pattern).expect("the pattern is a constant, and a test compiles it")
});

/// Adds the values that are assigned to a secret name: those that are secret for sure, or also those that may be.
pub(super) fn find(line: &[u8], certainty: Certainty, spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(keyword) = KEYWORD.find_at(line, at) {
        at = keyword.end();
        let Some(value) = Name::new(line, keyword.range()).and_then(|name| name.secret(certainty)) else { continue };
        at = at.max(value.end);
        spans.push(Span { range: value, public: 0, what: what(keyword.as_bytes()) });
    }
}

fn what(keyword: &[u8]) -> &'static str {
    match keyword.first().map(u8::to_ascii_lowercase) {
        Some(b'p') if is_password(keyword) => "password",
        Some(b't') => "token",
        Some(b'c') => "credential",
        _ if keyword.to_ascii_lowercase().ends_with(b"key") => "secret key",
        _ => "secret",
    }
}

fn is_password(keyword: &[u8]) -> bool {
    keyword.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"pass")) || keyword.eq_ignore_ascii_case(b"pwd")
}

/// A name that sounds secret, and where it stands.
struct Name<'a> {
    line: &'a [u8],
    range: Range<usize>,
    /// The name ends with `password` or the like: its value may be one that people think of.
    is_password: bool,
}

impl<'a> Name<'a> {
    fn new(line: &'a [u8], keyword: Range<usize>) -> Option<Name<'a>> {
        let before = line[..keyword.start].iter().rev().take(NAME).take_while(|&&byte| is_name(byte)).count();
        let after = line[keyword.end..].iter().take(NAME).take_while(|&&byte| is_name(byte)).count();
        let range = keyword.start - before..keyword.end + after;
        let suffix = &line[keyword.end..range.end];
        if continues_word(line[keyword.end - 1], suffix)
            || is_within_word(line, &keyword)
            || line[..range.start].ends_with(b"//")
            || names_no_secret(&line[range.clone()], suffix)
        {
            return None;
        }
        let is_password =
            is_password(&line[keyword]) && suffix.iter().all(|&byte| !byte.is_ascii_alphabetic() || byte == b's');
        Some(Name { line, range, is_password })
    }

    /// The secret that this name is given on its line.
    fn secret(&self, certainty: Certainty) -> Option<Range<usize>> {
        let value = self.value()?;
        let bytes = &self.line[value.range.clone()];
        if is_placeholder(bytes) {
            return None;
        }
        let is_sure = !is_reference(bytes)
            && (looks_random(bytes, value.is_quoted) || self.is_password && self.is_human_password(bytes, &value));
        (is_sure || certainty == Certainty::Suspected && self.may_be_secret(bytes, &value)).then_some(value.range)
    }

    /// Whether a value is better masked, though it may be a word that protects nothing.
    fn may_be_secret(&self, value: &[u8], written: &Value) -> bool {
        if is_uuid(value) {
            return true;
        }
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        if is_reference(value) || url::is_common(value) || value.len() < 6 || letters < 2 || !written.is_assigned {
            return false;
        }
        if !self.is_password {
            let is_literal = written.is_quoted && value.len() >= 8 && digits >= 2 && mixture(value) > 0.1;
            return is_literal || value.len() >= 20 && digits >= 1 && mixture(value) > 0.3;
        }
        let is_variable = self.is_variable() && self.line.get(self.range.end) == Some(&b'=');
        written.is_quoted && !is_common(value) || is_variable || digits >= 2 && self.stands_alone(written)
    }

    /// The literal behind the name and its operator.
    fn value(&self) -> Option<Value> {
        let line = self.line;
        let closed = skip(line, self.range.end, 4, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'[' | b']'));
        let at = skip_blanks(line, closed);
        let operator = skip(line, at, 3, |byte| matches!(byte, b'=' | b':' | b'>' | b'?' | b'|' | b'!' | b'+'));
        let after = skip_blanks(line, operator);
        match line.get(at)? {
            b'=' | b':' | b'>' | b'?' | b'|' | b'!' | b'+' => {
                let is_tag = line.get(self.range.start.checked_sub(1).unwrap_or(usize::MAX)) == Some(&b'<');
                let assigns = line[at..operator].iter().any(|byte| matches!(byte, b'=' | b':'));
                if matches!(&line[at..operator], b"??" | b"||") {
                    return quoted(line, after);
                }
                if !assigns && !is_tag {
                    return None;
                }
                let after = skip_tag(line, after);
                quoted(line, after)
                    .or_else(|| typed(line, after))
                    .or_else(|| wrapped(line, after))
                    .or_else(|| app_password(line, after))
                    .or_else(|| bare(line, after, self.is_parameter()))
                    .or_else(|| self.rest(after))
            }
            // the verb
            b'(' if self.line[..at].ends_with(b".pass") => None,
            b'(' => quoted(line, skip_blanks(line, at + 1)),
            b',' => {
                // `setenv("DB_PASSWORD", "…")`: a variable, and not only the element before the next
                let is_assigned = closed > self.range.end && self.is_variable();
                quoted(line, skip_blanks(line, at + 1)).map(|value| Value { is_assigned, ..value })
            }
            _ if at > closed && (self.is_flag() || self.is_command()) => {
                quoted(line, at).or_else(|| bare(line, at, false))
            }
            // `name="password" value="…"`
            _ if line[at..].starts_with(b"value=") => quoted(line, at + 6),
            // `var token string = "…"`
            _ if at > closed && closed == self.range.end => typed(line, at),
            _ => None,
        }
    }

    /// Whether the name is a command line option: `--token`.
    fn is_flag(&self) -> bool {
        self.line[self.range.clone()].starts_with(b"--")
    }

    /// Whether a blank is what assigns: `ENV PASSWORD …`, `machine x login y password …`.
    fn is_command(&self) -> bool {
        let before = self.near();
        let is_login = self.is_password && contains_any(before, &["machine ", "login "]);
        is_login || self.line.trim_ascii_start().starts_with(b"ENV ") || before.ends_with(b"configure set ")
    }

    /// What stands before the name, as far as it matters.
    fn near(&self) -> &[u8] {
        &self.line[self.range.start.saturating_sub(2 * NAME)..self.range.start]
    }

    /// Whether the name is that of a variable of the environment.
    fn is_variable(&self) -> bool {
        self.line[self.range.clone()]
            .iter()
            .all(|&byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    }

    /// Whether the name is one of several in the query of a URL.
    fn is_parameter(&self) -> bool {
        self.line[..self.range.start].last().is_some_and(|byte| b"?&".contains(byte))
    }

    /// The rest of `NAME=value` with marks in the value that would end it elsewhere, or with blanks as some passwords have.
    fn rest(&self, start: usize) -> Option<Value> {
        let line = self.line;
        let before = line[..self.range.start].trim_ascii();
        if !self.is_variable() || start != self.range.end + 1 || !matches!(before, b"" | b"export") {
            return None;
        }
        let rest = line[start..].trim_ascii_end();
        let name = rest.iter().take_while(|&&byte| is_name(byte)).count();
        let is_code = rest.get(name) == Some(&b'(') || rest.iter().any(|byte| b"\"'`".contains(byte));
        let is_value = rest.len() <= VALUE && rest.iter().all(u8::is_ascii_graphic);
        (is_value && !is_code && !rest.is_empty()).then(|| Value::bare(start..start + rest.len()))
    }

    /// Whether a value could be a password that someone thought of: only where it cannot well be code.
    fn is_human_password(&self, value: &[u8], written: &Value) -> bool {
        let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        let others = value.iter().any(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'?' | b'~')
        });
        if value.len() < 8 || letters < 3 || !others || entropy(value) < 2.3 || is_common(value) {
            return false;
        }
        written.is_quoted && written.is_assigned || self.is_setting(value, written)
    }

    /// Whether a bare value stands in a file of settings (`DB_PASSWORD=…`, `password: …`), a command or a connection string.
    fn is_setting(&self, value: &[u8], written: &Value) -> bool {
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        let is_identifier = value.iter().all(|&byte| is_word(byte) || byte == b'.');
        if contains_any(value, &["password", "passwd", "pwd", "secret", "token", "array"]) {
            return false;
        }
        if self.is_in_connection_string() {
            return true;
        }
        if is_identifier && digits < 2 {
            return false;
        }
        let end = self.line.get(self.range.end);
        let is_key = end == Some(&b':') || self.is_variable() && end == Some(&b'=');
        self.is_in_command(written)
            || self.is_element(written)
            || self.stands_alone(written) && (is_key || !is_identifier || self.is_property())
    }

    /// `Server=x;Password=…;`, `?user=x&password=…`, `host=x password=… dbname=y`.
    fn is_in_connection_string(&self) -> bool {
        let before = self.near().trim_ascii_end();
        let is_adjoined = self.line.get(self.range.end) == Some(&b'=');
        is_adjoined
            && (before.ends_with(b";") || self.is_parameter() || contains_any(before, &["host=", "user=", "dbname="]))
    }

    /// `NAME=… command`, `-e NAME=…`, `--password …`, `--set auth.password=…`.
    fn is_in_command(&self, written: &Value) -> bool {
        let line = self.line;
        let is_adjoined = written.range.start == self.range.end + 1 && line.get(self.range.end) == Some(&b'=');
        let ends = line.get(written.range.end).is_none_or(u8::is_ascii_whitespace);
        let before = self.near();
        let is_set = before.ends_with(b"--set ") || before.ends_with(b"literal=");
        ends && (self.is_flag() || self.is_command() || is_adjoined && (self.is_variable() || is_set))
    }

    /// `<password>…</password>`.
    fn is_element(&self, written: &Value) -> bool {
        self.line[..self.range.start].ends_with(b"<") && self.line[written.range.end..].starts_with(b"</")
    }

    /// `spring.datasource.password=…`: code would put blanks around the mark, or stand in no file of such names.
    fn is_property(&self) -> bool {
        let name = &self.line[self.range.clone()];
        name.contains(&b'.')
            && !name.starts_with(b"self.")
            && !name.starts_with(b"this.")
            && self.line.get(self.range.end) == Some(&b'=')
    }

    /// Whether nothing else stands on the line but a remark.
    fn stands_alone(&self, written: &Value) -> bool {
        let before = self.line[..self.range.start].trim_ascii();
        let behind = self.line[written.range.end..].trim_ascii_start();
        matches!(before, b"" | b"export" | b"-" | b"ENV" | b"ARG" | b"set")
            && (behind.is_empty() || behind.starts_with(b"#"))
    }
}

/// Whether the word goes on behind what was found in it: `tokenizer`, `author`, but not `tokens`, `tokenValue`, `TOKEN_2`.
fn continues_word(last: u8, suffix: &[u8]) -> bool {
    let (first, second) = (suffix.first(), suffix.get(1));
    match first {
        Some(b's' | b'S') if !second.is_some_and(u8::is_ascii_alphabetic) => false,
        Some(first) if last.is_ascii_uppercase() => first.is_ascii_alphabetic(),
        Some(first) => first.is_ascii_lowercase(),
        None => false,
    }
}

/// Whether the word only ends like one that was found: `bypass`, `compass`, but not `dbPass`, `DB_PASS`.
fn is_within_word(line: &[u8], keyword: &Range<usize>) -> bool {
    let Some(&before) = keyword.start.checked_sub(1).and_then(|before| line.get(before)) else { return false };
    let is_camel = before.is_ascii_lowercase() && line[keyword.start].is_ascii_uppercase();
    keyword.len() == 4 && before.is_ascii_alphabetic() && !is_camel
}

/// Whether the name is one of something about a secret, or of something that everyone may know.
fn names_no_secret(name: &[u8], suffix: &[u8]) -> bool {
    const ANYWHERE: [&str; 9] =
        ["hash", "sha1", "sha256", "sha512", "digest", "checksum", "integrity", "fingerprint", "public"];
    const BEHIND: [&str; 25] = [
        "url", "uri", "path", "file", "name", "type", "field", "header", "prefix", "suffix", "regex", "pattern",
        "label", "hint", "message", "error", "length", "size", "expir", "ttl", "limit", "version", "endpoint", "arn",
        "column",
    ];
    let ends_with_id = suffix.len() > 1 && suffix[suffix.len() - 2..].eq_ignore_ascii_case(b"id");
    ends_with_id || contains_any(suffix, &BEHIND) || contains_any(name, &ANYWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_goes_on_is_another_word() {
        let found = |line: &str| {
            !{
                let mut spans = Vec::new();
                find(format!("{line} = \"x8Kd02mWq7Lp4ZtB\"").as_bytes(), Certainty::Sure, &mut spans);
                spans
            }
            .is_empty()
        };
        for name in
            ["token", "tokens", "authToken", "TOKEN_2", "apiKey", "API-KEY", "db.password", "auth", "dbPass", "DB_PASS"]
        {
            assert!(found(name), "{name}");
        }
        for name in [
            "tokenizer",
            "author",
            "secretary",
            "TOKENIZER",
            "token_url",
            "passwordHash",
            "public_key",
            "secretName",
            "bypass",
            "BYPASS",
        ] {
            assert!(!found(name), "{name}");
        }
    }
}
