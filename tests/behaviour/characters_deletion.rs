//! Deletion: soft, restored, purged when its time is over, and for good.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, assert_specified, creation, place, with};
use super::engine::Setup;
use super::world::{MAP, World, alone, event};

behaviours! {
    in a shared engine:
    a_deleted_character_goes_offline_first,
    a_deleted_character_takes_no_request,
    a_deleted_character_takes_nothing_from_kafka_and_neither_do_its_pets,
    a_restored_character_is_as_it_was,
    a_permanent_deletion_takes_the_pets_and_the_session_with_it,
}

mod retained {
    use super::{
        a_deleted_character_is_purged_when_its_time_is_over, one_that_was_restored_in_time_stays,
    };

    behaviours! {
        in an engine of its own with [("characters.restore_window", "2s")];
        a_deleted_character_is_purged_when_its_time_is_over,
        one_that_was_restored_in_time_stays,
    }
}

fn here() -> Value {
    json!({ "channelId": 1, "mapId": MAP, "instance": Uuid::nil() })
}

async fn a_deleted_character_goes_offline_first(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    world.post(&hero.path("/select"), json!({})).await.ok();
    let online = json!({ "world_id": "world1", "zone_id": "zone1" });
    let session = world.post(&hero.path("/online"), online).await.ok()["session_id"].clone();
    let deleted = world.delete(&hero.path("")).await.ok();
    assert_eq!((&deleted["online"], &deleted["session_id"]), (&json!(false), &Value::Null));
    let heard = world.heard(4).await;
    assert_eq!(heard[2].subject, "character.offline");
    assert_eq!(
        (&heard[2].body["reason"], &heard[2].body["session_id"]),
        (&json!("deleted"), &session)
    );
    assert_eq!(heard[3].subject, "character.deleted");
    assert_eq!(heard[3].body["soft_delete"], true);
}

async fn a_deleted_character_takes_no_request(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let before = world.delete(&hero.path("")).await.ok();
    world.heard(1).await;
    world.delete(&hero.path("")).await.refused(409, "deleted");
    world.patch(&hero.path(""), json!({ "name": "Bob" })).await.refused(409, "deleted");
    let online = json!({ "world_id": "world1", "zone_id": "zone1" });
    for (path, body) in [
        ("/select", json!({})),
        ("/online", online),
        ("/offline", json!({ "reason": "logout" })),
        ("/experience", json!({ "amount": 100 })),
        ("/stats/allocate", json!({ "strength": 1 })),
    ] {
        world.post(&hero.path(path), body).await.refused(409, "deleted");
    }
    world.put(&hero.path("/position"), place(1.0)).await.refused(409, "deleted");
    world.put(&hero.path("/appearance"), json!({ "height": 90 })).await.refused(409, "deleted");
    // It can still be read.
    assert_eq!(world.document(&hero).await, before);
    world.read(&hero.path("/stats")).await.ok();
    world.read(&hero.path("/events")).await.ok();
    let bystander = world.hero(hero.user, "Bob").await;
    world.nothing_until_a_move_of(&bystander).await;
}

async fn a_deleted_character_takes_nothing_from_kafka_and_neither_do_its_pets(world: World) {
    let _alone = alone().await;
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let pet = world.pet(hero.number).await;
    let before = world.look_up(pet).await;
    world.delete(&hero.path("")).await.ok();
    world.heard(1).await;
    let labels = |command: &str| format!("command=\"{command}\",reason=\"deleted\"");
    let (rejected, orders) = ("commands_rejected_total", ["SPAWN", "AWARD_CLOSENESS", "EXCLUDE"]);
    let mut expected = Vec::new();
    for command in ["LOGIN"].into_iter().chain(orders) {
        expected.push((command, world.counter(rejected, &labels(command)).await + 1));
    }
    world.status(hero.number, "LOGIN", here());
    world.order(hero.number, pet, "SPAWN", json!({ "lead": false }));
    world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 1 }));
    world.order(hero.number, pet, "EXCLUDE", json!({ "items": [1] }));
    for (command, count) in expected {
        world.until_counted(rejected, &labels(command), count).await;
    }
    let rename = json!({ "data": { "type": "pets", "attributes": { "name": "Felix" } } });
    let path = format!("/api/pets/{pet}");
    let answer = world.request(Method::PATCH, &path).json(&rename).send().await.unwrap();
    assert_eq!(answer.status(), 409);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["errors"][0]["code"], "deleted");
    assert_eq!(world.look_up(pet).await, before);
    assert_eq!(world.document(&hero).await["online"], false);
    // Neither Kafka nor NATS heard of any of it, and all works again when it is restored.
    world.post(&hero.path("/restore"), json!({})).await.ok();
    world.status(hero.number, "LOGIN", here());
    assert_eq!(world.subjects(2).await, ["character.restored", "character.online"]);
    assert_eq!(world.told(pet).await, []);
}

async fn a_restored_character_is_as_it_was(world: World) {
    let user = Uuid::new_v4();
    let asked = with(creation(user, "Ann"), json!({ "slot_number": 4 }));
    let hero = Hero::of(&world.post("", asked).await.with(201));
    world.post(&hero.path("/experience"), json!({ "amount": 500 })).await.ok();
    let before = world.put(&hero.path("/position"), place(1.0)).await.ok();
    let document = world.document(&hero).await;
    assert_eq!(document["position"], before);
    let pet = world.pet(hero.number).await;
    world.delete(&hero.path("")).await.ok();
    let restored = world.post(&hero.path("/restore"), json!({})).await.ok();
    let version = document["version"].as_u64().unwrap() + 2;
    assert_eq!(restored, with(document, json!({ "version": version })));
    world.order(hero.number, pet, "SPAWN", json!({ "lead": false }));
    assert_eq!(world.told(pet).await.len(), 2);
}

async fn a_permanent_deletion_takes_the_pets_and_the_session_with_it(world: World) {
    let user = Uuid::new_v4();
    let hero = world.hero(user, "Ann").await;
    let (pet, other) = (world.pet(hero.number).await, world.pet(hero.number + 1_000).await);
    world.status(hero.number, "LOGIN", here());
    world.heard(1).await;
    assert_eq!(world.delete(&hero.path("/permanent")).await.status, 204);
    let heard = world.heard(2).await;
    assert_eq!(heard[0].subject, "character.offline");
    assert_eq!(heard[1].subject, "character.deleted");
    assert_eq!(heard[1].body["soft_delete"], false);
    assert_eq!(world.announced("DELETED", 1).await, [event(pet, "DELETED", json!({}))]);
    assert_eq!(world.look_up(pet).await, None);
    assert!(world.look_up(other).await.is_some());
    // Name, slot and number are free, for another character.
    let asked = with(creation(user, "Ann"), json!({ "number": hero.number }));
    let heir = world.post("", asked).await.with(201);
    assert_ne!(heir["character_id"], json!(hero.id));
    assert_eq!((&heir["slot_number"], &heir["version"]), (&json!(1), &json!(1)));
    // One that is softly deleted, too.
    let heir = Hero::of(&heir);
    world.delete(&heir.path("")).await.ok();
    assert_eq!(world.delete(&heir.path("/permanent")).await.status, 204);
    assert_eq!(
        world.subjects(3).await,
        ["character.created", "character.deleted", "character.deleted"]
    );
}

async fn a_deleted_character_is_purged_when_its_time_is_over(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let hero = world.hero(Uuid::new_v4(), "PlayerName").await;
    let (one, two) = (world.pet(hero.number).await, world.pet(hero.number).await);
    world.delete(&hero.path("")).await.ok();
    let heard = world.heard(2).await;
    assert_eq!(heard[0].body["soft_delete"], true);
    assert_eq!(heard[1].subject, "character.deleted");
    let purged = json!({
        "character_id": hero.id, "user_id": hero.user, "delete_reason": "retention",
        "soft_delete": false,
    });
    assert_specified(&heard[1], purged);
    let deleted = [one, two].map(|pet| event(pet, "DELETED", json!({})));
    assert_eq!(world.announced("DELETED", 2).await, deleted);
    world.read(&hero.path("")).await.refused(404, "unknown_character");
    world.post(&hero.path("/restore"), json!({})).await.refused(404, "unknown_character");
    for pet in [one, two] {
        assert_eq!(world.look_up(pet).await, None);
    }
    world.hero(hero.user, "PlayerName").await;
}

async fn one_that_was_restored_in_time_stays(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let other = world.hero(hero.user, "Bob").await;
    world.delete(&hero.path("")).await.ok();
    world.post(&hero.path("/restore"), json!({})).await.ok();
    world.delete(&other.path("")).await.ok();
    // Deleted later, and gone: so the time of the first is over as well.
    let heard = world.heard(4).await;
    assert_eq!(heard[3].body["delete_reason"], "retention");
    assert_eq!(heard[3].body["character_id"], json!(other.id));
    assert_eq!(world.document(&hero).await["deleted_at"], Value::Null);
    world.nothing_until_a_move_of(&hero).await;
}
