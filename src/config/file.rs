//! `.prudence.toml` → [`Layer`].

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::keys::{self, Key};
use super::layer::{ConfigError, Layer, Origin, Source, Sourced, get};
use super::value::{self, Problem, Raw};
use super::{PathRule, PriceOverride, Skip};

/// Name of the file, in the root of the repository.
pub const NAME: &str = ".prudence.toml";

/// Reads a configuration file. `name` is how messages call it; `known_checks` are the rules that `[checks]` may name.
///
/// Fails on what is not UTF-8 or not TOML, and on unknown keys, wrong types and values out of range, with the line.
pub fn parse(name: &str, bytes: &[u8], known_checks: &[&str]) -> Result<Layer, ConfigError> {
    let file = File { name, text: decode(name, bytes)? };
    let table = DeTable::parse(file.text).map_err(|error| file.syntax(&error))?;
    let top = Section { file: &file, prefix: String::new(), table: table.get_ref(), start: 0 };
    top.refuse_unknown(keys::ALL)?;
    Ok(Layer {
        skip: top.skip()?,
        paths: top.paths()?,
        prices: top.prices()?,
        checks: top.checks(known_checks)?,
        ..Layer::read(&top)?
    })
}

fn decode<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        ConfigError {
            origin: Origin::File { name: name.to_owned(), line }.to_string(),
            message: "the file is not UTF-8".to_owned(),
            hint: "save it as UTF-8".to_owned(),
        }
    })
}

/// The file that messages point into.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let line = self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
        Origin::File { name: self.name.to_owned(), line }
    }

    fn error(&self, offset: usize, message: String, hint: String) -> ConfigError {
        ConfigError { origin: self.origin(offset).to_string(), message, hint }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let offset = error.span().map_or(0, |span| span.start);
        let mut message = format!("this is not TOML: {}", error.message());
        let line = self.text.get(..offset).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
        if let Some((key, _)) = line.split_once('=') {
            message.push_str(&format!(" (at key `{}`)", value::shown(key.trim())));
        }
        self.error(offset, message, "text stands in quotes, and each key stands once: `key = \"text\"`".to_owned())
    }
}

/// A table of the file.
struct Section<'a> {
    file: &'a File<'a>,
    /// The path of the table with a dot at its end; empty at the top.
    prefix: String,
    table: &'a DeTable<'a>,
    /// Where it starts.
    start: usize,
}

impl Source for Section<'_> {
    fn raw(&self, key: &Key) -> Option<(Raw<'_>, Origin)> {
        let (name, value) = self.table.get_key_value(key.name)?;
        Some((Raw::Toml(value.get_ref()), self.file.origin(name.span().start)))
    }

    fn path(&self, key: &Key) -> String {
        format!("{}{}", self.prefix, key.name)
    }
}

impl<'a> Section<'a> {
    fn refuse_unknown(&self, known: &[&Key]) -> Result<(), ConfigError> {
        let names: Vec<&str> = known.iter().map(|key| key.name).collect();
        match self.table.keys().find(|key| !names.contains(&key.get_ref().as_ref())) {
            Some(key) => Err(self.unknown("key", key.get_ref(), key.span().start, &names)),
            None => Ok(()),
        }
    }

    fn unknown(&self, what: &str, name: &str, offset: usize, known: &[&str]) -> ConfigError {
        let message = format!("unknown {what} `{}{}`", self.prefix, value::shown(name));
        let is_key = ["api-key", "openai-api-key"].contains(&name.to_lowercase().replace('_', "-").as_str());
        let all = format!("known are `{}`", known.join("`, `"));
        let hint = match value::nearest(name, known) {
            _ if is_key => "a key does not belong into a file: set it in `OPENAI_API_KEY`".to_owned(),
            Some(near) if self.prefix.is_empty() => format!("did you mean `{near}`?"),
            Some(near) => format!("did you mean `{near}`? {all}"),
            None => all,
        };
        self.file.error(offset, message, hint)
    }

    /// A table below this one.
    fn below(&self, prefix: String, value: &'a toml::Spanned<DeValue<'a>>) -> Result<Section<'a>, Problem> {
        let table = value.get_ref().as_table().ok_or_else(|| Problem::of_type(value.get_ref()))?;
        Ok(Section { file: self.file, prefix, table, start: value.span().start })
    }

    /// The table of a key of this one.
    fn table(&self, key: &Key) -> Result<Option<Sourced<Section<'a>>>, ConfigError> {
        let Some((name, value)) = self.table.get_key_value(key.name) else { return Ok(None) };
        let origin = self.file.origin(name.span().start);
        let section = self.below(format!("{}{}.", self.prefix, key.name), value);
        let section = section.map_err(|problem| self.wrong_type(&self.path(key), key, name.span().start, &problem))?;
        Ok(Some(Sourced { value: section, origin }))
    }

    fn wrong_type(&self, path: &str, key: &Key, offset: usize, problem: &Problem) -> ConfigError {
        let message = format!("`{path}` must be {}, found {}", key.kind.expected(), problem.found);
        self.file.error(offset, message, format!("write for example `{} = {}`", key.name, key.example()))
    }

    /// A value without which the table says nothing.
    fn required<T>(&self, key: &Key, value: Option<Sourced<T>>) -> Result<T, ConfigError> {
        value.map(|value| value.value).ok_or_else(|| {
            let message = format!("`{}` is missing", self.path(key));
            self.file.error(self.start, message, format!("add for example `{} = {}`", key.name, key.example()))
        })
    }

    fn skip(&self) -> Result<Option<Sourced<Skip>>, ConfigError> {
        let Some(Sourced { value: section, origin }) = self.table(&keys::SKIP)? else { return Ok(None) };
        section.refuse_unknown(keys::SKIP_KEYS)?;
        let default = Skip::default();
        let value = Skip {
            drafts: get(&section, &keys::SKIP_DRAFTS, value::boolean)?.map_or(default.drafts, |v| v.value),
            bots: get(&section, &keys::SKIP_BOTS, value::boolean)?.map_or(default.bots, |v| v.value),
            labels: get(&section, &keys::SKIP_LABELS, value::texts)?.map_or(default.labels, |v| v.value),
            words: get(&section, &keys::SKIP_WORDS, value::texts)?.map_or(default.words, |v| v.value),
        };
        Ok(Some(Sourced { value, origin }))
    }

    fn paths(&self) -> Result<Option<Sourced<Vec<PathRule>>>, ConfigError> {
        let key = &keys::PATHS;
        let Some((name, value)) = self.table.get_key_value(key.name) else { return Ok(None) };
        let start = name.span().start;
        let wrong = |path: &str, problem: &Problem| self.wrong_type(path, key, start, problem);
        let entries = value.get_ref().as_array().ok_or_else(|| wrong(key.name, &Problem::of_type(value.get_ref())))?;
        let mut rules = Vec::new();
        for entry in entries {
            let section = self.below("paths.".to_owned(), entry).map_err(|problem| wrong(key.name, &problem))?;
            rules.push(section.path_rule()?);
        }
        Ok(Some(Sourced { value: rules, origin: self.file.origin(start) }))
    }

    fn path_rule(&self) -> Result<PathRule, ConfigError> {
        self.refuse_unknown(keys::PATHS_KEYS)?;
        Ok(PathRule {
            glob: self.required(&keys::PATHS_GLOB, get(self, &keys::PATHS_GLOB, value::glob)?)?,
            instructions: get(self, &keys::PATHS_INSTRUCTIONS, value::prose)?.map(|v| v.value),
            min_severity: get(self, &keys::PATHS_MIN_SEVERITY, value::choice)?.map(|v| v.value),
        })
    }

    fn prices(&self) -> Result<Option<Sourced<BTreeMap<String, PriceOverride>>>, ConfigError> {
        let Some(Sourced { value: section, origin }) = self.table(&keys::PRICES)? else { return Ok(None) };
        let mut prices = BTreeMap::new();
        for (model, value) in section.table {
            let path = format!("prices.\"{}\"", value::shown(model.get_ref()));
            let entry = section
                .below(format!("{path}."), value)
                .map_err(|problem| section.wrong_type(&path, &keys::PRICES, model.span().start, &problem))?;
            prices.insert(model.get_ref().to_string(), entry.price()?);
        }
        Ok(Some(Sourced { value: prices, origin }))
    }

    fn price(&self) -> Result<PriceOverride, ConfigError> {
        self.refuse_unknown(keys::PRICES_KEYS)?;
        Ok(PriceOverride {
            input: self.required(&keys::PRICES_INPUT, get(self, &keys::PRICES_INPUT, value::dollars)?)?,
            cached_input: get(self, &keys::PRICES_CACHED_INPUT, value::dollars)?.map(|v| v.value),
            output: self.required(&keys::PRICES_OUTPUT, get(self, &keys::PRICES_OUTPUT, value::dollars)?)?,
        })
    }

    fn checks(&self, known: &[&str]) -> Result<Option<Sourced<BTreeMap<String, bool>>>, ConfigError> {
        let Some(Sourced { value: section, origin }) = self.table(&keys::CHECKS)? else { return Ok(None) };
        let mut checks = BTreeMap::new();
        for (rule, value) in section.table {
            let start = rule.span().start;
            if !known.contains(&rule.get_ref().as_ref()) {
                return Err(section.unknown("check", rule.get_ref(), start, known));
            }
            let on = value.get_ref().as_bool().ok_or_else(|| {
                let found = Problem::of_type(value.get_ref()).found;
                let message =
                    format!("`checks.{rule}` must be `true` or `false`, found {found}", rule = rule.get_ref());
                self.file.error(start, message, format!("write for example `{} = false`", rule.get_ref()))
            })?;
            checks.insert(rule.get_ref().to_string(), on);
        }
        Ok(Some(Sourced { value: checks, origin }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::severity::Severity;

    const CHECKS: &[&str] = &["secrets", "conflict-marker"];

    fn read(text: &str) -> Result<Layer, ConfigError> {
        parse(NAME, text.as_bytes(), CHECKS)
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = read(text).expect_err(text).to_string();
        assert_eq!(error, expected.trim_end(), "{text}");
    }

    /// The example of the interface.
    const EXAMPLE: &str = r#"
model = "gpt-4o-mini"
verify-model = "gpt-4o"
base-url = "https://api.openai.com/v1"
language = "en"
max-cost-usd = 1.00
chunk-tokens = 6_000
max-output-tokens = 4096
concurrency = 6
deadline-secs = 600
min-severity = "minor"
min-confidence = 0
max-comments = 10
fail-on = "never"
review-event = "comment"
fallback-models = []
effort = "balanced"
verify = true
exclude = ["**/snapshots/**"]
instructions = "We target Python 3.9."
skip = { drafts = true, bots = false, labels = ["no-review"] }

[[paths]]
glob = "migrations/**"
instructions = "Every migration must be reversible."
min-severity = "info"

[prices."my-model"]
input = 0.10
cached-input = 0.05
output = 1

[checks]
secrets = true
"#;

    #[test]
    fn every_key_is_read() {
        let layer = read(EXAMPLE).unwrap();
        let origin = Origin::File { name: NAME.to_owned(), line: 3 };
        assert_eq!(layer.verify_model, Some(Sourced { value: "gpt-4o".to_owned(), origin }));
        let (config, origins) = layer.resolve();
        assert_eq!(config.chunk_tokens, 6000);
        assert_eq!(config.skip, Skip { bots: false, ..Skip::default() });
        assert_eq!((config.paths.len(), config.paths[0].min_severity), (1, Some(Severity::Info)));
        assert_eq!(config.prices["my-model"], PriceOverride { input: 0.1, cached_input: Some(0.05), output: 1.0 });
        assert_eq!(config.checks, BTreeMap::from([("secrets".to_owned(), true)]));
        let unset: Vec<_> =
            keys::ALL.iter().filter(|key| *origins.of(key) == Origin::Default).map(|key| key.name).collect();
        assert_eq!(unset, ["provider", "context", "context-tokens", "embedding-model", "include"]);
    }

    #[test]
    fn nothing_is_a_layer_of_nothing() {
        for text in ["", "\n# only a comment\n", "\u{feff}", "model = \"\"\nbase-url = \" \""] {
            assert_eq!(read(text), Ok(Layer::default()), "{text:?}");
        }
        assert_eq!(read("\u{feff}model = 'm'\r\n").unwrap().model.unwrap().value, "m");
        assert_eq!(read("exclude = []").unwrap().exclude.unwrap().value, Vec::<String>::new());
        assert_eq!(read("max-cost-usd = inf").unwrap().max_cost_usd.unwrap().value, None);
    }

    #[test]
    fn an_unknown_key_suggests_the_near_one() {
        check_error("\nmodle = 1", ".prudence.toml:2: unknown key `modle`\nhint: did you mean `model`?");
        check_error(
            "max_cost_usd = 1",
            ".prudence.toml:1: unknown key `max_cost_usd`\nhint: did you mean `max-cost-usd`?",
        );
        check_error(
            "openai_api_key = 'sk-1'",
            ".prudence.toml:1: unknown key `openai_api_key`\nhint: a key does not belong into a file: set it in `OPENAI_API_KEY`",
        );
        check_error(
            "[skip]\ndraft = true",
            ".prudence.toml:2: unknown key `skip.draft`\nhint: did you mean `drafts`? known are `drafts`, `bots`, `labels`, `words`",
        );
        check_error(
            "[[paths]]\nglob = 'a'\nzzz = 'b'",
            ".prudence.toml:3: unknown key `paths.zzz`\nhint: known are `glob`, `instructions`, `min-severity`",
        );
        check_error(
            "[prices.m]\ninput = 1\noutputs = 2",
            ".prudence.toml:3: unknown key `prices.\"m\".outputs`\nhint: did you mean `output`? known are `input`, `cached-input`, `output`",
        );
        check_error(
            "[checks]\nsecret = true",
            ".prudence.toml:2: unknown check `checks.secret`\nhint: did you mean `secrets`? known are `secrets`, `conflict-marker`",
        );
        assert!(read("zzzzzz = 1").unwrap_err().hint.starts_with("known are `provider`, `model`"));
    }

    #[test]
    fn a_wrong_value_names_what_is_expected_and_found() {
        check_error(
            "model = 'm'\nchunk-tokens = \"many\"",
            ".prudence.toml:2: `chunk-tokens` must be an integer from 200 to 1000000, found the string \"many\"\nhint: write for example `chunk-tokens = 6000`",
        );
        check_error(
            "concurrency = 0",
            ".prudence.toml:1: `concurrency` must be an integer from 1 to 64, found the integer 0\nhint: write for example `concurrency = 6`",
        );
        check_error(
            "exclude = 'a'",
            ".prudence.toml:1: `exclude` must be a list of globs, found the string \"a\"\nhint: write for example `exclude = [\"**/generated/**\"]`",
        );
        check_error(
            "exclude = ['a', 1]",
            ".prudence.toml:1: `exclude` must be a list of globs, found the integer 1\nhint: write for example `exclude = [\"**/generated/**\"]`",
        );
        check_error(
            "fail-on = 'majr'",
            ".prudence.toml:1: `fail-on` must be one of `never`, `critical`, `major`, `minor`, `info`, found `majr`\nhint: did you mean `major`?",
        );
        check_error(
            "verify = 'yes'",
            ".prudence.toml:1: `verify` must be `true` or `false`, found the string \"yes\"\nhint: write for example `verify = true`",
        );
        check_error(
            "max-cost-usd = -1",
            ".prudence.toml:1: `max-cost-usd` must be a number of at least 0, or `inf`, found the integer -1\nhint: write for example `max-cost-usd = 1.0`",
        );
        check_error(
            "[prices.m]\ninput = nan\noutput = 1",
            ".prudence.toml:2: `prices.\"m\".input` must be a finite number of at least 0, found the number nan\nhint: write for example `input = 0.10`",
        );
        check_error(
            "[checks]\nsecrets = 'off'",
            ".prudence.toml:2: `checks.secrets` must be `true` or `false`, found the string \"off\"\nhint: write for example `secrets = false`",
        );
    }

    #[test]
    fn a_table_is_no_value_and_a_value_no_table() {
        for (text, start) in [
            ("skip = true", "1: `skip` must be a table, found the boolean true"),
            ("paths = 1", "1: `paths` must be an array of tables, found the integer 1"),
            ("\npaths = ['a']", "2: `paths` must be an array of tables, found the string \"a\""),
            ("prices = []", "1: `prices` must be a table, found an array"),
            ("[prices]\nm = 1", "2: `prices.\"m\"` must be a table, found the integer 1"),
            ("checks = 1979-05-27", "1: `checks` must be a table, found a date"),
            ("[model]", "1: `model` must be a string, found a table"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!(".prudence.toml:{start}")), "{error}");
        }
    }

    #[test]
    fn what_a_table_needs_is_asked_for() {
        check_error(
            "model = 'm'\n[[paths]]\nglob = 'a'\n\n[[paths]]\ninstructions = 'b'",
            ".prudence.toml:5: `paths.glob` is missing\nhint: add for example `glob = \"migrations/**\"`",
        );
        check_error(
            "[prices.m]\ninput = 1",
            ".prudence.toml:1: `prices.\"m\".output` is missing\nhint: add for example `output = 0.10`",
        );
    }

    #[test]
    fn what_is_not_toml_names_the_line() {
        for (text, start) in [
            ("model = 'm'\nlanguage = en\n", "2: this is not TOML: "),
            ("model = 'm'\nmodel = 'n'\n", "2: this is not TOML: "),
            ("model", "1: this is not TOML: "),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!(".prudence.toml:{start}")) && error.contains("\nhint: "), "{error}");
        }
        assert!(read("a = 1\nlanguage = en").unwrap_err().message.ends_with("(at key `language`)"));
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        let error = parse("a.toml", b"model = 'm'\nlanguage = '\xff'", CHECKS).unwrap_err().to_string();
        assert_eq!(error, "a.toml:2: the file is not UTF-8\nhint: save it as UTF-8");
    }
}
