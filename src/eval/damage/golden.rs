//! A known defect as a model would report it, and the places where its quote stands.

use serde_json::{Value, json};

use crate::diff::{Diff, FileDiff, Hunk, Line, LineKind, Side};
use crate::eval::dataset::Reference;
use crate::findings::Finding;
use crate::severity::{Category, Severity};

/// Lines that a quote has at most: models quote few.
const MOST_LINES: usize = 4;

/// A known defect, with the code that a model would quote.
pub struct Golden<'a> {
    /// The defect.
    pub known: &'a Reference,
    /// The lines of the quote, with their numbers.
    pub quote: Vec<(u32, String)>,
    /// First and last line that is not empty.
    pub lines: (u32, u32),
    /// The squeezed lines of the quote, for comparing.
    squeezed: Vec<String>,
}

impl<'a> Golden<'a> {
    /// What of its lines the diff shows in one hunk; `None` where that is nothing that could be quoted.
    pub fn new(known: &'a Reference, diff: &Diff) -> Option<Golden<'a>> {
        let (from, to) = known.lines()?;
        let side = known.side();
        let file = diff.files.iter().find(|file| file.path().as_str() == known.path)?;
        // on the old side only removed lines can be commented on
        let can_hold = |line: &&Line| match side {
            Side::Right => line.is_on(side),
            Side::Left => line.kind == LineKind::Removed,
        };
        let lines: Vec<&Line> = file.hunks().iter().find_map(|hunk| {
            let inside = |line: &&Line| can_hold(line) && (from..=to).contains(&line.number_on(side));
            let lines: Vec<&Line> = hunk.lines.iter().filter(inside).collect();
            (!lines.is_empty()).then_some(lines)
        })?;
        let quote: Vec<(u32, String)> =
            lines.iter().take(MOST_LINES).map(|line| (line.number_on(side), line.text().into_owned())).collect();
        let mut numbers = quote.iter().filter(|(_, text)| !text.trim().is_empty()).map(|(number, _)| *number);
        let first = numbers.next()?;
        let lines = (first, numbers.next_back().unwrap_or(first));
        let squeezed: Vec<String> =
            quote.iter().map(|(_, text)| squeeze(text)).filter(|text| !text.is_empty()).collect();
        let has_words = quote.iter().any(|(_, text)| text.chars().any(char::is_alphanumeric));
        has_words.then_some(Golden { known, quote, lines, squeezed })
    }

    /// The quote as it stands in the file.
    pub fn text(&self) -> String {
        self.written(|_, text| text.to_owned())
    }

    /// The quote with each line written so, from its number and text.
    pub fn written(&self, write: impl Fn(u32, &str) -> String) -> String {
        self.quote.iter().map(|(number, text)| write(*number, text)).collect::<Vec<_>>().join("\n")
    }

    /// The finding that a model would make of it, in these words.
    pub fn finding(&self, text: &str) -> Value {
        let (title, _) = text.split_once(". ").unwrap_or((text, ""));
        let category = self.known.category().unwrap_or(Category::Bug);
        let severity = self.known.severity().unwrap_or(Severity::Major);
        json!({"path": self.known.path, "quote": self.text(), "line": self.lines.0, "end_line": self.lines.1,
            "side": self.known.side(), "reasoning": format!("The code fails: {text}"), "category": category,
            "severity": severity, "confidence": 80, "title": title, "body": text, "suggestion": null})
    }

    /// Whether a finding is within one line of it.
    pub fn is_at(&self, found: &Finding) -> bool {
        found.path == self.known.path && found.side == self.known.side() && found.start_line.abs_diff(self.lines.0) <= 1
    }

    /// The first lines of all places in a file where the quote stands, white space aside.
    pub fn places(&self, file: &FileDiff) -> Vec<u32> {
        let side = self.known.side();
        let of_hunk = |hunk: &Hunk| {
            let shown = hunk.lines.iter().filter(|line| line.is_on(side));
            let lines: Vec<(u32, String)> = shown
                .map(|line| (line.number_on(side), squeeze(&line.text())))
                .filter(|(_, text)| !text.is_empty())
                .collect();
            let is_at = |window: &&[(u32, String)]| window.iter().map(|(_, text)| text).eq(&self.squeezed);
            let places: Vec<u32> = lines.windows(self.squeezed.len().max(1)).filter(is_at).map(|w| w[0].0).collect();
            places
        };
        file.hunks().iter().flat_map(of_hunk).collect()
    }
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
