//! The guides of a repository: which of them are for a change, and as much of them as there is room for.

use super::guide::{FILES, Guide};
use super::share;
use crate::forge::Texts;
use crate::plan::Tokenizer;
use crate::prompt;

/// The guides that were found, and what became of the others.
#[derive(Debug, Default)]
pub struct Guides {
    /// Each text once, those for the whole repository first.
    all: Vec<Guide>,
    /// What the reader should know of those that are not here.
    notes: Vec<String>,
}

/// What the model is told of the guides.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The guides, and which are not shown.
    pub text: String,
    /// What was left out, for the reader.
    pub left_out: Vec<String>,
}

/// The least that is worth showing of a guide, in tokens.
const LEAST: usize = 60;
/// Names of guides that are told, where more were left out.
const NAMED: usize = 10;

impl Guides {
    /// Reads guides, and leaves out those that say what another one says.
    pub fn read(texts: &Texts, mut notes: Vec<String>) -> Guides {
        let mut found: Vec<Guide> = Vec::new();
        for (path, bytes) in texts {
            match Guide::read(path, bytes) {
                Ok(guide) => found.extend(guide),
                Err(why) => notes.push(format!("the guide `{path}` counts for nothing: {why}")),
            }
        }
        let paths: Vec<String> = found.iter().map(|guide| guide.path.clone()).collect();
        // in the order of the file system, those for all files first: the prompt begins alike for all changes
        found.sort_by_key(|guide| (guide.is_special(), rank(&guide.path), guide.path.clone()));
        let mut all: Vec<Guide> = Vec::new();
        for guide in found {
            let is_sent_for = |target: &String| *target != guide.path && paths.contains(target);
            if guide.targets().iter().any(is_sent_for) || all.iter().any(|known| says_the_same(known, &guide)) {
                continue;
            }
            if guide.is_name() {
                notes.push(format!("the guide `{}` only names a file that is no guide, which is not read", guide.path));
                continue;
            }
            all.push(guide);
        }
        Guides { all, notes }
    }

    /// Tells apart guides under which a review finds other things: their hash, empty where there are none.
    pub fn key(&self) -> String {
        let texts: Vec<&str> = self.all.iter().flat_map(|guide| [guide.path.as_str(), guide.text.as_str()]).collect();
        if texts.is_empty() { String::new() } else { prompt::hash_of(&texts) }
    }

    /// What is shown of them for these changed files, within so many tokens: first come those that are for some of these
    /// files alone.
    pub fn shown(&self, paths: &[&str], limit: usize, tokenizer: Tokenizer) -> Shown {
        let mut wanted: Vec<usize> = (0..self.all.len()).filter(|&index| self.all[index].is_for(paths)).collect();
        wanted.sort_by_key(|&index| !self.all[index].is_special());
        let whole = |index: usize| tokenizer.count(&self.all[index].shown(&self.all[index].text, ""));
        let most = (limit / LEAST).max(1).min(wanted.len());
        let mut kept: Vec<usize> = wanted[..most].to_vec();
        kept.sort_unstable();
        let sizes: Vec<usize> = kept.iter().map(|&index| whole(index)).collect();
        let mut shown = Shown { text: String::new(), left_out: self.notes.clone() };
        let mut parts = Vec::new();
        for (&index, tokens) in kept.iter().zip(share::fair(&sizes, limit)) {
            let guide = &self.all[index];
            // the marks around the text and the note in it
            let room = tokens.saturating_sub(tokenizer.count(&guide.shown("", CUT)));
            let start = if tokens >= whole(index) { None } else { share::cut(&guide.text, room, tokenizer) };
            if start.is_some() || guide.is_cut {
                let tokens = tokenizer.count(start.unwrap_or(&guide.text));
                shown.left_out.push(format!("the guide `{}` was cut at {tokens} tokens", guide.path));
                parts.push(guide.shown(start.unwrap_or(&guide.text), CUT));
            } else {
                parts.push(guide.shown(&guide.text, ""));
            }
        }
        if most < wanted.len() {
            let names: Vec<&str> = wanted[most..].iter().map(|&index| self.all[index].path.as_str()).collect();
            let text = format!("there is no room for {}", listed(&names));
            parts.push(format!("Not shown: {text}."));
            shown.left_out.push(text);
        }
        shown.text = parts.join("\n");
        shown
    }
}

/// Stands at the end of a guide that is not shown whole.
const CUT: &str = "[cut: the guide goes on]\n";

fn listed(names: &[&str]) -> String {
    let named = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the guides {named}{more}")
}

fn rank(path: &str) -> usize {
    FILES.iter().position(|known| *known == path).unwrap_or(FILES.len())
}

/// Whether two guides for the same files, or the first for all, have the same words.
fn says_the_same(known: &Guide, other: &Guide) -> bool {
    !known.is_special() && known.text.split_whitespace().eq(other.text.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    const O200K: Tokenizer = Tokenizer::O200k;

    fn guides(texts: &[(&str, &str)]) -> Guides {
        let texts = texts.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Guides::read(&texts, Vec::new())
    }

    fn rule(glob: &str, text: &str) -> String {
        format!("---\nglobs: {glob}\n---\n{text}")
    }

    #[test]
    fn the_same_text_is_shown_once() {
        let found = guides(&[
            ("CLAUDE.md", "@AGENTS.md"),
            ("AGENTS.md", "Use  integers.\n"),
            (".github/copilot-instructions.md", "Use integers."),
            ("sub/AGENTS.md", "Use integers."),
            ("sub/CLAUDE.md", "AGENTS.md"),
        ]);
        let paths: Vec<&str> = found.all.iter().map(|guide| guide.path.as_str()).collect();
        assert_eq!(paths, [".github/copilot-instructions.md"]);
        assert_eq!(found.notes, Vec::<String>::new());
    }

    #[test]
    fn a_name_of_what_is_no_guide_is_not_followed() {
        let found = guides(&[("CLAUDE.md", "../../.ssh/id_rsa"), ("AGENTS.md", "See docs/style.md for more.")]);
        assert_eq!(found.all.len(), 1);
        assert!(
            found.notes.len() == 1 && found.notes[0].contains("`CLAUDE.md` only names a file"),
            "{:?}",
            found.notes
        );
    }

    #[test]
    fn guides_for_other_files_are_not_shown() {
        let (ts, rs) = (rule("*.ts", "No any."), rule("*.rs", "No unwrap."));
        let found = guides(&[("AGENTS.md", "All."), (".cursor/rules/a.mdc", &ts), (".cursor/rules/b.mdc", &rs)]);
        let shown = found.shown(&["src/a.rs"], 1000, O200K);
        assert!(shown.text.contains("All.") && shown.text.contains("No unwrap.") && !shown.text.contains("No any."));
        assert!(shown.left_out.is_empty() && shown.text.starts_with("<guide path=\"AGENTS.md\">"), "{}", shown.text);
    }

    #[test]
    fn a_broken_guide_is_told() {
        let found = guides(&[(".cursor/rules/a.mdc", "---\nglobs: a"), ("AGENTS.md", "All.")]);
        let shown = found.shown(&["a"], 1000, O200K);
        assert!(shown.left_out[0].contains("`.cursor/rules/a.mdc` counts for nothing"), "{shown:?}");
    }

    #[test]
    fn long_guides_are_cut_and_that_is_told() {
        let long = "Every handler checks the tenant.\n".repeat(3000);
        let found = guides(&[
            ("AGENTS.md", &long),
            ("CLAUDE.md", "Short."),
            ("sub/AGENTS.md", &long.replace("tenant", "user")),
        ]);
        let shown = found.shown(&["sub/a.rs"], 750, O200K);
        let tokens = O200K.count(&shown.text);
        assert!(tokens <= 760 && tokens > 600, "{tokens}");
        assert!(shown.text.contains("Short.") && shown.text.matches("[cut: the guide goes on]").count() == 2);
        assert_eq!(shown.left_out.len(), 2, "{:?}", shown.left_out);
        assert!(shown.left_out[0].starts_with("the guide `AGENTS.md` was cut at 3"), "{:?}", shown.left_out);
    }

    #[test]
    fn those_for_the_changed_files_come_before_the_others_where_room_is_short() {
        let names: Vec<String> = (0..40).map(|n| format!(".cursor/rules/r{n:02}.mdc")).collect();
        let text = |n: usize| format!("---\nalwaysApply: true\n---\nRule {n}.");
        let texts: Vec<String> = (0..40).map(text).collect();
        let mut all: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        all.push(("deep/AGENTS.md", "Deep."));
        let shown = guides(&all).shown(&["deep/a"], 180, O200K);
        assert!(shown.text.contains("Deep.") && shown.text.contains("Rule 1.") && !shown.text.contains("Rule 2."));
        let told = shown.left_out.join("\n");
        assert!(
            told.contains("no room for the guides `.cursor/rules/r02.mdc`") && told.contains("and 28 more"),
            "{told}"
        );
        assert!(shown.text.contains("Not shown: there is no room"), "{}", shown.text);
    }

    #[test]
    fn the_key_depends_on_the_texts_and_not_on_the_change() {
        let one = guides(&[("AGENTS.md", "a")]);
        assert_eq!(one.key(), guides(&[("AGENTS.md", " a\n")]).key());
        assert_ne!(one.key(), guides(&[("AGENTS.md", "b")]).key());
        assert_ne!(one.key(), guides(&[("CLAUDE.md", "a")]).key());
        assert_eq!(guides(&[]).key(), "");
    }
}
