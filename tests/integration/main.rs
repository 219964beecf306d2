//! The program from outside, against doubles of the services it talks to.

mod checks;
mod doubles;
mod local;
mod patch;
mod plan;
mod report;
mod support;
