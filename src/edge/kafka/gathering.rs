//! What the intake read in one go, on its way to becoming a batch.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::Message;

use super::decode::{Decoded, Decoder, header_pairs, instant};
use super::partitions::Partitions;
use crate::engine::record::{Batch, Original, Progress, Record, credits_of};
use crate::telemetry::metrics::METRICS;

/// Records of one batch; keeps the supervisor's handler short.
const MAX_BATCH: usize = 4_096;
/// Bytes of one batch, so that large records do not add up.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// A batch in the making.
#[derive(Default)]
pub struct Gathering {
    batch: Batch,
    num_read: usize,
    raw: Vec<u8>,
    /// Where the records' bytes stand in `raw`, one for each record.
    ranges: Vec<std::ops::Range<usize>>,
    touched: Vec<Progress>,
}

impl Gathering {
    /// How many more records may join, if they are small. Large ones may take more credit than
    /// there is: the next batch waits the longer.
    pub fn room(&self, available: usize) -> usize {
        if self.raw.len() >= MAX_BATCH_BYTES {
            return 0;
        }
        let of_credit = available.saturating_sub(self.batch.credits);
        of_credit.min(MAX_BATCH.saturating_sub(self.num_read))
    }

    pub fn take(
        &mut self,
        message: &impl Message,
        partitions: &mut Partitions,
        decoder: &mut Decoder,
        hint: &mut usize,
    ) {
        let Some(assigned) = partitions.find(message.topic(), message.partition(), hint) else {
            return;
        };
        let offset = message.offset();
        if offset < assigned.next_offset {
            return;
        }
        assigned.next_offset = offset + 1;
        self.num_read += 1;
        match self.touched.iter_mut().find(|known| Arc::ptr_eq(&known.source, &assigned.source)) {
            Some(known) => known.next_offset = offset + 1,
            None => {
                let source = Arc::clone(&assigned.source);
                self.touched.push(Progress { source, next_offset: offset + 1 });
            }
        }
        let (cause, decoded) = decoder.decode(assigned.kind, message);
        match decoded {
            Decoded::Move(movement) => {
                self.batch.credits += 1;
                self.batch.moves.push(movement);
            }
            Decoded::NotOurs => {
                self.batch.credits += 1;
                METRICS.intake.ignored.with_label_values(&[&*assigned.source.topic]).inc();
            }
            Decoded::Payload(payload) => {
                let range = self.append(message);
                self.batch.credits += credits_of(range.len());
                self.ranges.push(range);
                let source = Arc::clone(&assigned.source);
                let at = instant(message);
                let original = Bytes::new();
                self.batch.records.push(Record { source, offset, at, cause, original, payload });
            }
        }
    }

    fn append(&mut self, message: &impl Message) -> std::ops::Range<usize> {
        let payload = message.payload().unwrap_or_default();
        match message.headers() {
            Some(headers) => {
                Original::append(&mut self.raw, message.key(), header_pairs(headers), payload)
            }
            None => Original::append(&mut self.raw, message.key(), std::iter::empty(), payload),
        }
    }

    /// The batch, each record with its slice of the one buffer. None if nothing was read.
    pub fn finish(mut self) -> Option<Batch> {
        if self.num_read == 0 {
            return None;
        }
        let raw = Bytes::from(self.raw);
        for (record, range) in self.batch.records.iter_mut().zip(self.ranges) {
            record.original = raw.slice(range);
        }
        self.batch.progress = self.touched;
        Some(self.batch)
    }
}
