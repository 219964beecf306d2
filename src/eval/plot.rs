//! Plots of an evaluation as inline SVG: numbers to shapes, with every label escaped.

use std::fmt::Write as _;

use super::matching::By;
use super::metric::Metric;
use super::score::CaseResult;
use super::tables::{in_order, shown};
use super::{Reviewer, score};
use crate::page::svg::{escape, line, rect, short, svg, text};
use crate::page::table::NONE;

/// Pixels of a row.
const ROW: f64 = 24.0;

/// Pixels for the names of rows.
const NAMES: f64 = 150.0;

/// Precision, recall and F1 of each reviewer beside each other, with their intervals. Empty where nobody could be run.
pub fn rates(reviewers: &[Reviewer]) -> String {
    const PANEL: f64 = 220.0;
    const GAP: f64 = 50.0;
    let rows: Vec<_> = reviewers.iter().filter_map(|r| Some((r.name.as_str(), r.scores.as_ref()?))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let bottom = 30.0 + ROW * rows.len() as f64;
    let mut out = String::new();
    for (index, (name, _)) in rows.iter().enumerate() {
        text(&mut out, NAMES - 10.0, 30.0 + ROW * (index as f64 + 0.65), "end", &short(name));
    }
    for (panel, metric) in Metric::rates(By::PlaceAndMeaning).into_iter().enumerate() {
        let left = NAMES + panel as f64 * (PANEL + GAP);
        let at = |share: f64| left + PANEL * share.clamp(0.0, 1.0);
        text(&mut out, left + PANEL / 2.0, 16.0, "mid", metric.name());
        for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
            line(&mut out, "grid", (at(tick), 26.0), (at(tick), bottom));
            text(&mut out, at(tick), bottom + 16.0, "mid soft", &format!("{tick}"));
        }
        for (index, (name, scores)) in rows.iter().enumerate() {
            let (measure, y) = (scores.get(metric), 30.0 + ROW * (index as f64 + 0.5));
            let value = shown(metric, measure.value);
            text(&mut out, at(1.0) + 8.0, y + 4.0, "soft", &value);
            if let Some((from, to)) = measure.interval {
                line(&mut out, "bar", (at(from), y), (at(to), y));
            }
            if let Some(share) = measure.value {
                let tip = escape(&format!("{name}: {} {value}", metric.name()));
                let _ = write!(
                    out,
                    "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"5\"><title>{tip}</title></circle>",
                    at(share)
                );
            }
        }
    }
    svg(NAMES + 3.0 * (PANEL + GAP), bottom + 26.0, "precision, recall and F1 of each reviewer", &out)
}

/// The share of known defects of each severity that was found, by the first reviewers that asked a model.
pub fn severities(reviewers: &[Reviewer]) -> String {
    const WIDTH: f64 = 420.0;
    let asked: Vec<_> = reviewers
        .iter()
        .filter(|r| r.settings.is_some())
        .filter_map(|r| Some((&r.name, r.scores.as_ref()?)))
        .take(2)
        .collect();
    let Some((_, first)) = asked.first() else { return String::new() };
    let mut out = String::new();
    let (mut y, height) = (10.0, ROW * 0.6);
    for (word, _) in in_order(&first.by_severity) {
        text(&mut out, NAMES - 10.0, y + height * 0.75, "end", &short(word));
        for ((name, scores), class) in asked.iter().zip(["first", "second"]) {
            let score::Found { known, found } = scores.by_severity.get(word).copied().unwrap_or_default();
            let share = if known > 0 { found as f64 / known as f64 } else { 0.0 };
            let tip = format!("{name}: {found} of {known}");
            rect(&mut out, "back", (NAMES, y), (WIDTH, height - 2.0), &tip);
            rect(&mut out, class, (NAMES, y), (WIDTH * share, height - 2.0), &tip);
            text(&mut out, NAMES + WIDTH + 8.0, y + height * 0.75, "soft", &tip);
            y += height;
        }
        y += ROW * 0.4;
    }
    svg(NAMES + WIDTH + 200.0, y, "known defects found by severity", &out)
}

/// What each case cost, dearest first: dollars, or tokens for a model without a price. Empty where nobody was asked.
pub fn costs(cases: &[CaseResult]) -> (String, &'static str) {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 140.0;
    let has_price = cases.iter().all(|case| case.usd.is_some());
    let metric = if has_price { Metric::UsdPerChange } else { Metric::InputTokensPerChange };
    let cost = |case: &CaseResult| match case.usd.filter(|_| has_price) {
        Some(usd) => usd,
        None => (case.input_tokens + case.output_tokens) as f64,
    };
    let mut bars: Vec<(f64, &str)> = cases.iter().map(|case| (cost(case), case.id.as_str())).collect();
    bars.sort_by(|a, b| b.0.total_cmp(&a.0));
    let most = bars.first().map_or(0.0, |bar| bar.0);
    if most <= 0.0 {
        return (String::new(), "");
    }
    let mut out = String::new();
    let step = WIDTH / bars.len() as f64;
    for (share, label) in
        [(0.0, NONE.to_owned()), (0.5, shown(metric, Some(most / 2.0))), (1.0, shown(metric, Some(most)))]
    {
        let y = 10.0 + HEIGHT * (1.0 - share);
        line(&mut out, "grid", (80.0, y), (80.0 + WIDTH, y));
        text(&mut out, 72.0, y + 4.0, "end soft", if share > 0.0 { &label } else { "0" });
    }
    for (index, (value, id)) in bars.iter().enumerate() {
        let height = HEIGHT * value / most;
        let tip = format!("{id}: {}", shown(metric, Some(*value)));
        let width = (step * 0.8).min(40.0);
        rect(&mut out, "first", (80.0 + step * index as f64, 10.0 + HEIGHT - height), (width, height), &tip);
    }
    (svg(80.0 + WIDTH, HEIGHT + 20.0, "cost of each case", &out), if has_price { "dollars" } else { "tokens" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::score::Scores;

    fn reviewer(name: &str, usd: Option<f64>) -> Reviewer {
        let case = |id: usize| CaseResult {
            id: format!("case<{id}>"),
            remarks: 2,
            known: 2,
            hits: By::ALL.map(|by| (by, id % 3)).into(),
            by_severity: [("ma<jor".to_owned(), score::Found { known: 2, found: id % 3 })].into(),
            input_tokens: 900 * id as u64,
            usd: usd.map(|usd| usd * id as f64),
            ..CaseResult::default()
        };
        let cases: Vec<CaseResult> = (0..6).map(case).collect();
        let scores = Some(Scores::of(&cases));
        Reviewer { name: name.to_owned(), settings: None, unable: None, cases, scores }
    }

    #[test]
    fn labels_are_escaped_and_numbers_are_finite() {
        let one = reviewer("<script>&\"'", Some(0.01));
        let (costs, unit) = costs(&one.cases);
        let plots = [rates(std::slice::from_ref(&one)), costs];
        for plot in &plots {
            assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>"), "{plot}");
            for wrong in ["<script", "case<", "NaN", "inf"] {
                assert!(!plot.contains(wrong), "{wrong}: {plot}");
            }
        }
        assert!(plots[0].contains("&lt;script&gt;&amp;&quot;&#39;") && plots[1].contains("case&lt;5&gt;: $0.0500"));
        assert_eq!(unit, "dollars");
    }

    #[test]
    fn what_has_no_price_is_drawn_in_tokens_and_nothing_is_not_drawn() {
        assert_eq!(costs(&reviewer("a", None).cases).1, "tokens");
        assert_eq!(costs(&[]), (String::new(), ""));
        assert_eq!(rates(&[Reviewer { scores: None, ..reviewer("a", None) }]), "");
        assert_eq!(severities(&[reviewer("a", None)]), "", "nobody asked");
    }
}
