//! Menagerie.

pub mod domain;
pub mod edge;
pub mod engine;
pub mod store;
pub mod wire;
