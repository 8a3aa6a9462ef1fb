//! What can be asked of characters, whichever way the request comes: over HTTP
//! ([`crate::edge::http`]) or as a NATS micro service ([`crate::edge::nats::service`]).
//!
//! JSON in, an answer out. Who may ask is settled before.

pub mod body;
pub mod characters;
pub mod document;
pub mod schemas;

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::http::Game;
use super::http::error::{Code, Error};
use crate::domain::character::{Action, request};
use crate::domain::input::Request;
use crate::domain::{CharacterId, CharacterKey, Reason, TenantId};
use crate::engine::handle::Handle;
use crate::engine::record::{Cause, Target};
use crate::engine::request::{Claim, Claims, Errand, Idempotency, Rendered};
use crate::engine::round::Answer;
use crate::store::{self, CharacterRef, Store};

/// Character numbers taken from the database at a time; a restart loses those not used.
const NUMBER_BLOCK: u32 = 64;
/// Tenants whose numbers are kept at hand.
const MAX_TENANTS: usize = 1_024;

/// What the operations of one process share.
pub struct Operations {
    game: Arc<Game>,
    /// Reserved in the database and not yet given away.
    numbers: Mutex<FxHashMap<TenantId, Range<u32>>>,
}

/// Who asks, on whose behalf and under which conditions.
#[derive(Clone, Debug)]
pub struct Call {
    pub tenant: TenantId,
    pub cause: Arc<Cause>,
    /// A player sees and changes its own characters only. None: a service.
    pub user: Option<Uuid>,
    /// `If-Match`.
    pub version: Option<u64>,
    /// `Idempotency-Key`, and what the request is told apart from others by.
    pub idempotency: Option<(Box<str>, [u8; 32])>,
}

impl Operations {
    pub fn new(game: Arc<Game>) -> Self {
        Self { game, numbers: Mutex::default() }
    }

    pub fn game(&self) -> &Game {
        &self.game
    }

    pub(super) fn shared_game(&self) -> Arc<Game> {
        Arc::clone(&self.game)
    }

    fn engine(&self) -> Result<Handle, Error> {
        self.game.health.handle().ok_or_else(not_serving)
    }

    fn store(&self) -> Result<Store, Error> {
        self.game.store.get().cloned().ok_or_else(not_serving)
    }

    /// Runs a statement where the store's connections live, to its end even if the caller is
    /// gone by then.
    async fn stored<T, F>(&self, statement: impl FnOnce(Store) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, store::Error>> + Send + 'static,
    {
        match self.game.runtime.spawn(statement(self.store()?)).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(Error::caused(Code::Internal, "a statement did not end", error)),
        }
    }

    /// Asks a character, and answers once that is committed.
    async fn ask(
        &self,
        call: &Call,
        id: CharacterRef,
        action: Action,
        render: fn(&Answer) -> Rendered,
    ) -> Result<Rendered, Error> {
        let (target, uuid) = match id {
            CharacterRef::Uuid(uuid) => (Target::Character(call.tenant, uuid), Some(uuid)),
            CharacterRef::Number(number) => {
                let key = CharacterKey { tenant: call.tenant, character: number };
                (Target::Owner(key), None)
            }
        };
        let claims = claims(call, &action);
        let request = request::Request { user: call.user, uuid, version: call.version, action };
        let request = Request::Character(Box::new(request));
        let idempotency = call.idempotency.clone().map(|(key, request_hash)| {
            Box::new(Idempotency { key, request_hash, render: Arc::new(render) })
        });
        let cause = Arc::clone(&call.cause);
        let errand = Errand { target, request, cause, claims, idempotency };
        match self.engine()?.ask(errand, self.game.request_timeout).await? {
            Answer::Rendered(rendered) => Ok(*rendered),
            Answer::Refused(reason) => Err(reason.into()),
            Answer::Failed => Err(Error::new(Code::Internal, "the request failed")),
            answer => Ok(render(&answer)),
        }
    }

    /// A number no character of the tenant had when it was reserved.
    async fn next_number(&self, tenant: TenantId) -> Result<CharacterId, Error> {
        let mut numbers = self.numbers.lock().await;
        if numbers.len() > MAX_TENANTS {
            numbers.clear();
        }
        let left = numbers.entry(tenant).or_default();
        if left.start >= left.end {
            *left = self
                .stored(move |store| async move {
                    store.reserve_character_numbers(tenant, NUMBER_BLOCK).await
                })
                .await?;
        }
        Ok(CharacterId(left.next().expect("a block has numbers")))
    }
}

impl Call {
    /// Marks the call as one that may be repeated: `parts` are all that makes two requests
    /// the same.
    ///
    /// # Errors
    /// [`Code::InvalidIdempotencyKey`].
    pub fn repeatable(&mut self, key: &str, parts: &[&[u8]]) -> Result<(), Error> {
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let detail = "an idempotency key is 1 to 255 visible ASCII characters";
            return Err(Error::new(Code::InvalidIdempotencyKey, detail));
        }
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(self.user.unwrap_or_default());
        self.idempotency = Some((key.into(), hash.finalize().into()));
        Ok(())
    }
}

/// What the action decides about besides its character.
fn claims(call: &Call, action: &Action) -> Claims {
    let tenant = call.tenant;
    let mut claims = Claims::new();
    claims.extend(action.user().map(|user| Claim::User(tenant, user)));
    claims.extend(action.name_key().map(|key| Claim::Name(tenant, key.into())));
    claims.extend(call.idempotency.as_ref().map(|(key, _)| Claim::Key(tenant, key.clone())));
    claims
}

fn not_serving() -> Error {
    Error::new(Code::NotServing, "another process serves, or none yet")
}

fn unknown_character() -> Error {
    Reason::UnknownCharacter.into()
}
