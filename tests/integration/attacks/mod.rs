//! Hostile words: every text of `tests/fixtures/attacks` goes through the whole program, and nothing of it acts where it
//! comes out: on the hosts, in the logs, or in what the model is told.

mod answers;
mod corpus;
mod judge;
