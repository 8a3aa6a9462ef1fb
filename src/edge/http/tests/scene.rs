//! Both listeners, on sockets.

#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, RequestBuilder, Response};
use rustc_hash::FxHashSet;
use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use tempfile::TempDir;
use tokio::runtime::Handle as Runtime;
use uuid::Uuid;

use crate::domain::{Catalog, Rules, Tenant, TenantId};
use crate::edge::embedded::event_log::{Limits, MemoryLog};
use crate::edge::http::admin::Admin;
use crate::edge::http::auth::Authority;
use crate::edge::http::{Game, serve_admin, serve_game};
use crate::edge::kafka::client::Topics;
use crate::edge::kafka::redelivery::Redelivery;
use crate::edge::operations::Operations;
use crate::engine::health::{Health, Stage};
use crate::engine::outbox::kafka::Ticket;
use crate::engine::outbox::nats::Policy;
use crate::engine::outbox::row::Entry;
use crate::engine::port::{
    Delivery, PartitionState, Pause, Reading, Records, StatusTopic, TopicError,
};
use crate::engine::shard::{Parts, Settings, Shard};
use crate::store::{Options, Store};
use crate::telemetry::trace::Tracer;

/// The requests' deadline where one is waited for.
const SHORT: Duration = Duration::from_millis(500);

/// A Kafka without records that takes events and never acknowledges them.
struct Nothing;

impl Records for Nothing {
    fn read(&self, _: Delivery) -> Result<Box<dyn Reading>, TopicError> {
        Ok(Box::new(Self))
    }
}

impl Reading for Nothing {
    fn partitions(&self) -> Vec<PartitionState> {
        Vec::new()
    }

    fn hold(&self, _: bool) {}

    fn is_held(&self) -> bool {
        false
    }

    fn pause(&self) -> Option<Pause> {
        None
    }

    fn stop(&self) {}

    fn leave(self: Box<Self>) {}

    fn is_ready(&self) -> bool {
        true
    }

    fn is_alive(&self) -> bool {
        true
    }

    fn last_error(&self) -> Option<String> {
        None
    }
}

impl StatusTopic for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }

    fn send(&self, _: &Entry<'_>, _: DateTime<Utc>, _: &Arc<Ticket>) -> Result<(), TopicError> {
        Ok(())
    }

    fn release(&self) {}

    fn replace(&self) -> Result<(), TopicError> {
        Ok(())
    }

    fn standing(
        &self,
        _: DateTime<Utc>,
        _: &FxHashSet<Uuid>,
    ) -> Result<FxHashSet<Uuid>, TopicError> {
        Ok(FxHashSet::default())
    }
}

/// Both listeners of a process that stands by, unless it serves.
pub struct Scene {
    pub health: Arc<Health>,
    pub game: String,
    pub admin: String,
    pub client: Client,
    store: Store,
    servers: Vec<ServerHandle>,
    dir: TempDir,
}

impl Scene {
    async fn start(
        default_tenant: Option<Tenant>,
        request_timeout: Duration,
        authority: Authority,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            url: format!("sqlite:{}", dir.path().join("menagerie.db").display()),
            max_connections: 1,
            connect_timeout: Duration::from_secs(5),
            commit_timeout: Duration::from_secs(5),
        };
        let store = Store::connect(options).await.unwrap();
        let health = Arc::new(Health::new());
        health.set_stage(Stage::Standby);
        let authority = Arc::new(authority);
        let game = Arc::new(Game {
            health: Arc::clone(&health),
            authority: Arc::clone(&authority),
            store: store.clone().into(),
            runtime: Runtime::current(),
            catalog: Arc::new(ArcSwap::from_pointee(Catalog::builtin())),
            default_tenant: default_tenant.map(Arc::new),
            request_timeout,
            tracer: Tracer::off(),
        });
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let [game_listener, admin_listener] = [listen(), listen()];
        let base = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let addresses = [base(&game_listener), base(&admin_listener)];
        let servers = [
            serve_game(game_listener, 1, Arc::new(Operations::new(Arc::clone(&game)))).unwrap(),
            serve_admin(admin_listener, admin_of(game)).unwrap(),
        ];
        let servers = servers.map(|server| {
            let handle = server.handle();
            rt::spawn(server);
            handle
        });
        let [game, admin] = addresses;
        let client = Client::new();
        Self { health, game, admin, client, store, servers: servers.into(), dir }
    }

    pub async fn with_tenant() -> Self {
        Self::guarded(Authority::default()).await
    }

    pub async fn without_tenant() -> Self {
        Self::start(None, SHORT, Authority::default()).await
    }

    /// With a tenant by default, and whoever this lets in.
    pub async fn guarded(authority: Authority) -> Self {
        Self::with_tenant_for(SHORT, authority).await
    }

    async fn with_tenant_for(request_timeout: Duration, authority: Authority) -> Self {
        let tenant =
            Tenant { id: TenantId(Uuid::from_u128(1)), region: "GMS".into(), major: 83, minor: 1 };
        Self::start(Some(tenant), request_timeout, authority).await
    }

    /// With a tenant by default, and an engine that hears of nothing but requests.
    pub async fn serving() -> Self {
        Self::serving_guarded(Authority::default()).await
    }

    pub async fn serving_guarded(authority: Authority) -> Self {
        let scene = Self::with_tenant_for(Duration::from_secs(20), authority).await;
        scene.store.migrate_up().await.unwrap();
        let lease = Duration::from_secs(60);
        let settings = Settings {
            shard: "0".into(),
            lease,
            num_arbiters: 1,
            max_round: 64,
            max_requests: 64,
            max_in_flight: 64,
            event_retention: Duration::from_secs(3_600),
            idle_passivation: Duration::from_secs(600),
            has_dead_letter_topic: false,
            outbox: Policy {
                max_attempts: 3,
                backoff: Duration::from_millis(100),
                max_in_flight: 8,
                max_rows: 64,
            },
        };
        let lease = scene.store.acquire("0", "test", lease).await.unwrap().unwrap();
        let parts = Parts {
            store: scene.store.clone(),
            runtime: Runtime::current(),
            records: Arc::new(Nothing),
            topic: Arc::new(Nothing),
            log: Arc::new(MemoryLog::new(Limits::default())),
            catalog: Arc::new(ArcSwap::from_pointee(Catalog::builtin())),
            rules: Rules::default(),
            settings,
            tracer: Tracer::off(),
        };
        scene
            .health
            .serve(Arc::new(Shard::start(parts, lease, std::time::Instant::now()).await.unwrap()));
        scene
    }

    /// Stores a character of the default tenant, before anyone asks for it.
    pub async fn character(&self, number: u32, user: Uuid) {
        let database = self.dir.path().join("menagerie.db");
        let database = Database::connect(format!("sqlite:{}", database.display())).await.unwrap();
        let sql = "insert into characters \
            (tenant, id, shard, uuid, user_uuid, name, event_seq, updated_at) \
            values ($1, $2, '0', $3, $4, '', 0, '2026-01-01T00:00:00Z')";
        let values = [
            Uuid::from_u128(1).into(),
            number.into(),
            Uuid::from_u128(number.into()).into(),
            user.into(),
        ];
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        database.execute_raw(statement).await.unwrap();
        database.close().await.unwrap();
    }

    pub fn game(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.game))
    }

    pub async fn admin(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.admin)).send().await.unwrap()
    }

    pub async fn stop(self) {
        for server in self.servers {
            server.stop(false).await;
        }
    }
}

fn admin_of(game: Arc<Game>) -> Admin {
    let topic = String::new;
    let topics = Topics {
        character_status: topic(),
        asset_status: topic(),
        pet_command: topic(),
        pet_movement: topic(),
        pet_status: topic(),
    };
    let redelivery = Redelivery { topics, default_tenant: None, max_record_bytes: 0 };
    Admin { game, redelivery, shard: "world-0".into(), drain: Box::new(|| {}) }
}

pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}
