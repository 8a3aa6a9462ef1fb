//! `demo`: the whole engine in one process, and a simulated world that uses it.

mod heard;
mod settings;
mod show;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use uuid::Uuid;

use super::exit::Exit;
use super::out::Stdout;
use crate::domain::{Catalog, CharacterId, Tenant, TenantId};
use crate::sidecar::{Order, Outside, Sidecar};
use crate::telemetry::{logging, panics};
use settings::Settings;
use show::Places;
use world::{SETTLE_PATIENCE, World};

const START_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The same in each run, so that what was pasted once can be pasted again.
const TENANT: Uuid = Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0001);
/// Whose pet is there to be played with from outside.
const VISITOR: CharacterId = CharacterId(1);

/// Watch the engine at work with no service installed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  menagerie demo --characters 200 --for 1m
  REST_PORT=18080 ADMIN_PORT=19090 menagerie demo --serve-only
  menagerie demo --set pets.hunger_interval=1s

The demo has settings of its own; environment variables beat them, and --set beats both. No file
is read. Database, Kafka and NATS are always those inside the process: variables about them, the
topics, the tenant, the catalog or the rules the books count on, such as DATABASE_URL,
BOOTSTRAP_SERVERS and NATS_URL, are ignored, and the demo says so.

Exits with 0 if the books balance, with 70 if not.")]
pub struct Args {
    /// Characters in the simulated world
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    characters: u32,
    /// How long the world plays
    #[arg(long = "for", default_value = "20s", value_parser = super::some_time)]
    duration: Duration,
    /// Only the engine and one pet: no world, until a signal ends it
    #[arg(long)]
    serve_only: bool,
    /// Set one key, such as log.level=debug; stronger than the environment
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::key_and_value)]
    flags: Vec<(String, String)>,
}

/// Exits with 0 if the books balance. The first signal ends the world, which settles its books
/// before the engine drains, and so does a reader of standard output who goes away; the second
/// signal ends all at once.
///
/// # Errors
/// When something cannot be started or stops answering.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let folder = Folder::create()?;
    let tenant = tenant();
    let Settings { config, notes } =
        settings::load(&folder.0, &tenant, super::environment(), args.flags.clone())?;
    let config = Arc::new(config);
    logging::init(&config.log)?;
    panics::install();
    super::serve::arm_faults(std::env::var_os(crate::faults::VARIABLE))?;
    let io = super::serve::runtime()?;
    let sidecar =
        Sidecar::open(Arc::clone(&config), io.handle().clone()).map_err(super::serve::failure)?;
    let (game, admin) = (sidecar.game_address()?, sidecar.admin_address()?);
    let (orders, ordered) = watch::channel(Order::Run);
    let (wishes, wished) = watch::channel(Order::Run);
    let (outside, health) = (sidecar.outside(), sidecar.health());
    let (num_characters, duration) = (args.characters, args.duration);
    let world = World { num_characters, duration, game, tenant };
    let serve_only = args.serve_only;
    let balanced = actix::System::new().block_on(async move {
        actix::spawn(super::serve::obey_signals(wishes, sidecar.reloader()));
        actix::spawn(hurry(wished.clone(), orders.clone()));
        let mut stopped = wished.clone();
        let played = actix::spawn(async move {
            // Only then: without an engine the world could not wait for what it ordered.
            let _drain_at_end = DrainAtEnd(orders);
            let outside = connected(outside, &health).await?;
            introduce(&world, admin, &outside, &notes).await?;
            if serve_only {
                let _ = stopped.wait_for(|wish| *wish != Order::Run).await;
                return Ok(true);
            }
            world.play(&outside, &stopped).await
        });
        sidecar.run(ordered).await.map_err(super::serve::failure)?;
        if *wished.borrow() == Order::Quit {
            return Ok(true);
        }
        let played = tokio::time::timeout(SETTLE_PATIENCE, played).await;
        played.context("the world did not end")??
    })?;
    io.shutdown_background();
    Ok(if balanced { Exit::Done } else { Exit::Internal })
}

fn tenant() -> Tenant {
    Tenant { id: TenantId(TENANT), region: "GMS".into(), major: 83, minor: 1 }
}

/// Makes a pet to play with, and says where everything is.
async fn introduce(
    world: &World,
    admin: SocketAddr,
    outside: &Outside,
    notes: &[String],
) -> anyhow::Result<()> {
    let template = Catalog::builtin().templates().map(|template| template.id).min();
    let template = template.context("the catalog has no pets")?;
    let yours = world.shop().buy(VISITOR, template, "Yours").await?;
    let World { game, tenant, .. } = world;
    let kafka = &outside.kafka;
    show::places(&mut Stdout, &Places { game: *game, admin, kafka, tenant, yours, notes })?;
    Ok(())
}

/// Lets the engine drain when the world has ended, however it did.
struct DrainAtEnd(watch::Sender<Order>);

impl Drop for DrainAtEnd {
    fn drop(&mut self) {
        self.0.send_if_modified(|order| {
            let is_running = *order == Order::Run;
            if is_running {
                *order = Order::Drain;
            }
            is_running
        });
    }
}

/// Passes a second signal on: nothing is waited for then.
async fn hurry(mut wished: watch::Receiver<Order>, orders: watch::Sender<Order>) {
    if wished.wait_for(|wish| *wish == Order::Quit).await.is_ok() {
        orders.send_replace(Order::Quit);
    }
}

async fn connected(
    mut outside: watch::Receiver<Option<Outside>>,
    health: &crate::engine::health::Health,
) -> anyhow::Result<Outside> {
    let waiting = async {
        let found = outside.wait_for(Option::is_some).await?.clone();
        while !health.is_ready() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        anyhow::Ok(found.context("connected to nothing")?)
    };
    tokio::time::timeout(START_PATIENCE, waiting).await.context("the engine did not get ready")?
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn create() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("menagerie-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
