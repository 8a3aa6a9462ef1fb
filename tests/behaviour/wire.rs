//! The bytes: the specifications' own examples in, keys and headers out.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::ears::Told;
use super::world::{REGION, Topic, World};

const OWNER: u32 = 12_345;
const PET_KAFKA: &str = include_str!("../../docs/spec/pet-kafka.md");
const CHARACTER_EVENTS: &str = include_str!("../../docs/spec/character-events.md");

behaviours! {
    in a shared engine:
    the_specifications_own_commands_are_understood,
    an_event_has_the_fields_of_the_specification_in_their_order,
    an_event_is_keyed_by_its_owner_and_carries_the_tenant,
    an_event_carries_on_the_trace_and_echoes_the_environment,
    a_record_without_a_span_starts_a_trace,
    a_character_event_has_the_fields_and_headers_of_the_specification,
}

/// The JSON block below a heading of a specification.
fn example(document: &str, heading: &str) -> String {
    let (_, section) = document.split_once(&format!("{heading}\n")).unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// The specification's pet command with its placeholders filled in.
fn command(transaction: Uuid, pet: u32, kind: &str, body: &Value) -> String {
    let kinds = "SPAWN|DESPAWN|ATTEMPT_COMMAND|AWARD_CLOSENESS|AWARD_FULLNESS|AWARD_LEVEL|EXCLUDE";
    let example = example(PET_KAFKA, "### Pet Command (Consumed)");
    let filled = example
        .replace("\"uuid\"", &format!("\"{transaction}\""))
        .replace("\"petId\": 1", &format!("\"petId\": {pet}"))
        .replace(kinds, kind)
        .replace("\"body\": {}", &format!("\"body\": {body}"));
    assert!(filled.contains("\"actorId\": 12345") && !filled.contains('|'), "{filled}");
    filled
}

async fn award(world: &World, pet: u32, headers: &[(&str, Vec<u8>)]) -> Arc<Told> {
    let transaction = Uuid::new_v4();
    let record = command(transaction, pet, "AWARD_CLOSENESS", &json!({ "amount": 0 }));
    world.send_bytes(Topic::PetCommand, Some(record.as_bytes()), headers);
    let is_it = |told: &Arc<Told>| told.text.contains(&transaction.to_string());
    let all = world.engine.told.once(&world.tenant, |all| all.iter().any(is_it)).await;
    Arc::clone(all.iter().find(|told| is_it(told)).unwrap())
}

async fn the_specifications_own_commands_are_understood(world: World) {
    let pet = world.pet(OWNER).await;
    let bodies = [
        ("SPAWN", json!({ "lead": true })),
        ("ATTEMPT_COMMAND", json!({ "commandId": 0, "byName": true })),
        ("AWARD_CLOSENESS", json!({ "amount": 1 })),
        ("AWARD_FULLNESS", json!({ "amount": 1 })),
        ("AWARD_LEVEL", json!({ "amount": 1 })),
        ("EXCLUDE", json!({ "items": [1] })),
        ("DESPAWN", json!({})),
    ];
    for (kind, body) in bodies {
        let record = command(Uuid::new_v4(), pet, kind, &body);
        world.send_bytes(Topic::PetCommand, Some(record.as_bytes()), &world.headers());
    }
    let kinds: Vec<String> = world.told(pet).await.into_iter().map(|event| event.kind).collect();
    let expected = [
        "SLOT_CHANGED",
        "SPAWNED",
        "LEVEL_CHANGED",
        "CLOSENESS_CHANGED",
        "COMMAND_RESPONSE",
        "LEVEL_CHANGED",
        "CLOSENESS_CHANGED",
        "FULLNESS_CHANGED",
        "LEVEL_CHANGED",
        "EXCLUDE_CHANGED",
        "SLOT_CHANGED",
        "DESPAWNED",
    ];
    assert_eq!(kinds, expected);
}

async fn an_event_has_the_fields_of_the_specification_in_their_order(world: World) {
    let pet = world.pet(OWNER).await;
    let transaction = world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 0 }));
    let told = award(&world, pet, &world.headers()).await;
    let all = world.engine.told.of(&world.tenant);
    let first = all.iter().find(|told| told.text.contains(&transaction.to_string())).unwrap();
    assert!(first.text != told.text);
    let expected = format!(
        "{{\"petId\":{pet},\"ownerId\":12345,\"type\":\"CLOSENESS_CHANGED\",\"body\":{{\"slot\":-1,\
         \"closeness\":0,\"amount\":0,\"transactionId\":\"{transaction}\"}}}}"
    );
    assert_eq!(first.text, expected);
    let spec = example(PET_KAFKA, "### Pet Status Event (Produced)");
    let places = ["petId", "ownerId", "type", "body"].map(|name| spec.find(name).unwrap());
    assert!(places.is_sorted(), "{spec}");
}

async fn an_event_is_keyed_by_its_owner_and_carries_the_tenant(world: World) {
    let pet = world.pet(OWNER).await;
    let told = award(&world, pet, &world.headers()).await;
    // 12345 = 0x3039
    assert_eq!(told.key, [0x39, 0x30, 0, 0, 0, 0, 0, 0]);
    assert_eq!(told.header("TENANT_ID"), Some(world.tenant.as_bytes()));
    assert_eq!(told.header("REGION"), Some(REGION.as_bytes()));
    assert_eq!(told.header("MAJOR_VERSION"), Some(&[0, 83][..]));
    assert_eq!(told.header("MINOR_VERSION"), Some(&[0, 1][..]));
    assert_eq!(told.header("ENVIRONMENT"), None);
    let first = Uuid::try_parse_ascii(told.header("event-id").unwrap()).unwrap();
    let told = award(&world, pet, &world.headers()).await;
    assert_ne!(Uuid::try_parse_ascii(told.header("event-id").unwrap()).unwrap(), first);
}

async fn an_event_carries_on_the_trace_and_echoes_the_environment(world: World) {
    let pet = world.pet(OWNER).await;
    let mut headers = world.headers();
    let span = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.push(("traceparent", span.into()));
    headers.push(("tracestate", "vendor=1".into()));
    headers.push(("ENVIRONMENT", vec![0, 0xff, b'x']));
    let told = award(&world, pet, &headers).await;
    assert_eq!(told.header("traceparent"), Some(span.as_bytes()));
    assert_eq!(told.header("tracestate"), Some(&b"vendor=1"[..]));
    assert_eq!(told.header("ENVIRONMENT"), Some(&[0, 0xff, b'x'][..]));
}

async fn a_record_without_a_span_starts_a_trace(world: World) {
    let pet = world.pet(OWNER).await;
    let trace = |told: &Told| {
        let parent = String::from_utf8(told.header("traceparent").unwrap().to_vec()).unwrap();
        assert_eq!(parent.len(), 55, "{parent}");
        parent[3..35].to_owned()
    };
    let first = trace(&*award(&world, pet, &world.headers()).await);
    let second = trace(&*award(&world, pet, &world.headers()).await);
    assert_ne!(first, second);
}

async fn a_character_event_has_the_fields_and_headers_of_the_specification(world: World) {
    let session = world.login(OWNER).await;
    let heard = world.engine.heard.of(&world.tenant);
    let heard = heard.last().unwrap();
    assert_eq!(heard.subject, "character.online");
    let spec: Value = serde_json::from_str(&example(
        CHARACTER_EVENTS,
        "#### `character.online`\nPublished when a character comes online.",
    ))
    .unwrap();
    let fields =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(fields(&heard.body), fields(&spec));
    let body = &heard.body;
    assert_eq!(body["event_type"], "character.online");
    assert_eq!(body["version"], "1.0");
    assert_eq!(body["user_id"], json!(Uuid::nil()));
    assert_eq!(body["name"], "character-12345");
    assert_eq!(body["session_id"], json!(session));
    assert_eq!((&body["world_id"], &body["zone_id"]), (&json!("0"), &json!("100000000")));
    let tenant: Uuid = world.tenant.parse().unwrap();
    let character = Uuid::new_v5(&tenant, b"character/12345");
    assert_eq!(body["character_id"], json!(character));
    let timestamp = body["timestamp"].as_str().unwrap();
    assert!(timestamp.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(timestamp).is_ok());
    assert_eq!(json!(heard.headers["Nats-Msg-Id"]), body["event_id"]);
    assert_eq!(heard.headers["TENANT_ID"], world.tenant);
    assert_eq!(heard.headers["REGION"], REGION);
    assert_eq!((&*heard.headers["MAJOR_VERSION"], &*heard.headers["MINOR_VERSION"]), ("83", "1"));
    assert_eq!(heard.headers["traceparent"].len(), 55);
}
