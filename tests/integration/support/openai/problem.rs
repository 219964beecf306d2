//! Refusals in the shape and the words of the API.

use serde_json::{Value, json};

use crate::support::server::Reply;

/// An error answer.
#[derive(Debug, Clone)]
pub struct Problem {
    status: u16,
    message: String,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
}

impl Problem {
    pub fn new(status: u16, message: impl Into<String>) -> Problem {
        Problem { status, message: message.into(), kind: "invalid_request_error", code: None, param: None }
    }

    /// A request that cannot be right.
    pub fn bad(message: impl Into<String>) -> Problem {
        Problem::new(400, message)
    }

    pub fn code(mut self, code: &'static str) -> Problem {
        self.code = Some(code);
        self
    }

    pub fn param(mut self, param: impl Into<String>) -> Problem {
        self.param = Some(param.into());
        self
    }

    pub fn kind(mut self, kind: &'static str) -> Problem {
        self.kind = kind;
        self
    }

    pub fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }

    pub fn reply(&self) -> Reply {
        Reply::json(self.status, &self.body())
    }
}
