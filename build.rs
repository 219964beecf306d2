//! Writes the vocabularies of the tokenizers as tables that need no loading: `o200k.table` and `cl100k.table` in the build
//! folder, which `src/plan/tokens/vocabulary.rs` reads where they lie in the program.
//!
//! `tiktoken-rs` has the vocabularies, and builds three maps of them when it is first used, which takes more time and memory
//! than everything else that a small review does.

use std::path::Path;

use tiktoken_rs::{CoreBPE, Rank};

mod hash {
    include!("src/plan/tokens/hash.rs");
}

use hash::{EMPTY, RANK_BITS, hash, tag};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/plan/tokens/hash.rs");
    let out = std::env::var("OUT_DIR")?;
    // a power of two of slots, of which at most four fifths are taken
    for (name, encoding, slots) in
        [("o200k", tiktoken_rs::o200k_base()?, 1 << 18), ("cl100k", tiktoken_rs::cl100k_base()?, 1 << 17)]
    {
        let table = table(&tokens(&encoding), slots)?;
        let bytes: Vec<u8> = table.iter().flat_map(|slot| slot.to_le_bytes()).collect();
        std::fs::write(Path::new(&out).join(format!("{name}.table")), bytes)?;
    }
    Ok(())
}

/// The tokens of an encoding with their ranks, without the special ones: in our texts these are text like any other.
fn tokens(encoding: &CoreBPE) -> Vec<(Vec<u8>, Rank)> {
    let token = |rank: Rank| Some((encoding.decode_bytes(&[rank]).ok()?, rank));
    let is_special = |token: &[u8]| token.starts_with(b"<|") && token.ends_with(b"|>");
    (0..1 << RANK_BITS).filter_map(token).filter(|(token, _)| !is_special(token)).collect()
}

/// A table with linear probing: a token stands at the place that its hash says, or behind it.
fn table(tokens: &[(Vec<u8>, Rank)], slots: usize) -> Result<Vec<u64>, String> {
    if tokens.len() * 5 > slots * 4 || tokens.len() < slots / 2 {
        return Err(format!("{} tokens do not suit {slots} slots", tokens.len()));
    }
    let mut table = vec![EMPTY; slots];
    for (token, rank) in tokens {
        let hash = hash(token);
        let mut at = hash as usize % slots;
        while table[at] != EMPTY {
            if tag(table[at]) == tag(hash) {
                return Err(format!("two tokens have the tag of {token:?}"));
            }
            at = (at + 1) % slots;
        }
        table[at] = (tag(hash) << RANK_BITS) | u64::from(*rank);
    }
    Ok(table)
}
