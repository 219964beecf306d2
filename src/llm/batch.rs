//! The Batch API on the wire: files up, batches made and looked at, files down.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::error::classify;
use super::openai::{self, ApiError, success};
use super::transport::{HttpReply, Lost};
use super::{Client, LlmError, Setback, limits};
use crate::prompt;

/// Where the hash of the requests stands in a batch's metadata.
const MARK: &str = "prudence_requests";

/// Batches that are older are not looked through: the answers of a batch come within a day.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Batches of a page.
const PAGE: &str = "100";

/// A batch at the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: String,
    /// The file with the answers.
    pub output_file: Option<String>,
    /// The file with the requests that failed.
    pub error_file: Option<String>,
    /// Requests in it, with an answer, and failed; `None` where the server does not say.
    pub counts: Option<(u64, u64, u64)>,
    /// Why it failed as a whole, a line each.
    pub errors: Vec<String>,
    /// The hash of its requests, where we made it.
    pub mark: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: u64,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// There are no more answers to come.
    Ended,
    /// It was refused as a whole, and nothing was paid.
    Failed,
    /// Answers are to come.
    UnderWay,
}

impl Batch {
    /// What becomes of it.
    pub fn stage(&self) -> Stage {
        match self.status.as_str() {
            "completed" | "expired" | "cancelled" => Stage::Ended,
            "failed" => Stage::Failed,
            // also one that this program does not know
            _ => Stage::UnderWay,
        }
    }
}

impl Client {
    /// Uploads the requests of a batch, and gives the file's id.
    ///
    /// # Errors
    /// As for [`Client::complete`].
    pub async fn upload(&self, name: &str, content: &[u8]) -> Result<String, LlmError> {
        let (content_type, body) = form(name, content);
        let send = async || self.transport.post(&["files"], &content_type, body.clone(), self.end_of_attempt()).await;
        self.repeated(send, |reply| id_of(&success(reply.status, &reply.body)?, reply.status)).await
    }

    /// Makes a batch of an uploaded file. Where the answer is lost, the batch is looked for before another is made: two of
    /// the same would be paid twice.
    ///
    /// # Errors
    /// As for [`Client::complete`].
    pub async fn make_batch(&self, file: &str, url: &str, hash: &str) -> Result<Batch, LlmError> {
        let body =
            json!({"input_file_id": file, "endpoint": url, "completion_window": "24h", "metadata": {MARK: hash}});
        let body = Bytes::from(body.to_string());
        let mut failures = 0;
        loop {
            let end = self.end_of_attempt();
            let reply = self.transport.post(&["batches"], "application/json", body.clone(), end).await;
            match self.read(reply, batch) {
                Ok(batch) => return Ok(batch),
                Err(Setback::Again { error, asked_wait }) => {
                    failures += 1;
                    tokio::time::sleep(self.pause(error, asked_wait, failures, self.settings.deadline)?).await;
                }
                Err(setback) => return Err(setback.into_error()),
            }
            if let Some(found) = self.find_batch(hash).await? {
                return Ok(found);
            }
        }
    }

    /// A batch as it is now.
    ///
    /// # Errors
    /// As for [`Client::complete`].
    pub async fn batch(&self, id: &str) -> Result<Batch, LlmError> {
        let send = async || self.transport.get(&["batches", id], &[], self.end_of_attempt()).await;
        self.repeated(send, batch).await
    }

    /// The newest batch of these requests that was not refused as a whole.
    ///
    /// # Errors
    /// As for [`Client::complete`].
    pub async fn find_batch(&self, hash: &str) -> Result<Option<Batch>, LlmError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = now.saturating_sub(OLDEST).as_secs();
        let mut after = String::new();
        loop {
            let query = [("limit", PAGE), ("after", after.as_str())];
            let query = if after.is_empty() { &query[..1] } else { &query[..] };
            let send = async || self.transport.get(&["batches"], query, self.end_of_attempt()).await;
            let (batches, has_more) = self.repeated(send, page).await?;
            let is_ours = |batch: &&Batch| batch.mark.as_deref() == Some(hash) && batch.stage() != Stage::Failed;
            if let Some(found) = batches.iter().filter(is_ours).max_by_key(|batch| batch.created_at) {
                return Ok(Some(found.clone()));
            }
            match batches.last() {
                Some(last) if has_more && last.id != after && last.created_at >= oldest => after = last.id.clone(),
                _ => return Ok(None),
            }
        }
    }

    /// Writes the lines of a file of the server to `path`, with the key taken out where they repeat it.
    ///
    /// # Errors
    /// As for [`Client::complete`], and where the file cannot be written.
    pub async fn download(&self, file: &str, path: &Path) -> Result<(), LlmError> {
        let send = async || {
            let unwritable = |err: std::io::Error| Lost::Absent(format!("cannot write `{}`: {err}", path.display()));
            let mut out = BufWriter::new(File::create(path).map_err(unwritable)?);
            let mut keep = |line: &[u8]| out.write_all(line).map_err(unwritable);
            let reply = self.transport.lines(&["files", file, "content"], &mut keep, self.end_of_attempt()).await?;
            out.flush().map_err(unwritable)?;
            Ok(reply)
        };
        let is_read = |reply: &HttpReply| match reply.status {
            200..300 => Ok(()),
            status => Err(success(status, &reply.body).err().unwrap_or(ApiError { status, ..ApiError::default() })),
        };
        self.repeated(send, is_read).await
    }

    /// Attempts until there is an answer, or an error after which another makes no sense.
    async fn repeated<T>(
        &self,
        send: impl AsyncFn() -> Result<HttpReply, Lost>,
        read: impl Fn(&HttpReply) -> Result<T, ApiError>,
    ) -> Result<T, LlmError> {
        let mut failures = 0;
        loop {
            match self.read(send().await, &read) {
                Ok(value) => return Ok(value),
                Err(Setback::Again { error, asked_wait }) => {
                    failures += 1;
                    tokio::time::sleep(self.pause(error, asked_wait, failures, self.settings.deadline)?).await;
                }
                Err(setback) => return Err(setback.into_error()),
            }
        }
    }

    /// What an answer says, or what follows from it.
    fn read<T>(
        &self,
        reply: Result<HttpReply, Lost>,
        read: impl Fn(&HttpReply) -> Result<T, ApiError>,
    ) -> Result<T, Setback> {
        let asked = self.asked("");
        let reply = reply.map_err(|lost| self.lost(&lost, &asked, self.settings.deadline))?;
        if let Some(error) = self.redirect(&reply, &asked) {
            return Err(Setback::End(error));
        }
        let error = match read(&reply) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if matches!(error.status, 403..=405) {
            let what = asked.sentence(&format!("`{}` does not serve the Batch API here", self.origin), &error);
            let hint = "hint: check `--base-url` and what the key may use; an engine with a batch runner of its own reads the file of requests itself";
            return Err(Setback::End(LlmError::Stop(format!("{what}\n{hint}"))));
        }
        let failure = classify(&error, &asked);
        let is_repeated = limits::should_retry(&reply.headers).unwrap_or(failure.retry);
        if !is_repeated {
            return Err(Setback::End(failure.error));
        }
        let asked_wait = limits::asked_wait(&reply.headers, error.status, &error.message, SystemTime::now());
        Err(Setback::Again { error: failure.error, asked_wait })
    }

    fn end_of_attempt(&self) -> Instant {
        self.attempt_ends(self.settings.deadline)
    }
}

/// A form with a file for batches, and its content type.
fn form(name: &str, content: &[u8]) -> (String, Bytes) {
    // what is named by a hash of the text does not stand in it
    let boundary = format!("prudence-{}", prompt::hash_of(&[&String::from_utf8_lossy(content)]));
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: application/jsonl\r\n\r\n"
    );
    let body = [head.as_bytes(), content, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={boundary}"), Bytes::from(body))
}

fn id_of(value: &Value, status: u16) -> Result<String, ApiError> {
    let id = value["id"].as_str().filter(|id| is_id(id)).map(str::to_owned);
    id.ok_or_else(|| ApiError { status, message: "no `id` in the answer".to_owned(), ..ApiError::default() })
}

/// Whether a text can be an id: it goes into paths and messages.
fn is_id(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=200).contains(&text.len()) && text.chars().all(is_plain)
}

fn batch(reply: &HttpReply) -> Result<Batch, ApiError> {
    batch_of(&success(reply.status, &reply.body)?, reply.status)
}

fn batch_of(value: &Value, status: u16) -> Result<Batch, ApiError> {
    let file = |name: &str| value[name].as_str().filter(|id| is_id(id)).map(str::to_owned);
    let count = |name: &str| value["request_counts"][name].as_u64();
    let errors = value["errors"]["data"].as_array().into_iter().flatten();
    let text = |value: &Value| openai::shown(value.as_str().unwrap_or_default());
    let error = |error: &Value| {
        let line = error["line"].as_u64().map_or(String::new(), |line| format!("line {line}: "));
        format!("{line}{} ({})", text(&error["message"]), text(&error["code"]))
    };
    Ok(Batch {
        id: id_of(value, status)?,
        status: text(&value["status"]),
        output_file: file("output_file_id"),
        error_file: file("error_file_id"),
        counts: count("total").zip(count("completed")).zip(count("failed")).map(|((a, b), c)| (a, b, c)),
        errors: errors.map(error).collect(),
        mark: value["metadata"][MARK].as_str().map(str::to_owned),
        created_at: value["created_at"].as_u64().unwrap_or_default(),
    })
}

/// The batches of a page, and whether there are more.
fn page(reply: &HttpReply) -> Result<(Vec<Batch>, bool), ApiError> {
    let value = success(reply.status, &reply.body)?;
    let message = || "no `data` in the list of batches".to_owned();
    let data = value["data"].as_array();
    let data = data.ok_or_else(|| ApiError { status: reply.status, message: message(), ..ApiError::default() })?;
    let batches = data.iter().map(|value| batch_of(value, reply.status)).collect::<Result<Vec<_>, _>>()?;
    Ok((batches, value["has_more"].as_bool().unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_the_purpose_and_the_file_as_it_is() {
        let (content_type, body) = form("a.jsonl", b"{\"a\":1}\n");
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
        assert_eq!((parts.len(), parts[0], parts[3]), (4, "", "--\r\n"));
        assert!(parts[1].contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{text}");
        assert!(parts[2].contains("filename=\"a.jsonl\"") && parts[2].ends_with("\r\n\r\n{\"a\":1}\n\r\n"), "{text}");
    }

    #[test]
    fn what_is_no_batch_is_refused_and_an_unknown_status_is_waited_for() {
        let read = |value: Value| batch_of(&value, 200).map(|batch| (batch.id.clone(), batch.stage()));
        assert_eq!(read(json!({"id": "batch_1", "status": "failed"})), Ok(("batch_1".to_owned(), Stage::Failed)));
        assert_eq!(read(json!({"id": "batch_1", "status": "resting"})).unwrap().1, Stage::UnderWay);
        for id in [json!("../files"), json!(""), json!(7), Value::Null] {
            assert_eq!(read(json!({"id": id})).unwrap_err().message, "no `id` in the answer");
        }
        let errors = json!({"id": "b", "errors": {"data": [{"line": 3, "message": "bad\u{1b}[1m", "code": "x"}, {}]}});
        assert_eq!(batch_of(&errors, 200).unwrap().errors, ["line 3: bad [1m (x)", " ()"]);
    }
}
