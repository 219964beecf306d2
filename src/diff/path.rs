//! A path inside a repository.

use std::fmt;

/// A path inside a repository: bytes for git, text for everyone else.
///
/// Bytes that are not UTF-8 appear in the text as git writes them, in octal (`caf\351.txt`), so that two paths never
/// read the same.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath {
    text: String,
    /// Only where the bytes are not UTF-8.
    raw: Option<Vec<u8>>,
}

impl RepoPath {
    /// The path made of these bytes.
    pub fn new(bytes: &[u8]) -> RepoPath {
        match std::str::from_utf8(bytes) {
            Ok(text) => RepoPath { text: text.to_owned(), raw: None },
            Err(_) => RepoPath { text: escape_invalid(bytes), raw: Some(bytes.to_vec()) },
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path as git knows it.
    pub fn as_bytes(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The part behind the last dot of the file name, in lower case; empty where there is none.
    pub fn extension(&self) -> String {
        self.file_name().rsplit_once('.').map(|(_, ext)| ext.to_ascii_lowercase()).unwrap_or_default()
    }
}

fn escape_invalid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\{byte:03o}"));
        }
    }
    out
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        RepoPath { text: text.to_owned(), raw: None }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::RepoPath;

    #[test]
    fn paths_that_are_not_utf8_stay_distinct() {
        let (a, b) = (RepoPath::new(b"caf\xe9.txt"), RepoPath::new(b"caf\xe8.txt"));
        assert_eq!(a.as_str(), "caf\\351.txt");
        assert_ne!(a.as_str(), b.as_str());
        assert_eq!(a.as_bytes(), b"caf\xe9.txt");
    }

    #[test]
    fn extension_is_of_the_file_name_only() {
        assert_eq!(RepoPath::from("a.b/Makefile").extension(), "");
        assert_eq!(RepoPath::from("a.b/x.RS").extension(), "rs");
    }
}
