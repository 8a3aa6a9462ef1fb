//! Menagerie.

pub mod domain;
pub mod edge;
pub mod engine;
