//! The document, and a readable page of it.
