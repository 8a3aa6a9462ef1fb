//! SPAWN and DESPAWN.

use serde_json::json;

use super::world::{KITTY, World, event, slot_changed, spawned};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    a_spawn_takes_the_lowest_free_slot,
    a_spawn_as_lead_moves_the_others_up,
    a_spawned_pet_that_becomes_lead_is_not_spawned_again,
    spawning_what_is_out_already_does_nothing,
    a_despawn_closes_its_slot,
    despawning_what_is_not_out_does_nothing,
}

fn spawn(world: &World, pet: u32, lead: bool) {
    world.order(OWNER, pet, "SPAWN", json!({ "lead": lead }));
}

async fn trio(world: &World) -> [u32; 3] {
    let mut pets = [0; 3];
    for pet in &mut pets {
        *pet = world.pet(OWNER).await;
    }
    for &pet in &pets {
        spawn(world, pet, false);
    }
    let [a, b, c] = pets;
    let all: Vec<_> = [(a, 0), (b, 1), (c, 2)]
        .into_iter()
        .flat_map(|(pet, slot)| [slot_changed(pet, -1, slot), spawned(pet, slot)])
        .collect();
    assert_eq!(world.told(a).await, all);
    pets
}

async fn slots(world: &World, pets: [u32; 3]) -> [i64; 3] {
    let mut slots = [0; 3];
    for (slot, pet) in slots.iter_mut().zip(pets) {
        *slot = world.look_up(pet).await.unwrap()["slot"].as_i64().unwrap();
    }
    slots
}

async fn a_spawn_takes_the_lowest_free_slot(world: World) {
    let pets = trio(&world).await;
    assert_eq!(slots(&world, pets).await, [0, 1, 2]);
}

async fn a_spawn_as_lead_moves_the_others_up(world: World) {
    let (a, b, c) = (world.pet(OWNER).await, world.pet(OWNER).await, world.pet(OWNER).await);
    spawn(&world, a, false);
    spawn(&world, b, false);
    world.told(a).await;
    spawn(&world, c, true);
    let expected =
        [slot_changed(b, 1, 2), slot_changed(a, 0, 1), slot_changed(c, -1, 0), spawned(c, 0)];
    assert_eq!(world.told(a).await, expected);
    assert_eq!(slots(&world, [a, b, c]).await, [1, 2, 0]);
}

async fn a_spawned_pet_that_becomes_lead_is_not_spawned_again(world: World) {
    let pets @ [a, b, c] = trio(&world).await;
    spawn(&world, c, true);
    let expected = [slot_changed(b, 1, 2), slot_changed(a, 0, 1), slot_changed(c, 2, 0)];
    assert_eq!(world.told(a).await, expected);
    assert_eq!(slots(&world, pets).await, [1, 2, 0]);
}

async fn spawning_what_is_out_already_does_nothing(world: World) {
    let [a, b, _] = trio(&world).await;
    spawn(&world, b, false);
    spawn(&world, a, true);
    assert_eq!(world.told(a).await, []);
}

async fn a_despawn_closes_its_slot(world: World) {
    let pets @ [a, b, c] = trio(&world).await;
    world.order(OWNER, a, "DESPAWN", json!({}));
    let gone = json!({
        "templateId": KITTY, "name": "Pet", "slot": -1, "level": 1, "closeness": 0,
        "fullness": 100, "oldSlot": 0, "reason": "NORMAL",
    });
    let expected = [
        slot_changed(b, 1, 0),
        slot_changed(c, 2, 1),
        slot_changed(a, 0, -1),
        event(a, "DESPAWNED", gone),
    ];
    assert_eq!(world.told(a).await, expected);
    assert_eq!(slots(&world, pets).await, [-1, 0, 1]);
}

async fn despawning_what_is_not_out_does_nothing(world: World) {
    let pet = world.pet(OWNER).await;
    world.order(OWNER, pet, "DESPAWN", json!({}));
    assert_eq!(world.told(pet).await, []);
}
