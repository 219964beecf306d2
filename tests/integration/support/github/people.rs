//! What people do to the pull request while the program is not looking.

use serde_json::Value;

use super::GitHub;
use super::scenario::Scenario;
use super::state::State;

impl GitHub {
    /// Somebody pushes this commit; one that does not follow from the head takes its place, as by force.
    pub fn push(&self, sha: &str) {
        self.state().push(sha);
    }

    /// Changes the title, the labels, the draft state, the roles of people and so on, from now on.
    pub fn change(&self, change: impl FnOnce(&mut Scenario)) {
        change(&mut self.state().scenario);
    }

    /// The request now goes into the tip of this branch; also for a base that went on.
    pub fn retarget(&self, base_ref: &str) {
        self.change(|scenario| {
            scenario.base = scenario.repo.sha(base_ref);
            base_ref.clone_into(&mut scenario.base_ref);
        });
    }

    pub fn close(&self) {
        self.state().open = false;
    }

    pub fn reopen(&self) {
        self.state().open = true;
    }

    /// Somebody comments on the request. Here and elsewhere, an author `ghost` has deleted the account.
    pub fn add_issue_comment(&self, author: &str, body: &str) -> u64 {
        self.state().add_note(author, body).id
    }

    /// Somebody comments on the request, many times.
    pub fn add_issue_comments(&self, author: &str, bodies: impl IntoIterator<Item = String>) -> Vec<u64> {
        let mut state = self.state();
        bodies.into_iter().map(|body| state.add_note(author, &body).id).collect()
    }

    /// Somebody reviews the present head, with comments as the API takes them (`path`, `line`, `body`, …); `event` is
    /// `COMMENT`, `APPROVE` or `REQUEST_CHANGES`. The ids of the review and of its comments.
    pub fn add_review(&self, author: &str, event: &str, body: &str, comments: &[Value]) -> (u64, Vec<u64>) {
        self.state().review_by(author, Some(event), body, comments)
    }

    /// A review by the token's identity that was never submitted, with comments on the first changed line; its id.
    pub fn add_pending_review(&self, body: &str, comments: &[&str]) -> u64 {
        let mut state = self.state();
        let (login, comments) = (state.login(), state.on_first_line(comments));
        state.review_by(&login, None, body, &comments).0
    }

    /// Somebody answers a review comment.
    pub fn add_reply(&self, comment: u64, author: &str, body: &str) -> u64 {
        let mut state = self.state();
        let top = state.comments.iter().find(|top| top.id == comment).cloned().expect("a comment to answer");
        let review = state.add_review(author, "", Some("COMMENT"), &top.commit, true);
        state.add_reply(&top, review.id, author, body).id
    }

    /// Somebody reacts to a comment of either kind.
    #[track_caller]
    pub fn react(&self, comment: u64, author: &str, content: &str) {
        assert!(super::reaction::CONTENTS.contains(&content), "no reaction `{content}`");
        self.state().react(comment, None, author, content).expect("a comment to react to");
    }

    /// The author of the request resolves the thread of a review comment.
    pub fn resolve(&self, comment: u64) {
        let author = self.scenario().author;
        self.resolve_by(comment, &author);
    }

    /// Somebody resolves the thread of a review comment.
    pub fn resolve_by(&self, comment: u64, author: &str) {
        self.set_resolved(comment, Some(author.to_owned()));
    }

    /// Somebody reopens the thread of a review comment.
    pub fn unresolve(&self, comment: u64) {
        self.set_resolved(comment, None);
    }

    /// Somebody takes a comment away, of either kind.
    pub fn delete(&self, comment: u64) {
        self.state().take_away(comment);
    }

    fn set_resolved(&self, comment: u64, by: Option<String>) {
        let mut state = self.state();
        let top = state.comments.iter_mut().find(|top| top.id == comment).expect("a comment to resolve");
        top.resolved_by = by;
    }
}

impl State {
    /// A comment of either kind goes.
    pub(super) fn take_away(&mut self, id: u64) {
        let count = self.comments.len() + self.notes.len();
        self.comments.retain(|comment| comment.id != id);
        self.notes.retain(|note| note.id != id);
        assert_eq!(self.comments.len() + self.notes.len() + 1, count, "a comment to take away");
    }

    fn review_by(&mut self, author: &str, event: Option<&str>, body: &str, comments: &[Value]) -> (u64, Vec<u64>) {
        let commit = self.head.clone();
        let places = self.place_all(comments, &commit);
        let places = places.unwrap_or_else(|refused| panic!("{}", String::from_utf8_lossy(&refused.body)));
        let review = self.add_review(author, body, event, &commit, false);
        let placed = comments.iter().zip(places);
        let ids = placed.map(|(it, place)| self.add_comment(review.id, it, Some(place), &commit, author).id).collect();
        (review.id, ids)
    }

    fn on_first_line(&self, bodies: &[&str]) -> Vec<Value> {
        let files = self.files(&self.head);
        let spot = files.iter().find_map(|file| file.first_line().map(|(side, line)| (&file.path, side, line)));
        let (path, side, line) = spot.expect("a line to comment");
        let on_it = |body: &&str| serde_json::json!({"path": path, "side": side.as_str(), "line": line, "body": body});
        bodies.iter().map(on_it).collect()
    }
}
