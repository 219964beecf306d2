//! The files of the repository as the change leaves them, read from git objects: no checkout is needed, and nothing is
//! executed.
//!
//! Only regular files are there: no symbolic links, no submodules, nothing outside the repository. A path is compared as
//! it stands, so `..` and absolute paths simply find nothing.

mod choose;
mod disk;
mod look;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diff::{FileDiff, FileStatus, Line, Side};
use crate::git::{At, Blob, Repo};
pub use look::{Lines, Match, Matches};

/// Larger files are not read: nobody writes them by hand. In bytes.
pub const LARGEST_FILE: usize = 1_000_000;

/// More entries are not listed.
pub const MOST_ENTRIES: usize = 200_000;

/// The files of the repository as the change leaves them.
pub struct Tree<'a> {
    origin: Origin<'a>,
    listing: OnceCell<Listing>,
}

enum Origin<'a> {
    Git(&'a Repo, At),
    /// The index, with the files that the change names as they are on disk.
    Working {
        repo: &'a Repo,
        root: PathBuf,
        changed: BTreeSet<String>,
    },
    Memory(BTreeMap<String, Vec<u8>>),
    /// Why there are none.
    Nowhere(String),
}

/// A file of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, with `/` between the parts.
    pub path: String,
    /// Where git has it; `None` for a file on disk or in memory.
    blob: Option<Blob>,
}

#[derive(Default)]
struct Listing {
    entries: Vec<Entry>,
    cut: bool,
}

impl<'a> Tree<'a> {
    /// The files of a commit, by its full name.
    pub fn at_commit(repo: &'a Repo, sha: &str) -> Tree<'a> {
        Tree::new(Origin::Git(repo, At::Commit(sha.to_owned())))
    }

    /// The files of the index.
    pub fn staged(repo: &'a Repo) -> Tree<'a> {
        Tree::new(Origin::Git(repo, At::Index))
    }

    /// The files of the index; of these, those that `changed` names are read from disk.
    pub fn working(repo: &'a Repo, changed: impl IntoIterator<Item = String>) -> Tree<'a> {
        Tree::new(Origin::Working { repo, root: repo.root(), changed: changed.into_iter().collect() })
    }

    /// These files: path and content.
    pub fn in_memory(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Tree<'static> {
        Tree::new(Origin::Memory(files.into_iter().collect()))
    }

    /// A folder that is no repository, read now: files of at most [`LARGEST_FILE`] bytes, and no more than 50 MB of them.
    /// Hidden folders and symbolic links are left out.
    ///
    /// # Errors
    /// It is no folder, it cannot be read, or it is too large.
    pub fn folder(folder: &Path) -> anyhow::Result<Tree<'static>> {
        Ok(Tree::in_memory(disk::folder(folder)?))
    }

    /// No files, and why.
    pub fn nowhere(why: impl Into<String>) -> Tree<'static> {
        Tree::new(Origin::Nowhere(why.into()))
    }

    fn new(origin: Origin<'_>) -> Tree<'_> {
        Tree { origin, listing: OnceCell::new() }
    }

    /// Why there are no files, where that is so: the cause and its remedy, in one line.
    pub fn why_nowhere(&self) -> Option<&str> {
        match &self.origin {
            Origin::Nowhere(why) => Some(why),
            _ => None,
        }
    }

    /// The content of a regular file of at most [`LARGEST_FILE`] bytes.
    pub fn file(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        match &self.origin {
            Origin::Git(repo, at) => Some(repo.content(repo.blob(at, path)?, LARGEST_FILE)?.into()),
            Origin::Working { repo, root, changed } if changed.contains(path) => {
                // what git does not track, such as `.env`, is nobody's business
                let is_tracked = repo.is_tracked(path);
                Some(is_tracked.then(|| disk::file(root, path, LARGEST_FILE))??.into())
            }
            Origin::Working { repo, .. } => Some(repo.content(repo.blob(&At::Index, path)?, LARGEST_FILE)?.into()),
            Origin::Memory(files) => files.get(path).map(|text| text.as_slice().into()),
            Origin::Nowhere(_) => None,
        }
    }

    /// The content of a listed file, like [`Tree::file`] and faster.
    pub fn content(&self, entry: &Entry) -> Option<Cow<'_, [u8]>> {
        match (&self.origin, entry.blob) {
            (Origin::Git(repo, _) | Origin::Working { repo, .. }, Some(blob)) => {
                Some(repo.content(blob, LARGEST_FILE)?.into())
            }
            _ => self.file(&entry.path),
        }
    }

    /// All files, in order of their paths, at most [`MOST_ENTRIES`]; see [`Tree::is_cut`].
    pub fn entries(&self) -> &[Entry] {
        &self.listing().entries
    }

    /// Their paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|entry| entry.path.as_str())
    }

    /// Whether there are more files than are listed. Those are still found by [`Tree::file`].
    pub fn is_cut(&self) -> bool {
        self.listing().cut
    }

    fn listing(&self) -> &Listing {
        self.listing.get_or_init(|| match &self.origin {
            Origin::Git(repo, at) => listing(repo, at),
            Origin::Working { repo, changed, .. } => {
                let mut listing = listing(repo, &At::Index);
                listing.entries.retain(|entry| !changed.contains(&entry.path));
                let there = changed.iter().filter(|path| self.file(path).is_some());
                listing.entries.extend(there.map(|path| Entry { path: path.clone(), blob: None }));
                listing.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
                listing
            }
            Origin::Memory(files) => {
                let entries = files.keys().map(|path| Entry { path: path.clone(), blob: None });
                Listing { entries: entries.take(MOST_ENTRIES).collect(), cut: files.len() > MOST_ENTRIES }
            }
            Origin::Nowhere(_) => Listing::default(),
        })
    }

    /// Whether a changed file is here as the change leaves it: every new line of the diff stands at its number. Where that
    /// is not so, nothing of the file may be shown: it is another version. Lines with `***` may differ: they are masked.
    pub fn agrees(&self, file: &FileDiff) -> bool {
        if file.status == FileStatus::Deleted || file.is_missing() {
            return false;
        }
        self.file(file.path().as_str()).is_some_and(|text| agrees(file, &text))
    }
}

fn listing(repo: &Repo, at: &At) -> Listing {
    let found = repo.files(at, MOST_ENTRIES);
    let entries = found.files.into_iter().map(|(path, blob)| Entry { path, blob: Some(blob) });
    Listing { entries: entries.collect(), cut: found.cut }
}

fn agrees(file: &FileDiff, text: &[u8]) -> bool {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let is_same = |line: &Line| {
        let there = (line.new as usize).checked_sub(1).and_then(|index| lines.get(index));
        there.is_some_and(|there| without_return(there) == without_return(line.bytes())) || is_masked(line.bytes())
    };
    file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).filter(|line| line.is_on(Side::Right)).all(is_same)
}

/// Git may convert line ends between its store and the disk.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_masked(line: &[u8]) -> bool {
    line.windows(3).any(|part| part == b"***")
}

#[cfg(test)]
mod tests;
