//! The environment: variables, action inputs and the `.env` file. Nothing else of the program reads them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Provider;
use super::ci::{Ci, input};
use super::keys::{self, Key};
use super::layer::{ConfigError, Layer, Origin, Source, Sourced, get};
use super::value::{self, Raw};
use crate::secret::Secret;

/// The model servers' own variables, which a `.env` file may set.
const SERVER_VARIABLES: [&str; 5] =
    ["OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_API_VERSION"];

/// The environment, with the `.env` file below it.
pub struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    dotenv: BTreeMap<String, String>,
}

impl<'a> Env<'a> {
    /// `get` reads a variable. `dotenv` is the text of the repository's `.env` file; in CI it is not looked at, since there
    /// it is part of the change under review.
    pub fn new(get: &'a dyn Fn(&str) -> Option<String>, dotenv: Option<&str>) -> Self {
        let dotenv = dotenv.filter(|_| Ci::detect(get).is_none()).map(parse_dotenv).unwrap_or_default();
        Env { get, dotenv }
    }

    /// A variable; empty counts as not set.
    pub fn var(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.trim().is_empty())
    }

    /// An input of the GitHub Action, by its name in kebab-case; `None` outside of GitHub Actions.
    pub fn input(&self, name: &str) -> Option<String> {
        input(self.get, name)
    }

    /// A path that is no setting: the variable `PRUDENCE_<NAME>`, else the input of the GitHub Action. A `.env` file cannot
    /// set it, since the program writes there and the file may be a stranger's.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let variable = format!("PRUDENCE_{}", name.to_uppercase().replace('-', "_"));
        self.var(&variable).or_else(|| self.input(name)).map(PathBuf::from)
    }

    /// Whether an input of the GitHub Action is `true`.
    pub fn is_on(&self, name: &str) -> bool {
        self.input(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// What `PRUDENCE_<KEY>` says.
    pub fn prudence(&self) -> Result<Layer, ConfigError> {
        Layer::read(&Variables(self))
    }

    /// What the action's inputs say.
    pub fn inputs(&self) -> Result<Layer, ConfigError> {
        Layer::read(&Inputs(self))
    }

    /// What the variables of the chosen model server say: its key, its root and, for Azure, the `api-version`.
    /// `provider` is set where `auto` turns out to be Azure: it alone has a key, and nobody named another server.
    pub fn server(&self, choice: Provider, has_base_url: bool) -> Result<Layer, ConfigError> {
        let openai = self.openai()?;
        let has_other = has_base_url || openai.base_url.is_some() || openai.api_key.is_some();
        match choice {
            Provider::Azure => self.azure(),
            Provider::Auto if !has_other => {
                let azure = self.azure()?;
                match (&azure.api_key, &azure.base_url) {
                    (Some(_), Some(endpoint)) => {
                        let provider = Sourced { value: Provider::Azure, origin: endpoint.origin.clone() };
                        Ok(Layer { provider: Some(provider), ..azure })
                    }
                    _ => Ok(openai),
                }
            }
            Provider::Auto | Provider::OpenAi | Provider::Offline => Ok(openai),
        }
    }

    fn openai(&self) -> Result<Layer, ConfigError> {
        let from_input = self.input("openai-api-key").and_then(|key| Secret::new(&key));
        let from_input = from_input.map(|value| Sourced { value, origin: Origin::Input("openai-api-key") });
        Ok(Layer {
            api_key: from_input.or_else(|| self.secret("OPENAI_API_KEY")),
            base_url: get(&Named(self, "OPENAI_BASE_URL"), &keys::BASE_URL, value::url)?,
            ..Layer::default()
        })
    }

    fn azure(&self) -> Result<Layer, ConfigError> {
        Ok(Layer {
            api_key: self.secret("AZURE_OPENAI_API_KEY"),
            base_url: get(&Named(self, "AZURE_OPENAI_ENDPOINT"), &keys::BASE_URL, value::url)?,
            azure_api_version: get(&Named(self, "AZURE_OPENAI_API_VERSION"), &keys::AZURE_API_VERSION, value::text)?,
            ..Layer::default()
        })
    }

    fn secret(&self, name: &str) -> Option<Sourced<Secret>> {
        let (value, origin) = self.lookup(name)?;
        Some(Sourced { value: Secret::new(&value)?, origin })
    }

    /// A variable or, below it, its line in `.env`.
    fn lookup(&self, name: &str) -> Option<(String, Origin)> {
        let variable = self.var(name).map(|value| (value, Origin::Variable(name.to_owned())));
        variable.or_else(|| Some((self.dotenv.get(name)?.clone(), Origin::DotEnv(name.to_owned()))))
    }
}

/// `PRUDENCE_<KEY>`; a key whose flag has another name takes that, too (`PRUDENCE_MAX_COST`).
struct Variables<'a>(&'a Env<'a>);

impl Source for Variables<'_> {
    fn raw(&self, key: &Key) -> Option<(Raw<'_>, Origin)> {
        let flag = key.flag.and_then(|flag| flag.strip_prefix("--")).filter(|flag| !flag.starts_with("no-"));
        [Some(key.name), flag].into_iter().flatten().find_map(|name| {
            let (value, origin) = self.0.lookup(&format!("PRUDENCE_{}", name.to_uppercase().replace('-', "_")))?;
            Some((Raw::Text(value), origin))
        })
    }
}

/// The inputs of the GitHub Action.
struct Inputs<'a>(&'a Env<'a>);

impl Source for Inputs<'_> {
    fn raw(&self, key: &Key) -> Option<(Raw<'_>, Origin)> {
        let name = key.input?;
        Some((Raw::Text(self.0.input(name)?), Origin::Input(name)))
    }
}

/// One variable with a name of its own.
struct Named<'a>(&'a Env<'a>, &'static str);

impl Source for Named<'_> {
    fn raw(&self, _key: &Key) -> Option<(Raw<'_>, Origin)> {
        let (value, origin) = self.0.lookup(self.1)?;
        Some((Raw::Text(value), origin))
    }
}

/// The lines of a `.env` file that are meant for this program; such files serve others as well, so that nothing in them
/// is an error.
fn parse_dotenv(text: &str) -> BTreeMap<String, String> {
    text.trim_start_matches('\u{feff}').lines().filter_map(dotenv_line).collect()
}

fn dotenv_line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_ours = SERVER_VARIABLES.contains(&name) || name.starts_with("PRUDENCE_");
    let value = match value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => value[1..].split_once(quote).map(|(inside, _)| inside)?,
        None => value.split_once(" #").map_or(value, |(before, _)| before.trim_end()),
    };
    (is_ours && !value.trim().is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(parse_dotenv(text), expected, "{text:?}");
    }

    #[test]
    fn dotenv_lines_that_are_ours_are_read() {
        check("OPENAI_API_KEY=sk-1", &[("OPENAI_API_KEY", "sk-1")]);
        check("\u{feff}export PRUDENCE_MODEL = m # why\r\n", &[("PRUDENCE_MODEL", "m")]);
        check("OPENAI_API_KEY=\"sk #1\" # why", &[("OPENAI_API_KEY", "sk #1")]);
        check("OPENAI_API_KEY='sk=1'", &[("OPENAI_API_KEY", "sk=1")]);
        check("AZURE_OPENAI_ENDPOINT=https://h/#x", &[("AZURE_OPENAI_ENDPOINT", "https://h/#x")]);
        check("OPENAI_API_KEY=a\nOPENAI_API_KEY=b", &[("OPENAI_API_KEY", "b")]);
    }

    #[test]
    fn everything_else_is_left_alone() {
        check("", &[]);
        check("# OPENAI_API_KEY=sk-1", &[]);
        check("GITHUB_TOKEN=x\nPATH=/evil\nCI=true", &[]);
        check("OPENAI_API_KEY=\nOPENAI_API_KEY=''\nOPENAI_API_KEY", &[]);
        check("OPENAI_API_KEY=\"open", &[]);
        check("OPENAI_API_KEY=\u{201c}", &[("OPENAI_API_KEY", "\u{201c}")]);
    }
}
