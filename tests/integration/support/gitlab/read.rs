//! The operations that change nothing.

use std::path::Path;

use base64::Engine;
use git2::Oid;
use serde_json::{Value, json};

use super::body::truth;
use super::position::number;
use super::refusal;
use super::route::{Found, Route};
use super::shape::{Shape, person_id};
use super::state::{Discussion, Note, State, Version};
use crate::support::change::{self, ChangedFile};
use crate::support::page::Page;
use crate::support::server::{Reply, Request};
use crate::support::sha1::sha1;

const PER_PAGE: usize = 20;

impl State {
    pub(super) fn read(&self, found: &Found, params: &Value, request: &Request, root: &str) -> Result<Reply, Reply> {
        let shape = self.shape(root);
        let page = |items: Vec<Value>| Ok(self.paged(items, request, root));
        let one = |item: Value| Ok(Reply::json(200, &item));
        match found.route {
            Route::GetVersion => one(json!({"version": "18.5.0-ee", "revision": "0a1b2c3d4e5", "enterprise": true})),
            Route::GetUser => one(shape.user()),
            Route::GetToken => one(shape.token()),
            Route::GetProject => one(shape.project(self.project_of(found))),
            Route::ListMembers => page(self.members(params).iter().map(|name| shape.member(name)).collect()),
            Route::GetMember => {
                let name = self.members(&Value::Null).into_iter().find(|name| person_id(name) == found.id);
                one(shape.member(&name.ok_or_else(|| refusal::missing(""))?))
            }
            Route::GetMerge => one(shape.merge()),
            Route::ListVersions => page(self.ready_versions().map(|version| shape.version(version)).collect()),
            Route::GetDiffVersion => self.one_version(&shape, found.id, params),
            Route::ListDiffs => page(self.diffs(&shape, self.ready_versions().next(), params)),
            Route::GetRawDiffs => Ok(self.raw_diffs()),
            Route::ListCommits => page(self.commits().iter().map(|sha| shape.commit(sha)).collect()),
            Route::ListClosed => page(self.scenario.closes.iter().map(closed).collect()),
            Route::GetFile | Route::GetRawFile => self.file(found, params),
            Route::Compare => self.compare(&shape, params),
            Route::ListDiscussions => page(self.discussions.iter().map(|it| shape.discussion(it)).collect()),
            Route::GetDiscussion => one(shape.discussion(self.discussion(&found.tail)?)),
            Route::ListDiscussionNotes => {
                page(self.discussion(&found.tail)?.notes.iter().map(|note| shape.note(note)).collect())
            }
            Route::ListNotes => page(self.notes(params)?.into_iter().map(|note| shape.note(note)).collect()),
            Route::GetNote | Route::GetDiscussionNote => one(shape.note(self.note(found)?)),
            Route::ListAwards => page(self.note(found)?.awards.iter().map(|award| shape.award(award)).collect()),
            // This listing has no pages.
            Route::ListDrafts => one(self.own_drafts().iter().map(|draft| shape.draft(draft)).collect()),
            Route::GetDraft => one(shape.draft(&self.drafts[self.draft_at(found.id)?])),
            _ => Err(refusal::error(404, "404 Not Found")),
        }
    }

    fn commits(&self) -> Vec<String> {
        let git = self.git();
        let (from, to) = (change::oid(&self.version().base), change::oid(&self.version().head));
        let mut walk = git.revwalk().expect("a history");
        walk.push(to).and_then(|()| walk.hide(from)).expect("a range");
        walk.set_sorting(git2::Sort::TOPOLOGICAL).expect("an order");
        walk.filter_map(Result::ok).map(|id| id.to_string()).collect()
    }

    pub(super) fn shape(&self, root: &str) -> Shape<'_> {
        Shape { state: self, web: format!("{root}{}", self.scenario.prefix) }
    }

    fn project_of(&self, found: &Found) -> u64 {
        let sc = &self.scenario;
        let named = found.project.as_deref().unwrap_or_default();
        let is_target = named == sc.full_name() || named == sc.project.to_string();
        if is_target { sc.project } else { sc.source_project() }
    }

    fn members(&self, params: &Value) -> Vec<String> {
        let query = params["query"].as_str().unwrap_or_default().to_lowercase();
        let mut names: Vec<String> = self.scenario.members.keys().cloned().collect();
        let login = self.scenario.login();
        if self.scenario.level > 0 && !names.contains(&login) {
            names.push(login);
        }
        names.retain(|name| name.to_lowercase().contains(&query));
        names
    }

    /// The versions that there are, the newest first; none before the host has looked at the commits.
    fn ready_versions(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().rev().filter(|_| self.ready())
    }

    fn one_version(&self, shape: &Shape, id: u64, params: &Value) -> Result<Reply, Reply> {
        let version = self.ready_versions().find(|version| version.id == id).ok_or_else(|| refusal::missing(""))?;
        let mut out = shape.version(version);
        out["commits"] = json!([shape.commit(&version.head)]);
        out["diffs"] = Value::Array(self.diffs(shape, Some(version), params));
        Ok(Reply::json(200, &out))
    }

    fn diffs(&self, shape: &Shape, version: Option<&Version>, params: &Value) -> Vec<Value> {
        let files = version.map(|version| self.files(version)).unwrap_or_default();
        let unidiff = truth(&params["unidiff"]) == Some(true);
        files.iter().take(self.scenario.limits.files).map(|file| shape.file(file, unidiff)).collect()
    }

    fn raw_diffs(&self) -> Reply {
        let version = self.version();
        let text = change::text(&self.git(), change::oid(&version.base), change::oid(&version.head));
        Reply::bytes(200, "text/plain", text)
    }

    fn file(&self, found: &Found, params: &Value) -> Result<Reply, Reply> {
        let git = self.git();
        let raw = found.route == Route::GetRawFile;
        let name = match params["ref"].as_str() {
            Some(name) => name,
            None if raw => self.scenario.base_ref.as_str(),
            None => return Err(refusal::lacking(&["ref"])),
        };
        let commit = self.commit(name).ok_or_else(|| refusal::missing("Commit"))?;
        let tree = git.find_commit(commit).and_then(|commit| commit.tree()).expect("a commit's files");
        let object = tree.get_path(Path::new(&found.tail)).and_then(|entry| entry.to_object(&git));
        let object = object.map_err(|_| refusal::missing("File"))?;
        let blob = object.as_blob().ok_or_else(|| refusal::missing("File"))?;
        let content = blob.content();
        if raw {
            return Ok(Reply::bytes(200, "text/plain", content.to_vec()).header("x-gitlab-size", content.len()));
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(content);
        Ok(Reply::json(
            200,
            &json!({
                "file_name": found.tail.rsplit('/').next(), "file_path": found.tail, "size": content.len(), "encoding": "base64",
                "content": encoded, "content_sha256": null, "ref": name, "blob_id": blob.id().to_string(),
                "commit_id": commit.to_string(), "last_commit_id": commit.to_string(), "execute_filemode": false,
            }),
        ))
    }

    /// The commit of a branch, of `HEAD` (the tip of the target branch), or with this id.
    pub(super) fn commit(&self, name: &str) -> Option<Oid> {
        let name = match name {
            "HEAD" => &self.scenario.base_ref,
            name => name,
        };
        let git = self.git();
        git.revparse_single(name).ok()?.peel_to_commit().ok().map(|commit| commit.id())
    }

    fn compare(&self, shape: &Shape, params: &Value) -> Result<Reply, Reply> {
        let git = self.git();
        let lacking: Vec<&str> = ["from", "to"].into_iter().filter(|name| !params[name].is_string()).collect();
        if !lacking.is_empty() {
            return Err(refusal::lacking(&lacking));
        }
        let commit = |name: &str| params[name].as_str().and_then(|name| self.commit(name));
        let (from, to) = commit("from").zip(commit("to")).ok_or_else(|| refusal::missing("Ref"))?;
        let straight = truth(&params["straight"]) == Some(true);
        let base = if straight { Some(from) } else { git.merge_base(from, to).ok() };
        let base = base.ok_or_else(|| refusal::missing("Ref"))?;
        let files: Vec<ChangedFile> = change::files(&git, base, to);
        let unidiff = truth(&params["unidiff"]) == Some(true);
        Ok(Reply::json(
            200,
            &json!({
                "commit": shape.commit(&to.to_string()), "commits": [shape.commit(&to.to_string())],
                "diffs": files.iter().map(|file| shape.file(file, unidiff)).collect::<Vec<_>>(), "compare_timeout": false,
                "compare_same_ref": from == to, "web_url": shape.web,
            }),
        ))
    }

    pub(super) fn discussion(&self, id: &str) -> Result<&Discussion, Reply> {
        self.discussion_at(id).map(|at| &self.discussions[at]).ok_or_else(|| refusal::missing("Discussion"))
    }

    pub(super) fn note(&self, found: &Found) -> Result<&Note, Reply> {
        let (at, note) = self.note_at(found.id).ok_or_else(|| refusal::missing(""))?;
        Ok(&self.discussions[at].notes[note])
    }

    /// The notes that a listing has, in its order: the newest first unless it says otherwise.
    fn notes(&self, params: &Value) -> Result<Vec<&Note>, Reply> {
        let choice = |name: &str, values: &[&str]| {
            let given = params[name].as_str().unwrap_or(values[0]).to_owned();
            let known = values.contains(&given.as_str());
            known.then_some(given).ok_or_else(|| refusal::error(400, &format!("{name} does not have a valid value")))
        };
        let sort = choice("sort", &["desc", "asc"])?;
        let order = choice("order_by", &["created_at", "updated_at"])?;
        let filter = choice("activity_filter", &["all_notes", "only_comments", "only_activity"])?;
        let mut notes: Vec<&Note> = self.discussions.iter().flat_map(|it| &it.notes).collect();
        notes.retain(|note| filter == "all_notes" || note.system == (filter == "only_activity"));
        notes.sort_by_key(|note| note.id + if order == "updated_at" { note.edits as u64 } else { 0 });
        if sort == "desc" {
            notes.reverse();
        }
        Ok(notes)
    }

    /// One page of a listing, with all that the host says of the others.
    fn paged(&self, items: Vec<Value>, request: &Request, root: &str) -> Reply {
        let page = Page::of(items, request, PER_PAGE, self.scenario.limits.per_page);
        let links = page.links(&format!("{root}{}", request.path));
        let number = |wanted: bool, n: usize| if wanted { n.to_string() } else { String::new() };
        let headers = [
            ("link", links),
            ("x-page", page.number.to_string()),
            ("x-per-page", page.size.to_string()),
            ("x-next-page", number(page.number < page.last, page.number + 1)),
            ("x-prev-page", number(page.number > 1, page.number.saturating_sub(1))),
            ("x-total", page.total.to_string()),
            ("x-total-pages", page.last.to_string()),
        ];
        let reply = Reply::json(200, &Value::Array(page.items));
        headers.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

/// An issue, as far as anybody reads it.
fn closed((number, title, body): &(u64, String, String)) -> Value {
    json!({"id": number + 900, "iid": number, "title": title, "description": body, "state": "opened", "labels": []})
}
