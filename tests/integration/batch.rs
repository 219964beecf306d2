//! Reviews in batches: the requests of each round, sending them, and the report at the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::openai::{Answer, Course, KEY, OpenAi, Script, Stage, finding, verdict};
use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

const LEDGER: &str = "def charge(amount, account):\n    if amount <= 0:\n        raise ValueError(amount)\n    return account.take(amount)\n";
const CALL: &str = "    return charge(order.account, order.cents)";

/// A branch that calls a function with its arguments in the wrong order, and adds a file.
fn repo() -> Repo {
    let before = "from shop.ledger import charge\n\n\ndef pay(order):\n    return None\n";
    let after = format!("from shop.ledger import charge\n\n\ndef pay(order):\n{CALL}\n");
    let repo = Repo::new().file("shop/ledger.py", LEDGER).file("shop/pay.py", before).commit("Base").branch("topic");
    repo.file("shop/pay.py", after).file("shop/notes.py", "NOTES = 'none'\nMORE = 2\n").commit("Pay an order")
}

fn swapped() -> Value {
    let body = "`charge` takes the amount first: the account is compared with 0, which raises TypeError.";
    finding("shop/pay.py", 5, CALL, json!({"title": "Arguments of `charge` are swapped", "body": body}))
}

/// The first answer is cut; the first look cannot tell, reads a file, and then can.
fn script() -> Script {
    Script::new()
        .rule(Stage::Review, "", 1, Answer::cut())
        .when(CALL, Answer::findings(vec![swapped()]))
        .rule(Stage::Verify, "", 1, Answer::verdicts(vec![verdict("1", "uncertain", "")]))
        .rule(Stage::Verify, "", 1, Answer::reads("shop/ledger.py", 20))
        .when_verifying("", Answer::verdicts(vec![verdict("1", "confirmed", "if amount <= 0:")]))
}

/// A change on a desk, with the files of its batches beside it.
struct Desk {
    repo: Repo,
    openai: OpenAi,
    folder: TempDir,
    effort: &'static str,
}

impl Desk {
    fn new(script: Script) -> Desk {
        let folder = TempDir::with_prefix("prudence-batch-").expect("a temporary folder");
        Desk { repo: repo(), openai: OpenAi::start(script), folder, effort: "low" }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A command on the change, without a key.
    fn keyless(&self, command: &str, args: &[&str]) -> Prudence {
        let program = Prudence::new().current_dir(self.repo.path()).env("OPENAI_BASE_URL", &self.openai.url);
        program.args([command, "--base", "main", "--format", "json", "--effort", self.effort]).args(args)
    }

    /// Writes what is open to `next.jsonl`.
    #[track_caller]
    fn plan(&self, args: &[&str]) -> Run {
        let (next, answers) = (self.path("next.jsonl"), self.path("answers.jsonl"));
        fs::OpenOptions::new().create(true).append(true).open(&answers).expect("a file");
        let program = self.keyless("plan", args).arg("--requests").arg(next).arg("--responses").arg(answers);
        program.run().expect_code(0)
    }

    /// The ids in `next.jsonl`, without their hashes.
    fn open(&self) -> Vec<String> {
        let id = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("a line");
            let id = line["custom_id"].as_str().expect("an id").to_owned();
            let mut parts = id.split(':');
            let (id, _hash) = (parts.next().expect("an id").to_owned(), parts.next().expect("a hash"));
            parts.next().map_or(id.clone(), |attempt| format!("{id}:{attempt}"))
        };
        self.text("next.jsonl").lines().map(id).collect()
    }

    fn batch(&self) -> Prudence {
        let program = Prudence::new().current_dir(self.repo.path()).openai(&self.openai);
        program.args(["batch", "run"]).arg(self.path("next.jsonl")).arg("--output").arg(self.path("answers.jsonl"))
    }

    #[track_caller]
    fn send(&self, code: i32) -> Run {
        let run = self.batch().run().expect_code(code);
        assert!(!format!("{run}").contains(KEY), "{run}");
        run
    }

    #[track_caller]
    fn report(&self, code: i32) -> (Value, Run) {
        let run = self.keyless("review", &["--responses"]).arg(self.path("answers.jsonl")).run().expect_code(code);
        (run.json(), run)
    }
}

fn bodies(lines: &str) -> BTreeSet<String> {
    let body = |line: &str| {
        let (_, rest) = line.split_once(r#""method":"POST","url":"/v1/chat/completions","body":"#).expect("a request");
        rest.strip_suffix('}').expect("the end of a line").to_owned()
    };
    lines.lines().map(body).collect()
}

#[test]
fn the_requests_are_those_of_a_review_byte_for_byte() {
    let mut desk = Desk::new(Script::new());
    for effort in ["low", "balanced", "high"] {
        desk.effort = effort;
        fs::remove_file(desk.path("next.jsonl")).ok();
        let run = desk.plan(&[]);
        let openai = OpenAi::start(Script::new());
        let program = Prudence::new().current_dir(desk.repo.path()).openai(&openai);
        program.args(["review", "--base", "main", "--effort", effort]).run().expect_code(0);
        let sent: BTreeSet<String> =
            openai.completions().iter().map(|sent| String::from_utf8(sent.raw.clone()).expect("a text")).collect();
        assert_eq!(bodies(&desk.text("next.jsonl")), sent, "{effort}");
        let (expected, most) = (&run.json()["cost"]["usd_expected"], &run.json()["cost"]["usd_max"]);
        let usual = desk.keyless("plan", &[]).run().expect_code(0).json();
        let half = |usd: &Value| usd.as_f64().expect("dollars") / 2.0;
        assert!((half(&usual["cost"]["usd_expected"]) - expected.as_f64().expect("dollars")).abs() < 1e-9, "{run}");
        assert!((half(&usual["cost"]["usd_max"]) - most.as_f64().expect("dollars")).abs() < 1e-9, "{run}");
        assert!(run.stderr.contains("written to") && run.stderr.contains("at the price of a batch"), "{run}");
    }
    assert!(desk.openai.requests().is_empty(), "nothing is asked");
}

#[test]
fn rounds_end_in_the_report_that_a_review_would_give() {
    let mut desk = Desk::new(script());
    desk.effort = "balanced";
    let mut rounds = Vec::new();
    loop {
        let run = desk.plan(&[]);
        if desk.open().is_empty() {
            assert!(run.stderr.contains("nothing is open"), "{run}");
            break;
        }
        rounds.push(desk.open());
        desk.send(0);
    }
    let expected: [&[&str]; 5] = [
        &["review/1/1", "review/1/2", "review/1/3"],
        &["review/1/1/1", "review/1/1/2"],
        &["verify/1"],
        &["inquire/1/1/1"],
        &["inquire/1/1/2"],
    ];
    assert_eq!(rounds, expected);
    let (batched, run) = desk.report(0);
    let openai = OpenAi::start(script());
    let program = Prudence::new().current_dir(desk.repo.path()).openai(&openai);
    let args = ["review", "--base", "main", "--format", "json", "--effort", "balanced", "--concurrency", "1"];
    let direct = program.args(args).run().expect_code(0).json();
    for key in ["status", "summary", "change", "findings", "suppressed", "coverage", "chunks"] {
        assert_eq!(batched[key], direct[key], "{key}");
    }
    assert_eq!((batched["findings"][0]["verdict"].as_str(), openai.completions().len()), (Some("confirmed"), 8));
    for key in ["requests", "retries", "input_tokens", "output_tokens"] {
        assert_eq!(batched["usage"][key], direct["usage"][key], "{key}");
    }
    // what is cached hangs on the order of the requests; the price does not
    for (report, part) in [(&batched, 0.5), (&direct, 1.0)] {
        let tokens = |key: &str| report["usage"][key].as_f64().expect("tokens");
        let (input, cached) = (tokens("input_tokens"), tokens("cached_input_tokens"));
        let usd = ((input - cached) * 0.15 + cached * 0.075 + tokens("output_tokens") * 0.60) / 1e6 * part;
        assert!((report["cost"]["usd"].as_f64().expect("dollars") - usd).abs() < 1e-9, "{}", report["cost"]);
    }
    assert!(run.stderr.contains("the prices of the table count by half"), "{run}");
    let sent: BTreeSet<String> = desk.openai.batches().iter().flat_map(|lines| bodies(lines)).collect();
    let direct = openai.completions().iter().map(|sent| String::from_utf8(sent.raw.clone()).expect("a text")).collect();
    assert_eq!(sent, direct, "the same was asked, turns of tools included");
    assert!(!desk.path("answers.jsonl.batch.json").exists());
    let leftover = fs::read_dir(desk.folder.path()).expect("a folder").count();
    assert_eq!(leftover, 2, "requests and answers, and nothing else");
}

#[test]
fn the_document_says_what_works() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/batch.md")).expect("the document");
    let (_, rest) = text.split_once("```sh\n").expect("a block for a shell");
    let (commands, _) = rest.split_once("```").expect("its end");
    let desk = Desk::new(script());
    let program = Path::new(env!("CARGO_BIN_EXE_prudence")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", commands]).current_dir(desk.repo.path()).env_clear().env("HOME", desk.folder.path());
    shell.env("PATH", path).env("OPENAI_API_KEY", KEY).env("OPENAI_BASE_URL", &desk.openai.url);
    let output = shell.output().expect("a shell");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("Arguments of `charge` are swapped"), "{stdout}\n{stderr}");
    assert_eq!((desk.openai.completions().len(), desk.openai.count("POST", "/batches")), (0, 5), "{stderr}");
}

#[test]
fn what_has_no_answer_is_failed_and_the_remedy_is_said() {
    let mut desk = Desk::new(script());
    desk.effort = "balanced";
    desk.plan(&[]);
    let (report, run) = desk.report(3);
    let failed = &report["coverage"]["failed"][0];
    assert!(
        failed["reason"].as_str().is_some_and(
            |why| why.contains("no answer for `review/1/1`") && why.contains("hint: `prudence plan --requests")
        ),
        "{run}"
    );
    assert!(run.stderr.contains("3 requests have no answer in"), "{run}");
    for _ in 0..2 {
        desk.send(0);
        desk.plan(&[]);
    }
    assert_eq!(desk.open(), ["verify/1"]);
    let (report, run) = desk.report(0);
    let notes = report["delivery"]["notes"].to_string();
    assert!(notes.contains("1 finding could not be looked at a second time") && notes.contains("verify/1"), "{notes}");
    assert_eq!(report["findings"][0]["verdict"], "unverified", "{run}");
    // an answer is one about the code that was asked about
    let changed = format!("from shop.ledger import charge\n\n\ndef pay(order):\n{CALL}  # at last\n");
    desk.repo = desk.repo.clone().file("shop/pay.py", changed).commit("Say so");
    let (report, _) = desk.report(3);
    let reason = report["coverage"]["failed"][0]["reason"].to_string();
    assert!(reason.contains("of another change or to other instructions only"), "{reason}");
}

#[test]
fn a_request_that_failed_is_asked_again_three_times_at_most() {
    let desk = Desk::new(Script::new().rule(Stage::Review, "", 1, Answer::server_error()));
    desk.plan(&[]);
    let run = desk.send(0);
    assert!(run.stderr.contains("brought 0 answers, 1 failed"), "{run}");
    desk.plan(&[]);
    assert_eq!(desk.open(), ["review/1/1:2"]);
    let (report, _) = desk.report(3);
    let reason = report["coverage"]["failed"][0]["reason"].to_string();
    assert!(reason.contains("the model server failed (500)") && reason.contains("no other answer"), "{reason}");
    desk.send(0);
    desk.plan(&[]);
    assert!(desk.open().is_empty());
    let (report, _) = desk.report(0);
    assert_eq!((&report["usage"]["requests"], &report["usage"]["retries"]), (&json!(2), &json!(1)));

    for answer in [Answer::server_error(), Answer::quota()] {
        let desk = Desk::new(Script::new().always(answer));
        let mut rounds = 0;
        desk.plan(&[]);
        while !desk.open().is_empty() {
            rounds += 1;
            desk.send(0);
            desk.plan(&[]);
        }
        let reason = desk.report(3).0["coverage"]["failed"][0]["reason"].to_string();
        assert!(rounds == 3 && reason.contains("gave up after 3 attempts"), "{rounds} {reason}");
    }
}

#[test]
fn a_simpler_dialect_is_found_in_the_next_round() {
    let desk =
        Desk::new(Script::new().unsupported("max_completion_tokens").when("", Answer::findings(vec![swapped()])));
    desk.plan(&[]);
    desk.send(0);
    desk.plan(&[]);
    let next = desk.text("next.jsonl");
    assert!(desk.open() == ["review/1/1"] && next.contains("\"max_tokens\""), "{next}");
    desk.send(0);
    desk.plan(&[]);
    assert!(desk.open().is_empty());
    assert_eq!(desk.report(0).0["findings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_round_has_no_more_than_the_cost_limit_allows() {
    let mut desk = Desk::new(Script::new());
    desk.effort = "balanced";
    // each is at most 4,096 tokens at 0.30 for a million, and its prompt
    let run = desk.plan(&["--max-cost", "0.003"]);
    assert_eq!(desk.open(), ["review/1/1", "review/1/2"]);
    assert!(run.stderr.contains("1 request more wait"), "{run}");
    desk.send(0);
    desk.plan(&["--max-cost", "0.003"]);
    assert_eq!(desk.open(), ["review/1/3"], "the first two cost less than they could have");
    let run = desk.plan(&["--max-cost", "0.0001"]);
    assert!(desk.open().is_empty() && run.stderr.contains("the cost limit leaves no room for 1 request"), "{run}");
    // what is paid for is used, whatever the limit is
    desk.effort = "low";
    let desk = desk;
    desk.plan(&[]);
    desk.send(0);
    let answers = desk.path("answers.jsonl");
    let run = desk.keyless("review", &["--max-cost", "0", "--responses"]).arg(answers).run().expect_code(0);
    assert!(run.json()["cost"]["usd"].as_f64().is_some_and(|usd| usd > 0.0), "{run}");
}

#[test]
fn a_run_that_is_killed_goes_on_and_pays_once() {
    let desk = Desk::new(Script::new().batches(Course::GoesOn));
    desk.plan(&[]);
    let looks = |openai: &OpenAi| openai.count("GET", "/batches/batch_000001");
    assert!(desk.batch().run_until(|| looks(&desk.openai) > 0), "it was killed");
    let run = desk.batch().arg("--deadline").arg("1").run().expect_code(3);
    assert!(
        run.stderr.contains("deadline passed") && run.stderr.contains("`batch_000001` at the server goes on"),
        "{run}"
    );
    let before = looks(&desk.openai);
    let run = desk.batch().run_until_told(&["TERM"], || looks(&desk.openai) > before + 1).expect_code(3);
    assert!(run.stderr.contains("stopped by SIGTERM") && run.stderr.contains("the same command"), "{run}");
    // where nothing is known here, the server knows
    fs::remove_file(desk.path("answers.jsonl.batch.json")).expect("the state");
    desk.openai.set_script(Script::new());
    let run = desk.send(0);
    assert!(run.stderr.contains("the server has a batch of these requests, `batch_000001`"), "{run}");
    fs::remove_file(desk.path("answers.jsonl")).expect("the answers");
    desk.send(0);
    let run = desk.send(0);
    assert!(run.stderr.contains("only requests that are answered"), "{run}");
    assert_eq!(desk.openai.count("POST", "/batches"), 1);
    assert_eq!(desk.text("answers.jsonl").lines().count(), 1);
    desk.report(0);
}

#[test]
fn a_batch_whose_making_got_no_answer_is_not_made_twice() {
    let desk = Desk::new(Script::new().after("POST", "/batches", 1, Answer::Reset));
    desk.plan(&[]);
    desk.send(0);
    assert_eq!((desk.openai.count("POST", "/batches"), desk.openai.batches().len()), (1, 1));
    // what was refused is made again
    let desk = Desk::new(Script::new().at("POST", "/batches", 2, Answer::Html(502)).at(
        "POST",
        "/files",
        1,
        Answer::overloaded(),
    ));
    desk.plan(&[]);
    desk.send(0);
    assert_eq!((desk.openai.count("POST", "/batches"), desk.openai.batches().len()), (3, 1));
}

#[test]
fn what_a_batch_had_no_time_for_is_open() {
    for (course, code) in [(Course::Expires(1), 0), (Course::Cancelled(2), 3)] {
        let mut desk = Desk::new(Script::new().batches(course));
        desk.effort = "balanced";
        desk.plan(&[]);
        desk.send(code);
        assert_eq!(desk.text("answers.jsonl").lines().count(), 3);
        desk.openai.set_script(Script::new());
        desk.plan(&[]);
        let expected: &[&str] = if code == 0 { &["review/1/2:2", "review/1/3:2"] } else { &["review/1/3:2"] };
        assert_eq!(desk.open(), expected);
        desk.send(0);
        desk.plan(&[]);
        assert!(desk.open().is_empty());
        desk.report(0);
    }
}

#[test]
fn a_batch_that_is_refused_says_why_and_is_made_anew() {
    let desk = Desk::new(Script::new().refuses_batches("Enqueued token limit reached."));
    desk.plan(&[]);
    let run = desk.send(2);
    assert!(
        run.stderr.contains("Enqueued token limit reached. (token_limit_exceeded)") && run.stderr.contains("hint: "),
        "{run}"
    );
    assert_eq!(desk.text("answers.jsonl"), "");
    desk.openai.set_script(Script::new());
    desk.send(0);
    assert_eq!(desk.openai.count("POST", "/batches"), 2);
    desk.report(0);
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_sent() {
    let desk = Desk::new(Script::new());
    desk.plan(&[]);
    let check = |program: Prudence, expected: &str| {
        let run = program.run().expect_code(2);
        assert!(run.stderr.contains(expected) && run.stderr.contains("hint: "), "{run}");
    };
    check(desk.batch().env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL"), "without a key");
    let azure = desk.batch().args(["--provider", "azure"]).env("AZURE_OPENAI_API_KEY", KEY);
    check(azure.env("AZURE_OPENAI_ENDPOINT", desk.openai.azure_endpoint()), "batches of Azure are not supported");
    fs::write(desk.path("answers.jsonl"), "no\n").expect("a file");
    check(desk.batch(), "answers.jsonl:1: no answer of a batch");
    fs::write(desk.path("answers.jsonl"), "").expect("a file");
    fs::write(desk.path("next.jsonl"), "\n{}\n").expect("a file");
    check(desk.batch(), "next.jsonl:2: no `custom_id`");
    fs::remove_file(desk.path("next.jsonl")).expect("a file");
    check(desk.batch(), "cannot read the requests");
    fs::write(desk.path("next.jsonl"), "").expect("a file");
    assert!(desk.batch().run().expect_code(0).stderr.contains("has no requests"));
    assert!(desk.openai.requests().is_empty());
}

#[test]
fn a_key_that_the_server_repeats_is_not_shown_and_not_kept() {
    let error = Answer::error(400, "invalid_request_error", None, &format!("I know your key: {KEY}"));
    let desk = Desk::new(Script::new().at("POST", "/files", 1, error.clone()).always(error));
    desk.plan(&[]);
    let run = desk.send(2);
    assert!(run.stderr.contains("I know your key: ***"), "{run}");
    desk.send(0);
    let answers = desk.text("answers.jsonl");
    assert!(answers.contains("I know your key: ***") && !answers.contains(KEY), "{answers}");
    // a wrong one is echoed by the server in parts
    let run = Prudence::new()
        .current_dir(desk.repo.path())
        .openai(&desk.openai)
        .env("OPENAI_API_KEY", "sk-wrong-00112233445566");
    fs::write(desk.path("answers.jsonl"), "").expect("a file");
    let run =
        run.args(["batch", "run"]).arg(desk.path("next.jsonl")).arg("--output").arg(desk.path("answers.jsonl")).run();
    let run = run.expect_code(2);
    assert!(run.stderr.contains("refused the key") && !run.stderr.contains("sk-wrong"), "{run}");
}

#[test]
fn too_much_for_one_batch_is_several() {
    let desk = Desk::new(Script::new().batches(Course::GoesOn));
    let line = |n: usize| {
        format!(
            "{{\"custom_id\":\"{n}\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{{\"model\":\"gpt-4o-mini\"}}}}\n"
        )
    };
    fs::write(desk.path("next.jsonl"), (0..50_001).map(line).collect::<String>()).expect("a file");
    let run =
        desk.batch().args(["--deadline", "20"]).run_until_told(&["INT"], || desk.openai.count("POST", "/batches") == 2);
    let sizes: Vec<usize> = desk.openai.batches().iter().map(|lines| lines.lines().count()).collect();
    assert_eq!((run.code, sizes), (Some(3), vec![50_000, 1]), "{run}");
}

#[test]
fn a_server_without_batches_is_named() {
    let missing = || Answer::Html(404);
    let desk = Desk::new(Script::new().at("GET", "/batches", 1, missing()));
    desk.plan(&[]);
    let run = desk.send(2);
    assert!(run.stderr.contains("does not serve the Batch API here (404)") && run.stderr.contains("hint: "), "{run}");
}
