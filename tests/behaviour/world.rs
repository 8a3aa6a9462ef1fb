//! One tenant in an engine: what its game servers send, and what they get to see.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use menagerie::domain::TenantId;
use menagerie::store::{DeadLetter, Filter};
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::{Mutex as Turn, MutexGuard};
use uuid::Uuid;

use super::ears::{Heard, Told};
use super::engine::{Backend, Engine, LOOK_EVERY, SOON};

/// A template of the catalog in `pets.toml`.
pub(super) const KITTY: u32 = 5_000_017;
pub(super) const MAP: u32 = 100_000_000;

/// The tenant headers as `spec/rules.md` section 4 writes them.
pub(super) const REGION: &str = "GMS";
const MAJOR: u16 = 83;
const MINOR: u16 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Topic {
    CharacterStatus,
    AssetStatus,
    PetCommand,
    PetMovement,
}

/// A pet status event.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Event {
    pub(super) pet: u32,
    pub(super) kind: String,
    pub(super) body: Value,
}

pub(super) fn event(pet: u32, kind: &str, body: Value) -> Event {
    Event { pet, kind: kind.to_owned(), body }
}

pub(super) fn slot_changed(pet: u32, old: i8, new: i8) -> Event {
    event(pet, "SLOT_CHANGED", json!({ "oldSlot": old, "newSlot": new }))
}

/// Of a new pet that was never moved.
pub(super) fn spawned(pet: u32, slot: i8) -> Event {
    let body = json!({
        "templateId": KITTY, "name": "Pet", "slot": slot, "level": 1, "closeness": 0,
        "fullness": 100, "x": 0, "y": 0, "stance": 0, "fh": 1,
    });
    event(pet, "SPAWNED", body)
}

/// Counters are the process's: who compares them does so alone.
pub(super) async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Turn<()> = Turn::const_new(());
    ALONE.lock().await
}

pub(super) struct World {
    pub(super) engine: Arc<Engine>,
    pub(super) tenant: String,
    producer: BaseProducer,
    http: reqwest::Client,
    /// Where all records go: order exists within a partition only.
    partition: i32,
    /// Events of each owner that `told` has given.
    num_told: Mutex<HashMap<u32, usize>>,
    /// Messages that `heard` has given.
    num_heard: Mutex<usize>,
}

impl World {
    /// In the shared engine; `None` when it needs services that are switched off.
    pub(super) async fn on(backend: Backend) -> Option<Self> {
        Engine::shared(backend).await.map(|engine| Self::of(Uuid::new_v4(), &engine))
    }

    pub(super) fn of(tenant: Uuid, engine: &Arc<Engine>) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &engine.kafka.bootstrap_servers)
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.max.bytes", "10000000")
            .create()
            .unwrap();
        Self {
            engine: Arc::clone(engine),
            partition: i32::from(tenant.as_bytes()[0] % 3),
            tenant: tenant.to_string(),
            producer,
            http: reqwest::Client::new(),
            num_told: Mutex::default(),
            num_heard: Mutex::default(),
        }
    }

    /// The headers of every record of this tenant.
    pub(super) fn headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("TENANT_ID", self.tenant.clone().into_bytes()),
            ("REGION", REGION.into()),
            ("MAJOR_VERSION", MAJOR.to_be_bytes().into()),
            ("MINOR_VERSION", MINOR.to_be_bytes().into()),
        ]
    }

    pub(super) fn send(&self, topic: Topic, record: &Value) {
        self.send_bytes(topic, Some(record.to_string().as_bytes()), &self.headers());
    }

    /// A record with this payload, or none, and these headers only.
    pub(super) fn send_bytes(
        &self,
        topic: Topic,
        payload: Option<&[u8]>,
        headers: &[(&str, Vec<u8>)],
    ) {
        let topics = &self.engine.kafka.topics;
        let name = match topic {
            Topic::CharacterStatus => &topics.character_status,
            Topic::AssetStatus => &topics.asset_status,
            Topic::PetCommand => &topics.pet_command,
            Topic::PetMovement => &topics.pet_movement,
        };
        let mut owned = OwnedHeaders::new();
        for (key, value) in headers {
            owned = owned.insert(Header { key, value: Some(value) });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(name)
            .partition(self.partition)
            .key(b"any key")
            .headers(owned);
        record.payload = payload;
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// A pet command as `spec/pet-kafka.md` shows it. Gives its transaction.
    pub(super) fn order(&self, actor: u32, pet: u32, kind: &str, body: Value) -> Uuid {
        let transaction = Uuid::new_v4();
        let record = json!({
            "transactionId": transaction, "actorId": actor, "petId": pet, "type": kind, "body": body,
        });
        self.send(Topic::PetCommand, &record);
        transaction
    }

    /// A character status event as `spec/pet-kafka.md` shows it. Gives its transaction.
    pub(super) fn status(&self, character: u32, kind: &str, body: Value) -> Uuid {
        let transaction = Uuid::new_v4();
        let record = json!({
            "transactionId": transaction, "worldId": 0, "characterId": character, "type": kind,
            "body": body,
        });
        self.send(Topic::CharacterStatus, &record);
        transaction
    }

    /// An asset status event as `spec/pet-kafka.md` shows it.
    pub(super) fn asset(
        &self,
        character: u32,
        asset: u32,
        template: u32,
        slot: i16,
        kind: &str,
        body: Value,
    ) {
        let record = json!({
            "characterId": character, "compartmentId": Uuid::new_v4(), "assetId": asset,
            "templateId": template, "slot": slot, "type": kind, "body": body,
        });
        self.send(Topic::AssetStatus, &record);
    }

    /// Logs a character in and waits until that was announced. Gives the session.
    pub(super) async fn login(&self, character: u32) -> Uuid {
        let body = json!({ "channelId": 1, "mapId": MAP, "instance": Uuid::nil() });
        let session = self.status(character, "LOGIN", body);
        let is_online = |heard: &Heard| {
            heard.subject == "character.online" && heard.body["session_id"] == json!(session)
        };
        let is_heard = |all: &[Arc<Heard>]| all.iter().any(|heard| is_online(heard));
        *self.num_heard.lock() = self.engine.heard.once(&self.tenant, is_heard).await.len();
        session
    }

    /// The next `count` messages of the character event log.
    pub(super) async fn heard(&self, count: usize) -> Vec<Arc<Heard>> {
        let begin = *self.num_heard.lock();
        let are_enough = |all: &[Arc<Heard>]| all.len() >= begin + count;
        let all = self.engine.heard.once(&self.tenant, are_enough).await;
        *self.num_heard.lock() = begin + count;
        all[begin..begin + count].to_vec()
    }

    /// The events of the owner of `mark` up to now, the announcement of the mark not counted.
    pub(super) async fn told(&self, mark: u32) -> Vec<Event> {
        let transaction = self.order(0, mark, "AWARD_CLOSENESS", json!({ "amount": 0 }));
        self.told_until(transaction).await.iter().map(|told| read(told)).collect()
    }

    /// The records of one owner up to the CLOSENESS_CHANGED with this transaction, which is
    /// not among them.
    pub(super) async fn told_until(&self, transaction: Uuid) -> Vec<Arc<Told>> {
        let text = transaction.to_string();
        let is_mark = |told: &Arc<Told>| told.text.contains(&text);
        let all = self.engine.told.once(&self.tenant, |all| all.iter().any(is_mark)).await;
        let at = all.iter().position(is_mark).unwrap();
        let owner = all[at].json()["ownerId"].as_u64().unwrap();
        // One owner's events share a partition: no earlier one can still be on its way.
        let mut events: Vec<Arc<Told>> =
            all[..at].iter().filter(|told| told.json()["ownerId"] == owner).cloned().collect();
        let mut num_told = self.num_told.lock();
        let num_told = num_told.entry(u32::try_from(owner).unwrap()).or_default();
        let num_seen = std::mem::replace(num_told, events.len() + 1);
        events.drain(..num_seen);
        events
    }

    /// The next events of a kind of this tenant's pets, once there are `count` in all.
    pub(super) async fn announced(&self, kind: &str, count: usize) -> Vec<Event> {
        let of_kind = |all: &[Arc<Told>]| -> Vec<Event> {
            all.iter().map(|told| read(told)).filter(|event| event.kind == kind).collect()
        };
        let are_enough = |all: &[Arc<Told>]| of_kind(all).len() >= count;
        of_kind(&self.engine.told.once(&self.tenant, are_enough).await)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.engine.game))
            .header("TENANT_ID", &self.tenant)
            .header("REGION", REGION)
            .header("MAJOR_VERSION", MAJOR.to_string())
            .header("MINOR_VERSION", MINOR.to_string())
    }

    /// A new pet of the first template, after its CREATED was seen.
    pub(super) async fn pet(&self, owner: u32) -> u32 {
        self.pet_with(owner, json!({})).await
    }

    /// A new pet with these attributes.
    pub(super) async fn pet_with(&self, owner: u32, attributes: Value) -> u32 {
        let mut all = json!({ "ownerId": owner, "templateId": KITTY });
        all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        let document = json!({ "data": { "type": "pets", "attributes": all } });
        let answer = self.request(Method::POST, "/api/pets").json(&document).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        let pet = answer["data"]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(self.told(pet).await, [event(pet, "CREATED", json!({}))]);
        pet
    }

    /// What the pets API tells of a pet, if it exists.
    pub(super) async fn look_up(&self, pet: u32) -> Option<Value> {
        let answer = self.request(Method::GET, &format!("/api/pets/{pet}")).send().await.unwrap();
        if answer.status() == 404 {
            return None;
        }
        assert_eq!(answer.status(), 200);
        let mut document: Value = answer.json().await.unwrap();
        Some(document["data"]["attributes"].take())
    }

    /// The dead letters of this tenant, oldest first, once there are so many.
    pub(super) async fn letters(&self, count: usize) -> Vec<DeadLetter> {
        let tenant = self.tenant.parse().ok().map(TenantId);
        let deadline = Instant::now() + SOON;
        loop {
            let stored = self.engine.store.dead_letters(Filter::default(), 10_000).await.unwrap();
            let letters = stored.into_iter().map(|stored| stored.letter);
            let mut letters: Vec<_> = letters.filter(|letter| letter.tenant == tenant).collect();
            letters.reverse();
            if letters.len() >= count {
                return letters;
            }
            assert!(Instant::now() < deadline, "{count} dead letters expected, got {letters:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The value of a counter with exactly these labels; 0 before its first count.
    pub(super) async fn counter(&self, name: &str, labels: &str) -> u64 {
        let url = format!("{}/metrics", self.engine.admin);
        let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
        let start = format!("menagerie_{name}{{{labels}}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&start));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a counter has this value.
    pub(super) async fn until_counted(&self, name: &str, labels: &str, value: u64) {
        let deadline = Instant::now() + SOON;
        loop {
            let counted = self.counter(name, labels).await;
            if counted == value {
                return;
            }
            let late = Instant::now() > deadline || counted > value;
            assert!(!late, "{name}{{{labels}}} is {counted}, not {value}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

pub(super) fn read(told: &Told) -> Event {
    let json = told.json();
    let members: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["body", "ownerId", "petId", "type"]);
    Event {
        pet: u32::try_from(json["petId"].as_u64().unwrap()).unwrap(),
        kind: json["type"].as_str().unwrap().to_owned(),
        body: json["body"].clone(),
    }
}
