//! A plain HTTP client for the tests of the doubles themselves.

use std::sync::Once;
use std::time::Duration;

use serde_json::Value;

/// An answer as it arrived.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body; `Null` where it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends a request with these headers and this body (none when `Null`), and gives up after five seconds.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, reqwest::Error> {
    if body.is_null() {
        return send_raw(method, url, headers, &[]);
    }
    let headers = [headers, &[("content-type", "application/json")]].concat();
    send_raw(method, url, &headers, body.to_string().as_bytes())
}

/// Sends a request with these headers and these bytes, and gives up after five seconds.
pub fn send_raw(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, reqwest::Error> {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| {
        // reqwest builds its TLS before it knows that nobody asks for it.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let mut request = client.request(method.parse().expect("a method"), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_vec());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    })
}
