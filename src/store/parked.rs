//! Events that their broker and its dead letter subject both refused.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::Store;
use super::entity::parked_event::{ActiveModel, Column, Entity, Model};
use super::error::Error;
use super::work::Sink;

/// An event to put aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParkedEvent {
    pub shard: String,
    pub sink: Sink,
    pub event_id: Uuid,
    pub subject: String,
    /// In the message's order; names may repeat.
    pub headers: Vec<(String, String)>,
    pub payload: Vec<u8>,
    /// What the broker said last.
    pub error: String,
    /// Attempts made so far.
    pub retry_count: u32,
    pub at: DateTime<Utc>,
}

/// An event put aside, under its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parked {
    pub id: i64,
    pub event: ParkedEvent,
}

impl Store {
    /// Puts an event aside, so that its outbox row can go on. Parking it again only renews
    /// the error and the number of attempts.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn park(&self, event: ParkedEvent) -> Result<(), Error> {
        let row = ActiveModel {
            id: ActiveValue::NotSet,
            shard: ActiveValue::Set(event.shard),
            sink: ActiveValue::Set(event.sink.name().to_owned()),
            event_id: ActiveValue::Set(event.event_id),
            subject: ActiveValue::Set(event.subject),
            headers: ActiveValue::Set(serde_json::json!(event.headers)),
            payload: ActiveValue::Set(event.payload),
            error: ActiveValue::Set(event.error),
            retry_count: ActiveValue::Set(event.retry_count.cast_signed()),
            parked_at: ActiveValue::Set(event.at),
        };
        let again = OnConflict::columns([Column::Shard, Column::Sink, Column::EventId])
            .update_columns([Column::Error, Column::RetryCount])
            .to_owned();
        let insert = Entity::insert(row).on_conflict(again);
        self.sideline()
            .run(|connection| async move { insert.exec_without_returning(&*connection).await })
            .await?;
        Ok(())
    }

    /// How many events of a shard are parked for a sink.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn num_parked(&self, shard: &str, sink: Sink) -> Result<u64, Error> {
        let query = of(shard, sink);
        self.reader().run(|connection| async move { query.count(&*connection).await }).await
    }

    /// Parked events, oldest first: those after `after_id`, at most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn parked(
        &self,
        shard: &str,
        sink: Sink,
        after_id: i64,
        limit: u64,
    ) -> Result<Vec<Parked>, Error> {
        let query =
            of(shard, sink).filter(Column::Id.gt(after_id)).order_by_asc(Column::Id).limit(limit);
        let rows =
            self.reader().run(|connection| async move { query.all(&*connection).await }).await?;
        rows.into_iter().map(|row| Parked::read(row, sink)).collect()
    }

    /// Deletes parked events, after they were published.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn unpark(&self, ids: &[i64]) -> Result<(), Error> {
        let delete = Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied()));
        self.sideline().run(|connection| async move { delete.exec(&*connection).await }).await?;
        Ok(())
    }
}

fn of(shard: &str, sink: Sink) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::Shard.eq(shard)).filter(Column::Sink.eq(sink.name()))
}

impl Parked {
    fn read(row: Model, sink: Sink) -> Result<Self, Error> {
        let headers = serde_json::from_value(row.headers).map_err(|error| Error::Corrupt {
            table: "parked_events",
            column: "headers",
            value: error.to_string(),
        })?;
        let event = ParkedEvent {
            shard: row.shard,
            sink,
            event_id: row.event_id,
            subject: row.subject,
            headers,
            payload: row.payload,
            error: row.error,
            retry_count: row.retry_count.cast_unsigned(),
            at: row.parked_at,
        };
        Ok(Self { id: row.id, event })
    }
}
