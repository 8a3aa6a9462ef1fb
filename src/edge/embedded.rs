//! Adapters that need no service: everything lives in this process and ends with it.

pub mod event_log;
pub mod fault;
pub mod kafka;
pub mod subject;
