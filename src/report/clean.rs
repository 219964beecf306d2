//! Text that is not ours, made harmless for where it is shown.

/// Markdown of the model for a comment on a host: it can mention nobody, close nothing, show no image, hold no HTML and
/// no mark of ours, and it cannot leave its paragraph through an open fence. Code in it stays as it is.
pub fn markdown(text: &str) -> String {
    let text: String = text.chars().filter(|&c| c == '\n' || c == '\t' || !c.is_control()).collect();
    let text = text.replace("<!--", "<!- -");
    let mut out = String::with_capacity(text.len() + 16);
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line.trim_start().chars().take_while(|&c| c == '`' || c == '~').collect();
        let closes = fence.as_ref().is_some_and(|open| ticks.starts_with(open.as_str()) && line.trim() == ticks);
        match &fence {
            Some(_) if closes => fence = None,
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                out += &prose(line);
                out.push('\n');
                continue;
            }
            Some(_) => {}
        }
        out += line;
        out.push('\n');
    }
    if let Some(open) = fence {
        out += &open;
    }
    let out = out.trim();
    // a comment that begins with a slash would be a command on some hosts
    if out.starts_with('/') { format!("\\{out}") } else { out.to_owned() }
}

/// A line outside fences: parts in `` ` `` stay, the rest loses what would act.
fn prose(line: &str) -> String {
    if line.matches('`').count() % 2 == 1 {
        return quiet(line); // an open span: nothing in it is surely code
    }
    let part = |(index, part): (usize, &str)| if index % 2 == 0 { quiet(part) } else { part.to_owned() };
    line.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
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
    markdown(&text.split_whitespace().collect::<Vec<_>>().join(" ")).replace('|', "\\|")
}

/// Text as inline code: one line, in more backticks than it has.
pub fn code(text: &str) -> String {
    let text = crate::plan::printable(text);
    let longest = longest_run(&text, '`');
    let ticks = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Text as a fenced block with an info string.
pub fn fenced(info: &str, text: &str) -> String {
    let ticks = "`".repeat(longest_run(text, '`').max(2) + 1);
    // an empty suggestion deletes its lines; an empty line in it would put one in their place
    let end = if text.is_empty() { "" } else { "\n" };
    format!("{ticks}{info}\n{text}{end}{ticks}")
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}

/// Text for a terminal or a log: no escape sequence, no control character but line feed and tab, and no line that a CI
/// runner would take for a command.
pub fn terminal(text: &str) -> String {
    let line = |line: &str| {
        let line = crate::plan::printable(&line.replace('\t', "    "));
        let is_command = line.trim_start().starts_with("::") || line.trim_start().starts_with("##[");
        if is_command { format!("| {line}") } else { line }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A name or a title for a terminal or a log: as [`terminal`], and on one line.
pub fn line(text: &str) -> String {
    terminal(&crate::plan::printable(text))
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
    fn cells_code_and_fences() {
        assert_eq!(cell("a |\n b"), "a \\| b");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
        assert_eq!(fenced("suggestion", "```\nx\n```"), "````suggestion\n```\nx\n```\n````");
        assert_eq!(fenced("suggestion", ""), "```suggestion\n```");
        assert_eq!(terminal("a\n  ::error::b"), "a\n|   ::error::b");
        assert_eq!(line("::a\n::b"), "| ::a\\u{a}::b");
        assert_eq!(terminal("a\u{1b}[0m\n\tb"), "a\\u{1b}[0m\n    b");
    }
}
