//! Why a change was made, and what was said of it, as far as there is room.

use super::share;
use super::talk::without_comments;
use crate::forge::Issue;
use crate::plan::Tokenizer;
use crate::text::printable;

/// A list in the prompt, of which the first entries are shown.
#[derive(Debug)]
pub struct Section {
    /// What it has, as a heading.
    pub heading: &'static str,
    /// The entries, the most relevant first.
    pub entries: Vec<String>,
    /// How many there are in truth.
    pub count: usize,
}

/// What the sections have.
pub const COMMITS: &str = "Commit messages, the newest first";
/// See [`COMMITS`].
pub const ISSUES: &str = "Issues that it closes";
/// See [`COMMITS`].
pub const DISCUSSIONS: &str = "Said on these files before, the newest first";

/// Characters of a commit message, and of an issue's text.
const LONGEST_MESSAGE: usize = 600;
const LONGEST_ISSUE: usize = 1500;

/// The messages of the commits, without those that say what the title says.
pub fn commits(messages: &[String], count: usize, title: &str, description: &str) -> Section {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let known = [words(title), words(&format!("{title} {description}"))];
    let is_news = |message: &&String| {
        let is_merge = message.starts_with("Merge branch ") || message.starts_with("Merge remote-tracking ");
        !is_merge && !message.trim().is_empty() && !known.contains(&words(message))
    };
    let entries: Vec<String> = messages.iter().filter(is_news).map(|message| entry(message, LONGEST_MESSAGE)).collect();
    let dropped = messages.len() - entries.len();
    Section { heading: COMMITS, count: count.max(messages.len()) - dropped, entries }
}

/// The issues that the change closes.
pub fn issues(issues: &[Issue]) -> Section {
    let text = |issue: &Issue| format!("#{} {}\n{}", issue.number, issue.title, issue.body);
    let entries: Vec<String> = issues.iter().map(|issue| entry(&text(issue), LONGEST_ISSUE)).collect();
    Section { heading: ISSUES, count: entries.len(), entries }
}

/// What was said on the changed files.
pub fn discussions(threads: Vec<String>) -> Section {
    Section { heading: DISCUSSIONS, count: threads.len(), entries: threads }
}

/// A text as an entry: its first line behind a dash, the others indented. Trailers and what nobody sees are taken out.
fn entry(text: &str, longest: usize) -> String {
    let text = without_comments(text).replace('\r', "");
    let cut: String = text.trim().chars().take(longest).collect();
    let more = if cut.len() < text.trim().len() { " […]" } else { "" };
    let lines = cut.lines().filter(|line| !line.trim().is_empty() && !is_trailer(line));
    format!("- {}{more}", lines.map(printable).collect::<Vec<_>>().join("\n  "))
}

/// `Signed-off-by: …` and the like, which say who and not why.
fn is_trailer(line: &str) -> bool {
    let name = line.split_once(": ").map_or("", |(name, _)| name).to_ascii_lowercase();
    name.ends_with("-by") || name == "change-id"
}

/// These sections within so many tokens together. Returns the text, and what of them is not shown.
pub fn shown(sections: &[Section], limit: usize, tokenizer: Tokenizer) -> (String, Vec<String>) {
    let all = |section: &Section| section.entries.iter().map(|entry| tokenizer.count(entry) + 1).sum::<usize>();
    let sizes: Vec<usize> =
        sections.iter().map(|section| if section.entries.is_empty() { 0 } else { all(section) + HEADING }).collect();
    let (mut out, mut left_out) = (Vec::new(), Vec::new());
    for (section, tokens) in sections.iter().zip(share::fair(&sizes, limit)) {
        if section.entries.is_empty() {
            continue;
        }
        let room = tokens.saturating_sub(HEADING);
        let count = share::fitting(&section.entries, room, tokenizer);
        let mut entries: Vec<&str> = section.entries.iter().take(count).map(String::as_str).collect();
        let first = section.entries.first().and_then(|first| share::cut(first, room, tokenizer));
        // the beginning of the first one, where it has no room as a whole
        let start = first.filter(|start| count == 0 && start.len() > 20).map(|start| format!("{start} […]"));
        entries.extend(start.as_deref());
        let mut heading = section.heading.to_owned();
        let part = if start.is_some() { " in part" } else { "" };
        if entries.len() < section.count || start.is_some() {
            let shown = format!("{} of {} shown{part}", entries.len(), section.count);
            heading += &format!(" ({shown})");
            left_out.push(format!("{}: {shown}", section.name()));
        }
        out.push(format!("{heading}:\n{}", entries.join("\n")));
    }
    (out.join("\n"), left_out)
}

/// Tokens of a heading.
const HEADING: usize = 16;

impl Section {
    /// The heading without what it says of the order.
    fn name(&self) -> String {
        self.heading.split(',').next().unwrap_or_default().to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const O200K: Tokenizer = Tokenizer::O200k;

    fn messages(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn messages_that_say_what_the_title_says_are_left_out() {
        let found = commits(
            &messages(&["Fix it\n", "Fix it\n\nFor good.", "Merge branch 'main' into x"]),
            3,
            "Fix it",
            "For  good.",
        );
        assert_eq!((found.entries.len(), found.count), (0, 0));
        let text = "Read twice\n\nThe cache was cold.\nSigned-off-by: A <a@b>\n<!-- x -->";
        let found = commits(&messages(&[text]), 1, "Fix it", "");
        assert_eq!(found.entries, ["- Read twice\n  The cache was cold."]);
    }

    #[test]
    fn what_is_not_shown_is_told() {
        let all: Vec<String> = (0..20).map(|n| format!("commit {n} does something")).collect();
        let (text, left_out) =
            shown(&[commits(&all, 45, "t", ""), issues(&[]), discussions(vec!["- a".into()])], 60, O200K);
        assert!(
            text.starts_with("Commit messages, the newest first (") && text.contains(" of 45 shown):\n- commit 0 does"),
            "{text}"
        );
        assert!(text.ends_with("Said on these files before, the newest first:\n- a"), "{text}");
        assert!(O200K.count(&text) <= 62, "{}", O200K.count(&text));
        assert!(left_out.len() == 1 && left_out[0].starts_with("commit messages: "), "{left_out:?}");
        assert_eq!(shown(&[], 60, O200K), (String::new(), Vec::new()));
    }

    #[test]
    fn of_one_long_entry_the_beginning_is_shown() {
        let issue = Issue { number: 7, title: "Rounds".into(), body: "word ".repeat(5000) };
        let (text, left_out) = shown(&[issues(&[issue])], 100, O200K);
        assert!(
            text.starts_with("Issues that it closes (1 of 1 shown in part):\n- #7 Rounds") && text.ends_with(" […]"),
            "{text}"
        );
        assert!(
            O200K.count(&text) <= 105 && left_out == ["issues that it closes: 1 of 1 shown in part"],
            "{left_out:?}"
        );
    }

    #[test]
    fn an_entry_stays_one_entry() {
        let found = commits(&messages(&["a\u{202e}\r\n\nb\n\nc"]), 1, "t", "");
        assert_eq!(found.entries, ["- a\\u{202e}\n  b\n  c"]);
    }
}
