//! Which model server a run asks, or whether it asks one at all.

use std::net::IpAddr;

use reqwest::Url;

use super::layer::{Origin, Origins};
use super::{Config, Provider, keys};

/// What a run asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// OpenAI or any server that speaks Chat Completions.
    OpenAi,
    /// Azure OpenAI.
    Azure,
    /// No model: the built-in checks alone.
    Offline,
}

/// What decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// There is a key for the server.
    pub has_key: bool,
    /// The run is one of a CI system.
    pub is_ci: bool,
    /// The change comes from a fork, whose runs get no secrets.
    pub is_fork: bool,
    /// The server's host is a loopback address.
    pub is_loopback: bool,
    /// Somebody named the server.
    pub is_base_url_given: bool,
}

/// The server, and what the user should know of the choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// What the run asks.
    pub provider: Resolved,
    /// One line for standard error and the report, where the run asks less than the user may expect.
    pub notice: Option<String>,
}

/// A model is asked for, and there is no way to it. Ends a run with exit code 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// `auto` in CI without a key.
    #[error(
        "no key for the model in this CI run\nhint: set the secret `OPENAI_API_KEY` and hand it to the job, or choose `--provider offline` for the built-in checks alone"
    )]
    NoKeyInCi,
    /// `openai` without a key.
    #[error(
        "provider `openai` has no key\nhint: set `OPENAI_API_KEY`, or choose a server on this machine with `--base-url http://localhost:11434/v1`"
    )]
    NoOpenAiKey,
    /// `azure` without a key.
    #[error("provider `azure` has no key\nhint: set `AZURE_OPENAI_API_KEY`")]
    NoAzureKey,
    /// `azure` without a server.
    #[error(
        "provider `azure` has no endpoint\nhint: set `AZURE_OPENAI_ENDPOINT` to `https://<resource>.openai.azure.com`"
    )]
    NoAzureEndpoint,
}

impl Facts {
    /// What the configuration says; `is_ci` and `is_fork` come from the run.
    pub fn new(config: &Config, origins: &Origins, is_ci: bool, is_fork: bool) -> Facts {
        Facts {
            has_key: config.api_key.is_some(),
            is_ci,
            is_fork,
            is_loopback: is_loopback(&config.base_url),
            is_base_url_given: *origins.of(&keys::BASE_URL) != Origin::Default,
        }
    }
}

/// Decides what a run asks. A server on this machine needs no key; without one `auto` is offline for local runs and for
/// forks, and an error in any other CI run, where a review that looks at nothing would pass for a clean one.
pub fn resolve_provider(choice: Provider, facts: Facts) -> Result<Resolution, ProviderError> {
    let is_reachable = facts.has_key || (facts.is_base_url_given && facts.is_loopback);
    let provider = match choice {
        Provider::Offline => Resolved::Offline,
        Provider::Azure if !facts.is_base_url_given => return Err(ProviderError::NoAzureEndpoint),
        Provider::Azure if !facts.has_key => return Err(ProviderError::NoAzureKey),
        Provider::Azure => Resolved::Azure,
        // a runner's own server is not for strangers unless the team says so
        Provider::Auto if facts.is_fork && facts.is_ci && !facts.has_key => return offline_for_want_of_a_key(facts),
        Provider::OpenAi | Provider::Auto if is_reachable => Resolved::OpenAi,
        Provider::OpenAi => return Err(ProviderError::NoOpenAiKey),
        Provider::Auto => return offline_for_want_of_a_key(facts),
    };
    Ok(Resolution { provider, notice: None })
}

fn offline_for_want_of_a_key(facts: Facts) -> Result<Resolution, ProviderError> {
    let why = match facts {
        Facts { is_fork: true, is_ci: true, .. } => {
            "requests from forks get no secrets (a server without a key is asked with `provider = \"openai\"`)"
        }
        Facts { is_ci: true, .. } => return Err(ProviderError::NoKeyInCi),
        _ => "set `OPENAI_API_KEY` for a review by the model",
    };
    let notice = format!("no key for the model, so only the built-in checks run (offline); {why}");
    Ok(Resolution { provider: Resolved::Offline, notice: Some(notice) })
}

/// Scheme, host and port of a URL; empty where it is none.
pub fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Whether the host of a URL is this machine itself.
pub fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    host == "localhost"
        || host.ends_with(".localhost")
        // ::ffff:127.0.0.1 is 127.0.0.1
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Facts =
        Facts { has_key: false, is_ci: false, is_fork: false, is_loopback: false, is_base_url_given: false };
    const KEY: Facts = Facts { has_key: true, ..NONE };
    const LOOPBACK: Facts = Facts { is_loopback: true, is_base_url_given: true, ..NONE };

    #[track_caller]
    fn check(choice: Provider, facts: Facts, expected: Result<(Resolved, &str), ProviderError>) {
        let result = resolve_provider(choice, facts);
        let result = result.as_ref().map(|r| (r.provider, r.notice.as_deref().unwrap_or_default()));
        match (result, expected) {
            (Ok((provider, notice)), Ok((expected, part))) => {
                assert_eq!(provider, expected, "{facts:?}");
                assert!(notice.contains(part) && part.is_empty() == notice.is_empty(), "{facts:?}: {notice}");
            }
            (result, expected) => assert_eq!(result.map(|_| ()).map_err(|e| *e), expected.map(|_| ()), "{facts:?}"),
        }
    }

    #[test]
    fn auto_asks_where_it_can_and_says_where_it_cannot() {
        let auto = |facts, expected| check(Provider::Auto, facts, expected);
        auto(KEY, Ok((Resolved::OpenAi, "")));
        auto(Facts { is_ci: true, ..KEY }, Ok((Resolved::OpenAi, "")));
        auto(Facts { is_ci: true, is_fork: true, ..KEY }, Ok((Resolved::OpenAi, "")));
        auto(LOOPBACK, Ok((Resolved::OpenAi, "")));
        auto(Facts { is_ci: true, ..LOOPBACK }, Ok((Resolved::OpenAi, "")));
        auto(NONE, Ok((Resolved::Offline, "set `OPENAI_API_KEY`")));
        auto(Facts { is_base_url_given: true, ..NONE }, Ok((Resolved::Offline, "set `OPENAI_API_KEY`")));
        auto(Facts { is_fork: true, ..NONE }, Ok((Resolved::Offline, "set `OPENAI_API_KEY`")));
        auto(Facts { is_ci: true, is_fork: true, ..NONE }, Ok((Resolved::Offline, "forks get no secrets")));
        auto(Facts { is_ci: true, ..NONE }, Err(ProviderError::NoKeyInCi));
        auto(Facts { is_ci: true, is_base_url_given: true, ..NONE }, Err(ProviderError::NoKeyInCi));
    }

    #[test]
    fn a_named_provider_is_what_runs() {
        check(Provider::OpenAi, KEY, Ok((Resolved::OpenAi, "")));
        check(Provider::OpenAi, LOOPBACK, Ok((Resolved::OpenAi, "")));
        check(Provider::OpenAi, NONE, Err(ProviderError::NoOpenAiKey));
        check(Provider::OpenAi, Facts { is_fork: true, ..NONE }, Err(ProviderError::NoOpenAiKey));
        check(Provider::Azure, Facts { is_base_url_given: true, ..KEY }, Ok((Resolved::Azure, "")));
        check(Provider::Azure, KEY, Err(ProviderError::NoAzureEndpoint));
        check(Provider::Azure, LOOPBACK, Err(ProviderError::NoAzureKey));
        for facts in [NONE, KEY, Facts { is_ci: true, ..NONE }] {
            check(Provider::Offline, facts, Ok((Resolved::Offline, "")));
        }
    }

    #[test]
    fn every_error_ends_with_a_remedy() {
        use ProviderError::{NoAzureEndpoint, NoAzureKey, NoKeyInCi, NoOpenAiKey};
        for error in [NoKeyInCi, NoOpenAiKey, NoAzureKey, NoAzureEndpoint] {
            assert!(error.to_string().contains("\nhint: "), "{error}");
        }
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        for url in [
            "http://localhost:11434/v1",
            "http://127.0.0.1/v1",
            "http://127.9.9.9",
            "http://[::1]:8080",
            "https://a.localhost",
            "http://LOCALHOST",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://api.openai.com/v1",
            "http://10.0.0.1",
            "http://localhost.evil.com",
            "http://[::2]",
            "localhost",
            "",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
