//! The lines above a file's hunks: what happened to the file, and how it is called.

use bytes::Bytes;

use super::{Content, FileDiff, FileStatus, RepoPath};

/// What a file's header lines say.
#[derive(Debug, Clone, Default)]
pub(super) struct Header {
    /// What follows `diff --git `.
    git: Option<Vec<u8>>,
    /// `---` and `+++`: `None` until seen, then the path or `/dev/null` as `Some(None)`.
    old: Option<Option<Vec<u8>>>,
    new: Option<Option<Vec<u8>>>,
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
    copied: bool,
    old_mode: Option<u32>,
    new_mode: Option<u32>,
    added: bool,
    deleted: bool,
}

impl Header {
    /// The header that begins with this line, which may be `diff --git A B`.
    pub(super) fn of_git(line: &[u8]) -> Header {
        Header { git: line.strip_prefix(b"diff --git ").map(<[u8]>::to_vec), ..Header::default() }
    }

    /// What `Binary files A and B differ` says; `None` for any other line.
    pub(super) fn of_binary(line: &[u8]) -> Option<Header> {
        let (old, new) = binary_names(line)?;
        Some(Header { old: Some(side_path(old)), new: Some(side_path(new)), ..Header::default() })
    }

    /// Takes in one line; `false` when it is no header line and the header ends before it.
    pub(super) fn read(&mut self, line: &[u8]) -> bool {
        let mode = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|t| u32::from_str_radix(t.trim(), 8).ok());
        let Some((key, rest)) = HEADER_KEYS.iter().find_map(|key| Some((*key, line.strip_prefix(key.as_bytes())?)))
        else {
            return false;
        };
        match key {
            "--- " => self.old = Some(side_path(rest)),
            "+++ " => self.new = Some(side_path(rest)),
            "old mode " => self.old_mode = mode(rest),
            "new mode " => self.new_mode = mode(rest),
            "new file mode " => (self.added, self.new_mode) = (true, mode(rest)),
            "deleted file mode " => (self.deleted, self.old_mode) = (true, mode(rest)),
            "rename from " => self.from = Some(unquote_bytes(rest)),
            "rename to " => self.to = Some(unquote_bytes(rest)),
            "copy from " => (self.copied, self.from) = (true, Some(unquote_bytes(rest))),
            "copy to " => self.to = Some(unquote_bytes(rest)),
            "index " => {
                let unchanged = rest.iter().position(|&b| b == b' ').and_then(|at| mode(&rest[at..]));
                self.old_mode = self.old_mode.or(unchanged);
                self.new_mode = self.new_mode.or(unchanged);
            }
            _ => {}
        }
        true
    }

    pub(super) fn paths(&self) -> (RepoPath, RepoPath) {
        let (old, new) = match (&self.from, &self.to, &self.old, &self.new) {
            (Some(from), Some(to), ..) => (from.clone(), to.clone()),
            (_, _, Some(Some(old)), Some(Some(new))) => strip_prefixes(old, new),
            // `diff --git x x` has no prefixes
            (_, _, Some(Some(path)), _) | (_, _, _, Some(Some(path))) if self.has_equal_names() => twice(path),
            (_, _, Some(Some(old)), _) => twice(strip_one(old, b"a/")),
            (_, _, _, Some(Some(new))) => twice(strip_one(new, b"b/")),
            _ => self.git.as_deref().map(git_paths).unwrap_or_default(),
        };
        (RepoPath::new(&old), RepoPath::new(&new))
    }

    fn has_equal_names(&self) -> bool {
        let Some(names) = &self.git else { return false };
        let middle = names.len() / 2;
        names.get(middle) == Some(&b' ') && names[..middle] == names[middle + 1..]
    }

    pub(super) fn into_file(self, header: Bytes, content: Content) -> FileDiff {
        let (old_path, new_path) = self.paths();
        let status = match (&self.old, &self.new) {
            _ if self.copied => FileStatus::Copied,
            _ if self.from.is_some() => FileStatus::Renamed,
            _ if self.added => FileStatus::Added,
            _ if self.deleted => FileStatus::Deleted,
            (Some(None), Some(Some(_))) => FileStatus::Added,
            (Some(Some(_)), Some(None)) => FileStatus::Deleted,
            // libgit2 writes no `copy from` for a copy that was changed
            _ if self.git.is_some() && old_path != new_path => FileStatus::Copied,
            _ => FileStatus::Modified,
        };
        FileDiff { header, status, old_path, new_path, old_mode: self.old_mode, new_mode: self.new_mode, content }
    }
}

const HEADER_KEYS: [&str; 14] = [
    "--- ",
    "+++ ",
    "old mode ",
    "new mode ",
    "new file mode ",
    "deleted file mode ",
    "rename from ",
    "rename to ",
    "copy from ",
    "copy to ",
    "index ",
    "similarity index ",
    "dissimilarity index ",
    "Submodule ",
];

fn twice(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (path.to_vec(), path.to_vec())
}

/// The path of a `---` or `+++` line; `None` for `/dev/null`.
fn side_path(rest: &[u8]) -> Option<Vec<u8>> {
    let path = match rest.first() {
        Some(b'"') => unquote_bytes(rest),
        // `diff -u` puts a tab and a time behind the name; git a tab alone where the name has blanks
        _ => rest.split(|&b| b == b'\t').next().unwrap_or(rest).to_vec(),
    };
    (path != b"/dev/null").then_some(path)
}

/// The two names in `Binary files A and B differ`.
fn binary_names(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let names = line.strip_prefix(b"Binary files ")?.strip_suffix(b" differ")?;
    let at = names.windows(5).position(|window| window == b" and ")?;
    Some((&names[..at], &names[at + 5..]))
}

/// Takes `a/` and `b/` (or two other folders, as in `diff -ru old new`) off the two names of one file.
fn strip_prefixes(old: &[u8], new: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let split =
        |path: &[u8]| path.iter().position(|&b| b == b'/').map(|at| (path[..at].to_vec(), path[at + 1..].to_vec()));
    match (split(old), split(new)) {
        (Some((a, old_rest)), Some((b, new_rest))) if a != b && (old_rest == new_rest || (a == b"a" && b == b"b")) => {
            (old_rest, new_rest)
        }
        _ => (old.to_vec(), new.to_vec()),
    }
}

/// Takes `prefix`, or one of git's mnemonic prefixes (`i/`, `w/`, `c/`, `o/`), off a name whose other side is absent.
fn strip_one<'a>(path: &'a [u8], prefix: &[u8]) -> &'a [u8] {
    let prefixes: [&[u8]; 5] = [prefix, b"i/", b"w/", b"c/", b"o/"];
    prefixes.iter().find_map(|p| path.strip_prefix(*p)).unwrap_or(path)
}

/// The two names of `diff --git A B`, for a file that has no other header line with its name.
fn git_paths(rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    if rest.first() == Some(&b'"')
        && let Some(end) = closing_quote(rest)
    {
        let second = rest.get(end + 2..).unwrap_or_default();
        return strip_prefixes(&unquote_bytes(&rest[..=end]), &unquote_bytes(second));
    }
    let middle = rest.len() / 2;
    match rest.get(middle) {
        Some(b' ') => strip_prefixes(&rest[..middle], &rest[middle + 1..]),
        _ => {
            let at = rest.windows(3).position(|w| w == b" b/").unwrap_or(rest.len());
            strip_prefixes(&rest[..at], rest.get(at + 1..).unwrap_or_default())
        }
    }
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
    None
}

pub(super) fn unquote(text: &[u8]) -> RepoPath {
    RepoPath::new(&unquote_bytes(text))
}

/// Undoes git's quoting of names (`"caf\303\251"`); a name without quotes is itself.
fn unquote_bytes(text: &[u8]) -> Vec<u8> {
    let Some(inner) = closing_quote(text).filter(|_| text.first() == Some(&b'"')).map(|end| &text[1..end]) else {
        return text.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        let (byte, used) = match (inner[at], inner.get(at + 1)) {
            (b'\\', Some(b'0'..=b'7')) => {
                let digits: Vec<u8> =
                    inner[at + 1..].iter().copied().take(3).take_while(|b| (b'0'..=b'7').contains(b)).collect();
                let value = digits.iter().fold(0u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                (value.to_le_bytes()[0], 1 + digits.len())
            }
            (b'\\', Some(escaped)) => {
                let byte = match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'v' => 11,
                    other => *other,
                };
                (byte, 2)
            }
            (byte, _) => (byte, 1),
        };
        out.push(byte);
        at += used;
    }
    out
}
