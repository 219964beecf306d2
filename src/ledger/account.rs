//! The account of a run that is not over: it becomes a line of the ledger, however the run ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::{Entry, Outcome, Place, append};
use crate::config::env::Env;
use crate::console::Console;
use crate::source::World;
use crate::usage::Meter;

/// The account of a run, closed when it has its result. Dropped before, it is that of a run that failed; and where the
/// process ends in the middle of something, of one that was stopped.
pub struct Account(Arc<Mutex<Option<Open>>>);

struct Open {
    /// The ledger, as it was named.
    name: PathBuf,
    path: PathBuf,
    place: Place,
    meter: Arc<Meter>,
    console: Console,
    started: Instant,
}

impl Account {
    /// Opens the account of a run in the ledger that `named`, the environment or an input of the action names; `None`
    /// where none does. Where the answers are those of a recording nobody is paid, and there is no account either; a batch was paid.
    pub fn open(
        named: Option<&PathBuf>,
        is_replayed: bool,
        place: impl FnOnce() -> Place,
        meter: &Arc<Meter>,
        world: &World<'_>,
        console: &Console,
        started: Instant,
    ) -> Option<Account> {
        let name = named.cloned().or_else(|| Env::new(world.env, None).path("ledger"))?;
        if is_replayed {
            console.notice("nobody was paid for answers of a recording, so the ledger gets no line");
            return None;
        }
        let path = world.cwd.join(&name);
        let open = Open { name, path, place: place(), meter: meter.clone(), console: console.clone(), started };
        let account = Account(Arc::new(Mutex::new(Some(open))));
        let same = account.0.clone();
        world.stop.before_the_end(move || drop(close(&same, &Outcome::of_status("stopped"))));
        Some(account)
    }

    /// Writes the line of a run that has its result. Gives the notice where it could not be written.
    pub fn close(self, outcome: &Outcome) -> Option<String> {
        close(&self.0, outcome)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        close(&self.0, &Outcome::of_status("failed"));
    }
}

/// Writes the line once. The account is locked meanwhile, so that a process that is about to end waits for it.
fn close(account: &Mutex<Option<Open>>, outcome: &Outcome) -> Option<String> {
    let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
    let Open { name, path, place, meter, console, started } = account.take()?;
    let entry = Entry::of(&place, outcome, &meter, started.elapsed().as_secs_f64())?;
    let err = append(&path, &entry).err()?;
    let notice = format!(
        "the ledger `{}` lacks this run, since it cannot be written: {err}; its folder must be there, and may be written to",
        name.display()
    );
    console.notice(&notice);
    Some(notice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::stop::Stop;
    use crate::usage::{Price, Prices};

    /// An account of a run that asked once; `end` says how it ends. Expects the status in the line, where there is one.
    fn check(has_asked: bool, is_replayed: bool, end: impl FnOnce(Option<Account>, &Stop), expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let (env, cwd, stop) = (&|_: &str| None, folder.path().to_owned(), Stop::default());
        let world = World { env, cwd, stop };
        let meter = Arc::new(Meter::new(Prices::new([("m".to_owned(), Price::new(1.0, None, 1.0))]), None));
        if has_asked {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { meter.reserve("m", 1, 1, false).await.unwrap().release() });
        }
        let console = Console::new(&cli::Console::default());
        let named = PathBuf::from("ledger.jsonl");
        let place = || Place::of_eval("data");
        let account = Account::open(Some(&named), is_replayed, place, &meter, &world, &console, Instant::now());
        end(account, &world.stop);
        // what comes later changes nothing
        world.stop.as_if_at_the_end();
        let text = std::fs::read_to_string(folder.path().join("ledger.jsonl")).unwrap_or_default();
        let statuses: Vec<String> =
            text.lines().map(|line| serde_json::from_str::<Entry>(line).unwrap().status).collect();
        assert_eq!(statuses, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn an_account_becomes_one_line_however_the_run_ends() {
        let complete = |account: Option<Account>, _: &Stop| {
            assert_eq!(account.unwrap().close(&Outcome::of_status("complete")), None);
        };
        check(true, false, complete, Some("complete"));
        check(true, false, |account, _| drop(account), Some("failed"));
        check(
            true,
            false,
            |account, stop| {
                stop.as_if_at_the_end();
                drop(account);
            },
            Some("stopped"),
        );
        check(false, false, complete, None);
        check(true, true, |account, _| assert!(account.is_none()), None);
    }
}
