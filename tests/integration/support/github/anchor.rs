//! Where a comment may stand, and what the host says when it may not.

use serde_json::{Value, json};

use crate::support::change::{ChangedFile, Side, Spot};

/// Where a comment asks to stand.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub path: String,
    pub side: String,
    pub line: Option<u32>,
    pub position: Option<usize>,
    pub start_line: Option<u32>,
    pub start_side: Option<String>,
}

/// Where a comment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub side: Side,
    pub line: u32,
    pub start_line: Option<u32>,
    pub start_side: Option<Side>,
    pub spot: Spot,
    pub hunk: String,
}

/// One thing that is wrong with a comment's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    Path,
    TooLarge,
    Line,
    StartNotBefore,
    StartElsewhere,
    NoHunk,
}

impl Wanted {
    pub fn of(comment: &Value) -> Wanted {
        let number = |key: &str| comment[key].as_u64();
        let text = |key: &str| comment[key].as_str().map(str::to_owned);
        Wanted {
            path: text("path").unwrap_or_default(),
            side: text("side").unwrap_or_else(|| "RIGHT".to_owned()),
            line: number("line").and_then(|n| u32::try_from(n).ok()),
            position: number("position").and_then(|n| usize::try_from(n).ok()),
            start_line: number("start_line").and_then(|n| u32::try_from(n).ok()),
            start_side: text("start_side").filter(|side| side != "side"),
        }
    }
}

/// The place that a comment asks for, or all that is wrong with it.
pub fn place(wanted: &Wanted, files: &[ChangedFile], patch_lines: usize) -> Result<Place, Vec<Misplaced>> {
    let Some(file) = files.iter().find(|file| file.path == wanted.path) else {
        return Err(vec![Misplaced::Path, Misplaced::NoHunk]);
    };
    if file.patch_lines() > patch_lines {
        return Err(vec![Misplaced::TooLarge, Misplaced::NoHunk]);
    }
    let by_position = wanted.line.is_none().then(|| wanted.position.and_then(|at| file.at_position(at))).flatten();
    let end = by_position.or(Side::parse(&wanted.side).zip(wanted.line));
    let found = end.and_then(|(side, line)| file.spot(side, line).map(|spot| (side, line, spot)));
    let start = wanted.start_line.map(|line| {
        let side = wanted.start_side.as_deref().map_or(end.map(|(side, _)| side), Side::parse);
        (side, line)
    });
    let Some((side, line, spot)) = found else {
        let elsewhere = start.map(|_| Misplaced::StartElsewhere);
        return Err([Some(Misplaced::Line), elsewhere, Some(Misplaced::NoHunk)].into_iter().flatten().collect());
    };
    let start_side = match start {
        None => None,
        Some((start_side, start_line)) => Some(check_start(file, (side, line, spot), start_side, start_line)?),
    };
    Ok(Place { side, line, start_line: wanted.start_line, start_side, spot, hunk: file.hunk_text(spot) })
}

fn check_start(
    file: &ChangedFile,
    (side, line, spot): (Side, u32, Spot),
    start_side: Option<Side>,
    start_line: u32,
) -> Result<Side, Vec<Misplaced>> {
    if start_side == Some(side) && start_line >= line {
        return Err(vec![Misplaced::StartNotBefore]);
    }
    let start = start_side.and_then(|start_side| file.spot(start_side, start_line).map(|spot| (start_side, spot)));
    match start {
        Some((start_side, at)) if at.hunk == spot.hunk && at.position < spot.position => Ok(start_side),
        _ => Err(vec![Misplaced::StartElsewhere]),
    }
}

/// All problems of one comment in the one sentence of the reviews endpoint.
pub fn sentence(problems: &[Misplaced]) -> String {
    let parts: Vec<String> = problems
        .iter()
        .map(|problem| {
            let text = match problem {
                Misplaced::Path => "path is invalid",
                Misplaced::TooLarge => "path diff too large",
                Misplaced::Line => "line must be part of the diff",
                Misplaced::StartNotBefore => "start line must precede the end line.",
                Misplaced::StartElsewhere => "start line must be part of the same hunk as the line.",
                Misplaced::NoHunk => "diff hunk can't be blank",
            };
            format!("Pull request review thread {text}")
        })
        .collect();
    match parts.as_slice() {
        [first, middle @ .., last] if !middle.is_empty() => format!("{first}, {}, and {last}", middle.join(", ")),
        _ => parts.join(" and "),
    }
}

/// A problem as the object of the single-comment endpoint.
pub fn object(problem: Misplaced) -> Value {
    let entry = |code: &str, field: &str, text: Option<&str>| {
        let field = format!("pull_request_review_thread.{field}");
        let mut entry = json!({"resource": "PullRequestReviewComment", "code": code, "field": field});
        if let Some(text) = text {
            entry["message"] = json!(format!("{field} {text}"));
        }
        entry
    };
    match problem {
        Misplaced::Path => entry("invalid", "path", None),
        Misplaced::TooLarge => entry("custom", "path", Some("diff too large")),
        Misplaced::Line => entry("custom", "line", Some("must be part of the diff")),
        Misplaced::StartNotBefore => entry("custom", "start_line", Some("must precede the end line.")),
        Misplaced::StartElsewhere => entry("custom", "start_line", Some("must be part of the same hunk as the line.")),
        Misplaced::NoHunk => entry("missing_field", "diff_hunk", None),
    }
}
