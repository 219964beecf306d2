//! Values that look random and stand behind no name: too uncertain to be reported, too dear to be sent.
//!
//! Most random values in code are public: hashes, identifiers, data in base64, keys that are meant to be shared. What tells
//! them apart is how they are written (hashes are hexadecimal, data is long) and what stands beside them.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::value::{is_placeholder, mixture};
use super::{Span, contains_any, entropy};

/// Keys are not shorter and not longer, in bytes: what is shorter is too often a word, what is longer is data.
const LENGTH: Range<usize> = 24..201;

/// So many candidates on a line are a table.
const MOST: usize = 8;

/// So far before and behind a value is looked for such words, in bytes.
const BEFORE: usize = 120;
const BEHIND: usize = 40;

/// Words beside a random value that say that it is no key.
const PUBLIC: [&str; 24] = [
    "integrity",
    "checksum",
    "digest",
    "hash",
    "fingerprint",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "md5",
    "base64,",
    "public",
    "publishable",
    "pk_live_",
    "pk_test_",
    "ssh-",
    "etag",
    "kid\"",
    "nonce",
    "alphabet",
    "mappings",
    "verif",
    "cid",
    "ipfs",
];

/// How data begins that is often in base64: PNG, GIF, JPEG, SVG, WOFF, PDF, ZIP, gzip, certificates, SSH's public keys.
const DATA: [&str; 11] =
    ["iVBOR", "R0lGOD", "/9j/", "PHN2Zy", "d09GM", "JVBERi", "UEsDB", "H4sI", "MII", "AAAA", "LS0tLS1CRUdJTi"];

/// Adds the values that look like a key.
pub(super) fn find(line: &[u8], spans: &mut Vec<Span>) {
    let found: Vec<Range<usize>> = runs(line).filter_map(|run| key(line, run)).take(MOST + 1).collect();
    if found.len() > MOST {
        return;
    }
    let keys = found.into_iter().filter(|range| !is_public(line, range));
    spans.extend(keys.map(|range| Span { range, public: 0, what: "value that looks random" }));
}

/// Whether what stands beside a value says that it is no key.
fn is_public(line: &[u8], value: &Range<usize>) -> bool {
    let near = &line[value.start.saturating_sub(BEFORE)..line.len().min(value.end + BEHIND)];
    contains_any(near, &PUBLIC) && !contains_any(near, &["hmac"])
}

/// The stretches of a line that are long enough.
fn runs(line: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        // In every stretch that begins here and is long enough, this byte is a part of it.
        while let Some(&byte) = line.get(from + LENGTH.start - 1) {
            if !is_key(byte) {
                from += LENGTH.start;
                continue;
            }
            let last = from + LENGTH.start - 1;
            let before = line[from..last].iter().rev().take_while(|&&byte| is_key(byte)).count();
            let behind = line[last..].iter().take_while(|&&byte| is_key(byte)).count();
            let run = last - before..last + behind;
            from = run.end + 1;
            if LENGTH.contains(&run.len()) {
                return Some(run);
            }
        }
        None
    })
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-')
}

/// The key in a stretch: all of it, or what is behind the last slash in the address of a hook.
fn key(line: &[u8], run: Range<usize>) -> Option<Range<usize>> {
    let (before, behind) = (&line[..run.start], &line[run.end..]);
    // the sums of Go's modules
    if before.ends_with(b"h1:") {
        return None;
    }
    if let Some(end) = discord(line, &run) {
        return Some(run.start..end);
    }
    // `a.b(…)`, `$Name`, `\n`: parts of something longer
    if before.last().is_some_and(|byte| b".$\\%@#".contains(byte))
        || behind.first().is_some_and(|byte| b"(\\%@".contains(byte))
    {
        return hook(line, run);
    }
    let padding = behind.iter().take(2).take_while(|&&byte| byte == b'=').count();
    let value = &line[run.clone()];
    if value.contains(&b'/') && !is_base64(&line[run.start..run.end + padding]) {
        return hook(line, run);
    }
    (looks_like_key(value) || is_of_test_account(value) || is_mail_key(value)).then_some(run.start..run.end + padding)
}

/// The end of a token for bots of Discord that starts with this stretch: its user, a time and a signature, between dots.
fn discord(line: &[u8], run: &Range<usize>) -> Option<usize> {
    let part = |at: usize| line[at..].iter().take(64).take_while(|&&byte| is_key(byte)).count();
    let time = line[run.end..].starts_with(b".").then(|| part(run.end + 1))?;
    let signature = run.end + 1 + time + 1;
    let is_token = (24..=28).contains(&run.len())
        && (6..=7).contains(&time)
        && line.get(signature - 1) == Some(&b'.')
        && (27..=40).contains(&part(signature))
        && mixture(&line[run.clone()]) > 0.2;
    is_token.then(|| signature + part(signature))
}

/// Stripe's keys for tests open nothing of worth; that they are there is no defect.
fn is_of_test_account(value: &[u8]) -> bool {
    value.len() > 30 && (value.starts_with(b"sk_test_") || value.starts_with(b"rk_test_"))
}

/// The keys of Mailgun and Mailchimp: 32 hexadecimal digits with a tail.
fn is_mail_key(value: &[u8]) -> bool {
    let Some((key, tail)) = value.split_at_checked(32) else { return false };
    let is_hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let mut parts = tail.split(|&byte| byte == b'-').skip(1);
    let is_mailgun = tail.len() == 18 && parts.all(|part| part.len() == 8 && is_hex(part));
    let is_mailchimp =
        tail.len() < 7 && tail.strip_prefix(b"-us").is_some_and(|rest| rest.iter().all(u8::is_ascii_digit));
    is_hex(key) && (is_mailgun || is_mailchimp)
}

/// `hook/…` with a key at the end.
fn hook(line: &[u8], run: Range<usize>) -> Option<Range<usize>> {
    let slash = line[run.clone()].iter().rposition(|&byte| byte == b'/')?;
    let start = run.start + slash + 1;
    let is_hook = contains_any(&line[run.start..start], &["hook"]);
    (is_hook && run.end - start >= LENGTH.start && looks_like_key(&line[start..run.end])).then_some(start..run.end)
}

/// Whether these are bytes in base64 that are no text.
fn is_base64(value: &[u8]) -> bool {
    let bytes = STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value));
    bytes.is_ok_and(|bytes| !is_text(&bytes)) && mixture(value) > 0.28
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace()))
}

/// Whether a value has been made by a machine to be hard to guess. Unlike behind a name that sounds secret, it has to have
/// letters of both cases and digits: hashes and names have not.
fn looks_like_key(value: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| value.iter().filter(|byte| is(byte)).count();
    let (lower, upper) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let digits = count(u8::is_ascii_digit);
    lower >= 4
        && upper >= 4
        && (lower + upper + digits) * 8 >= value.len() * 7
        // 24 random characters out of 64 have 4.3 bits on average, 3.9 at least in 99 of 100
        && entropy(value) >= 3.8
        // 0.45 on average; names with a single digit come up to 0.3
        && mixture(value) > if digits > 1 { 0.28 } else { 0.35 }
        && digits > 0
        && !value.starts_with(b"_Z")
        && !DATA.iter().any(|start| value.starts_with(start.as_bytes()))
        && !is_placeholder(value)
        && !STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value)).is_ok_and(|bytes| is_text(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let mut spans = Vec::new();
        find(line.as_bytes(), &mut spans);
        assert_eq!(spans.iter().map(|span| &line[span.range.clone()]).collect::<Vec<_>>(), expected, "{line}");
    }

    const KEY: &str = "x8Kd02mWq7Lp4ZtBv6Rj1Ny5Hc3Gs9Fa";

    #[test]
    fn what_looks_random_is_found_wherever_it_stands() {
        for line in ["f(\"@\")", "X=@", "# it was @", "@", "a: '@'", "--with @ x", "https://h.net/hook/@"] {
            check(&line.replace('@', KEY), &[KEY]);
        }
        let base64 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";
        check(&format!("x = \"{base64}\""), &[base64]);
    }

    #[test]
    fn what_is_public_is_not() {
        for line in [
            "integrity sha512-@",
            "github.com/x/y v1.0.0 h1:@",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPZk0kBEADdR2W0Zm9vYmFyYmF6",
            "https://docs.net/d/@/edit",
            "module.@()",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
            "getAccessTokenFromRequestHeaderOrCookieV2",
            "VGhlIHF1aWNrIGJyb3duIGZveA==",
            "SharedPreferencesTokenStorageImplV2Test4",
        ] {
            check(&line.replace('@', KEY), &[]);
        }
        check(&format!("\"{KEY}\",").repeat(9), &[]);
    }
}
