//! The numbers under which event types stand in outbox rows. Rows outlive a release, so the
//! lists only ever grow at their end.

use crate::domain::{character, pet};

/// Types of pet status events, as on Kafka.
pub const PET: [&str; 10] = [
    "CREATED",
    "DELETED",
    "SPAWNED",
    "DESPAWNED",
    "COMMAND_RESPONSE",
    "CLOSENESS_CHANGED",
    "FULLNESS_CHANGED",
    "LEVEL_CHANGED",
    "SLOT_CHANGED",
    "EXCLUDE_CHANGED",
];

/// Types of character events, which are their NATS subjects.
pub const CHARACTER: [&str; 10] = [
    "character.online",
    "character.offline",
    "character.position.updated",
    "character.deleted",
    "character.created",
    "character.restored",
    "character.selected",
    "character.stats.updated",
    "character.appearance.updated",
    "character.levelup",
];

/// The kind of a message for the dead letter topic: its payload is an
/// [`Original`](crate::engine::record::Original).
pub const DEAD_LETTER: u8 = 0x7f;

pub fn of_pet(event: &pet::Event) -> u8 {
    position(&PET, event.body.name())
}

pub fn of_character(event: &character::Event) -> u8 {
    position(&CHARACTER, event.body.name())
}

fn position(names: &[&str], name: &str) -> u8 {
    let position = names.iter().position(|known| *known == name);
    position.and_then(|p| u8::try_from(p).ok()).expect("every event type has a number")
}
