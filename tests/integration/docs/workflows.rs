//! The workflows and jobs of the documents. `scripts/lint` holds each against its schema, and `act` and `gitlab-ci-local` run those of
//! the README.

use super::{blocks, blocks_of, read};
use crate::support::document::check_block;

/// Lines with something in them, without their comments and the marks of lists.
fn lines(yaml: &str) -> Vec<&str> {
    let without_comment = |line| str::split(line, " #").next().unwrap_or_default().trim_end();
    let bare = |line| str::trim_start_matches(str::trim_start(without_comment(line)), "- ");
    yaml.lines().map(bare).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What people paste is a part of what `prudence init` writes, so that one test of it holds for both.
#[test]
fn the_workflow_of_the_readme_is_a_part_of_the_one_of_init() {
    let template = read("templates/github/prudence.yml");
    let workflows: Vec<String> =
        blocks("README.md").into_iter().filter(|block| block.info == "yaml").map(|block| block.text).collect();
    assert_eq!(workflows.len(), 1);
    let mut rest = lines(&template).into_iter();
    for line in lines(&workflows[0]) {
        assert!(rest.any(|other| other == line), "`{line}` stands not, or elsewhere, in the template");
    }
}

#[test]
fn the_workflow_of_the_book_is_the_one_of_init() {
    check_block("docs/github.md", "yaml", &read("templates/github/prudence.yml"));
}

/// The inputs that steps and jobs of the documents give are there.
#[test]
fn every_input_is_one_of_the_action() {
    let action = read("action.yml");
    for block in [blocks_of("yaml"), blocks_of("yaml step")].concat() {
        let mut is_ours = false;
        for line in block.text.lines() {
            if line.contains("uses: ") {
                is_ours = line.contains("prudence-review/prudence@");
            }
            let indent = line.len() - line.trim_start().len();
            let key = line.trim().split(':').next().unwrap_or_default();
            if is_ours
                && indent == 10
                && !key.starts_with('#')
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            {
                assert!(action.contains(&format!("\n  {key}:\n")), "{}: the action has no input `{key}`", block.place);
            }
        }
    }
}
