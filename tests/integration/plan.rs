//! `plan`: what `review` would send, with no key and no network.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::support::openai::{OpenAi, Script, prompt_text, prompt_tokens};
use crate::support::program::{Prudence, Run, read_json};
use crate::support::repo::Repo;
use crate::support::review::{assert_receipt, part};

/// Plans one pass without a key, with a server that nobody may ask.
#[track_caller]
fn plan(repo: &Repo, args: &[&str]) -> Run {
    let openai = OpenAi::start(Script::new());
    let program = Prudence::new().current_dir(repo.path()).env("OPENAI_BASE_URL", &openai.url);
    let program = program.env("PRUDENCE_EFFORT", "low");
    let run = program.arg("plan").args(args).run().expect_code(0);
    assert_eq!(openai.requests().len(), 0, "nothing is asked\n{run}");
    run
}

#[track_caller]
fn plan_json(repo: &Repo, args: &[&str]) -> Value {
    let plan = plan(repo, &[&["--format", "json"], args].concat()).json();
    assert_receipt(&plan["coverage"]);
    plan
}

fn small() -> Repo {
    let repo = Repo::new().file("a.rs", "one\n").commit("Base").branch("topic");
    repo.file("a.rs", "one\ntwo\n").file("b.rs", "x\n").file("Cargo.lock", "[[package]]\n").commit("Add two")
}

#[test]
fn code_that_is_only_laid_out_anew_is_not_sent() {
    let (old, new) = ("fn f(a:u8)->u8{a+1}\n", "fn f(a: u8) -> u8 {\n    a + 1\n}\n");
    let imports = ("import b\nimport a\n\nprint(a, b)\n", "import a\nimport b\n\nprint(a, b)\n");
    let repo = Repo::new().file("a.rs", old).file("b.py", imports.0).commit("Base").branch("topic");
    let repo = repo.file("a.rs", new).file("b.py", imports.1).commit("Lay out");
    let skipped = json!([
        {"path": "a.rs", "reason": "formatting", "changed_lines": 4},
        {"path": "b.py", "reason": "imports_moved", "changed_lines": 2},
    ]);
    let plan = plan_json(&repo, &[]);
    assert_eq!((&plan["chunks"], &plan["coverage"]["skipped"]), (&json!([]), &skipped));
    let openai = OpenAi::start(Script::new());
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    let report = program.args(["review", "--format", "json"]).run().expect_code(0).json();
    assert_eq!((&report["status"], &report["coverage"]), (&json!("nothing_to_review"), &plan["coverage"]));
    assert_eq!(openai.requests().len(), 0, "nothing is asked");
    assert_receipt(&report["coverage"]);
    // one real change beside it, and the rest stays out
    let repo = repo.file("b.py", format!("{}print(c)\n", imports.1)).commit("And more");
    let coverage = &plan_json(&repo, &[])["coverage"];
    assert_eq!((&coverage["skipped"], &coverage["changed_lines_reviewed"]), (&json!([skipped[0]]), &json!(3)));
}

/// Text in several languages and alphabets, too much for one prompt.
fn large() -> Repo {
    let line = |name: &str, n: usize| match n % 4 {
        0 => format!("    let value_{name}_{n} = compute(&input[{n}..], \"đầu vào {n}\")?;\n"),
        1 => format!("    // 第{n}行：この値は空にならない — naïve façade №{n}\n"),
        2 => "\t\t}\n\n".to_owned(),
        _ => format!("    assert_eq!(sum(0x{n:08x}, {n}.5e-3), \"{}\");\n", "=".repeat(n % 60)),
    };
    let text = |name: &str, count: usize| (0..count).map(|n| line(name, n)).collect::<String>();
    let repo = Repo::new().file("src/old.rs", text("old", 500)).commit("Base").branch("topic");
    let repo = (0..12).fold(repo, |repo, n| repo.file(&format!("src/part_{n}/mod.rs"), text(&format!("n{n}"), 40)));
    repo.file("src/old.rs", text("new", 500)).commit("Rewrite")
}

#[test]
fn the_plan_is_the_one_of_the_interface() {
    let plan = plan_json(&small(), &[]);
    let tokens = plan["chunks"][0]["input_tokens"].as_u64().unwrap();
    let expected = json!({
        "schema": "prudence.plan/v1",
        "model": "gpt-4o-mini",
        "chunks": [{"id": 1, "paths": ["a.rs", "b.rs"], "changed_lines": 2, "input_tokens": tokens}],
        "coverage": {
            "files": 3, "files_reviewed": 2, "changed_lines": 3, "changed_lines_reviewed": 2,
            "skipped": [{"path": "Cargo.lock", "reason": "lockfile", "changed_lines": 1}], "failed": [], "cut": []
        },
        "totals": {"requests": 1, "input_tokens": tokens, "max_output_tokens": 4096},
        "cost": {"usd_expected": plan["cost"]["usd_expected"], "usd_max": plan["cost"]["usd_max"]}
    });
    assert_eq!(plan, expected);
    let most = (tokens as f64 * 0.15 + 4096.0 * 0.60) / 1e6;
    assert!((plan["cost"]["usd_max"].as_f64().unwrap() - most).abs() < 1e-9, "{plan:#}");
}

#[test]
fn every_pass_is_in_the_plan() {
    let repo = large();
    let once = plan_json(&repo, &[]);
    let openai = OpenAi::start(Script::new());
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    program.args(["review", "--effort", "balanced"]).run().expect_code(0);
    let sent: usize = openai.completions().iter().map(|request| prompt_tokens(&request.body)).sum();
    let requests = openai.completions().len();
    let plan = plan_json(&repo, &["--effort", "balanced"]);
    let planned = plan["totals"]["input_tokens"].as_u64().unwrap() as usize;
    assert_eq!(plan["totals"]["requests"], requests, "{plan:#}");
    assert!(requests > 3 && requests.is_multiple_of(3) && planned.abs_diff(sent) * 100 <= sent, "{planned} {sent}");
    // the second look costs at most as much as one more pass
    let most = |plan: &Value| plan["cost"]["usd_max"].as_f64().unwrap();
    let without = plan_json(&repo, &["--effort", "balanced", "--no-verify"]);
    let look = most(&plan) - most(&without);
    assert!(look > 0.0 && look <= most(&once) * 1.001, "{plan:#} {without:#} {once:#}");
}

#[test]
fn the_plan_for_people() {
    let run = plan(&small(), &[]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("   1 ") && lines[0].ends_with("2 changed lines  a.rs, b.rs"), "{run}");
    assert_eq!(lines[1], "skipped Cargo.lock (lockfile, 1 changed line)");
    assert!(
        lines[2].starts_with("1 request to gpt-4o-mini: ") && lines[2].ends_with(" for 2 of 3 changed lines"),
        "{run}"
    );
    assert!(lines[3].starts_with("expected $0.0") && lines[3].contains(", at most $0.00"), "{run}");
    let markdown = plan(&small(), &["--format", "markdown"]).stdout;
    assert_eq!(markdown, format!("```text\n{}```\n", run.stdout));
}

#[test]
fn the_plan_is_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    plan(&small(), &["--output", file.to_str().unwrap()]);
    assert_eq!(read_json(&file), plan_json(&small(), &[]));
}

/// Whether a count is within 3 % of the exact one.
fn is_close(count: &Value, exact: usize) -> bool {
    count.as_u64().is_some_and(|count| count.abs_diff(exact as u64) * 100 <= 3 * exact as u64)
}

#[test]
fn a_plan_tells_what_a_review_sends() {
    let repo = large();
    let plan = plan_json(&repo, &[]);
    let openai = OpenAi::start(Script::new());
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    let args = ["review", "--format", "json", "--effort", "low", "--concurrency", "1"];
    let report = program.args(args).run().expect_code(0).json();
    // the largest are asked about first, but for one that goes ahead
    let mut requests = openai.completions();
    requests.sort_by_key(|request| Reverse(prompt_tokens(&request.body)));
    let mut chunks = plan["chunks"].as_array().unwrap().clone();
    chunks.sort_by_key(|chunk| Reverse(chunk["input_tokens"].as_u64()));
    assert!(requests.len() > 3 && requests.len() == chunks.len(), "{plan:#}");
    let mut sum = 0;
    for (request, chunk) in requests.iter().zip(&chunks) {
        let exact = prompt_tokens(&request.body);
        assert!(is_close(&chunk["input_tokens"], exact), "{chunk:#} is within 3 % of {exact}");
        assert!(exact <= 6000, "{exact}");
        let changed = part(&request.body).lines().filter(|line| is_changed(line)).count();
        assert_eq!(chunk["changed_lines"], changed, "{chunk:#}");
        sum += exact;
    }
    assert_eq!(report["usage"]["input_tokens"], sum);
    assert!(is_close(&plan["totals"]["input_tokens"], sum), "{plan:#}");
    assert_eq!(report["coverage"], plan["coverage"]);
    let usd = |pointer: &str| plan.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert!(usd("/cost/usd_expected") <= usd("/cost/usd_max"));
    assert!(report["cost"]["usd"].as_f64().unwrap() <= usd("/cost/usd_max"));
}

/// Whether a line of the view is an added or removed one: its number, a blank, the mark.
fn is_changed(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && (rest.starts_with(" +") || rest.starts_with(" -"))
}

#[test]
fn prompts_begin_alike_up_to_the_chunk() {
    let (repo, openai) = (large(), OpenAi::start(Script::new()));
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    program.args(["review", "--concurrency", "1"]).run().expect_code(0);
    let prefixes: Vec<String> = openai
        .completions()
        .iter()
        .map(|request| {
            let (text, part) = (prompt_text(&request.body), part(&request.body));
            text.split_once(&part).expect("the part is in the prompt").0.to_owned()
        })
        .collect();
    assert!(prefixes.len() > 3 && prefixes.windows(2).all(|pair| pair[0] == pair[1]), "{prefixes:#?}");
    assert!(prefixes[0].ends_with(">\n") && prefixes[0].contains("src/part_11/mod.rs (added, "), "{}", prefixes[0]);
    let schemas: Vec<String> = openai.completions().iter().map(|r| r.body["response_format"].to_string()).collect();
    assert!(schemas.windows(2).all(|pair| pair[0] == pair[1]), "the schema is part of the prefix");
}

#[test]
fn prompts_keep_to_chunk_tokens() {
    let repo = large();
    let plan = plan_json(&repo, &["--chunk-tokens", "3500"]);
    let more = plan["chunks"].as_array().unwrap();
    assert!(more.iter().all(|chunk| chunk["input_tokens"].as_u64().unwrap() <= 3500), "{plan:#}");
    let one = plan_json(&repo, &["--chunk-tokens", "100000"]);
    assert_eq!((one["totals"]["requests"].as_u64(), more.len() > 6), (Some(1), true), "{plan:#}");
    assert_eq!(one["coverage"], plan["coverage"]);
}

#[test]
fn a_price_that_nobody_knows_is_no_price() {
    let unknown = plan_json(&small(), &["--model", "my-model"]);
    assert_eq!(unknown["cost"], json!({"usd_expected": null, "usd_max": null}));
    assert!(plan(&small(), &["--model", "my-model"]).stdout.contains("price unknown"));
    let priced = small().file(".prudence.toml", "[prices.\"my-model\"]\ninput = 1.0\noutput = 0\n");
    let plan = plan_json(&priced, &["--model", "my-model"]);
    let tokens = plan["totals"]["input_tokens"].as_f64().unwrap();
    assert!((plan["cost"]["usd_max"].as_f64().unwrap() - tokens / 1e6).abs() < 1e-9, "{plan:#}");
}

#[test]
fn without_a_model_there_are_no_requests() {
    let plan = plan_json(&small(), &["--provider", "offline"]);
    assert_eq!((&plan["model"], &plan["chunks"]), (&Value::Null, &json!([])));
    assert_eq!(plan["totals"], json!({"requests": 0, "input_tokens": 0, "max_output_tokens": 0}));
    assert_eq!(plan["cost"], json!({"usd_expected": 0.0, "usd_max": 0.0}));
}

#[test]
fn an_empty_change_has_an_empty_plan() {
    let repo = Repo::new().file("a.rs", "one\n").commit("Base");
    let plan = plan_json(&repo, &[]);
    assert_eq!((&plan["chunks"], &plan["coverage"]["changed_lines"]), (&json!([]), &json!(0)));
}
