//! An evaluation as one page.

use minijinja::context;

use super::score::{Is, Said};
use super::tables::{headline, tables};
use super::{Evaluation, Reviewer, plot};
use crate::page::{self, Figure, Page};
use crate::report::plural;
use crate::text::printable;

const REMARKS: &str = include_str!("../../templates/eval/remarks.html");

/// The page.
pub fn page(evaluation: &Evaluation) -> String {
    Page {
        title: format!("Evaluation on {}", evaluation.dataset.name),
        lines: headline(evaluation).lines().map(str::to_owned).collect(),
        figures: figures(&evaluation.reviewers),
        tables: tables(evaluation),
        below: remarks(evaluation.reviewers.first()),
        foot: format!("Prudence {}, prompts {}", evaluation.tool.version, evaluation.tool.prompt),
        ..Page::default()
    }
    .html()
}

/// Those plots that have something to show.
fn figures(reviewers: &[Reviewer]) -> Vec<Figure> {
    let main = reviewers.first().map(|reviewer| reviewer.cases.as_slice()).unwrap_or_default();
    let (costs, unit) = plot::costs(main);
    let plots = [
        (plot::rates(reviewers), "By place and meaning, with 95 % intervals over cases.".to_owned()),
        (plot::severities(reviewers), "Known defects found, by severity.".to_owned()),
        (costs, format!("What each case cost, in {unit}.")),
    ];
    let shown = plots.into_iter().filter(|(svg, _)| !svg.is_empty());
    shown.map(|(svg, caption)| Figure { svg, caption }).collect()
}

/// What this program said of each case; empty where it said nothing.
fn remarks(reviewer: Option<&Reviewer>) -> String {
    let cases = reviewer.map(|reviewer| reviewer.cases.as_slice()).unwrap_or_default();
    let said = |said: &Said| {
        let Said { path, lines: (from, to), .. } = said;
        let place = if from == to { format!("{path}:{from}") } else { format!("{path}:{from}-{to}") };
        let is = match said.is {
            Is::Hit => "known defect",
            Is::Duplicate => "duplicate",
            Is::Rejected => "rejected by experts",
            Is::Other => "other",
        };
        let text = said.text.lines().map(printable).collect::<Vec<String>>().join("\n");
        context! { is, place => printable(&place), text }
    };
    let case = |case: &super::CaseResult| {
        let found = case.known - case.missed.len().min(case.known);
        let summary =
            format!("{}, {found} of {} found", plural(case.remarks, "remark"), plural(case.known, "known defect"));
        context! { id => printable(&case.id), summary, said => case.said.iter().map(said).collect::<Vec<_>>() }
    };
    let cases: Vec<_> = cases.iter().filter(|case| !case.said.is_empty()).map(case).collect();
    if cases.is_empty() { String::new() } else { page::part(REMARKS, context! { cases }) }
}
