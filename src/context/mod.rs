//! Code beyond the hunk.
