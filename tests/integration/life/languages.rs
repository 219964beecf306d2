//! What is posted in the team's language, by runs that do not all speak the same.

use super::commands::WRITER;
use super::*;
use crate::support::phrases::{english_in, said};

/// Runs in Vietnamese, and all that the run said to people.
#[track_caller]
fn in_vietnamese(life: &mut Life, event: &Event, args: &[&str], code: i32) -> (Step, String) {
    let step = life.run(event, &[&["--language", "vi-VN"], args].concat(), code);
    let requests = life.github().requests().split_off(life.seen.0);
    let writes: Vec<Request> = requests.into_iter().filter(is_write).collect();
    let text = said(&writes).join("\n\n");
    assert_eq!(english_in(&text), Vec::<String>::new(), "{text}");
    (step, text)
}

/// Three defects, a file that is skipped, and something for the built-in checks.
fn repo() -> Repo {
    let new = code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")]);
    branch(|repo| repo.file("src/new.rs", new).file("Cargo.lock", "[[package]]\n").file(".env", "MODE=fast\n"))
}

#[test]
fn all_that_is_posted_is_in_the_teams_language() {
    let may = [("pull_requests", "write"), ("contents", "read"), ("checks", "write")];
    let mut life = life_of(&repo(), |scenario| scenario.permissions(&may));
    let (step, text) = in_vietnamese(&mut life, &Event::Opened, &["--check-run"], 0);
    assert_eq!(step.words(), ["review of 4", "check of 4", "summary"]);
    let summary = life.summary().expect("a summary");
    for part in [
        "Prudence để lại 4 comment; phần còn lại nằm trong comment tổng kết.",
        "## 🔎 Prudence: đã review xong: 4 vấn đề (4 quan trọng), đã review 204 trên 205 dòng thay đổi",
        "| mức độ | số vấn đề |\n|---|---|\n| 🟠 quan trọng | 4 |",
        "**Phạm vi**: 205 dòng thay đổi trong 3 file: 204 đã review, 1 bỏ qua, 0 không review được",
        "<details><summary>Bỏ qua 1 file</summary>\n\n- `Cargo.lock`: lockfile (1 dòng thay đổi)\n</details>",
        "| model | request | token đầu vào | trong đó từ cache | token đầu ra | lần chạy này | tổng đến nay |\n|---|---|---|---|---|---|---|\n",
        "🟠 **alpha** · quan trọng · lỗi\n",
        "🟠 **File môi trường bị commit vào repository** · quan trọng · env-files\n\nFile tên này chứa",
    ] {
        assert!(text.contains(part), "{part}\n---\n{text}");
    }
    assert!(text.contains(summary.lines().next().expect("a headline")));
    // what programs read has the words of the interface
    let report = &step.reviewed.report;
    let found = report["findings"].as_array().expect("findings").iter().find(|finding| finding["title"] == "alpha");
    assert_eq!(found.map(|found| [&found["severity"], &found["category"]]), Some([&json!("major"), &json!("bug")]));
    assert!(step.reviewed.run.stdout.contains("review complete: 4 findings (4 major)"), "{}", step.reviewed.run);
    in_vietnamese(&mut life, &Event::Opened, &["--check-run"], 0).0.assert_quiet();
}

#[test]
fn why_a_request_is_not_reviewed_is_said_to_people_in_their_language_and_to_programs_in_english() {
    let mut life = life_of(&repo(), |scenario| scenario.draft());
    let (step, _) = in_vietnamese(&mut life, &Event::Opened, &[], 0);
    let why = "not reviewed: the request is a draft (`skip.drafts`)";
    assert_eq!(step.reviewed.at("/summary"), why);
    assert!(step.reviewed.run.stdout.contains(why), "{}", step.reviewed.run);
    let summary = step.reviewed.job().summary();
    assert!(summary.contains("không review: request còn là bản nháp (`skip.drafts`)"), "{summary}");
}

#[test]
fn an_unknown_language_has_english_phrases() {
    let mut life = life(&three());
    life.run(&Event::Opened, &["--language", "tlh"], 0);
    assert!(life.summary().expect("a summary").contains("## 🔎 Prudence: review complete: 3 findings (3 major)"));
    assert!(life.comment("alpha").body.starts_with("🟠 **alpha** · major · bug\n"));
    assert!(!life.comment("alpha").body.contains("prudence:kind"), "the heading says it");
}

#[test]
fn a_run_in_another_language_knows_what_stands() {
    let mut life = life(&repo());
    in_vietnamese(&mut life, &Event::Opened, &[], 0);
    let posted = life.comment("alpha").body;
    let summary = life.github().issue_comments()[0].id;

    // all is looked at again, in English, and nothing is new
    let step = life.run(&Event::Opened, &["--fail-on", "major"], 1);
    assert_eq!(step.words(), ["summary again"]);
    let known: Vec<String> = step.reviewed.report["suppressed"].as_array().expect("a list").iter().map(kind).collect();
    assert_eq!(known, ["major security \"env-files\"", "major bug null", "major bug null", "major bug null"]);
    let text = life.summary().expect("a summary");
    assert!(
        text.starts_with("## 🔎 Prudence: review complete: 4 findings (4 major, 4 of them posted before)"),
        "{text}"
    );
    assert_eq!(life.github().issue_comments()[0].id, summary);

    // its code goes, and nobody may end its thread: the comment says so in English
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(100, "beta"), (190, "gamma")])));
    assert_eq!(life.run(&event, &[], 0).words(), ["resolve", "outdated", "summary again"]);
    assert!(life.comment("alpha").body.starts_with("> ✅ **Outdated**"));

    // it comes back in a run that speaks Vietnamese: the comment is what it was
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")])));
    let (step, _) = in_vietnamese(&mut life, &event, &[], 0);
    assert_eq!((step.words(), life.comment("alpha").body), (vec!["restored", "summary again"], posted.clone()));

    // and the other way round
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(100, "beta"), (190, "gamma")])));
    let (step, _) = in_vietnamese(&mut life, &event, &[], 0);
    assert_eq!(step.words(), ["resolve", "outdated", "summary again"]);
    assert!(life.comment("alpha").body.starts_with("> ✅ **Không còn hiệu lực**"));
    let event = life.push(|repo| repo.file("src/new.rs", code(200, &[(10, "alpha"), (100, "beta"), (190, "gamma")])));
    let step = life.run(&event, &[], 0);
    assert_eq!((step.words(), life.comment("alpha").body), (vec!["restored", "summary again"], posted));
    life.run(&event, &[], 0).assert_quiet();
}

/// Severity, category and rule of a finding in a report.
fn kind(suppressed: &Value) -> String {
    let finding = &suppressed["finding"];
    let word = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", word("severity"), word("category"), finding["rule"])
}

#[test]
fn commands_are_answered_in_the_teams_language_and_heard_in_every_one() {
    let mut life = life(&three());
    let says = |words: &str| Event::CommentBy { author: WRITER.to_owned(), body: words.to_owned() };
    let paused = "⏸️ **Đang tạm dừng**: `/prudence resume` để tiếp tục review.";
    let (_, text) = in_vietnamese(&mut life, &says("/prudence help"), &[], 0);
    assert!(text.contains("| lệnh | tác dụng |\n|---|---|\n| `/prudence review` | review phần mới"), "{text}");
    in_vietnamese(&mut life, &says("/prudence pause"), &[], 0);
    assert!(life.summary().is_some_and(|text| text.starts_with("## Prudence chưa review") && text.contains(paused)));
    // the log is English
    let (step, _) = in_vietnamese(&mut life, &Event::Opened, &[], 0);
    assert!(step.reviewed.run.stderr.contains("a person paused the reviews"), "{}", step.reviewed.run);
    assert!(step.sent.is_empty());

    // by hand it is reviewed and stays paused, and resuming in English takes the words away
    in_vietnamese(&mut life, &says("/prudence review"), &[], 0);
    assert!(life.summary().is_some_and(|text| text.contains(paused)));
    life.run(&says("/prudence pause"), &[], 0);
    assert_eq!(life.summary().map(|text| text.matches("⏸️").count()), Some(1));
    life.run(&says("/prudence resume"), &[], 0);
    assert!(life.summary().is_some_and(|text| !text.contains("⏸️")), "{:?}", life.summary());
}

#[test]
fn a_review_that_asks_for_changes_says_so_and_takes_it_back() {
    let toml = "language = \"vi\"\nreview-event = \"request-changes\"\nfail-on = \"major\"\n";
    let base = Repo::new().file("README", "x\n").file(".prudence.toml", toml).commit("base");
    let mut life =
        life_of(&base.branch("feature").file("src/a.rs", code(9, &[(3, "alpha")])).commit("change"), may_resolve);
    let (step, text) = in_vietnamese(&mut life, &Event::Opened, &[], 1);
    assert_eq!(step.words(), ["review of 1", "summary"], "{text}");
    let event = life.push(|repo| repo.file("src/a.rs", code(9, &[])));
    let (step, text) = in_vietnamese(&mut life, &event, &[], 0);
    assert!(step.words().contains(&"dismiss") && text.contains("Các vấn đề cần chỉnh sửa không còn nữa."), "{text}");
}

#[test]
fn a_request_that_is_left_alone_says_why() {
    let mut life = life_of(&three(), Scenario::draft);
    let (step, text) = in_vietnamese(&mut life, &Event::Opened, &["--check-run"], 0);
    assert_eq!(step.words(), ["check of 0"]);
    assert!(text.contains("không review: request còn là bản nháp (`skip.drafts`)"), "{text}");
    assert!(step.reviewed.run.stderr.contains("not reviewed: the request is a draft (`skip.drafts`)"));
}

#[test]
fn long_titles_and_right_to_left_text_break_nothing() {
    let long = "đ".repeat(10_000);
    let right = "שלום \u{202e}evil\u{202c} עולם \u{200f}مرحبا";
    for (title, expected) in [(long.as_str(), format!("**{}…**", "đ".repeat(159))), (right, right.to_owned())] {
        for tag in ["en", "vi"] {
            let repo = branch(|repo| repo.file("src/a.rs", code(9, &[(3, "alpha")])));
            let scenario = Scenario::new(&repo, "main", "feature").title(title);
            let answer = title.to_owned();
            let model = Answer::with(move |_| {
                let one = finding("src/a.rs", 4, "    defect(\"alpha\");", json!({"title": answer, "body": answer}));
                json!({"analysis": "", "findings": [one], "summary": answer})
            });
            let pull = Pull::new(scenario, Script::new().always(model));
            let job = Actions::new(&pull.github, &Event::Opened);
            let reviewed = pull.end(pull.step(&job).args(["--check-run", "--language", tag]), 0);
            let comments = pull.github.review_comments();
            let expected: String =
                expected.chars().filter(|c| !matches!(c, '\u{202e}' | '\u{202c}' | '\u{200f}')).collect();
            assert!(comments.len() == 1 && comments[0].body.contains(&expected), "{comments:?}\n{}", reviewed.run);
            check_whole(&pull.github.issue_comments()[0].body);
            for prompt in pull.openai.completions() {
                let text = prompt.body["messages"].to_string();
                let is_marked = text.contains(&format!("{}…", "đ".repeat(299)));
                assert!(
                    !text.contains(&"đ".repeat(300)) && (title != long || is_marked),
                    "the title is cut with a mark"
                );
            }
        }
    }
}
