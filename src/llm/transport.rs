//! HTTP to one model server: where it is, how it knows us, and answers of bounded size and time.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::{Method, Url};
use tokio::time::{Instant, timeout_at};

use super::Settings;
use super::tape::Tape;
use crate::config::Provider;
use crate::config::provider::is_loopback;
use crate::secret::Secret;

/// Bytes that the body of an answer may have, unpacked. An answer of 128k tokens has less than one.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// One model server.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    auth: Option<(HeaderName, HeaderValue)>,
    /// `api-version` where the address needs one.
    azure_api_version: Option<String>,
    /// Files that answer, or that take the answers.
    tape: Option<Arc<Tape>>,
    tape_failed: OnceLock<String>,
    /// For what is recorded: it is taken out.
    key: Option<Secret>,
}

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/chat/completions`.
    Chat,
    /// `/embeddings`.
    Embeddings,
}

/// A request by POST, without its body.
pub(super) struct Asking<'a> {
    pub(super) endpoint: Endpoint,
    /// Its name within the run.
    pub(super) id: &'a str,
    /// Its name in the files of a batch.
    pub(super) line: &'a str,
    pub(super) model: &'a str,
}

impl Endpoint {
    /// The address in the lines of a batch, which no server's own address goes into.
    pub(super) fn batch_url(self) -> String {
        format!("/v1/{}", self.path().join("/"))
    }

    /// The segments of its path.
    fn path(self) -> &'static [&'static str] {
        match self {
            Endpoint::Chat => &["chat", "completions"],
            Endpoint::Embeddings => &["embeddings"],
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct HttpReply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why nothing whole came back.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// There was no connection; nothing was sent.
    NotSent(String),
    /// The request was sent, and what became of it is not known.
    Cut(String),
    /// The answer was larger than this program reads.
    TooLarge,
    /// Nobody was asked: the files that answer instead have no answer.
    Absent(String),
}

impl Transport {
    /// Reads the address and makes the client; sends nothing.
    ///
    /// # Errors
    /// A text with a hint where address or key cannot be used, or TLS cannot be set up.
    pub(super) fn new(settings: &Settings) -> Result<Transport, String> {
        let base = base_url(&settings.base_url)?;
        let auth = settings.api_key.as_ref().map(|key| auth_header(settings.provider, key)).transpose()?;
        // An error says that it is installed already, which is what we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            // Following would carry the key and the code to wherever the server points.
            .redirect(reqwest::redirect::Policy::none())
            // There is one place that repeats requests, and it counts them.
            .retry(reqwest::retry::never());
        // A server on this machine is not behind a proxy, and needs no certificates of the system.
        let builder = if is_loopback(base.as_str()) { builder.no_proxy() } else { builder };
        let no_tls = is_loopback(base.as_str()) && base.scheme() == "http";
        let builder = if no_tls { builder.tls_certs_only([]) } else { builder };
        let http = builder.build().map_err(|error| {
            format!("cannot set up TLS: {}\nhint: install the system's certificates (`ca-certificates`)", cause(&error))
        })?;
        let is_dated =
            settings.provider == Provider::Azure && !base.path().trim_end_matches('/').ends_with("/openai/v1");
        let azure_api_version = is_dated.then(|| settings.azure_api_version.clone());
        Ok(Transport {
            http,
            base,
            auth,
            azure_api_version,
            tape: settings.tape.clone(),
            tape_failed: OnceLock::new(),
            key: settings.api_key.clone(),
        })
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Asks by POST; everything is over at `until`.
    pub(super) async fn ask(&self, asking: &Asking<'_>, body: String, until: Instant) -> Result<HttpReply, Lost> {
        let recording = match self.tape.as_deref() {
            None => None,
            Some(Tape::Record(reel)) => Some((reel, body.clone())),
            Some(played) => return played.play(asking.id, asking.line, &body),
        };
        let url = self.endpoint(asking.endpoint, asking.model);
        let request = self.request(Method::POST, url).header(header::CONTENT_TYPE, "application/json").body(body);
        let result = self.exchange(request, until).await;
        if let Some((reel, body)) = recording
            && let Err(err) = reel.keep(asking.id, &body, &result, self.key.as_ref())
        {
            // what was paid for is not thrown away because a disk is full
            self.tape_failed.get_or_init(|| format!("{err:#}"));
        }
        result
    }

    /// Why not every exchange was recorded.
    pub(super) fn tape_failure(&self) -> Option<&str> {
        self.tape_failed.get().map(String::as_str)
    }

    /// Whether nobody is asked.
    pub(super) fn is_played(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.is_played())
    }

    /// Azure has an address for each model.
    fn endpoint(&self, endpoint: Endpoint, model: &str) -> Url {
        match self.azure_api_version {
            Some(_) => self.url(&[&["openai", "deployments", model], endpoint.path()].concat()),
            None => self.url(endpoint.path()),
        }
    }

    /// Asks for the list of models; everything is over at `until`.
    pub(super) async fn models(&self, until: Instant) -> Result<HttpReply, Lost> {
        let url = self.url(if self.azure_api_version.is_some() { &["openai", "models"] } else { &["models"] });
        self.exchange(self.request(Method::GET, url), until).await
    }

    /// Asks at a path of the server; everything is over at `until`.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)], until: Instant) -> Result<HttpReply, Lost> {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(query);
        self.exchange(self.request(Method::GET, url), until).await
    }

    /// Sends `body` to a path of the server; everything is over at `until`.
    pub(super) async fn post(
        &self,
        path: &[&str],
        content_type: &str,
        body: Bytes,
        until: Instant,
    ) -> Result<HttpReply, Lost> {
        let request = self.request(Method::POST, self.url(path)).header(header::CONTENT_TYPE, content_type);
        self.exchange(request.body(body), until).await
    }

    /// Asks at a path for lines, which may be more than an answer has; each goes to `keep` with its end. What is no success
    /// is answered as always.
    pub(super) async fn lines(
        &self,
        path: &[&str],
        keep: &mut dyn FnMut(&[u8]) -> Result<(), Lost>,
        until: Instant,
    ) -> Result<HttpReply, Lost> {
        let clean = |line: Vec<u8>| self.key.iter().fold(line, |line, key| key.redact_body(line));
        let whole = async {
            let mut response = self.request(Method::GET, self.url(path)).send().await.map_err(lost)?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let mut rest = Vec::new();
            while let Some(part) = response.chunk().await.map_err(lost)? {
                rest.extend_from_slice(&part);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n').filter(|_| status == 200) {
                    let after = rest.split_off(end + 1);
                    keep(&clean(std::mem::replace(&mut rest, after)))?;
                }
                if rest.len() > MAX_BODY {
                    return Err(Lost::TooLarge);
                }
            }
            if status == 200 && !rest.is_empty() {
                rest.push(b'\n');
                keep(&clean(std::mem::take(&mut rest)))?;
            }
            Ok(HttpReply { status, headers, body: clean(rest) })
        };
        timeout_at(until, whole).await.unwrap_or_else(|_| Err(Lost::Cut("it took too long".to_owned())))
    }

    /// Sends a request; the answer has no key in it, also where the server repeats it.
    async fn exchange(&self, request: reqwest::RequestBuilder, until: Instant) -> Result<HttpReply, Lost> {
        let reply = exchange(request, until).await?;
        let HttpReply { status, headers, body } = reply;
        let body = self.key.iter().fold(body, |body, key| key.redact_body(body));
        Ok(HttpReply { status, headers, body })
    }

    /// Where `location` of a redirect points, without the parts of an address that may hold a secret.
    pub(super) fn target(&self, location: &str) -> Option<String> {
        let mut url = self.base.join(location).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        let has_host = url.set_username("").is_ok() && url.set_password(None).is_ok();
        has_host.then(|| url.to_string())
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if let Some(version) = &self.azure_api_version {
            url.query_pairs_mut().append_pair("api-version", version);
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        let request = self.http.request(method, url).header(header::ACCEPT, "application/json");
        match &self.auth {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    }
}

fn base_url(text: &str) -> Result<Url, String> {
    // The address itself is not shown: it may hold a password.
    let hint = "hint: set `--base-url` to an address like `https://api.openai.com/v1`";
    let url = Url::parse(text.trim())
        .map_err(|error| format!("the model server's address cannot be read: {error}\n{hint}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the model server's address is neither http nor https\n{hint}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("the model server's address has a user name or password in it\n{hint}, and the key apart"));
    }
    Ok(url)
}

fn auth_header(provider: Provider, key: &Secret) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = match provider {
        Provider::Azure => (HeaderName::from_static("api-key"), key.expose().to_owned()),
        _ => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        "the model server's key has a line break or another character that no key has\nhint: copy the key again"
            .to_owned()
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Sends `request` and reads the whole answer, by `until` and within [`MAX_BODY`].
async fn exchange(request: reqwest::RequestBuilder, until: Instant) -> Result<HttpReply, Lost> {
    let whole = async {
        let mut response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(lost)? {
            if body.len() + part.len() > MAX_BODY {
                return Err(Lost::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(HttpReply { status, headers, body })
    };
    timeout_at(until, whole).await.unwrap_or_else(|_| Err(Lost::Cut("it took too long".to_owned())))
}

fn lost(error: reqwest::Error) -> Lost {
    if error.is_connect() {
        return Lost::NotSent(if error.is_timeout() { "no connection in time".to_owned() } else { cause(&error) });
    }
    Lost::Cut(if error.is_timeout() { "it took too long".to_owned() } else { cause(&error) })
}

/// The innermost cause, which is the one that says something; the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let innermost = std::iter::successors(error.source(), |&error| error.source()).last();
    innermost.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::{Transport, base_url};
    use crate::config::Provider;
    use crate::config::provider::is_loopback;
    use crate::llm::tests::settings;
    use crate::secret::Secret;

    #[track_caller]
    fn check(provider: Provider, base: &str, expected: &str) {
        let transport = Transport::new(&super::Settings { provider, ..settings(base) }).unwrap();
        let url = transport.endpoint(super::Endpoint::Chat, "my model/..");
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn addresses() {
        check(Provider::OpenAi, "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/chat/completions");
        check(Provider::OpenAi, "http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1/chat/completions");
        check(Provider::OpenAi, "http://127.0.0.1:1", "http://127.0.0.1:1/chat/completions");
        check(
            Provider::Azure,
            "http://127.0.0.1:1/",
            "http://127.0.0.1:1/openai/deployments/my%20model%2F../chat/completions?api-version=2024-10-21",
        );
        check(Provider::Azure, "http://127.0.0.1:1/openai/v1", "http://127.0.0.1:1/openai/v1/chat/completions");
    }

    #[test]
    fn loopback_addresses() {
        for (base, expected) in [
            ("http://localhost:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://my.localhost", true),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
            ("https://api.openai.com/v1", false),
        ] {
            assert_eq!(is_loopback(base_url(base).unwrap().as_str()), expected, "{base}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_showing_it() {
        for base in ["", "api.openai.com/v1", "ftp://x", "https://user:hunter2@x/v1", "https://hunter2@x", "https://"] {
            let error = base_url(base).unwrap_err();
            assert!(error.contains("\nhint: ") && !error.contains("hunter2"), "{base}: {error}");
        }
        let broken = Secret::new("one\ntwo");
        let error =
            Transport::new(&super::Settings { api_key: broken, ..settings("http://127.0.0.1:1") }).err().unwrap();
        assert!(error.contains("hint") && !error.contains("one"), "{error}");
    }

    #[test]
    fn a_redirect_is_named_without_its_secrets() {
        let transport = Transport::new(&settings("http://127.0.0.1:1/v1")).unwrap();
        let target = |location| transport.target(location);
        assert_eq!(target("https://u:p@other/a?token=1#x").as_deref(), Some("https://other/a"));
        assert_eq!(target("/login?next=1").as_deref(), Some("http://127.0.0.1:1/login"));
        assert_eq!(target("mailto:a"), None);
        assert_eq!(target("http://["), None);
    }
}
