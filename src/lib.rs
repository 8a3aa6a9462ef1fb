//! Menagerie.

pub mod domain;
pub mod wire;
