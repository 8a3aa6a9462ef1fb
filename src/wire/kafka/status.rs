//! `EVENT_TOPIC_PET_STATUS`: the one topic we write.

mod decode;

use uuid::Uuid;

use crate::domain::pet::{Body, Event};

pub use decode::decode;

/// Appends one event, fields in the specification's order.
///
/// The hot path of everything we publish: it allocates only when `out` has to grow.
pub fn encode(event: &Event, out: &mut Vec<u8>) {
    number(out, r#"{"petId":"#, event.pet.0);
    number(out, r#","ownerId":"#, event.owner.0);
    word(out, r#","type":"#, event.body.name());
    out.extend_from_slice(br#","body":{"#);
    body(&event.body, out);
    out.extend_from_slice(b"}}");
}

fn body(body: &Body, out: &mut Vec<u8>) {
    match body {
        Body::Created | Body::Deleted => {}
        Body::Spawned { .. } | Body::Despawned { .. } => appearance(body, out),
        Body::CommandResponse { slot, closeness, fullness, command, success } => {
            number(out, r#""slot":"#, *slot);
            number(out, r#","closeness":"#, *closeness);
            number(out, r#","fullness":"#, *fullness);
            number(out, r#","commandId":"#, *command);
            out.extend_from_slice(br#","success":"#);
            out.extend_from_slice(if *success { b"true" } else { b"false" });
        }
        Body::ClosenessChanged { slot, closeness, amount, transaction } => {
            number(out, r#""slot":"#, *slot);
            number(out, r#","closeness":"#, *closeness);
            number(out, r#","amount":"#, *amount);
            uuid(out, r#","transactionId":"#, *transaction);
        }
        Body::FullnessChanged { slot, fullness, amount } => {
            number(out, r#""slot":"#, *slot);
            number(out, r#","fullness":"#, *fullness);
            number(out, r#","amount":"#, *amount);
        }
        Body::LevelChanged { slot, level, amount } => {
            number(out, r#""slot":"#, *slot);
            number(out, r#","level":"#, *level);
            number(out, r#","amount":"#, *amount);
        }
        Body::SlotChanged { old_slot, new_slot } => {
            number(out, r#""oldSlot":"#, *old_slot);
            number(out, r#","newSlot":"#, *new_slot);
        }
        Body::ExcludeChanged { items } => numbers(out, r#""items":"#, items),
    }
}

/// SPAWNED and DESPAWNED: the two that carry the pet's template and name.
fn appearance(body: &Body, out: &mut Vec<u8>) {
    let (Body::Spawned { template_id, name, slot, level, closeness, fullness, .. }
    | Body::Despawned { template_id, name, slot, level, closeness, fullness, .. }) = body
    else {
        return;
    };
    number(out, r#""templateId":"#, *template_id);
    text(out, r#","name":"#, name);
    number(out, r#","slot":"#, *slot);
    number(out, r#","level":"#, *level);
    number(out, r#","closeness":"#, *closeness);
    number(out, r#","fullness":"#, *fullness);
    match body {
        Body::Spawned { x, y, stance, fh, .. } => {
            number(out, r#","x":"#, *x);
            number(out, r#","y":"#, *y);
            number(out, r#","stance":"#, *stance);
            number(out, r#","fh":"#, *fh);
        }
        Body::Despawned { old_slot, reason, .. } => {
            number(out, r#","oldSlot":"#, *old_slot);
            word(out, r#","reason":"#, reason.name());
        }
        _ => {}
    }
}

fn number(out: &mut Vec<u8>, key: &str, value: impl itoa::Integer) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn numbers(out: &mut Vec<u8>, key: &str, values: &[u32]) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        number(out, if index == 0 { "" } else { "," }, *value);
    }
    out.push(b']');
}

/// `value` is one of our own words: nothing in it needs escaping.
fn word(out: &mut Vec<u8>, key: &str, value: &'static str) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    serde_json::to_writer(out, value).expect("writing to memory cannot fail");
}

fn uuid(out: &mut Vec<u8>, key: &str, value: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(key.as_bytes());
    out.push(b'"');
    out.extend_from_slice(value.hyphenated().encode_lower(&mut buffer).as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests;
