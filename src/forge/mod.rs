//! Code hosts: where a request comes from and where its review goes.
//!
//! A forge gets finished text and knows nothing of findings; it gives a change and knows nothing of models.

pub mod github;

use async_trait::async_trait;

use crate::diff::{Diff, Side};

/// What a request says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Number on the host.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its description; may be empty.
    pub description: String,
    /// Its page.
    pub url: String,
    /// The tip of the branch it goes into.
    pub base_sha: String,
    /// Its own tip.
    pub head_sha: String,
    /// Whether its branch lies in another repository.
    pub is_fork: bool,
    /// Whether its author does not want it reviewed yet.
    pub is_draft: bool,
    /// Whether a program opened it.
    pub is_by_bot: bool,
    /// Its labels.
    pub labels: Vec<String>,
    /// Number of changed files, as the host counts.
    pub changed_files: usize,
    /// Number of added and removed lines, as the host counts.
    pub changed_lines: usize,
}

/// What stands on a request already, as far as it is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Line comments of the identity that posts.
    pub comments: Vec<PostedComment>,
    /// The summary comment, where one exists.
    pub summary: Option<PostedSummary>,
}

/// A line comment of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedComment {
    /// Its text.
    pub body: String,
    /// Path, side, first and last line; `None` where the host calls it outdated.
    pub place: Option<(String, Side, u32, u32)>,
}

/// The summary comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedSummary {
    /// The host's identifier.
    pub id: u64,
    /// Its text.
    pub body: String,
}

/// A comment on lines of the diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineComment {
    /// Path after the change.
    pub path: String,
    /// Side of all its lines.
    pub side: Side,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// Its text.
    pub body: String,
}

/// One review with its line comments.
#[derive(Debug, Clone)]
pub struct Review {
    /// The head that was reviewed.
    pub head_sha: String,
    /// Text of the review itself, for so many comments.
    pub body: fn(usize) -> String,
    /// Whether it asks for changes instead of commenting.
    pub request_changes: bool,
    /// The comments.
    pub comments: Vec<LineComment>,
}

/// What became of a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewOutcome {
    /// How many comments were posted.
    pub posted: usize,
    /// Indices of the comments that the host refused, with its words.
    pub refused: Vec<(usize, String)>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl ReviewOutcome {
    /// Takes down comments that the host did not take, with its words.
    pub fn refuse(&mut self, indices: Vec<usize>, reason: &str) {
        self.refused.extend(indices.into_iter().map(|index| (index, reason.to_owned())));
    }
}

/// What the token may write. An error is the host's refusal in words, with the remedy as its last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Reviews with comments on lines.
    pub review: Result<(), String>,
    /// The summary comment.
    pub comment: Result<(), String>,
}

/// Why a host did not do what it was asked; variants follow what the caller does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The token lacks a permission: use a lower channel.
    #[error("{0}")]
    Forbidden(String),
    /// The host understood and refused: what was sent is wrong for it.
    #[error("{0}")]
    Refused(String),
    /// Asked too often: whatever is sent next makes it worse.
    #[error("{0}")]
    Limited(String),
    /// The thing is too large for this way: use another.
    #[error("{0}")]
    TooLarge(String),
    /// No answer, or none that tells: what was asked for may have been done all the same.
    #[error("{0}")]
    Unsure(String),
    /// Nothing further will work: tell the user.
    #[error("{0}")]
    Failed(String),
}

/// A code host, seen from one request on it.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What the request says of itself.
    async fn request(&self) -> Result<Request, ForgeError>;

    /// The change, as the host renders it; lines that the host cannot give are [`crate::diff::Content::Missing`].
    async fn diff(&self) -> Result<Diff, ForgeError>;

    /// The text of a file at a commit; `None` where it is not there.
    async fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, ForgeError>;

    /// What stands on the request already.
    async fn conversation(&self) -> Result<Conversation, ForgeError>;

    /// Posts a review. Comments that the host refuses come back; all others are posted.
    async fn post_review(&self, review: &Review) -> Result<ReviewOutcome, ForgeError>;

    /// Writes the summary comment, over the one with this identifier where there is one. Returns its page.
    async fn put_summary(&self, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError>;

    /// What the token may write here; writes nothing to find out. Fails where the host does not tell, which says nothing
    /// of the permission.
    async fn may_write(&self) -> Result<Access, ForgeError>;
}
