//! SARIF 2.1.0, for GitHub's code scanning and for editors.
//!
//! GitHub takes a file of at most 10 MB (compressed) with at most 25,000 results, and shows 5,000 of them. An alert whose
//! result is missing in the next file of the same category is closed, so that this has all findings that stand, and not
//! only the new ones.

use reqwest::Url;
use serde_json::{Value, json};

use super::{FailedLines, Report, Status, actions, clean, plural};
use crate::checks;
use crate::diff::Side;
use crate::findings::Finding;
use crate::severity::{Category, Severity};
use crate::text::{cut, printable};
use crate::words::Words;

/// The schema that the log follows.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Characters that a message may have.
const LONGEST_MESSAGE: usize = 8_000;
/// Characters that a replacement may have; a longer one is left out, since a part of it would be wrong.
const LONGEST_FIX: usize = 20_000;
/// Ranges of lines that are told one by one where nobody could look at them.
const MOST_NOTIFICATIONS: usize = 1_000;

/// The report as a log with one run.
pub fn log(report: &Report) -> Value {
    let rules: Vec<Rule> = rules();
    let results: Vec<Value> =
        report.fingerprinted().map(|(fingerprint, finding)| result(&rules, fingerprint, finding)).collect();
    let mut run = json!({
        "tool": {"driver": driver(report, &rules)},
        // GitHub takes what stands before the last slash for the category
        "automationDetails": {"id": "prudence/"},
        "invocations": [invocation(report)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "results": results,
        "properties": {"status": report.status.as_str()},
    });
    if let Some(uri) = report.change.url.as_deref().and_then(repository) {
        let mut origin = json!({"repositoryUri": uri, "mappedTo": {"uriBaseId": ROOT}});
        if let Some(sha) = &report.change.head_sha {
            origin["revisionId"] = clean::plain(sha, 64).into();
        }
        run["versionControlProvenance"] = json!([origin]);
    }
    json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})
}

/// What all paths are relative to.
const ROOT: &str = "%SRCROOT%";

fn driver(report: &Report, rules: &[Rule]) -> Value {
    let version = &report.tool.version;
    let mut driver = json!({
        "name": "Prudence",
        "version": clean::plain(version, 64),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules.iter().map(Rule::descriptor).collect::<Vec<_>>(),
    });
    // a report to be published may come from a version with another form
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut numbers = version.split(['-', '+']).next().unwrap_or_default().split('.');
    if numbers.clone().count() == 3 && numbers.all(is_number) {
        driver["semanticVersion"] = version.as_str().into();
    }
    driver
}

/// What a result can be about: a category of the model's findings, or a built-in check.
struct Rule {
    name: &'static str,
    what: &'static str,
    /// The usual severity; a result has its own.
    severity: Severity,
    category: Category,
    is_check: bool,
}

/// What a finding is about: its check, or else its category. No name of one is a name of the other.
pub(super) fn rule_name(finding: &Finding) -> &str {
    let is_known = |name: &&str| checks::RULES.iter().any(|rule| rule.name == *name);
    finding.rule.as_deref().filter(is_known).unwrap_or(finding.category.as_str())
}

/// All rules, whether or not this run has a result of them: their places stay the same.
fn rules() -> Vec<Rule> {
    let of_model = Category::ALL.into_iter().map(|category| {
        let (severity, what) = usual(category);
        Rule { name: category.as_str(), what, severity, category, is_check: false }
    });
    let of_checks = checks::RULES.iter().map(|rule| {
        let (severity, category) = usual_of_check(rule.name);
        Rule { name: rule.name, what: rule.description, severity, category, is_check: true }
    });
    of_model.chain(of_checks).collect()
}

fn usual(category: Category) -> (Severity, &'static str) {
    match category {
        Category::Bug => (Severity::Major, "Code that does something else than it should."),
        Category::Security => (Severity::Major, "Code that lets somebody do or see what they must not."),
        Category::Performance => (Severity::Minor, "Code that takes more time or memory than it needs."),
        Category::Concurrency => (Severity::Major, "Races, deadlocks, and state that is shared without care."),
        Category::ErrorHandling => (Severity::Major, "Errors that are lost, or handled in a wrong way."),
        Category::DataLoss => (Severity::Critical, "Data that is lost, or written over."),
        Category::Api => (Severity::Minor, "An interface that breaks its callers, or is easy to misuse."),
        Category::Test => (Severity::Minor, "Tests that test nothing, or not what they say."),
        Category::Maintainability => (Severity::Minor, "Code that is costly to read or to change."),
        Category::Documentation => (Severity::Info, "Documentation that is wrong, or missing."),
    }
}

fn usual_of_check(name: &str) -> (Severity, Category) {
    match name {
        "secrets" | "private-keys" => (Severity::Critical, Category::Security),
        "env-files" | "hidden-unicode" | "reviewer-instructions" => (Severity::Major, Category::Security),
        "conflict-marks" => (Severity::Critical, Category::Bug),
        "focused-tests" => (Severity::Major, Category::Test),
        _ => (Severity::Major, Category::Bug),
    }
}

impl Rule {
    fn descriptor(&self) -> Value {
        let (help, precision) = if self.is_check {
            let off = format!("`{} = false` under `[checks]` in `.prudence.toml` switches it off.", self.name);
            (format!("{} Found by a built-in check, which asks no model. {off}", self.what), "high")
        } else {
            let what = self.what;
            let by = "Found by a language model, which can be wrong: the message says cause, consequence and fix.";
            (format!("{what} {by}"), "medium")
        };
        let level = level(self.severity);
        let problem = if level == "note" { "recommendation" } else { level };
        let mut properties = json!({
            "tags": [self.category.as_str()],
            "precision": precision,
            "problem.severity": problem,
        });
        if self.category == Category::Security {
            properties["security-severity"] = score(self.severity).into();
        }
        json!({
            // people can read it, so that it needs no `name` beside it
            "id": self.name,
            "shortDescription": {"text": self.what},
            "fullDescription": {"text": self.what},
            "help": {"text": help.replace('`', ""), "markdown": help},
            "helpUri": env!("CARGO_PKG_REPOSITORY"),
            "defaultConfiguration": {"level": level},
            "properties": properties,
        })
    }
}

fn level(severity: Severity) -> &'static str {
    match actions::level(severity) {
        "notice" => "note",
        other => other,
    }
}

/// The number from which GitHub tells critical (over 9), high (from 7), medium (from 4) and low apart.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::Major => "8.0",
        Severity::Minor => "5.0",
        Severity::Info => "2.0",
    }
}

fn result(rules: &[Rule], fingerprint: String, finding: &Finding) -> Value {
    let name = rule_name(finding);
    let mut result = json!({
        // with a slash in it, it would be a part of another rule
        "ruleId": name,
        "ruleIndex": rules.iter().position(|rule| rule.name == name),
        "level": level(finding.severity),
        "message": message(finding),
        "locations": [place(&finding.path, lines_of(finding))],
        "partialFingerprints": {"prudence/v1": fingerprint},
        "properties": properties(finding),
    });
    if let Some(fix) = fix(finding) {
        result["fixes"] = json!([fix]);
    }
    result
}

fn properties(finding: &Finding) -> Value {
    let mut properties = json!({
        "severity": finding.severity,
        "confidence": finding.confidence,
        "category": finding.category,
        "origin": finding.origin,
    });
    if finding.side == Side::Left {
        properties["linesBeforeTheChange"] =
            json!({"startLine": finding.start_line.max(1), "endLine": finding.end_line.max(1)});
    }
    properties
}

/// The lines of a finding in the file as it is. A removed line has none: its finding stands on the first one, as it does in
/// a check run, and its text and its properties say where it was.
pub(super) fn lines_of(finding: &Finding) -> (u32, u32) {
    match finding.side {
        Side::Right => (finding.start_line.max(1), finding.end_line.max(finding.start_line).max(1)),
        Side::Left => (1, 1),
    }
}

/// Title and text, for readers of text and for those of Markdown. The first sentence is what GitHub shows where it has no
/// room. A message without arguments has no placeholders, so that braces in it stay as they are.
fn message(finding: &Finding) -> Value {
    let name = rule_name(finding);
    let title = clean::line(finding.title.trim());
    let ends = title.ends_with(['.', '!', '?', ':', '…']) || title.is_empty();
    let body = actions::told(finding, Words::english());
    let text = clean::plain(&format!("{title}{}\n\n{body}", if ends { "" } else { "." }), LONGEST_MESSAGE);
    let text = if text.is_empty() { name.to_owned() } else { text };
    let (body, title) = (cut(&body, LONGEST_MESSAGE), cut(&clean::bold(&title), LONGEST_MESSAGE));
    let heading = if title.is_empty() { name.to_owned() } else { format!("**{title}**") };
    json!({
        // code such as `a[i](x)` is no link
        "text": text.replace("](", "]\u{200b}("),
        "markdown": format!("{heading}\n\n{}", clean::markdown(&body)).trim_end(),
    })
}

/// The replacement that a finding suggests. The region ends before the line break of its last line, as does the text; to
/// delete lines takes their line break, too.
fn fix(finding: &Finding) -> Option<Value> {
    let text = finding.suggestion.as_deref().filter(|_| finding.side == Side::Right)?;
    let on_one_line = text.replace(['\n', '\r', '\t'], " ");
    if printable(&on_one_line) != on_one_line || text.chars().count() > LONGEST_FIX {
        return None;
    }
    let (start, end) = lines_of(finding);
    let after = end.saturating_add(1);
    let (what, replacement) = if text.is_empty() {
        let region = json!({"startLine": start, "startColumn": 1, "endLine": after, "endColumn": 1});
        ("Delete the lines.", json!({"deletedRegion": region}))
    } else {
        let region = json!({"startLine": start, "endLine": end});
        ("Replace the lines.", json!({"deletedRegion": region, "insertedContent": {"text": text}}))
    };
    Some(json!({
        "description": {"text": what},
        "artifactChanges": [{"artifactLocation": artifact(&finding.path), "replacements": [replacement]}],
    }))
}

/// Lines of a file; all of it where they are not known.
fn place(path: &str, lines: (u32, u32)) -> Value {
    let mut place = json!({"artifactLocation": artifact(path)});
    if lines.0 > 0 {
        place["region"] = json!({"startLine": lines.0, "endLine": lines.1.max(lines.0)});
    }
    json!({"physicalLocation": place})
}

fn artifact(path: &str) -> Value {
    json!({"uri": uri(path), "uriBaseId": ROOT})
}

/// A path as a relative reference: all but letters, digits and `-._~/` in percent-encoding.
fn uri(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    relative(path).bytes().map(encoded).collect()
}

/// A path from the root of the repository, without the `./` or `/` that some diffs have before it.
pub(super) fn relative(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix('/')) {
        path = rest;
    }
    path
}

/// How the run went: what nobody could look at is told, so that it is not taken for clean.
fn invocation(report: &Report) -> Value {
    let coverage = &report.coverage;
    let told = coverage.failed.iter().take(MOST_NOTIFICATIONS).map(not_reviewed);
    let more = coverage.failed.len().saturating_sub(MOST_NOTIFICATIONS);
    let more = (more > 0).then(|| notification("error", &format!("{} not reviewed", plural(more, "more range"))));
    let cut = coverage.cut.iter().take(MOST_NOTIFICATIONS).map(|line| {
        let text = "only the beginning of the line was reviewed, it is too long";
        at(notification("note", text), &line.path, (line.line, line.line))
    });
    let nothing =
        (report.status == Status::NothingToReview).then(|| notification("note", &report.headline(Words::english())));
    json!({
        "executionSuccessful": report.status != Status::Incomplete && coverage.failed.is_empty(),
        "toolExecutionNotifications": told.chain(more).chain(cut).chain(nothing).collect::<Vec<_>>(),
    })
}

fn not_reviewed(lines: &FailedLines) -> Value {
    let text = format!("{} not reviewed: {}", plural(lines.changed_lines, "changed line"), lines.reason);
    at(notification("error", &text), &lines.path, (lines.start_line, lines.end_line))
}

fn notification(level: &str, text: &str) -> Value {
    json!({"level": level, "message": {"text": clean::plain(text, 1_000)}})
}

fn at(mut notification: Value, path: &str, lines: (u32, u32)) -> Value {
    notification["locations"] = json!([place(path, lines)]);
    notification
}

/// The page of the repository that a request is about; `None` where the page of the request does not tell.
fn repository(request: &str) -> Option<String> {
    let url = Url::parse(request).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let path = ["/-/merge_requests/", "/pull/"].iter().find_map(|mark| url.path().rsplit_once(mark))?.0;
    Some(url.origin().ascii_serialization() + path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{finding, report};

    fn run_of(report: &Report) -> Value {
        log(report)["runs"][0].clone()
    }

    fn result_of(finding: Finding) -> Value {
        run_of(&report(vec![finding]))["results"][0].clone()
    }

    #[test]
    fn the_rules_are_each_there_once() {
        let rules = rules();
        let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| rule.name).collect();
        assert_eq!((ids.len(), rules.len()), (18, 18));
        for rule in &rules {
            let descriptor = rule.descriptor();
            let properties = &descriptor["properties"];
            let is_security = rule.category == Category::Security;
            assert_eq!(properties["security-severity"].is_string(), is_security, "{descriptor}");
            assert_eq!(properties["tags"] == json!(["security"]), is_security, "GitHub reads the score by the tag");
            assert!(descriptor["help"]["text"].as_str().is_some_and(|text| text.len() > 40), "{descriptor}");
        }
    }

    #[test]
    fn a_result_refers_to_its_rule() {
        let check = |category, rule: Option<&str>, expected: &str| {
            let result = result_of(Finding { category, rule: rule.map(str::to_owned), ..finding("0011223344556677") });
            assert_eq!(result["ruleId"], expected);
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(rules()[index].name, expected);
        };
        check(Category::Bug, None, "bug");
        check(Category::Documentation, None, "documentation");
        check(Category::Security, Some("secrets"), "secrets");
        check(Category::Security, Some("no-such-rule"), "security");
    }

    #[test]
    fn a_message_is_text_and_markdown() {
        let check = |title: &str, body: &str, text: &str, markdown: &str| {
            let finding = Finding { title: title.into(), body: body.into(), ..finding("0011223344556677") };
            assert_eq!(result_of(finding)["message"], json!({"text": text, "markdown": markdown}), "{title} {body}");
        };
        check("Late", "By `a`.", "Late.\n\nBy `a`.", "**Late**\n\nBy `a`.");
        check("Why?", "", "Why?", "**Why?**");
        check("", "", "bug", "bug");
        check("a\n\u{1b}b", "<b>\u{0}", "a\\u{a}\\u{1b}b.\n\n<b>\\u{0}", "**a\\u{a}\\u{1b}b**\n\n&lt;b>");
        check("Swap", "see x[i](y) {0}", "Swap.\n\nsee x[i]\u{200b}(y) {0}", "**Swap**\n\nsee x[i]\\(y) {0}");
    }

    #[test]
    fn huge_texts_are_cut() {
        let finding = Finding {
            title: "t".repeat(100_000),
            body: format!("```\n{}", "b\n".repeat(100_000)),
            suggestion: Some("s".repeat(100_000)),
            ..finding("0011223344556677")
        };
        let result = result_of(finding);
        assert!(result.to_string().len() < 40_000);
        assert!(result["message"]["markdown"].as_str().is_some_and(|text| text.ends_with("\n```")), "the fence ends");
        assert_eq!(result.get("fixes"), None, "a part of a replacement would be wrong");
    }

    #[test]
    fn paths_are_relative_references() {
        for (path, expected) in [
            ("src/a.rs", "src/a.rs"),
            ("./src/a b#1?.rs", "src/a%20b%231%3F.rs"),
            ("/./100%/é:[1].rs", "100%25/%C3%A9%3A%5B1%5D.rs"),
            ("a\n\u{1b}\\b", "a%0A%1B%5Cb"),
            ("//host/x", "host/x"),
        ] {
            assert_eq!(uri(path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_suggestion_is_a_fix_of_its_lines() {
        let fix_of = |suggestion: &str, side| {
            let finding = Finding {
                start_line: 3,
                end_line: 4,
                side,
                suggestion: Some(suggestion.to_owned()),
                ..finding("0011223344556677")
            };
            let result = result_of(finding);
            result.pointer("/fixes/0/artifactChanges/0/replacements/0").cloned()
        };
        let replaced = json!({"deletedRegion": {"startLine": 3, "endLine": 4}, "insertedContent": {"text": "a\n\tb"}});
        assert_eq!(fix_of("a\n\tb", Side::Right), Some(replaced));
        let deleted = json!({"deletedRegion": {"startLine": 3, "startColumn": 1, "endLine": 5, "endColumn": 1}});
        assert_eq!(fix_of("", Side::Right), Some(deleted));
        assert_eq!(fix_of("a", Side::Left), None);
        assert_eq!([fix_of("a\u{1b}", Side::Right), fix_of("a\u{202e}", Side::Right)], [None, None]);
    }

    #[test]
    fn the_repository_is_read_from_the_page_of_the_request() {
        for (url, expected) in [
            ("https://github.com/o/r/pull/7", Some("https://github.com/o/r")),
            ("https://gitlab.example:8443/g/s/p/-/merge_requests/1", Some("https://gitlab.example:8443/g/s/p")),
            ("https://user:pass@h/o/r/pull/7/files?x#y", Some("https://h/o/r")),
            ("https://h/o/pull/pull/7", Some("https://h/o/pull")),
            ("https://h/o/r", None),
            ("file:///o/r/pull/7", None),
            ("no url/pull/7", None),
        ] {
            assert_eq!(repository(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn only_a_semantic_version_is_called_one() {
        for (version, is_semantic) in [("0.1.0", true), ("1.2.3-rc.1", true), ("1.2", false), ("abc", false)] {
            let mut report = report(Vec::new());
            report.tool.version = version.to_owned();
            let driver = &run_of(&report)["tool"]["driver"];
            assert_eq!((&driver["version"], driver["semanticVersion"].is_string()), (&json!(version), is_semantic));
        }
    }

    #[test]
    fn what_nobody_could_look_at_is_told() {
        let mut report = report(Vec::new());
        assert_eq!(run_of(&report)["invocations"][0]["executionSuccessful"], true);
        let failed = |n: u32| FailedLines {
            path: "a b.rs".into(),
            start_line: n,
            end_line: n + 1,
            changed_lines: 2,
            reason: "no answer\nin time".into(),
        };
        report.coverage.failed = (0..1_003).map(failed).collect();
        let invocation = &run_of(&report)["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let told = invocation["toolExecutionNotifications"].as_array().expect("a list");
        assert_eq!(told.len(), 1_001);
        let artifact = json!({"uri": "a%20b.rs", "uriBaseId": "%SRCROOT%"});
        let place = |region: Value| json!([{"physicalLocation": region}]);
        assert_eq!(told[0]["locations"], place(json!({"artifactLocation": artifact})), "lines that are not known");
        assert_eq!(
            told[3],
            json!({"level": "error", "message": {"text": "2 changed lines not reviewed: no answer\nin time"},
                "locations": place(json!({"artifactLocation": artifact, "region": {"startLine": 3, "endLine": 4}}))})
        );
        assert_eq!(told[1_000]["message"]["text"], "3 more ranges not reviewed");
    }

    #[test]
    fn a_line_that_was_cut_is_told_and_is_no_failure() {
        let mut report = report(Vec::new());
        report.coverage.cut = vec![crate::report::CutLine { path: "a.js".into(), line: 7 }];
        let invocation = &run_of(&report)["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], true);
        let told = &invocation["toolExecutionNotifications"][0];
        assert_eq!(
            (&told["level"], told.pointer("/locations/0/physicalLocation/region/startLine")),
            (&json!("note"), Some(&json!(7)))
        );
    }
}
