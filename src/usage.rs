//! Tokens, prices and cost.
