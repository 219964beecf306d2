//! What people read: each command, workflow and configuration in it is run or checked, each link leads somewhere, and what is
//! written from the program is up to date.

mod commands;
mod configurations;
mod generated;
mod links;
mod translation;
mod workflows;

use crate::support::document::{read, source};

/// The documents that people read: the READMEs and the book.
fn documents() -> Vec<String> {
    let mut found: Vec<String> =
        ["README.md", "README.vi.md", "examples/demo/README.md", ".github/CONTRIBUTING.md", "SECURITY.md"]
            .map(str::to_owned)
            .into();
    found.extend(chapters().iter().map(|name| format!("docs/{name}")));
    found
}

/// The files of the book.
fn chapters() -> Vec<String> {
    let entries = std::fs::read_dir(source("docs")).expect("the book");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    names.sort();
    names
}

/// A block of code.
#[derive(Clone)]
struct Block {
    /// The document, and the line where it begins: for messages.
    place: String,
    /// What stands behind its fence.
    info: String,
    text: String,
}

/// The blocks of code of a document.
fn blocks(document: &str) -> Vec<Block> {
    let text = read(document);
    let mut found: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (index, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_inside => is_inside = false,
            Some(info) => {
                is_inside = true;
                let place = format!("{document}:{}", index + 1);
                found.push(Block { place, info: info.to_owned(), text: String::new() });
            }
            None if is_inside => found.last_mut().expect("a block").text += &format!("{line}\n"),
            None => {}
        }
    }
    assert!(!is_inside, "{document} has a fence that does not end");
    found
}

/// All blocks of a kind.
fn blocks_of(info: &str) -> Vec<Block> {
    documents().iter().flat_map(|document| blocks(document)).filter(|block| block.info == info).collect()
}

/// A block of another kind would be checked by nobody.
#[test]
fn every_block_is_of_a_kind_that_is_checked() {
    const KINDS: [&str; 7] = ["sh", "toml", "yaml", "yaml step", "yaml gitlab", "yaml pre-commit", "text"];
    for block in documents().iter().flat_map(|document| blocks(document)) {
        assert!(KINDS.contains(&block.info.as_str()), "{}: `{}` is none of {KINDS:?}", block.place, block.info);
        let is_hidden = block.info == "text" && block.text.lines().any(|line| line.starts_with("prudence "));
        assert!(!is_hidden, "{}: commands stand in a block `sh`", block.place);
    }
}
