//! Menagerie.

pub mod domain;
pub mod store;
pub mod wire;
