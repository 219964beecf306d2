//! Hostile words: every text of `tests/fixtures/attacks` goes through the whole program, and nothing of it acts where it
//! comes out: on the hosts, in the logs, or in what the model is told.

pub mod answers;
pub mod corpus;
mod judge;
mod second;
mod told;

use serde_json::Value;

use corpus::Attack;
use judge::{Expected, acts, acts_in_log};

/// All that is judged at once: one attack that comes through does not hide the others.
#[derive(Default)]
struct Judged(Vec<String>);

impl Judged {
    fn text(&mut self, place: &str, text: &str, expected: &Expected) {
        self.0.extend(acts(text, expected).map(|why| format!("{place}: {why}\n{text}\n")));
    }

    fn log(&mut self, place: &str, log: &str, commands: &[&str]) {
        self.0.extend(acts_in_log(log, commands).map(|why| format!("{place}: {why}")));
    }

    #[track_caller]
    fn end(self) {
        assert!(self.0.is_empty(), "{} texts act:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// Those of some attacks that stand in a place.
fn attacks_in<'a>(attacks: &'a [Attack], place: &str) -> impl Iterator<Item = &'a Attack> {
    attacks.iter().filter(move |attack| attack.places.iter().any(|known| known == place))
}

fn message(body: &Value, at: usize) -> &str {
    body["messages"][at]["content"].as_str().unwrap_or_default()
}

/// The system message of a request.
fn system(body: &Value) -> String {
    message(body, 0).to_owned()
}

/// The name of the data tags of a request.
fn fence(body: &Value) -> String {
    message(body, 1).split_once('<').and_then(|(_, rest)| rest.split('>').next()).unwrap_or_default().to_owned()
}

/// What a request shows of the change: what stands between its last data tags. Texts before it may say that it begins there.
fn part(body: &Value) -> String {
    let fence = fence(body);
    let inside = message(body, 1).rsplit_once(&format!("\n<{fence}>\n")).map_or("", |(_, rest)| rest);
    inside.split(&format!("</{fence}>")).next().unwrap_or_default().to_owned()
}

/// What a user message says outside of its data tags, with the same name for them in all requests.
fn outside(body: &Value) -> String {
    let (text, fence) = (message(body, 1), fence(body));
    let mut outside = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let is_tag = line == format!("<{fence}>") || line == format!("</{fence}>");
        assert!(!is_tag || is_inside == line.starts_with("</"), "the data tags do not take turns: {text}");
        is_inside ^= is_tag;
        if !is_inside || is_tag {
            outside.push(line.replace(&fence, "data"));
        } else {
            assert!(!line.contains(&fence), "the name of the fence stands in the data: {line}");
        }
    }
    assert!(!is_inside, "the last data tag does not end: {text}");
    outside.join("\n")
}

/// The checked replacement of the finding that a comment is about.
fn suggestion(report: &Value, comment: &str) -> Vec<String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let ours = findings
        .filter(|finding| finding["id"].as_str().is_some_and(|id| comment.contains(&format!("finding v1 {id} "))));
    ours.filter_map(|finding| finding["suggestion"].as_str()).map(str::to_owned).collect()
}
