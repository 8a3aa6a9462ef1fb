//! What waits for a round, in the order in which it will be gathered.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Ask;
use super::claims::Book;
use crate::domain::{CharacterKey, Input};
use crate::engine::record::{Batch, Cause, Partition, Payload, Progress, Record, Target};
use crate::engine::request::Errand;
use crate::engine::round::{Item, Origin, RecordOrigin, RequestOrigin};

/// The waiting inputs. Its size is bounded by the credits of the intake and of requests.
#[derive(Default)]
pub struct Queue {
    /// Of rounds that were taken apart; before everything else, in their old order.
    retry: VecDeque<Waiting>,
    /// Offsets of those rounds, due once `retry` is empty.
    retry_progress: Vec<Progress>,
    requests: VecDeque<Ask>,
    due: VecDeque<CharacterKey>,
    batches: VecDeque<OpenBatch>,
    /// How far the partitions were read into rounds since the last one was dispatched.
    progress: Vec<Progress>,
}

/// One input, or a record that will only become a dead letter.
pub enum Waiting {
    Item(Item),
    Dead { item: Item, reason: String, detail: String },
}

struct OpenBatch {
    records: std::vec::IntoIter<Record>,
    progress: Vec<Progress>,
}

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.retry.is_empty()
            && self.requests.is_empty()
            && self.due.is_empty()
            && self.batches.is_empty()
    }

    /// How many requests wait, unless something else waits too.
    pub fn num_if_only_requests(&self) -> Option<usize> {
        let is_only = self.retry.is_empty() && self.due.is_empty() && self.batches.is_empty();
        is_only.then_some(self.requests.len())
    }

    pub fn push_batch(&mut self, batch: Batch) {
        if batch.records.is_empty() && self.batches.is_empty() && self.retry.is_empty() {
            advance_all(&mut self.progress, batch.progress);
        } else {
            let records = batch.records.into_iter();
            self.batches.push_back(OpenBatch { records, progress: batch.progress });
        }
    }

    pub fn push_request(&mut self, ask: Ask) {
        self.requests.push_back(ask);
    }

    /// Puts requests back that waited for a claim, before those that came later.
    pub fn push_waited(&mut self, mut waited: VecDeque<Ask>) {
        waited.append(&mut self.requests);
        self.requests = waited;
    }

    /// Whether everything that was taken apart was taken again.
    pub fn has_retried(&self) -> bool {
        self.retry.is_empty()
    }

    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Work of a clock that failed alone before.
    pub fn push_suspect(&mut self, key: CharacterKey) {
        self.retry.push_back(Waiting::Item(Item { is_suspect: true, ..tick(key) }));
    }

    pub fn push_due(&mut self, key: CharacterKey) {
        self.due.push_back(key);
    }

    /// Puts what rounds were taken apart into back to the front.
    pub fn push_retry(&mut self, waiting: Vec<Waiting>, progress: Vec<Progress>) {
        let mut waiting = VecDeque::from(waiting);
        waiting.append(&mut self.retry);
        self.retry = waiting;
        let mut progress = progress;
        advance_all(&mut progress, std::mem::take(&mut self.retry_progress));
        // What was read meanwhile stands behind the records that come back.
        advance_all(&mut progress, std::mem::take(&mut self.progress));
        if self.retry.is_empty() {
            self.progress = progress;
        } else {
            self.retry_progress = progress;
        }
    }

    pub fn has_progress(&self) -> bool {
        !self.progress.is_empty()
    }

    pub fn take_progress(&mut self) -> Vec<Progress> {
        std::mem::take(&mut self.progress)
    }

    /// Whether the next input must have a round of its own.
    pub fn next_is_suspect(&self) -> bool {
        matches!(self.retry.front(), Some(Waiting::Item(item)) if item.is_suspect)
    }

    /// The next input. Offsets advance with it: past this record, or past the whole batch
    /// when it was the last.
    pub fn pop(&mut self, claims: &mut Book) -> Option<Waiting> {
        if let Some(waiting) = self.retry.pop_front() {
            let (Waiting::Item(item) | Waiting::Dead { item, .. }) = &waiting;
            if let Origin::Record(origin) = &item.origin {
                advance(&mut self.progress, &origin.source, origin.offset + 1);
            }
            if self.retry.is_empty() {
                advance_all(&mut self.progress, std::mem::take(&mut self.retry_progress));
            }
            return Some(waiting);
        }
        while let Some(ask) = self.requests.pop_front() {
            // Nobody waits any longer: not begun, so not done.
            if !ask.reply.is_closed()
                && let Some(ask) = claims.lay(ask)
            {
                return Some(Waiting::Item(request(ask)));
            }
        }
        if let Some(key) = self.due.pop_front() {
            return Some(Waiting::Item(tick(key)));
        }
        self.pop_record()
    }

    fn pop_record(&mut self) -> Option<Waiting> {
        loop {
            let batch = self.batches.front_mut()?;
            let record = batch.records.next();
            if batch.records.len() == 0 {
                let batch = self.batches.pop_front()?;
                advance_all(&mut self.progress, batch.progress);
            } else if let Some(record) = &record {
                advance(&mut self.progress, &record.source, record.offset + 1);
            }
            if let Some(record) = record {
                return Some(waiting(record));
            }
        }
    }
}

fn waiting(record: Record) -> Waiting {
    let Record { source, offset, at, cause, original, payload } = record;
    let origin = Origin::Record(RecordOrigin { source, offset, at, original });
    let item =
        |target, input, cause| Item { origin, target, input, cause, index: 0, is_suspect: false };
    match payload {
        Payload::Input { target, input } => Waiting::Item(item(target, input, cause)),
        Payload::Dead { reason, detail } => Waiting::Dead {
            item: item(Target::Nobody, Input::Tick, cause),
            reason: reason.into_owned(),
            detail,
        },
    }
}

fn request(ask: Ask) -> Item {
    let Errand { target, input, cause, claims, idempotency, redelivers } = ask.errand;
    let (reply, permit) = (ask.reply, ask.permit);
    let origin = RequestOrigin { reply, permit, claims, idempotency, redelivers };
    Item {
        origin: Origin::Request(Box::new(origin)),
        target,
        input,
        cause,
        index: 0,
        is_suspect: false,
    }
}

fn tick(key: CharacterKey) -> Item {
    Item {
        origin: Origin::Clock,
        target: Target::Owner(key),
        input: Input::Tick,
        cause: Arc::clone(&CLOCK),
        index: 0,
        is_suspect: false,
    }
}

/// The clock has no headers of its own: the owner's tenant stands in when events are encoded.
static CLOCK: std::sync::LazyLock<Arc<Cause>> =
    std::sync::LazyLock::new(|| Arc::new(Cause::none()));

fn advance(progress: &mut Vec<Progress>, source: &Arc<Partition>, next_offset: i64) {
    match progress.iter_mut().find(|known| Arc::ptr_eq(&known.source, source)) {
        Some(known) => known.next_offset = next_offset,
        None => progress.push(Progress { source: Arc::clone(source), next_offset }),
    }
}

fn advance_all(progress: &mut Vec<Progress>, newer: Vec<Progress>) {
    for Progress { source, next_offset } in newer {
        advance(progress, &source, next_offset);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::{CharacterId, TenantId};

    fn key() -> CharacterKey {
        CharacterKey { tenant: TenantId(uuid::Uuid::nil()), character: CharacterId(1) }
    }

    fn partition() -> Arc<Partition> {
        Arc::new(Partition { topic: "t".into(), partition: 0 })
    }

    fn batch(source: &Arc<Partition>, offsets: &[i64], next_offset: i64) -> Batch {
        let record = |offset: &i64| Record {
            source: Arc::clone(source),
            offset: *offset,
            at: DateTime::<Utc>::UNIX_EPOCH,
            cause: Arc::new(Cause::none()),
            original: Bytes::new(),
            payload: Payload::Input { target: Target::Owner(key()), input: Input::Tick },
        };
        let progress = vec![Progress { source: Arc::clone(source), next_offset }];
        Batch { records: offsets.iter().map(record).collect(), progress, ..Batch::default() }
    }

    fn offset(waiting: &Waiting) -> i64 {
        let (Waiting::Item(item) | Waiting::Dead { item, .. }) = waiting;
        let Origin::Record(origin) = &item.origin else { panic!("a record") };
        origin.offset
    }

    fn progress(queue: &mut Queue) -> Option<i64> {
        queue.take_progress().first().map(|progress| progress.next_offset)
    }

    #[test]
    fn offsets_advance_with_the_records_taken_and_past_the_batch_with_its_last() {
        let (mut queue, source) = (Queue::default(), partition());
        queue.push_batch(batch(&source, &[3, 5], 9));
        assert_eq!(queue.pop(&mut Book::default()).as_ref().map(offset), Some(3));
        assert_eq!(progress(&mut queue), Some(4));
        assert_eq!(queue.pop(&mut Book::default()).as_ref().map(offset), Some(5));
        assert_eq!(progress(&mut queue), Some(9));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_without_records_waits_behind_those_before_it() {
        let (mut queue, source) = (Queue::default(), partition());
        queue.push_batch(batch(&source, &[3], 4));
        queue.push_batch(batch(&source, &[], 8));
        assert_eq!(progress(&mut queue), None);
        queue.pop(&mut Book::default()).unwrap();
        assert_eq!(progress(&mut queue), Some(4));
        assert!(queue.pop(&mut Book::default()).is_none());
        assert_eq!(progress(&mut queue), Some(8));
    }

    #[test]
    fn what_was_taken_apart_comes_first_and_offsets_begin_again_with_it() {
        let (mut queue, source) = (Queue::default(), partition());
        queue.push_batch(batch(&source, &[1, 2, 3], 4));
        let broken = vec![
            queue.pop(&mut Book::default()).unwrap(),
            queue.pop(&mut Book::default()).unwrap(),
        ];
        let lost = queue.take_progress();
        queue.push_retry(broken, lost);
        assert_eq!(queue.pop(&mut Book::default()).as_ref().map(offset), Some(1));
        assert_eq!(progress(&mut queue), Some(2), "the second may still be lost in a crash");
        assert_eq!(queue.pop(&mut Book::default()).as_ref().map(offset), Some(2));
        assert_eq!(progress(&mut queue), Some(3));
        assert_eq!(queue.pop(&mut Book::default()).as_ref().map(offset), Some(3));
    }

    #[test]
    fn offsets_read_beside_a_broken_round_wait_until_its_records_are_taken_again() {
        let (mut queue, source) = (Queue::default(), partition());
        queue.push_batch(batch(&source, &[1, 2], 3));
        let broken = vec![
            queue.pop(&mut Book::default()).unwrap(),
            queue.pop(&mut Book::default()).unwrap(),
        ];
        let lost = queue.take_progress();
        queue.push_batch(batch(&source, &[], 9));
        queue.push_retry(broken, lost);
        assert_eq!(progress(&mut queue), None, "the records before them are not committed");
        queue.pop(&mut Book::default()).unwrap();
        assert_eq!(progress(&mut queue), Some(2));
        queue.pop(&mut Book::default()).unwrap();
        assert_eq!(progress(&mut queue), Some(9));
    }

    #[test]
    fn a_round_without_inputs_that_was_taken_apart_keeps_its_offsets() {
        let (mut queue, source) = (Queue::default(), partition());
        queue.push_retry(Vec::new(), vec![Progress { source, next_offset: 7 }]);
        assert!(queue.has_progress());
        assert_eq!(progress(&mut queue), Some(7));
    }
}
