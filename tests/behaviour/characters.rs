//! EVENT_TOPIC_CHARACTER_STATUS: the registry, and what NATS hears of it.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::ears::Heard;
use super::world::{MAP, Topic, World, alone, event};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    a_logout_ends_the_session_with_its_duration,
    a_second_login_replaces_the_first_session,
    a_map_change_is_heard_with_both_places,
    a_channel_change_is_heard,
    the_deletion_of_a_character_takes_its_pets_with_it,
    a_character_that_is_offline_is_no_ghost,
    types_of_others_are_ignored,
    pets_stay_out_over_a_logout,
}

fn here() -> Value {
    json!({ "channelId": 1, "mapId": MAP, "instance": Uuid::nil() })
}

fn subjects(heard: &[Arc<Heard>]) -> Vec<&str> {
    heard.iter().map(|heard| heard.subject.as_str()).collect()
}

/// A record with a timestamp of its own would need another producer: durations are compared
/// with the two messages' own times.
fn nanos_between(first: &Heard, second: &Heard) -> i64 {
    let at = |heard: &Heard| {
        let text = heard.body["timestamp"].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    (at(second) - at(first)).num_nanoseconds().unwrap()
}

async fn a_logout_ends_the_session_with_its_duration(world: World) {
    let session = world.login(OWNER).await;
    let online = world.engine.heard.of(&world.tenant)[0].clone();
    world.status(OWNER, "LOGOUT", here());
    let heard = world.heard(1).await;
    let body = &heard[0].body;
    assert_eq!(heard[0].subject, "character.offline");
    assert_eq!(body["session_id"], json!(session));
    assert_eq!(body["reason"], "logout");
    assert_eq!(body["name"], "character-12345");
    let duration = body["online_duration"].as_i64().unwrap();
    // Records carry milliseconds, and are decided a little later than written.
    let slack = 2_000_000_000;
    assert!((duration - nanos_between(&online, &heard[0])).abs() < slack, "{duration}");
    assert_eq!(duration % 1_000_000, 0);
}

async fn a_second_login_replaces_the_first_session(world: World) {
    let first = world.login(OWNER).await;
    let second = world.status(OWNER, "LOGIN", here());
    let heard = world.heard(2).await;
    assert_eq!(subjects(&heard), ["character.offline", "character.online"]);
    assert_eq!(heard[0].body["reason"], "replaced");
    assert_eq!(heard[0].body["session_id"], json!(first));
    assert_eq!(heard[1].body["session_id"], json!(second));
}

async fn a_map_change_is_heard_with_both_places(world: World) {
    world.login(OWNER).await;
    let body = json!({
        "channelId": 1, "oldMapId": MAP, "oldInstance": Uuid::nil(), "targetMapId": 100_000_001,
        "targetInstance": Uuid::nil(), "targetPortalId": 3, "useTargetPosition": true,
        "targetX": -20, "targetY": 40,
    });
    world.status(OWNER, "MAP_CHANGED", body);
    let body = json!({
        "channelId": 1, "oldMapId": 100_000_001, "oldInstance": Uuid::nil(), "targetMapId": MAP,
        "targetInstance": Uuid::nil(), "targetPortalId": 3,
    });
    world.status(OWNER, "MAP_CHANGED", body);
    let heard = world.heard(2).await;
    assert_eq!(subjects(&heard), ["character.position.updated"; 2]);
    let place = |zone: &str, x: f64, y: f64| {
        json!({
            "world_id": "0", "zone_id": zone, "position_x": x, "position_y": y, "position_z": 0.0,
        })
    };
    for (heard, previous, new) in [
        (&heard[0], place("100000000", 0.0, 0.0), place("100000001", -20.0, 40.0)),
        (&heard[1], place("100000001", -20.0, 40.0), place("100000000", 0.0, 0.0)),
    ] {
        assert_eq!(heard.body["movement_type"], "map_change");
        assert_eq!(heard.body["previous_position"], previous);
        assert_eq!(heard.body["new_position"], new);
    }
}

async fn a_channel_change_is_heard(world: World) {
    world.login(OWNER).await;
    let body = json!({ "channelId": 2, "oldChannelId": 1, "mapId": MAP, "instance": Uuid::nil() });
    world.status(OWNER, "CHANNEL_CHANGED", body);
    let heard = world.heard(1).await;
    assert_eq!(subjects(&heard), ["character.position.updated"]);
    assert_eq!(heard[0].body["movement_type"], "channel_change");
    assert_eq!(heard[0].body["new_position"]["zone_id"], "100000000");
}

async fn the_deletion_of_a_character_takes_its_pets_with_it(world: World) {
    let (a, b, c) = (world.pet(OWNER).await, world.pet(OWNER).await, world.pet(OWNER).await);
    let bystander = world.pet(OWNER + 1).await;
    world.login(OWNER).await;
    world.order(OWNER, c, "SPAWN", json!({ "lead": false }));
    world.order(OWNER, b, "SPAWN", json!({ "lead": true }));
    world.told(a).await;
    world.status(OWNER, "DELETED", json!({}));
    let heard = world.heard(2).await;
    assert_eq!(subjects(&heard), ["character.offline", "character.deleted"]);
    assert_eq!(heard[0].body["reason"], "deleted");
    assert_eq!(heard[1].body["delete_reason"], "character_status");
    assert_eq!(heard[1].body["soft_delete"], false);
    // Lead first, then those that were not out.
    let deleted = world.announced("DELETED", 3).await;
    assert_eq!(deleted, [b, c, a].map(|pet| event(pet, "DELETED", json!({}))));
    assert_eq!(world.announced("DESPAWNED", 0).await, []);
    for pet in [a, b, c] {
        assert_eq!(world.look_up(pet).await, None);
    }
    assert!(world.look_up(bystander).await.is_some());
}

async fn a_character_that_is_offline_is_no_ghost(world: World) {
    let _alone = alone().await;
    let labels = |kind: &str| format!("command=\"{kind}\",reason=\"not_online\"");
    let kinds = ["LOGOUT", "MAP_CHANGED", "CHANNEL_CHANGED"];
    let mut expected = Vec::new();
    for kind in kinds {
        expected.push(world.counter("commands_rejected_total", &labels(kind)).await + 1);
        let mut body = here();
        body["targetMapId"] = json!(MAP);
        world.status(OWNER, kind, body);
    }
    world.login(OWNER).await;
    assert_eq!(subjects(&world.engine.heard.of(&world.tenant)), ["character.online"]);
    for (kind, expected) in kinds.into_iter().zip(expected) {
        world.until_counted("commands_rejected_total", &labels(kind), expected).await;
    }
}

async fn types_of_others_are_ignored(world: World) {
    for kind in ["STAT_CHANGED", "JOB_CHANGED", "CREATED", "login", ""] {
        world.status(OWNER, kind, json!({ "anything": [1, { "else": null }] }));
    }
    let record = json!({ "type": "MESO_CHANGED", "worldId": 0, "characterId": OWNER });
    world.send(Topic::CharacterStatus, &record);
    world.login(OWNER).await;
    assert_eq!(subjects(&world.engine.heard.of(&world.tenant)), ["character.online"]);
    assert_eq!(world.letters(0).await, []);
}

async fn pets_stay_out_over_a_logout(world: World) {
    let pet = world.pet(OWNER).await;
    world.login(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.told(pet).await;
    world.status(OWNER, "LOGOUT", here());
    world.heard(1).await;
    world.login(OWNER).await;
    assert_eq!(world.told(pet).await, []);
    assert_eq!(world.look_up(pet).await.unwrap()["slot"], 0);
}
