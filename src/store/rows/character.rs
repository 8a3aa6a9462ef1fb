//! Characters.

use chrono::{DateTime, TimeZone as _, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::super::fields::{Fields, Value};
use super::{array, instant};
use crate::domain::character::{Appearance, Place, Profile, Session};
use crate::store::table::{Conflict, Kind, Table};
use crate::store::work::CharacterRow;

pub(in crate::store) const CHARACTERS: Table = Table {
    name: "characters",
    key: &["tenant", "id"],
    columns: &[
        ("tenant", Kind::Uuid),
        ("id", Kind::BigInt),
        ("shard", Kind::Shard),
        ("uuid", Kind::Uuid),
        ("user_uuid", Kind::Uuid),
        ("name", Kind::Text),
        ("name_key", Kind::Text),
        ("session_id", Kind::Uuid),
        ("world", Kind::SmallInt),
        ("channel", Kind::SmallInt),
        ("map", Kind::BigInt),
        ("instance", Kind::Uuid),
        ("online_since", Kind::Instant),
        ("next_hunger_at", Kind::Instant),
        ("place_world", Kind::Text),
        ("place_zone", Kind::Text),
        ("place_x", Kind::Double),
        ("place_y", Kind::Double),
        ("place_z", Kind::Double),
        ("class_type", Kind::Text),
        ("race", Kind::Text),
        ("gender", Kind::Text),
        ("level", Kind::Int),
        ("experience", Kind::BigInt),
        ("slot_number", Kind::SmallInt),
        ("stat_points", Kind::BigInt),
        ("skill_points", Kind::BigInt),
        ("stats", Kind::Ordered),
        ("appearance", Kind::Ordered),
        ("selected_session", Kind::Uuid),
        ("created_at", Kind::Instant),
        ("last_played_at", Kind::Instant),
        ("play_time_ms", Kind::BigInt),
        ("deleted_at", Kind::Instant),
        ("restorable_until", Kind::Instant),
        ("max_spawned", Kind::SmallInt),
        ("event_seq", Kind::BigInt),
        ("version", Kind::BigInt),
        ("updated_at", Kind::Instant),
    ],
    conflict: Conflict::Overwrite,
};

/// A field left out is null.
#[derive(Serialize)]
struct CharacterJson<'a> {
    #[serde(with = "uuid::serde::simple")]
    tenant: Uuid,
    id: u32,
    #[serde(with = "uuid::serde::simple")]
    uuid: Uuid,
    #[serde(with = "uuid::serde::simple")]
    user_uuid: Uuid,
    name: &'a str,
    name_key: Option<&'a str>,
    #[serde(flatten)]
    session: Option<SessionJson>,
    #[serde(flatten)]
    place: Option<PlaceJson<'a>>,
    #[serde(flatten)]
    profile: ProfileJson<'a>,
    event_seq: i64,
    version: i64,
    updated_at: &'a str,
}

#[derive(Serialize)]
struct SessionJson {
    #[serde(with = "uuid::serde::simple")]
    session_id: Uuid,
    #[serde(flatten)]
    whereabouts: Option<WhereaboutsJson>,
    online_since: String,
    next_hunger_at: String,
}

#[derive(Serialize)]
struct WhereaboutsJson {
    world: u8,
    channel: u8,
    map: u32,
    #[serde(with = "uuid::serde::simple")]
    instance: Uuid,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    place_world: &'a str,
    place_zone: &'a str,
    place_x: f64,
    place_y: f64,
    place_z: f64,
}

#[derive(Serialize)]
struct ProfileJson<'a> {
    class_type: Option<&'a str>,
    race: Option<&'a str>,
    gender: Option<&'a str>,
    level: u16,
    experience: i64,
    slot_number: Option<u8>,
    stat_points: u32,
    skill_points: u32,
    stats: Fields<u32>,
    appearance: Fields<Value>,
    selected_session: Option<String>,
    created_at: String,
    last_played_at: Option<String>,
    play_time_ms: i64,
    deleted_at: Option<String>,
    restorable_until: Option<String>,
    max_spawned: Option<u8>,
}

pub(in crate::store) fn characters<'a>(
    rows: impl IntoIterator<Item = &'a CharacterRow>,
    decided_at: DateTime<Utc>,
) -> String {
    let updated_at = instant(decided_at);
    array(rows, |CharacterRow { key, character }| CharacterJson {
        tenant: key.tenant.0,
        id: key.character.0,
        uuid: character.uuid,
        user_uuid: character.user,
        name: &character.name.text,
        name_key: character.name.key.as_deref(),
        session: character.session.as_ref().map(session),
        place: character.place.as_ref().map(place),
        profile: profile(&character.profile),
        event_seq: character.event_seq.cast_signed(),
        version: character.version.cast_signed(),
        updated_at: &updated_at,
    })
}

fn session(session: &Session) -> SessionJson {
    SessionJson {
        session_id: session.id,
        whereabouts: session.whereabouts.map(|whereabouts| WhereaboutsJson {
            world: whereabouts.world,
            channel: whereabouts.channel,
            map: whereabouts.map,
            instance: whereabouts.instance,
        }),
        online_since: instant(session.since),
        next_hunger_at: instant(storable(session.next_hunger)),
    }
}

fn place(place: &Place) -> PlaceJson<'_> {
    PlaceJson {
        place_world: &place.world,
        place_zone: &place.zone,
        place_x: place.x,
        place_y: place.y,
        place_z: place.z,
    }
}

fn profile(profile: &Profile) -> ProfileJson<'_> {
    ProfileJson {
        class_type: profile.class.as_deref(),
        race: profile.race.as_deref(),
        gender: profile.gender.as_deref(),
        level: profile.level,
        experience: profile.experience.cast_signed(),
        slot_number: profile.slot,
        stat_points: profile.stat_points,
        skill_points: profile.skill_points,
        stats: Fields(profile.stats.0.clone()),
        appearance: looks(&profile.appearance),
        selected_session: profile.selected.map(|session| session.simple().to_string()),
        created_at: instant(profile.created_at),
        last_played_at: profile.last_played_at.map(instant),
        play_time_ms: profile.play_time_ms.cast_signed(),
        deleted_at: profile.deletion.map(|deletion| instant(deletion.at)),
        restorable_until: profile
            .deletion
            .map(|deletion| instant(storable(deletion.restorable_until))),
        max_spawned: profile.max_spawned,
    }
}

pub(super) fn looks(appearance: &Appearance) -> Fields<Value> {
    let fields = appearance.0.iter();
    Fields(fields.map(|(name, value)| (name.clone(), value.into())).collect())
}

/// An interval or a window without end reaches beyond the years that have four digits; neither
/// database reads those.
fn storable(at: DateTime<Utc>) -> DateTime<Utc> {
    let last = Utc.with_ymd_and_hms(9999, 12, 31, 23, 59, 59).single();
    last.map_or(at, |last| at.min(last))
}
