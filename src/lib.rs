//! Menagerie.

pub mod domain;
pub mod config {
    pub mod catalog;
}
