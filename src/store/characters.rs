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

/// Questions about characters, each distinct.
#[derive(Clone, Default, Debug)]
pub struct Asked {
    /// Whose number is wanted.
    pub uuids: Vec<(TenantId, Uuid)>,
    /// Keys of names (`Name::key`) whose holder is wanted.
    pub names: Vec<(TenantId, Box<str>)>,
    /// Whose characters are wanted. Not the nil user, who has all those nobody owns.
    pub users: Vec<(TenantId, Uuid)>,
    /// Of which is wanted whether there is anything at all.
    pub numbers: Vec<CharacterKey>,
}

/// The answers to [`Asked`], in no particular order; what is not stored is absent.
#[derive(Default, Debug)]
pub struct Known {
    pub numbers: Vec<((TenantId, Uuid), CharacterId)>,
    /// Soft-deleted characters keep their name.
    pub holders: Vec<((TenantId, Box<str>), CharacterId)>,
    /// Soft-deleted ones included.
    pub users: Vec<UsersCharacter>,
    /// Characters, and owners of pets without a row of their own; one may be there twice.
    pub stored: Vec<CharacterKey>,
}

/// Which question a row of the answer is for.
#[derive(Clone, Copy)]
enum Answers {
    Uuid = 0,
    Name = 1,
    User = 2,
    Number = 3,
}

/// The query of several questions.
struct Union {
    backend: Backend,
    selects: Vec<String>,
    values: Vec<Value>,
}

/// That the tenant is the key's too, where something else finds the row: no index serves it.
/// Plans are pinned, and one made while the table was empty would as soon read all characters
/// of the tenant through the primary key.
const FOUND_BY_ANOTHER: &str = "c.tenant is not distinct from k.tenant";

impl Store {
    /// What is stored of all that is asked about, with one query. A row that cannot be read is
    /// left out.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn known(&self, asked: &Asked) -> Result<Known, Error> {
        let (known, unreadable) = self.answers_to(asked).await?;
        for error in unreadable {
            tracing::error!("what is asked about characters cannot be read: {error}");
        }
        Ok(known)
    }

    /// Also why rows are left out.
    async fn answers_to(&self, asked: &Asked) -> Result<(Known, Vec<Error>), Error> {
        let Asked { uuids, names, users, numbers } = asked;
        let mut union = Union::of(self.backend());
        if !uuids.is_empty() {
            union.characters(Answers::Uuid, "uuid", Keys::of_uuids(uuids));
        }
        if !names.is_empty() {
            union.characters(Answers::Name, "name_key", Keys::of_texts(names));
        }
        if !users.is_empty() {
            union.characters(Answers::User, "user_uuid", Keys::of_uuids(users));
        }
        if !numbers.is_empty() {
            union.characters(Answers::Number, "id", Keys::of_characters(numbers));
            union.owners(Keys::of_characters(numbers));
        }
        let Union { selects, values, .. } = union;
        let (mut known, mut unreadable) = (Known::default(), Vec::new());
        if selects.is_empty() {
            return Ok((known, unreadable));
        }
        for row in &self.rows(selects.join(" union all "), values).await? {
            unreadable.extend(known.add(&mut Cursor::new(row, "characters")).err());
        }
        Ok((known, unreadable))
    }

    /// Who has a name, by its key (`Name::key`), soft-deleted characters included.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn holder_of(
        &self,
        tenant: TenantId,
        name: Box<str>,
    ) -> Result<Option<CharacterId>, Error> {
        let asked = Asked { names: vec![(tenant, name)], ..Asked::default() };
        let (known, mut unreadable) = self.answers_to(&asked).await?;
        match unreadable.pop() {
            // Not free, whoever has it.
            Some(error) => Err(error),
            None => Ok(known.holders.first().map(|(_, holder)| *holder)),
        }
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

    /// The characters of any tenant that have a UUID: one, unless somebody gave it twice.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn keys_of(&self, uuid: Uuid) -> Result<Vec<CharacterKey>, Error> {
        let sql = "select tenant, id from characters where uuid = $1 order by tenant";
        let rows = self.rows(sql.to_owned(), vec![uuid.into()]).await?;
        rows.iter().map(|row| key(&mut Cursor::new(row, "characters"))).collect()
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
    /// stored, those of owners of pets included, every one reserved before, and `seen`. Those not
    /// used are lost.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when they would pass `u32::MAX - 1`; then none is taken. See
    /// [`Error`].
    pub async fn reserve_character_numbers(
        &self,
        tenant: TenantId,
        count: u32,
        seen: Option<CharacterId>,
    ) -> Result<Range<u32>, Error> {
        const EXHAUSTED: Error = Error::Exhausted { counter: "character_numbers" };
        let greatest = self.backend().greatest();
        let next = format!("{greatest}(n.last_number + $2, excluded.last_number)");
        // One statement: two that reserve at once wait for each other at the row.
        let sql = format!(
            "insert into character_numbers as n (tenant, last_number) \
             select $1, s.last_stored + $2 from (select {greatest}( \
                 (select coalesce(max(id), 0) from characters where tenant = $1), \
                 (select coalesce(max(owner), 0) from pets where tenant = $1), $4) \
                 as last_stored) as s \
             where s.last_stored + $2 <= $3 \
             on conflict (tenant) do update set last_number = {next} where {next} <= $3 \
             returning last_number"
        );
        let values = vec![
            tenant.0.into(),
            i64::from(count).into(),
            i64::from(MAX_NUMBER).into(),
            i64::from(seen.map_or(0, |seen| seen.0)).into(),
        ];
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

impl Union {
    fn of(backend: Backend) -> Self {
        Self { backend, selects: Vec::new(), values: Vec::new() }
    }

    /// The characters whose `column` is one of the keys.
    fn characters(&mut self, answers: Answers, column: &str, keys: Keys) {
        let select = format!(
            "select {}, c.tenant, c.id, c.uuid, c.name_key, c.user_uuid, c.slot_number, \
             c.deleted_at is not null, c.selected_session is not null, c.session_id is not null \
             from {} join characters c on {} and c.{column} = k.id",
            answers as u8,
            keys.relation(self.backend, self.values.len() + 1),
            match answers {
                Answers::Number => "c.tenant = k.tenant",
                _ => FOUND_BY_ANOTHER,
            },
        );
        self.add(select, keys);
    }

    /// The owners of pets that are among the keys.
    fn owners(&mut self, keys: Keys) {
        let select = format!(
            "select {}, p.tenant, p.owner, null, null, null, null, false, false, false \
             from {} join pets p on p.tenant = k.tenant and p.owner = k.id",
            Answers::Number as u8,
            keys.relation(self.backend, self.values.len() + 1),
        );
        self.add(select, keys);
    }

    fn add(&mut self, select: String, keys: Keys) {
        self.selects.push(select);
        self.values.extend(keys.into_values(self.backend));
    }
}

impl Known {
    /// Adds a row of a [`Union`].
    fn add(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        let answers: i32 = cursor.take()?;
        let CharacterKey { tenant, character } = key(cursor)?;
        if answers == Answers::Number as i32 {
            self.stored.push(CharacterKey { tenant, character });
            return Ok(());
        }
        let uuid = cursor.take()?;
        let name: Option<String> = cursor.take()?;
        let user = cursor.take()?;
        if answers == Answers::Uuid as i32 {
            self.numbers.push(((tenant, uuid), character));
        } else if answers == Answers::Name as i32 {
            self.holders.extend(name.map(|name| ((tenant, name.into()), character)));
        } else {
            self.users.push(UsersCharacter {
                tenant,
                user,
                character,
                slot: cursor.optional::<i16, _>("slot_number")?,
                is_deleted: cursor.take()?,
                is_selected: cursor.take()?,
                is_online: cursor.take()?,
            });
        }
        Ok(())
    }
}

fn key(cursor: &mut Cursor<'_>) -> Result<CharacterKey, Error> {
    let tenant = decode::tenant_id(cursor)?;
    Ok(CharacterKey { tenant, character: decode::character_id(cursor, "id")? })
}
