//! Events committed and not yet acknowledged by their broker.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Store;
use super::decode::Cursor;
use super::entity::outbox::{Column, Entity, Model};
use super::error::Error;
use super::keys::{any_of, numbers};
use super::work::Sink;

/// One round's events for one sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    pub round: i64,
    pub num_events: u32,
    pub body: Vec<u8>,
    pub decided_at: DateTime<Utc>,
}

/// How much waits for a sink.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Backlog {
    pub num_rows: u64,
    pub num_events: u64,
    /// When the oldest waiting event was decided.
    pub oldest: Option<DateTime<Utc>>,
}

impl Store {
    /// Rows that wait for a sink, in the order of their rounds: those after `after_round`, at
    /// most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pending(
        &self,
        shard: &str,
        sink: Sink,
        after_round: i64,
        limit: u64,
    ) -> Result<Vec<Pending>, Error> {
        let query = Entity::find()
            .filter(Column::Shard.eq(shard))
            .filter(Column::Sink.eq(sink.name()))
            .filter(Column::Round.gt(after_round))
            .order_by_asc(Column::Round)
            .limit(limit);
        let rows =
            self.reader().run(|connection| async move { query.all(&*connection).await }).await?;
        Ok(rows.into_iter().map(Pending::from).collect())
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

    /// Deletes rows whose events their broker has acknowledged. Deleting one again is fine.
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
        let sql = format!(
            "delete from outbox where shard = $1 and sink = $2 and round {}",
            any_of(backend, 3)
        );
        let values = vec![shard.into(), sink.name().into(), numbers(backend, rounds)];
        let statement = self.statement(sql, values);
        self.sideline()
            .run(|connection| async move { connection.execute_raw(statement).await })
            .await?;
        Ok(())
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
