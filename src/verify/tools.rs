//! What the second look may do to find out: read, search and list the repository at the head, and nothing else.

use std::fmt::Write as _;

use serde_json::Value;

use crate::llm::{Tool, ToolCall};
use crate::text::unbroken;
use crate::tree::Tree;

/// The tools, as the model is told of them.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "read_file",
        about: "Lines of a file of the repository, with their numbers.",
        parameters: &[
            ("path", "string", "Path from the root of the repository."),
            ("start", "integer", "First line, counted from 1."),
            ("end", "integer", "Last line."),
        ],
    },
    Tool {
        name: "search",
        about: "Lines that hold a text, in the files whose path matches a glob. The text is no regular expression.",
        parameters: &[
            ("pattern", "string", "The text."),
            ("glob", "string", "Which files, such as `src/**/*.py`; empty for all."),
        ],
    },
    Tool {
        name: "list",
        about: "What lies in a folder.",
        parameters: &[("path", "string", "Path from the root; empty for the root.")],
    },
];

/// Bytes that one call gives at most.
const MOST_BYTES: usize = 8 * 1024;
/// Lines that `read_file` gives at most.
const MOST_LINES: u32 = 200;
/// Lines that `search` gives at most.
const MOST_MATCHES: usize = 40;
/// Entries that `list` gives at most.
const MOST_ENTRIES: usize = 200;

/// Carries out a call. What cannot be done is told in words, so that the model can do something else. `clean` masks secrets
/// in the text of a file.
pub fn call(tree: &Tree<'_>, call: &ToolCall, clean: &dyn Fn(&str) -> String) -> String {
    let Ok(arguments) = serde_json::from_str::<Value>(&call.arguments) else {
        return "error: the arguments are no JSON".to_owned();
    };
    let text = |name: &str| arguments[name].as_str().unwrap_or_default();
    let out = match call.name.as_str() {
        "read_file" => read_file(tree, text("path"), (number(&arguments["start"]), number(&arguments["end"])), clean),
        "search" => search(tree, text("pattern"), text("glob"), clean),
        "list" => list(tree, text("path")),
        other => format!("error: there is no tool `{}`", crate::text::printable(other)),
    };
    let end = out.floor_char_boundary(MOST_BYTES);
    if end < out.len() { format!("{}\n[cut]", &out[..end]) } else { out }
}

/// A line number, which models also write as text.
fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u32::try_from(number).ok()
}

fn read_file(
    tree: &Tree<'_>,
    path: &str,
    (start, end): (Option<u32>, Option<u32>),
    clean: &dyn Fn(&str) -> String,
) -> String {
    let from = start.unwrap_or(1).max(1);
    let to = end.unwrap_or(u32::MAX).max(from).min(from.saturating_add(MOST_LINES - 1));
    match tree.lines(path, (from, to), MOST_BYTES, clean) {
        None => format!("error: there is no text file `{}`", crate::text::printable(path)),
        Some(lines) if lines.lines.is_empty() => format!("error: the file has {} lines", lines.total),
        Some(lines) => {
            let mut out = format!("=== {} ({} lines)\n", crate::text::printable(path), lines.total);
            for (number, line) in &lines.lines {
                let _ = writeln!(out, "{number}  {}", unbroken(line));
            }
            out
        }
    }
}

fn search(tree: &Tree<'_>, pattern: &str, glob: &str, clean: &dyn Fn(&str) -> String) -> String {
    let found = tree.search(pattern, glob, MOST_MATCHES, clean);
    let mut out = String::new();
    for found in &found.matches {
        let _ = writeln!(out, "{}:{}: {}", crate::text::printable(&found.path), found.line, unbroken(&found.text));
    }
    match found.stopped {
        Some(why) => out + &format!("[{why}]"),
        None if found.matches.is_empty() => "nothing found".to_owned(),
        None => out,
    }
}

fn list(tree: &Tree<'_>, path: &str) -> String {
    let Some((names, has_more)) = tree.list(path, MOST_ENTRIES) else {
        return format!("error: there is no folder `{}`", crate::text::printable(path));
    };
    let names: Vec<_> = names.iter().map(|name| crate::text::printable(name)).collect();
    names.join("\n") + if has_more { "\n[and more]" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree<'static> {
        let long = (1..=500).map(|n| format!("line {n}\n")).collect::<String>();
        Tree::in_memory([
            ("src/a.py".to_owned(), b"def pay(amount, user):\n    return amount\n".to_vec()),
            ("src/long.txt".to_owned(), long.into_bytes()),
        ])
    }

    #[track_caller]
    fn check(name: &str, arguments: &str, expected: &str) {
        let call = ToolCall { id: "c".to_owned(), name: name.to_owned(), arguments: arguments.to_owned() };
        let out = super::call(&tree(), &call, &str::to_owned);
        assert!(out.contains(expected), "{name}({arguments}) gave {out:?}");
        assert!(out.len() <= MOST_BYTES + 10);
    }

    #[test]
    fn the_tools_read_the_tree() {
        check(
            "read_file",
            r#"{"path":"src/a.py","start":1,"end":1}"#,
            "=== src/a.py (2 lines)\n1  def pay(amount, user):",
        );
        check("read_file", r#"{"path":"src/a.py","start":"2","end":"9"}"#, "2      return amount");
        check("search", r#"{"pattern":"amount","glob":"**/*.py"}"#, "src/a.py:1: def pay(amount, user):");
        check("search", r#"{"pattern":"nowhere","glob":""}"#, "nothing found");
        check("list", r#"{"path":""}"#, "src/");
        check("list", r#"{"path":"src"}"#, "a.py\n");
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        check("read_file", r#"{"path":"../../etc/passwd","start":1,"end":5}"#, "error: there is no text file");
        check("read_file", r#"{"path":"/etc/passwd","start":1,"end":5}"#, "error: there is no text file");
        check("read_file", r#"{"path":"src/a.py","start":90,"end":99}"#, "error: the file has 2 lines");
        check("list", r#"{"path":"../"}"#, "error: there is no folder");
        check("search", r#"{"pattern":"","glob":""}"#, "");
        check("search", "{", "error: the arguments are no JSON");
        check("run", "{}", "error: there is no tool `run`");
    }

    #[test]
    fn what_is_given_is_bounded() {
        let call = |name: &str, arguments: &str| {
            let call = ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_owned() };
            super::call(&tree(), &call, &str::to_owned)
        };
        assert_eq!(call("read_file", r#"{"path":"src/long.txt","start":0,"end":4000000000}"#).lines().count(), 201);
        assert!(call("search", r#"{"pattern":"line","glob":""}"#).lines().count() <= MOST_MATCHES + 1);
    }
}
