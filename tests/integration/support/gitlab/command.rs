//! Quick actions: lines of a note that the host executes instead of showing them.

use serde_json::{Value, json};

use super::state::{Command, State};
use crate::support::server::Reply;

/// The names that the host knows, on merge requests and elsewhere.
const KNOWN: [&str; 62] = [
    "add_contacts",
    "add_email",
    "add_child",
    "approve",
    "assign",
    "assign_reviewer",
    "award",
    "blocked_by",
    "blocks",
    "board_move",
    "cc",
    "clear_health_status",
    "clear_weight",
    "clone",
    "close",
    "confidential",
    "convert_to_ticket",
    "copy_metadata",
    "create_merge_request",
    "done",
    "draft",
    "due",
    "duplicate",
    "epic",
    "estimate",
    "health_status",
    "iteration",
    "label",
    "labels",
    "link",
    "lock",
    "merge",
    "milestone",
    "move",
    "page",
    "promote",
    "promote_to",
    "publish",
    "react",
    "ready",
    "reassign",
    "reassign_reviewer",
    "rebase",
    "relabel",
    "relate",
    "remove_estimate",
    "remove_milestone",
    "remove_time_spent",
    "reopen",
    "request_review",
    "reviewer",
    "set_parent",
    "spend",
    "spent",
    "submit_review",
    "subscribe",
    "tag",
    "target_branch",
    "title",
    "todo",
    "unapprove",
    "unassign",
];
/// And those that take something back.
const UNDOING: [&str; 11] = [
    "remove_child",
    "remove_due_date",
    "remove_epic",
    "remove_iteration",
    "unassign_reviewer",
    "unlabel",
    "unlink",
    "unlock",
    "unrelate",
    "unsubscribe",
    "wip",
];

/// The text without its commands, and the commands.
pub fn extract(body: &str) -> (String, Vec<(String, String)>) {
    let mut fence = None;
    let mut commands = Vec::new();
    let mut kept = Vec::new();
    for line in body.replace('\r', "").split('\n') {
        let command = if fence.is_none() { parse(line) } else { None };
        fence = after(fence, line);
        match command {
            Some(command) => commands.push(command),
            None => kept.push(line.to_owned()),
        }
    }
    (kept.join("\n").trim_end().to_owned(), commands)
}

/// A command at the start of a line; more than three spaces before it make it code.
fn parse(line: &str) -> Option<(String, String)> {
    let text = line.trim_start_matches(' ');
    if line.len() - text.len() > 3 {
        return None;
    }
    let (name, arguments) = text.strip_prefix('/')?.split_once([' ', '\t']).unwrap_or((text.get(1..)?, ""));
    let name = name.trim_end().to_lowercase();
    let known = KNOWN.contains(&name.as_str()) || UNDOING.contains(&name.as_str());
    known.then(|| (name, arguments.trim().to_owned()))
}

/// The fence that a line leaves open: its character and how many there are.
fn after(open: Option<(char, usize)>, line: &str) -> Option<(char, usize)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'));
    let Some(mark) = mark.filter(|_| line.len() - text.len() <= 3) else { return open };
    let count = text.chars().take_while(|c| *c == mark).count();
    let rest = text[count..].trim();
    match open {
        None if count >= 3 && !(mark == '`' && rest.contains('`')) => Some((mark, count)),
        Some((used, least)) if used == mark && count >= least && rest.is_empty() => None,
        open => open,
    }
}

impl State {
    /// Executes the commands of a text. What is left of it; 202 where nothing is.
    pub fn obey(&mut self, author: &str, body: &str) -> Result<String, Reply> {
        let (text, commands) = extract(body);
        for (name, arguments) in &commands {
            if matches!(name.as_str(), "close" | "merge") {
                self.open = false;
            }
            let (author, name, arguments) = (author.to_owned(), name.clone(), arguments.clone());
            self.commands.push(Command { author, name, arguments });
        }
        if !text.trim().is_empty() {
            return Ok(text);
        }
        let changes: Value = commands.iter().map(|(name, _)| (name.clone(), json!(true))).collect();
        let summary: Vec<String> = commands.iter().map(|(name, _)| format!("Executed /{name}.")).collect();
        Err(Reply::json(202, &json!({"commands_changes": changes, "summary": summary})))
    }
}
