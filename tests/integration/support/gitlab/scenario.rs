//! What a merge request is like before the program comes.

use std::collections::BTreeMap;

use crate::support::repo::Repo;

/// A person who may push to the project.
pub const MEMBER: &str = "member";

/// The access level of those who may push and settle threads.
pub const DEVELOPER: u8 = 30;
/// The access level of those who may change others' notes.
pub const MAINTAINER: u8 = 40;

/// Who the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The bot that stands behind a project's access token.
    Bot,
    /// A person's access token.
    User(String),
}

/// Where the host stops showing or taking things.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one file's diff; a longer one is not shown.
    pub too_large: usize,
    /// Bytes of one file's diff; a longer one is folded away.
    pub collapsed: usize,
    /// Files of a version; of more, the first are kept.
    pub files: usize,
    /// Entries of a page, whatever was asked for.
    pub per_page: usize,
    /// Notes in a minute.
    pub notes_per_minute: usize,
    /// Requests in a minute.
    pub requests: usize,
    /// How often the request or its versions are read before they are there.
    pub unready_reads: usize,
}

/// In what versions of the host differ.
#[derive(Debug, Clone)]
pub struct Quirks {
    /// Errors are written as newer versions of Ruby do.
    pub new_ruby: bool,
    /// A draft on a line that is not there is taken, and lost without a word when it is published.
    pub drafts_unchecked: bool,
    /// Positions of notes stay where they were made, whatever is pushed.
    pub positions_stay: bool,
    /// Lines outside of the hunks may be commented, with both of their numbers.
    pub outside_hunks: bool,
    /// Threads on lines that were changed are settled by the push.
    pub resolve_outdated: bool,
}

/// A merge request of a repository on disk.
#[derive(Clone)]
pub struct Scenario {
    pub repo: Repo,
    /// The group of the project.
    pub group: String,
    /// The project in its group.
    pub name: String,
    pub project: u64,
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub base_ref: String,
    pub head_ref: String,
    /// The tip of the target branch.
    pub base: String,
    pub head: String,
    pub draft: bool,
    pub labels: Vec<String>,
    /// The issues that it closes: number, title and text.
    pub closes: Vec<(u64, String, String)>,
    /// Whether the source branch is in a fork, which is the project 4343 of the author.
    pub fork: bool,
    pub identity: Identity,
    /// Whether the token may only read.
    pub read_only: bool,
    /// The access level of the token's identity.
    pub level: u8,
    /// The access levels of people: 10 guest, 20 reporter, 30 developer, 40 maintainer, 50 owner.
    pub members: BTreeMap<String, u8>,
    /// What stands between the host's name and `/api/v4`.
    pub prefix: String,
    pub limits: Limits,
    pub quirks: Quirks,
}

impl Scenario {
    /// The merge request `octo/demo!7` from the branch `head` into the branch `base`, for the access token of a project
    /// with the role and the scope that the documentation asks for.
    pub fn new(repo: &Repo, base: &str, head: &str) -> Scenario {
        Scenario {
            repo: repo.clone(),
            group: "octo".to_owned(),
            name: "demo".to_owned(),
            project: 4242,
            number: 7,
            title: "Change the thing".to_owned(),
            body: Some("It should do more.".to_owned()),
            author: "alice".to_owned(),
            base_ref: base.to_owned(),
            head_ref: head.to_owned(),
            base: repo.sha(base),
            head: repo.sha(head),
            draft: false,
            labels: Vec::new(),
            closes: Vec::new(),
            fork: false,
            identity: Identity::Bot,
            read_only: false,
            level: DEVELOPER,
            members: BTreeMap::from([(MEMBER.to_owned(), DEVELOPER), ("alice".to_owned(), DEVELOPER)]),
            prefix: String::new(),
            limits: Limits {
                too_large: 204_800,
                collapsed: usize::MAX,
                files: 1000,
                per_page: 100,
                notes_per_minute: 60,
                requests: 2000,
                unready_reads: 0,
            },
            quirks: Quirks {
                new_ruby: false,
                drafts_unchecked: false,
                positions_stay: false,
                outside_hunks: false,
                resolve_outdated: false,
            },
        }
    }

    pub fn title(self, title: &str) -> Scenario {
        Scenario { title: title.to_owned(), ..self }
    }

    pub fn body(self, body: Option<&str>) -> Scenario {
        Scenario { body: body.map(str::to_owned), ..self }
    }

    pub fn author(self, name: &str) -> Scenario {
        Scenario { author: name.to_owned(), ..self }
    }

    pub fn number(self, number: u64) -> Scenario {
        Scenario { number, ..self }
    }

    pub fn draft(self) -> Scenario {
        Scenario { draft: true, ..self }
    }

    pub fn closes(mut self, number: u64, title: &str, body: &str) -> Scenario {
        self.closes.push((number, title.to_owned(), body.to_owned()));
        self
    }

    pub fn labels(self, labels: &[&str]) -> Scenario {
        Scenario { labels: labels.iter().map(|label| (*label).to_owned()).collect(), ..self }
    }

    /// A source branch in a fork of the author, who is no member.
    pub fn fork(mut self) -> Scenario {
        self.members.remove(&self.author);
        Scenario { fork: true, ..self }
    }

    /// The access token of a person.
    pub fn user(self, name: &str) -> Scenario {
        Scenario { identity: Identity::User(name.to_owned()), ..self }
    }

    /// A token with the scope `read_api`.
    pub fn read_only(self) -> Scenario {
        Scenario { read_only: true, ..self }
    }

    /// The access level of the token's identity.
    pub fn level(self, level: u8) -> Scenario {
        Scenario { level, ..self }
    }

    /// A person with a role in the project.
    pub fn member(mut self, name: &str, level: u8) -> Scenario {
        self.members.insert(name.to_owned(), level);
        self
    }

    /// A host whose GitLab is under a path: `/gitlab`.
    pub fn under(self, prefix: &str) -> Scenario {
        Scenario { prefix: prefix.to_owned(), ..self }
    }

    /// Changes limits of the host.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Scenario {
        change(&mut self.limits);
        self
    }

    /// Changes what the version of the host is like.
    pub fn quirks(mut self, change: impl FnOnce(&mut Quirks)) -> Scenario {
        change(&mut self.quirks);
        self
    }

    /// The path of the project: `group/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// The number of the project that the source branch is in.
    pub fn source_project(&self) -> u64 {
        if self.fork { self.project + 101 } else { self.project }
    }

    /// The path of the project that the source branch is in.
    pub fn source_name(&self) -> String {
        if self.fork { format!("{}/{}", self.author, self.name) } else { self.full_name() }
    }

    /// The user name of the token's identity.
    pub fn login(&self) -> String {
        match &self.identity {
            Identity::Bot => format!("project_{}_bot_0a1b2c3d4e5f60718293a4b5c6d7e8f9", self.project),
            Identity::User(name) => name.clone(),
        }
    }

    /// The access level of somebody; 0 for those who are no members.
    pub fn level_of(&self, name: &str) -> u8 {
        if name == self.login() { self.level } else { self.members.get(name).copied().unwrap_or(0) }
    }
}
