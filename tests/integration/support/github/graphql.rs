//! The few questions of GraphQL that the program asks, recognised by a word.

use serde_json::{Value, json};

use super::state::{ReviewComment, State};
use crate::support::server::Reply;

const PAGE: usize = 100;

impl State {
    pub(super) fn graphql(&mut self, body: &Value) -> Result<Reply, Reply> {
        let query = body["query"].as_str().unwrap_or_default();
        let variables = &body["variables"];
        let answer = if query.contains("resolveReviewThread") {
            self.resolve(variables)
        } else if query.contains("minimizeComment") {
            self.minimize(variables)
        } else if query.contains("reviewThreads") {
            self.threads(variables)
        } else if query.contains("viewer") {
            json!({"data": {"viewer": {"login": self.login()}}})
        } else {
            error("undefinedField", "The double does not know this query")
        };
        Ok(Reply::json(200, &answer))
    }

    fn threads(&self, variables: &Value) -> Value {
        let after = strings(variables).iter().find_map(|text| text.strip_prefix("cursor:")?.parse::<usize>().ok());
        let tops: Vec<&ReviewComment> = self
            .comments
            .iter()
            .filter(|comment| comment.in_reply_to.is_none() && self.visible(comment.review))
            .collect();
        let start = after.unwrap_or(0);
        let end = tops.len().min(start + PAGE);
        let nodes: Vec<Value> = tops[start.min(end)..end].iter().map(|top| self.thread(top)).collect();
        let page = json!({"hasNextPage": end < tops.len(), "endCursor": format!("cursor:{end}")});
        let threads = json!({"pageInfo": page, "totalCount": tops.len(), "nodes": nodes});
        let head = &self.head;
        json!({"data": {"repository": {"pullRequest": {"headRefOid": head, "reviewThreads": threads}}}})
    }

    fn thread(&self, top: &ReviewComment) -> Value {
        let parts = self.comments.iter().filter(|c| c.id == top.id || c.in_reply_to == Some(top.id));
        let comments: Vec<Value> = parts.map(comment).collect();
        let present = self.present_line(top);
        json!({
            "id": format!("PRRT_{}", top.id), "isResolved": top.resolved, "isOutdated": top.place.is_some() && present.is_none(),
            "isCollapsed": top.resolved, "path": top.path, "line": present.map(|(line, _)| line),
            "originalLine": top.place.as_ref().map(|place| place.line), "startLine": present.and_then(|(_, start)| start),
            "diffSide": top.side(), "subjectType": if top.place.is_some() { "LINE" } else { "FILE" },
            "viewerCanResolve": self.may("contents", "write") && !top.resolved,
            "comments": {"pageInfo": {"hasNextPage": false, "endCursor": null}, "totalCount": comments.len(), "nodes": comments},
        })
    }

    fn resolve(&mut self, variables: &Value) -> Value {
        if !(self.may("contents", "write") && self.may("pull_requests", "write")) {
            return error("FORBIDDEN", "Resource not accessible by integration");
        }
        match self.by_node("PRRT_", variables) {
            Some(comment) => {
                comment.resolved = true;
                json!({"data": {"resolveReviewThread": {"thread": {"id": format!("PRRT_{}", comment.id), "isResolved": true}}}})
            }
            None => error("NOT_FOUND", "Could not resolve to a node with the global id"),
        }
    }

    fn minimize(&mut self, variables: &Value) -> Value {
        if !self.may("pull_requests", "write") {
            return error("FORBIDDEN", "Resource not accessible by integration");
        }
        match self.by_node("PRRC_", variables) {
            Some(comment) => {
                comment.minimized = true;
                let minimized = json!({"isMinimized": true, "minimizedReason": "outdated"});
                json!({"data": {"minimizeComment": {"minimizedComment": minimized}}})
            }
            None => error("NOT_FOUND", "Could not resolve to a node with the global id"),
        }
    }

    /// The comment whose global id is anywhere in the variables.
    fn by_node(&mut self, prefix: &str, variables: &Value) -> Option<&mut ReviewComment> {
        let id = strings(variables).iter().find_map(|text| text.strip_prefix(prefix)?.parse::<u64>().ok())?;
        self.comments.iter_mut().find(|comment| comment.id == id)
    }
}

fn comment(comment: &ReviewComment) -> Value {
    let login = &comment.author;
    // GraphQL knows bots by their name without the suffix.
    let (kind, login) = login.strip_suffix("[bot]").map_or(("User", login.as_str()), |name| ("Bot", name));
    json!({
        "id": format!("PRRC_{}", comment.id), "databaseId": comment.id, "fullDatabaseId": comment.id.to_string(),
        "body": comment.body, "author": {"__typename": kind, "login": login}, "isMinimized": comment.minimized,
    })
}

fn error(kind: &str, message: &str) -> Value {
    json!({"data": null, "errors": [{"type": kind, "message": message, "path": [], "locations": []}]})
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(map) => map.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}
