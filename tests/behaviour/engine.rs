//! The whole engine in this process, on the real services or on the embedded adapters.

use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use menagerie::config::{Config, Sources};
use menagerie::edge::embedded::kafka::EmbeddedKafka;
use menagerie::edge::kafka::Options;
use menagerie::engine::health::Health;
use menagerie::faults;
use menagerie::sidecar::{Error, Order, Sidecar, ports};
use menagerie::store::Store;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use tokio::sync::{OnceCell, watch};
use uuid::Uuid;

use super::ears::{self, Heard, Shelf, Told};

/// Longest wait for something that should happen soon.
pub(super) const SOON: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A pet command with this transaction panics its handler.
pub(super) const PANICKING: Uuid = Uuid::from_u128(0xdead);

pub(super) const CATALOG_PETS: &str = include_str!("pets.toml");
const CATALOG_MAPS: &str = include_str!("maps.toml");
const DEAD_LETTER_TOPIC: &str = "kafka.dead_letter_topic";
const NUM_PARTITIONS: i32 = 3;
const TOPICS: [&str; 5] = [
    "EVENT_TOPIC_CHARACTER_STATUS",
    "EVENT_TOPIC_ASSET_STATUS",
    "COMMAND_TOPIC_PET",
    "COMMAND_TOPIC_PET_MOVEMENT",
    "EVENT_TOPIC_PET_STATUS",
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Backend {
    /// PostgreSQL, Apache Kafka and nats-server on loopback.
    Real,
    /// SQLite, the in-process cluster and the in-process event log.
    Embedded,
}

/// Where an engine runs: services and configuration. Outlives the engine.
pub(super) struct Setup {
    env: Vec<(String, String)>,
    /// Of the database and the catalog.
    pub(super) folder: TempDir,
    /// So that the records outlive an engine that is stopped.
    _kafka: Option<EmbeddedKafka>,
}

/// An engine that serves.
pub(super) struct Engine {
    pub(super) game: String,
    pub(super) admin: String,
    pub(super) kafka: Options,
    pub(super) store: Store,
    pub(super) told: Arc<Shelf<Told>>,
    pub(super) heard: Arc<Shelf<Heard>>,
    reload: parking_lot::Mutex<Box<dyn Fn() + Send>>,
    orders: watch::Sender<Order>,
    thread: Option<JoinHandle<Result<(), Error>>>,
    io: Option<tokio::runtime::Runtime>,
    _status: ears::Reading,
}

impl Setup {
    /// `None` when it needs the services and they are switched off on purpose.
    pub(super) async fn new(backend: Backend, keys: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let catalog = folder.path().join("catalog");
        std::fs::create_dir(&catalog).unwrap();
        std::fs::write(catalog.join("pets.toml"), CATALOG_PETS).unwrap();
        std::fs::write(catalog.join("maps.toml"), CATALOG_MAPS).unwrap();
        let mut env: Vec<(String, String)> = [
            ("MENAGERIE_CATALOG__DIR", catalog.to_str().unwrap()),
            ("MENAGERIE_HTTP__LISTEN", "127.0.0.1:0"),
            ("MENAGERIE_ADMIN__LISTEN", "127.0.0.1:0"),
            ("MENAGERIE_ENGINE__ARBITERS", "2"),
            // All real engines share one server: any of them might get a request.
            ("MENAGERIE_NATS__SERVICE", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        env.extend(keys.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
        match backend {
            Backend::Real => {
                env.extend(real_services().await?);
                let setup = Self { env, folder, _kafka: None };
                setup.create_topics().await;
                Some(setup)
            }
            Backend::Embedded => {
                let dead_letters = keys.iter().find(|(key, _)| *key == DEAD_LETTER_TOPIC);
                let topics = TOPICS.into_iter().chain(dead_letters.map(|(_, topic)| *topic));
                let kafka = EmbeddedKafka::start(topics, NUM_PARTITIONS).unwrap();
                let database = folder.path().join("menagerie.db");
                let mut setup = Self { env, folder, _kafka: None };
                setup.set("database.url", &format!("sqlite://{}", database.display()));
                setup.set("kafka.bootstrap_servers", kafka.bootstrap_servers());
                setup.set("nats.url", "embedded");
                setup._kafka = Some(kafka);
                Some(setup)
            }
        }
    }

    /// With the in-process cluster that the configuration itself names, which ends with
    /// the engine.
    async fn self_contained(backend: Backend) -> Option<Self> {
        let mut setup = Self::new(backend, &[]).await?;
        if backend == Backend::Embedded {
            setup.set("kafka.bootstrap_servers", "embedded");
            setup._kafka = None;
        }
        Some(setup)
    }

    /// For the engines started from now on.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let name = variable(key);
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.to_owned()));
    }

    pub(super) fn config(&self) -> Config {
        Config::load(Sources { file: None, env: self.env.clone(), flags: Vec::new() })
            .unwrap()
            .config
    }

    /// Runs a statement on the database, while no engine does.
    pub(super) async fn execute(&self, sql: &str) {
        let url = self.config().database.url.expose().to_owned();
        let connection = Database::connect(url).await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn create_topics(&self) {
        let config = self.config().kafka;
        let (options, _) = ports::kafka_options(&config).unwrap();
        let admin: AdminClient<DefaultClientContext> = options.reader().create().unwrap();
        let mut names = options.topics.consumed().to_vec();
        names.push(&options.topics.pet_status);
        names.extend(options.dead_letter_topic.as_deref());
        let topics: Vec<NewTopic<'_>> = names
            .iter()
            .map(|name| NewTopic::new(name, NUM_PARTITIONS, TopicReplication::Fixed(1)))
            .collect();
        for created in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
            match created {
                // The dead letters of an earlier run.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, error)) => panic!("{topic}: {error}"),
            }
        }
    }

    /// Starts an engine and waits until it is ready.
    pub(super) async fn start(&self) -> Arc<Engine> {
        static FAULTS: Once = Once::new();
        FAULTS.call_once(|| faults::install(&format!("panic={PANICKING}")));
        let began = chrono::Utc::now();
        let config = Arc::new(self.config());
        let io = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("io")
            .enable_all()
            .build()
            .unwrap();
        let sidecar = Sidecar::open(Arc::clone(&config), io.handle().clone()).unwrap();
        let (orders, ordered) = watch::channel(Order::Run);
        let game = format!("http://{}", sidecar.game_address().unwrap());
        let admin = format!("http://{}", sidecar.admin_address().unwrap());
        let (mut outside, health) = (sidecar.outside(), sidecar.health());
        let reload = parking_lot::Mutex::new(Box::new(sidecar.reloader()) as Box<dyn Fn() + Send>);
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move { sidecar.run(ordered).await })
        });
        until_ready(&health, &thread).await;
        let outside = outside.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        let store = Store::connect(ports::store_options(&config));
        let store = io.spawn(store).await.unwrap().unwrap();
        let (told, heard) = (Arc::new(Shelf::default()), Arc::new(Shelf::default()));
        let status = ears::read_topic(&outside.kafka, &outside.kafka.topics.pet_status, &told);
        match &outside.memory_log {
            Some(log) => ears::hear_memory(io.handle(), log, &heard),
            None => {
                let url = config.nats.url.expose().to_owned();
                ears::hear_nats(io.handle(), url, began, &heard).await;
            }
        }
        Arc::new(Engine {
            game,
            admin,
            kafka: outside.kafka,
            store,
            told,
            heard,
            reload,
            orders,
            thread: Some(thread),
            io: Some(io),
            _status: status,
        })
    }
}

impl Engine {
    /// The engine that all behaviours share which need none of their own.
    pub(super) async fn shared(backend: Backend) -> Option<Arc<Self>> {
        static REAL: OnceCell<Option<(Setup, Arc<Engine>)>> = OnceCell::const_new();
        static EMBEDDED: OnceCell<Option<(Setup, Arc<Engine>)>> = OnceCell::const_new();
        let shared = match backend {
            Backend::Real => &REAL,
            Backend::Embedded => &EMBEDDED,
        };
        let start = || async {
            let setup = Setup::self_contained(backend).await?;
            let engine = setup.start().await;
            Some((setup, engine))
        };
        shared.get_or_init(start).await.as_ref().map(|(_, engine)| Arc::clone(engine))
    }

    /// What SIGHUP does.
    pub(super) fn reload(&self) {
        self.reload.lock()();
    }

    /// Waits for the end that was ordered another way.
    pub(super) async fn ended(self: Arc<Self>) {
        let mut this = Arc::into_inner(self).expect("nobody else uses the engine any more");
        let thread = this.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap().unwrap();
    }

    /// Drains, as after SIGTERM.
    pub(super) async fn stop(self: Arc<Self>) {
        let mut this = Arc::into_inner(self).expect("nobody else uses the engine any more");
        this.orders.send_replace(Order::Drain);
        let thread = this.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap().unwrap();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.orders.send_replace(Order::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(io) = self.io.take() {
            io.shutdown_background();
        }
    }
}

async fn until_ready(health: &Health, thread: &JoinHandle<Result<(), Error>>) {
    let deadline = Instant::now() + SOON;
    while !health.is_ready() {
        assert!(!thread.is_finished(), "the engine ended while it started");
        assert!(Instant::now() < deadline, "the engine is not ready: {:?}", health.checks());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A database and names for topics and group on the services that `scripts/test` starts.
async fn real_services() -> Option<Vec<(String, String)>> {
    if std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off") {
        return None;
    }
    let service = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            panic!("{name} is not set; run scripts/test, or set MENAGERIE_TEST_SERVICES=off")
        })
    };
    let server = service("MENAGERIE_TEST_POSTGRES");
    let name = format!("behaviour_{}", Uuid::new_v4().simple());
    let connection = Database::connect(&server).await.unwrap();
    connection.execute_unprepared(&format!("create database {name}")).await.unwrap();
    connection.close().await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    let mut env: Vec<(String, String)> = [
        ("MENAGERIE_DATABASE__URL", format!("{base}/{name}")),
        ("MENAGERIE_DATABASE__MIGRATE_ON_START", "true".into()),
        ("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", service("MENAGERIE_TEST_KAFKA")),
        ("MENAGERIE_KAFKA__GROUP", name.clone()),
        ("MENAGERIE_NATS__URL", service("MENAGERIE_TEST_NATS")),
        ("MENAGERIE_SHARD__ID", name.clone()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    env.extend(TOPICS.map(|topic| (topic.to_owned(), format!("{name}.{topic}"))));
    Some(env)
}

/// `pets.hunger_interval` as an environment variable.
fn variable(key: &str) -> String {
    format!("MENAGERIE_{}", key.replace('.', "__").to_uppercase())
}
