//! One character's actor from inside, for people.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::row::Actor;
use crate::cli::table::{Table, instant, or_dash, seconds, show_facts};

#[derive(Deserialize)]
pub(super) struct Inside {
    #[serde(flatten)]
    actor: Actor,
    uuid: Option<String>,
    round: Option<i64>,
    epoch: Option<i64>,
    version: Option<u64>,
    event_seq: Option<u64>,
    character: Option<Character>,
    #[serde(default)]
    pets: Vec<Pet>,
    next_due: Option<DateTime<Utc>>,
    #[serde(default)]
    progress: Vec<Progress>,
    #[serde(default)]
    messages: Vec<Message>,
}

/// Of the characters API's document, what is shown.
#[derive(Deserialize)]
struct Character {
    name: Option<String>,
    class_type: Option<String>,
    level: Option<u64>,
}

#[derive(Deserialize)]
struct Pet {
    id: u32,
    template_id: u32,
    name: String,
    level: u64,
    closeness: u64,
    fullness: u64,
    slot: i64,
    hungry: bool,
    expiration: Option<DateTime<Utc>>,
    #[serde(default)]
    excludes: Vec<Value>,
    /// Where it is, if it is out.
    x: Option<i64>,
    y: Option<i64>,
}

#[derive(Deserialize)]
struct Progress {
    topic: String,
    partition: i64,
    offset: i64,
}

#[derive(Deserialize)]
struct Message {
    at: DateTime<Utc>,
    message: String,
    wait_seconds: f64,
    duration_seconds: f64,
    outcome: String,
}

pub(super) fn show(inside: &Inside, out: &mut impl Write) -> io::Result<()> {
    show_facts(out, facts(inside))?;
    pets(&inside.pets).show_if_any(out)?;
    progress(&inside.progress).show_if_any(out)?;
    messages(&inside.messages).show_if_any(out)
}

fn facts(inside: &Inside) -> Vec<(&'static str, String)> {
    let Inside { actor, .. } = inside;
    let name = inside.character.as_ref().map(|character| {
        let Character { name, class_type, level } = character;
        let level = level.map(|level| format!("level {level}"));
        let words = [name.clone(), level, class_type.clone()];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let mailbox = format!(
        "{} of {}, {} at the most",
        actor.mailbox.messages, actor.mailbox.capacity, actor.mailbox.deepest
    );
    let location = actor.location.as_ref().map(|it| {
        format!(
            "world {}, channel {}, map {}, instance {}",
            it.world_id, it.channel_id, it.map_id, it.instance
        )
    });
    let error =
        actor.last_error.as_ref().map(|error| format!("{} {}", instant(error.at), error.message));
    vec![
        ("key", actor.key.clone()),
        ("uuid", or_dash(inside.uuid.as_ref())),
        ("character", or_dash(name)),
        ("state", actor.state.clone()),
        ("location", or_dash(location)),
        ("mailbox", mailbox),
        ("oldest wait", or_dash(actor.oldest_wait_seconds.map(seconds))),
        ("processed", format!("{}, {:.1}/s", actor.processed, actor.rate)),
        ("idle", or_dash(actor.idle_seconds.map(seconds))),
        ("last error", or_dash(error)),
        ("next due", or_dash(inside.next_due.map(instant))),
        ("epoch", or_dash(inside.epoch)),
        ("round", or_dash(inside.round)),
        ("version", or_dash(inside.version)),
        ("event seq", or_dash(inside.event_seq)),
    ]
}

fn pets(pets: &[Pet]) -> Table<11> {
    let mut table = Table::new([
        "PET",
        "TEMPLATE",
        "NAME",
        "LEVEL",
        "CLOSENESS",
        "FULLNESS",
        "SLOT",
        "AT",
        "HUNGRY",
        "EXCLUDES",
        "EXPIRES",
    ]);
    for pet in pets {
        table.push([
            pet.id.to_string(),
            pet.template_id.to_string(),
            pet.name.clone(),
            pet.level.to_string(),
            pet.closeness.to_string(),
            pet.fullness.to_string(),
            pet.slot.to_string(),
            or_dash(pet.x.zip(pet.y).map(|(x, y)| format!("{x},{y}"))),
            if pet.hungry { "yes" } else { "no" }.to_owned(),
            pet.excludes.len().to_string(),
            or_dash(pet.expiration.map(instant)),
        ]);
    }
    table
}

fn progress(progress: &[Progress]) -> Table<3> {
    let mut table = Table::new(["TOPIC", "PARTITION", "OFFSET"]);
    for Progress { topic, partition, offset } in progress {
        table.push([topic.clone(), partition.to_string(), offset.to_string()]);
    }
    table
}

fn messages(messages: &[Message]) -> Table<5> {
    let mut table = Table::new(["AT", "MESSAGE", "WAIT", "DURATION", "OUTCOME"]);
    for message in messages {
        table.push([
            instant(message.at),
            message.message.clone(),
            seconds(message.wait_seconds),
            seconds(message.duration_seconds),
            message.outcome.clone(),
        ]);
    }
    table
}
