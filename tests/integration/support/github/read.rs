//! The operations that change nothing.

use std::path::Path;

use base64::Engine;
use git2::{Blob, ObjectType, Oid, Repository};
use serde_json::{Value, json};

use super::refusal;
use super::route::{Found, Route};
use super::scenario::Identity;
use super::shape::{GHOST, Shape, user};
use super::state::State;
use crate::support::change;
use crate::support::openapi::GITHUB;
use crate::support::page::Page;
use crate::support::server::{Reply, Request};

const PER_PAGE: usize = 30;
const MAX_PER_PAGE: usize = 100;
/// Files are given whole up to here.
const WHOLE_FILE: usize = 1_000_000;

impl State {
    pub(super) fn read(&self, found: &Found, request: &Request, root: &str) -> Result<Reply, Reply> {
        let shape = Shape { state: self, root };
        let page = |items: Vec<Value>| Ok(paged(items, request, root));
        match found.route {
            Route::GetRepo => Ok(Reply::json(200, &shape.repo("full-repository", &self.scenario.owner))),
            Route::GetUser => self.viewer(),
            Route::GetPull => Ok(Reply::json(200, &shape.pull())),
            Route::GetDiff => self.diff(self.merge_base(&self.head), change::oid(&self.head)),
            Route::ListFiles => {
                let files = self.files(&self.head);
                page(files.iter().take(self.scenario.limits.listed_files).map(|file| shape.file(file)).collect())
            }
            Route::ListReviews => {
                page(self.reviews.iter().filter(|review| self.visible(review.id)).map(|r| shape.review(r)).collect())
            }
            Route::ListReviewComments => {
                let seen = self.comments.iter().filter(|comment| self.visible(comment.review));
                page(seen.map(|comment| shape.comment(comment)).collect())
            }
            Route::ListIssueComments => page(self.notes.iter().map(|note| shape.note(note)).collect()),
            Route::ListReactions => {
                let reactions = self.reactions_to(found)?;
                page(reactions.iter().map(|reaction| shape.reaction(reaction)).collect())
            }
            Route::GetCheckRun => {
                let run = self.check_runs.iter().find(|run| run.id == found.id);
                let missing = || refusal::problem(404, "Not Found", found.route.doc());
                Ok(Reply::json(200, &shape.check_run(run.ok_or_else(missing)?)))
            }
            Route::ListCheckRuns => {
                let of_commit = self.check_runs.iter().filter(|run| run.head_sha == found.tail);
                let runs: Vec<Value> = of_commit.map(|run| shape.check_run(run)).collect();
                Ok(Reply::json(200, &json!({"total_count": runs.len(), "check_runs": runs})))
            }
            Route::GetPermission if found.tail == GHOST => {
                Err(refusal::problem(404, &format!("{} is not a user", found.tail), found.route.doc()))
            }
            Route::GetPermission => Ok(Reply::json(200, &shape.permission(&found.tail))),
            Route::GetContents => self.contents(&shape, &found.tail, request),
            Route::Compare => self.compare(&shape, &found.tail, request),
            _ => Err(refusal::problem(404, "Not Found", found.route.doc())),
        }
    }

    fn viewer(&self) -> Result<Reply, Reply> {
        match &self.scenario.identity {
            Identity::Actions => {
                Err(refusal::problem(403, "Resource not accessible by integration", Route::GetUser.doc()))
            }
            Identity::User(login) => Ok(Reply::json(200, &GITHUB.filled("public-user", user(login)))),
        }
    }

    fn diff(&self, from: Oid, to: Oid) -> Result<Reply, Reply> {
        let (git, limits) = (self.git(), &self.scenario.limits);
        if change::files(&git, from, to).len() > limits.diff_files {
            return Err(refusal::too_large("files", limits.diff_files));
        }
        let text = change::text(&git, from, to);
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        if lines > limits.diff_lines || text.len() > limits.diff_bytes {
            return Err(refusal::too_large("lines", limits.diff_lines));
        }
        Ok(Reply::bytes(200, "application/vnd.github.diff; charset=utf-8", text))
    }

    fn contents(&self, shape: &Shape, path: &str, request: &Request) -> Result<Reply, Reply> {
        let doc = Route::GetContents.doc();
        let git = self.git();
        let name = request.query.get("ref").map_or(self.scenario.base_ref.as_str(), String::as_str);
        let Some(tree) = git.revparse_single(name).ok().and_then(|object| object.peel_to_tree().ok()) else {
            return Err(refusal::problem(404, &format!("No commit found for the ref {name}"), doc));
        };
        let entry = tree.get_path(Path::new(path)).map_err(|_| refusal::problem(404, "Not Found", doc))?;
        let object = entry.to_object(&git).map_err(|_| refusal::problem(404, "Not Found", doc))?;
        let raw = request.header("accept").is_some_and(|accept| accept.contains("raw"));
        match object.as_blob() {
            Some(blob) if raw => {
                let kind = "application/vnd.github.raw+json; charset=utf-8";
                Ok(Reply::bytes(200, kind, blob.content().to_vec()))
            }
            Some(blob) => Ok(Reply::json(200, &file_json(shape, path, blob))),
            None => Ok(Reply::json(200, &folder_json(shape, &git, path, entry.id()))),
        }
    }

    fn compare(&self, shape: &Shape, span: &str, request: &Request) -> Result<Reply, Reply> {
        let git = self.git();
        let commit = |name: &str| {
            let name = name.rsplit(':').next().unwrap_or(name);
            git.revparse_single(name).ok().and_then(|object| object.peel_to_commit().ok()).map(|commit| commit.id())
        };
        let ends = span.split_once("...").and_then(|(base, head)| commit(base).zip(commit(head)));
        let missing = || refusal::problem(404, "Not Found", Route::Compare.doc());
        let (base, head) = ends.ok_or_else(missing)?;
        let fork = git.merge_base(base, head).map_err(|_| missing())?;
        if request.header("accept").is_some_and(|accept| accept.contains("diff")) {
            return self.diff(fork, head);
        }
        let (ahead, behind) = git.graph_ahead_behind(head, base).map_err(|_| missing())?;
        let status = match (ahead, behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let files = change::files(&git, fork, head);
        let given = json!({
            "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
            "base_commit": shape.commit(&base.to_string()), "merge_base_commit": shape.commit(&fork.to_string()), "commits": [],
            "files": files.iter().take(self.scenario.limits.diff_files).map(|file| shape.file(file)).collect::<Vec<_>>(),
        });
        Ok(Reply::json(200, &GITHUB.filled("commit-comparison", given)))
    }
}

fn file_json(shape: &Shape, path: &str, blob: &Blob) -> Value {
    let whole = blob.size() <= WHOLE_FILE;
    let content = if whole { base64::engine::general_purpose::STANDARD.encode(blob.content()) } else { String::new() };
    // The host breaks the text into lines, as e-mail does.
    let lines: Vec<&str> = content.as_bytes().chunks(60).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let mut out = entry_json(shape, path, "file", &blob.id().to_string(), blob.size());
    out["encoding"] = json!(if whole { "base64" } else { "none" });
    out["content"] = json!(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    out
}

fn folder_json(shape: &Shape, git: &Repository, path: &str, id: Oid) -> Value {
    let Ok(tree) = git.find_tree(id) else { return json!([]) };
    let entry = |entry: git2::TreeEntry| {
        let kind = if entry.kind() == Some(ObjectType::Tree) { "dir" } else { "file" };
        let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
        entry_json(shape, &format!("{path}/{name}"), kind, &entry.id().to_string(), 0)
    };
    tree.iter().map(entry).collect()
}

fn entry_json(shape: &Shape, path: &str, kind: &str, sha: &str, size: usize) -> Value {
    let (url, git) = (shape.api(&format!("/contents/{path}")), shape.api(&format!("/git/blobs/{sha}")));
    let html = shape.html(&format!("/blob/HEAD/{path}"));
    json!({
        "type": kind, "name": path.rsplit('/').next(), "path": path, "sha": sha, "size": size, "url": url, "git_url": git,
        "html_url": html, "download_url": null, "_links": {"self": url, "git": git, "html": html},
    })
}

/// One page of a listing, with links to the others.
fn paged(items: Vec<Value>, request: &Request, root: &str) -> Reply {
    let page = Page::of(items, request, PER_PAGE, MAX_PER_PAGE);
    let links = page.links(&format!("{root}{}", request.path));
    let reply = Reply::json(200, &Value::Array(page.items));
    if links.is_empty() { reply } else { reply.header("link", links) }
}
