//! A stream for one test, events to put on it, and ears.

use std::future::{Future, IntoFuture};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer, stream};
use chrono::Utc;
use futures::StreamExt;
use menagerie::client::{Delivery, Error, Options, Stop, Subscriber, Summary};
use menagerie::domain::character::event::{Body, Event};
use menagerie::domain::{Tenant, TenantId};
use menagerie::wire::TraceParent;
use menagerie::wire::nats::{event, headers};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Longest wait for something that should happen soon.
pub const SOON: Duration = Duration::from_secs(20);

pub const TENANT: Uuid = Uuid::from_u128(0x7e);
pub const USER: Uuid = Uuid::from_u128(0x05e4);

pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it should have happened by now")
}

pub struct World {
    pub url: String,
    pub admin: jetstream::Context,
    /// Also what stands before the subjects that it takes.
    pub stream: String,
}

impl World {
    /// `None` when the services are switched off on purpose.
    pub async fn start() -> Option<Self> {
        let Ok(url) = std::env::var("MENAGERIE_TEST_NATS") else {
            let is_off = std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off");
            assert!(
                is_off,
                "MENAGERIE_TEST_NATS is not set: give the URL of a nats-server with JetStream, \
                 or MENAGERIE_TEST_SERVICES=off to do without"
            );
            return None;
        };
        let admin = jetstream::new(async_nats::connect(&url).await.unwrap());
        let stream = format!("CLIENT_{}", Uuid::new_v4().simple());
        let config = stream::Config {
            name: stream.clone(),
            subjects: vec![format!("{stream}.>")],
            subject_transform: Some(stream::SubjectTransform {
                source: format!("{stream}.>"),
                destination: ">".to_owned(),
            }),
            max_age: Duration::from_secs(600),
            ..Default::default()
        };
        admin.create_stream(config).await.unwrap();
        Some(Self { url, admin, stream })
    }

    pub async fn subscriber(&self) -> Subscriber {
        self.subscriber_at(&self.url).await
    }

    pub async fn subscriber_at(&self, url: &str) -> Subscriber {
        let options = Options { stream: self.stream.clone(), ..Options::default() };
        Subscriber::connect(url, options).await.unwrap()
    }

    /// Publishes as the engine does; returns the sequence in the stream.
    pub async fn publish(&self, event_id: Uuid, event: &Event) -> u64 {
        let tenant = Tenant { id: TenantId(TENANT), region: "GMS".into(), major: 83, minor: 1 };
        let trace = TraceParent { trace_id: [0xab; 16], span_id: [0xcd; 8], flags: 1 };
        let mut map = HeaderMap::new();
        for (name, value) in headers::of(event_id, event.seq, &tenant, Some(trace)) {
            map.insert(name, value);
        }
        let payload = event::encode(event_id, event);
        self.publish_raw(event::subject(event), map, payload).await
    }

    pub async fn publish_raw(&self, subject: &str, headers: HeaderMap, payload: Vec<u8>) -> u64 {
        let subject = format!("{}.{subject}", self.stream);
        let ack = self.admin.publish_with_headers(subject, headers, payload.into()).await.unwrap();
        soon(ack.into_future()).await.unwrap().sequence
    }

    /// Publishes level-ups of one character, to the levels given.
    pub async fn level_ups(&self, character: u128, levels: impl IntoIterator<Item = u16>) {
        for level in levels {
            self.publish(Uuid::new_v4(), &level_up(character, level)).await;
        }
    }

    /// The name of the stream's only consumer, once it is there.
    pub async fn consumer(&self) -> String {
        let stream = self.admin.get_stream(&self.stream).await.unwrap();
        soon(async {
            loop {
                if let Some(name) = stream.consumer_names().next().await {
                    return name.unwrap();
                }
            }
        })
        .await
    }

    /// Waits until the stream has that many consumers.
    pub async fn consumers(&self, count: usize) {
        let mut stream = self.admin.get_stream(&self.stream).await.unwrap();
        soon(async { while stream.info().await.unwrap().state.consumer_count < count {} }).await;
    }

    /// Waits until the server says so of a consumer.
    pub async fn until(&self, consumer: &str, is_so: impl Fn(&consumer::Info) -> bool) {
        let stream = self.admin.get_stream(&self.stream).await.unwrap();
        while !is_so(&stream.consumer_info(consumer).await.unwrap()) {}
    }

    pub async fn end(self) {
        self.admin.delete_stream(&self.stream).await.unwrap();
    }
}

pub fn event(character: u128, body: Body) -> Event {
    Event { character: Uuid::from_u128(character), user: USER, at: Utc::now(), seq: 1, body }
}

pub fn level_up(character: u128, level: u16) -> Event {
    let body = Body::LevelUp {
        name: "PlayerName".into(),
        previous: level - 1,
        new: level,
        experience: 150_000,
        stat_points: 5,
        skill_points: 2,
    };
    Event { seq: u64::from(level), ..event(character, body) }
}

pub fn deleted(character: u128) -> Event {
    event(character, Body::Deleted { name: "N".into(), reason: "retention".into(), soft: false })
}

/// A subscription under way, and what its handler passed on.
pub struct Listener<T> {
    pub stop: Stop,
    pub task: JoinHandle<Result<Summary, Error>>,
    heard: mpsc::UnboundedReceiver<T>,
}

impl<T> Listener<T> {
    /// `start` gets the sender for what is heard and a stop handle, and returns the run.
    pub fn spawn<F>(start: impl FnOnce(mpsc::UnboundedSender<T>, &Stop) -> F) -> Self
    where
        F: Future<Output = Result<Summary, Error>> + Send + 'static,
    {
        let (sender, heard) = mpsc::unbounded_channel();
        let stop = Stop::new();
        let task = tokio::spawn(start(sender, &stop));
        Self { stop, task, heard }
    }

    pub async fn next(&mut self) -> T {
        soon(self.heard.recv()).await.expect("the subscription has ended")
    }

    pub async fn take(&mut self, count: usize) -> Vec<T> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.push(self.next().await);
        }
        heard
    }

    /// Ends as a crash of its process would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Stops; returns what was heard since and the summary.
    pub async fn end(mut self) -> (Vec<T>, Summary) {
        self.stop.stop();
        let summary = soon(self.task).await.unwrap().unwrap();
        let mut rest = Vec::new();
        while let Ok(heard) = self.heard.try_recv() {
            rest.push(heard);
        }
        (rest, summary)
    }
}

/// The level a level-up leads to; 0 for any other event.
pub fn level(event: &Delivery) -> u16 {
    match &event.body {
        menagerie::client::Body::LevelUp(up) => up.new_level,
        _ => 0,
    }
}

/// Counts calls.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number of this call, from 1.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}
