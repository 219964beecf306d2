//! The model client: the one place where requests to a model are made.
