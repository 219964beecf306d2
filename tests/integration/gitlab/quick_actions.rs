//! Lines that GitLab would carry out instead of showing them. The double carries out what it is sent.

use super::*;
use crate::support::openai::{Answer, finding};

/// A script of a shell, in which lines begin with a slash.
fn repo() -> Repo {
    let base = Repo::new().file("run.sh", "echo one\n").commit("base");
    base.branch("feature").file("run.sh", "echo one\n/close\n  /merge now\nrm -rf /tmp\n").commit("change")
}

/// Reviews with these findings and this summary; the host carries nothing out. Everything that was posted.
#[track_caller]
fn posted(findings: Vec<Value>, on_lines: bool) -> Vec<String> {
    let answer = json!({"analysis": "", "findings": findings, "summary": "/close\n/merge\n\n  /assign @bob\n```\n/title x\n```\n/label ~bug"});
    let scenario = Scenario::new(&repo(), "main", "feature").title("/merge").body(Some("/close\n/approve"));
    let merge = Merge::new(scenario, Script::new().always(Answer::with(move |_| answer.clone())));
    if !on_lines {
        for route in [Route::ListDrafts, Route::CreateDiscussion] {
            merge.gitlab.fault_always(route, Fault::Status(403, json!({"message": "403 Forbidden"})));
        }
    }
    let reviewed = merge.review(&[], 0);
    assert_eq!(reviewed.at("/delivery/channel"), if on_lines { "review" } else { "comment" }, "{}", reviewed.run);
    assert!(merge.gitlab.commands().is_empty(), "{:?}", merge.gitlab.commands());
    assert!(merge.gitlab.is_open());
    let threads = merge.gitlab.discussions().into_iter().map(|thread| thread.notes[0].body.clone());
    threads.chain(merge.gitlab.notes().into_iter().map(|note| note.body)).collect()
}

/// A finding on the second line with this text.
fn saying(body: &str) -> Value {
    finding("run.sh", 2, "/close", json!({"title": "/close", "body": body}))
}

const BODIES: [&str; 15] = [
    "/close",
    "It is so:\n/merge\n/assign @bob",
    "a\n\n   /close\n",
    "- one\n  /close\n- two",
    "```\n/close\n```\n/merge",
    "````\n```\n/close\n````\n/merge",
    "````sh\n/close\n````",
    "~~~\n/close\n~~~\n/reopen",
    "~~~sh\n```\n~~~\n/close\n",
    "```\n/close",
    "> /close\n\n/close",
    "<details>\n\n/close\n\n</details>",
    "<!-- x -->\n/close",
    "a\r/close\r\n/merge\r\n",
    "| a |\n|---|\n/close",
];

#[test]
fn nothing_that_a_comment_says_is_carried_out() {
    for (at, body) in BODIES.iter().enumerate().filter(|(at, _)| at % 3 == 0) {
        let others = [(3, "  /merge now"), (4, "rm -rf /tmp")].iter().zip(&BODIES[at + 1..at + 3]);
        let others = others.map(|((line, quote), body)| {
            finding("run.sh", *line, quote, json!({"title": format!("/merge {line}"), "body": body}))
        });
        let all = posted(std::iter::once(saying(body)).chain(others).collect(), true);
        assert_eq!(all.len(), 4, "{all:?}");
    }
}

#[test]
fn nothing_that_the_summary_says_is_carried_out() {
    for body in BODIES {
        let all = posted(vec![saying(body)], false);
        assert_eq!(all.len(), 1);
    }
}

/// The code in the first fence with this info string.
fn fenced_code(body: &str, info: &str) -> Option<String> {
    let (fence, rest) = body.split_once(info)?;
    let fence = &fence[fence.rfind('\n').map_or(0, |at| at + 1)..];
    let (_, rest) = rest.split_once('\n')?;
    rest.split_once(&format!("\n{fence}\n")).map(|(code, _)| code.to_owned())
}

#[test]
fn suggestions_are_never_altered() {
    let with = |suggestion: &str| {
        let found = finding("run.sh", 4, "rm -rf /tmp", json!({"title": "Deletes all", "suggestion": suggestion}));
        let all = posted(vec![found, saying("x")], true);
        all.into_iter().find(|body| body.contains("Deletes all")).expect("a comment")
    };
    // every version of the host takes these lines for code
    for suggestion in ["/merge now", "if x\n  /close\nfi", "echo\n/usr/bin/x\n"] {
        let body = with(suggestion);
        let code = fenced_code(&body, "suggestion:-0+0").unwrap_or_else(|| panic!("no suggestion in {body}"));
        assert_eq!(code.trim_end_matches('\n'), suggestion.trim_end_matches('\n'));
    }
    // here one may not, so that the line gets a mark, and nobody can apply it by a click
    let body = with("cat <<E\n```\n/close\nE");
    assert!(!body.contains("suggestion:") && body.contains("\u{200b}/close"), "{body}");
}

#[test]
fn files_with_names_like_commands_do_nothing() {
    let base = Repo::new().file("a", "x\n").commit("base");
    let repo = base.branch("feature").file("close", defect("alpha")).file("merge now", defect("beta")).commit("change");
    let mut life = life_of(&repo, |scenario| scenario.title("/close").body(Some("/merge")));
    for route in [Route::ListDrafts, Route::CreateDiscussion] {
        life.gitlab().fault_always(route, Fault::Status(403, json!({"message": "403 Forbidden"})));
    }
    life.run();
    assert!(life.gitlab().is_open() && life.summary().is_some());
}
