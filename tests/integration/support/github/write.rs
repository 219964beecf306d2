//! The operations that post and edit, with the host's own checks.

use serde_json::{Value, json};

use super::anchor::{self, Place, Wanted};
use super::refusal::{self, invalid, problem, unprocessable};
use super::route::{Found, Route};
use super::scenario::Identity;
use super::shape::Shape;
use super::state::{IssueComment, Review, ReviewComment, State};
use crate::support::server::Reply;

/// Characters that a text may have.
const MAX_BODY: usize = 65_536;
const EVENTS: [&str; 3] = ["APPROVE", "REQUEST_CHANGES", "COMMENT"];

impl State {
    pub(super) fn write(&mut self, found: &Found, body: &Value, root: &str) -> Result<Reply, Reply> {
        if found.route.creates_content() {
            self.throttle()?;
        }
        match found.route {
            Route::CreateReview => self.create_review(body, root),
            Route::CreateReviewComment => self.create_comment(body, root),
            Route::EditReviewComment => self.edit_comment(found.id, body, root),
            Route::CreateIssueComment => self.create_note(body, root),
            Route::EditIssueComment => self.edit_note(found.id, body, root),
            Route::DeleteReview => self.delete_review(found.id, root),
            Route::DeleteReviewComment => self.delete_comment(found.id),
            Route::DeleteIssueComment => self.delete_note(found.id),
            Route::DismissReview => self.dismiss_review(found.id, body, root),
            Route::CreateReaction => self.create_reaction(found, body, root),
            Route::CreateCheckRun => self.create_check_run(body, root),
            Route::EditCheckRun => self.edit_check_run(found.id, body, root),
            _ => Err(problem(404, "Not Found", found.route.doc())),
        }
    }

    /// All comments are placed, or nothing is stored.
    fn create_review(&mut self, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::CreateReview.doc();
        let (event, text) = (body["event"].as_str(), body["body"].as_str().unwrap_or_default());
        if event.is_some_and(|event| !EVENTS.contains(&event)) {
            return Err(unprocessable(
                doc,
                "Variable $event of type PullRequestReviewEvent was provided invalid value",
            ));
        }
        let commit = self
            .commit_of(body)
            .ok_or_else(|| unprocessable(doc, "Pull request review commit_id is not part of the pull request"))?;
        if self.pending().is_some() {
            return Err(unprocessable(doc, "User can only have one pending review per pull request"));
        }
        let comments = body["comments"].as_array().cloned().unwrap_or_default();
        let places = self.place_all(&comments, &commit)?;
        let texts = comments.iter().filter_map(|comment| comment["body"].as_str()).chain([text]);
        if texts.map(|text| text.chars().count()).any(|length| length > MAX_BODY) {
            return Err(unprocessable(doc, format!("Body is too long (maximum is {MAX_BODY} characters)")));
        }
        self.check_event(event, text, !comments.is_empty())?;
        let review = self.add_review(&self.login(), text, event, &commit, false);
        for (comment, place) in comments.iter().zip(places) {
            self.add_comment(review.id, comment, Some(place), &commit, &review.author);
        }
        Ok(Reply::json(200, &Shape { state: self, root }.review(&review)))
    }

    pub(super) fn place_all(&self, comments: &[Value], commit: &str) -> Result<Vec<Place>, Reply> {
        let doc = Route::CreateReview.doc();
        let files = self.files(commit);
        let place = |comment: &Value| {
            if comment["body"].as_str().is_none_or(|text| text.trim().is_empty()) {
                return Err(unprocessable(doc, "Pull request review comment body can't be blank"));
            }
            let found = anchor::place(&Wanted::of(comment), &files, self.scenario.limits.patch_lines);
            found.map_err(|problems| unprocessable(doc, anchor::sentence(&problems)))
        };
        comments.iter().map(place).collect()
    }

    /// Who may approve or block, and that something was said.
    fn check_event(&self, event: Option<&str>, text: &str, has_comments: bool) -> Result<(), Reply> {
        let doc = Route::CreateReview.doc();
        let own = self.login() == self.scenario.author;
        let text = match event {
            Some("APPROVE") if self.scenario.identity == Identity::Actions && !self.scenario.actions_can_approve => {
                "GitHub Actions is not permitted to approve pull requests."
            }
            Some("APPROVE") if own => "Can not approve your own pull request",
            Some("REQUEST_CHANGES") if own => "Review Can not request changes on your own pull request",
            Some("COMMENT" | "REQUEST_CHANGES") if text.trim().is_empty() && !has_comments => {
                "Review body can't be blank"
            }
            _ => return Ok(()),
        };
        Err(unprocessable(doc, text))
    }

    fn create_comment(&mut self, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::CreateReviewComment.doc();
        let text = checked_text(body, "PullRequestReviewComment", doc)?;
        if let Some(top) = body["in_reply_to"].as_u64() {
            return self.reply_to(top, &text, root);
        }
        let commit = self.commit_of(body).ok_or_else(|| {
            let field = "pull_request_review_thread.base";
            let message = format!("{field} commit_id is not part of the pull request");
            let entry =
                json!({"resource": "PullRequestReviewComment", "code": "custom", "field": field, "message": message});
            invalid(doc, vec![entry])
        })?;
        let files = self.files(&commit);
        let wanted = Wanted::of(body);
        let place = if body["subject_type"] == "file" {
            let known = files.iter().any(|file| file.path == wanted.path);
            if known { Ok(None) } else { Err(vec![anchor::Misplaced::Path]) }
        } else {
            anchor::place(&wanted, &files, self.scenario.limits.patch_lines).map(Some)
        };
        let place = place.map_err(|problems| invalid(doc, problems.into_iter().map(anchor::object).collect()))?;
        if self.pending().is_some() {
            let message = "user_id can only have one pending review per pull request";
            let entry = json!({"resource": "PullRequestReviewComment", "code": "custom", "field": "user_id", "message": message});
            return Err(invalid(doc, vec![entry]));
        }
        let review = self.add_review(&self.login(), "", Some("COMMENT"), &commit, true);
        let comment = self.add_comment(review.id, body, place, &commit, &review.author);
        Ok(Reply::json(201, &Shape { state: self, root }.comment(&comment)))
    }

    fn reply_to(&mut self, top: u64, text: &str, root: &str) -> Result<Reply, Reply> {
        let found = self.comments.iter().find(|comment| comment.id == top).cloned();
        let top = found.ok_or_else(|| problem(404, "Not Found", Route::CreateReviewComment.doc()))?;
        let login = self.login();
        let review = self.add_review(&login, "", Some("COMMENT"), &top.commit, true);
        let reply = self.add_reply(&top, review.id, &login, text);
        Ok(Reply::json(201, &Shape { state: self, root }.comment(&reply)))
    }

    /// Stores an answer to a comment, by anybody.
    pub(super) fn add_reply(&mut self, top: &ReviewComment, review: u64, author: &str, text: &str) -> ReviewComment {
        let (id, author, body) = (self.next_id(), author.to_owned(), text.to_owned());
        let in_reply_to = Some(top.id);
        let (resolved_by, minimized, reactions) = (None, false, Vec::new());
        let reply =
            ReviewComment { id, review, author, body, in_reply_to, resolved_by, minimized, reactions, ..top.clone() };
        self.comments.push(reply.clone());
        reply
    }

    fn edit_comment(&mut self, id: u64, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::EditReviewComment.doc();
        let text = checked_text(body, "PullRequestReviewComment", doc)?;
        let at = self.comments.iter().position(|comment| comment.id == id);
        let at = at.ok_or_else(|| problem(404, "Not Found", doc))?;
        self.own(&self.comments[at].author, doc)?;
        self.comments[at].body = text;
        Ok(Reply::json(200, &Shape { state: self, root }.comment(&self.comments[at])))
    }

    fn create_note(&mut self, body: &Value, root: &str) -> Result<Reply, Reply> {
        let text = checked_text(body, "IssueComment", Route::CreateIssueComment.doc())?;
        let login = self.login();
        let note = self.add_note(&login, &text);
        Ok(Reply::json(201, &Shape { state: self, root }.note(&note)))
    }

    /// Stores a comment on the request, by anybody.
    pub(super) fn add_note(&mut self, author: &str, text: &str) -> IssueComment {
        let note = IssueComment {
            id: self.next_id(),
            author: author.to_owned(),
            body: text.to_owned(),
            edits: 0,
            minimized: false,
            reactions: Vec::new(),
        };
        self.notes.push(note.clone());
        note
    }

    fn edit_note(&mut self, id: u64, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::EditIssueComment.doc();
        let text = checked_text(body, "IssueComment", doc)?;
        let at = self.notes.iter().position(|note| note.id == id);
        let at = at.ok_or_else(|| problem(404, "Not Found", doc))?;
        self.own(&self.notes[at].author, doc)?;
        self.notes[at].body = text;
        self.notes[at].edits += 1;
        Ok(Reply::json(200, &Shape { state: self, root }.note(&self.notes[at])))
    }

    /// 403 for another's comment, which only those who may push can edit.
    pub(super) fn own(&self, author: &str, doc: &str) -> Result<(), Reply> {
        if self.login() == author || self.may("contents", "write") {
            return Ok(());
        }
        Err(refusal::problem(403, "Resource not accessible by integration", doc))
    }

    /// The commit that a review or comment is for; `None` when it is not one of the request.
    fn commit_of(&self, body: &Value) -> Option<String> {
        match body["commit_id"].as_str() {
            None => Some(self.head.clone()),
            Some(sha) => self.in_request(sha).then(|| sha.to_owned()),
        }
    }

    /// Stores a review by anybody.
    pub(super) fn add_review(
        &mut self,
        author: &str,
        text: &str,
        event: Option<&str>,
        commit: &str,
        implicit: bool,
    ) -> Review {
        let review = Review {
            id: self.next_id(),
            author: author.to_owned(),
            body: text.to_owned(),
            event: event.map(str::to_owned),
            commit: commit.to_owned(),
            implicit,
            dismissed: None,
            minimized: false,
        };
        self.reviews.push(review.clone());
        review
    }

    /// Stores a comment of a review, by anybody.
    pub(super) fn add_comment(
        &mut self,
        review: u64,
        comment: &Value,
        place: Option<Place>,
        commit: &str,
        author: &str,
    ) -> ReviewComment {
        let text = |key: &str| comment[key].as_str().unwrap_or_default().to_owned();
        let comment = ReviewComment {
            id: self.next_id(),
            review,
            author: author.to_owned(),
            body: text("body"),
            path: text("path"),
            place,
            commit: commit.to_owned(),
            in_reply_to: None,
            resolved_by: None,
            minimized: false,
            reactions: Vec::new(),
        };
        self.comments.push(comment.clone());
        comment
    }
}

fn checked_text(body: &Value, resource: &str, doc: &str) -> Result<String, Reply> {
    let text = body["body"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(invalid(doc, vec![json!({"resource": resource, "code": "missing_field", "field": "body"})]));
    }
    if text.chars().count() > MAX_BODY {
        let message = format!("Body is too long (maximum is {MAX_BODY} characters)");
        let entry = json!({"resource": resource, "code": "unprocessable", "field": "data", "message": message});
        return Err(invalid(doc, vec![entry]));
    }
    Ok(text.to_owned())
}
