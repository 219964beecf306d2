//! What a pull request says of itself, and what stands on it: by one question of GraphQL, which alone knows the state of
//! threads, or, where that is closed to the token, by the REST API.

use serde_json::{Value, json};

use super::{GitHub, background, change};
use crate::diff::Side;
use crate::forge::{By, Conversation, ForgeError, PostedComment, PostedSummary, Reply, Request};
use crate::marks::{HELP_MARK, SUMMARY_MARK, fingerprint_of};

const QUERY: &str = include_str!("read.graphql");

/// Reads the request and keeps what the identity that posts has written: a mark in anyone else's comment counts for
/// nothing.
pub async fn read(github: &GitHub) -> Result<(Request, Conversation), ForgeError> {
    let found = if github.api.has_token { by_graphql(github).await? } else { None };
    match found {
        Some(found) => Ok(found),
        None => by_rest(github).await,
    }
}

/// `None` where GraphQL does not tell; the REST API then says why, if the reason is not GraphQL itself.
///
/// # Errors
/// A rate limit, which the REST API would meet as well.
async fn by_graphql(github: &GitHub) -> Result<Option<(Request, Conversation)>, ForgeError> {
    let mut pages = Pages::default();
    loop {
        let variables = json!({"owner": github.owner, "name": github.repo, "number": github.number,
            "threads": pages.threads_cursor, "comments": pages.comments_cursor});
        // once is enough: it is the first question of a run
        let asks_why = github.background.get().is_none();
        let query = if asks_why { background::with_background(QUERY) } else { QUERY.to_owned() };
        let answer = github.api.graphql(&json!({"query": query, "variables": variables})).await;
        let Ok(answer) = answer else { return Ok(None) };
        if answer.is_limited() {
            return answer.ok(&github.name()).map(|_| None);
        }
        let Some(json) = answer.json().ok().filter(|_| answer.status == 200) else { return Ok(None) };
        let found = background::told(&json);
        let is_refused = found.untold.is_some();
        let taken = pages.take(&json["data"]);
        if asks_why {
            github.background.get_or_init(|| found);
        }
        match taken {
            None if asks_why && is_refused => {}
            None => return Ok(None),
            Some(true) => return Ok(pages.request(github.number).map(|request| (request, pages.conversation()))),
            Some(false) => {}
        }
    }
}

/// The pages of the two lists so far.
#[derive(Default)]
struct Pages {
    viewer: String,
    pull: Value,
    threads: Vec<Value>,
    comments: Vec<Value>,
    threads_cursor: Option<String>,
    comments_cursor: Option<String>,
}

impl Pages {
    /// Takes a page of each list; whether these were the last. `None` where something is missing in it.
    fn take(&mut self, data: &Value) -> Option<bool> {
        let pull = &data["repository"]["pullRequest"];
        data["viewer"]["login"].as_str()?.clone_into(&mut self.viewer);
        let (threads, comments) = (&pull["reviewThreads"], &pull["comments"]);
        // a list that was read to its end is asked for once more behind it, and has nothing there
        self.threads.extend(threads["nodes"].as_array()?.iter().cloned());
        self.comments.extend(comments["nodes"].as_array()?.iter().cloned());
        pull["reviews"]["nodes"].as_array()?;
        let has_more = (move_on(&mut self.threads_cursor, threads)?, move_on(&mut self.comments_cursor, comments)?);
        self.pull = pull.clone();
        Some(has_more == (false, false))
    }

    fn request(&self, number: u64) -> Option<Request> {
        let pull = &self.pull;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Request {
            number,
            title: text(&pull["title"]),
            description: text(&pull["body"]),
            url: text(&pull["url"]),
            base_sha: pull["baseRefOid"].as_str()?.to_owned(),
            head_sha: pull["headRefOid"].as_str()?.to_owned(),
            is_open: pull["state"] == "OPEN",
            is_fork: pull["isCrossRepository"].as_bool()?,
            is_draft: pull["isDraft"].as_bool()?,
            is_by_bot: pull["author"]["__typename"] == "Bot",
            labels: pull["labels"]["nodes"].as_array()?.iter().map(|label| text(&label["name"])).collect(),
        })
    }

    fn conversation(&self) -> Conversation {
        let is_ours = |node: &Value| is_by_viewer(node, &self.viewer);
        let reviews = || {
            let reviews = self.pull["reviews"]["nodes"].as_array().into_iter().flatten();
            reviews.filter(|review| is_review_of(review, &self.viewer))
        };
        let in_state = |state: &'static str| reviews().filter(move |review| review["state"] == state);
        let mut summaries = self.comments.iter().filter(|comment| is_ours(comment) && is_summary(comment));
        let summary = summaries.next();
        let of_others = |thread: &&Value| thread_of_ours(thread, &self.viewer).is_none();
        Conversation {
            comments: self.threads.iter().filter_map(|thread| thread_of_ours(thread, &self.viewer)).collect(),
            others: self
                .threads
                .iter()
                .filter(of_others)
                .filter_map(|thread| any_thread(thread, &self.viewer))
                .collect(),
            summary: summary.and_then(|node| {
                let url = node["url"].as_str().map(str::to_owned);
                Some(PostedSummary { id: id_of(node)?, body: node["body"].as_str()?.to_owned(), url })
            }),
            blocking: in_state("CHANGES_REQUESTED").filter_map(id_of).collect(),
            pending: in_state("PENDING").filter(|review| is_left_by_a_run(review)).filter_map(id_of).collect(),
            more_summaries: summaries.filter_map(id_of).collect(),
            has_help: self.comments.iter().any(|comment| is_ours(comment) && holds(comment, HELP_MARK)),
            knows_threads: true,
            commands: Vec::new(),
        }
    }
}

/// Sets the cursor behind a page; whether there is more. `None` where there is, and the host does not say where: what is
/// not listed must not be taken for what is not there.
fn move_on(cursor: &mut Option<String>, list: &Value) -> Option<bool> {
    let info = &list["pageInfo"];
    let end = info["endCursor"].as_str().map(str::to_owned);
    let has_more = info["hasNextPage"] == true;
    if has_more && (end.is_none() || end == *cursor) {
        return None;
    }
    *cursor = end.or(cursor.take());
    Some(has_more)
}

/// GraphQL leaves out the `[bot]` that REST has behind the name of an app.
fn is_by_viewer(node: &Value, viewer: &str) -> bool {
    let author = &node["author"];
    let bare = viewer.strip_suffix("[bot]").unwrap_or(viewer);
    node["viewerDidAuthor"] == true || (author["__typename"] == "Bot" && author["login"] == bare)
}

fn id_of(node: &Value) -> Option<u64> {
    node["fullDatabaseId"].as_str()?.parse().ok()
}

fn is_summary(comment: &Value) -> bool {
    holds(comment, SUMMARY_MARK)
}

fn holds(comment: &Value, mark: &str) -> bool {
    comment["body"].as_str().is_some_and(|body| body.contains(mark))
}

/// The same for a review, of which not every host tells whether the token's owner wrote it.
fn is_review_of(review: &Value, viewer: &str) -> bool {
    is_by_viewer(review, viewer) || (review["author"]["__typename"] == "User" && review["author"]["login"] == viewer)
}

/// Whether an unfinished review is a run's: a program writes no drafts by hand, and a person's comments have no marks.
fn is_left_by_a_run(review: &Value) -> bool {
    let comments = review["comments"]["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_marked = |comment: &Value| comment["body"].as_str().is_some_and(|body| fingerprint_of(body).is_some());
    review["author"]["__typename"] == "Bot" || (!comments.is_empty() && comments.iter().all(is_marked))
}

/// A thread that begins with a comment of ours.
fn thread_of_ours(thread: &Value, viewer: &str) -> Option<PostedComment> {
    let first = &thread["comments"]["nodes"][0];
    let is_finding = first["body"].as_str().is_some_and(|body| fingerprint_of(body).is_some());
    if is_finding && is_by_viewer(first, viewer) { any_thread(thread, viewer) } else { None }
}

/// A thread, whoever began it.
fn any_thread(thread: &Value, viewer: &str) -> Option<PostedComment> {
    let comments = thread["comments"]["nodes"].as_array()?;
    let (first, rest) = comments.split_first()?;
    let body = first["body"].as_str()?;
    // nobody else can see the comments of an unfinished review
    if first["state"] == "PENDING" {
        return None;
    }
    let mut replies: Vec<Reply> = rest.iter().map(|comment| reply(&comment["author"], "__typename", comment)).collect();
    if thread["comments"]["totalCount"].as_u64() > Some(comments.len() as u64) {
        // more than can be read at once: then people have talked
        replies.push(Reply { author: None, is_bot: false, body: String::new() });
    }
    let number = |name: &str| thread[name].as_u64().and_then(|number| u32::try_from(number).ok());
    let line = number("originalLine").unwrap_or_default();
    let bare = viewer.strip_suffix("[bot]").unwrap_or(viewer);
    let is_by_person = first["author"]["__typename"] == "User";
    let is_bot = |login: &str| !is_by_person && login.strip_suffix("[bot]").unwrap_or(login) == bare;
    let by = |login: &str| if is_bot(login) { By::Us } else { By::Another };
    Some(PostedComment {
        id: id_of(first)?,
        thread: thread["id"].as_str().map(str::to_owned),
        body: body.to_owned(),
        path: thread["path"].as_str().unwrap_or_default().to_owned(),
        side: side(&thread["diffSide"]),
        lines: (number("originalStartLine").unwrap_or(line), line),
        place: number("line").map(|line| (number("startLine").unwrap_or(line), line)),
        resolved: (thread["isResolved"] == true)
            .then(|| thread["resolvedBy"]["login"].as_str().map_or(By::Another, by)),
        resolved_by: thread["resolvedBy"]["login"].as_str().map(str::to_owned),
        is_by_person,
        replies,
    })
}

fn reply(author: &Value, kind: &str, comment: &Value) -> Reply {
    Reply {
        author: author["login"].as_str().map(str::to_owned),
        is_bot: author[kind] == "Bot",
        body: comment["body"].as_str().unwrap_or_default().to_owned(),
    }
}

fn side(value: &Value) -> Option<Side> {
    Some(if value == "LEFT" { Side::Left } else { Side::Right })
}

async fn by_rest(github: &GitHub) -> Result<(Request, Conversation), ForgeError> {
    if !github.api.has_token {
        return Ok((request(github).await?, Conversation::default()));
    }
    let (review_route, issue_route) = (github.pull_route("/comments"), github.issue_route("/comments"));
    let reviews_route = github.pull_route("/reviews");
    let (request, viewer, reviews, review_comments, issue_comments) = futures_util::future::join5(
        request(github),
        viewer(github),
        github.api.list(&reviews_route, "the reviews"),
        github.api.list(&review_route, "the review comments"),
        github.api.list(&issue_route, "the comments"),
    )
    .await;
    let (request, reviews) = (request?, reviews?);
    let (review_comments, issue_comments) = (review_comments?, issue_comments?);
    let Some(viewer) = viewer? else { return Ok((request, Conversation::default())) };
    let reviews = || reviews.iter().filter(|review| is_by(&review["user"], &viewer));
    let in_state = |state: &'static str| reviews().filter(move |review| review["state"] == state);
    let unfinished: Vec<u64> = in_state("PENDING").filter_map(|review| review["id"].as_u64()).collect();
    let is_seen = |comment: &&Value| {
        comment["pull_request_review_id"].as_u64().is_none_or(|review| !unfinished.contains(&review))
    };
    let tops = review_comments.iter().filter(|comment| comment["in_reply_to_id"].is_null()).filter(is_seen);
    let is_of_ours = |comment: &&Value| {
        is_by(&comment["user"], &viewer) && comment["body"].as_str().and_then(fingerprint_of).is_some()
    };
    let (ours, others): (Vec<&Value>, Vec<&Value>) = tops.partition(is_of_ours);
    // a person's may be a draft: its comments are not told here
    let of_bot = in_state("PENDING").filter(|review| review["user"]["type"] == "Bot");
    let mut summaries = issue_comments.iter().filter(|c| is_by(&c["user"], &viewer) && is_summary(c));
    let conversation = Conversation {
        blocking: in_state("CHANGES_REQUESTED").filter_map(|review| review["id"].as_u64()).collect(),
        pending: of_bot.filter_map(|review| review["id"].as_u64()).collect(),
        comments: ours.into_iter().filter_map(|comment| posted_comment(comment, &review_comments)).collect(),
        others: others.into_iter().filter_map(|comment| posted_comment(comment, &review_comments)).collect(),
        summary: summaries.next().and_then(posted_summary),
        more_summaries: summaries.filter_map(|summary| summary["id"].as_u64()).collect(),
        has_help: issue_comments.iter().any(|c| is_by(&c["user"], &viewer) && holds(c, HELP_MARK)),
        ..Conversation::default()
    };
    Ok((request, conversation))
}

/// What `GET /pulls/N` says.
pub async fn request(github: &GitHub) -> Result<Request, ForgeError> {
    change::request(github.number, &github.pull().await?)
}

/// Whether the account of a REST answer is the one that posts.
fn is_by(user: &Value, viewer: &str) -> bool {
    let login = user["login"].as_str().unwrap_or_default();
    login == viewer || (user["type"] == "Bot" && login.strip_suffix("[bot]") == Some(viewer))
}

fn posted_comment(json: &Value, all: &[Value]) -> Option<PostedComment> {
    let body = json["body"].as_str()?;
    let number = |name: &str| json[name].as_u64().and_then(|number| u32::try_from(number).ok());
    let line = number("original_line").unwrap_or_default();
    let answers = all.iter().filter(|other| !json["id"].is_null() && other["in_reply_to_id"] == json["id"]);
    Some(PostedComment {
        id: json["id"].as_u64()?,
        thread: None,
        body: body.to_owned(),
        path: json["path"].as_str().unwrap_or_default().to_owned(),
        side: side(&json["side"]),
        lines: (number("original_start_line").unwrap_or(line), line),
        place: number("line").map(|line| (number("start_line").unwrap_or(line), line)),
        resolved: None,
        resolved_by: None,
        is_by_person: json["user"]["type"] == "User",
        replies: answers.map(|answer| reply(&answer["user"], "type", answer)).collect(),
    })
}

fn posted_summary(json: &Value) -> Option<PostedSummary> {
    let url = json["html_url"].as_str().map(str::to_owned);
    Some(PostedSummary { id: json["id"].as_u64()?, body: json["body"].as_str()?.to_owned(), url })
}

/// The login of the identity that posts; `None` where the host does not tell it to this token. A token of Actions may
/// not ask `GET /user`, and other tokens may have no GraphQL.
///
/// # Errors
/// The host is out of order: going on as if nothing of ours stood on the request would post it all again.
async fn viewer(github: &GitHub) -> Result<Option<String>, ForgeError> {
    let login = |json: &Value| json.as_str().filter(|login| !login.is_empty()).map(str::to_owned);
    let user = github.api.get("/user", None).await?;
    if let Some(found) = user.json().ok().and_then(|json| login(&json["login"])) {
        return Ok(Some(found));
    }
    let asked = github.api.graphql(&json!({"query": "query { viewer { login } }"})).await?;
    if let Some(found) = asked.json().ok().and_then(|json| login(&json["data"]["viewer"]["login"])) {
        return Ok(Some(found));
    }
    match asked {
        answer if answer.status >= 500 || answer.is_limited() => answer.ok("the identity of the token").map(|_| None),
        // a token of Actions, which GraphQL is closed to
        _ if github.api.has_installation_token() => Ok(Some("github-actions[bot]".to_owned())),
        answer => Err(ForgeError::Failed(format!(
            "GitHub does not tell who the token posts as ({}: {})\nhint: use a token that may read `/user`",
            answer.status,
            answer.message()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::of_finding;

    #[test]
    fn only_the_bot_itself_is_believed() {
        let user = |login: &str, kind: &str| json!({"login": login, "type": kind});
        assert!(is_by(&user("github-actions[bot]", "Bot"), "github-actions[bot]"));
        assert!(is_by(&user("github-actions[bot]", "Bot"), "github-actions"));
        assert!(!is_by(&user("mallory", "User"), "github-actions"));
        assert!(!is_by(&Value::Null, "github-actions"));

        let node = |login: &str, kind: &str| json!({"author": {"login": login, "__typename": kind}});
        for viewer in ["github-actions[bot]", "github-actions"] {
            assert!(is_by_viewer(&node("github-actions", "Bot"), viewer));
            assert!(!is_by_viewer(&node("github-actions", "User"), viewer));
            assert!(!is_by_viewer(&json!({"author": null}), viewer));
        }
        assert!(is_by_viewer(&json!({"author": null, "viewerDidAuthor": true}), "x"));
    }

    fn thread(comments: Value, total: usize) -> Value {
        json!({"id": "T", "isResolved": true, "resolvedBy": {"login": "alice"}, "path": "a.rs", "diffSide": "LEFT", "line": null,
            "startLine": null, "originalLine": 9, "originalStartLine": 7, "comments": {"totalCount": total, "nodes": comments}})
    }

    #[test]
    fn a_thread_tells_who_wrote_in_it_and_who_ended_it() {
        let ours = json!({"fullDatabaseId": "5", "body": of_finding("f"), "viewerDidAuthor": true, "author": null});
        let theirs = |login: &str, kind: &str| {
            json!({"fullDatabaseId": "6", "body": "no", "viewerDidAuthor": false,
            "author": {"login": login, "__typename": kind}})
        };
        let ghost = json!({"fullDatabaseId": "7", "body": "hm", "viewerDidAuthor": false, "author": null});
        let said = [&ours, &theirs("bob", "User"), &theirs("x", "Bot"), &ghost, &ours];
        let found = thread_of_ours(&thread(json!(said), 5), "me").expect("a thread of ours");
        assert_eq!((found.id, found.lines, found.place, found.resolved), (5, (7, 9), None, Some(By::Another)));
        let who: Vec<_> = found.replies.iter().map(|reply| (reply.author.as_deref(), reply.is_bot)).collect();
        assert_eq!(who, [(Some("bob"), false), (Some("x"), true), (None, false), (None, false)]);
        assert_eq!(thread_of_ours(&thread(json!([ours]), 90), "me").map(|found| found.replies.len()), Some(1));
        assert_eq!(thread_of_ours(&thread(json!([theirs("bob", "User"), ours]), 2), "me"), None);
        let mut unseen = ours.clone();
        unseen["state"] = "PENDING".into();
        assert_eq!(thread_of_ours(&thread(json!([unseen]), 1), "me"), None);
        assert_eq!(thread_of_ours(&thread(json!([ours]), 1), "alice").and_then(|found| found.resolved), Some(By::Us));
    }

    #[test]
    fn pages_end_where_the_host_says_so_and_not_where_it_repeats_itself() {
        let list = |more: bool, end: &str| json!({"pageInfo": {"hasNextPage": more, "endCursor": end}});
        let mut cursor = None;
        assert_eq!(move_on(&mut cursor, &list(true, "a")), Some(true));
        assert_eq!(move_on(&mut cursor, &list(true, "a")), None, "the same page again");
        assert_eq!(move_on(&mut cursor, &list(false, "b")), Some(false));
        assert_eq!(cursor.as_deref(), Some("b"));
        let end = json!({"pageInfo": {"hasNextPage": false, "endCursor": null}});
        assert_eq!(move_on(&mut cursor, &end), Some(false));
        assert_eq!(cursor.as_deref(), Some("b"));
    }
}
