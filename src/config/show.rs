//! The effective configuration as `.prudence.toml`, with where each value came from.

use std::fmt::Write as _;

use clap::ValueEnum;
use toml::Value;

use super::keys::{self, Key};
use super::layer::Origins;
use super::{Config, Provider};

/// The effective configuration in TOML, each key with a comment that says where it came from. Of the model server's key
/// it says only whether there is one.
pub fn render(config: &Config, origins: &Origins) -> String {
    let mut out = String::new();
    let lines: Vec<_> = values(config).into_iter().map(|(key, value)| (key, value.map(|v| line(key, &v)))).collect();
    let width = lines.iter().filter_map(|(_, line)| line.as_ref()).map(|line| width(line)).filter(|w| *w <= 60).max();
    let width = width.unwrap_or(0);
    for (key, line) in lines {
        let origin = origins.of(key);
        // writing to a string does not fail
        let _ = match line {
            Some(line) => writeln!(out, "{line:width$}  # {origin}"),
            None => writeln!(out, "# {} is not set", key.name),
        };
    }
    let _ = match origins.of_api_key() {
        Some(origin) => writeln!(out, "# the key of the model server is set: {origin}"),
        None => writeln!(out, "# the key of the model server is not set"),
    };
    if config.provider == Provider::Azure {
        let _ = writeln!(out, "# Azure's api-version: {}", config.azure_api_version.escape_debug());
    }
    tables(&mut out, config, origins);
    out
}

fn line(key: &Key, value: &Value) -> String {
    format!("{} = {value}", key.name)
}

fn width(line: &str) -> usize {
    line.chars().count()
}

/// The keys that are not tables, in the order of the table of keys.
fn values(config: &Config) -> Vec<(&'static Key, Option<Value>)> {
    let text = |text: &str| Some(Value::from(text));
    let list = |items: &[String]| Some(Value::from(items.to_vec()));
    let count = |n: usize| i64::try_from(n).ok().map(Value::from);
    let deadline = i64::try_from(config.deadline.as_secs()).ok().map(Value::from);
    vec![
        (&keys::PROVIDER, Some(word(config.provider))),
        (&keys::MODEL, text(&config.model)),
        (&keys::VERIFY_MODEL, text(&config.verify_model)),
        (&keys::BASE_URL, text(&config.base_url)),
        (&keys::LANGUAGE, text(&config.language)),
        (&keys::MAX_COST_USD, Some(Value::from(config.max_cost_usd.unwrap_or(f64::INFINITY)))),
        (&keys::CHUNK_TOKENS, count(config.chunk_tokens)),
        (&keys::MAX_OUTPUT_TOKENS, Some(Value::from(config.max_output_tokens))),
        (&keys::CONCURRENCY, count(config.concurrency)),
        (&keys::DEADLINE_SECS, deadline),
        (&keys::MIN_SEVERITY, text(config.min_severity.as_str())),
        (&keys::MIN_CONFIDENCE, Some(Value::from(config.min_confidence))),
        (&keys::MAX_COMMENTS, count(config.max_comments)),
        (&keys::FAIL_ON, text(config.fail_on.map_or("never", |severity| severity.as_str()))),
        (&keys::REVIEW_EVENT, Some(word(config.review_event))),
        (&keys::FALLBACK_MODELS, list(&config.fallback_models)),
        (&keys::EFFORT, Some(word(config.effort))),
        (&keys::VERIFY, Some(Value::from(config.verify))),
        (&keys::CONTEXT, Some(word(config.context))),
        (&keys::CONTEXT_TOKENS, count(config.context_tokens)),
        (&keys::EMBEDDING_MODEL, config.embedding_model.as_deref().and_then(text)),
        (&keys::INCLUDE, list(&config.include)),
        (&keys::EXCLUDE, list(&config.exclude)),
        (&keys::INSTRUCTIONS, config.instructions.as_deref().and_then(text)),
    ]
}

fn word<T: ValueEnum>(value: T) -> Value {
    Value::from(value.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned()))
}

fn tables(out: &mut String, config: &Config, origins: &Origins) {
    let skip = &config.skip;
    let _ = writeln!(out, "\n[skip]  # {}", origins.of(&keys::SKIP));
    let _ = writeln!(out, "drafts = {}\nbots = {}", skip.drafts, skip.bots);
    let _ = writeln!(out, "labels = {}", Value::from(skip.labels.clone()));
    let _ = writeln!(out, "words = {}", Value::from(skip.words.clone()));
    for rule in &config.paths {
        let _ = writeln!(out, "\n[[paths]]  # {}", origins.of(&keys::PATHS));
        let _ = writeln!(out, "glob = {}", quoted(&rule.glob));
        if let Some(instructions) = &rule.instructions {
            let _ = writeln!(out, "instructions = {}", quoted(instructions));
        }
        if let Some(severity) = rule.min_severity {
            let _ = writeln!(out, "min-severity = {}", quoted(severity.as_str()));
        }
    }
    for (model, price) in &config.prices {
        let _ = writeln!(out, "\n[prices.{}]  # {}", basic_string(model), origins.of(&keys::PRICES));
        let _ = writeln!(out, "input = {}", Value::from(price.input));
        if let Some(cached) = price.cached_input {
            let _ = writeln!(out, "cached-input = {}", Value::from(cached));
        }
        let _ = writeln!(out, "output = {}", Value::from(price.output));
    }
    if !config.checks.is_empty() {
        let _ = writeln!(out, "\n[checks]  # {}", origins.of(&keys::CHECKS));
    }
    for (rule, on) in &config.checks {
        let _ = writeln!(out, "{rule} = {on}");
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A key in quotes on one line: a JSON string is a basic string of TOML but for the character that only TOML escapes.
fn basic_string(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::Env;
    use crate::config::{file, layer::Layer, load};

    const CHECKS: &[&str] = &["secrets"];

    fn shown(file: &str, env: &[(&str, &str)]) -> (Config, String) {
        let get = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let file = file::parse(file::NAME, file.as_bytes(), CHECKS).unwrap();
        let (config, origins) = load(Layer::default(), &Env::new(&get, None), file).unwrap();
        let text = render(&config, &origins);
        (config, text)
    }

    #[track_caller]
    fn check(file: &str, env: &[(&str, &str)], expected: &str) {
        let (_, text) = shown(file, env);
        let squeezed: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert!(squeezed.iter().any(|line| line == expected), "`{expected}` is not in\n{text}");
    }

    #[test]
    fn each_line_says_where_its_value_came_from() {
        check("", &[], "model = \"gpt-4o-mini\" # default");
        check("", &[], "fail-on = \"never\" # default");
        check("", &[], "# instructions is not set");
        check("\nmodel = 'm'", &[], "model = \"m\" # .prudence.toml:2");
        check("", &[("PRUDENCE_MAX_COST", "2")], "max-cost-usd = 2.0 # variable PRUDENCE_MAX_COST");
        let actions = ("GITHUB_ACTIONS", "true");
        check("", &[actions, ("INPUT_MAX-COST", "inf")], "max-cost-usd = inf # action input max-cost");
        check("[skip]\nbots = false", &[], "[skip] # .prudence.toml:1");
        check("[prices.\"a b\"]\ninput = 1\noutput = 2", &[], "[prices.\"a b\"] # .prudence.toml:1");
        check(
            "",
            &[("AZURE_OPENAI_ENDPOINT", "https://h"), ("AZURE_OPENAI_API_KEY", "k")],
            "# Azure's api-version: 2024-10-21",
        );
    }

    #[test]
    fn the_key_is_only_said_to_be_set() {
        check("", &[], "# the key of the model server is not set");
        let env = [("OPENAI_API_KEY", "sk-secret")];
        check("", &env, "# the key of the model server is set: variable OPENAI_API_KEY");
        assert!(!shown("", &env).1.contains("sk-secret"));
    }

    #[test]
    fn what_is_shown_is_a_file_that_says_the_same() {
        let file = "instructions = \"a \\\"b\\\"\\n# c\\u0007\"\nexclude = ['a', '{b,c}']\nmax-cost-usd = inf\nfail-on = 'info'\n\
            [[paths]]\nglob = 'x'\ninstructions = 'y'\nmin-severity = 'info'\n[[paths]]\nglob = 'z'\n\
            [prices.\"a\\n]\\u007f\"]\ninput = 1\ncached-input = 0.1\noutput = 2\n[checks]\nsecrets = false\n";
        for text in ["", file] {
            let (config, text) = shown(text, &[]);
            let again = file::parse("again", text.as_bytes(), CHECKS).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(again.resolve().0, config, "{text}");
        }
    }
}
