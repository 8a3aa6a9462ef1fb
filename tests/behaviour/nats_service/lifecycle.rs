//! When the service is there, and what it tells of itself.

use std::sync::Arc;
use std::thread::JoinHandle;

use async_nats::RequestErrorKind;
use futures::future::join_all;
use menagerie::engine::health::{Health, Stage};
use menagerie::sidecar::{Error, Order, Sidecar};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::caller::{Scene, until};
use super::warrior;
use crate::proxy::Proxy;

/// Another process for the same shard.
struct Second {
    health: Arc<Health>,
    orders: watch::Sender<Order>,
    thread: Option<JoinHandle<Result<(), Error>>>,
    _io: tokio::runtime::Runtime,
}

impl Second {
    async fn standing_by(scene: &Scene) -> Self {
        let io = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let io = io.unwrap();
        let config = Arc::new(scene.setup.config());
        let sidecar = Sidecar::open(config, io.handle().clone()).unwrap();
        let (orders, ordered) = watch::channel(Order::Run);
        let health = sidecar.health();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move { sidecar.run(ordered).await })
        });
        let stage = || async { health.stage() == Stage::Standby };
        until("the second process does not stand by", stage).await;
        Self { health, orders, thread: Some(thread), _io: io }
    }

    async fn stop(mut self) {
        self.orders.send_replace(Order::Drain);
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap().unwrap();
        tokio::task::spawn_blocking(move || drop(self)).await.unwrap();
    }
}

impl Scene {
    /// The only answer to a request of the service's own.
    async fn discovered(&self, subject: &str) -> Value {
        let answer = self.client.request(subject.to_owned(), "".into()).await.unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    }

    async fn is_there(&self) -> bool {
        match self.client.request("$SRV.PING.menagerie", "".into()).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), RequestErrorKind::NoResponders);
                false
            }
        }
    }
}

fn headers_of(headers: &[(&'static str, String)]) -> async_nats::HeaderMap {
    let mut all = async_nats::HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, value.as_str());
    }
    all
}

#[tokio::test]
async fn it_says_what_it_is_what_it_has_and_what_it_did() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    caller.told("characters.create", warrior("Mina")).await;
    caller.refused("characters.create", &warrior("Mina")).await;

    let ping = scene.discovered("$SRV.PING").await;
    let (id, shard) = (&ping["id"], &scene.setup.config().shard.id);
    let identity = |kind: &str| {
        json!({
            "type": format!("io.nats.micro.v1.{kind}_response"), "name": "menagerie", "id": id,
            "version": env!("CARGO_PKG_VERSION"),
        })
    };
    let mut expected = identity("ping");
    expected["metadata"] = json!({ "shard": shard });
    assert_eq!(ping, expected);

    let id = id.as_str().unwrap();
    let mut info = scene.discovered(&format!("$SRV.INFO.menagerie.{id}")).await;
    let endpoints = info["endpoints"].take();
    let mut endpoints: Vec<(&str, &str, &str)> = endpoints
        .as_array()
        .unwrap()
        .iter()
        .map(|endpoint| {
            let text = |name: &str| endpoint[name].as_str().unwrap();
            (text("name"), text("subject"), text("queue_group"))
        })
        .collect();
    endpoints.sort_unstable();
    let expected: Vec<(String, String)> = [
        "characters.appearance",
        "characters.check-name",
        "characters.create",
        "characters.delete",
        "characters.events",
        "characters.experience",
        "characters.get",
        "characters.list",
        "characters.offline",
        "characters.online",
        "characters.patch",
        "characters.position",
        "characters.restore",
        "characters.select",
        "characters.stats",
        "characters.stats.allocate",
        "pets.create",
        "pets.delete",
        "pets.get",
        "pets.list",
        "pets.rename",
    ]
    .map(|verb| (verb.replace('.', "-"), format!("menagerie.{verb}")))
    .into();
    let expected: Vec<(&str, &str, &str)> =
        expected.iter().map(|(name, subject)| (&**name, &**subject, "menagerie")).collect();
    assert_eq!(endpoints, expected);
    assert!(!info["description"].as_str().unwrap().is_empty());
    for (name, value) in identity("info").as_object().unwrap() {
        assert_eq!(&info[name], value, "{name}");
    }

    let stats = scene.discovered("$SRV.STATS.menagerie").await;
    for (name, value) in identity("stats").as_object().unwrap() {
        assert_eq!(&stats[name], value, "{name}");
    }
    chrono::DateTime::parse_from_rfc3339(stats["started"].as_str().unwrap()).unwrap();
    let created = stats["endpoints"].as_array().unwrap().iter();
    let created = created.clone().find(|endpoint| endpoint["name"] == "characters-create").unwrap();
    assert_eq!((&created["num_requests"], &created["num_errors"]), (&json!(2), &json!(1)));
    assert_eq!(created["last_error"], "409:name: The name is taken");
    assert_eq!(created["subject"], "menagerie.characters.create");
    assert_eq!(created["queue_group"], "menagerie");
    let time = |name: &str| created[name].as_u64().unwrap();
    assert!(time("processing_time") > 0 && time("average_processing_time") > 0);
}

#[tokio::test]
async fn nobody_answers_what_is_no_verb() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    for verb in ["characters", "characters.dance", "characters.get.now", "pets.move"] {
        let answer = caller.try_ask(verb, &[], "{}").await.map(|answer| answer.problem());
        assert_eq!(answer, Err(RequestErrorKind::NoResponders), "{verb}");
    }
}

#[tokio::test]
async fn a_message_that_wants_no_answer_has_its_effect() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let body = warrior("Mina").to_string().into();
    let (subject, headers) = ("menagerie.characters.create", headers_of(&caller.headers));
    scene.client.publish_with_headers(subject, headers, body).await.unwrap();
    assert_eq!(caller.world.heard(1).await[0].body["name"], "Mina");
}

#[tokio::test]
async fn who_stands_by_is_silent_until_it_takes_over() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (engine, caller) = scene.serve().await;
    let second = Second::standing_by(&scene).await;
    let first = scene.discovered("$SRV.PING.menagerie").await["id"].clone();
    // A queue group of two would give the second about half of them.
    for _ in 0..32 {
        caller.told("characters.list", json!({})).await;
    }
    let stats = scene.discovered("$SRV.STATS.menagerie").await;
    let lists = stats["endpoints"].as_array().unwrap().iter();
    let lists = lists.clone().find(|endpoint| endpoint["name"] == "characters-list").unwrap();
    assert_eq!((&stats["id"], &lists["num_requests"]), (&first, &json!(32)));

    let headers = headers_of(&caller.headers);
    drop(caller);
    engine.stop().await;
    until("the second process does not take over", || async { second.health.is_ready() }).await;
    until("the second process does not serve", || scene.is_there()).await;
    assert_ne!(scene.discovered("$SRV.PING.menagerie").await["id"], first);
    let answer = scene.client.request_with_headers("menagerie.characters.list", headers, "".into());
    let answer: Value = serde_json::from_slice(&answer.await.unwrap().payload).unwrap();
    assert_eq!(answer, json!({ "data": [], "next_cursor": null }));
    second.stop().await;
    assert!(!scene.is_there().await);
}

#[tokio::test]
async fn a_drain_leaves_no_request_without_an_answer() {
    let Some(scene) = Scene::new(&[]).await else { return };
    let (engine, caller) = scene.serve().await;
    let headers = headers_of(&caller.headers);
    drop(caller);
    let (counter, mut counted) = watch::channel(0);
    // Enough of them that the drain always meets some on their way.
    let asking = (0..64).map(|_| {
        let (client, headers, counter) = (scene.client.clone(), headers.clone(), counter.clone());
        tokio::spawn(async move {
            loop {
                let subject = "menagerie.characters.list";
                match client.request_with_headers(subject, headers.clone(), "{}".into()).await {
                    Ok(answer) => {
                        let code = answer.headers.unwrap();
                        let code = code.get("Nats-Service-Error-Code").map(|code| code.as_str());
                        assert!(matches!(code, None | Some("503")), "{code:?}");
                        counter.send_modify(|num_answered| *num_answered += 1);
                    }
                    Err(error) if error.kind() == RequestErrorKind::NoResponders => return,
                    Err(error) => panic!("after {}: {error}", *counter.borrow()),
                }
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    counted.wait_for(|num_answered| *num_answered > 500).await.unwrap();
    engine.stop().await;
    for asked in join_all(asking).await {
        asked.unwrap();
    }
    assert!(!scene.is_there().await);
}

#[tokio::test]
async fn too_many_at_once_are_refused_and_not_kept() {
    let Some(scene) = Scene::new(&[("engine.max_requests", "1")]).await else { return };
    let (_engine, caller) = scene.serve().await;
    let asks = (0..200).map(|_| caller.try_ask("characters.list", &[], "{}"));
    let answers = join_all(asks).await;
    let (mut num_full, mut num_well) = (0, 0);
    for answer in answers {
        let answer = answer.unwrap();
        if answer.error().is_none() {
            num_well += 1;
            continue;
        }
        assert_eq!(answer.problem(), (503, "overloaded".into()));
        num_full += 1;
    }
    assert!(num_full > 0 && num_well > 0, "{num_full} were refused, {num_well} not");
}

#[tokio::test]
async fn it_survives_a_lost_connection() {
    let Some(mut scene) = Scene::new(&[]).await else { return };
    let url = scene.setup.config().nats.url.expose().to_owned();
    let proxy = Proxy::start(url.trim_start_matches("nats://")).await;
    scene.setup.set("nats.url", &format!("nats://{}", proxy.addr()));
    let (_engine, caller) = scene.serve().await;
    let first = scene.discovered("$SRV.PING.menagerie").await["id"].clone();
    proxy.cut();
    until("the server does not see it go", || async {
        // What it still sends into the old connection is lost.
        let answer = scene.client.request("$SRV.PING.menagerie", "".into()).await;
        answer.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders)
    })
    .await;
    proxy.resume();
    until("its endpoints do not come back", || async {
        let answer = caller.try_ask("characters.list", &[], "{}").await;
        answer.is_ok_and(|answer| answer.error().is_none())
    })
    .await;
    assert_eq!(scene.discovered("$SRV.PING.menagerie").await["id"], first);
}
