//! A phrase with places for values.

use std::fmt::{self, Display, Write as _};

use serde::Deserialize;

/// A sentence, or a part of one. `{name}` in it stands for a value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Phrase(String);

impl Phrase {
    /// The phrase with its values, which are put in as they are: what looks like a name in a value stays.
    pub(crate) fn with(&self, values: &[(&str, &dyn Display)]) -> String {
        let mut out = String::with_capacity(self.0.len() + 16);
        let mut rest = self.0.as_str();
        while let Some((before, name, behind)) = next_name(rest) {
            out += before;
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => drop(write!(out, "{value}")),
                None => {
                    debug_assert!(false, "nothing for `{{{name}}}` of `{}`", self.0);
                    let _ = write!(out, "{{{name}}}");
                }
            }
            rest = behind;
        }
        out + rest
    }

    /// The phrase, where it has no values.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A phrase that depends on a number, `{count}` in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// For 1, where that has a form of its own.
    one: Option<Phrase>,
    /// For all else.
    other: Phrase,
}

impl Counted {
    /// The phrase for so many.
    pub(crate) fn of(&self, count: usize) -> String {
        let form = self.one.as_ref().filter(|_| count == 1).unwrap_or(&self.other);
        form.with(&[("count", &count)])
    }
}

/// The first name in a text, with what stands before and behind it.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, behind) = rest.split_once('}')?;
    Some((before, name, behind))
}

/// All names in a text, in alphabetical order.
#[cfg(test)]
pub(super) fn names(mut text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    while let Some((_, name, behind)) = next_name(text) {
        names.push(name);
        text = behind;
    }
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once() {
        let check = |phrase: &str, a: &str, expected: &str| {
            assert_eq!(Phrase(phrase.to_owned()).with(&[("a", &a), ("count", &2)]), expected);
        };
        check("{count} of {a}", "x", "2 of x");
        check("{a}, {count} times", "{count} {a} {", "{count} {a} {, 2 times");
        check("{a}{a}", "đường", "đườngđường");
        check("", "x", "");
    }

    #[test]
    fn one_is_told_apart_where_the_language_does() {
        let of = |one: Option<&str>| Counted {
            one: one.map(|one| Phrase(one.to_owned())),
            other: Phrase("{count} files".to_owned()),
        };
        let english = of(Some("{count} file"));
        assert_eq!([0, 1, 2].map(|count| english.of(count)), ["0 files", "1 file", "2 files"]);
        assert_eq!(of(None).of(1), "1 files");
    }
}
