//! Where an outbox's rows come from.
//!
//! SQL is the truth. After a commit the committer hands the row over in memory as well, to
//! save reading it back; whenever a row was not handed over (at start, after an error, when
//! too many were waiting) the gap shows in the numbers and the rows are read from SQL.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix::{Message, Recipient};
use chrono::{DateTime, Utc};

use super::row::Row;
use crate::telemetry::mailbox::{Envelope, Kind};

/// Decompressed bytes between the committer and the broker, beyond which rows are left in SQL.
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
    /// Most rows on the way.
    max_rows: usize,
    /// The round of the last row committed, handed over or not.
    previous: i64,
}

/// What is between the committer and the outbox.
#[derive(Default)]
pub struct Load {
    /// Of rows handed over or read, and not yet taken to be published.
    num_bytes: AtomicUsize,
    /// Rows between the committer and the feed.
    num_on_the_way: AtomicUsize,
    /// A row was not handed over since the outbox last looked.
    was_skipped: AtomicBool,
}

/// The outbox's end: which rows are next, and whether SQL has to be asked for them.
pub struct Feed {
    load: Arc<Load>,
    rows: VecDeque<Row>,
    /// Most rows held.
    max_rows: usize,
    /// The last round taken into `rows`.
    last: i64,
    /// Rows beyond `last` may stand in SQL that nobody will hand over.
    has_gap: bool,
    is_reading: bool,
}

impl Load {
    /// Takes a row on its way to the feed, unless too much is there already.
    fn admit(&self, num_bytes: usize, max_rows: usize) -> bool {
        let has_room = self.num_bytes.load(Ordering::Acquire) <= MAX_WAITING_BYTES
            && self.num_on_the_way.load(Ordering::Acquire) < max_rows;
        if has_room {
            self.num_bytes.fetch_add(num_bytes, Ordering::AcqRel);
            self.num_on_the_way.fetch_add(1, Ordering::AcqRel);
        } else {
            self.was_skipped.store(true, Ordering::Release);
        }
        has_room
    }

    fn give_back(&self, num_bytes: usize) {
        self.num_bytes.fetch_sub(num_bytes, Ordering::AcqRel);
    }
}

impl Line {
    pub fn new(outbox: Recipient<HandOver>, actor: Kind, load: Arc<Load>, max_rows: u64) -> Self {
        let max_rows = usize::try_from(max_rows).unwrap_or(usize::MAX);
        Self { outbox, actor, load, max_rows, previous: i64::MIN }
    }

    /// Hands a committed row over, or leaves it to be read when too much is waiting.
    pub fn hand_over(&mut self, row: Row) {
        let previous = std::mem::replace(&mut self.previous, row.round);
        if !self.load.admit(row.num_bytes(), self.max_rows) {
            return;
        }
        self.outbox.do_send(HandOver { row, previous, envelope: Envelope::seal(self.actor) });
    }
}

impl Feed {
    /// A feed that begins with whatever stands in SQL.
    pub fn new(load: Arc<Load>, max_rows: u64) -> Self {
        let max_rows = usize::try_from(max_rows).unwrap_or(usize::MAX);
        let rows = VecDeque::new();
        Self { load, rows, max_rows, last: i64::MIN, has_gap: true, is_reading: false }
    }

    /// Takes a row that was handed over. One that does not follow on the last is dropped:
    /// SQL has it, and what is missing before it.
    pub fn take(&mut self, message: HandOver) {
        self.load.num_on_the_way.fetch_sub(1, Ordering::AcqRel);
        let row = message.row;
        let is_new = row.round > self.last;
        let follows = message.previous == self.last && !self.has_gap && !self.is_reading;
        if is_new && follows && self.rows.len() < self.max_rows {
            self.last = row.round;
            self.rows.push_back(row);
        } else {
            self.load.give_back(row.num_bytes());
            self.has_gap |= is_new;
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

    /// Takes what is to be published of what was read, which was read up to this round. A full
    /// page means there may be more.
    pub fn end_read(&mut self, rows: Vec<Row>, last: Option<i64>, is_full: bool) {
        self.is_reading = false;
        self.has_gap |= is_full;
        for row in rows {
            if row.round > self.last {
                self.last = row.round;
                self.load.num_bytes.fetch_add(row.num_bytes(), Ordering::AcqRel);
                self.rows.push_back(row);
            }
        }
        self.last = self.last.max(last.unwrap_or(self.last));
    }

    /// The read failed: nothing is known to be complete.
    pub fn fail_read(&mut self) {
        self.is_reading = false;
        self.has_gap = true;
    }

    /// Forgets everything taken and begins with SQL again.
    pub fn restart(&mut self) {
        while self.pop().is_some() {}
        self.last = i64::MIN;
        self.has_gap = true;
    }

    pub fn pop(&mut self) -> Option<Row> {
        let row = self.rows.pop_front()?;
        self.load.give_back(row.num_bytes());
        Some(row)
    }

    /// When the oldest row held was decided.
    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        self.rows.front().map(|row| row.decided_at)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::outbox::row::{About, Writer};
    use crate::engine::record::Cause;

    fn row(round: i64, num_bytes: usize) -> Row {
        let mut writer = Writer::new();
        writer.push(0, &Arc::new(Cause::none()), None, About::default(), |_, out| {
            out.resize(out.len() + num_bytes, 0);
        });
        writer.into_row(round, DateTime::UNIX_EPOCH)
    }

    /// Whether the row would be handed over, and what the feed then does with it.
    fn offer(feed: &mut Feed, round: i64, num_bytes: usize) {
        let row = row(round, num_bytes);
        if feed.load.admit(row.num_bytes(), feed.max_rows) {
            let envelope = Envelope::seal(Kind::NatsOutbox);
            feed.take(HandOver { row, previous: round - 1, envelope });
        }
    }

    fn begun(max_rows: u64) -> Feed {
        let mut feed = Feed::new(Arc::default(), max_rows);
        feed.begin_read().unwrap();
        feed.end_read(vec![row(1, 1)], Some(1), false);
        feed.pop().unwrap();
        feed
    }

    #[test]
    fn what_waits_in_memory_is_bounded_in_bytes_while_the_broker_is_away() {
        let mut feed = begun(10_000);
        for round in 2..300 {
            offer(&mut feed, round, 1 << 20);
        }
        let held: usize = feed.rows.iter().map(Row::num_bytes).sum();
        assert!(held <= MAX_WAITING_BYTES + (2 << 20), "{held} bytes are held");
        while feed.pop().is_some() {}
        assert_eq!(feed.begin_read(), Some(33), "the rest is read from SQL");
    }

    #[test]
    fn a_page_of_which_nothing_is_to_be_published_is_not_read_again() {
        let mut feed = Feed::new(Arc::default(), 4);
        feed.begin_read().unwrap();
        feed.end_read(Vec::new(), Some(7), true);
        assert_eq!(feed.begin_read(), Some(7));
        feed.end_read(Vec::new(), None, false);
        assert_eq!(feed.begin_read(), None);
        assert!(feed.is_drained());
    }

    #[test]
    fn what_waits_in_memory_is_bounded_in_rows() {
        let mut feed = begun(4);
        for round in 2..20 {
            offer(&mut feed, round, 1);
        }
        assert_eq!(feed.rows.len(), 4);
        feed.restart();
        assert_eq!(feed.load.num_bytes.load(Ordering::Acquire), 0);
        assert_eq!(feed.begin_read(), Some(i64::MIN));
    }
}
