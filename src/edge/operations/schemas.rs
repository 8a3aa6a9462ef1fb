//! The bodies that [`body`](super::body) reads, as types: nothing is parsed into them. They are
//! what the OpenAPI document shows, and its examples; the tests have each example read by the
//! operation it is for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::{Uuid, uuid};

use super::body::MAX_ENTRIES;

/// An example of itself.
pub trait Example: Serialize + ToSchema + Sized {
    fn example() -> Self;

    /// Without what it leaves out.
    fn example_json() -> Value {
        without_nulls(serde_json::to_value(Self::example()).expect("text and numbers are JSON"))
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let given = members.into_iter().filter(|(_, value)| !value.is_null());
            given.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        other => other,
    }
}

/// Ids that examples agree on.
pub const USER: Uuid = uuid!("0192f0c1-2b3c-7d4e-8f50-112233445566");
pub const CHARACTER: Uuid = uuid!("0192f0c2-0a1b-7c2d-9e3f-665544332211");
pub const SESSION: Uuid = uuid!("0192f0c3-5e6f-7081-92a3-b4c5d6e7f809");

/// Text that goes into events as it is; no control characters.
#[derive(Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 64, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
pub struct Text(&'static str);

/// 3 to 30 letters, digits, single spaces, hyphens and apostrophes, after trimming and in NFC;
/// unique in the tenant, case aside.
#[derive(Serialize, ToSchema)]
#[schema(as = Name, min_length = 3, max_length = 30)]
pub struct NameText(&'static str);

/// A whole number, or a colour like `#5A3825`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Look {
    Number(i64),
    Color(Color),
}

/// Such as `#5A3825`.
#[derive(Serialize, ToSchema)]
#[schema(pattern = "^#[0-9A-Fa-f]{6}$")]
pub struct Color(&'static str);

/// A new character.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCharacter {
    /// A player need not say it. Not the nil UUID.
    user_id: Option<Uuid>,
    name: NameText,
    /// A word of the catalog.
    class_type: Text,
    /// A word of the catalog.
    race: Text,
    /// A word of the catalog.
    gender: Text,
    /// From 1; absent: the lowest that is free.
    #[schema(minimum = 0, maximum = 255)]
    slot_number: Option<u8>,
    /// The 32-bit id on Kafka; absent: one is drawn.
    #[schema(minimum = 1, maximum = 4294967295u32)]
    number: Option<u32>,
    /// What differs from the catalog's defaults; at most 64 fields.
    #[schema(value_type = Option<BTreeMap<String, Look>>)]
    appearance: Option<BTreeMap<&'static str, Look>>,
}

/// What is to be set of a character. Class, race, gender and user can be set once.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchCharacter {
    /// Can be changed at any time.
    name: Option<NameText>,
    /// A word of the catalog.
    class_type: Option<Text>,
    /// A word of the catalog.
    race: Option<Text>,
    /// A word of the catalog.
    gender: Option<Text>,
    /// Not the nil UUID.
    user_id: Option<Uuid>,
}

/// Why it is deleted.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteCharacter {
    /// Absent: `user_requested`.
    reason: Option<Text>,
}

/// How it is restored.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreCharacter {
    /// Absent: `user_requested`.
    reason: Option<Text>,
    /// Absent: the one it had.
    #[schema(minimum = 0, maximum = 255)]
    slot_number: Option<u8>,
}

/// For which session it is selected.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectCharacter {
    /// Absent: a new one. Not the nil UUID.
    session_id: Option<Uuid>,
    /// IPv4 or IPv6 address of the player, for the event.
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
}

/// Where it comes online.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BringOnline {
    /// Absent: the one it was selected for, else a new one. Not the nil UUID.
    session_id: Option<Uuid>,
    world_id: Text,
    zone_id: Text,
}

/// Why it goes offline.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOffline {
    reason: Text,
}

/// Where it is now.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveCharacter {
    world_id: Text,
    zone_id: Text,
    #[schema(minimum = -10000000, maximum = 10000000)]
    position_x: f64,
    #[schema(minimum = -10000000, maximum = 10000000)]
    position_y: f64,
    #[schema(minimum = -10000000, maximum = 10000000)]
    position_z: f64,
    /// `walk`, `run`, `jump`, `swim`, `fly`, `mount`, `teleport`, `knockback`, `map_change`,
    /// `channel_change`, or a word of the catalog.
    movement_type: Text,
}

/// Points to spend, by stat. All or nothing.
#[derive(Serialize)]
pub struct AllocateStats(BTreeMap<&'static str, u32>);

impl PartialSchema for AllocateStats {
    fn schema() -> RefOr<Schema> {
        let points = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(u32::MAX));
        ObjectBuilder::new()
            .description(Some("Points to spend, by stat: all of them or none."))
            .additional_properties(Some(Schema::from(points)))
            .min_properties(Some(1))
            .max_properties(Some(MAX_ENTRIES))
            .into()
    }
}

impl ToSchema for AllocateStats {}

/// Experience it has gained.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AwardExperience {
    /// What is above the highest level's need is lost.
    #[schema(minimum = 1, maximum = 18446744073709551615u64)]
    amount: u64,
    /// For the caller's own log; no event carries it.
    reason: Option<Text>,
}

/// Fields of its appearance to change, at most 64, by name.
#[derive(Serialize, ToSchema)]
pub struct ChangeAppearance {
    /// Absent: `user_requested`.
    reason: Option<Text>,
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, Look>)]
    fields: BTreeMap<&'static str, Look>,
}

/// An event as it was published, with its number in front. What else it has depends on its
/// type: `menagerie schema events`.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct PastEvent {
    /// From 1, without gaps.
    seq: u64,
    event_id: Uuid,
    #[schema(value_type = String, pattern = "^character\\.", examples("character.created"))]
    event_type: &'static str,
    timestamp: DateTime<Utc>,
    character_id: Uuid,
    user_id: Uuid,
}

impl Example for CreateCharacter {
    fn example() -> Self {
        Self {
            user_id: Some(USER),
            name: NameText("Aurora"),
            class_type: Text("warrior"),
            race: Text("human"),
            gender: Text("female"),
            slot_number: None,
            number: None,
            appearance: Some(BTreeMap::from([
                ("hair_color", Look::Color(Color("#5A3825"))),
                ("hair_style", Look::Number(7)),
            ])),
        }
    }
}

impl Example for PatchCharacter {
    fn example() -> Self {
        Self {
            name: Some(NameText("Borealis")),
            class_type: None,
            race: None,
            gender: None,
            user_id: None,
        }
    }
}

impl Example for DeleteCharacter {
    fn example() -> Self {
        Self { reason: Some(Text("user_requested")) }
    }
}

impl Example for RestoreCharacter {
    fn example() -> Self {
        Self { reason: Some(Text("support_ticket")), slot_number: Some(2) }
    }
}

impl Example for SelectCharacter {
    fn example() -> Self {
        Self { session_id: Some(SESSION), ip: Some(IpAddr::from([203, 0, 113, 7])) }
    }
}

impl Example for BringOnline {
    fn example() -> Self {
        Self { session_id: None, world_id: Text("0"), zone_id: Text("100000000") }
    }
}

impl Example for TakeOffline {
    fn example() -> Self {
        Self { reason: Text("logout") }
    }
}

impl Example for MoveCharacter {
    fn example() -> Self {
        Self {
            world_id: Text("0"),
            zone_id: Text("100000000"),
            position_x: 12.5,
            position_y: 0.0,
            position_z: -3.25,
            movement_type: Text("walk"),
        }
    }
}

impl Example for AllocateStats {
    fn example() -> Self {
        Self(BTreeMap::from([("strength", 2), ("vitality", 1)]))
    }
}

impl Example for AwardExperience {
    fn example() -> Self {
        Self { amount: 250, reason: Some(Text("quest")) }
    }
}

impl Example for ChangeAppearance {
    fn example() -> Self {
        Self {
            reason: Some(Text("barber")),
            fields: BTreeMap::from([
                ("hair_color", Look::Color(Color("#C0392B"))),
                ("hair_style", Look::Number(12)),
            ]),
        }
    }
}
