//! JSON, keys and headers exactly as the two brokers carry them.
//!
//! Sources: `docs/spec/pet-kafka.md` for [`kafka`], `docs/spec/character-events.md` for
//! [`nats`], `spec/rules.md` sections 2 to 4 for what they leave open. This module knows the
//! domain; the domain does not know it.

mod json;
pub mod kafka;
pub mod nats;
pub mod trace;

#[cfg(test)]
mod spec;
#[cfg(test)]
mod strategies;

pub use trace::TraceParent;
