//! A guide: what a team has written down for those who work on its code, people or programs, and for which files.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::front_matter::{self, Fields};
use crate::redact;
use crate::text::printable;

/// The guides that hold for the whole repository, the most fitting for a reviewer first.
pub const FILES: [&str; 3] = [".github/copilot-instructions.md", "AGENTS.md", "CLAUDE.md"];
/// The names of guides that may lie in any folder and hold below it.
pub const NESTED: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];
/// Folders whose files are guides, each for the files that it names.
pub const FOLDERS: [&str; 2] = [".github/instructions", ".cursor/rules"];

/// Bytes of a guide that are looked at: a guide that is larger is cut before anything else is done with it.
const MOST_BYTES: usize = 64 << 10;
/// Globs of a guide, and characters of one.
const MOST_GLOBS: usize = 50;
const LONGEST_GLOB: usize = 300;
/// Bytes of a guide that may be no more than the name of another.
const LONGEST_POINTER: usize = 200;

/// A guide.
#[derive(Debug, Clone)]
pub struct Guide {
    /// Where it lies in the repository.
    pub path: String,
    /// What it says, without the fields at its head.
    pub text: String,
    /// Whether it goes on behind `text`.
    pub is_cut: bool,
    /// For which files.
    pub scope: Scope,
}

/// The files that a guide is for.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All of the repository.
    All,
    /// Those below a folder.
    Below(String),
    /// Those that match a glob, with the globs as the guide has them.
    Matching(GlobSet, String),
}

impl Guide {
    /// Reads a guide; `None` where it holds for no file by itself, or is empty.
    ///
    /// # Errors
    /// It cannot be read: why, in words.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Option<Guide>, String> {
        let is_cut = bytes.len() > MOST_BYTES;
        let bytes = bytes.get(..MOST_BYTES).unwrap_or(bytes);
        if bytes.contains(&0) {
            return Err("it is no text".to_owned());
        }
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let is_for_some = FOLDERS.iter().any(|folder| path.starts_with(folder));
        let (fields, body) = if is_for_some { front_matter::split(text)? } else { (Fields::default(), text) };
        let Some(scope) = scope(path, &fields)? else { return Ok(None) };
        // the last character may have been cut in two
        let body = if is_cut { body.trim_end_matches('\u{fffd}') } else { body };
        let text = redact::text(body.trim()).into_owned();
        Ok((!text.is_empty()).then(|| Guide { path: path.to_owned(), text, is_cut, scope }))
    }

    /// Whether it is for one of these files.
    pub fn is_for(&self, paths: &[&str]) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Below(folder) => paths.iter().any(|path| is_below(path, folder)),
            Scope::Matching(globs, _) => paths.iter().any(|path| globs.is_match(path)),
        }
    }

    /// Whether it is for a part of the repository.
    pub fn is_special(&self) -> bool {
        !matches!(self.scope, Scope::All)
    }

    /// What it says, in marks that tell which guide it is and what it is for.
    pub fn shown(&self, text: &str, note: &str) -> String {
        let files = match &self.scope {
            Scope::All => String::new(),
            Scope::Below(folder) => format!(" for=\"files below {}/\"", printable(folder)),
            Scope::Matching(_, globs) => format!(" for=\"files that match {}\"", printable(globs)),
        };
        let text = text.replace("</guide", "</ guide");
        format!("<guide path=\"{}\"{files}>\n{text}\n{note}</guide>", printable(&self.path))
    }

    /// The files that it may send its readers to, where it has one line alone: `@AGENTS.md`, `See AGENTS.md`, or a symbolic
    /// link, whose text is its target.
    pub fn targets(&self) -> Vec<String> {
        if self.text.contains('\n') || self.text.len() > LONGEST_POINTER {
            return Vec::new();
        }
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let words = self.text.split(|c: char| c.is_whitespace() || "()[]<>`\"'*".contains(c));
        let words = words.map(|word| word.trim_start_matches('@').trim_end_matches(['.', ',', ':', ';', '!']));
        words.filter(|word| word.contains(['.', '/'])).map(|word| resolved(folder, word)).collect()
    }

    /// Whether it has nothing but the name of a file.
    pub fn is_name(&self) -> bool {
        let word = self.text.trim_end_matches('.');
        self.text.len() <= LONGEST_POINTER && !word.contains(char::is_whitespace) && word.contains(['.', '/'])
    }
}

/// A name as seen from a folder, with `.` and `..` worked out.
fn resolved(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// For which files a guide is; `None` where it waits to be called by name.
fn scope(path: &str, fields: &Fields) -> Result<Option<Scope>, String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if NESTED.contains(&name) {
        return Ok(Some(if folder.is_empty() { Scope::All } else { Scope::Below(folder.to_owned()) }));
    }
    if FILES.contains(&path) {
        return Ok(Some(Scope::All));
    }
    if name.ends_with(".mdc") {
        // that of an editor: a name without a folder is meant at any depth
        return if fields.is_on("alwaysApply") { Ok(Some(Scope::All)) } else { matching(&fields.list("globs"), true) };
    }
    let is_instruction = name.ends_with(".instructions.md");
    if !is_instruction || fields.list("excludeAgent").contains(&"code-review") {
        return Ok(None);
    }
    matching(&fields.list("applyTo"), false)
}

fn matching(globs: &[&str], at_any_depth: bool) -> Result<Option<Scope>, String> {
    if globs.is_empty() {
        return Ok(None);
    }
    if globs.iter().any(|glob| matches!(*glob, "*" | "**" | "**/*")) {
        return Ok(Some(Scope::All));
    }
    if globs.len() > MOST_GLOBS || globs.iter().any(|glob| glob.len() > LONGEST_GLOB) {
        return Err("its globs are too many or too long".to_owned());
    }
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let full = match glob.strip_prefix('/').unwrap_or(glob).strip_prefix("./").unwrap_or(glob) {
            folder if folder.ends_with('/') => format!("{folder}**"),
            name if at_any_depth && !name.contains('/') => format!("**/{name}"),
            other => other.to_owned(),
        };
        let built = GlobBuilder::new(&full).literal_separator(true).build();
        set.add(built.map_err(|_| format!("`{}` is no glob", printable(glob)))?);
    }
    let set = set.build().map_err(|_| "its globs are too large".to_owned())?;
    Ok(Some(Scope::Matching(set, globs.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guide(path: &str, text: &str) -> Option<Guide> {
        Guide::read(path, text.as_bytes()).expect("a guide")
    }

    #[track_caller]
    fn check(path: &str, text: &str, file: &str, expected: bool) {
        let found = guide(path, text).is_some_and(|guide| guide.is_for(&["other.md", file]));
        assert_eq!(found, expected, "{path} {text:?} {file}");
    }

    #[test]
    fn each_kind_of_guide_says_for_which_files_it_is() {
        check("AGENTS.md", "x", "a.rs", true);
        check("sub/AGENTS.md", "x", "sub/deep/a.rs", true);
        check("sub/AGENTS.md", "x", "subway/a.rs", false);
        check(".github/copilot-instructions.md", "x", "a.rs", true);
        let copilot = |head: &str| format!("---\n{head}\n---\nx\n");
        let instructions = ".github/instructions/a.instructions.md";
        check(instructions, &copilot("applyTo: \"**/*.ts,**/*.tsx\""), "src/a.tsx", true);
        check(instructions, &copilot("applyTo: \"*.ts\""), "src/a.ts", false);
        check(instructions, &copilot("applyTo: src/"), "src/deep/a.ts", true);
        check(instructions, &copilot("applyTo: '**'"), "a", true);
        check(instructions, &copilot("applyTo: '**'\nexcludeAgent: \"code-review\""), "a", false);
        check(instructions, "x", "a", false);
        check(".github/instructions/readme.md", &copilot("applyTo: '**'"), "a", false);
        let rule = ".cursor/rules/a.mdc";
        check(rule, &copilot("globs: *.ts\nalwaysApply: false"), "src/a.ts", true);
        check(rule, &copilot("globs: *.ts\nalwaysApply: false"), "src/a.tsx", false);
        check(rule, &copilot("globs:\nalwaysApply: true"), "a", true);
        check(rule, &copilot("description: when asked\nglobs:\nalwaysApply: false"), "a", false);
    }

    #[test]
    fn what_is_broken_says_why() {
        let rule = ".cursor/rules/a.mdc";
        for text in ["---\nglobs: a\n", "---\nglobs: \"[\"\n---\nx", "---\nglobs: \"{a\"\n---\nx", "a\0b"] {
            assert!(Guide::read(rule, text.as_bytes()).is_err(), "{text:?}");
        }
        let long = format!("---\nglobs: {}\n---\nx", "{a,".repeat(200));
        assert!(Guide::read(rule, long.as_bytes()).is_err());
        let many = format!("---\nglobs: {}\n---\nx", "a,".repeat(2000));
        assert!(Guide::read(rule, many.as_bytes()).is_err());
    }

    #[test]
    fn a_large_guide_is_cut_and_bytes_that_are_no_text_do_no_harm() {
        let large = Guide::read("AGENTS.md", "é".repeat(5 << 20).as_bytes()).expect("a guide").expect("a text");
        assert!(large.is_cut && large.text.len() <= MOST_BYTES && large.text.ends_with('é'), "{}", large.text.len());
        let odd = Guide::read("AGENTS.md", b"\xef\xbb\xbfa\xff\r\nb").expect("a guide").expect("a text");
        assert_eq!((odd.text.as_str(), odd.is_cut), ("a\u{fffd}\nb", false));
        assert!(guide("AGENTS.md", " \n").is_none());
    }

    #[test]
    fn a_pointer_names_its_target() {
        let check = |path: &str, text: &str, target: &str, is_name: bool| {
            let guide = guide(path, text).expect("a guide");
            assert_eq!(
                (guide.targets().iter().any(|found| found == target), guide.is_name()),
                (true, is_name),
                "{text}"
            );
        };
        check("CLAUDE.md", "@AGENTS.md\n", "AGENTS.md", true);
        check("CLAUDE.md", "./AGENTS.md", "AGENTS.md", true);
        check(".github/copilot-instructions.md", "../AGENTS.md", "AGENTS.md", true);
        check("sub/CLAUDE.md", "AGENTS.md", "sub/AGENTS.md", true);
        check("CLAUDE.md", "../../../etc/passwd", "etc/passwd", true);
        check("CLAUDE.md", "**See [the guide](AGENTS.md).**", "AGENTS.md", false);
        let none = guide("CLAUDE.md", "Use tabs.\nSee AGENTS.md").expect("a guide");
        assert!(none.targets().is_empty() && !none.is_name());
        assert!(!guide("CLAUDE.md", "Tabs").expect("a guide").is_name());
    }

    #[test]
    fn secrets_and_marks_in_a_guide_do_no_harm() {
        let token = ["gh", "p_", "x8Kd02mWq7Lp4ZtBv6Rj1Ny5Hc3Gs9Fa0QeU"].concat();
        let found = guide("sub/AGENTS.md", &format!("Use {token}.\n</guide>\nmore")).expect("a guide");
        let shown = found.shown(&found.text, "");
        assert_eq!(
            shown,
            "<guide path=\"sub/AGENTS.md\" for=\"files below sub/\">\nUse ghp_***.\n</ guide>\nmore\n</guide>"
        );
    }
}
