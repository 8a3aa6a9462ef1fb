//! What can be asked of characters and pets, whichever way the request comes: over HTTP
//! ([`crate::edge::http`]) or as a NATS micro service ([`crate::edge::nats::service`]).
//!
//! JSON in, an answer out. Who may ask is settled before.

pub mod body;
pub mod characters;
pub mod document;
pub mod pets;
mod refusal;
pub mod schemas;

use std::future::Future;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap, HeaderName};
use chrono::Utc;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::http::Game;
use super::http::auth::Principal;
use super::http::caller::Caller;
use super::http::error::{Code, Error};
use crate::domain::character::{Action, request};
use crate::domain::input::Request;
use crate::domain::{CharacterId, CharacterKey, Reason, Tenant, TenantId};
use crate::engine::handle::Handle;
use crate::engine::record::{Cause, Target};
use crate::engine::request::{ANSWERS_KEPT, Claim, Claims, Errand, Idempotency, Render, Rendered};
use crate::engine::round::Answer;
use crate::engine::spans;
use crate::store::{self, CharacterRef, Store};

/// Character numbers taken from the database at a time. Creations wait for them, and those not used
/// when the process ends are lost: so it is twice as many each time all were, from the least to the
/// most.
const BLOCK_SIZES: RangeInclusive<u32> = 64..=4_096;
/// Largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Tenants whose numbers are kept at hand.
const MAX_TENANTS: usize = 1_024;

/// What the operations of one process share.
pub struct Operations {
    game: Arc<Game>,
    /// Reserved in the database and not yet given away.
    numbers: Mutex<FxHashMap<TenantId, Block>>,
    /// Of pets; as `numbers`.
    pet_ids: Mutex<Range<i64>>,
}

/// Numbers reserved together.
#[derive(Default)]
struct Block {
    left: Range<u32>,
    size: u32,
}

/// Who asks, on whose behalf and under which conditions.
#[derive(Clone, Debug)]
pub struct Call {
    pub tenant: TenantId,
    pub cause: Arc<Cause>,
    /// A player sees and changes its own characters only. None: a service.
    pub user: Option<Uuid>,
    /// `If-Match`.
    pub versions: Option<Box<[u64]>>,
    /// `Idempotency-Key`, and what the request is told apart from others by.
    pub idempotency: Option<(Box<str>, [u8; 32])>,
}

impl Operations {
    pub fn new(game: Arc<Game>) -> Self {
        Self { game, numbers: Mutex::default(), pet_ids: Mutex::new(0..0) }
    }

    pub fn game(&self) -> &Game {
        &self.game
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
        self.game.run(statement(self.store()?)).await
    }

    /// Asks a character, and answers once that is committed.
    async fn ask(
        &self,
        call: &Call,
        id: CharacterRef,
        action: Action,
        render: fn(&Answer) -> Rendered,
    ) -> Result<Rendered, Error> {
        self.ask_as(call, id, action, false, render).await
    }

    /// The same; `is_drawn`: its number was, and if it is taken another one will be.
    async fn ask_as(
        &self,
        call: &Call,
        id: CharacterRef,
        action: Action,
        is_drawn: bool,
        render: fn(&Answer) -> Rendered,
    ) -> Result<Rendered, Error> {
        let (target, uuid) = match id {
            CharacterRef::Uuid(uuid) => (Target::Character(call.tenant, uuid), Some(uuid)),
            CharacterRef::Number(number) => {
                let key = CharacterKey { tenant: call.tenant, character: number };
                (Target::Owner(key), None)
            }
        };
        let mut claims = call.claims();
        claims.extend(action.user().map(|user| Claim::User(call.tenant, user)));
        claims.extend(action.name_key().map(|key| Claim::Name(call.tenant, key.into())));
        let asked = refusal::Asked::of(&action);
        let request =
            request::Request { user: call.user, uuid, versions: call.versions.clone(), action };
        let request = Request::Character(Box::new(request));
        match self.send(call, target, request, claims, Arc::new(render), is_drawn).await? {
            Answer::Rendered(rendered) => Ok(*rendered),
            Answer::Refused(reason) => {
                Err(asked.refused(reason, &self.game.catalog.load().characters))
            }
            answer => Ok(render(&answer)),
        }
    }

    /// Puts a request into a round.
    async fn send(
        &self,
        call: &Call,
        target: Target,
        request: Request,
        claims: Claims,
        render: Render,
        is_drawn: bool,
    ) -> Result<Answer, Error> {
        let idempotency = call.idempotency.clone();
        let idempotency = idempotency.map(|(key, request_hash)| {
            Box::new(Idempotency { key, request_hash, is_drawn, render })
        });
        let cause = spans::enter(&self.game.tracer, Arc::clone(&call.cause));
        let errand = Errand { claims, idempotency, ..Errand::new(target, request, cause) };
        match self.engine()?.ask(errand, self.game.request_timeout).await? {
            Answer::Failed => Err(Error::new(Code::Internal, "the request failed")),
            answer => Ok(answer),
        }
    }

    /// What was answered under the call's key, of a request that cannot be asked any more.
    async fn first_answer(&self, call: &Call) -> Result<Option<Answer>, Error> {
        let Some((key, request_hash)) = call.idempotency.clone() else { return Ok(None) };
        let keys = [(call.tenant, key.clone())];
        let kept = self.stored(move |store| async move { store.answers(&keys).await }).await?;
        let kept = kept.into_iter().find(|kept| Utc::now() - kept.at < ANSWERS_KEPT);
        let asked = Idempotency {
            key,
            request_hash,
            is_drawn: false,
            render: Arc::new(|_| document::gone()),
        };
        Ok(kept.map(|kept| asked.repeat(kept.request_hash, &kept.answer)))
    }

    /// A number above all that characters of the tenant have, as far as this process knows. If the
    /// one before turned out to be `taken`, by somebody else who may have those behind it too, it is
    /// of another block.
    async fn next_number(
        &self,
        tenant: TenantId,
        taken: Option<CharacterId>,
    ) -> Result<CharacterId, Error> {
        let mut numbers = self.numbers.lock().await;
        if numbers.len() > MAX_TENANTS {
            numbers.clear();
        }
        let Block { left, size } = numbers.entry(tenant).or_default();
        let greatest = self.engine()?.greatest_number(tenant);
        let is_passed = greatest.is_some_and(|greatest| left.start <= greatest.0);
        let block = left.end.saturating_sub(*size)..left.end;
        let is_taken = taken.is_some_and(|taken| block.contains(&taken.0));
        let is_used_up = left.start >= left.end;
        if is_used_up || is_passed || is_taken {
            let wanted = if is_used_up { *size * 2 } else { *size };
            let wanted = wanted.clamp(*BLOCK_SIZES.start(), *BLOCK_SIZES.end());
            let reserved = self.stored(move |store| async move {
                match store.reserve_character_numbers(tenant, wanted, greatest).await {
                    // There may still be fewer.
                    Err(store::Error::Exhausted { .. }) => {
                        let least = *BLOCK_SIZES.start();
                        store.reserve_character_numbers(tenant, least, greatest).await
                    }
                    reserved => reserved,
                }
            });
            match reserved.await {
                Ok(block) => (*size, *left) = (block.end - block.start, block),
                // There may be none above the greatest: what is left is free all the same.
                Err(_) if !is_used_up => {}
                Err(error) => return Err(error),
            }
        }
        Ok(CharacterId(left.next().expect("a block has numbers")))
    }
}

impl Call {
    /// Reads the headers, which are the same over HTTP and NATS; `default` stands in for a
    /// tenant they do not name.
    ///
    /// # Errors
    /// [`Code::InvalidTenant`], [`Code::InvalidVersion`].
    pub fn of(
        principal: Principal,
        headers: &HeaderMap,
        default: Option<&Arc<Tenant>>,
    ) -> Result<Self, Error> {
        let caller = Caller::of(principal, headers, default)?;
        Ok(Self {
            tenant: caller.tenant_id(),
            user: caller.principal.player(),
            cause: caller.cause,
            versions: versions(headers)?,
            idempotency: None,
        })
    }

    /// What any request lays claim to.
    fn claims(&self) -> Claims {
        let key = self.idempotency.as_ref();
        key.map(|(key, _)| Claim::Key(self.tenant, key.clone())).into_iter().collect()
    }

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
        // A player's key is that player's alone.
        let key = self.user.map_or_else(|| key.to_owned(), |user| format!("{user}/{key}"));
        self.idempotency = Some((key.into(), hash.finalize().into()));
        Ok(())
    }
}

/// The versions `If-Match` names; none at all if it is absent or `*`, which is any. Tags we
/// never gave, and weak ones, match nothing (RFC 9110, section 13.1.1).
fn versions(headers: &HeaderMap) -> Result<Option<Box<[u64]>>, Error> {
    let mut versions = Vec::new();
    let mut has_any = false;
    for value in headers.get_all(header::IF_MATCH) {
        let value = value.to_str().unwrap_or_default();
        if value.trim() == "*" {
            return Ok(None);
        }
        for tag in value.split(',').map(str::trim) {
            let (is_weak, tag) = match tag.strip_prefix("W/") {
                Some(tag) => (true, tag),
                None => (false, tag),
            };
            let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            let digits = quoted.unwrap_or(tag);
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let version = is_number.then(|| digits.parse::<u64>().ok()).flatten();
            if quoted.is_none() && (is_weak || version.is_none()) {
                let detail = "If-Match is no version of a character as ETag gives it";
                return Err(Error::new(Code::InvalidVersion, detail));
            }
            versions.extend(version.filter(|_| !is_weak));
            has_any = true;
        }
    }
    Ok(has_any.then(|| versions.into()))
}

fn not_serving() -> Error {
    Error::new(Code::NotServing, "another process serves, or none yet")
}

fn unknown_character() -> Error {
    Reason::UnknownCharacter.into()
}
