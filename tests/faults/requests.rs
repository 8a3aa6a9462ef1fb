//! Requests on bad days: an outage of the database answers them in time, and leaves no half.

use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::process::{SOON, until};
use super::world::World;

/// No request may hang: far beyond `http.request_timeout`, which is 5 s.
const HANGS: Duration = Duration::from_secs(30);
const CHARACTERS: &str = "/api/v1/characters";

/// PostgreSQL holds its connections and answers nothing, until this is dropped.
struct Outage;

impl Outage {
    fn begin() -> Self {
        services("pause");
        Self
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        services("resume");
    }
}

fn services(what: &str) {
    let script = std::env::var("MENAGERIE_TEST_SERVICES_SCRIPT").unwrap();
    assert!(Command::new(script).args([what, "postgres"]).status().unwrap().success());
}

/// The status, and the body if it is JSON.
async fn ask(world: &World, method: Method, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let mut request = world.request(method, path);
    if !key.is_empty() {
        request = request.header("Idempotency-Key", key);
    }
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = tokio::time::timeout(HANGS, request.send()).await.expect("an answer").unwrap();
    let status = answer.status();
    let is_away = status == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(answer.headers().contains_key("retry-after"), is_away);
    (status.as_u16(), answer.json().await.unwrap_or_default())
}

/// The answer once the database is back.
async fn insist(world: &World, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let deadline = Instant::now() + SOON;
    loop {
        let answer = ask(world, Method::POST, path, key, body).await;
        if answer.0 != 503 {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {answer:?}");
    }
}

fn creation(name: &str) -> Value {
    json!({
        "user_id": Uuid::new_v4(), "name": name, "class_type": "mage", "race": "elf",
        "gender": "other",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_an_outage_are_answered_with_503_and_have_one_effect_when_repeated() {
    let Some(world) = World::new().await else { return };
    let (status, hero) = ask(&world, Method::POST, CHARACTERS, "", &creation("Hero")).await;
    assert_eq!(status, 201, "{hero}");
    let hero = format!("{CHARACTERS}/{}", hero["character_id"].as_str().unwrap());
    let (experience, award) = (format!("{hero}/experience"), json!({ "amount": 100 }));
    let (keyed, unkeyed) = (creation("Keyed"), creation("Unkeyed"));
    let name_check = format!("{CHARACTERS}/check-name?name=Other");

    let outage = Outage::begin();
    let requests = [
        (Method::POST, CHARACTERS, "create", &keyed),
        (Method::POST, CHARACTERS, "", &unkeyed),
        (Method::POST, &experience, "award", &award),
        (Method::GET, &hero, "", &Value::Null),
        (Method::GET, CHARACTERS, "", &Value::Null),
        (Method::GET, &name_check, "", &Value::Null),
    ];
    let requests = requests.map(|(method, path, key, body)| ask(&world, method, path, key, body));
    for (status, problem) in join_all(requests).await {
        assert_eq!(status, 503, "{problem}");
        let code = problem["code"].as_str().unwrap();
        assert!(["timed_out", "database_unavailable"].contains(&code), "{problem}");
    }
    drop(outage);

    let (status, created) = insist(&world, CHARACTERS, "create", &keyed).await;
    assert_eq!(status, 201, "{created}");
    let (status, awarded) = insist(&world, &experience, "award", &award).await;
    assert_eq!((status, &awarded["experience"]), (200, &json!(100)), "{awarded}");
    // Whole or not at all: each of them with its event, and none twice.
    let (_, page) = ask(&world, Method::GET, CHARACTERS, "", &Value::Null).await;
    let all = page["data"].as_array().unwrap();
    let named = |name: &str| all.iter().filter(|one| one["name"] == name).count();
    assert!(named("Hero") == 1 && named("Keyed") == 1 && named("Unkeyed") <= 1, "{page}");
    for character in all {
        let id = character["character_id"].as_str().unwrap();
        let events = format!("{CHARACTERS}/{id}/events");
        let (_, events) = ask(&world, Method::GET, &events, "", &Value::Null).await;
        let num_events = if character["name"] == "Hero" { 2 } else { 1 };
        assert_eq!(events["data"].as_array().unwrap().len(), num_events, "{events}");
        assert_eq!(character["version"], num_events, "{character}");
    }
    let again = insist(&world, CHARACTERS, "create", &keyed).await;
    assert_eq!(again, (201, created));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_in_an_outage_is_not_done_later_and_the_audit_log_says_so() {
    let Some(world) = World::new().await else { return };
    let (status, hero) = ask(&world, Method::POST, CHARACTERS, "", &creation("Hero")).await;
    assert_eq!(status, 201, "{hero}");
    let restart = format!("/admin/actors/{}/{}/restart", world.tenant.id, hero["number"]);
    let probes = world.probes();

    let outage = Outage::begin();
    let (status, problem) = probes.post(&restart).await;
    assert_eq!(status, 503, "{problem}");
    drop(outage);

    until("an answer", async || probes.post(&restart).await.0 == 204).await;
    // Whatever was written down before it, if anything was, has its end as well.
    let open = "select count(*) from audit_log where outcome is null";
    until("all outcomes", async || world.ground.count(open).await == 0).await;
    let done = "select count(*) from audit_log where action = 'restart' and outcome = 'done'";
    assert_eq!(world.ground.count(done).await, 1);
    assert_eq!(probes.metric("menagerie_actor_restarted_total").await, 1.0);
    world.close().await;
}
