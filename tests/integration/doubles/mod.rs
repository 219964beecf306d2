//! The doubles' own tests: they refuse what the services refuse, and the harness is as strict as a runner.

mod events;
mod github;
mod github_days;
mod gitlab;
mod gitlab_days;
mod gitlab_notes;
mod graphql;
mod harness;
mod openai;
mod python_gitlab;
