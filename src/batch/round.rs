//! The requests of a round: the review itself is run on the answers that are there, and what it asks beyond them is written
//! down.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::config::provider::Resolved;
use crate::console::Console;
use crate::examine::{Asking, examine};
use crate::llm::{Open, Responses, Tape};
use crate::prepare::Prepared;
use crate::report::{dollars, plural};
use crate::setup::Setup;
use crate::source::World;
use crate::tree::Tree;
use crate::usage::Meter;

/// What is to be asked next.
pub struct Round {
    /// The file that takes the requests.
    pub path: PathBuf,
    /// The answers so far.
    pub responses: Responses,
}

impl Round {
    /// Writes what the answers leave open, as far as the cost limit allows, and says so.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn write(
        self,
        setup: &Setup,
        prepared: &Prepared,
        tree: &Tree<'_>,
        world: &World<'_>,
        console: &Console,
    ) -> Result<()> {
        let tape = Arc::new(Tape::Responses(self.responses));
        let asking = Asking::with_tape(&setup.config, &world.stop, Some(tape.clone()));
        // what a review would say of answers that are not there is not said: that they come is what this is for
        examine(setup, prepared, tree, &asking, &|_| {}, &console.aside_of_reports()).await?;
        let open = match &*tape {
            Tape::Responses(responses) => responses.open(),
            _ => Vec::new(),
        };
        let (sent, kept_back) = within_limit(&open, &asking.meter);
        let text: String = sent.iter().map(|open| open.line() + "\n").collect();
        let name = self.path.display();
        std::fs::write(&self.path, text).with_context(|| {
            format!("cannot write the requests `{name}`\nhint: its folder must be there, and may be written to")
        })?;
        let answered = dollars(asking.meter.usd());
        match sent.len() {
            _ if setup.provider == Resolved::Offline => console.notice("no model is asked, so there are no requests"),
            0 if kept_back > 0 => console.notice(format!(
                "the cost limit leaves no room for {} that are open: the answers so far cost {answered}; raise it with `--max-cost`, \
                 or let `prudence review --responses FILE` report what is there",
                plural(kept_back, "request")
            )),
            0 => console.notice(format!(
                "nothing is open, so `{name}` is empty: `prudence review --responses FILE` gives the report; the answers cost {answered}"
            )),
            count => {
                let most: Option<f64> = sent.iter().map(|open| worst(open, &asking.meter)).sum();
                console.notice(format!(
                    "{} written to `{name}`, at most {} at the price of a batch; the answers so far cost {answered}",
                    plural(count, "request"),
                    dollars(most)
                ));
            }
        }
        if kept_back > 0 && !sent.is_empty() {
            console.notice(format!(
                "{} more wait for the next round, until it is known what the cost limit leaves",
                plural(kept_back, "request")
            ));
        }
        Ok(())
    }
}

/// The dollars of a request in its worst case.
fn worst(open: &Open, meter: &Meter) -> Option<f64> {
    meter.worst_usd(&open.model, open.input_tokens, open.output_limit)
}

/// The first requests, as many as the limit holds for whatever they cost, and the number of the others.
fn within_limit<'a>(open: &'a [Open], meter: &Meter) -> (&'a [Open], usize) {
    let mut needed = meter.spent_usd();
    let mut fits = |request: &&Open| {
        let usd = worst(request, meter).unwrap_or(0.0);
        needed += usd;
        usd == 0.0 || meter.limit_usd().is_none_or(|limit| needed <= limit)
    };
    let count = open.iter().take_while(|request| fits(request)).count();
    (&open[..count], open.len() - count)
}
