//! The operations that post and edit, with the host's own checks.

use serde_json::Value;

use super::body::truth;
use super::refusal;
use super::route::{Found, Route};
use super::scenario::{DEVELOPER, MAINTAINER};
use super::state::{Kind, Note, State, Status};
use crate::support::server::Reply;

/// Characters that a note may have.
const MAX_NOTE: usize = 1_000_000;
const STATES: [&str; 6] = ["pending", "running", "success", "failed", "canceled", "skipped"];

impl State {
    pub(super) fn write(&mut self, found: &Found, params: &Value, root: &str) -> Result<Reply, Reply> {
        if found.route.creates_note() {
            self.throttle()?;
        }
        match found.route {
            Route::CreateDiscussion => self.create_discussion(params, root),
            Route::ResolveDiscussion => self.resolve_discussion(&found.tail, params, root),
            Route::ReplyToDiscussion => self.reply(&found.tail, params, root),
            Route::EditDiscussionNote => self.edit_in_discussion(found, params, root),
            Route::CreateNote => self.create_note(params, root),
            Route::EditNote => self.edit_note(found, params, root),
            Route::DeleteNote | Route::DeleteDiscussionNote => self.delete_note(found),
            Route::CreateAward => self.create_award(found, params, root),
            Route::DeleteAward => self.delete_award(found),
            Route::CreateDraft => self.create_draft(params, root),
            Route::EditDraft => self.edit_draft(found.id, params, root),
            Route::DeleteDraft => self.delete_draft(found.id),
            Route::PublishDraft => self.publish_draft(found.id),
            Route::PublishDrafts => Ok(self.publish_drafts()),
            Route::CreateStatus => self.create_status(&found.tail, params, root),
            _ => Err(refusal::error(404, "404 Not Found")),
        }
    }

    /// A text that a note may have.
    pub(super) fn checked_text(&self, params: &Value, key: &str) -> Result<String, Reply> {
        let text = match &params[key] {
            Value::Null => return Err(refusal::lacking(&[key])),
            Value::String(text) => text,
            _ => return Err(refusal::error(400, &format!("{key} is invalid"))),
        };
        let invalid = |text: &str| refusal::invalid(&[("note", &[text])], self.scenario.quirks.new_ruby);
        if text.trim().is_empty() {
            return Err(invalid("can't be blank"));
        }
        if text.chars().count() > MAX_NOTE {
            return Err(invalid(&format!("is too long (maximum is {MAX_NOTE} characters)")));
        }
        Ok(text.clone())
    }

    fn create_discussion(&mut self, params: &Value, root: &str) -> Result<Reply, Reply> {
        let text = self.checked_text(params, "body")?;
        let given = &params["position"];
        let position = if given.is_null() { None } else { Some(self.place(given)?) };
        let kind = if position.is_some() { Kind::Diff } else { Kind::Discussion };
        let login = self.scenario.login();
        let text = self.obey(&login, &text)?;
        let note = self.new_note(&login, &text, kind, position);
        self.notifications += 1;
        let id = self.open_discussion(note).id.clone();
        Ok(Reply::json(201, &self.shape(root).discussion(self.discussion(&id)?)))
    }

    fn create_note(&mut self, params: &Value, root: &str) -> Result<Reply, Reply> {
        let text = self.checked_text(params, "body")?;
        let login = self.scenario.login();
        let text = self.obey(&login, &text)?;
        let internal = truth(&params["internal"]).or(truth(&params["confidential"])) == Some(true);
        let note = Note { internal, ..self.new_note(&login, &text, Kind::Plain, None) };
        self.notifications += 1;
        self.open_discussion(note.clone());
        Ok(Reply::json(201, &self.shape(root).note(&note)))
    }

    fn reply(&mut self, discussion: &str, params: &Value, root: &str) -> Result<Reply, Reply> {
        let text = self.checked_text(params, "body")?;
        let at = self.discussion_at(discussion).ok_or_else(|| refusal::missing("Discussion"))?;
        let login = self.scenario.login();
        let text = self.obey(&login, &text)?;
        self.notifications += 1;
        let note = self.add_reply(at, &login, &text);
        Ok(Reply::json(201, &self.shape(root).note(&note)))
    }

    fn resolve_discussion(&mut self, id: &str, params: &Value, root: &str) -> Result<Reply, Reply> {
        let at = self.discussion_at(id).ok_or_else(|| refusal::missing("Discussion"))?;
        let resolved = flag(params, "resolved")?;
        self.may_resolve(at, false)?;
        self.settle(at, None, resolved.then(|| self.scenario.login()).as_deref());
        Ok(Reply::json(200, &self.shape(root).discussion(self.discussion(id)?)))
    }

    /// 403 for a thread that cannot be settled, or not by this identity: the author of the request may, and developers.
    fn may_resolve(&self, at: usize, own: bool) -> Result<(), Reply> {
        if !self.discussions[at].notes.iter().any(Note::resolvable) {
            return Err(refusal::forbidden());
        }
        if own || self.scenario.login() == self.scenario.author { Ok(()) } else { self.permit(DEVELOPER) }
    }

    /// Settles a thread, or one note of it; by nobody opens it again. Who settled a note first stays.
    pub(super) fn settle(&mut self, at: usize, note: Option<u64>, by: Option<&str>) {
        let (before, now) = (self.discussions[at].resolved(), self.last_id);
        let notes = self.discussions[at].notes.iter_mut().filter(|it| it.resolvable());
        for one in notes.filter(|it| note.is_none_or(|id| it.id == id)) {
            if one.resolved_by.is_none() {
                one.resolved_at = now;
            }
            one.resolved_by = by.map(|name| one.resolved_by.clone().unwrap_or_else(|| name.to_owned()));
        }
        let mut threads = self.discussions.iter().filter(|it| it.notes.iter().any(Note::resolvable));
        let is_last = !before && self.discussions[at].resolved() && threads.all(|thread| thread.resolved());
        if let (true, Some(name)) = (is_last, by) {
            self.system_note(name, "resolved all threads");
        }
    }

    fn edit_in_discussion(&mut self, found: &Found, params: &Value, root: &str) -> Result<Reply, Reply> {
        match (params["body"].is_null(), params["resolved"].is_null()) {
            (false, false) => Err(refusal::error(400, "body, resolved are mutually exclusive")),
            (true, true) => {
                Err(refusal::error(400, "body, resolved are missing, exactly one parameter must be provided"))
            }
            (false, true) => self.edit_note(found, params, root),
            (true, false) => {
                let resolved = flag(params, "resolved")?;
                let (at, note) = self.note_at(found.id).ok_or_else(|| refusal::missing(""))?;
                let is_own = self.discussions[at].notes[note].author == self.scenario.login();
                self.may_resolve(at, is_own)?;
                self.settle(at, Some(found.id), resolved.then(|| self.scenario.login()).as_deref());
                Ok(Reply::json(200, &self.shape(root).note(self.note(found)?)))
            }
        }
    }

    fn edit_note(&mut self, found: &Found, params: &Value, root: &str) -> Result<Reply, Reply> {
        let (at, note) = self.note_at(found.id).ok_or_else(|| refusal::missing(""))?;
        self.own(at, note)?;
        let text = self.checked_text(params, "body")?;
        let text = match self.obey(&self.scenario.login(), &text) {
            Ok(text) => text,
            Err(commands_only) => {
                self.remove_note(at, note);
                return Err(commands_only);
            }
        };
        let note = &mut self.discussions[at].notes[note];
        note.body = text;
        note.edits += 1;
        Ok(Reply::json(200, &self.shape(root).note(self.note(found)?)))
    }

    fn delete_note(&mut self, found: &Found) -> Result<Reply, Reply> {
        let (at, note) = self.note_at(found.id).ok_or_else(|| refusal::missing(""))?;
        self.own(at, note)?;
        self.remove_note(at, note);
        Ok(nothing())
    }

    /// Takes a note away, and its discussion with the last one.
    pub(super) fn remove_note(&mut self, at: usize, note: usize) {
        self.discussions[at].notes.remove(note);
        if self.discussions[at].notes.is_empty() {
            self.discussions.remove(at);
        }
    }

    /// 403 for another's note, which only maintainers may change, and for one of the host.
    fn own(&self, at: usize, note: usize) -> Result<(), Reply> {
        let note = &self.discussions[at].notes[note];
        if note.system {
            return Err(refusal::forbidden());
        }
        if note.author == self.scenario.login() { Ok(()) } else { self.permit(MAINTAINER) }
    }

    fn create_status(&mut self, sha: &str, params: &Value, root: &str) -> Result<Reply, Reply> {
        self.permit(DEVELOPER)?;
        let state = params["state"].as_str().ok_or_else(|| refusal::lacking(&["state"]))?.to_owned();
        if !STATES.contains(&state.as_str()) {
            return Err(refusal::error(400, "state does not have a valid value"));
        }
        let sha = self.commit(sha).ok_or_else(|| refusal::missing("Commit"))?.to_string();
        let text = |key: &str| params[key].as_str().map(str::to_owned);
        let name = text("name").or(text("context")).unwrap_or_else(|| "default".to_owned());
        let (description, target_url) = (text("description"), text("target_url"));
        if description.as_ref().is_some_and(|text| text.chars().count() > 255) {
            return Err(refusal::bad_request("Description is too long (maximum is 255 characters)"));
        }
        let status = Status { id: self.next_id(), sha, state, name, description, target_url };
        self.statuses.push(status.clone());
        Ok(Reply::json(201, &self.shape(root).status(&status)))
    }
}

/// A parameter that must be there and be yes or no.
fn flag(params: &Value, key: &str) -> Result<bool, Reply> {
    if params[key].is_null() {
        return Err(refusal::lacking(&[key]));
    }
    truth(&params[key]).ok_or_else(|| refusal::error(400, &format!("{key} is invalid")))
}

/// 204
pub fn nothing() -> Reply {
    let reply = Reply::bytes(204, "application/json", Vec::new());
    Reply { headers: Vec::new(), ..reply }
}
