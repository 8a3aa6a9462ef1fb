//! EVENT_TOPIC_ASSET_STATUS: which pet an item was, and that it is gone with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::ears::Told;
use super::world::{KITTY, World, event, slot_changed};
use serde_json::json;

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    the_recorded_asset_tells_which_pet_is_deleted,
    a_move_of_an_asset_is_followed,
    the_recorded_slot_tells_it_when_the_asset_is_unknown,
    the_only_pet_of_a_template_needs_no_record,
    an_asset_that_could_be_several_pets_deletes_none,
    the_slot_of_a_deleted_pet_is_closed_first,
    other_items_are_ignored,
}

/// Waits until the assets sent before are applied: one more deletes a pet made for it.
async fn settled(world: &World) {
    static NEXT_OWNER: AtomicU32 = AtomicU32::new(OWNER + 1);
    let owner = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
    let marker = world.pet(owner).await;
    world.asset(owner, 999_999, KITTY, 90, "DELETED", json!({}));
    let gone =
        |told: &Arc<Told>| told.text.contains("\"DELETED\"") && told.json()["petId"] == marker;
    world.engine.told.once(&world.tenant, |all| all.iter().any(gone)).await;
}

async fn alive(world: &World, pets: &[u32]) -> Vec<bool> {
    let mut alive = Vec::new();
    for &pet in pets {
        alive.push(world.look_up(pet).await.is_some());
    }
    alive
}

async fn the_recorded_asset_tells_which_pet_is_deleted(world: World) {
    let (a, b, c) = (world.pet(OWNER).await, world.pet(OWNER).await, world.pet(OWNER).await);
    world.asset(OWNER, 1, KITTY, 15, "CREATED", json!({ "petId": a }));
    world.asset(OWNER, 2, KITTY, 16, "UPDATED", json!({ "petId": b }));
    world.asset(OWNER, 3, KITTY, 17, "ACCEPTED", json!({ "petId": c }));
    for (asset, slot, expected) in
        [(2, 99, [true, false, true]), (3, 98, [true, false, false]), (1, 97, [false; 3])]
    {
        world.asset(OWNER, asset, KITTY, slot, "DELETED", json!({}));
        settled(&world).await;
        assert_eq!(alive(&world, &[a, b, c]).await, expected, "asset {asset}");
    }
}

async fn a_move_of_an_asset_is_followed(world: World) {
    let (a, b) = (world.pet(OWNER).await, world.pet(OWNER).await);
    world.asset(OWNER, 1, KITTY, 15, "CREATED", json!({ "petId": a }));
    world.asset(OWNER, 2, KITTY, 16, "CREATED", json!({ "petId": b }));
    world.asset(OWNER, 1, KITTY, 20, "MOVED", json!({ "oldSlot": 15 }));
    // An asset id nobody recorded: the slot tells.
    world.asset(OWNER, 77, KITTY, 20, "DELETED", json!({}));
    settled(&world).await;
    assert_eq!(alive(&world, &[a, b]).await, [false, true]);
}

async fn the_recorded_slot_tells_it_when_the_asset_is_unknown(world: World) {
    let (a, b) = (world.pet(OWNER).await, world.pet(OWNER).await);
    world.asset(OWNER, 1, KITTY, 15, "CREATED", json!({ "petId": a }));
    world.asset(OWNER, 2, KITTY, 16, "CREATED", json!({ "petId": b }));
    world.asset(OWNER, 77, KITTY, 16, "DELETED", json!({}));
    settled(&world).await;
    assert_eq!(alive(&world, &[a, b]).await, [true, false]);
}

async fn the_only_pet_of_a_template_needs_no_record(world: World) {
    let pet = world.pet(OWNER).await;
    world.asset(OWNER, 1, KITTY, 15, "DELETED", json!({}));
    settled(&world).await;
    assert_eq!(alive(&world, &[pet]).await, [false]);
}

async fn an_asset_that_could_be_several_pets_deletes_none(world: World) {
    let (a, b) = (world.pet(OWNER).await, world.pet(OWNER).await);
    world.asset(OWNER, 1, KITTY, 15, "DELETED", json!({}));
    settled(&world).await;
    assert_eq!(alive(&world, &[a, b]).await, [true, true]);
    let letters = world.letters(1).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "ambiguous_asset");
    assert!(String::from_utf8_lossy(&letters[0].payload).contains("\"assetId\":1,"));
}

async fn the_slot_of_a_deleted_pet_is_closed_first(world: World) {
    let (a, b, c) = (world.pet(OWNER).await, world.pet(OWNER).await, world.pet(OWNER).await);
    for pet in [a, b, c] {
        world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    }
    world.asset(OWNER, 1, KITTY, 15, "CREATED", json!({ "petId": a }));
    world.told(b).await;
    world.asset(OWNER, 1, KITTY, 15, "DELETED", json!({}));
    world.announced("DELETED", 1).await;
    let expected = [slot_changed(b, 1, 0), slot_changed(c, 2, 1), event(a, "DELETED", json!({}))];
    assert_eq!(world.told(b).await, expected);
}

async fn other_items_are_ignored(world: World) {
    let pet = world.pet(OWNER).await;
    // Cash, but no pet; equipment; a pet's equipment.
    for template in [5_010_000, 1_302_000, 1_802_000] {
        world.asset(OWNER, 1, template, 15, "DELETED", json!({}));
    }
    world.asset(OWNER, 1, KITTY, 15, "QUANTITY_CHANGED", json!({ "quantity": 1 }));
    settled(&world).await;
    assert_eq!(alive(&world, &[pet]).await, [true]);
}
