//! The pull request as it is now.

use prudence::random::Random;
use std::time::{Duration, Instant};

use git2::{Oid, Repository};
use serde_json::Value;

use super::anchor::Place;
use super::refusal;
use super::route::Route;
use super::scenario::{Identity, Scenario};
use crate::support::change::{self, ChangedFile};
use crate::support::fault::Planted;
use crate::support::server::Reply;

/// A review.
#[derive(Debug, Clone)]
pub struct Review {
    pub id: u64,
    pub author: String,
    pub body: String,
    /// `COMMENT`, `REQUEST_CHANGES` or `APPROVE`; `None` while it is pending.
    pub event: Option<String>,
    pub commit: String,
    /// Whether it came with a single comment, and not through the reviews endpoint.
    pub implicit: bool,
    /// Why it was dismissed.
    pub dismissed: Option<String>,
    pub minimized: bool,
}

impl Review {
    pub fn state(&self) -> &'static str {
        match self.event.as_deref() {
            _ if self.dismissed.is_some() => "DISMISSED",
            Some("APPROVE") => "APPROVED",
            Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
            Some(_) => "COMMENTED",
            None => "PENDING",
        }
    }
}

/// A comment on a line or a file.
#[derive(Debug, Clone)]
pub struct ReviewComment {
    pub id: u64,
    pub review: u64,
    pub author: String,
    pub body: String,
    pub path: String,
    /// `None` for a comment on the whole file.
    pub place: Option<Place>,
    pub commit: String,
    pub in_reply_to: Option<u64>,
    /// Who resolved the thread that it starts.
    pub resolved_by: Option<String>,
    pub minimized: bool,
    pub reactions: Vec<Reaction>,
}

impl ReviewComment {
    /// The lines it stands on, first and last; 0 for a comment on the whole file.
    pub fn lines(&self) -> (u32, u32) {
        self.place.as_ref().map_or((0, 0), |place| (place.start_line.unwrap_or(place.line), place.line))
    }

    /// Whether the thread that it starts is resolved.
    pub fn resolved(&self) -> bool {
        self.resolved_by.is_some()
    }

    /// `LEFT` or `RIGHT`.
    pub fn side(&self) -> &'static str {
        self.place.as_ref().map_or("RIGHT", |place| place.side.as_str())
    }
}

/// A comment on the request as a whole.
#[derive(Debug, Clone)]
pub struct IssueComment {
    pub id: u64,
    pub author: String,
    pub body: String,
    /// How often it was edited.
    pub edits: usize,
    pub minimized: bool,
    pub reactions: Vec<Reaction>,
}

/// What somebody thinks of a comment, in a word: `+1`, `-1`, `eyes`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    pub id: u64,
    pub author: String,
    pub content: String,
}

/// A check on a commit, with what all requests about it have said so far.
#[derive(Debug, Clone)]
pub struct CheckRun {
    pub id: u64,
    pub name: String,
    pub head_sha: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub details_url: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub text: Option<String>,
    pub annotations: Vec<Value>,
}

/// Everything that a request can see or change.
pub(super) struct State {
    pub scenario: Scenario,
    pub head: String,
    /// All commits that were ever the head.
    pub heads: Vec<String>,
    pub reviews: Vec<Review>,
    pub comments: Vec<ReviewComment>,
    pub notes: Vec<IssueComment>,
    pub check_runs: Vec<CheckRun>,
    pub open: bool,
    pub faults: Vec<Planted<Route>>,
    /// What goes wrong by chance: how many of a hundred requests, and in which ways.
    pub chance: Option<(Random, usize, Vec<crate::support::fault::Fault>)>,
    pub used: usize,
    created: Vec<Instant>,
    last_id: u64,
}

impl State {
    pub fn new(scenario: Scenario) -> State {
        let head = scenario.head.clone();
        State {
            scenario,
            heads: vec![head.clone()],
            head,
            reviews: Vec::new(),
            comments: Vec::new(),
            notes: Vec::new(),
            check_runs: Vec::new(),
            open: true,
            faults: Vec::new(),
            chance: None,
            used: 0,
            created: Vec::new(),
            last_id: 1000,
        }
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn push(&mut self, sha: &str) {
        sha.clone_into(&mut self.head);
        if !self.heads.iter().any(|known| known == sha) {
            self.heads.push(sha.to_owned());
        }
    }

    pub fn git(&self) -> Repository {
        self.scenario.repo.git()
    }

    pub fn merge_base(&self, head: &str) -> Oid {
        change::merge_base(&self.git(), &self.scenario.base, head)
    }

    /// The files that the request changes when its head is this commit.
    pub fn files(&self, head: &str) -> Vec<ChangedFile> {
        change::files(&self.git(), self.merge_base(head), change::oid(head))
    }

    pub fn login(&self) -> String {
        self.scenario.identity.login().to_owned()
    }

    pub fn may(&self, permission: &str, level: &str) -> bool {
        let given = self.scenario.permissions.get(permission).map(String::as_str);
        given == Some("write") || (given == Some("read") && level == "read")
    }

    /// What the host says to a token without the permission.
    pub fn not_accessible(&self) -> String {
        let who = match self.scenario.identity {
            Identity::Actions => "integration",
            Identity::User(_) => "personal access token",
        };
        format!("Resource not accessible by {who}")
    }

    /// 403 with what is needed, unless one of these permissions is given.
    pub fn permit(&self, any_of: &[(&str, &str)], doc: &str) -> Result<(), Reply> {
        if any_of.is_empty() || any_of.iter().any(|(name, level)| self.may(name, level)) {
            return Ok(());
        }
        let needed: Vec<String> = any_of.iter().map(|(name, level)| format!("{name}={level}")).collect();
        let reply = refusal::problem(403, &self.not_accessible(), doc);
        Err(reply.header("x-accepted-github-permissions", needed.join("; ")))
    }

    /// 403 for more comments in a minute than the host takes.
    pub fn throttle(&mut self) -> Result<(), Reply> {
        self.created.retain(|at| at.elapsed() < Duration::from_secs(60));
        if self.created.len() >= self.scenario.limits.content_per_minute {
            return Err(refusal::secondary_limit(true, None));
        }
        self.created.push(Instant::now());
        Ok(())
    }

    /// The review of this identity that is not submitted yet.
    pub fn pending(&self) -> Option<&Review> {
        let login = self.login();
        self.reviews.iter().find(|review| review.event.is_none() && review.author == login)
    }

    /// Whether a review, or a comment of it, can be seen by this identity.
    pub fn visible(&self, review: u64) -> bool {
        let login = self.login();
        self.reviews.iter().any(|r| r.id == review && (r.event.is_some() || r.author == login))
    }

    /// Whether a commit is, or was, part of the request.
    pub fn in_request(&self, sha: &str) -> bool {
        let git = self.git();
        let Ok(id) = Oid::from_str(sha) else { return false };
        self.heads.iter().any(|head| {
            let head_id = change::oid(head);
            let reaches = |from| from == id || git.graph_descendant_of(from, id).unwrap_or(false);
            reaches(head_id) && id != self.merge_base(head) && !in_base(&git, &self.scenario.base, id)
        })
    }

    /// Where a comment stands on the present head; `None` when it is outdated.
    pub fn present_line(&self, comment: &ReviewComment) -> Option<(u32, Option<u32>)> {
        let place = comment.place.as_ref()?;
        let git = self.git();
        let (from, to) = match place.side {
            change::Side::Right => (change::oid(&comment.commit), change::oid(&self.head)),
            change::Side::Left => (self.merge_base(&comment.commit), self.merge_base(&self.head)),
        };
        let files = self.files(&self.head);
        let find = |line| {
            let (path, line) = change::moved(&git, from, to, &comment.path, line)?;
            let file = files.iter().find(|file| file.path == path)?;
            file.spot(place.side, line).map(|_| line)
        };
        let line = find(place.line)?;
        match place.start_line {
            None => Some((line, None)),
            Some(start) => Some((line, Some(find(start)?))),
        }
    }
}

fn in_base(git: &Repository, base: &str, id: Oid) -> bool {
    let base = change::oid(base);
    base == id || git.graph_descendant_of(base, id).unwrap_or(false)
}
