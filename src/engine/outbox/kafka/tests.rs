//! The outbox on a topic that acknowledges when it is told to.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use actix::Addr;
use parking_lot::Mutex;

use super::*;
use crate::engine::outbox::feed::Line;
use crate::engine::outbox::row::{About, Entry, Writer};
use crate::engine::record::Cause;
use crate::store::testing::new_store;
use crate::telemetry::mailbox::Kind;

/// Takes events and acknowledges them when it is told to. Its producer can be replaced at the
/// second attempt.
#[derive(Default)]
struct Held {
    /// Until they are let go.
    sent: Mutex<Vec<Arc<Ticket>>>,
    under_way: Mutex<Vec<Arc<Ticket>>>,
    num_replacements: AtomicU32,
}

impl Held {
    fn num_under_way(&self) -> usize {
        self.under_way.lock().len()
    }

    fn take(&self) -> Vec<Arc<Ticket>> {
        std::mem::take(&mut *self.under_way.lock())
    }

    fn acknowledge(&self) {
        self.take().iter().for_each(|ticket| ticket.acknowledge());
    }
}

impl StatusTopic for Held {
    fn name(&self) -> &'static str {
        "status"
    }

    fn send(
        &self,
        _: &Entry<'_>,
        _: DateTime<Utc>,
        ticket: &Arc<Ticket>,
    ) -> Result<(), TopicError> {
        self.sent.lock().push(Arc::clone(ticket));
        Ok(())
    }

    fn release(&self) {
        self.under_way.lock().append(&mut self.sent.lock());
    }

    fn replace(&self) -> Result<(), TopicError> {
        match self.num_replacements.fetch_add(1, Ordering::AcqRel) {
            0 => Err(TopicError::Rejected("no thread".into())),
            _ => Ok(()),
        }
    }

    fn standing(
        &self,
        _: DateTime<Utc>,
        _: &FxHashSet<Uuid>,
    ) -> Result<FxHashSet<Uuid>, TopicError> {
        Ok(FxHashSet::default())
    }
}

fn row(round: i64, kind: u8) -> Row {
    let mut writer = Writer::new();
    writer.push(kind, &Arc::new(Cause::none()), None, About::default(), |_, _| {});
    writer.into_row(round, Utc::now())
}

/// An outbox that publishes to `topic`, and what hands rows over to it.
async fn start(directory: &tempfile::TempDir, topic: &Arc<Held>) -> (Addr<KafkaOutbox>, Line) {
    let load = Arc::default();
    let parts = Parts {
        store: new_store(directory).await,
        runtime: Runtime::current(),
        shard: "zoo".into(),
        hold: Arc::new(Hold::new(Duration::from_secs(600), Instant::now())),
        load: Arc::clone(&load),
        status: Arc::default(),
        tracer: Tracer::off(),
    };
    let outbox = KafkaOutbox::new(parts, Arc::clone(topic) as _, 100).start();
    ask_for_the_end(&outbox).await.await.unwrap();
    let line = Line::new(outbox.clone().recipient(), Kind::KafkaOutbox, load, 100);
    (outbox, line)
}

/// All that was said to it before is handled then.
async fn ask_for_the_end(outbox: &Addr<KafkaOutbox>) -> oneshot::Receiver<()> {
    let (done, end) = oneshot::channel();
    outbox.send(Drain { done, envelope: Envelope::seal(Kind::KafkaOutbox) }).await.unwrap();
    end
}

#[actix_rt::test]
async fn what_comes_meanwhile_goes_out_together_once_the_rows_before_are_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let topic = Arc::new(Held::default());
    let (outbox, mut line) = start(&directory, &topic).await;
    (1..=3).for_each(|round| line.hand_over(row(round, 0)));
    drop(ask_for_the_end(&outbox).await);
    assert_eq!(topic.num_under_way(), 1, "the first, alone as it came");

    topic.acknowledge();
    let end = ask_for_the_end(&outbox).await;
    assert_eq!(topic.num_under_way(), 2, "both others");

    topic.acknowledge();
    end.await.unwrap();
}

#[actix_rt::test]
async fn the_copy_of_a_dead_letter_that_is_not_acknowledged_holds_up_no_events() {
    let directory = tempfile::tempdir().unwrap();
    let topic = Arc::new(Held::default());
    let (outbox, mut line) = start(&directory, &topic).await;
    line.hand_over(row(1, kind::DEAD_LETTER));
    line.hand_over(row(2, 0));
    drop(ask_for_the_end(&outbox).await);
    assert_eq!(topic.num_under_way(), 2);
}

#[actix_rt::test]
async fn a_failed_producer_is_replaced_before_anything_else_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let topic = Arc::new(Held::default());
    let (outbox, mut line) = start(&directory, &topic).await;
    line.hand_over(row(1, 0));
    drop(ask_for_the_end(&outbox).await);
    topic.take()[0].fail("it is over".into());
    // The row is in memory only, so that nothing is pending then.
    ask_for_the_end(&outbox).await.await.unwrap();
    assert_eq!(topic.num_replacements.load(Ordering::Acquire), 2);
}
