//! Keys, tokens and passwords in a line.
//!
//! [`find`] says where the secrets are for sure: what the check reports. Values in a provider's format, passwords in URLs
//! and commands, and values that look random (or like a password) behind a name that sounds secret. [`suspects`] says what
//! may be one, too: what [`crate::redact`] masks, since a value that nobody is told of costs less than one that leaves.

mod assignment;
mod command;
mod format;
mod literal;
mod nameless;
mod url;
mod value;

use std::fmt::Display;
use std::ops::Range;

use crate::diff::FileDiff;
use crate::severity::{Category, Severity};
use crate::words::Words;

use super::{Found, added, keys};

/// Where a secret value stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Bytes of the line. What they hold is printable ASCII.
    pub(crate) range: Range<usize>,
    /// How many bytes of the value everyone may see, because all values of the kind start with them.
    pub(crate) public: usize,
    /// What it is, in words that fit behind "a": `GitHub token`.
    pub(crate) what: &'static str,
}

/// How sure it has to be that a value is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// So sure that a person is told.
    Sure,
    /// Sure enough to be masked.
    Suspected,
}

/// The secret values in a line, from left to right, without overlaps. The time is linear in the line's length.
pub(crate) fn find(line: &[u8]) -> Vec<Span> {
    merge(all(line, Certainty::Sure))
}

/// The values in a line that are secret or may be, as [`find`] returns them. All that [`find`] finds is among them.
pub(crate) fn suspects(line: &[u8]) -> Vec<Span> {
    let mut spans = all(line, Certainty::Suspected);
    nameless::find(line, &mut spans);
    merge(spans)
}

fn all(line: &[u8], certainty: Certainty) -> Vec<Span> {
    let mut spans = Vec::new();
    format::find(line, &mut spans);
    assignment::find(line, certainty, &mut spans);
    command::find(line, &mut spans);
    spans.extend(keys::in_one_line(line));
    spans
}

/// Sorts the spans and makes one of those that overlap. The one that starts first says what it is.
pub(crate) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.range.start, std::cmp::Reverse((span.public, span.range.end))));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.range.start < last.range.end => last.range.end = last.range.end.max(span.range.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// The line with `***` in place of the secret part of each span.
pub(crate) fn mask(line: &[u8], spans: &[Span]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    for span in spans {
        out.extend_from_slice(&line[at..span.range.start + span.public]);
        out.extend_from_slice(b"***");
        at = span.range.end;
    }
    out.extend_from_slice(&line[at..]);
    out
}

pub(super) fn check(file: &FileDiff, words: &Words) -> Vec<Found> {
    let mut hits = Vec::new();
    for (at, line) in added(file) {
        let mut spans = find(line.bytes());
        // The check for private keys reports those, with the advice that fits.
        spans.retain(|span| span.what != keys::WHAT);
        let Some(first) = spans.first() else { continue };
        let shown: Vec<String> = spans.iter().take(3).map(|span| describe(line.bytes(), span, words)).collect();
        hits.push(Found {
            at,
            severity: Severity::Critical,
            category: Category::Security,
            title: words.secret_title.with(&[("kind", &capitalized(words.secret_kind(first.what)))]),
            body: words.secret_body.with(&[("secrets", &shown.join(&format!(" {} ", words.and)))]),
            suggestion: None,
        });
    }
    hits
}

/// The kind, the length and the public prefix of a value: never the value.
fn describe(line: &[u8], span: &Span, words: &Words) -> String {
    let (kind, length) = (words.secret_kind(span.what), span.range.len());
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) { &words.an } else { &words.a };
    let prefix = line.get(span.range.start..span.range.start + span.public).unwrap_or_default();
    match std::str::from_utf8(prefix) {
        Ok(prefix) if !prefix.is_empty() => {
            let values: [(&str, &dyn Display); 4] =
                [("article", article), ("kind", &kind), ("prefix", &prefix), ("length", &length)];
            words.secret_with_prefix.with(&values)
        }
        _ => words.secret.with(&[("article", article), ("kind", &kind), ("length", &length)]),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// Words that no issued key has in it, but that stand in documentation, templates and masked values.
const DUMMY_WORDS: [&str; 10] =
    ["example", "placeholder", "xxxx", "your", "dummy", "fake", "redacted", "changeme", "***", "..."];

/// Whether a value in a provider's format was written by hand to show the format.
fn is_dummy(value: &[u8]) -> bool {
    // `ghp_aaaa…` and `AKIAXXXX…` are below 2 bits; of 300,000 random values of 16 characters out of 32, none was.
    entropy(value) < 2.0 || contains_any(value, &DUMMY_WORDS)
}

/// Whether `value` has one of these words (in lower case) in it, in any case.
fn contains_any(value: &[u8], words: &[&str]) -> bool {
    let value = value.to_ascii_lowercase();
    words.iter().any(|word| value.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// Shannon entropy of the bytes, in bits for each.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    value.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let length = value.len() as f64;
    let bits = |&count: &u32| f64::from(count) / length * (length / f64::from(count)).log2();
    counts.iter().filter(|&&count| count > 0).map(bits).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::hits;

    /// What is found in a line: the secret parts, as text.
    fn found(line: &str) -> Vec<String> {
        find(line.as_bytes()).iter().map(|span| line[span.range.clone()].to_owned()).collect()
    }

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        assert_eq!(found(line), expected, "{line}");
    }

    /// Characters as a random generator gives them.
    const RANDOM: &str = "x8Kd02mWq7Lp4ZtBv6Rj1Ny5Hc3Gs9Fa0QeUx2Kd42mWq1Lp4ZtBv6Rj1Ny5Hc3Gs9Fa0QeUk7Tb";
    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn formats_of_providers() {
        let upper = RANDOM.to_ascii_uppercase();
        // The prefixes are cut in two, so that no scanner takes this file for a leak.
        let values = [
            (["AK", "IA", &upper[..16]], "AWS access key"),
            (["gh", "p_", &RANDOM[..36]], "GitHub token"),
            (["gh", "s_", &RANDOM[..36]], "GitHub token"),
            (["github", "_pat_", RANDOM], "GitHub token"),
            (["gl", "pat-", &RANDOM[..20]], "GitLab token"),
            (["sk", "-", &RANDOM[..48]], "OpenAI API key"),
            (["sk", "-proj-", &RANDOM[..64]], "OpenAI API key"),
            (["sk", "-ant-api03-", &RANDOM[..64]], "Anthropic API key"),
            (["xo", "xb-123456789012-", &RANDOM[..24]], "Slack token"),
            (["sk", "_live_", &RANDOM[..24]], "Stripe secret key"),
            (["rk", "_live_", &RANDOM[..24]], "Stripe restricted key"),
            (["AI", "za", &RANDOM[..35]], "Google API key"),
            (["np", "m_", &RANDOM[..36]], "npm token"),
            (["py", "pi-AgEIcHlwaS5vcmc", &RANDOM[..60]], "PyPI token"),
            (["S", "K", &HEX[..32]], "Twilio API key"),
            (["hf", "_", &RANDOM[..34]], "Hugging Face token"),
            (["dop", "_v1_", HEX], "DigitalOcean token"),
            (["shp", "at_", &HEX[..32]], "Shopify token"),
            (["da", "pi", &HEX[..32]], "Databricks token"),
            (["hv", "s.", &RANDOM[..24]], "Vault token"),
            (["AGE-SECRET", "-KEY-1", &upper[..58]], "age secret key"),
            (["lin", "_api_", &RANDOM[..40]], "Linear API key"),
            (["ke", "y-", &HEX[..32]], "Mailgun API key"),
            (["12345678", "9:AA", &RANDOM[..33]], "Telegram bot token"),
        ];
        for (parts, what) in values {
            let value = parts.concat();
            for line in [value.clone(), format!("f(\"{value}\")"), format!("see {value}.\r"), format!("x={value};")] {
                let spans = find(line.as_bytes());
                assert_eq!(spans.iter().map(|span| &line[span.range.clone()]).collect::<Vec<_>>(), [&value], "{line}");
                assert_eq!(spans[0].what, what);
            }
        }
    }

    #[test]
    fn formats_with_a_structure() {
        let jwt = ["ey", "JhbGciOiJIUzI1NiJ9.", "ey", "JzdWIiOiIxMjM0NTY3ODkwIn0.", &RANDOM[..43]].concat();
        check(&format!("Authorization: Bearer {jwt}"), &[&jwt]);
        let sendgrid = ["S", "G.", &RANDOM[..22], ".", &RANDOM[..43]].concat();
        check(&format!("'{sendgrid}'"), &[&sendgrid]);
        let slack = ["hooks.sl", "ack.com/services/T00000000/B00000000/", &RANDOM[..24]].concat();
        check(&format!("https://{slack}"), &[&slack]);
        let azure = ["Account", "Key=", RANDOM, "12345678=="].concat();
        check(&format!("AccountName=x;{azure};EndpointSuffix=y"), &[&azure]);
        let (id, secret) = (["AK", "IA", "X8KD02MWQ7LP4ZTB"].concat(), &RANDOM[..40]);
        check(&format!("{id}:{secret}"), &[&id, secret]);
    }

    #[test]
    fn passwords_in_urls() {
        check("postgres://app:s3cr3tpw@db.internal:5432/x", &["s3cr3tpw"]);
        check("url = \"https://bob:hunter2!@git.corp/x.git\"", &["hunter2!"]);
        check("redis://:p@ss@w0rd@cache:6379", &["p@ss@w0rd"]);
        for line in [
            "postgres://postgres:postgres@localhost/db",
            "postgres://app:s3cr3tpw@localhost:5432/db",
            "amqp://guest:guest@rabbit",
            "postgres://user:password@host/db",
            "postgres://user:${PASSWORD}@host/db",
            "postgres://user:$PASSWORD@host/db",
            "postgres://<user>:<password>@host/db",
            "http://host:8080/a@b",
            "https://git@github.com/x",
            "https://example.com/?q=a:b@c",
        ] {
            check(line, &[]);
        }
    }

    #[test]
    fn values_behind_secret_names() {
        let value = &RANDOM[..24];
        for line in [
            "API_KEY = \"@\"",
            "api_key: '@',",
            "const apiKey: string = `@`;",
            "let token: &'static str = \"@\";",
            "{\"client_secret\":\"@\"}",
            "\\\"secret\\\":\\\"@\\\"",
            "SECRET_KEY=@",
            "export AUTH_TOKEN=@",
            "token: @",
            "os.environ[\"TOKEN\"] = \"@\"",
            "setToken(\"@\")",
            "(\"access_token\", \"@\")",
            "curl --token @",
            "--api-key=@ x",
            "<secret>@</secret>",
            "var token string = \"@\"",
            "secret := \"@\"",
            ":auth_token => '@'",
            "token = b\"@\"",
            "header(\"Authorization\", \"Bearer @\")",
            "?access_token=@",
            "if token == \"@\" {",
            "aws_secret_access_key = @",
        ] {
            check(&line.replace('@', value), &[value]);
        }
        check(&format!("secret = \"{}\"", &HEX[..32]), &[&HEX[..32]]);
    }

    #[test]
    fn passwords_that_people_think_of() {
        check("password = \"Tr0ub4dor&3\"", &["Tr0ub4dor&3"]);
        check("password: \"SuperSecret123!\",", &["SuperSecret123!"]);
        check("DB_PASSWORD=hunter2abc99", &["hunter2abc99"]);
        check("  password: hunter2abc99", &["hunter2abc99"]);
        check("\"Server=x;User=y;Password=hunter2abc9;\"", &["hunter2abc9"]);
        for line in [
            "password = \"password1\"",
            "password = \"\"",
            "password: string;",
            "password: Uint8Array",
            "password = newPassword2;",
            "password=\"enter your password 1\"",
            "login(password=passwd12)",
            "passwordField = \"login-2-password\"",
            "password_label: \"Password1!\"",
            "PASSWORD=",
            "password: \"********\"",
        ] {
            check(line, &[]);
        }
    }

    #[test]
    fn what_is_no_secret() {
        let value = &RANDOM[..24];
        let sha = &HEX[..40];
        for line in [
            format!("name = \"{value}\""),
            format!("token_hash = \"{sha}\""),
            format!("commit = \"{sha}\""),
            format!("secret: sha256:{HEX}"),
            format!("\"integrity\": \"sha512-{RANDOM}==\", \"token\": \"sha512-{RANDOM}\""),
            format!("public_key = \"{value}\""),
            "token = \"550e8400-e29b-41d4-a716-446655440000\"".to_owned(),
            "secret = process.env.CLIENT_SECRET_V2".to_owned(),
            "token = os.environ[\"GITHUB_TOKEN_2\"]".to_owned(),
            "token = generate_token_v2_for_user1(user)".to_owned(),
            "token: ${{ secrets.GITHUB_TOKEN }}".to_owned(),
            "api_key: ${API_KEY_1234567890}".to_owned(),
            "api_key = $API_KEY_1234567890".to_owned(),
            "api_key = \"<your-api-key-1234567890>\"".to_owned(),
            "api_key = \"xxxxxxxxxxxxxxxxxxx1\"".to_owned(),
            "token = \"{{ vault_token_12345678 }}\"".to_owned(),
            "secret = \"dummy-secret-1a2b3c4d5e6f\"".to_owned(),
            "key: \"AKIAIOSFODNN7EXAMPLE\"".to_owned(),
            "secret = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"".to_owned(),
            ["gh", "p_", &"x".repeat(36)].concat(),
            "sk-fading-circle-loading-indicator-element".to_owned(),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPZk0kBEADdR2W0Zm9vYmFyYmF6 me@host".to_owned(),
            "let private_key: EcPrivateKeyRfc5915Der = my_private.as_der()?;".to_owned(),
            "tokenizer = \"cl100k_base_2024_v2_x8Kd02mW\"".to_owned(),
        ] {
            check(&line, &[]);
        }
    }

    #[test]
    fn the_value_is_not_shown() {
        let value = ["gh", "p_", &RANDOM[..36]].concat();
        let hits = hits("tests/a.py", &format!("T = \"{value}\"\nPASSWORD = \"Tr0ub4dor&3\"\n"));
        assert_eq!(hits.len(), 2);
        assert_eq!(hits[0].title, "GitHub token committed in plain text");
        assert!(hits[0].body.contains("a GitHub token (`ghp_…`, 40 characters)"), "{}", hits[0].body);
        assert_eq!(hits[1].title, "Password committed in plain text");
        assert!(hits.iter().all(|hit| !hit.body.contains(&value) && !hit.body.contains("Tr0ub")));
    }
}
