//! Plots as inline SVG: numbers to shapes, with every label escaped.

use std::fmt::Write as _;

use super::escaped;
use crate::text::is_harmful;

/// Characters of a name at most.
const LONGEST_NAME: usize = 22;

/// A picture of what is `inside`; `label` says what it shows to those who do not see it.
pub fn svg(width: f64, height: f64, label: &str, inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">{inside}</svg>",
        escape(label)
    )
}

/// A text whose baseline begins there; with the class `end` it ends there, with `mid` it stands around it.
pub fn text(out: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let _ = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(text));
}

/// A line.
pub fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = write!(out, "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
}

/// A rectangle with a tip.
pub fn rect(out: &mut String, class: &str, at: (f64, f64), size: (f64, f64), tip: &str) {
    let ((x, y), (width, height)) = (at, (size.0.max(0.0), size.1.max(0.0)));
    let tip = escape(tip);
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{tip}</title></rect>"
    );
}

/// A name for which there is room beside a row; a cut is marked.
pub fn short(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// A text of the picture: nothing in it is markup.
pub fn escape(text: &str) -> String {
    escaped(&text.replace(is_harmful, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(short("é".repeat(30).as_str()), format!("{}…", "é".repeat(LONGEST_NAME)));
    }

    #[test]
    fn labels_are_escaped() {
        let mut out = String::new();
        text(&mut out, 1.0, 2.0, "end", "<a>&\"'\u{7}\u{202e}");
        rect(&mut out, "first", (0.0, 1.0), (-2.0, 3.0), "<t>");
        let picture = svg(4.0, 5.0, "<l>", &out);
        for wanted in [
            "&lt;a&gt;&amp;&quot;&#39;  </text>",
            "width=\"0.0\"",
            "<title>&lt;t&gt;</title>",
            "aria-label=\"&lt;l&gt;\"",
        ] {
            assert!(picture.contains(wanted), "{wanted}: {picture}");
        }
    }
}
