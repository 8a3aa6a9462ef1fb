//! Character events.

use menagerie::domain::character::Stats;
use menagerie::domain::character::event::{Body, Event, Place};
use menagerie::wire::nats::event;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{assert_invalid, assert_valid, example};

const SPECIFICATION: &str = include_str!("../../docs/spec/character-events.md");

const NAMES: [&str; 10] = [
    "character.created",
    "character.deleted",
    "character.restored",
    "character.selected",
    "character.online",
    "character.offline",
    "character.position.updated",
    "character.stats.updated",
    "character.appearance.updated",
    "character.levelup",
];

fn specified(name: &str) -> Value {
    example(SPECIFICATION, &format!("#### `{name}`"))
}

#[test]
fn the_examples_of_the_specification_are_valid() {
    for name in NAMES {
        assert_valid(name, &specified(name));
    }
}

#[test]
fn each_field_of_the_examples_is_in_the_schema_and_no_other_is() {
    let published = menagerie::schema::published();
    for name in NAMES {
        let schema = &published.iter().find(|schema| schema.name == name).unwrap().schema;
        let fields = |object: &Value| -> Vec<String> {
            object.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(fields(&schema["properties"]), fields(&specified(name)), "{name}");
    }
}

#[test]
fn an_example_is_an_event_of_its_own_type_only() {
    for name in NAMES {
        for other in NAMES.iter().filter(|other| **other != name) {
            assert_invalid(other, &specified(name));
        }
    }
}

#[test]
fn a_missing_field_or_one_of_another_type_is_invalid() {
    for name in NAMES {
        let event = specified(name);
        for field in event.as_object().unwrap().keys() {
            let mut wrong = event.clone();
            wrong[field] = json!([[null]]);
            assert_invalid(name, &wrong);
            wrong.as_object_mut().unwrap().remove(field);
            // The first position of a character has none before it.
            if field != "previous_position" {
                assert_invalid(name, &wrong);
            }
        }
    }
}

#[test]
fn fields_of_a_later_version_are_allowed() {
    for name in NAMES {
        let mut event = specified(name);
        event["added_later"] = json!({"anything": [1, null]});
        if let Some(position) = event.get_mut("new_position") {
            position["heading"] = json!(90);
        }
        assert_valid(name, &event);
    }
}

fn bodies() -> Vec<Body> {
    let name = || Box::<str>::from("Ünïcode \"q\"");
    let place = || Place { world: "w".into(), zone: "z".into(), x: -1e7, y: 0.1, z: 1e7 };
    let stats = || Stats(vec![("strength".into(), u32::MAX), ("wisdom".into(), 0)]);
    vec![
        Body::Created {
            name: name(),
            class: "mage".into(),
            race: "elf".into(),
            gender: "other".into(),
            level: u16::MAX,
            slot: u8::MAX,
        },
        Body::Deleted { name: name(), reason: "retention".into(), soft: false },
        Body::Restored { name: name(), reason: "".into() },
        Body::Selected { name: name(), session: Uuid::nil(), ip: None },
        Body::Selected { name: name(), session: Uuid::nil(), ip: Some("::1".parse().unwrap()) },
        Body::Online { name: name(), session: Uuid::max(), world: "".into(), zone: "".into() },
        Body::Offline {
            name: name(),
            session: Uuid::nil(),
            online_nanos: u64::MAX,
            reason: "logout".into(),
        },
        Body::PositionUpdated { previous: None, new: place(), movement: "walk".into() },
        Body::PositionUpdated { previous: Some(place()), new: place(), movement: "fly".into() },
        Body::StatsUpdated {
            update: "stat_allocation",
            previous: stats(),
            new: stats(),
            changes: vec![("wisdom".into(), u32::MAX)],
        },
        Body::AppearanceUpdated { fields: vec!["hair".into()], reason: "shop".into() },
        Body::AppearanceUpdated { fields: vec![], reason: "shop".into() },
        Body::LevelUp {
            name: name(),
            previous: 0,
            new: u16::MAX,
            experience: u64::MAX,
            stat_points: u32::MAX,
            skill_points: 0,
        },
    ]
}

#[test]
fn what_the_encoder_writes_is_valid() {
    let mut seen = Vec::new();
    for body in bodies() {
        let at = chrono::DateTime::from_timestamp_micros(1_705_314_600_000_250).unwrap();
        let event = Event { character: Uuid::nil(), user: Uuid::max(), at, seq: 1, body };
        let payload = event::encode(Uuid::new_v4(), &event);
        assert_valid(event::subject(&event), &serde_json::from_slice(&payload).unwrap());
        seen.push(event::subject(&event));
    }
    seen.dedup();
    assert_eq!(seen, NAMES, "every type was written");
}
