//! The plan: what exactly would be sent, and what it would cost at most.

pub mod chunk;
pub mod pass;
pub mod tokens;
pub mod trivial;
pub mod view;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use crate::diff::filter::Skipped;
use crate::diff::{Diff, Hunk, LineKind};
use crate::memory::{self, Memory};
use crate::prompt::{self, Frame, Orientation};
use crate::shard::Shard;
use crate::text::printable;
pub use chunk::{Chunk, Piece};
pub use pass::Pass;
pub use tokens::Tokenizer;
pub use trivial::Trivial;
pub use view::{View, describe};

/// What limits the size of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// The size that a prompt aims at, in tokens. Half of it is the change's in any case.
    pub chunk_tokens: usize,
    /// Tokens that an answer may have.
    pub max_output_tokens: usize,
    /// Tokens that prompt and answer may have together.
    pub window: usize,
    /// Tokens that are kept free for what stands beside the change: definitions, enclosing functions.
    pub context_tokens: usize,
    /// The model's encoding.
    pub tokenizer: Tokenizer,
}

/// A change, packed into chunks, with all that is needed to ask about them.
#[derive(Debug)]
pub struct Plan {
    /// The change under review: filtered and masked.
    pub diff: Diff,
    /// What is sent, one request a chunk and pass.
    pub chunks: Vec<Chunk>,
    /// The looks at each chunk.
    pub passes: Vec<Pass>,
    /// The texts around the chunks.
    pub frame: Frame,
    /// Added and removed lines of each file that were reviewed before, and are not sent again.
    pub remembered: Vec<usize>,
    /// Hunks that need no reviewer. What is in them is not remembered.
    pub trivial: Trivial,
    /// Added and removed lines that other shards of the review have, by file and shard.
    pub elsewhere: BTreeMap<(usize, Shard), usize>,
    /// What is shown beside each chunk, and is not under review; by chunk, with its tokens.
    contexts: OnceCell<Vec<(String, usize)>>,
    view: View,
    /// Tokens of a prompt without its chunk.
    frame_tokens: usize,
    /// Of these, the tokens before the chunk: the same prefix in every request.
    prefix_tokens: usize,
}

/// Tokens that a part of a review may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Of prompts.
    pub input_tokens: usize,
    /// Of answers.
    pub output_tokens: usize,
}

/// A run of lines of a file, for the receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Index of the file in the plan's diff.
    pub file: usize,
    /// First and last line number, on the new side where the run has lines there.
    pub lines: RangeInclusive<u32>,
    /// The added and removed lines in it.
    pub changed_lines: usize,
}

/// What of a change is not sent.
#[derive(Debug, Clone, Default)]
pub struct Unsent<'a> {
    /// What was reviewed before.
    pub known: Option<&'a Memory>,
    /// What needs no reviewer.
    pub trivial: Trivial,
}

impl Unsent<'_> {
    /// What is to be sent of a change: for each file and hunk the ranges of lines.
    fn others(&self, diff: &Diff) -> Vec<Vec<Vec<Range<usize>>>> {
        let mut fresh = memory::fresh(diff, self.known);
        self.trivial.keys().for_each(|&(file, hunk)| fresh[file][hunk].clear());
        fresh
    }

    /// Whether it is the whole change.
    pub fn is_all(&self, diff: &Diff) -> bool {
        self.others(diff).iter().flatten().all(Vec::is_empty)
    }
}

/// Packs what is to be sent of a change. `schema` is the text of the answer's schema, which is part of every prompt.
pub fn build(budget: Budget, orientation: &Orientation, schema: &str, diff: Diff, unsent: Unsent<'_>) -> Plan {
    let lines =
        diff.files.iter().flat_map(|file| file.hunks()).flat_map(|hunk| hunk.lines.iter()).map(|line| line.bytes());
    let frame = prompt::frame(orientation, lines);
    let tokenizer = budget.tokenizer;
    let prefix_tokens = tokenizer.count(&frame.system) + tokenizer.count(&frame.before) + tokenizer.count(schema);
    let frame_tokens = prefix_tokens + tokenizer.count(&frame.after) + MESSAGE_TOKENS;
    let part = part_budget(&budget, frame_tokens);
    let view = View::new(&diff, tokenizer, part);
    let lines = unsent.others(&diff);
    let trivial = unsent.trivial;
    let remembered = (0..diff.files.len()).map(|file| remembered(&diff, file, &lines[file], &trivial)).collect();
    let chunks = chunk::pack(&diff, &view, part, &lines);
    let (passes, contexts, elsewhere) = (vec![Pass::ONLY], OnceCell::new(), BTreeMap::new());
    Plan { diff, chunks, passes, frame, remembered, trivial, elsewhere, contexts, view, frame_tokens, prefix_tokens }
}

/// The changed lines of a file that are neither in the ranges of its hunks nor trivial.
fn remembered(diff: &Diff, file: usize, ranges: &[Vec<Range<usize>>], trivial: &Trivial) -> usize {
    let in_ranges = |(index, hunk): (usize, &Hunk)| {
        let lines = ranges[index].iter().flat_map(|range| &hunk.lines[range.clone()]);
        hunk.changed_lines() - lines.filter(|line| line.is_change()).count()
    };
    let hunks = diff.files[file].hunks().iter().enumerate();
    hunks.filter(|(index, _)| !trivial.contains_key(&(file, *index))).map(in_ranges).sum()
}

/// Two messages with 3 tokens and a role of one token each, and 3 that prime the answer.
const MESSAGE_TOKENS: usize = 2 * (3 + 1) + 3;

/// The smallest part of a prompt that is left for the change.
const SMALLEST_PART: usize = 100;

/// Tokens of the change that fit into one prompt.
fn part_budget(budget: &Budget, frame_tokens: usize) -> usize {
    let frame_tokens = frame_tokens + budget.context_tokens;
    let wanted = budget.chunk_tokens.saturating_sub(frame_tokens).max(budget.chunk_tokens / 2);
    // the count is exact for the messages; what a provider adds for the schema is not documented
    let margin = budget.window / 50;
    let possible = budget.window.saturating_sub(budget.max_output_tokens + frame_tokens + margin);
    wanted.min(possible).max(SMALLEST_PART)
}

/// Stands before what is not under review.
const CONTEXT: &str = "\n\nContext from the repository as the change leaves it, to understand the part. It is not under review; report nothing that is wrong only here:\n";

impl Plan {
    /// The plan with these looks at each chunk.
    pub fn with_passes(self, passes: Vec<Pass>) -> Plan {
        Plan { passes, ..self }
    }

    /// The share of the plan that one shard has, its chunks counted from 1 again. To be taken before anything is shown
    /// beside them.
    pub fn only(mut self, shard: Shard) -> Plan {
        let (own, others): (Vec<Chunk>, Vec<Chunk>) =
            std::mem::take(&mut self.chunks).into_iter().partition(|chunk| shard.of_chunk(chunk.id) == shard);
        for chunk in &others {
            for span in self.spans(chunk) {
                *self.elsewhere.entry((span.file, shard.of_chunk(chunk.id))).or_default() += span.changed_lines;
            }
        }
        self.chunks = own.into_iter().enumerate().map(|(index, chunk)| Chunk { id: index + 1, ..chunk }).collect();
        self
    }

    /// Tells apart what is sent of a change: the lines of each chunk.
    pub fn digest(&self) -> String {
        let place = |piece: &Piece| (self.diff.files[piece.file].path().as_str(), piece.hunk, piece.lines.clone());
        let chunks = self.chunks.iter().map(|chunk| chunk.pieces.iter().map(place).collect::<Vec<_>>());
        prompt::hash_of(&[&format!("{:?}", chunks.collect::<Vec<_>>())])
    }

    /// Tokens of `limit` that are left for the context itself.
    pub fn context_room(&self, limit: usize) -> usize {
        limit.saturating_sub(self.view.count(CONTEXT) + self.view.count(&self.frame.fenced("")))
    }

    /// Puts these texts beside the chunks, empty ones beside those that need nothing. What was put there once stays.
    pub fn show(&self, texts: Vec<String>) {
        let measured = |text: String| {
            if text.trim().is_empty() {
                return (String::new(), 0);
            }
            let text = format!("{CONTEXT}{}", self.frame.fenced(&text));
            let tokens = self.view.count(&text);
            (text, tokens)
        };
        self.contexts.get_or_init(|| texts.into_iter().map(measured).collect());
    }

    /// The user message for a chunk in a pass.
    pub fn user(&self, chunk: &Chunk, pass: &Pass) -> String {
        let frame = &self.frame;
        let (context, _) = self.context(chunk);
        let lens = pass.lens.map(|lens| format!("\n\n{}", lens.trim_end())).unwrap_or_default();
        format!("{}{}{}{context}{lens}", frame.before, self.part(chunk, pass), frame.after.trim_end())
    }

    /// What is shown beside a chunk, with its tokens.
    pub fn context(&self, chunk: &Chunk) -> (&str, usize) {
        let context = chunk.id.checked_sub(1).and_then(|index| self.contexts.get()?.get(index));
        context.map_or(("", 0), |(text, tokens)| (text.as_str(), *tokens))
    }

    /// The reviewer's view of a chunk in a pass.
    pub fn part(&self, chunk: &Chunk, pass: &Pass) -> String {
        let mut out = String::new();
        let mut shown = None;
        for piece in pass.order(&chunk.pieces) {
            let file = &self.diff.files[piece.file];
            let hunk = &file.hunks()[piece.hunk];
            if shown.replace(piece.file) != Some(piece.file) {
                out += &self.view.file_header(file);
            }
            out += &self.view.hunk_header(hunk, &hunk.lines[piece.lines.clone()]);
            let line = |line: usize, kind: Option<LineKind>| {
                let found = &hunk.lines[line];
                self.view.line((piece.file, piece.hunk, line), found, kind.unwrap_or(found.kind))
            };
            piece.before.iter().for_each(|&index| out += &line(index, Some(LineKind::Context)));
            piece.lines.clone().for_each(|index| out += &line(index, None));
            piece.after.clone().for_each(|index| out += &line(index, Some(LineKind::Context)));
        }
        out
    }

    /// Tokens of the whole prompt of a chunk in one pass, without the pass's lens: messages and schema.
    pub fn input_tokens(&self, chunk: &Chunk) -> usize {
        self.frame_tokens + chunk.tokens + self.context(chunk).1
    }

    /// Tokens of a text under the model's encoding.
    pub fn count(&self, text: &str) -> usize {
        self.view.count(text)
    }

    /// Tokens of all prompts of one pass, without lenses.
    pub fn tokens_of_a_pass(&self) -> usize {
        self.chunks.iter().map(|chunk| self.input_tokens(chunk)).sum()
    }

    /// What the second look may take: as much as one more pass, and for a small change enough for a few questions.
    pub fn second_look(&self, max_output_tokens: usize) -> Share {
        const LEAST_INPUT: usize = 30_000;
        const LEAST_ANSWERS: usize = 6;
        Share {
            input_tokens: self.tokens_of_a_pass().max(LEAST_INPUT),
            output_tokens: max_output_tokens * self.chunks.len().max(LEAST_ANSWERS),
        }
    }

    /// Tokens of the lens of a pass.
    pub fn lens_tokens(&self, pass: &Pass) -> usize {
        pass.lens.map_or(0, |lens| self.view.count(lens) + 2)
    }

    /// Tokens that all prompts begin with.
    pub fn prefix_tokens(&self) -> usize {
        self.prefix_tokens
    }

    /// Added and removed lines under review in a chunk.
    pub fn changed_lines(&self, chunk: &Chunk) -> usize {
        self.spans(chunk).iter().map(|span| span.changed_lines).sum()
    }

    /// What a chunk has under review, a span a piece.
    pub fn spans(&self, chunk: &Chunk) -> Vec<Span> {
        chunk.pieces.iter().map(|piece| self.span(piece)).collect()
    }

    fn span(&self, piece: &Piece) -> Span {
        let lines = &self.diff.files[piece.file].hunks()[piece.hunk].lines[piece.lines.clone()];
        let changed: Vec<_> = lines.iter().filter(|line| line.is_change()).collect();
        let on_new: Vec<u32> = changed.iter().filter(|l| l.kind == LineKind::Added).map(|l| l.new).collect();
        let numbers = if on_new.is_empty() { changed.iter().map(|l| l.old).collect() } else { on_new };
        let first = numbers.first().copied().unwrap_or_default();
        Span { file: piece.file, lines: first..=numbers.last().copied().unwrap_or(first), changed_lines: changed.len() }
    }

    /// The paths of a chunk, each once.
    pub fn paths(&self, chunk: &Chunk) -> Vec<String> {
        let mut files: Vec<usize> = chunk.pieces.iter().map(|piece| piece.file).collect();
        files.dedup();
        files.into_iter().map(|file| self.diff.files[file].path().to_string()).collect()
    }

    /// Two chunks of about half the size; `None` for a single line.
    pub fn split(&self, chunk: &Chunk) -> Option<(Chunk, Chunk)> {
        chunk::split(&self.diff, &self.view, chunk)
    }

    /// The lines that are too long to be shown whole: path and line number.
    pub fn cut_lines(&self) -> Vec<(String, u32)> {
        let name = |&(file, hunk, line): &view::Place| {
            let file = &self.diff.files[file];
            (file.path().to_string(), file.hunks()[hunk].lines[line].number())
        };
        self.view.cut_lines().iter().map(name).collect()
    }
}

/// One line for each file of the change, also those that are left out, within `limit` tokens; what does not fit is told
/// by folder, then by number.
pub fn file_list(diff: &Diff, skipped: &[Skipped], tokenizer: Tokenizer, limit: usize) -> String {
    let mut entries: Vec<(&str, String)> = Vec::new();
    for file in &diff.files {
        let (added, removed) = file.added_removed();
        let path = file.path().as_str();
        entries.push((path, format!("{} ({}, +{added} -{removed})", printable(path), describe(file))));
    }
    for skip in skipped {
        entries.push((skip.path.as_str(), format!("{} (not shown: {})", printable(skip.path.as_str()), skip.reason)));
    }
    entries.sort();
    let whole: Vec<String> = entries.iter().map(|(_, line)| line.clone()).collect();
    let text = whole.join("\n");
    if text.len() <= limit || tokenizer.count(&text) <= limit {
        return text;
    }
    by_folder(&entries, tokenizer, limit)
}

fn by_folder(entries: &[(&str, String)], tokenizer: Tokenizer, limit: usize) -> String {
    let mut folders: Vec<(&str, usize)> = Vec::new();
    for (path, _) in entries {
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        match folders.last_mut() {
            Some((last, count)) if *last == folder => *count += 1,
            _ => folders.push((folder, 1)),
        }
    }
    let mut out = String::new();
    let mut left = limit.saturating_sub(10);
    let mut told = 0;
    for (folder, count) in folders {
        let line = format!("{}/ ({count} files)\n", printable(folder));
        let tokens = tokenizer.count(&line);
        if tokens > left {
            break;
        }
        left -= tokens;
        told += count;
        out += &line;
    }
    if told < entries.len() {
        out += &format!("and {} more files", entries.len() - told);
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;

    fn diff(files: usize) -> Diff {
        let one =
            |n: usize| format!("--- a/src/f{n}.rs\n+++ b/src/f{n}.rs\n@@ -1 +1 @@\n-let a = {n};\n+let a = {n} + 1;\n");
        parse((0..files).map(one).collect::<String>()).unwrap()
    }

    fn budget(chunk_tokens: usize, window: usize) -> Budget {
        Budget { chunk_tokens, max_output_tokens: 1000, window, context_tokens: 0, tokenizer: Tokenizer::O200k }
    }

    fn orientation() -> Orientation {
        Orientation { title: "t".into(), language: "en".into(), ..Orientation::default() }
    }

    #[test]
    fn the_estimate_is_the_exact_count_of_the_messages() {
        let plan = build(budget(2500, 128_000), &orientation(), "{}", diff(120), Unsent::default());
        assert!(plan.chunks.len() > 1);
        for chunk in &plan.chunks {
            let count = |text: &str| Tokenizer::O200k.count(text) + 4;
            let exact =
                count(&plan.frame.system) + count(&plan.user(chunk, &Pass::ONLY)) + 3 + Tokenizer::O200k.count("{}");
            let estimate = plan.input_tokens(chunk);
            assert!(estimate.abs_diff(exact) * 100 <= exact, "{estimate} is within 1 % of {exact}");
            assert!(exact <= 2500);
        }
    }

    #[test]
    fn prompt_and_answer_stay_inside_the_window() {
        let plan = build(budget(6000, 3500), &orientation(), "{}", diff(200), Unsent::default());
        assert!(plan.chunks.iter().all(|chunk| plan.input_tokens(chunk) + 1000 <= 3500));
    }

    #[test]
    fn all_prompts_begin_alike() {
        let plan = build(budget(2000, 128_000), &orientation(), "{}", diff(120), Unsent::default());
        let users: Vec<String> = plan.chunks.iter().map(|chunk| plan.user(chunk, &Pass::ONLY)).collect();
        assert!(users.iter().all(|user| user.starts_with(&plan.frame.before)) && users.len() > 1);
    }

    #[test]
    fn the_file_list_keeps_its_limit() {
        let whole = file_list(&diff(3), &[], Tokenizer::O200k, 1000);
        assert_eq!(whole.lines().next(), Some("src/f0.rs (modified, +1 -1)"));
        let short = file_list(&diff(500), &[], Tokenizer::O200k, 100);
        assert_eq!(short, "src/ (500 files)");
    }

    #[test]
    fn what_needs_no_reviewer_is_neither_sent_nor_remembered() {
        let all = diff(120);
        let trivial: Trivial = [((0, 0), trivial::Why::Formatting)].into();
        let memory = Memory::of(&all, "k", |hunk| trivial.contains_key(&hunk)).unwrap();
        let whole = Memory::of(&all, "k", |_| false).unwrap();
        assert_ne!(memory, whole, "the next run may not say that it was reviewed");
        for known in [None, Some(&memory), Some(&whole)] {
            let unsent = Unsent { known, trivial: trivial.clone() };
            let is_all = unsent.is_all(&all);
            let plan = build(budget(6000, 128_000), &orientation(), "{}", all.clone(), unsent);
            assert_eq!(is_all, plan.chunks.is_empty());
            assert!(plan.chunks.iter().flat_map(|chunk| &chunk.pieces).all(|piece| (piece.file, piece.hunk) != (0, 0)));
            let trivial = plan.diff.files[0].hunks()[0].changed_lines();
            let sent: usize = plan.chunks.iter().map(|chunk| plan.changed_lines(chunk)).sum();
            assert_eq!(sent + plan.remembered.iter().sum::<usize>() + trivial, plan.diff.changed_lines());
        }
    }
}
