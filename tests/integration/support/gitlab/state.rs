//! The merge request as it is now.

use std::time::{Duration, Instant};

use git2::Repository;

use super::position::Position;
use super::refusal;
use super::route::Route;
use super::scenario::Scenario;
use crate::support::change::{self, ChangedFile};
use crate::support::fault::Planted;
use crate::support::server::Reply;
use crate::support::sha1::sha1;

/// What the request was like after a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub id: u64,
    /// The merge base.
    pub base: String,
    /// The tip of the target branch at that time.
    pub start: String,
    pub head: String,
}

/// What kind of a note it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One that nobody can settle.
    Plain,
    /// One in a thread.
    Discussion,
    /// One in a thread on a line or a file.
    Diff,
}

/// What somebody wrote, or the host about what somebody did.
#[derive(Debug, Clone)]
pub struct Note {
    pub id: u64,
    pub author: String,
    pub body: String,
    pub kind: Kind,
    /// Where it stands now.
    pub position: Option<Position>,
    /// Where it was written.
    pub original: Option<Position>,
    /// Whether the host wrote it.
    pub system: bool,
    pub internal: bool,
    /// Who settled it.
    pub resolved_by: Option<String>,
    /// When that was.
    pub resolved_at: u64,
    /// How often it was edited.
    pub edits: usize,
    pub awards: Vec<Award>,
}

impl Note {
    /// Whether it can be settled.
    pub fn resolvable(&self) -> bool {
        self.kind != Kind::Plain && !self.system
    }

    /// The lines it stands on, first and last, on the side of the last; 0 for a whole file or no file.
    pub fn lines(&self) -> (u32, u32) {
        self.position.as_ref().map_or((0, 0), Position::lines)
    }
}

/// Notes that belong together; one that stands alone is individual.
#[derive(Debug, Clone)]
pub struct Discussion {
    pub id: String,
    pub individual: bool,
    pub notes: Vec<Note>,
}

impl Discussion {
    /// Whether everything in it that can be settled is.
    pub fn resolved(&self) -> bool {
        let mut open = self.notes.iter().filter(|note| note.resolvable()).peekable();
        open.peek().is_some() && open.all(|note| note.resolved_by.is_some())
    }

    /// Who settled it.
    pub fn resolved_by(&self) -> Option<&str> {
        if !self.resolved() {
            return None;
        }
        self.notes.iter().rev().find_map(|note| note.resolved_by.as_deref())
    }
}

/// A note that only its author sees.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: u64,
    pub author: String,
    pub body: String,
    pub position: Option<Position>,
    /// The discussion that it answers.
    pub discussion: Option<String>,
    pub resolve: bool,
}

/// What somebody thinks of a note, in a word: `thumbsup`, `thumbsdown`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Award {
    pub id: u64,
    /// The note that it is for.
    pub note: u64,
    pub author: String,
    pub name: String,
}

/// What a job said of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub id: u64,
    pub sha: String,
    pub state: String,
    pub name: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
}

/// A quick action that was executed, and by whose note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub author: String,
    /// The name, without the slash.
    pub name: String,
    pub arguments: String,
}

/// Everything that a request can see or change.
pub(super) struct State {
    pub scenario: Scenario,
    /// All versions, the newest last.
    pub versions: Vec<Version>,
    pub discussions: Vec<Discussion>,
    pub drafts: Vec<Draft>,
    pub statuses: Vec<Status>,
    pub commands: Vec<Command>,
    /// How often people were told of something.
    pub notifications: usize,
    pub open: bool,
    pub faults: Vec<Planted<Route>>,
    /// Reads of the request and its versions so far.
    pub reads: usize,
    /// Requests of the last minute.
    pub asked: Vec<Instant>,
    created: Vec<Instant>,
    pub last_id: u64,
}

impl State {
    pub fn new(scenario: Scenario) -> State {
        let head = scenario.head.clone();
        let mut state = State {
            scenario,
            versions: Vec::new(),
            discussions: Vec::new(),
            drafts: Vec::new(),
            statuses: Vec::new(),
            commands: Vec::new(),
            notifications: 0,
            open: true,
            faults: Vec::new(),
            reads: 0,
            asked: Vec::new(),
            created: Vec::new(),
            last_id: 1000,
        };
        state.add_version(&head);
        state
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A new version with this head, as of the present target branch.
    pub fn add_version(&mut self, head: &str) {
        let (start, id) = (self.scenario.base.clone(), 9001 + self.versions.len() as u64);
        let base = change::merge_base(&self.git(), &start, head).to_string();
        self.versions.push(Version { id, base, start, head: head.to_owned() });
    }

    pub fn version(&self) -> &Version {
        self.versions.last().expect("a version")
    }

    pub fn head(&self) -> &str {
        &self.version().head
    }

    pub fn git(&self) -> Repository {
        self.scenario.repo.git()
    }

    /// The files that a version changes.
    pub fn files(&self, version: &Version) -> Vec<ChangedFile> {
        change::files(&self.git(), change::oid(&version.base), change::oid(&version.head))
    }

    /// Whether the host has looked at the request's commits yet.
    pub fn ready(&self) -> bool {
        let unready = self.scenario.limits.unready_reads;
        unready == 0 || self.reads > unready
    }

    /// 403 unless the token's identity has this access level.
    pub fn permit(&self, level: u8) -> Result<(), Reply> {
        if self.scenario.level >= level { Ok(()) } else { Err(refusal::forbidden()) }
    }

    /// 429 for more notes in a minute than the host takes.
    pub fn throttle(&mut self) -> Result<(), Reply> {
        self.created.retain(|at| at.elapsed() < Duration::from_secs(60));
        if self.created.len() >= self.scenario.limits.notes_per_minute {
            return Err(refusal::too_many_requests());
        }
        self.created.push(Instant::now());
        Ok(())
    }

    /// A note that is not in a discussion yet.
    pub fn new_note(&mut self, author: &str, body: &str, kind: Kind, position: Option<Position>) -> Note {
        let (author, body, original) = (author.to_owned(), body.to_owned(), position.clone());
        let (system, internal, resolved_by, edits, awards) = (false, false, None, 0, Vec::new());
        let id = self.next_id();
        Note {
            id,
            author,
            body,
            kind,
            position,
            original,
            system,
            internal,
            resolved_by,
            resolved_at: 0,
            edits,
            awards,
        }
    }

    /// Starts a discussion with this note.
    pub fn open_discussion(&mut self, note: Note) -> &Discussion {
        let id = sha1(&format!("discussion {}", note.id));
        self.discussions.push(Discussion { id, individual: note.kind == Kind::Plain, notes: vec![note] });
        self.discussions.last().expect("a discussion")
    }

    /// Adds a note to a discussion, which becomes a thread when it was none.
    pub fn add_reply(&mut self, at: usize, author: &str, body: &str) -> Note {
        let first = self.discussions[at].notes[0].clone();
        let kind = if first.kind == Kind::Plain { Kind::Discussion } else { first.kind };
        let note = self.new_note(author, body, kind, first.position.clone());
        let note = Note { original: first.original, ..note };
        let discussion = &mut self.discussions[at];
        discussion.individual = false;
        discussion.notes[0].kind = kind;
        discussion.notes.push(note.clone());
        note
    }

    /// What the host says of what somebody did.
    pub fn system_note(&mut self, author: &str, body: &str) {
        let note = self.new_note(author, body, Kind::Plain, None);
        self.open_discussion(Note { system: true, ..note });
    }

    /// The index of a discussion.
    pub fn discussion_at(&self, id: &str) -> Option<usize> {
        self.discussions.iter().position(|discussion| discussion.id == id)
    }

    /// The indexes of a note: that of its discussion, and its own in there.
    pub fn note_at(&self, id: u64) -> Option<(usize, usize)> {
        let within = |discussion: &Discussion| discussion.notes.iter().position(|note| note.id == id);
        self.discussions.iter().enumerate().find_map(|(at, discussion)| within(discussion).map(|note| (at, note)))
    }
}
