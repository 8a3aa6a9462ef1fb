//! The actors and the ports they stand on.

pub mod port;
