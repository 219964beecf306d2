//! The model server: what is asked, and what becomes of answers that are no answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::github::Scenario;
use crate::support::openai::{Answer, KEY, Model, OpenAi, Script, finding};
use crate::support::program::{Prudence, Run};
use crate::support::pull::{Pull, Reviewed, files, late, mean, pay};
use crate::support::server::{Reply, Server};

/// `src/one.rs`, `src/two.rs` and `src/three.rs`: each is more than half of a chunk of 2,400 tokens, so that it has one of
/// its own. Each changed line ends with the name of its file.
fn patch() -> String {
    let file = |name: &str| {
        let lines = (1..=60).map(|n| format!("+let value_{n} = compute({n}, {n}); // {name}\n")).collect::<String>();
        format!("--- /dev/null\n+++ b/src/{name}.rs\n@@ -0,0 +1,60 @@\n{lines}")
    };
    ["one", "two", "three"].map(file).concat()
}

/// A review of [`patch`] on a desk.
fn desk(openai: &OpenAi, args: &[&str]) -> Prudence {
    let args = args.iter().copied();
    let program = Prudence::new().args(["review", "--effort", "low", "--patch", "-", "--format", "json"]);
    program.env("PRUDENCE_CHUNK_TOKENS", 2400).args(args).stdin(patch()).openai(openai)
}

#[track_caller]
fn ends(program: Prudence, code: i32) -> (Reviewed, Duration) {
    let started = Instant::now();
    let run = program.run().expect_code(code);
    let report = if run.stdout.is_empty() { Value::Null } else { run.json() };
    (Reviewed { run, report, job: None }, started.elapsed())
}

/// Reviews [`patch`] with a model that behaves like this.
#[track_caller]
fn review(script: Script, args: &[&str], code: i32) -> (Reviewed, OpenAi) {
    let openai = OpenAi::start(script);
    let reviewed = ends(desk(&openai, args), code).0;
    (reviewed, openai)
}

/// A finding on a line of [`patch`].
fn on(name: &str, line: u32) -> Value {
    let quote = format!("let value_{line} = compute({line}, {line}); // {name}");
    finding(&format!("src/{name}.rs"), line, &quote, json!({"title": format!("Wrong in {name}")}))
}

fn requests(reviewed: &Reviewed) -> (u64, u64) {
    let number = |name: &str| reviewed.at(name).as_u64().unwrap();
    (number("/usage/requests"), number("/usage/retries"))
}

/// How often each changed line of [`patch`] stood under review in a request that was answered in full.
#[track_caller]
fn check_once(openai: &OpenAi, is_whole: impl Fn(&Value) -> bool) {
    let parts: Vec<String> = openai
        .completions()
        .iter()
        .filter(|request| request.status == 200 && is_whole(&request.body))
        .map(|request| request.body["messages"][1]["content"].as_str().unwrap().to_owned())
        .collect();
    for name in ["one", "two", "three"] {
        for n in 1..=60 {
            let line = format!("+ let value_{n} = compute({n}, {n}); // {name}");
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            let count =
                parts.iter().flat_map(|part| part.lines()).filter(|l| squeezed(l).ends_with(&squeezed(&line))).count();
            assert_eq!(count, 1, "{line}");
        }
    }
}

#[test]
fn each_chunk_is_asked_once_with_a_strict_schema() {
    let (reviewed, openai) = review(Script::new().when("// two", Answer::findings(vec![on("two", 7)])), &[], 0);
    assert_eq!(reviewed.lines(), (180, 180, 0, 0));
    assert_eq!((openai.completions().len(), requests(&reviewed)), (3, (3, 0)));
    check_once(&openai, |_| true);
    let prefixes: Vec<String> = openai.completions().iter().map(|r| r.body["messages"][0].to_string()).collect();
    assert!(prefixes.iter().all(|prefix| *prefix == prefixes[0]), "one prefix, so that it is cached");
    for request in openai.completions() {
        let (body, spec) = (&request.body, &request.body["response_format"]["json_schema"]);
        assert_eq!((&body["model"], &body["max_completion_tokens"]), (&json!("gpt-4o-mini"), &json!(4096)));
        assert_eq!((&body["response_format"]["type"], &spec["strict"]), (&json!("json_schema"), &json!(true)));
        let keys: Vec<&String> = spec["schema"]["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["analysis", "findings", "summary"]);
        let finding = &spec["schema"]["properties"]["findings"]["items"]["properties"];
        let order = "path quote line end_line side reasoning category severity confidence title body suggestion";
        let keys: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, order.split(' ').collect::<Vec<_>>());
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("prudence/")));
    }
    assert_eq!(reviewed.at("/findings/0/path"), "src/two.rs");
    assert_eq!(reviewed.at("/findings/0/start_line"), 7);
}

#[test]
fn the_key_may_come_with_white_space_and_quotes() {
    let openai = OpenAi::start(Script::new());
    for key in [format!(" {KEY}\n"), format!("\"{KEY}\""), format!("'{KEY}' ")] {
        ends(desk(&openai, &[]).env("OPENAI_API_KEY", key), 0);
    }
}

/// The formats that the requests asked for, in their order.
fn formats(openai: &OpenAi) -> Vec<String> {
    let format = |body: &Value| body["response_format"]["type"].as_str().unwrap_or("plain").to_owned();
    openai.completions().iter().map(|request| format(&request.body)).collect()
}

/// A server that refuses these formats, in words of its own.
fn refuses(formats: &'static [&'static str]) -> Script {
    let refuse = |text: &str| {
        Answer::error(400, "invalid_request_error", None, &format!("response_format '{text}' is not supported"))
    };
    // a rule sees the prompt alone, so that the order of the refusals is fixed: one request at a time
    formats.iter().fold(Script::new(), |script, format| script.first(1, refuse(format)))
}

#[test]
fn a_less_able_server_is_asked_for_less_and_only_once() {
    let check = |script: Script, expected: &[&str]| {
        let (reviewed, openai) = review(script, &["--concurrency", "1"], 0);
        assert_eq!(
            (reviewed.lines(), formats(&openai)),
            ((180, 180, 0, 0), expected.iter().map(|f| (*f).to_owned()).collect())
        );
    };
    check(refuses(&["json_schema"]), &["json_schema", "json_object", "json_object", "json_object"]);
    check(refuses(&["json_schema", "json_object"]), &["json_schema", "json_object", "plain", "plain", "plain"]);
    check(Script::new().unsupported("response_format"), &["json_schema", "json_object", "plain", "plain", "plain"]);
    let (reviewed, openai) = review(
        Script::new().unsupported("max_completion_tokens").unsupported("temperature"),
        &["--concurrency", "1"],
        0,
    );
    let last = &openai.completions().pop().unwrap().body;
    assert_eq!((&last["max_tokens"], last.get("temperature"), openai.completions().len()), (&json!(4096), None, 5));
    // a request that is refused costs nothing, and is one that was sent
    assert_eq!(reviewed.at("/usage/requests"), 5);
}

#[test]
fn reasoning_models_get_only_what_they_take() {
    let (reviewed, openai) = review(Script::new().reasoning_tokens(500), &["--model", "gpt-5-mini"], 0);
    assert_eq!((openai.completions().len(), reviewed.at("/usage/reasoning_tokens")), (3, &json!(1500)));
    assert!(openai.completions().iter().all(|request| request.body.get("temperature").is_none()));
}

#[test]
fn json_is_found_in_its_wrapping() {
    let answer = json!({"analysis": "a", "findings": [on("one", 3)], "summary": "s"}).to_string();
    for text in [
        format!("```json\n{answer}\n```"),
        format!("Here is my review:\n\n```\n{answer}\n```\nI hope this helps!"),
        format!("Sure! {answer} That is all."),
    ] {
        let (reviewed, openai) = review(Script::new().when("// one", Answer::Text(text.clone())), &[], 0);
        assert_eq!((reviewed.at("/findings/0/path"), openai.completions().len()), (&json!("src/one.rs"), 3), "{text}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_gets_one_more_request() {
    let nonsense = || Answer::Text("I think the code is fine.".to_owned());
    let (reviewed, openai) = review(Script::new().when_times("// two", 1, nonsense()), &["--concurrency", "1"], 0);
    assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 180, 0, 0), 4));
    let again = openai.prompts().into_iter().filter(|prompt| prompt.contains("could not be used")).count();
    assert_eq!(again, 1);

    let (reviewed, openai) = review(Script::new().when("// two", nonsense()), &[], 3);
    assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 120, 0, 60), 4));
    assert!(reviewed.failures().contains("could not be read twice"), "{}", reviewed.failures());
    assert_eq!(requests(&reviewed).0, 4, "what cannot be read is paid for, too");
}

/// Whether a prompt has more than this many changed lines under review.
fn is_longer_than(prompt: &Value, lines: usize) -> bool {
    let text = prompt["messages"][1]["content"].as_str().unwrap_or_default();
    text.lines().filter(|line| line.contains("= compute(")).count() > lines
}

#[test]
fn an_answer_that_is_cut_splits_its_chunk() {
    let (reviewed, openai) = review(Script::new().first(1, Answer::cut()), &["--concurrency", "1"], 0);
    assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 180, 0, 0), 5));
    let cut = openai.completions()[0].body.clone();
    check_once(&openai, |body| *body != cut);
    assert!(!is_longer_than(&openai.completions()[1].body, 40), "the first half");
    // the cut answer was paid for
    assert_eq!(requests(&reviewed).0, 5);

    let (reviewed, openai) =
        review(Script::new().when("+let value_33 = compute(33, 33); // two", Answer::cut()), &[], 3);
    let (all, reviewed_lines, _, failed) = reviewed.lines();
    assert_eq!((all, reviewed_lines, failed), (180, 179, 1));
    assert_eq!(reviewed.at("/coverage/failed/0/start_line"), 33);
    assert!(openai.completions().len() < 20, "{}", openai.completions().len());
}

#[test]
fn an_answer_that_is_always_cut_is_not_asked_for_without_end() {
    let check = |patch: String, chunks: usize| {
        let openai = OpenAi::start(Script::new().always(Answer::cut()));
        let (reviewed, _) = ends(desk(&openai, &[]).stdin(patch), 3);
        let (all, done, _, failed) = reviewed.lines();
        assert_eq!((done, failed), (0, all), "{}", reviewed.run);
        assert_eq!(reviewed.at("/chunks").as_array().unwrap().len(), chunks);
        let asked = openai.completions();
        assert!(asked.len() <= 17 * chunks, "{} requests", asked.len());
        let without = asked.iter().filter(|request| {
            let lines = crate::support::review::part(&request.body);
            !lines.lines().any(|line| line.contains(" +") || line.contains(" -"))
        });
        assert_eq!(without.count(), 0, "each request is about a changed line");
        let list = reviewed.at("/coverage/failed").as_array().unwrap();
        assert!(list.iter().all(|part| part["changed_lines"].as_u64() > Some(0)), "{list:?}");
        assert!(reviewed.failures().contains("was cut"), "{}", reviewed.failures());
    };
    check(patch(), 3);
    // one changed line far from the next: halves of it may have none
    let context = |from: usize| (from..from + 20).map(|n| format!(" let value_{n} = {n};\n")).collect::<String>();
    let sparse = format!(
        "--- a/a.rs\n+++ b/a.rs\n@@ -1,60 +1,62 @@\n{}+one();\n{}+two();\n{}",
        context(1),
        context(21),
        context(41)
    );
    check(sparse, 1);
}

#[test]
fn an_answer_that_is_all_thinking_is_not_split() {
    let all_thinking = Script::new().reasoning_tokens(4096).when("// two", Answer::Cut(String::new()));
    let (reviewed, openai) = review(all_thinking, &["--model", "gpt-5-mini"], 3);
    assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 120, 0, 60), 3));
    let expected = "the model used its 4096 answer tokens for thinking\nhint: raise `max-output-tokens`";
    assert!(reviewed.failures().contains(expected), "{}", reviewed.failures());
    assert_eq!(reviewed.at("/usage/reasoning_tokens"), 3 * 4096, "it was paid for");
}

#[test]
fn a_prompt_that_is_too_long_is_split() {
    let small = Script::new().model(Model::new("gpt-4o-mini", 6200, 16_384));
    let (reviewed, openai) = review(small, &["--chunk-tokens", "12000"], 0);
    assert_eq!(reviewed.lines(), (180, 180, 0, 0));
    let refused = openai.completions().iter().filter(|request| request.status == 400).count();
    assert!(refused >= 1 && openai.completions().len() > refused + 1);
    check_once(&openai, |_| true);

    let (reviewed, _) = review(Script::new().when_times("// one", 1, Answer::too_large_for_rate()), &[], 0);
    assert_eq!(reviewed.lines(), (180, 180, 0, 0));
}

#[test]
fn a_chunk_without_an_answer_has_failed_and_the_rest_is_delivered() {
    let check = |answer: Answer, words: &str, sent: usize| {
        let script = Script::new().when("// two", answer).always(Answer::findings(vec![on("one", 5)]));
        let (reviewed, openai) = review(script, &[], 3);
        assert_eq!((reviewed.lines(), reviewed.at("/status")), ((180, 120, 0, 60), &json!("incomplete")), "{words}");
        let failed = reviewed.at("/coverage/failed/0");
        assert_eq!(
            (&failed["path"], &failed["start_line"], &failed["end_line"]),
            (&json!("src/two.rs"), &json!(1), &json!(60))
        );
        assert!(reviewed.failures().contains(words), "{words}: {}", reviewed.failures());
        assert_eq!(reviewed.at("/findings/0/path"), "src/one.rs", "{words}");
        assert_eq!(openai.completions().len(), sent, "{words}");
        let states: Vec<&Value> = (0..3).map(|n| reviewed.at(&format!("/chunks/{n}/state")[..])).collect();
        assert_eq!(states.iter().filter(|state| **state == "failed").count(), 1, "{words}");
    };
    check(Answer::Refusal("I cannot help with that.".to_owned()), "refused: I cannot help", 3);
    check(Answer::Filtered, "content filter", 3);
    check(Answer::Null, "no text", 3);
    check(Answer::NoChoices, "no choices", 3);
    check(Answer::Text(String::new()), "empty", 3);
    check(
        Answer::error(400, "invalid_request_error", Some("content_filter"), "The response was filtered"),
        "content",
        3,
    );
    check(Answer::error(400, "invalid_request_error", None, "Something is wrong with this"), "Something is wrong", 3);
    let no_retry = Answer::server_error().header("x-should-retry", "false");
    check(no_retry, "had an error while processing", 3);
}

#[test]
fn failures_that_may_pass_are_repeated_a_few_times() {
    let quickly = |answer: Answer| answer.header("retry-after-ms", "5");
    let (reviewed, openai) = review(Script::new().when("// two", quickly(Answer::server_error())), &[], 3);
    assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 120, 0, 60), 7));
    for answer in [Answer::server_error(), Answer::overloaded(), rate_limited_for(5)] {
        let (reviewed, openai) = review(Script::new().when_times("// two", 2, quickly(answer)), &[], 0);
        assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 180, 0, 0), 5));
        assert_eq!(requests(&reviewed), (5, 2));
    }
    for answer in [Answer::Html(502), Answer::Reset, Answer::Truncated] {
        let (reviewed, openai) = review(Script::new().when_times("// two", 1, answer), &[], 0);
        assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 180, 0, 0), 4));
        assert_eq!(requests(&reviewed), (4, 1));
    }
}

/// 429 that says in milliseconds when there is room again.
fn rate_limited_for(ms: u64) -> Answer {
    let message = "Rate limit reached for gpt-4o-mini in organization org-test on requests per min (RPM): Limit 3, Used 3, Requested 1.";
    Answer::error(429, "requests", Some("rate_limit_exceeded"), message).header("retry-after-ms", &ms.to_string())
}

#[test]
fn a_limited_rate_is_waited_for() {
    let (reviewed, openai) = review(Script::new().first(1, rate_limited_for(300)), &["--concurrency", "1"], 0);
    assert_eq!((reviewed.lines(), requests(&reviewed)), ((180, 180, 0, 0), (4, 1)));
    let at: Vec<Instant> = openai.completions().iter().map(|request| request.at).collect();
    assert!(at[1] - at[0] >= Duration::from_millis(300));
}

/// Expects that nothing was reviewed, with one message, a hint, and no trace of a key.
#[track_caller]
fn check_stopped(script: Script, change: impl Fn(Prudence) -> Prudence, words: &[&str], most: usize) -> Run {
    let openai = OpenAi::start(script);
    let run = change(desk(&openai, &[])).run().expect_code(2);
    assert!(run.stdout.is_empty(), "{run}");
    assert_eq!((run.stderr.matches("error:").count(), run.stderr.matches("hint:").count()), (1, 1), "{run}");
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {run}");
    }
    assert!(!run.stderr.contains(KEY) && !run.stderr.contains("sk-"), "{run}");
    assert!(openai.completions().len() <= most, "{} requests", openai.completions().len());
    run
}

#[test]
fn what_no_other_request_can_mend_stops_the_run() {
    // one after the other, so that those that go out together do not all meet the same wall
    let alone = |program: Prudence| program.args(["--concurrency", "1"]);
    check_stopped(Script::new().always(Answer::quota()), alone, &["quota", "429"], 1);
    check_stopped(
        Script::new(),
        |program| alone(program).env("OPENAI_API_KEY", "sk-wrong-0123456789abcdef"),
        &["401", "OPENAI_API_KEY"],
        1,
    );
    check_stopped(Script::new(), |program| alone(program).args(["--model", "gpt-9"]), &["`gpt-9`", "--model"], 1);
}

#[test]
fn quota_that_ends_midway_keeps_what_was_reviewed() {
    let script = Script::new().first(1, Answer::findings(Vec::new())).always(Answer::quota());
    let (reviewed, openai) = review(script, &["--concurrency", "1"], 3);
    let (all, done, _, failed) = reviewed.lines();
    assert_eq!((all, done + failed, done > 0), (180, 180, true));
    assert!(reviewed.failures().contains("quota"), "{}", reviewed.failures());
    let refused = openai.completions().iter().filter(|request| request.status == 429).count();
    assert_eq!(refused, 1, "an account without money is asked once");
}

#[test]
fn what_was_paid_for_before_the_quota_ended_is_on_the_bill() {
    let script = Script::new().first(1, Answer::Text("Looks good to me.".to_owned())).always(Answer::quota());
    let (reviewed, openai) = review(script, &["--concurrency", "1"], 3);
    assert_eq!((reviewed.lines(), openai.completions().len()), ((180, 0, 0, 180), 2), "{}", reviewed.run);
    assert!(reviewed.at("/usage/output_tokens").as_u64() > Some(0) && reviewed.at("/cost/usd").as_f64() > Some(0.0));
    assert!(reviewed.failures().contains("quota"), "{}", reviewed.failures());
}

#[test]
fn another_model_stands_in_and_report_and_bill_say_so() {
    let openai = OpenAi::start(Script::new().when("// two", Answer::findings(vec![on("two", 7)])));
    let program =
        desk(&openai, &["--model", "gpt-4.1", "--concurrency", "1"]).env("PRUDENCE_FALLBACK_MODELS", "gpt-4o-mini");
    openai.set_script(
        Script::new()
            .first(5, Answer::overloaded().header("retry-after-ms", "1"))
            .when("// two", Answer::findings(vec![on("two", 7)])),
    );
    let (reviewed, _) = ends(program, 0);
    let models = |at: &str| -> Vec<Value> { reviewed.at(at).as_array().expect("a list").clone() };
    let chunks: Vec<Value> = models("/chunks").iter().map(|chunk| chunk["models"].clone()).collect();
    assert_eq!(chunks, [json!(["gpt-4o-mini"]), json!(["gpt-4o-mini"]), json!(["gpt-4o-mini"])]);
    let bill: Vec<Value> = models("/cost/models").iter().map(|row| row["model"].clone()).collect();
    assert!(bill.contains(&json!("gpt-4o-mini")), "{bill:?}");
    let note = "`gpt-4o-mini` answered 3 requests in the place of `gpt-4.1`: the model server failed (503";
    assert!(reviewed.run.stderr.contains(note), "{}", reviewed.run);
    assert_eq!(reviewed.at("/findings/0/title"), &json!("Wrong in two"));
    let asked: Vec<Value> = openai.completions().iter().map(|request| request.body["model"].clone()).collect();
    let tried = asked.iter().filter(|model| **model == "gpt-4.1").count();
    assert_eq!((tried, asked.len()), (5, 8), "what was given up is not tried again for each chunk");
}

#[test]
fn a_server_that_is_not_there_stops_the_run() {
    let run = check_stopped(
        Script::new(),
        |program| program.env("OPENAI_BASE_URL", "http://127.0.0.1:1/v1").args(["--deadline", "20"]),
        &["127.0.0.1:1"],
        0,
    );
    assert!(run.stderr.contains("--base-url") || run.stderr.contains("network"), "{run}");
}

#[test]
fn the_deadline_holds() {
    let openai =
        OpenAi::start(Script::new().when("// two", Answer::Hang).when("// one", Answer::findings(vec![on("one", 5)])));
    // without it the run would wait for longer than a test may
    let (reviewed, _) = ends(desk(&openai, &["--deadline", "2"]), 3);
    assert_eq!((reviewed.lines(), reviewed.at("/findings/0/path")), ((180, 120, 0, 60), &json!("src/one.rs")));
    assert!(reviewed.failures().contains("deadline"), "{}", reviewed.failures());
    assert!(reviewed.notes().contains("may have been billed"), "{}", reviewed.notes());

    let openai = OpenAi::start(Script::new().always(Answer::Hang));
    let (reviewed, _) = ends(desk(&openai, &["--deadline", "1"]), 3);
    assert_eq!((reviewed.lines(), reviewed.at("/status")), ((180, 0, 0, 180), &json!("incomplete")));
}

#[test]
fn no_more_requests_at_a_time_than_allowed() {
    let check = |limit: &str, expected: usize| {
        let slow = Answer::findings(Vec::new()).after(Duration::from_millis(150));
        let pull = Pull::new(Scenario::new(&files(240), "main", "feature"), Script::new().always(slow));
        let reviewed = pull.review(&["--chunk-tokens", "2400", "--concurrency", limit, "--dry-run"], 0);
        assert!(pull.openai.completions().len() >= 6, "{}", pull.openai.completions().len());
        assert_eq!((reviewed.lines(), pull.openai.peak()), ((240, 240, 0, 0), expected));
    };
    check("1", 1);
    check("3", 3);
}

#[test]
fn azure_has_its_own_address_and_header() {
    let openai = OpenAi::start(Script::new());
    let azure = |endpoint: String| {
        let program = desk(&openai, &[]).env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL");
        program.env("AZURE_OPENAI_ENDPOINT", endpoint).env("AZURE_OPENAI_API_KEY", KEY)
    };
    ends(azure(openai.azure_endpoint()).args(["--provider", "azure"]), 0);
    ends(azure(format!("{}/", openai.azure_endpoint())), 0);
    ends(azure(openai.azure_endpoint()).env("AZURE_OPENAI_API_VERSION", "2025-01-01-preview"), 0);
    let asked = openai.completions();
    assert_eq!(asked.len(), 9);
    for (index, request) in asked.iter().enumerate() {
        let version = if index < 6 { "2024-10-21" } else { "2025-01-01-preview" };
        assert_eq!(request.path, "/openai/deployments/gpt-4o-mini/chat/completions");
        assert_eq!(request.query["api-version"], version);
        assert_eq!((request.header("api-key"), request.header("authorization")), (Some(KEY), None));
    }
}

#[test]
fn a_server_on_this_machine_needs_no_key() {
    let openai = OpenAi::start(Script::new().needs_no_key().model(Model::new("local", 16_000, 4096)));
    let program = desk(&openai, &["--model", "local"]).env_remove("OPENAI_API_KEY");
    let (reviewed, _) = ends(program, 0);
    assert_eq!(reviewed.lines(), (180, 180, 0, 0));
    assert!(openai.completions().iter().all(|request| request.header("authorization").is_none()));
    assert_eq!(reviewed.at("/cost/usd"), &Value::Null);
}

#[test]
fn a_redirect_does_not_take_the_key_elsewhere() {
    let elsewhere = OpenAi::start(Script::new());
    let target = format!("{}/chat/completions", elsewhere.url);
    let server =
        Server::start("Redirect", Box::new(move |_, _, _| Reply::json(307, &json!({})).header("location", &target)));
    let openai = OpenAi::start(Script::new());
    let program = desk(&openai, &["--concurrency", "1"]).env("OPENAI_BASE_URL", format!("{}/v1", server.root));
    let run = program.run().expect_code(2);
    assert!(run.stderr.contains("redirect") && run.stderr.contains("hint:"), "{run}");
    assert_eq!((server.requests().len(), elsewhere.requests().len()), (1, 0));
}

#[test]
fn a_partial_failure_is_told_on_the_request() {
    let answer = Answer::Refusal("No.".to_owned());
    let repo = pay().file("src/other.rs", "let other = 1;\n".repeat(120)).commit("other");
    let script = Script::new().when("let other = 1;", answer).always(Answer::findings(vec![mean(), late()]));
    let pull = Pull::new(Scenario::new(&repo, "main", "feature"), script);
    let reviewed = pull.review(&["--chunk-tokens", "2400"], 3);
    let (all, done, _, failed) = reviewed.lines();
    assert_eq!((all, done, failed), (127, 7, 120), "{}", reviewed.run);
    assert_eq!((reviewed.at("/delivery/posted"), reviewed.at("/status")), (&json!(2), &json!("incomplete")));
    let body = &pull.github.issue_comments()[0].body;
    assert!(body.contains("review incomplete: nobody looked at 120 of 127 changed lines"), "{body}");
    assert!(
        body.contains("**120 changed lines not reviewed**: the model refused: No.\n\n- `src/other.rs lines 1-120`"),
        "{body}"
    );
    assert_eq!(reviewed.job().outputs()["status"], "incomplete");
}
