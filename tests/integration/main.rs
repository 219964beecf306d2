//! The program from outside, against doubles of the services it talks to.

mod doubles;
mod local;
mod report;
mod support;
