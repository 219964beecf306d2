//! What fits under a limit of tokens.

use crate::plan::Tokenizer;

/// A part of the context: all of it, and what stands for it where that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// With its header line.
    pub(super) full: String,
    /// Shorter; empty where there is nothing shorter.
    pub(super) short: String,
}

/// Blocks, as long as they fit.
pub(super) struct Room {
    tokenizer: Tokenizer,
    left: usize,
    pub(super) text: String,
    /// Blocks that did not fit in any form.
    pub(super) left_out: usize,
}

/// No token is shorter than a byte, and hardly any text has fewer tokens than a tenth of its bytes: what is longer need not be
/// counted.
const MOST_BYTES_PER_TOKEN: usize = 10;

impl Room {
    pub(super) fn new(tokenizer: Tokenizer, limit: usize) -> Room {
        Room { tokenizer, left: limit, text: String::new(), left_out: 0 }
    }

    /// Tokens that are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes a text where it has at most `most` tokens and there is room for it.
    fn take(&mut self, text: &str, most: usize) -> bool {
        let Some(tokens) = self.count(text, most.min(self.left)) else { return false };
        self.left -= tokens;
        self.text += text;
        true
    }

    /// Takes as many blocks as fit into `share` tokens: the short form of each, and of those the whole one that it costs least
    /// to show whole.
    pub(super) fn fill(&mut self, blocks: &[Block], share: usize) {
        let share = share.min(self.left);
        let count = |text: &str| self.count(text, share);
        let sizes: Vec<(Option<usize>, Option<usize>)> =
            blocks.iter().map(|block| (count(&block.short), count(&block.full))).collect();
        let mut chosen: Vec<Option<usize>> = vec![None; blocks.len()];
        let mut left = share;
        for (chosen, (short, full)) in chosen.iter_mut().zip(&sizes) {
            *chosen = short.or(*full).filter(|&tokens| tokens <= left);
            left -= chosen.unwrap_or(0);
        }
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (index, (chosen, (_, full))) in chosen.iter().zip(&sizes).enumerate() {
            order.extend(chosen.zip(*full).map(|(chosen, full)| (full.saturating_sub(chosen), index)));
        }
        order.sort_unstable();
        let mut whole = vec![false; blocks.len()];
        for (more, index) in order {
            if more <= left
                && let Some(whole) = whole.get_mut(index)
            {
                left -= more;
                *whole = true;
            }
        }
        for ((block, chosen), whole) in blocks.iter().zip(chosen).zip(whole) {
            match (chosen, whole) {
                (None, _) => self.left_out += 1,
                (Some(_), true) => self.text += &block.full,
                (Some(_), false) => self.text += &block.short,
            }
        }
        self.left -= share - left;
    }

    /// Tokens of a text; `None` where there are none, or more than `most`.
    fn count(&self, text: &str, most: usize) -> Option<usize> {
        if text.is_empty() || text.len() > most.saturating_mul(MOST_BYTES_PER_TOKEN) {
            return None;
        }
        Some(self.tokenizer.count(text)).filter(|&tokens| tokens <= most)
    }

    /// Takes blocks in order, each whole where it fits, until they have `share` tokens together.
    pub(super) fn add(&mut self, blocks: &[Block], share: usize) {
        let end = self.left - share.min(self.left);
        for block in blocks {
            let most = self.left - end;
            if !self.take(&block.full, most) && !self.take(&block.short, most) {
                self.left_out += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(full: usize, short: usize) -> Block {
        Block { full: "a ".repeat(full), short: "b ".repeat(short) }
    }

    #[test]
    fn a_block_that_is_too_large_is_shortened() {
        let mut room = Room::new(Tokenizer::O200k, 100);
        room.fill(&[block(60, 9), block(90, 10), block(500, 200), block(20, 5)], 85);
        assert_eq!((room.text.matches('a').count(), room.text.matches('b').count()), (20, 19));
        assert_eq!(room.left_out, 1);
        room.add(&[block(70, 0), block(30, 0)], 100);
        assert_eq!(room.text.matches('a').count(), 50, "what the first ones left is there for the others");
        assert_eq!(room.left_out, 2);
    }
}
