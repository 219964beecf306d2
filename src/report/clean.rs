//! Text that is not ours, made harmless for where it is shown.

use crate::text::{longest_run, printable};

/// Markdown of the model for a comment on a host: it can mention nobody, close nothing, show no image, hold no HTML and
/// no mark of ours, and it cannot leave its paragraph through an open fence. Code in it stays as it is.
pub fn markdown(text: &str) -> String {
    let text: String = text.chars().filter(|&c| c == '\n' || c == '\t' || !c.is_control()).collect();
    let text = text.replace("<!-- prudence:", "<!- - prudence:");
    let mut out = String::with_capacity(text.len() + 16);
    let mut paragraph: Vec<&str> = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    for line in text.lines() {
        match fence {
            Some(open) => {
                fence = (!closes(line, open)).then_some(open);
                out += line;
                out.push('\n');
                continue;
            }
            None => fence = opens(line),
        }
        if fence.is_none() && !line.trim().is_empty() {
            paragraph.push(line);
            continue;
        }
        out += &prose(&std::mem::take(&mut paragraph));
        out += line;
        out.push('\n');
    }
    out += &prose(&paragraph);
    if let Some((mark, length)) = fence {
        out.extend(std::iter::repeat_n(mark, length));
    }
    let out = out.trim();
    // a comment that begins with a slash would be a command on some hosts
    if out.starts_with('/') { format!("\\{out}") } else { out.to_owned() }
}

/// The mark and length of a fence that a line opens, by the rules of CommonMark.
fn opens(line: &str) -> Option<(char, usize)> {
    let (rest, mark, length) = fence_run(line)?;
    let is_fence = length >= 3 && !(mark == '`' && rest.contains('`'));
    is_fence.then_some((mark, length))
}

fn closes(line: &str, (mark, length): (char, usize)) -> bool {
    fence_run(line).is_some_and(|(rest, found, run)| found == mark && run >= length && rest.trim().is_empty())
}

/// The run of fence characters that begins a line, with what stands behind it. Four blanks make code of a line instead.
fn fence_run(line: &str) -> Option<(&str, char, usize)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|&c| (c == '`' || c == '~') && line.len() - text.len() <= 3)?;
    let rest = text.trim_start_matches(mark);
    Some((rest, mark, text.len() - rest.len()))
}

/// A paragraph outside fences: code in it stays, the rest loses what would act. A span of code may go over lines; where
/// one line by itself does not tell, nothing counts as code.
fn prose(lines: &[&str]) -> String {
    let spans: Option<Vec<String>> = lines.iter().map(|line| around_code(line)).collect();
    let lines = spans.unwrap_or_else(|| lines.iter().map(|line| quiet(line)).collect());
    lines.into_iter().map(|line| line + "\n").collect()
}

/// A line with everything but its spans of code made quiet; `None` where a span is open at its end.
fn around_code(line: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(['`', '\\']) {
        let (before, after) = rest.split_at(start);
        out += &quiet(before);
        if let Some(escaped) = after.strip_prefix('\\') {
            // an escaped backtick opens nothing
            let length = escaped.chars().next().filter(|c| matches!(c, '`' | '\\')).map_or(0, char::len_utf8);
            out += &after[..1 + length];
            rest = &after[1 + length..];
            continue;
        }
        let run = after.len() - after.trim_start_matches('`').len();
        let end = span_end(&after[run..], run)?;
        out += &after[..run + end];
        rest = &after[run + end..];
    }
    Some(out + &quiet(rest))
}

/// Where a span of code that began with `run` backticks ends: behind the next run of exactly as many.
fn span_end(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`') {
        let from = at + start;
        let length = text[from..].len() - text[from..].trim_start_matches('`').len();
        at = from + length;
        if length == run {
            return Some(at);
        }
    }
    None
}

/// Takes the effect out of `@name`, `#1`, `<tag>` and `![image]`.
fn quiet(text: &str) -> String {
    const JOINER: char = '\u{200b}';
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '<' => out.push_str("&lt;"),
            '!' if next == Some('[') => out.push_str("\\!"),
            '@' | '#' if next.is_some_and(char::is_alphanumeric) => {
                out.push(c);
                out.push(JOINER);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Text as a table cell or list entry: one line, no pipes that would end the cell.
pub fn cell(text: &str) -> String {
    let text: String =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    around_code(&text).unwrap_or_else(|| quiet(&text)).replace('|', "\\|")
}

/// Text as inline code: one line, in more backticks than it has.
pub fn code(text: &str) -> String {
    let text = printable(text);
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Text for a terminal: no escape sequence, and no control character but line feed and tab.
pub fn terminal(text: &str) -> String {
    text.split('\n').map(|line| printable(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

/// A name or a title for a terminal: as [`terminal`], and on one line.
pub fn line(text: &str) -> String {
    terminal(&printable(text))
}

/// Text for a log that a CI runner reads: no line of it is a command. Runners know `::name::` at the beginning of a line
/// and `##[name]` anywhere in it.
pub fn log(text: &str) -> String {
    let line = |line: &str| {
        let line = printable(&line.replace('\t', "    ")).replace("##[", "## [");
        if line.trim_start().starts_with("::") { format!("| {line}") } else { line }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// As [`log`], for text that is painted already.
pub fn painted_log(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace("##[", "## [");
        let is_command = anstream::adapter::strip_str(&line).to_string().trim_start().starts_with("::");
        if is_command { format!("| {line}") } else { line }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A document for a log that a CI runner reads: it takes nothing in it for a command.
pub fn fenced_off(text: &str) -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    let token = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("::stop-commands::prudence-{token:x}\n{text}\n::prudence-{token:x}::\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(markdown(text), expected);
    }

    #[test]
    fn nothing_in_prose_acts() {
        check("ask @team, fixes #12", "ask @\u{200b}team, fixes #\u{200b}12");
        check("<img src=x> ![a](http://b)", "&lt;img src=x> \\![a](http://b)");
        check("<!-- prudence:state v1 x -->", "&lt;!- - prudence:state v1 x -->");
        check("<!-- x -->", "&lt;!-- x -->");
        check("/close", "\\/close");
        check("a\u{1b}[31mb\0", "a[31mb");
        check("# Title\n- a < b", "# Title\n- a &lt; b");
    }

    #[test]
    fn code_stays_code() {
        check("use `Vec<@T>` here", "use `Vec<@T>` here");
        check("an `open <span", "an `open &lt;span");
        check("```rust\nlet a: &<T> = @x;\n```\n<b>", "```rust\nlet a: &<T> = @x;\n```\n&lt;b>");
        check("```\nnever closed @x", "```\nnever closed @x\n```");
    }

    #[test]
    fn what_only_looks_like_code_is_prose() {
        const QUIET: &str = "@\u{200b}team &lt;img>";
        for (text, expected) in [
            ("```a```\n@team <img>", format!("```a```\n{QUIET}")),
            ("    ```\n@team <img>", format!("```\n{QUIET}")),
            ("`~~\n@team <img>", format!("`~~\n{QUIET}")),
            ("\\`@team <img>\\`", format!("\\`{QUIET}\\`")),
            ("`@team <img>```", format!("`{QUIET}```")),
            ("a `b\nc` @team <img> `d", format!("a `b\nc` {QUIET} `d")),
            ("```\n~~~\n```\n@team <img>", format!("```\n~~~\n```\n{QUIET}")),
            ("``a`b`` @team <img>", format!("``a`b`` {QUIET}")),
        ] {
            check(text, &expected);
        }
    }

    #[test]
    fn cells_and_code() {
        assert_eq!(cell("a |\n b"), "a \\| b");
        assert_eq!(cell("```rust is\nbroken @x"), "```rust is broken @\u{200b}x");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
    }

    #[test]
    fn logs_hold_no_command() {
        assert_eq!(terminal("a\u{1b}[0m\n\tb"), "a\\u{1b}[0m\n    b");
        assert_eq!(terminal("::std::move(x)"), "::std::move(x)");
        assert_eq!(log("a\n  ::error::b\nc ##[stop-commands]t"), "a\n|   ::error::b\nc ## [stop-commands]t");
        assert_eq!(painted_log("\u{1b}[1m ::error::b\u{1b}[0m"), "| \u{1b}[1m ::error::b\u{1b}[0m");
        let whole = fenced_off("::error::x");
        let token = whole.lines().next().unwrap().strip_prefix("::stop-commands::").unwrap();
        assert_eq!(whole, format!("::stop-commands::{token}\n::error::x\n::{token}::\n"));
    }
}
