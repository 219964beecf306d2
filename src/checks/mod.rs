//! Findings that need no model and no key.
