//! GitHub.

use std::path::Path;

use serde_json::json;

use super::host::{Asked, Double, Happening, Tried, Wrong, check_faults, check_happenings, ended, happenings};
use super::host::{long, more, of_writes, on_the_wire, reviewed_before, short, two, wrong};
use crate::support::actions::{Actions, Event};
use crate::support::github::{Fault, GitHub, Route, Scenario, TOKEN};
use crate::support::program::Prudence;
use crate::support::pull::{Reviewed, end_somehow};
use crate::support::repo::Repo;
use crate::support::server::{Reply, Request, Server};

impl Double for GitHub {
    type Route = Route;

    fn of(repo: &Repo) -> GitHub {
        GitHub::start(Scenario::new(repo, "main", "feature"))
    }

    fn run(&self, program: Prudence, report: &Path) -> Reviewed<()> {
        end_somehow(program.actions(&Actions::new(self, &Event::Opened)), report)
    }

    fn fault_once(&self, route: Route, fault: Fault) {
        self.fault(route, 1, fault);
    }

    fn fault_always(&self, route: Route, fault: Fault) {
        self.fault_always(route, fault);
    }

    fn heal(&self) {
        self.heal();
    }

    fn push(&self, sha: &str) {
        self.push(sha);
    }

    fn take_away(&self, comment: u64) {
        self.delete(comment);
    }

    fn count(&self, route: Route) -> usize {
        self.requests_to(route).len()
    }

    fn count_all(&self) -> usize {
        self.requests().len()
    }

    fn writes(&self) -> Vec<Request> {
        self.writes()
    }

    fn comments(&self) -> Vec<(u64, String)> {
        self.review_comments().into_iter().map(|comment| (comment.id, comment.body)).collect()
    }

    fn notes(&self) -> Vec<(u64, String)> {
        self.issue_comments().into_iter().map(|note| (note.id, note.body)).collect()
    }
}

fn asked() -> Vec<Asked<Route>> {
    let asked = |what, route, writes| Asked { what, route, findings: two, writes };
    vec![
        asked("the change", Route::GetDiff, false),
        asked("what stands", Route::GraphQl, false),
        asked("the review", Route::CreateReview, true),
        asked("the summary", Route::CreateIssueComment, true),
    ]
}

fn status(status: u16, message: &str) -> Fault {
    Fault::Status(status, json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
}

fn faults() -> Vec<Wrong> {
    let refusals = [
        wrong("401: bad credentials", status(401, "Bad credentials")),
        wrong("403: not accessible by integration", status(403, "Resource not accessible by integration")),
        long("403: rate limit of the hour", Fault::PrimaryLimit),
        short("403: secondary limit, once, for a second", Fault::SecondaryLimit(Some(1))),
        long("403: secondary limit, for an hour", Fault::SecondaryLimit(Some(3600))),
        wrong("404", status(404, "Not Found")),
        of_writes("409", status(409, "Conflict")),
        of_writes("422: validation failed", status(422, "Validation Failed")),
        of_writes("422: spammed", Fault::Spammed),
        long("429", status(429, "Too Many Requests")),
        wrong("500 that tells the token", status(500, &format!("Server Error for `Bearer {TOKEN}`"))),
    ];
    refusals.into_iter().chain(on_the_wire()).collect()
}

/// A run where GraphQL is closed to the token, and the listing of what stands goes on there.
fn goes_on_at(address: impl Fn(&GitHub) -> String, what: &str) -> (Tried<GitHub>, Reviewed<()>, String) {
    let tried: Tried<GitHub> = reviewed_before(what);
    tried.push_more();
    tried.double.close_graphql(403);
    let link = format!("<{}>; rel=\"next\"", address(&tried.double));
    tried.double.fault_always(Route::ListReviewComments, Fault::Headers(vec![("link", Some(link))]));
    let writes = tried.double.writes().len();
    let (tried, reviewed, places) = ended(tried, what);
    assert_eq!(tried.double.writes().len(), writes, "{what}: what is not listed is not taken for what is not there");
    (tried, reviewed, places)
}

fn of_this_host() -> Vec<Happening<GitHub>> {
    vec![
        ("a listing names itself as its next page", |what| {
            let own = "/repos/octo/demo/pulls/7/comments?per_page=100";
            goes_on_at(|github| format!("{}{own}", github.api_url()), what)
        }),
        ("a listing goes on at another host", |what| {
            let other = Server::start("another host", Box::new(|_, _, _| Reply::json(200, &json!([]))));
            let result = goes_on_at(|_| format!("{}/comments?page=2", other.root), what);
            assert!(other.requests().is_empty(), "{what}: the token goes nowhere else");
            result
        }),
        ("GraphQL names the same page for ever", |what| {
            let tried: Tried<GitHub> = reviewed_before(what);
            tried.push_more();
            let again = Fault::Changed(|answer| {
                let threads = &mut answer["data"]["repository"]["pullRequest"]["reviewThreads"];
                if threads.is_object() {
                    threads["pageInfo"] = json!({"hasNextPage": true, "endCursor": "cursor:1"});
                }
            });
            tried.double.fault_always(Route::GraphQl, again);
            ended(tried, what)
        }),
        ("somebody pushes just before the review is posted", |what| {
            let tried: Tried<GitHub> = Tried::new(two());
            tried.double.fault(Route::CreateReview, 1, Fault::HeadMoves(tried.commit(more)));
            let (tried, reviewed, places) = ended(tried, what);
            let seen = reviewed.report["change"]["head_sha"].as_str().expect("a head");
            assert_eq!(tried.double.reviews()[0].commit, seen, "{what}: two changes are not mixed");
            (tried, reviewed, places)
        }),
        ("the summary is taken away just before it is edited", |what| {
            let tried: Tried<GitHub> = reviewed_before(what);
            tried.push_more();
            tried.double.fault(Route::EditIssueComment, 1, Fault::Vanishes);
            ended(tried, what)
        }),
        ("a finding's comment is taken away just before it is marked as outdated", |what| {
            let mut tried: Tried<GitHub> = reviewed_before(what);
            tried.push_repair();
            tried.double.fault(Route::EditReviewComment, 1, Fault::Vanishes);
            ended(tried, what)
        }),
    ]
}

#[test]
fn every_fault_of_github_ends_as_the_document_says() {
    check_faults::<GitHub>("github", &asked(), &faults());
}

#[test]
fn whatever_happens_on_github_ends_as_the_document_says() {
    let all: Vec<Happening<GitHub>> = of_this_host().into_iter().chain(happenings()).collect();
    check_happenings("github-happenings", &all);
}
