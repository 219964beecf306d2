//! What models cost and what they take: a table with its date, and the user's own prices above it.

use std::collections::BTreeMap;

use super::Usage;

/// The day on which the embedded prices were read.
pub const PRICED_ON: &str = "2026-11-22";

/// Dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Input tokens.
    pub input: f64,
    /// Input tokens that the provider had in its cache.
    pub cached_input: f64,
    /// Output tokens, reasoning included.
    pub output: f64,
}

impl Price {
    /// A price; without one for cached input, all input costs the same.
    pub fn new(input: f64, cached_input: Option<f64>, output: f64) -> Price {
        Price { input, cached_input: cached_input.unwrap_or(input), output }
    }

    fn part(self, part: f64) -> Price {
        Price { input: self.input * part, cached_input: self.cached_input * part, output: self.output * part }
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// The name without a snapshot's date.
    pub name: &'static str,
    /// The price of the standard tier.
    pub price: Price,
    /// Tokens that prompt and answer may have together.
    pub context_tokens: u64,
    /// Tokens that an answer may have, reasoning included.
    pub max_output_tokens: u32,
    /// Whether it thinks before it answers; such models accept no temperature.
    pub reasoning: bool,
}

/// One row of the table: name; dollars for input, cached input, output; context and output tokens; reasoning.
const fn row(name: &'static str, usd: (f64, f64, f64), tokens: (u64, u32), reasoning: bool) -> Model {
    let price = Price { input: usd.0, cached_input: usd.1, output: usd.2 };
    Model { name, price, context_tokens: tokens.0, max_output_tokens: tokens.1, reasoning }
}

/// OpenAI's public list. Left out because prompts here stay far below, or because no answer reports it: twice the input
/// price for prompts over 272k tokens (gpt-5.4 and later), and a quarter more for cache writes (gpt-5.6 and later).
const MODELS: &[Model] = &[
    row("gpt-4o-mini", (0.15, 0.075, 0.60), (128_000, 16_384), false),
    row("gpt-4o", (2.50, 1.25, 10.00), (128_000, 16_384), false),
    row("gpt-4.1", (2.00, 0.50, 8.00), (1_047_576, 32_768), false),
    row("gpt-4.1-mini", (0.40, 0.10, 1.60), (1_047_576, 32_768), false),
    row("gpt-4.1-nano", (0.10, 0.025, 0.40), (1_047_576, 32_768), false),
    row("gpt-5", (1.25, 0.125, 10.00), (400_000, 128_000), true),
    row("gpt-5-mini", (0.25, 0.025, 2.00), (400_000, 128_000), true),
    row("gpt-5-nano", (0.05, 0.005, 0.40), (400_000, 128_000), true),
    row("gpt-5.1", (1.25, 0.125, 10.00), (400_000, 128_000), true),
    row("gpt-5.2", (1.75, 0.175, 14.00), (400_000, 128_000), true),
    row("gpt-5.4", (2.50, 0.25, 15.00), (1_050_000, 128_000), true),
    row("gpt-5.4-mini", (0.75, 0.075, 4.50), (400_000, 128_000), true),
    row("gpt-5.4-nano", (0.20, 0.02, 1.25), (400_000, 128_000), true),
    row("gpt-5.5", (5.00, 0.50, 30.00), (1_050_000, 128_000), true),
    row("gpt-5.6", (4.00, 0.40, 20.00), (1_050_000, 128_000), true),
    row("gpt-5.6-sol", (4.00, 0.40, 20.00), (1_050_000, 128_000), true),
    row("gpt-5.6-terra", (2.00, 0.20, 12.00), (1_050_000, 128_000), true),
    row("gpt-5.6-luna", (0.20, 0.02, 1.20), (1_050_000, 128_000), true),
    row("gpt-6-sol", (2.00, 0.20, 10.00), (1_050_000, 128_000), true),
    row("gpt-6-luna", (0.10, 0.01, 0.50), (1_050_000, 128_000), true),
    row("gpt-6-astra", (10.00, 1.00, 50.00), (1_050_000, 128_000), true),
    row("gpt-6.1-sol", (2.00, 0.10, 10.00), (1_050_000, 128_000), true),
    row("gpt-6.1-terra", (1.00, 0.05, 5.00), (1_050_000, 128_000), true),
    row("o3", (2.00, 0.50, 8.00), (200_000, 100_000), true),
    row("o3-mini", (1.10, 0.55, 4.40), (200_000, 100_000), true),
    row("o4-mini", (1.10, 0.275, 4.40), (200_000, 100_000), true),
    // embeddings: nothing is written, and nothing cached
    row("text-embedding-3-small", (0.02, 0.02, 0.0), (8_191, 0), false),
    row("text-embedding-3-large", (0.13, 0.13, 0.0), (8_191, 0), false),
];

/// Tokens that an answer of the model `name` may have: what is wanted, or what the model can give where that is less.
pub fn output_limit(name: &str, wanted: u32) -> u32 {
    model(name).map_or(wanted, |model| model.max_output_tokens.min(wanted))
}

/// What is known of the model `name`; a dated snapshot (`gpt-4o-mini-2024-07-18`) is the model it is one of.
pub fn model(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| names(model.name, name))
}

/// Whether `name` is `known` or a dated snapshot of it. `gpt-4o-mini` is no snapshot of `gpt-4o`: it has no date.
fn names(known: &str, name: &str) -> bool {
    name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || is_date(rest))
}

/// Whether `text` is `-YYYY`, with or without month and day.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    parts.next() == Some("")
        && parts.next().is_some_and(|year| is_digits(year, 4))
        && parts.all(|month_or_day| is_digits(month_or_day, 2))
}

/// The user's prices above the embedded ones.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    own: BTreeMap<String, Price>,
    /// Whether the embedded ones are those of a batch.
    is_batch: bool,
}

/// The part of the usual price that OpenAI takes for what is asked in a batch.
const BATCH: f64 = 0.5;

impl Prices {
    /// Prices by model name; they win over the embedded table.
    pub fn new(overrides: impl IntoIterator<Item = (String, Price)>) -> Prices {
        Prices { own: overrides.into_iter().collect(), is_batch: false }
    }

    /// The same for what is asked in a batch. The user's own prices are what the user pays, and stay.
    pub fn of_batch(self) -> Prices {
        Prices { is_batch: true, ..self }
    }

    /// The price of `name`: the user's for this name, else the user's for the model it is a snapshot of, else the
    /// embedded one. `None` where it is not known, which is not the same as free.
    pub fn get(&self, name: &str) -> Option<Price> {
        let own = |(known, price): (&String, &Price)| names(known, name).then_some(*price);
        let part = if self.is_batch { BATCH } else { 1.0 };
        let embedded = || model(name).map(|model| model.price.part(part));
        self.own.get(name).copied().or_else(|| self.own.iter().find_map(own)).or_else(embedded)
    }
}

/// The dollars that `usage` costs: cached input is part of the input, reasoning part of the output.
pub fn cost_usd(usage: &Usage, price: &Price) -> f64 {
    let cached = usage.cached_input_tokens.min(usage.input_tokens);
    let fresh = usage.input_tokens - cached;
    (fresh as f64 * price.input + cached as f64 * price.cached_input + usage.output_tokens as f64 * price.output) / 1e6
}

/// The dollars that the provider's cache saved of `usage`: what its cached input would have cost more.
pub fn saved_usd(usage: &Usage, price: &Price) -> f64 {
    let cached = usage.cached_input_tokens.min(usage.input_tokens);
    cached as f64 * (price.input - price.cached_input) / 1e6
}

#[cfg(test)]
mod tests {
    use super::{Price, Prices, cost_usd, model, saved_usd};
    use crate::usage::Usage;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(model(name).map(|m| m.name), expected, "{name}");
    }

    #[test]
    fn a_snapshot_is_its_model_and_nothing_else_is() {
        check("gpt-4o-mini", Some("gpt-4o-mini"));
        check("gpt-4o-mini-2024-07-18", Some("gpt-4o-mini"));
        check("gpt-4o-2024-08-06", Some("gpt-4o"));
        check("gpt-4o-2024", Some("gpt-4o"));
        check("gpt-5.6-sol-2026-07-10", Some("gpt-5.6-sol"));
        check("gpt-4o-audio", None);
        check("gpt-4o-2024-08-06-ft", None);
        check("gpt-4o20240806", None);
        check("gpt-4o-", None);
        check("gpt-4o-mini-mini", None);
        check("ft:gpt-4o-mini", None);
        check("llama3", None);
        check("", None);
    }

    #[test]
    fn own_prices_win() {
        let prices = Prices::new([
            ("gpt-4o-mini".to_owned(), Price::new(1.0, None, 2.0)),
            ("my-model".to_owned(), Price::new(3.0, Some(0.3), 4.0)),
        ]);
        assert_eq!(prices.get("gpt-4o-mini"), Some(Price { input: 1.0, cached_input: 1.0, output: 2.0 }));
        assert_eq!(prices.get("gpt-4o-mini-2024-07-18").unwrap().input, 1.0);
        assert_eq!(prices.get("my-model").unwrap().cached_input, 0.3);
        assert_eq!(prices.get("gpt-4o").unwrap().input, 2.5);
        assert_eq!(prices.get("other"), None);
    }

    #[test]
    fn a_batch_costs_half_of_the_table_and_what_the_user_says() {
        let prices = Prices::new([("mine".to_owned(), Price::new(3.0, Some(0.3), 4.0))]).of_batch();
        assert_eq!(prices.get("gpt-4o-mini"), Some(Price { input: 0.075, cached_input: 0.0375, output: 0.3 }));
        assert_eq!(prices.get("mine"), Some(Price { input: 3.0, cached_input: 0.3, output: 4.0 }));
        assert_eq!(prices.get("other"), None);
    }

    #[test]
    fn cached_input_is_part_of_the_input() {
        let price = Price::new(1.0, Some(0.5), 10.0);
        let cost = |input_tokens, cached_input_tokens, output_tokens| {
            let usage = Usage {
                input_tokens,
                cached_input_tokens,
                output_tokens,
                reasoning_tokens: output_tokens,
                ..Usage::default()
            };
            (cost_usd(&usage, &price) * 1e6).round()
        };
        assert_eq!(cost(0, 0, 0), 0.0);
        assert_eq!(cost(1000, 0, 0), 1000.0);
        assert_eq!(cost(1000, 400, 0), 800.0);
        assert_eq!(cost(1000, 2000, 0), 500.0, "a server that reports more cached than read");
        assert_eq!(cost(0, 0, 100), 1000.0, "reasoning is not paid twice");
    }
    #[test]
    fn what_caching_saved_is_what_it_would_have_cost_more() {
        let price = Price::new(1.0, Some(0.25), 10.0);
        for (cached_input_tokens, expected) in [(0, 0.0), (400, 300.0), (1000, 750.0), (2000, 750.0)] {
            let usage = Usage { input_tokens: 1000, cached_input_tokens, output_tokens: 7, ..Usage::default() };
            assert_eq!((saved_usd(&usage, &price) * 1e6).round(), expected);
            let fresh = Usage { cached_input_tokens: 0, ..usage };
            assert!((cost_usd(&usage, &price) + saved_usd(&usage, &price) - cost_usd(&fresh, &price)).abs() < 1e-12);
        }
        let usage = Usage { input_tokens: 9, cached_input_tokens: 9, ..Usage::default() };
        assert_eq!(saved_usd(&usage, &Price::new(1.0, None, 1.0)), 0.0, "a price of its own saves; none does not");
    }
}
