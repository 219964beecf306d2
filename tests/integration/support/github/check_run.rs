//! Check runs: the host makes them for apps only, and takes fifty annotations at a time.

use serde_json::{Value, json};

use super::refusal::{invalid, problem};
use super::route::Route;
use super::scenario::Identity;
use super::shape::Shape;
use super::state::{CheckRun, State};
use crate::support::server::Reply;

/// Annotations that one request may bring.
const MAX_ANNOTATIONS: usize = 50;
/// Characters that a summary or a text may have.
const MAX_TEXT: usize = 65_535;

impl State {
    pub(super) fn create_check_run(&mut self, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::CreateCheckRun.doc();
        self.by_app(doc)?;
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let head_sha = text("head_sha");
        if self.git().revparse_single(&head_sha).is_err() {
            let message = format!("No commit found for SHA: {head_sha}");
            let entry = json!({"resource": "CheckRun", "code": "custom", "field": "head_sha", "message": message});
            return Err(invalid(doc, vec![entry]));
        }
        let mut run = CheckRun {
            id: self.next_id(),
            name: text("name"),
            head_sha,
            status: "queued".to_owned(),
            conclusion: None,
            details_url: String::new(),
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
        };
        run.take(body, doc)?;
        self.check_runs.push(run.clone());
        Ok(Reply::json(201, &Shape { state: self, root }.check_run(&run)))
    }

    pub(super) fn edit_check_run(&mut self, id: u64, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::EditCheckRun.doc();
        self.by_app(doc)?;
        let at = self.check_runs.iter().position(|run| run.id == id).ok_or_else(|| problem(404, "Not Found", doc))?;
        self.check_runs[at].take(body, doc)?;
        Ok(Reply::json(200, &Shape { state: self, root }.check_run(&self.check_runs[at])))
    }

    fn by_app(&self, doc: &str) -> Result<(), Reply> {
        match self.scenario.identity {
            Identity::Actions => Ok(()),
            Identity::User(_) => Err(problem(403, "You must authenticate via a GitHub App.", doc)),
        }
    }
}

impl CheckRun {
    /// Applies a request: annotations are added to those that are there, everything else takes the place of what was.
    fn take(&mut self, body: &Value, doc: &str) -> Result<(), Reply> {
        let output = &body["output"];
        let annotations = output["annotations"].as_array().cloned().unwrap_or_default();
        self.check(body, annotations.len())
            .map_err(|text| problem(422, &format!("Invalid request.\n\n{text}"), doc))?;
        let set = |target: &mut String, value: &Value| value.as_str().into_iter().for_each(|v| v.clone_into(target));
        set(&mut self.name, &body["name"]);
        set(&mut self.status, &body["status"]);
        set(&mut self.details_url, &body["details_url"]);
        if let Some(conclusion) = body["conclusion"].as_str() {
            (self.conclusion, self.status) = (Some(conclusion.to_owned()), "completed".to_owned());
        }
        let given = |key: &str| output[key].as_str().map(str::to_owned);
        self.title = given("title").or(self.title.take());
        self.summary = given("summary").or(self.summary.take());
        self.text = given("text").or(self.text.take());
        self.annotations.extend(annotations);
        Ok(())
    }

    fn check(&self, body: &Value, annotations: usize) -> Result<(), String> {
        let output = &body["output"];
        if annotations > MAX_ANNOTATIONS {
            return Err(format!("No more than {MAX_ANNOTATIONS} items are allowed; {annotations} were supplied."));
        }
        let too_long = |key: &&str| output[key].as_str().is_some_and(|text| text.chars().count() > MAX_TEXT);
        if ["summary", "text"].iter().any(too_long) {
            return Err(format!("Only {MAX_TEXT} characters are allowed; more were supplied."));
        }
        if output.is_object() && !(output["title"].is_string() && output["summary"].is_string()) {
            return Err("\"title\", \"summary\" weren't supplied.".to_owned());
        }
        if body["status"] == "completed" && body["conclusion"].is_null() && self.conclusion.is_none() {
            return Err("\"conclusion\" wasn't supplied.".to_owned());
        }
        Ok(())
    }
}
