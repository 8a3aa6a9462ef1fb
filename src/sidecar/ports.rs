//! The adapters a configuration chooses, connected.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle as Runtime;

use super::reach::{self, Attempt};
use crate::config::{Config, Kafka, Nats as NatsConfig};
use crate::edge::embedded::event_log::{Limits, MemoryLog};
use crate::edge::embedded::kafka::EmbeddedKafka;
use crate::edge::kafka::{self, KafkaRecords, KafkaStatusTopic};
use crate::edge::nats::{Auth, Nats, NatsOptions};
use crate::engine::port::{EventLog, Records, StatusTopic};
use crate::store::{self, SchemaState, Store};

/// Partitions of each topic of the in-process cluster.
const EMBEDDED_PARTITIONS: i32 = 4;
/// Longest wait for one answer of the Kafka cluster while starting.
const SURVEY_PATIENCE: Duration = Duration::from_secs(3);

/// Everything the engine stands on.
pub struct Ports {
    pub store: Store,
    pub records: Arc<dyn Records>,
    pub topic: Arc<dyn StatusTopic>,
    pub log: Arc<dyn EventLog>,
    pub kafka: kafka::Options,
    /// The in-process event log, if that is what `nats.url` names.
    pub memory_log: Option<Arc<MemoryLog>>,
    pub nats: Option<Arc<Nats>>,
    /// The in-process cluster, if that is what `kafka.bootstrap_servers` names. Ends with us.
    _embedded_kafka: Option<EmbeddedKafka>,
}

/// The brokers as a client beside the sidecar sees them.
#[derive(Clone)]
pub struct Outside {
    pub kafka: kafka::Options,
    /// The in-process event log, if that is what `nats.url` names.
    pub memory_log: Option<Arc<MemoryLog>>,
}

/// Why the ports could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It did not come up within `startup.timeout`.
    #[error("{service} is not available: {reason}")]
    Unavailable { service: &'static str, reason: String },
    /// Waiting would not help.
    #[error("{key}: {reason}")]
    Unusable { key: &'static str, reason: String },
    #[error(
        "the schema misses {missing}: run `menagerie migrate up`, or set database.migrate_on_start"
    )]
    SchemaBehind { missing: String },
}

impl Ports {
    /// Connects to every service, waiting for each until `startup.timeout`, and brings the
    /// schema up to date where that is wanted.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(config: &Config, runtime: &Runtime) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + config.startup.timeout;
        let store = connect_store(config, runtime, deadline).await?;
        check_schema(config, &store, runtime).await?;
        let (kafka, embedded_kafka) = kafka_options(&config.kafka)?;
        if let Some(cluster) = &embedded_kafka {
            let bootstrap_servers = cluster.bootstrap_servers();
            tracing::info!(bootstrap_servers, "embedded Kafka, for any client on this machine");
        }
        connect_kafka(&kafka, runtime, deadline).await?;
        let records = KafkaRecords::new(kafka.clone(), config.tenancy.default.clone());
        let topic = KafkaStatusTopic::connect(kafka.clone()).map_err(|error| {
            ConnectError::Unusable { key: "kafka.properties", reason: error.to_string() }
        })?;
        let mut ports = Self {
            store,
            records: Arc::new(records),
            topic: Arc::new(topic),
            log: Arc::new(MemoryLog::new(Limits::default())),
            kafka,
            memory_log: None,
            nats: None,
            _embedded_kafka: embedded_kafka,
        };
        if config.nats.is_embedded() {
            let log = Arc::new(MemoryLog::new(Limits::default()));
            ports.log = Arc::clone(&log) as Arc<dyn EventLog>;
            ports.memory_log = Some(log);
        } else {
            let nats = Arc::new(connect_nats(&config.nats, runtime, deadline).await?);
            ports.log = Arc::clone(&nats) as Arc<dyn EventLog>;
            ports.nats = Some(nats);
        }
        Ok(ports)
    }

    pub fn outside(&self) -> Option<Outside> {
        Some(Outside { kafka: self.kafka.clone(), memory_log: self.memory_log.clone() })
    }

    /// Closes what has to be closed in good order.
    pub async fn close(&self) {
        if let Some(nats) = &self.nats {
            nats.close(Duration::from_secs(2)).await;
        }
    }
}

pub fn store_options(config: &Config) -> store::Options {
    store::Options {
        url: config.database.url.expose().to_owned(),
        // The store counts those that read; the one that commits rounds is none of them.
        max_connections: config.database.max_connections.saturating_sub(1).max(1),
        connect_timeout: config.database.connect_timeout,
        commit_timeout: config.database.commit_timeout,
    }
}

async fn connect_store(
    config: &Config,
    runtime: &Runtime,
    deadline: Instant,
) -> Result<Store, ConnectError> {
    let options = store_options(config);
    insist("the database", deadline, || {
        let options = options.clone();
        let connected = runtime.spawn(async move {
            // The pool would wait for a server that refuses it, and then not say so.
            let reached = reach::database(&options.url, options.connect_timeout).await;
            reached.map_err(Attempt::Later)?;
            Store::connect(options).await.map_err(|error| match error.is_retryable() {
                true => Attempt::Later(reach::reason_of(&error)),
                false => Attempt::Never("database.url", error.to_string()),
            })
        });
        async move { connected.await.unwrap_or_else(|error| Err(Attempt::Later(error.to_string()))) }
    })
    .await
}

async fn check_schema(
    config: &Config,
    store: &Store,
    runtime: &Runtime,
) -> Result<(), ConnectError> {
    let must_migrate = config.database.migrate_on_start();
    let store = store.clone();
    let schema = runtime.spawn(async move {
        if must_migrate {
            store.migrate_up().await?;
        }
        store.schema().await
    });
    let unavailable =
        |reason: String| ConnectError::Unavailable { service: "the database", reason };
    match schema.await.map_err(|error| unavailable(error.to_string()))? {
        Ok(SchemaState::Current) => Ok(()),
        Ok(SchemaState::Behind { missing }) => {
            Err(ConnectError::SchemaBehind { missing: missing.join(", ") })
        }
        Ok(SchemaState::Ahead { unknown }) => {
            tracing::warn!(?unknown, "the schema is of a newer release");
            Ok(())
        }
        Err(error) => Err(unavailable(reach::reason_of(&error))),
    }
}

/// The topics under their configured names.
pub fn topics(config: &Kafka) -> kafka::Topics {
    kafka::Topics {
        character_status: config.topics.character_status.clone(),
        asset_status: config.topics.asset_status.clone(),
        pet_command: config.topics.pet_command.clone(),
        pet_movement: config.topics.pet_movement.clone(),
        pet_status: config.topics.pet_status.clone(),
    }
}

/// The options of the configured cluster; starts the in-process one if that is meant.
pub fn kafka_options(
    config: &Kafka,
) -> Result<(kafka::Options, Option<EmbeddedKafka>), ConnectError> {
    let topics = topics(config);
    let embedded = if config.is_embedded() {
        let names = topics.consumed().into_iter().chain([topics.pet_status.as_str()]);
        let names = names.chain(config.dead_letter_topic.as_deref());
        let cluster = EmbeddedKafka::start(names, EMBEDDED_PARTITIONS);
        let unusable = |error: rdkafka::error::KafkaError| ConnectError::Unusable {
            key: "kafka.bootstrap_servers",
            reason: error.to_string(),
        };
        Some(cluster.map_err(unusable)?)
    } else {
        None
    };
    let bootstrap_servers = match &embedded {
        Some(cluster) => cluster.bootstrap_servers().to_owned(),
        None => config.bootstrap_servers.clone(),
    };
    let properties = config.properties.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let options = kafka::Options {
        bootstrap_servers,
        group: config.group.clone(),
        topics,
        dead_letter_topic: config.dead_letter_topic.clone(),
        max_record_bytes: config.max_record_bytes,
        metadata_interval: config.metadata_interval,
        properties,
        is_embedded: embedded.is_some(),
    };
    Ok((options, embedded))
}

/// Waits for the cluster; a topic that does not exist yet is named and read once it does.
async fn connect_kafka(
    options: &kafka::Options,
    runtime: &Runtime,
    deadline: Instant,
) -> Result<(), ConnectError> {
    let topics = insist("Kafka", deadline, || {
        let options = options.clone();
        let runtime = runtime.clone();
        async move {
            if !options.is_embedded {
                let servers = options.bootstrap_servers.clone();
                let reached = runtime.spawn(async move { reach::brokers(&servers).await });
                if let Ok(Err(reason)) = reached.await {
                    return Err(Attempt::Later(reason));
                }
            }
            let survey = runtime.spawn_blocking(move || options.survey(SURVEY_PATIENCE));
            match survey.await {
                Ok(Ok(topics)) => Ok(topics),
                Ok(Err(rdkafka::error::KafkaError::ClientConfig(_, reason, name, value))) => {
                    let reason = format!("{name} = {value}: {reason}");
                    Err(Attempt::Never("kafka.properties", reason))
                }
                Ok(Err(error)) => Err(Attempt::Later(error.to_string())),
                Err(error) => Err(Attempt::Later(error.to_string())),
            }
        }
    })
    .await?;
    for (topic, num_partitions) in topics {
        if num_partitions.is_none() {
            tracing::warn!(topic, "topic does not exist yet");
        }
    }
    Ok(())
}

/// Whether the game API may be served over NATS: whoever reaches an open listener may do
/// everything, so one beyond loopback needs credentials here as over HTTP.
pub fn may_serve_nats(config: &Config) -> bool {
    let servers = config.nats.url.expose().split(',');
    let are_near = servers.map(|url| url.trim().parse::<async_nats::ServerAddr>()).all(|server| {
        server.is_ok_and(|server| {
            let host = server.host().trim_matches(['[', ']']);
            let address = host.parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
        })
    });
    config.auth.guards_game() || config.allow_anonymous || are_near
}

pub fn nats_options(config: &NatsConfig) -> NatsOptions {
    let auth = match (&config.user, &config.password, &config.token, &config.credentials_file) {
        (Some(user), Some(password), _, _) => {
            Auth::UserPassword { user: user.clone(), password: password.expose().to_owned() }
        }
        (_, _, Some(token), _) => Auth::Token(token.expose().to_owned()),
        (_, _, _, Some(file)) => Auth::CredentialsFile(file.clone()),
        _ => Auth::None,
    };
    NatsOptions {
        urls: config.url.expose().split(',').map(|url| url.trim().to_owned()).collect(),
        auth,
        ack_timeout: config.ack_timeout,
        stream: config.stream.clone(),
        dead_letter_stream: config.dead_letter_stream.clone(),
        num_replicas: config.replicas,
        update_streams: config.update_streams,
        ..NatsOptions::default()
    }
}

async fn connect_nats(
    config: &NatsConfig,
    runtime: &Runtime,
    deadline: Instant,
) -> Result<Nats, ConnectError> {
    let options = nats_options(config);
    insist("NATS", deadline, || {
        let options = options.clone();
        let connected = runtime.spawn(async move {
            let nats = Nats::connect(options).await?;
            // Logs what it finds and does, each stream by itself.
            nats.ensure_streams().await?;
            Ok::<_, crate::edge::nats::NatsError>(nats)
        });
        async move {
            match connected.await {
                Ok(Ok(nats)) => Ok(nats),
                Ok(Err(error)) if error.is_retryable() => Err(Attempt::Later(reach::chain(&error))),
                Ok(Err(error)) => Err(Attempt::Never("nats.url", reach::chain(&error))),
                Err(error) => Err(Attempt::Later(error.to_string())),
            }
        }
    })
    .await
}

async fn insist<T, F>(
    service: &'static str,
    deadline: Instant,
    attempt: impl FnMut() -> F,
) -> Result<T, ConnectError>
where
    F: Future<Output = Result<T, Attempt>>,
{
    let announce = |reason: &str| tracing::warn!("waiting for {service}: {reason}");
    reach::insist(deadline, attempt, announce).await.map_err(|last| match last {
        Attempt::Never(key, reason) => ConnectError::Unusable { key, reason },
        Attempt::Later(reason) => ConnectError::Unavailable { service, reason },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_committers_connection_is_one_of_those_configured() {
        let readers = |max_connections| {
            let mut config = Config::default();
            config.database.max_connections = max_connections;
            store_options(&config).max_connections
        };
        assert_eq!(readers(8), 7);
        assert_eq!(readers(2), 1);
    }

    #[test]
    fn an_open_service_stays_on_loopback() {
        let may = |url: &str, allow_anonymous| {
            let mut config = Config { allow_anonymous, ..Config::default() };
            config.nats.url = url.into();
            may_serve_nats(&config)
        };
        for near in [
            "nats://127.0.0.1:4222",
            "localhost",
            "nats://user:secret@localhost:4222",
            "tls://[::1]:4222",
            "nats://127.0.0.1:4222, nats://127.0.0.2:4222",
        ] {
            assert!(may(near, false), "{near}");
        }
        for far in
            ["nats://nats:4222", "nats://10.0.0.1", "nats://127.0.0.1:4222,nats://nats:4222", "::"]
        {
            assert!(!may(far, false), "{far}");
            assert!(may(far, true), "{far}");
        }
    }

    #[test]
    fn a_guarded_service_may_be_anywhere() {
        let mut config = Config::default();
        config.nats.url = "nats://nats:4222".into();
        config.auth.jwt.secret = Some(serde_json::from_str("\"secret\"").unwrap());
        assert!(may_serve_nats(&config));
    }
}
