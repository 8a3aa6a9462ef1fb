//! `EVENT_TOPIC_CHARACTER_STATUS`.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Empty, Refused};
use crate::domain::CharacterId;
use crate::domain::character::{Status, StatusChange};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    transaction_id: Option<Uuid>,
    world_id: u8,
    character_id: u32,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// What every type has.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// LOGIN and CHANNEL_CHANGED.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Located {
    channel_id: u8,
    map_id: u32,
    instance: Option<Uuid>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct MapChanged {
    channel_id: u8,
    target_map_id: u32,
    target_instance: Option<Uuid>,
    use_target_position: Option<bool>,
    target_x: Option<i16>,
    target_y: Option<i16>,
}

impl MapChanged {
    fn target(&self) -> Option<(i16, i16)> {
        self.use_target_position
            .unwrap_or_default()
            .then(|| (self.target_x.unwrap_or_default(), self.target_y.unwrap_or_default()))
    }
}

/// Reads one character status event; `at` is the record's own timestamp. `Ok(None)`: one of
/// the types that are none of ours, to be ignored and counted.
///
/// The bodies of LOGOUT and DELETED are not read: a bad location must not keep a ghost online.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn decode(payload: &[u8], at: DateTime<Utc>) -> Result<Option<(CharacterId, Status)>, Refused> {
    let envelope: Envelope<'_> = match super::record(payload) {
        Ok(envelope) => envelope,
        Err(_) if is_foreign(payload) => return Ok(None),
        Err(refused) => return Err(refused),
    };
    let Some(change) = change(&envelope.kind, envelope.body)? else { return Ok(None) };
    let status = Status {
        transaction: envelope.transaction_id.unwrap_or_default(),
        world: envelope.world_id,
        at,
        change,
    };
    Ok(Some((CharacterId(envelope.character_id), status)))
}

/// Whether the type is none of ours: what else stands in such a record is not ours to refuse.
fn is_foreign(payload: &[u8]) -> bool {
    let typed: Result<Typed<'_>, _> = super::record(payload);
    typed.is_ok_and(|typed| change(&typed.kind, None) == Ok(None))
}

fn change(kind: &str, body: Option<&RawValue>) -> Result<Option<StatusChange>, Refused> {
    Ok(Some(match kind {
        "LOGIN" => {
            let Located { channel_id, map_id, instance } = super::body(body)?;
            StatusChange::Login {
                channel: channel_id,
                map: map_id,
                instance: instance.unwrap_or_default(),
            }
        }
        "LOGOUT" => {
            let Empty {} = super::body(body)?;
            StatusChange::Logout
        }
        "MAP_CHANGED" => {
            let body: MapChanged = super::body(body)?;
            StatusChange::MapChanged {
                channel: body.channel_id,
                map: body.target_map_id,
                instance: body.target_instance.unwrap_or_default(),
                target: body.target(),
            }
        }
        "CHANNEL_CHANGED" => {
            let Located { channel_id, map_id, instance } = super::body(body)?;
            StatusChange::ChannelChanged {
                channel: channel_id,
                map: map_id,
                instance: instance.unwrap_or_default(),
            }
        }
        "DELETED" => {
            let Empty {} = super::body(body)?;
            StatusChange::Deleted
        }
        _ => return Ok(None),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    transaction_id: Uuid,
    world_id: u8,
    character_id: u32,
    r#type: &'static str,
    body: Body,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    Located(Located),
    MapChanged(MapChanged),
    Nothing {},
}

/// A status event as another service would send it, without the fields that [`Status`] does
/// not hold (old location, portal, the location of a logout).
pub fn encode(character: CharacterId, status: &Status) -> Vec<u8> {
    let body = match &status.change {
        StatusChange::Login { channel, map, instance }
        | StatusChange::ChannelChanged { channel, map, instance } => {
            Body::Located(Located { channel_id: *channel, map_id: *map, instance: Some(*instance) })
        }
        StatusChange::MapChanged { channel, map, instance, target } => {
            Body::MapChanged(MapChanged {
                channel_id: *channel,
                target_map_id: *map,
                target_instance: Some(*instance),
                use_target_position: Some(target.is_some()),
                target_x: Some(target.map_or(0, |(x, _)| x)),
                target_y: Some(target.map_or(0, |(_, y)| y)),
            })
        }
        StatusChange::Logout | StatusChange::Deleted => Body::Nothing {},
    };
    super::to_json(&Record {
        transaction_id: status.transaction,
        world_id: status.world,
        character_id: character.0,
        r#type: status.change.name(),
        body,
    })
}

#[cfg(test)]
mod tests;
