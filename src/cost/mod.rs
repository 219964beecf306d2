//! `prudence cost`: what reviews cost, summed up from ledgers.
//!
//! Ledgers are read line by line ([`read`]) into sums ([`sum`]), so that a large one takes no more memory than its groups.

pub mod page;
mod plot;
pub mod read;
pub mod sum;
mod tables;

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use crate::cli::{By, CostArgs, Format, PlanFormat};
use crate::console::Console;
use crate::output::{for_log, write_page};
use crate::page::table;
use crate::report::plural;
use crate::source::World;
use crate::status::Exit;
use crate::text::printable;
use read::{Line, Lines};
use sum::Costs;
use tables::{headline, tables};

const SCHEMA: &str = "prudence.cost/v1";

/// All that costs are summed up by.
pub const ALL: [By; 4] = [By::Day, By::Repository, By::Model, By::Request];

/// Sums up ledgers, and prints what came of it.
///
/// # Errors
/// A ledger cannot be read, none of its lines can, or the page cannot be written.
pub fn run(args: &CostArgs, world: &World<'_>, console: &Console) -> Result<Exit> {
    if args.since.zip(args.until).is_some_and(|(since, until)| since > until) {
        bail!("`--since` is after `--until`, so that no day is between them\nhint: swap the two");
    }
    let mut costs = Costs::new(args.since, args.until);
    for ledger in &args.ledgers {
        add(&mut costs, ledger, world).map_err(|err| {
            anyhow!(
                "cannot read the ledger `{}`: {err}\nhint: name a file that `prudence review --ledger` wrote",
                ledger.display()
            )
        })?;
    }
    let unread = costs.unread.iter().map(|unread| format!("{}:{}: {}", unread.file, unread.line, unread.why));
    let named: Vec<String> = unread.take(NAMED).map(|line| printable(&line)).collect();
    let more = costs.unread_count.saturating_sub(named.len() as u64);
    let named = named.join("; ") + &if more > 0 { format!("; and {more} more") } else { String::new() };
    if costs.entries == 0 && costs.unread_count > 0 {
        bail!("no line could be read: {named}\nhint: name a file that `prudence review --ledger` wrote");
    }
    if costs.unread_count > 0 {
        let count = plural(usize::try_from(costs.unread_count).unwrap_or(usize::MAX), "line");
        console.notice(format!("{count} could not be read, and are in no sum: {named}"));
    }
    let by = if args.by.is_empty() { ALL.to_vec() } else { args.by.clone() };
    if let Some(path) = &args.html {
        write_page(&world.cwd.join(path), &page::page(&costs, &by))?;
    }
    let is_actions = (world.env)("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    console.result(&match args.format {
        PlanFormat::Json => for_log(&json_of(&costs, &by)?, Format::Json, is_actions),
        PlanFormat::Terminal => table::terminal(&headline(&costs), &tables(&costs, &by, tables::ROWS)),
        PlanFormat::Markdown => {
            let text = table::markdown(&headline(&costs), &tables(&costs, &by, tables::ROWS));
            for_log(&text, Format::Markdown, is_actions)
        }
    });
    Ok(Exit::Clean)
}

/// Lines that a notice names.
const NAMED: usize = 5;

/// Adds the lines of a ledger.
fn add(costs: &mut Costs, ledger: &Path, world: &World<'_>) -> io::Result<()> {
    if ledger.as_os_str() == "-" {
        return add_lines(costs, "standard input", Lines::of(io::stdin().lock()));
    }
    let file = File::open(world.cwd.join(ledger))?;
    add_lines(costs, &ledger.display().to_string(), Lines::of(BufReader::new(file)))
}

/// Adds lines, which `file` names in messages.
///
/// # Errors
/// They cannot be read.
pub fn add_lines(costs: &mut Costs, file: &str, mut lines: Lines<impl io::BufRead>) -> io::Result<()> {
    while let Some((number, line)) = lines.read()? {
        match line {
            Line::Entry(entry) => costs.add(&entry),
            Line::Unread(why) => costs.could_not_read(file, number, why),
        }
    }
    Ok(())
}

/// The sums for programs.
fn json_of(costs: &Costs, by: &[By]) -> Result<String> {
    let mut groups = serde_json::Map::new();
    for by in by {
        let rows: Vec<_> = tables::rows(costs, *by, usize::MAX)
            .into_iter()
            .map(|row| json!({"name": row.name, "sum": row.sum}))
            .collect();
        groups.insert(serde_json::to_value(by)?.as_str().unwrap_or_default().to_owned(), rows.into());
    }
    let day = |day: Option<crate::day::Day>| day.map(|day| day.to_string());
    let value = json!({
        "schema": SCHEMA,
        "since": day(costs.since),
        "until": day(costs.until),
        "total": costs.total,
        "by": groups,
        "duplicates": costs.duplicates,
        "unread": {"count": costs.unread_count, "first": costs.unread},
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
