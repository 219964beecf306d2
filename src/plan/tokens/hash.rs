// The slots of a vocabulary's table: written by `build.rs`, which includes this file, and read by `vocabulary.rs`.

/// Bits of a slot that hold the rank of the token; the others tell tokens apart.
pub const RANK_BITS: u32 = 18;

/// A slot without a token.
pub const EMPTY: u64 = u64::MAX;

/// A number for a token, the same on every machine. Two of the tokens of a vocabulary never share what a slot keeps of it,
/// which `build.rs` checks; of another text it is the same in one of 10¹³ cases.
pub fn hash(token: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = (token.len() as u64).wrapping_mul(ODD);
    let mut words = token.chunks_exact(8);
    for word in &mut words {
        state = mix(state ^ word.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)));
    }
    mix(state ^ words.remainder().iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
}

/// The finalizer of MurmurHash3, whose every bit depends on every bit.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    number = (number ^ (number >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    number ^ (number >> 33)
}

/// What a slot holds of a token, without its rank.
pub fn tag(hash: u64) -> u64 {
    hash >> RANK_BITS
}
