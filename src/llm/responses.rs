//! Answers that come from the output files of batches, and the requests that these leave open.
//!
//! A request is known by its id and a hash of what it asks about, so that an answer about another change, or one to other
//! instructions, is never taken for its own. Each attempt at it has a name of its own, and so a line that failed can be
//! asked again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context as _, Result, anyhow};
use http::HeaderMap;
use serde_json::{Value, json};

use super::openai::Dialect;
use super::transport::{HttpReply, Lost};
use super::{Call, lock};
use crate::prompt;

/// Attempts that a request gets over several batches.
pub(super) const MOST_ATTEMPTS: u32 = 3;

/// A request that was never sent in the place of one that was: it took too long for its batch.
const NOT_IN_TIME: u16 = 408;

/// The output files of batches: JSON Lines, in any order.
#[derive(Debug)]
pub struct Responses {
    /// Their names, for messages.
    name: String,
    /// Status and body by `custom_id`.
    answers: HashMap<String, (u16, Vec<u8>)>,
    /// What was asked and has no answer.
    open: Mutex<Vec<Open>>,
    /// Whether what has no answer is to be asked: then nothing is asked that hangs on it.
    is_asking: bool,
}

/// A request that has no answer yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Its name in the files of a batch.
    pub line_id: String,
    /// The address that stands in its line.
    pub url: String,
    /// The body, as it would be sent.
    pub body: String,
    /// The model.
    pub model: String,
    /// Our estimate of the prompt's tokens.
    pub input_tokens: u64,
    /// Tokens that the answer may have.
    pub output_limit: u32,
}

impl Open {
    /// The line of a batch's input file.
    pub fn line(&self) -> String {
        let (id, url) = (json!(self.line_id), json!(self.url));
        format!(r#"{{"custom_id":{id},"method":"POST","url":{url},"body":{}}}"#, self.body)
    }
}

/// The name of an attempt at a request in the files of a batch, after so many that failed.
pub(super) fn line_id<C: Call>(call: &C, dialect: Dialect, failures: u32) -> String {
    let dialect = if dialect == Dialect::default() { String::new() } else { format!("{dialect:?}") };
    let hash = prompt::hash_of(&[call.model(), call.about(), &dialect]);
    let attempt = if failures == 0 { String::new() } else { format!(":{}", failures + 1) };
    format!("{}:{}{attempt}", call.id(), &hash[..12])
}

impl Responses {
    /// Reads the files. Of two answers to the same request the last counts: a batch that was fetched twice has the same.
    ///
    /// # Errors
    /// One cannot be read, or a line is none of a batch's output.
    pub fn read(files: &[PathBuf]) -> Result<Responses> {
        let mut answers = HashMap::new();
        for file in files {
            let name = file.display();
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the responses `{name}`\nhint: name a batch's output file"))?;
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let (id, answer) = response(line).map_err(|cause| {
                    let hint = "hint: each line is an object with `custom_id` and `response`";
                    anyhow!("{name}:{}: {cause}\n{hint}", index + 1)
                })?;
                answers.insert(id, answer);
            }
        }
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
        Ok(Responses { name: names.join(", "), answers, open: Mutex::default(), is_asking: false })
    }

    /// The same, to find out what is to be asked next: nothing is asked that hangs on an answer which is not there.
    pub fn asking(self) -> Responses {
        Responses { is_asking: true, ..self }
    }

    /// The names of the files, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was asked so far and has no answer, in its order.
    pub fn open(&self) -> Vec<Open> {
        lock(&self.open).clone()
    }

    /// Whether an answer has to come before more can be asked.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_asking && !lock(&self.open).is_empty()
    }

    /// The answer to an attempt; where a file was made by hand, without hashes, the one to the request.
    pub(super) fn play(&self, id: &str, line: &str) -> Result<HttpReply, Lost> {
        match self.answers.get(line).or_else(|| self.answers.get(id)) {
            Some((status, body)) => Ok(HttpReply { status: *status, headers: HeaderMap::new(), body: body.clone() }),
            None => Err(Lost::Absent(self.absence(id, line))),
        }
    }

    fn absence(&self, id: &str, line: &str) -> String {
        let name = &self.name;
        let is_repeat = line.matches(':').count() > id.matches(':').count() + 1;
        let is_known = |known: &String| known.rsplit_once(':').is_some_and(|(known, _)| known == id);
        let what = match () {
            () if name.is_empty() => format!("no file has an answer for `{id}`"),
            () if is_repeat => format!("{name} has no other answer for `{id}`"),
            () if self.answers.keys().any(is_known) => {
                format!("{name} has answers for `{id}` of another change or to other instructions only")
            }
            () => format!("{name} has no answer for `{id}`"),
        };
        format!("{what}\nhint: `prudence plan --requests NEXT --responses FILE` writes what is open")
    }

    /// Remembers what has no answer.
    pub(super) fn leave_open<C: Call>(&self, call: &C, dialect: Dialect, failures: u32) {
        lock(&self.open).push(Open {
            line_id: line_id(call, dialect, failures),
            url: C::ENDPOINT.batch_url(),
            body: call.encode(dialect).to_string(),
            model: call.model().to_owned(),
            input_tokens: call.input_tokens(),
            output_limit: call.output_limit(),
        });
    }
}

/// A line of a batch's output: the id, status and body. OpenAI puts a refusal into `response`, and what never came so far
/// into `error`; vLLM puts the status into the one and the refusal into the other.
fn response(line: &str) -> Result<(String, (u16, Vec<u8>)), String> {
    let value: Value = serde_json::from_str(line).map_err(|err| format!("not JSON: {err}"))?;
    let id = value["custom_id"].as_str().ok_or("no `custom_id`")?.to_owned();
    let (status, body, error) = (&value["response"]["status_code"], &value["response"]["body"], &value["error"]);
    let status = status.as_u64().map(|status| u16::try_from(status).map_err(|_| "no HTTP status")).transpose()?;
    let (status, body) = match (status, body.is_null(), error.is_null()) {
        (Some(status), false, _) => (status, body.to_string()),
        (status, _, false) => {
            let error = error.get("error").unwrap_or(error);
            (status.filter(|status| *status >= 400).unwrap_or(NOT_IN_TIME), json!({"error": error}).to_string())
        }
        _ => return Err("neither `response` nor `error`".to_owned()),
    };
    Ok((id, (status, body.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Responses> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.jsonl");
        std::fs::write(&file, text).unwrap();
        Responses::read(&[file])
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (line, expected) in [
            ("no", "out.jsonl:2: not JSON"),
            ("{}", "out.jsonl:2: no `custom_id`"),
            (r#"{"custom_id":"a"}"#, "out.jsonl:2: neither"),
            (r#"{"custom_id":"a","response":{"status_code":200,"body":null},"error":null}"#, "out.jsonl:2: neither"),
            (r#"{"custom_id":"a","response":{"status_code":99999,"body":{}}}"#, "out.jsonl:2: no HTTP status"),
        ] {
            let error = read(&format!("\n{line}\n")).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("\nhint: "), "{error}");
        }
        assert!(Responses::read(&["/none".into()]).unwrap_err().to_string().contains("\nhint: "));
    }

    #[track_caller]
    fn check(line: &str, status: u16, body: &str) {
        let played = read(line).unwrap().play("a", "a:0").unwrap();
        assert_eq!((played.status, String::from_utf8(played.body).unwrap().as_str()), (status, body), "{line}");
    }

    #[test]
    fn lines_of_several_engines_are_read() {
        check(r#"{"custom_id":"a","response":{"status_code":200,"body":{"b":1}},"error":null}"#, 200, r#"{"b":1}"#);
        check(r#"{"custom_id":"a","response":{"status_code":400,"body":{"error":{}}}}"#, 400, r#"{"error":{}}"#);
        check(
            r#"{"custom_id":"a","response":null,"error":{"code":"batch_expired"}}"#,
            408,
            r#"{"error":{"code":"batch_expired"}}"#,
        );
        check(
            r#"{"custom_id":"a","response":{"status_code":400,"body":null},"error":{"error":{"message":"too long"}}}"#,
            400,
            r#"{"error":{"message":"too long"}}"#,
        );
    }

    #[test]
    fn an_answer_is_the_one_of_its_attempt() {
        let line =
            |id: &str| format!("{{\"custom_id\":\"{id}\",\"response\":{{\"status_code\":200,\"body\":\"{id}\"}}}}\n");
        let responses = read(&["a:1", "a:1:2", "bare"].map(line).concat()).unwrap();
        let play = |id: &str, line: &str| match responses.play(id, line) {
            Ok(reply) => String::from_utf8(reply.body).unwrap(),
            Err(Lost::Absent(cause)) => cause.split('\n').next().unwrap().split("` has ").nth(1).unwrap().to_owned(),
            Err(other) => format!("{other:?}"),
        };
        assert_eq!((play("a", "a:1"), play("a", "a:1:2")), ("\"a:1\"".to_owned(), "\"a:1:2\"".to_owned()));
        assert_eq!(play("bare", "bare:7:2"), "\"bare\"", "a file that was made by hand");
        assert_eq!(play("a", "a:1:3"), "no other answer for `a`");
        assert_eq!(play("a", "a:2"), "answers for `a` of another change or to other instructions only");
        assert_eq!(play("b", "b:1"), "no answer for `b`");
    }
}
