//! `EVENT_TOPIC_ASSET_STATUS`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Empty, Refused};
use crate::domain::character::{Asset, AssetChange};
use crate::domain::{CharacterId, PetId};

/// What most records of this topic stand for is no pet, so only the template is required
/// before that is known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    character_id: Option<u32>,
    asset_id: Option<u32>,
    template_id: u32,
    slot: Option<i16>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    pet_id: Option<u32>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    #[serde(skip_serializing_if = "Option::is_none")]
    old_slot: Option<i16>,
}

/// Reads one asset status event. `Ok(None)`: not a pet item, a record that names no pet, or
/// a type that is none of ours; to be ignored.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn decode(payload: &[u8]) -> Result<Option<(CharacterId, Asset)>, Refused> {
    let envelope: Envelope<'_> = super::record(payload)?;
    if !is_pet_item(envelope.template_id) {
        return Ok(None);
    }
    let Some(change) = change(&envelope.kind, envelope.body)? else { return Ok(None) };
    let asset = Asset {
        asset: required("assetId", envelope.asset_id)?,
        template_id: envelope.template_id,
        slot: required("slot", envelope.slot)?,
        change,
    };
    Ok(Some((CharacterId(required("characterId", envelope.character_id)?), asset)))
}

/// Inventory type cash and classification pet (`spec/rules.md` section 1, "Deletion").
fn is_pet_item(template_id: u32) -> bool {
    template_id / 1_000_000 == 5 && template_id / 10_000 == 500
}

fn change(kind: &str, body: Option<&RawValue>) -> Result<Option<AssetChange>, Refused> {
    match kind {
        "CREATED" => recorded("CREATED", body),
        "UPDATED" => recorded("UPDATED", body),
        "ACCEPTED" => recorded("ACCEPTED", body),
        "MOVED" => {
            let Moved { old_slot } = super::body(body)?;
            Ok(Some(AssetChange::Moved { old_slot }))
        }
        "DELETED" => {
            let Empty {} = super::body(body)?;
            Ok(Some(AssetChange::Deleted))
        }
        _ => Ok(None),
    }
}

/// Pet 0 is how upstream writes an asset that stands for no pet yet.
fn recorded(name: &'static str, body: Option<&RawValue>) -> Result<Option<AssetChange>, Refused> {
    let Recorded { pet_id } = super::body(body)?;
    Ok(pet_id.filter(|id| *id != 0).map(|id| AssetChange::Recorded { name, pet: PetId(id) }))
}

fn required<T>(name: &'static str, value: Option<T>) -> Result<T, Refused> {
    value.ok_or_else(|| Refused::malformed("missing field ", format_args!("`{name}`")))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    character_id: u32,
    asset_id: u32,
    template_id: u32,
    slot: i16,
    r#type: &'static str,
    body: Body,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    Recorded(Recorded),
    Moved(Moved),
    Nothing {},
}

/// An asset event as the inventory service would send it, without `compartmentId`, which
/// [`Asset`] does not hold.
pub fn encode(character: CharacterId, asset: &Asset) -> Vec<u8> {
    let body = match asset.change {
        AssetChange::Recorded { pet, .. } => Body::Recorded(Recorded { pet_id: Some(pet.0) }),
        AssetChange::Moved { old_slot } => Body::Moved(Moved { old_slot }),
        AssetChange::Deleted => Body::Nothing {},
    };
    super::to_json(&Record {
        character_id: character.0,
        asset_id: asset.asset,
        template_id: asset.template_id,
        slot: asset.slot,
        r#type: asset.change.name(),
        body,
    })
}

#[cfg(test)]
mod tests;
