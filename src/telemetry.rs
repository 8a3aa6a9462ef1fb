//! What the process says about itself.

pub mod logging;
pub mod mailbox;
pub mod metrics;
pub mod panics;
pub mod trace;
pub mod vitals;
