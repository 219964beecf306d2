//! Tokens, prices and cost.

mod meter;
mod price;

use std::ops::{Add, AddAssign};

pub use meter::{Meter, OverLimit, Reservation, Spent};
pub use price::{Model, PRICED_ON, Price, Prices, cost_usd, model, output_limit, saved_usd};

/// What was asked of the model servers and what they say it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// HTTP requests that were sent, repeats included.
    pub requests: u64,
    /// The repeats among them.
    pub retries: u64,
    /// Tokens of the prompts, those from the provider's cache included.
    pub input_tokens: u64,
    /// Tokens of the prompts that the provider had in its cache.
    pub cached_input_tokens: u64,
    /// Tokens of the answers, reasoning included.
    pub output_tokens: u64,
    /// Tokens of the answers that the model thought and did not show.
    pub reasoning_tokens: u64,
}

impl Add for Usage {
    type Output = Usage;

    /// Sums stop at the highest number instead of wrapping: the numbers are a server's.
    fn add(self, other: Usage) -> Usage {
        Usage {
            requests: self.requests.saturating_add(other.requests),
            retries: self.retries.saturating_add(other.retries),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(other.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Usage>>(usages: I) -> Usage {
        usages.fold(Usage::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn json_keeps_the_order_of_the_interface() {
        let usage = Usage {
            requests: 3,
            retries: 1,
            input_tokens: 9,
            cached_input_tokens: 2,
            output_tokens: 7,
            reasoning_tokens: 4,
        };
        assert_eq!(
            serde_json::to_string(&usage).unwrap(),
            r#"{"requests":3,"retries":1,"input_tokens":9,"cached_input_tokens":2,"output_tokens":7,"reasoning_tokens":4}"#
        );
    }

    #[test]
    fn sums_do_not_wrap() {
        let usage = Usage { input_tokens: u64::MAX, requests: 1, ..Usage::default() };
        let sum: Usage = [usage, usage].into_iter().sum();
        assert_eq!((sum.input_tokens, sum.requests), (u64::MAX, 2));
    }
}
