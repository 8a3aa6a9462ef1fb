//! `load`: a load generator for any service that speaks `spec/pet-kafka.md` and the pets API.
//!
//! It makes a crowd of its own in a tenant of its own, sends awards and movement, and keeps
//! books: every award must be announced exactly once, and the API must tell what the awards
//! add up to.

mod held;
mod pace;
mod report;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use uuid::Uuid;

use super::ConfigArgs;
use super::exit::{Exit, Failure};
use super::out::{self, Stdout};
use crate::config::{Log, Secret};
use crate::domain::{Tenant, TenantId, pet};
use crate::edge::kafka::Options;
use crate::sidecar::ports::kafka_options;
use crate::sidecar::reach;
use crate::sim::crowd::{Act, Mix};
use crate::sim::shop::Shop;
use crate::sim::topics::{Places, num_between};
use crate::sim::{Books, Crowd, Reader, Sender, Topics};
use crate::telemetry::logging;
use held::Held;
use report::{Plan, Report};

/// Between two looks at how far the service has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Without any progress for this long, the service is taken to have lost what is missing.
const STALLED_AFTER: Duration = Duration::from_secs(60);

/// Put load on a service that speaks the pet topics, and balance its books
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  menagerie load --rate 50 --for 1m              open loop: latency from due to event seen
  menagerie load --backlog 2000000 --hold 4711   a backlog, written while process 4711 is stopped
  menagerie load --backlog 3000000 --movement 1  movement only
  menagerie load --rate 1000 --movement 0.3 --spawns 0.2 --tricks 0.1 --zipf 1
                                                 some of everything, mostly about the same few
  menagerie load --owners 100000 --stay          nothing but characters that stay online

Two of them may run side by side: each has a tenant of its own. A backlog's time is to the last
event of anybody, so nothing else should run beside that one. Tricks and their worth are those of
the catalog that ships. Pets that nobody feeds go home hungry after 48 minutes, and the books
differ.

The brokers and topics are those of the configuration (--config, --set kafka.bootstrap_servers=…);
kafka.group is the service's, whose committed offsets tell how far it has come: sending begins
once everybody is online, and a load with any movement ends when that was read. Events are told
apart by their header event-id; without one, awards by their transaction.

After a backlog, the records are read once more by a consumer that asks for one after another and
does nothing with them; the ratio is how much of its rate the service came to, 1 being all of it.

Exits with 0 if the books balance, with 70 if not, with 69 if the service does not answer, with 64
if there is nothing to send.")]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where the service's pets API stands
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// What the pets API asks for: a service's token, or a player's. Every user of the machine sees a
    /// flag: rather set the variable
    #[arg(long, env = "MENAGERIE_LOAD_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// Characters, all online
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    owners: u32,
    /// Pets of each, all spawned
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3))]
    pets: u32,
    /// Records sent as fast as possible
    #[arg(long, value_name = "RECORDS", conflicts_with = "rate", value_parser = clap::value_parser!(u64).range(1..))]
    backlog: Option<u64>,
    /// Stop this process while the backlog is written, and let it go on then
    #[arg(long, value_name = "PID", requires = "backlog")]
    hold: Option<u32>,
    /// Records a second, each due at its time whatever the service does; those that come due while
    /// the broker owes acknowledgements are sent together after them
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How long records are sent at that rate
    #[arg(long = "for", default_value = "30s", value_parser = super::some_time)]
    duration: Duration,
    /// Share of movement among the records, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    movement: f64,
    /// Share of spawns and despawns: a pet goes home, or out again; one pet each
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    spawns: f64,
    /// Share of tricks; the rest are awards
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    tricks: f64,
    /// Let the pet of rank K be 1 / K^EXPONENT times as often the subject as the first, instead of
    /// all alike
    #[arg(long, value_name = "EXPONENT")]
    zipf: Option<f64>,
    /// Number that the records are drawn from: with the same one and the same options they are the
    /// same again, but for the tenant and the times [default: any]
    #[arg(long)]
    seed: Option<u64>,
    /// Leave the characters online at the end
    #[arg(long)]
    stay: bool,
    /// The report as one JSON object
    #[arg(long)]
    json: bool,
}

/// Exits with 0 if the books balance.
///
/// # Errors
/// When the brokers or the API do not answer, which ends with 69.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.backlog.is_none() && args.rate.is_none() && !args.stay {
        let reason = "nothing to send: --rate RECORDS a second, or --backlog RECORDS at once; \
                      or --stay, for characters that only stay online";
        return Err(Failure::Usage(reason.to_owned()).into());
    }
    let config = args.config.load()?.config;
    logging::init(&Log { level: "warn".to_owned(), ..config.log.clone() })?;
    if config.kafka.is_embedded() {
        let reason = "kafka.bootstrap_servers: load needs a cluster that others see".to_owned();
        return Err(Failure::Usage(reason).into());
    }
    check(args).map_err(|reason| Failure::Usage(reason.to_owned()))?;
    let (options, _) =
        kafka_options(&config.kafka).map_err(|error| Failure::Unavailable(error.to_string()))?;
    let io = super::serve::runtime()?;
    // Before a client tries, again and again, and says so each time.
    io.block_on(reach::brokers(&options.bootstrap_servers))
        .map_err(|reason| Failure::Unavailable(format!("kafka.bootstrap_servers: {reason}")))?;
    let load = async { Load::new(args, options)?.run().await };
    let report = io.block_on(load).map_err(failure)?;
    let shown = match args.json {
        true => writeln!(Stdout, "{}", serde_json::to_string(&report)?),
        false => report.show(&mut Stdout),
    };
    out::unless_closed(shown)?;
    Ok(if report.is_balanced { Exit::Done } else { Exit::Internal })
}

fn check(args: &Args) -> Result<(), &'static str> {
    let shares = [args.movement, args.spawns, args.tricks];
    if !shares.iter().all(|share| (0.0..=1.0).contains(share)) || shares.iter().sum::<f64>() > 1.0 {
        return Err("--movement, --spawns and --tricks are shares from 0 to 1, of 1 together");
    }
    if args.spawns > 0.0 && args.pets > 1 {
        return Err("--spawns needs --pets 1: which slots change depends on which of an owner's \
                    pets is read first, and they stand on different partitions");
    }
    if args.zipf.is_some_and(|exponent| !(0.0..=10.0).contains(&exponent)) {
        return Err("--zipf is an exponent from 0, which is uniform, to 10");
    }
    Ok(())
}

/// Tells a service that is not there from one that answers wrongly.
fn failure(error: anyhow::Error) -> anyhow::Error {
    let is_away = error.chain().any(|cause| {
        let http = cause.downcast_ref::<reqwest::Error>();
        let kafka = cause.downcast_ref::<KafkaError>().and_then(KafkaError::rdkafka_error_code);
        http.is_some_and(|error| error.is_connect() || error.is_timeout())
            || kafka.is_some_and(|code| {
                use RDKafkaErrorCode::{
                    AllBrokersDown, BrokerTransportFailure, MessageTimedOut, OperationTimedOut,
                    Resolve,
                };
                matches!(
                    code,
                    AllBrokersDown
                        | BrokerTransportFailure
                        | MessageTimedOut
                        | OperationTimedOut
                        | Resolve
                )
            })
    });
    if is_away { Failure::Unavailable(format!("{error:#}")).into() } else { error }
}

struct Load<'a> {
    args: &'a Args,
    options: Options,
    shop: Shop,
    sender: Sender,
    topics: Topics,
    books: Arc<Mutex<Books>>,
    tenant: TenantId,
    seed: u64,
}

/// What was sent, and how long it took until it was done.
#[derive(Default)]
struct Sent {
    num_awards: u64,
    num_steps: u64,
    num_moves: u64,
    num_tricks: u64,
    /// Events all that must cause.
    num_events: u64,
    sending: Duration,
}

/// What tells that everything sent was worked off.
struct Awaited<'a> {
    /// So many events on the topic, behind these places.
    events: Option<(&'a Places, u64)>,
    /// The service has told Kafka that it read up to here: steps cause no event.
    read: Option<&'a Places>,
}

/// When a wait was over, and whether that is because the service did not move any more.
struct Done {
    at: Instant,
    is_stalled: bool,
}

impl<'a> Load<'a> {
    fn new(args: &'a Args, options: Options) -> anyhow::Result<Self> {
        let tenant =
            Tenant { id: TenantId(Uuid::new_v4()), region: "LOAD".into(), major: 83, minor: 1 };
        let sender = match args.backlog {
            Some(_) => Sender::in_batches(options.clone(), &tenant)?,
            None => Sender::new(options.clone(), &tenant)?,
        };
        Ok(Self {
            args,
            shop: Shop::new(&args.url, tenant.clone()).with_token(args.token.clone()),
            sender,
            topics: Topics::new(&options)?,
            books: Arc::new(Mutex::new(Books::of_all())),
            tenant: tenant.id,
            seed: args.seed.unwrap_or_else(rand::random),
            options,
        })
    }

    async fn run(self) -> anyhow::Result<Report> {
        let args = self.args;
        let before = Instant::now();
        let (shop, seed) = (&self.shop, self.seed);
        let mut crowd = Crowd::hire(shop, args.owners, args.pets, args.zipf, seed).await?;
        tokio::task::block_in_place(|| self.enter(&mut crowd))?;
        let played = self.play(&mut crowd, before).await;
        // Also when nobody reads what is told any more; a service that is away is not asked again.
        let must_leave = match &played {
            Ok(_) => !args.stay,
            Err(error) => out::is_closed_below(error),
        };
        if must_leave {
            tokio::task::block_in_place(|| {
                crowd.leave(&self.sender)?;
                self.sender.flush()
            })?;
        }
        played
    }

    /// Logs everybody in, takes the pets out and waits until that is announced.
    fn enter(&self, crowd: &mut Crowd) -> anyhow::Result<()> {
        let _reader = self.read_from(&self.announced()?)?;
        crowd.enter(&self.sender)?;
        for command in crowd.take_out() {
            self.books.lock().order(&command, Instant::now());
            self.sender.command(&command)?;
        }
        self.sender.flush()?;
        self.await_books();
        // One that tells no offsets yet is waited for, no more.
        self.await_lag()?;
        Ok(())
    }

    async fn play(&self, crowd: &mut Crowd, before: Instant) -> anyhow::Result<Report> {
        let args = self.args;
        let num_pets = crowd.num_pets();
        self.say(format_args!(
            "{} characters online with {num_pets} pets out after {:.1} s",
            args.owners,
            before.elapsed().as_secs_f64()
        ))?;
        let (mut report, reader) =
            tokio::task::block_in_place(|| match (args.backlog, args.rate) {
                (Some(num_records), _) => self.burst(crowd, num_records),
                (None, Some(rate)) => self.pace(crowd, rate),
                (None, None) => {
                    let reader = self.read_from(&self.announced()?)?;
                    Ok((Report { mode: "stay", ..Report::default() }, reader))
                }
            })?;
        let wrong = crowd.audit(&self.shop).await?;
        // What is announced once too often may stand behind all that was awaited.
        tokio::task::block_in_place(|| {
            reader.catch_up(&self.announced()?);
            anyhow::Ok(())
        })?;
        report.plan = self.plan();
        report.owners = args.owners;
        report.pets = num_pets;
        report.settle_books(&self.books.lock(), wrong);
        Ok(report)
    }

    fn plan(&self) -> Plan {
        let Args { backlog, rate, duration, movement, spawns, tricks, zipf, .. } = *self.args;
        let for_seconds = rate.map(|_| duration.as_secs_f64());
        Plan { seed: self.seed, backlog, rate, for_seconds, movement, spawns, tricks, zipf }
    }

    /// Progress, for people.
    fn say(&self, what: std::fmt::Arguments<'_>) -> io::Result<()> {
        if self.args.json {
            return Ok(());
        }
        writeln!(Stdout, "{what}")
    }

    /// Writes a backlog and waits until it is worked off.
    fn burst(&self, crowd: &mut Crowd, num_records: u64) -> anyhow::Result<(Report, Reader)> {
        let consumed = self.consumed();
        let begun = self.topics.ends(&consumed)?;
        let announced = self.announced()?;
        let held = self.args.hold.map(Held::stop).transpose()?;
        let started = Instant::now();
        let sent = self.send(crowd, num_records)?;
        let ends = self.topics.ends(&consumed)?;
        self.say(format_args!(
            "{num_records} records written in {:.1} s",
            sent.sending.as_secs_f64()
        ))?;
        let started = if held.is_some() { Instant::now() } else { started };
        drop(held);
        let done = self.await_all(&Awaited {
            events: (sent.num_events > 0).then_some((&announced, sent.num_events)),
            read: (sent.num_steps > 0).then_some(&ends),
        })?;
        let took = done.at - started;
        let (num_read, bare) = self.topics.read_bare(&begun, &ends)?;
        let reader = self.read_from(&announced)?;
        self.await_books();
        let report = Report {
            mode: if self.args.hold.is_some() { "backlog" } else { "burst" },
            awards: sent.num_awards,
            spawns: sent.num_moves,
            tricks: sent.num_tricks,
            steps: sent.num_steps,
            seconds: took.as_secs_f64(),
            records_per_second: num_records as f64 / took.as_secs_f64(),
            bare_records_per_second: Some(num_read as f64 / bare.as_secs_f64()),
            is_stalled: done.is_stalled,
            ..Report::default()
        };
        Ok((report, reader))
    }

    fn send(&self, crowd: &mut Crowd, num_records: u64) -> anyhow::Result<Sent> {
        let started = Instant::now();
        let mut sent = Sent::default();
        for _ in 0..num_records {
            self.send_one(crowd, Instant::now(), &mut sent)?;
        }
        self.sender.flush()?;
        sent.sending = started.elapsed();
        Ok(sent)
    }

    fn send_one(&self, crowd: &mut Crowd, due: Instant, sent: &mut Sent) -> anyhow::Result<()> {
        let Args { movement, spawns, tricks, .. } = *self.args;
        match crowd.act(&Mix { steps: movement, moves: spawns, tricks }) {
            Act::Step(record) => {
                sent.num_steps += 1;
                self.sender.movement(&record)?;
            }
            Act::Order { command, num_events, num_levels } => {
                *match &command.order {
                    pet::Order::Spawn { .. } | pet::Order::Despawn => &mut sent.num_moves,
                    pet::Order::Attempt { .. } => &mut sent.num_tricks,
                    _ => &mut sent.num_awards,
                } += 1;
                sent.num_events += num_events;
                let mut books = self.books.lock();
                books.order(&command, due);
                books.expect_levels(num_levels);
                drop(books);
                self.sender.command(&command)?;
            }
        }
        Ok(())
    }

    fn consumed(&self) -> [&str; 2] {
        [&self.options.topics.pet_command, &self.options.topics.pet_movement]
    }

    /// Waits until all of it is there, or nothing more comes.
    fn await_all(&self, awaited: &Awaited<'_>) -> anyhow::Result<Done> {
        let mut best = (u64::MAX, Instant::now());
        loop {
            let mut left = 0;
            if let Some((announced, num_events)) = awaited.events {
                let num_seen = num_between(announced, &self.announced()?);
                left += num_events.saturating_sub(num_seen);
            }
            if let Some(ends) = awaited.read {
                left += self.topics.lag(ends)?;
            }
            let now = Instant::now();
            if left < best.0 {
                best = (left, now);
            }
            let is_stalled = left > 0 && best.1.elapsed() > STALLED_AFTER;
            if is_stalled {
                tracing::error!(left, "the service has not moved for a minute");
            }
            if left == 0 || is_stalled {
                return Ok(Done { at: now, is_stalled });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until the service has read everything sent so far.
    fn await_lag(&self) -> anyhow::Result<Done> {
        let mut consumed = self.consumed().to_vec();
        consumed.push(&self.options.topics.character_status);
        let ends = self.topics.ends(&consumed)?;
        self.await_all(&Awaited { events: None, read: Some(&ends) })
    }

    /// How far the events reach.
    fn announced(&self) -> Result<Places, KafkaError> {
        self.topics.ends(&[&self.options.topics.pet_status])
    }

    /// Enters everything announced from these places on into the books, until dropped.
    fn read_from(&self, places: &Places) -> Result<Reader, KafkaError> {
        let books = Arc::clone(&self.books);
        Reader::start_at(&self.options, self.tenant, places, move |id, event| {
            books.lock().announce(id, &event);
        })
    }

    fn await_books(&self) {
        let mut best = (u64::MAX, Instant::now());
        loop {
            let left = self.books.lock().num_open();
            if left < best.0 {
                best = (left, Instant::now());
            }
            if left == 0 || best.1.elapsed() > STALLED_AFTER {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
