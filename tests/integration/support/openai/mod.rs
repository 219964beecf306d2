//! A double of OpenAI's Chat Completions: refuses what the API refuses, counts what it counts, says what a script says.

mod batch;
mod completion;
mod models;
mod problem;
mod rules;
mod script;
mod strict;
mod tokens;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub use batch::Course;
pub use models::Model;
pub use script::{Answer, Script, Stage, finding, verdict};

use self::problem::Problem;
use super::openapi::OPENAI;
use super::server::{Reply, Request, Server, lock};

/// The key that the double takes.
pub const KEY: &str = "sk-test-0123456789abcdefghij";

/// A running double.
pub struct OpenAi {
    /// The base URL, as `OPENAI_BASE_URL` wants it.
    pub url: String,
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    script: Script,
    cache: tokens::PrefixCache,
    answered: usize,
    batches: batch::Batches,
}

impl OpenAi {
    pub fn start(script: Script) -> OpenAi {
        let state =
            Arc::new(Mutex::new(State { script, cache: Default::default(), answered: 0, batches: Default::default() }));
        let shared = Arc::clone(&state);
        let server = Server::start(
            "OpenAI",
            Box::new(move |request, _, violations| {
                let mut state = lock(&shared);
                let reply = state.handle(request, violations).unwrap_or_else(|problem| problem.reply());
                state.dress(reply)
            }),
        );
        OpenAi { url: format!("{}/v1", server.root), server, state }
    }

    /// The root under which the same model answers as an Azure deployment.
    pub fn azure_endpoint(&self) -> String {
        self.server.root.clone()
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The requests for completions so far.
    pub fn completions(&self) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.path.ends_with("/chat/completions"));
        requests
    }

    /// How often a path below `/v1` was asked with this method.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let is_it = |request: &Request| request.method == method && request.path == format!("/v1{path}");
        self.requests().into_iter().filter(is_it).count()
    }

    /// The files of which batches were made.
    pub fn batches(&self) -> Vec<String> {
        lock(&self.state).batches.inputs()
    }

    /// The texts of each request for embeddings.
    pub fn embedded(&self) -> Vec<Value> {
        let requests = self.requests().into_iter().filter(|request| request.path.ends_with("/embeddings"));
        requests.map(|request| request.body["input"].clone()).collect()
    }

    /// The whole text of the messages of each request for a completion.
    pub fn prompts(&self) -> Vec<String> {
        self.completions().iter().map(|request| prompt_text(&request.body)).collect()
    }

    /// Replaces the script from now on.
    pub fn set_script(&self, script: Script) {
        lock(&self.state).script = script;
    }

    /// How many requests were open at the same time, at most (give the answers a delay to see it).
    pub fn peak(&self) -> usize {
        self.server.peak()
    }

    pub fn violations(&self) -> Vec<String> {
        self.server.violations()
    }

    /// The violations so far, which no longer fail the test.
    pub fn take_violations(&self) -> Vec<String> {
        self.server.take_violations()
    }

    #[track_caller]
    pub fn assert_no_violations(&self) {
        self.server.assert_no_violations();
    }
}

/// The whole text of the messages of a request for a completion.
pub fn prompt_text(body: &Value) -> String {
    let messages = body["messages"].as_array().into_iter().flatten();
    messages.map(tokens::content).collect::<Vec<_>>().join("\n")
}

/// The tokens that the double counts for a request for a completion.
pub fn prompt_tokens(body: &Value) -> usize {
    tokens::prompt(body).len()
}

/// Whether a request asks for verdicts; servers without schemas are told so in words.
fn asks_for_verdicts(body: &Value) -> bool {
    let schema = &body["response_format"]["json_schema"]["schema"];
    match schema["properties"].as_object() {
        Some(properties) => properties.contains_key("verdicts"),
        None => prompt_text(body).contains("verdicts"),
    }
}

impl State {
    fn handle(&mut self, request: &Request, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        if !self.script.needs_no_key {
            check_key(request)?;
        }
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let Some((answer, is_done)) = self.script.fault(request) {
            if is_done {
                self.serve(&path, request, violations)?;
            }
            return Ok(completion::by_hand(answer));
        }
        self.serve(&path, request, violations)
    }

    fn serve(&mut self, path: &[&str], request: &Request, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        match (request.method.as_str(), path) {
            ("GET", ["v1", "models"]) => Ok(self.list_models(violations)),
            ("GET", ["v1", "models", name]) => Ok(Reply::json(200, &model_json(&self.model(name)?))),
            ("POST", ["v1", "chat", "completions"]) => self.chat(request.body.clone(), request, violations),
            ("POST", ["v1", "embeddings"]) => self.embed(&request.body, violations),
            ("POST", ["v1", "files"]) => self.upload(request, violations),
            ("GET", ["v1", "files", id, "content"]) => self.file_content(id),
            ("POST", ["v1", "batches"]) => self.make_batch(&request.body, violations),
            ("GET", ["v1", "batches"]) => self.list_batches(request, violations),
            ("GET", ["v1", "batches", id]) => self.look_at_batch(id, request, violations),
            ("POST", ["openai", "deployments", name, "chat", "completions"]) => {
                if !request.query.contains_key("api-version") {
                    return Err(Problem::new(404, "Resource not found").code("404"));
                }
                let mut body = request.body.clone();
                if body.is_object() {
                    body["model"] = json!(name);
                }
                self.chat(body, request, violations)
            }
            (method, _) => Err(Problem::new(404, format!("Invalid URL ({method} {})", request.path))),
        }
    }

    fn chat(&mut self, body: Value, request: &Request, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        rules::shape(&body)?;
        let model = self.model(body["model"].as_str().unwrap_or_default())?;
        rules::parameters(&body, &model, &self.script.unsupported)?;
        rules::format(&body)?;
        let problems = OPENAI.request_problems("post", "/chat/completions", &body);
        if !problems.is_empty() {
            let text = format!("POST /chat/completions: {}", problems.join("; "));
            violations.push(text.clone());
            return Err(Problem::new(599, text));
        }
        let prompt = tokens::prompt(&body);
        rules::window(&body, &model, prompt.len())?;
        let answer = self.script.answer(&prompt_text(&body), asks_for_verdicts(&body));
        Ok(self.complete(answer, &body, &model, prompt, request, violations))
    }

    /// The vector of each text, as the script has it.
    fn embed(&mut self, body: &Value, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        let problems = OPENAI.request_problems("post", "/embeddings", body);
        if !problems.is_empty() {
            let text = format!("POST /embeddings: {}", problems.join("; "));
            violations.push(text.clone());
            return Err(Problem::new(599, text));
        }
        let model = body["model"].as_str().unwrap_or_default();
        if !model.starts_with("text-embedding-") {
            let text = format!("The model `{model}` does not exist or you do not have access to it.");
            return Err(Problem::new(404, text).code("model_not_found"));
        }
        let texts: Vec<&str> = body["input"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if texts.iter().any(|text| text.is_empty()) {
            return Err(Problem::new(400, "'$.input' is invalid. Please check the API reference."));
        }
        let tokens: usize = texts.iter().map(|text| tokens::encode(text).len()).sum();
        let entry = |(index, text): (usize, &&str)| json!({"object": "embedding", "index": index, "embedding": self.script.vector(text)});
        let data: Vec<Value> = texts.iter().enumerate().map(entry).collect();
        let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
        let answer = json!({"object": "list", "data": data, "model": model, "usage": usage});
        violations.extend(OPENAI.answer_problems("post", "/embeddings", 200, &answer));
        Ok(Reply::json(200, &answer))
    }

    fn model(&self, name: &str) -> Result<Model, Problem> {
        let found = self.all_models().into_iter().find(|model| model.name == name || model.snapshot == name);
        found.ok_or_else(|| {
            let text = format!("The model `{name}` does not exist or you do not have access to it.");
            Problem::new(404, text).code("model_not_found")
        })
    }

    fn all_models(&self) -> Vec<Model> {
        let mut all = self.script.models.clone();
        all.extend(models::known());
        all
    }

    fn list_models(&self, violations: &mut Vec<String>) -> Reply {
        let data: Vec<Value> = self.all_models().iter().map(model_json).collect();
        let body = json!({"object": "list", "data": data});
        violations.extend(OPENAI.answer_problems("get", "/models", 200, &body));
        Reply::json(200, &body)
    }

    /// The headers of every answer.
    fn dress(&mut self, reply: Reply) -> Reply {
        self.answered += 1;
        let id = format!("req_{:024x}", self.answered);
        let mut dressed = reply.header("x-request-id", id).header("openai-processing-ms", 12);
        for (name, value) in [
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-limit-tokens", "10000000"),
            ("x-ratelimit-remaining-tokens", "9999000"),
            ("x-ratelimit-reset-tokens", "6ms"),
        ] {
            if !dressed.headers.iter().any(|(given, _)| given == name) {
                dressed = dressed.header(name, value);
            }
        }
        dressed
    }
}

fn model_json(model: &Model) -> Value {
    json!({"id": model.name, "object": "model", "created": 1_700_000_000, "owned_by": "system"})
}

/// The key stands in `Authorization`, or in `api-key` for Azure. A wrong one is echoed, with its middle hidden.
fn check_key(request: &Request) -> Result<(), Problem> {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let key = bearer.or(request.header("api-key")).unwrap_or_default();
    if key == KEY {
        return Ok(());
    }
    let where_to = "https://platform.openai.com/account/api-keys.";
    if key.is_empty() {
        let text = "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth \
                    (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from";
        return Err(Problem::new(401, format!("{text} {where_to}")));
    }
    let chars: Vec<char> = key.chars().collect();
    let shown: String = match chars.len() {
        n if n > 12 => chars[..8].iter().chain(&vec!['*'; n - 12]).chain(&chars[n - 4..]).collect(),
        _ => key.to_owned(),
    };
    let text = format!("Incorrect API key provided: {shown}. You can find your API key at {where_to}");
    Err(Problem::new(401, text).code("invalid_api_key"))
}
