//! What is written from the program: the table of settings, the schema, and the messages that the book explains.
//! `PRUDENCE_WRITE_DOCS=1` writes them anew.

use prudence::config::keys::{self, Key, Kind};

use super::read;
use crate::support::document::{check_part, check_written, source};
use crate::support::program::Prudence;

fn table(keys: &[&Key], is_top: bool) -> String {
    let mut out = match is_top {
        true => {
            "| key | takes | default | flag | variable | action input | what it does |\n|---|---|---|---|---|---|---|\n"
        }
        false => "| key | takes | default | what it does |\n|---|---|---|---|\n",
    }
    .to_owned();
    for key in keys {
        let takes = key.kind.expected().replace('|', "\\|");
        let default = key.default.map(|default| format!("`{default}`")).unwrap_or_default();
        let code = |text: Option<String>| text.map(|text| format!("`{text}`")).unwrap_or_default();
        let flag = code(key.flag.map(str::to_owned));
        let input = code(key.input.map(str::to_owned));
        let has_variable = !matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Named(_) | Kind::Checks);
        let variable = has_variable.then(|| format!("PRUDENCE_{}", key.name.to_uppercase().replace('-', "_")));
        let about = key.about;
        out += &match is_top {
            true => {
                format!("| `{}` | {takes} | {default} | {flag} | {} | {input} | {about} |\n", key.name, code(variable))
            }
            false => format!("| `{}` | {takes} | {default} | {about} |\n", key.name),
        };
    }
    out
}

#[test]
fn the_settings_of_the_book_are_those_of_the_program() {
    let text = format!(
        "{}\n### In `[skip]`\n\n{}\n### In each `[[paths]]`\n\n{}\n### In each `[prices.\"NAME\"]`\n\nDollars for a million tokens.\n\n{}",
        table(keys::ALL, true),
        table(keys::SKIP_KEYS, false),
        table(keys::PATHS_KEYS, false),
        table(keys::PRICES_KEYS, false),
    );
    check_part("docs/configuration.md", "keys", &text);
}

#[test]
fn the_schema_that_editors_fetch_is_the_one_of_the_program() {
    let run = Prudence::new().args(["config", "--schema"]).run().expect_code(0);
    check_written("schema/prudence.json", &run.stdout);
    let id = run.json()["$id"].as_str().expect("an id").to_owned();
    assert!(id.ends_with("/prudence-review/prudence/main/schema/prudence.json"), "{id}");
}

#[test]
fn the_book_names_every_built_in_check() {
    let text = read("docs/checks.md");
    let run = Prudence::new().args(["config", "--schema"]).run().expect_code(0);
    let checks = run.json()["properties"]["checks"]["properties"].as_object().expect("checks").clone();
    for name in checks.keys() {
        assert!(text.contains(&format!("| `{name}` |")), "docs/checks.md does not tell of `{name}`");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("| `")).count(), checks.len());
}

/// All sources of the program, one behind the other.
fn sources() -> String {
    let (mut text, mut folders) = (String::new(), vec![source("src")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("sources") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                None => folders.push(path),
                Some(_) => text += &std::fs::read_to_string(&path).unwrap_or_default(),
            }
        }
    }
    text
}

/// Where a message changes, so does the section that explains it.
#[test]
fn every_message_that_the_book_explains_is_one_of_the_program() {
    let (text, sources) = (read("docs/troubleshooting.md"), sources());
    let messages: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(messages.len() >= 40, "only {} messages", messages.len());
    for message in messages {
        for part in message.split('…').map(|part| part.trim_start_matches('`').trim_end_matches('`')) {
            assert!(part.trim().len() < 3 || sources.contains(part.trim()), "no message has `{part}`: {message}");
        }
    }
}
