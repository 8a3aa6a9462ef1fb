//! Records that can never succeed, for a person to look at.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::Store;
use super::entity::dead_letter::{Column, Entity, Model};
use super::error::Error;
use super::rows;
use super::work::DeadLetter;
use crate::domain::TenantId;

/// A dead letter under its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredDeadLetter {
    pub id: i64,
    pub shard: String,
    pub letter: DeadLetter,
}

/// What a list shows of a dead letter: all but the record, which may be large.
#[derive(Clone, PartialEq, Eq, Debug, FromQueryResult)]
pub struct DeadLetterLine {
    pub id: i64,
    pub tenant: Option<Uuid>,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
    pub detail: String,
    pub created_at: DateTime<Utc>,
    /// Bytes of the value.
    pub size: i64,
}

/// Which dead letters to list or count.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    /// Those with this reason only.
    pub reason: Option<String>,
    /// Those older than this one: the last id of the page before.
    pub before_id: Option<i64>,
}

impl Store {
    /// Dead letters of all shards, newest first, at most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dead_letters(
        &self,
        filter: Filter,
        limit: u64,
    ) -> Result<Vec<StoredDeadLetter>, Error> {
        let query = filter.select().order_by_desc(Column::Id).limit(limit);
        let rows =
            self.reader().run(|connection| async move { query.all(&*connection).await }).await?;
        rows.into_iter().map(StoredDeadLetter::read).collect()
    }

    /// As [`dead_letters`](Self::dead_letters), without the records.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dead_letter_lines(
        &self,
        filter: Filter,
        limit: u64,
    ) -> Result<Vec<DeadLetterLine>, Error> {
        let shown = [
            Column::Id,
            Column::Tenant,
            Column::Topic,
            Column::Partition,
            Column::Offset,
            Column::Reason,
            Column::Detail,
            Column::CreatedAt,
        ];
        let query = filter
            .select()
            .select_only()
            .columns(shown)
            .column_as(Expr::cust("cast(length(payload) as bigint)"), "size")
            .order_by_desc(Column::Id)
            .limit(limit)
            .into_model::<DeadLetterLine>();
        self.reader().run(|connection| async move { query.all(&*connection).await }).await
    }

    /// # Errors
    /// See [`Error`].
    pub async fn dead_letter(&self, id: i64) -> Result<Option<StoredDeadLetter>, Error> {
        let query = Entity::find_by_id(id);
        let row =
            self.reader().run(|connection| async move { query.one(&*connection).await }).await?;
        row.map(StoredDeadLetter::read).transpose()
    }

    /// Deletes a dead letter; whether there was one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_dead_letter(&self, id: i64) -> Result<bool, Error> {
        let delete = Entity::delete_by_id(id);
        let outcome = self
            .sideline()
            .run(|connection| async move { delete.exec(&*connection).await })
            .await?;
        Ok(outcome.rows_affected == 1)
    }

    /// How many dead letters there are.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn num_dead_letters(&self, filter: Filter) -> Result<u64, Error> {
        let query = filter.select();
        self.reader().run(|connection| async move { query.count(&*connection).await }).await
    }
}

impl Filter {
    fn select(self) -> Select<Entity> {
        let mut query = Entity::find();
        if let Some(reason) = self.reason {
            query = query.filter(Column::Reason.eq(reason));
        }
        if let Some(id) = self.before_id {
            query = query.filter(Column::Id.lt(id));
        }
        query
    }
}

impl StoredDeadLetter {
    fn read(row: Model) -> Result<Self, Error> {
        let headers = rows::decode_headers(&row.headers).ok_or_else(|| Error::Corrupt {
            table: "dead_letters",
            column: "headers",
            value: row.headers.clone(),
        })?;
        let letter = DeadLetter {
            tenant: row.tenant.map(TenantId),
            topic: row.topic.into(),
            partition: row.partition,
            offset: row.offset,
            key: row.key,
            headers,
            payload: row.payload,
            reason: row.reason,
            detail: row.detail,
            at: row.created_at,
        };
        Ok(Self { id: row.id, shard: row.shard, letter })
    }
}
