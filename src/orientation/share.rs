//! Sharing a number of tokens among texts, and cutting those that are longer than their share.

use crate::plan::Tokenizer;

/// What each gets of a total when all want so much: those that want little get it, and the others the same.
pub fn fair(wanted: &[usize], total: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&index| wanted[index]);
    let mut given = vec![0; wanted.len()];
    let mut left = total;
    for (place, &index) in order.iter().enumerate() {
        given[index] = wanted[index].min(left / (wanted.len() - place));
        left -= given[index];
    }
    given
}

/// The beginning of a text that has at most so many tokens, in whole lines where these take up half of them; `None` where
/// all of it fits.
pub fn cut(text: &str, limit: usize, tokenizer: Tokenizer) -> Option<&str> {
    // no token is empty
    if text.len() <= limit || tokenizer.count(text) <= limit {
        return None;
    }
    let (mut end, mut left) = fitting_parts(text, '\n', limit, tokenizer);
    if left > limit / 2 {
        let (more, rest) = fitting_parts(&text[end..], ' ', left, tokenizer);
        (end, left) = (end + more, rest);
    }
    if left > limit / 2 {
        // at one byte a token, this is the most that is sure to fit
        end = text.floor_char_boundary(end + left);
    }
    Some(text[..end].trim_end())
}

/// Bytes of the parts of a text that fit one after the other, and the tokens that are left.
fn fitting_parts(text: &str, separator: char, limit: usize, tokenizer: Tokenizer) -> (usize, usize) {
    let (mut end, mut left) = (0, limit);
    for part in text.split_inclusive(separator) {
        // counting a long part would be in vain
        let tokens = if part.len() > 64 * (left + 1) { usize::MAX } else { tokenizer.count(part) };
        if tokens > left {
            break;
        }
        left -= tokens;
        end += part.len();
    }
    (end, left)
}

/// How many of these entries, each on lines of its own, fit one after the other.
pub fn fitting(entries: &[String], limit: usize, tokenizer: Tokenizer) -> usize {
    let mut left = limit;
    let fits = |entry: &&String| {
        let tokens = tokenizer.count(entry) + 1;
        let fits = tokens <= left;
        left = left.saturating_sub(tokens);
        fits
    };
    entries.iter().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const O200K: Tokenizer = Tokenizer::O200k;

    #[test]
    fn what_one_does_not_need_goes_to_the_others() {
        for (wanted, total, expected) in [
            (&[10, 20][..], 100, &[10, 20][..]),
            (&[100, 100], 50, &[25, 25]),
            (&[100, 5, 100], 55, &[25, 5, 25]),
            (&[0, 7], 3, &[0, 3]),
            (&[], 3, &[]),
        ] {
            assert_eq!(fair(wanted, total), expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_long_text_ends_with_a_whole_line() {
        let text = "one two three\n".repeat(100);
        let start = cut(&text, 50, O200K).expect("a cut");
        assert!(O200K.count(start) <= 50 && O200K.count(start) > 30 && start.ends_with("three"), "{start}");
        assert_eq!(cut(&text, 1000, O200K), None);
        assert_eq!(cut("", 0, O200K), None);
        let one_line = "é".repeat(1000);
        let start = cut(&one_line, 25, O200K).expect("a cut");
        assert!(!start.is_empty() && O200K.count(start) <= 25);
    }

    #[test]
    fn entries_fit_until_one_does_not() {
        let entries: Vec<String> = ["a", "b b b b b b b b b b", "c"].map(str::to_owned).into();
        assert_eq!(fitting(&entries, 5, O200K), 1);
        assert_eq!(fitting(&entries, 100, O200K), 3);
        assert_eq!(fitting(&entries, 0, O200K), 0);
    }
}
