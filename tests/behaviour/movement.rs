//! COMMAND_TOPIC_PET_MOVEMENT: where a pet stands, and which packets are not believed.

use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{KITTY, MAP, Topic, World, alone, event, slot_changed};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    a_moved_pet_is_where_it_was_moved_to,
    the_foothold_of_the_record_goes_before_the_map,
    a_map_without_ground_gives_the_first_foothold,
    a_spawn_carries_the_last_known_position,
    a_late_packet_from_the_previous_map_is_ignored,
    packets_of_others_and_of_pets_at_home_are_ignored,
    a_logout_forgets_where_the_pets_stood,
    a_walk_counts_as_one_of_the_last_messages,
}

/// Movement as `spec/pet-kafka.md` shows it.
fn step(pet: u32, x: i16, y: i16) -> Value {
    json!({
        "worldId": 0, "channelId": 1, "mapId": MAP, "instance": Uuid::nil(), "objectId": pet,
        "observerId": OWNER, "x": x, "y": y, "stance": 2,
    })
}

/// Sends a record and waits until it was counted under this outcome.
async fn outcome(world: &World, record: &Value, outcome: &str) {
    let labels = format!("outcome=\"{outcome}\"");
    let before = world.counter("movement_total", &labels).await;
    world.send(Topic::PetMovement, record);
    world.until_counted("movement_total", &labels, before + 1).await;
}

/// An online character with this pet out.
async fn walker(world: &World) -> u32 {
    let pet = world.pet(OWNER).await;
    world.login(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.told(pet).await;
    pet
}

/// x, y, stance and foothold as the pets API tells them.
async fn place(world: &World, pet: u32) -> [i64; 4] {
    let stored = world.look_up(pet).await.unwrap();
    ["x", "y", "stance", "fh"].map(|name| stored[name].as_i64().unwrap())
}

async fn a_moved_pet_is_where_it_was_moved_to(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    assert_eq!(place(&world, pet).await, [0, 0, 0, 1]);
    outcome(&world, &step(pet, 100, 50), "applied").await;
    assert_eq!(place(&world, pet).await, [100, 50, 2, 99]);
    // Below the ground at 100 is the lower floor.
    outcome(&world, &step(pet, 450, 200), "applied").await;
    assert_eq!(place(&world, pet).await, [450, 200, 2, 7]);
}

async fn the_foothold_of_the_record_goes_before_the_map(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    let mut record = step(pet, 100, 50);
    record["fh"] = json!(-3);
    outcome(&world, &record, "applied").await;
    assert_eq!(place(&world, pet).await, [100, 50, 2, -3]);
}

async fn a_map_without_ground_gives_the_first_foothold(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    outcome(&world, &step(pet, 100, 3_000), "applied").await;
    assert_eq!(place(&world, pet).await, [100, 3_000, 2, 1]);
}

async fn a_spawn_carries_the_last_known_position(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    outcome(&world, &step(pet, 100, 50), "applied").await;
    world.order(OWNER, pet, "DESPAWN", json!({}));
    world.told(pet).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    let body = json!({
        "templateId": KITTY, "name": "Pet", "slot": 0, "level": 1, "closeness": 0,
        "fullness": 100, "x": 100, "y": 50, "stance": 2, "fh": 99,
    });
    let expected = [slot_changed(pet, -1, 0), event(pet, "SPAWNED", body)];
    assert_eq!(world.told(pet).await, expected);
}

async fn a_late_packet_from_the_previous_map_is_ignored(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    outcome(&world, &step(pet, 100, 50), "applied").await;
    let body = json!({
        "channelId": 1, "oldMapId": MAP, "oldInstance": Uuid::nil(), "targetMapId": MAP + 1,
        "targetInstance": Uuid::nil(), "targetPortalId": 0,
    });
    world.status(OWNER, "MAP_CHANGED", body);
    world.heard(1).await;
    outcome(&world, &step(pet, 7, 7), "other_map").await;
    assert_eq!(place(&world, pet).await, [0, 0, 0, 1]);
    let mut record = step(pet, 7, 8);
    record["mapId"] = json!(MAP + 1);
    for (field, wrong) in
        [("worldId", json!(1)), ("channelId", json!(2)), ("instance", json!(Uuid::max()))]
    {
        let mut elsewhere = record.clone();
        elsewhere[field] = wrong;
        outcome(&world, &elsewhere, "other_map").await;
    }
    assert_eq!(place(&world, pet).await, [0, 0, 0, 1]);
    outcome(&world, &record, "applied").await;
    assert_eq!(place(&world, pet).await, [7, 8, 2, 1]);
}

async fn packets_of_others_and_of_pets_at_home_are_ignored(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    let (at_home, strangers) = (world.pet(OWNER).await, world.pet(OWNER + 1).await);
    outcome(&world, &step(at_home, 1, 1), "not_spawned").await;
    outcome(&world, &step(strangers, 1, 1), "unknown_pet").await;
    world.status(OWNER, "LOGOUT", json!({ "channelId": 1, "mapId": MAP }));
    world.heard(1).await;
    outcome(&world, &step(pet, 1, 1), "not_online").await;
    assert_eq!(place(&world, pet).await, [0, 0, 0, 1]);
}

async fn a_logout_forgets_where_the_pets_stood(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    outcome(&world, &step(pet, 100, 50), "applied").await;
    world.status(OWNER, "LOGOUT", json!({ "channelId": 1, "mapId": MAP }));
    world.heard(1).await;
    world.login(OWNER).await;
    assert_eq!(place(&world, pet).await, [0, 0, 0, 1]);
}

async fn a_walk_counts_as_one_of_the_last_messages(world: World) {
    let _alone = alone().await;
    let pet = walker(&world).await;
    for x in 1..=3 {
        outcome(&world, &step(pet, x, 1), "applied").await;
    }
    let mut elsewhere = step(pet, 4, 1);
    elsewhere["mapId"] = json!(MAP + 1);
    outcome(&world, &elsewhere, "other_map").await;
    let inside = world.see(&world.actor(OWNER)).await;
    let [walk, before] = [0, 1].map(|at| &inside["messages"][at]);
    assert_eq!((&walk["message"], &walk["num_inputs"]), (&json!("MOVEMENT"), &json!(4)));
    assert_eq!(walk["outcome"], "ignored", "of the newest");
    // `told` ends with an award.
    assert_eq!((&before["message"], &before["num_inputs"]), (&json!("AWARD_CLOSENESS"), &json!(1)));
}
