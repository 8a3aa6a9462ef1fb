//! The subjects, and the operation behind each.

use chrono::Utc;

use crate::domain::CharacterId;
use crate::edge::http::error::Error;
use crate::edge::operations::body::Body;
use crate::edge::operations::characters::Listing;
use crate::edge::operations::pets::body::{self as pets, Creation};
use crate::edge::operations::{Call, Operations};
use crate::engine::request::Rendered;

/// What can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    Create,
    Get,
    List,
    CheckName,
    Patch,
    Delete,
    Restore,
    Select,
    Online,
    Offline,
    /// Where a character is, or is to be.
    Position,
    Stats,
    Allocate,
    Experience,
    /// How a character looks, or is to look.
    Appearance,
    /// What was published about a character.
    Events,
    GetPet,
    ListPets,
    CreatePet,
    RenamePet,
    DeletePet,
}

impl Verb {
    pub const ALL: [Self; 21] = [
        Self::Create,
        Self::Get,
        Self::List,
        Self::CheckName,
        Self::Patch,
        Self::Delete,
        Self::Restore,
        Self::Select,
        Self::Online,
        Self::Offline,
        Self::Position,
        Self::Stats,
        Self::Allocate,
        Self::Experience,
        Self::Appearance,
        Self::Events,
        Self::GetPet,
        Self::ListPets,
        Self::CreatePet,
        Self::RenamePet,
        Self::DeletePet,
    ];

    /// Below `menagerie.`.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Create => "characters.create",
            Self::Get => "characters.get",
            Self::List => "characters.list",
            Self::CheckName => "characters.check-name",
            Self::Patch => "characters.patch",
            Self::Delete => "characters.delete",
            Self::Restore => "characters.restore",
            Self::Select => "characters.select",
            Self::Online => "characters.online",
            Self::Offline => "characters.offline",
            Self::Position => "characters.position",
            Self::Stats => "characters.stats",
            Self::Allocate => "characters.stats.allocate",
            Self::Experience => "characters.experience",
            Self::Appearance => "characters.appearance",
            Self::Events => "characters.events",
            Self::GetPet => "pets.get",
            Self::ListPets => "pets.list",
            Self::CreatePet => "pets.create",
            Self::RenamePet => "pets.rename",
            Self::DeletePet => "pets.delete",
        }
    }

    pub async fn perform(
        self,
        api: &Operations,
        call: &Call,
        bytes: &[u8],
    ) -> Result<Rendered, Error> {
        match self {
            Self::Create => api.create(call, Body::parse(bytes)?).await,
            Self::List => api.list(call, listing(Body::parse(bytes)?)?).await,
            Self::CheckName => {
                let mut body = Body::parse(bytes)?;
                let name: String = body.required("name")?;
                body.end()?;
                api.check_name(call, &name).await
            }
            Self::GetPet => api.pet(call, pets::pet(bytes)?).await,
            Self::ListPets => {
                let (owner, page) = pets::listing(bytes)?;
                api.pets_of(call, owner, page, &path_of_pets(owner)).await
            }
            Self::CreatePet => {
                let catalog = api.game().catalog.load();
                let creation = Creation::of_attributes(bytes, &catalog, Utc::now())?;
                api.create_pet(call, creation).await
            }
            Self::RenamePet => {
                let (pet, name) = pets::renaming(bytes)?;
                api.rename_pet(call, pet, name).await
            }
            Self::DeletePet => api.delete_pet(call, pets::pet(bytes)?).await,
            _ => self.of_a_character(api, call, Body::parse(bytes)?).await,
        }
    }

    /// The body names the character beside what the operation wants to know.
    async fn of_a_character(
        self,
        api: &Operations,
        call: &Call,
        mut body: Body,
    ) -> Result<Rendered, Error> {
        let id = body.character()?;
        match self {
            Self::Patch => api.patch(call, id, body).await,
            Self::Delete => match body.optional("permanent")?.unwrap_or(false) {
                true => api.purge(call, id, body).await,
                false => api.delete(call, id, body).await,
            },
            Self::Restore => api.restore(call, id, body).await,
            Self::Select => api.select(call, id, body).await,
            Self::Online => api.online(call, id, body).await,
            Self::Offline => api.offline(call, id, body).await,
            Self::Position if body.is_empty() => api.position(call, id).await,
            Self::Position => api.reposition(call, id, body).await,
            Self::Stats => {
                body.end()?;
                api.stats(call, id).await
            }
            Self::Allocate => api.allocate(call, id, body).await,
            Self::Experience => api.experience(call, id, body).await,
            Self::Appearance if body.is_empty() => api.appearance(call, id).await,
            Self::Appearance => api.dress(call, id, body).await,
            Self::Events => {
                let after_seq = body.optional("after_seq")?.unwrap_or(0);
                let limit = body.optional("limit")?;
                body.end()?;
                api.events(call, id, after_seq, limit).await
            }
            _ => {
                body.end()?;
                api.get(call, id).await
            }
        }
    }
}

fn listing(mut body: Body) -> Result<Listing, Error> {
    let listing = Listing {
        user: body.optional("user_id")?,
        include_deleted: body.optional("include_deleted")?.unwrap_or(false),
        cursor: body.optional("cursor")?,
        limit: body.optional("limit")?,
    };
    body.end()?;
    Ok(listing)
}

/// The links of a list lead to the same pages over HTTP.
fn path_of_pets(owner: CharacterId) -> String {
    format!("/api/characters/{owner}/pets")
}
