//! The NATS adapter against a real server: `MENAGERIE_TEST_NATS=nats://127.0.0.1:4222`, with
//! JetStream. The tests own the streams of that server and run one after the other.

#![allow(clippy::unwrap_used)]

#[path = "support/proxy.rs"]
mod proxy;

use std::future::Future;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures::StreamExt;
use menagerie::edge::nats::{Auth, Nats, NatsError, NatsOptions, StreamState};
use menagerie::engine::port::{Ack, EventLog, Message, PublishError};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use self::proxy::Proxy;

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Longest wait for something that should happen soon.
const SOON: Duration = Duration::from_secs(20);

const EVENTS: &str = "CHARACTER_EVENTS";
const DEAD_LETTERS: &str = "CHARACTER_EVENTS_DLQ";

/// A server without our streams, for one test.
struct Server {
    url: String,
    admin: jetstream::Context,
    _turn: MutexGuard<'static, ()>,
}

impl Server {
    /// `None` when the services are switched off on purpose.
    async fn start() -> Option<Self> {
        let Ok(url) = std::env::var("MENAGERIE_TEST_NATS") else {
            let is_off = std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off");
            assert!(
                is_off,
                "MENAGERIE_TEST_NATS is not set: give the URL of a nats-server with JetStream, \
                 or MENAGERIE_TEST_SERVICES=off to do without"
            );
            return None;
        };
        let turn = ONE_AT_A_TIME.lock().await;
        let admin = jetstream::new(async_nats::connect(&url).await.unwrap());
        for name in [EVENTS, DEAD_LETTERS, "ELSEWHERE"] {
            let _ = admin.delete_stream(name).await;
        }
        Some(Self { url, admin, _turn: turn })
    }

    fn options(&self) -> NatsOptions {
        NatsOptions { urls: vec![self.url.clone()], ..NatsOptions::default() }
    }

    async fn connect(&self) -> Nats {
        Nats::connect(self.options()).await.unwrap()
    }

    /// With both streams.
    async fn ready(&self) -> Nats {
        let nats = self.connect().await;
        assert!(nats.ensure_streams().await.unwrap().is_as_wanted());
        nats
    }

    /// With both streams, through a proxy.
    async fn proxied(&self, ack_timeout: Duration) -> (Nats, Proxy) {
        drop(self.ready().await);
        let upstream = self.url.trim_start_matches("nats://").to_owned();
        let proxy = Proxy::start(upstream).await;
        let urls = vec![format!("nats://{}", proxy.addr())];
        let nats = Nats::connect(NatsOptions { urls, ack_timeout, ..self.options() }).await;
        (nats.unwrap(), proxy)
    }

    async fn config(&self, name: &str) -> stream::Config {
        self.admin.get_stream(name).await.unwrap().cached_info().config.clone()
    }

    async fn num_messages(&self, name: &str) -> u64 {
        self.admin.get_stream(name).await.unwrap().cached_info().state.messages
    }

    /// How often the message with this id is stored. The client of a test before may still send
    /// what it had taken, so the number of all is not for those who wait for nothing else.
    async fn num_copies(&self, id: u128) -> usize {
        let count = usize::try_from(self.num_messages(EVENTS).await).unwrap();
        let payload = message(id, "").payload;
        let stored = self.read(EVENTS, ">", count).await;
        stored.iter().filter(|stored| stored.payload == payload).count()
    }

    /// The next `count` messages of a stream under a filter.
    async fn read(&self, name: &str, filter: &str, count: usize) -> Vec<jetstream::Message> {
        let stream = self.admin.get_stream(name).await.unwrap();
        let config = consumer::pull::OrderedConfig {
            filter_subject: filter.to_owned(),
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let messages = consumer.messages().await.unwrap().take(count).map(Result::unwrap);
        soon(messages.collect()).await
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it should have happened by now")
}

fn message(id: u128, subject: &str) -> Message {
    Message {
        subject: subject.to_owned(),
        id: Uuid::from_u128(id),
        headers: vec![("REGION", "GMS".to_owned())],
        payload: Bytes::from(format!("{{\"n\":{id}}}")),
    }
}

/// Publishes until it is stored, as the outbox does: a lost connection is waited for.
async fn publish_until_stored(nats: &Nats, message: &Message) -> Ack {
    loop {
        match nats.publish(message).await {
            Ok(ack) => return ack,
            Err(PublishError::Disconnected(_)) => nats.connected().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn missing_streams_are_created_with_the_settings_of_the_specification() {
    let Some(server) = Server::start().await else { return };
    let nats = server.connect().await;
    let report = nats.ensure_streams().await.unwrap();
    assert_eq!(report.events.state, StreamState::Created);
    assert_eq!(report.dead_letters.state, StreamState::Created);

    let day = Duration::from_secs(86_400);
    let events = server.config(EVENTS).await;
    assert_eq!(
        events.subjects,
        ["character.*", "character.position.*", "character.stats.*", "character.appearance.*"]
    );
    assert_eq!(events.max_age, 30 * day);
    assert_eq!(events.max_bytes, 10 << 30);
    assert_eq!(events.max_messages, 1_000_000);
    assert_eq!(events.storage, stream::StorageType::File);
    assert_eq!(events.retention, stream::RetentionPolicy::Limits);
    assert_eq!(events.discard, stream::DiscardPolicy::Old);
    assert_eq!(events.duplicate_window, Duration::from_secs(120));
    let dead_letters = server.config(DEAD_LETTERS).await;
    assert_eq!(dead_letters.subjects, ["character.dlq.>"]);
    assert_eq!(dead_letters.max_age, 90 * day);
    assert_eq!(dead_letters.max_bytes, 1 << 30);
    assert_eq!(dead_letters.max_messages, 100_000);

    let again = nats.ensure_streams().await.unwrap();
    assert_eq!(again.events.state, StreamState::AsWanted);
    assert_eq!(again.dead_letters.state, StreamState::AsWanted);
}

#[tokio::test]
async fn inspecting_changes_nothing() {
    let Some(server) = Server::start().await else { return };
    let report = server.connect().await.inspect().await.unwrap();
    assert_eq!(report.events.state, StreamState::Missing);
    assert_eq!(report.dead_letters.state, StreamState::Missing);
    assert!(server.admin.get_stream(EVENTS).await.is_err());
}

async fn other_events(server: &Server) -> stream::Config {
    let config = stream::Config {
        name: EVENTS.to_owned(),
        description: Some("somebody else's".to_owned()),
        subjects: vec!["character.>".to_owned()],
        max_age: Duration::from_secs(3_600),
        allow_direct: true,
        ..Default::default()
    };
    server.admin.create_stream(config).await.unwrap();
    server.config(EVENTS).await
}

#[tokio::test]
async fn a_stream_with_other_settings_is_reported_and_left_alone() {
    let Some(server) = Server::start().await else { return };
    let before = other_events(&server).await;
    let report = server.connect().await.ensure_streams().await.unwrap();
    let StreamState::Differs(differences) = &report.events.state else { panic!("{report:?}") };
    let fields: Vec<_> = differences.iter().map(|difference| difference.field).collect();
    assert_eq!(fields, ["subjects", "max_age", "max_bytes", "max_msgs"]);
    assert_eq!((&*differences[1].ours, &*differences[1].theirs), ("30d", "1h"));
    assert_eq!(server.config(EVENTS).await, before);
    // Its subjects take the dead letters' too, so there is no room for their stream.
    let StreamState::NotCreated(reason) = &report.dead_letters.state else { panic!("{report:?}") };
    assert!(reason.contains("10065"), "{reason}");
}

#[tokio::test]
async fn a_stream_with_other_settings_is_updated_when_allowed() {
    let Some(server) = Server::start().await else { return };
    other_events(&server).await;
    let options = NatsOptions { update_streams: true, ..server.options() };
    let nats = Nats::connect(options).await.unwrap();
    let report = nats.ensure_streams().await.unwrap();
    assert!(matches!(&report.events.state, StreamState::Updated(list) if list.len() == 4));
    assert_eq!(report.dead_letters.state, StreamState::Created);
    let after = server.config(EVENTS).await;
    assert_eq!(after.max_messages, 1_000_000);
    assert_eq!(after.description.as_deref(), Some("somebody else's"));
    assert!(after.allow_direct);
    assert!(nats.inspect().await.unwrap().is_as_wanted());
}

#[tokio::test]
async fn a_setting_that_cannot_be_changed_is_reported_with_the_servers_reason() {
    let Some(server) = Server::start().await else { return };
    let config = stream::Config {
        name: EVENTS.to_owned(),
        storage: stream::StorageType::Memory,
        ..Default::default()
    };
    server.admin.create_stream(config).await.unwrap();
    let options = NatsOptions { update_streams: true, ..server.options() };
    let report = Nats::connect(options).await.unwrap().ensure_streams().await.unwrap();
    let StreamState::NotUpdated { reason, .. } = report.events.state else { panic!("{report:?}") };
    assert!(reason.contains("storage"), "{reason}");
}

#[tokio::test]
async fn an_event_stream_without_room_is_an_error() {
    let Some(server) = Server::start().await else { return };
    let config = stream::Config {
        name: "ELSEWHERE".to_owned(),
        subjects: vec!["character.*".to_owned()],
        ..Default::default()
    };
    server.admin.create_stream(config).await.unwrap();
    let error = server.connect().await.ensure_streams().await.unwrap_err();
    assert!(matches!(&error, NatsError::Stream { stream, .. } if stream == EVENTS), "{error}");
    server.admin.delete_stream("ELSEWHERE").await.unwrap();
}

#[tokio::test]
async fn every_subject_of_the_specification_is_read_in_order_under_one_filter() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    let subjects = [
        "character.created",
        "character.deleted",
        "character.restored",
        "character.selected",
        "character.online",
        "character.offline",
        "character.position.updated",
        "character.stats.updated",
        "character.appearance.updated",
        "character.levelup",
    ];
    for (id, subject) in (1..).zip(subjects) {
        nats.publish(&message(id, subject)).await.unwrap();
    }
    let read = server.read(EVENTS, "character.>", subjects.len()).await;
    let read_subjects: Vec<_> = read.iter().map(|message| message.subject.as_str()).collect();
    assert_eq!(read_subjects, subjects);
    let headers = read[0].headers.as_ref().unwrap();
    assert_eq!(headers.get("Nats-Msg-Id").unwrap().as_str(), Uuid::from_u128(1).to_string());
    assert_eq!(headers.get("REGION").unwrap().as_str(), "GMS");
    assert_eq!(read[0].payload, "{\"n\":1}");
}

#[tokio::test]
async fn a_dead_letter_lands_in_its_own_stream() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    nats.publish(&message(1, "character.dlq.character.position.updated")).await.unwrap();
    assert_eq!(server.num_messages(DEAD_LETTERS).await, 1);
    assert_eq!(server.num_messages(EVENTS).await, 0);
}

#[tokio::test]
async fn a_repeated_id_is_stored_once_and_told_as_a_duplicate() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    let first = nats.publish(&message(7, "character.online")).await.unwrap();
    let second = nats.publish(&message(7, "character.online")).await.unwrap();
    assert_eq!(first, Ack { duplicate: false, sequence: 1 });
    assert_eq!(second, Ack { duplicate: true, sequence: 1 });
    assert_eq!(server.num_messages(EVENTS).await, 1);
}

#[tokio::test]
async fn what_is_published_together_is_stored_in_the_order_of_the_first_polls() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    // More than the client's queue holds, and more than a task may do before it has to yield.
    let messages: Vec<_> = (1..=5_000).map(|id| message(id, "character.online")).collect();
    let mut publishes: Vec<_> = messages.iter().map(|next| nats.publish(next)).collect();
    for publish in &mut publishes {
        assert!(futures::poll!(publish).is_pending());
    }
    // The order of later polls must not matter.
    publishes.reverse();
    let acks = soon(futures::future::join_all(publishes)).await;
    for (expected, ack) in (1..).zip(acks.into_iter().rev()) {
        assert_eq!(ack.unwrap().sequence, expected);
    }
}

#[tokio::test]
async fn a_message_that_the_stream_refuses_is_refused() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    let small = stream::Config { max_message_size: 10, ..server.config(EVENTS).await };
    server.admin.update_stream(small).await.unwrap();
    let error = nats.publish(&message(1, "character.online")).await.unwrap_err();
    let PublishError::Refused(reason) = &error else { panic!("{error}") };
    assert!(reason.contains("10054"), "{reason}");
    assert!(error.is_attempt());
}

#[tokio::test]
async fn without_a_stream_a_message_is_refused() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    server.admin.delete_stream(EVENTS).await.unwrap();
    let error = nats.publish(&message(1, "character.online")).await.unwrap_err();
    assert!(matches!(error, PublishError::Refused(_)), "{error}");
}

#[tokio::test]
async fn what_the_client_cannot_send_is_refused() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    let good = message(1, "character.online");
    let large = Message { payload: Bytes::from(vec![b'x'; 2 << 20]), ..good.clone() };
    let spaced = Message { subject: "character.on line".to_owned(), ..good.clone() };
    let broken =
        Message { headers: vec![("REGION", "a\r\nInjected: b".to_owned())], ..good.clone() };
    for unfit in [large, spaced, broken] {
        let error = nats.publish(&unfit).await.unwrap_err();
        assert!(matches!(error, PublishError::Refused(_)), "{error}");
    }
    assert!(nats.publish(&good).await.is_ok());
}

#[tokio::test]
async fn a_stream_that_never_acknowledges_is_an_attempt() {
    let Some(server) = Server::start().await else { return };
    let nats =
        Nats::connect(NatsOptions { ack_timeout: Duration::from_secs(1), ..server.options() })
            .await
            .unwrap();
    nats.ensure_streams().await.unwrap();
    let mute = stream::Config { no_ack: true, ..server.config(EVENTS).await };
    server.admin.update_stream(mute).await.unwrap();
    let result = nats.publish(&message(1, "character.online")).await;
    assert_eq!(result, Err(PublishError::AckTimeout));
}

#[tokio::test]
async fn a_cut_connection_is_no_attempt_and_heals_by_itself() {
    let Some(server) = Server::start().await else { return };
    let (nats, proxy) = server.proxied(Duration::from_secs(5)).await;
    nats.publish(&message(1, "character.online")).await.unwrap();
    proxy.cut();
    let error = soon(async {
        loop {
            if let Err(error) = nats.publish(&message(2, "character.online")).await {
                break error;
            }
        }
    })
    .await;
    assert!(matches!(error, PublishError::Disconnected(_)), "{error}");
    assert!(!error.is_attempt());
    proxy.resume();
    soon(nats.connected()).await;
    soon(publish_until_stored(&nats, &message(3, "character.online"))).await;
}

#[tokio::test]
async fn whoever_waits_for_an_ack_is_told_at_once_when_the_connection_is_cut() {
    let Some(server) = Server::start().await else { return };
    let (nats, proxy) = server.proxied(Duration::from_secs(3_600)).await;
    nats.publish(&message(1, "character.online")).await.unwrap();
    // Nothing is answered before the cut.
    proxy.blackhole();
    let waiting = message(2, "character.online");
    let mut publish = nats.publish(&waiting);
    assert!(futures::poll!(&mut publish).is_pending());
    proxy.cut();
    let error = soon(publish).await.unwrap_err();
    assert!(matches!(error, PublishError::Disconnected(_)), "{error}");
    proxy.resume();
    soon(publish_until_stored(&nats, &waiting)).await;
    assert_eq!(server.num_messages(EVENTS).await, 2);
}

#[tokio::test]
async fn while_disconnected_a_publish_is_turned_down_without_waiting() {
    let Some(server) = Server::start().await else { return };
    let (nats, proxy) = server.proxied(Duration::from_secs(3_600)).await;
    proxy.cut();
    soon(async {
        while nats.is_connected() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = soon(nats.publish(&message(1, "character.online"))).await.unwrap_err();
    assert!(matches!(error, PublishError::Disconnected(_)), "{error}");
    proxy.resume();
    soon(nats.connected()).await;
    assert_eq!(server.num_messages(EVENTS).await, 0, "nothing was left in the client's queue");
}

#[tokio::test]
async fn a_link_on_which_nothing_is_heard_is_no_attempt_and_holds_nobody_beyond_the_timeout() {
    let Some(server) = Server::start().await else { return };
    let ack_timeout = Duration::from_secs(1);
    let (nats, proxy) = server.proxied(ack_timeout).await;
    nats.publish(&message(1, "character.online")).await.unwrap();
    proxy.blackhole();
    let lost = message(2, "character.online");
    let start = Instant::now();
    let error = nats.publish(&lost).await.unwrap_err();
    assert!(start.elapsed() < 2 * ack_timeout, "{:?}", start.elapsed());
    assert!(matches!(error, PublishError::Disconnected(_)), "{error}");
    proxy.thaw();
    soon(publish_until_stored(&nats, &lost)).await;
    assert_eq!(server.num_copies(1).await, 1);
    assert_eq!(server.num_copies(2).await, 1);
}

#[tokio::test]
async fn whatever_a_cut_does_each_message_is_stored_once() {
    let Some(server) = Server::start().await else { return };
    let (nats, proxy) = server.proxied(Duration::from_secs(5)).await;
    let messages: Vec<_> = (1..=2_000).map(|id| message(id, "character.online")).collect();
    let publish_all = futures::stream::iter(&messages)
        .map(|message| publish_until_stored(&nats, message))
        .buffered(128)
        .collect::<Vec<_>>();
    let cut_thrice = async {
        for threshold in [200, 700, 1_200] {
            while server.num_messages(EVENTS).await < threshold {}
            proxy.cut();
            while nats.is_connected() {
                tokio::task::yield_now().await;
            }
            proxy.resume();
        }
    };
    let (acks, ()) = soon(futures::future::join(publish_all, cut_thrice)).await;
    assert_eq!(acks.len(), messages.len());
    assert_eq!(server.num_messages(EVENTS).await, 2_000);
}

#[tokio::test]
async fn after_closing_nothing_is_published() {
    let Some(server) = Server::start().await else { return };
    let nats = server.ready().await;
    nats.publish(&message(1, "character.online")).await.unwrap();
    assert!(nats.close(SOON).await);
    assert!(!nats.is_connected());
    assert!(nats.publish(&message(2, "character.online")).await.is_err());
    assert_eq!(server.num_messages(EVENTS).await, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_worth_another_try() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let options = NatsOptions {
        urls: vec![format!("nats://user:secret@{nobody}")],
        auth: Auth::None,
        ..NatsOptions::default()
    };
    let error = soon(Nats::connect(options)).await.err().unwrap();
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&nobody.to_string()), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}
