//! What holds for every diff, every quote and every answer.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use prudence::diff::{self, Diff, Hunk, Line, LineKind, Side};
use prudence::findings::anchor;
use prudence::plan::{self, Budget, Chunk, Pass, Plan, Tokenizer};
use prudence::prompt::Orientation;
use prudence::redact;
use prudence::review::schema::{self, Draft};
use prudence::severity::{Category, Severity};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A line of a hunk to be: its mark and its text.
type Marked = (char, String);

/// Text that a line may have, with everything that a parser could take for something else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}( [a-z0-9+-]{1,6}){0,4}",
        2 => "[ -~]{0,40}",
        1 => "\\PC{0,12}",
        1 => select(vec!["", "-- ", "-- a/x", "++ b/x", "@@ -1 +1 @@", "diff --git a/x b/x", "\\ No newline", "\r", "<<<<<<<"])
            .prop_map(str::to_owned),
    ]
}

/// Text that begins with a letter, so that no number and no mark before it can be a part of it.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![5 => "[a-z]{1,8}( [a-z0-9+-]{1,6}){0,4}", 1 => Just(String::new())]
}

fn hunk(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Marked>> {
    vec((select(vec![' ', '+', '-', '+']), text), 1..14)
}

fn files(text: fn() -> BoxedStrategy<String>) -> impl Strategy<Value = Vec<Vec<Vec<Marked>>>> {
    vec(vec(hunk(text()), 1..4), 1..5)
}

/// Writes the files as git does, with counts that are true.
fn written(files: &[Vec<Vec<Marked>>]) -> String {
    let mut out = String::new();
    for (index, hunks) in files.iter().enumerate() {
        let path = format!("src/file {index}.rs");
        out +=
            &format!("diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\t\n+++ b/{path}\t\n");
        let (mut old, mut new) = (1, 1);
        for lines in hunks {
            let count = |mark: char| lines.iter().filter(|(found, _)| *found != mark).count();
            let (old_count, new_count) = (count('+'), count('-'));
            // an empty side is counted from the line before it
            let start = |line: usize, count: usize| if count == 0 { line - 1 } else { line };
            let (old_start, new_start) = (start(old, old_count), start(new, new_count));
            out += &format!("@@ -{old_start},{old_count} +{new_start},{new_count} @@ fn section()\n");
            lines.iter().for_each(|(mark, text)| out += &format!("{mark}{text}\n"));
            (old, new) = (old + old_count + 10, new + new_count + 10);
        }
    }
    out
}

fn any_text() -> BoxedStrategy<String> {
    text().boxed()
}

fn any_words() -> BoxedStrategy<String> {
    words().boxed()
}

fn lines(diff: &Diff) -> impl Iterator<Item = &Line> {
    diff.files.iter().flat_map(|file| file.hunks()).flat_map(|hunk| hunk.lines.iter())
}

/// Pieces of which diffs are made, in any order.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"diff --git a/x b/x\n",
        b"--- a/x\n",
        b"+++ b/x\n",
        b"--- /dev/null\n",
        b"+++ /dev/null\n",
        b"@@ -1 +1 @@\n",
        b"@@ -0,0 +1,3 @@ fn\n",
        b"@@ -1,2 +1,2 @@\r\n",
        b"@@@ -1 -1 +1 @@@\n",
        b"+x\n",
        b"-y\n",
        b" z\n",
        b"\n",
        b"\r\n",
        b"\\ No newline at end of file\n",
        b"Binary files a/x and b/x differ\n",
        b"GIT binary patch\n",
        b"rename from x\n",
        b"rename to \"caf\\303\\251\"\n",
        b"new file mode 100755\n",
        b"-- \n",
        b"Only in a: b\n",
        b"From 1 Mon\n",
        b"+",
        b"-",
        b"@@ -",
    ];
    let piece = prop_oneof![8 => select(known).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..12)];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_diff_is_read_line_by_line_and_printed_as_it_was(files in files(any_text), ended in any::<bool>()) {
        let mut text = written(&files);
        if !ended {
            text += "\\ No newline at end of file\n";
        }
        let diff = diff::parse(text.clone()).unwrap();
        prop_assert_eq!(String::from_utf8(diff.to_bytes()).unwrap(), text);
        let read: Vec<Marked> = lines(&diff)
            .map(|line| (mark(line.kind), String::from_utf8_lossy(line.bytes()).into_owned()))
            .collect();
        prop_assert_eq!(read, files.concat().concat());
    }

    #[test]
    fn what_parses_is_printed_as_it_was(bytes in fragments()) {
        if let Ok(diff) = diff::parse(bytes.clone()) {
            prop_assert_eq!(diff.to_bytes(), bytes);
        }
    }

    #[test]
    fn masking_moves_no_line(files in files(secretive)) {
        let diff = diff::parse(written(&files)).unwrap();
        let (masked, _) = redact::apply(diff.clone());
        let place = |line: &Line| (line.kind, line.old, line.new);
        prop_assert_eq!(lines(&masked).map(place).collect::<Vec<_>>(), lines(&diff).map(place).collect::<Vec<_>>());
        prop_assert_eq!(diff::parse(masked.to_bytes()).unwrap().changed_lines(), diff.changed_lines());
    }

    #[test]
    fn no_answer_is_too_odd(reply in "\\PC{0,60}", json in json_like(), fence in any::<bool>()) {
        let _ = schema::parse(&reply);
        let _ = schema::parse(&json);
        let wrapped = if fence { format!("{reply}\n```json\n{json}\n```") } else { format!("{reply}{json}{reply}") };
        if let Ok(answer) = schema::parse(&wrapped) {
            prop_assert!(answer.drafts.iter().all(|draft| draft.confidence <= 100));
        }
    }
}

fn mark(kind: LineKind) -> char {
    match kind {
        LineKind::Context => ' ',
        LineKind::Added => '+',
        LineKind::Removed => '-',
    }
}

/// Lines with and around secrets.
fn secretive() -> BoxedStrategy<String> {
    let token = ["gh", "p_", "x8Kd02mWq7Lp4ZtBv6Rj1Ny5Hc3Gs9Fa0QeU"].concat();
    let (begin, end) = (["-----BEGIN PRIVATE", " KEY-----"].concat(), ["-----END PRIVATE", " KEY-----"].concat());
    let known = vec![format!("token = \"{token}\""), begin, end, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw".to_owned()];
    prop_oneof![1 => select(known), 1 => text()].boxed()
}

/// Answers in the asked shape, with whatever stands in their fields, whole or broken off.
fn json_like() -> impl Strategy<Value = String> {
    let value = || {
        prop_oneof![
            Just("null".to_owned()),
            Just("-1".to_owned()),
            Just("1e999".to_owned()),
            Just("[]".to_owned()),
            Just("\"RIGHT\"".to_owned()),
            any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(|n| n.to_string()),
            "\\PC{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
        ]
    };
    let key = select(vec![
        "path",
        "quote",
        "line",
        "end_line",
        "side",
        "category",
        "severity",
        "confidence",
        "title",
        "suggestion",
    ]);
    let finding = vec((key, value()), 0..8)
        .prop_map(|fields| fields.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect::<Vec<_>>().join(", "))
        .prop_map(|fields| format!("{{{fields}}}"));
    let answer = vec(prop_oneof![4 => finding, 1 => value()], 0..4).prop_map(|findings| {
        format!("{{\"analysis\": \"\", \"findings\": [{}], \"summary\": \"\"}}", findings.join(", "))
    });
    (answer, any::<Index>(), any::<bool>()).prop_map(|(answer, at, whole)| {
        let end = at.index(answer.len() + 1);
        if whole { answer } else { answer[..answer.floor_char_boundary(end)].to_owned() }
    })
}

/// The size of a prompt without its chunk.
fn empty_prompt(plan: &Plan) -> usize {
    plan.input_tokens(&Chunk::default())
}

fn planned(files: &[Vec<Vec<Marked>>], chunk_tokens: usize) -> Plan {
    let budget = Budget {
        chunk_tokens,
        max_output_tokens: 1000,
        window: 128_000,
        context_tokens: 0,
        tokenizer: Tokenizer::O200k,
    };
    let orientation = Orientation { language: "en".to_owned(), ..Orientation::default() };
    plan::build(budget, &orientation, "{}", diff::parse(written(files)).unwrap(), plan::Unsent::default())
}

/// The changed lines that a chunk shows: path, number, mark and text as they stand in the prompt.
fn shown(plan: &Plan, chunk: &Chunk) -> Vec<String> {
    let part = plan.part(chunk, &Pass::ONLY);
    let mut path = "";
    let mut found = Vec::new();
    for line in part.split('\n') {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        if line.starts_with("=== ") {
            path = line;
        } else if rest.len() < line.len() && (rest.starts_with(" +") || rest.starts_with(" -")) {
            found.push(format!("{path} {line}"));
        }
    }
    found
}

/// The changed lines of a diff in the same form.
fn changed(diff: &Diff) -> Vec<String> {
    let mut found = Vec::new();
    for file in &diff.files {
        for line in file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).filter(|line| line.is_change()) {
            found.push(format!("=== {} (modified) {} {}{}", file.path(), line.number(), mark(line.kind), line.text()));
        }
    }
    found
}

fn counted(lines: impl IntoIterator<Item = String>) -> HashMap<String, usize> {
    lines.into_iter().fold(HashMap::new(), |mut counts, line| {
        *counts.entry(line).or_default() += 1;
        counts
    })
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn chunks_keep_to_the_budget_and_hold_every_changed_line_once(
        files in files(any_text), chunk_tokens in select(vec![1100_usize, 1300, 1500, 2000, 6000]),
    ) {
        let plan = planned(&files, chunk_tokens);
        let room = chunk_tokens.saturating_sub(empty_prompt(&plan)).max(chunk_tokens / 2);
        for chunk in &plan.chunks {
            let exact = Tokenizer::O200k.count(&plan.part(chunk, &Pass::ONLY));
            prop_assert!(chunk.tokens <= room && exact <= room, "{} and {exact} of {room}", chunk.tokens);
            prop_assert_eq!(plan.changed_lines(chunk), shown(&plan, chunk).len());
        }
        let all = plan.chunks.iter().flat_map(|chunk| shown(&plan, chunk));
        prop_assert_eq!(counted(all), counted(changed(&plan.diff)));
    }

    #[test]
    fn the_halves_of_a_chunk_hold_what_it_held(files in files(any_text)) {
        let plan = planned(&files, 6000);
        for chunk in &plan.chunks {
            let Some((first, second)) = plan.split(chunk) else { continue };
            prop_assert!(!first.pieces.is_empty() && !second.pieces.is_empty());
            let halves = [&first, &second].into_iter().flat_map(|half| shown(&plan, half));
            prop_assert_eq!(counted(halves), counted(shown(&plan, chunk)));
        }
    }
}

/// How a model may disturb what it quotes.
#[derive(Debug, Clone, Copy)]
enum Noise {
    None,
    WhiteSpace,
    Marks,
    Numbers,
    NumbersAndMarks,
    Fence,
}

const NOISES: [Noise; 6] =
    [Noise::None, Noise::WhiteSpace, Noise::Marks, Noise::Numbers, Noise::NumbersAndMarks, Noise::Fence];

fn quoted(lines: &[&Line], side: Side, noise: Noise) -> String {
    let line = |line: &&Line| {
        let (number, mark, text) = (line.number_on(side), mark(line.kind), line.text());
        match noise {
            Noise::None | Noise::Fence => text.into_owned(),
            Noise::WhiteSpace => format!("\t  {}  ", text.replace(' ', "   ")),
            Noise::Marks => format!("{mark}{text}"),
            Noise::Numbers => format!("{number} | {text}"),
            Noise::NumbersAndMarks => format!("{number} {mark}{text}"),
        }
    };
    let text: Vec<String> = lines.iter().map(line).collect();
    match noise {
        Noise::Fence => format!("```rust\n{}\n```", text.join("\n")),
        _ => text.join("\n"),
    }
}

fn draft(path: &str, quote: String, line: u32, side: Side) -> Draft {
    Draft {
        path: path.to_owned(),
        quote,
        line: Some(line),
        end_line: Some(line),
        side,
        reasoning: String::new(),
        category: Category::Bug,
        severity: Severity::Major,
        confidence: 50,
        title: "t".to_owned(),
        body: "b".to_owned(),
        suggestion: None,
    }
}

/// The text of lines, without white space and without empty lines.
fn squeezed<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let squeeze = |line: &str| line.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    lines.into_iter().map(squeeze).filter(|line| !line.is_empty()).collect()
}

/// The lines of a hunk with these numbers on one side.
fn on_side(hunk: &Hunk, side: Side, numbers: std::ops::RangeInclusive<u32>) -> Vec<&Line> {
    hunk.lines.iter().filter(|line| line.is_on(side) && numbers.contains(&line.number_on(side))).collect()
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_quote_finds_lines_with_its_very_text(
        files in files(any_words), (file, hunk, from, count) in any::<(Index, Index, Index, Index)>(),
        on_left in any::<bool>(), noise in select(NOISES.to_vec()), line in 0_u32..60,
    ) {
        let diff = diff::parse(written(&files)).unwrap();
        let chosen = file.get(&diff.files);
        let chosen_hunk = hunk.get(chosen.hunks());
        // the old side takes comments on removed lines alone
        let side = if on_left { Side::Left } else { Side::Right };
        let fits = |line: &&Line| if on_left { line.kind == LineKind::Removed } else { line.is_on(side) };
        let all: Vec<&Line> = chosen_hunk.lines.iter().filter(|line| line.is_on(side)).collect();
        let start = from.index(all.len().max(1));
        let run: Vec<&Line> = all.into_iter().skip(start).take_while(fits).collect();
        prop_assume!(!run.is_empty());
        let quote = &run[..=count.index(run.len())];
        let wanted = squeezed(quote.iter().map(|line| line.text()).collect::<Vec<_>>().iter().map(|text| &**text));
        let draft = draft(chosen.path().as_str(), quoted(quote, side, noise), line, side);
        let found = anchor::Index::new(&diff).anchor(&draft);
        if wanted.is_empty() {
            return Ok(());
        }
        let found = found.ok_or_else(|| TestCaseError::fail("the quote is in the diff"))?;
        prop_assert_eq!(diff.files[found.file].path(), chosen.path());
        prop_assert_eq!(found.side, side);
        let hunk = &diff.files[found.file].hunks()[found.hunk];
        let lines = on_side(hunk, side, found.lines.clone());
        let text: Vec<String> = lines.iter().map(|line| line.text().into_owned()).collect();
        prop_assert_eq!(squeezed(text.iter().map(String::as_str)), wanted);
        prop_assert_eq!(text, found.text);
        let numbers = hunk.range(side).unwrap();
        prop_assert!(numbers.0 <= *found.lines.start() && *found.lines.end() <= numbers.1, "inside the hunk");
    }

    #[test]
    fn whatever_is_quoted_an_anchor_is_in_one_hunk_and_on_one_side(
        files in files(any_text), quote in vec(text(), 1..4), path in select(vec!["src/file 0.rs", "file 1.rs", "a/src/file 2.rs", ""]),
        line in any::<u32>(), on_left in any::<bool>(),
    ) {
        let diff = diff::parse(written(&files)).unwrap();
        let side = if on_left { Side::Left } else { Side::Right };
        if let Some(found) = anchor::Index::new(&diff).anchor(&draft(path, quote.join("\n"), line, side)) {
            let lines = on_side(&diff.files[found.file].hunks()[found.hunk], found.side, found.lines.clone());
            let numbers: Vec<u32> = lines.iter().map(|line| line.number_on(found.side)).collect();
            prop_assert_eq!(numbers, found.lines.collect::<Vec<_>>());
            let ends = [lines.first(), lines.last()];
            let is_commentable = |line: &&&Line| found.side == Side::Right || line.kind == LineKind::Removed;
            prop_assert!(ends.iter().flatten().all(is_commentable));
        }
    }
}
