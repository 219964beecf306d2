//! Prose in which nothing acts on a host. What is taken out of it cannot be seen where it is rendered.

use std::sync::LazyLock;

use regex::Regex;

/// A character without width. Behind the sign that begins a reference or an address, it ends both.
const JOINER: char = '\u{200b}';

/// The issue of a tracker behind a word that closes it, up to its number: `Closes OPS-`.
static CLOSES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i:\b(?:clos|fix|resolv|implement)(?:e|es|ed|s|ing)?):?\s+[A-Z][A-Z0-9_]+-")
        .expect("a tested pattern")
});

/// Takes the effect out of a line of Markdown, or of a part of one, that is no code:
/// - `@name`, `#1`, `GH-1`, GitLab's `!1`, `~label`, `%milestone`, `&1` and `[issue:1]`, and `Closes KEY-1`
/// - `<tag>`, and what `&#64;` and the like stand for
/// - images, and links of every kind: `[a](b)`, `[a][b]`, `[a]: b`, `https://…`, `www.…`
/// - what acts at the beginning of a line: a slash, which would be a command on some hosts; and on GitLab `>>>`, which begins
///   or ends a quote, also in the middle of what others take for a fence, and `::include{`
pub(super) fn quiet(text: &str) -> String {
    let start = text.len() - text.trim_start().len();
    let acts_first = ["/", ">>>", "::include{"].iter().any(|sign| text[start..].starts_with(sign));
    let mut out = text[..start].to_owned();
    out.extend(acts_first.then_some('\\'));
    let closes: Vec<usize> = CLOSES.find_iter(text).map(|found| found.end()).collect();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < start) {
        let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
        if let Some(entity) = entity(c, after) {
            if escaped {
                // the backslash would show the entity as it is written
                out.pop();
            }
            out.push_str(entity);
        } else {
            out.push(c);
            let is_tracked = c == '-' && closes.contains(&(at + 1)) && after.starts_with(|c: char| c.is_ascii_digit());
            if is_tracked || begins_reference(before, c, after) || begins_address(before, c, after) {
                out.push(JOINER);
            }
            // as it is rendered the same, and is no link
            out.extend((c == ']' && after.starts_with(['(', '[', ':'])).then_some('\\'));
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

/// What a character must be written as.
fn entity(c: char, after: &str) -> Option<&'static str> {
    match c {
        '<' => Some("&lt;"),
        '!' if after.starts_with('[') => Some("&#33;"),
        '&' if after.starts_with(|c: char| c == '#' || c.is_alphabetic()) => Some("&amp;"),
        _ => None,
    }
}

/// Whether a reference begins with this character, or with the word that ends with it.
fn begins_reference(before: &str, c: char, after: &str) -> bool {
    let next = after.chars().next().unwrap_or(' ');
    let is_inside = before.ends_with(char::is_alphanumeric);
    match c {
        // names on GitLab may begin with a dot or an underscore, which a backslash may stand before
        '@' => next.is_alphanumeric() || matches!(next, '_' | '.' | '\\'),
        '#' => next.is_alphanumeric(),
        // `%20` in an address is none
        '%' | '~' => !is_inside && (next.is_alphanumeric() || matches!(next, '"' | '\\')),
        '!' | '&' => next.is_ascii_digit(),
        '-' => next.is_ascii_digit() && ends_with_word(before, &["gh", "gl"]),
        ':' => next.is_alphanumeric() && before.rsplit_once('[').is_some_and(|(_, kind)| is_kind(kind)),
        '[' => after.starts_with("_TOC_]") || after.starts_with("TOC]"),
        _ => false,
    }
}

/// Whether a text may be the kind of what is referred to: `issue` in `[issue:1]`.
fn is_kind(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Whether an address begins with this character, or with the scheme that ends with it. A backslash does not show.
fn begins_address(before: &str, c: char, after: &str) -> bool {
    let bare = |text: &str| text.trim_start_matches('\\').len();
    match c {
        ':' => after[after.len() - bare(after)..]
            .strip_prefix('/')
            .is_some_and(|rest| rest[rest.len() - bare(rest)..].starts_with('/')),
        'w' | 'W' => ends_with_word(before, &["ww"]) && after[after.len() - bare(after)..].starts_with('.'),
        _ => false,
    }
}

/// Whether a text ends with one of these words, in small letters or capitals, and nothing of a word before it.
fn ends_with_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        let Some((rest, end)) = text.len().checked_sub(word.len()).and_then(|at| text.split_at_checked(at)) else {
            return false;
        };
        end.eq_ignore_ascii_case(word) && !rest.ends_with(|c: char| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::quiet;

    /// Asserts what becomes of a line; `·` stands for the character without width.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(quiet(text), expected.replace('·', "\u{200b}"));
    }

    #[test]
    fn nobody_is_mentioned() {
        check("ask @team or @_all, @\\_x, @.me", "ask @·team or @·_all, @·\\_x, @·.me");
        check("a@b.example", "a@·b.example");
        check("&#64;team &commat;team", "&amp;#·64;team &amp;commat;team");
    }

    #[test]
    fn nothing_is_referred_to() {
        check("fixes #12 and GH-3, gl-4, !5, &6", "fixes #·12 and GH-·3, gl-·4, !·5, &·6");
        check("Closes OPS-7, see OPS-8", "Closes OPS-·7, see OPS-8");
        check("[issue:1] [feature_flag:x] [TOC] [[_TOC_]]", "[issue:·1] [feature_flag:·x] [·TOC] [[·_TOC_]]");
        check("~bug ~\"a b\" %v1 %20 a%20b", "~·bug ~·\"a b\" %·v1 %·20 a%20b");
    }

    #[test]
    fn nothing_is_linked_or_shown() {
        check("[a](https://b) [a][b] [a]: b", "[a]\\(https:·//b) [a]\\[b] [a]\\: b");
        check("![a](b) \\![a](b)", "&#33;[a]\\(b) &#33;[a]\\(b)");
        check(
            "HTTPS://x www.x WWW.x https\\://x https:\\/\\/x",
            "HTTPS:·//x www·.x WWW·.x https\\:·//x https:·\\/\\/x",
        );
        check("<img> \\<b> \\\\<b>", "&lt;img> &lt;b> \\\\&lt;b>");
    }

    #[test]
    fn no_line_begins_with_a_command() {
        check("/close", "\\/close");
        check("  /merge", "  \\/merge");
        check(">>>", "\\>>>");
        check("::include{file=x}", "\\::include{file=x}");
    }

    #[test]
    fn ordinary_prose_stays_as_it_is() {
        for text in [
            "The list may be empty: then `n` is 0, and 50 % of it is lost.",
            "a < b",
            "It costs $4.00 && a!=b, ~/x, 100% of $HOME; see a[i] (or b[j]).",
            "std::path::Path, foo::<T>, C# and F# are fine; wwww. too",
            "UTF-8, SHA-256, CVE-2024-1 and RFC-2119",
            "1. first\n2. second",
            "> a quote",
            "case 1: // nothing",
            "**bold**, *soft*, __bold__",
            "Fixed in 2.0; it resolves to A-1-like names, high-2",
        ] {
            let expected = text.replace('<', "&lt;");
            assert_eq!(quiet(text), expected, "{text}");
        }
    }
}
