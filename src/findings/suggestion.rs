//! Whether a replacement can be applied as it stands.

use super::anchor::Anchor;
use crate::diff::Side;

/// The replacement for the lines of an anchor, with the file's indentation; `None` where it would not apply, change
/// nothing, or put a masked value into the file.
pub fn usable(suggestion: Option<&str>, anchor: &Anchor) -> Option<String> {
    let text = without_fence(suggestion?).trim_end_matches(['\n', '\r']);
    if text.trim().is_empty() || anchor.side == Side::Left || !anchor.whole_lines || text.contains("***") {
        return None;
    }
    let indented = indent_like(text, &anchor.text);
    let unchanged = indented.lines().map(str::trim_end).eq(anchor.text.iter().map(|line| line.trim_end()));
    (!unchanged).then_some(indented)
}

fn without_fence(text: &str) -> &str {
    let inside = text.trim().strip_prefix("```").and_then(|rest| rest.split_once('\n')).map(|(_, inside)| inside);
    inside.and_then(|inside| inside.trim_end().strip_suffix("```")).unwrap_or(text)
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Models often leave out the indentation of the whole; it comes from the first line that is replaced.
fn indent_like(text: &str, original: &[String]) -> String {
    let wanted = original.iter().find(|line| !line.trim().is_empty()).map_or("", |line| indentation(line));
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if wanted.is_empty() || !indentation(first).is_empty() {
        return text.to_owned();
    }
    let indent = |line: &str| if line.trim().is_empty() { String::new() } else { format!("{wanted}{line}") };
    text.lines().map(indent).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(original: &str, suggestion: &str, expected: Option<&str>) {
        let text: Vec<String> = original.lines().map(str::to_owned).collect();
        let anchor = Anchor { file: 0, hunk: 0, side: Side::Right, lines: 1..=1, text, whole_lines: true };
        assert_eq!(usable(Some(suggestion), &anchor).as_deref(), expected);
    }

    #[test]
    fn replacements() {
        check("    a();", "    b();", Some("    b();"));
        check("    a();", "b();\nif x {\n    c();\n}\n", Some("    b();\n    if x {\n        c();\n    }"));
        check("\ta();", "```rust\n\tb();\n```", Some("\tb();"));
        check("    a();", "    a();\n", None);
        check("    a();", "a();", None);
        check("    a();", "", None);
        check("    a();", "key = \"***\"", None);
    }

    #[test]
    fn only_for_whole_lines_of_the_new_file() {
        let anchor =
            |side, whole_lines| Anchor { file: 0, hunk: 0, side, lines: 1..=1, text: vec!["a".into()], whole_lines };
        assert_eq!(usable(Some("b"), &anchor(Side::Left, true)), None);
        assert_eq!(usable(Some("b"), &anchor(Side::Right, false)), None);
        assert_eq!(usable(None, &anchor(Side::Right, true)), None);
    }
}
