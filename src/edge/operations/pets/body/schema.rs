//! The documents that [`body`](super) reads, as types: nothing is parsed into them. They are
//! what the OpenAPI document shows, and its examples; the tests have each example read.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::edge::operations::pets::document::PETS;
use crate::edge::operations::schemas::Example;

/// A pet to be created. What else a pet has may be sent back, and is ignored.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePet {
    data: NewPet,
}

#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPet {
    #[schema(pattern = "^pets$")]
    r#type: &'static str,
    attributes: NewPetAttributes,
}

#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
pub struct NewPetAttributes {
    #[schema(minimum = 1, maximum = 4294967295u32)]
    template_id: u32,
    /// Required, unless the path has it; then the same.
    #[schema(minimum = 0, maximum = 4294967295u32)]
    owner_id: Option<u32>,
    #[schema(minimum = 0, maximum = 18446744073709551615u64)]
    cash_id: Option<u64>,
    /// Empty: `Pet`. No control characters.
    #[schema(max_length = 13, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    name: Option<String>,
    /// Outside of 1 to 30: 1.
    level: Option<i64>,
    #[schema(minimum = 0, maximum = 30000)]
    closeness: Option<u16>,
    /// Absent or 0: 100.
    #[schema(minimum = 0, maximum = 100)]
    fullness: Option<u8>,
    /// Absent, or in the year 1: in `life_days` of the catalog, 90 as shipped and if it has none.
    expiration: Option<DateTime<Utc>>,
    #[schema(minimum = 0, maximum = 65535)]
    flag: Option<u16>,
    #[schema(minimum = 0, maximum = 4294967295u32)]
    purchase_by: Option<u32>,
    excludes: Option<Vec<ExcludedItem>>,
}

/// An item the pet does not pick up.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
pub struct ExcludedItem {
    #[schema(minimum = 0, maximum = 4294967295u32)]
    item_id: u32,
}

/// A pet's new name.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePet {
    data: RenamedPet,
}

#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamedPet {
    #[schema(pattern = "^pets$")]
    r#type: &'static str,
    /// Absent, empty, `0`, or as in the path.
    id: Option<String>,
    attributes: RenamedPetAttributes,
}

#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamedPetAttributes {
    /// 4 to 12 characters after trimming, none of them a control.
    #[schema(min_length = 4, max_length = 12, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    name: String,
}

impl Example for CreatePet {
    fn example() -> Self {
        let attributes = NewPetAttributes {
            template_id: 5_000_000,
            owner_id: Some(1),
            cash_id: None,
            name: Some("Felix".into()),
            level: None,
            closeness: None,
            fullness: None,
            expiration: None,
            flag: None,
            purchase_by: None,
            excludes: Some(vec![ExcludedItem { item_id: 2_000_000 }]),
        };
        Self { data: NewPet { r#type: PETS, attributes } }
    }
}

impl Example for RenamePet {
    fn example() -> Self {
        let attributes = RenamedPetAttributes { name: "Findus".into() };
        Self { data: RenamedPet { r#type: PETS, id: None, attributes } }
    }
}
