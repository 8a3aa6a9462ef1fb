//! `check`: what is there, and what differs from what the configuration wants. Changes
//! nothing.

use std::time::Duration;

use super::ConfigArgs;
use super::exit::Exit;
use crate::config::Config;
use crate::edge::nats::Nats;
use crate::sidecar::ports::{kafka_options, nats_options, store_options};
use crate::store::{SchemaState, Store};

const PATIENCE: Duration = Duration::from_secs(5);

/// Look at every service the configuration names and change nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  menagerie check --config config/menagerie.toml")]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What is known of one service.
enum Finding {
    Good(String),
    /// It works, but differs from what is wanted.
    Differs(String),
    Missing(String),
}

/// Exits with 69 if a service does not answer, else with 0, whatever differs.
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
    let mut exit = Exit::Done;
    for (service, finding) in findings {
        match finding {
            Finding::Good(what) => println!("ok       {service}: {what}"),
            Finding::Differs(what) => println!("differs  {service}: {what}"),
            Finding::Missing(what) => {
                println!("missing  {service}: {what}");
                exit = Exit::Unavailable;
            }
        }
    }
    Ok(exit)
}

async fn check_store(config: &Config) -> Vec<(&'static str, Finding)> {
    if config.database.is_sqlite() {
        let what = "a SQLite file, created and migrated at start".to_owned();
        return vec![("database", Finding::Good(what))];
    }
    let store = match Store::connect(store_options(config)).await {
        Ok(store) => store,
        Err(error) => return vec![("database", Finding::Missing(error.to_string()))],
    };
    let schema = match store.schema().await {
        Ok(SchemaState::Current) => Finding::Good("schema is current".into()),
        Ok(SchemaState::Behind { missing }) => {
            Finding::Differs(format!("schema misses {}", missing.join(", ")))
        }
        Ok(SchemaState::Ahead { unknown }) => {
            Finding::Differs(format!("schema has {} of a newer release", unknown.join(", ")))
        }
        Err(error) => Finding::Missing(error.to_string()),
    };
    let mut findings = vec![("database", schema)];
    if let Ok(Some(position)) = store.position(&config.shard.id).await {
        let what = format!(
            "shard {} at epoch {}, round {}",
            config.shard.id, position.epoch, position.round
        );
        findings.push(("shard", Finding::Good(what)));
    }
    findings
}

async fn check_kafka(config: &Config) -> Vec<(&'static str, Finding)> {
    let options = match kafka_options(&config.kafka) {
        Ok((_, Some(_))) => return vec![("kafka", Finding::Good("in this process".into()))],
        Ok((options, None)) => options,
        Err(error) => return vec![("kafka", Finding::Missing(error.to_string()))],
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
            let is_as_wanted = report.is_as_wanted();
            [report.events, report.dead_letters]
                .into_iter()
                .map(|stream| {
                    let text = stream.to_string();
                    let finding =
                        if is_as_wanted { Finding::Good(text) } else { Finding::Differs(text) };
                    ("nats", finding)
                })
                .collect()
        }
        Err(error) => vec![("nats", Finding::Missing(error.to_string()))],
    }
}
