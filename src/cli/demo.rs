//! `demo`: the whole engine in one process, and a simulated world that uses it.

mod settings;
mod show;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use super::exit::Exit;
use crate::domain::{Catalog, CharacterId, Tenant, TenantId};
use crate::edge::embedded::subject::Filter;
use crate::sidecar::{Order, Outside, Sidecar};
use crate::sim::players::{Players, Tally};
use crate::sim::shop::{Bought, Shop};
use crate::sim::{Books, Reader, Sender};
use crate::telemetry::{logging, panics};
use settings::Settings;

/// Things the players do in a second.
const ACTIONS_PER_SECOND: u32 = 400;
const TICK: Duration = Duration::from_millis(25);
/// How long the last events may take.
const SETTLE_PATIENCE: Duration = Duration::from_secs(30);
const START_PATIENCE: Duration = Duration::from_secs(60);

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
    #[arg(long = "for", default_value = "20s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Only the engine: no world, until a signal ends it
    #[arg(long)]
    serve_only: bool,
    /// Set one key, such as log.level=debug; stronger than the environment
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::key_and_value)]
    flags: Vec<(String, String)>,
}

/// What the character events must add up to, and did.
#[derive(Clone, Copy, Default)]
struct Seen {
    num_online: u64,
    num_offline: u64,
    num_moved: u64,
}

/// Exits with 0 if the books balance. The first signal ends the world, which settles its books
/// before the engine drains; the second ends all at once.
///
/// # Errors
/// When something cannot be started or stops answering.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let folder = Folder::create()?;
    let Settings { config, notes } =
        settings::load(&folder.0, super::environment(), args.flags.clone())?;
    let config = Arc::new(config);
    logging::init(&config.log.level, config.log.format)?;
    panics::install();
    super::serve::arm_faults(std::env::var_os(crate::faults::VARIABLE))?;
    let io = super::serve::runtime()?;
    let sidecar =
        Sidecar::open(Arc::clone(&config), io.handle().clone()).map_err(super::serve::failure)?;
    let (game, admin) = (sidecar.game_address()?, sidecar.admin_address()?);
    let (orders, ordered) = watch::channel(Order::Run);
    let (wishes, wished) = watch::channel(Order::Run);
    let (outside, health) = (sidecar.outside(), sidecar.health());
    let world = World { num_characters: args.characters, duration: args.duration, game };
    let serve_only = args.serve_only;
    let balanced = actix::System::new().block_on(async move {
        actix::spawn(super::serve::obey_signals(wishes, sidecar.reloader()));
        actix::spawn(hurry(wished.clone(), orders.clone()));
        let mut stopped = wished.clone();
        let played = actix::spawn(async move {
            let outside = connected(outside, &health).await;
            let balanced = match outside {
                Ok(outside) => {
                    show::places(game, admin, &outside, &notes);
                    if serve_only {
                        let _ = stopped.wait_for(|wish| *wish != Order::Run).await;
                        Ok(true)
                    } else {
                        world.play(outside, &stopped).await
                    }
                }
                Err(error) => Err(error),
            };
            // Only now: without an engine the world could not wait for what it ordered.
            orders.send_if_modified(|order| {
                let is_running = *order == Order::Run;
                if is_running {
                    *order = Order::Drain;
                }
                is_running
            });
            balanced
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
            tokio::time::sleep(TICK).await;
        }
        anyhow::Ok(found.context("connected to nothing")?)
    };
    tokio::time::timeout(START_PATIENCE, waiting).await.context("the engine did not get ready")?
}

/// The simulated world of one demo.
struct World {
    num_characters: u32,
    duration: Duration,
    game: SocketAddr,
}

impl World {
    async fn play(
        &self,
        outside: Outside,
        stopped: &watch::Receiver<Order>,
    ) -> anyhow::Result<bool> {
        let tenant =
            Tenant { id: TenantId(Uuid::new_v4()), region: "GMS".into(), major: 83, minor: 1 };
        let books = Arc::new(Mutex::new(Books::new()));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let _counting = count_characters(&outside, &seen)?;
        let reader = Reader::start(&outside.kafka, {
            let books = Arc::clone(&books);
            move |id, event| books.lock().announce(id, &event)
        })?;
        let shop = Shop::new(&format!("http://{}", self.game), tenant.clone());
        let bought = self.stock(&shop, stopped).await?;
        let sender = Sender::new(outside.kafka.clone(), &tenant)?;
        let mut players = Players::new(&bought, Catalog::builtin(), rand::random());
        let started = Instant::now();
        let mut shown = Instant::now();
        let mut num_acted = 0;
        while started.elapsed() < self.duration && *stopped.borrow() == Order::Run {
            let due = started.elapsed().as_millis() * u128::from(ACTIONS_PER_SECOND) / 1_000;
            while num_acted < due {
                players.act(&sender, &books)?;
                num_acted += 1;
            }
            if shown.elapsed() >= Duration::from_secs(1) {
                shown = Instant::now();
                show::progress(started.elapsed(), &players, &books.lock());
            }
            tokio::time::sleep(TICK).await;
        }
        players.log_out_all(&sender)?;
        tokio::task::spawn_blocking(move || sender.flush()).await??;
        let tally = players.tally;
        self.settle(&books, &seen, tally).await;
        drop(reader);
        let wrong = compare_pets(&shop, &players).await?;
        Ok(show::balance(&books.lock(), &tally, *seen.lock(), &wrong))
    }

    /// Gives every character one to three pets.
    async fn stock(
        &self,
        shop: &Shop,
        stopped: &watch::Receiver<Order>,
    ) -> anyhow::Result<Vec<Bought>> {
        let templates: Vec<u32> = Catalog::builtin().templates().map(|t| t.id).collect();
        let mut bought = Vec::new();
        for number in 0..self.num_characters {
            if *stopped.borrow() != Order::Run {
                break;
            }
            let owner = CharacterId(1_000 + number);
            for nth in 0..=number % 3 {
                let template = templates[(number + nth) as usize % templates.len()];
                bought.push(shop.buy(owner, template, "Pet").await?);
            }
        }
        Ok(bought)
    }

    /// Waits until every order was announced, or patience ends.
    async fn settle(&self, books: &Mutex<Books>, seen: &Mutex<Seen>, tally: Tally) {
        let deadline = Instant::now() + SETTLE_PATIENCE;
        while Instant::now() < deadline {
            let is_even = books.lock().num_open() == 0
                && seen.lock().num_offline >= tally.num_logouts
                && seen.lock().num_moved >= tally.num_travels;
            if is_even {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Counts what the character event log announces, until dropped.
fn count_characters(
    outside: &Outside,
    seen: &Arc<Mutex<Seen>>,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    use crate::edge::embedded::event_log::Delivery;
    let log = outside.memory_log.clone().context("the demo has its own event log")?;
    let mut events = log.subscribe(">".parse::<Filter>()?);
    let seen = Arc::clone(seen);
    Ok(actix::spawn(async move {
        while let Some(delivery) = events.next().await {
            let Delivery::Entry(entry) = delivery else { continue };
            let mut seen = seen.lock();
            match entry.message.subject.as_str() {
                "character.online" => seen.num_online += 1,
                "character.offline" => seen.num_offline += 1,
                "character.position.updated" => seen.num_moved += 1,
                _ => {}
            }
        }
    }))
}

/// Pets of which the API tells another closeness than the game must have given them.
async fn compare_pets(shop: &Shop, players: &Players) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (pet, expected) in players.closeness() {
        let stored = shop.look_up(pet).await?["closeness"].as_u64();
        if stored != Some(u64::from(expected)) {
            wrong.push(format!("pet {pet}: {expected} expected, {stored:?} stored"));
        }
    }
    Ok(wrong)
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
