//! Characters that no row is stored of. Most were created by requests and never online: such a
//! row takes PostgreSQL two thirds of what one of [`CHARACTERS`] does, as none is looked for that
//! might be there, and as no column is null, so that each travels as one array.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::super::fields::Fields;
use super::character::{CHARACTERS, looks};
use crate::domain::CharacterKey;
use crate::domain::character::{Character, Name, Profile};
use crate::store::table::{Conflict, Kind, Table, column};
use crate::store::work::CharacterRow;

/// Those of whom [`CREATED`] has not everything.
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
        ("level", Kind::Int),
        ("experience", Kind::BigInt),
        ("slot_number", Kind::SmallInt),
        ("stat_points", Kind::BigInt),
        ("skill_points", Kind::BigInt),
        ("stats", Kind::Ordered),
        ("appearance", Kind::Ordered),
        ("created_at", Kind::Instant),
        ("play_time_ms", Kind::BigInt),
        ("event_seq", Kind::BigInt),
        ("version", Kind::BigInt),
        ("updated_at", Kind::Instant),
    ],
    conflict: Conflict::Refuse,
};

/// The shard is a parameter of the statement.
const NUM_SENT: usize = CREATED.columns.len() - 1;

pub(in crate::store) struct Created<'a> {
    key: CharacterKey,
    character: &'a Character,
    name_key: &'a str,
    class: &'a str,
    race: &'a str,
    gender: &'a str,
    slot: u8,
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
            } => Some(Self { key: *key, character, name_key, class, race, gender, slot: *slot }),
            _ => None,
        }
    }
}

/// Those of whom [`CREATED`] has everything, and the others.
pub(in crate::store) fn created(rows: &[CharacterRow]) -> (Vec<Created<'_>>, Vec<&CharacterRow>) {
    let (mut created, mut others) = (Vec::new(), Vec::new());
    for row in rows {
        match Created::of(row) {
            Some(row) => created.push(row),
            None => others.push(row),
        }
    }
    (created, others)
}

/// What [`Table::insert_columns`] reads.
pub(in crate::store) fn created_columns(
    rows: &[Created<'_>],
    decided_at: DateTime<Utc>,
) -> [Value; NUM_SENT] {
    let text = |value: fn(&Profile) -> String| column(rows, |row| value(&row.character.profile));
    let number = |value: fn(&Profile) -> i64| column(rows, |row| value(&row.character.profile));
    [
        column(rows, |row| row.key.tenant.0),
        column(rows, |row| i64::from(row.key.character.0)),
        column(rows, |row| row.character.uuid),
        column(rows, |row| row.character.user),
        column(rows, |row| row.character.name.text.to_string()),
        column(rows, |row| row.name_key.to_owned()),
        column(rows, |row| row.class.to_owned()),
        column(rows, |row| row.race.to_owned()),
        column(rows, |row| row.gender.to_owned()),
        column(rows, |row| i32::from(row.character.profile.level)),
        number(|profile| profile.experience.cast_signed()),
        column(rows, |row| i16::from(row.slot)),
        number(|profile| profile.stat_points.into()),
        number(|profile| profile.skill_points.into()),
        text(|profile| Fields(profile.stats.0.clone()).to_json()),
        text(|profile| looks(&profile.appearance).to_json()),
        column(rows, |row| row.character.profile.created_at),
        number(|profile| profile.play_time_ms.cast_signed()),
        column(rows, |row| row.character.event_seq.cast_signed()),
        column(rows, |row| row.character.version.cast_signed()),
        column(rows, |_| decided_at),
    ]
}
