//! The JSON of the host's things.

use serde_json::{Value, json};

use super::reaction::rollup;
use super::state::{CheckRun, IssueComment, Reaction, Review, ReviewComment, State};
use crate::support::change::{self, ChangedFile};
use crate::support::openapi::GITHUB;

const NOW: &str = "2026-01-02T00:00:00Z";

/// The JSON shapes of one request: they carry the host's own address.
pub(super) struct Shape<'a> {
    pub state: &'a State,
    pub root: &'a str,
}

/// The login that stands for people who deleted their account; the host shows nobody in their place.
pub(super) const GHOST: &str = "ghost";

/// A person, an app, or null for somebody who is gone.
pub(super) fn user(login: &str) -> Value {
    if login == GHOST {
        return Value::Null;
    }
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    let id = login.bytes().fold(1000_u64, |sum, byte| sum * 31 % 90_000_000 + u64::from(byte));
    let given =
        json!({"login": login, "id": id, "node_id": format!("U_{id}"), "type": kind, "user_view_type": "public"});
    GITHUB.filled("simple-user", given)
}

impl Shape<'_> {
    pub fn api(&self, tail: &str) -> String {
        format!("{}/api/v3/repos/{}{tail}", self.root, self.state.scenario.full_name())
    }

    pub fn html(&self, tail: &str) -> String {
        format!("{}/{}{tail}", self.root, self.state.scenario.full_name())
    }

    fn association(&self, login: &str) -> &'static str {
        self.state.scenario.association(login)
    }

    pub fn repo(&self, component: &str, owner: &str) -> Value {
        let sc = &self.state.scenario;
        let full = format!("{owner}/{}", sc.name);
        let given = json!({
            "id": 1, "name": sc.name, "full_name": full, "owner": user(owner), "private": false, "fork": owner != sc.owner,
            "url": format!("{}/api/v3/repos/{full}", self.root), "html_url": format!("{}/{full}", self.root),
            "default_branch": sc.base_ref, "visibility": "public",
            "permissions": {"admin": false, "push": self.state.may("contents", "write"), "pull": true},
        });
        GITHUB.filled(component, given)
    }

    pub fn pull(&self) -> Value {
        let (state, sc) = (self.state, &self.state.scenario);
        let (files, n) = (state.files(&state.head), sc.number);
        let url = self.api(&format!("/pulls/{n}"));
        let side = |owner: &str, name: &str, sha: &str, repo: Value| json!({"label": format!("{owner}:{name}"), "ref": name, "sha": sha, "user": user(owner), "repo": repo});
        let mut pull = json!({
            "url": url, "id": 500_000 + n, "node_id": format!("PR_{n}"), "html_url": self.html(&format!("/pull/{n}")),
            "diff_url": self.html(&format!("/pull/{n}.diff")), "patch_url": self.html(&format!("/pull/{n}.patch")),
            "issue_url": self.api(&format!("/issues/{n}")), "number": n, "state": if state.open { "open" } else { "closed" }, "title": sc.title, "body": sc.body,
            "user": user(&sc.author), "draft": sc.draft, "labels": self.labels(), "mergeable": true, "mergeable_state": "clean",
            "author_association": sc.association(&sc.author),
            "head": side(sc.head_owner(), &sc.head_ref, &state.head, self.repo("repository", sc.head_owner())),
            "base": side(&sc.owner, &sc.base_ref, &sc.base, self.repo("repository", &sc.owner)),
            "additions": files.iter().map(|file| file.additions).sum::<usize>(),
            "deletions": files.iter().map(|file| file.deletions).sum::<usize>(),
            "changed_files": files.len(), "commits": self.commits(),
            "comments": state.notes.len(), "review_comments": state.comments.len(),
        });
        pull = GITHUB.filled("pull-request", pull);
        if !state.open {
            pull["closed_at"] = json!(NOW);
        }
        if sc.head_repo_deleted {
            pull["head"]["repo"] = Value::Null;
        }
        pull
    }

    fn commits(&self) -> usize {
        let (base, head) = (&self.state.scenario.base, &self.state.head);
        let counted = self.state.git().graph_ahead_behind(change::oid(head), change::oid(base));
        counted.map_or(0, |(ahead, _)| ahead)
    }

    fn labels(&self) -> Value {
        let label = |name: &String| {
            json!({"id": 1, "node_id": "LA_1", "url": self.api("/labels/x"), "name": name, "color": "ededed", "default": false,
                   "description": null})
        };
        self.state.scenario.labels.iter().map(label).collect()
    }

    pub fn file(&self, file: &ChangedFile) -> Value {
        let head = &self.state.head;
        let mut entry = json!({
            "sha": file.blob, "filename": file.path, "status": file.status, "additions": file.additions,
            "deletions": file.deletions, "changes": file.additions + file.deletions,
            "blob_url": self.html(&format!("/blob/{head}/{}", file.path)), "raw_url": self.html(&format!("/raw/{head}/{}", file.path)),
            "contents_url": self.api(&format!("/contents/{}?ref={head}", file.path)),
        });
        let shown = file.patch.as_ref().filter(|_| file.patch_lines() <= self.state.scenario.limits.patch_lines);
        if let Some(patch) = shown {
            entry["patch"] = json!(patch);
        }
        if file.status == "renamed" {
            entry["previous_filename"] = json!(file.old_path);
        }
        entry
    }

    pub fn review(&self, review: &Review) -> Value {
        let n = self.state.scenario.number;
        let html = self.html(&format!("/pull/{n}#pullrequestreview-{}", review.id));
        let pull = self.api(&format!("/pulls/{n}"));
        let mut out = json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id), "user": user(&review.author), "body": review.body,
            "state": review.state(), "html_url": html, "pull_request_url": pull, "commit_id": review.commit,
            "author_association": self.association(&review.author), "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
        });
        if review.event.is_some() {
            out["submitted_at"] = json!(NOW);
        }
        out
    }

    pub fn comment(&self, comment: &ReviewComment) -> Value {
        let n = self.state.scenario.number;
        let url = self.api(&format!("/pulls/comments/{}", comment.id));
        let (html, pull) =
            (self.html(&format!("/pull/{n}#discussion_r{}", comment.id)), self.api(&format!("/pulls/{n}")));
        let place = comment.place.as_ref();
        let present = self.state.present_line(comment);
        let mut out = json!({
            "url": url, "pull_request_review_id": comment.review, "id": comment.id, "node_id": format!("PRRC_{}", comment.id),
            "diff_hunk": place.map_or("", |place| &place.hunk), "path": comment.path,
            "commit_id": if present.is_some() { &self.state.head } else { &comment.commit },
            "original_commit_id": comment.commit, "user": user(&comment.author), "body": comment.body,
            "created_at": NOW, "updated_at": NOW, "html_url": html, "pull_request_url": pull, "author_association": self.association(&comment.author),
            "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull}},
            "reactions": rollup(&comment.reactions, &url),
            "subject_type": if place.is_some() { "line" } else { "file" }, "side": comment.side(),
            "start_side": place.and_then(|place| place.start_side).map(|side| side.as_str()),
            "original_line": place.map_or(1, |place| place.line), "original_start_line": place.and_then(|place| place.start_line),
            "original_position": place.map_or(1, |place| place.spot.position),
            "line": present.map(|(line, _)| line), "start_line": present.and_then(|(_, start)| start),
            "position": present.map(|_| place.map_or(1, |place| place.spot.position)),
        });
        if place.is_none() {
            out["line"] = json!(1);
            out["position"] = json!(1);
        }
        if let Some(id) = comment.in_reply_to {
            out["in_reply_to_id"] = json!(id);
        }
        out
    }

    pub fn note(&self, note: &IssueComment) -> Value {
        let n = self.state.scenario.number;
        let url = self.api(&format!("/issues/comments/{}", note.id));
        let given = json!({
            "id": note.id, "node_id": format!("IC_{}", note.id), "url": url, "reactions": rollup(&note.reactions, &url),
            "html_url": self.html(&format!("/pull/{n}#issuecomment-{}", note.id)), "issue_url": self.api(&format!("/issues/{n}")),
            "body": note.body, "user": user(&note.author), "created_at": NOW, "updated_at": NOW, "author_association": self.association(&note.author),
        });
        GITHUB.filled("issue-comment", given)
    }

    pub fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": format!("REA_{}", reaction.id), "user": user(&reaction.author),
            "content": reaction.content, "created_at": NOW,
        })
    }

    pub fn check_run(&self, run: &CheckRun) -> Value {
        let url = self.api(&format!("/check-runs/{}", run.id));
        let given = json!({
            "id": run.id, "node_id": format!("CR_{}", run.id), "name": run.name, "head_sha": run.head_sha, "url": url,
            "html_url": self.html(&format!("/runs/{}", run.id)), "details_url": run.details_url, "status": run.status,
            "conclusion": run.conclusion, "check_suite": {"id": 1},
            "output": {
                "title": run.title, "summary": run.summary, "text": run.text,
                "annotations_count": run.annotations.len(), "annotations_url": format!("{url}/annotations"),
            },
        });
        GITHUB.filled("check-run", given)
    }

    /// What a person may do in the repository: one of four words, and the role that has more of them.
    pub fn permission(&self, login: &str) -> Value {
        const ROLES: [&str; 6] = ["none", "read", "triage", "write", "maintain", "admin"];
        let role = self.state.scenario.role(login);
        let rank = ROLES.iter().position(|known| *known == role).unwrap_or_else(|| panic!("no role `{role}`"));
        let permission = match role {
            "maintain" => "write",
            "triage" => "read",
            other => other,
        };
        let mut person = user(login);
        person["role_name"] = json!(role);
        person["permissions"] = json!({
            "pull": rank >= 1, "triage": rank >= 2, "push": rank >= 3, "maintain": rank >= 4, "admin": rank >= 5,
        });
        json!({"permission": permission, "role_name": role, "user": person})
    }

    pub fn commit(&self, sha: &str) -> Value {
        let git = self.state.git();
        let commit = git.find_commit(change::oid(sha)).expect("a commit");
        let parents: Vec<String> = commit.parent_ids().map(|id| id.to_string()).collect();
        let link = |sha: &String| json!({"sha": sha, "url": self.api(&format!("/commits/{sha}"))});
        let given = json!({
            "sha": sha, "url": self.api(&format!("/commits/{sha}")), "author": user(&self.state.scenario.author),
            "parents": parents.iter().map(link).collect::<Vec<_>>(),
            "commit": {"message": String::from_utf8_lossy(commit.message_bytes()), "tree": {"sha": commit.tree_id().to_string()}},
        });
        GITHUB.filled("commit", given)
    }
}
