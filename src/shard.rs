//! A share of a review: one of several jobs of a CI matrix, which together review a change.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The share `K/N`: of the chunks of a plan every `N`th, from the `K`th on. A matrix of CI has one job for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

/// The most shards of a review: as many jobs as a matrix of GitHub Actions may have.
pub const MOST: usize = 256;

impl Shard {
    /// All shards of a review that is cut into so many.
    pub fn all(count: usize) -> impl Iterator<Item = Shard> {
        (1..=count).map(move |index| Shard { index, count })
    }

    /// The shard of the same review that has this chunk; chunks are counted from 1.
    pub fn of_chunk(self, id: usize) -> Shard {
        Shard { index: (id.max(1) - 1) % self.count + 1, ..self }
    }

    /// The number of this shard, from 1 on.
    pub fn index(self) -> usize {
        self.index
    }

    /// How many shards there are.
    pub fn count(self) -> usize {
        self.count
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.trim().split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match numbers {
            Some((index, count)) if (1..=MOST).contains(&count) && (1..=count).contains(&index) => {
                Ok(Shard { index, count })
            }
            _ => Err(format!("a shard is K/N, such as 1/4, with N up to {MOST}")),
        }
    }
}

/// A number of plain digits.
fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Shard, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_shard() {
        let check = |text: &str, expected: Option<(usize, usize)>| {
            let shard = text.parse::<Shard>().ok();
            assert_eq!(shard.map(|shard| (shard.index(), shard.count())), expected, "{text:?}");
        };
        check("1/4", Some((1, 4)));
        check(" 4/4 ", Some((4, 4)));
        check("256/256", Some((256, 256)));
        for none in ["", "1", "0/4", "5/4", "1/0", "1/257", "+1/4", "1/ 4", "-1/4", "1/99999999999999999999", "a/b"] {
            check(none, None);
        }
    }

    #[test]
    fn every_chunk_is_in_one_shard_and_the_shards_are_of_a_size() {
        let mut sizes = [0; 3];
        for id in 1..=10 {
            let owners: Vec<Shard> = Shard::all(3).filter(|shard| shard.of_chunk(id) == *shard).collect();
            assert_eq!(owners.len(), 1, "{id}");
            sizes[owners[0].index() - 1] += 1;
        }
        assert_eq!(sizes, [4, 3, 3]);
    }

    #[test]
    fn a_shard_in_a_report_is_a_text() {
        let shard: Shard = serde_json::from_str("\"2/3\"").unwrap();
        assert_eq!(serde_json::to_string(&shard).unwrap(), "\"2/3\"");
        assert!(serde_json::from_str::<Shard>("\"4/3\"").is_err());
    }
}
