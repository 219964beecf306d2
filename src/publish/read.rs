//! The reports that are to be published: one, or those of the shards of a review.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use super::form;
use crate::prompt;
use crate::report::Report;
use crate::shard;

/// Bytes of the largest report that is read.
const LARGEST: u64 = 16 << 20;

/// Bytes of all reports together.
const LARGEST_SUM: u64 = 64 << 20;
/// Findings in all reports together, reported or not.
const MOST_FINDINGS: usize = 10_000;

/// Reports as they were read.
#[derive(Debug)]
pub struct Reports {
    /// What they are called together in messages.
    pub name: String,
    /// Hash of their texts, in whatever order they were named.
    pub digest: String,
    /// What they say, each with its path.
    pub reports: Vec<(String, Report)>,
}

impl Reports {
    /// Reads these files, and all of these folders whose names end in `.json`.
    ///
    /// # Errors
    /// There is none, or one cannot be read, is too large, or is no report.
    pub fn read(paths: &[PathBuf], cwd: &Path) -> Result<Reports> {
        let name = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("`, `");
        let mut files = Vec::new();
        for path in paths {
            if cwd.join(path).is_dir() { files.extend(in_folder(path, cwd)?) } else { files.push(path.clone()) }
        }
        if files.len() > shard::MOST {
            bail!("cannot publish `{name}`: these are more than {} reports", shard::MOST);
        }
        let (mut hashes, mut reports) = (Vec::new(), Vec::new());
        let (mut size, mut findings) = (0, 0);
        for file in files {
            let name = file.display().to_string();
            let told = || format!("cannot publish `{name}`");
            let text = bytes(&cwd.join(&file)).with_context(told)?;
            let report = form::parse(&text).with_context(told)?;
            size += text.len() as u64;
            findings += report.findings.len() + report.suppressed.len();
            if size > LARGEST_SUM || findings > MOST_FINDINGS {
                bail!(
                    "cannot publish `{name}` and those before it: they have more than {} MB or {MOST_FINDINGS} findings together\nhint: raise `--min-severity` or `--min-confidence` in the jobs that review",
                    LARGEST_SUM >> 20
                );
            }
            hashes.push(prompt::hash_of(&[&String::from_utf8_lossy(&text)]));
            reports.push((name, report));
        }
        hashes.sort();
        let digest = match hashes.as_slice() {
            [only] => only.clone(),
            all => prompt::hash_of(&all.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        Ok(Reports { name, digest, reports })
    }
}

/// The reports of a folder, by name.
fn in_folder(folder: &Path, cwd: &Path) -> Result<Vec<PathBuf>> {
    let told = || format!("cannot publish `{}`", folder.display());
    let entries = std::fs::read_dir(cwd.join(folder)).with_context(told)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = folder.join(entry.with_context(told)?.file_name());
        if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("cannot publish `{}`: no file in it ends in `.json`\n{HINT}", folder.display());
    }
    files.sort();
    Ok(files)
}

const HINT: &str = "hint: name the file that `prudence review --output` wrote";

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map_err(|err| anyhow!("{err}\n{HINT}"))?;
    if !size.is_file() || size.len() > LARGEST {
        bail!("it is no file of at most {} MB\n{HINT}", LARGEST >> 20);
    }
    Ok(std::fs::read(path)?)
}
