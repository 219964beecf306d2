//! Kinds of remarks that are never reported, whatever a model thinks of them: praise, restating, style, wishes, missing
//! names that are there, versions, masks that stand for secrets, and lines that the change does not affect.
//!
//! Each rule needs a sign that the remark is of its kind and the absence of a stated defect: "ensure that" is dropped as a
//! wish and kept where the text says what goes wrong.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::Regex;

use super::{Finding, mask};
use crate::diff::{FileDiff, Line, LineKind, Side};
use crate::meaning;

/// What is known of the place of a remark.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The file of the change.
    pub file: &'a FileDiff,
    /// Its text as the change leaves it, where that is at hand.
    pub text: Option<&'a str>,
    /// Whether the team asked for remarks on style.
    pub wants_style: bool,
}

/// Why a remark is of a kind that is never reported; `None` where it is not.
pub fn excluded(finding: &Finding, reasoning: &str, scene: &Scene<'_>) -> Option<&'static str> {
    let said = Said::new(finding, reasoning);
    let has_defect = said.states_a_defect();
    match () {
        () if is_untouched(finding, reasoning, scene.file) => Some("about lines that the change does not affect"),
        () if mask::is_meant(finding, scene) => Some("about a mask that stands for a secret"),
        () if is_disproved(&said, scene) => Some("about a missing name that is there"),
        () if has_defect => None,
        () if PRAISE.is_match(&said.title) || PRAISE.is_match(first_sentence(&said.body)) => Some("praise"),
        () if VERSION.is_match(&said.title) && has_version(&finding.quote) => Some("about versions of dependencies"),
        () if REQUEST.is_match(&said.title) => Some("a wish for tests, comments or documentation"),
        () if !scene.wants_style && STYLE.is_match(&said.title) => Some("about style"),
        () if WISH.is_match(&said.title) || WISH.is_match(first_sentence(&said.body)) => {
            Some("a wish without a defect")
        }
        () if RESTATES.is_match(first_sentence(&said.body)) => Some("restates the change"),
        () => None,
    }
}

/// Whether instructions of a team ask for remarks on style.
pub fn wants_style(instructions: &str) -> bool {
    let text = instructions.to_lowercase();
    ["style", "naming", "format", "phong cách", "đặt tên"].iter().any(|word| text.contains(word))
}

/// The texts of a remark in lower case.
struct Said {
    title: String,
    body: String,
    all: String,
}

impl Said {
    fn new(finding: &Finding, reasoning: &str) -> Said {
        let (title, body) = (finding.title.to_lowercase(), finding.body.to_lowercase());
        Said { all: format!("{title}\n{body}\n{}", reasoning.to_lowercase()), title, body }
    }

    /// Whether something goes wrong, as a fact: "throws", and not "might throw".
    fn states_a_defect(&self) -> bool {
        DEFECT.find_iter(&self.all).any(|found| {
            let before = &self.all[..found.start()];
            let sentence = before.rsplit(['.', '\n', ';']).next().unwrap_or_default();
            let near: Vec<&str> = sentence.split_whitespace().rev().take(4).collect();
            !near.iter().any(|word| HEDGES.contains(word))
        })
    }
}

/// Words that make a defect a worry.
const HEDGES: [&str; 12] = [
    "may",
    "might",
    "could",
    "can",
    "potentially",
    "possibly",
    "possible",
    "avoid",
    "prevent",
    "unlikely",
    "có",
    "tránh",
];

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are tested")
}

macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: LazyLock<Regex> = LazyLock::new(|| pattern($text));)*
    };
}

patterns! {
    /// What goes wrong, in words that say so.
    DEFECT = r"\b(crash(es|ed)?|panics?|throws?|raises?|segfaults?|wrong|incorrect(ly)?|inverted|lost|loses?|drops?|discard(s|ed)?|truncat(es|ed)|corrupt(s|ed)?|leaks?|leaked|deadlocks?|race condition|races?|overflows?|underflows?|bypass(es|ed)?|inject(ion|ed)|injectable|traversal|hangs?|blocks forever|never (ends|terminates|returns|released|closed|awaited|reached|set|called|runs|true|false)|infinite loop|infinitely|out of bounds|out of range|off by one|off-by-one|divi(des|sion) by zero|divided by zero|use.after.free|double.free|swallow(s|ed)|silently|ignored|ignores|overwrit(es|ten)|shadow(s|ed|ing)?|duplicat(es|ed)|twice|stale|always (true|false|returns|fails)|fails? (for|when|on|with|if|to)|breaks?|broken|not (awaited|released|closed|checked|handled|rolled back|initialized|initialised|escaped|validated)|unreachable|dereferenc(es|e|ed|ing)|undefined behavio(u)?r|nullpointerexception|typeerror|keyerror|valueerror|nameerror|importerror|attributeerror|indexerror|reads past|writes past|exposed|exposes|unauthenticated|unauthori[sz]ed|plain ?text|hard.?coded (secret|password|key|token|credential))\b|sai\b|sập|mất dữ liệu|rò rỉ|chia cho (0|không)|khóa chết|tràn (số|bộ nhớ)|ném (ra )?ngoại lệ|vượt quyền|bị bỏ qua|không bao giờ|vô hạn|treo\b|bị mất|hai lần|lỗ hổng|chèn sql|hỏng";
    PRAISE = r"^\W*((this is |that is |very |really )?(good|nice|great|excellent|solid|clean|elegant|neat|well)\b.*|(good|great|nice|excellent) (job|work|use|catch|change|refactor\w*|improvement)|looks good|lgtm|well (done|written|structured)|(rất |làm )?tốt\b.*|tuyệt( vời)?\b.*|hay đấy|gọn gàng.*)";
    VERSION = r"\b(versions?|upgrade|upgrading|update|bump(ed|ing)?|outdated|dependenc(y|ies)|latest|pinned|pin)\b|phiên bản|nâng cấp";
    REQUEST = r"\b((unit |integration |regression )?tests? (is |are )?(missing|needed|absent)|(missing|no|lacks?|lacking|add|adding|needs?|insufficient|without) (\w+ ){0,3}(tests?|test coverage|test cases?|documentation|docs?|docstrings?|comments?|javadoc|changelog|type hints?|annotations?)|undocumented|uncommented)\b|(thêm|thiếu|cần) (\S+ ){0,2}(kiểm thử|test|tài liệu|chú thích|docstring)";
    STYLE = r"\b(naming|rename|misnamed|(variable|function|method|class|parameter|constant) names?|names? (is|are) (unclear|vague|misleading|confusing|too)|unclear name|format(ting)?|indentation|white ?space|trailing|line length|long line|readab(le|ility)|style|stylistic|convention|consisten(cy|t naming)|inconsistent (naming|style|format\w*|quotes?|indent\w*)|magic (number|string|value)s?|typo|spelling|grammar|verbose|redundant|unnecessary (variable|else|parenthes\w+|comment|blank|import)|unused (import|variable|parameter|const\w*)|simplif(y|ied)|could be (simpler|simplified|shorter|cleaner|refactored|extracted)|refactor|extract (a |this |the )?(method|function|helper|constant)|duplicate(d)? code|code duplication|import order|nitpick|nit)\b|đặt tên|tên biến|định dạng|thụt lề|dễ đọc|phong cách|chính tả|dư thừa|rút gọn";
    WISH = r"^\W*((please )?(consider|ensure|make sure|verify|double.?check|check that|validate that|confirm that|you (may|might|could|should) want|it (would|might|may|could) be (better|good|nice|useful|helpful|worth|beneficial|safer|cleaner)|it is (recommended|advisable|good practice|best practice)|i (would )?(recommend|suggest)|we (should|could) (consider|add)|might be worth|would benefit|think about|be careful|should be documented|(this|the \w+|it) (could|might|may) be (improved|better|useful|beneficial|confusing))\b|(hãy |nên |bạn nên |có thể )?(cân nhắc|xem xét|đảm bảo|bảo đảm|kiểm tra lại)|nên (thêm|dùng|sử dụng|viết))";
    RESTATES = r"^\W*((this|the) (change|commit|code|diff|pr|patch|pull request|function|method|line|update|new \w+)( now)? (adds?|updates?|introduces?|changes?|modifies|renames?|moves?|refactors?|implements?|removes?|replaces?|improves?|extracts?|defines?|creates?)\b|(added|updated|introduced|changed|renamed|moved|refactored|implemented|removed|replaced) |(thay đổi|đoạn mã|hàm|dòng) này (thêm|cập nhật|đổi|sửa|xóa|di chuyển|bổ sung))";
    /// A name that is said to be missing.
    MISSING = r"\b(not imported|never imported|isn't imported|missing imports?|import (is )?missing|without (an |being )?import(ed|ing)?|undefined (name|variable|function|identifier|symbol|reference)|(is|are) (not|never) (defined|declared)|isn't (defined|declared)|undeclared|not defined|not declared|unresolved (name|import|reference|symbol))\b|chưa (được )?(import|khai báo|định nghĩa)|thiếu import|không được (khai báo|định nghĩa)";
    QUOTED = r"`([^`\n]{1,80})`|'([A-Za-z_][\w.:]{1,60})'|\x22([A-Za-z_][\w.:]{1,60})\x22";
    NUMBERED = r"\d+\.\d+";
}

/// Everything up to the first full stop, where a remark says what it is about.
pub(super) fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    text.find(". ").or_else(|| text.find('\n')).map_or(text, |end| &text[..end])
}

fn has_version(quote: &str) -> bool {
    NUMBERED.is_match(quote)
}

/// Whether a name that is said to be missing is imported or defined in the file, or in the lines of the change.
fn is_disproved(said: &Said, scene: &Scene<'_>) -> bool {
    if !MISSING.is_match(&said.title) && !MISSING.is_match(first_sentence(&said.body)) {
        return false;
    }
    let text = match scene.text {
        Some(text) => text.to_lowercase(),
        None => new_side(scene.file).to_lowercase(),
    };
    let name = missing_name(&said.title).or_else(|| missing_name(first_sentence(&said.body)));
    name.is_some_and(|name| is_introduced(name, &text))
}

/// The quoted name that a text says is missing: behind "missing import", before "is not defined". Other names in it say
/// only where that matters.
fn missing_name(text: &str) -> Option<&str> {
    let phrase = MISSING.find(text)?;
    let names: Vec<regex::Match<'_>> =
        QUOTED.captures_iter(text).filter_map(|found| found.iter().skip(1).flatten().next()).collect();
    let before = names.iter().rfind(|name| name.end() <= phrase.start());
    let behind = names.iter().find(|name| name.start() >= phrase.end());
    let leads = ["missing", "undefined", "undeclared", "unresolved", "thiếu"];
    let is_before = !leads.iter().any(|word| phrase.as_str().starts_with(word));
    let name = if is_before { before.or(behind) } else { behind.or(before) }?.as_str();
    let name = name.trim_end_matches("()").rsplit(['.', ':']).next().unwrap_or_default();
    (name.len() > 1 && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

/// Whether a line of the text brings a name into scope.
fn is_introduced(name: &str, text: &str) -> bool {
    const WORDS: [&str; 24] = [
        "import",
        "from",
        "use",
        "using",
        "include",
        "#include",
        "require",
        "require_once",
        "const",
        "let",
        "var",
        "def",
        "class",
        "fn",
        "func",
        "function",
        "fun",
        "type",
        "struct",
        "enum",
        "interface",
        "trait",
        "static",
        "#define",
    ];
    // lists of names below an opening `import (` or `from x import (` count for the lines in it
    let mut in_list = false;
    text.lines().any(|line| {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '#')).collect();
        let opens = words.iter().any(|word| WORDS.contains(word));
        let found = (opens || in_list) && words.contains(&name);
        let is_import = words.iter().any(|word| ["import", "use", "require"].contains(word));
        in_list = (is_import && line.trim_end().ends_with(['(', '{', ','])) || (in_list && !line.contains([')', '}']));
        found
    })
}

fn new_side(file: &FileDiff) -> String {
    let lines = file.hunks().iter().flat_map(|hunk| hunk.lines.iter()).filter(|line| line.is_on(Side::Right));
    lines.map(|line| format!("{}\n", line.text())).collect()
}

/// Whether a remark stands on unchanged lines alone, away from the changed ones, and names nothing that they name.
fn is_untouched(finding: &Finding, reasoning: &str, file: &FileDiff) -> bool {
    /// So near a changed line, an unchanged one is its surrounding.
    const NEAR: usize = 2;
    let range = finding.start_line..=finding.end_line;
    let Some(hunk) = file.hunks().iter().find(|hunk| hunk.lines.iter().any(|line| is_in(line, finding.side, &range)))
    else {
        return false;
    };
    let inside: Vec<usize> =
        (0..hunk.lines.len()).filter(|&index| is_in(&hunk.lines[index], finding.side, &range)).collect();
    let (Some(&first), Some(&last)) = (inside.first(), inside.last()) else { return false };
    if hunk.lines[first.saturating_sub(NEAR)..hunk.lines.len().min(last + NEAR + 1)].iter().any(Line::is_change) {
        return false;
    }
    let changed: String = file
        .hunks()
        .iter()
        .flat_map(|hunk| hunk.lines.iter())
        .filter(|line| line.is_change())
        .map(|line| format!("{}\n", line.text()))
        .collect();
    let said = format!("{} {} {reasoning}", finding.title, finding.body);
    let quoted = QUOTED
        .captures_iter(&said)
        .filter_map(|found| found.iter().skip(1).flatten().next())
        .map(|m| m.as_str().to_owned());
    let names: BTreeSet<String> = meaning::names(&said).into_iter().chain(quoted).collect();
    let words: BTreeSet<&str> = changed.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    !names.iter().any(|name| {
        name.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part.len() > 2 && words.contains(part))
    })
}

pub(super) fn is_in(line: &Line, side: Side, range: &RangeInclusive<u32>) -> bool {
    let is_there = line.kind == LineKind::Context || line.side() == side;
    is_there && line.is_on(side) && range.contains(&line.number_on(side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse;
    use crate::findings::{Origin, Verdict};
    use crate::severity::{Category, Severity};

    const DIFF: &str = "--- a/app.py\n+++ b/app.py\n@@ -1,12 +1,13 @@\n import json\n from util import (\n     load_user,\n )\n \n def first():\n     return settings.limit\n \n \n \n-def pay(amount):\n+def pay(amount, account_id):\n+    return charge(account_id, amount)\n     return None\n";

    fn finding(quote: &str, line: u32, title: &str, body: &str) -> Finding {
        Finding {
            id: String::new(),
            path: "app.py".into(),
            side: Side::Right,
            start_line: line,
            end_line: line,
            severity: Severity::Major,
            category: Category::Bug,
            confidence: 80,
            title: title.into(),
            body: body.into(),
            suggestion: None,
            quote: quote.into(),
            origin: Origin::Model,
            votes: 1,
            verdict: Verdict::Unverified,
            rule: None,
        }
    }

    #[track_caller]
    fn why(finding: &Finding, text: Option<&str>) -> Option<&'static str> {
        let diff = parse(DIFF).unwrap();
        excluded(finding, "", &Scene { file: &diff.files[0], text, wants_style: false })
    }

    #[track_caller]
    fn check(title: &str, body: &str, is_kept: bool) {
        let found = why(&finding("return charge(account_id, amount)", 12, title, body), None);
        assert_eq!(found.is_none(), is_kept, "{title:?} {body:?}: {found:?}");
    }

    #[test]
    fn what_is_no_defect_is_dropped() {
        for (title, body) in [
            ("Good use of early return", "This makes the function easier to follow."),
            ("Great refactoring", "Clean and readable."),
            ("Looks good to me", ""),
            ("Rất tốt, mã gọn gàng", "Cách viết này dễ đọc."),
            ("Consider adding error handling", "It would be better to handle errors of `charge`."),
            ("Ensure that account_id is valid", "Make sure the id is valid before the call."),
            ("You may want to validate the amount", "Validation could prevent problems."),
            ("Verify the return type", "Please verify that callers expect this type."),
            ("It would be better to use a dataclass", "That groups the arguments."),
            ("Cân nhắc thêm kiểm tra đầu vào", "Nên thêm kiểm tra cho `amount`."),
            ("Missing unit tests", "There are no tests for the new parameter."),
            ("Add tests for the new parameter", "Test coverage should be kept."),
            ("Missing docstring", "The function has no documentation."),
            ("Thêm chú thích cho hàm", "Hàm cần tài liệu."),
            ("Unclear variable name", "`amount` could be called `amount_cents`."),
            ("Inconsistent naming", "Other functions use camelCase."),
            ("Magic number in the call", "Extract it into a constant."),
            ("Code could be simplified", "The two lines can be one."),
            ("Tên biến không rõ nghĩa", "Nên đặt tên khác."),
            ("New parameter", "This change adds a parameter and passes it on."),
            ("Payment now takes an account", "The function now changes the signature."),
            ("Typo in the comment", "It says 'recieve'."),
            ("Potential performance concern", "Consider caching the result of the call."),
            ("Possible null value", "It might be worth checking; the value could be wrong."),
        ] {
            check(title, body, false);
        }
    }

    #[test]
    fn defects_stay_however_they_are_worded() {
        for (title, body) in [
            (
                "Ensure the lock is released",
                "When `charge` raises, the lock is never released and the next call hangs.",
            ),
            ("Consider the empty list", "For an empty list `sum / len` throws ZeroDivisionError."),
            ("Missing await", "`charge` is not awaited, so its error is lost."),
            ("Misleading name shadows the import", "`json` shadows the module, so `json.loads` raises AttributeError."),
            ("SQL injection through the account id", "The id is put into the query unescaped."),
            ("Arguments swapped", "`charge` takes the amount first: the account's number is charged."),
            ("Good values are lost", "Values above 100 are dropped."),
            (
                "Test passes although the code is wrong",
                "The assertion compares the value with itself and is always true.",
            ),
            ("Version check is inverted", "Clients older than 2.0 are let in and newer ones rejected."),
            ("Hard-coded password", "The password stands in the source."),
            ("Deadlock in pay", "`charge` takes the lock that `pay` holds."),
            ("Format string truncates the cents", "`%d` drops the cents of 1.50."),
            ("Style sheet is loaded twice", "Both calls insert it, so it is duplicated."),
            ("Chia cho 0 khi danh sách rỗng", "Khi danh sách rỗng, hàm chia cho 0."),
            ("Mất dữ liệu khi ghi đè tệp", "Tệp cũ bị mất dữ liệu khi ghi lỗi."),
            ("Off by one in the range", "The last element is never reached."),
            ("Returns the balance in cents to callers that expect euros", "`total()` gives 1500 for 15 euros."),
            ("Token is compared in variable time", "The comparison ends at the first differing byte."),
            ("Timeout is in seconds, and sleep takes milliseconds", "It waits 30 ms instead of 30 s."),
        ] {
            check(title, body, true);
        }
    }

    #[test]
    fn a_missing_name_that_is_there_is_disproved() {
        let file = "import os\nfrom util import (\n    load_user,\n    charge,\n)\n\ndef pay():\n    charge(1)\n";
        let says = |title: &str, text| why(&finding("return charge(account_id, amount)", 12, title, ""), text);
        assert!(says("`charge` is not imported, so the call raises NameError", Some(file)).is_some());
        assert!(says("Undefined name `charge`", Some(file)).is_some());
        assert!(says("`load_user` is not defined", None).is_some(), "the hunk shows its import");
        assert!(says("`charge` is not imported, so the call raises NameError", Some("import os\n")).is_none());
        assert!(says("`charge` is not imported, so the call raises NameError", None).is_none());
        // `pay` is there, and that is not what is said to be missing
        let other = Some("import os\n\ndef pay():\n    charge(1)\n");
        assert!(says("`charge` is not imported, so `pay` raises NameError", other).is_none());
        assert!(says("`pay` raises NameError: missing import of `charge`", other).is_none());
        assert!(says("`pay` raises NameError: missing import of `charge`", Some(file)).is_some());
    }

    #[test]
    fn remarks_on_lines_that_the_change_does_not_affect_are_dropped() {
        let at = |line, title: &str| why(&finding("x", line, title, "It crashes."), None);
        assert!(at(7, "Limit crashes without a configuration").is_some());
        assert!(at(9, "Crashes near the change").is_none());
        assert!(at(7, "`pay` gets the wrong `account_id` from here").is_none());
        assert!(at(12, "The changed line crashes").is_none());
    }

    #[test]
    fn worries_about_versions_are_dropped() {
        let on = |quote: &str, title: &str| why(&finding(quote, 12, title, "It may bring changes."), None);
        assert!(on("serde = \"1.0.200\"", "Outdated version of serde").is_some());
        assert!(on("return charge(account_id, amount)", "Old version of the account is charged").is_none());
    }

    #[test]
    fn style_is_reported_where_the_team_wants_it() {
        let diff = parse(DIFF).unwrap();
        let remark = finding("return charge(account_id, amount)", 12, "Unclear variable name", "Use `cents`.");
        let scene = Scene { file: &diff.files[0], text: None, wants_style: wants_style("Check naming, too.") };
        assert_eq!(excluded(&remark, "", &scene), None);
        assert!(!wants_style("We target Python 3.9."));
    }
}
