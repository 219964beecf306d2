//! The JSON of the host's things. Each has what a newer version might add to it.

use serde_json::{Value, json};

use super::position::Position;
use super::scenario::Scenario;
use super::state::{Award, Discussion, Draft, Kind, Note, State, Status, Version};
use crate::support::change::ChangedFile;

/// The JSON shapes of one request: they carry the host's own address.
pub(super) struct Shape<'a> {
    pub state: &'a State,
    /// The address of the host for people.
    pub web: String,
}

/// A time, so many minutes after the first.
fn time(minutes: u64) -> String {
    format!("2026-01-{:02}T{:02}:{:02}:00.000Z", 2 + minutes / 1440 % 27, minutes / 60 % 24, minutes % 60)
}

/// The number of a person, an account that is always the same.
pub fn person_id(name: &str) -> u64 {
    100 + name.bytes().fold(7, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 900_000)
}

impl Shape<'_> {
    pub fn person(&self, name: &str) -> Value {
        let web = format!("{}/{name}", self.web);
        json!({
            "id": person_id(name), "username": name, "public_email": null, "name": name, "state": "active",
            "locked": false, "avatar_url": null, "web_url": web,
        })
    }

    pub fn member(&self, name: &str) -> Value {
        let mut person = self.person(name);
        person["access_level"] = json!(self.state.scenario.level_of(name));
        person["expires_at"] = Value::Null;
        person["membership_state"] = json!("active");
        person["member_role"] = Value::Null;
        person
    }

    pub fn user(&self) -> Value {
        let sc = &self.state.scenario;
        let mut user = self.person(&sc.login());
        user["bot"] = json!(is_bot(&sc.login()));
        user["email"] = Value::Null;
        user["two_factor_enabled"] = json!(false);
        user
    }

    pub fn token(&self) -> Value {
        let sc = &self.state.scenario;
        let scopes = if sc.read_only { ["read_api"] } else { ["api"] };
        json!({
            "id": 31, "name": "prudence", "revoked": false, "created_at": time(0), "description": null, "scopes": scopes,
            "user_id": person_id(&sc.login()), "last_used_at": null, "active": true, "expires_at": "2027-01-01",
            "granular": false,
        })
    }

    pub fn project(&self, id: u64) -> Value {
        let sc = &self.state.scenario;
        let full = if id == sc.project { sc.full_name() } else { sc.source_name() };
        let (group, name) = full.split_once('/').expect("a path of two parts");
        let web = format!("{}/{full}", self.web);
        json!({
            "id": id, "description": null, "name": name, "path": name, "path_with_namespace": full,
            "name_with_namespace": format!("{group} / {name}"), "default_branch": sc.base_ref, "visibility": "private",
            "web_url": web, "http_url_to_repo": format!("{web}.git"), "empty_repo": false, "archived": false,
            "namespace": {"id": 1, "name": group, "path": group, "kind": "group", "full_path": group, "parent_id": null},
            "forked_from_project": if id == sc.project { Value::Null } else { json!({"id": sc.project}) },
            "only_allow_merge_if_all_discussions_are_resolved": false, "permissions": null, "from_the_future": {"a": null},
        })
    }

    pub fn merge(&self) -> Value {
        let (state, sc) = (self.state, &self.state.scenario);
        let notes = state.discussions.iter().flat_map(|discussion| &discussion.notes).filter(|note| !note.system);
        let mut out = json!({
            "id": merge_id(sc), "iid": sc.number, "project_id": sc.project, "title": sc.title, "description": sc.body,
            "state": if state.open { "opened" } else { "closed" }, "created_at": time(0), "updated_at": time(1),
            "target_branch": sc.base_ref, "source_branch": sc.head_ref, "user_notes_count": notes.count(), "upvotes": 0,
            "downvotes": 0, "author": self.person(&sc.author), "assignees": [], "assignee": null, "reviewers": [],
            "source_project_id": sc.source_project(), "target_project_id": sc.project, "labels": sc.labels,
            "draft": sc.draft, "work_in_progress": sc.draft, "merge_status": "can_be_merged", "sha": state.head(),
            "detailed_merge_status": "mergeable", "reference": format!("!{}", sc.number), "references": references(sc),
            "web_url": merge_url(&self.web, sc), "user": {"can_merge": sc.level >= 30}, "has_conflicts": false,
            "from_the_future": {"a": null},
        });
        for name in ["merge_user", "merged_at", "closed_by", "closed_at", "milestone", "merge_commit_sha", "pipeline"] {
            out[name] = Value::Null;
        }
        let version = state.version();
        let refs = json!({"base_sha": version.base, "head_sha": version.head, "start_sha": version.start});
        let ready = state.ready();
        out["prepared_at"] = json!(ready.then(|| time(0)));
        out["changes_count"] = json!(ready.then(|| self.count(version)));
        out["diff_refs"] = if ready { refs } else { Value::Null };
        out
    }

    /// How many files a version has, as text.
    fn count(&self, version: &Version) -> String {
        let (count, limit) = (self.state.files(version).len(), self.state.scenario.limits.files);
        if count > limit { format!("{limit}+") } else { count.to_string() }
    }

    pub fn version(&self, version: &Version) -> Value {
        let count = self.count(version);
        json!({
            "id": version.id, "head_commit_sha": version.head, "base_commit_sha": version.base,
            "start_commit_sha": version.start, "created_at": time(version.id), "merge_request_id": merge_id(&self.state.scenario),
            "state": if count.ends_with('+') { "overflow" } else { "collected" }, "real_size": count, "patch_id_sha": null,
            "from_the_future": null,
        })
    }

    /// A changed file; `unidiff` asks for the two lines above the hunks.
    pub fn file(&self, file: &ChangedFile, unidiff: bool) -> Value {
        let limits = &self.state.scenario.limits;
        let mut text = match &file.patch {
            Some(patch) => format!("{patch}\n"),
            None if file.binary => format!("Binary files a/{} and b/{} differ\n", file.old_path, file.path),
            None => String::new(),
        };
        let too_large = text.len() > limits.too_large;
        let collapsed = !too_large && text.len() > limits.collapsed;
        if too_large || collapsed {
            text.clear();
        } else if unidiff && file.patch.is_some() {
            text = format!("{}{text}", headers(file));
        }
        json!({
            "diff": text, "collapsed": collapsed, "too_large": too_large, "new_path": file.path, "old_path": file.old_path,
            "a_mode": mode(file.modes.0), "b_mode": mode(file.modes.1), "new_file": file.status == "added",
            "renamed_file": file.status == "renamed", "deleted_file": file.status == "removed", "generated_file": null,
            "from_the_future": null,
        })
    }

    pub fn note(&self, note: &Note) -> Value {
        let sc = &self.state.scenario;
        let kind = match note.kind {
            Kind::Plain => Value::Null,
            Kind::Discussion => json!("DiscussionNote"),
            Kind::Diff => json!("DiffNote"),
        };
        let mut out = json!({
            "id": note.id, "type": kind, "body": note.body, "author": self.person(&note.author),
            "created_at": time(note.id), "updated_at": time(note.id + note.edits as u64), "system": note.system,
            "noteable_id": merge_id(sc), "noteable_type": "MergeRequest", "project_id": sc.project,
            "resolvable": note.resolvable(), "confidential": note.internal, "internal": note.internal, "imported": false,
            "imported_from": "none", "noteable_iid": sc.number, "commands_changes": {}, "from_the_future": {"a": null},
        });
        if let Some(position) = &note.position {
            out["commit_id"] = Value::Null;
            out["position"] = position.to_json();
        }
        if note.resolvable() {
            out["resolved"] = json!(note.resolved_by.is_some());
            out["resolved_by"] = note.resolved_by.as_ref().map_or(Value::Null, |name| self.person(name));
            out["resolved_at"] = note.resolved_by.as_ref().map_or(Value::Null, |_| json!(time(note.resolved_at)));
        }
        out
    }

    pub fn discussion(&self, discussion: &Discussion) -> Value {
        let notes: Vec<Value> = discussion.notes.iter().map(|note| self.note(note)).collect();
        json!({"id": discussion.id, "individual_note": discussion.individual, "notes": notes})
    }

    pub fn draft(&self, draft: &Draft) -> Value {
        json!({
            "id": draft.id, "author_id": person_id(&draft.author), "merge_request_id": merge_id(&self.state.scenario),
            "resolve_discussion": draft.resolve, "discussion_id": draft.discussion, "note": draft.body, "commit_id": null,
            "line_code": draft.position.as_ref().and_then(|position| position.line_code.clone()),
            "position": draft.position.as_ref().map_or_else(nowhere, Position::to_json),
        })
    }

    pub fn award(&self, award: &Award) -> Value {
        json!({
            "id": award.id, "name": award.name, "user": self.person(&award.author), "created_at": time(award.id),
            "updated_at": time(award.id), "awardable_id": award.note, "awardable_type": "Note", "url": null,
        })
    }

    pub fn status(&self, status: &Status) -> Value {
        json!({
            "id": status.id, "sha": status.sha, "ref": null, "status": status.state, "name": status.name,
            "target_url": status.target_url, "description": status.description, "created_at": time(status.id),
            "started_at": null, "finished_at": null, "allow_failure": false, "coverage": null, "pipeline_id": 1,
            "author": self.person(&self.state.scenario.login()),
        })
    }

    pub fn commit(&self, sha: &str) -> Value {
        let git = self.state.git();
        let commit = git.find_commit(crate::support::change::oid(sha)).expect("a commit");
        let message = commit.message().unwrap_or_default();
        let parents: Vec<String> = commit.parent_ids().map(|id| id.to_string()).collect();
        json!({
            "id": sha, "short_id": &sha[..8], "title": message.lines().next(), "message": message, "parent_ids": parents,
            "author_name": "Alice", "author_email": "alice@example.com", "authored_date": time(0), "committer_name": "Alice",
            "committer_email": "alice@example.com", "committed_date": time(0), "created_at": time(0), "trailers": {},
            "web_url": format!("{}/{}/-/commit/{sha}", self.web, self.state.scenario.full_name()),
        })
    }
}

/// The two lines that name a file above its hunks.
pub fn headers(file: &ChangedFile) -> String {
    let side = |letter: char, path: &str, gone: &str| {
        if file.status == gone { "/dev/null".to_owned() } else { format!("{letter}/{path}") }
    };
    format!("--- {}\n+++ {}\n", side('a', &file.old_path, "added"), side('b', &file.path, "removed"))
}

/// The address of the request for people.
pub fn merge_url(web: &str, sc: &Scenario) -> String {
    format!("{web}/{}/-/merge_requests/{}", sc.full_name(), sc.number)
}

/// Whether an account is that of an access token.
pub fn is_bot(name: &str) -> bool {
    name.starts_with("project_") && name.contains("_bot_")
}

fn references(sc: &Scenario) -> Value {
    let short = format!("!{}", sc.number);
    json!({"short": short, "relative": short, "full": format!("{}{short}", sc.full_name())})
}

fn merge_id(sc: &Scenario) -> u64 {
    500_000 + sc.number
}

fn mode(bits: u32) -> String {
    if bits == 0 { "0".to_owned() } else { format!("{bits:06o}") }
}

/// The position of a draft that has none.
fn nowhere() -> Value {
    json!({
        "base_sha": null, "start_sha": null, "head_sha": null, "old_path": null, "new_path": null, "position_type": "text",
        "old_line": null, "new_line": null, "line_range": null,
    })
}
