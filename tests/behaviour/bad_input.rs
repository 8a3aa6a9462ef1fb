//! Records that can never succeed: one dead letter each, and the partition goes on.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::ears::{self, Shelf, Told};
use super::engine::{LOOK_EVERY, PANICKING, SOON, Setup};
use super::world::{MAP, Topic, World, event};

const OWNER: u32 = 12_345;
/// Where the dead letters of the engines below go as well.
const DEAD_LETTERS: &str = "behaviour.dead-letters";
const MAX_RECORD_BYTES: usize = 65_536;

mod alone {
    behaviours! {
        in an engine of its own with
        [("kafka.max_record_bytes", "65536"), ("kafka.dead_letter_topic", "behaviour.dead-letters")];
        a_dead_letter_also_goes_to_its_topic,
        a_record_larger_than_allowed_is_a_dead_letter,
        a_record_too_large_for_the_dead_letter_topic_holds_nothing_up,
        a_character_whose_row_cannot_be_read_stops_nobody_else,
    }

    use super::{
        a_character_whose_row_cannot_be_read_stops_nobody_else,
        a_dead_letter_also_goes_to_its_topic, a_record_larger_than_allowed_is_a_dead_letter,
        a_record_too_large_for_the_dead_letter_topic_holds_nothing_up,
    };
}

behaviours! {
    in a shared engine:
    a_bad_command_is_a_dead_letter_with_its_bytes,
    a_bad_record_of_any_topic_is_a_dead_letter,
    a_record_without_a_readable_tenant_is_a_dead_letter,
    extra_fields_and_absent_ones_that_have_a_default_are_fine,
    a_command_that_panics_twice_is_a_dead_letter_and_the_others_apply,
    who_was_online_stays_so_after_a_command_that_panics,
}

fn bad_commands(pet: u32) -> Vec<(&'static str, Vec<u8>)> {
    let command = |kind: &str, body: Value| {
        json!({ "actorId": OWNER, "petId": pet, "type": kind, "body": body }).to_string()
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let texts = [
        ("malformed", String::new()),
        ("malformed", "{".into()),
        ("malformed", "null".into()),
        ("malformed", "[]".into()),
        ("malformed", "\"SPAWN\"".into()),
        ("malformed", nested(100_000)),
        ("malformed", format!("{{\"petId\":{pet},\"type\":\"DESPAWN\",\"x\":{}}}", nested(10_000))),
        ("malformed", json!({ "petId": pet.to_string(), "type": "DESPAWN" }).to_string()),
        ("malformed", json!({ "petId": -1, "type": "DESPAWN" }).to_string()),
        ("malformed", json!({ "petId": 4_294_967_296_u64, "type": "DESPAWN" }).to_string()),
        ("malformed", json!({ "petId": pet, "type": "DESPAWN", "actorId": 1.5 }).to_string()),
        ("malformed", json!({ "type": "DESPAWN" }).to_string()),
        ("malformed", json!({ "petId": pet }).to_string()),
        ("malformed", json!({ "petId": pet, "type": 7 }).to_string()),
        ("malformed", json!({ "petId": pet, "type": "DESPAWN", "transactionId": "x" }).to_string()),
        ("malformed", command("AWARD_FULLNESS", json!({ "amount": 300 }))),
        ("malformed", command("AWARD_FULLNESS", json!({ "amount": -1 }))),
        ("malformed", command("AWARD_LEVEL", json!({ "amount": 256 }))),
        ("malformed", command("AWARD_CLOSENESS", json!({ "amount": 65_536 }))),
        ("malformed", command("AWARD_CLOSENESS", json!({ "amount": 0.5 }))),
        ("malformed", command("AWARD_CLOSENESS", json!({ "amount": "1" }))),
        ("malformed", command("AWARD_CLOSENESS", json!({}))),
        ("malformed", command("AWARD_CLOSENESS", json!([1]))),
        ("malformed", command("SPAWN", json!({ "lead": "yes" }))),
        ("malformed", command("ATTEMPT_COMMAND", json!({ "commandId": 256 }))),
        ("malformed", command("EXCLUDE", json!({ "items": [-1] }))),
        ("malformed", command("EXCLUDE", json!({ "items": "all" }))),
        ("unknown_type", command("DANCE", json!({}))),
        ("unknown_type", command("award_closeness", json!({ "amount": 1 }))),
    ];
    let mut all: Vec<_> =
        texts.into_iter().map(|(reason, text)| (reason, text.into_bytes())).collect();
    all.push(("malformed", vec![0xff, 0xfe, 0]));
    all.push(("malformed", b"{\"petId\":1,\"type\":\"\xff\"}".to_vec()));
    all
}

async fn a_bad_command_is_a_dead_letter_with_its_bytes(world: World) {
    let pet = world.pet(OWNER).await;
    let before = world.look_up(pet).await;
    let bad = bad_commands(pet);
    for (_, bytes) in &bad {
        world.send_bytes(Topic::PetCommand, Some(bytes), &world.headers());
    }
    world.send_bytes(Topic::PetCommand, None, &world.headers());
    assert_eq!(world.told(pet).await, []);
    assert_eq!(world.look_up(pet).await, before);
    let letters = world.letters(bad.len() + 1).await;
    let expected = bad.iter().map(|(reason, bytes)| (*reason, bytes.as_slice()));
    let expected: Vec<_> = expected.chain([("malformed", &b""[..])]).collect();
    let found: Vec<_> =
        letters.iter().map(|letter| (&*letter.reason, letter.payload.as_slice())).collect();
    assert_eq!(found, expected);
    let headers: Vec<_> =
        world.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for letter in letters {
        assert_eq!(&*letter.topic, &*world.engine.kafka.topics.pet_command);
        assert_eq!(letter.key.as_deref(), Some(&b"any key"[..]));
        assert_eq!(letter.headers, headers);
        assert!(!letter.detail.is_empty(), "{letter:?}");
    }
}

async fn a_bad_record_of_any_topic_is_a_dead_letter(world: World) {
    let bad = [
        (Topic::CharacterStatus, json!({ "characterId": OWNER, "type": "LOGIN" })),
        (Topic::CharacterStatus, json!({ "worldId": 256, "characterId": OWNER, "type": "LOGOUT" })),
        (
            Topic::CharacterStatus,
            json!({
                "worldId": 0, "characterId": OWNER, "type": "LOGIN",
                "body": { "channelId": 1, "mapId": "here" },
            }),
        ),
        (Topic::AssetStatus, json!({ "characterId": OWNER, "type": "DELETED" })),
        (
            Topic::AssetStatus,
            json!({
                "characterId": OWNER, "assetId": 1, "templateId": 5_000_017, "slot": 70_000,
                "type": "DELETED",
            }),
        ),
        (Topic::PetMovement, json!({ "objectId": 1, "observerId": OWNER })),
        (
            Topic::PetMovement,
            json!({
                "worldId": 0, "channelId": 1, "mapId": 1, "objectId": 1, "observerId": OWNER,
                "x": 40_000, "y": 0, "stance": 0,
            }),
        ),
    ];
    for (topic, record) in &bad {
        world.send(*topic, record);
    }
    let letters = world.letters(bad.len()).await;
    assert_eq!(letters.len(), bad.len());
    for (topic, record) in &bad {
        let bytes = record.to_string().into_bytes();
        let found: Vec<_> = letters.iter().filter(|letter| letter.payload == bytes).collect();
        assert_eq!(found.len(), 1, "{topic:?} {record}");
        assert_eq!(found[0].reason, "malformed");
    }
    // Every partition goes on.
    let pet = world.pet(OWNER).await;
    world.login(OWNER).await;
    world.asset(OWNER, 1, 5_000_017, 1, "DELETED", json!({}));
    assert_eq!(world.announced("DELETED", 1).await, [event(pet, "DELETED", json!({}))]);
}

async fn a_record_without_a_readable_tenant_is_a_dead_letter(world: World) {
    let pet = world.pet(OWNER).await;
    let good = world.headers();
    let without = |name: &str| -> Vec<(&str, Vec<u8>)> {
        good.iter().filter(|(key, _)| *key != name).cloned().collect()
    };
    let with = |name: &'static str, value: &[u8]| {
        let mut headers = without(name);
        headers.push((name, value.to_vec()));
        headers
    };
    let bad = [
        vec![],
        without("TENANT_ID"),
        with("TENANT_ID", b"nobody"),
        with("TENANT_ID", b"\xff\xff"),
        with("MAJOR_VERSION", b"\0"),
        with("MINOR_VERSION", b"\0\0\x01"),
    ];
    // The transaction tells these letters from those of others without a tenant.
    let transactions: Vec<_> = bad
        .iter()
        .map(|headers| {
            let transaction = uuid::Uuid::new_v4();
            let record = json!({
                "transactionId": transaction, "petId": pet, "type": "AWARD_LEVEL",
                "body": { "amount": 1 },
            });
            let record = record.to_string();
            world.send_bytes(Topic::PetCommand, Some(record.as_bytes()), headers);
            transaction.to_string()
        })
        .collect();
    assert_eq!(world.told(pet).await, []);
    let stored = world.engine.store.dead_letters(Default::default(), 10_000).await.unwrap();
    for (transaction, headers) in transactions.iter().zip(&bad) {
        let found: Vec<_> = stored
            .iter()
            .filter(|stored| String::from_utf8_lossy(&stored.letter.payload).contains(transaction))
            .collect();
        assert_eq!(found.len(), 1, "{headers:?}");
        assert_eq!(found[0].letter.reason, "missing_tenant", "{headers:?}");
        assert_eq!(found[0].letter.tenant, None);
    }
}

async fn extra_fields_and_absent_ones_that_have_a_default_are_fine(world: World) {
    let pet = world.pet(OWNER).await;
    let record = json!({
        "petId": pet, "type": "AWARD_LEVEL", "body": { "amount": 1, "why": { "deep": [1] } },
        "issuedBy": "quest", "transactionId": null,
    });
    world.send(Topic::PetCommand, &record);
    world.send(Topic::PetCommand, &json!({ "petId": pet, "type": "SPAWN", "actorId": OWNER }));
    let events = world.told(pet).await;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["LEVEL_CHANGED", "SLOT_CHANGED", "SPAWNED"]);
}

async fn a_command_that_panics_twice_is_a_dead_letter_and_the_others_apply(world: World) {
    let (pet, other) = (world.pet(OWNER).await, world.pet(OWNER + 1).await);
    let award = |pet: u32| world.order(0, pet, "AWARD_LEVEL", json!({ "amount": 1 }));
    let bad = json!({
        "transactionId": PANICKING, "petId": pet, "type": "AWARD_LEVEL", "body": { "amount": 1 },
    });
    for _ in 0..3 {
        award(pet);
        award(other);
    }
    world.send(Topic::PetCommand, &bad);
    for _ in 0..3 {
        award(other);
        award(pet);
    }
    for pet in [pet, other] {
        let levels: Vec<Value> =
            world.told(pet).await.into_iter().map(|event| event.body["level"].clone()).collect();
        assert_eq!(levels, [2, 3, 4, 5, 6, 7].map(Value::from), "pet {pet}");
        assert_eq!(world.look_up(pet).await.unwrap()["level"], 7);
    }
    let letters = world.letters(1).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "panic");
    assert_eq!(letters[0].payload, bad.to_string().into_bytes());
}

async fn a_record_larger_than_allowed_is_a_dead_letter(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let around: usize = world.headers().iter().map(|(name, value)| name.len() + value.len()).sum();
    let of_size = |size: usize| {
        let record = json!({ "petId": pet, "type": "AWARD_LEVEL", "body": { "amount": 1 } });
        let mut record = record.to_string();
        record.push_str(&" ".repeat(size - record.len() - around - "any key".len()));
        world.send_bytes(Topic::PetCommand, Some(record.as_bytes()), &world.headers());
    };
    of_size(MAX_RECORD_BYTES);
    of_size(MAX_RECORD_BYTES + 1);
    let body = json!({ "slot": -1, "level": 2, "amount": 1 });
    assert_eq!(world.told(pet).await, [event(pet, "LEVEL_CHANGED", body)]);
    let letters = world.letters(1).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "oversize");
    assert_eq!(letters[0].payload.len(), MAX_RECORD_BYTES + 1 - around - "any key".len());
}

/// Its copy is larger than what a producer sends at most: the letter in SQL is enough.
async fn a_record_too_large_for_the_dead_letter_topic_holds_nothing_up(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let huge = vec![b'x'; 1_000_000];
    world.send_bytes(Topic::PetCommand, Some(&huge), &world.headers());
    let mut headers = world.headers();
    headers.push(("ENVIRONMENT", vec![b'e'; 5_000]));
    let award = json!({ "petId": pet, "type": "AWARD_LEVEL", "body": { "amount": 1 } });
    world.send_bytes(Topic::PetCommand, Some(award.to_string().as_bytes()), &headers);
    world.send(Topic::PetCommand, &award);
    let body = json!({ "slot": -1, "level": 2, "amount": 1 });
    assert_eq!(world.told(pet).await, [event(pet, "LEVEL_CHANGED", body)]);
    let letters = world.letters(2).await;
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.reason == "oversize"));
    assert_eq!(letters[0].payload, huge);
}

async fn a_dead_letter_also_goes_to_its_topic(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let shelf = Arc::new(Shelf::<Told>::default());
    let _reading = ears::read_topic(&engine.kafka, DEAD_LETTERS, &shelf);
    world.send_bytes(Topic::PetCommand, Some(b"{\"petId\":}"), &world.headers());
    let letters = shelf.once(&world.tenant, |all| !all.is_empty()).await;
    let letter = &letters[0];
    assert_eq!(letter.text, "{\"petId\":}");
    assert_eq!(letter.key, b"any key");
    assert_eq!(letter.header("REGION"), Some(&b"GMS"[..]));
    assert_eq!(letter.header("dead-letter-reason"), Some(&b"malformed"[..]));
    let topic = engine.kafka.topics.pet_command.as_bytes();
    assert_eq!(letter.header("dead-letter-topic"), Some(topic));
    assert_eq!(letter.header("dead-letter-offset"), Some(&b"0"[..]));
    assert_eq!(world.letters(1).await.len(), 1);
}

async fn who_was_online_stays_so_after_a_command_that_panics(world: World) {
    let pet = world.pet(OWNER).await;
    world.login(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.told(pet).await;
    let bad = json!({
        "transactionId": PANICKING, "petId": pet, "type": "AWARD_LEVEL", "body": { "amount": 1 },
    });
    world.send(Topic::PetCommand, &bad);
    world.letters(1).await;
    // Nothing but movement comes for it, which wakes nobody.
    let step = json!({
        "worldId": 0, "channelId": 1, "mapId": MAP, "instance": uuid::Uuid::nil(), "objectId": pet,
        "observerId": OWNER, "x": 5, "y": 6, "stance": 0, "fh": 8,
    });
    let deadline = Instant::now() + SOON;
    while world.look_up(pet).await.unwrap()["x"] != 5 {
        assert!(Instant::now() < deadline, "its movement is not believed");
        world.send(Topic::PetMovement, &step);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn a_character_whose_row_cannot_be_read_stops_nobody_else(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let (broken, whole) = (world.pet(OWNER).await, world.pet(OWNER + 1).await);
    for owner in [OWNER, OWNER + 1] {
        world.login(owner).await;
    }
    drop(world);
    engine.stop().await;
    setup.execute(&format!("update pets set level = 300 where id = {broken}")).await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    for pet in [broken, whole] {
        world.order(0, pet, "AWARD_LEVEL", json!({ "amount": 1 }));
    }
    let body = json!({ "slot": -1, "level": 2, "amount": 1 });
    let events = world.told(whole).await;
    assert_eq!(events.last(), Some(&event(whole, "LEVEL_CHANGED", body)));
    let letters = world.letters(1).await;
    assert_eq!(letters[0].reason, "unreadable_state");
    assert!(letters[0].detail.contains("level"), "{}", letters[0].detail);
}
