//! The commented `.prudence.toml`.

use crate::config::keys::{self, Key, Kind};
use crate::config::schema;
use crate::setup::check_names;

/// `.prudence.toml` with every key at its default, each in a comment of its own: `#key = value`, where `# ` begins prose.
/// The first line names the schema, for editors.
pub fn text() -> String {
    let mut out = format!("#:schema {}\n", schema::URL);
    out += "# Configuration of Prudence. Every setting stands here with its default: to change one, take away its `#`.\n\
        # In CI this file is read from the base commit, so that a change cannot steer its own review.\n";
    for key in keys::ALL {
        out += &match key.kind.words() {
            [] => format!("\n# {}\n", key.about),
            words => format!("\n# {} One of {}.\n", key.about, words.join(", ")),
        };
        out += &match &key.kind {
            Kind::Table(keys) => format!("#[{}]\n{}", key.name, settings(keys, "#")),
            Kind::Checks => {
                let lines: String = check_names().iter().map(|name| format!("#{name} = true\n")).collect();
                format!("#[{}]\n{lines}", key.name)
            }
            // there are none by default, so that what they look like is prose
            Kind::Tables(keys) => format!("#   [[{}]]\n{}", key.name, settings(keys, "#   ")),
            Kind::Named(keys) => format!("#   [{}.\"my-model\"]\n{}", key.name, settings(keys, "#   ")),
            _ => setting(key, "#"),
        };
    }
    out
}

fn settings(keys: &[&Key], start: &str) -> String {
    keys.iter().map(|key| setting(key, start)).collect()
}

fn setting(key: &Key, start: &str) -> String {
    let value = match (key.default, &key.kind) {
        (Some(default), _) => default,
        // an empty text counts as not set
        (None, Kind::Text | Kind::Prose) => r#""""#,
        (None, _) => key.example(),
    };
    format!("{start}{} = {value}\n", key.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;
    use crate::config::layer::Layer;

    /// The configuration with the comments taken off that begin so.
    fn uncommented(is_setting: impl Fn(&str) -> bool) -> crate::config::Config {
        let text = text();
        let line = |line: &str| match line.strip_prefix('#').filter(|rest| !rest.starts_with(':') && is_setting(rest)) {
            Some(setting) => format!("{}\n", setting.trim_start()),
            None => format!("{line}\n"),
        };
        let text: String = text.lines().map(line).collect();
        let layer = file::parse(file::NAME, text.as_bytes(), &check_names());
        layer.unwrap_or_else(|error| panic!("{error}\n{text}")).resolve().0
    }

    #[test]
    fn the_configuration_changes_nothing() {
        let default = Layer::default().resolve().0;
        assert_eq!(uncommented(|_| false), default);
        let mut all = uncommented(|rest| !rest.starts_with(' '));
        assert!(all.checks.values().all(|on| *on) && all.checks.len() == check_names().len());
        all.checks.clear();
        assert_eq!(all, default);
    }

    #[test]
    fn the_first_line_names_the_schema() {
        assert_eq!(text().lines().next(), Some(format!("#:schema {}", schema::URL).as_str()));
    }

    #[test]
    fn the_configuration_has_every_key_and_its_examples_are_taken() {
        let all = uncommented(|rest| !rest.starts_with(' ') || rest.starts_with("   "));
        assert_eq!((all.paths.len(), all.prices.len()), (1, 1));
        let text = text();
        for key in [keys::ALL, keys::SKIP_KEYS, keys::PATHS_KEYS, keys::PRICES_KEYS].concat() {
            assert!(text.contains(key.name), "{}\n{text}", key.name);
        }
    }
}
