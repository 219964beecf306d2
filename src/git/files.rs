//! Regular files of a commit or of the index: one by its path, or all of them. Symbolic links and submodules are no files.

use git2::{ObjectType, Oid};

use super::Repo;

/// Which version of the files is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A commit, by its full name.
    Commit(String),
    /// The index: the tracked files as `git commit` would take them.
    Index,
}

/// A regular file's content in the repository's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob(Oid);

/// Regular files, in order of their paths; paths that are not UTF-8 are left out.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Path and content.
    pub files: Vec<(String, Blob)>,
    /// Whether there were more than the limit.
    pub cut: bool,
}

/// The bits of a mode that say what an entry is, and their value for a regular file.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// No path is longer on the systems that git runs on; a tree made by hand may nest deeper.
const LONGEST_PATH: usize = 4096;

impl Repo {
    /// The commit that is checked out; `None` where there is none yet.
    pub fn head_sha(&self) -> Option<String> {
        Some(self.head().ok()??.to_string())
    }

    /// The names of a commit's parents. A shallow clone knows them too, though it does not have them.
    pub fn parents(&self, sha: &str) -> Vec<String> {
        let commit = Oid::from_str(sha).and_then(|id| self.inner.find_commit(id));
        // `parent_ids` hides what a shallow clone cut off; the commit itself names all
        let header = commit.map(|commit| String::from_utf8_lossy(commit.raw_header_bytes()).into_owned());
        let parent = |line: &str| line.strip_prefix("parent ").map(|id| id.trim().to_owned());
        header.map(|header| header.lines().filter_map(parent).collect()).unwrap_or_default()
    }

    /// Whether there is no working tree.
    pub fn is_bare(&self) -> bool {
        self.inner.is_bare()
    }

    /// Whether the index knows a path, in whatever state.
    pub fn is_tracked(&self, path: &str) -> bool {
        let Ok(index) = self.inner.index() else { return false };
        // 1 to 3 are the versions in the middle of a merge
        (0..=3).any(|stage| index.get_path(std::path::Path::new(path), stage).is_some())
    }

    /// The regular file at a path.
    pub fn blob(&self, at: &At, path: &str) -> Option<Blob> {
        match at {
            At::Commit(sha) => self.blob_of_commit(sha, path),
            At::Index => {
                let entry = self.inner.index().ok()?.get_path(std::path::Path::new(path), 0)?;
                (entry.mode & KIND == REGULAR).then_some(Blob(entry.id))
            }
        }
    }

    fn blob_of_commit(&self, sha: &str, path: &str) -> Option<Blob> {
        let mut tree = self.inner.find_commit(Oid::from_str(sha).ok()?).ok()?.tree().ok()?;
        let (folders, name) = path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            // names are compared as bytes: no `..`, no symbolic link and no case folding can lead elsewhere
            let id = tree.get_name(folder).filter(|entry| entry.kind() == Some(ObjectType::Tree))?.id();
            tree = self.inner.find_tree(id).ok()?;
        }
        let entry = tree.get_name(name)?;
        is_regular(entry.filemode()).then(|| Blob(entry.id()))
    }

    /// The content of a file of at most `limit` bytes; `None` where it is larger or cannot be read.
    pub fn content(&self, blob: Blob, limit: usize) -> Option<Vec<u8>> {
        let (size, kind) = self.inner.odb().ok()?.read_header(blob.0).ok()?;
        if kind != ObjectType::Blob || size > limit {
            return None;
        }
        Some(self.inner.find_blob(blob.0).ok()?.content().to_vec())
    }

    /// All regular files, as long as there are at most `limit` entries, folders counted.
    pub fn files(&self, at: &At, limit: usize) -> Found {
        let found = match at {
            At::Commit(sha) => self.files_of_commit(sha, limit),
            At::Index => self.files_of_index(limit),
        };
        let mut found = found.unwrap_or_default();
        found.files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        found
    }

    fn files_of_index(&self, limit: usize) -> Option<Found> {
        let index = self.inner.index().ok()?;
        let entries = index.iter().take(limit).filter(|entry| entry.mode & KIND == REGULAR && entry.flags & STAGE == 0);
        let file = |entry: git2::IndexEntry| Some((String::from_utf8(entry.path).ok()?, Blob(entry.id)));
        Some(Found { files: entries.filter_map(file).collect(), cut: index.len() > limit })
    }

    fn files_of_commit(&self, sha: &str, limit: usize) -> Option<Found> {
        let root = self.inner.find_commit(Oid::from_str(sha).ok()?).ok()?.tree().ok()?;
        let mut found = Found::default();
        let mut seen = 0;
        let mut folders = vec![(String::new(), root.id())];
        while let Some((folder, id)) = folders.pop() {
            let Ok(tree) = self.inner.find_tree(id) else { continue };
            for entry in tree.iter() {
                if seen == limit {
                    found.cut = true;
                    return Some(found);
                }
                seen += 1;
                let Ok(name) = entry.name() else { continue };
                let path = format!("{folder}{name}");
                match entry.kind() {
                    Some(ObjectType::Tree) if path.len() < LONGEST_PATH => folders.push((path + "/", entry.id())),
                    Some(ObjectType::Blob) if is_regular(entry.filemode()) => {
                        found.files.push((path, Blob(entry.id())));
                    }
                    _ => {}
                }
            }
        }
        Some(found)
    }
}

/// The bits of an index entry's flags that hold its version in a merge; 0 for a file that is in none.
const STAGE: u16 = 0x3000;

fn is_regular(mode: i32) -> bool {
    u32::try_from(mode).is_ok_and(|mode| mode & KIND == REGULAR)
}
