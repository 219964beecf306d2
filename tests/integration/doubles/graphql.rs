//! The double of GitHub's GraphQL.

use serde_json::{Value, json};

use super::github::{get, post_review, review, scenario, send};
use crate::support::client::Answer;
use crate::support::github::{GitHub, Scenario};

/// All that the program asks about a request, in one question.
/// What the program asks.
const EVERYTHING: &str = include_str!("../../../src/forge/github/read.graphql");

fn post(github: &GitHub, query: &str, variables: &Value) -> Answer {
    send(github, "POST", "/api/graphql", &json!({"query": query, "variables": variables}))
}

fn ask(github: &GitHub, query: &str, variables: &Value) -> Value {
    let got = post(github, query, variables);
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()
}

/// The request with all that is said on it, from these cursors on.
#[track_caller]
fn everything(github: &GitHub, threads: Option<&str>, comments: Option<&str>) -> Value {
    let variables = json!({"owner": "octo", "name": "demo", "number": 7, "threads": threads, "comments": comments});
    let got = ask(github, EVERYTHING, &variables);
    assert_eq!(got.get("errors"), None, "{got:#}");
    got["data"]["repository"]["pullRequest"].clone()
}

fn on_line(line: u32, body: &str) -> Value {
    json!({"path": "src/a.rs", "line": line, "body": body})
}

/// A query on the request of the scenario.
fn on_pull(fields: &str) -> String {
    format!("{{ repository(owner: \"octo\", name: \"demo\") {{ pullRequest(number: 7) {{ {fields} }} }} }}")
}

#[test]
fn one_question_tells_everything() {
    let github = GitHub::start(scenario().labels(&["x"]).draft());
    post_review(&github, &review(json!([{"path": "src/a.rs", "start_line": 3, "line": 4, "body": "range"}])));
    let id = github.review_comments()[0].id;
    github.add_reply(id, "bob", "no");
    github.add_issue_comment("bob", "hello");
    let (refused, _) = github.add_review("carol", "REQUEST_CHANGES", "not so", &[]);
    let pull = everything(&github, None, None);
    let scenario = github.scenario();
    let number = |id: u64| id.to_string();
    let bot = json!({"__typename": "Bot", "login": "github-actions"});
    let bob = json!({"__typename": "User", "login": "bob"});
    let note = github.issue_comments()[0].id;
    let reply = github.review_comments()[1].id;
    let page = json!({"hasNextPage": false, "endCursor": "cursor:1"});
    let thread = json!({
        "id": format!("PRRT_{id}"), "isResolved": false, "resolvedBy": null, "path": "src/a.rs", "diffSide": "RIGHT",
        "line": 4, "startLine": 3, "originalLine": 4, "originalStartLine": 3,
        "comments": {"totalCount": 2, "nodes": [
            {"fullDatabaseId": number(id), "state": "SUBMITTED", "body": "range", "viewerDidAuthor": true, "author": bot},
            {"fullDatabaseId": number(reply), "state": "SUBMITTED", "body": "no", "viewerDidAuthor": false, "author": bob},
        ]},
    });
    let expected = json!({
        "state": "OPEN", "title": "Change the thing", "body": "It should do more.", "url": github.pull_url(),
        "isDraft": true, "isCrossRepository": false, "baseRefOid": scenario.base, "headRefOid": scenario.head,
        "author": {"__typename": "User", "login": "alice"}, "labels": {"nodes": [{"name": "x"}]},
        // Two others only comment: the bot's, and the one that the host makes of the reply.
        "reviews": {"nodes": [{
            "fullDatabaseId": number(refused), "state": "CHANGES_REQUESTED",
            "author": {"__typename": "User", "login": "carol"}, "comments": {"nodes": []},
        }]},
        "comments": {"pageInfo": page, "nodes": [{
            "fullDatabaseId": number(note), "body": "hello", "viewerDidAuthor": false, "author": bob,
            "url": format!("{}#issuecomment-{note}", github.pull_url()),
        }]},
        "reviewThreads": {"pageInfo": page, "nodes": [thread]},
    });
    assert_eq!(pull, expected, "{pull:#}");
    assert_eq!(ask(&github, "query{viewer{login}}", &json!({}))["data"]["viewer"]["login"], "github-actions[bot]");
    assert!(github.writes().iter().all(|request| !request.path.ends_with("graphql")), "a query writes nothing");
}

#[test]
fn long_lists_come_in_pages() {
    let github = GitHub::start(scenario());
    github.add_issue_comments("bob", (0..150).map(|n| format!("note {n}")));
    let many: Vec<Value> = (0..101).map(|n| on_line(3, &format!("thread {n}"))).collect();
    github.add_review("bob", "COMMENT", "many", &many);
    let first = everything(&github, None, None);
    let (notes, threads) = (&first["comments"], &first["reviewThreads"]);
    let next = |list: &Value| list["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    assert_eq!((&notes["pageInfo"]["hasNextPage"], &threads["pageInfo"]["hasNextPage"]), (&json!(true), &json!(true)));
    let second = everything(&github, Some(&next(threads)), Some(&next(notes)));
    let count = |list: &Value| list["nodes"].as_array().unwrap().len();
    assert_eq!((count(&second["comments"]), count(&second["reviewThreads"])), (50, 1));
    assert_eq!(second["comments"]["nodes"][0]["body"], "note 100");
    assert_eq!(second["reviewThreads"]["nodes"][0]["comments"]["nodes"][0]["body"], "thread 100");
    let third = everything(&github, Some(&next(&second["reviewThreads"])), None);
    let past = json!({"pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": []});
    assert_eq!(third["reviewThreads"], past);
    let last = ask(&github, &on_pull("comments(last: 1) { nodes { body } }"), &json!({}));
    assert_eq!(last["data"]["repository"]["pullRequest"]["comments"]["nodes"], json!([{"body": "note 149"}]));
}

#[test]
fn a_request_that_breaks_the_schema_is_refused_whole() {
    let github = GitHub::start(scenario());
    let check = |query: &str, variables: Value, message: &str| {
        let got = ask(&github, query, &variables);
        assert_eq!((got.get("data"), got["errors"][0]["message"].as_str()), (None, Some(message)), "{query}: {got:#}");
    };
    let none = || json!({});
    check(&on_pull("nope"), none(), "Field 'nope' doesn't exist on type 'PullRequest'");
    // There is no thread, and still the field is missed.
    let deep = on_pull("reviewThreads(first: 1) { nodes { comments(first: 1) { nodes { nope } } } }");
    check(&deep, none(), "Field 'nope' doesn't exist on type 'PullRequestReviewComment'");
    check(&on_pull("title(first: 1)"), none(), "Field 'title' doesn't accept argument 'first'");
    check(
        &on_pull("labels(first: 1)"),
        none(),
        "Field must have selections (field 'labels' returns LabelConnection but has no selections. Did you mean 'labels { ... }'?)",
    );
    check(
        &on_pull("title { x }"),
        none(),
        "Selections can't be made on scalars (field 'title' returns String but has selections)",
    );
    check("{ repository { id } }", none(), "Field 'repository' is missing required arguments: owner, name");
    check("{ viewer { login } nope }", none(), "Field 'nope' doesn't exist on type 'Query'");
    let unknown = "query($a: String!) { repository(owner: $a, name: $b) { id } }";
    check(unknown, json!({"a": "octo"}), "Variable $b is used by anonymous query but not declared");
    let unused = "query Q($a: String) { viewer { login } }";
    check(unused, none(), "Variable $a is declared by query Q but not used");
    let missing = "query($a: String!) { repository(owner: $a, name: \"demo\") { id } }";
    check(missing, none(), "Variable $a of type String! was provided invalid value");
    check(missing, json!({"a": 7}), "Variable $a of type String! was provided invalid value");
    let mistaken = "query($a: String) { repository(owner: $a, name: \"demo\") { id } }";
    check(mistaken, json!({"a": "octo"}), "Type mismatch on variable $a and argument owner (String / String!)");
    let id = "mutation($a: String!) { resolveReviewThread(input: {threadId: $a}) { thread { isResolved } } }";
    check(id, json!({"a": "x"}), "Type mismatch on variable $a and argument threadId (String! / ID!)");
    let why = "mutation { minimizeComment(input: {subjectId: \"x\", classifier: \"OUTDATED\"}) { clientMutationId } }";
    check(
        why,
        none(),
        "Argument 'classifier' on InputObject 'MinimizeCommentInput' has an invalid value (\"OUTDATED\"). Expected type 'ReportedContentClassifiers!'.",
    );
    for broken in ["", "{", "query", "{ viewer { } }", "{ viewer { login } } { viewer { login } }", "{ viewer ? }"] {
        let got = ask(&github, broken, &none());
        assert!(got.get("data").is_none() && got["errors"][0]["message"].is_string(), "{broken}: {got}");
    }
}

#[test]
fn what_cannot_be_given_is_null_beside_an_error() {
    let github = GitHub::start(scenario());
    let check = |query: &str, kind: &str, message: &str, path: Value| {
        let got = ask(&github, query, &json!({}));
        let error = &got["errors"][0];
        assert_eq!((error["type"].as_str(), error["message"].as_str()), (Some(kind), Some(message)), "{got:#}");
        assert_eq!(error["path"], path);
        assert!(got.get("data").is_some());
    };
    let here = || json!(["repository", "pullRequest", "labels"]);
    let bounds = "You must provide a `first` or `last` value to properly paginate the `labels` connection.";
    check(&on_pull("labels { nodes { name } }"), "MISSING_PAGINATION_BOUNDARIES", bounds, here());
    let excess = "Requesting 101 records on the `labels` connection exceeds the `first` limit of 100 records.";
    check(&on_pull("labels(first: 101) { nodes { name } }"), "EXCESSIVE_PAGINATION", excess, here());
    let cursor = "`x` does not appear to be a valid cursor.";
    check(&on_pull("labels(first: 1, after: \"x\") { nodes { name } }"), "INVALID_CURSOR_ARGUMENTS", cursor, here());
    let repository = "Could not resolve to a Repository with the name 'octo/other'.";
    let other = "{ a: repository(owner: \"octo\", name: \"other\") { id } }";
    check(other, "NOT_FOUND", repository, json!(["a"]));
    let number = "{ repository(owner: \"octo\", name: \"demo\") { pullRequest(number: 8) { id } } }";
    let missing = "Could not resolve to a PullRequest with the number of 8.";
    check(number, "NOT_FOUND", missing, json!(["repository", "pullRequest"]));
}

#[test]
fn each_mutation_of_a_request_has_its_own_answer() {
    let github = GitHub::start(scenario());
    let (_, ids) = github.add_review("github-actions[bot]", "COMMENT", "two", &[on_line(3, "a"), on_line(4, "b")]);
    let resolve = "mutation($t0: ID!, $t1: ID!, $t2: ID!) {
        a0: resolveReviewThread(input: {threadId: $t0}) { thread { isResolved resolvedBy { login } } }
        a1: resolveReviewThread(input: {threadId: $t1}) { thread { isResolved } }
        a2: unresolveReviewThread(input: {threadId: $t2}) { thread { id isResolved } }
    }";
    let thread = |id: u64| format!("PRRT_{id}");
    let variables = json!({"t0": thread(ids[0]), "t1": "PRRT_1", "t2": thread(ids[1])});
    let refused = ask(&github, resolve, &variables);
    let kinds: Vec<&str> = refused["errors"].as_array().unwrap().iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(kinds, ["FORBIDDEN", "NOT_FOUND", "FORBIDDEN"]);
    assert_eq!(refused["errors"][0]["message"], "Resource not accessible by integration");
    assert_eq!(refused["data"], json!({"a0": null, "a1": null, "a2": null}));
    github.set_permissions(&[("contents", "write"), ("pull_requests", "write")]);
    github.resolve_by(ids[1], "bob");
    let got = ask(&github, resolve, &variables);
    assert_eq!(got["data"]["a0"], json!({"thread": {"isResolved": true, "resolvedBy": {"login": "github-actions"}}}));
    assert_eq!(got["data"]["a1"], Value::Null);
    assert_eq!(got["data"]["a2"], json!({"thread": {"id": thread(ids[1]), "isResolved": false}}));
    assert_eq!((got["errors"][0]["path"].clone(), got["errors"].as_array().unwrap().len()), (json!(["a1"]), 1));
    let resolved: Vec<_> = github.review_comments().iter().map(|comment| comment.resolved_by.clone()).collect();
    assert_eq!(resolved, [Some("github-actions[bot]".to_owned()), None]);
    assert_eq!(github.writes().len(), 2);
}

#[test]
fn comments_and_reviews_are_minimized() {
    let github = GitHub::start(scenario());
    let (review, ids) = github.add_review("bob", "COMMENT", "one", &[on_line(3, "a")]);
    let note = github.add_issue_comment("bob", "x");
    let minimize = "mutation($id: ID!) {
        minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } }
    }";
    let done = json!({"minimizeComment": {"minimizedComment": {"isMinimized": true, "minimizedReason": "outdated"}}});
    for id in [format!("PRRC_{}", ids[0]), format!("IC_{note}"), format!("PRR_{review}")] {
        assert_eq!(ask(&github, minimize, &json!({"id": id}))["data"], done);
    }
    assert!(github.review_comments()[0].minimized && github.issue_comments()[0].minimized);
    assert!(github.reviews()[0].minimized);
    assert_eq!(ask(&github, minimize, &json!({"id": "IC_1"}))["errors"][0]["type"], "NOT_FOUND");
    github.set_permissions(&[("pull_requests", "read")]);
    let got = ask(&github, minimize, &json!({"id": format!("IC_{note}")}));
    assert_eq!(got["errors"][0]["type"], "FORBIDDEN");
}

#[test]
fn people_who_are_gone_have_no_name_and_pending_reviews_are_seen_by_their_author() {
    let github = GitHub::start(scenario().author("ghost"));
    github.add_issue_comment("ghost", "bye");
    let pending = github.add_pending_review("draft", &["one", "two"]);
    let pull = everything(&github, None, None);
    assert_eq!((&pull["author"], &pull["comments"]["nodes"][0]["author"]), (&Value::Null, &Value::Null));
    assert_eq!(pull["reviews"]["nodes"][0]["state"], "PENDING");
    assert_eq!(pull["reviews"]["nodes"][0]["comments"]["nodes"], json!([{"body": "one"}, {"body": "two"}]));
    assert_eq!(pull["reviewThreads"]["nodes"].as_array().unwrap().len(), 2);
    github.change(|scenario| *scenario = scenario.clone().user("bob"));
    let pull = everything(&github, None, None);
    assert_eq!((&pull["reviews"]["nodes"], &pull["reviewThreads"]["nodes"]), (&json!([]), &json!([])));
    assert_eq!(get(&github, "/repos/octo/demo/pulls/7/reviews").json(), json!([]), "{pending}");
}

#[test]
fn graphql_can_be_closed() {
    let check = |scenario: Scenario, status: u16, message: &str| {
        let github = GitHub::start(scenario);
        github.close_graphql(status);
        let got = post(&github, "{ viewer { login } }", &json!({}));
        assert_eq!((got.status, got.json()["message"].as_str()), (status, Some(message)));
        github.heal();
        assert_eq!(post(&github, "{ viewer { login } }", &json!({})).status, 200);
    };
    check(scenario(), 403, "Resource not accessible by integration");
    check(scenario().user("bob"), 403, "Resource not accessible by personal access token");
    check(scenario(), 404, "Not Found");
}
