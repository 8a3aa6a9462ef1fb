//! From the server to the handler and back.

mod state;

pub(super) use state::Progress;
pub use state::Summary;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;
use uuid::Uuid;

use super::consumer::Consumers;
use super::delivery::{Delivery, Meta};
use super::error::Error;
use super::event::{Readable, Unreadable};
use super::ids::{BoxError, Recent};
use super::lanes::Place;
use super::pull::{self, Held, Puller};
use super::subscription::{Abandoned, Order, Settings, Why};
use super::verdict::{IntoVerdict, Verdict};
use state::State;

/// Longest wait for what was said last, when a subscription ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// One subscription at work. All of it is one task: handlers run side by side in it.
pub(super) struct Run<B, H> {
    settings: Settings,
    handler: H,
    recent: Recent,
    progress: Progress,
    state: Mutex<State>,
    /// Handlers that may be under way; less than what is held when it is read ahead.
    slots: Semaphore,
    body: PhantomData<fn() -> B>,
}

/// A message that was looked at and stands in its lane.
struct Job<B> {
    message: Message,
    meta: Meta,
    what: What<B>,
    /// Given back when the message is dealt with.
    _room: OwnedSemaphorePermit,
}

enum What<B> {
    Event(Box<Delivery<B>>, Option<Place>),
    /// Not the user, character or tenant asked for.
    Other,
    Unreadable(Unreadable),
}

/// What the server is told.
enum Answer {
    Handled,
    /// It was handled before.
    Repeated,
    Again(Duration),
    /// Nobody has tried it: others may have it at once.
    HandBack,
    Abandoned,
    /// Nothing, as another delivery of the same event is under way here. The server delivers it
    /// once more after the ack wait; by then its id is known.
    Silence,
}

impl<B, H, F> Run<B, H>
where
    B: Readable,
    H: Fn(Delivery<B>) -> F,
    F: Future,
    F::Output: IntoVerdict,
{
    pub(super) fn new(settings: Settings, recent: Recent, handler: H) -> Self {
        let slots = Semaphore::new(settings.concurrency.min(Semaphore::MAX_PERMITS));
        let (progress, state) = (Progress::default(), Mutex::default());
        Self { settings, handler, recent, progress, state, slots, body: PhantomData }
    }

    pub(super) async fn until_stopped(self, mut consumers: Consumers) -> Result<Summary, Error> {
        let mut under_way = FuturesUnordered::new();
        let result = {
            let max_held = self.settings.max_held();
            let puller = Puller::new(&mut consumers, &self.progress, max_held);
            let mut messages = pin!(puller.messages());
            let mut stopped = pin!(self.settings.stop.stopped());
            loop {
                // Safe to cancel: the stream keeps the message it is about to yield.
                tokio::select! {
                    biased;
                    () = &mut stopped => break Ok(()),
                    Some(()) = under_way.next() => {}
                    next = messages.next() => match next {
                        Some(Ok(held)) => under_way.extend(self.accept(held).map(|job| self.work(job))),
                        Some(Err(error)) => break Err(error),
                        None => break Ok(()),
                    },
                }
            }
        };
        while under_way.next().await.is_some() {}
        drop(under_way);
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, consumers.client.flush()).await;
        if result.is_ok() {
            let _ = tokio::time::timeout(FLUSH_TIMEOUT, consumers.discard()).await;
        }
        result.map(|()| self.state().summary)
    }

    /// Not async: lanes are entered in the order of the stream.
    fn accept(&self, (message, room): Held) -> Option<Job<B>> {
        let Some(meta) = Meta::read(&message) else {
            tracing::error!(subject = %message.subject, "not a message of jetstream");
            return None;
        };
        self.progress.pulled(meta.stream_sequence);
        let what = match B::read(&message.payload) {
            Err(error) => What::Unreadable(error),
            Ok(event) if !self.settings.filter.takes(&event, &meta) => What::Other,
            Ok(event) => {
                let lane = (self.settings.order == Order::ByCharacter)
                    .then(|| self.state().lanes.queue(event.character_id));
                let payload = message.payload.clone();
                What::Event(Box::new(Delivery { event, meta: meta.clone(), payload }), lane)
            }
        };
        Some(Job { message, meta, what, _room: room })
    }

    async fn work(&self, job: Job<B>) {
        let Job { message, meta, what, _room } = job;
        match what {
            What::Other => {
                self.state().summary.num_filtered += 1;
                self.progress.done(meta.stream_sequence);
                tell(&message, AckKind::Ack).await;
            }
            What::Unreadable(error) => {
                self.abandon(&meta, &message, Why::Unreadable(&error));
                self.answer(&message, &meta, Answer::Abandoned).await;
            }
            What::Event(delivery, mut place) => {
                let character = delivery.character_id;
                let attended = self.attend(&message, &delivery, place.as_mut());
                let answer = kept_alive(&message, self.settings.ack_wait / 3, attended).await;
                self.answer(&message, &meta, answer).await;
                // After the acknowledgement, so that a crash cannot turn a character's events
                // around.
                if let Some(place) = place {
                    self.state().lanes.leave(character, place);
                }
            }
        }
    }

    async fn attend(
        &self,
        message: &Message,
        delivery: &Delivery<B>,
        place: Option<&mut Place>,
    ) -> Answer {
        let (id, meta) = (delivery.event_id, &delivery.meta);
        if let Some(place) = place {
            place.turn().await;
        }
        if !self.state().busy.insert(id) {
            return Answer::Silence;
        }
        let mut num_tries = 0;
        let answer = loop {
            let Ok(slot) = self.slots.acquire().await else { break Answer::HandBack };
            if self.settings.stop.is_stopped() {
                break Answer::HandBack;
            }
            let num_deliveries = meta.num_deliveries + num_tries;
            let (reason, after) = match self.handle(message, delivery, num_deliveries).await {
                Ok(answer) => break answer,
                Err(Verdict::GiveUp { reason }) => {
                    self.abandon(meta, message, Why::Refused(&reason));
                    break Answer::Abandoned;
                }
                Err(Verdict::Retry { reason, after }) => (reason, after),
                Err(Verdict::Done) => break Answer::Handled,
            };
            self.state().summary.num_failed += 1;
            if self.settings.max_deliveries.is_some_and(|max| num_deliveries >= max) {
                self.abandon(meta, message, Why::MaxDeliveries(&reason));
                break Answer::Abandoned;
            }
            let wait = after.unwrap_or_else(|| self.settings.backoff.after(num_deliveries));
            tracing::warn!(event_id = %id, num_deliveries, ?wait, reason, "handler failed");
            if self.settings.order != Order::ByCharacter {
                break Answer::Again(wait);
            }
            drop(slot);
            num_tries += 1;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.settings.stop.stopped() => {}
            }
        };
        self.state().busy.remove(&id);
        answer
    }

    /// Calls the handler, unless that was done before, or came to nothing too often.
    async fn handle(
        &self,
        message: &Message,
        delivery: &Delivery<B>,
        num_deliveries: u64,
    ) -> Result<Answer, Verdict> {
        let id = delivery.event_id;
        let failed = |error| Verdict::Retry { reason: format!("event ids: {error}"), after: None };
        if self.is_handled(id).await.map_err(failed)? {
            return Ok(Answer::Repeated);
        }
        if self.settings.max_deliveries.is_some_and(|max| num_deliveries > max) {
            let why = "no answer of an earlier delivery is known";
            self.abandon(&delivery.meta, message, Why::MaxDeliveries(why));
            return Ok(Answer::Abandoned);
        }
        let event_type = &*delivery.event_type;
        let trace = delivery.meta.traceparent.as_deref();
        let span = tracing::info_span!("character_event", event_type, event_id = %id, trace);
        let verdict = (self.handler)(delivery.clone()).instrument(span).await.into_verdict();
        if verdict != Verdict::Done {
            return Err(verdict);
        }
        if let Some(ids) = self.settings.ids.as_deref() {
            ids.record(id).await.map_err(failed)?;
        }
        self.recent.insert(id);
        Ok(Answer::Handled)
    }

    async fn is_handled(&self, id: Uuid) -> Result<bool, BoxError> {
        if self.recent.contains(id) {
            return Ok(true);
        }
        let Some(ids) = self.settings.ids.as_deref() else { return Ok(false) };
        let is_handled = ids.is_handled(id).await?;
        if is_handled {
            self.recent.insert(id);
        }
        Ok(is_handled)
    }

    /// Says that an event is given up, before the server is told.
    fn abandon(&self, meta: &Meta, message: &Message, why: Why<'_>) {
        let (subject, sequence) = (&*meta.subject, meta.stream_sequence);
        tracing::error!(subject, sequence, ?why, "event abandoned");
        if let Some(hook) = &self.settings.on_abandoned {
            hook(&Abandoned { meta, payload: &message.payload, why });
        }
    }

    async fn answer(&self, message: &Message, meta: &Meta, answer: Answer) {
        let kind = {
            let summary = &mut self.state().summary;
            let (count, kind) = match answer {
                Answer::Handled => (Some(&mut summary.num_handled), AckKind::Ack),
                Answer::Repeated => (Some(&mut summary.num_repeated), AckKind::Ack),
                Answer::Abandoned => (Some(&mut summary.num_abandoned), AckKind::Term),
                Answer::Again(wait) => (None, AckKind::Nak(Some(wait))),
                Answer::HandBack => (None, AckKind::Nak(None)),
                Answer::Silence => return,
            };
            if let Some(count) = count {
                *count += 1;
            }
            kind
        };
        if matches!(kind, AckKind::Nak(_)) {
            return tell(message, kind).await;
        }
        self.progress.done(meta.stream_sequence);
        if let Err(error) = confirmed(message, kind).await {
            // It comes again and is known by its id then.
            let sequence = meta.stream_sequence;
            tracing::warn!(sequence, %error, "acknowledgement not confirmed");
            self.state().summary.num_unconfirmed += 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the server says that it knows. What was under way when a connection broke is lost, so it
/// is said again over the next one.
async fn confirmed(message: &Message, kind: AckKind) -> Result<(), async_nats::Error> {
    let client = message.context.client();
    loop {
        let num_connects = pull::num_connects(&client);
        tokio::select! {
            result = message.double_ack_with(kind) => return result,
            () = pull::reconnected(&client, num_connects) => {}
        }
    }
}

/// Without waiting for an answer. If it is lost the server delivers again after the ack wait.
async fn tell(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(%error, "the server will find out by itself");
    }
}

/// Lets the server know that somebody is at it.
async fn kept_alive<T>(message: &Message, every: Duration, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(every, &mut work).await {
            Ok(done) => return done,
            Err(_elapsed) => tell(message, AckKind::Progress).await,
        }
    }
}
