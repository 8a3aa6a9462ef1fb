//! Over sockets: who is let in, and who is not.

#![allow(clippy::unwrap_used)]

use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::SERVED;
use super::scene::{Scene, header};
use crate::edge::http::auth::Authority;
use crate::edge::http::auth::testing::{SECRET, Signer, USER, claims, entry, in_seconds};
use crate::edge::http::auth::tests::authority;

/// One token of each role, which is the token itself, and players.
fn everyone() -> Authority {
    let tokens = ["service", "viewer", "operator"].map(|role| entry(role, role));
    authority(&[("tokens", &tokens.join(",")), ("jwt.secret", SECRET)])
}

fn player() -> String {
    Signer::hs256().sign(&claims())
}

impl Scene {
    async fn ask(&self, token: &str, method: Method, path: &str, attributes: Value) -> Response {
        let body = json!({"data": {"type": "pets", "attributes": attributes}}).to_string();
        self.game(method, path).bearer_auth(token).body(body).send().await.unwrap()
    }

    async fn ask_staff(&self, token: Option<&str>, method: Method, path: &str) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.admin));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }
}

/// Status and code of an error in either form.
async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(header(&response, "www-authenticate") == "Bearer", status == 401);
    assert!(!header(&response, "x-request-id").is_empty());
    let body: Value = response.json().await.unwrap();
    let code = body["errors"][0]["code"].as_str().or(body["code"].as_str());
    (status, code.unwrap_or_else(|| panic!("{body}")).to_owned())
}

#[actix_rt::test]
async fn the_game_is_for_services_and_players() {
    let scene = Scene::guarded(everyone()).await;
    let expired = Signer::hs256().sign(&json!({"sub": USER, "exp": in_seconds(-60)}));
    let player = player();
    for (method, path) in [
        (Method::GET, "/api/pets/1"),
        (Method::GET, "/api/characters/7/pets"),
        (Method::POST, "/api/pets"),
        (Method::PATCH, "/api/pets/1"),
        (Method::DELETE, "/api/pets/1"),
        (Method::GET, "/nothing"),
    ] {
        for (token, status, code) in [
            ("nonsense", 401, "unauthenticated"),
            (&expired, 401, "unauthenticated"),
            ("viewer", 403, "forbidden"),
            ("operator", 403, "forbidden"),
        ] {
            let answer = scene.ask(token, method.clone(), path, json!({})).await;
            assert_eq!(error(answer).await, (status, code.to_owned()), "{method} {path} {token}");
        }
        let bare = scene.game(method.clone(), path).send().await.unwrap();
        assert_eq!(error(bare).await, (401, "unauthenticated".into()), "{method} {path}");
    }
    for token in ["service", &player] {
        let answer = scene.ask(token, Method::GET, "/api/pets/1", json!({})).await;
        assert_eq!(error(answer).await, (503, "not_serving".into()));
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn probes_and_metrics_are_for_everyone() {
    let scene = Scene::guarded(everyone()).await;
    for (path, status) in [
        ("/livez", 200),
        ("/startupz", 200),
        ("/readyz", 503),
        ("/readyz?verbose", 503),
        ("/metrics", 200),
    ] {
        for token in [None, Some("nonsense"), Some("service")] {
            let answer = scene.ask_staff(token, Method::GET, path).await;
            assert_eq!(answer.status(), status, "{path}");
        }
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn viewers_read_and_operators_change() {
    let scene = Scene::guarded(everyone()).await;
    let player = player();
    for (token, method, status) in [
        (None, Method::GET, 401),
        (Some("nonsense"), Method::GET, 401),
        (Some(&*player), Method::GET, 401),
        (Some("service"), Method::GET, 403),
        (Some("service"), Method::POST, 403),
        (Some("viewer"), Method::GET, 404),
        (Some("viewer"), Method::HEAD, 404),
        (Some("viewer"), Method::POST, 403),
        (Some("viewer"), Method::PUT, 403),
        (Some("viewer"), Method::DELETE, 403),
        (Some("operator"), Method::GET, 404),
        (Some("operator"), Method::POST, 404),
    ] {
        for path in ["/admin/nothing", "/livez/", "/livez/../admin", "//livez", "/metrics2"] {
            let answer = scene.ask_staff(token, method.clone(), path).await;
            assert_eq!(answer.status(), status, "{method} {path} {token:?}");
        }
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn a_page_of_another_origin_changes_nothing_where_nobody_needs_credentials() {
    let scene = Scene::guarded(authority(&[])).await;
    let ask = async |method: Method, url: String, name: &str, value: &str| {
        let request = scene.client.request(method, url).header(name, value);
        let answer = request.send().await.unwrap();
        if answer.status() == 200 { None } else { Some(error(answer).await) }
    };
    let forbidden = Some((403, "forbidden".to_owned()));
    let (drain, pet) =
        (format!("{}/admin/drain", scene.admin), format!("{}/api/pets/1", scene.game));
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Host", "evil.example"),
    ] {
        assert_eq!(ask(Method::POST, drain.clone(), name, value).await, forbidden, "{name}");
        assert_eq!(ask(Method::DELETE, pet.clone(), name, value).await, forbidden, "{name}");
    }
    let whoami = format!("{}/admin/whoami", scene.admin);
    assert_eq!(ask(Method::GET, whoami.clone(), "Host", "evil.example").await, forbidden);
    assert_eq!(ask(Method::GET, whoami, "Sec-Fetch-Site", "none").await, None);
    scene.stop().await;
}

#[actix_rt::test]
async fn a_services_token_alone_closes_the_operators_api() {
    let scene = Scene::guarded(authority(&[("tokens", &entry("service", "service"))])).await;
    for (token, status) in [(None, 401), (Some("service"), 401)] {
        for path in ["/admin/whoami", "/admin/actors", "/admin/dead-letters", "/admin/audit"] {
            let answer = scene.ask_staff(token, Method::GET, path).await;
            assert_eq!(answer.status(), status, "{path}");
        }
        assert_eq!(scene.ask_staff(token, Method::POST, "/admin/drain").await.status(), status);
    }
    scene.stop().await;
}

/// Every route of the operator's API that some test's server has: the method, and a path.
fn operators_routes() -> Vec<(Method, String)> {
    let routes = SERVED.lock();
    let routes = routes.iter().filter(|(path, _)| path.starts_with("/admin/"));
    let routes = routes.flat_map(|(path, allow)| {
        let path = path
            .replace("{tenant}", "083839c6-c47c-42a6-9585-76492795d123")
            .replace("{number}", "1")
            .replace("{id}", "1")
            .replace("{sink}", "nats");
        assert!(!path.contains('{'), "{path}: what can stand there?");
        allow.split(", ").map(move |method| (method.parse().unwrap(), path.clone()))
    });
    routes.collect()
}

#[actix_rt::test]
async fn no_route_of_the_operators_api_is_open() {
    let scene = Scene::guarded(everyone()).await;
    let routes = operators_routes();
    let num_changes = routes.iter().filter(|(method, _)| !is_reading(method)).count();
    assert!(num_changes >= 10 && routes.len() >= num_changes + 20, "{routes:?}");
    for (method, path) in routes {
        for token in [None, Some("nonsense")] {
            let answer = scene.ask_staff(token, method.clone(), &path).await;
            assert_eq!(answer.status(), 401, "{method} {path}");
        }
        let service = scene.ask_staff(Some("service"), method.clone(), &path).await;
        assert_eq!(service.status(), 403, "{method} {path}");
        if !is_reading(&method) {
            let viewer = scene.ask_staff(Some("viewer"), method.clone(), &path).await;
            assert_eq!(viewer.status(), 403, "{method} {path}");
        }
        let wrong = scene.ask_staff(Some("operator"), Method::PATCH, &path).await;
        assert_eq!(wrong.status(), 405, "{path} is served");
    }
    scene.stop().await;
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[actix_rt::test]
async fn whom_the_operators_api_refuses_gets_a_problem_document() {
    let scene = Scene::guarded(everyone()).await;
    for (token, status, code) in
        [(None, 401, "unauthenticated"), (Some("service"), 403, "forbidden")]
    {
        let answer = scene.ask_staff(token, Method::GET, "/admin/actors").await;
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        assert_eq!(header(&answer, "www-authenticate") == "Bearer", status == 401);
        let body: Value = answer.json().await.unwrap();
        assert_eq!((&body["status"], &body["code"]), (&json!(status), &json!(code)));
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn a_player_sees_and_changes_pets_of_their_own_characters_only() {
    let scene = Scene::serving_guarded(everyone()).await;
    let token = player();
    scene.character(7, USER.parse().unwrap()).await;
    scene.character(8, Uuid::from_u128(8)).await;
    scene.character(9, Uuid::nil()).await;
    let attributes = |owner: u32| json!({"templateId": 5000017, "ownerId": owner});
    // 10 has pets and was never seen.
    for owner in 7..=10 {
        let made = scene.ask("service", Method::POST, "/api/pets", attributes(owner)).await;
        assert_eq!(made.status(), 201);
        let pet = header(&made, "location").to_owned();
        let pets = format!("/api/characters/{owner}/pets");
        let rename = json!({"name": "Felix"});
        let requests = [
            (Method::GET, &pet, json!({}), 200, "unknown_pet"),
            (Method::HEAD, &pet, json!({}), 200, ""),
            (Method::PATCH, &pet, rename, 200, "unknown_pet"),
            (Method::GET, &pets, json!({}), 200, "unknown_character"),
            (Method::POST, &pets, attributes(owner), 201, "unknown_character"),
            (Method::POST, &"/api/pets".to_owned(), attributes(owner), 201, "unknown_character"),
            (Method::DELETE, &pet, json!({}), 204, "unknown_pet"),
        ];
        for (method, path, body, status, code) in requests {
            let answer = scene.ask(&token, method.clone(), path, body).await;
            let expected = if owner == 7 { status } else { 404 };
            assert_eq!(answer.status(), expected, "{method} {path} of {owner}");
            if owner != 7 && method != Method::HEAD {
                assert_eq!(error(answer).await, (404, code.to_owned()), "{method} {path}");
            }
        }
        let left = scene.ask("service", Method::GET, &pets, json!({})).await;
        let left: Value = left.json().await.unwrap();
        let num_left = if owner == 7 { 2 } else { 1 };
        assert_eq!(left["meta"]["total"], num_left, "{owner}");
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn a_player_is_told_of_no_pet_and_no_character_that_is_not_there() {
    let scene = Scene::serving_guarded(everyone()).await;
    let token = player();
    for (method, path, code) in [
        (Method::GET, "/api/pets/99", "unknown_pet"),
        (Method::DELETE, "/api/pets/99", "unknown_pet"),
        (Method::GET, "/api/characters/99/pets", "unknown_character"),
    ] {
        let answer = scene.ask(&token, method, path, json!({})).await;
        assert_eq!(error(answer).await, (404, code.to_owned()));
    }
    scene.stop().await;
}
