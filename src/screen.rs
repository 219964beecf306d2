//! What the place can show to which a result is printed: how wide it is, whether it has links, and which signs.

/// A terminal, or what stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None` where nothing says how many there are, and lines may be as long as people read.
    pub columns: Option<usize>,
    /// Whether a text may lead to an address (OSC 8).
    pub has_links: bool,
    /// Whether only the signs of ASCII can be shown.
    pub is_ascii: bool,
}

/// The signs that stand around what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// Before a line that is meant.
    pub arrow: &'static str,
    /// Between a line's number and its text.
    pub bar: &'static str,
    /// Where something is left out.
    pub more: &'static str,
    /// Between facts.
    pub dot: &'static str,
}

impl Screen {
    /// Neither links nor an end of the line.
    pub const PLAIN: Screen = Screen { columns: None, has_links: false, is_ascii: false };

    /// The standard output of this process: the variable `COLUMNS`, or else the terminal, says how wide it is.
    pub fn of_stdout(env: &dyn Fn(&str) -> Option<String>) -> Screen {
        let told = env("COLUMNS").and_then(|columns| columns.trim().parse().ok()).filter(|columns| *columns > 0);
        let size = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Screen {
            columns: told.or_else(size),
            has_links: supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout),
            is_ascii: is_ascii(env),
        }
    }

    /// Columns of a text of several lines: what there is beside `taken`, and no more than is pleasant to read.
    pub fn text_width(&self, taken: usize) -> usize {
        const WIDEST: usize = 96;
        const NARROWEST: usize = 10;
        self.columns.map_or(WIDEST, |columns| columns.saturating_sub(taken).clamp(NARROWEST, WIDEST))
    }

    /// The signs that can be shown.
    pub fn signs(&self) -> Signs {
        match self.is_ascii {
            false => Signs { arrow: "▸", bar: "│", more: "…", dot: "·" },
            true => Signs { arrow: ">", bar: "|", more: "...", dot: "-" },
        }
    }

    /// A text that leads to an address, where that can be shown.
    pub fn link(&self, text: &str, address: Option<&str>) -> String {
        match address.filter(|_| self.has_links) {
            Some(address) => format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\"),
            None => text.to_owned(),
        }
    }
}

/// Whether the locale says that text is not UTF-8. Where nothing says what it is, it is.
fn is_ascii(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env).find(|value| !value.is_empty());
    locale.is_some_and(|locale| !["utf-8", "utf8"].iter().any(|utf8| locale.to_lowercase().contains(utf8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_without_utf_8_gets_the_signs_of_ascii() {
        let check = |variables: &[(&str, &str)], expected: bool| {
            let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(is_ascii(&env), expected, "{variables:?}");
        };
        check(&[], false);
        check(&[("LANG", "vi_VN.UTF-8")], false);
        check(&[("LANG", "C.utf8")], false);
        check(&[("LANG", "C")], true);
        check(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "POSIX")], true);
        check(&[("LANG", "en_US.ISO-8859-1"), ("LC_CTYPE", "en_US.UTF-8")], false);
        check(&[("LANG", "C"), ("LC_ALL", "")], true);
    }

    #[test]
    fn text_has_room_on_any_screen() {
        let width = |columns| Screen { columns, ..Screen::PLAIN }.text_width(2);
        assert_eq!([width(None), width(Some(300)), width(Some(80)), width(Some(20))], [96, 96, 78, 18]);
        assert_eq!(width(Some(1)), 10);
    }

    #[test]
    fn a_link_is_shown_where_it_can_be() {
        let screen = Screen { has_links: true, ..Screen::PLAIN };
        assert_eq!(screen.link("a", Some("https://h/x")), "\u{1b}]8;;https://h/x\u{1b}\\a\u{1b}]8;;\u{1b}\\");
        assert_eq!(screen.link("a", None), "a");
        assert_eq!(Screen::PLAIN.link("a", Some("https://h/x")), "a");
    }
}
