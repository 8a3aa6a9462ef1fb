//! Characters as the characters API writes them (`spec/interface.md` section 4).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::domain::CharacterId;
use crate::domain::character::{Appearance, Character, Place, Stats, Trait};
use crate::engine::request::Rendered;

/// One character.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Character)]
pub struct Document<'a> {
    character_id: Uuid,
    /// The 32-bit id on Kafka.
    number: u32,
    /// Null until somebody sets it.
    user_id: Option<Uuid>,
    #[schema(value_type = String)]
    name: &'a str,
    #[schema(value_type = Option<String>)]
    class_type: Option<&'a str>,
    #[schema(value_type = Option<String>)]
    race: Option<&'a str>,
    #[schema(value_type = Option<String>)]
    gender: Option<&'a str>,
    level: u16,
    experience: u64,
    slot_number: Option<u8>,
    #[serde(serialize_with = "points")]
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    stats: &'a Stats,
    stat_points: u32,
    skill_points: u32,
    #[serde(serialize_with = "appearance")]
    #[schema(value_type = std::collections::BTreeMap<String, super::schemas::Look>)]
    appearance: &'a Appearance,
    position: Option<Position<'a>>,
    online: bool,
    /// Of the session it is online in, else the one it was selected for.
    session_id: Option<Uuid>,
    #[serde(serialize_with = "instant")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_instant")]
    last_played_at: Option<DateTime<Utc>>,
    /// Of finished sessions.
    total_play_time_ms: u64,
    #[serde(serialize_with = "optional_instant")]
    deleted_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "optional_instant")]
    can_restore_until: Option<DateTime<Utc>>,
    /// Changes with every change; also the `ETag`.
    version: u64,
}

/// Where a character is.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Position<'a> {
    #[schema(value_type = String)]
    world_id: &'a str,
    #[schema(value_type = String)]
    zone_id: &'a str,
    position_x: f64,
    position_y: f64,
    position_z: f64,
}

/// Stats, and the points that can still be spent.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Stats)]
pub struct Points<'a> {
    #[serde(serialize_with = "points")]
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    stats: &'a Stats,
    stat_points: u32,
    skill_points: u32,
}

/// What a selection begins.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Selection<'a> {
    session_id: Option<Uuid>,
    /// Null before the first position.
    location: Option<Position<'a>>,
}

/// Fields of an appearance by name.
#[derive(utoipa::ToSchema)]
#[schema(as = Appearance, value_type = std::collections::BTreeMap<String, super::schemas::Look>)]
pub struct Looks<'a>(&'a Appearance);

impl<'a> Document<'a> {
    pub fn new(number: CharacterId, character: &'a Character) -> Self {
        let profile = &character.profile;
        Self {
            character_id: character.uuid,
            number: number.0,
            user_id: (!character.user.is_nil()).then_some(character.user),
            name: &character.name.text,
            class_type: profile.class.as_deref(),
            race: profile.race.as_deref(),
            gender: profile.gender.as_deref(),
            level: profile.level,
            experience: profile.experience,
            slot_number: profile.slot,
            stats: &profile.stats,
            stat_points: profile.stat_points,
            skill_points: profile.skill_points,
            appearance: &profile.appearance,
            position: character.place.as_ref().map(Position::from),
            online: character.session.is_some(),
            session_id: character.session.as_ref().map(|session| session.id).or(profile.selected),
            created_at: profile.created_at,
            last_played_at: profile.last_played_at,
            total_play_time_ms: profile.play_time_ms,
            deleted_at: profile.deletion.map(|deletion| deletion.at),
            can_restore_until: profile.deletion.map(|deletion| deletion.restorable_until),
            version: character.version,
        }
    }
}

impl<'a> From<&'a Place> for Position<'a> {
    fn from(place: &'a Place) -> Self {
        Self {
            world_id: &place.world,
            zone_id: &place.zone,
            position_x: place.x,
            position_y: place.y,
            position_z: place.z,
        }
    }
}

/// The whole character.
pub fn whole(number: CharacterId, character: &Character) -> Rendered {
    versioned(200, character, &Document::new(number, character))
}

/// The whole character, just created.
pub fn created(number: CharacterId, character: &Character) -> Rendered {
    let mut rendered = versioned(201, character, &Document::new(number, character));
    let location = format!("/api/v1/characters/{}", character.uuid);
    rendered.headers.push(("Location".into(), location));
    rendered
}

/// Where it is, once it was anywhere.
pub fn position(character: &Character) -> Option<Rendered> {
    let place = character.place.as_ref()?;
    Some(versioned(200, character, &Position::from(place)))
}

pub fn stats(character: &Character) -> Rendered {
    let profile = &character.profile;
    let points = Points {
        stats: &profile.stats,
        stat_points: profile.stat_points,
        skill_points: profile.skill_points,
    };
    versioned(200, character, &points)
}

pub fn looks(character: &Character) -> Rendered {
    versioned(200, character, &Looks(&character.profile.appearance))
}

pub fn selection(character: &Character) -> Rendered {
    let selection = Selection {
        session_id: character.profile.selected,
        location: character.place.as_ref().map(Position::from),
    };
    versioned(200, character, &selection)
}

/// Nothing is left of it.
pub fn gone() -> Rendered {
    Rendered { status: 204, headers: Vec::new(), body: String::new() }
}

/// Anything else that is no character.
pub fn plain(value: &impl Serialize) -> Rendered {
    let body = serde_json::to_string(value).expect("text and numbers are JSON");
    Rendered { status: 200, headers: Vec::new(), body }
}

fn versioned(status: u16, character: &Character, value: &impl Serialize) -> Rendered {
    let headers = vec![("ETag".to_owned(), format!("\"{}\"", character.version))];
    Rendered { status, headers, ..plain(value) }
}

impl Serialize for Looks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        appearance(self.0, serializer)
    }
}

fn points<S: Serializer>(stats: &Stats, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(stats.0.iter().map(|(name, points)| (name, points)))
}

fn appearance<S: Serializer>(appearance: &Appearance, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Look<'a> {
        Number(i64),
        Color(&'a str),
    }
    serializer.collect_map(appearance.0.iter().map(|(name, value)| {
        let value = match value {
            Trait::Number(number) => Look::Number(*number),
            Trait::Color(color) => Look::Color(color),
        };
        (name, value)
    }))
}

fn instant<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn optional_instant<S: Serializer>(
    at: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => instant(at, serializer),
        None => serializer.serialize_none(),
    }
}
