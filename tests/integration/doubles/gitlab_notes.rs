//! The double of GitLab: threads, notes, drafts and awards, and what is refused.

use serde_json::{Value, json};

use super::gitlab::{MERGE, get, post, scenario, send};
use crate::support::client::{self, Answer};
use crate::support::gitlab::{GitLab, Kind, MAINTAINER, Route, TOKEN};
use crate::support::sha1::sha1;

const NO_LINE: &str = ":line_code=>[\"can't be blank\", \"must be a valid line code\"]";
const INCOMPLETE: &str = ":position=>[\"is incomplete\"]";

/// A position on the present head in `src/a.rs`, of which line 3 became lines 3 and 4.
pub(super) fn position(gitlab: &GitLab, lines: Value) -> Value {
    let version = gitlab.versions().pop().unwrap();
    let mut position = json!({
        "position_type": "text", "base_sha": version.base, "start_sha": version.start, "head_sha": version.head,
        "old_path": "src/a.rs", "new_path": "src/a.rs",
    });
    for (key, value) in lines.as_object().into_iter().flatten() {
        position[key] = value.clone();
    }
    position
}

pub(super) fn discuss(gitlab: &GitLab, lines: Value) -> Answer {
    post(gitlab, "/discussions", &json!({"body": "Look here.", "position": position(gitlab, lines)}))
}

/// What is said of a text that was refused with 400.
#[track_caller]
fn refused(got: &Answer, problems: &str) {
    let text = format!("400 Bad request - Note {{{problems}}}");
    assert_eq!((got.status, got.json()), (400, json!({"message": text})));
}

fn line_code(old: u32, new: u32) -> String {
    format!("{}_{old}_{new}", sha1("src/a.rs"))
}

#[test]
fn a_line_is_named_by_the_numbers_that_it_has() {
    let gitlab = GitLab::start(scenario());
    for (lines, side) in [
        (json!({"new_line": 3}), "RIGHT"),
        (json!({"new_line": 4}), "RIGHT"),
        (json!({"old_line": 3}), "LEFT"),
        (json!({"old_line": 2, "new_line": 2}), "RIGHT"),
        (json!({"old_line": 4, "new_line": 5}), "RIGHT"),
    ] {
        let got = discuss(&gitlab, lines.clone());
        assert_eq!(got.status, 201, "{lines}: {}", got.text);
        let note = &got.json()["notes"][0];
        assert_eq!(
            (&note["type"], &note["resolvable"], &note["resolved"]),
            (&json!("DiffNote"), &json!(true), &json!(false))
        );
        for key in ["old_line", "new_line"] {
            assert_eq!(note["position"][key], lines[key], "{lines}");
        }
        let stored = gitlab.discussions().pop().unwrap();
        assert_eq!((stored.id.len(), stored.notes[0].position.as_ref().unwrap().side()), (40, side));
    }
}

#[test]
fn lines_that_are_not_in_the_diff_are_refused() {
    let gitlab = GitLab::start(scenario());
    for lines in [
        json!({"new_line": 2}),
        json!({"old_line": 2}),
        json!({"old_line": 3, "new_line": 3}),
        json!({"old_line": 4, "new_line": 4}),
        json!({"new_line": 99}),
        json!({"old_line": 9, "new_line": 10}),
        json!({"new_line": 3, "head_sha": "0".repeat(40)}),
        json!({"new_line": 3, "start_sha": gitlab.head()}),
        json!({"new_line": 3, "new_path": "src/b.rs"}),
        json!({"new_line": 1, "old_path": "image.png", "new_path": "image.png"}),
    ] {
        refused(&discuss(&gitlab, lines), NO_LINE);
    }
    let both = format!("{NO_LINE}, {INCOMPLETE}");
    for lines in [json!({}), json!({"new_line": 3, "old_path": null}), json!({"new_line": 3, "new_path": ""})] {
        refused(&discuss(&gitlab, lines), &both);
    }
    let wrong = |lines: Value, text: &str| {
        let got = discuss(&gitlab, lines);
        assert_eq!((got.status, got.json()), (400, json!({"error": text})));
    };
    wrong(json!({"base_sha": "", "head_sha": null}), "position[base_sha] is missing, position[head_sha] is missing");
    wrong(json!({"position_type": "line"}), "position[position_type] does not have a valid value");
    wrong(json!({"new_line": "three"}), "position[new_line] is invalid");
    assert!(gitlab.discussions().is_empty());
}

#[test]
fn newer_hosts_write_their_errors_otherwise() {
    let gitlab = GitLab::start(scenario().quirks(|quirks| quirks.new_ruby = true));
    let text = "400 Bad request - Note {line_code: [\"can't be blank\", \"must be a valid line code\"]}";
    assert_eq!(discuss(&gitlab, json!({"new_line": 99})).json()["message"], text);
}

#[test]
fn lines_outside_of_the_hunks_may_be_taken() {
    let gitlab = GitLab::start(scenario().quirks(|quirks| quirks.outside_hunks = true));
    assert_eq!(discuss(&gitlab, json!({"old_line": 9, "new_line": 10})).status, 201);
    refused(&discuss(&gitlab, json!({"old_line": 9, "new_line": 9})), NO_LINE);
    refused(&discuss(&gitlab, json!({"new_line": 10})), NO_LINE);
}

#[test]
fn a_whole_file_has_no_lines() {
    let gitlab = GitLab::start(scenario());
    let image = json!({"position_type": "file", "old_path": "image.png", "new_path": "image.png"});
    assert_eq!(discuss(&gitlab, image).status, 201);
    let renamed = json!({"position_type": "file", "old_path": "old.txt", "new_path": "new.txt"});
    assert_eq!(discuss(&gitlab, renamed).status, 201);
    refused(&discuss(&gitlab, json!({"position_type": "file", "old_path": "new.txt", "new_path": "new.txt"})), NO_LINE);
    assert_eq!(gitlab.discussions()[0].notes[0].lines(), (0, 0));
}

#[test]
fn ranges_name_their_lines_by_code() {
    let gitlab = GitLab::start(scenario());
    let end = |code: String, kind: &str| json!({"line_code": code, "type": kind});
    let range = |start: Value, end: Value| json!({"new_line": 4, "line_range": {"start": start, "end": end}});
    let (first, last) = (|| end(line_code(4, 3), "new"), || end(line_code(4, 4), "new"));
    let mut numbered = first();
    numbered["new_line"] = json!(3);
    for start in [first(), numbered.clone(), last(), end(line_code(2, 2), "old")] {
        let got = discuss(&gitlab, range(start.clone(), last()));
        assert_eq!(got.status, 201, "{start}: {}", got.text);
    }
    assert_eq!(gitlab.discussions()[1].notes[0].lines(), (3, 4));
    numbered["new_line"] = json!(4);
    for (start, end) in [
        (end(line_code(3, 3), "new"), last()),
        (end(line_code(4, 3), "old"), last()),
        (end(sha1("src/a.rs"), "new"), last()),
        (numbered, last()),
        (first(), first()),
        (end(line_code(6, 7), "old"), last()),
        (end(line_code(4, 5), "old"), last()),
    ] {
        refused(&discuss(&gitlab, range(start, end)), NO_LINE);
    }
    let got = discuss(&gitlab, range(json!({"new_line": 3}), last()));
    assert_eq!(
        (got.status, got.json()["error"].as_str()),
        (400, Some("position[line_range][start][line_code] is missing"))
    );
}

#[test]
fn a_form_says_the_same_as_json() {
    let gitlab = GitLab::start(scenario());
    let version = gitlab.versions().pop().unwrap();
    let form = format!(
        "body=Look+here%2E&position[position_type]=text&position[base_sha]={}&position[start_sha]={}&position[head_sha]={}\
         &position[old_path]=src%2Fa.rs&position[new_path]=src%2Fa.rs&position%5Bnew_line%5D=4\
         &position[line_range][start][line_code]={}&position[line_range][start][type]=new\
         &position[line_range][end][line_code]={}&position[line_range][end][type]=new",
        version.base,
        version.start,
        version.head,
        line_code(4, 3),
        line_code(4, 4),
    );
    let url = format!("{}{MERGE}/discussions", gitlab.api_url());
    let headers = [("private-token", TOKEN), ("content-type", "application/x-www-form-urlencoded")];
    let got = client::send_raw("POST", &url, &headers, form.as_bytes()).unwrap();
    assert_eq!(got.status, 201, "{}", got.text);
    let note = gitlab.discussions()[0].notes[0].clone();
    assert_eq!((note.body.as_str(), note.position.unwrap().new_line), ("Look here.", Some(4)));
}

#[test]
fn notes_are_written_changed_and_taken_away() {
    let gitlab = GitLab::start(scenario());
    for (body, problem) in
        [(" \n", "can't be blank"), (&"x".repeat(1_000_001), "is too long (maximum is 1000000 characters)")]
    {
        refused(&post(&gitlab, "/notes", &json!({"body": body})), &format!(":note=>[\"{problem}\"]"));
    }
    assert_eq!(post(&gitlab, "/notes", &json!({})).json(), json!({"error": "body is missing"}));
    let note = post(&gitlab, "/notes", &json!({"body": "one"}));
    assert_eq!((note.status, &note.json()["type"], &note.json()["resolvable"]), (201, &Value::Null, &json!(false)));
    let path = format!("{MERGE}/notes/{}", note.json()["id"]);
    assert_eq!(send(&gitlab, "PUT", &path, &json!({"body": "two"})).json()["body"], "two");
    assert_eq!((gitlab.notes()[0].edits, get(&gitlab, &path).json()["body"].as_str()), (1, Some("two")));
    let got = send(&gitlab, "DELETE", &path, &Value::Null);
    assert_eq!((got.status, got.text.as_str()), (204, ""));
    assert_eq!(get(&gitlab, &path).json(), json!({"message": "404 Not found"}));
    assert!(gitlab.notes().is_empty());
}

#[test]
fn others_notes_are_theirs() {
    let gitlab = GitLab::start(scenario());
    let note = gitlab.say("bob", "mine");
    let path = format!("{MERGE}/notes/{note}");
    let change = || send(&gitlab, "PUT", &path, &json!({"body": "yours"})).status;
    let forbidden = send(&gitlab, "DELETE", &path, &Value::Null);
    assert_eq!((change(), forbidden.status, forbidden.json()), (403, 403, json!({"message": "403 Forbidden"})));
    gitlab.change(|scenario| scenario.level = MAINTAINER);
    assert_eq!(change(), 200);
}

#[test]
fn notes_come_newest_first() {
    let gitlab = GitLab::start(scenario());
    gitlab.say_all("bob", ["a", "b", "c"].map(str::to_owned));
    let bodies = |query: &str| -> String {
        let listed = get(&gitlab, &format!("{MERGE}/notes{query}")).json();
        listed.as_array().unwrap().iter().map(|note| note["body"].as_str().unwrap()).collect()
    };
    assert_eq!((bodies(""), bodies("?sort=asc&order_by=created_at")), ("cba".to_owned(), "abc".to_owned()));
    gitlab.edit(gitlab.notes()[0].id, "A");
    assert_eq!(get(&gitlab, &format!("{MERGE}/notes?sort=up")).status, 400);
    let listed = get(&gitlab, &format!("{MERGE}/discussions")).json();
    let seen: Vec<_> =
        listed.as_array().unwrap().iter().map(|it| (&it["individual_note"], &it["notes"][0]["body"])).collect();
    assert_eq!(seen[0], (&json!(true), &json!("A")));
}

#[test]
fn threads_are_answered_and_settled() {
    let gitlab = GitLab::start(scenario());
    discuss(&gitlab, json!({"new_line": 3}));
    let thread = gitlab.discussions()[0].clone();
    let path = format!("/discussions/{}", thread.id);
    let reply = post(&gitlab, &format!("{path}/notes"), &json!({"body": "And?"}));
    assert_eq!((reply.status, &reply.json()["type"]), (201, &json!("DiffNote")));
    gitlab.answer(&thread.id, "alice", "Hm.");
    let resolve = |value: bool| send(&gitlab, "PUT", &format!("{MERGE}{path}?resolved={value}"), &Value::Null);
    let settled = resolve(true).json();
    let login = gitlab.scenario().login();
    for note in settled["notes"].as_array().unwrap() {
        assert_eq!((&note["resolved"], &note["resolved_by"]["username"]), (&json!(true), &json!(login)));
    }
    assert_eq!(gitlab.discussions()[0].resolved_by(), Some(login.as_str()));
    let told = gitlab.all_discussions().pop().unwrap().notes[0].clone();
    assert_eq!((told.system, told.body.as_str()), (true, "resolved all threads"));
    resolve(false);
    assert!(!gitlab.discussions()[0].resolved());
    gitlab.resolve_as(&thread.id, "alice");
    assert_eq!(gitlab.discussions()[0].resolved_by(), Some("alice"));
    gitlab.unresolve_as(&thread.id, "bob");
    let one = format!("{MERGE}{path}/notes/{}", thread.notes[0].id);
    assert_eq!(send(&gitlab, "PUT", &one, &json!({"resolved": true})).json()["resolved"], true);
    assert!(!gitlab.discussions()[0].resolved(), "the answers are still open");
    assert_eq!(send(&gitlab, "PUT", &one, &json!({"body": "x", "resolved": true})).status, 400);
    assert_eq!(send(&gitlab, "PUT", &one, &json!({"body": "x"})).json()["body"], "x");
    assert_eq!(resolve_nothing(&gitlab, &path).json(), json!({"error": "resolved is missing"}));
    assert_eq!(
        get(&gitlab, &format!("{MERGE}/discussions/none")).json(),
        json!({"message": "404 Discussion Not Found"})
    );
    assert_eq!(get(&gitlab, &format!("{MERGE}{path}/notes")).json().as_array().unwrap().len(), 3);
}

fn resolve_nothing(gitlab: &GitLab, path: &str) -> Answer {
    send(gitlab, "PUT", &format!("{MERGE}{path}"), &json!({}))
}

#[test]
fn not_everybody_may_settle_a_thread() {
    let status = |gitlab: &GitLab, thread: &str| {
        let path = format!("{MERGE}/discussions/{thread}?resolved=true");
        send(gitlab, "PUT", &path, &Value::Null).status
    };
    let gitlab = GitLab::start(scenario().level(20));
    let thread = gitlab.discuss("alice", "x", None);
    assert_eq!(status(&gitlab, &thread), 403, "a reporter");
    let gitlab = GitLab::start(scenario().user("alice").level(0));
    let thread = gitlab.discuss(
        "bob",
        "x",
        Some(json!({
            "position_type": "text", "old_path": "src/a.rs", "new_path": "src/a.rs", "new_line": 3,
        })),
    );
    assert_eq!(status(&gitlab, &thread), 200, "the author of the request");
    gitlab.say("bob", "single");
    let single = gitlab.all_discussions().into_iter().find(|it| it.individual && !it.notes[0].system).unwrap();
    assert_eq!(status(&gitlab, &single.id), 403, "a note that is no thread");
    gitlab.answer(&single.id, "alice", "So?");
    assert_eq!(status(&gitlab, &single.id), 200, "an answer makes it one");
}

#[test]
fn a_text_of_commands_is_no_note() {
    let gitlab = GitLab::start(scenario());
    for path in ["/notes", "/discussions"] {
        let got = post(&gitlab, path, &json!({"body": "/label ~bug\n/assign @bob\n"}));
        assert_eq!((got.status, &got.json()["commands_changes"]["label"]), (202, &json!(true)));
    }
    assert!(gitlab.all_discussions().is_empty());
    let names: Vec<_> =
        gitlab.commands().iter().map(|command| format!("{} {}", command.name, command.arguments)).collect();
    assert_eq!(names, ["label ~bug", "assign @bob", "label ~bug", "assign @bob"]);
}

#[test]
fn commands_in_a_text_are_executed_and_gone() {
    let executed = |body: &str| {
        let gitlab = GitLab::start(scenario());
        assert_eq!(post(&gitlab, "/notes", &json!({"body": body})).status, 201, "{body}");
        let names: Vec<String> = gitlab.commands().into_iter().map(|command| command.name).collect();
        (names.join(" "), gitlab.notes()[0].body.clone(), gitlab.is_open())
    };
    let none = |body: &str| assert_eq!(executed(body), (String::new(), body.to_owned(), true));
    let done = |body: &str, names: &str, rest: &str, open: bool| {
        assert_eq!(executed(body), (names.to_owned(), rest.to_owned(), open), "{body}");
    };
    done("Look.\n/close\nBye.", "close", "Look.\nBye.", false);
    done("Look.\r\n  /MERGE \r\n", "merge", "Look.", false);
    done("```\nx\n```\n/approve", "approve", "```\nx\n```", true);
    done("````\n```\n/close\n````\n/lock now\nx", "lock", "````\n```\n/close\n````\nx", true);
    done("> quoted\n<details>\n/unlabel ~x\n</details>", "unlabel", "> quoted\n<details>\n</details>", true);
    none("A path: /close\n/usr/bin\n/closed\n`/close`\n    /close\n- /close\n/");
    none("```suggestion:-0+0\n/close\n```");
    none("~~~\n/merge\n~~~");
}

#[test]
fn commands_in_an_edited_text_and_in_drafts_count_too() {
    let gitlab = GitLab::start(scenario());
    let note = post(&gitlab, "/notes", &json!({"body": "one"})).json()["id"].clone();
    let path = format!("{MERGE}/notes/{note}");
    assert_eq!(send(&gitlab, "PUT", &path, &json!({"body": "two\n/lock"})).json()["body"], "two");
    assert_eq!(send(&gitlab, "PUT", &path, &json!({"body": "/unlock"})).status, 202);
    assert!(gitlab.notes().is_empty(), "nothing is left of it");
    assert_eq!(post(&gitlab, "/draft_notes", &json!({"note": "three\n/close"})).status, 201);
    assert!(gitlab.is_open());
    assert_eq!(post(&gitlab, "/draft_notes/bulk_publish", &json!({})).status, 204);
    assert!(!gitlab.is_open());
    assert_eq!(gitlab.discussions()[0].notes[0].body, "three");
    assert_eq!(gitlab.commands().len(), 3);
}

#[test]
fn drafts_are_published_with_one_word_to_the_people() {
    let gitlab = GitLab::start(scenario());
    let thread = gitlab.discuss("alice", "Why?", None);
    let draft = |lines: Value| {
        post(&gitlab, "/draft_notes", &json!({"note": "Look here.", "position": position(&gitlab, lines)}))
    };
    let first = draft(json!({"new_line": 3})).json();
    assert_eq!((&first["line_code"], &first["discussion_id"]), (&json!(line_code(4, 3)), &Value::Null));
    refused(&draft(json!({"new_line": 99})), NO_LINE);
    draft(json!({"old_line": 3}));
    let general = post(&gitlab, "/draft_notes", &json!({"note": "All in all."})).json();
    assert_eq!((&general["position"]["new_path"], &general["line_code"]), (&Value::Null, &Value::Null));
    let answer = json!({"note": "So.", "in_reply_to_discussion_id": thread, "resolve_discussion": true});
    assert_eq!(post(&gitlab, "/draft_notes", &answer).status, 201);
    assert_eq!(post(&gitlab, "/draft_notes", &answer).status, 400, "one answer for each thread");
    assert_eq!((gitlab.drafts().len(), gitlab.discussions().len()), (4, 1), "nobody sees them yet");
    let got = post(&gitlab, "/draft_notes/bulk_publish", &Value::Null);
    assert_eq!((got.status, got.text.as_str(), gitlab.drafts().len()), (204, "", 0));
    let kinds: Vec<Kind> = gitlab.discussions().iter().map(|it| it.notes[0].kind).collect();
    assert_eq!(kinds, [Kind::Discussion, Kind::Diff, Kind::Diff, Kind::Discussion]);
    assert!(gitlab.discussions()[0].resolved());
    assert_eq!(gitlab.notifications(), 1);
    post(&gitlab, "/draft_notes/bulk_publish", &Value::Null);
    assert_eq!(gitlab.notifications(), 1, "of nothing, nobody is told");
}

#[test]
fn drafts_are_published_one_by_one_changed_and_taken_away() {
    let gitlab = GitLab::start(scenario());
    let ids: Vec<u64> = ["a", "b", "c"].map(|body| gitlab.leave_draft(body)).to_vec();
    let path = |at: usize| format!("{MERGE}/draft_notes/{}", ids[at]);
    let publish = |at: usize| send(&gitlab, "PUT", &format!("{}/publish", path(at)), &Value::Null).status;
    assert_eq!((publish(0), publish(0), publish(1)), (204, 404, 204));
    assert_eq!((gitlab.discussions().len(), gitlab.notifications()), (2, 2));
    assert_eq!(send(&gitlab, "PUT", &path(2), &json!({"note": "d"})).json()["note"], "d");
    assert_eq!(send(&gitlab, "PUT", &path(2), &json!({"note": ""})).status, 400);
    assert_eq!(get(&gitlab, &path(2)).json()["note"], "d");
    assert_eq!(send(&gitlab, "DELETE", &path(2), &Value::Null).status, 204);
    assert_eq!(get(&gitlab, &format!("{MERGE}/draft_notes")).json(), json!([]));
}

#[test]
fn others_drafts_are_not_seen() {
    let gitlab = GitLab::start(scenario());
    let id = gitlab.leave_draft("mine");
    gitlab.change(|scenario| *scenario = scenario.clone().user("bob"));
    assert_eq!(get(&gitlab, &format!("{MERGE}/draft_notes")).json(), json!([]));
    assert_eq!(get(&gitlab, &format!("{MERGE}/draft_notes/{id}")).status, 404);
    post(&gitlab, "/draft_notes/bulk_publish", &Value::Null);
    assert_eq!(gitlab.drafts().len(), 1);
}

#[test]
fn a_draft_on_no_line_can_vanish() {
    let gitlab = GitLab::start(scenario().quirks(|quirks| quirks.drafts_unchecked = true));
    let draft = |line: u32| {
        let position = position(&gitlab, json!({"new_line": line}));
        post(&gitlab, "/draft_notes", &json!({"note": "x", "position": position})).json()
    };
    assert_eq!(draft(99)["line_code"], Value::Null, "the only word of it");
    assert_eq!(draft(3)["line_code"], line_code(4, 3));
    assert_eq!(post(&gitlab, "/draft_notes/bulk_publish", &Value::Null).status, 204);
    assert_eq!((gitlab.discussions().len(), gitlab.drafts().len()), (1, 0));
}

#[test]
fn notes_are_counted_by_the_minute() {
    let gitlab = GitLab::start(scenario().limits(|limits| limits.notes_per_minute = 2));
    assert_eq!(post(&gitlab, "/notes", &json!({"body": "one"})).status, 201);
    assert_eq!(discuss(&gitlab, json!({"new_line": 3})).status, 201);
    let got = post(&gitlab, "/notes", &json!({"body": "three"}));
    assert_eq!((got.status, got.header("retry-after"), got.json()["message"]["error"].is_string()), (429, "", true));
    assert_eq!(get(&gitlab, &format!("{MERGE}/notes")).status, 200);
}

#[test]
fn awards_are_given_once() {
    let gitlab = GitLab::start(scenario());
    discuss(&gitlab, json!({"new_line": 3}));
    let note = gitlab.discussions()[0].notes[0].id;
    let path = format!("/notes/{note}/award_emoji");
    let give = |name: &str| post(&gitlab, &path, &json!({"name": name}));
    let eyes = give("eyes");
    assert_eq!((eyes.status, give("eyes").status, give("wow").status), (201, 404, 404));
    let others = gitlab.award(note, "alice", "thumbsdown");
    let listed = get(&gitlab, &format!("{MERGE}{path}")).json();
    let seen: Vec<_> = listed.as_array().unwrap().iter().map(|award| award["name"].as_str().unwrap()).collect();
    assert_eq!((seen, &listed[1]["user"]["username"]), (vec!["eyes", "thumbsdown"], &json!("alice")));
    let take = |id: &Value| send(&gitlab, "DELETE", &format!("{MERGE}{path}/{id}"), &Value::Null).status;
    assert_eq!((take(&json!(others)), take(&eyes.json()["id"]), take(&eyes.json()["id"])), (401, 204, 404));
    assert_eq!(gitlab.awards().len(), 1);
    assert_eq!(gitlab.requests_to(Route::CreateAward).len(), 3);
}

#[test]
fn a_commit_gets_a_status() {
    let gitlab = GitLab::start(scenario());
    let set = |sha: &str, body: Value| send(&gitlab, "POST", &format!("/projects/4242/statuses/{sha}"), &body);
    let body = json!({"state": "success", "name": "prudence", "description": "fine", "target_url": "https://x"});
    assert_eq!(set(&gitlab.head(), body.clone()).json()["status"], "success");
    assert_eq!(set(&"0".repeat(40), body).status, 404);
    assert_eq!(set(&gitlab.head(), json!({})).json(), json!({"error": "state is missing"}));
    assert_eq!(
        set(&gitlab.head(), json!({"state": "good"})).json(),
        json!({"error": "state does not have a valid value"})
    );
    let stored = gitlab.statuses();
    assert_eq!((stored.len(), stored[0].name.as_str()), (1, "prudence"));
    gitlab.change(|scenario| scenario.level = 20);
    assert_eq!(set(&gitlab.head(), json!({"state": "success"})).status, 403);
}
