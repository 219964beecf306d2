//! The ways in which models damage what they found, each made anew from a known defect.

use serde_json::{Value, json};

use super::golden::Golden;
use crate::diff::{Diff, FileDiff, Side};
use crate::random::Random;

/// A way to damage a finding.
pub struct Damage {
    /// Its name in the tables.
    pub name: &'static str,
    /// What still tells its place, beside the quote.
    pub left: Left,
    /// Whether the quote's place is all that it changes: white space, marks, numbers.
    pub is_of_anchor: bool,
    work: fn(&mut Value, &Golden<'_>, &mut Random, &Diff) -> Option<()>,
}

/// What a damaged finding still tells of its place, beside the quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// File and line.
    All,
    /// The file; its line is wrong.
    File,
    /// The line, and the last part of the path.
    Name,
    /// Nothing.
    Nothing,
}

impl Damage {
    /// The finding of a defect, damaged; `None` where this change leaves no way to do it.
    pub fn apply(&self, golden: &Golden<'_>, draw: &mut Random, diff: &Diff) -> Option<Value> {
        let mut finding = golden.finding(&golden.known.text);
        (self.work)(&mut finding, golden, draw, diff)?;
        Some(finding)
    }

    /// Whether what is left fits other places too: then nobody can tell which one is meant.
    pub fn is_ambiguous(&self, golden: &Golden<'_>, diff: &Diff) -> bool {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let of_files = |wanted: &dyn Fn(&FileDiff) -> bool| -> Vec<u32> {
            diff.files.iter().filter(|file| wanted(file)).flat_map(|file| golden.places(file)).collect()
        };
        let places = match self.left {
            Left::All => return false,
            Left::File => of_files(&|file| file.path().as_str() == golden.known.path),
            Left::Name => {
                let mut places = of_files(&|file| name(file.path().as_str()) == name(&golden.known.path));
                places.retain(|line| *line == golden.lines.0);
                places
            }
            Left::Nothing => of_files(&|_| true),
        };
        places.len() > 1
    }
}

/// The ways, in the order in which they are shown.
pub const DAMAGES: &[Damage] = &[
    of_anchor("none", Left::All, |_, _, _, _| Some(())),
    of_anchor("line off by 5", Left::File, |finding, _, draw, _| shift(finding, 5, draw)),
    of_anchor("line off by 20", Left::File, |finding, _, draw, _| shift(finding, 20, draw)),
    of_anchor("line at random", Left::File, |finding, _, draw, _| {
        let line = draw.below(5000) + 1;
        (finding["line"], finding["end_line"]) = (json!(line), json!(line));
        Some(())
    }),
    of_anchor("white space in the quote", Left::All, |finding, golden, _, _| {
        let spaced = |line: &str| format!("  {} ", line.split_whitespace().collect::<Vec<_>>().join("  "));
        quote(finding, golden, |_, line| spaced(line))
    }),
    of_anchor("no indentation in the quote", Left::All, |finding, golden, _, _| {
        quote(finding, golden, |_, line| line.trim().to_owned())
    }),
    of_anchor("no indentation, line off by 5", Left::File, |finding, golden, draw, _| {
        quote(finding, golden, |_, line| line.trim().to_owned());
        shift(finding, 5, draw)
    }),
    of_anchor("diff marks in the quote", Left::All, |finding, golden, _, _| {
        quote(finding, golden, |_, line| format!("{}{line}", mark(golden)))
    }),
    of_anchor("line numbers in the quote", Left::All, |finding, golden, _, _| {
        quote(finding, golden, |number, line| format!("{number} | {line}"))
    }),
    of_anchor("marks, numbers, line off by 5", Left::File, |finding, golden, draw, _| {
        quote(finding, golden, |number, line| format!("{number} {} {line}", mark(golden)));
        shift(finding, 5, draw)
    }),
    of_anchor("a fence around the quote", Left::All, |finding, golden, _, _| {
        finding["quote"] = json!(format!("```\n{}\n```", golden.text()));
        Some(())
    }),
    of_answer("the file's name alone", Left::Name, |finding, golden, _, _| {
        finding["path"] = json!(golden.known.path.rsplit('/').next().unwrap_or_default());
        Some(())
    }),
    of_answer("`a/` before the path", Left::All, |finding, golden, _, _| {
        finding["path"] = json!(format!("a/{}", golden.known.path));
        Some(())
    }),
    of_answer("a path that is not there", Left::Nothing, |finding, _, _, _| {
        finding["path"] = json!("src/somewhere/else.txt");
        Some(())
    }),
    of_answer("another file of the change", Left::Nothing, |finding, golden, draw, diff| {
        let others = diff.files.iter().map(|file| file.path().to_string()).filter(|path| *path != golden.known.path);
        let others: Vec<String> = others.collect();
        finding["path"] = json!(others.get(draw.below(others.len()))?);
        Some(())
    }),
    of_answer("prose around the answer", Left::All, |finding, _, _, _| {
        finding["prose"] = json!(true);
        Some(())
    }),
];

type Work = fn(&mut Value, &Golden<'_>, &mut Random, &Diff) -> Option<()>;

const fn of_anchor(name: &'static str, left: Left, work: Work) -> Damage {
    Damage { name, left, is_of_anchor: true, work }
}

const fn of_answer(name: &'static str, left: Left, work: Work) -> Damage {
    Damage { name, left, is_of_anchor: false, work }
}

/// Moves the lines up or down.
fn shift(finding: &mut Value, by: i64, draw: &mut Random) -> Option<()> {
    let by = if draw.below(2) == 0 { by } else { -by };
    for field in ["line", "end_line"] {
        finding[field] = json!((finding[field].as_i64()? + by).max(1));
    }
    Some(())
}

fn quote(finding: &mut Value, golden: &Golden<'_>, write: impl Fn(u32, &str) -> String) -> Option<()> {
    finding["quote"] = json!(golden.written(write));
    Some(())
}

fn mark(golden: &Golden<'_>) -> char {
    if golden.known.side() == Side::Left { '-' } else { '+' }
}
