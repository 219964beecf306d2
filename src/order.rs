//! What people tell the bot to do, by a comment on the request.

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
    /// All of them, with what they do.
    pub const ALL: [(Order, &'static str, &'static str); 6] = [
        (Order::Review, "review", "reviews what is new, also a draft or a paused request"),
        (Order::Full, "full", "reviews the whole change again"),
        (Order::Pause, "pause", "stops the reviews of this request"),
        (Order::Resume, "resume", "takes them up again"),
        (Order::Ignore, "ignore", "dismisses all findings that stand; as a reply in a thread, the one of that thread"),
        (Order::Help, "help", "shows this list"),
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
    let found = Order::ALL.into_iter().find(|(_, word, _)| words.eq_ignore_ascii_case(word));
    Some(found.map(|(order, ..)| order).ok_or_else(|| words.to_owned()))
}

/// The list of commands, in Markdown.
pub fn help() -> String {
    let line = |(_, word, what): &(Order, &str, &str)| format!("| `{NAME} {word}` | {what} |");
    let lines: Vec<String> = Order::ALL.iter().map(line).collect();
    format!(
        "Prudence does as people with write access say in a comment that begins with one of these:\n\n| command | what it does |\n|---|---|\n{}",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_word_of_the_list() {
        assert_eq!(parse("/prudence review"), Some(Ok(Order::Review)));
        assert_eq!(parse("\n  /prudence   FULL \nbecause"), Some(Ok(Order::Full)));
        assert_eq!(parse("/prudence"), Some(Ok(Order::Help)));
        for (_, word, _) in Order::ALL {
            assert!(matches!(parse(&format!("/prudence {word}")), Some(Ok(_))), "{word}");
            assert!(help().contains(&format!("`/prudence {word}`")));
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
