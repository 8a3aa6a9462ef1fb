//! Headers of both brokers (`spec/rules.md` sections 3 and 4).

use serde_json::{Value, json};

use crate::schema::Direction;
use crate::wire::kafka::headers as kafka_names;
use crate::wire::nats::headers as nats_names;

const TRACEPARENT: &str = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$";

pub(super) fn nats() -> Value {
    json!({
        "type": "object",
        "properties": {
            nats_names::MSG_ID: uuid("The event's id; JetStream drops a second message with it."),
            nats_names::TENANT_ID: uuid("The tenant."),
            nats_names::REGION: {"type": "string", "minLength": 1},
            nats_names::MAJOR_VERSION: decimal("Of the tenant."),
            nats_names::MINOR_VERSION: decimal("Of the tenant."),
            nats_names::CHARACTER_SEQ: decimal(
                "The character's own number of the event, from 1, without gaps."
            ),
            nats_names::TRACEPARENT: traceparent(),
        },
        "required": [
            nats_names::MSG_ID,
            nats_names::TENANT_ID,
            nats_names::REGION,
            nats_names::MAJOR_VERSION,
            nats_names::MINOR_VERSION,
            nats_names::CHARACTER_SEQ,
        ],
    })
}

pub(super) fn kafka(direction: Direction) -> Value {
    let mut required = vec![
        kafka_names::TENANT_ID,
        kafka_names::REGION,
        kafka_names::MAJOR_VERSION,
        kafka_names::MINOR_VERSION,
    ];
    let mut properties = json!({
        kafka_names::TENANT_ID: uuid("The tenant."),
        kafka_names::REGION: {"type": "string", "minLength": 1, "maxLength": 64},
        kafka_names::MAJOR_VERSION: two_bytes(),
        kafka_names::MINOR_VERSION: two_bytes(),
        kafka_names::TRACEPARENT: traceparent(),
        kafka_names::TRACESTATE: {
            "type": "string",
            "maxLength": 512,
            "description": "W3C trace context.",
        },
        kafka_names::ENVIRONMENT: {
            "type": "string",
            "description": "Comes back, byte for byte, in what a record causes.",
        },
    });
    if direction == Direction::Written {
        properties[kafka_names::EVENT_ID] = uuid("The same in every copy of the event.");
        required.push(kafka_names::EVENT_ID);
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn uuid(description: &str) -> Value {
    json!({"type": "string", "format": "uuid", "description": description})
}

fn decimal(description: &str) -> Value {
    json!({"type": "string", "pattern": "^[0-9]+$", "description": description})
}

fn two_bytes() -> Value {
    json!({
        "type": "string",
        "format": "binary",
        "minLength": 2,
        "maxLength": 2,
        "description": "Of the tenant: 16 bits, big endian.",
    })
}

fn traceparent() -> Value {
    json!({"type": "string", "pattern": TRACEPARENT, "description": "W3C trace context."})
}
