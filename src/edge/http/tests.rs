//! Over a socket, without an engine: whatever is decided before one is asked.

#![allow(clippy::unwrap_used)]

mod access;
mod described;
mod scene;
mod serving;

use std::collections::BTreeSet;

use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::scene::{Scene, header};
use crate::engine::health::Stage;

const CREATE: &str = r#"{"data":{"type":"pets","attributes":{"templateId":1,"ownerId":7}}}"#;

/// Path and methods of every resource a server of these tests was given.
pub(super) static SERVED: Mutex<BTreeSet<(String, &str)>> = Mutex::new(BTreeSet::new());

/// Status and code of a JSON:API error, of which everything else is as it should be.
async fn error(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/vnd.api+json");
    assert!(!header(&response, "x-request-id").is_empty());
    assert_eq!(header(&response, "retry-after") == "1", status == 503);
    let body: Value = response.json().await.unwrap();
    let [error] = body["errors"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!(error["status"], status.to_string());
    assert!(error["title"].is_string() && error["detail"].is_string());
    (status, error["code"].as_str().unwrap().to_owned())
}

#[actix_rt::test]
async fn every_game_route_is_unavailable_while_another_process_serves() {
    let scene = Scene::with_tenant().await;
    let rename = r#"{"data":{"type":"pets","attributes":{"name":"Felix"}}}"#;
    for (method, path, body) in [
        (Method::GET, "/api/pets/1", ""),
        (Method::GET, "/api/characters/7/pets", ""),
        (Method::POST, "/api/pets", CREATE),
        (Method::POST, "/api/characters/7/pets", CREATE),
        (Method::PATCH, "/api/pets/1", rename),
        (Method::DELETE, "/api/pets/1", ""),
    ] {
        let request = scene.game(method.clone(), path).body(body);
        assert_eq!(error(request).await, (503, "not_serving".into()), "{method} {path}");
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn what_is_wrong_with_a_request_is_said_before_the_engine_is_asked() {
    let scene = Scene::with_tenant().await;
    let unknown = r#"{"data":{"type":"pets","attributes":{"templateId":1,"nmae":"Tom"}}}"#;
    let large = " ".repeat(64 * 1024 + 1);
    for (method, path, body, status, code) in [
        (Method::GET, "/api/pets/1/toys", "", 404, "no_such_route"),
        (Method::GET, "/api/pets/tom", "", 404, "unknown_pet"),
        (Method::GET, "/api/pets/4294967296", "", 404, "unknown_pet"),
        (Method::GET, "/api/characters/tom/pets", "", 400, "invalid_id"),
        (Method::GET, "/api/characters/7/pets?page[size]=251", "", 400, "invalid_page"),
        (Method::POST, "/api/pets", "{", 400, "invalid_json"),
        (Method::POST, "/api/pets", unknown, 422, "unknown_field"),
        (Method::POST, "/api/pets", &large, 413, "body_too_large"),
        (Method::POST, "/api/characters/8/pets", CREATE, 400, "invalid_field"),
        (Method::PATCH, "/api/pets/1", "{}", 400, "missing_field"),
        (Method::PUT, "/api/pets/1", "", 405, "method_not_allowed"),
    ] {
        let request = scene.game(method.clone(), path).body(body.to_owned());
        assert_eq!(error(request).await, (status, code.into()), "{method} {path}");
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn a_body_of_64_kib_is_read() {
    let scene = Scene::with_tenant().await;
    let padded = format!("{CREATE}{}", " ".repeat(64 * 1024 - CREATE.len()));
    let request = scene.game(Method::POST, "/api/pets").body(padded);
    assert_eq!(error(request).await, (503, "not_serving".into()));
    scene.stop().await;
}

#[actix_rt::test]
async fn a_request_without_a_tenant_is_refused() {
    let scene = Scene::without_tenant().await;
    let request = scene.game(Method::GET, "/api/pets/1");
    assert_eq!(error(request).await, (400, "invalid_tenant".into()));
    scene.stop().await;
}

#[actix_rt::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let scene = Scene::with_tenant().await;
    let response = scene.game(Method::PUT, "/api/pets/1").send().await.unwrap();
    assert_eq!(header(&response, "allow"), "GET, HEAD, PATCH, DELETE");
    scene.stop().await;
}

#[actix_rt::test]
async fn a_body_that_never_ends_is_given_up_at_the_deadline() {
    let scene = Scene::with_tenant().await;
    let address = scene.game.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        "POST /api/pets HTTP/1.1\r\nHost: x\r\nX-Request-Id: 7\r\nContent-Length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    for part in ["\r\nretry-after: 1\r\n", "\r\nx-request-id: 7\r\n", "\"code\":\"timed_out\""] {
        assert!(answer.contains(part), "{answer}");
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn the_callers_request_id_comes_back_and_a_bad_one_is_replaced() {
    let scene = Scene::with_tenant().await;
    let ask = async |id: &str| {
        let request = scene.game(Method::GET, "/api/pets/1").header("X-Request-Id", id);
        header(&request.send().await.unwrap(), "x-request-id").to_owned()
    };
    assert_eq!(ask("abc-123").await, "abc-123");
    for bad in ["a b", &"x".repeat(129)] {
        let made: uuid::Uuid = ask(bad).await.parse().unwrap();
        assert_eq!(made.get_version_num(), 7);
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn a_process_that_stands_by_is_alive_and_started_and_not_ready() {
    let scene = Scene::with_tenant().await;
    assert_eq!(scene.admin("/livez").await.status(), 200);
    assert_eq!(scene.admin("/startupz").await.status(), 200);
    let ready = scene.admin("/readyz").await;
    assert_eq!((ready.status().as_u16(), &*ready.text().await.unwrap()), (503, "standby\n"));
    let verbose = scene.admin("/readyz?verbose").await;
    assert_eq!(verbose.status(), 503);
    let expected = "[+]schema ok\n[-]lease standby\n[-]store standby\n[-]intake standby\n\
                    [-]outbox standby\n[+]draining ok\n";
    assert_eq!(verbose.text().await.unwrap(), expected);
    scene.stop().await;
}

#[actix_rt::test]
async fn a_process_that_restores_has_not_started() {
    let scene = Scene::with_tenant().await;
    scene.health.set_stage(Stage::Restoring);
    let started = scene.admin("/startupz").await;
    assert_eq!((started.status().as_u16(), &*started.text().await.unwrap()), (503, "restoring\n"));
    scene.stop().await;
}

#[actix_rt::test]
async fn metrics_come_as_prometheus_text_or_as_openmetrics_on_request() {
    let scene = Scene::with_tenant().await;
    let plain = scene.admin("/metrics").await;
    assert_eq!(header(&plain, "content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.text().await.unwrap().contains("\nmenagerie_build_info{"));

    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3";
    let request = scene.client.get(format!("{}/metrics", scene.admin)).header("accept", accept);
    let open = request.send().await.unwrap();
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(header(&open, "content-type"), content_type);
    assert!(open.text().await.unwrap().ends_with("# EOF\n"));
    scene.stop().await;
}

#[actix_rt::test]
async fn what_is_no_route_of_the_pets_api_gets_a_problem_document() {
    let scene = Scene::with_tenant().await;
    for path in ["/api/cats", "/api/petshop", "/api/v1/cats", "/"] {
        let response = scene.game(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(header(&response, "content-type"), "application/problem+json", "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["code"], "no_such_route", "{path}");
    }
}

#[actix_rt::test]
async fn an_operators_error_is_a_problem_document() {
    let scene = Scene::with_tenant().await;
    let response = scene.admin("/nothing").await;
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let request_id = header(&response, "x-request-id").to_owned();
    let expected = json!({
        "type": "about:blank", "title": "Nothing here", "status": 404,
        "detail": "nothing is served at this path", "code": "no_such_route",
        "request_id": request_id,
    });
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
    scene.stop().await;
}
