//! What `.gitattributes` says about the files of a change.

use globset::{Glob, GlobBuilder, GlobMatcher};

use super::RepoPath;

/// The attributes that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// `linguist-generated`.
    Generated,
    /// `linguist-vendored`.
    Vendored,
    /// `binary` or `-diff`.
    Binary,
}

/// The lines of one or more `.gitattributes`, in order; the last line that matches decides.
#[derive(Debug, Default)]
pub struct Attributes {
    lines: Vec<(GlobMatcher, Attribute, bool)>,
}

impl Attributes {
    /// Reads one file, which lies in `folder` (empty for the root). Lines that git would not understand are passed over,
    /// as git does.
    pub fn parse(folder: &str, text: &[u8]) -> Attributes {
        let text = String::from_utf8_lossy(text);
        let mut lines = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (pattern, rest) = split_pattern(line);
            let Some(glob) = matcher(folder, &pattern) else { continue };
            for (attribute, value) in rest.split_whitespace().filter_map(attribute) {
                lines.push((glob.clone(), attribute, value));
            }
        }
        Attributes { lines }
    }

    /// Adds the lines of another file, which win over those here: a deeper one.
    pub fn extend(&mut self, deeper: Attributes) {
        self.lines.extend(deeper.lines);
    }

    /// Whether the attribute is set or unset for a path; `None` where nothing is said.
    pub fn get(&self, path: &RepoPath, attribute: Attribute) -> Option<bool> {
        let mut lines = self.lines.iter().rev();
        lines.find(|(glob, which, _)| *which == attribute && glob.is_match(path.as_str())).map(|(_, _, value)| *value)
    }
}

fn split_pattern(line: &str) -> (String, &str) {
    if let Some((quoted, rest)) = line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return (quoted.to_owned(), rest);
    }
    let (pattern, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (pattern.to_owned(), rest)
}

/// Patterns work as in `.gitignore`: without a slash they match a name at any depth, else from the file's folder.
fn matcher(folder: &str, pattern: &str) -> Option<GlobMatcher> {
    let pattern = match pattern.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None if pattern.trim_end_matches('/').contains('/') => pattern.to_owned(),
        None => format!("**/{pattern}"),
    };
    let full = if folder.is_empty() { pattern } else { format!("{}/{pattern}", globset::escape(folder)) };
    let build = |text: &str| -> Option<Glob> { GlobBuilder::new(text).literal_separator(true).build().ok() };
    build(&full).map(|glob| glob.compile_matcher())
}

fn attribute(word: &str) -> Option<(Attribute, bool)> {
    let (name, value) = match (word.strip_prefix('-'), word.split_once('=')) {
        (Some(name), _) => (name, false),
        (None, Some((name, value))) => (name, !matches!(value, "false" | "0")),
        (None, None) => (word, true),
    };
    match name {
        "linguist-generated" => Some((Attribute::Generated, value)),
        "linguist-vendored" => Some((Attribute::Vendored, value)),
        "binary" => Some((Attribute::Binary, value)),
        "diff" if !value => Some((Attribute::Binary, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &str, expected: Option<bool>) {
        assert_eq!(Attributes::parse("", text.as_bytes()).get(&RepoPath::from(path), Attribute::Generated), expected);
    }

    #[test]
    fn patterns_and_values() {
        check("*.x linguist-generated", "deep/down/a.x", Some(true));
        check("*.x linguist-generated=true\na.x -linguist-generated", "a.x", Some(false));
        check("/a.x linguist-generated", "deep/a.x", None);
        check("gen/** linguist-generated=false", "gen/a/b", Some(false));
        check("gen/* linguist-generated", "gen/a/b", None);
        check("# gen linguist-generated", "gen", None);
        check("\"a b.x\" text linguist-generated", "a b.x", Some(true));
        check("[ linguist-generated", "[", None);
    }

    #[test]
    fn a_deeper_file_wins() {
        let mut all = Attributes::parse("", b"*.x linguist-generated");
        all.extend(Attributes::parse("sub", b"*.x -linguist-generated"));
        assert_eq!(all.get(&RepoPath::from("sub/a.x"), Attribute::Generated), Some(false));
        assert_eq!(all.get(&RepoPath::from("a.x"), Attribute::Generated), Some(true));
    }
}
