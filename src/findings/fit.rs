//! Whether a replacement fits into the file: it repeats no neighbour, keeps brackets balanced, and the file still parses.

use std::ops::RangeInclusive;

use crate::syntax;

/// What stands around the lines that are replaced.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// The line above.
    pub above: Option<&'a str>,
    /// The line below.
    pub below: Option<&'a str>,
    /// Path and whole text of the file as the change leaves it, where that is at hand.
    pub file: Option<(&'a str, &'a str)>,
}

/// The replacement without lines of its surroundings that it repeats; `None` where it does not fit.
pub fn fitting(text: &str, original: &[String], lines: &RangeInclusive<u32>, around: &Around<'_>) -> Option<String> {
    let text = without_repeats(text, original, around);
    let is_balanced = balance(&text, false) == balance(&original.join("\n"), false)
        || balance(&text, true) == balance(&original.join("\n"), true);
    let is_new = text.trim_end() != original.join("\n").trim_end();
    let parses = || around.file.is_none_or(|(path, file)| keeps_parsing(path, file, &text, lines));
    (!text.trim().is_empty() && is_new && is_balanced && parses()).then_some(text)
}

/// Takes off a first line that is the line above and a last line that is the line below: models repeat what is around.
/// Lines of brackets alone may rightly stand twice.
fn without_repeats(text: &str, original: &[String], around: &Around<'_>) -> String {
    let is_telling = |line: &str| line.chars().filter(|c| c.is_alphanumeric()).count() >= 3;
    let repeats = |line: Option<&&str>, neighbour: Option<&str>, own: Option<&String>| {
        let neighbour = neighbour.map(str::trim_end).filter(|line| is_telling(line));
        line.zip(neighbour).is_some_and(|(line, neighbour)| {
            line.trim_end() == neighbour && own.is_none_or(|own| own.trim_end() != neighbour)
        })
    };
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > 1 && repeats(lines.last(), around.below, original.last()) {
        lines.pop();
    }
    if lines.len() > 1 && repeats(lines.first(), around.above, original.first()) {
        lines.remove(0);
    }
    lines.join("\n")
}

/// How many brackets of each kind a text opens more than it closes; `without_strings` leaves out what stands in quotes.
fn balance(text: &str, without_strings: bool) -> [i64; 3] {
    let mut open = [0; 3];
    for line in text.lines() {
        let mut quote: Option<char> = None;
        let mut before = ' ';
        for c in line.chars() {
            match quote {
                Some(end) if without_strings => {
                    if c == end && before != '\\' {
                        quote = None;
                    }
                }
                _ if matches!(c, '"' | '`') => quote = Some(c),
                _ => match c {
                    '(' => open[0] += 1,
                    ')' => open[0] -= 1,
                    '[' => open[1] += 1,
                    ']' => open[1] -= 1,
                    '{' => open[2] += 1,
                    '}' => open[2] -= 1,
                    _ => {}
                },
            }
            before = c;
        }
    }
    open
}

/// Whether the file has no more errors with the replacement than without. Unknown counts as yes.
fn keeps_parsing(path: &str, file: &str, text: &str, lines: &RangeInclusive<u32>) -> bool {
    let Some(applied) = applied(file, text, lines) else { return false };
    match (syntax::errors(path, file.as_bytes()), syntax::errors(path, applied.as_bytes())) {
        (Some(before), Some(after)) => after <= before,
        _ => true,
    }
}

/// The file with these lines replaced; `None` where it has no such lines.
pub fn applied(file: &str, text: &str, lines: &RangeInclusive<u32>) -> Option<String> {
    let all: Vec<&str> = file.split_inclusive('\n').collect();
    let first = usize::try_from(lines.start().checked_sub(1)?).ok()?;
    let last = usize::try_from(*lines.end()).ok()?;
    let (before, rest) = all.split_at_checked(first)?;
    let (replaced, after) = rest.split_at_checked(last.checked_sub(first)?)?;
    let end = if replaced.last().is_some_and(|line| line.ends_with('\n')) { "\n" } else { "" };
    Some(format!("{}{text}{end}{}", before.concat(), after.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "def f(x):\n    y = g(x)\n    return y\n";

    #[track_caller]
    fn check(text: &str, original: &str, line: u32, expected: Option<&str>) {
        let lines: Vec<&str> = FILE.lines().collect();
        let at = |index: Option<usize>| index.and_then(|index| lines.get(index).copied());
        let around = Around {
            above: at((line as usize).checked_sub(2)),
            below: at(Some(line as usize)),
            file: Some(("a.py", FILE)),
        };
        assert_eq!(fitting(text, &[original.to_owned()], &(line..=line), &around).as_deref(), expected, "{text}");
    }

    #[test]
    fn neighbours_are_not_repeated() {
        check("    y = h(x)\n    return y", "    y = g(x)", 2, Some("    y = h(x)"));
        check("def f(x):\n    y = h(x)", "    y = g(x)", 2, Some("    y = h(x)"));
        check("    y = g(x)\n    return y", "    y = g(x)", 2, None);
        check("    y = h(x)\n    z = y", "    y = g(x)", 2, Some("    y = h(x)\n    z = y"));
    }

    #[test]
    fn brackets_stay_balanced() {
        check("    y = g(x", "    y = g(x)", 2, None);
        check("    y = g((x))", "    y = g(x)", 2, Some("    y = g((x))"));
        check("    y = g(\"(\" + x)", "    y = g(x)", 2, Some("    y = g(\"(\" + x)"));
    }

    #[test]
    fn the_file_still_parses() {
        check("    y = = g(x)", "    y = g(x)", 2, None);
        check("    y = g(x) g(x)", "    y = g(x)", 2, None);
    }

    #[test]
    fn lines_are_replaced_where_they_stand() {
        assert_eq!(applied(FILE, "    return 1", &(3..=3)).unwrap(), "def f(x):\n    y = g(x)\n    return 1\n");
        assert_eq!(applied("a\nb", "c", &(2..=2)).unwrap(), "a\nc");
        assert_eq!(applied("a\nb", "c", &(3..=3)), None);
        assert_eq!(applied("a\nb", "c", &(0..=0)), None);
    }
}
