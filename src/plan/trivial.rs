//! Hunks that need no reviewer, as a plan leaves them out.

use std::collections::BTreeMap;

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

/// The hunks of a change that need no reviewer, by the index of the file and of the hunk in it, and why.
pub type Trivial = BTreeMap<(usize, usize), Why>;
