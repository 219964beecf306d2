//! What is told to those who read the log, and to those who read what is posted.

use serde::{Deserialize, Serialize};

use super::Words;

/// A sentence in English, for logs and reports, and in the team's language, for what is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Note {
    english: String,
    told: String,
}

impl Note {
    /// A sentence that is one in each language.
    pub fn new(words: &Words, say: impl Fn(&Words) -> String) -> Note {
        Note { english: say(Words::english()), told: say(words) }
    }

    /// The sentence for logs and reports.
    pub fn english(&self) -> &str {
        &self.english
    }

    /// The sentence for what is posted.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// The sentence for what is written in these words: English, or the team's.
    pub fn said(&self, words: &Words) -> &str {
        if std::ptr::eq(words, Words::english()) { &self.english } else { &self.told }
    }
}

impl From<String> for Note {
    /// A sentence that is English everywhere, such as what a host answered.
    fn from(text: String) -> Note {
        Note { told: text.clone(), english: text }
    }
}

impl From<&String> for Note {
    fn from(text: &String) -> Note {
        text.clone().into()
    }
}

impl From<&str> for Note {
    fn from(text: &str) -> Note {
        text.to_owned().into()
    }
}

impl From<Note> for String {
    fn from(note: Note) -> String {
        note.english
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_english_and_posts_are_not() {
        let note = Note::new(Words::of("vi"), |words| words.findings.of(2));
        assert_eq!((note.english(), note.told()), ("2 findings", "2 vấn đề"));
        assert_eq!(serde_json::to_string(&note).expect("JSON"), r#""2 findings""#);
        assert_eq!(serde_json::from_str::<Note>(r#""x""#).expect("a note"), Note::from("x"));
    }
}
