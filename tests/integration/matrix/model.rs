//! The model server.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{all, check_document, check_no_secrets, said};
use crate::support::actions::{Actions, Event};
use crate::support::openai::{Answer, KEY, Script};
use crate::support::pull::{Pull, mean};
use crate::support::server::Wire;

/// What goes wrong, and the exit codes where it always does and where it does so once.
struct Cell {
    what: &'static str,
    answer: Answer,
    always: i32,
    once: i32,
}

/// What a run did in a cell.
struct Ended {
    exit: i32,
    requests: usize,
    said: String,
}

fn cell(what: &'static str, answer: Answer, always: i32, once: i32) -> Cell {
    Cell { what, answer, always, once }
}

/// An error in OpenAI's shape.
fn error(status: u16, code: Option<&'static str>, message: &str) -> Answer {
    Answer::error(status, "invalid_request_error", code, message)
}

/// The answer with the one finding, as text.
fn whole() -> String {
    json!({"analysis": "Read.", "findings": [mean()], "summary": "A change."}).to_string()
}

/// The same with other values.
fn changed(change: impl FnOnce(&mut Value)) -> Answer {
    let mut answer: Value = serde_json::from_str(&whole()).expect("JSON");
    change(&mut answer);
    Answer::Text(answer.to_string())
}

/// 100 MB of blanks, packed into 100 kB.
fn bomb() -> Answer {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let blanks = vec![b' '; 1 << 20];
    (0..100).for_each(|_| packer.write_all(&blanks).expect("a writer in memory"));
    let body = packer.finish().expect("a writer in memory");
    Answer::Bytes { headers: vec![("content-encoding".to_owned(), "gzip".to_owned())], body }
}

/// Soon repeated, where it is repeated.
fn soon(answer: Answer) -> Answer {
    answer.header("retry-after-ms", "1")
}

fn refusals() -> Vec<Cell> {
    let key = format!("Incorrect API key provided: {KEY}. You can find your API key at https://platform.openai.com.");
    let slow = "You're sending requests too quickly. Please reduce your rate and maintain it for at least 15 minutes.";
    let window =
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.";
    let country = "Country, region, or territory not supported";
    let filter = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.";
    let tokens = "max_tokens is too large: 99999. This model supports at most 16384 completion tokens";
    vec![
        cell("401: wrong key, echoed", error(401, Some("invalid_api_key"), &key), 2, 2),
        cell(
            "403: country not supported",
            Answer::error(403, "request_forbidden", Some("unsupported_country_region_territory"), country),
            2,
            2,
        ),
        cell("404: no such model", error(404, Some("model_not_found"), "The model `x` does not exist"), 2, 2),
        cell("404: no such address", Answer::Html(404), 2, 2),
        cell("400: argument unknown", error(400, None, "Unrecognized request argument supplied: foo"), 3, 3),
        cell("400: prompt too long", error(400, Some("context_length_exceeded"), window), 3, 0),
        cell("400: content filter", error(400, Some("content_filter"), filter), 3, 3),
        cell("400: too many tokens wanted", error(400, Some("invalid_value"), tokens), 2, 2),
        cell("413: too large", Answer::Html(413), 3, 0),
        cell("429: rate", soon(Answer::rate_limited(0)), 3, 0),
        cell("429: larger than a minute's tokens", Answer::too_large_for_rate(), 3, 0),
        cell("429: quota used up", Answer::quota(), 2, 2),
        cell("429: slow down", soon(Answer::error(429, "requests", Some("slow_down"), slow)), 3, 0),
        cell("429: for an hour", Answer::rate_limited(3600), 3, 3),
        cell("500", soon(Answer::server_error()), 3, 0),
        cell("500 that asks to be repeated", soon(Answer::server_error()).header("x-should-retry", "true"), 3, 0),
        cell("502 with a page", Answer::Html(502), 3, 0),
        cell("503: overloaded", soon(Answer::overloaded()), 3, 0),
        cell(
            "307 to another host",
            Answer::Raw {
                status: 307,
                headers: vec![("location".to_owned(), "https://elsewhere.example/v1".to_owned())],
                body: String::new(),
            },
            2,
            2,
        ),
    ]
}

/// Nobody listens: there is no server.
const REFUSED: &str = "connection refused";

fn wires() -> Vec<Cell> {
    vec![
        cell(REFUSED, Answer::Reset, 2, 2),
        cell("connection dropped", Answer::Reset, 3, 0),
        cell("connection dropped inside the answer", Answer::Over(Wire::Broken, Box::new(Answer::Text(whole()))), 3, 0),
        cell("silence", Answer::Hang, 3, 3),
        cell("one byte a second", Answer::Over(Wire::Dripping, Box::new(Answer::Text(whole()))), 3, 3),
        cell("an answer of 100 MB", Answer::Over(Wire::Flood, Box::new(Answer::Text(whole()))), 3, 3),
        cell("an answer that unpacks to 100 MB", bomb(), 3, 3),
        cell("JSON that breaks off", Answer::Truncated, 3, 0),
        cell(
            "invalid UTF-8",
            Answer::Bytes { headers: Vec::new(), body: b"{\"choices\": [\"\xff\xfe\"]}".to_vec() },
            3,
            0,
        ),
        cell("a page with 200", Answer::Html(200), 3, 0),
    ]
}

fn answers() -> Vec<Cell> {
    let text = |text: String| Answer::Text(text);
    vec![
        cell("JSON in a fence", text(format!("```json\n{}\n```", whole())), 0, 0),
        cell("prose around JSON", text(format!("Here is my review:\n{}\nThat is all.", whole())), 0, 0),
        cell(
            "wrong types",
            changed(|answer| {
                answer["findings"][0]["line"] = json!("5");
                answer["findings"][0]["confidence"] = json!("high");
            }),
            0,
            0,
        ),
        cell("more fields than asked for", changed(|answer| answer["verdict"] = json!("approve")), 0, 0),
        cell("no list of findings", changed(|answer| answer["findings"] = json!("none")), 3, 0),
        cell("no JSON at all", text("The change looks good to me.".to_owned()), 3, 0),
        cell("no choices", Answer::NoChoices, 3, 3),
        cell("null as content", Answer::Null, 3, 3),
        cell("a refusal", Answer::Refusal("I can't help with that.".to_owned()), 3, 3),
        cell("stopped by the content filter", Answer::Filtered, 3, 3),
        cell("cut by its length", Answer::cut(), 3, 0),
    ]
}

/// A run with this answer, always or once; then one without, which must leave what an undisturbed run leaves.
fn try_one(cell: &Cell, is_always: bool) -> Ended {
    let expected = if is_always { cell.always } else { cell.once };
    let good = Answer::findings(vec![mean()]);
    let script = match is_always {
        true => Script::new().always(cell.answer.clone()),
        false => Script::new().first(1, cell.answer.clone()).always(good.clone()),
    };
    let pull = Pull::of_pay(Vec::new());
    pull.openai.set_script(script);
    let job = Actions::new(&pull.github, &Event::Opened);
    let is_endless = matches!(cell.what, "silence" | "one byte a second");
    let deadline: &[&str] = if is_endless { &["--deadline", "2"] } else { &[] };
    let what = format!("{}, {}", cell.what, if is_always { "always" } else { "once" });
    let nobody: &[(&str, &str)] =
        if cell.what == REFUSED { &[("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")] } else { &[] };
    let program = nobody.iter().fold(pull.step(&job).args(deadline), |program, (name, value)| program.env(name, value));
    let reviewed = pull.end(program, expected);
    check_no_secrets(&pull.github.writes(), &reviewed, &what);
    // five attempts; or a chunk that is halved at most eight times
    let requests = pull.openai.completions().len();
    assert!((1..=17).contains(&requests) || cell.what == REFUSED, "{what}: {requests} requests for one chunk");
    let said = if expected == 0 { String::new() } else { said(&reviewed) };
    // what the first run could not look at is looked at now, and nothing stands twice
    pull.openai.take_violations();
    pull.openai.set_script(Script::new().always(good));
    let again = pull.review(&[], 0);
    let comments = pull.github.review_comments().len();
    assert_eq!((comments, pull.github.issue_comments().len()), (1, 1), "{what}: {}", again.run);
    Ended { exit: expected, requests, said }
}

#[test]
fn every_fault_of_the_model_server_ends_as_the_document_says() {
    let cells: Vec<Cell> = refusals().into_iter().chain(wires()).chain(answers()).collect();
    let rows = all(&cells, |cell| (try_one(cell, true), try_one(cell, false)));
    let mut table = "| the model server | always: exit code, requests | once: exit code, requests | what is said |\n|---|---|---|---|\n".to_owned();
    for (cell, (always, once)) in cells.iter().zip(&rows) {
        let said = if always.said.is_empty() { &once.said } else { &always.said };
        let row = format!(
            "| {} | {}, {} | {}, {} | {said} |\n",
            cell.what, always.exit, always.requests, once.exit, once.requests
        );
        table += &row;
    }
    check_document("model", &table);
}
