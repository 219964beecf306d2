//! Where in a change a finding stands.

use std::ops::RangeInclusive;

use crate::diff::{Diff, Hunk, Line, Side};
use crate::findings::Finding;
use crate::words::Words;

/// The lines of a finding in a change.
pub struct Place<'a> {
    /// The hunk that has them.
    pub hunk: &'a Hunk,
    /// Their indices in it. Those of the other side may stand between them.
    pub lines: RangeInclusive<usize>,
}

impl Place<'_> {
    /// Where a finding stands; `None` where the change does not have its lines.
    pub fn of<'a>(finding: &Finding, diff: &'a Diff) -> Option<Place<'a>> {
        let covers =
            |hunk: &&Hunk| hunk.range(finding.side).is_some_and(|(from, to)| (from..=to).contains(&finding.start_line));
        let files = diff.files.iter().filter(|file| file.path().as_str() == finding.path);
        let hunk = files.flat_map(|file| file.hunks()).find(covers)?;
        let first = hunk.lines.iter().position(|line| is_meant(finding, line))?;
        let last = hunk.lines.iter().rposition(|line| is_meant(finding, line)).unwrap_or(first);
        Some(Place { hunk, lines: first..=last })
    }
}

/// Whether a line of the hunk is one of the finding's.
pub fn is_meant(finding: &Finding, line: &Line) -> bool {
    line.is_on(finding.side) && (finding.start_line..=finding.end_line).contains(&line.number_on(finding.side))
}

/// `src/a.rs:3-9`, in words where these are lines before the change.
pub fn name(finding: &Finding, words: &Words) -> String {
    let old = if finding.side == Side::Left { format!(" {}", words.before_the_change) } else { String::new() };
    match (finding.start_line, finding.end_line) {
        (start, end) if start == end => format!("{}:{start}{old}", finding.path),
        (start, end) => format!("{}:{start}-{end}{old}", finding.path),
    }
}
