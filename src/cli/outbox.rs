//! `outbox`: what is committed and not yet published.

use std::io::Write;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde::Deserialize;

use super::admin::{AdminArgs, Api};
use super::exit::Exit;
use super::out::Stdout;
use super::table::{Table, instant, or_dash, seconds};

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  menagerie outbox status")]
pub enum Verb {
    /// Show how much each sink has still to take, and what went wrong with it
    #[command(after_help = "Example:\n  menagerie outbox status --json | jq '.sinks[].pending'")]
    Status {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Publish once more what a sink refused and what is parked since
    #[command(after_help = "Example:\n  menagerie outbox retry

Exits with 0 also if some stay parked; the answer says how many.")]
    Retry {
        /// Whose; nothing is ever parked for kafka
        #[arg(value_parser = ["kafka", "nats"], default_value = "nats")]
        sink: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

#[derive(Deserialize)]
struct Status {
    sinks: Vec<Sink>,
}

#[derive(Deserialize)]
struct Sink {
    sink: String,
    pending: i64,
    oldest_age_seconds: Option<f64>,
    published: u64,
    retried: u64,
    parked: i64,
    failing: bool,
    last_error: Option<LastError>,
}

#[derive(Deserialize)]
struct LastError {
    at: DateTime<Utc>,
    message: String,
}

#[derive(Deserialize)]
struct Retried {
    retried: u64,
    parked: u64,
}

/// # Errors
/// Bad usage, a process that does not answer or refuses, or stdout closed.
pub fn run(verb: &Verb) -> anyhow::Result<Exit> {
    let (Verb::Status { admin } | Verb::Retry { admin, .. }) = verb;
    let api = admin.api()?;
    super::serve::runtime()?.block_on(verb.ask(&api, &mut Stdout))
}

impl Verb {
    async fn ask(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<Exit> {
        let (admin, answer) = match self {
            Self::Status { admin } => (admin, api.get(&["outbox"]).await?),
            Self::Retry { sink, admin } => {
                (admin, api.post(&["outbox", sink, "retry"], None).await?)
            }
        };
        match self {
            _ if admin.json => writeln!(out, "{}", answer.trim_end())?,
            Self::Status { .. } => table(api.read(&answer)?).show(out)?,
            Self::Retry { sink, .. } => {
                let Retried { retried, parked } = api.read(&answer)?;
                writeln!(out, "{sink}: {retried} published, {parked} still parked")?;
            }
        }
        Ok(Exit::Done)
    }
}

fn table(Status { sinks }: Status) -> Table<8> {
    let mut table = Table::new([
        "SINK",
        "STATE",
        "PENDING",
        "OLDEST",
        "PUBLISHED",
        "RETRIED",
        "PARKED",
        "LAST ERROR",
    ]);
    for sink in sinks {
        let error = sink.last_error.map(|error| format!("{} {}", instant(error.at), error.message));
        table.push([
            sink.sink,
            if sink.failing { "failing" } else { "ok" }.to_owned(),
            sink.pending.to_string(),
            or_dash(sink.oldest_age_seconds.map(seconds)),
            sink.published.to_string(),
            sink.retried.to_string(),
            sink.parked.to_string(),
            or_dash(error),
        ]);
    }
    table
}

#[cfg(test)]
mod tests;
