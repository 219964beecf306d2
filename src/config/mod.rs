//! The effective configuration: what the rest of the program sees, with nothing left to default.
//!
//! Each source of settings (flags, `PRUDENCE_*`, action inputs, `.prudence.toml`) fills a [`layer::Layer`] through the one
//! table of keys in [`keys`] and the readers in [`value`]; [`load`] puts the layers over each other and resolves them.

pub mod ci;
pub mod env;
pub mod file;
pub mod keys;
pub mod layer;
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
}

impl Default for Skip {
    fn default() -> Self {
        Skip { drafts: true, bots: true, labels: vec!["no-review".to_owned()] }
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
