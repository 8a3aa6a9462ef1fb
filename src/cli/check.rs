//! `check`: what is there, and what differs from what the configuration wants. Changes
//! nothing.

use std::path::Path;
use std::time::Duration;

use rdkafka::error::KafkaError;

use super::ConfigArgs;
use super::exit::Exit;
use super::look::{self, Database};
use crate::config::Config;
use crate::edge::nats::{Nats, StreamStatus};
use crate::sidecar::ports::{kafka_options, nats_options};
use crate::store::{self, SchemaState, Store};

const PATIENCE: Duration = Duration::from_secs(5);

/// Look at every service the configuration names and change nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  menagerie check --config config/menagerie.toml

Exits with 0 whatever differs, with 69 if a service does not answer, with 64 if the
configuration cannot be used.")]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What is known of one service.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Finding {
    Good(String),
    /// It works, but differs from what is wanted.
    Differs(String),
    Missing(String),
    /// The configuration is to blame; waiting for the service would not help.
    Wrong(String),
}

/// Exits with 69 if a service does not answer, with 64 if the configuration is the reason,
/// else with 0, whatever differs.
///
/// # Errors
/// A bad configuration.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = args.config.load()?.config;
    let findings = super::serve::runtime()?.block_on(async {
        let mut findings = check_store(&config).await;
        findings.extend(check_kafka(&config).await);
        findings.extend(check_nats(&config).await);
        findings
    });
    for (service, finding) in &findings {
        match finding {
            Finding::Good(what) => println!("ok       {service}: {what}"),
            Finding::Differs(what) => println!("differs  {service}: {what}"),
            Finding::Missing(what) => println!("missing  {service}: {what}"),
            Finding::Wrong(what) => println!("wrong    {service}: {what}"),
        }
    }
    Ok(exit(findings.iter().map(|(_, finding)| finding)))
}

fn exit<'f>(findings: impl Iterator<Item = &'f Finding>) -> Exit {
    findings.fold(Exit::Done, |exit, finding| match (finding, exit) {
        (Finding::Wrong(_), _) | (_, Exit::Usage) => Exit::Usage,
        (Finding::Missing(_), _) => Exit::Unavailable,
        (Finding::Good(_) | Finding::Differs(_), exit) => exit,
    })
}

async fn check_store(config: &Config) -> Vec<(&'static str, Finding)> {
    let migrates = config.database.migrate_on_start();
    let store = match look::open(config).await {
        Ok(Database::Open(store)) => store,
        Ok(Database::Absent(file)) => return vec![("database", absent(&file, migrates))],
        Err(error) => return vec![("database", failed(&error))],
    };
    let mut findings = vec![("database", schema(&store, migrates).await)];
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
        _ => Finding::Differs(format!("{shown} does not exist; {}", remedy(migrates))),
    }
}

async fn schema(store: &Store, migrates: bool) -> Finding {
    match store.schema().await {
        Ok(SchemaState::Current) => Finding::Good("schema is current".into()),
        Ok(SchemaState::Behind { missing }) => {
            Finding::Differs(format!("schema misses {}; {}", missing.join(", "), remedy(migrates)))
        }
        Ok(SchemaState::Ahead { unknown }) => {
            Finding::Differs(format!("schema has {} of a newer release", unknown.join(", ")))
        }
        Err(error) => failed(&error),
    }
}

/// What brings the schema up to date.
fn remedy(migrates: bool) -> &'static str {
    match migrates {
        true => "`menagerie serve` mends that when it starts",
        false => "run `menagerie migrate up`",
    }
}

fn failed(error: &store::Error) -> Finding {
    match error {
        store::Error::Url { .. } => Finding::Wrong(format!("database.url: {error}")),
        error => Finding::Missing(error.to_string()),
    }
}

async fn check_kafka(config: &Config) -> Vec<(&'static str, Finding)> {
    if config.kafka.is_embedded() {
        return vec![("kafka", Finding::Good("in this process".into()))];
    }
    let options = match kafka_options(&config.kafka) {
        Ok((options, _)) => options,
        Err(error) => return vec![("kafka", Finding::Wrong(error.to_string()))],
    };
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
        Ok(Err(error)) => vec![("kafka", Finding::Missing(error.to_string()))],
        Err(error) => vec![("kafka", Finding::Missing(error.to_string()))],
    }
}

async fn check_nats(config: &Config) -> Vec<(&'static str, Finding)> {
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
            vec![("nats", Finding::Missing(error.to_string()))]
        }
        Err(error) => vec![("nats", Finding::Wrong(format!("nats.url: {error}")))],
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
