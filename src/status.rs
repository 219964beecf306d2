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
