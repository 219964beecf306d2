//! Git repositories in temporary folders, made without a git program.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use git2::build::CheckoutBuilder;
use git2::{Commit, IndexAddOption, Oid, Repository, RepositoryInitOptions, Signature, Time};
use tempfile::TempDir;

/// A repository with a work tree, removed when the last handle goes. Every step gives the repository back, so that a
/// history reads as a chain; times are fixed, so that the same chain has the same ids.
#[derive(Clone)]
pub struct Repo {
    folder: Arc<TempDir>,
    commits: i64,
}

impl Repo {
    /// An empty repository on the branch `main`.
    pub fn new() -> Repo {
        let folder = TempDir::with_prefix("prudence-repo-").expect("a temporary folder");
        let mut options = RepositoryInitOptions::new();
        let git = Repository::init_opts(folder.path(), options.initial_head("main")).expect("a new repository");
        git.config().and_then(|mut config| config.set_bool("core.autocrlf", false)).expect("a configuration");
        Repo { folder: Arc::new(folder), commits: 0 }
    }

    /// Writes a file of the work tree.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Repo {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().expect("a file in the repository")).expect("a folder");
        fs::write(file, content).expect("a file");
        self
    }

    /// Removes a file of the work tree.
    pub fn remove(self, path: &str) -> Repo {
        fs::remove_file(self.path().join(path)).expect("a file to remove");
        self
    }

    /// Renames a file of the work tree.
    pub fn rename(self, from: &str, to: &str) -> Repo {
        let content = fs::read(self.path().join(from)).expect("a file to rename");
        self.remove(from).file(to, content)
    }

    /// Puts the whole work tree into the index.
    pub fn stage(self) -> Repo {
        self.write_index();
        self
    }

    /// Commits the whole work tree on the current branch.
    pub fn commit(mut self, message: &str) -> Repo {
        let head = self.git().head().ok().and_then(|head| head.target());
        self.write_commit(message, head.as_slice());
        self
    }

    /// Starts a branch at the current commit and switches to it.
    pub fn branch(self, name: &str) -> Repo {
        {
            let git = self.git();
            let head = git.head().and_then(|head| head.peel_to_commit()).expect("a commit to branch from");
            git.branch(name, &head, true).expect("a branch");
            git.set_head(&format!("refs/heads/{name}")).expect("a head");
        }
        self
    }

    /// Switches to a branch, or to a commit with a detached head; what is not committed is lost.
    pub fn checkout(self, revision: &str) -> Repo {
        {
            let git = self.git();
            let branch = format!("refs/heads/{revision}");
            match git.find_reference(&branch) {
                Ok(_) => git.set_head(&branch).expect("a head"),
                Err(_) => git.set_head_detached(self.oid(revision)).expect("a head"),
            }
            git.checkout_head(Some(CheckoutBuilder::new().force().remove_untracked(true))).expect("a work tree");
        }
        self
    }

    /// Merges a branch into the current one; conflicts fail the test.
    pub fn merge(mut self, name: &str) -> Repo {
        let (ours, theirs) = (self.oid("HEAD"), self.oid(name));
        let tree = merged_tree(&self.git(), ours, theirs);
        self.commits += 1;
        commit_tree(&self.git(), Some("HEAD"), self.commits, &format!("Merge {name}"), tree, &[ours, theirs]);
        let git = self.git();
        git.checkout_head(Some(CheckoutBuilder::new().force())).expect("a work tree");
        drop(git);
        self
    }

    /// Sets a reference, such as `refs/remotes/origin/main`.
    pub fn reference(self, name: &str, revision: &str) -> Repo {
        self.git().reference(name, self.oid(revision), true, "set by a test").expect("a reference");
        self
    }

    /// The work tree.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The id of a branch, tag or other revision.
    pub fn sha(&self, revision: &str) -> String {
        self.oid(revision).to_string()
    }

    /// The repository itself.
    pub fn git(&self) -> Repository {
        Repository::open(self.path()).expect("the repository")
    }

    /// What a job of GitHub Actions starts with: one commit, the merge of `base` and `head`, detached, without its parents.
    pub fn actions_checkout(&self, base: &str, head: &str) -> Repo {
        self.shallow_clone(&self.merge_commit(base, head), 1)
    }

    /// The merge of `head` into `base`, on no branch: always the same commit.
    pub fn merge_commit(&self, base: &str, head: &str) -> String {
        let (ours, theirs, git) = (self.oid(base), self.oid(head), self.git());
        commit_tree(&git, None, 1, "Merge", merged_tree(&git, ours, theirs), &[ours, theirs]).to_string()
    }

    /// What a job starts with: this commit, detached, with as many generations before it as make this depth, or with all
    /// for 0.
    pub fn shallow_clone(&self, revision: &str, depth: usize) -> Repo {
        let (git, tip, clone) = (self.git(), self.oid(revision), Repo::new());
        let (mut known, mut edge, mut level) = (vec![tip], Vec::new(), vec![tip]);
        for generation in 1.. {
            let parents = |id: &Oid| git.find_commit(*id).expect("a commit").parent_ids().collect::<Vec<_>>();
            if generation == depth {
                edge = level.into_iter().filter(|id| !parents(id).is_empty()).collect();
                break;
            }
            level = level.iter().flat_map(parents).filter(|id| !known.contains(id)).collect();
            if level.is_empty() {
                break;
            }
            known.extend(&level);
        }
        copy_objects(&git, &known, &clone.git());
        let edge: String = edge.iter().map(|id| format!("{id}\n")).collect();
        if !edge.is_empty() {
            fs::write(clone.path().join(".git/shallow"), edge).expect("a list of shallow commits");
        }
        clone.checkout(&tip.to_string())
    }

    fn oid(&self, revision: &str) -> Oid {
        let git = self.git();
        let object = git.revparse_single(revision).unwrap_or_else(|error| panic!("`{revision}`: {error}"));
        object.peel_to_commit().expect("a commit").id()
    }

    fn write_index(&self) -> Oid {
        let git = self.git();
        let mut index = git.index().expect("an index");
        index.add_all(["*"], IndexAddOption::DEFAULT, None).expect("files to add");
        index.update_all(["*"], None).expect("files to update");
        index.write().expect("an index on disk");
        index.write_tree().expect("a tree")
    }

    fn write_commit(&mut self, message: &str, parents: &[Oid]) -> Oid {
        let tree = self.write_index();
        self.commits += 1;
        commit_tree(&self.git(), Some("HEAD"), self.commits, message, tree, parents)
    }
}

/// The tree of the merge of two commits; conflicts fail the test.
pub fn merged_tree(git: &Repository, ours: Oid, theirs: Oid) -> Oid {
    let find = |id| git.find_commit(id).expect("a commit");
    let mut index = git.merge_commits(&find(ours), &find(theirs), None).expect("a merge");
    index.write_tree_to(git).expect("a merge without conflicts")
}

fn commit_tree(git: &Repository, update: Option<&str>, n: i64, message: &str, tree: Oid, parents: &[Oid]) -> Oid {
    let author =
        Signature::new("Alice", "alice@example.com", &Time::new(1_760_000_000 + 60 * n, 0)).expect("an author");
    let parents: Vec<Commit> = parents.iter().map(|id| git.find_commit(*id).expect("a parent")).collect();
    let tree = git.find_tree(tree).expect("a tree");
    git.commit(update, &author, &author, message, &tree, &parents.iter().collect::<Vec<_>>()).expect("a commit")
}

/// Copies these commits with their files, and nothing of their history.
fn copy_objects(from: &Repository, commits: &[Oid], to: &Repository) {
    let mut pack = from.packbuilder().expect("a pack");
    commits.iter().for_each(|commit| pack.insert_commit(*commit).expect("a commit with its files"));
    let odb = to.odb().expect("an object store");
    let mut writer = odb.packwriter().expect("a pack to write");
    pack.foreach(|bytes| std::io::Write::write_all(&mut writer, bytes).is_ok()).expect("objects");
    writer.commit().expect("a pack on disk");
}
