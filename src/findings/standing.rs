//! Findings of earlier runs: what stands on the request, and whether the code they are about is still in the change.

use std::collections::HashSet;

use super::fingerprint::fingerprint;
use super::{Finding, Origin, Verdict};
use crate::checks::RULES;
use crate::diff::{Diff, FileDiff, FileStatus, Hunk, Line, Side};
use crate::forge::{By, Conversation, PostedComment};
use crate::marks::{Heading, Listed, State, fingerprint_of, heading_of, restored};
use crate::severity::{Category, Severity};
use crate::words::Words;

/// A finding of an earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The finding; on the lines where its code stands now, or else where it was reported.
    pub finding: Finding,
    /// How it stands on the request.
    pub shown: Shown,
    /// Where the host shows it now: path, side and lines; `None` where the host calls it outdated or has no place for it.
    pub place: Option<(String, Side, u32, u32)>,
    /// Whether its code is in the change.
    pub code: Code,
    /// Whether a person said that it is none.
    pub is_dismissed: bool,
    /// Whether it no longer counts for `fail-on`: the one who dismissed it may decide that.
    pub is_let_off: bool,
    /// Whether an earlier run said that it is gone.
    pub is_ended: bool,
    /// Whether a person wrote in its thread.
    pub has_reply: bool,
}

/// How a finding stands on the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As a line comment: index into the conversation's comments.
    OnLine(usize),
    /// In the summary comment, in full, since it has no place among the lines.
    InSummary,
    /// In the summary comment, as one more than the comment limit.
    OverLimit,
}

/// Stands for the text of a listed finding that found no room in the summary comment, in any language.
pub fn no_details() -> &'static str {
    Words::english().no_details.as_str()
}

/// Whether the code that a finding quotes is in the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It is.
    Here,
    /// It is not: the lines were changed again, or the change to them was taken back.
    Gone,
    /// Nobody can tell: the host gave no lines of the file, or it is left out of the review.
    Unknown,
}

/// Reads what stands on a request. `diff` is the change under review, `left_out` are the paths of the change that are not
/// in it, and `refused` are the comments that people turned down, with whether one of them may write to the repository.
pub fn read(
    conversation: &Conversation,
    state: &State,
    refused: &[(u64, bool)],
    diff: &Diff,
    left_out: &dyn Fn(&str) -> bool,
) -> Vec<Standing> {
    let doubles = conversation.doubles();
    let comments = conversation.comments.iter().enumerate().filter(|(_, comment)| !doubles.contains(&comment.id));
    let posted = comments.filter_map(|(index, comment)| {
        // who resolves a thread that is said to be outdated tidies up
        let is_outdated = restored(&comment.body).is_some();
        let is_resolved = comment.resolved == Some(By::Another) && !is_outdated;
        let is_refused = |by_writer| refused.contains(&(comment.id, by_writer)) && !is_outdated;
        let is_let_off = is_refused(true);
        let is_ended = comment.resolved == Some(By::Us) || is_outdated;
        let side = comment.side.unwrap_or(Side::Right);
        Some(Standing {
            finding: of_comment(comment)?,
            shown: Shown::OnLine(index),
            place: comment.place.map(|(start, end)| (comment.path.clone(), side, start, end)),
            code: Code::Unknown,
            is_dismissed: is_let_off || is_refused(false) || is_resolved,
            is_let_off,
            is_ended,
            has_reply: comment.replies.iter().any(|reply| !reply.is_bot),
        })
    });
    // a review whose answer was lost may have put on its lines what the summary still lists
    let is_on_lines = |id: &str| conversation.comments.iter().any(|comment| fingerprint_of(&comment.body) == Some(id));
    let listed = state.listed.iter().filter(|listed| !is_on_lines(&listed.id)).map(|listed| Standing {
        finding: of_listed(listed),
        shown: if listed.is_waiting { Shown::OverLimit } else { Shown::InSummary },
        place: Some((listed.path.clone(), listed.side, listed.lines.0, listed.lines.1)),
        code: Code::Unknown,
        is_dismissed: false,
        is_let_off: false,
        is_ended: false,
        has_reply: false,
    });
    let mut standing: Vec<Standing> = posted.chain(listed).collect();
    // where the same text stands twice, the one that the host still shows comes first
    let mut order: Vec<usize> = (0..standing.len()).collect();
    order.sort_by_key(|&index| (standing[index].is_ended, standing[index].place.is_none()));
    let mut finder = Finder::new(diff, left_out);
    for one in order {
        let one = &mut standing[one];
        one.is_let_off |= state.dismissed.contains(&one.finding.id);
        one.is_dismissed |= one.is_let_off;
        let path = one.finding.path.clone();
        one.code = finder.find(&mut one.finding);
        if one.finding.path != path && !matches!(one.shown, Shown::OnLine(_)) {
            // a comment keeps the path that its fingerprint is made of; a list has the new one
            let lines: Vec<String> = one.finding.quote.lines().map(str::to_owned).collect();
            one.finding.id = fingerprint(&one.finding.path, one.finding.category, &lines, 0);
        }
    }
    standing
}

/// A finding as its line comment tells it.
fn of_comment(comment: &PostedComment) -> Option<Finding> {
    let id = fingerprint_of(&comment.body)?.to_owned();
    let Heading { title, severity, kind, body } = heading_of(&comment.body);
    let (start_line, end_line) = comment.place.unwrap_or(comment.lines);
    let rule = RULES.iter().find(|rule| rule.name == kind).map(|rule| rule.name.to_owned());
    let category = Category::ALL.into_iter().find(|category| category.as_str() == kind);
    Some(Finding {
        id,
        path: comment.path.clone(),
        side: comment.side.unwrap_or(Side::Right),
        start_line,
        end_line,
        // what a person edited out counts as what is worth a look
        severity: severity.unwrap_or(Severity::Minor),
        category: category.unwrap_or(Category::Security),
        title: title.to_owned(),
        body: body.to_owned(),
        ..earlier(rule)
    })
}

fn of_listed(listed: &Listed) -> Finding {
    Finding {
        id: listed.id.clone(),
        path: listed.path.clone(),
        side: listed.side,
        start_line: listed.lines.0,
        end_line: listed.lines.1,
        severity: listed.severity,
        category: listed.category,
        confidence: listed.confidence,
        title: listed.title.clone(),
        body: listed.body.clone().unwrap_or_else(|| no_details().to_owned()),
        ..earlier(listed.rule.clone())
    }
}

/// What is known of every earlier finding.
fn earlier(rule: Option<String>) -> Finding {
    Finding {
        id: String::new(),
        path: String::new(),
        side: Side::Right,
        start_line: 0,
        end_line: 0,
        severity: Severity::Minor,
        category: Category::Bug,
        confidence: if rule.is_some() { 100 } else { 50 },
        title: String::new(),
        body: String::new(),
        suggestion: None,
        quote: String::new(),
        origin: if rule.is_some() { Origin::Check } else { Origin::Model },
        votes: 1,
        verdict: if rule.is_some() { Verdict::Confirmed } else { Verdict::Unverified },
        rule,
    }
}

/// Looks for the code of findings, each at a place of its own.
pub struct Finder<'a> {
    diff: &'a Diff,
    left_out: &'a dyn Fn(&str) -> bool,
    taken: HashSet<Place>,
}

/// A place that is taken, and by what: other things may be said of the same lines.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    path: String,
    side: Side,
    lines: (u32, u32),
    rule: Option<String>,
    title: String,
}

impl<'a> Finder<'a> {
    /// Looks into a change; `left_out` tells the paths of the change that are not in it.
    pub fn new(diff: &'a Diff, left_out: &'a dyn Fn(&str) -> bool) -> Finder<'a> {
        Finder { diff, left_out, taken: HashSet::new() }
    }

    /// Looks for the code of a finding, and puts the finding on it.
    pub fn find(&mut self, finding: &mut Finding) -> Code {
        let mut places = places(finding, self.diff);
        places.sort_by_key(|(_, found)| found.lines.0.abs_diff(finding.start_line));
        let is_free = |(path, found): &(String, Located)| {
            let (rule, title) = (finding.rule.clone(), finding.title.clone());
            self.taken.insert(Place { path: path.clone(), side: finding.side, lines: found.lines, rule, title })
        };
        if let Some((path, found)) = places.into_iter().find(is_free) {
            (finding.start_line, finding.end_line) = found.lines;
            (finding.path, finding.quote, finding.category) = (path, found.text, found.category);
            return Code::Here;
        }
        let is_unreadable = self.diff.files.iter().any(|f| f.path().as_str() == finding.path && f.is_missing());
        if is_unreadable || (self.left_out)(&finding.path) { Code::Unknown } else { Code::Gone }
    }
}

/// Where the code of a finding stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// First and last line, on the finding's side.
    pub lines: (u32, u32),
    /// The lines.
    pub text: String,
    /// The category that is part of the fingerprint.
    pub category: Category,
}

/// Finds the lines in a change that have a finding's fingerprint, nearest to where it was.
pub fn locate(finding: &Finding, diff: &Diff) -> Option<Located> {
    let in_its_file = places(finding, diff).into_iter().filter(|(path, _)| *path == finding.path);
    in_its_file.map(|(_, found)| found).min_by_key(|found| found.lines.0.abs_diff(finding.start_line))
}

/// All lines that have a finding's fingerprint: in its file, or, where that is no longer in the change, in one that came in
/// its place, since a file that is new in a change may be renamed by a push.
fn places(finding: &Finding, diff: &Diff) -> Vec<(String, Located)> {
    let Some(count) = finding.end_line.checked_sub(finding.start_line).map(|lines| lines as usize + 1) else {
        return Vec::new();
    };
    let is_its = |file: &&FileDiff| file.path().as_str() == finding.path;
    let came = |file: &&FileDiff| matches!(file.status, FileStatus::Added | FileStatus::Renamed);
    let is_there = diff.files.iter().any(|file| is_its(&file));
    let files = diff.files.iter().filter(|file| if is_there { is_its(file) } else { came(file) });
    let mut all = Vec::new();
    for file in files {
        let found = file.hunks().iter().flat_map(|hunk| in_hunk(finding, hunk, count));
        all.extend(found.map(|found| (file.path().to_string(), found)));
    }
    all
}

/// The places of a hunk whose lines have the fingerprint.
fn in_hunk(finding: &Finding, hunk: &Hunk, count: usize) -> Vec<Located> {
    let shown: Vec<&Line> = hunk.lines.iter().filter(|line| line.is_on(finding.side)).collect();
    let mut found = Vec::new();
    for window in shown.windows(count) {
        // removed lines alone can be commented on; a window without any is the old text of unchanged code
        let (first, last) = (window[0], window[count - 1]);
        if finding.side == Side::Left && !(first.is_change() && last.is_change()) {
            continue;
        }
        let text: Vec<String> = window.iter().map(|line| line.text().into_owned()).collect();
        if let Some(category) = category_of(finding, &text) {
            let lines = (first.number_on(finding.side), last.number_on(finding.side));
            found.push(Located { lines, text: text.join("\n"), category });
        }
    }
    found
}

/// The category under which these lines have the finding's fingerprint: its own, or, where its comment names a rule
/// instead, any other.
fn category_of(finding: &Finding, text: &[String]) -> Option<Category> {
    /// Findings that read the same are numbered; there are rarely more.
    const MOST_ALIKE: usize = 4;
    let fits = |category: &Category| {
        (0..MOST_ALIKE).any(|occurrence| fingerprint(&finding.path, *category, text, occurrence) == finding.id)
    };
    let others = Category::ALL.into_iter().filter(|_| finding.rule.is_some());
    std::iter::once(finding.category).chain(others).find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::forge::Reply;
    use crate::marks::{of_finding, outdated};

    const DIFF: &str = "--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,4 @@\n a\n-old();\n+first();\n+second();\n z\n";

    fn comment(category: Category, kind: &str, lines: &[&str], place: (u32, u32), side: Side) -> PostedComment {
        let text: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let id = fingerprint("x.rs", category, &text, 0);
        PostedComment {
            id: 1,
            body: format!("🟠 **t** · major · {kind}\n\nb\n\n{}", of_finding(&id)),
            path: "x.rs".into(),
            side: Some(side),
            lines: place,
            ..PostedComment::default()
        }
    }

    fn one(comment: PostedComment, diff: &str) -> Standing {
        let conversation = Conversation { comments: vec![comment], ..Conversation::default() };
        read(&conversation, &State::default(), &[], &parse(diff.to_owned()).unwrap(), &|_| false).remove(0)
    }

    #[track_caller]
    fn check(comment: PostedComment, expected: Code, lines: (u32, u32)) {
        let found = one(comment, DIFF);
        assert_eq!((found.code, (found.finding.start_line, found.finding.end_line)), (expected, lines));
    }

    #[test]
    fn code_is_found_where_it_stands_now() {
        let of = |lines: &[&str], place, side| comment(Category::Bug, "bug", lines, place, side);
        check(of(&["second();"], (90, 90), Side::Right), Code::Here, (3, 3));
        check(of(&["  first();", "second();"], (7, 8), Side::Right), Code::Here, (2, 3));
        check(of(&["old();"], (2, 2), Side::Left), Code::Here, (2, 2));
        check(of(&["z"], (4, 4), Side::Right), Code::Here, (4, 4));
        check(of(&["third();"], (3, 3), Side::Right), Code::Gone, (3, 3));
        check(of(&["z"], (3, 3), Side::Left), Code::Gone, (3, 3));
        check(comment(Category::Security, "secrets", &["first();"], (9, 9), Side::Right), Code::Here, (2, 2));
        check(comment(Category::Test, "focused-tests", &["first();"], (9, 9), Side::Right), Code::Here, (2, 2));
    }

    #[test]
    fn code_is_found_in_a_file_of_another_name() {
        let find = |diff: &str| {
            let found = one(comment(Category::Bug, "bug", &["second();"], (3, 3), Side::Right), diff);
            (found.code, found.finding.path, found.finding.start_line)
        };
        let new = DIFF.replace("--- a/x.rs", "--- /dev/null").replace("-1,3", "-0,0").replace("-old();\n", "");
        let new = new.replace("\n a\n", "\n+a\n").replace("\n z\n", "\n+z\n");
        assert_eq!(find(&new.replace("b/x.rs", "b/y.rs")), (Code::Here, "y.rs".to_owned(), 3));
        assert_eq!(find(&DIFF.replace("x.rs", "y.rs")), (Code::Gone, "x.rs".to_owned(), 3), "it was there before");
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_gone() {
        let gone = || comment(Category::Bug, "bug", &["third();"], (3, 3), Side::Right);
        let conversation = Conversation { comments: vec![gone()], ..Conversation::default() };
        let read = |diff: &Diff, is_left_out: bool| {
            read(&conversation, &State::default(), &[], diff, &|_| is_left_out)[0].code
        };
        assert_eq!(read(&Diff::default(), true), Code::Unknown);
        assert_eq!(read(&Diff::default(), false), Code::Gone);
        let mut diff = Diff::default();
        diff.files.push(crate::diff::FileDiff::missing("x.rs", 3, "too large"));
        assert_eq!(read(&diff, false), Code::Unknown);
    }

    #[test]
    fn people_and_earlier_runs_are_heard() {
        let of = || comment(Category::Bug, "bug", &["second();"], (3, 3), Side::Right);
        let plain = one(of(), DIFF);
        assert_eq!((plain.is_dismissed, plain.is_ended, plain.has_reply), (false, false, false));
        assert_eq!((plain.finding.title.as_str(), plain.finding.severity), ("t", Severity::Major));
        assert!(one(PostedComment { resolved: Some(By::Another), ..of() }, DIFF).is_dismissed);
        assert!(one(PostedComment { resolved: Some(By::Us), ..of() }, DIFF).is_ended);
        let body = outdated(&of().body, Words::english());
        let tidied = PostedComment { resolved: Some(By::Another), body, ..of() };
        for ended in [PostedComment { resolved: None, ..tidied.clone() }, tidied] {
            let read = one(ended, DIFF);
            assert_eq!((read.is_dismissed, read.is_ended), (false, true));
        }
        let reply = |is_bot| Reply { author: None, is_bot, body: "no".into() };
        assert!(one(PostedComment { replies: vec![reply(false)], ..of() }, DIFF).has_reply);
        assert!(!one(PostedComment { replies: vec![reply(true)], ..of() }, DIFF).has_reply);
    }
}
