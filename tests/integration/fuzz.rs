//! Damaged input for everything that reads what others write: it never makes a panic, and what always holds does.
//!
//! Each target mutates a corpus from the fixtures: bytes flipped, cut, doubled, spliced with another entry, and words that a
//! reader looks for put in. By default a few thousand inputs, always the same. `scripts/fuzz MINUTES` runs each target that
//! long with other seeds; what it finds goes into the corpus below.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use prudence::checks;
use prudence::config::file;
use prudence::cost::{self, read::Lines, sum::Costs};
use prudence::diff;
use prudence::findings::gather::{self, Said, gather};
use prudence::marks::State;
use prudence::publish;
use prudence::random::Random;
use prudence::redact;
use prudence::review::schema;
use prudence::words::Words;
use serde_json::json;

use crate::support::program::Prudence;

/// Inputs of a run that is not told how long it may take.
const INPUTS: usize = 2000;

/// Longer inputs are cut: what goes wrong with them goes wrong with less.
const LONGEST: usize = 20_000;

/// Feeds damaged entries of a corpus to a reader, and says which input made it fail.
#[track_caller]
fn fuzz(corpus: &[Vec<u8>], words: &[&str], read: impl Fn(&[u8])) {
    let seconds: Option<u64> = std::env::var("PRUDENCE_FUZZ_SECONDS").ok().map(|text| text.parse().expect("seconds"));
    let seed = seconds.map_or(7, |_| Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id()));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut random = Random::new(seed);
    let mut tried = 0;
    corpus.iter().for_each(|entry| try_one(entry, &read));
    while end.map_or(tried < INPUTS, |end| Instant::now() < end) {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(6) {
            damage(&mut input, corpus, words, &mut random);
        }
        input.truncate(LONGEST);
        try_one(&input, &read);
        tried += 1;
    }
    println!("{tried} damaged inputs of {} entries, seed {seed}", corpus.len());
}

#[track_caller]
fn try_one(input: &[u8], read: &impl Fn(&[u8])) {
    if catch_unwind(AssertUnwindSafe(|| read(input))).is_err() {
        let path = std::env::temp_dir().join(format!("prudence-fuzz-{}", std::process::id()));
        let _ = fs::write(&path, input);
        panic!("failed for the input in {}: {:?}", path.display(), String::from_utf8_lossy(input));
    }
}

fn damage(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(40)).min(input.len());
    match random.below(8) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 => drop(input.drain(at..end)),
        2 => {
            let part = input[at..end].to_vec();
            (0..=random.below(3)).for_each(|_| drop(input.splice(at..at, part.iter().copied())));
        }
        3 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            let to = (from + random.below(400)).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
        4 | 5 => drop(input.splice(at..at, words[random.below(words.len())].bytes())),
        6 => input.truncate(at),
        _ => drop(input.splice(at..at, std::iter::repeat_n(random.below(256) as u8, random.below(30)))),
    }
}

/// A report of the program itself, with a finding.
fn report() -> Vec<u8> {
    let patch = "--- a/x.js\n+++ b/x.js\n@@ -1 +1,4 @@\n a\n+<<<<<<< ours\n+=======\n+>>>>>>> theirs\n";
    let program = Prudence::new().args(["review", "--provider", "offline", "--patch", "-", "--format", "json"]);
    program.stdin(patch).run().expect_code(0).stdout.into_bytes()
}

/// The diffs of the shipped dataset.
fn diffs() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/eval/diffs");
    let mut paths: Vec<_> = fs::read_dir(folder).expect("a dataset").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let hostile: [&[u8]; 4] = [
        b"diff --git \"a/\\303\\244 b\" \"b/\\303\\244 b\"\nold mode 100644\nnew mode 120000\n--- a/x\n+++ /dev/null\n@@ -1,0 +0,0 @@\n",
        b"@@ -4294967295,9 +4294967295,9 @@\n-a\n+b\n@@@ -1 -1 +1 @@@\n++c\n\\ No newline at end of file\n",
        b"GIT binary patch\nliteral 3\nKcmZQzU|?Wi0\n\nliteral 0\nHcmV?d00001\n\nBinary files a/x and b/x differ\n",
        b"rename from a\nrename to ../../b\nsimilarity index 100%\nSubproject commit 1234567\n",
    ];
    let known = paths.iter().map(|path| fs::read(path).expect("a diff"));
    known.chain(hostile.iter().map(|text| text.to_vec())).collect()
}

const OF_DIFFS: [&str; 12] = [
    "\n@@ -1,3 +1,4 @@ fn x\n",
    "\n--- a/",
    "\n+++ b/",
    "\ndiff --git a/x b/x\n",
    "\n\\ No newline at end of file\n",
    "\r\n",
    "\n+",
    "\n-",
    "\0",
    "\u{202e}",
    "\n-- \n2.39\n",
    "rename to ",
];

const OF_JSON: [&str; 14] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\u0000",
    "null",
    "-1e999",
    "\"findings\":",
    "```json\n",
    "\\ud800",
    ",",
    "99999999999",
    "true",
];

#[test]
fn diffs_lose_no_byte() {
    fuzz(&diffs(), &OF_DIFFS, |input| {
        let Ok(diff) = diff::parse(input.to_vec()) else { return };
        assert_eq!(diff.to_bytes(), input, "the text of a diff is the text that was read");
        let _ = (diff.breaks_off(), diff.changed_lines());
        checks::run(&diff, |_| true, Words::english());
    });
}

#[test]
fn secrets_are_masked_on_their_lines() {
    let words =
        ["AKIA", "ghp_", "password = \"", "-----BEGIN RSA PRIVATE KEY-----\n", "https://a:b@", "eyJ", "***", "\n"];
    fuzz(&diffs(), &words, |input| {
        let text = String::from_utf8_lossy(input);
        let once = redact::text(&text).into_owned();
        assert_eq!(once.lines().count(), text.lines().count(), "no line comes or goes");
        if let Ok(diff) = diff::parse(input.to_vec()) {
            let lines = diff.changed_lines();
            assert_eq!(redact::apply(diff).0.changed_lines(), lines);
        }
    });
}

#[test]
fn answers_of_models_are_read_or_refused() {
    let finding = json!({"path": "src/pay.rs", "quote": "let share = total / parts;", "line": 3, "end_line": 3, "side": "RIGHT",
        "reasoning": "r", "category": "bug", "severity": "major", "confidence": 80, "title": "Division by zero", "body": "b.",
        "suggestion": "let share = total.checked_div(parts);"});
    let answer = json!({"analysis": "a", "findings": [finding], "summary": "s"}).to_string();
    let corpus =
        [answer.clone(), format!("Here:\n```json\n{answer}\n```\nDone."), "[]".to_owned()].map(String::into_bytes);
    let diff = "--- a/src/pay.rs\n+++ b/src/pay.rs\n@@ -1,3 +1,5 @@\n fn head() {}\n+fn pay(total: i64, parts: i64) -> i64 {\n+    let share = total / parts;\n fn mid() {}\n fn tail() {}\n";
    let diff = diff::parse(diff).expect("a diff");
    fuzz(&corpus, &OF_JSON, |input| {
        let Ok(answer) = schema::parse(&String::from_utf8_lossy(input)) else { return };
        let said = answer.drafts.into_iter().map(|draft| Said { pass: 1, draft }).collect();
        for candidate in gather(&diff, Vec::new(), said, &gather::PLAIN).candidates {
            let finding = candidate.finding;
            assert!((1..=5).contains(&finding.start_line) && finding.end_line >= finding.start_line, "{finding:?}");
            assert_eq!(finding.path, "src/pay.rs");
        }
    });
}

#[test]
fn configurations_are_read_or_refused() {
    let corpus = [
        "model = \"gpt-4o\"\nmax-cost-usd = 0.5\nexclude = [\"**/x\"]\nskip = { drafts = true }\n[checks]\n[prices.\"x\"]\ninput = 1\noutput = 2\n",
        "[[paths]]\nglob = \"src/**\"\ninstructions = \"x\"\nmin-severity = \"major\"\n",
        "",
    ];
    let words = ["[", "]", "=", "\"\"\"", "\n", "-1", "nan", "[[paths]]\n", "= {", "model", "\u{feff}", "**/{a,b"];
    fuzz(&corpus.map(|text| text.as_bytes().to_vec()), &words, |input| {
        if let Err(error) = file::parse(".prudence.toml", input, &["secret"]) {
            assert!(!error.to_string().is_empty());
        }
    });
}

#[test]
fn states_of_summaries_are_read_or_taken_for_none() {
    let line = |value: &str| {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(value);
        format!("text\n<!-- prudence:state v1 {encoded} -->")
    };
    let corpus =
        [line(r#"{"head":"abc","fingerprints":["x"],"listed":[],"complete":true}"#), line("{}"), String::new()];
    let words = ["<!-- prudence:state v1 ", " -->", "e30=", "\n", "{\"head\":", "99999999999999999999", "[[", "=="];
    fuzz(&corpus.map(String::into_bytes), &words, |input| {
        let text = String::from_utf8_lossy(input);
        let _ = State::read(&text);
        // the same behind the encoding
        let _ = State::read(&line(&text));
    });
}

#[test]
fn reports_to_publish_are_read_or_refused() {
    fuzz(&[report()], &OF_JSON, |input| {
        if let Err(error) = publish::parse(input) {
            assert!(error.to_string().contains("hint: "), "{error}");
        }
    });
}

#[test]
fn ledgers_are_summed_up_and_no_line_is_lost() {
    let corpus =
        [crate::ledger::line("1", json!({})), crate::ledger::line("2", json!({"time": "2026-12-31T23:59:60-01:00"}))];
    let corpus = [corpus.join("\n"), corpus.join("\n\n") + "\n", String::new()].map(String::into_bytes);
    let words = [
        "\n",
        "null",
        "-1",
        "1e300",
        "18446744073709551615",
        "0000-01-01",
        "9999-12-31",
        "+23:59",
        "\"usd\":",
        "<script>",
        "{\"schema\":\"prudence.ledger/",
    ];
    fuzz(&corpus, &words, |input| {
        let mut costs = Costs::new(None, None);
        cost::add_lines(&mut costs, "ledger", Lines::of(input)).expect("bytes in memory");
        let lines = input.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        // half of a line and the one behind it on the same line are two
        assert!(costs.entries + costs.unread_count >= lines.count() as u64);
        assert_eq!(costs.entries, costs.total.runs + costs.duplicates);
        let page = cost::page::page(&costs, &cost::ALL);
        assert!(!page.contains("<script") && !page.contains("NaN") && !page.contains("=\"inf"), "{page}");
    });
}
