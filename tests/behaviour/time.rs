//! Hunger and expiry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::ears::Told;
use super::engine::Setup;
use super::world::{Event, KITTY, World, event, read, slot_changed};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    an_expired_pet_leaves_and_does_not_come_back,
}

mod hungry {
    use super::{
        a_hungry_pet_leaves, hunger_goes_on_after_a_restart_without_arrears,
        hunger_takes_its_share_of_every_pet_that_is_out,
    };

    behaviours! {
        in an engine of its own with [("pets.hunger_interval", "1s")];
        hunger_takes_its_share_of_every_pet_that_is_out,
        a_hungry_pet_leaves,
        hunger_goes_on_after_a_restart_without_arrears,
    }
}

fn hungry(pet: u32, slot: i8, fullness: u8, amount: i8) -> Event {
    let body = json!({ "slot": slot, "fullness": fullness, "amount": amount });
    event(pet, "FULLNESS_CHANGED", body)
}

fn left(pet: u32, fullness: u8, old_slot: i8, reason: &str) -> Event {
    let body = json!({
        "templateId": KITTY, "name": "Pet", "slot": -1, "level": 1, "closeness": 0,
        "fullness": fullness, "oldSlot": old_slot, "reason": reason,
    });
    event(pet, "DESPAWNED", body)
}

async fn an_expired_pet_leaves_and_does_not_come_back(world: World) {
    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(2);
    let soon = json!({ "expiration": soon.to_rfc3339() });
    let (mortal, other) = (world.pet_with(OWNER, soon).await, world.pet(OWNER).await);
    world.login(OWNER).await;
    world.order(OWNER, mortal, "SPAWN", json!({ "lead": false }));
    world.order(OWNER, other, "SPAWN", json!({ "lead": false }));
    world.told(other).await;
    world.announced("DESPAWNED", 1).await;
    world.order(OWNER, mortal, "SPAWN", json!({ "lead": true }));
    let expected =
        [slot_changed(other, 1, 0), slot_changed(mortal, 0, -1), left(mortal, 100, 0, "EXPIRED")];
    assert_eq!(world.told(other).await, expected);
    assert!(world.look_up(mortal).await.is_some(), "it stays owned");
}

async fn hunger_takes_its_share_of_every_pet_that_is_out(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let (lead, at_home) = (world.pet(OWNER).await, world.pet(OWNER).await);
    let stone = world.pet_with(OWNER, json!({ "templateId": 5_000_018 })).await;
    let unknown = world.pet_with(OWNER, json!({ "templateId": 5_009_999 })).await;
    let others = world.pet(OWNER + 1).await;
    world.login(OWNER).await;
    for pet in [unknown, stone, lead] {
        world.order(OWNER, pet, "SPAWN", json!({ "lead": true }));
    }
    // Of somebody who is not online.
    world.order(OWNER + 1, others, "SPAWN", json!({ "lead": false }));
    let meals = world.announced("FULLNESS_CHANGED", 3).await;
    let expected = [hungry(lead, 0, 94, -6), hungry(lead, 0, 88, -6), hungry(lead, 0, 82, -6)];
    assert_eq!(meals[..3], expected);
    for pet in [at_home, stone, unknown, others] {
        assert_eq!(world.look_up(pet).await.unwrap()["fullness"], 100, "pet {pet}");
    }
}

async fn a_hungry_pet_leaves(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let starved = world.pet_with(OWNER, json!({ "fullness": 10 })).await;
    let second = world.pet_with(OWNER, json!({ "fullness": 50 })).await;
    world.login(OWNER).await;
    world.order(OWNER, starved, "SPAWN", json!({ "lead": false }));
    world.order(OWNER, second, "SPAWN", json!({ "lead": false }));
    let gone = world.announced("DESPAWNED", 1).await;
    assert_eq!(gone, [left(starved, 4, 0, "HUNGER")]);
    // Lead first; later events of the same tick tell the slots as they are then.
    let all = world.engine.told.of(&world.tenant);
    let all: Vec<Event> = all.iter().map(|told| read(told)).collect();
    let at = all.iter().position(|event| *event == hungry(starved, 0, 4, -6)).unwrap();
    let expected = [
        hungry(starved, 0, 4, -6),
        slot_changed(second, 1, 0),
        slot_changed(starved, 0, -1),
        left(starved, 4, 0, "HUNGER"),
        hungry(second, 0, 44, -6),
    ];
    let is_second = |all: &[Arc<Told>]| all.len() >= at + 5;
    let all = world.engine.told.once(&world.tenant, is_second).await;
    let all: Vec<Event> = all.iter().map(|told| read(told)).collect();
    assert_eq!(all[at..at + 5], expected);
    assert_eq!(world.look_up(starved).await.unwrap()["slot"], -1);
}

async fn hunger_goes_on_after_a_restart_without_arrears(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let pet = world.pet(OWNER).await;
    world.login(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    let num_before = world.announced("FULLNESS_CHANGED", 1).await.len();
    drop(world);
    engine.stop().await;
    // The clock of the game is the subject: nothing to wait for but time.
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    let started = Instant::now();
    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    world.told(pet).await;
    let num_after = world.announced("FULLNESS_CHANGED", 1).await.len();
    // One while it drained, one in arrears, one at the border, and those of the time since; with
    // all arrears it would be five and those.
    let num_since = usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(num_after <= num_before + 3 + num_since, "{num_before} {num_after} {num_since}");
    let meals = world.announced("FULLNESS_CHANGED", num_after + 2).await;
    let fullness: Vec<u64> =
        meals.iter().map(|event| event.body["fullness"].as_u64().unwrap()).collect();
    assert!(fullness.windows(2).all(|pair| pair[0] == pair[1] + 6), "{fullness:?}");
}
