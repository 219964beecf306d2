//! Changes of local git: which change is meant, and every kind of change as the model sees it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::Prudence;
use crate::support::repo::Repo;
use crate::support::review::{Reviewed, assert_receipt, part, review};

/// `main` has one line; `topic` adds another.
fn topic() -> Repo {
    Repo::new().file("a.rs", "one\n").commit("Base").branch("topic").file("a.rs", "one\ntwo\n").commit("Add two")
}

const TWO: &str = "=== a.rs (modified)\n@@ lines 1-2\n1  one\n2 +two\n";

/// Reviews, and compares what was sent.
#[track_caller]
fn check(repo: &Repo, args: &[&str], expected: &str) -> Reviewed {
    let reviewed = review(repo, args, Script::new());
    assert_eq!(reviewed.run.code, Some(0), "{}", reviewed.run);
    assert_eq!(reviewed.parts().concat(), expected, "{args:?}\n{}", reviewed.run);
    reviewed
}

#[test]
fn a_branch_is_compared_with_the_default_branch() {
    for name in ["main", "master"] {
        let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("other").branch(name).branch("topic");
        {
            let git = repo.git();
            let gone = if name == "main" { "master" } else { "main" };
            if let Ok(mut branch) = git.find_branch(gone, git2::BranchType::Local) {
                branch.delete().unwrap();
            }
        }
        let repo = repo.file("a.rs", "one\ntwo\n").commit("Add two");
        let report = check(&repo, &[], TWO).report();
        assert_eq!(report["change"]["base_sha"], repo.sha("other"), "{name}");
    }
}

#[test]
fn the_remotes_default_branch_comes_first() {
    let repo = topic().reference("refs/remotes/origin/trunk", "topic");
    repo.git()
        .reference_symbolic("refs/remotes/origin/HEAD", "refs/remotes/origin/trunk", true, "set by a test")
        .unwrap();
    let repo = repo.file("a.rs", "one\ntwo\nthree\n").commit("Add three");
    check(&repo, &[], "=== a.rs (modified)\n@@ lines 1-3\n1  one\n2  two\n3 +three\n");
}

#[test]
fn uncommitted_changes_of_tracked_files_count_and_untracked_files_do_not() {
    let repo = topic().file("a.rs", "one\ntwo\nthree\n").file("new.rs", "untracked\n");
    let report = check(&repo, &[], "=== a.rs (modified)\n@@ lines 1-3\n1  one\n2 +two\n3 +three\n").report();
    assert_eq!(
        (&report["change"]["base_sha"], &report["change"]["head_sha"]),
        (&json!(repo.sha("main")), &Value::Null)
    );
    check(&repo, &["--worktree"], "=== a.rs (modified)\n@@ lines 1-3\n1  one\n2  two\n3 +three\n");
}

#[test]
fn only_what_is_staged() {
    let repo = topic().file("a.rs", "one\ntwo\nstaged\n").file("new.rs", "x\n").stage().file("a.rs", "one\n");
    let staged =
        "=== a.rs (modified)\n@@ lines 1-3\n1  one\n2  two\n3 +staged\n=== new.rs (added)\n@@ lines 1-1\n1 +x\n";
    check(&repo, &["--staged"], staged);
    check(
        &repo,
        &["--worktree"],
        "=== a.rs (modified)\n@@ lines 1-1\n1  one\n2 -two\n=== new.rs (added)\n@@ lines 1-1\n1 +x\n",
    );
}

#[test]
fn the_difference_from_the_merge_base() {
    let repo = topic().checkout("main").file("b.rs", "on main\n").commit("Move on").checkout("topic");
    for args in [&["--base", "main"][..], &["--base", "main", "--head", "topic"], &[]] {
        check(&repo, args, TWO);
    }
    let repo = repo.checkout("main").reference("refs/remotes/origin/pushed", "topic");
    let (base, head) = (repo.sha("main~1"), repo.sha("topic"));
    let report = check(&repo, &["--base", "main", "--head", "pushed"], TWO).report();
    let change = json!({"source": "git", "base_sha": base, "head_sha": head, "title": "Add two", "url": null});
    assert_eq!(report["change"], change);
    check(&repo, &["--base", &repo.sha("main~1"), "--head", &head[..10]], TWO);
}

#[test]
fn a_detached_head_is_a_head() {
    let repo = topic();
    let repo = repo.clone().checkout(&repo.sha("topic"));
    check(&repo, &[], TWO);
}

#[test]
fn the_first_commit_is_reviewed_before_it_is_made() {
    let repo = Repo::new().file("a.rs", "one\n").stage();
    for args in [&["--staged"][..], &["--worktree"], &[]] {
        let report = check(&repo, args, "=== a.rs (added)\n@@ lines 1-1\n1 +one\n").report();
        assert_eq!(report["change"]["base_sha"], Value::Null);
    }
}

#[test]
fn a_bare_repository_has_branches_to_compare() {
    let repo = topic();
    repo.git().config().unwrap().set_bool("core.bare", true).unwrap();
    let bare = repo.path().join(".git");
    for args in [&["--base", "main"][..], &[]] {
        let openai = OpenAi::start(Script::new());
        let program = Prudence::new().openai(&openai).current_dir(&bare).args(["review", "--format", "json"]);
        let run = program.args(args).run().expect_code(0);
        let parts: String = openai.completions().iter().map(|request| part(&request.body)).collect();
        assert_eq!(parts, TWO, "{args:?}\n{run}");
    }
    let run = Prudence::new().current_dir(&bare).args(["review", "--staged"]).run().expect_code(2);
    assert!(run.stderr.contains("is a bare repository: it has no uncommitted changes\nhint: "), "{run}");
}

#[test]
fn the_repository_is_found_from_below_or_by_name() {
    let repo = topic();
    std::fs::create_dir_all(repo.path().join("deep/er")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let named = repo.path().to_str().unwrap();
    let cases = [(repo.path().join("deep/er"), vec![]), (elsewhere.path().to_owned(), vec!["--repo", named])];
    for (folder, args) in cases {
        let openai = OpenAi::start(Script::new());
        let program = Prudence::new().openai(&openai).current_dir(&folder);
        let run = program.args(["review", "--format", "json"]).args(&args).run().expect_code(0);
        assert_eq!(openai.completions().iter().map(|r| part(&r.body)).collect::<String>(), TWO, "{folder:?}");
        assert_receipt(&run.json()["coverage"]);
    }
}

#[test]
fn moved_and_copied_files_are_told_of() {
    let body = |first: &str| format!("{first}\n{}", "the same line\nand another\n".repeat(4));
    let repo = Repo::new().file("old.rs", body("1")).file("a.rs", body("a")).commit("Base").branch("topic");
    let repo = repo.rename("old.rs", "new.rs").file("new.rs", body("2")).file("a.rs", body("b"));
    let reviewed = review(&repo.file("b.rs", body("c")).commit("Move"), &[], Script::new());
    let shown = "@@ lines 1-4\n1 -{old}\n1 +{new}\n2  the same line\n3  and another\n4  the same line\n";
    let hunk = |old: &str, new: &str| shown.replace("{old}", old).replace("{new}", new);
    let expected = format!(
        "=== a.rs (modified)\n{}=== b.rs (copied from a.rs)\n{}=== new.rs (renamed from old.rs)\n{}",
        hunk("a", "b"),
        hunk("a", "c"),
        hunk("1", "2")
    );
    assert_eq!(reviewed.parts().concat(), expected);
    let list = ["a.rs (modified, +1 -1)", "b.rs (copied from a.rs, +1 -1)", "new.rs (renamed from old.rs, +1 -1)"];
    assert_eq!(reviewed.file_list(), list);
    assert_eq!(reviewed.report()["coverage"]["files_reviewed"], 3);
}

#[test]
fn a_change_without_lines_is_nothing_to_review() {
    let base =
        || Repo::new().file("run.sh", "true\n").file("old.rs", "one\ntwo\nthree\n").commit("Base").branch("topic");
    let executable = base();
    std::fs::set_permissions(executable.path().join("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    for repo in [executable, base().rename("old.rs", "new.rs"), base().file("empty.rs", ""), base()] {
        let reviewed = check(&repo.commit("Change"), &[], "");
        let report = reviewed.report();
        assert_eq!((&report["status"], &report["coverage"]["changed_lines"]), (&json!("nothing_to_review"), &json!(0)));
        assert_eq!(reviewed.openai.requests().len(), 0, "nothing is asked");
    }
}

#[test]
fn what_stands_beside_changed_lines_is_told_of() {
    let repo = Repo::new().file("run.sh", "true\n").file("gone.rs", "one\ntwo\n").commit("Base").branch("topic");
    let repo = repo.remove("gone.rs").file("empty.rs", "").file("run.sh", "false\n");
    std::fs::set_permissions(repo.path().join("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    let reviewed = check(
        &repo.commit("Change"),
        &[],
        "=== gone.rs (deleted)\n@@ lines 1-2\n1 -one\n2 -two\n\
         === run.sh (modified, mode 100644 → 100755)\n@@ lines 1-1\n1 -true\n1 +false\n",
    );
    let list =
        ["empty.rs (added, +0 -0)", "gone.rs (deleted, +0 -2)", "run.sh (modified, mode 100644 → 100755, +1 -1)"];
    assert_eq!(reviewed.file_list(), list);
}

#[test]
fn files_that_nobody_reviews_are_skipped_with_their_reason() {
    let repo = Repo::new().file("a.rs", "one\n").file("logo.png", b"\x89PNG\0\x01").commit("Base").branch("topic");
    let repo = repo
        .file("a.rs", "one\ntwo\n")
        .file("logo.png", b"\x89PNG\0\x02")
        .file("Cargo.lock", "[[package]]\nname = \"a\"\n")
        .file("vendor/lib.js", "x\n")
        .file("api.pb.go", "x\n")
        .file("app.min.js", "x\n")
        .file("docs/guide.md", "x\n")
        .commit("Change");
    let reviewed = check(&repo, &["--exclude", "docs/**"], TWO);
    let report = reviewed.report();
    let skipped: Vec<_> = report["coverage"]["skipped"].as_array().unwrap().iter().collect();
    let mut told: Vec<String> =
        skipped.iter().map(|s| format!("{} {} {}", s["path"], s["reason"], s["changed_lines"])).collect();
    told.sort();
    let expected = [
        r#""Cargo.lock" "lockfile" 2"#,
        r#""api.pb.go" "generated" 1"#,
        r#""app.min.js" "minified" 1"#,
        r#""docs/guide.md" "excluded" 1"#,
        r#""logo.png" "binary" 0"#,
        r#""vendor/lib.js" "vendored" 1"#,
    ];
    assert_eq!(told, expected);
    assert_eq!(report["coverage"]["files"], 7);
    let included = review(&repo, &["--include", "vendor/**"], Script::new());
    assert_eq!(included.parts().concat(), "=== vendor/lib.js (added)\n@@ lines 1-1\n1 +x\n");
}

#[test]
fn what_gitattributes_says_of_generated_files_holds() {
    let attributes = "gen/* linguist-generated\napi.pb.go -linguist-generated\nthird/* linguist-vendored=true\n";
    let repo = Repo::new().file(".gitattributes", attributes).commit("Base").branch("topic");
    let repo = repo.file("gen/a.rs", "x\n").file("api.pb.go", "x\n").file("third/b.rs", "x\n").commit("Change");
    let report = check(&repo, &[], "=== api.pb.go (added)\n@@ lines 1-1\n1 +x\n").report();
    let skipped = json!([
        {"path": "gen/a.rs", "reason": "generated", "changed_lines": 1},
        {"path": "third/b.rs", "reason": "vendored", "changed_lines": 1}
    ]);
    assert_eq!(report["coverage"]["skipped"], skipped);
}

#[test]
fn a_line_that_is_too_long_is_cut_and_told_of() {
    let repo = Repo::new().file("z.rs", "").commit("Base").branch("topic");
    let repo = repo.file("a.sql", format!("one\ninsert {};\nthree\n", "(1, 'x'), ".repeat(20_000))).commit("Change");
    let reviewed = review(&repo, &[], Script::new());
    let part = reviewed.parts().concat();
    let line = part.lines().find(|line| line.starts_with("2 +insert (1, 'x')")).expect("the line's beginning");
    assert!(line.ends_with("of 200008 bytes are not shown]") && line.len() < 20_000, "{} bytes", line.len());
    assert!(part.contains("\n1 +one\n") && part.ends_with("3 +three\n"), "{part}");
    let report = reviewed.report();
    assert_eq!(report["coverage"]["cut"], json!([{"path": "a.sql", "line": 2}]));
    assert_eq!(report["coverage"]["changed_lines_reviewed"], 3);
}

#[test]
fn a_submodule_is_a_pointer() {
    let repo = topic();
    {
        let git = repo.git();
        let head = git.head().unwrap().peel_to_commit().unwrap();
        let mut tree = git.treebuilder(Some(&head.tree().unwrap())).unwrap();
        tree.insert("lib", git2::Oid::from_str(&"1234567890".repeat(4)).unwrap(), 0o160_000).unwrap();
        let tree = git.find_tree(tree.write().unwrap()).unwrap();
        let author = head.author().to_owned();
        git.commit(Some("HEAD"), &author, &author, "Add lib", &tree, &[&head]).unwrap();
    }
    let reviewed = check(&repo, &["--base", "main"], TWO);
    let skipped = json!([{"path": "lib", "reason": "submodule", "changed_lines": 1}]);
    assert_eq!(reviewed.report()["coverage"]["skipped"], skipped);
}

#[test]
fn a_file_that_becomes_a_link_and_back() {
    use std::os::unix::fs::symlink;
    let file = || Repo::new().file("z.rs", "z\n").file("a.rs", "one\ntwo\n").commit("Base");
    let link = |repo: Repo| {
        let repo = repo.remove("a.rs");
        symlink("z.rs", repo.path().join("a.rs")).unwrap();
        repo
    };
    let lines = |reviewed: &Reviewed| {
        let report = reviewed.report();
        let shown = reviewed.parts().concat();
        (report["coverage"]["changed_lines"].as_u64(), report["coverage"]["files"].as_u64(), shown)
    };
    let there = review(&link(file().branch("topic")).commit("Link"), &[], Script::new());
    let (changed, files, shown) = lines(&there);
    assert_eq!((changed, there.run.code), (Some(3), Some(0)), "{files:?} {shown}\n{}", there.run);
    assert!(shown.contains("1 -one\n2 -two\n") && shown.contains("1 +z.rs\n"), "{shown}");

    let back = link(file()).commit("Link").branch("topic").remove("a.rs").file("a.rs", "one\ntwo\n");
    let found = Answer::findings(vec![finding("a.rs", 2, "two", json!({}))]);
    let back = review(&back.commit("File"), &[], Script::new().when("", found));
    let (changed, files, shown) = lines(&back);
    assert_eq!((changed, back.run.code), (Some(3), Some(0)), "{files:?} {shown}\n{}", back.run);
    assert!(shown.contains("1 -z.rs\n") && shown.contains("1 +one\n2 +two\n"), "{shown}");
    assert_eq!(back.report()["findings"][0]["start_line"], 2);
}

#[test]
fn files_in_the_middle_of_a_merge_are_reviewed_as_they_are() {
    let base = Repo::new().file("a.rs", "one\n").file("b.rs", "b\n").commit("Base").branch("other");
    let other = base.file("a.rs", "other();\n").commit("Other").checkout("main").branch("topic");
    let repo = other.file("a.rs", "ours();\n").file("b.rs", "bb\n").commit("Ours");
    {
        let git = repo.git();
        let theirs = git.find_annotated_commit(git.refname_to_id("refs/heads/other").unwrap()).unwrap();
        git.merge(&[&theirs], None, None).unwrap();
        assert!(git.index().unwrap().has_conflicts());
    }
    for args in [&[][..], &["--worktree"]] {
        let reviewed = review(&repo, args, Script::new());
        let (shown, report) = (reviewed.parts().concat(), reviewed.report());
        assert!(shown.contains("+ours();\n") || args == ["--worktree"], "{shown}");
        assert!(shown.contains("+other();\n") && shown.contains("+<<<<<<<"), "{args:?} {shown}");
        assert_eq!(shown.matches("=== a.rs").count(), 1, "{shown}");
        let rules: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|f| &f["rule"]).collect();
        assert!(rules.contains(&&json!("conflict-marks")), "{report:#}");
        assert!(report["coverage"]["failed"].as_array().unwrap().is_empty());
    }
}

#[test]
fn the_prefixes_of_the_repositorys_diffs_are_no_paths() {
    for (key, value) in
        [("diff.noprefix", "true"), ("diff.mnemonicPrefix", "true"), ("diff.srcPrefix", "x/"), ("diff.dstPrefix", "y/")]
    {
        let repo = Repo::new().file("a/a.rs", "one\n").commit("Base").branch("topic").file("a/a.rs", "one\ntwo\n");
        repo.git().config().unwrap().set_str(key, value).unwrap();
        let expected = TWO.replace("=== a.rs", "=== a/a.rs");
        check(&repo, &[], &expected);
        check(&repo, &["--worktree"], &expected);
        check(&repo.clone().stage(), &["--staged"], &expected);
        check(&repo.commit("Add two"), &["--base", "main"], &expected);
    }
}

#[test]
fn line_ends_are_no_text() {
    let repo = Repo::new().file("dos.rs", "one\r\ntwo\r\n").file("end.rs", "one").commit("Base").branch("topic");
    let repo = repo.file("dos.rs", "one\r\n2();\r\n").file("end.rs", "one\n2();").commit("Change");
    let found = Answer::findings(vec![finding("dos.rs", 2, "2();", json!({"suggestion": "3();"}))]);
    let reviewed = review(&repo, &[], Script::new().when("", found));
    let expected = "=== dos.rs (modified)\n@@ lines 1-2\n1  one\n2 -two\n2 +2();\n\
                    === end.rs (modified)\n@@ lines 1-2\n1 -one\n1 +one\n2 +2();\n";
    assert_eq!(reviewed.parts().concat(), expected);
    let report = reviewed.report();
    assert_eq!(report["coverage"]["changed_lines"], 5);
    let finding = &report["findings"][0];
    assert_eq!((&finding["start_line"], &finding["quote"]), (&json!(2), &json!("2();")), "{report:#}");
}

#[test]
fn odd_names_and_texts_arrive_as_they_are() {
    let names: [&[u8]; 4] = ["đường/tệp.rs".as_bytes(), b"a \"quoted\"\tname.rs", b"caf\xe9.rs", b" b/x b.rs "];
    let shown = ["đường/tệp.rs", "a \"quoted\"\tname.rs", "caf\\351.rs", " b/x b.rs "];
    let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("topic").file("đường/x", "").file(" b/x", "");
    for name in names {
        std::fs::write(repo.path().join(OsStr::from_bytes(name)), b"let caf\xe9 = 1;\n").unwrap();
    }
    let found = |path: &str| finding(path, 1, "let caf\u{fffd} = 1;", json!({"title": format!("In {path:?}")}));
    let answer = Answer::findings(shown.iter().map(|path| found(path)).collect());
    let reviewed = review(&repo.commit("Change"), &["--max-comments", "9"], Script::new().when("", answer));
    let report = reviewed.report();
    assert!(reviewed.parts().concat().contains("1 +let caf\u{fffd} = 1;\n"));
    let mut paths: Vec<&str> =
        report["findings"].as_array().unwrap().iter().filter_map(|f| f["path"].as_str()).collect();
    paths.sort_unstable();
    let mut expected = shown;
    expected.sort_unstable();
    assert_eq!(paths, expected, "{report:#}");
}
