//! The program from outside, against doubles of the services it talks to.

mod bad_input;
mod checks;
mod config;
mod doubles;
mod eval_diffs;
mod local;
mod patch;
mod plan;
mod properties;
mod report;
mod support;
