//! Reviews and comments that are taken back.

use serde_json::Value;

use super::refusal::{problem, unprocessable};
use super::route::Route;
use super::shape::Shape;
use super::state::State;
use crate::support::server::Reply;

impl State {
    /// Only a review that nobody else has seen can go, and its comments with it.
    pub(super) fn delete_review(&mut self, id: u64, root: &str) -> Result<Reply, Reply> {
        let doc = Route::DeleteReview.doc();
        let at = self.reviews.iter().position(|review| review.id == id && self.visible(id));
        let at = at.ok_or_else(|| problem(404, "Not Found", doc))?;
        if self.reviews[at].event.is_some() {
            return Err(unprocessable(doc, "Can not delete a non-pending pull request review"));
        }
        let review = self.reviews.remove(at);
        self.comments.retain(|comment| comment.review != id);
        Ok(Reply::json(200, &Shape { state: self, root }.review(&review)))
    }

    /// A line comment; what answered it stays without it.
    pub(super) fn delete_comment(&mut self, id: u64) -> Result<Reply, Reply> {
        let doc = Route::DeleteReviewComment.doc();
        let at = self.comments.iter().position(|comment| comment.id == id);
        let at = at.ok_or_else(|| problem(404, "Not Found", doc))?;
        self.own(&self.comments[at].author, doc)?;
        self.comments.remove(at);
        Ok(Reply::bytes(204, "text/plain", Vec::new()))
    }

    /// A comment on the request as a whole.
    pub(super) fn delete_note(&mut self, id: u64) -> Result<Reply, Reply> {
        let doc = Route::DeleteIssueComment.doc();
        let at = self.notes.iter().position(|note| note.id == id);
        let at = at.ok_or_else(|| problem(404, "Not Found", doc))?;
        self.own(&self.notes[at].author, doc)?;
        self.notes.remove(at);
        Ok(Reply::bytes(204, "text/plain", Vec::new()))
    }

    /// A verdict can be taken back, a mere comment cannot.
    pub(super) fn dismiss_review(&mut self, id: u64, body: &Value, root: &str) -> Result<Reply, Reply> {
        let doc = Route::DismissReview.doc();
        let at = self.reviews.iter().position(|review| review.id == id && self.visible(id));
        let at = at.ok_or_else(|| problem(404, "Not Found", doc))?;
        if !matches!(self.reviews[at].state(), "APPROVED" | "CHANGES_REQUESTED") {
            let state = self.reviews[at].state().to_lowercase();
            return Err(unprocessable(doc, format!("Can not dismiss a {state} pull request review")));
        }
        let message = body["message"].as_str().unwrap_or_default();
        if message.trim().is_empty() {
            return Err(unprocessable(doc, "Message can't be blank"));
        }
        self.reviews[at].dismissed = Some(message.to_owned());
        Ok(Reply::json(200, &Shape { state: self, root }.review(&self.reviews[at])))
    }
}
