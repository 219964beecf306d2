//! `--ledger`: a line for each run that asked a model, and `prudence cost`, which sums them up.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::actions::{Actions, Event};
use crate::support::github::{Fault, Route, Scenario};
use crate::support::openai::{Answer, KEY, Model, OpenAi, Script};
use crate::support::program::{Prudence, Run};
use crate::support::pull::{Pull, files, late, mean};
use crate::support::repo::Repo;

fn folder() -> TempDir {
    TempDir::with_prefix("prudence-ledger-").expect("a temporary folder")
}

/// The lines of a ledger; none where there is no file.
#[track_caller]
fn entries(ledger: &Path) -> Vec<Value> {
    let text = fs::read_to_string(ledger).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}"))).collect()
}

/// A line that a run could have written.
pub fn line(id: &str, fields: Value) -> String {
    let mut line = json!({"schema": "prudence.ledger/v1", "id": id, "time": "2026-11-20T10:00:00Z", "command": "review",
        "status": "complete", "source": "github", "repository": "o/r", "request": 7, "head_sha": null,
        "changed_lines_reviewed": 10, "findings": {"critical": 0, "major": 1, "minor": 1, "info": 0},
        "models": [{"model": "gpt-4o-mini", "requests": 3, "input_tokens": 1000, "cached_tokens": 200, "output_tokens": 50,
            "usd": 0.5, "cached_saved_usd": 0.25}],
        "unconfirmed_requests": 0, "usd": 0.5, "cached_saved_usd": 0.25, "seconds": 4.2});
    for (key, value) in fields.as_object().expect("an object") {
        line[key] = value.clone();
    }
    line.to_string()
}

/// A model that nobody knows a price of, and that finds something.
fn unpriced() -> Script {
    Script::new().model(Model::new("llama3", 32_000, 4096)).always(Answer::findings(vec![mean()]))
}

fn cost(args: &[&str], input: &str) -> Run {
    Prudence::new().arg("cost").args(args).stdin(input).run()
}

#[test]
fn a_run_that_asked_a_model_leaves_one_line_with_its_bill() {
    let (pull, folder) = (Pull::of_pay(vec![mean(), late()]), folder());
    let ledger = folder.path().join("ledger.jsonl");
    let args = ["--ledger", ledger.to_str().expect("a path")];
    let reviewed = pull.review(&args, 0);
    let [entry] = entries(&ledger).try_into().expect("one line");
    for (key, pointer) in [
        ("/usd", "/cost/usd"),
        ("/cached_saved_usd", "/cost/cached_saved_usd"),
        ("/models/0/usd", "/cost/models/0/usd"),
        ("/models/0/model", "/cost/models/0/model"),
        ("/models/0/requests", "/usage/requests"),
        ("/models/0/input_tokens", "/usage/input_tokens"),
        ("/models/0/cached_tokens", "/usage/cached_input_tokens"),
        ("/models/0/output_tokens", "/usage/output_tokens"),
        ("/head_sha", "/change/head_sha"),
        ("/changed_lines_reviewed", "/coverage/changed_lines_reviewed"),
        ("/status", "/status"),
    ] {
        assert_eq!(entry.pointer(key), Some(reviewed.at(pointer)), "{key}: {entry}");
        assert_ne!(entry.pointer(key), Some(&Value::Null), "{key}: {entry}");
    }
    let url = reviewed.at("/change/url").as_str().expect("a page").to_owned();
    let [repository, request] =
        [&entry["repository"], &entry["request"]].map(|value| value.to_string().replace('"', ""));
    assert!(url.ends_with(&format!("/{repository}/pull/{request}")), "{url}: {entry}");
    assert_eq!((&entry["source"], &entry["command"]), (&json!("github"), &json!("review")));
    let found = reviewed.at("/findings").as_array().map(Vec::len);
    let counted: u64 = entry["findings"].as_object().expect("counts").values().filter_map(Value::as_u64).sum();
    assert_eq!(Some(counted as usize), found);
    assert!(entry["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{entry}");
    // the same head again: nobody is asked, and nothing is paid
    pull.review(&args, 0);
    assert_eq!(entries(&ledger).len(), 1);
    pull.review(&[&args[..], &["--full"]].concat(), 0);
    let both = entries(&ledger);
    assert_eq!(both.len(), 2);
    assert_ne!(both[0]["id"], both[1]["id"]);
    let text = fs::read_to_string(&ledger).expect("a ledger");
    assert!(!text.contains(KEY) && !text.contains(crate::support::github::TOKEN), "{text}");
}

#[test]
fn a_variable_or_an_input_names_it_and_the_flag_wins() {
    let folder = folder();
    let [flag, variable, input] = ["flag", "variable", "input"].map(|name| folder.path().join(name));
    let check = |args: &[&Path], variables: &[(&str, &Path)], expected: &Path| {
        let pull = Pull::of_pay(vec![mean()]);
        let job = Actions::new(&pull.github, &Event::Opened);
        let program = args.iter().fold(pull.step(&job), |program, ledger| program.arg("--ledger").arg(ledger));
        let program = variables.iter().fold(program, |program, (name, ledger)| program.env(name, ledger.display()));
        pull.end(program, 0);
        for ledger in [&flag, &variable, &input] {
            assert_eq!(entries(ledger).len(), usize::from(ledger == expected), "{}", ledger.display());
            let _ = fs::remove_file(ledger);
        }
    };
    check(&[], &[("INPUT_LEDGER", &input)], &input);
    check(&[], &[("INPUT_LEDGER", &input), ("PRUDENCE_LEDGER", &variable)], &variable);
    check(&[&flag], &[("INPUT_LEDGER", &input), ("PRUDENCE_LEDGER", &variable)], &flag);
}

#[test]
fn a_file_of_the_repository_cannot_say_where_to_write() {
    let (folder, openai) = (folder(), OpenAi::start(Script::new()));
    let ledger = folder.path().join("ledger.jsonl");
    let repo = Repo::new().file("a.rs", "fn a() {}\n").file(".env", format!("PRUDENCE_LEDGER={}\n", ledger.display()));
    let repo = repo.commit("base").branch("feature").file("a.rs", "fn a() { b() }\n").commit("change");
    let program = Prudence::new().current_dir(repo.path()).openai(&openai).args(["review", "--base", "main"]);
    program.run().expect_code(0);
    assert!(!openai.completions().is_empty() && !ledger.exists());
}

#[test]
fn what_was_paid_is_there_however_the_run_ends() {
    let folder = folder();
    let ledger = folder.path().join("ledger.jsonl");
    let args = ["--ledger", ledger.to_str().expect("a path"), "--chunk-tokens", "2400", "--concurrency", "1"];
    // a part fails
    let text = Answer::Text("no JSON".to_owned());
    let pull = Pull::new(
        Scenario::new(&files(120), "main", "feature"),
        Script::new().first(1, Answer::findings(Vec::new())).always(text),
    );
    let reviewed = pull.review(&args, 3);
    let entry = entries(&ledger).pop().expect("a line");
    assert_eq!((&entry["status"], &entry["usd"]), (&json!("incomplete"), reviewed.at("/cost/usd")));
    assert_eq!(entry["models"][0]["requests"], json!(pull.openai.completions().len()));
    // everything is refused
    pull.openai.set_script(Script::new().always(Answer::error(
        401,
        "invalid_request_error",
        Some("invalid_api_key"),
        "no",
    )));
    pull.review(&args, 2);
    let entry = entries(&ledger).pop().expect("a line");
    assert_eq!((&entry["status"], &entry["usd"], &entry["findings"]), (&json!("failed"), &json!(0.0), &Value::Null));
    // nobody can be reached: nothing was sent
    pull.end(
        pull.step(&Actions::new(&pull.github, &Event::Opened))
            .args(args)
            .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        2,
    );
    assert_eq!(entries(&ledger).len(), 2);
}

#[test]
fn a_price_that_is_not_known_is_null() {
    let (pull, folder) = (Pull::of_pay(Vec::new()), folder());
    pull.openai.set_script(unpriced());
    let ledger = folder.path().join("ledger.jsonl");
    let reviewed = pull.review(&["--model", "llama3", "--ledger", ledger.to_str().expect("a path")], 0);
    let [entry] = entries(&ledger).try_into().expect("one line");
    assert_eq!(
        (&entry["usd"], &entry["cached_saved_usd"], &entry["models"][0]["usd"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(reviewed.at("/cost/cached_saved_usd"), &Value::Null);
    assert!(cost(&[ledger.to_str().expect("a path")], "").expect_code(0).stdout.contains("1 run on 20"));
}

#[test]
#[cfg(unix)]
fn a_run_that_was_stopped_has_its_line() {
    let folder = folder();
    let ledger = folder.path().join("ledger.jsonl");
    let pull = Pull::of_pay(vec![mean()]);
    pull.openai.set_script(Script::new().always(Answer::Hang));
    let job = Actions::new(&pull.github, &Event::Opened);
    let program = pull.step(&job).arg("--ledger").arg(&ledger);
    program.run_until_told(&["TERM"], || !pull.openai.completions().is_empty()).expect_code(4);
    let entry = entries(&ledger).pop().expect("a line");
    assert_eq!((&entry["status"], &entry["unconfirmed_requests"]), (&json!("incomplete"), &json!(1)), "{entry}");
    let sum = cost(&["--format", "json", ledger.to_str().expect("a path")], "").expect_code(0).json();
    assert_eq!(sum["total"]["usd_is_at_least"], true, "{sum}");
    // killed while it delivers, and by force
    let pull = Pull::of_pay(vec![mean()]);
    pull.github.fault(Route::CreateIssueComment, 1, Fault::Hang);
    let job = Actions::new(&pull.github, &Event::Opened);
    let program = pull.step(&job).arg("--ledger").arg(&ledger);
    assert!(program.run_until(|| pull.github.writes().len() == 2));
    let entry = entries(&ledger).pop().expect("a line");
    assert_eq!((entries(&ledger).len(), &entry["status"]), (2, &json!("complete")), "{entry}");
}

#[test]
fn a_ledger_that_cannot_be_written_costs_no_review() {
    let (pull, folder) = (Pull::of_pay(vec![mean()]), folder());
    let ledger = folder.path().join("none/ledger.jsonl");
    for ledger in [ledger.as_path(), folder.path()] {
        let name = ledger.to_str().expect("a path");
        let reviewed = pull.review(&["--full", "--ledger", name], 0);
        let wanted = format!("the ledger `{name}` lacks this run");
        assert!(reviewed.notes().contains(&wanted), "{}", reviewed.notes());
        assert_eq!(reviewed.run.stderr.matches(&format!("note: {wanted}")).count(), 1, "{}", reviewed.run);
    }
    assert!(!ledger.exists() && !pull.github.review_comments().is_empty());
}

#[test]
fn answers_that_come_from_files_are_no_cost() {
    let (folder, openai) = (folder(), OpenAi::start(Script::new()));
    let [ledger, tape] = ["ledger.jsonl", "tape"].map(|name| folder.path().join(name));
    let repo = Repo::new().file("a.rs", "fn a() {}\n").commit("base");
    let repo = repo.branch("feature").file("a.rs", "fn a() { b() }\n").commit("change");
    let review = |flag: &str| {
        let program = Prudence::new().current_dir(repo.path()).openai(&openai).args(["review", "--base", "main", flag]);
        program.arg(&tape).arg("--ledger").arg(&ledger).run().expect_code(0)
    };
    review("--record");
    let [entry] = entries(&ledger).try_into().expect("one line");
    let name = repo.path().file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(
        (&entry["repository"], &entry["request"], &entry["source"]),
        (&json!(name), &Value::Null, &json!("git"))
    );
    let run = review("--replay");
    assert!(run.stderr.contains("note: nobody was paid for answers of a recording"), "{run}");
    assert_eq!((entries(&ledger).len(), openai.completions().len()), (1, 1));
}

#[test]
fn an_evaluation_is_paid_for_too() {
    let (folder, openai) = (folder(), OpenAi::start(Script::new()));
    let diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n";
    let cases =
        ["one", "two"].map(|id| format!("{}\n", json!({"instance_id": id, "diff": "a.diff", "expect_clean": true})));
    let data = folder.path().join("data");
    fs::create_dir(&data).and_then(|()| fs::write(data.join("cases.jsonl"), cases.concat())).expect("a dataset");
    fs::write(data.join("a.diff"), diff).expect("a diff");
    let ledger = folder.path().join("ledger.jsonl");
    let program = Prudence::new().arg("eval").arg(&data).args(["--effort", "low", "--format", "json"]).openai(&openai);
    let evaluation = program.env("PRUDENCE_LEDGER", ledger.display()).run().expect_code(0).json();
    let [entry] = entries(&ledger).try_into().expect("one line");
    assert_eq!(
        (&entry["command"], &entry["repository"], &entry["status"]),
        (&json!("eval"), &json!("data"), &json!("complete"))
    );
    let cases = evaluation["reviewers"][0]["cases"].as_array().expect("cases");
    let usd: f64 = cases.iter().filter_map(|case| case["usd"].as_f64()).sum();
    assert!((entry["usd"].as_f64().expect("dollars") - usd).abs() < 1e-9 && usd > 0.0, "{entry}");
    assert_eq!(entry["models"][0]["requests"], openai.completions().len());
}

#[test]
fn costs_are_summed_up_in_all_ways() {
    let lines = [
        line("1", json!({})),
        line("2", json!({"time": "2026-11-21T23:30:00-01:00", "request": 8, "source": "gitlab"})),
        line("3", json!({"time": "2026-11-21T10:00:00Z", "repository": "o/s", "request": null, "findings": null,
            "models": [{"model": "llama3", "requests": 1, "input_tokens": 9, "cached_tokens": 0, "output_tokens": 1, "usd": null}],
            "usd": null, "cached_saved_usd": null})),
    ]
    .join("\n");
    let sum = cost(&["-", "--format", "json"], &lines).expect_code(0).json();
    assert_eq!(sum["schema"], "prudence.cost/v1");
    let total = json!({"runs": 3, "requests": 7, "unconfirmed_requests": 0, "input_tokens": 2009, "cached_tokens": 400,
        "output_tokens": 101, "usd": 1.0, "usd_is_at_least": true, "cached_saved_usd": 0.5, "findings": 4, "runs_untold": 1});
    assert_eq!(sum["total"], total);
    let rows = |by: &str| -> Vec<(String, Value)> {
        let rows = sum["by"][by].as_array().expect("rows").iter();
        rows.map(|row| (row["name"].as_str().expect("a name").to_owned(), row["sum"]["usd"].clone())).collect()
    };
    let row = |name: &str, usd: Value| (name.to_owned(), usd);
    assert_eq!(
        rows("day"),
        [row("2026-11-20", json!(0.5)), row("2026-11-21", Value::Null), row("2026-11-22", json!(0.5))]
    );
    assert_eq!(rows("repository"), [row("o/r", json!(1.0)), row("o/s", Value::Null)]);
    assert_eq!(rows("model"), [row("gpt-4o-mini", json!(1.0)), row("llama3", Value::Null)]);
    assert_eq!(
        rows("request"),
        [row("o/r!8", json!(0.5)), row("o/r#7", json!(0.5)), row("o/s (no request)", Value::Null)]
    );
    let text = cost(&["-"], &lines).expect_code(0).stdout;
    for wanted in [
        "3 runs from 2026-11-20 to 2026-11-22: at least $1.00, caching saved at least $0.50; at least 4 findings\n",
        "models without a price are in no sum of dollars\n",
        "by day (UTC)\n",
        "by repository\n",
        "by model\n",
        "by request\n",
        "unknown",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    let some = ["-", "--by", "model", "--since", "2026-11-20", "--until", "2026-11-20", "--format", "markdown"];
    let text = cost(&some, &lines).expect_code(0).stdout;
    assert!(
        text.contains("1 run on 2026-11-20: $0.50")
            && text.contains("| gpt-4o-mini | 1 | 3 | 1,000 | 200 | 50 | $0.50 | $0.25 |"),
        "{text}"
    );
    assert!(!text.contains("by day") && !text.contains("llama3"), "{text}");
}

#[test]
fn a_ledger_given_twice_is_counted_once() {
    let folder = folder();
    let [one, two] = ["one.jsonl", "two.jsonl"].map(|name| folder.path().join(name));
    fs::write(&one, line("1", json!({})) + "\n").expect("a ledger");
    fs::write(&two, format!("{}\n{}\n", line("1", json!({})), line("2", json!({})))).expect("a ledger");
    let [one, two] = [&one, &two].map(|path| path.to_str().expect("a path"));
    let sum = cost(&[one, two, one, "--format", "json"], "").expect_code(0).json();
    assert_eq!((&sum["total"]["runs"], &sum["duplicates"]), (&json!(2), &json!(2)));
    assert!(cost(&[one, two], "").stdout.contains("1 line of runs that were counted already"));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let folder = folder();
    let ledger = folder.path().join("ledger.jsonl");
    let good = line("1", json!({}));
    let newer = good.replace("ledger/v1", "ledger/v2");
    // half of a line, with another behind it
    let text = format!("{}\n\n{newer}\n::error::x\n{}{}\n", &good[..80], &good[..80], line("2", json!({})));
    fs::write(&ledger, &text).expect("a ledger");
    let name = ledger.to_str().expect("a path");
    let run = cost(&[name, "--format", "json"], "").expect_code(0);
    let sum = run.json();
    let place = |line: u64, why: &str| json!({"file": name, "line": line, "why": why});
    let newer = "its schema is `prudence.ledger/v2`, which takes a newer version of this program";
    let first = [
        place(1, "it breaks off"),
        place(3, newer),
        place(4, "it is no JSON: expected value"),
        place(5, "it breaks off"),
    ];
    assert_eq!((&sum["unread"], &sum["total"]["runs"]), (&json!({"count": 4, "first": first}), &json!(1)));
    assert!(
        run.stderr.contains(&format!(
            "note: 4 lines could not be read, and are in no sum: {name}:1: it breaks off; {name}:3: {newer}; "
        )),
        "{run}"
    );
    let text = cost(&[name], "").expect_code(0).stdout;
    assert!(text.contains("4 lines could not be read") && text.contains(&format!("{name}:4")), "{text}");
    // nothing at all
    fs::write(&ledger, &good[..80]).expect("a ledger");
    let run = cost(&[name], "").expect_code(2);
    assert!(run.stderr.contains(&format!("error: no line could be read: {name}:1: it breaks off\nhint: ")), "{run}");
    let run = cost(&[&format!("{name}.none")], "").expect_code(2);
    assert!(run.stderr.contains("error: cannot read the ledger `") && run.stderr.contains("hint: "), "{run}");
    fs::write(&ledger, "\n").expect("a ledger");
    assert!(cost(&[name], "").expect_code(0).stdout.starts_with("no runs\n"));
    for wrong in [["--since", "2026-02-30"], ["--by", "week"]] {
        cost(&[name, wrong[0], wrong[1]], "").expect_code(2);
    }
    let run = cost(&[name, "--since", "2026-11-02", "--until", "2026-11-01"], "").expect_code(2);
    assert!(run.stderr.contains("`--since` is after `--until`"), "{run}");
}

#[test]
fn the_page_needs_nothing_else_and_holds_nothing_raw() {
    let folder = folder();
    let file = folder.path().join("page.html");
    let evil = "<script>alert(1)</script><img src=x onerror=y>\u{202e}";
    let model = json!([{"model": evil, "requests": 1, "input_tokens": 9, "cached_tokens": 0, "output_tokens": 1, "usd": 0.5, "cached_saved_usd": 0.0}]);
    let lines = [
        line("1", json!({"models": model, "repository": evil, "time": "2026-11-19T10:00:00Z"})),
        line("2", json!({})),
        line("3", json!({"usd": null, "models": [{"model": "llama3", "requests": 1, "input_tokens": 9, "cached_tokens": 0, "output_tokens": 1, "usd": null}]})),
        evil.to_owned(),
    ]
    .join("\n");
    cost(&["-", "--html", file.to_str().expect("a path")], &lines).expect_code(0);
    let page = fs::read_to_string(&file).expect("a page");
    for wanted in [
        "<title>What reviews cost</title>",
        "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-",
        "prefers-color-scheme: dark",
        "<svg ",
        "<title>2026-11-20, gpt-4o-mini: $0.50</title>",
        "&lt;script&gt;alert(1)",
        "by repository",
        "at least $1.00",
        "1 line could not be read",
        "standard input:4",
    ] {
        assert!(page.contains(wanted), "{wanted}\n{page}");
    }
    for wrong in [
        "<script",
        "<img",
        "<link",
        "<iframe",
        "@import",
        "url(",
        " src=\"",
        " href=\"http",
        " style=\"",
        " onerror=\"",
        "\u{202e}",
    ] {
        assert!(!page.contains(wrong), "{wrong}\n{page}");
    }
    assert_eq!(page.replace("http://www.w3.org/2000/svg", "").matches("://").count(), 0, "no address");
    let run =
        cost(&["-", "--html", folder.path().join("none/page.html").to_str().expect("a path")], &lines).expect_code(2);
    assert!(run.stderr.contains("cannot write the page"), "{run}");
}

#[test]
fn a_large_ledger_takes_little_memory() {
    let folder = folder();
    let ledger = folder.path().join("ledger.jsonl");
    let peak_mb = |count: u64| {
        let lines: String = (0..count).map(|n| line(&n.to_string(), json!({"request": n % 500})) + "\n").collect();
        fs::write(&ledger, &lines).expect("a ledger");
        let (run, peak_mb) = Prudence::new().args(["cost", "--format", "json"]).arg(&ledger).run_measured();
        assert_eq!(run.expect_code(0).json()["total"]["runs"], count);
        (peak_mb, lines.len() as u64 >> 20)
    };
    let (none, _) = peak_mb(500);
    let (all, size) = peak_mb(40_000);
    assert!(size > 15 && all < none + 8, "{all} MB for {size} MB, and {none} MB for nearly nothing");
}

#[test]
fn what_people_see_of_a_run_tells_what_caching_saved_and_what_a_finding_cost() {
    let content = json!({"analysis": "", "findings": [mean(), late()], "summary": ""}).to_string();
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, "refusal": null}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 100_000, "total_tokens": 1_100_000,
            "prompt_tokens_details": {"cached_tokens": 400_000}, "completion_tokens_details": {"reasoning_tokens": 0}},
    });
    let pull = Pull::of_pay(Vec::new());
    pull.openai.set_script(Script::new().always(Answer::Raw {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    }));
    let reviewed = pull.review(&[], 0);
    // 600,000 at 0.15, 400,000 at 0.075 instead of 0.15, and 100,000 at 0.60 for a million
    let saved = reviewed.at("/cost/cached_saved_usd").as_f64().expect("dollars");
    assert!((saved - 0.03).abs() < 1e-9, "{saved}");
    let summary = pull.github.issue_comments()[0].body.clone();
    let row =
        "| `gpt-4o-mini` | 1 | 1,000,000 | 400,000 (saved $0.0300) | 100,000 | $0.18 ($0.0900 a finding) | $0.18 |";
    assert!(summary.contains(row), "{summary}");
    let out = &reviewed.run.stdout;
    assert!(out.contains("$0.18 ($0.0900 a finding) · caching saved $0.0300 · "), "{out}");
    // without either there is nothing to tell
    let pull = Pull::of_pay(Vec::new());
    pull.openai.set_script(unpriced());
    let reviewed = pull.review(&["--model", "llama3"], 0);
    let summary = pull.github.issue_comments()[0].body.clone();
    for text in [&summary, &reviewed.run.stdout] {
        assert!(!text.contains("saved") && !text.contains("a finding"), "{text}");
    }
}
