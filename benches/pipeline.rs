//! The pure steps on changes made by a seeded generator: `cargo bench`.

use divan::{Bencher, black_box};
use prudence::checks;
use prudence::diff::filter::{self, Rules};
use prudence::diff::{Diff, Side, inline, parse};
use prudence::findings::anchor::Index;
use prudence::forge::Host;
use prudence::plan::{self, Budget, Tokenizer};
use prudence::prompt::Orientation;
use prudence::redact;
use prudence::report::{Report, markdown};
use prudence::review::schema::{self, Draft};
use prudence::severity::{Category, Severity};
use prudence::words::Words;
use serde_json::json;

fn main() {
    divan::main();
}

/// Numbers that look random and are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn word(&mut self) -> String {
        let length = 3 + self.below(7);
        (0..length).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap_or(0))).collect()
    }

    fn line(&mut self) -> String {
        let indent = "    ".repeat(usize::try_from(self.below(4)).unwrap_or(0));
        format!(
            "{indent}let {} = {}.{}({}, \"{}\");",
            self.word(),
            self.word(),
            self.word(),
            self.below(999),
            self.word()
        )
    }
}

/// A diff of so many files with 100 changed lines each.
fn change(files: u64) -> String {
    let mut seeded = Seeded(7);
    let mut text = String::new();
    for file in 0..files {
        let path = format!("src/m{}/f{file}.rs", file / 50);
        text += &format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,12 +1,102 @@ fn f{file}()\n");
        (0..2).for_each(|_| text += &format!(" {}\n", seeded.line()));
        (0..10).for_each(|_| text += &format!("-{}\n", seeded.line()));
        (0..90).for_each(|_| text += &format!("+{}\n", seeded.line()));
    }
    text
}

fn parsed(files: u64) -> Diff {
    parse(change(files)).expect("the generator writes diffs")
}

const SIZES: [u64; 3] = [1, 30, 1000];

#[divan::bench(args = SIZES)]
fn parsing(bencher: Bencher<'_, '_>, files: u64) {
    let text = bytes::Bytes::from(change(files));
    bencher.bench(|| parse(black_box(text.clone())));
}

#[divan::bench(args = SIZES)]
fn filtering(bencher: Bencher<'_, '_>, files: u64) {
    let rules = Rules::default();
    bencher.with_inputs(|| parsed(files)).bench_values(|diff| filter::apply(diff, &rules, &|_| None));
}

#[divan::bench(args = SIZES)]
fn checking(bencher: Bencher<'_, '_>, files: u64) {
    let diff = parsed(files);
    bencher.bench(|| checks::run(black_box(&diff), |_| true, Words::english()));
}

#[divan::bench(args = SIZES)]
fn redacting(bencher: Bencher<'_, '_>, files: u64) {
    bencher.with_inputs(|| parsed(files)).bench_values(redact::apply);
}

#[divan::bench(args = SIZES)]
fn tokenizing_and_packing(bencher: Bencher<'_, '_>, files: u64) {
    let budget = Budget {
        chunk_tokens: 6000,
        max_output_tokens: 4096,
        window: 128_000,
        context_tokens: 0,
        tokenizer: Tokenizer::O200k,
    };
    let orientation = Orientation { title: "t".into(), language: "en".into(), ..Orientation::default() };
    bencher
        .with_inputs(|| parsed(files))
        .bench_values(|diff| plan::build(budget, &orientation, "{}", diff, plan::Unsent::default()));
}

#[divan::bench(args = SIZES)]
fn anchoring(bencher: Bencher<'_, '_>, files: u64) {
    let diff = parsed(files);
    let line = diff.files.last().map(|file| file.hunks()[0].lines[50].text().trim().to_owned()).unwrap_or_default();
    let draft = Draft {
        path: diff.files.last().map(|file| file.path().to_string()).unwrap_or_default(),
        quote: format!("40 +  {line}"),
        line: Some(3),
        end_line: Some(3),
        side: Side::Right,
        reasoning: String::new(),
        category: Category::Bug,
        severity: Severity::Major,
        confidence: 80,
        title: "t".into(),
        body: "b".into(),
        suggestion: None,
    };
    bencher.bench(|| Index::new(&diff).anchor(black_box(&draft)));
}

#[divan::bench]
fn reading_an_answer(bencher: Bencher<'_, '_>) {
    let finding = r#"{"path":"src/a.rs","quote":"let a = 1;","line":3,"end_line":3,"side":"RIGHT","reasoning":"r","category":"bug","severity":"major","confidence":80,"title":"t","body":"b","suggestion":null}"#;
    let reply =
        format!("```json\n{{\"analysis\":\"a\",\"findings\":[{}],\"summary\":\"s\"}}\n```", [finding; 10].join(","));
    bencher.bench(|| schema::parse(black_box(&reply)));
}

#[divan::bench(args = SIZES)]
fn tokenizing(bencher: Bencher<'_, '_>, files: u64) {
    let text = change(files);
    let bytes = divan::counter::BytesCount::of_str(&text);
    let lines: Vec<&str> = text.lines().collect();
    bencher.counter(bytes).bench(|| Tokenizer::O200k.count_all(black_box(&lines)));
}

/// A report with so many findings, as a summary and its comments.
#[divan::bench(args = [1, 30, 200])]
fn rendering(bencher: Bencher<'_, '_>, findings: usize) {
    let finding = json!({
        "id": "841e643b1f578751", "path": "src/a.rs", "side": "RIGHT", "start_line": 2, "end_line": 2, "severity": "major",
        "category": "bug", "confidence": 90, "title": "A `None` is not expected", "body": "It panics. ".repeat(30),
        "suggestion": "let a = b?;", "quote": "let a = b.unwrap();", "origin": "model", "votes": 2, "verdict": "confirmed"
    });
    let coverage = json!({"files": 1, "files_reviewed": 1, "changed_lines": 1, "changed_lines_reviewed": 1, "skipped": [], "failed": []});
    let usage = json!({"requests": 1, "retries": 0, "input_tokens": 9, "cached_input_tokens": 0, "output_tokens": 9, "reasoning_tokens": 0});
    let report: Report = serde_json::from_value(json!({
        "schema": "prudence.review/v1", "tool": {"name": "prudence", "version": "0.1.0", "prompt": "cbaf2e8216bd"},
        "change": {"source": "patch", "base_sha": null, "head_sha": null, "title": null, "url": null}, "status": "complete",
        "summary": "", "findings": vec![finding; findings], "suppressed": [], "coverage": coverage, "chunks": [], "usage": usage,
        "cost": {"usd": 0.01, "total_usd": 0.01, "limit_usd": 1.0, "models": []},
        "delivery": {"channel": "stdout", "posted": 0, "url": null, "notes": []}
    }))
    .expect("a report");
    bencher.bench(|| {
        let comments = report.findings.iter().map(|finding| markdown::comment(finding, Host::GitHub, Words::english()));
        (markdown::document(black_box(&report), Words::english()), comments.collect::<Vec<_>>())
    });
}

#[divan::bench]
fn differences_inside_a_line() -> Vec<std::ops::Range<usize>> {
    inline::changed_parts(black_box("let total = sum(prices, 3) + tax;"), black_box("let total = sum(costs, 4) + tax;"))
}
