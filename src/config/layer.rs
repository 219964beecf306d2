//! A layer of settings: what one source says, every key optional.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::keys::{self, Key};
use super::value::{self, Problem, Raw, Reading};
use super::{Config, ContextLevel, Effort, PathRule, PriceOverride, Provider, ReviewEvent, Skip};
use crate::secret::Secret;
use crate::severity::Severity;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(String),
    /// A variable of the repository's `.env` file.
    DotEnv(String),
    /// An input of the GitHub Action.
    Input(&'static str),
    /// A line of the configuration file, counted from 1.
    File {
        /// The file as it was named.
        name: String,
        /// The line.
        line: usize,
    },
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "flag {name}"),
            Origin::Variable(name) => write!(f, "variable {name}"),
            Origin::DotEnv(name) => write!(f, "variable {name} in .env"),
            Origin::Input(name) => write!(f, "action input {name}"),
            Origin::File { name, line } => write!(f, "{}:{line}", value::shown(name)),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// A setting that is not taken. Ends a run with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}\nhint: {hint}")]
pub struct ConfigError {
    /// Where it stands.
    pub origin: String,
    /// The key and what is wrong with it.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What a layer is read from.
pub trait Source {
    /// What the source says of a key.
    fn raw(&self, key: &Key) -> Option<(Raw<'_>, Origin)>;

    /// The key as a message names it.
    fn path(&self, key: &Key) -> String {
        key.name.to_owned()
    }
}

/// Reads one key of a source. Fails where the value is of another kind or out of range.
pub fn get<T>(
    source: &dyn Source,
    key: &Key,
    read: impl FnOnce(&Raw, &Key) -> Reading<T>,
) -> Result<Option<Sourced<T>>, ConfigError> {
    let Some((raw, origin)) = source.raw(key) else { return Ok(None) };
    match read(&raw, key) {
        Ok(value) => Ok(value.map(|value| Sourced { value, origin })),
        Err(problem) => Err(refused(&source.path(key), key, &raw, &origin, problem)),
    }
}

/// The message for a value that is not taken.
fn refused(path: &str, key: &Key, raw: &Raw, origin: &Origin, problem: Problem) -> ConfigError {
    let message = format!("`{path}` must be {}, found {}", key.kind.expected(), problem.found);
    let hint = problem.hint.unwrap_or_else(|| match raw {
        Raw::Toml(_) => format!("write for example `{} = {}`", key.name, key.example()),
        _ => {
            let list = key.example().trim_matches(|c| matches!(c, '[' | ']'));
            format!("set for example `{}`, or leave it empty", list.replace('"', ""))
        }
    });
    ConfigError { origin: origin.to_string(), message, hint }
}

/// What one source says. The fields are those of [`Config`].
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of `Config`, each optional")]
pub struct Layer {
    pub provider: Option<Sourced<Provider>>,
    pub model: Option<Sourced<String>>,
    pub verify_model: Option<Sourced<String>>,
    pub base_url: Option<Sourced<String>>,
    pub azure_api_version: Option<Sourced<String>>,
    pub api_key: Option<Sourced<Secret>>,
    pub language: Option<Sourced<String>>,
    pub max_cost_usd: Option<Sourced<Option<f64>>>,
    pub chunk_tokens: Option<Sourced<usize>>,
    pub max_output_tokens: Option<Sourced<u32>>,
    pub concurrency: Option<Sourced<usize>>,
    pub deadline_secs: Option<Sourced<u64>>,
    pub min_severity: Option<Sourced<Severity>>,
    pub min_confidence: Option<Sourced<u8>>,
    pub max_comments: Option<Sourced<usize>>,
    pub fail_on: Option<Sourced<Option<Severity>>>,
    pub review_event: Option<Sourced<ReviewEvent>>,
    pub fallback_models: Option<Sourced<Vec<String>>>,
    pub effort: Option<Sourced<Effort>>,
    pub verify: Option<Sourced<bool>>,
    pub context: Option<Sourced<ContextLevel>>,
    pub context_tokens: Option<Sourced<usize>>,
    pub embedding_model: Option<Sourced<String>>,
    pub include: Option<Sourced<Vec<String>>>,
    pub exclude: Option<Sourced<Vec<String>>>,
    pub instructions: Option<Sourced<String>>,
    pub skip: Option<Sourced<Skip>>,
    pub paths: Option<Sourced<Vec<PathRule>>>,
    pub prices: Option<Sourced<BTreeMap<String, PriceOverride>>>,
    pub checks: Option<Sourced<BTreeMap<String, bool>>>,
}

impl Layer {
    /// Reads every key that is not a table: those exist in every source, tables only in the file.
    pub fn read(source: &dyn Source) -> Result<Layer, ConfigError> {
        Ok(Layer {
            provider: get(source, &keys::PROVIDER, value::choice)?,
            model: get(source, &keys::MODEL, value::text)?,
            verify_model: get(source, &keys::VERIFY_MODEL, value::text)?,
            base_url: get(source, &keys::BASE_URL, value::url)?,
            language: get(source, &keys::LANGUAGE, value::language)?,
            max_cost_usd: get(source, &keys::MAX_COST_USD, value::limit)?,
            chunk_tokens: get(source, &keys::CHUNK_TOKENS, value::integer)?,
            max_output_tokens: get(source, &keys::MAX_OUTPUT_TOKENS, value::integer)?,
            concurrency: get(source, &keys::CONCURRENCY, value::integer)?,
            deadline_secs: get(source, &keys::DEADLINE_SECS, value::integer)?,
            min_severity: get(source, &keys::MIN_SEVERITY, value::choice)?,
            min_confidence: get(source, &keys::MIN_CONFIDENCE, value::integer)?,
            max_comments: get(source, &keys::MAX_COMMENTS, value::integer)?,
            fail_on: get(source, &keys::FAIL_ON, value::fail_on)?,
            review_event: get(source, &keys::REVIEW_EVENT, value::choice)?,
            fallback_models: get(source, &keys::FALLBACK_MODELS, value::texts)?,
            effort: get(source, &keys::EFFORT, value::choice)?,
            verify: get(source, &keys::VERIFY, value::boolean)?,
            context: get(source, &keys::CONTEXT, value::choice)?,
            context_tokens: get(source, &keys::CONTEXT_TOKENS, value::integer)?,
            embedding_model: get(source, &keys::EMBEDDING_MODEL, value::text)?,
            include: get(source, &keys::INCLUDE, value::globs)?,
            exclude: get(source, &keys::EXCLUDE, value::globs)?,
            instructions: get(source, &keys::INSTRUCTIONS, value::prose)?,
            ..Layer::default()
        })
    }

    /// Keeps what `self` sets and takes the rest from `lower`.
    pub fn or(self, lower: Layer) -> Layer {
        Layer {
            provider: self.provider.or(lower.provider),
            model: self.model.or(lower.model),
            verify_model: self.verify_model.or(lower.verify_model),
            base_url: self.base_url.or(lower.base_url),
            azure_api_version: self.azure_api_version.or(lower.azure_api_version),
            api_key: self.api_key.or(lower.api_key),
            language: self.language.or(lower.language),
            max_cost_usd: self.max_cost_usd.or(lower.max_cost_usd),
            chunk_tokens: self.chunk_tokens.or(lower.chunk_tokens),
            max_output_tokens: self.max_output_tokens.or(lower.max_output_tokens),
            concurrency: self.concurrency.or(lower.concurrency),
            deadline_secs: self.deadline_secs.or(lower.deadline_secs),
            min_severity: self.min_severity.or(lower.min_severity),
            min_confidence: self.min_confidence.or(lower.min_confidence),
            max_comments: self.max_comments.or(lower.max_comments),
            fail_on: self.fail_on.or(lower.fail_on),
            review_event: self.review_event.or(lower.review_event),
            fallback_models: self.fallback_models.or(lower.fallback_models),
            effort: self.effort.or(lower.effort),
            verify: self.verify.or(lower.verify),
            context: self.context.or(lower.context),
            context_tokens: self.context_tokens.or(lower.context_tokens),
            embedding_model: self.embedding_model.or(lower.embedding_model),
            include: self.include.or(lower.include),
            exclude: self.exclude.or(lower.exclude),
            instructions: self.instructions.or(lower.instructions),
            skip: self.skip.or(lower.skip),
            paths: self.paths.or(lower.paths),
            prices: self.prices.or(lower.prices),
            checks: self.checks.or(lower.checks),
        }
    }

    /// Fills what nobody set with the defaults.
    pub fn resolve(self) -> (Config, Origins) {
        let mut origins = Origins::default();
        let model = origins.note(&keys::MODEL, self.model).unwrap_or_else(|| "gpt-4o-mini".to_owned());
        let default_url = || "https://api.openai.com/v1".to_owned();
        let api_key = self.api_key.map(|key| {
            origins.key = Some(key.origin);
            key.value
        });
        let config = Config {
            provider: origins.note(&keys::PROVIDER, self.provider).unwrap_or(Provider::Auto),
            // a server with another `model` need not have OpenAI's, so the second look goes to the same by default
            verify_model: origins.note(&keys::VERIFY_MODEL, self.verify_model).unwrap_or_else(|| model.clone()),
            model,
            base_url: origins.note(&keys::BASE_URL, self.base_url).unwrap_or_else(default_url),
            azure_api_version: self.azure_api_version.map_or_else(|| AZURE_API_VERSION.to_owned(), |v| v.value),
            api_key,
            language: origins.note(&keys::LANGUAGE, self.language).unwrap_or_else(|| "en".to_owned()),
            max_cost_usd: origins.note(&keys::MAX_COST_USD, self.max_cost_usd).unwrap_or(Some(1.0)),
            chunk_tokens: origins.note(&keys::CHUNK_TOKENS, self.chunk_tokens).unwrap_or(6000),
            max_output_tokens: origins.note(&keys::MAX_OUTPUT_TOKENS, self.max_output_tokens).unwrap_or(4096),
            concurrency: origins.note(&keys::CONCURRENCY, self.concurrency).unwrap_or(6),
            deadline: Duration::from_secs(origins.note(&keys::DEADLINE_SECS, self.deadline_secs).unwrap_or(600)),
            min_severity: origins.note(&keys::MIN_SEVERITY, self.min_severity).unwrap_or(Severity::Minor),
            min_confidence: origins.note(&keys::MIN_CONFIDENCE, self.min_confidence).unwrap_or(0),
            max_comments: origins.note(&keys::MAX_COMMENTS, self.max_comments).unwrap_or(10),
            fail_on: origins.note(&keys::FAIL_ON, self.fail_on).unwrap_or(None),
            review_event: origins.note(&keys::REVIEW_EVENT, self.review_event).unwrap_or(ReviewEvent::Comment),
            fallback_models: origins.note(&keys::FALLBACK_MODELS, self.fallback_models).unwrap_or_default(),
            effort: origins.note(&keys::EFFORT, self.effort).unwrap_or(Effort::Balanced),
            verify: origins.note(&keys::VERIFY, self.verify).unwrap_or(true),
            context: origins.note(&keys::CONTEXT, self.context).unwrap_or(ContextLevel::Symbols),
            context_tokens: origins.note(&keys::CONTEXT_TOKENS, self.context_tokens).unwrap_or(1500),
            embedding_model: origins.note(&keys::EMBEDDING_MODEL, self.embedding_model),
            include: origins.note(&keys::INCLUDE, self.include).unwrap_or_default(),
            exclude: origins.note(&keys::EXCLUDE, self.exclude).unwrap_or_default(),
            instructions: origins.note(&keys::INSTRUCTIONS, self.instructions),
            skip: origins.note(&keys::SKIP, self.skip).unwrap_or_default(),
            paths: origins.note(&keys::PATHS, self.paths).unwrap_or_default(),
            prices: origins.note(&keys::PRICES, self.prices).unwrap_or_default(),
            checks: origins.note(&keys::CHECKS, self.checks).unwrap_or_default(),
        };
        (config, origins)
    }
}

/// The `api-version` of Azure's that is known to take structured outputs.
const AZURE_API_VERSION: &str = "2024-10-21";

/// Where each effective value came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    set: BTreeMap<&'static str, Origin>,
    key: Option<Origin>,
}

impl Origins {
    /// Where a key's value came from.
    pub fn of(&self, key: &Key) -> &Origin {
        self.set.get(key.name).unwrap_or(&Origin::Default)
    }

    /// Where the model server's key came from; `None` without one.
    pub fn of_api_key(&self) -> Option<&Origin> {
        self.key.as_ref()
    }

    fn note<T>(&mut self, key: &Key, setting: Option<Sourced<T>>) -> Option<T> {
        setting.map(|setting| {
            self.set.insert(key.name, setting.origin);
            setting.value
        })
    }
}
