//! What a value looks like: random, a placeholder, or the name of something else.

use super::{DUMMY_WORDS, contains_any, entropy};
use crate::checks::is_word;

/// Whether a value has been made by a machine to be hard to guess.
///
/// Entropy alone does not tell: words of 16 letters have as much as random hex. What random values have and words have not
/// is digits and letters mixed. Of 20,000 random values each in hex, base 36, base 62 and base 64, all limits together keep,
/// where they are quoted, 89 % or more at 16 characters, 95 % at 24 and 99 % at 40. In 5.6 million lines of published crates
/// the whole check for secrets reported some twenty lines, nearly all of them values in tests.
pub(super) fn looks_random(value: &[u8], is_quoted: bool) -> bool {
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
pub(super) fn mixture(value: &[u8]) -> f64 {
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
    let is_bracketed = [(b'<', b'>'), (b'[', b']'), (b'{', b'}'), (b'(', b')')]
        .iter()
        .any(|(open, close)| value.first() == Some(open) && value.last() == Some(close));
    let opens = is_bracketed || matches!(value.first(), Some(b'$' | b'%')) && !value.starts_with(b"$2");
    let holds_template = contains_any(value, &["${", "{{", "$(", "#{", "<%", "%{"])
        || contains_any(value, &["%("]) && contains_any(value, &[")s", ")d"]);
    opens || holds_template || contains_any(value, &DUMMY_WORDS) || contains_any(value, &WORDS)
}

/// Passwords that stand in every list and every tutorial: nobody believes that they protect something.
pub(super) fn is_common(value: &[u8]) -> bool {
    let word: Vec<u8> = value.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect();
    matches!(word.as_slice(), b"password" | b"passwd" | b"pass" | b"secret" | b"token" | b"admin" | b"user" | b"abc")
}

/// Whether a value names something else: a path, a URL, a hash, a UUID, a member of an object.
pub(super) fn is_reference(value: &[u8]) -> bool {
    const HASHES: [&[u8]; 7] = [b"sha1", b"sha256", b"sha384", b"sha512", b"md5", b"ssh-", b"urn:"];
    let starts_hash = HASHES.iter().any(|hash| value.len() > 4 && value.starts_with(hash));
    let is_path = value.first().is_some_and(|byte| b"/~.".contains(byte)) && value.contains(&b'/');
    let is_url = value.windows(3).any(|window| window == b"://");
    starts_hash || is_path || is_url || is_uuid(value) || is_member(value)
}

pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `process.env.TOKEN_1`, `vault:secret/data`, `arn:aws:…`: words between dots, slashes or colons.
fn is_member(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| b".:/".contains(byte));
    let is_wordy = |part: &[u8]| part.len() < 16 || mixture(part) < 0.2;
    value.iter().any(|byte| b".:/".contains(byte))
        && value.iter().all(|&byte| is_word(byte) || b"-.:/".contains(&byte))
        && parts
            .all(|part| part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') && is_wordy(part))
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
}
