//! Changes with known defects: a folder with `cases.jsonl`, one change a line, and the diffs it names.
//!
//! Fields that are not there are unknown, and fields that are not known are left alone. Two are our own: `tree`, a folder
//! with the repository's files at the head, and `paraphrases`, the same defect in other words.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Deserializer};

use crate::diff::Side;
use crate::severity::{Category, Severity};

/// Bytes of a file of a dataset at most: a hundred times those of the largest that are in use.
const MOST_BYTES: u64 = 256 << 20;

/// A dataset, read.
#[derive(Debug)]
pub struct Dataset {
    /// The folder.
    pub folder: PathBuf,
    /// Its cases, in their order.
    pub cases: Vec<Case>,
}

/// A change, and what a good review says of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Its name, unique in the dataset.
    #[serde(rename = "instance_id")]
    pub id: String,
    /// The programming language, as the dataset names it.
    #[serde(default, deserialize_with = "or_default")]
    pub language: String,
    /// The request's title.
    #[serde(default)]
    pub title: Option<String>,
    /// The request's description.
    #[serde(default)]
    pub body: Option<String>,
    /// The diff, relative to the folder.
    pub diff: String,
    /// The repository's files at the head, relative to the folder.
    #[serde(default)]
    pub tree: Option<String>,
    /// Whether the change has no defect.
    #[serde(default, deserialize_with = "or_default")]
    pub expect_clean: bool,
    /// What a good review says.
    #[serde(default, rename = "reference_comments", deserialize_with = "or_default")]
    pub references: Vec<Reference>,
    /// Remarks that experts judged wrong.
    #[serde(default, rename = "rejected_comments", deserialize_with = "or_default")]
    pub rejected: Vec<Reference>,
}

/// A remark on some lines.
#[derive(Debug, Clone, Deserialize)]
pub struct Reference {
    /// The file.
    pub path: String,
    /// First line; `None` where the dataset knows only the file.
    #[serde(default)]
    pub start_line: Option<u32>,
    /// Last line.
    #[serde(default)]
    pub end_line: Option<u32>,
    /// `left` is the old side; anything else the new one.
    #[serde(default)]
    pub side: Option<String>,
    /// What it says.
    #[serde(default, deserialize_with = "or_default")]
    pub text: String,
    /// How bad it is, in the dataset's words.
    #[serde(default)]
    pub severity: Option<String>,
    /// What kind of defect it is, in the dataset's words.
    #[serde(default)]
    pub category: Option<String>,
    /// The same in other words.
    #[serde(default, deserialize_with = "or_default")]
    pub paraphrases: Vec<String>,
}

impl Reference {
    /// The side of the lines.
    pub fn side(&self) -> Side {
        match self.side.as_deref() {
            Some(side) if side.eq_ignore_ascii_case("left") => Side::Left,
            _ => Side::Right,
        }
    }

    /// First and last line; `None` where only the file is known.
    pub fn lines(&self) -> Option<(u32, u32)> {
        let start = self.start_line.or(self.end_line)?;
        Some((start, self.end_line.unwrap_or(start).max(start)))
    }

    /// The severity in our words, as far as the dataset's mean one of them.
    pub fn severity(&self) -> Option<Severity> {
        match plain(self.severity.as_deref()?).as_str() {
            "critical" | "blocker" | "fatal" => Some(Severity::Critical),
            "major" | "high" | "error" | "serious" => Some(Severity::Major),
            "minor" | "medium" | "moderate" | "warning" => Some(Severity::Minor),
            "info" | "low" | "nit" | "nitpick" | "note" | "suggestion" | "trivial" => Some(Severity::Info),
            _ => None,
        }
    }

    /// The category in our words, as far as the dataset's mean one of them.
    pub fn category(&self) -> Option<Category> {
        let word = plain(self.category.as_deref()?);
        let ours = Category::ALL.into_iter().find(|category| category.as_str() == word);
        ours.or(match word.as_str() {
            "code-defect" | "defect" | "correctness" | "logic" | "functional" => Some(Category::Bug),
            "security-vulnerability" | "vulnerability" => Some(Category::Security),
            "perf" | "efficiency" => Some(Category::Performance),
            "race" | "race-condition" | "threading" => Some(Category::Concurrency),
            "errors" | "exception-handling" => Some(Category::ErrorHandling),
            "breaking-change" | "breaking-changes" | "compatibility" => Some(Category::Api),
            "tests" | "testing" => Some(Category::Test),
            "maintainability-and-readability" | "readability" => Some(Category::Maintainability),
            "docs" | "doc" => Some(Category::Documentation),
            _ => None,
        })
    }

    /// The severity for tables: in our words, else in the dataset's.
    pub fn severity_word(&self) -> String {
        self.severity().map_or_else(|| own(self.severity.as_deref()), |severity| severity.to_string())
    }

    /// The category for tables: in our words, else in the dataset's.
    pub fn category_word(&self) -> String {
        self.category().map_or_else(|| own(self.category.as_deref()), |category| category.to_string())
    }
}

/// A field that is `null` is one that is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A word of a dataset in small letters, its parts joined by `-`.
fn plain(word: &str) -> String {
    word.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
        .to_lowercase()
}

/// A word that is none of ours, as it is shown.
fn own(word: Option<&str>) -> String {
    word.map(str::trim).filter(|word| !word.is_empty()).map_or_else(|| "unknown".to_owned(), str::to_lowercase)
}

impl Case {
    /// The bytes of the diff.
    ///
    /// # Errors
    /// It is not there, or its path leads out of the dataset.
    pub fn read_diff(&self, folder: &Path) -> Result<Vec<u8>> {
        let path = inside(folder, &self.diff)?;
        read(&path).with_context(|| format!("cannot read the diff `{}`", path.display()))
    }

    /// Where the repository's files are, if the dataset has them.
    ///
    /// # Errors
    /// The path leads out of the dataset.
    pub fn tree(&self, folder: &Path) -> Result<Option<PathBuf>> {
        self.tree.as_deref().map(|tree| inside(folder, tree)).transpose()
    }
}

/// The content of a file that is not too large for memory.
fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    if size > MOST_BYTES {
        bail!("it has {size} bytes, and {MOST_BYTES} are read at most");
    }
    Ok(std::fs::read(path)?)
}

fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        bail!("`{name}` leads out of the dataset");
    }
    Ok(folder.join(name))
}

impl Dataset {
    /// Reads a folder's `cases.jsonl`.
    ///
    /// # Errors
    /// It is not there, or a line of it is no case; the message names the line.
    pub fn read(folder: &Path) -> Result<Dataset> {
        let path = folder.join("cases.jsonl");
        let name = path.display();
        let text = read(&path).with_context(|| {
            format!("cannot read the dataset `{name}`\nhint: name a folder that holds `cases.jsonl`, one change a line")
        })?;
        let text =
            String::from_utf8(text).map_err(|err| anyhow!("{name}: {}\nhint: save it as UTF-8", err.utf8_error()))?;
        let text = text.trim_start_matches('\u{feff}');
        let mut cases: Vec<Case> = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = index + 1;
            let case: Case = serde_json::from_str(line).map_err(|err| {
                anyhow!("{name}:{number}: {err}\nhint: a line is an object with at least `instance_id` and `diff`")
            })?;
            if cases.iter().any(|other| other.id == case.id) {
                bail!(
                    "{name}:{number}: the case `{}` is there twice\nhint: give each an `instance_id` of its own",
                    case.id
                );
            }
            cases.push(case);
        }
        if cases.is_empty() {
            bail!("{name}: there are no cases in it\nhint: each line is one change");
        }
        Ok(Dataset { folder: folder.to_owned(), cases })
    }

    /// All texts of the dataset, for the weights of words.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let remarks = self.cases.iter().flat_map(|case| case.references.iter().chain(&case.rejected));
        remarks.map(|remark| remark.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(text: impl AsRef<[u8]>) -> Result<Dataset> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cases.jsonl"), text).unwrap();
        Dataset::read(folder.path())
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        let dataset = dataset(r#"{"instance_id":"a","diff":"d/a.diff","future":1,"reference_comments":[{"path":"x","start_line":3,"end_line":null,"side":"LEFT","severity":"high","text":"t"},{"path":"y"}]}"#).unwrap();
        let case = &dataset.cases[0];
        let (first, second) = (&case.references[0], &case.references[1]);
        assert_eq!((first.side(), first.lines(), first.severity()), (Side::Left, Some((3, 3)), Some(Severity::Major)));
        assert_eq!((second.side(), second.lines(), second.severity()), (Side::Right, None, None));
        assert!(!case.expect_clean && case.title.is_none());
    }

    #[test]
    fn a_line_that_is_no_case_is_named() {
        for (text, expected) in [
            ("{\"instance_id\":\"a\",\"diff\":\"d\"}\n\nnot json\n", "cases.jsonl:3: "),
            ("{\"diff\":\"d\"}", "cases.jsonl:1: missing field `instance_id`"),
            (
                "{\"instance_id\":\"a\",\"diff\":\"d\"}\n{\"instance_id\":\"a\",\"diff\":\"d\"}",
                "cases.jsonl:2: the case `a`",
            ),
            ("\n", "there are no cases"),
        ] {
            let error = dataset(text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("\nhint: "), "{error}");
        }
        assert!(Dataset::read(Path::new("/nowhere")).unwrap_err().to_string().contains("hint: name a folder"));
    }

    #[test]
    fn words_of_other_datasets_are_ours_where_they_mean_the_same() {
        for (severity, category, expected) in [
            ("High", "Code Defect", ("major", "bug")),
            ("medium", "Maintainability and Readability", ("minor", "maintainability")),
            ("warning", "error_handling", ("minor", "error-handling")),
            ("Nit", "Breaking-Changes", ("info", "api")),
            ("P7", "Privacy", ("p7", "privacy")),
            (" ", "", ("unknown", "unknown")),
        ] {
            let line = serde_json::json!({"path": "a", "severity": severity, "category": category});
            let known: Reference = serde_json::from_value(line).unwrap();
            assert_eq!((known.severity_word().as_str(), known.category_word().as_str()), expected);
        }
    }

    #[test]
    fn nothing_is_the_same_as_null() {
        let line = r#"{"instance_id":"a","diff":"d","language":null,"expect_clean":null,"reference_comments":null,"rejected_comments":null,"tree":null,"title":null}"#;
        let case = &dataset(format!("\u{feff}{line}")).unwrap().cases[0];
        assert!(case.language.is_empty() && case.references.is_empty() && !case.expect_clean);
    }

    #[test]
    fn what_is_no_text_is_named() {
        let error = dataset(b"\xff\xfe").unwrap_err().to_string();
        assert!(error.contains("cases.jsonl: invalid utf-8") && error.contains("hint: "), "{error}");
    }

    #[test]
    fn paths_stay_inside_the_dataset() {
        let case = |diff: &str| Case {
            diff: diff.to_owned(),
            ..dataset(r#"{"instance_id":"a","diff":"d"}"#).unwrap().cases.remove(0)
        };
        for diff in ["../x", "/etc/passwd", "a/../../x"] {
            assert!(case(diff).read_diff(Path::new("/tmp")).unwrap_err().to_string().contains("leads out"), "{diff}");
        }
    }
}
