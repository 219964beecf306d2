//! GitLab.

use std::path::Path;

use serde_json::{Value, json};

use super::host::{Asked, Double, Happening, Tried, Wrong, check_faults, check_happenings, ended, happenings};
use super::host::{long, more, of_writes, on_the_wire, one, reviewed_before, short, two, wrong};
use crate::support::gitlab::{Fault, GitLab, Route, Scenario, TOKEN};
use crate::support::gitlab_ci::{Job, Pipeline};
use crate::support::program::Prudence;
use crate::support::pull::{Reviewed, end_somehow};
use crate::support::repo::Repo;
use crate::support::server::{Reply, Request, Server};

impl Double for GitLab {
    type Route = Route;

    fn of(repo: &Repo) -> GitLab {
        GitLab::start(Scenario::new(repo, "main", "feature"))
    }

    fn run(&self, program: Prudence, report: &Path) -> Reviewed<()> {
        end_somehow(program.gitlab_job(&Job::new(self, Pipeline::Merge)), report)
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
        self.discussions()
            .into_iter()
            .map(|mut thread| thread.notes.remove(0))
            .map(|note| (note.id, note.body))
            .collect()
    }

    fn notes(&self) -> Vec<(u64, String)> {
        self.notes().into_iter().map(|note| (note.id, note.body)).collect()
    }
}

fn asked() -> Vec<Asked<Route>> {
    let read = |what, route| Asked { what, route, findings: two, writes: false };
    let write = |what, route, findings| Asked { what, route, findings, writes: true };
    vec![
        read("the request", Route::GetMerge),
        read("the changed files", Route::ListDiffs),
        read("what stands", Route::ListDiscussions),
        write("a draft", Route::CreateDraft, two),
        write("publishing the drafts", Route::PublishDrafts, two),
        write("a single comment", Route::CreateDiscussion, one),
        write("the summary", Route::CreateNote, two),
    ]
}

fn status(status: u16, message: impl Into<Value>) -> Fault {
    Fault::Status(status, json!({"message": message.into()}))
}

/// An error in the shape of OAuth.
fn oauth(status: u16, error: &str, description: &str) -> Fault {
    Fault::Status(status, json!({"error": error, "error_description": description}))
}

fn faults() -> Vec<Wrong> {
    let scope = "The request requires higher privileges than provided by the access token.";
    let revoked = "Token was revoked. You have to re-authorize from the user.";
    let line = "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}";
    let refusals = [
        wrong("401: token revoked", oauth(401, "invalid_token", revoked)),
        wrong("403: a role that may not", status(403, "403 Forbidden")),
        wrong("403: not the scope", oauth(403, "insufficient_scope", scope)),
        wrong("404", status(404, "404 Project Not Found")),
        of_writes("404: an operation that this version has not", Fault::Unknown),
        of_writes("409", status(409, "409 Conflict")),
        of_writes("400: not on a line", status(400, line)),
        of_writes("422", status(422, json!({"base": ["Note is not valid"]}))),
        short("429, once, for a second", Fault::RetryLater(1)),
        long("429, for an hour", Fault::RetryLater(3600)),
        long("429 that does not say for how long", Fault::TooManyRequests),
        wrong("500 that tells the token", status(500, format!("500 Internal Server Error for `{TOKEN}`"))),
    ];
    refusals.into_iter().chain(on_the_wire()).collect()
}

/// A run where the pages of the listing of what stands have these headers.
fn with_pages(headers: Vec<(&'static str, Option<String>)>, what: &str) -> (Tried<GitLab>, Reviewed<()>, String) {
    let tried: Tried<GitLab> = reviewed_before(what);
    tried.push_more();
    // what stands is more than a page has
    tried.double.change(|scenario| scenario.limits.per_page = 1);
    tried.double.fault_always(Route::ListDiscussions, Fault::Headers(headers));
    ended(tried, what)
}

fn of_this_host() -> Vec<Happening<GitLab>> {
    vec![
        ("a listing names itself as its next page", |what| {
            with_pages(vec![("x-next-page", Some("1".to_owned()))], what)
        }),
        ("a listing says on each page that there is another", |what| {
            with_pages(vec![("x-next-page", Some("2".to_owned()))], what)
        }),
        ("a listing goes on at another host", |what| {
            let other = Server::start("another host", Box::new(|_, _, _| Reply::json(200, &json!([]))));
            let link = format!("<{}/discussions?page=2>; rel=\"next\"", other.root);
            let result = with_pages(vec![("x-next-page", None), ("link", Some(link))], what);
            assert!(other.requests().is_empty(), "{what}: the token goes nowhere else");
            result
        }),
        ("somebody pushes just before the comments are posted", |what| {
            let tried: Tried<GitLab> = Tried::new(two());
            tried.double.fault(Route::CreateDraft, 1, Fault::HeadMoves(tried.commit(more)));
            let (tried, reviewed, places) = ended(tried, what);
            let seen = reviewed.report["change"]["head_sha"].as_str().expect("a head");
            let drafted = &tried.double.requests_to(Route::CreateDraft)[0].body["position"]["head_sha"];
            assert_eq!(drafted, seen, "{what}: two changes are not mixed");
            (tried, reviewed, places)
        }),
        ("the summary is taken away just before it is edited", |what| {
            let tried: Tried<GitLab> = reviewed_before(what);
            tried.push_more();
            tried.double.fault(Route::EditNote, 1, Fault::Vanishes);
            ended(tried, what)
        }),
        ("a finding's comment is taken away just before its thread is resolved", |what| {
            let mut tried: Tried<GitLab> = reviewed_before(what);
            tried.push_repair();
            tried.double.fault(Route::ResolveDiscussion, 1, Fault::Vanishes);
            ended(tried, what)
        }),
    ]
}

#[test]
fn every_fault_of_gitlab_ends_as_the_document_says() {
    check_faults::<GitLab>("gitlab", &asked(), &faults());
}

#[test]
fn whatever_happens_on_gitlab_ends_as_the_document_says() {
    let all: Vec<Happening<GitLab>> = of_this_host().into_iter().chain(happenings()).collect();
    check_happenings("gitlab-happenings", &all);
}
