//! Files as they were before the change.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::{Change, Target};
use crate::diff::attributes::Attributes;
use crate::diff::{Diff, RepoPath};
use crate::forge::Forge;
use crate::git::Repo;

/// Reads files as they were before the change: what steers the bot, and what tells generated files.
pub struct Base<'a> {
    /// Local git, and the commit, where that commit is here.
    git: Option<(&'a Repo, String)>,
    /// The host, and the commit.
    forge: Option<(&'a dyn Forge, String)>,
    change: &'a Change,
    /// The working tree, for local runs: the change is the user's own.
    folder: Option<PathBuf>,
}

impl<'a> Base<'a> {
    /// The base of a change. In CI, and for every request on a host, only the base commit is read.
    pub fn new(change: &'a Change, target: &'a Target, repo: Option<&'a Repo>, is_ci: bool) -> Base<'a> {
        let sha = change.info.base_sha.clone();
        let git = repo.zip(sha.clone()).filter(|(repo, sha)| repo.has_commit(sha));
        let is_local = target.forge().is_none() && !is_ci;
        Base { git, forge: target.forge().zip(sha), change, folder: repo.filter(|_| is_local).map(Repo::root) }
    }

    /// A file that steers the bot; `None` where there is none.
    pub async fn steering(&self, path: &str) -> Result<Option<Vec<u8>>> {
        if let Some(folder) = &self.folder {
            return read_if_there(&folder.join(path));
        }
        if let Some((repo, sha)) = &self.git {
            return Ok(repo.file(sha, &RepoPath::from(path)));
        }
        let Some((forge, sha)) = &self.forge else { return Ok(None) };
        let state = &self.change.state;
        // an earlier run has looked into the same commit
        let is_known = state.base.as_ref() == Some(sha) && state.absent.iter().any(|absent| absent == path);
        let text = if is_known { None } else { forge.file(sha, path).await? };
        if text.is_none() {
            self.change.absent.borrow_mut().push(path.to_owned());
        }
        Ok(text)
    }

    /// A file before the change, from git objects alone: there may be a thousand of them.
    pub fn text(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let (repo, sha) = self.git.as_ref()?;
        repo.file(sha, path)
    }

    /// All `.gitattributes` that matter for the files of a change; from a host only the one at the root.
    pub async fn attributes(&self, diff: &Diff) -> Result<Attributes> {
        let mut all = Attributes::parse("", &self.steering(".gitattributes").await?.unwrap_or_default());
        let mut folders: Vec<&str> = diff.files.iter().flat_map(|file| folders_of(file.path().as_str())).collect();
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            let text = match &self.folder {
                // a name in the diff may be one that no disk takes
                Some(root) => std::fs::read(root.join(folder).join(".gitattributes")).ok(),
                None => self.text(&RepoPath::from(format!("{folder}/.gitattributes").as_str())),
            };
            if let Some(text) = text {
                all.extend(Attributes::parse(folder, &text));
            }
        }
        Ok(all)
    }
}

/// `a/b/c.rs` lies in `a` and in `a/b`. Names that lead elsewhere are in no folder.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    let is_plain = !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    path.match_indices('/').filter(move |_| is_plain).map(|(at, _)| &path[..at])
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if matches!(err.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        Err(err) => Err(anyhow!(err).context(format!("cannot read `{}`", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_path() {
        assert_eq!(folders_of("a/b/c.rs").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders_of("c.rs").count(), 0);
        assert_eq!(folders_of("../../etc/x").count(), 0);
        assert_eq!(folders_of("/etc/x").count(), 0);
    }
}
