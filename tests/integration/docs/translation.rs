//! The README in other languages.

use super::{blocks, read};

#[test]
fn the_readme_in_vietnamese_has_the_same_code_and_each_links_to_the_other() {
    let code = |document: &str| -> Vec<(String, String)> {
        let without_comments = |line: &str| line.split(" #").next().unwrap_or_default().trim_end().to_owned();
        let text = |text: &str| text.lines().map(without_comments).collect::<Vec<_>>().join("\n");
        blocks(document).into_iter().map(|block| (block.info, text(&block.text))).collect()
    };
    assert_eq!(code("README.vi.md"), code("README.md"), "whoever changes one changes the other");
    let has = |document: &str, link: &str| read(document).contains(&format!("]({link})"));
    assert!(has("README.md", "README.vi.md") && has("README.vi.md", "README.md"));
    let headings = |document: &str| read(document).lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings("README.vi.md"), headings("README.md"));
}
