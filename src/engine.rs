//! The actors and the ports they stand on.
//!
//! ```text
//! intake -> supervisor -> character actors -> committer -> SQL
//!                                                |-> answers, offsets
//!                                                |-> kafka outbox, nats outbox
//! requests, clockwork -> supervisor
//! ```

pub mod character;
pub mod clockwork;
pub mod committer;
pub mod credits;
pub mod handle;
pub mod health;
pub mod hold;
pub mod numbers;
pub mod outbox;
pub mod port;
pub mod pulse;
pub mod record;
pub mod registry;
pub mod request;
pub mod roll;
pub mod round;
pub mod series;
pub mod shard;
pub mod spans;
pub mod supervisor;
pub mod tenants;
pub mod watch;
