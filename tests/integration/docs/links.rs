//! Links between the documents, and the table of contents of the book.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::{chapters, documents, read, source};

/// Where this repository is shown.
const HERE: &str = "https://github.com/prudence-review/prudence/blob/main/";

/// The targets of all links and pictures of a document.
fn links(text: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    };
    Parser::new_ext(text, pulldown_cmark::Options::ENABLE_TABLES).filter_map(target).collect()
}

/// The anchors of a document's headings, as mdBook and code hosts make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut found, mut heading) = (BTreeSet::new(), None::<String>);
    for event in Parser::new(text) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::End(TagEnd::Heading(_)), Some(text)) => {
                let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                found.insert(kept.collect::<String>().to_lowercase().replace(' ', "-"));
                heading = None;
            }
            (Event::Text(part) | Event::Code(part), Some(text)) => *text += &part,
            _ => {}
        }
    }
    found
}

/// Whether a link of a document leads somewhere; those to other hosts are nobody's business here.
fn leads_somewhere(document: &str, link: &str) -> bool {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = match path.strip_prefix(HERE) {
        Some(path) => path.to_owned(),
        None if path.contains("://") || path.starts_with("mailto:") => return true,
        None if path.is_empty() => document.to_owned(),
        None => {
            let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            for part in path.split('/') {
                match part {
                    ".." => drop(parts.pop()),
                    part => parts.push(part),
                }
            }
            parts.join("/")
        }
    };
    source(&path).exists() && (anchor.is_empty() || anchors(&read(&path)).contains(anchor))
}

#[test]
fn every_link_leads_somewhere() {
    for document in documents() {
        for link in links(&read(&document)) {
            assert!(leads_somewhere(&document, &link), "{document}: `{link}` leads nowhere");
        }
    }
    for (link, expected) in [
        ("local.md", true),
        ("nowhere.md", false),
        ("local.md#which-change", true),
        ("local.md#nothing", false),
        ("../README.md", true),
        ("https://example.com/x", true),
        ("https://github.com/prudence-review/prudence/blob/main/nowhere", false),
    ] {
        assert_eq!(leads_somewhere("docs/start.md", link), expected, "{link}");
    }
}

/// mdBook leaves out what its table of contents does not name, and copies nothing from outside of its folder.
#[test]
fn the_book_has_every_chapter_once_and_links_to_nothing_outside() {
    let mut named = links(&read("docs/SUMMARY.md"));
    named.sort();
    let expected: Vec<String> = chapters().into_iter().filter(|name| name != "SUMMARY.md").collect();
    assert_eq!(named, expected);
    for chapter in chapters() {
        for link in links(&read(&format!("docs/{chapter}"))) {
            assert!(!link.starts_with("../"), "docs/{chapter}: `{link}` is outside of the book");
        }
    }
}
