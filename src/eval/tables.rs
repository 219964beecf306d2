//! An evaluation as tables of text: the same for the terminal, for Markdown and for the page.

use std::collections::BTreeMap;

use super::damage::{Bound, Count, Requirement, Robustness, Tally};
use super::matching::By;
use super::metric::Metric;
use super::score::{Found, Measure, Scores};
use super::{Evaluation, Reviewer, Settings};
use crate::page::table::{NONE, Table};
use crate::report::{dollars, plural, thousands};

/// What stands above all tables.
pub fn headline(evaluation: &Evaluation) -> String {
    let about = &evaluation.dataset;
    let of = format!(
        "{}: {}, {} of them clean, {}",
        about.name,
        plural(about.cases, "change"),
        about.clean,
        plural(about.known, "known defect")
    );
    let who = match &evaluation.settings {
        Some(settings) => described(settings),
        None => "no model was asked: built-in checks and baselines only".to_owned(),
    };
    let judge = evaluation.judging.as_ref().map_or_else(String::new, |judging| {
        let usd = judging.usd.map_or_else(String::new, |usd| format!(" for {}", dollars(Some(usd))));
        format!("\n{} judged {}{usd}", judging.model, plural(judging.pairs, "pair"))
    });
    format!("{of}\n{who}{judge}")
}

/// Settings in words.
pub fn described(settings: &Settings) -> String {
    let look = match settings.verify {
        true => format!("second look by {}", settings.verify_model),
        false => "no second look".to_owned(),
    };
    let (effort, context) = (format!("{:?}", settings.effort), format!("{:?}", settings.context));
    format!("{}, effort {}, {look}, context {}", settings.model, effort.to_lowercase(), context.to_lowercase())
}

/// All tables, in their order. Those that would be empty are not there.
pub fn tables(evaluation: &Evaluation) -> Vec<Table> {
    let main = evaluation.reviewers.first().and_then(|reviewer| reviewer.scores.as_ref());
    let mut tables = vec![reviewers(&evaluation.reviewers), intervals(&evaluation.reviewers)];
    tables.push(costs(&evaluation.reviewers));
    if let (Some(scores), Some(_)) = (main, &evaluation.settings) {
        tables.push(found("found by severity", &in_order(&scores.by_severity)));
        tables.push(found("found by category", &scores.by_category.iter().collect::<Vec<_>>()));
        tables.push(languages(scores));
    }
    tables.extend([comparison(evaluation), damages(&evaluation.robustness), requirements(&evaluation.robustness)]);
    tables.push(failures(evaluation));
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// A row for each reviewer, the three ways of matching side by side.
fn reviewers(reviewers: &[Reviewer]) -> Table {
    let head =
        ["reviewer", "by place", "by place and meaning", "by meaning", "remarks", "alarms", "rejected", "duplicates"];
    let mut table = Table::new("precision, recall and F1", &head);
    for reviewer in reviewers {
        let Some(scores) = &reviewer.scores else {
            let why = reviewer.unable.as_deref().unwrap_or_default();
            table.notes.push(format!("{} could not be run: {why}", reviewer.name));
            continue;
        };
        let rates = |by: By| {
            let cells = Metric::rates(by).map(|metric| format!("{:>4}", shown(metric, scores.get(metric).value)));
            cells.join(" ")
        };
        let shares = [Metric::RemarksPerChange, Metric::AlarmRate, Metric::Rejected, Metric::Duplicates];
        let shares = shares.map(|metric| shown(metric, scores.get(metric).value));
        table.row([reviewer.name.clone()].into_iter().chain(By::ALL.map(rates)).chain(shares));
    }
    table.notes.push("remarks: on a change; alarms: share of clean changes with a remark".to_owned());
    table
}

/// Values by place and meaning with their intervals, for those that say anything.
fn intervals(reviewers: &[Reviewer]) -> Table {
    let mut table =
        Table::new("by place and meaning, with 95 % intervals over cases", &["reviewer", "precision", "recall", "F1"]);
    for (name, scores) in scored(reviewers) {
        let measures = Metric::rates(By::PlaceAndMeaning).map(|metric| (metric, scores.get(metric)));
        if measures[0].1.value.is_some() {
            let cells = measures
                .map(|(metric, measure)| format!("{} {}", shown(metric, measure.value), interval(metric, &measure)));
            table.row([name.to_owned()].into_iter().chain(cells));
        }
    }
    table
}

/// What those cost that asked a model.
fn costs(reviewers: &[Reviewer]) -> Table {
    const METRICS: [Metric; 6] = [
        Metric::InputTokensPerChange,
        Metric::Cached,
        Metric::OutputTokensPerChange,
        Metric::TokensPerHit,
        Metric::UsdPerChange,
        Metric::UsdPerHit,
    ];
    let head = ["reviewer", "tokens in", "cached", "tokens out", "a true finding", "cost", "a true finding"];
    let mut table = Table::new("tokens and dollars for a change and for a true finding", &head);
    for (name, scores) in scored(reviewers) {
        if scores.get(Metric::InputTokensPerChange).value.is_some() {
            let cells = METRICS.map(|metric| shown(metric, scores.get(metric).value));
            table.row([name.to_owned()].into_iter().chain(cells));
        }
    }
    table
}

fn scored(reviewers: &[Reviewer]) -> impl Iterator<Item = (&str, &Scores)> {
    reviewers.iter().filter_map(|reviewer| Some((reviewer.name.as_str(), reviewer.scores.as_ref()?)))
}

/// Our severities worst first, then other words.
pub fn in_order(table: &BTreeMap<String, Found>) -> Vec<(&String, &Found)> {
    let place = |word: &str| crate::severity::Severity::ALL.iter().position(|severity| severity.as_str() == word);
    let mut rows: Vec<(&String, &Found)> = table.iter().collect();
    rows.sort_by_key(|(word, _)| place(word).unwrap_or(usize::MAX));
    rows
}

fn found(title: &str, rows: &[(&String, &Found)]) -> Table {
    let mut table = Table::new(title, &["", "known", "found", "recall"]);
    for (name, Found { known, found }) in rows {
        let recall = (*known > 0).then(|| *found as f64 / *known as f64);
        table.row([(*name).clone(), known.to_string(), found.to_string(), shown(Metric::Recall, recall)]);
    }
    table
}

fn languages(scores: &Scores) -> Table {
    let mut table = Table::new("by language", &["", "changes", "known", "found", "remarks", "precision", "recall"]);
    for (name, language) in &scores.by_language {
        let share = |of: usize| (of > 0).then(|| language.found as f64 / of as f64);
        let counts = [language.cases, language.known, language.found, language.remarks].map(|count| count.to_string());
        let rates = [share(language.remarks), share(language.known)].map(|rate| shown(Metric::Recall, rate));
        table.row([name.clone()].into_iter().chain(counts).chain(rates));
    }
    table
}

fn comparison(evaluation: &Evaluation) -> Table {
    let Some(comparison) = &evaluation.comparison else { return Table::default() };
    let title = format!("against the earlier run, on {} of both", plural(comparison.cases, "case"));
    let mut table = Table::new(title, &["", "old", "new", "difference", "95 %"]);
    for &metric in Metric::ALL {
        let Some(found) = comparison.differences.get(&metric).filter(|found| found.old.or(found.new).is_some()) else {
            continue;
        };
        let difference = found.difference.value.map_or_else(|| NONE.to_owned(), |value| signed(metric, value));
        let cells =
            [shown(metric, found.old), shown(metric, found.new), difference, interval(metric, &found.difference)];
        table.row([metric.name().to_owned()].into_iter().chain(cells));
    }
    for (count, which) in [(comparison.only_old, "earlier"), (comparison.only_new, "new")] {
        if count > 0 {
            table.notes.push(format!("{} of the {which} run alone are in no number here", plural(count, "case")));
        }
    }
    table.notes.extend(comparison.notes.iter().cloned());
    table
}

/// What the pipeline restores without a model.
fn damages(found: &Robustness) -> Table {
    let total = found.quotable + found.not_shown;
    let title = format!("restored of damaged answers (the diff shows {} of {total} known defects)", found.quotable);
    let head = ["damage", "clear", "restored", "elsewhere", "dropped", "unclear", "restored", "elsewhere", "dropped"];
    let mut table = Table::new(title, &head);
    if found.quotable == 0 {
        return table;
    }
    let cells =
        |tally: &Tally| [tally.tried, tally.restored, tally.elsewhere, tally.dropped].map(|count| count.to_string());
    for kind in &found.kinds {
        table.row([kind.name.clone()].into_iter().chain(cells(&kind.clear)).chain(cells(&kind.ambiguous)));
    }
    let (clear, ambiguous) = found.total(false);
    table.row(["all".to_owned()].into_iter().chain(cells(&clear)).chain(cells(&ambiguous)));
    table
        .notes
        .push("unclear: what the damage leaves fits several places, so that nobody can tell which is meant".into());
    table
}

fn requirements(found: &Robustness) -> Table {
    let mut table = Table::new("what is asked of that", &["", "tried", "so", "share", "asked", "holds"]);
    let cells = |Count { tried, so }: Count| [tried.to_string(), so.to_string()];
    for requirement in found.requirements().iter().filter(|requirement| requirement.count.tried > 0) {
        let Requirement { what, bound, count } = requirement;
        let asked = match bound {
            Bound::AtLeast(share) => format!("≥ {}", percent(*share)),
            Bound::AtMost(share) => format!("≤ {}", percent(*share)),
        };
        let holds = if requirement.holds() == Some(true) { "yes" } else { "NO" };
        let share = count.share().map_or_else(|| NONE.to_owned(), percent);
        table.row([(*what).to_owned()].into_iter().chain(cells(*count)).chain([share, asked, holds.to_owned()]));
    }
    let excluded = Count { tried: found.quotable, so: found.excluded.values().sum() };
    for (what, count) in [
        ("different defects on one line joined", found.on_one_line),
        ("praise and remarks on unchanged lines dropped", found.noise),
        ("known defects that a rule keeps from the reader", excluded),
    ] {
        if count.tried > 0 {
            let share = count.share().map_or_else(|| NONE.to_owned(), percent);
            table.row([what.to_owned()].into_iter().chain(cells(count)).chain([share]));
        }
    }
    let rules: Vec<String> = found.excluded.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    if !rules.is_empty() {
        table.notes.push(format!("kept from the reader: {}", rules.join(", ")));
    }
    table
}

fn failures(evaluation: &Evaluation) -> Table {
    let (count, known) = (evaluation.failed.len(), evaluation.failed.iter().map(|failed| failed.known).sum());
    let title =
        format!("not evaluated, and in no number: {} with {}", plural(count, "case"), plural(known, "known defect"));
    let mut table = Table::new(title, &["case", "reviewer", "known defects", "why"]);
    for failed in &evaluation.failed {
        let reviewer = failed.reviewer.clone().unwrap_or_else(|| "all".to_owned());
        table.row([failed.case.clone(), reviewer, failed.known.to_string(), failed.why.replace('\n', "; ")]);
    }
    table
}

/// A value as its measure is written.
pub fn shown(metric: Metric, value: Option<f64>) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    match metric {
        Metric::AlarmRate | Metric::Rejected | Metric::Duplicates | Metric::Cached => percent(value),
        Metric::InputTokensPerChange | Metric::OutputTokensPerChange | Metric::TokensPerHit => {
            thousands(value.round() as u64)
        }
        Metric::UsdPerChange | Metric::UsdPerHit => dollars(Some(value)),
        _ => format!("{value:.2}"),
    }
}

/// A difference, with its sign.
fn signed(metric: Metric, value: f64) -> String {
    let sign = match value {
        value if value > 0.0 => "+",
        value if value < 0.0 => "-",
        _ => "",
    };
    format!("{sign}{}", shown(metric, Some(value.abs())))
}

fn interval(metric: Metric, measure: &Measure) -> String {
    let write = |value: f64| if value < 0.0 { signed(metric, value) } else { shown(metric, Some(value)) };
    measure.interval.map_or_else(|| NONE.to_owned(), |(from, to)| format!("[{}, {}]", write(from), write(to)))
}

/// A share without digits that say nothing.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_their_measure_is() {
        for (metric, value, expected) in [
            (Metric::Precision, Some(0.256), "0.26"),
            (Metric::AlarmRate, Some(0.125), "12.5 %"),
            (Metric::AlarmRate, Some(1.0), "100 %"),
            (Metric::InputTokensPerChange, Some(12345.4), "12,345"),
            (Metric::UsdPerHit, Some(0.0123), "$0.0123"),
            (Metric::UsdPerHit, None, "–"),
        ] {
            assert_eq!(shown(metric, value), expected);
        }
        assert_eq!(signed(Metric::F1, -0.051), "-0.05");
        assert_eq!(signed(Metric::Duplicates, 0.1), "+10 %");
        let measure = Measure { value: Some(0.0), interval: Some((-0.1, 0.25)) };
        assert_eq!(interval(Metric::F1, &measure), "[-0.10, 0.25]");
    }

    #[test]
    fn severities_stand_worst_first() {
        let words = ["info", "critical", "warning!", "minor"].map(|word| (word.to_owned(), Found::default()));
        let table = words.into();
        let order: Vec<&str> = in_order(&table).iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(order, ["critical", "minor", "info", "warning!"]);
    }
}
