//! The AsyncAPI 3.0 document: which messages go where, with which headers and keys.

use serde_json::{Map, Value, json};

use super::{Direction, Published, published};
use crate::wire::nats::dead_letter;

mod headers;

/// A Kafka topic: its message, the default of its name and the setting that changes it.
struct Topic {
    message: &'static str,
    address: &'static str,
    setting: &'static str,
    description: &'static str,
}

const TOPICS: [Topic; 5] = [
    Topic {
        message: "pet.character-status",
        address: "EVENT_TOPIC_CHARACTER_STATUS",
        setting: "kafka.topics.character_status",
        description: "Characters log in and out, change maps and channels, are deleted. Other \
                      types are ignored.",
    },
    Topic {
        message: "pet.asset-status",
        address: "EVENT_TOPIC_ASSET_STATUS",
        setting: "kafka.topics.asset_status",
        description: "Items, of which pets are some, are created, moved and deleted. Other types \
                      are ignored.",
    },
    Topic {
        message: "pet.command",
        address: "COMMAND_TOPIC_PET",
        setting: "kafka.topics.pet_command",
        description: "Commands to pets.",
    },
    Topic {
        message: "pet.movement",
        address: "COMMAND_TOPIC_PET_MOVEMENT",
        setting: "kafka.topics.pet_movement",
        description: "Where pets are.",
    },
    Topic {
        message: "pet.status",
        address: "EVENT_TOPIC_PET_STATUS",
        setting: "kafka.topics.pet_status",
        description: "What happened to pets.",
    },
];

const DEAD_LETTER: &str = "character.dead-letter";

/// The document.
pub fn document() -> Value {
    let published = published();
    let (mut channels, mut operations) = (Map::new(), Map::new());
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for Published { name, direction, schema } in &published {
        schemas.insert((*name).to_owned(), embedded(schema));
        let (channel, message) = match TOPICS.iter().find(|topic| topic.message == *name) {
            Some(topic) => (topic_channel(topic), kafka_message(topic, *direction, schema)),
            None => (subject_channel(name), nats_message(name, schema)),
        };
        channels.insert((*name).to_owned(), channel);
        messages.insert((*name).to_owned(), message);
        operations.insert((*name).to_owned(), operation(name, *direction));
    }
    channels.insert(DEAD_LETTER.to_owned(), dead_letter_channel());
    messages.insert(DEAD_LETTER.to_owned(), dead_letter_message());
    schemas.insert(DEAD_LETTER.to_owned(), dead_letter_schema());
    operations.insert(DEAD_LETTER.to_owned(), operation(DEAD_LETTER, Direction::Written));
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:menagerie",
        "info": {
            "title": "Menagerie",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Character events on NATS JetStream, pets on Kafka.",
            "license": {"name": env!("CARGO_PKG_LICENSE")},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "description": "NATS with JetStream (`nats.url`).",
            },
            "kafka": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "Kafka (`kafka.bootstrap_servers`).",
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn reference(path: &str, name: &str) -> Value {
    json!({"$ref": format!("#/{path}/{name}")})
}

/// Of a schema what AsyncAPI's own schemas know: they have no dialect and no id.
fn embedded(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(keywords) = schema.as_object_mut() {
        keywords.retain(|keyword, _| keyword != "$schema" && keyword != "$id");
    }
    schema
}

fn operation(name: &str, direction: Direction) -> Value {
    let (action, title) = match direction {
        Direction::Written => ("send", format!("Publish {name}")),
        Direction::Read => ("receive", format!("Consume {name}")),
    };
    let mut operation = json!({
        "action": action,
        "title": title,
        "channel": reference("channels", name),
        "messages": [reference(&format!("channels/{name}/messages"), name)],
    });
    if direction == Direction::Read {
        operation["bindings"] = json!({"kafka": {
            "groupId": {"type": "string", "default": "menagerie"},
            "bindingVersion": "0.5.0",
        }});
    }
    operation
}

fn channel(name: &str, server: &str, address: &str, description: &str) -> Value {
    let mut messages = Map::new();
    messages.insert(name.to_owned(), reference("components/messages", name));
    json!({
        "address": address,
        "description": description,
        "servers": [reference("servers", server)],
        "messages": messages,
    })
}

fn subject_channel(subject: &str) -> Value {
    let description = "A subject of the stream CHARACTER_EVENTS (`nats.stream`): 30 days, 10 GiB, \
                       1,000,000 messages. Queue groups are durable pull consumers on it.";
    channel(subject, "nats", subject, description)
}

fn topic_channel(topic: &Topic) -> Value {
    let Topic { message, address, setting, description } = topic;
    let description = format!("{description} The name is set by {setting}, or by {address}.");
    let mut channel = channel(message, "kafka", address, &description);
    channel["bindings"] = json!({"kafka": {"bindingVersion": "0.5.0"}});
    channel
}

fn nats_message(name: &str, schema: &Value) -> Value {
    json!({
        "name": name,
        "title": name,
        "summary": schema["description"],
        "payload": reference("components/schemas", name),
        "headers": headers::nats(),
    })
}

fn kafka_message(topic: &Topic, direction: Direction, schema: &Value) -> Value {
    let name = topic.message;
    let mut message = json!({
        "name": name,
        "title": name,
        "summary": schema["description"],
        "payload": reference("components/schemas", name),
        "headers": headers::kafka(direction),
    });
    if direction == Direction::Written {
        message["bindings"] = json!({"kafka": {
            "key": {
                "type": "string",
                "format": "binary",
                "description": "The owner's id: 32 bits little-endian, then four zero bytes. \
                                Partitions by murmur2.",
                "minLength": 8,
                "maxLength": 8,
            },
            "bindingVersion": "0.5.0",
        }});
    }
    message
}

fn dead_letter_channel() -> Value {
    let description = "A subject of the stream CHARACTER_EVENTS_DLQ (`nats.dead_letter_stream`): \
                       90 days, 1 GiB, 100,000 messages.";
    let mut channel =
        channel(DEAD_LETTER, "nats", &dead_letter::subject("{original_subject}"), description);
    channel["parameters"] = json!({"original_subject": {
        "description": "The whole subject of the event, such as character.online.",
    }});
    channel
}

fn dead_letter_message() -> Value {
    json!({
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "An event that NATS refused three times.",
        "payload": reference("components/schemas", DEAD_LETTER),
    })
}

fn dead_letter_schema() -> Value {
    json!({
        "title": DEAD_LETTER,
        "type": "object",
        "properties": {
            "original_subject": {"type": "string"},
            "event": {
                "description": "The event as it was to be published; text if it was no JSON.",
            },
            "error": {"type": "string", "description": "The last refusal."},
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "When it was given up, UTC.",
            },
            "retry_count": {"type": "integer", "minimum": 1, "description": "Attempts made."},
        },
        "required": ["original_subject", "event", "error", "timestamp", "retry_count"],
    })
}
