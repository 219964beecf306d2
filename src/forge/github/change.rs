//! A pull request's description and its change.

use serde_json::Value;

use super::GitHub;
use crate::diff::{self, Content, Diff, FileDiff, FileStatus};
use crate::forge::listed::{Listed, Shown};
use crate::forge::{ForgeError, Request};

/// Reads what `GET /pulls/N` answers.
pub fn request(number: u64, json: &Value) -> Result<Request, ForgeError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (base, head) = (&json["base"], &json["head"]);
    let (base_sha, head_sha) = (text(&base["sha"]), text(&head["sha"]));
    if base_sha.is_empty() || head_sha.is_empty() {
        return Err(ForgeError::Failed("GitHub's answer names no base or head commit".to_owned()));
    }
    let labels = json["labels"].as_array().into_iter().flatten().map(|label| text(&label["name"])).collect();
    Ok(Request {
        number,
        title: text(&json["title"]),
        description: text(&json["body"]),
        url: text(&json["html_url"]),
        base_sha,
        head_sha,
        is_open: json["state"] != "closed",
        // the head's repository is null where the fork was deleted
        is_fork: head["repo"]["full_name"] != base["repo"]["full_name"],
        is_draft: json["draft"].as_bool().unwrap_or_default(),
        is_by_bot: json["user"]["type"] == "Bot",
        labels,
    })
}

/// The change: as one diff, or, where that is too large, file by file.
pub async fn diff(github: &GitHub) -> Result<Diff, ForgeError> {
    let answer = github.api.get(&github.pull_route(""), Some("application/vnd.github.diff")).await?;
    match answer.ok(&github.name()) {
        Ok(answer) => match diff::parse(answer.body) {
            // something on the way closed the answer early: what is missing must not count as reviewed
            Ok(diff) if diff.breaks_off() => from_listing(github, "its diff breaks off").await,
            Ok(diff) => Ok(diff),
            Err(err) => {
                // without its remedy, which is for diffs of one's own
                let cause = err.to_string().lines().next().unwrap_or_default().to_owned();
                Err(ForgeError::Failed(format!(
                    "GitHub's diff: {cause}\nhint: something between here and GitHub may have changed it: check the proxy"
                )))
            }
        },
        Err(ForgeError::TooLarge(reason)) => from_listing(github, &reason).await,
        Err(err) => Err(err),
    }
}

async fn from_listing(github: &GitHub, reason: &str) -> Result<Diff, ForgeError> {
    let files = github.api.list(&github.pull_route("/files"), "the list of changed files").await?;
    let mut diff = Diff::default();
    for file in &files {
        diff.files.push(listed_file(file, reason)?);
    }
    add_unlisted(&mut diff, &github.pull().await?);
    Ok(diff)
}

/// A listing ends in silence after 3,000 files; what it left out must not.
fn add_unlisted(diff: &mut Diff, pull: &Value) {
    let count = |name: &str| usize::try_from(pull[name].as_u64().unwrap_or_default()).unwrap_or(usize::MAX);
    let unlisted = count("changed_files").saturating_sub(diff.files.len());
    if unlisted > 0 {
        let lines = count("additions").saturating_add(count("deletions")).saturating_sub(diff.changed_lines());
        let name = format!("({unlisted} more files)");
        diff.files.push(FileDiff::missing(&name, lines, "GitHub does not list these files"));
    }
}

/// What git calls a file without a byte.
const EMPTY_BLOB: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

/// One entry of the listing.
fn listed_file(entry: &Value, reason: &str) -> Result<FileDiff, ForgeError> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let new = text("filename");
    let old = match text("previous_filename") {
        "" => new,
        previous => previous,
    };
    let status = match text("status") {
        "added" => FileStatus::Added,
        "removed" => FileStatus::Deleted,
        "renamed" => FileStatus::Renamed,
        "copied" => FileStatus::Copied,
        _ => FileStatus::Modified,
    };
    let changes = entry["changes"].as_u64().unwrap_or_default();
    let is_moved = matches!(status, FileStatus::Renamed | FileStatus::Copied);
    let shown = match entry["patch"].as_str() {
        Some(patch) => Shown::Hunks(patch),
        // without lines and without a patch: a pure rename, an empty file, or nothing that is text
        None if changes == 0 && !is_moved && text("sha") != EMPTY_BLOB => Shown::Binary,
        None => Shown::Nothing,
    };
    let is_missing = shown == Shown::Nothing && changes > 0;
    let mut file = Listed { old, new, status, modes: None, shown }.file("GitHub")?;
    let changed_lines = usize::try_from(changes).unwrap_or(usize::MAX);
    let is_cut = matches!(shown, Shown::Hunks(_)) && file.changed_lines() < changed_lines;
    if is_missing || is_cut {
        let reason = format!("GitHub gives no patch for this file ({reason}); a checkout with `fetch-depth: 0` has it");
        file.content = Content::Missing { changed_lines, reason };
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(entry: Value, status: FileStatus, path: &str, changed_lines: usize) -> FileDiff {
        let file = listed_file(&entry, "too large").unwrap();
        assert_eq!((file.status, file.path().as_str(), file.changed_lines()), (status, path, changed_lines));
        file
    }

    #[test]
    fn every_status_of_the_listing() {
        use FileStatus::*;
        check(
            json!({"filename": "a", "status": "modified", "changes": 2, "patch": "@@ -1 +1 @@\n-a\n+b"}),
            Modified,
            "a",
            2,
        );
        check(
            json!({"filename": "a", "status": "added", "changes": 1, "patch": "@@ -0,0 +1 @@\n+b\n\\ No newline at end of file"}),
            Added,
            "a",
            1,
        );
        check(
            json!({"filename": "a", "status": "removed", "changes": 1, "patch": "@@ -1 +0,0 @@\n-b"}),
            Deleted,
            "a",
            1,
        );
        let renamed = check(
            json!({"filename": "b c", "previous_filename": "a", "status": "renamed", "changes": 0}),
            Renamed,
            "b c",
            0,
        );
        assert_eq!((renamed.old_path.as_str(), renamed.hunks().len()), ("a", 0));
        let binary = check(json!({"filename": "i.png", "status": "modified", "changes": 0}), Modified, "i.png", 0);
        assert!(matches!(binary.content, Content::Binary { .. }));
        let empty = json!({"filename": "e", "status": "added", "changes": 0, "sha": EMPTY_BLOB});
        assert!(matches!(check(empty, Added, "e", 0).content, Content::Text(_)));
        let large = check(json!({"filename": "big", "status": "modified", "changes": 50_000}), Modified, "big", 50_000);
        assert!(matches!(large.content, Content::Missing { .. }));
        check(
            json!({"filename": "q\"\n\u{e9}", "status": "modified", "changes": 2, "patch": "@@ -1 +1 @@\n-a\n+b"}),
            Modified,
            "q\"\n\u{e9}",
            2,
        );
    }

    #[test]
    fn what_a_listing_leaves_out_is_counted() {
        let mut diff = diff::parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n").unwrap();
        add_unlisted(&mut diff, &json!({"changed_files": 3, "additions": 7, "deletions": 5}));
        assert_eq!((diff.files.len(), diff.changed_lines()), (2, 12));
    }

    #[test]
    fn a_deleted_fork_is_a_fork() {
        let json = json!({"title": "t", "body": null, "html_url": "u", "user": null,
            "base": {"sha": "b", "repo": {"full_name": "o/r"}}, "head": {"sha": "h", "repo": null}});
        let request = request(1, &json).unwrap();
        assert!(request.is_fork && !request.is_by_bot && request.description.is_empty());
        assert!(super::request(1, &json!({})).is_err());
    }
}
