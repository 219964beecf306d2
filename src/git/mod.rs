//! Local git through libgit2: which change is on the desk, and files at a revision.
//!
//! It reads objects, the index and the working tree. Nothing is executed, nothing is fetched, and no filter or hook of the repository runs.

mod files;
mod read;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use git2::{Diff, DiffFindOptions, DiffFormat, DiffOptions, ObjectType, Oid, Repository, Tree};

use crate::diff::RepoPath;
pub use files::{At, Blob, Found};

/// A repository on this machine.
pub struct Repo {
    inner: Repository,
}

/// Which change of a local repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// From the merge base of the two to `head` (`HEAD` where not given): the three-dot difference.
    Base {
        /// A commit, branch or tag.
        base: String,
        /// Likewise.
        head: Option<String>,
    },
    /// What `git commit` would commit.
    Staged,
    /// All uncommitted changes to tracked files.
    Worktree,
    /// `HEAD` against its merge base with the default branch, with uncommitted changes to tracked files.
    Branch,
}

/// A change as local git gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalChange {
    /// The unified diff.
    pub patch: Vec<u8>,
    /// The commit it starts from; `None` in a repository without commits.
    pub base: Option<String>,
    /// The commit it ends at; `None` where it ends in the index or the working tree.
    pub head: Option<String>,
    /// The first line of the head commit's message.
    pub title: Option<String>,
    /// What it was compared with, in words.
    pub against: String,
}

impl Repo {
    /// Opens the repository that holds `folder`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Repo> {
        set_options_of_libgit2();
        match Repository::discover(folder) {
            Ok(inner) => Ok(Repo { inner }),
            Err(err) if err.code() == git2::ErrorCode::NotFound => {
                bail!(
                    "`{}` is in no git repository\nhint: run it inside one, name one with `--repo DIR`, or give a diff with `--patch FILE`",
                    folder.display()
                )
            }
            Err(err) => Err(explain(&err).context(format!("cannot open the git repository of `{}`", folder.display()))),
        }
    }

    /// The folder of the working tree; of the repository itself where there is none.
    pub fn root(&self) -> PathBuf {
        self.inner.workdir().unwrap_or(self.inner.path()).to_path_buf()
    }

    /// The address of a remote (`origin`).
    pub fn remote_url(&self, name: &str) -> Option<String> {
        self.inner.find_remote(name).ok()?.url().ok().map(str::to_owned)
    }

    /// Whether commits are missing because the clone was made with a depth.
    pub fn is_shallow(&self) -> bool {
        self.inner.is_shallow()
    }

    /// Whether the commit is here.
    pub fn has_commit(&self, sha: &str) -> bool {
        Oid::from_str(sha).is_ok_and(|id| self.inner.find_commit(id).is_ok())
    }

    /// The change that `range` names.
    ///
    /// # Errors
    /// An unknown ref, no common ancestor, a shallow clone, a repository that cannot be read.
    pub fn change(&self, range: &Range) -> Result<LocalChange> {
        match range {
            Range::Base { base, head } => {
                let (base_id, head_id) = (self.commit(base)?, self.commit(head.as_deref().unwrap_or("HEAD"))?);
                let from = self.merge_base(base_id, head_id, base)?;
                self.between(from, head_id, base)
            }
            Range::Staged | Range::Worktree => {
                if self.inner.is_bare() {
                    bail!(
                        "`{}` is a bare repository: it has no uncommitted changes\nhint: name commits: `--base REF --head REF`",
                        self.root().display()
                    );
                }
                let head = self.head()?;
                self.uncommitted(head, *range == Range::Staged, "HEAD")
            }
            Range::Branch => {
                let Some(head) = self.head()? else { return self.uncommitted(None, false, "an empty repository") };
                let (name, default) = self.default_branch()?;
                let from = self.merge_base(default, head, &name)?;
                if self.inner.is_bare() {
                    return self.between(from, head, &name);
                }
                self.uncommitted(Some(from), false, &name)
            }
        }
    }

    /// The three-dot difference of two commits that a host names.
    ///
    /// # Errors
    /// As [`Repo::change`].
    pub fn three_dot(&self, base: &str, head: &str) -> Result<LocalChange> {
        self.change(&Range::Base { base: base.to_owned(), head: Some(head.to_owned()) })
    }

    /// The difference of two commits, of which the first is known to be the merge base; what lies between need not be here.
    ///
    /// # Errors
    /// An unknown ref, a repository that cannot be read.
    pub fn two_dot(&self, base: &str, head: &str) -> Result<LocalChange> {
        self.between(self.commit(base)?, self.commit(head)?, base)
    }

    /// The text of a file at a commit; `None` where it is not there, is no file, or the commit is not here.
    pub fn file(&self, commit: &str, path: &RepoPath) -> Option<Vec<u8>> {
        let mut tree = self.inner.revparse_single(commit).ok()?.peel_to_tree().ok()?;
        let mut parts = path.as_bytes().split(|&b| b == b'/').peekable();
        loop {
            let part = parts.next()?;
            // entries are compared as bytes: no `..`, no symbolic link and no case folding can lead elsewhere
            let (id, kind) = tree.iter().find(|entry| entry.name_bytes() == part).map(|e| (e.id(), e.kind()))?;
            match (kind?, parts.peek().is_some()) {
                (ObjectType::Tree, true) => tree = self.inner.find_tree(id).ok()?,
                (ObjectType::Blob, false) => return Some(self.inner.find_blob(id).ok()?.content().to_vec()),
                _ => return None,
            }
        }
    }

    /// Files that git does not track and does not ignore, up to `most`.
    pub fn untracked(&self, most: usize) -> Vec<String> {
        let mut options = git2::StatusOptions::new();
        options.include_untracked(true).exclude_submodules(true).show(git2::StatusShow::Workdir);
        let Ok(statuses) = self.inner.statuses(Some(&mut options)) else { return Vec::new() };
        let untracked = statuses.iter().filter(|entry| entry.status().is_wt_new());
        let names = untracked.map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned());
        // what belongs to this program is not forgotten, but meant to stay
        names.filter(|name| !matches!(name.as_str(), ".env" | ".prudence.toml")).take(most).collect()
    }

    fn head(&self) -> Result<Option<Oid>> {
        match self.inner.head() {
            Ok(head) => {
                Ok(Some(head.peel_to_commit().map_err(|err| explain(&err)).context("cannot read `HEAD`")?.id()))
            }
            Err(err) if err.code() == git2::ErrorCode::UnbornBranch => Ok(None),
            Err(err) => Err(explain(&err).context("cannot read `HEAD`")),
        }
    }

    /// Resolves what a user names; a branch that only the remote has is found too.
    fn commit(&self, name: &str) -> Result<Oid> {
        let found = [name.to_owned(), format!("origin/{name}")].iter().find_map(|spec| {
            self.inner.revparse_single(spec).and_then(|object| object.peel_to_commit()).map(|commit| commit.id()).ok()
        });
        found.ok_or_else(|| {
            let remedy = if self.is_shallow() {
                "this clone is shallow; fetch more with `git fetch --unshallow`, or set `fetch-depth: 0` in the workflow"
            } else {
                "check the name with `git branch -a`, or fetch it with `git fetch origin`"
            };
            anyhow!("`{name}` is no commit, branch or tag of this repository\nhint: {remedy}")
        })
    }

    fn default_branch(&self) -> Result<(String, Oid)> {
        for name in ["origin/HEAD", "main", "master", "origin/main", "origin/master"] {
            if let Ok(commit) = self.inner.revparse_single(name).and_then(|object| object.peel_to_commit()) {
                return Ok((name.to_owned(), commit.id()));
            }
        }
        let remedy = if self.is_shallow() {
            "this clone is shallow; set `fetch-depth: 0` in the workflow, or fetch what to compare with and name it: `--base REF`"
        } else {
            "name what to compare with: `--base REF`"
        };
        bail!("cannot find the default branch: there is no `origin/HEAD`, `main` or `master`\nhint: {remedy}")
    }

    fn merge_base(&self, base: Oid, head: Oid, name: &str) -> Result<Oid> {
        if let Ok(found) = self.inner.merge_base(base, head) {
            return Ok(found);
        }
        if self.is_shallow() {
            bail!(
                "cannot find where the change leaves `{name}`: this clone is shallow\nhint: fetch more with `git fetch --unshallow`, or set `fetch-depth: 0` in the workflow"
            );
        }
        bail!("`{name}` and the head have no common ancestor\nhint: name a base from the same history: `--base REF`")
    }

    fn between(&self, from: Oid, to: Oid, against: &str) -> Result<LocalChange> {
        let tree = |id: Oid| self.inner.find_commit(id).and_then(|commit| commit.tree());
        let read = || -> Result<Vec<u8>, git2::Error> {
            let diff = self.inner.diff_tree_to_tree(Some(&tree(from)?), Some(&tree(to)?), Some(&mut options()))?;
            patch(diff)
        };
        let patch = read().map_err(|err| explain(&err)).context("cannot read the change from git")?;
        Ok(LocalChange {
            patch,
            base: Some(from.to_string()),
            head: Some(to.to_string()),
            title: self.title(to),
            against: against.to_owned(),
        })
    }

    fn uncommitted(&self, from: Option<Oid>, staged: bool, against: &str) -> Result<LocalChange> {
        let read = || -> Result<Vec<u8>, git2::Error> {
            let tree: Option<Tree<'_>> =
                from.map(|id| self.inner.find_commit(id).and_then(|commit| commit.tree())).transpose()?;
            let diff = if staged {
                self.inner.diff_tree_to_index(tree.as_ref(), None, Some(&mut options()))?
            } else {
                self.inner.diff_tree_to_workdir_with_index(tree.as_ref(), Some(&mut options()))?
            };
            let mut text = patch(diff)?;
            if !staged {
                text.extend(self.unmerged(tree.as_ref())?);
            }
            Ok(text)
        };
        let patch = read().map_err(|err| explain(&err)).context("cannot read the change from git")?;
        let title = self.head()?.and_then(|head| self.title(head));
        Ok(LocalChange { patch, base: from.map(|id| id.to_string()), head: None, title, against: against.to_owned() })
    }

    /// The files in the middle of a merge, which stand between the index and its three versions: as they are on disk.
    fn unmerged(&self, from: Option<&Tree<'_>>) -> Result<Vec<u8>, git2::Error> {
        let mut options = options();
        let mut has_any = false;
        for conflict in self.inner.index()?.conflicts()? {
            let conflict = conflict?;
            if let Some(entry) = conflict.our.or(conflict.their).or(conflict.ancestor) {
                has_any = true;
                options.pathspec(entry.path);
            }
        }
        if !has_any {
            return Ok(Vec::new());
        }
        // those that `from` does not have count as untracked
        options.include_untracked(true).recurse_untracked_dirs(true).show_untracked_content(true);
        options.disable_pathspec_match(true);
        patch(self.inner.diff_tree_to_workdir(from, Some(&mut options))?)
    }

    fn title(&self, commit: Oid) -> Option<String> {
        let commit = self.inner.find_commit(commit).ok()?;
        Some(String::from_utf8_lossy(commit.summary_bytes()?).into_owned())
    }
}

/// libgit2 refuses a repository that another user owns, as in a container whose checkout was made outside. Its reason is
/// that a repository's configuration may name programs to run; here none is ever run.
#[expect(
    unsafe_code,
    reason = "a global of libgit2; set before any repository is opened, and always to the same value"
)]
fn set_options_of_libgit2() {
    // SAFETY: libgit2 asks only that this is not called while another thread opens a repository with another value;
    // `Once` makes it one call, before the first opening.
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // an error here would show as `not owned by current user` in the next call, with its own remedy
        let _ = unsafe { git2::opts::set_verify_owner_validation(false) };
        // as git does: an object is checked where it is fetched, not at every reading, of which a search makes thousands
        git2::opts::strict_hash_verification(false);
    });
}

fn options() -> DiffOptions {
    let mut options = DiffOptions::new();
    options.context_lines(3).id_abbrev(40).ignore_submodules(false).indent_heuristic(true);
    // whatever `diff.noprefix` says
    options.old_prefix("a/").new_prefix("b/");
    options
}

/// The hunks between two texts, without a header; `None` where git calls one of them binary.
pub fn hunks(old: &[u8], new: &[u8]) -> Option<String> {
    let mut patch = git2::Patch::from_buffers(old, None, new, None, Some(&mut options())).ok()?;
    let text = String::from_utf8_lossy(&patch.to_buf().ok()?).into_owned();
    let is_text = !text.contains("\nBinary files ");
    let start = text.find("\n@@ ").map_or(text.len(), |at| at + 1);
    is_text.then(|| text[start..].to_owned())
}

/// The diff as text. Renames and copies of changed files are found, as `git diff -M` does.
fn patch(mut diff: Diff<'_>) -> Result<Vec<u8>, git2::Error> {
    let mut find = DiffFindOptions::new();
    find.renames(true).copies(true);
    diff.find_similar(Some(&mut find))?;
    let mut out = Vec::new();
    diff.print(DiffFormat::Patch, |delta, _, line| {
        // a conflict has no sides here; `unmerged` reads it from disk
        if delta.status() == git2::Delta::Conflicted {
            return true;
        }
        if matches!(line.origin(), '+' | '-' | ' ') {
            out.push(line.origin() as u8);
        }
        out.extend_from_slice(line.content());
        true
    })?;
    Ok(out)
}

fn explain(err: &git2::Error) -> anyhow::Error {
    let remedy = match err.code() {
        git2::ErrorCode::Owner => {
            "\nhint: run `git config --global --add safe.directory '*'`, or as the owner of the files"
        }
        _ => "",
    };
    anyhow!("{}{remedy}", err.message().trim_end_matches('.'))
}
