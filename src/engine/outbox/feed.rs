//! Where an outbox's rows come from.
//!
//! SQL is the truth. After a commit the committer hands the row over in memory as well, to
//! save reading it back; whenever a row was not handed over (at start, after an error, when
//! too many were waiting) the gap shows in the numbers and the rows are read from SQL.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix::{Message, Recipient};

use super::row::Row;
use crate::telemetry::mailbox::{Envelope, Kind};

/// Decompressed bytes on their way to one outbox, beyond which rows are not handed over.
const MAX_WAITING_BYTES: usize = 32 << 20;

/// A committed row, handed over in memory.
#[derive(Message)]
#[rtype(result = "()")]
pub struct HandOver {
    pub row: Row,
    /// The round of this sink's row before this one.
    pub previous: i64,
    pub envelope: Envelope,
}

/// The committer's end of the hand-over. One for each sink.
pub struct Line {
    outbox: Recipient<HandOver>,
    actor: Kind,
    load: Arc<Load>,
    /// The round of the last row committed, handed over or not.
    previous: i64,
}

/// What is between the committer and the outbox.
#[derive(Default)]
pub struct Load {
    num_bytes: AtomicUsize,
    /// A row was not handed over since the outbox last looked.
    was_skipped: AtomicBool,
}

/// The outbox's end: which rows are next, and whether SQL has to be asked for them.
pub struct Feed {
    load: Arc<Load>,
    rows: VecDeque<Row>,
    /// The last round taken into `rows`.
    last: i64,
    /// Rows beyond `last` may stand in SQL that nobody will hand over.
    has_gap: bool,
    is_reading: bool,
}

impl Line {
    pub fn new(outbox: Recipient<HandOver>, actor: Kind, load: Arc<Load>) -> Self {
        Self { outbox, actor, load, previous: i64::MIN }
    }

    /// Hands a committed row over, or leaves it to be read when too much is waiting.
    pub fn hand_over(&mut self, row: Row) {
        let previous = std::mem::replace(&mut self.previous, row.round);
        let num_bytes = row.num_bytes();
        if self.load.num_bytes.load(Ordering::Acquire) > MAX_WAITING_BYTES {
            self.load.was_skipped.store(true, Ordering::Release);
            return;
        }
        self.load.num_bytes.fetch_add(num_bytes, Ordering::AcqRel);
        self.outbox.do_send(HandOver { row, previous, envelope: Envelope::seal(self.actor) });
    }
}

impl Feed {
    /// A feed that begins with whatever stands in SQL.
    pub fn new(load: Arc<Load>) -> Self {
        Self { load, rows: VecDeque::new(), last: i64::MIN, has_gap: true, is_reading: false }
    }

    /// Takes a row that was handed over. One that does not follow on the last is dropped:
    /// SQL has it, and what is missing before it.
    pub fn take(&mut self, message: HandOver) {
        self.load.num_bytes.fetch_sub(message.row.num_bytes(), Ordering::AcqRel);
        let follows = message.previous == self.last;
        if message.row.round <= self.last {
            return;
        }
        if follows && !self.has_gap && !self.is_reading {
            self.last = message.row.round;
            self.rows.push_back(message.row);
        } else {
            self.has_gap = true;
        }
    }

    /// The round to read from SQL after, if that is called for.
    pub fn begin_read(&mut self) -> Option<i64> {
        if self.load.was_skipped.swap(false, Ordering::AcqRel) {
            self.has_gap = true;
        }
        if self.is_reading || !self.has_gap || !self.rows.is_empty() {
            return None;
        }
        self.is_reading = true;
        self.has_gap = false;
        Some(self.last)
    }

    /// Takes what was read. A full page means there may be more.
    pub fn end_read(&mut self, rows: Vec<Row>, is_full: bool) {
        self.is_reading = false;
        self.has_gap |= is_full;
        for row in rows {
            if row.round > self.last {
                self.last = row.round;
                self.rows.push_back(row);
            }
        }
    }

    /// The read failed: nothing is known to be complete.
    pub fn fail_read(&mut self) {
        self.is_reading = false;
        self.has_gap = true;
    }

    /// Forgets everything taken and begins with SQL again.
    pub fn restart(&mut self) {
        self.rows.clear();
        self.last = i64::MIN;
        self.has_gap = true;
    }

    pub fn pop(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }

    /// Nothing waits here, and nothing is known to wait in SQL.
    pub fn is_drained(&self) -> bool {
        self.rows.is_empty()
            && !self.has_gap
            && !self.is_reading
            && self.load.num_bytes.load(Ordering::Acquire) == 0
            && !self.load.was_skipped.load(Ordering::Acquire)
    }
}
