//! The fixed phrases of what is posted. Each language is one file of `templates/phrases`.

mod note;
mod phrase;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use toml::Table;

use crate::severity::{Category, Severity};

pub use note::Note;
pub use phrase::{Counted, Phrase};

/// The languages that have a file. English is the first.
static LANGUAGES: [Language; 2] = [
    Language::new("en", include_str!("../../templates/phrases/en.toml")),
    Language::new("vi", include_str!("../../templates/phrases/vi.toml")),
];

/// A language, whose file is read when it is first asked for.
struct Language {
    tag: &'static str,
    text: &'static str,
    words: OnceLock<Words>,
}

impl Language {
    const fn new(tag: &'static str, text: &'static str) -> Language {
        Language { tag, text, words: OnceLock::new() }
    }

    fn words(&self) -> &Words {
        self.words.get_or_init(|| load(LANGUAGES[0].text, self.text).expect("a tested file"))
    }
}

/// The phrases of a language: the names are the keys of its file.
// no `PartialEq`, which would read all fields: one that nothing reads is a warning of the compiler
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Words {
    pub(crate) findings: Counted,
    pub(crate) changed_lines: Counted,
    pub(crate) files: Counted,
    pub(crate) comments: Counted,
    pub(crate) requests: Counted,

    pub(crate) nothing_to_review: Phrase,
    pub(crate) nothing_new: Phrase,
    pub(crate) complete: Phrase,
    pub(crate) complete_with_earlier: Phrase,
    pub(crate) checks_complete: Phrase,
    pub(crate) incomplete: Phrase,
    pub(crate) nothing_seen: Phrase,
    pub(crate) no_findings: Phrase,
    pub(crate) findings_in_detail: Phrase,
    pub(crate) posted_before: Phrase,

    pub(crate) is_closed: Phrase,
    pub(crate) is_paused: Phrase,
    pub(crate) request_skipped: Phrase,
    pub(crate) is_draft: Phrase,
    pub(crate) is_by_bot: Phrase,
    pub(crate) has_label: Phrase,
    pub(crate) says_word: Phrase,

    pub(crate) suggested: Phrase,
    pub(crate) before_the_change: Phrase,
    pub(crate) line_before_the_change: Phrase,
    pub(crate) no_details: Phrase,
    pub(crate) cut: Phrase,

    pub(crate) review_comments: Phrase,
    pub(crate) review_asks: Phrase,
    pub(crate) findings_gone: Phrase,
    pub(crate) outdated: Phrase,

    pub(crate) in_new_code: Phrase,
    pub(crate) severity_columns: [String; 2],
    pub(crate) not_placed: Phrase,
    pub(crate) coverage: Phrase,
    pub(crate) reviewed: Phrase,
    pub(crate) reviewed_before: Phrase,
    pub(crate) elsewhere: Phrase,
    pub(crate) skipped: Phrase,
    pub(crate) failed: Phrase,
    pub(crate) not_reviewed: Phrase,
    pub(crate) place_line: Phrase,
    pub(crate) place_lines: Phrase,
    pub(crate) place_file: Phrase,
    pub(crate) line_cut: Phrase,
    pub(crate) over_limit: Counted,
    pub(crate) posted_earlier: Counted,
    pub(crate) dropped: Counted,
    pub(crate) files_skipped: Counted,
    pub(crate) not_reported: Phrase,
    pub(crate) not_reported_for: Phrase,
    pub(crate) and_more: Phrase,
    pub(crate) list_left_out: Phrase,
    pub(crate) more_left_out: Phrase,
    pub(crate) run: Phrase,
    pub(crate) paused: Phrase,
    pub(crate) not_reviewed_yet: Phrase,

    pub(crate) cost_columns: [String; 7],
    pub(crate) no_cost: Phrase,
    pub(crate) saved: Phrase,
    pub(crate) per_finding: Phrase,
    pub(crate) limit: Phrase,
    pub(crate) at_least: Phrase,
    pub(crate) price_unknown: Phrase,

    pub(crate) secrets_masked: Counted,
    pub(crate) from_cache: Counted,
    pub(crate) unconfirmed: Counted,
    pub(crate) estimated: Phrase,
    pub(crate) detour: Phrase,
    pub(crate) no_votes: Phrase,
    pub(crate) threads_unknown: Phrase,
    pub(crate) not_read_again: Phrase,
    pub(crate) head_moved: Phrase,
    pub(crate) held_back: Counted,
    pub(crate) no_line_comments: Phrase,
    pub(crate) comment_not_posted: Phrase,
    pub(crate) no_summary: Phrase,
    pub(crate) no_check_run: Phrase,
    pub(crate) in_annotations: Phrase,
    pub(crate) in_code_quality: Phrase,
    pub(crate) in_log: Phrase,
    pub(crate) double_not_removed: Phrase,
    pub(crate) review_not_dismissed: Phrase,
    pub(crate) thread_not_resolved: Phrase,
    pub(crate) not_marked_outdated: Phrase,
    pub(crate) thread_stays_closed: Phrase,

    pub(crate) help: Phrase,
    pub(crate) help_columns: [String; 2],

    pub(crate) orders_title: Phrase,
    pub(crate) orders_body: Phrase,
    pub(crate) env_file_title: Phrase,
    pub(crate) env_file_body: Phrase,
    pub(crate) conflict_title: Phrase,
    pub(crate) conflict_body: Phrase,
    pub(crate) debugger_title: Phrase,
    pub(crate) debugger_body: Phrase,
    pub(crate) debugger_prints: Phrase,
    pub(crate) debugger_ends: Phrase,
    pub(crate) debugger_hangs: Phrase,
    pub(crate) focused_title: Phrase,
    pub(crate) focused_body: Phrase,
    pub(crate) key_title: Phrase,
    pub(crate) key_body: Phrase,
    pub(crate) key_in_file: Phrase,
    pub(crate) key_file: Phrase,
    pub(crate) secret_title: Phrase,
    pub(crate) secret_body: Phrase,
    pub(crate) secret: Phrase,
    pub(crate) secret_with_prefix: Phrase,
    pub(crate) a: Phrase,
    pub(crate) an: Phrase,
    pub(crate) and: Phrase,
    pub(crate) character: Phrase,
    pub(crate) more_characters: Phrase,
    pub(crate) lookalike_title: Phrase,
    pub(crate) lookalike_body: Phrase,
    pub(crate) invisible_title: Phrase,
    pub(crate) invisible_body: Phrase,
    pub(crate) deceiving_title: Phrase,
    pub(crate) deceiving_body: Phrase,

    secret_kind: Terms,
    commands: Terms,
    severity: Terms,
    category: Terms,
    reason: Terms,
    skip: Terms,
}

/// Phrases by the word that a report, the configuration or a command has for them.
type Terms = BTreeMap<String, String>;

impl Words {
    /// The phrases of a language tag (`vi`, `vi-VN`, `VI`); those of English where the language has none.
    pub fn of(tag: &str) -> &'static Words {
        let tag = tag.to_ascii_lowercase();
        let mut wanted = tag.as_str();
        loop {
            if let Some(language) = LANGUAGES.iter().find(|language| language.tag == wanted) {
                return language.words();
            }
            // `zh-hant-tw` is `zh-hant`, or else `zh`
            match wanted.rsplit_once(['-', '_']) {
                Some((wider, _)) => wanted = wider,
                None => return Words::english(),
            }
        }
    }

    /// The phrases of English, in which logs and machine formats are written.
    pub fn english() -> &'static Words {
        LANGUAGES[0].words()
    }

    pub(crate) fn severity(&self, severity: Severity) -> &str {
        term(&self.severity, severity.as_str())
    }

    pub(crate) fn category(&self, category: Category) -> &str {
        term(&self.category, category.as_str())
    }

    /// Why a finding is not reported, by the word of the report.
    pub(crate) fn reason<'a>(&'a self, word: &'a str) -> &'a str {
        term(&self.reason, word)
    }

    /// Why lines are left out, by the word of the report.
    pub(crate) fn skip<'a>(&'a self, word: &'a str) -> &'a str {
        term(&self.skip, word)
    }

    /// The kind of a secret. What is named after its provider is called that everywhere.
    pub(crate) fn secret_kind(&self, kind: &'static str) -> &str {
        term(&self.secret_kind, kind)
    }

    /// What a command does.
    pub(crate) fn command<'a>(&'a self, word: &'a str) -> &'a str {
        term(&self.commands, word)
    }
}

/// The head of a table in Markdown.
pub(crate) fn table_head(columns: &[String]) -> String {
    format!("| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()))
}

/// What a word is called in the language; the word itself where nobody knows.
fn term<'a>(terms: &'a Terms, word: &'a str) -> &'a str {
    terms.get(word).map_or(word, String::as_str)
}

/// Reads a language's file. What is missing in it is English.
fn load(english: &str, text: &str) -> Result<Words, toml::de::Error> {
    let mut table: Table = english.parse()?;
    let own = if text == english { Table::new() } else { text.parse()? };
    for (key, value) in own {
        match (table.get_mut(&key), value) {
            // the forms of a number belong together, the words of a list do not
            (Some(toml::Value::Table(known)), toml::Value::Table(terms)) if !known.contains_key("other") => {
                known.extend(terms);
            }
            (_, value) => drop(table.insert(key, value)),
        }
    }
    table.try_into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::diff::filter::SkipReason;
    use crate::findings::Reason;
    use crate::order::Order;
    use crate::plan::trivial::Why;
    use crate::report::{REQUEST_SKIPPED, REVIEWED_BEFORE};

    /// All keys of a file, with the names that their values have.
    fn keys(text: &str) -> BTreeMap<String, Vec<String>> {
        let mut keys = BTreeMap::new();
        walk("", &toml::Value::Table(text.parse().expect("TOML")), &mut keys);
        keys
    }

    fn walk(key: &str, value: &toml::Value, keys: &mut BTreeMap<String, Vec<String>>) {
        match value {
            toml::Value::String(text) => {
                keys.insert(key.to_owned(), phrase::names(text).into_iter().map(str::to_owned).collect());
            }
            toml::Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| walk(&format!("{key}[{at}]"), value, keys));
            }
            // the forms of a number differ by language
            toml::Value::Table(table) if table.contains_key("other") => {
                let forms: Vec<Vec<&str>> =
                    table.values().map(|form| phrase::names(form.as_str().expect("a phrase"))).collect();
                assert!(forms.iter().all(|names| *names == ["count"]), "{key}: {table}");
                keys.insert(key.to_owned(), vec!["count".to_owned()]);
            }
            toml::Value::Table(table) => {
                table
                    .iter()
                    .for_each(|(name, value)| walk(format!("{key}.{name}").trim_start_matches('.'), value, keys));
            }
            other => panic!("{key} is no phrase: {other}"),
        }
    }

    #[test]
    fn every_language_is_complete() {
        let english = keys(LANGUAGES[0].text);
        for Language { tag, text, .. } in &LANGUAGES {
            assert_eq!(keys(text), english, "templates/phrases/{tag}.toml has other keys, or other names in a phrase");
            // a key that no field has is an error, too
            load(LANGUAGES[0].text, text).unwrap_or_else(|err| panic!("{tag}: {err}"));
        }
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/phrases")).expect("a folder");
        assert_eq!(files.count(), LANGUAGES.len(), "a language is one file and one line");
    }

    #[test]
    fn phrases_of_one_line_stay_on_it() {
        for Language { tag, text, .. } in &LANGUAGES {
            let check = |text: &str| {
                let is_marked = text.contains("<!--") || text.contains(crate::text::is_harmful);
                assert!(!text.trim().is_empty() && text.trim() == text && !is_marked, "{tag}: {text:?}");
            };
            fn each(value: &toml::Value, check: &impl Fn(&str)) {
                match value {
                    toml::Value::String(text) => check(text),
                    toml::Value::Array(list) => list.iter().for_each(|value| each(value, check)),
                    toml::Value::Table(table) => table.values().for_each(|value| each(value, check)),
                    other => panic!("{other} is no phrase"),
                }
            }
            each(&toml::Value::Table(text.parse().expect("TOML")), &check);
        }
    }

    #[test]
    fn the_words_of_the_interface_are_all_there() {
        let english = Words::english();
        let check = |terms: &Terms, words: Vec<&'static str>| {
            let words = words.into_iter().collect::<BTreeSet<_>>();
            assert!(terms.keys().map(String::as_str).eq(words), "{terms:?}");
        };
        let (severities, categories) = (Severity::ALL.map(Severity::as_str), Category::ALL.map(Category::as_str));
        let skipped = SkipReason::ALL.into_iter().map(SkipReason::as_str).chain(Why::ALL.map(Why::as_str));
        check(&english.severity, severities.into());
        check(&english.category, categories.into());
        check(&english.skip, skipped.chain([REVIEWED_BEFORE, REQUEST_SKIPPED]).collect());
        check(&english.reason, Reason::ALL.map(Reason::as_str).into());
        check(&english.commands, Order::ALL.map(|(_, word)| word).into());
        // what is said of a finding in English needs no mark that tells it
        let terms = english.severity.iter().chain(&english.category);
        assert!(terms.into_iter().all(|(word, told)| word == told));
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).expect("JSON"), reason.as_str());
        }
    }

    #[test]
    fn tags_find_their_language() {
        let check = |tag: &str, expected: &str| {
            assert_eq!(Words::of(tag).severity(Severity::Critical), expected, "{tag}");
        };
        for tag in ["vi", "VI", "vi-VN", "vi_VN", "Vi-Latn-VN"] {
            check(tag, "nghiêm trọng");
        }
        for tag in ["en", "en-GB", "de", "", "-", "x-vi", "vie", "việt"] {
            check(tag, "critical");
        }
    }

    #[test]
    fn what_a_language_lacks_is_english() {
        let english = LANGUAGES[0].text;
        let words =
            load(english, "run = \"Lauf\"\nfiles = { other = \"{count} Dateien\" }\n[severity]\nmajor = \"groß\"")
                .expect("a language");
        assert_eq!((words.run.as_str(), words.files.of(1)), ("Lauf", "1 Dateien".to_owned()));
        assert_eq!((words.severity(Severity::Major), words.severity(Severity::Minor)), ("groß", "minor"));
        assert_eq!(words.findings.of(1), "1 finding");
        let nothing = load(english, "").expect("a language without phrases");
        assert_eq!(nothing.cost_columns, Words::english().cost_columns);
        assert!(load(english, "ruin = \"x\"").is_err(), "a key that is none");
    }

    #[test]
    fn a_word_that_nobody_knows_stays_as_it_is() {
        assert_eq!(Words::of("vi").skip("of_a_later_version"), "of_a_later_version");
    }
}
