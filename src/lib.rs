//! Prudence, a code reviewer for CI.
//!
//! This page is the architecture: how a change flows through the program, which module has what, and what always holds. What
//! users may rely on stands in the book (`docs/`), how to work on the program in `.github/CONTRIBUTING.md`.
//!
//! # The way of a change
//!
//! A change flows through the program once, from left to right; effects (network, git, disk, clock, environment) stand at
//! the two ends and in [`llm`], and every step between them is a function of values.
//!
//! ```text
//! cli + environment + file ─► Config
//!                               │
//!    forge ──┐                  ▼
//!    git   ──┼► source ► Change ─► filter ─► checks ─► redact ─► memory ─► Plan
//!    patch ──┘                                              (`plan` stops here)
//!                                                                             │
//!    deliver ◄─ Report ◄─ findings::judge ◄─ verify ◄─ gather ◄─ review ◄─────┘
//!       │      (settle with what stands)        │   (anchor, votes)  │
//!       │                                       └── llm::Client, cache or tape
//!       ├► request: one review, one summary, threads that end
//!       ├► annotations, step summary, check run
//!       └► terminal, Markdown, JSON ► exit code
//! ```
//!
//! [`run`] is the table of contents: the pipeline, top to bottom.
//!
//! # A request over time
//!
//! What a run leaves for the next one stands on the request itself: the comments, each with the fingerprint of its finding,
//! and the [`marks::State`] at the end of the summary comment. [`memory`] in it has hashes of what was reviewed, so that
//! only new code is sent; [`findings::standing`] reads what stands and looks for its code in the present change; and
//! [`findings::judge`] says which findings are new, stand, ended or came back. State and comments count only when the
//! identity that posts wrote them.
//!
//! # Layers
//!
//! A module imports only from modules to its left, so that what it needs can be read in this order:
//!
//! ```text
//! day diff meaning random screen secret severity shard status stop syntax text usage → words → checks config git memory order
//!   prompt → cache cli llm marks plan redact → forge review → findings → report → console page → review_page source → deliver
//!   hear tree → context setup trivial → doctor init ledger obey orientation verify → prepare → assemble → examine output → batch
//!   cost eval publish → run
//! ```
//!
//! Who wants to import from the right has a type that lives too far right: it moves left, or the value is handed in.
//!
//! Four types stand for the stages, and each can only be made from the one before: a [`diff::Diff`] is what changed, a
//! [`plan::Plan`] what is asked about it, a [`review::schema::Draft`] what was said, and a [`findings::Finding`] what holds.
//! A [`report::Report`] has all of it, with what went wrong; only then anything is written or posted.
//!
//! # Modules
//!
//! | module | what it has |
//! |---|---|
//! | [`diff`] | the one diff model; [`diff::parse`](mod@diff::parse) reads it, [`diff::filter`] decides what is left out |
//! | [`git`] | local git through libgit2: which change, files at a revision |
//! | [`forge`] | code hosts, GitHub and GitLab: where a request comes from and where its review goes |
//! | [`source`], [`setup`] | which change is meant, getting it, and all that is known before it is looked into |
//! | [`order`], [`hear`], [`obey`] | commands that people write on a request, and doing them |
//! | [`prepare`], [`assemble`] | change → plan, and parts → report |
//! | [`config`], [`cli`] | flags, environment and file, resolved to a [`config::Config`] without defaults left |
//! | [`checks`] | findings that need no model |
//! | [`text`] | text that is not ours, on one line or in a fence |
//! | [`words`] | the fixed phrases of what is posted, in the languages that have a file |
//! | [`redact`] | secrets out of everything that is sent or shown |
//! | [`orientation`] | what the model is told beside the change: why it was made, what was said of it, the team's guides |
//! | [`prompt`] | the templates of `prompts/` |
//! | [`memory`] | which parts of a change were reviewed before |
//! | [`tree`] | the files of the repository as the change leaves them |
//! | [`syntax`] | what a grammar knows of a file: definitions, imports, calls, and whether it parses |
//! | [`trivial`] | hunks that need no reviewer |
//! | [`context`] | code beyond the hunk that a reader needs: the enclosing function, definitions, callers |
//! | [`plan`] | chunks under a token budget, and what they cost |
//! | [`usage`] | tokens, prices, and the meter that stops before the limit |
//! | [`llm`] | the model client: the one place where requests to a model are made |
//! | [`cache`] | answers of the model by what was asked |
//! | [`review`] | asks about every chunk; [`review::schema`] is the answer's schema and its one parser |
//! | [`verify`] | the second look: a sceptic with evidence, and tools that read the repository |
//! | [`examine`] | asking, looking again and judging, the same for a request and for a case of `eval` |
//! | [`batch`] | the requests of a review as files, and sending them at half the price |
//! | [`eval`] | what a review is worth, on changes with known defects |
//! | [`ledger`] | a line for each run that asked a model |
//! | [`cost`] | what runs cost, summed up from ledgers |
//! | [`page`] | pages that need nothing else, their plots, and tables for any format |
//! | [`day`] | days and points in time in UTC |
//! | [`random`] | numbers that look random and are always the same |
//! | [`meaning`] | whether two remarks mean the same, by their words |
//! | [`findings`] | from what was said to what holds: [`findings::anchor`] is the only way from a draft to a finding |
//! | [`report`] | `prudence.review/v1` and its renderings |
//! | [`review_page`] | a review as a page |
//! | [`marks`] | how the bot knows its own comments again, and what it remembers of a request |
//! | [`deliver`] | the best channel that the token allows, and what is written to a request |
//! | [`publish`] | delivers a report of another job, and trusts nothing in it |
//! | [`init`] | the workflows and the configuration that `prudence init` writes |
//! | [`doctor`] | whether a review would work, before it is tried |
//! | [`stop`] | ending early in order: signals |
//! | [`output`], [`console`], [`status`] | standard output and files, standard error, exit codes |
//!
//! # What always holds
//!
//! 1. Every changed line ends in exactly one of reviewed, skipped (with a reason) and failed (with a reason), and the
//!    report says which.
//! 2. A [`findings::Finding`] exists only for lines that the diff has. What the model said is a
//!    [`review::schema::Draft`]; one that cannot be placed is counted and listed.
//! 3. Money spent is counted from what the API reports, failed and repeated requests included, and never passes the limit.
//! 4. Local git is not a forge. A forge gets finished text and knows nothing of findings; a renderer knows nothing of HTTP.
//! 5. Publishing twice changes nothing. A comment that a person may have answered is never touched.
//! 6. Text from the change, the request, the repository and the model is data: never an instruction to the program, never
//!    a workflow command, never unescaped in a comment.
//! 7. In CI, configuration comes from the base commit. Code under review is read, never executed.
//! 8. No secret is printed, logged or put in an error ([`secret::Secret`]).
//! 9. Where something could not be done, the result says so; unknown is not zero. A failure is a value in the report, and
//!    decides the exit code ([`status::Exit`]).
#![warn(missing_docs)]

pub mod assemble;
pub mod batch;
pub mod cache;
pub mod checks;
pub mod cli;
pub mod config;
pub mod console;
pub mod context;
pub mod cost;
pub mod day;
pub mod deliver;
pub mod diff;
pub mod doctor;
pub mod eval;
pub mod examine;
pub mod findings;
pub mod forge;
pub mod git;
#[cfg(test)]
mod growth;
pub mod hear;
pub mod init;
pub mod ledger;
pub mod llm;
pub mod marks;
pub mod meaning;
pub mod memory;
pub mod obey;
pub mod order;
pub mod orientation;
pub mod output;
pub mod page;
pub mod plan;
pub mod prepare;
pub mod prompt;
pub mod publish;
pub mod random;
pub mod redact;
pub mod report;
pub mod review;
pub mod review_page;
pub mod run;
pub mod screen;
pub mod secret;
pub mod setup;
pub mod severity;
pub mod shard;
pub mod source;
pub mod status;
pub mod stop;
pub mod syntax;
pub mod text;
pub mod tree;
pub mod trivial;
pub mod usage;
pub mod verify;
pub mod words;
