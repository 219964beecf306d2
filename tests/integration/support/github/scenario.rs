//! What a pull request is like before the program comes.

use std::collections::BTreeMap;

use crate::support::repo::Repo;

/// A person who may push to the repository.
pub const MEMBER: &str = "member";

/// Who the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A job's token: `github-actions[bot]`.
    Actions,
    /// A person's token.
    User(String),
}

impl Identity {
    pub fn login(&self) -> &str {
        match self {
            Identity::Actions => "github-actions[bot]",
            Identity::User(login) => login,
        }
    }
}

/// Where the host stops showing things.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Files of the whole diff.
    pub diff_files: usize,
    /// Lines of the whole diff.
    pub diff_lines: usize,
    /// Bytes of the whole diff.
    pub diff_bytes: usize,
    /// Lines of one file's patch; a longer one is left out of the listing.
    pub patch_lines: usize,
    /// Files of the listing.
    pub listed_files: usize,
    /// Comments and reviews in a minute.
    pub content_per_minute: usize,
    /// Requests in an hour.
    pub requests: usize,
}

/// A pull request of a repository on disk.
#[derive(Clone)]
pub struct Scenario {
    pub repo: Repo,
    pub owner: String,
    pub name: String,
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub base_ref: String,
    pub head_ref: String,
    pub base: String,
    pub head: String,
    pub draft: bool,
    pub labels: Vec<String>,
    /// The issues that it closes: number, title and text.
    pub closes: Vec<(u64, String, String)>,
    /// Whether the head is in a fork, whose owner is the author.
    pub fork: bool,
    pub head_repo_deleted: bool,
    pub identity: Identity,
    /// `read` or `write`, by permission.
    pub permissions: BTreeMap<String, String>,
    pub actions_can_approve: bool,
    /// The role of those who have one: `admin`, `maintain`, `write`, `triage`, `read` or `none`.
    pub collaborators: BTreeMap<String, String>,
    pub limits: Limits,
}

impl Scenario {
    /// The pull request `octo/demo#7` from the branch `head` into the branch `base`, with the permissions that the
    /// documentation asks for.
    pub fn new(repo: &Repo, base: &str, head: &str) -> Scenario {
        Scenario {
            repo: repo.clone(),
            owner: "octo".to_owned(),
            name: "demo".to_owned(),
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
            head_repo_deleted: false,
            identity: Identity::Actions,
            permissions: permissions(&[("contents", "read"), ("pull_requests", "write")]),
            actions_can_approve: false,
            collaborators: BTreeMap::from([(MEMBER.to_owned(), "write".to_owned())]),
            limits: Limits {
                diff_files: 300,
                diff_lines: 20_000,
                diff_bytes: 1_000_000,
                patch_lines: 20_000,
                listed_files: 3000,
                content_per_minute: 80,
                requests: 1000,
            },
        }
    }

    pub fn title(self, title: &str) -> Scenario {
        Scenario { title: title.to_owned(), ..self }
    }

    pub fn body(self, body: Option<&str>) -> Scenario {
        Scenario { body: body.map(str::to_owned), ..self }
    }

    pub fn author(self, login: &str) -> Scenario {
        Scenario { author: login.to_owned(), ..self }
    }

    pub fn number(self, number: u64) -> Scenario {
        Scenario { number, ..self }
    }

    pub fn draft(self) -> Scenario {
        Scenario { draft: true, ..self }
    }

    pub fn labels(self, labels: &[&str]) -> Scenario {
        Scenario { labels: labels.iter().map(|label| (*label).to_owned()).collect(), ..self }
    }

    pub fn closes(mut self, number: u64, title: &str, body: &str) -> Scenario {
        self.closes.push((number, title.to_owned(), body.to_owned()));
        self
    }

    /// A head in a fork: the token may only read.
    pub fn fork(self) -> Scenario {
        Scenario { fork: true, ..self }.permissions(&[
            ("contents", "read"),
            ("pull_requests", "read"),
            ("issues", "read"),
        ])
    }

    /// A fork that is gone: `head.repo` is null.
    pub fn head_repo_deleted(self) -> Scenario {
        Scenario { head_repo_deleted: true, ..self.fork() }
    }

    /// The token's permissions; what is not named is not given.
    pub fn permissions(self, given: &[(&str, &str)]) -> Scenario {
        Scenario { permissions: permissions(given), ..self }
    }

    /// The token of a person, who may read and write everything.
    pub fn user(self, login: &str) -> Scenario {
        let all = [("contents", "write"), ("pull_requests", "write"), ("issues", "write"), ("checks", "write")];
        Scenario { identity: Identity::User(login.to_owned()), ..self }.permissions(&all)
    }

    pub fn actions_can_approve(self) -> Scenario {
        Scenario { actions_can_approve: true, ..self }
    }

    /// A person with a role in the repository.
    pub fn collaborator(mut self, login: &str, level: &str) -> Scenario {
        self.collaborators.insert(login.to_owned(), level.to_owned());
        self
    }

    /// The role of a person. Anybody may read; the author of a request that is not from a fork has pushed its branch.
    pub fn role(&self, login: &str) -> &str {
        let other = if login == self.author && !self.fork { "write" } else { "read" };
        self.collaborators.get(login).map_or(other, String::as_str)
    }

    /// What the host says of a person's relation to the repository.
    pub fn association(&self, login: &str) -> &'static str {
        match self.role(login) {
            "admin" | "maintain" | "write" => "MEMBER",
            _ if login == self.author && self.fork => "FIRST_TIME_CONTRIBUTOR",
            _ => "NONE",
        }
    }

    /// Changes limits of the host.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Scenario {
        change(&mut self.limits);
        self
    }

    /// `owner/name`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The owner of the repository that the head is in.
    pub fn head_owner(&self) -> &str {
        if self.fork { &self.author } else { &self.owner }
    }
}

fn permissions(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    given.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
}
