//! The one table of keys: names, kinds, ranges and defaults, from which the readers, the messages and the schema come.

/// One key of `.prudence.toml`.
#[derive(Debug)]
pub struct Key {
    /// Name in the file.
    pub name: &'static str,
    /// The flag that sets it, with its dashes.
    pub flag: Option<&'static str>,
    /// The GitHub Action's input that sets it.
    pub input: Option<&'static str>,
    /// What it is, for the schema.
    pub about: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as a literal that is the same in TOML and in JSON; `None` where there is none, or no single one.
    pub default: Option<&'static str>,
}

/// What a key takes.
#[derive(Debug)]
pub enum Kind {
    /// One line of text.
    Text,
    /// Text of any number of lines.
    Prose,
    /// Root of a web API.
    Url,
    /// Language tag.
    Language,
    /// A glob.
    Glob,
    /// `true` or `false`.
    Boolean,
    /// An integer in a range, both ends included.
    Integer {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// Dollars, finite.
    Dollars,
    /// Dollars, or `inf` for no limit.
    Limit,
    /// One word of a closed list.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of globs.
    Globs,
    /// One table with these keys.
    Table(&'static [&'static Key]),
    /// An array of tables with these keys.
    Tables(&'static [&'static Key]),
    /// A table of tables with these keys, by a name that the user chooses.
    Named(&'static [&'static Key]),
    /// The built-in checks, each `true` or `false`.
    Checks,
}

impl Kind {
    /// What a message says that the key must be.
    pub fn expected(&self) -> String {
        match self {
            Kind::Text | Kind::Prose => "a string".to_owned(),
            Kind::Url => "an http or https URL".to_owned(),
            Kind::Language => "a language tag (letters, digits and `-`, at most 35)".to_owned(),
            Kind::Glob => "a glob".to_owned(),
            Kind::Boolean => "`true` or `false`".to_owned(),
            Kind::Integer { min, max } => format!("an integer from {min} to {max}"),
            Kind::Dollars => "a finite number of at least 0".to_owned(),
            Kind::Limit => "a number of at least 0, or `inf`".to_owned(),
            Kind::Choice(words) => format!("one of `{}`", words.join("`, `")),
            Kind::Texts => "a list of strings".to_owned(),
            Kind::Globs => "a list of globs".to_owned(),
            Kind::Table(_) | Kind::Named(_) | Kind::Checks => "a table".to_owned(),
            Kind::Tables(_) => "an array of tables".to_owned(),
        }
    }

    /// The words of a closed list; empty for any other kind.
    pub fn words(&self) -> &'static [&'static str] {
        match self {
            Kind::Choice(words) => words,
            _ => &[],
        }
    }
}

impl Key {
    /// A value that the key takes, in TOML.
    pub fn example(&self) -> &'static str {
        match (&self.kind, self.default) {
            (Kind::Globs, _) => r#"["**/generated/**"]"#,
            (Kind::Texts, _) => r#"["first", "second"]"#,
            (_, Some(default)) => default,
            (Kind::Glob, _) => r#""migrations/**""#,
            (Kind::Boolean, _) => "true",
            (Kind::Dollars, _) => "0.10",
            (Kind::Choice(_), _) => r#""info""#,
            (Kind::Table(_) | Kind::Named(_) | Kind::Checks, _) => "{ … }",
            (Kind::Tables(_), _) => "[{ … }]",
            _ => r#""text""#,
        }
    }
}

/// A key with nothing but its name, to be completed by struct update.
const fn key(name: &'static str, about: &'static str, kind: Kind) -> Key {
    Key { name, flag: None, input: None, about, kind, default: None }
}

/// The words of [`crate::severity::Severity`].
const SEVERITIES: &[&str] = &["critical", "major", "minor", "info"];

macro_rules! keys {
    ($($id:ident = $name:literal, $about:literal, $kind:expr $(, $field:ident: $value:literal)*;)*) => {
        $(
            #[doc = $about]
            pub const $id: Key = Key { $($field: Some($value),)* ..key($name, $about, $kind) };
        )*
    };
}

keys! {
    PROVIDER = "provider", "Which model server is asked.",
        Kind::Choice(&["auto", "openai", "azure", "offline"]), flag: "--provider", default: r#""auto""#;
    MODEL = "model", "The reviewing model.",
        Kind::Text, flag: "--model", input: "model", default: r#""gpt-4o-mini""#;
    VERIFY_MODEL = "verify-model", "The model of the second look; `model` where not given.",
        Kind::Text, input: "verify-model";
    BASE_URL = "base-url", "Root of the Chat Completions API.",
        Kind::Url, flag: "--base-url", input: "base-url", default: r#""https://api.openai.com/v1""#;
    LANGUAGE = "language", "Language tag of findings, comments and summaries; the fixed phrases are there in `en` and `vi`.",
        Kind::Language, flag: "--language", input: "language", default: r#""en""#;
    MAX_COST_USD = "max-cost-usd", "Dollars that a run may spend at most; with 0 nothing is sent, `inf` is no limit.",
        Kind::Limit, flag: "--max-cost", input: "max-cost", default: "1.0";
    CHUNK_TOKENS = "chunk-tokens", "Size that a prompt aims at, in tokens.",
        Kind::Integer { min: 200, max: 1_000_000 }, flag: "--chunk-tokens", default: "6000";
    MAX_OUTPUT_TOKENS = "max-output-tokens", "Tokens that an answer may have.",
        Kind::Integer { min: 16, max: 1_000_000 }, default: "4096";
    CONCURRENCY = "concurrency", "Requests to the model at a time.",
        Kind::Integer { min: 1, max: 64 }, flag: "--concurrency", default: "6";
    DEADLINE_SECS = "deadline-secs", "Time that the whole review may take, in seconds.",
        Kind::Integer { min: 1, max: 604_800 }, flag: "--deadline", default: "600";
    MIN_SEVERITY = "min-severity", "Findings below are suppressed.",
        Kind::Choice(SEVERITIES), flag: "--min-severity", input: "min-severity", default: r#""minor""#;
    MIN_CONFIDENCE = "min-confidence", "Findings of which the model is less sure are suppressed, 0 to 100.",
        Kind::Integer { min: 0, max: 100 }, flag: "--min-confidence", input: "min-confidence", default: "0";
    MAX_COMMENTS = "max-comments", "Line comments on a request; the rest is listed in the summary.",
        Kind::Integer { min: 0, max: 1000 }, flag: "--max-comments", input: "max-comments", default: "10";
    FAIL_ON = "fail-on", "The severity from which the run ends with exit code 1.",
        Kind::Choice(&["never", "critical", "major", "minor", "info"]),
        flag: "--fail-on", input: "fail-on", default: r#""never""#;
    REVIEW_EVENT = "review-event", "The event of a posted review.",
        Kind::Choice(&["comment", "request-changes"]), default: r#""comment""#;
    FALLBACK_MODELS = "fallback-models", "Models to go to when the first is missing or overloaded.",
        Kind::Texts, default: "[]";
    EFFORT = "effort", "How much is asked of the model.",
        Kind::Choice(&["low", "balanced", "high"]), flag: "--effort", input: "effort", default: r#""balanced""#;
    VERIFY = "verify", "Whether findings get a second look.",
        Kind::Boolean, flag: "--no-verify", default: "true";
    CONTEXT = "context", "What the model sees beside the hunks: nothing, the enclosing function, or also what the lines use.",
        Kind::Choice(&["hunk", "function", "symbols"]), flag: "--context", default: r#""symbols""#;
    CONTEXT_TOKENS = "context-tokens", "Tokens of that in a prompt, at most; a quarter of `chunk-tokens` where that is less.",
        Kind::Integer { min: 0, max: 1_000_000 }, default: "1500";
    EMBEDDING_MODEL = "embedding-model", "A model of embeddings that tells whether two findings say the same; none where not given.",
        Kind::Text;
    INCLUDE = "include", "Only files that match one of these are reviewed; empty means all.",
        Kind::Globs, flag: "--include", input: "include", default: "[]";
    EXCLUDE = "exclude", "Files that match one of these are left out.",
        Kind::Globs, flag: "--exclude", input: "exclude", default: "[]";
    INSTRUCTIONS = "instructions", "What the team tells the reviewer.",
        Kind::Prose;
    SKIP = "skip", "Requests that are not reviewed at all.",
        Kind::Table(SKIP_KEYS);
    PATHS = "paths", "Settings for the files that match a glob.",
        Kind::Tables(PATHS_KEYS);
    PRICES = "prices", "Prices by model, in dollars for a million tokens, that override the embedded ones.",
        Kind::Named(PRICES_KEYS);
    CHECKS = "checks", "Built-in checks that are switched off or on; one not named is on.",
        Kind::Checks;

    AZURE_API_VERSION = "azure-api-version", "Azure's `api-version`; of the environment alone.", Kind::Text;

    SKIP_DRAFTS = "drafts", "Drafts.", Kind::Boolean, default: "true";
    SKIP_BOTS = "bots", "Requests that a bot opened.", Kind::Boolean, default: "true";
    SKIP_LABELS = "labels", "Requests with one of these labels.", Kind::Texts, default: r#"["no-review"]"#;
    SKIP_WORDS = "words", "Requests with one of these texts in their title or description.",
        Kind::Texts, default: r#"["[skip review]"]"#;

    PATHS_GLOB = "glob", "Which files.", Kind::Glob;
    PATHS_INSTRUCTIONS = "instructions", "What the team tells the reviewer about them.", Kind::Prose;
    PATHS_MIN_SEVERITY = "min-severity", "The lowest severity that is reported there.", Kind::Choice(SEVERITIES);

    PRICES_INPUT = "input", "Input tokens.", Kind::Dollars;
    PRICES_CACHED_INPUT = "cached-input", "Input tokens that the provider had in its cache; `input` where not given.",
        Kind::Dollars;
    PRICES_OUTPUT = "output", "Output tokens, reasoning included.", Kind::Dollars;
}

/// The keys of `skip`.
pub const SKIP_KEYS: &[&Key] = &[&SKIP_DRAFTS, &SKIP_BOTS, &SKIP_LABELS, &SKIP_WORDS];
/// The keys of an entry of `[[paths]]`.
pub const PATHS_KEYS: &[&Key] = &[&PATHS_GLOB, &PATHS_INSTRUCTIONS, &PATHS_MIN_SEVERITY];
/// The keys of an entry of `prices`.
pub const PRICES_KEYS: &[&Key] = &[&PRICES_INPUT, &PRICES_CACHED_INPUT, &PRICES_OUTPUT];

/// The keys at the top of the file, in the order in which they are shown; tables last, as TOML wants them.
pub const ALL: &[&Key] = &[
    &PROVIDER,
    &MODEL,
    &VERIFY_MODEL,
    &BASE_URL,
    &LANGUAGE,
    &MAX_COST_USD,
    &CHUNK_TOKENS,
    &MAX_OUTPUT_TOKENS,
    &CONCURRENCY,
    &DEADLINE_SECS,
    &MIN_SEVERITY,
    &MIN_CONFIDENCE,
    &MAX_COMMENTS,
    &FAIL_ON,
    &REVIEW_EVENT,
    &FALLBACK_MODELS,
    &EFFORT,
    &VERIFY,
    &CONTEXT,
    &CONTEXT_TOKENS,
    &EMBEDDING_MODEL,
    &INCLUDE,
    &EXCLUDE,
    &INSTRUCTIONS,
    &SKIP,
    &PATHS,
    &PRICES,
    &CHECKS,
];
