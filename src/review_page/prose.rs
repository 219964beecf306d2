//! What others wrote, as HTML in which nothing acts: paragraphs, and code where it is marked as such.

use crate::page::escaped;
use crate::report::clean::{self, Part};
use crate::text::{Fence, printable};

/// Markdown of the model. All but code stays as it is written.
pub fn prose(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut open: Option<(Fence, Vec<&str>)> = None;
    for line in text.lines() {
        match &mut open {
            Some((fence, lines)) if fence.is_closed_by(line) => {
                out += &block(lines);
                open = None;
            }
            Some((fence, lines)) => lines.push(fence.without_indent(line)),
            None => match Fence::opened_by(line) {
                Some((fence, _)) => {
                    out += &end(&mut paragraph);
                    open = Some((fence, Vec::new()));
                }
                None if line.trim().is_empty() => out += &end(&mut paragraph),
                None => paragraph.push(line),
            },
        }
    }
    out += &end(&mut paragraph);
    // a fence that nothing closes goes to the end
    out + &open.map(|(_, lines)| block(&lines)).unwrap_or_default()
}

/// The paragraph that ends, if there is one.
fn end(lines: &mut Vec<&str>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let html: Vec<String> = lines.drain(..).map(inline).collect();
    format!("<p dir=auto>{}</p>", html.join("\n"))
}

/// A line of Markdown, in which only code is more than it is written.
pub fn inline(line: &str) -> String {
    let part = |part: Part<'_>| match part {
        Part::Text(text) => escaped(&printable(text)),
        Part::Code { inside, .. } => format!("<code>{}</code>", escaped(&printable(inside))),
    };
    match clean::parts(line) {
        Some(parts) => parts.into_iter().map(part).collect(),
        None => escaped(&printable(line)),
    }
}

fn block(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| code(line)).collect();
    format!("<pre>{}</pre>", lines.join("\n"))
}

/// A line of code: tabs stay, and what cannot be seen appears as escapes.
pub fn code(line: &str) -> String {
    let parts: Vec<String> = line.split('\t').map(|part| escaped(&printable(part))).collect();
    parts.join("\t")
}

/// Characters of a heading; the rest of a longer one stands below it.
const LONGEST_HEADING: usize = 300;

/// A title on one line as far as a heading has room for it, and the rest of it as HTML.
pub fn heading(title: &str) -> (String, String) {
    let title = printable(title);
    let Some((end, _)) = title.char_indices().nth(LONGEST_HEADING) else { return (title, String::new()) };
    let rest = &title[end..];
    let html = format!(
        "<details class=folded><summary>… {} more characters of the title</summary><p dir=auto>{}</p></details>",
        rest.chars().count(),
        escaped(rest)
    );
    (format!("{}…", &title[..end]), html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_marked_and_all_else_stays_as_it_is() {
        let check = |text: &str, expected: &str| assert_eq!(prose(text), expected, "{text}");
        check("a\nb\n\n\nc", "<p dir=auto>a\nb</p><p dir=auto>c</p>");
        check("**a** `b < c` ``d`e``", "<p dir=auto>**a** <code>b &lt; c</code> <code>d`e</code></p>");
        check("an `open span", "<p dir=auto>an `open span</p>");
        check(
            "a\n```rust\nif a < b {\n\tc\u{202e}\n```\nd",
            "<p dir=auto>a</p><pre>if a &lt; b {\n\tc\\u{202e}</pre><p dir=auto>d</p>",
        );
        check("~~~\n<b>", "<pre>&lt;b&gt;</pre>");
        check("<img src=x onerror=alert(1)>\u{7}", "<p dir=auto>&lt;img src=x onerror=alert(1)&gt;\\u{7}</p>");
        check("", "");
    }

    #[test]
    fn the_rest_of_a_long_title_stands_below_it() {
        assert_eq!(heading("a\nb"), ("a\\u{a}b".to_owned(), String::new()));
        let (head, rest) = heading(&"é".repeat(10_000));
        assert_eq!(head.chars().count(), LONGEST_HEADING + 1);
        assert!(head.ends_with('…') && rest.contains("… 9700 more characters") && rest.contains(&"é".repeat(9_700)));
    }
}
