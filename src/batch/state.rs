//! Which batches are under way, kept beside the answers, so that a run that was ended goes on where it was.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::output::write_json;

/// The batches that were made and not fetched.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    file: File,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: String,
    /// Ids of batches, by server and hash of their requests.
    batches: BTreeMap<String, BTreeMap<String, String>>,
}

const SCHEMA: &str = "prudence.batch/v1";

impl State {
    /// Reads the file, where there is one.
    ///
    /// # Errors
    /// It cannot be read, or is another.
    pub fn read(path: PathBuf) -> Result<State> {
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                return Ok(State { path, file: File { schema: SCHEMA.to_owned(), batches: BTreeMap::new() } });
            }
            Err(err) => return Err(err).with_context(|| format!("cannot read `{name}`")),
        };
        let file: Option<File> = serde_json::from_str(&text).ok();
        let file = file.filter(|file| file.schema == SCHEMA).ok_or_else(|| {
            let hint = "hint: remove it; batches that are under way are found again at the server";
            anyhow!("`{name}` does not say which batches are under way\n{hint}")
        })?;
        Ok(State { path, file })
    }

    /// The batch of some requests.
    pub fn batch(&self, server: &str, hash: &str) -> Option<&str> {
        self.file.batches.get(server)?.get(hash).map(String::as_str)
    }

    /// Remembers a batch.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&mut self, server: &str, hash: &str, batch: &str) -> Result<()> {
        self.file.batches.entry(server.to_owned()).or_default().insert(hash.to_owned(), batch.to_owned());
        self.write()
    }

    /// Forgets a batch: it was fetched, or there is nothing to fetch.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&mut self, server: &str, hash: &str) -> Result<()> {
        if let Some(batches) = self.file.batches.get_mut(server) {
            batches.remove(hash);
        }
        self.file.batches.retain(|_, batches| !batches.is_empty());
        self.write()
    }

    fn write(&self) -> Result<()> {
        if self.file.batches.is_empty() {
            return match std::fs::remove_file(&self.path) {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                    Err(err).with_context(|| format!("cannot remove `{}`", self.path.display()))
                }
                _ => Ok(()),
            };
        }
        // in one go: half of it would be no state
        let new = self.path.with_extension("json.new");
        write_json(&new, &self.file)?;
        std::fs::rename(&new, &self.path).with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_by_server_and_requests_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl.batch.json");
        let mut state = State::read(path.clone()).unwrap();
        state.keep("https://a", "1", "batch_1").unwrap();
        state.keep("https://a", "2", "batch_2").unwrap();
        let mut state = State::read(path.clone()).unwrap();
        assert_eq!([state.batch("https://a", "1"), state.batch("https://b", "1")], [Some("batch_1"), None]);
        state.forget("https://a", "1").unwrap();
        assert_eq!([state.batch("https://a", "1"), state.batch("https://a", "2")], [None, Some("batch_2")]);
        state.forget("https://a", "2").unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "{}").unwrap();
        assert!(State::read(path).unwrap_err().to_string().contains("\nhint: "));
    }
}
