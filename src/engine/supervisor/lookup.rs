//! Asking SQL about a draft's unknowns: one query for all pets, one for all characters.
//!
//! A database that is away is asked again, for as long as it takes. One that holds something
//! unreadable is asked key by key: only what cannot be read is given up.

use std::time::Duration;

use uuid::Uuid;

use super::facts::{Questions, giving_way};
use crate::domain::{CharacterId, CharacterKey, PetKey, TenantId};
use crate::store::{self, AnswerRow, Store, Stored, UsersCharacter};
use crate::telemetry::metrics::METRICS;

/// Between two attempts to read from a database that is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// What SQL said.
#[derive(Default)]
pub(in crate::engine) struct Found {
    pub owners: Vec<(PetKey, CharacterId)>,
    pub stored: Vec<Stored>,
    pub numbers: Vec<((TenantId, Uuid), CharacterId)>,
    /// Who has the names asked about.
    pub holders: Vec<((TenantId, Box<str>), CharacterId)>,
    /// All characters of the users asked about.
    pub users: Vec<UsersCharacter>,
    /// Those of them of whom a character is to be selected.
    pub selecting: Vec<(TenantId, Uuid)>,
    /// Answers given before under the keys asked about.
    pub answers: Vec<AnswerRow>,
    /// What stands there is not what can stand there; and how it is not.
    pub unreadable: Vec<(CharacterKey, String)>,
}

/// Finds the owners of `lost` pets and whatever else is asked, and reads the characters that
/// turn out to be concerned, and the `absent` ones.
pub(in crate::engine) async fn look_up(
    store: Store,
    lost: Vec<PetKey>,
    questions: Questions,
    mut absent: Vec<CharacterKey>,
    is_here: impl Fn(CharacterKey) -> bool,
) -> Found {
    let mut found = Found::default();
    ask(&store, questions, &mut found).await;
    let by_uuid = found
        .numbers
        .iter()
        .map(|((tenant, _), character)| CharacterKey { tenant: *tenant, character: *character });
    absent.extend(by_uuid.chain(giving_way(&found)).filter(|key| !is_here(*key)));
    if !lost.is_empty() {
        // The columns asked for here have no form that cannot be read.
        found.owners = insist(|| store.owners_of(&lost)).await.unwrap_or_else(unanswered);
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

/// Each question with one query, if there is any of its kind.
async fn ask(store: &Store, mut questions: Questions, found: &mut Found) {
    questions.sort();
    let Questions { uuids, names, users, keys, selecting } = questions;
    found.selecting = selecting;
    if !uuids.is_empty() {
        found.numbers = insist(|| store.numbers_of(&uuids)).await.unwrap_or_else(unanswered);
    }
    if !names.is_empty() {
        found.holders = insist(|| store.holders_of(&names)).await.unwrap_or_else(unanswered);
    }
    if !users.is_empty() {
        found.users = insist(|| store.characters_of_users(&users)).await.unwrap_or_else(unanswered);
    }
    if !keys.is_empty() {
        found.answers = insist(|| store.answers(&keys)).await.unwrap_or_else(unanswered);
    }
}

/// Something among the rows cannot be read. What is missing here the database's constraints
/// still know.
fn unanswered<T>(error: store::Error) -> Vec<T> {
    tracing::error!("a question about characters has no answer: {error}");
    Vec::new()
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
