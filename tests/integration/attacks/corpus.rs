//! The texts of `tests/fixtures/attacks`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// A text that tries to act, or to steer who reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    pub name: String,
    pub text: String,
    /// Where it stands; see `README.md` there.
    #[serde(default)]
    pub places: Vec<String>,
    /// Whether it speaks to the reviewer in a way that is to be noticed.
    pub steers: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    places: Vec<String>,
    #[serde(default)]
    steers: bool,
    attack: Vec<Attack>,
}

const PLACES: [&str; 11] =
    ["answer", "code", "file-name", "commit", "title", "description", "issue", "comment", "guide", "verdict", "tool"];

/// All attacks, each named `family: name`.
pub fn all() -> Vec<Attack> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/attacks");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the attacks").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let mut all = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        let text = fs::read_to_string(path).expect("a file of attacks");
        let family: Family = toml::from_str(&text).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        all.extend(family.attack.into_iter().map(|attack| Attack {
            name: format!("{stem}: {}", attack.name),
            places: if attack.places.is_empty() { family.places.clone() } else { attack.places },
            steers: Some(attack.steers.unwrap_or(family.steers)),
            text: attack.text,
        }));
    }
    all
}

/// The attacks that stand in a place.
pub fn at(place: &str) -> Vec<Attack> {
    all().into_iter().filter(|attack| attack.places.iter().any(|known| known == place)).collect()
}

/// A text in which the name of the fence stands where it says so.
pub fn with_fence(text: &str, fence: &str) -> String {
    text.replace("{fence}", fence).replace("{hash}", fence.trim_start_matches("data"))
}

impl Attack {
    pub fn steers(&self) -> bool {
        self.steers == Some(true)
    }
}

#[test]
fn there_are_at_least_a_hundred_and_each_is_named_once() {
    let all = all();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|attack| attack.name.as_str()).collect();
    assert!(all.len() >= 100 && names.len() == all.len(), "{} attacks, {} names", all.len(), names.len());
    for attack in &all {
        assert!(!attack.places.is_empty() && !attack.text.is_empty(), "{attack:?}");
        assert!(attack.places.iter().all(|place| PLACES.contains(&place.as_str())), "{attack:?}");
    }
    for place in PLACES {
        assert!(!at(place).is_empty(), "nothing attacks by way of {place}");
    }
}
