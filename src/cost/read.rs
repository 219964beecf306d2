//! Reading a ledger line by line, whatever stands in it.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize;

use crate::ledger::{Entry, FAMILY, SCHEMA};

/// Bytes of the longest line that is read; no run makes one of a tenth of that.
const LONGEST: u64 = 256 << 10;

/// A line of a ledger.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// A run.
    Entry(Box<Entry>),
    /// What could not be read, and why.
    Unread(String),
}

/// The lines of a ledger. One at a time is in memory.
pub struct Lines<R> {
    text: R,
    number: u64,
    /// What follows on half a line that a killed job left, on the same line.
    rest: Option<Line>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a text.
    pub fn of(text: R) -> Lines<R> {
        Lines { text, number: 0, rest: None }
    }

    /// The next line that is not empty, with its number.
    ///
    /// # Errors
    /// The text cannot be read.
    pub fn read(&mut self) -> io::Result<Option<(u64, Line)>> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some((self.number, rest)));
        }
        loop {
            let mut bytes = Vec::new();
            if self.text.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") {
                self.skip_line()?;
                return Ok(Some((self.number, Line::Unread("it is too long".to_owned()))));
            }
            let start = if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            let text = bytes[start..].trim_ascii();
            if !text.is_empty() {
                return Ok(Some((self.number, self.line(text))));
            }
        }
    }

    /// A line; where another one begins in it, that is the rest.
    fn line(&mut self, text: &[u8]) -> Line {
        let line = parse(text);
        if let (Line::Unread(_), Some(at)) = (&line, beginning(text)) {
            self.rest = Some(parse(&text[at..]));
            return Line::Unread(BROKEN_OFF.to_owned());
        }
        line
    }

    /// Skips what is left of a line.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.text.fill_buf()?;
            let (length, end) = (buffer.len(), buffer.iter().position(|byte| *byte == b'\n'));
            self.text.consume(end.map_or(length, |end| end + 1));
            if end.is_some() || length == 0 {
                return Ok(());
            }
        }
    }
}

const BROKEN_OFF: &str = "it breaks off";

/// Where the last entry begins in a line that has half of another before it.
fn beginning(text: &[u8]) -> Option<usize> {
    let start = format!("{{\"schema\":\"{FAMILY}");
    text.windows(start.len()).rposition(|window| window == start.as_bytes()).filter(|at| *at > 0)
}

fn parse(text: &[u8]) -> Line {
    match serde_json::from_slice::<Entry>(text) {
        Ok(entry) if entry.schema == SCHEMA => match entry.problem() {
            None => Line::Entry(Box::new(entry)),
            Some(problem) => Line::Unread(problem.to_owned()),
        },
        Ok(entry) => Line::Unread(other_schema(&entry.schema)),
        Err(err) => Line::Unread(why(text, &err)),
    }
}

fn why(text: &[u8], err: &serde_json::Error) -> String {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    match serde_json::from_slice::<Head>(text) {
        Ok(head) if head.schema != SCHEMA => other_schema(&head.schema),
        _ if err.is_eof() => BROKEN_OFF.to_owned(),
        _ if err.is_data() => format!("it is no `{SCHEMA}`: {}", without_place(err)),
        _ => format!("it is no JSON: {}", without_place(err)),
    }
}

/// What is wrong, without the place: each line is a text of its own, which is named already.
fn without_place(err: &serde_json::Error) -> String {
    let text = err.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).chars().take(200).collect()
}

fn other_schema(schema: &str) -> String {
    let schema: String = schema.chars().take(50).collect();
    match schema.strip_prefix(FAMILY) {
        Some(_) => format!("its schema is `{schema}`, which takes a newer version of this program"),
        None => format!("its schema is `{schema}` and not `{SCHEMA}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"schema":"prudence.ledger/v1","id":"1","time":"2026-11-30T00:00:00Z","command":"review","status":"complete","source":"git","repository":"o/r","request":null,"head_sha":null,"changed_lines_reviewed":null,"findings":null,"models":[],"usd":null,"cached_saved_usd":null,"seconds":0.5}"#;

    /// Reads a text: of each line its number, and what is wrong with it.
    #[track_caller]
    fn check(text: &str, expected: &[(u64, &str)]) {
        let mut lines = Lines::of(text.as_bytes());
        let mut found = Vec::new();
        while let Some((number, line)) = lines.read().unwrap() {
            found.push((number, if let Line::Unread(why) = line { why } else { String::new() }));
        }
        let found: Vec<(u64, &str)> = found.iter().map(|(number, why)| (*number, why.as_str())).collect();
        assert_eq!(found, expected, "{:?}", text.chars().take(500).collect::<String>());
    }

    #[test]
    fn lines_are_read_and_empty_ones_are_none() {
        check("", &[]);
        check("\n \r\n\n", &[]);
        check(&format!("\u{feff}{GOOD}\r\n\n  {GOOD}"), &[(1, ""), (3, "")]);
        // fields that a later version adds
        check(&GOOD.replace("\"seconds\"", "\"later\":{},\"seconds\""), &[(1, "")]);
    }

    #[test]
    fn what_cannot_be_read_says_why_and_takes_no_other_line_with_it() {
        let newer = GOOD.replace("ledger/v1", "ledger/v2");
        let bare = "{\"schema\":\"prudence.ledger/v2\",\"sum\":1}";
        let newer_schema = "its schema is `prudence.ledger/v2`, which takes a newer version of this program";
        check(&format!("{newer}\n{bare}\n{GOOD}\n"), &[(1, newer_schema), (2, newer_schema), (3, "")]);
        check("{\"schema\":\"x\"}\n", &[(1, "its schema is `x` and not `prudence.ledger/v1`")]);
        check(&format!("{}\n{GOOD}", &GOOD[..90]), &[(1, BROKEN_OFF), (2, "")]);
        check(&GOOD[..GOOD.len() - 1], &[(1, BROKEN_OFF)]);
        check("7\n", &[(1, "it is no `prudence.ledger/v1`: invalid type: integer `7`, expected struct Entry")]);
        check("no\n", &[(1, "it is no JSON: expected ident")]);
        check(&GOOD.replace("\"id\":\"1\",", ""), &[(1, "it is no `prudence.ledger/v1`: missing field `id`")]);
        check(&GOOD.replace("\"usd\":null", "\"usd\":1e999"), &[(1, "it is no JSON: number out of range")]);
        check(&GOOD.replace("\"usd\":null", "\"usd\":-1"), &[(1, "its `usd` is no sum of money")]);
        check(&GOOD.replace("2026-11-30", "2026-11-31"), &[(1, "its `time` is none of RFC 3339")]);
    }

    #[test]
    fn an_entry_behind_half_of_another_is_found() {
        check(&format!("{}{GOOD}\n{GOOD}", &GOOD[..90]), &[(1, BROKEN_OFF), (1, ""), (2, "")]);
        check(&format!("{}{}", &GOOD[..90], &GOOD[..90]), &[(1, BROKEN_OFF), (1, BROKEN_OFF)]);
        // also where what is broken is no UTF-8
        let mut lines = Lines::of([b"\xff\xfe".as_slice(), GOOD.as_bytes()].concat().leak() as &[u8]);
        assert_eq!(lines.read().unwrap(), Some((1, Line::Unread(BROKEN_OFF.to_owned()))));
        assert!(matches!(lines.read().unwrap(), Some((1, Line::Entry(_)))));
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let long = "x".repeat(LONGEST as usize * 2 + 7);
        check(&format!("{long}\n{GOOD}\n{long}"), &[(1, "it is too long"), (2, ""), (3, "it is too long")]);
    }
}
