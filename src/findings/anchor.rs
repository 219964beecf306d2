//! From what the model said to a line that the diff really has.
//!
//! The quoted code decides: whole lines first, as they stand or ignoring white space, diff marks, line numbers and a fence
//! around them, then parts of lines. The line number that the model gave only breaks ties. A range never leaves its hunk, and all of it is on one side. Where the
//! named file does not have the code, and the change has it in one place alone, that place is meant.

use std::cell::OnceCell;
use std::ops::RangeInclusive;

use crate::diff::{Diff, FileDiff, Hunk, Line, LineKind, Side};
use crate::review::schema::Draft;
use crate::text::unbroken;

/// A place in the diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Index of the file in the diff.
    pub file: usize,
    /// Index of the hunk in the file.
    pub hunk: usize,
    /// The side of all its lines.
    pub side: Side,
    /// First and last line number on that side.
    pub lines: RangeInclusive<u32>,
    /// The text of these lines, as it stands in the file.
    pub text: Vec<String>,
    /// Whether the quote is these lines as a whole, so that a suggestion can replace them.
    pub whole_lines: bool,
}

/// A change prepared for looking up quotes: each file's lines are brought into their comparable forms once.
pub struct Index<'a> {
    diff: &'a Diff,
    /// For each file and side, filled when first needed.
    files: Vec<[OnceCell<Vec<Shown<'a>>>; 2]>,
}

/// The lines of a hunk that one side shows, without empty ones.
struct Shown<'a> {
    hunk: &'a Hunk,
    lines: Vec<&'a Line>,
    forms: Vec<Squeezed>,
}

impl<'a> Index<'a> {
    /// An index over a change.
    pub fn new(diff: &'a Diff) -> Index<'a> {
        Index { diff, files: diff.files.iter().map(|_| Default::default()).collect() }
    }

    /// Finds the place of a draft; `None` where its quote is nowhere in the diff.
    pub fn anchor(&self, draft: &Draft) -> Option<Anchor> {
        let quote = Quote::new(&draft.quote);
        let bared = quote.without_bare_lines();
        let quotes: Vec<&Quote> =
            [Some(&quote), bared.as_ref()].into_iter().flatten().filter(|q| !q.is_empty()).collect();
        let files = candidate_files(&draft.path, self.diff);
        let sides = match draft.side {
            Side::Right => [Side::Right, Side::Left],
            Side::Left => [Side::Left, Side::Right],
        };
        // whole lines on either side before parts of lines: the quoted code says more than the side
        for levels in [[Strictness::Exact, Strictness::Loose].as_slice(), &[Strictness::Part]] {
            for (quote, side) in quotes.iter().flat_map(|quote| sides.map(|side| (*quote, side))) {
                let places = levels.iter().flat_map(|&level| {
                    let places = files.iter().flat_map(move |&file| self.places(quote, level, side, file));
                    places.map(move |anchor| (order(draft, level, &anchor), anchor))
                });
                if let Some((_, found)) = places.min_by_key(|(order, _)| *order) {
                    return Some(found);
                }
            }
        }
        self.only_place(&quotes, sides)
    }

    /// The one place in the whole change where a quote stands as whole lines: then the path was wrong, and the code says
    /// which file is meant. What stands twice, or says little, is nowhere.
    fn only_place(&self, quotes: &[&Quote], sides: [Side; 2]) -> Option<Anchor> {
        /// Letters and digits that a quote needs to be known again without its path.
        const TELLING: usize = 8;
        let is_telling = |quote: &&&Quote| quote.letters() >= TELLING;
        for (quote, side) in quotes.iter().filter(is_telling).flat_map(|quote| sides.map(|side| (*quote, side))) {
            let all = 0..self.diff.files.len();
            let mut places = all.flat_map(|file| self.places(quote, Strictness::Loose, side, file));
            match (places.next(), places.next()) {
                (Some(only), None) => return Some(only),
                (Some(_), Some(_)) => return None,
                (None, _) => {}
            }
        }
        None
    }

    fn shown(&self, file: usize, side: Side) -> &[Shown<'a>] {
        self.files[file][usize::from(side == Side::Right)]
            .get_or_init(|| self.diff.files[file].hunks().iter().map(|hunk| Shown::new(hunk, side)).collect())
    }

    /// All places of a quote on one side of a file.
    fn places(&self, quote: &Quote, strictness: Strictness, side: Side, file: usize) -> Vec<Anchor> {
        let mut found = Vec::new();
        for (index, shown) in self.shown(file, side).iter().enumerate() {
            for numbers in shown.matches(quote, strictness, side) {
                let Some((lines, text)) = commentable(shown.hunk, side, numbers) else { continue };
                let whole_lines = strictness != Strictness::Part;
                found.push(Anchor { file, hunk: index, side, lines, text, whole_lines });
            }
        }
        found
    }
}

impl<'a> Shown<'a> {
    fn new(hunk: &'a Hunk, side: Side) -> Shown<'a> {
        let is_shown = |line: &&Line| line.is_on(side) && !line.text().trim().is_empty();
        let lines: Vec<&Line> = hunk.lines.iter().filter(is_shown).collect();
        let form = |text: &str| Squeezed { exact: text.trim_end().to_owned(), loose: squeeze(text) };
        Shown { hunk, forms: lines.iter().map(|line| form(&unbroken(&line.text()))).collect(), lines }
    }

    /// The ranges of line numbers whose lines are the quote.
    fn matches(&self, quote: &Quote, strictness: Strictness, side: Side) -> Vec<RangeInclusive<u32>> {
        let count = quote.lines.len();
        let fits = |window: &[Squeezed]| {
            let mut pairs = quote.lines.iter().zip(window).enumerate();
            pairs.all(|(at, (quoted, line))| quoted.matches(line, strictness, Part::of(at, count)))
        };
        let windows = self.forms.windows(count).enumerate().filter(|(_, window)| fits(window));
        let numbers = |at: usize| self.lines[at].number_on(side)..=self.lines[at + count - 1].number_on(side);
        windows.map(|(at, _)| numbers(at)).collect()
    }
}

/// The file that the draft names; where there is no such path, those that end with it.
fn candidate_files(path: &str, diff: &Diff) -> Vec<usize> {
    let named = |name: &str| -> Vec<usize> {
        let is_named = |file: &FileDiff| file.new_path.as_str() == name || file.old_path.as_str() == name;
        (0..diff.files.len()).filter(|&index| is_named(&diff.files[index])).collect()
    };
    let tidy = path.trim().trim_matches('`').replace('\\', "/");
    let tidy = tidy.trim_start_matches("./");
    let stripped = tidy.strip_prefix("a/").or(tidy.strip_prefix("b/")).unwrap_or(tidy);
    // as it stands first: blanks and backslashes may be part of a name
    let mut found = [path, tidy, stripped].into_iter().map(named).find(|found| !found.is_empty()).unwrap_or_default();
    if found.is_empty() && !stripped.is_empty() {
        let ends =
            |file: &FileDiff| file.path().as_str().strip_suffix(stripped).is_some_and(|rest| rest.ends_with('/'));
        found = (0..diff.files.len()).filter(|&index| ends(&diff.files[index])).collect();
    }
    found
}

/// Which of several places comes first. Models often lose the indentation of what they quote, so that it is just the same
/// as another line: then the place on the line that the model gave is meant, though white space differs there.
fn order(draft: &Draft, strictness: Strictness, anchor: &Anchor) -> (bool, u32, Strictness) {
    let is_on_line = draft.line == Some(*anchor.lines.start());
    (strictness != Strictness::Exact && !is_on_line, distance(draft, anchor), strictness)
}

/// How far a place is from the line that the model gave; without one, the first place wins.
fn distance(draft: &Draft, anchor: &Anchor) -> u32 {
    draft.line.map_or(*anchor.lines.start(), |line| anchor.lines.start().abs_diff(line))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strictness {
    /// The lines as they stand, but for white space at their ends.
    Exact,
    /// Ignoring all white space.
    Loose,
    /// The quote is a part of its first and last line.
    Part,
}

/// The least number of characters that a part of a line needs to say where it is.
const SHORTEST_PART: usize = 4;

/// What the model quoted, line by line, in the forms in which it may stand in the diff.
struct Quote {
    lines: Vec<QuoteLine>,
}

#[derive(Clone)]
struct QuoteLine {
    /// Without white space at its end.
    exact: String,
    /// The line without white space; then without line number, and without diff mark, where it seems to have them.
    loose: Vec<String>,
}

impl Quote {
    fn new(text: &str) -> Quote {
        let fenced = text.trim().strip_prefix("```").and_then(|rest| {
            let (_, inside) = rest.split_once('\n')?;
            Some(inside.trim_end().strip_suffix("```").unwrap_or(inside))
        });
        let lines = fenced.unwrap_or(text).lines().filter(|line| !line.trim().is_empty());
        Quote { lines: lines.map(QuoteLine::new).collect() }
    }

    /// The quote without lines of a number and a mark alone, which stand for empty lines; `None` where it has none.
    fn without_bare_lines(&self) -> Option<Quote> {
        let is_bare = |line: &&QuoteLine| without_mark(without_number(&line.exact)).trim().is_empty();
        let lines: Vec<QuoteLine> = self.lines.iter().filter(|line| !is_bare(line)).cloned().collect();
        (lines.len() < self.lines.len()).then_some(Quote { lines })
    }

    fn letters(&self) -> usize {
        self.lines.iter().flat_map(|line| line.exact.chars()).filter(|c| c.is_alphanumeric()).count()
    }

    fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.loose.iter().all(String::is_empty))
    }
}

impl QuoteLine {
    fn new(line: &str) -> QuoteLine {
        let mut loose = vec![squeeze(line)];
        let unnumbered = without_number(line);
        for form in [unnumbered, without_mark(line), without_mark(unnumbered)] {
            let form = squeeze(form);
            if !form.is_empty() && !loose.contains(&form) {
                loose.push(form);
            }
        }
        QuoteLine { exact: line.trim_end().to_owned(), loose }
    }

    fn matches(&self, line: &Squeezed, strictness: Strictness, part: Part) -> bool {
        match strictness {
            Strictness::Exact => line.exact == self.exact,
            Strictness::Loose => self.loose.contains(&line.loose),
            Strictness::Part => self.loose.iter().any(|form| match part {
                Part::Inside => line.loose.contains(form.as_str()) && form.chars().count() >= SHORTEST_PART,
                Part::Start => line.loose.ends_with(form.as_str()),
                Part::End => line.loose.starts_with(form.as_str()),
                Part::Whole => line.loose == *form,
            }),
        }
    }
}

/// Which part of its line a line of the quote may be.
#[derive(Debug, Clone, Copy)]
enum Part {
    Inside,
    Start,
    End,
    Whole,
}

impl Part {
    fn of(index: usize, count: usize) -> Part {
        match index {
            _ if count == 1 => Part::Inside,
            0 => Part::Start,
            _ if index + 1 == count => Part::End,
            _ => Part::Whole,
        }
    }
}

/// `12 `, `12:`, `12|` and `12 | ` at the beginning are the view's or the model's line number.
fn without_number(line: &str) -> &str {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_number = rest.len() < line.len() && line.len() - rest.len() <= 7;
    match rest.chars().next() {
        Some(' ' | '\t') if is_number => rest.trim_start().strip_prefix('|').unwrap_or(rest),
        Some(':' | '|') if is_number => &rest[1..],
        None if is_number => rest,
        _ => line,
    }
}

fn without_mark(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix(['+', '-']).unwrap_or(line)
}

fn squeeze(line: &str) -> String {
    line.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A line of the diff in the forms that are compared.
struct Squeezed {
    exact: String,
    loose: String,
}

/// The lines of a range that hosts let one comment on: on the old side only removed ones, so the range shrinks to those.
fn commentable(hunk: &Hunk, side: Side, range: RangeInclusive<u32>) -> Option<(RangeInclusive<u32>, Vec<String>)> {
    let on_side = |line: &&Line| line.is_on(side) && range.contains(&line.number_on(side));
    let allowed = |line: &&Line| side == Side::Right || line.kind == LineKind::Removed;
    let lines: Vec<&Line> = hunk.lines.iter().filter(on_side).collect();
    let first = lines.iter().position(allowed)?;
    let last = lines.iter().rposition(allowed)?;
    let lines = &lines[first..=last];
    let numbers = lines.first()?.number_on(side)..=lines.last()?.number_on(side);
    Some((numbers, lines.iter().map(|line| line.text().into_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::severity::{Category, Severity};

    const DIFF: &str = "\
diff --git a/src/a.rs b/src/a.rs
--- a/src/a.rs
+++ b/src/a.rs
@@ -10,4 +10,6 @@ fn f
 fn f() {
-    old(1);
+    let x = get();
+    if x > 3 {
+        twice(x);
     }
 }
@@ -50,2 +52,4 @@ fn g
 fn g() {
+    twice(x);
+    + 5;
+    total - 5;
diff --git a/b.md b/b.md
--- a/b.md
+++ b/b.md
@@ -1 +1,2 @@
-gone
+1. first
+twice(x);
";

    fn draft(path: &str, quote: &str, line: u32, side: Side) -> Draft {
        Draft {
            path: path.into(),
            quote: quote.into(),
            line: Some(line),
            end_line: Some(line),
            side,
            reasoning: String::new(),
            category: Category::Bug,
            severity: Severity::Major,
            confidence: 50,
            title: "t".into(),
            body: "b".into(),
            suggestion: None,
        }
    }

    /// Where the quote is found: path, side and lines.
    #[track_caller]
    fn check(path: &str, quote: &str, line: u32, side: Side, expected: Option<(&str, Side, u32, u32)>) {
        let diff = parse(DIFF).unwrap();
        let found = Index::new(&diff).anchor(&draft(path, quote, line, side));
        let found = found.map(|a| (diff.files[a.file].path().to_string(), a.side, *a.lines.start(), *a.lines.end()));
        let expected = expected.map(|(path, side, first, last)| (path.to_owned(), side, first, last));
        assert_eq!(found, expected, "{quote:?}");
    }

    use Side::{Left, Right};
    const A: &str = "src/a.rs";

    #[test]
    fn the_quote_decides() {
        check(A, "    let x = get();", 999, Right, Some((A, Right, 11, 11)));
        check(A, "let x = get();\nif x > 3 {", 11, Right, Some((A, Right, 11, 12)));
        check(A, "    old(1);", 11, Left, Some((A, Left, 11, 11)));
        check(A, "old(1);", 11, Right, Some((A, Left, 11, 11)));
        check(A, "fn f() {", 10, Right, Some((A, Right, 10, 10)));
        check(A, "not there", 11, Right, None);
        check(A, "", 11, Right, None);
        check(A, "```\n```", 11, Right, None);
    }

    #[test]
    fn the_line_breaks_ties() {
        check(A, "twice(x);", 13, Right, Some((A, Right, 13, 13)));
        check(A, "twice(x);", 60, Right, Some((A, Right, 53, 53)));
        check("b.md", "twice(x);", 13, Right, Some(("b.md", Right, 2, 2)));
    }

    #[test]
    fn a_line_that_lost_its_indentation_is_the_one_on_its_line() {
        let diff =
            parse("--- a/x\n+++ b/x\n@@ -1,3 +1,5 @@\n-run();\n+if ok {\n+    run();\n+}\n+run(1);\n end\n other\n")
                .unwrap();
        let find = |quote: &str, line: u32| {
            let found = Index::new(&diff).anchor(&draft("x", quote, line, Right)).unwrap();
            (found.side, *found.lines.start())
        };
        // white space alone is no reason to look on the other side, where the line stands just as it is quoted
        assert_eq!(find("run();", 2), (Right, 2));
        assert_eq!(find("run();", 9), (Right, 2));
        assert_eq!(find("run(1);", 2), (Right, 4));
        let diff = parse("--- a/x\n+++ b/x\n@@ -1 +1,4 @@\n+  go();\n+x\n+    go();\n end\n").unwrap();
        let find =
            |quote: &str, line: u32| *Index::new(&diff).anchor(&draft("x", quote, line, Right)).unwrap().lines.start();
        assert_eq!([find("  go();", 3), find("  go();", 2), find("    go();", 1), find("go();", 3)], [3, 1, 1, 3]);
    }

    #[test]
    fn noise_around_the_quote() {
        for quote in [
            "+    let x = get();",
            "11 +    let x = get();",
            "   11 +let x = get();",
            "11 | let x = get();",
            "11: let x = get();",
            "```rust\n    let x = get();\n```",
            "  let   x=get( ) ;  ",
            "\n\n    let x = get();\n",
        ] {
            check(A, quote, 0, Right, Some((A, Right, 11, 11)));
        }
    }

    #[test]
    fn empty_lines_with_number_and_mark_are_empty_lines() {
        check(A, "11 +let x = get();\n12 +\n12 +if x > 3 {", 0, Right, Some((A, Right, 11, 12)));
        check(A, "+\n11\n+let x = get();\n 12  ", 0, Right, Some((A, Right, 11, 11)));
        check(A, "12\n+", 0, Right, None);
    }

    #[test]
    fn marks_that_are_code_stay_code() {
        check(A, "+ 5;", 0, Right, Some((A, Right, 54, 54)));
        check(A, "total - 5;", 0, Right, Some((A, Right, 55, 55)));
        check("b.md", "1. first", 0, Right, Some(("b.md", Right, 1, 1)));
    }

    #[test]
    fn a_part_of_a_line_is_enough() {
        check(A, "get()", 0, Right, Some((A, Right, 11, 11)));
        check(A, "x > 3 {\n        twice(", 0, Right, Some((A, Right, 12, 13)));
        check(A, "x", 0, Right, None);
        let diff = parse(DIFF).unwrap();
        assert!(!Index::new(&diff).anchor(&draft(A, "get()", 0, Right)).unwrap().whole_lines);
        assert!(Index::new(&diff).anchor(&draft(A, "let x = get();", 0, Right)).unwrap().whole_lines);
    }

    #[test]
    fn paths_as_models_write_them() {
        for path in ["a/src/a.rs", "b/src/a.rs", "./src/a.rs", "`src/a.rs`", "src\\a.rs", "a.rs"] {
            check(path, "let x = get();", 11, Right, Some((A, Right, 11, 11)));
        }
        for path in ["../../src/a.rs", "no/such/a.rs", "", "/"] {
            check(path, "let x = get();", 11, Right, None);
        }
    }

    #[test]
    fn a_range_stays_in_its_hunk_and_on_its_side() {
        check(A, "twice(x);\n}\n}\nfn g() {", 13, Right, None);
        check(A, "fn f() {\nold(1);\n}", 10, Left, Some((A, Left, 11, 11)));
    }
}
