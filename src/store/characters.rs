//! Characters as requests look for them: by UUID, by name, by user.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::decode::{self, Cursor};
use super::error::Error;
use super::keys::{Keys, bound, moment};
use super::{Backend, Store};
use crate::domain::character::Character;
use crate::domain::{CharacterId, CharacterKey, TenantId};

/// The highest number a character is given: one below the last, so that the end of a range
/// is a number too.
const MAX_NUMBER: u32 = u32::MAX - 1;

/// How a caller names a character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CharacterRef {
    Uuid(Uuid),
    Number(CharacterId),
}

/// What the characters of one user know of each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsersCharacter {
    pub tenant: TenantId,
    pub user: Uuid,
    pub character: CharacterId,
    /// A deleted character keeps the number it had.
    pub slot: Option<u8>,
    pub is_deleted: bool,
    pub is_selected: bool,
    pub is_online: bool,
}

/// That the tenant is the key's too, where something else finds the row: no index serves it.
/// Plans are pinned, and one made while the table was empty would as soon read all characters
/// of the tenant through the primary key.
const FOUND_BY_ANOTHER: &str = "c.tenant is not distinct from k.tenant";

impl Store {
    /// The numbers of characters by UUID, in no particular order; an unknown one is absent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn numbers_of(
        &self,
        uuids: &[(TenantId, Uuid)],
    ) -> Result<Vec<((TenantId, Uuid), CharacterId)>, Error> {
        if uuids.is_empty() {
            return Ok(Vec::new());
        }
        let select = "c.tenant, c.uuid, c.id";
        self.matching(select, "uuid", Keys::of_uuids(uuids), |cursor| {
            let uuid = (decode::tenant_id(cursor)?, cursor.take()?);
            Ok((uuid, decode::character_id(cursor, "id")?))
        })
        .await
    }

    /// Who has a name, by its key (`Name::key`), soft-deleted characters included. In no
    /// particular order; a name that is free is absent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn holders_of(
        &self,
        names: &[(TenantId, Box<str>)],
    ) -> Result<Vec<((TenantId, Box<str>), CharacterId)>, Error> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let select = "c.tenant, c.name_key, c.id";
        self.matching(select, "name_key", Keys::of_texts(names), |cursor| {
            let name = (decode::tenant_id(cursor)?, cursor.take::<String>()?.into());
            Ok((name, decode::character_id(cursor, "id")?))
        })
        .await
    }

    /// All characters of users, soft-deleted ones included, in no particular order. Not for
    /// the nil user, who has all those nobody owns.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn characters_of_users(
        &self,
        users: &[(TenantId, Uuid)],
    ) -> Result<Vec<UsersCharacter>, Error> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let select = "c.tenant, c.user_uuid, c.id, c.slot_number, c.deleted_at is not null, \
                      c.selected_session is not null, c.session_id is not null";
        self.matching(select, "user_uuid", Keys::of_uuids(users), |cursor| {
            Ok(UsersCharacter {
                tenant: decode::tenant_id(cursor)?,
                user: cursor.take()?,
                character: decode::character_id(cursor, "id")?,
                slot: cursor.optional::<i16, _>("slot_number")?,
                is_deleted: cursor.take()?,
                is_selected: cursor.take()?,
                is_online: cursor.take()?,
            })
        })
        .await
    }

    /// The users of characters, in no particular order; a character that is not stored is
    /// absent, one without a user has the nil one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn users_of(
        &self,
        keys: &[CharacterKey],
    ) -> Result<Vec<(CharacterKey, Uuid)>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let select = "c.tenant, c.id, c.user_uuid";
        self.matching(select, "id", Keys::of_characters(keys), |cursor| {
            Ok((key(cursor)?, cursor.take()?))
        })
        .await
    }

    /// One character and its number.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn character(
        &self,
        tenant: TenantId,
        id: CharacterRef,
    ) -> Result<Option<(CharacterId, Character)>, Error> {
        let (column, id): (_, Value) = match id {
            CharacterRef::Uuid(uuid) => ("uuid", uuid.into()),
            CharacterRef::Number(number) => ("id", i64::from(number.0).into()),
        };
        let sql = format!(
            "select c.id, {} from characters c where c.tenant = $1 and c.{column} = $2",
            decode::character_columns(self.backend())
        );
        let mut found = self.numbered(sql, vec![tenant.0.into(), id]).await?;
        Ok(found.pop())
    }

    /// One page of the characters of a tenant, or of one user in it, by ascending number:
    /// those after `after`, at most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn characters(
        &self,
        tenant: TenantId,
        user: Option<Uuid>,
        include_deleted: bool,
        after: Option<CharacterId>,
        limit: u64,
    ) -> Result<Vec<(CharacterId, Character)>, Error> {
        let after = after.map_or(-1, |after| i64::from(after.0));
        let mut values: Vec<Value> = vec![tenant.0.into(), after.into(), bound(limit)];
        let mut conditions = String::new();
        if let Some(user) = user {
            values.push(user.into());
            conditions.push_str("and c.user_uuid = $4 ");
        }
        if !include_deleted {
            conditions.push_str("and c.deleted_at is null ");
        }
        let same_tenant = match user {
            Some(_) => "c.tenant is not distinct from $1",
            None => "c.tenant = $1",
        };
        let sql = format!(
            "select c.id, {} from characters c where {same_tenant} and c.id > $2 {conditions} \
             order by c.id limit $3",
            decode::character_columns(self.backend())
        );
        self.numbered(sql, values).await
    }

    /// Soft-deleted characters of a shard whose time to be restored is over at `now`, the
    /// longest overdue first, at most `limit`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn purgeable(
        &self,
        shard: &str,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<CharacterKey>, Error> {
        let sql = "select tenant, id from characters \
                   where shard = $1 and deleted_at is not null and restorable_until <= $2 \
                   order by restorable_until limit $3";
        let values = vec![shard.into(), moment(self.backend(), now), bound(limit)];
        let rows = self.rows(sql.to_owned(), values).await?;
        rows.iter().map(|row| key(&mut Cursor::new(row, "characters"))).collect()
    }

    /// Takes `count` character numbers of a tenant out of circulation: above every number
    /// stored, those of owners of pets included, and every one reserved before. Those not used are lost.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when they would pass `u32::MAX - 1`; then none is taken. See
    /// [`Error`].
    pub async fn reserve_character_numbers(
        &self,
        tenant: TenantId,
        count: u32,
    ) -> Result<Range<u32>, Error> {
        const EXHAUSTED: Error = Error::Exhausted { counter: "character_numbers" };
        let greatest = match self.backend() {
            Backend::Postgres => "greatest",
            Backend::Sqlite => "max",
        };
        let next = format!("{greatest}(n.last_number + $2, excluded.last_number)");
        // One statement: two that reserve at once wait for each other at the row.
        let sql = format!(
            "insert into character_numbers as n (tenant, last_number) \
             select $1, s.last_stored + $2 from (select {greatest}( \
                 (select coalesce(max(id), 0) from characters where tenant = $1), \
                 (select coalesce(max(owner), 0) from pets where tenant = $1)) \
                 as last_stored) as s \
             where s.last_stored + $2 <= $3 \
             on conflict (tenant) do update set last_number = {next} where {next} <= $3 \
             returning last_number"
        );
        let values = vec![tenant.0.into(), i64::from(count).into(), i64::from(MAX_NUMBER).into()];
        let statement = self.statement(sql, values);
        let row = self
            .sideline()
            .run(|connection| async move { connection.query_one_raw(statement).await })
            .await?
            .ok_or(EXHAUSTED)?;
        let last: i64 = row.try_get_by_index(0)?;
        let last = u32::try_from(last).map_err(|_| EXHAUSTED)?;
        Ok(last + 1 - count..last + 1)
    }

    /// Reads `select` of the characters whose `column` is one of the keys.
    async fn matching<T>(
        &self,
        select: &str,
        column: &str,
        keys: Keys,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let backend = self.backend();
        let tenant = if column == "id" { "c.tenant = k.tenant" } else { FOUND_BY_ANOTHER };
        let sql = format!(
            "select {select} from {} join characters c on {tenant} and c.{column} = k.id",
            keys.relation(backend, 1)
        );
        let rows = self.rows(sql, keys.into_values(backend)).await?;
        rows.iter().map(|row| read(&mut Cursor::new(row, "characters"))).collect()
    }

    /// Reads `c.id` and the columns of a character.
    async fn numbered(
        &self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<(CharacterId, Character)>, Error> {
        let rows = self.rows(sql, values).await?;
        let numbered = rows.iter().map(|row| {
            let mut cursor = Cursor::new(row, "characters");
            let id = decode::character_id(&mut cursor, "id")?;
            Ok(decode::character(&mut cursor)?.map(|character| (id, character)))
        });
        numbered.filter_map(Result::transpose).collect()
    }
}

fn key(cursor: &mut Cursor<'_>) -> Result<CharacterKey, Error> {
    let tenant = decode::tenant_id(cursor)?;
    Ok(CharacterKey { tenant, character: decode::character_id(cursor, "id")? })
}
