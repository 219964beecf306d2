//! The file of the answers: it grows, is never seen half-written, and has each line once.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};

use crate::llm::Batch;

/// The file of the answers.
pub struct Answers {
    path: PathBuf,
}

/// What a batch brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Answers with success.
    pub good: usize,
    /// Requests that failed.
    pub failed: usize,
}

impl Answers {
    /// Uses a file, which is made where it is not there.
    ///
    /// # Errors
    /// It cannot be written to: better known before money is spent.
    pub fn open(path: &Path) -> Result<Answers> {
        File::options().create(true).append(true).open(path).with_context(|| unwritable(path))?;
        Ok(Answers { path: path.to_owned() })
    }

    /// The ids that have an answer or an error.
    ///
    /// # Errors
    /// It cannot be read, or a line is none of a batch's output.
    pub fn ids(&self) -> Result<HashSet<String>> {
        let name = self.path.display();
        let mut ids = HashSet::new();
        for (index, line) in lines(&self.path)?.enumerate() {
            let line = line.with_context(|| format!("cannot read `{name}`"))?;
            if !line.trim().is_empty() {
                let id = id_of(&line).ok_or_else(|| {
                    anyhow!("{name}:{}: no answer of a batch\nhint: name another file with `--output`", index + 1)
                })?;
                ids.insert(id);
            }
        }
        Ok(ids)
    }

    /// A file beside it, for what is on its way.
    pub fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// Adds what a batch brought, in one go. A request of it that no file has a line of gets one that says so: then the
    /// next round asks it again.
    ///
    /// # Errors
    /// A file cannot be read or written, or is none of a batch's output.
    pub fn add(&self, files: &[PathBuf], asked: &[String], batch: &Batch) -> Result<Brought> {
        let whole = self.beside(".new");
        let mut out = BufWriter::new(File::create(&whole).with_context(|| unwritable(&whole))?);
        let mut write = |line: &str| writeln!(out, "{line}").with_context(|| unwritable(&whole));
        let mut known = HashSet::new();
        for line in lines(&self.path)? {
            let line = line.with_context(|| format!("cannot read `{}`", self.path.display()))?;
            known.extend(id_of(&line));
            if !line.trim().is_empty() {
                write(&line)?;
            }
        }
        let (mut brought, mut left): (Brought, HashSet<&String>) = (Brought::default(), asked.iter().collect());
        for file in files {
            for line in lines(file)? {
                let line = line.with_context(|| format!("cannot read `{}`", file.display()))?;
                if line.trim().is_empty() {
                    continue;
                }
                let id = id_of(&line).ok_or_else(|| {
                    let hint = "hint: run the same command again";
                    anyhow!("a line of the output of `{}` has no `custom_id`\n{hint}", batch.id)
                })?;
                left.remove(&id);
                match is_good(&line) {
                    true => brought.good += 1,
                    false => brought.failed += 1,
                }
                if known.insert(id) {
                    write(&line)?;
                }
            }
        }
        for id in asked.iter().filter(|id| left.contains(id) && known.insert((*id).clone())) {
            brought.failed += 1;
            write(&unanswered(id, batch).to_string())?;
        }
        out.flush().with_context(|| unwritable(&whole))?;
        std::fs::rename(&whole, &self.path).with_context(|| unwritable(&self.path))?;
        Ok(brought)
    }
}

/// The line of a request that its batch left out.
fn unanswered(id: &str, batch: &Batch) -> Value {
    let message = format!("the batch {} ended as {} without a line for this request", batch.id, batch.status);
    json!({"id": null, "custom_id": id, "response": null, "error": {"code": format!("batch_{}", batch.status), "message": message}})
}

fn lines(path: &Path) -> Result<std::io::Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(BufReader::new(file).lines())
}

fn id_of(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    value["custom_id"].as_str().map(str::to_owned)
}

fn is_good(line: &str) -> bool {
    let status = serde_json::from_str::<Value>(line).ok().and_then(|value| value["response"]["status_code"].as_u64());
    status.is_some_and(|status| (200..300).contains(&status))
}

fn unwritable(path: &Path) -> String {
    format!("cannot write the answers `{}`\nhint: its folder must be there, and may be written to", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, status: u16) -> String {
        json!({"custom_id": id, "response": {"status_code": status, "body": {}}, "error": null}).to_string()
    }

    #[test]
    fn each_request_gets_one_line_however_often_it_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let answers = Answers::open(&folder.path().join("out.jsonl")).unwrap();
        let file = folder.path().join("fetched");
        std::fs::write(&file, [line("b", 200), String::new(), line("a", 500)].join("\n")).unwrap();
        let asked = ["a", "b", "c"].map(str::to_owned);
        let batch = Batch { id: "batch_1".to_owned(), status: "expired".to_owned(), ..Batch::default() };
        let add = || answers.add(std::slice::from_ref(&file), &asked, &batch).unwrap();
        assert_eq!(add(), Brought { good: 1, failed: 2 });
        assert_eq!(add(), Brought { good: 1, failed: 1 }, "the line of `c` is there already");
        let text = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1]), (3, line("b", 200).as_str(), line("a", 500).as_str()));
        assert!(lines[2].contains("batch_expired") && lines[2].contains("\"c\""), "{text}");
        assert_eq!(answers.ids().unwrap().len(), 3);
        std::fs::write(folder.path().join("out.jsonl"), "{}").unwrap();
        assert!(answers.ids().unwrap_err().to_string().contains("out.jsonl:1: no answer of a batch\nhint: "));
    }
}
