//! The model server: its key, its address and its models, by one listing.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;

use super::check::{Check, State};
use super::key::{self, Given, Recipient};
use crate::config::env::Env;
use crate::config::layer::{Origin, Origins};
use crate::config::provider::{Facts, ProviderError, Resolved, is_loopback, resolve_provider};
use crate::config::{Config, Provider, keys};
use crate::llm::{self, Client, LlmError, NoList};
use crate::setup::prices;
use crate::usage::Meter;

/// Time that the listing may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of the run.
pub struct Run<'a> {
    /// The effective configuration.
    pub config: &'a Config,
    /// Where it came from.
    pub origins: &'a Origins,
    /// The environment.
    pub env: &'a Env<'a>,
    /// A variable as it is, be it empty.
    pub raw: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a CI system runs it.
    pub is_ci: bool,
    /// Whether the request comes from a fork.
    pub is_fork: bool,
}

/// Looks at the key, asks for the list of models where that makes sense, and looks for the models in it.
pub async fn checks(run: &Run<'_>) -> Vec<Check> {
    let config = run.config;
    if config.provider == Provider::Offline {
        return vec![Check::skip(
            "model",
            "no model is asked with the provider `offline`, so neither key nor endpoint matter",
        )];
    }
    let facts = Facts::new(config, run.origins, run.is_ci, run.is_fork);
    let provider = match resolve_provider(config.provider, facts) {
        Ok(resolution) if resolution.provider != Resolved::Offline => resolution.provider,
        Err(err @ ProviderError::NoAzureEndpoint) => {
            return vec![Check::fail("endpoint", err.to_string()), Check::skip("model", "there is no endpoint to ask")];
        }
        _ => {
            let why = "not asked without a key";
            return vec![no_key(run), Check::skip("endpoint", why), Check::skip("model", why)];
        }
    };
    let look = look(run, provider);
    if look.has_failed() {
        let why = "not asked with this key";
        return vec![look, Check::skip("endpoint", why), Check::skip("model", why)];
    }
    let mut settings = llm::Settings::new(config, Instant::now() + 3 * PATIENCE);
    settings.provider = if provider == Resolved::Azure { Provider::Azure } else { Provider::OpenAi };
    settings.attempt_timeout = PATIENCE;
    let provider = settings.provider;
    let listed = match Client::new(settings, Arc::new(Meter::new(prices(config), None))) {
        Ok(client) => client.models().await,
        Err(error) => Err(NoList { status: None, is_page: false, error }),
    };
    match listed {
        Ok(models) => {
            let endpoint = format!("`{}` answers and lists {} models", config.base_url, models.len());
            let mut checks = vec![look, Check::ok("endpoint", endpoint)];
            checks.extend(wanted(config).map(|(name, model)| in_listing(name, model, &models, provider, config)));
            checks
        }
        Err(refusal) => refused(look, &refusal, provider, config),
    }
}

/// The models that a run may ask, by what they are for.
fn wanted(config: &Config) -> impl Iterator<Item = (&'static str, &str)> {
    let verify = Some(("verify-model", config.verify_model.as_str())).filter(|_| config.verify_model != config.model);
    let fallback = config.fallback_models.iter().map(|model| ("fallback", model.as_str()));
    std::iter::once(("model", config.model.as_str())).chain(verify).chain(fallback)
}

/// Why there is no key.
fn no_key(run: &Run<'_>) -> Check {
    let (variable, inputs): (_, &[&str]) = match run.config.provider {
        Provider::Azure => ("AZURE_OPENAI_API_KEY", &[]),
        _ => ("OPENAI_API_KEY", &["INPUT_OPENAI-API-KEY", "INPUT_OPENAI_API_KEY"]),
    };
    let is_empty = |name: &&&str| (run.raw)(name).is_some();
    let empty = std::iter::once(&variable).chain(inputs).find(is_empty);
    let text = match empty {
        Some(&name) if name == variable => format!("no key: variable `{variable}` is set and empty"),
        Some(_) => "no key: the action's input `openai-api-key` is empty".to_owned(),
        None => format!("no key: `{variable}` is not set"),
    };
    if run.is_ci && run.is_fork {
        let hint = "runs on requests from forks get no secrets, so only the built-in checks run; a workflow on `pull_request_target` or `workflow_run` gets them, and must not run code of the request";
        return Check::warn("key", text).hint(hint);
    }
    Check::fail("key", text).hint(match (run.is_ci, empty) {
        (true, Some(_)) => format!("the secret does not exist under this name, or this run may not see it (Dependabot has secrets of its own): check the repository's secrets and `{variable}: ${{{{ secrets.{variable} }}}}`"),
        (true, None) => format!("hand the secret to the step: `{variable}: ${{{{ secrets.{variable} }}}}`, or the action's input `openai-api-key`"),
        (false, _) => format!("set `{variable}`, or write it to `.env`; a server on this machine needs none (`--base-url http://localhost:11434/v1`), and the built-in checks run alone with `--provider offline`"),
    })
}

/// What can be told of the key before it is sent.
fn look(run: &Run<'_>, provider: Resolved) -> Check {
    let (config, origins) = (run.config, run.origins);
    let (Some(secret), Some(origin)) = (&config.api_key, origins.of_api_key()) else {
        return Check::ok("key", "none, and a server on this machine needs none");
    };
    let from = match origin {
        Origin::Variable(name) => format!("variable `{name}`"),
        Origin::DotEnv(name) => format!("`{name}` in `.env`"),
        Origin::Input(name) => format!("the action's input `{name}`"),
        other => other.to_string(),
    };
    let raw = match origin {
        Origin::Variable(name) => run.env.var(name),
        Origin::Input(name) => run.env.input(name),
        // the quotes of a `.env` file belong there
        _ => None,
    };
    let raw = raw.unwrap_or_else(|| secret.expose().to_owned());
    let found = key::look("key", Given { raw: &raw, from: &from }, recipient(&config.base_url, provider));
    let by_file = matches!(origins.of(&keys::BASE_URL), Origin::File { .. } | Origin::DotEnv(_));
    match found {
        Some(check) => check,
        None if by_file && !is_loopback(&config.base_url) => Check::warn(
            "key",
            format!("{from} goes to `{}`, which a file of the repository names", config.base_url),
        )
        .hint("make sure that this is your server; `--base-url` or `OPENAI_BASE_URL` say so outside of the repository"),
        None => Check::ok("key", format!("from {from}")),
    }
}

fn recipient(base_url: &str, provider: Resolved) -> Recipient {
    let host = Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    match provider {
        _ if is_loopback(base_url) => Recipient::Local,
        Resolved::OpenAi if host == "openai.com" || host.ends_with(".openai.com") => Recipient::OpenAi,
        _ => Recipient::Server,
    }
}

/// What a refusal of the listing says of key, endpoint and model.
fn refused(key: Check, refusal: &NoList, provider: Provider, config: &Config) -> Vec<Check> {
    let (base, error) = (&config.base_url, refusal.error.to_string());
    let answers = Check::ok("endpoint", format!("`{base}` answers"));
    let unseen = |why: &str| Check::skip("model", format!("not looked for: {why}"));
    let unsure = |key: Check| match key.state {
        State::Ok if config.api_key.is_some() => {
            Check::skip("key", format!("{}; whether it is taken could not be seen", key.text))
        }
        _ => key,
    };
    let wrong = |text: String, hint: &str| {
        let hint = url_remedy(base, provider).unwrap_or_else(|| hint.to_owned());
        vec![
            unsure(key.clone()),
            Check::fail("endpoint", text).hint(hint),
            unseen("the endpoint does not list its models"),
        ]
    };
    let check_url = "check `--base-url`: the API's root, for most servers with `/v1` at its end";
    match refusal.status {
        Some(200..=299 | 400..=499) if refusal.is_page => {
            let status = refusal.status.unwrap_or_default();
            let text = format!("`{base}` answers with a web page instead of JSON ({status})");
            wrong(text, "check `--base-url`; if it is right, a proxy or a login page stands in between")
        }
        Some(401) => vec![Check::fail("key", error), answers, unseen("the key was refused")],
        Some(403) if is_scope(&error) => {
            let key = Check::warn("key", error).hint(
                "it may still be allowed to ask a model; give it the permission to list models, and this can be seen",
            );
            vec![key, answers, unseen("the key may not list the models")]
        }
        Some(402 | 403) => vec![Check::fail("key", error), answers, unseen("the key was refused")],
        Some(404 | 405) => wrong(
            format!("`{base}` has no list of models at this address ({})", refusal.status.unwrap_or_default()),
            check_url,
        ),
        Some(429) if matches!(refusal.error, LlmError::Stop(_)) => {
            vec![Check::fail("key", error), answers, unseen("the account has no quota")]
        }
        Some(429) => {
            let endpoint = Check::warn("endpoint", error).hint("try again later");
            vec![unsure(key), endpoint, unseen("the server limits the rate")]
        }
        Some(200..=299) => wrong(format!("`{base}` does not answer as a model server does: {error}"), check_url),
        Some(500..) => vec![
            unsure(key),
            Check::fail("endpoint", error).or_hint("try again later; the provider's status page may tell more"),
            unseen("the endpoint is out of order"),
        ],
        _ => vec![
            unsure(key),
            Check::fail("endpoint", error).or_hint("check `--base-url`, and the network: proxy variables, firewall"),
            unseen("the endpoint was not reached"),
        ],
    }
}

/// Whether a key is restricted to other things than the list: it may ask a model all the same.
fn is_scope(error: &str) -> bool {
    let error = error.to_lowercase();
    error.contains("scope") || error.contains("insufficient permissions")
}

/// What is wrong with an address, where it can be seen.
fn url_remedy(base_url: &str, provider: Provider) -> Option<String> {
    let url = Url::parse(base_url).ok()?;
    let (origin, path) = (url.origin().ascii_serialization(), url.path().trim_end_matches('/'));
    if provider == Provider::Azure {
        let is_root = path.is_empty() || path.ends_with("/openai/v1");
        return (!is_root).then(|| format!("set `AZURE_OPENAI_ENDPOINT` to `{origin}`, without a path"));
    }
    for operation in ["/chat/completions", "/completions", "/responses", "/models"] {
        if let Some(root) = path.strip_suffix(operation) {
            return Some(format!("leave out the operation: set `--base-url` to `{origin}{root}`"));
        }
    }
    if let Some(root) = path.strip_suffix("/v1/v1") {
        return Some(format!("`/v1` stands there twice: set `--base-url` to `{origin}{root}/v1`"));
    }
    let is_version =
        |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let has_version = path.split('/').any(is_version);
    (!has_version).then(|| format!("`/v1` seems to be missing: set `--base-url` to `{origin}{path}/v1`"))
}

/// Looks for a model in the server's list.
fn in_listing(name: &'static str, model: &str, models: &[String], provider: Provider, config: &Config) -> Check {
    if provider == Provider::Azure {
        return Check::skip(
            name,
            format!("whether there is a deployment `{model}` cannot be seen: Azure lists models, not deployments"),
        );
    }
    let is_it = |known: &String| {
        known == model || known.strip_prefix("models/") == Some(model) || known.strip_suffix(":latest") == Some(model)
    };
    if !models.iter().any(is_it) {
        let text = format!("`{model}` is not in the server's list of {} models", models.len());
        let setting = if name == "fallback" { "fallback-models" } else { name };
        let hint = match near(model, models).as_slice() {
            [] if models.is_empty() => "the server has none: load one first".to_owned(),
            [] => format!("set `{setting}` to one that the server has, such as `{}`", models[0]),
            names => format!("set `{setting}` to `{}`", names.join("` or `")),
        };
        // the others are asked only where the first does not do
        return if name == "fallback" { Check::warn(name, text) } else { Check::fail(name, text) }.hint(hint);
    }
    if config.max_cost_usd.is_some() && prices(config).get(model).is_none() {
        return Check::warn(name, format!("`{model}` is there, but has no known price, so the cost limit cannot hold"))
            .hint(format!("set one under `[prices.\"{model}\"]`"));
    }
    Check::ok(name, format!("`{model}` is there"))
}

/// How many names a hint has.
const NEAR: usize = 3;

/// The names that somebody may have meant, the nearest first.
fn near<'a>(wanted: &str, names: &'a [String]) -> Vec<&'a str> {
    let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let wanted = plain(wanted);
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .filter_map(|name| {
            let plain = plain(name);
            let distance = edits(&wanted, &plain);
            let is_part =
                wanted.len() >= 4 && (plain.contains(&wanted) || (plain.len() >= 4 && wanted.contains(&plain)));
            (distance <= wanted.len().div_ceil(4) || is_part).then_some((distance, name.as_str()))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(NEAR).map(|(_, name)| name).collect()
}

/// How many characters must be put in, left out or replaced to make one text of the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_near(wanted: &str, expected: &[&str]) {
        let names = [
            "gpt-4o",
            "gpt-4o-mini",
            "gpt-4.1-mini",
            "o3",
            "openai/gpt-oss-120b",
            "llama3.1:8b",
            "text-embedding-3-small",
        ];
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(near(wanted, &names), expected, "{wanted}");
    }

    #[test]
    fn names_that_may_have_been_meant() {
        check_near("gpt-4o-mni", &["gpt-4o-mini", "gpt-4.1-mini", "gpt-4o"]);
        check_near("GPT-4o", &["gpt-4o", "gpt-4o-mini"]);
        check_near("gpt-oss-120b", &["openai/gpt-oss-120b"]);
        check_near("llama3.1", &["llama3.1:8b"]);
        check_near("claude-sonnet", &[]);
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("a", "a")), (3, 3, 0));
    }

    #[track_caller]
    fn check_url(base_url: &str, provider: Provider, expected: &str) {
        let remedy = url_remedy(base_url, provider).unwrap_or_default();
        assert!(remedy.contains(expected) && remedy.is_empty() == expected.is_empty(), "{base_url}: {remedy}");
    }

    #[test]
    fn what_is_wrong_with_an_address() {
        check_url("http://h:1/v1", Provider::OpenAi, "");
        check_url("https://h/v1beta/openai", Provider::OpenAi, "");
        check_url("http://h:1", Provider::OpenAi, "to `http://h:1/v1`");
        check_url("http://h:1/api", Provider::OpenAi, "to `http://h:1/api/v1`");
        check_url("http://h/v1/chat/completions", Provider::OpenAi, "to `http://h/v1`");
        check_url("http://h/v1/v1", Provider::OpenAi, "to `http://h/v1`");
        check_url("https://r.openai.azure.com", Provider::Azure, "");
        check_url("https://r.openai.azure.com/openai/v1", Provider::Azure, "");
        check_url(
            "https://r.openai.azure.com/openai/deployments/d",
            Provider::Azure,
            "to `https://r.openai.azure.com`",
        );
    }

    #[test]
    fn the_server_is_told_by_its_host() {
        let check = |url, expected| assert_eq!(recipient(url, Resolved::OpenAi), expected, "{url}");
        check("https://api.openai.com/v1", Recipient::OpenAi);
        check("https://eu.api.openai.com/v1", Recipient::OpenAi);
        check("https://notopenai.com/v1", Recipient::Server);
        check("http://localhost:11434/v1", Recipient::Local);
        assert_eq!(recipient("https://r.openai.azure.com", Resolved::Azure), Recipient::Server);
    }

    #[test]
    fn a_model_is_found_under_the_names_that_servers_give_it() {
        let config = crate::config::layer::Layer::default().resolve().0;
        let names = ["models/gemini-9", "llama9:latest"].map(str::to_owned);
        let state = |model| in_listing("model", model, &names, Provider::OpenAi, &config).state;
        assert_eq!((state("gemini-9"), state("llama9"), state("gemini")), (State::Warn, State::Warn, State::Fail));
        let azure = in_listing("model", "mine", &names, Provider::Azure, &config);
        assert_eq!(azure.state, State::Skip);
        let none = in_listing("model", "mine", &[], Provider::OpenAi, &config);
        assert!(none.hint.is_some_and(|hint| hint.contains("load one")));
    }
}
