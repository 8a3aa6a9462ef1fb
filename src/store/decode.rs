//! Stored rows back into the domain's types.

use chrono::{DateTime, Utc};
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Backend;
use super::error::Error;
use super::fields::{Fields, Value};
use crate::domain::character::{
    Appearance, Character, Deletion, Name, Place, Profile, Session, Stats, Whereabouts,
};
use crate::domain::pet::{Asset, Pet};
use crate::domain::{CharacterId, PetId, Tenant, TenantId};

/// Reads columns from left to right: by position, because rows are read by the hundred thousand.
pub(super) struct Cursor<'a> {
    row: &'a QueryResult,
    table: &'static str,
    next: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(row: &'a QueryResult, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    pub(super) fn take<T: TryGetable>(&mut self) -> Result<T, Error> {
        let value = self.row.try_get_by_index(self.next).map_err(Error::from);
        self.next += 1;
        value
    }

    /// A number stored wider than it is here.
    pub(super) fn number<S, T>(&mut self, column: &'static str) -> Result<T, Error>
    where
        S: TryGetable + Copy + ToString,
        T: TryFrom<S>,
    {
        let stored: S = self.take()?;
        self.narrow(column, stored)
    }

    pub(super) fn optional<S, T>(&mut self, column: &'static str) -> Result<Option<T>, Error>
    where
        S: TryGetable + Copy + ToString,
        T: TryFrom<S>,
        Option<S>: TryGetable,
    {
        let stored: Option<S> = self.take()?;
        stored.map(|stored| self.narrow(column, stored)).transpose()
    }

    fn narrow<S, T>(&self, column: &'static str, stored: S) -> Result<T, Error>
    where
        S: Copy + ToString,
        T: TryFrom<S>,
    {
        T::try_from(stored).map_err(|_| Error::Corrupt {
            table: self.table,
            column,
            value: stored.to_string(),
        })
    }
}

/// The columns [`pet`] reads, of the table under alias `p`.
pub(super) fn pet_columns(backend: Backend) -> String {
    let excludes = match backend {
        Backend::Postgres => "p.excludes::text",
        Backend::Sqlite => "p.excludes",
    };
    format!(
        "p.id, p.template_id, p.cash_id, p.name, p.level, p.closeness, p.fullness, p.slot, \
         p.expiration, p.flag, p.purchase_by, {excludes}, p.asset_id, p.asset_slot"
    )
}

/// Reads [`pet_columns`].
pub(super) fn pet(cursor: &mut Cursor<'_>) -> Result<Pet, Error> {
    let id = PetId(cursor.number::<i64, _>("id")?);
    let mut pet = Pet::new(id, cursor.number::<i64, _>("template_id")?);
    pet.cash_id = cursor.take::<i64>()?.cast_unsigned();
    pet.name = cursor.take::<String>()?.into();
    pet.level = cursor.number::<i16, _>("level")?;
    pet.closeness = cursor.number::<i32, _>("closeness")?;
    pet.fullness = cursor.number::<i16, _>("fullness")?;
    pet.slot = cursor.number::<i16, _>("slot")?;
    pet.expiration = cursor.take::<Option<DateTime<Utc>>>()?;
    pet.flag = cursor.number::<i32, _>("flag")?;
    pet.purchase_by = cursor.number::<i64, _>("purchase_by")?;
    let excludes: String = cursor.take()?;
    if excludes != "[]" {
        pet.excludes = serde_json::from_str(&excludes).map_err(|_| Error::Corrupt {
            table: "pets",
            column: "excludes",
            value: excludes,
        })?;
    }
    let asset: Option<u32> = cursor.optional::<i64, _>("asset_id")?;
    let slot: Option<i16> = cursor.take()?;
    pet.asset = asset.zip(slot).map(|(id, slot)| Asset { id, slot });
    Ok(pet)
}

/// The columns [`character`] reads, of the table under alias `c`.
pub(super) fn character_columns(backend: Backend) -> String {
    let (stats, appearance) = match backend {
        Backend::Postgres => ("c.stats::text", "c.appearance::text"),
        Backend::Sqlite => ("c.stats", "c.appearance"),
    };
    format!(
        "c.uuid, c.user_uuid, c.name, c.name_key, c.event_seq, c.version, \
         c.session_id, c.world, c.channel, c.map, c.instance, c.online_since, c.next_hunger_at, \
         c.place_world, c.place_zone, c.place_x, c.place_y, c.place_z, \
         c.class_type, c.race, c.gender, c.level, c.experience, c.slot_number, \
         c.stat_points, c.skill_points, {stats}, {appearance}, c.selected_session, \
         c.created_at, c.last_played_at, c.play_time_ms, c.deleted_at, c.restorable_until, \
         c.max_spawned"
    )
}

/// Reads [`character_columns`]; `None` where an outer join found no row.
pub(super) fn character(cursor: &mut Cursor<'_>) -> Result<Option<Character>, Error> {
    let Some(uuid) = cursor.take::<Option<Uuid>>()? else { return Ok(None) };
    Ok(Some(Character {
        uuid,
        user: cursor.take()?,
        name: Name {
            text: cursor.take::<String>()?.into(),
            key: cursor.take::<Option<String>>()?.map(Into::into),
        },
        event_seq: cursor.take::<i64>()?.cast_unsigned(),
        version: cursor.take::<i64>()?.cast_unsigned(),
        session: session(cursor)?,
        place: place(cursor)?,
        profile: profile(cursor)?,
    }))
}

fn session(cursor: &mut Cursor<'_>) -> Result<Option<Session>, Error> {
    let id: Option<Uuid> = cursor.take()?;
    let world: Option<u8> = cursor.optional::<i16, _>("world")?;
    let channel: Option<u8> = cursor.optional::<i16, _>("channel")?;
    let map: Option<u32> = cursor.optional::<i64, _>("map")?;
    let instance: Option<Uuid> = cursor.take()?;
    let since: Option<DateTime<Utc>> = cursor.take()?;
    let next_hunger: Option<DateTime<Utc>> = cursor.take()?;
    let whereabouts = (|| {
        Some(Whereabouts { world: world?, channel: channel?, map: map?, instance: instance? })
    })();
    Ok((|| Some(Session { id: id?, whereabouts, since: since?, next_hunger: next_hunger? }))())
}

fn profile(cursor: &mut Cursor<'_>) -> Result<Profile, Error> {
    let text = |text: Option<String>| text.map(Into::into);
    Ok(Profile {
        class: text(cursor.take()?),
        race: text(cursor.take()?),
        gender: text(cursor.take()?),
        level: cursor.number::<i32, _>("level")?,
        experience: cursor.take::<i64>()?.cast_unsigned(),
        slot: cursor.optional::<i16, _>("slot_number")?,
        stat_points: cursor.number::<i64, _>("stat_points")?,
        skill_points: cursor.number::<i64, _>("skill_points")?,
        stats: Stats(fields(cursor, "stats")?),
        appearance: Appearance(
            fields::<Value>(cursor, "appearance")?
                .into_iter()
                .map(|(field, value)| (field, value.into()))
                .collect(),
        ),
        selected: cursor.take()?,
        created_at: cursor.take()?,
        last_played_at: cursor.take()?,
        play_time_ms: cursor.take::<i64>()?.cast_unsigned(),
        deletion: deletion(cursor)?,
        max_spawned: cursor.optional::<i16, _>("max_spawned")?,
    })
}

/// The fields of a JSON object, in their order.
fn fields<T: DeserializeOwned>(
    cursor: &mut Cursor<'_>,
    column: &'static str,
) -> Result<Vec<(Box<str>, T)>, Error> {
    let json: String = cursor.take()?;
    let fields = serde_json::from_str(&json).map(|Fields(fields)| fields);
    fields.map_err(|_| Error::Corrupt { table: "characters", column, value: json })
}

fn deletion(cursor: &mut Cursor<'_>) -> Result<Option<Deletion>, Error> {
    let at: Option<DateTime<Utc>> = cursor.take()?;
    let restorable_until: Option<DateTime<Utc>> = cursor.take()?;
    let deletion = at.zip(restorable_until);
    Ok(deletion.map(|(at, restorable_until)| Deletion { at, restorable_until }))
}

fn place(cursor: &mut Cursor<'_>) -> Result<Option<Place>, Error> {
    let world: Option<String> = cursor.take()?;
    let zone: Option<String> = cursor.take()?;
    let (x, y, z): (Option<f64>, Option<f64>, Option<f64>) =
        (cursor.take()?, cursor.take()?, cursor.take()?);
    Ok((|| Some(Place { world: world?.into(), zone: zone?.into(), x: x?, y: y?, z: z? }))())
}

/// The columns [`tenant`] reads, of the table under alias `t`.
pub(super) const TENANT_COLUMNS: &str = "t.region, t.major_version, t.minor_version";

/// Reads [`TENANT_COLUMNS`]; `None` where an outer join found no row.
pub(super) fn tenant(cursor: &mut Cursor<'_>, id: TenantId) -> Result<Option<Tenant>, Error> {
    let region: Option<String> = cursor.take()?;
    let major: Option<u16> = cursor.optional::<i32, _>("major_version")?;
    let minor: Option<u16> = cursor.optional::<i32, _>("minor_version")?;
    Ok((|| Some(Tenant { id, region: region?.into(), major: major?, minor: minor? }))())
}

pub(super) fn tenant_id(cursor: &mut Cursor<'_>) -> Result<TenantId, Error> {
    cursor.take().map(TenantId)
}

pub(super) fn character_id(
    cursor: &mut Cursor<'_>,
    column: &'static str,
) -> Result<CharacterId, Error> {
    cursor.number::<i64, _>(column).map(CharacterId)
}

/// 32 bytes.
pub(super) fn hash(cursor: &mut Cursor<'_>, column: &'static str) -> Result<[u8; 32], Error> {
    let bytes: Vec<u8> = cursor.take()?;
    let table = cursor.table;
    <[u8; 32]>::try_from(bytes).map_err(|bytes| Error::Corrupt {
        table,
        column,
        value: format!("{} bytes", bytes.len()),
    })
}
