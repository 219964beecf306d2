//! The vocabularies of OpenAI's encodings, read where they lie in the program: nothing is loaded, and of the table only the
//! pages that are looked at take memory.

use super::hash::{EMPTY, RANK_BITS, hash, tag};

/// The tokens of an encoding. A token of a lower rank is made first.
#[derive(Debug)]
pub struct Vocabulary {
    /// Slots of eight bytes, the number of which is a power of two: see `build.rs`.
    table: &'static [u8],
}

/// Of `gpt-4o` and everything since.
pub static O200K: Vocabulary = Vocabulary { table: include_bytes!(concat!(env!("OUT_DIR"), "/o200k.table")) };

/// Of `gpt-4` and `gpt-3.5`.
pub static CL100K: Vocabulary = Vocabulary { table: include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.table")) };

impl Vocabulary {
    /// The rank of these bytes, where they are a token.
    pub fn rank(&self, token: &[u8]) -> Option<u32> {
        let (slots, _) = self.table.as_chunks::<8>();
        let hash = hash(token);
        let mut at = hash as usize & (slots.len() - 1);
        loop {
            let slot = u64::from_le_bytes(slots[at]);
            if slot == EMPTY {
                return None;
            }
            if tag(slot) == tag(hash) {
                return Some((slot & ((1 << RANK_BITS) - 1)) as u32);
            }
            at = (at + 1) & (slots.len() - 1);
        }
    }

    /// Whether these bytes are one token.
    pub fn has(&self, token: &[u8]) -> bool {
        self.rank(token).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_every_token_with_its_rank() {
        for (vocabulary, theirs, expected) in [
            (&O200K, tiktoken_rs::o200k_base_singleton(), 199_998),
            (&CL100K, tiktoken_rs::cl100k_base_singleton(), 100_256),
        ] {
            let token = |rank: u32| Some((rank, theirs.decode_bytes(&[rank]).ok()?));
            let is_ordinary = |(_, token): &(u32, Vec<u8>)| !(token.starts_with(b"<|") && token.ends_with(b"|>"));
            let tokens: Vec<_> = (0..1 << RANK_BITS).filter_map(token).filter(is_ordinary).collect();
            assert_eq!(tokens.len(), expected);
            for (rank, token) in &tokens {
                assert_eq!(vocabulary.rank(token), Some(*rank), "{token:?}");
            }
        }
    }

    #[test]
    fn what_is_no_token_has_no_rank() {
        for text in ["", "<|endoftext|>", "order_price", "zqzqzqzq"] {
            assert_eq!(O200K.rank(text.as_bytes()), None, "{text}");
        }
    }
}
