//! Private keys: PEM, OpenSSH, PGP and PuTTY blocks, and the files that hold them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::secrets::Span;
use super::{At, Found};
use crate::diff::{FileDiff, FileStatus, LineKind, Side};
use crate::severity::{Category, Severity};
use crate::words::{Phrase, Words};

/// What a span of a private key says it is.
pub(crate) const WHAT: &str = "private key";

static BEGIN: LazyLock<Regex> = LazyLock::new(|| marker("BEGIN"));
static END: LazyLock<Regex> = LazyLock::new(|| marker("END"));

fn marker(word: &str) -> Regex {
    let pattern = format!("(?-u)-{{4,5}} ?{word} [A-Z0-9 ]{{0,30}}PRIVATE KEY(?: BLOCK)? ?-{{4,5}}");
    Regex::new(&pattern).expect("the pattern is a constant, and a test compiles it")
}

/// The least length of a line of key material; shorter ones count only inside of a block.
const MATERIAL: usize = 16;

/// A private key that spans lines.
pub(crate) struct Block {
    /// The lines from the opening marker to the closing one, as indices into what [`blocks`] was given.
    pub(crate) lines: Range<usize>,
    /// Where the secret stands: line and bytes of that line.
    pub(crate) material: Vec<(usize, Range<usize>)>,
}

impl Block {
    /// The secret parts of the block, line by line.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (usize, Span)> {
        self.material.iter().map(|(line, range)| (*line, Span { range: range.clone(), public: 0, what: WHAT }))
    }
}

/// A private key whose marker and material stand on one line, as in JSON: `"-----BEGIN PRIVATE KEY-----\nMII…`.
pub(crate) fn in_one_line(line: &[u8]) -> Option<Span> {
    let begin = BEGIN.find(line)?.end();
    let end = END.find_at(line, begin).map_or(line.len(), |end| end.start());
    let is_material = |byte: u8| is_base64(byte) || matches!(byte, b'\\' | b' ');
    let start =
        begin + line[begin..end].iter().take_while(|&&byte| byte == b'\\' || byte == b'n' || byte == b'r').count();
    let length = line[start..end].iter().take_while(|&&byte| is_material(byte)).count();
    let run = line[start..start + length].iter().filter(|&&byte| is_base64(byte)).count();
    // A closing quote may be escaped, and a line may end before the closing marker: neither is the key's.
    let mut key = &line[start..start + length];
    while let Some(rest) = [&b"\\n"[..], b"\\r", b"\\", b" "].iter().find_map(|end| key.strip_suffix(*end)) {
        key = rest;
    }
    let length = key.len();
    (run >= MATERIAL).then(|| Span { range: start..start + length, public: 0, what: WHAT })
}

/// The private keys in consecutive lines of a text, from the opening marker (or, where that is cut off, from what can only
/// be key material before the closing one).
pub(crate) fn blocks(lines: &[&[u8]]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let block = if opens(lines[at]) {
            Some(block_from(lines, at))
        } else if END.is_match(lines[at]) {
            block_before(lines, at)
        } else {
            None
        };
        at = block.as_ref().map_or(at, |block| block.lines.end - 1) + 1;
        blocks.extend(block.filter(|block| block.is_key(lines)));
    }
    blocks
}

/// Whether the lines below hold the key that this line announces.
fn opens(line: &[u8]) -> bool {
    is_putty(line) || BEGIN.is_match(line) && !END.is_match(line)
}

fn is_putty(line: &[u8]) -> bool {
    line.starts_with(b"PuTTY-User-Key-File-")
}

fn block_from(lines: &[&[u8]], begin: usize) -> Block {
    let mut material: Vec<(usize, Range<usize>)> = Vec::new();
    let mut at = begin + 1;
    while let Some(line) = lines.get(at) {
        if END.is_match(line) {
            at += 1;
            break;
        }
        match key_line(line) {
            KeyLine::Material(range) if !material.is_empty() || range.len() >= MATERIAL => material.push((at, range)),
            // PuTTY's lines stand between headers; elsewhere a header can only come first.
            KeyLine::Header if material.is_empty() || is_putty(lines[begin]) => {}
            KeyLine::Blank => {}
            _ => break,
        }
        at += 1;
    }
    Block { lines: begin..at, material }
}

/// The block whose closing marker stands at `end` and whose opening one is not to be seen.
fn block_before(lines: &[&[u8]], end: usize) -> Option<Block> {
    let mut material = Vec::new();
    let mut begin = end;
    while let Some(before) = begin.checked_sub(1) {
        match key_line(lines[before]) {
            KeyLine::Material(range) if range.len() >= 40 || before + 1 == end => material.insert(0, (before, range)),
            KeyLine::Material(range) if before + 2 == end && range.len() >= MATERIAL => {
                material.insert(0, (before, range))
            }
            _ => break,
        }
        begin = before;
    }
    (!material.is_empty()).then_some(Block { lines: begin..end + 1, material })
}

impl Block {
    /// Whether this is a key and not text about one: it has material, or a marker stands alone at the end of what is shown.
    fn is_key(&self, lines: &[&[u8]]) -> bool {
        let is_cut = self.lines.len() == 1 && self.lines.end == lines.len();
        self.material.iter().any(|(_, range)| range.len() >= MATERIAL)
            || is_cut && is_bare_marker(lines[self.lines.start])
    }
}

fn is_bare_marker(line: &[u8]) -> bool {
    is_putty(line) || BEGIN.find(line.trim_ascii()).is_some_and(|found| found.len() == line.trim_ascii().len())
}

/// What a line inside of a key can be.
enum KeyLine {
    /// Key material and where it stands.
    Material(Range<usize>),
    /// `Proc-Type: 4,ENCRYPTED`.
    Header,
    Blank,
    Other,
}

fn key_line(line: &[u8]) -> KeyLine {
    if line.trim_ascii().is_empty() {
        return KeyLine::Blank;
    }
    let mut material = None;
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        if byte == b'\\' {
            // `\n` at the end of a string literal.
            at += 2;
            continue;
        }
        let end = at + line[at..].iter().take_while(|&&byte| is_base64(byte)).count();
        if line[at..end].iter().any(u8::is_ascii_alphanumeric) {
            if material.replace(at..end).is_some() {
                return if is_header(line) { KeyLine::Header } else { KeyLine::Other };
            }
        } else if end == at && !(byte.is_ascii_whitespace() || b"\"'`,;.#*>()-|".contains(&byte)) {
            return if is_header(line) { KeyLine::Header } else { KeyLine::Other };
        }
        at = end.max(at + 1);
    }
    material.map_or(KeyLine::Blank, KeyLine::Material)
}

fn is_header(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let name = line.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    name > 0 && line[name..].starts_with(b": ")
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

pub(super) fn check(file: &FileDiff, words: &Words) -> Vec<Found> {
    let mut hits: Vec<Found> = Vec::new();
    for (hunk, h) in file.hunks().iter().enumerate() {
        let shown: Vec<usize> = (0..h.lines.len()).filter(|&i| h.lines[i].is_on(Side::Right)).collect();
        let lines: Vec<&[u8]> = shown.iter().map(|&i| h.lines[i].bytes()).collect();
        let mut keys: Vec<Range<usize>> = blocks(&lines).into_iter().map(|block| block.lines).collect();
        let in_lines = (0..lines.len()).filter(|&i| in_one_line(lines[i]).is_some()).map(|i| i..i + 1);
        let alone: Vec<Range<usize>> =
            in_lines.filter(|line| !keys.iter().any(|key| key.contains(&line.start))).collect();
        keys.extend(alone);
        let is_added = |i: &usize| h.lines[*i].kind == LineKind::Added;
        let first = keys.into_iter().filter_map(|range| shown[range].iter().copied().find(is_added));
        hits.extend(first.map(|line| hit(At { hunk, line }, &words.key_in_file, words)));
    }
    if hits.is_empty() && is_new(file) && is_key_file(file.path().file_name()) {
        hits.extend(super::added(file).next().map(|(at, _)| hit(at, &words.key_file, words)));
    }
    hits
}

fn hit(at: At, cause: &Phrase, words: &Words) -> Found {
    Found {
        at,
        severity: Severity::Critical,
        category: Category::Security,
        title: words.key_title.to_string(),
        body: words.key_body.with(&[("cause", cause)]),
        suggestion: None,
    }
}

fn is_new(file: &FileDiff) -> bool {
    matches!(file.status, FileStatus::Added | FileStatus::Renamed | FileStatus::Copied)
}

fn is_key_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(name.as_str(), "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519")
        || matches!(extension, "p12" | "pfx" | "jks" | "keystore" | "ppk" | "kdbx")
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::{check, hits};

    const RULE: &str = "private-keys";

    fn begin(kind: &str) -> String {
        ["-----BEGIN ", kind, "PRIVATE", " KEY-----"].concat()
    }

    fn end(kind: &str) -> String {
        ["-----END ", kind, "PRIVATE", " KEY-----"].concat()
    }

    fn pem(kind: &str) -> String {
        format!("{}\n{}\nc2hvcnQ=\n{}\n", begin(kind), "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw".repeat(2), end(kind))
    }

    #[test]
    fn a_key_is_one_hit_on_its_first_line() {
        for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
            check(RULE, "deploy.pem", &format!("# key\n{}done\n", pem(kind)), &[2]);
        }
        check(RULE, "a.txt", &format!("{}\n{}", pem(""), pem("EC ")), &[1, 6]);
        check(RULE, "a.py", &format!("KEY = \"\"\"{}\"\"\"\n", pem("")), &[1]);
        check(RULE, "a.txt", &pem("RSA ").replace('\n', "\r\n"), &[1]);
        let headers = format!("{}\n  Proc-Type: 4,ENCRYPTED\n", begin("RSA "));
        check(RULE, "a.rs", &pem("RSA ").replace(&format!("{}\n", begin("RSA ")), &headers), &[1]);
    }

    #[test]
    fn pgp_putty_and_keys_in_one_line() {
        let body = "lQdGBGPZk0kBEADdR2W0Zm9vYmFyYmF6cXV4MTIzNDU2";
        let pgp = ["-----BEGIN PGP PRIVATE", " KEY BLOCK-----\nVersion: GnuPG v2\n\n", body, "\n=abcd\n"].concat();
        check(RULE, "a.asc", &pgp, &[1]);
        let putty = format!(
            "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nPublic-Lines: 1\n{body}\nPrivate-Lines: 1\n{body}\n"
        );
        check(RULE, "a.txt", &putty, &[1]);
        check(RULE, "a.py", &format!("KEY = \"{}{body}\n{body}\n{}\"\n", begin(""), end("")), &[1]);
        let json = format!("{{\n  \"private_key\": \"{}\\n{body}\\n{}\\n\"\n}}\n", begin(""), end(""));
        check(RULE, "gcp.json", &json, &[2]);
    }

    #[test]
    fn text_about_keys_is_no_key() {
        check(RULE, "a.rs", &format!("if text.contains(\"{}\") {{\n    return true;\n}}\n", begin("RSA ")), &[]);
        check(RULE, "a.md", &format!("{}\n...\n{}\n", begin(""), end("")), &[]);
        check(RULE, "a.md", &format!("{}\n<your key>\n", begin("")), &[]);
        check(RULE, "a.pem", &pem("").replace("PRIVATE", "PUBLIC"), &[]);
        check(RULE, "a.txt", &format!("x\n{}\n", begin("RSA ")), &[2]);
    }

    #[test]
    fn files_by_name() {
        for path in ["id_rsa", "keys/id_ed25519", "a.p12", "b.PFX", "c.jks", "d.keystore"] {
            check(RULE, path, "something\nelse\n", &[1]);
        }
        check(RULE, "id_rsa.pub", "ssh-rsa AAAA\n", &[]);
        check(RULE, "id_rsa", &pem("OPENSSH "), &[1]);
    }

    #[test]
    fn new_material_under_an_old_marker_is_a_hit() {
        let text = pem("");
        let mut lines = text.lines();
        let (first, body) = (lines.next().unwrap(), lines.next().unwrap());
        let diff = format!("--- a/k\n+++ b/k\n@@ -1,2 +1,2 @@\n {first}\n-old\n+{body}\n");
        let found = crate::checks::run(&crate::diff::parse(diff).unwrap(), |_| true, crate::words::Words::english());
        assert_eq!(found.iter().map(|hit| hit.lines.clone()).collect::<Vec<_>>(), [2..=2]);
    }

    #[test]
    fn the_key_is_not_shown() {
        assert!(hits("a.pem", &pem("")).iter().all(|hit| !hit.body.contains("MIIE")));
    }
}
