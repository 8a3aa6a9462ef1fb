//! Every route of the characters API (`spec/interface.md` section 4): what it answers with.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{ROOT, Reply, creation, place, with};
use super::spec;
use super::world::World;

behaviours! {
    in a shared engine:
    a_character_is_created_whole,
    a_character_is_read_by_its_id_and_by_its_number,
    a_character_gets_another_name,
    a_deletion_and_a_restoration_answer_with_the_character,
    a_permanent_deletion_answers_with_nothing,
    a_selection_answers_with_its_session_and_place,
    going_online_and_offline_answers_with_the_character,
    a_position_can_be_set_and_read,
    stats_can_be_read_and_allocated,
    experience_answers_with_the_character,
    an_appearance_can_be_read_and_changed_in_part,
}

const MEMBERS: [&str; 23] = [
    "character_id",
    "number",
    "user_id",
    "name",
    "class_type",
    "race",
    "gender",
    "level",
    "experience",
    "slot_number",
    "stats",
    "stat_points",
    "skill_points",
    "appearance",
    "position",
    "online",
    "session_id",
    "created_at",
    "last_played_at",
    "total_play_time_ms",
    "deleted_at",
    "can_restore_until",
    "version",
];

/// The whole character, in the order of the interface, with its version as the `ETag`.
#[track_caller]
fn whole(reply: &Reply) -> Value {
    let document = reply.ok();
    assert_eq!(spec::keys(&reply.text), MEMBERS);
    assert_eq!(reply.header("etag"), Some(&*format!("\"{}\"", document["version"])));
    document
}

/// These members in this order, and the version as the `ETag`.
#[track_caller]
fn part(reply: &Reply, version: u64, members: &[&str]) -> Value {
    let document = reply.ok();
    assert_eq!(spec::keys(&reply.text), members);
    assert_eq!(reply.header("etag"), Some(&*format!("\"{version}\"")));
    document
}

async fn a_character_is_created_whole(world: World) {
    let user = Uuid::new_v4();
    let asked = with(
        creation(user, " Ann Other "),
        json!({ "slot_number": 3, "number": 4711, "appearance": { "hair_style": 7 } }),
    );
    let reply = world.post("", asked).await;
    let document = reply.with(201);
    assert_eq!(spec::keys(&reply.text), MEMBERS);
    assert_eq!(reply.header("etag"), Some("\"1\""));
    let id = document["character_id"].as_str().unwrap();
    assert_eq!(reply.header("location"), Some(&*format!("{ROOT}/{id}")));
    assert_eq!(Uuid::try_parse(id).unwrap().get_version_num(), 7);
    let expected = json!({
        "character_id": id, "number": 4711, "user_id": user, "name": "Ann Other",
        "class_type": "warrior", "race": "human", "gender": "male", "level": 1, "experience": 0,
        "slot_number": 3,
        "stats": {
            "strength": 10, "agility": 12, "intelligence": 8, "wisdom": 7, "vitality": 15,
        },
        "stat_points": 0, "skill_points": 0,
        "appearance": {
            "hair_color": "#5A3825", "hair_style": 7, "face_type": 0, "skin_color": "#E0B08C",
            "eye_color": "#4B3621", "body_type": 0, "height": 175,
        },
        "position": null, "online": false, "session_id": null,
        "created_at": document["created_at"], "last_played_at": null, "total_play_time_ms": 0,
        "deleted_at": null, "can_restore_until": null, "version": 1,
    });
    assert_eq!(document, expected);
    let created = document["created_at"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(created).is_ok() && created.ends_with('Z'));
}

async fn a_character_is_read_by_its_id_and_by_its_number(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let reply = world.read(&hero.path("")).await;
    whole(&reply);
    let by_number = world.read(&format!("/n:{}", hero.number)).await;
    assert_eq!((by_number.ok(), by_number.header("etag")), (reply.json(), Some("\"1\"")));
    let head = Reply::to(world.about(Method::HEAD, &hero.path(""))).await;
    assert_eq!((head.status, &*head.text, head.header("etag")), (200, "", Some("\"1\"")));
    let nobody = Uuid::new_v4().to_string();
    for id in [&*nobody, "n:4000000000", "n:99999999999", "n:", "n:-1", "n:+1", "12345", "Ann"] {
        world.read(&format!("/{id}")).await.refused(404, "unknown_character");
    }
    let detail = world.read("/12345").await.json()["detail"].clone();
    assert!(
        detail.as_str().unwrap().contains("n:12345"),
        "a number is written otherwise: {detail}"
    );
    // Drawn numbers are above those seen.
    let next = world.hero(Uuid::new_v4(), "Bob").await;
    assert!(next.number > hero.number);
}

async fn a_character_gets_another_name(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let document = whole(&world.patch(&hero.path(""), json!({ "name": "Hannah" })).await);
    assert_eq!((&document["name"], &document["version"]), (&json!("Hannah"), &json!(2)));
    assert_eq!(world.document(&hero).await, document);
    // The old one is free, and nothing was published.
    world.post("", creation(Uuid::new_v4(), "ann")).await.with(201);
    assert_eq!(world.heard(1).await[0].body["name"], "ann");
    // In another case only, and to the same: the second is no change.
    let document = whole(&world.patch(&hero.path(""), json!({ "name": "HANNAH" })).await);
    assert_eq!((&document["name"], &document["version"]), (&json!("HANNAH"), &json!(3)));
    assert_eq!(whole(&world.patch(&hero.path(""), json!({ "name": "HANNAH" })).await), document);
    assert_eq!(whole(&world.patch(&hero.path(""), json!({})).await), document);
    world.nothing_until_a_move_of(&hero).await;
}

async fn a_deletion_and_a_restoration_answer_with_the_character(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let deleted = whole(&world.delete(&hero.path("")).await);
    let at = |name: &str| {
        let text = deleted[name].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    let window = chrono::TimeDelta::days(30);
    assert_eq!(at("can_restore_until") - at("deleted_at"), window);
    assert_eq!((&deleted["slot_number"], &deleted["version"]), (&json!(1), &json!(2)));
    assert_eq!(world.document(&hero).await, deleted);
    let restored = whole(&world.post(&hero.path("/restore"), json!({})).await);
    let expected =
        with(deleted, json!({ "deleted_at": null, "can_restore_until": null, "version": 3 }));
    assert_eq!(restored, expected);
    world.post(&hero.path("/restore"), json!({})).await.refused(409, "not_deleted");
}

async fn a_permanent_deletion_answers_with_nothing(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/permanent");
    let reply = world.delete(&path).await;
    assert_eq!((reply.status, &*reply.text), (204, ""));
    for path in [path, hero.path("")] {
        world.delete(&path).await.refused(404, "unknown_character");
    }
    world.read(&hero.path("")).await.refused(404, "unknown_character");
    world.read(&format!("/n:{}", hero.number)).await.refused(404, "unknown_character");
}

async fn a_selection_answers_with_its_session_and_place(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/select");
    let members = ["session_id", "location"];
    let selected = part(&world.post(&path, json!({})).await, 2, &members);
    assert_eq!(selected["location"], Value::Null);
    let made: Uuid = serde_json::from_value(selected["session_id"].clone()).unwrap();
    assert_eq!(made.get_version_num(), 7);
    world.put(&hero.path("/position"), place(1.0)).await.ok();
    let (given, ip) = (Uuid::new_v4(), "2001:db8::1");
    let asked = json!({ "session_id": given, "ip": ip });
    let selected = part(&world.post(&path, asked).await, 4, &members);
    let mut location = place(1.0);
    location.as_object_mut().unwrap().remove("movement_type");
    assert_eq!(selected, json!({ "session_id": given, "location": location }));
    assert_eq!(world.document(&hero).await["session_id"], json!(given));
}

async fn going_online_and_offline_answers_with_the_character(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let session = Uuid::new_v4();
    let asked = json!({ "session_id": session, "world_id": "world1", "zone_id": "zone1" });
    let online = whole(&world.post(&hero.path("/online"), asked).await);
    assert_eq!((&online["online"], &online["session_id"]), (&json!(true), &json!(session)));
    let offline = json!({ "reason": "logout" });
    let offline = whole(&world.post(&hero.path("/offline"), offline).await);
    assert_eq!((&offline["online"], &offline["session_id"]), (&json!(false), &Value::Null));
    assert_eq!(world.document(&hero).await, offline);
}

async fn a_position_can_be_set_and_read(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/position");
    world.read(&path).await.refused(404, "no_position");
    let members = ["world_id", "zone_id", "position_x", "position_y", "position_z"];
    let reply = world.put(&path, place(-1e7)).await;
    let position = part(&reply, 2, &members);
    assert_eq!(position["position_x"], json!(-1e7));
    assert_eq!(part(&world.read(&path).await, 2, &members), position);
    assert_eq!(world.document(&hero).await["position"], position);
}

async fn stats_can_be_read_and_allocated(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    world.post(&hero.path("/experience"), json!({ "amount": 400 })).await.ok();
    let members = ["stats", "stat_points", "skill_points"];
    let reply = world.read(&hero.path("/stats")).await;
    let stats = part(&reply, 2, &members);
    assert_eq!((&stats["stat_points"], &stats["skill_points"]), (&json!(10), &json!(4)));
    let names = ["strength", "agility", "intelligence", "wisdom", "vitality"];
    assert_eq!(
        spec::keys(
            reply.text.split_once("\"stats\":").unwrap().1.split_inclusive('}').next().unwrap()
        ),
        names
    );
    let asked = json!({ "wisdom": 3, "strength": 1 });
    let allocated = part(&world.post(&hero.path("/stats/allocate"), asked).await, 3, &members);
    let expected = json!({
        "stats": { "strength": 11, "agility": 12, "intelligence": 8, "wisdom": 10, "vitality": 15 },
        "stat_points": 6, "skill_points": 4,
    });
    assert_eq!(allocated, expected);
    assert_eq!(part(&world.read(&hero.path("/stats")).await, 3, &members), expected);
}

async fn experience_answers_with_the_character(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let award = json!({ "amount": 99, "reason": "quest" });
    let document = whole(&world.post(&hero.path("/experience"), award).await);
    assert_eq!((&document["experience"], &document["level"]), (&json!(99), &json!(1)));
    let document = whole(&world.post(&hero.path("/experience"), json!({ "amount": 1 })).await);
    assert_eq!((&document["experience"], &document["level"]), (&json!(100), &json!(2)));
    assert_eq!(world.document(&hero).await, document);
}

async fn an_appearance_can_be_read_and_changed_in_part(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/appearance");
    let fields =
        ["hair_color", "hair_style", "face_type", "skin_color", "eye_color", "body_type", "height"];
    let before = part(&world.read(&path).await, 1, &fields);
    let asked = json!({ "height": 180, "hair_color": "#00ff7f" });
    let after = part(&world.put(&path, asked).await, 2, &fields);
    assert_eq!(after, with(before, json!({ "height": 180, "hair_color": "#00FF7F" })));
    assert_eq!(part(&world.read(&path).await, 2, &fields), after);
}
