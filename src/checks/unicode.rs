//! Characters that make code look like something else: bidirectional controls, invisible characters, lookalike letters.

use super::{Found, added};
use crate::diff::{FileDiff, Line};
use crate::severity::{Category, Severity};
use crate::words::{Phrase, Words};

/// Longer lines get no suggestion: nobody can read one.
const SUGGESTED: usize = 400;

/// A character that deceives, and where it stands.
struct Trick {
    /// Bytes from the line's start.
    at: usize,
    /// Counted from 1, in characters.
    column: usize,
    character: char,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Lookalike,
    Invisible,
    /// Reorders what is shown, or carries text that is not shown.
    Deceiving,
}

pub(super) fn check(file: &FileDiff, words: &Words) -> Vec<Found> {
    let is_prose = is_prose(file.path().file_name(), &file.path().extension());
    let mut hits = Vec::new();
    for (at, line) in added(file).filter(|(_, line)| !line.bytes().is_ascii()) {
        let text = line.text();
        let tricks = tricks(&text, is_prose, line.new == 1);
        let Some(worst) = tricks.iter().map(|trick| trick.kind).max() else { continue };
        hits.push(Found {
            at,
            severity: if worst == Kind::Deceiving { Severity::Critical } else { Severity::Major },
            category: Category::Security,
            title: title(worst, words).to_string(),
            body: body(worst, &tricks, words),
            suggestion: suggestion(line, &text, &tricks),
        });
    }
    hits
}

fn title(kind: Kind, words: &Words) -> &Phrase {
    match kind {
        Kind::Lookalike => &words.lookalike_title,
        Kind::Invisible => &words.invisible_title,
        Kind::Deceiving => &words.deceiving_title,
    }
}

fn body(worst: Kind, tricks: &[Trick], words: &Words) -> String {
    let show = |trick: &Trick| {
        let code = format!("{:04X}", u32::from(trick.character));
        words.character.with(&[("code", &code), ("name", &name(trick.character)), ("column", &trick.column)])
    };
    let mut shown: Vec<String> = tricks.iter().take(3).map(show).collect();
    if tricks.len() > shown.len() {
        shown.push(words.more_characters.with(&[("count", &(tricks.len() - shown.len()))]));
    }
    let body = match worst {
        Kind::Lookalike => &words.lookalike_body,
        Kind::Invisible => &words.invisible_body,
        Kind::Deceiving => &words.deceiving_body,
    };
    body.with(&[("characters", &shown.join(", "))])
}

/// The line without the tricks, where that is certain to be what was meant.
fn suggestion(line: &Line, text: &str, tricks: &[Trick]) -> Option<String> {
    if text.len() > SUGGESTED || std::str::from_utf8(line.bytes()).is_err() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for trick in tricks {
        out.push_str(&text[from..trick.at]);
        match trick.character {
            '\u{2028}' | '\u{2029}' => return None,
            character => out.extend(latin(character)),
        }
        from = trick.at + trick.character.len_utf8();
    }
    out.push_str(&text[from..]);
    Some(out)
}

/// The characters of a line that deceive, from left to right.
fn tricks(text: &str, is_prose: bool, is_first_line: bool) -> Vec<Trick> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let is_right_to_left = chars
        .iter()
        .any(|&(_, c)| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'));
    let mut tricks = Vec::new();
    for (i, &(at, character)) in chars.iter().enumerate() {
        let beside =
            |is: fn(char) -> bool| i > 0 && is(chars[i - 1].1) && chars.get(i + 1).is_some_and(|&(_, next)| is(next));
        let kind = match character {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                (!is_prose || !is_right_to_left).then_some(Kind::Deceiving)
            }
            '\u{200e}' | '\u{200f}' => (!is_prose && !is_right_to_left).then_some(Kind::Invisible),
            // The Arabic letter mark is in the range of the script that it belongs to.
            '\u{61c}' => (!is_prose && !beside(is_arabic)).then_some(Kind::Invisible),
            '\u{e0000}'..='\u{e007f}' => (!is_flag(&chars, i)).then_some(Kind::Deceiving),
            '\u{200c}' | '\u{200d}' => beside(|c| c.is_ascii_alphanumeric() || c == '_').then_some(Kind::Invisible),
            '\u{feff}' => (!(is_first_line && i == 0) && (!is_prose || beside(|c| c.is_ascii_graphic())))
                .then_some(Kind::Invisible),
            '\u{200b}' | '\u{2060}' => (!is_prose || beside(|c| c.is_ascii_alphanumeric())).then_some(Kind::Invisible),
            '\u{ad}' => (!is_prose && beside(char::is_alphanumeric)).then_some(Kind::Invisible),
            '\u{2028}' | '\u{2029}' => (!is_prose).then_some(Kind::Invisible),
            _ => None,
        };
        tricks.extend(kind.map(|kind| Trick { at, column: i + 1, character, kind }));
    }
    if !is_prose {
        tricks.extend(lookalikes(&chars));
        tricks.sort_by_key(|trick| trick.at);
    }
    tricks
}

fn is_arabic(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{6ff}' if c != '\u{61c}')
}

/// Whether the tag character at `i` belongs to the emoji flag of a region (🏴 and tags up to `U+E007F`).
fn is_flag(chars: &[(usize, char)], i: usize) -> bool {
    const LONGEST: usize = 8;
    let is_tag = |c: char| matches!(c, '\u{e0020}'..='\u{e007f}');
    let before = chars[..i].iter().rev().take(LONGEST).take_while(|(_, c)| is_tag(*c)).count();
    let after = chars[i..].iter().take(LONGEST).take_while(|(_, c)| is_tag(*c)).count();
    let starts = (i - before).checked_sub(1).is_some_and(|first| chars[first].1 == '\u{1f3f4}');
    starts
        && before + after <= LONGEST
        && chars.get(i + after - after.min(1)).is_some_and(|(_, last)| *last == '\u{e007f}')
}

/// Letters that look Latin and are not, in words that are Latin for the rest.
fn lookalikes(chars: &[(usize, char)]) -> Vec<Trick> {
    let mut tricks = Vec::new();
    let mut start = 0;
    for word in chars.split(|(_, c)| !(c.is_alphanumeric() || *c == '_')) {
        let is_foreign = |c: &char| !c.is_ascii() && c.is_alphabetic();
        let has_latin = word.iter().any(|(_, c)| c.is_ascii_alphabetic());
        let all_alike = word.iter().filter(|(_, c)| is_foreign(c)).all(|(_, c)| latin(*c).is_some());
        if has_latin && all_alike && !is_inflected(word) {
            let foreign = word.iter().enumerate().filter(|(_, (_, c))| is_foreign(c));
            tricks.extend(foreign.map(|(i, &(at, character))| Trick {
                at,
                column: start + i + 1,
                character,
                kind: Kind::Lookalike,
            }));
        }
        start += word.len() + 1;
    }
    tricks
}

/// A Latin abbreviation with an ending of another language, as people write in comments: `URLам`.
fn is_inflected(word: &[(usize, char)]) -> bool {
    let stem = word.iter().take_while(|(_, c)| c.is_ascii_uppercase()).count();
    stem >= 2 && word[stem..].iter().all(|(_, c)| !c.is_ascii())
}

/// The Latin letter that a Cyrillic or Greek one cannot be told from.
pub(super) fn latin(character: char) -> Option<char> {
    const ALIKE: &str = "аaеeоoрpсcуyхxіiјjѕsԁdһhԛqԝwАAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοo";
    let mut pairs = ALIKE.chars();
    while let (Some(foreign), Some(latin)) = (pairs.next(), pairs.next()) {
        if foreign == character {
            return Some(latin);
        }
    }
    None
}

/// Whether files like this are written for people: there, invisible characters steer typography.
fn is_prose(name: &str, extension: &str) -> bool {
    const EXTENSIONS: [&str; 17] = [
        "md", "markdown", "mdx", "txt", "rst", "adoc", "asciidoc", "po", "pot", "tex", "csv", "tsv", "srt", "vtt",
        "arb", "xlf", "xliff",
    ];
    const NAMES: [&str; 6] = ["readme", "license", "changelog", "authors", "contributors", "notice"];
    EXTENSIONS.contains(&extension) || NAMES.contains(&name.to_ascii_lowercase().as_str())
}

fn name(character: char) -> &'static str {
    match character {
        '\u{ad}' => "SOFT HYPHEN",
        '\u{61c}' => "ARABIC LETTER MARK",
        '\u{200b}' => "ZERO WIDTH SPACE",
        '\u{200c}' => "ZERO WIDTH NON-JOINER",
        '\u{200d}' => "ZERO WIDTH JOINER",
        '\u{200e}' => "LEFT-TO-RIGHT MARK",
        '\u{200f}' => "RIGHT-TO-LEFT MARK",
        '\u{2028}' => "LINE SEPARATOR",
        '\u{2029}' => "PARAGRAPH SEPARATOR",
        '\u{202a}' => "LEFT-TO-RIGHT EMBEDDING",
        '\u{202b}' => "RIGHT-TO-LEFT EMBEDDING",
        '\u{202c}' => "POP DIRECTIONAL FORMATTING",
        '\u{202d}' => "LEFT-TO-RIGHT OVERRIDE",
        '\u{202e}' => "RIGHT-TO-LEFT OVERRIDE",
        '\u{2060}' => "WORD JOINER",
        '\u{2066}' => "LEFT-TO-RIGHT ISOLATE",
        '\u{2067}' => "RIGHT-TO-LEFT ISOLATE",
        '\u{2068}' => "FIRST STRONG ISOLATE",
        '\u{2069}' => "POP DIRECTIONAL ISOLATE",
        '\u{feff}' => "ZERO WIDTH NO-BREAK SPACE",
        '\u{370}'..='\u{3ff}' => "GREEK LETTER",
        '\u{400}'..='\u{52f}' => "CYRILLIC LETTER",
        _ => "TAG CHARACTER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::{check, hits};

    const RULE: &str = "hidden-unicode";

    #[test]
    fn bidirectional_controls() {
        check(RULE, "a.rs", "x\nif admin \u{202e}\u{2066}// then\u{2069}\n", &[2]);
        check(RULE, "a.md", "text \u{202e}txet\n", &[1]);
        check(RULE, "a.md", "עברית \u{202b}text\u{202c}\n", &[]);
        check(RULE, "a.js", "const a\u{200e} = 1\n", &[1]);
        check(RULE, "a.js", "const a = 'שלום\u{200f}!'\n", &[]);
    }

    #[test]
    fn zero_width_characters() {
        for c in ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}'] {
            check(RULE, "a.py", &format!("user{c}name = 1\n"), &[1]);
        }
        check(RULE, "a.md", "sec\u{200b}ret, hy\u{ad}phen\n", &[1]);
        check(RULE, "a.md", "hy\u{ad}phen ภาษา\u{200b}ไทย\n", &[]);
        check(RULE, "a.py", "x = '👩\u{200d}👩\u{200d}👧 می\u{200c}خواهم ¬\u{ad}®'\n", &[]);
        check(RULE, "a.py", "x = 'a\u{2028}b'\n", &[1]);
    }

    #[test]
    fn a_byte_order_mark_belongs_to_the_start_of_a_file() {
        check(RULE, "a.cs", "\u{feff}using System;\n", &[]);
        check(RULE, "a.cs", "x\n\u{feff}using System;\n", &[2]);
    }

    #[test]
    fn tag_characters() {
        check(RULE, "a.md", "hello\u{e0049}\u{e0067}\u{e006e}\n", &[1]);
        check(RULE, "a.md", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} ok\n", &[]);
        check(RULE, "a.md", "🏴\u{e0067}\u{e0062} not ended\n", &[1]);
        check(RULE, "a.md", &format!("🏴{}\u{e007f}\n", "\u{e0067}".repeat(30)), &[1]);
    }

    #[test]
    fn lookalike_letters() {
        check(RULE, "a.js", "if (p\u{430}ypal) {}\n", &[1]);
        check(RULE, "a.js", "\u{421}lass, \u{39f}k\n", &[1]);
        check(RULE, "a.js", "// привет, API-интерфейс, URLам и email'ы; Δx = 5µs; café naïve\n", &[]);
        check(RULE, "a.txt", "p\u{430}ypal\n", &[]);
        check(RULE, "a.js", "слово = 1\n", &[]);
    }

    #[test]
    fn the_body_names_what_nobody_sees() {
        let hit = &hits("a.rs", "let a\u{202e} = p\u{430}y;\n")[0];
        assert!(hit.body.contains("`U+202E RIGHT-TO-LEFT OVERRIDE` (column 6)"), "{}", hit.body);
        assert!(hit.body.contains("`U+0430 CYRILLIC LETTER` (column 11)"), "{}", hit.body);
        assert!(hit.body.is_ascii() && hit.title.is_ascii());
        assert_eq!(hit.severity, Severity::Critical);
        assert_eq!(hit.suggestion.as_deref(), Some("let a = pay;"));
    }

    #[test]
    fn invalid_text_gets_no_suggestion() {
        let diff = b"--- a/a.c\n+++ b/a.c\n@@ -1,0 +1,1 @@\n+\xff p\xd0\xb0y\n".to_vec();
        let found = crate::checks::run(&crate::diff::parse(diff).unwrap(), |_| true, Words::english());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].suggestion, None);
    }
}
