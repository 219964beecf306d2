//! An evaluation as one page that needs nothing else: no script, no request, its own style alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};

use super::score::{Is, Said};
use super::tables::{Table, headline, tables};
use super::{Evaluation, Reviewer, plot};
use crate::report::plural;
use crate::text::printable;

const PAGE: &str = include_str!("../../templates/eval/page.html");
const STYLE: &str = include_str!("../../templates/eval/style.css");

/// The page.
pub fn page(evaluation: &Evaluation) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let clean = |lines: &[String]| lines.iter().map(|line| printable(line)).collect::<Vec<String>>();
    let table = |table: &Table| {
        let rows: Vec<_> = table.rows.iter().map(|row| clean(row)).collect();
        context! { title => printable(&table.title), head => clean(&table.head), rows, notes => clean(&table.notes) }
    };
    let values = context! {
        style => STYLE,
        // the policy allows this style, and no other
        style_hash => BASE64.encode(Sha256::digest(STYLE)),
        name => printable(&evaluation.dataset.name),
        headline => headline(evaluation).lines().map(printable).collect::<Vec<String>>(),
        plots => plots(&evaluation.reviewers),
        tables => tables(evaluation).iter().map(table).collect::<Vec<_>>(),
        remarks => remarks(evaluation.reviewers.first()),
        version => &evaluation.tool.version,
        prompt => &evaluation.tool.prompt,
    };
    // the template is ours and tested: it has every variable
    environment.render_str(PAGE, values).unwrap_or_else(|error| format!("{error}\n"))
}

/// Those plots that have something to show.
fn plots(reviewers: &[Reviewer]) -> Vec<minijinja::Value> {
    let main = reviewers.first().map(|reviewer| reviewer.cases.as_slice()).unwrap_or_default();
    let (costs, unit) = plot::costs(main);
    let plots = [
        (plot::rates(reviewers), "By place and meaning, with 95 % intervals over cases.".to_owned()),
        (plot::severities(reviewers), "Known defects found, by severity.".to_owned()),
        (costs, format!("What each case cost, in {unit}.")),
    ];
    let shown = plots.into_iter().filter(|(svg, _)| !svg.is_empty());
    shown.map(|(svg, caption)| context! { svg, caption }).collect()
}

/// What this program said of each case.
fn remarks(reviewer: Option<&Reviewer>) -> Vec<minijinja::Value> {
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
    cases.iter().filter(|case| !case.said.is_empty()).map(case).collect()
}
