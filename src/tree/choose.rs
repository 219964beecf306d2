//! Which version of the repository a change leaves behind.

use super::Tree;
use crate::diff::{Content, FileStatus};
use crate::git::{Range, Repo};
use crate::source::{Change, Target};

impl<'a> Tree<'a> {
    /// The files as a change leaves them, as far as they are on this machine.
    ///
    /// For a request on a host that is its head commit or, where the checkout has only the merge of base and head (as
    /// GitHub Actions and merged results of GitLab make it), that merge. Its files may differ from the head's, which
    /// [`Tree::agrees`] tells.
    pub fn of_change(target: &Target, change: &Change, repo: Option<&'a Repo>) -> Tree<'a> {
        let Some(repo) = repo else {
            return Tree::nowhere("there is no git repository here; a checkout of the repository gives it");
        };
        let changed = || change.diff.files.iter().map(|file| file.path().as_str().to_owned());
        match (target, change.info.head_sha.as_deref()) {
            (Target::Pull { .. }, Some(head)) => of_request(repo, head),
            (Target::Local(Range::Staged), _) => Tree::staged(repo),
            (Target::Local(_), Some(head)) => Tree::at_commit(repo, head),
            (Target::Local(_), None) => Tree::working(repo, changed()),
            (Target::Patch(..), _) if repo.is_bare() => Tree::nowhere(NOT_APPLIED),
            (Target::Patch(..), _) => of_patch(Tree::working(repo, changed()), change),
            (Target::Pull { .. } | Target::Nothing(_), _) => Tree::nowhere("it is not known which commit is the head"),
        }
    }
}

const NOT_APPLIED: &str =
    "the patch is not applied in this repository; apply it first, or name its commits with `--base REF --head REF`";

pub(super) fn of_request<'a>(repo: &'a Repo, head: &str) -> Tree<'a> {
    if repo.has_commit(head) {
        return Tree::at_commit(repo, head);
    }
    match repo.head_sha() {
        Some(merge) if repo.parents(&merge).iter().any(|parent| parent == head) => Tree::at_commit(repo, &merge),
        _ => {
            let short = head.get(..9).unwrap_or(head);
            Tree::nowhere(format!(
                "the checkout has no commit {short}, the head of the request; check out the request (`actions/checkout` does so on `pull_request`), or set `fetch-depth: 0` (`GIT_DEPTH: 0` on GitLab)"
            ))
        }
    }
}

/// A patch says nothing of the files around it: the working tree counts where it has the patch applied.
fn of_patch<'a>(tree: Tree<'a>, change: &Change) -> Tree<'a> {
    let mut known = change.diff.files.iter().filter(|file| {
        // a new file may not be known to git yet
        matches!(file.status, FileStatus::Modified | FileStatus::Renamed)
            && matches!(&file.content, Content::Text(hunks) if !hunks.is_empty())
    });
    let is_applied = known.clone().next().is_some() && known.all(|file| tree.agrees(file));
    if is_applied { tree } else { Tree::nowhere(NOT_APPLIED) }
}
