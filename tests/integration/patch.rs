//! Unified diffs from a file or standard input.

use serde_json::{Value, json};

use crate::support::openai::{OpenAi, Script};
use crate::support::program::{Prudence, Run};
use crate::support::review::{assert_receipt, part};

const VIEW: &str = "=== a.rs (modified)\n@@ lines 1-3\n1  one\n2 -two\n2 +2\n3  three\n";
const HUNK: &str = "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";

/// Reviews a diff on standard input; what the requests showed of it.
fn review(patch: impl AsRef<[u8]>) -> (Run, String) {
    let openai = OpenAi::start(Script::new());
    let run = Prudence::new().openai(&openai).args(["review", "--patch", "-", "--format", "json"]).stdin(patch).run();
    let parts = openai.completions().iter().map(|request| part(&request.body)).collect();
    (run, parts)
}

#[track_caller]
fn check(patch: impl AsRef<[u8]>, expected: &str) -> Value {
    let (run, parts) = review(patch);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(parts, expected, "{run}");
    let report = run.json();
    assert_receipt(&report["coverage"]);
    report
}

fn git(path: &str) -> String {
    format!("diff --git a/{path} b/{path}\nindex 1234567..89abcde 100644\n--- a/{path}\n+++ b/{path}\n{HUNK}")
}

#[test]
fn a_diff_of_git() {
    let report = check(git("a.rs"), VIEW);
    let change = json!({"source": "patch", "base_sha": null, "head_sha": null, "title": null, "url": null});
    assert_eq!(report["change"], change);
}

#[test]
fn a_file_is_read_from_the_folder_of_the_call() {
    let (folder, openai) = (tempfile::tempdir().unwrap(), OpenAi::start(Script::new()));
    std::fs::write(folder.path().join("my change.diff"), git("a.rs")).unwrap();
    let program = Prudence::new().openai(&openai).current_dir(folder.path());
    program.args(["review", "--patch", "my change.diff"]).run().expect_code(0);
    assert_eq!(part(&openai.completions()[0].body), VIEW);
}

#[test]
fn mails_of_format_patch() {
    let mail = |n: usize, path: &str| {
        format!(
            "From 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\nFrom: Alice <alice@example.com>\n\
             Date: Sun, 22 Nov 2026 10:00:00 +0000\nSubject: [PATCH {n}/2] Change {path}\n\n- one remark\n+ another\n---\n \
             {path} | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n{}-- \n2.43.0\n\n",
            git(path)
        )
    };
    check(mail(1, "a.rs") + &mail(2, "b.rs"), &(VIEW.to_owned() + &VIEW.replace("a.rs", "b.rs")));
}

#[test]
fn diffs_without_git() {
    let times = "\t2026-11-22 10:00:00.000000000 +0000";
    check(format!("--- a.rs.orig{times}\n+++ a.rs{times}\n{HUNK}"), VIEW);
    check(
        format!("Only in new: x\ndiff -ru old/a.rs new/a.rs\n--- old/a.rs{times}\n+++ new/a.rs{times}\n{HUNK}"),
        VIEW,
    );
    check(format!("Index: a.rs\n=====\n--- a.rs\t(revision 1)\n+++ a.rs\t(working copy)\n{HUNK}"), VIEW);
    check("--- /dev/null\n+++ b/a.rs\n@@ -0,0 +1 @@\n+one\n", "=== a.rs (added)\n@@ lines 1-1\n1 +one\n");
    check("--- a/a.rs\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", "=== a.rs (deleted)\n@@ lines 1-1\n1 -one\n");
}

#[test]
fn binary_files_without_a_header_are_listed() {
    let binary = json!([{"path": "logo.png", "reason": "binary", "changed_lines": 0}]);
    for names in ["old/logo.png and new/logo.png", "a/logo.png and b/logo.png", "/dev/null and b/logo.png"] {
        let line = format!("Binary files {names} differ\n");
        let text = format!("diff -ru old/a.rs new/a.rs\n--- old/a.rs\n+++ new/a.rs\n{HUNK}");
        for patch in [format!("{line}{text}"), format!("{text}{line}"), format!("{text}Only in new: x\n{line}")] {
            let report = check(&patch, VIEW);
            assert_eq!(report["coverage"]["skipped"], binary, "{patch}");
            assert_eq!((&report["coverage"]["files"], &report["status"]), (&json!(2), &json!("complete")), "{patch}");
        }
    }
}

#[test]
fn lines_decide_where_the_counts_lie() {
    for counts in
        ["1 +1", "1,1 +1,1", "1,9 +1,9", "1,3 +1,2", "1,999999999 +1,4294967295", "1,99999999999999999999999 +1,3"]
    {
        let report = check(
            git("a.rs").replace("1,3 +1,3", counts) + &git("b.rs"),
            &(VIEW.to_owned() + &VIEW.replace("a.rs", "b.rs")),
        );
        assert_eq!(report["coverage"]["changed_lines"], 4, "{counts}");
    }
}

#[test]
fn line_numbers_at_the_end_of_the_range() {
    let patch = "--- a/a.rs\n+++ b/a.rs\n@@ -4294967295 +4294967295,3 @@\n-one\n+two\n+three\n+four\n";
    let (run, parts) = review(patch);
    let marks: Vec<&str> = parts.lines().filter_map(|line| line.split_once(' ')).map(|(_, rest)| rest).collect();
    assert_eq!(marks[2..], ["-one", "+two", "+three", "+four"], "{parts}");
    assert_eq!(run.expect_code(0).json()["coverage"]["changed_lines_reviewed"], 4);
}

#[test]
fn an_empty_diff_is_nothing_to_review() {
    for patch in ["", "\n\n  \n"] {
        let (run, parts) = review(patch);
        let report = run.expect_code(0).json();
        assert_eq!((&report["status"], parts.as_str()), (&json!("nothing_to_review"), ""), "{patch:?}");
    }
}

/// What is no diff that can be reviewed ends the run, and nothing is asked.
#[track_caller]
fn check_refused(patch: impl AsRef<[u8]>, expected: &str) {
    let (run, parts) = review(patch);
    assert_eq!((run.code, run.stdout.as_str(), parts.as_str()), (Some(2), "", ""), "{run}");
    assert!(
        run.stderr.starts_with("error: cannot review standard input: ") && run.stderr.contains("\nhint: "),
        "{run}"
    );
    assert!(run.stderr.contains(expected) && !run.stderr.contains("panicked"), "{run}");
}

#[test]
fn what_is_no_diff_is_refused_by_name() {
    check_refused(
        "diff --cc src/a.rs\nindex 1,2..3\n--- a/src/a.rs\n+++ b/src/a.rs\n@@@ -1,1 -1,1 +1,1 @@@\n++x\n",
        "`src/a.rs` is a combined diff",
    );
    check_refused("diff --combined src/a.rs\n@@@ -1,1 -1,1 +1,1 @@@\n++x\n", "`src/a.rs` is a combined diff");
    check_refused("Hello,\nthis is a letter.\n", "no unified diff; it starts with `Hello,`");
    check_refused(b"\x1b[31m\xff\xfe\0binary", "no unified diff; it starts with `\\u{1b}[31m");
    check_refused(HUNK, "line 1: a hunk (`@@`) without a file before it");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for file in ["no such.diff", "/"] {
        let run = Prudence::new().args(["review", "--provider", "offline", "--patch", file]).run().expect_code(2);
        assert!(run.stderr.starts_with(&format!("error: cannot read the patch `{file}`: ")), "{run}");
        assert!(run.stderr.contains("\nhint: "), "{run}");
        assert_eq!(run.stdout, "");
    }
}
