//! Pages that need nothing else: no script, no request, their own style alone.

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
        part(
            PAGE,
            context! {
                style => STYLE,
                // the policy allows this style, and no other
                style_hash => BASE64.encode(Sha256::digest(STYLE)),
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
    // the template is ours and tested: it has every variable
    environment.render_str(template, values).unwrap_or_else(|error| format!("{error}\n"))
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
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains('\u{202e}'), "{html}");
        // twice the title
        assert_eq!(html.matches("&lt;script&gt;a\\u{202e}\\u{a}").count(), 9, "{html}");
        assert!(html.contains("<svg ") && html.contains("<i>&lt;script&gt;"), "{html}");
    }

    #[test]
    fn the_policy_has_the_hash_of_the_style_and_allows_nothing_else() {
        let html = Page::default().html();
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = BASE64.encode(Sha256::digest(style));
        assert!(html.contains(&format!("content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none';")));
        assert!(!html.contains("unsafe"), "{html}");
    }
}
