//! The program from outside, against doubles of the services it talks to.

mod delivery;
mod doubles;
mod github;
mod support;
