//! Secrets stay where they are: those of the change and its surroundings, the model's key and the host's token, in all that
//! is sent, shown, posted and kept.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::actions::{Actions, Event};
use crate::support::github::{self, Fault, Route, Scenario};
use crate::support::gitlab;
use crate::support::openai::{Answer, KEY, Script, Stage, finding, verdict};
use crate::support::program::{Prudence, Run};
use crate::support::pull::{Pull, mean};
use crate::support::repo::Repo;
use crate::support::server::{Reply, Request, Server};

/// What all files of a folder hold, and their names.
fn contents(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| {
            let bytes = if path.is_dir() { contents(&path).into_bytes() } else { fs::read(&path).expect("a file") };
            format!("{}\n{}\n", path.display(), String::from_utf8_lossy(&bytes))
        })
        .collect()
}

/// Tokens in GitHub's format that were never issued, one for each place.
fn token(place: char) -> String {
    ["gh", "p_", &format!("{place}8Kd02mWq7Lp4ZtBv6Rj1Ny5Hc3Gs9Fa0QeU")].concat()
}

const NAMELESS: &str = "n4bQgYhMfWWaLx8qgxVrQFaO3TxsrC4Is0V1sFbD";
const PASSWORD: &str = "sunshine";
const KEY_BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
const KEY_END: &str = "c2hvcnRsYXN0bGluZQ==";
const CALL: &str = "    return charge(order.account, order.cents)";

/// A change with a secret in each place that a prompt can have text from.
fn leaks() -> Repo {
    let ledger = format!(
        "def charge(amount, account):\n    token = \"{}\"\n    if amount <= 0:\n        raise ValueError(amount)\n    return account.take(amount)\n",
        token('a')
    );
    let key =
        ["-----BEGIN PRIVATE", " KEY-----\n", KEY_BODY, "\n", KEY_END, "\n-----END PRIVATE", " KEY-----\n"].concat();
    let before =
        format!("from shop.ledger import charge\nT = \"{}\"\n\n\ndef pay(order):\n    return None\n", token('b'));
    let after = format!(
        "from shop.ledger import charge\nT = \"{}\"\nU = \"{}\"\nconnect(\"{NAMELESS}\")\npassword = \"{PASSWORD}\"\n\n\ndef pay(order):\n{CALL}\n",
        token('c'),
        token('d')
    );
    let guide = format!("We count in cents. The key is {}.\n", token('e'));
    let repo = Repo::new().file("shop/ledger.py", ledger).file("shop/pay.py", before).file("deploy.pem", key);
    let repo = repo.file("AGENTS.md", guide).commit("Base").branch("feature").file("shop/pay.py", after);
    repo.commit(&format!("Pay an order\n\nWith {} for now.", token('f')))
}

fn calls(name: &str, arguments: Value) -> Answer {
    let call =
        json!({"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments.to_string()}});
    let message = json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [call]});
    let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": null}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920}});
    Answer::Raw { status: 200, headers: Vec::new(), body: body.to_string() }
}

#[test]
fn what_is_planted_anywhere_is_sent_shown_posted_and_kept_nowhere() {
    let repo = leaks();
    let wrong = json!({"title": "Arguments of `charge` are swapped",
        "body": format!("`charge` takes the amount first, which raises TypeError. {KEY}")});
    let said = Answer::findings(vec![finding("shop/pay.py", 9, CALL, wrong)]);
    let script = Script::new()
        .rule(Stage::Review, "", usize::MAX, said)
        .rule(Stage::Verify, "", 1, Answer::verdicts(vec![verdict("1", "uncertain", "")]))
        .rule(Stage::Verify, "", 1, calls("read_file", json!({"path": "deploy.pem", "start": 3, "end": 3})))
        .rule(Stage::Verify, "", 1, calls("search", json!({"pattern": "t", "glob": ""})))
        .rule(Stage::Verify, "", 1, Answer::verdicts(vec![verdict("1", "confirmed", CALL)]));
    let title = format!("Pay with {}", token('g'));
    let body = format!("Uses {} until Monday.", token('h'));
    let scenario = Scenario::new(&repo, "main", "feature").title(&title).body(Some(&body));
    let pull = Pull::new(scenario, script);
    let folder = TempDir::with_prefix("prudence-kept-").expect("a temporary folder");
    let (tape, cache) = (folder.path().join("tape"), folder.path().join("cache"));
    let job = Actions::in_checkout(&pull.github, &Event::Opened, &repo);
    let program = Prudence::new().openai(&pull.openai).actions(&job).env_remove("PRUDENCE_EFFORT");
    let program = program.args(["review", "--effort", "high", "--concurrency", "1", "-vv", "--output"]);
    let program = program.arg(pull.report_path()).arg("--record").arg(&tape).arg("--cache").arg(&cache);
    let reviewed = pull.end(program, 0);
    let sent: String =
        pull.openai.requests().iter().map(|request| String::from_utf8_lossy(&request.raw).into_owned()).collect();
    let posted: String =
        pull.github.requests().iter().map(|request| String::from_utf8_lossy(&request.raw).into_owned()).collect();
    let kept = contents(folder.path());
    let all = [
        ("sent", sent.clone()),
        ("kept", kept.clone()),
        ("posted", posted),
        ("shown", reviewed.run.to_string()),
        ("report", reviewed.report.to_string()),
        ("summary", job.summary()),
        ("outputs", format!("{:?}", job.outputs())),
    ];
    for (place, text) in &all {
        let tokens = ('a'..='h').map(|of| token(of)[4..].to_owned());
        let others = [NAMELESS, PASSWORD, KEY_BODY, KEY_END, KEY, github::TOKEN].map(str::to_owned);
        for secret in tokens.chain(others) {
            assert!(!text.contains(&secret), "`{secret}` is {place}\n{text}");
        }
    }
    // what was looked for is there, in its masked form
    let shown = [
        "T = \\\"ghp_***\\\"",
        "token = \\\"ghp_***\\\"",
        "The key is ghp_***",
        "With ghp_***",
        "Pay with ghp_***",
        "Uses ghp_***",
        "connect(\\\"***\\\")",
        "password = \\\"***\\\"",
        "3  ***",
    ];
    for text in shown {
        assert!(sent.contains(text), "{text}\n{sent}");
    }
    assert!(kept.contains("tape/") && kept.contains("cache/") && kept.contains("ghp_***"), "{kept}");
    assert!(reviewed.at("/findings").to_string().contains("Arguments of `charge` are swapped"), "{}", reviewed.report);
}

/// The value that came in a header.
fn echoed(request: &Request, names: &[&str]) -> String {
    names.iter().find_map(|name| request.header(name)).unwrap_or("nothing").to_owned()
}

/// A server that says back what it was sent, in every place that a message could be made of.
fn echo(status: u16, names: &'static [&'static str]) -> Server {
    let answer = move |request: &Request, own: &str| {
        let value = echoed(request, names);
        let secret = value.rsplit(' ').next().unwrap_or_default().to_owned();
        let message = format!("refused {value}: {secret}");
        let body = json!({"message": message, "error": {"message": message, "code": secret, "type": value},
            "errors": [{"message": message}], "error_description": message});
        match status {
            300..400 => Reply::json(status, &body).header("location", format!("{own}/{secret}?key={secret}#{secret}")),
            502 => Reply::bytes(status, "text/plain", message.into_bytes()),
            _ => Reply::json(status, &body).header("x-request-id", secret),
        }
    };
    Server::start("Echo", Box::new(move |request, own, _| answer(request, own)))
}

#[track_caller]
fn assert_silent(run: &Run, secret: &str, more: &str) {
    assert!(!format!("{run}{more}").contains(secret), "{run}\n{more}");
}

#[test]
fn a_model_server_that_repeats_the_key_is_not_repeated() {
    let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("topic").file("a.rs", "two\n").commit("Change");
    for status in [200, 307, 400, 401, 403, 404, 422, 429, 502] {
        let server = echo(status, &["authorization", "api-key"]);
        let folder = TempDir::with_prefix("prudence-kept-").expect("a temporary folder");
        let program = Prudence::new().current_dir(repo.path()).env("OPENAI_API_KEY", KEY);
        let program = program.env("OPENAI_BASE_URL", format!("{}/v1", server.root));
        let program =
            program.args(["review", "--base", "main", "--deadline", "1", "-vv", "--format", "json", "--record"]);
        let program = program.arg(folder.path().join("tape")).arg("--cache").arg(folder.path().join("cache"));
        let run = program.arg("--output").arg(folder.path().join("report.json")).run();
        assert!(matches!(run.code, Some(2 | 3)), "{status}: {run}");
        assert!(!server.requests().is_empty(), "{status}");
        assert_silent(&run, KEY, &contents(folder.path()));
    }
}

#[test]
fn a_model_that_repeats_the_key_in_its_answer_is_not_repeated() {
    let wrong =
        json!({"title": format!("Key {KEY} is used"), "body": format!("{KEY} raises an error."), "suggestion": KEY});
    let answer = json!({"analysis": KEY, "findings": [finding("src/pay.rs", 5, "let mean = sum / count;", wrong)], "summary": KEY});
    let pull = Pull::new(
        Scenario::new(&crate::support::pull::pay(), "main", "feature"),
        Script::new().always(Answer::Json(answer)),
    );
    let folder = TempDir::with_prefix("prudence-kept-").expect("a temporary folder");
    let folder_arg = folder.path().to_str().expect("a path");
    let reviewed = pull.review(&["--record", folder_arg, "-vv"], 0);
    let posted: String = pull.github.writes().iter().map(|request| request.body.to_string()).collect();
    let more = [contents(folder.path()), posted, reviewed.report.to_string(), reviewed.job().summary()].concat();
    assert_silent(&reviewed.run, KEY, &more);
    assert_eq!(reviewed.at("/findings/0/title"), "Key *** is used");
}

#[test]
fn a_host_that_repeats_the_token_is_not_repeated() {
    for status in [200, 302, 401, 403, 404, 422, 502] {
        let server = echo(status, &["authorization", "private-token", "job-token"]);
        let github = Prudence::new().env("GITHUB_TOKEN", github::TOKEN).env("GITHUB_API_URL", &server.root);
        let gitlab = Prudence::new().env("GITLAB_TOKEN", gitlab::TOKEN).env("GITLAB_URL", &server.root);
        for (program, request, secret) in
            [(github, ["--pr", "octo/demo#7"], github::TOKEN), (gitlab, ["--mr", "octo/demo!7"], gitlab::TOKEN)]
        {
            let program = program.args(["review", "--provider", "offline", "--deadline", "1", "-vv"]).args(request);
            let run = program.run().expect_code(2);
            assert_silent(&run, secret, "");
        }
        assert!(server.requests().iter().any(|request| echoed(request, &["authorization"]) != "nothing"), "{status}");
    }
}

#[test]
fn a_refusal_to_post_that_repeats_the_token_is_not_repeated() {
    for (status, route) in [(403, Route::CreateReview), (422, Route::CreateReview), (422, Route::CreateIssueComment)] {
        let pull = Pull::of_pay(vec![mean()]);
        let body = json!({"message": format!("Bad token {}", github::TOKEN), "errors": [github::TOKEN]});
        pull.github.fault_always(route, Fault::Status(status, body));
        let job = Actions::new(&pull.github, &Event::Opened);
        let program = pull.step(&job).arg("-vv");
        let _ = fs::remove_file(pull.report_path());
        let run = program.run();
        let report = fs::read_to_string(pull.report_path()).expect("a report");
        let posted: String = pull.github.writes().iter().map(|request| request.body.to_string()).collect();
        assert_silent(&run, github::TOKEN, &[report, posted, job.summary()].concat());
    }
}
