//! What the pipeline restores of answers that are damaged as models damage them; needs no model.
//!
//! Each known defect is made into a finding of an answer, damaged in one way after another, and sent through the parser,
//! the anchors and the rules that a real answer goes through. Where a quote stands in several places of its file and the
//! line is damaged, nobody can tell which is meant: those are counted apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dataset::{Case, Reference};
use crate::diff::{Diff, FileDiff, Hunk, Line, LineKind, Side};
use crate::findings::gather::{self, Gathered, Said, gather};
use crate::findings::{Finding, Reason};
use crate::random::Random;
use crate::review::schema;

/// The damages are the same each time.
const SEED: u64 = 0x5eed;

/// What became of one kind of damage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    /// Findings that were damaged so.
    pub damaged: usize,
    /// Placed within one line of the truth.
    pub restored: usize,
    /// Placed elsewhere.
    pub elsewhere: usize,
    /// Dropped, and counted as such.
    pub dropped: usize,
    /// Of the damaged, those that stand in several places: they are in no other column.
    pub ambiguous: usize,
}

/// What became of all that was tried on a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// Known defects whose lines the diff shows, so that a model could quote them.
    pub quotable: usize,
    /// Known defects whose lines the diff does not show.
    pub not_shown: usize,
    /// By kind of damage.
    pub kinds: BTreeMap<String, Fate>,
    /// The same defect in other words: how many were tried, and how many were joined.
    pub duplicates: (usize, usize),
    /// Different defects beside each other: how many pairs, and how many were joined.
    pub neighbours: (usize, usize),
    /// Praise and remarks on unchanged lines: how many were tried, and how many were dropped.
    pub noise: (usize, usize),
    /// Answers that end in the middle: how many were tried, and how many were read as if they were whole.
    pub cut: (usize, usize),
}

impl Robustness {
    /// All kinds of damage together.
    pub fn total(&self) -> Fate {
        let mut total = Fate::default();
        for fate in self.kinds.values() {
            total.damaged += fate.damaged;
            total.restored += fate.restored;
            total.elsewhere += fate.elsewhere;
            total.dropped += fate.dropped;
            total.ambiguous += fate.ambiguous;
        }
        total
    }

    /// Damages the known defects of a case, whose change is `diff`.
    pub fn try_case(&mut self, case: &Case, diff: &Diff) {
        let goldens: Vec<Golden> = case.references.iter().filter_map(|known| Golden::new(known, diff)).collect();
        self.quotable += goldens.len();
        self.not_shown += case.references.len() - goldens.len();
        let mut draw = Random::new(SEED);
        for golden in &goldens {
            for damage in DAMAGES {
                let fate = self.kinds.entry(damage.name.to_owned()).or_default();
                golden.try_damage(damage, diff, &mut draw, fate);
            }
            self.try_duplicates(golden, diff);
            self.try_cut(golden);
        }
        self.try_neighbours(&goldens, diff);
        self.try_noise(diff);
    }

    /// The same defect in other words, seen by another pass.
    fn try_duplicates(&mut self, golden: &Golden, diff: &Diff) {
        let known = golden.known;
        let reworded = [reworded(&known.text)];
        let others: &[String] = if known.paraphrases.is_empty() { &reworded } else { &known.paraphrases };
        for other in others {
            let mut second = golden.finding(other);
            // another reviewer quotes less of it
            second["quote"] = json!(golden.quote.lines().next().unwrap_or_default());
            let gathered = judged(diff, &[vec![golden.finding(&known.text)], vec![second]]);
            self.duplicates.0 += 1;
            self.duplicates.1 += usize::from(gathered.candidates.len() == 1);
        }
    }

    /// Different defects in neighbouring lines of a file.
    fn try_neighbours(&mut self, goldens: &[Golden], diff: &Diff) {
        for (index, one) in goldens.iter().enumerate() {
            for other in &goldens[index + 1..] {
                let distance = other.start.saturating_sub(one.end).max(one.start.saturating_sub(other.end));
                let is_near = one.known.path == other.known.path && one.known.side() == other.known.side();
                if is_near && distance <= super::matching::NEAR && one.known.text != other.known.text {
                    let findings = vec![one.finding(&one.known.text), other.finding(&other.known.text)];
                    let gathered = judged(diff, &[findings]);
                    self.neighbours.0 += 1;
                    self.neighbours.1 += usize::from(gathered.candidates.len() < 2);
                }
            }
        }
    }

    /// Praise on an added line, and a remark on an unchanged line far from the change.
    fn try_noise(&mut self, diff: &Diff) {
        for file in &diff.files {
            let lines: Vec<&Line> = file.hunks().iter().flat_map(|hunk| &hunk.lines).collect();
            let added = lines.iter().find(|line| line.kind == LineKind::Added && !line.text().trim().is_empty());
            if let Some(line) = added {
                self.try_remark(diff, file, line, "Great use of a helper", "This is clean and easy to follow.");
            }
            let is_far = |index: &usize| {
                let near = &lines[index.saturating_sub(3)..lines.len().min(index + 4)];
                !lines[*index].text().trim().is_empty() && near.iter().all(|line| line.kind == LineKind::Context)
            };
            if let Some(index) = (0..lines.len()).find(is_far) {
                self.try_remark(diff, file, lines[index], "The old code is slow", "It was slow before, too.");
            }
        }
    }

    fn try_remark(&mut self, diff: &Diff, file: &FileDiff, line: &Line, title: &str, body: &str) {
        let finding = json!({"path": file.path().as_str(), "quote": line.text(), "line": line.new, "end_line": line.new,
            "side": "RIGHT", "reasoning": "", "category": "maintainability", "severity": "minor", "confidence": 60,
            "title": title, "body": body, "suggestion": null});
        self.noise.0 += 1;
        self.noise.1 += usize::from(judged(diff, &[vec![finding]]).candidates.is_empty());
    }

    /// An answer that ends in the middle must be asked for again, and never be read as a shorter one.
    fn try_cut(&mut self, golden: &Golden) {
        let text = answer(vec![golden.finding(&golden.known.text)]);
        let half = text.floor_char_boundary(text.len() / 2);
        for cut in [&text[..half], &text[..text.len() - 1]] {
            self.cut.0 += 1;
            self.cut.1 += usize::from(schema::parse(cut).is_ok());
        }
    }
}

/// A known defect, with the code that a model would quote.
struct Golden<'a> {
    known: &'a Reference,
    quote: String,
    start: u32,
    end: u32,
    /// Places in its file where the quote stands.
    places: usize,
}

/// A way to damage a finding.
struct Damage {
    name: &'static str,
    /// Whether it takes away what tells two places apart.
    hides_line: bool,
    work: fn(&mut Value, &Golden<'_>, &mut Random),
}

/// The ways, in the order in which they are shown.
const DAMAGES: &[Damage] = &[
    Damage { name: "none", hides_line: false, work: |_, _, _| {} },
    Damage { name: "line off by 5", hides_line: true, work: |finding, _, _| shift(finding, 5) },
    Damage { name: "line off by 20", hides_line: true, work: |finding, _, _| shift(finding, -20) },
    Damage {
        name: "line at random",
        hides_line: true,
        work: |finding, _, draw| {
            let line = draw.below(5000) + 1;
            (finding["line"], finding["end_line"]) = (json!(line), json!(line));
        },
    },
    Damage {
        name: "white space in the quote",
        hides_line: false,
        work: |finding, golden, _| {
            let spaced = |line: &str| format!("  {} ", line.split_whitespace().collect::<Vec<_>>().join("  "));
            finding["quote"] = json!(golden.quote.lines().map(spaced).collect::<Vec<_>>().join("\n"));
        },
    },
    Damage {
        name: "diff marks in the quote",
        hides_line: false,
        work: |finding, golden, _| mark(finding, golden, |_, line| format!("+{line}")),
    },
    Damage {
        name: "line numbers in the quote",
        hides_line: false,
        work: |finding, golden, _| mark(finding, golden, |number, line| format!("{number} | {line}")),
    },
    Damage {
        name: "marks, numbers and a wrong line",
        hides_line: true,
        work: |finding, golden, _| {
            mark(finding, golden, |number, line| format!("{number} + {line}"));
            shift(finding, 5);
        },
    },
    Damage {
        name: "a fence around the quote",
        hides_line: false,
        work: |finding, golden, _| finding["quote"] = json!(format!("```\n{}\n```", golden.quote)),
    },
    Damage {
        name: "the file's name alone",
        hides_line: false,
        work: |finding, golden, _| {
            finding["path"] = json!(golden.known.path.rsplit('/').next().unwrap_or_default());
        },
    },
    Damage {
        name: "`a/` before the path",
        hides_line: false,
        work: |finding, golden, _| finding["path"] = json!(format!("a/{}", golden.known.path)),
    },
    Damage {
        name: "another path",
        hides_line: true,
        work: |finding, _, _| finding["path"] = json!("src/somewhere/else.txt"),
    },
    Damage { name: "prose around the answer", hides_line: false, work: |finding, _, _| finding["prose"] = json!(true) },
];

fn shift(finding: &mut Value, by: i64) {
    for field in ["line", "end_line"] {
        finding[field] = json!((finding[field].as_i64().unwrap_or_default() + by).max(1));
    }
}

fn mark(finding: &mut Value, golden: &Golden<'_>, write: impl Fn(u32, &str) -> String) {
    let lines = golden.quote.lines().zip(golden.start..).map(|(line, number)| write(number, line));
    finding["quote"] = json!(lines.collect::<Vec<_>>().join("\n"));
}

impl<'a> Golden<'a> {
    /// What of its lines the diff shows in one hunk; `None` where that is nothing that could be quoted.
    fn new(known: &'a Reference, diff: &Diff) -> Option<Golden<'a>> {
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
        // models quote few lines
        let lines = &lines[..lines.len().min(4)];
        let quote: Vec<String> = lines.iter().map(|line| line.text().into_owned()).collect();
        let filled = lines.iter().filter(|line| !line.text().trim().is_empty());
        let numbers: Vec<u32> = filled.map(|line| line.number_on(side)).collect();
        let golden = Golden {
            known,
            start: *numbers.first()?,
            end: *numbers.last()?,
            places: places(file, side, &quote),
            quote: quote.join("\n"),
        };
        golden.quote.chars().any(char::is_alphanumeric).then_some(golden)
    }

    /// The finding that a model would make of it, in these words.
    fn finding(&self, text: &str) -> Value {
        let (title, _) = text.split_once(". ").unwrap_or((text, ""));
        json!({"path": self.known.path, "quote": self.quote, "line": self.start, "end_line": self.end,
            "side": self.known.side(), "reasoning": format!("The code fails: {text}"), "category": "bug",
            "severity": "major", "confidence": 80, "title": title, "body": text, "suggestion": null})
    }

    fn try_damage(&self, damage: &Damage, diff: &Diff, draw: &mut Random, fate: &mut Fate) {
        let mut finding = self.finding(&self.known.text);
        (damage.work)(&mut finding, self, draw);
        fate.damaged += 1;
        let elsewhere = damage.name == "another path" && places_in_all(diff, self) > 1;
        if damage.hides_line && (self.places > 1 || elsewhere) {
            fate.ambiguous += 1;
            return;
        }
        let wrap =
            |text: String| if finding["prose"] == true { format!("Here is my review:\n{text}\nDone.") } else { text };
        let reply = wrap(answer(vec![finding.clone()]));
        let placed = schema::parse(&reply).ok().and_then(|answer| {
            let said = answer.drafts.into_iter().map(|draft| Said { pass: 1, draft }).collect();
            let gathered = gather(diff, Vec::new(), said, &gather::PLAIN);
            // what a rule dropped was placed all the same
            let dropped = gathered.suppressed.into_iter().filter(|s| s.reason != Reason::Unanchored).map(|s| s.finding);
            gathered.candidates.into_iter().map(|candidate| candidate.finding).chain(dropped).next()
        });
        match placed {
            None => fate.dropped += 1,
            Some(found) if self.is_at(&found) => fate.restored += 1,
            Some(_) => fate.elsewhere += 1,
        }
    }

    fn is_at(&self, found: &Finding) -> bool {
        found.path == self.known.path && found.side == self.known.side() && found.start_line.abs_diff(self.start) <= 1
    }
}

/// The places of a file where these lines stand, white space aside.
fn places(file: &FileDiff, side: Side, quote: &[String]) -> usize {
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    let wanted: Vec<String> = quote.iter().map(|line| squeeze(line)).filter(|line| !line.is_empty()).collect();
    // a single line may be a part of another
    let is_at = |window: &&[String]| match wanted.as_slice() {
        [one] => window[0].contains(one.as_str()),
        _ => *window == wanted,
    };
    let of_hunk = |hunk: &Hunk| {
        let on_side = hunk.lines.iter().filter(|line| line.is_on(side)).map(|line| squeeze(&line.text()));
        let lines: Vec<String> = on_side.filter(|line| !line.is_empty()).collect();
        lines.windows(wanted.len().max(1)).filter(is_at).count()
    };
    file.hunks().iter().map(of_hunk).sum()
}

fn places_in_all(diff: &Diff, golden: &Golden<'_>) -> usize {
    let quote: Vec<String> = golden.quote.lines().map(str::to_owned).collect();
    diff.files.iter().map(|file| places(file, golden.known.side(), &quote)).sum()
}

fn answer(findings: Vec<Value>) -> String {
    json!({"analysis": "I went through the lines.", "findings": findings, "summary": "A change."}).to_string()
}

/// What holds of the findings of some passes.
fn judged(diff: &Diff, passes: &[Vec<Value>]) -> Gathered {
    let drafts = |(index, findings): (usize, &Vec<Value>)| {
        let answer = schema::parse(&answer(findings.clone())).unwrap_or_default();
        answer.drafts.into_iter().map(move |draft| Said { pass: index + 1, draft })
    };
    let said = passes.iter().enumerate().flat_map(drafts).collect();
    gather(diff, Vec::new(), said, &gather::PLAIN)
}

/// A text in other words, where a dataset has none: halves swapped, common words replaced.
fn reworded(text: &str) -> String {
    const OTHER: [(&str, &str); 12] = [
        ("missing", "absent"),
        ("error", "failure"),
        ("value", "result"),
        ("function", "method"),
        ("should", "has to"),
        ("could", "may"),
        ("causes", "leads to"),
        ("when", "if"),
        ("instead of", "rather than"),
        ("incorrect", "wrong"),
        ("use", "apply"),
        ("check", "test"),
    ];
    let swapped = match text.split_once(", ").or_else(|| text.split_once("; ")).or_else(|| text.split_once(". ")) {
        Some((first, second)) => format!("{second}; {first}"),
        None => text.to_owned(),
    };
    let words = swapped
        .split_whitespace()
        .map(|word| OTHER.iter().find(|(one, _)| *one == word.to_lowercase()).map_or(word, |(_, other)| other));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    const DIFF: &str = "--- a/src/pay.rs\n+++ b/src/pay.rs\n@@ -1,3 +1,9 @@\n fn head() {}\n+fn pay(total: i64, parts: i64) -> i64 {\n+    let share = total / parts;\n+    log(share);\n+    let rest = total - share;\n+    log(share);\n+    rest\n+}\n fn mid() {}\n fn tail() {}\n";

    fn robustness(references: &str) -> Robustness {
        let case: Case =
            serde_json::from_str(&format!(r#"{{"instance_id":"x","diff":"d","reference_comments":{references}}}"#))
                .unwrap();
        let mut robustness = Robustness::default();
        robustness.try_case(&case, &parse(DIFF).unwrap());
        robustness
    }

    #[test]
    fn what_can_be_restored_is() {
        let found = robustness(
            r#"[{"path":"src/pay.rs","start_line":3,"end_line":3,"text":"Division by zero when there are no parts"},
                {"path":"src/pay.rs","start_line":5,"text":"The rest loses what the division cut off"},
                {"path":"src/pay.rs","start_line":90,"text":"not in the diff"}]"#,
        );
        assert_eq!((found.quotable, found.not_shown), (2, 1));
        let total = found.total();
        assert_eq!(
            (total.damaged, total.restored, total.elsewhere),
            (2 * DAMAGES.len(), 2 * DAMAGES.len(), 0),
            "{found:#?}"
        );
        assert_eq!(found.neighbours, (1, 0));
        assert_eq!(found.cut, (4, 0));
    }

    #[test]
    fn what_stands_twice_is_counted_apart() {
        let found = robustness(r#"[{"path":"src/pay.rs","start_line":6,"text":"Logs the share a second time"}]"#);
        assert_eq!(found.kinds["line off by 5"].ambiguous, 1);
        assert_eq!(found.kinds["none"], Fate { damaged: 1, restored: 1, ..Fate::default() });
    }

    #[test]
    fn other_words_are_other_words() {
        assert_eq!(reworded("The error is lost, when the value is read"), "if the result is read; The failure is lost");
    }
}
