//! What the pipeline restores of answers that are damaged as models damage them; needs no model.
//!
//! Each known defect is made into a finding of an answer, damaged in one way after another, and sent through the parser,
//! the anchors and the rules that a real answer goes through. Where what the damage leaves fits several places, nobody can
//! tell which is meant: what becomes of those is counted apart, and shown beside the rest.

mod golden;
mod kinds;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dataset::Case;
use super::matching::NEAR;
use crate::diff::{Diff, FileDiff, Line, LineKind};
use crate::findings::gather::{self, Said, gather};
use crate::findings::{Finding, Reason, similar};
use crate::meaning::Vectors;
use crate::random::Random;
use crate::review::schema;
use golden::Golden;
use kinds::{DAMAGES, Damage};

/// The damages are the same each time.
const SEED: u64 = 0x5eed;

/// What became of some damaged findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Findings that were damaged.
    pub tried: usize,
    /// Placed within one line of the truth.
    pub restored: usize,
    /// Placed elsewhere.
    pub elsewhere: usize,
    /// Dropped, and counted as such.
    pub dropped: usize,
}

/// What became of one kind of damage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// Whether it leaves the answer and the path alone, so that only the anchors have to deal with it.
    pub is_of_anchor: bool,
    /// Findings that have one place.
    pub clear: Tally,
    /// Findings whose quote stands in several places, while what told these apart is damaged.
    pub ambiguous: Tally,
}

/// How often something was tried, and how often it came out so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Tried.
    pub tried: usize,
    /// Came out so.
    pub so: usize,
}

/// Something that is asked of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Requirement {
    /// What is counted.
    pub what: &'static str,
    /// How much of it there may or must be.
    pub bound: Bound,
    /// How much there is.
    pub count: Count,
}

/// The bound of a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

impl Requirement {
    /// Whether it is met; `None` where nothing was tried.
    pub fn holds(&self) -> Option<bool> {
        let share = self.count.share()?;
        Some(match self.bound {
            Bound::AtLeast(least) => share >= least,
            Bound::AtMost(most) => share <= most,
        })
    }
}

/// What became of all that was tried on a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Robustness {
    /// Known defects whose lines the diff shows, so that a model could quote them.
    pub quotable: usize,
    /// Known defects whose lines the diff does not show.
    pub not_shown: usize,
    /// Each kind of damage.
    pub kinds: Vec<Kind>,
    /// The same defect in other words: those that were joined.
    pub duplicates: Count,
    /// Pairs of different defects beside each other, up to three lines apart: those that were joined.
    pub neighbours: Count,
    /// Pairs of different defects that share a line: those that were joined.
    pub on_one_line: Count,
    /// Praise and remarks on unchanged lines: those that were dropped.
    pub noise: Count,
    /// Answers that end in the middle: those that were read as if they were whole.
    pub cut: Count,
    /// Known defects that a rule of [`crate::findings::exclude`] keeps from the reader, by the rule.
    pub excluded: BTreeMap<String, usize>,
    /// The first that went wrong, for whoever wants to know why.
    pub examples: Vec<String>,
}

/// Examples that are kept.
const MOST_EXAMPLES: usize = 50;

impl Robustness {
    /// Damages the known defects of a case, whose change is `diff`.
    pub fn try_case(&mut self, case: &Case, diff: &Diff) {
        let goldens: Vec<Golden> = case.references.iter().filter_map(|known| Golden::new(known, diff)).collect();
        self.quotable += goldens.len();
        self.not_shown += case.references.len() - goldens.len();
        let mut draw = Random::new(SEED);
        for golden in &goldens {
            for (index, damage) in DAMAGES.iter().enumerate() {
                self.try_damage(index, damage, golden, &mut draw, diff, &case.id);
            }
            self.try_duplicates(golden, diff, &case.id);
            self.try_cut(golden);
            if let Some(why) = excluded(golden, diff) {
                *self.excluded.entry(why).or_default() += 1;
            }
        }
        self.try_neighbours(&goldens, diff, &case.id);
        self.try_noise(diff);
    }

    /// All kinds of damage together, or those that only the anchors have to deal with: what is clear, and what is not.
    pub fn total(&self, of_anchor_only: bool) -> (Tally, Tally) {
        let kinds = self.kinds.iter().filter(|kind| kind.is_of_anchor || !of_anchor_only);
        kinds.fold(Default::default(), |(clear, ambiguous): (Tally, Tally), kind| {
            (clear.plus(kind.clear), ambiguous.plus(kind.ambiguous))
        })
    }

    /// What is asked of the pipeline, and what was found. What stands in several places counts as damaged, wherever it was
    /// placed; but that a quote with several places was placed wrongly is no fault of the anchors.
    pub fn requirements(&self) -> Vec<Requirement> {
        let (clear, ambiguous) = self.total(false);
        let all = clear.plus(ambiguous);
        let (anchored, unclear) = self.total(true);
        let of = |what, bound, tried, so| Requirement { what, bound, count: Count { tried, so } };
        let quoted = anchored.plus(unclear);
        vec![
            of("damaged findings within one line of the truth", Bound::AtLeast(0.95), all.tried, all.restored),
            of("damaged findings elsewhere", Bound::AtMost(0.01), all.tried, all.elsewhere),
            of("noisy quotes and wrong lines placed", Bound::AtLeast(0.99), quoted.tried, quoted.restored),
            of(
                "of these wrong, though the quote has one place",
                Bound::AtMost(0.0),
                anchored.tried,
                anchored.elsewhere,
            ),
            of("duplicates in other words joined", Bound::AtLeast(0.98), self.duplicates.tried, self.duplicates.so),
            of(
                "different defects up to 3 lines apart joined",
                Bound::AtMost(0.02),
                self.neighbours.tried,
                self.neighbours.so,
            ),
            of("answers that end early read as whole", Bound::AtMost(0.0), self.cut.tried, self.cut.so),
        ]
    }

    fn try_damage(
        &mut self,
        index: usize,
        damage: &Damage,
        golden: &Golden<'_>,
        draw: &mut Random,
        diff: &Diff,
        case: &str,
    ) {
        if self.kinds.len() <= index {
            let kind = Kind { name: damage.name.to_owned(), is_of_anchor: damage.is_of_anchor, ..Kind::default() };
            self.kinds.push(kind);
        }
        let Some(finding) = damage.apply(golden, draw, diff) else { return };
        let placed = placed(diff, &finding);
        let is_ambiguous = damage.is_ambiguous(golden, diff);
        let kind = &mut self.kinds[index];
        let tally = if is_ambiguous { &mut kind.ambiguous } else { &mut kind.clear };
        tally.tried += 1;
        match &placed {
            None => tally.dropped += 1,
            Some(found) if golden.is_at(found) => tally.restored += 1,
            Some(_) => tally.elsewhere += 1,
        }
        let place = |path: &str, line: u32| format!("{path}:{line}");
        match placed {
            Some(found) if !golden.is_at(&found) && !is_ambiguous => self.example(format!(
                "{case}: {}: {} was placed at {}",
                damage.name,
                place(&golden.known.path, golden.lines.0),
                place(&found.path, found.start_line)
            )),
            _ => {}
        }
    }

    fn example(&mut self, text: String) {
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(text);
        }
    }

    /// The same defect in other words, seen by another pass.
    fn try_duplicates(&mut self, golden: &Golden<'_>, diff: &Diff, case: &str) {
        let text = &golden.known.text;
        let reworded = [words::reworded(text)];
        let others: &[String] = if golden.known.paraphrases.is_empty() { &reworded } else { &golden.known.paraphrases };
        for other in others {
            let mut second = golden.finding(other);
            // another reviewer quotes less of it
            let first_line = golden.quote.iter().find(|(number, _)| *number == golden.lines.0);
            second["quote"] = json!(first_line.map(|(_, text)| text));
            let is_joined = are_joined(diff, &golden.finding(text), &second);
            self.duplicates.add(is_joined);
            if !is_joined {
                self.example(format!("{case}: not joined: {text:?} and {other:?}"));
            }
        }
    }

    /// Different defects in the same or neighbouring lines of a file.
    fn try_neighbours(&mut self, goldens: &[Golden<'_>], diff: &Diff, case: &str) {
        for (index, one) in goldens.iter().enumerate() {
            for other in &goldens[index + 1..] {
                let (a, b) = (one.known, other.known);
                let distance = other.lines.0.saturating_sub(one.lines.1).max(one.lines.0.saturating_sub(other.lines.1));
                if a.path != b.path || a.side() != b.side() || distance > NEAR || a.text == b.text {
                    continue;
                }
                let is_joined = are_joined(diff, &one.finding(&a.text), &other.finding(&b.text));
                let count = if distance == 0 { &mut self.on_one_line } else { &mut self.neighbours };
                count.add(is_joined);
                if is_joined {
                    self.example(format!("{case}: joined: {:?} and {:?}", a.text, b.text));
                }
            }
        }
    }

    /// Praise on an added line, and a remark on an unchanged line far from the change.
    fn try_noise(&mut self, diff: &Diff) {
        for file in &diff.files {
            let lines: Vec<&Line> = file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).collect();
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
        let gathered = gather(diff, Vec::new(), said(&finding), &gather::PLAIN);
        self.noise.add(gathered.candidates.is_empty());
    }

    /// An answer that ends in the middle must be asked for again, and never be read as a shorter one.
    fn try_cut(&mut self, golden: &Golden<'_>) {
        let text = answer(&golden.finding(&golden.known.text));
        for at in [text.len() / 3, text.len() / 2, text.len().saturating_sub(1)] {
            self.cut.add(schema::parse(&text[..text.floor_char_boundary(at)]).is_ok());
        }
    }
}

impl Tally {
    fn plus(self, other: Tally) -> Tally {
        Tally {
            tried: self.tried + other.tried,
            restored: self.restored + other.restored,
            elsewhere: self.elsewhere + other.elsewhere,
            dropped: self.dropped + other.dropped,
        }
    }
}

impl Count {
    /// The share that came out so; `None` where nothing was tried.
    pub fn share(&self) -> Option<f64> {
        (self.tried > 0).then(|| self.so as f64 / self.tried as f64)
    }

    fn add(&mut self, is_so: bool) {
        self.tried += 1;
        self.so += usize::from(is_so);
    }
}

/// An answer with one finding, in prose where it asks for that.
fn answer(finding: &Value) -> String {
    let answer = json!({"analysis": "I went through the lines.", "findings": [finding], "summary": "A change."});
    if finding["prose"] == true { format!("Here is my review:\n{answer}\nThat is all.") } else { answer.to_string() }
}

fn said(finding: &Value) -> Vec<Said> {
    let drafts = schema::parse(&answer(finding)).map(|answer| answer.drafts).unwrap_or_default();
    drafts.into_iter().map(|draft| Said { pass: 1, draft }).collect()
}

/// The finding as the pipeline places it; also where a rule drops it afterwards.
fn placed(diff: &Diff, finding: &Value) -> Option<Finding> {
    let gathered = gather(diff, Vec::new(), said(finding), &gather::PLAIN);
    let dropped = gathered.suppressed.into_iter().filter(|s| s.reason != Reason::Unanchored).map(|s| s.finding);
    gathered.candidates.into_iter().map(|candidate| candidate.finding).chain(dropped).next()
}

fn are_joined(diff: &Diff, one: &Value, other: &Value) -> bool {
    placed(diff, one)
        .zip(placed(diff, other))
        .is_some_and(|(one, other)| similar::is_same(&one, &other, &Vectors::default()))
}

/// Why a rule keeps a known defect from the reader, where one does.
fn excluded(golden: &Golden<'_>, diff: &Diff) -> Option<String> {
    let finding = golden.finding(&golden.known.text);
    let dropped = gather(diff, Vec::new(), said(&finding), &gather::PLAIN).suppressed;
    dropped.into_iter().find(|suppressed| suppressed.reason == Reason::BelowThreshold)?.why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    const DIFF: &str = "--- a/src/pay.rs\n+++ b/src/pay.rs\n@@ -1,3 +1,9 @@\n fn head() {}\n+fn pay(total: i64, parts: i64) -> i64 {\n+    let share = total / parts;\n+    log(share);\n+    let rest = total - share;\n+    log(share);\n+    rest\n+}\n fn mid() {}\n fn tail() {}\n--- a/x.rs\n+++ b/x.rs\n@@ -1 +1,2 @@\n fn x() {}\n+    let y = 1;\n";

    fn robustness(references: &str) -> Robustness {
        let case = format!(r#"{{"instance_id":"x","diff":"d","reference_comments":{references}}}"#);
        let case: Case = serde_json::from_str(&case).unwrap();
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
        assert_eq!((found.quotable, found.not_shown, found.kinds.len()), (2, 1, DAMAGES.len()));
        let all = Tally { tried: 2 * DAMAGES.len(), restored: 2 * DAMAGES.len(), ..Tally::default() };
        assert_eq!(found.total(false), (all, Tally::default()), "{found:#?}");
        let count = |tried, so| Count { tried, so };
        assert_eq!((found.duplicates, found.neighbours, found.on_one_line), (count(2, 2), count(1, 0), count(0, 0)));
        assert_eq!((found.cut, found.noise), (count(6, 0), count(2, 2)));
        assert!(found.requirements().iter().all(|requirement| requirement.holds() == Some(true)), "{found:#?}");
        assert!(found.examples.is_empty() && found.excluded.is_empty(), "{found:#?}");
    }

    #[test]
    fn what_stands_twice_is_counted_apart() {
        let found = robustness(r#"[{"path":"src/pay.rs","start_line":6,"text":"Logs the share a second time"}]"#);
        let of = |name: &str| found.kinds.iter().find(|kind| kind.name == name).unwrap();
        assert_eq!((of("line off by 5").clear.tried, of("line off by 5").ambiguous.tried), (0, 1));
        assert_eq!((of("none").clear.restored, of("none").ambiguous.tried), (1, 0));
        assert_eq!(of("a path that is not there").ambiguous, Tally { tried: 1, dropped: 1, ..Tally::default() });
    }

    #[test]
    fn what_fails_is_seen() {
        let wrong = Tally { tried: 100, restored: 90, elsewhere: 10, dropped: 0 };
        let kind = Kind { clear: wrong, is_of_anchor: true, ..Kind::default() };
        let count = |so| Count { tried: 100, so };
        let (duplicates, neighbours, cut) = (count(97), count(3), count(1));
        let found = Robustness { kinds: vec![kind], duplicates, neighbours, cut, ..Robustness::default() };
        assert!(found.requirements().iter().all(|requirement| requirement.holds() == Some(false)));
        assert!(Robustness::default().requirements().iter().all(|requirement| requirement.holds().is_none()));
    }

    #[test]
    fn what_a_rule_keeps_from_the_reader_is_counted() {
        let found = robustness(
            r#"[{"path":"src/pay.rs","start_line":3,"text":"Consider a better name for `share`","category":"style"}]"#,
        );
        assert_eq!(found.excluded.values().sum::<usize>(), 1, "{found:#?}");
    }
}
