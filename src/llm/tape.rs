//! Answers that come from files: exchanges that were recorded, or the output of a batch.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lock;
use super::responses::Responses;
use super::transport::{HttpReply, Lost};
use crate::prompt;
use crate::secret::Secret;

/// Where the answers of a run come from, or are kept.
#[derive(Debug)]
pub enum Tape {
    /// Asks the server, and keeps every exchange in a folder.
    Record(Reel),
    /// Answers with what was kept, byte for byte, and asks nobody.
    Replay(Reel),
    /// Answers with the lines of a batch's output files.
    Responses(Responses),
}

/// A folder of exchanges.
#[derive(Debug)]
pub struct Reel {
    folder: PathBuf,
    /// How often each request was made: a repeat may be answered otherwise.
    times: Mutex<HashMap<String, usize>>,
    /// Whether an answer was one that a person wrote.
    used_by_hand: AtomicBool,
}

const SCHEMA: &str = "prudence.exchange/v1";

/// A file of the folder. It holds what was sent and what came back; never a header of the request, where the key is.
#[derive(Serialize, Deserialize)]
struct Exchange {
    schema: String,
    id: String,
    request: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Recorded>,
    /// Why nothing whole came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<Lost>,
}

#[derive(Serialize, Deserialize)]
struct Recorded {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body, where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Tape {
    /// Keeps every exchange in a folder, which is made where it is not there.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub fn record(folder: &Path) -> Result<Tape> {
        let probe = folder.join(".probe");
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, "")).with_context(|| {
            format!("cannot record to `{}`\nhint: name a folder that may be written to", folder.display())
        })?;
        let _ = std::fs::remove_file(probe);
        Ok(Tape::Record(Reel::new(folder)))
    }

    /// Answers with what was recorded in a folder.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn replay(folder: &Path) -> Result<Tape> {
        let mut entries = std::fs::read_dir(folder).with_context(|| {
            format!("cannot replay `{}`\nhint: name the folder that `--record` wrote", folder.display())
        })?;
        if entries.next().is_none() {
            bail!("`{}` holds no recorded exchange\nhint: `--record DIR` makes them", folder.display());
        }
        Ok(Tape::Replay(Reel::new(folder)))
    }

    /// Whether nobody is asked: then nothing is gained by waiting.
    pub fn is_played(&self) -> bool {
        !matches!(self, Tape::Record(_))
    }

    /// Whether an answer was one that a person wrote, and no model.
    pub fn was_by_hand(&self) -> bool {
        matches!(self, Tape::Replay(reel) if reel.used_by_hand.load(Ordering::Relaxed))
    }

    /// Whether an answer has to come before more can be asked.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Tape::Responses(responses) if responses.is_waiting())
    }

    /// The answer that is kept for a request: `line` is its name in the files of a batch.
    pub(super) fn play(&self, id: &str, line: &str, body: &str) -> Result<HttpReply, Lost> {
        match self {
            Tape::Record(_) => Err(Lost::Absent("a recording has no answers".to_owned())),
            Tape::Replay(reel) => reel.play(id, body),
            Tape::Responses(responses) => responses.play(id, line),
        }
    }
}

impl Reel {
    fn new(folder: &Path) -> Reel {
        Reel { folder: folder.to_owned(), times: Mutex::default(), used_by_hand: AtomicBool::new(false) }
    }

    /// The file of a request that is made now.
    fn next(&self, body: &str) -> PathBuf {
        let key = prompt::hash_of(&[body]);
        let mut times = lock(&self.times);
        let time = times.entry(key.clone()).or_default();
        *time += 1;
        self.folder.join(format!("{key}-{time}.json"))
    }

    /// The file of an exchange that was written by hand. It answers whatever is asked under this id, so that it holds when
    /// prompts or settings change.
    fn by_hand(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{}.json", id.replace(|c: char| !c.is_ascii_alphanumeric(), "-")))
    }

    /// Keeps an exchange, with the key taken out where a server repeats it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep(
        &self,
        id: &str,
        body: &str,
        result: &Result<HttpReply, Lost>,
        key: Option<&Secret>,
    ) -> Result<()> {
        let path = self.next(body);
        let exchange = Exchange {
            schema: SCHEMA.to_owned(),
            id: id.to_owned(),
            request: serde_json::from_str(body)?,
            reply: result.as_ref().ok().map(recorded),
            lost: result.as_ref().err().cloned(),
        };
        let mut text = serde_json::to_string_pretty(&exchange)? + "\n";
        if let Some(key) = key {
            text = text.replace(key.expose(), "***");
        }
        std::fs::write(&path, text).with_context(|| format!("cannot record to `{}`", path.display()))
    }

    fn play(&self, id: &str, body: &str) -> Result<HttpReply, Lost> {
        let recorded = self.next(body);
        let is_recorded = recorded.exists();
        let path = if is_recorded { recorded } else { self.by_hand(id) };
        let absent = |cause: String| {
            Lost::Absent(format!(
                "`{}` has no usable answer for `{id}`: {cause}\nhint: record it again with the same change and settings (`--record`)",
                self.folder.display()
            ))
        };
        let text = std::fs::read(&path).map_err(|err| absent(err.to_string()))?;
        let exchange: Exchange = serde_json::from_slice(&text).map_err(|err| absent(err.to_string()))?;
        self.used_by_hand.fetch_or(!is_recorded, Ordering::Relaxed);
        match (exchange.reply, exchange.lost) {
            (Some(reply), _) => replayed(reply).ok_or_else(|| absent("its body cannot be read".to_owned())),
            (None, Some(lost)) => Err(lost),
            (None, None) => Err(absent("it holds none".to_owned())),
        }
    }
}

fn recorded(reply: &HttpReply) -> Recorded {
    // cookies and the like are nobody's business; these steer the client
    const KEPT: [&str; 6] =
        ["content-type", "x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "location"];
    let header = |name: &&str| Some(((*name).to_owned(), reply.headers.get(*name)?.to_str().ok()?.to_owned()));
    let text = std::str::from_utf8(&reply.body).ok().map(str::to_owned);
    Recorded {
        status: reply.status,
        headers: KEPT.iter().filter_map(header).collect(),
        base64: text.is_none().then(|| BASE64.encode(&reply.body)),
        body: text,
    }
}

fn replayed(recorded: Recorded) -> Option<HttpReply> {
    let mut headers = HeaderMap::new();
    for (name, value) in recorded.headers {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    let body = match (recorded.body, recorded.base64) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(text)) => BASE64.decode(text).ok()?,
        (None, None) => return None,
    };
    Some(HttpReply { status: recorded.status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &[u8]) -> Result<HttpReply, Lost> {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("req_1"));
        headers.insert("set-cookie", HeaderValue::from_static("session=1"));
        Ok(HttpReply { status: 200, headers, body: body.to_vec() })
    }

    #[test]
    fn what_was_recorded_is_replayed_byte_for_byte_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let Tape::Record(reel) = Tape::record(folder.path()).unwrap() else { panic!() };
        let key = Secret::new("sk-key-4711").unwrap();
        let bodies: [&[u8]; 3] = [b"{\"a\": \"first\"}\n", b"\xff\xfe", b"echo sk-key-4711"];
        for body in bodies {
            reel.keep("review/1/1", "{\"q\":1}", &reply(body), Some(&key)).unwrap();
        }
        reel.keep("review/1/2", "{\"q\":2}", &Err(Lost::Cut("reset".to_owned())), Some(&key)).unwrap();
        let tape = Tape::replay(folder.path()).unwrap();
        let play = |body: &str| tape.play("review/1/1", "", body);
        assert_eq!(play("{\"q\":1}").unwrap().body, bodies[0]);
        assert_eq!(play("{\"q\":1}").unwrap().body, bodies[1]);
        let third = play("{\"q\":1}").unwrap();
        assert_eq!((third.body.as_slice(), third.headers.len()), (b"echo ***".as_slice(), 1));
        assert!(matches!(play("{\"q\":1}"), Err(Lost::Absent(cause)) if cause.contains("hint: record it again")));
        assert!(matches!(play("{\"q\":2}"), Err(Lost::Cut(cause)) if cause == "reset"));
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains("4711") && !text.contains("session"), "{text}");
        }
    }

    #[test]
    fn an_exchange_that_was_written_by_hand_answers_any_request_of_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let by_hand = r#"{"schema":"prudence.exchange/v1","id":"review/1/2","request":null,"reply":{"status":200,"headers":[],"body":"mine"}}"#;
        std::fs::write(folder.path().join("review-1-2.json"), by_hand).unwrap();
        let Tape::Record(reel) = Tape::record(folder.path()).unwrap() else { panic!() };
        reel.keep("review/1/2", "{\"q\":1}", &reply(b"recorded"), None).unwrap();
        let tape = Tape::replay(folder.path()).unwrap();
        let play = |id: &str, body: &str| tape.play(id, "", body).map(|reply| reply.body);
        assert_eq!(play("review/1/2", "{\"q\":1}").unwrap(), b"recorded");
        assert!(!tape.was_by_hand());
        assert_eq!(play("review/1/2", "{\"q\":2}").unwrap(), b"mine");
        assert!(tape.was_by_hand());
        assert_eq!(play("review/1/2", "{\"q\":2}").unwrap(), b"mine");
        assert!(matches!(play("review/1/3", "{\"q\":2}"), Err(Lost::Absent(_))));
        assert!(matches!(play("../review/1/2", "{\"q\":2}"), Err(Lost::Absent(_))));
    }

    #[test]
    fn a_folder_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Tape::replay(folder.path()).unwrap_err().to_string().contains("no recorded exchange"));
        assert!(Tape::replay(&folder.path().join("x")).unwrap_err().to_string().contains("hint: "));
    }
}
