//! Adding a line to the ledger, also while other jobs do.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::Entry;

/// Adds an entry at the end of a file, which is made where it is not there. The line goes out in one write in append mode,
/// so that lines of jobs at the same time do not mix.
///
/// # Errors
/// The file cannot be written, or the path is no file.
pub fn append(path: &Path, entry: &Entry) -> io::Result<()> {
    // a pipe that nobody reads would keep the run for ever
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is no file"));
    }
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let start = if ends_in_a_line(path) { "" } else { "\n" };
    let line = format!("{start}{}\n", serde_json::to_string(entry)?);
    file.write_all(line.as_bytes())
}

/// Whether a file has nothing, or ends at the end of a line: a job that was killed may have left half of one. Where it
/// cannot be read, nobody knows; an empty line harms nobody.
fn ends_in_a_line(path: &Path) -> bool {
    let last = |mut file: File| {
        if file.seek(SeekFrom::End(0))? == 0 {
            return Ok(b'\n');
        }
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last).map(|()| last[0])
    };
    File::open(path).and_then(last).is_ok_and(|last| last == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry {
            schema: super::super::SCHEMA.to_owned(),
            id: id.to_owned(),
            time: "2026-11-30T00:00:00Z".to_owned(),
            command: "review".to_owned(),
            status: "complete".to_owned(),
            source: "git".to_owned(),
            repository: "a\nb".to_owned(),
            request: None,
            head_sha: None,
            changed_lines_reviewed: None,
            findings: None,
            models: Vec::new(),
            unconfirmed_requests: 0,
            usd: None,
            cached_saved_usd: None,
            seconds: 0.0,
        }
    }

    #[test]
    fn half_a_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        for (before, lines) in [("", 1), ("{}\n", 2), ("{\"schema\":\"prud", 2)] {
            std::fs::write(&path, before).unwrap();
            append(&path, &entry("1")).unwrap();
            append(&path, &entry("2")).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().count(), lines + 1, "{text}");
            let read: Vec<Entry> = text.lines().rev().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(read, [entry("2"), entry("1")]);
        }
    }

    #[test]
    fn jobs_at_the_same_time_lose_nothing() {
        const JOBS: usize = 8;
        const LINES: usize = 50;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        std::thread::scope(|scope| {
            for job in 0..JOBS {
                let path = &path;
                scope.spawn(move || (0..LINES).for_each(|n| append(path, &entry(&format!("{job}-{n}"))).unwrap()));
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        // who looks while another writes may see half a line, and makes an empty one
        let ids =
            text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str::<Entry>(line).unwrap().id);
        assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), JOBS * LINES);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(append(&folder.path().join("none/ledger.jsonl"), &entry("1")).is_err());
        assert_eq!(append(folder.path(), &entry("1")).unwrap_err().to_string(), "it is no file");
    }
}
