//! Reading pet status events, for whoever consumes what we or the upstream service write.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::pet::{Body, DespawnReason, Event};
use crate::domain::{CharacterId, PetId};
use crate::wire::kafka::{self, Empty, Refused};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    pet_id: u32,
    owner_id: u32,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spawned {
    template_id: u32,
    name: Box<str>,
    slot: i8,
    level: u8,
    closeness: u16,
    fullness: u8,
    x: i16,
    y: i16,
    stance: u8,
    fh: i16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Despawned {
    template_id: u32,
    name: Box<str>,
    slot: i8,
    level: u8,
    closeness: u16,
    fullness: u8,
    old_slot: i8,
    reason: Reason,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Reason {
    Normal,
    Hunger,
    Expired,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommandResponse {
    slot: i8,
    closeness: u16,
    fullness: u8,
    command_id: u8,
    success: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClosenessChanged {
    slot: i8,
    closeness: u16,
    amount: i16,
    transaction_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct FullnessChanged {
    slot: i8,
    fullness: u8,
    amount: i8,
}

#[derive(Deserialize)]
struct LevelChanged {
    slot: i8,
    level: u8,
    amount: i8,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlotChanged {
    old_slot: i8,
    new_slot: i8,
}

#[derive(Deserialize)]
struct ExcludeChanged {
    items: Option<Box<[u32]>>,
}

/// Reads one pet status event: the inverse of [`encode`](super::encode).
///
/// # Errors
/// [`Refused::UnknownType`] for a type the specification does not list, else
/// [`Refused::Malformed`].
pub fn decode(payload: &[u8]) -> Result<Event, Refused> {
    let envelope: Envelope<'_> = kafka::record(payload)?;
    let raw = envelope.body;
    let body = match &*envelope.kind {
        "CREATED" => kafka::body(raw).map(|Empty {}| Body::Created),
        "DELETED" => kafka::body(raw).map(|Empty {}| Body::Deleted),
        "SPAWNED" => kafka::body(raw).map(Spawned::into),
        "DESPAWNED" => kafka::body(raw).map(Despawned::into),
        "COMMAND_RESPONSE" => kafka::body(raw).map(CommandResponse::into),
        "CLOSENESS_CHANGED" => kafka::body(raw).map(ClosenessChanged::into),
        "FULLNESS_CHANGED" => kafka::body(raw).map(FullnessChanged::into),
        "LEVEL_CHANGED" => kafka::body(raw).map(LevelChanged::into),
        "SLOT_CHANGED" => kafka::body(raw).map(SlotChanged::into),
        "EXCLUDE_CHANGED" => kafka::body(raw).map(ExcludeChanged::into),
        other => Err(Refused::unknown_type(other)),
    }?;
    Ok(Event { pet: PetId(envelope.pet_id), owner: CharacterId(envelope.owner_id), body })
}

impl From<Spawned> for Body {
    fn from(wire: Spawned) -> Self {
        let Spawned { template_id, name, slot, level, closeness, fullness, x, y, stance, fh } =
            wire;
        Self::Spawned { template_id, name, slot, level, closeness, fullness, x, y, stance, fh }
    }
}

impl From<Despawned> for Body {
    fn from(wire: Despawned) -> Self {
        let Despawned { template_id, name, slot, level, closeness, fullness, old_slot, reason } =
            wire;
        let reason = match reason {
            Reason::Normal => DespawnReason::Normal,
            Reason::Hunger => DespawnReason::Hunger,
            Reason::Expired => DespawnReason::Expired,
        };
        Self::Despawned { template_id, name, slot, level, closeness, fullness, old_slot, reason }
    }
}

impl From<CommandResponse> for Body {
    fn from(wire: CommandResponse) -> Self {
        let CommandResponse { slot, closeness, fullness, command_id, success } = wire;
        Self::CommandResponse { slot, closeness, fullness, command: command_id, success }
    }
}

impl From<ClosenessChanged> for Body {
    fn from(wire: ClosenessChanged) -> Self {
        let ClosenessChanged { slot, closeness, amount, transaction_id } = wire;
        let transaction = transaction_id.unwrap_or_default();
        Self::ClosenessChanged { slot, closeness, amount, transaction }
    }
}

impl From<FullnessChanged> for Body {
    fn from(wire: FullnessChanged) -> Self {
        let FullnessChanged { slot, fullness, amount } = wire;
        Self::FullnessChanged { slot, fullness, amount }
    }
}

impl From<LevelChanged> for Body {
    fn from(wire: LevelChanged) -> Self {
        let LevelChanged { slot, level, amount } = wire;
        Self::LevelChanged { slot, level, amount }
    }
}

impl From<SlotChanged> for Body {
    fn from(wire: SlotChanged) -> Self {
        let SlotChanged { old_slot, new_slot } = wire;
        Self::SlotChanged { old_slot, new_slot }
    }
}

impl From<ExcludeChanged> for Body {
    fn from(wire: ExcludeChanged) -> Self {
        Self::ExcludeChanged { items: wire.items.unwrap_or_default() }
    }
}
