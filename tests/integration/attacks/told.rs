//! What the change and those who speak of it say: to the model it is data, and in comments and logs it does not act.

use serde_json::{Value, json};

use super::corpus::{self, Attack};
use super::judge::Expected;
use super::{Judged, attacks_in, outside, part, suggestion, system};
use crate::support::github::Scenario;
use crate::support::openai::{Answer, Script, finding};
use crate::support::program::Prudence;
use crate::support::pull::Pull;
use crate::support::repo::Repo;
use crate::support::server::Request;

/// A request whose every text is an attack of these, where the attack says so.
fn scenario(attacks: &[Attack]) -> Scenario {
    let texts = |place: &str| attacks_in(attacks, place).map(|attack| attack.text.clone()).collect::<Vec<_>>();
    let base = Repo::new().file("README", "x\n").file("src/old.rs", "let old = 1;\n").commit("base");
    let repo = base
        .branch("feature")
        .file("src/old.rs", "let old = 2;\n")
        .file("src/code.rs", texts("code").join("\n") + "\n");
    let repo =
        texts("file-name").iter().fold(repo, |repo, name| repo.file(name.trim_start_matches('/'), "let named = 1;\n"));
    let repo = repo.file("AGENTS.md", texts("guide").join("\n\n") + "\n");
    // git takes no NUL in a message
    let messages = texts("commit").into_iter().map(|text| text.replace("\0", ""));
    let repo = messages.enumerate().fold(repo.commit("change"), |repo, (n, message)| {
        repo.file("src/old.rs", format!("let old = {};\n", n + 3)).commit(&message)
    });
    let scenario = Scenario::new(&repo, "main", "feature");
    let issues = texts("issue");
    let scenario = issues.iter().zip(40..).fold(scenario, |scenario, (text, n)| scenario.closes(n, text, text));
    scenario.title(&texts("title").join(" ")).body(Some(&texts("description").join("\n\n")))
}

/// A model that remarks something on every added line.
fn model() -> Answer {
    Answer::with(|request: &Request| {
        let (mut path, mut findings) = (String::new(), Vec::new());
        for line in part(&request.body).lines() {
            if let Some((name, _)) = line.strip_prefix("=== ").and_then(|rest| rest.rsplit_once(" (")) {
                name.clone_into(&mut path);
            }
            let Some((number, text)) = line.split_once(" +") else { continue };
            let Ok(number) = number.parse() else { continue };
            findings.push(finding(
                &path,
                number,
                text,
                json!({"title": format!("Wrong in {path}:{number}"), "body": "It is wrong."}),
            ));
        }
        json!({"analysis": "", "findings": findings, "summary": "Something changes."})
    })
}

/// Reviews a request on which somebody has spoken, and judges all that is sent and printed.
fn judge(attacks: &[Attack], ordinary: &(String, String), judged: &mut Judged) -> Value {
    let pull = Pull::new(scenario(attacks), Script::new().always(model()));
    for attack in attacks_in(attacks, "comment") {
        let remark = json!({"path": "src/old.rs", "line": 1, "body": attack.text});
        let (_, ids) = pull.github.add_review("mallory", "COMMENT", "", &[remark]);
        pull.github.add_reply(ids[0], "mallory", &attack.text);
        pull.github.add_issue_comment("mallory", &attack.text);
    }
    let reviewed = pull.review(&["-v", "--max-comments", "30"], 0);
    for request in pull.openai.completions() {
        let said = (system(&request.body), outside(&request.body));
        if said != *ordinary {
            judged.0.push(format!("a prompt says something else outside of its fence:\n{}\n{}", said.0, said.1));
        }
        let is_shape = |line: &str| {
            let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
            let is_line = number.len() < line.len() && [" +", " -", "  "].iter().any(|mark| number.starts_with(mark));
            line.is_empty() || line.starts_with("=== ") || line.starts_with("@@ lines ") || is_line
        };
        // as readers split lines that know more ends of them than the line feed
        let part = part(&request.body).replace(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
        judged.0.extend(
            part.lines().find(|line| !is_shape(line)).map(|line| format!("a line of its own in a part: {line}")),
        );
    }
    let notes = reviewed.notes();
    for (place, named) in NOTED {
        let steering: Vec<&Attack> = attacks_in(attacks, place).filter(|attack| attack.steers()).collect();
        if !steering.is_empty() && !notes.contains(named) {
            judged.0.push(format!("no note on {named}: {steering:?}\n{notes}"));
        }
    }
    let root = pull.github.root.clone();
    for comment in pull.github.review_comments().iter().filter(|comment| comment.author != "mallory") {
        judged.text(
            "a comment",
            &comment.body,
            &Expected {
                suggestions: &suggestion(&reviewed.report, &comment.body),
                marks: &["finding"],
                ..Expected::default()
            },
        );
    }
    for note in pull.github.issue_comments().iter().filter(|note| note.author != "mallory") {
        let expected = Expected { hosts: &[&root], marks: &["summary", "state"], ..Expected::default() };
        judged.text("the summary", &note.body, &expected);
    }
    let summary = reviewed.job().summary();
    judged.text("the step summary", &summary, &Expected { hosts: &[&root], ..Expected::default() });
    judged.log("standard output", &reviewed.run.stdout, &[]);
    judged.log("standard error", &reviewed.run.stderr, &[]);
    reviewed.report.clone()
}

/// Places beside the code, and how a note names them.
const NOTED: [(&str, &str); 6] = [
    ("title", "the title"),
    ("description", "the description"),
    ("commit", "the commit messages"),
    ("issue", "the issues that it closes"),
    ("comment", "what was said on the files"),
    ("file-name", "the names of files"),
];

/// What the prompts of an ordinary request say outside of their fences: system message and user message.
fn ordinary() -> (String, String) {
    let pull = Pull::new(scenario(&[]).title("Change the thing"), Script::new());
    pull.review(&[], 0);
    let body = pull.openai.completions().remove(0).body;
    (system(&body), outside(&body))
}

/// Attacks of one run: so many that all of them have room in the prompt.
const AT_ONCE: usize = 25;

#[test]
fn what_is_told_stays_data() {
    let ordinary = ordinary();
    let all: Vec<Attack> = corpus::all()
        .into_iter()
        .filter(|attack| attack.places.iter().any(|place| !["answer", "verdict", "tool"].contains(&place.as_str())))
        .collect();
    let mut judged = Judged::default();
    for attacks in all.chunks(AT_ONCE) {
        judge(attacks, &ordinary, &mut judged);
    }
    judged.end();
}

#[test]
fn an_attempt_to_steer_the_reviewer_becomes_a_finding() {
    let attacks = corpus::at("code");
    let base = Repo::new().file("README", "x\n").commit("base").branch("feature");
    let repo = attacks.iter().enumerate().fold(base, |repo, (n, attack)| {
        let text: String = attack.text.lines().map(|line| format!("// {line}\n")).collect();
        repo.file(&format!("src/case_{n}.rs"), format!("fn before() {{}}\n{text}fn behind() {{}}\n"))
    });
    let repo = repo.commit("change");
    let program = Prudence::new().current_dir(repo.path());
    let report = program
        .args(["review", "--base", "main", "--format", "json", "--max-comments", "1000"])
        .run()
        .expect_code(0)
        .json();
    let found: Vec<&Value> = report["findings"].as_array().expect("findings").iter().collect();
    for (n, attack) in attacks.iter().enumerate() {
        let path = format!("src/case_{n}.rs");
        let is_found = found.iter().any(|f| f["path"] == path && f["rule"] == "reviewer-instructions");
        assert_eq!(is_found, attack.steers(), "{attack:?}");
    }
}
