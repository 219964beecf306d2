//! Reading more than a file from the objects of a repository: what a folder holds, and what was said of a range.

use git2::{ObjectType, Oid, Sort};

use super::Repo;
use crate::diff::RepoPath;

impl Repo {
    /// The names of the files right in a folder at a commit, at most so many; none where there is no such folder. A
    /// symbolic link is a file like any other, whose text is the name it leads to.
    pub fn names(&self, commit: &str, folder: &str, most: usize) -> Vec<String> {
        let found = || -> Option<Vec<String>> {
            let mut tree = self.inner.revparse_single(commit).ok()?.peel_to_tree().ok()?;
            for part in RepoPath::from(folder).as_bytes().split(|&byte| byte == b'/') {
                let is_it =
                    |entry: &git2::TreeEntry<'_>| entry.name_bytes() == part && entry.kind() == Some(ObjectType::Tree);
                let id = tree.iter().find(is_it)?.id();
                tree = self.inner.find_tree(id).ok()?;
            }
            let files = tree.iter().filter(|entry| entry.kind() == Some(ObjectType::Blob));
            Some(files.filter_map(|entry| String::from_utf8(entry.name_bytes().to_vec()).ok()).take(most).collect())
        };
        found().unwrap_or_default()
    }

    /// The messages of the newest commits that `head` has and `base` has not, merges left out, the newest first; and how
    /// many there are, as far as they are counted. `None` where one of the two is not here, or what lies between is not.
    pub fn messages(&self, base: &str, head: &str, most: usize) -> Option<(Vec<String>, usize)> {
        /// Commits that are counted at most.
        const COUNTED: usize = 1000;
        let (base, head) = (Oid::from_str(base).ok()?, self.commit(head).ok()?);
        // a shallow clone ends before the range does, and would count commits of the base
        self.inner.merge_base(base, head).ok()?;
        let mut walk = self.inner.revwalk().ok()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).ok()?;
        walk.push(head).ok()?;
        walk.hide(base).ok()?;
        let (mut messages, mut count) = (Vec::new(), 0);
        for id in walk.take(COUNTED) {
            let commit = self.inner.find_commit(id.ok()?).ok()?;
            if commit.parent_count() > 1 {
                continue;
            }
            count += 1;
            if messages.len() < most {
                messages.push(String::from_utf8_lossy(commit.message_bytes()).into_owned());
            }
        }
        Some((messages, count))
    }
}
