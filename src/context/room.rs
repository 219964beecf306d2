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
        let most = most.min(self.left);
        if text.is_empty() || text.len() > most.saturating_mul(MOST_BYTES_PER_TOKEN) {
            return false;
        }
        let tokens = self.tokenizer.count(text);
        if tokens > most {
            return false;
        }
        self.left -= tokens;
        self.text += text;
        true
    }

    /// Takes blocks in order, each with a fair share of `share` tokens: what one leaves is for the next.
    pub(super) fn fill(&mut self, blocks: &[Block], share: usize) {
        let mut share = share.min(self.left);
        for (index, block) in blocks.iter().enumerate() {
            let before = self.left;
            let fair = share / (blocks.len() - index);
            if !self.take(&block.full, fair) && !self.take(&block.short, share) {
                self.left_out += 1;
            }
            share = share.saturating_sub(before - self.left);
        }
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
        room.fill(&[block(20, 1), block(90, 10), block(500, 200)], 80);
        assert_eq!((room.text.matches('a').count(), room.text.matches('b').count()), (20, 10));
        assert_eq!(room.left_out, 1);
        room.add(&[block(60, 0), block(30, 0)], 100);
        assert_eq!(room.text.matches('a').count(), 80, "what the first ones left is there for the others");
        assert_eq!(room.left_out, 2);
    }
}
