//! Who is selected, who is online, and for how long.

use chrono::{DateTime, FixedOffset};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, numbers};
use super::ears::Heard;
use super::world::{MAP, World};

behaviours! {
    in a shared engine:
    selecting_another_ends_the_session_of_the_first,
    selecting_the_same_again_ends_nothing,
    selecting_another_users_character_ends_nothing,
    of_many_selections_at_once_one_stands,
    a_session_is_the_one_selected_the_one_named_or_a_new_one,
    going_online_twice_replaces_the_session,
    who_is_not_online_cannot_go_offline,
    a_session_counts_once_it_is_finished,
    a_session_is_the_same_for_requests_and_records,
}

fn here() -> Value {
    json!({ "channelId": 1, "mapId": MAP, "instance": Uuid::nil() })
}

async fn enter(world: &World, hero: &Hero, members: Value) -> Value {
    let asked = json!({ "world_id": "world1", "zone_id": "zone1" });
    let asked = super::characters_kit::with(asked, members);
    world.post(&hero.path("/online"), asked).await.ok()
}

async fn selecting_another_ends_the_session_of_the_first(world: World) {
    let user = Uuid::new_v4();
    let (one, two) = (world.hero(user, "One").await, world.hero(user, "Two").await);
    let selected = world.post(&one.path("/select"), json!({})).await.ok();
    enter(&world, &one, json!({})).await;
    world.heard(2).await;
    let second = world.post(&two.path("/select"), json!({})).await.ok();
    // Whoever has the answer sees both sides of it.
    let (left, stays) = (world.document(&one).await, world.document(&two).await);
    assert_eq!((&left["online"], &left["session_id"]), (&json!(false), &Value::Null));
    assert_eq!((&stays["online"], &stays["session_id"]), (&json!(false), &second["session_id"]));
    let mut heard = world.heard(2).await;
    heard.sort_by(|a, b| a.subject.cmp(&b.subject));
    assert_eq!(heard[0].subject, "character.offline");
    assert_eq!(heard[0].body["character_id"], json!(one.id));
    assert_eq!(heard[0].body["reason"], "switched");
    assert_eq!(heard[0].body["session_id"], selected["session_id"]);
    assert_eq!(heard[1].subject, "character.selected");
    assert_eq!(heard[1].body["character_id"], json!(two.id));
    // Decided together.
    assert_eq!(heard[0].body["timestamp"], heard[1].body["timestamp"]);
    assert_eq!(numbers(&heard), [4, 2]);
    // It comes online later without the selection it lost.
    let again = enter(&world, &one, json!({})).await;
    assert_ne!(again["session_id"], selected["session_id"]);
}

async fn selecting_the_same_again_ends_nothing(world: World) {
    let user = Uuid::new_v4();
    let (one, two) = (world.hero(user, "One").await, world.hero(user, "Two").await);
    enter(&world, &one, json!({})).await;
    world.post(&one.path("/select"), json!({})).await.ok();
    assert_eq!(world.document(&one).await["online"], true);
    assert_eq!(world.subjects(2).await, ["character.online", "character.selected"]);
    // One that only is selected gives way without an event.
    let version = world.document(&two).await["version"].as_u64().unwrap();
    world.post(&two.path("/select"), json!({})).await.ok();
    let mut subjects = world.subjects(2).await;
    subjects.sort();
    assert_eq!(subjects, ["character.offline", "character.selected"]);
    world.post(&one.path("/select"), json!({})).await.ok();
    assert_eq!(world.subjects(1).await, ["character.selected"]);
    let two = world.document(&two).await;
    assert_eq!((&two["session_id"], &two["version"]), (&Value::Null, &json!(version + 2)));
    world.nothing_until_a_move_of(&one).await;
}

async fn selecting_another_users_character_ends_nothing(world: World) {
    let one = world.hero(Uuid::new_v4(), "One").await;
    let two = world.hero(Uuid::new_v4(), "Two").await;
    enter(&world, &one, json!({})).await;
    world.post(&two.path("/select"), json!({})).await.ok();
    assert_eq!(world.subjects(2).await, ["character.online", "character.selected"]);
    assert_eq!(world.document(&one).await["online"], true);
    world.nothing_until_a_move_of(&one).await;
}

async fn of_many_selections_at_once_one_stands(world: World) {
    let user = Uuid::new_v4();
    let mut heroes = Vec::new();
    for name in ["One", "Two", "Three", "Four", "Five"] {
        heroes.push(world.hero(user, name).await);
    }
    enter(&world, &heroes[0], json!({})).await;
    world.heard(1).await;
    for _ in 0..4 {
        let paths: Vec<_> = heroes.iter().map(|hero| hero.path("/select")).collect();
        let selections = paths.iter().map(|path| world.post(path, json!({})));
        for reply in join_all(selections).await {
            reply.ok();
        }
        let documents = join_all(heroes.iter().map(|hero| world.document(hero))).await;
        let selected = documents.iter().filter(|document| !document["session_id"].is_null());
        assert_eq!(selected.count(), 1, "{documents:#?}");
    }
    let heard = world.heard(21).await;
    let offline: Vec<_> =
        heard.iter().filter(|heard| heard.subject == "character.offline").collect();
    assert!(offline.len() == 1 && offline[0].body["reason"] == "switched", "{offline:?}");
    world.nothing_until_a_move_of(&heroes[0]).await;
}

async fn a_session_is_the_one_selected_the_one_named_or_a_new_one(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let made = enter(&world, &hero, json!({})).await["session_id"].clone();
    let made: Uuid = serde_json::from_value(made).unwrap();
    assert_eq!(made.get_version_num(), 7);
    let selected = world.post(&hero.path("/select"), json!({})).await.ok();
    let online = enter(&world, &hero, json!({})).await;
    assert_eq!(online["session_id"], selected["session_id"]);
    let named = Uuid::new_v4();
    let online = enter(&world, &hero, json!({ "session_id": named })).await;
    assert_eq!(online["session_id"], json!(named));
    let heard = world.heard(6).await;
    let sessions: Vec<_> = heard.iter().map(|heard| heard.body["session_id"].clone()).collect();
    let (made, selected, named) = (json!(made), &selected["session_id"], json!(named));
    assert_eq!(sessions, [&made, selected, &made, selected, selected, &named].map(Clone::clone));
}

async fn going_online_twice_replaces_the_session(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let first = enter(&world, &hero, json!({})).await["session_id"].clone();
    let second = enter(&world, &hero, json!({})).await["session_id"].clone();
    assert_ne!(first, second);
    let heard = world.heard(3).await;
    let of = |heard: &Heard| (heard.subject.clone(), heard.body["session_id"].clone());
    let expected = [
        ("character.online", &first),
        ("character.offline", &first),
        ("character.online", &second),
    ];
    for (heard, (subject, session)) in heard.iter().zip(expected) {
        assert_eq!(of(heard), (subject.to_owned(), session.clone()));
    }
    assert_eq!(heard[1].body["reason"], "replaced");
}

async fn who_is_not_online_cannot_go_offline(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/offline");
    world.post(&path, json!({ "reason": "logout" })).await.refused(409, "not_online");
    enter(&world, &hero, json!({})).await;
    world.post(&path, json!({ "reason": "kicked" })).await.ok();
    world.post(&path, json!({ "reason": "logout" })).await.refused(409, "not_online");
    let heard = world.heard(2).await;
    assert_eq!(heard[1].body["reason"], "kicked");
    world.nothing_until_a_move_of(&hero).await;
}

async fn a_session_counts_once_it_is_finished(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let at = |heard: &Heard| -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(heard.body["timestamp"].as_str().unwrap()).unwrap()
    };
    let mut played = 0;
    for _ in 0..3 {
        let online = enter(&world, &hero, json!({})).await;
        assert_eq!(online["total_play_time_ms"], played, "not of the session under way");
        world.put(&hero.path("/position"), super::characters_kit::place(1.0)).await.ok();
        let offline = world.post(&hero.path("/offline"), json!({ "reason": "logout" })).await.ok();
        let heard = world.heard(3).await;
        let lasted = (at(&heard[2]) - at(&heard[0])).num_nanoseconds().unwrap();
        assert_eq!(heard[2].body["online_duration"], lasted);
        assert!(lasted > 0);
        played += lasted / 1_000_000;
        assert_eq!(offline["total_play_time_ms"], played);
        let last = DateTime::parse_from_rfc3339(offline["last_played_at"].as_str().unwrap());
        assert_eq!(last.unwrap(), at(&heard[2]));
    }
}

async fn a_session_is_the_same_for_requests_and_records(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let session = world.status(hero.number, "LOGIN", here());
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["session_id"], json!(session));
    assert_eq!(
        (&heard[0].body["name"], &heard[0].body["user_id"]),
        (&json!("Ann"), &json!(hero.user))
    );
    let document = world.document(&hero).await;
    assert_eq!((&document["online"], &document["session_id"]), (&json!(true), &json!(session)));
    world.post(&hero.path("/offline"), json!({ "reason": "logout" })).await.ok();
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["session_id"], json!(session));
    // World and map as numbers: as the game servers name them.
    let asked = json!({ "world_id": "0", "zone_id": MAP.to_string() });
    let session = world.post(&hero.path("/online"), asked).await.ok()["session_id"].clone();
    world.status(hero.number, "LOGOUT", here());
    let heard = world.heard(2).await;
    assert_eq!(
        (&heard[1].body["reason"], &heard[1].body["session_id"]),
        (&json!("logout"), &session)
    );
}
