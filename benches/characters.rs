//! Creating characters over HTTP, 64 at a time: the whole service (a round, the event on NATS,
//! the history) beside what one would write by hand, a handler with one INSERT each, on the
//! same PostgreSQL and in turns.
//!
//! `scripts/services start && eval "$(scripts/services env)" && cargo bench --bench characters`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use futures::stream::{self, StreamExt};
use hdrhistogram::Histogram;
use sea_orm::sqlx::PgPool;
use sea_orm::sqlx::postgres::PgPoolOptions;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

const NUM_CONNECTIONS: usize = 64;
const NUM_REQUESTS: u32 = 20_000;
const NUM_TURNS: usize = 3;

/// What a character is to the handler written by hand.
const BY_HAND: &str = "create table by_hand (
    id bigserial primary key, uuid uuid not null unique, user_uuid uuid not null,
    name text not null unique, class_type text not null, race text not null,
    gender text not null, level int not null default 1,
    created_at timestamptz not null default now())";

#[derive(Deserialize)]
struct Creation {
    user_id: Uuid,
    name: String,
    class_type: String,
    race: String,
    gender: String,
}

/// A service and what a turn of it came to.
struct Contestant {
    name: &'static str,
    url: String,
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

    let by_hand = serve_by_hand(&database).await;
    let (served, ours) = serve_menagerie(&database, nats, &name).await;
    let mut contestants = [
        Contestant { name: "menagerie", url: ours, per_second: vec![], p99: vec![] },
        Contestant { name: "by hand", url: by_hand, per_second: vec![], p99: vec![] },
    ];
    for _ in 0..NUM_TURNS {
        for contestant in &mut contestants {
            contestant.take_turn().await;
        }
    }
    let [ours, by_hand] = &contestants;
    for Contestant { name, per_second, p99, .. } in &contestants {
        let (mut rates, mut p99) = (per_second.clone(), p99.clone());
        rates.sort_by(f64::total_cmp);
        p99.sort();
        println!(
            "{name:<10} {:>8.0} {:>8.0} {:>8.0} creations/s (min, median, max)   p99 {:?} {:?} {:?}",
            rates[0], rates[1], rates[2], p99[0], p99[1], p99[2]
        );
    }
    let mut ratios: Vec<f64> =
        ours.per_second.iter().zip(&by_hand.per_second).map(|(a, b)| a / b).collect();
    ratios.sort_by(f64::total_cmp);
    println!("ratio      {:>8.2} {:>8.2} {:>8.2}", ratios[0], ratios[1], ratios[2]);
    drop(served);
    execute(&admin, &format!("drop database {name} with (force)")).await;
}

impl Contestant {
    async fn take_turn(&mut self) {
        let client = Arc::new(reqwest::Client::new());
        let began = Instant::now();
        let mut latency = Histogram::<u64>::new(3).unwrap();
        let mut answers = stream::iter(0..NUM_REQUESTS)
            .map(|_| create(Arc::clone(&client), self.url.clone()))
            .buffer_unordered(NUM_CONNECTIONS);
        while let Some(took) = answers.next().await {
            latency.saturating_record(u64::try_from(took.as_micros()).unwrap());
        }
        self.per_second.push(f64::from(NUM_REQUESTS) / began.elapsed().as_secs_f64());
        self.p99.push(Duration::from_micros(latency.value_at_quantile(0.99)));
    }
}

async fn create(client: Arc<reqwest::Client>, url: String) -> Duration {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let body = json!({
        "user_id": Uuid::new_v4(), "name": format!("Hero {number}"), "class_type": "warrior",
        "race": "human", "gender": "other",
    });
    let began = Instant::now();
    let request = client
        .post(url)
        .header("TENANT_ID", "083839c6-c47c-42a6-9585-76492795d123")
        .header("REGION", "GMS")
        .header("MAJOR_VERSION", "83")
        .header("MINOR_VERSION", "1")
        .json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.bytes().await.unwrap();
    began.elapsed()
}

async fn serve_by_hand(database: &str) -> String {
    let pool = PgPoolOptions::new().max_connections(16).connect(database).await.unwrap();
    execute(&pool, BY_HAND).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/characters", listener.local_addr().unwrap());
    let app = move || {
        App::new()
            .app_data(web::Data::new(pool.clone()))
            .route("/characters", web::post().to(insert))
    };
    let server = HttpServer::new(app).workers(1).listen(listener).unwrap().run();
    std::thread::spawn(move || actix_web::rt::System::new().block_on(server));
    url
}

async fn insert(pool: web::Data<PgPool>, creation: web::Json<Creation>) -> HttpResponse {
    let Creation { user_id, name, class_type, race, gender } = creation.into_inner();
    let uuid = Uuid::new_v4();
    let sql = "insert into by_hand (uuid, user_uuid, name, class_type, race, gender) \
               values ($1, $2, $3, $4, $5, $6) returning id";
    let id: i64 = sea_orm::sqlx::query_scalar(sql)
        .bind(uuid)
        .bind(user_id)
        .bind(&name)
        .bind(&class_type)
        .bind(&race)
        .bind(&gender)
        .fetch_one(&**pool)
        .await
        .unwrap();
    HttpResponse::Created().json(json!({
        "character_id": uuid, "number": id, "user_id": user_id, "name": name,
        "class_type": class_type, "race": race, "gender": gender, "level": 1,
    }))
}

/// The binary on the same database, with the in-process Kafka, which has nothing to do.
async fn serve_menagerie(database: &str, nats: &str, name: &str) -> (Served, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(env!("CARGO_BIN_EXE_menagerie"))
        .arg("serve")
        .env("MENAGERIE_DATABASE__URL", database)
        .env("MENAGERIE_DATABASE__MIGRATE_ON_START", "true")
        .env("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", "embedded")
        .env("MENAGERIE_NATS__URL", nats)
        .env("MENAGERIE_SHARD__ID", name)
        .env("MENAGERIE_HTTP__LISTEN", format!("127.0.0.1:{port}"))
        .env("MENAGERIE_ADMIN__LISTEN", "127.0.0.1:0")
        .env("MENAGERIE_LOG__LEVEL", "warn")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let served = Served(child);
    let url = format!("http://127.0.0.1:{port}/api/v1/characters");
    let client = reqwest::Client::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let asked = client
            .get(&url)
            .header("TENANT_ID", "083839c6-c47c-42a6-9585-76492795d123")
            .header("REGION", "GMS")
            .header("MAJOR_VERSION", "83")
            .header("MINOR_VERSION", "1")
            .send()
            .await;
        if asked.is_ok_and(|answer| answer.status() == 200) {
            return (served, url);
        }
        assert!(Instant::now() < deadline, "menagerie does not serve");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn execute(pool: &PgPool, sql: &str) {
    let sql = sea_orm::sqlx::AssertSqlSafe(sql.to_owned());
    sea_orm::sqlx::query(sql).execute(pool).await.unwrap();
}
