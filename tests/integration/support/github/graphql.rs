//! The pull request as GraphQL shows it, and the mutations.

use git2::{Object, Repository};
use serde_json::{Map, Value, json};

use super::query::{self, Field};
use super::shape::{GHOST, Shape};
use super::state::{IssueComment, Review, ReviewComment, State};
use super::validate::{self, filled};
use super::walk::{Refused, Walk};
use crate::support::change;
use crate::support::server::Reply;

impl State {
    /// The answer to a query or a mutation: 200, whatever is wrong with it.
    pub(super) fn graphql(&mut self, body: &Value, root: &str) -> Reply {
        let refused = |errors: Vec<Value>| Reply::json(200, &json!({"errors": errors}));
        let operation = match query::parse(body["query"].as_str().unwrap_or_default()) {
            Ok(operation) => operation,
            Err(message) => return refused(vec![json!({"message": message, "locations": [{"line": 1, "column": 1}]})]),
        };
        let values = match validate::check(&operation, &body["variables"]) {
            Ok(values) => values,
            Err(problems) => return refused(problems),
        };
        let mut walk = Walk { values: &values, errors: Vec::new() };
        let data = match operation.kind.as_str() {
            "mutation" => self.mutations(&mut walk, &operation.fields, root),
            _ => {
                let objects = self.objects(&operation.fields, &values);
                walk.select("Query", &Graph { state: self, root }.query(&objects), &operation.fields, &[])
            }
        };
        let mut answer = json!({"data": data});
        if !walk.errors.is_empty() {
            answer["errors"] = Value::Array(walk.errors);
        }
        Reply::json(200, &answer)
    }

    /// The objects of the repository that are asked for, by what they are asked for as.
    fn objects(&self, fields: &[Field], values: &Map<String, Value>) -> Value {
        if !self.may("contents", "read") {
            return json!({"forbidden": self.not_accessible()});
        }
        let git = self.git();
        let mut found = json!({});
        let mut work: Vec<&Field> = fields.iter().collect();
        while let Some(field) = work.pop() {
            work.extend(field.fields.iter().flatten());
            let asked = field.arguments.iter().find(|(name, _)| name == "expression");
            let Some((_, expression)) = asked.filter(|_| field.name == "object") else { continue };
            let expression = filled(expression, values);
            let expression = expression.as_str().unwrap_or_default();
            found[expression] =
                git.revparse_single(expression).map_or(Value::Null, |object| object_json(&git, &object));
        }
        found
    }

    /// One after the other, each with its own answer or error.
    fn mutations(&mut self, walk: &mut Walk, fields: &[Field], root: &str) -> Value {
        let mut data = json!({});
        for field in fields {
            let path = [json!(field.alias)];
            let input = walk.arguments(field)["input"].take();
            data[&field.alias] = match self.mutate(&field.name, &input, root) {
                Ok((kind, payload)) => walk.select(kind, &payload, field.fields.as_deref().unwrap_or_default(), &path),
                Err(refused) => walk.refuse(refused, &path),
            };
        }
        data
    }

    fn mutate(&mut self, name: &str, input: &Value, root: &str) -> Result<(&'static str, Value), Refused> {
        let (kind, mut payload) = match name {
            "resolveReviewThread" | "unresolveReviewThread" => {
                let (kind, by) = match name {
                    "resolveReviewThread" => ("ResolveReviewThreadPayload", Some(self.login())),
                    _ => ("UnresolveReviewThreadPayload", None),
                };
                let at = self.thread_at(&input["threadId"])?;
                self.need(&["contents", "pull_requests"])?;
                self.comments[at].resolved_by = by;
                (kind, json!({"thread": Graph { state: self, root }.thread(&self.comments[at])}))
            }
            "minimizeComment" => {
                let reason = input["classifier"].as_str().unwrap_or_default().to_lowercase().replace('_', "-");
                self.minimize(&input["subjectId"])?;
                let comment = json!({"__typename": "IssueComment", "isMinimized": true, "minimizedReason": reason});
                ("MinimizeCommentPayload", json!({"minimizedComment": comment}))
            }
            _ => return Err(Refused("NOT_FOUND", format!("the double has no mutation `{name}`"))),
        };
        payload["clientMutationId"] = input["clientMutationId"].clone();
        Ok((kind, payload))
    }

    /// All of these, to write.
    fn need(&self, permissions: &[&str]) -> Result<(), Refused> {
        match permissions.iter().all(|permission| self.may(permission, "write")) {
            true => Ok(()),
            false => Err(Refused("FORBIDDEN", self.not_accessible())),
        }
    }

    fn thread_at(&self, id: &Value) -> Result<usize, Refused> {
        let number = id.as_str().and_then(|id| id.strip_prefix("PRRT_")).and_then(|number| number.parse().ok());
        let is_it = |c: &ReviewComment| Some(c.id) == number && c.in_reply_to.is_none() && self.visible(c.review);
        self.comments.iter().position(is_it).ok_or_else(|| no_node(id))
    }

    fn minimize(&mut self, id: &Value) -> Result<(), Refused> {
        let may = self.need(&["pull_requests"]).or(self.need(&["issues"]));
        let (kind, number) = id.as_str().and_then(|id| id.split_once('_')).unwrap_or_default();
        let number: u64 = number.parse().map_err(|_| no_node(id))?;
        let flag = match kind {
            "PRRC" => self.comments.iter_mut().find(|comment| comment.id == number).map(|c| &mut c.minimized),
            "IC" => self.notes.iter_mut().find(|note| note.id == number).map(|note| &mut note.minimized),
            "PRR" => self.reviews.iter_mut().find(|review| review.id == number).map(|r| &mut r.minimized),
            _ => None,
        };
        let flag = flag.ok_or_else(|| no_node(id))?;
        may?;
        *flag = true;
        Ok(())
    }
}

fn no_node(id: &Value) -> Refused {
    Refused(
        "NOT_FOUND",
        format!("Could not resolve to a node with the global id of '{}'", id.as_str().unwrap_or_default()),
    )
}

/// The whole that a query selects from; lists are whole, too.
struct Graph<'a> {
    state: &'a State,
    root: &'a str,
}

impl Graph<'_> {
    fn query(&self, objects: &Value) -> Value {
        let sc = &self.state.scenario;
        let pull = match self.state.may("pull_requests", "read") {
            true => self.pull(),
            // in the place of all that this token may not see
            false => json!({"forbidden": self.state.not_accessible()}),
        };
        let repository = json!({"id": "R_1", "name": sc.name, "nameWithOwner": sc.full_name(), "pullRequest": pull,
            "object": objects});
        json!({"viewer": {"login": self.state.login()}, "repository": repository})
    }

    fn pull(&self) -> Value {
        let (state, sc) = (self.state, &self.state.scenario);
        let tops = state.comments.iter().filter(|c| c.in_reply_to.is_none() && state.visible(c.review));
        let reviews = state.reviews.iter().filter(|review| state.visible(review.id));
        json!({
            "id": format!("PR_{}", sc.number), "number": sc.number, "state": if state.open { "OPEN" } else { "CLOSED" },
            "title": sc.title, "body": sc.body.as_deref().unwrap_or_default(), "url": self.url(""), "isDraft": sc.draft,
            "isCrossRepository": sc.fork, "baseRefOid": sc.base, "headRefOid": state.head,
            "baseRefName": sc.base_ref, "headRefName": sc.head_ref, "author": actor(&sc.author),
            "labels": sc.labels.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
            "reviews": reviews.map(|review| self.review(review)).collect::<Vec<_>>(),
            "comments": state.notes.iter().map(|note| self.note(note)).collect::<Vec<_>>(),
            "reviewThreads": tops.map(|top| self.thread(top)).collect::<Vec<_>>(),
            "commits": self.commits(),
            "closingIssuesReferences": sc.closes.iter()
                .map(|(number, title, body)| json!({"number": number, "title": title, "body": body})).collect::<Vec<_>>(),
        })
    }

    /// The oldest first.
    fn commits(&self) -> Vec<Value> {
        let git = self.state.git();
        let mut walk = git.revwalk().expect("a history");
        walk.push(change::oid(&self.state.head))
            .and_then(|()| walk.hide(self.state.merge_base(&self.state.head)))
            .expect("a range");
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE).expect("an order");
        let commit = |id: git2::Oid| {
            let commit = git.find_commit(id).expect("a commit");
            json!({"commit": {"oid": id.to_string(), "message": commit.message().unwrap_or_default()}})
        };
        walk.filter_map(Result::ok).map(commit).collect()
    }

    fn url(&self, fragment: &str) -> String {
        let shape = Shape { state: self.state, root: self.root };
        shape.html(&format!("/pull/{}{fragment}", self.state.scenario.number))
    }

    fn thread(&self, top: &ReviewComment) -> Value {
        let (state, place, present) = (self.state, top.place.as_ref(), self.state.present_line(top));
        let in_thread = |c: &&ReviewComment| c.id == top.id || c.in_reply_to == Some(top.id);
        let parts = state.comments.iter().filter(in_thread).filter(|c| state.visible(c.review));
        let outdated = place.is_some() && present.is_none();
        json!({
            "id": format!("PRRT_{}", top.id), "isResolved": top.resolved(), "isOutdated": outdated,
            "isCollapsed": top.resolved() || outdated, "path": top.path, "diffSide": top.side(),
            "resolvedBy": top.resolved_by.as_deref().map(actor),
            "line": present.map(|(line, _)| line), "startLine": present.and_then(|(_, start)| start),
            "originalLine": place.map(|place| place.line), "originalStartLine": place.and_then(|place| place.start_line),
            "subjectType": if place.is_some() { "LINE" } else { "FILE" },
            "viewerCanResolve": state.may("contents", "write") && !top.resolved(),
            "comments": parts.map(|comment| self.comment(comment)).collect::<Vec<_>>(),
        })
    }

    fn comment(&self, comment: &ReviewComment) -> Value {
        let said = Said::new("PRRC", comment.id, &comment.author, &comment.body, comment.minimized);
        let mut out = self.said(&said, &format!("#discussion_r{}", comment.id));
        let pending = self.state.reviews.iter().any(|review| review.id == comment.review && review.event.is_none());
        out["state"] = json!(if pending { "PENDING" } else { "SUBMITTED" });
        out
    }

    fn note(&self, note: &IssueComment) -> Value {
        let said = Said::new("IC", note.id, &note.author, &note.body, note.minimized);
        self.said(&said, &format!("#issuecomment-{}", note.id))
    }

    fn review(&self, review: &Review) -> Value {
        let said = Said::new("PRR", review.id, &review.author, &review.body, review.minimized);
        let mut out = self.said(&said, &format!("#pullrequestreview-{}", review.id));
        out["state"] = json!(review.state());
        let comments = self.state.comments.iter().filter(|comment| comment.review == review.id);
        out["comments"] = comments.map(|comment| self.comment(comment)).collect();
        out
    }

    fn said(&self, said: &Said, fragment: &str) -> Value {
        json!({
            "id": format!("{}_{}", said.prefix, said.id), "fullDatabaseId": said.id.to_string(), "body": said.body,
            "url": self.url(fragment), "viewerDidAuthor": said.author == self.state.login(),
            "author": actor(said.author), "isMinimized": said.minimized,
        })
    }
}

/// A file or a folder. What is no text has none.
fn object_json(git: &Repository, object: &Object<'_>) -> Value {
    let oid = object.id().to_string();
    if let Some(blob) = object.as_blob() {
        let text = std::str::from_utf8(blob.content()).ok().filter(|text| !text.contains('\0'));
        return json!({"__typename": "Blob", "oid": oid, "text": text, "byteSize": blob.size(), "isBinary": text.is_none()});
    }
    let Some(tree) = object.as_tree() else { return json!({"__typename": "Commit", "oid": oid}) };
    let entry = |entry: git2::TreeEntry<'_>| {
        let inner = entry.to_object(git).expect("an object");
        let kind = if inner.as_tree().is_some() { "tree" } else { "blob" };
        // what lies in folders below is not asked for
        let inner = if kind == "tree" {
            json!({"__typename": "Tree", "oid": inner.id().to_string(), "entries": []})
        } else {
            object_json(git, &inner)
        };
        json!({"name": entry.name().ok(), "mode": entry.filemode(), "type": kind, "object": inner})
    };
    json!({"__typename": "Tree", "oid": oid, "entries": tree.iter().map(entry).collect::<Vec<_>>()})
}

/// What comments and reviews have in common.
struct Said<'a> {
    prefix: &'static str,
    id: u64,
    author: &'a str,
    body: &'a str,
    minimized: bool,
}

impl<'a> Said<'a> {
    fn new(prefix: &'static str, id: u64, author: &'a str, body: &'a str, minimized: bool) -> Said<'a> {
        Said { prefix, id, author, body, minimized }
    }
}

/// GraphQL knows bots by their name without the suffix, and nobody in the place of those who are gone.
fn actor(login: &str) -> Value {
    if login == GHOST {
        return Value::Null;
    }
    let (kind, login) = login.strip_suffix("[bot]").map_or(("User", login), |name| ("Bot", name));
    json!({"__typename": kind, "login": login})
}
