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
    let indented = indent_like(&text, &anchor.text)?;
    (!is_unchanged(&indented, &anchor.text)).then_some(indented)
}

/// Whether a suggestion has anything to tell: text that is not what stands there, with no masked value in it.
pub fn says_something(suggestion: &str, anchor: &Anchor) -> bool {
    let text = without_fence(suggestion);
    let same_words = text.split_whitespace().eq(anchor.text.iter().flat_map(|line| line.split_whitespace()));
    !text.trim().is_empty() && !same_words && !text.contains("***")
}

fn is_unchanged(text: &str, original: &[String]) -> bool {
    text.lines().map(str::trim_end).eq(original.iter().map(|line| line.trim_end()))
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

/// Gives the replacement the indentation of what it replaces: models leave it out of the whole, or of the first line
/// alone. `None` where the two have nothing in common, such as tabs and blanks.
fn indent_like(text: &str, original: &[String]) -> Option<String> {
    let filled = |line: &&str| !line.trim().is_empty();
    let wanted = original.iter().find(|line| !line.trim().is_empty()).map_or("", |line| indentation(line));
    let given = text.lines().find(filled).map_or("", indentation);
    let others = || text.lines().filter(filled).skip(1);
    let (missing, surplus) = match (wanted.strip_prefix(given), given.strip_prefix(wanted)) {
        (Some(missing), _) => (missing, ""),
        (None, Some(surplus)) => ("", surplus),
        (None, None) => return None,
    };
    let only_first = !missing.is_empty() && others().count() > 0 && others().all(|line| line.starts_with(wanted));
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        lines.push(match line.strip_prefix(surplus) {
            _ if line.trim().is_empty() => String::new(),
            _ if only_first && index > 0 => line.to_owned(),
            Some(rest) => format!("{missing}{rest}"),
            None => return None,
        });
    }
    Some(lines.join("\n"))
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
        check("    a();", "b();\n    c();\n    d();", Some("    b();\n    c();\n    d();"));
        check("    a();", "+b();\n+    c();", Some("    b();\n    c();"));
        check("    a();", "+    a();", None);
        check("    a();", "+ b();\n  c();", None);
        check("    let x = a;", "    let x = a\n        + b;", Some("    let x = a\n        + b;"));
        check("a();", "  b();\n    c();", Some("b();\n  c();"));
        check("\ta();", "    b();", None);
        check("    a();", "key = \"***\"", None);
    }

    #[test]
    fn only_for_whole_lines_of_the_new_file() {
        let anchor =
            |side, whole_lines| Anchor { file: 0, hunk: 0, side, lines: 1..=1, text: vec!["a".into()], whole_lines };
        assert_eq!(usable("b", &anchor(Side::Left, true)), None);
        assert_eq!(usable("b", &anchor(Side::Right, false)), None);
        assert!(says_something("b", &anchor(Side::Left, true)) && !says_something(" a ", &anchor(Side::Left, true)));
    }
}
