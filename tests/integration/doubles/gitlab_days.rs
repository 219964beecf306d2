//! The double of GitLab over time: pushes, what becomes of the notes, and the jobs that are started.

use std::path::Path;

use serde_json::{Value, json};

use super::github::repo;
use super::gitlab::{MERGE, get, scenario, send};
use super::gitlab_notes::{discuss, position};
use crate::support::gitlab::{Fault, GitLab, JOB_TOKEN, Quirks, Route, Scenario, TOKEN};
use crate::support::gitlab_ci::{Job, Pipeline};
use crate::support::repo::Repo;

/// A request with notes on the added line 3, the added line 4, the removed line 3 and the unchanged line 5 (4 before).
fn noted(quirks: impl FnOnce(&mut Quirks)) -> (GitLab, Repo) {
    let repo = repo();
    let gitlab = GitLab::start(Scenario::new(&repo, "main", "feature").quirks(quirks));
    for lines in
        [json!({"new_line": 3}), json!({"new_line": 4}), json!({"old_line": 3}), json!({"old_line": 4, "new_line": 5})]
    {
        assert_eq!(discuss(&gitlab, lines).status, 201);
    }
    (gitlab, repo)
}

/// The branch goes on: two lines are put before the others, and one of the lines is another.
fn push(gitlab: &GitLab, repo: Repo, from: &str, to: &str) -> Repo {
    let repo = repo.checkout("feature");
    let text = std::fs::read_to_string(repo.path().join("src/a.rs")).unwrap();
    let text = format!("put\nbefore\n{}", text.replace(from, to));
    let repo = repo.file("src/a.rs", text).commit("push");
    gitlab.push(&repo.sha("feature"));
    repo
}

/// Where the threads stand: their lines, and whether they are on the newest version.
fn places(gitlab: &GitLab) -> Vec<(Option<u32>, Option<u32>, bool)> {
    let newest = gitlab.versions().pop().unwrap();
    let of = |discussion: crate::support::gitlab::Discussion| {
        let position = discussion.notes[0].position.clone().unwrap();
        (position.old_line, position.new_line, position.is_of(&newest))
    };
    gitlab.discussions().into_iter().map(of).collect()
}

#[test]
fn a_push_makes_a_version_and_is_told_of() {
    let (gitlab, repo) = noted(|_| {});
    let (old, target) = (gitlab.head(), repo.sha("main"));
    push(&gitlab, repo, "", "");
    let listed = get(&gitlab, &format!("{MERGE}/versions")).json();
    let seen: Vec<_> = listed.as_array().unwrap().iter().map(|version| version["head_commit_sha"].clone()).collect();
    assert_eq!(seen, [json!(gitlab.head()), json!(old)], "the newest first");
    assert_eq!(get(&gitlab, MERGE).json()["diff_refs"]["start_sha"], target);
    let told = get(&gitlab, &format!("{MERGE}/notes?activity_filter=only_activity")).json();
    assert_eq!((&told[0]["system"], told.as_array().unwrap().len()), (&json!(true), 1));
    assert!(told[0]["body"].as_str().unwrap().starts_with("added 1 commit"), "{told}");
    assert!(gitlab.notes().is_empty() && gitlab.discussions().len() == 4);
    let own = told[0]["id"].clone();
    assert_eq!(send(&gitlab, "DELETE", &format!("{MERGE}/notes/{own}"), &Value::Null).status, 403);
}

#[test]
fn notes_go_with_their_lines() {
    let (gitlab, repo) = noted(|_| {});
    push(&gitlab, repo, "more 3", "less 3");
    let there = true;
    assert_eq!(
        places(&gitlab),
        [(None, Some(5), there), (None, Some(4), false), (Some(3), None, there), (Some(4), Some(7), there)]
    );
    let outdated = &gitlab.discussions()[1];
    assert_eq!((outdated.notes.len(), outdated.notes[1].system, outdated.resolved()), (2, true, false));
    assert!(outdated.notes[1].body.starts_with("changed this line in"), "{}", outdated.notes[1].body);
    let moved = &gitlab.discussions()[0].notes[0];
    assert_eq!((moved.original.as_ref().unwrap().new_line, moved.lines()), (Some(3), (5, 5)));
}

#[test]
fn what_is_outdated_stays_where_it_was() {
    let (gitlab, repo) = noted(|_| {});
    let repo = push(&gitlab, repo, "more 3", "less 3");
    push(&gitlab, repo, "less 3", "more 3");
    assert_eq!(places(&gitlab)[..2], [(None, Some(7), true), (None, Some(4), false)]);
}

#[test]
fn positions_can_stay() {
    let (gitlab, repo) = noted(|quirks| quirks.positions_stay = true);
    let before: Vec<_> = places(&gitlab).into_iter().map(|(old, new, _)| (old, new, false)).collect();
    push(&gitlab, repo, "more 3", "less 3");
    assert_eq!(places(&gitlab), before);
}

#[test]
fn outdated_threads_can_be_settled_by_the_push() {
    let (gitlab, repo) = noted(|quirks| quirks.resolve_outdated = true);
    push(&gitlab, repo, "more 3", "less 3");
    let settled: Vec<_> = gitlab.discussions().iter().map(|it| it.resolved_by().map(str::to_owned)).collect();
    assert_eq!(settled, [None, Some("alice".to_owned()), None, None]);
}

#[test]
fn a_reverted_line_is_an_unchanged_one() {
    let (gitlab, repo) = noted(|_| {});
    // What the branch adds is now in the target branch too.
    let target = repo.clone().checkout("main").merge("feature");
    gitlab.move_target(&target.sha("main"));
    let head = target.checkout("feature").file("b.txt", "x\n").commit("more");
    gitlab.push(&head.sha("feature"));
    let version = gitlab.versions().pop().unwrap();
    assert_eq!(version.start, repo.sha("main"));
    assert_ne!(version.base, gitlab.versions()[0].base);
    assert_eq!(places(&gitlab)[0], (Some(3), Some(3), true));
}

#[test]
fn old_versions_take_notes_and_wrong_ones_do_not() {
    let (gitlab, repo) = noted(|_| {});
    let old = position(&gitlab, json!({"new_line": 3}));
    push(&gitlab, repo, "", "");
    assert_eq!(discuss(&gitlab, old.clone()).status, 201);
    let mut mixed = old;
    mixed["head_sha"] = json!(gitlab.head());
    mixed["start_sha"] = json!(gitlab.head());
    assert_eq!(discuss(&gitlab, mixed).status, 400);
}

#[test]
fn a_rebase_has_another_base() {
    let repo = repo();
    let gitlab = GitLab::start(Scenario::new(&repo, "main", "feature"));
    let rebased = repo.clone().checkout("main").branch("feature").file("src/a.rs", "all new\n").commit("rebased");
    gitlab.push(&rebased.sha("feature"));
    let versions = gitlab.versions();
    assert_ne!(versions[0].base, versions[1].base);
    assert_eq!(versions[1].base, repo.sha("main"));
    let file = format!("/projects/4242/repository/files/src%2Fa.rs/raw?ref={}", versions[0].head);
    assert!(get(&gitlab, &file).text.contains("more 3"), "the old head is left behind but not gone");
    gitlab.retarget("feature");
    assert_eq!(gitlab.versions().len(), 3);
}

#[test]
fn the_head_can_move_while_somebody_asks() {
    let repo = repo();
    let gitlab = GitLab::start(Scenario::new(&repo, "main", "feature"));
    let old = position(&gitlab, json!({"new_line": 3}));
    let next = repo.checkout("feature").file("b.txt", "x\n").commit("more").sha("feature");
    gitlab.fault(Route::CreateDiscussion, 1, Fault::HeadMoves(next.clone()));
    assert_eq!(discuss(&gitlab, old).status, 201, "it is for the old one");
    assert_eq!(get(&gitlab, MERGE).json()["sha"], json!(next));
}

#[test]
fn people_write_and_take_away() {
    let gitlab = GitLab::start(scenario());
    let thread = gitlab.discuss("bob", "Why?", None);
    let answer = gitlab.answer(&thread, "alice", "So.");
    gitlab.edit(answer, "So!");
    assert_eq!(gitlab.discussions()[0].notes[1].body, "So!");
    gitlab.delete(answer);
    gitlab.delete(gitlab.discussions()[0].notes[0].id);
    assert!(gitlab.all_discussions().is_empty());
}

#[test]
fn a_job_knows_its_request() {
    let repo = repo();
    let check = |scenario: Scenario, pipeline: Pipeline, expected: &[(&str, &str)]| {
        let gitlab = GitLab::start(scenario);
        let env = Job::new(&gitlab, pipeline).env();
        for (name, value) in expected {
            assert_eq!(env.get(*name).map_or("(none)", String::as_str), *value, "{name}");
        }
        assert_eq!(env["CI_API_V4_URL"], gitlab.api_url());
        assert!(Path::new(&env["CI_PROJECT_DIR"]).is_absolute());
    };
    let (main, head) = (repo.sha("main"), repo.sha("feature"));
    let (merged, base) = (repo.merge_commit("main", "feature"), repo.sha("feature~1"));
    let plain = || Scenario::new(&repo, "main", "feature");
    check(
        plain().labels(&["a", "b"]),
        Pipeline::Merge,
        &[
            ("GITLAB_CI", "true"),
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CI_PROJECT_ID", "4242"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "4242"),
            ("CI_MERGE_REQUEST_PROJECT_PATH", "octo/demo"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_LABELS", "a,b"),
            ("CI_MERGE_REQUEST_EVENT_TYPE", "detached"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", ""),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base),
            ("CI_COMMIT_SHA", &head),
            ("CI_JOB_TOKEN", JOB_TOKEN),
            ("GITLAB_TOKEN", TOKEN),
        ],
    );
    check(
        plain().fork(),
        Pipeline::Merge,
        &[
            ("CI_PROJECT_ID", "4343"),
            ("CI_PROJECT_PATH", "alice/demo"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "4242"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "4343"),
            ("CI_JOB_TOKEN", JOB_TOKEN),
            ("GITLAB_TOKEN", "(none)"),
        ],
    );
    check(
        plain(),
        Pipeline::MergedResults,
        &[
            ("CI_COMMIT_SHA", &merged),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", &head),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", &main),
            ("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result"),
        ],
    );
    check(
        plain(),
        Pipeline::Branch,
        &[
            ("CI_PIPELINE_SOURCE", "push"),
            ("CI_MERGE_REQUEST_IID", "(none)"),
            ("CI_OPEN_MERGE_REQUESTS", "octo/demo!7"),
        ],
    );
}

#[test]
fn a_job_starts_with_some_of_the_history() {
    let gitlab = GitLab::start(scenario());
    let empty = Job::new(&gitlab, Pipeline::Merge);
    assert_eq!(std::fs::read_dir(empty.workspace()).unwrap().count(), 0);
    let commits = |pipeline: Pipeline, depth: usize| {
        let job = Job::in_clone(&gitlab, pipeline, depth);
        assert_eq!(job.env()["CI_PROJECT_DIR"], job.workspace().display().to_string());
        let git = git2::Repository::open(job.workspace()).unwrap();
        assert!(git.head_detached().unwrap());
        assert_eq!(git.head().unwrap().target().unwrap().to_string(), job.env()["CI_COMMIT_SHA"]);
        let mut walk = git.revwalk().unwrap();
        walk.push_head().unwrap();
        (walk.count(), git.is_shallow())
    };
    assert_eq!(commits(Pipeline::Merge, 1), (1, true));
    assert_eq!(commits(Pipeline::Merge, 20), (2, false));
    assert_eq!(commits(Pipeline::Merge, 0), (2, false));
    assert_eq!(commits(Pipeline::MergedResults, 2), (3, true));
    assert_eq!(commits(Pipeline::MergedResults, 0), (4, false));
    let job = Job::in_clone(&gitlab, Pipeline::Merge, 1).env_of("A", "b").without("GITLAB_TOKEN");
    assert_eq!((job.env()["A"].as_str(), job.env().contains_key("GITLAB_TOKEN")), ("b", false));
}
