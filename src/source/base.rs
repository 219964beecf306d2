//! Files as they were before the change.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::{Change, Target, disk};
use crate::diff::attributes::Attributes;
use crate::diff::{Diff, RepoPath};
use crate::forge::{Forge, Texts};
use crate::git::Repo;

/// Texts that may be there, as far as they can be had.
#[derive(Debug, Default)]
pub struct Found {
    /// Path and content.
    pub texts: Texts,
    /// What could not be looked for, and why.
    pub untold: Option<String>,
}

/// What git knows of files beside their content.
pub const ATTRIBUTES: &str = ".gitattributes";

/// Files of a folder that are read at most.
const MOST_FILES: usize = 100;

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
        let answer = self.change.read_ahead.borrow_mut().remove(path);
        let text = match answer {
            Some(answer) => answer?,
            None if self.is_known_absent(sha, path) => None,
            None => forge.file(sha, path).await?,
        };
        if text.is_none() {
            self.change.absent.borrow_mut().push(path.to_owned());
        }
        Ok(text)
    }

    /// Asks a host for a file that steers the bot before it is wanted: it takes no longer beside another request.
    pub async fn read_ahead(&self, path: &str) {
        let Some((forge, sha)) = self.forge.as_ref().filter(|_| self.git.is_none()) else { return };
        let is_known = self.is_known_absent(sha, path) || self.change.read_ahead.borrow().contains_key(path);
        if !is_known {
            let answer = forge.file(sha, path).await;
            self.change.read_ahead.borrow_mut().insert(path.to_owned(), answer);
        }
    }

    /// A file before the change, from git objects alone: there may be a thousand of them.
    pub fn text(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let (repo, sha) = self.git.as_ref()?;
        repo.file(sha, path)
    }

    /// The texts of these files, and of all files right in these folders; of the `nested` ones only those that are on this
    /// machine. From a host they come by one request, or, where it has none for that, those at the root one by one; what
    /// an earlier run did not find at the same commit is not asked for again. Links are never followed.
    pub async fn texts(&self, files: &[&str], folders: &[&str], nested: &[String]) -> Found {
        let paths = || files.iter().copied().chain(nested.iter().map(String::as_str));
        if let Some(root) = &self.folder {
            let listed = folders.iter().flat_map(|folder| disk::names(root, folder, MOST_FILES));
            let all = paths().map(str::to_owned).chain(listed);
            return Found {
                texts: all.filter_map(|path| Some((path.clone(), disk::start(root, &path)?))).collect(),
                untold: None,
            };
        }
        if let Some((repo, sha)) = &self.git {
            let names = |folder: &&str| {
                let names = repo.names(sha, folder, MOST_FILES);
                names.into_iter().map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
            };
            let all = paths().map(str::to_owned).chain(folders.iter().flat_map(names));
            let texts = all.filter_map(|path| Some((path.clone(), repo.file(sha, &RepoPath::from(path.as_str()))?)));
            return Found { texts: texts.collect(), untold: None };
        }
        match &self.forge {
            Some((forge, sha)) => self.texts_of_host(*forge, sha, files, folders).await,
            None => Found::default(),
        }
    }

    async fn texts_of_host(&self, forge: &dyn Forge, sha: &str, files: &[&str], folders: &[&str]) -> Found {
        let is_new = |path: &&&str| !self.is_known_absent(sha, path);
        let (new_files, new_folders): (Vec<&str>, Vec<&str>) =
            (files.iter().filter(is_new).copied().collect(), folders.iter().filter(is_new).copied().collect());
        let mut texts = Texts::new();
        let mut untold = None;
        let asks = !new_files.is_empty() || !new_folders.is_empty();
        let answer = if asks { forge.texts(sha, &new_files, &new_folders).await } else { Ok(Some(Texts::new())) };
        if let Ok(Some(found)) = answer {
            let is_there = |name: &str| {
                let is_in =
                    |path: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                found.iter().any(|(path, _)| is_in(path))
            };
            let absent = files.iter().chain(folders).filter(|name| !is_there(name));
            self.change.absent.borrow_mut().extend(absent.map(|name| (*name).to_owned()));
            texts = found;
        } else {
            let at_root: Vec<&str> = files.iter().copied().filter(|path| !path.contains('/')).collect();
            let (host, only) = (forge.host().name(), at_root.join("` and `"));
            untold = answer.err().map(|err| {
                format!(
                    "of the team's guides only `{only}` were looked for: {host} gives no others ({})",
                    one_line(&err.to_string())
                )
            });
            for path in at_root {
                match self.steering(path).await {
                    Ok(text) => texts.extend(text.map(|text| (path.to_owned(), text))),
                    Err(err) => {
                        untold =
                            Some(format!("the guide `{path}` could not be read: {}", one_line(&format!("{err:#}"))))
                    }
                }
            }
        }
        Found { texts, untold }
    }

    /// Whether an earlier run has looked into the same commit, and did not find it.
    fn is_known_absent(&self, sha: &str, path: &str) -> bool {
        let state = &self.change.state;
        state.base.as_deref() == Some(sha) && state.absent.iter().any(|absent| absent == path)
    }

    /// All `.gitattributes` that matter for the files of a change; from a host only the one at the root.
    pub async fn attributes(&self, diff: &Diff) -> Result<Attributes> {
        let mut all = Attributes::parse("", &self.steering(ATTRIBUTES).await?.unwrap_or_default());
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

/// The cause without the remedy: nothing is broken.
fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// `a/b/c.rs` lies in `a` and in `a/b`. Names that lead elsewhere are in no folder.
pub fn folders_of(path: &str) -> impl Iterator<Item = &str> {
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
