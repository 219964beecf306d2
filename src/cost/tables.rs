//! Costs as tables of text: the same for the terminal, for Markdown and for the page.

use std::cmp::Ordering;

use super::sum::{Costs, Sum};
use crate::cli::By;
use crate::page::table::{NONE, Table};
use crate::report::{dollars, plural, thousands};

/// Rows of a table for a terminal or a comment; the rest goes together.
pub const ROWS: usize = 31;

/// Rows of a table on the page.
pub const ROWS_ON_PAGE: usize = 200;

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the runs of it have in common.
    pub name: String,
    /// What they cost.
    pub sum: Sum,
}

/// What stands above all tables.
pub fn headline(costs: &Costs) -> String {
    let mut lines = vec![sentence(costs)];
    let counted = |count: u64, noun: &str| plural(usize::try_from(count).unwrap_or(usize::MAX), noun);
    let total = &costs.total;
    if total.usd_is_at_least {
        let unanswered = match total.unconfirmed_requests {
            0 => String::new(),
            count => format!(", and {} may have been billed without an answer", counted(count, "request")),
        };
        let unpriced = if costs.has_unpriced() { "models without a price are in no sum of dollars" } else { "" };
        let why = format!("{unpriced}{unanswered}");
        lines.push(why.strip_prefix(", and ").unwrap_or(&why).to_owned());
    }
    if costs.duplicates > 0 {
        lines.push(format!("{} of runs that were counted already", counted(costs.duplicates, "line")));
    }
    if costs.unread_count > 0 {
        lines.push(format!("{} could not be read, and are in no sum", counted(costs.unread_count, "line")));
    }
    lines.join("\n")
}

fn sentence(costs: &Costs) -> String {
    let total = &costs.total;
    let (since, until) = (costs.since.map(|day| day.to_string()), costs.until.map(|day| day.to_string()));
    let days = costs.days();
    let first = since.or_else(|| days.map(|(first, _)| first.to_string()));
    let last = until.or_else(|| days.map(|(_, last)| last.to_string()));
    let when = match (first, last) {
        (Some(first), Some(last)) if first == last => format!(" on {first}"),
        (first, last) => {
            let from = first.map_or_else(String::new, |day| format!(" from {day}"));
            from + &last.map_or_else(String::new, |day| format!(" to {day}"))
        }
    };
    if total.runs == 0 {
        return format!("no runs{when}");
    }
    let runs = plural(usize::try_from(total.runs).unwrap_or(usize::MAX), "run");
    let saved = match total.cached_saved_usd.usd >= 0.000_05 {
        true => format!(", caching saved {}", total.cached_saved_usd.shown()),
        false => String::new(),
    };
    let findings = match total.runs_untold {
        untold if untold >= total.runs => "findings unknown".to_owned(),
        _ if total.findings == 1 => format!("{} finding", total.findings_shown()),
        _ => format!("{} findings", total.findings_shown()),
    };
    let each = total.usd_per_finding().map_or_else(String::new, |usd| format!(" at {} each", dollars(Some(usd))));
    format!("{runs}{when}: {}{saved}; {findings}{each}", total.usd.shown())
}

/// A table for each of what costs are summed up by, and one of what could not be read.
pub fn tables(costs: &Costs, by: &[By], most: usize) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for (index, &by_this) in by.iter().enumerate() {
        // asked for twice, shown once
        if !by[..index].contains(&by_this) {
            tables.push(table(costs, by_this, most));
        }
    }
    tables.push(unread(costs, most));
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn table(costs: &Costs, by: By, most: usize) -> Table {
    let (title, name) = match by {
        By::Day => ("by day (UTC)", "day"),
        By::Repository => ("by repository", "repository"),
        By::Model => ("by model", "model"),
        By::Request => ("by request", "request"),
    };
    let mut head = vec![name, "runs", "requests", "tokens in", "cached", "tokens out", "cost", "saved"];
    let has_findings = by != By::Model;
    if has_findings {
        head.extend(["findings", "a finding"]);
    }
    let mut table = Table::new(title, &head);
    for Row { name, sum } in rows(costs, by, most) {
        let counts = [sum.runs, sum.requests, sum.input_tokens, sum.cached_tokens, sum.output_tokens].map(thousands);
        let money = [sum.usd.shown(), sum.cached_saved_usd.shown()];
        let each = sum.usd_per_finding().map_or_else(|| NONE.to_owned(), |usd| dollars(Some(usd)));
        let findings = [sum.findings_shown(), each];
        let findings = findings.into_iter().filter(|_| has_findings);
        table.row([name].into_iter().chain(counts).chain(money).chain(findings));
    }
    table
}

/// The groups of a kind, days in their order and all else dearest first. Where there are more than `most`, the last row, and
/// of days the first, has those that are left.
pub fn rows(costs: &Costs, by: By, most: usize) -> Vec<Row> {
    let Some(groups) = costs.groups(by) else { return Vec::new() };
    let mut rows: Vec<Row> = groups.iter().map(|(name, sum)| Row { name: name.clone(), sum: *sum }).collect();
    rows.sort_by(|a, b| match by {
        By::Day => b.name.cmp(&a.name),
        _ => dearest_first(a, b),
    });
    let mut left = rows.split_off(most.min(rows.len()));
    // one row for one group is none saved
    if left.len() == 1 {
        rows.append(&mut left);
    }
    if !left.is_empty() || groups.others.is_some() {
        let mut sum = groups.others.unwrap_or_default();
        left.iter().for_each(|row| sum.add(&row.sum));
        let count = match (groups.others.is_some(), by) {
            // how many they are was not kept
            (true, _) => "all others".to_owned(),
            (false, By::Day) => format!("{} earlier days", left.len()),
            (false, _) => format!("{} others", left.len()),
        };
        rows.push(Row { name: count, sum });
    }
    if by == By::Day {
        rows.reverse();
    }
    rows
}

fn dearest_first(a: &Row, b: &Row) -> Ordering {
    let tokens = |row: &Row| row.sum.input_tokens.saturating_add(row.sum.output_tokens);
    let by_usd = b.sum.usd.usd.total_cmp(&a.sum.usd.usd);
    by_usd.then_with(|| tokens(b).cmp(&tokens(a))).then_with(|| a.name.cmp(&b.name))
}

fn unread(costs: &Costs, most: usize) -> Table {
    let mut table = Table::new("lines that could not be read", &["line", "why"]);
    for unread in costs.unread.iter().take(most) {
        table.row([format!("{}:{}", unread.file, unread.line), unread.why.clone()]);
    }
    let more = costs.unread_count - table.rows.len() as u64;
    if more > 0 {
        table.notes.push(format!("and {more} more"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::sum::tests::{costs, run};
    use super::*;
    use crate::ledger::Entry;

    #[test]
    fn the_headline_says_what_is_known_and_what_is_not() {
        let known = run("1", "2026-11-01", 7, &[("a", Some(0.5))]);
        let check = |entries: &[Entry], expected: &str| assert_eq!(headline(&costs(entries)), expected);
        check(&[], "no runs");
        check(
            std::slice::from_ref(&known),
            "1 run on 2026-11-01: $0.50, caching saved $0.12; 2 findings at $0.25 each",
        );
        let mut other = run("2", "2026-11-03", 7, &[("x", None)]);
        check(
            &[known.clone(), known.clone(), other.clone()],
            "2 runs from 2026-11-01 to 2026-11-03: at least $0.50, caching saved at least $0.12; 4 findings\n\
             models without a price are in no sum of dollars\n1 line of runs that were counted already",
        );
        other.unconfirmed_requests = 1;
        check(
            std::slice::from_ref(&other),
            "1 run on 2026-11-03: unknown; 2 findings\nmodels without a price are in no sum of dollars, and 1 request may \
             have been billed without an answer",
        );
        other.models[0].usd = Some(0.5);
        other.models[0].cached_saved_usd = Some(0.0);
        check(
            &[other],
            "1 run on 2026-11-03: at least $0.50; 2 findings\n1 request may have been billed without an answer",
        );
        let mut costs = Costs::new("2026-11-01".parse().ok(), None);
        costs.could_not_read("f", 3, "it breaks off".to_owned());
        assert_eq!(headline(&costs), "no runs from 2026-11-01\n1 line could not be read, and are in no sum");
    }

    #[test]
    fn rows_stand_in_their_order_and_what_is_left_goes_together() {
        let entries: Vec<Entry> = (1..=9)
            .map(|n: u32| run(&n.to_string(), &format!("2026-11-0{n}"), u64::from(n), &[("a", Some(f64::from(n)))]))
            .collect();
        let costs = costs(&entries);
        let check = |by: By, most: usize, expected: &[(&str, f64)]| {
            let rows = rows(&costs, by, most);
            let rows: Vec<(&str, f64)> = rows.iter().map(|row| (row.name.as_str(), row.sum.usd.usd)).collect();
            assert_eq!(rows, expected, "{by:?} {most}");
        };
        check(By::Day, 2, &[("7 earlier days", 28.0), ("2026-11-08", 8.0), ("2026-11-09", 9.0)]);
        check(By::Request, 2, &[("o/r#9", 9.0), ("o/r#8", 8.0), ("7 others", 28.0)]);
        check(By::Model, 2, &[("a", 45.0)]);
        assert_eq!((rows(&costs, By::Day, 8).len(), rows(&costs, By::Day, 7).len()), (9, 8));
        assert_eq!(rows(&costs, By::Day, 8)[0].name, "2026-11-01", "one that is left has a row of its own");
    }

    #[test]
    fn each_kind_is_shown_once_and_models_have_no_findings() {
        let costs = costs(&[run("1", "2026-11-01", 7, &[("a", Some(0.5))])]);
        let tables = tables(&costs, &[By::Model, By::Day, By::Model], ROWS);
        assert_eq!(tables.iter().map(|table| table.title.as_str()).collect::<Vec<_>>(), ["by model", "by day (UTC)"]);
        assert_eq!(tables[0].rows, [["a", "1", "2", "1,000", "100", "50", "$0.50", "$0.12"].map(str::to_owned)]);
        let day = ["2026-11-01", "1", "2", "1,000", "100", "50", "$0.50", "$0.12", "2", "$0.25"];
        assert_eq!(tables[1].rows, [day.map(str::to_owned)]);
    }

    #[test]
    fn lines_that_could_not_be_read_are_listed_and_counted() {
        let mut costs = Costs::default();
        (1..=150).for_each(|line| costs.could_not_read("a.jsonl", line, "it breaks off".to_owned()));
        let tables = tables(&costs, &[By::Day], 20);
        assert_eq!((tables.len(), tables[0].rows.len(), tables[0].notes[0].as_str()), (1, 20, "and 130 more"));
        assert_eq!(tables[0].rows[0], ["a.jsonl:1", "it breaks off"]);
    }
}
