//! Passes, votes, what stands beside the change, and the second look, from outside.

use serde_json::{Value, json};

use crate::support::openai::{Answer, OpenAi, Script, Stage, finding, prompt_text, verdict};
use crate::support::program::Prudence;
use crate::support::repo::Repo;

const LEDGER: &str = "def charge(amount, account):\n    \"\"\"Charges an account; the amount is in cents.\"\"\"\n    if amount <= 0:\n        raise ValueError(amount)\n    return account.take(amount)\n";
const CALL: &str = "    return charge(order.account, order.cents)";

/// A branch that calls a function of another file, with its arguments in the wrong order.
fn repo() -> Repo {
    let before = "from shop.ledger import charge\n\n\ndef pay(order):\n    return None\n";
    let after = format!("from shop.ledger import charge\n\n\ndef pay(order):\n{CALL}\n");
    let repo = Repo::new().file("shop/ledger.py", LEDGER).file("shop/pay.py", before).commit("Base");
    repo.branch("topic").file("shop/pay.py", after).commit("Pay an order")
}

fn swapped(fields: Value) -> Value {
    let mut all = json!({"title": "Arguments of `charge` are swapped",
        "body": "`charge` takes the amount first: the account is compared with 0, which raises TypeError."});
    fields.as_object().into_iter().flatten().for_each(|(key, value)| all[key] = value.clone());
    finding("shop/pay.py", 5, CALL, all)
}

fn invented() -> Value {
    finding(
        "shop/pay.py",
        5,
        CALL,
        json!({"title": "Negative amounts are charged", "category": "security",
            "body": "`charge` does not check the amount, so a negative one is wrongly paid out."}),
    )
}

/// Reviews one request after the other, so that the script knows which pass asks.
fn review(repo: &Repo, openai: &OpenAi, args: &[&str]) -> Value {
    let program = Prudence::new().current_dir(repo.path()).openai(openai).env_remove("PRUDENCE_EFFORT");
    let args = ["review", "--base", "main", "--concurrency", "1", "--format", "json"].iter().chain(args);
    program.args(args).run().expect_code(0).json()
}

/// Titles with votes and verdicts, and the reasons of what is not reported.
fn shape(report: &Value) -> (Vec<(String, u64, String)>, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let found = list("findings");
    let found = found.iter().map(|f| (text(&f["title"]), f["votes"].as_u64().unwrap_or_default(), text(&f["verdict"])));
    (found.collect(), list("suppressed").iter().map(|s| text(&s["reason"])).collect())
}

fn verifies(openai: &OpenAi) -> usize {
    let asks = |body: &Value| body["response_format"]["json_schema"]["name"] == "verdicts";
    openai.completions().iter().filter(|request| asks(&request.body)).count()
}

/// Answers of the first, second and third pass, then verdicts.
fn script(passes: [Vec<Value>; 3], verdicts: Vec<Value>) -> Script {
    let script =
        passes.into_iter().fold(Script::new(), |script, findings| script.when_times("", 1, Answer::findings(findings)));
    script.when_verifying("", Answer::verdicts(verdicts))
}

#[test]
fn three_passes_vote_and_the_definition_of_the_callee_is_in_each_prompt() {
    let all = || vec![swapped(json!({}))];
    let openai = OpenAi::start(script([all(), all(), all()], vec![verdict("1", "confirmed", CALL)]));
    let report = review(&repo(), &openai, &[]);
    let expected = ("Arguments of `charge` are swapped".to_owned(), 3, "confirmed".to_owned());
    assert_eq!(shape(&report), (vec![expected], vec![]), "{report:#}");
    let prompts = openai.prompts();
    assert_eq!((prompts.len(), verifies(&openai)), (4, 1));
    for prompt in &prompts {
        assert!(prompt.contains("def charge(amount, account):"), "{prompt}");
    }
    let lenses = ["at correctness", "at contracts and data", "at concurrency and security"];
    let begins = |prompt: &str| prompt.split("The part of the change").next().unwrap_or_default().to_owned();
    for (prompt, lens) in prompts.iter().zip(lenses) {
        assert!(prompt.contains(lens), "{prompt}");
        assert_eq!(begins(prompt), begins(&prompts[0]), "all passes begin alike");
    }
    let sent = openai.completions();
    assert_eq!(sent[0].body["messages"][0], sent[1].body["messages"][0]);
    assert_eq!(report["chunks"][0]["state"], "reviewed");
    openai.assert_no_violations();
}

#[test]
fn a_single_vote_needs_the_second_look() {
    let check = |verdicts: Vec<Value>, reported: usize, reasons: &[&str]| {
        let openai = OpenAi::start(script([vec![], vec![swapped(json!({}))], vec![]], verdicts));
        let report = review(&repo(), &openai, &[]);
        let (found, suppressed) = shape(&report);
        assert_eq!(
            (found.len(), suppressed),
            (reported, reasons.iter().map(ToString::to_string).collect()),
            "{report:#}"
        );
        openai.assert_no_violations();
    };
    check(vec![verdict("1", "confirmed", CALL)], 1, &[]);
    check(vec![verdict("1", "confirmed", "def charge(amount, account):")], 1, &[]);
    check(vec![verdict("1", "refuted", "if amount <= 0:")], 0, &["refuted"]);
    // evidence that is nowhere in the code voids the verdict
    check(vec![verdict("1", "confirmed", "charge(account, amount)  # swapped")], 0, &["outvoted"]);
    check(vec![verdict("1", "refuted", "def charge(account, amount):")], 0, &["outvoted"]);
}

#[test]
fn without_a_second_look_two_votes_are_needed() {
    for (passes, reported) in [([1, 0, 0], 0), ([1, 0, 1], 1), ([2, 0, 0], 0)] {
        let said = passes.map(|count| vec![swapped(json!({})); count]);
        let openai = OpenAi::start(script(said, Vec::new()));
        let report = review(&repo(), &openai, &["--no-verify"]);
        assert_eq!((shape(&report).0.len(), verifies(&openai)), (reported, 0), "{passes:?} {report:#}");
    }
}

#[test]
fn a_second_look_that_fails_hides_nothing() {
    let script = Script::new()
        .when_times("", 1, Answer::findings(vec![swapped(json!({}))]))
        .when_verifying("", Answer::Refusal("I cannot help with that.".to_owned()));
    let openai = OpenAi::start(script);
    let report = review(&repo(), &openai, &[]);
    let expected = ("Arguments of `charge` are swapped".to_owned(), 1, "unverified".to_owned());
    assert_eq!(shape(&report).0, [expected], "{report:#}");
    let notes = report["delivery"]["notes"].to_string();
    assert!(notes.contains("1 finding could not be looked at a second time"), "{notes}");
}

#[test]
fn what_all_passes_invented_is_refuted_through_the_tools() {
    let all = || vec![invented()];
    let script = script([all(), all(), all()], vec![verdict("1", "refuted", "if amount <= 0:")]);
    let first = Script::new().rule(Stage::Verify, "", 1, Answer::verdicts(vec![verdict("1", "uncertain", "")])).rule(
        Stage::Verify,
        "",
        1,
        Answer::reads("shop/ledger.py", 20),
    );
    let openai = OpenAi::start(first.followed_by(script));
    let report = review(&repo(), &openai, &["--context", "hunk"]);
    assert_eq!(shape(&report), (vec![], vec!["refuted".to_owned()]), "{report:#}");
    assert_eq!(report["suppressed"][0]["why"], "Seen in the code.");
    let sent = openai.completions();
    let last = sent.last().expect("a request");
    assert_eq!(sent.len(), 6, "three passes, a first look, a call and a verdict");
    let messages = last.body["messages"].as_array().expect("messages");
    assert_eq!(messages[2]["tool_calls"][0]["function"]["name"], "read_file");
    assert_eq!((&messages[3]["role"], &messages[3]["tool_call_id"]), (&json!("tool"), &json!("call_1")));
    assert!(messages[3]["content"].as_str().is_some_and(|text| text.contains("3      if amount <= 0:")), "{last:?}");
    assert_eq!(last.body["tools"].as_array().map(Vec::len), Some(3));
    assert!(!prompt_text(&sent[3].body).contains("if amount <= 0"), "without context the first look could not tell");
}

#[test]
fn kinds_of_remarks_that_are_never_reported_cost_no_second_look() {
    let praise = json!({"title": "Great use of a helper", "body": "Clean and easy to follow.", "reasoning": ""});
    let all = || vec![finding("shop/pay.py", 5, CALL, praise.clone())];
    let openai = OpenAi::start(script([all(), all(), all()], Vec::new()));
    let report = review(&repo(), &openai, &[]);
    assert_eq!(shape(&report), (vec![], vec!["below_threshold".to_owned(); 3]), "{report:#}");
    assert_eq!((verifies(&openai), &report["suppressed"][0]["why"]), (0, &json!("praise")));
}

#[test]
fn a_recorded_review_is_replayed_without_a_server_and_without_a_key() {
    let all = || vec![swapped(json!({}))];
    let openai = OpenAi::start(script([all(), all(), vec![]], vec![verdict("1", "confirmed", CALL)]));
    let (repo, folder) = (repo(), tempfile::TempDir::with_prefix("prudence-tape-").expect("a temporary folder"));
    let tape = folder.path().join("tape");
    let tape = tape.to_str().expect("a path");
    let recorded = review(&repo, &openai, &["--record", tape]);
    let asked = openai.completions().len();
    let program = Prudence::new().current_dir(repo.path());
    let replayed =
        program.args(["review", "--base", "main", "--format", "json", "--replay", tape]).run().expect_code(0).json();
    assert_eq!(shape(&replayed), shape(&recorded));
    assert_eq!((replayed["findings"].clone(), asked), (recorded["findings"].clone(), openai.completions().len()));
    for file in std::fs::read_dir(tape).expect("the tape") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a text");
        assert!(!text.contains(crate::support::openai::KEY), "{text}");
    }
    let other = Prudence::new().current_dir(repo.path());
    let args = ["review", "--base", "main", "--language", "vi", "--format", "json", "--replay", tape];
    let run = other.args(args).run();
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stdout.contains("hint: record it again"), "{run}");
}

#[test]
fn every_open_claim_is_inquired_about_wherever_it_stands() {
    let names = ["a", "b", "c", "d"];
    let base = names.iter().fold(Repo::new(), |repo, name| repo.file(&format!("{name}.py"), "x = 1\n")).commit("Base");
    let line = |name: &str| format!("{name}_total = divide({name}_sum, {name}_count)");
    let change = |repo: Repo, name: &&str| repo.file(&format!("{name}.py"), format!("x = 1\n{}\n", line(name)));
    let repo = names.iter().fold(base.branch("topic"), change).commit("Divide");
    let found = names.map(|name| {
        let fields = json!({"title": format!("`{name}_count` may be zero"), "body": "Then it divides by zero."});
        finding(&format!("{name}.py"), 2, &line(name), fields)
    });
    let uncertain = Answer::verdicts(vec![verdict("1", "uncertain", "")]);
    let script = script([found.to_vec(), found.to_vec(), vec![]], vec![verdict("1", "refuted", "")]);
    let openai = OpenAi::start(Script::new().rule(Stage::Verify, "", names.len(), uncertain).followed_by(script));
    let report = review(&repo, &openai, &[]);
    assert_eq!(shape(&report), (vec![], vec!["refuted".to_owned(); 4]), "{report:#}");
    let inquiries = openai.completions().iter().filter(|request| request.body["tools"].is_array()).count();
    assert_eq!((verifies(&openai), inquiries), (8, 4));
}

#[test]
fn the_second_look_takes_no_more_than_its_share() {
    // each file is a request of its own, and there is no room for all of them
    let names: Vec<String> = (0..60).map(|n| format!("part_{n:02}")).collect();
    let base = names.iter().fold(Repo::new(), |repo, name| repo.file(&format!("{name}.py"), "x = 1\n")).commit("Base");
    let line = |name: &str| format!("{name} = divide(total, {name}_count)");
    let change = |repo: Repo, name: &String| repo.file(&format!("{name}.py"), format!("x = 1\n{}\n", line(name)));
    let repo = names.iter().fold(base.branch("topic"), change).commit("Divide");
    let found: Vec<Value> = names
        .iter()
        .map(|name| {
            let fields = json!({"title": format!("`{name}_count` may be zero"), "body": "Then it divides by zero."});
            finding(&format!("{name}.py"), 2, &line(name), fields)
        })
        .collect();
    let script = script([found.clone(), found, vec![]], vec![verdict("1", "refuted", "")]);
    let openai = OpenAi::start(script);
    let report = review(&repo, &openai, &["--max-comments", "100"]);
    let (reported, suppressed) = shape(&report);
    assert_eq!(reported.len() + suppressed.len(), 60, "{report:#}");
    assert!(!reported.is_empty() && suppressed.len() == verifies(&openai), "what was not looked at stands: {report:#}");
    let notes = report["delivery"]["notes"].to_string();
    assert!(notes.contains("could not be looked at a second time: it has used up its share"), "{notes}");
}

#[test]
fn what_is_in_the_cache_is_not_looked_at_again() {
    let all = || vec![swapped(json!({}))];
    let openai = OpenAi::start(script([all(), all(), all()], vec![verdict("1", "confirmed", CALL)]));
    let (repo, folder) = (repo(), tempfile::TempDir::with_prefix("prudence-cache-").expect("a temporary folder"));
    let cache = ["--cache", folder.path().to_str().expect("a path")];
    let first = review(&repo, &openai, &cache);
    let asked = openai.completions().len();
    let second = review(&repo, &openai, &cache);
    assert_eq!((openai.completions().len(), asked), (4, 4));
    assert_eq!((shape(&second), &second["cost"]["usd"]), (shape(&first), &json!(0.0)));
}

#[test]
fn a_model_that_thinks_has_room_for_it_in_the_second_look() {
    let all = || vec![swapped(json!({}))];
    let openai = OpenAi::start(script([all(), all(), all()], vec![verdict("1", "confirmed", CALL)]));
    let repo = repo();
    let program = Prudence::new().current_dir(repo.path()).openai(&openai).env("PRUDENCE_VERIFY_MODEL", "gpt-5-mini");
    let program = program.args(["review", "--base", "main", "--effort", "balanced", "--concurrency", "1"]);
    program.run().expect_code(0);
    let sent = openai.completions();
    let last = &sent.last().expect("a request").body;
    assert_eq!((&last["model"], &last["max_completion_tokens"]), (&json!("gpt-5-mini"), &json!(4096)), "{last:#}");
}

/// Two remarks of different passes on one line.
fn two_remarks(first: &str, second: &str) -> [Vec<Value>; 3] {
    let said = |title: &str, body: &str| vec![swapped(json!({"title": title, "body": body}))];
    [
        said(first, "`charge` takes the amount first, so the call fails."),
        said(second, "TypeError for every order."),
        vec![],
    ]
}

/// The report of a review with a model of embeddings, and what was said on standard error.
fn embedding(openai: &OpenAi, model: &str) -> (Value, String) {
    let repo = repo();
    let program = Prudence::new().current_dir(repo.path()).openai(openai).env_remove("PRUDENCE_EFFORT");
    let args = ["review", "--base", "main", "--concurrency", "1", "--format", "json"];
    let run = program.env("PRUDENCE_EMBEDDING_MODEL", model).args(args).run().expect_code(0);
    (run.json(), run.stderr.clone())
}

/// The votes of each finding.
fn votes(report: &Value) -> Vec<u64> {
    shape(report).0.iter().map(|(_, votes, _)| *votes).collect()
}

#[test]
fn vectors_of_a_model_tell_which_findings_say_the_same() {
    let wrong_way_round = ("Arguments of `charge` are swapped", "Account and cents stand the wrong way round");
    let confirmed = vec![verdict("1", "confirmed", CALL), verdict("2", "confirmed", CALL)];
    let passes = two_remarks(wrong_way_round.0, wrong_way_round.1);
    let alike = |cosine: f64| {
        let script = script(passes.clone(), confirmed.clone());
        let vector = [cosine, (1.0 - cosine * cosine).sqrt()];
        script.vector_of(wrong_way_round.0, &[1.0, 0.0]).vector_of(wrong_way_round.1, &vector)
    };
    let openai = OpenAi::start(alike(0.9));
    let (report, _) = embedding(&openai, "text-embedding-3-small");
    assert_eq!(votes(&report), [2], "{report:#}");
    let sent = openai.embedded();
    assert_eq!((sent.len(), sent[0].as_array().map(Vec::len)), (1, Some(2)), "{sent:?}");
    let models = report["cost"]["models"].as_array().expect("a bill").clone();
    let bill = models.iter().find(|model| model["model"] == "text-embedding-3-small").expect("a row");
    assert!(bill["usd"].as_f64().is_some_and(|usd| usd > 0.0), "{bill}");
    openai.assert_no_violations();
    openai.set_script(alike(0.2));
    let (apart, _) = embedding(&openai, "text-embedding-3-small");
    assert_eq!(votes(&apart), [1, 1], "to the model they are different: {apart:#}");
}

#[test]
fn words_tell_where_the_model_of_embeddings_does_not() {
    let passes = two_remarks("Arguments of `charge` are swapped", "The arguments are swapped");
    let openai = OpenAi::start(script(passes, vec![verdict("1", "confirmed", CALL)]));
    let (report, stderr) = embedding(&openai, "no-such-model");
    assert_eq!(votes(&report), [2], "{report:#}");
    assert!(stderr.contains("words tell which findings say the same, since `no-such-model` did not:"), "{stderr}");
}
