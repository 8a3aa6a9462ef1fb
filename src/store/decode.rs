//! Stored rows back into the domain's types.

use chrono::{DateTime, Utc};
use sea_orm::{QueryResult, TryGetable};
use uuid::Uuid;

use super::Backend;
use super::error::Error;
use crate::domain::character::{Character, Place, Session};
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

    fn optional<S, T>(&mut self, column: &'static str) -> Result<Option<T>, Error>
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
pub(super) const CHARACTER_COLUMNS: &str = "c.uuid, c.user_uuid, c.name, c.event_seq, \
    c.session_id, c.world, c.channel, c.map, c.instance, c.online_since, c.next_hunger_at, \
    c.place_world, c.place_zone, c.place_x, c.place_y, c.place_z";

/// Reads [`CHARACTER_COLUMNS`]; `None` where an outer join found no row.
pub(super) fn character(cursor: &mut Cursor<'_>) -> Result<Option<Character>, Error> {
    let Some(uuid) = cursor.take::<Option<Uuid>>()? else { return Ok(None) };
    Ok(Some(Character {
        uuid,
        user: cursor.take()?,
        name: cursor.take::<String>()?.into(),
        event_seq: cursor.take::<i64>()?.cast_unsigned(),
        session: session(cursor)?,
        place: place(cursor)?,
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
    Ok((|| {
        Some(Session {
            id: id?,
            world: world?,
            channel: channel?,
            map: map?,
            instance: instance?,
            since: since?,
            next_hunger: next_hunger?,
        })
    })())
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
