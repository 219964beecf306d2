//! Requests that go wrong on purpose, on either host.

use serde_json::Value;

use super::server::{Reply, Wire};

/// How a request goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This answer instead; nothing is applied.
    Status(u16, Value),
    /// A proxy's HTML page with 502; nothing is applied.
    Html502,
    /// The same page, after the request was applied.
    ApplyThenHtml502,
    /// A page of some proxy or login with 200; nothing is applied.
    Html200,
    /// The same page, after the request was applied.
    ApplyThenHtml200,
    /// A dropped connection; nothing is applied.
    Reset,
    /// A dropped connection, after the request was applied.
    ApplyThenReset,
    /// Silence on an open connection; nothing is applied.
    Hang,
    /// The same, after the request was applied.
    ApplyThenHang,
    /// An answer that breaks off.
    Truncated,
    /// A firewall's page with 403; nothing is applied.
    Html403,
    /// The answer has these values as its headers of these names, or none of them.
    Headers(Vec<(&'static str, Option<String>)>),
    /// The answer has this done to its JSON.
    Changed(fn(&mut Value)),
    /// The request is served, but just before it somebody pushed this commit.
    HeadMoves(String),
    /// The request is served, but just before it somebody took away the comment that it names.
    Vanishes,
    /// GitHub: 422 that names no entry: "or the endpoint has been spammed".
    Spammed,
    /// GitHub: 403 for a burst, with `retry-after` in seconds or without.
    SecondaryLimit(Option<u64>),
    /// GitHub: 403 for too many requests in this hour.
    PrimaryLimit,
    /// GitLab: 429 as plain text, with `retry-after` in seconds.
    RetryLater(u64),
    /// GitLab: 429 of the application, without a word on when to come back.
    TooManyRequests,
    /// GitLab: 404, as of a version that does not have this operation yet.
    Unknown,
}

impl Fault {
    /// The answer that takes the place of the real one, where the request is not applied; `host` has those of one host.
    pub fn instead(&self, host: impl FnOnce(&Fault) -> Option<Reply>) -> Option<Reply> {
        match self {
            Fault::Status(status, body) => Some(Reply::json(*status, body)),
            Fault::Html502 => Some(Reply::html(502)),
            Fault::Html200 => Some(Reply::html(200)),
            Fault::Html403 => Some(Reply::html(403)),
            Fault::Reset => Some(Reply::on_the_wire(Wire::Reset)),
            Fault::Hang => Some(Reply::on_the_wire(Wire::Hang)),
            Fault::ApplyThenHtml502
            | Fault::ApplyThenHtml200
            | Fault::ApplyThenReset
            | Fault::ApplyThenHang
            | Fault::Truncated
            | Fault::Headers(_)
            | Fault::Changed(_)
            | Fault::HeadMoves(_)
            | Fault::Vanishes => None,
            of_host => Some(host(of_host).expect("a fault of this host")),
        }
    }

    /// What becomes of the real answer.
    pub fn after(&self, reply: Reply) -> Reply {
        match self {
            Fault::ApplyThenHtml502 => Reply::html(502),
            Fault::ApplyThenHtml200 => Reply::html(200),
            Fault::ApplyThenReset => Reply::on_the_wire(Wire::Reset),
            Fault::ApplyThenHang => Reply::on_the_wire(Wire::Hang),
            Fault::Truncated => Reply { wire: Wire::Truncated, ..reply },
            Fault::Headers(wanted) => {
                wanted.iter().fold(reply, |reply, (name, value)| with_header(reply, name, value.as_ref()))
            }
            Fault::Changed(change) => {
                let mut json = serde_json::from_slice(&reply.body).expect("an answer in JSON");
                change(&mut json);
                Reply { body: json.to_string().into_bytes(), ..reply }
            }
            _ => reply,
        }
    }
}

fn with_header(mut reply: Reply, name: &str, value: Option<&String>) -> Reply {
    reply.headers.retain(|(known, _)| known != name);
    value.into_iter().fold(reply, |reply, value| reply.header(name, value))
}

/// A fault that waits for its request.
pub struct Planted<R> {
    route: R,
    /// How many requests of the route pass before it strikes.
    skip: usize,
    /// How many it strikes.
    times: usize,
    fault: Fault,
}

impl<R: PartialEq> Planted<R> {
    pub fn new(route: R, nth: usize, times: usize, fault: Fault) -> Planted<R> {
        Planted { route, skip: nth.saturating_sub(1), times, fault }
    }

    /// The fault, when this request is one that it strikes.
    pub fn strike(&mut self, route: &R) -> Option<Fault> {
        if self.route != *route || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times = self.times.saturating_sub(usize::from(self.times < usize::MAX));
        Some(self.fault.clone())
    }
}
