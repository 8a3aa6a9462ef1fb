//! Characters that no row is stored of. Most were created by requests and never online: such a
//! row takes PostgreSQL two thirds of what one of [`CHARACTERS`] does, as none is looked for that
//! might be there, and as no column is null, so that each travels as one array, or once for all
//! rows where they have begun alike.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::super::fields::Fields;
use super::character::{CHARACTERS, looks};
use crate::domain::CharacterKey;
use crate::domain::character::{Character, Name, Profile};
use crate::store::table::{Conflict, Kind, Table, column};
use crate::store::work::CharacterRow;

/// Those of whom [`CREATED`] has not everything, or not together with the others.
pub(in crate::store) const NEW_CHARACTERS: Table =
    Table { conflict: Conflict::Refuse, ..CHARACTERS };

/// Every column that is not null in a [`Created`].
pub(in crate::store) const CREATED: Table = Table {
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
        ("class_type", Kind::Text),
        ("race", Kind::Text),
        ("gender", Kind::Text),
        ("level", Kind::Shared("integer")),
        ("experience", Kind::Shared("bigint")),
        ("slot_number", Kind::SmallInt),
        ("stat_points", Kind::Shared("bigint")),
        ("skill_points", Kind::Shared("bigint")),
        ("stats", Kind::Ordered),
        ("appearance", Kind::Ordered),
        ("created_at", Kind::Shared("timestamptz")),
        ("play_time_ms", Kind::Shared("bigint")),
        ("event_seq", Kind::Shared("bigint")),
        ("version", Kind::Shared("bigint")),
        ("updated_at", Kind::Shared("timestamptz")),
    ],
    conflict: Conflict::Refuse,
};

pub(in crate::store) struct Created<'a> {
    key: CharacterKey,
    character: &'a Character,
    name_key: &'a str,
    class: &'a str,
    race: &'a str,
    gender: &'a str,
    slot: u8,
    beginning: Beginning,
}

/// What characters have alike that were created in the same round and have done nothing yet.
#[derive(PartialEq)]
struct Beginning {
    level: i32,
    experience: i64,
    stat_points: i64,
    skill_points: i64,
    created_at: DateTime<Utc>,
    play_time_ms: i64,
    event_seq: i64,
    version: i64,
}

impl Beginning {
    fn of(character: &Character) -> Self {
        let profile = &character.profile;
        Self {
            level: profile.level.into(),
            experience: profile.experience.cast_signed(),
            stat_points: profile.stat_points.into(),
            skill_points: profile.skill_points.into(),
            created_at: profile.created_at,
            play_time_ms: profile.play_time_ms.cast_signed(),
            event_seq: character.event_seq.cast_signed(),
            version: character.version.cast_signed(),
        }
    }
}

impl<'a> Created<'a> {
    /// None of one of whom [`CREATED`] has not everything.
    fn of(row: &'a CharacterRow) -> Option<Self> {
        let CharacterRow { key, character } = row;
        match character {
            Character {
                name: Name { key: Some(name_key), .. },
                session: None,
                place: None,
                profile:
                    Profile {
                        class: Some(class),
                        race: Some(race),
                        gender: Some(gender),
                        slot: Some(slot),
                        selected: None,
                        last_played_at: None,
                        deletion: None,
                        max_spawned: None,
                        ..
                    },
                ..
            } => {
                let (slot, beginning) = (*slot, Beginning::of(character));
                Some(Self { key: *key, character, name_key, class, race, gender, slot, beginning })
            }
            _ => None,
        }
    }
}

/// Those of whom [`CREATED`] has everything and who began alike, and the others.
pub(in crate::store) fn created(rows: &[CharacterRow]) -> (Vec<Created<'_>>, Vec<&CharacterRow>) {
    let (mut created, mut others) = (Vec::<Created<'_>>::new(), Vec::new());
    for row in rows {
        let is_alike = |one: &Created<'_>| {
            created.first().is_none_or(|first| first.beginning == one.beginning)
        };
        match Created::of(row).filter(is_alike) {
            Some(row) => created.push(row),
            None => others.push(row),
        }
    }
    (created, others)
}

/// What [`Table::insert_columns`] reads; nothing for no rows.
pub(in crate::store) fn created_columns(
    rows: &[Created<'_>],
    decided_at: DateTime<Utc>,
) -> Vec<Value> {
    let Some(Created { beginning, .. }) = rows.first() else { return Vec::new() };
    vec![
        column(rows, |row| row.key.tenant.0),
        column(rows, |row| i64::from(row.key.character.0)),
        column(rows, |row| row.character.uuid),
        column(rows, |row| row.character.user),
        column(rows, |row| row.character.name.text.to_string()),
        column(rows, |row| row.name_key.to_owned()),
        column(rows, |row| row.class.to_owned()),
        column(rows, |row| row.race.to_owned()),
        column(rows, |row| row.gender.to_owned()),
        column(rows, |row| i16::from(row.slot)),
        column(rows, |row| Fields(row.character.profile.stats.0.clone()).to_json()),
        column(rows, |row| looks(&row.character.profile.appearance).to_json()),
        beginning.level.into(),
        beginning.experience.into(),
        beginning.stat_points.into(),
        beginning.skill_points.into(),
        beginning.created_at.into(),
        beginning.play_time_ms.into(),
        beginning.event_seq.into(),
        beginning.version.into(),
        decided_at.into(),
    ]
}
