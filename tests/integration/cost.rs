//! The bill: tokens as the API counts them, dollars by hand, and the limit.

use serde_json::{Value, json};

use crate::support::github::Scenario;
use crate::support::openai::{Answer, Model, Script};
use crate::support::pull::{Pull, Reviewed, files, mean};
use crate::support::repo::Repo;

/// A hundred and twenty files with a changed line each, in several chunks of 2,400 tokens.
fn many() -> Scenario {
    Scenario::new(&files(120), "main", "feature")
}

const SMALL_CHUNKS: [&str; 4] = ["--chunk-tokens", "2400", "--concurrency", "1"];

#[track_caller]
fn number(reviewed: &Reviewed, pointer: &str) -> f64 {
    reviewed.at(pointer).as_f64().unwrap_or_else(|| panic!("{pointer} is no number: {}", reviewed.report))
}

/// Expects dollars, to a millionth of a cent.
#[track_caller]
fn check_usd(reviewed: &Reviewed, pointer: &str, expected: f64) {
    let found = number(reviewed, pointer);
    assert!((found - expected).abs() < 1e-8, "{pointer}: {found} instead of {expected}");
}

/// An answer with exactly this bill.
fn billed(input: u64, cached: u64, output: u64, reasoning: u64) -> Answer {
    let content = json!({"analysis": "", "findings": [], "summary": ""}).to_string();
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, "refusal": null}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": reasoning}},
    });
    Answer::Raw { status: 200, headers: Vec::new(), body: body.to_string() }
}

#[test]
fn the_bill_is_the_apis_own_count_at_the_tables_price() {
    let check = |model: &str, usage: (u64, u64, u64, u64), usd: f64| {
        let (input, cached, output, reasoning) = usage;
        let pull = Pull::of_pay(Vec::new());
        pull.openai.set_script(Script::new().always(billed(input, cached, output, reasoning)));
        let reviewed = pull.review(&["--model", model, "--max-cost", "inf"], 0);
        let expected = json!({"requests": 1, "retries": 0, "input_tokens": input, "cached_input_tokens": cached,
            "output_tokens": output, "reasoning_tokens": reasoning});
        assert_eq!(reviewed.report["usage"], expected, "{model}");
        check_usd(&reviewed, "/cost/usd", usd);
        check_usd(&reviewed, "/cost/total_usd", usd);
        check_usd(&reviewed, "/cost/models/0/usd", usd);
        assert_eq!(reviewed.at("/cost/models/0/model"), model);
        assert_eq!(reviewed.at("/cost/models/0/priced_on"), "2026-11-22");
        assert_eq!(reviewed.at("/cost/limit_usd"), &Value::Null);
    };
    // (10,000 - 4,096) at 0.15, 4,096 at 0.075 and 2,000 at 0.60 for a million
    check("gpt-4o-mini", (10_000, 4_096, 2_000, 0), 0.000_885_6 + 0.000_307_2 + 0.001_2);
    check("gpt-4o", (1_000_000, 0, 1_000, 0), 2.5 + 0.01);
    // thinking is part of the answer, and is not paid for twice
    check("gpt-5-mini", (2_000, 1_024, 5_000, 4_500), 0.000_244 + 0.000_025_6 + 0.01);
    check("gpt-4.1", (1_000, 1_000, 0, 0), 0.000_5);
}

#[test]
fn everything_that_was_paid_for_is_on_the_bill() {
    // an answer that cannot be read, one that is cut, and the rest
    let text = Answer::Text("no JSON".to_owned());
    let pull = Pull::new(many(), Script::new().first(1, text).first(1, Answer::cut()));
    let reviewed = pull.review(&SMALL_CHUNKS, 0);
    let sent = pull.openai.completions().len();
    assert_eq!(number(&reviewed, "/usage/requests"), sent as f64);
    let (input, cached) = (number(&reviewed, "/usage/input_tokens"), number(&reviewed, "/usage/cached_input_tokens"));
    assert!(cached > 0.0 && input > cached, "the prompts share a prefix that is cached");
    let usd = ((input - cached) * 0.15 + cached * 0.075 + number(&reviewed, "/usage/output_tokens") * 0.60) / 1e6;
    check_usd(&reviewed, "/cost/usd", usd);
    let body = &pull.github.issue_comments()[0].body;
    assert!(body.contains(&format!("| `gpt-4o-mini` | {sent} |")), "{body}");
}

#[test]
fn a_server_that_does_not_count_is_estimated_and_that_is_said() {
    let content = json!({"analysis": "", "findings": [], "summary": "x".repeat(300)}).to_string();
    let body = json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).to_string();
    let pull = Pull::of_pay(Vec::new());
    pull.openai.set_script(Script::new().always(Answer::Raw { status: 200, headers: Vec::new(), body }));
    let reviewed = pull.review(&[], 0);
    assert!(number(&reviewed, "/usage/input_tokens") > 500.0 && number(&reviewed, "/usage/output_tokens") > 50.0);
    assert!(reviewed.notes().contains("told no token counts"), "{}", reviewed.notes());
}

#[test]
fn the_limit_stops_before_the_request_that_could_pass_it() {
    // one request: about 2,400 tokens at 0.15 and at most 4,096 at 0.60 for a million, which is 0.0028
    let pull = Pull::new(many(), Script::new());
    let args = [SMALL_CHUNKS.as_slice(), &["--max-cost", "0.0035"]].concat();
    let reviewed = pull.review(&args, 3);
    let sent = pull.openai.completions().len();
    let (all, done, _, failed) = reviewed.lines();
    assert!(sent >= 1 && done > 0 && failed > 0, "{sent} requests, {done} lines");
    assert_eq!(all, 120);
    assert!(number(&reviewed, "/cost/usd") <= 0.0035);
    check_usd(&reviewed, "/cost/limit_usd", 0.0035);
    let reasons = reviewed.failures();
    assert!(reasons.lines().all(|reason| reason.contains("cost limit") || reason.contains("hint")), "{reasons}");
    let summary = pull.github.issue_comments()[0].body.clone();
    assert!(summary.contains("the cost limit of $0.0035"), "{summary}");
    assert_eq!(number(&reviewed, "/usage/requests"), sent as f64);
}

#[test]
fn requests_at_the_same_time_keep_the_limit_together() {
    let pull = Pull::new(many(), Script::new().always(billed(2_400, 0, 4_096, 0)));
    let reviewed = pull.review(&["--chunk-tokens", "2400", "--concurrency", "8", "--max-cost", "0.006"], 3);
    assert!(number(&reviewed, "/cost/usd") <= 0.006, "{}", reviewed.report["cost"]);
    assert_eq!(pull.openai.completions().len(), 2);
}

#[test]
fn with_a_limit_of_nothing_nothing_is_sent() {
    let pull = Pull::of_pay(vec![mean()]);
    let reviewed = pull.review(&["--max-cost", "0"], 3);
    assert!(pull.openai.requests().is_empty());
    assert_eq!((reviewed.lines(), reviewed.at("/status")), ((7, 0, 0, 7), &json!("incomplete")));
    check_usd(&reviewed, "/cost/usd", 0.0);
    assert!(pull.github.issue_comments()[0].body.contains("nobody looked at any of 7"), "{}", reviewed.run);
}

/// The request of a repository whose base has this configuration.
fn configured(config: &str) -> Scenario {
    let repo = Repo::new().file(".prudence.toml", config).file("a.rs", "a\n").commit("base").branch("feature");
    Scenario::new(&repo.file("a.rs", "b\n").commit("change"), "main", "feature")
}

#[test]
fn a_price_of_the_team_goes_before_the_table() {
    let check = |config: &str, model: &str, usd: f64| {
        let script = Script::new().model(Model::new("mine", 32_000, 4096)).always(billed(10_000, 2_000, 1_000, 0));
        let pull = Pull::new(configured(config), script);
        let reviewed = pull.review(&["--model", model], 0);
        check_usd(&reviewed, "/cost/usd", usd);
        assert_eq!(reviewed.at("/cost/models/0/priced_on"), &Value::Null);
    };
    check("[prices.mine]\ninput = 1.0\ncached-input = 0.5\noutput = 4.0\n", "mine", 0.008 + 0.001 + 0.004);
    check("[prices.mine]\ninput = 1.0\noutput = 4.0\n", "mine", 0.01 + 0.004);
    check("[prices.\"gpt-4o-mini\"]\ninput = 0.0\noutput = 0.0\n", "gpt-4o-mini", 0.0);
}

#[test]
fn a_model_without_a_price_has_tokens_and_no_dollars() {
    let script = Script::new().model(Model::new("mystery", 32_000, 4096)).always(billed(10_000, 0, 1_000, 0));
    let pull = Pull::new(configured(""), script);
    let reviewed = pull.review(&["--model", "mystery", "--max-cost", "0.01"], 0);
    assert_eq!(
        (reviewed.at("/usage/input_tokens"), reviewed.at("/usage/output_tokens")),
        (&json!(10_000), &json!(1_000))
    );
    let models = json!([{"model": "mystery", "usd": null, "priced_on": null}]);
    let cost = json!({"usd": null, "total_usd": null, "limit_usd": 0.01, "models": models, "cached_saved_usd": null});
    assert_eq!(reviewed.report["cost"], cost);
    assert!(reviewed.notes().contains("no known price"), "{}", reviewed.notes());
    let outputs = reviewed.job().outputs();
    assert_eq!((outputs["cost-usd"].as_str(), outputs["total-cost-usd"].as_str()), ("", ""));
    assert!(pull.github.issue_comments()[0].body.contains("price unknown"));
    // what is not known does not become known by a second run
    let second = pull.review(&["--model", "gpt-4o-mini"], 0);
    assert!(second.at("/cost/usd").is_number());
    assert_eq!(second.at("/cost/total_usd"), &Value::Null, "the first run's part is not known");
}

#[test]
fn what_may_have_been_billed_by_a_model_without_a_price_is_not_free() {
    let script = Script::new().model(Model::new("mystery", 32_000, 4096)).always(Answer::Hang);
    let pull = Pull::new(configured(""), script);
    let reviewed = pull.review(&["--model", "mystery", "--deadline", "1"], 3);
    assert_eq!((reviewed.at("/cost/usd"), reviewed.at("/cost/total_usd")), (&Value::Null, &Value::Null));
    assert_eq!(reviewed.at("/cost/models"), &json!([{"model": "mystery", "usd": null, "priced_on": null}]));
    assert!(reviewed.notes().contains("may have been billed"), "{}", reviewed.notes());
}
