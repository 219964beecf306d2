//! The second look: what the first answer said, what tools give, and verdicts, none of which speaks out of its place.

use serde_json::{Value, json};

use super::answers::model;
use super::corpus::{self, Attack};
use super::{Judged, fence, message, outside, system};
use crate::support::openai::{Answer, OpenAi, Script, Stage, verdict};
use crate::support::program::{Prudence, Run};
use crate::support::repo::Repo;

/// A change with a line for each attack, in a repository with a file that is no part of it.
fn repo(attacks: &[Attack], beside: &str) -> Repo {
    let base = Repo::new().file("src/beside.rs", beside).commit("base");
    base.branch("topic").file("src/attacked.rs", super::answers::lines(attacks)).commit("change")
}

/// A run in which the second look leaves all open, and then asks for the file about each claim.
fn run(attacks: &[Attack], beside: &str) -> (Run, OpenAi) {
    let open = (1..=attacks.len()).map(|id| verdict(id.to_string(), "uncertain", "")).collect();
    let script = Script::new().rule(Stage::Review, "", usize::MAX, model(attacks));
    let script = script.rule(Stage::Verify, "", 1, Answer::verdicts(open));
    let script = attacks.iter().fold(script, |script, attack| {
        let mut said = verdict("1", "confirmed", &attack.text);
        said["reasoning"] = json!(attack.text);
        script.rule(Stage::Verify, "", 1, Answer::reads("src/beside.rs", 200)).rule(
            Stage::Verify,
            "",
            1,
            Answer::verdicts(vec![said]),
        )
    });
    let openai = OpenAi::start(script);
    let repo = repo(attacks, beside);
    let program = Prudence::new().current_dir(repo.path()).openai(&openai).env_remove("PRUDENCE_EFFORT");
    // the log of a job of Actions
    let args = ["review", "--base", "main", "--concurrency", "1", "--context", "hunk", "-v"];
    (program.args(args).run().expect_code(0), openai)
}

/// The requests of the second look.
fn second_looks(openai: &OpenAi) -> Vec<Value> {
    let bodies = openai.completions().into_iter().map(|request| request.body);
    bodies.filter(|body| body["response_format"]["json_schema"]["name"] == "verdicts").collect()
}

#[test]
fn claims_tools_and_verdicts_stay_data() {
    let attacks = corpus::at("verdict");
    // the name of the fence does not depend on what is beside the change, so that an attacker could know it
    let (_, openai) = run(&attacks, "fn beside() {}\n");
    let name = fence(&second_looks(&openai)[0]);
    let texts = corpus::at("tool").into_iter().chain(attacks.clone()).map(|attack| attack.text);
    let beside = texts.map(|text| corpus::with_fence(&text, &name) + "\n").collect::<String>();
    let (run, openai) = run(&attacks, &beside);
    let looks = second_looks(&openai);
    assert_eq!(looks.len(), 1 + 2 * attacks.len(), "a look at all, then a call and a verdict about each");
    assert_eq!(fence(&looks[0]), name);
    for body in &looks {
        assert_eq!(system(body), system(&looks[0]));
        let expected = if body["tools"].is_array() { outside(&looks[1]) } else { outside(&looks[0]) };
        assert_eq!(outside(body), expected);
        assert!(outside(body).lines().count() < 20 && !outside(body).contains("certain:"), "{}", outside(body));
        for told in body["messages"].as_array().expect("messages").iter().filter(|message| message["role"] == "tool") {
            let text = told["content"].as_str().expect("a text");
            assert!(text.contains("gnore all previous") && !text.contains(&name), "{text}");
            let is_line = |line: &str| {
                line.starts_with("===") || line.starts_with("[cut") || line.starts_with(|c: char| c.is_ascii_digit())
            };
            assert!(
                text.split(['\n', '\r', '\u{85}', '\u{2028}']).all(|line| line.is_empty() || is_line(line)),
                "{text}"
            );
        }
    }
    assert!(message(&looks[0], 1).contains("The claim is certain"), "the claims are told");
    let mut judged = Judged::default();
    judged.log("standard output", &run.stdout, &[]);
    judged.log("standard error", &run.stderr, &[]);
    judged.end();
}
