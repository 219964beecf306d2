//! Passes: independent looks at the same chunk, each in another order and with another lens.

use super::chunk::Piece;
use crate::config::Effort;
use crate::prompt;
use crate::random::Random;

/// One look at a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Counted from 1.
    pub number: usize,
    /// What it looks at hardest, for the model; `None` is everything alike.
    pub lens: Option<&'static str>,
    /// Whether it is one of several: then each shows the chunk in its own order, and answers may differ.
    pub is_one_of_several: bool,
}

impl Pass {
    /// The only look.
    pub const ONLY: Pass = Pass { number: 1, lens: None, is_one_of_several: false };

    /// The looks of an effort (interface, section 3).
    pub fn all(effort: Effort) -> Vec<Pass> {
        let count = match effort {
            Effort::Low => return vec![Pass::ONLY],
            Effort::Balanced => 3,
            Effort::High => 5,
        };
        let lenses = prompt::LENSES.iter().copied().map(Some).chain([None]);
        let pass = |(index, lens)| Pass { number: index + 1, lens, is_one_of_several: true };
        lenses.take(count).enumerate().map(pass).collect()
    }

    /// The pieces of a chunk in this pass's order: files, and hunks inside a file, shuffled. What a model reads first and
    /// last it sees best, so that each pass sees other things best. The first pass keeps the order of the change, and the
    /// lines of one hunk stay together and in order.
    pub fn order<'a>(&self, pieces: &'a [Piece]) -> Vec<&'a Piece> {
        if self.number == 1 {
            return pieces.iter().collect();
        }
        let mut files: Vec<Vec<&[Piece]>> = pieces
            .chunk_by(|a, b| a.file == b.file)
            .map(|file| file.chunk_by(|a, b| a.hunk == b.hunk).collect())
            .collect();
        let mut random = Random::new(self.number as u64);
        files.iter_mut().for_each(|hunks| random.shuffle(hunks));
        random.shuffle(&mut files);
        files.into_iter().flatten().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(files: &[usize]) -> Vec<Piece> {
        let hunks = |(file, &hunks): (usize, &usize)| (0..hunks).map(move |hunk| (file, hunk)).collect::<Vec<_>>();
        let piece = |(file, hunk)| Piece { file, hunk, lines: 0..1, before: Vec::new(), after: 0..0 };
        files.iter().enumerate().flat_map(hunks).map(piece).collect()
    }

    #[test]
    fn efforts_and_their_passes() {
        for (effort, passes, lenses) in [(Effort::Low, 1, 0), (Effort::Balanced, 3, 3), (Effort::High, 5, 4)] {
            let all = Pass::all(effort);
            assert_eq!(all.iter().map(|pass| pass.number).collect::<Vec<_>>(), (1..=passes).collect::<Vec<_>>());
            let mut seen: Vec<&str> = all.iter().filter_map(|pass| pass.lens).collect();
            seen.dedup();
            assert_eq!(seen.len(), lenses, "{effort:?}");
        }
    }

    #[test]
    fn each_pass_has_its_own_order_of_the_same_pieces() {
        let pieces = pieces(&[3, 1, 4, 2, 2]);
        let orders: Vec<Vec<(usize, usize)>> = Pass::all(Effort::High)
            .iter()
            .map(|pass| pass.order(&pieces).iter().map(|piece| (piece.file, piece.hunk)).collect())
            .collect();
        for (index, order) in orders.iter().enumerate() {
            assert!(!orders[..index].contains(order), "pass {} repeats an order", index + 1);
            let mut files: Vec<usize> = order.iter().map(|(file, _)| *file).collect();
            files.dedup();
            assert_eq!(files.len(), 5, "a file stands in one place");
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, orders[0]);
        }
    }

    #[test]
    fn the_parts_of_a_hunk_stay_in_order() {
        let mut parts = pieces(&[1, 1, 1]);
        parts.insert(1, Piece { lines: 1..2, ..parts[0].clone() });
        for pass in Pass::all(Effort::High) {
            let order = pass.order(&parts);
            let first = order.iter().position(|piece| piece.file == 0).unwrap();
            assert_eq!((order[first].lines.start, order[first + 1].lines.start), (0, 1));
        }
    }
}
