//! The sections about the services outside: database, Kafka, NATS.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Humantime, Properties, Secret, SecretUrl};

/// The word that stands for the adapter inside the process.
const EMBEDDED: &str = "embedded";

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://…`, or `sqlite:…` for the embedded backend.
    pub url: SecretUrl,
    /// Connections at most. One of them is the committer's own. A migration has one besides.
    #[schemars(range(min = 2))]
    pub max_connections: u32,
    /// Time one attempt to connect may take.
    #[serde(with = "Humantime")]
    pub connect_timeout: Duration,
    /// Time a commit may take before its outcome is looked up.
    #[serde(with = "Humantime")]
    pub commit_timeout: Duration,
    /// Whether `serve` brings an older schema up to date instead of refusing to start.
    /// Unset: true on SQLite, false on PostgreSQL.
    #[schemars(example = true)]
    pub migrate_on_start: Option<bool>,
}

impl Database {
    /// Whether the backend is the embedded one.
    pub fn is_sqlite(&self) -> bool {
        self.url.expose().starts_with("sqlite:")
    }

    /// `migrate_on_start`, or what the backend makes of it when it is not set.
    pub fn migrate_on_start(&self) -> bool {
        self.migrate_on_start.unwrap_or_else(|| self.is_sqlite())
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: "postgres://menagerie@127.0.0.1:5432/menagerie".into(),
            max_connections: 8,
            connect_timeout: Duration::from_secs(5),
            commit_timeout: Duration::from_secs(10),
            migrate_on_start: None,
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Brokers, `host:port` separated by commas. The word `embedded`: a cluster inside the
    /// process, forgotten when it ends.
    pub bootstrap_servers: String,
    /// Consumer group whose committed offsets lag tools look at, and where a partition starts
    /// of which the database knows no offset.
    pub group: String,
    /// Topic that gets a copy of each dead letter. Unset: dead letters stand in the database
    /// only.
    #[schemars(example = &"menagerie-dead-letters")]
    pub dead_letter_topic: Option<String>,
    /// Bytes a record may have, key and headers included; a longer one is a dead letter.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_record_bytes: usize,
    /// Records handed over to the engine and not yet committed at most; then partitions are
    /// paused. A record counts once more for each KiB it has, so this bounds memory too.
    #[schemars(range(min = 1))]
    pub max_in_flight: usize,
    /// Time between two looks for new partitions.
    #[serde(with = "Humantime")]
    pub metadata_interval: Duration,
    /// Names of the five topics.
    pub topics: Topics,
    /// librdkafka properties for consumer and producer, such as `"security.protocol" = "SASL_SSL"`.
    /// Those that a promise rests on are refused. In an environment variable: `name=value`
    /// separated by commas, or an inline table.
    #[schemars(example = BTreeMap::from([("security.protocol", "SASL_SSL")]))]
    pub properties: Properties,
}

impl Kafka {
    /// Whether the cluster is the one inside the process.
    pub fn is_embedded(&self) -> bool {
        self.bootstrap_servers == EMBEDDED
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            bootstrap_servers: "127.0.0.1:9092".to_owned(),
            group: "menagerie".to_owned(),
            dead_letter_topic: None,
            max_record_bytes: 1 << 20,
            max_in_flight: 65_536,
            metadata_interval: Duration::from_secs(10),
            topics: Topics::default(),
            properties: Properties::default(),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Topics {
    /// Consumed: characters log in and out, change maps and channels, are deleted.
    pub character_status: String,
    /// Consumed: items, of which pets are some, are created, moved and deleted.
    pub asset_status: String,
    /// Consumed: commands to pets.
    pub pet_command: String,
    /// Consumed: where pets are.
    pub pet_movement: String,
    /// Produced: what happened to pets.
    pub pet_status: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            character_status: "EVENT_TOPIC_CHARACTER_STATUS".to_owned(),
            asset_status: "EVENT_TOPIC_ASSET_STATUS".to_owned(),
            pet_command: "COMMAND_TOPIC_PET".to_owned(),
            pet_movement: "COMMAND_TOPIC_PET_MOVEMENT".to_owned(),
            pet_status: "EVENT_TOPIC_PET_STATUS".to_owned(),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// Servers, addresses separated by commas. The word `embedded`: an event log inside the
    /// process, forgotten when it ends.
    pub url: SecretUrl,
    /// JetStream stream of the character events; created if it is missing.
    pub stream: String,
    /// JetStream stream of the events that the first one refused; created if it is missing.
    pub dead_letter_stream: String,
    /// Whether a stream that exists with other settings is changed to ours. False: start-up
    /// says what differs and goes on.
    pub update_streams: bool,
    /// Servers that keep a copy of each event, for streams that are created or updated.
    #[schemars(range(min = 1, max = 5))]
    pub replicas: usize,
    /// Time in which the server acknowledges an event, else the attempt failed.
    #[serde(with = "Humantime")]
    pub ack_timeout: Duration,
    /// Events sent and not yet acknowledged at most.
    #[schemars(range(min = 1))]
    pub max_in_flight: usize,
    /// Whether the game API is served over NATS too, as the micro service `menagerie`. Callers
    /// need the same credentials as over HTTP. Where those are not configured it is only served
    /// if all servers are on loopback, or with `allow_anonymous`. Not on the embedded log.
    pub service: bool,
    /// User name; needs `nats.password`.
    #[schemars(example = &"menagerie")]
    pub user: Option<String>,
    /// Password of `nats.user`.
    #[schemars(example = &"secret")]
    pub password: Option<Secret>,
    /// Token, instead of user and password.
    #[schemars(example = &"secret")]
    pub token: Option<Secret>,
    /// File with JWT and seed, instead of user and password.
    #[schemars(example = &"/run/secrets/menagerie.creds")]
    pub credentials_file: Option<PathBuf>,
}

impl Nats {
    /// Whether events go to the log inside the process.
    pub fn is_embedded(&self) -> bool {
        self.url.expose() == EMBEDDED
    }
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".into(),
            stream: "CHARACTER_EVENTS".to_owned(),
            dead_letter_stream: "CHARACTER_EVENTS_DLQ".to_owned(),
            update_streams: false,
            replicas: 1,
            ack_timeout: Duration::from_secs(5),
            max_in_flight: 256,
            service: true,
            user: None,
            password: None,
            token: None,
            credentials_file: None,
        }
    }
}
