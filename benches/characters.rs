//! Creating characters over HTTP, 64 at a time, in turns on the same PostgreSQL:
//!
//! - Menagerie: unique name and slot, the character, its history, the event in the outbox and
//!   published on NATS;
//! - the same transaction as one writes it by hand, a plain actix-web handler with one INSERT
//!   for the character in the lowest free slot, one for its history, both into tables like
//!   Menagerie's with their indexes, and one for the outbox (nobody publishes it);
//! - the same with somebody who does, a hundred rows of the outbox at a time, until the last
//!   event is published, as Menagerie's turns are counted too;
//! - as a lower bound, that handler with the character's INSERT and nothing else.
//!
//! `scripts/services start && eval "$(scripts/services env)" && cargo bench --bench characters`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use async_nats::jetstream::Context as Jetstream;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config as StreamConfig;
use futures::future::join_all;
use hdrhistogram::Histogram;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::{
    AssertSqlSafe, Error as SqlError, PgExecutor, PgPool, query, query_as, query_scalar,
};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::{Uuid, uuid};

const NUM_CONNECTIONS: u32 = 64;
const NUM_REQUESTS: u32 = 19_200;
const NUM_TURNS: usize = 3;
/// For a service to start, and for its last event.
const PATIENCE: Duration = Duration::from_secs(60);

const TENANT: Uuid = uuid!("083839c6-c47c-42a6-9585-76492795d123");

/// Of each request.
const HEADERS: [(&str, &str); 5] = [
    ("Content-Type", "application/json"),
    ("TENANT_ID", "083839c6-c47c-42a6-9585-76492795d123"),
    ("REGION", "GMS"),
    ("MAJOR_VERSION", "83"),
    ("MINOR_VERSION", "1"),
];

/// Rows of the outbox that the relay written by hand publishes in a transaction.
const NUM_RELAYED: i64 = 100;
/// How long it lets an empty outbox alone.
const RELAY_PAUSE: Duration = Duration::from_millis(5);

/// The tables of the handlers written by hand: Menagerie's, and an outbox of a row an event.
const BY_HAND: [&str; 5] = [
    "create sequence by_hand_number",
    "create table by_hand (like characters including all)",
    "create table by_hand_events (like character_events including all)",
    "create table by_hand_outbox (
        id bigserial primary key, subject text not null, event_id uuid not null,
        body text not null)",
    "create table by_hand_relayed (like by_hand_outbox including all)",
];
const INSERT_BARE: &str = "insert into by_hand \
    (tenant, id, shard, uuid, user_uuid, name, name_key, class_type, race, gender, level, \
     experience, slot_number, stat_points, skill_points, stats, appearance, created_at, \
     play_time_ms, event_seq, version, updated_at) \
    values ($1, nextval('by_hand_number'), 'main', $2, $3, $4, $5, $6, $7, $8, 1, \
     0, 1, 0, 0, $9::json, $10::json, now(), 0, 1, 1, now()) \
    returning id";
const INSERT_CHARACTER: &str = "insert into by_hand \
    (tenant, id, shard, uuid, user_uuid, name, name_key, class_type, race, gender, level, \
     experience, slot_number, stat_points, skill_points, stats, appearance, created_at, \
     play_time_ms, event_seq, version, updated_at) \
    select $1, nextval('by_hand_number'), 'main', $2, $3, $4, $5, $6, $7, $8, 1, \
     0, min(slot), 0, 0, $9::json, $10::json, now(), 0, 1, 1, now() \
    from generate_series(1, 5) slot \
    where not exists (select from by_hand where user_uuid = $3 and tenant = $1 \
        and slot_number = slot and deleted_at is null) \
    returning id";
const INSERT_EVENT: &str = "insert into by_hand_events \
    (tenant, character, seq, event_id, type, decided_at, body) \
    values ($1, $2, 1, $3, 'character.created', now(), $4)";
const INSERT_OUTBOX: &str = "insert into by_hand_outbox (subject, event_id, body) \
    values ('created', $1, $2)";
const INSERT_RELAYED: &str = "insert into by_hand_relayed (subject, event_id, body) \
    values ('created', $1, $2)";
const NEXT_RELAYED: &str = "select id, subject, event_id, body from by_hand_relayed \
    order by id limit $1 for update skip locked";
const DELETE_RELAYED: &str = "delete from by_hand_relayed where id = any($1)";

#[derive(Deserialize)]
struct Creation {
    user_id: Uuid,
    name: String,
    class_type: String,
    race: String,
    gender: String,
}

/// A service and what its turns came to.
#[derive(Default)]
struct Contestant {
    name: &'static str,
    url: String,
    /// A table that is empty once everything is published.
    outbox: Option<&'static str>,
    per_second: Vec<f64>,
    p99: Vec<Duration>,
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let Ok(server) = std::env::var("MENAGERIE_TEST_POSTGRES") else {
        println!("characters: left out, MENAGERIE_TEST_POSTGRES is not set (scripts/services)");
        return;
    };
    let nats = std::env::var("MENAGERIE_TEST_NATS").unwrap_or_else(|_| "embedded".into());
    actix_web::rt::System::new().block_on(compare(&server, &nats));
}

async fn compare(server: &str, nats: &str) {
    let name = format!("bench_{}", Uuid::new_v4().simple());
    let admin = PgPool::connect(server).await.unwrap();
    execute(&admin, &format!("create database {name}")).await;
    let (base, _) = server.rsplit_once('/').unwrap();
    let database = format!("{base}/{name}");

    // Menagerie first: it makes the tables.
    let (served, ours) = serve_menagerie(&database, nats, &name).await;
    let by_hand = serve_by_hand(&database).await;
    let contestant = |name, url, outbox| Contestant { name, url, outbox, ..Contestant::default() };
    let mut contestants = vec![
        contestant("menagerie", ours, Some("outbox")),
        contestant("the same transaction by hand", format!("{by_hand}/same"), None),
        contestant("one INSERT and nothing else", format!("{by_hand}/bare"), None),
    ];
    let pool = PgPool::connect(&database).await.unwrap();
    if nats == "embedded" {
        println!("the same and published: left out, MENAGERIE_TEST_NATS is not set");
    } else {
        let relay = relay(database.clone(), nats.to_owned(), name.clone());
        std::thread::spawn(move || actix_web::rt::System::new().block_on(relay));
        let (url, outbox) = (format!("{by_hand}/published"), Some("by_hand_relayed"));
        contestants.insert(2, contestant("the same, and published", url, outbox));
    }
    // As with any bench, what stands on the command line picks those whose name has it. The first
    // one's rate is what the others' are compared with.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    contestants.retain(|contestant| wanted.iter().all(|wanted| contestant.name.contains(wanted)));
    for _ in 0..NUM_TURNS {
        for contestant in &mut contestants {
            contestant.take_turn(&pool).await;
        }
    }
    let Some(ours) = contestants.first().map(|first| first.per_second.clone()) else { return };
    println!("{:<30}{:>26}   {:<26}   times its rate", "", "creations/s", "p99");
    for Contestant { name, per_second, p99, .. } in &mut contestants {
        let mut ratios: Vec<f64> = ours.iter().zip(&*per_second).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        per_second.sort_by(f64::total_cmp);
        p99.sort();
        let [slow, middle, fast] = [per_second[0], per_second[1], per_second[2]];
        println!(
            "{name:<30}{slow:>8.0} {middle:>8.0} {fast:>8.0}   {:<26}   {:.2} {:.2} {:.2}",
            format!("{:.1?} {:.1?} {:.1?}", p99[0], p99[1], p99[2]),
            ratios[0],
            ratios[1],
            ratios[2],
        );
    }
    println!("each figure: least, median and greatest of three turns of {NUM_REQUESTS}");
    drop(served);
    execute(&admin, &format!("drop database {name} with (force)")).await;
}

impl Contestant {
    async fn take_turn(&mut self, pool: &PgPool) {
        let began = Instant::now();
        let connections = (0..NUM_CONNECTIONS).map(|_| {
            actix_web::rt::spawn(create_all(self.url.clone(), NUM_REQUESTS / NUM_CONNECTIONS))
        });
        let mut latency = new_histogram();
        for connection in join_all(connections).await {
            latency.add(connection.unwrap()).unwrap();
        }
        if let Some(outbox) = self.outbox {
            let is_left = format!("select exists (select from {outbox})");
            let deadline = Instant::now() + PATIENCE;
            while query_scalar::<_, bool>(AssertSqlSafe(&*is_left)).fetch_one(pool).await.unwrap() {
                assert!(Instant::now() < deadline, "{}: events are not published", self.name);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        self.per_second.push(latency.len() as f64 / began.elapsed().as_secs_f64());
        self.p99.push(Duration::from_micros(latency.value_at_quantile(0.99)));
    }
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}

/// One connection's requests, each behind the answer of the one before. Written to the socket and
/// read from it as they are: what a client takes of the two cores, the contestants do not have.
async fn create_all(url: String, num_requests: u32) -> Histogram<u64> {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut head = format!("POST /{path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in HEADERS {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut answer = Vec::with_capacity(4_096);
    let mut latency = new_histogram();
    for _ in 0..num_requests {
        let body = creation();
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        answer.clear();
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        while !is_created(&answer) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed");
        }
        latency.record(u64::try_from(began.elapsed().as_micros()).unwrap()).unwrap();
    }
    latency
}

/// Whether an answer has come whole; none but this may come.
fn is_created(answer: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(answer).unwrap() else { return false };
    assert_eq!(parsed.code, Some(201));
    let length = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = str::from_utf8(length.unwrap().value).unwrap().parse().unwrap();
    assert!(answer.len() <= head + length, "more than was asked for");
    answer.len() == head + length
}

/// A character of a user of its own.
fn creation() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    json!({
        "user_id": Uuid::new_v4(), "name": format!("Hero {number}"), "class_type": "warrior",
        "race": "human", "gender": "other",
    })
    .to_string()
}

/// The address of what is written by hand.
async fn serve_by_hand(database: &str) -> String {
    let pool = PgPoolOptions::new().max_connections(16).connect(database).await.unwrap();
    for table in BY_HAND {
        execute(&pool, table).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let app = move || {
        App::new()
            .app_data(web::Data::new(pool.clone()))
            .route("/same", web::post().to(insert_same))
            .route("/published", web::post().to(insert_published))
            .route("/bare", web::post().to(insert))
    };
    let server = HttpServer::new(app).workers(1).listen(listener).unwrap().run();
    std::thread::spawn(move || actix_web::rt::System::new().block_on(server));
    root
}

async fn insert(pool: web::Data<PgPool>, creation: web::Json<Creation>) -> HttpResponse {
    let uuid = Uuid::new_v4();
    let id = insert_character(&**pool, INSERT_BARE, uuid, &creation).await;
    created(uuid, id, &creation)
}

async fn insert_same(pool: web::Data<PgPool>, creation: web::Json<Creation>) -> HttpResponse {
    insert_all(&pool, &creation, INSERT_OUTBOX).await
}

async fn insert_published(pool: web::Data<PgPool>, creation: web::Json<Creation>) -> HttpResponse {
    insert_all(&pool, &creation, INSERT_RELAYED).await
}

async fn insert_all(pool: &PgPool, creation: &Creation, outbox: &'static str) -> HttpResponse {
    let (uuid, event_id) = (Uuid::new_v4(), Uuid::now_v7());
    let Creation { user_id, name, class_type, race, gender } = creation;
    let mut transaction = pool.begin().await.unwrap();
    let id = insert_character(&mut *transaction, INSERT_CHARACTER, uuid, creation).await;
    let event = json!({
        "event_id": event_id, "event_type": "character.created", "timestamp": chrono::Utc::now(),
        "version": "1.0", "character_id": uuid, "user_id": user_id, "name": name,
        "class_type": class_type, "race": race, "gender": gender, "level": 1, "slot_number": 1,
    })
    .to_string();
    let kept = query(INSERT_EVENT).bind(TENANT).bind(uuid).bind(event_id).bind(&event);
    kept.execute(&mut *transaction).await.unwrap();
    let sent = query(outbox).bind(event_id).bind(&event);
    sent.execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    created(uuid, id, creation)
}

async fn insert_character(
    to: impl PgExecutor<'_>,
    sql: &'static str,
    uuid: Uuid,
    creation: &Creation,
) -> i64 {
    let stats = json!({
        "strength": 10, "agility": 10, "intelligence": 10, "wisdom": 10, "vitality": 10,
    });
    let looks = json!({ "hair_style": 0, "hair_color": "#5A3825", "height": 170 });
    query_scalar(sql)
        .bind(TENANT)
        .bind(uuid)
        .bind(creation.user_id)
        .bind(&creation.name)
        .bind(creation.name.to_lowercase())
        .bind(&creation.class_type)
        .bind(&creation.race)
        .bind(&creation.gender)
        .bind(stats.to_string())
        .bind(looks.to_string())
        .fetch_one(to)
        .await
        .unwrap()
}

fn created(uuid: Uuid, id: i64, creation: &Creation) -> HttpResponse {
    let Creation { user_id, name, class_type, race, gender } = creation;
    HttpResponse::Created().json(json!({
        "character_id": uuid, "number": id, "user_id": user_id, "name": name,
        "class_type": class_type, "race": race, "gender": gender, "level": 1,
    }))
}

/// Publishes what waits, and deletes it once the stream has it.
async fn relay(database: String, nats: String, name: String) {
    let pool = PgPool::connect(&database).await.unwrap();
    let client = async_nats::connect(nats).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    // A stream of each run's own.
    let subjects = vec![format!("{name}.>")];
    let stream = StreamConfig { name: name.clone(), subjects, ..StreamConfig::default() };
    jetstream.create_stream(stream).await.unwrap();
    // Without its database the bench is over.
    while let Ok(num) = relay_some(&pool, &jetstream, &name).await {
        if num == 0 {
            tokio::time::sleep(RELAY_PAUSE).await;
        }
    }
}

/// How many it relayed.
async fn relay_some(pool: &PgPool, jetstream: &Jetstream, name: &str) -> Result<usize, SqlError> {
    let mut transaction = pool.begin().await?;
    let next = query_as::<_, (i64, String, Uuid, String)>(NEXT_RELAYED).bind(NUM_RELAYED);
    let rows = next.fetch_all(&mut *transaction).await?;
    if rows.is_empty() {
        transaction.rollback().await?;
        return Ok(0);
    }
    let mut acknowledged = Vec::new();
    let mut ids = Vec::new();
    for (id, subject, event_id, body) in rows {
        let message = PublishMessage::build().message_id(event_id.to_string());
        let message = message.payload(body.into());
        acknowledged
            .push(jetstream.send_publish(format!("{name}.{subject}"), message).await.unwrap());
        ids.push(id);
    }
    let num = ids.len();
    for acknowledgement in acknowledged {
        acknowledgement.await.unwrap();
    }
    query(DELETE_RELAYED).bind(ids).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(num)
}

/// The binary on the same database, with the in-process Kafka, which has nothing to do. It is not
/// asked every 5 ms whether it has, as the others are not.
async fn serve_menagerie(database: &str, nats: &str, name: &str) -> (Served, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(env!("CARGO_BIN_EXE_menagerie"))
        .arg("serve")
        .env("MENAGERIE_DATABASE__URL", database)
        .env("MENAGERIE_DATABASE__MIGRATE_ON_START", "true")
        .env("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", "embedded")
        .env("MENAGERIE_KAFKA__PROPERTIES", "fetch.wait.max.ms=500")
        .env("MENAGERIE_NATS__URL", nats)
        .env("MENAGERIE_SHARD__ID", name)
        .env("MENAGERIE_HTTP__LISTEN", format!("127.0.0.1:{port}"))
        .env("MENAGERIE_ADMIN__LISTEN", "127.0.0.1:0")
        .env("MENAGERIE_LOG__LEVEL", "warn,librdkafka=error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let served = Served(child);
    let url = format!("http://127.0.0.1:{port}/api/v1/characters");
    let client = reqwest::Client::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        // What is to be measured, once: reading is served before the shard is held.
        let request = HEADERS
            .iter()
            .fold(client.post(&url), |request, (name, value)| request.header(*name, *value));
        let asked = request.body(creation()).send().await;
        if asked.is_ok_and(|answer| answer.status() == 201) {
            return (served, url);
        }
        assert!(Instant::now() < deadline, "menagerie does not serve");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn execute(pool: &PgPool, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    query(sql).execute(pool).await.unwrap();
}
