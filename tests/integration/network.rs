//! The ways to the host: through a proxy, and to a host with a certificate of the team's own authority.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::program::{Prudence, Run};

/// Takes connections and hands each to `answer`; the first `most` of what it returned.
pub fn listen(most: usize, answer: impl Fn(TcpStream) -> String + Send + 'static) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (
        port,
        thread::spawn(move || listener.incoming().take(most).map(|stream| answer(stream.expect("a stream"))).collect()),
    )
}

/// The first line that comes in; the connection is then dropped.
fn first_line(mut stream: impl std::io::Read) -> String {
    let mut bytes = [0; 4096];
    let read = stream.read(&mut bytes).unwrap_or_default();
    String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned()
}

/// A review of a request on this host; nothing there can be read, so it ends with 2.
#[track_caller]
fn review(api_url: &str, env: &[(&str, String)]) -> Run {
    let program = Prudence::new().env("GITHUB_TOKEN", "ghs_x").env("GITHUB_API_URL", api_url);
    let program = env.iter().fold(program, |program, (name, value)| program.env(name, value));
    program.args(["review", "--provider", "offline", "--pr", "octo/demo#7"]).run().expect_code(2)
}

#[test]
fn the_usual_variables_name_the_proxy() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (port, seen) = listen(1, first_line);
        review("https://ghe.example.com/api/v3", &[(name, format!("http://127.0.0.1:{port}"))]);
        assert_eq!(seen.join().expect("a proxy"), ["CONNECT ghe.example.com:443 HTTP/1.1"], "{name}");
    }
}

#[test]
fn a_host_on_this_machine_is_not_behind_the_proxy() {
    let (port, seen) = listen(1, first_line);
    let nobody = format!("http://127.0.0.1:{}", 1);
    review(&format!("http://127.0.0.1:{port}"), &[("HTTP_PROXY", nobody.clone()), ("ALL_PROXY", nobody)]);
    assert_asked(&seen.join().expect("a host"), &["POST /graphql ", "GET /repos/octo/demo/pulls/7 "]);
}

/// The one line that was seen begins one of these requests: they are sent at the same time.
#[track_caller]
fn assert_asked(seen: &[String], requests: &[&str]) {
    let [line] = seen else { panic!("not one line: {seen:?}") };
    assert!(requests.iter().any(|request| line.starts_with(request)), "{line}");
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Answers one request over TLS by 401.
pub fn secure(stream: TcpStream) -> String {
    let certificates = CertificateDer::pem_file_iter(fixture("server.pem")).expect("a certificate");
    let certificates = certificates.collect::<Result<Vec<_>, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .expect("a server");
    let connection = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
    let mut tls = rustls::StreamOwned::new(connection, stream);
    let line = first_line(&mut tls);
    let body = r#"{"message":"Bad credentials"}"#;
    let head = format!("HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    let _ = tls.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes());
    tls.conn.send_close_notify();
    let _ = tls.flush();
    line
}

#[test]
fn a_private_authority_is_named_by_a_file() {
    let (port, seen) = listen(1, secure);
    let run = review(
        &format!("https://localhost:{port}/api/v3"),
        &[("SSL_CERT_FILE", fixture("ca.pem").display().to_string())],
    );
    assert_asked(&seen.join().expect("a host"), &["POST /api/graphql ", "GET /api/v3/repos/octo/demo/pulls/7 "]);
    assert!(!run.stderr.contains("certificate"), "{run}");

    let (port, _seen) = listen(100, secure);
    let run = review(&format!("https://localhost:{port}/api/v3"), &[]);
    assert!(run.stderr.contains("certificate") && run.stderr.contains("`SSL_CERT_FILE`"), "{run}");
}
