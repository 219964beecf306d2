//! An HTTP server on 127.0.0.1 with a thread of its own, that remembers what it was asked.

use std::collections::BTreeMap;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Response, StatusCode, request::Parts};
use serde_json::Value;
use tokio::sync::oneshot;

/// A request as it arrived, and what became of it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; `Null` where there was none or it is not JSON.
    pub body: Value,
    pub raw: Vec<u8>,
    /// When it arrived.
    pub at: Instant,
    /// The status it was answered with; 0 where the connection was left hanging or dropped.
    pub status: u16,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The decoded segments of the path.
    pub fn segments(&self) -> Vec<String> {
        self.path.trim_start_matches('/').split('/').map(decode).collect()
    }

    fn new(parts: &Parts, raw: Bytes) -> Request {
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(k, v)| (decode(k), decode(&v.replace('+', " "))));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Request {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: query.collect(),
            headers: parts.headers.iter().map(|(k, v)| (k.to_string(), text(v.as_bytes()))).collect(),
            body: serde_json::from_slice(&raw).unwrap_or(Value::Null),
            raw: raw.to_vec(),
            at: Instant::now(),
            status: 0,
        }
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How long the answer is held back.
    pub delay: Duration,
    pub wire: Wire,
}

/// How a reply goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// As it should.
    Whole,
    /// Not at all: the connection stays open and silent.
    Hang,
    /// Not at all: the connection is dropped.
    Reset,
    /// Its first half, with the length of that half: JSON that breaks off.
    Truncated,
    /// Its first half, then the connection is dropped.
    Broken,
    /// One byte a second.
    Dripping,
    /// It, again and again, up to 100 MB.
    Flood,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Reply {
        Reply::bytes(status, "application/json; charset=utf-8", body.to_string().into_bytes())
    }

    pub fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Reply { status, headers, body, delay: Duration::ZERO, wire: Wire::Whole }
    }

    /// What a proxy in front of a broken server says.
    pub fn html(status: u16) -> Reply {
        let title = format!("{status} Bad Gateway");
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Reply::bytes(status, "text/html", page.into_bytes())
    }

    pub fn on_the_wire(wire: Wire) -> Reply {
        Reply { wire, ..Reply::bytes(500, "text/plain", Vec::new()) }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    fn status_seen(&self) -> u16 {
        if matches!(self.wire, Wire::Hang | Wire::Reset) { 0 } else { self.status }
    }
}

/// What the server and the test both see.
#[derive(Default)]
struct Log {
    requests: Vec<Request>,
    violations: Vec<String>,
    in_flight: usize,
    peak: usize,
}

/// The handle of a running server. Dropping it stops the server, and fails the test when a rule of the API was violated.
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub root: String,
    name: &'static str,
    log: Arc<Mutex<Log>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What answers: a function of the request that may add violations.
pub type Handler = dyn Fn(&Request, &str, &mut Vec<String>) -> Reply + Send + Sync;

impl Server {
    /// Starts a server that answers with `handler`, which is given the request, the server's root and the list of violations.
    pub fn start(name: &'static str, handler: Box<Handler>) -> Server {
        let log = Arc::new(Mutex::new(Log::default()));
        let (stop, stopped) = oneshot::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let root = format!("http://{}", listener.local_addr().expect("an address"));
        let (shared, address) = (Arc::clone(&log), root.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                listener.set_nonblocking(true).expect("a socket that does not block");
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let handler: Arc<Handler> = Arc::from(handler);
                let app = Router::new().fallback(move |request: axum::extract::Request| {
                    serve(request, Arc::clone(&handler), Arc::clone(&shared), address.clone())
                });
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.expect("the double serves until it is stopped"),
                    _ = stopped => {}
                }
            });
        });
        Server { root, name, log, stop: Some(stop), thread: Some(thread) }
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.log().requests.clone()
    }

    /// How many requests were being answered at the same time, at most.
    pub fn peak(&self) -> usize {
        self.log().peak
    }

    /// What broke the published description of the API so far.
    pub fn violations(&self) -> Vec<String> {
        self.log().violations.clone()
    }

    /// The violations so far, which no longer fail the test.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.log().violations)
    }

    #[track_caller]
    pub fn assert_no_violations(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "{}: {}", self.name, violations.join("\n"));
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(!matches!(ended, Some(Err(_))), "{}: the double itself failed", self.name);
            self.assert_no_violations();
        }
    }
}

/// A lock that a failed test does not poison for the others.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn serve(
    request: axum::extract::Request,
    handler: Arc<Handler>,
    log: Arc<Mutex<Log>>,
    root: String,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(raw) = to_bytes(body, 64 << 20).await else { drop_connection() };
    let request = Request::new(&parts, raw);
    let in_flight = InFlight::enter(log, request.clone());
    let mut violations = Vec::new();
    let answer = catch_unwind(AssertUnwindSafe(|| handler(&request, &root, &mut violations)));
    let reply = answer.unwrap_or_else(|_| {
        violations.push(format!("the double itself failed at {} {}", request.method, request.path));
        Reply::on_the_wire(Wire::Reset)
    });
    in_flight.answered(&reply, violations);
    tokio::time::sleep(reply.delay).await;
    send(reply).await
}

/// A request that is being answered; it leaves the count when it is done or its client went away.
struct InFlight {
    log: Arc<Mutex<Log>>,
    index: usize,
}

impl InFlight {
    fn enter(log: Arc<Mutex<Log>>, request: Request) -> InFlight {
        let index = {
            let mut log = lock(&log);
            log.in_flight += 1;
            log.peak = log.peak.max(log.in_flight);
            log.requests.push(request);
            log.requests.len() - 1
        };
        InFlight { log, index }
    }

    fn answered(&self, reply: &Reply, violations: Vec<String>) {
        let mut log = lock(&self.log);
        log.requests[self.index].status = reply.status_seen();
        log.violations.extend(violations);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.log).in_flight -= 1;
    }
}

async fn send(reply: Reply) -> Response<Body> {
    let body = match reply.wire {
        Wire::Whole => Body::from(reply.body),
        Wire::Hang => pending().await,
        Wire::Reset => drop_connection(),
        // A proxy that buffers closes such an answer properly: only its text is cut.
        Wire::Truncated => Body::from(reply.body[..reply.body.len() / 2].to_vec()),
        Wire::Broken => {
            let half = Bytes::copy_from_slice(&reply.body[..reply.body.len() / 2]);
            let parts = [Ok(half), Err(std::io::Error::other("the connection is dropped on purpose"))];
            Body::from_stream(futures_util::stream::iter(parts))
        }
        Wire::Dripping => Body::from_stream(futures_util::stream::unfold(reply.body.into_iter(), |mut left| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            left.next().map(|byte| (Ok::<_, std::io::Error>(Bytes::copy_from_slice(&[byte])), left))
        })),
        Wire::Flood => {
            let part = Bytes::from(reply.body.repeat((1 << 20) / reply.body.len().max(1) + 1));
            Body::from_stream(futures_util::stream::iter((0..100).map(move |_| Ok::<_, std::io::Error>(part.clone()))))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        let (name, value) = (name.parse::<axum::http::HeaderName>(), value.parse());
        response.headers_mut().append(name.expect("a header's name"), value.expect("a header's value"));
    }
    response
}

/// Ends the task of this connection, which closes its socket; `resume_unwind` prints nothing.
fn drop_connection() -> ! {
    resume_unwind(Box::new("the connection is dropped on purpose"))
}

/// A text without its percent signs.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
