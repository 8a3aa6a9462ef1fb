//! The AsyncAPI document.

use menagerie::schema::{self, Direction, asyncapi};
use serde_json::{Value, json};

/// Calls `visit` with each value of a key, anywhere.
fn each<'a>(value: &'a Value, key: &str, visit: &mut impl FnMut(&'a Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == key {
                    visit(value);
                }
                each(value, key, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each(item, key, visit)),
        _ => {}
    }
}

#[test]
fn each_reference_leads_somewhere() {
    let document = asyncapi::document();
    let mut num_references = 0;
    each(&document, "$ref", &mut |reference| {
        let path = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(path).is_some(), "{path}");
        num_references += 1;
    });
    assert!(num_references > 60, "{num_references}");
}

#[test]
fn each_message_has_a_channel_and_an_operation_in_its_direction() {
    let document = asyncapi::document();
    for published in schema::published() {
        let name = published.name;
        let channel = &document["channels"][name];
        assert!(channel["address"].is_string(), "{name}");
        let action = match published.direction {
            Direction::Written => "send",
            Direction::Read => "receive",
        };
        assert_eq!(document["operations"][name]["action"], action, "{name}");
        assert!(document["components"]["messages"][name]["headers"].is_object(), "{name}");
    }
    assert_eq!(document["asyncapi"], "3.0.0");
}

#[test]
fn an_event_goes_to_its_own_subject_and_a_topic_has_the_default_name() {
    let document = asyncapi::document();
    let address = |name: &str| document["channels"][name]["address"].clone();
    assert_eq!(address("character.position.updated"), "character.position.updated");
    assert_eq!(address("pet.status"), "EVENT_TOPIC_PET_STATUS");
    assert_eq!(address("character.dead-letter"), "character.dlq.{original_subject}");
}

#[test]
fn the_headers_of_an_event_are_those_that_are_sent() {
    use menagerie::domain::{Tenant, TenantId};
    use menagerie::wire::TraceParent;
    let tenant = Tenant { id: TenantId(uuid()), region: "GMS".into(), major: 83, minor: 1 };
    let trace = TraceParent { trace_id: [1; 16], span_id: [2; 8], flags: 1 };
    let sent: serde_json::Map<_, _> =
        menagerie::wire::nats::headers::of(uuid(), 7, &tenant, Some(trace))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
    let document = asyncapi::document();
    let schema = &document["components"]["messages"]["character.online"]["headers"];
    let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    assert!(validator.is_valid(&Value::Object(sent.clone())));
    assert_eq!(schema["properties"].as_object().unwrap().len(), sent.len());
}

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(7)
}

#[test]
fn a_dead_letter_is_as_its_schema_says() {
    use menagerie::wire::nats::dead_letter::{DeadLetter, encode};
    let letter = encode(&DeadLetter {
        original_subject: "character.online",
        event: b"{\"a\":1}",
        error: "no space",
        at: chrono::DateTime::UNIX_EPOCH,
        num_attempts: 3,
    });
    let document = asyncapi::document();
    let schema = &document["components"]["schemas"]["character.dead-letter"];
    let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    assert!(validator.is_valid(&serde_json::from_slice(&letter).unwrap()));
    assert!(!validator.is_valid(&json!({"original_subject": "character.online"})));
}

#[test]
fn what_is_produced_on_kafka_has_a_key() {
    let document = asyncapi::document();
    let key = &document["components"]["messages"]["pet.status"]["bindings"]["kafka"]["key"];
    assert_eq!(key["maxLength"], menagerie::wire::kafka::key(1).len());
}
