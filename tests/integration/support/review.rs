//! A review of a local change by a double of the model: what it sent, what it said.

use serde_json::Value;

use super::openai::{KEY, OpenAi, Script, prompt_text};
use super::program::{Prudence, Run};
use super::repo::Repo;

/// A review that has ended.
pub struct Reviewed {
    pub run: Run,
    pub openai: OpenAi,
}

/// Reviews a change of the repository as JSON, and asks a model that follows the script.
#[track_caller]
pub fn review(repo: &Repo, args: &[&str], script: Script) -> Reviewed {
    let openai = OpenAi::start(script);
    let program = Prudence::new().current_dir(repo.path()).openai(&openai);
    let run = program.args(["review", "--format", "json", "--effort", "low"]).args(args).run();
    assert!(!format!("{run}").contains(KEY), "the key is shown\n{run}");
    Reviewed { run, openai }
}

impl Reviewed {
    /// The report, of which the receipt was checked.
    #[track_caller]
    pub fn report(&self) -> Value {
        let report = self.run.json();
        assert_receipt(&report["coverage"]);
        report
    }

    /// What each request showed of the change, in the order of the requests.
    pub fn parts(&self) -> Vec<String> {
        self.openai.completions().iter().map(|request| part(&request.body)).collect()
    }

    /// The list of changed files of the first request.
    pub fn file_list(&self) -> Vec<String> {
        let prompt = self.openai.prompts().into_iter().next().unwrap_or_default();
        let list = prompt.split("Changed files (").nth(1).and_then(|rest| rest.split("\n</data-").next());
        list.unwrap_or_default().lines().skip(1).map(str::to_owned).collect()
    }
}

/// What a request shows of the change: the text inside the last fence.
pub fn part(body: &Value) -> String {
    let text = prompt_text(body);
    let (_, rest) = text.split_once("The part of the change to review:\n").expect("a prompt with a part of the change");
    let (_, rest) = rest.split_once('\n').expect("the line that opens the fence");
    rest.rsplit_once("</data-").expect("the line that closes the fence").0.to_owned()
}

/// Every changed line is in exactly one of reviewed, skipped and failed.
#[track_caller]
pub fn assert_receipt(coverage: &Value) {
    let lines = |list: &str| -> u64 {
        coverage[list].as_array().into_iter().flatten().map(|entry| entry["changed_lines"].as_u64().unwrap_or(0)).sum()
    };
    let reviewed = coverage["changed_lines_reviewed"].as_u64().expect("a number of lines");
    assert_eq!(coverage["changed_lines"], reviewed + lines("skipped") + lines("failed"), "{coverage:#}");
}
