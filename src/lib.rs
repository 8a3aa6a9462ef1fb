//! Menagerie.

pub mod domain;
