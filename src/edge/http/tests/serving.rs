//! Over a socket, with an engine.

#![allow(clippy::unwrap_used)]

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::scene::{Scene, header};

impl Scene {
    async fn send(&self, method: Method, path: &str, attributes: Value) -> Response {
        let body = json!({"data": {"type": "pets", "attributes": attributes}}).to_string();
        self.game(method, path).body(body).send().await.unwrap()
    }

    /// The path of a new pet of character 7.
    async fn pet(&self) -> String {
        let attributes = json!({"templateId": 5000017, "ownerId": 7});
        let created = self.send(Method::POST, "/api/pets", attributes).await;
        assert_eq!(created.status(), 201);
        header(&created, "location").to_owned()
    }

    /// Status, location and body.
    async fn keyed(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Value,
    ) -> (u16, String, String) {
        let request = self.game(method, path).header("Idempotency-Key", key);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, location) = (answer.status().as_u16(), header(&answer, "location").to_owned());
        (status, location, answer.text().await.unwrap())
    }

    async fn twice(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Value,
    ) -> [(u16, String, String); 2] {
        let first = self.keyed(method.clone(), path, key, body.clone()).await;
        [first, self.keyed(method, path, key, body).await]
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.game(Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

#[actix_rt::test]
async fn a_created_pet_is_where_its_location_says() {
    let scene = Scene::serving().await;
    let attributes = json!({
        "templateId": 5000017, "ownerId": 7, "name": "Tom", "cashId": 99, "level": 3,
        "closeness": 5, "fullness": 50, "expiration": "2030-01-02T03:04:05Z", "flag": 1,
        "purchaseBy": 8, "excludes": [{"itemId": 4}],
    });
    let created = scene.send(Method::POST, "/api/characters/7/pets", attributes.clone()).await;
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "content-type"), "application/vnd.api+json");
    let location = header(&created, "location").to_owned();
    let document: Value = created.json().await.unwrap();
    let id = document["data"]["id"].as_str().unwrap();
    assert_eq!(location, format!("/api/pets/{id}"));
    for (name, value) in attributes.as_object().unwrap() {
        assert_eq!(&document["data"]["attributes"][name], value, "{name}");
    }
    assert_eq!(document["data"]["attributes"]["slot"], -1);
    assert_eq!(scene.get(&location).await, (200, document));
    scene.stop().await;
}

#[actix_rt::test]
async fn a_pet_created_without_expiration_has_the_same_one_in_every_answer() {
    let scene = Scene::serving().await;
    let created =
        scene.send(Method::POST, "/api/characters/7/pets", json!({"templateId": 1})).await;
    let location = header(&created, "location").to_owned();
    let document: Value = created.json().await.unwrap();
    assert_eq!(scene.get(&location).await, (200, document));
    scene.stop().await;
}

#[actix_rt::test]
async fn pets_are_listed_by_id_and_page() {
    let scene = Scene::serving().await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.push(scene.pet().await);
    }
    let (status, list) = scene.get("/api/characters/7/pets?page[number]=2&page[size]=2").await;
    assert_eq!(status, 200);
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|pet| pet["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [paths[2].rsplit('/').next().unwrap()]);
    let meta = json!({"total": 3, "page": {"number": 2, "size": 2, "last": 2}});
    assert_eq!(list["meta"], meta);
    let previous = list["links"]["prev"].as_str().unwrap();
    let (_, list) = scene.get(previous).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    scene.stop().await;
}

#[actix_rt::test]
async fn an_owner_nobody_knows_has_no_pets() {
    let scene = Scene::serving().await;
    let (status, list) = scene.get("/api/characters/8/pets").await;
    assert_eq!((status, &list["data"], &list["meta"]["total"]), (200, &json!([]), &json!(0)));
    scene.stop().await;
}

#[actix_rt::test]
async fn a_renamed_pet_has_its_new_name() {
    let scene = Scene::serving().await;
    let path = scene.pet().await;
    let renamed = scene.send(Method::PATCH, &path, json!({"name": " Felix "})).await;
    assert_eq!(renamed.status(), 200);
    let document: Value = renamed.json().await.unwrap();
    assert_eq!(document["data"]["attributes"]["name"], "Felix");
    assert_eq!(scene.get(&path).await, (200, document));
    scene.stop().await;
}

#[actix_rt::test]
async fn a_deleted_pet_is_gone() {
    let scene = Scene::serving().await;
    let path = scene.pet().await;
    let deleted = scene.game(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(deleted.text().await.unwrap(), "");
    assert_eq!(scene.get(&path).await.0, 404);
    scene.stop().await;
}

#[actix_rt::test]
async fn a_pet_that_is_not_there_is_not_found_by_any_method() {
    let scene = Scene::serving().await;
    for (method, attributes) in [
        (Method::GET, json!({})),
        (Method::PATCH, json!({"name": "Felix"})),
        (Method::DELETE, json!({})),
    ] {
        let answer = scene.send(method.clone(), "/api/pets/99", attributes).await;
        assert_eq!(answer.status(), 404, "{method}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], "unknown_pet");
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn the_pet_of_another_tenant_is_not_found() {
    let scene = Scene::serving().await;
    let path = scene.pet().await;
    let mut request = scene.game(Method::GET, &path);
    for (name, value) in [
        ("TENANT_ID", "083839c6-c47c-42a6-9585-76492795d123"),
        ("REGION", "GMS"),
        ("MAJOR_VERSION", "83"),
        ("MINOR_VERSION", "1"),
    ] {
        request = request.header(name, value);
    }
    assert_eq!(request.send().await.unwrap().status(), 404);
    scene.stop().await;
}

#[actix_rt::test]
async fn head_answers_like_get_without_a_body() {
    let scene = Scene::serving().await;
    let path = scene.pet().await;
    let head = scene.game(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-type"), "application/vnd.api+json");
    scene.stop().await;
}

#[actix_rt::test]
async fn a_process_that_serves_is_ready_until_it_drains() {
    let scene = Scene::serving().await;
    let ready = scene.admin("/readyz?verbose").await;
    let status = ready.status().as_u16();
    let body = ready.text().await.unwrap();
    assert_eq!(status, 200, "{body}");
    for name in ["schema", "lease", "draining", "store", "intake", "outbox"] {
        assert!(body.contains(&format!("[+]{name} ok\n")), "{body}");
    }
    scene.health.withdraw();
    assert_eq!(scene.admin("/readyz").await.text().await.unwrap(), "draining\n");
    assert_eq!(scene.admin("/livez").await.status(), 200);
    assert_eq!(scene.get("/api/pets/1").await.0, 503);
    scene.stop().await;
}

#[actix_rt::test]
async fn what_is_asked_again_under_its_key_is_done_once_and_answered_alike() {
    let scene = Scene::serving().await;
    let create = json!({"data": {"type": "pets", "attributes": {"templateId": 1, "ownerId": 7}}});
    let [first, again] = scene.twice(Method::POST, "/api/pets", "create", create.clone()).await;
    assert_eq!(first.0, 201);
    assert_eq!(first, again);
    let path = first.1.clone();
    assert_eq!(scene.get("/api/characters/7/pets").await.1["meta"]["total"], 1);

    let rename = json!({"data": {"type": "pets", "attributes": {"name": "Felix"}}});
    let [first, again] = scene.twice(Method::PATCH, &path, "rename", rename).await;
    assert_eq!((first.0, &first), (200, &again));

    let [first, again] = scene.twice(Method::DELETE, &path, "delete", Value::Null).await;
    assert_eq!((first.0, &first), (204, &again));
    assert_eq!(scene.game(Method::DELETE, &path).send().await.unwrap().status(), 404);

    let other = scene.keyed(Method::DELETE, &path, "create", Value::Null).await;
    assert_eq!(other.0, 409);
    let body: Value = serde_json::from_str(&other.2).unwrap();
    assert_eq!(body["errors"][0]["code"], "idempotency_conflict");
    scene.stop().await;
}

#[actix_rt::test]
async fn a_key_of_two_words_is_refused() {
    let scene = Scene::serving().await;
    let answer = scene.keyed(Method::DELETE, "/api/pets/1", "two words", Value::Null).await;
    assert_eq!(answer.0, 400);
    assert!(answer.2.contains("invalid_idempotency_key"), "{}", answer.2);
    scene.stop().await;
}
