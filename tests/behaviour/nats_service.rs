//! The NATS micro service against a real server. There is none on the embedded log.

#[path = "nats_service/caller.rs"]
mod caller;
#[path = "nats_service/lifecycle.rs"]
mod lifecycle;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use self::caller::{Caller, Scene};
use super::world::{KITTY, event};

fn warrior(name: &str) -> Value {
    json!({
        "user_id": Uuid::new_v4(), "name": name, "class_type": "warrior", "race": "human",
        "gender": "female",
    })
}

impl Caller {
    /// The same thing over HTTP.
    async fn over_http(&self, path: &str) -> Value {
        let answer = self.world.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn subjects(&self, count: usize) -> Vec<String> {
        self.world.heard(count).await.iter().map(|heard| heard.subject.clone()).collect()
    }
}

#[tokio::test]
async fn characters_are_created_played_and_deleted() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let mut creation = warrior("Mina");
    creation["appearance"] = json!({ "hair_style": 2 });
    let answer = caller.ask_with("characters.create", &[], &creation).await;
    assert_eq!(answer.error(), None, "{answer:?}");
    let created = answer.json();
    let id = created["character_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/characters/{id}");
    assert_eq!(answer.header("Location"), Some(&*path));
    assert_eq!(answer.header("ETag"), Some(&*format!("\"{}\"", created["version"])));
    assert_eq!(created["name"], "Mina");
    assert_eq!(caller.subjects(1).await, ["character.created"]);

    // By either name it is what HTTP shows.
    let shown = caller.over_http(&path).await;
    assert_eq!(caller.told("characters.get", json!({ "character_id": id })).await, shown);
    let by_number = json!({ "number": created["number"] });
    assert_eq!(caller.told("characters.get", by_number.clone()).await, shown);
    let as_in_a_path = json!({ "character_id": format!("n:{}", created["number"]) });
    assert_eq!(caller.told("characters.get", as_in_a_path).await, shown);
    let listing = json!({ "user_id": creation["user_id"], "limit": 1 });
    let listed = caller.told("characters.list", listing).await;
    assert_eq!(listed, json!({ "data": [shown], "next_cursor": null }));

    let this = |more: Value| {
        let mut body = json!({ "character_id": id });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(caller.refused("characters.position", &by_number).await.1, "no_position");
    let selected = caller.told("characters.select", this(json!({}))).await;
    let session = selected["session_id"].clone();
    let going = this(json!({ "session_id": session, "world_id": "w", "zone_id": "z" }));
    assert_eq!(caller.told("characters.online", going).await["online"], true);
    let place = json!({
        "world_id": "w", "zone_id": "y", "position_x": 1.5, "position_y": -2.0, "position_z": 0.0,
    });
    let mut step = this(place.clone());
    step["movement_type"] = json!("walk");
    assert_eq!(caller.told("characters.position", step).await, place);
    assert_eq!(caller.told("characters.position", by_number).await, place);
    let learnt = caller.told("characters.experience", this(json!({ "amount": 100 }))).await;
    assert_eq!(learnt["level"], 2);
    let stats = caller.told("characters.stats.allocate", this(json!({ "strength": 2 }))).await;
    assert_eq!(stats["stats"]["strength"], 12);
    assert_eq!(caller.told("characters.stats", this(json!({}))).await, stats);
    let dyed = this(json!({ "hair_style": 3, "reason": "shop" }));
    assert_eq!(caller.told("characters.appearance", dyed).await["hair_style"], 3);
    assert_eq!(caller.told("characters.appearance", this(json!({}))).await["hair_style"], 3);
    let renamed = caller.told("characters.patch", this(json!({ "name": "Nina" }))).await;
    assert_eq!(renamed["name"], "Nina");
    let check = caller.told("characters.check-name", json!({ "name": "nina" })).await;
    assert_eq!(check, json!({ "name": "nina", "available": false, "reason": "name_taken" }));
    let past = caller.told("characters.events", this(json!({ "limit": 1 }))).await;
    assert_eq!((&past["data"][0]["seq"], past["data"].as_array().unwrap().len()), (&json!(1), 1));
    let next = caller.told("characters.events", this(json!({ "after_seq": 1 }))).await;
    assert_eq!(next["data"][0]["seq"], 2);
    let left = caller.told("characters.offline", this(json!({ "reason": "logout" }))).await;
    assert_eq!(left["online"], false);

    let gone = caller.told("characters.delete", this(json!({ "reason": "bored" }))).await;
    assert!(gone["can_restore_until"].is_string());
    let back = caller.told("characters.restore", this(json!({}))).await;
    assert_eq!(back["deleted_at"], Value::Null);
    let purged = caller.told("characters.delete", this(json!({ "permanent": true }))).await;
    assert_eq!(purged, json!({}));
    assert_eq!(caller.refused("characters.get", &this(json!({}))).await.0, 404);
    let expected = [
        "character.selected",
        "character.online",
        "character.position.updated",
        "character.levelup",
        "character.stats.updated",
        "character.appearance.updated",
        "character.offline",
        "character.deleted",
        "character.restored",
        "character.deleted",
    ];
    assert_eq!(caller.subjects(expected.len()).await, expected);
}

#[tokio::test]
async fn pets_are_created_renamed_and_deleted() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let (owner, pets) = (77, "/api/characters/77/pets?page[size]=1");
    let creation = json!({ "ownerId": owner, "templateId": KITTY, "name": "Tom" });
    let created = caller.told("pets.create", creation.clone()).await;
    caller.told("pets.create", creation).await;
    let id = created["data"]["id"].as_str().unwrap();
    let pet: u32 = id.parse().unwrap();
    assert_eq!(created["data"]["attributes"]["name"], "Tom");
    assert_eq!(caller.world.announced("CREATED", 2).await[0].pet, pet);

    let shown = caller.over_http(&format!("/api/pets/{id}")).await;
    assert_eq!(caller.told("pets.get", json!({ "petId": pet })).await, shown);
    assert_eq!(caller.told("pets.get", json!({ "petId": id })).await, shown);
    let listing = json!({ "characterId": owner, "page": { "size": 1 } });
    let mut listed = caller.over_http(pets).await;
    assert_eq!(caller.told("pets.list", listing).await, listed);
    assert_eq!(listed["data"].take(), json!([shown["data"]]));

    let renamed = caller.told("pets.rename", json!({ "petId": pet, "name": "Felix" })).await;
    assert_eq!(renamed["data"]["attributes"]["name"], "Felix");
    assert_eq!(caller.world.look_up(pet).await.unwrap()["name"], "Felix");
    assert_eq!(caller.told("pets.delete", json!({ "petId": pet })).await, json!({}));
    assert_eq!(caller.world.announced("DELETED", 1).await, [event(pet, "DELETED", json!({}))]);
    let unknown = (404, "unknown_pet".to_owned());
    assert_eq!(caller.refused("pets.get", &json!({ "petId": pet })).await, unknown);
}

#[tokio::test]
async fn a_page_larger_than_the_server_carries_is_refused() {
    const NUM_PETS: usize = 100;
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let items: Vec<u32> = (4_294_960_000..4_294_961_000).collect();
    let mut pets = Vec::new();
    for _ in 0..NUM_PETS {
        pets.push(caller.world.pet(77).await);
    }
    for pet in pets {
        caller.world.order(77, pet, "EXCLUDE", json!({ "items": items }));
    }
    caller.world.announced("EXCLUDE_CHANGED", NUM_PETS).await;
    let listing = |size: usize| json!({ "characterId": 77, "page": { "size": size } });
    let (status, code) = caller.refused("pets.list", &listing(NUM_PETS)).await;
    assert_eq!((status, &*code), (400, "invalid_page"));
    let listed = caller.told("pets.list", listing(10)).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 10);
    let all = caller.over_http("/api/characters/77/pets").await;
    assert_eq!(all["data"].as_array().unwrap().len(), NUM_PETS);
}

#[tokio::test]
async fn what_is_wrong_is_said_as_over_http() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let mina = caller.told("characters.create", warrior("Mina")).await;
    let id = &mina["character_id"];
    for (verb, body, status, code) in [
        ("characters.create", warrior("mina"), 409, "name_taken"),
        ("characters.create", json!({ "name": "Nobody" }), 422, "missing_field"),
        ("characters.create", json!([]), 422, "invalid_document"),
        ("characters.get", json!({}), 422, "missing_field"),
        ("characters.get", json!({ "character_id": id, "number": 1 }), 422, "invalid_field"),
        ("characters.get", json!({ "character_id": "mina" }), 422, "invalid_field"),
        ("characters.get", json!({ "character_id": "n:-1" }), 422, "invalid_field"),
        ("characters.get", json!({ "character_id": 1 }), 422, "invalid_field"),
        ("characters.get", json!({ "character_id": Uuid::new_v4() }), 404, "unknown_character"),
        ("characters.get", json!({ "character_id": id, "a\nb": 1 }), 422, "unknown_field"),
        ("characters.list", json!({ "limit": 201 }), 400, "invalid_page"),
        ("characters.offline", json!({ "character_id": id, "reason": "x" }), 409, "not_online"),
        (
            "characters.delete",
            json!({ "character_id": id, "permanent": true, "reason": "x" }),
            422,
            "unknown_field",
        ),
        ("characters.stats.allocate", json!({ "character_id": id }), 422, "missing_field"),
        ("pets.create", json!({ "ownerId": 1 }), 400, "missing_field"),
        ("pets.rename", json!({ "petId": 1, "name": "Tom" }), 400, "invalid_field"),
        ("pets.list", json!({ "characterId": 1, "page": { "size": 0 } }), 400, "invalid_page"),
    ] {
        assert_eq!(caller.refused(verb, &body).await, (status, code.into()), "{verb} {body}");
    }
    let ask = async |more: &[(&str, &str)], body: String| {
        caller.try_ask("characters.delete", more, body).await.unwrap().problem()
    };
    assert_eq!(ask(&[], "{".into()).await, (400, "invalid_json".into()));
    assert_eq!(ask(&[], " ".repeat(64 * 1024 + 1)).await, (413, "body_too_large".into()));
    assert_eq!(ask(&[], " ".repeat(64 * 1024)).await, (422, "missing_field".into()));
    let this = json!({ "character_id": id }).to_string();
    let mismatch = (412, "version_mismatch".into());
    assert_eq!(ask(&[("If-Match", "\"99\"")], this.clone()).await, mismatch);
    assert_eq!(ask(&[("If-Match", "no")], this).await, (400, "invalid_version".into()));

    // Word for word.
    let asked = [("X-Request-Id", "7")];
    let over_nats = caller.ask_with("characters.create", &asked, &json!({})).await.body;
    let over_http = caller.world.request(Method::POST, "/api/v1/characters");
    let over_http = over_http.header("X-Request-Id", "7").body("{}").send().await.unwrap();
    assert_eq!(over_http.bytes().await.unwrap(), over_nats);
}

#[tokio::test]
async fn a_tenant_is_named_by_all_four_headers() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, mut caller) = scene.serve().await;
    let all = std::mem::take(&mut caller.headers);
    let refused = (400, "invalid_tenant".to_owned());
    let body = json!({ "petId": 1 });
    assert_eq!(caller.refused("pets.get", &body).await, refused);
    for left_out in 0..all.len() {
        caller.headers = all.clone();
        caller.headers.remove(left_out);
        assert_eq!(caller.refused("pets.get", &body).await, refused, "{left_out}");
    }
    // Over NATS names of headers have a case, over HTTP none: both are heard.
    caller.headers = all;
    caller.headers[0].0 = "tenant_id";
    assert_eq!(caller.refused("pets.get", &body).await, (404, "unknown_pet".into()));
}

#[tokio::test]
async fn a_tenant_that_is_named_wrongly_is_not_the_default_one() {
    let tenant = "083839c6-c47c-42a6-9585-76492795d123";
    let Some(scene) = Scene::new(&[("tenancy.default", tenant)]).await else { return };
    let (_engine, mut caller) = scene.serve().await;
    let body = json!({ "petId": 1 });
    let all = std::mem::take(&mut caller.headers);
    assert_eq!(caller.refused("pets.get", &body).await, (404, "unknown_pet".into()));
    for (at, bad) in [(0, "tom"), (0, "\u{1}"), (2, "8.3"), (3, "")] {
        caller.headers = all.clone();
        caller.headers[at].1 = bad.to_owned();
        let refused = (400, "invalid_tenant".to_owned());
        assert_eq!(caller.refused("pets.get", &body).await, refused, "{bad:?}");
    }
}

#[tokio::test]
async fn a_key_has_one_effect_also_across_a_restart() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (engine, caller) = scene.serve().await;
    let tenant: Uuid = caller.world.tenant.parse().unwrap();
    let asks = [
        ("characters.create", warrior("Mina")),
        ("pets.create", json!({ "ownerId": 7, "templateId": KITTY })),
    ];
    let mut first = Vec::new();
    for (verb, body) in &asks {
        let answer = caller.ask_with(verb, &[("Idempotency-Key", *verb)], body).await;
        assert_eq!(answer.error(), None, "{verb}");
        let again = caller.ask_with(verb, &[("Idempotency-Key", *verb)], body).await;
        assert_eq!(answer.body, again.body, "{verb}");
        assert_eq!(answer.header("Location"), again.header("Location"), "{verb}");
        first.push(answer.body);
    }
    let pet: Value = serde_json::from_slice(&first[1]).unwrap();
    let pet = json!({ "petId": pet["data"]["id"] });
    for _ in 0..2 {
        let gone = caller.ask_with("pets.delete", &[("Idempotency-Key", "gone")], &pet).await;
        assert_eq!((gone.error(), &gone.body[..]), (None, &b"{}"[..]));
    }
    drop(caller);
    engine.stop().await;

    let engine = scene.setup.start().await;
    let caller = scene.caller(&engine, tenant);
    caller.until_served().await;
    for ((verb, body), first) in asks.iter().zip(first) {
        let answer = caller.ask_with(verb, &[("Idempotency-Key", *verb)], body).await;
        assert_eq!(answer.body, first, "{verb}");
        let other = caller.ask_with(verb, &[("Idempotency-Key", "gone")], body).await;
        assert_eq!(other.problem(), (409, "idempotency_conflict".into()), "{verb}");
    }
    let gone = caller.ask_with("pets.delete", &[("Idempotency-Key", "gone")], &pet).await;
    assert_eq!((gone.error(), &gone.body[..]), (None, &b"{}"[..]));
    assert_eq!(caller.refused("pets.delete", &pet).await, (404, "unknown_pet".into()));
    let all = caller.told("characters.list", json!({})).await;
    let names: Vec<&Value> = all["data"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["Mina"]);
}

#[tokio::test]
async fn who_may_not_over_http_may_not_over_nats() {
    // SHA-256 of `abc`.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let tokens = format!("shop:service:{abc}");
    let Some(scene) = Scene::new(&[("auth.tokens", &tokens)]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let unauthenticated = (401, "unauthenticated".to_owned());
    let body = json!({ "petId": 1 });
    assert_eq!(caller.refused("pets.get", &body).await, unauthenticated);
    let with = async |authorization: &str| {
        caller.ask_with("pets.get", &[("Authorization", authorization)], &body).await.problem()
    };
    assert_eq!(with("Bearer abd").await, unauthenticated);
    assert_eq!(with("Bearer abc").await, (404, "unknown_pet".into()));
}
