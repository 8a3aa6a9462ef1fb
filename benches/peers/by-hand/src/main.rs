//! What Menagerie is measured against, written by hand with its own parts: its decoder, its rules,
//! its tables, its commit and its events.
//!
//! ```text
//! by-hand pipeline      rounds, with a hash map in place of supervisor and actors
//! by-hand one-by-one    one transaction a command
//! by-hand statements PETS SECONDS   the state changes alone, on PostgreSQL; prints a rate
//! by-hand actors NUMBER   actix actors that hold nothing; prints KiB of resident memory each
//! ```
//!
//! Configured by the environment as `menagerie serve`, with `PEER_PORT` for the pets API. They do the
//! award job: characters log in, pets are taken out and awarded. Nothing else is handled, nothing goes
//! to NATS, and nothing is recovered after a crash. `actors` needs none of that.

mod actors;
mod announce;
mod api;
mod intake;
mod one_by_one;
mod pipeline;
mod statements;

use std::time::Duration;

use menagerie::config::{Config, Sources};
use menagerie::domain::Dice;
use menagerie::edge::kafka::Options;
use menagerie::sidecar::ports::kafka_options;
use menagerie::store::{self, Fence, Store};

/// The binary's: both allocate alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Inputs of a round, as by default there.
const MAX_ROUND: usize = 8_192;
const SHARD: &str = "by-hand";

/// What each of them works with.
struct Ground {
    kafka: Options,
    store: Store,
    fence: Fence,
    /// The last one committed.
    round: i64,
    database_url: String,
    max_record_bytes: usize,
}

/// What is left to chance, which is nothing an award needs.
struct Even;

impl Dice for Even {
    fn percent(&mut self) -> u8 {
        50
    }
}

fn main() -> anyhow::Result<()> {
    // A thread that is gone is the end: what it should have done would be waited for.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        hook(panic);
        std::process::exit(70);
    }));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["actors", number] = arguments[..] {
        return actors::run(number.parse()?);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ground = runtime.block_on(Ground::prepare())?;
    let runtime = runtime.handle().clone();
    match arguments[..] {
        ["pipeline"] => pipeline::run(ground, &runtime),
        ["one-by-one"] => one_by_one::run(ground, &runtime),
        ["statements", pets, seconds] => {
            runtime.block_on(statements::run(&ground, pets.parse()?, seconds.parse()?))
        }
        _ => anyhow::bail!("pipeline, one-by-one, statements PETS SECONDS, or actors NUMBER"),
    }
}

impl Ground {
    async fn prepare() -> anyhow::Result<Self> {
        let env = std::env::vars().collect();
        let config = Config::load(Sources { file: None, env, flags: Vec::new() })?.config;
        let database_url = config.database.url.expose().to_owned();
        let store = Store::connect(store::Options {
            url: database_url.clone(),
            max_connections: 4,
            connect_timeout: Duration::from_secs(10),
            commit_timeout: Duration::from_secs(30),
        })
        .await?;
        store.migrate_up().await?;
        let term = Duration::from_secs(3_600);
        let lease = store.acquire(SHARD, "by-hand", term).await?;
        let lease = lease.ok_or_else(|| anyhow::anyhow!("somebody has the shard"))?;
        let fence = Fence { shard: SHARD.into(), epoch: lease.epoch, lease: term };
        let (kafka, _) = kafka_options(&config.kafka)?;
        let max_record_bytes = kafka.max_record_bytes;
        Ok(Self { kafka, store, fence, round: lease.round, database_url, max_record_bytes })
    }
}
