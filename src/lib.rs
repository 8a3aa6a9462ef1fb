//! Menagerie.

// It panics when standard output is closed; verbs write to `cli::out`.
#![warn(clippy::print_stdout)]

pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod edge;
pub mod engine;
pub mod faults;
pub mod schema;
pub mod sidecar;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod wire;
