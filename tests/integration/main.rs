//! The program from outside, against doubles of the services it talks to.

mod actions;
mod cost;
mod delivery;
mod doubles;
mod github;
mod model;
mod real;
mod support;
