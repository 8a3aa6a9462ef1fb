//! What the engine does, seen from outside: records and requests in; records, messages and
//! answers out. Each behaviour runs twice, on PostgreSQL, Apache Kafka and nats-server, and on
//! the embedded adapters.

#![allow(clippy::unwrap_used)]

/// Makes two tests of each behaviour: `real::…` and `embedded::…`.
macro_rules! behaviours {
    (in a shared engine: $($name:ident),+ $(,)?) => {
        mod real {
            $(#[tokio::test]
            async fn $name() {
                let world = crate::world::World::on(crate::engine::Backend::Real).await;
                if let Some(world) = world {
                    super::$name(world).await;
                }
            })+
        }
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                let world = crate::world::World::on(crate::engine::Backend::Embedded).await;
                super::$name(world.unwrap()).await;
            })+
        }
    };
    (in an engine of its own with $keys:expr; $($name:ident),+ $(,)?) => {
        mod real {
            $(#[tokio::test]
            async fn $name() {
                let setup = crate::engine::Setup::new(crate::engine::Backend::Real, &$keys).await;
                if let Some(setup) = setup {
                    super::$name(setup).await;
                }
            })+
        }
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                let setup = crate::engine::Setup::new(crate::engine::Backend::Embedded, &$keys);
                super::$name(setup.await.unwrap()).await;
            })+
        }
    };
}

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/stranger.rs"]
mod stranger;

#[path = "behaviour/admin.rs"]
mod admin;
#[path = "support/collector.rs"]
mod collector;

#[path = "behaviour/assets.rs"]
mod assets;
#[path = "behaviour/bad_input.rs"]
mod bad_input;
#[path = "behaviour/characters.rs"]
mod characters;
#[path = "behaviour/characters_deletion.rs"]
mod characters_deletion;
#[path = "behaviour/characters_events.rs"]
mod characters_events;
#[path = "behaviour/characters_history.rs"]
mod characters_history;
#[path = "behaviour/characters_kafka.rs"]
mod characters_kafka;
#[path = "behaviour/characters_kit.rs"]
mod characters_kit;
#[path = "behaviour/characters_limits.rs"]
mod characters_limits;
#[path = "behaviour/characters_lists.rs"]
mod characters_lists;
#[path = "behaviour/characters_memory.rs"]
mod characters_memory;
#[path = "behaviour/characters_players.rs"]
mod characters_players;
#[path = "behaviour/characters_races.rs"]
mod characters_races;
#[path = "behaviour/characters_refusals.rs"]
mod characters_refusals;
#[path = "behaviour/characters_repeats.rs"]
mod characters_repeats;
#[path = "behaviour/characters_routes.rs"]
mod characters_routes;
#[path = "behaviour/characters_sessions.rs"]
mod characters_sessions;
#[path = "behaviour/commands.rs"]
mod commands;
#[path = "behaviour/ears.rs"]
mod ears;
#[path = "behaviour/engine.rs"]
mod engine;
#[path = "behaviour/movement.rs"]
mod movement;
#[path = "behaviour/nats_service.rs"]
mod nats_service;
#[path = "behaviour/pets_api.rs"]
mod pets_api;
#[path = "behaviour/rejections.rs"]
mod rejections;
#[path = "behaviour/restart.rs"]
mod restart;
#[path = "behaviour/spawning.rs"]
mod spawning;
/// The specifications, as the unit tests read them.
#[allow(dead_code)]
#[path = "../src/wire/spec.rs"]
mod spec;
#[path = "behaviour/tenancy.rs"]
mod tenancy;
#[path = "behaviour/time.rs"]
mod time;
#[path = "behaviour/tracing.rs"]
mod tracing;
#[path = "behaviour/wire.rs"]
mod wire;
#[path = "behaviour/world.rs"]
mod world;
