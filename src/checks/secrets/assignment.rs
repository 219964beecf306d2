//! Values behind a name that sounds secret: `API_KEY = "…"`, `"password": "…"`, `--token …`, `<secret>…</secret>`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{DUMMY_WORDS, Span, contains_any, entropy};
use crate::checks::is_word;

/// Words that make a name sound secret.
static KEYWORD: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = "(?i-u)pass(?:word|wd|phrase|code)|pwd|secret|token|credential|auth(?:orization)?|\
                   (?:api|access|auth|private|signing|encryption|master|account|session|app|license)[_.-]?key";
    Regex::new(pattern).expect("the pattern is a constant, and a test compiles it")
});

/// Names are not longer than this on either side of the word that makes them secret, in bytes.
const NAME: usize = 64;
/// Values are not longer than this, in bytes: what is longer is data.
const VALUE: usize = 512;

/// Adds the values that are assigned to a secret name.
pub(super) fn find(line: &[u8], spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(keyword) = KEYWORD.find_at(line, at) {
        at = keyword.end();
        let Some(value) = Name::new(line, keyword.range()).and_then(|name| name.secret()) else { continue };
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

/// A value and the way it is written.
struct Value {
    range: Range<usize>,
    is_quoted: bool,
    /// Not only the next element of a list.
    is_assigned: bool,
}

impl<'a> Name<'a> {
    fn new(line: &'a [u8], keyword: Range<usize>) -> Option<Name<'a>> {
        let before = line[..keyword.start].iter().rev().take(NAME).take_while(|&&byte| is_name(byte)).count();
        let after = line[keyword.end..].iter().take(NAME).take_while(|&&byte| is_name(byte)).count();
        let range = keyword.start - before..keyword.end + after;
        let suffix = &line[keyword.end..range.end];
        if continues_word(line[keyword.end - 1], suffix) || names_no_secret(&line[range.clone()], suffix) {
            return None;
        }
        let is_password =
            is_password(&line[keyword]) && suffix.iter().all(|&byte| !byte.is_ascii_alphabetic() || byte == b's');
        Some(Name { line, range, is_password })
    }

    /// The secret that this name is given on its line.
    fn secret(&self) -> Option<Range<usize>> {
        let value = self.value()?;
        let bytes = &self.line[value.range.clone()];
        let is_secret = !is_placeholder(bytes)
            && !is_reference(bytes)
            && (looks_random(bytes, value.is_quoted) || self.is_password && self.is_human_password(bytes, &value));
        is_secret.then_some(value.range)
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
                if !assigns && !is_tag {
                    return None;
                }
                quoted(line, after).or_else(|| typed(line, after)).or_else(|| bare(line, after))
            }
            b'(' => quoted(line, skip_blanks(line, at + 1)),
            b',' => quoted(line, skip_blanks(line, at + 1)).map(|value| Value { is_assigned: false, ..value }),
            _ if at > closed && self.is_flag() => quoted(line, at).or_else(|| bare(line, at)),
            // `var token string = "…"`
            _ if at > closed => typed(line, at),
            _ => None,
        }
    }

    /// Whether the name is a command line option: `--token`.
    fn is_flag(&self) -> bool {
        self.line[self.range.clone()].starts_with(b"--")
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

    /// Whether a bare value stands in a file of settings (`DB_PASSWORD=…`, `password: …`) or a connection string.
    fn is_setting(&self, value: &[u8], written: &Value) -> bool {
        let line = self.line;
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        let is_identifier = value.iter().all(|&byte| is_word(byte) || byte == b'.');
        if contains_any(value, &["password", "passwd", "pwd", "secret", "token", "array"])
            || is_identifier && digits < 2
        {
            return false;
        }
        let name = &line[self.range.clone()];
        let in_connection_string = line[..self.range.start].trim_ascii_end().ends_with(b";");
        let before = line[..self.range.start].trim_ascii();
        let starts_line = matches!(before, b"" | b"export" | b"-" | b"ENV" | b"set");
        let ends_line = line[written.range.end..].trim_ascii().is_empty();
        let is_variable = !name.iter().any(u8::is_ascii_lowercase) && line.get(self.range.end) == Some(&b'=');
        let is_yaml = line.get(self.range.end) == Some(&b':');
        in_connection_string || starts_line && ends_line && (is_variable || is_yaml || !is_identifier)
    }
}

fn is_name(byte: u8) -> bool {
    is_word(byte) || byte == b'-' || byte == b'.'
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

fn skip(line: &[u8], at: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    at + line.get(at..).unwrap_or_default().iter().take(most).take_while(|&&byte| is(byte)).count()
}

fn skip_blanks(line: &[u8], at: usize) -> usize {
    skip(line, at, NAME, |byte| matches!(byte, b' ' | b'\t'))
}

/// A string literal, with whatever marks its language puts before and around it.
fn quoted(line: &[u8], at: usize) -> Option<Value> {
    let at = skip(line, at, 2, |byte| {
        matches!(byte, b'b' | b'B' | b'r' | b'R' | b'u' | b'U' | b'f' | b'F' | b'L' | b'@' | b'&')
    });
    let escaped = line.get(at) == Some(&b'\\');
    let at = at + usize::from(escaped);
    let quote = *line.get(at).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let start = skip_scheme(line, skip(line, at, 3, |byte| byte == quote));
    let mut end = start;
    loop {
        match *line.get(end).filter(|_| end - start <= VALUE)? {
            byte if byte == quote => break,
            b'\\' if escaped => break,
            b'\\' => end += 1,
            byte if !byte.is_ascii_graphic() => return None,
            _ => {}
        }
        end += 1;
    }
    Some(Value { range: start..end, is_quoted: true, is_assigned: true })
}

/// A string literal behind a type: `: &'static str = "…"`, ` string = "…"`.
fn typed(line: &[u8], at: usize) -> Option<Value> {
    let is_type = |byte: u8| {
        is_word(byte)
            || matches!(byte, b' ' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'|' | b':' | b'.' | b'?' | b'*')
    };
    let equals = skip(line, at, NAME, is_type);
    (line.get(equals) == Some(&b'=')).then(|| quoted(line, skip_blanks(line, equals + 1)))?
}

/// A value without quotes, up to the next blank, comma, semicolon, quote or tag.
fn bare(line: &[u8], at: usize) -> Option<Value> {
    let start = skip_scheme(line, at);
    let is_value = |byte: u8| byte.is_ascii_graphic() && !b"\"'`<>,;()[]{}\\|".contains(&byte);
    let end = skip(line, start, VALUE + 1, is_value);
    // A call, or the type of what is assigned further on.
    let is_code = line.get(end).is_some_and(|byte| b"([{".contains(byte))
        || line[..end].last() != Some(&b'=') && line.get(skip_blanks(line, end)) == Some(&b'=');
    (end > start && end - start <= VALUE && !is_code).then_some(Value {
        range: start..end,
        is_quoted: false,
        is_assigned: true,
    })
}

/// Behind `Bearer ` and its like, which are no part of the secret.
fn skip_scheme(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    ["bearer ", "basic ", "token "]
        .iter()
        .find(|scheme| rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes())))
        .map_or(at, |scheme| at + scheme.len())
}

/// Whether a value has been made by a machine to be hard to guess.
///
/// Entropy alone does not tell: words of 16 letters have as much as random hex. What random values have and words have not
/// is digits and letters mixed. Of 20,000 random values each in hex, base 36, base 62 and base 64, all limits together keep,
/// where they are quoted, 89 % or more at 16 characters, 95 % at 24 and 99 % at 40. In 5.6 million lines of published crates
/// the whole check for secrets reported some twenty lines, nearly all of them values in tests.
fn looks_random(value: &[u8], is_quoted: bool) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    // A bare word with one digit may be the name of something; names have none of these marks.
    let marks = value.iter().filter(|byte| matches!(byte, b'+' | b'/' | b'=')).count();
    let is_literal = is_quoted || digits + marks >= 2;
    value.len() >= 16
        && digits >= 1
        && is_literal
        && letters >= 2
        && (digits + letters) * 4 >= value.len() * 3
        && entropy(value) >= 2.8
        && mixture(value) > 0.2
}

/// How often letters of one case, of the other and digits follow on each other, among neighbours of these three kinds.
/// A capital at the start of a word does not count.
fn mixture(value: &[u8]) -> f64 {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    };
    let pairs: Vec<(u8, u8)> = value.windows(2).filter_map(|pair| kind(pair[0]).zip(kind(pair[1]))).collect();
    let changes = pairs.iter().filter(|(a, b)| a != b && (*a, *b) != (1, 0)).count();
    changes as f64 / pairs.len().max(1) as f64
}

/// Whether a value only stands where a secret will be put.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&str; 11] = [
        "test",
        "sample",
        "insert",
        "replace",
        "change-me",
        "change_me",
        "notasecret",
        "foobar",
        "%s",
        "{}",
        "0123456789",
    ];
    let opens = value.first().is_some_and(|byte| b"<[{$%(".contains(byte)) && !value.starts_with(b"$2");
    let holds_template = contains_any(value, &["${", "{{", "$(", "#{", "<%", "%(", "%{"]);
    opens || holds_template || contains_any(value, &DUMMY_WORDS) || contains_any(value, &WORDS)
}

/// Passwords that stand in every list and every tutorial: nobody believes that they protect something.
fn is_common(value: &[u8]) -> bool {
    let word: Vec<u8> = value.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect();
    matches!(word.as_slice(), b"password" | b"passwd" | b"pass" | b"secret" | b"token" | b"admin" | b"user" | b"abc")
}

/// Whether a value names something else: a path, a URL, a hash, a UUID, a member of an object.
fn is_reference(value: &[u8]) -> bool {
    const HASHES: [&[u8]; 7] = [b"sha1", b"sha256", b"sha384", b"sha512", b"md5", b"ssh-", b"urn:"];
    let starts_hash = HASHES.iter().any(|hash| value.len() > 4 && value.starts_with(hash));
    let is_path = value.first().is_some_and(|byte| b"/~.".contains(byte)) && value.contains(&b'/');
    let is_url = value.windows(3).any(|window| window == b"://");
    starts_hash || is_path || is_url || is_uuid(value) || is_member(value)
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `process.env.TOKEN_1`, `vault:secret/data`, `arn:aws:…`: words between dots, slashes or colons.
fn is_member(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| b".:/".contains(byte));
    let is_word = |part: &[u8]| part.len() < 16 || mixture(part) < 0.2;
    value.iter().any(|byte| b".:/".contains(byte))
        && value.iter().all(|&byte| is_name(byte) || byte == b':' || byte == b'/')
        && parts
            .all(|part| part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') && is_word(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_random_and_random_values_are() {
        for word in
            ["correcthorsebatterystaple", "getAccessTokenFromRequest2", "aaaaaaaaaaaaaaaa1", "authentication_v2_label"]
        {
            assert!(!looks_random(word.as_bytes(), true), "{word}");
        }
        for value in ["9f86d081884c7d65", "x8Kd02mWq7Lp4ZtB", "n4bQgYhMfWWaL+qgxVrQFaO/", "k3j9x7q2m5v8w1z4"] {
            assert!(looks_random(value.as_bytes(), false), "{value}");
        }
    }

    #[test]
    fn a_word_that_goes_on_is_another_word() {
        let found = |line: &str| {
            !{
                let mut spans = Vec::new();
                find(format!("{line} = \"x8Kd02mWq7Lp4ZtB\"").as_bytes(), &mut spans);
                spans
            }
            .is_empty()
        };
        for name in ["token", "tokens", "authToken", "TOKEN_2", "apiKey", "API-KEY", "db.password", "auth"] {
            assert!(found(name), "{name}");
        }
        for name in
            ["tokenizer", "author", "secretary", "TOKENIZER", "token_url", "passwordHash", "public_key", "secretName"]
        {
            assert!(!found(name), "{name}");
        }
    }
}
