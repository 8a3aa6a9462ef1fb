//! Events of characters, kept for those who ask what happened to one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Store;
use super::decode::Cursor;
use super::error::Error;
use super::keys::bound;
use crate::domain::TenantId;

impl Store {
    /// Events of a character by ascending number, as they were published: those after
    /// `after_seq`, at most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn history(
        &self,
        tenant: TenantId,
        character: Uuid,
        after_seq: u64,
        limit: u64,
    ) -> Result<Vec<(u64, String)>, Error> {
        let sql = "select seq, body from character_events \
                   where tenant = $1 and character = $2 and seq > $3 order by seq limit $4";
        let values = vec![tenant.0.into(), character.into(), bound(after_seq), bound(limit)];
        let rows = self.rows(sql.to_owned(), values).await?;
        rows.iter()
            .map(|row| {
                let mut cursor = Cursor::new(row, "character_events");
                Ok((cursor.number::<i64, _>("seq")?, cursor.take()?))
            })
            .collect()
    }

    /// Deletes events decided before an instant, oldest first, at most `limit`. Returns how
    /// many they were: `limit` when there may be more.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn prune_history(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
        self.prune("character_events", "decided_at", before, limit).await
    }
}
