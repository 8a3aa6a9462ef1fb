//! The sections about the process and the game. Doc comments are what the schema and
//! `config/menagerie.toml` say about a key; durations are humantime text there.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Endpoint, Humantime, Ratio, Secret, TenantText};
use crate::domain::{Rules, Tenant};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shard {
    /// Name of the shard this process serves. Processes with the same name take turns: one
    /// holds the shard, the others stand by.
    pub id: String,
    /// How long a holder that says nothing keeps the shard, at least 1s. A holder that died
    /// is replaced at once, one that hangs after this time.
    #[serde(with = "Humantime")]
    pub lease: Duration,
    /// Time between two attempts of a standby to take the shard.
    #[serde(with = "Humantime")]
    pub poll: Duration,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            id: "world-0".to_owned(),
            lease: Duration::from_secs(10),
            poll: Duration::from_millis(250),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tenancy {
    /// Tenant of records and requests that name none, as `uuid` or
    /// `uuid/REGION/MAJOR/MINOR`. Unset: such a record is a dead letter, such a request a 400.
    #[serde(with = "TenantText")]
    #[schemars(example = &"083839c6-c47c-42a6-9585-76492795d123/GMS/83/1")]
    pub default: Option<Tenant>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pets {
    /// Time between two hunger ticks of an online character, counted from its login.
    #[serde(with = "Humantime")]
    pub hunger_interval: Duration,
    /// Pets a character may have out at once.
    #[schemars(range(min = 1, max = 3))]
    pub max_spawned: u8,
    /// Whether a failed trick awards the skill's closeness too.
    pub closeness_on_failed_command: bool,
}

impl Pets {
    /// The part of the rules that the operator sets.
    pub fn rules(&self, characters: &Characters) -> Rules {
        Rules {
            hunger_interval: self.hunger_interval,
            max_spawned: self.max_spawned,
            closeness_on_failed_command: self.closeness_on_failed_command,
            max_characters: characters.max_per_user,
            restore_window: characters.restore_window,
        }
    }
}

impl Default for Pets {
    fn default() -> Self {
        let Rules { hunger_interval, max_spawned, closeness_on_failed_command, .. } =
            Rules::default();
        Self { hunger_interval, max_spawned, closeness_on_failed_command }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Characters {
    /// Live characters a user may have, which is also the number of slots.
    #[schemars(range(min = 1))]
    pub max_per_user: u8,
    /// How long a deleted character can be restored; then it is purged with its pets.
    #[serde(with = "Humantime")]
    pub restore_window: Duration,
    /// How long the actor of an offline character stays in memory without work.
    #[serde(with = "Humantime")]
    pub idle_passivation: Duration,
    /// How long the events of characters are kept for `GET /characters/{id}/events`. 0s: none
    /// are.
    #[serde(with = "Humantime")]
    pub event_retention: Duration,
}

impl Default for Characters {
    fn default() -> Self {
        let Rules { max_characters, restore_window, .. } = Rules::default();
        Self {
            max_per_user: max_characters,
            restore_window,
            idle_passivation: Duration::from_secs(10 * 60),
            event_retention: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// Threads that run character actors. 0: one per core, less one, at least one.
    #[schemars(range(max = 1024))]
    pub arbiters: usize,
    /// Inputs (records, requests, timers) that one round, hence one transaction, takes at
    /// most.
    #[schemars(range(min = 1, max = 65536))]
    pub max_round: usize,
    /// Requests from HTTP and NATS that wait for a round at most; the next one is answered
    /// with 503.
    #[schemars(range(min = 1))]
    pub max_requests: usize,
    /// Depth, waiting time and last messages of every actor. Without it those metrics stand
    /// still, and `GET /admin/actors` has nothing to sort by.
    pub mailbox_metrics: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Self { arbiters: 0, max_round: 8192, max_requests: 1024, mailbox_metrics: true }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Outbox {
    /// Rows (one per round and sink) held in memory ahead of publication at most.
    #[schemars(range(min = 1))]
    pub max_rows: usize,
    /// Wait before an event that the broker refused is sent again; doubles each time.
    #[serde(with = "Humantime")]
    pub retry_backoff: Duration,
    /// Times an event is sent to NATS before it goes to the dead letter subject. A lost
    /// connection is no attempt.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { max_rows: 64, retry_backoff: Duration::from_millis(100), max_attempts: 3 }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// IP address and port of the game API. Anything but loopback needs a service's token in
    /// `auth.tokens`, a key in `auth.jwt`, or `allow_anonymous`.
    pub listen: SocketAddr,
    /// Time in which a request is answered, with 503 if need be.
    #[serde(with = "Humantime")]
    pub request_timeout: Duration,
    /// Threads that serve requests.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            request_timeout: Duration::from_secs(5),
            workers: 1,
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// IP address and port of the operator's API, the probes and the metrics. On anything but
    /// loopback, the probes and the metrics are all that is served without a viewer's or an
    /// operator's token in `auth.tokens`, unless `allow_anonymous` is set.
    pub listen: SocketAddr,
}

impl Admin {
    /// Whether others than this machine may reach it.
    pub fn is_exposed(&self) -> bool {
        !super::check::is_loopback(self.listen)
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 9090).into() }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogFiles {
    /// Folder with `pets.toml`, `maps.toml` and `characters.toml`, read again on SIGHUP.
    /// Unset: the files that are compiled in.
    #[schemars(example = &"/etc/menagerie/catalog")]
    pub dir: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or directives such as
    /// `info,menagerie::engine=debug`. Can be changed at run time.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
    /// Lines with the same message from the same place in 10s at most; how many more there were
    /// is one line afterwards. What operators did and commands that were rejected are never left
    /// out; `menagerie::rejected=off` in `level` silences the latter. 0: no limit.
    pub max_repeats: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, max_repeats: 50 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    /// OTLP collector that spans are sent to over HTTP, as `host:port` or an http or https
    /// address. Unset: nothing is traced, and the trace context of records and requests is
    /// passed on as it came.
    #[serde(with = "Endpoint")]
    #[schemars(example = &"http://127.0.0.1:4318")]
    pub endpoint: Option<String>,
    /// Share of the records and requests without a trace context of their own that begin a
    /// traced one, 0 to 1. A sender's decision, sampled or not, holds whatever this says.
    pub sample_ratio: Ratio,
    /// Headers sent to the collector, such as credentials: `name=value` separated by commas.
    #[schemars(example = &"authorization=Bearer TOKEN")]
    pub headers: Option<Secret>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Startup {
    /// How long to wait for the dependencies before giving up with exit code 69.
    #[serde(with = "Humantime")]
    pub timeout: Duration,
}

impl Default for Startup {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60) }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// Time a drain may take after SIGTERM. What is not published by then stays in SQL.
    #[serde(with = "Humantime")]
    pub grace: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { grace: Duration::from_secs(25) }
    }
}
