//! The cost of each day as bars, stacked by model.

use std::collections::BTreeMap;

use super::sum::{Costs, Sum};
use crate::cli::By;
use crate::day::Day;
use crate::page::Figure;
use crate::page::svg::{line, rect, short, svg, text};
use crate::report::{dollars, thousands};

/// Models that have a colour of their own.
const SERIES: usize = 5;

/// Bars for which there is room.
const MOST_BARS: i32 = 92;

const LEFT: f64 = 80.0;
const TOP: f64 = 18.0;
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 200.0;

/// A bar: what each series adds, and whether something of it is not known.
#[derive(Debug, Clone, Default, PartialEq)]
struct Bar {
    parts: Vec<f64>,
    has_unknown: bool,
}

/// What is drawn.
#[derive(Debug, PartialEq)]
struct Bars {
    first: Day,
    /// Days of each bar.
    days: i32,
    /// The names of the series, the dearest first and the rest of the models last.
    series: Vec<String>,
    bars: Vec<Bar>,
    /// Whether it is dollars; else it is tokens, since no price is known.
    is_usd: bool,
}

/// The plot; `None` where there is nothing to show.
pub fn figure(costs: &Costs) -> Option<Figure> {
    let bars = bars(costs)?;
    let each = match bars.days {
        1 => "each day".to_owned(),
        days => format!("every {days} days"),
    };
    let unknown = match bars.bars.iter().any(|bar| bar.has_unknown) && bars.is_usd {
        true => " A bar with a + is the least it can be: a price is not known, or a request got no answer.",
        false => "",
    };
    let unit = if bars.is_usd { "Dollars" } else { "Tokens, since no price is known," };
    Some(Figure { svg: drawn(&bars), caption: format!("{unit} of {each} (UTC), by model.{unknown}") })
}

fn bars(costs: &Costs) -> Option<Bars> {
    let (first, last) = costs.days()?;
    let is_usd = costs.total.usd.usd > 0.0;
    let value = |sum: &Sum| match is_usd {
        true => sum.usd.usd,
        false => sum.input_tokens.saturating_add(sum.output_tokens) as f64,
    };
    let span = last.since(first).saturating_add(1);
    let days = span.saturating_add(MOST_BARS - 1) / MOST_BARS;
    let series = dearest(costs, &value);
    let mut bars =
        vec![Bar { parts: vec![0.0; series.len() + 1], has_unknown: false }; (span - 1) as usize / days as usize + 1];
    for (day, sum) in costs.groups(By::Day)?.iter().filter_map(|(day, sum)| Some((day.parse::<Day>().ok()?, sum))) {
        let bar = &mut bars[(day.since(first) / days) as usize];
        bar.has_unknown |= sum.usd_is_at_least;
        let mut rest = value(sum);
        for (model, sum) in costs.plotted.get(&day).unwrap_or(&BTreeMap::new()) {
            if let Some(index) = series.iter().position(|name| name == model) {
                bar.parts[index] += value(sum);
                rest -= value(sum);
            }
        }
        // what is left of a difference of floats is nothing
        bar.parts[series.len()] += if rest > 1e-9 { rest } else { 0.0 };
    }
    let has_rest = bars.iter().any(|bar| bar.parts[series.len()] > 0.0);
    let rest = has_rest.then(|| "other models".to_owned());
    let most = bars.iter().map(total).fold(0.0, f64::max);
    (most > 0.0).then(|| Bars { first, days, series: series.into_iter().chain(rest).collect(), bars, is_usd })
}

/// The models that took most.
fn dearest(costs: &Costs, value: &dyn Fn(&Sum) -> f64) -> Vec<String> {
    let Some(groups) = costs.groups(By::Model) else { return Vec::new() };
    let mut models: Vec<(f64, &String)> = groups.iter().map(|(name, sum)| (value(sum), name)).collect();
    models.retain(|(value, _)| *value > 0.0);
    models.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    models.into_iter().take(SERIES).map(|(_, name)| name.clone()).collect()
}

fn total(bar: &Bar) -> f64 {
    bar.parts.iter().sum()
}

fn drawn(plot: &Bars) -> String {
    let amount = |value: f64| if plot.is_usd { dollars(Some(value)) } else { thousands(value.round() as u64) };
    let most = plot.bars.iter().map(total).fold(0.0, f64::max);
    let bottom = TOP + HEIGHT;
    let mut out = String::new();
    for share in [0.0, 0.5, 1.0] {
        let y = bottom - HEIGHT * share;
        line(&mut out, "grid", (LEFT, y), (LEFT + WIDTH, y));
        text(
            &mut out,
            LEFT - 8.0,
            y + 4.0,
            "end soft",
            &if share > 0.0 { amount(most * share) } else { "0".to_owned() },
        );
    }
    let step = WIDTH / plot.bars.len() as f64;
    let width = (step * 0.8).min(40.0);
    // as many dates as there is room for
    let every = (90.0 / step).ceil().max(1.0) as usize;
    for (index, bar) in plot.bars.iter().enumerate() {
        let day = plot.first.plus(plot.days.saturating_mul(index as i32));
        let (x, middle) = (LEFT + step * index as f64 + (step - width) / 2.0, LEFT + step * (index as f64 + 0.5));
        let mut y = bottom;
        for (series, value) in bar.parts.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let height = HEIGHT * value / most;
            y -= height;
            let name = plot.series.get(series).map(String::as_str).unwrap_or_default();
            rect(&mut out, class(plot, series), (x, y), (width, height), &format!("{day}, {name}: {}", amount(*value)));
        }
        if bar.has_unknown && plot.is_usd {
            text(&mut out, middle, y - 4.0, "mid", "+");
        }
        if index % every == 0 {
            text(&mut out, middle, bottom + 16.0, "mid soft", &day.to_string());
        }
    }
    legend(&mut out, plot, bottom + 40.0);
    svg(LEFT + WIDTH + 40.0, bottom + 50.0, "cost of each day by model", &out)
}

fn legend(out: &mut String, plot: &Bars, y: f64) {
    let step = (WIDTH + 40.0) / plot.series.len().max(1) as f64;
    let step = step.min(190.0);
    for (index, name) in plot.series.iter().enumerate() {
        let x = LEFT + step * index as f64;
        rect(out, class(plot, index), (x, y - 10.0), (12.0, 12.0), name);
        text(out, x + 18.0, y, "", &short(name));
    }
}

/// The colour of a series.
fn class(plot: &Bars, series: usize) -> &'static str {
    const CLASSES: [&str; SERIES] = ["first", "second", "third", "fourth", "fifth"];
    let is_rest = plot.series.get(series).is_some_and(|name| name == "other models") && series + 1 == plot.series.len();
    if is_rest { "rest" } else { CLASSES.get(series).copied().unwrap_or("rest") }
}

#[cfg(test)]
mod tests {
    use super::super::sum::tests::{costs, run};
    use super::*;
    use crate::ledger::Entry;

    fn parts(costs: &Costs) -> Vec<Vec<f64>> {
        bars(costs).expect("bars").bars.into_iter().map(|bar| bar.parts).collect()
    }

    #[test]
    fn each_day_has_a_bar_with_a_part_for_each_model() {
        let costs = costs(&[
            run("1", "2026-11-01", 7, &[("a", Some(1.0)), ("b", Some(2.0))]),
            run("2", "2026-11-03", 7, &[("a", Some(4.0)), ("x", None)]),
        ]);
        let found = bars(&costs).unwrap();
        assert_eq!(
            (found.days, found.is_usd, found.series.as_slice()),
            (1, true, ["a", "b"].map(str::to_owned).as_slice())
        );
        assert_eq!(parts(&costs), [[1.0, 2.0, 0.0], [0.0; 3], [4.0, 0.0, 0.0]]);
        assert_eq!(found.bars.iter().map(|bar| bar.has_unknown).collect::<Vec<_>>(), [false, false, true]);
        let figure = figure(&costs).unwrap();
        assert!(
            figure.caption.starts_with("Dollars of each day (UTC), by model. A bar with a + "),
            "{}",
            figure.caption
        );
        assert!(figure.svg.contains("<title>2026-11-01, b: $2.00</title>") && figure.svg.contains(">$4.00</text>"));
    }

    #[test]
    fn many_models_share_the_last_colour_and_many_days_a_bar() {
        let names: Vec<String> = (0..8).map(|n| format!("m{n}")).collect();
        let models: Vec<(&str, Option<f64>)> = names.iter().map(|name| (name.as_str(), Some(1.0))).collect();
        let found =
            bars(&costs(&[run("1", "2026-01-01", 7, &models), run("2", "2026-12-31", 7, &models[..1])])).unwrap();
        assert_eq!((found.series.len(), found.series.last().map(String::as_str)), (SERIES + 1, Some("other models")));
        assert_eq!((found.days, found.bars.len()), (4, 92));
        assert_eq!((found.bars[0].parts[SERIES], found.bars[91].parts[0]), (3.0, 1.0));
        assert_eq!(class(&found, 0), "first");
        assert_eq!(class(&found, SERIES), "rest");
        // as far apart as days can be
        let ages = bars(&costs(&[run("1", "0001-01-01", 7, &models), run("2", "9999-12-31", 7, &models)])).unwrap();
        assert!(ages.bars.len() <= 92, "{}", ages.bars.len());
    }

    #[test]
    fn without_prices_tokens_are_drawn_and_without_runs_nothing() {
        let unpriced = costs(&[run("1", "2026-11-01", 7, &[("x", None)])]);
        assert_eq!(parts(&unpriced), [[1050.0, 0.0]]);
        let caption = figure(&unpriced).unwrap().caption;
        assert_eq!(caption, "Tokens, since no price is known, of each day (UTC), by model.");
        assert!(figure(&costs(&[])).is_none());
        let nothing = Entry { models: Vec::new(), ..run("1", "2026-11-01", 7, &[]) };
        assert!(figure(&costs(&[nothing])).is_none());
    }

    #[test]
    fn names_are_escaped() {
        let evil = "<script>\"'&";
        let figure = figure(&costs(&[run("1", "2026-11-01", 7, &[(evil, Some(1.0))])])).unwrap();
        assert!(
            !figure.svg.contains("<script") && figure.svg.contains("&lt;script&gt;&quot;&#39;&amp;"),
            "{}",
            figure.svg
        );
    }
}
