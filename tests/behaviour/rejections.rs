//! Commands the rules refuse: nothing changes, nothing is announced, one count.

use serde_json::{Value, json};

use super::world::{Event, World, alone, event, slot_changed};

const OWNER: u32 = 12_345;
const STRANGER: u32 = 54_321;

behaviours! {
    in a shared engine:
    a_stranger_may_do_nothing_to_a_pet,
    the_system_may_only_award,
    a_command_to_a_pet_nobody_knows_is_counted,
    a_fourth_pet_is_refused,
    an_expired_pet_is_not_spawned,
    a_trick_of_a_pet_that_is_not_out_is_refused,
    a_trick_the_template_does_not_know_is_refused,
}

fn body(kind: &str) -> Value {
    match kind {
        "SPAWN" => json!({ "lead": false }),
        "ATTEMPT_COMMAND" => json!({ "commandId": 0, "byName": false }),
        "EXCLUDE" => json!({ "items": [1] }),
        "DESPAWN" => json!({}),
        _ => json!({ "amount": 1 }),
    }
}

async fn rejected(world: &World, kind: &str, reason: &str) -> u64 {
    world.counter("commands_rejected_total", &labels(kind, reason)).await
}

/// Counts are entered a little after what they count is announced.
async fn until_rejected(world: &World, kind: &str, reason: &str, count: u64) {
    world.until_counted("commands_rejected_total", &labels(kind, reason), count).await;
}

fn labels(kind: &str, reason: &str) -> String {
    format!("command=\"{kind}\",reason=\"{reason}\"")
}

/// Sends each command to `pet` as `actor`; asserts that each was counted once and did nothing.
async fn assert_rejected(world: &World, actor: u32, pet: u32, kinds: &[&str], reason: &str) {
    let _alone = alone().await;
    let before_state = world.look_up(pet).await;
    for kind in kinds {
        let expected = rejected(world, kind, reason).await + 1;
        world.order(actor, pet, kind, body(kind));
        assert_eq!(world.told(pet).await, [] as [Event; 0], "{kind}");
        until_rejected(world, kind, reason, expected).await;
    }
    assert_eq!(world.look_up(pet).await, before_state);
}

const ALL: [&str; 7] = [
    "SPAWN",
    "DESPAWN",
    "ATTEMPT_COMMAND",
    "AWARD_CLOSENESS",
    "AWARD_FULLNESS",
    "AWARD_LEVEL",
    "EXCLUDE",
];

async fn a_stranger_may_do_nothing_to_a_pet(world: World) {
    let pet = world.pet(OWNER).await;
    assert_rejected(&world, STRANGER, pet, &ALL, "not_owner").await;
}

async fn the_system_may_only_award(world: World) {
    let pet = world.pet(OWNER).await;
    let kinds = ["SPAWN", "DESPAWN", "ATTEMPT_COMMAND", "EXCLUDE"];
    assert_rejected(&world, 0, pet, &kinds, "not_owner").await;
    world.order(0, pet, "AWARD_FULLNESS", json!({ "amount": 1 }));
    world.order(0, pet, "AWARD_LEVEL", json!({ "amount": 1 }));
    let expected = [
        event(pet, "FULLNESS_CHANGED", json!({ "slot": -1, "fullness": 100, "amount": 1 })),
        event(pet, "LEVEL_CHANGED", json!({ "slot": -1, "level": 2, "amount": 1 })),
    ];
    assert_eq!(world.told(pet).await, expected);
}

async fn a_command_to_a_pet_nobody_knows_is_counted(world: World) {
    let _alone = alone().await;
    let pet = world.pet(OWNER).await;
    let expected = rejected(&world, "SPAWN", "unknown_pet").await + 1;
    world.order(OWNER, u32::MAX, "SPAWN", json!({ "lead": true }));
    assert_eq!(world.told(pet).await, []);
    until_rejected(&world, "SPAWN", "unknown_pet", expected).await;
}

async fn a_fourth_pet_is_refused(world: World) {
    let mut pets = Vec::new();
    for _ in 0..4 {
        pets.push(world.pet(OWNER).await);
    }
    for &pet in &pets[..3] {
        world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    }
    world.told(pets[0]).await;
    assert_rejected(&world, OWNER, pets[3], &["SPAWN"], "slots_full").await;
    world.order(OWNER, pets[3], "SPAWN", json!({ "lead": true }));
    assert_eq!(world.told(pets[0]).await, []);
    world.order(OWNER, pets[2], "DESPAWN", json!({}));
    world.order(OWNER, pets[3], "SPAWN", json!({ "lead": false }));
    let events = world.told(pets[0]).await;
    assert!(events.contains(&slot_changed(pets[3], -1, 2)), "{events:?}");
}

async fn an_expired_pet_is_not_spawned(world: World) {
    let pet = world.pet_with(OWNER, json!({ "expiration": "2020-01-01T00:00:00Z" })).await;
    assert_rejected(&world, OWNER, pet, &["SPAWN"], "expired").await;
}

async fn a_trick_of_a_pet_that_is_not_out_is_refused(world: World) {
    let pet = world.pet(OWNER).await;
    assert_rejected(&world, OWNER, pet, &["ATTEMPT_COMMAND"], "not_spawned").await;
}

async fn a_trick_the_template_does_not_know_is_refused(world: World) {
    let pet = world.pet_with(OWNER, json!({ "templateId": 5_000_018 })).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.told(pet).await;
    assert_rejected(&world, OWNER, pet, &["ATTEMPT_COMMAND"], "unknown_skill").await;
}
