//! Byte pair encoding: how many tokens a piece of text has.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// A part of the piece that is a token so far.
#[derive(Clone, Copy)]
struct Part {
    /// Where it ends, which is where the next one begins.
    end: usize,
    /// Where the part before it begins.
    before: usize,
}

/// No part begins here.
const NOWHERE: usize = usize::MAX;

/// The number of tokens of a piece. From single bytes on, the two neighbours that make the token of the lowest rank are
/// joined, the first of several, until no two make one.
pub fn count(vocabulary: &Vocabulary, piece: &[u8]) -> usize {
    if piece.len() < 2 || vocabulary.has(piece) {
        return piece.len().min(1);
    }
    // indexed by where a part begins; what was joined to the part before it ends nowhere
    let mut parts: Vec<Part> =
        (0..piece.len()).map(|at| Part { end: at + 1, before: at.checked_sub(1).unwrap_or(NOWHERE) }).collect();
    let mut joins = BinaryHeap::new();
    let offer = |joins: &mut BinaryHeap<_>, start: usize, middle: usize, end: usize| {
        if let Some(rank) = vocabulary.rank(&piece[start..end]) {
            joins.push(Reverse((rank, start, middle, end)));
        }
    };
    (0..piece.len() - 1).for_each(|at| offer(&mut joins, at, at + 1, at + 2));
    let mut count = piece.len();
    while let Some(Reverse((_, start, middle, end))) = joins.pop() {
        // one of the two may have been joined to another since
        if parts[start].end != middle || parts.get(middle).is_none_or(|part| part.end != end) {
            continue;
        }
        parts[start].end = end;
        parts[middle].end = NOWHERE;
        count -= 1;
        if let Some(after) = parts.get_mut(end) {
            after.before = start;
            let after_end = after.end;
            offer(&mut joins, start, end, after_end);
        }
        let before = parts[start].before;
        if before != NOWHERE {
            offer(&mut joins, before, start, end);
        }
    }
    count
}
