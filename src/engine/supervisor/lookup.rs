//! Asking SQL about a draft's unknowns: one query for each kind of question.
//!
//! A database that is away is asked again, for as long as it takes. One that holds something
//! unreadable is asked key by key: only what cannot be read is given up.

use std::time::Duration;

use uuid::Uuid;

use super::facts::{Questions, giving_way};
use crate::domain::{CharacterId, CharacterKey, PetKey, TenantId};
use crate::store::{self, AnswerRow, Asked, Known, Store, Stored};
use crate::telemetry::metrics::METRICS;

/// Between two attempts to read from a database that is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// What SQL said.
#[derive(Default)]
pub(in crate::engine) struct Found {
    pub owners: Vec<(PetKey, CharacterId)>,
    pub stored: Vec<Stored>,
    pub known: Known,
    /// The users among those asked about of whom a character is to be selected.
    pub selecting: Vec<(TenantId, Uuid)>,
    /// Answers given before under the keys asked about.
    pub answers: Vec<AnswerRow>,
    /// Keys under which something stands that cannot be read.
    pub unreadable_keys: Vec<(TenantId, Box<str>)>,
    /// What stands there is not what can stand there; and how it is not.
    pub unreadable: Vec<(CharacterKey, String)>,
}

/// Finds the owners of `lost` pets and whatever else is asked, and reads the characters that
/// turn out to be concerned, and the `absent` ones.
pub(in crate::engine) async fn look_up(
    store: Store,
    lost: Vec<PetKey>,
    mut questions: Questions,
    mut absent: Vec<CharacterKey>,
    is_here: impl Fn(CharacterKey) -> bool,
) -> Found {
    absent.sort_unstable();
    absent.dedup();
    questions.sort();
    // Read anyway, so not to be asked about as well.
    questions.characters.numbers.retain(|key| absent.binary_search(key).is_err());
    let (mut found, mut known, owners) = (Found::default(), Found::default(), async {
        match &lost[..] {
            [] => Vec::new(),
            // The columns asked for here have no form that cannot be read.
            lost => insist(|| store.owners_of(lost)).await.unwrap_or_else(|error| {
                tracing::error!("a question about pets has no answer: {error}");
                Vec::new()
            }),
        }
    });
    let ((), (), owners) =
        tokio::join!(ask(&store, questions, &mut found), load(&store, &absent, &mut known), owners);
    found.owners = owners;
    let by_uuid = found
        .known
        .numbers
        .iter()
        .map(|((tenant, _), character)| CharacterKey { tenant: *tenant, character: *character });
    let by_pet = found
        .owners
        .iter()
        .map(|(pet, character)| CharacterKey { tenant: pet.tenant, character: *character });
    // Sorted: what was read just now is not read again.
    let is_new = |key: &CharacterKey| absent.binary_search(key).is_err() && !is_here(*key);
    let stored = found.known.stored.iter().copied();
    let mut concerned: Vec<_> =
        by_uuid.chain(by_pet).chain(giving_way(&found)).chain(stored).filter(is_new).collect();
    concerned.sort_unstable();
    concerned.dedup();
    found.stored = known.stored;
    found.unreadable = known.unreadable;
    load(&store, &concerned, &mut found).await;
    found
}

async fn ask(store: &Store, questions: Questions, found: &mut Found) {
    let Questions { characters, keys, selecting } = questions;
    found.selecting = selecting;
    let (known, ()) =
        tokio::join!(insist(|| store.known(&characters)), recall(store, &keys, found));
    found.known = known.unwrap_or_else(|error| unknown(characters, &error));
}

/// Nothing is known. The database's constraints still guard names and slots, and what may be
/// stored is read; a character asked for by UUID counts as unknown, and to a selection nobody
/// gives way.
fn unknown(asked: Asked, error: &store::Error) -> Known {
    tracing::error!("a question about characters has no answer: {error}");
    Known { stored: asked.numbers, ..Known::default() }
}

/// Reads the answers given before together, or one by one if some of them cannot be read: who
/// asks again under such a key must not be served a second time.
async fn recall(store: &Store, keys: &[(TenantId, Box<str>)], found: &mut Found) {
    match insist(|| store.answers(keys)).await {
        Ok(answers) => found.answers.extend(answers),
        Err(_) if keys.len() > 1 => {
            for key in keys {
                Box::pin(recall(store, std::slice::from_ref(key), found)).await;
            }
        }
        Err(error) => {
            tracing::error!(key = &*keys[0].1, "a kept answer cannot be read: {error}");
            found.unreadable_keys.extend_from_slice(keys);
        }
    }
}

/// Reads characters together, or one by one if some of them cannot be read.
async fn load(store: &Store, keys: &[CharacterKey], found: &mut Found) {
    if keys.is_empty() {
        return;
    }
    match insist(|| store.load(keys)).await {
        Ok(stored) => found.stored.extend(stored),
        Err(_) if keys.len() > 1 => {
            for key in keys {
                Box::pin(load(store, std::slice::from_ref(key), found)).await;
            }
        }
        Err(error) => {
            let CharacterKey { tenant, character } = keys[0];
            tracing::error!(%tenant, character = character.0, "its state cannot be read: {error}");
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
