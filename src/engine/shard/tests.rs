//! A shard whose outside is made up.

#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use bytes::Bytes;
use rustc_hash::FxHashSet;
use sea_orm::{ConnectionTrait as _, Database};
use uuid::Uuid;

use super::restore::RESTORE_PAGE;
use super::*;
use crate::domain::character::{Character, Name, Profile, Session, Status, StatusChange};
use crate::domain::pet::Pet;
use crate::domain::{CharacterId, CharacterKey, Input, PetId, TenantId};
use crate::engine::character::CharacterActor;
use crate::engine::outbox::kafka::Ticket;
use crate::engine::outbox::row::Entry;
use crate::engine::port::{Ack, Message, PartitionState, Pause, PublishError};
use crate::engine::record::{Batch, Cause, Partition, Payload, Progress, Record, Target};
use crate::engine::supervisor::Deliver;
use crate::engine::supervisor::activation::arbiter_of;
use crate::store::testing::new_store;
use crate::store::work::{CharacterRow, PetRow, Work};
use crate::telemetry::mailbox::Envelope;

const SHARD: &str = "s";
const LEASE: Duration = Duration::from_secs(10);
/// Longer than a round takes.
const PAUSE: Duration = Duration::from_millis(500);

/// A reader that hands over one record when it is started, and, when `is_late`, another one
/// after it was told to stop.
struct Source {
    is_late: bool,
}

struct LateReading(Option<Delivery>);

/// Takes everything.
struct Nowhere;

/// Keeps a thread of the characters busy.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Doze(Duration);

impl actix::Handler<Doze> for CharacterActor {
    type Result = ();

    fn handle(&mut self, Doze(how_long): Doze, _: &mut actix::Context<Self>) {
        std::thread::sleep(how_long);
    }
}

/// Records of one partition, from this offset on.
fn batch(offset: i64, payloads: impl IntoIterator<Item = Payload>) -> Batch {
    let source = Arc::new(Partition { topic: "commands".into(), partition: 0 });
    let record = |(offset, payload)| Record {
        source: Arc::clone(&source),
        offset,
        at: chrono::DateTime::UNIX_EPOCH,
        cause: Arc::new(Cause::none()),
        original: Bytes::new(),
        payload,
    };
    let records: Vec<Record> = (offset..).zip(payloads).map(record).collect();
    let next_offset = records.last().map_or(offset, |last| last.offset + 1);
    let credits = records.len();
    Batch { records, progress: vec![Progress { source, next_offset }], credits, ..Batch::default() }
}

fn hand_over(delivery: &Delivery, offset: i64) {
    let dead = Payload::Dead { reason: "malformed".into(), detail: String::new() };
    let batch = batch(offset, [dead]);
    delivery.credits.take(batch.credits);
    let envelope = Envelope::seal(Kind::Supervisor);
    delivery.supervisor.do_send(Deliver { batch, envelope });
}

impl Records for Source {
    fn read(&self, delivery: Delivery) -> Result<Box<dyn Reading>, TopicError> {
        hand_over(&delivery, 0);
        Ok(Box::new(LateReading(self.is_late.then_some(delivery))))
    }
}

impl Reading for LateReading {
    fn partitions(&self) -> Vec<PartitionState> {
        Vec::new()
    }

    fn hold(&self, _: bool) {}

    fn is_held(&self) -> bool {
        false
    }

    fn pause(&self) -> Option<Pause> {
        None
    }

    fn stop(&self) {}

    fn leave(self: Box<Self>) {
        if let Some(delivery) = &self.0 {
            hand_over(delivery, 1);
            std::thread::sleep(PAUSE);
        }
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn is_alive(&self) -> bool {
        true
    }

    fn last_error(&self) -> Option<String> {
        None
    }
}

impl StatusTopic for Nowhere {
    fn name(&self) -> &'static str {
        "status"
    }

    fn send(
        &self,
        _: &Entry<'_>,
        _: chrono::DateTime<chrono::Utc>,
        ticket: &Arc<Ticket>,
    ) -> Result<(), TopicError> {
        ticket.acknowledge();
        Ok(())
    }

    fn release(&self) {}

    fn replace(&self) -> Result<(), TopicError> {
        Ok(())
    }

    fn standing(
        &self,
        _: chrono::DateTime<chrono::Utc>,
        _: &FxHashSet<Uuid>,
    ) -> Result<FxHashSet<Uuid>, TopicError> {
        Ok(FxHashSet::default())
    }
}

#[async_trait]
impl EventLog for Nowhere {
    async fn publish(&self, _: &Message) -> Result<Ack, PublishError> {
        Ok(Ack { duplicate: false, sequence: 1 })
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn connected(&self) {}
}

fn settings() -> Settings {
    Settings {
        shard: SHARD.into(),
        lease: LEASE,
        num_arbiters: 1,
        max_round: 100,
        max_requests: 10,
        max_in_flight: 1_000,
        idle_passivation: Duration::from_secs(60),
        event_retention: Duration::ZERO,
        // So that a dead letter is an event as well.
        has_dead_letter_topic: true,
        outbox: Policy {
            max_attempts: 3,
            backoff: Duration::from_millis(1),
            max_in_flight: 10,
            max_rows: 100,
        },
    }
}

async fn start(store: &Store, source: Source, settings: Settings) -> Shard {
    let asked = Instant::now();
    let lease = store.acquire(SHARD, "test", LEASE).await.unwrap().unwrap();
    let parts = Parts {
        store: store.clone(),
        runtime: Runtime::current(),
        records: Arc::new(source),
        topic: Arc::new(Nowhere),
        log: Arc::new(Nowhere),
        catalog: Arc::new(ArcSwap::from_pointee(Catalog::builtin())),
        rules: Rules::default(),
        settings,
        tracer: Tracer::off(),
    };
    Shard::start(parts, lease, asked).await.unwrap()
}

/// The next offset in SQL and the rows that wait for Kafka, after a shard was started, drained
/// and given back.
async fn left_behind(is_late: bool) -> (i64, u64) {
    let directory = tempfile::tempdir().unwrap();
    let store = new_store(&directory).await;
    let shard = start(&store, Source { is_late }, settings()).await;
    shard.drain(Instant::now() + Duration::from_secs(20)).await;
    let sources = store.sources(SHARD).await.unwrap();
    let backlog = store.backlog(SHARD, Sink::Kafka).await.unwrap();
    (sources.first().map_or(0, |source| source.next_offset), backlog.num_rows)
}

fn key(number: u32) -> CharacterKey {
    CharacterKey { tenant: TenantId(Uuid::from_u128(1)), character: CharacterId(number) }
}

fn online(number: u32) -> CharacterRow {
    let key = key(number);
    let now = chrono::DateTime::UNIX_EPOCH;
    let session =
        Session { id: Uuid::from_u128(2), whereabouts: None, since: now, next_hunger: now };
    let character = Character {
        uuid: key.derived_uuid(),
        user: Uuid::nil(),
        name: Name::provisional(number),
        session: Some(session),
        place: None,
        event_seq: 0,
        version: 1,
        profile: Profile::unset(now),
    };
    CharacterRow { key, character }
}

/// What a process before this one has committed.
async fn leave_behind(store: &Store, work: Work) {
    let Lease { epoch, round } = store.acquire(SHARD, "before", LEASE).await.unwrap().unwrap();
    let fence = Fence { shard: SHARD.into(), epoch, lease: LEASE };
    store.commit(&fence, round + 1, Arc::new(work)).await.unwrap();
    store.release(&fence).await.unwrap();
}

#[actix_rt::test]
async fn a_drain_finishes_what_was_accepted() {
    assert_eq!(left_behind(false).await, (1, 0));
}

#[actix_rt::test]
async fn a_batch_that_comes_after_the_last_commit_of_a_drain_is_never_begun() {
    assert_eq!(left_behind(true).await, (1, 0));
}

#[actix_rt::test]
async fn everybody_who_was_online_is_there_again_however_many_pages_that_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = new_store(&directory).await;
    let rows: Vec<_> = (0..u32::try_from(2 * RESTORE_PAGE + 1).unwrap()).map(online).collect();
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    leave_behind(&store, Work { characters: rows, ..Work::default() }).await;

    let shard = start(&store, Source { is_late: false }, settings()).await;
    let registry = &shard.handle.registry;
    assert_eq!(registry.len(), keys.len());
    assert!(keys.iter().all(|key| registry.contains(*key)));
    shard.drain(Instant::now() + Duration::from_secs(20)).await;
}

fn status(key: CharacterKey, change: StatusChange) -> Payload {
    let (transaction, at) = (Uuid::nil(), chrono::Utc::now());
    let input = Input::Status(Status { transaction, world: 0, at, change });
    Payload::Input { target: Target::Owner(key), input }
}

fn login(key: CharacterKey) -> Payload {
    status(key, StatusChange::Login { channel: 0, map: 1, instance: Uuid::nil() })
}

/// Hands a batch over and waits until it is committed.
async fn commit(shard: &Shard, offset: i64, payloads: Vec<Payload>) {
    let batch = batch(offset, payloads);
    let next_offset = batch.progress[0].next_offset;
    shard.credits.take(batch.credits);
    let envelope = Envelope::seal(Kind::Supervisor);
    shard.handle.supervisor.do_send(Deliver { batch, envelope });
    let deadline = Instant::now() + Duration::from_secs(20);
    while shard.store.sources(SHARD).await.unwrap().first().map(|source| source.next_offset)
        != Some(next_offset)
    {
        assert!(Instant::now() < deadline, "nothing is committed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[actix_rt::test]
async fn what_a_later_round_says_of_a_character_stands_though_it_is_stepped_first() {
    let directory = tempfile::tempdir().unwrap();
    let store = new_store(&directory).await;
    // The second round is for one character of the first alone, and the other one's thread is
    // busy.
    let settings = Settings { num_arbiters: 2, max_round: 2, ..settings() };
    let shard = start(&store, Source { is_late: false }, settings).await;
    let quick = key(1);
    let slow = (2..).map(key).find(|slow| arbiter_of(*slow, 2) != arbiter_of(quick, 2)).unwrap();
    commit(&shard, 1, vec![login(quick), login(slow)]).await;
    let registry = Arc::clone(&shard.handle.registry);
    let addr = registry.update(slow, |entry| entry.addr.clone()).unwrap();
    addr.do_send(Doze(PAUSE));
    let logout = |key| status(key, StatusChange::Logout);
    commit(&shard, 3, vec![logout(quick), logout(slow), login(quick)]).await;
    assert_eq!(registry.update(quick, |entry| entry.census.is_online), Some(true));
    shard.drain(Instant::now() + Duration::from_secs(20)).await;
}

#[actix_rt::test]
async fn a_clock_whose_work_is_given_up_is_let_be_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let store = new_store(&directory).await;
    let row = online(1);
    let key = row.key;
    let mut pet = Pet::new(PetId(1), 5_000_017);
    pet.slot = 0;
    let pets = vec![PetRow { tenant: key.tenant, owner: key.character, pet }];
    leave_behind(&store, Work { characters: vec![row], pets, ..Work::default() }).await;
    let url = format!("sqlite:{}", directory.path().join("zoo.db").display());
    let stranger = Database::connect(url).await.unwrap();
    let refusal = "create trigger refusal before update on pets \
                   begin select raise(abort, 'nobody gets hungry'); end";
    stranger.execute_unprepared(refusal).await.unwrap();

    // Its hunger is due: it is refused among others, then alone, and is then due again.
    let shard = start(&store, Source { is_late: false }, settings()).await;
    let mut num_looks = 0;
    let mut num_processed = async || match shard.handle.inspect(key).await {
        Some((inspected, _)) => {
            // Each look counts in what the next one sees.
            num_looks += 1;
            inspected.reading.processed.saturating_sub(num_looks - 1)
        }
        None => 0,
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    // Each time its work, and to leave memory.
    while num_processed().await < 4 {
        assert!(Instant::now() < deadline, "no clock comes by twice");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // What is on its way comes yet; a clock that is not let be comes hundreds of times a second.
    loop {
        let num_before = num_processed().await;
        tokio::time::sleep(2 * PAUSE).await;
        if num_before > 0 && num_processed().await == num_before {
            break;
        }
        assert!(Instant::now() < deadline, "it is not let be");
    }
    shard.drain(Instant::now() + Duration::from_secs(20)).await;
}

/// A shard that is held, and the end of the hold.
async fn held(store: &Store, lease: Duration) -> (Fence, Arc<Hold>) {
    let asked = Instant::now();
    let Lease { epoch, .. } = store.acquire(SHARD, "test", lease).await.unwrap().unwrap();
    (Fence { shard: SHARD.into(), epoch, lease }, Arc::new(Hold::new(lease, asked)))
}

#[actix_rt::test]
async fn a_lease_is_kept_while_something_takes_longer_than_it() {
    const LEASE: Duration = Duration::from_secs(2);
    let directory = tempfile::tempdir().unwrap();
    let store = new_store(&directory).await;
    let (fence, hold) = held(&store, LEASE).await;
    let long = async {
        tokio::time::sleep(LEASE + PAUSE).await;
        Ok(7)
    };
    let done = holding(&store, &Runtime::current(), &fence, &hold, long).await;
    assert_eq!(done.unwrap(), 7);
    assert!(hold.is_sure());
}

#[actix_rt::test]
async fn a_shard_that_another_process_took_meanwhile_is_not_begun_with() {
    let directory = tempfile::tempdir().unwrap();
    let store = new_store(&directory).await;
    let (fence, hold) = held(&store, PAUSE).await;
    held(&store, PAUSE).await;
    let never = std::future::pending::<Result<(), StartError>>();
    let done = holding(&store, &Runtime::current(), &fence, &hold, never).await;
    assert!(matches!(done, Err(StartError::Fenced)), "{done:?}");
}
