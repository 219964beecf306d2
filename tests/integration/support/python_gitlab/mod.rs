//! `python-gitlab`, a real client of the host, where `PRUDENCE_TEST_PYTHON_GITLAB` names a Python that has it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::gitlab::{GitLab, TOKEN};

/// What the client sees of the merge request: `discussions` and `notes` with bodies, positions and who settled what, and
/// `drafts`, `versions`, `title`, `state`, `diff_refs`. `None`, with a word on standard error, where it is not to be had.
#[track_caller]
pub fn read_back(gitlab: &GitLab) -> Option<Value> {
    run(gitlab, include_str!("read_back.py"))
}

/// Runs a script that prints JSON; it finds `URL`, `TOKEN`, `PROJECT` and `NUMBER` in its environment.
#[track_caller]
pub fn run(gitlab: &GitLab, script: &str) -> Option<Value> {
    let Ok(python) = std::env::var("PRUDENCE_TEST_PYTHON_GITLAB") else {
        // not `eprintln!`, which the test runner captures
        let notice = "notice: skipped, since PRUDENCE_TEST_PYTHON_GITLAB names no Python with python-gitlab";
        let _ = writeln!(std::io::stderr(), "{notice}");
        return None;
    };
    let sc = gitlab.scenario();
    let mut command = Command::new(&python);
    command.args(["-I", "-B", "-c", script]).env_clear().stdin(Stdio::null());
    command.env("URL", gitlab.web_root()).env("TOKEN", TOKEN);
    command.env("PROJECT", sc.full_name()).env("NUMBER", sc.number.to_string());
    let output = command.output().unwrap_or_else(|error| panic!("`{python}`: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    Some(serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}\n{stdout}\n{stderr}")))
}

/// What the second script of the client did and was told.
#[track_caller]
pub fn write(gitlab: &GitLab) -> Option<Value> {
    run(gitlab, include_str!("write.py"))
}
