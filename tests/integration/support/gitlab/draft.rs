//! Drafts: notes that only their author sees, until they are published, all with one word to the people or one by one.

use serde_json::Value;

use super::body::truth;
use super::refusal;
use super::state::{Draft, Kind, Note, State};
use super::write::nothing;
use crate::support::server::Reply;

impl State {
    pub(super) fn own_drafts(&self) -> Vec<&Draft> {
        let login = self.scenario.login();
        self.drafts.iter().filter(|draft| draft.author == login).collect()
    }

    /// The index of a draft of this identity.
    pub(super) fn draft_at(&self, id: u64) -> Result<usize, Reply> {
        let login = self.scenario.login();
        let at = self.drafts.iter().position(|draft| draft.id == id && draft.author == login);
        at.ok_or_else(|| refusal::missing(""))
    }

    pub(super) fn create_draft(&mut self, params: &Value, root: &str) -> Result<Reply, Reply> {
        let body = self.checked_text(params, "note")?;
        let position = self.draft_position(&params["position"])?;
        let discussion = params["in_reply_to_discussion_id"].as_str().map(str::to_owned);
        let resolve = truth(&params["resolve_discussion"]) == Some(true);
        let author = self.scenario.login();
        if let Some(id) = &discussion {
            if self.discussion_at(id).is_none() {
                return Err(refusal::problem(400, "Thread to reply to cannot be found"));
            }
            if self.own_drafts().iter().any(|draft| draft.discussion.as_ref() == Some(id)) {
                return Err(refusal::problem(400, "Author has already been taken"));
            }
        }
        let draft = Draft { id: self.next_id(), author, body, position, discussion, resolve };
        self.drafts.push(draft.clone());
        Ok(Reply::json(201, &self.shape(root).draft(&draft)))
    }

    fn draft_position(&self, given: &Value) -> Result<Option<super::position::Position>, Reply> {
        if given.is_null() {
            return Ok(None);
        }
        let place = if self.scenario.quirks.drafts_unchecked { Self::place_unchecked } else { Self::place };
        place(self, given).map(Some)
    }

    /// What is said of the position is taken as well: without one, there is none.
    pub(super) fn edit_draft(&mut self, id: u64, params: &Value, root: &str) -> Result<Reply, Reply> {
        if params["note"].as_str().is_none_or(str::is_empty) {
            return Err(refusal::bad_request("Missing params to modify"));
        }
        let at = self.draft_at(id)?;
        let body = self.checked_text(params, "note")?;
        let position = self.draft_position(&params["position"])?;
        self.drafts[at].body = body;
        self.drafts[at].position = position;
        Ok(Reply::json(200, &self.shape(root).draft(&self.drafts[at])))
    }

    pub(super) fn delete_draft(&mut self, id: u64) -> Result<Reply, Reply> {
        let at = self.draft_at(id)?;
        self.drafts.remove(at);
        Ok(nothing())
    }

    pub(super) fn publish_draft(&mut self, id: u64) -> Result<Reply, Reply> {
        let draft = self.drafts[self.draft_at(id)?].clone();
        self.drafts.retain(|other| other.id != id);
        self.publish(&draft);
        self.notifications += 1;
        Ok(nothing())
    }

    pub(super) fn publish_drafts(&mut self) -> Reply {
        let drafts: Vec<Draft> = self.own_drafts().into_iter().cloned().collect();
        self.drafts.retain(|draft| drafts.iter().all(|own| own.id != draft.id));
        drafts.iter().for_each(|draft| self.publish(draft));
        self.notifications += usize::from(!drafts.is_empty());
        nothing()
    }

    /// Makes a note of a draft; one that cannot become a note is lost, and nobody is told.
    fn publish(&mut self, draft: &Draft) {
        let on_no_line = |position: &&super::position::Position| self.line_code_of(position).is_err();
        if draft.position.as_ref().filter(on_no_line).is_some() {
            return;
        }
        let Ok(text) = self.obey(&draft.author, &draft.body) else { return };
        let answered = draft.discussion.as_ref().and_then(|id| self.discussion_at(id));
        match answered {
            Some(at) => self.publish_reply(at, draft, &text),
            None if draft.discussion.is_some() => {}
            None => {
                let kind = if draft.position.is_some() { Kind::Diff } else { Kind::Discussion };
                let note: Note = self.new_note(&draft.author, &text, kind, draft.position.clone());
                self.open_discussion(note);
            }
        }
    }

    /// An answer that does not settle the thread opens it again.
    fn publish_reply(&mut self, at: usize, draft: &Draft, text: &str) {
        self.add_reply(at, &draft.author, text);
        self.settle(at, None, draft.resolve.then_some(draft.author.as_str()));
    }
}
