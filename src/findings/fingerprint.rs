//! The identity of a finding across pushes.

use sha2::{Digest, Sha256};

use crate::prompt::hex;
use crate::severity::Category;

/// 16 hexadecimal digits made of path, category and the text of the quoted lines without white space: not of line
/// numbers, which move, and not of the model's words, which change. `occurrence` tells the second and later findings
/// apart that would read the same; it is 0 for the first.
pub fn fingerprint(path: &str, category: Category, lines: &[String], occurrence: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(path.as_bytes());
    hash.update([0]);
    hash.update(category.as_str().as_bytes());
    for line in lines {
        hash.update([0]);
        line.split_whitespace().for_each(|word| hash.update(word.as_bytes()));
    }
    if occurrence > 0 {
        hash.update([1]);
        hash.update(occurrence.to_le_bytes());
    }
    hex(&hash.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_path_category_and_words_count() {
        let one = |path, category, text: &str| fingerprint(path, category, &[text.to_owned()], 0);
        let first = one("a", Category::Bug, "x = 1;");
        assert_eq!(first.len(), 16);
        assert_eq!(first, one("a", Category::Bug, "   x  =  1;"));
        assert_ne!(first, one("b", Category::Bug, "x = 1;"));
        assert_ne!(first, one("a", Category::Security, "x = 1;"));
        assert_ne!(first, one("a", Category::Bug, "x = 2;"));
        assert_ne!(first, fingerprint("a", Category::Bug, &["x = 1;".to_owned()], 1));
    }
}
