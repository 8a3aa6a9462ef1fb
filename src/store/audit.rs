//! What people changed.

use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::Store;
use super::entity::audit_entry::{ActiveModel, Column, Entity};
use super::error::Error;

pub use super::entity::audit_entry::Model as AuditEntry;

impl Store {
    /// Writes down what is about to be done; it is on disk when this returns.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn begin_audit(&self, entry: AuditEntry) -> Result<(), Error> {
        let row = ActiveModel {
            id: ActiveValue::Set(entry.id),
            at: ActiveValue::Set(entry.at),
            who: ActiveValue::Set(entry.who),
            role: ActiveValue::Set(entry.role),
            action: ActiveValue::Set(entry.action),
            target: ActiveValue::Set(entry.target),
            detail: ActiveValue::Set(entry.detail),
            outcome: ActiveValue::Set(entry.outcome),
            request_id: ActiveValue::Set(entry.request_id),
        };
        let insert = Entity::insert(row);
        // The writing connection's commits wait for the disk.
        self.writer()
            .run(|connection| async move { insert.exec_without_returning(&*connection).await })
            .await?;
        Ok(())
    }

    /// What came of it; on disk when this returns.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn end_audit(&self, id: Uuid, outcome: &str) -> Result<(), Error> {
        let sql = "update audit_log set outcome = $1 where id = $2".to_owned();
        let statement = self.statement(sql, vec![outcome.into(), id.into()]);
        self.writer()
            .run(|connection| async move { connection.execute_raw(statement).await })
            .await?;
        Ok(())
    }

    /// The newest first: those before `before`, at most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn audit(&self, before: Option<Uuid>, limit: u64) -> Result<Vec<AuditEntry>, Error> {
        let mut query = Entity::find().order_by_desc(Column::Id).limit(limit);
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before));
        }
        self.reader().run(|connection| async move { query.all(&*connection).await }).await
    }
}
