//! Lines that GitLab would carry out instead of showing them: `/close`, `/merge`, `/assign @x`.

use crate::text::Fence;

/// A text in which GitLab sees no quick action: before each line that could be one stands a space without width. Lines of
/// code are left as they are where every version of GitLab takes them for code.
pub fn without_commands(text: &str) -> String {
    const NOTHING: &str = "\u{200b}";
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_code = code_of_old_versions(&lines);
    let mut fence: Option<Fence> = None;
    // a quote between lines of `>>>` may end a fence that others see open
    let mut is_quoted = false;
    let mut out = String::with_capacity(text.len());
    for (line, is_code) in lines.into_iter().zip(is_code) {
        let bare = line.trim_end();
        let is_inside = fence.is_some();
        match &fence {
            Some(open) if open.is_closed_by(bare) => fence = None,
            Some(_) => {}
            None => fence = Fence::opened_by(bare).map(|(fence, _)| fence),
        }
        is_quoted |= !is_inside && bare.trim_start().starts_with(">>>");
        if is_command(bare) && (is_quoted || !(is_inside && is_code)) {
            let (blanks, command) = line.split_at(line.len() - line.trim_start().len());
            out.extend([blanks, NOTHING, command]);
        } else {
            out.push_str(line);
        }
    }
    out
}

/// Which lines stand between three backticks at the beginning of a line and a line of nothing but three backticks: what
/// GitLab took for code before it asked its Markdown parser.
fn code_of_old_versions(lines: &[&str]) -> Vec<bool> {
    let mut is_code = vec![false; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        let end = |from: usize| (from..lines.len()).find(|&line| lines[line].trim_end_matches(['\r', '\n']) == "```");
        let end = if lines[at].starts_with("```") { end(at + 1) } else { None };
        if let Some(end) = end {
            is_code[at..=end].fill(true);
        }
        at = end.unwrap_or(at) + 1;
    }
    is_code
}

/// Whether a line may be a quick action: a slash and a word. Versions differ in how many blanks may stand before it.
pub fn is_command(line: &str) -> bool {
    line.trim_start().strip_prefix('/').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::without_commands;

    #[test]
    fn no_line_is_a_quick_action() {
        for (text, expected) in [
            ("/close", "\u{200b}/close"),
            ("a\n/merge now\n", "a\n\u{200b}/merge now\n"),
            ("// a comment\n/* b */\n/ c", "// a comment\n/* b */\n/ c"),
            ("```sh\n/usr/bin/x\n```\n/close", "```sh\n/usr/bin/x\n```\n\u{200b}/close"),
            // never closed for old versions, or closed early
            ("````\n/close\n````", "````\n\u{200b}/close\n````"),
            ("````\n```\n/close\n````", "````\n```\n\u{200b}/close\n````"),
            ("```\n/close", "```\n\u{200b}/close"),
            ("~~~\n/close\n~~~", "~~~\n\u{200b}/close\n~~~"),
            ("- a\n  /close\n\r /merge", "- a\n  \u{200b}/close\n\r \u{200b}/merge"),
            (">>>\n```\n>>>\n/close\n```", ">>>\n```\n>>>\n\u{200b}/close\n```"),
            // code for old versions only
            ("```a```\n/close\n```\nx\n```", "```a```\n\u{200b}/close\n```\nx\n```"),
        ] {
            assert_eq!(without_commands(text), expected, "{text}");
        }
    }
}
