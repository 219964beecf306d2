//! Awards: what people think of a note, in a word.

use serde_json::Value;

use super::refusal;
use super::route::Found;
use super::state::{Award, State};
use super::write::nothing;
use crate::support::server::Reply;

/// Some of the names that the host knows.
pub const NAMES: [&str; 12] = [
    "thumbsup",
    "thumbsdown",
    "eyes",
    "heart",
    "rocket",
    "tada",
    "confused",
    "smile",
    "laughing",
    "white_check_mark",
    "robot",
    "question",
];

impl State {
    pub(super) fn create_award(&mut self, found: &Found, params: &Value, root: &str) -> Result<Reply, Reply> {
        let name = params["name"].as_str().ok_or_else(|| refusal::lacking(&["name"]))?.to_owned();
        if !NAMES.contains(&name.as_str()) {
            return Err(refusal::missing("Award Emoji Name is not a valid emoji name"));
        }
        let award = self.award(found.id, &self.scenario.login(), &name)?;
        Ok(Reply::json(201, &self.shape(root).award(&award)))
    }

    /// Stores an award of anybody; each has one of a name.
    pub(super) fn award(&mut self, note: u64, author: &str, name: &str) -> Result<Award, Reply> {
        let (at, index) = self.note_at(note).ok_or_else(|| refusal::missing(""))?;
        let id = self.next_id();
        let awards = &mut self.discussions[at].notes[index].awards;
        if awards.iter().any(|award| award.author == author && award.name == name) {
            return Err(refusal::missing("Award Emoji Name has already been taken"));
        }
        awards.push(Award { id, note, author: author.to_owned(), name: name.to_owned() });
        Ok(awards.last().cloned().expect("an award"))
    }

    pub(super) fn delete_award(&mut self, found: &Found) -> Result<Reply, Reply> {
        let (at, index) = self.note_at(found.id).ok_or_else(|| refusal::missing(""))?;
        let login = self.scenario.login();
        let awards = &mut self.discussions[at].notes[index].awards;
        let award = awards.iter().position(|award| award.id == found.sub_id).ok_or_else(|| refusal::missing(""))?;
        if awards[award].author != login {
            return Err(refusal::unauthorized());
        }
        awards.remove(award);
        Ok(nothing())
    }
}
