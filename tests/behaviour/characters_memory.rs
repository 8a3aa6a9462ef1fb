//! Characters that are not in memory when somebody asks for them by number.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::characters_kit::{Reply, creation, with};
use super::engine::Setup;
use super::world::World;

behaviours! {
    in an engine of its own with [];
    a_number_is_taken_whether_or_not_its_character_is_in_memory,
    a_character_out_of_memory_is_changed_by_its_number,
    a_pet_of_an_owner_out_of_memory_is_changed_under_a_key,
}

async fn a_number_is_taken_whether_or_not_its_character_is_in_memory(setup: Setup) {
    let (user, tenant) = (Uuid::new_v4(), Uuid::new_v4());
    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    let first = with(creation(user, "Ann"), json!({ "number": 5 }));
    let created = world.post("", first).await.with(201);
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    let second = with(creation(Uuid::new_v4(), "Bob"), json!({ "number": 5 }));
    world.post("", second).await.refused(409, "number_taken");
    assert_eq!(world.read("/n:5").await.ok(), created);
}

async fn a_character_out_of_memory_is_changed_by_its_number(setup: Setup) {
    let tenant = Uuid::new_v4();
    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    for (number, name) in [(5, "Ann"), (6, "Bob"), (7, "Cat")] {
        let creation = with(creation(Uuid::new_v4(), name), json!({ "number": number }));
        world.post("", creation).await.with(201);
    }
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    assert_eq!(world.patch("/n:5", json!({ "name": "Anna" })).await.ok()["name"], "Anna");
    world.post("/n:6/select", json!({})).await.ok();
    let keyed = world.keyed("once", "/n:7/experience", &json!({ "amount": 100 })).await;
    assert_eq!(keyed.ok()["level"], 2);
    assert_eq!(world.read("/n:7").await.ok()["name"], "Cat");
}

async fn a_pet_of_an_owner_out_of_memory_is_changed_under_a_key(setup: Setup) {
    let tenant = Uuid::new_v4();
    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    let pet = world.pet_with(9, json!({ "name": "Mia" })).await;
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    let path = format!("/api/pets/{pet}");
    let request = world.request(Method::DELETE, &path).header("Idempotency-Key", "gone");
    assert_eq!(Reply::to(request).await.status, 204);
    assert_eq!(world.look_up(pet).await, None);
}
