//! What the scripts of the project do where something cannot be had: it is left out, and where all is required a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::install::{find, missing};
use crate::support::program::Run;

/// Runs a script, elsewhere, where these programs end so.
fn without(script: &str, programs: &[(&str, &str)], require: Option<&str>) -> Run {
    let folder = TempDir::with_prefix("prudence-scripts-").expect("a temporary folder");
    let at = |path: &str| folder.path().join(path);
    fs::create_dir(at("scripts")).and_then(|()| fs::create_dir(at("bin"))).expect("folders");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(script), at(script)).expect(script);
    for (program, text) in programs {
        let file = at("bin").join(program);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("a program");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let mut path = at("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(find("bash").expect("bash"));
    command.arg(at(script)).env("PATH", path).env_remove("PRUDENCE_REQUIRE");
    command.envs(require.map(|value| ("PRUDENCE_REQUIRE", value)));
    let output = command.output().expect("bash starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn what_cannot_be_checked_is_left_out_unless_all_is_required() {
    #[track_caller]
    fn check(script: &str, programs: &[(&str, &str)], why: &str) {
        for require in [None, Some(""), Some("0")] {
            let run = without(script, programs, require).expect_code(0);
            assert!(run.stdout.is_empty() && run.stderr.contains(&format!("notice: {why}")), "{run}");
        }
        let run = without(script, programs, Some("1")).expect_code(1);
        assert!(run.stdout.is_empty() && run.stderr.contains(&format!("error: {why}")), "{run}");
        assert!(run.stderr.ends_with("\nhint: without PRUDENCE_REQUIRE=1 this is left out\n"), "{run}");
    }
    if missing(&["bash"]) {
        return;
    }
    let linux = [("uname", "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac"), ("id", "echo 0")];
    check("scripts/lint", &[("python3", "exit 1")], "workflows and scripts are not linted: ");
    check("scripts/deny", &[("cargo", "exit 1")], "dependencies are not checked: cargo-deny cannot be installed");
    let no_database = "test \"$2\" != fetch || { echo unreachable; exit 1; }";
    check(
        "scripts/deny",
        &[("cargo", no_database)],
        "advisories are not checked: their database cannot be reached (un",
    );
    check("scripts/test-image", &[("id", "echo 1000")], "no container image is built here: that takes root on Linux");
    let no_clone = "no container image is built here: this is no clone of git";
    check("scripts/test-image", &linux, no_clone);
}
