//! Characters first seen on Kafka: nobody created them here, and what is unset can be set.

use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::Hero;
use super::world::{MAP, World};

const NUMBER: u32 = 12_345;

behaviours! {
    in a shared engine:
    who_is_first_seen_on_kafka_has_nothing_set,
    what_is_unset_is_set_once,
    a_created_character_has_everything_set,
    who_gets_a_user_gets_a_slot,
    who_gets_a_name_keeps_logging_in_under_it,
    stats_wait_for_the_class,
    looks_are_unset_until_somebody_sets_them,
    a_class_cannot_be_set_of_somebody_never_seen,
}

fn here() -> Value {
    json!({ "channelId": 1, "mapId": MAP, "instance": Uuid::nil() })
}

/// Of the character that logged in; it has no user.
async fn login(world: &World) -> (String, Value) {
    world.login(NUMBER).await;
    let document = world.read(&format!("/n:{NUMBER}")).await.ok();
    (format!("/{}", document["character_id"].as_str().unwrap()), document)
}

async fn who_is_first_seen_on_kafka_has_nothing_set(world: World) {
    let session = world.login(NUMBER).await;
    let reply = world.read(&format!("/n:{NUMBER}")).await;
    let document = reply.ok();
    let tenant: Uuid = world.tenant.parse().unwrap();
    let expected = json!({
        "character_id": Uuid::new_v5(&tenant, b"character/12345"), "number": NUMBER,
        "user_id": null, "name": "character-12345", "class_type": null, "race": null,
        "gender": null, "level": 1, "experience": 0, "slot_number": null, "stats": {},
        "stat_points": 0, "skill_points": 0, "appearance": {},
        "position": {
            "world_id": "0", "zone_id": "100000000", "position_x": 0.0, "position_y": 0.0,
            "position_z": 0.0,
        },
        "online": true, "session_id": session, "created_at": document["created_at"],
        "last_played_at": document["last_played_at"], "total_play_time_ms": 0,
        "deleted_at": null, "can_restore_until": null, "version": 1,
    });
    assert_eq!(document, expected);
    // Nobody created it here, so nobody heard of a creation.
    assert_eq!(world.engine.heard.of(&world.tenant).len(), 1);
}

async fn what_is_unset_is_set_once(world: World) {
    let (path, before) = login(&world).await;
    let user = Uuid::new_v4();
    let all = json!({ "class_type": "mage", "race": "elf", "gender": "other", "user_id": user });
    for (field, code) in
        [("class_type", "unknown_class"), ("race", "unknown_race"), ("gender", "unknown_gender")]
    {
        let wrong = super::characters_kit::with(all.clone(), json!({ field: "none" }));
        world.patch(&path, wrong).await.refused(422, code);
    }
    assert_eq!(world.read(&path).await.ok(), before, "all or nothing");
    world.patch(&path, json!({ "class_type": "mage" })).await.ok();
    let set = world.patch(&path, all.clone()).await.ok();
    let expected = super::characters_kit::with(
        before,
        super::characters_kit::with(
            all.clone(),
            json!({
                "stats": {
                    "strength": 6, "agility": 8, "intelligence": 16, "wisdom": 13, "vitality": 9,
                },
                "slot_number": 1, "version": 3,
            }),
        ),
    );
    assert_eq!(set, expected);
    assert_eq!(world.patch(&path, all).await.ok(), set, "the same again is no change");
    for other in [
        json!({ "class_type": "rogue" }),
        json!({ "race": "human" }),
        json!({ "gender": "male" }),
        json!({ "user_id": Uuid::new_v4() }),
        json!({ "name": "Merlin", "class_type": "rogue" }),
    ] {
        world.patch(&path, other).await.refused(409, "already_set");
    }
    assert_eq!(world.read(&path).await.ok(), set);
    let hero = Hero::of(&set);
    world.nothing_until_a_move_of(&hero).await;
}

async fn a_created_character_has_everything_set(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for other in [
        json!({ "class_type": "rogue" }),
        json!({ "race": "elf" }),
        json!({ "gender": "other" }),
        json!({ "user_id": Uuid::new_v4() }),
    ] {
        world.patch(&hero.path(""), other).await.refused(409, "already_set");
    }
    assert_eq!(world.document(&hero).await["version"], 1);
}

async fn who_gets_a_user_gets_a_slot(world: World) {
    let user = Uuid::new_v4();
    let mut heroes = Vec::new();
    for name in ["One", "Two", "Three", "Four", "Five"] {
        heroes.push(world.hero(user, name).await);
    }
    let (path, _) = login(&world).await;
    world.patch(&path, json!({ "user_id": user })).await.refused(409, "slots_full");
    world.delete(&heroes[1].path("")).await.ok();
    assert_eq!(world.patch(&path, json!({ "user_id": user })).await.ok()["slot_number"], 2);
    let page = world.read(&format!("?user_id={user}")).await.ok();
    let numbers: Vec<_> =
        page["data"].as_array().unwrap().iter().map(|one| &one["number"]).collect();
    assert_eq!(numbers.last(), Some(&&json!(NUMBER)));
    world.post(&heroes[1].path("/restore"), json!({})).await.refused(409, "slot_occupied");
}

async fn who_gets_a_name_keeps_logging_in_under_it(world: World) {
    let (path, before) = login(&world).await;
    let user = Uuid::new_v4();
    let asked = json!({ "name": "Merlin", "user_id": user });
    let set = world.patch(&path, asked).await.ok();
    assert_eq!(set["online"], true, "its session goes on");
    world
        .post("", super::characters_kit::creation(user, "MERLIN"))
        .await
        .refused(409, "name_taken");
    let session = world.status(NUMBER, "LOGIN", here());
    world.status(NUMBER, "LOGOUT", here());
    let heard = world.heard(3).await;
    let subjects: Vec<_> = heard.iter().map(|heard| &*heard.subject).collect();
    assert_eq!(subjects, ["character.offline", "character.online", "character.offline"]);
    for heard in &heard {
        assert_eq!(heard.body["character_id"], before["character_id"]);
        assert_eq!(heard.body["user_id"], json!(user));
        assert_eq!(heard.body["name"], "Merlin");
    }
    assert_eq!(heard[1].body["session_id"], json!(session));
}

async fn stats_wait_for_the_class(world: World) {
    let (path, _) = login(&world).await;
    let award = json!({ "amount": 100 });
    assert_eq!(world.post(&format!("{path}/experience"), award).await.ok()["stat_points"], 5);
    let allocate = format!("{path}/stats/allocate");
    world.post(&allocate, json!({ "wisdom": 5 })).await.refused(409, "class_unset");
    world.patch(&path, json!({ "class_type": "mage" })).await.ok();
    let stats = world.post(&allocate, json!({ "wisdom": 5 })).await.ok();
    assert_eq!((&stats["stats"]["wisdom"], &stats["stat_points"]), (&json!(18), &json!(0)));
}

/// Nobody has said how it looks: what is said is new, also if it is what others begin with.
async fn looks_are_unset_until_somebody_sets_them(world: World) {
    let (path, _) = login(&world).await;
    let looks = format!("{path}/appearance");
    assert_eq!(world.read(&looks).await.ok(), json!({}));
    let asked = json!({ "height": 200, "hair_color": "#5A3825" });
    assert_eq!(world.put(&looks, asked.clone()).await.ok(), asked);
    world.put(&looks, json!({ "hair_color": "#5A3825" })).await.ok();
    assert_eq!(world.read(&looks).await.ok(), asked);
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["changed_fields"], json!(["hair_color", "height"]));
    world.put(&looks, json!({ "height": 90 })).await.ok();
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["changed_fields"], json!(["height"]));
}

async fn a_class_cannot_be_set_of_somebody_never_seen(world: World) {
    let asked = json!({ "class_type": "mage" });
    world.patch(&format!("/n:{NUMBER}"), asked).await.refused(404, "unknown_character");
    // It owns a pet, and still nobody has seen it.
    world.pet(NUMBER).await;
    let asked = json!({ "class_type": "mage" });
    world.patch(&format!("/n:{NUMBER}"), asked).await.refused(404, "unknown_character");
    world.read(&format!("/n:{NUMBER}")).await.refused(404, "unknown_character");
}
