//! Secrets out of everything that leaves the process.
//!
//! What counts as a secret is decided in one place, [`crate::checks`], and masked here, with what may be one: in a change, in any other text, and
//! in what comes back. Masking keeps names, quotes and the number of lines, and masking twice changes nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::checks::keys;
use crate::checks::secrets::{self, Span};
use crate::diff::{Diff, Hunk, Side};
use crate::secret::Secret;

/// Values that are shorter are not looked for in other texts: they would be found in ordinary words.
const SHORTEST: usize = 6;
/// Nor are shorter ones of letters alone: such a password may be an ordinary word.
const LONGEST_WORD: usize = 16;
/// What is left of a line can look like a secret where the whole did not. So often it is looked at again, which has always
/// been more than enough.
const ROUNDS: usize = 8;

/// What was masked in a change.
#[derive(Debug, Clone, Default)]
pub struct Redactions {
    count: usize,
    /// Longest first, so that a value is replaced before a part of it is.
    values: Vec<Secret>,
}

impl Redactions {
    /// The number of values that were masked; a private key counts once for each of its lines.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The text with `***` in place of every value that was masked in the change.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.expose()) {
                text = Cow::Owned(value.redact(&text));
            }
        }
        text
    }
}

/// The change with every secret masked, on added, removed and unchanged lines. Line numbers and the number of lines stay.
pub fn apply(mut diff: Diff) -> (Diff, Redactions) {
    let mut count = 0;
    let mut values = BTreeSet::new();
    for hunk in diff.files.iter_mut().flat_map(|file| file.hunks_mut()) {
        count += mask_hunk(hunk, &mut values);
    }
    let mut values: Vec<Secret> = values.iter().filter_map(|value| Secret::new(value)).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.expose().len()));
    (diff, Redactions { count, values })
}

/// The text with every secret masked, line by line; private keys over several lines too.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let Some(masked) = masked_once(&text) else { break };
        text = Cow::Owned(masked);
    }
    text
}

fn masked_once(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let bytes: Vec<&[u8]> = lines.iter().map(|line| line.strip_suffix('\n').unwrap_or(line).as_bytes()).collect();
    let spans = spans(&bytes);
    if spans.iter().all(Vec::is_empty) {
        return None;
    }
    let mask = |(line, spans): (&&str, &Vec<Span>)| secrets::mask(line.as_bytes(), spans);
    let masked: Vec<u8> = lines.iter().zip(&spans).flat_map(mask).collect();
    // Only ASCII is cut out of the text, so what is left is as valid as before.
    Some(String::from_utf8_lossy(&masked).into_owned())
}

/// Masks the lines of a hunk and what its header shows of the enclosing function; the number of masked values.
fn mask_hunk(hunk: &mut Hunk, values: &mut BTreeSet<String>) -> usize {
    let mut count = 0;
    for _ in 0..ROUNDS {
        let masked = mask_lines(hunk, values) + mask_section(hunk, values);
        if masked == 0 {
            break;
        }
        count += masked;
    }
    count
}

fn mask_lines(hunk: &mut Hunk, values: &mut BTreeSet<String>) -> usize {
    let mut count = 0;
    for (line, spans) in spans_of_hunk(hunk).into_iter().enumerate().filter(|(_, spans)| !spans.is_empty()) {
        let Some(line) = Arc::make_mut(&mut hunk.lines).get_mut(line) else { continue };
        let bytes = line.bytes();
        values.extend(spans.iter().filter_map(|span| kept(bytes, span)));
        count += spans.len();
        *line = line.with_text(&secrets::mask(bytes, &spans));
    }
    count
}

fn mask_section(hunk: &mut Hunk, values: &mut BTreeSet<String>) -> usize {
    let section = hunk.section();
    let spans = secrets::suspects(section.as_bytes());
    if !spans.is_empty() {
        values.extend(spans.iter().filter_map(|span| kept(section.as_bytes(), span)));
        hunk.set_section(&secrets::mask(section.as_bytes(), &spans));
    }
    spans.len()
}

/// The value of a span, where it is long enough to be looked for elsewhere.
fn kept(line: &[u8], span: &Span) -> Option<String> {
    let value = line.get(span.range.clone())?;
    let is_word = value.len() < LONGEST_WORD && value.iter().all(u8::is_ascii_alphabetic);
    (value.len() >= SHORTEST && !is_word).then(|| String::from_utf8_lossy(value).into_owned())
}

/// The secrets of each line. A private key is read on each side of the diff on its own, where its lines follow on another.
fn spans_of_hunk(hunk: &Hunk) -> Vec<Vec<Span>> {
    let mut all: Vec<Vec<Span>> = hunk.lines.iter().map(|line| secrets::suspects(line.bytes())).collect();
    for side in [Side::Left, Side::Right] {
        let shown: Vec<usize> = (0..hunk.lines.len()).filter(|&i| hunk.lines[i].is_on(side)).collect();
        let lines: Vec<&[u8]> = shown.iter().map(|&i| hunk.lines[i].bytes()).collect();
        for (line, span) in keys::blocks(&lines).iter().flat_map(keys::Block::spans) {
            all[shown[line]].push(span);
        }
    }
    all.into_iter().map(secrets::merge).collect()
}

/// The secrets of each of these lines, which follow on another.
fn spans(lines: &[&[u8]]) -> Vec<Vec<Span>> {
    let mut all: Vec<Vec<Span>> = lines.iter().map(|line| secrets::suspects(line)).collect();
    for (line, span) in keys::blocks(lines).iter().flat_map(keys::Block::spans) {
        all[line].push(span);
    }
    all.into_iter().map(secrets::merge).collect()
}

#[cfg(test)]
mod labelled;

#[cfg(test)]
mod tests {
    use crate::growth::fourfold;
    use proptest::prelude::*;

    use super::*;

    /// A value in GitHub's format that was never issued.
    fn token() -> String {
        ["gh", "p_", "x8Kd02mWq7Lp4ZtBv6Rj1Ny5Hc3Gs9Fa0QeU"].concat()
    }

    fn pem() -> String {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        ["-----BEGIN PRIVATE", " KEY-----\n", line, "\n", line, "\nc2hvcnQ=\n-----END PRIVATE", " KEY-----\n"].concat()
    }

    fn masked(diff: &str) -> (String, Redactions) {
        let (diff, redactions) = apply(crate::diff::parse(diff.to_owned()).unwrap());
        (String::from_utf8(diff.to_bytes()).unwrap(), redactions)
    }

    #[track_caller]
    fn check(before: &str, after: &str) {
        assert_eq!(text(before), after);
        assert_eq!(text(after), after, "masking twice");
    }

    #[test]
    fn names_quotes_and_shape_stay() {
        let token = token();
        check(&format!("t = \"{token}\" # {token}."), "t = \"ghp_***\" # ghp_***.");
        check("DB_PASSWORD=hunter2abc99\r\n", "DB_PASSWORD=***\r\n");
        check("url: postgres://app:s3cr3tpw@db.internal/x", "url: postgres://app:***@db.internal/x");
        check("nothing here", "nothing here");
        check("é password: \"Tr0ub4dor&3\" é", "é password: \"***\" é");
    }

    #[test]
    fn private_keys_keep_their_lines() {
        let begin = ["-----BEGIN PRIVATE", " KEY-----\n"].concat();
        let end = ["-----END PRIVATE", " KEY-----\n"].concat();
        check(&format!("a\n{}b\n", pem()), &format!("a\n{begin}***\n***\n***\n{end}b\n"));
        let (_, cut) = pem().split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        check(&cut, &format!("***\n***\n***\n{end}"));
        check(&format!("{begin}...\n{end}"), &format!("{begin}...\n{end}"));
    }

    #[test]
    fn all_sides_of_a_change_are_masked() {
        let token = token();
        let diff =
            format!("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ key = \"{token}\"\n t = {token}\r\n-a {token}\n+b {token}\n");
        let (text, redactions) = masked(&diff);
        assert_eq!(
            text,
            "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ key = \"ghp_***\"\n t = ghp_***\r\n-a ghp_***\n+b ghp_***\n"
        );
        assert_eq!(redactions.count(), 4);
        assert!(!format!("{redactions:?}").contains(&token));
        let (again, none) = masked(&text);
        assert_eq!(again, text);
        assert_eq!(none.count(), 0);
    }

    #[test]
    fn a_key_that_is_exchanged_is_masked_on_both_sides() {
        let (old, new) = ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw", "QIBADANBgkqhkiG9w0BAQEFAASCBKcwMIIEv");
        let begin = ["-----BEGIN PRIVATE", " KEY-----"].concat();
        let (text, _) =
            masked(&format!("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n {begin}\n-{old}\n-{old}\n+{new}\n+{new}\n"));
        assert!(text.ends_with("\n-***\n-***\n+***\n+***\n"), "{text}");
    }

    #[test]
    fn values_are_taken_out_of_other_texts() {
        let token = token();
        let (_, redactions) = masked(&format!("--- a/x\n+++ b/x\n@@ -1,0 +1,1 @@\n+pw = {token}\n"));
        assert_eq!(redactions.clean(&format!("the token {token} leaks")), "the token *** leaks");
        assert!(matches!(redactions.clean("nothing"), Cow::Borrowed("nothing")));
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let diff =
            [b"--- a/x\n+++ b/x\n@@ -1,0 +1,1 @@\n+\xff\xfe ".to_vec(), token().into_bytes(), b" \xff\n".to_vec()]
                .concat();
        let (masked, _) = apply(crate::diff::parse(diff).unwrap());
        assert_eq!(masked.files[0].hunks()[0].lines[0].bytes(), b"\xff\xfe ghp_*** \xff");
    }

    #[test]
    fn a_long_line_takes_linear_time() {
        for part in ["token:", "a://b:", "eyJ", "SK", "password=\"", "-----BEGIN ", "AKIA:AA", "\u{e9}"] {
            let growth = fourfold(50_000, |bytes| drop(text(&part.repeat(bytes / part.len()))));
            assert!(growth < 10.0, "{part}: {growth}");
        }
    }

    /// Lines made of the parts that the formats are made of.
    fn line() -> impl Strategy<Value = String> {
        let key = pem();
        let (begin, end) = (key.lines().next().unwrap().to_owned(), key.lines().last().unwrap().to_owned());
        let part = prop_oneof![
            "[a-zA-Z0-9+/=]{1,40}",
            "[ -~]{0,12}",
            ".{0,4}",
            Just(token()),
            Just(begin),
            Just(end),
            prop::sample::select(vec![
                "token", "password", "=", ": ", "\"", "'", "://", "@", ":", "sk-", "AKIA", "eyJ", "***", "\\", "\\n",
                "$", "<"
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn masking_keeps_lines_and_is_idempotent(lines in prop::collection::vec(line(), 0..8)) {
            let before = lines.join("\n");
            let once = text(&before).into_owned();
            prop_assert_eq!(once.split('\n').count(), before.split('\n').count());
            prop_assert_eq!(text(&once), &once[..]);
        }

        #[test]
        fn any_bytes_are_fine(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let spans = secrets::suspects(&bytes);
            let masked = secrets::mask(&bytes, &spans);
            prop_assert_eq!(masked.is_ascii(), bytes.is_ascii());
        }
    }
}
