//! Hunks that need no reviewer: code that is only laid out anew, and imports that only stand elsewhere.
//!
//! Where a grammar knows the language and the file is here, both versions are parsed, and a hunk is trivial only where that
//! proves it. Elsewhere only blanks at the ends of lines are known to mean nothing.

use std::collections::{BTreeMap, HashSet};

use crate::diff::{Diff, FileDiff, FileStatus, Hunk, Line, LineKind, Side};
use crate::plan::trivial::{Trivial, Why};
use crate::syntax;
use crate::tree::Tree;

/// The trivial hunks of a change.
pub fn of(diff: &Diff, tree: &Tree<'_>) -> Trivial {
    let of_file =
        |(file, found): (usize, &FileDiff)| hunks(found, tree).into_iter().map(move |(hunk, why)| ((file, hunk), why));
    diff.files.iter().enumerate().flat_map(of_file).collect()
}

/// The trivial hunks of a file.
fn hunks(file: &FileDiff, tree: &Tree<'_>) -> BTreeMap<usize, Why> {
    if !matches!(file.status, FileStatus::Modified | FileStatus::Renamed) {
        return BTreeMap::new();
    }
    let mut found: BTreeMap<usize, Why> = BTreeMap::new();
    // Markdown breaks a line by two blanks at its end
    if !file.path().as_str().ends_with(".md") {
        found.extend(positions(file, |hunk| same(hunk, <[u8]>::trim_ascii_end)).map(|hunk| (hunk, Why::Formatting)));
    }
    let is_worth_a_parse = |hunk: &Hunk| same_letters(hunk) || shares_a_line(hunk);
    if positions(file, is_worth_a_parse).all(|hunk| found.contains_key(&hunk)) {
        return found;
    }
    if let Some(versions) = Versions::of(file, tree) {
        found.extend(versions.moved_imports(file).into_iter().map(|hunk| (hunk, Why::ImportsMoved)));
        if positions(file, same_letters).count() == file.hunks().len() && versions.are_the_same_code(file) {
            found.extend((0..file.hunks().len()).map(|hunk| (hunk, Why::Formatting)));
        }
    }
    found
}

/// The hunks of which something holds.
fn positions(file: &FileDiff, holds: impl Fn(&Hunk) -> bool) -> impl Iterator<Item = usize> {
    file.hunks().iter().enumerate().filter(move |(_, hunk)| holds(hunk)).map(|(index, _)| index)
}

fn on(hunk: &Hunk, side: Side) -> impl Iterator<Item = &Line> {
    hunk.lines.iter().filter(move |line| line.is_on(side))
}

/// Whether both sides are the same once every line went through `form`.
fn same(hunk: &Hunk, form: impl Fn(&[u8]) -> &[u8]) -> bool {
    on(hunk, Side::Left).map(|line| form(line.bytes())).eq(on(hunk, Side::Right).map(|line| form(line.bytes())))
}

/// Whether both sides have the same characters but for white space.
fn same_letters(hunk: &Hunk) -> bool {
    let letters = |side| on(hunk, side).flat_map(Line::bytes).filter(|byte| !byte.is_ascii_whitespace());
    letters(Side::Left).eq(letters(Side::Right))
}

/// Whether a line is both removed and added.
fn shares_a_line(hunk: &Hunk) -> bool {
    let texts = |kind| {
        let lines = hunk.lines.iter().filter(move |line| line.kind == kind);
        lines.map(|line| line.bytes().trim_ascii()).filter(|text| !text.is_empty())
    };
    let added: HashSet<&[u8]> = texts(LineKind::Added).collect();
    texts(LineKind::Removed).any(|removed| added.contains(removed))
}

/// A file before and after the change.
struct Versions {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Versions {
    /// Both texts, where the repository has what the change leaves, and a grammar knows it. A masked line has no text.
    fn of(file: &FileDiff, tree: &Tree<'_>) -> Option<Versions> {
        let is_masked = |line: &Line| line.bytes().windows(3).any(|part| part == b"***");
        let lines = || file.hunks().iter().flat_map(|hunk| hunk.lines.iter());
        if !syntax::has_grammar(file.path().as_str()) || lines().any(is_masked) || !tree.agrees(file) {
            return None;
        }
        let after = tree.file(file.path().as_str())?.into_owned();
        Some(Versions { before: before(file, &after), after })
    }

    fn are_the_same_code(&self, file: &FileDiff) -> bool {
        syntax::same_code(file.path().as_str(), &self.before, &self.after) == Some(true)
    }

    /// The hunks that only move imports, where the file has the same imports before and after.
    fn moved_imports(&self, file: &FileDiff) -> Vec<usize> {
        let path = file.path().as_str();
        let imports = |text: &[u8]| -> HashSet<u32> {
            syntax::File::read(path, text).imports().iter().flat_map(|import| import.lines.clone()).collect()
        };
        let (before, after) = (imports(&self.before), imports(&self.after));
        let is_import = |line: &&Line| {
            let (imports, number) = match line.kind {
                LineKind::Removed => (&before, line.old),
                _ => (&after, line.new),
            };
            is_blank(line) || (!acts(line) && imports.contains(&number))
        };
        let changed = |hunk: &Hunk| hunk.lines.iter().filter(|line| line.is_change()).cloned().collect::<Vec<Line>>();
        let candidates: Vec<usize> =
            positions(file, |hunk| changed(hunk).iter().all(|line| is_import(&line))).collect();
        let texts = |kind: LineKind| {
            let lines = candidates.iter().flat_map(|&hunk| changed(&file.hunks()[hunk]));
            let mut texts: Vec<Vec<u8>> = lines
                .filter(|line| line.kind == kind && !is_blank(line))
                .map(|line| line.bytes().trim_ascii().to_vec())
                .collect();
            texts.sort_unstable();
            texts
        };
        let removed = texts(LineKind::Removed);
        if removed.is_empty() || removed != texts(LineKind::Added) { Vec::new() } else { candidates }
    }
}

fn is_blank(line: &Line) -> bool {
    line.bytes().trim_ascii().is_empty()
}

/// Whether an import is made for what it does, so that its place matters: JavaScript's `import "./polyfill"`, and C's
/// `#include`.
fn acts(line: &Line) -> bool {
    let text = line.bytes().trim_ascii();
    let rest = text.strip_prefix(b"import").map(<[u8]>::trim_ascii_start);
    text.starts_with(b"#") || rest.is_some_and(|rest| matches!(rest.first(), Some(b'"' | b'\'')))
}

/// The text before the change: every hunk's new side replaced by its old one.
fn before(file: &FileDiff, after: &[u8]) -> Vec<u8> {
    let after: Vec<&[u8]> = after.split(|&byte| byte == b'\n').collect();
    let mut out: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    for hunk in file.hunks() {
        // where the new side is empty, git names the line before
        let start = match on(hunk, Side::Right).next() {
            Some(line) => (line.new as usize).saturating_sub(1),
            None => hunk.new_start as usize,
        };
        out.extend(after.get(at..start).unwrap_or_default());
        out.extend(on(hunk, Side::Left).map(Line::bytes));
        at = start + on(hunk, Side::Right).count();
    }
    out.extend(after.get(at..).unwrap_or_default());
    out.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use similar::TextDiff;

    use super::*;
    use crate::diff::parse;

    /// What is trivial in the change of a file from one text to another.
    fn trivial(path: &str, old: &str, new: &str) -> Vec<(usize, Why)> {
        let diff = diff(path, old, new);
        let tree = Tree::in_memory([(path.to_owned(), new.as_bytes().to_vec())]);
        of(&diff, &tree).into_iter().map(|((_, hunk), why)| (hunk, why)).collect()
    }

    fn diff(path: &str, old: &str, new: &str) -> Diff {
        let text = TextDiff::from_lines(old, new);
        let hunks =
            text.unified_diff().context_radius(1).header(&format!("a/{path}"), &format!("b/{path}")).to_string();
        parse(hunks).unwrap()
    }

    #[test]
    fn code_that_is_laid_out_anew_is_formatting() {
        let (old, new) = ("fn f(a:u8)->u8{a+1}\n", "fn f(a: u8) -> u8 {\n    a + 1\n}\n");
        assert_eq!(trivial("x.rs", old, new), [(0, Why::Formatting)]);
        let (old, new) = ("int f(int a){return a;}\n", "int f(int a)\n{\n\treturn a;\n}\n");
        assert_eq!(trivial("x.c", old, new), [(0, Why::Formatting)]);
    }

    #[test]
    fn what_only_looks_like_formatting_is_reviewed() {
        for (path, old, new) in [
            // JavaScript ends a statement at a line's end
            ("x.js", "function f() { return 1 }\n", "function f() { return\n1 }\n"),
            // a string
            ("x.rs", "fn f() -> &'static str { \"a b\" }\n", "fn f() -> &'static str { \"ab\" }\n"),
            (
                "x.py",
                "def f(a):\n    if a:\n        g()\n        h()\n",
                "def f(a):\n    if a:\n        g()\n    h()\n",
            ),
            ("x.c", "int ab;\n", "int a b;\n"),
            // no grammar says that white space means nothing
            ("x.yaml", "a:\n  b: 1\n", "a:\n b: 1\n"),
            ("Makefile", "a:\n\tb\n", "a:\n b\n"),
            ("x.md", "a  \nb\n", "a\nb\n"),
            // does not parse
            ("x.rs", "fn f( {a+1}\n", "fn f( { a + 1 }\n"),
        ] {
            assert_eq!(trivial(path, old, new), [], "{path}: {new}");
        }
    }

    #[test]
    fn one_real_change_leaves_only_what_is_sure_in_any_language() {
        let filler = "// same\n".repeat(9);
        let (old, new) = (
            format!("fn f() {{a()}}\n{filler}let x = 1;  \n{filler}b\n"),
            format!("fn f() {{ a() }}\n{filler}let x = 1;\n{filler}c\n"),
        );
        assert_eq!(trivial("x.txt", &old, &new), [(1, Why::Formatting)]);
        assert_eq!(trivial("x.txt", "a\r\nb\r\n", "a\nb\n"), [(0, Why::Formatting)]);
    }

    #[test]
    fn imports_that_stand_elsewhere_are_moved() {
        let filler = "const x = 1;\n".repeat(9);
        let old = format!("import b from \"b\";\nimport a from \"a\";\n{filler}use(a, b);\n");
        let new = format!("import a from \"a\";\n\nimport b from \"b\";\n{filler}use(b, a);\n");
        assert_eq!(trivial("x.js", &old, &new), [(0, Why::ImportsMoved)]);
        assert_eq!(trivial("x.py", "import b\nimport a\n", "import a\nimport b\n"), [(0, Why::ImportsMoved)]);
        let rust = ("use std::fmt;\nuse a::b;\nfn f() {}\n", "use a::b;\nuse std::fmt;\nfn f() {}\n");
        assert_eq!(trivial("x.rs", rust.0, rust.1), [(0, Why::ImportsMoved)]);
    }

    #[test]
    fn imports_that_change_or_act_are_reviewed() {
        for (path, old, new) in [
            ("x.py", "import b\nimport a\n", "import a\nimport c\n"),
            ("x.py", "import a\n", "import a\nimport a\n"),
            ("x.js", "import \"b\";\nimport \"a\";\n", "import \"a\";\nimport \"b\";\n"),
            ("x.c", "#include <b.h>\n#include <a.h>\n", "#include <a.h>\n#include <b.h>\n"),
            ("x.py", "a()\nb()\n", "b()\na()\n"),
        ] {
            assert_eq!(trivial(path, old, new), [], "{path}: {new}");
        }
    }

    #[test]
    fn without_the_file_or_with_another_version_of_it_nothing_is_proved() {
        let (old, new) = ("fn f(a:u8)->u8{a+1}\n", "fn f(a: u8) -> u8 { a + 1 }\n");
        let diff = diff("x.rs", old, new);
        assert_eq!(of(&diff, &Tree::nowhere("no checkout")), Trivial::new());
        assert_eq!(of(&diff, &Tree::in_memory([("x.rs".to_owned(), old.as_bytes().to_vec())])), Trivial::new());
    }

    #[test]
    fn the_text_before_the_change_is_found_again() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        for new in ["b\nc\nd\ne\nf\ng\nh\n", "x\na\nb\nc\ne\nf\ng\nh\ny\n", "a\nb\nc\nd\ne\nf\n", "", "1\n"] {
            let diff = diff("x", old, new);
            let found = before(&diff.files[0], new.as_bytes());
            assert_eq!(String::from_utf8(found).unwrap().trim_end(), old.trim_end(), "{new:?}");
        }
    }

    #[test]
    fn a_large_hunk_is_not_compared_line_by_line_with_itself() {
        // 100,000 × 100,000 comparisons would take minutes
        let side = |mark: char, name: &str| (0..100_000).map(|n| format!("{mark}{name}{n}\n")).collect::<String>();
        let text = format!("--- a/x.rs\n+++ b/x.rs\n@@ -1,100000 +1,100000 @@\n{}{}", side('-', "a"), side('+', "b"));
        assert_eq!(of(&parse(text).unwrap(), &Tree::nowhere("no checkout")), Trivial::new());
    }
}
