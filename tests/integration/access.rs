//! What the token may write, asked of a double that would take what it should refuse.

use prudence::forge::github::{self, GitHub as Client};
use prudence::forge::{Access, Forge, ForgeError};
use prudence::secret::Secret;

use crate::support::github::{Fault, GitHub, Route, Scenario, TOKEN};
use crate::support::openai::Script;
use crate::support::program::{Prudence, Run};
use crate::support::pull::Pull;
use crate::support::repo::Repo;

fn scenario() -> Scenario {
    let repo = Repo::new().file("a.txt", "one\n").commit("one").branch("topic").file("a.txt", "two\n").commit("two");
    Scenario::new(&repo, "main", "topic")
}

fn asked(github: &GitHub, token: &str) -> Result<Access, ForgeError> {
    let scenario = github.scenario();
    let settings = github::Settings {
        api_url: github.api_url(),
        graphql_url: github.graphql_url(),
        token: Secret::new(token),
        owner: scenario.owner,
        repo: scenario.name,
        number: scenario.number,
        on_event: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let access = runtime.block_on(async { Client::new(settings).expect("a client").may_write().await });
    assert!(github.reviews().is_empty() && github.issue_comments().is_empty(), "something was created");
    assert!(github.review_comments().is_empty(), "something was created");
    github.assert_no_violations();
    access
}

#[track_caller]
fn check(permissions: &[(&str, &str)], may_review: bool, may_comment: bool) {
    let access = asked(&GitHub::start(scenario().permissions(permissions)), TOKEN).expect("a verdict");
    assert_eq!((access.review.is_ok(), access.comment.is_ok()), (may_review, may_comment), "{access:?}");
    for refusal in [access.review.err(), access.comment.err()].into_iter().flatten() {
        let parts = ["(403: Resource not accessible by integration)\nhint: ", "`pull-requests: write`"];
        assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    }
}

#[test]
fn the_permission_is_found_out_and_nothing_is_created() {
    check(&[("contents", "read"), ("pull_requests", "write")], true, true);
    check(&[("contents", "read"), ("pull_requests", "read")], false, false);
    check(&[("contents", "read"), ("issues", "write")], false, true);
    check(&[], false, false);
}

#[test]
fn a_person_s_token_may_write_too() {
    let access = asked(&GitHub::start(scenario().user("bob")), "ghp_1").expect("a verdict");
    assert_eq!(access, Access { review: Ok(()), comment: Ok(()) });
}

#[test]
fn without_a_token_nothing_is_sent() {
    let github = GitHub::start(scenario());
    let access = asked(&github, "").expect("a verdict");
    assert!(access.review.is_err_and(|refusal| refusal.contains("GITHUB_TOKEN")) && access.comment.is_err());
    assert!(github.requests().is_empty());
}

#[test]
fn a_host_out_of_order_says_nothing_of_the_permission() {
    let failing = |fault| {
        let github = GitHub::start(scenario());
        github.fault_always(Route::CreateReview, fault);
        asked(&github, TOKEN).expect_err("no verdict")
    };
    assert!(matches!(failing(Fault::Html502), ForgeError::Unsure(_)));
    assert!(matches!(failing(Fault::Html200), ForgeError::Unsure(_)));
    assert!(matches!(failing(Fault::Reset), ForgeError::Unsure(_)));
    assert!(matches!(failing(Fault::PrimaryLimit), ForgeError::Limited(_)));
    assert!(matches!(asked(&GitHub::start(scenario()), "bad"), Err(ForgeError::Failed(text)) if text.contains("401")));
}

#[test]
fn a_host_that_stumbles_is_asked_again() {
    let github = GitHub::start(scenario());
    github.fault(Route::CreateReview, 1, Fault::Html502);
    github.fault(Route::CreateIssueComment, 1, Fault::Reset);
    assert_eq!(asked(&github, TOKEN).expect("a verdict"), Access { review: Ok(()), comment: Ok(()) });
}

/// A review from a desk, with nothing but the request as a way to its author.
fn reviewed_on_a_desk(scenario: Scenario, args: &[&str]) -> (Pull, Run) {
    let pull = Pull::new(scenario, Script::new());
    let program = Prudence::new().openai(&pull.openai).github(&pull.github);
    let run = program.args(["review", "--effort", "low", "--pr", "octo/demo#7"]).args(args).run();
    (pull, run)
}

#[test]
fn a_result_that_nobody_could_see_is_not_paid_for() {
    let read_only = [("contents", "read"), ("pull_requests", "read")];
    let (pull, run) = reviewed_on_a_desk(scenario().permissions(&read_only), &[]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("nothing was sent to the model") && run.stderr.contains("`--dry-run`"), "{run}");
    assert!(run.stderr.contains("`pull-requests: write`"), "{run}");
    assert!(pull.openai.requests().is_empty(), "{run}");

    let (pull, run) = reviewed_on_a_desk(scenario().permissions(&read_only), &["--dry-run"]);
    assert_eq!((run.code, pull.openai.completions().len()), (Some(0), 1), "{run}");
    assert!(pull.github.writes().is_empty(), "a dry run asks nothing that could write");

    // comments alone are a way, too
    let (pull, run) =
        reviewed_on_a_desk(scenario().permissions(&[read_only[0], read_only[1], ("issues", "write")]), &[]);
    assert_eq!((run.code, pull.github.issue_comments().len()), (Some(0), 1), "{run}");
}

#[test]
fn a_host_that_does_not_tell_stops_no_review() {
    let pull = Pull::new(scenario(), Script::new());
    pull.github.fault_always(Route::CreateReview, Fault::Html502);
    let program = Prudence::new().openai(&pull.openai).github(&pull.github);
    let run = program.args(["review", "--effort", "low", "--pr", "octo/demo#7"]).run().expect_code(0);
    assert!(run.stderr.contains("whether the result can be posted is not known"), "{run}");
    assert_eq!((pull.openai.completions().len(), pull.github.issue_comments().len()), (1, 1));
}
