//! `COMMAND_TOPIC_PET`.

use std::borrow::Cow;
use std::fmt;

use rustc_hash::FxHashSet;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::plain::Plain;
use super::{Empty, Refused};
use crate::domain::pet::{self, MAX_EXCLUDES, Order};
use crate::domain::{CharacterId, PetId};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    transaction_id: Option<Uuid>,
    actor_id: Option<u32>,
    pet_id: u32,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spawn {
    lead: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attempt {
    command_id: u8,
    /// Only its type matters: no rule depends on how the player gave the command.
    #[serde(rename = "byName")]
    _by_name: Option<bool>,
}

#[derive(Deserialize)]
struct Award<T> {
    amount: T,
}

#[derive(Deserialize)]
struct Exclude {
    items: Option<Items>,
}

/// Reads one pet command.
///
/// # Errors
/// [`Refused::UnknownType`] for a type the specification does not list, else
/// [`Refused::Malformed`].
pub fn decode(payload: &[u8]) -> Result<pet::Command, Refused> {
    match plain(payload) {
        Some(command) => Ok(command),
        None => with_serde(payload),
    }
}

/// A command with nothing but an amount.
fn plain(payload: &[u8]) -> Option<pet::Command> {
    let mut rest = Plain::of(payload);
    let transaction = rest.uuid(b"{\"transactionId\":\"")?;
    let actor = CharacterId(rest.integer(b",\"actorId\":")?);
    let pet = PetId(rest.integer(b",\"petId\":")?);
    let kind = rest.word(b",\"type\":\"")?;
    let amount = b",\"body\":{\"amount\":";
    let order = match kind {
        b"AWARD_CLOSENESS" => Order::AwardCloseness { amount: rest.integer(amount)? },
        b"AWARD_FULLNESS" => Order::AwardFullness { amount: rest.integer(amount)? },
        b"AWARD_LEVEL" => Order::AwardLevel { amount: rest.integer(amount)? },
        _ => return None,
    };
    rest.end(b"}}")?;
    Some(pet::Command { transaction, actor, pet, order })
}

fn with_serde(payload: &[u8]) -> Result<pet::Command, Refused> {
    let envelope: Envelope<'_> = super::record(payload)?;
    Ok(pet::Command {
        transaction: envelope.transaction_id.unwrap_or_default(),
        actor: CharacterId(envelope.actor_id.unwrap_or_default()),
        pet: PetId(envelope.pet_id),
        order: order(&envelope.kind, envelope.body)?,
    })
}

fn order(kind: &str, body: Option<&RawValue>) -> Result<Order, Refused> {
    Ok(match kind {
        "SPAWN" => {
            let Spawn { lead } = super::body(body)?;
            Order::Spawn { lead: lead.unwrap_or_default() }
        }
        "DESPAWN" => {
            let Empty {} = super::body(body)?;
            Order::Despawn
        }
        "ATTEMPT_COMMAND" => {
            let Attempt { command_id, .. } = super::body(body)?;
            Order::Attempt { command: command_id }
        }
        "AWARD_CLOSENESS" => {
            let Award { amount } = super::body(body)?;
            Order::AwardCloseness { amount }
        }
        "AWARD_FULLNESS" => {
            let Award { amount } = super::body(body)?;
            Order::AwardFullness { amount }
        }
        "AWARD_LEVEL" => {
            let Award { amount } = super::body(body)?;
            Order::AwardLevel { amount }
        }
        "EXCLUDE" => {
            let Exclude { items } = super::body(body)?;
            Order::Exclude { items: items.unwrap_or_default().0.into() }
        }
        other => return Err(Refused::unknown_type(other)),
    })
}

/// Item ids as an EXCLUDE keeps them: without 0 and duplicates, in the order given, at most
/// [`MAX_EXCLUDES`]. What is dropped still has to be a `u32`, but costs no memory.
#[derive(Default)]
struct Items(Vec<u32>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of item ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
        let mut kept = Vec::new();
        let mut seen = FxHashSet::default();
        while let Some(item) = items.next_element::<u32>()? {
            if item != 0 && kept.len() < MAX_EXCLUDES && seen.insert(item) {
                kept.push(item);
            }
        }
        Ok(Items(kept))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    transaction_id: Uuid,
    actor_id: u32,
    pet_id: u32,
    r#type: &'static str,
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Body<'a> {
    Spawn { lead: bool },
    Despawn {},
    Attempt { command_id: u8, by_name: bool },
    Award { amount: u16 },
    Exclude { items: &'a [u32] },
}

/// A command as another service would send it.
pub fn encode(command: &pet::Command) -> Vec<u8> {
    let body = match &command.order {
        Order::Spawn { lead } => Body::Spawn { lead: *lead },
        Order::Despawn => Body::Despawn {},
        Order::Attempt { command } => Body::Attempt { command_id: *command, by_name: false },
        Order::AwardCloseness { amount } => Body::Award { amount: *amount },
        Order::AwardFullness { amount } | Order::AwardLevel { amount } => {
            Body::Award { amount: u16::from(*amount) }
        }
        Order::Exclude { items } => Body::Exclude { items },
    };
    super::to_json(&Record {
        transaction_id: command.transaction,
        actor_id: command.actor.0,
        pet_id: command.pet.0,
        r#type: command.order.name(),
        body,
    })
}

#[cfg(test)]
mod tests;
