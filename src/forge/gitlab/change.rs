//! A merge request's change.

use serde_json::Value;
use tokio::time::Instant;

use super::position::{Version, versions};
use super::{GitLab, read};
use crate::diff::{self, Content, Diff, FileDiff, FileStatus};
use crate::forge::listed::{Listed, Shown};
use crate::forge::{Forge as _, ForgeError};
use crate::git;

/// The change, file by file, as the newest version has it. Files that the listing folds are fetched another way.
pub async fn diff(gitlab: &GitLab) -> Result<Diff, ForgeError> {
    let route = gitlab.route("/diffs");
    let list = || gitlab.api.list(&route, "the changed files");
    let (known, files) = futures_util::future::join(versions(gitlab), list()).await;
    let (known, mut files) = (known?, files?);
    let version = match known.into_iter().next() {
        Some(version) => version,
        None => {
            // just opened: the list of files comes with the first version
            read::request(gitlab).await?;
            files = list().await?;
            versions(gitlab).await?.into_iter().next().ok_or_else(|| {
                ForgeError::Failed(format!(
                    "GitLab has no version of the diff of {}\nhint: run the job again in a minute",
                    gitlab.name()
                ))
            })?
        }
    };
    let mut diff = Diff::default();
    for file in &files {
        diff.files.push(listed_file(file)?);
    }
    let is_partial = version.is_partial();
    if is_partial || diff.files.iter().any(FileDiff::is_missing) {
        fetch_missing(gitlab, &mut diff, &version).await;
    }
    Ok(diff)
}

/// One entry of the listing.
fn listed_file(entry: &Value) -> Result<FileDiff, ForgeError> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let (old, new) = (text("old_path"), text("new_path"));
    let is = |name: &str| entry[name] == true;
    let status = match () {
        () if is("new_file") => FileStatus::Added,
        () if is("deleted_file") => FileStatus::Deleted,
        () if is("renamed_file") => FileStatus::Renamed,
        () => FileStatus::Modified,
    };
    let patch = text("diff");
    // some hosts put the names of the file before its hunks
    let hunks = match patch.strip_prefix("--- ").and_then(|rest| rest.split_once("\n@@ ")) {
        Some((names, _)) => &patch["--- ".len() + names.len() + 1..],
        None => patch,
    };
    let (shown, folded) = match () {
        () if is("too_large") => (Shown::Nothing, Some("too large")),
        () if is("collapsed") => (Shown::Nothing, Some("collapsed")),
        () if patch.is_empty() => (Shown::Nothing, None),
        () if hunks.starts_with("@@") => (Shown::Hunks(hunks.strip_suffix('\n').unwrap_or(hunks)), None),
        () if patch.starts_with("Binary files ") => (Shown::Binary, None),
        () => (Shown::Nothing, Some("in a form that is not known")),
    };
    let modes = Some((text("a_mode"), text("b_mode"))).filter(|(a, b)| !a.is_empty() && !b.is_empty());
    let mut file = Listed { old, new, status, modes, shown }.file("GitLab")?;
    if let Some(why) = folded {
        let reason = format!("GitLab gives no lines of this file ({why}); a checkout with `GIT_DEPTH: 0` has them");
        file.content = Content::Missing { changed_lines: 0, reason };
    }
    Ok(file)
}

/// Takes what the listing has not from the whole diff, or from the two texts of each file. What neither gives stays
/// missing, and is told.
async fn fetch_missing(gitlab: &GitLab, diff: &mut Diff, version: &Version) {
    if let Some(whole) = whole_diff(gitlab).await {
        diff.fill(whole);
        return;
    }
    for file in diff.files.iter_mut().filter(|file| file.is_missing()) {
        // there may be a thousand of them, and a host that gives no answer
        match from_texts(gitlab, file, version).await {
            Ok(Some(found)) => *file = found,
            Ok(None) if Instant::now() < gitlab.api.deadline() => {}
            Ok(None) | Err(_) => break,
        }
    }
    if version.is_partial() {
        let reason = "GitLab does not list these files; a checkout with `GIT_DEPTH: 0` has them";
        diff.files.push(FileDiff::missing("(more files)", 0, reason));
    }
}

/// The whole diff as git prints it, where the host has a way for that: GitLab 17.9 and newer.
async fn whole_diff(gitlab: &GitLab) -> Option<Diff> {
    let answer = gitlab.api.get(&gitlab.route("/raw_diffs")).await.ok()?.ok("the whole diff").ok()?;
    diff::parse(answer.body).ok().filter(|diff| !diff.files.is_empty())
}

/// The largest text of which a diff is made here, in bytes.
const LARGEST_TEXT: usize = 5 << 20;

/// A file's change from its texts at both ends of the version; `None` where one of them is no text, or not there.
async fn from_texts(gitlab: &GitLab, file: &FileDiff, version: &Version) -> Result<Option<FileDiff>, ForgeError> {
    let (old_path, new_path) = (file.old_path.to_string(), file.new_path.to_string());
    let (is_new, is_gone) = (file.status == FileStatus::Added, file.status == FileStatus::Deleted);
    let old = if is_new { Some(Vec::new()) } else { gitlab.file(&version.base, &old_path).await? };
    let new = if is_gone { Some(Vec::new()) } else { gitlab.file(&version.head, &new_path).await? };
    let is_text = |text: &Vec<u8>| text.len() <= LARGEST_TEXT && !text.contains(&0);
    let Some((old, new)) = old.filter(is_text).zip(new.filter(is_text)) else { return Ok(None) };
    let Some(hunks) = git::hunks(&old, &new) else { return Ok(None) };
    let shown = match hunks.as_str() {
        "" => Shown::Nothing,
        hunks => Shown::Hunks(hunks.strip_suffix('\n').unwrap_or(hunks)),
    };
    Listed { old: &old_path, new: &new_path, status: file.status, modes: None, shown }.file("GitLab").map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(more: Value, status: FileStatus, path: &str, changed_lines: usize) -> FileDiff {
        let mut entry = json!({"old_path": "a", "new_path": "a", "a_mode": "100644", "b_mode": "100644", "diff": "",
            "new_file": false, "renamed_file": false, "deleted_file": false, "collapsed": false, "too_large": null});
        for (name, value) in more.as_object().expect("an object") {
            entry[name] = value.clone();
        }
        let file = listed_file(&entry).expect("a file");
        assert_eq!((file.status, file.path().as_str(), file.changed_lines()), (status, path, changed_lines), "{entry}");
        file
    }

    #[test]
    fn every_kind_of_entry() {
        use FileStatus::*;
        check(json!({"diff": "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n"}), Modified, "a", 2);
        check(json!({"diff": "@@ -1 +1 @@\n-a\n+b\n"}), Modified, "a", 2);
        check(
            json!({"diff": "@@ -0,0 +1 @@\n+b\n\\ No newline at end of file\n", "new_file": true, "a_mode": "0"}),
            Added,
            "a",
            1,
        );
        check(json!({"diff": "@@ -1 +0,0 @@\n-b\n", "deleted_file": true, "b_mode": "0"}), Deleted, "a", 1);
        let renamed = check(json!({"renamed_file": true, "new_path": "b c"}), Renamed, "b c", 0);
        assert_eq!(renamed.old_path.as_str(), "a");
        let binary = check(json!({"diff": "Binary files a/a and b/a differ\n"}), Modified, "a", 0);
        assert!(matches!(binary.content, Content::Binary { .. }));
        let submodule = json!({"diff": "@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n", "a_mode": "160000", "b_mode": "160000"});
        assert!(check(submodule, Modified, "a", 2).is_submodule());
        check(
            json!({"diff": "@@ -1 +1 @@\n-a\n+b\n", "new_path": "q\"\n\u{e9}", "old_path": "q\"\n\u{e9}"}),
            Modified,
            "q\"\n\u{e9}",
            2,
        );
    }

    #[test]
    fn a_folded_file_is_never_an_unchanged_one() {
        for folded in [
            json!({"collapsed": true}),
            json!({"too_large": true}),
            json!({"diff": "GIT something\n"}),
            json!({"collapsed": true, "diff": "@@ -1 +1 @@\n-a\n+b\n"}),
        ] {
            assert!(check(folded, FileStatus::Modified, "a", 0).is_missing());
        }
    }
}
