//! How much of what is secret is masked and reported, and how much of what is not: measured on the labelled lines of
//! `tests/fixtures/secrets`, whose `README.md` tells how they are written.

use std::collections::BTreeMap;

use crate::checks;
use crate::diff;
use crate::words::Words;

/// A file of the set, read when the test runs: the package does not have it. It stays for the rest of the process.
fn read(name: &str) -> &'static str {
    let path = format!("{}/tests/fixtures/secrets/{name}", env!("CARGO_MANIFEST_DIR"));
    Box::leak(std::fs::read_to_string(path).expect("the labelled set").into_boxed_str())
}

/// Lines of one kind that belong together: one, or all of a block.
struct Item {
    kind: &'static str,
    label: &'static str,
    /// The text with its values marked.
    marked: String,
}

impl Item {
    fn text(&self) -> String {
        self.marked.replace(['⟦', '⟧'], "")
    }

    /// The parts of the text outside and inside of the marks, in turn.
    fn parts(&self) -> Vec<&str> {
        self.marked.split(['⟦', '⟧']).collect()
    }

    fn is_leaked(&self, masked: &str) -> bool {
        self.parts().into_iter().skip(1).step_by(2).any(|value| {
            // The longest part that everyone may see is `hooks.slack.com/services/`.
            let secret = &value.as_bytes()[(value.len() / 2).min(26)..];
            secret.windows(secret.len().min(8)).any(|part| masked.contains(std::str::from_utf8(part).expect("ASCII")))
        })
    }

    /// Whether all that is no value stands as it did, and of the values nothing but a start that everyone may see.
    fn keeps_shape(&self, masked: &str) -> bool {
        let mut rest = masked;
        let parts = self.parts();
        for (index, part) in parts.iter().enumerate() {
            if index % 2 == 0 {
                let Some(behind) = rest.strip_prefix(part) else { return false };
                rest = behind;
            } else {
                let Some((start, behind)) = rest.split_once("***") else { return false };
                if !part.starts_with(start) {
                    return false;
                }
                rest = behind;
            }
        }
        rest.is_empty()
    }

    fn is_reported(&self) -> bool {
        let diff = diff::parse(format!(
            "--- a/x\n+++ b/x\n@@ -0,0 +1,{} @@\n{}",
            self.text().lines().count(),
            added(&self.text())
        ));
        !checks::run(&diff.expect("a diff"), |rule| matches!(rule, "secrets" | "private-keys"), Words::english())
            .is_empty()
    }
}

fn added(text: &str) -> String {
    text.lines().map(|line| format!("+{line}\n")).collect()
}

fn items(file: &'static str) -> Vec<Item> {
    let (mut kind, mut label) = ("", "");
    let mut block: Option<String> = None;
    let mut items = Vec::new();
    for line in file.lines() {
        if let Some((name, of)) = line.strip_prefix("## ").and_then(|line| line.split_once(" | ")) {
            (kind, label) = (name, of);
        } else if kind.is_empty() || line.is_empty() && block.is_none() {
        } else if line == "<<<" {
            block = Some(String::new());
        } else if line == ">>>" {
            items.extend(block.take().map(|marked| Item { kind, label, marked }));
        } else if let Some(block) = &mut block {
            *block += &line.replace("{{}}", "");
            block.push('\n');
        } else {
            items.push(Item { kind, label, marked: line.replace("{{}}", "") });
        }
    }
    items
}

#[derive(Default)]
struct Count {
    all: usize,
    masked: usize,
    reported: usize,
    other_shape: usize,
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

/// Prints a table, and returns the sums of all kinds with this label.
fn sums(counts: &BTreeMap<(&str, &str), Count>, label: &str) -> Count {
    let mut sum = Count::default();
    for ((of, kind), count) in counts.iter().filter(|((of, _), _)| *of == label) {
        let Count { all, masked, reported, other_shape } = count;
        println!(
            "{of:9} {kind:48} {all:3} lines, masked {:5.1} %, reported {:5.1} %, other shape {other_shape}",
            percent(*masked, *all),
            percent(*reported, *all),
        );
        sum.all += all;
        sum.masked += masked;
        sum.reported += reported;
        sum.other_shape += other_shape;
    }
    println!(
        "{label:9} {:48} {:3} lines, masked {:5.1} %, reported {:5.1} %, other shape {}",
        "all",
        sum.all,
        percent(sum.masked, sum.all),
        percent(sum.reported, sum.all),
        sum.other_shape
    );
    sum
}

#[test]
fn secrets_are_masked_and_all_else_is_not() {
    let mut counts: BTreeMap<(&str, &str), Count> = BTreeMap::new();
    for item in items(read("positive.txt")) {
        let (text, count) = (item.text(), counts.entry((item.label, item.kind)).or_default());
        let masked = super::text(&text);
        let (is_masked, is_reported) = (!item.is_leaked(&masked), item.is_reported());
        count.all += 1;
        count.masked += usize::from(is_masked);
        count.reported += usize::from(is_reported);
        count.other_shape += usize::from(is_masked && !item.keeps_shape(&masked));
        if !is_masked || item.label == "reported" && !is_reported || !item.keeps_shape(&masked) {
            let what = if !is_masked {
                "leaked"
            } else if !item.keeps_shape(&masked) {
                "shape"
            } else {
                "not reported"
            };
            println!("{what:12} {:30} {}\n    → {}", item.kind, item.marked.trim_end(), masked.trim_end());
        }
        assert_eq!(masked.split('\n').count(), text.split('\n').count(), "{text}");
        assert_eq!(super::text(&masked), masked, "masking twice");
    }
    for item in items(read("negative.txt")) {
        let (text, count) = (item.text(), counts.entry((item.label, item.kind)).or_default());
        let masked = super::text(&text);
        let is_reported = item.is_reported();
        count.all += 1;
        count.masked += usize::from(masked != text);
        count.reported += usize::from(is_reported);
        if masked != text || is_reported {
            println!("{:12} {:30} {text}\n    → {masked}", if is_reported { "reported" } else { "masked" }, item.kind);
        }
    }
    let (sure, broad, public) = (sums(&counts, "reported"), sums(&counts, "masked"), sums(&counts, "public"));
    assert!(sure.all + broad.all >= 150 && public.all >= 200);
    assert!(percent(sure.masked, sure.all) >= 97.0 && percent(broad.masked, broad.all) >= 95.0);
    assert!(percent(sure.reported, sure.all) >= 92.0);
    assert!(sure.other_shape + broad.other_shape <= 3);
    assert!(percent(public.masked, public.all) <= 1.0 && public.reported == 0);
}
