//! Files and batches: a state machine that goes on by one step each time it is looked at.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::State;
use super::problem::Problem;
use crate::support::openapi::OPENAI;
use crate::support::server::{Reply, Request, Wire};

/// Requests and bytes that a batch may have.
const MOST: (usize, usize) = (50_000, 200_000_000);

/// What becomes of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Course {
    /// All requests are run.
    #[default]
    Completes,
    /// So many are run, and then its time is over.
    Expires(usize),
    /// So many are run, and then somebody cancels it.
    Cancelled(usize),
    /// It goes on for ever.
    GoesOn,
}

/// An uploaded or made file.
#[derive(Debug, Clone)]
pub(super) struct File {
    id: String,
    name: String,
    purpose: &'static str,
    content: String,
}

/// A batch.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    id: String,
    input: String,
    endpoint: String,
    metadata: Value,
    status: &'static str,
    errors: Vec<Value>,
    output: Option<String>,
    failures: Option<String>,
    counts: (usize, usize, usize),
}

/// What `/files` and `/batches` know.
#[derive(Debug, Default)]
pub(super) struct Batches {
    pub(super) files: Vec<File>,
    pub(super) batches: Vec<Batch>,
}

impl Batches {
    /// The contents of the files that were uploaded and made batches of.
    pub(super) fn inputs(&self) -> Vec<String> {
        let content = |batch: &Batch| self.files.iter().find(|file| file.id == batch.input).map(|f| f.content.clone());
        self.batches.iter().filter_map(content).collect()
    }

    fn file(&self, id: &str) -> Result<&File, Problem> {
        let missing = || Problem::new(404, format!("No such File object: {id}")).param("id");
        self.files.iter().find(|file| file.id == id).ok_or_else(missing)
    }

    fn keep(&mut self, name: String, purpose: &'static str, content: String) -> String {
        let id = format!("file-{:06}", self.files.len() + 1);
        self.files.push(File { id: id.clone(), name, purpose, content });
        id
    }
}

impl State {
    pub(super) fn upload(&mut self, request: &Request, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        let parts = parts(request)?;
        let field = |name: &str| parts.iter().find(|part| part.name == name);
        if field("purpose").map(|part| part.content.as_str()) != Some("batch") {
            return Err(Problem::bad("'purpose' is a required property").param("purpose"));
        }
        let file = field("file").ok_or_else(|| Problem::bad("'file' is a required property").param("file"))?;
        let name = file.filename.clone().ok_or_else(|| Problem::bad("the file has no name").param("file"))?;
        if !name.ends_with(".jsonl") {
            return Err(Problem::bad("Invalid file format for Batch API. Must be .jsonl").param("file"));
        }
        if parts.len() != 2 || file.content.len() > MOST.1 {
            return Err(Problem::bad("too much in the form"));
        }
        let id = self.batches.keep(name, "batch", file.content.clone());
        let answer = file_json(self.batches.file(&id)?);
        violations.extend(OPENAI.answer_problems("post", "/files", 200, &answer));
        Ok(Reply::json(200, &answer))
    }

    pub(super) fn file_content(&self, id: &str) -> Result<Reply, Problem> {
        let file = self.batches.file(id)?;
        Ok(Reply::bytes(200, "application/octet-stream", file.content.clone().into_bytes()))
    }

    pub(super) fn make_batch(&mut self, body: &Value, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        let problems = OPENAI.request_problems("post", "/batches", body);
        if !problems.is_empty() {
            let text = format!("POST /batches: {}", problems.join("; "));
            violations.push(text.clone());
            return Err(Problem::new(599, text));
        }
        let input = body["input_file_id"].as_str().unwrap_or_default().to_owned();
        if self.batches.file(&input)?.purpose != "batch" {
            return Err(Problem::bad("the file has another purpose").param("input_file_id"));
        }
        let endpoint = body["endpoint"].as_str().unwrap_or_default().to_owned();
        let id = format!("batch_{:06}", self.batches.batches.len() + 1);
        let metadata = body.get("metadata").cloned().unwrap_or_default();
        let batch = Batch {
            id,
            input,
            endpoint,
            metadata,
            status: "validating",
            errors: Vec::new(),
            output: None,
            failures: None,
            counts: (0, 0, 0),
        };
        let answer = batch_json(&batch);
        self.batches.batches.push(batch);
        violations.extend(OPENAI.answer_problems("post", "/batches", 200, &answer));
        Ok(Reply::json(200, &answer))
    }

    /// Newest first, as the API lists.
    pub(super) fn list_batches(&self, request: &Request, violations: &mut Vec<String>) -> Result<Reply, Problem> {
        let limit: usize = request.query.get("limit").map_or(Ok(20), |limit| limit.parse()).unwrap_or(0);
        if !(1..=100).contains(&limit) {
            return Err(Problem::bad("Invalid value for 'limit'").param("limit"));
        }
        let all: Vec<&Batch> = self.batches.batches.iter().rev().collect();
        let start = match request.query.get("after") {
            Some(after) => all.iter().position(|batch| batch.id == *after).map_or(all.len(), |index| index + 1),
            None => 0,
        };
        let page: Vec<Value> = all[start..].iter().take(limit).map(|batch| batch_json(batch)).collect();
        let has_more = all.len() - start > limit;
        let answer = json!({"object": "list", "data": page, "has_more": has_more});
        violations.extend(OPENAI.answer_problems("get", "/batches", 200, &answer));
        Ok(Reply::json(200, &answer))
    }

    /// The batch as it is, after which it goes on by a step.
    pub(super) fn look_at_batch(
        &mut self,
        id: &str,
        request: &Request,
        violations: &mut Vec<String>,
    ) -> Result<Reply, Problem> {
        let index = self.batches.batches.iter().position(|batch| batch.id == id);
        let index = index.ok_or_else(|| Problem::new(404, format!("No batch found with id '{id}'.")))?;
        let answer = batch_json(&self.batches.batches[index]);
        violations.extend(OPENAI.answer_problems("get", "/batches/{batch_id}", 200, &answer));
        match self.batches.batches[index].status {
            "validating" => self.validate(index)?,
            "in_progress" if self.script.course != Course::GoesOn => self.run_batch(index, request, violations)?,
            "finalizing" | "cancelling" => {
                self.batches.batches[index].status = match self.script.course {
                    Course::Expires(_) => "expired",
                    Course::Cancelled(_) => "cancelled",
                    _ => "completed",
                };
            }
            _ => {}
        }
        Ok(Reply::json(200, &answer))
    }

    fn validate(&mut self, index: usize) -> Result<(), Problem> {
        let batch = &self.batches.batches[index];
        let content = self.batches.file(&batch.input)?.content.clone();
        let errors = errors_of(&content, &batch.endpoint, self.script.refuses_batches.as_deref());
        let batch = &mut self.batches.batches[index];
        batch.status = if errors.is_empty() { "in_progress" } else { "failed" };
        batch.counts.0 = if errors.is_empty() { content.lines().count() } else { 0 };
        batch.errors = errors;
        Ok(())
    }

    /// Runs the requests, and writes what came of them in another order.
    fn run_batch(&mut self, index: usize, request: &Request, violations: &mut Vec<String>) -> Result<(), Problem> {
        let batch = self.batches.batches[index].clone();
        let content = self.batches.file(&batch.input)?.content.clone();
        let most = match self.script.course {
            Course::Expires(count) | Course::Cancelled(count) => count,
            _ => usize::MAX,
        };
        let (mut good, mut failed) = (Vec::new(), Vec::new());
        for (number, line) in content.lines().enumerate() {
            let line: Value = serde_json::from_str(line).expect("a line that was validated");
            let id = format!("batch_req_{number:06}");
            if number >= most {
                if let Course::Expires(_) = self.script.course {
                    let message = "This request could not be executed before the completion window expired.";
                    let error = json!({"code": "batch_expired", "message": message});
                    failed.push(json!({"id": id, "custom_id": line["custom_id"], "response": null, "error": error}));
                }
                continue;
            }
            let request = Request { body: line["body"].clone(), ..request.clone() };
            let reply = match line["url"].as_str() {
                Some("/v1/embeddings") => self.embed(&request.body, violations),
                _ => self.chat(request.body.clone(), &request, violations),
            };
            let reply = reply.unwrap_or_else(|problem| problem.reply());
            assert_eq!(reply.wire, Wire::Whole, "a script for batches has whole answers");
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            let response = json!({"status_code": reply.status, "request_id": format!("req_{number}"), "body": body});
            let line = json!({"id": id, "custom_id": line["custom_id"], "response": response, "error": null});
            if reply.status == 200 { good.push(line) } else { failed.push(line) }
        }
        let counts = (content.lines().count(), good.len(), failed.len());
        let mut keep = |lines: Vec<Value>, name: &str| {
            let text: String = lines.iter().rev().map(|line| format!("{line}\n")).collect();
            (!lines.is_empty()).then(|| self.batches.keep(format!("{}_{name}.jsonl", batch.id), "batch_output", text))
        };
        let (output, failures) = (keep(good, "output"), keep(failed, "error"));
        let batch = &mut self.batches.batches[index];
        (batch.counts, batch.output, batch.failures) = (counts, output, failures);
        batch.status = if let Course::Cancelled(_) = self.script.course { "cancelling" } else { "finalizing" };
        Ok(())
    }
}

/// What the validation finds.
fn errors_of(content: &str, endpoint: &str, refusal: Option<&str>) -> Vec<Value> {
    let error = |line: Option<usize>, code: &str, message: &str| json!({"code": code, "message": message, "param": null, "line": line});
    if let Some(refusal) = refusal {
        return vec![error(None, "token_limit_exceeded", refusal)];
    }
    if content.lines().count() == 0 || content.lines().count() > MOST.0 {
        return vec![error(None, "invalid_number_of_requests", "The batch has no requests, or too many.")];
    }
    let (mut ids, mut models, mut errors) = (HashSet::new(), Vec::new(), Vec::new());
    for (index, line) in content.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let keys: Vec<&String> = line.as_object().into_iter().flat_map(|line| line.keys()).collect();
        let is_request = keys == ["custom_id", "method", "url", "body"] && line["method"] == "POST";
        let mut refuse = |code: &str, message: &str| errors.push(error(Some(index + 1), code, message));
        if !is_request || !line["body"].is_object() {
            refuse("invalid_json_line", "This line is not parseable as valid JSON.");
        } else if line["url"] != endpoint {
            refuse("invalid_url", "The URL provided for this request does not match the batch endpoint.");
        } else if line["custom_id"].as_str().is_none_or(str::is_empty)
            || ids.contains(line["custom_id"].as_str().unwrap_or_default())
        {
            refuse("duplicate_custom_id", "The custom_id for this request is a duplicate of another request.");
        } else if models.first().is_some_and(|model| *model != line["body"]["model"]) {
            refuse("mismatched_model", "The model of all requests must be the same.");
        }
        ids.insert(line["custom_id"].as_str().unwrap_or_default().to_owned());
        models.push(line["body"]["model"].clone());
    }
    errors
}

fn batch_json(batch: &Batch) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut json = json!({
        "id": batch.id, "object": "batch", "endpoint": batch.endpoint, "input_file_id": batch.input,
        "completion_window": "24h", "status": batch.status, "created_at": now, "metadata": batch.metadata,
        "request_counts": {"total": batch.counts.0, "completed": batch.counts.1, "failed": batch.counts.2},
    });
    if !batch.errors.is_empty() {
        json["errors"] = json!({"object": "list", "data": batch.errors});
    }
    // the files are there when the batch has ended
    if matches!(batch.status, "completed" | "expired" | "cancelled") {
        let files = [("output_file_id", &batch.output), ("error_file_id", &batch.failures)];
        files.into_iter().for_each(|(name, file)| {
            if let Some(file) = file {
                json[name] = json!(file);
            }
        });
    }
    json
}

fn file_json(file: &File) -> Value {
    json!({"id": file.id, "object": "file", "bytes": file.content.len(), "created_at": 1_790_000_000,
        "filename": file.name, "purpose": file.purpose, "status": "processed"})
}

/// A part of a form.
struct Part {
    name: String,
    filename: Option<String>,
    content: String,
}

/// The parts of a form, as RFC 7578 has them.
fn parts(request: &Request) -> Result<Vec<Part>, Problem> {
    let bad = || Problem::bad("The form of this request cannot be parsed.");
    let content_type = request.header("content-type").unwrap_or_default();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").ok_or_else(bad)?;
    let text = std::str::from_utf8(&request.raw).map_err(|_| bad())?;
    let inner = text.strip_prefix(&format!("--{boundary}\r\n")).ok_or_else(bad)?;
    let inner = inner.strip_suffix(&format!("\r\n--{boundary}--\r\n")).ok_or_else(bad)?;
    let part = |part: &str| {
        let (head, content) = part.split_once("\r\n\r\n").ok_or_else(bad)?;
        let disposition = head.lines().find_map(|line| line.strip_prefix("content-disposition: form-data; "));
        let disposition = disposition.ok_or_else(bad)?;
        let value = |key: &str| {
            let (_, rest) = disposition.split_once(&format!("{key}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let name = disposition.strip_prefix("name=\"").and_then(|rest| rest.split_once('"')).ok_or_else(bad)?.0;
        Ok(Part { name: name.to_owned(), filename: value("filename"), content: content.to_owned() })
    };
    inner.split(&format!("\r\n--{boundary}\r\n")).map(part).collect()
}
