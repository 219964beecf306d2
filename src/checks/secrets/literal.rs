//! The literals that languages, shells and files of settings write values as.

use std::ops::Range;

use crate::checks::is_word;

/// Names are not longer than this on either side of the word that makes them secret, in bytes.
pub(super) const NAME: usize = 64;
/// Values are not longer than this, in bytes: what is longer is data.
pub(super) const VALUE: usize = 512;

/// A value and the way it is written.
pub(super) struct Value {
    pub(super) range: Range<usize>,
    pub(super) is_quoted: bool,
    /// Not only the next element of a list.
    pub(super) is_assigned: bool,
}

impl Value {
    pub(super) fn bare(range: Range<usize>) -> Value {
        Value { range, is_quoted: false, is_assigned: true }
    }
}

pub(super) fn is_name(byte: u8) -> bool {
    is_word(byte) || byte == b'-' || byte == b'.'
}

pub(super) fn skip(line: &[u8], at: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    at + line.get(at..).unwrap_or_default().iter().take(most).take_while(|&&byte| is(byte)).count()
}

pub(super) fn skip_blanks(line: &[u8], at: usize) -> usize {
    skip(line, at, NAME, |byte| matches!(byte, b' ' | b'\t'))
}

/// A string literal, with whatever marks its language puts before and around it.
pub(super) fn quoted(line: &[u8], at: usize) -> Option<Value> {
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
pub(super) fn typed(line: &[u8], at: usize) -> Option<Value> {
    let is_type = |byte: u8| {
        is_word(byte)
            || matches!(byte, b' ' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'|' | b':' | b'.' | b'?' | b'*')
    };
    let equals = skip(line, at, NAME, is_type);
    (line.get(equals) == Some(&b'=')).then(|| quoted(line, skip_blanks(line, equals + 1)))?
}

/// A string literal in a call or a cast: `[]byte("…")`, `SecretString::from("…")`. It is no more than an element of a list,
/// because the call may look something up by it.
pub(super) fn wrapped(line: &[u8], at: usize) -> Option<Value> {
    let open =
        skip(line, at, NAME, |byte| is_name(byte) || matches!(byte, b'[' | b']' | b':' | b'&' | b'*' | b'<' | b'>'));
    let value = (line.get(open) == Some(&b'(')).then(|| quoted(line, open + 1))??;
    Some(Value { is_assigned: false, ..value })
}

/// A value without quotes, up to the next blank, comma, semicolon, quote or tag; in a URL up to the next parameter.
pub(super) fn bare(line: &[u8], at: usize, is_parameter: bool) -> Option<Value> {
    let start = skip_scheme(line, at);
    let is_value =
        |byte: u8| byte.is_ascii_graphic() && !b"\"'`<>,;()[]{}\\|".contains(&byte) && !(is_parameter && byte == b'&');
    let end = skip(line, start, VALUE + 1, is_value);
    // A call, or the type of what is assigned further on.
    let is_code = line.get(end).is_some_and(|byte| b"([{".contains(byte))
        || line[..end].last() != Some(&b'=') && line.get(skip_blanks(line, end)) == Some(&b'=');
    // The value of a variable of the environment may have such marks in it.
    let is_cut = line.get(end).is_some_and(|byte| b")]}|".contains(byte))
        && line.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
    (end > start && end - start <= VALUE && !is_code && !is_cut).then(|| Value::bare(start..end))
}

/// Four times four letters: how Google writes the passwords that it makes for an app.
pub(super) fn app_password(line: &[u8], at: usize) -> Option<Value> {
    let is_group = |group: &[u8]| group.len() == 4 && group.iter().all(u8::is_ascii_lowercase);
    let value = line.get(at..at + 19)?;
    let is_whole = line.get(at + 19).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (is_whole && value.split(|&byte| byte == b' ').all(is_group)).then(|| Value::bare(at..at + 19))
}

/// Behind `!secret `, the tag of a YAML value.
pub(super) fn skip_tag(line: &[u8], at: usize) -> usize {
    let tag = skip(line, at, NAME, |byte| is_word(byte) || byte == b'!');
    if line.get(at) == Some(&b'!') { skip_blanks(line, tag) } else { at }
}

/// Behind `Bearer ` and its like, which are no part of the secret.
pub(super) fn skip_scheme(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    ["bearer ", "basic ", "token "]
        .iter()
        .find(|scheme| rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes())))
        .map_or(at, |scheme| at + scheme.len())
}
