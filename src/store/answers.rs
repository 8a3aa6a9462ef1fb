//! Answers already given to requests that carried an `Idempotency-Key`.

use chrono::{DateTime, Utc};

use super::Store;
use super::decode::{self, Cursor};
use super::error::Error;
use super::keys::Keys;
use super::work::AnswerRow;
use crate::domain::TenantId;

impl Store {
    /// The answers stored under keys, in no particular order; a key nobody used is absent.
    /// One stays until it is pruned, whatever its age.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn answers(&self, keys: &[(TenantId, Box<str>)]) -> Result<Vec<AnswerRow>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let backend = self.backend();
        let keys = Keys::of_texts(keys);
        let sql = format!(
            "select a.tenant, a.key, a.request_hash, a.answer, a.created_at from {} \
             join idempotency_keys a on a.tenant = k.tenant and a.key = k.id",
            keys.relation(backend, 1)
        );
        let rows = self.rows(sql, keys.into_values(backend)).await?;
        rows.iter()
            .map(|row| {
                let mut cursor = Cursor::new(row, "idempotency_keys");
                Ok(AnswerRow {
                    tenant: decode::tenant_id(&mut cursor)?,
                    key: cursor.take::<String>()?.into(),
                    request_hash: decode::hash(&mut cursor, "request_hash")?,
                    answer: cursor.take()?,
                    at: cursor.take()?,
                })
            })
            .collect()
    }

    /// Deletes answers given before an instant, oldest first, at most `limit`. Returns how
    /// many they were: `limit` when there may be more.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn prune_answers(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
        self.prune("idempotency_keys", "created_at", before, limit).await
    }
}
