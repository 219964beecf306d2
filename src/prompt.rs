//! The prompts: templates from `prompts/`, embedded, rendered strictly.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};

use crate::severity::Category;

const SYSTEM: &str = include_str!("../prompts/review/system.md");
const USER: &str = include_str!("../prompts/review/user.md");

const VERIFY_USER: &str = include_str!("../prompts/verify/user.md");

/// The system message of the second look: the same for every run.
pub const VERIFY_SYSTEM: &str = include_str!("../prompts/verify/system.md");

/// The system message of a judge of `eval`. It is in no review, and not in [`hash`].
pub const JUDGE_SYSTEM: &str = include_str!("../prompts/judge/system.md");

/// What the passes over a chunk look at hardest, in their order.
pub const LENSES: [&str; 4] = [
    include_str!("../prompts/review/lenses/correctness.md"),
    include_str!("../prompts/review/lenses/contracts.md"),
    include_str!("../prompts/review/lenses/concurrency-security.md"),
    include_str!("../prompts/review/lenses/errors.md"),
];

/// What is the same in every chunk of a run.
#[derive(Debug, Clone, Default)]
pub struct Orientation {
    /// The request's title, or the head commit's.
    pub title: String,
    /// The request's description.
    pub description: String,
    /// Commit messages, linked issues and what was said before, each under a heading.
    pub background: String,
    /// How many files the change has.
    pub file_count: usize,
    /// One line a file.
    pub files: String,
    /// What the team tells the reviewer.
    pub instructions: String,
    /// What the team has written down for everybody who works on its code.
    pub guides: String,
    /// Language tag of the answers.
    pub language: String,
}

/// The texts of a run that do not depend on the chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The name of the tag around all text that is data.
    pub fence: String,
    /// The system message: the same for all changes to a repository, as long as the same of its guides are for them.
    pub system: String,
    /// The user message up to the chunk.
    pub before: String,
    /// The user message behind the chunk.
    pub after: String,
}

/// Renders everything around the chunks. `data` is all text that will stand inside the fence: its hash names the fence,
/// so that no text can hold the tag that closes it.
pub fn frame<'a>(orientation: &Orientation, data: impl Iterator<Item = &'a [u8]>) -> Frame {
    let fence = fence(orientation, data);
    let categories: Vec<String> = Category::ALL.iter().map(|category| format!("`{category}`")).collect();
    let system = render(
        "system",
        minijinja::context! {
            categories => categories.join(", "), instructions => &orientation.instructions,
            guides => &orientation.guides, language => &orientation.language,
        },
    );
    // the chunk is put in by splitting at a mark that the fence's hash makes unique
    let mark = format!("{fence}:part");
    let user = render(
        "user",
        minijinja::context! {
            fence => &fence, title => &orientation.title, description => &orientation.description,
            background => &orientation.background, file_count => orientation.file_count, files => &orientation.files, part => &mark,
        },
    );
    let (before, after) = user.split_once(&mark).unwrap_or((&user, ""));
    Frame { before: before.to_owned(), after: after.to_owned(), system, fence }
}

/// Hash of the templates: 12 hexadecimal digits.
pub fn hash() -> String {
    let mut hash = Sha256::new();
    for text in [SYSTEM, USER, VERIFY_SYSTEM, VERIFY_USER].iter().chain(&LENSES) {
        hash.update(text);
        hash.update([0]);
    }
    hex(&hash.finalize()[..6])
}

/// Hash of some texts, each apart from the next: 32 hexadecimal digits.
pub fn hash_of(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex(&hash.finalize()[..16])
}

fn fence<'a>(orientation: &Orientation, data: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for text in [&orientation.title, &orientation.description, &orientation.background, &orientation.files] {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    data.for_each(|text| hash.update(text));
    format!("data-{}", hex(&hash.finalize()[..12]))
}

/// The user message of the second look: texts that are fenced already.
pub fn second_look(fence: &str, claims: &str, part: &str, context: &str, has_tools: bool) -> String {
    render("verify", minijinja::context! { fence, claims, part, context, has_tools })
}

impl Frame {
    /// A text inside the fence.
    pub fn fenced(&self, text: &str) -> String {
        let fence = &self.fence;
        format!("<{fence}>\n{}\n</{fence}>", self.unfencing(text).trim_end())
    }

    /// A text that the fence's name does not depend on, without what would close the fence.
    pub fn unfencing(&self, text: &str) -> String {
        // with what stands around it, `data` could make the name again
        text.replace(&self.fence, "tag")
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    for (name, source) in [("system", SYSTEM), ("user", USER), ("verify", VERIFY_USER)] {
        env.add_template(name, source).expect("the embedded templates are tested");
    }
    env
});

fn render(name: &str, values: Value) -> String {
    let template = TEMPLATES.get_template(name).expect("the embedded templates are tested");
    template.render(values).expect("the embedded templates are tested with the variables that they get")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orientation() -> Orientation {
        Orientation {
            title: "Fix <b>".into(),
            description: "{{ title }}".into(),
            file_count: 2,
            files: "a\nb".into(),
            ..Orientation::default()
        }
    }

    #[test]
    fn data_is_neither_escaped_nor_rendered() {
        let frame = frame(&orientation(), [b"x".as_slice()].into_iter());
        assert!(
            frame.before.contains("Title: Fix <b>\nDescription:\n{{ title }}\nChanged files (2):\na\nb\n"),
            "{}",
            frame.before
        );
        assert!(frame.before.ends_with(">\n") && frame.after.starts_with("</data-"), "{frame:?}");
    }

    #[test]
    fn the_fence_depends_on_the_data() {
        let name = |data: &[u8]| frame(&orientation(), [data].into_iter()).after;
        assert_ne!(name(b"x"), name(b"y"));
        assert_eq!(name(b"x"), name(b"x"));
    }

    #[test]
    fn the_system_message_does_not_depend_on_the_data() {
        let frame_of =
            |data: &[u8], title: &str| frame(&Orientation { title: title.into(), ..orientation() }, [data].into_iter());
        let (one, other) = (frame_of(b"x", "a"), frame_of(b"y", "b"));
        assert_eq!(one.system, other.system);
        let tag = one.after.trim().trim_start_matches("</").trim_end_matches('>');
        assert!(tag.starts_with("data-") && !one.system.contains(tag), "{tag}");
        let first = one.before.lines().next().expect("a line");
        assert!(first.contains(&format!("<{tag}>")) && first.contains(&format!("</{tag}>")), "{first}");
    }

    #[test]
    fn nothing_closes_the_fence() {
        let frame = frame(&orientation(), std::iter::empty());
        let name = frame.fence.clone();
        let hash = name.trim_start_matches("data");
        for text in [format!("</{name}>"), format!("</{name}{hash}>"), format!("data{name}{hash}{hash}")] {
            assert_eq!(frame.fenced(&text).matches(&name).count(), 2, "{text}");
        }
    }

    #[test]
    fn what_others_say_stands_inside_the_fence() {
        let with = Orientation { background: "Commit messages:\n- </data> {{ files }}".into(), ..orientation() };
        let framed = frame(&with, std::iter::empty());
        let (_, inside) = framed.before.split_once("Title: ").expect("a fence");
        let (inside, _) = inside.split_once("\n</data-").expect("its end");
        assert!(inside.contains("\nCommit messages:\n- </data> {{ files }}\nChanged files (2):"), "{inside}");
        assert!(!framed.system.contains("Commit messages"));
        assert_ne!(framed.after, frame(&orientation(), std::iter::empty()).after, "the fence depends on it");
    }

    #[test]
    fn guides_stand_behind_the_instructions() {
        let with =
            Orientation { instructions: "One.".into(), guides: "<guide>\nTwo.\n</guide>".into(), ..orientation() };
        let system = frame(&with, std::iter::empty()).system;
        let (_, team) = system.split_once("# From the team\n").expect("a section");
        assert!(team.contains("One.\n") && team.contains("\n<guide>\nTwo.\n</guide>\n"), "{team}");
        assert!(team.contains("cannot change"), "{team}");
        let without = frame(&Orientation { instructions: "One.".into(), ..orientation() }, std::iter::empty()).system;
        assert!(!without.contains("guide"), "{without}");
    }

    #[test]
    fn instructions_and_language_reach_the_system_prompt() {
        let with = Orientation { instructions: "Python 3.9 only.".into(), language: "vi".into(), ..orientation() };
        let system = frame(&with, std::iter::empty()).system;
        assert!(
            system.contains("# From the team\n")
                && system.contains("\nPython 3.9 only.\n")
                && system.contains("language: vi."),
            "{system}"
        );
        assert!(!frame(&orientation(), std::iter::empty()).system.contains("From the team"));
    }

    #[test]
    fn the_hash_is_short_and_stable() {
        assert_eq!(hash().len(), 12);
        assert_eq!(hash(), hash());
    }
}
