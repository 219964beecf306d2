//! Passwords in URLs: `scheme://user:password@host`.

use super::Span;
use super::value::is_placeholder;

/// The longest part between `://` and the path that is looked at, in bytes.
const AUTHORITY: usize = 512;

/// Passwords that no one keeps secret, as they stand in documentation and compose files.
const COMMON: [&str; 16] = [
    "pass", "password", "passwd", "pwd", "secret", "user", "username", "admin", "root", "guest", "test", "token",
    "postgres", "mysql", "foo", "bar",
];

/// Machines that only the developer reaches, and names that belong to nobody.
const LOCAL: [&str; 6] = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]", "example.com", "example.org"];

/// The password in the URL whose `://` stands at `colon`.
pub(super) fn password(line: &[u8], colon: usize) -> Option<Span> {
    if !line[..colon].last()?.is_ascii_alphanumeric() {
        return None;
    }
    let start = colon + 3;
    let rest = line.get(start..)?;
    let length = rest.iter().take(AUTHORITY).take_while(|&&byte| is_authority(byte)).count();
    let authority = &rest[..length];
    let at = authority.iter().rposition(|&byte| byte == b'@')?;
    let separator = authority[..at].iter().position(|&byte| byte == b':')?;
    let (user, value, host) = (&authority[..separator], &authority[separator + 1..at], &authority[at + 1..]);
    if value.len() < 4 || value == user || host.is_empty() || is_local(host) || is_well_known(value) {
        return None;
    }
    Some(Span { range: start + separator + 1..start + at, public: 0, what: "password in a URL" })
}

fn is_authority(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b'(' | b')' | b'|')
}

fn is_local(host: &[u8]) -> bool {
    LOCAL.iter().any(|local| {
        let rest = host.strip_prefix(local.as_bytes());
        rest.is_some_and(|rest| rest.first().is_none_or(|&byte| matches!(byte, b':' | b'?' | b',' | b';')))
    })
}

/// The password before `@tcp(` or `@unix(`, which stands at `at`: `user:password@tcp(host:3306)/database`.
pub(super) fn data_source(line: &[u8], at: usize) -> Option<Span> {
    let before = line[..at].iter().rev().take(AUTHORITY).take_while(|&&byte| is_authority(byte)).count();
    let separator = line[at - before..at].iter().position(|&byte| byte == b':')?;
    span(at - before + separator + 1..at, line)
}

/// The password behind `jdbc:oracle:thin:`, which ends at `start`: `user/password@host`.
pub(super) fn oracle(line: &[u8], start: usize) -> Option<Span> {
    let user = line[start..].iter().take(AUTHORITY).take_while(|&&byte| is_authority(byte)).count();
    let value = (line.get(start + user) == Some(&b'/')).then_some(start + user + 1)?;
    let length = line[value..].iter().take(AUTHORITY).take_while(|&&byte| is_authority(byte)).count();
    let at = line[value..value + length].iter().position(|&byte| byte == b'@')?;
    span(value..value + at, line)
}

fn span(range: std::ops::Range<usize>, line: &[u8]) -> Option<Span> {
    let value = line.get(range.clone())?;
    (value.len() >= 4 && !is_well_known(value)).then_some(Span {
        range,
        public: 0,
        what: "password in a connection string",
    })
}

fn is_well_known(value: &[u8]) -> bool {
    is_common(value) || is_placeholder(value)
}

/// Whether a value is a word that stands for a password.
pub(super) fn is_common(value: &[u8]) -> bool {
    COMMON.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}
