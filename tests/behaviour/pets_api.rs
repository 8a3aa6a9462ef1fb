//! The pets API over the running engine: what it changes is announced, and what is announced
//! can be read. Its documents and errors have unit tests beside the code.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::engine::{LOOK_EVERY, SOON, Setup};
use super::world::{KITTY, MAP, Topic, World, event, slot_changed};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    a_created_pet_can_be_read_and_is_announced,
    a_new_name_is_on_the_next_spawn,
    a_deleted_pet_closes_its_slot_and_is_gone,
    pets_are_listed_in_pages,
    what_was_announced_can_be_read,
    a_key_has_one_effect_and_one_answer,
    a_name_given_under_a_key_is_told_with_where_the_pet_stands,
}

mod restarted {
    use super::a_key_is_remembered_across_a_restart;

    behaviours! {
        in an engine of its own with [];
        a_key_is_remembered_across_a_restart,
    }
}

/// Status, location and body of a request under a key.
async fn keyed(
    world: &World,
    (method, path): (Method, &str),
    key: &str,
    body: &str,
) -> (u16, Option<String>, String) {
    let request = world.request(method, path).header("Idempotency-Key", key);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    let location = answer.headers().get("Location").map(|at| at.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location, answer.text().await.unwrap())
}

fn is_conflict((status, _, body): &(u16, Option<String>, String)) -> bool {
    let body: Value = serde_json::from_str(body).unwrap();
    (*status, &body["errors"][0]["code"]) == (409, &json!("idempotency_conflict"))
}

async fn a_key_has_one_effect_and_one_answer(world: World) {
    let pets = (Method::POST, "/api/pets");
    let creation = |name: &str| {
        let attributes = json!({ "ownerId": OWNER, "templateId": KITTY, "name": name });
        json!({ "data": { "type": "pets", "attributes": attributes } }).to_string()
    };
    let (tom, kit) = (creation("Tom"), creation("Kit"));
    let first = keyed(&world, pets.clone(), "create", &tom).await;
    assert_eq!(first.0, 201, "{first:?}");
    assert_eq!(keyed(&world, pets.clone(), "create", &tom).await, first);
    assert!(is_conflict(&keyed(&world, pets.clone(), "create", &kit).await));
    let path = first.1.unwrap();
    // Sent at once, one of them waits for the other.
    let (one, two) = tokio::join!(
        keyed(&world, pets.clone(), "at-once", &kit),
        keyed(&world, pets.clone(), "at-once", &kit),
    );
    assert_eq!((one.0, &one), (201, &two));
    let delete = (Method::DELETE, &*path);
    let gone = keyed(&world, delete.clone(), "delete", "").await;
    assert_eq!(gone, (204, None, String::new()));
    assert_eq!(keyed(&world, delete.clone(), "delete", "").await, gone);
    assert_eq!(keyed(&world, delete.clone(), "another", "").await.0, 404);
    assert!(is_conflict(&keyed(&world, delete, "create", "").await));
    let number = |answer: &str| -> u32 { answer.rsplit('/').next().unwrap().parse().unwrap() };
    let (tom, kit) = (number(&path), number(&one.1.unwrap()));
    let expected = [(tom, "CREATED"), (kit, "CREATED"), (tom, "DELETED")];
    let expected = expected.map(|(pet, kind)| event(pet, kind, json!({})));
    assert_eq!(world.told(kit).await, expected);
}

async fn a_name_given_under_a_key_is_told_with_where_the_pet_stands(world: World) {
    let pet = world.pet(OWNER).await;
    world.login(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    let step = json!({
        "worldId": 0, "channelId": 1, "mapId": MAP, "instance": Uuid::nil(), "objectId": pet,
        "observerId": OWNER, "x": 5, "y": 6, "stance": 0, "fh": 8,
    });
    world.told(pet).await;
    world.send(Topic::PetMovement, &step);
    let deadline = Instant::now() + SOON;
    while world.look_up(pet).await.unwrap()["x"] != 5 {
        assert!(Instant::now() < deadline, "the movement is not believed");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let document = json!({ "data": { "type": "pets", "attributes": { "name": "Felix" } } });
    let (path, document) = (format!("/api/pets/{pet}"), document.to_string());
    let first = keyed(&world, (Method::PATCH, &path), "rename", &document).await;
    let body: Value = serde_json::from_str(&first.2).unwrap();
    let attributes = &body["data"]["attributes"];
    assert_eq!((first.0, &attributes["name"], &attributes["x"]), (200, &json!("Felix"), &json!(5)));
    let other = document.replace("Felix", "Robin");
    assert_eq!(keyed(&world, (Method::PATCH, &path), "other", &other).await.0, 200);
    assert_eq!(keyed(&world, (Method::PATCH, &path), "rename", &document).await, first);
    assert_eq!(world.look_up(pet).await.unwrap()["name"], "Robin");
}

async fn a_key_is_remembered_across_a_restart(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let attributes = json!({ "ownerId": OWNER, "templateId": KITTY });
    let creation = json!({ "data": { "type": "pets", "attributes": attributes } }).to_string();
    let created = keyed(&world, (Method::POST, "/api/pets"), "create", &creation).await;
    let path = created.1.clone().unwrap();
    assert_eq!(keyed(&world, (Method::DELETE, &path), "delete", "").await.0, 204);
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    assert_eq!(keyed(&world, (Method::POST, "/api/pets"), "create", &creation).await, created);
    assert_eq!(keyed(&world, (Method::DELETE, &path), "delete", "").await.0, 204);
    assert_eq!(keyed(&world, (Method::DELETE, &path), "another", "").await.0, 404);
    let other = creation.replace("templateId", "cashId");
    assert_eq!(keyed(&world, (Method::POST, "/api/pets"), "create", &other).await.0, 400);
    let other = creation.replace("\"attributes\":{", "\"attributes\":{\"name\":\"Tom\",");
    assert!(is_conflict(&keyed(&world, (Method::POST, "/api/pets"), "create", &other).await));
}

async fn a_created_pet_can_be_read_and_is_announced(world: World) {
    let attributes = json!({
        "ownerId": OWNER, "templateId": 5_000_017, "cashId": 9_000_000_000_u64, "name": "Mia",
        "level": 3, "closeness": 5, "fullness": 40, "expiration": "2100-01-02T03:04:05Z",
        "flag": 1, "purchaseBy": 77, "excludes": [{ "itemId": 2_000_000 }],
    });
    let document = json!({ "data": { "type": "pets", "attributes": attributes } });
    let path = format!("/api/characters/{OWNER}/pets");
    let answer = world.request(Method::POST, &path).json(&document).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let created: Value = answer.json().await.unwrap();
    let id = created["data"]["id"].as_str().unwrap();
    let pet: u32 = id.parse().unwrap();
    let mut expected = attributes.clone();
    expected.as_object_mut().unwrap().extend(
        json!({ "slot": -1, "x": 0, "y": 0, "stance": 0, "fh": 1 }).as_object().unwrap().clone(),
    );
    assert_eq!(created["data"]["attributes"], expected);
    assert_eq!(world.look_up(pet).await, Some(expected));
    assert_eq!(world.announced("CREATED", 1).await, [event(pet, "CREATED", json!({}))]);
}

async fn a_new_name_is_on_the_next_spawn(world: World) {
    let pet = world.pet(OWNER).await;
    let document = json!({ "data": { "type": "pets", "id": pet.to_string(), "attributes": { "name": " Möhre " } } });
    let path = format!("/api/pets/{pet}");
    let answer = world.request(Method::PATCH, &path).json(&document).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(world.look_up(pet).await.unwrap()["name"], "Möhre");
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    assert_eq!(world.told(pet).await[1].body["name"], "Möhre");
    let short = json!({ "data": { "type": "pets", "attributes": { "name": "Möö" } } });
    let answer = world.request(Method::PATCH, &path).json(&short).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(world.look_up(pet).await.unwrap()["name"], "Möhre");
}

async fn a_deleted_pet_closes_its_slot_and_is_gone(world: World) {
    let (a, b) = (world.pet(OWNER).await, world.pet(OWNER).await);
    world.order(OWNER, a, "SPAWN", json!({ "lead": false }));
    world.order(OWNER, b, "SPAWN", json!({ "lead": false }));
    world.told(b).await;
    let path = format!("/api/pets/{a}");
    assert_eq!(world.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(world.look_up(a).await, None);
    assert_eq!(world.told(b).await, [slot_changed(b, 1, 0), event(a, "DELETED", json!({}))]);
    let again = world.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(again.status(), 404);
    let problem: Value = again.json().await.unwrap();
    assert_eq!(problem["errors"][0]["status"], "404");
}

async fn pets_are_listed_in_pages(world: World) {
    let mut pets = Vec::new();
    for _ in 0..5 {
        pets.push(world.pet(OWNER).await.to_string());
    }
    let mut listed = Vec::new();
    for number in 1..=3 {
        let path = format!("/api/characters/{OWNER}/pets?page[number]={number}&page[size]=2");
        let page: Value =
            world.request(Method::GET, &path).send().await.unwrap().json().await.unwrap();
        assert_eq!(page["meta"]["total"], 5);
        assert_eq!(page["meta"]["page"], json!({ "number": number, "size": 2, "last": 3 }));
        let data = page["data"].as_array().unwrap();
        listed.extend(data.iter().map(|pet| pet["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(listed, pets);
    let nobodys = world.request(Method::GET, "/api/characters/99/pets").send().await.unwrap();
    assert_eq!(nobodys.json::<Value>().await.unwrap()["data"], json!([]));
}

async fn what_was_announced_can_be_read(world: World) {
    let pet = world.pet_with(OWNER, json!({ "level": 30 })).await;
    for closeness in 1..=50 {
        let transaction = world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 1 }));
        world.told_until(transaction).await;
        assert_eq!(world.look_up(pet).await.unwrap()["closeness"], closeness);
    }
}
