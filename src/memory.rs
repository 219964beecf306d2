//! Which parts of a change were reviewed before: told by their text, so that a rebase forgets nothing.
//!
//! A hunk is cut into blocks at places that its own lines decide, so that an edit makes one or two blocks new and leaves
//! the others as they were. A block is known by a hash of its path, its lines and the lines around it. The hash is long
//! enough that nobody finds another text with it: who could would have code that no review looks at.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::diff::{Diff, Hunk, Line};

/// Bytes of a block's hash.
const HASH: usize = 12;
/// Lines of a block, on average.
const LINES: u8 = 24;
/// Lines around a block that are part of what was reviewed.
const AROUND: usize = 3;
/// More blocks than this (some 50,000 changed lines) do not fit into a comment, and are not remembered.
const MOST: usize = 2000;

/// The blocks that were reviewed, under one set of prompts, model and settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Tells prompts, model and settings apart.
    pub key: String,
    /// Hashes of the blocks.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    blocks: BTreeSet<[u8; HASH]>,
}

impl Memory {
    /// A change but for the hunks that are left out, which are named by the index of the file and of the hunk in it; `None`
    /// where it is too large to be remembered.
    pub fn of(diff: &Diff, key: &str, is_left_out: impl Fn((usize, usize)) -> bool) -> Option<Memory> {
        let mut blocks = BTreeSet::new();
        for (index, file) in diff.files.iter().enumerate() {
            for (_, hunk) in file.hunks().iter().enumerate().filter(|(hunk, _)| !is_left_out((index, *hunk))) {
                blocks.extend(cut(hunk).into_iter().map(|block| hash(file.path().as_str(), hunk, &block)));
            }
        }
        (blocks.len() <= MOST).then(|| Memory { key: key.to_owned(), blocks })
    }

    /// What is known of these blocks, and of no other.
    pub fn still_in(&self, all: &Memory) -> Memory {
        Memory { key: self.key.clone(), blocks: self.blocks.intersection(&all.blocks).copied().collect() }
    }

    /// The lines of a hunk that are new, as ranges of indices that hold all of its changed lines.
    fn fresh(&self, path: &str, hunk: &Hunk) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for block in cut(hunk) {
            if self.blocks.contains(&hash(path, hunk, &block)) {
                continue;
            }
            match ranges.last_mut().filter(|last| last.end == block.start) {
                Some(last) => last.end = block.end,
                None => ranges.push(block),
            }
        }
        ranges.retain(|range| hunk.lines[range.clone()].iter().any(Line::is_change));
        ranges
    }
}

/// The lines of a change that are to be reviewed: for each file and hunk the ranges of lines.
pub fn fresh(diff: &Diff, known: Option<&Memory>) -> Vec<Vec<Vec<Range<usize>>>> {
    let of_hunk = |path: &str, hunk: &Hunk| match known {
        Some(memory) => memory.fresh(path, hunk),
        None if hunk.changed_lines() == 0 => Vec::new(),
        // one range, which is all of the hunk
        None => std::iter::once(0..hunk.lines.len()).collect(),
    };
    let of_file =
        |file: &crate::diff::FileDiff| file.hunks().iter().map(|hunk| of_hunk(file.path().as_str(), hunk)).collect();
    diff.files.iter().map(of_file).collect()
}

/// The blocks of a hunk. It ends behind every line whose text says so.
fn cut(hunk: &Hunk) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let mut start = 0;
    for (index, line) in hunk.lines.iter().enumerate() {
        if index + 1 == hunk.lines.len() || Sha256::digest(line.bytes())[0] % LINES == 0 {
            blocks.push(start..index + 1);
            start = index + 1;
        }
    }
    blocks
}

fn hash(path: &str, hunk: &Hunk, block: &Range<usize>) -> [u8; HASH] {
    let shown = block.start.saturating_sub(AROUND)..(block.end + AROUND).min(hunk.lines.len());
    let mut hash = Sha256::new();
    hash.update((path.len() as u64).to_le_bytes());
    hash.update(path);
    hash.update([(block.start - shown.start) as u8, (shown.end - block.end) as u8]);
    for line in &hunk.lines[shown] {
        hash.update([line.kind as u8]);
        hash.update((line.bytes().len() as u64).to_le_bytes());
        hash.update(line.bytes());
    }
    let mut short = [0; HASH];
    short.copy_from_slice(&hash.finalize()[..HASH]);
    short
}

fn to_base64<S: Serializer>(blocks: &BTreeSet<[u8; HASH]>, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = blocks.iter().flatten().copied().collect();
    serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<[u8; HASH]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
    let (blocks, rest) = bytes.as_chunks::<HASH>();
    match rest {
        [] => Ok(blocks.iter().copied().collect()),
        _ => Err(serde::de::Error::custom("a part of a hash")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    /// A new file of these lines.
    fn file(path: &str, lines: &[String]) -> Diff {
        let body: String = lines.iter().map(|line| format!("+{line}\n")).collect();
        parse(format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n{body}", lines.len())).unwrap()
    }

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("let value_{n} = compute({});", n * 7919)).collect()
    }

    /// Changed lines that are new in `after`, when all of `before` is known.
    #[track_caller]
    fn check(before: &Diff, after: &Diff) -> Vec<(usize, usize)> {
        let memory = Memory::of(before, "k", |_| false).unwrap();
        let json = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&json).unwrap(), memory, "it survives its comment");
        fresh(after, Some(&memory)).into_iter().flatten().flatten().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn what_did_not_change_is_known_wherever_it_stands() {
        let all = lines(300);
        assert_eq!(check(&file("a", &all), &file("a", &all)), []);
        let moved: Vec<String> = (0..40).map(|n| format!("// new {n}")).chain(all.clone()).collect();
        let new = check(&file("a", &all), &file("a", &moved));
        assert_eq!(new.len(), 1, "{new:?}");
        assert!(new[0].0 == 0 && (40..150).contains(&new[0].1), "{new:?}");
        assert_eq!(check(&file("a", &all), &file("b", &all)), [(0, 300)], "another file is another place");
    }

    #[test]
    fn an_edit_is_new_and_little_else() {
        let all = lines(600);
        for at in [0, 1, 57, 300, 599] {
            let mut edited = all.clone();
            edited[at] = "panic!();".to_owned();
            let new = check(&file("a", &all), &file("a", &edited));
            assert_eq!(new.len(), 1, "{at}: {new:?}");
            assert!((new[0].0..new[0].1).contains(&at) && new[0].1 - new[0].0 < 300, "{at}: {new:?}");
        }
    }

    #[test]
    fn surroundings_are_a_part_of_what_was_reviewed() {
        let hunk = |before: &str, mark: char| {
            parse(format!("--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n {before}\n{mark}b\n c\n")).unwrap()
        };
        assert_eq!(check(&hunk("a", '+'), &hunk("a", '+')), []);
        assert_eq!(check(&hunk("a", '+'), &hunk("z", '+')), [(0, 3)]);
        assert_eq!(check(&hunk("a", '+'), &hunk("a", '-')), [(0, 3)]);
    }

    #[test]
    fn every_changed_line_is_in_a_block() {
        let diff = file("a", &lines(1000));
        let hunk = &diff.files[0].hunks()[0];
        let blocks = cut(hunk);
        assert_eq!(blocks.iter().map(ExactSizeIterator::len).sum::<usize>(), 1000);
        assert!(blocks.windows(2).all(|pair| pair[0].end == pair[1].start) && blocks.len() > 20);
    }

    #[test]
    fn damage_is_no_memory_and_neither_is_too_much() {
        for damaged in [r#"{"key": "k"}"#, r#"{"key": "k", "blocks": "AAA"}"#, r#"{"key": "k", "blocks": "?"}"#] {
            assert!(serde_json::from_str::<Memory>(damaged).is_err(), "{damaged}");
        }
        assert_eq!(Memory::of(&file("a", &lines(200_000)), "k", |_| false), None);
    }
}
