//! Answers of the model in a folder, by what was asked: the same part of a change under the same prompts, model and
//! settings is asked about once.
//!
//! A part is known by its own text. Title and description of the request, and the list of its other files, are not part of
//! the key: they change with every push, and the part does not.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::prompt;

/// A folder of answers.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    /// Tells prompts, model and settings apart.
    settings: String,
}

/// A file of the folder.
#[derive(Serialize, Deserialize)]
struct Entry {
    schema: String,
    key: String,
    answer: String,
    /// Hash of key and answer: a file that was damaged, or is another's, does not have it.
    sum: String,
}

const SCHEMA: &str = "prudence.cache/v1";
/// Bytes of the largest entry that is read: no answer is larger.
const LARGEST: u64 = 8 << 20;

impl Cache {
    /// Uses a folder, which is made where it is not there. `settings` tells prompts, model and settings apart.
    ///
    /// # Errors
    /// It cannot be made or written to; better known before money is spent.
    pub fn open(folder: &Path, settings: String) -> Result<Cache> {
        let unusable = |err: std::io::Error| {
            let folder = folder.display();
            anyhow!(
                "cannot use the cache `{folder}`: {err}\nhint: name a folder that may be written to, or leave out `--cache`"
            )
        };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let cache = Cache { folder: folder.to_owned(), settings };
        cache.write("probe", "").map_err(unusable)?;
        let _ = std::fs::remove_file(cache.path("probe"));
        Ok(cache)
    }

    /// The key of a part of a change.
    pub fn key(&self, part: &str) -> String {
        prompt::hash_of(&[&self.settings, part])
    }

    /// The answer that was kept; `None` where there is none that can be believed.
    pub fn get(&self, key: &str) -> Option<String> {
        let path = self.path(key);
        let is_plain = std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= LARGEST);
        let text = if is_plain { std::fs::read(&path).ok()? } else { return None };
        let entry: Entry = serde_json::from_slice(&text).ok()?;
        let is_whole = entry.schema == SCHEMA && entry.key == key && entry.sum == sum(key, &entry.answer);
        is_whole.then_some(entry.answer)
    }

    /// Keeps an answer. Where that fails, it is asked for again: nothing is lost.
    pub fn put(&self, key: &str, answer: &str) {
        let _ = self.write(key, answer);
    }

    /// Writes beside the file and moves it there, so that nobody sees half of it.
    fn write(&self, key: &str, answer: &str) -> std::io::Result<()> {
        let (schema, sum) = (SCHEMA.to_owned(), sum(key, answer));
        let entry = Entry { schema, key: key.to_owned(), answer: answer.to_owned(), sum };
        let beside = self.folder.join(format!("{key}.{}.part", std::process::id()));
        let written = std::fs::File::create(&beside)
            .and_then(|mut file| file.write_all(&serde_json::to_vec(&entry)?).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&beside, self.path(key)));
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }
}

fn sum(key: &str, answer: &str) -> String {
    prompt::hash_of(&[key, answer])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path, settings: &str) -> Cache {
        Cache::open(folder, settings.to_owned()).unwrap()
    }

    #[test]
    fn an_answer_is_found_again_under_the_same_settings_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(&folder.path().join("deep/er"), "settings");
        let key = cache.key("part");
        assert_eq!(cache.get(&key), None);
        cache.put(&key, "answer é");
        assert_eq!(cache.get(&key).as_deref(), Some("answer é"));
        assert_eq!(cache.get(&cache.key("another part")), None);
        assert_ne!(open(folder.path(), "others").key("part"), key);
        let files: Vec<_> = std::fs::read_dir(folder.path().join("deep/er")).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing is left beside the entry");
    }

    #[test]
    fn what_is_damaged_or_of_others_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), "settings");
        let (key, other) = (cache.key("part"), cache.key("other"));
        cache.put(&key, "answer");
        let path = cache.path(&key);
        let whole = std::fs::read_to_string(&path).unwrap();
        let damaged = [
            String::new(),
            whole[..whole.len() / 2].to_owned(),
            whole.replace("answer", "anzwer"),
            whole.replace(SCHEMA, "prudence.cache/v2"),
            whole.replace("\"sum\":\"", "\"sum\":\"0"),
            "{}".to_owned(),
        ];
        for text in damaged {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(cache.get(&key), None, "{text}");
        }
        std::fs::write(cache.path(&other), &whole).unwrap();
        assert_eq!(cache.get(&other), None, "the entry of another part");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(cache.get(&key), None);
        cache.put(&key, "answer");
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let err = Cache::open(&file.join("x"), String::new()).unwrap_err().to_string();
        assert!(err.contains("cannot use the cache") && err.contains("hint:"), "{err}");
    }
}
