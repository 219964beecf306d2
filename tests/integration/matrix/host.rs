//! The code host.

use serde_json::{Value, json};

use super::{Ended, all, check_document, check_no_secrets, said};
use crate::support::actions::{Actions, Event};
use crate::support::github::{Fault, Route};
use crate::support::pull::{Pull, Reviewed, mean, state};

/// What is asked of the host, each with the name that it has in the document.
const ASKED: [(Route, &str); 4] = [
    (Route::GetDiff, "the change"),
    (Route::GraphQl, "what stands"),
    (Route::CreateReview, "the review"),
    (Route::CreateIssueComment, "the summary"),
];

fn status(status: u16, message: &str) -> Fault {
    Fault::Status(status, json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
}

fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("401: bad credentials", status(401, "Bad credentials")),
        ("403: not accessible by integration", status(403, "Resource not accessible by integration")),
        ("403: rate limit of the hour", Fault::PrimaryLimit),
        ("403: secondary limit, for an hour", Fault::SecondaryLimit(Some(3600))),
        ("404", status(404, "Not Found")),
        ("409", status(409, "Conflict")),
        ("422: validation failed", status(422, "Validation Failed")),
        ("422: spammed", Fault::Spammed),
        ("429", status(429, "Too Many Requests")),
        ("500", status(500, "Server Error")),
        ("502 with a page", Fault::Html502),
        ("502 with a page, applied", Fault::ApplyThenHtml502),
        ("a page with 200", Fault::Html200),
        ("connection dropped", Fault::Reset),
        ("connection dropped, applied", Fault::ApplyThenReset),
        ("an answer that breaks off", Fault::Truncated),
        ("silence", Fault::Hang),
    ]
}

/// A run in which all requests of this kind go wrong; then one without, which must leave what an undisturbed run leaves.
fn try_one((route, what): (Route, &str), (name, fault): &(&str, Fault)) -> Ended {
    let what = format!("{what}: {name}");
    let pull = Pull::of_pay(vec![mean()]);
    pull.github.fault_always(route, fault.clone());
    let job = Actions::new(&pull.github, &Event::Opened);
    let run = pull.step(&job).args(["--deadline", "3"]).run();
    let text = std::fs::read_to_string(pull.report_path()).ok();
    let report: Value = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let reviewed: Reviewed = Reviewed { run, report, job: None };
    check_no_secrets(&pull, &reviewed, &what);
    let exit = reviewed.run.code.unwrap_or_else(|| panic!("{what}: {}", reviewed.run));
    assert!([0, 2, 4].contains(&exit), "{what}: {}", reviewed.run);
    // what was paid for is shown somewhere, unless nothing was asked
    let is_shown = exit == 2 || reviewed.report["findings"].as_array().is_some_and(|found| found.len() == 1);
    assert!(is_shown && (exit != 2 || pull.openai.completions().is_empty()), "{what}: {}", reviewed.run);
    let requests =
        pull.github.requests().iter().filter(|r| Route::of(r).is_some_and(|found| found.route == route)).count();
    assert!((1..=12).contains(&requests), "{what}: {requests} requests");
    let said = format!("{}{}", channel(&reviewed), said(&reviewed));
    pull.github.heal();
    let again = pull.review(&["--full"], 0);
    // on its line, or where the host refused that for good, in the one summary
    let summaries = pull.github.issue_comments();
    assert_eq!(summaries.len(), 1, "{what}: {}", again.run);
    let listed = state(&summaries[0].body)["listed"].as_array().map_or(0, Vec::len);
    assert_eq!(pull.github.review_comments().len() + listed, 1, "{what}: {}", again.run);
    Ended { exit, requests, said }
}

/// Where the result went.
fn channel(reviewed: &Reviewed) -> String {
    match reviewed.report["delivery"]["channel"].as_str() {
        Some(channel) => format!("{channel}: "),
        None => String::new(),
    }
}

#[test]
fn every_fault_of_the_host_ends_as_the_document_says() {
    let faults = faults();
    let cells: Vec<_> = ASKED.iter().flat_map(|asked| faults.iter().map(move |fault| (*asked, fault))).collect();
    let rows = all(&cells, |(asked, fault)| try_one(*asked, fault));
    let mut table = "| what goes wrong with | fault | exit code, requests | where the result went, and what is said |\n|---|---|---|---|\n".to_owned();
    for (((_, asked), (fault, _)), row) in cells.iter().zip(&rows) {
        table += &format!("| {asked} | {fault} | {}, {} | {} |\n", row.exit, row.requests, row.said);
    }
    check_document("github", &table);
}
