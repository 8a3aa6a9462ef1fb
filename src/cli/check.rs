//! `check`: what is there, and what differs from what the configuration wants. Changes
//! nothing.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use rdkafka::error::KafkaError;

use super::ConfigArgs;
use super::exit::Exit;
use super::look::{self, Database};
use super::out::{self, Stdout};
use crate::config::{Config, catalog};
use crate::domain::Catalog;
use crate::edge::http::auth::Authority;
use crate::edge::nats::{Nats, StreamStatus};
use crate::sidecar::ports::{kafka_options, nats_options};
use crate::sidecar::reach;
use crate::store::{self, SchemaState, Store};

const PATIENCE: Duration = Duration::from_secs(5);

/// Look at all that `serve` needs and change nothing
///
/// Catalog, listeners, database, Kafka and NATS, the last three at the same time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  menagerie check --config config/menagerie.toml

Each line begins with what was found:
  ok           as wanted
  differs      usable, but not as wanted
  missing      not there, and `serve` would not make it: a folder, the schema
  unreachable  a service that does not answer
  wrong        of no use; the configuration is to blame

Exits with 0 whatever differs, with 69 if something is missing or unreachable, with 64 if the
configuration or the catalog cannot be used.")]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What is known of one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Finding {
    Good(String),
    /// It works, but differs from what is wanted.
    Differs(String),
    /// A file, a folder or a schema that is not there, and that `serve` would not make.
    Missing(String),
    /// A service that does not answer, or does not let us in.
    Unreachable(String),
    /// The configuration is to blame; waiting would not help.
    Wrong(String),
}

/// A thing by its name, and what was found.
type Found = (&'static str, Finding);

/// Exits with 69 if something is not there, with 64 if the configuration is the reason, else
/// with 0, whatever differs.
///
/// # Errors
/// A bad configuration.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = args.config.load()?.config;
    let findings = super::serve::runtime()?.block_on(look_at_all(&config));
    out::unless_closed(show(&findings))?;
    Ok(exit(findings.iter().map(|(_, finding)| finding)))
}

/// The services at the same time: each may take its patience until it is given up.
async fn look_at_all(config: &Config) -> Vec<Found> {
    let (store, kafka, nats) =
        tokio::join!(check_store(config), check_kafka(config), check_nats(config));
    let mut findings = vec![
        ("catalog", check_catalog(config)),
        ("http", check_listener("http.listen", config.http.listen)),
        ("admin", check_listener("admin.listen", config.admin.listen)),
    ];
    if let Err(error) = Authority::new(&config.auth) {
        findings.push(("auth", Finding::Wrong(error.to_string())));
    }
    findings.extend([store, kafka, nats].into_iter().flatten());
    findings
}

fn show(findings: &[Found]) -> io::Result<()> {
    for (thing, finding) in findings {
        let (word, what) = match finding {
            Finding::Good(what) => ("ok", what),
            Finding::Differs(what) => ("differs", what),
            Finding::Missing(what) => ("missing", what),
            Finding::Unreachable(what) => ("unreachable", what),
            Finding::Wrong(what) => ("wrong", what),
        };
        writeln!(Stdout, "{word:<11}  {thing}: {what}")?;
    }
    Ok(())
}

fn exit<'f>(findings: impl Iterator<Item = &'f Finding>) -> Exit {
    findings.fold(Exit::Done, |exit, finding| match (finding, exit) {
        (Finding::Wrong(_), _) | (_, Exit::Usage) => Exit::Usage,
        (Finding::Missing(_) | Finding::Unreachable(_), _) => Exit::Unavailable,
        (Finding::Good(_) | Finding::Differs(_), exit) => exit,
    })
}

fn check_catalog(config: &Config) -> Finding {
    let (source, catalog) = match &config.catalog.dir {
        None => ("builtin".to_owned(), Catalog::builtin()),
        Some(dir) => match catalog::load(dir) {
            Ok(catalog) => (dir.display().to_string(), catalog),
            Err(error) => return Finding::Wrong(format!("catalog.dir: {error}")),
        },
    };
    let (templates, maps) = (catalog.templates().count(), catalog.maps().count());
    Finding::Good(format!("{source}, {templates} pet templates, {maps} maps"))
}

/// Listens for a moment; nobody is answered.
fn check_listener(key: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Finding::Good(format!("{address}, any free port")),
        Ok(_) => Finding::Good(format!("{address} is free")),
        // By a process that serves already, as like as not.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Finding::Differs(format!("{address} is taken; {key} chooses another"))
        }
        Err(error) => Finding::Wrong(format!("{key}: cannot listen on {address}: {error}")),
    }
}

async fn check_store(config: &Config) -> Vec<Found> {
    let migrates = config.database.migrate_on_start();
    let url = config.database.url.expose();
    if let Err(reason) = reach::database(url, config.database.connect_timeout).await {
        return vec![("database", Finding::Unreachable(reason))];
    }
    let store = match look::open(config).await {
        Ok(Database::Open(store)) => store,
        Ok(Database::Absent(file)) => return vec![("database", absent(&file, migrates))],
        Err(error) => return vec![("database", failed(config, &error))],
    };
    let mut findings = vec![("database", schema(config, &store).await)];
    if let Ok(Some(position)) = store.position(&config.shard.id).await {
        let what = format!(
            "shard {} at epoch {}, round {}",
            config.shard.id, position.epoch, position.round
        );
        findings.push(("shard", Finding::Good(what)));
    }
    findings
}

fn absent(file: &Path, migrates: bool) -> Finding {
    let shown = file.display();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            Finding::Missing(format!("{shown} cannot be: there is no folder {}", folder.display()))
        }
        _ if migrates => Finding::Differs(format!("{shown} does not exist; {}", remedy(true))),
        _ => Finding::Missing(format!("{shown} does not exist; {}", remedy(false))),
    }
}

async fn schema(config: &Config, store: &Store) -> Finding {
    let migrates = config.database.migrate_on_start();
    let url = config.database.url.redacted();
    match store.schema().await {
        Ok(SchemaState::Current) => Finding::Good(format!("{url}, schema is current")),
        Ok(SchemaState::Behind { missing }) => {
            let what = format!("{url}, schema misses {}; {}", missing.join(", "), remedy(migrates));
            // `serve` would not start.
            if migrates { Finding::Differs(what) } else { Finding::Missing(what) }
        }
        Ok(SchemaState::Ahead { unknown }) => {
            Finding::Differs(format!("{url}, schema has {} of a newer release", unknown.join(", ")))
        }
        Err(error) => failed(config, &error),
    }
}

/// What brings the schema up to date.
fn remedy(migrates: bool) -> &'static str {
    match migrates {
        true => "`menagerie serve` mends that when it starts",
        false => "run `menagerie migrate up`",
    }
}

fn failed(config: &Config, error: &store::Error) -> Finding {
    let reason = || format!("{}: {}", config.database.url.redacted(), reach::reason_of(error));
    match error {
        store::Error::Url { .. } => Finding::Wrong(format!("database.url: {error}")),
        _ if config.database.is_sqlite() => Finding::Missing(reason()),
        _ => Finding::Unreachable(reason()),
    }
}

async fn check_kafka(config: &Config) -> Vec<Found> {
    if config.kafka.is_embedded() {
        return vec![("kafka", Finding::Good("in this process".into()))];
    }
    let options = match kafka_options(&config.kafka) {
        Ok((options, _)) => options,
        Err(error) => return vec![("kafka", Finding::Wrong(error.to_string()))],
    };
    let servers = options.bootstrap_servers.clone();
    if let Err(reason) = reach::brokers(&servers).await {
        return vec![("kafka", Finding::Unreachable(reason))];
    }
    let survey = tokio::task::spawn_blocking(move || options.survey(PATIENCE)).await;
    match survey {
        Ok(Ok(topics)) => topics
            .into_iter()
            .map(|(topic, num_partitions)| match num_partitions {
                Some(count) => ("kafka", Finding::Good(format!("{topic}, {count} partitions"))),
                None => ("kafka", Finding::Differs(format!("{topic} does not exist"))),
            })
            .collect(),
        Ok(Err(KafkaError::ClientConfig(_, reason, name, value))) => {
            let what = format!("kafka.properties: {name} = {value}: {reason}");
            vec![("kafka", Finding::Wrong(what))]
        }
        Ok(Err(error)) => vec![("kafka", Finding::Unreachable(format!("{servers}: {error}")))],
        Err(error) => vec![("kafka", Finding::Unreachable(error.to_string()))],
    }
}

async fn check_nats(config: &Config) -> Vec<Found> {
    if config.nats.is_embedded() {
        return vec![("nats", Finding::Good("in this process".into()))];
    }
    let inspected = async {
        let nats = Nats::connect(nats_options(&config.nats)).await?;
        nats.inspect().await
    };
    match inspected.await {
        Ok(report) => {
            [report.events, report.dead_letters].iter().map(|it| ("nats", stream(it))).collect()
        }
        Err(error) if error.is_retryable() => {
            vec![("nats", Finding::Unreachable(reach::chain(&error)))]
        }
        Err(error) => vec![("nats", Finding::Wrong(format!("nats.url: {}", reach::chain(&error))))],
    }
}

/// Each stream by itself: the other may be as wanted.
fn stream(status: &StreamStatus) -> Finding {
    match status.is_as_wanted() {
        true => Finding::Good(status.to_string()),
        false => Finding::Differs(status.to_string()),
    }
}

#[cfg(test)]
mod tests;
