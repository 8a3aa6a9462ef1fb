//! What a process stands on: a database, a group and a shard of its own, and the turn.

use menagerie::config::{Config, Sources};
use menagerie::edge::kafka::Options;
use menagerie::sidecar::ports::kafka_options;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// Two cores, and services that are killed: one world at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

pub(super) const TOPICS: [&str; 5] = [
    "EVENT_TOPIC_CHARACTER_STATUS",
    "EVENT_TOPIC_ASSET_STATUS",
    "COMMAND_TOPIC_PET",
    "COMMAND_TOPIC_PET_MOVEMENT",
    "EVENT_TOPIC_PET_STATUS",
];

pub(super) struct Ground {
    pub(super) name: String,
    /// The configuration of its processes.
    pub(super) env: Vec<(String, String)>,
    server: String,
    _turn: MutexGuard<'static, ()>,
}

impl Ground {
    /// With an empty database. `None` when the services are switched off on purpose.
    pub(super) async fn new() -> Option<Self> {
        if std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off") {
            return None;
        }
        let turn = ONE_AT_A_TIME.lock().await;
        let service = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| {
                panic!("{name} is not set; run scripts/test, or set MENAGERIE_TEST_SERVICES=off")
            })
        };
        let server = service("MENAGERIE_TEST_POSTGRES");
        let name = format!("faults_{}", Uuid::new_v4().simple());
        execute(&server, &format!("create database {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let mut env: Vec<(String, String)> = [
            ("MENAGERIE_DATABASE__URL", format!("{base}/{name}")),
            ("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", service("MENAGERIE_TEST_KAFKA")),
            ("MENAGERIE_KAFKA__GROUP", name.clone()),
            ("MENAGERIE_NATS__URL", service("MENAGERIE_TEST_NATS")),
            ("MENAGERIE_SHARD__ID", name.clone()),
            ("MENAGERIE_SHARD__LEASE", "1s".into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        env.extend(TOPICS.map(|topic| (topic.to_owned(), format!("{name}.{topic}"))));
        Some(Self { name, env, server, _turn: turn })
    }

    pub(super) fn set(&mut self, variable: &str, value: &str) {
        self.env.retain(|(known, _)| known != variable);
        self.env.push((variable.to_owned(), value.to_owned()));
    }

    pub(super) fn get(&self, variable: &str) -> &str {
        let (_, value) = self.env.iter().find(|(known, _)| known == variable).unwrap();
        value
    }

    /// A Kafka client's options as the processes have them.
    pub(super) fn kafka(&self) -> Options {
        let sources = Sources { file: None, env: self.env.clone(), flags: Vec::new() };
        let config = Config::load(sources).unwrap().config;
        kafka_options(&config.kafka).unwrap().0
    }

    /// The number that a query on the database gives.
    pub(super) async fn count(&self, sql: &str) -> i64 {
        let connection = Database::connect(self.get("MENAGERIE_DATABASE__URL")).await.unwrap();
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        connection.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// The bytes that a query on the database gives.
    pub(super) async fn bytes(&self, sql: &str) -> Vec<u8> {
        let connection = Database::connect(self.get("MENAGERIE_DATABASE__URL")).await.unwrap();
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        connection.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }

    pub(super) async fn close(self) {
        execute(&self.server, &format!("drop database {} with (force)", self.name)).await;
    }
}

async fn execute(server: &str, sql: &str) {
    let connection = Database::connect(server).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}
