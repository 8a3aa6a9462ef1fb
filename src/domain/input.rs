//! Everything that can be put to an owner.

use chrono::{DateTime, Utc};

use super::character;
use super::ids::PetId;
use super::pet;

/// One input of a round.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A pet command from Kafka.
    Command(pet::Command),
    /// A character status event from Kafka.
    Status(character::Status),
    /// An asset status event about a pet item from Kafka.
    Asset(character::Asset),
    /// A request over HTTP or NATS.
    Request(Request),
    /// Hunger or an expiration is due at `Context::now`.
    Tick,
}

/// What is asked for over HTTP and NATS. Already validated; the owner still decides.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// `id` was drawn from the database's sequence beforehand.
    CreatePet(Box<NewPet>),
    /// `name` is 4..=12 characters, trimmed.
    RenamePet {
        pet: PetId,
        name: Box<str>,
    },
    DeletePet {
        pet: PetId,
    },
    Character(Box<character::request::Request>),
}

/// A pet to be created, with every default already applied. Its slot is always -1.
#[derive(Clone, PartialEq, Debug)]
pub struct NewPet {
    pub id: PetId,
    pub template_id: u32,
    pub cash_id: u64,
    pub name: Box<str>,
    pub level: u8,
    pub closeness: u16,
    pub fullness: u8,
    pub expiration: Option<DateTime<Utc>>,
    pub flag: u16,
    pub purchase_by: u32,
    pub excludes: Box<[u32]>,
    pub asset: Option<pet::Asset>,
}

impl Input {
    /// The command label in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Command(command) => command.order.name(),
            Self::Status(status) => status.change.name(),
            Self::Asset(asset) => match asset.change {
                character::AssetChange::Recorded { .. } => "ASSET_RECORDED",
                character::AssetChange::Moved { .. } => "ASSET_MOVED",
                character::AssetChange::Deleted => "ASSET_DELETED",
            },
            Self::Request(Request::CreatePet(_)) => "CREATE_PET",
            Self::Request(Request::RenamePet { .. }) => "RENAME_PET",
            Self::Request(Request::DeletePet { .. }) => "DELETE_PET",
            Self::Request(Request::Character(request)) => request.action.name(),
            Self::Tick => "TICK",
        }
    }
}
