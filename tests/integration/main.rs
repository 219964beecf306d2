//! The program from outside, against doubles of the services it talks to.

mod access;
mod actions;
mod attacks;
mod bad_input;
#[cfg(unix)] // with a shell
mod batch;
mod cache;
mod checks;
mod config;
mod cost;
mod delivery;
mod demo;
mod docs;
mod doctor;
mod doubles;
mod eval;
mod eval_damage;
mod eval_diffs;
mod eval_shipped;
mod formats;
mod fuzz;
mod github;
mod gitlab;
mod gitlab_template;
#[cfg(unix)] // a configuration that runs `touch`
mod hostile;
#[cfg(unix)] // a repository that belongs to somebody else
mod image;
mod init;
#[cfg(unix)] // with stand-ins that are scripts
mod install;
mod ledger;
mod life;
mod local;
mod matrix;
mod model;
mod network;
mod orientation;
mod page;
mod passes;
mod patch;
mod plan;
#[cfg(unix)] // by scripts
mod pre_commit;
mod properties;
mod publish;
mod real;
#[cfg(unix)] // by scripts
mod release;
mod report;
#[cfg(unix)] // by scripts
mod scripts;
mod secrets;
mod shards;
mod soak;
#[cfg(unix)]
mod stopping;
mod support;
mod terminal;
