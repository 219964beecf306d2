//! What acts in a posted text, and what acts in a log. Written from what hosts and runners document, and with a parser of
//! Markdown that the program does not use.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// What is known of a text before it is judged.
#[derive(Default)]
pub struct Expected<'a> {
    /// Beginnings of addresses that may be linked: those of the host itself.
    pub hosts: &'a [&'a str],
    /// Replacements that were checked: the code of a suggestion must be one of them.
    pub suggestions: &'a [String],
    /// Marks that stand at its end, in their order: `finding`, `path`, `summary`, `state`.
    pub marks: &'a [&'a str],
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

/// HTML that is ours.
static OURS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(<details><summary>\d+ (more |dropped )?(finding|file)s?(, (over the comment limit|posted by earlier runs|whose quoted code is not in the change)| skipped)</summary>|</details>|<sub>|</sub>|<!-- prudence:(finding v1 [0-9a-f]+|path v1 [A-Za-z0-9+/=]+|summary v1|state v1 [A-Za-z0-9+/=]+) -->)\s*$",
    )
});

/// What hosts make references of, in text that is no code.
static ACTS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    vec![
        ("a mention", regex(r"@[A-Za-z0-9_.]")),
        ("a reference to an issue", regex(r"#[A-Za-z0-9]")),
        ("a reference to an issue", regex(r"(?i)\b(GH|GL)-\d")),
        ("a reference to a merge request", regex(r"!\d")),
        ("a reference to an epic", regex(r"&\d")),
        ("a reference to a label", regex(r#"(?:^|[^\w/])~["\w]"#)),
        ("a reference to a milestone", regex(r#"(?:^|[^\w])%["\w]"#)),
        ("a reference in words", regex(r"\[[a-z_]+:\w")),
        (
            "a closing keyword",
            regex(
                r"(?i)\b(clos(e[sd]?|ing)|fix(e[sd]|ing)?|resolv(e[sd]?|ing)|implement(s|ed|ing)?):?\s+([A-Z][A-Z0-9_]+-\d|\S*[#!]\d|https?://)",
            ),
        ),
        ("an address", regex(r"(?i)[a-z][a-z0-9+.-]*://[^\s]")),
        ("an address", regex(r"(?i)\bwww\.[a-z0-9]")),
        ("an address of mail", regex(r"(?i)\b(mailto|xmpp):\S*@[a-z0-9]")),
        ("a table of contents", regex(r"\[\[_?TOC_?\]\]|(?m)^\[TOC\]$")),
    ]
});

/// Languages of fences that are drawn instead of shown.
static DRAWN: [&str; 12] =
    ["mermaid", "geojson", "topojson", "stl", "math", "plantuml", "graphviz", "dot", "kroki", "vega", "d2", "ditaa"];

/// Characters that turn or hide what people read.
fn deceives(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}' | '\u{2028}' | '\u{2029}')
}

/// Why a posted text acts, if it does.
pub fn acts(text: &str, expected: &Expected) -> Option<String> {
    if let Some(c) = text.chars().find(|&c| (c.is_control() && c != '\n' && c != '\t') || deceives(c)) {
        return Some(format!("the character {}", c.escape_unicode()));
    }
    if text.matches("<!-- prudence:").count() != expected.marks.len() {
        return Some(format!(
            "{} marks, and {} are ours",
            text.matches("<!-- prudence:").count(),
            expected.marks.len()
        ));
    }
    // hosts differ in what they know beside CommonMark
    let plain = Options::empty();
    let extended =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_GFM;
    let more = extended | Options::ENABLE_FOOTNOTES | Options::ENABLE_DEFINITION_LIST;
    [plain, extended, more].into_iter().find_map(|options| reading(text, expected, options))
}

/// Why one reading of the text acts.
fn reading(text: &str, expected: &Expected, options: Options) -> Option<String> {
    let mut code: Vec<Range<usize>> = Vec::new();
    let mut said = String::new();
    let mut block: Option<(String, String)> = None;
    let mut marks: Vec<String> = Vec::new();
    let mut html = String::new();
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        let is_said = matches!(event, Event::Text(_) | Event::SoftBreak | Event::HardBreak) && block.is_none();
        if !is_said && let Some(why) = says(&std::mem::take(&mut said)) {
            return Some(why);
        }
        if !matches!(event, Event::Html(_))
            && let Some(why) = is_foreign(&std::mem::take(&mut html), &mut marks)
        {
            return Some(why);
        }
        match event {
            Event::Text(part) => match &mut block {
                Some((_, code)) => code.push_str(&part),
                None => said.push_str(&part),
            },
            Event::SoftBreak | Event::HardBreak => said.push('\n'),
            Event::Html(part) => html.push_str(&part),
            Event::InlineHtml(part) => {
                if let Some(why) = is_foreign(&part, &mut marks) {
                    return Some(why);
                }
            }
            Event::Start(Tag::Image { dest_url, .. }) => return Some(format!("an image of {dest_url}")),
            Event::Start(Tag::Link { dest_url, .. })
                if !expected.hosts.iter().any(|host| dest_url.starts_with(host)) =>
            {
                return Some(format!("a link to {dest_url}"));
            }
            Event::Start(Tag::FootnoteDefinition(name)) => return Some(format!("a footnote {name}")),
            Event::Start(Tag::CodeBlock(kind)) => {
                code.push(range);
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((info, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some(why) = block.take().and_then(|(info, code)| is_active(&info, &code, expected)) {
                    return Some(why);
                }
            }
            _ => {}
        }
    }
    let why = says(&said).or_else(|| is_foreign(&html, &mut marks));
    let is_marked = marks.iter().map(String::as_str).eq(expected.marks.iter().copied());
    why.or_else(|| (!is_marked).then(|| format!("the marks {marks:?} are seen, not {:?}", expected.marks)))
        .or_else(|| command(text, &code))
}

/// Why text that is no code acts.
fn says(text: &str) -> Option<String> {
    ACTS.iter().find_map(|(what, pattern)| Some(format!("{what}: {:?}", pattern.find(text)?.as_str())))
}

/// Why HTML is not ours. The kinds of its marks are added.
fn is_foreign(html: &str, marks: &mut Vec<String>) -> Option<String> {
    for line in html.lines().filter(|line| !line.trim().is_empty()) {
        if !OURS.is_match(line) {
            return Some(format!("HTML: {line}"));
        }
        let kind = line.split_once("<!-- prudence:").and_then(|(_, rest)| rest.split(' ').next());
        marks.extend(kind.map(str::to_owned));
    }
    None
}

/// Why a block of code is more than code.
fn is_active(info: &str, code: &str, expected: &Expected) -> Option<String> {
    let language = info.split([' ', ':', '{', ',']).next().unwrap_or_default().to_lowercase();
    if language == "suggestion" {
        let is_checked = expected.suggestions.iter().any(|known| known.trim_end() == code.trim_end());
        return (!is_checked).then(|| format!("a suggestion that nobody checked: {code:?}"));
    }
    (DRAWN.contains(&language.as_str()) || info.contains(':')).then(|| format!("a block that is drawn: {info}"))
}

/// A line that a bot would take for a command, where it is no code.
fn command(text: &str, code: &[Range<usize>]) -> Option<String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let is_code = code.iter().any(|range| range.contains(&at) || range.contains(&(at + line.trim_end().len())));
        let bare = line.trim();
        if !is_code && bare.starts_with("::include{") {
            return Some(format!("an include: {bare}"));
        }
        if !is_code && bare.starts_with('/') && bare[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Some(format!("a command: {bare}"));
        }
        at += line.len();
    }
    None
}

/// Why a log acts in which only these workflow commands are ours.
pub fn acts_in_log(log: &str, commands: &[&str]) -> Option<String> {
    // the runner stops listening where it is told to, up to a token that nobody can guess
    let mut until: Option<String> = None;
    for line in log.split('\n') {
        if let Some(c) = line.chars().find(|&c| (c.is_control() && c != '\t') || deceives(c)) {
            return Some(format!("the character {} in {line:?}", c.escape_unicode()));
        }
        let bare = line.trim_start();
        if let Some(token) = &until {
            if bare.starts_with(token.as_str()) {
                until = None;
            }
            continue;
        }
        if let Some(token) = bare.strip_prefix("::stop-commands::prudence-") {
            until = Some(format!("::prudence-{token}::"));
            continue;
        }
        let is_ours = commands
            .iter()
            .any(|command| line.starts_with(&format!("::{command} ")) || line.starts_with(&format!("::{command}::")));
        if bare.starts_with("::") && !is_ours {
            return Some(format!("a workflow command: {line}"));
        }
        if !is_ours && let Some(old) = ["##[", "##vso["].into_iter().find(|old| line.contains(old)) {
            return Some(format!("{old} in {line}"));
        }
    }
    until.map(|token| format!("nothing ends at {token}"))
}

#[test]
fn the_judge_sees_what_acts() {
    let none = Expected::default();
    for text in [
        "@team",
        "a **@team** b",
        "fixes #1",
        "GH-1",
        "[a](https://evil.example)",
        "![a](x.png)",
        "<b>",
        "<!-- x -->",
        "see https://evil.example",
        "www.evil.example",
        "[a]\n\n[a]: //evil.example",
        "/close",
        "a\n /close",
        "```suggestion\nx\n```",
        "```mermaid\nx\n```",
        "| a |\n|---|\n| `@team | x` |",
        "a\u{202e}b",
        "a\rb",
        "closes OPS-1",
        "~bug",
        "%\"a b\"",
        "!12",
        "&1",
        "x\n\n```\n<!-- prudence:summary v1 -->\n```",
        "- a\n  ```\n  b\n@team",
        "[^1]\n\n[^1]: x",
        "[issue:1]",
        "a@b.example",
        "<details><summary>All fine</summary>\n\nx\n\n</details>",
    ] {
        assert!(acts(text, &none).is_some(), "{text}");
    }
    for text in [
        "`@team` and `fixes #1`",
        "```\n@team\n/close\n<b>\n```",
        "a < b && c > d, 50 % of it",
        "@\u{200b}team",
        "1. a\n2. b",
        "UTF-8 fixes it",
        "a/b /x",
    ] {
        assert_eq!(acts(text, &none), None, "{text}");
    }
    let ours = Expected { hosts: &["http://host/"], suggestions: &["x".to_owned()], marks: &["finding"] };
    assert_eq!(acts("[run](http://host/1)\n```suggestion\nx\n```\n\n<!-- prudence:finding v1 ab -->", &ours), None);
    assert!(acts("```\nx\n<!-- prudence:finding v1 ab -->", &ours).is_some(), "the mark stands in an open fence");
}

#[test]
fn the_judge_sees_what_acts_in_a_log() {
    for log in [
        "::error::x",
        "  ::set-output name=a::b",
        "a ##[error]",
        "##vso[x]",
        "\u{1b}[31m",
        "a\rb",
        "\u{9b}31m",
        "::stop-commands::evil\n::error::",
    ] {
        assert!(acts_in_log(log, &[]).is_some(), "{log}");
    }
    for log in
        ["a ::error::", "| ::error::", "std::move", "::stop-commands::prudence-1f\n::error::x\n::prudence-1f::\n"]
    {
        assert_eq!(acts_in_log(log, &[]), None, "{log}");
    }
    assert_eq!(acts_in_log("::error file=a::b", &["error"]), None);
}
