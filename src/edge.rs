//! The adapters: what the engine's ports are connected to.

pub mod embedded;
pub mod http;
pub mod kafka;
pub mod nats;
pub mod operations;
