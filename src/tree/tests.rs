use std::fs;

use git2::{Commit, IndexAddOption, Oid, Repository, Signature};
use tempfile::TempDir;

use super::*;
use crate::diff::parse;

/// A repository with one commit of these files; the folder lives as long as it.
pub(crate) struct Made {
    folder: TempDir,
    git: Repository,
}

impl Made {
    pub(crate) fn new(files: &[(&str, &str)]) -> Made {
        let folder = tempfile::tempdir().unwrap();
        let made = Made { git: Repository::init(folder.path()).unwrap(), folder };
        made.commit(files, &[]);
        made
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    fn stage(&self) {
        let mut index = self.git.index().unwrap();
        index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
        index.write().unwrap();
    }

    /// Writes the files and commits them to `HEAD`, with these parents behind the present one.
    fn commit(&self, files: &[(&str, &str)], more: &[Oid]) -> Oid {
        files.iter().for_each(|(path, text)| self.write(path, text));
        self.stage();
        let tree = self.git.find_tree(self.git.index().unwrap().write_tree().unwrap()).unwrap();
        let who = Signature::now("t", "t@example.org").unwrap();
        let head = self.git.head().ok().map(|head| head.peel_to_commit().unwrap());
        let more: Vec<Commit<'_>> = more.iter().map(|&id| self.git.find_commit(id).unwrap()).collect();
        let parents: Vec<&Commit<'_>> = head.iter().chain(&more).collect();
        self.git.commit(Some("HEAD"), &who, &who, "c", &tree, &parents).unwrap()
    }

    fn repo(&self) -> Repo {
        Repo::open(self.folder.path()).unwrap()
    }
}

fn text(tree: &Tree<'_>, path: &str) -> Option<String> {
    tree.file(path).map(|text| String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_commit_has_its_files_and_nothing_else() {
    let made = Made::new(&[("src/a.rs", "one\n"), ("b.txt", "two\n")]);
    made.write("src/a.rs", "changed\n");
    let (repo, large) = (made.repo(), "x".repeat(LARGEST_FILE + 1));
    let tree = Tree::at_commit(&repo, &repo.head_sha().unwrap());
    assert_eq!(tree.paths().collect::<Vec<_>>(), ["b.txt", "src/a.rs"]);
    assert_eq!(text(&tree, "src/a.rs").as_deref(), Some("one\n"));
    for path in ["src", "", "/b.txt", "../b.txt", "src/../b.txt", "./b.txt", "src//a.rs", "src/a.rs/", "SRC/a.rs"] {
        assert_eq!(text(&tree, path), None, "{path}");
    }
    made.commit(&[("large", &large)], &[]);
    assert_eq!(text(&Tree::at_commit(&repo, &repo.head_sha().unwrap()), "large"), None);
    assert_eq!(text(&Tree::at_commit(&repo, "no commit"), "b.txt"), None);
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    let made = Made::new(&[("a/x", "text\n")]);
    std::os::unix::fs::symlink("a", made.folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("a/x", made.folder.path().join("file")).unwrap();
    let head = made.commit(&[], &[]).to_string();
    let repo = made.repo();
    let names = || ["file".to_owned(), "folder/x".to_owned()];
    for tree in [Tree::at_commit(&repo, &head), Tree::staged(&repo), Tree::working(&repo, names())] {
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a/x"]);
        assert_eq!((text(&tree, "file"), text(&tree, "folder/x")), (None, None));
    }
    let tree = Tree::folder(made.folder.path()).unwrap();
    assert_eq!(tree.paths().collect::<Vec<_>>(), ["a/x"]);
}

#[test]
fn what_is_not_committed_is_laid_over() {
    let made = Made::new(&[("a", "1\n"), ("b", "1\n"), ("gone", "1\n")]);
    made.write("a", "2\n");
    made.stage();
    made.write("a", "3\n");
    made.write("b", "2\n");
    made.write(".env", "not tracked\n");
    fs::remove_file(made.folder.path().join("gone")).unwrap();
    let repo = made.repo();
    assert_eq!(text(&Tree::staged(&repo), "a").as_deref(), Some("2\n"));
    let tree = Tree::working(&repo, ["a", "gone", ".env"].map(str::to_owned));
    assert_eq!(text(&tree, "a").as_deref(), Some("3\n"));
    assert_eq!(text(&tree, "b").as_deref(), Some("1\n"), "what did not change is what git has");
    assert_eq!(tree.paths().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((text(&tree, "gone"), text(&tree, ".env")), (None, None));
}

#[test]
fn a_file_agrees_where_its_new_lines_stand() {
    let tree = Tree::in_memory([("x".to_owned(), b"a\r\nb\nsecret\n".to_vec())]);
    let check = |body: &str, expected: bool| {
        let diff = parse(format!("--- a/x\n+++ b/x\n{body}")).unwrap();
        assert_eq!(tree.agrees(&diff.files[0]), expected, "{body}");
    };
    check("@@ -1,2 +1,2 @@\n a\n-c\n+b\n", true);
    check("@@ -1,2 +1,2 @@\n a\n-c\n+d\n", false);
    check("@@ -1 +2 @@\n-c\n+a\n", false);
    check("@@ -3 +3 @@\n-c\n+***\n", true);
    check("@@ -9 +9 @@\n-c\n+d\n", false);
    let other = parse("--- a/y\n+++ b/y\n@@ -1 +1 @@\n-c\n+a\n").unwrap();
    assert!(!tree.agrees(&other.files[0]));
}

#[test]
fn a_merge_stands_for_its_head() {
    let made = Made::new(&[("a", "1\n")]);
    let base = made.git.head().unwrap().peel_to_commit().unwrap();
    let head = made.commit(&[("b", "1\n")], &[]);
    made.git.set_head_detached(base.id()).unwrap();
    let merge = made.commit(&[("c", "1\n")], &[head]);
    let repo = made.repo();
    assert_eq!(repo.parents(&merge.to_string()), [base.id().to_string(), head.to_string()]);
    // a shallow clone has the names of the parents, and not the parents
    let name = head.to_string();
    fs::remove_file(made.folder.path().join(".git/objects").join(&name[..2]).join(&name[2..])).unwrap();
    let repo = made.repo();
    assert!(!repo.has_commit(&name));
    let tree = choose::of_request(&repo, &name);
    assert_eq!(text(&tree, "c").as_deref(), Some("1\n"));
    let tree = choose::of_request(&repo, &"0".repeat(40));
    assert!(tree.why_nowhere().unwrap().contains("has no commit 000000000, the head"));
    assert_eq!((text(&tree, "a"), tree.paths().count()), (None, 0));
}

#[test]
fn a_search_is_for_text_and_stops() {
    let files = [("a.rs", "fn f()\nx.*y\n.*\n"), ("src/b.rs", "no\n.* twice .*\n"), ("c.txt", ".*"), ("d", "\0.*")];
    let tree = Tree::in_memory(files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())));
    let check = |pattern: &str, glob: &str, expected: &[&str]| {
        let found = tree.search(pattern, glob, 10, &str::to_owned).matches;
        let found: Vec<String> = found.iter().map(|m| format!("{}:{}:{}", m.path, m.line, m.text)).collect();
        assert_eq!(found, expected, "{pattern} in {glob}");
    };
    check(".*", "", &["a.rs:2:x.*y", "a.rs:3:.*", "c.txt:1:.*", "src/b.rs:2:.* twice .*"]);
    check(".*", "*.rs", &["a.rs:2:x.*y", "a.rs:3:.*", "src/b.rs:2:.* twice .*"]);
    check(".*", "src/*", &["src/b.rs:2:.* twice .*"]);
    check(".*", "src/", &["src/b.rs:2:.* twice .*"]);
    for (pattern, glob) in [("", ""), ("a\nb", ""), (".*", "../*"), (".*", "["), ("[", ""), ("x", "/etc/*")] {
        check(pattern, glob, &[]);
    }
    assert_eq!(tree.search(".*", "", 1, &str::to_owned).stopped.as_deref(), Some("stopped after 1 matches"));
    assert!(Tree::nowhere("why").search("x", "", 1, &str::to_owned).stopped.is_some());
    let long = Tree::in_memory([("a".to_owned(), format!("é{}", "é".repeat(1000)).into_bytes())]);
    assert!(long.search("é", "", 1, &str::to_owned).matches[0].text.ends_with("bytes are not shown]"));
}

#[test]
fn folders_and_lines() {
    let files = [("a/x", "1\r\n2\n3"), ("a/b/y", ""), ("z", "")];
    let tree = Tree::in_memory(files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())));
    let list = |path: &str| tree.list(path, 10).map(|(names, _)| names.join(" "));
    assert_eq!(list("").as_deref(), Some("a/ z"));
    assert_eq!(list("a/").as_deref(), Some("b/ x"));
    assert_eq!((list(".."), list("/"), list("z")), (None, Some("a/ z".to_owned()), None));
    assert_eq!(tree.list("", 1), Some((vec!["a/".to_owned()], true)));
    let lines = |from, to, most| tree.lines("a/x", (from, to), most, &str::to_owned).unwrap().lines;
    assert_eq!(lines(2, 9, 100), [(2, "2".to_owned()), (3, "3".to_owned())]);
    assert_eq!(lines(0, 1, 100), [(1, "1".to_owned())]);
    assert_eq!((lines(3, 2, 100).len(), lines(1, 3, 2).len(), lines(9, 9, 9).len()), (0, 2, 0));
    assert_eq!(tree.lines("a", (1, 2), 100, &str::to_owned), None);
}

#[test]
fn listings_have_a_limit() {
    let files: Vec<(String, String)> = (0..20).map(|n| (format!("d{n}/f"), n.to_string())).collect();
    let made = Made::new(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    let repo = made.repo();
    for at in [At::Commit(repo.head_sha().unwrap()), At::Index] {
        let found = repo.files(&at, 10);
        assert!(found.cut && found.files.len() <= 10, "{at:?}");
        assert!(!repo.files(&at, 100).cut);
        assert_eq!(repo.files(&at, 100).files.len(), 20);
    }
}

#[tokio::test]
async fn a_local_change_and_a_patch_find_their_version() {
    use crate::git::Range;
    use crate::source::Target;

    let made = Made::new(&[("a", "1\n"), ("b", "1\n")]);
    made.write("a", "2\n");
    made.stage();
    made.write("a", "3\n");
    let repo = made.repo();
    let patch = |new: &str| {
        let text = format!("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+{new}\n");
        Target::Patch(bytes::Bytes::from(text).into(), "a patch".to_owned())
    };
    for (target, expected) in [
        (Target::Local(Range::Staged), Some("2\n")),
        (Target::Local(Range::Worktree), Some("3\n")),
        (Target::Local(Range::Base { base: "HEAD".to_owned(), head: None }), Some("1\n")),
        (patch("3"), Some("3\n")),
        (patch("4"), None),
        (Target::Nothing("nothing".to_owned()), None),
    ] {
        let change = target.change(Some(&repo)).await.unwrap();
        let tree = Tree::of_change(&target, &change, Some(&repo));
        assert_eq!(text(&tree, "a").as_deref(), expected);
        assert_eq!(tree.why_nowhere().is_none(), expected.is_some());
        assert!(Tree::of_change(&target, &change, None).why_nowhere().is_some());
    }
}

#[test]
fn what_is_shown_is_cleaned_as_a_whole_and_searched_as_it_is_shown() {
    let key = ["-----BEGIN PRIVATE", " KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\nc2hvcnQ=\n"].concat();
    let tree = Tree::in_memory([("a.pem".to_owned(), key.into_bytes())]);
    let clean = |text: &str| crate::redact::text(text).into_owned();
    let lines = tree.lines("a.pem", (3, 3), 100, &clean).unwrap();
    assert_eq!(lines.lines, [(3, "***".to_owned())]);
    assert_eq!(tree.search("c2hv", "", 10, &clean).matches, []);
    assert_eq!(tree.search("BEGIN", "", 10, &clean).matches.len(), 1);
}
