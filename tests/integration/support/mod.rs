//! What the tests stand on: doubles of the services, repositories, the runner's environment, the program.
#![allow(dead_code, unused_imports, reason = "each helper is used by some of the test files")]

pub mod actions;
pub mod change;
pub mod client;
pub mod document;
pub mod event;
pub mod fault;
pub mod github;
pub mod gitlab;
pub mod gitlab_ci;
pub mod merge;
pub mod openai;
pub mod openapi;
pub mod page;
pub mod phrases;
pub mod program;
pub mod pull;
pub mod python_gitlab;
pub mod repo;
pub mod review;
pub mod server;
pub mod sha1;
