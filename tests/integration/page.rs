//! The review as a page: what stands in it, and what a real browser makes of it where `PRUDENCE_TEST_BROWSER` names one.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::attacks::{answers, corpus};
use crate::eval;
use crate::support::actions::{Actions, Event};
use crate::support::github::Scenario;
use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::{Prudence, read_json};
use crate::support::pull::{Pull, Reviewed, late, mean, pay, removed};

/// A page that runs of the program write.
struct File {
    folder: TempDir,
}

impl File {
    fn new() -> File {
        File { folder: TempDir::with_prefix("prudence-page-").expect("a temporary folder") }
    }

    fn named(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path(&self) -> PathBuf {
        self.named("review.html")
    }

    #[track_caller]
    fn read(&self) -> String {
        fs::read_to_string(self.path()).expect("a page")
    }
}

/// A page with each of these texts, in this order.
#[track_caller]
fn check_has(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        rest = rest.split_once(text).unwrap_or_else(|| panic!("no `{text}` in what is left of {page}")).1;
    }
}

const FINDINGS: [&str; 10] = [
    "3 findings (1 critical, 1 major, 1 minor), 7 of 7 changed lines reviewed",
    "<b>critical</b><a href=#finding-1>src/pay.rs:5</a>",
    "Division by zero without payments",
    "<ins class=m data-n=5>+ ",
    "<code>count</code> is 0 on the first day.",
    "Suggested</p><pre class=code><ins>+ let mean = sum.checked_div(count);",
    "<b>major</b><a href=#finding-2>src/pay.rs:29-31</a>",
    "<b>minor</b><a href=#finding-3>src/pay.rs:20 (before the change)</a>",
    "<del class=m data-n=20>- let v20 = 20;",
    "<bdi>src/pay.rs</bdi>",
];

#[test]
fn a_job_writes_the_page_that_its_input_names_and_posts_as_ever() {
    let (pull, file) = (Pull::of_pay(vec![removed(), late(), mean()]), File::new());
    let job = Actions::new(&pull.github, &Event::Opened);
    let _: Reviewed = pull.end(pull.step(&job).env("INPUT_HTML", file.path().display()), 0);
    let page = file.read();
    check_has(&page, &FINDINGS);
    assert!(page.contains(&format!("<a href=\"{}/octo/demo/pull/", pull.github.root)), "{page}");
    assert!(page.contains("default-src 'none'; style-src 'sha256-") && !page.contains(" src="), "{page}");
    assert_eq!(job.outputs()["html"], file.path().display().to_string());
    assert_eq!(pull.github.review_comments().len(), 3);
}

#[test]
fn the_page_is_printed_where_it_is_the_format() {
    let (pull, file) = (Pull::of_pay(vec![removed(), late(), mean()]), File::new());
    let html = file.path();
    let args = ["--format", "html", "--html", html.to_str().expect("a path"), "--pr", "octo/demo#7", "--dry-run"];
    let reviewed: Reviewed = pull.end(pull.desk().args(args), 0);
    assert_eq!(reviewed.run.stdout, file.read());
    check_has(&reviewed.run.stdout, &FINDINGS);
    // a runner reads no command in it
    let printed = Pull::of_pay(vec![mean()]).review(&["--format", "html"], 0).run.stdout;
    assert!(printed.starts_with("::stop-commands::prudence-") && printed.contains("<!doctype html>"), "{printed}");
}

#[test]
fn a_run_that_fails_leaves_no_page_of_an_earlier_one() {
    let (pull, file) =
        (Pull::new(Scenario::new(&pay(), "main", "feature"), Script::new().always(Answer::quota())), File::new());
    fs::write(file.path(), "old").expect("a file");
    let html = file.path();
    pull.review(&["--html", html.to_str().expect("a path")], 2);
    assert!(!html.exists());
    let reviewed = pull.review(&["--html", "no/such/folder/page.html"], 2);
    assert!(reviewed.run.stderr.contains("cannot write the report `no/such/folder/page.html`: "), "{}", reviewed.run);
}

#[test]
fn another_job_publishes_the_page_of_a_newer_report_and_of_one_that_came_too_late() {
    let (pull, file) = (Pull::of_pay(vec![removed(), late(), mean()]), File::new());
    pull.review(&["--dry-run"], 0);
    let mut report = read_json(pull.report_path());
    report["tool"]["version"] = json!("99.1.0");
    report["from_the_future"] = json!({"a": 1});
    report["findings"][0]["rtl"] = json!("קוד");
    report["findings"][1]["title"] = json!("ת".repeat(10_000));
    report["findings"][1]["body"] = json!("שלום `x`\u{202e}");
    let publish = |report: &Value, head_sha: &str, code: i32| {
        fs::write(file.named("report.json"), report.to_string()).expect("a report");
        let job = Actions::new(&pull.github, &Event::WorkflowRun { head_sha: head_sha.to_owned() });
        let program = Prudence::new().actions(&job).arg("publish").arg(file.named("report.json")).arg("--html");
        program.arg(file.path()).run().expect_code(code);
        file.read()
    };
    let page = publish(&report, &pull.github.head(), 0);
    check_has(&page, &FINDINGS[..6]);
    check_has(&page, &["dir=auto>תתת", "<p dir=auto>שלום <code>x</code>\\u{202e}</p>", "Prudence 99.1.0, prompts "]);
    let later = pull.github.scenario().repo.branch("later").file("src/new.rs", "let late = 1;\n").commit("later");
    let reviewed = pull.github.head();
    pull.github.push(&later.sha("later"));
    let page = publish(&report, &reviewed, 4);
    check_has(
        &page,
        &[
            "Division by zero without payments",
            "<span class=m>let mean = sum / count;",
            "this page was made from the report",
        ],
    );
}

#[test]
fn annotations_are_printed_as_the_result_and_once() {
    let pull = Pull::of_pay(vec![mean(), late(), removed()]);
    let expected = "::notice::Prudence: review complete: 3 findings (1 critical, 1 major, 1 minor), 7 of 7 changed lines reviewed\n\
        ::error file=src/pay.rs,line=5,endLine=5,title=Division by zero without payments::`count` is 0 on the first day.\n\
        ::error file=src/pay.rs,line=29,endLine=31,title=Late is returned for large sums::The limit is no date.\n\
        ::warning file=src/pay.rs,title=Callers still read this name::(line 20 before the change) ";
    for permissions in
        [[("contents", "read"), ("pull_requests", "read")], [("contents", "read"), ("pull_requests", "write")]]
    {
        pull.github.set_permissions(&permissions);
        let reviewed = pull.review(&["--format", "annotations", "--full"], 0);
        assert!(reviewed.run.stdout.starts_with(expected), "{}", reviewed.run);
        assert_eq!(format!("{}{}", reviewed.run.stdout, reviewed.run.stderr).matches("::error ").count(), 2);
    }
}

/// A browser that looks at pages.
struct Browser {
    program: String,
}

impl Browser {
    /// `None`, with a notice, where there is none.
    fn new() -> Option<Browser> {
        let Ok(program) = std::env::var("PRUDENCE_TEST_BROWSER") else {
            // not `eprintln!`, which the test runner captures
            let _ = writeln!(std::io::stderr(), "notice: skipped, since PRUDENCE_TEST_BROWSER names no browser");
            return None;
        };
        Some(Browser { program })
    }

    /// What is wrong with pages in all their looks: light and dark, narrow, printed, without a script. Each line begins with
    /// the name of the page. Pages and pictures stay in `target/pages`.
    #[track_caller]
    fn look(&self, pages: &[PathBuf]) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let pictures = root.join("target/pages");
        fs::create_dir_all(&pictures).expect("a folder");
        for page in pages {
            fs::copy(page, pictures.join(page.file_name().expect("a name"))).expect("a copy");
        }
        let script = root.join("tests/integration/page/browser.mjs");
        let output = Command::new(&self.program).arg(script).arg(&pictures).args(pages).output().expect("a browser");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A review with something of all that a page can show.
fn full_review(path: &Path) {
    let nowhere = finding("src/pay.rs", 3, "let nothing = there;", json!({"title": "Nowhere", "severity": "major"}));
    let pull = Pull::of_pay(vec![mean(), late(), removed(), nowhere]);
    pull.review(&["--max-comments", "2", "--html", path.to_str().expect("a path")], 0);
}

/// A review in which the model says what attacks, in all that it says.
fn attacked_review(path: &Path) {
    let attacks = corpus::at("answer");
    let scenario = Scenario::new(&answers::repo(&attacks), "main", "feature");
    let pull = Pull::new(scenario, Script::new().always(answers::model(&attacks)));
    let args =
        ["--dry-run", "--max-comments", "1000", "--min-severity", "info", "--html", path.to_str().expect("a path")];
    pull.review(&args, 0);
    let page = fs::read_to_string(path).expect("a page");
    assert!(page.matches("<article ").count() * 10 >= attacks.len() * 9, "{} attacks", attacks.len());
}

/// What `cost` and `eval` make.
fn other_pages(folder: &File) -> Vec<PathBuf> {
    let (cost, evaluation, ledger) =
        (folder.named("cost.html"), folder.named("eval.html"), folder.named("ledger.jsonl"));
    Pull::of_pay(vec![mean()]).review(&["--ledger", ledger.to_str().expect("a path")], 0);
    Prudence::new().arg("cost").arg(ledger).arg("--html").arg(&cost).run().expect_code(0);
    let dataset = eval::dataset();
    let said =
        finding("src/share.py", 2, "part = total // parts", json!({"body": "With no parts the division raises."}));
    let openai = OpenAi::start(Script::new().when("src/share.py", Answer::findings(vec![said])));
    let args = ["--effort", "low", "--html", evaluation.to_str().expect("a path")];
    eval::eval(dataset.path(), &args).openai(&openai).run().expect_code(0);
    vec![cost, evaluation]
}

#[test]
fn a_browser_finds_nothing_wrong_with_any_page() {
    let Some(browser) = Browser::new() else { return };
    let folder = File::new();
    let (full, attacked, empty) = (folder.path(), folder.named("attacked.html"), folder.named("empty.html"));
    full_review(&full);
    attacked_review(&attacked);
    Pull::new(Scenario::new(&pay(), "main", "feature").draft(), Script::new())
        .review(&["--html", empty.to_str().expect("a path")], 0);
    let mut pages = other_pages(&folder);
    pages.extend([full, attacked, empty]);
    let told = browser.look(&pages);
    assert!(told.is_empty(), "{told}");
}

#[test]
fn the_browser_sees_what_is_wrong() {
    let Some(browser) = Browser::new() else { return };
    let folder = File::new();
    full_review(&folder.path());
    let page = folder.read();
    let broken = [
        ("<main ", "<img src=\"http://127.0.0.1:9/x.png\"><main ", "request: http://127.0.0.1:9/x.png"),
        (
            "\"Content-Security-Policy\" content=\"",
            "\"Content-Security-Policy\" content=\"script-src 'none'; ",
            "console: ",
        ),
        ("--soft: #57606a", "--soft: #b7c0ca", "axe: color-contrast"),
        ("finding.hidden = !fits(finding.dataset)", "finding.hidden = false", "shows "),
        (
            "data-severity=major data-category=error-handling",
            "data-severity=info data-category=error-handling",
            "shows ",
        ),
        ("<h2 id=\"coverage\">Coverage</h2>", "<h6>Coverage</h6>", "axe: heading-order"),
        (
            "</main>",
            "<div class=wide><pre>WIDE</pre></div><p><svg width=\"2000\"></svg></p></main>",
            "axe: scrollable-region-focusable",
        ),
    ];
    let file = |n: usize| folder.named(&format!("broken{n}.html"));
    for (n, (from, to, _)) in broken.iter().enumerate() {
        assert!(page.contains(from), "{from}");
        let page = page.replacen(from, &to.replace("WIDE", &"wide ".repeat(500)), 1);
        // it would hold back what is broken here
        let page = if to.contains("Policy") { page } else { page.replace("Content-Security-Policy", "x-none") };
        fs::write(file(n), page).expect("a page");
    }
    let told = browser.look(&(0..broken.len()).map(file).collect::<Vec<_>>());
    for (n, (_, to, expected)) in broken.iter().enumerate() {
        let is_told = |line: &str| line.starts_with(&format!("broken{n}-")) && line.contains(expected);
        assert!(told.lines().any(is_told), "`{expected}` is not told of {to}:\n{told}");
    }
}
