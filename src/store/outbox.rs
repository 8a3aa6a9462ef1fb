//! Events committed and not yet acknowledged by their broker.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait, EntityTrait};

use super::Store;
use super::decode::Cursor;
use super::entity::outbox::{Entity, Model};
use super::error::Error;
use super::keys::{any_of, bound, numbers};
use super::work::Sink;

/// One round's events for one sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    pub round: i64,
    pub num_events: u32,
    pub body: Vec<u8>,
    pub decided_at: DateTime<Utc>,
}

/// Some of the rows that wait for a sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    pub rows: Vec<Pending>,
    /// Others may stand behind them.
    pub is_full: bool,
}

/// How much waits for a sink.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Backlog {
    pub num_rows: u64,
    pub num_events: u64,
    /// When the oldest waiting event was decided.
    pub oldest: Option<DateTime<Utc>>,
}

/// Bytes of a page, beyond which no further row is read; compressed, as they are stored.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// Deletions that are repeated with each further one, at least.
const NUM_REPEATED: usize = 32;

impl Store {
    /// Rows that wait for a sink, in the order of their rounds: those after `after_round`, at
    /// most `limit`, and no further one once these have 4 MiB as they are stored.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pending(
        &self,
        shard: &str,
        sink: Sink,
        after_round: i64,
        limit: u64,
    ) -> Result<Page, Error> {
        let sql = "select shard, sink, round, num_events, decided_at, body from ( \
                       select o.*, sum(length(body)) over (order by round) - length(body) \
                           as bytes_before \
                       from (select * from outbox where shard = $1 and sink = $2 and round > $3 \
                             order by round limit $4) as o \
                   ) as o where bytes_before < $5 order by round";
        let max_bytes = i64::try_from(MAX_PAGE_BYTES).unwrap_or(i64::MAX);
        let values = vec![
            shard.into(),
            sink.name().into(),
            after_round.into(),
            bound(limit),
            max_bytes.into(),
        ];
        let query = Entity::find().from_raw_sql(self.statement(sql.to_owned(), values));
        let rows =
            self.reader().run(|connection| async move { query.all(&*connection).await }).await?;
        let num_bytes: usize = rows.iter().map(|row| row.body.len()).sum();
        let is_full = rows.len() as u64 == limit || num_bytes >= MAX_PAGE_BYTES;
        Ok(Page { rows: rows.into_iter().map(Pending::from).collect(), is_full })
    }

    /// # Errors
    /// See [`Error`].
    pub async fn backlog(&self, shard: &str, sink: Sink) -> Result<Backlog, Error> {
        let sql = "select count(*), cast(coalesce(sum(num_events), 0) as bigint), \
                   min(decided_at) from outbox where shard = $1 and sink = $2";
        let rows = self.rows(sql.to_owned(), vec![shard.into(), sink.name().into()]).await?;
        let Some(row) = rows.first() else { return Ok(Backlog::default()) };
        let mut cursor = Cursor::new(row, "outbox");
        Ok(Backlog {
            num_rows: cursor.number::<i64, _>("count")?,
            num_events: cursor.number::<i64, _>("num_events")?,
            oldest: cursor.take()?,
        })
    }

    /// Deletes rows whose events their broker has acknowledged. Deleting one again is fine, and
    /// happens: on PostgreSQL a deletion waits for the disk only with the next commit of a round, so
    /// the latest before a crash of the server may be lost. Those of the call before, or more if they
    /// were few, are therefore repeated. What comes back all the same, as when a long backlog was
    /// published and no round committed meanwhile, stands until the next start.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_published(
        &self,
        shard: &str,
        sink: Sink,
        rounds: &[i64],
    ) -> Result<(), Error> {
        if rounds.is_empty() {
            return Ok(());
        }
        let backend = self.backend();
        // PostgreSQL takes a table whose rows come and go for an empty one: without the bounds it
        // would look at every row that waits, and at all that were deleted and not yet vacuumed.
        let sql = format!(
            "delete from outbox where shard = $1 and sink = $2 \
             and round between $4 and $5 and round {}",
            any_of(backend, 3)
        );
        let again = self.inner.deleted.with_latest(shard, sink, rounds);
        let (first, last) = (again.iter().min().copied(), again.iter().max().copied());
        let values = vec![
            shard.into(),
            sink.name().into(),
            numbers(backend, &again),
            first.into(),
            last.into(),
        ];
        let statement = self.statement(sql, values);
        self.sideline()
            .run(|connection| async move { connection.execute_raw(statement).await })
            .await?;
        Ok(())
    }
}

/// Rounds whose rows were deleted last, of each shard and sink.
#[derive(Default)]
pub(super) struct Deleted(Mutex<BTreeMap<(String, &'static str), VecDeque<i64>>>);

impl Deleted {
    /// These rounds and those deleted before them, and remembers these.
    fn with_latest(&self, shard: &str, sink: Sink, rounds: &[i64]) -> Vec<i64> {
        let mut deleted = self.0.lock();
        let latest = deleted.entry((shard.to_owned(), sink.name())).or_default();
        let mut all: Vec<i64> = latest.iter().copied().collect();
        for round in rounds {
            if !latest.contains(round) {
                latest.push_back(*round);
                all.push(*round);
            }
        }
        while latest.len() > NUM_REPEATED.max(rounds.len()) {
            latest.pop_front();
        }
        all
    }
}

impl From<Model> for Pending {
    fn from(row: Model) -> Self {
        Self {
            round: row.round,
            num_events: row.num_events.cast_unsigned(),
            body: row.body,
            decided_at: row.decided_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_deletions_are_repeated_for_their_own_shard_and_sink() {
        let deleted = Deleted::default();
        assert_eq!(deleted.with_latest("a", Sink::Kafka, &[1, 2]), [1, 2]);
        assert_eq!(deleted.with_latest("a", Sink::Kafka, &[3]), [1, 2, 3]);
        assert_eq!(deleted.with_latest("a", Sink::Kafka, &[3]), [1, 2, 3]);
        assert_eq!(deleted.with_latest("b", Sink::Kafka, &[9]), [9]);
        assert_eq!(deleted.with_latest("a", Sink::Nats, &[9]), [9]);
        let many: Vec<i64> = (10..200).collect();
        deleted.with_latest("a", Sink::Kafka, &many);
        let next = deleted.with_latest("a", Sink::Kafka, &[200]);
        assert_eq!((next.len(), next[0]), (many.len() + 1, 10), "the whole call before");
        let next = deleted.with_latest("a", Sink::Kafka, &[201]);
        assert_eq!((next.len(), next[0]), (NUM_REPEATED + 1, 169));
    }
}
