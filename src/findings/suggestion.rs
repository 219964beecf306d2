//! Whether a replacement can be applied as it stands.

use super::anchor::Anchor;
use crate::diff::Side;

/// The replacement for the lines of an anchor, with the file's indentation; `None` where it would not apply, change
/// nothing, or put a masked value into the file.
pub fn usable(suggestion: &str, anchor: &Anchor) -> Option<String> {
    let text = without_fence(suggestion).trim_end_matches(['\n', '\r']);
    if !says_something(text, anchor) || anchor.side == Side::Left || !anchor.whole_lines {
        return None;
    }
    let text = without_marks(text, &anchor.text)?;
    let placed = if is_moved(&text, &anchor.text) { text } else { indent_like(&text, &anchor.text)? };
    (!is_same(&placed, &anchor.text, "")).then_some(placed)
}

/// Whether a suggestion has anything to tell: text that is not what stands there, with no masked value in it.
pub fn says_something(suggestion: &str, anchor: &Anchor) -> bool {
    let text = without_fence(suggestion).trim_end();
    let lost = first_indentation(&anchor.text).strip_prefix(first_indentation(text.lines())).unwrap_or("");
    !text.is_empty() && !is_same(text, &anchor.text, lost) && !text.contains("***")
}

/// Whether a text is the original, but for blanks at the end of lines and the indentation that all its lines lost.
fn is_same(text: &str, original: &[String], lost: &str) -> bool {
    let whole = |line: &str| match line.trim_end() {
        "" => String::new(),
        line => format!("{lost}{line}"),
    };
    text.lines().map(whole).eq(original.iter().map(|line| line.trim_end()))
}

/// Whether the lines are those of the original, some of them further in or out: then their indentation is what is
/// suggested. It is not where the first line lost some, which models do without a reason.
fn is_moved(text: &str, original: &[String]) -> bool {
    text.lines().map(str::trim).eq(original.iter().map(|line| line.trim()))
        && first_indentation(text.lines()).starts_with(first_indentation(original))
}

/// The inside of a fence, where there is one.
pub fn without_fence(text: &str) -> &str {
    let inside = text.trim().strip_prefix("```").and_then(|rest| rest.split_once('\n')).map(|(_, inside)| inside);
    inside.and_then(|inside| inside.trim_end().strip_suffix("```")).unwrap_or(text)
}

/// Takes the `+` of a diff off all lines, where all have it and the code itself does not. `None` where some lines begin
/// with it: they are a diff, and not the text of a file.
fn without_marks(text: &str, original: &[String]) -> Option<String> {
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    if original.iter().any(|line| line.trim_start().starts_with('+')) || !text.contains('+') {
        return Some(text.to_owned());
    }
    match filled().map(|line| line.trim_start().strip_prefix('+')).collect::<Option<Vec<&str>>>() {
        Some(lines) => Some(lines.join("\n")),
        None => (!filled().any(|line| line.starts_with('+'))).then(|| text.to_owned()),
    }
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// The indentation of the first line that is not empty.
fn first_indentation<'a, T: AsRef<str> + ?Sized + 'a>(lines: impl IntoIterator<Item = &'a T>) -> &'a str {
    lines.into_iter().map(AsRef::as_ref).find(|line| !line.trim().is_empty()).map_or("", indentation)
}

/// Gives the replacement the indentation of what it replaces: models leave it out of the whole, or of the first line
/// alone. `None` where the two have nothing in common, such as tabs and blanks, or where it may be either.
fn indent_like(text: &str, original: &[String]) -> Option<String> {
    let (wanted, given) = (first_indentation(original), first_indentation(text.lines()));
    let (missing, surplus) = match (wanted.strip_prefix(given), given.strip_prefix(wanted)) {
        (Some(missing), _) => (missing, ""),
        (None, Some(surplus)) => ("", surplus),
        (None, None) => return None,
    };
    let only_first = !missing.is_empty() && lacks_it_in_first_line_only(text, original, wanted)?;
    let mut is_first = true;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            lines.push(String::new());
            continue;
        }
        let rest = line.strip_prefix(surplus)?;
        lines.push(if only_first && !is_first { line.to_owned() } else { format!("{missing}{rest}") });
        is_first = false;
    }
    Some(lines.join("\n"))
}

/// Whether only the first line of a replacement lacks the `wanted` indentation, and not all of them: then the others
/// stand at least as far in as those of the original. `None` where it cannot be told.
fn lacks_it_in_first_line_only(text: &str, original: &[String], wanted: &str) -> Option<bool> {
    let mut given = text.lines().filter(|line| !line.trim().is_empty());
    let first = given.next().unwrap_or_default();
    let given: Vec<&str> = given.map(indentation).collect();
    let Some(next) = given.first().filter(|_| given.iter().all(|indent| indent.starts_with(wanted))) else {
        return Some(false);
    };
    let replaced = original.iter().filter(|line| !line.trim().is_empty()).skip(1);
    let replaced = replaced.map(|line| indentation(line).len()).min()?;
    if given.iter().any(|indent| indent.len() < replaced) {
        return Some(false);
    }
    // what follows the opening of a block stands further in than it: here it would not
    let opens_block = first.trim_end().ends_with([':', '{', '(', '[']);
    (!opens_block || next.len() > wanted.len()).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(original: &str, suggestion: &str, expected: Option<&str>) {
        let text: Vec<String> = original.lines().map(str::to_owned).collect();
        let anchor = Anchor { file: 0, hunk: 0, side: Side::Right, lines: 1..=1, text, whole_lines: true };
        assert_eq!(usable(suggestion, &anchor).as_deref(), expected);
    }

    #[test]
    fn replacements() {
        check("    a();", "    b();", Some("    b();"));
        check("    a();", "b();\nif x {\n    c();\n}\n", Some("    b();\n    if x {\n        c();\n    }"));
        check("\ta();", "```rust\n\tb();\n```", Some("\tb();"));
        check("    a();", "    a();\n", None);
        check("    a();", "a();", None);
        check("    a();", "", None);
        check("    a();", "+    b();\n+    c();", Some("    b();\n    c();"));
        check("    + a", "+ b", Some("    + b"));
        check("    if x:\n        a()", "if y:\n        a()", Some("    if y:\n        a()"));
        check("    a();", "  b();", Some("    b();"));
        check("    a();\n    x();", "b();\n    c();\n    d();", Some("    b();\n    c();\n    d();"));
        check("    a();\n    x();", "+b();\n+    c();", Some("    b();\n    c();"));
        check("    a();\n    x();", "\nb();\n    c();", Some("\n    b();\n    c();"));
        check("    a();", "+    a();", None);
        check("    a();", "+ b();\n  c();", None);
        check("    let x = a;", "    let x = a\n        + b;", Some("    let x = a\n        + b;"));
        check("a();", "  b();\n    c();", Some("b();\n  c();"));
        check("\ta();", "    b();", None);
        check("    a();", "key = \"***\"", None);
    }

    #[test]
    fn a_replacement_that_lost_its_indentation() {
        const IF: &str = "    if x:\n        return g(x)";
        const WHOLE: &str = "    if x and y:\n        return g(x)";
        check(IF, "if x and y:\n    return g(x)", Some(WHOLE));
        check(IF, "if x and y:\n        return g(x)", Some(WHOLE));
        check(IF, "if x:\n    if y:\n        return 1", Some("    if x:\n        if y:\n            return 1"));
        // of the whole, or of the first line alone
        check("    a()", "if x:\n    a()", None);
        check("    a();", "b();\n    c();", None);
        check("    a()\n    b()", "if x:\n    b()", None);
        check("    try:\n        a()\n    finally:\n        b()", "try:\n    a()", None);
    }

    #[test]
    fn white_space_alone() {
        for (original, text) in [
            ("  - a: 1\n  b: 2", "  - a: 1\n    b: 2"),
            ("if x:\nreturn 1", "if x:\n    return 1"),
            ("return 1", "    return 1"),
            ("a()\n    b()", "    a()\n    b()"),
            ("a  b", "a b"),
            ("a\n\nb", "a\nb"),
        ] {
            check(original, text, Some(text));
        }
        check("    if x:\n    a()\n    b()", "if x:\n    a()\nb()", Some("    if x:\n        a()\n    b()"));
        check("    if x:\n    return 1", "if x:\n    return 1", None);
    }

    #[test]
    fn what_stands_there_says_nothing() {
        let says = |original: &str, text: &str| {
            let text_of = original.lines().map(str::to_owned).collect();
            let anchor = Anchor { file: 0, hunk: 0, side: Side::Right, lines: 1..=1, text: text_of, whole_lines: true };
            says_something(text, &anchor)
        };
        for text in ["    a\n\n      b", "a\n\n  b\n\n", "  a  \n \n    b", "```\na\n\n  b\n```", " \n"] {
            assert!(!says("    a\n\n      b", text), "{text:?}");
        }
        for text in ["a\n\nb", "a\n  b", "a\n\n      b", "      a\n\n        b"] {
            assert!(says("    a\n\n      b", text), "{text:?}");
        }
    }

    #[test]
    fn only_for_whole_lines_of_the_new_file() {
        let anchor =
            |side, whole_lines| Anchor { file: 0, hunk: 0, side, lines: 1..=1, text: vec!["a".into()], whole_lines };
        assert_eq!(usable("b", &anchor(Side::Left, true)), None);
        assert_eq!(usable("b", &anchor(Side::Right, false)), None);
        assert!(says_something("b", &anchor(Side::Left, true)) && !says_something("a ", &anchor(Side::Left, true)));
    }
}
