//! The shipped dataset: whether it is what its README says, and what `prudence eval` makes of it with the scripted
//! answers. No model is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use prudence::diff::{self, Diff, Side};
use prudence::eval::dataset::{Case, Dataset, Reference};
use serde_json::{Value, json};

use crate::install::find;
use crate::support::openai::{Answer, OpenAi, Script, finding, verdict};
use crate::support::program::Prudence;

/// The dataset's folder, found at run time: the test may run elsewhere than it was built.
fn folder() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("tests/fixtures/eval")
}

fn dataset() -> Dataset {
    Dataset::read(&folder()).unwrap_or_else(|error| panic!("{error:#}"))
}

/// An evaluation with the scripted answers of a file.
#[track_caller]
fn scripted(effort: &str, answers: &str) -> Value {
    let run = Prudence::new().arg("eval").arg(folder()).arg("--responses").arg(folder().join(answers));
    run.args(["--effort", effort, "--format", "json"]).run().expect_code(0).json()
}

fn reviewer<'e>(evaluation: &'e Value, name: &str) -> &'e Value {
    let reviewers = evaluation["reviewers"].as_array().expect("reviewers");
    reviewers.iter().find(|one| one["name"] == name).expect("a reviewer")
}

fn cases(reviewer: &Value) -> &Vec<Value> {
    reviewer["cases"].as_array().expect("cases")
}

/// Over all cases: remarks, hits by place and meaning, hits by place, remarks that say what was rejected, and clean changes
/// with a remark.
fn counts(reviewer: &Value) -> [u64; 5] {
    let sum = |of: &dyn Fn(&Value) -> Option<u64>| cases(reviewer).iter().filter_map(of).sum();
    [
        sum(&|case| case["remarks"].as_u64()),
        sum(&|case| case["hits"]["place_and_meaning"].as_u64()),
        sum(&|case| case["hits"]["place"].as_u64()),
        sum(&|case| case["rejected"].as_u64()),
        sum(&|case| Some(u64::from(case["expect_clean"] == true && case["remarks"] != 0))),
    ]
}

/// The entries of a list that each case of this program has, with the id of the case.
fn listed<'e>(evaluation: &'e Value, list: &str) -> Vec<(&'e str, &'e Value)> {
    let of = |case: &'e Value| {
        let id = case["id"].as_str().expect("an id");
        case[list].as_array().into_iter().flatten().map(move |entry| (id, entry))
    };
    cases(reviewer(evaluation, "prudence")).iter().flat_map(of).collect()
}

/// What this program said beside the known defects: the case, and the title of the remark.
fn beside_the_known(evaluation: &Value) -> Vec<(&str, &str)> {
    let said = listed(evaluation, "said").into_iter().filter(|(_, remark)| remark["is"] != "hit");
    said.map(|(id, remark)| (id, remark["text"].as_str().and_then(|text| text.lines().next()).expect("a title")))
        .collect()
}

/// Which defects of which cases this program missed.
fn missed(evaluation: &Value) -> Vec<(&str, u64)> {
    listed(evaluation, "missed").into_iter().map(|(id, at)| (id, at.as_u64().expect("an index"))).collect()
}

/// Fails unless every scripted answer to a case was taken just once: the tokens of the prompts say so.
#[track_caller]
fn check_each_answer_was_taken_once(evaluation: &Value, answers: &str) {
    let text = fs::read_to_string(folder().join(answers)).expect("answers");
    let mut tokens: BTreeMap<String, u64> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let (case, _) = line["custom_id"].as_str().and_then(|id| id.split_once('/')).expect("an id");
        *tokens.entry(case.to_owned()).or_default() +=
            line["response"]["body"]["usage"]["prompt_tokens"].as_u64().expect("tokens");
    }
    let taken: BTreeMap<String, u64> = cases(reviewer(evaluation, "prudence"))
        .iter()
        .map(|case| (case["id"].as_str().expect("an id").to_owned(), case["input_tokens"].as_u64().expect("tokens")))
        .collect();
    assert_eq!(taken, tokens, "{answers}");
}

#[test]
fn the_shipped_dataset_is_evaluated_with_the_scripted_answers() {
    let answers = folder().join("answers.jsonl");
    let run = Prudence::new().arg("eval").arg("tests/fixtures/eval").current_dir(folder().join("../../.."));
    let text = run.arg("--responses").arg(answers).args(["--effort", "balanced"]).run().expect_code(0).stdout;
    let rows: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in [
        "eval: 34 changes, 10 of them clean, 31 known defects",
        "prudence 0.97 0.94 0.95 0.97 0.94 0.95 0.97 0.94 0.95 0.88 10 % 3.3 % 0 %",
        "one pass 0.62 0.81 0.70 0.60 0.77 0.68 0.60 0.77 0.68 1.18 80 % 35 % 0 %",
        "silence – 0.00 0.00 – 0.00 0.00 – 0.00 0.00 0.00 0 % – –",
        "the known defects 1.00 1.00 1.00 1.00 1.00 1.00 1.00 1.00 1.00 0.91 0 % 0 % 0 %",
        "restored of damaged answers (the diff shows 31 of 31 known defects)",
    ] {
        assert!(rows.iter().any(|line| line == row), "{row}\n{text}");
    }
}

#[test]
fn a_second_look_takes_the_planted_false_alarms_away() {
    let evaluation = scripted("balanced", "answers.jsonl");
    assert_eq!((&evaluation["failed"], &evaluation["dataset"]["cases"]), (&json!([]), &json!(34)));
    check_each_answer_was_taken_once(&evaluation, "answers.jsonl");
    for (name, expected) in [
        ("prudence", [30, 29, 29, 1, 1]),
        ("one pass", [40, 24, 25, 14, 8]),
        ("silence", [0, 0, 0, 0, 0]),
        ("the known defects", [31, 31, 31, 0, 0]),
    ] {
        assert_eq!(counts(reviewer(&evaluation, name)), expected, "{name}");
    }
    // the one that is meant to survive, and the two defects that the script lets go
    let wrong_order = "`Promise.all` gives the results in the wrong order";
    assert_eq!(beside_the_known(&evaluation), [("prudence-ts-004", wrong_order)]);
    assert_eq!(missed(&evaluation), [("prudence-go-004", 1), ("prudence-rb-002", 1)]);
}

#[test]
fn a_low_effort_keeps_the_false_alarms_of_the_first_pass() {
    let evaluation = scripted("low", "answers.jsonl");
    assert_eq!(evaluation["failed"], json!([]));
    assert_eq!(counts(reviewer(&evaluation, "prudence")), [40, 24, 25, 14, 8]);
}

#[test]
fn a_high_effort_asks_for_five_passes_and_two_votes() {
    let evaluation = scripted("high", "answers-high.jsonl");
    assert_eq!(evaluation["failed"], json!([]));
    check_each_answer_was_taken_once(&evaluation, "answers-high.jsonl");
    assert_eq!(counts(reviewer(&evaluation, "prudence")), [31, 28, 30, 1, 1]);
    // seen by one pass only, so that it is no longer found
    assert!(missed(&evaluation).contains(&("prudence-py-003", 1)), "{:?}", missed(&evaluation));
    // seen by the last two passes, so that it now is
    assert!(!missed(&evaluation).contains(&("prudence-go-004", 1)), "{:?}", missed(&evaluation));
}

fn diff_of(case: &Case) -> Diff {
    let text = case.read_diff(&folder()).unwrap_or_else(|error| panic!("{}: {error:#}", case.id));
    diff::parse(text).unwrap_or_else(|error| panic!("{}: {error}", case.id))
}

/// A file of a case at the head.
fn head(case: &Case, path: &str) -> Option<String> {
    fs::read_to_string(folder().join(case.tree.as_deref().expect("a tree")).join(path)).ok()
}

/// Numbers and texts of the lines that a diff shows, by path and side.
fn shown(diff: &Diff) -> BTreeMap<(String, Side), BTreeMap<u32, String>> {
    let mut shown: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for file in &diff.files {
        for line in file.hunks().iter().flat_map(|hunk| hunk.lines.iter()) {
            for side in [Side::Left, Side::Right].into_iter().filter(|side| line.is_on(*side)) {
                let lines = shown.entry((file.path().as_str().to_owned(), side)).or_default();
                lines.insert(line.number_on(side), line.text().into_owned());
            }
        }
    }
    shown
}

#[test]
fn the_shipped_dataset_holds_what_it_promises() {
    let dataset = dataset();
    let languages: BTreeSet<&str> = dataset.cases.iter().map(|case| case.language.as_str()).collect();
    let clean = dataset.cases.iter().filter(|case| case.expect_clean).count();
    let ids: BTreeSet<&str> = dataset.cases.iter().map(|case| case.id.as_str()).collect();
    assert!(dataset.cases.len() >= 30 && ids.len() == dataset.cases.len(), "{ids:?}");
    assert!(languages.len() >= 6, "{languages:?}");
    assert!(clean >= 8 && dataset.cases.len() - clean >= 20, "{clean} are clean");
    for case in &dataset.cases {
        assert_eq!(case.expect_clean, case.references.is_empty(), "{}", case.id);
        let shown = shown(&diff_of(case));
        for Reference { path, text, paraphrases, .. } in &case.references {
            let words = BTreeSet::from_iter(paraphrases.iter().chain([text]));
            assert_eq!(words.len(), 3, "{}: {path} is told in three ways", case.id);
        }
        for known in case.references.iter().chain(&case.rejected) {
            let (start, end) = known.lines().expect("lines");
            let lines = &shown[&(known.path.clone(), known.side())];
            assert!((start..=end).all(|line| lines.contains_key(&line)), "{}: {}:{start}", case.id, known.path);
            assert!(known.severity().is_some() && known.category().is_some(), "{}: {}", case.id, known.path);
        }
    }
}

#[test]
fn the_diffs_agree_with_the_files_at_the_head() {
    for case in &dataset().cases {
        let shown = shown(&diff_of(case));
        assert!(!shown.is_empty(), "{}", case.id);
        for ((path, side), lines) in &shown {
            let Some(text) = head(case, path) else {
                assert_eq!(*side, Side::Left, "{}: {path} is deleted, or there is no such file", case.id);
                continue;
            };
            let text: Vec<&str> = text.lines().collect();
            for (number, line) in lines.iter().filter(|_| *side == Side::Right) {
                assert_eq!(text.get(*number as usize - 1), Some(&line.as_str()), "{}: {path}:{number}", case.id);
            }
        }
    }
}

#[test]
fn what_is_built_from_the_source_is_up_to_date() {
    let knows_toml = |python: &Path| {
        let run = Command::new(python).args(["-c", "import tomllib"]).output();
        run.is_ok_and(|output| output.status.success())
    };
    let Some(python) = find("python3").filter(|python| knows_toml(python)) else {
        // not `eprintln!`, which the test runner captures
        let _ = writeln!(std::io::stderr(), "notice: skipped, since there is no `python3` of 3.11 or newer");
        return;
    };
    let output = Command::new(python).arg("-B").arg(folder().join("build")).arg("--check").output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A model that says every known defect in each pass, in the words of its reference, and confirms it.
fn knows_all(dataset: &Dataset) -> Script {
    let verdicts = (1..=8).map(|id| verdict(id.to_string(), "confirmed", "")).collect();
    let script = Script::new().when_verifying("", Answer::verdicts(verdicts));
    dataset.cases.iter().filter(|case| !case.expect_clean).fold(script, |script, case| {
        let say = |known: &Reference| {
            let (start, end) = known.lines().expect("lines");
            let text = head(case, &known.path).expect("a file of the head");
            let quote: Vec<&str> = text.lines().skip(start as usize - 1).take((end - start + 1) as usize).collect();
            let title: String = known.text.chars().take(60).collect();
            finding(&known.path, start, &quote.join("\n"), json!({"title": title, "body": known.text}))
        };
        let findings = case.references.iter().map(say).collect();
        script.when(case.title.as_deref().expect("a title"), Answer::findings(findings))
    })
}

/// Tokens of prompts over all cases; those of them that the service had in its cache; and the remarks.
#[track_caller]
fn tokens(effort: &str, script: Script) -> (u64, u64, u64) {
    let openai = OpenAi::start(script);
    let run = Prudence::new().arg("eval").arg(folder()).args(["--effort", effort, "--format", "json"]);
    let evaluation = run.openai(&openai).run().expect_code(0).json();
    openai.assert_no_violations();
    let sum = |key: &str| {
        let cases = cases(reviewer(&evaluation, "prudence"));
        cases.iter().map(|case| case[key].as_u64().expect("a number")).sum()
    };
    (sum("input_tokens"), sum("cached_input_tokens"), sum("remarks"))
}

/// What `balanced` takes beside `low`: at most four times the tokens, at least half of them from the cache.
///
/// That holds where a second look is at defects and ends with the first request. Where every claim stays open and is looked
/// into with tools it takes more: these changes are small beside what each request begins with.
#[track_caller]
fn check_tokens(script: &Script, remarks: u64) {
    let (low, _, _) = tokens("low", script.clone());
    let (balanced, cached, found) = tokens("balanced", script.clone());
    assert_eq!(found, remarks);
    assert!(balanced > 2 * low && balanced <= 4 * low, "{balanced} tokens instead of {low}");
    assert!(2 * cached >= balanced, "{cached} of {balanced} tokens are from the cache");
}

#[test]
fn three_passes_take_at_most_four_times_the_tokens_of_one_and_half_of_them_are_cached() {
    check_tokens(&Script::new(), 0);
    let dataset = dataset();
    let known = dataset.cases.iter().map(|case| case.references.len() as u64).sum();
    check_tokens(&knows_all(&dataset), known);
}
