//! The marks in posted text, by which the bot knows its own words again: section 7 of the interface.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::diff::Side;
use crate::memory::Memory;
use crate::severity::{Category, Severity};
use crate::words::Words;

/// Marks a posted finding; the fingerprint follows.
const FINDING_MARK: &str = "<!-- prudence:finding v1 ";
/// Tells the path that a finding was posted for; base64 follows. For hosts that move a comment to another path with its code.
const PATH_MARK: &str = "<!-- prudence:path v1 ";
/// Tells the severity, and the rule or category, of a posted finding whose heading says them in another language than
/// English.
const KIND_MARK: &str = "<!-- prudence:kind v1 ";
/// Marks the summary comment.
pub const SUMMARY_MARK: &str = "<!-- prudence:summary v1 -->";
/// Holds the state of a request; base64 of JSON follows.
const STATE_MARK: &str = "<!-- prudence:state v1 ";

/// Begins the comment of a finding whose code is gone, where the thread itself cannot be ended. A line follows, in whatever
/// language, and an empty one.
const OUTDATED: &str = "> ✅ ";

/// What the bot remembers of a request, at the end of its summary comment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The head that was reviewed.
    pub head: Option<String>,
    /// Whether all of it was reviewed, and delivered.
    pub complete: bool,
    /// Fingerprints of the findings that stand on the request.
    pub fingerprints: Vec<String>,
    /// Dollars spent on the request so far; `None` where a run had no price.
    pub cost_usd: Option<f64>,
    /// What was reviewed by the last run that reviewed all of its head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Findings that stand in the summary comment alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Listed>,
    /// Fingerprints of findings that a person dismissed by a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dismissed: Vec<String>,
    /// Whether a person paused the reviews of this request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The last comment with a command that was carried out, on a host that starts no run for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard: Option<u64>,
    /// The base commit, and the files that would steer the bot and are not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// See `base`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// How many findings stood when the comment was written.
    pub standing: usize,
    /// How the check run on the head ended, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_run: Option<String>,
    /// Hash of the report that `publish` delivered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
}

/// A finding that stands in the summary comment alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
#[expect(missing_docs, reason = "the fields are those of a finding")]
pub struct Listed {
    pub id: String,
    pub path: String,
    pub side: Side,
    pub lines: (u32, u32),
    pub severity: Severity,
    pub category: Category,
    pub confidence: u8,
    pub title: String,
    pub rule: Option<String>,
    /// Whether a later run may put it on its lines: it was over the comment limit, or the host was out of order. Else the
    /// host has no place for it.
    pub is_waiting: bool,
    /// Markdown; `None` where there was no room for it.
    pub body: Option<String>,
}

/// A listed finding without names: there may be hundreds in one comment.
type Row = (String, String, Side, u32, u32, Severity, Category, u8, String, Option<String>, bool, Option<String>);

impl From<Row> for Listed {
    fn from(row: Row) -> Listed {
        let (id, path, side, first, last, severity, category, confidence, title, rule, is_waiting, body) = row;
        let lines = (first, last);
        Listed { id, path, side, lines, severity, category, confidence, title, rule, is_waiting, body }
    }
}

impl From<Listed> for Row {
    fn from(l: Listed) -> Row {
        let (first, last) = l.lines;
        let is_waiting = l.is_waiting;
        (l.id, l.path, l.side, first, last, l.severity, l.category, l.confidence, l.title, l.rule, is_waiting, l.body)
    }
}

impl State {
    /// Reads the state from the last line of a comment; `None` where there is none, or it was damaged.
    pub fn read(body: &str) -> Option<State> {
        let line = body.trim_end().lines().last()?;
        let encoded = line.trim().strip_prefix(STATE_MARK)?.strip_suffix(" -->")?;
        serde_json::from_slice(&STANDARD.decode(encoded.trim()).ok()?).ok()
    }

    /// The state, as far as a comment has room for it. What is left out is found again by a later run: texts of findings
    /// go first, and where findings must go, so does the memory of what was reviewed.
    pub fn fitted(mut self) -> State {
        /// Characters up to which texts are kept, and how many they get in any case, the first ones first.
        const WITH_TEXTS: usize = 30_000;
        const FOR_TEXTS: usize = 8_000;
        /// Characters that the state may take up.
        const IN_ALL: usize = 50_000;
        // base64 makes four characters of three bytes
        let of_texts = |listed: &Listed| listed.body.as_ref().map_or(0, |body| body.len() * 4 / 3);
        let bare = self.mark().len().saturating_sub(self.listed.iter().map(of_texts).sum());
        let mut room = WITH_TEXTS.saturating_sub(bare).max(FOR_TEXTS);
        for listed in &mut self.listed {
            let size = of_texts(listed);
            if size > room {
                listed.body = None;
            }
            room = room.saturating_sub(size);
        }
        while self.mark().len() > IN_ALL && (self.memory.is_some() || !self.listed.is_empty()) {
            // findings that are not remembered must be found again
            self.memory = None;
            self.listed.truncate(self.listed.len() * 3 / 4);
        }
        self
    }

    /// The state as the last line of a comment.
    pub fn mark(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{STATE_MARK}{} -->", STANDARD.encode(json))
    }
}

/// Marks the list of commands.
pub const HELP_MARK: &str = "<!-- prudence:help v1 -->";

/// Whether a text holds any mark, and so is one of the bot's own.
pub fn is_ours(body: &str) -> bool {
    body.contains("<!-- prudence:")
}

/// The last line of a posted finding.
pub fn of_finding(fingerprint: &str) -> String {
    format!("{FINDING_MARK}{fingerprint} -->")
}

/// The fingerprint at the end of a posted finding.
pub fn fingerprint_of(body: &str) -> Option<&str> {
    let line = body.trim_end().lines().last()?;
    line.trim().strip_prefix(FINDING_MARK)?.strip_suffix(" -->").map(str::trim)
}

/// What a posted finding says, whose first line is `🔴 **title** · severity · category or rule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading<'a> {
    /// The bold text.
    pub title: &'a str,
    /// How bad it is; `None` where a person edited the line.
    pub severity: Option<Severity>,
    /// Its category, or the rule that found it.
    pub kind: &'a str,
    /// The text below the heading, without the marks.
    pub body: &'a str,
}

/// Reads a posted finding, outdated or not.
pub fn heading_of(comment: &str) -> Heading<'_> {
    let text = restored(comment).unwrap_or(comment);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut parts = first.rsplit(" · ").map(str::trim);
    let (kind, word) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (word, kind) = kind_of(comment).unwrap_or((word, kind));
    let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == word);
    let without = |text, mark| str::rsplit_once(text, mark).map_or(text, |(before, _)| before);
    let body = without(without(without(rest, FINDING_MARK), PATH_MARK), KIND_MARK).trim();
    Heading { title: first.split("**").nth(1).unwrap_or_default(), severity, kind, body }
}

/// The mark of what a heading says in a language that a later run may not speak.
pub fn of_kind(severity: Severity, kind: &str) -> String {
    format!("{KIND_MARK}{severity} {kind} -->")
}

/// What the mark of the kind says, where there is one.
fn kind_of(comment: &str) -> Option<(&str, &str)> {
    comment.rsplit_once(KIND_MARK)?.1.split(" -->").next()?.split_once(' ')
}

/// The mark of the path that a finding is posted for: its fingerprint is made with that.
pub fn of_path(path: &str) -> String {
    format!("{PATH_MARK}{} -->", STANDARD.encode(path))
}

/// The path that a comment was posted for, where it tells.
pub fn path_of(comment: &str) -> Option<String> {
    let encoded = comment.rsplit_once(PATH_MARK)?.1.split(" -->").next()?;
    String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()
}

/// The text of a comment whose finding is gone.
pub fn outdated(comment: &str, words: &Words) -> String {
    format!("{OUTDATED}{}\n\n{}", words.outdated, restored(comment).unwrap_or(comment))
}

/// The text that a comment of ours had before it was outdated; `None` where it is not.
pub fn restored(comment: &str) -> Option<&str> {
    let (_, text) = comment.strip_prefix(OUTDATED)?.split_once("\n\n")?;
    fingerprint_of(text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_survives_its_comment_and_nothing_else_is_believed() {
        let listed = Listed {
            id: "f".into(),
            path: "a.rs".into(),
            side: Side::Left,
            lines: (3, 4),
            severity: Severity::Major,
            category: Category::DataLoss,
            confidence: 80,
            title: "t".into(),
            rule: None,
            is_waiting: true,
            body: Some("b".into()),
        };
        let state = State {
            head: Some("abc".into()),
            complete: true,
            fingerprints: vec!["f".into()],
            cost_usd: Some(0.25),
            listed: vec![listed],
            ..State::default()
        };
        assert_eq!(State::read(&format!("## x\n{SUMMARY_MARK}\n{}", state.mark())), Some(state.clone()));
        for damaged in [
            "",
            "<!-- prudence:state v1 !!! -->",
            "<!-- prudence:state v1 e30= -->\nmore",
            "<!-- prudence:state v2 e30= -->",
        ] {
            assert_eq!(State::read(damaged), None, "{damaged}");
        }
        assert_eq!(State::read("<!-- prudence:state v1 e30= -->"), Some(State::default()));
    }

    #[test]
    fn a_fingerprint_counts_on_the_last_line_only() {
        assert_eq!(fingerprint_of(&format!("text\n\n{}\n", of_finding("abc"))), Some("abc"));
        assert_eq!(fingerprint_of(&format!("{}\nmore", of_finding("abc"))), None);
    }

    #[test]
    fn a_posted_finding_can_be_read_again_also_when_outdated() {
        let comment = format!("🔴 **Crashes** · major · data-loss\n\nWhy · so.\n\n{}", of_finding("abc"));
        let in_vietnamese = format!(
            "🟠 **Crashes** · quan trọng · mất dữ liệu\n\nWhy · so.\n\n{}\n{}\n{}",
            of_kind(Severity::Major, "data-loss"),
            of_path("a.rs"),
            of_finding("abc")
        );
        for comment in [comment, in_vietnamese] {
            let [gone, lost] = ["en", "vi"].map(|tag| outdated(&comment, Words::of(tag)));
            for text in [&comment, &gone, &lost] {
                let expected =
                    Heading {
                        title: "Crashes", severity: Some(Severity::Major), kind: "data-loss", body: "Why · so."
                    };
                assert_eq!(heading_of(text), expected);
                assert_eq!(fingerprint_of(text), Some("abc"));
            }
            assert_eq!([&comment, &gone, &lost].map(|text| restored(text)), [None, Some(&*comment), Some(&*comment)]);
            assert_eq!(outdated(&lost, Words::english()), gone, "once is enough");
        }
        assert_eq!(heading_of("edited by hand").severity, None);
        assert_eq!(restored("> ✅ **Done**, see above.\n\nIt works now."), None, "a person's words");
    }
}
