//! Remarks about the mask over a secret: a model that sees `***` may take it for what the code holds.

use std::sync::LazyLock;

use regex::Regex;

use super::Finding;
use super::exclude::{Scene, first_sentence, is_in};
use crate::diff::Side;

/// A mask, in words.
static MASK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(masked|redacted|obfuscated|censored|placeholders?|asterisks?|dummy (value|password|key|token|secret))\b|bị che|che giấu|giữ chỗ|dấu sao",
    )
});

/// What is said of `***` where it is taken for the value.
static AS_CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(invalid|not (a )?(valid|real|working|usable)|literal(ly)?|syntax|unusable|malformed|fails?|cannot|never|replaced|wrong|incorrect)\b|không hợp lệ|cú pháp",
    )
});

/// That a secret stands where everyone may read it: true of what is behind the mask.
static EXPOSED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(hard.?cod(ed|es|ing)|plain ?text|committed|leak(s|ed)?|expos(es|ed|ure)|checked in|in (the )?(source|repository)|version control)\b|viết cứng|gán cứng|lộ\b",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are tested")
}

/// Whether a remark is about the mask on a line that was masked. That the secret behind it should not be there is none.
pub(super) fn is_meant(finding: &Finding, scene: &Scene<'_>) -> bool {
    let (title, body) = (finding.title.to_lowercase(), finding.body.to_lowercase());
    let start = first_sentence(&body);
    let is_named = MASK.is_match(&title) || MASK.is_match(start);
    let is_written = title.contains("***") || start.contains("***");
    let is_taken_for_code = is_written && (AS_CODE.is_match(&title) || AS_CODE.is_match(start));
    (is_named || is_taken_for_code) && !EXPOSED.is_match(&title) && is_masked(finding, scene)
}

/// Whether one of the lines of a remark was masked: it has a mask that the file has not, as far as that is known.
fn is_masked(finding: &Finding, scene: &Scene<'_>) -> bool {
    let range = finding.start_line..=finding.end_line;
    let text = scene.text.filter(|_| finding.side == Side::Right);
    let raw = |number: u32| text?.lines().nth(usize::try_from(number).ok()?.checked_sub(1)?);
    let lines = scene.file.hunks().iter().flat_map(|hunk| hunk.lines.iter());
    lines.filter(|line| is_in(line, finding.side, &range)).any(|line| {
        let shown = line.text();
        shown.contains("***") && raw(line.number_on(finding.side)).is_none_or(|raw| raw.trim_end() != shown.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::findings::{Origin, Verdict};
    use crate::severity::{Category, Severity};

    const DIFF: &str =
        "--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,3 @@\n import os\n+API_KEY = \"***\"\n+print(f\"***{name}***\")\n";
    const FILE: &str = "import os\nAPI_KEY = \"x8Kd02mWq7Lp4ZtB\"\nprint(f\"***{name}***\")\n";

    #[track_caller]
    fn check(line: u32, title: &str, body: &str, text: Option<&str>, expected: bool) {
        let diff = parse(DIFF).unwrap();
        let finding = Finding {
            id: String::new(),
            path: "a.py".into(),
            side: Side::Right,
            start_line: line,
            end_line: line,
            severity: Severity::Major,
            category: Category::Bug,
            confidence: 80,
            title: title.into(),
            body: body.into(),
            suggestion: None,
            quote: String::new(),
            origin: Origin::Model,
            votes: 1,
            verdict: Verdict::Unverified,
            rule: None,
        };
        let scene = Scene { file: &diff.files[0], text, wants_style: false };
        assert_eq!(is_meant(&finding, &scene), expected, "{title}");
    }

    #[test]
    fn remarks_about_the_mask_are_known() {
        for (title, body) in [
            ("API key is a placeholder", "Every request fails with 401."),
            ("Redacted value is used as the key", "The key is `***`."),
            ("Invalid API key", "`API_KEY` is the literal `***`, which no server accepts."),
            ("`***` is not a valid key", "Requests will fail."),
            ("Authentication always fails", "The key was replaced by `***`."),
            ("Khóa API bị che", "Giá trị là dấu sao."),
        ] {
            check(2, title, body, None, true);
            check(2, title, body, Some(FILE), true);
            check(1, title, body, Some(FILE), false);
        }
    }

    #[test]
    fn remarks_about_the_secret_or_another_line_are_not() {
        for (title, body) in [
            ("Hard-coded API key", "The key `***` stands in the source; a placeholder belongs here."),
            ("API key committed in plain text", "It is masked here, and in the history for everyone to read."),
            ("Key is sent to the wrong host", "`API_KEY` goes to the log server."),
            ("`os` is never used", "The import is left over."),
        ] {
            check(2, title, body, Some(FILE), false);
        }
        check(3, "Asterisks are printed literally", "`***` is no markup here.", Some(FILE), false);
    }
}
