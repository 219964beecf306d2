//! Pages that need nothing else: no request, their own style and script alone.

pub mod bars;
pub mod svg;
pub mod table;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use crate::text::printable;
use table::Table;

const PAGE: &str = include_str!("../../templates/page/page.html");
const STYLE: &str = include_str!("../../templates/page/style.css");

/// What is on a page, from top to bottom. Its texts are as they came: they are made safe here.
#[derive(Debug, Default)]
pub struct Page {
    /// The title.
    pub title: String,
    /// What stands below it, a paragraph each.
    pub lines: Vec<String>,
    /// The plots.
    pub figures: Vec<Figure>,
    /// The tables.
    pub tables: Vec<Table>,
    /// What else the page has: HTML that [`part`] made of cleaned texts, or nothing.
    pub below: String,
    /// The last line.
    pub foot: String,
    /// Style that this page has beside that of all pages.
    pub style: &'static str,
    /// Its script, if it has one.
    pub script: &'static str,
}

/// A plot.
#[derive(Debug)]
pub struct Figure {
    /// A picture that [`svg::svg`] made.
    pub svg: String,
    /// What it shows.
    pub caption: String,
}

impl Page {
    /// The page as HTML.
    pub fn html(&self) -> String {
        let clean = |lines: &[String]| lines.iter().map(|line| printable(line)).collect::<Vec<String>>();
        let table = |table: &Table| {
            let rows: Vec<_> = table.rows.iter().map(|row| clean(row)).collect();
            context! { title => printable(&table.title), head => clean(&table.head), rows, notes => clean(&table.notes) }
        };
        let figure = |figure: &Figure| context! { svg => &figure.svg, caption => printable(&figure.caption) };
        let style = STYLE.to_owned() + self.style;
        part(
            PAGE,
            context! {
                // the policy allows this style and this script, and no others
                style_hash => BASE64.encode(Sha256::digest(&style)),
                style,
                script_hash => BASE64.encode(Sha256::digest(self.script)),
                script => self.script,
                title => printable(&self.title),
                lines => clean(&self.lines),
                figures => self.figures.iter().map(figure).collect::<Vec<_>>(),
                tables => self.tables.iter().map(table).collect::<Vec<_>>(),
                below => &self.below,
                foot => printable(&self.foot),
            },
        )
    }
}

/// HTML by a template of our own, with every value escaped that the template does not call safe.
pub fn part(template: &str, values: Value) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // as minijinja does, which also escapes slashes: pages are full of paths
    environment.set_formatter(|out, _, value| {
        let text = value.to_string();
        if value.is_safe() {
            out.write_str(&text)?
        } else {
            out.write_str(&escaped(&text))?
        }
        Ok(())
    });
    // the template is ours and tested: it has every variable
    environment.render_str(template, values).unwrap_or_else(|error| format!("{error}\n"))
}

/// Text in which nothing is markup, between tags and in attributes. What cannot be seen stays.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_on_a_page_is_escaped_but_what_was_made_here() {
        let evil = "<script>a\u{202e}\n".to_owned();
        let mut table = Table::new(evil.clone(), &["<b>"]);
        table.row([evil.clone()]);
        table.notes.push(evil.clone());
        let page = Page {
            title: evil.clone(),
            lines: vec![evil.clone()],
            figures: vec![Figure { svg: svg::svg(1.0, 1.0, &evil, ""), caption: evil.clone() }],
            tables: vec![table],
            below: part("<i>{{ text }}</i>", context! { text => printable(&evil) }),
            foot: evil.clone(),
            ..Page::default()
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains('\u{202e}'), "{html}");
        // twice the title, the caption and the title of the table
        assert_eq!(html.matches("&lt;script&gt;a\\u{202e}\\u{a}").count(), 11, "{html}");
        assert!(html.contains("<svg ") && html.contains("<i>&lt;script&gt;"), "{html}");
    }

    #[test]
    fn the_policy_has_the_hashes_of_style_and_script_and_allows_nothing_else() {
        let check = |page: Page, expected: &str| {
            let html = page.html();
            let hash = |tag: &str| {
                let inside =
                    html.split_once(&format!("<{tag}>")).and_then(|(_, rest)| rest.split(&format!("</{tag}>")).next());
                format!("'sha256-{}'", BASE64.encode(Sha256::digest(inside.unwrap_or_default())))
            };
            let policy = expected.replace("STYLE", &hash("style")).replace("SCRIPT", &hash("script"));
            assert!(html.contains(&format!("content=\"{policy}\"")), "{policy}: {html}");
            assert!(!html.contains("unsafe"), "{html}");
        };
        check(Page::default(), "default-src 'none'; style-src STYLE; base-uri 'none'; form-action 'none'");
        let page = Page { script: "let a = 1 < 2;", style: "p > a { color: red; }", ..Page::default() };
        check(page, "default-src 'none'; style-src STYLE; script-src SCRIPT; base-uri 'none'; form-action 'none'");
    }
}
