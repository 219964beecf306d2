//! What a grammar knows of a file.
