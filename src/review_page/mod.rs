//! A review as a page: each finding beside its lines, what is not reported and why, what was looked at, and what it cost.

mod bill;
mod coverage;
mod excerpt;
mod prose;

use std::collections::BTreeMap;

use minijinja::{Value, context};

use crate::diff::Diff;
use crate::findings::{Finding, Origin, Reason, Suppressed, Verdict};
use crate::page::{Page, escaped, part};
use crate::report::{Report, place, plural};
use crate::severity::{Category, Severity};
use crate::text::printable;
use crate::words::Words;
use prose::{heading, inline, prose};

const TEMPLATE: &str = include_str!("../../templates/page/review.html");
const STYLE: &str = include_str!("../../templates/page/review.css");
const SCRIPT: &str = include_str!("../../templates/page/review.js");

/// The page, as HTML. Without the change, findings show the code that they quote.
pub fn page(report: &Report, diff: &Diff) -> String {
    let title = report.change.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or("A review");
    let (title, title_rest) = heading(title);
    let findings = by_weight(report);
    let files = counted(findings.iter().map(|(finding, _)| finding.path.as_str()));
    let below = part(
        TEMPLATE,
        context! {
            status => report.status.as_str(),
            headline => printable(&report.headline(Words::english())),
            origin => origin(report),
            title_rest,
            summary => if report.headline(Words::english()) == report.summary { String::new() } else { prose(&report.summary) },
            severities => severities(report),
            categories => categories(&findings),
            files => files.iter().map(|(path, count)| context! { path => printable(path), count }).collect::<Vec<_>>(),
            findings => shown(&findings, &files, diff),
            suppressed => suppressed(report),
            coverage => coverage::section(report, diff),
            bill => bill::section(report),
            notes => report.delivery.notes.iter().map(|note| printable(note.english())).collect::<Vec<_>>(),
        },
    );
    let foot = format!("Prudence {}, prompts {}", report.tool.version, report.tool.prompt);
    Page { title, below, foot, style: STYLE, script: SCRIPT, ..Page::default() }.html()
}

/// The findings that hold, worst first, and why this run does not report one of them on its lines.
fn by_weight(report: &Report) -> Vec<(&Finding, Option<Reason>)> {
    let reported = report.findings.iter().map(|finding| (finding, None));
    let others = report.suppressed.iter().filter(|suppressed| stands(suppressed.reason));
    let mut findings: Vec<_> =
        reported.chain(others.map(|suppressed| (&suppressed.finding, Some(suppressed.reason)))).collect();
    findings.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
    findings
}

/// Whether a finding that is not reported for this reason holds all the same.
fn stands(reason: Reason) -> bool {
    matches!(reason, Reason::AlreadyPosted | Reason::OverCommentLimit)
}

/// Each of these texts once, with how often it is there.
fn counted<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_insert(0) += 1);
    counts
}

fn severities(report: &Report) -> Vec<Value> {
    let counts = report.by_severity();
    let count = |severity: Severity| counts.get(&std::cmp::Reverse(severity)).copied().unwrap_or(0);
    let all = Severity::ALL.into_iter().filter(|severity| count(*severity) > 0);
    all.map(|severity| context! { word => severity.as_str(), count => count(severity) }).collect()
}

fn categories(findings: &[(&Finding, Option<Reason>)]) -> Vec<Value> {
    let counts = counted(findings.iter().map(|(finding, _)| finding.category.as_str()));
    let count = |category: Category| counts.get(category.as_str()).copied();
    let all = Category::ALL.into_iter().filter_map(|category| Some((category.as_str(), count(category)?)));
    all.map(|(word, count)| context! { word, count }).collect()
}

/// Where the change comes from: its commits, and the pages of request and summary.
fn origin(report: &Report) -> String {
    let change = &report.change;
    let short =
        |sha: &String| format!("<code>{}</code>", escaped(&printable(&sha.chars().take(12).collect::<String>())));
    let commits = match (&change.base_sha, &change.head_sha) {
        (Some(base), Some(head)) => Some(format!("{} to {}", short(base), short(head))),
        (base, head) => base.as_ref().or(head.as_ref()).map(short),
    };
    let link = |url: &Option<String>, text: &str| {
        // nothing else is an address of a page
        let url = url.as_ref().filter(|url| url.starts_with("https://") || url.starts_with("http://"))?;
        Some(format!("<a href=\"{}\" rel=\"noopener noreferrer\">{text}</a>", escaped(&printable(url))))
    };
    let parts = [commits, link(&change.url, "The request"), link(&report.delivery.url, "The summary comment")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Bytes that texts and code of all findings take at most where there is more code around them than is needed.
const ROOM: usize = 280_000;

/// The findings for the template, with as many lines around each as there is room for.
fn shown(findings: &[(&Finding, Option<Reason>)], files: &BTreeMap<&str, usize>, diff: &Diff) -> Vec<Value> {
    let texts: Vec<String> = findings.iter().map(|(finding, _)| said(finding)).collect();
    let length = |parts: &[String]| parts.iter().map(String::len).sum::<usize>();
    let codes = |around| findings.iter().map(|(finding, _)| excerpt::excerpt(finding, diff, around)).collect();
    let fits = |codes: &Vec<String>| length(codes) + length(&texts) <= ROOM;
    let codes = [10, 5, 3, 1].into_iter().map(codes).find(fits).unwrap_or_else(|| codes(0));
    let number = |path: &str| files.keys().position(|known| *known == path).unwrap_or_default() + 1;
    let value = |((&(finding, reason), code), said): ((&(&Finding, Option<Reason>), String), &String)| {
        let (title, rest) = heading(&finding.title);
        context! {
            severity => finding.severity.as_str(),
            category => finding.category.as_str(),
            file => number(&finding.path),
            place => printable(&place::name(finding, Words::english())),
            facts => facts(finding, reason),
            title => inline(&title),
            code,
            said => rest + said,
        }
    };
    findings.iter().zip(codes).zip(&texts).map(value).collect()
}

/// What is known of a finding beside its text.
fn facts(finding: &Finding, reason: Option<Reason>) -> Vec<String> {
    let mut facts = vec![finding.rule.as_deref().map_or_else(|| finding.category.to_string(), printable)];
    match finding.origin {
        Origin::Check => facts.push("built-in check".to_owned()),
        Origin::Model => facts.push(format!("{} % sure", finding.confidence)),
    }
    if finding.votes > 1 {
        facts.push(format!("seen by {} passes", finding.votes));
    }
    match finding.verdict {
        Verdict::Confirmed if finding.origin == Origin::Model => facts.push("confirmed by the second look".to_owned()),
        Verdict::Uncertain => facts.push("not decided by the second look".to_owned()),
        Verdict::Confirmed | Verdict::Unverified => {}
    }
    facts.extend(reason.map(|reason| reason.describe(Words::english()).to_owned()));
    facts
}

/// The text of a finding, and what it would put in the place of the lines.
fn said(finding: &Finding) -> String {
    let suggestion = match finding.suggestion.as_deref() {
        None => String::new(),
        Some("") => "<p class=label>Suggested: delete these lines</p>".to_owned(),
        Some(text) => format!("<p class=label>Suggested</p>{}", excerpt::replacement(text)),
    };
    prose(&finding.body) + &suggestion
}

/// What was said and does not hold, by reason.
fn suppressed(report: &Report) -> Vec<Value> {
    let mut reasons: Vec<(Reason, Vec<Value>)> = Vec::new();
    for suppressed in report.suppressed.iter().filter(|suppressed| !stands(suppressed.reason)) {
        let entry = entry(suppressed);
        match reasons.iter_mut().find(|(reason, _)| *reason == suppressed.reason) {
            Some((_, entries)) => entries.push(entry),
            None => reasons.push((suppressed.reason, vec![entry])),
        }
    }
    let value = |(reason, entries): (Reason, Vec<Value>)| {
        let title = format!("{} {}", plural(entries.len(), "finding"), reason.describe(Words::english()));
        context! { title, entries }
    };
    reasons.into_iter().map(value).collect()
}

fn entry(suppressed: &Suppressed) -> Value {
    let finding = &suppressed.finding;
    let (title, rest) = heading(&finding.title);
    let why = suppressed.why.as_ref().map(|why| format!("<p class=label>Why it is not reported</p>{}", prose(why)));
    context! {
        severity => finding.severity.as_str(),
        place => printable(&place::name(finding, Words::english())),
        title => inline(&title),
        said => rest + &said(finding) + &why.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::report::tests::{finding, report};

    /// A change of this many files, each with as many added lines in two hunks.
    fn change(files: usize, lines: usize) -> Diff {
        let file = |n: usize| {
            let hunk = |start: usize| {
                let text =
                    |k: usize| format!("+    let total_{k} = orders.iter().map(|order| order.price).sum::<u64>();\n");
                format!("@@ -{start},0 +{start},{lines} @@ fn part()\n{}", (0..lines).map(text).collect::<String>())
            };
            format!("--- a/src/shop/part_{n:03}.rs\n+++ b/src/shop/part_{n:03}.rs\n{}{}", hunk(1), hunk(1001))
        };
        parse((0..files).map(file).collect::<String>()).unwrap()
    }

    #[test]
    fn the_page_of_a_large_review_is_small() {
        let findings = (0..200).map(|n| Finding {
            path: format!("src/shop/part_{:03}.rs", n / 2),
            start_line: if n % 2 == 0 { 20 } else { 1020 },
            end_line: if n % 2 == 0 { 22 } else { 1022 },
            title: format!("Orders without a price are counted as free, and the total of part {n} is too low"),
            body: "`order.price` is 0 where the price list has no entry, and nothing tells it from a gift. ".repeat(5),
            suggestion: Some(
                "    let total = orders.iter().map(|order| order.price.ok_or(Unpriced)).sum()?;\n".repeat(3),
            ),
            ..finding(&n.to_string())
        });
        let html = page(&report(findings.collect()), &change(100, 60));
        assert!(html.len() < 400_000, "{} bytes", html.len());
        assert_eq!(html.matches("<article ").count(), 200);
        // little is around each of so many
        assert!(html.contains("… 19 lines above"), "{} bytes", html.len());
        let one = Finding { path: "src/shop/part_000.rs".to_owned(), start_line: 20, end_line: 22, ..finding("a") };
        assert!(page(&report(vec![one]), &change(1, 60)).contains("… 9 lines above"));
    }

    #[test]
    fn the_worst_stands_first_and_what_is_not_reported_has_its_reason() {
        let with = |id: &str, severity, title: &str| Finding { severity, title: title.to_owned(), ..finding(id) };
        let suppressed = vec![
            Suppressed::new(Reason::OverCommentLimit, with("c", Severity::Critical, "First of all")),
            Suppressed::because(Reason::Refuted, "the caller `checks` it", with("d", Severity::Minor, "Refuted one")),
            Suppressed::new(Reason::Dismissed, with("e", Severity::Info, "Dismissed one")),
        ];
        let findings = vec![with("a", Severity::Major, "Then this"), with("b", Severity::Info, "And this")];
        let html = page(&Report { suppressed, ..report(findings) }, &Diff::default());
        let wanted = [
            "3 findings (1 critical, 1 major, 1 info)",
            "<article id=finding-1 data-severity=critical",
            "over the comment limit",
            "First of all",
            "Then this",
            "<article id=finding-3 data-severity=info",
            "And this",
            "Not reported",
            "1 finding refuted by the second look",
            "Refuted one",
            "the caller <code>checks</code> it",
            "1 finding dismissed by a person",
            "Dismissed one",
        ];
        let mut rest = html.as_str();
        for text in wanted {
            rest = rest.split_once(text).unwrap_or_else(|| panic!("no `{text}` in the rest of {html}")).1;
        }
    }

    #[test]
    fn nothing_that_is_not_ours_is_markup_and_nothing_is_lost() {
        let evil = "</script></pre><img src=x onerror=alert(1)>\"'\u{202e}\u{7}";
        let long = format!("{evil}{}", "ש".repeat(10_000));
        let of = |id: &str| Finding {
            path: evil.to_owned(),
            title: long.clone(),
            body: evil.to_owned(),
            suggestion: Some(evil.to_owned()),
            quote: evil.to_owned(),
            rule: Some(evil.to_owned()),
            ..finding(id)
        };
        let mut report = report(vec![of("a")]);
        report.suppressed = vec![Suppressed::because(Reason::Refuted, evil, of("b"))];
        report.change.title = Some(long.clone());
        report.change.head_sha = Some(evil.to_owned());
        report.change.url = Some(format!("https://x/{evil}"));
        report.delivery.url = Some("javascript:alert(1)".to_owned());
        report.summary = evil.to_owned();
        report.delivery.notes = vec![evil.to_owned().into()];
        report.tool.version = evil.to_owned();
        let html = page(&report, &Diff::default());
        assert!(!html.contains("<img") && !html.contains("javascript:"), "{html}");
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert!(html.chars().all(|c| c != '\u{202e}' && c != '\u{7}'));
        assert_eq!(
            html.matches('ש').count(),
            10_000 * 3 + 300 - "</script></pre><img src=x onerror=alert(1)>\"'\\u{202e}\\u{7}".len(),
            "in two headings, an entry and the title"
        );
    }

    #[test]
    fn a_review_of_nothing_has_a_page() {
        let html = page(&report(Vec::new()), &Diff::default());
        assert!(
            html.contains("A review") && html.contains("No model was called.") && !html.contains("<form"),
            "{html}"
        );
    }
}
