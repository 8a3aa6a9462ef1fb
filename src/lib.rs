//! Menagerie.

pub mod domain;
pub mod store;
