//! Text that is not ours, made harmless for where it is shown.

use std::borrow::Cow;

use super::quiet::quiet;
use crate::text::{Fence, cut, is_harmful, longest_run, printable};

/// Markdown of the model for a comment on a host: it can mention nobody, close nothing, show no image, link nothing, hold
/// no HTML and no mark of ours, and it cannot leave its paragraph through an open fence. Code in it stays as it is.
pub fn markdown(text: &str) -> String {
    let text = unmarked(&seen(text));
    let mut out = String::with_capacity(text.len() + 16);
    let mut paragraph: Vec<&str> = Vec::new();
    let mut fence: Option<Fence> = None;
    // trimmed before it is read: what stands behind a blank may be a fence without it
    for line in text.trim().lines() {
        if let Some(open) = &fence {
            let line = open.without_indent(line);
            if open.is_closed_by(line) {
                out += &open.run();
                fence = None;
            } else {
                out += line;
            }
            out.push('\n');
            continue;
        }
        let opened = Fence::opened_by(line);
        if opened.is_none() && !line.trim().is_empty() {
            paragraph.push(line);
            continue;
        }
        out += &prose(&std::mem::take(&mut paragraph));
        if let Some((open, info)) = opened {
            out += &open.run();
            out += language(info);
            fence = Some(open);
        }
        out.push('\n');
    }
    out += &prose(&paragraph);
    if let Some(open) = fence {
        out += &open.run();
    }
    out.trim_end().to_owned()
}

/// A text without what nobody sees and what turns the letters around it. Everything that some reader takes for the end of
/// a line is one.
fn seen(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    text.chars().filter(|&c| matches!(c, '\n' | '\t') || !is_harmful(c)).collect()
}

/// A text in which nothing is a mark of ours.
pub fn unmarked(text: &str) -> String {
    text.replace("<!-- prudence:", "<!- - prudence:")
}

/// Languages whose code hosts draw instead of showing it, with the links and images in it.
const DRAWN: [&str; 38] = [
    "actdiag",
    "blockdiag",
    "bpmn",
    "bytefield",
    "c4plantuml",
    "d2",
    "dbml",
    "diagramsnet",
    "ditaa",
    "dot",
    "erd",
    "excalidraw",
    "geojson",
    "graphviz",
    "kroki",
    "math",
    "mermaid",
    "nomnoml",
    "nwdiag",
    "packetdiag",
    "pikchr",
    "plantuml",
    "puml",
    "rackdiag",
    "seqdiag",
    "stl",
    "structurizr",
    "svgbob",
    "symbolator",
    "tikz",
    "topojson",
    "uml",
    "umlet",
    "vega",
    "vegalite",
    "wavedrom",
    "wireviz",
    "toc",
];

/// The language of a fence, if it is one: a `suggestion` would be applied with a click, and nobody has checked it.
fn language(info: &str) -> &str {
    let word = info.split_whitespace().next().unwrap_or_default();
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "+-_#.,".contains(c));
    let lower = word.to_ascii_lowercase();
    let acts = lower.starts_with("suggestion") || lower.split(',').any(|part| DRAWN.contains(&part));
    if is_plain && !acts { word } else { "" }
}

/// A paragraph outside fences: code in it stays, the rest loses what would act. A span of code may go over lines; where
/// one line by itself does not tell, nothing counts as code.
fn prose(lines: &[&str]) -> String {
    let lines: Vec<Cow<'_, str>> = lines.iter().map(|line| language_inside(line)).collect();
    let is_table = lines.iter().any(|line| is_delimiter_row(line));
    // the cells of a table are told apart before the code in them
    let is_row = |line: &str| is_table && line.contains('|');
    let spans: Option<Vec<String>> =
        lines.iter().map(|line| around_code(line).map(|kept| if is_row(line) { quiet(line) } else { kept })).collect();
    let lines = spans.unwrap_or_else(|| lines.iter().map(|line| quiet(line)).collect());
    lines.into_iter().map(|line| line + "\n").collect()
}

/// A line in which the fence that a quote or an entry of a list begins with has nothing but a language behind it.
fn language_inside(line: &str) -> Cow<'_, str> {
    let inside = line.trim_start_matches(|c: char| c.is_ascii_digit() || " \t>-*+.)".contains(c));
    match Fence::opened_by(inside) {
        Some((fence, info)) => (line[..line.len() - inside.len()].to_owned() + &fence.run() + language(info)).into(),
        None => line.into(),
    }
}

/// Whether a line may be what makes a table of the lines around it, in a quote or not.
fn is_delimiter_row(line: &str) -> bool {
    line.contains('-') && line.chars().all(|c| matches!(c, '-' | ':' | '|' | '>' | ' ' | '\t'))
}

/// A line with everything but its spans of code made quiet; `None` where a span is open at its end.
fn around_code(line: &str) -> Option<String> {
    with_code(line, quiet)
}

/// A line of which `change` changes everything but its spans of code; `None` where a span is open at its end.
fn with_code(line: &str, change: impl Fn(&str) -> String) -> Option<String> {
    let part = |part: Part<'_>| match part {
        Part::Text(text) => change(text),
        Part::Code { marked, .. } => marked.to_owned(),
    };
    Some(parts(line)?.into_iter().map(part).collect())
}

/// A part of a line of Markdown.
pub enum Part<'a> {
    /// What is no code.
    Text(&'a str),
    /// A span of code.
    Code {
        /// With its backticks.
        marked: &'a str,
        /// Without them.
        inside: &'a str,
    },
}

/// The parts of a line; `None` where a span is open at its end.
pub fn parts(line: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some(start) = first_backtick(rest) {
        let (before, after) = rest.split_at(start);
        parts.push(Part::Text(before));
        let run = after.len() - after.trim_start_matches('`').len();
        let end = run + span_end(&after[run..], run)?;
        parts.push(Part::Code { marked: &after[..end], inside: &after[run..end - run] });
        rest = &after[end..];
    }
    parts.push(Part::Text(rest));
    Some(parts)
}

/// Where the first backtick stands that can open a span: an escaped one opens nothing.
fn first_backtick(text: &str) -> Option<usize> {
    let mut escaped = false;
    let opens = |&(_, c): &(usize, char)| {
        let opens = c == '`' && !escaped;
        escaped = c == '\\' && !escaped;
        opens
    };
    text.char_indices().find(opens).map(|(at, _)| at)
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

/// Text as a heading or list entry: one line, no pipes that would make a cell of it.
pub fn cell(text: &str) -> String {
    let text = unmarked(&seen(&text.split_whitespace().collect::<Vec<_>>().join(" ")).replace('\n', " "));
    let outside = |text: &str| quiet(text).replace('|', "\\|");
    with_code(&text, outside).unwrap_or_else(|| outside(&text))
}

/// Text that stands in bold: as [`cell`], and nothing in it ends the bold.
pub fn bold(text: &str) -> String {
    // taken out before the rest is made quiet: what stood on both sides of it then stands together
    cell(&text.replace("**", ""))
}

/// Text as inline code: one line, in more backticks than it has.
pub fn code(text: &str) -> String {
    let text = unmarked(&printable(text));
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Code for a fence: what cannot be seen in it appears as escapes, and nothing in it is a mark of ours.
pub fn block(text: &str) -> String {
    let line = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    unmarked(&text.replace("\r\n", "\n").split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

/// Text for a terminal: no escape sequence, and no control character but line feed and tab.
pub fn terminal(text: &str) -> String {
    text.split('\n').map(|line| printable(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

/// As [`terminal`], without blanks around it and with at most `most` characters; a cut is marked.
pub fn plain(text: &str, most: usize) -> String {
    cut(&terminal(text.trim()), most)
}

/// A name or a title for a terminal: as [`terminal`], and on one line.
pub fn line(text: &str) -> String {
    terminal(&printable(text))
}

/// Text for a log that a CI runner reads: no line of it is a command. Runners know `::name::` at the beginning of a line
/// and `##[name]` anywhere in it.
pub fn log(text: &str) -> String {
    let line = |line: &str| {
        let line = uncommanded(&printable(&line.replace('\t', "    ")));
        if line.trim_start().starts_with("::") { format!("| {line}") } else { line }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A line in which no command stands that counts anywhere in it: of Actions, and of Azure Pipelines.
fn uncommanded(line: &str) -> String {
    line.replace("##[", "## [").replace("##vso[", "## vso[")
}

/// As [`log`], for text that is painted already.
pub fn painted_log(text: &str) -> String {
    let line = |line: &str| {
        let line = uncommanded(line);
        let is_command = anstream::adapter::strip_str(&line).to_string().trim_start().starts_with("::");
        if is_command { format!("| {line}") } else { line }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// JSON for a terminal or a log, the same in another spelling: what cannot be seen appears as escapes, and nothing in it is a
/// command. Outside of its strings it has neither.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_harmful(c) {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out.replace("##[", "##\\u005b").replace("##vso[", "##vso\\u005b")
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
        check("<img src=x> ![a](http://b)", "&lt;img src=x> &#33;[a]\\(http:\u{200b}//b)");
        check("<!-- prudence:state v1 x -->", "&lt;!- - prudence:state v1 x -->");
        check("<!-- x -->", "&lt;!-- x -->");
        check("\\![a](b.png) \\<b> \\\\<b>", "&#33;[a]\\(b.png) &lt;b> \\\\&lt;b>");
        check(
            "&#64;team @&#116;eam &commat;team a && b",
            "&amp;#\u{200b}64;team @&amp;#\u{200b}116;eam &amp;commat;team a && b",
        );
        check(">>>\n```\n>>>\n/merge", "\\>>>\n```\n>>>\n/merge\n```");
        check("/close\nthen\n  /merge `x`\n// no", "\\/close\nthen\n  \\/merge `x`\n\\// no");
        check(
            "!12 &3 $4.00 ~bug ~\"a b\" %v1 but 50% of $HOME && a!=b ~/x %20 a%20b",
            "!\u{200b}12 &\u{200b}3 $4.00 ~\u{200b}bug ~\u{200b}\"a b\" %\u{200b}v1 but 50% of $HOME && a!=b ~/x %\u{200b}20 a%20b",
        );
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
            ("`~~\n@team <img>", format!("`~~\n{QUIET}")),
            ("\\`@team <img>\\`", format!("\\`{QUIET}\\`")),
            ("`@team <img>```", format!("`{QUIET}```")),
            ("a `b\nc` @team <img> `d", format!("a `b\nc` {QUIET} `d")),
            ("```\n~~~\n```\n@team <img>", format!("```\n~~~\n```\n{QUIET}")),
            ("``a`b`` @team <img>", format!("``a`b`` {QUIET}")),
            ("\\\\`x` @team <img>\\``", format!("\\\\`x` {QUIET}\\``")),
            (
                "| `@team | x` |\n|---|---|\n| `<img> | x` |",
                "| `@\u{200b}team | x` |\n|---|---|\n| `&lt;img> | x` |".into(),
            ),
            ("> `@team | x`\n> :-:|-", "> `@\u{200b}team | x`\n> :-:|-".into()),
            ("| `@team | x |", "| `@\u{200b}team | x |".into()),
            ("- ```\n  a\n\n@team <img>", format!("- ```\n  a\n\n{QUIET}")),
        ] {
            check(text, &expected);
        }
    }

    #[test]
    fn a_pipe_in_code_makes_no_table() {
        check("use `.map(|x| &x.name)` or `a < b || c`", "use `.map(|x| &x.name)` or `a < b || c`");
    }

    #[test]
    fn fences_stand_where_nothing_around_them_ends_them() {
        for (text, expected) in [
            // a list would end the first with the line behind it
            ("1. x\n   ```\n@team <img> fixes #1", "1. x\n```\n@team <img> fixes #1\n```"),
            ("- x\n\n    ```\n    a\n  ```\n@team <img>", "- x\n\n```\na\n```\n@\u{200b}team &lt;img>"),
            ("1. x\n   ```rs\n   if a {\n     b\n   ```\n2. @x", "1. x\n```rs\nif a {\n  b\n```\n2. @\u{200b}x"),
            ("- x\n\t~~~~\n\t~~~\n\t~~~~\n<b>", "- x\n~~~~\n~~~\n~~~~\n&lt;b>"),
            ("    ```\n@team <img>", "```\n@team <img>\n```"),
            ("\u{a0}```\n@team <img>", "```\n@team <img>\n```"),
            ("```\na\n    ```\n@team\n  ````\n<b>", "```\na\n    ```\n@team\n```\n&lt;b>"),
            ("```\n\u{e9}\n   ```", "```\n\u{e9}\n```"),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn no_fence_is_a_suggestion() {
        for info in ["suggestion", "Suggestion:-0+0", " suggestion x", "sugg&#101;stion", "sugg\\estion"] {
            check(&format!("```{info}\nevil\n```"), "```\nevil\n```");
        }
        for start in ["> ", "- ", "1. ", "> - "] {
            check(&format!("{start}```suggestion\n{start}evil"), &format!("{start}```\n{start}evil"));
        }
        check("- ```rust\n  a\n- ```suggestion```", "- ```rust\n  a\n- ```suggestion```");
        check("```Mermaid\na\n```\n```a,math\nb\n```", "```\na\n```\n```\nb\n```");
        check("~~~ c++ title=x\na\n~~~", "~~~c++\na\n~~~");
    }

    #[test]
    fn cells_and_code() {
        assert_eq!(cell("a |\n b"), "a \\| b");
        assert_eq!(cell("```rust is\nbroken @x"), "```rust is broken @\u{200b}x");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
    }

    #[test]
    fn json_says_the_same_in_another_spelling() {
        let value = serde_json::json!({"a": "\u{9b}1m \u{202e}\u{2028}\u{e0041}\u{7f} ##[x] ##vso[y] é"});
        let text = json(&serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(
            !text.chars().any(|c| c != '\n' && is_harmful(c)) && !text.contains("##[") && text.contains('é'),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn logs_hold_no_command() {
        assert_eq!(terminal("a\u{1b}[0m\n\tb"), "a\\u{1b}[0m\n    b");
        assert_eq!(terminal("::std::move(x)"), "::std::move(x)");
        assert_eq!([plain(" ab\u{0}\n", 9), plain("éée", 3), plain("éééé", 3)], ["ab\\u{0}", "éée", "éé…"]);
        assert_eq!(log("a\n  ::error::b\nc ##[stop-commands]t"), "a\n|   ::error::b\nc ## [stop-commands]t");
        assert_eq!(painted_log("\u{1b}[1m ::error::b\u{1b}[0m"), "| \u{1b}[1m ::error::b\u{1b}[0m");
        let whole = fenced_off("::error::x");
        let token = whole.lines().next().unwrap().strip_prefix("::stop-commands::").unwrap();
        assert_eq!(whole, format!("::stop-commands::{token}\n::error::x\n::{token}::\n"));
    }
}
