//! What a service wants to hear, and how.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::consumer::Consumers;
use super::delivery::{Delivery, Meta};
use super::error::Error;
use super::event::{Body, Event, Readable, Unreadable};
use super::ids::{EventIds, Recent};
use super::run::{Run, Summary};
use super::stop::Stop;
use super::subscriber::Options;
use super::verdict::{Backoff, IntoVerdict};

/// Where a subscription without a position begins. A durable one that exists keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next event that is stored.
    Now,
    /// With the oldest event of the stream, at most 30 days old.
    Beginning,
    /// With the first event that was stored at this time or later. That is JetStream's time, a
    /// little after the event's own `timestamp`.
    Time(DateTime<Utc>),
}

/// In which order handlers see events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the stream's order as far as concurrency and redelivery allow.
    Any,
    /// Events of one character one after the other, in the stream's order, also over handler
    /// errors: one that fails is tried again in place and the character's later ones wait.
    /// Within one process: the members of a group are handed events without regard to
    /// characters, so a group that needs order takes [`Strict`](Self::Strict).
    ByCharacter,
    /// One event at a time in the whole group, in the stream's order, also over handler errors
    /// (`max_ack_pending` 1).
    Strict,
}

/// An event that was given up.
#[derive(Debug)]
#[non_exhaustive]
pub struct Abandoned<'a> {
    pub meta: &'a Meta,
    /// The message as it was sent.
    pub payload: &'a Bytes,
    pub why: Why<'a>,
}

/// Why an event was given up.
#[derive(Debug)]
#[non_exhaustive]
pub enum Why<'a> {
    /// It is no event, or its fields are not those of its type.
    Unreadable(&'a Unreadable),
    /// The handler said [`Verdict::GiveUp`](super::Verdict::GiveUp).
    Refused(&'a str),
    /// The handler failed as often as is allowed, the last time with this.
    MaxDeliveries(&'a str),
}

pub(super) type Hook = Arc<dyn Fn(&Abandoned<'_>) + Send + Sync>;

/// What [`Subscription`] was told; the defaults stand in [`Subscription::new`].
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) stream: String,
    /// Filters of the consumer; at least one.
    pub(super) subjects: Vec<String>,
    pub(super) durable: Option<String>,
    pub(super) start: Start,
    pub(super) order: Order,
    pub(super) concurrency: usize,
    pub(super) ack_wait: Duration,
    pub(super) backoff: Backoff,
    pub(super) max_deliveries: Option<u64>,
    pub(super) filter: Filter,
    pub(super) recent: usize,
    pub(super) ids: Option<Arc<dyn EventIds>>,
    pub(super) stop: Stop,
    pub(super) on_abandoned: Option<Hook>,
}

/// Looked at in the client: subjects carry no ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    tenant: Option<Uuid>,
    user: Option<Uuid>,
    character: Option<Uuid>,
}

impl Filter {
    pub(super) fn takes<B>(&self, event: &Event<B>, meta: &Meta) -> bool {
        self.user.is_none_or(|user| user == event.user_id)
            && self.character.is_none_or(|character| character == event.character_id)
            && self.tenant.is_none_or(|id| meta.tenant.as_ref().is_some_and(|of| of.id == id))
    }
}

/// A subscription being described; [`run`](Self::run) starts it.
#[must_use = "nothing happens before `run`"]
pub struct Subscription<B = Body> {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    settings: Settings,
    body: PhantomData<fn() -> B>,
}

impl<B> fmt::Debug for Subscription<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { stream, subjects, durable, start, order, .. } = &self.settings;
        f.debug_struct("Subscription")
            .field("stream", stream)
            .field("subjects", subjects)
            .field("durable", durable)
            .field("start", start)
            .field("order", order)
            .finish_non_exhaustive()
    }
}

impl<B: Readable> Subscription<B> {
    pub(super) fn new(
        client: async_nats::Client,
        jetstream: jetstream::Context,
        options: &Options,
        subjects: Vec<String>,
    ) -> Self {
        let settings = Settings {
            stream: options.stream.clone(),
            subjects,
            durable: None,
            start: Start::Now,
            order: Order::Any,
            concurrency: 1,
            ack_wait: Duration::from_secs(30),
            backoff: Backoff::default(),
            max_deliveries: None,
            filter: Filter::default(),
            recent: 4_096,
            ids: None,
            stop: Stop::new(),
            on_abandoned: None,
        };
        Self { client, jetstream, settings, body: PhantomData }
    }

    /// Keeps the position on the server under this name: a service that comes back goes on where
    /// it was. All who run under one name are one group, see [`group`](Self::group). No dots,
    /// wildcards, white space or slashes.
    ///
    /// Without a name the position lives as long as the subscription.
    pub fn durable(mut self, name: impl Into<String>) -> Self {
        self.settings.durable = Some(name.into());
        self
    }

    /// The specification's queue group: each event goes to one member. With pull consumers that
    /// is what sharing a durable name means, so this is [`durable`](Self::durable) by another
    /// name. Faster members take more.
    pub fn group(self, name: impl Into<String>) -> Self {
        self.durable(name)
    }

    /// Default: [`Start::Now`].
    pub fn start_from(mut self, start: Start) -> Self {
        self.settings.start = start;
        self
    }

    /// Default: [`Order::Any`].
    pub fn order(mut self, order: Order) -> Self {
        self.settings.order = order;
        self
    }

    /// Handlers under way at the same time in this process, at least 1, which is the default.
    /// They share one task: a handler that computes for long should spawn.
    pub fn concurrency(mut self, num_handlers: usize) -> Self {
        self.settings.concurrency = num_handlers;
        self
    }

    /// Only one user's events. The subjects carry no ids, so every event still comes to this
    /// process, is read and is acknowledged here without a call of the handler.
    pub fn of_user(mut self, user: Uuid) -> Self {
        self.settings.filter.user = Some(user);
        self
    }

    /// Only one character's events; filtered here, as [`of_user`](Self::of_user).
    pub fn of_character(mut self, character: Uuid) -> Self {
        self.settings.filter.character = Some(character);
        self
    }

    /// Only one tenant's events; filtered here, as [`of_user`](Self::of_user). Without it every
    /// tenant's come.
    pub fn of_tenant(mut self, tenant: Uuid) -> Self {
        self.settings.filter.tenant = Some(tenant);
        self
    }

    /// Time after which the server gives an event to somebody else when nothing is heard of it;
    /// default 30 s, at least 1 s. A handler under way is made known at a third of it, so this is
    /// about processes that die, not about slow handlers.
    pub fn ack_wait(mut self, wait: Duration) -> Self {
        self.settings.ack_wait = wait;
        self
    }

    /// The wait between a handler's failure and the next delivery.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// An event that was delivered so often and still fails is given up; at least 1. By default
    /// none ever is: an outage of what the handler needs would lose events else.
    ///
    /// The server counts: an event whose handler crashes the process is given up too, and one
    /// that was handed back untried, when a subscription ended, has one delivery less.
    pub fn max_deliveries(mut self, num_deliveries: u64) -> Self {
        self.settings.max_deliveries = Some(num_deliveries);
        self
    }

    /// Told of each event that is given up, after the log was.
    pub fn on_abandoned(mut self, hook: impl Fn(&Abandoned<'_>) + Send + Sync + 'static) -> Self {
        self.settings.on_abandoned = Some(Arc::new(hook));
        self
    }

    /// Ids of handled events that are remembered in memory, default 4096: an event that comes
    /// again while its id is remembered is acknowledged without a call of the handler.
    pub fn recent_ids(mut self, num_ids: usize) -> Self {
        self.settings.recent = num_ids;
        self
    }

    /// A memory of handled events that outlives the process, asked after the one in memory.
    pub fn event_ids(mut self, ids: impl EventIds + 'static) -> Self {
        self.settings.ids = Some(Arc::new(ids));
        self
    }

    /// Ends the subscription when told to.
    pub fn stop_when(mut self, stop: &Stop) -> Self {
        self.settings.stop = stop.clone();
        self
    }

    /// Hands events to `handler` until stopped; lost connections are waited for.
    ///
    /// The handler is called again for an event when it failed, when its acknowledgement was lost
    /// and the id is no longer remembered, and when the process died under it: it has to be safe
    /// to repeat.
    ///
    /// # Errors
    /// At the start: no such stream or a setting that does not fit ([`Error::StreamMissing`],
    /// [`Error::Setting`], [`Error::ConsumerDiffers`], [`Error::JetStream`]). Later: the stream
    /// or the durable consumer was deleted, or the connection closed on this side. Handlers under
    /// way finish first.
    pub async fn run<H, F>(self, handler: H) -> Result<Summary, Error>
    where
        H: Fn(Delivery<B>) -> F,
        F: Future,
        F::Output: IntoVerdict,
    {
        let Self { client, jetstream, mut settings, .. } = self;
        settings.check()?;
        let recent = Recent::new(settings.recent);
        let consumers = Consumers::open(client, jetstream, settings.clone()).await?;
        Run::new(settings, recent, handler).until_stopped(consumers).await
    }
}

impl Settings {
    fn check(&mut self) -> Result<(), Error> {
        self.concurrency = self.concurrency.max(1);
        self.ack_wait = self.ack_wait.max(Duration::from_secs(1));
        self.max_deliveries = self.max_deliveries.map(|max| max.max(1));
        if self.order == Order::Strict {
            self.concurrency = 1;
        }
        if self.subjects.is_empty() {
            return Err(setting("types", "", "there is none"));
        }
        let has = |name: &str, bad: &[char]| {
            name.is_empty()
                || name.contains(|char: char| char.is_whitespace() || bad.contains(&char))
        };
        let bad_name = ['.', '*', '>', '/', '\\'];
        if let Some(name) = self.durable.as_deref().filter(|name| has(name, &bad_name)) {
            return Err(setting("durable", name, "empty, or with a dot, wildcard, slash or space"));
        }
        if has(&self.stream, &bad_name) {
            return Err(setting("stream", &self.stream, "empty, or with a dot, wildcard or space"));
        }
        match self.subjects.iter().find(|subject| has(subject, &[])) {
            Some(subject) => Err(setting("types", subject, "empty, or with a space")),
            None => Ok(()),
        }
    }

    /// Events that this process may hold: [`Order::ByCharacter`] reads ahead, so that a busy
    /// character's queue does not keep the others' handlers idle.
    pub(super) fn max_held(&self) -> usize {
        match self.order {
            Order::ByCharacter => self.concurrency.saturating_mul(8),
            Order::Any | Order::Strict => self.concurrency,
        }
    }
}

fn setting(setting: &'static str, value: &str, reason: &'static str) -> Error {
    Error::Setting { setting, value: value.to_owned(), reason }
}
