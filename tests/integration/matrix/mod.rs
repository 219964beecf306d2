//! Everything that model server and code host can do wrong, each in a cell of its own: how the run ends, how often it asks,
//! and what it says. `docs/faults.md` is written from these tests.
//!
//! In every cell: no key in anything that is printed, written or posted; requests are bounded; and the next run, which is
//! left alone, leaves the request as one undisturbed run does, with nothing posted twice.

mod github;
mod gitlab;
mod host;
mod model;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::pull::Reviewed;
use crate::support::server::Request;
use crate::support::{github as on_github, gitlab as on_gitlab, openai};

/// Cells that are tried at the same time: nearly all of their time is waiting.
const AT_ONCE: usize = 5;

/// Tries all cells, several at a time, and gives what came of each in its order.
fn all<C: Sync, R: Send>(cells: &[C], try_one: impl Fn(&C) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, R)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((index, cell)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    cells.get(index).map(|cell| (index, cell))
                } {
                    let result = try_one(cell);
                    found.lock().expect("no other cell failed").push((index, result));
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no cell failed");
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, result)| result).collect()
}

/// What a run says of what went wrong: the reason of what failed, the notes on the delivery, or its error. Numbers that
/// differ from run to run are taken out.
fn said<J>(reviewed: &Reviewed<J>) -> String {
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let error = reviewed.run.stderr.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned);
    let text = match error {
        Some(error) => error,
        None if !reviewed.failures().is_empty() => first(&reviewed.failures()),
        None => first(&reviewed.notes()),
    };
    let mut out = String::new();
    for (index, part) in text.split("127.0.0.1:").enumerate() {
        match index {
            0 => out += part,
            _ => out += &format!("HOST{}", part.trim_start_matches(|c: char| c.is_ascii_digit())),
        }
    }
    out.replace('|', "\\|")
}

/// Nothing that a run prints, writes or posts has a key or a token in it.
#[track_caller]
fn check_no_secrets<J>(writes: &[Request], reviewed: &Reviewed<J>, what: &str) {
    let posted = writes.iter().map(|request| String::from_utf8_lossy(&request.raw).into_owned());
    let texts = posted.chain([reviewed.run.stdout.clone(), reviewed.run.stderr.clone(), reviewed.report.to_string()]);
    for text in texts {
        for secret in [openai::KEY, on_github::TOKEN, on_gitlab::TOKEN, on_gitlab::JOB_TOKEN] {
            assert!(!text.contains(secret), "{what}: a secret in {text}");
        }
    }
}

/// Compares a part of `docs/faults.md` with what the tests saw; `PRUDENCE_WRITE_DOCS=1` writes it.
#[track_caller]
fn check_document(name: &str, rows: &str) {
    crate::support::document::check_part("docs/faults.md", name, rows);
}
