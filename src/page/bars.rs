//! Bars that stand beside their names, each cut in parts: what fits any width, and says in words what it shows.

use std::fmt::Write as _;

use super::escaped;
use crate::text::printable;

/// A bar. Its texts are as they came: they are made safe here.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is about.
    pub name: String,
    /// Its parts from left to right: the class of each, which is its colour, and its size.
    pub parts: Vec<(&'static str, f64)>,
    /// What it shows, in words.
    pub told: String,
}

impl Bar {
    /// How long it is.
    pub fn size(&self) -> f64 {
        self.parts.iter().map(|(_, size)| size).sum()
    }
}

/// Bars as HTML, of which one of the size `most` takes all the room.
pub fn bars(bars: &[Bar], most: f64) -> String {
    let mut out = String::from("<ul class=\"bars\">");
    for bar in bars {
        let name = escaped(&printable(&bar.name));
        let _ = write!(
            out,
            "\n<li><bdi>{name}</bdi>{}<span>{}</span></li>",
            drawn(bar, most),
            escaped(&printable(&bar.told))
        );
    }
    out + "\n</ul>"
}

/// What the colours of the parts mean: a class and a word for each.
pub fn key(parts: &[(&'static str, &str)]) -> String {
    let mut out = String::from("<ul class=\"key\">");
    for (class, word) in parts {
        let _ = write!(
            out,
            "<li>{}{}</li>",
            picture(&format!("<rect class=\"{class}\" width=\"100\" height=\"1\"/>")),
            escaped(word)
        );
    }
    out + "</ul>"
}

fn drawn(bar: &Bar, most: f64) -> String {
    let mut at = 0.0;
    let mut inside = String::new();
    for (class, size) in bar.parts.iter().filter(|(_, size)| *size > 0.0) {
        // what is there is seen
        let width = if most > 0.0 { (size / most * 100.0).clamp(0.3, 100.0) } else { 0.0 };
        let _ = write!(inside, "<rect class=\"{class}\" x=\"{at:.1}\" width=\"{width:.1}\" height=\"1\"/>");
        at += width;
    }
    picture(&inside)
}

/// A picture that takes the room that its style gives, and that words beside it tell of.
fn picture(inside: &str) -> String {
    format!("<svg aria-hidden=\"true\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\">{inside}</svg>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_takes_all_the_room_and_the_smallest_part_is_seen() {
        let bar = Bar {
            name: "<a>\u{202e}".to_owned(),
            parts: vec![("first", 1.0), ("second", 0.0), ("failed", 1999.0)],
            told: "\"1\" of & 2".to_owned(),
        };
        let html = bars(std::slice::from_ref(&bar), bar.size());
        for wanted in [
            "<bdi>&lt;a&gt;\\u{202e}</bdi>",
            "<rect class=\"first\" x=\"0.0\" width=\"0.3\" height=\"1\"/><rect class=\"failed\" x=\"0.3\" width=\"100.0\" height=\"1\"/>",
            "<span>&quot;1&quot; of &amp; 2</span>",
        ] {
            assert!(html.contains(wanted), "{wanted}: {html}");
        }
        assert!(!bars(&[bar], 0.0).contains("NaN"));
    }
}
