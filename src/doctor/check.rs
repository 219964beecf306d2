//! What a check came to, and the line it gets.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::report::clean::line;
use crate::report::terminal::paint;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Looked at, and as it should be.
    Ok,
    /// It works, but not as somebody meant it.
    Warn,
    /// A review would fail, or reach nobody.
    Fail,
    /// Could not be looked at.
    Skip,
}

/// One check, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What it came to.
    pub state: State,
    /// What was seen.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Check {
    /// `text` may end with a line `hint: …`, as the program's errors do.
    pub fn new(name: &'static str, state: State, text: impl AsRef<str>) -> Check {
        let (text, hint) = match text.as_ref().split_once("\nhint: ") {
            Some((text, hint)) => (text, Some(hint.to_owned())),
            None => (text.as_ref(), None),
        };
        Check { name, state, text: text.to_owned(), hint }
    }

    /// See [`State::Ok`].
    pub fn ok(name: &'static str, text: impl AsRef<str>) -> Check {
        Check::new(name, State::Ok, text)
    }

    /// See [`State::Warn`].
    pub fn warn(name: &'static str, text: impl AsRef<str>) -> Check {
        Check::new(name, State::Warn, text)
    }

    /// See [`State::Fail`].
    pub fn fail(name: &'static str, text: impl AsRef<str>) -> Check {
        Check::new(name, State::Fail, text)
    }

    /// See [`State::Skip`].
    pub fn skip(name: &'static str, text: impl AsRef<str>) -> Check {
        Check::new(name, State::Skip, text)
    }

    /// The same with another hint.
    pub fn hint(self, hint: impl Into<String>) -> Check {
        Check { hint: Some(hint.into()), ..self }
    }

    /// The same, with this hint where there is none.
    pub fn or_hint(self, hint: &str) -> Check {
        Check { hint: self.hint.or_else(|| Some(hint.to_owned())), ..self }
    }

    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        self.state == State::Fail
    }
}

/// A line for each check, and one for each remedy.
pub fn render(checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        let (word, style) = match check.state {
            State::Ok => ("ok", AnsiColor::Green.on_default()),
            State::Warn => ("warn", AnsiColor::Yellow.on_default()),
            State::Fail => ("fail", AnsiColor::Red.on_default().bold()),
            State::Skip => ("skip", Style::new().dimmed()),
        };
        let (word, name) = (paint(style, &format!("{word:<4}")), check.name);
        let _ = writeln!(out, "{word}  {name:<13} {}", line(&check.text));
        if let Some(hint) = &check.hint {
            let _ = writeln!(out, "      {} {}", paint(Style::new().bold(), "hint:"), line(hint));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_line_and_its_remedy_another() {
        let checks = [
            Check::ok("key", "is there"),
            Check::fail("endpoint", "cannot reach\n\u{1b}[31mit\nhint: check `--base-url`"),
            Check::skip("model", "not looked at").or_hint("later"),
            Check::warn("token", "odd\nhint: a").or_hint("b"),
        ];
        let expected = "ok    key           is there\n\
                        fail  endpoint      cannot reach\\u{a}\\u{1b}[31mit\n      hint: check `--base-url`\n\
                        skip  model         not looked at\n      hint: later\n\
                        warn  token         odd\n      hint: a\n";
        assert_eq!(anstream::adapter::strip_str(&render(&checks)).to_string(), expected);
        assert!(render(&checks).contains("\u{1b}[1m\u{1b}[31mfail\u{1b}[0m"), "{:?}", render(&checks));
    }
}
