//! What the token may write, asked of a double that would take what it should refuse.

use prudence::forge::github::{self, GitHub as Client};
use prudence::forge::{Access, Forge, ForgeError};
use prudence::secret::Secret;

use crate::support::github::{Fault, GitHub, Route, Scenario, TOKEN};
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
