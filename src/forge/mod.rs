//! Code hosts: where a request comes from and where its review goes.
//!
//! A forge gets finished text and knows nothing of findings; it gives a change and knows nothing of models.

pub mod github;
pub mod gitlab;
mod listed;
pub mod wire;

use std::collections::HashSet;

use async_trait::async_trait;

use crate::diff::{Diff, Hunk, Line, LineKind, Side};
use crate::marks::{fingerprint_of, restored};
use crate::order::Order;

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
    /// Whether it is neither closed nor merged.
    pub is_open: bool,
    /// Whether its branch lies in another repository.
    pub is_fork: bool,
    /// Whether its author does not want it reviewed yet.
    pub is_draft: bool,
    /// Whether a program opened it.
    pub is_by_bot: bool,
    /// Its labels.
    pub labels: Vec<String>,
}

/// Why a request was made, as far as its host tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Background {
    /// Messages of its newest commits, the newest first; `None` where the host does not tell.
    pub commits: Option<Vec<String>>,
    /// How many commits it has.
    pub commit_count: usize,
    /// The issues that it closes; `None` where the host does not tell.
    pub issues: Option<Vec<Issue>>,
    /// Why something is not known.
    pub untold: Option<String>,
}

/// An issue that a request closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Number on the host.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
}

/// Commits whose messages are asked for.
pub const MOST_COMMITS: usize = 20;
/// Linked issues that are asked for.
pub const MOST_ISSUES: usize = 3;

/// Texts of a commit: path and content.
pub type Texts = Vec<(String, Vec<u8>)>;

/// What stands on a request already, as far as it is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Line comments of the identity that posts, each with its thread.
    pub comments: Vec<PostedComment>,
    /// The summary comment, where one exists.
    pub summary: Option<PostedSummary>,
    /// Other comments of ours that claim to be the summary: two runs at the same time may have made one each.
    pub more_summaries: Vec<u64>,
    /// Reviews of the identity that posts which ask for changes.
    pub blocking: Vec<u64>,
    /// Reviews of the identity that posts which nobody else can see yet: a run that died left them.
    pub pending: Vec<u64>,
    /// Whether a comment of the identity that posts lists the commands.
    pub has_help: bool,
    /// Whether the host told which threads are resolved.
    pub knows_threads: bool,
    /// Commands that people wrote on the request as a whole, oldest first. Empty on a host that starts a run for each.
    pub commands: Vec<Command>,
    /// Line comments of everybody else, each with its thread.
    pub others: Vec<PostedComment>,
}

/// A comment of a person that begins with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The host's identifier of the comment.
    pub comment: u64,
    /// Who wrote it.
    pub author: String,
    /// The command, or the words that are none.
    pub order: Result<Order, String>,
    /// Whether the summary was as it is now when the comment was written.
    pub sees_summary: bool,
}

impl Conversation {
    /// Line comments that say what an earlier one says, and that nobody has answered or ended: two runs at the same time
    /// have posted them.
    pub fn doubles(&self) -> Vec<u64> {
        let mut comments: Vec<&PostedComment> = self.comments.iter().collect();
        comments.sort_by_key(|comment| comment.id);
        let mut seen = HashSet::new();
        // what has ended stands for nothing that is there now
        let is_open = |comment: &&PostedComment| comment.resolved.is_none() && restored(&comment.body).is_none();
        let is_double = |comment: &&PostedComment| {
            let is_first = fingerprint_of(&comment.body).is_none_or(|id| seen.insert(id.to_owned()));
            !is_first && comment.replies.is_empty()
        };
        comments.into_iter().filter(is_open).filter(is_double).map(|comment| comment.id).collect()
    }
}

/// A line comment of ours, which begins a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostedComment {
    /// The host's identifier of the comment.
    pub id: u64,
    /// The host's identifier of its thread, where the host tells.
    pub thread: Option<String>,
    /// Its text.
    pub body: String,
    /// The file it was written for.
    pub path: String,
    /// The side of the lines it was written for.
    pub side: Option<Side>,
    /// First and last of the lines it was written for.
    pub lines: (u32, u32),
    /// First and last line where it stands now; `None` where the host calls it outdated.
    pub place: Option<(u32, u32)>,
    /// Whether somebody ended the thread, and who.
    pub resolved: Option<By>,
    /// The login of the one who ended it, where the host tells.
    pub resolved_by: Option<String>,
    /// Whether the identity that posts is a person, who may end threads as well as the bot.
    pub is_by_person: bool,
    /// What was written below it, oldest first. The bot answers in no thread: an answer of the identity that posts is its
    /// owner's.
    pub replies: Vec<Reply>,
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The identity that posts, where that is no person.
    Us,
    /// Anyone else, or somebody whose token the bot has: who of the two it was, the host does not tell.
    Another,
}

/// An answer in a thread of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Who wrote it; `None` for a deleted account.
    pub author: Option<String>,
    /// Whether a program wrote it.
    pub is_bot: bool,
    /// Its text.
    pub body: String,
}

/// The summary comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedSummary {
    /// The host's identifier.
    pub id: u64,
    /// Its text.
    pub body: String,
    /// Its page, where the host tells.
    pub url: Option<String>,
}

/// A line of the diff by its numbers. Hosts differ in which of them they want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Added, removed or unchanged.
    pub kind: LineKind,
    /// Its number in the old file, or that of the next old line where this one was added.
    pub old: u32,
    /// Its number in the new file, or that of the next new line where this one was removed.
    pub new: u32,
}

impl Spot {
    /// Where a line of a hunk is. A side that has no lines is counted as 0, as hosts do.
    pub fn of(hunk: &Hunk, line: &Line) -> Spot {
        let old = if hunk.old_start == 0 { 0 } else { line.old };
        let new = if hunk.new_start == 0 { 0 } else { line.new };
        Spot { kind: line.kind, old, new }
    }

    /// The number on a side.
    pub fn on(self, side: Side) -> u32 {
        if side == Side::Left { self.old } else { self.new }
    }
}

/// A comment on lines of the diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineComment {
    /// Path after the change.
    pub path: String,
    /// Path before the change.
    pub old_path: String,
    /// Side of all its lines.
    pub side: Side,
    /// First line.
    pub first: Spot,
    /// Last line.
    pub last: Spot,
    /// Its text.
    pub body: String,
}

/// One review with its line comments.
pub struct Review<'a> {
    /// The head that was reviewed.
    pub head_sha: String,
    /// Text of the review itself, for so many comments.
    pub body: &'a (dyn Fn(usize) -> String + Sync),
    /// Whether it asks for changes instead of commenting.
    pub request_changes: bool,
    /// The comments.
    pub comments: Vec<LineComment>,
}

/// A comment that the host did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the review's comments.
    pub index: usize,
    /// Why, in words.
    pub reason: String,
    /// Whether a later run need not try again.
    pub is_final: bool,
}

/// What became of a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewOutcome {
    /// How many comments were posted.
    pub posted: usize,
    /// The comments that the host did not take.
    pub refused: Vec<Refusal>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl ReviewOutcome {
    /// Takes down comments that the host did not take.
    pub fn refuse(&mut self, indices: impl IntoIterator<Item = usize>, err: &ForgeError) {
        // what is wrong with it, and what may not be done, will be so in the next run
        let is_final = matches!(err, ForgeError::Refused(_) | ForgeError::Forbidden(_));
        let refusal = |index| Refusal { index, reason: err.to_string(), is_final };
        self.refused.extend(indices.into_iter().map(refusal));
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
    /// What was to be changed is not there any more.
    #[error("the comment is gone: somebody took it away")]
    Gone,
    /// No answer, or none that tells: what was asked for may have been done all the same.
    #[error("{0}")]
    Unsure(String),
    /// Nothing further will work: tell the user.
    #[error("{0}")]
    Failed(String),
}

/// A check run on the head: a line among the request's checks, with annotations on its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// The commit that was reviewed.
    pub head_sha: String,
    /// The host's word for how it ended: `success`, `failure`, `neutral`.
    pub conclusion: &'static str,
    /// One line.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Any number of them.
    pub annotations: Vec<Annotation>,
}

/// A remark of a check run on lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Path after the change.
    pub path: String,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// `failure`, `warning` or `notice`.
    pub level: &'static str,
    /// One line.
    pub title: String,
    /// Plain text.
    pub message: String,
}

/// A comment of ours, by the host's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// A line comment.
    OnLine(u64),
    /// A comment on the request as a whole.
    OnRequest(u64),
}

/// How a command of a person is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Seen, and carried out.
    Eyes,
    /// Not understood.
    Confused,
}

/// A kind of code host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// github.com or Enterprise Server.
    GitHub,
    /// gitlab.com or self-managed.
    GitLab,
}

impl Host {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Host::GitHub => "GitHub",
            Host::GitLab => "GitLab",
        }
    }
}

/// Whether two texts differ in white space alone, which a host may have changed.
pub(crate) fn has_same_words(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// A code host, seen from one request on it.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What kind of host it is: each has its own Markdown.
    fn host(&self) -> Host;

    /// What the request says of itself, and what stands on it.
    async fn read(&self) -> Result<(Request, Conversation), ForgeError>;

    /// The change, as the host renders it; lines that the host cannot give are [`crate::diff::Content::Missing`].
    async fn diff(&self) -> Result<Diff, ForgeError>;

    /// The text of a file at a commit; `None` where it is not there.
    async fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, ForgeError>;

    /// The texts of these files and of all files in these folders at a commit, by one request; `None` where the host has no
    /// way to give them so.
    async fn texts(&self, commit: &str, files: &[&str], folders: &[&str]) -> Result<Option<Texts>, ForgeError>;

    /// Why the request was made. What the host does not tell is missing in it: a review goes on without.
    async fn background(&self) -> Background;

    /// Which of these line comments of ours people turned down by a 👎, and who they are.
    async fn disliked(&self, comments: &[u64]) -> Result<Vec<(u64, Vec<String>)>, ForgeError>;

    /// Whether somebody may write to the repository: asked of the host, since an event may say anything.
    async fn is_writer(&self, login: &str) -> Result<bool, ForgeError>;

    /// Posts a review. Comments that the host refuses come back; all others are posted.
    async fn post_review(&self, review: &Review<'_>) -> Result<ReviewOutcome, ForgeError>;

    /// Writes a comment on the request as a whole, over the one with this identifier where there is one. Returns its page.
    async fn put_comment(&self, existing: Option<u64>, body: &str) -> Result<Option<String>, ForgeError>;

    /// Writes another text into a line comment of ours.
    async fn edit_comment(&self, comment: u64, body: &str) -> Result<(), ForgeError>;

    /// Takes away a comment of ours that stands twice.
    async fn remove(&self, own: Own) -> Result<(), ForgeError>;

    /// Marks threads as resolved, or as open again; one result for each.
    async fn resolve(&self, threads: &[String], resolved: bool) -> Vec<Result<(), ForgeError>>;

    /// Takes back a review of ours that asks for changes.
    async fn dismiss(&self, review: u64, message: &str) -> Result<(), ForgeError>;

    /// Acknowledges a comment of a person.
    async fn react(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError>;

    /// Puts a finished check run on the head.
    async fn check_run(&self, run: &CheckRun) -> Result<(), ForgeError>;

    /// Waits for no rate limit beyond this moment.
    fn set_deadline(&self, deadline: tokio::time::Instant);

    /// What the token may write here; writes nothing to find out. Fails where the host does not tell, which says nothing
    /// of the permission.
    async fn may_write(&self) -> Result<Access, ForgeError>;
}
