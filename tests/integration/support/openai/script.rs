//! What the model says: rules that match a prompt and give an answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::batch::Course;
use super::models::Model;
use super::problem::Problem;
use crate::support::server::{Request, Wire};

/// An answer of the model, or what comes in its place.
#[derive(Clone)]
pub enum Answer {
    /// A completion with this JSON, which must fit the schema that was asked for.
    Json(Value),
    /// A completion with JSON made from the request, which must fit the schema that was asked for.
    With(Arc<dyn Fn(&Request) -> Value + Send + Sync>),
    /// A completion with this text, whatever was asked for.
    Text(String),
    /// A completion that reached its limit: the first half of this text, `finish_reason: length`.
    Cut(String),
    /// A refusal in these words.
    Refusal(String),
    /// A completion stopped by the content filter.
    Filtered,
    /// A completion whose content is null.
    Null,
    /// An answer with an empty list of choices.
    NoChoices,
    /// Exactly this, past every check.
    Raw {
        /// The HTTP status.
        status: u16,
        /// Headers besides the content type, which is JSON unless given here.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// A proxy's page with this status.
    Html(u16),
    /// Silence on an open connection.
    Hang,
    /// A dropped connection.
    Reset,
    /// Half of an answer.
    Truncated,
    /// Another answer, late.
    Late(Duration, Box<Answer>),
    /// These bytes with 200, and these headers besides.
    Bytes {
        /// Headers besides the content type.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Another answer, over a broken wire.
    Over(Wire, Box<Answer>),
}

impl Answer {
    /// These findings; see [`finding`].
    pub fn findings(findings: Vec<Value>) -> Answer {
        let summary = if findings.is_empty() { "Nothing to remark." } else { "There is something to look at." };
        Answer::Json(json!({"analysis": "Read hunk by hunk.", "findings": findings, "summary": summary}))
    }

    /// These verdicts; see [`verdict`].
    pub fn verdicts(verdicts: Vec<Value>) -> Answer {
        Answer::Json(json!({"verdicts": verdicts}))
    }

    /// A call of the tool `read_file` for lines 1 to `end`.
    pub fn reads(path: &str, end: u32) -> Answer {
        let arguments = json!({"path": path, "start": 1, "end": end}).to_string();
        let call =
            json!({"id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": arguments}});
        let message = json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [call]});
        let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": null}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920}});
        Answer::Raw { status: 200, headers: Vec::new(), body: body.to_string() }
    }

    /// JSON made from the request.
    pub fn with(make: impl Fn(&Request) -> Value + Send + Sync + 'static) -> Answer {
        Answer::With(Arc::new(make))
    }

    /// An answer that reached its limit of tokens.
    pub fn cut() -> Answer {
        Answer::Cut(
            r#"{"analysis": "Read hunk by hunk.", "findings": [{"path": "src/main.rs", "quote": "fn main"#.to_owned(),
        )
    }

    /// An error in the API's shape.
    pub fn error(status: u16, kind: &'static str, code: Option<&'static str>, message: &str) -> Answer {
        let problem = Problem::new(status, message).kind(kind);
        let problem = code.map_or(problem.clone(), |code| problem.code(code));
        Answer::Raw { status, headers: Vec::new(), body: problem.body().to_string() }
    }

    /// 429 with `retry-after` in seconds.
    pub fn rate_limited(retry_after: u64) -> Answer {
        let message = format!(
            "Rate limit reached for gpt-4o-mini in organization org-test on tokens per min (TPM): Limit 30000, Used 29000, \
             Requested 2000. Please try again in {retry_after}s. Visit https://platform.openai.com/account/rate-limits to learn more."
        );
        let answer = Answer::error(429, "tokens", Some("rate_limit_exceeded"), &message);
        answer.header("retry-after", &retry_after.to_string()).header("x-ratelimit-remaining-tokens", "0")
    }

    /// 429 for a request that is larger than the limit of a minute: waiting does not help.
    pub fn too_large_for_rate() -> Answer {
        let message = "Request too large for gpt-4o-mini in organization org-test on tokens per min (TPM): Limit 30000, Requested \
                       31538. The input or output tokens must be reduced in order to run successfully.";
        Answer::error(429, "tokens", Some("rate_limit_exceeded"), message)
    }

    /// 429 for an account without money: waiting does not help.
    pub fn quota() -> Answer {
        let message = "You exceeded your current quota, please check your plan and billing details. For more information on this \
                       error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
        Answer::error(429, "insufficient_quota", Some("insufficient_quota"), message)
    }

    /// 500 in the API's shape.
    pub fn server_error() -> Answer {
        let message = "The server had an error while processing your request. Sorry about that!";
        Answer::error(500, "server_error", None, message)
    }

    /// 503 in the API's shape.
    pub fn overloaded() -> Answer {
        let message = "The server is currently overloaded. Please try again later.";
        Answer::error(503, "service_unavailable_error", Some("server_is_overloaded"), message)
    }

    /// The same with one more header, where this is an answer made by hand.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        if let Answer::Raw { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same, after a while.
    pub fn after(self, delay: Duration) -> Answer {
        Answer::Late(delay, Box::new(self))
    }
}

/// A finding with every field that is asked of the model; `fields` overrides or adds to the usual ones.
pub fn finding(path: &str, line: u32, quote: &str, fields: Value) -> Value {
    let mut finding = json!({
        "path": path, "quote": quote, "line": line, "end_line": line, "side": "RIGHT",
        "reasoning": "With an empty input the result is wrong.", "category": "bug", "severity": "major", "confidence": 90,
        "title": "Wrong result for an empty input", "body": "An empty input is not handled.", "suggestion": null,
    });
    for (key, value) in fields.as_object().into_iter().flatten() {
        finding[key] = value.clone();
    }
    finding
}

/// A verdict of the second look: `confirmed`, `refuted` or `uncertain`.
pub fn verdict(id: impl Into<Value>, verdict: &str, evidence: &str) -> Value {
    json!({"id": id.into(), "evidence": evidence, "reasoning": "Seen in the code.", "verdict": verdict})
}

/// Which requests a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Those that ask for findings.
    Review,
    /// Those that ask for verdicts.
    Verify,
    /// All.
    Any,
}

#[derive(Clone)]
struct Rule {
    stage: Stage,
    contains: String,
    left: usize,
    answer: Answer,
}

/// The model's behaviour: the first rule that fits a request answers it.
#[derive(Clone, Default)]
pub struct Script {
    rules: Vec<Rule>,
    pub(super) models: Vec<Model>,
    pub(super) unsupported: Vec<String>,
    pub(super) needs_no_key: bool,
    pub(super) reasoning_tokens: usize,
    vectors: Vec<(String, Vec<f64>)>,
    faults: Vec<Fault>,
    pub(super) course: Course,
    pub(super) refuses_batches: Option<String>,
}

/// What comes in the place of an answer of the server itself.
#[derive(Clone)]
struct Fault {
    method: &'static str,
    path: String,
    left: usize,
    answer: Answer,
    is_done: bool,
}

impl Script {
    /// A model that finds nothing and gives no verdicts.
    pub fn new() -> Script {
        Script::default()
    }

    /// Review requests whose prompt contains `text` (any, when it is empty) get this answer.
    pub fn when(self, text: &str, answer: Answer) -> Script {
        self.rule(Stage::Review, text, usize::MAX, answer)
    }

    /// The next `times` review requests whose prompt contains `text` get this answer.
    pub fn when_times(self, text: &str, times: usize, answer: Answer) -> Script {
        self.rule(Stage::Review, text, times, answer)
    }

    /// Requests for verdicts whose prompt contains `text` get this answer.
    pub fn when_verifying(self, text: &str, answer: Answer) -> Script {
        self.rule(Stage::Verify, text, usize::MAX, answer)
    }

    /// The next `times` requests of any kind get this answer.
    pub fn first(self, times: usize, answer: Answer) -> Script {
        self.rule(Stage::Any, "", times, answer)
    }

    /// Every request that no rule before this one answers gets this answer.
    pub fn always(self, answer: Answer) -> Script {
        self.rule(Stage::Any, "", usize::MAX, answer)
    }

    /// These rules, and behind them those of another script.
    pub fn followed_by(mut self, other: Script) -> Script {
        self.rules.extend(other.rules);
        self
    }

    /// The general form of the rules above.
    pub fn rule(mut self, stage: Stage, contains: &str, times: usize, answer: Answer) -> Script {
        self.rules.push(Rule { stage, contains: contains.to_owned(), left: times, answer });
        self
    }

    /// Adds a model, or replaces one of the same name: a small window makes small prompts too long.
    pub fn model(mut self, model: Model) -> Script {
        self.models.insert(0, model);
        self
    }

    /// A less able server: this parameter is refused.
    pub fn unsupported(mut self, parameter: &str) -> Script {
        self.unsupported.push(parameter.to_owned());
        self
    }

    /// A server on the user's own machine that asks for no key.
    pub fn needs_no_key(mut self) -> Script {
        self.needs_no_key = true;
        self
    }

    /// Every answer thinks for so many tokens.
    pub fn reasoning_tokens(mut self, tokens: usize) -> Script {
        self.reasoning_tokens = tokens;
        self
    }

    /// Texts that contain `text` have this vector; others have `[1, 0]`.
    pub fn vector_of(mut self, text: &str, vector: &[f64]) -> Script {
        self.vectors.push((text.to_owned(), vector.to_vec()));
        self
    }

    /// The next `times` requests to a path below `/v1` get this answer, one made by hand.
    pub fn at(self, method: &'static str, path: &str, times: usize, answer: Answer) -> Script {
        self.fault_at(Fault { method, path: format!("/v1{path}"), left: times, answer, is_done: false })
    }

    /// The same, after what was asked for is done.
    pub fn after(self, method: &'static str, path: &str, times: usize, answer: Answer) -> Script {
        self.fault_at(Fault { method, path: format!("/v1{path}"), left: times, answer, is_done: true })
    }

    fn fault_at(mut self, fault: Fault) -> Script {
        self.faults.push(fault);
        self
    }

    /// What becomes of batches.
    pub fn batches(mut self, course: Course) -> Script {
        self.course = course;
        self
    }

    /// Every batch is refused as a whole, in these words.
    pub fn refuses_batches(mut self, words: &str) -> Script {
        self.refuses_batches = Some(words.to_owned());
        self
    }

    /// What comes in the place of the answer to a request, and whether it is carried out.
    pub(super) fn fault(&mut self, request: &Request) -> Option<(Answer, bool)> {
        let is_here =
            |fault: &&mut Fault| fault.left > 0 && fault.method == request.method && fault.path == request.path;
        let fault = self.faults.iter_mut().find(is_here)?;
        fault.left -= 1;
        Some((fault.answer.clone(), fault.is_done))
    }

    /// The vector of a text.
    pub(super) fn vector(&self, text: &str) -> Vec<f64> {
        let known = self.vectors.iter().find(|(contained, _)| text.contains(contained));
        known.map_or_else(|| vec![1.0, 0.0], |(_, vector)| vector.clone())
    }

    /// The answer to a request, and one use less of the rule that gave it.
    pub(super) fn answer(&mut self, prompt: &str, verifying: bool) -> Answer {
        let stage = if verifying { Stage::Verify } else { Stage::Review };
        let fits = |rule: &&mut Rule| {
            rule.left > 0 && (rule.stage == Stage::Any || rule.stage == stage) && prompt.contains(&rule.contains)
        };
        match self.rules.iter_mut().find(fits) {
            Some(rule) => {
                rule.left = rule.left.saturating_sub(usize::from(rule.left < usize::MAX));
                rule.answer.clone()
            }
            None if verifying => Answer::verdicts(Vec::new()),
            None => Answer::findings(Vec::new()),
        }
    }
}
