//! What was said on the changed files before, and what came of it.

use crate::diff::Diff;
use crate::forge::{By, PostedComment};
use crate::marks::{State, fingerprint_of, heading_of, restored};
use crate::source::Change;
use crate::text::printable;

/// Characters of a quoted line.
const LONGEST: usize = 160;

/// One line for each thread on the changed files, the newest first.
pub fn threads(change: &Change, diff: &Diff) -> Vec<String> {
    let conversation = &change.conversation;
    let ours = conversation.comments.iter().map(|comment| (comment, true));
    let others = conversation.others.iter().map(|comment| (comment, false));
    let is_changed = |path: &str| diff.files.iter().any(|file| file.path().as_str() == path);
    let mut all: Vec<(&PostedComment, bool)> =
        ours.chain(others).filter(|(comment, _)| is_changed(&comment.path)).collect();
    // hosts count up
    all.sort_by_key(|(comment, _)| std::cmp::Reverse(comment.id));
    all.into_iter().map(|(comment, is_ours)| line(comment, is_ours, &change.state)).collect()
}

/// `- src/a.rs:12 (yours) "Title": resolved by a person, "the last word"`
fn line(comment: &PostedComment, is_ours: bool, state: &State) -> String {
    let place = comment.place.map_or_else(String::new, |(_, last)| format!(":{last}"));
    let who = if is_ours { "yours" } else { "a person's" };
    let said = if is_ours { heading_of(&comment.body).title.to_owned() } else { String::new() };
    let said = if said.is_empty() { first_line(&comment.body) } else { quoted(&said) };
    let last = comment.replies.iter().rev().map(|reply| first_line(&reply.body)).find(|text| text != "\"\"");
    let answer = last.map_or_else(String::new, |text| format!(", answered {text}"));
    format!("- {}{place} ({who}) {said}: {}{answer}", printable(&comment.path), outcome(comment, state))
}

fn outcome(comment: &PostedComment, state: &State) -> &'static str {
    let is_dismissed = fingerprint_of(&comment.body).is_some_and(|id| state.dismissed.iter().any(|known| known == id));
    match comment.resolved {
        _ if is_dismissed => "dismissed by a person",
        Some(By::Another) => "resolved by a person",
        Some(By::Us) => "its code is gone",
        None if restored(&comment.body).is_some() => "its code is gone",
        None => "open",
    }
}

/// The first line of a comment that says something, in quotes.
fn first_line(body: &str) -> String {
    let text = without_comments(restored(body).unwrap_or(body));
    let line = text.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or_default();
    quoted(line)
}

fn quoted(line: &str) -> String {
    let text: String = line.chars().take(LONGEST).collect();
    let more = if text.len() < line.len() { "…" } else { "" };
    format!("\"{}{more}\"", printable(&text))
}

/// A text without its HTML comments, which nobody sees: marks of programs stand in them. One that does not end goes to the
/// end of the text.
pub fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out += before;
        rest = after.split_once("-->").map_or("", |(_, behind)| behind);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::Reply;
    use crate::marks::of_finding;

    fn comment(body: &str) -> PostedComment {
        PostedComment {
            id: 1,
            body: body.to_owned(),
            path: "a.rs".into(),
            place: Some((3, 4)),
            ..PostedComment::default()
        }
    }

    fn reply(body: &str) -> Reply {
        Reply { author: None, is_bot: false, body: body.to_owned() }
    }

    #[test]
    fn a_line_says_what_was_said_and_what_came_of_it() {
        let ours = comment(&format!("🔴 **Crashes** · major · bug\n\nWhy.\n\n{}", of_finding("abc")));
        let check = |comment: &PostedComment, is_ours: bool, state: &State, expected: &str| {
            assert_eq!(line(comment, is_ours, state), expected);
        };
        let none = State::default();
        check(&ours, true, &none, "- a.rs:4 (yours) \"Crashes\": open");
        let resolved = PostedComment { resolved: Some(By::Another), place: None, ..ours.clone() };
        check(&resolved, true, &none, "- a.rs (yours) \"Crashes\": resolved by a person");
        let dismissed = State { dismissed: vec!["abc".into()], ..State::default() };
        check(&ours, true, &dismissed, "- a.rs:4 (yours) \"Crashes\": dismissed by a person");
        let answered = PostedComment { replies: vec![reply("no"), reply("\n> x?\nIt is *meant*.")], ..ours };
        check(&answered, true, &none, "- a.rs:4 (yours) \"Crashes\": open, answered \"> x?\"");
        let theirs = comment("<!-- prudence:finding v1 x -->\nIs this\u{202e} right?\nMore.");
        check(&theirs, false, &none, "- a.rs:4 (a person's) \"Is this\\u{202e} right?\": open");
        let long = comment(&"é".repeat(500));
        assert!(line(&long, false, &none).ends_with("é…\": open"));
    }

    #[test]
    fn comments_in_html_are_taken_out() {
        assert_eq!(without_comments("a<!-- x -->b<!---->c<!-- d"), "abc");
        assert_eq!(without_comments("plain --> text"), "plain --> text");
    }
}
