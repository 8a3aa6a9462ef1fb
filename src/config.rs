//! What the operator decides: typed, validated, each value with its source.
//!
//! A value comes from the file, an environment variable or a flag, the later beating the
//! earlier; what none of them names has its default. The schema derived from [`Config`] is
//! the only list of keys: names of variables, ranges, the reference file and what counts
//! as a typo follow from it.

mod auth;
pub mod catalog;
mod check;
mod env;
mod error;
mod file;
pub mod jwt;
mod keys;
mod layers;
mod print;
#[cfg(test)]
mod reference;
mod sections;
mod services;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};

pub use auth::{Auth, Digest, Jwt, Role, Token, Tokens};
pub use env::key_of as key_of_variable;
pub use error::{ConfigError, Origin, Problem};
pub use sections::{
    Admin, CatalogFiles, Characters, Engine, Http, Log, LogFormat, Outbox, Pets, Shard, Shutdown,
    Startup, Tenancy, Trace,
};
pub use services::{Database, Kafka, Nats, Topics};
pub use values::{Properties, Secret, SecretUrl};

/// Configuration of Menagerie.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether a listener may be bound to more than loopback although nothing in `auth` is for
    /// it. With true, whoever reaches such a listener may do everything there. Credentials
    /// that are configured are asked for all the same.
    pub allow_anonymous: bool,
    /// The world shard, and who serves it.
    pub shard: Shard,
    /// Tenants.
    pub tenancy: Tenancy,
    /// The database, which holds the truth.
    pub database: Database,
    /// Kafka: commands in, pet events out.
    pub kafka: Kafka,
    /// NATS JetStream: character events out.
    pub nats: Nats,
    /// Rules of pets.
    pub pets: Pets,
    /// Rules of characters.
    pub characters: Characters,
    /// Actors and rounds.
    pub engine: Engine,
    /// Publication of committed events.
    pub outbox: Outbox,
    /// Who may call. A listener that nothing here is for lets everyone do everything, and stays
    /// on loopback unless `allow_anonymous`. The probes and the metrics are always open.
    pub auth: Auth,
    /// The game API.
    pub http: Http,
    /// The operator's API.
    pub admin: Admin,
    /// Game data.
    pub catalog: CatalogFiles,
    /// Logging, to stderr.
    pub log: Log,
    /// Tracing.
    pub trace: Trace,
    /// Start.
    pub startup: Startup,
    /// Drain.
    pub shutdown: Shutdown,
}

/// Where values come from, the weakest first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file. None: no file is read.
    pub file: Option<PathBuf>,
    /// Environment variables, as `std::env::vars` gives them.
    pub env: Vec<(String, String)>,
    /// Keys and values of `--set`; of two for one key the last counts.
    pub flags: Vec<(String, String)>,
}

/// A configuration, and where each of its values comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// By key; each entry of `kafka.properties` is a key here.
    pub origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// A problem that showed in use, written as `key: reason`, with the key's source: as problems
    /// with the configuration itself are told. Any other text stays as it is.
    pub fn sourced(&self, problem: &str) -> String {
        let (key, reason) = problem.split_once(": ").unwrap_or_default();
        match self.origins.get(key) {
            Some(origin) => format!("`{key}` ({origin}): {reason}"),
            None => problem.to_owned(),
        }
    }
}

impl Config {
    /// Merges the sources and checks the result.
    ///
    /// # Errors
    /// All that is wrong, each problem with its key and source: keys that do not exist,
    /// values of the wrong form or out of range, values that contradict each other, files
    /// that cannot be read.
    pub fn load(sources: Sources) -> Result<Loaded, ConfigError> {
        Self::load_over(&[], sources)
    }

    /// As [`load`](Self::load), with these keys and values in place of their defaults.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_over(defaults: &[(&str, &str)], sources: Sources) -> Result<Loaded, ConfigError> {
        let mut layers = layers::Layers::default();
        for (key, text) in defaults {
            layers.set_text(key, text, Origin::Default);
        }
        if let Some(path) = &sources.file {
            file::read(path, &mut layers);
        }
        env::read(&sources.env, &mut layers);
        for (key, text) in &sources.flags {
            layers.set_text(key, text, Origin::Flag);
        }
        layers.finish()
    }

    /// The JSON Schema of the configuration file, defaults included.
    pub fn schema() -> Schema {
        let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<Self>()
    }
}

impl Loaded {
    /// One line a key, `section.key = value   # source`, secrets redacted.
    pub fn print(&self) -> String {
        print::lines(self)
    }
}
