//! `.env` files with values in them.

use super::{Found, added, is_word};
use crate::diff::{FileDiff, FileStatus};
use crate::severity::{Category, Severity};
use crate::words::Words;

/// Endings of the files that are made to be committed.
const TEMPLATES: [&str; 8] = ["example", "sample", "template", "tmpl", "dist", "test", "defaults", "schema"];

pub(super) fn check(file: &FileDiff, words: &Words) -> Vec<Found> {
    let name = file.path().file_name();
    let is_new = matches!(file.status, FileStatus::Added | FileStatus::Renamed | FileStatus::Copied);
    if !is_new || !is_env_file(name) {
        return Vec::new();
    }
    let first = added(file).find(|(_, line)| sets_a_value(line.bytes()));
    let hit = first.map(|(at, _)| Found {
        at,
        severity: Severity::Major,
        category: Category::Security,
        title: words.env_file_title.to_string(),
        body: words.env_file_body.to_string(),
        suggestion: None,
    });
    hit.into_iter().collect()
}

fn is_env_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix(".env") {
        Some("") => true,
        Some(rest) => rest.starts_with('.') && !rest.split('.').any(|part| TEMPLATES.contains(&part)),
        None => false,
    }
}

/// Whether the line is `NAME=value` with a value.
fn sets_a_value(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let name = line.iter().take_while(|&&byte| is_word(byte)).count();
    let Some(value) = line[name..].trim_ascii_start().strip_prefix(b"=") else { return false };
    let is_set = value.trim_ascii().first().is_some_and(|byte| *byte != b'#');
    name > 0 && is_set && !matches!(value.trim_ascii(), b"\"\"" | b"''")
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::check;
    use crate::words::Words;

    const RULE: &str = "env-files";

    #[test]
    fn files_with_values() {
        check(RULE, ".env", "# settings\n\nNAME=value\nOTHER=1\n", &[3]);
        check(RULE, "app/.env.local", "export A=1\r\n", &[1]);
        check(RULE, ".env.production", "A = \"x\"\n", &[1]);
    }

    #[test]
    fn files_without_values() {
        check(RULE, ".env", "# A=1\nA=\nB=\"\"\nC= # none\n", &[]);
    }

    #[test]
    fn templates_and_other_files() {
        for path in [
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.dist",
            ".env.test",
            ".env.local.example",
            ".envrc",
            "a.env.ts",
        ] {
            check(RULE, path, "A=1\n", &[]);
        }
    }

    #[test]
    fn a_file_that_was_there_before() {
        let diff = "--- a/.env\n+++ b/.env\n@@ -1,1 +1,2 @@\n A=1\n+B=2\n";
        assert_eq!(crate::checks::run(&crate::diff::parse(diff).unwrap(), |rule| rule == RULE, Words::english()), []);
    }
}
