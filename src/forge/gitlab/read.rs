//! What a merge request says of itself, and what stands on it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::position::place;
use super::{GitLab, Token};
use crate::forge::{By, Command, Conversation, ForgeError, PostedComment, PostedSummary, Reply, Request};
use crate::marks::{HELP_MARK, SUMMARY_MARK, fingerprint_of, is_ours, path_of};
use crate::order;

/// Reads the request and keeps what the identity that posts has written: a mark in anyone else's note counts for nothing.
pub async fn read(gitlab: &GitLab) -> Result<(Request, Conversation), ForgeError> {
    // a job token may not ask who it is, and nobody posts without a token: then nothing can be known as ours
    let Token::Access(_) = gitlab.api.token() else {
        return Ok((request(gitlab).await?, Conversation::default()));
    };
    let route = gitlab.route("/discussions");
    let (request, viewer, discussions) =
        futures_util::future::join3(request(gitlab), viewer(gitlab), gitlab.api.list(&route, "the discussions")).await;
    let (request, viewer) = (request?, viewer?);
    let conversation = conversation(&discussions?, &viewer, &request);
    Ok((request, conversation))
}

/// How long GitLab may take to work out the diff of a request that was just opened or pushed to.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What GitLab says of the request, once it knows its commits.
pub async fn request(gitlab: &GitLab) -> Result<Request, ForgeError> {
    let end = gitlab.api.deadline().min(Instant::now() + LONGEST_WAIT);
    let mut wait = Duration::from_millis(500);
    loop {
        let json = gitlab.api.read(&gitlab.route(""), &gitlab.name()).await?.json()?;
        if let Some(request) = parse(gitlab.iid, &json) {
            gitlab.page.get_or_init(|| request.url.clone());
            return Ok(request);
        }
        if Instant::now() + wait > end {
            return Err(ForgeError::Failed(format!(
                "GitLab has not worked out the diff of {} yet\nhint: run the job again in a minute",
                gitlab.name()
            )));
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

/// `None` while `diff_refs` is not there.
fn parse(iid: u64, json: &Value) -> Option<Request> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sha = |name: &str| json["diff_refs"][name].as_str().filter(|sha| !sha.is_empty()).map(str::to_owned);
    // a listing may give them with their details
    let label = |label: &Value| label.as_str().or(label["name"].as_str()).unwrap_or_default().to_owned();
    Some(Request {
        number: iid,
        title: text(&json["title"]),
        description: text(&json["description"]),
        url: text(&json["web_url"]),
        base_sha: sha("start_sha")?,
        head_sha: sha("head_sha")?,
        is_open: json["state"] == "opened",
        // null where the fork was deleted
        is_fork: json["source_project_id"] != json["target_project_id"],
        is_draft: json["draft"] == true || json["work_in_progress"] == true,
        is_by_bot: is_bot(&json["author"]),
        labels: json["labels"].as_array().into_iter().flatten().map(label).collect(),
    })
}

/// The fingerprints of the findings of ours that everybody can see.
pub async fn standing(gitlab: &GitLab) -> Result<Vec<String>, ForgeError> {
    let viewer = viewer(gitlab).await?;
    let discussions = gitlab.api.list(&gitlab.route("/discussions"), "the discussions").await?;
    let ours = discussions.iter().flat_map(notes_of).filter(|note| is_by(note, &viewer));
    Ok(ours.filter_map(|note| note["body"].as_str().and_then(fingerprint_of)).map(str::to_owned).collect())
}

/// Who posts.
#[derive(Debug, Clone)]
pub struct Viewer {
    username: String,
    is_bot: bool,
}

/// The identity of the token; it is asked for once.
///
/// # Errors
/// The host does not tell it: going on as if nothing of ours stood on the request would post it all again.
async fn viewer(gitlab: &GitLab) -> Result<Viewer, ForgeError> {
    if let Some(viewer) = gitlab.viewer.get() {
        return Ok(viewer.clone());
    }
    let json = gitlab.api.read("/user", "the identity of the token").await?.json()?;
    let username = json["username"].as_str().filter(|name| !name.is_empty());
    let username = username.ok_or_else(|| {
        ForgeError::Failed("GitLab does not tell who the token posts as\nhint: give it the scope `api`".to_owned())
    })?;
    let viewer = Viewer { username: username.to_owned(), is_bot: is_bot(&json) };
    Ok(gitlab.viewer.get_or_init(|| viewer).clone())
}

/// Whether an account is no person: GitLab names those of access tokens `project_4_bot_…` and `group_4_bot_…`, and tells
/// of others by a field that not every answer has.
pub fn is_bot(user: &Value) -> bool {
    let name = user["username"].as_str().unwrap_or_default();
    let is_of = |prefix: &str| {
        let number = name.strip_prefix(prefix).and_then(|rest| rest.split_once("_bot")).map(|(number, _)| number);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    user["bot"] == true || is_of("project_") || is_of("group_") || name.starts_with("service_account_")
}

fn conversation(discussions: &[Value], viewer: &Viewer, request: &Request) -> Conversation {
    let notes = || discussions.iter().filter_map(|discussion| notes_of(discussion).next());
    // what stands on lines is a finding, whatever it quotes
    let on_request =
        |note: &&Value| note["position"].is_null() && note["body"].as_str().and_then(fingerprint_of).is_none();
    let ours = || notes().filter(|note| is_by(note, viewer)).filter(on_request);
    let mut summaries = ours().filter(|note| holds(note, SUMMARY_MARK));
    let changed_at = ours().find(|note| holds(note, SUMMARY_MARK)).and_then(|note| note["updated_at"].as_str());
    Conversation {
        comments: discussions.iter().filter_map(|discussion| thread_of_ours(discussion, viewer, request)).collect(),
        summary: summaries.next().and_then(|note| {
            let id = note["id"].as_u64()?;
            let url = Some(format!("{}#note_{id}", request.url));
            Some(PostedSummary { id, body: note["body"].as_str()?.to_owned(), url })
        }),
        more_summaries: summaries.filter_map(|note| note["id"].as_u64()).collect(),
        blocking: Vec::new(),
        pending: Vec::new(),
        has_help: ours().any(|note| holds(note, HELP_MARK)),
        knows_threads: true,
        commands: discussions.iter().filter_map(|discussion| command(discussion, viewer, changed_at)).collect(),
        others: discussions.iter().filter_map(|discussion| thread_of_others(discussion, viewer, request)).collect(),
    }
}

/// The command that a note on the request as a whole begins with. No pipeline starts for it: the next run hears it.
fn command(discussion: &Value, viewer: &Viewer, summary_changed_at: Option<&str>) -> Option<Command> {
    let note = notes_of(discussion).next().filter(|note| note["position"].is_null())?;
    let body = note["body"].as_str()?;
    let is_program = is_bot(&note["author"]) || is_by(note, viewer) && viewer.is_bot || is_ours(body);
    let order = order::parse(body).filter(|_| !is_program)?;
    let author = note["author"]["username"].as_str()?.to_owned();
    // both in the host's own form, in which later is greater
    let sees_summary = note["created_at"].as_str() >= summary_changed_at;
    Some(Command { comment: note["id"].as_u64()?, author, order, sees_summary })
}

fn notes_of(discussion: &Value) -> impl Iterator<Item = &Value> {
    discussion["notes"].as_array().into_iter().flatten().filter(|note| note["system"] != true)
}

fn is_by(note: &Value, viewer: &Viewer) -> bool {
    note["author"]["username"] == viewer.username.as_str()
}

fn holds(note: &Value, mark: &str) -> bool {
    note["body"].as_str().is_some_and(|body| body.contains(mark))
}

/// A discussion that begins with a finding of ours.
fn thread_of_ours(discussion: &Value, viewer: &Viewer, request: &Request) -> Option<PostedComment> {
    let first = notes_of(discussion).next().filter(|note| is_by(note, viewer) && is_finding(note))?;
    thread(discussion, first, viewer, request)
}

/// A discussion on lines that begins with anything else.
fn thread_of_others(discussion: &Value, viewer: &Viewer, request: &Request) -> Option<PostedComment> {
    let first = notes_of(discussion).next().filter(|note| !note["position"].is_null())?;
    if is_by(first, viewer) && is_finding(first) { None } else { thread(discussion, first, viewer, request) }
}

fn is_finding(note: &Value) -> bool {
    note["body"].as_str().is_some_and(|body| fingerprint_of(body).is_some())
}

fn thread(discussion: &Value, first: &Value, viewer: &Viewer, request: &Request) -> Option<PostedComment> {
    let body = first["body"].as_str()?;
    let position = &first["position"];
    let (side, lines) = place(position).map_or((None, (0, 0)), |(side, lines)| (Some(side), lines));
    // GitLab moves the position along as long as the line is there, to another path as well
    let now = position["new_path"].as_str().unwrap_or_default();
    let path = path_of(body).unwrap_or_else(|| now.to_owned());
    let is_here = side.is_some() && path == now && position["head_sha"] == request.head_sha.as_str();
    let by_us = |user: &Value| !is_by_person(viewer) && user["username"] == viewer.username.as_str();
    let by = |user: &Value| if by_us(user) || is_by_push(discussion, first) { By::Us } else { By::Another };
    Some(PostedComment {
        id: first["id"].as_u64()?,
        thread: discussion["id"].as_str().map(str::to_owned),
        body: body.to_owned(),
        path,
        side,
        lines,
        place: is_here.then_some(lines),
        resolved: (first["resolved"] == true).then(|| by(&first["resolved_by"])),
        resolved_by: first["resolved_by"]["username"].as_str().map(str::to_owned),
        is_by_person: is_by_person(viewer),
        replies: notes_of(discussion).skip(1).map(reply).collect(),
    })
}

/// Whether a push ended a thread, in the name of the one who pushed: projects may ask for that. The host says in the thread
/// that its line was changed, in the same minute, and nobody has written since.
fn is_by_push(discussion: &Value, first: &Value) -> bool {
    let minute = |time: &Value| time.as_str().and_then(|time| time.get(.."2026-01-01T00:00".len())).map(str::to_owned);
    let (resolved_by, resolved_at) = (&first["resolved_by"], minute(&first["resolved_at"]));
    let last = discussion["notes"].as_array().and_then(|notes| notes.last());
    last.is_some_and(|note| {
        note["system"] == true
            && note["author"]["username"] == resolved_by["username"]
            && (resolved_at.is_none() || resolved_at == minute(&note["created_at"]))
            && note["body"].as_str().is_some_and(|body| body.starts_with("changed this line in "))
    })
}

fn is_by_person(viewer: &Viewer) -> bool {
    !viewer.is_bot
}

fn reply(note: &Value) -> Reply {
    Reply {
        author: note["author"]["username"].as_str().map(str::to_owned),
        is_bot: is_bot(&note["author"]),
        body: note["body"].as_str().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Side;
    use crate::marks::of_finding;
    use serde_json::json;

    fn merge_request() -> Value {
        json!({"title": "t", "description": null, "web_url": "https://h/g/p/-/merge_requests/7", "state": "opened",
            "draft": true, "labels": ["a", {"name": "b"}], "source_project_id": 1, "target_project_id": 1,
            "author": {"username": "alice"}, "diff_refs": {"base_sha": "m", "start_sha": "s", "head_sha": "h"}})
    }

    #[test]
    fn a_request_is_there_once_its_commits_are() {
        let request = parse(7, &merge_request()).expect("a request");
        assert_eq!((request.base_sha.as_str(), request.head_sha.as_str()), ("s", "h"));
        assert!(request.is_open && request.is_draft && !request.is_fork && !request.is_by_bot);
        assert_eq!(request.labels, ["a", "b"]);
        let mut other = merge_request();
        other["source_project_id"] = Value::Null;
        assert!(parse(7, &other).is_some_and(|request| request.is_fork), "the fork was deleted");
        other["diff_refs"] = Value::Null;
        assert_eq!(parse(7, &other), None);
    }

    #[test]
    fn accounts_of_tokens_are_known_by_their_names() {
        for name in ["project_4242_bot_0a1b2c", "group_7_bot", "service_account_group_7_x"] {
            assert!(is_bot(&json!({"username": name})), "{name}");
        }
        for name in ["alice", "project_x_bot", "robot", "project_bot"] {
            assert!(!is_bot(&json!({"username": name})), "{name}");
        }
        assert!(is_bot(&json!({"username": "ci", "bot": true})));
    }

    fn viewer(username: &str) -> Viewer {
        Viewer { username: username.to_owned(), is_bot: username != "alice" }
    }

    fn note(id: u64, author: &str, body: &str) -> Value {
        json!({"id": id, "author": {"username": author}, "body": body, "system": false, "resolvable": true})
    }

    #[test]
    fn only_what_the_identity_wrote_is_believed() {
        let request = parse(7, &merge_request()).expect("a request");
        let bot = "project_1_bot_a";
        let alone = |note: Value| json!({"id": "d", "individual_note": true, "notes": [note]});
        let discussions = [
            alone(note(1, "mallory", SUMMARY_MARK)),
            alone(note(2, bot, SUMMARY_MARK)),
            alone(note(3, bot, SUMMARY_MARK)),
            alone(note(4, "mallory", &of_finding("f"))),
            alone(note(5, bot, &format!("{SUMMARY_MARK} {HELP_MARK}\n{}", of_finding("f")))),
        ];
        let found = conversation(&discussions, &viewer(bot), &request);
        assert_eq!(
            found.summary.and_then(|summary| summary.url).as_deref(),
            Some("https://h/g/p/-/merge_requests/7#note_2")
        );
        assert_eq!(found.more_summaries, [3]);
        assert!(found.comments.len() == 1 && !found.has_help, "a finding is no summary, whatever it quotes");
    }

    #[test]
    fn commands_are_notes_of_people_on_the_request() {
        let request = parse(7, &merge_request()).expect("a request");
        let bot = "project_1_bot_a";
        let alone = |note: Value| json!({"id": "d", "individual_note": true, "notes": [note]});
        let mut on_line = note(4, "bob", "/prudence ignore");
        on_line["position"] = json!({"new_line": 1});
        let discussions = [
            alone(note(1, "bob", "/prudence pause")),
            alone(note(2, bot, "/prudence full")),
            alone(note(3, "group_7_bot", "/prudence full")),
            alone(on_line),
            alone(note(5, "bob", "please /prudence pause")),
            alone(note(6, "alice", "/prudence stop it")),
        ];
        let found = conversation(&discussions, &viewer(bot), &request).commands;
        let found: Vec<_> = found.into_iter().map(|command| (command.comment, command.author, command.order)).collect();
        let expected =
            [(1, "bob".to_owned(), Ok(order::Order::Pause)), (6, "alice".to_owned(), Err("stop it".to_owned()))];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_thread_tells_who_ended_it_and_where_it_stands() {
        let request = parse(7, &merge_request()).expect("a request");
        let bot = "project_1_bot_a";
        let mut first = note(5, bot, &of_finding("f"));
        first["position"] = json!({"head_sha": "h", "new_path": "a.rs", "old_line": 4, "new_line": null});
        (first["resolved"], first["resolved_by"]) = (json!(true), json!({"username": bot}));
        let mut pushed = note(6, "bob", "added 1 commit");
        pushed["system"] = json!(true);
        let mut thread =
            json!({"id": "D", "notes": [first, pushed, note(7, "bob", "no"), note(8, "group_2_bot", "x")]});
        let found = thread_of_ours(&thread, &viewer(bot), &request).expect("a thread of ours");
        assert_eq!((found.side, found.lines, found.place), (Some(Side::Left), (4, 4), Some((4, 4))));
        assert_eq!((found.resolved, found.is_by_person), (Some(By::Us), false));
        let who: Vec<_> = found.replies.iter().map(|reply| (reply.author.as_deref(), reply.is_bot)).collect();
        assert_eq!(who, [(Some("bob"), false), (Some("group_2_bot"), true)]);
        thread["notes"][0]["position"]["head_sha"] = json!("older");
        thread["notes"][0]["resolved_by"] = json!({"username": "bob"});
        let found = thread_of_ours(&thread, &viewer(bot), &request).expect("a thread of ours");
        assert_eq!((found.place, found.resolved), (None, Some(By::Another)));
        assert_eq!(thread_of_ours(&thread, &viewer("alice"), &request), None);
        thread["notes"][0]["author"]["username"] = json!("alice");
        thread["notes"][0]["resolved_by"] = json!({"username": "alice"});
        let found = thread_of_ours(&thread, &viewer("alice"), &request).expect("a thread of ours");
        assert_eq!((found.resolved, found.is_by_person), (Some(By::Another), true), "who of the two, nobody can tell");
    }
}
