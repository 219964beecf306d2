//! Hunks that need no reviewer, as a plan leaves them out.

/// Why a hunk needs no reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The same code, laid out anew.
    Formatting,
    /// The same imports, in another place or order.
    ImportsMoved,
}

impl Why {
    /// All of them.
    pub const ALL: [Why; 2] = [Why::Formatting, Why::ImportsMoved];

    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Formatting => "formatting",
            Why::ImportsMoved => "imports_moved",
        }
    }
}

/// A hunk that needs no reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trivial {
    /// Index of the file in the diff.
    pub file: usize,
    /// Index of the hunk in the file.
    pub hunk: usize,
    /// Why.
    pub why: Why,
}
