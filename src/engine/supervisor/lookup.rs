//! Asking SQL about a draft's unknowns: one query for all pets, one for all characters.
//!
//! A database that is away is asked again, for as long as it takes. One that holds something
//! unreadable is asked key by key: only what cannot be read is given up.

use std::time::Duration;

use crate::domain::{CharacterId, CharacterKey, PetKey};
use crate::store::{self, Store, Stored};
use crate::telemetry::metrics::METRICS;

/// Between two attempts to read from a database that is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// What SQL said.
#[derive(Default)]
pub(in crate::engine) struct Found {
    pub owners: Vec<(PetKey, CharacterId)>,
    pub stored: Vec<Stored>,
    /// What stands there is not what can stand there; and how it is not.
    pub unreadable: Vec<(CharacterKey, String)>,
}

/// Finds the owners of `lost` pets, and reads them and the `absent` characters.
pub(in crate::engine) async fn look_up(
    store: Store,
    lost: Vec<PetKey>,
    mut absent: Vec<CharacterKey>,
    is_here: impl Fn(CharacterKey) -> bool,
) -> Found {
    let mut found = Found::default();
    if !lost.is_empty() {
        // The columns asked for here have no form that cannot be read.
        found.owners = insist(|| store.owners_of(&lost)).await.unwrap_or_else(|error| {
            tracing::error!("owners of pets cannot be read: {error}");
            Vec::new()
        });
    }
    for (pet, character) in &found.owners {
        let key = CharacterKey { tenant: pet.tenant, character: *character };
        if !is_here(key) {
            absent.push(key);
        }
    }
    absent.sort_unstable();
    absent.dedup();
    if !absent.is_empty() {
        load(&store, &absent, &mut found).await;
    }
    found
}

/// Reads characters together, or one by one if some of them cannot be read.
async fn load(store: &Store, keys: &[CharacterKey], found: &mut Found) {
    match insist(|| store.load(keys)).await {
        Ok(stored) => found.stored.extend(stored),
        Err(_) if keys.len() > 1 => {
            for key in keys {
                Box::pin(load(store, std::slice::from_ref(key), found)).await;
            }
        }
        Err(error) => {
            tracing::error!(character = %keys[0], "its state cannot be read: {error}");
            found.unreadable.extend(keys.iter().map(|key| (*key, error.to_string())));
        }
    }
}

/// Until the database answers.
///
/// # Errors
/// An answer that would be the same the next time.
pub(in crate::engine) async fn insist<T, F>(mut read: impl FnMut() -> F) -> Result<T, store::Error>
where
    F: Future<Output = Result<T, store::Error>>,
{
    loop {
        match read().await {
            Err(error) if error.is_retryable() => {
                tracing::warn!("reading from the database failed, trying again: {error}");
                METRICS.round.retried.with_label_values(&["read"]).inc();
                tokio::time::sleep(RETRY_EVERY).await;
            }
            answer => return answer,
        }
    }
}
