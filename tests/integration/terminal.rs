//! What a terminal is shown: its width, its links, its colours and its signs.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::support::github::Scenario;
use crate::support::openai::{Answer, OpenAi, Script, finding};
use crate::support::program::{Prudence, Run};
use crate::support::pull::{Pull, pay};
use crate::support::repo::Repo;

/// A finding with a long title and text, some of it in wide letters.
fn wordy() -> Answer {
    let fields = json!({"severity": "critical", "title": "Division by zero on the very first day, on which nobody has paid yet",
        "body": "`count` is 0 until somebody pays. 最初の日には count がゼロです。 Then the whole page fails.",
        "suggestion": "let mean = sum.checked_div(count);"});
    Answer::findings(vec![finding("src/pay.rs", 5, "let mean = sum / count;", fields)])
}

/// Reviews [`pay`] on a desk, with these variables.
fn review(env: &[(&str, &str)], args: &[&str]) -> (Repo, Run) {
    let (repo, openai) = (pay(), OpenAi::start(Script::new().always(wordy())));
    let program = Prudence::new().openai(&openai).current_dir(repo.path());
    let program = program.args(["review", "--effort", "low", "--base", "main"]).args(args);
    let run = env.iter().fold(program, |program, (name, value)| program.env(name, value)).run().expect_code(0);
    (repo, run)
}

/// Widths of the lines that are indented, which are all but the headlines.
fn widths(run: &Run) -> Vec<usize> {
    run.stdout.lines().filter(|line| line.starts_with("  ")).map(UnicodeWidthStr::width).collect()
}

#[test]
fn text_and_code_fit_between_the_edges_of_the_screen() {
    for columns in [20, 40, 80] {
        let (_, run) = review(&[("COLUMNS", &columns.to_string())], &[]);
        // a word that is wider than the screen is not torn
        let over: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("  ") && line.width() > columns).collect();
        assert!(
            over.iter().all(|line| line.trim().split(' ').count() == 1 || line.contains(" + ")),
            "{columns}: {run}"
        );
        assert!(run.stdout.contains("review complete: 1 finding (1 critical)"), "{run}");
    }
    let (_, narrow) = review(&[("COLUMNS", "20")], &[]);
    assert!(narrow.stdout.contains("▸ 5 │ + let mean …\n"), "a cut is marked: {narrow}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(words(&narrow.stdout).contains("on the very first day, on which nobody has paid yet"), "{narrow}");
    // nobody reads lines of any length
    let (_, wide) = review(&[("COLUMNS", "400")], &[]);
    assert!(widths(&wide).into_iter().all(|width| width <= 98), "{wide}");
}

#[test]
fn a_place_leads_to_its_file_where_the_terminal_has_links() {
    let (repo, run) = review(&[("FORCE_HYPERLINK", "1")], &["--color", "always"]);
    let file = repo.path().canonicalize().unwrap().join("src/pay.rs");
    assert!(run.stdout.contains(&format!("\u{1b}]8;;file://{}\u{1b}\\", file.display())), "{run}");
    for (env, args) in [
        (&[("FORCE_HYPERLINK", "0")][..], &["--color", "always"][..]),
        // what is no terminal gets no escape sequences
        (&[("FORCE_HYPERLINK", "1")], &[]),
        (&[], &["--color", "never"]),
    ] {
        let (_, run) = review(env, args);
        assert!(!run.stdout.contains("]8;;"), "{env:?} {args:?} {run}");
    }
}

#[test]
fn a_place_in_a_request_leads_to_the_page_of_its_lines() {
    let pull = Pull::new(Scenario::new(&pay(), "main", "feature"), Script::new().always(wordy()));
    let program = pull.desk().args(["--pr", "octo/demo#7", "--dry-run", "--color", "always"]);
    let run = pull.end(program.env("FORCE_HYPERLINK", "1"), 0).run;
    let address = format!("/octo/demo/blob/{}/src/pay.rs#L5\u{1b}\\", pull.github.head());
    assert!(run.stdout.contains(&address), "{address}: {run}");
}

#[test]
fn colours_are_off_where_nobody_wants_them() {
    let has_colour = |env: &[(&str, &str)]| review(env, &[]).1.stdout.contains('\u{1b}');
    assert!(!has_colour(&[]), "a pipe");
    assert!(has_colour(&[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colour(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_locale_without_utf_8_gets_signs_of_ascii() {
    let plain =
        |text: &str| text.lines().filter(|line| !line.contains("日") && !line.contains("ゼロ")).all(str::is_ascii);
    let (_, run) = review(&[("LC_ALL", "C"), ("COLUMNS", "30")], &[]);
    assert!(plain(&run.stdout), "{run}");
    assert!(run.stdout.contains("> 5 | + let mean = sum / ...\n"), "{run}");
}
