//! How a run ends: the exit codes of the interface, in one place.

use std::process::ExitCode;

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Reviewed and delivered; nothing reaches `fail-on`.
    Clean = 0,
    /// Reviewed and delivered; something reaches `fail-on`.
    Findings = 1,
    /// Nothing was reviewed.
    Failed = 2,
    /// Reviewed in part.
    Incomplete = 3,
    /// Reviewed, but the result reached nobody.
    Undelivered = 4,
}

impl Exit {
    /// The code for a review that took place. When several hold, the first of undelivered, findings, incomplete wins.
    pub fn of_review(is_delivered: bool, reaches_gate: bool, is_complete: bool) -> Exit {
        match (is_delivered, reaches_gate, is_complete) {
            (false, _, _) => Exit::Undelivered,
            (true, true, _) => Exit::Findings,
            (true, false, false) => Exit::Incomplete,
            (true, false, true) => Exit::Clean,
        }
    }
}

/// How a run ends, as the output `conclusion` tells it to the steps behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// The whole change was reviewed and delivered; nothing reaches `fail-on`.
    Reviewed,
    /// The same, and something reaches `fail-on`.
    Gated,
    /// Some of the change could not be reviewed.
    Incomplete,
    /// The result reached no place that the author of the change can see.
    Undelivered,
    /// The request is one that is not reviewed.
    Skipped,
    /// Nothing was to be reviewed yet: other jobs will, by shards.
    Planned,
    /// Nothing was reviewed.
    Failed,
}

impl Conclusion {
    /// The conclusion that goes with an exit code; `is_skipped` where there was nothing to be reviewed.
    pub fn of(exit: Exit, is_skipped: bool) -> Conclusion {
        match exit {
            Exit::Clean if is_skipped => Conclusion::Skipped,
            Exit::Clean => Conclusion::Reviewed,
            Exit::Findings => Conclusion::Gated,
            Exit::Failed => Conclusion::Failed,
            Exit::Incomplete => Conclusion::Incomplete,
            Exit::Undelivered => Conclusion::Undelivered,
        }
    }

    /// The word of the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Conclusion::Reviewed => "reviewed",
            Conclusion::Gated => "gated",
            Conclusion::Incomplete => "incomplete",
            Conclusion::Undelivered => "undelivered",
            Conclusion::Skipped => "skipped",
            Conclusion::Planned => "planned",
            Conclusion::Failed => "failed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_first_that_holds_wins() {
        assert_eq!(Exit::of_review(false, true, false) as u8, 4);
        assert_eq!(Exit::of_review(true, true, false) as u8, 1);
        assert_eq!(Exit::of_review(true, false, false) as u8, 3);
        assert_eq!(Exit::of_review(true, false, true) as u8, 0);
        assert_eq!(Exit::Failed as u8, 2);
    }
}
