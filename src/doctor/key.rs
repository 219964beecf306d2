//! What can be told of a key or a token by looking at it.

use super::check::Check;
use crate::forge::Host;
use crate::secret::Secret;

/// A key as it was given.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The text, with whatever stands around the key.
    pub raw: &'a str,
    /// Where it was given, for messages (``variable `OPENAI_API_KEY` ``).
    pub from: &'a str,
}

/// Who the key is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// OpenAI itself.
    OpenAi,
    /// A model server somewhere, whose keys may look like anything.
    Server,
    /// A model server on this machine, which takes any text for a key.
    Local,
    /// A code host.
    Host(Host),
}

/// Looks at a key; fails what should not even be sent, and warns of what works all the same. `None` is a key without
/// fault.
pub fn look(name: &'static str, given: Given<'_>, recipient: Recipient) -> Option<Check> {
    let Given { raw, from } = given;
    let secret = Secret::new(raw)?;
    let key = secret.expose();
    let again = "copy the key again, alone";
    let expression = key.contains("${") || key.contains("{{") || key.starts_with('$') || key.starts_with("secrets.");
    if recipient == Recipient::Local {
        // any text will do, but none that a header cannot hold
    } else if expression {
        return Some(Check::fail(
            name,
            format!(
                "{from} holds an expression that nothing has replaced\nhint: write `${{{{ secrets.NAME }}}}` where the workflow sets it, without quotes or a backslash, and the value itself in `.env`"
            ),
        ));
    } else if let Some((before, _)) = key.split_once(['=', ' ']).filter(|(before, _)| is_label(before)) {
        return Some(Check::fail(
            name,
            format!("{from} begins with `{before}`, which is not part of the key\nhint: {again}"),
        ));
    } else if is_placeholder(key) {
        let text = format!("{from} holds a placeholder\nhint: put the real one in its place");
        // a server that asks for no key is often given such a text
        let is_enough = recipient == Recipient::Server;
        return Some(if is_enough { Check::warn(name, text) } else { Check::fail(name, text) });
    }
    if key.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Some(Check::fail(
            name,
            format!("{from} has white space or another character in its middle that no key has\nhint: {again}"),
        ));
    }
    if let Some(check) = misdirected(name, key, from, recipient) {
        return Some(check);
    }
    stray(raw, key).map(|what| {
        Check::warn(name, format!("{from} has {what}; that is left out, and the rest works\nhint: save it again without that, for other programs may not be as kind"))
    })
}

/// A key of somebody else, which the recipient should not even see.
fn misdirected(name: &'static str, key: &str, from: &str, recipient: Recipient) -> Option<Check> {
    let owner = owner(key);
    let remedy = |owner: &Owner| match owner.base_url {
        Some(url) => format!("set `--base-url {url}` to use it, or give a key of OpenAI's"),
        None => "give a key of OpenAI's".to_owned(),
    };
    match (recipient, owner) {
        (Recipient::OpenAi, Some(owner)) if owner.name != OPENAI => Some(Check::fail(
            name,
            format!(
                "{from} holds a key of {}, which OpenAI does not take; it was not sent\nhint: {}",
                owner.name,
                remedy(owner)
            ),
        )),
        (Recipient::OpenAi, _) if key.starts_with("sk-admin-") => Some(Check::fail(
            name,
            format!(
                "{from} holds an admin key of OpenAI's, which may ask no model\nhint: make a project key (`sk-proj-…`)"
            ),
        )),
        (Recipient::OpenAi, None)
            if !key.starts_with("sk-") && key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            Some(Check::fail(
                name,
                format!(
                    "{from} holds what looks like a key of Azure's, which OpenAI does not take; it was not sent\nhint: set `AZURE_OPENAI_API_KEY` and `AZURE_OPENAI_ENDPOINT` instead"
                ),
            ))
        }
        (Recipient::Server, Some(owner)) if owner.name == OPENAI => Some(Check::warn(
            name,
            format!(
                "{from} holds a key of OpenAI's, and goes to another server\nhint: check `--base-url`, unless that server hands the key on to OpenAI"
            ),
        )),
        (Recipient::Server, Some(owner)) if owner.is_host => Some(Check::fail(
            name,
            format!(
                "{from} holds a token of {}, which is no key for a model; it was not sent\nhint: give the key of the model server",
                owner.name
            ),
        )),
        (Recipient::Host(host), Some(owner)) if !owner.is_host => Some(Check::fail(
            name,
            format!(
                "{from} holds a key of {}, which is no token for a code host; it was not sent\nhint: {}",
                owner.name,
                apart(host)
            ),
        )),
        (Recipient::Host(host), Some(owner)) if owner.name != host.name() => Some(Check::fail(
            name,
            format!(
                "{from} holds a token of {}, and the request is on {}; it was not sent\nhint: put one of {1} into `{}`",
                owner.name,
                host.name(),
                variable(host)
            ),
        )),
        (Recipient::Host(host), None) if key.starts_with("sk-") => Some(Check::fail(
            name,
            format!(
                "{from} holds a model's key, which is no token for a code host; it was not sent\nhint: {}",
                apart(host)
            ),
        )),
        _ => None,
    }
}

/// Where which of the two belongs.
fn apart(host: Host) -> String {
    format!("the model's key belongs in `OPENAI_API_KEY`, the token in `{}`", variable(host))
}

/// The variable that holds the token of a host.
pub fn variable(host: Host) -> &'static str {
    match host {
        Host::GitHub => "GITHUB_TOKEN",
        Host::GitLab => "GITLAB_TOKEN",
    }
}

/// Whose keys begin so.
struct Owner {
    prefix: &'static str,
    name: &'static str,
    /// Where it takes Chat Completions.
    base_url: Option<&'static str>,
    /// Whether it is a code host.
    is_host: bool,
}

const OPENAI: &str = "OpenAI";

const fn model(prefix: &'static str, name: &'static str, base_url: &'static str) -> Owner {
    Owner { prefix, name, base_url: Some(base_url), is_host: false }
}

const fn host(prefix: &'static str, name: &'static str) -> Owner {
    Owner { prefix, name, base_url: None, is_host: true }
}

const OWNERS: [Owner; 23] = [
    model("sk-proj-", OPENAI, "https://api.openai.com/v1"),
    model("sk-svcacct-", OPENAI, "https://api.openai.com/v1"),
    model("sk-admin-", OPENAI, "https://api.openai.com/v1"),
    model("sk-ant-", "Anthropic", "https://api.anthropic.com/v1"),
    model("sk-or-", "OpenRouter", "https://openrouter.ai/api/v1"),
    model("gsk_", "Groq", "https://api.groq.com/openai/v1"),
    model("AIza", "Google", "https://generativelanguage.googleapis.com/v1beta/openai"),
    model("xai-", "xAI", "https://api.x.ai/v1"),
    model("pplx-", "Perplexity", "https://api.perplexity.ai"),
    model("nvapi-", "NVIDIA", "https://integrate.api.nvidia.com/v1"),
    model("csk-", "Cerebras", "https://api.cerebras.ai/v1"),
    model("fw_", "Fireworks", "https://api.fireworks.ai/inference/v1"),
    model("hf_", "Hugging Face", "https://router.huggingface.co/v1"),
    Owner { prefix: "r8_", name: "Replicate", base_url: None, is_host: false },
    Owner { prefix: "AKIA", name: "Amazon Web Services", base_url: None, is_host: false },
    host("ghp_", "GitHub"),
    host("gho_", "GitHub"),
    host("ghu_", "GitHub"),
    host("ghs_", "GitHub"),
    host("ghr_", "GitHub"),
    host("github_pat_", "GitHub"),
    host("glpat-", "GitLab"),
    host("glcbt-", "GitLab"),
];

fn owner(key: &str) -> Option<&'static Owner> {
    OWNERS.iter().find(|owner| key.starts_with(owner.prefix))
}

/// Words of examples. In the letters of a real key they may stand by chance, so only whole words of some length count.
const EXAMPLE_WORDS: [&str; 12] = [
    "your",
    "changeme",
    "change",
    "placeholder",
    "replace",
    "replaceme",
    "insert",
    "todo",
    "example",
    "dummy",
    "fake",
    "here",
];

fn is_placeholder(key: &str) -> bool {
    let words =
        || key.split(|c: char| !c.is_alphanumeric() && !matches!(c, '*' | '.' | '…')).filter(|word| !word.is_empty());
    let is_filler = |word: &str| {
        word.chars().count() >= 3 && ['x', 'X', '*', '.', '…'].iter().any(|filler| word.chars().all(|c| c == *filler))
    };
    (key.starts_with('<') && key.ends_with('>'))
        || ["api-key", "api_key", "apikey"].iter().any(|part| key.to_lowercase().contains(part))
        || matches!(key, "sk-" | "…" | "none" | "null" | "undefined" | "key" | "token" | "secret")
        || words().any(|word| {
            EXAMPLE_WORDS.contains(&word.to_lowercase().as_str())
                || is_filler(word)
                || word.ends_with("...")
                || word.ends_with('…')
        })
}

/// What people copy along: the variable's name, `export`, `Bearer`.
fn is_label(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "export" | "bearer" | "token" | "authorization:")
        || (text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// What stands around a key, in words.
fn stray(raw: &str, key: &str) -> Option<String> {
    let (before, after) = raw.split_once(key)?;
    let around = || before.chars().chain(after.chars());
    let kinds = [
        ("quotes", around().any(|c| matches!(c, '"' | '\''))),
        ("a line break", around().any(|c| matches!(c, '\n' | '\r'))),
        ("white space", around().any(|c| c.is_whitespace() && !matches!(c, '\n' | '\r'))),
        ("an invisible character", around().any(|c| matches!(c, '\u{feff}' | '\u{200b}'))),
    ];
    let kinds: Vec<&str> = kinds.iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| *kind).collect();
    let place = match (before.is_empty(), after.is_empty()) {
        (true, true) => return None,
        (true, false) => "at its end",
        (false, true) => "at its beginning",
        (false, false) => "around it",
    };
    Some(format!("{} {place}", kinds.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected` is the state and a part of the text; empty for a key without fault.
    #[track_caller]
    fn check(raw: &str, recipient: Recipient, expected: &str) {
        let given = Given { raw, from: "variable `K`" };
        let found = look("key", given, recipient);
        let text =
            found.as_ref().map_or(String::new(), |check| format!("{:?} {} {:?}", check.state, check.text, check.hint));
        let (state, part) = expected.split_once(' ').unwrap_or_default();
        assert!(text.starts_with(state) && text.contains(part), "{raw:?}: {text}");
        assert_eq!(text.is_empty(), expected.is_empty(), "{raw:?}: {text}");
        assert!(found.is_none_or(|check| check.hint.is_some()), "{raw:?}: no remedy");
        let key = raw.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        assert!(key.len() < 12 || !text.contains(key), "the key is shown: {text}");
    }

    const KEY: &str = "sk-proj-0123456789abcdefghij";

    #[test]
    fn a_key_without_fault() {
        check(KEY, Recipient::OpenAi, "");
        check("sk-test-0123456789abcdefghij", Recipient::OpenAi, "");
        check("whatever", Recipient::Server, "");
        check("dummy", Recipient::Server, "Warn placeholder");
        check("sk-proj-xyourX-my-Ab_here1_0123456789", Recipient::OpenAi, "");
        check("ghs_0123456789", Recipient::Host(Host::GitHub), "");
        check("your key", Recipient::Local, "Fail in its middle");
        check("your-key", Recipient::Local, "");
        check("", Recipient::OpenAi, "");
    }

    #[test]
    fn what_stands_around_a_key_is_named() {
        let around = |before: &str, after: &str, expected: &str| {
            check(&format!("{before}{KEY}{after}"), Recipient::OpenAi, &format!("Warn {expected}"));
        };
        around("", "\n", "a line break at its end");
        around(" ", "", "white space at its beginning");
        around("\"", "\"", "quotes around it");
        around("'", "'\r\n", "quotes and a line break around it");
        around("\u{feff}", "", "an invisible character at its beginning");
    }

    #[test]
    fn what_is_no_key_is_not_sent() {
        for raw in [
            "sk-...",
            "sk-xxxxxxxx",
            "<your key>",
            "your-api-key-here",
            "changeme",
            "sk-***",
            "YOUR_API_KEY",
            "sk-proj-abc...",
        ] {
            check(raw, Recipient::OpenAi, "Fail placeholder");
        }
        for raw in ["${{ secrets.OPENAI_API_KEY }}", "$OPENAI_API_KEY", "${OPENAI_API_KEY}", "secrets.OPENAI_API_KEY"] {
            check(raw, Recipient::OpenAi, "Fail expression");
        }
        check(&format!("OPENAI_API_KEY={KEY}"), Recipient::OpenAi, "Fail begins with `OPENAI_API_KEY`");
        check(&format!("Bearer {KEY}"), Recipient::Server, "Fail begins with `Bearer`");
        check("sk-proj-abc\ndef", Recipient::OpenAi, "Fail in its middle");
        check("sk-proj-abcé", Recipient::OpenAi, "Fail in its middle");
    }

    #[test]
    fn the_key_of_another_is_not_sent() {
        check("sk-ant-api03-0123456789", Recipient::OpenAi, "Fail a key of Anthropic");
        check("sk-or-v1-0123456789", Recipient::OpenAi, "Fail `--base-url https://openrouter.ai/api/v1`");
        check("gsk_0123456789", Recipient::OpenAi, "Fail Groq");
        check("ghp_0123456789", Recipient::OpenAi, "Fail GitHub");
        check("0123456789abcdef0123456789abcdef", Recipient::OpenAi, "Fail AZURE_OPENAI_API_KEY");
        check("sk-admin-0123456789", Recipient::OpenAi, "Fail admin key");
        check("sk-ant-api03-0123456789", Recipient::Server, "");
        check(KEY, Recipient::Server, "Warn goes to another server");
        check("ghp_0123456789", Recipient::Server, "Fail no key for a model");
        check(KEY, Recipient::Host(Host::GitHub), "Fail no token for a code host");
        check("sk-0123456789", Recipient::Host(Host::GitHub), "Fail a model's key");
    }
}
