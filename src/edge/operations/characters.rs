//! The operations on characters (`spec/interface.md` section 4), one function each.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::body::{Body, invalid, missing, name_problem};
use super::{Call, Operations, document, unknown_character};
use crate::domain::character::request::{Creation, Patch};
use crate::domain::character::{Action, Character, Name, Standing};
use crate::domain::{CharacterId, Reason, TenantId};
use crate::edge::http::error::{Code, Error};
use crate::engine::request::Rendered;
use crate::engine::round::Answer;
use crate::store::CharacterRef;

/// Entries of a page, at most and when the caller does not say.
pub const MAX_LIMIT: u64 = 200;
const DEFAULT_LIMIT: u64 = 50;
/// How often a number is drawn that turns out to be seen on Kafka since it was reserved.
const MAX_DRAWS: usize = 128;

/// One page of characters.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CharacterList)]
pub struct Page {
    /// By ascending number.
    #[schema(value_type = Vec<document::Document>)]
    data: Vec<Box<RawValue>>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// One page of a character's own history.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = EventList)]
pub struct History {
    /// The events as they were published, each with its `seq`; the newest last.
    #[schema(value_type = Vec<super::schemas::PastEvent>)]
    data: Vec<Box<RawValue>>,
    /// Null when there are no more for now.
    next_after_seq: Option<u64>,
}

/// Whether a name is to be had.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NameCheck {
    name: String,
    available: bool,
    /// The code of the error a creation would meet.
    reason: Option<&'static str>,
}

/// Which characters to list.
#[derive(Clone, Default, Debug)]
pub struct Listing {
    pub user: Option<Uuid>,
    pub include_deleted: bool,
    pub cursor: Option<String>,
    pub limit: Option<u64>,
}

impl Operations {
    pub async fn create(&self, call: &Call, mut body: Body) -> Result<Rendered, Error> {
        let user = body.uuid("user_id")?;
        let user = match (user, call.user) {
            (Some(user), Some(player)) if user != player => {
                return Err(Error::new(
                    Code::Forbidden,
                    "a player creates its own characters only",
                ));
            }
            (user, player) => user.or(player).ok_or_else(|| missing("user_id"))?,
        };
        let creation = Creation {
            uuid: Uuid::now_v7(),
            user,
            name: body.name()?.ok_or_else(|| missing("name"))?,
            class: body.word("class_type")?.ok_or_else(|| missing("class_type"))?,
            race: body.word("race")?.ok_or_else(|| missing("race"))?,
            gender: body.word("gender")?.ok_or_else(|| missing("gender"))?,
            slot: body.optional("slot_number")?,
            appearance: body.appearance(Some("appearance"))?,
        };
        let number: Option<u32> = body.optional("number")?;
        if number.is_some() && call.user.is_some() {
            return Err(Error::new(Code::Forbidden, "a player does not choose the number"));
        }
        if number == Some(0) {
            return Err(invalid("number", "must be 1 or more: 0 stands for the system"));
        }
        body.end()?;
        if let Some(number) = number {
            return self.create_as(call, CharacterId(number), creation, false).await;
        }
        let mut taken = None;
        for _ in 0..MAX_DRAWS {
            let number = self.next_number(call.tenant, taken).await?;
            match self.create_as(call, number, creation.clone(), true).await {
                // Seen on Kafka since it was reserved.
                Err(error) if error.code == Code::Reason(Reason::NumberTaken) => {
                    taken = Some(number);
                }
                created => return created,
            }
        }
        Err(Reason::NumberTaken.into())
    }

    async fn create_as(
        &self,
        call: &Call,
        number: CharacterId,
        creation: Creation,
        is_drawn: bool,
    ) -> Result<Rendered, Error> {
        let action = Action::Create(Box::new(creation), Standing::default());
        let id = CharacterRef::Number(number);
        self.ask_as(call, id, action, is_drawn, |answer| match answer {
            Answer::Character(number, character) => document::created(*number, character),
            _ => document::gone(),
        })
        .await
    }

    pub async fn get(&self, call: &Call, id: CharacterRef) -> Result<Rendered, Error> {
        let (number, character) = self.find(call, id).await?;
        Ok(document::whole(number, &character))
    }

    pub async fn list(&self, call: &Call, listing: Listing) -> Result<Rendered, Error> {
        let Listing { user, include_deleted, cursor, limit } = listing;
        if let (Some(player), Some(user)) = (call.user, user)
            && player != user
        {
            return Ok(document::plain(&Page { data: Vec::new(), next_cursor: None }));
        }
        let user = call.user.or(user);
        let limit = page_limit(limit)?;
        let after = cursor.map(|cursor| cursor_number(&cursor)).transpose()?;
        let tenant = call.tenant;
        let mut found = self
            .stored(move |store| async move {
                // One more tells whether there is a next page.
                store.characters(tenant, user, include_deleted, after, limit + 1).await
            })
            .await?;
        let is_last = found.len() as u64 <= limit;
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next_cursor = (!is_last).then(|| found.last().map(|(number, _)| cursor_of(*number)));
        let data = found.iter().map(|(number, character)| {
            let document = document::Document::new(*number, character);
            serde_json::value::to_raw_value(&document).expect("text and numbers are JSON")
        });
        Ok(document::plain(&Page { data: data.collect(), next_cursor: next_cursor.flatten() }))
    }

    pub async fn check_name(&self, call: &Call, text: &str) -> Result<Rendered, Error> {
        let shown = |reason| NameCheck { name: text.trim().into(), available: false, reason };
        let check = match Name::chosen(text) {
            Err(problem) => shown(Some(name_problem(problem).code.name())),
            Ok(name) if self.game.catalog.load().characters.is_reserved(&name) => {
                shown(Some(Reason::NameReserved.code()))
            }
            Ok(name) => {
                let key = name.key.unwrap_or_default();
                let tenant = call.tenant;
                let holder = self
                    .stored(move |store| async move { store.holder_of(tenant, key).await })
                    .await?;
                let is_taken = holder.is_some();
                NameCheck {
                    name: name.text.into(),
                    available: !is_taken,
                    reason: is_taken.then_some(Reason::NameTaken.code()),
                }
            }
        };
        Ok(document::plain(&check))
    }

    pub async fn patch(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let patch = Patch {
            name: body.name()?,
            class: body.word("class_type")?,
            race: body.word("race")?,
            gender: body.word("gender")?,
            user: body.uuid("user_id")?,
        };
        body.end()?;
        self.change(call, id, Action::Patch(Box::new(patch), Standing::default())).await
    }

    pub async fn delete(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let reason = body.reason()?;
        body.end()?;
        self.change(call, id, Action::Delete { reason }).await
    }

    pub async fn restore(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let (reason, slot) = (body.reason()?, body.optional("slot_number")?);
        body.end()?;
        self.ask_of_user(call, id, whole, |user| {
            let reason = reason.clone();
            Action::Restore { reason, slot, user, standing: Standing::default() }
        })
        .await
    }

    pub async fn purge(
        &self,
        call: &Call,
        id: CharacterRef,
        body: Body,
    ) -> Result<Rendered, Error> {
        body.end()?;
        self.ask(call, id, Action::Purge, |_| document::gone()).await
    }

    pub async fn select(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let session = body.uuid("session_id")?.unwrap_or_else(Uuid::now_v7);
        let ip: Option<IpAddr> = body.optional("ip")?;
        body.end()?;
        let selection = |answer: &Answer| of_character(answer, document::selection);
        self.ask_of_user(call, id, selection, |user| Action::Select {
            session,
            ip,
            user,
            others: Vec::new(),
        })
        .await
    }

    pub async fn online(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let session = body.uuid("session_id")?;
        let world = body.text("world_id")?.ok_or_else(|| missing("world_id"))?;
        let zone = body.text("zone_id")?.ok_or_else(|| missing("zone_id"))?;
        body.end()?;
        let action = Action::Online { session, fresh: Uuid::now_v7(), world, zone };
        self.change(call, id, action).await
    }

    pub async fn offline(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let reason = body.text("reason")?.ok_or_else(|| missing("reason"))?;
        body.end()?;
        self.change(call, id, Action::Offline { reason }).await
    }

    pub async fn position(&self, call: &Call, id: CharacterRef) -> Result<Rendered, Error> {
        let (_, character) = self.find(call, id).await?;
        document::position(&character).ok_or_else(|| Reason::NoPosition.into())
    }

    pub async fn reposition(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let movement = body.word("movement_type")?.ok_or_else(|| missing("movement_type"))?;
        let place = body.place()?;
        body.end()?;
        self.ask(call, id, Action::Move { place, movement }, |answer| {
            of_character(answer, |character| {
                document::position(character).unwrap_or_else(document::gone)
            })
        })
        .await
    }

    pub async fn stats(&self, call: &Call, id: CharacterRef) -> Result<Rendered, Error> {
        Ok(document::stats(&self.find(call, id).await?.1))
    }

    pub async fn allocate(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let points = body.points()?;
        let action = Action::Allocate(points);
        self.ask(call, id, action, |answer| of_character(answer, document::stats)).await
    }

    pub async fn experience(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let amount: u64 = body.required("amount")?;
        // For the caller's own log; no event carries it.
        body.text("reason")?;
        body.end()?;
        if amount == 0 {
            return Err(invalid("amount", "must be 1 or more"));
        }
        self.change(call, id, Action::Experience { amount }).await
    }

    pub async fn appearance(&self, call: &Call, id: CharacterRef) -> Result<Rendered, Error> {
        Ok(document::looks(&self.find(call, id).await?.1))
    }

    pub async fn dress(
        &self,
        call: &Call,
        id: CharacterRef,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let reason = body.reason()?;
        let fields = body.appearance(None)?;
        let action = Action::Appearance { fields, reason };
        self.ask(call, id, action, |answer| of_character(answer, document::looks)).await
    }

    pub async fn events(
        &self,
        call: &Call,
        id: CharacterRef,
        after_seq: u64,
        limit: Option<u64>,
    ) -> Result<Rendered, Error> {
        let (_, character) = self.find(call, id).await?;
        let (tenant, limit) = (call.tenant, page_limit(limit)?);
        let found = self
            .stored(move |store| async move {
                store.history(tenant, character.uuid, after_seq, limit + 1).await
            })
            .await?;
        let is_last = found.len() as u64 <= limit;
        let shown: Vec<(u64, String)> =
            found.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        let next_after_seq = shown.last().map(|(seq, _)| *seq).filter(|_| !is_last);
        let data = shown.into_iter().filter_map(|(seq, event)| {
            // The event is an object with members; its number goes in front of them.
            let event = format!("{{\"seq\":{seq},{}", event.strip_prefix('{')?);
            RawValue::from_string(event).ok()
        });
        Ok(document::plain(&History { data: data.collect(), next_after_seq }))
    }

    /// A change whose answer is the whole character.
    async fn change(
        &self,
        call: &Call,
        id: CharacterRef,
        action: Action,
    ) -> Result<Rendered, Error> {
        self.ask(call, id, action, whole).await
    }

    /// Asks what needs to know whose character it is. Who gets a user meanwhile is asked once
    /// more, unless the caller has said which version or that it happens once.
    async fn ask_of_user(
        &self,
        call: &Call,
        id: CharacterRef,
        render: fn(&Answer) -> Rendered,
        action: impl Fn(Uuid) -> Action,
    ) -> Result<Rendered, Error> {
        let user = self.user_of(call, id).await?;
        let answer = self.ask(call, id, action(user), render).await;
        let is_stale =
            answer.as_ref().is_err_and(|error| error.code == Code::Reason(Reason::VersionMismatch));
        if !is_stale || call.versions.is_some() || call.idempotency.is_some() {
            return answer;
        }
        let user = self.user_of(call, id).await?;
        self.ask(call, id, action(user), render).await
    }

    /// Whose character it is. Nil as well for one that is not there, if this may be a
    /// repetition: that is told the first answer, and anything else that there is none.
    async fn user_of(&self, call: &Call, id: CharacterRef) -> Result<Uuid, Error> {
        match self.find(call, id).await {
            Ok((_, character)) => Ok(character.user),
            Err(error)
                if call.idempotency.is_some()
                    && error.code == Code::Reason(Reason::UnknownCharacter) =>
            {
                Ok(Uuid::nil())
            }
            Err(error) => Err(error),
        }
    }

    /// The character as it is committed, if the caller may see it.
    async fn find(&self, call: &Call, id: CharacterRef) -> Result<(CharacterId, Character), Error> {
        // Whoever stands by must not answer from what another may be changing.
        self.engine()?;
        let tenant: TenantId = call.tenant;
        let found =
            self.stored(move |store| async move { store.character(tenant, id).await }).await?;
        found
            .filter(|(_, character)| call.user.is_none_or(|user| user == character.user))
            .ok_or_else(unknown_character)
    }
}

/// A UUID, or a number as `n:12345`.
pub fn character_ref(text: &str) -> Option<CharacterRef> {
    let number = text.strip_prefix("n:");
    let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match number {
        Some(digits) => digits.parse().ok().map(|n| CharacterRef::Number(CharacterId(n))),
        None => Uuid::try_parse(text).ok().map(CharacterRef::Uuid),
    }
}

/// The document of a character as it is after a change.
fn whole(answer: &Answer) -> Rendered {
    match answer {
        Answer::Character(number, character) => document::whole(*number, character),
        _ => document::gone(),
    }
}

fn of_character(answer: &Answer, render: impl Fn(&Character) -> Rendered) -> Rendered {
    match answer {
        Answer::Character(_, character) => render(character),
        _ => document::gone(),
    }
}

/// # Errors
/// [`Code::InvalidPage`].
pub fn page_limit(limit: Option<u64>) -> Result<u64, Error> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Error::new(Code::InvalidPage, "limit must be 1 to 200")),
    }
}

/// Opaque to callers: the number after which the next page begins.
fn cursor_of(number: CharacterId) -> String {
    format!("{:08x}", number.0)
}

fn cursor_number(cursor: &str) -> Result<CharacterId, Error> {
    let number = (cursor.len() == 8).then(|| u32::from_str_radix(cursor, 16).ok()).flatten();
    number.map(CharacterId).ok_or_else(|| Error::new(Code::InvalidPage, "that is no cursor"))
}
