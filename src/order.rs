//! What people tell the bot to do, by a comment on the request.

use crate::words::{Words, table_head};

/// A command. The list is closed, and none takes an argument: nobody changes model, limits or endpoint by a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Review what is new, also where the request would be left alone.
    Review,
    /// Review all of it again.
    Full,
    /// Leave the request alone from now on.
    Pause,
    /// Go on.
    Resume,
    /// Dismiss all findings that stand.
    Ignore,
    /// Tell which commands there are.
    Help,
}

impl Order {
    /// All of them, with their words.
    pub const ALL: [(Order, &'static str); 6] = [
        (Order::Review, "review"),
        (Order::Full, "full"),
        (Order::Pause, "pause"),
        (Order::Resume, "resume"),
        (Order::Ignore, "ignore"),
        (Order::Help, "help"),
    ];

    /// Whether it asks for a review.
    pub fn is_review(self) -> bool {
        matches!(self, Order::Review | Order::Full | Order::Resume)
    }
}

/// How every command begins.
const NAME: &str = "/prudence";

/// The command that a comment begins with; `None` where it is not for us, and an error with the words that are no command.
pub fn parse(comment: &str) -> Option<Result<Order, String>> {
    let line = comment.trim_start().lines().next()?;
    let rest = line.strip_prefix(NAME).filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))?;
    let words = rest.trim();
    if words.is_empty() {
        return Some(Ok(Order::Help));
    }
    let found = Order::ALL.into_iter().find(|(_, word)| words.eq_ignore_ascii_case(word));
    Some(found.map(|(order, ..)| order).ok_or_else(|| words.to_owned()))
}

/// The list of commands, in Markdown.
pub fn help(words: &Words) -> String {
    let line = |(_, word): (Order, &str)| format!("\n| `{NAME} {word}` | {} |", words.command(word));
    let lines: String = Order::ALL.into_iter().map(line).collect();
    format!("{}\n\n{}{lines}", words.help, table_head(&words.help_columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_word_of_the_list() {
        assert_eq!(parse("/prudence review"), Some(Ok(Order::Review)));
        assert_eq!(parse("\n  /prudence   FULL \nbecause"), Some(Ok(Order::Full)));
        assert_eq!(parse("/prudence"), Some(Ok(Order::Help)));
        for (_, word) in Order::ALL {
            assert!(matches!(parse(&format!("/prudence {word}")), Some(Ok(_))), "{word}");
            for words in ["en", "vi"].map(Words::of) {
                let listed = format!("| `/prudence {word}` | {} |", words.command(word));
                assert!(help(words).contains(&listed) && words.command(word) != word, "{word}");
            }
        }
        for words in ["review --model gpt-5", "review full", "approve", "--help", "model=x", "reviews"] {
            assert_eq!(parse(&format!("/prudence {words}")), Some(Err(words.to_owned())));
        }
    }

    #[test]
    fn anything_else_is_not_for_us() {
        for text in ["", "looks good", "please /prudence review", "/prudencereview", "> /prudence review", "/review"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
