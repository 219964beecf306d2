//! What a review of a local change prints: the report in each format, and the exit code.

use serde_json::{Value, json};

use crate::support::openai::{Answer, KEY, OpenAi, Script, finding, prompt_tokens};
use crate::support::program::{Prudence, Run, read_json};
use crate::support::repo::Repo;
use crate::support::review::review;

const OLD: &str = "fn mean(xs: &[u32]) -> u32 {\n    total(xs)\n}\n";
const NEW: &str = "fn mean(xs: &[u32]) -> u32 {\n    let n = xs.len() as u32;\n    xs.iter().sum::<u32>() / n\n}\n";

fn repo() -> Repo {
    let repo = Repo::new().file("src/mean.rs", OLD).file("Cargo.lock", "version = 3\n").commit("Base").branch("topic");
    repo.file("src/mean.rs", NEW).file("Cargo.lock", "version = 4\n").commit("Take the mean")
}

/// One finding on two lines that can be placed, and one that cannot.
fn script() -> Script {
    let quote = "    let n = xs.len() as u32;\n    xs.iter().sum::<u32>() / n";
    let fields = json!({
        "end_line": 3, "severity": "critical", "title": "Division by zero for an empty slice",
        "body": "`n` is 0 where `xs` is empty, and the division panics. Return 0 for it.",
        "suggestion": "    let n = (xs.len() as u32).max(1);\n    xs.iter().sum::<u32>() / n",
    });
    let lost = finding("src/mean.rs", 9, "not in the diff", json!({"severity": "minor"}));
    Script::new().when("", Answer::findings(vec![finding("src/mean.rs", 2, quote, fields), lost]))
}

fn run(args: &[&str]) -> Run {
    let (repo, openai) = (repo(), OpenAi::start(script()));
    let program = Prudence::new().openai(&openai).current_dir(repo.path()).args(["review", "--effort", "low"]);
    let run = program.args(args).run();
    assert!(!format!("{run}").contains(KEY), "the key is shown\n{run}");
    run
}

#[test]
fn the_report_is_the_one_of_the_interface() {
    let repo = repo();
    let reviewed = review(&repo, &["--max-cost", "0.5"], script());
    let body = &reviewed.openai.completions()[0].body;
    let input = prompt_tokens(body);
    let report = reviewed.report();
    let output = report["usage"]["output_tokens"].as_u64().unwrap();
    let usd = report["cost"]["usd"].as_f64().unwrap();
    let expected_usd = (input as f64 * 0.15 + output as f64 * 0.60) / 1e6;
    assert!((usd - expected_usd).abs() < 1e-9, "{usd} is {expected_usd}");
    let price_date = report["cost"]["models"][0]["priced_on"].as_str().unwrap();
    assert!(price_date.len() == 10 && price_date.starts_with("20"), "{price_date}");
    let planned = report["chunks"][0]["input_tokens"].as_u64().unwrap();
    assert!(planned.abs_diff(input as u64) * 100 <= 3 * input as u64, "{planned} is within 3 % of {input}");
    let lost = json!({
        "id": "4e78589ed1f6ddb7", "path": "src/mean.rs", "side": "RIGHT", "start_line": 9, "end_line": 9,
        "severity": "minor", "category": "bug", "confidence": 90, "title": "Wrong result for an empty input",
        "body": "An empty input is not handled.", "suggestion": null, "quote": "not in the diff", "origin": "model",
        "votes": 1, "verdict": "unverified", "rule": null
    });
    let expected = json!({
        "schema": "prudence.review/v1",
        "tool": {"name": "prudence", "version": env!("CARGO_PKG_VERSION"), "prompt": prudence::prompt::hash()},
        "change": {"source": "git", "base_sha": repo.sha("main"), "head_sha": null, "title": "Take the mean", "url": null},
        "status": "complete",
        "summary": "There is something to look at.",
        "findings": [{
            "id": "d14b0095ff0fa05e", "path": "src/mean.rs", "side": "RIGHT", "start_line": 2, "end_line": 3,
            "severity": "critical", "category": "bug", "confidence": 90, "title": "Division by zero for an empty slice",
            "body": "`n` is 0 where `xs` is empty, and the division panics. Return 0 for it.",
            "suggestion": "    let n = (xs.len() as u32).max(1);\n    xs.iter().sum::<u32>() / n",
            "quote": "    let n = xs.len() as u32;\n    xs.iter().sum::<u32>() / n",
            "origin": "model", "votes": 1, "verdict": "unverified", "rule": null
        }],
        "suppressed": [{"id": "4e78589ed1f6ddb7", "reason": "unanchored", "finding": lost}],
        "coverage": {
            "files": 2, "files_reviewed": 1, "changed_lines": 5, "changed_lines_reviewed": 3,
            "skipped": [{"path": "Cargo.lock", "reason": "lockfile", "changed_lines": 2}], "failed": [], "cut": []
        },
        "chunks": [{"id": 1, "paths": ["src/mean.rs"], "input_tokens": planned, "state": "reviewed"}],
        "usage": {
            "requests": 1, "retries": 0, "input_tokens": input, "cached_input_tokens": 0, "output_tokens": output,
            "reasoning_tokens": 0
        },
        "cost": {
            "usd": usd, "total_usd": usd, "limit_usd": 0.5,
            "models": [{"model": "gpt-4o-mini", "usd": usd, "priced_on": price_date}],
            "cached_saved_usd": 0.0
        },
        "delivery": {"channel": "stdout", "posted": 0, "url": null, "notes": []}
    });
    // as text: the order of the keys is part of it
    assert_eq!(reviewed.run.stdout, serde_json::to_string_pretty(&expected).unwrap() + "\n");
    assert_eq!(reviewed.run.stderr, "");
}

/// The output with the numbers of the bill, which differ from run to run, taken out.
fn steady(text: &str) -> String {
    let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit() || c == '$');
    let is_bill = |line: &&str| line.contains(" tokens in, ") || line.starts_with("| `gpt-4o-mini`");
    let without = |line: &str| {
        line.split(' ').map(|word| Some(word).filter(|w| !is_number(w)).unwrap_or("N")).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|line| if is_bill(&line) { without(line) } else { line.to_owned() } + "\n").collect()
}

const TERMINAL: &str = "\
critical src/mean.rs:2 bug
  Division by zero for an empty slice
    2 │ -     total(xs)
  ▸ 2 │ +     let n = xs.len() as u32;
  ▸ 3 │ +     xs.iter().sum::<u32>() / n
    4 │   }
  `n` is 0 where `xs` is empty, and the division panics. Return 0 for it.
  suggested:
       +     let n = (xs.len() as u32).max(1);
       +     xs.iter().sum::<u32>() / n

skipped Cargo.lock (lockfile, 2 changed lines)

review complete: 1 finding (1 critical), 3 of 5 changed lines reviewed
N with quoted code that is not in the change · N request · N tokens in, N out · N · N s
";

#[test]
fn the_terminal_shows_the_code_in_question() {
    let run = run(&[]).expect_code(0);
    assert_eq!(steady(&run.stdout), TERMINAL, "{run}");
    assert_eq!(run.stderr, "", "nothing to say besides the result");
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    for (args, coloured) in [(&[][..], false), (&["--color", "never"], false), (&["--color", "always"], true)] {
        let run = run(args).expect_code(0);
        assert_eq!(run.stdout.contains("\u{1b}["), coloured, "{args:?} {run}");
        let plain = anstream::adapter::strip_str(&run.stdout).to_string();
        assert_eq!(steady(&plain), TERMINAL);
    }
}

const MARKDOWN: &str = "\
## 🔎 Prudence: review complete: 1 finding (1 critical), 3 of 5 changed lines reviewed

There is something to look at.

| severity | findings |
|---|---|
| 🔴 critical | 1 |

### 🔴 **Division by zero for an empty slice** · critical · bug

`src/mean.rs:2-3`

```
    let n = xs.len() as u32;
    xs.iter().sum::<u32>() / n
```

`n` is 0 where `xs` is empty, and the division panics. Return 0 for it.

Suggested:

```
    let n = (xs.len() as u32).max(1);
    xs.iter().sum::<u32>() / n
```

**Coverage**: 5 changed lines in 2 files: 3 reviewed, 2 skipped, 0 failed

| model | requests | input tokens | of these cached | output tokens | this run | so far |
|---|---|---|---|---|---|---|
| `gpt-4o-mini` | N | N | N | N | N | N |

Limit of a run: $1.00

<details><summary>1 dropped finding, whose quoted code is not in the change</summary>

- 🟡 `src/mean.rs:9` Wrong result for an empty input
</details>

<details><summary>1 file skipped</summary>

- `Cargo.lock`: lockfile (2 changed lines)
</details>

<sub>prudence VERSION · prompt HASH</sub>
";

#[test]
fn markdown_is_a_document() {
    let run = run(&["--format", "markdown"]).expect_code(0);
    let text = steady(&run.stdout).replace(&prudence::prompt::hash(), "HASH");
    assert_eq!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"), MARKDOWN, "{run}");
}

#[test]
fn the_report_is_written_whatever_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let written = |format: &str| -> (Run, Value) {
        let run = run(&["--format", format, "--output", file.to_str().unwrap()]).expect_code(0);
        (run, read_json(&file))
    };
    for format in ["terminal", "markdown", "json", "sarif", "codequality", "annotations", "html"] {
        let (run, report) = written(format);
        assert_eq!(report["findings"][0]["start_line"], 2, "{run}");
        assert!(format != "json" || run.json() == report, "what is written is what is printed");
    }
    let (repo, openai) = (repo(), OpenAi::start(script()));
    let program = Prudence::new().openai(&openai).current_dir(repo.path());
    let run = program.args(["review", "--output", "no/such/folder/report.json"]).run().expect_code(2);
    assert!(run.stderr.contains("error: cannot write the report `no/such/folder/report.json`: "), "{run}");
    assert_eq!((run.stdout.as_str(), openai.requests().len()), ("", 0), "known before money is spent");
}

#[test]
fn a_run_that_fails_leaves_no_report_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let check = |script: Script, args: &[&str]| {
        std::fs::write(&file, r#"{"status": "complete"}"#).unwrap();
        let (repo, openai) = (repo(), OpenAi::start(script));
        let program = Prudence::new().openai(&openai).current_dir(repo.path());
        let run = program.args(["review", "--output"]).arg(&file).args(args).run().expect_code(2);
        assert!(!file.exists(), "{args:?}\n{run}");
    };
    check(Script::new().always(Answer::quota()), &[]);
    check(Script::new(), &["--base", "no-such-branch"]);
    check(Script::new(), &["--config", "no-such-file"]);
    check(Script::new(), &["--model", "gpt-9"]);
}

#[test]
fn nobody_who_reads_is_no_panic() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    // a pipe whose reader has gone
    let closed = || std::io::pipe().unwrap().1;
    let program = |args: &[&str]| {
        let (repo, openai) = (repo(), OpenAi::start(script()));
        let program = Prudence::new().openai(&openai).current_dir(repo.path()).args(args);
        (program, repo, openai)
    };
    let check = |args: &[&str], code: i32| {
        for stdout in [full().into(), std::process::Stdio::from(closed())] {
            let (program, _repo, _openai) = program(args);
            let run = program.stdout(stdout).run().expect_code(code);
            assert!(!run.stderr.contains("panicked"), "{run}");
        }
        for stderr in [full().into(), std::process::Stdio::from(closed())] {
            let (program, _repo, _openai) = program(args);
            program.stderr(stderr).run().expect_code(code);
        }
    };
    for format in ["terminal", "markdown", "json", "sarif", "codequality", "annotations", "html"] {
        check(&["review", "--format", format, "-vv"], 0);
    }
    check(&["review", "--stream", "--fail-on", "info"], 1);
    check(&["review", "--base", "no-such-branch"], 2);
    check(&["plan"], 0);
    check(&["config"], 0);
    check(&["config", "--schema"], 0);
    check(&["--help"], 0);
    check(&["review", "--no-such-flag"], 2);
}

/// Two chunks, the first with a minor finding, the second with a critical one.
fn two_chunks() -> (Repo, Script) {
    let text = |name: &str| (0..150).map(|n| format!("let {name}_{n} = compute_the_value({n});\n")).collect::<String>();
    let repo = Repo::new().file("z.rs", "").commit("Base").branch("topic");
    let repo = repo.file("a.rs", text("first")).file("b.rs", text("second")).commit("Add two files");
    let script = Script::new()
        .when("let first_7 ", Answer::findings(vec![quoted("a.rs", "first", "minor")]))
        .when("let second_7 ", Answer::findings(vec![quoted("b.rs", "second", "critical")]));
    (repo, script)
}

fn quoted(path: &str, name: &str, severity: &str) -> Value {
    let quote = format!("let {name}_7 = compute_the_value(7);");
    finding(path, 8, &quote, json!({"severity": severity, "title": format!("Wrong in {name}")}))
}

#[test]
fn findings_are_shown_as_they_arrive() {
    let titles = |args: &[&str]| -> Vec<String> {
        let (repo, script) = two_chunks();
        let openai = OpenAi::start(script);
        let program = Prudence::new().openai(&openai).current_dir(repo.path());
        let run = program.args(["review", "--chunk-tokens", "4500", "--concurrency", "1"]).args(args).run();
        assert_eq!((openai.completions().len(), run.code), (2, Some(0)), "{run}");
        assert_eq!(run.stdout.matches("review complete: 2 findings (1 critical, 1 minor)").count(), 1, "{run}");
        run.stdout.lines().filter_map(|line| line.trim().strip_prefix("Wrong in ").map(str::to_owned)).collect()
    };
    assert_eq!(titles(&[]), ["second", "first"], "the worst comes first");
    assert_eq!(titles(&["--stream"]), ["first", "second"], "what is known first comes first");
}

#[test]
fn a_stream_shows_each_finding_once_and_keeps_the_limit() {
    let (repo, _) = two_chunks();
    let on = |path: &str, name: &str, n: u32| {
        let quote = format!("let {name}_{n} = compute_the_value({n});");
        finding(path, n + 1, &quote, json!({"title": format!("Wrong in {name} {n}")}))
    };
    // each is said twice, and the second time in other words
    let twice = |path: &str, name: &str| {
        let all = (2..14).map(|n| 5 * n).flat_map(|n| {
            let mut again = on(path, name, n);
            again["title"] = json!(format!("Also: wrong in {name} {n}"));
            [on(path, name, n), again]
        });
        Answer::findings(all.collect())
    };
    let script = || Script::new().when("let first_7 ", twice("a.rs", "first")).when("", twice("b.rs", "second"));
    for (limit, expected) in [("5", 5), ("14", 14), ("30", 24), ("0", 0)] {
        let openai = OpenAi::start(script());
        let program = Prudence::new().openai(&openai).current_dir(repo.path());
        let args = ["review", "--stream", "--chunk-tokens", "4500", "--concurrency", "1", "--max-comments", limit];
        let run = program.args(args).run().expect_code(0);
        let text = run.stdout.to_lowercase();
        let in_full = text.split("over the limit of comments").next().unwrap_or_default();
        assert_eq!(openai.completions().len(), 2, "{run}");
        assert_eq!(in_full.matches("wrong in").count(), expected, "--max-comments {limit}\n{run}");
        assert_eq!(text.matches("wrong in").count(), 24, "each is told once: --max-comments {limit}\n{run}");
    }
}

#[test]
fn a_stream_does_not_hold_back_what_is_worse_and_comes_later() {
    let (repo, _) = two_chunks();
    let all = |path: &str, name: &str, severity: &str| {
        let on = |n: u32| {
            let quote = format!("let {name}_{n} = compute_the_value({n});");
            finding(path, n + 1, &quote, json!({"title": format!("Wrong in {name} {n}"), "severity": severity}))
        };
        Answer::findings((2..6).map(|n| on(5 * n)).collect())
    };
    let script = Script::new().when("let first_7 ", all("a.rs", "first", "minor"));
    let openai = OpenAi::start(script.when("", all("b.rs", "second", "critical")));
    let program = Prudence::new().openai(&openai).current_dir(repo.path());
    let args = ["review", "--stream", "--chunk-tokens", "4500", "--concurrency", "1", "--max-comments", "3"];
    let run = program.args(args).run().expect_code(0);
    let (in_full, listed) = run.stdout.split_once("2 more findings over the limit of comments").expect("a list");
    let count = |text: &str, name: &str| text.matches(&format!("Wrong in {name}")).count();
    assert_eq!((count(in_full, "first"), count(in_full, "second")), (3, 3), "{run}");
    assert_eq!((count(listed, "first"), count(listed, "second")), (1, 1), "{run}");
}

/// Findings on eight lines, one of each severity twice, with confidences from 20 to 90.
fn graded() -> (Repo, Script) {
    let text: String = (1..=8).map(|n| format!("call_number_{n}(argument_{n});\n")).collect();
    let repo = Repo::new().file("z.rs", "").commit("Base").branch("topic").file("a.rs", text).commit("Add calls");
    let words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];
    let severities = ["critical", "major", "minor", "info", "critical", "major", "minor", "info"];
    let answers = words.iter().zip(severities).zip(1u32..).map(|((word, severity), n)| {
        let fields = json!({"severity": severity, "confidence": 10 * (n + 1), "title": word, "body": word});
        finding("a.rs", n, &format!("call_number_{n}(argument_{n});"), fields)
    });
    (repo, Script::new().when("", Answer::findings(answers.collect())))
}

/// Reviews, and compares exit code, titles of findings, and titles of what was suppressed with the reason.
#[track_caller]
fn check(args: &[&str], code: i32, findings: &str, suppressed: &str) {
    let (repo, script) = graded();
    let reviewed = review(&repo, args, script);
    assert_eq!(reviewed.run.code, Some(code), "{args:?} {}", reviewed.run);
    let report = reviewed.report();
    let titles = |list: &Value, title: &dyn Fn(&Value) -> String| {
        list.as_array().unwrap().iter().map(title).collect::<Vec<_>>().join(" ")
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!(titles(&report["findings"], &|f| text(&f["title"])), findings, "{args:?}");
    let reason = |s: &Value| format!("{}:{}", text(&s["finding"]["title"]), text(&s["reason"]));
    assert_eq!(titles(&report["suppressed"], &reason), suppressed, "{args:?}");
}

#[test]
fn thresholds_decide_what_is_reported_and_how_the_run_ends() {
    let low = "hotel:below_threshold delta:below_threshold";
    let all = "echo alpha foxtrot bravo golf charlie";
    check(&[], 0, all, low);
    check(&["--fail-on", "never"], 0, all, low);
    check(&["--fail-on", "critical"], 1, all, low);
    check(&["--min-severity", "info"], 0, "echo alpha foxtrot bravo golf charlie hotel delta", "");
    let below = "foxtrot:below_threshold bravo:below_threshold golf:below_threshold charlie:below_threshold";
    check(&["--min-severity", "critical", "--fail-on", "info"], 1, "echo alpha", &format!("{below} {low}"));
    let unsure = format!("alpha:below_threshold bravo:below_threshold charlie:below_threshold {low}");
    check(&["--min-confidence", "50", "--fail-on", "major"], 1, "echo foxtrot golf", &unsure);
    let every = format!("echo:below_threshold alpha:below_threshold {below} {low}");
    check(&["--min-confidence", "100", "--fail-on", "info"], 0, "", &every);
    let over = "alpha:over_comment_limit foxtrot:over_comment_limit bravo:over_comment_limit golf:over_comment_limit \
                charlie:over_comment_limit";
    check(&["--max-comments", "1", "--fail-on", "minor"], 1, "echo", &format!("{over} {low}"));
}

#[test]
fn what_is_over_the_limit_is_listed() {
    let (repo, script) = graded();
    for format in ["terminal", "markdown"] {
        let openai = OpenAi::start(script.clone());
        let program = Prudence::new().openai(&openai).current_dir(repo.path());
        let run = program.args(["review", "--max-comments", "5", "--format", format]).run().expect_code(0);
        assert!(
            run.stdout.contains("1 more finding") && run.stdout.contains("over the") && run.stdout.contains("charlie"),
            "{run}"
        );
    }
}
