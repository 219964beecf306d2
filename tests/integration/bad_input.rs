//! What cannot be reviewed ends with one clear message: the thing, the cause, the remedy.

use std::net::TcpListener;
use std::path::Path;

use crate::support::openai::{KEY, OpenAi, Script};
use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

fn repo() -> Repo {
    let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("topic");
    repo.file("a.rs", "one\ntwo\n").commit("Change")
}

/// An address on which nobody listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}/v1", listener.local_addr().expect("an address"))
}

/// One message on standard error, nothing on standard output, exit code 2; never the key, never a panic.
#[track_caller]
fn check_message(run: &Run, cause: &str, hint: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run}");
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{run}");
    assert!(run.stderr.contains(cause), "no `{cause}`\n{run}");
    let remedy = run.stderr.lines().last().unwrap_or_default();
    assert!(remedy.starts_with("hint: ") && remedy.contains(hint), "no `{hint}` at the end\n{run}");
    assert!(!run.stderr.contains("panicked") && !run.stderr.contains(KEY), "{run}");
}

/// Reviews and plans a change that cannot be had.
#[track_caller]
fn check(folder: &Path, args: &[&str], cause: &str, hint: &str) {
    let openai = OpenAi::start(Script::new());
    for command in ["review", "plan"] {
        let run = Prudence::new().current_dir(folder).openai(&openai).arg(command).args(args).run();
        check_message(&run, cause, hint);
    }
    assert_eq!(openai.requests().len(), 0, "nothing is asked");
}

#[test]
fn no_repository() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), &[], "is in no git repository", "--repo DIR");
    check(folder.path(), &["--staged"], "is in no git repository", "--patch FILE");
    check(folder.path(), &["--repo", "no/such"], "is in no git repository", "--repo DIR");
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    std::fs::write(folder.path().join(".git/HEAD"), "damaged").unwrap();
    check(folder.path(), &[], "", "");
}

#[test]
fn revisions_that_are_not_there() {
    let repo = repo();
    check(repo.path(), &["--base", "nowhere"], "`nowhere` is no commit, branch or tag", "git fetch origin");
    check(repo.path(), &["--base", "main", "--head", "nowhere"], "`nowhere` is no commit", "git branch -a");
    check(repo.path(), &["--base", &"0".repeat(40)], "is no commit, branch or tag", "git fetch origin");
    check(repo.path(), &["--base", "HEAD:a.rs"], "`HEAD:a.rs` is no commit, branch or tag", "");
    check(repo.path(), &["--base", "\u{1b}[31m"], "is no commit, branch or tag", "");
}

#[test]
fn histories_that_do_not_meet() {
    let repo = repo();
    let other = {
        let git = repo.git();
        let head = git.head().unwrap().peel_to_commit().unwrap();
        let (author, tree) = (head.author().to_owned(), head.tree().unwrap());
        git.commit(None, &author, &author, "Root", &tree, &[]).unwrap().to_string()
    };
    let repo = repo.reference("refs/heads/other", &other);
    check(repo.path(), &["--base", "other"], "`other` and the head have no common ancestor", "--base REF");
}

#[test]
fn a_shallow_clone_says_how_to_get_more() {
    let repo = repo();
    let shallow = repo.actions_checkout("main", "topic");
    check(shallow.path(), &["--base", "main"], "`main` is no commit, branch or tag", "fetch-depth: 0");
    check(shallow.path(), &[], "cannot find the default branch", "fetch-depth: 0");
    let cut = shallow.reference("refs/heads/main", "HEAD");
    {
        let git = cut.git();
        let head = git.head().unwrap().peel_to_commit().unwrap();
        let (author, tree) = (head.author().to_owned(), head.tree().unwrap());
        let other = git.commit(None, &author, &author, "Cut off", &tree, &[]).unwrap();
        git.reference("refs/heads/other", other, true, "set by a test").unwrap();
    }
    check(
        cut.path(),
        &["--base", "other"],
        "cannot find where the change leaves `other`: this clone is shallow",
        "--unshallow",
    );
}

#[test]
fn no_default_branch() {
    let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("topic");
    repo.git().find_branch("main", git2::BranchType::Local).unwrap().delete().unwrap();
    check(repo.path(), &[], "cannot find the default branch", "--base REF");
}

#[test]
fn an_empty_change_is_no_error() {
    let (repo, openai) = (repo(), OpenAi::start(Script::new()));
    for args in [&["--staged"][..], &["--worktree"], &["--base", "topic"]] {
        let run =
            Prudence::new().current_dir(repo.path()).openai(&openai).arg("review").args(args).run().expect_code(0);
        assert!(run.stdout.contains("nothing to review"), "{run}");
        assert!(!run.stderr.contains("error"), "{run}");
    }
    assert_eq!(openai.requests().len(), 0);
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let repo = repo();
    check(repo.path(), &["--config", "no-such.toml"], "cannot read the configuration `", "--config");
    std::fs::create_dir(repo.path().join(".prudence.toml")).unwrap();
    check(repo.path(), &[], "cannot read the configuration `", "");
}

#[test]
fn flags_that_are_not_known() {
    let repo = repo();
    for (args, cause) in [
        (&["review", "--modle", "x"][..], "unexpected argument '--modle'"),
        (&["reveiw"], "unrecognized subcommand 'reveiw'"),
        (&["review", "--fail-on", "often"], "invalid value 'often' for '--fail-on"),
        (&["review", "--head", "topic"], "--base <REF>"),
        (&["review", "extra"], "unexpected argument 'extra'"),
    ] {
        let run = Prudence::new().current_dir(repo.path()).args(args).run().expect_code(2);
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(cause), "{run}");
        assert!(run.stderr.contains("--help") && run.stdout.is_empty(), "{run}");
    }
    check(repo.path(), &["--concurrency", "0"], "flag --concurrency: `concurrency` must be", "set for example");
    check(repo.path(), &["--base-url", "ftp://x"], "flag --base-url: `base-url` must be", "set for example");
    check(repo.path(), &["--include", "a["], "flag --include: `include` must be", "set for example");
}

#[test]
fn a_provider_without_what_it_needs() {
    let repo = repo();
    let run = |provider: &str| Prudence::new().current_dir(repo.path()).args(["review", "--provider", provider]).run();
    check_message(&run("openai"), "provider `openai` has no key", "set `OPENAI_API_KEY`");
    check_message(&run("azure"), "provider `azure` has no endpoint", "AZURE_OPENAI_ENDPOINT");
}

#[test]
fn a_key_that_the_server_refuses() {
    let (repo, openai) = (repo(), OpenAi::start(Script::new()));
    let wrong = "sk-wrong-0123456789abcdefghij";
    let program = Prudence::new().current_dir(repo.path()).openai(&openai).env("OPENAI_API_KEY", wrong);
    let run = program.args(["review", "-vv"]).run();
    check_message(
        &run,
        "the model server refused the key (401 invalid_api_key)",
        "set `OPENAI_API_KEY` to a valid key",
    );
    assert!(!run.stderr.contains(wrong), "{run}");
    assert_eq!(openai.completions().len(), 1, "a refused key is not tried again");
}

#[test]
fn a_model_that_the_server_does_not_have() {
    let (repo, openai) = (repo(), OpenAi::start(Script::new()));
    let run = Prudence::new().current_dir(repo.path()).openai(&openai).args(["review", "--model", "gpt-99"]).run();
    check_message(&run, "the model server has no model `gpt-99` (404 model_not_found)", "set `--model`");
    assert_eq!(openai.completions().len(), 1);
}

#[test]
fn a_server_that_is_not_there() {
    let (repo, closed) = (repo(), closed());
    let program = Prudence::new().current_dir(repo.path()).env("OPENAI_API_KEY", KEY);
    let run = program.args(["review", "--deadline", "2", "--base-url", &closed]).run();
    let origin = closed.trim_end_matches("/v1");
    check_message(&run, origin, "");
}

#[test]
fn an_address_that_is_no_model_server() {
    let (repo, openai) = (repo(), OpenAi::start(Script::new()));
    let url = openai.url.replace("/v1", "/v2");
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    let run = program.args(["review", "--base-url", &url]).run();
    check_message(&run, "has no Chat Completions at this address (404)", "check `--base-url`");
}
