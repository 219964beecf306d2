//! Passwords that a command or a call takes by its place and not by a name: `curl -u user:…`, `sshpass -p …`,
//! `NetworkCredential("user", "…")`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::value::{is_placeholder, is_reference};
use super::{Span, url};

/// What begins a command or a call that takes a password.
static START: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?-u)\b(?:curl|sshpass|mysql|mysqldump|openssl|login) |(?:BasicAuth|basic_auth|auth=|NetworkCredential|PasswordCredentials|getConnection)\(";
    Regex::new(pattern).expect("the pattern is a constant, and a test compiles it")
});

/// So far behind the start of a command its password is looked for, in bytes.
const NEAR: usize = 512;

/// Adds the passwords that stand in a command or a call.
pub(super) fn find(line: &[u8], spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(start) = START.find_at(line, at) {
        at = start.end();
        let near = at..line.len().min(at + NEAR);
        let value = match start.as_bytes() {
            b"curl " => option(line, near, &["-u", "--user"]).and_then(|word| behind_colon(line, word)),
            b"sshpass " | b"login " => option(line, near, &["-p"]),
            b"mysql " | b"mysqldump " => glued(line, near),
            b"openssl " => option(line, near, &["-k"]),
            _ => last_argument(line, near),
        };
        let Some(value) = value.filter(|value| is_password(&line[value.clone()])) else { continue };
        at = value.end;
        spans.push(Span { range: value, public: 0, what: "password" });
    }
}

/// The words of a command.
fn words(line: &[u8], range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    line[range].split(|byte| byte.is_ascii_whitespace()).map(move |word| {
        let start = at;
        at += word.len() + 1;
        start..start + word.len()
    })
}

/// The word behind one of these options, without quotes around it.
fn option(line: &[u8], range: Range<usize>, names: &[&str]) -> Option<Range<usize>> {
    let mut words = words(line, range);
    words.find(|word| names.iter().any(|name| line[word.clone()] == *name.as_bytes()))?;
    words.next().map(|word| unquoted(line, word))
}

/// The word that is glued to `-p`, as `mysql` wants it.
fn glued(line: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let word = words(line, range).find(|word| word.len() > 2 && line[word.clone()].starts_with(b"-p"))?;
    Some(unquoted(line, word.start + 2..word.end))
}

fn unquoted(line: &[u8], word: Range<usize>) -> Range<usize> {
    let is_quote = |byte: &&u8| matches!(byte, b'"' | b'\'' | b'`');
    let before = line[word.clone()].iter().take_while(is_quote).count();
    let value = &line[word.start + before..word.end];
    let length = value.iter().take_while(|byte| !is_quote(byte)).count();
    word.start + before..word.start + before + length
}

fn behind_colon(line: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let colon = line[word.clone()].iter().position(|&byte| byte == b':')?;
    Some(word.start + colon + 1..word.end)
}

/// The last argument of a call, where it is a literal and not the only one.
fn last_argument(line: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let start = range.start;
    let call = &line[range];
    let close = call.windows(2).position(|pair| matches!(pair, b"\")" | b"')"))?;
    let quote = call[close];
    let open = call[..close].iter().rposition(|&byte| byte == quote)?;
    let is_second = call[..open].trim_ascii_end().ends_with(b",");
    is_second.then_some(start + open + 1..start + close)
}

fn is_password(value: &[u8]) -> bool {
    let others = value.iter().filter(|byte| !byte.is_ascii_alphabetic()).count();
    value.len() >= 6
        && (1..value.len() - 1).contains(&others)
        && value.iter().all(u8::is_ascii_graphic)
        && !url::is_common(value)
        && !is_placeholder(value)
        && !is_reference(value)
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

    #[test]
    fn passwords_of_commands() {
        check("curl -s -u admin:Qm4xx92Lk https://x", &["Qm4xx92Lk"]);
        check("curl --user 'svc:hT7$kqP2zz' https://x", &["hT7$kqP2zz"]);
        check("sshpass -p Rk29!mZq ssh root@h", &["Rk29!mZq"]);
        check("mysql -h db -u root -pmZ82kqLs shop", &["mZ82kqLs"]);
        check("docker login -u acme -p 'k82-mqz' host", &["k82-mqz"]);
        for line in [
            "curl -u $USER:$PASSWORD https://x",
            "curl -u user:password https://x",
            "curl -u admin https://x",
            "mysql -u root -p shop",
            "sshpass -p \"$PASSWORD\" ssh h",
            "docker login -u acme -p ${{ secrets.TOKEN_1 }}",
            "sign-in or login with -p",
        ] {
            check(line, &[]);
        }
    }

    #[test]
    fn passwords_of_calls() {
        check("req.SetBasicAuth(\"deploy\", \"kT82mqLz!\")", &["kT82mqLz!"]);
        check("get(url, auth=('svc', 'tK92!mzQp'))", &["tK92!mzQp"]);
        check("getConnection(url, \"shop\", \"tQ92!mkzL\");", &["tQ92!mkzL"]);
        for line in [
            "auth=(user, password)",
            "BasicAuth(\"user-1\")",
            "auth=(\"user\", \"pass\")",
            "BasicAuth(\"a\", cfg[\"p-1\"])",
        ] {
            check(line, &[]);
        }
    }
}
