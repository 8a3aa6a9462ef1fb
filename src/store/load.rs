//! Reading characters with their pets, for the actors that own them.

use std::collections::HashMap;
use std::ops::Range;

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::Store;
use super::decode::{self, Cursor, TENANT_COLUMNS};
use super::error::Error;
use super::keys::{Keys, bound};
use super::work::Source;
use crate::domain::character::Character;
use crate::domain::pet::Pet;
use crate::domain::{CharacterId, CharacterKey, PetId, PetKey, Tenant};

/// What is stored of one character.
#[derive(Clone, PartialEq, Debug)]
pub struct Stored {
    pub key: CharacterKey,
    /// As the tenant's latest committed input named it.
    pub tenant: Option<Tenant>,
    /// None when only its pets were ever seen.
    pub character: Option<Character>,
    /// By ascending id.
    pub pets: Vec<Pet>,
}

impl Store {
    /// The owners of pets, in no particular order; a pet that is not stored is absent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn owners_of(&self, pets: &[PetKey]) -> Result<Vec<(PetKey, CharacterId)>, Error> {
        if pets.is_empty() {
            return Ok(Vec::new());
        }
        let backend = self.backend();
        let keys = Keys::of_pets(pets);
        let sql = format!(
            "select p.tenant, p.id, p.owner from {} \
             join pets p on p.tenant = k.tenant and p.id = k.id",
            keys.relation(backend, 1)
        );
        let rows = self.rows(sql, keys.into_values(backend)).await?;
        rows.iter()
            .map(|row| {
                let mut cursor = Cursor::new(row, "pets");
                let tenant = decode::tenant_id(&mut cursor)?;
                let pet = PetId(cursor.number::<i64, _>("id")?);
                Ok((PetKey { tenant, pet }, decode::character_id(&mut cursor, "owner")?))
            })
            .collect()
    }

    /// Reads characters with their pets, with two queries whatever their number. `keys` are
    /// distinct; one of which nothing is stored is absent from the answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn load(&self, keys: &[CharacterKey]) -> Result<Vec<Stored>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let backend = self.backend();
        let relation = Keys::of_characters(keys).relation(backend, 1);
        let characters = format!(
            "select k.tenant, k.id, {TENANT_COLUMNS}, {} from {relation} \
             left join tenants t on t.id = k.tenant \
             left join characters c on c.tenant = k.tenant and c.id = k.id",
            decode::character_columns(backend),
        );
        let pets = format!(
            "select p.tenant, p.owner, {} from {relation} \
             join pets p on p.tenant = k.tenant and p.owner = k.id",
            decode::pet_columns(backend),
        );
        let values = || Keys::of_characters(keys).into_values(backend);
        // Both to their end, whatever becomes of the other.
        let (characters, pets) =
            tokio::join!(self.rows(characters, values()), self.rows(pets, values()));
        let mut stored = with_pets(&characters?, &pets?)?;
        stored.retain(|stored| stored.character.is_some() || !stored.pets.is_empty());
        Ok(stored)
    }

    /// One page of the characters of a shard that are online, by ascending key: those after
    /// `after`, at most `limit`. An empty page is the end.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn online(
        &self,
        shard: &str,
        after: Option<CharacterKey>,
        limit: u64,
    ) -> Result<Vec<CharacterKey>, Error> {
        let mut values: Vec<Value> = vec![shard.into(), bound(limit)];
        let mut beyond = "";
        if let Some(CharacterKey { tenant, character }) = after {
            values.extend([tenant.0.into(), i64::from(character.0).into()]);
            beyond = "and (c.tenant, c.id) > ($3, $4)";
        }
        let sql = format!(
            "select c.tenant, c.id from characters c \
             where c.shard = $1 and c.session_id is not null {beyond} \
             order by c.tenant, c.id limit $2"
        );
        let rows = self.rows(sql, values).await?;
        rows.iter()
            .map(|row| {
                let mut cursor = Cursor::new(row, "characters");
                let tenant = decode::tenant_id(&mut cursor)?;
                Ok(CharacterKey { tenant, character: decode::character_id(&mut cursor, "id")? })
            })
            .collect()
    }

    /// Where reading goes on in each partition of the shard's topics.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sources(&self, shard: &str) -> Result<Vec<Source>, Error> {
        let sql = "select topic, partition, next_offset from sources \
                   where shard = $1 order by topic, partition";
        let rows = self.rows(sql.to_owned(), vec![shard.into()]).await?;
        rows.iter()
            .map(|row| {
                let mut cursor = Cursor::new(row, "sources");
                Ok(Source {
                    topic: cursor.take::<String>()?.into(),
                    partition: cursor.take()?,
                    next_offset: cursor.take()?,
                })
            })
            .collect()
    }

    /// Takes `count` pet ids out of circulation. Those not used are lost.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when they no longer fit 32 bits; see [`Error`].
    pub async fn reserve_pet_ids(&self, count: u32) -> Result<Range<i64>, Error> {
        const COUNTER: &str = "pet_ids";
        let sql = "update counters set value = value + $1 where name = $2 returning value";
        let values = vec![i64::from(count).into(), COUNTER.into()];
        let statement = self.statement(sql.to_owned(), values);
        let row = self
            .sideline()
            .run(|connection| async move { connection.query_one_raw(statement).await })
            .await?;
        let last: i64 = match row {
            Some(row) => row.try_get_by_index(0)?,
            None => return Err(Error::Exhausted { counter: COUNTER }),
        };
        match u32::try_from(last) {
            Ok(_) => Ok(last - i64::from(count) + 1..last + 1),
            Err(_) => Err(Error::Exhausted { counter: COUNTER }),
        }
    }
}

/// Reads `tenant, id`, the tenant's columns and the character's of each row; and of the pets'
/// rows `tenant, owner` and a pet's columns.
fn with_pets(characters: &[QueryResult], pets: &[QueryResult]) -> Result<Vec<Stored>, Error> {
    let mut stored = Vec::with_capacity(characters.len());
    for row in characters {
        let mut cursor = Cursor::new(row, "characters");
        let tenant = decode::tenant_id(&mut cursor)?;
        let key = CharacterKey { tenant, character: decode::character_id(&mut cursor, "id")? };
        let tenant = decode::tenant(&mut cursor, tenant)?;
        let character = decode::character(&mut cursor)?;
        stored.push(Stored { key, tenant, character, pets: Vec::new() });
    }
    let position: HashMap<CharacterKey, usize> =
        stored.iter().enumerate().map(|(index, stored)| (stored.key, index)).collect();
    for row in pets {
        let mut cursor = Cursor::new(row, "pets");
        let tenant = decode::tenant_id(&mut cursor)?;
        let character = decode::character_id(&mut cursor, "owner")?;
        if let Some(index) = position.get(&CharacterKey { tenant, character }) {
            stored[*index].pets.push(decode::pet(&mut cursor)?);
        }
    }
    for stored in &mut stored {
        stored.pets.sort_unstable_by_key(|pet| pet.id);
    }
    Ok(stored)
}
