//! Each tenant is a world of its own.

use serde_json::json;
use uuid::Uuid;

use super::engine::Setup;
use super::world::{Topic, World, event};

const OWNER: u32 = 12_345;
const DEFAULT: &str = "5f0e0a0e-7b8c-4d0e-9e55-2f7f0c8c2a11";

behaviours! {
    in a shared engine:
    a_tenant_reaches_nothing_of_another,
}

mod with_a_default {
    use super::a_record_without_headers_belongs_to_the_default_tenant;

    behaviours! {
        in an engine of its own with
        [("tenancy.default", "5f0e0a0e-7b8c-4d0e-9e55-2f7f0c8c2a11/GMS/83/1")];
        a_record_without_headers_belongs_to_the_default_tenant,
    }
}

async fn a_tenant_reaches_nothing_of_another(world: World) {
    let stranger = World::of(Uuid::new_v4(), &world.engine);
    let pet = world.pet(OWNER).await;
    let own = stranger.pet(OWNER).await;
    let before = world.look_up(pet).await;
    // Same owner, same pet id: another tenant's.
    stranger.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    stranger.order(0, pet, "AWARD_LEVEL", json!({ "amount": 9 }));
    assert_eq!(stranger.told(own).await, []);
    assert_eq!(stranger.look_up(pet).await, None);
    let answer = stranger.request(reqwest::Method::DELETE, &format!("/api/pets/{pet}"));
    assert_eq!(answer.send().await.unwrap().status(), 404);
    let list = format!("/api/characters/{OWNER}/pets");
    let list = stranger.request(reqwest::Method::GET, &list).send().await.unwrap();
    let list: serde_json::Value = list.json().await.unwrap();
    assert_eq!(list["meta"]["total"], 1);
    assert_eq!(list["data"][0]["id"], own.to_string());
    // The same character number online, and deleted, in one tenant only.
    stranger.login(OWNER).await;
    stranger.status(OWNER, "DELETED", json!({}));
    assert_eq!(stranger.announced("DELETED", 1).await, [event(own, "DELETED", json!({}))]);
    assert_eq!(world.told(pet).await, []);
    assert_eq!(world.look_up(pet).await, before);
    assert!(world.engine.heard.of(&world.tenant).is_empty());
}

async fn a_record_without_headers_belongs_to_the_default_tenant(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(DEFAULT.parse().unwrap(), &engine);
    let pet = world.pet(OWNER).await;
    let record = json!({ "petId": pet, "type": "AWARD_LEVEL", "body": { "amount": 1 } });
    world.send_bytes(Topic::PetCommand, Some(record.to_string().as_bytes()), &[]);
    let body = json!({ "slot": -1, "level": 2, "amount": 1 });
    assert_eq!(world.told(pet).await, [event(pet, "LEVEL_CHANGED", body)]);
    let url = format!("{}/api/pets/{pet}", engine.game);
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    assert_eq!(world.letters(0).await, []);
}
