//! The doubles' own tests: they refuse what the services refuse, and the harness is as strict as a runner.

mod events;
mod github;
mod github_days;
mod gitlab;
mod graphql;
mod harness;
mod openai;
