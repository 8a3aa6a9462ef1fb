//! The sidecar: from a configuration to a shard that is served, and back.
//!
//! Connect, check the schema, stand by for the lease, restore, serve, drain. The verbs
//! `serve` and `demo` run exactly this; only the configuration differs.

pub mod ports;
pub mod reach;

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;

use crate::config::catalog::{self, CatalogError};
use crate::config::jwt::KeyError;
use crate::config::{Config, ConfigError};
use crate::domain::Catalog;
use crate::edge::http::admin::Admin;
use crate::edge::http::{self, auth::Authority};
use crate::edge::kafka::redelivery::Redelivery;
use crate::edge::nats::service::Service;
use crate::edge::operations::Operations;
use crate::engine::committer::Tenure;
use crate::engine::health::{Health, Stage};
use crate::engine::outbox::nats::Policy;
use crate::engine::series;
use crate::engine::shard::{Parts, Settings, Shard, StartError};
use crate::store::{self, Lease};
use crate::telemetry::mailbox;
use crate::telemetry::trace::{self, Tracer};

pub use ports::{ConnectError, Outside, Ports};

/// Why the sidecar ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("catalog.dir: {0}")]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Trace(#[from] trace::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(
        "{key}: cannot listen on {address}: {source}; another port: {}=PORT, or --set {key}=IP:PORT",
        port_variable(key)
    )]
    Listen { key: &'static str, address: std::net::SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the lease cannot be asked for: {0}")]
    Lease(#[from] store::Error),
    /// The shard is another process's; this one must not go on.
    #[error("another process took the shard")]
    Fenced,
    /// Part of the engine died of a defect; only a new process can go on, from SQL.
    #[error("the {0} is gone")]
    Broken(&'static str),
}

/// What an operator may ask of a running sidecar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Order {
    Run,
    /// Finish what was accepted, then end.
    Drain,
    /// End at once; whatever is not finished is durable or was never begun.
    Quit,
}

/// A sidecar whose listeners are open.
pub struct Sidecar {
    config: Arc<Config>,
    /// Where database and network futures run.
    runtime: Runtime,
    health: Arc<Health>,
    catalog: Arc<ArcSwap<Catalog>>,
    /// Who may call; the listeners share it.
    authority: Arc<Authority>,
    admin: TcpListener,
    game: TcpListener,
    connected: watch::Sender<Option<Outside>>,
    tracer: Tracer,
    /// Sends the spans; ends last.
    export: Option<trace::Export>,
}

impl Sidecar {
    /// Opens the listeners, loads the catalog and the keys of players' tokens.
    ///
    /// # Errors
    /// An address that is taken, or a catalog, keys or a collector that cannot be used.
    pub fn open(config: Arc<Config>, runtime: Runtime) -> Result<Self, Error> {
        let listen = |key, address| {
            TcpListener::bind(address).map_err(|source| Error::Listen { key, address, source })
        };
        let admin = listen("admin.listen", config.admin.listen)?;
        let game = listen("http.listen", config.http.listen)?;
        let catalog = match &config.catalog.dir {
            Some(dir) => catalog::load(dir)?,
            None => Catalog::builtin(),
        };
        mailbox::switch(config.engine.mailbox_metrics);
        series::begin();
        let (tracer, export) = trace::start(&config.trace, &config.shard.id, &runtime)?;
        Ok(Self {
            health: Arc::new(Health::new()),
            catalog: Arc::new(ArcSwap::from_pointee(catalog)),
            authority: Arc::new(authority(&config)?),
            config,
            runtime,
            admin,
            game,
            connected: watch::Sender::new(None),
            tracer,
            export,
        })
    }

    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Where the admin API listens; the port is the real one also if 0 was configured.
    pub fn admin_address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.admin.local_addr()
    }

    /// Where the game API listens.
    pub fn game_address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.game.local_addr()
    }

    /// The game data in force.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// What a client beside the sidecar needs to reach the same brokers, once connected.
    pub fn outside(&self) -> watch::Receiver<Option<Outside>> {
        self.connected.subscribe()
    }

    /// What reads `catalog.dir` and the key file of `auth.jwt` again; what is bad keeps the old.
    pub fn reloader(&self) -> impl Fn() + Send + 'static {
        let (config, shared) = (Arc::clone(&self.config), Arc::clone(&self.catalog));
        let authority = Arc::clone(&self.authority);
        move || {
            reload_catalog(&config, &shared);
            match authority.reload() {
                Ok(true) => tracing::info!("keys of players' tokens reloaded"),
                Ok(false) => {}
                Err(error) => tracing::error!("keys not reloaded, the old ones stay: {error}"),
            }
        }
    }

    /// Runs until ordered to end. Must be called within an actix system.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::Fenced`] nothing was drained: nothing of it is ours.
    /// After [`Error::Broken`] neither: what was accepted stands in SQL or was never begun.
    pub async fn run(self, mut orders: watch::Receiver<Order>) -> Result<(), Error> {
        let health = Arc::clone(&self.health);
        let listen = |key, address| move |source| Error::Listen { key, address, source };
        // Served before anything is connected: a listener that is bound and never answers
        // would keep its callers waiting for as long as that takes.
        let game = Arc::new(http::Game {
            health: Arc::clone(&health),
            authority: self.authority,
            store: OnceLock::new(),
            runtime: self.runtime.clone(),
            catalog: Arc::clone(&self.catalog),
            default_tenant: self.config.tenancy.default.clone().map(Arc::new),
            request_timeout: self.config.http.request_timeout,
            tracer: self.tracer.clone(),
        });
        // An operator drains through the API as well as by a signal.
        let (merged, merged_orders) = watch::channel(*orders.borrow_and_update());
        let drain = merged.clone();
        actix::spawn(forward(orders, merged));
        let mut orders = merged_orders;
        let admin = Admin {
            game: Arc::clone(&game),
            redelivery: redelivery(&self.config),
            shard: self.config.shard.id.as_str().into(),
            drain: Box::new(move || {
                drain.send_if_modified(|order| {
                    let is_running = *order == Order::Run;
                    if is_running {
                        *order = Order::Drain;
                    }
                    is_running
                });
            }),
        };
        let admin = http::serve_admin(self.admin, admin)
            .map_err(listen("admin.listen", self.config.admin.listen))?;
        let admin_handle = admin.handle();
        actix::spawn(admin);
        let operations = Arc::new(Operations::new(Arc::clone(&game)));
        let server = http::serve_game(self.game, self.config.http.workers, Arc::clone(&operations))
            .map_err(listen("http.listen", self.config.http.listen))?;
        let game_handle = server.handle();
        actix::spawn(server);

        let connecting = Ports::connect(&self.config, &self.runtime);
        let ended = match unless_ended(&mut orders, connecting).await {
            None => Ok(()),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(ports)) => {
                game.store.get_or_init(|| ports.store.clone());
                let _ = self.connected.send(ports.outside());
                let stand = Stand {
                    config: self.config,
                    runtime: self.runtime,
                    catalog: self.catalog,
                    health,
                    operations,
                    tracer: self.tracer,
                };
                let ended = stand.hold(&ports, &mut orders).await;
                game_handle.stop(false).await;
                ports.close().await;
                ended
            }
        };
        game_handle.stop(false).await;
        if let Some(export) = self.export {
            export.close().await;
        }
        admin_handle.stop(false).await;
        ended
    }
}

/// Passes on what is ordered. An order is never taken back.
async fn forward(mut from: watch::Receiver<Order>, to: watch::Sender<Order>) {
    while from.changed().await.is_ok() {
        let ordered = *from.borrow_and_update();
        to.send_if_modified(|order| {
            // The first signal after a drain through the API asks for what is done already: so
            // does Kubernetes, which sends it after a hook that drains.
            let is_news = ordered > *order;
            if is_news {
                *order = ordered;
            }
            is_news
        });
    }
    // Whoever gave orders is gone; what was ordered stands.
    to.closed().await;
}

fn redelivery(config: &Config) -> Redelivery {
    Redelivery {
        topics: ports::topics(&config.kafka),
        default_tenant: config.tenancy.default.clone(),
        max_record_bytes: config.kafka.max_record_bytes,
    }
}

fn authority(config: &Config) -> Result<Authority, KeyError> {
    let authority = Authority::new(&config.auth)?;
    let is_closed = config.admin.is_exposed() && !config.allow_anonymous;
    let authority = if config.allow_anonymous { authority.welcoming() } else { authority };
    Ok(if is_closed { authority.exposed() } else { authority })
}

/// The short variable for the port of a listener.
fn port_variable(key: &str) -> &'static str {
    match key {
        "http.listen" => "REST_PORT",
        _ => "ADMIN_PORT",
    }
}

fn reload_catalog(config: &Config, shared: &ArcSwap<Catalog>) {
    let Some(dir) = &config.catalog.dir else {
        tracing::info!("catalog.dir is not set, no catalog to reload");
        return;
    };
    match catalog::load(dir) {
        Ok(catalog) => {
            shared.store(Arc::new(catalog));
            tracing::info!(dir = %dir.display(), "catalog reloaded");
        }
        Err(error) => tracing::error!("catalog not reloaded, the old one stays: {error}"),
    }
}

/// What holding a shard needs.
struct Stand {
    config: Arc<Config>,
    runtime: Runtime,
    catalog: Arc<ArcSwap<Catalog>>,
    health: Arc<Health>,
    operations: Arc<Operations>,
    tracer: Tracer,
}

impl Stand {
    /// Stands by for the shard, holds it, and drains it.
    async fn hold(&self, ports: &Ports, orders: &mut watch::Receiver<Order>) -> Result<(), Error> {
        self.health.set_stage(Stage::Standby);
        let Some(taken) = unless_ended(orders, self.acquire(ports)).await else { return Ok(()) };
        let (lease, asked) = taken?;
        self.health.set_stage(Stage::Restoring);
        let parts = Parts {
            store: ports.store.clone(),
            runtime: self.runtime.clone(),
            records: Arc::clone(&ports.records),
            topic: Arc::clone(&ports.topic),
            log: Arc::clone(&ports.log),
            catalog: Arc::clone(&self.catalog),
            rules: self.config.pets.rules(&self.config.characters),
            settings: settings(&self.config),
            tracer: self.tracer.clone(),
        };
        // Asked to end before it is ready, it leaves the shard as after a crash: its outboxes have
        // begun already.
        let start = Shard::start(parts, lease, asked);
        let Some(shard) = unless_ended(orders, start).await else { return Ok(()) };
        let shard = match shard {
            Err(StartError::Fenced) => return Err(Error::Fenced),
            shard => Arc::new(shard?),
        };
        self.health.serve(Arc::clone(&shard));
        let service = self.serve_nats(ports);
        let mut tenure = shard.tenure();
        let fenced = tenure.wait_for(|tenure| *tenure == Tenure::Fenced);
        tokio::select! {
            _ = orders.wait_for(|order| *order != Order::Run) => {}
            _ = fenced => {
                self.health.withdraw();
                return Err(Error::Fenced);
            }
            what = lost(&shard) => {
                self.health.withdraw();
                return Err(Error::Broken(what));
            }
        }
        let deadline = Instant::now() + self.config.shutdown.grace;
        let drain = async {
            self.health.set_stage(Stage::Draining);
            if let Some(service) = &service {
                service.stop().await;
            }
            self.health.withdraw();
            shard.drain(deadline).await;
            if let Some(service) = &service {
                service.settle().await;
            }
        };
        tokio::select! {
            () = drain => {}
            _ = orders.wait_for(|order| *order == Order::Quit) => {
                self.health.withdraw();
                tracing::warn!("ended before the drain was over");
            }
        }
        Ok(())
    }

    /// Requests over NATS, from now until the end of the shard.
    fn serve_nats(&self, ports: &Ports) -> Option<Service> {
        let nats = ports.nats.as_ref().filter(|_| self.config.nats.service)?;
        if !ports::may_serve_nats(&self.config) {
            tracing::warn!(
                "nats.service: not served, as nats.url is not on loopback and whoever reaches it \
                 might do everything: configure auth, or accept it with allow_anonymous = true"
            );
            return None;
        }
        Some(Service::start(
            Arc::clone(nats),
            Arc::clone(&self.operations),
            &self.config.shard.id,
            self.config.engine.max_requests,
            &self.runtime,
        ))
    }

    /// Asks for the lease until it is ours, and says when it was asked for. A database that is
    /// away is asked again.
    async fn acquire(&self, ports: &Ports) -> Result<(Lease, Instant), Error> {
        let shard = &self.config.shard;
        let holder = holder();
        let mut is_announced = false;
        loop {
            let (store, id, name, lease) =
                (ports.store.clone(), shard.id.clone(), holder.clone(), shard.lease);
            let asked = Instant::now();
            let answer = self.runtime.spawn(async move { store.acquire(&id, &name, lease).await });
            match answer.await {
                Ok(Ok(Some(lease))) => return Ok((lease, asked)),
                Ok(Ok(None)) if !is_announced => {
                    is_announced = true;
                    tracing::info!(shard = shard.id, "another process has the shard, standing by");
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) if error.is_retryable() => {
                    tracing::warn!("asking for the lease failed, trying again: {error}");
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(error) => tracing::error!("asking for the lease was cut short: {error}"),
            }
            tokio::time::sleep(shard.poll).await;
        }
    }
}

fn settings(config: &Config) -> Settings {
    let num_cores = std::thread::available_parallelism().map_or(1, usize::from);
    Settings {
        shard: config.shard.id.as_str().into(),
        lease: config.shard.lease,
        num_arbiters: match config.engine.arbiters {
            0 => num_cores.saturating_sub(1).max(1),
            num_arbiters => num_arbiters,
        },
        max_round: config.engine.max_round,
        max_requests: config.engine.max_requests,
        max_in_flight: config.kafka.max_in_flight,
        idle_passivation: config.characters.idle_passivation,
        event_retention: config.characters.event_retention,
        has_dead_letter_topic: config.kafka.dead_letter_topic.is_some(),
        outbox: Policy {
            max_attempts: config.outbox.max_attempts,
            backoff: config.outbox.retry_backoff,
            max_in_flight: config.nats.max_in_flight,
            max_rows: config.outbox.max_rows as u64,
        },
    }
}

/// Waits until the shard has lost something it cannot do without.
async fn lost(shard: &Shard) -> &'static str {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(what) = shard.missing() {
            tracing::error!("the {what} is gone, this process ends");
            return what;
        }
    }
}

/// Names this process in `shards.holder`: host and process id.
fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}

/// What the future brings, or nothing if the sidecar is to end first. Only for futures
/// that may be dropped: those here run their database work in tasks of their own.
async fn unless_ended<T>(
    orders: &mut watch::Receiver<Order>,
    what: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        _ = orders.wait_for(|order| *order != Order::Run) => None,
        result = what => Some(result),
    }
}

/// Between two looks after the engine's actors.
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
