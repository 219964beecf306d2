//! What `plan` prints: exactly what `review` would send, and what that costs at most.

use std::fmt::Write as _;

use serde::Serialize;

use super::terminal::paint;
use super::{Coverage, dollars, plural, thousands};
use crate::plan::Plan;
use crate::shard::Shard;
use crate::usage::{Price, Usage, cost_usd};

/// The plan `prudence.plan/v1`.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// `prudence.plan/v1`.
    pub schema: &'static str,
    /// The model that would be asked; `None` when it would be none.
    pub model: Option<String>,
    /// One request each in every pass.
    pub chunks: Vec<PlannedChunk>,
    /// As in the review's report; nothing has failed that was not already missing.
    pub coverage: Coverage,
    /// Sums over the chunks and passes. The second look is not in them: what it asks about is not known before.
    pub totals: Totals,
    /// Dollars.
    pub cost: PlannedCost,
    /// The shards of the review, where it is to be cut: one job of a CI matrix each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<PlannedShard>,
}

/// What one of several jobs would send.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedShard {
    /// Which, as `review --shard` takes it.
    pub shard: Shard,
    /// Requests to the model.
    pub requests: usize,
    /// Added and removed lines in them.
    pub changed_lines: usize,
}

/// What one request of each pass would show.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedChunk {
    /// Counted from 1.
    pub id: usize,
    /// The files in it.
    pub paths: Vec<String>,
    /// Added and removed lines in it.
    pub changed_lines: usize,
    /// Tokens of the whole prompt of one pass.
    pub input_tokens: usize,
}

/// Sums over the chunks and passes.
#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    /// Requests to the model.
    pub requests: usize,
    /// Tokens of all prompts.
    pub input_tokens: usize,
    /// Tokens that all answers may have together.
    pub max_output_tokens: usize,
}

/// Dollars; `None` for a model without a price.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedCost {
    /// With answers of the usual length, and the prefix cached from the second request on.
    pub usd_expected: Option<f64>,
    /// With every answer as long as it may be, nothing cached, and all that the second look may take.
    pub usd_max: Option<f64>,
    /// The most that a review may spend; whoever knows it sets it.
    #[serde(skip)]
    pub limit_usd: Option<f64>,
    /// Whether these are the dollars of a batch; whoever knows it sets it.
    #[serde(skip)]
    pub is_batch: bool,
}

/// Tokens of a usual answer: the analysis, and a finding now and then.
const USUAL_ANSWER: usize = 400;

/// A provider caches prefixes from this length on, in steps of 128 tokens.
const SHORTEST_CACHED: usize = 1024;

impl PlanReport {
    /// Sums up a plan. Without a model there are no requests. `second_look` is the price of its model, where there is to
    /// be one.
    pub fn new(
        plan: &Plan,
        coverage: Coverage,
        model: Option<&str>,
        price: Option<Price>,
        second_look: Option<Option<Price>>,
        max_output_tokens: usize,
    ) -> Self {
        let planned = |chunk: &crate::plan::Chunk| PlannedChunk {
            id: chunk.id,
            paths: plan.paths(chunk),
            changed_lines: plan.changed_lines(chunk),
            input_tokens: plan.input_tokens(chunk),
        };
        let chunks: Vec<PlannedChunk> =
            if model.is_some() { plan.chunks.iter().map(planned).collect() } else { Vec::new() };
        let requests = chunks.len() * plan.passes.len();
        let lenses: usize = plan.passes.iter().map(|pass| plan.lens_tokens(pass)).sum();
        let once = if model.is_some() { plan.tokens_of_a_pass() } else { 0 };
        let input_tokens = once * plan.passes.len() + lenses * chunks.len();
        let cached = match plan.prefix_tokens() / 128 * 128 {
            prefix if prefix >= SHORTEST_CACHED => prefix * requests.saturating_sub(1),
            _ => 0,
        };
        let usd = |cached: usize, output: usize| match price {
            Some(price) => Some(cost_usd(&usage(input_tokens, cached, output), &price)),
            None if requests == 0 => Some(0.0),
            None => None,
        };
        let most = max_output_tokens * requests;
        let look = match second_look {
            Some(price) if requests > 0 => {
                let share = plan.second_look(max_output_tokens);
                price.map(|price| cost_usd(&usage(share.input_tokens, 0, share.output_tokens), &price))
            }
            _ => Some(0.0),
        };
        PlanReport {
            schema: "prudence.plan/v1",
            model: model.map(str::to_owned),
            chunks,
            coverage,
            totals: Totals { requests, input_tokens, max_output_tokens: most },
            cost: PlannedCost {
                usd_expected: usd(cached, USUAL_ANSWER.min(max_output_tokens) * requests),
                usd_max: usd(0, most).zip(look).map(|(passes, look)| passes + look),
                limit_usd: None,
                is_batch: false,
            },
            shards: Vec::new(),
        }
    }

    /// Cuts the review into so many shards, or into as many as have something to send; one there is in any case.
    pub fn cut(&mut self, most: usize) {
        let count = most.min(self.chunks.len()).max(1);
        let passes = if self.chunks.is_empty() { 0 } else { self.totals.requests / self.chunks.len() };
        let planned = |shard: Shard| {
            let own = || self.chunks.iter().filter(move |chunk| shard.of_chunk(chunk.id) == shard);
            let changed_lines = own().map(|chunk| chunk.changed_lines).sum();
            PlannedShard { shard, requests: own().count() * passes, changed_lines }
        };
        self.shards = Shard::all(count).map(planned).collect();
    }

    /// The names of the shards, for a matrix.
    pub fn shard_names(&self) -> Vec<Shard> {
        self.shards.iter().map(|planned| planned.shard).collect()
    }

    /// The plan as a table for people.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        for chunk in &self.chunks {
            let lines = plural(chunk.changed_lines, "changed line");
            let paths = super::clean::terminal(&names(&chunk.paths));
            let _ = writeln!(
                out,
                "{:>4}  {:>7} tokens  {lines:>18}  {paths}",
                chunk.id,
                thousands(chunk.input_tokens as u64)
            );
        }
        let coverage = &self.coverage;
        for file in coverage.left_out() {
            let lines = plural(file.changed_lines, "changed line");
            let _ = writeln!(out, "skipped {} ({}, {lines})", super::clean::terminal(&file.path), file.reason);
        }
        for lines in &coverage.failed {
            let (path, reason) = (super::clean::terminal(&lines.path), super::clean::terminal(&lines.reason));
            let _ =
                writeln!(out, "cannot be reviewed: {path}, {}: {reason}", plural(lines.changed_lines, "changed line"));
        }
        let model = self.model.as_deref().unwrap_or("no model: built-in checks only");
        let total = format!(
            "{} to {}: {} tokens for {} of {}",
            plural(self.totals.requests, "request"),
            super::clean::terminal(model),
            thousands(self.totals.input_tokens as u64),
            coverage.changed_lines_reviewed,
            plural(coverage.changed_lines, "changed line"),
        );
        let _ = writeln!(out, "{}", paint(anstyle::Style::new().bold(), &total));
        if coverage.remembered() > 0 {
            let lines = plural(coverage.remembered(), "changed line");
            let _ = writeln!(out, "{lines} reviewed before and not sent again; `--full` would");
        }
        let PlannedCost { usd_expected, usd_max, limit_usd, is_batch } = self.cost;
        let batch = if is_batch { ", at the price of a batch" } else { "" };
        let _ = writeln!(out, "expected {}, at most {}{batch}", dollars(usd_expected), dollars(usd_max));
        if let (Some(expected), Some(limit)) = (usd_expected, limit_usd.filter(|limit| usd_max > Some(*limit))) {
            let verb = if expected > limit { "will" } else { "may" };
            let limit = dollars(Some(limit));
            let _ =
                writeln!(out, "the limit of {limit} {verb} end the review before its end; raise it with `--max-cost`");
        }
        for PlannedShard { shard, requests, changed_lines } in &self.shards {
            let lines = plural(*changed_lines, "changed line");
            let _ = writeln!(out, "shard {shard}: {} for {lines}", plural(*requests, "request"));
        }
        out
    }
}

fn usage(input: usize, cached: usize, output: usize) -> Usage {
    Usage {
        input_tokens: input as u64,
        cached_input_tokens: cached as u64,
        output_tokens: output as u64,
        ..Usage::default()
    }
}

fn names(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = paths.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN { format!("{shown} and {} more", paths.len() - SHOWN) } else { shown }
}
