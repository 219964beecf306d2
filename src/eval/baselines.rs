//! Reviewers that need no thought: what a measure says of them tells what it is worth.

use super::dataset::Case;
use super::matching::Remark;
use crate::diff::{Diff, LineKind, Side};

/// A remark on every tenth added line: it finds nearly every place, and says nothing.
pub fn every_tenth_line(diff: &Diff) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut added = 0;
    for file in &diff.files {
        for line in file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).filter(|line| line.kind == LineKind::Added) {
            added += 1;
            if added % 10 == 0 {
                remarks.push(Remark {
                    path: file.path().to_string(),
                    side: Side::Right,
                    lines: (line.new, line.new),
                    text: "This line may be wrong. Please check it again.".to_owned(),
                });
            }
        }
    }
    remarks
}

/// The known defects themselves: whoever finds just these has an F1 of 1.
pub fn goldens(case: &Case) -> Vec<Remark> {
    let remark = |known: &super::dataset::Reference| Remark {
        path: known.path.clone(),
        side: known.side(),
        lines: known.lines().unwrap_or_default(),
        text: known.text.clone(),
    };
    case.references.iter().map(remark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    #[test]
    fn every_tenth_added_line_gets_a_remark() {
        let lines: String = (1..=25).map(|n| format!("+line {n}\n")).collect();
        let diff = parse(format!("--- /dev/null\n+++ b/a\n@@ -0,0 +1,25 @@\n{lines}")).unwrap();
        let lines: Vec<_> = every_tenth_line(&diff).iter().map(|remark| remark.lines.0).collect();
        assert_eq!(lines, [10, 20]);
    }
}
