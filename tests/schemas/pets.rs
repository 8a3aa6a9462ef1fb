//! The messages of the Kafka topics.

use menagerie::domain::character::{Asset, AssetChange, Status, StatusChange};
use menagerie::domain::owner;
use menagerie::domain::pet::{self, Body, DespawnReason, Order};
use menagerie::domain::{CharacterId, PetId};
use menagerie::schema::pet as typed;
use menagerie::wire::kafka::movement::MovementRecord;
use menagerie::wire::kafka::{self, status};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{assert_invalid, assert_valid, example};

const SPECIFICATION: &str = include_str!("../../docs/spec/pet-kafka.md");

/// The rows of the type table below a heading: each type with its body's fields.
fn types(heading: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, section) = SPECIFICATION.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, table) = section.split_once("| Type |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (name, fields) = (cells.next().unwrap(), cells.next().unwrap());
        let fields = fields.split(", ").map(|field| field.split(' ').next().unwrap());
        (name, fields.filter(|field| *field != "none").collect())
    })
    .collect()
}

/// A value of a field's type, where the specification gives none.
fn sample(field: &str) -> Value {
    match field {
        "instance" | "oldInstance" | "targetInstance" | "transactionId" => json!(Uuid::nil()),
        "name" => json!("Kitty"),
        "lead" | "byName" | "success" => json!(true),
        "items" => json!([2_000_000]),
        "reason" => json!("HUNGER"),
        _ => json!(1),
    }
}

/// The specification's example below a heading, once for each type of its table.
fn examples(heading: &str) -> Vec<Value> {
    let example = example(SPECIFICATION, heading);
    let one = |(name, fields): (&str, Vec<&str>)| {
        let mut example = example.clone();
        let named = example["type"].as_str().unwrap().split('|').any(|other| other == name);
        assert!(named, "{name} is not in the example");
        example["type"] = name.into();
        let body = fields.into_iter().map(|field| (field.to_owned(), sample(field)));
        example["body"] = body.collect::<Map<_, _>>().into();
        example
    };
    types(heading).into_iter().map(one).collect()
}

const WITH_TYPES: [(&str, &str, usize); 3] = [
    ("pet.character-status", "### Character Status Event (Consumed)", 5),
    ("pet.command", "### Pet Command (Consumed)", 7),
    ("pet.status", "### Pet Status Event (Produced)", 10),
];

const WITHOUT: [(&str, &str); 2] = [
    ("pet.asset-status", "### Asset Status Event (Consumed)"),
    ("pet.movement", "### Pet Movement Command (Consumed)"),
];

fn all_examples() -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for (name, heading, num_types) in WITH_TYPES {
        let examples = examples(heading);
        assert_eq!(examples.len(), num_types);
        all.extend(examples.into_iter().map(|example| (name, example)));
    }
    all.extend(WITHOUT.map(|(name, heading)| (name, example(SPECIFICATION, heading))));
    all
}

#[test]
fn the_examples_of_the_specification_are_valid() {
    for (name, example) in all_examples() {
        assert_valid(name, &example);
    }
}

#[test]
fn further_fields_are_allowed() {
    for (name, mut example) in all_examples() {
        example["addedLater"] = json!([null]);
        if let Some(body) = example.get_mut("body") {
            body["addedLater"] = json!({});
        }
        assert_valid(name, &example);
    }
}

#[test]
fn a_field_out_of_its_range_is_invalid() {
    for (name, field, value) in [
        ("pet.command", "/body/amount", json!(65_536)),
        ("pet.command", "/body/commandId", json!(256)),
        ("pet.command", "/petId", json!(4_294_967_296_u64)),
        ("pet.movement", "/x", json!(32_768)),
        ("pet.movement", "/instance", json!("here")),
        ("pet.asset-status", "/slot", json!(1.5)),
        ("pet.character-status", "/type", json!("FLOWN")),
        ("pet.status", "/body/reason", json!("BORED")),
        ("pet.status", "/ownerId", json!(-1)),
    ] {
        let mut found = 0;
        for (other, mut example) in all_examples() {
            if other == name
                && let Some(place) = example.pointer_mut(field)
            {
                *place = value.clone();
                assert_invalid(name, &example);
                found += 1;
            }
        }
        assert!(found > 0, "{name} {field}");
    }
}

fn pet_events() -> Vec<pet::Event> {
    let name = || Box::<str>::from("Kitty \"q\"");
    let (slot, level, closeness, fullness) = (i8::MIN, u8::MAX, u16::MAX, u8::MAX);
    let reasons = [DespawnReason::Normal, DespawnReason::Hunger, DespawnReason::Expired];
    let mut bodies = vec![
        Body::Created,
        Body::Deleted,
        Body::Spawned {
            template_id: u32::MAX,
            name: name(),
            slot,
            level,
            closeness,
            fullness,
            x: i16::MIN,
            y: i16::MAX,
            stance: u8::MAX,
            fh: i16::MIN,
        },
        Body::CommandResponse { slot, closeness, fullness, command: u8::MAX, success: false },
        Body::ClosenessChanged { slot, closeness, amount: i16::MIN, transaction: Uuid::nil() },
        Body::FullnessChanged { slot, fullness, amount: i8::MIN },
        Body::LevelChanged { slot, level, amount: i8::MAX },
        Body::SlotChanged { old_slot: i8::MIN, new_slot: i8::MAX },
        Body::ExcludeChanged { items: [u32::MAX].into() },
        Body::ExcludeChanged { items: [].into() },
    ];
    let (template_id, old_slot) = (0, 0);
    bodies.extend(reasons.map(|reason| Body::Despawned {
        template_id,
        name: name(),
        slot,
        level,
        closeness,
        fullness,
        old_slot,
        reason,
    }));
    let event = |body| pet::Event { pet: PetId(u32::MAX), owner: CharacterId(0), body };
    bodies.into_iter().map(event).collect()
}

#[test]
fn what_the_status_encoder_writes_is_valid_and_reads_as_its_type() {
    for event in pet_events() {
        let mut out = Vec::new();
        status::encode(&event, &mut out);
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_valid("pet.status", &value);
        let read: typed::Status = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }
}

#[test]
fn what_the_encoders_of_the_other_topics_write_is_valid_too() {
    let character = CharacterId(u32::MAX);
    let (channel, map, instance) = (u8::MAX, u32::MAX, Uuid::max());
    for change in [
        StatusChange::Login { channel, map, instance },
        StatusChange::Logout,
        StatusChange::MapChanged { channel, map, instance, target: Some((i16::MIN, i16::MAX)) },
        StatusChange::MapChanged { channel, map, instance, target: None },
        StatusChange::ChannelChanged { channel, map, instance },
        StatusChange::Deleted,
    ] {
        let at = chrono::DateTime::UNIX_EPOCH;
        let status = Status { transaction: Uuid::nil(), world: 0, at, change };
        check("pet.character-status", &kafka::encode_status(character, &status));
    }
    for change in [
        AssetChange::Recorded { name: "CREATED", pet: PetId(1) },
        AssetChange::Recorded { name: "UPDATED", pet: PetId(1) },
        AssetChange::Recorded { name: "ACCEPTED", pet: PetId(1) },
        AssetChange::Moved { old_slot: Some(i16::MIN) },
        AssetChange::Deleted,
    ] {
        let asset = Asset { asset: u32::MAX, template_id: 5_000_017, slot: i16::MIN, change };
        check("pet.asset-status", &kafka::encode_asset(character, &asset));
    }
    for order in [
        Order::Spawn { lead: true },
        Order::Despawn,
        Order::Attempt { command: u8::MAX },
        Order::AwardCloseness { amount: u16::MAX },
        Order::AwardFullness { amount: u8::MAX },
        Order::AwardLevel { amount: u8::MAX },
        Order::Exclude { items: [1, 2].into() },
    ] {
        let (transaction, pet) = (Uuid::nil(), PetId(1));
        let command = pet::Command { transaction, actor: character, pet, order };
        check("pet.command", &kafka::encode_command(&command));
    }
    for fh in [None, Some(i16::MIN)] {
        let (pet, world, stance) = (PetId(1), 0, u8::MAX);
        let (x, y) = (i16::MIN, i16::MAX);
        let movement = owner::Movement { pet, world, channel, map, instance, x, y, stance, fh };
        let record = MovementRecord { observer: character, movement };
        check("pet.movement", &kafka::encode_movement(&record));
    }
}

#[track_caller]
fn check(name: &str, record: &[u8]) {
    assert_valid(name, &serde_json::from_slice(record).unwrap());
}

#[test]
fn what_the_types_write_is_what_the_engine_reads() {
    let command = typed::Command {
        transaction_id: None,
        actor_id: None,
        pet_id: 7,
        order: typed::Order::AttemptCommand { command_id: 3, by_name: None },
    };
    let read = kafka::command::decode(&serde_json::to_vec(&command).unwrap()).unwrap();
    assert_eq!((read.pet, read.actor), (PetId(7), CharacterId(0)));
    assert_eq!(read.order, Order::Attempt { command: 3 });
}
