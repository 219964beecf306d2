//! An evaluation as tables for people.

use std::fmt::Write as _;

use super::matching::By;
use super::score::{Measure, Scores};
use super::{Evaluation, Reviewer};
use crate::report::{dollars, plural, thousands};
use crate::text::printable;

/// What has no value: silence has no precision, and a model without a price no cost.
const NONE: &str = "–";

/// All tables, one below the other.
pub fn terminal(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    if let Some(settings) = &evaluation.settings {
        let (model, second) = (printable(&settings.model), printable(&settings.verify_model));
        let look = if settings.verify { format!("second look by {second}") } else { "no second look".to_owned() };
        let _ = writeln!(out, "{model}, effort {:?}, {look}, context {:?}\n", settings.effort, settings.context);
    } else {
        let _ = writeln!(out, "no model was asked: built-in checks and baselines only\n");
    }
    reviewers(&mut out, evaluation);
    if let Some(scores) = evaluation.reviewers.first().and_then(|reviewer| reviewer.scores.as_ref()) {
        shares(&mut out, scores);
    }
    robustness(&mut out, evaluation);
    comparison(&mut out, evaluation);
    for (case, why) in &evaluation.failed {
        let _ = writeln!(out, "not evaluated: {}: {}", printable(case), printable(why));
    }
    out
}

/// A row for each reviewer: precision, recall and F1 by place, by both, and by meaning.
fn reviewers(out: &mut String, evaluation: &Evaluation) {
    let heads = ["place", "place and meaning", "meaning"].map(|by| format!("{by:^23}"));
    let _ = writeln!(out, "{:<18}  {}", "", heads.join("  "));
    let columns = format!("{:>7} {:>7} {:>7}", "prec.", "recall", "F1");
    let _ =
        writeln!(out, "{:<18}  {columns}  {columns}  {columns}  {:>8}  {:>7}  {:>9}", "", "remarks", "alarms", "cost");
    for Reviewer { name, scores, .. } in &evaluation.reviewers {
        let Some(scores) = scores else {
            let _ = writeln!(out, "{name:<18}  could not be run without a model");
            continue;
        };
        let of = |by: &By| {
            let measures = scores.by.get(by).copied().unwrap_or_default();
            let [precision, recall, f1] = measures.map(|measure| number(measure.value));
            format!("{precision:>7} {recall:>7} {f1:>7}")
        };
        let rates = By::ALL.iter().map(of).collect::<Vec<_>>().join("  ");
        let (remarks, alarms) = (number(scores.remarks_per_change), percent(scores.alarm_rate));
        let cost = scores.usd_per_change.map_or_else(|| NONE.to_owned(), |usd| dollars(Some(usd)));
        let _ = writeln!(out, "{name:<18}  {rates}  {remarks:>8}  {alarms:>7}  {cost:>9}");
    }
    let main = evaluation.reviewers.first().and_then(|reviewer| reviewer.scores.as_ref());
    if let Some([precision, recall, f1]) = main.and_then(|scores| scores.by.get(&By::PlaceAndMeaning)) {
        let intervals = [precision, recall, f1].map(interval);
        let _ = writeln!(
            out,
            "95 % by place and meaning: precision {}, recall {}, F1 {}",
            intervals[0], intervals[1], intervals[2]
        );
    }
}

/// What else is known of this program's remarks.
fn shares(out: &mut String, scores: &Scores) {
    let _ = writeln!(
        out,
        "rejected by experts {}, duplicates {}, tokens for a change {} ({} cached), cost of a true finding {}",
        percent(scores.rejected),
        percent(scores.duplicates),
        scores.input_tokens_per_change.map_or_else(|| NONE.to_owned(), |tokens| thousands(tokens.round() as u64)),
        percent(scores.cached),
        scores.usd_per_hit.map_or_else(|| NONE.to_owned(), |usd| dollars(Some(usd))),
    );
    let table = |table: &std::collections::BTreeMap<String, (usize, usize)>| {
        let entry = |(key, (known, found)): (&String, &(usize, usize))| format!("{} {found}/{known}", printable(key));
        table.iter().map(entry).collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(out, "found by severity: {}", table(&scores.by_severity));
    let _ = writeln!(out, "found by category: {}", table(&scores.by_category));
    let language = |(name, (remarks, known, hits)): (&String, &(usize, usize, usize))| {
        format!("{} {hits}/{known} with {}", printable(name), plural(*remarks, "remark"))
    };
    let languages: Vec<String> = scores.by_language.iter().map(language).collect();
    let _ = writeln!(out, "found by language: {}", languages.join(", "));
}

/// What the pipeline restores without a model.
fn robustness(out: &mut String, evaluation: &Evaluation) {
    let found = &evaluation.robustness;
    let _ = writeln!(
        out,
        "\nrestored of damaged answers ({} of {} known defects stand in the diff)",
        found.quotable,
        found.quotable + found.not_shown
    );
    let _ = writeln!(
        out,
        "{:<34}{:>9}{:>10}{:>11}{:>9}{:>11}",
        "", "damaged", "restored", "elsewhere", "dropped", "ambiguous"
    );
    for kind in &found.kinds {
        let _ = writeln!(out, "{:<34}{:?} {:?}", kind.name, kind.clear, kind.ambiguous);
    }
    let _ = writeln!(out, "{:?}\n anchor {:?}\n dup {:?} neigh {:?} excl {:?} noise {:?} cut {:?}", found.total(false), found.total(true), found.duplicates, found.neighbours, found.excluded, found.noise, found.cut);
    for e in &found.examples { let _ = writeln!(out, "{e}"); }
}
fn unused(){
    let _ = |out: &mut String, found: &super::damage::Robustness| {
    let of = |(tried, counted): (usize, usize)| format!("{counted} of {tried}");
    let _ = writeln!(
        out,
        "duplicates joined {}, neighbours joined {}, noise dropped {}, cut answers read as whole {}",
        of((0,0)),
        of((0,0)),
        of((0,0)),
        of((0,0))
    );
};
}

fn comparison(out: &mut String, evaluation: &Evaluation) {
    let Some(comparison) = &evaluation.comparison else { return };
    let [precision, recall, f1] = comparison.differences.map(|measure| {
        let value = measure.value.map_or_else(|| NONE.to_owned(), |value| format!("{value:+.3}"));
        format!("{value} {}", interval(&measure))
    });
    let cases = plural(comparison.cases, "case");
    let _ =
        writeln!(out, "\nagainst the earlier run, on {cases} of both: precision {precision}, recall {recall}, F1 {f1}");
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.2}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{:.0} %", value * 100.0))
}

fn interval(measure: &Measure) -> String {
    measure.interval.map_or_else(|| NONE.to_owned(), |(from, to)| format!("[{from:.2}, {to:.2}]"))
}
