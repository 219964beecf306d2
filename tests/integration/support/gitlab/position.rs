//! Where a note may stand, and what the host says when it may not.

use serde_json::{Value, json};

use super::refusal;
use super::state::{State, Version};
use crate::support::change::{ChangedFile, Row};
use crate::support::server::Reply;
use crate::support::sha1::sha1;

/// Where a note stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub base: String,
    pub start: String,
    pub head: String,
    pub old_path: String,
    pub new_path: String,
    /// `text`, `image` or `file`.
    pub kind: String,
    pub old_line: Option<u32>,
    pub new_line: Option<u32>,
    /// First and last line, as they were sent.
    pub line_range: Option<Value>,
    /// The host's name for the line; `None` when it does not find it.
    pub line_code: Option<String>,
}

impl Position {
    /// First and last line, on the side of the last.
    pub fn lines(&self) -> (u32, u32) {
        let (last, key) = match (self.new_line, self.old_line) {
            (Some(line), _) => (line, "new_line"),
            (None, line) => (line.unwrap_or(0), "old_line"),
        };
        let start = self.line_range.as_ref().and_then(|range| number(&range["start"][key]).ok().flatten());
        (start.unwrap_or(last), last)
    }

    /// `LEFT` for a removed line, else `RIGHT`.
    pub fn side(&self) -> &'static str {
        if self.new_line.is_none() && self.old_line.is_some() { "LEFT" } else { "RIGHT" }
    }

    pub fn to_json(&self) -> Value {
        json!({
            "base_sha": self.base, "start_sha": self.start, "head_sha": self.head, "old_path": self.old_path,
            "new_path": self.new_path, "position_type": self.kind, "old_line": self.old_line, "new_line": self.new_line,
            "line_range": self.line_range, "ignore_whitespace_change": false,
        })
    }

    /// Whether it is for this version.
    pub fn is_of(&self, version: &Version) -> bool {
        (&self.base, &self.start, &self.head) == (&version.base, &version.start, &version.head)
    }

    /// A position as it was sent, of which the shape is right.
    fn parse(given: &Value) -> Result<Position, Reply> {
        if !given.is_object() {
            return Err(refusal::error(400, "position is invalid"));
        }
        let text = |key: &str| given[key].as_str().unwrap_or_default().to_owned();
        let needed = ["base_sha", "start_sha", "head_sha", "position_type"];
        let lacking: Vec<String> =
            needed.iter().filter(|key| text(key).is_empty()).map(|key| format!("position[{key}]")).collect();
        if !lacking.is_empty() {
            return Err(refusal::lacking(&lacking.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        if !["text", "image", "file"].contains(&text("position_type").as_str()) {
            return Err(refusal::error(400, "position[position_type] does not have a valid value"));
        }
        let line =
            |key: &str| number(&given[key]).map_err(|()| refusal::error(400, &format!("position[{key}] is invalid")));
        Ok(Position {
            base: text("base_sha"),
            start: text("start_sha"),
            head: text("head_sha"),
            old_path: text("old_path"),
            new_path: text("new_path"),
            kind: text("position_type"),
            old_line: line("old_line")?,
            new_line: line("new_line")?,
            line_range: Some(given["line_range"].clone()).filter(|range| !range.is_null()),
            line_code: None,
        })
    }

    fn complete(&self) -> bool {
        let paths = !self.old_path.is_empty() && !self.new_path.is_empty();
        paths && (self.kind == "file" || self.old_line.or(self.new_line).is_some())
    }
}

/// A number, or one in a form's text; none for null and for nothing.
pub fn number(value: &Value) -> Result<Option<u32>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(|_| ()),
        value => value.as_u64().and_then(|n| u32::try_from(n).ok()).map(Some).ok_or(()),
    }
}

/// The host's name for a line.
pub fn line_code(path: &str, row: Row) -> String {
    format!("{}_{}_{}", sha1(path), row.old, row.new)
}

/// The numbers that a position has on a line.
pub fn numbers(row: Row) -> (Option<u32>, Option<u32>) {
    ((row.origin != '+').then_some(row.old), (row.origin != '-').then_some(row.new))
}

impl State {
    /// The place of a note that asks for this position.
    pub fn place(&self, given: &Value) -> Result<Position, Reply> {
        let position = Position::parse(given)?;
        Ok(Position { line_code: self.line_code_of(&position)?, ..position })
    }

    /// The same without a look at the line, which is then known or not.
    pub fn place_unchecked(&self, given: &Value) -> Result<Position, Reply> {
        let position = Position::parse(given)?;
        Ok(Position { line_code: self.line_code_of(&position).ok().flatten(), ..position })
    }

    /// The name of the line of a position; none for a whole file.
    pub fn line_code_of(&self, position: &Position) -> Result<Option<String>, Reply> {
        const NO_LINE: (&str, &[&str]) = ("line_code", &["can't be blank", "must be a valid line code"]);
        const INCOMPLETE: (&str, &[&str]) = ("position", &["is incomplete"]);
        let invalid = |problems: &[(&str, &[&str])]| refusal::invalid(problems, self.scenario.quirks.new_ruby);
        if !position.complete() {
            let problems: &[_] = if position.kind == "text" { &[NO_LINE, INCOMPLETE] } else { &[INCOMPLETE] };
            return Err(invalid(problems));
        }
        let version = self.versions.iter().find(|version| position.is_of(version));
        let files = version.map(|version| self.files(version)).unwrap_or_default();
        let same = |file: &&ChangedFile| file.path == position.new_path && file.old_path == position.old_path;
        let file = files.iter().find(same).ok_or_else(|| invalid(&[NO_LINE]))?;
        if position.kind == "file" {
            return Ok(None);
        }
        let row = self.row(file, position).ok_or_else(|| invalid(&[NO_LINE]))?;
        if let Some(range) = &position.line_range {
            check_range(file, range, row).map_err(|problem| problem.unwrap_or_else(|| invalid(&[NO_LINE])))?;
        }
        Ok(Some(line_code(&file.path, row)))
    }

    /// The line of a position: an added one has a new number, a removed one an old number, and others have both.
    fn row(&self, file: &ChangedFile, position: &Position) -> Option<Row> {
        let wanted = (position.old_line, position.new_line);
        let in_hunks = file.rows.iter().find(|row| numbers(**row) == wanted).copied();
        if in_hunks.is_some() || !self.scenario.quirks.outside_hunks {
            return in_hunks;
        }
        let (old, new) = (wanted.0?, wanted.1?);
        let row = Row { origin: ' ', old, new };
        (outside(file, new) == Some(old)).then_some(row)
    }
}

/// The old number of a line outside of the hunks.
pub fn outside(file: &ChangedFile, new: u32) -> Option<u32> {
    if file.rows.iter().any(|row| row.origin != '-' && row.new == new) {
        return None;
    }
    let before = file.rows.iter().filter(|row| row.new < new || row.origin == '-' && row.new <= new);
    let shift: i64 = before.map(|row| i64::from(row.origin == '-') - i64::from(row.origin == '+')).sum();
    u32::try_from(i64::from(new) + shift).ok().filter(|old| *old > 0)
}

/// The first and the last line of a note must be lines of the file, in this order, and the last is that of the note.
fn check_range(file: &ChangedFile, range: &Value, last: Row) -> Result<(), Option<Reply>> {
    let ends = ["start", "end"].map(|end| check_end(file, end, &range[end]));
    let [start, end] = ends;
    let (start, end) = (start?, end?);
    let rows = || file.rows.iter();
    let at = |wanted: Row| rows().position(|row| *row == wanted);
    if end != last || at(start) > at(end) { Err(None) } else { Ok(()) }
}

fn check_end(file: &ChangedFile, name: &str, end: &Value) -> Result<Row, Option<Reply>> {
    let Some(code) = end["line_code"].as_str().filter(|code| !code.is_empty()) else {
        return Err(Some(refusal::lacking(&[&format!("position[line_range][{name}][line_code]")])));
    };
    let row = file.rows.iter().find(|row| line_code(&file.path, **row) == code && fits(**row, end));
    row.copied().ok_or(None)
}

/// Whether what is said of a line beside its name is right.
fn fits(row: Row, end: &Value) -> bool {
    let kind = match row.origin {
        '+' => end["type"] == "new",
        '-' => end["type"] == "old",
        _ => true,
    };
    let same = |key: &str, known: Option<u32>| matches!(number(&end[key]), Ok(None)) || number(&end[key]) == Ok(known);
    let (old, new) = numbers(row);
    kind && same("old_line", old) && same("new_line", new)
}
