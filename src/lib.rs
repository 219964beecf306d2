//! Prudence, a code reviewer for CI.
#![warn(missing_docs)]

pub mod checks;
pub mod cli;
pub mod config;
pub mod console;
pub mod deliver;
pub mod diff;
pub mod findings;
pub mod forge;
pub mod git;
pub mod llm;
pub mod plan;
pub mod prompt;
pub mod redact;
pub mod report;
pub mod review;
pub mod run;
pub mod secret;
pub mod severity;
pub mod source;
pub mod status;
pub mod usage;
