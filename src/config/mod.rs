//! The effective configuration: what the rest of the program sees, with nothing left to default.
//!
//! Each source of settings (flags, `PRUDENCE_*`, action inputs, `.prudence.toml`) fills a [`layer::Layer`] through the one
//! table of keys in [`keys`] and the readers in [`value`]; [`load`] puts the layers over each other and resolves them.

pub mod ci;
pub mod env;
pub mod file;
pub mod keys;
pub mod layer;
pub mod merge;
pub mod provider;
pub mod pull;
pub mod schema;
pub mod show;
pub mod value;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::secret::Secret;
use crate::severity::Severity;
use env::Env;
use layer::{ConfigError, Layer, Origins};

/// Puts the layers over each other and resolves them: flag > `PRUDENCE_<KEY>` > action input > the model server's own
/// variables > file > default. Where `provider` is `auto` and only Azure's variables are set, it becomes `azure`.
///
/// Fails where a variable or an input holds a value that its key does not take.
pub fn load(flags: Layer, env: &Env, file: Layer) -> Result<(Config, Origins), ConfigError> {
    let explicit = flags.or(env.prudence()?).or(env.inputs()?);
    let choice = explicit.provider.as_ref().or(file.provider.as_ref()).map_or(Provider::Auto, |choice| choice.value);
    let server = env.server(choice, explicit.base_url.is_some())?;
    // what the variables made of `auto` stands above the word itself
    let chosen = Layer { provider: server.provider.clone(), ..Layer::default() };
    Ok(chosen.or(explicit).or(server).or(file).resolve())
}

/// Everything that steers a run, resolved. No `Option` here means "default".
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which model server is asked.
    pub provider: Provider,
    /// The reviewing model.
    pub model: String,
    /// The model of the second look.
    pub verify_model: String,
    /// Root of the Chat Completions API, without a slash at its end (for Azure: the resource's endpoint).
    pub base_url: String,
    /// Azure's `api-version`.
    pub azure_api_version: String,
    /// The model server's key; `None` where none was given.
    pub api_key: Option<Secret>,
    /// Language tag of the answers (`en`, `vi`).
    pub language: String,
    /// Dollars that a run may spend at most: with `0` no request is sent. `None`, written `inf`, is no limit.
    pub max_cost_usd: Option<f64>,
    /// Size that a prompt aims at, in tokens.
    pub chunk_tokens: usize,
    /// Tokens that an answer may have.
    pub max_output_tokens: u32,
    /// Requests to the model at a time.
    pub concurrency: usize,
    /// Time that the whole review may take.
    pub deadline: Duration,
    /// Findings below are suppressed.
    pub min_severity: Severity,
    /// Findings below are suppressed, 0 to 100.
    pub min_confidence: u8,
    /// Line comments on a request; the rest is listed in the summary.
    pub max_comments: usize,
    /// The severity from which the run ends with exit code 1; `None` is `never`.
    pub fail_on: Option<Severity>,
    /// The event of a posted review.
    pub review_event: ReviewEvent,
    /// Models to go to when the first is missing or overloaded.
    pub fallback_models: Vec<String>,
    /// How much is asked.
    pub effort: Effort,
    /// Whether findings get a second look.
    pub verify: bool,
    /// What the model sees beside the hunks.
    pub context: ContextLevel,
    /// Tokens of that in a prompt, at most.
    pub context_tokens: usize,
    /// The model of embeddings that tells whether two findings say the same; `None`: their words tell.
    pub embedding_model: Option<String>,
    /// Only files that match one of these are reviewed; empty means all.
    pub include: Vec<String>,
    /// Files that match one of these are left out.
    pub exclude: Vec<String>,
    /// What the team tells the reviewer.
    pub instructions: Option<String>,
    /// Requests that are not reviewed at all.
    pub skip: Skip,
    /// Settings for parts of the repository, in the file's order.
    pub paths: Vec<PathRule>,
    /// Prices that override the embedded ones, by model.
    pub prices: BTreeMap<String, PriceOverride>,
    /// Built-in checks that are switched off or on, by rule name; a rule not named is on.
    pub checks: BTreeMap<String, bool>,
}

/// Which model server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// `openai` where there is a key, else `offline` (see the interface for CI).
    Auto,
    /// OpenAI or any server that speaks Chat Completions.
    #[value(name = "openai")]
    #[serde(rename = "openai")]
    OpenAi,
    /// Azure OpenAI.
    Azure,
    /// No model: the built-in checks alone.
    Offline,
}

/// How much is asked of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// One pass, no second look.
    Low,
    /// Three passes and a second look.
    Balanced,
    /// Five passes and a second look on all.
    High,
}

/// What the model sees beside the hunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextLevel {
    /// Nothing.
    Hunk,
    /// The enclosing function and the imports that are used.
    Function,
    /// Also the definitions that the lines use; for the second look also the callers of what they change.
    Symbols,
}

/// The event of a posted review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewEvent {
    /// Remarks that block nothing.
    Comment,
    /// Blocks merging where findings reach `fail-on`.
    RequestChanges,
}

/// Requests that are not reviewed at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Drafts.
    pub drafts: bool,
    /// Requests that a bot opened.
    pub bots: bool,
    /// Requests with one of these labels.
    pub labels: Vec<String>,
    /// Requests with one of these texts in their title or description, in letters of either case.
    pub words: Vec<String>,
}

impl Default for Skip {
    fn default() -> Self {
        Skip { drafts: true, bots: true, labels: vec!["no-review".to_owned()], words: vec!["[skip review]".to_owned()] }
    }
}

/// Settings for the files that match a glob.
#[derive(Debug, Clone, PartialEq)]
pub struct PathRule {
    /// Which files.
    pub glob: String,
    /// What the team tells the reviewer about them.
    pub instructions: Option<String>,
    /// The lowest severity that is reported there.
    pub min_severity: Option<Severity>,
}

/// A price that the user gives, in dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PriceOverride {
    /// Input tokens.
    pub input: f64,
    /// Input tokens that the provider had in its cache; `input` where not given.
    pub cached_input: Option<f64>,
    /// Output tokens, reasoning included.
    pub output: f64,
}

#[cfg(test)]
mod tests {
    use super::layer::Origin;
    use super::*;
    use crate::cli;

    const ACTIONS: (&str, &str) = ("GITHUB_ACTIONS", "true");

    fn loaded(flags: &str, env: &[(&str, &str)], dotenv: &str, file: &str) -> Result<(Config, Origins), ConfigError> {
        let get = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let line = format!("prudence config {flags}");
        let flags = match cli::parse(line.split_whitespace()).unwrap().command {
            cli::Command::Config(args) => args.settings.layer()?,
            other => panic!("{other:?}"),
        };
        load(flags, &Env::new(&get, Some(dotenv)), file::parse(file::NAME, file.as_bytes(), &[])?)
    }

    #[track_caller]
    fn check_model(flags: &str, env: &[(&str, &str)], dotenv: &str, file: &str, expected: (&str, Origin)) {
        let (config, origins) = loaded(flags, env, dotenv, file).unwrap();
        assert_eq!((config.model.as_str(), origins.of(&keys::MODEL)), (expected.0, &expected.1));
    }

    #[test]
    fn a_flag_beats_a_variable_beats_an_input_beats_the_file() {
        let (file, dotenv) = ("model = 'file'", "PRUDENCE_MODEL=dotenv");
        let variable = ("PRUDENCE_MODEL", "variable");
        let input = ("INPUT_MODEL", "input");
        let named = |name: &str| Origin::Variable(name.to_owned());
        check_model("--model flag", &[ACTIONS, variable, input], "", file, ("flag", Origin::Flag("--model")));
        check_model("", &[ACTIONS, variable, input], "", file, ("variable", named("PRUDENCE_MODEL")));
        check_model("", &[ACTIONS, input], "", file, ("input", Origin::Input("model")));
        check_model("", &[variable], dotenv, file, ("variable", named("PRUDENCE_MODEL")));
        check_model("", &[], dotenv, file, ("dotenv", Origin::DotEnv("PRUDENCE_MODEL".to_owned())));
        check_model("", &[], "", file, ("file", Origin::File { name: ".prudence.toml".to_owned(), line: 1 }));
        check_model("", &[], "", "", ("gpt-4o-mini", Origin::Default));
        check_model(
            "",
            &[ACTIONS, ("PRUDENCE_MODEL", " "), ("INPUT_MODEL", "")],
            "",
            "model = ''",
            ("gpt-4o-mini", Origin::Default),
        );
    }

    #[test]
    fn inputs_count_in_github_actions_alone_and_dotenv_nowhere_in_ci() {
        let default = || ("gpt-4o-mini", Origin::Default);
        check_model("", &[("INPUT_MODEL", "input")], "", "", default());
        for ci in [ACTIONS, ("CI", "true"), ("GITLAB_CI", "true")] {
            check_model("", &[ci], "PRUDENCE_MODEL=dotenv", "", default());
        }
    }

    #[test]
    fn variables_and_inputs_have_the_names_of_their_keys() {
        let cost = |env| loaded("", env, "", "").unwrap().0.max_cost_usd;
        assert_eq!(cost(&[("PRUDENCE_MAX_COST_USD", "2")]), Some(2.0));
        assert_eq!(cost(&[("PRUDENCE_MAX_COST", "2")]), Some(2.0));
        assert_eq!(cost(&[ACTIONS, ("INPUT_MAX-COST", "2")]), Some(2.0));
        assert_eq!(cost(&[ACTIONS, ("INPUT_MAX_COST", "2")]), Some(2.0));
        let (config, _) = loaded(
            "",
            &[
                ("PRUDENCE_VERIFY", "false"),
                ("PRUDENCE_DEADLINE_SECS", "5"),
                ("PRUDENCE_FALLBACK_MODELS", "a, b"),
                ("PRUDENCE_FAIL_ON", "info"),
            ],
            "",
            "verify = true",
        )
        .unwrap();
        assert_eq!((config.verify, config.deadline.as_secs()), (false, 5));
        assert_eq!(
            (config.fallback_models, config.fail_on),
            (vec!["a".to_owned(), "b".to_owned()], Some(Severity::Info))
        );
    }

    #[test]
    fn a_bad_value_names_its_source() {
        let message = |env| loaded("", env, "", "").unwrap_err().to_string();
        assert_eq!(
            message(&[("PRUDENCE_CHUNK_TOKENS", "12")]),
            "variable PRUDENCE_CHUNK_TOKENS: `chunk-tokens` must be an integer from 200 to 1000000, found `12`\nhint: set for example `6000`, or leave it empty"
        );
        assert_eq!(
            message(&[ACTIONS, ("INPUT_FAIL-ON", "hihg")]),
            "action input fail-on: `fail-on` must be one of `never`, `critical`, `major`, `minor`, `info`, found `hihg`\nhint: set for example `never`, or leave it empty"
        );
        assert!(message(&[("OPENAI_BASE_URL", "sk-1")]).starts_with("variable OPENAI_BASE_URL: `base-url` must be"));
    }

    #[test]
    fn the_second_look_goes_to_the_same_model_unless_told() {
        let models = |flags, file| loaded(flags, &[], "", file).map(|(c, _)| (c.model, c.verify_model)).unwrap();
        assert_eq!(models("--model a", ""), ("a".to_owned(), "a".to_owned()));
        assert_eq!(models("--model a", "verify-model = 'b'"), ("a".to_owned(), "b".to_owned()));
    }

    #[track_caller]
    fn check_server(flags: &str, env: &[(&str, &str)], file: &str, expected: (Provider, &str, Option<&str>)) {
        let (config, _) = loaded(flags, env, "", file).unwrap();
        let key = config.api_key.as_ref().map(Secret::expose);
        assert_eq!((config.provider, config.base_url.as_str(), key), expected, "{flags} {env:?} {file}");
    }

    #[test]
    fn key_and_server_belong_together() {
        const OPENAI: &str = "https://api.openai.com/v1";
        let key = ("OPENAI_API_KEY", "sk-1");
        let endpoint = ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com/");
        let azure_key = ("AZURE_OPENAI_API_KEY", "az");
        let azure = (Provider::Azure, "https://r.openai.azure.com", Some("az"));
        check_server("", &[], "", (Provider::Auto, OPENAI, None));
        check_server("", &[("OPENAI_API_KEY", " 'sk-1'\n")], "", (Provider::Auto, OPENAI, Some("sk-1")));
        check_server("", &[("OPENAI_API_KEY", "''")], "", (Provider::Auto, OPENAI, None));
        check_server("", &[key, endpoint, azure_key], "", (Provider::Auto, OPENAI, Some("sk-1")));
        check_server("", &[endpoint, azure_key], "", azure);
        check_server("--provider auto", &[endpoint, azure_key], "base-url = 'https://x/v1'", azure);
        check_server(
            "--base-url http://localhost/v1",
            &[endpoint, azure_key],
            "",
            (Provider::Auto, "http://localhost/v1", None),
        );
        check_server("", &[endpoint], "", (Provider::Auto, OPENAI, None));
        check_server("--provider azure", &[key, endpoint, azure_key], "", azure);
        check_server(
            "--provider azure --base-url https://y",
            &[azure_key],
            "",
            (Provider::Azure, "https://y", Some("az")),
        );
        check_server("", &[key, endpoint, azure_key], "provider = 'azure'", azure);
        check_server("--provider openai", &[endpoint, azure_key], "", (Provider::OpenAi, OPENAI, None));
        check_server(
            "",
            &[key, ("OPENAI_BASE_URL", "http://h/v1/")],
            "base-url = 'http://f'",
            (Provider::Auto, "http://h/v1", Some("sk-1")),
        );
        check_server("", &[ACTIONS, key, ("INPUT_OPENAI-API-KEY", "sk-2")], "", (Provider::Auto, OPENAI, Some("sk-2")));
        check_server("", &[ACTIONS, key, ("INPUT_OPENAI-API-KEY", "")], "", (Provider::Auto, OPENAI, Some("sk-1")));
        check_server(
            "",
            &[ACTIONS, ("OPENAI_BASE_URL", "http://o"), ("INPUT_BASE-URL", "http://i")],
            "",
            (Provider::Auto, "http://i", None),
        );
    }

    #[test]
    fn azure_has_its_version() {
        let version = |env| loaded("--provider azure", env, "", "").unwrap().0.azure_api_version;
        assert_eq!(version(&[]), "2024-10-21");
        assert_eq!(version(&[("AZURE_OPENAI_API_VERSION", "2025-01-01-preview")]), "2025-01-01-preview");
    }
}
