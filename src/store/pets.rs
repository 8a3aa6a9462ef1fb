//! Pets as the pets API reads them.

use uuid::Uuid;

use super::Store;
use super::decode::{self, Cursor};
use super::error::Error;
use super::keys::bound;
use crate::domain::pet::Pet;
use crate::domain::{CharacterId, CharacterKey, PetKey};

impl Store {
    /// One pet and its owner.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pet(&self, key: PetKey) -> Result<Option<(CharacterId, Pet)>, Error> {
        let sql = format!(
            "select p.owner, {} from pets p where p.tenant = $1 and p.id = $2",
            decode::pet_columns(self.backend())
        );
        let values = vec![key.tenant.0.into(), i64::from(key.pet.0).into()];
        let rows = self.rows(sql, values).await?;
        let pet = rows.first().map(|row| {
            let mut cursor = Cursor::new(row, "pets");
            Ok((decode::character_id(&mut cursor, "owner")?, decode::pet(&mut cursor)?))
        });
        pet.transpose()
    }

    /// The user a character belongs to; none if there is no such character, or if it belongs
    /// to nobody yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn user_of(&self, character: CharacterKey) -> Result<Option<Uuid>, Error> {
        let sql = "select c.user_uuid from characters c where c.tenant = $1 and c.id = $2";
        let key = vec![character.tenant.0.into(), i64::from(character.character.0).into()];
        let rows = self.rows(sql.to_owned(), key).await?;
        let user = rows.first().map(|row| Cursor::new(row, "characters").take::<Uuid>());
        Ok(user.transpose()?.filter(|user| !user.is_nil()))
    }

    /// How many pets a character owns, and one page of them by ascending id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pets_of(
        &self,
        owner: CharacterKey,
        offset: u64,
        limit: u64,
    ) -> Result<(u64, Vec<Pet>), Error> {
        let key = [owner.tenant.0.into(), i64::from(owner.character.0).into()];
        let sql = "select count(*) from pets where tenant = $1 and owner = $2";
        let total = self.count(sql.to_owned(), key.to_vec()).await?;
        if offset >= total {
            return Ok((total, Vec::new()));
        }
        let sql = format!(
            "select {} from pets p where p.tenant = $1 and p.owner = $2 \
             order by p.id limit $3 offset $4",
            decode::pet_columns(self.backend())
        );
        let mut values = key.to_vec();
        values.extend([bound(limit), bound(offset)]);
        let rows = self.rows(sql, values).await?;
        let pets = rows.iter().map(|row| decode::pet(&mut Cursor::new(row, "pets")));
        Ok((total, pets.collect::<Result<_, _>>()?))
    }
}
