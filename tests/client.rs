//! The subscriber library against a real server: `MENAGERIE_TEST_NATS=nats://127.0.0.1:4222`, with
//! JetStream. Each test has a stream of its own, which takes other subjects than the engine's and
//! stores them as those, so that the tests disturb nobody and run side by side.

#![allow(clippy::unwrap_used)]

#[path = "../examples/friends_online.rs"]
mod friends_online;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "../examples/spatial_index.rs"]
mod spatial_index;
#[path = "../examples/time_to_level.rs"]
mod time_to_level;

#[path = "client/delivery.rs"]
mod delivery;
#[path = "client/examples.rs"]
mod examples;
#[path = "client/lasting.rs"]
mod lasting;
#[path = "client/sharing.rs"]
mod sharing;
#[path = "client/world.rs"]
mod world;
