//! Where the tokens and the money went.

use minijinja::context;

use crate::page::bars::{Bar, bars, key};
use crate::page::part;
use crate::report::{ChunkInfo, ChunkState, ModelCost, Report, dollars, plural, thousands};
use crate::words::Words;

const TEMPLATE: &str = include_str!("../../templates/page/bill.html");

/// What the colours of the tokens mean.
const KEY: [(&str, &str); 4] =
    [("first", "sent"), ("before", "sent, from the cache"), ("second", "received"), ("fifth", "received as reasoning")];

/// The section, as HTML.
pub fn section(report: &Report) -> String {
    let (tokens, models, prompts) = (tokens(report), models(report), prompts(report));
    let drawn = |rows: &[Bar]| {
        let most = rows.iter().map(Bar::size).fold(0.0, f64::max);
        if rows.is_empty() { String::new() } else { bars(rows, most) }
    };
    part(
        TEMPLATE,
        context! {
            line => line(report),
            key => key(&KEY),
            tokens => drawn(&tokens),
            models => drawn(&models),
            prompt_count => plural(prompts.len(), "part") + " of the change",
            prompts => drawn(&prompts),
        },
    )
}

/// The sums in words.
fn line(report: &Report) -> String {
    let (usage, cost) = (&report.usage, &report.cost);
    if usage.requests == 0 {
        return "No model was called.".to_owned();
    }
    let count = |count: u64, noun: &str| plural(usize::try_from(count).unwrap_or(usize::MAX), noun);
    let mut facts = vec![count(usage.requests, "request")];
    if usage.retries > 0 {
        facts.push(format!("{} of them again", thousands(usage.retries)));
    }
    facts.push(format!("this run {}", cost.spent(Words::english())));
    facts.extend(report.usd_per_finding().map(|usd| format!("{} a finding", dollars(Some(usd)))));
    // elsewhere there is one run
    if report.change.url.is_some() {
        facts.push(format!("all runs on this request {}", dollars(cost.total_usd)));
    }
    facts.extend(cost.limit_usd.map(|limit| format!("limit of a run {}", dollars(Some(limit)))));
    facts.extend(cost.saved().map(|saved| format!("caching saved {saved}")));
    facts.join(" · ")
}

fn tokens(report: &Report) -> Vec<Bar> {
    let usage = &report.usage;
    if usage.requests == 0 {
        return Vec::new();
    }
    let bar = |name: &str, (all, part): (u64, u64), classes: [&'static str; 2], what: &str| Bar {
        name: name.to_owned(),
        parts: vec![(classes[0], all.saturating_sub(part) as f64), (classes[1], part.min(all) as f64)],
        told: format!("{} tokens, {} of these {what}", thousands(all), thousands(part)),
    };
    vec![
        bar("Sent", (usage.input_tokens, usage.cached_input_tokens), ["first", "before"], "from the cache"),
        bar("Received", (usage.output_tokens, usage.reasoning_tokens), ["second", "fifth"], "reasoning"),
    ]
}

/// A bar for each model; one without a price has none, and says so.
fn models(report: &Report) -> Vec<Bar> {
    let bar = |model: &ModelCost| {
        let date = model.priced_on.as_ref().map(|date| format!(", by the prices of {date}")).unwrap_or_default();
        let told = dollars(model.usd) + &date;
        Bar { name: model.model.clone(), parts: vec![("first", model.usd.unwrap_or(0.0))], told }
    };
    report.cost.models.iter().map(bar).collect()
}

/// A bar for each part of the change that was sent.
fn prompts(report: &Report) -> Vec<Bar> {
    const MOST_PATHS: usize = 3;
    let bar = |chunk: &ChunkInfo| {
        let mut name = chunk.paths.iter().take(MOST_PATHS).cloned().collect::<Vec<_>>().join(", ");
        if chunk.paths.len() > MOST_PATHS {
            name += &format!(" and {} more", chunk.paths.len() - MOST_PATHS);
        }
        let (class, failed) = if chunk.state == ChunkState::Failed { ("failed", ", failed") } else { ("first", "") };
        let told = format!("{} tokens{failed}", thousands(chunk.input_tokens as u64));
        Bar { name, parts: vec![(class, chunk.input_tokens as f64)], told }
    };
    report.chunks.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Cost;
    use crate::report::tests::report;
    use crate::usage::Usage;

    #[test]
    fn what_is_unknown_is_not_nothing() {
        let usage = Usage {
            requests: 2,
            retries: 1,
            input_tokens: 4_000,
            cached_input_tokens: 1_024,
            output_tokens: 90,
            ..Usage::default()
        };
        let model = |model: &str, usd| ModelCost {
            model: model.to_owned(),
            usd,
            priced_on: usd.map(|_| "2026-11-01".to_owned()),
        };
        let models = vec![model("dear", Some(0.5)), model("<mystery>", None)];
        let cost = Cost { usd: None, limit_usd: Some(1.0), models, ..Cost::default() };
        let mut report_of_request = Report { usage, cost, ..report(Vec::new()) };
        report_of_request.change.url = Some("https://host/pull/7".to_owned());
        let html = section(&report_of_request);
        for wanted in [
            "2 requests · 1 of them again · this run price unknown · all runs on this request price unknown · limit of a run $1.00",
            "4,000 tokens, 1,024 of these from the cache",
            "90 tokens, 0 of these reasoning",
            "<rect class=\"before\" x=\"74.4\" width=\"25.6\"",
            "$0.50, by the prices of 2026-11-01",
            "<bdi>&lt;mystery&gt;</bdi><svg aria-hidden=\"true\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\"></svg><span>price unknown",
        ] {
            assert!(html.contains(wanted), "{wanted}: {html}");
        }
        let html = section(&report(Vec::new()));
        assert!(html.contains("No model was called.") && !html.contains("<h3>"), "{html}");
    }
}
