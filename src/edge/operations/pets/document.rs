//! Pets as the pets API writes them (JSON:API).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::page::{Links, Page};
use crate::domain::CharacterId;
use crate::domain::pet::{Pet, Position};

/// The media type of the pets API.
pub const JSON_API: &str = "application/vnd.api+json";
/// The type of every resource.
pub const PETS: &str = "pets";

/// One pet.
#[derive(Serialize, ToSchema)]
#[schema(as = PetDocument)]
pub struct Document {
    pub data: Resource,
}

/// One page of pets.
#[derive(Serialize, ToSchema)]
#[schema(as = PetList)]
pub struct List {
    data: Vec<Resource>,
    meta: Meta,
    links: Links,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PetListMeta)]
struct Meta {
    total: u64,
    page: Page,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Pet)]
pub struct Resource {
    #[schema(value_type = String, pattern = "^pets$")]
    r#type: &'static str,
    id: String,
    attributes: Attributes,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PetAttributes)]
struct Attributes {
    cash_id: u64,
    template_id: u32,
    name: Box<str>,
    level: u8,
    closeness: u16,
    fullness: u8,
    #[serde(serialize_with = "instant")]
    expiration: Option<DateTime<Utc>>,
    #[schema(value_type = u32)]
    owner_id: CharacterId,
    slot: i8,
    x: i16,
    y: i16,
    stance: u8,
    fh: i16,
    excludes: Vec<Exclude>,
    flag: u16,
    purchase_by: u32,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PetExclude)]
struct Exclude {
    item_id: u32,
}

impl Resource {
    /// `position` if one is known.
    pub fn new(owner: CharacterId, pet: Pet, position: Option<Position>) -> Self {
        let Position { x, y, stance, fh } = position.unwrap_or_default();
        Self {
            r#type: PETS,
            id: pet.id.to_string(),
            attributes: Attributes {
                cash_id: pet.cash_id,
                template_id: pet.template_id,
                name: pet.name,
                level: pet.level,
                closeness: pet.closeness,
                fullness: pet.fullness,
                expiration: pet.expiration,
                owner_id: owner,
                slot: pet.slot,
                x,
                y,
                stance,
                fh,
                excludes: pet.excludes.iter().map(|&item_id| Exclude { item_id }).collect(),
                flag: pet.flag,
                purchase_by: pet.purchase_by,
            },
        }
    }
}

impl List {
    pub fn new(data: Vec<Resource>, total: u64, page: Page, path: &str) -> Self {
        Self { data, meta: Meta { total, page }, links: page.links(path) }
    }
}

fn instant<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
