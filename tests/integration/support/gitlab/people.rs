//! What people do to the merge request while the program is not looking.

use super::GitLab;
use super::award::NAMES;
use super::route::{Found, Route};
use super::scenario::Scenario;
use super::shape::person_id;
use super::state::{Kind, Note, State};

impl GitLab {
    /// Somebody pushes this commit; one that does not follow from the head takes its place, as after a rebase.
    pub fn push(&self, sha: &str) {
        self.state().push(sha);
    }

    /// The target branch goes on to this commit, which later versions start from.
    pub fn move_target(&self, sha: &str) {
        self.change(|scenario| sha.clone_into(&mut scenario.base));
    }

    /// The request now goes into the tip of this branch, which is a new version of it.
    pub fn retarget(&self, base_ref: &str) {
        self.change(|scenario| {
            scenario.base = scenario.repo.sha(base_ref);
            base_ref.clone_into(&mut scenario.base_ref);
        });
        let mut state = self.state();
        let head = state.head().to_owned();
        state.add_version(&head);
    }

    /// Changes the title, the description, the roles of people and so on, from now on.
    pub fn change(&self, change: impl FnOnce(&mut Scenario)) {
        change(&mut self.state().scenario);
    }

    pub fn set_draft(&self, draft: bool) {
        self.change(|scenario| scenario.draft = draft);
    }

    pub fn set_labels(&self, labels: &[&str]) {
        self.change(|scenario| *scenario = scenario.clone().labels(labels));
    }

    pub fn close(&self) {
        self.state().open = false;
    }

    pub fn reopen(&self) {
        self.state().open = true;
    }

    /// Somebody gets a role in the project, or loses it with the level 0. The number of the account.
    pub fn member(&self, name: &str, level: u8) -> u64 {
        self.change(|scenario| {
            scenario.members.remove(name);
            if level > 0 {
                scenario.members.insert(name.to_owned(), level);
            }
        });
        person_id(name)
    }

    /// Somebody writes a note on the request as a whole. Its id.
    pub fn say(&self, author: &str, body: &str) -> u64 {
        self.say_all(author, [body.to_owned()])[0]
    }

    /// Somebody writes many notes.
    pub fn say_all(&self, author: &str, bodies: impl IntoIterator<Item = String>) -> Vec<u64> {
        let mut state = self.state();
        let say = |body: String| {
            let note = state.new_note(author, &body, Kind::Plain, None);
            state.open_discussion(note.clone());
            note.id
        };
        bodies.into_iter().map(say).collect()
    }

    /// Somebody starts a thread on a line of the present head, with a position as the API takes it but for its commits
    /// (`new_path`, `new_line`, …); without one it is on no line. The id of the thread.
    #[track_caller]
    pub fn discuss(&self, author: &str, body: &str, position: Option<serde_json::Value>) -> String {
        let mut state = self.state();
        let position = position.map(|mut given| {
            let version = state.version().clone();
            for (key, sha) in [("base_sha", version.base), ("start_sha", version.start), ("head_sha", version.head)] {
                given[key] = serde_json::json!(sha);
            }
            state.place(&given).unwrap_or_else(|refused| panic!("{}", String::from_utf8_lossy(&refused.body)))
        });
        let kind = if position.is_some() { Kind::Diff } else { Kind::Discussion };
        let note = state.new_note(author, body, kind, position);
        state.open_discussion(note).id.clone()
    }

    /// Somebody answers in a discussion. The id of the note.
    #[track_caller]
    pub fn answer(&self, discussion: &str, author: &str, body: &str) -> u64 {
        let mut state = self.state();
        let at = state.discussion_at(discussion).expect("a discussion to answer");
        state.add_reply(at, author, body).id
    }

    /// Somebody settles a thread.
    #[track_caller]
    pub fn resolve_as(&self, discussion: &str, author: &str) {
        let mut state = self.state();
        let at = state.discussion_at(discussion).expect("a discussion to resolve");
        // some time after all that was written
        state.next_id();
        state.settle(at, None, Some(author));
    }

    /// Somebody opens a thread again; the host keeps no word of who it was.
    #[track_caller]
    pub fn unresolve_as(&self, discussion: &str, _author: &str) {
        let mut state = self.state();
        let at = state.discussion_at(discussion).expect("a discussion to open again");
        state.settle(at, None, None);
    }

    /// Somebody awards a note: `thumbsdown`. The id of the award.
    #[track_caller]
    pub fn award(&self, note: u64, author: &str, name: &str) -> u64 {
        assert!(NAMES.contains(&name), "no award `{name}`");
        self.state().award(note, author, name).expect("a note to award").id
    }

    /// Somebody changes the text of a note, as maintainers may.
    #[track_caller]
    pub fn edit(&self, note: u64, body: &str) {
        self.with_note(note, |note| {
            body.clone_into(&mut note.body);
            note.edits += 1;
        });
    }

    /// Somebody takes a note away, as maintainers may.
    #[track_caller]
    pub fn delete(&self, note: u64) {
        let mut state = self.state();
        let (at, index) = state.note_at(note).expect("a note to delete");
        state.remove_note(at, index);
    }

    #[track_caller]
    fn with_note(&self, id: u64, change: impl FnOnce(&mut Note)) {
        let mut state = self.state();
        let (at, index) = state.note_at(id).expect("a note");
        change(&mut state.discussions[at].notes[index]);
    }

    /// A draft of the token's identity that an earlier run left behind, on no line. Its id.
    pub fn leave_draft(&self, body: &str) -> u64 {
        let mut state = self.state();
        let (id, author) = (state.next_id(), state.scenario.login());
        let (body, position, discussion, resolve) = (body.to_owned(), None, None, false);
        state.drafts.push(super::state::Draft { id, author, body, position, discussion, resolve });
        id
    }
}

impl State {
    /// The note that a request names goes, or the first one of the discussion.
    pub(super) fn take_away(&mut self, found: &Found) {
        let (at, index) = match found.route {
            Route::ResolveDiscussion => (self.discussion_at(&found.tail).expect("a discussion to take away"), 0),
            _ => self.note_at(found.id).expect("a note to take away"),
        };
        self.remove_note(at, index);
    }
}
