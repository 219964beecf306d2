//! Where a comment stands: a position in one version of the request.

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::GitLab;
use crate::diff::{LineKind, Side};
use crate::forge::{ForgeError, LineComment, Spot};

/// The three commits of one version of a request: a position that mixes those of two is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The merge base.
    pub base: String,
    /// The tip of the target branch.
    pub start: String,
    /// The tip of the source branch.
    pub head: String,
    /// What GitLab kept of the diff: `collected`, `overflow`, …
    pub state: String,
}

impl Version {
    /// Reads an entry of the list of versions; `None` while GitLab is still at work on it.
    pub fn read(json: &Value) -> Option<Version> {
        let sha = |name: &str| json[name].as_str().filter(|sha| !sha.is_empty()).map(str::to_owned);
        Some(Version {
            base: sha("base_commit_sha")?,
            start: sha("start_commit_sha")?,
            head: sha("head_commit_sha")?,
            state: json["state"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Whether GitLab kept only a part of the diff.
    pub fn is_partial(&self) -> bool {
        self.state.starts_with("overflow") || matches!(self.state.as_str(), "timeout" | "without_files")
    }
}

/// The versions that the host has, newest first, as far as they are ready.
pub async fn versions(gitlab: &GitLab) -> Result<Vec<Version>, ForgeError> {
    let answer = gitlab.api.read(&gitlab.route("/versions?per_page=100"), "the versions of the request").await?;
    Ok(answer.json()?.as_array().into_iter().flatten().filter_map(Version::read).collect())
}

/// The position of a comment. Added lines go by their new number, removed ones by their old, unchanged ones by both.
pub fn position(version: &Version, comment: &LineComment) -> Value {
    let mut position = json!({
        "position_type": "text",
        "base_sha": version.base,
        "start_sha": version.start,
        "head_sha": version.head,
        "old_path": comment.old_path,
        "new_path": comment.path,
    });
    let (old, new) = numbers(comment.last);
    for (name, number) in [("old_line", old), ("new_line", new)] {
        if let Some(number) = number {
            position[name] = number.into();
        }
    }
    if comment.first != comment.last {
        position["line_range"] =
            json!({"start": end_of_range(comment, comment.first), "end": end_of_range(comment, comment.last)});
    }
    position
}

fn numbers(spot: Spot) -> (Option<u32>, Option<u32>) {
    ((spot.kind != LineKind::Added).then_some(spot.old), (spot.kind != LineKind::Removed).then_some(spot.new))
}

fn end_of_range(comment: &LineComment, spot: Spot) -> Value {
    let (old, new) = numbers(spot);
    let kind = if spot.kind == LineKind::Added { "new" } else { "old" };
    json!({"line_code": line_code(&comment.path, spot), "type": kind, "old_line": old, "new_line": new})
}

/// GitLab's name of a line: the path's hash and both numbers, as its own diff counts them.
fn line_code(path: &str, spot: Spot) -> String {
    let hash: String = Sha1::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hash}_{}_{}", spot.old, spot.new)
}

/// Side and lines of a position that GitLab tells.
pub fn place(position: &Value) -> Option<(Side, (u32, u32))> {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let (name, side) =
        if position["new_line"].is_null() { ("old_line", Side::Left) } else { ("new_line", Side::Right) };
    let last = number(&position[name])?;
    let first = number(&position["line_range"]["start"][name]).filter(|first| *first <= last);
    Some((side, (first.unwrap_or(last), last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(first: Spot, last: Spot) -> LineComment {
        let side = if last.kind == LineKind::Removed { Side::Left } else { Side::Right };
        LineComment { path: "b.rs".into(), old_path: "a.rs".into(), side, first, last, body: String::new() }
    }

    fn version() -> Version {
        Version { base: "b".into(), start: "s".into(), head: "h".into(), state: "collected".into() }
    }

    const ADDED: Spot = Spot { kind: LineKind::Added, old: 4, new: 5 };
    const REMOVED: Spot = Spot { kind: LineKind::Removed, old: 6, new: 7 };
    const CONTEXT: Spot = Spot { kind: LineKind::Context, old: 3, new: 4 };

    #[track_caller]
    fn check(spot: Spot, old: Value, new: Value) {
        let position = position(&version(), &comment(spot, spot));
        assert_eq!((&position["old_line"], &position["new_line"]), (&old, &new));
        assert!(position.get("line_range").is_none());
        assert_eq!(position["head_sha"], "h");
        assert_eq!((&position["old_path"], &position["new_path"]), (&json!("a.rs"), &json!("b.rs")));
    }

    #[test]
    fn each_kind_of_line_has_its_numbers() {
        check(ADDED, Value::Null, json!(5));
        check(REMOVED, json!(6), Value::Null);
        check(CONTEXT, json!(3), json!(4));
    }

    #[test]
    fn a_range_names_its_ends_by_code() {
        let position = position(&version(), &comment(CONTEXT, ADDED));
        // as `printf b.rs | sha1sum` says
        assert_eq!(position["line_range"]["start"]["line_code"], "019c2094bcd5462e2662e98beb9d754ad0fe6026_3_4");
        assert_eq!(position["line_range"]["end"]["type"], "new");
        assert_eq!(place(&position), Some((Side::Right, (4, 5))));
        assert_eq!(place(&json!({"old_line": 9, "new_line": null})), Some((Side::Left, (9, 9))));
        assert_eq!(place(&json!({"position_type": "file"})), None);
    }

    #[test]
    fn a_version_counts_once_it_has_its_commits() {
        let whole =
            json!({"base_commit_sha": "b", "start_commit_sha": "s", "head_commit_sha": "h", "state": "overflow"});
        assert!(Version::read(&whole).is_some_and(|version| version.is_partial()));
        assert_eq!(
            Version::read(&json!({"base_commit_sha": null, "start_commit_sha": "s", "head_commit_sha": "h"})),
            None
        );
    }
}
