//! Reactions to comments.

use serde_json::{Value, json};

use super::refusal::problem;
use super::route::Found;
use super::shape::Shape;
use super::state::{Reaction, State};
use crate::support::server::Reply;

/// All that one can feel.
pub(super) const CONTENTS: [&str; 8] = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

impl State {
    /// 201 for a new reaction, 200 where this identity has reacted so before.
    pub(super) fn create_reaction(&mut self, found: &Found, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = found.route.doc();
        let content = body["content"].as_str().filter(|content| CONTENTS.contains(content));
        let content = content.ok_or_else(|| problem(422, "Invalid request.", doc))?;
        let login = self.login();
        let (reaction, new) =
            self.react(found.id, Some(found.note), &login, content).ok_or_else(|| problem(404, "Not Found", doc))?;
        let shape = Shape { state: self, root };
        Ok(Reply::json(if new { 201 } else { 200 }, &shape.reaction(&reaction)))
    }

    pub(super) fn reactions_to(&self, found: &Found) -> Result<&[Reaction], Reply> {
        let reactions = match found.note {
            true => self.notes.iter().find(|note| note.id == found.id).map(|note| &note.reactions),
            false => self.comments.iter().find(|comment| comment.id == found.id).map(|comment| &comment.reactions),
        };
        reactions.map(Vec::as_slice).ok_or_else(|| problem(404, "Not Found", found.route.doc()))
    }

    /// Stores a reaction by anybody to a comment, of the given kind if one is given; tells whether it is a new one.
    pub(super) fn react(
        &mut self,
        comment: u64,
        note: Option<bool>,
        author: &str,
        content: &str,
    ) -> Option<(Reaction, bool)> {
        let id = self.next_id();
        let notes = self.notes.iter_mut().filter(|_| note != Some(false)).map(|note| (note.id, &mut note.reactions));
        let comments = self.comments.iter_mut().filter(|_| note != Some(true)).map(|c| (c.id, &mut c.reactions));
        let (_, reactions) = notes.chain(comments).find(|(id, _)| *id == comment)?;
        if let Some(old) = reactions.iter().find(|old| old.author == author && old.content == content) {
            return Some((old.clone(), false));
        }
        let reaction = Reaction { id, author: author.to_owned(), content: content.to_owned() };
        reactions.push(reaction.clone());
        Some((reaction, true))
    }
}

/// How often each reaction was given, as the host sums it up.
pub(super) fn rollup(reactions: &[Reaction], comment_url: &str) -> Value {
    let mut out = json!({"url": format!("{comment_url}/reactions"), "total_count": reactions.len()});
    for content in CONTENTS {
        out[content] = json!(reactions.iter().filter(|reaction| reaction.content == content).count());
    }
    out
}
