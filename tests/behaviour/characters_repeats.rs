//! `Idempotency-Key`: the same request twice has one effect and one answer.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, Reply, creation, place, with};
use super::engine::Setup;
use super::world::World;

behaviours! {
    in a shared engine:
    a_repetition_has_one_effect_and_the_first_answer,
    repetitions_at_once_have_one_effect_and_one_answer,
    every_change_can_be_repeated,
    a_key_is_for_one_request_only,
    refusals_are_repeated,
    a_repetition_is_answered_when_its_character_is_gone,
    a_key_is_1_to_255_visible_characters,
}

mod restarted {
    use super::a_repetition_after_a_restart_has_one_effect_and_the_first_answer;

    behaviours! {
        in an engine of its own with [];
        a_repetition_after_a_restart_has_one_effect_and_the_first_answer,
    }
}

/// Equal in all that matters, to the byte.
#[track_caller]
fn assert_equal(first: &Reply, second: &Reply) {
    assert_eq!((first.status, &first.text), (second.status, &second.text));
    for name in ["etag", "location", "content-type", "x-request-id"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
}

async fn a_repetition_has_one_effect_and_the_first_answer(world: World) {
    let asked = creation(Uuid::new_v4(), "Ann");
    let first = world.keyed("k", "", &asked).await;
    let hero = Hero::of(&first.with(201));
    assert!(first.header("location").is_some());
    let award = json!({ "amount": 100 });
    let awarded = world.keyed("award", &hero.path("/experience"), &award).await;
    assert_equal(&first, &world.keyed("k", "", &asked).await);
    world.post(&hero.path("/experience"), json!({ "amount": 300 })).await.ok();
    let again = world.keyed("award", &hero.path("/experience"), &award).await;
    assert_equal(&awarded, &again);
    assert_eq!(awarded.ok()["experience"], 100);
    assert_eq!(world.document(&hero).await["experience"], 400);
    assert_eq!(
        world.subjects(3).await,
        ["character.created", "character.levelup", "character.levelup"]
    );
    world.nothing_until_a_move_of(&hero).await;
}

async fn repetitions_at_once_have_one_effect_and_one_answer(world: World) {
    let asked = creation(Uuid::new_v4(), "Ann");
    let replies = join_all((0..16).map(|_| world.keyed("k", "", &asked))).await;
    let hero = Hero::of(&replies[0].with(201));
    replies.iter().for_each(|reply| assert_equal(&replies[0], reply));
    let (path, award) = (hero.path("/experience"), json!({ "amount": 100 }));
    let replies = join_all((0..16).map(|_| world.keyed("award", &path, &award))).await;
    replies.iter().for_each(|reply| assert_equal(&replies[0], reply));
    assert_eq!(world.document(&hero).await["experience"], 100);
    assert_eq!(world.subjects(2).await, ["character.created", "character.levelup"]);
    world.nothing_until_a_move_of(&hero).await;
}

async fn every_change_can_be_repeated(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let online = json!({ "world_id": "world1", "zone_id": "zone1" });
    let changes = [
        (Method::PATCH, "", json!({ "name": "Hannah" }), 0),
        (Method::POST, "/select", json!({}), 1),
        (Method::POST, "/online", online, 1),
        (Method::POST, "/offline", json!({ "reason": "logout" }), 1),
        (Method::PUT, "/position", place(1.0), 1),
        (Method::POST, "/experience", json!({ "amount": 100 }), 1),
        (Method::POST, "/stats/allocate", json!({ "strength": 1 }), 1),
        (Method::PUT, "/appearance", json!({ "height": 180 }), 1),
        (Method::DELETE, "", json!({}), 1),
        (Method::POST, "/restore", json!({}), 1),
        (Method::DELETE, "/permanent", json!({}), 1),
    ];
    for (method, path, body, num_events) in changes {
        let send = async || {
            let request = world.about(method.clone(), &hero.path(path)).json(&body);
            let key = format!("{method} {path}").replace(' ', "");
            let request = request.header("Idempotency-Key", key).header("X-Request-Id", "same");
            Reply::to(request).await
        };
        let first = send().await;
        assert!(matches!(first.status, 200 | 204), "{method} {path}: {first:?}");
        world.heard(num_events).await;
        let version = world.read(&hero.path("")).await.header("etag").map(str::to_owned);
        assert_equal(&first, &send().await);
        let again = world.read(&hero.path("")).await.header("etag").map(str::to_owned);
        assert_eq!(again, version, "{method} {path}");
    }
    let bystander = world.hero(hero.user, "Bystander").await;
    world.nothing_until_a_move_of(&bystander).await;
}

async fn a_key_is_for_one_request_only(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let (path, award) = (hero.path("/experience"), json!({ "amount": 1 }));
    world.keyed("k", &path, &award).await.ok();
    let conflict = (409, "idempotency_conflict");
    let other = world.keyed("k", &path, &json!({ "amount": 2 })).await;
    other.refused(conflict.0, conflict.1);
    let elsewhere = world.keyed("k", &format!("/n:{}/experience", hero.number), &award).await;
    elsewhere.refused(conflict.0, conflict.1);
    world.keyed("k", "", &creation(hero.user, "Bob")).await.refused(conflict.0, conflict.1);
    assert_eq!(world.document(&hero).await["experience"], 1);
    // The first is still known, and another key or tenant begins anew.
    assert_eq!(world.keyed("k", &path, &award).await.ok()["experience"], 1);
    assert_eq!(world.keyed("l", &path, &award).await.ok()["experience"], 2);
    let stranger = World::of(Uuid::new_v4(), &world.engine);
    stranger.keyed("k", "", &creation(hero.user, "Bob")).await.with(201);
}

async fn refusals_are_repeated(world: World) {
    let user = Uuid::new_v4();
    let hero = world.hero(user, "Ann").await;
    let refuse = async |key: &str, path: &str, body: &Value, code: &str| {
        let reply = world.keyed(key, path, body).await;
        reply.refused(409, code);
        reply
    };
    let named = creation(Uuid::new_v4(), "ann");
    let slotted = with(creation(user, "Bob"), json!({ "slot_number": 1 }));
    let numbered = with(creation(Uuid::new_v4(), "Cid"), json!({ "number": hero.number }));
    let offline = json!({ "reason": "logout" });
    let away = hero.path("/offline");
    let cases = [
        ("name", "", &named, "name_taken"),
        ("slot", "", &slotted, "slot_occupied"),
        ("number", "", &numbered, "number_taken"),
        ("offline", &away, &offline, "not_online"),
    ];
    let mut first = Vec::new();
    for (key, path, body, code) in cases {
        first.push(refuse(key, path, body, code).await);
    }
    // What was in the way is gone; the answer is the same, for a new key it is not.
    world.delete(&hero.path("/permanent")).await;
    for ((key, path, body, code), first) in cases.into_iter().zip(&first) {
        assert_equal(first, &refuse(key, path, body, code).await);
    }
    world.keyed("new", "", &numbered).await.with(201);
}

async fn a_repetition_is_answered_when_its_character_is_gone(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let (select, restore, body) = (hero.path("/select"), hero.path("/restore"), json!({}));
    let selected = world.keyed("select", &select, &body).await;
    world.delete(&hero.path("")).await.ok();
    let restored = world.keyed("restore", &restore, &body).await;
    selected.ok();
    restored.ok();
    world.delete(&hero.path("/permanent")).await;
    assert_equal(&selected, &world.keyed("select", &select, &body).await);
    assert_equal(&restored, &world.keyed("restore", &restore, &body).await);
    world.keyed("new", &restore, &body).await.refused(404, "unknown_character");
}

async fn a_key_is_1_to_255_visible_characters(world: World) {
    let asked = creation(Uuid::new_v4(), "Ann");
    let long = "x".repeat(256);
    for key in ["", "two words", &*long] {
        world.keyed(key, "", &asked).await.refused(400, "invalid_idempotency_key");
    }
    world.keyed(&long[1..], "", &asked).await.with(201);
}

async fn a_repetition_after_a_restart_has_one_effect_and_the_first_answer(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let asked = creation(Uuid::new_v4(), "Ann");
    let created = world.keyed("create", "", &asked).await;
    let hero = Hero::of(&created.with(201));
    let (path, award) = (hero.path("/experience"), json!({ "amount": 100 }));
    let awarded = world.keyed("award", &path, &award).await;
    let named = creation(Uuid::new_v4(), "ANN");
    let refused = world.keyed("name", "", &named).await;
    world.heard(2).await;
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    assert_equal(&created, &world.keyed("create", "", &asked).await);
    let replies = join_all((0..4).map(|_| world.keyed("award", &path, &award))).await;
    replies.iter().for_each(|reply| assert_equal(&awarded, reply));
    assert_equal(&refused, &world.keyed("name", "", &named).await);
    refused.refused(409, "name_taken");
    let other = world.keyed("award", &path, &json!({ "amount": 1 })).await;
    other.refused(409, "idempotency_conflict");
    assert_eq!(world.document(&hero).await["experience"], 100);
    let events = world.read(&hero.path("/events")).await.ok();
    assert_eq!(events["data"].as_array().unwrap().len(), 2);
}
